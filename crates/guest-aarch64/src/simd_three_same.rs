//! AdvSIMD: three registers of the same type.

use crate::field::VReg;
use crate::simd_emit::{sz_lane, vty};
use crate::{Flow, Translator};
use ir::{Ref, Ty, VecOp};

// `name VecOp`: rd = op(rn, rm), lanes of `size`.
macro_rules! lanes {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, size: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            self.v2(VecOp::$op, vty(q), size, 0, [rn, rm, rd])
        }
    )* } };
}
// The same with rd as the accumulator.
macro_rules! accumulating {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, size: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            self.v3(VecOp::$op, vty(q), size, 0, [rn, rm, rd])
        }
    )* } };
}
// `name half-name VecOp method`: floating point.
macro_rules! floats {
    ($($name:ident $half:ident $op:ident $v:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, sz: bool, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            self.$v(VecOp::$op, vty(q), sz_lane(sz), 0, [rn, rm, rd])
        }
        pub(crate) fn $half(&mut self, q: bool, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            self.$v(VecOp::$op, vty(q), 1, 0, [rn, rm, rd])
        }
    )* } };
}
// `name VecOp lane param`: fixed lanes, accumulating.
macro_rules! fixed {
    ($($name:ident $op:ident $lane:literal $param:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            self.v3(VecOp::$op, vty(q), $lane, $param, [rn, rm, rd])
        }
    )* } };
}
// Matrix products: all of the register.
macro_rules! matrix {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            self.v3(VecOp::$op, Ty::V128, 2, 0, [rn, rm, rd])
        }
    )* } };
}

lanes! {
    add_v Add; sub_v Sub; mul_v Mul; pmul_v PMul; addp_v AddP;
    shadd_v HAddS; uhadd_v HAddU; srhadd_v RHAddS; urhadd_v RHAddU; shsub_v HSubS; uhsub_v HSubU;
    sqadd_v QAddS; uqadd_v QAddU; sqsub_v QSubS; uqsub_v QSubU;
    cmgt_v CmGtS; cmge_v CmGeS; cmhi_v CmGtU; cmhs_v CmGeU; cmeq_v CmEq; cmtst_v CmTst;
    sshl_v ShlS; ushl_v ShlU; srshl_v RShlS; urshl_v RShlU;
    sqshl_v QShlS; uqshl_v QShlU; sqrshl_v QRShlS; uqrshl_v QRShlU;
    smax_v MaxS; umax_v MaxU; smin_v MinS; umin_v MinU; sabd_v AbdS; uabd_v AbdU;
    smaxp_v MaxPS; umaxp_v MaxPU; sminp_v MinPS; uminp_v MinPU;
    sqdmulh_v QDMulH; sqrdmulh_v QRDMulH;
}
accumulating! {
    mla_v Mla; mls_v Mls; sqrdmlah_v QRDMlaH; sqrdmlsh_v QRDMlsH;
    sdot_v DotS; udot_v DotU;
}
floats! {
    fadd_v fadd_v16 FAdd v2; fsub_v fsub_v16 FSub v2; fmul_v fmul_v16 FMul v2;
    fdiv_v fdiv_v16 FDiv v2; fmulx_v fmulx_v16 FMulX v2; fabd_v fabd_v16 FAbd v2;
    fmax_v fmax_v16 FMax v2; fmin_v fmin_v16 FMin v2;
    fmaxnm_v fmaxnm_v16 FMaxNm v2; fminnm_v fminnm_v16 FMinNm v2;
    fmaxp_v fmaxp_v16 FMaxP v2; fminp_v fminp_v16 FMinP v2; faddp_v faddp_v16 FAddP v2;
    fmaxnmp_v fmaxnmp_v16 FMaxNmP v2; fminnmp_v fminnmp_v16 FMinNmP v2;
    fcmeq_v fcmeq_v16 FCmEq v2; fcmge_v fcmge_v16 FCmGe v2; fcmgt_v fcmgt_v16 FCmGt v2;
    facge_v facge_v16 FAcGe v2; facgt_v facgt_v16 FAcGt v2;
    frecps_v frecps_v16 FRecps v2; frsqrts_v frsqrts_v16 FRsqrts v2;
    fmla_v fmla_v16 FMla v3; fmls_v fmls_v16 FMls v3;
}
fixed! {
    fmlal_v FMlaL 1 0; fmlal2_v FMlaL 1 1; fmlsl_v FMlaL 1 2; fmlsl2_v FMlaL 1 3;
    usdot_v DotUS 2 0; bfdot_v BfDot 2 0;
}
matrix! { smmla_v MmlaS; ummla_v MmlaU; usmmla_v MmlaUS; bfmmla_v BfMmla; }

