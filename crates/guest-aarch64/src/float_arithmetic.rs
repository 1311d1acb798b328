//! Scalar floating point: arithmetic, rounding to integral, comparison.

use crate::field::VReg;
use crate::simd_emit::fty;
use crate::{Flow, Translator};
use ir::{OpCode, Ref, Rounding, Ty};

macro_rules! two {
    ($($name:ident $code:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, ftype: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            let [a, b, dst] = [rn, rm, rd].map(|r| self.v(r));
            self.ir.bin(OpCode::$code, fty(ftype), dst, a, b);
            Flow::Next
        }
    )* } };
}
macro_rules! one {
    ($($name:ident $code:ident $aux:expr;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, ftype: u8, rn: VReg, rd: VReg) -> Flow {
            let (a, dst) = (self.v(rn), self.v(rd));
            self.float_unary(OpCode::$code, fty(ftype), dst, a, $aux)
        }
    )* } };
}
// aux bit 0: the product is negated; bit 1: the addend is.
macro_rules! fused {
    ($($name:ident $aux:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, ftype: u8, rm: VReg, ra: VReg, rn: VReg, rd: VReg) -> Flow {
            let [a, b, c, dst] = [rn, rm, ra, rd].map(|r| self.v(r));
            self.ir.ter(OpCode::FMulAdd, fty(ftype), dst, a, b, c, $aux);
            Flow::Next
        }
    )* } };
}
macro_rules! to_int_range {
    ($($name:ident $rounding:ident $bits:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, sz: u8, rn: VReg, rd: VReg) -> Flow {
            let (a, dst) = (self.v(rn), self.v(rd));
            let aux = Rounding::$rounding as u16 | $bits << 8;
            self.ir.un_aux(OpCode::FRoundInt, fty(sz), dst, a, aux);
            Flow::Next
        }
    )* } };
}

const EXACT: u16 = 1 << 8;

two! {
    fadd_s FAdd; fsub_s FSub; fmul_s FMul; fnmul_s FNMul; fdiv_s FDiv;
    fmax_s FMax; fmin_s FMin; fmaxnm_s FMaxNm; fminnm_s FMinNm;
}
one! {
    fabs_s FAbs 0; fneg_s FNeg 0; fsqrt_s FSqrt 0;
    frintn_s FRound Rounding::Nearest as u16; frintp_s FRound Rounding::Up as u16;
    frintm_s FRound Rounding::Down as u16; frintz_s FRound Rounding::Zero as u16;
    frinta_s FRound Rounding::Away as u16; frinti_s FRound Rounding::Current as u16;
    frintx_s FRound Rounding::Current as u16 | EXACT;
}
fused! { fmadd 0; fmsub 1; fnmsub 2; fnmadd 3; }
to_int_range! {
    frint32z_s Zero 32; frint32x_s Current 32; frint64z_s Zero 64; frint64x_s Current 64;
}

impl Translator<'_> {
    fn float_unary(&mut self, code: OpCode, ty: Ty, dst: Ref, a: Ref, aux: u16) -> Flow {
        if code == OpCode::FRound
            && let (Ty::F32, [single]) = self.widened(ty, [a])
            && single != a
        {
            let t = self.temp();
            self.ir.un_aux(code, Ty::F32, t, single, aux);
            return self.halved(dst, t);
        }
        self.ir.un_aux(code, ty, dst, a, aux);
        Flow::Next
    }
    /// FCMP.
    pub(crate) fn fcmp(&mut self, ftype: u8, rm: VReg, rn: VReg) -> Flow {
        let b = self.v(rm);
        self.compare(ftype, rn, b, 0)
    }
    /// FCMP with zero.
    pub(crate) fn fcmp_zero(&mut self, ftype: u8, rn: VReg) -> Flow {
        let b = self.vimm(0);
        self.compare(ftype, rn, b, 0)
    }
    /// FCMPE.
    pub(crate) fn fcmpe(&mut self, ftype: u8, rm: VReg, rn: VReg) -> Flow {
        let b = self.v(rm);
        self.compare(ftype, rn, b, 1)
    }
    /// FCMPE with zero.
    pub(crate) fn fcmpe_zero(&mut self, ftype: u8, rn: VReg) -> Flow {
        let b = self.vimm(0);
        self.compare(ftype, rn, b, 1)
    }
    fn compare(&mut self, ftype: u8, rn: VReg, b: Ref, signalling: u16) -> Flow {
        let a = self.v(rn);
        let (ty, [a, b]) = self.widened(fty(ftype), [a, b]);
        self.ir.bin_aux(OpCode::FCmp, ty, Ref::NONE, a, b, signalling);
        Flow::Next
    }
    /// FCCMP.
    pub(crate) fn fccmp(&mut self, ftype: u8, rm: VReg, cond: u8, rn: VReg, nzcv: u8) -> Flow {
        self.compare_if(ftype, u16::from(cond) | u16::from(nzcv) << 8, rn, rm)
    }
    /// FCCMPE.
    pub(crate) fn fccmpe(&mut self, ftype: u8, rm: VReg, cond: u8, rn: VReg, nzcv: u8) -> Flow {
        self.compare_if(ftype, u16::from(cond) | 1 << 7 | u16::from(nzcv) << 8, rn, rm)
    }
    fn compare_if(&mut self, ftype: u8, aux: u16, rn: VReg, rm: VReg) -> Flow {
        let (a, b) = (self.v(rn), self.v(rm));
        self.ir.bin_aux(OpCode::FCcmp, fty(ftype), Ref::NONE, a, b, aux);
        Flow::Next
    }
    /// FCVT: between precisions.
    pub(crate) fn fcvt(&mut self, ftype: u8, opc: u8, rn: VReg, rd: VReg) -> Flow {
        let (a, dst) = (self.v(rn), self.v(rd));
        let aux = fty(opc) as u16 | (Rounding::Current as u16) << 8;
        self.ir.un_aux(OpCode::FCvt, fty(ftype), dst, a, aux);
        Flow::Next
    }
    /// BFCVT.
    pub(crate) fn bfcvt(&mut self, rn: VReg, rd: VReg) -> Flow {
        self.v1(ir::VecOp::BfCvt, Ty::V64, 1, 0, rn, rd)
    }
}
