//! Floating-point moves and selection.

use crate::field::{VReg, XZr};
use crate::simd_emit::fty;
use crate::{Flow, Translator};
use ir::{Cond, OpCode, Ref, Ty, VecOp};

/// The value of an 8-bit floating-point immediate: Arm ARM "VFPExpandImm".
pub(crate) fn expand_float(ty: Ty, imm8: u8) -> u64 {
    let imm = u64::from(imm8);
    let sign = imm >> 7;
    let (bits, exponent_bits) = match ty {
        Ty::F16 => (16, 5),
        Ty::F32 => (32, 8),
        _ => (64, 11),
    };
    let repeated = if imm >> 6 & 1 != 0 { (1 << (exponent_bits - 3)) - 1 } else { 0 };
    let exponent = (imm >> 6 & 1 ^ 1) << (exponent_bits - 1) | repeated << 2 | imm >> 4 & 3;
    let fraction_bits = bits - 1 - exponent_bits;
    sign << (bits - 1) | exponent << fraction_bits | (imm & 15) << (fraction_bits - 4)
}

impl Translator<'_> {
    /// FMOV (register).
    pub(crate) fn fmov_reg(&mut self, ftype: u8, rn: VReg, rd: VReg) -> Flow {
        let (a, dst) = (self.v(rn), self.v(rd));
        self.ir.mov(fty(ftype), dst, a);
        Flow::Next
    }
    /// FMOV (scalar, immediate).
    pub(crate) fn fmov_imm(&mut self, ftype: u8, imm8: u8, rd: VReg) -> Flow {
        let (a, dst) = (self.imm(expand_float(fty(ftype), imm8)), self.v(rd));
        self.vmov(dst, a);
        Flow::Next
    }
    /// FMOV (general), to a general register.
    pub(crate) fn fmov_to_gen(&mut self, _sf: bool, ftype: u8, rn: VReg, rd: XZr) -> Flow {
        let lane = match ftype {
            0 => 2,
            1 => 3,
            _ => 1,
        };
        self.move_to_general(lane, 0, 0, rn, rd)
    }
    /// FMOV (general), from a general register.
    pub(crate) fn fmov_from_gen(&mut self, _sf: bool, ftype: u8, rn: XZr, rd: VReg) -> Flow {
        let (a, dst) = (self.x(rn), self.v(rd));
        if rn.0 == 31 {
            self.vmov(dst, a);
        } else {
            self.ir.un(OpCode::IntToVec, fty(ftype), dst, a);
        }
        Flow::Next
    }
    /// FMOV (general), from the top half.
    pub(crate) fn fmov_to_gen_top(&mut self, rn: VReg, rd: XZr) -> Flow {
        self.move_to_general(3, 1, 0, rn, rd)
    }
    /// FMOV (general), to the top half.
    pub(crate) fn fmov_from_gen_top(&mut self, rn: XZr, rd: VReg) -> Flow {
        let (b, dst) = (self.x(rn), self.v(rd));
        self.vop(VecOp::InsInt, Ty::V128, 3, 1, dst, [dst, b, Ref::NONE]);
        Flow::Next
    }
    /// FCSEL.
    pub(crate) fn fcsel(&mut self, ftype: u8, rm: VReg, cond: u8, rn: VReg, rd: VReg) -> Flow {
        let [a, b, dst] = [rn, rm, rd].map(|r| self.v(r));
        self.flag_op(OpCode::Sel, fty(ftype), dst, a, b, Cond::from_u8(cond));
        Flow::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn immediates_expand() {
        assert_eq!(expand_float(Ty::F64, 0x70), 1.0f64.to_bits());
        assert_eq!(expand_float(Ty::F32, 0x70), u64::from(1.0f32.to_bits()));
        assert_eq!(expand_float(Ty::F16, 0x70), 0x3c00);
        assert_eq!(expand_float(Ty::F64, 0x80), (-2.0f64).to_bits());
        assert_eq!(expand_float(Ty::F32, 0x3f), u64::from(31.0f32.to_bits()));
        assert_eq!(expand_float(Ty::F64, 0x40), 0.125f64.to_bits());
    }
}
