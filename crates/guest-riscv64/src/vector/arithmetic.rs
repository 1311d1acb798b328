//! Arithmetic of single elements.

use super::{low, signed};

/// The high half of a product of `width` bits.
pub(super) fn multiply_high(a: i128, b: i128, width: u32) -> u64 {
    ((a * b) >> width) as u64
}

/// The quotient and the remainder of two elements.
pub(super) fn divide(a: u64, b: u64, width: u32, with_sign: bool) -> (u64, u64) {
    if b == 0 {
        return (u64::MAX, a);
    }
    if !with_sign {
        return (a / b, a % b);
    }
    let (a, b) = (signed(a, width), signed(b, width));
    (a.wrapping_div(b).cast_unsigned(), a.wrapping_rem(b).cast_unsigned())
}

/// The carry-less product.
pub(super) fn carry_less(a: u64, b: u64) -> u128 {
    (0..64).filter(|n| b >> n & 1 != 0).fold(0, |sum, n| sum ^ u128::from(a) << n)
}

/// Rotates left.
pub(super) fn rotate_left(a: u64, n: u64, width: u32) -> u64 {
    let n = n as u32 & (width - 1);
    if n == 0 { a } else { a << n | (a & low(width)) >> (width - n) }
}

/// Reverses the bytes.
pub(super) fn reverse_bytes(a: u64, width: u32) -> u64 {
    a.swap_bytes() >> (64 - width)
}

/// Reverses the bits of each byte.
pub(super) fn reverse_byte_bits(a: u64) -> u64 {
    a.reverse_bits().swap_bytes()
}

/// Shifts right by `n`, which is less than 128, and rounds by `mode`, vxrm: to nearest up, to nearest
/// even, down, to odd.
pub(super) fn rounding_shift(value: i128, n: u32, mode: u64) -> i128 {
    if n == 0 {
        return value;
    }
    let (cut, half) = (value & ((1 << n) - 1), 1i128 << (n - 1));
    let kept = value >> n;
    let up = match mode {
        0 => cut >= half,
        1 => cut > half || cut == half && kept & 1 != 0,
        2 => false,
        _ => cut != 0 && kept & 1 == 0,
    };
    kept + i128::from(up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_round() {
        let all = |value, n| [0, 1, 2, 3].map(|mode| rounding_shift(value, n, mode));
        assert_eq!(all(5, 1), [3, 2, 2, 3]);
        assert_eq!(all(7, 1), [4, 4, 3, 3]);
        assert_eq!(all(-5, 1), [-2, -2, -3, -3]);
        assert_eq!(all(9, 2), [2, 2, 2, 3]);
        assert_eq!(all(9, 0), [9; 4]);
    }

    #[test]
    fn division_never_traps() {
        assert_eq!(divide(7, 0, 8, true), (u64::MAX, 7));
        assert_eq!(divide(0x80, 0xff, 8, true).0 & 0xff, 0x80);
        assert_eq!(divide(0xf9, 2, 8, true), ((-3i64).cast_unsigned(), (-1i64).cast_unsigned()));
    }
}
