//! Random contents of registers.

use isa::Rng;

/// A general value; corners are frequent.
pub fn integer(rng: &mut Rng) -> u64 {
    let random = rng.next();
    match rng.below(12) {
        0 => 0,
        1 => u64::MAX,
        2 => 1 << 63,
        3 => i64::MAX as u64,
        4 => 0x8000_0000,
        5 => 0x7fff_ffff,
        6 => random & 0xff,
        7 => random & 0xffff_ffff,
        8 => 1 << (random & 63),
        _ => random,
    }
}

/// A vector: floating-point lanes near one, special values, or any bits.
pub fn vector(rng: &mut Rng) -> u128 {
    let wide = rng.one_in(2);
    let lane = |rng: &mut Rng| {
        let random = rng.next();
        if wide {
            let near = 0x3fe0_0000_0000_0000 + (random & 0x3f_ffff_ffff_ffff);
            [near, near ^ 1 << 63, 0, 0x7ff0 << 48, 0x7ff8 << 48 | random & 0xffff, 1, random]
                [rng.below(7) as usize]
        } else {
            let near = 0x3f00_0000 + (random as u32 & 0x01ff_ffff);
            let special = [near, near ^ 1 << 31, 0, 0x7f80_0000, 0x7fc0_0001, 1, random as u32]
                [rng.below(7) as usize];
            u64::from(near) << 32 | u64::from(special)
        }
    };
    u128::from(lane(rng)) << 64 | u128::from(lane(rng))
}
