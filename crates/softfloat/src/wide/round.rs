//! The one place where results of wide formats are rounded.

use super::Wide;
use super::u256::U256;
use crate::round::{overflows_to_infinity, rounds_up};
use crate::{Fp, IXC, OFC, Round, Tiny, UFC};
use core::cmp::Ordering;

/// An integer part, the fraction compared to 1/2, and whether there is a fraction.
struct Split {
    int: u128,
    fraction: Ordering,
    inexact: bool,
}

impl Split {
    /// Of `sig / 2^shift`; the integer part has to fit.
    fn of(sig: U256, shift: i32) -> Self {
        if shift <= 0 {
            return Self {
                int: sig.shl(-shift as u32).low,
                fraction: Ordering::Less,
                inexact: false,
            };
        }
        // With the fraction's highest bit and a sticky one below it.
        let cut = sig.shr_sticky((shift - 1).min(256) as u32);
        let (int, high) = (cut.shr(1).low, cut.low & 1 != 0);
        let kept = if shift > 256 { U256::ZERO } else { sig.shr((shift - 1) as u32) };
        let half = kept.low & 1 != 0;
        let below = shift > 256 || kept.shl((shift - 1) as u32) != sig;
        let fraction = match (half, below) {
            (true, true) => Ordering::Greater,
            (true, false) => Ordering::Equal,
            _ => Ordering::Less,
        };
        Self { int, fraction, inexact: high || below }
    }

    fn rounded(&self, mode: Round, sign: bool) -> u128 {
        if mode == Round::Odd {
            return self.int | u128::from(self.inexact);
        }
        let odd = self.int as u64 & 1;
        self.int + u128::from(rounds_up(mode, sign, odd, self.fraction, self.inexact))
    }
}

impl Fp {
    /// `(-1)^sign · sig · 2^exp` in format `f`. `sig` is not 0; its bit 0 may be sticky if there are at
    /// least two bits more than `f` needs.
    pub(super) fn round_wide(
        &mut self,
        f: Wide,
        sign: bool,
        exp: i32,
        sig: U256,
        mode: Round,
    ) -> u128 {
        let value_exp = exp + 255 - sig.leading_zeros() as i32;
        let precision = f.precision as i32;
        let small = value_exp < f.min_exp();
        let lsb = value_exp.max(f.min_exp()) - precision + 1;
        let split = Split::of(sig, lsb - exp);
        let tiny = small
            && !(self.control.rules.tiny == Tiny::AfterRounding
                && value_exp == f.min_exp() - 1
                && Split::of(sig, value_exp - precision + 1 - exp).rounded(mode, sign)
                    == 1 << precision);
        if tiny && self.control.flush_results && !f.explicit {
            self.raise(UFC | if self.control.rules.tiny == Tiny::AfterRounding { IXC } else { 0 });
            return f.zero(sign);
        }
        if split.inexact {
            self.raise(IXC | if tiny { UFC } else { 0 });
        }
        // In units of the format's last place, or of a multiple of that.
        let mut int = split.rounded(mode, sign) << (f.frac as i32 + 1 - precision);
        let mut field = if small { 0 } else { (value_exp - f.min_exp() + 1) as u128 };
        if field == 0 && int & f.integer_bit() != 0 {
            field = 1;
        }
        if int >> (f.frac + 1) != 0 {
            (int, field) = (int >> 1, field + 1);
        }
        if field < f.max_field() {
            return f.pack(sign, field, int);
        }
        self.raise(OFC | IXC);
        if overflows_to_infinity(mode, sign) {
            return f.infinity(sign);
        }
        let largest = ((1 << precision) - 1) << (f.frac as i32 + 1 - precision);
        f.pack(sign, f.max_field() - 1, largest)
    }
}
