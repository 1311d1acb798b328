//! Addition, subtraction and logic.

use crate::decode::{Insn, Operand, Prefixes};
use crate::liveness::CARRY;
use crate::operand::{narrow, register, wide};
use crate::translator::Translator;
use guest::Flow;
use ir::{Cond, OpCode, Ref, SIX_FLAGS, Ty};

/// The operations of two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    Add,
    Or,
    Adc,
    Sbb,
    And,
    Sub,
    Xor,
    Cmp,
    Test,
}

impl Op {
    /// With flags.
    const fn code(self) -> OpCode {
        match self {
            Self::Add => OpCode::AddS,
            Self::Or => OpCode::OrS,
            Self::Adc => OpCode::AdcS,
            Self::Sbb => OpCode::SbcS,
            Self::And | Self::Test => OpCode::AndS,
            Self::Sub | Self::Cmp => OpCode::SubS,
            Self::Xor => OpCode::XorS,
        }
    }
    /// Without.
    const fn plain(self) -> OpCode {
        match self {
            Self::Add | Self::Adc => OpCode::Add,
            Self::Or => OpCode::Or,
            Self::And | Self::Test => OpCode::And,
            Self::Xor => OpCode::Xor,
            Self::Sub | Self::Cmp | Self::Sbb => OpCode::Sub,
        }
    }
    const fn compares(self) -> bool {
        matches!(self, Self::Cmp | Self::Test)
    }
}

