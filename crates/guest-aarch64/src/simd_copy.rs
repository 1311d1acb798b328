//! AdvSIMD: copies, permutations, extraction, table lookup, modified immediates.

use crate::field::{VReg, XZr};
use crate::simd_emit::{copy_lane, vreg_after, vty};
use crate::{Flow, Translator};
use ir::{OpCode, Ref, Ty, VecOp};

macro_rules! permutes {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, size: u8, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            self.v2(VecOp::$op, vty(q), size, 0, [rn, rm, rd])
        }
    )* } };
}
permutes! {
    uzp1_v Uzp1; uzp2_v Uzp2; zip1_v Zip1; zip2_v Zip2; trn1_v Trn1; trn2_v Trn2;
}

impl Translator<'_> {
    /// DUP (element), vector.
    pub(crate) fn dup_elem_v(&mut self, q: bool, imm5: u8, rn: VReg, rd: VReg) -> Flow {
        let (lane, index) = copy_lane(imm5);
        self.v1(VecOp::DupLane, vty(q), lane, i32::from(index), rn, rd)
    }
    /// DUP (element), scalar; MOV (scalar).
    pub(crate) fn dup_elem_s(&mut self, imm5: u8, rn: VReg, rd: VReg) -> Flow {
        let (lane, index) = copy_lane(imm5);
        match (lane, index) {
            (_, 0) => self.v1(VecOp::Low, Ty::V128, lane, 0, rn, rd),
            (3, _) => self.v1(VecOp::High, Ty::V128, 3, 0, rn, rd),
            _ => {
                let t = self.scalar_lane(lane, rn, index);
                let dst = self.v(rd);
                self.vop(VecOp::Low, Ty::V128, lane, 0, dst, [t, Ref::NONE, Ref::NONE]);
                Flow::Next
            }
        }
    }
    /// DUP (general).
    pub(crate) fn dup_gen(&mut self, q: bool, imm5: u8, rn: XZr, rd: VReg) -> Flow {
        let (lane, _) = copy_lane(imm5);
        let (a, dst) = (self.x(rn), self.v(rd));
        self.vop(VecOp::DupInt, vty(q), lane, 0, dst, [a, Ref::NONE, Ref::NONE]);
        Flow::Next
    }
    /// SMOV.
    pub(crate) fn smov(&mut self, q: bool, imm5: u8, rn: VReg, rd: XZr) -> Flow {
        let (lane, index) = copy_lane(imm5);
        self.move_to_general(lane, index, if q { 2 } else { 1 }, rn, rd)
    }
    /// UMOV, MOV (to general). 64-bit lanes go with Q set, all others with Q clear.
    pub(crate) fn umov(&mut self, q: bool, imm5: u8, rn: VReg, rd: XZr) -> Flow {
        let (lane, index) = copy_lane(imm5);
        if q != (lane == 3) {
            return Flow::Undefined;
        }
        self.move_to_general(lane, index, 0, rn, rd)
    }
    /// Moves a lane to a general register; `sext` as `VecToInt` has it.
    pub(crate) fn move_to_general(
        &mut self,
        lane: u8,
        index: u8,
        sext: u16,
        rn: VReg,
        rd: XZr,
    ) -> Flow {
        let (a, dst) = (self.v(rn), self.x_out(rd));
        let aux = u16::from(index) | u16::from(lane) << 8 | sext << 12;
        self.ir.un_aux(OpCode::VecToInt, Ty::I64, dst, a, aux);
        Flow::Next
    }
    /// INS (general), MOV (from general).
    pub(crate) fn ins_gen(&mut self, imm5: u8, rn: XZr, rd: VReg) -> Flow {
        let (lane, index) = copy_lane(imm5);
        let (b, dst) = (self.x(rn), self.v(rd));
        self.vop(VecOp::InsInt, Ty::V128, lane, i32::from(index), dst, [dst, b, Ref::NONE]);
        Flow::Next
    }
    /// INS (element), MOV (element).
    pub(crate) fn ins_elem(&mut self, imm5: u8, imm4: u8, rn: VReg, rd: VReg) -> Flow {
        let (lane, to) = copy_lane(imm5);
        let from = imm4 >> lane;
        let param = i32::from(to) | i32::from(from) << 4;
        self.v2(VecOp::InsLane, Ty::V128, lane, param, [rd, rn, rd])
    }
    /// EXT.
    pub(crate) fn ext_v(&mut self, q: bool, rm: VReg, imm4: u8, rn: VReg, rd: VReg) -> Flow {
        self.v2(VecOp::Ext, vty(q), 0, i32::from(imm4), [rn, rm, rd])
    }
    /// TBL.
    pub(crate) fn tbl(&mut self, q: bool, rm: VReg, len: u8, rn: VReg, rd: VReg) -> Flow {
        let (table, index) = (self.v(rn), self.v(rm));
        if len == 0 {
            return self.v2(VecOp::Tbl1, vty(q), 0, 0, [rn, rm, rd]);
        }
        let t = self.vt(VecOp::Tbl1, vty(q), 0, 0, [table, index, Ref::NONE]);
        self.table_rest(vty(q), 1..=len, index, t, rn, rd)
    }
    /// TBX.
    pub(crate) fn tbx(&mut self, q: bool, rm: VReg, len: u8, rn: VReg, rd: VReg) -> Flow {
        let (index, dst) = (self.v(rm), self.v(rd));
        self.table_rest(vty(q), 0..=len, index, dst, rn, rd)
    }
    /// Looks `index` up in registers `rn + which` of the table, over `t`.
    fn table_rest(
        &mut self,
        ty: Ty,
        which: core::ops::RangeInclusive<u8>,
        index: Ref,
        mut t: Ref,
        rn: VReg,
        rd: VReg,
    ) -> Flow {
        let last = *which.end();
        for i in which {
            let table = self.v(vreg_after(rn, usize::from(i)));
            let dst = if i == last { self.v(rd) } else { self.temp() };
            self.vop(VecOp::Tbx1, ty, 0, i32::from(i) * 16, dst, [table, index, t]);
            t = dst;
        }
        Flow::Next
    }

    /// MOVI, MVNI, FMOV (vector, immediate).
    pub(crate) fn movi_v(
        &mut self,
        q: bool,
        op: bool,
        abc: u8,
        cmode: u8,
        defgh: u8,
        rd: VReg,
    ) -> Flow {
        self.constant_v(q, expand(op, cmode, abc << 5 | defgh), rd)
    }
    /// FMOV (vector, immediate), half precision.
    pub(crate) fn fmov_imm_v16(&mut self, q: bool, abc: u8, defgh: u8, rd: VReg) -> Flow {
        let lane = crate::float_move::expand_float(Ty::F16, abc << 5 | defgh);
        self.constant_v(q, lane * 0x1_0001_0001_0001, rd)
    }
    fn constant_v(&mut self, q: bool, half: u64, rd: VReg) -> Flow {
        let high = if q { half } else { 0 };
        let (dst, a) = (self.v(rd), self.vimm(u128::from(half) | u128::from(high) << 64));
        self.vmov(dst, a);
        Flow::Next
    }
    /// ORR (vector, immediate), 32-bit lanes.
    pub(crate) fn orr_imm_v(&mut self, q: bool, abc: u8, cmode: u8, defgh: u8, rd: VReg) -> Flow {
        self.logical_imm_v(VecOp::Or, q, cmode << 1, abc << 5 | defgh, rd)
    }
    /// ORR (vector, immediate), 16-bit lanes.
    pub(crate) fn orr_imm16_v(&mut self, q: bool, abc: u8, cmode: u8, defgh: u8, rd: VReg) -> Flow {
        self.logical_imm_v(VecOp::Or, q, 8 | cmode << 1, abc << 5 | defgh, rd)
    }
    /// BIC (vector, immediate), 32-bit lanes.
    pub(crate) fn bic_imm_v(&mut self, q: bool, abc: u8, cmode: u8, defgh: u8, rd: VReg) -> Flow {
        self.logical_imm_v(VecOp::AndNot, q, cmode << 1, abc << 5 | defgh, rd)
    }
    /// BIC (vector, immediate), 16-bit lanes.
    pub(crate) fn bic_imm16_v(&mut self, q: bool, abc: u8, cmode: u8, defgh: u8, rd: VReg) -> Flow {
        self.logical_imm_v(VecOp::AndNot, q, 8 | cmode << 1, abc << 5 | defgh, rd)
    }
    fn logical_imm_v(&mut self, op: VecOp, q: bool, cmode: u8, imm8: u8, rd: VReg) -> Flow {
        let half = u128::from(expand(false, cmode, imm8));
        let (dst, b) = (self.v(rd), self.vimm(half | half << 64));
        self.vop(op, vty(q), 3, 0, dst, [dst, b, Ref::NONE]);
        Flow::Next
    }
}

