//! Invalid operations without a trap, in cold code: what the host's exception would cost is many times
//! what it takes to mask it for one instruction. Operands are in `State::args`, and the result goes to
//! the first of them.

use crate::Alu;
use crate::emit::sse::op;
use crate::emit::{Cc, Gpr, Label, Mem, Size, Xmm};
use crate::lower::float::plain::{Plain, What};
use crate::lower::values::{ARGS_SPILL, home, spill_mem};
use crate::lower::{Lower, arg};
use ir::state::SLOT_FPSR;
use ir::{FpRules, Op};

/// The scratch registers; nothing lives in them here.
const X: Xmm = Xmm(14);
const Y: Xmm = Xmm(15);

/// The host's floating-point control, before and while the exception is masked.
const CONTROL: Mem = spill_mem(ARGS_SPILL);
const MASKED: Mem = spill_mem(ARGS_SPILL + 1);
/// MXCSR.IM.
const INVALID: i32 = 1 << 7;
/// MXCSR.IE and FPSR.IOC.
const STICKY: i32 = 1;

impl Lower<'_> {
    /// Computes `o` if no operand is a NaN; then the result is the default NaN where it is one. Leads to
    /// the label; goes on where an operand is a NaN. None: nothing emitted.
    pub(crate) fn without_trap(&mut self, o: Op) -> Option<Label> {
        let p = Plain::of(o)?;
        let fused = matches!(p.what, What::Fused(..));
        let able = self.avx() && (!fused || self.host.features().fma);
        if !able || self.block.fp_exact || self.block.fp != FpRules::default() {
            return None;
        }
        let (slow, done) = (self.e.new_label(), self.e.new_label());
        for n in 0..p.operands() {
            self.load_lanes(p, X, arg(n));
            self.find_nan(p, X);
            self.v2(op::PTEST, X, X);
            self.e.jcc(Cc::Ne, slow);
        }
        self.e.stmxcsr(CONTROL);
        self.e.load(Size::D, Gpr::RAX, CONTROL);
        self.e.alu_imm(Alu::Or, Size::D, Gpr::RAX, INVALID);
        self.e.store(Size::D, MASKED, Gpr::RAX);
        self.e.ldmxcsr(MASKED);
        self.compute(p);
        // The sticky bits are new. That of this exception, which the host's control never has, is the
        // guest's IOC.
        self.e.stmxcsr(CONTROL);
        self.e.load(Size::D, Gpr::RAX, CONTROL);
        self.e.alu_imm(Alu::And, Size::D, Gpr::RAX, STICKY);
        self.e.alu_store(Alu::Or, Size::D, home(SLOT_FPSR), Gpr::RAX);
        self.e.alu_mem_imm(Alu::And, Size::D, CONTROL, !(INVALID | STICKY));
        self.e.ldmxcsr(CONTROL);
        self.vmov(Y, X);
        self.find_nan(p, Y);
        self.e.movaps_store(arg(3), Y);
        self.v3(op::PANDN, Y, Y, X);
        let nan = self.all(p, p.default_nan());
        self.e.movaps_load(X, arg(3));
        self.v3(op::PAND, X, X, nan);
        self.v3(op::POR, X, X, Y);
        self.e.movaps_store(arg(0), X);
        self.e.jmp(done);
        self.e.bind(slow);
        Some(done)
    }
    /// Lanes of `x` become ones where they are NaNs, else zeros.
    fn find_nan(&mut self, p: Plain, x: Xmm) {
        let magnitude = self.all(p, u64::MAX >> (65 - p.bits()));
        self.v3(op::PAND, x, x, magnitude);
        self.greater(p, x, p.infinity());
    }
}
