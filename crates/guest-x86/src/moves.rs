//! Moves.

use crate::decode::{Insn, Operand};
use crate::operand::{is_memory, narrow, register, wide};
use crate::state::{RAX, RBX};
use crate::translator::Translator;
use guest::Flow;
use ir::{Access, Cond, OpCode, Ref, RmwOp, Ty, UNALIGNED};

/// The IR's condition for the lowest four bits of an opcode. (C is inverted.)
pub(crate) fn condition(n: u8) -> Cond {
    const ALL: [Cond; 8] =
        [Cond::Vs, Cond::Lo, Cond::Eq, Cond::Ls, Cond::Mi, Cond::Pe, Cond::Lt, Cond::Le];
    let cond = ALL[usize::from(n >> 1 & 7)];
    if n & 1 != 0 { cond.invert() } else { cond }
}

impl Translator<'_> {
    /// MOV.
    pub(crate) fn mov(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        match (to, from) {
            (Operand::Reg { n, size: 4 | 8 }, Operand::Mem { size }) => {
                let address = self.address(i);
                self.load_to(register(n), address, size as u8, 0);
            }
            _ => {
                let value = self.value(i, from);
                self.put(i, to, value);
            }
        }
        Flow::Next
    }
    /// MOVZX.
    pub(crate) fn movzx(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let dst = self.result(to);
        match from {
            Operand::Mem { size } => {
                let address = self.address(i);
                self.load_to(dst, address, size as u8, 0);
            }
            Operand::Reg { n, size } => {
                let code = if size == 1 { OpCode::ZExt8 } else { OpCode::ZExt16 };
                self.ir.un(code, Ty::I32, dst, register(n));
            }
            _ => {
                let value = self.value(i, from);
                self.ir.mov(Ty::I32, dst, value);
            }
        }
        self.put_narrow(to, dst);
        Flow::Next
    }
    /// MOVSX, MOVSXD.
    pub(crate) fn movsx(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let ty = wide(i.operand_size);
        let dst = self.result(to);
        let to_bytes = if ty == Ty::I64 { 8 } else { 4 };
        match from {
            Operand::Mem { size } if size < u16::from(to_bytes) => {
                let address = self.address(i);
                self.load_to(dst, address, size as u8, to_bytes);
            }
            _ => {
                let value = self.value(i, from);
                let size = match from {
                    Operand::Reg { size, .. } => u16::from(size),
                    Operand::Mem { size } => size,
                    _ => 1,
                };
                let code = match size {
                    1 => OpCode::SExt8,
                    2 => OpCode::SExt16,
                    _ if ty == Ty::I64 => OpCode::SExt32,
                    _ => OpCode::Mov,
                };
                self.ir.un(code, ty, dst, value);
            }
        }
        self.put_narrow(to, dst);
        Flow::Next
    }
    /// MOVBE.
    pub(crate) fn movbe(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let value = self.value(i, from);
        let swapped = self.swap_bytes(value, i.operand_size);
        self.put(i, to, swapped);
        Flow::Next
    }
    fn swap_bytes(&mut self, value: Ref, size: u8) -> Ref {
        let code = if size == 2 { OpCode::Rev16 } else { OpCode::Rev };
        self.make_un(code, wide(size), value, 0)
    }
    /// BSWAP. (Of 16 bits it gives zeros.)
    pub(crate) fn bswap(&mut self, i: &Insn) -> Flow {
        let [to, ..] = i.operands;
        if i.operand_size == 2 {
            let zero = self.imm(0);
            self.put_narrow(to, zero);
            return Flow::Next;
        }
        let (value, dst) = (self.value(i, to), self.result(to));
        self.ir.un(OpCode::Rev, wide(i.operand_size), dst, value);
        Flow::Next
    }
    /// LEA.
    pub(crate) fn lea(&mut self, i: &Insn) -> Flow {
        let [to, ..] = i.operands;
        let dst = self.result(to);
        self.effective_address(dst, wide(i.operand_size), i);
        self.put_narrow(to, dst);
        Flow::Next
    }
    /// XCHG; with memory it is locked in any case.
    pub(crate) fn xchg(&mut self, i: &Insn) -> Flow {
        let [a, b, ..] = i.operands;
        if let Operand::Mem { size } = a {
            let new = self.value(i, b);
            let at = self.plain_address(i);
            let old = self.rmw(RmwOp::Swp, at, new, size as u8);
            self.put(i, b, old);
            return Flow::Next;
        }
        let (x, y) = (self.value(i, a), self.value(i, b));
        let old = self.make_un(OpCode::Mov, Ty::I64, x, 0);
        self.put(i, a, y);
        self.put(i, b, old);
        Flow::Next
    }
    /// A locked operation on `size` bytes at `at`: the old value.
    pub(crate) fn rmw(&mut self, op: RmwOp, at: Ref, value: Ref, size: u8) -> Ref {
        let old = self.temp();
        let aux = size.trailing_zeros() as u16 | (op as u16) << 8 | UNALIGNED;
        self.ir.bin_aux(OpCode::Rmw, Ty::I64, old, at, value, aux);
        old
    }
    /// CMOVcc. (What is in memory is loaded in any case, and of 32 bits the upper half is cleared.)
    pub(crate) fn cmov(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let (new, old) = (self.value(i, from), self.value(i, to));
        let dst = self.result(to);
        let cond = condition(i.condition) as u16;
        self.ir.bin_aux(OpCode::Sel, wide(i.operand_size), dst, new, old, cond);
        self.put_narrow(to, dst);
        Flow::Next
    }
    /// SETcc.
    pub(crate) fn setcc(&mut self, i: &Insn) -> Flow {
        let [to, ..] = i.operands;
        let t = self.temp();
        let cond = condition(i.condition) as u16;
        self.ir.emit(OpCode::SetCond, Ty::I64, t, Ref::NONE, Ref::NONE, Ref::NONE, cond, 0);
        self.put(i, to, t);
        Flow::Next
    }
    /// CBW, CWDE, CDQE.
    pub(crate) fn cwde(&mut self, i: &Insn) -> Flow {
        match i.operand_size {
            2 => {
                let value = self.make_un(OpCode::SExt8, Ty::I32, RAX, 0);
                self.put_narrow(Operand::Reg { n: 0, size: 2 }, value);
            }
            4 => self.ir.un(OpCode::SExt16, Ty::I32, RAX, RAX),
            _ => self.ir.un(OpCode::SExt32, Ty::I64, RAX, RAX),
        }
        Flow::Next
    }
    /// CWD, CDQ, CQO.
    pub(crate) fn cdq(&mut self, i: &Insn) -> Flow {
        let to = Operand::Reg { n: 2, size: i.operand_size };
        let mut value = RAX;
        if i.operand_size == 2 {
            value = self.make_un(OpCode::SExt16, Ty::I32, RAX, 0);
        }
        let bits = u64::from(narrow(i.operand_size).bits()).max(32);
        let (dst, amount) = (self.result(to), self.imm(bits - 1));
        self.ir.bin(OpCode::Sar, wide(i.operand_size), dst, value, amount);
        self.put_narrow(to, dst);
        Flow::Next
    }
    /// XLAT.
    pub(crate) fn xlat(&mut self, i: &Insn) -> Flow {
        let index = self.make_un(OpCode::ZExt8, Ty::I64, RAX, 0);
        let wraps = i.address_size == 4;
        let ty = if wraps { Ty::I32 } else { Ty::I64 };
        let sum = self.make(OpCode::Add, ty, RBX, index);
        let base = match i.segment {
            Some(_) => {
                let empty = Insn { memory: Default::default(), address_size: 8, ..*i };
                let segment = self.plain_address(&empty);
                self.make(OpCode::Add, Ty::I64, segment, sum)
            }
            None => sum,
        };
        let t = self.temp();
        self.ir.ld(t, base, Ref::NONE, 0, Access::new(0));
        self.put_narrow(Operand::Reg { n: 0, size: 1 }, t);
        Flow::Next
    }
    /// MOV from a segment register: the selectors of a 64-bit program.
    pub(crate) fn mov_from_segment(&mut self, i: &Insn) -> Flow {
        let [to, Operand::Seg { n }, ..] = i.operands else { return Flow::Undefined };
        let selector = self.imm(crate::system::selector(n));
        // (To a register of any size, zero-extended.)
        match to {
            Operand::Reg { n, size: 2 } => self.put_narrow(Operand::Reg { n, size: 2 }, selector),
            to => self.put(i, to, selector),
        }
        Flow::Next
    }
    /// Whether the first operand is in memory.
    pub(crate) fn writes_memory(i: &Insn) -> bool {
        is_memory(i.operands[0])
    }
}
