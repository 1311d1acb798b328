//! Shifts by a register, bit counts and reversals, checksums.

use crate::field::XZr;
use crate::{Flow, Translator};
use ir::{OpCode, Ty};

impl Translator<'_> {
    fn two(&mut self, code: OpCode, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        let (a, b, dst) = (self.x(rn), self.x(rm), self.x_out(rd));
        self.ir.bin(code, Self::ty(sf), dst, a, b);
        Flow::Next
    }
    fn one(&mut self, code: OpCode, ty: Ty, rn: XZr, rd: XZr) -> Flow {
        let (a, dst) = (self.x(rn), self.x_out(rd));
        self.ir.un(code, ty, dst, a);
        Flow::Next
    }
    /// LSLV.
    pub(crate) fn lslv(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        self.two(OpCode::Shl, sf, rm, rn, rd)
    }
    /// LSRV.
    pub(crate) fn lsrv(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        self.two(OpCode::Shr, sf, rm, rn, rd)
    }
    /// ASRV.
    pub(crate) fn asrv(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        self.two(OpCode::Sar, sf, rm, rn, rd)
    }
    /// RORV.
    pub(crate) fn rorv(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        self.two(OpCode::Ror, sf, rm, rn, rd)
    }
    /// UDIV.
    pub(crate) fn udiv(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        self.two(OpCode::DivU, sf, rm, rn, rd)
    }
    /// SDIV.
    pub(crate) fn sdiv(&mut self, sf: bool, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        self.two(OpCode::DivS, sf, rm, rn, rd)
    }
    /// RBIT.
    pub(crate) fn rbit(&mut self, sf: bool, rn: XZr, rd: XZr) -> Flow {
        self.one(OpCode::Rbit, Self::ty(sf), rn, rd)
    }
    /// REV16.
    pub(crate) fn rev16(&mut self, sf: bool, rn: XZr, rd: XZr) -> Flow {
        self.one(OpCode::Rev16, Self::ty(sf), rn, rd)
    }
    /// REV of 32 bits.
    pub(crate) fn rev_w(&mut self, rn: XZr, rd: XZr) -> Flow {
        self.one(OpCode::Rev, Ty::I32, rn, rd)
    }
    /// REV of 64 bits.
    pub(crate) fn rev_x(&mut self, rn: XZr, rd: XZr) -> Flow {
        self.one(OpCode::Rev, Ty::I64, rn, rd)
    }
    /// REV32.
    pub(crate) fn rev32(&mut self, rn: XZr, rd: XZr) -> Flow {
        self.one(OpCode::Rev32, Ty::I64, rn, rd)
    }
    /// CLZ.
    pub(crate) fn clz(&mut self, sf: bool, rn: XZr, rd: XZr) -> Flow {
        self.one(OpCode::Clz, Self::ty(sf), rn, rd)
    }
    /// CLS.
    pub(crate) fn cls(&mut self, sf: bool, rn: XZr, rd: XZr) -> Flow {
        self.one(OpCode::Cls, Self::ty(sf), rn, rd)
    }
    /// CTZ.
    pub(crate) fn ctz(&mut self, sf: bool, rn: XZr, rd: XZr) -> Flow {
        self.one(OpCode::Ctz, Self::ty(sf), rn, rd)
    }
    /// CNT (general register).
    pub(crate) fn cnt(&mut self, sf: bool, rn: XZr, rd: XZr) -> Flow {
        self.one(OpCode::Popcnt, Self::ty(sf), rn, rd)
    }
    /// ABS (general register).
    pub(crate) fn abs(&mut self, sf: bool, rn: XZr, rd: XZr) -> Flow {
        self.one(OpCode::Abs, Self::ty(sf), rn, rd)
    }
    /// CRC32B, CRC32H, CRC32W, CRC32X.
    pub(crate) fn crc32(&mut self, sf: bool, rm: XZr, sz: u8, rn: XZr, rd: XZr) -> Flow {
        self.checksum(OpCode::Crc32, sf, rm, sz, rn, rd)
    }
    /// CRC32CB, CRC32CH, CRC32CW, CRC32CX.
    pub(crate) fn crc32c(&mut self, sf: bool, rm: XZr, sz: u8, rn: XZr, rd: XZr) -> Flow {
        self.checksum(OpCode::Crc32c, sf, rm, sz, rn, rd)
    }
    fn checksum(&mut self, code: OpCode, sf: bool, rm: XZr, sz: u8, rn: XZr, rd: XZr) -> Flow {
        if sf != (sz == 3) {
            return Flow::Undefined;
        }
        let (a, b, dst) = (self.x(rn), self.x(rm), self.x_out(rd));
        self.ir.bin_aux(code, Self::ty(sf), dst, a, b, u16::from(sz));
        Flow::Next
    }
}
