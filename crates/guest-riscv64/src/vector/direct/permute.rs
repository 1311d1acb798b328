//! Merges, slides and gathers.

use super::super::{Op, VLEN};
use super::active::{Active, bytes};
use super::{Direct, v};
use crate::field::XReg;
use crate::key;
use crate::state::SLOT_VL;
use crate::translator::Translator;
use ir::vec_op::VecOp;
use ir::{OpCode, Ref};

const NONE: Ref = Ref::NONE;

impl Direct {
    /// Elements of a register.
    fn in_one(self) -> u32 {
        VLEN / self.sew
    }
    /// Whether its source is few whole registers, to look up bytes in.
    fn has_table(self) -> bool {
        self.part == 0 && self.regs <= 4
    }
    /// Whether the destination has no register in common with the group of SEW at `at`.
    fn is_apart_from(self, at: u16) -> bool {
        at + self.regs <= self.vd() || self.vd() + self.regs <= at
    }
}

impl Translator<'_> {
    pub(super) fn direct_permutation(&mut self, d: Direct) -> bool {
        match d.op {
            Op::Fmerge if d.sew < 32 || !key::rounding_is_defined(self.key) => false,
            Op::Merge | Op::Fmerge => self.direct_merge(d),
            _ if !d.aligned(d.regs, &[d.vd(), d.vs2()]) || !d.mask_is_apart(&[d.vd(), d.vs2()]) => {
                false
            }
            Op::Slidedown if d.form() == 3 => self.direct_slide_down(d),
            Op::Slidedown => self.direct_slide_by_register(d),
            Op::Slideup if !d.is_apart_from(d.vs2()) => false,
            Op::Slideup if d.form() == 3 => self.direct_slide_up(d),
            Op::Slideup => self.direct_slide_by_register(d),
            Op::Fslide1down | Op::Fslide1up
                if d.sew < 32 || !key::rounding_is_defined(self.key) =>
            {
                false
            }
            Op::Slide1down | Op::Fslide1down => self.direct_slide_one_down(d),
            Op::Slide1up | Op::Fslide1up if d.is_apart_from(d.vs2()) => self.direct_slide_one_up(d),
            Op::Rgatherei16 if d.is_apart_from(d.vs2()) => self.direct_gather_by_halves(d),
            Op::Rgather if d.is_apart_from(d.vs2()) => match d.form() {
                0 => self.direct_gather(d),
                3 => self.direct_gather_one(d),
                _ => self.direct_gather_by_register(d),
            },
            _ => false,
        }
    }
    fn direct_merge(&mut self, d: Direct) -> bool {
        if !d.same_width() {
            return false;
        }
        self.begin(d);
        let scalar = self.second(d);
        let elements = self.elements(d, d.sew).unmasked();
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let lanes = self.mask_lanes(d.sew, r);
            let b = self.second_of(d, scalar, r);
            let how = (VecOp::Select, 0, 0);
            self.lanes_where(active, how, v(d.vd() + r), [b, v(d.vs2() + r), lanes]);
        }
        true
    }
    /// Register `n` of the source of a slide; zeros if there is none.
    fn slid_register(&mut self, d: Direct, n: i32) -> Ref {
        match u16::try_from(n) {
            Ok(n) if n < d.regs => v(d.vs2() + n),
            _ => self.ir.vconst(0),
        }
    }
    /// What register `r` is after a slide down by `by` elements (up if negative).
    fn slid(&mut self, d: Direct, r: u16, by: i32) -> Ref {
        let from = i32::from(r) * 16 + by * (d.sew / 8) as i32;
        let (n, at) = (from.div_euclid(16), from.rem_euclid(16));
        let mut low = self.slid_register(d, n);
        if d.part < 0 && by > 0 {
            // What is above the group is no source.
            let ones = u128::MAX >> (VLEN - d.elements() * d.sew);
            let ones = self.ir.vconst(ones);
            low = self.lanes_to_temp(VecOp::And, 0, 0, [low, ones, NONE]);
        }
        if at == 0 {
            return low;
        }
        let high = self.slid_register(d, n + 1);
        self.lanes_to_temp(VecOp::Ext, 0, at, [low, high, NONE])
    }
    fn direct_slide_down(&mut self, d: Direct) -> bool {
        self.begin(d);
        let elements = self.elements(d, d.sew);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let value = self.slid(d, r, d.vs1().into());
            self.put(v(d.vd() + r), value, active);
        }
        true
    }
    fn direct_slide_up(&mut self, d: Direct) -> bool {
        self.begin(d);
        let elements = self.elements(d, d.sew);
        let by = u32::from(d.vs1());
        for r in 0..d.regs {
            let first = u32::from(r) * d.in_one();
            if first + d.in_one() <= by {
                continue;
            }
            let mut active = self.active(elements, r);
            if first < by {
                let moved = |n: u32| u32::from(first + 8 * n / d.sew >= by) * 0xff;
                let moved = self.ir.vconst(bytes(moved));
                active = self.both(active, moved);
            }
            let value = self.slid(d, r, -(by as i32));
            self.put(v(d.vd() + r), value, active);
        }
        true
    }
    fn direct_slide_one_down(&mut self, d: Direct) -> bool {
        self.begin(d);
        let scalar = self.scalar_source(d);
        let elements = self.elements(d, d.sew);
        let compared = d.sew.min(32);
        let lane = compared.ilog2() as u8 - 3;
        let mut last = None;
        if d.count().is_none() {
            let one = self.imm(1);
            let n = self.int(OpCode::Sub, 0, [Ref::slot(SLOT_VL), one, NONE]);
            last = Some(self.lanes_to_temp(VecOp::DupInt, lane, 0, [n, NONE, NONE]));
        }
        for r in 0..d.regs {
            let (first, active) = (u32::from(r) * d.in_one(), self.active(elements, r));
            let mut value = self.slid(d, r, 1);
            if let Some(last) = last {
                let number = |n: u32| (first + 8 * n / d.sew) >> (8 * n % compared);
                let numbers = self.ir.vconst(bytes(number));
                let here = self.lanes_to_temp(VecOp::CmEq, lane, 0, [last, numbers, NONE]);
                value = self.lanes_to_temp(VecOp::Select, 0, 0, [scalar, value, here]);
            } else if let Some(n) = d.count().and_then(|n| n.checked_sub(first + 1))
                && n < d.in_one()
            {
                let how = (VecOp::InsLane, d.lane(), n as i32);
                value = self.lanes_to_temp(how.0, how.1, how.2, [value, scalar, NONE]);
            }
            self.put(v(d.vd() + r), value, active);
        }
        true
    }
    fn direct_slide_one_up(&mut self, d: Direct) -> bool {
        self.begin(d);
        let scalar = self.scalar_source(d);
        let elements = self.elements(d, d.sew);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let mut value = self.slid(d, r, -1);
            if r == 0 {
                value = self.lanes_to_temp(VecOp::InsLane, d.lane(), 0, [value, scalar, NONE]);
            }
            self.put(v(d.vd() + r), value, active);
        }
        true
    }
    /// By numbers in vectors.
    fn direct_gather(&mut self, d: Direct) -> bool {
        let allowed = d.has_table()
            && d.aligned(d.regs, &[d.vs1()])
            && d.is_apart_from(d.vs1())
            && d.mask_is_apart(&[d.vs1()]);
        if !allowed {
            return false;
        }
        self.begin(d);
        self.gathered(d, |_, r| v(d.vs1() + r));
        true
    }
    /// By numbers of 16 bits.
    fn direct_gather_by_halves(&mut self, d: Direct) -> bool {
        let count = (d.regs * 16).div_ceil(d.sew as u16);
        let apart = d.vs1() + count <= d.vd() || d.vd() + d.regs <= d.vs1();
        let other_width = d.sew == 16 || d.vs1() + count <= d.vs2() || d.vs2() + d.regs <= d.vs1();
        let allowed = d.has_table()
            && d.sew >= 16
            && apart
            && other_width
            && d.aligned(count, &[d.vs1()])
            && d.mask_is_apart(&[d.vs1()]);
        if !allowed {
            return false;
        }
        self.begin(d);
        self.gathered(d, |t, r| {
            let steps = d.lane() - 1;
            (0..steps).fold(v(d.vs1() + (r >> steps)), |numbers, step| {
                let half = i32::from(r >> (steps - 1 - step) & 1);
                t.lanes_to_temp(VecOp::ExtU, 1 + step, half, [numbers, NONE, NONE])
            })
        });
        true
    }
    /// One element for all, by a register.
    fn direct_gather_by_register(&mut self, d: Direct) -> bool {
        if !d.has_table() {
            return false;
        }
        self.begin(d);
        let (x, max) = (self.x(XReg(d.vs1() as u8)), self.imm(d.elements().into()));
        let n = self.int(OpCode::MinU, 0, [x, max, NONE]);
        let at = self.lanes_to_temp(VecOp::DupInt, d.lane(), 0, [n, NONE, NONE]);
        self.gathered(d, |_, _| at);
        true
    }
    /// The elements with the numbers that `numbers` gives for each register.
    fn gathered(&mut self, d: Direct, mut numbers: impl FnMut(&mut Self, u16) -> Ref) {
        let elements = self.elements(d, d.sew);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            if active == Active::None {
                continue;
            }
            let mut at = numbers(self, r);
            if d.sew > 8 {
                // The number of the element's first byte (one above all if there is none), then of its others.
                let max = self.splat(d.elements().into(), d.sew);
                at = match d.sew {
                    64 => {
                        let none = self.lanes_to_temp(VecOp::CmGtU, 3, 0, [at, max, NONE]);
                        self.lanes_to_temp(VecOp::Select, 0, 0, [max, at, none])
                    }
                    _ => self.lanes_to_temp(VecOp::MinU, d.lane(), 0, [at, max, NONE]),
                };
                at = self.lanes_to_temp(VecOp::ShlI, d.lane(), d.lane().into(), [at, NONE, NONE]);
                let size = d.sew / 8;
                let first = self.ir.vconst(bytes(|n| n / size * size));
                at = self.lanes_to_temp(VecOp::Tbl1, 0, 0, [at, first, NONE]);
                let others = self.ir.vconst(bytes(|n| n % size));
                at = self.lanes_to_temp(VecOp::Add, 0, 0, [at, others, NONE]);
            }
            let value = self.bytes_of_group(d, at);
            self.put(v(d.vd() + r), value, active);
        }
    }
    /// The bytes of vs2's group with the numbers in `at`; zeros above the group.
    fn bytes_of_group(&mut self, d: Direct, at: Ref) -> Ref {
        let first = self.lanes_to_temp(VecOp::Tbl1, 0, 0, [v(d.vs2()), at, NONE]);
        (1..d.regs).fold(first, |found, r| {
            let how = (VecOp::Tbx1, 0, 16 * i32::from(r));
            self.lanes_to_temp(how.0, how.1, how.2, [v(d.vs2() + r), at, found])
        })
    }
    /// Slides by as many elements as a register says.
    fn direct_slide_by_register(&mut self, d: Direct) -> bool {
        if !d.has_table() {
            return false;
        }
        self.begin(d);
        let (x, max) = (self.x(XReg(d.vs1() as u8)), self.imm(d.elements().into()));
        let n = self.int(OpCode::MinU, 0, [x, max, NONE]);
        let size = self.imm(d.lane().into());
        let n = self.int(OpCode::Shl, 0, [n, size, NONE]);
        let by = self.lanes_to_temp(VecOp::DupInt, 0, 0, [n, NONE, NONE]);
        let elements = self.elements(d, d.sew);
        for r in 0..d.regs {
            let mut active = self.active(elements, r);
            let here = self.ir.vconst(bytes(|n| 16 * u32::from(r) + n));
            let code = if d.op == Op::Slideup { VecOp::Sub } else { VecOp::Add };
            let at = self.lanes_to_temp(code, 0, 0, [here, by, NONE]);
            if d.op == Op::Slideup {
                let moved = self.lanes_to_temp(VecOp::CmGeU, 0, 0, [here, by, NONE]);
                active = self.both(active, moved);
            }
            let value = self.bytes_of_group(d, at);
            self.put(v(d.vd() + r), value, active);
        }
        true
    }
    /// One element for all.
    fn direct_gather_one(&mut self, d: Direct) -> bool {
        self.begin(d);
        let elements = self.elements(d, d.sew);
        let from = u32::from(d.vs1());
        let value = if from < d.elements() {
            let (n, lane) = ((from / d.in_one()) as u16, (from % d.in_one()) as i32);
            self.lanes_to_temp(VecOp::DupLane, d.lane(), lane, [v(d.vs2() + n), NONE, NONE])
        } else {
            self.ir.vconst(0)
        };
        for r in 0..d.regs {
            let active = self.active(elements, r);
            self.put(v(d.vd() + r), value, active);
        }
        true
    }
}
