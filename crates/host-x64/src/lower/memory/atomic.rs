//! Atomic operations and the exclusive monitor.
//!
//! What is not aligned goes to the evaluator, which knows whether it must be ([`ir::WITHIN_16`]).

use crate::emit::sse::op;
use crate::emit::{Cc, Gpr, Imm, Mem, Size};
use crate::lower::cold::ColdKind;
use crate::lower::values::{OPERAND_SPILL, home, spill_mem};
use crate::lower::{Lower, arg};
use crate::{Alu, Unary};
use core::mem::offset_of;
use ir::state::{MONITOR_CLEAR, SLOT_EX_ADDR, SLOT_EX_LO};
use ir::{Op, Ref, RmwOp, SWAP, State, WRAP32};

/// An operand in a register or in memory.
#[derive(Clone, Copy)]
enum Place {
    Reg(Gpr),
    Mem(Mem),
}

impl Lower<'_> {
    /// Zero-extends the low `size` of `r` into `d`, if that is not so already.
    fn zero_extend(&mut self, size: Size, d: Gpr, r: Gpr) {
        if size == Size::Q {
            if d != r {
                self.e.mov(size, d, r);
            }
        } else {
            self.e.movzx(size, d, r);
        }
    }
    /// The address of an atomic operation in a register.
    fn atomic_base(&mut self, op: Op) -> Gpr {
        let base = self.using(op.a);
        if op.aux & WRAP32 == 0 {
            return base;
        }
        let s = self.scratch();
        self.e.mov(Size::D, s, base);
        self.release(base);
        s
    }
    /// The low `size` of `r` as it is in memory, or was.
    fn swap_if(&mut self, op: Op, size: Size, r: Gpr) {
        if op.aux & SWAP != 0 {
            self.swap_bytes(size, r);
        }
    }
    pub(crate) fn rmw(&mut self, op: Op) {
        let size = Size::from_log2(op.aux as u8);
        let what = RmwOp::from_u8((op.aux >> 8) as u8);
        self.clobber();
        let wanted = !op.dst.is_none();
        match what {
            RmwOp::Add if op.aux & SWAP != 0 => self.rmw_loop(op, size, what),
            RmwOp::Add | RmwOp::Swp => {
                let base = self.atomic_base(op);
                self.require_aligned(base, op.aux);
                let s = self.using_scratch(op.b);
                self.swap_if(op, size, s);
                let m = Mem::base(base, 0);
                self.fault();
                match what {
                    RmwOp::Swp => self.e.xchg_mem(size, m, s),
                    _ if wanted => self.e.lock_xadd(size, m, s),
                    _ => self.e.lock_alu(Alu::Add, size, m, s),
                }
                if wanted {
                    self.swap_if(op, size, s);
                    self.zero_extend(size, s, s);
                    self.set(op.dst, s);
                }
            }
            RmwOp::Clr | RmwOp::And | RmwOp::Eor | RmwOp::Set if !wanted => {
                let base = self.atomic_base(op);
                self.require_aligned(base, op.aux);
                let alu = match what {
                    RmwOp::Clr | RmwOp::And => Alu::And,
                    RmwOp::Eor => Alu::Xor,
                    _ => Alu::Or,
                };
                let s = self.using_scratch(op.b);
                if what == RmwOp::Clr {
                    self.e.unary(Unary::Not, Size::Q, s);
                }
                self.swap_if(op, size, s);
                self.fault();
                self.e.lock_alu(alu, size, Mem::base(base, 0), s);
            }
            _ => self.rmw_loop(op, size, what),
        }
    }
    /// A `cmpxchg` loop: rax = old, rcx = new, rdx = address unless that is pinned.
    fn rmw_loop(&mut self, op: Op, size: Size, what: RmwOp) {
        self.take(Gpr::RAX);
        let signed = matches!(what, RmwOp::SMax | RmwOp::SMin);
        let extend = matches!(what, RmwOp::SMax | RmwOp::SMin | RmwOp::UMax | RmwOp::UMin);
        // Of the others, the operand is swapped instead.
        let numeric = extend || what == RmwOp::Add;
        // The operand: extended to the width that is worked in.
        let wide = if size == Size::Q { Size::Q } else { Size::D };
        let pinned = op.b.as_slot().and_then(|s| self.host.int_pin(s));
        let b = match pinned {
            Some(r) if (size >= Size::D || !extend) && (op.aux & SWAP == 0 || numeric) => {
                Place::Reg(r)
            }
            _ => {
                let s = self.using_scratch(op.b);
                if extend && size < Size::D {
                    self.extend_part(size, signed, s, s);
                }
                if !numeric {
                    self.swap_if(op, size, s);
                }
                let m = spill_mem(OPERAND_SPILL);
                self.e.store(Size::Q, m, s);
                self.release(s);
                Place::Mem(m)
            }
        };
        let base = self.atomic_base(op);
        let new = self.scratch();
        self.require_aligned(base, op.aux);
        let m = Mem::base(base, 0);
        self.fault();
        self.e.load_zx(size, Gpr::RAX, m);
        let again = self.e.new_label();
        self.e.bind(again);
        match what {
            RmwOp::Clr => {
                match b {
                    Place::Reg(r) => self.e.mov(wide, new, r),
                    Place::Mem(m) => self.e.load(wide, new, m),
                }
                self.e.unary(Unary::Not, wide, new);
                self.e.alu(Alu::And, wide, new, Gpr::RAX);
            }
            RmwOp::And | RmwOp::Eor | RmwOp::Set => {
                self.e.mov(wide, new, Gpr::RAX);
                let alu = match what {
                    RmwOp::And => Alu::And,
                    RmwOp::Eor => Alu::Xor,
                    _ => Alu::Or,
                };
                match b {
                    Place::Reg(r) => self.e.alu(alu, wide, new, r),
                    Place::Mem(m) => self.e.alu_load(alu, wide, new, m),
                }
            }
            RmwOp::Add => {
                self.e.mov(wide, new, Gpr::RAX);
                self.swap_if(op, size, new);
                match b {
                    Place::Reg(r) => self.e.alu(Alu::Add, wide, new, r),
                    Place::Mem(m) => self.e.alu_load(Alu::Add, wide, new, m),
                }
            }
            _ => {
                if op.aux & SWAP == 0 {
                    self.extend_part(size, signed, new, Gpr::RAX);
                } else {
                    self.e.mov(wide, new, Gpr::RAX);
                    self.swap_bytes(size, new);
                    self.extend_part(size, signed, new, new);
                }
                let cc = match what {
                    RmwOp::SMax => Cc::L,
                    RmwOp::SMin => Cc::G,
                    RmwOp::UMax => Cc::B,
                    _ => Cc::A,
                };
                match b {
                    Place::Reg(r) => {
                        self.e.alu(Alu::Cmp, wide, new, r);
                        self.e.cmov(cc, wide, new, r);
                    }
                    Place::Mem(m) => {
                        self.e.alu_load(Alu::Cmp, wide, new, m);
                        self.e.cmov_load(cc, wide, new, m);
                    }
                }
            }
        }
        if numeric {
            self.swap_if(op, size, new);
        }
        self.fault();
        self.e.lock_cmpxchg(size, m, new);
        self.e.jcc(Cc::Ne, again);
        if !op.dst.is_none() {
            self.swap_if(op, size, Gpr::RAX);
            self.zero_extend(size, Gpr::RAX, Gpr::RAX);
            self.set(op.dst, Gpr::RAX);
        }
    }
    /// Extends the low `size` of `s` to 32 bits (64 stay).
    fn extend_part(&mut self, size: Size, signed: bool, d: Gpr, s: Gpr) {
        match size {
            Size::Q => {
                if d != s {
                    self.e.mov(Size::Q, d, s);
                }
            }
            _ if signed => self.e.movsx(size, Size::D, d, s),
            _ => self.e.movzx(size, d, s),
        }
    }
    pub(crate) fn cas(&mut self, op: Op) {
        if op.is_16_bytes() {
            return self.cas_16(op);
        }
        let size = Size::from_log2(op.aux as u8);
        self.clobber();
        self.fixed(Gpr::RAX, op.b);
        self.swap_if(op, size, Gpr::RAX);
        let base = self.atomic_base(op);
        let new = self.new_value(op, size, op.c);
        self.require_aligned(base, op.aux);
        self.fault();
        self.e.lock_cmpxchg(size, Mem::base(base, 0), new);
        if !op.dst.is_none() {
            self.swap_if(op, size, Gpr::RAX);
            self.zero_extend(size, Gpr::RAX, Gpr::RAX);
            self.set(op.dst, Gpr::RAX);
        }
    }
    /// What a compare and swap or an exclusive store is to store.
    fn new_value(&mut self, op: Op, size: Size, r: Ref) -> Gpr {
        if op.aux & SWAP == 0 {
            return self.using(r);
        }
        let s = self.using_scratch(r);
        self.swap_bytes(size, s);
        s
    }
    /// Compares and swaps 16 bytes, with operands in `State::args`, by a stub: CMPXCHG16B needs rbx,
    /// which is pinned, and could not fault with something else there. What is misaligned or faults
    /// goes to the evaluator.
    fn call_cas_16(&mut self) {
        self.e.call_mem(Mem::state(offset_of!(State, cas_16) as i32));
        let failed = self.cold(ColdKind::Interpret);
        self.e.test_mem_imm(Size::B, arg(3), 1);
        self.e.jcc(Cc::Ne, failed);
    }
    fn cas_16(&mut self, op: Op) {
        self.clobber();
        self.helper_operands(op);
        self.unlock();
        self.flush_scratch();
        self.call_cas_16();
        self.helper_result(op.dst);
    }
    fn ld_ex_16(&mut self, op: Op) {
        self.after_releases();
        let base = self.using(op.a);
        self.require_aligned(base, 4);
        let d = self.define_v(op.dst);
        self.fault();
        self.e.movaps_load(d, Mem::base(base, 0));
        self.e.store(Size::Q, home(SLOT_EX_ADDR), base);
        self.e.movups_store(home(SLOT_EX_LO), d);
        self.set_v(op.dst, d);
    }
    fn st_ex_16(&mut self, op: Op) {
        self.clobber();
        let base = self.using(op.a);
        self.require_aligned(base, 4);
        self.helper_operands(Op { b: Ref::NONE, c: op.b, ..op });
        self.unlock();
        self.flush_scratch();
        self.take(Gpr::RAX);
        let x = self.scratch_v();
        self.e.movups_load(x, home(SLOT_EX_LO));
        self.e.movaps_store(arg(1), x);
        self.e.load(Size::Q, Gpr::RAX, home(SLOT_EX_ADDR));
        self.e.alu_load(Alu::Cmp, Size::Q, Gpr::RAX, arg(0));
        let fail = self.e.jcc_short(Cc::Ne);
        self.call_cas_16();
        self.e.movaps_load(x, arg(0));
        self.e.sse_rm(op::PCMPEQ[2], x, arg(1), Imm::None);
        self.e.pmovmskb(Gpr::RAX, x);
        self.e.alu_imm(Alu::Cmp, Size::D, Gpr::RAX, 0xffff);
        self.e.bind_short(fail);
        self.store_exclusive_result(op);
    }
    pub(crate) fn ld_ex(&mut self, op: Op) {
        if op.is_16_bytes() {
            return self.ld_ex_16(op);
        }
        let size = Size::from_log2(op.aux as u8);
        if op.aux & SWAP != 0 {
            self.clobber();
        }
        self.after_releases();
        let base = self.atomic_base(op);
        self.require_aligned(base, op.aux);
        let s = self.scratch();
        self.fault();
        self.e.load_zx(size, s, Mem::base(base, 0));
        self.e.store(Size::Q, home(SLOT_EX_ADDR), base);
        self.e.store(Size::Q, home(SLOT_EX_LO), s);
        self.swap_if(op, size, s);
        self.set(op.dst, s);
    }
    pub(crate) fn st_ex(&mut self, op: Op) {
        if op.is_16_bytes() {
            return self.st_ex_16(op);
        }
        let size = Size::from_log2(op.aux as u8);
        self.clobber();
        self.take(Gpr::RAX);
        let base = self.atomic_base(op);
        let new = self.new_value(op, size, op.b);
        self.require_aligned(base, op.aux);
        self.e.load(Size::Q, Gpr::RAX, home(SLOT_EX_ADDR));
        self.e.alu(Alu::Cmp, Size::Q, Gpr::RAX, base);
        let fail = self.e.jcc_short(Cc::Ne);
        self.e.load(Size::Q, Gpr::RAX, home(SLOT_EX_LO));
        self.fault();
        self.e.lock_cmpxchg(size, Mem::base(base, 0), new);
        self.e.bind_short(fail);
        self.store_exclusive_result(op);
    }
    /// "Not equal" is failure.
    fn store_exclusive_result(&mut self, op: Op) {
        self.e.mov_imm(Gpr::RAX, 0);
        self.e.setcc(Cc::Ne, Gpr::RAX);
        self.clr_ex();
        self.set(op.dst, Gpr::RAX);
    }
    pub(crate) fn clr_ex(&mut self) {
        self.e.store_imm(Size::Q, home(SLOT_EX_ADDR), MONITOR_CLEAR as i32);
    }
}
