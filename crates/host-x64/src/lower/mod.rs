//! Lowering of a block: one pass backwards for liveness, one forwards that emits.
//!
//! The state is canonical wherever anybody can see it, which is where an operation may fault, branch
//! or leave: a pinned slot is in its register, the others in their homes. `values` moves values,
//! `flags` the condition flags; the folders have the operations. Rare paths go to the unit's end
//! (`cold`).

mod attempt;
mod cold;
pub(crate) mod control;
mod dispatch;
pub(crate) mod flags;
pub(crate) mod float;
mod helper;
mod integer;
mod liveness;
mod memory;
mod moves;
pub(crate) mod values;
mod vector;
mod widths;

use crate::X64;
use crate::emit::{Emit, Label, Size};
use attempt::Attempt;
use cold::Cold;
use control::again::Turns;
use control::scan::ScanCode;
use flags::{Flags, HostFlags, LabelFlags};
use float::canonical::Boxes;
use host::{Code, FaultPoint, FlagsAt};
use ir::state::exit;
use ir::{Block, ExitKind, Modifier, Op, OpCode, Ty};
use liveness::Liveness;
use values::Values;
use widths::Widths;

pub(crate) use attempt::lower;
pub(crate) use helper::arg;

/// A lowering in progress.
#[derive(Debug)]
pub(crate) struct Lower<'a> {
    host: &'a X64,
    block: &'a Block,
    code: &'a mut Code,
    first_link: u32,
    e: &'a mut Emit,
    /// Index of the current operation.
    at: usize,
    /// The current operation.
    op: Op,
    /// Byte offset of the current guest instruction.
    guest: u32,
    /// Operation to skip: done by an earlier one.
    skip: usize,
    /// What comes after each operation.
    live: &'a Liveness,
    /// Where values are.
    values: &'a mut Values,
    /// The block's labels.
    labels: &'a mut Vec<Label>,
    /// What is to be emitted at the unit's end.
    cold: &'a mut Cold,
    /// Where the guest's flags are.
    flags: Flags,
    /// What the host's flags are needed for within the current operation.
    host_flags: HostFlags,
    /// Where the flags are at labels.
    label_flags: LabelFlags,
    /// Where branches to the block's own start go.
    turns: Turns,
    /// Loops that search memory.
    scans: Vec<ScanCode>,
    /// How much of the vector operands counts.
    widths: Widths,
    /// Which values are known to be boxed.
    boxes: Boxes,
    /// A full fence is to come before the next load.
    fence_due: bool,
    /// What is left to the evaluator.
    attempt: Attempt<'a>,
}

/// No operation to skip.
const NO_SKIP: usize = usize::MAX;

impl Lower<'_> {
    /// Finds what depends on where the guest code is: of the 64-bit immediates, those that look
    /// like addresses near it, if nothing else does.
    fn find_addresses(&mut self) {
        let block = self.block;
        if self.code.private || block.unmovable || block.pc < ir::MOVABLE_FROM {
            return;
        }
        let expected = |v: u64| {
            let exits = |e: &ir::Exit| {
                e.pc == v || matches!(e.kind, ExitKind::Call { return_pc } if return_pc == v)
            };
            v.wrapping_sub(block.pc) <= u64::from(block.len)
                || block.consts.contains(&u128::from(v))
                || block.exits.iter().any(exits)
        };
        for (at, v) in self.e.wide_immediates() {
            if ir::near(block.pc, v) {
                if !expected(v) {
                    // Computed of ordinary constants.
                    return self.code.addresses.clear();
                }
                self.code.addresses.push(at);
            }
        }
        self.code.movable = true;
    }
    fn run(&mut self) {
        self.turns();
        self.cold_code();
    }
    #[inline(never)]
    fn operations(&mut self) {
        if self.attempt.leaves_all() {
            return self.interpret();
        }
        let block = self.block;
        let some_given_up = self.attempt.leaves_any();
        let mut gives_up = false;
        self.at = 0;
        self.label_flags = LabelFlags::default();
        // (Through the reference, operations are copied in one piece.)
        for (i, op) in block.ops.iter().enumerate() {
            if op.code == OpCode::Insn {
                self.guest = op.imm as u32;
                if some_given_up {
                    gives_up = self.gives_up();
                }
                continue;
            }
            if self.skip == i || gives_up && op.code != OpCode::Label {
                continue;
            }
            self.at = i;
            self.op = *op;
            if self.fence_due {
                self.fence_before(op.code);
            }
            if self.flags.recipe.is_some()
                && let Some(s) = op.dst.as_slot()
            {
                self.keep_recipe_operand(s);
            }
            if self.flags.in_float_form() && op.code.may_fault() {
                // Fault points cannot describe these.
                self.save_flags();
                self.unlock();
            }
            self.op(*op);
            if self.block.fp.boxed {
                self.boxes.follow(*op);
            }
            self.host_flags.busy = false;
            self.unlock();
            if self.live.is_last_use(i) {
                self.drop_temps();
            }
            if self.need_after() == 0 {
                self.flags.forget();
            }
        }
        if gives_up || !block.ops.get(self.at).is_some_and(|op| op.code.ends_block()) {
            self.e.ud2();
        }
    }
    /// Records that the next host instruction may fault.
    #[inline]
    pub(crate) fn fault(&mut self) {
        let flags = if self.flags.home { FlagsAt::Home } else { self.flags_at() };
        let host = self.e.position();
        self.code.faults.push(FaultPoint { host, guest: self.guest, flags });
    }
    /// Guest address of the current instruction.
    pub(crate) fn pc(&self) -> u64 {
        self.block.pc.wrapping_add(u64::from(self.guest))
    }
    /// Guest address after the block.
    pub(crate) fn next_pc(&self) -> u64 {
        self.block.pc.wrapping_add(u64::from(self.block.len))
    }
    /// `reason` with the length of the current instruction, the last of the block.
    pub(crate) fn with_length(&self, reason: u32) -> u32 {
        exit::with_length(reason, self.block.len - self.guest)
    }
    /// Operand size of an integer operation.
    pub(crate) fn size(op: Op) -> Size {
        if op.ty == Ty::I64 { Size::Q } else { Size::D }
    }
    /// The modifier of operand b.
    pub(crate) fn modifier(op: Op) -> Modifier {
        Modifier::decode(op.aux)
    }
}
