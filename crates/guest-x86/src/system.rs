//! Instructions for the system, and those that only it may use.

use crate::control::refuses;
use crate::decode::{Insn, Operand, Segment};
use crate::operand::wide;
use crate::runtime;
use crate::state::{RAX, RCX, RDX, REFUSES_CPUID, REFUSES_TIME, SLOT_GS};
use crate::translator::Translator;
use guest::Flow;
use ir::state::{
    INTERRUPT_BREAKPOINT, INTERRUPT_DEBUG, INTERRUPT_OVERFLOW, SLOT_TIME, SLOT_TP, TRAP_INTERRUPT,
    TRAP_PROTECTION, TRAP_UNDEFINED,
};
use ir::{Access, OpCode, Ref, Ty};

/// The selector that a 64-bit program of Linux has in a segment register.
pub(crate) const fn selector(n: u8) -> u64 {
    match n {
        1 => 0x33,
        2 => 0x2b,
        _ => 0,
    }
}

impl Translator<'_> {
    /// What only the kernel may do.
    pub(crate) fn privileged(&mut self, _: &Insn) -> Flow {
        self.trap(TRAP_PROTECTION, 0)
    }
    /// UD2 and its like.
    pub(crate) fn undefined(&mut self, i: &Insn) -> Flow {
        // Those of the vDSO ask the host's.
        if i.op == crate::decode::Op::Ud1 && self.fetch.is_vdso(self.pc) {
            return match i.modrm {
                0xc0 => self.host_time(),
                0xc1 => self.host_day(),
                0xc2 => self.host_seconds(),
                _ => self.host_cpu(),
            };
        }
        self.trap(TRAP_UNDEFINED, 0)
    }
    /// SYSCALL. (What it does to registers is done when the call is served.)
    pub(crate) fn syscall(&mut self, _: &Insn) -> Flow {
        self.ir.push(ir::Op::new(OpCode::Syscall, Ty::I64));
        Flow::End
    }
    /// INT3: the instruction is over when the signal arrives.
    pub(crate) fn int3(&mut self, i: &Insn) -> Flow {
        self.trap(TRAP_INTERRUPT, INTERRUPT_BREAKPOINT | i32::from(i.len))
    }
    /// INT1.
    pub(crate) fn int1(&mut self, i: &Insn) -> Flow {
        self.trap(TRAP_INTERRUPT, INTERRUPT_DEBUG | i32::from(i.len))
    }
    /// INT: 3 is the breakpoint, 4 the overflow, all others are protected, which the error code tells. (The
    /// calls of 32-bit programs are not there.)
    pub(crate) fn int(&mut self, i: &Insn) -> Flow {
        const IN_TABLE: i32 = 2;
        match i.imm as u8 {
            3 => self.int3(i),
            4 => self.trap(TRAP_INTERRUPT, INTERRUPT_OVERFLOW | i32::from(i.len)),
            vector => self.trap(TRAP_PROTECTION, i32::from(vector) * 8 + IN_TABLE),
        }
    }
    /// CPUID.
    pub(crate) fn cpuid(&mut self, i: &Insn) -> Flow {
        if refuses(self.key, REFUSES_CPUID) {
            return self.privileged(i);
        }
        self.runtime(runtime::CPUID, RAX, RCX)
    }
    /// RDTSC: nanoseconds.
    pub(crate) fn rdtsc(&mut self, i: &Insn) -> Flow {
        if refuses(self.key, REFUSES_TIME) {
            return self.privileged(i);
        }
        let now = self.temp();
        self.ir.push(ir::Op { dst: now, ..ir::Op::new(OpCode::Counter, Ty::I64) });
        let high = self.make_imm(OpCode::Shr, Ty::I64, now, 32);
        self.ir.mov(Ty::I32, RAX, now);
        self.ir.mov(Ty::I32, RDX, high);
        Flow::Next
    }
    /// RDTSCP: that, and the number of the processor.
    pub(crate) fn rdtscp(&mut self, i: &Insn) -> Flow {
        if self.rdtsc(i) == Flow::End {
            return Flow::End;
        }
        let number = self.processor();
        self.ir.mov(Ty::I64, RCX, number);
        Flow::Next
    }
    /// RDPID.
    pub(crate) fn rdpid(&mut self, i: &Insn) -> Flow {
        let number = self.processor();
        self.put(i, i.operands[0], number);
        Flow::Next
    }
    /// What Linux has the processor's TSC_AUX say: its number, and above bit 12 its node's.
    fn processor(&mut self) -> Ref {
        self.ir.push(ir::Op::new(OpCode::HostCpu, Ty::I64));
        let t = self.temp();
        let (cpu, node) = (Ref::slot(SLOT_TIME), Ref::slot(SLOT_TIME + 1));
        self.ir.bin_aux(OpCode::Bfi, Ty::I64, t, cpu, node, 12 | 20 << 8);
        t
    }
    /// RDRAND, RDSEED.
    pub(crate) fn rdrand(&mut self, i: &Insn) -> Flow {
        let Operand::Reg { n, size } = i.operands[0] else { return Flow::Undefined };
        let (register, size) = (self.imm(n.into()), self.imm(size.into()));
        self.runtime(runtime::RANDOM, register, size)
    }
    /// XGETBV.
    pub(crate) fn xgetbv(&mut self, _: &Insn) -> Flow {
        let (index, zero) = (self.zero_extend(RCX, 4), self.imm(0));
        self.check(TRAP_PROTECTION, index, zero);
        let components = self.imm(crate::xstate::components(self.cpu));
        self.ir.mov(Ty::I64, RAX, components);
        self.ir.mov(Ty::I64, RDX, zero);
        Flow::Next
    }
    /// MFENCE, and instructions that wait for all stores.
    pub(crate) fn fence(&mut self, _: &Insn) -> Flow {
        self.ir.push(ir::Op::new(OpCode::Fence, Ty::I64));
        Flow::Next
    }
    /// SFENCE, LFENCE: ordinary stores and loads are in order.
    pub(crate) fn nop(&mut self, _: &Insn) -> Flow {
        Flow::Next
    }
    /// CLFLUSH and its like: the address must be there.
    pub(crate) fn touch(&mut self, i: &Insn) -> Flow {
        let address = self.address(i);
        let _ = self.load(address, 1);
        Flow::Next
    }
    /// The slot of FS's or GS's base.
    pub(crate) fn base(segment: Segment) -> Ref {
        Ref::slot(if segment == Segment::Fs { SLOT_TP } else { SLOT_GS })
    }
    /// RDFSBASE, RDGSBASE.
    pub(crate) fn read_base(&mut self, segment: Segment, i: &Insn) -> Flow {
        self.put(i, i.operands[0], Self::base(segment));
        Flow::Next
    }
    /// WRFSBASE, WRGSBASE: the address must be canonical.
    pub(crate) fn write_base(&mut self, segment: Segment, i: &Insn) -> Flow {
        let size = i.operand_size;
        let value = self.zero_extended(i, i.operands[0], size);
        if size == 8 {
            let canonical = self.make_un(OpCode::Sbfx, Ty::I64, value, 48 << 8);
            self.check(TRAP_PROTECTION, canonical, value);
        }
        self.ir.mov(wide(size), Self::base(segment), value);
        Flow::Next
    }
    /// RDFSBASE.
    pub(crate) fn read_fs(&mut self, i: &Insn) -> Flow {
        self.read_base(Segment::Fs, i)
    }
    /// RDGSBASE.
    pub(crate) fn read_gs(&mut self, i: &Insn) -> Flow {
        self.read_base(Segment::Gs, i)
    }
    /// WRFSBASE.
    pub(crate) fn write_fs(&mut self, i: &Insn) -> Flow {
        self.write_base(Segment::Fs, i)
    }
    /// WRGSBASE.
    pub(crate) fn write_gs(&mut self, i: &Insn) -> Flow {
        self.write_base(Segment::Gs, i)
    }
    /// MOV to a segment register: one that Linux has for programs. (The base that others could have is none of
    /// theirs.)
    pub(crate) fn mov_to_segment(&mut self, i: &Insn) -> Flow {
        let [Operand::Seg { n }, from, ..] = i.operands else { return Flow::Undefined };
        if n == 1 || n > 5 {
            return Flow::Undefined;
        }
        let value = self.zero_extended(i, from, 2);
        let number = self.imm(n.into());
        self.runtime(runtime::SEGMENT, number, value)
    }

    /// In the vDSO: asks clock edi, for the timespec at rsi.
    fn host_time(&mut self) -> Flow {
        let (seconds, ns) = (Ref::slot(SLOT_TIME), Ref::slot(SLOT_TIME + 1));
        self.ir.un(OpCode::HostTime, Ty::I64, Ref::NONE, crate::state::RDI);
        self.ir.st(seconds, crate::state::RSI, Ref::NONE, 0, Access::new(3));
        self.ir.st(ns, crate::state::RSI, Ref::NONE, 8, Access::new(3));
        self.host_time_result()
    }
    /// In the vDSO: the time of day, for the timeval at rdi.
    fn host_day(&mut self) -> Flow {
        let (seconds, ns) = (Ref::slot(SLOT_TIME), Ref::slot(SLOT_TIME + 1));
        let realtime = self.imm(0);
        self.ir.un(OpCode::HostTime, Ty::I64, Ref::NONE, realtime);
        // ns / 1000, exact below 2³².
        let product = self.make_imm(OpCode::Mul, Ty::I64, ns, 274_877_907);
        let us = self.make_imm(OpCode::Shr, Ty::I64, product, 38);
        self.ir.st(seconds, crate::state::RDI, Ref::NONE, 0, Access::new(3));
        self.ir.st(us, crate::state::RDI, Ref::NONE, 8, Access::new(3));
        self.host_time_result()
    }
    /// In the vDSO: rax = the seconds of clock edi.
    fn host_seconds(&mut self) -> Flow {
        self.ir.un(OpCode::HostTime, Ty::I64, Ref::NONE, crate::state::RDI);
        self.ir.mov(Ty::I64, RAX, Ref::slot(SLOT_TIME));
        Flow::Next
    }
    /// In the vDSO: eax and ecx = processor and node.
    fn host_cpu(&mut self) -> Flow {
        self.ir.push(ir::Op::new(OpCode::HostCpu, Ty::I64));
        self.ir.mov(Ty::I32, RAX, Ref::slot(SLOT_TIME));
        self.ir.mov(Ty::I32, RCX, Ref::slot(SLOT_TIME + 1));
        Flow::Next
    }
    /// rax = zero, or the error number.
    fn host_time_result(&mut self) -> Flow {
        let ns = Ref::slot(SLOT_TIME + 1);
        let error = self.make_imm(OpCode::Sar, Ty::I64, ns, 63);
        self.ir.bin(OpCode::And, Ty::I64, RAX, error, ns);
        Flow::Next
    }
}
