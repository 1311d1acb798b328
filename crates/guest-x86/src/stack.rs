//! The stack.

use crate::decode::{Insn, Operand};
use crate::operand::register;
use crate::state::{RBP, RSP};
use crate::translator::Translator;
use guest::Flow;
use ir::{Access, OpCode, Ref, RmwOp, Ty};

const fn access(size: u8) -> Access {
    Access::new(size.trailing_zeros() as u8)
}

impl Translator<'_> {
    /// Pushes the low `size` bytes of `value`, which may be rsp.
    pub(crate) fn push_value(&mut self, value: Ref, size: u8) {
        self.ir.st(value, RSP, Ref::NONE, -i32::from(size), access(size));
        let bytes = self.imm(size.into());
        self.ir.bin(OpCode::Sub, Ty::I64, RSP, RSP, bytes);
    }
    /// PUSH.
    pub(crate) fn push(&mut self, i: &Insn) -> Flow {
        let value = match i.operands[0] {
            Operand::Seg { n } => self.imm(crate::system::selector(n)),
            operand => self.value(i, operand),
        };
        self.push_value(value, i.operand_size);
        Flow::Next
    }
    /// POP to a register.
    pub(crate) fn pop(&mut self, i: &Insn) -> Flow {
        let [to, ..] = i.operands;
        let size = i.operand_size;
        let bytes = self.imm(size.into());
        if let Operand::Reg { n, size: 8 } = to
            && register(n) != RSP
        {
            // (The stack pointer is written last, as the load may fault.)
            self.ir.ld(register(n), RSP, Ref::NONE, 0, access(8));
            self.ir.bin(OpCode::Add, Ty::I64, RSP, RSP, bytes);
            return Flow::Next;
        }
        let value = self.temp();
        self.ir.ld(value, RSP, Ref::NONE, 0, access(size));
        if let Operand::Mem { .. } = to {
            // Its address is computed with the new stack pointer.
            let mut address = self.address(i);
            if i.memory.base == Some(4) {
                address = self.behind(address, size.into());
            }
            self.store(value, address, size);
            self.ir.bin(OpCode::Add, Ty::I64, RSP, RSP, bytes);
        } else {
            self.ir.bin(OpCode::Add, Ty::I64, RSP, RSP, bytes);
            self.put(i, to, value);
        }
        Flow::Next
    }
    /// LEAVE.
    pub(crate) fn leave(&mut self, i: &Insn) -> Flow {
        let size = i.operand_size;
        let value = self.temp();
        self.ir.ld(value, RBP, Ref::NONE, 0, access(size));
        let bytes = self.imm(size.into());
        self.ir.bin(OpCode::Add, Ty::I64, RSP, RBP, bytes);
        self.put(i, Operand::Reg { n: 5, size }, value);
        Flow::Next
    }
    /// ENTER: pushes rbp, for a nested procedure also the pointers to the frames around its own, which are
    /// below rbp, and to that.
    pub(crate) fn enter(&mut self, i: &Insn) -> Flow {
        let (size, level) = (i.operand_size, i32::from(i.imm2 & 31));
        let step = i32::from(size);
        self.ir.st(RBP, RSP, Ref::NONE, -step, access(size));
        let bytes = self.imm(size.into());
        let frame = self.make(OpCode::Sub, Ty::I64, RSP, bytes);
        for n in 1..level {
            let outer = self.temp();
            self.ir.ld(outer, RBP, Ref::NONE, -step * n, access(size));
            self.ir.st(outer, RSP, Ref::NONE, -step * (n + 1), access(size));
        }
        if level > 0 {
            self.ir.st(frame, RSP, Ref::NONE, -step * (level + 1), access(size));
        }
        let room = self.imm(u64::from(size) * (level as u64 + 1) + (i.imm as u64 & 0xffff));
        // It makes sure that the new top of the stack can be written to.
        let (top, nothing) = (self.make(OpCode::Sub, Ty::I64, RSP, room), self.imm(0));
        self.rmw(RmwOp::Set, top, nothing, size);
        self.ir.mov(Ty::I64, RSP, top);
        self.put(i, Operand::Reg { n: 5, size }, frame);
        Flow::Next
    }
}
