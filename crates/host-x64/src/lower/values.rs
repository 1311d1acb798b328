//! Where values are: pins, scratch registers, homes in the state, spill space.
//!
//! The words are `using` (the value in a register, not to be changed), `using_scratch` (in a
//! register that may be changed), `define` (a register for the result, later given to `set`) and
//! `scratch`. Vector versions end in `_v`. A scratch register handed out stays locked until the
//! operation's end. Scratch registers also remember which memory-homed slot they are a copy of.

use crate::emit::{Gpr, Mem, Size, Xmm};
use crate::lower::Lower;
use core::mem::offset_of;
use ir::state::slot_offset;
use ir::{Block, Ref, State};

/// What a scratch register holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hold {
    /// Nothing, or something belonging to the current operation only.
    Free,
    /// A temporary.
    Temp(u16),
    /// A copy of a slot whose home is in memory.
    Slot(u16),
}

/// Scratch registers: rax, rcx, rdx (indexes are their numbers), xmm14, xmm15.
const SCRATCH: usize = 5;
const FIRST_V: usize = 3;
const NONE: u8 = 0xff;

/// Where temporaries are, and what the scratch registers hold.
#[derive(Debug)]
pub(crate) struct Values {
    temps: Vec<Temp>,
    hold: [Hold; SCRATCH],
    /// Bit n: register n is locked.
    locked: u8,
    /// Bit n: register n holds a slot whose home is stale. Such a slot is always written again
    /// before anybody could see its home.
    ahead: u8,
    /// When each was last handed out.
    stamp: [u32; SCRATCH],
    clock: u32,
    /// Spill entries in use.
    spills: u32,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            temps: Vec::new(),
            hold: [Hold::Free; SCRATCH],
            locked: 0,
            ahead: 0,
            stamp: [0; SCRATCH],
            clock: 0,
            spills: 0,
        }
    }
}

impl Values {
    /// Nothing is anywhere yet, at the start of `block`.
    pub(super) fn start(&mut self, block: &Block) {
        let mut temps = core::mem::take(&mut self.temps);
        temps.clear();
        temps.resize(block.temps.into(), Temp::UNUSED);
        *self = Self { temps, ..Self::default() };
    }
}

/// Slots of which the scratch registers have copies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Copies([Option<u16>; SCRATCH]);

impl Copies {
    /// Whether there are none.
    pub(crate) fn is_empty(self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

impl Values {
    /// The copies of slots that are of `use`; their homes have the same values.
    pub(crate) fn copies(&self, used: impl Fn(u16) -> bool) -> Copies {
        Copies(core::array::from_fn(|i| match self.hold[i] {
            Hold::Slot(s) if self.ahead >> i & 1 == 0 && used(s) => Some(s),
            _ => None,
        }))
    }
    /// Notes that there are these, and nothing else yet.
    pub(crate) fn start_with(&mut self, copies: Copies) {
        self.hold = copies.0.map(|slot| slot.map_or(Hold::Free, Hold::Slot));
    }
}

/// Entries of `State::spill` for temporaries.
const TEMP_SPILLS: u32 = 27;
/// First of two spill entries for what operations over `State::args` have in between.
pub(crate) const ARGS_SPILL: u16 = 27;
/// Spill entry for an operand of the current operation that has no register left.
pub(crate) const OPERAND_SPILL: u16 = 29;
/// First spill entry of flag recipes.
pub(crate) const RECIPE_SPILL: u16 = 30;

/// Where a temporary is.
#[derive(Clone, Copy, Debug)]
struct Temp {
    reg: u8,
    spill: u8,
    saved: bool,
}

impl Temp {
    const UNUSED: Self = Self { reg: NONE, spill: NONE, saved: false };
}

/// A vector operand that may stay in memory (16-byte aligned).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum XmmOrMem {
    /// In a register.
    Reg(Xmm),
    /// In memory.
    Mem(Mem),
}

/// The home of a slot.
pub(crate) const fn home(slot: u16) -> Mem {
    Mem::state(slot_offset(slot))
}

/// Entry `n` of the spill space.
pub(crate) const fn spill_mem(n: u16) -> Mem {
    Mem::state(offset_of!(State, spill) as i32 + n as i32 * 16)
}

impl Lower<'_> {
    // --- bookkeeping

