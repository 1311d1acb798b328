//! Estimates of reciprocals and of reciprocal square roots, by a table behind the stubs.

use crate::emit::sse::{VShift, op};
use crate::emit::{Cc, Gpr, Label, Mem, Size, Xmm};
use crate::lower::vector::splat;
use crate::lower::{Lower, arg};
use core::mem::offset_of;
use ir::{Op, OpCode, State, Ty, VecOp, vec_op};

const X: Xmm = Xmm(14);
const Y: Xmm = Xmm(15);

/// Fractions of estimates: of 1/x for x from 1 to 2 by the first 8 bits of its fraction, then of
/// 1/sqrt(x) by the last bit of its exponent and these.
pub(crate) static ESTIMATES: [u8; 768] = estimates();
/// Where those of roots are.
const ROOTS: i32 = 256;

/// As the manual's `RecipEstimate` and `RecipSqrtEstimate`.
const fn estimates() -> [u8; 768] {
    let mut table = [0; 768];
    let mut n = 0;
    while n < 256 {
        table[n] = (((1_usize << 19) / (2 * (256 + n) + 1)).div_ceil(2) - 256) as u8;
        // Of 1 to 2 where the biased exponent is even; of half of that where it is odd.
        table[ROOTS as usize + n] = root_estimate((256 + n) / 2 * 4 + 2);
        table[ROOTS as usize + 256 + n] = root_estimate((128 + n / 2) * 2 + 1);
        n += 1;
    }
    table
}

const fn root_estimate(a: usize) -> u8 {
    let mut b = 512_usize;
    while a * (b + 1) * (b + 1) < 1 << 28 {
        b += 1;
    }
    (b.div_ceil(2) - 256) as u8
}

