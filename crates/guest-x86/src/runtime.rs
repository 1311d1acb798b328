//! Guest operations that translated code leaves for.

use crate::cpu::Cpu;
use guest::{Effect, Space};
use ir::State;
use ir::state::TRAP_UNDEFINED;

/// CPUID of eax and ecx.
pub(crate) const CPUID: u32 = 1;
/// RDRAND: to the register of argument 0, as many bytes as argument 1 says.
pub(crate) const RANDOM: u32 = 2;

/// No carry, in the IR's flags.
const NO_CARRY: u32 = 1 << 29;

/// Executes operation `op`.
pub(crate) fn run(
    cpu: &Cpu,
    op: u32,
    args: [u64; 2],
    state: &mut State,
    _: &mut dyn Space,
) -> Effect {
    match op {
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
        _ => Effect::Trap { kind: TRAP_UNDEFINED, argument: 0 },
    }
}
