//! What the translation of a block has in common for all guests: labels, exits, the way from one
//! instruction to the next.

use crate::Mode;
use ir::state::TRAP_UNDEFINED;
use ir::{Block, Builder, ExitKind, OpCode};

/// Most instructions in a block: one bit each in [`Targets`].
pub const BLOCK_INSNS_MAX: usize = 64;
/// The instructions of a block start in one page, so that one page's protection decides for all of
/// them but the end of the last one.
pub const BLOCK_PAGE: u64 = 4096;

/// What an instruction's function tells the translator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// Translated; the next instruction follows.
    Next,
    /// The encoding is undefined or reserved; what was appended for it is taken back.
    Undefined,
    /// Translated; the last operation ends the block.
    End,
}

/// Instructions of a block to which its own direct branches lead: bit n, but for n = 0, is instruction
/// n. Each has a label, numbered from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Targets(pub u64);

impl Targets {
    /// Whether instruction `n` is one.
    pub const fn has(self, n: usize) -> bool {
        n < BLOCK_INSNS_MAX && self.0 >> n & 1 != 0
    }
    /// The label of instruction `n`, if it has one.
    #[inline]
    pub const fn label_of(self, n: usize) -> Option<i32> {
        if self.has(n) {
            return Some((self.0 & ((1 << n) - 1)).count_ones() as i32);
        }
        None
    }
    /// The instruction of a label.
    fn instruction_of(self, label: i32) -> usize {
        let mut rest = self.0;
        for _ in 0..label {
            rest &= rest - 1;
        }
        rest.trailing_zeros() as usize
    }
    /// Those of the first `insns` instructions.
    pub const fn of_first(self, insns: usize) -> Self {
        if insns < BLOCK_INSNS_MAX { Self(self.0 & ((1 << insns) - 1)) } else { self }
    }
    /// Whether an unconditional branch of instruction `n` to instruction `target` just skips code of the
    /// same block that an earlier branch leads to, as at the end of the first arm of an if-else: the
    /// block goes on there.
    pub const fn over_reachable(self, n: usize, target: usize) -> bool {
        target > n + 1 && target < BLOCK_INSNS_MAX && self.has(n + 1)
    }
}

/// A translator of blocks.
pub trait Translate<'a> {
    /// Where operations are appended.
    fn ir(&mut self) -> &mut Builder<'a>;
    /// Where the block's own branches lead.
    fn targets(&self) -> Targets;
    /// Where instruction `n` starts, or where the last one ends, in bytes from the block's start.
    fn offset(&self, n: usize) -> u32;
    /// Registers an exit.
    fn exit_to(&mut self, pc: u64, kind: ExitKind) -> i32;
    /// Branches of this block come together with what precedes instruction `n`: what is known of the
    /// state from the previous instructions is not known any more.
    fn joins(&mut self, n: usize) {
        let _ = n;
    }
    /// Appends the operations of instruction `n`.
    fn instruction(&mut self, n: usize) -> Flow;
}

/// Where the labels of a block are: those of `targets`, but none if it is for the evaluator.
pub fn labels(block: &mut Block, targets: Targets, mode: Mode) -> Targets {
    let targets = if mode.evaluated() { Targets::default() } else { targets };
    block.labels = targets.0.count_ones() as u16;
    targets
}

/// Translates up to `insns` instructions, which are at least one, and ends the block.
#[inline]
pub fn translate<'a, T: Translate<'a>>(t: &mut T, insns: usize) {
    let mut n = 0;
    let mut ended = false;
    while n < insns && !ended {
        if let Some(label) = t.targets().label_of(n) {
            t.ir().place(label);
            t.joins(n);
        }
        let offset = t.offset(n);
        t.ir().insn(offset);
        let block = &t.ir().block;
        let (ops, exits) = (block.ops.len(), block.exits.len());
        let flow = t.instruction(n);
        n += 1;
        if flow == Flow::Undefined {
            let ir = t.ir();
            ir.block.ops.truncate(ops);
            ir.block.exits.truncate(exits);
            ir.trap(TRAP_UNDEFINED, 0);
        }
        ended = flow != Flow::Next;
    }
    let end = t.offset(n);
    if !ended {
        let pc = t.ir().block.pc.wrapping_add(u64::from(end));
        let dest = t.exit_to(pc, ExitKind::Jump);
        t.ir().exit_direct(dest);
    }
    resolve_labels(t, n);
    t.ir().block.len = end;
}

/// Turns branches to labels that were never placed into exits: the block ended before them.
fn resolve_labels<'a, T: Translate<'a>>(t: &mut T, insns: usize) {
    let targets = t.targets();
    let placed = targets.of_first(insns);
    if placed == targets {
        return;
    }
    let unplaced = placed.0.count_ones()..targets.0.count_ones();
    let last = t.ir().block.ops.len() - 1;
    for i in 0..=last {
        let op = t.ir().block.ops[i];
        let branch = matches!(op.code, OpCode::Br | OpCode::BrCond | OpCode::BrCmp | OpCode::BrBit);
        if !branch || op.imm < 0 || !unplaced.contains(&(op.imm as u32)) {
            continue;
        }
        let offset = t.offset(targets.instruction_of(op.imm));
        let pc = t.ir().block.pc.wrapping_add(u64::from(offset));
        let dest = t.exit_to(pc, ExitKind::Jump);
        let op = &mut t.ir().block.ops[i];
        op.imm = dest;
        if op.code == OpCode::Br && i == last {
            op.code = OpCode::ExitDirect;
        } else if op.code == OpCode::Br {
            // Only the last operation may leave unconditionally.
            op.code = OpCode::BrCond;
            op.aux = ir::Cond::Al as u16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_numbered_in_order() {
        let targets = Targets(1 << 3 | 1 << 7 | 1 << 63);
        assert_eq!([3, 7, 63].map(|n| targets.label_of(n)), [Some(0), Some(1), Some(2)]);
        assert_eq!([0, 4, 64].map(|n| targets.label_of(n)), [None; 3]);
        assert_eq!([0, 1, 2].map(|label| targets.instruction_of(label)), [3, 7, 63]);
        assert_eq!((targets.of_first(7), targets.of_first(64)), (Targets(1 << 3), targets));
        assert!(targets.over_reachable(2, 9) && !targets.over_reachable(2, 3));
        assert!(!targets.over_reachable(3, 9) && !targets.over_reachable(62, 64));
    }
}
