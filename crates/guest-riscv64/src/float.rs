//! Floating point: F, D, Zfh, Zfa. What instructions of each format share is here; every format has
//! the same ones.
//!
//! Values of 16 and 32 bits are NaN-boxed: the IR's operations check and make boxes themselves, since
//! [`softfloat::rules::RISCV`] says so.

use crate::field::{FReg, XReg};
use crate::key;
use crate::runtime;
use crate::{Flow, Translator};
use ir::{Access, Cond, OpCode, Ref, Rounding, Ty};

/// A rounding mode as the instruction's field has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rm(u8);

impl isa::FromField for Rm {
    #[inline]
    fn from_field(bits: u32, _: u32) -> Self {
        Self(bits as u8)
    }
}

/// Instructions of one format.
macro_rules! format {
    ($ty:ident {
        two: $($add:ident $code:ident),*;
        plain: $($plain:ident $plain_code:ident $aux:expr),*;
        compare: $($compare:ident $cond:ident $signalling:literal),*;
        fused: $($fused:ident $signs:literal),*;
        from_int: $($from:ident $from_signed:literal $from_64:literal),*;
        to_int: $($to:ident $to_signed:literal $to_64:literal),*;
        round: $($round:ident $exact:literal),*;
        $sqrt:ident $class:ident $load:ident $store:ident $to_x:ident $from_x:ident $fli:ident
    }) => { impl Translator<'_> {
        $(pub(crate) fn $add(&mut self, fs2: FReg, fs1: FReg, rm: Rm, fd: FReg) -> Flow {
            self.float_binary(OpCode::$code, Ty::$ty, fs2, fs1, rm, fd)
        })*
        $(pub(crate) fn $plain(&mut self, fs2: FReg, fs1: FReg, fd: FReg) -> Flow {
            let [a, b, dst] = [fs1, fs2, fd].map(|r| self.f(r));
            self.ir.bin_aux(OpCode::$plain_code, Ty::$ty, dst, a, b, $aux);
            Flow::Next
        })*
        $(pub(crate) fn $compare(&mut self, fs2: FReg, fs1: FReg, rd: XReg) -> Flow {
            let (a, b, dst) = (self.f(fs1), self.f(fs2), self.x_out(rd));
            let aux = Cond::$cond as u16 | u16::from($signalling) << 7;
            self.ir.bin_aux(OpCode::FCmpSet, Ty::$ty, dst, a, b, aux);
            Flow::Next
        })*
        $(pub(crate) fn $fused(&mut self, fs3: FReg, fs2: FReg, fs1: FReg, rm: Rm, fd: FReg) -> Flow {
            let Some(rounding) = self.rounding(rm) else { return Flow::Undefined };
            let [a, b, c, dst] = [fs1, fs2, fs3, fd].map(|r| self.f(r));
            let aux = $signs | rounding.chosen() << 8;
            self.ir.ter(OpCode::FMulAdd, Ty::$ty, dst, a, b, c, aux);
            Flow::Next
        })*
        $(pub(crate) fn $from(&mut self, rs1: XReg, rm: Rm, fd: FReg) -> Flow {
            self.int_to_float(Ty::$ty, $from_signed, $from_64, rs1, rm, fd)
        })*
        $(pub(crate) fn $to(&mut self, fs1: FReg, rm: Rm, rd: XReg) -> Flow {
            self.float_to_int(Ty::$ty, $to_signed, $to_64, fs1, rm, rd)
        })*
        $(pub(crate) fn $round(&mut self, fs1: FReg, rm: Rm, fd: FReg) -> Flow {
            let Some(rounding) = self.rounding(rm) else { return Flow::Undefined };
            let (a, dst) = (self.f(fs1), self.f(fd));
            self.ir.un_aux(OpCode::FRound, Ty::$ty, dst, a, rounding as u16 | u16::from($exact) << 8);
            Flow::Next
        })*
        pub(crate) fn $sqrt(&mut self, fs1: FReg, rm: Rm, fd: FReg) -> Flow {
            let Some(rounding) = self.rounding(rm) else { return Flow::Undefined };
            let (a, dst) = (self.f(fs1), self.f(fd));
            self.ir.un_aux(OpCode::FSqrt, Ty::$ty, dst, a, rounding.chosen() << 8);
            Flow::Next
        }
        pub(crate) fn $class(&mut self, fs1: FReg, rd: XReg) -> Flow {
            let (a, dst) = (self.f(fs1), self.x_out(rd));
            self.ir.un(OpCode::FClass, Ty::$ty, dst, a);
            Flow::Next
        }
        pub(crate) fn $load(&mut self, imm: i32, rs1: XReg, fd: FReg) -> Flow {
            self.float_load(Ty::$ty, imm, rs1, fd)
        }
        pub(crate) fn $store(&mut self, imm: i32, fs2: FReg, rs1: XReg) -> Flow {
            let (value, a) = (self.f(fs2), self.x(rs1));
            self.ir.st_v(value, a, Ref::NONE, imm, Access::new(size(Ty::$ty)));
            Flow::Next
        }
        pub(crate) fn $to_x(&mut self, fs1: FReg, rd: XReg) -> Flow {
            self.float_to_bits(Ty::$ty, fs1, rd)
        }
        pub(crate) fn $from_x(&mut self, rs1: XReg, fd: FReg) -> Flow {
            self.bits_to_float(Ty::$ty, rs1, fd)
        }
        pub(crate) fn $fli(&mut self, constant: u8, fd: FReg) -> Flow {
            self.float_constant(Ty::$ty, constant, fd)
        }
    } };
}

