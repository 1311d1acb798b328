//! Scalar floating point.
use crate::Env;
use ir::Op;
pub(crate) fn eval(_op: &Op, _a: u128, _b: u128, _c: u128, _env: &mut Env) -> u128 { 0 }
