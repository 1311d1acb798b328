//! Numbers with 128 significant bits, and what is computed of them by series. Results are good to about 120
//! bits, so that one rounded to 64 is nearly always the exact one's nearest.

use super::u256::U256;
use core::cmp::Ordering;

/// `(-1)^negative · sig · 2^exp`; the highest bit of `sig` is set, or it is zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Real {
    pub(super) negative: bool,
    pub(super) exp: i32,
    pub(super) sig: u128,
}

/// ln 2, log2 e, pi / 2.
const LN_2: Real =
    Real { negative: false, exp: -128, sig: 0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af };
const LOG2_E: Real =
    Real { negative: false, exp: -127, sig: 0xb8aa_3b29_5c17_f0bb_be87_fed0_691d_3e88 };
pub(super) const HALF_PI: Real =
    Real { negative: false, exp: -127, sig: 0xc90f_daa2_2168_c234_c4c6_628b_80dc_1cd1 };
const ZERO: Real = Real { negative: false, exp: 0, sig: 0 };
/// Terms that are smaller than this part of a sum do not count.
const PRECISION: i32 = 130;

impl Real {
    pub(super) const fn new(negative: bool, exp: i32, sig: u128) -> Self {
        if sig == 0 {
            return ZERO;
        }
        let up = sig.leading_zeros();
        Self { negative, exp: exp - up as i32, sig: sig << up }
    }
    pub(super) const fn integer(n: i32) -> Self {
        Self::new(n < 0, 0, n.unsigned_abs() as u128)
    }
    pub(super) const fn negated(self) -> Self {
        Self { negative: !self.negative, ..self }
    }
    pub(super) const fn abs(self) -> Self {
        Self { negative: false, ..self }
    }
    pub(super) const fn is_zero(self) -> bool {
        self.sig == 0
    }
    pub(super) const fn doubled(self) -> Self {
        Self { exp: self.exp + 1, ..self }
    }
    pub(super) fn times(self, other: Self) -> Self {
        let product = U256::product(self.sig, other.sig);
        if product == U256::ZERO {
            return ZERO;
        }
        let up = product.leading_zeros();
        let exp = self.exp + other.exp + 128 - up as i32;
        Self { negative: self.negative != other.negative, exp, sig: product.shl(up).high }
    }
    pub(super) fn plus(self, other: Self) -> Self {
        if other.is_zero() {
            return self;
        }
        if self.is_zero() {
            return other;
        }
        let (a, b) = if (self.exp, self.sig) >= (other.exp, other.sig) {
            (self, other)
        } else {
            (other, self)
        };
        let distance = (a.exp - b.exp) as u32;
        if distance > 126 {
            return a;
        }
        let small = b.sig >> 1 >> distance;
        let large = a.sig >> 1;
        let sum = if a.negative == b.negative { large + small } else { large - small };
        // (The bits that are cut off count where nearly all is cancelled.)
        if a.negative != b.negative && distance < 2 {
            let exact = U256::new(a.sig).shl(distance).minus(U256::new(b.sig));
            let up = exact.leading_zeros();
            if up >= 256 {
                return ZERO;
            }
            let sig = exact.shl(up).high;
            return Self { negative: a.negative, exp: b.exp + 128 - up as i32, sig };
        }
        Self::new(a.negative, a.exp + 1, sum)
    }
    pub(super) fn minus(self, other: Self) -> Self {
        self.plus(other.negated())
    }
    pub(super) fn over(self, other: Self) -> Self {
        if self.is_zero() {
            return ZERO;
        }
        let (mut rest, mut quotient, mut exp) = (self.sig, 0_u128, self.exp - other.exp - 127);
        let mut carry = false;
        if rest < other.sig {
            carry = rest >> 127 != 0;
            rest <<= 1;
            exp -= 1;
        }
        for _ in 0..128 {
            quotient <<= 1;
            if carry || rest >= other.sig {
                rest = rest.wrapping_sub(other.sig);
                quotient |= 1;
            }
            carry = rest >> 127 != 0;
            rest <<= 1;
        }
        Self { negative: self.negative != other.negative, exp, sig: quotient }
    }
    fn over_integer(self, n: u32) -> Self {
        if self.is_zero() {
            return ZERO;
        }
        let (quotient, rest) = (self.sig / u128::from(n), self.sig % u128::from(n));
        let up = quotient.leading_zeros();
        let sig = quotient << up | (rest << up) / u128::from(n);
        Self { exp: self.exp - up as i32, sig, ..self }
    }
    pub(super) fn compare_magnitude(self, other: Self) -> Ordering {
        (self.exp, self.sig).cmp(&(other.exp, other.sig))
    }
    /// The sum of terms, each made of the last one, until they are too small.
    fn series(first: Self, mut next: impl FnMut(u32, Self) -> (Self, Self)) -> Self {
        // (What is carried on, and what is added.)
        let (mut sum, mut carried, mut n) = (first, first, 0);
        loop {
            n += 1;
            let (carry, term) = next(n, carried);
            if term.is_zero() || term.exp + PRECISION < sum.exp || n > 1000 {
                return sum;
            }
            (sum, carried) = (sum.plus(term), carry);
        }
    }

