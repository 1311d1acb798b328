//! Remainders.

use super::u256::U256;
use super::{Unpacked, Wide};
use crate::Fp;

impl Fp {
    /// `a - n · b`, exactly, and the low 64 bits of the magnitude of `n`: the quotient, rounded to the
    /// nearest integer (the even one of two) or towards zero.
    pub fn wide_remainder(&mut self, f: Wide, a: u128, b: u128, nearest: bool) -> (u128, u64) {
        let (a, b) = (self.unpack_wide(f, a), self.unpack_wide(f, b));
        if let Some(nan) = self.nans_wide(f, &[&a, &b]) {
            return (nan, 0);
        }
        if a.is_inf() || b.is_zero() {
            return (self.invalid_wide(f), 0);
        }
        self.used_wide(&[&a, &b]);
        let (rest, exp, quotient, sign) = match b.is_inf() {
            true => (a.sig, a.exp, 0, a.sign),
            false => divide(&a, &b, nearest),
        };
        if rest == 0 {
            return (f.zero(a.sign), quotient);
        }
        let mode = self.mode();
        (self.round_wide(f, sign, exp, U256::new(rest), mode), quotient)
    }
}

/// The magnitude of the remainder as significand and exponent, the quotient, and the remainder's sign.
fn divide(a: &Unpacked, b: &Unpacked, nearest: bool) -> (u128, i32, u64, bool) {
    // Both at the exponent of the smaller unit, the dividend a digit at a time.
    let exp = a.exp.min(b.exp);
    let shift = b.exp - exp;
    if (b.sig.leading_zeros() as i32) < shift + 2 {
        // Far less than half of the divisor.
        return (a.sig, a.exp, 0, a.sign);
    }
    let divisor = b.sig << shift;
    let (mut rest, mut quotient) = (a.sig % divisor, (a.sig / divisor) as u64);
    for _ in 0..a.exp - exp {
        rest <<= 1;
        let digit = rest >= divisor;
        rest -= if digit { divisor } else { 0 };
        quotient = quotient << 1 | u64::from(digit);
    }
    let twice = rest << 1;
    if nearest && (twice > divisor || twice == divisor && quotient & 1 != 0) {
        return (divisor - rest, exp, quotient.wrapping_add(1), !a.sign);
    }
    (rest, exp, quotient, a.sign)
}
