//! Shifts of lanes by a register's lanes, over `State::args`: bytes and halfwords as words, words as
//! doublewords, so that nothing is shifted out before it is known whether the result fits.

use crate::Alu;
use crate::emit::sse::{VShift, op};
use crate::emit::{Gpr, Mem, Size, Xmm};
use crate::lower::float::plain::shift_by_register;
use crate::lower::values::{ARGS_SPILL, home, spill_mem};
use crate::lower::vector::saturate::QC;
use crate::lower::vector::splat;
use crate::lower::{Lower, arg};
use ir::state::SLOT_FPSR;
use ir::{Op, Ty, VecOp, vec_op};

const X: Xmm = Xmm(14);
const Y: Xmm = Xmm(15);
/// Amounts to the left, then what is between.
const AMOUNT: Mem = arg(2);
const REST: Mem = arg(3);

/// Where the results of two parts wait, and the first two of four once they are joined.
const PARTS: [Mem; 2] = [spill_mem(ARGS_SPILL), spill_mem(ARGS_SPILL + 1)];

#[derive(Clone, Copy)]
struct Wide {
    /// As in the operation.
    lane: u8,
    signed: bool,
    rounded: bool,
    saturates: bool,
}

impl Wide {
    /// Of the wider lanes.
    fn lane(self) -> usize {
        if self.lane == 2 { 3 } else { 2 }
    }
    fn bits(self) -> u32 {
        8 << self.lane
    }
}

