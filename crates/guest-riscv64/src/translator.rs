//! The translator of one block, and what the instruction functions share.
//!
//! A block has one entry and is at most 64 instructions of straight-line code: it continues past
//! conditional branches and from one arm of an if-else to the other, and ends at everything else
//! that leaves, and at the end of the page. Direct branches to instructions of the same block stay
//! inside it.

use crate::cpu::{Cpu, Features};
use crate::field::{FReg, XReg};
use crate::known::{Constant, Known};
use crate::prescan::{BLOCK_BYTES_MAX, Rv64, word};
use crate::vector::Setting;
use guest::block::{self, BLOCK_INSNS_MAX, Targets, Translate};
use guest::scan::Scan;
use guest::{Fetch, Flow, Mode};
use ir::state::FIRST_VEC;
use ir::{Block, Builder, Exit, ExitKind, Op, OpCode, Ref, Ty};
use softfloat::rules::RISCV;

/// Translates one block.
pub struct Translator<'a> {
    /// Where operations are appended.
    pub ir: Builder<'a>,
    /// Guest address of the instruction being translated.
    pub pc: u64,
    /// Its length in bytes.
    pub(crate) len: u64,
    /// The processor.
    pub(crate) cpu: &'a Cpu,
    /// What is said of the pages of code.
    pub(crate) fetch: &'a mut dyn Fetch,
    /// The key of this translation ([`crate::key`]).
    pub(crate) key: guest::Key,
    /// Guest address of the first instruction.
    start: u64,
    scan: &'a Scan<BLOCK_BYTES_MAX>,
    /// Where the block's own branches lead.
    targets: Targets,
    /// The number of this instruction.
    number: usize,
    /// For the evaluator (`Mode::single`, `Mode::brief`).
    pub(crate) evaluated: bool,
    /// vtype and vl, as far as an instruction of this block has set them or looked at them.
    pub(crate) vtype: Option<Setting>,
    /// What they are expected to be otherwise.
    pub(crate) guess: Option<Setting>,
    /// How fixed-point numbers are expected to be rounded.
    pub(crate) vxrm: u8,
    /// What is known of the registers' values.
    pub(crate) known: Known,
}

