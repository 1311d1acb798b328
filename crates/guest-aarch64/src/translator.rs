//! The translator of one block, and what the instruction functions share.
//!
//! A block has one entry and is at most 64 instructions of straight-line code: it continues past
//! conditional branches and from one arm of an if-else to the other, and ends at everything else
//! that leaves, and at the end of the page. Direct branches to instructions of the same block stay
//! inside it.

use crate::cpu::{Cpu, Features};
use crate::field::{VReg, XSp, XZr};
use crate::{flags, prescan};
use guest::{Fetch, Mode};
use ir::state::TRAP_UNDEFINED;
use ir::{Block, Builder, Cond, Exit, ExitKind, Op, OpCode, Ref, Ty};

/// Most instructions in a block: one bit each in the mask of branch targets.
pub(crate) const BLOCK_INSNS_MAX: usize = 64;
/// Blocks do not cross pages, so that one page's protection decides for all of a block.
const PAGE: u64 = 4096;

/// What an instruction function tells the translator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// Translated; the next instruction follows.
    Next,
    /// The encoding is undefined or reserved; what was appended for it is taken back.
    Undefined,
    /// Translated; the last operation ends the block.
    End,
}

/// Translates one block.
pub struct Translator<'a> {
    /// Where operations are appended.
    pub ir: Builder<'a>,
    /// Guest address of the instruction being translated.
    pub pc: u64,
    /// The processor.
    pub(crate) cpu: &'a Cpu,
    /// Guest code, for the look at the code behind exits, and what is said of its pages.
    pub(crate) fetch: &'a mut dyn Fetch,
    /// Guest address of the first instruction.
    start: u64,
    /// Bit n: the instruction at `start + 4n` is the destination of a branch of this block.
    targets: u64,
    /// For the evaluator (`Mode::single`, `Mode::brief`): nobody asks for the flags at exits.
    evaluated: bool,
    /// Instructions of the block, if it does not end early.
    insns: usize,
    /// It has no loop.
    straight: bool,
}

impl Translator<'_> {
    /// Whether the processor lacks `feature`.
    #[inline]
    pub(crate) fn lacks(&self, feature: Features) -> bool {
        !self.cpu.features.has(feature)
    }
    /// I64 if `sf`, else I32.
    pub fn ty(sf: bool) -> Ty {
        if sf { Ty::I64 } else { Ty::I32 }
    }
    /// A constant (integer, or the low half of a vector).
    pub fn imm(&mut self, v: u64) -> Ref {
        self.ir.iconst(v)
    }
    /// A 128-bit constant.
    pub fn vimm(&mut self, v: u128) -> Ref {
        self.ir.vconst(v)
    }
    /// A general register as a source; 31 is the constant zero.
    pub fn x(&mut self, r: XZr) -> Ref {
        if r.0 == 31 { self.ir.iconst(0) } else { Ref::slot(u16::from(r.0)) }
    }
    /// A general register as a destination; 31 is a fresh temporary that nothing reads.
    pub fn x_out(&mut self, r: XZr) -> Ref {
        if r.0 == 31 { self.ir.temp() } else { Ref::slot(u16::from(r.0)) }
    }
    /// A general register as the destination of an operation that may have none; 31 is none.
    pub fn x_opt(&self, r: XZr) -> Ref {
        if r.0 == 31 { Ref::NONE } else { Ref::slot(u16::from(r.0)) }
    }
    /// A general register or the stack pointer.
    pub fn xsp(&self, r: XSp) -> Ref {
        Ref::slot(u16::from(r.0))
    }
    /// A vector register.
    pub fn v(&self, r: VReg) -> Ref {
        Ref::slot(ir::state::FIRST_VEC + u16::from(r.0))
    }
    /// A fresh temporary (integer or vector).
    pub fn temp(&mut self) -> Ref {
        self.ir.temp()
    }

    /// Where a branch to `pc` goes: a label of this block or an exit.
    pub(crate) fn dest(&mut self, pc: u64) -> i32 {
        match self.label_of(pc) {
            Some(label) => label,
            None => self.exit_to(pc, ExitKind::Jump),
        }
    }
    /// The label of the instruction at `pc`, if it has one.
    pub(crate) fn label_of(&self, pc: u64) -> Option<i32> {
        let index = pc.wrapping_sub(self.start) / 4;
        if index < 64 && pc & 3 == 0 && self.targets >> index & 1 != 0 {
            return Some((self.targets & ((1 << index) - 1)).count_ones() as i32);
        }
        None
    }
    /// Whether the block goes on after an unconditional branch from here to `pc`.
    pub(crate) fn goes_on_after_branch(&self, pc: u64) -> bool {
        let index = ((self.pc - self.start) / 4) as usize;
        let target = pc.wrapping_sub(self.start) as i64 / 4;
        index + 1 < self.insns && prescan::over_reachable(self.targets, index, target)
    }
    /// Registers an exit.
    pub(crate) fn exit_to(&mut self, pc: u64, kind: ExitKind) -> i32 {
        // (Flags that the block does not write need not be known to be dead.)
        let matter = !self.evaluated && (!self.straight || self.ir.block.writes_flags);
        let flags_dead = matter && flags::dead_at(self.fetch, pc);
        self.ir.exit(Exit { pc, kind, flags_dead })
    }
    /// A point where signals are delivered, if a branch to `pc` goes backward: else a loop could
    /// not be interrupted.
    pub(crate) fn poll_if_backward(&mut self, pc: u64) {
        if pc <= self.pc {
            self.ir.push(Op::new(OpCode::Poll, Ty::I64));
        }
    }
    /// Raises a trap at this instruction.
    pub(crate) fn trap(&mut self, kind: u16, argument: i32) -> Flow {
        let mut op = Op::new(OpCode::Trap, Ty::I64);
        op.aux = kind;
        op.imm = argument;
        self.ir.push(op);
        Flow::End
    }
    /// Leaves to run operation `number` of [`crate::runtime`].
    pub(crate) fn runtime(&mut self, number: u32, a: Ref, b: Ref) -> Flow {
        self.ir.emit(OpCode::Runtime, Ty::I64, Ref::NONE, a, b, Ref::NONE, 0, number as i32);
        Flow::End
    }
    /// `dst = cond ? 1 : 0` and the like: an operation over the flags.
    pub(crate) fn flag_op(&mut self, code: OpCode, ty: Ty, dst: Ref, a: Ref, b: Ref, cond: Cond) {
        self.ir.bin_aux(code, ty, dst, a, b, cond as u16);
    }

    /// Turns branches to labels that were never placed into exits: the block ended before them.
    fn resolve_labels(&mut self, insns: usize) {
        let placed = if insns >= 64 { u64::MAX } else { (1 << insns) - 1 };
        if self.targets & !placed == 0 {
            return;
        }
        let unplaced = (self.targets & placed).count_ones()..self.targets.count_ones();
        let last = self.ir.block.ops.len() - 1;
        for i in 0..=last {
            let op = self.ir.block.ops[i];
            let branch =
                matches!(op.code, OpCode::Br | OpCode::BrCond | OpCode::BrCmp | OpCode::BrBit);
            if !branch || op.imm < 0 || !unplaced.contains(&(op.imm as u32)) {
                continue;
            }
            let mut rest = self.targets;
            for _ in 0..op.imm {
                rest &= rest - 1;
            }
            let pc = self.start + u64::from(rest.trailing_zeros()) * 4;
            let dest = self.exit_to(pc, ExitKind::Jump);
            let op = &mut self.ir.block.ops[i];
            op.imm = dest;
            if op.code == OpCode::Br && i == last {
                op.code = OpCode::ExitDirect;
            } else if op.code == OpCode::Br {
                // Only the last operation may leave unconditionally.
                op.code = OpCode::BrCond;
                op.aux = Cond::Al as u16;
            }
        }
    }
}

