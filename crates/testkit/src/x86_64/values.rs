//! Random values of registers that only x86 has.

use isa::Rng;

/// The arithmetic flags and that of direction.
pub(super) const FLAGS: u64 = 0xcd5;
pub(super) const DIRECTION: u64 = 0x400;

/// RFLAGS: strings seldom go down.
pub(super) fn flags(rng: &mut Rng) -> u64 {
    let flags = 0x202 | rng.next() & FLAGS;
    if rng.one_in(8) { flags } else { flags & !DIRECTION }
}

/// MXCSR with all exceptions masked: mostly rounding to nearest, seldom without denormals. Flags that are
/// set already stay.
pub(super) fn mxcsr(rng: &mut Rng) -> u32 {
    let mut control = 0x1f80;
    if rng.one_in(2) {
        control |= (rng.below(4) as u32) << 13;
    }
    match rng.below(16) {
        0 => control |= 1 << 6,
        1 => control |= 1 << 15,
        2 => control |= 0x8040,
        _ => {}
    }
    control | rng.next() as u32 & 0x3f & (rng.below(2) as u32).wrapping_neg()
}

/// The x87's control word, with all exceptions masked.
pub(super) fn x87_control(rng: &mut Rng) -> u16 {
    match rng.below(2) {
        0 => 0x37f,
        _ => 0x7f | (rng.below(4) as u16) << 10 | [0x300, 0x200, 0, 0x300][rng.below(4) as usize],
    }
}

/// Its status word: condition codes, and where the top of the stack is.
pub(super) fn x87_status(rng: &mut Rng) -> u16 {
    (rng.next() as u16) & 0x4700 | (rng.below(8) as u16) << 11
}

/// Which of its registers are not empty: mostly all.
pub(super) fn x87_tags(rng: &mut Rng) -> u8 {
    if rng.one_in(4) { rng.next() as u8 } else { 0xff }
}

/// An 80-bit number; corners are frequent, also those that are no numbers.
pub(super) fn extended(rng: &mut Rng) -> u128 {
    let sign = rng.below(2) as u16;
    let fraction = rng.next();
    let one = 1 << 63;
    let (exponent, fraction) = match rng.below(16) {
        0 => (0, 0),
        1 => (0x7fff, one),
        2 => (0x7fff, one | one >> 1 | fraction),
        3 => (0x7fff, one | fraction >> 2),
        // Without the bit before the point: a denormal, and what is invalid.
        4 => (0, fraction >> 1),
        5 => (rng.below(0x8000) as u16, fraction >> 1),
        6 => (0x3fff, one),
        7 => (0x3fff + rng.below(70) as u16, one | fraction),
        8 => (rng.below(0x7fff) as u16, one | fraction),
        9 => (0x3fff + rng.below(64) as u16, one | fraction & !0 << (63 - rng.below(20))),
        // Those of other formats.
        10 => (0x3fff - 126 + rng.below(253) as u16, one | fraction & !0 << 40),
        11 => (0x3fff - 1022 + rng.below(2045) as u16, one | fraction & !0 << 11),
        _ => (0x3fff - 8 + rng.below(16) as u16, one | fraction),
    };
    u128::from(sign << 15 | exponent) << 64 | u128::from(fraction)
}
