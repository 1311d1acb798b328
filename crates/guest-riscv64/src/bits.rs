//! Bit manipulation: Zba, Zbb, Zbs, Zbc, Zbkb, Zbkx, Zicond; and may-be operations.

use crate::field::XReg;
use crate::{Flow, Translator};
use ir::{Cond, Modifier, OpCode, Ref, Ty};

/// `rd = rs2 + modified(rs1)`.
macro_rules! shift_add {
    ($($name:ident $modifier:expr;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
            if rd == XReg::ZERO {
                return Flow::Next;
            }
            let (a, b, dst) = (self.x(rs2), self.x(rs1), self.x_out(rd));
            self.ir.bin_mod(OpCode::Add, Ty::I64, dst, a, b, $modifier);
            Flow::Next
        }
    )* } };
}
macro_rules! two {
    ($($name:ident $code:ident $ty:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
            self.binary(OpCode::$code, Ty::$ty, rd, rs1, rs2)
        }
    )* } };
}
macro_rules! one {
    ($($name:ident $code:ident $ty:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rs1: XReg, rd: XReg) -> Flow {
            self.unary(OpCode::$code, Ty::$ty, rd, rs1)
        }
    )* } };
}
/// An operation with the bit that a register names, and with one that the instruction names.
macro_rules! single_bit {
    ($($name:ident $immediate:ident $code:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
            if rd == XReg::ZERO {
                return Flow::Next;
            }
            let (one, n, bit) = (self.imm(1), self.x(rs2), self.temp());
            self.ir.bin(OpCode::Shl, Ty::I64, bit, one, n);
            let (a, dst) = (self.x(rs1), self.x_out(rd));
            self.ir.bin(OpCode::$code, Ty::I64, dst, a, bit);
            Flow::Next
        }
        pub(crate) fn $immediate(&mut self, shamt: u8, rs1: XReg, rd: XReg) -> Flow {
            self.immediate(OpCode::$code, Ty::I64, rd, rs1, 1 << shamt)
        }
    )* } };
}
shift_add! {
    sh1add Modifier::Lsl(1); sh2add Modifier::Lsl(2); sh3add Modifier::Lsl(3);
    add_uw Modifier::Uxtw(0); sh1add_uw Modifier::Uxtw(1); sh2add_uw Modifier::Uxtw(2);
    sh3add_uw Modifier::Uxtw(3);
}
two! {
    andn AndNot I64; orn OrNot I64; xnor XorNot I64;
    max MaxS I64; maxu MaxU I64; min MinS I64; minu MinU I64;
    ror Ror I64; rorw Ror I32;
    clmul ClMul I64; clmulh ClMulH I64; clmulr ClMulR I64; xperm4 Xperm4 I64; xperm8 Xperm8 I64;
}
one! {
    clz Clz I64; ctz Ctz I64; cpop Popcnt I64; clzw Clz I32; ctzw Ctz I32; cpopw Popcnt I32;
    sext_b SExt8 I64; sext_h SExt16 I64; zext_h ZExt16 I64;
    orc_b OrcB I64; rev8 Rev I64; brev8 Brev8 I64;
}
single_bit! { bclr bclri AndNot; bset bseti Or; binv binvi Xor; }

impl Translator<'_> {
    /// SLLI.UW.
    pub(crate) fn slli_uw(&mut self, shamt: u8, rs1: XReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let (a, dst) = (self.x(rs1), self.x_out(rd));
        let width = 32.min(64 - u16::from(shamt));
        self.ir.un_aux(OpCode::Ubfiz, Ty::I64, dst, a, u16::from(shamt) | width << 8);
        Flow::Next
    }
    /// RORI.
    pub(crate) fn rori(&mut self, shamt: u64, rs1: XReg, rd: XReg) -> Flow {
        self.immediate(OpCode::Ror, Ty::I64, rd, rs1, shamt)
    }
    /// RORIW.
    pub(crate) fn roriw(&mut self, shamt: u64, rs1: XReg, rd: XReg) -> Flow {
        self.immediate(OpCode::Ror, Ty::I32, rd, rs1, shamt)
    }
    fn rotate_left(&mut self, ty: Ty, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let (a, n, zero, right) = (self.x(rs1), self.x(rs2), self.imm(0), self.temp());
        self.ir.bin(OpCode::Sub, ty, right, zero, n);
        self.computed(ty, rd, |t, ty, dst| t.ir.bin(OpCode::Ror, ty, dst, a, right))
    }
    /// ROL.
    pub(crate) fn rol(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        self.rotate_left(Ty::I64, rs2, rs1, rd)
    }
    /// ROLW.
    pub(crate) fn rolw(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        self.rotate_left(Ty::I32, rs2, rs1, rd)
    }
    /// `rd` = `low` with the low `width` bits of `rs2` above its own `width`.
    fn put_above(&mut self, ty: Ty, width: u16, low: Ref, rs2: XReg, rd: XReg) -> Flow {
        let b = self.x(rs2);
        self.computed(ty, rd, |t, ty, dst| {
            t.ir.bin_aux(OpCode::Bfi, ty, dst, low, b, width | width << 8);
        })
    }
    /// PACK.
    pub(crate) fn pack(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let a = self.x(rs1);
        self.put_above(Ty::I64, 32, a, rs2, rd)
    }
    /// PACKW.
    pub(crate) fn packw(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let a = self.x(rs1);
        self.put_above(Ty::I32, 16, a, rs2, rd)
    }
    /// PACKH.
    pub(crate) fn packh(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let (a, low) = (self.x(rs1), self.temp());
        self.ir.un(OpCode::ZExt8, Ty::I64, low, a);
        self.put_above(Ty::I64, 8, low, rs2, rd)
    }
    /// BEXT.
    pub(crate) fn bext(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let (a, n, t, one) = (self.x(rs1), self.x(rs2), self.temp(), self.imm(1));
        self.ir.bin(OpCode::Shr, Ty::I64, t, a, n);
        let dst = self.x_out(rd);
        self.ir.bin(OpCode::And, Ty::I64, dst, t, one);
        Flow::Next
    }
    /// BEXTI.
    pub(crate) fn bexti(&mut self, shamt: u8, rs1: XReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let (a, dst) = (self.x(rs1), self.x_out(rd));
        self.ir.un_aux(OpCode::Ubfx, Ty::I64, dst, a, u16::from(shamt) | 1 << 8);
        Flow::Next
    }
    fn zero_unless(&mut self, cond: Cond, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let (value, a, zero, dst) = (self.x(rs1), self.x(rs2), self.imm(0), self.x_out(rd));
        self.ir.ter(OpCode::SelCmp, Ty::I64, dst, a, zero, value, cond as u16);
        Flow::Next
    }
    /// CZERO.EQZ.
    pub(crate) fn czero_eqz(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        self.zero_unless(Cond::Ne, rs2, rs1, rd)
    }
    /// CZERO.NEZ.
    pub(crate) fn czero_nez(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        self.zero_unless(Cond::Eq, rs2, rs1, rd)
    }
    /// MOP.R.n: zero.
    pub(crate) fn mop_r(&mut self, _n: u8, _rs1: XReg, rd: XReg) -> Flow {
        self.set(rd, 0)
    }
    /// MOP.RR.n: zero.
    pub(crate) fn mop_rr(&mut self, _n: u8, _rs2: XReg, _rs1: XReg, rd: XReg) -> Flow {
        self.set(rd, 0)
    }
}