    /// Index of a scratch general register.
    fn index(r: Gpr) -> Option<usize> {
        (r.0 < 3).then_some(r.0 as usize)
    }
    fn index_v(x: Xmm) -> Option<usize> {
        (x.0 >= 14).then(|| x.0 as usize - 14 + FIRST_V)
    }
    /// Whether the current operation is the last to mention a temporary.
    fn dying(&self, t: u16) -> bool {
        self.live.last_use(t) <= self.at as u32
    }
    /// Chooses and locks a scratch register.
    #[inline(always)]
    fn pick<const N: usize>(&mut self, order: [usize; N]) -> usize {
        for i in order {
            if !self.is_locked(i) && self.values.hold[i] == Hold::Free {
                self.lock(i);
                return i;
            }
        }
        self.pick_held(&order)
    }
    #[inline(never)]
    fn pick_held(&mut self, order: &[usize]) -> usize {
        let s = &self.values;
        let mut best: Option<(u32, usize)> = None;
        for &i in order {
            if s.locked >> i & 1 != 0 {
                continue;
            }
            let cost = match s.hold[i] {
                Hold::Free => 0,
                // (One that is ahead of its home would have to be stored.)
                Hold::Slot(_) => 1 + s.stamp[i] + u32::from(s.ahead >> i & 1) * 3,
                Hold::Temp(t) => u32::MAX - self.live.last_use(t),
            };
            if best.is_none_or(|(c, _)| cost < c) {
                best = Some((cost, i));
            }
        }
        let Some((_, i)) = best else {
            self.out_of_registers();
            return order[0];
        };
        self.evict(i);
        self.lock(i);
        i
    }
    fn is_locked(&self, i: usize) -> bool {
        self.values.locked >> i & 1 != 0
    }
    fn lock(&mut self, i: usize) {
        self.values.locked |= 1 << i;
        self.values.clock += 1;
        self.values.stamp[i] = self.values.clock;
    }
    /// Temporary `t` is used, but nowhere: it got lost when registers ran out.
    fn undefined(&mut self, t: u16) {
        debug_assert!(self.is_stuck(), "temporary {t} used before it is defined at {:?}", self.op);
        self.out_of_registers();
    }
    /// Stores what scratch register `i` holds if its home is stale.
    #[inline]
    fn catch_up(&mut self, i: usize) {
        if self.values.ahead >> i & 1 != 0 {
            self.values.ahead &= !(1 << i);
            if let Hold::Slot(s) = self.values.hold[i] {
                self.e.store(Size::Q, home(s), Gpr(i as u8));
            }
        }
    }
    /// The same before the current operation overwrites the register, which holds slot `s`.
    #[inline]
    fn catch_up_before(&mut self, i: usize, s: u16) {
        if self.op.dst == Ref::slot(s) && self.mentions(self.op.dst) <= 1 {
            self.values.ahead &= !(1 << i);
        } else {
            self.catch_up(i);
        }
    }
    /// Moves a temporary out of scratch register `i` to spill space, forgets a copy.
    fn evict(&mut self, i: usize) {
        self.catch_up(i);
        if let Hold::Temp(t) = self.values.hold[i] {
            self.save_temp(t);
            self.values.temps[t as usize].reg = NONE;
        }
        self.values.hold[i] = Hold::Free;
    }
    /// Makes sure a temporary held in a register is in spill space too.
    fn save_temp(&mut self, t: u16) {
        let temp = self.values.temps[t as usize];
        if temp.reg == NONE || temp.saved {
            return;
        }
        let n = if temp.spill == NONE {
            let n = (!self.values.spills).trailing_zeros();
            if n >= TEMP_SPILLS {
                return self.out_of_registers();
            }
            self.values.spills |= 1 << n;
            n as u8
        } else {
            temp.spill
        };
        let m = spill_mem(u16::from(n));
        if temp.reg as usize >= FIRST_V {
            self.e.movaps_store(m, Xmm(temp.reg - FIRST_V as u8 + 14));
        } else {
            self.e.store(Size::Q, m, Gpr(temp.reg));
        }
        let temp = &mut self.values.temps[t as usize];
        temp.spill = n;
        temp.saved = true;
    }
    pub(crate) fn forget_temp(&mut self, t: u16) {
        let temp = &mut self.values.temps[t as usize];
        if temp.reg != NONE {
            self.values.hold[temp.reg as usize] = Hold::Free;
            temp.reg = NONE;
        }
        if temp.spill != NONE {
            self.values.spills &= !(1 << temp.spill);
            temp.spill = NONE;
        }
        temp.saved = false;
    }
    /// At the end of an operation: drops the temporaries that died.
    pub(crate) fn drop_temps(&mut self) {
        for r in [self.op.a, self.op.b, self.op.c, self.op.dst] {
            if let Some(t) = r.as_temp()
                && self.dying(t)
            {
                self.forget_temp(t);
            }
        }
    }
    /// Unlocks all scratch registers: their values are not needed any more by this operation
    /// (except by the very next instruction).
    pub(crate) fn unlock(&mut self) {
        self.values.locked = 0;
    }
    /// Unlocks one.
    pub(crate) fn release(&mut self, r: Gpr) {
        if let Some(i) = Self::index(r) {
            self.values.locked &= !(1 << i);
        }
    }
    /// Unlocks one.
    pub(crate) fn release_v(&mut self, x: Xmm) {
        if let Some(i) = Self::index_v(x) {
            self.values.locked &= !(1 << i);
        }
    }
    /// Saves all temporaries that live on to spill space and forgets all copies in scratch
    /// registers: before a call of the helper, at labels.
    pub(crate) fn flush_scratch(&mut self) {
        for i in 0..SCRATCH {
            self.evict(i);
        }
    }
    /// Saves all temporaries to spill space, keeping them in registers: before branches.
    pub(crate) fn save_temps(&mut self) {
        for i in 0..SCRATCH {
            if let Hold::Temp(t) = self.values.hold[i]
                && !self.dying(t)
            {
                self.save_temp(t);
            }
        }
    }
    /// Forgets everything in scratch registers: cold code.
    pub(crate) fn reset_scratch(&mut self) {
        self.values.hold = [Hold::Free; SCRATCH];
        self.values.ahead = 0;
        self.unlock();
    }
    fn copy_of(&self, slot: u16, range: core::ops::Range<usize>) -> Option<usize> {
        range.into_iter().find(|&i| self.values.hold[i] == Hold::Slot(slot))
    }

