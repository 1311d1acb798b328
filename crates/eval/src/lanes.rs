//! Access to the lanes of a 128-bit value.

/// The low `bits` of `v`.
pub(crate) const fn truncate(v: u128, bits: u32) -> u128 {
    if bits >= 128 { v } else { v & ((1 << bits) - 1) }
}

/// Lane `i` of `bits` (8..=64).
pub(crate) const fn get(v: u128, bits: u32, i: u32) -> u64 {
    truncate(v >> (bits * i), bits) as u64
}

/// Lane `i`, sign-extended.
pub(crate) const fn get_s(v: u128, bits: u32, i: u32) -> i64 {
    sext(v >> (bits * i), bits) as i64
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
    let mut r = 0;
    for i in 0..total / bits {
        r = put(r, bits, i, f(i));
    }
    r
}
