//! Operations on vectors lane by lane that are one of the IR's.

use crate::decode::Insn;
use crate::translator::Translator;
use guest::Flow;
use ir::{Ref, Ty, VecOp, vec_op};

/// Operations on two vectors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    Add8,
    Add16,
    Add32,
    Add64,
    Sub8,
    Sub16,
    Sub32,
    Sub64,
    And,
    AndNot,
    Or,
    Xor,
    Equal8,
    Equal16,
    Equal32,
    Greater8,
    Greater16,
    Greater32,
    MinU8,
    MaxU8,
    MinS16,
    MaxS16,
    Average8,
    Average16,
    AddS8,
    AddS16,
    AddU8,
    AddU16,
    SubS8,
    SubS16,
    SubU8,
    SubU16,
    Mul16,
    Low8,
    Low16,
    Low32,
    Low64,
    High8,
    High16,
    High32,
    High64,
    AddF32,
    AddF64,
    SubF32,
    SubF64,
    MulF32,
    MulF64,
    DivF32,
    DivF64,
    MinF32,
    MinF64,
    MaxF32,
    MaxF64,
}

impl Op {
    /// The IR's operation and its lanes.
    #[rustfmt::skip]
    const fn parts(self) -> (VecOp, u8) {
        match self {
            Self::Add8 => (VecOp::Add, 0),
            Self::Add16 => (VecOp::Add, 1),
            Self::Add32 => (VecOp::Add, 2),
            Self::Add64 => (VecOp::Add, 3),
            Self::Sub8 => (VecOp::Sub, 0),
            Self::Sub16 => (VecOp::Sub, 1),
            Self::Sub32 => (VecOp::Sub, 2),
            Self::Sub64 => (VecOp::Sub, 3),
            Self::And => (VecOp::And, 0),
            Self::AndNot => (VecOp::AndNot, 0),
            Self::Or => (VecOp::Or, 0),
            Self::Xor => (VecOp::Xor, 0),
            Self::Equal8 => (VecOp::CmEq, 0),
            Self::Equal16 => (VecOp::CmEq, 1),
            Self::Equal32 => (VecOp::CmEq, 2),
            Self::Greater8 => (VecOp::CmGtS, 0),
            Self::Greater16 => (VecOp::CmGtS, 1),
            Self::Greater32 => (VecOp::CmGtS, 2),
            Self::MinU8 => (VecOp::MinU, 0),
            Self::MaxU8 => (VecOp::MaxU, 0),
            Self::MinS16 => (VecOp::MinS, 1),
            Self::MaxS16 => (VecOp::MaxS, 1),
            Self::Average8 => (VecOp::RHAddU, 0),
            Self::Average16 => (VecOp::RHAddU, 1),
            Self::AddS8 => (VecOp::QAddS, 0),
            Self::AddS16 => (VecOp::QAddS, 1),
            Self::AddU8 => (VecOp::QAddU, 0),
            Self::AddU16 => (VecOp::QAddU, 1),
            Self::SubS8 => (VecOp::QSubS, 0),
            Self::SubS16 => (VecOp::QSubS, 1),
            Self::SubU8 => (VecOp::QSubU, 0),
            Self::SubU16 => (VecOp::QSubU, 1),
            Self::Mul16 => (VecOp::Mul, 1),
            Self::Low8 => (VecOp::Zip1, 0),
            Self::Low16 => (VecOp::Zip1, 1),
            Self::Low32 => (VecOp::Zip1, 2),
            Self::Low64 => (VecOp::Zip1, 3),
            Self::High8 => (VecOp::Zip2, 0),
            Self::High16 => (VecOp::Zip2, 1),
            Self::High32 => (VecOp::Zip2, 2),
            Self::High64 => (VecOp::Zip2, 3),
            Self::AddF32 => (VecOp::FAdd, 2),
            Self::AddF64 => (VecOp::FAdd, 3),
            Self::SubF32 => (VecOp::FSub, 2),
            Self::SubF64 => (VecOp::FSub, 3),
            Self::MulF32 => (VecOp::FMul, 2),
            Self::MulF64 => (VecOp::FMul, 3),
            Self::DivF32 => (VecOp::FDiv, 2),
            Self::DivF64 => (VecOp::FDiv, 3),
            Self::MinF32 => (VecOp::FMin, 2),
            Self::MinF64 => (VecOp::FMin, 3),
            Self::MaxF32 => (VecOp::FMax, 2),
            Self::MaxF64 => (VecOp::FMax, 3),
        }
    }
}

impl Translator<'_> {
    /// An operation lane by lane.
    pub(crate) fn lanes(&mut self, op: Op, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let (code, lane) = op.parts();
        let imm = vec_op::imm(lane, 0);
        // (Of the first operand, the bits that are clear.)
        let [a, b] = if op == Op::AndNot { [b, dst] } else { [dst, b] };
        if op == Op::Xor && a == b {
            let zero = self.ir.vconst(0);
            self.ir.mov(Ty::V128, dst, zero);
        } else {
            self.ir.vec(code, Ty::V128, dst, a, b, Ref::NONE, imm);
        }
        Flow::Next
    }
}
