//! The registers of x87, SSE and AVX as FXSAVE and XSAVE store them (Intel SDM volume 1, 10.5 and 13.4).

use crate::control::{self, mxcsr, set_mxcsr};
use crate::cpu::Cpu;
use crate::decode::Feature;
use crate::state::{
    FIRST_HIGH, FIRST_X87, SLOT_X87_CONTROL, SLOT_X87_DATA, SLOT_X87_OPCODE, SLOT_X87_PC,
    SLOT_X87_STATUS, SLOT_X87_TAGS,
};
use guest::{MemFault, Space};
use ir::State;
use ir::state::FIRST_VEC;

/// What FXSAVE stores.
pub(crate) const FXSAVE: usize = 512;
/// Then which components XSAVE has stored, and reserved bytes.
const HEADER: usize = 64;
const HIGH: usize = FXSAVE + HEADER;
const ST: usize = 32;
const XMM: usize = 160;
const REGISTERS: usize = 16;

/// The components of XSAVE.
pub(crate) const X87: u64 = 1;
/// See [`X87`].
pub(crate) const SSE: u64 = 2;
/// See [`X87`].
pub(crate) const AVX: u64 = 4;

/// Bits of MXCSR that can be set.
const MXCSR_MASK: u32 = 0xffff;

/// The components that a processor has (XCR0); none without XSAVE.
pub(crate) fn components(cpu: &Cpu) -> u64 {
    match (cpu.has(Feature::Xsave), cpu.has_avx()) {
        (false, _) => 0,
        (true, false) => X87 | SSE,
        (true, true) => X87 | SSE | AVX,
    }
}

/// Bytes of all of them.
pub(crate) fn len(cpu: &Cpu) -> usize {
    match components(cpu) {
        0 => FXSAVE,
        all if all & AVX == 0 => HIGH,
        _ => HIGH + 16 * REGISTERS,
    }
}

fn int(state: &State, slot: u16) -> u64 {
    state.int[usize::from(slot)]
}

fn high(n: usize) -> usize {
    usize::from(FIRST_HIGH - FIRST_VEC) + n
}

/// The slot of a register counted from the top of the stack.
fn stack(state: &State, n: usize) -> usize {
    let top = (int(state, SLOT_X87_STATUS) >> 11 & 7) as usize;
    usize::from(FIRST_X87 - FIRST_VEC) + (top + n) % 8
}

/// All of them, in the standard form.
pub(crate) fn save(cpu: &Cpu, state: &State) -> Vec<u8> {
    let mut out = vec![0; len(cpu)];
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    for (at, slot, len) in [
        (0, SLOT_X87_CONTROL, 2),
        (2, SLOT_X87_STATUS, 2),
        (4, SLOT_X87_TAGS, 1),
        (6, SLOT_X87_OPCODE, 2),
        (8, SLOT_X87_PC, 8),
        (16, SLOT_X87_DATA, 8),
    ] {
        put(at, &int(state, slot).to_le_bytes()[..len]);
    }
    put(24, &mxcsr(state).to_le_bytes());
    put(28, &MXCSR_MASK.to_le_bytes());
    for n in 0..8 {
        put(ST + 16 * n, &state.vec[stack(state, n)].to_le_bytes()[..10]);
    }
    for n in 0..REGISTERS {
        put(XMM + 16 * n, &state.vec[n].to_le_bytes());
    }
    let components = components(cpu);
    if components != 0 {
        put(FXSAVE, &components.to_le_bytes());
    }
    if components & AVX != 0 {
        for n in 0..REGISTERS {
            put(HIGH + 16 * n, &state.vec[high(n)].to_le_bytes());
        }
    }
    out
}

