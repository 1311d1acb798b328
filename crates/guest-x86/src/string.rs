//! String instructions. Each repetition is a step of its own: the registers tell how far it has come, so the
//! instruction starts again where it was interrupted.

use crate::decode::{Insn, Operand, Prefixes};
use crate::operand::{Address, wide};
use crate::state::{DIRECTION, RAX, RCX, RDI, RSI};
use crate::translator::Translator;
use guest::Flow;
use ir::{Cond, ExitKind, Modifier, OpCode, Ref, Ty};

/// A repeated instruction being translated.
struct Repeat {
    /// Where a repetition begins, and what is behind the last one.
    labels: Option<(i32, i32)>,
    /// Of the registers.
    ty: Ty,
}

impl Translator<'_> {
    /// Starts what F2 or F3 repeats.
    fn repeat(&mut self, i: &Insn) -> Repeat {
        let ty = wide(i.address_size);
        if !i.prefixes.any(Prefixes::REP | Prefixes::REPNE) {
            return Repeat { labels: None, ty };
        }
        let (again, end) = (self.ir.label(), self.ir.label());
        self.ir.place(again);
        self.poll();
        let zero = self.imm(0);
        self.ir.br_cmp(ty, Cond::Eq, RCX, zero, end);
        Repeat { labels: Some((again, end)), ty }
    }
    /// Counts one repetition.
    fn count(&mut self, repeat: &Repeat) {
        if repeat.labels.is_some() {
            let one = self.imm(1);
            self.ir.bin(OpCode::Sub, repeat.ty, RCX, RCX, one);
        }
    }
    /// Goes back.
    fn again(&mut self, repeat: &Repeat) {
        if let Some((again, end)) = repeat.labels {
            let again = self.repetition(repeat.ty, (again, end));
            if again < 0 {
                self.ir.br_cond(Cond::Al, again);
            } else {
                self.ir.br(again);
            }
            self.ir.place(end);
        }
    }
    /// Where the next repetition is. A single step is one of them, and the last one ends behind the
    /// instruction.
    fn repetition(&mut self, ty: Ty, (again, end): (i32, i32)) -> i32 {
        if !self.single {
            return again;
        }
        let zero = self.imm(0);
        self.ir.br_cmp(ty, Cond::Eq, RCX, zero, end);
        self.exit_to(self.pc, ExitKind::Jump)
    }
    /// By how much registers change: `size`, or minus that if strings go down.
    fn string_step(&mut self, size: u8) -> Ref {
        let (t, up) = (self.temp(), self.imm(size.into()));
        let modifier = Modifier::Lsl(size.trailing_zeros() as u8);
        self.ir.bin_mod(OpCode::Add, Ty::I64, t, up, DIRECTION, modifier);
        t
    }
    fn advance(&mut self, register: Ref, step: Ref, repeat: &Repeat) {
        self.ir.bin(OpCode::Add, repeat.ty, register, register, step);
    }
    /// The source, which a segment may be said for.
    fn source(&mut self, i: &Insn) -> Address {
        if i.segment.is_none() {
            return self.through(RSI, i.address_size == 4);
        }
        let mut with_base = *i;
        with_base.memory = crate::decode::Memory { base: Some(6), ..Default::default() };
        self.address(&with_base)
    }
    fn destination(&mut self, i: &Insn) -> Address {
        self.through(RDI, i.address_size == 4)
    }

    /// MOVS.
    pub(crate) fn movs(&mut self, i: &Insn) -> Flow {
        let size = i.operand_size;
        let repeat = self.repeat(i);
        let (from, to) = (self.source(i), self.destination(i));
        let value = self.load(from, size);
        let step = self.string_step(size);
        self.store(value, to, size);
        self.advance(RSI, step, &repeat);
        self.advance(RDI, step, &repeat);
        self.count(&repeat);
        self.again(&repeat);
        Flow::Next
    }
    /// STOS.
    pub(crate) fn stos(&mut self, i: &Insn) -> Flow {
        let size = i.operand_size;
        let repeat = self.repeat(i);
        let (to, step) = (self.destination(i), self.string_step(size));
        self.store(RAX, to, size);
        self.advance(RDI, step, &repeat);
        self.count(&repeat);
        self.again(&repeat);
        Flow::Next
    }
    /// LODS.
    pub(crate) fn lods(&mut self, i: &Insn) -> Flow {
        let size = i.operand_size;
        let repeat = self.repeat(i);
        let (from, step) = (self.source(i), self.string_step(size));
        let value = self.load(from, size);
        self.put(i, Operand::Reg { n: 0, size }, value);
        self.advance(RSI, step, &repeat);
        self.count(&repeat);
        self.again(&repeat);
        Flow::Next
    }
    /// SCAS.
    pub(crate) fn scas(&mut self, i: &Insn) -> Flow {
        let size = i.operand_size;
        let repeat = self.repeat(i);
        let (to, step) = (self.destination(i), self.string_step(size));
        let value = self.load(to, size);
        self.advance(RDI, step, &repeat);
        self.compare_strings(i, &repeat, RAX, value);
        Flow::Next
    }
    /// CMPS.
    pub(crate) fn cmps(&mut self, i: &Insn) -> Flow {
        let size = i.operand_size;
        let repeat = self.repeat(i);
        let (from, to) = (self.source(i), self.destination(i));
        // (The destination's is the one that faults first.)
        let b = self.load(to, size);
        let a = self.load(from, size);
        let step = self.string_step(size);
        self.advance(RSI, step, &repeat);
        self.advance(RDI, step, &repeat);
        self.compare_strings(i, &repeat, a, b);
        Flow::Next
    }
    /// Counts, sets the flags and goes back while F3's equality or F2's inequality holds.
    fn compare_strings(&mut self, i: &Insn, repeat: &Repeat, a: Ref, b: Ref) {
        self.count(repeat);
        self.six_flags(OpCode::SubS, i.operand_size, a, b);
        if let Some((again, end)) = repeat.labels {
            let equal = i.prefixes.any(Prefixes::REP);
            let again = self.repetition(repeat.ty, (again, end));
            self.ir.br_cond(if equal { Cond::Eq } else { Cond::Ne }, again);
            self.ir.place(end);
        }
    }
}
