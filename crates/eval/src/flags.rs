//! The condition flags of additions, subtractions and logic, in PSTATE layout.

use ir::Cond;

/// N and Z of a result of `bits`.
pub(crate) const fn nz(r: u64, bits: u32) -> u32 {
    let r = if bits == 32 { r << 32 } else { r };
    (((r >> 63) as u32) << 31) | ((r == 0) as u32) << 30
}

/// `a + b + carry` in `bits`, and its flags.
pub(crate) const fn add(a: u64, b: u64, carry: bool, bits: u32) -> (u64, u32) {
    let m = if bits == 32 { 0xffff_ffff } else { u64::MAX };
    let (a, b) = (a & m, b & m);
    let wide = a as u128 + b as u128 + carry as u128;
    let r = wide as u64 & m;
    let c = (wide >> bits) as u32 & 1;
    let v = ((a ^ r) & (b ^ r)) >> (bits - 1) & 1;
    (r, nz(r, bits) | c << 29 | (v as u32) << 28)
}

/// `a - b` in `bits`, and its flags (C: no borrow).
pub(crate) const fn sub(a: u64, b: u64, bits: u32) -> (u64, u32) {
    add(a, !b, true, bits)
}

/// The condition in the low bits of an `aux`.
pub(crate) const fn cond(aux: u16) -> Cond {
    Cond::from_u8((aux & 31) as u8)
}

/// Whether `a cond b` holds.
pub(crate) const fn compare(aux: u16, a: u64, b: u64, bits: u32) -> bool {
    cond(aux).holds(sub(a, b, bits).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners() {
        assert_eq!(sub(5, 5, 64), (0, 0x6000_0000));
        assert_eq!(sub(0, 1, 32), (0xffff_ffff, 0x8000_0000));
        assert_eq!(add(0x7fff_ffff, 1, false, 32), (0x8000_0000, 0x9000_0000));
        assert_eq!(add(u64::MAX, 1, false, 64), (0, 0x6000_0000));
        assert_eq!(sub(1 << 63, 1, 64), (i64::MAX as u64, 0x3000_0000));
    }
}
