//! Vectors of integers: shifts by constants, alignment, tests.

use crate::decode::{Insn, Operand};
use crate::translator::Translator;
use crate::vector::is_wide;
use guest::Flow;
use ir::{Ref, Ty, VecOp, vec_op};

/// Shifts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    Psllw,
    Pslld,
    Psllq,
    Psrlw,
    Psrld,
    Psrlq,
    Psraw,
    Psrad,
}

impl Op {
    const fn lane(self) -> u8 {
        match self {
            Self::Psllw | Self::Psrlw | Self::Psraw => 1,
            Self::Pslld | Self::Psrld | Self::Psrad => 2,
            Self::Psllq | Self::Psrlq => 3,
        }
    }
    const fn code(self) -> VecOp {
        match self {
            Self::Psllw | Self::Pslld | Self::Psllq => VecOp::ShlI,
            Self::Psrlw | Self::Psrld | Self::Psrlq => VecOp::ShrU,
            Self::Psraw | Self::Psrad => VecOp::ShrS,
        }
    }
}

impl Translator<'_> {
    /// A shift of all lanes by an immediate.
    pub(crate) fn vector_integer(&mut self, op: Op, i: &Insn) -> Flow {
        let (lane, bits) = (op.lane(), 8 << op.lane());
        let count = i.imm as i32 & 0xff;
        let [from, ..] = self.sources(i);
        let ty = if let Operand::Mmx { .. } = i.operands[0] { Ty::V64 } else { Ty::V128 };
        self.define_vector(i, false, |t, n, dst| {
            if count == 0 {
                t.ir.mov(ty, dst, from[n]);
            } else if count >= bits && op.code() != VecOp::ShrS {
                let zero = t.ir.vconst(0);
                t.ir.mov(ty, dst, zero);
            } else {
                let imm = vec_op::imm(lane, count.min(bits));
                t.ir.vec(op.code(), ty, dst, from[n], Ref::NONE, Ref::NONE, imm);
            }
        });
        Flow::Next
    }
    /// Bytes from number `from` on of `lower` and `upper`, zeros behind them.
    fn bytes_from(&mut self, ty: Ty, dst: Ref, [lower, upper]: [Ref; 2], from: i32) {
        let width = if ty == Ty::V64 { 8 } else { 16 };
        let zero = self.ir.vconst(0);
        let (pair, from) = match from / width {
            0 => ([lower, upper], from),
            1 => ([upper, zero], from - width),
            _ => ([zero, zero], 0),
        };
        if from == 0 {
            return self.ir.mov(ty, dst, pair[0]);
        }
        self.ir.vec(VecOp::Ext, ty, dst, pair[0], pair[1], Ref::NONE, vec_op::imm(0, from));
    }
    /// PSLLDQ.
    pub(crate) fn pslldq(&mut self, i: &Insn) -> Flow {
        let [from, ..] = self.sources(i);
        let count = (i.imm as i32 & 0xff).min(16);
        self.define_vector(i, false, |t, n, dst| {
            let zero = t.ir.vconst(0);
            t.bytes_from(Ty::V128, dst, [zero, from[n]], 16 - count);
        });
        Flow::Next
    }
    /// PSRLDQ.
    pub(crate) fn psrldq(&mut self, i: &Insn) -> Flow {
        let [from, ..] = self.sources(i);
        let count = i.imm as i32 & 0xff;
        self.define_vector(i, false, |t, n, dst| {
            let zero = t.ir.vconst(0);
            t.bytes_from(Ty::V128, dst, [from[n], zero], count);
        });
        Flow::Next
    }
    /// PALIGNR.
    pub(crate) fn palignr(&mut self, i: &Insn) -> Flow {
        let [upper, lower, _] = self.sources(i);
        let ty = if let Operand::Mmx { .. } = i.operands[0] { Ty::V64 } else { Ty::V128 };
        self.define_vector(i, false, |t, n, dst| {
            t.bytes_from(ty, dst, [lower[n], upper[n]], i.imm as i32 & 0xff);
        });
        Flow::Next
    }
    /// INSERTPS: one lane replaced, and some cleared.
    pub(crate) fn insertps(&mut self, i: &Insn) -> Flow {
        let [into, from, _] = self.sources(i);
        // (Memory is of one lane.)
        let of = if let Some(Operand::Mem { .. }) =
            i.operands.iter().find(|o| matches!(o, Operand::Mem { .. }))
        {
            0
        } else {
            i.imm as i32 >> 6 & 3
        };
        let to = i.imm as i32 >> 4 & 3;
        let kept = (0..4).filter(|n| i.imm >> n & 1 == 0);
        let mask = kept.fold(0, |mask, n| mask | u128::from(u32::MAX) << (32 * n));
        self.define_vector(i, false, |t, _, dst| {
            let operands = [into[0], from[0], Ref::NONE];
            if mask == u128::MAX {
                return t.vec_to(dst, VecOp::InsLane, 2, to | of << 4, operands);
            }
            let inserted = t.vec3(VecOp::InsLane, 2, to | of << 4, operands);
            let mask = t.ir.vconst(mask);
            t.vec_to(dst, VecOp::And, 0, 0, [inserted, mask, Ref::NONE]);
        });
        Flow::Next
    }
    /// PTEST.
    pub(crate) fn ptest(&mut self, i: &Insn) -> Flow {
        self.test(i, None)
    }
    /// VTESTPS.
    pub(crate) fn vtestps(&mut self, i: &Insn) -> Flow {
        self.test(i, Some(0x8000_0000_8000_0000))
    }
    /// VTESTPD.
    pub(crate) fn vtestpd(&mut self, i: &Insn) -> Flow {
        self.test(i, Some(1 << 63))
    }
    /// A test of those bits that are in `mask` (of 64 bits).
    fn test(&mut self, i: &Insn, mask: Option<u64>) -> Flow {
        let (a, mut b) = (self.halves(i, i.operands[0]), self.halves(i, i.operands[1]));
        if let Some(mask) = mask {
            let mask = self.ir.vconst(u128::from(mask) | u128::from(mask) << 64);
            b = b.map(
                |half| if half.is_none() { half } else { self.vec2(VecOp::And, 0, half, mask) },
            );
        }
        let [a, b] = if is_wide(i.operands[0]) { self.fold_test(a, b) } else { [a[0], b[0]] };
        self.ir.bin(ir::OpCode::VecTestSix, Ty::I64, Ref::NONE, a, b);
        Flow::Next
    }
    /// Vectors whose test gives what that of both halves does.
    fn fold_test(&mut self, a: [Ref; 2], b: [Ref; 2]) -> [Ref; 2] {
        let found = |t: &mut Self, op| {
            let [x, y] = [0, 1].map(|n| match op {
                VecOp::And => t.vec2(op, 0, a[n], b[n]),
                _ => t.vec2(op, 0, b[n], a[n]),
            });
            let both = t.vec2(VecOp::Or, 0, x, y);
            let upper = t.vec1(VecOp::High, 3, 0, both);
            t.vec2(VecOp::Or, 0, both, upper)
        };
        let (common, others) = (found(self, VecOp::And), found(self, VecOp::AndNot));
        let pair = self.vec2(VecOp::Combine, 3, common, others);
        [self.ir.vconst(u64::MAX.into()), pair]
    }
}
