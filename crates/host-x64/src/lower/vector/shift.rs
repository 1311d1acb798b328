//! SIMD: shifts, widening and narrowing.

use crate::emit::Xmm;
use crate::emit::sse::{VShift, op};
use crate::lower::values::XmmOrMem;
use crate::lower::vector::{Temps, VArgs, shuffle, splat};
use crate::lower::{Lower, arg};
use ir::{Op, Ty, VecOp, vec_op};

/// The scratch registers, where operands are in `State::args`.
const X: Xmm = Xmm(14);
const Y: Xmm = Xmm(15);

impl Lower<'_> {
    /// `d = s << n`, lane by lane.
    fn shl_lanes(&mut self, d: Xmm, s: Xmm, lane: u8, n: u32) {
        if lane > 0 {
            return self.vshift(VShift::Sll, lane, d, s, n);
        }
        let m = self.e.constant(splat(0xff << n, 8, 128));
        self.vshift(VShift::Sll, 1, d, s, n);
        self.v3(op::PAND, d, d, m);
    }
    /// `d = s >> n`, zeros in.
    pub(crate) fn shr_lanes(&mut self, d: Xmm, s: Xmm, lane: u8, n: u32) {
        if lane > 0 {
            return self.vshift(VShift::Srl, lane, d, s, n);
        }
        let m = self.e.constant(splat(0xff >> n, 8, 128));
        self.vshift(VShift::Srl, 1, d, s, n);
        self.v3(op::PAND, d, d, m);
    }
    /// `d = s >> n`, sign in; `d` is not `s`.
    pub(crate) fn sar_lanes(&mut self, t: &mut Temps, d: Xmm, s: Xmm, lane: u8, n: u32) {
        let bits = 8 << lane;
        let n = n.min(bits - 1);
        match lane {
            1 | 2 => self.vshift(VShift::Sra, lane, d, s, n),
            0 => {
                let m = self.e.constant(splat(0x80 >> n, 8, 128));
                self.shr_lanes(d, s, 0, n);
                self.v3(op::PXOR, d, d, m);
                self.v3(op::PSUB[0], d, d, m);
            }
            _ if n == 0 => self.vmov(d, s),
            _ => {
                let sign = self.temp_v(t);
                self.vzero(sign);
                self.v3(op::PCMPGT[3], sign, sign, s);
                self.vshift(VShift::Sll, 3, sign, sign, 64 - n);
                self.vshift(VShift::Srl, 3, d, s, n);
                self.v3(op::POR, d, d, sign);
            }
        }
    }
    /// `d = (s >> n)` rounded: plus the last bit shifted out. `d`, `u` and `s` differ; n is not 0.
    #[expect(clippy::too_many_arguments, reason = "three registers and a shift's parameters")]
    fn rounding_right(
        &mut self,
        t: &mut Temps,
        d: Xmm,
        u: Xmm,
        s: Xmm,
        lane: u8,
        n: u32,
        signed: bool,
    ) {
        let bits = 8 << lane;
        let one = self.e.constant(splat(1, bits, 128));
        if signed && n < bits {
            self.sar_lanes(t, d, s, lane, n);
        } else if signed {
            self.sar_lanes(t, d, s, lane, bits - 1);
        } else {
            self.shr_lanes(d, s, lane, n);
        }
        self.vshift(VShift::Srl, lane.max(1), u, s, n - 1);
        self.v3(op::PAND, u, u, one);
        self.v3(op::PADD[usize::from(lane)], d, d, u);
    }

    pub(crate) fn vec_shift(&mut self, v: &VArgs) -> bool {
        if v.lane > 3 {
            return false;
        }
        let (bits, n) = (v.bits(), v.param);
        match v.code {
            VecOp::ShlI | VecOp::ShrU | VecOp::ShrS | VecOp::RShrU | VecOp::RShrS => {
                let mut t = Temps::default();
                let x = self.using_v(v.a);
                let single = v.lane > 0 && !(v.code == VecOp::ShrS && v.lane == 3);
                let plain = matches!(v.code, VecOp::ShlI | VecOp::ShrU | VecOp::ShrS);
                let d =
                    if single && plain { self.out_v(&mut t, v.dst) } else { self.temp_v(&mut t) };
                match v.code {
                    VecOp::ShlI => self.shl_lanes(d, x, v.lane, n),
                    VecOp::ShrU => self.shr_lanes(d, x, v.lane, n),
                    VecOp::ShrS => self.sar_lanes(&mut t, d, x, v.lane, n),
                    c => {
                        let u = self.temp_v(&mut t);
                        self.rounding_right(&mut t, d, u, x, v.lane, n, c == VecOp::RShrS);
                    }
                }
                let clean = self.width(v.a) <= v.total;
                self.finish_low(t, v, d, clean);
                true
            }
            VecOp::ShlAll | VecOp::ShrUAll | VecOp::ShrSAll => {
                let Some(l) = v.l().checked_sub(1) else { return false };
                let code = match v.code {
                    VecOp::ShlAll => op::PSLL.get(l),
                    VecOp::ShrUAll => op::PSRL.get(l),
                    _ => op::PSRA.get(l),
                };
                code.is_some_and(|&code| self.one(v, code, v.a, v.b, false))
            }
            VecOp::Sli | VecOp::Sri => {
                let all = u64::MAX >> (64 - bits);
                let (shift, mask) = if v.code == VecOp::Sli {
                    (VShift::Sll, all.checked_shl(n))
                } else {
                    (VShift::Srl, all.checked_shr(n))
                };
                let m = self.e.constant(splat(mask.unwrap_or(0), bits, v.total));
                let mut t = Temps::default();
                let (x, z) = (self.using_v(v.a), self.using_vm(v.c));
                let u = self.temp_v(&mut t);
                // Bytes are shifted as words: the mask drops what comes from the neighbour.
                self.vshift(shift, v.lane.max(1), u, x, n);
                self.v3(op::PXOR, u, u, z);
                self.v3(op::PAND, u, u, m);
                self.v3(op::PXOR, u, u, z);
                let clean = self.width(v.c) <= v.total;
                self.finish_low(t, v, u, clean);
                true
            }
            VecOp::Xar => {
                let mut t = Temps::default();
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
                let n = n & 63;
                self.v3(op::PXOR, p, x, y);
                if n != 0 {
                    self.vshift(VShift::Sll, 3, q, p, 64 - n);
                    self.vshift(VShift::Srl, 3, p, p, n);
                    self.v3(op::POR, p, p, q);
                }
                self.finish_v(t, v.dst, p);
                true
            }
            VecOp::ShlU | VecOp::ShlS => self.shift_by_register(v),
            _ => false,
        }
    }
    /// Shifts of words and doublewords by what each lane says.
    fn shift_by_register(&mut self, v: &VArgs) -> bool {
        let signed = v.code == VecOp::ShlS;
        if !self.avx() || v.lane < 2 {
            return false;
        }
        let n = v.l() - 2;
        let low = self.e.constant(splat(0xff, v.bits(), 128));
        let mut t = Temps::default();
        let (x, y) = (self.using_v(v.a), self.using_v(v.b));
        let (left, right) = (self.temp_v(&mut t), self.temp_v(&mut t));
        // An amount above the lane's width gives zero: negative ones do as unsigned bytes.
        self.vzero(right);
        self.v3(op::PSUB[v.l()], right, right, y);
        self.v3(op::PAND, right, right, low);
        if signed && v.lane == 3 {
            // As unsigned numbers, of which negative ones are inverted before and after.
            let sign = self.temp_v(&mut t);
            self.vzero(sign);
            self.v3(op::PCMPGT[3], sign, sign, x);
            self.v3(op::PXOR, left, x, sign);
            self.v3(op::PSRLV[n], right, left, right);
            self.v3(op::PXOR, right, right, sign);
            self.vshift(VShift::Sll, 3, left, y, 56);
            self.vzero(sign);
            self.v3(op::PCMPGT[3], sign, sign, left);
            self.v3(op::PAND, right, right, sign);
        } else if signed {
            self.v3(op::PSRAVD, right, x, right);
            self.vshift(VShift::Sll, 2, left, y, 24);
            self.vshift(VShift::Sra, 2, left, left, 31);
            self.v3(op::PAND, right, right, left);
        } else {
            self.v3(op::PSRLV[n], right, x, right);
        }
        self.v3(op::PAND, left, y, low);
        self.v3(op::PSLLV[n], left, x, left);
        self.v3(op::POR, left, left, right);
        let clean = self.width(v.a) <= v.total;
        self.finish_low(t, v, left, clean);
        true
    }

    /// USHL and SSHL of halfwords, over `State::args`, as words: the odd ones where they are, in the high
    /// halves. False: not done, nothing emitted.
    pub(crate) fn shift_halfwords(&mut self, o: Op, signed: bool) -> bool {
        const ODD: u8 = 0xaa;
        if !self.avx() || vec_op::lane(o.imm) != 1 || o.imm >> 8 != 0 {
            return false;
        }
        let amount = self.e.constant(splat(0xff, 32, 128));
        let (low, high) = (splat(0xffff, 32, 128), splat(0xffff_0000, 32, 128));
        let (low, high) = (self.e.constant(low), self.e.constant(high));
        let shift = if signed { op::PSRAVD } else { op::PSRLV[0] };
        // To the right, by the amount's opposite. What is no such amount is one above the width.
        self.vzero(Y);
        self.v3(op::PSUB[1], Y, Y, arg(1));
        self.e.movaps_store(arg(2), Y);
        self.v3(op::PAND, Y, Y, amount);
        self.e.movaps_load(X, arg(0));
        if signed {
            self.vshift(VShift::Sll, 2, X, X, 16);
            self.vshift(VShift::Sra, 2, X, X, 16);
        } else {
            self.v3(op::PAND, X, X, low);
        }
        self.v3(shift, X, X, Y);
        self.e.movaps_store(arg(3), X);
        self.e.movaps_load(Y, arg(2));
        self.vshift(VShift::Srl, 2, Y, Y, 16);
        self.v3(op::PAND, Y, Y, amount);
        self.e.movaps_load(X, arg(0));
        self.v3(shift, X, X, Y);
        self.e.movaps_load(Y, arg(3));
        self.v3i(op::PBLENDW, X, Y, X, ODD);
        if signed {
            // Where there is one: in zeros to be joined, signs are not wanted.
            self.e.movaps_load(Y, arg(1));
            self.vshift(VShift::Sll, 1, Y, Y, 8);
            self.vshift(VShift::Sra, 1, Y, Y, 15);
            self.v3(op::PAND, X, X, Y);
        }
        self.e.movaps_store(arg(3), X);
        // To the left.
        self.e.movaps_load(Y, arg(1));
        self.v3(op::PAND, Y, Y, amount);
        self.e.movaps_load(X, arg(0));
        self.v3(op::PSLLV[0], X, X, Y);
        self.e.movaps_store(arg(2), X);
        self.e.movaps_load(Y, arg(1));
        self.vshift(VShift::Srl, 2, Y, Y, 16);
        self.v3(op::PAND, Y, Y, amount);
        self.e.movaps_load(X, arg(0));
        self.v3(op::PAND, X, X, high);
        self.v3(op::PSLLV[0], X, X, Y);
        self.e.movaps_load(Y, arg(2));
        self.v3i(op::PBLENDW, X, Y, X, ODD);
        self.v3(op::POR, X, X, arg(3));
        if o.ty == Ty::V64 {
            self.v2(op::MOVQ, X, X);
        }
        self.e.movaps_store(arg(0), X);
        true
    }
    /// `d` = the low or high half's lanes of `s`, widened; d may be s.
    fn widen(&mut self, d: Xmm, s: XmmOrMem, lane: u8, signed: bool, high: bool) {
        let code = if signed { op::PMOVSX } else { op::PMOVZX }[usize::from(lane)];
        if high {
            self.v2i(op::PSHUFD, d, s, 0xee);
            self.v2(code, d, d);
        } else {
            self.v2(code, d, s);
        }
    }
    /// `d` = product of the halves' lanes.
    fn multiply_long(&mut self, d: Xmm, u: Xmm, x: XmmOrMem, y: XmmOrMem, v: &VArgs, signed: bool) {
        let high = v.param & 1 != 0;
        if v.lane == 2 {
            let order = if high { 0xfa } else { 0x50 };
            self.v2i(op::PSHUFD, d, x, order);
            self.v2i(op::PSHUFD, u, y, order);
            self.v3(if signed { op::PMULDQ } else { op::PMULUDQ }, d, d, u);
            return;
        }
        self.widen(d, x, v.lane, signed, high);
        self.widen(u, y, v.lane, signed, high);
        self.v3(if v.lane == 0 { op::PMULLW } else { op::PMULLD }, d, d, u);
    }

    pub(crate) fn vec_widen(&mut self, v: &VArgs) -> bool {
        if v.lane > 2 {
            return false;
        }
        let l = v.l();
        let high = v.param & 1 != 0;
        let signed = matches!(
            v.code,
            VecOp::ExtS
                | VecOp::MulLS
                | VecOp::MlaLS
                | VecOp::MlsLS
                | VecOp::AbdLS
                | VecOp::AddWS
                | VecOp::SubWS
        );
        let mut t = Temps::default();
        match v.code {
            VecOp::ExtS | VecOp::ExtU => {
                let x = self.using_vm(v.a);
                let d = self.out_v(&mut t, v.dst);
                self.widen(d, x, v.lane, signed, high);
                let n = v.param >> 1;
                if n != 0 {
                    self.vshift(VShift::Sll, v.lane + 1, d, d, n);
                }
                self.finish_v(t, v.dst, d);
            }
            VecOp::MulLS
            | VecOp::MulLU
            | VecOp::MlaLS
            | VecOp::MlaLU
            | VecOp::MlsLS
            | VecOp::MlsLU => {
                let (x, y) = (self.using_vm(v.a), self.using_vm(v.b));
                let z = match v.code {
                    VecOp::MulLS | VecOp::MulLU => None,
                    _ => Some(self.using_vm(v.c)),
                };
                let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.multiply_long(p, q, x, y, v, signed);
                let d = self.accumulate(&mut t, v, p, z, l + 1);
                self.finish_v(t, v.dst, d);
            }
            VecOp::QDMulL if l > 0 => {
                self.clobber();
                let (x, y) = (self.using_vm(v.a), self.using_vm(v.b));
                let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.multiply_long(p, q, x, y, v, true);
                self.v3(op::PADD[l + 1], p, p, p);
                self.saturate_smallest(p, q, l + 1, 128);
                self.finish_v(t, v.dst, p);
            }
            VecOp::AbdLS | VecOp::AbdLU if l == 2 => {
                let (x, y) = (self.using_vm(v.a), self.using_vm(v.b));
                let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.widen(p, x, v.lane, signed, high);
                self.widen(q, y, v.lane, signed, high);
                self.v3(op::PSUB[3], p, p, q);
                self.vzero(q);
                self.v3(op::PCMPGT[3], q, q, p);
                self.v3(op::PXOR, p, p, q);
                self.v3(op::PSUB[3], p, p, q);
                self.finish_v(t, v.dst, p);
            }
            VecOp::AbdLU if l < 2 => {
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.v3(op::PMAXU[l], p, x, y);
                self.v3(op::PMINU[l], q, x, y);
                self.v3(op::PSUB[l], p, p, q);
                let d = self.out_or(v.dst, p);
                self.widen(d, p.into(), v.lane, false, high);
                self.finish_v(t, v.dst, d);
            }
            VecOp::AbdLS if l < 2 => {
                let (x, y) = (self.using_vm(v.a), self.using_vm(v.b));
                let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.widen(p, x, v.lane, signed, high);
                self.widen(q, y, v.lane, signed, high);
                self.v3(op::PSUB[l + 1], p, p, q);
                self.v2(op::PABS[l + 1], p, p);
                self.finish_v(t, v.dst, p);
            }
            VecOp::AddWS | VecOp::AddWU | VecOp::SubWS | VecOp::SubWU => {
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let p = self.temp_v(&mut t);
                self.widen(p, y, v.lane, signed, high);
                let add = matches!(v.code, VecOp::AddWS | VecOp::AddWU);
                let code = if add { op::PADD } else { op::PSUB }[l + 1];
                self.v3(code, p, x, p);
                self.finish_v(t, v.dst, p);
            }
            _ => return false,
        }
        true
    }

    /// Takes the byte group `offset` of each wide lane of `s` to the low half of `d`, zeros above.
    fn pack(&mut self, d: Xmm, s: Xmm, lane: u8, offset: u32) {
        let bytes = 1 << lane;
        let m = self.e.constant(shuffle(8, |i| i / bytes * 2 * bytes + i % bytes + offset));
        self.v3(op::PSHUFB, d, s, m);
    }
    /// Ends a narrowing whose 64 bits are in `p`, zeros above.
    fn finish_narrow(&mut self, t: Temps, v: &VArgs, p: Xmm, z: Option<Xmm>) {
        if let Some(z) = z {
            self.v3(op::PUNPCKL[3], p, z, p);
        }
        self.finish_v(t, v.dst, p);
    }

    pub(crate) fn vec_narrow(&mut self, v: &VArgs) -> bool {
        if v.lane > 2 {
            return false;
        }
        let (bits, wide, n) = (v.bits(), v.lane + 1, v.param & 0xff);
        let into_high = v.param & 0x100 != 0;
        match v.code {
            VecOp::Narrow | VecOp::RNarrow => {
                let mut t = Temps::default();
                let x = self.using_v(v.a);
                let z = into_high.then(|| self.using_v(v.c));
                let p = self.temp_v(&mut t);
                if v.code == VecOp::RNarrow && n > 0 {
                    let round = self.e.constant(splat(1 << (n - 1), 2 * bits, 128));
                    self.v3(op::PADD[usize::from(wide)], p, x, round);
                    self.vshift(VShift::Srl, wide, p, p, n);
                    self.pack(p, p, v.lane, 0);
                } else if n % 8 == 0 {
                    self.pack(p, x, v.lane, n / 8);
                } else {
                    self.vshift(VShift::Srl, wide, p, x, n);
                    self.pack(p, p, v.lane, 0);
                }
                self.finish_narrow(t, v, p, z);
                true
            }
            VecOp::AddHn | VecOp::RAddHn | VecOp::SubHn | VecOp::RSubHn => {
                let add = matches!(v.code, VecOp::AddHn | VecOp::RAddHn);
                let mut t = Temps::default();
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let z = into_high.then(|| self.using_v3(&mut t, v.c));
                let p = self.temp_v(&mut t);
                self.v3(if add { op::PADD } else { op::PSUB }[usize::from(wide)], p, x, y);
                if matches!(v.code, VecOp::RAddHn | VecOp::RSubHn) {
                    let round = self.e.constant(splat(1 << (bits - 1), 2 * bits, 128));
                    self.v3(op::PADD[usize::from(wide)], p, p, round);
                }
                self.pack(p, p, v.lane, bits / 8);
                self.finish_narrow(t, v, p, z);
                true
            }
            VecOp::QNarrowS
            | VecOp::QNarrowU
            | VecOp::QNarrowSU
            | VecOp::QRNarrowS
            | VecOp::QRNarrowU
            | VecOp::QRNarrowSU
                if v.lane < 2 =>
            {
                self.saturating_narrow(v, n, into_high)
            }
            _ => false,
        }
    }
    /// A third operand: its register, or a temporary loaded with it.
    fn using_v3(&mut self, t: &mut Temps, r: ir::Ref) -> Xmm {
        match self.using_vm(r) {
            XmmOrMem::Reg(x) => x,
            XmmOrMem::Mem(m) => {
                let x = self.temp_v(t);
                self.vmov(x, m);
                x
            }
        }
    }
    fn saturating_narrow(&mut self, v: &VArgs, n: u32, into_high: bool) -> bool {
        let (l, bits, wide) = (v.l(), v.bits(), v.lane + 1);
        let unsigned_source = matches!(v.code, VecOp::QNarrowU | VecOp::QRNarrowU);
        let to_signed = matches!(v.code, VecOp::QNarrowS | VecOp::QRNarrowS);
        let rounding =
            matches!(v.code, VecOp::QRNarrowS | VecOp::QRNarrowU | VecOp::QRNarrowSU) && n > 0;
        self.clobber();
        let mut t = Temps::default();
        let x = self.using_v(v.a);
        let z = into_high.then(|| self.using_v3(&mut t, v.c));
        let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
        if rounding {
            self.rounding_right(&mut t, p, q, x, wide, n, !unsigned_source);
        } else if n > 0 {
            let shift = if unsigned_source { VShift::Srl } else { VShift::Sra };
            self.vshift(shift, wide, p, x, n);
        } else {
            self.vmov(p, x);
        }
        // p: the exact lanes; q: the saturated ones, wide again, to compare.
        if unsigned_source {
            let max = self.e.constant(splat((1 << bits) - 1, 2 * bits, 128));
            self.v3(op::PMINU[l + 1], q, p, max);
            self.v3(op::PCMPEQ[l + 1], p, p, q);
            self.note_saturation(p, 128);
            self.pack(p, q, v.lane, 0);
        } else {
            self.v3(if to_signed { op::PACKSS } else { op::PACKUS }[l], q, p, p);
            let u = self.temp_v(&mut t);
            self.widen(u, q.into(), v.lane, to_signed, false);
            self.v3(op::PCMPEQ[l + 1], p, p, u);
            self.note_saturation(p, 128);
            self.zero_above(p, q, 64);
        }
        self.finish_narrow(t, v, p, z);
        true
    }
}
