//! RFLAGS, and what else of the guest's state has another form in registers.

use guest_x86::state::{
    FIRST_X87, SLOT_DIRECTION, SLOT_FLAGS, SLOT_X87_CONTROL, SLOT_X87_STATUS, SLOT_X87_TAGS,
};
use ir::State;
use ir::state::{FIRST_VEC, SLOT_FPCR, SLOT_FPSR};

/// Bits of RFLAGS, and where [`State::six_flags`] has them; carry is inverted there.
const SIX: [(u32, u32); 6] = [(0, 29), (2, 27), (4, 26), (6, 30), (7, 31), (11, 28)];
const CARRY: u32 = 1 << 29;
/// The other bits that programs can change: TF, NT, AC, ID.
const OTHERS: u64 = 1 << 8 | 1 << 14 | 1 << 18 | 1 << 21;

/// RFLAGS.
pub(super) fn flags(state: &State) -> u64 {
    let six = state.six_flags() ^ CARRY;
    let bit = |(to, from): (u32, u32)| u64::from(six >> from & 1) << to;
    let direction = (state.int[usize::from(SLOT_DIRECTION)] >> 1 & 1) << 10;
    SIX.into_iter().map(bit).fold(0x202 | direction, |all, bit| all | bit)
        | state.int[usize::from(SLOT_FLAGS)] & OTHERS
}

/// Sets it.
pub(super) fn set_flags(state: &mut State, flags: u64) {
    state.int[usize::from(SLOT_FLAGS)] = flags & OTHERS;
    state.int[usize::from(SLOT_DIRECTION)] = if flags & 1 << 10 != 0 { u64::MAX - 1 } else { 0 };
    let bit = |(from, to): (u32, u32)| (flags >> from & 1) as u32 * (1 << to);
    state.set_six_flags(SIX.into_iter().map(bit).fold(0, |all, bit| all | bit) ^ CARRY);
}

/// Control word, status word and tags of the x87, as FXSAVE has them; no opcode.
pub(super) fn x87(state: &State) -> u64 {
    let [control, status, tags] =
        [SLOT_X87_CONTROL, SLOT_X87_STATUS, SLOT_X87_TAGS].map(|slot| state.int[usize::from(slot)]);
    control | status << 16 | tags << 32
}

/// Sets them.
pub(super) fn set_x87(state: &mut State, words: u64) {
    for (slot, value) in [
        (SLOT_X87_CONTROL, words & 0xffff),
        (SLOT_X87_STATUS, words >> 16 & 0xffff),
        (SLOT_X87_TAGS, words >> 32 & 0xff),
    ] {
        state.int[usize::from(slot)] = value;
    }
}

/// The slot of a register of the x87 that is counted from the top of the stack.
fn stack(state: &State, n: usize) -> usize {
    let top = (state.int[usize::from(SLOT_X87_STATUS)] >> 11 & 7) as usize;
    usize::from(FIRST_X87 - FIRST_VEC) + (top + n) % 8
}

/// Register `n` of the x87's stack.
pub(super) fn st(state: &State, n: usize) -> u128 {
    state.vec[stack(state, n)] & ((1 << 80) - 1)
}

/// Sets it.
pub(super) fn set_st(state: &mut State, n: usize, value: u128) {
    let slot = stack(state, n);
    state.vec[slot] = value & ((1 << 80) - 1);
}

/// The status bits of MXCSR, and where the slot of sticky ones has them.
const STATUS: [(u32, u32); 6] = [(0, 0), (1, 7), (2, 1), (3, 2), (4, 3), (5, 4)];

/// MXCSR.
pub(super) fn mxcsr(state: &State) -> u64 {
    let sticky = state.int[usize::from(SLOT_FPSR)];
    let bit = |(to, from): (u32, u32)| (sticky >> from & 1) << to;
    STATUS.into_iter().map(bit).fold(state.int[usize::from(SLOT_FPCR)] & 0xffc0, |all, b| all | b)
}

/// Sets it.
pub(super) fn set_mxcsr(state: &mut State, value: u64) {
    let bit = |(from, to): (u32, u32)| (value >> from & 1) << to;
    state.int[usize::from(SLOT_FPSR)] = STATUS.into_iter().map(bit).fold(0, |all, bit| all | bit);
    state.int[usize::from(SLOT_FPCR)] = value & 0xffc0;
}
