//! Selections from both halves of vectors.

use crate::decode::{Insn, Operand};
use crate::translator::Translator;
use crate::vector::low;
use guest::Flow;
use ir::{Ref, Ty, VecOp};

impl Translator<'_> {
    /// Puts both halves into the destination, once both are known.
    fn define_halves(&mut self, i: &Insn, [lower, upper]: [Ref; 2]) -> Flow {
        let Operand::Vec { n, .. } = i.operands[0] else { return Flow::Undefined };
        // (Neither may be overwritten before it is read.)
        let kept = self.temp();
        self.ir.mov(Ty::V128, kept, lower);
        self.set_high(n, upper);
        self.ir.mov(Ty::V128, low(n), kept);
        Flow::Next
    }
    /// VBROADCASTF128, VBROADCASTI128.
    pub(crate) fn vbroadcast128(&mut self, i: &Insn) -> Flow {
        let half = self.vector(i, i.operands[1]);
        self.define_vector(i, false, |t, _, dst| t.ir.mov(Ty::V128, dst, half));
        Flow::Next
    }
    /// VPERM2F128, VPERM2I128: each half is one of four, or zero.
    pub(crate) fn vperm2x128(&mut self, i: &Insn) -> Flow {
        let [a, b, _] = self.sources(i);
        let zero = self.ir.vconst(0);
        let halves = [0, 4].map(|shift| match i.imm >> shift & 0xf {
            8.. => zero,
            n if n & 2 != 0 => b[n as usize & 1],
            n => a[n as usize & 1],
        });
        self.define_halves(i, halves)
    }
    /// VINSERTF128, VINSERTI128.
    pub(crate) fn vinsert128(&mut self, i: &Insn) -> Flow {
        let [mut into, from, _] = self.sources(i);
        into[i.imm as usize & 1] = from[0];
        self.define_halves(i, into)
    }
    /// VEXTRACTF128, VEXTRACTI128.
    pub(crate) fn vextract128(&mut self, i: &Insn) -> Flow {
        let half = self.halves(i, i.operands[1])[i.imm as usize & 1];
        match i.operands[0] {
            Operand::Mem { .. } => {
                let address = self.address(i);
                self.store_vector(half, address, 16);
            }
            _ => self.define_vector(i, false, |t, _, dst| t.ir.mov(Ty::V128, dst, half)),
        }
        Flow::Next
    }
    /// VPERMQ, VPERMPD: each quarter is one of four.
    pub(crate) fn vpermq(&mut self, i: &Insn) -> Flow {
        let from = self.halves(i, i.operands[1]);
        let halves = [0, 4].map(|shift| {
            let [first, second] = [i.imm >> shift & 3, i.imm >> (shift + 2) & 3];
            let [x, y] = [first, second].map(|n| from[n as usize >> 1]);
            let which = (first & 1 | (second & 1) << 1) as i32;
            self.vec3(VecOp::PickPair, 3, which, [x, y, Ref::NONE])
        });
        self.define_halves(i, halves)
    }
    /// VPERMD, VPERMPS: each lane is one of eight.
    pub(crate) fn vpermd(&mut self, i: &Insn) -> Flow {
        let [indexes, from, _] = self.sources(i);
        let halves = indexes.map(|index| {
            let [x, y] = from.map(|half| self.vec2(VecOp::PickBy, 2, half, index));
            // Bit 2 says of which half.
            let upper = self.vec1(VecOp::ShlI, 2, 29, index);
            self.vec3(VecOp::BlendBy, 2, 0, [x, y, upper])
        });
        self.define_halves(i, halves)
    }
}
