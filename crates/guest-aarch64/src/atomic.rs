//! Atomic read-modify-write and compare-and-swap (FEAT_LSE, FEAT_LSE128). All are sequentially consistent, so the
//! acquire and release bits do not matter.

use crate::cpu::Features;
use crate::field::{XSp, XZr};
use crate::{Flow, Translator};
use ir::{Access, Cond, OpCode, Ref, RmwOp, Ty, VecOp, WITHIN_16, vec_op};

impl Translator<'_> {
    /// Size and alignment of an atomic access of `1 << size` bytes, as kept in an operation's aux.
    pub(crate) fn atomic(&self, size: u8) -> u16 {
        // 16 bytes are within 16 aligned bytes only if they are aligned.
        let within = size < 4 && !self.lacks(Features::LSE2);
        u16::from(size) | if within { WITHIN_16 } else { 0 }
    }
    fn read_modify_write(&mut self, op: RmwOp, size: u8, rs: XZr, rn: XSp, rt: XZr) -> Flow {
        let (dst, a, b) = (self.x_opt(rt), self.xsp(rn), self.x(rs));
        let aux = self.atomic(size) | (op as u16) << 8;
        self.ir.bin_aux(OpCode::Rmw, Ty::I64, dst, a, b, aux);
        Flow::Next
    }
    /// LDADD, LDADDB, LDADDH.
    pub(crate) fn ldadd(
        &mut self,
        size: u8,
        _a: bool,
        _r: bool,
        rs: XZr,
        rn: XSp,
        rt: XZr,
    ) -> Flow {
        self.read_modify_write(RmwOp::Add, size, rs, rn, rt)
    }
    /// LDCLR, LDCLRB, LDCLRH.
    pub(crate) fn ldclr(
        &mut self,
        size: u8,
        _a: bool,
        _r: bool,
        rs: XZr,
        rn: XSp,
        rt: XZr,
    ) -> Flow {
        self.read_modify_write(RmwOp::Clr, size, rs, rn, rt)
    }
    /// LDEOR, LDEORB, LDEORH.
    pub(crate) fn ldeor(
        &mut self,
        size: u8,
        _a: bool,
        _r: bool,
        rs: XZr,
        rn: XSp,
        rt: XZr,
    ) -> Flow {
        self.read_modify_write(RmwOp::Eor, size, rs, rn, rt)
    }
    /// LDSET, LDSETB, LDSETH.
    pub(crate) fn ldset(
        &mut self,
        size: u8,
        _a: bool,
        _r: bool,
        rs: XZr,
        rn: XSp,
        rt: XZr,
    ) -> Flow {
        self.read_modify_write(RmwOp::Set, size, rs, rn, rt)
    }
    /// LDSMAX, LDSMAXB, LDSMAXH.
    pub(crate) fn ldsmax(
        &mut self,
        size: u8,
        _a: bool,
        _r: bool,
        rs: XZr,
        rn: XSp,
        rt: XZr,
    ) -> Flow {
        self.read_modify_write(RmwOp::SMax, size, rs, rn, rt)
    }
    /// LDSMIN, LDSMINB, LDSMINH.
    pub(crate) fn ldsmin(
        &mut self,
        size: u8,
        _a: bool,
        _r: bool,
        rs: XZr,
        rn: XSp,
        rt: XZr,
    ) -> Flow {
        self.read_modify_write(RmwOp::SMin, size, rs, rn, rt)
    }
    /// LDUMAX, LDUMAXB, LDUMAXH.
    pub(crate) fn ldumax(
        &mut self,
        size: u8,
        _a: bool,
        _r: bool,
        rs: XZr,
        rn: XSp,
        rt: XZr,
    ) -> Flow {
        self.read_modify_write(RmwOp::UMax, size, rs, rn, rt)
    }
    /// LDUMIN, LDUMINB, LDUMINH.
    pub(crate) fn ldumin(
        &mut self,
        size: u8,
        _a: bool,
        _r: bool,
        rs: XZr,
        rn: XSp,
        rt: XZr,
    ) -> Flow {
        self.read_modify_write(RmwOp::UMin, size, rs, rn, rt)
    }
    /// SWP, SWPB, SWPH.
    pub(crate) fn swp(&mut self, size: u8, _a: bool, _r: bool, rs: XZr, rn: XSp, rt: XZr) -> Flow {
        self.read_modify_write(RmwOp::Swp, size, rs, rn, rt)
    }
    /// CAS, CASB, CASH.
    pub(crate) fn cas(&mut self, size: u8, _a: bool, rs: XZr, _r: bool, rn: XSp, rt: XZr) -> Flow {
        let (dst, a, expected, new) = (self.x_out(rs), self.xsp(rn), self.x(rs), self.x(rt));
        let aux = self.atomic(size);
        self.ir.ter(OpCode::Cas, Ty::I64, dst, a, expected, new, aux);
        Flow::Next
    }
    /// CASP: pairs of registers that start with an even one.
    pub(crate) fn casp(&mut self, x: bool, _a: bool, rs: XZr, _r: bool, rn: XSp, rt: XZr) -> Flow {
        if rs.0 & 1 != 0 || rt.0 & 1 != 0 {
            return Flow::Undefined;
        }
        let (rs2, rt2) = (XZr(rs.0 + 1), XZr(rt.0 + 1));
        let (expected, new) = (self.join(x, rs, rs2), self.join(x, rt, rt2));
        let (old, a) = (self.temp(), self.xsp(rn));
        let (ty, aux) = (Self::pair_ty(x), self.pair_aux(x));
        self.ir.ter(OpCode::Cas, ty, old, a, expected, new, aux);
        self.split(x, old, rs, rs2);
        Flow::Next
    }

    /// A read-modify-write of 16 bytes (FEAT_LSE128): tries until memory still holds what the new
    /// value was made of. `change` makes it of the old value and the operand.
    fn exchange_pair(&mut self, change: Option<VecOp>, rn: XSp, rt: XZr, rt2: XZr) -> Flow {
        if rt.0 == 31 || rt2.0 == 31 || rt == rt2 {
            return Flow::Undefined;
        }
        // No temporary lives from one try to the next.
        let again = self.ir.label();
        self.ir.place(again);
        let (a, operand) = (self.xsp(rn), self.join(true, rt, rt2));
        let old = self.temp();
        let aligned = Access { aligned: true, ..Access::new(4) };
        self.ir.ld_v(old, a, Ref::NONE, 0, aligned);
        let new = match change {
            Some(op) => {
                let new = self.temp();
                self.ir.vec(op, Ty::V128, new, old, operand, Ref::NONE, vec_op::imm(3, 0));
                new
            }
            None => operand,
        };
        let found = self.temp();
        self.ir.ter(OpCode::Cas, Ty::V128, found, a, old, new, 4);
        let differ = self.temp();
        self.ir.vec(VecOp::Xor, Ty::V128, differ, found, old, Ref::NONE, vec_op::imm(3, 0));
        let (low, high, any) = (self.temp(), self.temp(), self.temp());
        self.ir.un_aux(OpCode::VecToInt, Ty::V128, low, differ, 3 << 8);
        self.ir.un_aux(OpCode::VecToInt, Ty::V128, high, differ, 1 | 3 << 8);
        self.ir.bin(OpCode::Or, Ty::I64, any, low, high);
        let zero = self.imm(0);
        self.ir.br_cmp(Ty::I64, Cond::Ne, any, zero, again);
        self.split(true, found, rt, rt2);
        Flow::Next
    }
    /// LDCLRP.
    pub(crate) fn ldclrp(&mut self, _a: bool, _r: bool, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.exchange_pair(Some(VecOp::AndNot), rn, rt, rt2)
    }
    /// LDSETP.
    pub(crate) fn ldsetp(&mut self, _a: bool, _r: bool, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.exchange_pair(Some(VecOp::Or), rn, rt, rt2)
    }
    /// SWPP.
    pub(crate) fn swpp(&mut self, _a: bool, _r: bool, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.exchange_pair(None, rn, rt, rt2)
    }
}
