//! Branches, calls, returns, and exceptions that code raises itself.

use crate::field::XZr;
use crate::{Flow, Translator};
use guest::clock_call;
use ir::state::{SLOT_TIME, TRAP_BREAKPOINT};
use ir::{Access, Cond, Exit, ExitKind, Op, OpCode, Ref, Ty};

impl Translator<'_> {
    fn relative(&self, words: i32) -> u64 {
        self.pc.wrapping_add_signed(i64::from(words) * 4)
    }
    /// Goes to `pc`, inside the block if it lies there.
    fn go(&mut self, pc: u64) -> Flow {
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
    /// B.
    pub(crate) fn b(&mut self, imm26: i32) -> Flow {
        let pc = self.relative(imm26);
        self.poll_if_backward(pc);
        self.go(pc)
    }
    /// BL.
    pub(crate) fn bl(&mut self, imm26: i32) -> Flow {
        let pc = self.relative(imm26);
        self.poll_if_backward(pc);
        let return_pc = self.pc.wrapping_add(4);
        self.set_address(XZr(30), return_pc);
        let exit = self.exit_to(pc, ExitKind::Call { return_pc });
        self.ir.exit_direct(exit);
        Flow::End
    }
    /// B.cond; BC.cond is the same with a hint.
    pub(crate) fn b_cond(&mut self, imm19: i32, cond: u8) -> Flow {
        let pc = self.relative(imm19);
        self.poll_if_backward(pc);
        if cond >= 14 {
            return self.go(pc);
        }
        let dest = self.dest(pc);
        self.ir.br_cond(Cond::from_u8(cond), dest);
        Flow::Next
    }
    /// BC.cond.
    pub(crate) fn bc_cond(&mut self, imm19: i32, cond: u8) -> Flow {
        self.b_cond(imm19, cond)
    }
    fn compare_branch(&mut self, cond: Cond, sf: bool, imm19: i32, rt: XZr) -> Flow {
        let pc = self.relative(imm19);
        self.poll_if_backward(pc);
        if rt.0 == 31 {
            return if cond == Cond::Eq { self.go(pc) } else { Flow::Next };
        }
        let dest = self.dest(pc);
        let (a, zero) = (self.x(rt), self.imm(0));
        self.ir.br_cmp(Self::ty(sf), cond, a, zero, dest);
        Flow::Next
    }
    /// CBZ.
    pub(crate) fn cbz(&mut self, sf: bool, imm19: i32, rt: XZr) -> Flow {
        self.compare_branch(Cond::Eq, sf, imm19, rt)
    }
    /// CBNZ.
    pub(crate) fn cbnz(&mut self, sf: bool, imm19: i32, rt: XZr) -> Flow {
        self.compare_branch(Cond::Ne, sf, imm19, rt)
    }
    fn test_branch(&mut self, set: bool, bit: u8, imm14: i32, rt: XZr) -> Flow {
        let pc = self.relative(imm14);
        self.poll_if_backward(pc);
        if rt.0 == 31 {
            return if set { Flow::Next } else { self.go(pc) };
        }
        let dest = self.dest(pc);
        let a = self.x(rt);
        self.ir.br_bit(a, bit, set, dest);
        Flow::Next
    }
    /// TBZ.
    pub(crate) fn tbz(&mut self, b5: u8, b40: u8, imm14: i32, rt: XZr) -> Flow {
        self.test_branch(false, b5 << 5 | b40, imm14, rt)
    }
    /// TBNZ.
    pub(crate) fn tbnz(&mut self, b5: u8, b40: u8, imm14: i32, rt: XZr) -> Flow {
        self.test_branch(true, b5 << 5 | b40, imm14, rt)
    }

    /// Branches if `a cond b`; the destination is `words` away.
    fn branch_if(&mut self, sf: bool, cond: Cond, a: Ref, b: Ref, words: i32) -> Flow {
        let pc = self.relative(words);
        let dest = self.dest(pc);
        self.ir.br_cmp(Self::ty(sf), cond, a, b, dest);
        Flow::Next
    }
    /// The condition of a compare-and-branch of registers.
    fn register_condition(cc: u8) -> Cond {
        [Cond::Gt, Cond::Ge, Cond::Hi, Cond::Hs, Cond::Al, Cond::Al, Cond::Eq, Cond::Ne]
            [usize::from(cc & 7)]
    }
    /// CB<cc> (register).
    pub(crate) fn cb_reg(&mut self, sf: bool, cc: u8, rm: XZr, imm9: i32, rt: XZr) -> Flow {
        self.poll_if_backward(self.relative(imm9));
        let (a, b) = (self.x(rt), self.x(rm));
        self.branch_if(sf, Self::register_condition(cc), a, b, imm9)
    }
    /// CB<cc> (immediate).
    pub(crate) fn cb_imm(&mut self, sf: bool, cc: u8, imm6: u64, imm9: i32, rt: XZr) -> Flow {
        self.poll_if_backward(self.relative(imm9));
        let (a, b) = (self.x(rt), self.imm(imm6));
        let cond = match cc {
            1 => Cond::Lt,
            3 => Cond::Lo,
            _ => Self::register_condition(cc),
        };
        self.branch_if(sf, cond, a, b, imm9)
    }
    /// Compares the low parts of two registers, extended as the condition's kind asks.
    fn compare_low(&mut self, codes: [OpCode; 2], cc: u8, rm: XZr, imm9: i32, rt: XZr) -> Flow {
        self.poll_if_backward(self.relative(imm9));
        let code = codes[usize::from(cc < 2)];
        let (a, b, low_a, low_b) = (self.x(rt), self.x(rm), self.temp(), self.temp());
        self.ir.un(code, Ty::I32, low_a, a);
        self.ir.un(code, Ty::I32, low_b, b);
        self.branch_if(false, Self::register_condition(cc), low_a, low_b, imm9)
    }
    /// CBB<cc>.
    pub(crate) fn cbb(&mut self, cc: u8, rm: XZr, imm9: i32, rt: XZr) -> Flow {
        self.compare_low([OpCode::ZExt8, OpCode::SExt8], cc, rm, imm9, rt)
    }
    /// CBH<cc>.
    pub(crate) fn cbh(&mut self, cc: u8, rm: XZr, imm9: i32, rt: XZr) -> Flow {
        self.compare_low([OpCode::ZExt16, OpCode::SExt16], cc, rm, imm9, rt)
    }

    /// Branches (`aux` 0) or returns (1) to the address in `a`.
    pub(crate) fn leave_to(&mut self, a: Ref, aux: u16) -> Flow {
        self.ir.un_aux(OpCode::ExitIndirect, Ty::I64, Ref::NONE, a, aux);
        Flow::End
    }
    /// BR.
    pub(crate) fn br(&mut self, rn: XZr) -> Flow {
        self.jumps(rn);
        let a = self.x(rn);
        self.leave_to(a, 0)
    }
    /// RET.
    pub(crate) fn ret(&mut self, rn: XZr) -> Flow {
        let a = self.x(rn);
        self.leave_to(a, 1)
    }
    /// BLR.
    pub(crate) fn blr(&mut self, rn: XZr) -> Flow {
        let mut a = self.x(rn);
        if rn.0 == 30 {
            let t = self.temp();
            self.ir.mov(Ty::I64, t, a);
            a = t;
        }
        self.call_to(a)
    }
    /// Calls the address in `a`, which is not the link register.
    pub(crate) fn call_to(&mut self, a: Ref) -> Flow {
        self.calls();
        let return_pc = self.pc.wrapping_add(4);
        self.set_address(XZr(30), return_pc);
        // What is behind the call says nothing about the flags that the called function sees.
        let exit = Exit { pc: return_pc, kind: ExitKind::Return, flags_dead: false };
        let exit = self.ir.exit(exit);
        let none = Ref::NONE;
        self.ir.emit(OpCode::CallIndirect, Ty::I64, none, a, none, none, 0, exit);
        Flow::End
    }

    /// SVC.
    pub(crate) fn svc(&mut self, imm16: u32) -> Flow {
        if matches!(imm16, clock_call::TIME | clock_call::DAY) && self.fetch.is_vdso(self.pc) {
            return self.host_time(imm16);
        }
        let mut op = Op::new(OpCode::Syscall, Ty::I64);
        op.imm = imm16 as i32;
        self.ir.push(op);
        Flow::End
    }
    /// What the vDSO's clock functions execute: they have checked the clock in w0, or that there
    /// is no time zone in x1.
    fn host_time(&mut self, call: u32) -> Flow {
        let x0 = Ref::slot(0);
        let (seconds, ns) = (Ref::slot(SLOT_TIME), Ref::slot(SLOT_TIME + 1));
        let clock = if call == clock_call::TIME { x0 } else { self.imm(0) };
        self.ir.un(OpCode::HostTime, Ty::I64, Ref::NONE, clock);
        if call == clock_call::TIME {
            self.ir.st(seconds, Ref::slot(1), Ref::NONE, 0, Access::new(3));
            self.ir.st(ns, Ref::slot(1), Ref::NONE, 8, Access::new(3));
        } else {
            // ns / 1000, exact below 2³².
            let (product, us) = (self.temp(), self.temp());
            let (factor, amount) = (self.imm(274_877_907), self.imm(38));
            self.ir.bin(OpCode::Mul, Ty::I64, product, ns, factor);
            self.ir.bin(OpCode::Shr, Ty::I64, us, product, amount);
            self.ir.st(seconds, x0, Ref::NONE, 0, Access::new(3));
            self.ir.st(us, x0, Ref::NONE, 8, Access::new(3));
        }
        // Zero, or the error number.
        let (error, sign) = (self.temp(), self.imm(63));
        self.ir.bin(OpCode::Sar, Ty::I64, error, ns, sign);
        self.ir.bin(OpCode::And, Ty::I64, x0, error, ns);
        Flow::Next
    }
    /// BRK.
    pub(crate) fn brk(&mut self, imm16: u32) -> Flow {
        self.trap(TRAP_BREAKPOINT, imm16 as i32)
    }
    /// HVC: undefined at EL0.
    pub(crate) fn hvc(&mut self, _imm16: u32) -> Flow {
        Flow::Undefined
    }
    /// SMC: undefined at EL0.
    pub(crate) fn smc(&mut self, _imm16: u32) -> Flow {
        Flow::Undefined
    }
    /// HLT: undefined without an external debugger.
    pub(crate) fn hlt(&mut self, _imm16: u32) -> Flow {
        Flow::Undefined
    }
    /// UDF.
    pub(crate) fn udf(&mut self, _imm16: u32) -> Flow {
        Flow::Undefined
    }
}
