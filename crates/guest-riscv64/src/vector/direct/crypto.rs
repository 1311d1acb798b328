//! Rounds of AES.

use super::super::Op;
use super::{Direct, v};
use crate::translator::Translator;
use ir::Ref;
use ir::vec_op::VecOp;

const NONE: Ref = Ref::NONE;

impl Translator<'_> {
    pub(super) fn direct_crypto(&mut self, d: Direct) -> bool {
        if !matches!(d.op, Op::Aesef | Op::Aesem | Op::Aesdf | Op::Aesdm | Op::Aesz) {
            return false;
        }
        // (Of the forms with the same key for all, bit 26 is set.)
        let single = d.bits(26, 1) != 0;
        let (vd, vs2) = (d.vd(), d.vs2());
        let apart = vs2 < vd || vd + d.regs <= vs2;
        let whole = d.count() == Some(d.elements()) && d.part == 0 && d.sew == 32;
        let allowed = whole
            && d.aligned(d.regs, &[vd])
            && if single { apart } else { d.aligned(d.regs, &[vs2]) };
        if !allowed {
            return false;
        }
        self.begin(d);
        let zero = self.ir.vconst(0);
        let of = |t: &mut Self, code, a| t.lanes_to_temp(code, 0, 0, [a, zero, NONE]);
        for r in 0..d.regs {
            let key = v(if single { vs2 } else { vs2 + r });
            let mut state = v(vd + r);
            if matches!(d.op, Op::Aesef | Op::Aesem) {
                state = of(self, VecOp::AesE, state);
            } else if d.op != Op::Aesz {
                state = of(self, VecOp::AesD, state);
            }
            if d.op == Op::Aesem {
                state = self.lanes_to_temp(VecOp::AesMc, 0, 0, [state, NONE, NONE]);
            }
            if d.op != Op::Aesdm {
                self.lanes(VecOp::Xor, 0, 0, v(vd + r), [state, key, NONE]);
                continue;
            }
            state = self.lanes_to_temp(VecOp::Xor, 0, 0, [state, key, NONE]);
            self.lanes(VecOp::AesImc, 0, 0, v(vd + r), [state, NONE, NONE]);
        }
        true
    }
}
