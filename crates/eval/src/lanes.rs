//! Access to the lanes of a 128-bit value.

/// The low `bits` of `v`.
pub(crate) const fn truncate(v: u128, bits: u32) -> u128 {
    if bits >= 128 { v } else { v & ((1 << bits) - 1) }
}

/// The bits from lane `i` on, up to the end of its half: shifting 64 bits takes less than 128.
const fn from(v: u128, bits: u32, i: u32) -> u64 {
    let at = bits * i;
    let half = if at & 64 != 0 { (v >> 64) as u64 } else { v as u64 };
    half >> (at & 63)
}

/// Lane `i` of `bits` (8..=64).
pub(crate) const fn get(v: u128, bits: u32, i: u32) -> u64 {
    from(v, bits, i) & (u64::MAX >> (64 - bits))
}

/// Lane `i`, sign-extended.
pub(crate) const fn get_s(v: u128, bits: u32, i: u32) -> i64 {
    (from(v, bits, i) << (64 - bits)) as i64 >> (64 - bits)
}

/// `v` with the low bits of `x` in lane `i`, which must be zero before.
pub(crate) const fn put(v: u128, bits: u32, i: u32, x: u64) -> u128 {
    v | truncate(x as u128, bits) << (bits * i)
}

/// Sign-extends from `bits`.
pub(crate) const fn sext(v: u128, bits: u32) -> i128 {
    ((v << (128 - bits)) as i128) >> (128 - bits)
}

/// A vector of lanes of `bits` within `total` bits, lane by lane from `f`.
pub(crate) fn build(bits: u32, total: u32, mut f: impl FnMut(u32) -> u64) -> u128 {
    try_build(bits, total, |i| Some(f(i))).unwrap_or(0)
}

/// The same, None as soon as `f` gives none.
pub(crate) fn try_build(
    bits: u32,
    total: u32,
    mut f: impl FnMut(u32) -> Option<u64>,
) -> Option<u128> {
    let mut halves = [0; 2];
    // (A division takes longer than many a lane.)
    for i in 0..total >> bits.trailing_zeros() {
        let at = bits * i;
        halves[(at >> 6 & 1) as usize] |= (f(i)? & (u64::MAX >> (64 - bits))) << (at & 63);
    }
    Some(u128::from(halves[0]) | u128::from(halves[1]) << 64)
}
