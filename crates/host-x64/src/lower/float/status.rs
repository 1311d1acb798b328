//! The guest's floating-point status: what is in its slot, and the sticky bits of the host's control
//! register that have not been moved there yet.

use crate::emit::{Cc, Gpr, Label, Mem, Size};
use crate::lower::Lower;
use crate::lower::cold::ColdKind;
use crate::lower::values::home;
use crate::{Alu, Shift};
use core::mem::offset_of;
use ir::state::SLOT_FPSR;
use ir::{Op, State};

/// `State::fp_control`, which only counts outside of translated code.
const FP_CONTROL: Mem = Mem::state(offset_of!(State, fp_control) as i32);
/// Division by zero, overflow, underflow and inexact in the slot. The host has them one bit higher.
/// "Invalid" traps, so the host never has it.
const STICKY: i32 = 0x1e;
/// All sticky bits of the host.
const HOST_STICKY: i32 = 0x3f;

impl Lower<'_> {
    /// `ReadFpStatus`.
    pub(crate) fn read_fp_status(&mut self, op: Op) {
        self.clobber();
        let r = self.host_sticky();
        self.e.alu_load(Alu::Or, Size::Q, r, home(SLOT_FPSR));
        self.set(op.dst, r);
    }
    /// `WriteFpStatus`. The host's bits are cleared only if one of them would show that should not:
    /// mostly the status is set to what it was before some operations that raised nothing.
    pub(crate) fn write_fp_status(&mut self, op: Op) {
        self.clobber();
        let a = self.using(op.a);
        let r = self.host_sticky();
        self.e.store(Size::Q, home(SLOT_FPSR), a);
        self.written(SLOT_FPSR);
        self.e.alu(Alu::Or, Size::D, r, a);
        self.e.alu(Alu::Cmp, Size::D, r, a);
        let back = self.e.new_label();
        let cold = self.cold(ColdKind::ClearSticky { back });
        self.e.jcc(Cc::Ne, cold);
        self.e.bind(back);
    }
    /// The host's sticky bits, as the slot has them.
    fn host_sticky(&mut self) -> Gpr {
        let r = self.scratch();
        self.e.stmxcsr(FP_CONTROL);
        self.e.load(Size::D, r, FP_CONTROL);
        if self.has_own_rules() {
            // Invalid stays where it is, and denormal, bit 1, becomes bit 7.
            let [invalid, denormal] = [self.scratch(), self.scratch()];
            self.e.mov(Size::D, invalid, r);
            self.e.alu_imm(Alu::And, Size::D, invalid, 1);
            self.e.mov(Size::D, denormal, r);
            self.e.alu_imm(Alu::And, Size::D, denormal, 2);
            self.e.shift_imm(Shift::Shl, Size::D, denormal, 6);
            self.e.alu(Alu::Or, Size::D, denormal, invalid);
            self.e.shift_imm(Shift::Shr, Size::D, r, 1);
            self.e.alu_imm(Alu::And, Size::D, r, STICKY);
            self.e.alu(Alu::Or, Size::D, r, denormal);
            self.release(invalid);
            self.release(denormal);
            return r;
        }
        self.e.shift_imm(Shift::Shr, Size::D, r, 1);
        self.e.alu_imm(Alu::And, Size::D, r, STICKY);
        r
    }
    /// Cold code of [`Lower::write_fp_status`].
    pub(crate) fn clear_sticky(&mut self, back: Label) {
        self.e.alu_mem_imm(Alu::And, Size::D, FP_CONTROL, !HOST_STICKY);
        self.e.ldmxcsr(FP_CONTROL);
        self.e.jmp(back);
    }
}
