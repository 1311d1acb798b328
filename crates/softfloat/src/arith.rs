//! Addition, multiplication, division, square root, maxima and comparison.

use crate::format::Unpacked;
use crate::{DZC, Format, Fp, IOC, MinMax, NanRule, Round};
use core::cmp::Ordering;

/// A finite value with room for an exact product or sum; `sig` 0 is zero.
#[derive(Clone, Copy)]
struct Exact {
    sign: bool,
    exp: i32,
    sig: u128,
}

impl Exact {
    const fn of(u: &Unpacked) -> Self {
        Self { sign: u.sign, exp: u.exp, sig: u.sig as u128 }
    }
    /// The exact product.
    const fn product(a: &Unpacked, b: &Unpacked) -> Self {
        Self { sign: a.sign ^ b.sign, exp: a.exp + b.exp, sig: a.sig as u128 * b.sig as u128 }
    }
    /// With its highest bit at 125.
    const fn normalized(self) -> Self {
        if self.sig == 0 {
            return self;
        }
        let shift = self.sig.leading_zeros() as i32 - 2;
        let sig = if shift >= 0 { self.sig << shift } else { self.sig >> -shift };
        Self { sig, exp: self.exp - shift, ..self }
    }
    /// The sum; bit 0 is sticky. Operands have at most 108 significant bits.
    fn sum(self, other: Self) -> Self {
        let (a, b) = (self.normalized(), other.normalized());
        if a.sig == 0 {
            return b;
        }
        if b.sig == 0 {
            return a;
        }
        let (a, b) = if (a.exp, a.sig) >= (b.exp, b.sig) { (a, b) } else { (b, a) };
        let distance = (a.exp - b.exp) as u32;
        let small = if distance == 0 {
            b.sig
        } else if distance > 126 {
            1
        } else {
            b.sig >> distance | u128::from(b.sig & ((1 << distance) - 1) != 0)
        };
        if a.sign == b.sign {
            Self { sig: a.sig + small, ..a }
        } else {
            Self { sig: a.sig - small, ..a }
        }
    }
}

impl Fp {
    /// FPAdd.
    pub fn add(&mut self, f: Format, a: u64, b: u64) -> u64 {
        let mode = self.mode();
        self.add_mode(f, a, b, mode)
    }

    /// FPSub.
    pub fn sub(&mut self, f: Format, a: u64, b: u64) -> u64 {
        let (a, b) = (self.unpack(f, a), self.unpack(f, b));
        if let Some(nan) = self.nans(f, &[&a, &b]) {
            return nan;
        }
        let b = Unpacked { sign: !b.sign, raw: b.raw ^ f.sign_bit(), ..b };
        let mode = self.mode();
        self.add_numbers(f, &a, &b, mode)
    }

    pub(crate) fn add_mode(&mut self, f: Format, a: u64, b: u64, mode: Round) -> u64 {
        let (a, b) = (self.unpack(f, a), self.unpack(f, b));
        if let Some(nan) = self.nans(f, &[&a, &b]) {
            return nan;
        }
        self.add_numbers(f, &a, &b, mode)
    }

    fn add_numbers(&mut self, f: Format, a: &Unpacked, b: &Unpacked, mode: Round) -> u64 {
        if a.is_inf() && b.is_inf() && a.sign != b.sign {
            return self.invalid(f);
        }
        self.used(&[a, b]);
        if a.is_inf() || b.is_inf() {
            return f.infinity(if a.is_inf() { a.sign } else { b.sign });
        }
        if a.is_zero() && b.is_zero() && a.sign == b.sign {
            return f.zero(a.sign);
        }
        self.finish(f, Exact::of(a).sum(Exact::of(b)), mode)
    }

    /// Rounds a sum; an exact zero gets the sign that the mode asks for.
    fn finish(&mut self, f: Format, v: Exact, mode: Round) -> u64 {
        if v.sig == 0 {
            return f.zero(mode == Round::Down);
        }
        self.round(f, v.sign, v.exp, v.sig, mode)
    }

    /// FPMul.
    pub fn mul(&mut self, f: Format, a: u64, b: u64) -> u64 {
        self.multiply(f, a, b, false)
    }

