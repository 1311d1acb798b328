//! The intermediate representation that every guest translates to and every host lowers from.
//!
//! A [`Block`] is a straight list of 16-byte [`Op`]s with one entry. Operands are guest slots
//! (mutable variables, see [`state`]), temporaries (written once) and constants. The guest's
//! condition flags are one implicit variable. Nothing here knows a guest or a host.

pub mod block;
pub mod builder;
pub mod fp;
pub mod op;
pub mod parameter;
pub mod scan;
pub mod state;
pub mod vec_op;
pub mod verify;

pub use block::{Block, Exit, ExitKind, MOVABLE_FROM, near};
pub use builder::Builder;
pub use fp::{FpControl, FpRules, MinMax, NanRule, Round, Tiny, ToInt};
pub use op::{Op, OpCode, Ref, Ty};
pub use parameter::{
    Access, Cond, DivRule, Modifier, Order, RmwOp, Rounding, SIX_FLAGS, SWAP, ShiftKind, UNALIGNED,
    WITHIN_16, WRAP32,
};
pub use state::State;
pub use vec_op::VecOp;
pub use verify::verify;
