//! Loads and stores.

mod atomic;

use crate::emit::sse::op as sse;
use crate::emit::{Cc, Gpr, Mem, Size, Xmm};
use crate::lower::Lower;
use crate::lower::cold::ColdKind;
use crate::lower::vector::shuffle;
use crate::{Alu, Shift};
use core::mem::offset_of;
use ir::Order;
use ir::{Access, Op, OpCode, Ref, State, UNALIGNED, WRAP32};

/// `State::released`.
const RELEASED: Mem = Mem::state(offset_of!(State, released) as i32);

impl Lower<'_> {
    /// The address `base + ext(index) << shift + disp` as a memory operand.
    fn address(&mut self, base: Ref, index: Ref, disp: i32, access: Access) -> Mem {
        let (mut base, mut index, mut shift, mut ext) = (base, index, access.shift, access.ext);
        let mut disp = i64::from(disp);
        if let Some(c) = self.block.const64(index) {
            let c = match ext {
                1 => u64::from(c as u32),
                2 => c as i32 as i64 as u64,
                _ => c,
            };
            let c = (c as i64) << shift;
            if let Ok(sum) = i32::try_from(disp.wrapping_add(c)) {
                disp = i64::from(sum);
                index = Ref::NONE;
            } else {
                (shift, ext) = (access.shift, access.ext);
            }
        }
        if let Some(c) = self.block.const64(base)
            && index.is_none()
        {
            let address = (c as i64).wrapping_add(disp);
            if let Ok(address) = i32::try_from(address) {
                return Mem::absolute(address);
            }
            let r = self.scratch();
            self.load_const(r, address as u64);
            return Mem::base(r, 0);
        }
        if let Some(c) = self.block.const64(base)
            && let Ok(sum) = i32::try_from((c as i64).wrapping_add(disp))
        {
            disp = i64::from(sum);
            base = Ref::NONE;
        }
        let disp = disp as i32;
        let base = if base.is_none() { None } else { Some(self.using(base)) };
        if index.is_none() {
            return match base {
                Some(base) => Mem::base(base, disp),
                None => Mem::absolute(disp),
            };
        }
        let mut index = self.using(index);
        if ext != 0 || shift > 3 {
            let s = self.scratch();
            match ext {
                1 => self.e.mov(Size::D, s, index),
                2 => self.e.movsx(Size::D, Size::Q, s, index),
                _ => {}
            }
            if shift > 3 {
                let from = if ext == 0 { index } else { s };
                self.e.lea(Size::Q, s, Mem::index(from, from, 0, 0));
                shift -= 1;
            }
            self.release(index);
            index = s;
        }
        match base {
            // rbp and r13 as a base need a displacement byte.
            Some(base) if shift == 0 && disp == 0 && base.0 & 7 == 5 => {
                Mem::index(index, base, 0, 0)
            }
            Some(base) => Mem::index(base, index, shift, disp),
            None => Mem::scaled(index, shift, disp),
        }
    }
    /// The address of an access, checked for alignment where that is asked for.
    #[inline(always)]
    fn checked_address(&mut self, op: Op) -> Mem {
        if !self.block.tagged.is_empty() && self.block.tagged.contains(&self.guest) {
            return self.untagged_address(op);
        }
        // (The instructions for aligned vectors fault themselves; the evaluator says how.)
        let checked = Access::is_aligned(op.aux) && !Self::is_whole_vector(op);
        if op.b.is_none() && op.a.is_variable() && !checked {
            return Mem::base(self.using(op.a), op.imm);
        }
        self.other_address(op)
    }
    /// Whether all 128 bits of a vector are accessed.
    fn is_whole_vector(op: Op) -> bool {
        matches!(op.code, OpCode::LdV | OpCode::StV) && op.is_16_bytes()
    }
    /// The address without the byte at its top.
    #[inline(never)]
    fn untagged_address(&mut self, op: Op) -> Mem {
        let access = Access::decode(op.aux);
        self.clobber();
        let m = self.address(op.a, op.b, op.imm, access);
        let s = self.scratch();
        self.e.lea(Size::Q, s, m);
        self.e.shift_imm(Shift::Shl, Size::Q, s, 8);
        self.e.shift_imm(Shift::Sar, Size::Q, s, 8);
        if access.aligned {
            self.require_aligned(s, access.size.into());
        }
        Mem::base(s, 0)
    }
    #[inline(never)]
    fn other_address(&mut self, op: Op) -> Mem {
        let access = Access::decode(op.aux);
        if !access.aligned || access.size == 0 || Self::is_whole_vector(op) {
            return self.address(op.a, op.b, op.imm, access);
        }
        self.clobber();
        let m = self.address(op.a, op.b, op.imm, access);
        let simple = op.b.is_none() && op.imm == 0 && op.a.as_const().is_none();
        if simple {
            let base = self.using(op.a);
            self.require_aligned(base, access.size.into());
            return m;
        }
        let s = self.scratch();
        self.e.lea(Size::Q, s, m);
        self.require_aligned(s, access.size.into());
        self.release(s);
        m
    }
    /// Hands the instruction to the evaluator if `address` is not aligned to `1 << log2` bytes.
    /// The host's flags are free.
    pub(crate) fn require_aligned(&mut self, address: Gpr, aux: u16) {
        let log2 = aux & 7;
        if log2 == 0 || aux & UNALIGNED != 0 {
            return;
        }
        let cold = self.cold(ColdKind::Interpret);
        self.e.test_imm(Size::B, address, (1 << log2) - 1);
        self.e.jcc(Cc::Ne, cold);
    }
    /// After [`Lower::fault`] and before the instruction: cuts its address to 32 bits, if so asked for.
    fn wrap(&mut self, op: Op) {
        if op.aux & WRAP32 != 0 {
            self.e.addr32();
        }
    }
    pub(crate) fn ld(&mut self, op: Op) {
        if Access::is_special(op.aux) {
            self.ld_special(op);
        } else {
            self.ld_plain(op);
        }
    }
    #[inline(never)]
    fn ld_special(&mut self, op: Op) {
        let access = Access::decode(op.aux);
        if access.order == Order::Acquire {
            self.after_releases();
        }
        if access.swap && access.size > 0 {
            self.ld_swapped(op, access);
        } else {
            self.ld_plain(op);
        }
    }
    #[inline(always)]
    fn ld_plain(&mut self, op: Op) {
        let access = Access::decode(op.aux);
        let m = self.checked_address(op);
        self.unlock();
        let d = if op.dst.is_none() { self.scratch() } else { self.define(op.dst) };
        let size = Size::from_log2(access.size);
        self.fault();
        self.wrap(op);
        match access.sext {
            32 => self.e.load_sx(size, Size::D, d, m),
            64 => self.e.load_sx(size, Size::Q, d, m),
            _ => self.e.load_zx(size, d, m),
        }
        self.set(op.dst, d);
    }
    #[inline(never)]
    fn ld_swapped(&mut self, op: Op, access: Access) {
        let size = Size::from_log2(access.size);
        let movbe = self.host.features().movbe;
        if !movbe {
            self.clobber();
        }
        let m = self.checked_address(op);
        self.unlock();
        let d = if op.dst.is_none() { self.scratch() } else { self.define(op.dst) };
        self.fault();
        self.wrap(op);
        if movbe {
            self.e.movbe_load(size, d, m);
        } else {
            self.e.load_zx(size, d, m);
            self.swap_bytes(size, d);
        }
        match access.sext {
            32 if size == Size::W => self.e.movsx(size, Size::D, d, d),
            64 if size != Size::Q => self.e.movsx(size, Size::Q, d, d),
            _ if size == Size::W => self.e.movzx(size, d, d),
            _ => {}
        }
        self.set(op.dst, d);
    }
    /// Reverses the low bytes of `r`; of two bytes, what is above them stays. Destroys the host's flags.
    pub(crate) fn swap_bytes(&mut self, size: Size, r: Gpr) {
        match size {
            Size::B => {}
            Size::W => self.e.shift_imm(Shift::Ror, Size::W, r, 8),
            _ => self.e.bswap(size, r),
        }
    }
    #[inline(never)]
    fn st_swapped(&mut self, op: Op, size: Size) {
        let movbe = self.host.features().movbe;
        if !movbe {
            self.clobber();
        }
        let m = self.checked_address(op);
        if movbe {
            let v = self.using(op.c);
            self.fault();
            self.wrap(op);
            self.e.movbe_store(size, m, v);
        } else {
            let s = self.using_scratch(op.c);
            self.swap_bytes(size, s);
            self.fault();
            self.wrap(op);
            self.e.store(size, m, s);
        }
    }
    /// `pshufb`'s control that reverses the low `1 << log2` bytes, with zeros above.
    fn reversal(&mut self, log2: u8) -> Mem {
        let bytes = 1 << log2;
        self.e.constant(shuffle(bytes, |n| bytes - 1 - n))
    }
    pub(crate) fn st(&mut self, op: Op) {
        let access = Access::decode(op.aux);
        let size = Size::from_log2(access.size);
        if access.swap && access.size > 0 {
            self.st_swapped(op, size);
        } else {
            let m = self.checked_address(op);
            if let Some(imm) = self.immediate(op.c, size) {
                self.fault();
                self.wrap(op);
                self.e.store_imm(size, m, imm);
            } else {
                let v = self.using(op.c);
                self.fault();
                self.wrap(op);
                self.e.store(size, m, v);
            }
        }
        if access.order == Order::Release {
            self.e.store_imm(Size::B, RELEASED, 1);
        }
    }
    pub(crate) fn ld_v(&mut self, op: Op) {
        let access = Access::decode(op.aux);
        if access.order == Order::Acquire {
            self.after_releases();
        }
        let m = self.checked_address(op);
        let d = if op.dst.is_none() { self.scratch_v() } else { self.define_v(op.dst) };
        if access.size < 2 {
            self.unlock();
            let s = self.scratch();
            self.fault();
            self.wrap(op);
            self.e.load_zx(Size::from_log2(access.size), s, m);
            self.e.mov_to_xmm(Size::D, d, s);
            if access.swap && access.size > 0 {
                let m = self.reversal(access.size);
                self.v3(sse::PSHUFB, d, d, m);
            }
            return self.set_v(op.dst, d);
        }
        self.fault();
        self.wrap(op);
        match access.size {
            2 => self.e.movss_load(d, m),
            3 => self.e.movsd_load(d, m),
            _ if access.aligned => self.e.movaps_load(d, m),
            _ => self.e.movups_load(d, m),
        }
        if access.swap {
            let m = self.reversal(access.size);
            self.v3(sse::PSHUFB, d, d, m);
        }
        self.set_v(op.dst, d);
    }
    pub(crate) fn st_v(&mut self, op: Op) {
        let access = Access::decode(op.aux);
        let m = self.checked_address(op);
        let v = if access.swap {
            let t = self.using_scratch_v(op.c);
            let m = self.reversal(access.size);
            self.v3(sse::PSHUFB, t, t, m);
            t
        } else {
            self.using_v(op.c)
        };
        self.fault();
        self.wrap(op);
        match access.size {
            2 => self.e.movss_store(m, v),
            3 => self.e.movsd_store(m, v),
            4 if access.aligned => self.e.movaps_store(m, v),
            4 => self.e.movups_store(m, v),
            n => self.e.pextr_store(Size::from_log2(n), m, v, 0),
        }
        if access.order == Order::Release {
            self.e.store_imm(Size::B, RELEASED, 1);
        }
    }
    /// A full barrier; destroys the host's flags. The word at rsp is our own: the return stack.
    pub(crate) fn full_fence(&mut self) {
        self.e.lock_alu_imm(Alu::Or, Mem::base(Gpr::RSP, 0), 0);
        self.e.store_imm(Size::B, RELEASED, 0);
    }
    /// Before a load-acquire: a fence if there was a store-release.
    pub(crate) fn after_releases(&mut self) {
        self.clobber();
        let back = self.e.new_label();
        let fence = self.cold(ColdKind::Fence(back));
        self.e.test_mem_imm(Size::B, RELEASED, 1);
        self.e.jcc(Cc::Ne, fence);
        self.e.bind(back);
    }
    pub(crate) fn fence(&mut self, op: Op) {
        // The host keeps loads in order, and stores in order, and loads before stores.
        self.fence_due |= op.aux == 0;
    }
    /// Before an operation: the fence that is due, unless it can wait further. Only stores and later
    /// loads need it between them.
    pub(crate) fn fence_before(&mut self, code: OpCode) {
        let waits = match code {
            // These are fences themselves, for whoever executes them.
            OpCode::Rmw | OpCode::Cas => {
                self.fence_due = false;
                return;
            }
            // What faults goes through the kernel; what is not aligned, to the evaluator's fence.
            OpCode::St | OpCode::StV | OpCode::Fence | OpCode::ZeroBlock => true,
            OpCode::Label | OpCode::Br | OpCode::BrCond | OpCode::BrCmp | OpCode::BrBit => false,
            // (A load, though not of guest memory: of counts that are changed before code is read.)
            OpCode::HasCode => false,
            // (It would destroy the flags later.)
            _ => !code.may_fault() && !code.ends_block() && !code.writes_flags(),
        };
        if !waits {
            self.emit_due_fence();
        }
    }
    /// The fence that is due.
    pub(crate) fn emit_due_fence(&mut self) {
        if core::mem::take(&mut self.fence_due) {
            if self.flags.host.is_some() {
                self.save_flags();
                self.flags.host = None;
            }
            self.full_fence();
            self.unlock();
        }
    }
    pub(crate) fn zero_block(&mut self, op: Op) {
        self.clobber();
        let s = self.using_scratch(op.a);
        let x: Xmm = self.scratch_v();
        self.e.alu_imm(Alu::And, Size::Q, s, -64);
        self.e.pxor(x, x);
        for n in 0..4 {
            self.fault();
            self.e.movaps_store(Mem::base(s, n * 16), x);
        }
    }
}
