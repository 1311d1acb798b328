//! Additions and subtractions: immediate, shifted register, extended register, with carry; addresses
//! relative to the pc; minimum and maximum.

use crate::field::{XSp, XZr};
use crate::{Flow, Translator};
use ir::{Modifier, OpCode, Ref};

/// The modifier of a shifted register operand; None if the encoding is reserved.
pub(crate) fn shifted(sf: bool, shift: u8, amount: u8) -> Option<Modifier> {
    if !sf && amount >= 32 {
        return None;
    }
    Some(match (shift, amount) {
        (_, 0) => Modifier::None,
        (0, n) => Modifier::Lsl(n),
        (1, n) => Modifier::Lsr(n),
        (2, n) => Modifier::Asr(n),
        (_, n) => Modifier::Ror(n),
    })
}

/// The modifier of an extended register operand; None if the encoding is reserved.
fn extended(sf: bool, option: u8, amount: u8) -> Option<Modifier> {
    if amount > 4 {
        return None;
    }
    let plain = if amount == 0 { Modifier::None } else { Modifier::Lsl(amount) };
    Some(match option {
        0 => Modifier::Uxtb(amount),
        1 => Modifier::Uxth(amount),
        2 if sf => Modifier::Uxtw(amount),
        4 => Modifier::Sxtb(amount),
        5 => Modifier::Sxth(amount),
        6 if sf => Modifier::Sxtw(amount),
        _ => plain,
    })
}

