//! Guest operations that translated code leaves for.

use crate::cpu::Cpu;
use crate::key;
use crate::vector::{self, Stop};
use guest::{Effect, Space};
use ir::state::{SLOT_FPSR, TRAP_UNDEFINED};
use ir::{Round, Rounding, State};
use softfloat::{Format, Fp};

/// frm was written.
pub(crate) const CONTROL: u32 = 1;
/// FENCE.I: code may have been changed anywhere.
pub(crate) const INVALIDATE: u32 = 2;
/// WRS.NTO and its like.
pub(crate) const YIELD: u32 = 3;

/// FCVT.BF16.S and FCVT.S.BF16: argument 0 is the source register, with a
/// rounding (`Rounding::chosen`) from bit 8 on; argument 1 is the destination.
pub(crate) const TO_BFLOAT: u32 = 4;
/// See [`TO_BFLOAT`].
pub(crate) const FROM_BFLOAT: u32 = 5;
/// A vector instruction: the operation's number from here on; argument 0 is the instruction.
pub(crate) const VECTOR: u32 = 0x1000;

/// Converts register `from` to the other format in register `to`, both boxed, in the current mode.
fn convert((before, after): (Format, Format), [from, to]: [usize; 2], state: &mut State) {
    let mut control = key::control(state).fp;
    control.rounding = match Rounding::from_chosen((from >> 8) as u16) {
        Rounding::Nearest => Round::Nearest,
        Rounding::Zero => Round::Zero,
        Rounding::Down => Round::Down,
        Rounding::Up => Round::Up,
        Rounding::Away => Round::Away,
        _ => control.rounding,
    };
    let (mut fp, from) = (Fp::new(control), from & 31);
    let value = state.vec[from] as u64;
    let boxed = value >> before.bits == u64::MAX >> before.bits;
    let value = if boxed { value & before.mask() } else { before.default_nan(false) };
    let result = fp.convert(before, after, value) | u64::MAX << after.bits;
    state.vec[to] = result.into();
    state.int[usize::from(SLOT_FPSR)] |= u64::from(fp.status);
}

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
        TO_BFLOAT | FROM_BFLOAT => {
            let formats = match op {
                TO_BFLOAT => (Format::F32, Format::BF16),
                _ => (Format::BF16, Format::F32),
            };
            convert(formats, args.map(|n| n as usize), state);
            Effect::None
        }
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
