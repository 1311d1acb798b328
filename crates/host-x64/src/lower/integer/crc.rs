//! Cyclic redundancy checks.

use crate::emit::sse::op::{PAND, PCLMULQDQ};
use crate::emit::{Gpr, Imm, Size, Xmm};
use crate::lower::Lower;
use crate::{Alu, Shift};
use ir::Op;

/// Low half: floor(x^64 / P), high half: P, both of 33 bits and reflected, for Barrett's reduction
/// modulo the polynomial 0x04c11db7.
const BARRETT: u128 = 0x1_db71_0641 << 64 | 0x1_f701_1641;

impl Lower<'_> {
    /// CRC32C: the host has an instruction, which leaves the flags alone.
    pub(crate) fn crc32c(&mut self, op: Op) {
        let from = Size::from_log2(op.aux as u8);
        let b = self.using(op.b);
        let a = self.using(op.a);
        let s = self.scratch();
        self.e.mov(Size::D, s, a);
        self.e.crc32(from, s, b);
        self.set(op.dst, s);
    }
    /// CRC32: carry-less multiplications.
    pub(crate) fn crc32(&mut self, op: Op) {
        if !self.host.features().pclmul {
            return self.helper(op);
        }
        self.clobber();
        let from = Size::from_log2(op.aux as u8);
        let a = self.using(op.a);
        let b = self.using(op.b);
        let s = self.scratch();
        let x = self.scratch_v();
        self.e.mov(Size::D, s, a);
        self.e.alu(Alu::Xor, Size::D, s, b);
        match from {
            Size::B | Size::W => {
                // The bytes that are done move to the top; the others are only shifted out.
                let n = if from == Size::B { 8 } else { 16 };
                self.e.shift_imm(Shift::Shl, Size::D, s, 32 - n);
                self.reduce(x, s);
                self.e.mov(Size::D, s, a);
                self.e.shift_imm(Shift::Shr, Size::D, s, n);
                let t = self.second(a, b);
                self.e.pextr(Size::D, t, x, 1);
                self.e.alu(Alu::Xor, Size::D, s, t);
            }
            Size::D => {
                self.reduce(x, s);
                self.e.pextr(Size::D, s, x, 1);
            }
            Size::Q => {
                self.reduce(x, s);
                let t = self.second(a, b);
                self.e.mov(Size::Q, t, b);
                self.e.shift_imm(Shift::Shr, Size::Q, t, 32);
                self.e.pextr(Size::D, s, x, 1);
                self.e.alu(Alu::Xor, Size::D, s, t);
                self.reduce(x, s);
                self.e.pextr(Size::D, s, x, 1);
            }
        }
        self.set(op.dst, s);
    }
    /// One more scratch register when `a` is not needed any more.
    fn second(&mut self, a: Gpr, b: Gpr) -> Gpr {
        if a != b {
            self.release(a);
        }
        self.scratch()
    }
    /// Bits 63..32 of `x` = the 32-bit `v`, times x^32, modulo the polynomial (all reflected).
    fn reduce(&mut self, x: Xmm, v: Gpr) {
        let constants = self.e.constant(BARRETT);
        let mask = self.e.constant(0xffff_ffff);
        self.e.mov_to_xmm(Size::D, x, v);
        self.e.sse_rm(PCLMULQDQ, x, constants, Imm::I8(0));
        self.e.sse_rm(PAND, x, mask, Imm::None);
        self.e.sse_rm(PCLMULQDQ, x, constants, Imm::I8(0x10));
    }
}
