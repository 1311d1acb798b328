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

/// Four words.
pub(crate) const fn split_words(v: u128) -> [u32; 4] {
    [get(v, 32, 0) as u32, get(v, 32, 1) as u32, get(v, 32, 2) as u32, get(v, 32, 3) as u32]
}

/// The reverse, without a loop: an array that is indexed by a variable is written to memory by words, and to
/// load that as a whole takes longer than most computations.
pub(crate) const fn join_words([a, b, c, d]: [u32; 4]) -> u128 {
    (a as u64 | (b as u64) << 32) as u128 | ((c as u64 | (d as u64) << 32) as u128) << 64
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
    // (A division takes longer than many a lane, and so does a half that is kept in memory.)
    let (count, of_half) = (total >> bits.trailing_zeros(), 64 >> bits.trailing_zeros());
    let (mut all, mut i) = (0, 0);
    while i < count {
        let (mut half, mut at) = (0, 0);
        for n in i..count.min(i + of_half) {
            half |= (f(n)? & (u64::MAX >> (64 - bits))) << at;
            at += bits;
        }
        all |= if i == 0 { u128::from(half) } else { u128::from(half) << 64 };
        i += of_half;
    }
    Some(all)
}
