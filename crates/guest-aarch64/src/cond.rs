//! Conditional selects and compares.

use crate::field::XZr;
use crate::{Flow, Translator};
use ir::{Cond, OpCode, Ref};

impl Translator<'_> {
    /// `rd = cond ? rn : f(rm)`, where f is in `code`.
    fn select(&mut self, code: OpCode, sf: bool, rm: XZr, cond: u8, rn: XZr, rd: XZr) -> Flow {
        if rd.0 == 31 {
            return Flow::Next;
        }
        let (a, mut b, dst, ty) = (self.x(rn), self.x(rm), self.x_out(rd), Self::ty(sf));
        let cond = Cond::from_u8(cond);
        let ones = if sf { u64::MAX } else { 0xffff_ffff };
        let mut code = code;
        if cond as u8 >= 14 {
            self.ir.mov(ty, dst, a);
            return Flow::Next;
        }
        if rm.0 == 31 {
            match (code, rn.0) {
                (OpCode::SelInc, 31) => {
                    self.flag_op(OpCode::SetCond, ty, dst, Ref::NONE, Ref::NONE, cond.invert());
                    return Flow::Next;
                }
                (OpCode::SelInv, 31) => {
                    self.flag_op(OpCode::SetMask, ty, dst, Ref::NONE, Ref::NONE, cond.invert());
                    return Flow::Next;
                }
                (OpCode::SelInc, _) => b = self.imm(1),
                (OpCode::SelInv, _) => b = self.imm(ones),
                _ => {}
            }
            code = OpCode::Sel;
        }
        self.flag_op(code, ty, dst, a, b, cond);
        Flow::Next
    }
    /// CSEL.
    pub(crate) fn csel(&mut self, sf: bool, rm: XZr, cond: u8, rn: XZr, rd: XZr) -> Flow {
        self.select(OpCode::Sel, sf, rm, cond, rn, rd)
    }
    /// CSINC, CINC, CSET.
    pub(crate) fn csinc(&mut self, sf: bool, rm: XZr, cond: u8, rn: XZr, rd: XZr) -> Flow {
        self.select(OpCode::SelInc, sf, rm, cond, rn, rd)
    }
    /// CSINV, CINV, CSETM.
    pub(crate) fn csinv(&mut self, sf: bool, rm: XZr, cond: u8, rn: XZr, rd: XZr) -> Flow {
        self.select(OpCode::SelInv, sf, rm, cond, rn, rd)
    }
    /// CSNEG, CNEG.
    pub(crate) fn csneg(&mut self, sf: bool, rm: XZr, cond: u8, rn: XZr, rd: XZr) -> Flow {
        self.select(OpCode::SelNeg, sf, rm, cond, rn, rd)
    }

    fn conditional_compare(
        &mut self,
        sub: bool,
        sf: bool,
        b: Ref,
        cond: u8,
        rn: XZr,
        nzcv: u8,
    ) -> Flow {
        let (a, ty) = (self.x(rn), Self::ty(sf));
        if cond >= 14 {
            let code = if sub { OpCode::SubS } else { OpCode::AddS };
            self.ir.bin(code, ty, Ref::NONE, a, b);
        } else {
            let code = if sub { OpCode::CcmpSub } else { OpCode::CcmpAdd };
            let aux = u16::from(cond) | u16::from(nzcv) << 8;
            self.ir.bin_aux(code, ty, Ref::NONE, a, b, aux);
        }
        Flow::Next
    }
    /// CCMN (register).
    pub(crate) fn ccmn_reg(&mut self, sf: bool, rm: XZr, cond: u8, rn: XZr, nzcv: u8) -> Flow {
        let b = self.x(rm);
        self.conditional_compare(false, sf, b, cond, rn, nzcv)
    }
    /// CCMP (register).
    pub(crate) fn ccmp_reg(&mut self, sf: bool, rm: XZr, cond: u8, rn: XZr, nzcv: u8) -> Flow {
        let b = self.x(rm);
        self.conditional_compare(true, sf, b, cond, rn, nzcv)
    }
    /// CCMN (immediate).
    pub(crate) fn ccmn_imm(&mut self, sf: bool, imm5: u64, cond: u8, rn: XZr, nzcv: u8) -> Flow {
        let b = self.imm(imm5);
        self.conditional_compare(false, sf, b, cond, rn, nzcv)
    }
    /// CCMP (immediate).
    pub(crate) fn ccmp_imm(&mut self, sf: bool, imm5: u64, cond: u8, rn: XZr, nzcv: u8) -> Flow {
        let b = self.imm(imm5);
        self.conditional_compare(true, sf, b, cond, rn, nzcv)
    }
}