impl Translator<'_> {
    /// Whether the processor lacks `feature`.
    #[inline]
    pub(crate) fn lacks(&self, feature: Features) -> bool {
        !self.cpu.features.has(feature)
    }
    /// A constant (integer, or the low half of a vector).
    pub fn imm(&mut self, v: u64) -> Ref {
        self.ir.iconst(v)
    }
    /// A general register as a source.
    pub fn x(&mut self, r: XReg) -> Ref {
        if r == XReg::ZERO { self.ir.iconst(0) } else { Ref::slot(u16::from(r.0)) }
    }
    /// A general register as a destination; x0 is a fresh temporary that nothing reads.
    pub fn x_out(&mut self, r: XReg) -> Ref {
        self.known.written(r);
        if r == XReg::ZERO { self.ir.temp() } else { Ref::slot(u16::from(r.0)) }
    }
    /// A floating-point register.
    pub fn f(&self, r: FReg) -> Ref {
        Ref::slot(FIRST_VEC + u16::from(r.0))
    }
    /// A fresh temporary (integer or vector).
    pub fn temp(&mut self) -> Ref {
        self.ir.temp()
    }
    /// The address of the next instruction.
    pub(crate) fn next_pc(&self) -> u64 {
        self.pc.wrapping_add(self.len)
    }
    /// Sets a register to a constant.
    pub(crate) fn set(&mut self, rd: XReg, value: u64) -> Flow {
        let value_ref = self.imm(value);
        self.move_constant(rd, value, value_ref, Constant::Plain)
    }
    /// Sets a register to what is made of the instruction's address.
    pub(crate) fn set_address(&mut self, rd: XReg, value: u64) -> Flow {
        let value_ref = self.ir.address(value);
        self.move_constant(rd, value, value_ref, Constant::Relative)
    }
    fn move_constant(&mut self, rd: XReg, value: u64, from: Ref, kind: Constant) -> Flow {
        if rd != XReg::ZERO {
            let dst = self.x_out(rd);
            self.ir.mov(Ty::I64, dst, from);
            self.known.set_constant(rd, value, kind);
        }
        Flow::Next
    }
    /// The operation of the previous instruction, if it was its only one, nothing branches in between
    /// and this instruction has appended nothing yet.
    pub(crate) fn previous(&self) -> Option<Op> {
        match self.ir.block.ops.as_slice() {
            [.., first, last, insn] if insn.code == OpCode::Insn && first.code == OpCode::Insn => {
                Some(*last)
            }
            _ => None,
        }
    }
    /// Where the operation is that has written `register`, if that is one of the last few, and nobody
    /// could see what it wrote: it can be taken back when this instruction overwrites the register and
    /// cannot fault.
    pub(crate) fn unseen_write(&self, register: XReg) -> Option<usize> {
        /// Compilers put few instructions between.
        const LOOK_BACK: usize = 12;
        let (slot, ops) = (Ref::slot(u16::from(register.0)), &self.ir.block.ops);
        for (at, op) in ops.iter().enumerate().rev().take(LOOK_BACK) {
            let hides = !op.code.may_fault()
                && !op.code.ends_block()
                && !op.code.branches()
                && op.code != OpCode::Label;
            if !hides {
                return None;
            }
            if op.dst == slot {
                return Some(at);
            }
            if [op.a, op.b, op.c].contains(&slot) {
                return None;
            }
        }
        None
    }
    /// Takes back what [`Translator::unseen_write`] has found.
    pub(crate) fn take_back(&mut self, at: usize) {
        self.ir.block.ops.remove(at);
    }

    /// Where a branch to `pc` goes: a label of this block or an exit.
    pub(crate) fn dest(&mut self, pc: u64) -> i32 {
        match self.scan.number(self.start, pc).and_then(|n| self.targets.label_of(n)) {
            Some(label) => label,
            None => self.exit_to(pc, ExitKind::Jump),
        }
    }
    /// Whether the block goes on after an unconditional branch from here to `pc`.
    pub(crate) fn goes_on_after_branch(&self, pc: u64) -> bool {
        let target = self.scan.number(self.start, pc);
        self.number + 1 < self.scan.insns
            && target.is_some_and(|target| self.scan.targets.over_reachable(self.number, target))
    }
    /// Registers an exit. There are no flags.
    pub(crate) fn exit_to(&mut self, pc: u64, kind: ExitKind) -> i32 {
        self.ir.exit(Exit { pc, kind, flags_dead: true })
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
}

impl<'a> Translate<'a> for Translator<'a> {
    fn ir(&mut self) -> &mut Builder<'a> {
        &mut self.ir
    }
    fn targets(&self) -> Targets {
        self.targets
    }
    fn offset(&self, n: usize) -> u32 {
        u32::from(self.scan.offsets[n])
    }
    fn exit_to(&mut self, pc: u64, kind: ExitKind) -> i32 {
        self.exit_to(pc, kind)
    }
    fn joins(&mut self, _: usize) {
        self.vtype = None;
        self.known.forget();
    }
    fn instruction(&mut self, n: usize) -> Flow {
        let (word, len) = word(self.scan.code(n));
        self.number = n;
        self.pc = self.start + u64::from(self.scan.offsets[n]);
        self.len = len as u64;
        match len {
            2 => crate::generated::decode::dispatch_16(self, word),
            _ => crate::generated::decode::dispatch_32(self, word),
        }
    }
}

/// Appends the translation of the code at `pc` to `block`.
pub(crate) fn translate(cpu: &Cpu, fetch: &mut dyn Fetch, pc: u64, mode: Mode, block: &mut Block) {
    block.clear();
    block.pc = pc;
    block.fp = RISCV;
    block.fp_exact = crate::key::exact(mode.key);
    let limit = if mode.single { 1 } else { BLOCK_INSNS_MAX };
    let scan = Scan::of::<Rv64>(fetch, pc, limit, mode.brief);
    if scan.insns == 0 {
        return;
    }
    let targets = block::labels(block, scan.targets, mode);
    let mut t = Translator {
        ir: Builder::new(block),
        pc,
        len: 0,
        cpu,
        fetch,
        key: mode.key,
        start: pc,
        scan: &scan,
        targets,
        number: 0,
        evaluated: mode.evaluated(),
        vtype: None,
        guess: Setting::from_hint(mode.hint),
        vxrm: crate::vector::rounding_of_hint(mode.hint),
        known: Known::default(),
    };
    block::translate(&mut t, scan.insns);
}