/// Appends the translation of the code at `pc` to `block`.
pub(crate) fn translate(cpu: &Cpu, fetch: &mut dyn Fetch, pc: u64, mode: Mode, block: &mut Block) {
    block.clear();
    block.pc = pc;
    block.fp = crate::SPEC.fp;
    block.fp_exact = mode.key == crate::KEY_EXACT;
    let limit =
        if mode.single { 1 } else { BLOCK_INSNS_MAX.min(((PAGE - pc % PAGE) / 4) as usize) };
    let mut words = [0; BLOCK_INSNS_MAX];
    let scan = prescan::scan(fetch, pc, &mut words[..limit], mode.brief);
    if scan.insns == 0 {
        return;
    }
    let evaluated = mode.single || mode.brief;
    let targets = if evaluated { 0 } else { scan.targets };
    block.labels = targets.count_ones() as u16;
    let mut t = Translator {
        ir: Builder::new(block),
        pc,
        cpu,
        fetch,
        start: pc,
        targets,
        evaluated,
        insns: scan.insns,
        straight: scan.straight,
    };
    let mut ended = false;
    let mut insns = 0;
    for (index, &word) in words[..scan.insns].iter().enumerate() {
        t.pc = pc + index as u64 * 4;
        if let Some(label) = t.label_of(t.pc) {
            t.ir.place(label);
        }
        t.ir.insn(index as u32 * 4);
        insns += 1;
        if index == 0 {
            t.landing(word);
        }
        let (ops, exits) = (t.ir.block.ops.len(), t.ir.block.exits.len());
        match crate::generated::decode::dispatch(&mut t, word) {
            Flow::Next => continue,
            Flow::Undefined => {
                t.ir.block.ops.truncate(ops);
                t.ir.block.exits.truncate(exits);
                t.trap(TRAP_UNDEFINED, 0);
            }
            Flow::End => {}
        }
        ended = true;
        break;
    }
    if !ended {
        let dest = t.exit_to(pc + insns as u64 * 4, ExitKind::Jump);
        t.ir.exit_direct(dest);
    }
    t.resolve_labels(insns);
    block.len = insns as u32 * 4;
}