    /// The home of an integer slot whose value is nowhere else.
    pub(crate) fn only_home(&self, v: Ref) -> Option<Mem> {
        let s = v.as_slot()?;
        let elsewhere = self.host.int_pin(s).is_some() || self.copy_of(s, 0..FIRST_V).is_some();
        (!elsewhere).then_some(home(s))
    }
    /// Whether a slot or temporary is a vector.
    pub(crate) fn is_vector(&self, v: Ref) -> bool {
        match (v.as_slot(), v.as_temp()) {
            (Some(s), _) => s >= ir::state::FIRST_VEC,
            (_, Some(t)) => self.live.is_vector(t),
            _ => false,
        }
    }

    /// Makes the scratch registers hold `copies`, at the end of an operation; false if they have something
    /// else that is still needed. Keeps the host's flags.
    pub(crate) fn load_copies(&mut self, copies: Copies) -> bool {
        let all = copies.0.into_iter().enumerate();
        let wrong = all.filter_map(|(i, slot)| slot.map(|s| (i, s)));
        let missing = wrong.filter(|&(i, s)| self.values.hold[i] != Hold::Slot(s));
        let missing: Vec<_> = missing.collect();
        let busy = |i: usize| {
            matches!(self.values.hold[i], Hold::Temp(_)) || self.values.ahead >> i & 1 != 0
        };
        if (0..SCRATCH).any(|i| copies.0[i].is_some() && busy(i)) {
            return false;
        }
        for (i, slot) in missing {
            match i.checked_sub(FIRST_V) {
                None => self.e.load(Size::Q, Gpr(i as u8), home(slot)),
                Some(n) => self.e.movaps_load(Xmm(n as u8 + 14), home(slot)),
            }
            self.values.hold[i] = Hold::Slot(slot);
        }
        true
    }