/// Sets them; what is not there, or not stored, gets its initial value. False if MXCSR or the header has bits
/// that do not exist.
pub(crate) fn restore(cpu: &Cpu, state: &mut State, from: &[u8]) -> bool {
    let word = |at: usize| {
        let bytes = from.get(at..at + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    let Some(control) = word(24).filter(|_| from.len() >= FXSAVE) else { return false };
    let stored = word(FXSAVE).unwrap_or(X87 | SSE);
    let known = if from.len() > FXSAVE { components(cpu) } else { X87 | SSE };
    if control as u32 & !MXCSR_MASK != 0 || stored & !known != 0 {
        return false;
    }
    reset(state);
    if stored & X87 != 0 {
        let low = word(0).unwrap_or_default();
        let (control, status) = (low & 0x1f3f | 0x40, low >> 16 & 0x7f7f);
        // (Whether an exception is pending follows from the others.)
        let pending = if status & !control & 0x3f != 0 { 0x8080 } else { 0 };
        for (slot, value) in [
            (SLOT_X87_CONTROL, control),
            (SLOT_X87_STATUS, status | pending),
            (SLOT_X87_TAGS, low >> 32 & 0xff),
            (SLOT_X87_OPCODE, low >> 48 & 0x7ff),
            (SLOT_X87_PC, word(8).unwrap_or_default()),
            (SLOT_X87_DATA, word(16).unwrap_or_default()),
        ] {
            state.int[usize::from(slot)] = value;
        }
        for n in 0..8 {
            let value = vector(&from[ST + 16 * n..]) & ((1 << 80) - 1);
            let slot = stack(state, n);
            state.vec[slot] = value;
        }
    }
    if stored & (SSE | AVX) != 0 {
        set_mxcsr(state, control as u32);
    }
    if stored & SSE != 0 {
        for n in 0..REGISTERS {
            state.vec[n] = vector(&from[XMM + 16 * n..]);
        }
    }
    if stored & AVX != 0 && from.len() >= HIGH + 16 * REGISTERS {
        for n in 0..REGISTERS {
            state.vec[high(n)] = vector(&from[HIGH + 16 * n..]);
        }
    }
    true
}

/// In XCOMP_BV: the compact form.
pub(crate) const COMPACT: u64 = 1 << 63;
/// Where a component is (x87 in three parts: words, and registers).
const PARTS: [(u64, core::ops::Range<usize>); 5] = [
    (X87, 0..24),
    (SSE | AVX, 24..32),
    (X87, ST..XMM),
    (SSE, XMM..XMM + 16 * REGISTERS),
    (AVX, HIGH..HIGH + 16 * REGISTERS),
];

/// XSAVE to the first argument of the components in the second, in the compact form if that has [`COMPACT`]: which has
/// the same places, as there is none between them.
pub(crate) fn xsave(
    cpu: &Cpu,
    state: &State,
    [address, what]: [u64; 2],
    space: &mut dyn Space,
) -> Result<(), MemFault> {
    let asked = what & components(cpu);
    let bytes = save(cpu, state);
    let mut header = [0; 16];
    let mut before = 0;
    if what & COMPACT == 0 {
        space.load(address.wrapping_add(FXSAVE as u64), &mut header[..8])?;
        before = u64::from_le_bytes(*header.first_chunk().unwrap_or(&[0; 8])) & !asked;
    } else {
        header[8..].copy_from_slice(&(COMPACT | asked).to_le_bytes());
    }
    header[..8].copy_from_slice(&(before | asked).to_le_bytes());
    for (component, part) in PARTS {
        if asked & component != 0 {
            space.store(address.wrapping_add(part.start as u64), &bytes[part])?;
        }
    }
    let header = if what & COMPACT == 0 { &header[..8] } else { &header[..] };
    space.store(address.wrapping_add(FXSAVE as u64), header)
}

/// XRSTOR likewise; false if the header is wrong.
pub(crate) fn xrstor(
    cpu: &Cpu,
    state: &mut State,
    [address, what]: [u64; 2],
    space: &mut dyn Space,
) -> Result<bool, MemFault> {
    let asked = what & components(cpu);
    let mut stored = [0; HIGH + 16 * REGISTERS];
    let len = len(cpu);
    space.load(address, &mut stored[..HIGH])?;
    let word =
        |at: usize| stored[at..at + 8].iter().rev().fold(0, |all, b| all << 8 | u64::from(*b));
    let (there, form) = (word(FXSAVE), word(FXSAVE + 8));
    let known = components(cpu);
    let wrong = if form & COMPACT == 0 { form != 0 } else { form & !COMPACT & !known != 0 };
    if there & !known != 0 || wrong || word(FXSAVE + 16) != 0 {
        return Ok(false);
    }
    if there & asked & AVX != 0 {
        space.load(address.wrapping_add(HIGH as u64), &mut stored[HIGH..])?;
    }
    // What is not asked for stays; what is, but is not there, gets its initial value.
    let mut merged = save(cpu, state);
    let mut initial = Box::new(State::new());
    reset(&mut initial);
    let initial = save(cpu, &initial);
    for (component, part) in PARTS {
        if asked & component == 0 || part.end > len {
            continue;
        }
        let from = if there & component != 0 || part.start == 24 { &stored[..] } else { &initial };
        merged[part.clone()].copy_from_slice(&from[part]);
    }
    Ok(restore(cpu, state, &merged))
}

fn vector(bytes: &[u8]) -> u128 {
    bytes.first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes))
}

/// Sets their initial values.
pub(crate) fn reset(state: &mut State) {
    state.vec[..usize::from(FIRST_X87 - FIRST_VEC) + 8].fill(0);
    for slot in SLOT_X87_CONTROL..=SLOT_X87_DATA {
        state.int[usize::from(slot)] = 0;
    }
    state.int[usize::from(SLOT_X87_CONTROL)] = 0x37f;
    set_mxcsr(state, control::USUAL);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_survive() {
        let mut state = State::new();
        reset(&mut state);
        for (n, slot) in state.vec[..40].iter_mut().enumerate() {
            *slot = n as u128 * 0x101 + 7;
        }
        state.int[usize::from(SLOT_X87_STATUS)] = 3 << 11;
        for cpu in [Cpu::DEFAULT, Cpu::MAX] {
            let saved = save(&cpu, &state);
            assert_eq!(saved.len(), len(&cpu));
            let mut other = State::new();
            assert!(restore(&cpu, &mut other, &saved));
            let count = if cpu.has_avx() { 40 } else { 16 };
            assert_eq!(other.vec[..count], state.vec[..count]);
            assert_eq!(other.vec[32..40], state.vec[32..40]);
            assert_eq!(saved[ST], state.vec[35] as u8);
        }
        let mut wrong = save(&Cpu::MAX, &state);
        wrong[26] = 1;
        assert!(!restore(&Cpu::MAX, &mut state, &wrong));
    }
}