    /// FPMulX: zero times infinity is 2.
    pub fn mulx(&mut self, f: Format, a: u64, b: u64) -> u64 {
        self.multiply(f, a, b, true)
    }

    fn multiply(&mut self, f: Format, a: u64, b: u64, extended: bool) -> u64 {
        let (a, b) = (self.unpack(f, a), self.unpack(f, b));
        if let Some(nan) = self.nans(f, &[&a, &b]) {
            return nan;
        }
        let sign = a.sign ^ b.sign;
        if a.is_inf() && b.is_zero() || a.is_zero() && b.is_inf() {
            return if extended { f.two(sign) } else { self.invalid(f) };
        }
        self.used(&[&a, &b]);
        if a.is_inf() || b.is_inf() {
            return f.infinity(sign);
        }
        if a.is_zero() || b.is_zero() {
            return f.zero(sign);
        }
        let mode = self.mode();
        let p = Exact::product(&a, &b);
        self.round(f, sign, p.exp, p.sig, mode)
    }

    /// FPDiv.
    pub fn div(&mut self, f: Format, a: u64, b: u64) -> u64 {
        let (a, b) = (self.unpack(f, a), self.unpack(f, b));
        if let Some(nan) = self.nans(f, &[&a, &b]) {
            return nan;
        }
        let sign = a.sign ^ b.sign;
        if a.is_inf() && b.is_inf() || a.is_zero() && b.is_zero() {
            return self.invalid(f);
        }
        if b.is_zero() && !a.is_inf() {
            self.raise(DZC);
            return f.infinity(sign);
        }
        self.used(&[&a, &b]);
        if a.is_inf() {
            return f.infinity(sign);
        }
        if a.is_zero() || b.is_inf() {
            return f.zero(sign);
        }
        // At least 64 + 63 - 53 bits of quotient, and a sticky one.
        let up = u128::from(a.sig).leading_zeros() - 1;
        let n = u128::from(a.sig) << up;
        let d = u128::from(b.sig);
        let q = (n / d) << 1 | u128::from(!n.is_multiple_of(d));
        let mode = self.mode();
        self.round(f, sign, a.exp - up as i32 - b.exp - 1, q, mode)
    }

    /// FPSqrt.
    pub fn sqrt(&mut self, f: Format, a: u64) -> u64 {
        let a = self.unpack(f, a);
        if a.is_nan() {
            return self.nan(f, &a);
        }
        if a.is_zero() {
            return f.zero(a.sign);
        }
        if a.sign {
            return self.invalid(f);
        }
        self.used(&[&a]);
        if a.is_inf() {
            return f.infinity(false);
        }
        let mut up = a.sig.leading_zeros() as i32 + 62;
        up -= (a.exp - up) & 1;
        let n = u128::from(a.sig) << up;
        let root = n.isqrt();
        let sig = root << 1 | u128::from(root * root != n);
        let mode = self.mode();
        self.round(f, false, (a.exp - up) / 2 - 1, sig, mode)
    }

    /// FPMulAdd: `addend + a · b`, rounded once.
    pub fn mul_add(&mut self, f: Format, addend: u64, a: u64, b: u64) -> u64 {
        let c = self.unpack(f, addend);
        let (a, b) = (self.unpack(f, a), self.unpack(f, b));
        let nan = match self.control.rules.nan {
            NanRule::First => self.nans(f, &[&a, &b, &c]),
            _ => self.nans(f, &[&c, &a, &b]),
        };
        self.fused(f, &c, &a, &b, nan)
    }

    /// `a · b + c` of `[a, b, c]`, with the product or the addend negated, unless they are NaNs.
    pub fn mul_add_signed(
        &mut self,
        f: Format,
        operands: [u64; 3],
        negate: bool,
        subtract: bool,
    ) -> u64 {
        let [a, b, c] = operands.map(|raw| self.unpack(f, raw));
        let nan = self.nans(f, &[&a, &b, &c]);
        let a = Unpacked { sign: a.sign != negate, ..a };
        let c = Unpacked { sign: c.sign != subtract, ..c };
        self.fused(f, &c, &a, &b, nan)
    }

