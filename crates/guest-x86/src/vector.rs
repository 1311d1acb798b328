//! Vector registers: operands and moves.

use crate::decode::{Insn, Operand};
use crate::operand::register;
use crate::translator::Translator;
use guest::Flow;
use ir::state::FIRST_VEC;
use ir::{OpCode, Ref, Ty, VecOp, vec_op};

/// The low half of a vector register.
pub(crate) const fn low(n: u8) -> Ref {
    Ref::slot(FIRST_VEC + n as u16)
}

impl Translator<'_> {
    /// A vector operand's value; of memory as many bytes as it has, zeros above.
    pub(crate) fn vector(&mut self, i: &Insn, operand: Operand) -> Ref {
        match operand {
            Operand::Vec { n, .. } => low(n),
            Operand::Mem { size } => {
                let (t, address) = (self.temp(), self.address(i));
                self.load_vector(t, address, size as u8);
                t
            }
            _ => self.ir.vconst(0),
        }
    }
    /// `code(a, b)` in a new temporary.
    pub(crate) fn vec2(&mut self, op: VecOp, lane: u8, a: Ref, b: Ref) -> Ref {
        self.vec3(op, lane, 0, [a, b, Ref::NONE])
    }
    /// `code(a)` with a parameter.
    pub(crate) fn vec1(&mut self, op: VecOp, lane: u8, param: i32, a: Ref) -> Ref {
        self.vec3(op, lane, param, [a, Ref::NONE, Ref::NONE])
    }
    /// `code(a, b, c)` with a parameter.
    pub(crate) fn vec3(&mut self, op: VecOp, lane: u8, param: i32, [a, b, c]: [Ref; 3]) -> Ref {
        let t = self.temp();
        self.ir.vec(op, Ty::V128, t, a, b, c, vec_op::imm(lane, param));
        t
    }
    /// The destination and both sources of an instruction that overwrites its first operand.
    pub(crate) fn two_vectors(&mut self, i: &Insn) -> Option<(Ref, Ref)> {
        let [Operand::Vec { n, .. }, b, ..] = i.operands else { return None };
        let b = self.vector(i, b);
        Some((low(n), b))
    }
    // --- moves

    /// A whole register: to it, or to memory.
    pub(crate) fn vector_move(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        match (to, from) {
            (Operand::Vec { n, .. }, Operand::Mem { .. }) => {
                let address = self.address(i);
                self.load_vector(low(n), address, 16);
            }
            (Operand::Mem { .. }, Operand::Vec { n, .. }) => {
                let address = self.address(i);
                self.store_vector(low(n), address, 16);
            }
            (Operand::Vec { n, .. }, Operand::Vec { n: from, .. }) => {
                self.ir.mov(Ty::V128, low(n), low(from));
            }
            _ => return Flow::Undefined,
        }
        Flow::Next
    }
    /// MOVSS, MOVSD and MOVQ with memory, and MOVQ between registers: what is above becomes zero.
    pub(crate) fn vector_part(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        match (to, from) {
            (Operand::Vec { n, .. }, Operand::Mem { size }) => {
                let address = self.address(i);
                self.load_vector(low(n), address, size as u8);
            }
            (Operand::Mem { size }, Operand::Vec { n, .. }) => {
                let address = self.address(i);
                self.store_vector(low(n), address, size as u8);
            }
            (Operand::Vec { n, .. }, Operand::Vec { n: from, .. }) => {
                self.ir.mov(Ty::V64, low(n), low(from));
            }
            _ => return Flow::Undefined,
        }
        Flow::Next
    }
    /// Lane 0 of `lane` size of a register replaced by that of `value`.
    pub(crate) fn set_lowest(&mut self, dst: Ref, lane: u8, value: Ref) {
        let imm = vec_op::imm(lane, 0);
        self.ir.vec(VecOp::InsLane, Ty::V128, dst, dst, value, Ref::NONE, imm);
    }
    fn move_lowest(&mut self, lane: u8, i: &Insn) -> Flow {
        let Some((dst, from)) = self.two_vectors(i) else { return Flow::Undefined };
        self.set_lowest(dst, lane, from);
        Flow::Next
    }
    /// MOVSS between registers.
    pub(crate) fn movss(&mut self, i: &Insn) -> Flow {
        self.move_lowest(2, i)
    }
    /// MOVSD between registers, MOVLPS and MOVLPD from memory.
    pub(crate) fn movsd(&mut self, i: &Insn) -> Flow {
        self.move_lowest(3, i)
    }
    /// MOVHPS, MOVHPD from memory, MOVLHPS.
    pub(crate) fn movhps(&mut self, i: &Insn) -> Flow {
        let Some((dst, from)) = self.two_vectors(i) else { return Flow::Undefined };
        self.ir.vec(VecOp::Combine, Ty::V128, dst, dst, from, Ref::NONE, vec_op::imm(3, 0));
        Flow::Next
    }
    /// MOVHPS, MOVHPD to memory.
    pub(crate) fn movhps_store(&mut self, i: &Insn) -> Flow {
        let [_, Operand::Vec { n, .. }, ..] = i.operands else { return Flow::Undefined };
        let address = self.address(i);
        let high = self.vec1(VecOp::High, 3, 0, low(n));
        self.store_vector(high, address, 8);
        Flow::Next
    }
    /// MOVHLPS.
    pub(crate) fn movhlps(&mut self, i: &Insn) -> Flow {
        let Some((dst, from)) = self.two_vectors(i) else { return Flow::Undefined };
        let high = self.vec1(VecOp::High, 3, 0, from);
        self.set_lowest(dst, 3, high);
        Flow::Next
    }
    /// MOVD, MOVQ from a general register or memory.
    pub(crate) fn movd_load(&mut self, i: &Insn) -> Flow {
        let [Operand::Vec { n, .. }, from, ..] = i.operands else { return Flow::Undefined };
        match from {
            Operand::Reg { n: from, size } => {
                let ty = if size == 8 { Ty::F64 } else { Ty::F32 };
                self.ir.un(OpCode::IntToVec, ty, low(n), register(from));
            }
            _ => return self.vector_part(i),
        }
        Flow::Next
    }
    /// MOVD, MOVQ to a general register or memory.
    pub(crate) fn movd_store(&mut self, i: &Insn) -> Flow {
        let [to, Operand::Vec { n, .. }, ..] = i.operands else { return Flow::Undefined };
        match to {
            Operand::Reg { n: to, size } => {
                let lane = if size == 8 { 3 } else { 2 };
                self.ir.un_aux(OpCode::VecToInt, Ty::I64, register(to), low(n), lane << 8);
            }
            _ => return self.vector_part(i),
        }
        Flow::Next
    }
    /// The signs of lanes to a general register.
    fn signs(&mut self, lane: u16, i: &Insn) -> Flow {
        let [Operand::Reg { n: to, .. }, Operand::Vec { n, .. }, ..] = i.operands else {
            return Flow::Undefined;
        };
        self.ir.un_aux(OpCode::VecMask, Ty::I64, register(to), low(n), lane);
        Flow::Next
    }
    /// PMOVMSKB.
    pub(crate) fn pmovmskb(&mut self, i: &Insn) -> Flow {
        self.signs(0, i)
    }
    /// MOVMSKPS.
    pub(crate) fn movmskps(&mut self, i: &Insn) -> Flow {
        self.signs(2, i)
    }
    /// MOVMSKPD.
    pub(crate) fn movmskpd(&mut self, i: &Insn) -> Flow {
        self.signs(3, i)
    }
    /// PEXTRW.
    pub(crate) fn pextrw(&mut self, i: &Insn) -> Flow {
        let [Operand::Reg { n: to, .. }, Operand::Vec { n, .. }, ..] = i.operands else {
            return Flow::Undefined;
        };
        let lane = (i.imm & 7) as u16 | 1 << 8;
        self.ir.un_aux(OpCode::VecToInt, Ty::I64, register(to), low(n), lane);
        Flow::Next
    }
    /// PINSRW.
    pub(crate) fn pinsrw(&mut self, i: &Insn) -> Flow {
        let [Operand::Vec { n, .. }, from, ..] = i.operands else { return Flow::Undefined };
        let from = match from {
            Operand::Mem { .. } => {
                let address = self.address(i);
                self.load(address, 2)
            }
            operand => self.value(i, operand),
        };
        let imm = vec_op::imm(1, (i.imm & 7) as i32);
        self.ir.vec(VecOp::InsInt, Ty::V128, low(n), low(n), from, Ref::NONE, imm);
        Flow::Next
    }
}
