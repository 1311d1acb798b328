//! Branches, calls, returns, and exceptions that code raises itself.

use crate::field::XReg;
use crate::known::Constant;
use crate::{Flow, Translator};
use ir::state::{SLOT_TIME, TRAP_BREAKPOINT};
use ir::{Access, Cond, Exit, ExitKind, Op, OpCode, Ref, Ty};

/// Whether a register is one that calls use for the return address (manual: "Unconditional Jumps",
/// return-address prediction).
fn is_link(r: XReg) -> bool {
    matches!(r.0, 1 | 5)
}

impl Translator<'_> {
    fn relative_to(&self, distance: i32) -> u64 {
        self.pc.wrapping_add_signed(i64::from(distance))
    }
    /// Goes to `pc`, inside the block if it lies there.
    fn go(&mut self, pc: u64) -> Flow {
        self.poll_if_backward(pc);
        let dest = self.dest(pc);
        if dest >= 0 {
            self.ir.br(dest);
            if self.goes_on_after_branch(pc) {
                return Flow::Next;
            }
        } else {
            self.ir.exit_direct(dest);
        }
        Flow::End
    }
    /// Calls `pc`.
    fn call(&mut self, pc: u64, rd: XReg) -> Flow {
        self.poll_if_backward(pc);
        let return_pc = self.next_pc();
        self.set_address(rd, return_pc);
        let kind = if is_link(rd) { ExitKind::Call { return_pc } } else { ExitKind::Jump };
        let exit = self.exit_to(pc, kind);
        self.ir.exit_direct(exit);
        Flow::End
    }
    /// JAL; J is this.
    pub(crate) fn jal(&mut self, imm: i32, rd: XReg) -> Flow {
        let pc = self.relative_to(imm);
        if rd == XReg::ZERO { self.go(pc) } else { self.call(pc, rd) }
    }
    /// JALR; RET is this, and the second half of calls that AUIPC starts.
    pub(crate) fn jalr(&mut self, imm: i64, rs1: XReg, rd: XReg) -> Flow {
        if let Some((base, Constant::Relative)) = self.known.constant(rs1) {
            let pc = base.wrapping_add_signed(imm) & !1;
            // A signal that is delivered here returns to this instruction.
            if rd == rs1
                && pc > self.pc
                && let Some(at) = self.unseen_write(rs1)
            {
                self.take_back(at);
            }
            return if rd == XReg::ZERO { self.go(pc) } else { self.call(pc, rd) };
        }
        let (base, target) = (self.x(rs1), self.temp());
        let even = self.imm(!1);
        if imm == 0 {
            self.ir.bin(OpCode::And, Ty::I64, target, base, even);
        } else {
            let (sum, offset) = (self.temp(), self.imm(imm.cast_unsigned()));
            self.ir.bin(OpCode::Add, Ty::I64, sum, base, offset);
            self.ir.bin(OpCode::And, Ty::I64, target, sum, even);
        }
        if is_link(rd) {
            // (A return that calls at once, of a coroutine, is only a call: the return stack is
            // a prediction.)
            let return_pc = self.next_pc();
            self.set_address(rd, return_pc);
            let exit =
                self.ir.exit(Exit { pc: return_pc, kind: ExitKind::Return, flags_dead: true });
            let none = Ref::NONE;
            self.ir.emit(OpCode::CallIndirect, Ty::I64, none, target, none, none, 0, exit);
            return Flow::End;
        }
        let return_pc = self.next_pc();
        self.set_address(rd, return_pc);
        let aux = u16::from(is_link(rs1));
        self.ir.un_aux(OpCode::ExitIndirect, Ty::I64, Ref::NONE, target, aux);
        Flow::End
    }

    /// A conditional branch. What compares for it in the previous instruction is compared at once.
    fn branch(&mut self, cond: Cond, distance: i32, rs2: XReg, rs1: XReg) -> Flow {
        let pc = self.relative_to(distance);
        let before = self.previous();
        self.poll_if_backward(pc);
        if rs1 == rs2 {
            return match cond {
                Cond::Eq | Cond::Ge | Cond::Hs => self.go(pc),
                _ => Flow::Next,
            };
        }
        let dest = self.dest(pc);
        if let Some(set) = before
            && let (Cond::Eq | Cond::Ne, XReg::ZERO) = (cond, rs2)
            && set.code == OpCode::SetCmp
            && set.dst == Ref::slot(u16::from(rs1.0))
            && set.dst != set.a
            && set.dst != set.b
        {
            let found = Cond::from_u8(set.aux as u8);
            let found = if cond == Cond::Ne { found } else { found.invert() };
            self.ir.br_cmp(set.ty, found, set.a, set.b, dest);
            return Flow::Next;
        }
        let (a, b) = (self.x(rs1), self.x(rs2));
        if rs1 == XReg::ZERO {
            // Constants are second operands.
            let swapped = match cond {
                Cond::Lt => Cond::Gt,
                Cond::Ge => Cond::Le,
                Cond::Lo => Cond::Hi,
                Cond::Hs => Cond::Ls,
                same => same,
            };
            self.ir.br_cmp(Ty::I64, swapped, b, a, dest);
        } else {
            self.ir.br_cmp(Ty::I64, cond, a, b, dest);
        }
        Flow::Next
    }
    /// BEQ.
    pub(crate) fn beq(&mut self, imm: i32, rs2: XReg, rs1: XReg) -> Flow {
        self.branch(Cond::Eq, imm, rs2, rs1)
    }
    /// BNE.
    pub(crate) fn bne(&mut self, imm: i32, rs2: XReg, rs1: XReg) -> Flow {
        self.branch(Cond::Ne, imm, rs2, rs1)
    }
    /// BLT.
    pub(crate) fn blt(&mut self, imm: i32, rs2: XReg, rs1: XReg) -> Flow {
        self.branch(Cond::Lt, imm, rs2, rs1)
    }
    /// BGE.
    pub(crate) fn bge(&mut self, imm: i32, rs2: XReg, rs1: XReg) -> Flow {
        self.branch(Cond::Ge, imm, rs2, rs1)
    }
    /// BLTU.
    pub(crate) fn bltu(&mut self, imm: i32, rs2: XReg, rs1: XReg) -> Flow {
        self.branch(Cond::Lo, imm, rs2, rs1)
    }
    /// BGEU.
    pub(crate) fn bgeu(&mut self, imm: i32, rs2: XReg, rs1: XReg) -> Flow {
        self.branch(Cond::Hs, imm, rs2, rs1)
    }

    /// ECALL.
    pub(crate) fn ecall(&mut self) -> Flow {
        self.ir.push(Op::new(OpCode::Syscall, Ty::I64));
        Flow::End
    }
    /// EBREAK.
    pub(crate) fn ebreak(&mut self) -> Flow {
        self.trap(TRAP_BREAKPOINT, 0)
    }

    /// What the vDSO's `clock_gettime` executes: it has checked the clock in a0. Not an instruction of
    /// any processor; undefined anywhere else.
    pub(crate) fn host_clock(&mut self) -> Flow {
        if !self.fetch.is_vdso(self.pc) {
            return Flow::Undefined;
        }
        let (seconds, ns) = (Ref::slot(SLOT_TIME), Ref::slot(SLOT_TIME + 1));
        self.ir.un(OpCode::HostTime, Ty::I64, Ref::NONE, A0);
        self.ir.st(seconds, A1, Ref::NONE, 0, Access::new(3));
        self.ir.st(ns, A1, Ref::NONE, 8, Access::new(3));
        self.host_time_result()
    }
    /// What the vDSO's `gettimeofday` executes, without a time zone.
    pub(crate) fn host_day(&mut self) -> Flow {
        if !self.fetch.is_vdso(self.pc) {
            return Flow::Undefined;
        }
        let (seconds, ns) = (Ref::slot(SLOT_TIME), Ref::slot(SLOT_TIME + 1));
        let realtime = self.imm(0);
        self.ir.un(OpCode::HostTime, Ty::I64, Ref::NONE, realtime);
        // ns / 1000, exact below 2³².
        let (product, us) = (self.temp(), self.temp());
        let (factor, amount) = (self.imm(274_877_907), self.imm(38));
        self.ir.bin(OpCode::Mul, Ty::I64, product, ns, factor);
        self.ir.bin(OpCode::Shr, Ty::I64, us, product, amount);
        self.ir.st(seconds, A0, Ref::NONE, 0, Access::new(3));
        self.ir.st(us, A0, Ref::NONE, 8, Access::new(3));
        self.host_time_result()
    }
    /// What the vDSO's `getcpu` executes: a2 and a3 = processor and node.
    pub(crate) fn host_cpu(&mut self) -> Flow {
        if !self.fetch.is_vdso(self.pc) {
            return Flow::Undefined;
        }
        self.ir.push(Op::new(OpCode::HostCpu, Ty::I64));
        for (slot, register) in [(SLOT_TIME, XReg(12)), (SLOT_TIME + 1, XReg(13))] {
            let answer = self.x_out(register);
            self.ir.mov(Ty::I32, answer, Ref::slot(slot));
        }
        Flow::Next
    }
    /// a0 = zero, or the error number.
    fn host_time_result(&mut self) -> Flow {
        let (error, sign) = (self.temp(), self.imm(63));
        let ns = Ref::slot(SLOT_TIME + 1);
        self.ir.bin(OpCode::Sar, Ty::I64, error, ns, sign);
        let result = self.x_out(XReg(10));
        self.ir.bin(OpCode::And, Ty::I64, result, error, ns);
        Flow::Next
    }
}

const A0: Ref = Ref::slot(10);
const A1: Ref = Ref::slot(11);
