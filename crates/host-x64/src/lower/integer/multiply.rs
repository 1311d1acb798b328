//! Multiplication, shifts, counts and the like.

use crate::emit::{Cc, Gpr, Mem, Size};
use crate::lower::Lower;
use crate::{Alu, Bmi, Count, Shift, Unary};
use ir::{Op, OpCode, Ty};

impl Lower<'_> {
    /// Whether to multiply by MULX: other forms destroy the host's flags, which are needed. Carry
    /// chains of large numbers have multiplications between their additions.
    fn by_mulx(&self) -> bool {
        self.host.features().bmi2 && self.must_save()
    }
    /// The product of a and b: of its halves, the one without a register is the result.
    fn mulx(&mut self, op: Op, size: Size, high: Option<Gpr>, low: Option<Gpr>) {
        self.fixed(Gpr::RDX, op.a);
        if let Some(m) = self.only_home(op.b) {
            let d = self.define(op.dst);
            self.e.mulx_load(size, high.unwrap_or(d), low.unwrap_or(d), m);
            return self.set(op.dst, d);
        }
        let b = self.using(op.b);
        let d = self.define_over(op.dst, op.b, b);
        self.e.bmi(Bmi::Mulx, size, high.unwrap_or(d), low.unwrap_or(d), b);
        self.set(op.dst, d);
    }
    /// Where the next instruction multiplies the same registers for the other half of the product.
    fn other_half(&self, op: Op) -> Option<usize> {
        let [insn, next] = *self.block.ops[self.at + 1..].first_chunk::<2>()?;
        let halves = match (op.code, next.code) {
            (OpCode::Mul, high) | (high, OpCode::Mul) => {
                matches!(high, OpCode::MulHiU | OpCode::MulHiS)
            }
            _ => false,
        };
        let same = (next.a, next.b) == (op.a, op.b) || (next.a, next.b) == (op.b, op.a);
        let slots = [op.a, op.b, op.dst, next.dst].iter().all(|r| r.as_slot().is_some());
        let kept = op.dst != op.a && op.dst != op.b && op.dst != next.dst;
        let found = insn.code == OpCode::Insn
            && (op.ty, next.ty) == (Ty::I64, Ty::I64)
            && halves
            && same
            && slots
            && kept
            && self.translates_all();
        found.then_some(self.at + 2)
    }
    /// Both halves of a product, of which the operation at `other` is one. False: not done.
    fn mul_both(&mut self, op: Op) -> bool {
        let Some(other) = self.other_half(op) else { return false };
        let next = self.block.ops[other];
        let signed = [op.code, next.code].contains(&OpCode::MulHiS);
        let mulx = self.host.features().bmi2 && !signed;
        if !mulx && self.must_save() {
            return false;
        }
        if self.flags.recipe.is_some()
            && let Some(slot) = next.dst.as_slot()
        {
            self.keep_recipe_operand(slot);
        }
        let (mut first, mut second) = (Gpr::RAX, Gpr::RDX);
        if mulx {
            self.fixed(Gpr::RDX, op.a);
            let b = match self.only_home(op.b) {
                Some(m) => Err(m),
                None => Ok(self.using(op.b)),
            };
            first = self.host.pin(op.dst).map_or(Gpr::RDX, Gpr);
            second = self.define(next.dst);
            let is_low = op.code == OpCode::Mul;
            let (high, low) = if is_low { (second, first) } else { (first, second) };
            match b {
                Ok(b) => self.e.bmi(Bmi::Mulx, Size::Q, high, low, b),
                Err(m) => self.e.mulx_load(Size::Q, high, low, m),
            }
        } else {
            self.clobber();
            self.fixed(Gpr::RAX, op.a);
            self.take(Gpr::RDX);
            let b = self.using(op.b);
            self.e.unary(if signed { Unary::Imul } else { Unary::Mul }, Size::Q, b);
            if op.code != OpCode::Mul {
                (first, second) = (second, first);
            }
        }
        self.set(op.dst, first);
        (self.at, self.skip, self.op) = (other, other, next);
        self.set(next.dst, second);
        true
    }
    pub(crate) fn mul(&mut self, op: Op) {
        if self.mul_both(op) {
            return;
        }
        let size = Self::size(op);
        if self.by_mulx() {
            return self.mulx(op, size, Some(Gpr::RDX), None);
        }
        self.clobber();
        self.lower_half(op, size);
    }
    /// The lower half of the product; the host's flags are those of the signed product.
    pub(crate) fn lower_half(&mut self, mut op: Op, size: Size) {
        if op.a.as_const().is_some() {
            core::mem::swap(&mut op.a, &mut op.b);
        }
        let a = self.using(op.a);
        if let Some(imm) = self.immediate(op.b, size) {
            let d = self.define_over(op.dst, op.a, a);
            self.e.imul_imm(size, d, a, imm);
            return self.set(op.dst, d);
        }
        let b = self.using(op.b);
        let d = self.define_over(op.dst, op.a, a);
        if d == b {
            self.e.imul(size, d, a);
        } else {
            if d != a {
                self.e.mov(size, d, a);
            }
            self.e.imul(size, d, b);
        }
        self.set(op.dst, d);
    }
    pub(crate) fn mul_high(&mut self, op: Op) {
        if self.mul_both(op) {
            return;
        }
        if op.code == OpCode::MulHiU && self.by_mulx() {
            return self.mulx(op, Size::Q, None, Some(Gpr::RDX));
        }
        self.clobber();
        self.fixed(Gpr::RAX, op.a);
        self.take(Gpr::RDX);
        let b = self.using(op.b);
        let mul = if op.code == OpCode::MulHiS { Unary::Imul } else { Unary::Mul };
        self.e.unary(mul, Size::Q, b);
        self.set(op.dst, Gpr::RDX);
    }
    pub(crate) fn mul_wide(&mut self, op: Op) {
        let signed = op.code == OpCode::MulWideS;
        if self.by_mulx() {
            self.take(Gpr::RDX);
            let a = self.using(op.a);
            self.widen_to(Gpr::RDX, a, signed);
            self.release(a);
            let b = self.using(op.b);
            let s = self.scratch();
            self.widen_to(s, b, signed);
            self.e.bmi(Bmi::Mulx, Size::Q, Gpr::RDX, s, s);
            return self.set(op.dst, s);
        }
        self.clobber();
        let (a, b) = (self.using(op.a), self.using(op.b));
        let s = self.scratch();
        self.widen_to(s, b, signed);
        if a != b {
            self.release(b);
        }
        let d = self.define(op.dst);
        self.widen_to(d, a, signed);
        self.e.imul(Size::Q, d, s);
        self.set(op.dst, d);
    }
    /// `d` = the low half of `s`, extended.
    fn widen_to(&mut self, d: Gpr, s: Gpr, signed: bool) {
        if signed {
            self.e.movsx(Size::D, Size::Q, d, s);
        } else {
            self.e.mov(Size::D, d, s);
        }
    }

    // --- shifts

    pub(crate) fn shift(&mut self, op: Op) {
        let size = Self::size(op);
        let kind = match op.code {
            OpCode::Shl => Shift::Shl,
            OpCode::Shr => Shift::Shr,
            OpCode::Sar => Shift::Sar,
            _ => Shift::Ror,
        };
        if let Some(n) = self.block.const64(op.b) {
            return self.shift_const(op, kind, size, (n as u32 & (size.bits() - 1)) as u8);
        }
        if kind != Shift::Ror && self.host.features().bmi2 {
            let (a, b) = (self.using(op.a), self.using(op.b));
            let d = self.define_over(op.dst, op.a, a);
            let bmi = match kind {
                Shift::Shl => Bmi::Shlx,
                Shift::Shr => Bmi::Shrx,
                _ => Bmi::Sarx,
            };
            self.e.bmi(bmi, size, d, b, a);
            return self.set(op.dst, d);
        }
        self.clobber();
        self.fixed(Gpr::RCX, op.b);
        let s = self.scratch();
        let a = self.using(op.a);
        self.e.mov(size, s, a);
        self.e.shift_cl(kind, size, s);
        self.set(op.dst, s);
    }
    fn shift_const(&mut self, op: Op, kind: Shift, size: Size, n: u8) {
        let bmi2 = self.host.features().bmi2;
        if n == 0 {
            return self.int_mov(Op { code: OpCode::Mov, ..op });
        }
        let keep = self.must_save();
        if keep && (kind == Shift::Ror && bmi2 || kind == Shift::Shl && n <= 3) {
            let a = self.using(op.a);
            let d = self.define_over(op.dst, op.a, a);
            match (kind, n) {
                (Shift::Ror, _) => self.e.rorx(size, d, a, n),
                (_, 1) => self.e.lea(size, d, Mem::index(a, a, 0, 0)),
                _ => self.e.lea(size, d, Mem::scaled(a, n, 0)),
            }
            return self.set(op.dst, d);
        }
        if keep && bmi2 {
            let a = self.using(op.a);
            let count = self.scratch();
            self.e.mov_imm(count, n.into());
            let d = self.define_over(op.dst, op.a, a);
            let bmi = match kind {
                Shift::Shl => Bmi::Shlx,
                Shift::Shr => Bmi::Shrx,
                _ => Bmi::Sarx,
            };
            self.e.bmi(bmi, size, d, count, a);
            return self.set(op.dst, d);
        }
        self.clobber();
        let a = self.using(op.a);
        let d = self.define_over(op.dst, op.a, a);
        if kind == Shift::Ror && bmi2 && d != a {
            self.e.rorx(size, d, a, n);
        } else if kind == Shift::Shl && n == 1 && d != a {
            self.e.lea(size, d, Mem::index(a, a, 0, 0));
        } else {
            if d != a {
                self.e.mov(size, d, a);
            }
            self.e.shift_imm(kind, size, d, n);
        }
        self.set(op.dst, d);
    }

    // --- the rest

    pub(crate) fn abs(&mut self, op: Op) {
        self.clobber();
        let size = Self::size(op);
        let a = self.using(op.a);
        let s = self.scratch();
        self.e.mov(size, s, a);
        self.e.unary(Unary::Neg, size, s);
        self.e.cmov(Cc::S, size, s, a);
        self.set(op.dst, s);
    }
    pub(crate) fn min_max(&mut self, op: Op) {
        self.clobber();
        let size = Self::size(op);
        let (a, b) = (self.using(op.a), self.using(op.b));
        let s = self.scratch();
        let cc = match op.code {
            OpCode::MaxS => Cc::L,
            OpCode::MinS => Cc::G,
            OpCode::MaxU => Cc::B,
            _ => Cc::A,
        };
        self.e.mov(size, s, a);
        self.e.alu(Alu::Cmp, size, a, b);
        self.e.cmov(cc, size, s, b);
        self.set(op.dst, s);
    }
    pub(crate) fn bit_count(&mut self, op: Op) {
        self.clobber();
        let size = Self::size(op);
        let bmi = self.host.features().bmi2;
        match op.code {
            OpCode::Popcnt => self.count(op, Count::Popcnt, size),
            OpCode::Clz if bmi => self.count(op, Count::Lzcnt, size),
            OpCode::Ctz if bmi => self.count(op, Count::Tzcnt, size),
            OpCode::Cls => {
                // Sign bits: leading zeros of a ^ (a >> 1), less one, as the top bit is zero.
                let a = self.using(op.a);
                let s = self.scratch();
                self.e.mov(size, s, a);
                self.e.shift_imm(Shift::Sar, size, s, 1);
                self.e.alu(Alu::Xor, size, s, a);
                self.leading_zeros(size, s, s);
                self.e.lea(size, s, Mem::base(s, -1));
                self.set(op.dst, s);
            }
            OpCode::Clz => {
                let a = self.using(op.a);
                let s = self.scratch();
                self.leading_zeros(size, s, a);
                self.set(op.dst, s);
            }
            _ => {
                let a = self.using(op.a);
                let (s, width) = (self.scratch(), self.scratch());
                self.e.mov_imm(width, size.bits().into());
                self.e.count(Count::Bsf, size, s, a);
                self.e.cmov(Cc::E, size, s, width);
                self.set(op.dst, s);
            }
        }
    }
    fn count(&mut self, op: Op, count: Count, size: Size) {
        let a = self.using(op.a);
        let d = self.define_over(op.dst, op.a, a);
        self.e.count(count, size, d, a);
        self.set(op.dst, d);
    }
    fn leading_zeros(&mut self, size: Size, d: Gpr, a: Gpr) {
        if self.host.features().bmi2 {
            return self.e.count(Count::Lzcnt, size, d, a);
        }
        let none = self.scratch();
        let top = size.bits() - 1;
        // Becomes the width in the last step.
        self.e.mov_imm(none, u64::from(2 * size.bits() - 1));
        self.e.count(Count::Bsr, size, d, a);
        self.e.cmov(Cc::E, size, d, none);
        self.e.alu_imm(Alu::Xor, size, d, top as i32);
    }
}