impl Translator<'_> {
    /// SABA: rd += |rn - rm|.
    pub(crate) fn saba_v(&mut self, q: bool, size: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
        self.difference_added(VecOp::AbdS, q, size, [rn, rm, rd])
    }
    /// UABA.
    pub(crate) fn uaba_v(&mut self, q: bool, size: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
        self.difference_added(VecOp::AbdU, q, size, [rn, rm, rd])
    }
    fn difference_added(&mut self, op: VecOp, q: bool, size: u8, r: [VReg; 3]) -> Flow {
        let [rn, rm, rd] = r.map(|r| self.v(r));
        let t = self.vt(op, vty(q), size, 0, [rn, rm, Ref::NONE]);
        self.vop(VecOp::Add, vty(q), size, 0, rd, [rd, t, Ref::NONE]);
        Flow::Next
    }
    /// FCMLA: complex multiply-accumulate.
    pub(crate) fn fcmla_v(
        &mut self,
        q: bool,
        size: u8,
        rm: VReg,
        rot: u8,
        rn: VReg,
        rd: VReg,
    ) -> Flow {
        self.v3(VecOp::FCMla, vty(q), size, i32::from(rot), [rn, rm, rd])
    }
    /// FCADD: complex add with rotation.
    pub(crate) fn fcadd_v(
        &mut self,
        q: bool,
        size: u8,
        rm: VReg,
        rot: u8,
        rn: VReg,
        rd: VReg,
    ) -> Flow {
        self.v2(VecOp::FCAdd, vty(q), size, i32::from(rot), [rn, rm, rd])
    }
    /// BFMLALB, BFMLALT: `q` selects the odd (top) elements.
    pub(crate) fn bfmlal_v(&mut self, q: bool, rm: VReg, rn: VReg, rd: VReg) -> Flow {
        self.v3(VecOp::BfMlaL, Ty::V128, 2, i32::from(q), [rn, rm, rd])
    }

    /// AND.
    pub(crate) fn and_v(&mut self, q: bool, rm: VReg, rn: VReg, rd: VReg) -> Flow {
        self.v2(VecOp::And, vty(q), 3, 0, [rn, rm, rd])
    }
    /// BIC.
    pub(crate) fn bic_v(&mut self, q: bool, rm: VReg, rn: VReg, rd: VReg) -> Flow {
        self.v2(VecOp::AndNot, vty(q), 3, 0, [rn, rm, rd])
    }
    /// ORR, MOV (vector).
    pub(crate) fn orr_v(&mut self, q: bool, rm: VReg, rn: VReg, rd: VReg) -> Flow {
        if rm == rn {
            let (dst, a) = (self.v(rd), self.v(rn));
            self.ir.mov(vty(q), dst, a);
            return Flow::Next;
        }
        self.v2(VecOp::Or, vty(q), 3, 0, [rn, rm, rd])
    }
    /// ORN.
    pub(crate) fn orn_v(&mut self, q: bool, rm: VReg, rn: VReg, rd: VReg) -> Flow {
        self.v2(VecOp::OrNot, vty(q), 3, 0, [rn, rm, rd])
    }
    /// EOR. Of a register with itself: zero.
    pub(crate) fn eor_v(&mut self, q: bool, rm: VReg, rn: VReg, rd: VReg) -> Flow {
        if rm == rn {
            let (dst, zero) = (self.v(rd), self.vimm(0));
            self.vmov(dst, zero);
            return Flow::Next;
        }
        self.v2(VecOp::Xor, vty(q), 3, 0, [rn, rm, rd])
    }
    /// BSL: bits of rn where rd is set, else of rm.
    pub(crate) fn bsl_v(&mut self, q: bool, rm: VReg, rn: VReg, rd: VReg) -> Flow {
        self.bit_select(q, rn, rm, rd, rd)
    }
    /// BIT: bits of rn where rm is set, else of rd.
    pub(crate) fn bit_v(&mut self, q: bool, rm: VReg, rn: VReg, rd: VReg) -> Flow {
        self.bit_select(q, rn, rd, rm, rd)
    }
    /// BIF: bits of rd where rm is set, else of rn.
    pub(crate) fn bif_v(&mut self, q: bool, rm: VReg, rn: VReg, rd: VReg) -> Flow {
        self.bit_select(q, rd, rn, rm, rd)
    }
    fn bit_select(&mut self, q: bool, set: VReg, clear: VReg, mask: VReg, rd: VReg) -> Flow {
        let abc = [set, clear, mask].map(|r| self.v(r));
        let dst = self.v(rd);
        self.vop(VecOp::Select, vty(q), 3, 0, dst, abc);
        Flow::Next
    }
}
