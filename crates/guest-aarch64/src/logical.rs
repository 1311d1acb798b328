//! Logical operations: immediate and shifted register.

use crate::add_sub::shifted;
use crate::field::{XSp, XZr};
use crate::{Flow, Translator};
use ir::{Modifier, OpCode, Ref, Ty};

/// The manual's `DecodeBitMasks` for an immediate: None if reserved.
pub(crate) fn bit_mask(sf: bool, n: bool, immr: u32, imms: u32) -> Option<u64> {
    if n && !sf {
        return None;
    }
    let selector = u32::from(n) << 6 | (!imms & 0x3f);
    if selector < 2 {
        return None;
    }
    let len = 31 - selector.leading_zeros();
    let (size, levels) = (1 << len, (1u32 << len) - 1);
    let (s, r) = (imms & levels, immr & levels);
    if s == levels {
        return None;
    }
    let ones = u64::MAX >> (63 - s);
    let element = if r == 0 { ones } else { (ones >> r) | (ones << (size - r)) };
    let element = element & (u64::MAX >> (64 - size));
    // Replicate: multiply by a one in each element.
    let mut mask = element;
    let mut width = size;
    while width < 64 {
        mask |= mask << width;
        width *= 2;
    }
    Some(if sf { mask } else { mask & 0xffff_ffff })
}