    /// FPMulAddH: half-precision factors, single-precision addend and result.
    pub fn mul_add_half(&mut self, addend: u64, a: u64, b: u64) -> u64 {
        let f = Format::F32;
        let c = self.unpack(f, addend);
        let (a, b) = (self.unpack(Format::F16, a), self.unpack(Format::F16, b));
        // The half-precision NaNs widened to single precision (the fraction's top bits).
        let widen = |u: &Unpacked| {
            let frac = (u.raw & 0x3ff) << 13;
            Unpacked { raw: f.pack(u.sign, f.max_field(), frac), ..*u }
        };
        let (wa, wb) = (widen(&a), widen(&b));
        let nan = self.nans(f, &[&c, &wa, &wb]);
        self.fused(f, &c, &a, &b, nan)
    }

    fn fused(
        &mut self,
        f: Format,
        c: &Unpacked,
        a: &Unpacked,
        b: &Unpacked,
        nan: Option<u64>,
    ) -> u64 {
        let undefined = a.is_inf() && b.is_zero() || a.is_zero() && b.is_inf();
        if c.is_qnan() && undefined && self.control.rules.nan != NanRule::First {
            return self.invalid(f);
        }
        if let Some(nan) = nan {
            return nan;
        }
        let sign = a.sign ^ b.sign;
        let infinite = a.is_inf() || b.is_inf();
        if undefined || c.is_inf() && infinite && c.sign != sign {
            return self.invalid(f);
        }
        self.used(&[a, b, c]);
        if c.is_inf() || infinite {
            return f.infinity(if c.is_inf() { c.sign } else { sign });
        }
        let zero = a.is_zero() || b.is_zero();
        if c.is_zero() && zero && c.sign == sign {
            return f.zero(sign);
        }
        let mode = self.mode();
        self.finish(f, Exact::of(c).sum(Exact::product(a, b)), mode)
    }

    /// FPRecipStepFused: `2 - a · b`.
    pub fn recip_step(&mut self, f: Format, a: u64, b: u64) -> u64 {
        self.step(f, a, b, 2, 0)
    }

    /// FPRSqrtStepFused: `(3 - a · b) / 2`.
    pub fn rsqrt_step(&mut self, f: Format, a: u64, b: u64) -> u64 {
        self.step(f, a, b, 3, 1)
    }

    /// `(n - a · b) / 2^halve`.
    fn step(&mut self, f: Format, a: u64, b: u64, n: u128, halve: i32) -> u64 {
        let (a, b) = (self.unpack(f, a ^ f.sign_bit()), self.unpack(f, b));
        if let Some(nan) = self.nans(f, &[&a, &b]) {
            return nan;
        }
        if a.is_inf() && b.is_zero() || a.is_zero() && b.is_inf() {
            return if halve == 1 { f.one_point_five() } else { f.two(false) };
        }
        if a.is_inf() || b.is_inf() {
            return f.infinity(a.sign ^ b.sign);
        }
        let mut v = Exact { sign: false, exp: 0, sig: n }.sum(Exact::product(&a, &b));
        v.exp -= halve;
        let mode = self.mode();
        self.finish(f, v, mode)
    }

    /// FPMax (`max`) or FPMin, by `rule`.
    fn extreme(&mut self, f: Format, a: u64, b: u64, max: bool, rule: MinMax) -> u64 {
        let (a, b) = (self.unpack(f, a), self.unpack(f, b));
        if a.is_nan() || b.is_nan() {
            let signalling = a.is_snan() || b.is_snan();
            match rule {
                MinMax::Nan => {}
                MinMax::Number => {
                    if signalling {
                        self.raise(IOC);
                    }
                    return match (a.is_nan(), b.is_nan()) {
                        (true, true) => self.default_nan(f),
                        (true, _) => b.raw,
                        _ => a.raw,
                    };
                }
                MinMax::Second => {
                    self.raise(IOC);
                    return if b.is_zero() { f.zero(b.sign) } else { b.raw };
                }
            }
        }
        if let Some(nan) = self.nans(f, &[&a, &b]) {
            return nan;
        }
        self.used(&[&a, &b]);
        if rule == MinMax::Second && a.is_zero() && b.is_zero() {
            return b.raw & f.sign_bit();
        }
        let order = order(&a, &b);
        let first = if max { order == Ordering::Greater } else { order == Ordering::Less };
        let u = if first { &a } else { &b };
        if u.is_inf() {
            f.infinity(u.sign)
        } else if u.is_zero() {
            f.zero(if max { a.sign && b.sign } else { a.sign || b.sign })
        } else {
            u.raw
        }
    }

