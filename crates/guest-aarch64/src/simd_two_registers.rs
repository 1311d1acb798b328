//! AdvSIMD: two registers, and operations across lanes.

use crate::field::VReg;
use crate::simd_emit::{sz_lane, vty};
use crate::{Flow, Translator};
use ir::{Ref, Rounding, Ty, VecOp};

// `name VecOp`: rd = op(rn), lanes of `size`.
macro_rules! lanes {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, size: u8, rn: VReg, rd: VReg) -> Flow {
            self.v1(VecOp::$op, vty(q), size, 0, rn, rd)
        }
    )* } };
}
// `name VecOp lane`: fixed lanes.
macro_rules! fixed {
    ($($name:ident $op:ident $lane:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, rn: VReg, rd: VReg) -> Flow {
            self.v1(VecOp::$op, vty(q), $lane, 0, rn, rd)
        }
    )* } };
}
// `name VecOp operands`: compares with zero; the order tells <= and < from >= and >.
macro_rules! zeros {
    ($($name:ident $op:ident $first:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, size: u8, rn: VReg, rd: VReg) -> Flow {
            let ab = self.$first(rn);
            let dst = self.v(rd);
            self.vop(VecOp::$op, vty(q), size, 0, dst, ab);
            Flow::Next
        }
    )* } };
}
macro_rules! float_zeros {
    ($($name:ident $half:ident $op:ident $first:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, sz: bool, rn: VReg, rd: VReg) -> Flow {
            let ab = self.$first(rn);
            let dst = self.v(rd);
            self.vop(VecOp::$op, vty(q), sz_lane(sz), 0, dst, ab);
            Flow::Next
        }
        pub(crate) fn $half(&mut self, q: bool, rn: VReg, rd: VReg) -> Flow {
            let ab = self.$first(rn);
            let dst = self.v(rd);
            self.vop(VecOp::$op, vty(q), 1, 0, dst, ab);
            Flow::Next
        }
    )* } };
}
// `name half-name VecOp param`: floating point.
macro_rules! floats {
    ($($name:ident $half:ident $op:ident $param:expr;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, sz: bool, rn: VReg, rd: VReg) -> Flow {
            self.v1(VecOp::$op, vty(q), sz_lane(sz), $param, rn, rd)
        }
        pub(crate) fn $half(&mut self, q: bool, rn: VReg, rd: VReg) -> Flow {
            self.v1(VecOp::$op, vty(q), 1, $param, rn, rd)
        }
    )* } };
}
// `name VecOp param`: no half-precision form.
macro_rules! wide_floats {
    ($($name:ident $op:ident $param:expr;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, sz: bool, rn: VReg, rd: VReg) -> Flow {
            self.v1(VecOp::$op, vty(q), sz_lane(sz), $param, rn, rd)
        }
    )* } };
}
macro_rules! narrowing {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, size: u8, rn: VReg, rd: VReg) -> Flow {
            let a = self.v(rn);
            self.narrow(VecOp::$op, q, size, 0, [a, Ref::NONE], rd)
        }
    )* } };
}
// Across single-precision lanes, and across halves.
macro_rules! float_across {
    ($($name:ident $half:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rn: VReg, rd: VReg) -> Flow {
            self.v1(VecOp::$op, Ty::V128, 2, 0, rn, rd)
        }
        pub(crate) fn $half(&mut self, q: bool, rn: VReg, rd: VReg) -> Flow {
            self.v1(VecOp::$op, vty(q), 1, 0, rn, rd)
        }
    )* } };
}

const SIGNED: i32 = 1 << 3;
const EXACT: i32 = 1 << 3;
const TO_64: i32 = 1 << 3;
const NEAREST: i32 = Rounding::Nearest as i32;
const UP: i32 = Rounding::Up as i32;
const DOWN: i32 = Rounding::Down as i32;
const ZERO: i32 = Rounding::Zero as i32;
const AWAY: i32 = Rounding::Away as i32;
const CURRENT: i32 = Rounding::Current as i32;

