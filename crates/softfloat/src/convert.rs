//! Conversions between formats, and between numbers and integers.

use crate::format::Class;
use crate::round::to_integer;
use crate::{Format, Fp, IOC, IXC, Round, ToInt};

impl Fp {
    /// FPConvert with the current rounding mode.
    pub fn convert(&mut self, from: Format, to: Format, a: u64) -> u64 {
        let mode = self.mode();
        self.convert_mode(from, to, a, mode)
    }

    /// FPConvert (FPConvertBF for bfloat16).
    pub fn convert_mode(&mut self, from: Format, to: Format, a: u64, mode: Round) -> u64 {
        let u = self.unpack_cv(from, a);
        let alternative = to.is_half() && self.alternative_half();
        match u.class {
            Class::Quiet | Class::Signalling => {
                if u.is_snan() || alternative {
                    self.raise(IOC);
                }
                if alternative {
                    to.zero(u.sign)
                } else if self.default_nan_mode() {
                    self.default_nan(to)
                } else {
                    convert_nan(from, to, u.raw)
                }
            }
            Class::Infinity if alternative => {
                self.raise(IOC);
                to.pack(u.sign, to.max_field(), (1 << to.frac) - 1)
            }
            Class::Infinity => to.infinity(u.sign),
            Class::Zero => to.zero(u.sign),
            Class::Finite => {
                // (Denormal halves are nothing special.)
                if !from.is_half() {
                    self.used(&[&u]);
                }
                self.round_cv(to, u.sign, u.exp, u.sig.into(), mode)
            }
        }
    }

    /// FPToFixed: `a · 2^fbits` as an integer of `bits`; where there is none, what the guest's rule says.
    pub fn to_fixed(
        &mut self,
        f: Format,
        a: u64,
        fbits: u32,
        signed: bool,
        bits: u32,
        mode: Round,
    ) -> u64 {
        let u = self.unpack(f, a);
        let int = match u.class {
            Class::Quiet | Class::Signalling => {
                self.raise(IOC);
                return self.nan_to_fixed(signed, bits);
            }
            Class::Infinity => (None, false),
            Class::Zero => (Some(0), false),
            Class::Finite => to_integer(u.sign, u.exp + fbits as i32, u.sig, mode),
        };
        self.fit_integer(u.sign, int, signed, bits)
    }

    /// A rounded number (`None`: far out of range) and whether that was inexact, as an integer of
    /// `bits`; where there is none, what the guest's rule says.
    pub(crate) fn fit_integer(
        &mut self,
        negative: bool,
        (int, inexact): (Option<u128>, bool),
        signed: bool,
        bits: u32,
    ) -> u64 {
        let mask = u64::MAX >> (64 - bits);
        let limit = match (signed, negative) {
            (true, true) => 1 << (bits - 1),
            (true, false) => (1 << (bits - 1)) - 1,
            (false, true) => 0,
            (false, false) => u128::from(mask),
        };
        let int = match int {
            Some(int) if int <= limit => {
                if inexact {
                    self.raise(IXC);
                }
                int
            }
            _ => {
                self.raise(IOC);
                if self.control.rules.to_int == ToInt::Indefinite {
                    return indefinite(signed, bits);
                }
                limit
            }
        } as u64;
        (if negative { int.wrapping_neg() } else { int }) & mask
    }

    /// The integer of `bits` that a NaN becomes.
    pub(crate) const fn nan_to_fixed(&self, signed: bool, bits: u32) -> u64 {
        match self.control.rules.to_int {
            ToInt::Saturate => 0,
            ToInt::SaturateNanLargest => u64::MAX >> (64 - bits + signed as u32),
            ToInt::Indefinite => indefinite(signed, bits),
        }
    }

    /// FixedToFP: the low `bits` of `a`, divided by 2^fbits.
    pub fn from_fixed(&mut self, f: Format, a: u64, fbits: u32, signed: bool, bits: u32) -> u64 {
        let a = a << (64 - bits);
        let (sign, magnitude) = if signed {
            let v = (a as i64) >> (64 - bits);
            (v < 0, v.unsigned_abs())
        } else {
            (false, a >> (64 - bits))
        };
        if magnitude == 0 {
            return f.zero(false);
        }
        let mode = self.mode();
        self.round(f, sign, -(fbits as i32), magnitude.into(), mode)
    }

    /// FPToFixedJS: the result modulo 2^32, and whether it is exact and in range (the Z flag).
    pub fn to_int_js(&mut self, a: u64) -> (u32, bool) {
        let u = self.unpack(Format::F64, a);
        if u.class == Class::Zero {
            // Minus zero and a flushed denormal are not exact.
            return (0, u.raw == 0);
        }
        if u.class != Class::Finite {
            self.raise(IOC);
            return (0, false);
        }
        // More than 2^84 is a multiple of 2^32.
        let (int, inexact) =
            if u.exp >= 32 { (None, false) } else { to_integer(u.sign, u.exp, u.sig, Round::Zero) };
        let limit = if u.sign { 1 << 31 } else { (1 << 31) - 1 };
        let low = int.unwrap_or(0) as u32;
        let exact = match int {
            Some(int) if int <= limit => {
                if inexact {
                    self.raise(IXC);
                }
                !inexact
            }
            _ => {
                self.raise(IOC);
                false
            }
        };
        (if u.sign { low.wrapping_neg() } else { low }, exact)
    }
}

/// What x86 gives for numbers that an integer of `bits` cannot hold.
const fn indefinite(signed: bool, bits: u32) -> u64 {
    if signed { 1 << (bits - 1) } else { u64::MAX >> (64 - bits) }
}

/// FPConvertNaN: keeps the sign and the top of the fraction, quiet.
fn convert_nan(from: Format, to: Format, raw: u64) -> u64 {
    let sign = raw & from.sign_bit() != 0;
    let frac = raw & ((1 << from.frac) - 1);
    let frac = if to.frac >= from.frac {
        frac << (to.frac - from.frac)
    } else {
        frac >> (from.frac - to.frac)
    };
    to.pack(sign, to.max_field(), frac | to.quiet_bit())
}
