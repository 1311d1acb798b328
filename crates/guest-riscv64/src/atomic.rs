//! Atomic memory operations: A, Zabha, Zacas. All are sequentially consistent, so the acquire and
//! release bits do not matter. Misaligned ones raise SIGBUS, as Linux does on processors that trap
//! them; with Zama16b, operations within 16 aligned bytes work.

use crate::cpu::Features;
use crate::field::XReg;
use crate::{Flow, Translator};
use ir::{OpCode, Ref, RmwOp, Ty, WITHIN_16};

macro_rules! amo {
    ($($name:ident $op:ident $size:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, _aq: bool, _rl: bool, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
            self.read_modify_write(RmwOp::$op, $size, rs2, rs1, rd)
        }
    )* } };
}
macro_rules! compare_and_swap {
    ($($name:ident $size:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, _aq: bool, _rl: bool, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
            self.swap_if_equal($size, rs2, rs1, rd)
        }
    )* } };
}
amo! {
    amoswap_b Swp 0; amoadd_b Add 0; amoxor_b Eor 0; amoand_b And 0; amoor_b Set 0;
    amomin_b SMin 0; amomax_b SMax 0; amominu_b UMin 0; amomaxu_b UMax 0;
    amoswap_h Swp 1; amoadd_h Add 1; amoxor_h Eor 1; amoand_h And 1; amoor_h Set 1;
    amomin_h SMin 1; amomax_h SMax 1; amominu_h UMin 1; amomaxu_h UMax 1;
    amoswap_w Swp 2; amoadd_w Add 2; amoxor_w Eor 2; amoand_w And 2; amoor_w Set 2;
    amomin_w SMin 2; amomax_w SMax 2; amominu_w UMin 2; amomaxu_w UMax 2;
    amoswap_d Swp 3; amoadd_d Add 3; amoxor_d Eor 3; amoand_d And 3; amoor_d Set 3;
    amomin_d SMin 3; amomax_d SMax 3; amominu_d UMin 3; amomaxu_d UMax 3;
}
compare_and_swap! { amocas_b 0; amocas_h 1; amocas_w 2; amocas_d 3; }

impl Translator<'_> {
    /// Size and alignment of an atomic access of `1 << size` bytes, as kept in an operation's aux.
    fn atomic(&self, size: u16) -> u16 {
        size | if self.lacks(Features::ZAMA16B) { 0 } else { WITHIN_16 }
    }
    /// `rd` = the low `1 << size` bytes of `value`, sign-extended.
    fn sign_extended(&mut self, size: u16, rd: XReg, value: Ref) {
        let code = match size {
            0 => OpCode::SExt8,
            1 => OpCode::SExt16,
            2 => OpCode::SExt32,
            _ => OpCode::Mov,
        };
        let dst = self.x_out(rd);
        self.ir.un(code, Ty::I64, dst, value);
    }
    fn read_modify_write(&mut self, op: RmwOp, size: u16, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        let (a, b) = (self.x(rs1), self.x(rs2));
        let aux = self.atomic(size) | (op as u16) << 8;
        let old = match (rd, size) {
            (XReg::ZERO, _) => Ref::NONE,
            (_, 3) => self.x_out(rd),
            _ => self.temp(),
        };
        self.ir.bin_aux(OpCode::Rmw, Ty::I64, old, a, b, aux);
        if rd != XReg::ZERO && size != 3 {
            self.sign_extended(size, rd, old);
        }
        Flow::Next
    }
    fn swap_if_equal(&mut self, size: u16, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        let (a, expected, new) = (self.x(rs1), self.x(rd), self.x(rs2));
        let (old, aux) = (self.temp(), self.atomic(size));
        self.ir.ter(OpCode::Cas, Ty::I64, old, a, expected, new, aux);
        if rd != XReg::ZERO {
            self.sign_extended(size, rd, old);
        }
        Flow::Next
    }
    /// The pair that starts with an even register, as 16 bytes; that of x0 is zero.
    fn pair(&mut self, low: XReg) -> Ref {
        if low == XReg::ZERO {
            return self.ir.vconst(0);
        }
        let (a, b, t) = (self.x(low), self.x(XReg(low.0 + 1)), self.temp());
        self.ir.bin(OpCode::VecFromPair, Ty::V128, t, a, b);
        t
    }
    /// AMOCAS.Q.
    pub(crate) fn amocas_q(
        &mut self,
        _aq: bool,
        _rl: bool,
        rs2: XReg,
        rs1: XReg,
        rd: XReg,
    ) -> Flow {
        if rs2.0 & 1 != 0 || rd.0 & 1 != 0 {
            return Flow::Undefined;
        }
        let (expected, new, a) = (self.pair(rd), self.pair(rs2), self.x(rs1));
        let old = self.temp();
        self.ir.ter(OpCode::Cas, Ty::V128, old, a, expected, new, 4);
        if rd != XReg::ZERO {
            for half in 0..2 {
                let dst = self.x_out(XReg(rd.0 + half));
                self.ir.un_aux(OpCode::VecToInt, Ty::V128, dst, old, u16::from(half) | 3 << 8);
            }
        }
        Flow::Next
    }

    fn load_reserved(&mut self, size: u16, rs1: XReg, rd: XReg) -> Flow {
        let (loaded, a) = (self.temp(), self.x(rs1));
        self.ir.un_aux(OpCode::LdEx, Ty::I64, loaded, a, size);
        self.sign_extended(size, rd, loaded);
        Flow::Next
    }
    fn store_conditional(&mut self, size: u16, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        let (dst, a, b) = (self.x_out(rd), self.x(rs1), self.x(rs2));
        self.ir.bin_aux(OpCode::StEx, Ty::I64, dst, a, b, size);
        Flow::Next
    }
    /// LR.W.
    pub(crate) fn lr_w(&mut self, _aq: bool, _rl: bool, rs1: XReg, rd: XReg) -> Flow {
        self.load_reserved(2, rs1, rd)
    }
    /// LR.D.
    pub(crate) fn lr_d(&mut self, _aq: bool, _rl: bool, rs1: XReg, rd: XReg) -> Flow {
        self.load_reserved(3, rs1, rd)
    }
    /// SC.W.
    pub(crate) fn sc_w(&mut self, _aq: bool, _rl: bool, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        self.store_conditional(2, rs2, rs1, rd)
    }
    /// SC.D.
    pub(crate) fn sc_d(&mut self, _aq: bool, _rl: bool, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        self.store_conditional(3, rs2, rs1, rd)
    }
}
