//! Formats of 80 and 128 bits: x87's double extended precision and binary128.
//!
//! Values are bit patterns in the low bits of a `u128`. The narrower formats can be written in the same
//! way ([`Wide::narrow`]): conversions between the two kinds are conversions between wide formats.

mod arith;
mod convert;
mod real;
mod remainder;
mod round;
mod series;
mod u256;

pub use series::Angle;

use crate::format::Class;
use crate::nan::{Candidate, choose};
use crate::{Format, Fp, IDC, IOC};

/// A binary format of up to 128 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wide {
    /// Width in bits.
    pub bits: u32,
    /// Bits of the exponent.
    pub exp: u32,
    /// Bits of the fraction.
    pub frac: u32,
    /// Whether the integer bit of the significand is stored, above the fraction.
    explicit: bool,
    /// Bits of the significand, integer bit included, to which results are rounded.
    precision: u32,
}

impl Wide {
    /// Double extended precision (Intel SDM volume 1, 4.2.2).
    pub const F80: Self = Self { bits: 80, exp: 15, frac: 63, explicit: true, precision: 64 };
    /// binary128.
    pub const F128: Self = Self { bits: 128, exp: 15, frac: 112, explicit: false, precision: 113 };

    /// A format of up to 64 bits.
    pub const fn narrow(f: Format) -> Self {
        Self { bits: f.bits, exp: f.exp, frac: f.frac, explicit: false, precision: f.frac + 1 }
    }
    /// The same format, with results rounded to fewer bits: 24 or 53 for the x87's precision control.
    ///
    /// # Panics
    /// In debug builds, if the format has not so many.
    pub const fn rounded_to(self, precision: u32) -> Self {
        debug_assert!(precision <= self.frac + 1);
        Self { precision, ..self }
    }

    const fn min_exp(self) -> i32 {
        2 - (1 << (self.exp - 1))
    }
    const fn max_field(self) -> u128 {
        (1 << self.exp) - 1
    }
    /// The sign bit.
    pub const fn sign_bit(self) -> u128 {
        1 << (self.bits - 1)
    }
    const fn integer_bit(self) -> u128 {
        1 << self.frac
    }
    /// The most significant bit of the fraction, set in quiet NaNs.
    const fn quiet_bit(self) -> u128 {
        1 << (self.frac - 1)
    }
    /// A value of its parts; `sig` has the integer bit.
    const fn pack(self, sign: bool, field: u128, sig: u128) -> u128 {
        let (sig, at) = match self.explicit {
            true => (sig, self.frac + 1),
            false => (sig & (self.integer_bit() - 1), self.frac),
        };
        (sign as u128) << (self.bits - 1) | field << at | sig
    }
    /// Zero.
    pub const fn zero(self, sign: bool) -> u128 {
        self.pack(sign, 0, 0)
    }
    /// Infinity.
    pub const fn infinity(self, sign: bool) -> u128 {
        self.pack(sign, self.max_field(), self.integer_bit())
    }
    /// The default NaN with this sign.
    pub const fn default_nan(self, negative: bool) -> u128 {
        self.pack(negative, self.max_field(), self.integer_bit() | self.quiet_bit())
    }
}

/// A value taken apart: `(-1)^sign · sig · 2^exp` if finite; a NaN's significand in any case.
#[derive(Clone, Copy, Debug)]
struct Unpacked {
    class: Class,
    sign: bool,
    exp: i32,
    sig: u128,
    /// A denormal number (or, in F80, a pseudo-denormal one).
    denormal: bool,
    /// No number and no NaN: F80 without the integer bit that the exponent calls for.
    unsupported: bool,
}

impl Unpacked {
    fn is_nan(&self) -> bool {
        matches!(self.class, Class::Quiet | Class::Signalling)
    }
    fn is_snan(&self) -> bool {
        self.class == Class::Signalling
    }
    fn is_inf(&self) -> bool {
        self.class == Class::Infinity
    }
    fn is_zero(&self) -> bool {
        self.class == Class::Zero
    }
}

impl Fp {
    fn unpack_wide(&mut self, f: Wide, raw: u128) -> Unpacked {
        let sign = raw & f.sign_bit() != 0;
        let frac = raw & (f.integer_bit() - 1);
        let at = f.frac + u32::from(f.explicit);
        let field = raw >> at & f.max_field();
        let integer = if f.explicit { raw & f.integer_bit() != 0 } else { field != 0 };
        let sig = frac | u128::from(integer) << f.frac;
        let exp = (field as i32 - 1).max(0) + f.min_exp() - f.frac as i32;
        let mut u =
            Unpacked { class: Class::Finite, sign, exp, sig, denormal: false, unsupported: false };
        if field != 0 && !integer {
            (u.class, u.unsupported) = (Class::Signalling, true);
        } else if field == f.max_field() {
            u.class = match (frac, frac & f.quiet_bit()) {
                (0, _) => Class::Infinity,
                (_, 0) => Class::Signalling,
                _ => Class::Quiet,
            };
        } else if sig == 0 {
            u.class = Class::Zero;
        } else if field == 0 {
            u.denormal = true;
            if self.control.flush_operands && !f.explicit {
                (u.class, u.denormal) = (Class::Zero, false);
                if !self.control.rules.denormal_status {
                    self.raise(IDC);
                }
            }
        }
        u
    }

    /// Raises [`IDC`] for denormal operands, by the guest's rules.
    fn used_wide(&mut self, operands: &[&Unpacked]) {
        if self.control.rules.denormal_status && operands.iter().any(|u| u.denormal) {
            self.raise(IDC);
        }
    }

    fn invalid_wide(&mut self, f: Wide) -> u128 {
        self.raise(IOC);
        f.default_nan(self.control.rules.default_nan_negative)
    }

    /// The quiet NaN that `u` is or becomes.
    fn nan_wide(&mut self, f: Wide, u: &Unpacked) -> u128 {
        if u.is_snan() {
            self.raise(IOC);
        }
        if u.unsupported || self.control.default_nan {
            return f.default_nan(self.control.rules.default_nan_negative);
        }
        f.pack(u.sign, f.max_field(), u.sig | f.integer_bit() | f.quiet_bit())
    }

    /// The NaN that these operands give, if one is a NaN or nothing at all.
    fn nans_wide(&mut self, f: Wide, operands: &[&Unpacked]) -> Option<u128> {
        if operands.iter().any(|u| u.unsupported) {
            return Some(self.invalid_wide(f));
        }
        let key = |u: &Unpacked| Candidate {
            nan: u.is_nan(),
            quiet: u.class == Class::Quiet,
            sign: u.sign,
            sig: u.sig,
        };
        let chosen = choose(self.control.rules.nan, operands.iter().map(|u| key(u)))?;
        if operands.iter().any(|u| u.is_snan()) {
            self.raise(IOC);
        }
        Some(self.nan_wide(f, operands[chosen]))
    }
}
