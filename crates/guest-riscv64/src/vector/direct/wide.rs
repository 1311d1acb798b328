//! Integer instructions between widths, and moves.

use super::super::Op;
use super::{Direct, v};
use crate::field::{FReg, XReg};
use crate::state::SLOT_VL;
use crate::translator::Translator;
use ir::vec_op::VecOp;
use ir::{Cond, OpCode, Ref, Ty};

const NONE: Ref = Ref::NONE;

/// Whether groups of `a` and `b`, register and number of registers, have nothing in common.
fn apart(a: (u16, u16), b: (u16, u16)) -> bool {
    a.0 + a.1 <= b.0 || b.0 + b.1 <= a.0
}

impl Direct {
    /// Registers of a group of elements `1 << by` times as wide; None if there are too many.
    pub(super) fn wide_regs(self, by: i32) -> Option<u16> {
        let lmul = self.known.kind.lmul + by;
        (lmul <= 3).then_some(1 << lmul.max(0))
    }
    /// Whether a destination of `regs` registers with elements `1 << by` times as wide as those of the group at
    /// `at` may be at `vd`: it may overlap that one only at its end.
    pub(super) fn may_widen(self, at: u16, source: (u16, bool), regs: u16) -> bool {
        let (vd, (n, whole)) = (self.vd(), source);
        let at_end = whole && at > vd && at + n == vd + regs;
        at.is_multiple_of(n) && (apart((at, n), (vd, regs)) || at_end) && self.mask_is_apart(&[at])
    }
}

impl Direct {
    /// Whether the operands of a narrowing instruction are allowed, the first of `regs` registers.
    pub(super) fn may_narrow(self, regs: u16) -> bool {
        let (vd, vs2) = (self.vd(), self.vs2());
        self.aligned(self.regs, &[vd])
            && self.aligned(regs, &[vs2])
            && self.mask_is_apart(&[vd, vs2])
            && (apart((vs2, regs), (vd, self.regs)) || vd == vs2)
    }
}

/// An operation on sources of half its width, and how these are extended before it, if it does not do that
/// itself: the first (vs2), the second.
fn widening(op: Op) -> Option<(VecOp, Option<VecOp>, Option<VecOp>)> {
    let (signed, unsigned) = (Some(VecOp::ExtS), Some(VecOp::ExtU));
    Some(match op {
        Op::Waddu => (VecOp::AddWU, unsigned, None),
        Op::Wadd => (VecOp::AddWS, signed, None),
        Op::Wsubu => (VecOp::SubWU, unsigned, None),
        Op::Wsub => (VecOp::SubWS, signed, None),
        Op::Wmulu => (VecOp::MulLU, None, None),
        Op::Wmul => (VecOp::MulLS, None, None),
        Op::Wmaccu => (VecOp::MlaLU, None, None),
        Op::Wmacc => (VecOp::MlaLS, None, None),
        Op::Wmulsu => (VecOp::Mul, signed, unsigned),
        Op::Wmaccus => (VecOp::Mla, signed, unsigned),
        Op::Wmaccsu => (VecOp::Mla, unsigned, signed),
        Op::Wsll => (VecOp::ShlU, unsigned, unsigned),
        _ => return None,
    })
}

