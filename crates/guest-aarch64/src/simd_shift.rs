//! AdvSIMD: shift by immediate, vector and scalar, and fixed-point conversions.

use crate::field::VReg;
use crate::simd_emit::{lane_fty, vty};
use crate::{Flow, Translator};
use ir::{OpCode, Ref, Rounding, Ty, VecOp};

/// The shift in `immh:immb`: the lane is the highest bit set in `immh`.
struct Amount {
    lane: u8,
    left: i32,
    right: i32,
}

fn amount(immh: u8, immb: u8) -> Amount {
    let lane = immh.ilog2() as u8;
    let imm = i32::from(immh) << 3 | i32::from(immb);
    Amount { lane, left: imm - (8 << lane), right: (16 << lane) - imm }
}

/// The same for the scalar forms on 64 bits, whose `immh` has a leading 1 that is no field.
fn amount64(immh: u8, immb: u8) -> Amount {
    amount(immh | 8, immb)
}

// `name scalar-name VecOp side`: rd = op(rn).
macro_rules! shifts {
    ($($name:ident $scalar:ident $op:ident $side:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
            let n = amount(immh, immb);
            self.v1(VecOp::$op, vty(q), n.lane, n.$side, rn, rd)
        }
        pub(crate) fn $scalar(&mut self, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
            let n = amount64(immh, immb);
            self.v1(VecOp::$op, Ty::V64, 3, n.$side, rn, rd)
        }
    )* } };
}
// Shift right and accumulate.
macro_rules! accumulating {
    ($($name:ident $scalar:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
            self.shift_added(VecOp::$op, vty(q), amount(immh, immb), rn, rd)
        }
        pub(crate) fn $scalar(&mut self, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
            self.shift_added(VecOp::$op, Ty::V64, amount64(immh, immb), rn, rd)
        }
    )* } };
}
// Shift and insert.
macro_rules! inserting {
    ($($name:ident $scalar:ident $op:ident $side:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
            let n = amount(immh, immb);
            self.shift_inserted(VecOp::$op, vty(q), n.lane, n.$side, rn, rd)
        }
        pub(crate) fn $scalar(&mut self, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
            let n = amount64(immh, immb);
            self.shift_inserted(VecOp::$op, Ty::V64, 3, n.$side, rn, rd)
        }
    )* } };
}
// Saturating left shifts: the scalar forms exist for every lane.
macro_rules! saturating {
    ($($name:ident $scalar:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
            let n = amount(immh, immb);
            self.v1(VecOp::$op, vty(q), n.lane, n.left, rn, rd)
        }
        pub(crate) fn $scalar(&mut self, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
            let n = amount(immh, immb);
            let (a, dst) = (self.v(rn), self.v(rd));
            let a = self.low(n.lane, a);
            self.vop(VecOp::$op, Ty::V64, n.lane, n.left, dst, [a, Ref::NONE, Ref::NONE]);
            Flow::Next
        }
    )* } };
}
macro_rules! narrowing {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
            let n = amount(immh, immb);
            let a = self.v(rn);
            self.narrow(VecOp::$op, q, n.lane, n.right, [a, Ref::NONE], rd)
        }
    )* } };
}
macro_rules! narrowing_scalar {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
            let n = amount(immh, immb);
            let a = self.v(rn);
            let a = self.vt(VecOp::Low, Ty::V128, n.lane + 1, 0, [a, Ref::NONE, Ref::NONE]);
            self.narrow(VecOp::$op, false, n.lane, n.right, [a, Ref::NONE], rd)
        }
    )* } };
}

shifts! {
    sshr_imm_v sshr_imm_s ShrS right; ushr_imm_v ushr_imm_s ShrU right;
    srshr_imm_v srshr_imm_s RShrS right; urshr_imm_v urshr_imm_s RShrU right;
    shl_imm_v shl_imm_s ShlI left;
}
accumulating! {
    ssra_imm_v ssra_imm_s ShrS; usra_imm_v usra_imm_s ShrU;
    srsra_imm_v srsra_imm_s RShrS; ursra_imm_v ursra_imm_s RShrU;
}
inserting! { sli_imm_v sli_imm_s Sli left; sri_imm_v sri_imm_s Sri right; }
saturating! {
    sqshl_imm_v sqshl_imm_s QShlIS; uqshl_imm_v uqshl_imm_s QShlIU; sqshlu_imm_v sqshlu_imm_s QShlIUS;
}
narrowing! {
    shrn_imm_v Narrow; rshrn_imm_v RNarrow;
    sqshrn_imm_v QNarrowS; uqshrn_imm_v QNarrowU; sqshrun_imm_v QNarrowSU;
    sqrshrn_imm_v QRNarrowS; uqrshrn_imm_v QRNarrowU; sqrshrun_imm_v QRNarrowSU;
}
narrowing_scalar! {
    sqshrn_imm_s QNarrowS; uqshrn_imm_s QNarrowU; sqshrun_imm_s QNarrowSU;
    sqrshrn_imm_s QRNarrowS; uqrshrn_imm_s QRNarrowU; sqrshrun_imm_s QRNarrowSU;
}

