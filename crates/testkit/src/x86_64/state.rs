//! The processor's registers and the guest's state.

use guest::Guest as _;
use guest_x86::state::{FIRST_HIGH, SLOT_GS, SLOT_X87_DATA, SLOT_X87_OPCODE, SLOT_X87_PC};
use guest_x86::{Cpu, X86_64};
use ir::State;
use ir::state::{FIRST_VEC, SLOT_TP};
use sys::arch::native::Registers;

use super::registers::{flags, mxcsr, set_flags, set_mxcsr, set_st, set_x87, st, x87};

/// The guest with all that there is.
pub(crate) static GUEST: X86_64 = X86_64::new(Cpu::MAX);

/// In the area of XSAVE: the last instruction of the x87, MXCSR, registers of the x87, vectors, their upper
/// halves.
const LAST: [(usize, u16); 3] = [(6, SLOT_X87_OPCODE), (8, SLOT_X87_PC), (16, SLOT_X87_DATA)];
const MXCSR: usize = 24;
const ST: usize = 32;
const XMM: usize = 160;
const HIGH: usize = 576;

/// A state for [`load`].
pub(crate) fn fresh() -> Box<State> {
    let mut state = Box::new(State::new());
    GUEST.start(&mut state);
    state
}

fn long(area: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*area[at..].first_chunk().expect("it is in the area"))
}

fn wide(area: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(*area[at..].first_chunk().expect("it is in the area"))
}

/// Puts these registers into `state`.
pub(crate) fn load(registers: &Registers, state: &mut State) {
    let area = &registers.area;
    set_x87(state, long(area, 0) & 0xff_ffff_ffff);
    for (at, slot) in LAST {
        let mask = if slot == SLOT_X87_OPCODE { 0x7ff } else { u64::MAX };
        state.int[usize::from(slot)] = long(area, at) & mask;
    }
    set_mxcsr(state, long(area, MXCSR) & 0xffff);
    (0..8).for_each(|n| set_st(state, n, wide(area, ST + 16 * n)));
    for n in 0..16 {
        state.vec[n] = wide(area, XMM + 16 * n);
        state.vec[usize::from(FIRST_HIGH - FIRST_VEC) + n] = wide(area, HIGH + 16 * n);
    }
    state.int[..16].copy_from_slice(&registers.int);
    state.int[usize::from(SLOT_TP)] = registers.fs;
    state.int[usize::from(SLOT_GS)] = registers.gs;
    set_flags(state, registers.flags);
    state.set_pc(registers.pc);
}

/// Its registers.
pub(crate) fn store(state: &State, registers: &mut Registers) {
    registers.int.copy_from_slice(&state.int[..16]);
    registers.fs = state.int[usize::from(SLOT_TP)];
    registers.gs = state.int[usize::from(SLOT_GS)];
    registers.flags = flags(state);
    registers.pc = state.pc();
    let area = &mut registers.area;
    area[..5].copy_from_slice(&x87(state).to_le_bytes()[..5]);
    for (at, slot) in LAST {
        let len = if slot == SLOT_X87_OPCODE { 2 } else { 8 };
        area[at..at + len].copy_from_slice(&state.int[usize::from(slot)].to_le_bytes()[..len]);
    }
    area[MXCSR..MXCSR + 4].copy_from_slice(&mxcsr(state).to_le_bytes()[..4]);
    for n in 0..8 {
        area[ST + 16 * n..ST + 16 * n + 10].copy_from_slice(&st(state, n).to_le_bytes()[..10]);
    }
    for n in 0..16 {
        area[XMM + 16 * n..XMM + 16 * (n + 1)].copy_from_slice(&state.vec[n].to_le_bytes());
        let high = state.vec[usize::from(FIRST_HIGH - FIRST_VEC) + n].to_le_bytes();
        area[HIGH + 16 * n..HIGH + 16 * (n + 1)].copy_from_slice(&high);
    }
}