format! { F32 {
    two: fadd_s FAdd, fsub_s FSub, fmul_s FMul, fdiv_s FDiv;
    plain: fsgnj_s FCopySign 0, fsgnjn_s FCopySign 1, fsgnjx_s FCopySign 2, fmin_s FMinNm 0,
        fmax_s FMaxNm 0, fminm_s FMin 0, fmaxm_s FMax 0;
    compare: feq_s Eq false, flt_s Mi true, fle_s Ls true, fleq_s Ls false, fltq_s Mi false;
    fused: fmadd_s 0, fmsub_s 2, fnmsub_s 1, fnmadd_s 3;
    from_int: fcvt_s_w true false, fcvt_s_wu false false, fcvt_s_l true true, fcvt_s_lu false true;
    to_int: fcvt_w_s true false, fcvt_wu_s false false, fcvt_l_s true true, fcvt_lu_s false true;
    round: fround_s false, froundnx_s true;
    fsqrt_s fclass_s flw fsw fmv_x_w fmv_w_x fli_s
} }
format! { F64 {
    two: fadd_d FAdd, fsub_d FSub, fmul_d FMul, fdiv_d FDiv;
    plain: fsgnjn_d FCopySign 1, fsgnjx_d FCopySign 2, fmin_d FMinNm 0,
        fmax_d FMaxNm 0, fminm_d FMin 0, fmaxm_d FMax 0;
    compare: feq_d Eq false, flt_d Mi true, fle_d Ls true, fleq_d Ls false, fltq_d Mi false;
    fused: fmadd_d 0, fmsub_d 2, fnmsub_d 1, fnmadd_d 3;
    from_int: fcvt_d_w true false, fcvt_d_wu false false, fcvt_d_l true true, fcvt_d_lu false true;
    to_int: fcvt_w_d true false, fcvt_wu_d false false, fcvt_l_d true true, fcvt_lu_d false true;
    round: fround_d false, froundnx_d true;
    fsqrt_d fclass_d fld fsd fmv_x_d fmv_d_x fli_d
} }
format! { F16 {
    two: fadd_h FAdd, fsub_h FSub, fmul_h FMul, fdiv_h FDiv;
    plain: fsgnj_h FCopySign 0, fsgnjn_h FCopySign 1, fsgnjx_h FCopySign 2, fmin_h FMinNm 0,
        fmax_h FMaxNm 0, fminm_h FMin 0, fmaxm_h FMax 0;
    compare: feq_h Eq false, flt_h Mi true, fle_h Ls true, fleq_h Ls false, fltq_h Mi false;
    fused: fmadd_h 0, fmsub_h 2, fnmsub_h 1, fnmadd_h 3;
    from_int: fcvt_h_w true false, fcvt_h_wu false false, fcvt_h_l true true, fcvt_h_lu false true;
    to_int: fcvt_w_h true false, fcvt_wu_h false false, fcvt_l_h true true, fcvt_lu_h false true;
    round: fround_h false, froundnx_h true;
    fsqrt_h fclass_h flh fsh fmv_x_h fmv_h_x fli_h
} }

/// Conversions between formats: to, from.
macro_rules! convert {
    ($($name:ident $to:ident $from:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, fs1: FReg, rm: Rm, fd: FReg) -> Flow {
            let Some(rounding) = self.rounding(rm) else { return Flow::Undefined };
            let (a, dst) = (self.f(fs1), self.f(fd));
            let aux = Ty::$to as u16 | (rounding as u16) << 8;
            self.ir.un_aux(OpCode::FCvt, Ty::$from, dst, a, aux);
            Flow::Next
        }
    )* } };
}
convert! {
    fcvt_s_d F32 F64; fcvt_d_s F64 F32; fcvt_s_h F32 F16; fcvt_h_s F16 F32; fcvt_d_h F64 F16;
    fcvt_h_d F16 F64;
}

/// log2 of the bytes of a format.
fn size(ty: Ty) -> u8 {
    ty.bits().ilog2() as u8 - 3
}

