//! The processor's registers and the guest's state.

use guest::Guest as _;
use guest_x86::state::{FIRST_HIGH, SLOT_DIRECTION, SLOT_FLAGS, SLOT_GS};
use guest_x86::{Cpu, X86_64};
use ir::State;
use ir::state::{FIRST_VEC, SLOT_TP};
use sys::arch::native::{AREA, Registers};

/// The guest with all that there is.
pub(crate) static GUEST: X86_64 = X86_64::new(Cpu::MAX);

/// Bits of RFLAGS, and where [`State::six_flags`] has them; carry is inverted there.
const SIX: [(u32, u32); 6] = [(0, 29), (2, 27), (4, 26), (6, 30), (7, 31), (11, 28)];
const CARRY: u32 = 1 << 29;
/// The other bits that programs can change: TF, NT, AC, ID.
const OTHERS: u64 = 1 << 8 | 1 << 14 | 1 << 18 | 1 << 21;

/// In the area of XSAVE: which components there are, and the upper halves of vectors.
const COMPONENTS: usize = 512;
const AVX: u8 = 4;
const HIGH: usize = 576;

/// How much of it the guest's processor has.
fn context_len() -> usize {
    (GUEST.capabilities().context as usize).min(AREA)
}

fn slot(state: &mut State, number: u16) -> &mut u64 {
    &mut state.int[usize::from(number)]
}

/// The state with these registers.
pub(crate) fn load(registers: &Registers) -> Box<State> {
    let mut state = Box::new(State::new());
    GUEST.start(&mut state);
    let len = context_len();
    let mut area = registers.area;
    if len < AREA {
        area[COMPONENTS] &= !AVX;
    }
    assert!(GUEST.set_context(&mut state, &area[..len]), "these registers exist");
    // Whether the guest's processor has them or not.
    for n in 0..16 {
        let high = area[HIGH + 16 * n..].first_chunk().expect("there are 16");
        state.vec[usize::from(FIRST_HIGH - FIRST_VEC) + n] = u128::from_le_bytes(*high);
    }
    state.int[..16].copy_from_slice(&registers.int);
    *slot(&mut state, SLOT_TP) = registers.fs;
    *slot(&mut state, SLOT_GS) = registers.gs;
    *slot(&mut state, SLOT_FLAGS) = registers.flags & OTHERS;
    *slot(&mut state, SLOT_DIRECTION) =
        if registers.flags & 1 << 10 != 0 { u64::MAX - 1 } else { 0 };
    let bit = |(from, to): (u32, u32)| (registers.flags >> from & 1) as u32 * (1 << to);
    state.set_six_flags(SIX.into_iter().map(bit).fold(0, |all, bit| all | bit) ^ CARRY);
    state.set_pc(registers.pc);
    state
}

/// Its registers.
pub(crate) fn store(state: &State, registers: &mut Registers) {
    registers.int.copy_from_slice(&state.int[..16]);
    registers.fs = state.int[usize::from(SLOT_TP)];
    registers.gs = state.int[usize::from(SLOT_GS)];
    let six = state.six_flags() ^ CARRY;
    let bit = |(to, from): (u32, u32)| u64::from(six >> from & 1) << to;
    let direction = (state.int[usize::from(SLOT_DIRECTION)] >> 1 & 1) << 10;
    registers.flags = SIX.into_iter().map(bit).fold(0x202 | direction, |all, bit| all | bit)
        | state.int[usize::from(SLOT_FLAGS)] & OTHERS;
    registers.pc = state.pc();
    registers.area[..context_len()].copy_from_slice(&GUEST.context(state));
    for n in 0..16 {
        let high = state.vec[usize::from(FIRST_HIGH - FIRST_VEC) + n].to_le_bytes();
        registers.area[HIGH + 16 * n..HIGH + 16 * (n + 1)].copy_from_slice(&high);
    }
}
