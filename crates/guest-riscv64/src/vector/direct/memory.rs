//! Loads and stores of elements that are next to each other; those of others are in [`super::elements`].

use super::super::{Op, VLEN};
use super::active::Active;
use super::{Direct, v};
use crate::field::XReg;
use crate::state::SLOT_VL;
use crate::translator::Translator;
use guest::block::BLOCK_PAGE;
use ir::vec_op::VecOp;
use ir::{Access, Cond, OpCode, Ref, Ty};

const NONE: Ref = Ref::NONE;

/// An access to memory.
#[derive(Clone, Copy)]
pub(super) struct Transfer {
    pub(super) store: bool,
    /// Bits of an element in memory.
    pub(super) width: u32,
    /// Registers of a group with such elements.
    pub(super) regs: u16,
    /// Elements of a segment.
    pub(super) fields: u16,
    pub(super) base: Ref,
}

impl Transfer {
    /// log2 of the bytes of an element.
    pub(super) fn size(self) -> u8 {
        self.width.ilog2() as u8 - 3
    }
    /// Elements in a register.
    pub(super) fn in_one(self) -> u32 {
        VLEN / self.width
    }
}

impl Direct {
    /// Bits of the elements in memory, or of the indices.
    pub(super) fn memory_width(self) -> u32 {
        match self.form() {
            0 => 8,
            n => 8 << (n - 4),
        }
    }
    /// Registers of a group of elements of `width` bits; None if there is no such group.
    pub(super) fn regs_of(self, width: u32) -> Option<u16> {
        let lmul = self.known.kind.lmul + width.ilog2() as i32 - self.sew.ilog2() as i32;
        (-3..=3).contains(&lmul).then_some(1 << lmul.max(0))
    }
}

