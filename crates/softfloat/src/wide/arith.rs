//! Addition, multiplication, division, square root and comparison of wide formats.

use super::u256::U256;
use super::{Unpacked, Wide};
use crate::{DZC, Fp, IOC, NanRule, Round};
use core::cmp::Ordering;

/// A finite value with room for an exact product or sum; `sig` 0 is zero.
#[derive(Clone, Copy)]
struct Exact {
    sign: bool,
    exp: i32,
    sig: U256,
}

impl Exact {
    const fn of(u: &Unpacked) -> Self {
        Self { sign: u.sign, exp: u.exp, sig: U256::new(u.sig) }
    }
    const fn product(a: &Unpacked, b: &Unpacked) -> Self {
        Self { sign: a.sign ^ b.sign, exp: a.exp + b.exp, sig: U256::product(a.sig, b.sig) }
    }
    /// With its highest bit at 253. No significand has as many bits: none is lost.
    fn normalized(self) -> Self {
        if self.sig == U256::ZERO {
            return self;
        }
        let shift = self.sig.leading_zeros() - 2;
        Self { sig: self.sig.shl(shift), exp: self.exp - shift as i32, ..self }
    }
    /// The sum; bit 0 is sticky. Operands have at most 226 significant bits.
    fn sum(self, other: Self) -> Self {
        let (a, b) = (self.normalized(), other.normalized());
        if a.sig == U256::ZERO {
            return b;
        }
        if b.sig == U256::ZERO {
            return a;
        }
        let (a, b) = if (a.exp, a.sig) >= (b.exp, b.sig) { (a, b) } else { (b, a) };
        let small = b.sig.shr_sticky((a.exp - b.exp) as u32);
        let sig = if a.sign == b.sign { a.sig.plus(small) } else { a.sig.minus(small) };
        Self { sig, ..a }
    }
}

impl Fp {
    /// `a + b`.
    pub fn wide_add(&mut self, f: Wide, a: u128, b: u128) -> u128 {
        self.sum_wide(f, a, b, false)
    }

    /// `a - b`.
    pub fn wide_sub(&mut self, f: Wide, a: u128, b: u128) -> u128 {
        self.sum_wide(f, a, b, true)
    }

    fn sum_wide(&mut self, f: Wide, a: u128, b: u128, subtract: bool) -> u128 {
        let (a, mut b) = (self.unpack_wide(f, a), self.unpack_wide(f, b));
        if let Some(nan) = self.nans_wide(f, &[&a, &b]) {
            return nan;
        }
        b.sign ^= subtract;
        if a.is_inf() && b.is_inf() && a.sign != b.sign {
            return self.invalid_wide(f);
        }
        self.used_wide(&[&a, &b]);
        if a.is_inf() || b.is_inf() {
            return f.infinity(if a.is_inf() { a.sign } else { b.sign });
        }
        if a.is_zero() && b.is_zero() && a.sign == b.sign {
            return f.zero(a.sign);
        }
        self.finish_wide(f, Exact::of(&a).sum(Exact::of(&b)))
    }

    /// Rounds a sum; an exact zero gets the sign that the mode asks for.
    fn finish_wide(&mut self, f: Wide, v: Exact) -> u128 {
        let mode = self.mode();
        if v.sig == U256::ZERO {
            return f.zero(mode == Round::Down);
        }
        self.round_wide(f, v.sign, v.exp, v.sig, mode)
    }

    /// `a · b`.
    pub fn wide_mul(&mut self, f: Wide, a: u128, b: u128) -> u128 {
        let (a, b) = (self.unpack_wide(f, a), self.unpack_wide(f, b));
        if let Some(nan) = self.nans_wide(f, &[&a, &b]) {
            return nan;
        }
        let sign = a.sign ^ b.sign;
        if a.is_inf() && b.is_zero() || a.is_zero() && b.is_inf() {
            return self.invalid_wide(f);
        }
        self.used_wide(&[&a, &b]);
        if a.is_inf() || b.is_inf() {
            return f.infinity(sign);
        }
        if a.is_zero() || b.is_zero() {
            return f.zero(sign);
        }
        self.finish_wide(f, Exact::product(&a, &b))
    }

