//! RFLAGS, which the state has in parts.

use super::slot;
use ir::State;
use ir::state::flag::{A, C, N, P, V, Z};

/// Always set: a reserved bit, and that interrupts are enabled.
const FIXED: u64 = 0x202;
const CF: u64 = 1;
const PF: u64 = 1 << 2;
const AF: u64 = 1 << 4;
const ZF: u64 = 1 << 6;
const SF: u64 = 1 << 7;
/// The trap flag: single steps.
pub(super) const TF: u64 = 1 << 8;
/// The direction flag.
pub(super) const DF: u64 = 1 << 10;
const OF: u64 = 1 << 11;
const NT: u64 = 1 << 14;
/// A fault is being told.
pub(super) const RF: u64 = 1 << 16;
const AC: u64 = 1 << 18;
const ID: u64 = 1 << 21;

/// The flags of arithmetic, and where they are in `State::flags`. (There the carry is inverted.)
const ARITHMETIC: [(u64, u32); 6] = [(CF, C), (PF, P), (AF, A), (ZF, Z), (SF, N), (OF, V)];
/// What programs can change besides.
const OTHERS: u64 = TF | NT | AC | ID;
/// What the return from a signal handler changes (`FIX_EFLAGS`).
pub(super) const RESTORED: u64 = AC | OF | DF | TF | SF | ZF | AF | PF | CF | RF;

/// RFLAGS.
pub(super) fn get(state: &State) -> u64 {
    let word = state.flags ^ C;
    let arithmetic = ARITHMETIC.into_iter().filter(|(_, from)| word & from != 0);
    let down = if state.int[slot::DIRECTION] != 0 { DF } else { 0 };
    arithmetic.fold(FIXED | down | state.int[slot::FLAGS] & (OTHERS | RF), |all, (to, _)| all | to)
}

/// Sets them.
pub(super) fn set(state: &mut State, flags: u64) {
    let arithmetic = ARITHMETIC.into_iter().filter(|(from, _)| flags & from != 0);
    state.flags = arithmetic.fold(0, |all, (_, to)| all | to) ^ C;
    state.int[slot::DIRECTION] = if flags & DF != 0 { -2_i64 as u64 } else { 0 };
    state.int[slot::FLAGS] = flags & OTHERS;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_flags_are_kept() {
        let mut state = State::new();
        for flags in [0, CF, PF, AF | ZF, SF | OF, DF | ID, TF | AC | NT | CF] {
            set(&mut state, flags);
            assert_eq!(get(&state), flags | FIXED);
        }
    }
}
