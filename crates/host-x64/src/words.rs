//! The words of this host that the engine writes and reads but does not understand: links, the
//! floating-point control (MXCSR), the flags.

use host::FlagsAt;
use ir::state::flag;
use ir::{FpControl, FpRules, MinMax, NanRule, Round, Tiny, ToInt};

/// MXCSR after reset: everything masked, rounding to nearest.
pub(crate) const USUAL_CONTROL: u32 = 0x1f80;
/// The mask of invalid operations.
const MASK_INVALID: u32 = 1 << 7;
/// Sticky bits: invalid, denormal, division by zero, overflow, underflow, inexact.
const STICKY: u32 = 0x3f;
const STICKY_INVALID: u32 = 1;

/// Denormal operands are zeros.
const DAZ: u32 = 1 << 6;
/// Tiny results are zeros.
const FTZ: u32 = 1 << 15;

/// What the host's own instructions do.
pub(crate) const RULES: FpRules = FpRules {
    nan: NanRule::First,
    default_nan_negative: true,
    tiny: Tiny::AfterRounding,
    to_int: ToInt::Indefinite,
    min_max: MinMax::Second,
    denormal_status: true,
    boxed: false,
};

/// Invalid, division by zero, overflow, underflow, inexact, denormal: their bits in `SLOT_FPSR`, and here.
const EXCEPTIONS: [(u32, u32); 6] = [(0, 0), (1, 2), (2, 3), (3, 4), (4, 5), (7, 1)];

/// The rel32 field at `at` that leads to `to`.
pub(crate) fn link_word(at: u32, to: u32) -> u32 {
    to.wrapping_sub(at).wrapping_sub(4)
}

/// The control for translated code.
pub(crate) fn control(fp: &FpControl) -> u32 {
    let rounding = match fp.rounding {
        Round::Down => 1,
        Round::Up => 2,
        Round::Zero => 3,
        _ => 0,
    };
    let rounded = USUAL_CONTROL | rounding << 13;
    if fp.rules != RULES {
        return rounded & !MASK_INVALID;
    }
    let unmasked = |all, (from, to)| all | (u32::from(fp.unmasked) >> from & 1) << (to + 7);
    let unmasked = EXCEPTIONS.into_iter().fold(0, unmasked);
    let daz = if fp.flush_operands { DAZ } else { 0 };
    let ftz = if fp.flush_results { FTZ } else { 0 };
    rounded & !unmasked | daz | ftz
}

/// The sticky bits in the order of `SLOT_FPSR`, and the rest.
pub(crate) fn split_sticky(control: u32, rules: FpRules) -> (u64, u32) {
    // Of denormal operands other guests are told nothing, and what is invalid traps.
    let ours = if rules == RULES { 0x9f } else { 0x1e };
    let bit = |all, (to, from): (u32, u32)| all | u64::from(control >> from & 1) << to;
    (EXCEPTIONS.into_iter().fold(0, bit) & ours, control & !STICKY)
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
        let others = FpRules::default();
        assert_eq!(split_sticky(0x1f00 | 0x3e, others), (0x1e, 0x1f00));
        assert_eq!(split_sticky(0x1f02, others), (0, 0x1f00));
        assert_eq!(split_sticky(0x1f83, RULES), (0x81, 0x1f80));
        assert_eq!(without_invalid(0x1f03), 0x1f02);
        let mut fp = FpControl::new(others);
        assert_eq!(control(&fp), 0x1f00);
        fp.rounding = Round::Zero;
        assert_eq!(control(&fp), 0x7f00);
        fp = FpControl { rules: RULES, flush_operands: true, unmasked: 0x82, ..fp };
        assert_eq!(control(&fp), 0x7f80 & !(1 << 9 | 1 << 8) | 1 << 6);
    }

    #[test]
    fn links_are_relative_to_their_end() {
        assert_eq!(link_word(100, 104), 0);
        assert_eq!(link_word(100, 64).cast_signed(), -40);
    }
}
