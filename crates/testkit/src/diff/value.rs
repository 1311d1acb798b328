//! Random values that are often corners.

use isa::Rng;

/// A general value; corners are frequent.
pub fn integer(rng: &mut Rng) -> u64 {
    let random = rng.next();
    match rng.below(16) {
        0 => 0,
        1 => u64::MAX,
        2 => 1,
        3 => 1 << 63,
        4 => i64::MAX as u64,
        5 => 0x8000_0000,
        6 => 0x7fff_ffff,
        7 => 0xffff_ffff,
        8 => random & 0xff,
        9 => random | 0xffff_ffff_0000_0000,
        10 => random & 0xffff_ffff,
        11 => 1 << (random & 63),
        _ => random,
    }
}

/// A floating-point value of `bits` bits (16, 32 or 64).
pub fn float(rng: &mut Rng, bits: u32) -> u64 {
    let (exponent, fraction) = match bits {
        16 => (5, 10),
        32 => (8, 23),
        _ => (11, 52),
    };
    let random = rng.next();
    let sign = random >> 63 << (bits - 1);
    let max = (1u64 << exponent) - 1;
    let bias = max >> 1;
    let part = random & ((1 << fraction) - 1);
    let magnitude = match rng.below(20) {
        0 => 0,
        1 => max << fraction,
        // A quiet and a signalling NaN.
        2 => max << fraction | 1 << (fraction - 1) | part,
        3 => max << fraction | part >> 1 | 1,
        4 => part,
        5 => 1,
        6 => bias << fraction,
        7 => (bias + 1) << fraction,
        8 => (max << fraction) - 1,
        9 => 1 << fraction,
        // Around the limits of integers.
        10 => (bias + 31).min(max - 1) << fraction | part & rng.below(3).wrapping_neg(),
        11 => (bias + 63).min(max - 1) << fraction,
        12 => (bias + 15).min(max - 1) << fraction | part,
        13 => (bias - 1) << fraction,
        // Near one.
        14..=16 => (bias - 3 + rng.below(7)) << fraction | part,
        // Few fraction bits: exact results.
        17 => (bias + rng.below(8)) << fraction | part & !0 << (fraction - 4),
        _ => random & ((1 << (bits - 1)) - 1),
    };
    sign | magnitude
}

/// An integer of `bits` bits.
fn corner(rng: &mut Rng, bits: u32) -> u64 {
    let sign = 1 << (bits - 1);
    match rng.below(6) {
        0 => 0,
        1 => sign | (sign - 1),
        2 => sign,
        3 => sign - 1,
        4 => 1,
        _ => rng.next() & (sign | (sign - 1)),
    }
}

/// A vector of 128 bits.
pub fn vector(rng: &mut Rng) -> u128 {
    let bits = match rng.below(10) {
        0..=2 => 32,
        3..=5 => 64,
        6 => 16,
        7 => 8,
        8 => return u128::from(integer(rng)) << 64 | u128::from(integer(rng)),
        _ => return u128::from(rng.next()) << 64 | u128::from(rng.next()),
    };
    let integers = bits == 8 || rng.one_in(4);
    (0..128 / bits).fold(0, |v, _| {
        let lane = if integers { corner(rng, bits) } else { float(rng, bits) };
        v << bits | u128::from(lane)
    })
}
