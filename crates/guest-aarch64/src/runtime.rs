//! Guest operations that translated code leaves for.

use guest::RuntimeEffect;
use ir::State;

/// Executes operation `op`.
pub(crate) fn run(_op: u32, _args: [u64; 2], _state: &mut State) -> RuntimeEffect {
    RuntimeEffect::Undefined
}
