//! Unsigned integers of 256 bits, as far as products of significands need them.

/// `high · 2^128 + low`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct U256 {
    pub(super) high: u128,
    pub(super) low: u128,
}

impl U256 {
    pub(super) const ZERO: Self = Self { high: 0, low: 0 };

    pub(super) const fn new(low: u128) -> Self {
        Self { high: 0, low }
    }
    pub(super) const fn product(a: u128, b: u128) -> Self {
        const LOW: u128 = u64::MAX as u128;
        let (a1, a0, b1, b0) = (a >> 64, a & LOW, b >> 64, b & LOW);
        let (low, mid, other) = (a0 * b0, a1 * b0, a0 * b1);
        let carry = (low >> 64) + (mid & LOW) + (other & LOW);
        Self {
            high: a1 * b1 + (mid >> 64) + (other >> 64) + (carry >> 64),
            low: low & LOW | carry << 64,
        }
    }
    pub(super) const fn leading_zeros(self) -> u32 {
        if self.high == 0 { 128 + self.low.leading_zeros() } else { self.high.leading_zeros() }
    }
    /// By fewer than 256 bits.
    pub(super) const fn shl(self, n: u32) -> Self {
        match n {
            0 => self,
            1..128 => Self { high: self.high << n | self.low >> (128 - n), low: self.low << n },
            _ => Self { high: self.low << (n - 128), low: 0 },
        }
    }
    /// By fewer than 256 bits.
    pub(super) const fn shr(self, n: u32) -> Self {
        match n {
            0 => self,
            1..128 => Self { high: self.high >> n, low: self.low >> n | self.high << (128 - n) },
            _ => Self { high: 0, low: self.high >> (n - 128) },
        }
    }
    /// By any number of bits; bit 0 is set if a bit was lost.
    pub(super) fn shr_sticky(self, n: u32) -> Self {
        if n > 255 {
            return Self::new(u128::from(self != Self::ZERO));
        }
        let kept = self.shr(n);
        let lost = kept.shl(n) != self;
        Self { low: kept.low | u128::from(lost), ..kept }
    }
    pub(super) const fn plus(self, other: Self) -> Self {
        let (low, carry) = self.low.overflowing_add(other.low);
        Self { high: self.high.wrapping_add(other.high).wrapping_add(carry as u128), low }
    }
    pub(super) const fn minus(self, other: Self) -> Self {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Self { high: self.high.wrapping_sub(other.high).wrapping_sub(borrow as u128), low }
    }
}
