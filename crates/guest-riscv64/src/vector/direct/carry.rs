//! Sums and differences with carries, and their carries: masks, of which v0 is the one that goes in.

use super::super::Op;
use super::{Direct, v};
use crate::translator::Translator;
use ir::Ref;
use ir::vec_op::VecOp;

const NONE: Ref = Ref::NONE;

impl Translator<'_> {
    pub(super) fn direct_carry(&mut self, d: Direct) -> bool {
        let adds = match d.op {
            Op::Adc | Op::Madc => true,
            Op::Sbc | Op::Msbc => false,
            _ => return false,
        };
        let carries = matches!(d.op, Op::Madc | Op::Msbc);
        // A mask is one register, which may be the first one of a source.
        let apart = |at: u16| !(at..at + d.regs).contains(&d.vd()) || d.vd() == at;
        let allowed = d.aligned(d.regs, &[d.vs2()])
            && (!d.has_vector() || d.aligned(d.regs, &[d.vs1()]))
            && match carries {
                true => apart(d.vs2()) && (!d.has_vector() || apart(d.vs1())),
                false => d.aligned(d.regs, &[d.vd()]) && d.vd() != 0,
            };
        if !allowed {
            return false;
        }
        self.begin(d);
        // The mask does not say which elements take part.
        let (whole, with_carry) = (Direct { word: d.word | 1 << 25, ..d }, d.masked());
        let scalar = self.second(d);
        let elements = self.elements(whole, d.sew);
        let mut words = Vec::new();
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let (a, b) = (v(d.vs2() + r), self.second_of(d, scalar, r));
            let carry = with_carry.then(|| self.mask_lanes(d.sew, r));
            if carries {
                let lanes = self.carried(d, adds, [a, b], carry);
                self.join_bits(whole, r, lanes, &mut words);
                continue;
            }
            let (first, second) =
                if adds { (VecOp::Add, VecOp::Sub) } else { (VecOp::Sub, VecOp::Add) };
            let mut value = self.lanes_to_temp(first, d.lane(), 0, [a, b, NONE]);
            if let Some(carry) = carry {
                // (Ones are -1.)
                value = self.lanes_to_temp(second, d.lane(), 0, [value, carry, NONE]);
            }
            self.put(v(d.vd() + r), value, active);
        }
        if carries {
            self.write_bits(whole, &words);
        }
        true
    }
    /// Ones where the sum or difference of two registers carries.
    fn carried(&mut self, d: Direct, adds: bool, [a, b]: [Ref; 2], carry: Option<Ref>) -> Ref {
        let lane = d.lane();
        let code = if adds { VecOp::Add } else { VecOp::Sub };
        let result = self.lanes_to_temp(code, lane, 0, [a, b, NONE]);
        let (more, less) = if adds { (a, result) } else { (b, a) };
        let plain = self.lanes_to_temp(VecOp::CmGtU, lane, 0, [more, less, NONE]);
        let Some(carry) = carry else { return plain };
        // One more carries where a sum is all ones, or a difference is zero.
        let edge = self.splat(if adds { u64::MAX } else { 0 }, d.sew);
        let at_edge = self.lanes_to_temp(VecOp::CmEq, lane, 0, [result, edge, NONE]);
        let more = self.lanes_to_temp(VecOp::And, 0, 0, [at_edge, carry, NONE]);
        self.lanes_to_temp(VecOp::Or, 0, 0, [plain, more, NONE])
    }
}
