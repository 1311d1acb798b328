//! Which NaN a result is.

use crate::format::Unpacked;
use crate::{Format, Fp, IOC};

impl Fp {
    /// The result of an invalid operation.
    pub(crate) fn invalid(&mut self, f: Format) -> u64 {
        self.raise(IOC);
        f.default_nan()
    }

    /// FPProcessNaN.
    pub(crate) fn nan(&mut self, f: Format, u: &Unpacked) -> u64 {
        if u.is_snan() {
            self.raise(IOC);
        }
        if self.default_nan_mode() { f.default_nan() } else { u.raw | f.quiet_bit() }
    }

    /// FPProcessNaNs and FPProcessNaNs3: signalling ones first, then in order.
    pub(crate) fn nans(&mut self, f: Format, operands: &[&Unpacked]) -> Option<u64> {
        let first = operands
            .iter()
            .find(|u| u.is_snan())
            .or_else(|| operands.iter().find(|u| u.is_qnan()))?;
        Some(self.nan(f, first))
    }
}
