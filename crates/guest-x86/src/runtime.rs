//! Guest operations that translated code leaves for.

use crate::control::set_mxcsr;
use crate::cpu::Cpu;
use crate::state::FIRST_HIGH;
use crate::{vector_memory, x87, xstate};
use guest::{Effect, MemFault, Space};
use ir::State;
use ir::state::{FIRST_VEC, TRAP_PROTECTION, TRAP_UNDEFINED};

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

/// No carry, in the IR's flags.
const NO_CARRY: u32 = 1 << 29;

/// Of FXSAVE's bytes, those that it writes.
const FXSAVE_STORED: usize = 416;
/// #GP.
const PROTECTION: Effect = Effect::Trap { kind: TRAP_PROTECTION, argument: 0 };

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
    cpu: &Cpu,
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
        // There is none at the moment, which programs are prepared for.
        RANDOM => {
            let slot = &mut state.int[(args[0] & 15) as usize];
            let mask = if args[1] == 2 { 0xffff } else { u64::MAX };
            *slot &= !mask;
            state.set_six_flags(NO_CARRY);
            Effect::None
        }
        MASKED => vector_memory::run(args, state, space),
        X87 => x87::run(args, state, space),
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