impl Translator<'_> {
    /// `rd = rn op mask`, as a move or an extension where it is one.
    fn logical_mask(
        &mut self,
        code: OpCode,
        sf: bool,
        mask: Option<u64>,
        rn: XZr,
        dst: Ref,
    ) -> Flow {
        let Some(mask) = mask else { return Flow::Undefined };
        let (a, b, ty) = (self.x(rn), self.imm(mask), Self::ty(sf));
        match (code, mask) {
            (OpCode::Or | OpCode::Xor, _) if rn.0 == 31 => self.ir.mov(Ty::I64, dst, b),
            (OpCode::And, 0xff) => self.ir.un(OpCode::ZExt8, ty, dst, a),
            (OpCode::And, 0xffff) => self.ir.un(OpCode::ZExt16, ty, dst, a),
            (OpCode::And, 0xffff_ffff) => self.ir.mov(Ty::I32, dst, a),
            _ => self.ir.bin(code, ty, dst, a, b),
        }
        Flow::Next
    }
    /// AND (immediate).
    pub(crate) fn and_imm(
        &mut self,
        sf: bool,
        n: bool,
        immr: u32,
        imms: u32,
        rn: XZr,
        rd: XSp,
    ) -> Flow {
        let dst = self.xsp(rd);
        self.logical_mask(OpCode::And, sf, bit_mask(sf, n, immr, imms), rn, dst)
    }
    /// ORR (immediate).
    pub(crate) fn orr_imm(
        &mut self,
        sf: bool,
        n: bool,
        immr: u32,
        imms: u32,
        rn: XZr,
        rd: XSp,
    ) -> Flow {
        let dst = self.xsp(rd);
        self.logical_mask(OpCode::Or, sf, bit_mask(sf, n, immr, imms), rn, dst)
    }
    /// EOR (immediate).
    pub(crate) fn eor_imm(
        &mut self,
        sf: bool,
        n: bool,
        immr: u32,
        imms: u32,
        rn: XZr,
        rd: XSp,
    ) -> Flow {
        let dst = self.xsp(rd);
        self.logical_mask(OpCode::Xor, sf, bit_mask(sf, n, immr, imms), rn, dst)
    }
    /// ANDS (immediate).
    pub(crate) fn ands_imm(
        &mut self,
        sf: bool,
        n: bool,
        immr: u32,
        imms: u32,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        let dst = self.x_opt(rd);
        self.logical_mask(OpCode::AndS, sf, bit_mask(sf, n, immr, imms), rn, dst)
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of the encoding")]
    fn logical_shift(
        &mut self,
        code: OpCode,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        let Some(modifier) = shifted(sf, shift, imm6) else { return Flow::Undefined };
        let sets_flags = matches!(code, OpCode::AndS | OpCode::AndNotS);
        if rd.0 == 31 && !sets_flags {
            return Flow::Next;
        }
        let (a, b, dst, ty) = (self.x(rn), self.x(rm), self.x_opt(rd), Self::ty(sf));
        let modifier = if rm.0 == 31 { Modifier::None } else { modifier };
        // MOV, LSL and the like of a register, MVN.
        if rn.0 == 31 && modifier == Modifier::None {
            match code {
                OpCode::Or | OpCode::Xor => {
                    self.ir.mov(ty, dst, b);
                    return Flow::Next;
                }
                OpCode::OrNot | OpCode::XorNot => {
                    if rm.0 == 31 {
                        let ones = self.imm(if sf { u64::MAX } else { 0xffff_ffff });
                        self.ir.mov(ty, dst, ones);
                    } else {
                        self.ir.un(OpCode::Not, ty, dst, b);
                    }
                    return Flow::Next;
                }
                _ => {}
            }
        }
        self.ir.bin_mod(code, ty, dst, a, b, modifier);
        Flow::Next
    }
    /// AND (shifted register).
    pub(crate) fn and_shift(
        &mut self,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        self.logical_shift(OpCode::And, sf, shift, rm, imm6, rn, rd)
    }
    /// BIC (shifted register).
    pub(crate) fn bic_shift(
        &mut self,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        self.logical_shift(OpCode::AndNot, sf, shift, rm, imm6, rn, rd)
    }
    /// ORR (shifted register).
    pub(crate) fn orr_shift(
        &mut self,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        self.logical_shift(OpCode::Or, sf, shift, rm, imm6, rn, rd)
    }
    /// ORN (shifted register).
    pub(crate) fn orn_shift(
        &mut self,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        self.logical_shift(OpCode::OrNot, sf, shift, rm, imm6, rn, rd)
    }
    /// EOR (shifted register).
    pub(crate) fn eor_shift(
        &mut self,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        self.logical_shift(OpCode::Xor, sf, shift, rm, imm6, rn, rd)
    }
    /// EON (shifted register).
    pub(crate) fn eon_shift(
        &mut self,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        self.logical_shift(OpCode::XorNot, sf, shift, rm, imm6, rn, rd)
    }
    /// ANDS (shifted register).
    pub(crate) fn ands_shift(
        &mut self,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        self.logical_shift(OpCode::AndS, sf, shift, rm, imm6, rn, rd)
    }
    /// BICS (shifted register).
    pub(crate) fn bics_shift(
        &mut self,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        self.logical_shift(OpCode::AndNotS, sf, shift, rm, imm6, rn, rd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_masks() {
        assert_eq!(bit_mask(true, true, 0, 0), Some(1));
        assert_eq!(bit_mask(true, true, 0, 62), Some(u64::MAX >> 1));
        assert_eq!(bit_mask(true, true, 0, 63), None);
        assert_eq!(bit_mask(true, true, 1, 0), Some(1 << 63));
        assert_eq!(bit_mask(true, false, 0, 0x3c), Some(0x5555_5555_5555_5555));
        assert_eq!(bit_mask(true, false, 1, 0x3c), Some(0xaaaa_aaaa_aaaa_aaaa));
        assert_eq!(bit_mask(false, false, 0, 7), Some(0xff));
        assert_eq!(bit_mask(true, false, 0, 0x27), Some(0x00ff_00ff_00ff_00ff));
        assert_eq!(bit_mask(true, false, 0, 0x3d), None);
        assert_eq!(bit_mask(true, false, 0, 0x3e), None);
        assert_eq!(bit_mask(true, false, 0, 0x1f), None);
        assert_eq!(bit_mask(false, true, 0, 0), None);
    }
}
