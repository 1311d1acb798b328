//! Vectors of integers: products, packing, shifts.

use crate::decode::{Insn, Operand};
use crate::translator::Translator;
use crate::vector::low;
use guest::Flow;
use ir::{OpCode, Ref, Ty, VecOp, vec_op};

/// The result of a narrowing operation goes to the upper half.
const UPPER: i32 = 0x100;

/// Shifts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    Left16,
    Left32,
    Left64,
    Right16,
    Right32,
    Right64,
    Signed16,
    Signed32,
}

impl Op {
    const fn lane(self) -> u8 {
        match self {
            Self::Left16 | Self::Right16 | Self::Signed16 => 1,
            Self::Left32 | Self::Right32 | Self::Signed32 => 2,
            Self::Left64 | Self::Right64 => 3,
        }
    }
    const fn goes_left(self) -> bool {
        matches!(self, Self::Left16 | Self::Left32 | Self::Left64)
    }
    const fn is_signed(self) -> bool {
        matches!(self, Self::Signed16 | Self::Signed32)
    }
}

impl Translator<'_> {
    /// The lower and the upper half of a product of lanes.
    fn long_products(&mut self, op: VecOp, lane: u8, a: Ref, b: Ref) -> [Ref; 2] {
        [0, 1].map(|half| self.vec3(op, lane, half, [a, b, Ref::NONE]))
    }
    /// Lanes of `first`, then of `second`, made half as large.
    fn narrow_both(&mut self, op: VecOp, lane: u8, shift: i32, dst: Ref, [a, b]: [Ref; 2]) {
        let lower = self.vec1(op, lane, shift, a);
        let imm = vec_op::imm(lane, shift | UPPER);
        self.ir.vec(op, Ty::V128, dst, b, Ref::NONE, lower, imm);
    }
    fn high_product(&mut self, op: VecOp, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let products = self.long_products(op, 1, dst, b);
        self.narrow_both(VecOp::Narrow, 1, 16, dst, products);
        Flow::Next
    }
    /// PMULHW.
    pub(crate) fn pmulhw(&mut self, i: &Insn) -> Flow {
        self.high_product(VecOp::MulLS, i)
    }
    /// PMULHUW.
    pub(crate) fn pmulhuw(&mut self, i: &Insn) -> Flow {
        self.high_product(VecOp::MulLU, i)
    }
    /// PMADDWD.
    pub(crate) fn pmaddwd(&mut self, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let [lower, upper] = self.long_products(VecOp::MulLS, 1, dst, b);
        self.ir.vec(VecOp::AddP, Ty::V128, dst, lower, upper, Ref::NONE, vec_op::imm(2, 0));
        Flow::Next
    }
    /// PMULUDQ: the even lanes.
    pub(crate) fn pmuludq(&mut self, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let (x, y) = (self.vec2(VecOp::Uzp1, 2, dst, dst), self.vec2(VecOp::Uzp1, 2, b, b));
        self.ir.vec(VecOp::MulLU, Ty::V128, dst, x, y, Ref::NONE, vec_op::imm(2, 0));
        Flow::Next
    }
    /// PSADBW: sums of differences in each half.
    pub(crate) fn psadbw(&mut self, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let mut sums = self.vec2(VecOp::AbdU, 0, dst, b);
        for lane in 0..2 {
            sums = self.vec1(VecOp::AddLpU, lane, 0, sums);
        }
        let none = Ref::NONE;
        self.ir.vec(VecOp::AddLpU, Ty::V128, dst, sums, none, none, vec_op::imm(2, 0));
        Flow::Next
    }
    fn pack(&mut self, op: VecOp, lane: u8, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        self.narrow_both(op, lane, 0, dst, [dst, b]);
        Flow::Next
    }
    /// PACKSSWB.
    pub(crate) fn packsswb(&mut self, i: &Insn) -> Flow {
        self.pack(VecOp::QNarrowS, 0, i)
    }
    /// PACKSSDW.
    pub(crate) fn packssdw(&mut self, i: &Insn) -> Flow {
        self.pack(VecOp::QNarrowS, 1, i)
    }
    /// PACKUSWB.
    pub(crate) fn packuswb(&mut self, i: &Insn) -> Flow {
        self.pack(VecOp::QNarrowSU, 0, i)
    }

    /// A shift of all lanes by an immediate or by the low half of a vector.
    pub(crate) fn vector_integer(&mut self, op: Op, i: &Insn) -> Flow {
        let [Operand::Vec { n, .. }, by, ..] = i.operands else { return Flow::Undefined };
        let (dst, lane, bits) = (low(n), op.lane(), 8 << op.lane());
        if by != Operand::Imm {
            let by = self.vector(i, by);
            self.shift_by_vector(op, dst, by);
            return Flow::Next;
        }
        let count = i.imm & 0xff;
        if count >= bits && !op.is_signed() {
            let zero = self.ir.vconst(0);
            self.ir.mov(Ty::V128, dst, zero);
        } else if count != 0 {
            let code = match (op.goes_left(), op.is_signed()) {
                (true, _) => VecOp::ShlI,
                (_, true) => VecOp::ShrS,
                _ => VecOp::ShrU,
            };
            let imm = vec_op::imm(lane, count.min(bits) as i32);
            self.ir.vec(code, Ty::V128, dst, dst, Ref::NONE, Ref::NONE, imm);
        }
        Flow::Next
    }
    fn shift_by_vector(&mut self, op: Op, dst: Ref, by: Ref) {
        let lane = op.lane();
        let count = self.make_un(OpCode::VecToInt, Ty::I64, by, 3 << 8);
        let most = self.imm(8 << lane);
        let mut count = self.make(OpCode::MinU, Ty::I64, count, most);
        if !op.goes_left() {
            let zero = self.imm(0);
            count = self.make(OpCode::Sub, Ty::I64, zero, count);
        }
        let none = Ref::NONE;
        let all = self.temp();
        self.ir.vec(VecOp::DupInt, Ty::V128, all, count, none, none, vec_op::imm(lane, 0));
        let code = if op.is_signed() { VecOp::ShlS } else { VecOp::ShlU };
        self.ir.vec(code, Ty::V128, dst, dst, all, none, vec_op::imm(lane, 0));
    }
    fn shift_bytes(&mut self, left: bool, i: &Insn) -> Flow {
        let [Operand::Vec { n, .. }, ..] = i.operands else { return Flow::Undefined };
        let (dst, zero) = (low(n), self.ir.vconst(0));
        let count = i.imm & 0xff;
        if count > 15 {
            self.ir.mov(Ty::V128, dst, zero);
        } else if count != 0 {
            let (pair, from) = if left { ([zero, dst], 16 - count) } else { ([dst, zero], count) };
            let imm = vec_op::imm(0, from as i32);
            self.ir.vec(VecOp::Ext, Ty::V128, dst, pair[0], pair[1], Ref::NONE, imm);
        }
        Flow::Next
    }
    /// PSLLDQ.
    pub(crate) fn pslldq(&mut self, i: &Insn) -> Flow {
        self.shift_bytes(true, i)
    }
    /// PSRLDQ.
    pub(crate) fn psrldq(&mut self, i: &Insn) -> Flow {
        self.shift_bytes(false, i)
    }

    // --- permutations

    /// Bytes of `from` by constant indexes; those above 15 give zeros.
    fn permuted(&mut self, from: Ref, indexes: [u8; 16]) -> Ref {
        let indexes = self.ir.vconst(u128::from_le_bytes(indexes));
        self.vec2(VecOp::Tbl1, 0, from, indexes)
    }
    /// Lanes of `size` bytes chosen by two bits each of the immediate, within `lanes` from `first` on; the
    /// other bytes stay.
    fn chosen(i: &Insn, size: usize, first: usize) -> [u8; 16] {
        let mut indexes = core::array::from_fn(|n| n as u8);
        for lane in 0..4 {
            let from = first + (i.imm as usize >> (2 * lane) & 3);
            for byte in 0..size {
                indexes[(first + lane) * size + byte] = (from * size + byte) as u8;
            }
        }
        indexes
    }
    fn shuffle(&mut self, size: usize, first: usize, i: &Insn) -> Flow {
        let [Operand::Vec { n, .. }, from, ..] = i.operands else { return Flow::Undefined };
        let from = self.vector(i, from);
        let indexes = Self::chosen(i, size, first);
        if size == 4 && (1..4).all(|lane| indexes[4 * lane] == indexes[0]) {
            let imm = vec_op::imm(2, i32::from(indexes[0]) / 4);
            self.ir.vec(VecOp::DupLane, Ty::V128, low(n), from, Ref::NONE, Ref::NONE, imm);
            return Flow::Next;
        }
        let result = self.permuted(from, indexes);
        self.ir.mov(Ty::V128, low(n), result);
        Flow::Next
    }
    /// PSHUFD.
    pub(crate) fn pshufd(&mut self, i: &Insn) -> Flow {
        self.shuffle(4, 0, i)
    }
    /// PSHUFLW.
    pub(crate) fn pshuflw(&mut self, i: &Insn) -> Flow {
        self.shuffle(2, 0, i)
    }
    /// PSHUFHW.
    pub(crate) fn pshufhw(&mut self, i: &Insn) -> Flow {
        self.shuffle(2, 4, i)
    }
    /// SHUFPS: two lanes of the first operand, two of the second.
    pub(crate) fn shufps(&mut self, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let indexes = Self::chosen(i, 4, 0);
        let half = |upper: bool| {
            core::array::from_fn(|n| if (n >= 8) == upper { indexes[n] } else { 0xff })
        };
        let (x, y) = (self.permuted(dst, half(false)), self.permuted(b, half(true)));
        self.ir.vec(VecOp::Or, Ty::V128, dst, x, y, Ref::NONE, 0);
        Flow::Next
    }
    /// SHUFPD.
    pub(crate) fn shufpd(&mut self, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let (code, [x, y], imm) = match i.imm & 3 {
            0 => (VecOp::Zip1, [dst, b], vec_op::imm(3, 0)),
            1 => (VecOp::Ext, [dst, b], vec_op::imm(0, 8)),
            2 => (VecOp::InsLane, [b, dst], vec_op::imm(3, 0)),
            _ => (VecOp::Zip2, [dst, b], vec_op::imm(3, 0)),
        };
        self.ir.vec(code, Ty::V128, dst, x, y, Ref::NONE, imm);
        Flow::Next
    }
}
