//! Integer computation: RV64I and M.

use crate::field::XReg;
use crate::known::Constant;
use crate::{Flow, Translator};
use ir::{Cond, DivRule, OpCode, Ref, Ty};

/// Instructions of two registers that are one operation.
macro_rules! register {
    ($($name:ident $code:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
            self.binary(OpCode::$code, Ty::I64, rd, rs1, rs2)
        }
    )* } };
}
/// The same on 32 bits, with a sign-extended result.
macro_rules! word {
    ($($name:ident $code:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
            self.binary(OpCode::$code, Ty::I32, rd, rs1, rs2)
        }
    )* } };
}
macro_rules! divide {
    ($($name:ident $code:ident $ty:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
            if rd == XReg::ZERO {
                return Flow::Next;
            }
            let (a, b) = (self.x(rs1), self.x(rs2));
            self.computed(Ty::$ty, rd, |t, ty, dst| {
                t.ir.bin_aux(OpCode::$code, ty, dst, a, b, DivRule::Ones as u16);
            })
        }
    )* } };
}
register! {
    sub Sub; sll Shl; srl Shr; sra Sar;
    mul Mul; mulh MulHiS; mulhsu MulHiSU; mulhu MulHiU;
}
word! { addw Add; subw Sub; sllw Shl; srlw Shr; sraw Sar; mulw Mul; }
divide! {
    div DivS I64; divu DivU I64; rem RemS I64; remu RemU I64;
    divw DivS I32; divuw DivU I32; remw RemS I32; remuw RemU I32;
}

