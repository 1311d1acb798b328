//! Saturating operations on lanes for which hosts have no instruction, over `State::args`.

use crate::Alu;
use crate::emit::sse::{VShift, op};
use crate::emit::{Cc, Gpr, Size, Xmm};
use crate::lower::values::{ARGS_SPILL, home, spill_mem};
use crate::lower::vector::splat;
use crate::lower::{Lower, arg};
use ir::state::SLOT_FPSR;
use ir::{Op, Ty, VecOp, vec_op};

const X: Xmm = Xmm(14);
const Y: Xmm = Xmm(15);
/// FPSR.QC.
pub(crate) const QC: i32 = 1 << 27;

impl Lower<'_> {
    /// Does `o` over `State::args`. False: not done, nothing emitted.
    pub(crate) fn saturate_in_args(&mut self, o: Op) -> bool {
        let lane = usize::from(vec_op::lane(o.imm));
        let what = VecOp::from_u16(o.aux);
        if matches!(what, VecOp::QNarrowS | VecOp::QNarrowU | VecOp::QNarrowSU) {
            return self.narrow_doublewords(o, what);
        }
        if o.imm >> 8 != 0 {
            return false;
        }
        match what {
            VecOp::QAddS | VecOp::QSubS if lane >= 2 => self.signed_sum(lane, what),
            VecOp::QAddU | VecOp::QSubU if lane >= 2 => self.unsigned_sum(lane, what),
            VecOp::QAbs if lane < 3 => self.but_the_least(lane, what),
            VecOp::QNeg => self.but_the_least(lane, what),
            _ => return false,
        }
        // X is the result, Y has ones where it saturates.
        self.e.pmovmskb(Gpr::RAX, Y);
        if o.ty == Ty::V64 {
            self.v2(op::MOVQ, X, X);
            self.e.alu_imm(Alu::And, Size::D, Gpr::RAX, 0xff);
        } else {
            self.e.test(Size::D, Gpr::RAX, Gpr::RAX);
        }
        self.e.movaps_store(arg(0), X);
        let none = self.e.jcc_short(Cc::E);
        self.e.alu_mem_imm(Alu::Or, Size::D, home(SLOT_FPSR), QC);
        self.e.bind_short(none);
        true
    }
    /// SQXTN, UQXTN and SQXTUN of doublewords: they fit if their high words say nothing new.
    fn narrow_doublewords(&mut self, o: Op, what: VecOp) -> bool {
        if vec_op::lane(o.imm) != 2 || o.imm >> 8 & 0xff != 0 {
            return false;
        }
        self.v2i(op::PSHUFD, X, arg(0), 0x08);
        self.e.movaps_store(arg(1), X);
        // Y = what the high words must be.
        if what == VecOp::QNarrowS {
            self.vshift(VShift::Sra, 2, Y, X, 31);
        } else {
            self.vzero(Y);
        }
        self.v2i(op::PSHUFD, X, arg(0), 0x0d);
        self.v3(op::PCMPEQ[2], Y, Y, X);
        // X = what is beyond all numbers, on that side.
        match what {
            VecOp::QNarrowS => {
                let greatest = self.e.constant(splat(0x7fff_ffff, 32, 128));
                self.vshift(VShift::Sra, 2, X, X, 31);
                self.v3(op::PXOR, X, X, greatest);
            }
            VecOp::QNarrowU => self.v3(op::PCMPEQ[2], X, X, X),
            _ => {
                let ones = self.e.constant(splat(u64::MAX, 64, 128));
                self.vshift(VShift::Sra, 2, X, X, 31);
                self.v3(op::PXOR, X, X, ones);
            }
        }
        self.v3(op::PXOR, X, X, arg(1));
        self.e.pmovmskb(Gpr::RAX, Y);
        self.v3(op::PANDN, Y, Y, X);
        self.v3(op::PXOR, Y, Y, arg(1));
        if o.imm >> 8 & 0x100 != 0 {
            self.e.movsd_load(X, arg(2));
            self.v3(op::PUNPCKL[3], X, X, Y);
        } else {
            self.v2(op::MOVQ, X, Y);
        }
        self.e.movaps_store(arg(0), X);
        self.e.alu_imm(Alu::And, Size::D, Gpr::RAX, 0xff);
        self.e.alu_imm(Alu::Cmp, Size::D, Gpr::RAX, 0xff);
        let none = self.e.jcc_short(Cc::E);
        self.e.alu_mem_imm(Alu::Or, Size::D, home(SLOT_FPSR), QC);
        self.e.bind_short(none);
        true
    }
    /// SQADD and SQSUB: an overflow turns the sign in a way that operands tell.
    fn signed_sum(&mut self, lane: usize, what: VecOp) {
        let sum = spill_mem(ARGS_SPILL);
        self.e.movaps_load(X, arg(0));
        self.e.movaps_load(Y, arg(0));
        if what == VecOp::QAddS {
            // (sum ^ a) & (sum ^ b)
            self.v3(op::PADD[lane], X, X, arg(1));
            self.e.movaps_store(sum, X);
            self.v3(op::PXOR, Y, Y, X);
            self.v3(op::PXOR, X, X, arg(1));
        } else {
            // (difference ^ a) & (a ^ b)
            self.v3(op::PSUB[lane], X, X, arg(1));
            self.e.movaps_store(sum, X);
            self.v3(op::PXOR, X, X, Y);
            self.v3(op::PXOR, Y, Y, arg(1));
        }
        self.v3(op::PAND, X, X, Y);
        self.vzero(Y);
        self.v3(op::PCMPGT[lane], Y, Y, X);
        // The greatest number, or the least where a is negative.
        self.vzero(X);
        self.v3(op::PCMPGT[lane], X, X, arg(0));
        let greatest = self.e.constant(splat(u64::MAX >> (65 - (8 << lane)), 8 << lane, 128));
        self.v3(op::PXOR, X, X, greatest);
        self.v3(op::PXOR, X, X, sum);
        self.v3(op::PAND, X, X, Y);
        self.v3(op::PXOR, X, X, sum);
    }
    /// UQADD and UQSUB. The host compares signed numbers only.
    fn unsigned_sum(&mut self, lane: usize, what: VecOp) {
        let least = self.e.constant(splat(1 << ((8 << lane) - 1), 8 << lane, 128));
        let adds = what == VecOp::QAddU;
        let result = spill_mem(ARGS_SPILL);
        self.e.movaps_load(X, arg(0));
        self.v3(if adds { op::PADD[lane] } else { op::PSUB[lane] }, X, X, arg(1));
        self.e.movaps_store(result, X);
        // The sum is less than a; b is greater than a.
        let (greater, smaller) = if adds { (arg(0), result) } else { (arg(1), arg(0)) };
        self.e.movaps_load(Y, greater);
        self.v3(op::PXOR, Y, Y, least);
        self.e.movaps_load(X, smaller);
        self.v3(op::PXOR, X, X, least);
        self.v3(op::PCMPGT[lane], Y, Y, X);
        self.vmov(X, Y);
        if adds {
            self.v3(op::POR, X, X, result);
        } else {
            self.v3(op::PANDN, X, X, result);
        }
    }
    /// SQABS and SQNEG: the least number, which would stay, becomes the greatest.
    fn but_the_least(&mut self, lane: usize, what: VecOp) {
        let least = self.e.constant(splat(1 << ((8 << lane) - 1), 8 << lane, 128));
        if what == VecOp::QAbs {
            self.v2(op::PABS[lane], X, arg(0));
        } else {
            self.vzero(X);
            self.v3(op::PSUB[lane], X, X, arg(0));
        }
        self.e.movaps_load(Y, arg(0));
        self.v3(op::PCMPEQ[lane], Y, Y, least);
        self.v3(op::PXOR, X, X, Y);
    }
}
