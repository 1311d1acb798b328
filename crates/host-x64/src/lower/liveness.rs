//! What comes after each operation: who needs the flags, which slots are written again before anybody
//! could see them in their homes, and which operation is the last to mention a temporary. One pass
//! backwards over the block; three where it loops to its own start.

use ir::{Block, ExitKind, Op, OpCode};

/// Who needs the flags: nobody.
pub(super) const NOBODY: u8 = 0;
/// Whoever looks at the guest after a fault of an operation.
pub(super) const FAULT: u8 = 1;
/// An operation, or whoever looks at an exit.
pub(crate) const READER: u8 = 2 | FAULT;

/// The operation is the last to mention a temporary.
const LAST_USE: u8 = 0x80;
/// The slot that the operation writes is written again before anybody could see it in its home.
const REPLACED: u8 = 0x40;
/// Where the label is has been seen.
const SEEN: u8 = 1;
/// A branch from below leads to the label, or one that compares.
const MIXED: u8 = 2;
/// Only those slots can be [`REPLACED`]; helpers may look at others.
const REPLACEABLE: u16 = 32;

/// What is known of a block's operations from those that follow.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    /// Of each operation: who needs the flags before it, [`LAST_USE`], [`REPLACED`]. One more entry
    /// for the end.
    before: Vec<u8>,
    /// Who needs the flags at each label.
    labels: Vec<u8>,
    /// Which labels something else leads to than branches from above that leave the host's flags alone:
    /// [`SEEN`], [`MIXED`].
    ways: Vec<u8>,
    /// Who needs the flags at the block's start, if it loops to there.
    start: u8,
    temps: Vec<Use>,
}

/// The use of a temporary.
#[derive(Clone, Copy, Debug)]
struct Use {
    /// Index of the last operation that mentions it.
    last: u32,
    /// A vector (else an integer).
    vector: bool,
}

impl Liveness {
    /// Finds all of it for `block`.
    pub(super) fn analyse(&mut self, block: &Block) {
        self.temps.clear();
        self.temps.resize(block.temps.into(), Use { last: 0, vector: false });
        self.before.clear();
        self.before.resize(block.ops.len() + 1, NOBODY);
        self.labels.resize(block.labels.into(), READER);
        self.ways.resize(block.labels.into(), 0);
        self.start = NOBODY;
        let start = self.pass_backwards::<true>(block);
        if start > NOBODY && (1..=block.exits.len()).any(|n| is_loop(block, -(n as i32))) {
            // From below, until it does not change.
            self.start = start;
            self.start = self.start.max(self.pass_backwards::<false>(block));
            self.pass_backwards::<false>(block);
        }
    }
    /// Who needs the flags where, and the first time where temporaries are used last; gives who
    /// needs the flags at the start.
    fn pass_backwards<const FIRST: bool>(&mut self, block: &Block) -> u8 {
        // Those not seen yet by the backward pass: of backward branches.
        self.labels.fill(READER);
        self.ways.fill(0);
        let mut needs = core::mem::take(&mut self.before);
        let mut live = READER;
        let (ops, before) = (&block.ops[..], &mut needs[..block.ops.len()]);
        let temps = FIRST && block.temps != 0;
        // Slots that are written further on, before anybody could see them.
        let mut replaced = 0u32;
        for i in (0..ops.len()).rev() {
            let op = &ops[i];
            let rule = NEEDS[op.code as usize];
            live = live & rule.keep | rule.least;
            match rule.control {
                Control::None => {}
                Control::Label => {
                    self.labels[op.imm as usize] = live;
                    self.ways[op.imm as usize] |= SEEN;
                }
                Control::Branch => {
                    live |= self.at_dest(block, op.imm);
                    self.note_way(op);
                }
                Control::Condition => self.note_way(op),
            }
            let last = match FIRST {
                true if temps && op.mentions_temps() => self.last_uses(op, i as u32),
                true => 0,
                false => before[i] & (LAST_USE | REPLACED),
            };
            before[i] = live | last;
            if FIRST {
                if op.dst.0 < REPLACEABLE {
                    before[i] |= (replaced >> op.dst.0 & 1) as u8 * REPLACED;
                    replaced |= 1 << op.dst.0;
                }
                replaced &= rule.unseen;
            }
        }
        self.before = needs;
        live
    }
    /// Notes how branch `op` leads to its label, if it does not leave.
    fn note_way(&mut self, op: &Op) {
        if let Ok(n) = usize::try_from(op.imm) {
            let keeps = matches!(op.code, OpCode::Br | OpCode::BrCond);
            if !keeps || self.ways[n] & SEEN == 0 {
                self.ways[n] |= MIXED;
            }
        }
    }
    /// Whether only branches from above lead to label `n` that leave the host's flags as they are.
    pub(super) fn host_flags_reach(&self, n: i32) -> bool {
        self.ways[n as usize] & MIXED == 0
    }
    /// Notes which temporaries operation `at` is the last to mention; [`LAST_USE`] if there are any.
    fn last_uses(&mut self, op: &Op, at: u32) -> u8 {
        let mut bit = 0;
        for r in [op.a, op.b, op.c, op.dst] {
            if let Some(t) = r.as_temp()
                && let temp = &mut self.temps[t as usize]
                && temp.last == 0
            {
                temp.last = at;
                bit = LAST_USE;
            }
        }
        if let Some(t) = op.dst.as_temp() {
            self.temps[t as usize].vector = op.result_is_vector();
        }
        bit
    }
    /// Who needs the flags before operation `at`.
    #[inline]
    pub(super) fn before(&self, at: usize) -> u8 {
        self.before[at] & READER
    }
    /// Who needs the flags after operation `at`.
    #[inline]
    pub(super) fn after(&self, at: usize) -> u8 {
        self.before[at + 1] & READER
    }
    /// Who needs the flags at label `n`.
    pub(super) fn at_label(&self, n: i32) -> u8 {
        self.labels[n as usize]
    }
    /// Who needs the flags at the block's start.
    pub(super) fn at_start(&self) -> u8 {
        self.start
    }
    /// Who needs the flags at a branch destination.
    pub(super) fn at_dest(&self, block: &Block, dest: i32) -> u8 {
        if dest >= 0 {
            self.labels[dest as usize]
        } else if block.exits[(-1 - dest) as usize].flags_dead {
            NOBODY
        } else if is_loop(block, dest) {
            self.start
        } else {
            READER
        }
    }
    /// Whether operation `at` is the last to mention a temporary.
    #[inline]
    pub(super) fn is_last_use(&self, at: usize) -> bool {
        self.before[at] & LAST_USE != 0
    }
    /// Whether the slot that operation `at` writes is written again before anybody could see its home.
    #[inline]
    pub(super) fn is_replaced(&self, at: usize) -> bool {
        self.before[at] & REPLACED != 0
    }
    /// Index of the last operation that mentions temporary `t`.
    #[inline]
    pub(super) fn last_use(&self, t: u16) -> u32 {
        self.temps[t as usize].last
    }
    /// Whether temporary `t` is a vector.
    #[inline]
    pub(super) fn is_vector(&self, t: u16) -> bool {
        self.temps[t as usize].vector
    }
}