    /// 2^self - 1, for numbers of at most 1.
    pub(super) fn exp2_minus_1(self) -> Self {
        let x = self.times(LN_2);
        Self::series(x, |n, term| {
            let term = term.times(x).over_integer(n + 1);
            (term, term)
        })
    }
    /// The sum of z^(2n+1) / (2n+1), with alternating signs if so asked for.
    fn odd_powers(self, alternating: bool) -> Self {
        let square = self.times(self);
        let square = if alternating { square.negated() } else { square };
        Self::series(self, |n, power| {
            let power = power.times(square);
            (power, power.over_integer(2 * n + 1))
        })
    }
    /// log2(1 + self), for small numbers.
    pub(super) fn log2_plus_1(self) -> Self {
        let z = self.over(self.plus(Self::integer(2)));
        z.odd_powers(false).doubled().times(LOG2_E)
    }
    /// log2 of a positive number, and whether that is exact.
    pub(super) fn log2(self) -> (Self, bool) {
        // Between 3/4 and 3/2.
        let mut exponent = self.exp + 127;
        let mut fraction = Self { exp: -127, ..self };
        if self.sig >= 3 << 126 {
            exponent += 1;
            fraction.exp -= 1;
        }
        let rest = fraction.minus(Self::integer(1));
        (Self::integer(exponent).plus(rest.log2_plus_1()), rest.is_zero())
    }
    /// The arc tangent of a positive number of at most 1.
    pub(super) fn atan(self) -> Self {
        let eighths = Self { exp: self.exp + 3, ..self };
        let nearest =
            if eighths.exp < -127 { 0 } else { (eighths.sig >> (-eighths.exp).min(127)) as i32 };
        if nearest == 0 {
            return self.odd_powers(true);
        }
        // atan x = atan c + atan((x - c) / (1 + x c)), and that of c in steps of 1/8 likewise.
        let known = Self::integer(nearest).over_integer(8);
        let below = known.minus(Self::integer(1).over_integer(8));
        let one = Self::integer(1);
        let rest = |x: Self, c: Self| x.minus(c).over(one.plus(x.times(c)));
        let last = rest(self, known);
        let step = if below.is_zero() {
            known.odd_powers(true)
        } else {
            rest(known, below).odd_powers(true)
        };
        let before = if below.is_zero() { ZERO } else { below.atan() };
        before.plus(step).plus(last.odd_powers(true))
    }
    /// Sine and cosine, for at most pi / 4.
    pub(super) fn sin_cos(self) -> [Self; 2] {
        let square = self.times(self).negated();
        let sine = Self::series(self, |n, term| {
            let term = term.times(square).over_integer(2 * n * (2 * n + 1));
            (term, term)
        });
        let cosine = Self::series(Self::integer(1), |n, term| {
            let term = term.times(square).over_integer(2 * n * (2 * n - 1));
            (term, term)
        });
        [sine, cosine]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn real(v: f64) -> Real {
        let bits = v.to_bits();
        let exp = (bits >> 52 & 0x7ff) as i32 - 1075;
        Real::new(bits >> 63 != 0, exp, u128::from(bits & ((1 << 52) - 1) | 1 << 52))
    }
    fn float(r: Real) -> f64 {
        let v = (r.sig >> 64) as f64 * 2f64.powi(r.exp + 64);
        if r.negative { -v } else { v }
    }
    #[track_caller]
    fn near(got: Real, want: f64) {
        let got = float(got);
        assert!(((got - want) / want).abs() < 1e-15, "{got} instead of {want}");
    }

    #[test]
    fn functions() {
        for x in [0.001, 0.1, 0.24, 0.375, 0.5, 0.61, 0.74] {
            near(real(x).exp2_minus_1(), (x * core::f64::consts::LN_2).exp_m1());
            near(real(-x).exp2_minus_1(), (-x * core::f64::consts::LN_2).exp_m1());
            near(real(x).atan(), x.atan());
            near(real(x).sin_cos()[0], x.sin());
            near(real(x).sin_cos()[1], x.cos());
            near(real(x).log2_plus_1(), x.ln_1p() * core::f64::consts::LOG2_E);
            near(real(x).log2().0, x.log2());
            near(real(999.0 * x).log2().0, (999.0 * x).log2());
        }
        near(real(1.0).atan(), core::f64::consts::FRAC_PI_4);
        assert_eq!(real(0.125).log2(), (Real::integer(-3), true));
        // pi / 4 to the last bits.
        let quarter = real(1.0).atan().doubled();
        assert!(quarter.minus(HALF_PI).exp < HALF_PI.exp - 120);
        let third = real(1.0).over(real(3.0));
        assert_eq!(third.sig, u128::MAX / 3 * 2);
    }
}
