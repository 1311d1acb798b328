//! Integer arithmetic and logic.

use crate::emit::{Gpr, Mem, Size};
use crate::lower::Lower;
use crate::{Alu, Bmi, Shift, Unary};
use ir::{Modifier, Op, OpCode, Ref};

/// Operand b.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operand {
    Imm(i32),
    Reg(Gpr),
}

impl Lower<'_> {
    /// A constant operand as a sign-extended immediate of an operation of `size`.
    pub(crate) fn immediate(&self, v: Ref, size: Size) -> Option<i32> {
        let c = self.block.const64(v)?;
        if size == Size::Q { i32::try_from(c as i64).ok() } else { Some(c as i32) }
    }
    /// The value of a constant operand b after its modifier.
    pub(crate) fn constant_b(&self, op: Op) -> Option<u64> {
        let c = self.block.const64(op.b)?;
        Some(Self::modifier(op).apply(c, Self::size(op).bits()))
    }
    /// Operand b with its modifier applied.
    pub(crate) fn operand_b(&mut self, op: Op) -> Operand {
        let size = Self::size(op);
        if let Some(c) = self.constant_b(op) {
            let imm = if size == Size::Q { i32::try_from(c as i64).ok() } else { Some(c as i32) };
            return match imm {
                Some(imm) => Operand::Imm(imm),
                None => {
                    let r = self.scratch();
                    self.load_const(r, c);
                    Operand::Reg(r)
                }
            };
        }
        Operand::Reg(match Self::modifier(op) {
            Modifier::None => self.using(op.b),
            m => self.modified(op.b, m, size),
        })
    }
    /// `m(v)` in a scratch register. Keeps the host's flags if they matter and BMI2 is there.
    fn modified(&mut self, v: Ref, m: Modifier, size: Size) -> Gpr {
        let from = self.using(v);
        let s = self.scratch();
        self.modify(from, s, m, size);
        if self.mentions(v) <= 1 {
            self.release(from);
        }
        s
    }
    /// `s = m(from)`.
    fn modify(&mut self, from: Gpr, s: Gpr, m: Modifier, size: Size) {
        let keep = self.flags.host.is_some() || self.host_flags.busy;
        let bmi2 = self.host.features().bmi2;
        let (extend, n) = match m {
            Modifier::None => (None, 0),
            Modifier::Lsl(n) | Modifier::Uxtx(n) | Modifier::Sxtx(n) => (None, n),
            Modifier::Lsr(n) | Modifier::Asr(n) | Modifier::Ror(n) => {
                let (op, bmi) = match m {
                    Modifier::Lsr(_) => (Shift::Shr, Bmi::Shrx),
                    Modifier::Asr(_) => (Shift::Sar, Bmi::Sarx),
                    _ => (Shift::Ror, Bmi::Andn),
                };
                if bmi2 && op == Shift::Ror {
                    self.e.rorx(size, s, from, n);
                } else if keep && bmi2 {
                    self.e.mov_imm(s, n.into());
                    self.e.bmi(bmi, size, s, s, from);
                } else {
                    self.e.mov(size, s, from);
                    self.e.shift_imm(op, size, s, n);
                }
                return;
            }
            Modifier::Uxtb(n) => (Some((Size::B, false)), n),
            Modifier::Uxth(n) => (Some((Size::W, false)), n),
            Modifier::Uxtw(n) => (Some((Size::D, false)), n),
            Modifier::Sxtb(n) => (Some((Size::B, true)), n),
            Modifier::Sxth(n) => (Some((Size::W, true)), n),
            Modifier::Sxtw(n) => (Some((Size::D, true)), n),
        };
        let mut from = from;
        if let Some((width, signed)) = extend {
            if signed {
                self.e.movsx(width, size, s, from);
            } else {
                self.e.movzx(width, s, from);
            }
            from = s;
        }
        match n {
            0 if from == s => {}
            0 => self.e.mov(size, s, from),
            1 => self.e.lea(size, s, Mem::index(from, from, 0, 0)),
            2 | 3 if keep => self.e.lea(size, s, Mem::scaled(from, n, 0)),
            _ if keep && bmi2 && from != s => {
                self.e.mov_imm(s, n.into());
                self.e.bmi(Bmi::Shlx, size, s, s, from);
            }
            _ if keep => {
                // Extended and shifted by 4.
                self.e.lea(size, s, Mem::index(s, s, 0, 0));
                self.e.lea(size, s, Mem::scaled(s, n - 1, 0));
            }
            _ => {
                if from != s {
                    self.e.mov(size, s, from);
                }
                self.e.shift_imm(Shift::Shl, size, s, n);
            }
        }
    }
    /// Whether the shift in operand b destroys the host's flags.
    fn modifier_clobbers(&self, op: Op) -> bool {
        if op.b.as_const().is_some() || self.host.features().bmi2 {
            return false;
        }
        match Self::modifier(op) {
            Modifier::Lsl(n) => n > 3,
            Modifier::Lsr(_) | Modifier::Asr(_) | Modifier::Ror(_) => true,
            _ => false,
        }
    }

    pub(crate) fn int_mov(&mut self, op: Op) {
        if let Some(c) = self.block.const64(op.a) {
            let c = if op.ty == ir::Ty::I64 { c } else { c & 0xffff_ffff };
            return self.set_const(op.dst, c);
        }
        let a = self.using(op.a);
        if op.ty == ir::Ty::I64 {
            return self.set(op.dst, a);
        }
        let d = self.define_over(op.dst, op.a, a);
        self.e.mov(Size::D, d, a);
        self.set(op.dst, d);
    }

    // --- addition and subtraction

    pub(crate) fn add(&mut self, op: Op) {
        if self.modifier_clobbers(op) {
            self.clobber();
        }
        let size = Self::size(op);
        let mut op = op;
        if op.a.as_const().is_some()
            && op.b.as_const().is_none()
            && matches!(Self::modifier(op), Modifier::None)
        {
            core::mem::swap(&mut op.a, &mut op.b);
        }
        let keep = self.must_save();
        if !keep {
            self.clobber();
        }
        if let Modifier::Lsl(n @ 1..=3) = Self::modifier(op)
            && op.b.as_const().is_none()
        {
            let b = self.using(op.b);
            if self.block.const64(op.a) == Some(0) {
                let d = self.define_over(op.dst, op.b, b);
                self.e.lea(size, d, Mem::scaled(b, n, 0));
                return self.set(op.dst, d);
            }
            let a = self.using(op.a);
            let d = self.define_over(op.dst, op.a, a);
            self.e.lea(size, d, Mem::index(a, b, n, 0));
            return self.set(op.dst, d);
        }
        let a = self.using(op.a);
        let b = self.operand_b(op);
        self.add_operand(op, size, keep, a, b);
    }
    fn add_operand(&mut self, op: Op, size: Size, keep: bool, a: Gpr, b: Operand) {
        let d = self.define_over(op.dst, op.a, a);
        let carries = match b {
            Operand::Reg(b) => !keep && (d == a || d == b),
            Operand::Imm(_) => false,
        };
        match b {
            Operand::Imm(0) if size == Size::Q => return self.set(op.dst, a),
            Operand::Imm(imm) if d == a && !keep => {
                if imm == 128 {
                    self.e.alu_imm(Alu::Sub, size, d, -128);
                } else {
                    self.e.alu_imm(Alu::Add, size, d, imm);
                }
            }
            Operand::Imm(imm) => self.e.lea(size, d, Mem::base(a, imm)),
            Operand::Reg(b) if d == a && !keep => self.e.alu(Alu::Add, size, d, b),
            Operand::Reg(b) if d == b && !keep => self.e.alu(Alu::Add, size, d, a),
            // rbp and r13 as a base need a displacement byte.
            Operand::Reg(b) if a.0 & 7 == 5 => self.e.lea(size, d, Mem::index(b, a, 0, 0)),
            Operand::Reg(b) => self.e.lea(size, d, Mem::index(a, b, 0, 0)),
        }
        self.set(op.dst, d);
        if carries && op.code == OpCode::Add {
            self.host_flags.carry = Some((op, self.e.position()));
        }
    }
    pub(crate) fn sub(&mut self, op: Op) {
        if self.modifier_clobbers(op) {
            self.clobber();
        }
        let size = Self::size(op);
        if let Some(c) = self.constant_b(op) {
            let imm = if size == Size::Q { i32::try_from(c as i64).ok() } else { Some(c as i32) };
            if let Some(imm) = imm.and_then(i32::checked_neg) {
                let keep = self.must_save();
                if !keep {
                    self.clobber();
                }
                let a = self.using(op.a);
                return self.add_operand(op, size, keep, a, Operand::Imm(imm));
            }
        }
        if self.must_save() {
            // a - b = a + !b + 1 without touching the flags.
            let a = self.using(op.a);
            let b = match self.operand_b(op) {
                Operand::Reg(b) => b,
                Operand::Imm(imm) => {
                    let b = self.scratch();
                    self.e.mov_imm(b, imm as i64 as u64);
                    b
                }
            };
            let s = match Self::modifier(op) {
                Modifier::None => {
                    let s = self.scratch();
                    self.e.mov(Size::Q, s, b);
                    s
                }
                _ => b,
            };
            self.e.unary(Unary::Not, size, s);
            self.e.lea(size, s, Mem::index(a, s, 0, 1));
            return self.set(op.dst, s);
        }
        self.clobber();
        self.two_operand(op, Alu::Sub, size);
    }
    /// `dst = a op b` by the two-operand instruction; destroys the host's flags (or sets them).
    pub(crate) fn two_operand(&mut self, op: Op, alu: Alu, size: Size) {
        if alu == Alu::Sub && self.block.const64(op.a) == Some(0) {
            return self.negate(op, size);
        }
        let a = self.using(op.a);
        let b = self.operand_b(op);
        self.alu_into(op, alu, size, a, b);
    }
    pub(crate) fn alu_into(&mut self, op: Op, alu: Alu, size: Size, a: Gpr, b: Operand) {
        let d = self.define_over(op.dst, op.a, a);
        let b = match b {
            Operand::Reg(b) if b == d && a != d => {
                if matches!(alu, Alu::Sub | Alu::Sbb) {
                    let s = self.using_scratch(op.a);
                    self.e.alu(alu, size, s, b);
                    return self.set(op.dst, s);
                }
                self.e.alu(alu, size, d, a);
                return self.set(op.dst, d);
            }
            b => b,
        };
        if d != a {
            self.e.mov(size, d, a);
        }
        match b {
            Operand::Reg(b) => self.e.alu(alu, size, d, b),
            Operand::Imm(imm) => self.e.alu_imm(alu, size, d, imm),
        }
        self.set(op.dst, d);
    }
    /// `dst = -b`, with flags as a subtraction from zero.
    pub(crate) fn negate(&mut self, op: Op, size: Size) {
        let b = match self.operand_b(op) {
            Operand::Reg(b) => b,
            Operand::Imm(imm) => {
                let r = self.scratch();
                self.e.mov_imm(r, imm as i64 as u64);
                r
            }
        };
        let d = if op.dst.is_none() { self.scratch() } else { self.define_over(op.dst, op.b, b) };
        if d != b {
            self.e.mov(size, d, b);
        }
        self.e.unary(Unary::Neg, size, d);
        self.set(op.dst, d);
    }

    // --- logic

    pub(crate) fn logic(&mut self, op: Op) {
        let size = Self::size(op);
        if let Some(c) = self.constant_b(op) {
            let negated = matches!(op.code, OpCode::AndNot | OpCode::OrNot | OpCode::XorNot);
            let mask = if size == Size::Q { u64::MAX } else { 0xffff_ffff };
            let c = if negated { !c & mask } else { c };
            return self.logic_imm(op, c);
        }
        if op.code == OpCode::OrNot && self.block.const64(op.a) == Some(0) {
            if self.modifier_clobbers(op) {
                self.clobber();
            }
            let Operand::Reg(b) = self.operand_b(op) else { return };
            let d = match Self::modifier(op) {
                Modifier::None => self.define_over(op.dst, op.b, b),
                _ => b,
            };
            if d != b {
                self.e.mov(size, d, b);
            }
            self.e.unary(Unary::Not, size, d);
            return self.set(op.dst, d);
        }
        self.clobber();
        match op.code {
            OpCode::And => self.two_operand(op, Alu::And, size),
            OpCode::Or if self.block.const64(op.a) == Some(0) => {
                let Operand::Reg(b) = self.operand_b(op) else { return };
                let d = self.define_over(op.dst, op.b, b);
                self.e.mov(size, d, b);
                self.set(op.dst, d);
            }
            OpCode::Or => self.two_operand(op, Alu::Or, size),
            OpCode::Xor => self.two_operand(op, Alu::Xor, size),
            OpCode::AndNot => self.and_not(op, size),
            _ => {
                let alu = if op.code == OpCode::OrNot { Alu::Or } else { Alu::Xor };
                let b = self.operand_b(op);
                let s = match (b, Self::modifier(op)) {
                    (Operand::Reg(b), Modifier::None) => {
                        let s = self.scratch();
                        self.e.mov(size, s, b);
                        s
                    }
                    (Operand::Reg(b), _) => b,
                    (Operand::Imm(_), _) => return,
                };
                self.e.unary(Unary::Not, size, s);
                let a = self.using(op.a);
                self.e.alu(alu, size, s, a);
                self.set(op.dst, s);
            }
        }
    }
    /// `dst = a & !b`; sets the host's flags as logic.
    pub(crate) fn and_not(&mut self, op: Op, size: Size) {
        let a = self.using(op.a);
        let b = match self.operand_b(op) {
            Operand::Reg(b) => b,
            Operand::Imm(imm) => {
                return self.alu_into(op, Alu::And, size, a, Operand::Imm(!imm));
            }
        };
        if self.host.features().bmi2 {
            let d = if op.dst.is_none() { self.scratch() } else { self.define(op.dst) };
            self.e.bmi(Bmi::Andn, size, d, b, a);
            return self.set(op.dst, d);
        }
        let s = self.scratch();
        self.e.mov(size, s, b);
        self.e.unary(Unary::Not, size, s);
        self.e.alu(Alu::And, size, s, a);
        self.set(op.dst, s);
    }
    /// `And`, `Or`, `Xor` (or the inverting ones with the constant inverted already) with `c`.
    fn logic_imm(&mut self, op: Op, c: u64) {
        let mut size = Self::size(op);
        let alu = match op.code {
            OpCode::And | OpCode::AndNot => Alu::And,
            OpCode::Or | OpCode::OrNot => Alu::Or,
            _ => Alu::Xor,
        };
        if self.block.const64(op.a) == Some(0) && alu != Alu::And {
            return self.set_const(op.dst, c);
        }
        if alu == Alu::And && matches!(c, 0xff | 0xffff | 0xffff_ffff) {
            let a = self.using(op.a);
            let d = self.define_over(op.dst, op.a, a);
            match c {
                0xff => self.e.movzx(Size::B, d, a),
                0xffff => self.e.movzx(Size::W, d, a),
                _ => self.e.mov(Size::D, d, a),
            }
            return self.set(op.dst, d);
        }
        self.clobber();
        // A mask of at most 32 bits makes the upper half zero in the 32-bit form too.
        if alu == Alu::And && c <= 0xffff_ffff {
            size = Size::D;
        }
        let a = self.using(op.a);
        let imm = if size == Size::Q { i32::try_from(c as i64).ok() } else { Some(c as i32) };
        let b = match imm {
            Some(imm) => Operand::Imm(imm),
            None => {
                let r = self.scratch();
                self.load_const(r, c);
                Operand::Reg(r)
            }
        };
        self.alu_into(op, alu, size, a, b);
    }
    pub(crate) fn not(&mut self, op: Op) {
        let size = Self::size(op);
        let a = self.using(op.a);
        let d = self.define_over(op.dst, op.a, a);
        if d != a {
            self.e.mov(size, d, a);
        }
        self.e.unary(Unary::Not, size, d);
        self.set(op.dst, d);
    }
}
