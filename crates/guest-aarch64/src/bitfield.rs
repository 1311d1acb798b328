//! Bit fields, extracts, and the shifts and extensions that are aliases of them.

use crate::field::XZr;
use crate::{Flow, Translator};
use ir::{OpCode, Ty};

/// What a bit-field move does, in terms of positions.
enum Field {
    /// Bits `[lsb, lsb + width)` go to bit 0.
    Extract { lsb: u32, width: u32 },
    /// The low `width` bits go to `lsb`.
    Insert { lsb: u32, width: u32 },
}

fn field(sf: bool, n: bool, immr: u32, imms: u32) -> Option<Field> {
    let bits = if sf { 64 } else { 32 };
    if n != sf || immr >= bits || imms >= bits {
        return None;
    }
    Some(if imms >= immr {
        Field::Extract { lsb: immr, width: imms - immr + 1 }
    } else {
        Field::Insert { lsb: bits - immr, width: imms + 1 }
    })
}

fn aux(lsb: u32, width: u32) -> u16 {
    (lsb | width << 8) as u16
}

impl Translator<'_> {
    /// SBFM and UBFM: `codes` are the shift right, the extensions from 8, 16 and 32 bits, the
    /// general extract and insert.
    #[expect(clippy::too_many_arguments, reason = "the fields of the encoding")]
    fn bit_field(
        &mut self,
        codes: [OpCode; 6],
        sf: bool,
        n: bool,
        immr: u32,
        imms: u32,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        let Some(field) = field(sf, n, immr, imms) else { return Flow::Undefined };
        if rd.0 == 31 {
            return Flow::Next;
        }
        if rn.0 == 31 {
            return self.set(rd, 0);
        }
        let [shift, ext8, ext16, ext32, extract, insert] = codes;
        let (a, dst, ty) = (self.x(rn), self.x_out(rd), Self::ty(sf));
        let bits = ty.bits();
        match field {
            Field::Extract { lsb: 0, width } if width == bits => self.ir.mov(ty, dst, a),
            Field::Extract { lsb, width } if lsb + width == bits => {
                let b = self.imm(u64::from(lsb));
                self.ir.bin(shift, ty, dst, a, b);
            }
            Field::Extract { lsb: 0, width: 8 } => self.ir.un(ext8, ty, dst, a),
            Field::Extract { lsb: 0, width: 16 } => self.ir.un(ext16, ty, dst, a),
            Field::Extract { lsb: 0, width: 32 } if ext32 == OpCode::Mov => {
                self.ir.mov(Ty::I32, dst, a);
            }
            Field::Extract { lsb: 0, width: 32 } => self.ir.un(ext32, ty, dst, a),
            Field::Extract { lsb, width } => self.ir.un_aux(extract, ty, dst, a, aux(lsb, width)),
            Field::Insert { lsb, width } if lsb + width == bits => {
                let b = self.imm(u64::from(lsb));
                self.ir.bin(OpCode::Shl, ty, dst, a, b);
            }
            Field::Insert { lsb, width } => self.ir.un_aux(insert, ty, dst, a, aux(lsb, width)),
        }
        Flow::Next
    }
    /// SBFM: ASR, SBFIZ, SBFX, SXTB, SXTH, SXTW.
    pub(crate) fn sbfm(
        &mut self,
        sf: bool,
        n: bool,
        immr: u32,
        imms: u32,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        let codes = [
            OpCode::Sar,
            OpCode::SExt8,
            OpCode::SExt16,
            OpCode::SExt32,
            OpCode::Sbfx,
            OpCode::Sbfiz,
        ];
        self.bit_field(codes, sf, n, immr, imms, rn, rd)
    }
    /// UBFM: LSL, LSR, UBFIZ, UBFX, UXTB, UXTH.
    pub(crate) fn ubfm(
        &mut self,
        sf: bool,
        n: bool,
        immr: u32,
        imms: u32,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        let codes =
            [OpCode::Shr, OpCode::ZExt8, OpCode::ZExt16, OpCode::Mov, OpCode::Ubfx, OpCode::Ubfiz];
        self.bit_field(codes, sf, n, immr, imms, rn, rd)
    }
    /// BFM: BFC, BFI, BFXIL.
    pub(crate) fn bfm(
        &mut self,
        sf: bool,
        n: bool,
        immr: u32,
        imms: u32,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        let Some(field) = field(sf, n, immr, imms) else { return Flow::Undefined };
        if rd.0 == 31 {
            return Flow::Next;
        }
        let (b, dst, ty) = (self.x(rn), self.x_out(rd), Self::ty(sf));
        let (code, lsb, width, clears) = match field {
            Field::Extract { lsb, width } => (OpCode::Bfxil, lsb, width, 0),
            Field::Insert { lsb, width } => (OpCode::Bfi, lsb, width, lsb),
        };
        if width == ty.bits() {
            self.ir.mov(ty, dst, b);
        } else if rn.0 == 31 {
            let ones = u64::MAX >> (64 - width);
            let keep = self.imm(!(ones << clears) & (u64::MAX >> (64 - ty.bits())));
            self.ir.bin(OpCode::And, ty, dst, dst, keep);
        } else {
            self.ir.bin_aux(code, ty, dst, dst, b, aux(lsb, width));
        }
        Flow::Next
    }
    /// EXTR, and ROR (immediate).
    pub(crate) fn extr(&mut self, sf: bool, n: bool, rm: XZr, imms: u32, rn: XZr, rd: XZr) -> Flow {
        if n != sf || !sf && imms >= 32 {
            return Flow::Undefined;
        }
        if rd.0 == 31 {
            return Flow::Next;
        }
        let (a, b, dst, ty) = (self.x(rn), self.x(rm), self.x_out(rd), Self::ty(sf));
        if imms == 0 {
            self.ir.mov(ty, dst, b);
        } else if rn == rm {
            let amount = self.imm(u64::from(imms));
            self.ir.bin(OpCode::Ror, ty, dst, a, amount);
        } else {
            self.ir.bin_aux(OpCode::Extr, ty, dst, a, b, imms as u16);
        }
        Flow::Next
    }
}
