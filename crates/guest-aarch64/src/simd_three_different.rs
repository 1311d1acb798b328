//! AdvSIMD: three registers of different types (long, wide, narrow).

use crate::field::VReg;
use crate::{Flow, Translator};
use ir::{Ref, Ty, VecOp};

// Long: rd = op(half of rn, half of rm).
macro_rules! long {
    ($($name:ident $op:ident $v:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, size: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            self.$v(VecOp::$op, Ty::V128, size, i32::from(q), [rn, rm, rd])
        }
    )* } };
}
// Long sums: rn is extended first.
macro_rules! long_sum {
    ($($name:ident $ext:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, size: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            let [rn, rm, rd] = [rn, rm, rd].map(|r| self.v(r));
            let half = i32::from(q);
            let t = self.vt(VecOp::$ext, Ty::V128, size, half, [rn, Ref::NONE, Ref::NONE]);
            self.vop(VecOp::$op, Ty::V128, size, half, rd, [t, rm, Ref::NONE]);
            Flow::Next
        }
    )* } };
}
// Long absolute differences, accumulated.
macro_rules! long_difference {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, size: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            let [rn, rm, rd] = [rn, rm, rd].map(|r| self.v(r));
            let t = self.vt(VecOp::$op, Ty::V128, size, i32::from(q), [rn, rm, Ref::NONE]);
            self.vop(VecOp::Add, Ty::V128, size + 1, 0, rd, [rd, t, Ref::NONE]);
            Flow::Next
        }
    )* } };
}
// Long products, doubled and saturated, then accumulated and saturated again.
macro_rules! long_saturated {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, size: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            let [rn, rm, rd] = [rn, rm, rd].map(|r| self.v(r));
            let t = self.vt(VecOp::QDMulL, Ty::V128, size, i32::from(q), [rn, rm, Ref::NONE]);
            self.vop(VecOp::$op, Ty::V128, size + 1, 0, rd, [rd, t, Ref::NONE]);
            Flow::Next
        }
    )* } };
}
// Narrow: half of rd = high halves of op(rn, rm).
macro_rules! high_narrow {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, size: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            let (a, b) = (self.v(rn), self.v(rm));
            self.narrow(VecOp::$op, q, size, 0, [a, b], rd)
        }
    )* } };
}

long! {
    smull_v MulLS v2; umull_v MulLU v2; sqdmull_v QDMulL v2; pmull_v PMulL v2;
    sabdl_v AbdLS v2; uabdl_v AbdLU v2;
    saddw_v AddWS v2; uaddw_v AddWU v2; ssubw_v SubWS v2; usubw_v SubWU v2;
    smlal_v MlaLS v3; umlal_v MlaLU v3; smlsl_v MlsLS v3; umlsl_v MlsLU v3;
}
long_sum! {
    saddl_v ExtS AddWS; uaddl_v ExtU AddWU; ssubl_v ExtS SubWS; usubl_v ExtU SubWU;
}
long_saturated! { sqdmlal_v QAddS; sqdmlsl_v QSubS; }
long_difference! { sabal_v AbdLS; uabal_v AbdLU; }
high_narrow! { addhn_v AddHn; raddhn_v RAddHn; subhn_v SubHn; rsubhn_v RSubHn; }