lanes! {
    rev64_v Rev64; rev32_v Rev32; rev16_v Rev16;
    cls_v Cls; clz_v Clz; cnt_v Cnt; abs_v Abs; neg_v Neg; sqabs_v QAbs; sqneg_v QNeg;
    saddlp_v AddLpS; uaddlp_v AddLpU;
    addv AddV; saddlv AddLvS; uaddlv AddLvU;
    smaxv MaxVS; umaxv MaxVU; sminv MinVS; uminv MinVU;
}
fixed! { not_v Not 0; rbit_v RBit 0; }
zeros! {
    cmgt_zero_v CmGtS reg_zero; cmge_zero_v CmGeS reg_zero; cmeq_zero_v CmEq reg_zero;
    cmle_zero_v CmGeS zero_reg; cmlt_zero_v CmGtS zero_reg;
}
float_zeros! {
    fcmgt_zero_v fcmgt_zero_v16 FCmGt reg_zero;
    fcmge_zero_v fcmge_zero_v16 FCmGe reg_zero;
    fcmeq_zero_v fcmeq_zero_v16 FCmEq reg_zero;
    fcmle_zero_v fcmle_zero_v16 FCmGe zero_reg;
    fcmlt_zero_v fcmlt_zero_v16 FCmGt zero_reg;
}
floats! {
    fabs_v fabs_v16 FAbs 0; fneg_v fneg_v16 FNeg 0; fsqrt_v fsqrt_v16 FSqrt 0;
    frecpe_v frecpe_v16 FRecpe 0; frsqrte_v frsqrte_v16 FRsqrte 0;
    frintn_v frintn_v16 FRound NEAREST; frintm_v frintm_v16 FRound DOWN;
    frintp_v frintp_v16 FRound UP; frintz_v frintz_v16 FRound ZERO;
    frinta_v frinta_v16 FRound AWAY; frinti_v frinti_v16 FRound CURRENT;
    frintx_v frintx_v16 FRound CURRENT | EXACT;
    fcvtns_v fcvtns_v16 FToInt NEAREST | SIGNED; fcvtnu_v fcvtnu_v16 FToInt NEAREST;
    fcvtps_v fcvtps_v16 FToInt UP | SIGNED; fcvtpu_v fcvtpu_v16 FToInt UP;
    fcvtms_v fcvtms_v16 FToInt DOWN | SIGNED; fcvtmu_v fcvtmu_v16 FToInt DOWN;
    fcvtzs_v fcvtzs_v16 FToInt ZERO | SIGNED; fcvtzu_v fcvtzu_v16 FToInt ZERO;
    fcvtas_v fcvtas_v16 FToInt AWAY | SIGNED; fcvtau_v fcvtau_v16 FToInt AWAY;
    scvtf_v scvtf_v16 IntToF SIGNED; ucvtf_v ucvtf_v16 IntToF 0;
}
wide_floats! {
    frint32z_v FRoundInt ZERO; frint32x_v FRoundInt CURRENT;
    frint64z_v FRoundInt ZERO | TO_64; frint64x_v FRoundInt CURRENT | TO_64;
    urecpe_v URecpe 0; ursqrte_v URsqrte 0;
}
narrowing! { xtn_v Narrow; sqxtn_v QNarrowS; uqxtn_v QNarrowU; sqxtun_v QNarrowSU; }
float_across! {
    fmaxv fmaxv16 FMaxV; fminv fminv16 FMinV; fmaxnmv fmaxnmv16 FMaxNmV; fminnmv fminnmv16 FMinNmV;
}

impl Translator<'_> {
    /// The operands (rn, 0).
    pub(crate) fn reg_zero(&mut self, rn: VReg) -> [Ref; 3] {
        [self.v(rn), self.vimm(0), Ref::NONE]
    }
    /// The operands (0, rn).
    pub(crate) fn zero_reg(&mut self, rn: VReg) -> [Ref; 3] {
        [self.vimm(0), self.v(rn), Ref::NONE]
    }
    /// SADALP.
    pub(crate) fn sadalp_v(&mut self, q: bool, size: u8, rn: VReg, rd: VReg) -> Flow {
        self.pairs_added(VecOp::AdaLpS, q, size, rn, rd)
    }
    /// UADALP.
    pub(crate) fn uadalp_v(&mut self, q: bool, size: u8, rn: VReg, rd: VReg) -> Flow {
        self.pairs_added(VecOp::AdaLpU, q, size, rn, rd)
    }
    fn pairs_added(&mut self, op: VecOp, q: bool, size: u8, rn: VReg, rd: VReg) -> Flow {
        let (a, c) = (self.v(rn), self.v(rd));
        self.vop(op, vty(q), size, 0, c, [a, Ref::NONE, c]);
        Flow::Next
    }
    /// SUQADD: rd + unsigned rn.
    pub(crate) fn suqadd_v(&mut self, q: bool, size: u8, rn: VReg, rd: VReg) -> Flow {
        self.v2(VecOp::SuqAdd, vty(q), size, 0, [rd, rn, rd])
    }
    /// USQADD: unsigned rd + signed rn.
    pub(crate) fn usqadd_v(&mut self, q: bool, size: u8, rn: VReg, rd: VReg) -> Flow {
        self.v2(VecOp::UsqAdd, vty(q), size, 0, [rd, rn, rd])
    }
    /// SHLL: extend and shift by the source's width.
    pub(crate) fn shll_v(&mut self, q: bool, size: u8, rn: VReg, rd: VReg) -> Flow {
        self.v1(VecOp::ExtU, Ty::V128, size, i32::from(q) | (8 << size) << 1, rn, rd)
    }
    /// FCVTL.
    pub(crate) fn fcvtl_v(&mut self, q: bool, sz: bool, rn: VReg, rd: VReg) -> Flow {
        self.v1(VecOp::FCvtL, Ty::V128, 1 + u8::from(sz), i32::from(q), rn, rd)
    }
    /// FCVTN.
    pub(crate) fn fcvtn_v(&mut self, q: bool, sz: bool, rn: VReg, rd: VReg) -> Flow {
        let a = self.v(rn);
        self.narrow(VecOp::FCvtN, q, 1 + u8::from(sz), 0, [a, Ref::NONE], rd)
    }
    /// FCVTXN.
    pub(crate) fn fcvtxn_v(&mut self, q: bool, rn: VReg, rd: VReg) -> Flow {
        let a = self.v(rn);
        self.narrow(VecOp::FCvtXn, q, 2, 0, [a, Ref::NONE], rd)
    }
    /// BFCVTN.
    pub(crate) fn bfcvtn_v(&mut self, q: bool, rn: VReg, rd: VReg) -> Flow {
        let a = self.v(rn);
        self.narrow(VecOp::BfCvtN, q, 1, 0, [a, Ref::NONE], rd)
    }
}
