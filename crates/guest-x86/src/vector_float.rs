//! Floating point of SSE and AVX between vectors and other registers, and its control.

use crate::decode::{Insn, Operand};
use crate::operand::register;
use crate::runtime;
use crate::state::{RAX, RDX};
use crate::translator::Translator;
use guest::Flow;
use ir::state::{SLOT_FPCR, TRAP_PROTECTION};
use ir::{Op, OpCode, Ref, Rounding, Ty, VecOp};

impl Translator<'_> {
    fn compare_flags(&mut self, ty: Ty, signalling: bool, i: &Insn) -> Flow {
        let (a, b) = (self.vector(i, i.operands[0]), self.vector(i, i.operands[1]));
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

    fn integer_to_float(&mut self, lane: u8, i: &Insn) -> Flow {
        let [into, ..] = self.sources(&Insn { memory: i.memory, ..vectors_of(i) });
        let from = i
            .operands
            .into_iter()
            .rfind(|o| matches!(o, Operand::Reg { .. } | Operand::Mem { .. }));
        let Some(from) = from else { return Flow::Undefined };
        let wide = matches!(from, Operand::Reg { size: 8, .. } | Operand::Mem { size: 8 });
        let value = self.value(i, from);
        self.define_vector(i, true, |t, _, dst| {
            t.vec_to(dst, VecOp::FInsInt, lane, wide.into(), [into[0], value, Ref::NONE]);
        });
        Flow::Next
    }
    /// CVTSI2SS.
    pub(crate) fn cvtsi2ss(&mut self, i: &Insn) -> Flow {
        self.integer_to_float(2, i)
    }
    /// CVTSI2SD.
    pub(crate) fn cvtsi2sd(&mut self, i: &Insn) -> Flow {
        self.integer_to_float(3, i)
    }
    fn float_to_integer(&mut self, ty: Ty, rounding: Rounding, i: &Insn) -> Flow {
        let [Operand::Reg { n, size }, from, ..] = i.operands else { return Flow::Undefined };
        let value = self.vector(i, from);
        let aux = rounding as u16 | 1 << 3 | u16::from(size == 8) << 4;
        self.ir.un_aux(OpCode::FToInt, ty, register(n), value, aux);
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
    /// VCVTPS2PH: halves of singles, to a register or to memory.
    pub(crate) fn vcvtps2ph(&mut self, i: &Insn) -> Flow {
        let from = self.halves(i, i.operands[1]);
        let rounding = match i.imm & 7 {
            0 => Rounding::Nearest,
            1 => Rounding::Down,
            2 => Rounding::Up,
            3 => Rounding::Zero,
            _ => Rounding::Current,
        };
        let param = i32::from(rounding.chosen()) << 4;
        let lower = self.vec1(VecOp::FCvtN, 1, param, from[0]);
        let mut result = lower;
        if !from[1].is_none() {
            let upper = self.vec1(VecOp::FCvtN, 1, param, from[1]);
            result = self.vec2(VecOp::Combine, 3, lower, upper);
        }
        match i.operands[0] {
            Operand::Mem { size } => {
                let address = self.address(i);
                self.store_vector(result, address, size as u8);
            }
            _ => self.define_vector(i, false, |t, _, dst| t.ir.mov(Ty::V128, dst, result)),
        }
        Flow::Next
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
        let (address, status) = (self.address(i), self.temp());
        self.ir.push(Op { dst: status, ..Op::new(OpCode::ReadFpStatus, Ty::I64) });
        // Invalid is where it is, denormal bit 7, and the others are one bit lower.
        let mut value = self.make_imm(OpCode::And, Ty::I64, Ref::slot(SLOT_FPCR), 0xffc0);
        for (mask, left, right) in [(1, 0, 0), (0x1e, 1, 0), (0x80, 0, 6)] {
            let mut bits = self.make_imm(OpCode::And, Ty::I64, status, mask);
            if left != 0 {
                bits = self.make_imm(OpCode::Shl, Ty::I64, bits, left);
            }
            if right != 0 {
                bits = self.make_imm(OpCode::Shr, Ty::I64, bits, right);
            }
            value = self.make(OpCode::Or, Ty::I64, value, bits);
        }
        self.store(value, address, 4);
        Flow::Next
    }
    /// FXSAVE.
    pub(crate) fn fxsave(&mut self, i: &Insn) -> Flow {
        self.with_address(runtime::FXSAVE, i)
    }
    /// The components of XSAVE that edx:eax names.
    fn components(&mut self) -> Ref {
        let (low, up) = (self.zero_extend(RAX, 4), self.make_imm(OpCode::Shl, Ty::I64, RDX, 32));
        self.make(OpCode::Or, Ty::I64, low, up)
    }
    /// XSAVE, XSAVEC, XSAVEOPT: all of them in the standard form, which the compact one is, too, without gaps.
    pub(crate) fn xsave(&mut self, i: &Insn) -> Flow {
        let mut what = self.components();
        if i.op == crate::decode::Op::Xsavec {
            what = self.make_imm(OpCode::Or, Ty::I64, what, crate::xstate::COMPACT);
        }
        let address = self.plain_address(i);
        self.runtime(runtime::XSAVE, address, what)
    }
    /// XRSTOR.
    pub(crate) fn xrstor(&mut self, i: &Insn) -> Flow {
        let (what, address) = (self.components(), self.plain_address(i));
        self.runtime(runtime::XRSTOR, address, what)
    }
    /// FXRSTOR.
    pub(crate) fn fxrstor(&mut self, i: &Insn) -> Flow {
        self.with_address(runtime::FXRSTOR, i)
    }
}

/// `i` without operands that are no vector registers.
fn vectors_of(i: &Insn) -> Insn {
    let operands = i.operands.map(|operand| match operand {
        Operand::Vec { .. } => operand,
        _ => Operand::None,
    });
    Insn { operands, ..*i }
}