impl Lower<'_> {
    /// Estimates over `State::args`, of numbers that are normal and whose estimates are. Leads to the
    /// label; goes on where it could not be done. None: nothing emitted.
    pub(crate) fn estimate(&mut self, o: Op) -> Option<Label> {
        if o.code != OpCode::Vec {
            return None;
        }
        let what = VecOp::from_u16(o.aux);
        let root = what == VecOp::FRsqrte;
        let lane = vec_op::lane(o.imm);
        let scalar = o.imm >> 8 & vec_op::SCALAR != 0 || lane == 3 && o.ty == Ty::V64;
        let total = if scalar { 8 << lane } else { o.ty.bits() };
        if !matches!(what, VecOp::FRecpe | VecOp::FRsqrte) {
            return None;
        }
        let (slow, done) = (self.e.new_label(), self.e.new_label());
        self.float_estimate(lane, total, root, slow);
        self.e.movaps_store(arg(0), X);
        self.e.jmp(done);
        self.e.bind(slow);
        Some(done)
    }
    /// The lanes of the operand; zeros above.
    fn load_total(&mut self, x: Xmm, total: u32) {
        match total {
            16 => {
                self.e.load_zx(Size::W, Gpr::RAX, arg(0));
                self.e.mov_to_xmm(Size::D, x, Gpr::RAX);
            }
            32 => self.e.movss_load(x, arg(0)),
            64 => self.e.movsd_load(x, arg(0)),
            _ => self.e.movaps_load(x, arg(0)),
        }
    }
    /// `Y` = the table's entries for the indices in the lanes of `arg(3)`, in as many lanes as
    /// `total` has.
    fn look_up(&mut self, lane: u8, total: u32, table: i32) {
        let size = Size::from_log2(lane);
        self.e.load(Size::Q, Gpr::RDX, Mem::state(offset_of!(State, estimates) as i32));
        self.vzero(Y);
        for n in 0..total / (8 << lane) {
            self.e.load_zx(size.min(Size::D), Gpr::RAX, arg(3).plus((n << lane) as i32));
            self.e.load_zx(Size::B, Gpr::RAX, Mem::index(Gpr::RDX, Gpr::RAX, 0, table));
            self.e.pinsr(size, Y, Gpr::RAX, n as u8);
        }
    }
    fn float_estimate(&mut self, lane: u8, total: u32, root: bool, slow: Label) {
        let l = usize::from(lane);
        let bits = 8 << lane;
        let (fraction, bias): (u32, u64) = match lane {
            1 => (10, 15),
            2 => (23, 127),
            _ => (52, 1023),
        };
        let all = |v: u64| splat(v, bits, total);
        let exponent = (2 * bias + 1) << fraction;
        // Least and greatest magnitude that are not done here; roots are of positive numbers.
        let (least, most) =
            (1 << fraction, if root { exponent } else { (2 * bias - 1) << fraction });
        self.load_total(X, total);
        let (low, high) = (self.e.constant(all(least - 1)), self.e.constant(all(most)));
        self.vmov(Y, X);
        if !root {
            let magnitude = self.e.constant(all(u64::MAX >> (65 - bits)));
            self.v3(op::PAND, Y, Y, magnitude);
        }
        self.e.movaps_store(arg(3), Y);
        // Ones where the magnitude is above `low`, and where it is below `high`.
        self.v3(op::PCMPGT[l], Y, Y, low);
        self.e.movaps_store(arg(2), Y);
        self.vmov(Y, high);
        self.v3(op::PCMPGT[l], Y, Y, arg(3));
        self.v3(op::PAND, Y, Y, arg(2));
        let ones = self.e.constant(all(u64::MAX));
        self.v3(op::PXOR, Y, Y, ones);
        self.v2(op::PTEST, Y, Y);
        self.e.jcc(Cc::Ne, slow);
        let mask = self.e.constant(all(if root { 0x1ff } else { 0xff }));
        self.vshift(VShift::Srl, lane, Y, X, fraction - 8);
        self.v3(op::PAND, Y, Y, mask);
        self.e.movaps_store(arg(3), Y);
        // The exponent: taken from a constant, halved for roots; the sign stays.
        if root {
            self.vshift(VShift::Srl, lane, Y, X, fraction);
            let from = self.e.constant(all(3 * bias - 1));
            self.vmov(X, from);
            self.v3(op::PSUB[l], X, X, Y);
            self.vshift(VShift::Srl, lane, X, X, 1);
            self.vshift(VShift::Sll, lane, X, X, fraction);
        } else {
            let mask = self.e.constant(all(exponent));
            self.vmov(Y, X);
            self.v3(op::PAND, Y, Y, mask);
            self.v3(op::PXOR, X, X, Y);
            self.e.movaps_store(arg(2), X);
            let from = self.e.constant(all((2 * bias - 1) << fraction));
            self.vmov(X, from);
            self.v3(op::PSUB[l], X, X, Y);
            let sign = self.e.constant(all(1 << (bits - 1)));
            self.e.movaps_load(Y, arg(2));
            self.v3(op::PAND, Y, Y, sign);
            self.v3(op::POR, X, X, Y);
        }
        self.look_up(lane, total, if root { ROOTS } else { 0 });
        self.vshift(VShift::Sll, lane, Y, Y, fraction - 8);
        self.v3(op::POR, X, X, Y);
    }
    /// URECPE, URSQRTE: what is below a half, for roots a quarter, gives all ones.
    pub(crate) fn unsigned_estimate(&mut self, total: u32, root: bool) -> bool {
        let byte = self.e.constant(splat(0xff, 32, total));
        let top = self.e.constant(splat(1 << 31, 32, total));
        self.load_total(X, total);
        self.vshift(VShift::Srl, 2, Y, X, 23);
        self.v3(op::PAND, Y, Y, byte);
        if root {
            // From a quarter to a half: seven bits, and the table's second part.
            self.e.movaps_store(arg(2), Y);
            self.vshift(VShift::Srl, 2, Y, X, 22);
            self.v3(op::PAND, Y, Y, byte);
            let second = self.e.constant(splat(0x100, 32, total));
            self.v3(op::POR, Y, Y, second);
            self.e.movaps_store(arg(1), Y);
            self.v3(op::PXOR, Y, Y, arg(2));
            self.vshift(VShift::Sra, 2, X, X, 31);
            self.v3(op::PAND, Y, Y, X);
            self.v3(op::PXOR, Y, Y, arg(1));
            self.load_total(X, total);
        }
        self.e.movaps_store(arg(3), Y);
        // Ones where the operand is below the limit.
        let limit =
            self.e.constant(splat(if root { (1 << 30) - 1 } else { (1 << 31) - 1 }, 32, total));
        self.v3(op::PMINU[2], Y, X, limit);
        self.v3(op::PCMPEQ[2], X, X, Y);
        self.look_up(2, total, if root { ROOTS } else { 0 });
        self.vshift(VShift::Sll, 2, Y, Y, 23);
        self.v3(op::POR, X, X, Y);
        self.v3(op::POR, X, X, top);
        if total == 64 {
            self.v2(op::MOVQ, X, X);
        }
        self.e.movaps_store(arg(0), X);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::ESTIMATES;

    #[test]
    fn estimates_are_the_manuals() {
        // 1/1 and 1/2 less a step, 1/sqrt(1) and 1/sqrt(2) less a step.
        assert_eq!((ESTIMATES[0], ESTIMATES[255]), (255, 0));
        assert_eq!((ESTIMATES[256], ESTIMATES[511]), (105, 0));
        assert_eq!((ESTIMATES[512], ESTIMATES[767]), (255, 106));
    }
}
