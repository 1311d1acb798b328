//! AdvSIMD scalar: three registers, two registers, pairs, by element.
//!
//! The 64-bit forms are the vector operations on 64 bits. Narrower integer forms can saturate, so
//! the lanes that do not take part are cleared first.

use crate::field::VReg;
use crate::simd_emit::{element, lane_fty, sz_lane};
use crate::{Flow, Translator};
use ir::vec_op::SCALAR;
use ir::{OpCode, Ref, Rounding, Ty, VecOp};

// rd = op(rn, rm), 64 bits.
macro_rules! doubles {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            self.v2(VecOp::$op, Ty::V64, 3, 0, [rn, rm, rd])
        }
    )* } };
}
// rd = op(rn, rm), any lane.
macro_rules! lanes {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, size: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            let [a, b, dst] = [rn, rm, rd].map(|r| self.v(r));
            self.scalar_op(VecOp::$op, Ty::V64, size, dst, [a, b, Ref::NONE])
        }
    )* } };
}
// rd = op(rn, rm, rd).
macro_rules! accumulating {
    ($($name:ident $elem:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, size: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            let [a, b, dst] = [rn, rm, rd].map(|r| self.v(r));
            self.scalar_op(VecOp::$op, Ty::V64, size, dst, [a, b, dst])
        }
        #[expect(clippy::too_many_arguments, reason = "the fields of the encoding")]
        pub(crate) fn $elem(
            &mut self, size: u8, l: u8, m: u8, rm: u8, h: u8, rn: VReg, rd: VReg,
        ) -> Flow {
            let (reg, index) = element(size, l, m, rm, h);
            let b = self.scalar_lane(size, reg, index);
            let (a, dst) = (self.v(rn), self.v(rd));
            self.scalar_op(VecOp::$op, Ty::V64, size, dst, [a, b, dst])
        }
    )* } };
}
// Long: rd (twice as wide) = op(rn, rm, rd if it accumulates).
macro_rules! long {
    ($($name:ident $elem:ident $op:ident $acc:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, size: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            let b = self.v(rm);
            self.scalar_long(VecOp::$op, size, $acc, b, rn, rd)
        }
        #[expect(clippy::too_many_arguments, reason = "the fields of the encoding")]
        pub(crate) fn $elem(
            &mut self, size: u8, l: u8, m: u8, rm: u8, h: u8, rn: VReg, rd: VReg,
        ) -> Flow {
            let (reg, index) = element(size, l, m, rm, h);
            let b = self.scalar_lane(size, reg, index);
            self.scalar_long(VecOp::$op, size, $acc, b, rn, rd)
        }
    )* } };
}
// By element, not accumulating, and the plain form.
macro_rules! multiplies {
    ($($name:ident $elem:ident $op:ident;)*) => { lanes! { $($name $op;)* } impl Translator<'_> { $(
        #[expect(clippy::too_many_arguments, reason = "the fields of the encoding")]
        pub(crate) fn $elem(
            &mut self, size: u8, l: u8, m: u8, rm: u8, h: u8, rn: VReg, rd: VReg,
        ) -> Flow {
            let (reg, index) = element(size, l, m, rm, h);
            let b = self.scalar_lane(size, reg, index);
            let (a, dst) = (self.v(rn), self.v(rd));
            self.scalar_op(VecOp::$op, Ty::V64, size, dst, [a, b, Ref::NONE])
        }
    )* } };
}
// Two registers, 64 bits.
macro_rules! double_unary {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rn: VReg, rd: VReg) -> Flow {
            self.v1(VecOp::$op, Ty::V64, 3, 0, rn, rd)
        }
    )* } };
}
macro_rules! double_zero {
    ($($name:ident $op:ident $operands:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rn: VReg, rd: VReg) -> Flow {
            let ab = self.$operands(rn);
            let dst = self.v(rd);
            self.vop(VecOp::$op, Ty::V64, 3, 0, dst, ab);
            Flow::Next
        }
    )* } };
}
macro_rules! lane_unary {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, size: u8, rn: VReg, rd: VReg) -> Flow {
            let (a, dst) = (self.v(rn), self.v(rd));
            self.scalar_op(VecOp::$op, Ty::V64, size, dst, [a, Ref::NONE, Ref::NONE])
        }
    )* } };
}
// SUQADD, USQADD: rd = op(rd, rn).
macro_rules! lane_update {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, size: u8, rn: VReg, rd: VReg) -> Flow {
            let (b, dst) = (self.v(rn), self.v(rd));
            self.scalar_op(VecOp::$op, Ty::V64, size, dst, [dst, b, Ref::NONE])
        }
    )* } };
}
macro_rules! narrowing {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, size: u8, rn: VReg, rd: VReg) -> Flow {
            let a = self.v(rn);
            let a = self.vt(VecOp::Low, Ty::V128, size + 1, 0, [a, Ref::NONE, Ref::NONE]);
            self.narrow(VecOp::$op, false, size, 0, [a, Ref::NONE], rd)
        }
    )* } };
}
// Floating point that has no core operation.
macro_rules! floats {
    ($($name:ident $half:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, sz: bool, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            self.v2(VecOp::$op, Ty::V64, sz_lane(sz), SCALAR, [rn, rm, rd])
        }
        pub(crate) fn $half(&mut self, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            self.v2(VecOp::$op, Ty::V64, 1, SCALAR, [rn, rm, rd])
        }
    )* } };
}
macro_rules! float_unary {
    ($($name:ident $half:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, sz: bool, rn: VReg, rd: VReg) -> Flow {
            self.v1(VecOp::$op, Ty::V64, sz_lane(sz), SCALAR, rn, rd)
        }
        pub(crate) fn $half(&mut self, rn: VReg, rd: VReg) -> Flow {
            self.v1(VecOp::$op, Ty::V64, 1, SCALAR, rn, rd)
        }
    )* } };
}
macro_rules! float_zero {
    ($($name:ident $half:ident $op:ident $operands:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, sz: bool, rn: VReg, rd: VReg) -> Flow {
            let ab = self.$operands(rn);
            let dst = self.v(rd);
            self.vop(VecOp::$op, Ty::V64, sz_lane(sz), SCALAR, dst, ab);
            Flow::Next
        }
        pub(crate) fn $half(&mut self, rn: VReg, rd: VReg) -> Flow {
            let ab = self.$operands(rn);
            let dst = self.v(rd);
            self.vop(VecOp::$op, Ty::V64, 1, SCALAR, dst, ab);
            Flow::Next
        }
    )* } };
}
// Conversions that stay in vector registers.
macro_rules! conversions {
    ($($name:ident $half:ident $code:ident $aux:expr;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, sz: bool, rn: VReg, rd: VReg) -> Flow {
            self.scalar_convert(OpCode::$code, sz_lane(sz), $aux, rn, rd)
        }
        pub(crate) fn $half(&mut self, rn: VReg, rd: VReg) -> Flow {
            self.scalar_convert(OpCode::$code, 1, $aux, rn, rd)
        }
    )* } };
}
// The two lanes of a pair.
macro_rules! pairs {
    ($($name:ident $half:ident $code:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, sz: bool, rn: VReg, rd: VReg) -> Flow {
            self.scalar_pair(OpCode::$code, sz_lane(sz), rn, rd)
        }
        pub(crate) fn $half(&mut self, rn: VReg, rd: VReg) -> Flow {
            self.scalar_pair(OpCode::$code, 1, rn, rd)
        }
    )* } };
}
// FMUL, FMLA, FMLS by element: `emit` makes the operation from (lane, element, rn, rd).
macro_rules! float_elements {
    ($($name:ident $half:ident $emit:expr;)*) => { impl Translator<'_> { $(
        #[expect(clippy::too_many_arguments, reason = "the fields of the encoding")]
        pub(crate) fn $name(
            &mut self, sz: bool, l: u8, m: u8, rm: u8, h: u8, rn: VReg, rd: VReg,
        ) -> Flow {
            let lane = sz_lane(sz);
            let (reg, index) = element(lane, l, m, rm, h);
            let b = self.scalar_lane(lane, reg, index);
            $emit(self, lane, b, self.v(rn), self.v(rd));
            Flow::Next
        }
        pub(crate) fn $half(&mut self, l: u8, m: u8, rm: u8, h: u8, rn: VReg, rd: VReg) -> Flow {
            let (reg, index) = element(1, l, m, rm, h);
            let b = self.scalar_lane(1, reg, index);
            $emit(self, 1, b, self.v(rn), self.v(rd));
            Flow::Next
        }
    )* } };
}

