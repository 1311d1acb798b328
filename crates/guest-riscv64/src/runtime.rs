//! Guest operations that translated code leaves for.

use crate::cpu::Cpu;
use crate::vector::{self, Stop};
use guest::{Effect, Space};
use ir::State;
use ir::state::TRAP_UNDEFINED;

/// frm was written.
pub(crate) const CONTROL: u32 = 1;
/// FENCE.I: code may have been changed anywhere.
pub(crate) const INVALIDATE: u32 = 2;
/// WRS.NTO and its like.
pub(crate) const YIELD: u32 = 3;

/// A vector instruction: the operation's number from here on; argument 0 is the instruction.
pub(crate) const VECTOR: u32 = 0x1000;

/// Executes operation `op`.
pub(crate) fn run(
    cpu: &Cpu,
    op: u32,
    args: [u64; 2],
    state: &mut State,
    space: &mut dyn Space,
) -> Effect {
    match op {
        CONTROL => Effect::Control,
        INVALIDATE => Effect::InvalidateWritable,
        YIELD => Effect::Yield,
        VECTOR.. => {
            let op = vector::Op::from_number(op - VECTOR).unwrap_or(vector::Op::Setvl);
            match vector::run(op, args[0] as u32, cpu, state, space) {
                Ok(()) => Effect::None,
                Err(Stop::Undefined) => Effect::Trap { kind: TRAP_UNDEFINED, argument: 0 },
                Err(Stop::Fault(fault)) => Effect::Fault(fault),
            }
        }
        _ => Effect::Trap { kind: TRAP_UNDEFINED, argument: 0 },
    }
}
