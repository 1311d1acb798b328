//! Lowering a block again without the instructions for which registers run out.

use crate::X64;
use crate::emit::{Emit, Label};
use crate::lower::cold::Cold;
use crate::lower::control::again::Turns;
use crate::lower::flags::{Flags, HostFlags, LabelFlags};
use crate::lower::float::canonical::Boxes;
use crate::lower::liveness::Liveness;
use crate::lower::values::Values;
use crate::lower::widths::Widths;
use crate::lower::{Lower, NO_SKIP};
use core::cell::Cell;
use host::Code;
use ir::{Block, Op, OpCode, Ty};

/// Instead of an instruction's offset: the whole block.
const WHOLE: u32 = u32::MAX;

/// What is kept from block to block to save allocations.
#[derive(Default, Debug)]
struct Buffers {
    emit: Emit,
    live: Liveness,
    values: Values,
    labels: Vec<Label>,
    cold: Cold,
}

thread_local! {
    static BUFFERS: Cell<Option<Box<Buffers>>> = const { Cell::new(None) };
}

/// How far the lowering of a block has got.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    /// Offsets of instructions that are left to the evaluator.
    given_up: &'a [u32],
    /// Offset of the instruction for which registers have run out: what has been emitted is void.
    stuck: Option<u32>,
}

impl Attempt<'_> {
    /// Whether any instruction is left to the evaluator.
    pub(super) fn leaves_any(&self) -> bool {
        !self.given_up.is_empty()
    }
    /// Whether the whole block is.
    pub(super) fn leaves_all(&self) -> bool {
        self.given_up.contains(&WHOLE)
    }
}

/// Lowers `block` into `code`. Instructions for which registers run out are left to the evaluator:
/// the block is lowered once more for each.
pub(crate) fn lower(host: &X64, block: &Block, first_link: u32, code: &mut Code) {
    let mut given_up = Vec::new();
    while let Err(guest) = attempt(host, block, first_link, code, &given_up) {
        given_up.push(if given_up.contains(&guest) { WHOLE } else { guest });
    }
    code.given_up = given_up.len() as u32;
}

/// Lowers all of `block` but the instructions at the offsets in `given_up`.
///
/// # Errors
/// The offset of an instruction for which there are not enough registers.
fn attempt(
    host: &X64,
    block: &Block,
    first_link: u32,
    code: &mut Code,
    given_up: &[u32],
) -> Result<(), u32> {
    let mut buffers = BUFFERS.take().unwrap_or_default();
    let Buffers { emit, live, values, labels, cold } = &mut *buffers;
    code.clear();
    cold.clear();
    emit.start();
    live.analyse(block);
    values.start(block);
    labels.clear();
    labels.extend((0..block.labels).map(|_| emit.new_label()));
    let mut lower = Lower {
        host,
        block,
        first_link,
        e: emit,
        at: 0,
        op: Op::new(OpCode::Insn, Ty::I64),
        guest: 0,
        skip: NO_SKIP,
        live,
        values,
        labels,
        cold,
        flags: Flags::HOME,
        host_flags: HostFlags::default(),
        label_flags: LabelFlags::default(),
        turns: Turns::default(),
        scans: Vec::new(),
        widths: Widths::default(),
        boxes: Boxes::default(),
        fence_due: false,
        attempt: Attempt { given_up, stuck: None },
        code,
    };
    lower.run();
    let result = lower.attempt.stuck.map_or(Ok(()), Err);
    if result.is_ok() {
        lower.find_addresses();
        lower.code.host_insns = lower.e.finish(&mut lower.code.bytes);
    }
    BUFFERS.set(Some(buffers));
    result
}

impl Lower<'_> {
    /// There is no register left for the current operation. What is emitted after this does not
    /// matter, but it must not fail either.
    pub(crate) fn out_of_registers(&mut self) {
        self.attempt.stuck.get_or_insert(self.guest);
    }
    /// Whether [`Lower::out_of_registers`] has been called.
    pub(crate) fn is_stuck(&self) -> bool {
        self.attempt.stuck.is_some()
    }
    /// Whether no instruction is left to the evaluator, which would see all slots in their homes.
    pub(crate) fn translates_all(&self) -> bool {
        self.attempt.given_up.is_empty()
    }
    /// Leaves the current instruction, which is about to begin, to the evaluator, if that has to
    /// be. It does not come back to what follows.
    pub(super) fn gives_up(&mut self) -> bool {
        let gives_up = self.attempt.given_up.contains(&self.guest);
        if gives_up {
            self.emit_due_fence();
            self.interpret();
            self.unlock();
            self.host_flags.compare = None;
        }
        gives_up
    }
}