const SIGNED: u16 = 1 << 3;
const NEAREST: u16 = Rounding::Nearest as u16;
const UP: u16 = Rounding::Up as u16;
const DOWN: u16 = Rounding::Down as u16;
const ZERO: u16 = Rounding::Zero as u16;
const AWAY: u16 = Rounding::Away as u16;

doubles! {
    add_s Add; sub_s Sub; cmgt_s CmGtS; cmge_s CmGeS; cmhi_s CmGtU; cmhs_s CmGeU; cmeq_s CmEq;
    cmtst_s CmTst; sshl_s ShlS; ushl_s ShlU; srshl_s RShlS; urshl_s RShlU;
}
lanes! {
    sqadd_s QAddS; uqadd_s QAddU; sqsub_s QSubS; uqsub_s QSubU;
    sqshl_s QShlS; uqshl_s QShlU; sqrshl_s QRShlS; uqrshl_s QRShlU;
}
multiplies! { sqdmulh_s sqdmulh_elem_s QDMulH; sqrdmulh_s sqrdmulh_elem_s QRDMulH; }
accumulating! { sqrdmlah_s sqrdmlah_elem_s QRDMlaH; sqrdmlsh_s sqrdmlsh_elem_s QRDMlsH; }
long! {
    sqdmull_s sqdmull_elem_s QDMulL false; sqdmlal_s sqdmlal_elem_s QDMlaL true;
    sqdmlsl_s sqdmlsl_elem_s QDMlsL true;
}
double_unary! { abs_s Abs; neg_s Neg; }
double_zero! {
    cmgt_zero_s CmGtS reg_zero; cmge_zero_s CmGeS reg_zero; cmeq_zero_s CmEq reg_zero;
    cmle_zero_s CmGeS zero_reg; cmlt_zero_s CmGtS zero_reg;
}
lane_unary! { sqabs_s QAbs; sqneg_s QNeg; }
lane_update! { suqadd_s SuqAdd; usqadd_s UsqAdd; }
narrowing! { sqxtn_s QNarrowS; uqxtn_s QNarrowU; sqxtun_s QNarrowSU; }
floats! {
    fmulx_s fmulx_s16 FMulX; fcmeq_s fcmeq_s16 FCmEq; fcmge_s fcmge_s16 FCmGe;
    fcmgt_s fcmgt_s16 FCmGt; facge_s facge_s16 FAcGe; facgt_s facgt_s16 FAcGt;
    fabd_s fabd_s16 FAbd; frecps_s frecps_s16 FRecps; frsqrts_s frsqrts_s16 FRsqrts;
}
float_unary! {
    frecpe_s frecpe_s16 FRecpe; frecpx_s frecpx_s16 FRecpx; frsqrte_s frsqrte_s16 FRsqrte;
}
float_zero! {
    fcmgt_zero_s fcmgt_zero_s16 FCmGt reg_zero; fcmge_zero_s fcmge_zero_s16 FCmGe reg_zero;
    fcmeq_zero_s fcmeq_zero_s16 FCmEq reg_zero; fcmle_zero_s fcmle_zero_s16 FCmGe zero_reg;
    fcmlt_zero_s fcmlt_zero_s16 FCmGt zero_reg;
}
conversions! {
    fcvtns_s fcvtns_s16 FToIntV NEAREST | SIGNED; fcvtnu_s fcvtnu_s16 FToIntV NEAREST;
    fcvtps_s fcvtps_s16 FToIntV UP | SIGNED; fcvtpu_s fcvtpu_s16 FToIntV UP;
    fcvtms_s fcvtms_s16 FToIntV DOWN | SIGNED; fcvtmu_s fcvtmu_s16 FToIntV DOWN;
    fcvtzs_s fcvtzs_s16 FToIntV ZERO | SIGNED; fcvtzu_s fcvtzu_s16 FToIntV ZERO;
    fcvtas_s fcvtas_s16 FToIntV AWAY | SIGNED; fcvtau_s fcvtau_s16 FToIntV AWAY;
    scvtf_s scvtf_s16 IntVToF SIGNED; ucvtf_s ucvtf_s16 IntVToF 0;
}
pairs! {
    faddp_s faddp_s16 FAdd; fmaxp_s fmaxp_s16 FMax; fminp_s fminp_s16 FMin;
    fmaxnmp_s fmaxnmp_s16 FMaxNm; fminnmp_s fminnmp_s16 FMinNm;
}
float_elements! {
    fmul_elem_s fmul_elem_s16 |t: &mut Self, lane, b, a, dst| {
        t.ir.bin(OpCode::FMul, lane_fty(lane), dst, a, b);
    };
    fmla_elem_s fmla_elem_s16 |t: &mut Self, lane, b, a, dst| {
        t.ir.ter(OpCode::FMulAdd, lane_fty(lane), dst, a, b, dst, 0);
    };
    fmls_elem_s fmls_elem_s16 |t: &mut Self, lane, b, a, dst| {
        t.ir.ter(OpCode::FMulAdd, lane_fty(lane), dst, a, b, dst, 1);
    };
    fmulx_elem_s fmulx_elem_s16 |t: &mut Self, lane, b, a, dst| {
        t.vop(VecOp::FMulX, Ty::V64, lane, SCALAR, dst, [a, b, Ref::NONE]);
    };
}

