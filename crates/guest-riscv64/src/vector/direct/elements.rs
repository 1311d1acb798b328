//! Loads and stores of elements one by one: with a stride, with indices, of segments, and masked stores.

use super::super::Op;
use super::memory::Transfer;
use super::{Direct, v};
use crate::field::XReg;
use crate::state::SLOT_VL;
use crate::translator::Translator;
use ir::vec_op::VecOp;
use ir::{Access, Cond, OpCode, Ref, Ty};

const NONE: Ref = Ref::NONE;
/// Most elements that are accessed in translated code.
const MAX: u32 = 32;

/// Where elements are.
#[derive(Clone, Copy)]
enum Places {
    /// So many bytes after each other.
    Next(u32),
    /// As many as a register says.
    Stride(Ref),
    /// Where registers of elements of this width from this one on say.
    Indices(u16, u32),
}

impl Translator<'_> {
    pub(super) fn direct_elements(&mut self, d: Direct, t: Transfer) -> bool {
        let count = d.count().unwrap_or(d.elements());
        if count * u32::from(t.fields) > MAX {
            return false;
        }
        let places = match d.op {
            Op::Lxei | Op::Sxei => match self.indices(d, t) {
                Some(indices) => indices,
                None => return false,
            },
            Op::Lse | Op::Sse => Places::Stride(self.x(XReg(d.vs2() as u8))),
            _ => Places::Next((t.width / 8) * u32::from(t.fields)),
        };
        self.begin(d);
        let simple = !d.masked() && d.count().is_some();
        if simple && !t.store && t.fields == 1 {
            self.load_elements(d, t, places, count);
        } else {
            self.some_places(d, t, places, count);
        }
        true
    }
    /// The indices, if they may be where they are and nothing overwrites them.
    fn indices(&mut self, d: Direct, t: Transfer) -> Option<Places> {
        let (at, width) = (d.vs2(), d.memory_width());
        let regs = d.regs_of(width)?;
        let all = t.fields * t.regs;
        let apart = at + regs <= d.vd() || d.vd() + all <= at;
        let allowed = apart && d.aligned(regs, &[at]) && d.mask_is_apart(&[at, d.vd()]);
        allowed.then_some(Places::Indices(at, width))
    }
    /// The base, index and displacement of the segment of element `i`; `last` is the base of the one before.
    fn place_of(&mut self, t: Transfer, places: Places, i: u32, last: &mut Ref) -> (Ref, Ref, i32) {
        match places {
            Places::Next(size) => (t.base, NONE, (size * i) as i32),
            Places::Stride(stride) => {
                if i > 0 {
                    *last = self.int(OpCode::Add, 0, [*last, stride, NONE]);
                }
                (*last, NONE, 0)
            }
            Places::Indices(at, width) => {
                let in_one = super::super::VLEN / width;
                let register = v(at + (i / in_one) as u16);
                let index = self.element(register, width.ilog2() as u8 - 3, i % in_one);
                (t.base, index, 0)
            }
        }
    }
    /// Loads `count` elements; registers are written when all of theirs are there.
    fn load_elements(&mut self, d: Direct, t: Transfer, places: Places, count: u32) {
        let mut last = t.base;
        for first in (0..count).step_by(t.in_one() as usize) {
            let register = v(d.vd() + (first / t.in_one()) as u16);
            if first > 0 {
                self.next_step();
            }
            let mut all = register;
            for i in first..count.min(first + t.in_one()) {
                let (base, index, offset) = self.place_of(t, places, i, &mut last);
                let (loaded, lane) = (self.temp(), (i - first) as i32);
                self.ir.ld(loaded, base, index, offset, Access::new(t.size()));
                all = self.lanes_to_temp(VecOp::InsInt, t.size(), lane, [all, loaded, NONE]);
            }
            self.ir.mov(Ty::V128, register, all);
        }
    }
    /// Accesses those of `count` elements that take part.
    fn some_places(&mut self, d: Direct, t: Transfer, places: Places, count: u32) {
        let done = self.ir.label();
        let bits = d.masked().then(|| self.active_bits(d, 0, count));
        let mut last = t.base;
        for i in 0..count {
            if d.count().is_none() {
                let n = self.imm(i.into());
                self.ir.br_cmp(Ty::I64, Cond::Ls, Ref::slot(SLOT_VL), n, done);
            }
            if let Places::Stride(_) = places {
                self.place_of(t, places, i, &mut last);
            }
            let skip = self.ir.label();
            if let Some(bits) = bits {
                self.ir.br_bit(bits, i as u8, false, skip);
            }
            let (base, index, offset) = match places {
                Places::Stride(_) => (last, NONE, 0),
                _ => self.place_of(t, places, i, &mut last),
            };
            for field in 0..t.fields {
                let register = v(d.vd() + field * t.regs + (i / t.in_one()) as u16);
                let (lane, offset) = (i % t.in_one(), offset + (i32::from(field) << t.size()));
                if t.store {
                    let value = self.element(register, t.size(), lane);
                    self.ir.st(value, base, index, offset, Access::new(t.size()));
                    continue;
                }
                self.next_step();
                let loaded = self.temp();
                self.ir.ld(loaded, base, index, offset, Access::new(t.size()));
                let operands = [register, loaded, NONE];
                self.lanes(VecOp::InsInt, t.size(), lane as i32, register, operands);
            }
            self.ir.place(skip);
        }
        self.ir.place(done);
    }
}
