//! SIMD operations that are composed of others, for which hosts have instructions.

use crate::{Flow, Translator};
use ir::{OpCode, Ref, Rounding, Ty, VecOp, vec_op};

const NONE: Ref = Ref::NONE;

/// How the result of a shift by register is computed.
#[derive(Clone, Copy)]
struct Shift {
    signed: bool,
    rounding: bool,
}

/// `value` in every lane.
fn splat(lane: u8, value: u64) -> u128 {
    let bits = 8 << lane;
    let value = u128::from(value & (u64::MAX >> (64 - bits)));
    (0..128 / bits).fold(0, |all, n| all | value << (n * bits))
}

impl Translator<'_> {
    /// Appends the operation if it is composed of others; false if it is one of its own.
    pub(crate) fn composed(
        &mut self,
        op: VecOp,
        ty: Ty,
        lane: u8,
        param: i32,
        dst: Ref,
        abc: [Ref; 3],
    ) -> bool {
        let [a, b, c] = abc;
        if param & vec_op::SCALAR != 0 {
            return false;
        }
        let shift = |signed, rounding| Shift { signed, rounding };
        match op {
            VecOp::SuqAdd => self.add_mixed(VecOp::QAddU, ty, lane, dst, [a, b]),
            VecOp::UsqAdd => self.add_mixed(VecOp::QAddS, ty, lane, dst, [a, b]),
            VecOp::HSubS | VecOp::HSubU if lane == 2 => {
                let right = if op == VecOp::HSubS { VecOp::ShrS } else { VecOp::ShrU };
                self.halving_difference(right, ty, lane, dst, [a, b]);
            }
            VecOp::QAbs if lane == 3 => {
                let sign = self.negative(ty, lane, a);
                let turned = self.vt(VecOp::Xor, ty, lane, 0, [a, sign, NONE]);
                self.vop(VecOp::QSubS, ty, lane, 0, dst, [turned, sign, NONE]);
            }
            // (Halfwords and words are most often all shifted by the same amount, which hosts can
            // see and do at once.)
            VecOp::ShlU | VecOp::ShlS if lane == 0 || lane == 3 && op == VecOp::ShlS => {
                self.shift_into(ty, lane, dst, [a, b], shift(op == VecOp::ShlS, false));
            }
            VecOp::RShlU | VecOp::RShlS if lane == 0 || lane == 3 => {
                self.shift_into(ty, lane, dst, [a, b], shift(op == VecOp::RShlS, true));
            }
            VecOp::QShlU | VecOp::QRShlU if lane == 0 => {
                self.saturating_shift(ty, dst, [a, b], shift(false, op == VecOp::QRShlU));
            }
            VecOp::QShlS | VecOp::QRShlS if lane == 0 => {
                self.saturating_shift(ty, dst, [a, b], shift(true, op == VecOp::QRShlS));
            }
            VecOp::QShlIS if lane < 3 => {
                self.saturating_left([VecOp::ExtS, VecOp::QNarrowS], ty, lane, param, dst, a);
            }
            VecOp::QShlIU if lane < 3 => {
                self.saturating_left([VecOp::ExtU, VecOp::QNarrowU], ty, lane, param, dst, a);
            }
            VecOp::QShlIUS if lane < 3 => {
                self.saturating_left([VecOp::ExtS, VecOp::QNarrowSU], ty, lane, param, dst, a);
            }
            VecOp::QShlIS | VecOp::QShlIU | VecOp::QShlIUS => {
                self.saturating_left_doublewords(op, ty, param, dst, a);
            }
            VecOp::QRDMlaH => self.multiply_high(VecOp::MlaLS, ty, lane, dst, [a, b, c]),
            VecOp::QRDMlsH => self.multiply_high(VecOp::MlsLS, ty, lane, dst, [a, b, c]),
            VecOp::QDMlaL | VecOp::QDMlsL => {
                let sum = if op == VecOp::QDMlaL { VecOp::QAddS } else { VecOp::QSubS };
                let t = self.vt(VecOp::QDMulL, ty, lane, param, [a, b, NONE]);
                self.vop(sum, ty, lane + 1, 0, dst, [c, t, NONE]);
            }
            VecOp::QNarrowS | VecOp::QNarrowU | VecOp::QNarrowSU
                if lane == 2 && param & 255 != 0 =>
            {
                let right = if op == VecOp::QNarrowU { VecOp::ShrU } else { VecOp::ShrS };
                self.narrow_shifted(op, right, param, dst, abc);
            }
            VecOp::QRNarrowS if lane == 2 => {
                self.narrow_shifted(VecOp::QNarrowS, VecOp::RShrS, param, dst, abc);
            }
            VecOp::QRNarrowU if lane == 2 => {
                self.narrow_shifted(VecOp::QNarrowU, VecOp::RShrU, param, dst, abc);
            }
            VecOp::QRNarrowSU if lane == 2 => {
                self.narrow_shifted(VecOp::QNarrowSU, VecOp::RShrS, param, dst, abc);
            }
            VecOp::Clz if lane < 3 => self.leading_zeros(ty, lane, dst, a),
            VecOp::Cls if lane < 3 => self.leading_signs(ty, lane, dst, a),
            VecOp::PMulL if lane == 0 => self.polynomial_long(param, dst, [a, b]),
            VecOp::IntToF if lane >= 2 && param >> 4 != 0 => {
                // Exact: the least number but zero is 2 to the power of -64.
                let t = self.vt(VecOp::IntToF, ty, lane, param & 15, [a, NONE, NONE]);
                let factor = self.power(lane, param >> 4);
                self.vop(VecOp::FMul, ty, lane, 0, dst, [t, factor, NONE]);
            }
            VecOp::BfMlaL => self.brain_long(param, dst, abc),
            VecOp::Sha512Su0 => {
                // The word after each of c's, of which the last one is in a.
                let x = self.vt(VecOp::Ext, Ty::V128, 0, 8, [c, a, NONE]);
                let sigma = self.sigma([1, 8, 7], x);
                self.vop(VecOp::Add, ty, 3, 0, dst, [c, sigma, NONE]);
            }
            VecOp::Sha512Su1 => {
                let sigma = self.sigma([19, 61, 6], a);
                let sum = self.vt(VecOp::Add, ty, 3, 0, [c, b, NONE]);
                self.vop(VecOp::Add, ty, 3, 0, dst, [sum, sigma, NONE]);
            }
            VecOp::Sm3Ss1 => {
                let turned = self.turned_left(12, a);
                let sum = self.vt(VecOp::Add, ty, 2, 0, [turned, b, NONE]);
                let sum = self.vt(VecOp::Add, ty, 2, 0, [sum, c, NONE]);
                let turned = self.turned_left(7, sum);
                let last = self.vimm(u128::from(u32::MAX) << 96);
                self.vop(VecOp::And, ty, 3, 0, dst, [turned, last, NONE]);
            }
            VecOp::IntToF if lane == 3 && param & 8 == 0 => self.unsigned_doubles(ty, dst, a),
            _ => return lane == 1 && self.composed_halves(op, ty, param, dst, [a, b]),
        }
        true
    }
    /// The same of operations on half-precision lanes.
    fn composed_halves(&mut self, op: VecOp, ty: Ty, param: i32, dst: Ref, ab: [Ref; 2]) -> bool {
        let a = ab[0];
        let singles = !self.ir.block.fp_exact;
        match op {
            VecOp::FAddP => self.half_pairs(VecOp::FAdd, ty, dst, ab),
            VecOp::FMaxP => self.half_pairs(VecOp::FMax, ty, dst, ab),
            VecOp::FMinP => self.half_pairs(VecOp::FMin, ty, dst, ab),
            VecOp::FMaxNmP => self.half_pairs(VecOp::FMaxNm, ty, dst, ab),
            VecOp::FMinNmP => self.half_pairs(VecOp::FMinNm, ty, dst, ab),
            VecOp::FMaxV => self.across_halves(VecOp::FMax, ty, dst, a),
            VecOp::FMinV => self.across_halves(VecOp::FMin, ty, dst, a),
            VecOp::FMaxNmV => self.across_halves(VecOp::FMaxNm, ty, dst, a),
            VecOp::FMinNmV => self.across_halves(VecOp::FMinNm, ty, dst, a),
            VecOp::IntToF if singles => self.by_singles(ty, dst, |t, half| {
                // Singles hold all these, and what is left of them after scaling.
                let wide = t.extended(param & 8 != 0, 1, half, a);
                t.vt(VecOp::IntToF, Ty::V128, 2, param, [wide, NONE, NONE])
            }),
            VecOp::FRound if singles => self.by_singles(ty, dst, |t, half| {
                let wide = t.vt(VecOp::FCvtL, Ty::V128, 1, half, [a, NONE, NONE]);
                t.vt(VecOp::FRound, Ty::V128, 2, param, [wide, NONE, NONE])
            }),
            _ => return false,
        }
        true
    }
    /// Halves as singles, where nothing but their values decides, and FPCR asks for nothing special.
    pub(crate) fn widened<const N: usize>(&mut self, ty: Ty, refs: [Ref; N]) -> (Ty, [Ref; N]) {
        if ty != Ty::F16 || self.ir.block.fp_exact {
            return (ty, refs);
        }
        let to_single = Ty::F32 as u16 | (Rounding::Current as u16) << 8;
        let single = |r: Ref| {
            if self.ir.block.constant(r).is_some() {
                return r; // zero
            }
            let t = self.temp();
            self.ir.un_aux(OpCode::FCvt, Ty::F16, t, r, to_single);
            t
        };
        (Ty::F32, refs.map(single))
    }
    /// A single as a half, in a scalar.
    pub(crate) fn halved(&mut self, dst: Ref, a: Ref) -> Flow {
        let to_half = Ty::F16 as u16 | (Rounding::Current as u16) << 8;
        self.ir.un_aux(OpCode::FCvt, Ty::F32, dst, a, to_half);
        Flow::Next
    }
    /// For each half that takes part: computes single-precision lanes with `f`, narrows them to
    /// halves into `dst`.
    fn by_singles(&mut self, ty: Ty, dst: Ref, f: impl FnMut(&mut Self, i32) -> Ref) {
        self.by_halves(ty, 1, (VecOp::FCvtN, 0), dst, f);
    }
    /// Pairs of halves, of which the first are in one vector and the second in another.
    fn half_pairs(&mut self, op: VecOp, ty: Ty, dst: Ref, [a, b]: [Ref; 2]) {
        let first = self.vt(VecOp::Uzp1, ty, 1, 0, [a, b, NONE]);
        let second = self.vt(VecOp::Uzp2, ty, 1, 0, [a, b, NONE]);
        self.vop(op, ty, 1, 0, dst, [first, second, NONE]);
    }
    /// An operation across halves: of pairs, until one is left.
    fn across_halves(&mut self, op: VecOp, ty: Ty, dst: Ref, a: Ref) {
        let mut x = a;
        for _ in 0..if ty == Ty::V128 { 3 } else { 2 } {
            let t = self.temp();
            self.half_pairs(op, ty, t, [x, x]);
            x = t;
        }
        self.vop(VecOp::Low, Ty::V128, 1, 0, dst, [x, NONE, NONE]);
    }
    /// 2 to the power of `-n` in every lane of single (2) or double (3) precision.
    fn power(&mut self, lane: u8, n: i32) -> Ref {
        let value = if lane == 3 { 1023 - n as u64 } else { 127 - n as u64 };
        self.vimm(splat(lane, value << if lane == 3 { 52 } else { 23 }))
    }
    /// Multiplies a converted scalar by 2 to the power of `-n`, exactly.
    pub(crate) fn scaled(&mut self, lane: u8, n: i32, dst: Ref, a: Ref) -> Flow {
        let factor = self.power(lane, n);
        self.ir.bin(OpCode::FMul, crate::simd_emit::lane_fty(lane), dst, a, factor);
        Flow::Next
    }
    /// Ones in the lanes that are negative.
    fn negative(&mut self, ty: Ty, lane: u8, a: Ref) -> Ref {
        let zero = self.vimm(0);
        self.vt(VecOp::CmGtS, ty, lane, 0, [zero, a, NONE])
    }
    /// SUQADD, USQADD: the sum of the other signedness with the first operand moved by half of the
    /// range, moved back.
    fn add_mixed(&mut self, sum: VecOp, ty: Ty, lane: u8, dst: Ref, [a, b]: [Ref; 2]) {
        let half = self.vimm(splat(lane, 1 << ((8 << lane) - 1)));
        let moved = self.vt(VecOp::Xor, ty, lane, 0, [a, half, NONE]);
        let sum = self.vt(sum, ty, lane, 0, [moved, b, NONE]);
        self.vop(VecOp::Xor, ty, lane, 0, dst, [sum, half, NONE]);
    }
    /// SHSUB, UHSUB: the difference of the halves, less 1 where only b is odd.
    fn halving_difference(&mut self, right: VecOp, ty: Ty, lane: u8, dst: Ref, [a, b]: [Ref; 2]) {
        let x = self.vt(right, ty, lane, 1, [a, NONE, NONE]);
        let y = self.vt(right, ty, lane, 1, [b, NONE, NONE]);
        let difference = self.vt(VecOp::Sub, ty, lane, 0, [x, y, NONE]);
        let borrow = self.vt(VecOp::AndNot, ty, lane, 0, [b, a, NONE]);
        let one = self.vimm(splat(lane, 1));
        let borrow = self.vt(VecOp::And, ty, lane, 0, [borrow, one, NONE]);
        self.vop(VecOp::Sub, ty, lane, 0, dst, [difference, borrow, NONE]);
    }
    /// For each half that takes part: computes its wide lanes with `f`, narrows them into `dst`.
    fn by_halves(
        &mut self,
        ty: Ty,
        lane: u8,
        narrow: (VecOp, i32),
        dst: Ref,
        mut f: impl FnMut(&mut Self, i32) -> Ref,
    ) {
        let (narrow, n) = narrow;
        let low = f(self, 0);
        if ty != Ty::V128 {
            return self.vop(narrow, Ty::V128, lane, n, dst, [low, NONE, NONE]);
        }
        let high = f(self, 1);
        let low = self.vt(narrow, Ty::V128, lane, n, [low, NONE, NONE]);
        self.vop(narrow, Ty::V128, lane, n | 0x100, dst, [high, NONE, low]);
    }
    /// The lanes of half `half` of `a`, extended.
    fn extended(&mut self, signed: bool, lane: u8, half: i32, a: Ref) -> Ref {
        let ext = if signed { VecOp::ExtS } else { VecOp::ExtU };
        self.vt(ext, Ty::V128, lane, half, [a, NONE, NONE])
    }
    /// A shift by the low bytes of b's lanes, that does not saturate.
    fn shift_into(&mut self, ty: Ty, lane: u8, dst: Ref, ab: [Ref; 2], how: Shift) {
        if lane >= 2 {
            let shifted = self.shifted(ty, lane, ab, how);
            return self.ir.mov(ty, dst, shifted);
        }
        self.by_halves(ty, lane, (VecOp::Narrow, 0), dst, |t, half| {
            let a = t.extended(how.signed, lane, half, ab[0]);
            let b = t.extended(true, lane, half, ab[1]);
            t.shifted(Ty::V128, lane + 1, [a, b], how)
        });
    }
    /// The same to a temporary.
    fn shifted(&mut self, ty: Ty, lane: u8, [a, b]: [Ref; 2], how: Shift) -> Ref {
        if lane < 2 {
            let t = self.temp();
            self.shift_into(ty, lane, t, [a, b], how);
            return t;
        }
        let plain = if how.signed { VecOp::ShlS } else { VecOp::ShlU };
        let by_sign = lane == 3 && how.signed;
        if !by_sign && !how.rounding {
            return self.vt(plain, ty, lane, 0, [a, b, NONE]);
        }
        let top = (8 << lane) - 8;
        let right = self.vt(VecOp::ShlI, ty, lane, top, [b, NONE, NONE]);
        let right = self.vt(VecOp::ShrS, ty, lane, top + 7, [right, NONE, NONE]);
        // To the right by one less: the last step rounds.
        let b = if how.rounding { self.vt(VecOp::Sub, ty, lane, 0, [b, right, NONE]) } else { b };
        let shifted = if by_sign {
            let sign = self.negative(ty, lane, a);
            let sign = self.vt(VecOp::And, ty, lane, 0, [sign, right, NONE]);
            let turned = self.vt(VecOp::Xor, ty, lane, 0, [a, sign, NONE]);
            let shifted = self.vt(VecOp::ShlU, ty, lane, 0, [turned, b, NONE]);
            self.vt(VecOp::Xor, ty, lane, 0, [shifted, sign, NONE])
        } else {
            self.vt(plain, ty, lane, 0, [a, b, NONE])
        };
        if !how.rounding {
            return shifted;
        }
        let halve = if how.signed { VecOp::RShrS } else { VecOp::RShrU };
        let rounded = self.vt(halve, ty, lane, 1, [shifted, NONE, NONE]);
        self.vt(VecOp::Select, ty, lane, 0, [rounded, shifted, right])
    }
    /// A shift of bytes by those of b, in halfwords, to the left by no more than 8: that is enough to
    /// saturate.
    fn saturating_shift(&mut self, ty: Ty, dst: Ref, [a, b]: [Ref; 2], how: Shift) {
        let narrow = if how.signed { VecOp::QNarrowS } else { VecOp::QNarrowU };
        let most = self.vimm(splat(0, 8));
        let by = self.vt(VecOp::MinS, ty, 0, 0, [b, most, NONE]);
        self.by_halves(ty, 0, (narrow, 0), dst, |t, half| {
            let a = t.extended(how.signed, 0, half, a);
            let by = t.extended(true, 0, half, by);
            t.shifted(Ty::V128, 1, [a, by], how)
        });
    }
    /// SQSHL, UQSHL, SQSHLU by `n`.
    fn saturating_left(&mut self, ops: [VecOp; 2], ty: Ty, lane: u8, n: i32, dst: Ref, a: Ref) {
        self.by_halves(ty, lane, (ops[1], 0), dst, |t, half| {
            t.vt(ops[0], Ty::V128, lane, half | n << 1, [a, NONE, NONE])
        });
    }
    /// The same of doublewords: they fit if shifting back gives the operand.
    fn saturating_left_doublewords(&mut self, op: VecOp, ty: Ty, n: i32, dst: Ref, a: Ref) {
        let one = |t: &mut Self, op, param, x| t.vt(op, ty, 3, param, [x, NONE, NONE]);
        let two = |t: &mut Self, op, x, y| t.vt(op, ty, 3, 0, [x, y, NONE]);
        let sign = self.negative(ty, 3, a);
        let (shifted, mut fits) = if n == 0 {
            (a, two(self, VecOp::CmEq, a, a))
        } else {
            let shifted = one(self, VecOp::ShlI, n, a);
            let right = if op == VecOp::QShlIS { VecOp::ShrS } else { VecOp::ShrU };
            let back = one(self, right, n, shifted);
            (shifted, two(self, VecOp::CmEq, back, a))
        };
        let limit = match op {
            VecOp::QShlIS => {
                let greatest = self.vimm(splat(3, i64::MAX as u64));
                two(self, VecOp::Xor, sign, greatest)
            }
            VecOp::QShlIU => self.vimm(u128::MAX),
            _ => {
                fits = two(self, VecOp::AndNot, fits, sign);
                one(self, VecOp::Not, 0, sign)
            }
        };
        // Twice all ones saturates, which is to be remembered; twice zero does not.
        let beyond = one(self, VecOp::Not, 0, fits);
        let beyond = self.vt(VecOp::QAddU, ty, 0, 0, [beyond, beyond, NONE]);
        self.vop(VecOp::Select, ty, 3, 0, dst, [limit, shifted, beyond]);
    }
    /// SQRDMLAH, SQRDMLSH: in lanes twice as wide, half of everything fits.
    fn multiply_high(&mut self, product: VecOp, ty: Ty, lane: u8, dst: Ref, abc: [Ref; 3]) {
        let [a, b, c] = abc;
        let n = (8 << lane) - 1;
        self.by_halves(ty, lane, (VecOp::QRNarrowS, n), dst, |t, half| {
            let c = t.vt(VecOp::ExtS, Ty::V128, lane, half | n << 1, [c, NONE, NONE]);
            t.vt(product, Ty::V128, lane, half, [a, b, c])
        });
    }
    /// A saturating narrowing of doublewords after a shift to the right.
    fn narrow_shifted(&mut self, narrow: VecOp, right: VecOp, param: i32, dst: Ref, abc: [Ref; 3]) {
        let a = self.vt(right, Ty::V128, 3, param & 255, [abc[0], NONE, NONE]);
        self.vop(narrow, Ty::V128, 2, param & 0x100, dst, [a, NONE, abc[2]]);
    }
    /// CLZ: the bits that are zero once the highest one is copied to all below it.
    fn leading_zeros(&mut self, ty: Ty, lane: u8, dst: Ref, a: Ref) {
        let mut x = a;
        for n in [1, 2, 4, 8, 16].into_iter().filter(|n| *n < 8 << lane) {
            let t = self.vt(VecOp::ShrU, ty, lane, n, [x, NONE, NONE]);
            x = self.vt(VecOp::Or, ty, lane, 0, [t, x, NONE]);
        }
        x = self.vt(VecOp::Not, ty, 0, 0, [x, NONE, NONE]);
        for n in 0..=lane {
            let op = if n == 0 { VecOp::Cnt } else { VecOp::AddLpU };
            let from = n.saturating_sub(1);
            if n == lane {
                self.vop(op, ty, from, 0, dst, [x, NONE, NONE]);
            } else {
                x = self.vt(op, ty, from, 0, [x, NONE, NONE]);
            }
        }
    }
    /// CLS: leading zeros without the sign, which becomes one bit below.
    fn leading_signs(&mut self, ty: Ty, lane: u8, dst: Ref, a: Ref) {
        let sign = self.negative(ty, lane, a);
        let x = self.vt(VecOp::Xor, ty, lane, 0, [a, sign, NONE]);
        let x = self.vt(VecOp::Add, ty, lane, 0, [x, x, NONE]);
        let one = self.vimm(splat(lane, 1));
        let x = self.vt(VecOp::Or, ty, lane, 0, [x, one, NONE]);
        self.leading_zeros(ty, lane, dst, x);
    }
    /// PMULL of bytes, bit by bit.
    fn polynomial_long(&mut self, param: i32, dst: Ref, [a, b]: [Ref; 2]) {
        let [a, b] = [a, b].map(|r| self.extended(false, 0, param & 1, r));
        let mut sum = NONE;
        for n in (0..8).rev() {
            let bit = self.vimm(splat(1, 1 << n));
            let set = self.vt(VecOp::CmTst, Ty::V128, 1, 0, [b, bit, NONE]);
            let term = self.vt(VecOp::And, Ty::V128, 1, 0, [set, a, NONE]);
            if sum.is_none() {
                sum = term;
                continue;
            }
            let double = self.vt(VecOp::Add, Ty::V128, 1, 0, [sum, sum, NONE]);
            if n == 0 {
                self.vop(VecOp::Xor, Ty::V128, 1, 0, dst, [double, term, NONE]);
            } else {
                sum = self.vt(VecOp::Xor, Ty::V128, 1, 0, [double, term, NONE]);
            }
        }
    }
    /// BFMLALB, BFMLALT: as singles, in which bfloats are the upper halves.
    fn brain_long(&mut self, top: i32, dst: Ref, abc: [Ref; 3]) {
        let [a, b, c] = abc;
        let upper = self.vimm(splat(2, 0xffff_0000));
        let [a, b] = [a, b].map(|r| {
            if top != 0 {
                self.vt(VecOp::And, Ty::V128, 2, 0, [r, upper, NONE])
            } else {
                self.vt(VecOp::ShlI, Ty::V128, 2, 16, [r, NONE, NONE])
            }
        });
        self.vop(VecOp::FMla, Ty::V128, 2, 0, dst, [a, b, c]);
    }
    /// SHA-512's sum of two rotations to the right and a shift of doublewords.
    fn sigma(&mut self, [first, second, shift]: [i32; 3], x: Ref) -> Ref {
        let zero = self.vimm(0);
        let first = self.vt(VecOp::Xar, Ty::V128, 3, first, [x, zero, NONE]);
        let second = self.vt(VecOp::Xar, Ty::V128, 3, second, [x, zero, NONE]);
        let shifted = self.vt(VecOp::ShrU, Ty::V128, 3, shift, [x, NONE, NONE]);
        self.vt(VecOp::Eor3, Ty::V128, 3, 0, [first, second, shifted])
    }
    /// Words rotated to the left.
    fn turned_left(&mut self, n: i32, x: Ref) -> Ref {
        let left = self.vt(VecOp::ShlI, Ty::V128, 2, n, [x, NONE, NONE]);
        let right = self.vt(VecOp::ShrU, Ty::V128, 2, 32 - n, [x, NONE, NONE]);
        self.vt(VecOp::Or, Ty::V128, 2, 0, [left, right, NONE])
    }
    /// UCVTF of doublewords: one after the other.
    fn unsigned_doubles(&mut self, ty: Ty, dst: Ref, a: Ref) {
        const DOUBLEWORD: u16 = 1 << 4;
        if ty != Ty::V128 {
            return self.ir.un_aux(OpCode::IntVToF, Ty::F64, dst, a, DOUBLEWORD);
        }
        let high = self.vt(VecOp::High, Ty::V128, 3, 0, [a, NONE, NONE]);
        let (x, y) = (self.temp(), self.temp());
        self.ir.un_aux(OpCode::IntVToF, Ty::F64, x, a, DOUBLEWORD);
        self.ir.un_aux(OpCode::IntVToF, Ty::F64, y, high, DOUBLEWORD);
        self.vop(VecOp::Combine, Ty::V128, 3, 0, dst, [x, y, NONE]);
    }
}