impl Translator<'_> {
    pub(super) fn direct_memory(&mut self, d: Direct) -> bool {
        let (width, fields) = (d.memory_width(), d.bits(29, 3) + 1);
        let store = matches!(d.op, Op::Se | Op::Sse | Op::Sxei | Op::Sr | Op::Sm);
        let base = self.x(XReg(d.vs1() as u8));
        let whole = Transfer { store, width: 8, regs: fields, fields: 1, base };
        match d.op {
            Op::Lr | Op::Sr => {
                let allowed = fields.is_power_of_two() && d.aligned(fields, &[d.vd()]);
                if allowed {
                    self.begin(d);
                    self.known_bytes(d, whole, u32::from(fields) * VLEN / 8);
                }
                return allowed;
            }
            Op::Lm | Op::Sm => {
                let Some(count) = d.count() else { return false };
                self.begin(d);
                self.known_bytes(d, whole, count.div_ceil(8));
                return true;
            }
            _ => {}
        }
        let width = if matches!(d.op, Op::Lxei | Op::Sxei) { d.sew } else { width };
        let Some(regs) = d.regs_of(width) else { return false };
        let transfer = Transfer { store, width, regs, fields, base };
        let all = fields * regs;
        if all > 8
            || d.vd() + all > 32
            || !d.aligned(regs, &[d.vd()])
            || !store && !d.mask_is_apart(&[d.vd()])
        {
            return false;
        }
        let next_to_each_other = matches!(d.op, Op::Le | Op::Leff | Op::Se) && fields == 1;
        let segments = matches!(d.op, Op::Le | Op::Leff | Op::Se) && fields > 1 && !d.masked();
        if segments && let Some(count) = d.count() {
            return self.direct_segments(d, transfer, count);
        }
        if !next_to_each_other || store && d.masked() {
            return self.direct_elements(d, transfer);
        }
        self.begin(d);
        match d.count() {
            Some(count) if !d.masked() => self.known_bytes(d, transfer, count * width / 8),
            _ => self.some_elements(d, transfer),
        }
        true
    }
    /// Accesses `count` bytes.
    fn known_bytes(&mut self, d: Direct, t: Transfer, count: u32) {
        for at in (0..count).step_by(16) {
            let register = v(d.vd() + (at / 16) as u16);
            let (offset, left) = (at as i32, count - at);
            match left {
                16.. if t.store => {
                    self.ir.st_v(register, t.base, NONE, offset, Access::new(4));
                }
                16.. => {
                    if at > 0 {
                        self.next_step();
                    }
                    self.ir.ld_v(register, t.base, NONE, offset, Access::new(4));
                }
                _ if t.store => self.store_pieces(register, t.base, offset, left),
                _ => {
                    if at > 0 {
                        self.next_step();
                    }
                    self.load_pieces(register, t.base, offset, left);
                }
            }
        }
    }
    /// Loads the low `count` bytes of a register, fewer than 16.
    fn load_pieces(&mut self, register: Ref, base: Ref, offset: i32, count: u32) {
        let all = self.loaded_pieces(register, base, offset, count);
        self.ir.mov(Ty::V128, register, all);
    }
    /// `rest` with its low `count` bytes replaced by what is loaded.
    pub(super) fn loaded_pieces(&mut self, rest: Ref, base: Ref, offset: i32, count: u32) -> Ref {
        let loaded: Vec<(u8, u32, Ref)> = pieces(count)
            .map(|(size, at)| {
                let t = self.temp();
                self.ir.ld_v(t, base, NONE, offset + at as i32, Access::new(size));
                (size, at, t)
            })
            .collect();
        loaded.into_iter().fold(rest, |all, (size, at, t)| {
            self.lanes_to_temp(VecOp::InsLane, size, (at >> size) as i32, [all, t, NONE])
        })
    }
    pub(super) fn store_pieces(&mut self, register: Ref, base: Ref, offset: i32, count: u32) {
        for (size, at) in pieces(count) {
            let offset = offset + at as i32;
            if at == 0 {
                self.ir.st_v(register, base, NONE, offset, Access::new(size));
                continue;
            }
            let t = self.element(register, size, at >> size);
            self.ir.st(t, base, NONE, offset, Access::new(size));
        }
    }
    /// An element of `1 << size` bytes in an integer, zero-extended.
    pub(super) fn element(&mut self, register: Ref, size: u8, n: u32) -> Ref {
        let t = self.temp();
        self.ir.un_aux(OpCode::VecToInt, Ty::I64, t, register, n as u16 | u16::from(size) << 8);
        t
    }
    /// Accesses the elements below vl, of which those that are loaded may be masked. What is next to them in
    /// the same page is loaded too.
    fn some_elements(&mut self, d: Direct, t: Transfer) {
        let (slow, done) = (self.ir.label(), self.ir.label());
        for r in 0..t.regs {
            let first = u32::from(r) * t.in_one();
            if d.count().is_some_and(|count| first >= count) {
                break;
            }
            let (whole, next) = (self.ir.label(), self.ir.label());
            let below = |t: &mut Self, cond, n: u32, label| {
                let n = t.imm(n.into());
                t.ir.br_cmp(Ty::I64, cond, Ref::slot(SLOT_VL), n, label);
            };
            if d.masked() {
                let (bits, zero) = (self.active_bits(d, first, t.in_one()), self.imm(0));
                self.ir.br_cmp(Ty::I64, Cond::Eq, bits, zero, next);
            } else {
                below(self, Cond::Hs, first + t.in_one(), whole);
                below(self, Cond::Ls, first, done);
            }
            let (register, offset) = (v(d.vd() + r), i32::from(r) * 16);
            if t.store {
                self.store_some(register, t, first);
            } else {
                self.unless_pages_are_crossed(t.base, offset, slow);
                let loaded = self.temp();
                self.ir.ld_v(loaded, t.base, NONE, offset, Access::new(4));
                let elements = self.elements(d, t.width);
                let active = self.active(elements, r);
                debug_assert!(active != Active::None);
                self.put(register, loaded, active);
            }
            if !d.masked() {
                self.ir.br(done);
                self.ir.place(whole);
                match t.store {
                    true => self.ir.st_v(register, t.base, NONE, offset, Access::new(4)),
                    false => self.ir.ld_v(register, t.base, NONE, offset, Access::new(4)),
                }
            }
            self.ir.place(next);
        }
        if !t.store {
            self.ir.br(done);
            self.ir.place(slow);
            self.execute(d.op, d.word);
        }
        self.ir.place(done);
    }
    /// Goes to `slow` if 16 bytes from `base` + `offset` on are not in one page.
    fn unless_pages_are_crossed(&mut self, base: Ref, offset: i32, slow: i32) {
        let (n, mask, last) =
            (self.imm(offset as u64), self.imm(BLOCK_PAGE - 1), self.imm(BLOCK_PAGE - 16));
        let at = if offset == 0 { base } else { self.int(OpCode::Add, 0, [base, n, NONE]) };
        let at = self.int(OpCode::And, 0, [at, mask, NONE]);
        self.ir.br_cmp(Ty::I64, Cond::Hi, at, last, slow);
    }
    /// Stores the first elements of a register, at least one and not all, as two pieces that may overlap:
    /// vl is more than `first`, the number of the first one.
    fn store_some(&mut self, register: Ref, t: Transfer, first: u32) {
        let end = self.ir.label();
        let offset = (first << t.size()) as i32;
        let (size, zero) = (self.imm(t.size().into()), self.imm(offset as u64));
        let bytes = self.int(OpCode::Shl, 0, [Ref::slot(SLOT_VL), size, NONE]);
        let bytes = self.int(OpCode::Sub, 0, [bytes, zero, NONE]);
        for size in (t.size()..4).rev() {
            let piece = self.imm(1 << size);
            let smaller = self.ir.label();
            if size > t.size() {
                self.ir.br_cmp(Ty::I64, Cond::Lo, bytes, piece, smaller);
            }
            self.ir.st_v(register, t.base, NONE, offset, Access::new(size));
            if size > t.size() {
                let from = self.int(OpCode::Sub, 0, [bytes, piece, NONE]);
                let by = self.lanes_to_temp(VecOp::DupInt, 0, 0, [from, NONE, NONE]);
                let numbers = self.ir.vconst(super::active::bytes(|n| n));
                let at = self.lanes_to_temp(VecOp::Add, 0, 0, [by, numbers, NONE]);
                let rest = self.lanes_to_temp(VecOp::Tbl1, 0, 0, [register, at, NONE]);
                self.ir.st_v(rest, t.base, from, offset, Access::new(size));
                self.ir.br(end);
            }
            self.ir.place(smaller);
        }
        self.ir.place(end);
    }
}

/// log2 of the sizes and the offsets of the pieces of `count` bytes.
fn pieces(count: u32) -> impl Iterator<Item = (u8, u32)> {
    let sizes = (0..4u8).rev().filter(move |size| count >> size & 1 != 0);
    sizes.map(move |size| (size, count >> size >> 1 << size << 1))
}
