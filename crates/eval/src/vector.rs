//! Vector operations: the decoded parameters, and the way to each topic.

use crate::{
    Env, crypto_aes, crypto_gf, crypto_sha, crypto_sha_words, crypto_sm, vec_dot, vec_float,
    vec_float_packed, vec_int, vec_narrow, vec_packed, vec_pair, vec_perm, vec_shift, vec_text,
    vec_wide,
};
use ir::vec_op::{self, MERGE, SCALAR};
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
    let total = if param & (SCALAR | MERGE) != 0 {
        bits
    } else if op.ty == Ty::V128 {
        128
    } else {
        64
    };
    let merges = param & MERGE != 0;
    let param = (param & !(SCALAR | MERGE)) as u32;
    let mut v = Args { op: VecOp::from_u16(op.aux), bits, total, param, a, b, c };
    if merges && has_one_operand(v.op) {
        v.a = b;
    }
    let r = TOPIC_OF[usize::from(op.aux)](&v, env).unwrap_or(0);
    if merges {
        let low = if v.op == VecOp::FCvtL { 2 * bits } else { bits };
        return r | a >> low << low;
    }
    r
}

/// Of the operations that can be merged, those of one operand.
const fn has_one_operand(op: VecOp) -> bool {
    matches!(
        op,
        VecOp::FSqrt
            | VecOp::FRound
            | VecOp::FCvtL
            | VecOp::FCvtN
            | VecOp::FRecp12
            | VecOp::FRsqrt12
    )
}

type Topic = fn(&Args, &mut Env) -> Option<u128>;

/// The topics in the order in which [`VecOp`] lists their operations, with the first one of each.
const TOPICS: [(VecOp, Topic); 11] = [
    (VecOp::Add, vec_int::eval),
    (VecOp::ShlI, vec_shift::eval),
    (VecOp::ExtS, vec_wide::eval),
    (VecOp::Narrow, vec_narrow::eval),
    (VecOp::AddP, vec_pair::eval),
    (VecOp::DupInt, vec_perm::eval),
    (VecOp::DotS, vec_dot::eval),
    (VecOp::FAdd, vec_float::eval),
    (VecOp::AesE, crypto_aes::eval),
    (VecOp::Sha1C, crypto_sha::eval),
    (VecOp::Sm3PartW1, crypto_sm::eval),
];

/// The topic of each operation, by its discriminant.
static TOPIC_OF: [Topic; VecOp::ALL.len()] = topics();

const fn topics() -> [Topic; VecOp::ALL.len()] {
    let mut all: [Topic; VecOp::ALL.len()] = [TOPICS[0].1; VecOp::ALL.len()];
    let (mut op, mut topic) = (0, 0);
    while op < all.len() {
        if topic + 1 < TOPICS.len() && TOPICS[topic + 1].0 as usize == op {
            topic += 1;
        }
        all[op] = match VecOp::ALL[op] {
            VecOp::Rev16 | VecOp::Rev32 | VecOp::Rev64 => vec_perm::eval,
            VecOp::Eor3 | VecOp::Bcax => vec_int::eval,
            VecOp::Xar => vec_shift::eval,
            op if vec_packed::is_product(op) => vec_packed::eval,
            VecOp::PMulHalves
            | VecOp::Sad
            | VecOp::SadBlocks
            | VecOp::Sign
            | VecOp::ShlV
            | VecOp::ShrUV
            | VecOp::ShrSV
            | VecOp::SubP
            | VecOp::QAddP
            | VecOp::QSubP
            | VecOp::MinPos
            | VecOp::Shuffle
            | VecOp::Pick
            | VecOp::PickPair
            | VecOp::PickBy
            | VecOp::Blend
            | VecOp::BlendBy
            | VecOp::PackS
            | VecOp::PackU => vec_packed::eval,
            VecOp::Text => vec_text::eval,
            VecOp::FCmp
            | VecOp::FInsInt
            | VecOp::FSubP
            | VecOp::FAddSub
            | VecOp::FDot
            | VecOp::FMulAdd
            | VecOp::FToIntN
            | VecOp::IntToFL
            | VecOp::FRecp12
            | VecOp::FRsqrt12 => vec_float_packed::eval,
            VecOp::Sha1NextE
            | VecOp::Sha1Msg1
            | VecOp::Sha1Msg2
            | VecOp::Sha1Rounds
            | VecOp::Sha256Msg1
            | VecOp::Sha256Msg2
            | VecOp::Sha256Rounds => crypto_sha_words::eval,
            VecOp::GfMul | VecOp::GfAffine => crypto_gf::eval,
            _ => TOPICS[topic].1,
        };
        op += 1;
    }
    all
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
            let found = TOPIC_OF[op as usize](&v, env);
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
