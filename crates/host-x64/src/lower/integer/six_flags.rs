//! Operations that set six flags ([`ir::SIX_FLAGS`]): the host's own instructions in the same width. The
//! host's carry is set where C is clear, after all of them.

use crate::emit::{Gpr, Size};
use crate::lower::Lower;
use crate::lower::flags::Kind;
use crate::lower::integer::arithmetic::Operand;
use crate::{Alu, Bit, Shift};
use ir::{Modifier, Op, OpCode, Ref, ShiftKind, Ty};

const fn size_of(ty: Ty) -> Size {
    match ty {
        Ty::I8 => Size::B,
        Ty::I16 => Size::W,
        Ty::I32 => Size::D,
        _ => Size::Q,
    }
}

/// Which way an operation shifts.
const fn shift_of(op: Op) -> Shift {
    match ShiftKind::from_aux(op.aux) {
        ShiftKind::Rol => Shift::Rol,
        ShiftKind::Ror => Shift::Ror,
        ShiftKind::Rcl => Shift::Rcl,
        ShiftKind::Rcr => Shift::Rcr,
        ShiftKind::Shl => Shift::Shl,
        ShiftKind::Shr => Shift::Shr,
        ShiftKind::Sar => Shift::Sar,
    }
}

impl Lower<'_> {
    pub(crate) fn six_flags(&mut self, op: Op) {
        let size = size_of(op.ty);
        if let Some(slot) = self.part_of(op) {
            return self.in_part(op, slot, size);
        }
        if self.need_after() == 0 && size >= Size::D && self.without_six_flags(op) {
            return;
        }
        match op.code {
            OpCode::AdcS | OpCode::SbcS => {
                self.carry_as(Kind::Sub);
                self.two_operands(op, self.alu_of(op), size);
            }
            OpCode::IncS | OpCode::DecS => {
                self.carry_as(Kind::Sub);
                let d = self.copy_of_operand(op.dst, op.a, size);
                self.e.step(op.code == OpCode::DecS, size, d);
                self.set_narrow(op.dst, d, size);
            }
            OpCode::ShiftS | OpCode::ShiftKeepS => self.shift_flags(op, size),
            OpCode::ShiftPairS => self.shift_pair_flags(op, size),
            OpCode::MulS => {
                self.flags.host = None;
                self.lower_half(op, size);
            }
            OpCode::SetC => {
                self.carry_as(Kind::Sub);
                let a = self.using(op.a);
                // (All processors keep the other flags.)
                self.e.bit_imm(Bit::Bt, Size::D, a, 0);
                return self.flags_host(Kind::Add, None);
            }
            _ => {
                self.flags.host = None;
                self.two_operands(op, self.alu_of(op), size);
            }
        }
        self.flags_host(Kind::Sub, None);
    }

    /// The operation where nobody needs its flags; false if there is no shorter form.
    fn without_six_flags(&mut self, op: Op) -> bool {
        let plain = |code| Op { code, aux: Modifier::None.encode(), ..op };
        let shift = |kind| match kind {
            ShiftKind::Shl => Some(OpCode::Shl),
            ShiftKind::Shr => Some(OpCode::Shr),
            ShiftKind::Sar => Some(OpCode::Sar),
            ShiftKind::Ror => Some(OpCode::Ror),
            _ => None,
        };
        let code = match op.code {
            OpCode::AddS => OpCode::Add,
            OpCode::SubS => OpCode::Sub,
            OpCode::AndS => OpCode::And,
            OpCode::OrS => OpCode::Or,
            OpCode::XorS => OpCode::Xor,
            OpCode::MulS => OpCode::Mul,
            OpCode::ShiftS | OpCode::ShiftKeepS => match shift(ShiftKind::from_aux(op.aux)) {
                Some(code) => code,
                None => return false,
            },
            _ => return false,
        };
        self.flags.host = None;
        if op.dst.is_none() {
            return true;
        }
        let op = plain(code);
        match code {
            OpCode::Add => self.add(op),
            OpCode::Sub => self.sub(op),
            OpCode::And | OpCode::Or | OpCode::Xor => self.logic(op),
            OpCode::Mul => self.mul(op),
            _ => self.shift(op),
        }
        true
    }

    /// The slot of which the operation changes the lowest bits and keeps the others, if the next operation
    /// puts the result there.
    fn part_of(&self, op: Op) -> Option<Ref> {
        let next = self.block.ops.get(self.at + 1)?;
        let negates = op.code == OpCode::SubS && self.block.const64(op.a) == Some(0);
        let changed = if negates { op.b } else { op.a };
        let fits = op.ty.bits() < 32
            && (next.code, next.ty) == (OpCode::Bfi, Ty::I64)
            && (next.dst, next.a, next.b) == (changed, changed, op.dst)
            && u32::from(next.aux) == op.ty.bits() << 8
            && self.flags.recipe.is_none();
        let by_constant = self.block.const64(op.b).is_some();
        let simple = match op.code {
            OpCode::ShiftS | OpCode::ShiftKeepS => by_constant,
            code => !matches!(code, OpCode::ShiftPairS | OpCode::MulS | OpCode::SetC),
        };
        let dies = op.dst.as_temp().is_some_and(|t| self.live.last_use(t) as usize == self.at + 1);
        (fits && simple && dies && changed.as_slot().is_some()).then_some(changed)
    }
    /// Such an operation and the next one: the host's registers have the same parts.
    fn in_part(&mut self, op: Op, slot: Ref, size: Size) {
        self.at += 1;
        self.skip = self.at;
        self.op = Op { dst: slot, ..op };
        let reads = op.code.reads_flags() || matches!(op.code, OpCode::ShiftKeepS);
        if reads {
            self.carry_as(Kind::Sub);
        } else {
            self.flags.host = None;
        }
        self.host_flags.busy = true;
        let shifts = matches!(op.code, OpCode::ShiftS | OpCode::ShiftKeepS);
        let steps = matches!(op.code, OpCode::IncS | OpCode::DecS);
        let b = match self.immediate_of(op.b, size) {
            Some(imm) => Operand::Imm(imm),
            None if steps || op.b == slot => Operand::Imm(0),
            None => Operand::Reg(self.using(op.b)),
        };
        let a = self.using(slot);
        let d = self.define_over(slot, slot, a);
        if d != a {
            self.e.mov(Size::Q, d, a);
        }
        match (self.alu_of(op), b) {
            _ if shifts => self.shift_by(op, size, d),
            _ if steps => self.e.step(op.code == OpCode::DecS, size, d),
            (Alu::Sub, _) if op.b == slot && op.a != slot => {
                self.e.unary(crate::Unary::Neg, size, d);
            }
            (alu, _) if op.b == slot => self.e.alu(alu, size, d, a),
            (alu, Operand::Imm(imm)) => self.e.alu_imm(alu, size, d, imm),
            (alu, Operand::Reg(b)) => self.e.alu(alu, size, d, b),
        }
        self.set(slot, d);
        self.flags_host(Kind::Sub, None);
    }
    /// The host's operation on two operands.
    fn alu_of(&self, op: Op) -> Alu {
        match op.code {
            OpCode::AdcS => Alu::Adc,
            OpCode::SbcS => Alu::Sbb,
            OpCode::AddS => Alu::Add,
            OpCode::SubS => Alu::Sub,
            OpCode::AndS => Alu::And,
            OpCode::OrS => Alu::Or,
            _ => Alu::Xor,
        }
    }
    /// Shifts `d` by the constant.
    fn shift_by(&mut self, op: Op, size: Size, d: Gpr) {
        let n = self.block.const64(op.b).unwrap_or(0) & 31;
        self.e.shift_imm(shift_of(op), size, d, n as u8);
    }

    /// A constant as an immediate of an operation of `size`.
    fn immediate_of(&self, v: Ref, size: Size) -> Option<i32> {
        let c = self.block.const64(v)?;
        match size {
            Size::Q => i32::try_from(c as i64).ok(),
            Size::D => Some(c as i32),
            Size::W => Some(i32::from(c as i16)),
            Size::B => Some(i32::from(c as i8)),
        }
    }

    /// `dst = a op b`, or only the flags.
    fn two_operands(&mut self, op: Op, alu: Alu, size: Size) {
        let negates = alu == Alu::Sub && self.block.const64(op.a) == Some(0);
        if negates && op.b.as_const().is_none() {
            let d = self.copy_of_operand(op.dst, op.b, size);
            self.e.unary(crate::Unary::Neg, size, d);
            return self.set_narrow(op.dst, d, size);
        }
        if op.dst.is_none() && matches!(alu, Alu::Sub | Alu::And) {
            return self.compare_or_test(op, alu, size);
        }
        let b = match self.immediate_of(op.b, size) {
            Some(imm) => Operand::Imm(imm),
            None => Operand::Reg(self.using(op.b)),
        };
        // A narrow result is not the whole of a register, and the second operand must not be overwritten.
        let apart = op.dst.is_none() || size < Size::D || op.dst == op.b && op.a != op.b;
        let d =
            if apart { self.using_scratch(op.a) } else { self.copy_of_operand(op.dst, op.a, size) };
        match b {
            Operand::Imm(imm) => self.e.alu_imm(alu, size, d, imm),
            Operand::Reg(b) => self.e.alu(alu, size, d, b),
        }
        self.set_narrow(op.dst, d, size);
    }

    /// `cmp` or `test`.
    fn compare_or_test(&mut self, op: Op, alu: Alu, size: Size) {
        let compares = alu == Alu::Sub;
        let imm = self.immediate_of(op.b, size);
        let a = self.using(op.a);
        let from = self.e.position();
        match (imm, compares) {
            (Some(imm), true) => self.e.alu_imm(Alu::Cmp, size, a, imm),
            (Some(imm), false) => self.e.test_imm(size, a, imm),
            (None, _) => {
                let b = self.using(op.b);
                let from = self.e.position();
                if compares {
                    self.e.alu(Alu::Cmp, size, a, b);
                } else {
                    self.e.test(size, a, b);
                }
                self.compared(from);
                return;
            }
        }
        self.compared(from);
    }

    /// The value of `v` in a register that is to become `dst`, or a scratch register.
    fn copy_of_operand(&mut self, dst: Ref, v: Ref, size: Size) -> Gpr {
        if dst.is_none() || size < Size::D {
            return self.using_scratch(v);
        }
        let a = self.using(v);
        let d = self.define_over(dst, v, a);
        if d != a {
            self.e.mov(Size::Q, d, a);
        }
        d
    }
    /// Sets `dst` to the low `size` of `d`, keeping the host's flags.
    fn set_narrow(&mut self, dst: Ref, d: Gpr, size: Size) {
        if dst.is_none() {
            return;
        }
        if size < Size::D {
            self.e.movzx(size, d, d);
        }
        self.set(dst, d);
    }

    fn shift_flags(&mut self, op: Op, size: Size) {
        let shift = shift_of(op);
        if op.code == OpCode::ShiftKeepS {
            // They are kept if nothing is shifted, and rotations keep some in any case.
            self.carry_as(Kind::Sub);
        } else {
            self.flags.host = None;
        }
        self.host_flags.busy = true;
        let mask = if size == Size::Q { 63 } else { 31 };
        if let Some(n) = self.block.const64(op.b) {
            let d = self.copy_of_operand(op.dst, op.a, size);
            self.e.shift_imm(shift, size, d, (n & mask) as u8);
            return self.set_narrow(op.dst, d, size);
        }
        self.fixed(Gpr(1), op.b);
        let d = self.copy_of_operand(op.dst, op.a, size);
        self.e.shift_cl(shift, size, d);
        self.set_narrow(op.dst, d, size);
    }

    fn shift_pair_flags(&mut self, op: Op, size: Size) {
        self.carry_as(Kind::Sub);
        self.host_flags.busy = true;
        self.fixed(Gpr(1), op.b);
        let c = self.using(op.c);
        let d = self.using_scratch(op.a);
        self.e.shift_pair_cl(op.aux & 1 != 0, size, d, c);
        self.set_narrow(op.dst, d, size);
    }
}