impl Translator<'_> {
    /// The rounding that an instruction asks for; None if there is no such.
    fn rounding(&self, rm: Rm) -> Option<Rounding> {
        Some(match rm.0 {
            0 if key::rounds_to_nearest(self.key) => Rounding::Current,
            0 => Rounding::Nearest,
            1 => Rounding::Zero,
            2 => Rounding::Down,
            3 => Rounding::Up,
            4 => Rounding::Away,
            7 if key::rounding_is_defined(self.key) => Rounding::Current,
            _ => return None,
        })
    }
    fn float_binary(
        &mut self,
        code: OpCode,
        ty: Ty,
        fs2: FReg,
        fs1: FReg,
        rm: Rm,
        fd: FReg,
    ) -> Flow {
        let Some(rounding) = self.rounding(rm) else { return Flow::Undefined };
        let [a, b, dst] = [fs1, fs2, fd].map(|r| self.f(r));
        self.ir.bin_aux(code, ty, dst, a, b, rounding.chosen() << 8);
        Flow::Next
    }
    fn int_to_float(
        &mut self,
        ty: Ty,
        signed: bool,
        long: bool,
        rs1: XReg,
        rm: Rm,
        fd: FReg,
    ) -> Flow {
        let Some(rounding) = self.rounding(rm) else { return Flow::Undefined };
        let (a, dst) = (self.x(rs1), self.f(fd));
        let aux = rounding.chosen() | u16::from(signed) << 3 | u16::from(long) << 4;
        self.ir.un_aux(OpCode::IntToF, ty, dst, a, aux);
        Flow::Next
    }
    fn float_to_int(
        &mut self,
        ty: Ty,
        signed: bool,
        long: bool,
        fs1: FReg,
        rm: Rm,
        rd: XReg,
    ) -> Flow {
        let Some(rounding) = self.rounding(rm) else { return Flow::Undefined };
        let (a, dst) = (self.f(fs1), self.x_out(rd));
        let aux = rounding as u16 | u16::from(signed) << 3 | u16::from(long) << 4;
        if long {
            self.ir.un_aux(OpCode::FToInt, ty, dst, a, aux);
        } else {
            let t = self.temp();
            self.ir.un_aux(OpCode::FToInt, ty, t, a, aux);
            self.ir.un(OpCode::SExt32, Ty::I64, dst, t);
        }
        Flow::Next
    }
    /// Boxes a value with zeros above its width, if it is one that is boxed.
    fn boxed(&mut self, ty: Ty, dst: Ref, emit: impl FnOnce(&mut Self, Ref)) -> Flow {
        if ty == Ty::F64 {
            emit(self, dst);
        } else {
            let t = self.temp();
            emit(self, t);
            self.ir.un(OpCode::FBox, ty, dst, t);
        }
        Flow::Next
    }
    fn float_load(&mut self, ty: Ty, imm: i32, rs1: XReg, fd: FReg) -> Flow {
        let (a, dst) = (self.x(rs1), self.f(fd));
        self.boxed(ty, dst, |t, value| {
            t.ir.ld_v(value, a, Ref::NONE, imm, Access::new(size(ty)));
        })
    }
    fn float_to_bits(&mut self, ty: Ty, fs1: FReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let (a, dst) = (self.f(fs1), self.x_out(rd));
        let extended = if ty == Ty::F64 { 0 } else { 2 << 12 };
        self.ir.un_aux(OpCode::VecToInt, Ty::V128, dst, a, u16::from(size(ty)) << 8 | extended);
        Flow::Next
    }
    fn bits_to_float(&mut self, ty: Ty, rs1: XReg, fd: FReg) -> Flow {
        let (a, dst) = (self.x(rs1), self.f(fd));
        self.boxed(ty, dst, |t, value| t.ir.un(OpCode::IntToVec, ty, value, a))
    }
    /// FSGNJ.D; FMV.D is this.
    pub(crate) fn fsgnj_d(&mut self, fs2: FReg, fs1: FReg, fd: FReg) -> Flow {
        let [a, b, dst] = [fs1, fs2, fd].map(|r| self.f(r));
        if fs1 == fs2 {
            if fs1 != fd {
                self.ir.mov(Ty::F64, dst, a);
            }
        } else {
            self.ir.bin(OpCode::FCopySign, Ty::F64, dst, a, b);
        }
        Flow::Next
    }
    /// FLI: one of 32 constants.
    fn float_constant(&mut self, ty: Ty, constant: u8, fd: FReg) -> Flow {
        let ones = match ty {
            Ty::F64 => 0,
            ty => u64::MAX << ty.bits(),
        };
        let (a, dst) = (self.imm(constant_bits(ty, constant) | ones), self.f(fd));
        self.ir.mov(Ty::F64, dst, a);
        Flow::Next
    }
    /// FCVT.BF16.S.
    pub(crate) fn fcvt_bf16_s(&mut self, fs1: FReg, rm: Rm, fd: FReg) -> Flow {
        self.bfloat(runtime::TO_BFLOAT, fs1, rm, fd)
    }
    /// FCVT.S.BF16.
    pub(crate) fn fcvt_s_bf16(&mut self, fs1: FReg, rm: Rm, fd: FReg) -> Flow {
        self.bfloat(runtime::FROM_BFLOAT, fs1, rm, fd)
    }
    fn bfloat(&mut self, op: u32, fs1: FReg, rm: Rm, fd: FReg) -> Flow {
        let Some(rounding) = self.rounding(rm) else { return Flow::Undefined };
        let mode = u64::from(rounding.chosen()) << 8;
        let (from, to) = (self.imm(u64::from(fs1.0) | mode), self.imm(fd.0.into()));
        self.runtime(op, from, to)
    }
    /// FCVTMOD.W.D.
    pub(crate) fn fcvtmod_w_d(&mut self, fs1: FReg, rd: XReg) -> Flow {
        let (a, dst, t) = (self.f(fs1), self.x_out(rd), self.temp());
        self.ir.un(OpCode::FJcvt, Ty::F64, t, a);
        self.ir.un(OpCode::SExt32, Ty::I64, dst, t);
        Flow::Next
    }
}