    /// The rule of the operations that do not prefer numbers.
    const fn plain_extreme(&self) -> MinMax {
        match self.control.rules.min_max {
            MinMax::Second => MinMax::Second,
            MinMax::Nan | MinMax::Number => MinMax::Nan,
        }
    }

    /// FPMax: a NaN if one operand is one, but for [`MinMax::Second`].
    pub fn max(&mut self, f: Format, a: u64, b: u64) -> u64 {
        let rule = self.plain_extreme();
        self.extreme(f, a, b, true, rule)
    }

    /// FPMin: as [`Fp::max`].
    pub fn min(&mut self, f: Format, a: u64, b: u64) -> u64 {
        let rule = self.plain_extreme();
        self.extreme(f, a, b, false, rule)
    }

    /// FPMaxNum: a quiet NaN loses to a number; a signalling one too by [`MinMax::Number`].
    pub fn max_num(&mut self, f: Format, a: u64, b: u64) -> u64 {
        let (a, b) = self.replace_quiet(f, a, b, f.infinity(true));
        self.extreme(f, a, b, true, self.control.rules.min_max)
    }

    /// FPMinNum: as [`Fp::max_num`].
    pub fn min_num(&mut self, f: Format, a: u64, b: u64) -> u64 {
        let (a, b) = self.replace_quiet(f, a, b, f.infinity(false));
        self.extreme(f, a, b, false, self.control.rules.min_max)
    }

    fn replace_quiet(&mut self, f: Format, a: u64, b: u64, with: u64) -> (u64, u64) {
        if self.control.rules.min_max == MinMax::Number {
            // A quiet NaN loses to a number by that rule, but not to a signalling one.
            return (a, b);
        }
        let (qa, qb) = (self.unpack(f, a).is_qnan(), self.unpack(f, b).is_qnan());
        match (qa, qb) {
            (true, false) => (with, b),
            (false, true) => (a, with),
            _ => (a, b),
        }
    }

    /// FPCompare: NZCV in bits 3..0.
    pub fn compare(&mut self, f: Format, a: u64, b: u64, signalling: bool) -> u32 {
        match self.partial_order(f, a, b, signalling) {
            None => 0b0011,
            Some(Ordering::Equal) => 0b0110,
            Some(Ordering::Less) => 0b1000,
            Some(Ordering::Greater) => 0b0010,
        }
    }

    /// The order, or `None` if a NaN is involved: invalid if signalling or `on_any`.
    pub fn partial_order(&mut self, f: Format, a: u64, b: u64, on_any: bool) -> Option<Ordering> {
        let (a, b) = (self.unpack(f, a), self.unpack(f, b));
        if a.is_nan() || b.is_nan() {
            if a.is_snan() || b.is_snan() || on_any {
                self.raise(IOC);
            }
            return None;
        }
        self.used(&[&a, &b]);
        Some(order(&a, &b))
    }
}

/// The order of two numbers of one format; zeros are equal.
fn order(a: &Unpacked, b: &Unpacked) -> Ordering {
    let key = |u: &Unpacked| {
        if u.is_zero() {
            return 0;
        }
        // Without the sign, the bits of a number grow with its magnitude.
        let magnitude = match u.sign {
            true => i128::from(u.raw & !sign_of(u)),
            false => i128::from(u.raw),
        };
        if u.sign { -magnitude } else { magnitude }
    };
    key(a).cmp(&key(b))
}

/// The sign bit of a negative number: its highest one.
const fn sign_of(u: &Unpacked) -> u64 {
    1 << (63 - u.raw.leading_zeros())
}