impl Translator<'_> {
    /// `rd` = what `emit` computes in `ty`; 32 bits are sign-extended. To be called only if `rd` is not
    /// x0.
    pub(crate) fn computed(
        &mut self,
        ty: Ty,
        rd: XReg,
        emit: impl FnOnce(&mut Self, Ty, Ref),
    ) -> Flow {
        let dst = self.x_out(rd);
        if ty == Ty::I32 {
            let t = self.temp();
            emit(self, ty, t);
            self.ir.un(OpCode::SExt32, Ty::I64, dst, t);
            self.known.set_narrow(rd);
        } else {
            emit(self, ty, dst);
        }
        Flow::Next
    }
    /// The same in 64 bits, of which `narrow` says whether it is a sign-extended number of 32 bits.
    pub(crate) fn extended(
        &mut self,
        narrow: bool,
        rd: XReg,
        emit: impl FnOnce(&mut Self, Ref),
    ) -> Flow {
        self.computed(Ty::I64, rd, |t, _, dst| emit(t, dst));
        if narrow {
            self.known.set_narrow(rd);
        }
        Flow::Next
    }
    /// `rd = code(rs1, rs2)`.
    pub(crate) fn binary(&mut self, code: OpCode, ty: Ty, rd: XReg, rs1: XReg, rs2: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let (a, b) = (self.x(rs1), self.x(rs2));
        self.computed(ty, rd, |t, ty, dst| t.ir.bin(code, ty, dst, a, b))
    }
    /// `rd = code(rs1)`.
    pub(crate) fn unary(&mut self, code: OpCode, ty: Ty, rd: XReg, rs1: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let a = self.x(rs1);
        let narrow = matches!(
            code,
            OpCode::SExt8 | OpCode::SExt16 | OpCode::SExt32 | OpCode::ZExt8 | OpCode::ZExt16
        );
        self.computed(ty, rd, |t, ty, dst| t.ir.un(code, ty, dst, a));
        if narrow {
            self.known.set_narrow(rd);
        }
        Flow::Next
    }
    /// `rd = code(rs1, imm)`.
    pub(crate) fn immediate(
        &mut self,
        code: OpCode,
        ty: Ty,
        rd: XReg,
        rs1: XReg,
        imm: u64,
    ) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let (a, b) = (self.x(rs1), self.imm(imm));
        self.computed(ty, rd, |t, ty, dst| t.ir.bin(code, ty, dst, a, b))
    }
    /// `rd = rs`.
    pub(crate) fn copy(&mut self, rd: XReg, rs: XReg) -> Flow {
        if rd == rs || rd == XReg::ZERO {
            return Flow::Next;
        }
        let (narrow, a) = (self.known.is_narrow(rs), self.x(rs));
        self.extended(narrow, rd, |t, dst| t.ir.mov(Ty::I64, dst, a))
    }
    /// `rd = code(rs1, rs2)`, which is a sign-extended number of 32 bits if both operands are.
    fn bitwise(&mut self, code: OpCode, rd: XReg, rs1: XReg, rs2: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let narrow = self.known.is_narrow(rs1) && self.known.is_narrow(rs2);
        let (a, b) = (self.x(rs1), self.x(rs2));
        self.extended(narrow, rd, |t, dst| t.ir.bin(code, Ty::I64, dst, a, b))
    }
    /// The same with a constant.
    fn bitwise_immediate(&mut self, code: OpCode, rd: XReg, rs1: XReg, imm: i64) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let narrow = self.known.is_narrow(rs1) || code == OpCode::And && imm >= 0;
        let (a, b) = (self.x(rs1), self.imm(imm.cast_unsigned()));
        self.extended(narrow, rd, |t, dst| t.ir.bin(code, Ty::I64, dst, a, b))
    }

    /// LUI.
    pub(crate) fn lui(&mut self, imm: i32, rd: XReg) -> Flow {
        self.set(rd, i64::from(imm).cast_unsigned())
    }
    /// AUIPC.
    pub(crate) fn auipc(&mut self, imm: i32, rd: XReg) -> Flow {
        self.set_address(rd, self.pc.wrapping_add_signed(i64::from(imm)))
    }
    /// ADDI; LI and MV are this, and the end of a LUI or AUIPC that makes a constant.
    pub(crate) fn addi(&mut self, imm: i64, rs1: XReg, rd: XReg) -> Flow {
        let value = imm.cast_unsigned();
        if rs1 == XReg::ZERO {
            return self.set(rd, value);
        }
        if imm == 0 {
            return self.copy(rd, rs1);
        }
        if let Some((base, kind)) = self.known.constant(rs1) {
            if rd == rs1
                && let Some(at) = self.unseen_write(rs1)
            {
                self.take_back(at);
            }
            let sum = base.wrapping_add(value);
            return match kind {
                Constant::Relative => self.set_address(rd, sum),
                Constant::Plain => self.set(rd, sum),
            };
        }
        self.immediate(OpCode::Add, Ty::I64, rd, rs1, value)
    }
    /// ADDIW; SEXT.W is this.
    pub(crate) fn addiw(&mut self, imm: i64, rs1: XReg, rd: XReg) -> Flow {
        let value = imm.cast_unsigned();
        if rs1 == XReg::ZERO {
            return self.set(rd, value);
        }
        if imm == 0 && self.known.is_narrow(rs1) {
            return self.copy(rd, rs1);
        }
        if imm == 0 {
            return self.unary(OpCode::SExt32, Ty::I64, rd, rs1);
        }
        if let Some((base, Constant::Plain)) = self.known.constant(rs1) {
            if rd == rs1
                && let Some(at) = self.unseen_write(rs1)
            {
                self.take_back(at);
            }
            return self.set(rd, i64::from(base.wrapping_add(value) as i32).cast_unsigned());
        }
        self.immediate(OpCode::Add, Ty::I32, rd, rs1, value)
    }
    /// ADD; MV is this too.
    pub(crate) fn add(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        match (rs1, rs2) {
            (XReg::ZERO, rs) | (rs, XReg::ZERO) => self.copy(rd, rs),
            _ => self.binary(OpCode::Add, Ty::I64, rd, rs1, rs2),
        }
    }
    /// AND.
    pub(crate) fn and(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        self.bitwise(OpCode::And, rd, rs1, rs2)
    }
    /// OR; after two shifts it rotates.
    pub(crate) fn or(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        match (rs1, rs2) {
            (XReg::ZERO, rs) | (rs, XReg::ZERO) => self.copy(rd, rs),
            _ if rd != XReg::ZERO && self.rotation(rs2, rs1, rd) => Flow::Next,
            _ => self.bitwise(OpCode::Or, rd, rs1, rs2),
        }
    }
    /// XOR.
    pub(crate) fn xor(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        if rs1 == rs2 {
            return self.set(rd, 0);
        }
        self.bitwise(OpCode::Xor, rd, rs1, rs2)
    }
    /// ANDI; ZEXT.B is this.
    pub(crate) fn andi(&mut self, imm: i64, rs1: XReg, rd: XReg) -> Flow {
        if imm == 0xff {
            return self.unary(OpCode::ZExt8, Ty::I64, rd, rs1);
        }
        self.bitwise_immediate(OpCode::And, rd, rs1, imm)
    }
    /// ORI.
    pub(crate) fn ori(&mut self, imm: i64, rs1: XReg, rd: XReg) -> Flow {
        self.bitwise_immediate(OpCode::Or, rd, rs1, imm)
    }
    /// XORI; NOT is this.
    pub(crate) fn xori(&mut self, imm: i64, rs1: XReg, rd: XReg) -> Flow {
        if imm == -1 {
            let narrow = self.known.is_narrow(rs1);
            let a = self.x(rs1);
            if rd == XReg::ZERO {
                return Flow::Next;
            }
            return self.extended(narrow, rd, |t, dst| t.ir.un(OpCode::Not, Ty::I64, dst, a));
        }
        self.bitwise_immediate(OpCode::Xor, rd, rs1, imm)
    }

    /// `rd = (a cond b) ? 1 : 0`.
    fn set_if(&mut self, cond: Cond, rd: XReg, a: Ref, b: Ref) -> Flow {
        if rd != XReg::ZERO {
            let dst = self.x_out(rd);
            self.ir.bin_aux(OpCode::SetCmp, Ty::I64, dst, a, b, cond as u16);
            self.known.set_narrow(rd);
        }
        Flow::Next
    }
    /// SLT.
    pub(crate) fn slt(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        let (a, b) = (self.x(rs1), self.x(rs2));
        if rs1 == XReg::ZERO {
            return self.set_if(Cond::Gt, rd, b, a);
        }
        self.set_if(Cond::Lt, rd, a, b)
    }
    /// SLTU; SNEZ is this.
    pub(crate) fn sltu(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        let (a, b) = (self.x(rs1), self.x(rs2));
        if rs1 == XReg::ZERO {
            return self.set_if(Cond::Ne, rd, b, a);
        }
        self.set_if(Cond::Lo, rd, a, b)
    }
    /// SLTI.
    pub(crate) fn slti(&mut self, imm: i64, rs1: XReg, rd: XReg) -> Flow {
        let (a, b) = (self.x(rs1), self.imm(imm.cast_unsigned()));
        self.set_if(Cond::Lt, rd, a, b)
    }
    /// SLTIU; SEQZ is this.
    pub(crate) fn sltiu(&mut self, imm: i64, rs1: XReg, rd: XReg) -> Flow {
        let a = self.x(rs1);
        if imm == 1 {
            let zero = self.imm(0);
            return self.set_if(Cond::Eq, rd, a, zero);
        }
        let b = self.imm(imm.cast_unsigned());
        self.set_if(Cond::Lo, rd, a, b)
    }

    /// SLLI.
    pub(crate) fn slli(&mut self, shamt: u64, rs1: XReg, rd: XReg) -> Flow {
        self.immediate(OpCode::Shl, Ty::I64, rd, rs1, shamt)
    }
    /// SRLI; after SLLI it cuts out bits.
    pub(crate) fn srli(&mut self, shamt: u64, rs1: XReg, rd: XReg) -> Flow {
        let cut = self.cut(shamt, rs1, rd, OpCode::Ubfx, OpCode::Ubfiz);
        if !cut {
            self.immediate(OpCode::Shr, Ty::I64, rd, rs1, shamt);
        }
        if shamt > 32 {
            self.known.set_narrow(rd);
        }
        Flow::Next
    }
    /// SRAI; after SLLI it cuts out bits.
    pub(crate) fn srai(&mut self, shamt: u64, rs1: XReg, rd: XReg) -> Flow {
        let narrow = shamt >= 32 || self.known.is_narrow(rs1);
        if !self.cut(shamt, rs1, rd, OpCode::Sbfx, OpCode::Sbfiz) {
            self.immediate(OpCode::Sar, Ty::I64, rd, rs1, shamt);
        }
        if narrow {
            self.known.set_narrow(rd);
        }
        Flow::Next
    }
    /// Joins a shift right by `right` to a shift left of an earlier instruction, if the register in
    /// between is overwritten.
    fn cut(&mut self, right: u64, rs1: XReg, rd: XReg, low: OpCode, high: OpCode) -> bool {
        if rd == XReg::ZERO || rs1 != rd || right == 0 {
            return false;
        }
        let Some(at) = self.unseen_write(rd) else { return false };
        let shift = self.ir.block.ops[at];
        if shift.code != OpCode::Shl || shift.ty != Ty::I64 || !self.keeps(shift.a, at) {
            return false;
        }
        let Some(left) = self.ir.known(shift.b).filter(|left| (1..64).contains(left)) else {
            return false;
        };
        self.take_back(at);
        let register = self.x_out(rd);
        let (code, lsb, width) = match right >= left {
            true => (low, right - left, 64 - right),
            false => (high, left - right, 64 - left),
        };
        if code == OpCode::Ubfx && (lsb, width) == (0, 32) {
            self.ir.mov(Ty::I32, register, shift.a);
        } else {
            self.ir.un_aux(code, Ty::I64, register, shift.a, lsb as u16 | (width as u16) << 8);
        }
        true
    }
    /// Whether no operation after the one at `at` writes `value`.
    fn keeps(&self, value: Ref, at: usize) -> bool {
        self.ir.block.ops[at + 1..].iter().all(|op| op.dst != value)
    }
    /// SLLIW.
    pub(crate) fn slliw(&mut self, shamt: u64, rs1: XReg, rd: XReg) -> Flow {
        self.immediate(OpCode::Shl, Ty::I32, rd, rs1, shamt)
    }
    /// SRLIW.
    pub(crate) fn srliw(&mut self, shamt: u64, rs1: XReg, rd: XReg) -> Flow {
        if shamt == 0 || rd == XReg::ZERO {
            return self.addiw(0, rs1, rd);
        }
        // The sign is zero.
        let (a, b) = (self.x(rs1), self.imm(shamt));
        self.extended(true, rd, |t, dst| t.ir.bin(OpCode::Shr, Ty::I32, dst, a, b))
    }
    /// SRAIW.
    pub(crate) fn sraiw(&mut self, shamt: u64, rs1: XReg, rd: XReg) -> Flow {
        if shamt == 0 || rd == XReg::ZERO {
            return self.addiw(0, rs1, rd);
        }
        if self.known.is_narrow(rs1) {
            let (a, b) = (self.x(rs1), self.imm(shamt));
            return self.extended(true, rd, |t, dst| t.ir.bin(OpCode::Sar, Ty::I64, dst, a, b));
        }
        let (a, aux) = (self.x(rs1), shamt as u16 | (32 - shamt as u16) << 8);
        self.extended(true, rd, |t, dst| t.ir.un_aux(OpCode::Sbfx, Ty::I64, dst, a, aux))
    }
}
