//! Vector operations: the decoded parameters, and the way to each topic.

use crate::{
    Env, crypto_aes, crypto_sha, crypto_sm, vec_dot, vec_float, vec_int, vec_narrow, vec_pair,
    vec_perm, vec_shift, vec_wide,
};
use ir::vec_op::{self, SCALAR};
use ir::{Op, Ty, VecOp};

/// One vector operation with its operands.
#[derive(Clone, Copy)]
pub(crate) struct Args {
    pub(crate) op: VecOp,
    /// Bits of a lane.
    pub(crate) bits: u32,
    /// Bits that take part: of the type, or one lane's if scalar.
    pub(crate) total: u32,
    /// Without [`SCALAR`].
    pub(crate) param: u32,
    pub(crate) a: u128,
    pub(crate) b: u128,
    pub(crate) c: u128,
}

/// Computes a vector operation.
pub(crate) fn eval(op: &Op, a: u128, b: u128, c: u128, env: &mut Env) -> u128 {
    let param = vec_op::param(op.imm);
    let bits = 8 << vec_op::lane(op.imm);
    let total = if param & SCALAR != 0 {
        bits
    } else if op.ty == Ty::V128 {
        128
    } else {
        64
    };
    let param = (param & !SCALAR) as u32;
    let v = Args { op: VecOp::from_u16(op.aux), bits, total, param, a, b, c };
    let topics: [fn(&Args, &mut Env) -> Option<u128>; 11] = [
        vec_int::eval,
        vec_float::eval,
        vec_shift::eval,
        vec_perm::eval,
        vec_wide::eval,
        vec_narrow::eval,
        vec_pair::eval,
        vec_dot::eval,
        crypto_aes::eval,
        crypto_sha::eval,
        crypto_sm::eval,
    ];
    topics.iter().find_map(|topic| topic(&v, env)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir::OpCode;

    #[test]
    fn every_operation_belongs_to_a_topic() {
        for &op in VecOp::ALL {
            let v = Args { op, bits: 32, total: 128, param: 1, a: 0, b: 0, c: 0 };
            let env = &mut Env::default();
            let found = vec_int::eval(&v, env)
                .or_else(|| vec_float::eval(&v, env))
                .or_else(|| vec_shift::eval(&v, env))
                .or_else(|| vec_perm::eval(&v, env))
                .or_else(|| vec_wide::eval(&v, env))
                .or_else(|| vec_narrow::eval(&v, env))
                .or_else(|| vec_pair::eval(&v, env))
                .or_else(|| vec_dot::eval(&v, env))
                .or_else(|| crypto_aes::eval(&v, env))
                .or_else(|| crypto_sha::eval(&v, env))
                .or_else(|| crypto_sm::eval(&v, env));
            assert!(found.is_some(), "{}", op.name());
        }
    }

    #[test]
    fn half_vectors_have_zeros_above() {
        let mut op = Op::new(OpCode::Vec, Ty::V64);
        op.aux = VecOp::Not as u16;
        assert_eq!(eval(&op, 0, 0, 0, &mut Env::default()), u128::from(u64::MAX));
    }
}
