//! Integer instructions between widths, and moves.

use super::super::Op;
use super::{Direct, v};
use crate::field::{FReg, XReg};
use crate::translator::Translator;
use ir::vec_op::VecOp;
use ir::{OpCode, Ref, Ty};

const NONE: Ref = Ref::NONE;

impl Direct {
    /// Whether the destination, of two registers for each one of a source at `at`, is in its place: it
    /// may overlap the source only at its end.
    fn may_widen(self, at: u16) -> bool {
        let (vd, regs) = (self.vd(), self.regs);
        let apart = at + regs <= vd || vd + 2 * regs <= at;
        // (A sum is a source itself, of another width.)
        let sums = matches!(self.op, Op::Wmaccu | Op::Wmacc);
        at.is_multiple_of(regs) && (apart || at == vd + regs && !sums)
    }
}

impl Translator<'_> {
    pub(super) fn direct_wide(&mut self, d: Direct) -> bool {
        match d.op {
            Op::Nsrl | Op::Nsra => return self.direct_narrowing(d),
            _ if d.sew == 64 || d.regs == 8 || !d.aligned(2 * d.regs, &[d.vd()]) => return false,
            _ => {}
        }
        let extend = |signed| if signed { VecOp::ExtS } else { VecOp::ExtU };
        let (first, code) = match d.op {
            Op::Waddu => (Some(extend(false)), VecOp::AddWU),
            Op::Wadd => (Some(extend(true)), VecOp::AddWS),
            Op::Wsubu => (Some(extend(false)), VecOp::SubWU),
            Op::Wsub => (Some(extend(true)), VecOp::SubWS),
            Op::Wmulu => (None, VecOp::MulLU),
            Op::Wmul => (None, VecOp::MulLS),
            Op::Wmaccu => (None, VecOp::MlaLU),
            Op::Wmacc => (None, VecOp::MlaLS),
            _ => return false,
        };
        // (Those with a first source that is wide already have the highest of these bits.)
        let wide_first = first.is_some() && d.bits(28, 1) != 0;
        if wide_first || !d.may_widen(d.vs2()) || d.has_vector() && !d.may_widen(d.vs1()) {
            return false;
        }
        self.if_full(d);
        let scalar = self.second(d);
        for n in 0..2 * d.regs {
            let (dst, half) = (v(d.vd() + n), i32::from(n & 1));
            let (mut a, b) = (v(d.vs2() + n / 2), self.second_of(d, scalar, n / 2));
            if n > 0 {
                self.next_step();
            }
            if let Some(extend) = first {
                a = self.lanes_to_temp(extend, d.lane(), half, [a, NONE, NONE]);
            }
            let c = if matches!(d.op, Op::Wmaccu | Op::Wmacc) { dst } else { NONE };
            self.lanes(code, d.lane(), half, dst, [a, b, c]);
        }
        true
    }
    /// Of elements half as wide.
    pub(super) fn direct_extension(&mut self, d: Direct) -> bool {
        let (vd, vs2, half) = (d.vd(), d.vs2(), d.regs / 2);
        let source = half.max(1);
        let apart = vs2 + source <= vd || vd + d.regs <= vs2;
        let at_end = half > 0 && vs2 == vd + half;
        if d.sew == 8
            || !d.aligned(d.regs, &[vd])
            || !d.aligned(source, &[vs2])
            || !(apart || at_end)
        {
            return false;
        }
        self.if_full(d);
        let code = if d.op == Op::SextVf2 { VecOp::ExtS } else { VecOp::ExtU };
        for n in 0..d.regs {
            if n > 0 {
                self.next_step();
            }
            let (dst, a) = (v(vd + n), v(vs2 + n / 2));
            self.lanes(code, d.lane() - 1, i32::from(n & 1), dst, [a, NONE, NONE]);
        }
        true
    }
    /// Shifts right by an immediate, of elements twice as wide.
    fn direct_narrowing(&mut self, d: Direct) -> bool {
        let (vd, vs2, amount) = (d.vd(), d.vs2(), i32::from(d.vs1()));
        let apart = vs2 + 2 * d.regs <= vd || vd + d.regs <= vs2;
        let allowed = d.sew < 64
            && d.regs < 8
            && d.aligned(d.regs, &[vd])
            && d.aligned(2 * d.regs, &[vs2])
            && (apart || vd == vs2);
        // (Further, an arithmetic shift gives more signs.)
        if !allowed || d.form() != 3 || amount > d.sew as i32 {
            return false;
        }
        self.if_full(d);
        for n in 0..d.regs {
            if n > 0 {
                self.next_step();
            }
            let (low, high) = (v(vs2 + 2 * n), v(vs2 + 2 * n + 1));
            let low = self.lanes_to_temp(VecOp::Narrow, d.lane(), amount, [low, NONE, NONE]);
            self.lanes(VecOp::Narrow, d.lane(), amount | 0x100, v(vd + n), [high, NONE, low]);
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
                self.if_full(d);
                let scalar = self.second(d);
                for r in 0..d.regs {
                    let a = self.second_of(d, scalar, r);
                    self.ir.mov(Ty::V128, v(vd + r), a);
                }
            }
            Op::MvXS => {
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
                self.if_full(d);
                let x = self.x(XReg(d.vs1() as u8));
                self.lanes(VecOp::InsInt, d.lane(), 0, v(vd), [v(vd), x, NONE]);
            }
            Op::FmvFS | Op::FmvSF if !crate::key::rounding_is_defined(self.key) => return false,
            Op::FmvFS if d.sew == 64 => {
                let f = self.f(FReg(vd as u8));
                self.ir.mov(Ty::F64, f, v(vs2));
            }
            Op::FmvFS if d.sew == 32 => {
                let (t, f) = (self.temp(), self.f(FReg(vd as u8)));
                self.ir.mov(Ty::F32, t, v(vs2));
                self.ir.un(OpCode::FBox, Ty::F32, f, t);
            }
            Op::FmvSF if d.sew >= 32 => {
                self.if_full(d);
                let f = self.checked_float(d);
                self.lanes(VecOp::InsLane, d.lane(), 0, v(vd), [v(vd), f, NONE]);
            }
            _ => return false,
        }
        true
    }
}