    // --- integer

    /// A scratch register. rax comes last: it is the one that flag saving needs.
    pub(crate) fn scratch(&mut self) -> Gpr {
        Gpr(self.pick([1, 2, 0]) as u8)
    }
    /// Locks scratch register `r` itself, moving away what it holds. To be called before operands
    /// are asked for.
    pub(crate) fn take(&mut self, r: Gpr) {
        let i = r.0 as usize;
        if self.is_locked(i) {
            return self.out_of_registers();
        }
        self.catch_up(i);
        if let Hold::Temp(t) = self.values.hold[i] {
            let free = (0..FIRST_V).find(|&j| {
                j != i && !self.is_locked(j) && !matches!(self.values.hold[j], Hold::Temp(_))
            });
            if let Some(j) = free {
                self.catch_up(j);
                self.e.mov(Size::Q, Gpr(j as u8), r);
                self.values.hold[j] = Hold::Temp(t);
                self.values.temps[t as usize].reg = j as u8;
            } else {
                self.evict(i);
            }
        }
        self.values.hold[i] = Hold::Free;
        self.lock(i);
    }
    /// The value of `v` in scratch register `r`, which may be changed.
    pub(crate) fn fixed(&mut self, r: Gpr, v: Ref) {
        let i = r.0 as usize;
        if let Some(t) = v.as_temp()
            && self.values.hold[i] == Hold::Temp(t)
            && self.dying(t)
            && self.mentions(v) == 1
        {
            self.values.hold[i] = Hold::Free;
            self.values.temps[t as usize].reg = NONE;
            return self.lock(i);
        }
        if let Some(c) = self.block.const64(v) {
            self.take(r);
            return self.load_const(r, c);
        }
        let slot = v.as_slot();
        if let Some(s) = slot
            && self.values.hold[i] == Hold::Slot(s)
            && !self.is_locked(i)
        {
            self.catch_up_before(i, s);
            self.values.hold[i] = Hold::Free;
            return self.lock(i);
        }
        let from = match slot {
            Some(s) if self.host.int_pin(s).is_none() && self.copy_of(s, 0..FIRST_V).is_none() => {
                self.take(r);
                return self.e.load(Size::Q, r, home(s));
            }
            _ => self.using(v),
        };
        if from == r {
            // A temporary that lives on: `take` moves it away, the value stays here too.
            self.release(r);
            self.take(r);
            return;
        }
        self.take(r);
        self.e.mov(Size::Q, r, from);
        self.release(from);
    }
    /// How often the current operation has `v` as an operand.
    pub(crate) fn mentions(&self, v: Ref) -> usize {
        [self.op.a, self.op.b, self.op.c].iter().filter(|&&r| r == v).count()
    }
    /// `r = v`, by `xor` where the flags may be destroyed.
    pub(crate) fn load_const(&mut self, r: Gpr, v: u64) {
        if v == 0 && self.flags.host.is_none() && !self.host_flags.busy {
            self.e.alu(crate::Alu::Xor, Size::D, r, r);
        } else {
            self.e.mov_imm(r, v);
        }
    }
    /// The value in a register that may not be changed.
    #[inline]
    pub(crate) fn using(&mut self, v: Ref) -> Gpr {
        match self.host.pin(v) {
            Some(r) => Gpr(r),
            None => self.using_unpinned(v),
        }
    }
    #[inline(never)]
    fn using_unpinned(&mut self, v: Ref) -> Gpr {
        if let Some(s) = v.as_slot() {
            if let Some(i) = self.copy_of(s, 0..FIRST_V) {
                self.lock(i);
                return Gpr(i as u8);
            }
            let r = self.scratch();
            self.e.load(Size::Q, r, home(s));
            self.values.hold[r.0 as usize] = Hold::Slot(s);
            return r;
        }
        if let Some(t) = v.as_temp() {
            let temp = self.values.temps[t as usize];
            if temp.reg != NONE {
                self.lock(temp.reg as usize);
                return Gpr(temp.reg);
            }
            if !temp.saved {
                self.undefined(t);
            }
            let r = self.scratch();
            self.e.load(Size::Q, r, spill_mem(u16::from(temp.spill)));
            self.values.hold[r.0 as usize] = Hold::Temp(t);
            self.values.temps[t as usize].reg = r.0;
            return r;
        }
        let c = self.block.const64(v);
        let Some(c) = c else { panic!("operand missing in {:?}", self.op) };
        let r = self.scratch();
        self.load_const(r, c);
        r
    }
    /// The value in a scratch register that may be changed.
    pub(crate) fn using_scratch(&mut self, v: Ref) -> Gpr {
        if v.as_const().is_some() {
            return self.using(v);
        }
        let from = self.using(v);
        if self.give_up(v, Self::index(from)) {
            return from;
        }
        let r = self.scratch();
        self.e.mov(Size::Q, r, from);
        if self.mentions(v) <= 1 {
            self.release(from);
        }
        r
    }
    /// Tries to make the scratch register with index `i`, which holds operand `v`, free to be
    /// overwritten.
    #[inline]
    fn give_up(&mut self, v: Ref, i: Option<usize>) -> bool {
        let Some(i) = i else { return false };
        match self.values.hold[i] {
            Hold::Free => self.mentions(v) <= 1,
            Hold::Slot(s) if self.mentions(v) <= 1 => {
                self.catch_up_before(i, s);
                self.values.hold[i] = Hold::Free;
                true
            }
            Hold::Temp(t) if self.dying(t) && self.mentions(v) <= 1 => {
                self.values.temps[t as usize].reg = NONE;
                self.values.hold[i] = Hold::Free;
                true
            }
            _ => false,
        }
    }
    /// A register for the result: the destination's own, or a scratch register.
    #[inline]
    pub(crate) fn define(&mut self, dst: Ref) -> Gpr {
        match self.host.pin(dst) {
            Some(r) => Gpr(r),
            None => self.scratch(),
        }
    }
    /// As [`Lower::define`], but prefers `r`, the register of operand `v`, if that one is not
    /// needed any more.
    #[inline]
    pub(crate) fn define_over(&mut self, dst: Ref, v: Ref, r: Gpr) -> Gpr {
        match self.host.pin(dst) {
            Some(d) => Gpr(d),
            None => self.define_over_unpinned(v, r),
        }
    }
    #[inline(never)]
    fn define_over_unpinned(&mut self, v: Ref, r: Gpr) -> Gpr {
        if self.give_up(v, Self::index(r)) { r } else { self.scratch() }
    }
    /// Makes `r` the value of `dst`.
    #[inline]
    pub(crate) fn set(&mut self, dst: Ref, r: Gpr) {
        match self.host.pin(dst) {
            Some(pin) if pin == r.0 => {}
            Some(pin) => self.e.mov(Size::Q, Gpr(pin), r),
            None => self.set_unpinned(dst, r),
        }
    }
    #[inline(never)]
    fn set_unpinned(&mut self, dst: Ref, r: Gpr) {
        if let Some(s) = dst.as_slot() {
            let free = Self::index(r)
                .filter(|&i| [Hold::Free, Hold::Slot(s)].contains(&self.values.hold[i]));
            if free.is_none() || !self.is_replaced(dst) {
                self.e.store(Size::Q, home(s), r);
            }
            self.written(s);
            if let Some(i) = free {
                self.values.hold[i] = Hold::Slot(s);
                self.values.ahead |= u8::from(self.is_replaced(dst)) << i;
            }
        } else if let Some(t) = dst.as_temp() {
            let i = match Self::index(r) {
                Some(i) if !matches!(self.values.hold[i], Hold::Temp(u) if u != t) => i,
                _ => {
                    let to = self.scratch();
                    self.e.mov(Size::Q, to, r);
                    to.0 as usize
                }
            };
            self.own(t, i);
        }
    }
    /// Whether the current operation writes slot `dst`, and it is written again before anybody could
    /// see its home.
    fn is_replaced(&self, dst: Ref) -> bool {
        self.live.is_replaced(self.at) && dst == self.op.dst && self.translates_all()
    }
    /// Notes that scratch register `i` now holds temporary `t`.
    fn own(&mut self, t: u16, i: usize) {
        self.catch_up(i);
        let old = self.values.temps[t as usize].reg;
        if old != NONE {
            self.values.hold[old as usize] = Hold::Free;
        }
        self.values.hold[i] = Hold::Temp(t);
        let temp = &mut self.values.temps[t as usize];
        temp.reg = i as u8;
        temp.saved = false;
    }
    /// Notes that the home of slot `s` was written: copies are stale.
    pub(crate) fn written(&mut self, s: u16) {
        for (i, h) in self.values.hold.iter_mut().enumerate() {
            if *h == Hold::Slot(s) {
                *h = Hold::Free;
                self.values.ahead &= !(1 << i);
            }
        }
    }
    /// `dst = imm`.
    pub(crate) fn set_const(&mut self, dst: Ref, v: u64) {
        if let Some(s) = dst.as_slot()
            && self.host.int_pin(s).is_none()
            && let Ok(imm) = i32::try_from(v as i64)
            && !self.is_replaced(dst)
        {
            self.e.store_imm(Size::Q, home(s), imm);
            return self.written(s);
        }
        if dst.is_none() {
            return;
        }
        let d = self.define(dst);
        self.load_const(d, v);
        self.set(dst, d);
    }

