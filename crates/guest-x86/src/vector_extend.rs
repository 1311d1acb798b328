//! Extension of the lower lanes of a vector.

use crate::decode::Insn;
use crate::translator::Translator;
use guest::Flow;
use ir::{Ref, VecOp};

/// From bytes, words or doublewords to larger ones, signed or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    Pmovsxbw,
    Pmovsxbd,
    Pmovsxbq,
    Pmovsxwd,
    Pmovsxwq,
    Pmovsxdq,
    Pmovzxbw,
    Pmovzxbd,
    Pmovzxbq,
    Pmovzxwd,
    Pmovzxwq,
    Pmovzxdq,
}

impl Op {
    /// log2 of the bytes of the lanes that there are, and of those that are made.
    const fn lanes(self) -> (u8, u8) {
        match self {
            Self::Pmovsxbw | Self::Pmovzxbw => (0, 1),
            Self::Pmovsxbd | Self::Pmovzxbd => (0, 2),
            Self::Pmovsxbq | Self::Pmovzxbq => (0, 3),
            Self::Pmovsxwd | Self::Pmovzxwd => (1, 2),
            Self::Pmovsxwq | Self::Pmovzxwq => (1, 3),
            Self::Pmovsxdq | Self::Pmovzxdq => (2, 3),
        }
    }
    const fn code(self) -> VecOp {
        match self {
            Self::Pmovsxbw
            | Self::Pmovsxbd
            | Self::Pmovsxbq
            | Self::Pmovsxwd
            | Self::Pmovsxwq
            | Self::Pmovsxdq => VecOp::ExtS,
            _ => VecOp::ExtU,
        }
    }
}

impl Translator<'_> {
    /// PMOVSX, PMOVZX.
    pub(crate) fn vector_extend(&mut self, op: Op, i: &Insn) -> Flow {
        let (from, to) = op.lanes();
        let source = self.halves(i, i.operands[1]);
        self.define_vector(i, false, |t, n, dst| {
            let mut value = t.part(source, n, 16 >> (to - from));
            for lane in from..to - 1 {
                value = t.vec1(op.code(), lane, 0, value);
            }
            t.vec_to(dst, op.code(), to - 1, 0, [value, Ref::NONE, Ref::NONE]);
        });
        Flow::Next
    }
}
