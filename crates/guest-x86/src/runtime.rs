//! Guest operations that translated code leaves for.

use crate::control::set_mxcsr;
use crate::cpu::Cpu;
use crate::state::{FIRST_HIGH, SLOT_GS};
use crate::{selector, vector_memory, x87, xstate};
use guest::{Effect, MemFault, Space};
use ir::State;
use ir::state::{FIRST_VEC, SLOT_TP, TRAP_PROTECTION, TRAP_UNDEFINED};

/// CPUID of eax and ecx.
pub(crate) const CPUID: u32 = 1;
/// RDRAND: to the register of argument 0, as many bytes as argument 1 says.
pub(crate) const RANDOM: u32 = 2;

/// LDMXCSR: argument 0 is the value.
pub(crate) const SET_MXCSR: u32 = 3;
/// FXSAVE: to address argument 0.
pub(crate) const FXSAVE: u32 = 5;
/// FXRSTOR: from there.
pub(crate) const FXRSTOR: u32 = 6;

/// An access of some lanes of a vector: argument 0 is the address, argument 1 says what.
pub(crate) const MASKED: u32 = 7;

/// An instruction of the x87: argument 0 says which, argument 1 is the address of its operand.
pub(crate) const X87: u32 = 8;
/// XSAVE and its like: argument 0 is the address, argument 1 the components.
pub(crate) const XSAVE: u32 = 9;
/// XRSTOR: likewise.
pub(crate) const XRSTOR: u32 = 10;
/// MOV to segment register argument 0, of selector argument 1.
pub(crate) const SEGMENT: u32 = 11;

/// LAR and its like: see [`crate::selector::run`].
pub(crate) const SELECTOR: u32 = 12;

/// No carry, in the IR's flags.
const NO_CARRY: u32 = 1 << 29;

/// Of FXSAVE's bytes, those that it writes.
const FXSAVE_STORED: usize = 416;
/// #GP.
const PROTECTION: Effect = Effect::Trap { kind: TRAP_PROTECTION, argument: 0 };

/// Fills a buffer with random bytes; false if there are none.
pub(crate) type Random = fn(&mut [u8]) -> bool;

/// The carry says that there is a number; if there is none, zero is put.
fn put_random(random: Random, [register, size]: [u64; 2], state: &mut State) {
    let mut bytes = [0; 8];
    let there = random(&mut bytes);
    let number = if there { u64::from_le_bytes(bytes) } else { 0 };
    let slot = &mut state.int[(register & 15) as usize];
    *slot = match size {
        2 => *slot & !0xffff | number & 0xffff,
        4 => number & 0xffff_ffff,
        _ => number,
    };
    state.set_six_flags(if there { 0 } else { NO_CARRY });
}

/// Loads segment register `n`. Programs have the null selector (but not for the stack), code of 32 and 64 bits
/// and data (arch/x86/include/asm/segment.h), at any privilege but for the stack.
fn load_segment(n: u64, selector: u64, state: &mut State) -> Effect {
    const STACK: u64 = 2;
    let known = match n {
        STACK => selector == 0x2b,
        _ => matches!(selector & !3, 0 | 0x20 | 0x28 | 0x30),
    };
    if !known {
        return Effect::Trap { kind: TRAP_PROTECTION, argument: selector as u32 & !3 };
    }
    match n {
        4 => state.int[usize::from(SLOT_TP)] = 0,
        5 => state.int[usize::from(SLOT_GS)] = 0,
        _ => {}
    }
    Effect::None
}

/// FXRSTOR leaves the upper halves of vectors as they are.
fn restore_legacy(cpu: &Cpu, state: &mut State, bytes: &[u8]) -> bool {
    let high = usize::from(FIRST_HIGH - FIRST_VEC);
    let mut kept = [0; 16];
    kept.copy_from_slice(&state.vec[high..high + 16]);
    let done = xstate::restore(cpu, state, bytes);
    state.vec[high..high + 16].copy_from_slice(&kept);
    done
}

/// Executes operation `op`.
pub(crate) fn run(
    (cpu, random): (&Cpu, Random),
    op: u32,
    args: [u64; 2],
    state: &mut State,
    space: &mut dyn Space,
) -> Effect {
    let stored = |result: Result<(), MemFault>| result.err().map_or(Effect::None, Effect::Fault);
    match op {
        SET_MXCSR => {
            set_mxcsr(state, args[0] as u32);
            Effect::Control
        }
        FXSAVE | FXRSTOR if args[0] & 15 != 0 => PROTECTION,
        FXSAVE => stored(space.store(args[0], &xstate::save(cpu, state)[..FXSAVE_STORED])),
        FXRSTOR => {
            let mut bytes = [0; xstate::FXSAVE];
            match space.load(args[0], &mut bytes) {
                Err(fault) => Effect::Fault(fault),
                Ok(()) if restore_legacy(cpu, state, &bytes) => Effect::Control,
                Ok(()) => PROTECTION,
            }
        }
        CPUID => {
            let [a, b, c, d] = cpu.cpuid(args[0] as u32, args[1] as u32);
            for (slot, value) in [(0, a), (3, b), (1, c), (2, d)] {
                state.int[slot] = value.into();
            }
            Effect::None
        }
        RANDOM => {
            put_random(random, args, state);
            Effect::None
        }
        SEGMENT => load_segment(args[0], args[1], state),
        MASKED => vector_memory::run(args, state, space),
        X87 => x87::run(args, state, space),
        SELECTOR => selector::run(args, state),
        XSAVE | XRSTOR if args[0] & 63 != 0 => PROTECTION,
        XSAVE => stored(xstate::xsave(cpu, state, args, space)),
        XRSTOR => match xstate::xrstor(cpu, state, args, space) {
            Err(fault) => Effect::Fault(fault),
            Ok(true) => Effect::Control,
            Ok(false) => PROTECTION,
        },
        _ => Effect::Trap { kind: TRAP_UNDEFINED, argument: 0 },
    }
}
