//! Conversions between floating point and general registers.

use crate::field::{VReg, XZr};
use crate::simd_emit::fty;
use crate::{Flow, Translator};
use ir::{OpCode, Rounding, Ty};

const SIGNED: u16 = 1 << 3;

macro_rules! to_int {
    ($($name:ident $rounding:ident $signed:expr;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, sf: bool, ftype: u8, rn: VReg, rd: XZr) -> Flow {
            self.float_to_int(sf, ftype, Rounding::$rounding as u16 | $signed, 0, rn, rd)
        }
    )* } };
}
to_int! {
    fcvtns_int Nearest SIGNED; fcvtnu_int Nearest 0; fcvtps_int Up SIGNED; fcvtpu_int Up 0;
    fcvtms_int Down SIGNED; fcvtmu_int Down 0; fcvtzs_int Zero SIGNED; fcvtzu_int Zero 0;
    fcvtas_int Away SIGNED; fcvtau_int Away 0;
}

impl Translator<'_> {
    fn float_to_int(
        &mut self,
        sf: bool,
        ftype: u8,
        aux: u16,
        fbits: u8,
        rn: VReg,
        rd: XZr,
    ) -> Flow {
        let (a, dst) = (self.v(rn), self.x_out(rd));
        let aux = aux | u16::from(sf) << 4 | u16::from(fbits) << 8;
        let (ty, [a]) = self.widened(fty(ftype), [a]);
        self.ir.un_aux(OpCode::FToInt, ty, dst, a, aux);
        Flow::Next
    }
    fn int_to_float(
        &mut self,
        sf: bool,
        ftype: u8,
        aux: u16,
        fbits: u8,
        rn: XZr,
        rd: VReg,
    ) -> Flow {
        let (a, dst) = (self.x(rn), self.v(rd));
        let ty = fty(ftype);
        let aux = aux | u16::from(sf) << 4 | u16::from(fbits) << 8;
        if ty == Ty::F16 && fbits == 0 && !self.ir.block.fp_exact {
            // What a single cannot hold exactly is far beyond all halves.
            let t = self.temp();
            self.ir.un_aux(OpCode::IntToF, Ty::F32, t, a, aux);
            return self.halved(dst, t);
        }
        self.ir.un_aux(OpCode::IntToF, ty, dst, a, aux);
        Flow::Next
    }
    /// SCVTF (scalar, integer).
    pub(crate) fn scvtf_int(&mut self, sf: bool, ftype: u8, rn: XZr, rd: VReg) -> Flow {
        self.int_to_float(sf, ftype, SIGNED, 0, rn, rd)
    }
    /// UCVTF (scalar, integer).
    pub(crate) fn ucvtf_int(&mut self, sf: bool, ftype: u8, rn: XZr, rd: VReg) -> Flow {
        self.int_to_float(sf, ftype, 0, 0, rn, rd)
    }
    /// SCVTF (scalar, fixed-point).
    pub(crate) fn scvtf_fix(&mut self, sf: bool, ftype: u8, scale: u8, rn: XZr, rd: VReg) -> Flow {
        self.int_to_float(sf, ftype, SIGNED, 64 - scale, rn, rd)
    }
    /// UCVTF (scalar, fixed-point).
    pub(crate) fn ucvtf_fix(&mut self, sf: bool, ftype: u8, scale: u8, rn: XZr, rd: VReg) -> Flow {
        self.int_to_float(sf, ftype, 0, 64 - scale, rn, rd)
    }
    /// FCVTZS (scalar, fixed-point).
    pub(crate) fn fcvtzs_fix(&mut self, sf: bool, ftype: u8, scale: u8, rn: VReg, rd: XZr) -> Flow {
        self.float_to_int(sf, ftype, Rounding::Zero as u16 | SIGNED, 64 - scale, rn, rd)
    }
    /// FCVTZU (scalar, fixed-point).
    pub(crate) fn fcvtzu_fix(&mut self, sf: bool, ftype: u8, scale: u8, rn: VReg, rd: XZr) -> Flow {
        self.float_to_int(sf, ftype, Rounding::Zero as u16, 64 - scale, rn, rd)
    }
    /// FJCVTZS.
    pub(crate) fn fjcvtzs(&mut self, rn: VReg, rd: XZr) -> Flow {
        let (a, dst) = (self.v(rn), self.x_out(rd));
        self.ir.un(OpCode::FJcvt, Ty::F64, dst, a);
        Flow::Next
    }
}