impl Translator<'_> {
    /// `rd = rn ± imm`; an addition of zero is a move.
    fn add_sub_imm(
        &mut self,
        code: OpCode,
        sf: bool,
        sh: bool,
        imm12: u64,
        rn: XSp,
        dst: Ref,
    ) -> Flow {
        let (a, ty) = (self.xsp(rn), Self::ty(sf));
        if imm12 == 0 && matches!(code, OpCode::Add | OpCode::Sub) {
            self.ir.mov(ty, dst, a);
            return Flow::Next;
        }
        let imm = imm12 << if sh { 12 } else { 0 };
        // After ADRP: the whole address.
        if code == OpCode::Add
            && sf
            && let Some(page) = self.constant_just_moved_to(a)
        {
            if a == dst {
                self.drop_previous_move();
            }
            let address = self.sum_of_address(page, imm);
            self.ir.mov(ty, dst, address);
            return Flow::Next;
        }
        let b = self.imm(imm);
        self.ir.bin(code, ty, dst, a, b);
        Flow::Next
    }

    /// ADD (immediate).
    pub(crate) fn add_imm(&mut self, sf: bool, sh: bool, imm12: u64, rn: XSp, rd: XSp) -> Flow {
        let dst = self.xsp(rd);
        self.add_sub_imm(OpCode::Add, sf, sh, imm12, rn, dst)
    }
    /// ADDS (immediate).
    pub(crate) fn adds_imm(&mut self, sf: bool, sh: bool, imm12: u64, rn: XSp, rd: XZr) -> Flow {
        let dst = self.x_opt(rd);
        self.add_sub_imm(OpCode::AddS, sf, sh, imm12, rn, dst)
    }
    /// SUB (immediate).
    pub(crate) fn sub_imm(&mut self, sf: bool, sh: bool, imm12: u64, rn: XSp, rd: XSp) -> Flow {
        let dst = self.xsp(rd);
        self.add_sub_imm(OpCode::Sub, sf, sh, imm12, rn, dst)
    }
    /// SUBS (immediate).
    pub(crate) fn subs_imm(&mut self, sf: bool, sh: bool, imm12: u64, rn: XSp, rd: XZr) -> Flow {
        let dst = self.x_opt(rd);
        self.add_sub_imm(OpCode::SubS, sf, sh, imm12, rn, dst)
    }

    /// The forms with a modified register. Without flags, a zero register is folded away.
    fn add_sub_reg(
        &mut self,
        code: OpCode,
        sf: bool,
        rm: XZr,
        modifier: Option<Modifier>,
        a: Ref,
        dst: Ref,
    ) -> Flow {
        let Some(modifier) = modifier else { return Flow::Undefined };
        let plain = matches!(code, OpCode::Add | OpCode::Sub);
        if plain && dst.is_none() {
            return Flow::Next;
        }
        let b = self.x(rm);
        let ty = Self::ty(sf);
        if plain && rm.0 == 31 {
            self.ir.mov(ty, dst, a);
        } else if rm.0 == 31 {
            self.ir.bin(code, ty, dst, a, b);
        } else if code == OpCode::Add && modifier == Modifier::None && self.ir.known(a) == Some(0) {
            self.ir.mov(ty, dst, b);
        } else {
            self.ir.bin_mod(code, ty, dst, a, b, modifier);
        }
        Flow::Next
    }
    #[expect(clippy::too_many_arguments, reason = "the fields of the encoding")]
    fn add_sub_shift(
        &mut self,
        code: OpCode,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        if shift == 3 {
            return Flow::Undefined;
        }
        let (a, dst) = (self.x(rn), self.x_opt(rd));
        self.add_sub_reg(code, sf, rm, shifted(sf, shift, imm6), a, dst)
    }

    /// ADD (shifted register).
    pub(crate) fn add_shift(
        &mut self,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        self.add_sub_shift(OpCode::Add, sf, shift, rm, imm6, rn, rd)
    }
    /// ADDS (shifted register).
    pub(crate) fn adds_shift(
        &mut self,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        self.add_sub_shift(OpCode::AddS, sf, shift, rm, imm6, rn, rd)
    }
    /// SUB (shifted register).
    pub(crate) fn sub_shift(
        &mut self,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        self.add_sub_shift(OpCode::Sub, sf, shift, rm, imm6, rn, rd)
    }
    /// SUBS (shifted register).
    pub(crate) fn subs_shift(
        &mut self,
        sf: bool,
        shift: u8,
        rm: XZr,
        imm6: u8,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        self.add_sub_shift(OpCode::SubS, sf, shift, rm, imm6, rn, rd)
    }

    /// ADD (extended register).
    pub(crate) fn add_ext(
        &mut self,
        sf: bool,
        rm: XZr,
        option: u8,
        imm3: u8,
        rn: XSp,
        rd: XSp,
    ) -> Flow {
        let (a, dst) = (self.xsp(rn), self.xsp(rd));
        self.add_sub_reg(OpCode::Add, sf, rm, extended(sf, option, imm3), a, dst)
    }
    /// ADDS (extended register).
    pub(crate) fn adds_ext(
        &mut self,
        sf: bool,
        rm: XZr,
        option: u8,
        imm3: u8,
        rn: XSp,
        rd: XZr,
    ) -> Flow {
        let (a, dst) = (self.xsp(rn), self.x_opt(rd));
        self.add_sub_reg(OpCode::AddS, sf, rm, extended(sf, option, imm3), a, dst)
    }
    /// SUB (extended register).
    pub(crate) fn sub_ext(
        &mut self,
        sf: bool,
        rm: XZr,
        option: u8,
        imm3: u8,
        rn: XSp,
        rd: XSp,
    ) -> Flow {
        let (a, dst) = (self.xsp(rn), self.xsp(rd));
        self.add_sub_reg(OpCode::Sub, sf, rm, extended(sf, option, imm3), a, dst)
    }
    /// SUBS (extended register).
    pub(crate) fn subs_ext(
        &mut self,
        sf: bool,
        rm: XZr,
        option: u8,
        imm3: u8,
        rn: XSp,
        rd: XZr,
    ) -> Flow {
        let (a, dst) = (self.xsp(rn), self.x_opt(rd));
        self.add_sub_reg(OpCode::SubS, sf, rm, extended(sf, option, imm3), a, dst)
    }

    fn with_carry(&mut self, code: OpCode, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        let (a, b, dst) = (self.x(rn), self.x(rm), self.x_out(rd));
        self.ir.bin(code, Self::ty(sf), dst, a, b);
        Flow::Next
    }
    /// ADC.
    pub(crate) fn adc(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        self.with_carry(OpCode::Adc, sf, rm, rn, rd)
    }
    /// ADCS.
    pub(crate) fn adcs(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        self.with_carry(OpCode::AdcS, sf, rm, rn, rd)
    }
    /// SBC.
    pub(crate) fn sbc(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        self.with_carry(OpCode::Sbc, sf, rm, rn, rd)
    }
    /// SBCS.
    pub(crate) fn sbcs(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        self.with_carry(OpCode::SbcS, sf, rm, rn, rd)
    }

    /// A constant into a register.
    pub(crate) fn set(&mut self, rd: XZr, value: u64) -> Flow {
        if rd.0 != 31 {
            let (dst, value) = (self.x_out(rd), self.imm(value));
            self.ir.mov(ir::Ty::I64, dst, value);
        }
        Flow::Next
    }
    /// An address that depends on that of the instruction into a register.
    pub(crate) fn set_address(&mut self, rd: XZr, address: u64) -> Flow {
        if rd.0 != 31 {
            let (dst, address) = (self.x_out(rd), self.ir.address(address));
            self.ir.mov(ir::Ty::I64, dst, address);
        }
        Flow::Next
    }
    /// The constant `base + imm`; it depends on the instruction's address if `base` does.
    fn sum_of_address(&mut self, base: u64, imm: u64) -> Ref {
        let sum = base.wrapping_add(imm);
        if ir::near(self.pc, base) { self.ir.address(sum) } else { self.imm(sum) }
    }
    /// ADR.
    pub(crate) fn adr(&mut self, immlo: u32, immhi: i32, rd: XZr) -> Flow {
        let offset = i64::from(immhi) << 2 | i64::from(immlo);
        self.set_address(rd, self.pc.wrapping_add_signed(offset))
    }
    /// ADRP.
    pub(crate) fn adrp(&mut self, immlo: u32, immhi: i32, rd: XZr) -> Flow {
        let pages = i64::from(immhi) << 2 | i64::from(immlo);
        self.set_address(rd, (self.pc & !0xfff).wrapping_add_signed(pages << 12))
    }

    fn min_max(&mut self, code: OpCode, sf: bool, b: Ref, rn: XZr, rd: XZr) -> Flow {
        let (a, dst) = (self.x(rn), self.x_out(rd));
        self.ir.bin(code, Self::ty(sf), dst, a, b);
        Flow::Next
    }
    /// SMAX (register).
    pub(crate) fn smax_reg(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        let b = self.x(rm);
        self.min_max(OpCode::MaxS, sf, b, rn, rd)
    }
    /// SMIN (register).
    pub(crate) fn smin_reg(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        let b = self.x(rm);
        self.min_max(OpCode::MinS, sf, b, rn, rd)
    }
    /// UMAX (register).
    pub(crate) fn umax_reg(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        let b = self.x(rm);
        self.min_max(OpCode::MaxU, sf, b, rn, rd)
    }
    /// UMIN (register).
    pub(crate) fn umin_reg(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        let b = self.x(rm);
        self.min_max(OpCode::MinU, sf, b, rn, rd)
    }
    /// SMAX (immediate).
    pub(crate) fn smax_imm(&mut self, sf: bool, imm8: u8, rn: XZr, rd: XZr) -> Flow {
        let b = self.imm(imm8 as i8 as u64);
        self.min_max(OpCode::MaxS, sf, b, rn, rd)
    }
    /// SMIN (immediate).
    pub(crate) fn smin_imm(&mut self, sf: bool, imm8: u8, rn: XZr, rd: XZr) -> Flow {
        let b = self.imm(imm8 as i8 as u64);
        self.min_max(OpCode::MinS, sf, b, rn, rd)
    }
    /// UMAX (immediate).
    pub(crate) fn umax_imm(&mut self, sf: bool, imm8: u8, rn: XZr, rd: XZr) -> Flow {
        let b = self.imm(u64::from(imm8));
        self.min_max(OpCode::MaxU, sf, b, rn, rd)
    }
    /// UMIN (immediate).
    pub(crate) fn umin_imm(&mut self, sf: bool, imm8: u8, rn: XZr, rd: XZr) -> Flow {
        let b = self.imm(u64::from(imm8));
        self.min_max(OpCode::MinU, sf, b, rn, rd)
    }
}