/// Whether a branch destination is the block's own start.
pub(super) fn is_loop(block: &Block, dest: i32) -> bool {
    dest < 0 && {
        let exit = block.exits[(-1 - dest) as usize];
        exit.pc == block.pc && exit.kind == ExitKind::Jump
    }
}

/// Whether a fault of `code` shows the flags to the guest. Floating-point operations only leave to
/// the evaluator, which then goes on: flags that nothing reads afterwards do not matter. Nor do they
/// in the frame of a signal that arrives at a poll: it may have arrived at any other instruction.
const fn shows_flags(code: OpCode) -> bool {
    code.may_fault() && !code.is_float() && !matches!(code, OpCode::Vec | OpCode::Poll)
}

/// What an operation means for who needs the flags before it.
#[derive(Clone, Copy)]
struct Need {
    /// Mask of those that need them after it and still do before it.
    keep: u8,
    /// Who needs them at least.
    least: u8,
    control: Control,
    /// All if nobody sees the slots in their homes there.
    unseen: u32,
}

#[derive(Clone, Copy)]
enum Control {
    None,
    Label,
    /// A branch that needs them itself.
    Condition,
    /// Also who needs them at the destination.
    Branch,
}

/// By operation.
const NEEDS: [Need; OpCode::ALL.len()] = {
    let mut needs =
        [Need { keep: READER, least: 0, control: Control::None, unseen: 0 }; OpCode::ALL.len()];
    let mut n = 0;
    while n < needs.len() {
        let (code, need) = (OpCode::ALL[n], &mut needs[n]);
        let goes = matches!(
            code,
            OpCode::Label | OpCode::Br | OpCode::BrCond | OpCode::BrCmp | OpCode::BrBit
        );
        if !goes && !code.may_fault() && !code.ends_block() {
            need.unseen = u32::MAX;
        }
        match code {
            OpCode::Label => need.control = Control::Label,
            OpCode::BrCond => (need.control, need.least) = (Control::Condition, READER),
            OpCode::BrCmp | OpCode::BrBit => need.control = Control::Branch,
            OpCode::Br | OpCode::ExitDirect => {
                (need.keep, need.control) = (0, Control::Branch);
            }
            _ if code.reads_flags() || code.ends_block() => need.least = READER,
            _ => {
                need.keep = if code.writes_flags() { 0 } else { READER };
                need.least = if shows_flags(code) { FAULT } else { 0 };
            }
        }
        n += 1;
    }
    needs
};