    // --- vector

    /// A scratch vector register.
    pub(crate) fn scratch_v(&mut self) -> Xmm {
        Xmm((self.pick([FIRST_V, FIRST_V + 1]) - FIRST_V) as u8 + 14)
    }
    /// How many scratch vector registers are not locked.
    pub(crate) fn free_v(&self) -> usize {
        (SCRATCH - FIRST_V) - (self.values.locked >> FIRST_V).count_ones() as usize
    }
    /// Whether `x` is a scratch register.
    pub(crate) fn is_scratch_v(x: Xmm) -> bool {
        Self::index_v(x).is_some()
    }
    /// Makes scratch register `x`, which holds an operand not needed any more by this operation,
    /// a free one that stays locked.
    pub(crate) fn reuse_v(&mut self, x: Xmm) {
        if let Some(i) = Self::index_v(x) {
            self.evict(i);
            self.lock(i);
        }
    }
    /// The value in a vector register that may not be changed.
    pub(crate) fn using_v(&mut self, v: Ref) -> Xmm {
        match self.using_vm(v) {
            XmmOrMem::Reg(x) => x,
            XmmOrMem::Mem(m) => {
                let zero = v.as_const().is_some() && self.block.constant(v) == Some(0);
                let x = self.scratch_v();
                if zero {
                    self.e.pxor(x, x);
                } else {
                    self.e.movaps_load(x, m);
                }
                let i = x.0 as usize - 14 + FIRST_V;
                if let Some(s) = v.as_slot() {
                    self.values.hold[i] = Hold::Slot(s);
                } else if let Some(t) = v.as_temp() {
                    self.values.hold[i] = Hold::Temp(t);
                    self.values.temps[t as usize].reg = i as u8;
                }
                x
            }
        }
    }
    /// The value where it is: in a register or in memory.
    #[inline]
    pub(crate) fn using_vm(&mut self, v: Ref) -> XmmOrMem {
        match self.host.pin(v) {
            Some(x) => XmmOrMem::Reg(Xmm(x)),
            None => self.using_unpinned_vm(v),
        }
    }
    #[inline(never)]
    fn using_unpinned_vm(&mut self, v: Ref) -> XmmOrMem {
        if let Some(s) = v.as_slot() {
            if let Some(i) = self.copy_of(s, FIRST_V..SCRATCH) {
                self.lock(i);
                return XmmOrMem::Reg(Xmm((i - FIRST_V) as u8 + 14));
            }
            return XmmOrMem::Mem(home(s));
        }
        if let Some(t) = v.as_temp() {
            let temp = self.values.temps[t as usize];
            if temp.reg != NONE {
                self.lock(temp.reg as usize);
                return XmmOrMem::Reg(Xmm(temp.reg - FIRST_V as u8 + 14));
            }
            if !temp.saved {
                self.undefined(t);
            }
            return XmmOrMem::Mem(spill_mem(u16::from(temp.spill)));
        }
        let c = self.block.constant(v);
        let Some(c) = c else { panic!("operand missing in {:?}", self.op) };
        XmmOrMem::Mem(self.e.constant(c))
    }
    /// The value in a scratch vector register that may be changed.
    pub(crate) fn using_scratch_v(&mut self, v: Ref) -> Xmm {
        let from = self.using_v(v);
        if self.give_up(v, Self::index_v(from)) {
            return from;
        }
        let x = self.scratch_v();
        self.e.movaps(x, from);
        if self.mentions(v) <= 1 {
            self.release_v(from);
        }
        x
    }
    /// A register for the result: the destination's own, or a scratch register.
    pub(crate) fn define_v(&mut self, dst: Ref) -> Xmm {
        match self.host.pin(dst) {
            Some(x) => Xmm(x),
            None => self.scratch_v(),
        }
    }
    /// As [`Lower::define_v`], but prefers `x`, the register of operand `v`, if that one is not
    /// needed any more.
    pub(crate) fn define_over_v(&mut self, dst: Ref, v: Ref, x: Xmm) -> Xmm {
        if let Some(d) = self.host.pin(dst) {
            return Xmm(d);
        }
        if self.give_up(v, Self::index_v(x)) { x } else { self.scratch_v() }
    }
    /// Makes all 128 bits of `x` the value of `dst`.
    pub(crate) fn set_v(&mut self, dst: Ref, x: Xmm) {
        if let Some(s) = dst.as_slot() {
            if let Some(pin) = self.host.vec_pin(s) {
                if pin != x {
                    self.e.movaps(pin, x);
                }
                return;
            }
            self.e.movaps_store(home(s), x);
            self.written(s);
            if let Some(i) = Self::index_v(x)
                && self.values.hold[i] == Hold::Free
            {
                self.values.hold[i] = Hold::Slot(s);
            }
        } else if let Some(t) = dst.as_temp() {
            let i = match Self::index_v(x) {
                Some(i) if !matches!(self.values.hold[i], Hold::Temp(u) if u != t) => i,
                _ => {
                    let to = self.scratch_v();
                    self.e.movaps(to, x);
                    to.0 as usize - 14 + FIRST_V
                }
            };
            self.own(t, i);
        }
    }
}