impl Lower<'_> {
    /// Does `o`. False: not done, nothing emitted.
    pub(crate) fn shift_wide(&mut self, o: Op) -> bool {
        let Some((signed, rounded, saturates)) = shift_by_register(VecOp::from_u16(o.aux)) else {
            return false;
        };
        let w = Wide { lane: vec_op::lane(o.imm), signed, rounded, saturates };
        if w.lane > 2 || o.imm >> 8 != 0 || !self.avx() {
            return false;
        }
        // Bytes of the operands that make 16 of wider lanes.
        let step: u32 = if w.lane == 0 { 4 } else { 8 };
        let parts = o.ty.bits() / 8 / step;
        for part in 0..parts {
            let at = (part * step) as i32;
            self.shift_part(w, arg(0).plus(at), arg(1).plus(at));
            if saturates {
                self.saturate_part(w, part == 0);
            } else {
                let kept = u64::MAX >> (64 - w.bits());
                let kept = self.e.constant(splat(kept, 8 << w.lane(), 128));
                self.v3(op::PAND, X, X, kept);
            }
            self.join_part(w, part, parts);
        }
        if o.ty == Ty::V64 {
            self.v2(op::MOVQ, X, X);
        }
        self.e.movaps_store(arg(0), X);
        if saturates {
            self.e.alu_imm(Alu::Cmp, Size::D, Gpr::RDX, 0xffff);
            let none = self.e.jcc_short(crate::emit::Cc::E);
            self.e.alu_mem_imm(Alu::Or, Size::D, home(SLOT_FPSR), QC);
            self.e.bind_short(none);
        }
        true
    }
    /// `X` = wider lanes.
    fn widen_part(&mut self, w: Wide, m: Mem) {
        let extend = if w.signed { op::PMOVSX } else { op::PMOVZX };
        if w.lane == 0 {
            // To words at once.
            let code = if w.signed { op::PMOVSXBD } else { op::PMOVZXBD };
            self.v2(code, X, m);
        } else {
            self.v2(extend[usize::from(w.lane)], X, m);
        }
    }
    /// `AMOUNT` = the signed bytes that are amounts, none of which shifts farther than all bits out.
    fn amounts_part(&mut self, w: Wide, m: Mem) {
        match w.lane {
            0 => self.v2(op::PMOVSXBD, Y, m),
            1 => self.v2(op::PMOVSX[1], Y, m),
            _ => self.e.movsd_load(Y, m),
        }
        if w.lane > 0 {
            self.vshift(VShift::Sll, 2, Y, Y, 24);
            self.vshift(VShift::Sra, 2, Y, Y, 24);
        }
        let bits = u64::from(w.bits());
        let (most, least) = (splat(bits, 32, 128), splat((bits + 1).wrapping_neg(), 32, 128));
        let (most, least) = (self.e.constant(most), self.e.constant(least));
        self.v3(op::PMINS[2], Y, Y, most);
        self.v3(op::PMAXS[2], Y, Y, least);
        if w.lane == 2 {
            self.v2(op::PMOVSX[2], Y, Y);
        }
        self.e.movaps_store(AMOUNT, Y);
    }
    /// `X` = the lanes at `m` shifted by those at `n`. Amounts that are negative shift everything out
    /// on the host, so both directions are joined.
    fn shift_part(&mut self, w: Wide, m: Mem, n: Mem) {
        let l = w.lane();
        let wide = 8 << l;
        let sign = self.e.constant(splat(1 << (wide - 1), wide, 128));
        self.amounts_part(w, n);
        // To the right by the opposite.
        self.vzero(Y);
        self.v3(op::PSUB[l], Y, Y, AMOUNT);
        if w.rounded {
            // Half of the last place first.
            self.e.movaps_store(REST, Y);
            let ones = self.e.constant(u128::MAX);
            let one = self.e.constant(splat(1, wide, 128));
            self.v3(op::PADD[l], Y, Y, ones);
            self.vmov(X, one);
            self.v3(op::PSLLV[l - 2], Y, X, Y);
            self.widen_part(w, m);
            self.v3(op::PADD[l], X, X, Y);
            self.vmov(Y, REST);
        } else {
            self.widen_part(w, m);
        }
        if w.signed && l == 2 {
            self.v3(op::PSRAVD, X, X, Y);
            self.vmov(Y, AMOUNT);
            self.vshift(VShift::Sra, 2, Y, Y, 31);
            self.v3(op::PAND, X, X, Y);
        } else if w.signed {
            // Less by what the sign became that was turned.
            self.v3(op::PXOR, X, X, sign);
            self.v3(op::PSRLV[1], X, X, Y);
            self.e.movaps_store(REST, X);
            self.vmov(X, sign);
            self.v3(op::PSRLV[1], Y, X, Y);
            self.vmov(X, REST);
            self.v3(op::PSUB[3], X, X, Y);
            // (Zero to the right is all of it, and so it is to the left.)
        } else {
            self.v3(op::PSRLV[l - 2], X, X, Y);
        }
        self.e.movaps_store(REST, X);
        self.widen_part(w, m);
        self.v3(op::PSLLV[l - 2], X, X, AMOUNT);
        self.v3(op::POR, X, X, REST);
    }
    /// `X` = its lanes, saturated; `edx` keeps ones where they are as they were.
    fn saturate_part(&mut self, w: Wide, first: bool) {
        let (l, bits) = (w.lane(), w.bits());
        let wide = 8 << l;
        let greatest = u64::MAX >> if w.signed { 65 - bits } else { 64 - bits };
        let most = self.e.constant(splat(greatest, wide, 128));
        if l == 2 {
            self.vmov(Y, X);
            if w.signed {
                let least = self.e.constant(splat(!greatest, wide, 128));
                self.v3(op::PMAXS[2], X, X, least);
                self.v3(op::PMINS[2], X, X, most);
            } else {
                self.v3(op::PMINU[2], X, X, most);
            }
            self.v3(op::PCMPEQ[2], Y, Y, X);
            self.e.pmovmskb(Gpr::RAX, Y);
        } else {
            // Their low words, extended.
            let extend = if w.signed { op::PMOVSX[2] } else { op::PMOVZX[2] };
            self.v2i(op::PSHUFD, Y, X, 0x08);
            self.v2(extend, Y, Y);
            self.v3(op::PCMPEQ[3], Y, Y, X);
            self.e.pmovmskb(Gpr::RAX, Y);
            self.e.movaps_store(REST, Y);
            if w.signed {
                self.vzero(Y);
                self.v3(op::PCMPGT[3], Y, Y, X);
                self.v3(op::PXOR, Y, Y, most);
            } else {
                self.vmov(Y, most);
            }
            self.v3(op::PXOR, X, X, Y);
            self.v3(op::PAND, X, X, REST);
            self.v3(op::PXOR, X, X, Y);
        }
        if first {
            self.e.mov(Size::D, Gpr::RDX, Gpr::RAX);
        } else {
            self.e.alu(Alu::And, Size::D, Gpr::RDX, Gpr::RAX);
        }
    }
    /// Keeps `X`, the result of a part, or makes `X` the low parts of all lanes after the last one.
    fn join_part(&mut self, w: Wide, part: u32, parts: u32) {
        // Signed results are numbers, others are bits.
        let pack = if w.signed && w.saturates { op::PACKSS } else { op::PACKUS };
        let m = PARTS[(part / 2) as usize];
        if part.is_multiple_of(2) && parts > 1 {
            return self.e.movaps_store(m, X);
        }
        if parts == 1 {
            self.vmov(Y, X);
        } else {
            self.vmov(Y, m);
        }
        if w.lane == 2 {
            self.v3i(op::SHUFPS, X, Y, X, 0x88);
        } else {
            self.v3(pack[1], X, Y, X);
        }
        if w.lane == 0 {
            if part + 1 < parts {
                self.e.movaps_store(m, X);
            } else if parts == 4 {
                self.vmov(Y, PARTS[0]);
                self.v3(pack[0], X, Y, X);
            } else {
                self.v3(pack[0], X, X, X);
            }
        }
    }
}
