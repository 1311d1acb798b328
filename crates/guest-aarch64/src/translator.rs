//! The translator of one block, and what the instruction functions share.
//!
//! A block has one entry and is at most 64 instructions of straight-line code: it continues past
//! conditional branches and from one arm of an if-else to the other, and ends at everything else
//! that leaves, and at the end of the page. Direct branches to instructions of the same block stay
//! inside it.

use crate::cpu::{Cpu, Features};
use crate::field::{VReg, XSp, XZr};
use crate::{flags, prescan};
use guest::block::{self, BLOCK_INSNS_MAX, BLOCK_PAGE, Targets, Translate};
use guest::{Fetch, Flow, Mode};
use ir::{Block, Builder, Cond, Exit, ExitKind, OpCode, Ref, Ty};

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
    /// The instructions.
    words: &'a [u32; BLOCK_INSNS_MAX],
    /// Where the block's own branches lead.
    targets: Targets,
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
        let n = usize::try_from(pc.wrapping_sub(self.start) / 4).ok()?;
        self.targets.label_of(n).filter(|_| pc & 3 == 0)
    }
    /// Whether the block goes on after an unconditional branch from here to `pc`.
    pub(crate) fn goes_on_after_branch(&self, pc: u64) -> bool {
        let index = ((self.pc - self.start) / 4) as usize;
        let target = pc.wrapping_sub(self.start) / 4;
        index + 1 < self.insns && self.targets.over_reachable(index, target as usize)
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
            self.ir.poll();
        }
    }
    /// Raises a trap at this instruction.
    pub(crate) fn trap(&mut self, kind: u16, argument: i32) -> Flow {
        self.ir.trap(kind, argument);
        Flow::End
    }
    /// Leaves to run operation `number` of [`crate::runtime`].
    pub(crate) fn runtime(&mut self, number: u32, a: Ref, b: Ref) -> Flow {
        self.ir.runtime(number, a, b);
        Flow::End
    }
    /// `dst = cond ? 1 : 0` and the like: an operation over the flags.
    pub(crate) fn flag_op(&mut self, code: OpCode, ty: Ty, dst: Ref, a: Ref, b: Ref, cond: Cond) {
        self.ir.bin_aux(code, ty, dst, a, b, cond as u16);
    }
}

impl<'a> Translate<'a> for Translator<'a> {
    fn ir(&mut self) -> &mut Builder<'a> {
        &mut self.ir
    }
    fn targets(&self) -> Targets {
        self.targets
    }
    fn offset(&self, n: usize) -> u32 {
        n as u32 * 4
    }
    fn exit_to(&mut self, pc: u64, kind: ExitKind) -> i32 {
        self.exit_to(pc, kind)
    }
    fn instruction(&mut self, n: usize) -> Flow {
        let word = self.words[n];
        self.pc = self.start + n as u64 * 4;
        if n == 0 {
            self.landing(word);
        }
        crate::generated::decode::dispatch(self, word)
    }
}

/// Appends the translation of the code at `pc` to `block`.
pub(crate) fn translate(cpu: &Cpu, fetch: &mut dyn Fetch, pc: u64, mode: Mode, block: &mut Block) {
    block.clear();
    block.pc = pc;
    block.fp = crate::SPEC.fp;
    block.fp_exact = mode.key == crate::KEY_EXACT;
    let page = ((BLOCK_PAGE - pc % BLOCK_PAGE) / 4) as usize;
    let limit = if mode.single { 1 } else { BLOCK_INSNS_MAX.min(page) };
    let mut words = [0; BLOCK_INSNS_MAX];
    let scan = prescan::scan(fetch, pc, &mut words[..limit], mode.brief);
    if scan.insns == 0 {
        return;
    }
    let targets = block::labels(block, scan.targets, mode);
    let mut t = Translator {
        ir: Builder::new(block),
        pc,
        cpu,
        fetch,
        start: pc,
        words: &words,
        targets,
        evaluated: mode.evaluated(),
        insns: scan.insns,
        straight: scan.straight,
    };
    block::translate(&mut t, scan.insns);
}
