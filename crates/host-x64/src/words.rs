//! The words of this host that the engine writes and reads but does not understand: links, the
//! floating-point control (MXCSR), the flags.

use host::FlagsAt;
use ir::Round;
use ir::state::flag;

/// MXCSR after reset: everything masked, rounding to nearest.
pub(crate) const USUAL_CONTROL: u32 = 0x1f80;
/// The mask of invalid operations.
const MASK_INVALID: u32 = 1 << 7;
/// Sticky bits: invalid, denormal, division by zero, overflow, underflow, inexact.
const STICKY: u32 = 0x3f;
const STICKY_INVALID: u32 = 1;

/// The rel32 field at `at` that leads to `to`.
pub(crate) fn link_word(at: u32, to: u32) -> u32 {
    to.wrapping_sub(at).wrapping_sub(4)
}

/// The control for translated code.
pub(crate) fn control(rounding: Round) -> u32 {
    let field = match rounding {
        Round::Down => 1,
        Round::Up => 2,
        Round::Zero => 3,
        _ => 0,
    };
    USUAL_CONTROL & !MASK_INVALID | field << 13
}

/// The sticky bits in the order of `SLOT_FPSR`, and the rest.
pub(crate) fn split_sticky(control: u32) -> (u64, u32) {
    let bit = |from: u32, to: u32| u64::from(control >> from & 1) << to;
    (bit(2, 1) | bit(3, 2) | bit(4, 3) | bit(5, 4), control & !STICKY)
}

/// The control word with the sticky "invalid" cleared.
pub(crate) fn without_invalid(control: u32) -> u32 {
    control & !STICKY_INVALID
}

/// The flag word for EFLAGS.
pub(crate) fn flag_word(eflags: u64, at: FlagsAt) -> u32 {
    let low = eflags as u32;
    let word = (low & 0xff) << 8 | (low >> 11 & 1);
    match at {
        FlagsAt::HostSub => word ^ flag::C,
        FlagsAt::HostLogic => word & !(flag::C | flag::V),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sticky_bits_keep_their_meaning() {
        // Division by zero is bit 2 here and bit 1 there, and so on; denormal has no place.
        assert_eq!(split_sticky(0x1f00 | 0x3e), (0x1e, 0x1f00));
        assert_eq!(split_sticky(0x1f02), (0, 0x1f00));
        assert_eq!(without_invalid(0x1f03), 0x1f02);
        assert_eq!([control(Round::Nearest), control(Round::Zero)], [0x1f00, 0x7f00]);
    }

    #[test]
    fn links_are_relative_to_their_end() {
        assert_eq!(link_word(100, 104), 0);
        assert_eq!(link_word(100, 64).cast_signed(), -40);
    }
}
