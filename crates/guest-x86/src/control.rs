//! MXCSR: its control bits are in a slot as they are, its status bits in the common slot of the sticky ones.

use crate::state::SLOT_REFUSED;
use guest::{Control, Key};
use ir::state::{SLOT_FPCR, SLOT_FPSR};
use ir::{FpControl, Round, State};
use softfloat::rules::SSE;

/// MXCSR after reset.
pub(crate) const USUAL: u32 = 0x1f80;
/// Denormals are zeros.
const DAZ: u64 = 1 << 6;
/// Flush to zero.
const FZ: u64 = 1 << 15;
/// No flags but that there is no carry.
pub(crate) const START_FLAGS: u32 = 1 << 29;

/// An exception is not masked: what the host has no instruction for goes to the evaluator, which raises it.
const EXACT: u16 = 1;
/// From this bit on what [`SLOT_REFUSED`] says.
const REFUSED: u32 = 1;

/// What the registers in `state` ask for.
pub(crate) fn control(state: &State) -> Control {
    let mxcsr = state.int[usize::from(SLOT_FPCR)];
    let rounding = match mxcsr >> 13 & 3 {
        0 => Round::Nearest,
        1 => Round::Down,
        2 => Round::Up,
        _ => Round::Zero,
    };
    let unmasked = exceptions(!mxcsr >> 7 & 0x3f) as u8;
    let fp = FpControl {
        rounding,
        flush_operands: mxcsr & DAZ != 0,
        // (Only where underflow does not trap.)
        flush_results: mxcsr & FZ != 0 && mxcsr & 1 << 11 != 0,
        unmasked,
        ..FpControl::new(SSE)
    };
    let refused = (state.int[usize::from(SLOT_REFUSED)] as u16) << REFUSED;
    Control { key: Key(refused | if unmasked == 0 { 0 } else { EXACT }), fp }
}

/// Whether `what` (`REFUSES_*`) is refused.
pub(crate) fn refuses(key: Key, what: u64) -> bool {
    u64::from(key.0 >> REFUSED) & what != 0
}

/// Whether every floating-point operation goes to the evaluator.
pub(crate) fn exact(key: Key) -> bool {
    key.0 & EXACT != 0
}

/// The status bits of MXCSR and those of the slot: denormal is another one.
const STATUS: [(u32, u32); 6] = [(0, 0), (1, 7), (2, 1), (3, 2), (4, 3), (5, 4)];

/// Exceptions in MXCSR's order, in that of the slot.
fn exceptions(mxcsr: u64) -> u64 {
    STATUS.into_iter().fold(0, |all, (from, to)| all | (mxcsr >> from & 1) << to)
}

/// MXCSR.
pub(crate) fn mxcsr(state: &State) -> u32 {
    let sticky = state.int[usize::from(SLOT_FPSR)];
    let bit = |(to, from): (u32, u32)| (sticky >> from & 1) as u32 * (1 << to);
    let status = STATUS.into_iter().map(bit).fold(0, |all, bit| all | bit);
    state.int[usize::from(SLOT_FPCR)] as u32 & 0xffc0 | status
}

/// Sets it.
pub(crate) fn set_mxcsr(state: &mut State, mxcsr: u32) {
    state.int[usize::from(SLOT_FPSR)] = exceptions(mxcsr.into());
    state.int[usize::from(SLOT_FPCR)] = u64::from(mxcsr & 0xffc0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mxcsr_is_kept() {
        let mut state = State::new();
        for value in [USUAL, 0xffff, 0x1f82, 0x9fc0] {
            set_mxcsr(&mut state, value);
            assert_eq!(mxcsr(&state), value);
        }
        set_mxcsr(&mut state, 0x7f80);
        let control = control(&state);
        assert_eq!((control.key, control.fp.rounding), (Key(0), Round::Zero));
        set_mxcsr(&mut state, 0x1e00);
        let control = super::control(&state);
        assert_eq!((control.key, control.fp.unmasked), (Key(EXACT), 0x81));
    }
}
