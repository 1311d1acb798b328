//! Exclusive loads and stores. The host's ordering makes acquire and release forms equal to the
//! plain ones.

use crate::field::{XSp, XZr};
use crate::{Flow, Translator};
use ir::{Op, OpCode, Ref, Ty};

impl Translator<'_> {
    /// Two registers as one value of twice their size: 8 bytes (integer) or 16 (vector).
    pub(crate) fn join(&mut self, x: bool, low: XZr, high: XZr) -> Ref {
        let (a, b, t) = (self.x(low), self.x(high), self.temp());
        if x {
            self.ir.bin(OpCode::VecFromPair, Ty::V128, t, a, b);
        } else {
            self.ir.bin_aux(OpCode::Bfi, Ty::I64, t, a, b, 32 | 32 << 8);
        }
        t
    }
    /// The reverse of [`Translator::join`].
    pub(crate) fn split(&mut self, x: bool, value: Ref, low: XZr, high: XZr) {
        let (a, b) = (self.x_opt(low), self.x_opt(high));
        if !a.is_none() {
            if x {
                self.ir.un_aux(OpCode::VecToInt, Ty::V128, a, value, 3 << 8);
            } else {
                self.ir.mov(Ty::I32, a, value);
            }
        }
        if !b.is_none() {
            if x {
                self.ir.un_aux(OpCode::VecToInt, Ty::V128, b, value, 1 | 3 << 8);
            } else {
                let amount = self.imm(32);
                self.ir.bin(OpCode::Shr, Ty::I64, b, value, amount);
            }
        }
    }
    /// [`Translator::atomic`] for two registers.
    pub(crate) fn pair_aux(&self, x: bool) -> u16 {
        self.atomic(3 + u8::from(x))
    }
    pub(crate) fn pair_ty(x: bool) -> Ty {
        if x { Ty::V128 } else { Ty::I64 }
    }

    /// LDXR, LDXRB, LDXRH.
    pub(crate) fn ldxr(&mut self, size: u8, rn: XSp, rt: XZr) -> Flow {
        let (dst, a) = (self.x_out(rt), self.xsp(rn));
        let aux = self.atomic(size);
        self.ir.un_aux(OpCode::LdEx, Ty::I64, dst, a, aux);
        Flow::Next
    }
    /// LDAXR, LDAXRB, LDAXRH.
    pub(crate) fn ldaxr(&mut self, size: u8, rn: XSp, rt: XZr) -> Flow {
        self.ldxr(size, rn, rt)
    }
    /// LDXP.
    pub(crate) fn ldxp(&mut self, x: bool, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        let (t, a) = (self.temp(), self.xsp(rn));
        let aux = self.pair_aux(x);
        self.ir.un_aux(OpCode::LdEx, Self::pair_ty(x), t, a, aux);
        self.split(x, t, rt, rt2);
        Flow::Next
    }
    /// LDAXP.
    pub(crate) fn ldaxp(&mut self, x: bool, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.ldxp(x, rt2, rn, rt)
    }
    /// STXR, STXRB, STXRH.
    pub(crate) fn stxr(&mut self, size: u8, rs: XZr, rn: XSp, rt: XZr) -> Flow {
        let (dst, a, b) = (self.x_out(rs), self.xsp(rn), self.x(rt));
        let aux = self.atomic(size);
        self.ir.bin_aux(OpCode::StEx, Ty::I64, dst, a, b, aux);
        Flow::Next
    }
    /// STLXR, STLXRB, STLXRH.
    pub(crate) fn stlxr(&mut self, size: u8, rs: XZr, rn: XSp, rt: XZr) -> Flow {
        self.stxr(size, rs, rn, rt)
    }
    /// STXP.
    pub(crate) fn stxp(&mut self, x: bool, rs: XZr, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        let value = self.join(x, rt, rt2);
        let (dst, a) = (self.x_out(rs), self.xsp(rn));
        let aux = self.pair_aux(x);
        self.ir.bin_aux(OpCode::StEx, Self::pair_ty(x), dst, a, value, aux);
        Flow::Next
    }
    /// STLXP.
    pub(crate) fn stlxp(&mut self, x: bool, rs: XZr, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.stxp(x, rs, rt2, rn, rt)
    }
    /// CLREX.
    pub(crate) fn clrex(&mut self, _crm: u8) -> Flow {
        self.ir.push(Op::new(OpCode::ClrEx, Ty::I64));
        Flow::Next
    }
}