impl Translator<'_> {
    fn shift_added(&mut self, op: VecOp, ty: Ty, n: Amount, rn: VReg, rd: VReg) -> Flow {
        let (a, dst) = (self.v(rn), self.v(rd));
        let t = self.vt(op, ty, n.lane, n.right, [a, Ref::NONE, Ref::NONE]);
        self.vop(VecOp::Add, ty, n.lane, 0, dst, [dst, t, Ref::NONE]);
        Flow::Next
    }
    fn shift_inserted(&mut self, op: VecOp, ty: Ty, lane: u8, n: i32, rn: VReg, rd: VReg) -> Flow {
        let (a, dst) = (self.v(rn), self.v(rd));
        self.vop(op, ty, lane, n, dst, [a, Ref::NONE, dst]);
        Flow::Next
    }
    /// SSHLL, SXTL.
    pub(crate) fn sshll_imm_v(&mut self, q: bool, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
        let n = amount(immh, immb);
        self.v1(VecOp::ExtS, Ty::V128, n.lane, i32::from(q) | n.left << 1, rn, rd)
    }
    /// USHLL, UXTL.
    pub(crate) fn ushll_imm_v(&mut self, q: bool, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
        let n = amount(immh, immb);
        self.v1(VecOp::ExtU, Ty::V128, n.lane, i32::from(q) | n.left << 1, rn, rd)
    }
    /// SCVTF (vector, fixed-point).
    pub(crate) fn scvtf_fix_v(&mut self, q: bool, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
        let n = amount(immh, immb);
        self.v1(VecOp::IntToF, vty(q), n.lane, 1 << 3 | n.right << 4, rn, rd)
    }
    /// UCVTF (vector, fixed-point).
    pub(crate) fn ucvtf_fix_v(&mut self, q: bool, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
        let n = amount(immh, immb);
        self.v1(VecOp::IntToF, vty(q), n.lane, n.right << 4, rn, rd)
    }
    /// FCVTZS (vector, fixed-point).
    pub(crate) fn fcvtzs_fix_v(&mut self, q: bool, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
        let n = amount(immh, immb);
        self.v1(
            VecOp::FToInt,
            vty(q),
            n.lane,
            Rounding::Zero as i32 | 1 << 3 | n.right << 4,
            rn,
            rd,
        )
    }
    /// FCVTZU (vector, fixed-point).
    pub(crate) fn fcvtzu_fix_v(&mut self, q: bool, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
        let n = amount(immh, immb);
        self.v1(VecOp::FToInt, vty(q), n.lane, Rounding::Zero as i32 | n.right << 4, rn, rd)
    }
    /// SCVTF (scalar, fixed-point).
    pub(crate) fn scvtf_fix_s(&mut self, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
        self.fixed_scalar(OpCode::IntVToF, 1 << 3, amount(immh, immb), rn, rd)
    }
    /// UCVTF (scalar, fixed-point).
    pub(crate) fn ucvtf_fix_s(&mut self, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
        self.fixed_scalar(OpCode::IntVToF, 0, amount(immh, immb), rn, rd)
    }
    /// FCVTZS (scalar, fixed-point).
    pub(crate) fn fcvtzs_fix_s(&mut self, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
        let aux = Rounding::Zero as u16 | 1 << 3;
        self.fixed_scalar(OpCode::FToIntV, aux, amount(immh, immb), rn, rd)
    }
    /// FCVTZU (scalar, fixed-point).
    pub(crate) fn fcvtzu_fix_s(&mut self, immh: u8, immb: u8, rn: VReg, rd: VReg) -> Flow {
        self.fixed_scalar(OpCode::FToIntV, Rounding::Zero as u16, amount(immh, immb), rn, rd)
    }
    fn fixed_scalar(&mut self, code: OpCode, aux: u16, n: Amount, rn: VReg, rd: VReg) -> Flow {
        let (a, dst) = (self.v(rn), self.v(rd));
        let aux = aux | u16::from(n.lane == 3) << 4;
        if code == OpCode::IntVToF && n.lane >= 2 {
            let t = self.temp();
            self.ir.un_aux(code, lane_fty(n.lane), t, a, aux);
            return self.scaled(n.lane, n.right, dst, t);
        }
        let aux = aux | (n.right as u16) << 8;
        self.ir.un_aux(code, lane_fty(n.lane), dst, a, aux);
        Flow::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_follow_the_manual() {
        let n = amount(0b0001, 0b111);
        assert_eq!((n.lane, n.left, n.right), (0, 7, 1));
        let n = amount(0b0010, 0);
        assert_eq!((n.lane, n.left, n.right), (1, 0, 16));
        let n = amount64(0b111, 0b111);
        assert_eq!((n.lane, n.left, n.right), (3, 63, 1));
    }
}
