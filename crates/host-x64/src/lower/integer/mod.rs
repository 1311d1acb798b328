//! Lowering of integer operations, flags among them.

pub(crate) mod arithmetic;
mod bits;
mod carryless;
mod condition;
mod counter;
mod crc;
pub(crate) mod divide;
mod flag_setting;
mod multiply;
mod six_flags;
