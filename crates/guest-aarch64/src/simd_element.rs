//! AdvSIMD: by element. The element is spread over a temporary first.
#![expect(clippy::too_many_arguments, reason = "the fields of the encodings")]

use crate::field::VReg;
use crate::simd_emit::{element, sz_lane, vty};
use crate::{Flow, Translator};
use ir::{Ref, Ty, VecOp};

// `name VecOp accumulates`: lanes of `size`.
macro_rules! lanes {
    ($($name:ident $op:ident $acc:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(
            &mut self, q: bool, size: u8, l: u8, m: u8, rm: u8, h: u8, rn: VReg, rd: VReg,
        ) -> Flow {
            let elem = element(size, l, m, rm, h);
            self.by_element(VecOp::$op, vty(q), size, 0, $acc, elem, [rn, rd])
        }
    )* } };
}
// Long: lanes of `size` to twice that.
macro_rules! long {
    ($($name:ident $op:ident $acc:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(
            &mut self, q: bool, size: u8, l: u8, m: u8, rm: u8, h: u8, rn: VReg, rd: VReg,
        ) -> Flow {
            let elem = element(size, l, m, rm, h);
            self.by_element(VecOp::$op, Ty::V128, size, i32::from(q), $acc, elem, [rn, rd])
        }
    )* } };
}
// `name VecOp`: long products, doubled and saturated, then accumulated and saturated again.
macro_rules! long_saturated {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(
            &mut self, q: bool, size: u8, l: u8, m: u8, rm: u8, h: u8, rn: VReg, rd: VReg,
        ) -> Flow {
            let elem = element(size, l, m, rm, h);
            let b = self.dup(size, elem.0, elem.1);
            let (a, dst) = (self.v(rn), self.v(rd));
            let t = self.vt(VecOp::QDMulL, Ty::V128, size, i32::from(q), [a, b, Ref::NONE]);
            self.vop(VecOp::$op, Ty::V128, size + 1, 0, dst, [dst, t, Ref::NONE]);
            Flow::Next
        }
    )* } };
}
// `name half-name VecOp accumulates`: floating point.
macro_rules! floats {
    ($($name:ident $half:ident $op:ident $acc:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(
            &mut self, q: bool, sz: bool, l: u8, m: u8, rm: u8, h: u8, rn: VReg, rd: VReg,
        ) -> Flow {
            let lane = sz_lane(sz);
            let elem = element(lane, l, m, rm, h);
            self.by_element(VecOp::$op, vty(q), lane, 0, $acc, elem, [rn, rd])
        }
        pub(crate) fn $half(
            &mut self, q: bool, l: u8, m: u8, rm: u8, h: u8, rn: VReg, rd: VReg,
        ) -> Flow {
            let elem = element(1, l, m, rm, h);
            self.by_element(VecOp::$op, vty(q), 1, 0, $acc, elem, [rn, rd])
        }
    )* } };
}
// `name VecOp param`: FMLAL and the like.
macro_rules! half_long {
    ($($name:ident $param:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(
            &mut self, q: bool, l: u8, m: u8, rm: u8, h: u8, rn: VReg, rd: VReg,
        ) -> Flow {
            let elem = element(1, l, m, rm, h);
            self.by_element(VecOp::FMlaL, vty(q), 1, $param, true, elem, [rn, rd])
        }
    )* } };
}

lanes! {
    mul_elem Mul false; mla_elem Mla true; mls_elem Mls true;
    sqdmulh_elem QDMulH false; sqrdmulh_elem QRDMulH false;
    sqrdmlah_elem QRDMlaH true; sqrdmlsh_elem QRDMlsH true;
    sdot_elem DotS true; udot_elem DotU true;
}
long! {
    smull_elem MulLS false; umull_elem MulLU false; sqdmull_elem QDMulL false;
    smlal_elem MlaLS true; umlal_elem MlaLU true; smlsl_elem MlsLS true; umlsl_elem MlsLU true;
}
long_saturated! { sqdmlal_elem QAddS; sqdmlsl_elem QSubS; }
floats! {
    fmul_elem fmul_elem16 FMul false; fmulx_elem fmulx_elem16 FMulX false;
    fmla_elem fmla_elem16 FMla true; fmls_elem fmls_elem16 FMls true;
}
half_long! { fmlal_elem 0; fmlal2_elem 1; fmlsl_elem 2; fmlsl2_elem 3; }

impl Translator<'_> {
    fn by_element(
        &mut self,
        op: VecOp,
        ty: Ty,
        lane: u8,
        param: i32,
        accumulates: bool,
        elem: (VReg, u8),
        [rn, rd]: [VReg; 2],
    ) -> Flow {
        let b = self.dup(lane, elem.0, elem.1);
        let (a, dst) = (self.v(rn), self.v(rd));
        let c = if accumulates { dst } else { Ref::NONE };
        self.vop(op, ty, lane, param, dst, [a, b, c]);
        Flow::Next
    }
    /// USDOT (by element).
    pub(crate) fn usdot_elem(
        &mut self,
        q: bool,
        l: u8,
        m: u8,
        rm: u8,
        h: u8,
        rn: VReg,
        rd: VReg,
    ) -> Flow {
        self.by_element(VecOp::DotUS, vty(q), 2, 0, true, element(2, l, m, rm, h), [rn, rd])
    }
    /// SUDOT (by element): USDOT with the factors exchanged.
    pub(crate) fn sudot_elem(
        &mut self,
        q: bool,
        l: u8,
        m: u8,
        rm: u8,
        h: u8,
        rn: VReg,
        rd: VReg,
    ) -> Flow {
        let (reg, index) = element(2, l, m, rm, h);
        let a = self.dup(2, reg, index);
        let (b, dst) = (self.v(rn), self.v(rd));
        self.vop(VecOp::DotUS, vty(q), 2, 0, dst, [a, b, dst]);
        Flow::Next
    }
    /// BFDOT (by element).
    pub(crate) fn bfdot_elem(
        &mut self,
        q: bool,
        l: u8,
        m: u8,
        rm: u8,
        h: u8,
        rn: VReg,
        rd: VReg,
    ) -> Flow {
        self.by_element(VecOp::BfDot, vty(q), 2, 0, true, element(2, l, m, rm, h), [rn, rd])
    }
    /// BFMLALB, BFMLALT (by element).
    pub(crate) fn bfmlal_elem(
        &mut self,
        q: bool,
        l: u8,
        m: u8,
        rm: u8,
        h: u8,
        rn: VReg,
        rd: VReg,
    ) -> Flow {
        let (reg, index) = element(1, l, m, rm, h);
        let b = self.dup(1, reg, index);
        let (a, dst) = (self.v(rn), self.v(rd));
        self.vop(VecOp::BfMlaL, Ty::V128, 2, i32::from(q), dst, [a, b, dst]);
        Flow::Next
    }
    /// FCMLA (by element): the element is a pair.
    pub(crate) fn fcmla_elem(
        &mut self,
        q: bool,
        size: u8,
        l: u8,
        m: u8,
        rm: u8,
        rot: u8,
        h: u8,
        rn: VReg,
        rd: VReg,
    ) -> Flow {
        let (reg, index) = element(size + 1, l, m, rm, h);
        let b = self.dup(size + 1, reg, index);
        let (a, dst) = (self.v(rn), self.v(rd));
        self.vop(VecOp::FCMla, vty(q), size, i32::from(rot), dst, [a, b, dst]);
        Flow::Next
    }
}
