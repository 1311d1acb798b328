//! Branches.

use crate::decode::{Insn, Operand};
use crate::moves::condition;
use crate::operand::wide;
use crate::state::{RCX, RSP};
use crate::translator::Translator;
use guest::Flow;
use ir::state::TRAP_PROTECTION;
use ir::{Access, Cond, ExitKind, OpCode, Ref, Ty};

/// With address size 8.
const WORD: Access = Access::new(3);

impl Translator<'_> {
    /// Where a direct branch leads.
    fn target(&self, i: &Insn) -> u64 {
        self.next_pc.wrapping_add(i.imm as u64)
    }
    /// Jcc.
    pub(crate) fn jcc(&mut self, i: &Insn) -> Flow {
        let target = self.target(i);
        self.poll_if_backward(target);
        let dest = self.dest(target);
        self.ir.br_cond(condition(i.condition), dest);
        Flow::Next
    }
    /// JMP to a constant address.
    pub(crate) fn jmp(&mut self, i: &Insn) -> Flow {
        let target = self.target(i);
        self.poll_if_backward(target);
        if self.goes_on_after_branch(target) {
            let dest = self.dest(target);
            if dest >= 0 {
                self.ir.br(dest);
            } else {
                self.ir.br_cond(Cond::Al, dest);
            }
            return Flow::Next;
        }
        let dest = self.exit_to(target, ExitKind::Jump);
        self.ir.exit_direct(dest);
        Flow::End
    }
    /// JMP to an address in a register or in memory.
    pub(crate) fn jmp_rm(&mut self, i: &Insn) -> Flow {
        let target = self.value(i, i.operands[0]);
        let none = Ref::NONE;
        self.ir.emit(OpCode::ExitIndirect, Ty::I64, none, target, none, none, 0, 0);
        Flow::End
    }
    /// CALL of a constant address.
    pub(crate) fn call(&mut self, i: &Insn) -> Flow {
        let return_pc = self.next_pc;
        let target = self.target(i);
        self.push_return(return_pc);
        let dest = self.exit_to(target, ExitKind::Call { return_pc });
        self.ir.exit_direct(dest);
        Flow::End
    }
    /// CALL of an address in a register or in memory.
    pub(crate) fn call_rm(&mut self, i: &Insn) -> Flow {
        let mut target = self.value(i, i.operands[0]);
        if matches!(i.operands[0], Operand::Reg { .. }) {
            target = self.make_un(OpCode::Mov, Ty::I64, target, 0);
        }
        let return_pc = self.next_pc;
        self.push_return(return_pc);
        let dest = self.exit_to(return_pc, ExitKind::Return);
        let none = Ref::NONE;
        self.ir.emit(OpCode::CallIndirect, Ty::I64, none, target, none, none, 0, dest);
        Flow::End
    }
    fn push_return(&mut self, return_pc: u64) {
        let value = self.ir.address(return_pc);
        self.push_value(value, 8);
    }
    /// RET; the immediate is the size of arguments.
    pub(crate) fn ret(&mut self, i: &Insn) -> Flow {
        let target = self.temp();
        self.ir.ld(target, RSP, Ref::NONE, 0, WORD);
        let bytes = self.imm(8 + (i.imm as u64 & 0xffff));
        self.ir.bin(OpCode::Add, Ty::I64, RSP, RSP, bytes);
        let none = Ref::NONE;
        self.ir.emit(OpCode::ExitIndirect, Ty::I64, none, target, none, none, 1, 0);
        Flow::End
    }
    /// Only to 64-bit code: `selector` is that of programs.
    fn check_code(&mut self, selector: Ref) {
        let code = self.imm(crate::system::selector(1));
        self.check(TRAP_PROTECTION, selector, code);
    }
    /// The address and the selector at the operand.
    fn far_target(&mut self, i: &Insn) -> (Ref, Ref) {
        let address = self.address(i);
        let behind = self.behind(address, i.operand_size.into());
        (self.load(address, i.operand_size), self.load(behind, 2))
    }
    /// Goes to `target`.
    fn go_to(&mut self, target: Ref) -> Flow {
        let none = Ref::NONE;
        self.ir.emit(OpCode::ExitIndirect, Ty::I64, none, target, none, none, 0, 0);
        Flow::End
    }
    /// JMP to another segment, at an address in memory.
    pub(crate) fn far_jmp(&mut self, i: &Insn) -> Flow {
        let (target, selector) = self.far_target(i);
        self.check_code(selector);
        self.go_to(target)
    }
    /// CALL of code in another segment.
    pub(crate) fn far_call(&mut self, i: &Insn) -> Flow {
        let size = i.operand_size;
        let (target, selector) = self.far_target(i);
        self.check_code(selector);
        let (here, return_pc) =
            (self.imm(crate::system::selector(1)), self.ir.address(self.next_pc));
        let access = Access::new(size.trailing_zeros() as u8);
        self.ir.st(here, RSP, Ref::NONE, -i32::from(size), access);
        self.ir.st(return_pc, RSP, Ref::NONE, -2 * i32::from(size), access);
        let bytes = self.imm(2 * u64::from(size));
        self.ir.bin(OpCode::Sub, Ty::I64, RSP, RSP, bytes);
        self.go_to(target)
    }
    /// RET to another segment.
    pub(crate) fn far_ret(&mut self, i: &Insn) -> Flow {
        let size = i.operand_size;
        let (target, selector) = (self.temp(), self.temp());
        let access = Access::new(size.trailing_zeros() as u8);
        self.ir.ld(target, RSP, Ref::NONE, 0, access);
        self.ir.ld(selector, RSP, Ref::NONE, size.into(), Access::new(1));
        self.check_code(selector);
        let bytes = self.imm(2 * u64::from(size) + (i.imm as u64 & 0xffff));
        self.ir.bin(OpCode::Add, Ty::I64, RSP, RSP, bytes);
        self.go_to(target)
    }
    /// IRET, to a program's own code and stack: address, selector, flags, stack pointer and its selector.
    pub(crate) fn iret(&mut self, i: &Insn) -> Flow {
        let size = i.operand_size;
        if size == 2 {
            return Flow::Undefined;
        }
        let access = Access::new(size.trailing_zeros() as u8);
        let words = [0, 1, 2, 3, 4].map(|n: i32| {
            let (word, of_selector) = (self.temp(), n == 1 || n == 4);
            let access = if of_selector { Access::new(1) } else { access };
            self.ir.ld(word, RSP, Ref::NONE, n * i32::from(size), access);
            word
        });
        let [target, code, flags, stack, data] = words;
        self.check_code(code);
        let usual = self.imm(crate::system::selector(2));
        self.check(TRAP_PROTECTION, data, usual);
        self.set_rflags(flags, size);
        self.ir.mov(Ty::I64, RSP, stack);
        self.go_to(target)
    }
    /// LOOP (`None`), LOOPE, LOOPNE: the flags stay.
    pub(crate) fn loop_while(&mut self, zero: Option<bool>, i: &Insn) -> Flow {
        let target = self.target(i);
        self.poll_if_backward(target);
        let ty = wide(i.address_size);
        let (one, none) = (self.imm(1), self.imm(0));
        let mut goes = self.temp();
        let left = self.make(OpCode::Sub, ty, RCX, one);
        self.ir.bin_aux(OpCode::SetCmp, ty, goes, left, none, Cond::Ne as u16);
        if let Some(zero) = zero {
            let cond = if zero { Cond::Eq } else { Cond::Ne } as u16;
            let flag = self.temp();
            let n = Ref::NONE;
            self.ir.emit(OpCode::SetCond, Ty::I64, flag, n, n, n, cond, 0);
            goes = self.make(OpCode::And, Ty::I64, goes, flag);
        }
        self.ir.mov(ty, RCX, left);
        let dest = self.dest(target);
        self.ir.br_cmp(Ty::I64, Cond::Ne, goes, none, dest);
        Flow::Next
    }
    /// LOOP.
    pub(crate) fn loop_always(&mut self, i: &Insn) -> Flow {
        self.loop_while(None, i)
    }
    /// LOOPE.
    pub(crate) fn loop_equal(&mut self, i: &Insn) -> Flow {
        self.loop_while(Some(true), i)
    }
    /// LOOPNE.
    pub(crate) fn loop_unequal(&mut self, i: &Insn) -> Flow {
        self.loop_while(Some(false), i)
    }
    /// JECXZ, JRCXZ.
    pub(crate) fn jcxz(&mut self, i: &Insn) -> Flow {
        let target = self.target(i);
        self.poll_if_backward(target);
        let (dest, zero) = (self.dest(target), self.imm(0));
        self.ir.br_cmp(wide(i.address_size), Cond::Eq, RCX, zero, dest);
        Flow::Next
    }
}
