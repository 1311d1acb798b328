//! Divisions and remainders, of one word and of two.

use crate::emit::{Cc, Gpr, Label, Mem, Size};
use crate::lower::Lower;
use crate::lower::cold::ColdKind;
use crate::{Alu, Unary};
use ir::{DivRule, Op, OpCode, Ref};

/// A division that the host's instruction does not do: the divisor is 0 or -1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RareDivision {
    size: Size,
    divisor: Gpr,
    signed: bool,
    /// Quotient and remainder.
    wanted: [bool; 2],
    rule: DivRule,
}

impl Lower<'_> {
    /// `DivS`, `DivU`, `RemS`, `RemU`.
    pub(crate) fn divide(&mut self, op: Op) {
        self.clobber();
        let size = Self::size(op);
        let signed = matches!(op.code, OpCode::DivS | OpCode::RemS);
        let remainder = matches!(op.code, OpCode::RemS | OpCode::RemU);
        let rule = DivRule::from_aux(op.aux);
        let other = if rule == DivRule::Zero { self.remainder_of(op) } else { None };
        let wanted = [!remainder, remainder || other.is_some()];
        self.fixed(Gpr::RAX, op.a);
        self.take(Gpr::RDX);
        let b = self.using(op.b);
        let back = self.e.new_label();
        let rare = RareDivision { size, divisor: b, signed, wanted, rule };
        let cold = self.cold(ColdKind::Divide { rare, back });
        if signed {
            self.e.lea(size, Gpr::RDX, Mem::base(b, 1));
            self.e.alu_imm(Alu::Cmp, size, Gpr::RDX, 1);
            self.e.jcc(Cc::Be, cold);
            self.e.sign_to_rdx(size);
            self.e.unary(Unary::Idiv, size, b);
        } else {
            self.e.test(size, b, b);
            self.e.jcc(Cc::E, cold);
            self.e.alu(Alu::Xor, Size::D, Gpr::RDX, Gpr::RDX);
            self.e.unary(Unary::Div, size, b);
        }
        self.e.bind(back);
        self.results(op, remainder, other);
    }
    /// The destination of the next operation, if that is the remainder of the same division.
    fn remainder_of(&self, op: Op) -> Option<Ref> {
        let code = match op.code {
            OpCode::DivS => OpCode::RemS,
            OpCode::DivU => OpCode::RemU,
            OpCode::DivWideU => OpCode::RemWideU,
            _ => return None,
        };
        let next = *self.block.ops.get(self.at + 1)?;
        let same = next == Op { code, dst: next.dst, ..op };
        let apart = ![op.a, op.b, op.c].contains(&op.dst);
        (same && apart && op.dst.as_temp().is_some() && next.dst.as_temp().is_some())
            .then_some(next.dst)
    }
    /// Takes the results of a division: one, or both of it and of the next operation.
    fn results(&mut self, op: Op, remainder: bool, other: Option<Ref>) {
        self.set(op.dst, if remainder { Gpr::RDX } else { Gpr::RAX });
        if let Some(other) = other {
            self.set(other, Gpr::RDX);
            self.skip = self.at + 1;
            for t in [op.a, op.b, op.c].into_iter().filter_map(Ref::as_temp) {
                if self.live.last_use(t) as usize == self.skip {
                    self.forget_temp(t);
                }
            }
        }
    }
    /// Cold code: rax = dividend.
    pub(crate) fn divide_rarely(&mut self, rare: RareDivision, back: Label) {
        let RareDivision { size, divisor, signed, wanted: [quotient, remainder], rule } = rare;
        if remainder && signed {
            // The dividend if by 0, else 0.
            self.e.mov_imm(Gpr::RDX, 0);
            self.e.test(size, divisor, divisor);
            self.e.cmov(Cc::E, size, Gpr::RDX, Gpr::RAX);
        } else if remainder {
            self.e.mov(size, Gpr::RDX, Gpr::RAX);
        }
        if !quotient {
        } else if rule == DivRule::Zero {
            // The quotient is the product.
            self.e.imul(size, Gpr::RAX, divisor);
        } else if signed {
            // 2^n - 1 if by 0, which is the divisor less one; else the product.
            self.e.imul(size, Gpr::RAX, divisor);
            self.e.lea(size, Gpr::RDX, Mem::base(divisor, -1));
            self.e.test(size, divisor, divisor);
            self.e.cmov(Cc::E, size, Gpr::RAX, Gpr::RDX);
        } else {
            self.e.lea(size, Gpr::RAX, Mem::base(divisor, -1));
        }
        self.e.jmp(back);
    }
    /// `DivWideU` and `RemWideU`.
    pub(crate) fn divide_wide(&mut self, op: Op) {
        self.clobber();
        let size = Self::size(op);
        let other = self.remainder_of(op);
        self.fixed(Gpr::RAX, op.a);
        self.fixed(Gpr::RDX, op.c);
        let b = self.using(op.b);
        self.e.alu(Alu::Cmp, size, Gpr::RDX, b);
        let bad = self.e.jcc_short(Cc::Ae);
        self.e.unary(Unary::Div, size, b);
        let end = self.e.jmp_short();
        self.e.bind_short(bad);
        self.e.mov_imm(Gpr::RAX, 0);
        self.e.mov_imm(Gpr::RDX, 0);
        self.e.bind_short(end);
        self.results(op, op.code == OpCode::RemWideU, other);
    }
}