    /// `a / b`.
    pub fn wide_div(&mut self, f: Wide, a: u128, b: u128) -> u128 {
        let (a, b) = (self.unpack_wide(f, a), self.unpack_wide(f, b));
        if let Some(nan) = self.nans_wide(f, &[&a, &b]) {
            return nan;
        }
        let sign = a.sign ^ b.sign;
        if a.is_inf() && b.is_inf() || a.is_zero() && b.is_zero() {
            return self.invalid_wide(f);
        }
        if b.is_zero() && !a.is_inf() {
            self.raise(DZC);
            return f.infinity(sign);
        }
        self.used_wide(&[&a, &b]);
        if a.is_inf() {
            return f.infinity(sign);
        }
        if a.is_zero() || b.is_inf() {
            return f.zero(sign);
        }
        // Both with their highest bit at 113: the first digit is 0 or 1, one bit each from then on.
        let (up_a, up_b) = (a.sig.leading_zeros() - 14, b.sig.leading_zeros() - 14);
        let (mut rest, divisor) = (a.sig << up_a, b.sig << up_b);
        let mut quotient = 0u128;
        for _ in 0..DIGITS {
            let digit = rest >= divisor;
            quotient = quotient << 1 | u128::from(digit);
            rest = (rest - if digit { divisor } else { 0 }) << 1;
        }
        let exp = (a.exp - up_a as i32) - (b.exp - up_b as i32) - (DIGITS as i32 - 1) - 1;
        let sig = U256::new(quotient << 1 | u128::from(rest != 0));
        self.finish_wide(f, Exact { sign, exp, sig })
    }

    /// The square root of `a`.
    pub fn wide_sqrt(&mut self, f: Wide, a: u128) -> u128 {
        let a = self.unpack_wide(f, a);
        if let Some(nan) = self.nans_wide(f, &[&a]) {
            return nan;
        }
        if a.is_zero() {
            return f.zero(a.sign);
        }
        if a.sign {
            return self.invalid_wide(f);
        }
        self.used_wide(&[&a]);
        if a.is_inf() {
            return f.infinity(false);
        }
        // An even exponent, and the highest pair of bits at the top: one digit a pair.
        let mut up = a.sig.leading_zeros() as i32;
        up -= (a.exp - up) & 1;
        let mut sig = a.sig << up;
        let (mut root, mut rest) = (0u128, 0u128);
        for _ in 0..DIGITS {
            rest = rest << 2 | sig >> 126;
            sig <<= 2;
            let trial = root << 2 | 1;
            let digit = rest >= trial;
            rest -= if digit { trial } else { 0 };
            root = root << 1 | u128::from(digit);
        }
        // 64 digits are before the point of the root of a number of 128 bits.
        let exp = (a.exp - up) / 2 + 64 - DIGITS as i32 - 1;
        let sig = U256::new(root << 1 | u128::from(rest != 0));
        self.finish_wide(f, Exact { sign: false, exp, sig })
    }

    /// `addend + a · b`, rounded once.
    pub fn wide_mul_add(&mut self, f: Wide, addend: u128, a: u128, b: u128) -> u128 {
        let c = self.unpack_wide(f, addend);
        let (a, b) = (self.unpack_wide(f, a), self.unpack_wide(f, b));
        let undefined = a.is_inf() && b.is_zero() || a.is_zero() && b.is_inf();
        let first = self.control.rules.nan == NanRule::First;
        if undefined && c.is_nan() && !c.is_snan() && !first {
            return self.invalid_wide(f);
        }
        let operands = if first { [&a, &b, &c] } else { [&c, &a, &b] };
        if let Some(nan) = self.nans_wide(f, &operands) {
            return nan;
        }
        let sign = a.sign ^ b.sign;
        let infinite = a.is_inf() || b.is_inf();
        if undefined || c.is_inf() && infinite && c.sign != sign {
            return self.invalid_wide(f);
        }
        self.used_wide(&operands);
        if c.is_inf() || infinite {
            return f.infinity(if c.is_inf() { c.sign } else { sign });
        }
        if c.is_zero() && (a.is_zero() || b.is_zero()) && c.sign == sign {
            return f.zero(sign);
        }
        self.finish_wide(f, Exact::of(&c).sum(Exact::product(&a, &b)))
    }

    /// The order, or `None` if a NaN is involved: invalid if signalling or `on_any`.
    pub fn wide_order(&mut self, f: Wide, a: u128, b: u128, on_any: bool) -> Option<Ordering> {
        let (a, b) = (self.unpack_wide(f, a), self.unpack_wide(f, b));
        if a.is_nan() || b.is_nan() {
            if a.is_snan() || b.is_snan() || on_any {
                self.raise(IOC);
            }
            return None;
        }
        self.used_wide(&[&a, &b]);
        let magnitude = |u: &Unpacked| match u.is_inf() {
            true => (i32::MAX, 0),
            false if u.is_zero() => (i32::MIN, 0),
            false => (u.exp - u.sig.leading_zeros() as i32, u.sig << u.sig.leading_zeros()),
        };
        let (x, y) = (magnitude(&a), magnitude(&b));
        Some(match (a.sign && !a.is_zero(), b.sign && !b.is_zero()) {
            (false, false) => x.cmp(&y),
            (true, true) => y.cmp(&x),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        })
    }
}

/// Digits of quotients and roots: those of the longest significand, and what rounding needs.
const DIGITS: u32 = 116;
