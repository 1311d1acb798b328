//! Moves of 16-bit immediates.

use crate::field::XZr;
use crate::{Flow, Translator};
use ir::{OpCode, Ref, Ty};

impl Translator<'_> {
    /// MOVZ.
    pub(crate) fn movz(&mut self, sf: bool, hw: u8, imm16: u64, rd: XZr) -> Flow {
        if !sf && hw >= 2 {
            return Flow::Undefined;
        }
        self.set(rd, imm16 << (hw * 16))
    }
    /// MOVN.
    pub(crate) fn movn(&mut self, sf: bool, hw: u8, imm16: u64, rd: XZr) -> Flow {
        if !sf && hw >= 2 {
            return Flow::Undefined;
        }
        let value = !(imm16 << (hw * 16));
        self.set(rd, if sf { value } else { value & 0xffff_ffff })
    }
    /// MOVK. After another move of a constant to `rd`, the result is a constant too.
    pub(crate) fn movk(&mut self, sf: bool, hw: u8, imm16: u64, rd: XZr) -> Flow {
        if !sf && hw >= 2 {
            return Flow::Undefined;
        }
        if rd.0 == 31 {
            return Flow::Next;
        }
        let (dst, lsb) = (self.x_out(rd), u32::from(hw) * 16);
        if let Some(old) = self.constant_just_moved_to(dst)
            && !ir::near(self.pc, old)
        {
            let value = old & !(0xffff << lsb) | imm16 << lsb;
            self.drop_previous_move();
            return self.set(rd, if sf { value } else { value & 0xffff_ffff });
        }
        let b = self.imm(imm16);
        self.ir.bin_aux(OpCode::Bfi, Self::ty(sf), dst, dst, b, lsb as u16 | 16 << 8);
        Flow::Next
    }
    /// The constant that the previous instruction moved to `register`, if nothing branches in
    /// between and this instruction has appended nothing yet.
    pub(crate) fn constant_just_moved_to(&self, register: Ref) -> Option<u64> {
        let [.., last, insn] = self.ir.block.ops.as_slice() else { return None };
        if insn.code != OpCode::Insn || last.code != OpCode::Mov || last.dst != register {
            return None;
        }
        let value = self.ir.known(last.a)?;
        Some(if last.ty == Ty::I32 { value & 0xffff_ffff } else { value })
    }
    /// Takes back that move, when this instruction overwrites the register and cannot fault: nobody
    /// can see the state in between.
    pub(crate) fn drop_previous_move(&mut self) {
        let ops = &mut self.ir.block.ops;
        let insn = ops.len() - 1;
        ops.swap(insn - 1, insn);
        ops.pop();
    }
}
