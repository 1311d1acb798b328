//! Conversions of wide formats: to others, to integers and back, to integral values.

use super::u256::U256;
use super::{Unpacked, Wide};
use crate::format::Class;
use crate::round::rounds_up;
use crate::{Fp, IOC, IXC, Round};
use core::cmp::Ordering;

impl Fp {
    /// `a` in another format.
    pub fn wide_convert(&mut self, from: Wide, to: Wide, a: u128) -> u128 {
        let u = self.unpack_wide(from, a);
        match u.class {
            Class::Quiet | Class::Signalling => {
                // The top of the fraction is kept.
                let sig = match to.frac >= from.frac {
                    true => u.sig << (to.frac - from.frac),
                    false => u.sig >> (from.frac - to.frac),
                };
                self.nan_wide(to, &Unpacked { sig, ..u })
            }
            Class::Infinity => to.infinity(u.sign),
            Class::Zero => to.zero(u.sign),
            Class::Finite => {
                // (The x87's stores raise nothing for denormals.)
                if !from.explicit {
                    self.used_wide(&[&u]);
                }
                let mode = self.mode();
                self.round_wide(to, u.sign, u.exp, U256::new(u.sig), mode)
            }
        }
    }

    /// `a` rounded to an integral value; raises Inexact only if `exact`.
    pub fn wide_round_int(&mut self, f: Wide, a: u128, mode: Round, exact: bool) -> u128 {
        let u = self.unpack_wide(f, a);
        if let Some(nan) = self.nans_wide(f, &[&u]) {
            return nan;
        }
        if u.class != Class::Finite || u.exp >= 0 {
            return a;
        }
        self.used_wide(&[&u]);
        let (int, inexact) = integer(&u, mode);
        if inexact && exact {
            self.raise(IXC);
        }
        match int {
            Some(0) | None => f.zero(u.sign),
            Some(int) => self.round_wide(f, u.sign, 0, U256::new(int), Round::Zero),
        }
    }

    /// `a` as an integer of up to 64 `bits`; where there is none, what the guest's rule says.
    pub fn wide_to_int(&mut self, f: Wide, a: u128, signed: bool, bits: u32, mode: Round) -> u64 {
        let u = self.unpack_wide(f, a);
        if u.is_nan() {
            self.raise(IOC);
            return self.nan_to_fixed(signed, bits);
        }
        let int = match u.class {
            Class::Zero => (Some(0), false),
            Class::Finite => integer(&u, mode),
            _ => (None, false),
        };
        self.fit_integer(u.sign, int, signed, bits)
    }

    /// An integer as a number: the low `bits`, up to 64, of `a`.
    pub fn wide_from_int(&mut self, f: Wide, a: u64, signed: bool, bits: u32) -> u128 {
        let top = a << (64 - bits);
        let sign = signed && top >> 63 != 0;
        let magnitude = match sign {
            true => ((top as i64) >> (64 - bits)).unsigned_abs(),
            false => top >> (64 - bits),
        };
        if magnitude == 0 {
            return f.zero(false);
        }
        let mode = self.mode();
        self.round_wide(f, sign, 0, U256::new(magnitude.into()), mode)
    }
}

/// A finite number rounded to an integer (`None`: 2^127 or more), and whether that was inexact.
fn integer(u: &Unpacked, mode: Round) -> (Option<u128>, bool) {
    if u.exp >= 0 {
        let fits = (u.exp as u32) < u.sig.leading_zeros();
        return (fits.then(|| u.sig << u.exp), false);
    }
    // Far below 1/2, only whether there is something counts.
    let shift = u.exp.unsigned_abs().min(126);
    let int = u.sig >> shift;
    let fraction = u.sig & ((1 << shift) - 1);
    let order = match shift < u.exp.unsigned_abs() {
        true => Ordering::Less,
        false => fraction.cmp(&(1 << (shift - 1))),
    };
    let inexact = fraction != 0;
    let up = rounds_up(mode, u.sign, int as u64 & 1, order, inexact);
    (Some(int + u128::from(up)), inexact)
}
