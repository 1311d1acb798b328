//! Floating point of SSE.

use crate::decode::{Insn, Operand};
use crate::operand::register;
use crate::runtime;
use crate::translator::Translator;
use crate::vector::low;
use guest::Flow;
use ir::state::TRAP_PROTECTION;
use ir::{OpCode, Ref, Rounding, Ty, VecOp, vec_op};

/// Operations on the lowest lanes of two vectors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    Add32,
    Add64,
    Sub32,
    Sub64,
    Mul32,
    Mul64,
    Div32,
    Div64,
    Min32,
    Min64,
    Max32,
    Max64,
    Sqrt32,
    Sqrt64,
}

impl Op {
    const fn parts(self) -> (OpCode, Ty) {
        match self {
            Self::Add32 => (OpCode::FAdd, Ty::F32),
            Self::Add64 => (OpCode::FAdd, Ty::F64),
            Self::Sub32 => (OpCode::FSub, Ty::F32),
            Self::Sub64 => (OpCode::FSub, Ty::F64),
            Self::Mul32 => (OpCode::FMul, Ty::F32),
            Self::Mul64 => (OpCode::FMul, Ty::F64),
            Self::Div32 => (OpCode::FDiv, Ty::F32),
            Self::Div64 => (OpCode::FDiv, Ty::F64),
            Self::Min32 => (OpCode::FMin, Ty::F32),
            Self::Min64 => (OpCode::FMin, Ty::F64),
            Self::Max32 => (OpCode::FMax, Ty::F32),
            Self::Max64 => (OpCode::FMax, Ty::F64),
            Self::Sqrt32 => (OpCode::FSqrt, Ty::F32),
            Self::Sqrt64 => (OpCode::FSqrt, Ty::F64),
        }
    }
    const fn is_sqrt(self) -> bool {
        matches!(self, Self::Sqrt32 | Self::Sqrt64)
    }
}

/// log2 of a type's bytes, as lanes are counted.
const fn lane_of(ty: Ty) -> u8 {
    if matches!(ty, Ty::F64) { 3 } else { 2 }
}