impl Translator<'_> {
    pub(super) fn direct_wide(&mut self, d: Direct) -> bool {
        match d.op {
            Op::Nsrl | Op::Nsra => return self.direct_narrowing(d),
            _ if d.sew == 64 => return false,
            _ => {}
        }
        let Some(regs) = d.wide_regs(1) else { return false };
        let Some((code, first, second)) = widening(d.op) else { return false };
        let sums = matches!(d.op, Op::Wmaccu | Op::Wmacc | Op::Wmaccus | Op::Wmaccsu);
        // (Those with a first source that is wide already have the highest of these bits.)
        let wide_first = first.is_some() && second.is_none() && d.bits(28, 1) != 0;
        // (A sum is a source itself, of another width.)
        let source = (d.regs, d.part == 0 && !sums);
        let vs2 = (d.vs2(), if wide_first { regs } else { d.regs });
        let first_allowed = match wide_first {
            true => d.aligned(regs, &[vs2.0]) && d.mask_is_apart(&[vs2.0]),
            false => d.may_widen(vs2.0, source, regs),
        };
        let second_allowed = !d.has_vector()
            || d.may_widen(d.vs1(), source, regs) && (!wide_first || apart((d.vs1(), d.regs), vs2));
        if !first_allowed
            || !second_allowed
            || !d.aligned(regs, &[d.vd()])
            || !d.mask_is_apart(&[d.vd()])
        {
            return false;
        }
        self.begin(d);
        let scalar = self.second(d);
        let elements = self.elements(d, 2 * d.sew);
        for n in 0..regs {
            let active = self.active(elements, n);
            let (dst, half) = (v(d.vd() + n), i32::from(n & 1));
            let mut b = self.second_of(d, scalar, n / 2);
            if let Some(extend) = second {
                b = self.lanes_to_temp(extend, d.lane(), half, [b, NONE, NONE]);
            }
            if d.op == Op::Wsll {
                b = self.amount_of_widening_shift(d, b);
            }
            let mut a = v(vs2.0 + if wide_first { n } else { n / 2 });
            if let Some(extend) = first
                && !wide_first
            {
                a = self.lanes_to_temp(extend, d.lane(), half, [a, NONE, NONE]);
            }
            let c = if sums { dst } else { NONE };
            let how = match second {
                Some(_) => (code, d.lane() + 1, 0),
                None => (code, d.lane(), half),
            };
            self.lanes_where(active, how, dst, [a, b, c]);
        }
        true
    }
    /// The bits that count of an extended amount.
    fn amount_of_widening_shift(&mut self, d: Direct, amount: Ref) -> Ref {
        // (Of an immediate, the bits above the lowest five are copies of the fifth.)
        let bits = if d.form() == 3 { 32.min(2 * d.sew) } else { 2 * d.sew };
        let mask = self.splat(u64::from(bits) - 1, 2 * d.sew);
        self.lanes_to_temp(VecOp::And, 0, 0, [amount, mask, NONE])
    }
    /// Of elements narrower by `1 << by`.
    pub(super) fn direct_extension(&mut self, d: Direct, by: u32, signed: bool) -> bool {
        let (vd, vs2) = (d.vd(), d.vs2());
        let lmul = d.known.kind.lmul - by as i32;
        let source = (1 << lmul.max(0), lmul >= 0);
        if d.sew >> by < 8
            || lmul < -3
            || !d.aligned(d.regs, &[vd])
            || !d.mask_is_apart(&[vd])
            || !d.may_widen(vs2, source, d.regs)
        {
            return false;
        }
        self.begin(d);
        let code = if signed { VecOp::ExtS } else { VecOp::ExtU };
        let elements = self.elements(d, d.sew);
        for n in 0..d.regs {
            let active = self.active(elements, n);
            let mut a = v(vs2 + (n >> by));
            for step in (1..by).rev() {
                let (lane, half) = (d.lane() - step as u8 - 1, i32::from(n >> step & 1));
                a = self.lanes_to_temp(code, lane, half, [a, NONE, NONE]);
            }
            let half = i32::from(n & 1);
            self.lanes_where(active, (code, d.lane() - 1, half), v(vd + n), [a, NONE, NONE]);
        }
        true
    }
    /// Shifts right of elements twice as wide by a number that all have.
    fn direct_narrowing(&mut self, d: Direct) -> bool {
        let (vd, vs2) = (d.vd(), d.vs2());
        let Some(regs) = d.wide_regs(1) else { return false };
        if d.sew == 64 || !d.may_narrow(regs) {
            return false;
        }
        if d.has_vector() {
            return self.direct_narrowing_by_vector(d, regs);
        }
        self.begin(d);
        let bits = 2 * d.sew;
        let mut amount = i32::from(d.vs1()) & (bits as i32 - 1);
        let mut by = None;
        if d.form() != 3 || amount > d.sew as i32 {
            // By lanes, to the right as the numbers are negative.
            let x = match d.form() {
                3 => self.imm(amount as u64),
                _ => self.x(XReg(d.vs1() as u8)),
            };
            let (mask, zero) = (self.imm(u64::from(bits) - 1), self.imm(0));
            let n = self.int(OpCode::And, 0, [x, mask, NONE]);
            let n = self.int(OpCode::Sub, 0, [zero, n, NONE]);
            by = Some(self.lanes_to_temp(VecOp::DupInt, d.lane() + 1, 0, [n, NONE, NONE]));
            amount = 0;
        }
        let shift = if d.op == Op::Nsra { VecOp::ShlS } else { VecOp::ShlU };
        let shifted = |t: &mut Self, a: Ref| match by {
            Some(by) => t.lanes_to_temp(shift, d.lane() + 1, 0, [a, by, NONE]),
            None => a,
        };
        let elements = self.elements(d, d.sew);
        for n in 0..d.regs {
            let active = self.active(elements, n);
            let low = shifted(self, v(vs2 + 2 * n));
            if d.part < 0 {
                self.lanes_where(
                    active,
                    (VecOp::Narrow, d.lane(), amount),
                    v(vd),
                    [low, NONE, NONE],
                );
                break;
            }
            let high = shifted(self, v(vs2 + 2 * n + 1));
            let low = self.lanes_to_temp(VecOp::Narrow, d.lane(), amount, [low, NONE, NONE]);
            let how = (VecOp::Narrow, d.lane(), amount | 0x100);
            self.lanes_where(active, how, v(vd + n), [high, NONE, low]);
        }
        true
    }
    /// Shifts right of elements twice as wide by the lowest bits of others. `regs` registers are shifted.
    fn direct_narrowing_by_vector(&mut self, d: Direct, regs: u16) -> bool {
        let (vd, vs1, vs2) = (d.vd(), d.vs1(), d.vs2());
        let allowed = d.aligned(d.regs, &[vs1])
            && d.mask_is_apart(&[vs1])
            && apart((vs1, d.regs), (vs2, regs))
            // (The first half of the result is written before the second half's numbers are read.)
            && (vd == vs1 || apart((vd, d.regs), (vs1, d.regs)));
        if !allowed {
            return false;
        }
        self.begin(d);
        let (bits, lane) = (2 * d.sew, d.lane() + 1);
        let op = if d.op == Op::Nsra { Op::Sra } else { Op::Srl };
        let mask = self.splat(u64::from(bits) - 1, bits);
        let elements = self.elements(d, d.sew);
        for n in 0..d.regs {
            let active = self.active(elements, n);
            let half = |t: &mut Self, half: u16| {
                let by = [v(vs1 + n), NONE, NONE];
                let by = t.lanes_to_temp(VecOp::ExtU, d.lane(), half.into(), by);
                let by = t.lanes_to_temp(VecOp::And, 0, 0, [by, mask, NONE]);
                t.shifted(op, lane, v(vs2 + 2 * n + half), by)
            };
            let low = half(self, 0);
            let mut value = self.lanes_to_temp(VecOp::Narrow, d.lane(), 0, [low, NONE, NONE]);
            if d.part == 0 {
                let high = half(self, 1);
                value = self.lanes_to_temp(VecOp::Narrow, d.lane(), 0x100, [high, NONE, value]);
            }
            self.put(v(vd + n), value, active);
        }
        true
    }
    /// Moves between registers of all kinds.
    pub(super) fn direct_move(&mut self, d: Direct) -> bool {
        let (vd, vs2) = (d.vd(), d.vs2());
        match d.op {
            Op::MvR => {
                let regs = d.vs1() + 1;
                if !regs.is_power_of_two() || regs > 8 || !d.aligned(regs, &[vd, vs2]) {
                    return false;
                }
                self.begin(d);
                for r in 0..regs {
                    self.ir.mov(Ty::V128, v(vd + r), v(vs2 + r));
                }
            }
            Op::Mv | Op::Fmv => {
                let defined = crate::key::rounding_is_defined(self.key);
                let float = d.op == Op::Fmv && (d.sew < 32 || !defined);
                if float
                    || !d.aligned(d.regs, &[vd])
                    || d.has_vector() && !d.aligned(d.regs, &[d.vs1()])
                {
                    return false;
                }
                self.begin(d);
                let scalar = self.second(d);
                let elements = self.elements(d, d.sew);
                for r in 0..d.regs {
                    let (a, active) = (self.second_of(d, scalar, r), self.active(elements, r));
                    self.put(v(vd + r), a, active);
                }
            }
            Op::MvXS => {
                self.begin(d);
                let rd = self.x_out(XReg(vd as u8));
                let sign = if d.sew == 64 { 0 } else { 2 << 12 };
                self.ir.un_aux(
                    OpCode::VecToInt,
                    Ty::I64,
                    rd,
                    v(vs2),
                    u16::from(d.lane()) << 8 | sign,
                );
            }
            Op::MvSX => {
                self.begin(d);
                let x = self.x(XReg(d.vs1() as u8));
                self.first_element(d, (VecOp::InsInt, x));
            }
            Op::FmvFS | Op::FmvSF if !crate::key::rounding_is_defined(self.key) => return false,
            Op::FmvFS if d.sew == 64 => {
                self.begin(d);
                let f = self.f(FReg(vd as u8));
                self.ir.mov(Ty::F64, f, v(vs2));
            }
            Op::FmvFS if d.sew == 32 => {
                self.begin(d);
                let (t, f) = (self.temp(), self.f(FReg(vd as u8)));
                self.ir.mov(Ty::F32, t, v(vs2));
                self.ir.un(OpCode::FBox, Ty::F32, f, t);
            }
            Op::FmvSF if d.sew >= 32 => {
                self.begin(d);
                let f = self.checked_float(d);
                self.first_element(d, (VecOp::InsLane, f));
            }
            _ => return false,
        }
        true
    }
    /// Writes element 0, if there are any.
    fn first_element(&mut self, d: Direct, (code, value): (VecOp, Ref)) {
        let vd = v(d.vd());
        match d.count() {
            Some(0) => {}
            Some(_) => self.lanes(code, d.lane(), 0, vd, [vd, value, NONE]),
            None => {
                let (none, zero) = (self.ir.label(), self.imm(0));
                self.ir.br_cmp(Ty::I64, Cond::Eq, Ref::slot(SLOT_VL), zero, none);
                self.lanes(code, d.lane(), 0, vd, [vd, value, NONE]);
                self.ir.place(none);
            }
        }
    }
}