impl Translator<'_> {
    /// Appends `op` with all operands cut to one lane.
    fn scalar_op(&mut self, op: VecOp, ty: Ty, lane: u8, dst: Ref, abc: [Ref; 3]) -> Flow {
        let abc = abc.map(|r| if r.is_none() { r } else { self.low(lane, r) });
        self.vop(op, ty, lane, 0, dst, abc);
        Flow::Next
    }
    fn scalar_long(
        &mut self,
        op: VecOp,
        lane: u8,
        accumulates: bool,
        b: Ref,
        rn: VReg,
        rd: VReg,
    ) -> Flow {
        let (a, dst) = (self.v(rn), self.v(rd));
        let (a, b) = (self.low(lane, a), self.low(lane, b));
        let c = if accumulates {
            self.vt(VecOp::Low, Ty::V128, lane + 1, 0, [dst, Ref::NONE, Ref::NONE])
        } else {
            Ref::NONE
        };
        self.vop(op, Ty::V128, lane, 0, dst, [a, b, c]);
        Flow::Next
    }
    fn scalar_convert(&mut self, code: OpCode, lane: u8, aux: u16, rn: VReg, rd: VReg) -> Flow {
        let (a, dst) = (self.v(rn), self.v(rd));
        self.ir.un_aux(code, lane_fty(lane), dst, a, aux | u16::from(lane == 3) << 4);
        Flow::Next
    }
    fn scalar_pair(&mut self, code: OpCode, lane: u8, rn: VReg, rd: VReg) -> Flow {
        let b = self.scalar_lane(lane, rn, 1);
        let (a, dst) = (self.v(rn), self.v(rd));
        self.ir.bin(code, lane_fty(lane), dst, a, b);
        Flow::Next
    }
    /// ADDP (scalar).
    pub(crate) fn addp_s(&mut self, rn: VReg, rd: VReg) -> Flow {
        let b = self.scalar_lane(3, rn, 1);
        let (a, dst) = (self.v(rn), self.v(rd));
        self.vop(VecOp::Add, Ty::V64, 3, 0, dst, [a, b, Ref::NONE]);
        Flow::Next
    }
    /// FCVTXN (scalar): double to single, rounded to odd.
    pub(crate) fn fcvtxn_s(&mut self, rn: VReg, rd: VReg) -> Flow {
        let (a, dst) = (self.v(rn), self.v(rd));
        self.ir.un_aux(OpCode::FCvt, Ty::F64, dst, a, Ty::F32 as u16 | (Rounding::Odd as u16) << 8);
        Flow::Next
    }
}