impl Translator<'_> {
    /// ADDSS and its like: what is above stays.
    pub(crate) fn vector_float(&mut self, op: Op, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let (code, ty) = op.parts();
        let t = self.temp();
        if op.is_sqrt() {
            self.ir.un(code, ty, t, b);
        } else {
            self.ir.bin(code, ty, t, dst, b);
        }
        self.set_lowest(dst, lane_of(ty), t);
        Flow::Next
    }
    fn sqrt(&mut self, lane: u8, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let imm = vec_op::imm(lane, 0);
        self.ir.vec(VecOp::FSqrt, Ty::V128, dst, b, Ref::NONE, Ref::NONE, imm);
        Flow::Next
    }
    /// SQRTPS.
    pub(crate) fn sqrtps(&mut self, i: &Insn) -> Flow {
        self.sqrt(2, i)
    }
    /// SQRTPD.
    pub(crate) fn sqrtpd(&mut self, i: &Insn) -> Flow {
        self.sqrt(3, i)
    }

    /// A comparison of lanes by predicate 0 to 7, as masks; of the lowest alone if `scalar`.
    fn compared(&mut self, predicate: i64, lane: u8, scalar: bool, [a, b]: [Ref; 2]) -> Ref {
        let param = if scalar { vec_op::SCALAR } else { 0 };
        let mut mask = |op, a, b| self.vec3(op, lane, param, [a, b, Ref::NONE]);
        let found = match predicate & 3 {
            0 => mask(VecOp::FCmEq, a, b),
            1 => mask(VecOp::FCmGt, b, a),
            2 => mask(VecOp::FCmGe, b, a),
            _ => {
                // Both are numbers.
                let (x, y) = (mask(VecOp::FCmEq, a, a), mask(VecOp::FCmEq, b, b));
                self.vec2(VecOp::And, 0, x, y)
            }
        };
        // Unordered is 3, and the opposites have bit 2, of which ordered is one.
        let inverted = (predicate & 4 != 0) != (predicate & 3 == 3);
        if inverted { self.vec1(VecOp::Not, 0, 0, found) } else { found }
    }
    fn compare_packed(&mut self, lane: u8, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let mask = self.compared(i.imm, lane, false, [dst, b]);
        self.ir.mov(Ty::V128, dst, mask);
        Flow::Next
    }
    /// CMPPS.
    pub(crate) fn cmpps(&mut self, i: &Insn) -> Flow {
        self.compare_packed(2, i)
    }
    /// CMPPD.
    pub(crate) fn cmppd(&mut self, i: &Insn) -> Flow {
        self.compare_packed(3, i)
    }
    fn compare_lowest(&mut self, lane: u8, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let mask = self.compared(i.imm, lane, true, [dst, b]);
        self.set_lowest(dst, lane, mask);
        Flow::Next
    }
    /// CMPSS.
    pub(crate) fn cmpss(&mut self, i: &Insn) -> Flow {
        self.compare_lowest(2, i)
    }
    /// CMPSD.
    pub(crate) fn cmpsd(&mut self, i: &Insn) -> Flow {
        self.compare_lowest(3, i)
    }
    fn compare_flags(&mut self, ty: Ty, signalling: bool, i: &Insn) -> Flow {
        let Some((a, b)) = self.two_vectors(i) else { return Flow::Undefined };
        self.ir.bin_aux(OpCode::FCmpSix, ty, Ref::NONE, a, b, u16::from(signalling));
        Flow::Next
    }
    /// UCOMISS.
    pub(crate) fn ucomiss(&mut self, i: &Insn) -> Flow {
        self.compare_flags(Ty::F32, false, i)
    }
    /// UCOMISD.
    pub(crate) fn ucomisd(&mut self, i: &Insn) -> Flow {
        self.compare_flags(Ty::F64, false, i)
    }
    /// COMISS.
    pub(crate) fn comiss(&mut self, i: &Insn) -> Flow {
        self.compare_flags(Ty::F32, true, i)
    }
    /// COMISD.
    pub(crate) fn comisd(&mut self, i: &Insn) -> Flow {
        self.compare_flags(Ty::F64, true, i)
    }

    // --- conversions

    fn integer_to_float(&mut self, ty: Ty, i: &Insn) -> Flow {
        let [Operand::Vec { n, .. }, from, ..] = i.operands else { return Flow::Undefined };
        let is64 = match from {
            Operand::Reg { size, .. } => size == 8,
            Operand::Mem { size } => size == 8,
            _ => false,
        };
        let value = self.value(i, from);
        let t = self.temp();
        let aux = Rounding::Current.chosen() | 1 << 3 | u16::from(is64) << 4;
        self.ir.un_aux(OpCode::IntToF, ty, t, value, aux);
        self.set_lowest(low(n), lane_of(ty), t);
        Flow::Next
    }
    /// CVTSI2SS.
    pub(crate) fn cvtsi2ss(&mut self, i: &Insn) -> Flow {
        self.integer_to_float(Ty::F32, i)
    }
    /// CVTSI2SD.
    pub(crate) fn cvtsi2sd(&mut self, i: &Insn) -> Flow {
        self.integer_to_float(Ty::F64, i)
    }
    /// The lowest lane of `value` as a signed integer.
    fn integer_of(&mut self, ty: Ty, rounding: Rounding, is64: bool, dst: Ref, value: Ref) {
        let aux = rounding as u16 | 1 << 3 | u16::from(is64) << 4;
        self.ir.un_aux(OpCode::FToInt, ty, dst, value, aux);
    }
    fn float_to_integer(&mut self, ty: Ty, rounding: Rounding, i: &Insn) -> Flow {
        let [Operand::Reg { n, size }, from, ..] = i.operands else { return Flow::Undefined };
        let value = self.vector(i, from);
        self.integer_of(ty, rounding, size == 8, register(n), value);
        Flow::Next
    }
    /// CVTSS2SI.
    pub(crate) fn cvtss2si(&mut self, i: &Insn) -> Flow {
        self.float_to_integer(Ty::F32, Rounding::Current, i)
    }
    /// CVTTSS2SI.
    pub(crate) fn cvttss2si(&mut self, i: &Insn) -> Flow {
        self.float_to_integer(Ty::F32, Rounding::Zero, i)
    }
    /// CVTSD2SI.
    pub(crate) fn cvtsd2si(&mut self, i: &Insn) -> Flow {
        self.float_to_integer(Ty::F64, Rounding::Current, i)
    }
    /// CVTTSD2SI.
    pub(crate) fn cvttsd2si(&mut self, i: &Insn) -> Flow {
        self.float_to_integer(Ty::F64, Rounding::Zero, i)
    }
    fn convert_lowest(&mut self, from: Ty, to: Ty, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let t = self.temp();
        let aux = to as u16 | (Rounding::Current as u16) << 8;
        self.ir.un_aux(OpCode::FCvt, from, t, b, aux);
        self.set_lowest(dst, lane_of(to), t);
        Flow::Next
    }
    /// CVTSS2SD.
    pub(crate) fn cvtss2sd(&mut self, i: &Insn) -> Flow {
        self.convert_lowest(Ty::F32, Ty::F64, i)
    }
    /// CVTSD2SS.
    pub(crate) fn cvtsd2ss(&mut self, i: &Insn) -> Flow {
        self.convert_lowest(Ty::F64, Ty::F32, i)
    }
    fn convert_packed(&mut self, op: VecOp, lane: u8, param: i32, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let imm = vec_op::imm(lane, param);
        self.ir.vec(op, Ty::V128, dst, b, Ref::NONE, Ref::NONE, imm);
        Flow::Next
    }
    /// CVTPS2PD.
    pub(crate) fn cvtps2pd(&mut self, i: &Insn) -> Flow {
        self.convert_packed(VecOp::FCvtL, 2, 0, i)
    }
    /// CVTPD2PS.
    pub(crate) fn cvtpd2ps(&mut self, i: &Insn) -> Flow {
        self.convert_packed(VecOp::FCvtN, 2, 0, i)
    }
    /// CVTDQ2PS.
    pub(crate) fn cvtdq2ps(&mut self, i: &Insn) -> Flow {
        self.convert_packed(VecOp::IntToF, 2, 1 << 3, i)
    }
    /// CVTPS2DQ.
    pub(crate) fn cvtps2dq(&mut self, i: &Insn) -> Flow {
        self.convert_packed(VecOp::FToInt, 2, Rounding::Current as i32 | 1 << 3, i)
    }
    /// CVTTPS2DQ.
    pub(crate) fn cvttps2dq(&mut self, i: &Insn) -> Flow {
        self.convert_packed(VecOp::FToInt, 2, Rounding::Zero as i32 | 1 << 3, i)
    }
    /// CVTDQ2PD.
    pub(crate) fn cvtdq2pd(&mut self, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let wide = self.vec1(VecOp::ExtS, 2, 0, b);
        let imm = vec_op::imm(3, 1 << 3);
        self.ir.vec(VecOp::IntToF, Ty::V128, dst, wide, Ref::NONE, Ref::NONE, imm);
        Flow::Next
    }
    fn doubles_to_integers(&mut self, rounding: Rounding, i: &Insn) -> Flow {
        let Some((dst, b)) = self.two_vectors(i) else { return Flow::Undefined };
        let high = self.vec1(VecOp::High, 3, 0, b);
        let (x, y, both) = (self.temp(), self.temp(), self.temp());
        self.integer_of(Ty::F64, rounding, false, x, b);
        self.integer_of(Ty::F64, rounding, false, y, high);
        self.ir.bin_aux(OpCode::Bfi, Ty::I64, both, x, y, 32 | 32 << 8);
        self.ir.un(OpCode::IntToVec, Ty::F64, dst, both);
        Flow::Next
    }
    /// CVTPD2DQ.
    pub(crate) fn cvtpd2dq(&mut self, i: &Insn) -> Flow {
        self.doubles_to_integers(Rounding::Current, i)
    }
    /// CVTTPD2DQ.
    pub(crate) fn cvttpd2dq(&mut self, i: &Insn) -> Flow {
        self.doubles_to_integers(Rounding::Zero, i)
    }

    // --- control and state

    /// LDMXCSR: bits that do not exist are a fault.
    pub(crate) fn ldmxcsr(&mut self, i: &Insn) -> Flow {
        let address = self.address(i);
        let value = self.load(address, 4);
        let above = self.make_imm(OpCode::Shr, Ty::I64, value, 16);
        let zero = self.imm(0);
        self.check(TRAP_PROTECTION, above, zero);
        self.runtime(runtime::SET_MXCSR, value, zero)
    }
    /// An operation of the runtime with the address of the memory operand.
    fn with_address(&mut self, number: u32, i: &Insn) -> Flow {
        let (address, zero) = (self.plain_address(i), self.imm(0));
        self.runtime(number, address, zero)
    }
    /// STMXCSR.
    pub(crate) fn stmxcsr(&mut self, i: &Insn) -> Flow {
        self.with_address(runtime::STORE_MXCSR, i)
    }
    /// FXSAVE.
    pub(crate) fn fxsave(&mut self, i: &Insn) -> Flow {
        self.with_address(runtime::FXSAVE, i)
    }
    /// FXRSTOR.
    pub(crate) fn fxrstor(&mut self, i: &Insn) -> Flow {
        self.with_address(runtime::FXRSTOR, i)
    }
}
