//! Rounds of AES and SHA-256, and products of GHASH's field.
//!
//! They work on groups of four elements of 32 bits, which are the registers. vl must be a multiple of four.

use super::super::Op;
use super::{Direct, v};
use crate::state::SLOT_VL;
use crate::translator::Translator;
use ir::vec_op::VecOp;
use ir::{Cond, OpCode, Ref, Ty};

const NONE: Ref = Ref::NONE;

impl Direct {
    /// Whether groups of four words are allowed, as far as that is known.
    fn has_groups(self) -> bool {
        self.sew == 32 && self.part == 0 && self.count().is_none_or(|n| n.is_multiple_of(4))
    }
    /// The groups of its operands are apart from the destination, or (`may_be_same`) the same.
    fn is_apart(self, at: &[u16], may_be_same: bool) -> bool {
        let (vd, regs) = (self.vd(), self.regs);
        at.iter().all(|&n| n + regs <= vd || vd + regs <= n || may_be_same && n == vd)
    }
}

impl Translator<'_> {
    pub(super) fn direct_crypto(&mut self, d: Direct) -> bool {
        if !d.has_groups() || !d.aligned(d.regs, &[d.vd()]) {
            return false;
        }
        match d.op {
            Op::Aesef | Op::Aesem | Op::Aesdf | Op::Aesdm | Op::Aesz => self.direct_aes(d),
            Op::Sha2ms | Op::Sha2ch | Op::Sha2cl => self.direct_sha256(d),
            Op::Ghsh | Op::Gmul => self.direct_ghash(d),
            _ => false,
        }
    }
    /// As [`Translator::begin`]; the runtime has the instructions that are undefined because of vl.
    fn begin_groups(&mut self, d: Direct) {
        self.begin(d);
        if d.count().is_none() {
            self.unless(d, |t, other| {
                let (three, zero, rest) = (t.imm(3), t.imm(0), t.temp());
                t.ir.bin(OpCode::And, Ty::I64, rest, Ref::slot(SLOT_VL), three);
                t.ir.br_cmp(Ty::I64, Cond::Ne, rest, zero, other);
            });
        }
    }
    fn direct_aes(&mut self, d: Direct) -> bool {
        // (Of the forms with the same key for all, bit 26 is set.)
        let single = d.bits(26, 1) != 0;
        let (vd, vs2) = (d.vd(), d.vs2());
        let apart = vs2 < vd || vd + d.regs <= vs2;
        if !(if single { apart } else { d.aligned(d.regs, &[vs2]) }) {
            return false;
        }
        self.begin_groups(d);
        let zero = self.ir.vconst(0);
        let of = |t: &mut Self, code, a| t.lanes_to_temp(code, 0, 0, [a, zero, NONE]);
        let elements = self.elements(d, d.sew);
        for r in 0..d.regs {
            let active = self.active(elements, r);
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
                self.lanes_where(active, (VecOp::Xor, 0, 0), v(vd + r), [state, key, NONE]);
                continue;
            }
            state = self.lanes_to_temp(VecOp::Xor, 0, 0, [state, key, NONE]);
            self.lanes_where(active, (VecOp::AesImc, 0, 0), v(vd + r), [state, NONE, NONE]);
        }
        true
    }
    fn direct_sha256(&mut self, d: Direct) -> bool {
        let sources = [d.vs2(), d.vs1()];
        if !d.aligned(d.regs, &sources) || !d.is_apart(&sources, false) {
            return false;
        }
        self.begin_groups(d);
        let elements = self.elements(d, d.sew);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let (dst, a, mut words) = (v(d.vd() + r), v(d.vs2() + r), v(d.vs1() + r));
            if d.op == Op::Sha2ms {
                let half = self.lanes_to_temp(VecOp::Sha256Su0, 2, 0, [a, NONE, dst]);
                self.lanes_where(active, (VecOp::Sha256Su1, 2, 0), dst, [a, words, half]);
                continue;
            }
            if d.op == Op::Sha2ch {
                words = self.lanes_to_temp(VecOp::High, 3, 0, [words, NONE, NONE]);
            }
            self.lanes_where(active, (VecOp::Sha256Rounds, 2, 0), dst, [dst, a, words]);
        }
        true
    }
    fn direct_ghash(&mut self, d: Direct) -> bool {
        let both = [d.vs2(), d.vs1()];
        let sources = if d.op == Op::Ghsh { &both[..] } else { &both[..1] };
        if !d.aligned(d.regs, sources) || !d.is_apart(sources, true) {
            return false;
        }
        self.begin_groups(d);
        let elements = self.elements(d, d.sew);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let (dst, h) = (v(d.vd() + r), v(d.vs2() + r));
            let mut a = dst;
            if d.op == Op::Ghsh {
                a = self.lanes_to_temp(VecOp::Xor, 0, 0, [a, v(d.vs1() + r), NONE]);
            }
            let a = self.lanes_to_temp(VecOp::RBit, 0, 0, [a, NONE, NONE]);
            let h = self.lanes_to_temp(VecOp::RBit, 0, 0, [h, NONE, NONE]);
            let product = self.product_of_polynomials(a, h);
            self.lanes_where(active, (VecOp::RBit, 0, 0), dst, [product, NONE, NONE]);
        }
        true
    }
    /// a * b modulo x^128 + x^7 + x^2 + x + 1, bit n being the coefficient of x^n.
    fn product_of_polynomials(&mut self, a: Ref, b: Ref) -> Ref {
        /// x^128 is the same as this.
        const REST: u128 = 0x87;
        let (zero, rest) = (self.ir.vconst(0), self.ir.vconst(REST << 64 | REST));
        let product =
            |t: &mut Self, half, a, b| t.lanes_to_temp(VecOp::PMulL, 3, half, [a, b, NONE]);
        let xor = |t: &mut Self, a, b| t.lanes_to_temp(VecOp::Xor, 0, 0, [a, b, NONE]);
        // Eight bytes up and down.
        let up = |t: &mut Self, a| t.lanes_to_temp(VecOp::Ext, 0, 8, [zero, a, NONE]);
        let down = |t: &mut Self, a| t.lanes_to_temp(VecOp::Ext, 0, 8, [a, zero, NONE]);
        let swapped = self.lanes_to_temp(VecOp::Ext, 0, 8, [b, b, NONE]);
        let (low, high) = (product(self, 0, a, b), product(self, 1, a, b));
        let (one, other) = (product(self, 0, a, swapped), product(self, 1, a, swapped));
        let middle = xor(self, one, other);
        let upper = down(self, middle);
        let high = xor(self, high, upper);
        // The highest quarter is added to the two in the middle, then the next one to the lowest two.
        let folded = product(self, 1, high, rest);
        let carried = down(self, folded);
        let high = xor(self, high, carried);
        let last = product(self, 0, high, rest);
        let lower = xor(self, middle, folded);
        let lower = up(self, lower);
        let low = xor(self, low, lower);
        xor(self, low, last)
    }
}
