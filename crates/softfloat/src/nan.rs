//! Which NaN a result is.

use crate::format::Unpacked;
use crate::{Format, Fp, IOC, NanRule};

impl Fp {
    /// The result of an invalid operation.
    pub(crate) fn invalid(&mut self, f: Format) -> u64 {
        self.raise(IOC);
        self.default_nan(f)
    }

    /// The guest's default NaN.
    pub(crate) const fn default_nan(&self, f: Format) -> u64 {
        f.default_nan(self.control.rules.default_nan_negative)
    }

    /// FPProcessNaN.
    pub(crate) fn nan(&mut self, f: Format, u: &Unpacked) -> u64 {
        if u.is_snan() {
            self.raise(IOC);
        }
        if self.default_nan_mode() { self.default_nan(f) } else { u.raw | f.quiet_bit() }
    }

    /// FPProcessNaNs and FPProcessNaNs3: the NaN that these operands give.
    #[inline]
    pub(crate) fn nans(&mut self, f: Format, operands: &[&Unpacked]) -> Option<u64> {
        if operands.iter().any(|u| u.is_nan()) { self.chosen_nan(f, operands) } else { None }
    }

    #[cold]
    fn chosen_nan(&mut self, f: Format, operands: &[&Unpacked]) -> Option<u64> {
        let rule = self.control.rules.nan;
        let key = |u: &Unpacked| Candidate {
            nan: u.is_nan(),
            quiet: u.is_qnan(),
            sign: u.sign,
            sig: u.sig.into(),
        };
        let chosen = choose(rule, operands.iter().map(|u| key(u)))?;
        if operands.iter().any(|u| u.is_snan()) {
            self.raise(IOC);
        }
        Some(self.nan(f, operands[chosen]))
    }
}

/// What decides between NaNs.
#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) nan: bool,
    pub(crate) quiet: bool,
    pub(crate) sign: bool,
    pub(crate) sig: u128,
}

/// The position of the operand whose NaN is the result, if there is any.
pub(crate) fn choose(
    rule: NanRule,
    operands: impl Iterator<Item = Candidate> + Clone,
) -> Option<usize> {
    let mut nans = operands.enumerate().filter(|(_, u)| u.nan);
    let (first, _) = nans.clone().next()?;
    match rule {
        NanRule::First | NanRule::Canonical => Some(first),
        NanRule::SignallingFirst => {
            nans.find(|(_, u)| !u.quiet).map_or(Some(first), |(at, _)| Some(at))
        }
        NanRule::LargerSignificand => {
            let best = |(at, a): (usize, Candidate), (bt, b): (usize, Candidate)| {
                if (a.quiet, a.sig, !a.sign) >= (b.quiet, b.sig, !b.sign) {
                    (at, a)
                } else {
                    (bt, b)
                }
            };
            nans.reduce(best).map(|(at, _)| at)
        }
    }
}
