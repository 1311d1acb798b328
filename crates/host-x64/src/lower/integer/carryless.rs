//! Carry-less products, products of mixed signs, and operations on the bytes of a word.

use crate::emit::sse::op as sse;
use crate::emit::{Gpr, Mem, Size};
use crate::lower::Lower;
use crate::lower::values::{OPERAND_SPILL, spill_mem};
use crate::lower::vector::splat;
use crate::{Alu, Shift, Unary};
use ir::{Op, OpCode};

impl Lower<'_> {
    /// `MulHiSU`: of the unsigned product, less b if a is negative.
    pub(crate) fn mul_high_mixed(&mut self, op: Op) {
        self.clobber();
        self.fixed(Gpr::RAX, op.a);
        self.take(Gpr::RDX);
        let b = self.using(op.b);
        let excess: Mem = spill_mem(OPERAND_SPILL);
        self.e.mov(Size::Q, Gpr::RDX, Gpr::RAX);
        self.e.shift_imm(Shift::Sar, Size::Q, Gpr::RDX, 63);
        self.e.alu(Alu::And, Size::Q, Gpr::RDX, b);
        self.e.store(Size::Q, excess, Gpr::RDX);
        self.e.unary(Unary::Mul, Size::Q, b);
        self.e.alu_load(Alu::Sub, Size::Q, Gpr::RDX, excess);
        self.set(op.dst, Gpr::RDX);
    }
    /// `ClMul`, `ClMulH`, `ClMulR`. False: not done.
    pub(crate) fn mul_carryless(&mut self, op: Op) -> bool {
        if !self.host.features().pclmul {
            return false;
        }
        self.clobber();
        let size = Self::size(op);
        let (a, b) = (self.using(op.a), self.using(op.b));
        let (x, y) = (self.scratch_v(), self.scratch_v());
        self.e.mov_to_xmm(size, x, a);
        self.e.mov_to_xmm(size, y, b);
        self.v3i(sse::PCLMULQDQ, x, x, y, 0);
        self.release(a);
        self.release(b);
        let r = self.scratch();
        match (op.code, size) {
            (OpCode::ClMul, _) => self.e.mov_from_xmm(size, r, x),
            (OpCode::ClMulH, Size::Q) => self.e.pextr(Size::Q, r, x, 1),
            (_, Size::Q) => {
                let low = self.scratch();
                self.e.mov_from_xmm(Size::Q, low, x);
                self.e.pextr(Size::Q, r, x, 1);
                self.e.shld(Size::Q, r, low, 1);
            }
            (code, _) => {
                self.e.mov_from_xmm(Size::Q, r, x);
                self.e.shift_imm(
                    Shift::Shr,
                    Size::Q,
                    r,
                    if code == OpCode::ClMulH { 32 } else { 31 },
                );
                self.e.mov(Size::D, r, r);
            }
        }
        self.set(op.dst, r);
        true
    }
    /// `OrcB`: bytes that are not zero.
    pub(crate) fn or_combine(&mut self, op: Op) {
        let size = Self::size(op);
        let a = self.using(op.a);
        let (x, zero) = (self.scratch_v(), self.scratch_v());
        self.e.mov_to_xmm(size, x, a);
        self.vzero(zero);
        self.v3(sse::PCMPEQ[0], x, x, zero);
        let d = self.define_over(op.dst, op.a, a);
        self.e.mov_from_xmm(size, d, x);
        self.e.unary(Unary::Not, size, d);
        self.set(op.dst, d);
    }
    /// `Xperm8`.
    pub(crate) fn permute_bytes(&mut self, op: Op) {
        let size = Self::size(op);
        let (a, b) = (self.using(op.a), self.using(op.b));
        let (x, y) = (self.scratch_v(), self.scratch_v());
        self.e.mov_to_xmm(size, x, a);
        self.e.mov_to_xmm(size, y, b);
        // Numbers above 15 get the bit that makes zero; those above 7 find the zeros above.
        let m = self.e.constant(splat(0x70, 8, 128));
        self.v3(sse::PADDUS[0], y, y, m);
        self.v3(sse::PSHUFB, x, x, y);
        self.release(a);
        self.release(b);
        let d = self.define(op.dst);
        self.e.mov_from_xmm(size, d, x);
        self.set(op.dst, d);
    }
}
