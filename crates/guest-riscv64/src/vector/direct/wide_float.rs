//! Floating point between half, single and double precision, and reductions.

use super::super::Op;
use super::active::Active;
use super::{Direct, v};
use crate::cpu::Features;
use crate::translator::Translator;
use ir::vec_op::VecOp;
use ir::{Ref, Rounding, Ty};

const NONE: Ref = Ref::NONE;
/// Most elements of a reduction in translated code.
const MAX: u32 = 16;

impl Translator<'_> {
    pub(super) fn direct_wide_float(&mut self, d: Direct) -> bool {
        if d.sew == 16 && (self.lacks(Features::ZVFHMIN) || d.op != Op::Fcvt) || d.sew == 64 {
            return false;
        }
        match (d.op, d.vs1()) {
            (Op::Fcvt, 12) => self.direct_lengthening(d),
            (Op::Fcvt, 20) => self.direct_shortening(d),
            (Op::Fcvt, 10 | 11) => self.direct_widening_from_integers(d),
            (Op::Fcvt, 15) if d.sew == 32 => self.direct_widening_to_integers(d),
            (Op::Fwadd | Op::Fwsub | Op::Fwmul, _) => self.direct_wide_arithmetic(d),
            (Op::Fwmacc | Op::Fwnmsac, _) => self.direct_wide_arithmetic(d),
            _ => false,
        }
    }
    /// Half of a register in twice the width.
    fn lengthened(&mut self, d: Direct, register: Ref, half: u16) -> Ref {
        self.lanes_to_temp(VecOp::FCvtL, d.lane(), half.into(), [register, NONE, NONE])
    }
    fn direct_lengthening(&mut self, d: Direct) -> bool {
        self.direct_widening(d, |t, register, half| {
            t.lanes_to_temp(VecOp::FCvtL, d.lane(), half, [register, NONE, NONE])
        })
    }
    /// Of one source: `convert` makes a register of half a register.
    fn direct_widening(
        &mut self,
        d: Direct,
        mut convert: impl FnMut(&mut Self, Ref, i32) -> Ref,
    ) -> bool {
        let Some(regs) = d.wide_regs(1) else { return false };
        let source = (d.regs, d.part == 0);
        let allowed = d.aligned(regs, &[d.vd()])
            && d.mask_is_apart(&[d.vd()])
            && d.may_widen(d.vs2(), source, regs);
        if !allowed {
            return false;
        }
        self.begin(d);
        let narrow = self.elements(d, d.sew);
        let wide = self.elements(d, 2 * d.sew);
        let mut values = Vec::new();
        for n in 0..regs {
            let register = v(d.vs2() + n / 2);
            // (Elements that take no part must raise nothing.)
            let active = self.active(narrow, n / 2);
            let from = self.zeroed(register, active);
            values.push(convert(self, from, i32::from(n % 2)));
        }
        for (n, value) in values.into_iter().enumerate() {
            let active = self.active(wide, n as u16);
            self.put(v(d.vd() + n as u16), value, active);
        }
        true
    }
    /// Integers become numbers of twice their width, exactly.
    fn direct_widening_from_integers(&mut self, d: Direct) -> bool {
        const SIGNED: i32 = 1 << 3;
        let extension = if d.vs1() == 11 { VecOp::ExtS } else { VecOp::ExtU };
        self.direct_widening(d, |t, register, half| {
            let wide = t.lanes_to_temp(extension, d.lane(), half, [register, NONE, NONE]);
            t.lanes_to_temp(VecOp::IntToF, d.lane() + 1, SIGNED, [wide, NONE, NONE])
        })
    }
    /// Numbers become integers of twice their width, rounded towards zero.
    fn direct_widening_to_integers(&mut self, d: Direct) -> bool {
        const SIGNED: i32 = 1 << 3;
        self.direct_widening(d, |t, register, half| {
            let wide = t.lanes_to_temp(VecOp::FCvtL, d.lane(), half, [register, NONE, NONE]);
            let how = Rounding::Zero as i32 | SIGNED;
            t.lanes_to_temp(VecOp::FToInt, d.lane() + 1, how, [wide, NONE, NONE])
        })
    }
    fn direct_shortening(&mut self, d: Direct) -> bool {
        let Some(regs) = d.wide_regs(1) else { return false };
        if d.is_partial() || !d.may_narrow(regs) {
            return false;
        }
        self.begin(d);
        let mut values = Vec::new();
        for n in 0..d.regs {
            let (low, high) = (v(d.vs2() + 2 * n), v(d.vs2() + 2 * n + 1));
            let low = self.lanes_to_temp(VecOp::FCvtN, d.lane(), 0, [low, NONE, NONE]);
            let high = self.lanes_to_temp(VecOp::FCvtN, d.lane(), 0, [high, NONE, NONE]);
            values.push(self.lanes_to_temp(VecOp::Combine, 3, 0, [low, high, NONE]));
        }
        for (n, value) in values.into_iter().enumerate() {
            self.ir.mov(Ty::V128, v(d.vd() + n as u16), value);
        }
        true
    }
    fn direct_wide_arithmetic(&mut self, d: Direct) -> bool {
        let Some(regs) = d.wide_regs(1) else { return false };
        let sums = matches!(d.op, Op::Fwmacc | Op::Fwnmsac);
        let wide_first = !sums && d.op != Op::Fwmul && d.bits(28, 1) != 0;
        let source = (d.regs, d.part == 0 && !sums);
        let allowed = !d.is_partial()
            && !wide_first
            && d.aligned(regs, &[d.vd()])
            && d.may_widen(d.vs2(), source, regs)
            && (!d.has_vector() || d.may_widen(d.vs1(), source, regs));
        if !allowed {
            return false;
        }
        self.begin(d);
        let scalar = self.second(d);
        let mut values = Vec::new();
        for n in 0..regs {
            let a = self.lengthened(d, v(d.vs2() + n / 2), n % 2);
            let b = self.second_of(d, scalar, n / 2);
            let b = self.lengthened(d, b, n % 2);
            let (code, c) = match d.op {
                Op::Fwadd => (VecOp::FAdd, NONE),
                Op::Fwsub => (VecOp::FSub, NONE),
                Op::Fwmul => (VecOp::FMul, NONE),
                Op::Fwmacc => (VecOp::FMla, v(d.vd() + n)),
                _ => (VecOp::FMls, v(d.vd() + n)),
            };
            values.push(self.lanes_to_temp(code, 3, 0, [a, b, c]));
        }
        for (n, value) in values.into_iter().enumerate() {
            self.ir.mov(Ty::V128, v(d.vd() + n as u16), value);
        }
        true
    }
    /// One element after the other, as the oracle does also where the order is free. Other lanes are zeros.
    pub(super) fn direct_float_reduction(&mut self, d: Direct) -> bool {
        let Some(count) = d.count() else { return false };
        let code = match d.op {
            Op::Fredmin => VecOp::FMinNm,
            Op::Fredmax => VecOp::FMaxNm,
            _ => VecOp::FAdd,
        };
        let allowed = d.sew >= 32
            && crate::key::rounding_is_defined(self.key)
            && (1..=MAX).contains(&count)
            && !d.masked()
            && d.aligned(d.regs, &[d.vs2()]);
        if !allowed {
            return false;
        }
        self.begin(d);
        let lane = d.lane();
        let mut sum = self.lanes_to_temp(VecOp::Low, lane, 0, [v(d.vs1()), NONE, NONE]);
        let in_one = super::super::VLEN / d.sew;
        for i in 0..count {
            let register = v(d.vs2() + (i / in_one) as u16);
            let mut next = register;
            if i % in_one != 0 {
                let at = (i % in_one * d.sew / 8) as i32;
                let zero = self.ir.vconst(0);
                next = self.lanes_to_temp(VecOp::Ext, 0, at, [register, zero, NONE]);
            }
            let next = self.lanes_to_temp(VecOp::Low, lane, 0, [next, NONE, NONE]);
            sum = self.lanes_to_temp(code, lane, 0, [sum, next, NONE]);
        }
        let value = self.lanes_to_temp(VecOp::InsLane, lane, 0, [v(d.vd()), sum, NONE]);
        self.put(v(d.vd()), value, Active::All);
        true
    }
}
