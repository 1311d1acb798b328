//! Clocks: nanoseconds from the time stamp counter, and what the host's vDSO says.

use crate::emit::{Cc, Gpr, Mem, Size};
use crate::lower::{Lower, arg};
use crate::{Alu, Shift};
use core::mem::offset_of;
use ir::{Op, State, state::Clock};

const fn clock(field: usize) -> Mem {
    Mem::state((offset_of!(State, clock) + field) as i32)
}

impl Lower<'_> {
    pub(crate) fn counter(&mut self, op: Op) {
        self.clobber();
        self.flush_scratch();
        self.take(Gpr::RAX);
        self.take(Gpr::RDX);
        // Not before earlier loads: what they saw has happened.
        self.e.lfence();
        self.e.rdtsc();
        self.e.shift_imm(Shift::Shl, Size::Q, Gpr::RDX, 32);
        self.e.alu(Alu::Or, Size::Q, Gpr::RAX, Gpr::RDX);
        self.e.alu_load(Alu::Sub, Size::Q, Gpr::RAX, clock(offset_of!(Clock, start)));
        self.e.alu_load(Alu::Cmp, Size::Q, Gpr::RAX, clock(offset_of!(Clock, limit)));
        let within = self.e.jcc_short(Cc::B);
        self.call_helper(op);
        self.e.load(Size::Q, Gpr::RAX, arg(0));
        let done = self.e.jmp_short();
        self.e.bind_short(within);
        self.e.mul_load(clock(offset_of!(Clock, mult)));
        self.e.shrd(Size::Q, Gpr::RAX, Gpr::RDX, 32);
        self.e.alu_load(Alu::Add, Size::Q, Gpr::RAX, clock(offset_of!(Clock, base)));
        self.e.bind_short(done);
        self.set(op.dst, Gpr::RAX);
    }
    pub(crate) fn host_time(&mut self, op: Op) {
        self.clobber();
        self.fixed(Gpr::RAX, op.a);
        self.unlock();
        self.flush_scratch();
        self.e.call_mem(Mem::state(offset_of!(State, host_time.stub) as i32));
    }
    pub(crate) fn host_cpu(&mut self) {
        self.clobber();
        self.unlock();
        self.flush_scratch();
        self.e.call_mem(Mem::state(offset_of!(State, host_cpu.stub) as i32));
    }
}