/// The constant number `n` of FLI (manual: "Load-Immediate Instructions").
fn constant_bits(ty: Ty, n: u8) -> u64 {
    // Significand bits below the leading one (two of them) and exponents; the others are below.
    const NUMBERS: [(i16, u8); 26] = [
        (-16, 0),
        (-15, 0),
        (-8, 0),
        (-7, 0),
        (-4, 0),
        (-3, 0),
        (-2, 0),
        (-2, 1),
        (-2, 2),
        (-2, 3),
        (-1, 0),
        (-1, 1),
        (-1, 2),
        (-1, 3),
        (0, 0),
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 0),
        (1, 1),
        (1, 2),
        (2, 0),
        (3, 0),
        (4, 0),
        (7, 0),
        (8, 0),
    ];
    let (fraction, bias) = match ty {
        Ty::F16 => (10, 15),
        Ty::F32 => (23, 127),
        _ => (52, 1023),
    };
    let all_ones = 2 * bias + 1;
    let make = |exponent: i64, quarters: u8| {
        (exponent.cast_unsigned()) << fraction | u64::from(quarters) << (fraction - 2)
    };
    match n {
        0 => make(bias, 0) | 1 << (ty.bits() - 1),
        // The smallest normal number.
        1 => make(1, 0),
        // 2⁻¹⁶ and 2⁻¹⁵ are denormal halves.
        2 if ty == Ty::F16 => 1 << 8,
        3 if ty == Ty::F16 => 1 << 9,
        28 => make(bias + 15, 0),
        // 2¹⁶ is infinity in half precision.
        29 => make(if ty == Ty::F16 { all_ones } else { bias + 16 }, 0),
        30 => make(all_ones, 0),
        31 => make(all_ones, 2),
        n => {
            let (exponent, quarters) = NUMBERS[usize::from(n) - 2];
            make(i64::from(exponent) + bias, quarters)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_those_of_the_manual() {
        let single = |n| f32::from_bits(constant_bits(Ty::F32, n) as u32);
        let expected = [
            -1.0,
            f32::MIN_POSITIVE,
            2f32.powi(-16),
            2f32.powi(-15),
            2f32.powi(-8),
            2f32.powi(-7),
            0.0625,
            0.125,
            0.25,
            0.3125,
            0.375,
            0.4375,
            0.5,
            0.625,
            0.75,
            0.875,
            1.0,
            1.25,
            1.5,
            1.75,
            2.0,
            2.5,
            3.0,
            4.0,
            8.0,
            16.0,
            128.0,
            256.0,
            32768.0,
            65536.0,
            f32::INFINITY,
        ];
        for (n, value) in (0..).zip(expected) {
            assert_eq!(single(n), value, "{n}");
            let double = f64::from_bits(constant_bits(Ty::F64, n));
            assert!(n == 1 || double == f64::from(value), "{n}");
        }
        assert_eq!(constant_bits(Ty::F32, 31), 0x7fc0_0000);
        assert_eq!(constant_bits(Ty::F64, 1), f64::MIN_POSITIVE.to_bits());
        assert_eq!(constant_bits(Ty::F16, 1), 0x0400);
        assert_eq!(constant_bits(Ty::F16, 2), 0x0100);
        assert_eq!(constant_bits(Ty::F16, 3), 0x0200);
        assert_eq!(constant_bits(Ty::F16, 4), 0x1c00);
        assert_eq!(constant_bits(Ty::F16, 29), 0x7c00);
    }
}