/// The 64 bits that `op:cmode:imm8` stands for, MVNI's inversion included: Arm ARM
/// "AdvSIMDExpandImm".
fn expand(op: bool, cmode: u8, imm8: u8) -> u64 {
    let imm = u64::from(imm8);
    let twice = |lane: u64| lane | lane << 32;
    let plain = match cmode >> 1 {
        n @ 0..=3 => twice(imm << (8 * n)),
        n @ 4..=5 => (imm << (8 * (n - 4))) * 0x1_0001_0001_0001,
        6 if cmode & 1 == 0 => twice(imm << 8 | 0xff),
        6 => twice(imm << 16 | 0xffff),
        _ => {
            return match (cmode & 1, op) {
                (0, false) => imm * 0x0101_0101_0101_0101,
                (0, true) => (0..8).filter(|i| imm >> i & 1 != 0).map(|i| 0xff << (8 * i)).sum(),
                (_, false) => twice(crate::float_move::expand_float(Ty::F32, imm8)),
                (_, true) => crate::float_move::expand_float(Ty::F64, imm8),
            };
        }
    };
    if op { !plain } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn immediates_expand() {
        assert_eq!(expand(false, 0b0010, 0xab), 0x0000_ab00_0000_ab00);
        assert_eq!(expand(true, 0b0000, 0x0f), 0xffff_fff0_ffff_fff0);
        assert_eq!(expand(false, 0b1010, 0x12), 0x1200_1200_1200_1200);
        assert_eq!(expand(false, 0b1100, 0x12), 0x0000_12ff_0000_12ff);
        assert_eq!(expand(true, 0b1101, 0x12), 0xffed_0000_ffed_0000);
        assert_eq!(expand(false, 0b1110, 0x7f), 0x7f7f_7f7f_7f7f_7f7f);
        assert_eq!(expand(true, 0b1110, 0x81), 0xff00_0000_0000_00ff);
        assert_eq!(expand(false, 0b1111, 0x70), 0x3f80_0000_3f80_0000);
        assert_eq!(expand(true, 0b1111, 0x70), 0x3ff0_0000_0000_0000);
    }
}
