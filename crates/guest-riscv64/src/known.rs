//! What a block's translator knows of the values in general registers.

use crate::field::XReg;

/// How a constant was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Constant {
    /// It is the same wherever the code is.
    Plain,
    /// Of the instruction's address.
    Relative,
}

/// For each register, since the last place that is branched to.
#[derive(Default, Debug)]
pub(crate) struct Known {
    /// Bit n: register n has the sign of its low 32 bits above them.
    narrow: u32,
    /// Bit n: register n has a value in `values`.
    constant: u32,
    /// Bit n: that value is [`Constant::Relative`].
    relative: u32,
    values: [u64; 32],
}

const fn bit(r: XReg) -> u32 {
    1 << (r.0 & 31)
}

impl Known {
    /// Something may come from elsewhere.
    pub(crate) fn forget(&mut self) {
        (self.narrow, self.constant) = (0, 0);
    }
    /// Register `r` gets a value of which nothing is known.
    pub(crate) fn written(&mut self, r: XReg) {
        self.narrow &= !bit(r);
        self.constant &= !bit(r);
    }
    /// Register `r`, which has been written, is a sign-extended number of 32 bits.
    pub(crate) fn set_narrow(&mut self, r: XReg) {
        self.narrow |= bit(r);
    }
    /// Whether that is certain.
    pub(crate) fn is_narrow(&self, r: XReg) -> bool {
        r == XReg::ZERO || self.narrow & bit(r) != 0
    }
    /// Register `r`, which has been written, is a constant.
    pub(crate) fn set_constant(&mut self, r: XReg, value: u64, kind: Constant) {
        self.constant |= bit(r);
        self.values[usize::from(r.0)] = value;
        match kind {
            Constant::Relative => self.relative |= bit(r),
            Constant::Plain => {
                self.relative &= !bit(r);
                if i32::try_from(value.cast_signed()).is_ok() {
                    self.set_narrow(r);
                }
            }
        }
    }
    /// The constant in register `r`, and how it was made.
    pub(crate) fn constant(&self, r: XReg) -> Option<(u64, Constant)> {
        let kind = if self.relative & bit(r) == 0 { Constant::Plain } else { Constant::Relative };
        (self.constant & bit(r) != 0).then(|| (self.values[usize::from(r.0)], kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_ends_with_a_write() {
        let (mut known, r) = (Known::default(), XReg(5));
        assert!(!known.is_narrow(r) && known.is_narrow(XReg::ZERO));
        known.set_constant(r, u64::MAX, Constant::Plain);
        assert_eq!(known.constant(r), Some((u64::MAX, Constant::Plain)));
        assert!(known.is_narrow(r));
        known.written(r);
        assert!(!known.is_narrow(r) && known.constant(r).is_none());
        known.set_constant(r, 1 << 31, Constant::Relative);
        assert_eq!(known.constant(r), Some((1 << 31, Constant::Relative)));
        assert!(!known.is_narrow(r));
        known.forget();
        assert!(known.constant(r).is_none());
    }
}
