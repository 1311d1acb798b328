//! VFREC7 and VFRSQRT7: estimates of seven bits, exactly as the manual's tables have them.

use super::float::{Class, class};
use softfloat::Format;

/// What an estimate gives, and the status that it raises.
pub(super) struct Estimate {
    pub(super) value: u64,
    pub(super) invalid: bool,
    pub(super) by_zero: bool,
    pub(super) overflow: bool,
}

const fn plain(value: u64) -> Estimate {
    Estimate { value, invalid: false, by_zero: false, overflow: false }
}

/// The fraction of the reciprocal of 1 + (n + 1/2) / 128, doubled, in 128ths, to nearest.
const fn reciprocal_fraction(n: u64) -> u64 {
    // 2 / (1 + (2n + 1) / 256) - 1 = 512 / (257 + 2n) - 1
    let (numerator, denominator) = (512 * 128, 257 + 2 * n);
    (2 * numerator + denominator) / (2 * denominator) - 128
}

/// The same of the reciprocal square root of 1 + (n + 1/2) / 64, for `doubled` of twice that.
const fn root_fraction(n: u64, doubled: bool) -> u64 {
    // 2 / sqrt(x) - 1 for x = (129 + 2n) / 128 in [1, 2); twice that in [2, 4). In 128ths, to nearest:
    // the largest f with (f + 127.5)² · x <= 256², which is (2f + 255)² · x <= 512².
    let x = (129 + 2 * n) << doubled as u32;
    let mut f = 0;
    while (2 * f + 257) * (2 * f + 257) * x <= 512 * 512 * 128 {
        f += 1;
    }
    f
}

/// Splits a positive number other than zero and infinity into its exponent and fraction, normalised: the
/// exponent of a denormal is below 1.
fn normalised(f: Format, raw: u64) -> (i64, u64) {
    let fraction = raw & ((1 << f.frac) - 1);
    let exponent = (raw >> f.frac & ((1 << f.exp) - 1)).cast_signed();
    if exponent != 0 {
        return (exponent, fraction);
    }
    let up = i64::from(f.frac) - i64::from(fraction.ilog2());
    (1 - up, fraction << up & ((1 << f.frac) - 1))
}

/// VFRSQRT7.
pub(super) fn rsqrt7(f: Format, a: u64) -> Estimate {
    let nan = f.default_nan(false);
    match class(f, a) {
        Class::Signalling => return Estimate { invalid: true, ..plain(nan) },
        Class::Quiet => return plain(nan),
        Class::Zero => {
            return Estimate { by_zero: true, ..plain(f.infinity(a & f.sign_bit() != 0)) };
        }
        _ if a & f.sign_bit() != 0 => return Estimate { invalid: true, ..plain(nan) },
        Class::Infinity => return plain(0),
        Class::Number => {}
    }
    let (exponent, fraction) = normalised(f, a);
    let bias = (1i64 << (f.exp - 1)) - 1;
    // The bias is odd: an even biased exponent is an odd power of two.
    let doubled = exponent & 1 == 0;
    let estimate = root_fraction(fraction >> (f.frac - 6), doubled);
    let result = (3 * bias - 1 - exponent) >> 1;
    plain(result.cast_unsigned() << f.frac | estimate << (f.frac - 7))
}

/// VFREC7, where `up` says whether overflow gives infinity (else the largest number), by sign.
pub(super) fn rec7(f: Format, a: u64, to_infinity: impl Fn(bool) -> bool) -> Estimate {
    let nan = f.default_nan(false);
    let sign = a & f.sign_bit();
    match class(f, a) {
        Class::Signalling => return Estimate { invalid: true, ..plain(nan) },
        Class::Quiet => return plain(nan),
        Class::Zero => return Estimate { by_zero: true, ..plain(f.infinity(sign != 0)) },
        Class::Infinity => return plain(sign),
        Class::Number => {}
    }
    let (exponent, fraction) = normalised(f, a & !sign);
    if exponent < -1 {
        let infinity = f.infinity(sign != 0);
        let value = if to_infinity(sign != 0) { infinity } else { infinity - 1 };
        return Estimate { overflow: true, ..plain(value) };
    }
    let bias = (1i64 << (f.exp - 1)) - 1;
    let estimate = reciprocal_fraction(fraction >> (f.frac - 7)) << (f.frac - 7);
    let result = 2 * bias - 1 - exponent;
    let magnitude = match result {
        // Denormal results keep the leading one.
        0 | -1 => (1 << f.frac | estimate) >> (1 - result),
        result => result.cast_unsigned() << f.frac | estimate,
    };
    plain(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_those_of_the_tables() {
        let reciprocals: Vec<_> = (0..8).map(reciprocal_fraction).collect();
        assert_eq!(reciprocals, [127, 125, 123, 121, 119, 117, 116, 114]);
        let roots: Vec<_> = (0..6).map(|n| root_fraction(n, true)).collect();
        assert_eq!(roots, [52, 51, 50, 48, 47, 46]);
        let roots: Vec<_> = (0..6).map(|n| root_fraction(n, false)).collect();
        assert_eq!(roots, [127, 125, 123, 121, 119, 118]);
    }
}
