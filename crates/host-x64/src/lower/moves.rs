//! Moves between containers and of vectors.

use crate::emit::sse::op as sse;
use crate::emit::{Gpr, Size, Xmm};
use crate::lower::Lower;
use ir::{Op, Ty};

impl Lower<'_> {
    /// `d = low bits of s`, zeros above the width of `ty`. Keeps the host's flags.
    pub(crate) fn truncate_v(&mut self, ty: Ty, d: Xmm, s: Xmm) {
        match ty {
            Ty::V128 => {
                if d != s {
                    self.e.movaps(d, s);
                }
            }
            Ty::F64 | Ty::V64 | Ty::I64 => self.e.movq(d, s),
            Ty::F32 | Ty::I32 => self.e.insertps(d, s, 0x0e),
            Ty::F16 | Ty::I16 | Ty::I8 => {
                let r = self.scratch();
                self.e.mov_from_xmm(Size::D, r, s);
                self.e.movzx(if ty == Ty::I8 { Size::B } else { Size::W }, r, r);
                self.e.mov_to_xmm(Size::D, d, r);
                self.release(r);
            }
        }
    }
    pub(crate) fn mov_v(&mut self, op: Op) {
        let a = self.using_v(op.a);
        if op.ty == Ty::V128 {
            return self.set_v(op.dst, a);
        }
        let d = self.define_over_v(op.dst, op.a, a);
        self.truncate_v(op.ty, d, a);
        self.set_v(op.dst, d);
    }
    pub(crate) fn int_to_vec(&mut self, op: Op) {
        let d = self.define_v(op.dst);
        if self.block.const64(op.a) == Some(0) {
            self.e.pxor(d, d);
            return self.set_v(op.dst, d);
        }
        let a = self.using(op.a);
        match op.ty {
            Ty::F32 | Ty::I32 => self.e.mov_to_xmm(Size::D, d, a),
            Ty::F16 | Ty::I16 | Ty::I8 => {
                let s = self.scratch();
                self.e.movzx(if op.ty == Ty::I8 { Size::B } else { Size::W }, s, a);
                self.e.mov_to_xmm(Size::D, d, s);
            }
            _ => self.e.mov_to_xmm(Size::Q, d, a),
        }
        self.set_v(op.dst, d);
    }
    pub(crate) fn vec_to_int(&mut self, op: Op) {
        let (lane, log2, sext) = (op.aux as u8, (op.aux >> 8 & 7) as u8, op.aux >> 12 & 3);
        let size = Size::from_log2(log2);
        let a = self.using_v(op.a);
        let d = self.define(op.dst);
        if lane == 0 && size >= Size::D {
            self.e.mov_from_xmm(size, d, a);
        } else {
            self.e.pextr(size, d, a, lane);
        }
        match sext {
            1 => self.e.movsx(size, Size::D, d, d),
            2 if size != Size::Q => self.e.movsx(size, Size::Q, d, d),
            _ => {}
        }
        self.set(op.dst, d);
    }
    /// `VecMask`.
    pub(crate) fn vec_mask(&mut self, op: Op) {
        let mut x = self.using_v(op.a);
        if op.aux == 1 {
            let t = self.scratch_v();
            self.vzero(t);
            // Words become bytes with the same signs.
            self.v3(sse::PACKSS[0], t, x, t);
            x = t;
        }
        let d = self.define(op.dst);
        match op.aux {
            2 => self.e.movmsk(false, d, x),
            3 => self.e.movmsk(true, d, x),
            _ => self.e.pmovmskb(d, x),
        }
        self.set(op.dst, d);
    }
    pub(crate) fn vec_from_pair(&mut self, op: Op) {
        let (a, b): (Gpr, Gpr) = (self.using(op.a), self.using(op.b));
        let d = self.define_v(op.dst);
        self.e.mov_to_xmm(Size::Q, d, a);
        self.e.pinsr(Size::Q, d, b, 1);
        self.set_v(op.dst, d);
    }
}