impl Translator<'_> {
    /// `dst = code(a, b)` in a type of any width, with all six flags.
    pub(crate) fn six(&mut self, code: OpCode, ty: Ty, dst: Ref, a: Ref, b: Ref) {
        self.ir.bin_aux(code, ty, dst, a, b, SIX_FLAGS);
    }
    /// Only the flags of it.
    pub(crate) fn six_flags(&mut self, code: OpCode, size: u8, a: Ref, b: Ref) {
        self.six(code, narrow(size), Ref::NONE, a, b);
    }
    /// The carry flag as a number.
    pub(crate) fn carry(&mut self) -> Ref {
        let t = self.temp();
        let cond = Cond::Lo as u16;
        self.ir.emit(OpCode::SetCond, Ty::I64, t, Ref::NONE, Ref::NONE, Ref::NONE, cond, 0);
        t
    }

    /// ADD to TEST.
    pub(crate) fn alu(&mut self, op: Op, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let size = i.operand_size;
        if op.compares() {
            let (a, b) = (self.value(i, to), self.value(i, from));
            self.six_flags(op.code(), size, a, b);
            return Flow::Next;
        }
        if Self::writes_memory(i) {
            let b = self.value(i, from);
            if i.prefixes.any(Prefixes::LOCK) {
                return self.locked(op, i, b);
            }
            let address = self.address(i);
            let a = self.load(address, size);
            let r = self.plain_result(op, size, a, b);
            self.store(r, address, size);
            if !self.flagless() {
                self.six_flags(op.code(), size, a, b);
            }
            return Flow::Next;
        }
        // The usual way to zero a register.
        if matches!(op, Op::Xor | Op::Sub) && to == from && self.flagless() {
            let zero = self.imm(0);
            self.put(i, to, zero);
            return Flow::Next;
        }
        let (a, b) = (self.value(i, to), self.value(i, from));
        let dst = self.result(to);
        self.six(op.code(), narrow(size), dst, a, b);
        self.put_narrow(to, dst);
        Flow::Next
    }
    /// The result without flags, which may be written only when the operand has been stored.
    pub(crate) fn plain_result(&mut self, op: Op, size: u8, a: Ref, b: Ref) -> Ref {
        let ty = wide(size);
        let r = self.make(op.plain(), ty, a, b);
        if matches!(op, Op::Adc | Op::Sbb) {
            let carry = self.carry();
            return self.make(op.plain(), ty, r, carry);
        }
        r
    }

    /// INC, DEC.
    pub(crate) fn step(&mut self, up: bool, i: &Insn) -> Flow {
        let [to, ..] = i.operands;
        let size = i.operand_size;
        let one = self.imm(1);
        let with_carry = if up { OpCode::AddS } else { OpCode::SubS };
        let kept = self.wants(CARRY);
        let code = match (kept, up) {
            (false, _) => with_carry,
            (true, true) => OpCode::IncS,
            (true, false) => OpCode::DecS,
        };
        if !Self::writes_memory(i) {
            let (a, dst) = (self.value(i, to), self.result(to));
            self.six(code, narrow(size), dst, a, one);
            self.put_narrow(to, dst);
            return Flow::Next;
        }
        let a = if i.prefixes.any(Prefixes::LOCK) {
            let at = self.plain_address(i);
            let value = self.imm(if up { 1 } else { u64::MAX });
            self.rmw(ir::RmwOp::Add, at, value, size)
        } else {
            let address = self.address(i);
            let a = self.load(address, size);
            let r = self.make(if up { OpCode::Add } else { OpCode::Sub }, wide(size), a, one);
            self.store(r, address, size);
            a
        };
        if !self.flagless() {
            self.six_flags(code, size, a, one);
        }
        Flow::Next
    }
    /// INC.
    pub(crate) fn inc(&mut self, i: &Insn) -> Flow {
        self.step(true, i)
    }
    /// DEC.
    pub(crate) fn dec(&mut self, i: &Insn) -> Flow {
        self.step(false, i)
    }
    /// NEG.
    pub(crate) fn neg(&mut self, i: &Insn) -> Flow {
        let [to, ..] = i.operands;
        let size = i.operand_size;
        let zero = self.imm(0);
        if !Self::writes_memory(i) {
            let (b, dst) = (self.value(i, to), self.result(to));
            self.six(OpCode::SubS, narrow(size), dst, zero, b);
            self.put_narrow(to, dst);
            return Flow::Next;
        }
        let b = if i.prefixes.any(Prefixes::LOCK) {
            self.locked_loop(i, |t, old| t.make(OpCode::Sub, wide(size), zero, old))
        } else {
            let address = self.address(i);
            let b = self.load(address, size);
            let r = self.make(OpCode::Sub, wide(size), zero, b);
            self.store(r, address, size);
            b
        };
        self.six_flags(OpCode::SubS, size, zero, b);
        Flow::Next
    }
    /// NOT.
    pub(crate) fn not(&mut self, i: &Insn) -> Flow {
        let [to, ..] = i.operands;
        let size = i.operand_size;
        match to {
            Operand::Mem { .. } if i.prefixes.any(Prefixes::LOCK) => {
                let (at, ones) = (self.plain_address(i), self.imm(u64::MAX));
                self.rmw(ir::RmwOp::Eor, at, ones, size);
            }
            Operand::Mem { .. } => {
                let address = self.address(i);
                let a = self.load(address, size);
                let r = self.make_un(OpCode::Not, wide(size), a, 0);
                self.store(r, address, size);
            }
            Operand::Reg { n, size: 4 | 8 } => {
                self.ir.un(OpCode::Not, wide(size), register(n), register(n));
            }
            to => {
                let a = self.value(i, to);
                let r = self.make_un(OpCode::Not, Ty::I32, a, 0);
                self.put_narrow(to, r);
            }
        }
        Flow::Next
    }
    /// ADCX (with the carry flag only) and ADOX (with the overflow flag).
    pub(crate) fn add_with(&mut self, overflow: bool, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let ty = wide(i.operand_size);
        let (a, b) = (self.value(i, to), self.value(i, from));
        let t = self.temp();
        let cond = if overflow { Cond::Vs } else { Cond::Lo } as u16;
        self.ir.emit(OpCode::SetCond, Ty::I64, t, Ref::NONE, Ref::NONE, Ref::NONE, cond, 0);
        let sum = self.make(OpCode::Add, ty, a, b);
        let first = self.set_compare(Cond::Lo, ty, sum, b);
        let dst = self.result(to);
        let total = self.make(OpCode::Add, ty, sum, t);
        let second = self.set_compare(Cond::Lo, ty, total, t);
        let carry = self.make(OpCode::Or, Ty::I64, first, second);
        self.ir.mov(ty, dst, total);
        if overflow {
            let flags = self.read_flags();
            let new = self.temp();
            self.ir.bin_aux(OpCode::Bfi, Ty::I64, new, flags, carry, 28 | 1 << 8);
            self.write_flags(new);
        } else {
            self.set_carry(carry);
        }
        Flow::Next
    }
    /// ADCX.
    pub(crate) fn adcx(&mut self, i: &Insn) -> Flow {
        self.add_with(false, i)
    }
    /// ADOX.
    pub(crate) fn adox(&mut self, i: &Insn) -> Flow {
        self.add_with(true, i)
    }
    /// Whether `a cond b`, as a number.
    pub(crate) fn set_compare(&mut self, cond: Cond, ty: Ty, a: Ref, b: Ref) -> Ref {
        let t = self.temp();
        self.ir.bin_aux(OpCode::SetCmp, ty, t, a, b, cond as u16);
        t
    }
}
