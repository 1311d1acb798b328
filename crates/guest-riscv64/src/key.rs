//! What translations depend on besides their code: bits of [`Key`].

use guest::{Control, Key};
use ir::state::SLOT_FPCR;
use ir::{FpControl, Round, State};
use softfloat::rules::RISCV;

/// The rounding mode in frm is reserved: instructions that use it are undefined.
const RESERVED_ROUNDING: u16 = 1;
/// The rounding mode is one that hosts do not have: the evaluator executes floating point.
const EXACT: u16 = 2;
/// The rounding mode in frm is another one than to nearest, ties to even. Without this, instructions that
/// ask for that one themselves (as JIT compilers have all of them do) are like those that use frm.
const UNUSUAL: u16 = 4;

/// What the registers in `state` ask for.
pub(crate) fn control(state: &State) -> Control {
    let (key, rounding) = match state.int[usize::from(SLOT_FPCR)] & 7 {
        0 => (0, Round::Nearest),
        1 => (UNUSUAL, Round::Zero),
        2 => (UNUSUAL, Round::Down),
        3 => (UNUSUAL, Round::Up),
        4 => (EXACT | UNUSUAL, Round::Away),
        _ => (RESERVED_ROUNDING | UNUSUAL, Round::Nearest),
    };
    Control { key: Key(key), fp: FpControl { rounding, ..FpControl::new(RISCV) } }
}

/// Whether every floating-point operation goes to the evaluator.
pub(crate) fn exact(key: Key) -> bool {
    key.0 & EXACT != 0
}

/// Whether the rounding mode in frm is to nearest, ties to even.
pub(crate) fn rounds_to_nearest(key: Key) -> bool {
    key.0 & UNUSUAL == 0
}

/// Whether the rounding mode in frm is a defined one.
pub(crate) fn rounding_is_defined(key: Key) -> bool {
    key.0 & RESERVED_ROUNDING == 0
}
