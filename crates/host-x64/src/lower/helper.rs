//! Operations that the evaluator executes: what is not lowered natively.

use crate::emit::{Gpr, Mem, Size};
use crate::lower::Lower;
use core::mem::offset_of;
use ir::{FpRules, Op, OpCode, Ref, State, VecOp};

impl Lower<'_> {
    /// Whether the evaluator is to do the floating point of the current instruction.
    pub(crate) fn is_exact(&self) -> bool {
        self.block.fp_exact || self.block.trapping.contains(&self.guest)
    }
    /// Lets the evaluator do a pure operation: the generic path for everything that is not lowered
    /// natively. Operands go to `State::args`, the result comes back there.
    pub(crate) fn helper(&mut self, op: Op) {
        let (reads, writes) = (op.code.reads_flags(), op.code.writes_flags());
        if reads {
            self.save_flags();
        }
        self.clobber();
        self.helper_operands(op);
        self.unlock();
        self.flush_scratch();
        let done = if self.other_rules(op) {
            self.call_helper(op);
            [None; 2]
        } else {
            let plain = if self.is_exact() { self.plain(op) } else { None }
                .or_else(|| self.uniform_shift(op))
                .or_else(|| self.estimate(op));
            let invalid = if self.traps_often() { self.without_trap(op) } else { None };
            if !self.in_args(op) {
                self.call_helper(op);
            }
            [plain, invalid]
        };
        for done in done.into_iter().flatten() {
            self.e.bind(done);
        }
        if writes {
            self.flags_home();
        }
        self.helper_result(op.dst);
    }
    /// Whether `op` is floating point by rules for which nothing is lowered natively.
    pub(super) fn other_rules(&self, op: Op) -> bool {
        let vector = op.code == OpCode::Vec && VecOp::from_u16(op.aux).is_float();
        (vector || op.code.is_float()) && self.block.fp != FpRules::default()
    }
    /// Calls the helper for `op`, whose operands are in `State::args`. Destroys rax.
    pub(crate) fn call_helper(&mut self, op: Op) {
        for (n, word) in op.encode_for_helper(self.block.fp).into_iter().enumerate() {
            let to = Mem::state(offset_of!(State, helper_op) as i32 + n as i32 * 8);
            match i32::try_from(word as i64) {
                Ok(imm) => self.e.store_imm(Size::Q, to, imm),
                Err(_) => {
                    self.e.mov_imm(Gpr::RAX, word);
                    self.e.store(Size::Q, to, Gpr::RAX);
                }
            }
        }
        self.e.call_mem(Mem::state(offset_of!(State, call_helper) as i32));
    }
    /// Stores the operands of `op` in `State::args`.
    pub(crate) fn helper_operands(&mut self, op: Op) {
        for (n, r) in [op.a, op.b, op.c].into_iter().enumerate() {
            self.helper_operand(arg(n), r);
        }
    }
    fn helper_operand(&mut self, to: Mem, r: Ref) {
        if r.is_none() {
            return;
        }
        if let Some(c) = self.block.constant(r) {
            self.store_const(to, c as u64);
            return self.store_const(to.plus(8), (c >> 64) as u64);
        }
        if self.is_vector(r) {
            let x = self.using_v(r);
            self.e.movaps_store(to, x);
            self.release_v(x);
        } else {
            let v = self.using(r);
            self.e.store(Size::Q, to, v);
            self.release(v);
            self.e.store_imm(Size::Q, to.plus(8), 0);
        }
    }
    pub(crate) fn helper_result(&mut self, dst: Ref) {
        if dst.is_none() {
            return;
        }
        if self.is_vector(dst) {
            let d = self.define_v(dst);
            self.e.movaps_load(d, arg(0));
            self.set_v(dst, d);
        } else {
            let d = self.define(dst);
            self.e.load(Size::Q, d, arg(0));
            self.set(dst, d);
        }
    }
    /// Stores a 64-bit constant, using a scratch register if need be.
    pub(crate) fn store_const(&mut self, to: Mem, v: u64) {
        if let Ok(imm) = i32::try_from(v as i64) {
            return self.e.store_imm(Size::Q, to, imm);
        }
        let r = self.scratch();
        self.e.mov_imm(r, v);
        self.e.store(Size::Q, to, r);
        self.release(r);
    }
}

/// `State::args[n]`.
pub(crate) const fn arg(n: usize) -> Mem {
    Mem::state(offset_of!(State, args) as i32 + n as i32 * 16)
}
