//! The formats, and values taken apart.

use crate::{Fp, IDC};

/// A binary interchange format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Format {
    /// Width in bits.
    pub bits: u32,
    /// Bits of the exponent.
    pub exp: u32,
    /// Bits of the fraction.
    pub frac: u32,
}

impl Format {
    /// binary16.
    pub const F16: Self = Self { bits: 16, exp: 5, frac: 10 };
    /// binary32.
    pub const F32: Self = Self { bits: 32, exp: 8, frac: 23 };
    /// binary64.
    pub const F64: Self = Self { bits: 64, exp: 11, frac: 52 };
    /// bfloat16.
    pub const BF16: Self = Self { bits: 16, exp: 8, frac: 7 };

    /// The exponent of the smallest normal number.
    pub(crate) const fn min_exp(self) -> i32 {
        2 - (1 << (self.exp - 1))
    }
    /// The largest value of the exponent field.
    pub(crate) const fn max_field(self) -> u64 {
        (1 << self.exp) - 1
    }
    pub(crate) const fn is_half(self) -> bool {
        self.bits == 16 && self.exp == 5
    }
    /// The sign bit.
    pub const fn sign_bit(self) -> u64 {
        1 << (self.bits - 1)
    }
    /// All bits of a value.
    pub const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }
    /// The most significant bit of the fraction, set in quiet NaNs.
    pub(crate) const fn quiet_bit(self) -> u64 {
        1 << (self.frac - 1)
    }
    pub(crate) const fn pack(self, sign: bool, exp: u64, frac: u64) -> u64 {
        (sign as u64) << (self.bits - 1) | exp << self.frac | frac
    }
    /// Zero.
    pub const fn zero(self, sign: bool) -> u64 {
        self.pack(sign, 0, 0)
    }
    /// Infinity.
    pub const fn infinity(self, sign: bool) -> u64 {
        self.pack(sign, self.max_field(), 0)
    }
    /// The default NaN with this sign.
    pub const fn default_nan(self, negative: bool) -> u64 {
        self.pack(negative, self.max_field(), self.quiet_bit())
    }
    /// The largest finite number.
    pub(crate) const fn max_normal(self, sign: bool) -> u64 {
        self.pack(sign, self.max_field() - 1, (1 << self.frac) - 1)
    }
    /// The number 2.
    pub(crate) const fn two(self, sign: bool) -> u64 {
        self.pack(sign, 1 << (self.exp - 1), 0)
    }
    /// The number 1.
    pub(crate) const fn one(self) -> u64 {
        self.pack(false, (1 << (self.exp - 1)) - 1, 0)
    }
    /// The number 1.5.
    pub(crate) const fn one_point_five(self) -> u64 {
        self.pack(false, (1 << (self.exp - 1)) - 1, self.quiet_bit())
    }
}

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Zero,
    Finite,
    Infinity,
    Quiet,
    Signalling,
}

/// A value taken apart: `(-1)^sign · sig · 2^exp` if finite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unpacked {
    pub(crate) class: Class,
    pub(crate) sign: bool,
    pub(crate) exp: i32,
    pub(crate) sig: u64,
    /// The bits it came from.
    pub(crate) raw: u64,
    /// Whether it is a denormal number, and not flushed.
    pub(crate) denormal: bool,
}

impl Unpacked {
    pub(crate) fn is_nan(&self) -> bool {
        matches!(self.class, Class::Quiet | Class::Signalling)
    }
    pub(crate) fn is_snan(&self) -> bool {
        self.class == Class::Signalling
    }
    pub(crate) fn is_qnan(&self) -> bool {
        self.class == Class::Quiet
    }
    pub(crate) fn is_inf(&self) -> bool {
        self.class == Class::Infinity
    }
    pub(crate) fn is_zero(&self) -> bool {
        self.class == Class::Zero
    }
}

impl Fp {
    /// Raises [`IDC`] for denormal operands by the guest's rules: once it is known that the operation
    /// is neither invalid nor has a NaN operand.
    pub(crate) fn used(&mut self, operands: &[&Unpacked]) {
        if self.control.rules.denormal_status && operands.iter().any(|u| u.denormal) {
            self.raise(IDC);
        }
    }

    /// What a value is: 0 minus infinity, 1 a negative normal number, 2 a negative denormal one, 3 minus zero,
    /// 4 zero, 5 a denormal number, 6 a normal one, 7 infinity, 8 a signalling NaN, 9 a quiet one.
    pub const fn classify(&self, f: Format, raw: u64) -> u32 {
        let frac = raw & ((1 << f.frac) - 1);
        let field = raw >> f.frac & f.max_field();
        let kind = if field == f.max_field() {
            if frac != 0 {
                return if frac & f.quiet_bit() == 0 { 8 } else { 9 };
            }
            3
        } else if field != 0 {
            2
        } else {
            (frac != 0) as u32
        };
        if raw & f.sign_bit() != 0 { 3 - kind } else { 4 + kind }
    }

    /// FPUnpack.
    pub(crate) fn unpack(&mut self, f: Format, raw: u64) -> Unpacked {
        let flush = self.flushes_operands(f);
        self.unpack_with(f, raw, flush, false)
    }

    /// FPUnpackCV: FZ16 is ignored, AHP is honoured.
    pub(crate) fn unpack_cv(&mut self, f: Format, raw: u64) -> Unpacked {
        let flush = !f.is_half() && self.flushes_operands(f);
        let alternative = f.is_half() && self.alternative_half();
        self.unpack_with(f, raw, flush, alternative)
    }

    fn unpack_with(&mut self, f: Format, raw: u64, flush: bool, alternative: bool) -> Unpacked {
        let raw = raw & f.mask();
        let sign = raw & f.sign_bit() != 0;
        let frac = raw & ((1 << f.frac) - 1);
        let field = raw >> f.frac & f.max_field();
        let mut u =
            Unpacked { class: Class::Finite, sign, exp: 0, sig: frac, raw, denormal: false };
        if field == 0 {
            u.exp = f.min_exp() - f.frac as i32;
            if frac == 0 {
                u.class = Class::Zero;
            } else if flush {
                u.class = Class::Zero;
                u.sig = 0;
                if !f.is_half() && !self.control.rules.denormal_status {
                    self.raise(IDC);
                }
            } else {
                u.denormal = true;
            }
        } else if field == f.max_field() && !alternative {
            u.class = if frac == 0 {
                Class::Infinity
            } else if frac & f.quiet_bit() != 0 {
                Class::Quiet
            } else {
                Class::Signalling
            };
        } else {
            u.sig |= 1 << f.frac;
            u.exp = field as i32 - 1 + f.min_exp() - f.frac as i32;
        }
        u
    }
}
