//! The one place where results are rounded.

use crate::{Format, Fp, IOC, IXC, OFC, Round, Tiny, UFC};

impl Fp {
    /// FPRound: `(-1)^sign · sig · 2^exp` in format `f`. `sig` is not 0; its bit 0 may be sticky
    /// if there are at least two bits more than `f` needs.
    pub(crate) fn round(&mut self, f: Format, sign: bool, exp: i32, sig: u128, mode: Round) -> u64 {
        let flush = self.flushes_results(f);
        self.round_with(f, sign, exp, sig, mode, flush, false)
    }

    /// FPRoundCV: FZ16 is ignored, AHP is honoured.
    pub(crate) fn round_cv(
        &mut self,
        f: Format,
        sign: bool,
        exp: i32,
        sig: u128,
        mode: Round,
    ) -> u64 {
        let flush = !f.is_half() && self.flushes_results(f);
        let alternative = f.is_half() && self.alternative_half();
        self.round_with(f, sign, exp, sig, mode, flush, alternative)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one value and one control")]
    fn round_with(
        &mut self,
        f: Format,
        sign: bool,
        exp: i32,
        sig: u128,
        mode: Round,
        flush: bool,
        alternative: bool,
    ) -> u64 {
        debug_assert!(sig != 0);
        let top = 127 - sig.leading_zeros() as i32;
        let value_exp = exp + top;
        let small = value_exp < f.min_exp();
        let tiny = small
            && !(self.control.rules.tiny == Tiny::AfterRounding
                && rounds_to_normal(f, sign, exp, sig, value_exp, mode));
        if flush && tiny {
            self.raise(UFC);
            if self.control.rules.tiny == Tiny::AfterRounding {
                self.raise(IXC);
            }
            return f.zero(sign);
        }
        let mut field = if small { 0 } else { (value_exp - f.min_exp() + 1) as u64 };
        // The result's unit in the last place is 2^lsb.
        let lsb = value_exp.max(f.min_exp()) - f.frac as i32;
        let (mut int, rest, half) = split(sig, lsb - exp);
        let mut inexact = rest != core::cmp::Ordering::Less || half;
        // (Where it traps it need not be inexact.)
        if tiny && (inexact || u32::from(self.control.unmasked) & UFC != 0) {
            self.raise(UFC);
        }
        if mode == Round::Odd {
            int |= u64::from(inexact);
        } else if rounds_up(mode, sign, int, rest, inexact) {
            int += 1;
        }
        if field == 0 && int >> f.frac != 0 {
            field = 1;
        }
        if int >> (f.frac + 1) != 0 {
            field += 1;
            int >>= 1;
        }
        let result = if !alternative && field >= f.max_field() {
            self.raise(OFC);
            inexact = true;
            if overflows_to_infinity(mode, sign) { f.infinity(sign) } else { f.max_normal(sign) }
        } else if field > f.max_field() {
            self.raise(IOC);
            inexact = false;
            f.pack(sign, f.max_field(), (1 << f.frac) - 1)
        } else {
            f.pack(sign, field, int & ((1 << f.frac) - 1))
        };
        if inexact {
            self.raise(IXC);
        }
        result
    }
}

/// Whether a number just below the normal ones, rounded with unlimited range, is the smallest normal
/// one.
fn rounds_to_normal(
    f: Format,
    sign: bool,
    exp: i32,
    sig: u128,
    value_exp: i32,
    mode: Round,
) -> bool {
    let (int, rest, half) = split(sig, value_exp - f.frac as i32 - exp);
    let inexact = rest != core::cmp::Ordering::Less || half;
    value_exp == f.min_exp() - 1
        && int == (2 << f.frac) - 1
        && rounds_up(mode, sign, int, rest, inexact)
}

/// `sig / 2^shift` as integer part, the fraction compared to 1/2 (`Less` with `false`: zero
/// fraction), and whether a fraction below 1/2 is not zero.
fn split(sig: u128, shift: i32) -> (u64, core::cmp::Ordering, bool) {
    use core::cmp::Ordering;
    if shift <= 0 {
        return ((sig << -shift) as u64, Ordering::Less, false);
    }
    if shift > 127 {
        let exactly = shift == 128 && sig == 1 << 127;
        let more = shift == 128 && sig > 1 << 127;
        let order = if exactly {
            Ordering::Equal
        } else if more {
            Ordering::Greater
        } else {
            Ordering::Less
        };
        return (0, order, order == Ordering::Less);
    }
    let fraction = sig & ((1 << shift) - 1);
    let order = fraction.cmp(&(1 << (shift - 1)));
    ((sig >> shift) as u64, order, order == Ordering::Less && fraction != 0)
}

/// Whether the integer part is incremented.
pub(crate) fn rounds_up(
    mode: Round,
    sign: bool,
    int: u64,
    fraction: core::cmp::Ordering,
    inexact: bool,
) -> bool {
    use core::cmp::Ordering;
    match mode {
        Round::Nearest => {
            fraction == Ordering::Greater || fraction == Ordering::Equal && int & 1 != 0
        }
        Round::Away => fraction != Ordering::Less,
        Round::Up => inexact && !sign,
        Round::Down => inexact && sign,
        Round::Zero | Round::Odd => false,
    }
}

/// What an overflow gives: infinity, or else the largest number.
pub(crate) const fn overflows_to_infinity(mode: Round, sign: bool) -> bool {
    match mode {
        Round::Nearest | Round::Away => true,
        Round::Up => !sign,
        Round::Down => sign,
        Round::Zero | Round::Odd => false,
    }
}

/// `sig · 2^exp` rounded to an integer (`None`: 2^127 or more), and whether that was inexact.
pub(crate) fn to_integer(sign: bool, exp: i32, sig: u64, mode: Round) -> (Option<u128>, bool) {
    if exp >= 0 {
        return (if exp > 63 { None } else { Some(u128::from(sig) << exp) }, false);
    }
    let (int, fraction, below) = split(sig.into(), -exp);
    let inexact = fraction != core::cmp::Ordering::Less || below;
    (Some(u128::from(int) + u128::from(rounds_up(mode, sign, int, fraction, inexact))), inexact)
}
