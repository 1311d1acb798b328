//! Fixed-point instructions: saturating and averaging sums, rounding shifts, clips.
//!
//! Those that round are translated for the vxrm with which the code was reached, or that an instruction of the
//! block has set, if that is to the nearest, up, or down. Where a result is saturated vxsat is set.

use super::super::Op;
use super::active::Active;
use super::{Direct, v};
use crate::field::XReg;
use crate::state::SLOT_VCSR;
use crate::translator::Translator;
use ir::vec_op::VecOp;
use ir::{OpCode, Ref, Ty};

const NONE: Ref = Ref::NONE;
/// vxrm: to the nearest, up.
const NEAREST_UP: u8 = 0;
/// vxrm: down.
const DOWN: u8 = 2;

impl Translator<'_> {
    pub(super) fn direct_fixed(&mut self, d: Direct) -> bool {
        let rounds = !matches!(d.op, Op::Saddu | Op::Sadd | Op::Ssubu | Op::Ssub);
        if rounds && !matches!(self.vxrm, NEAREST_UP | DOWN) {
            return false;
        }
        match d.op {
            Op::Saddu | Op::Sadd | Op::Ssubu | Op::Ssub => self.direct_saturated(d),
            Op::Aaddu | Op::Aadd | Op::Asubu | Op::Asub => self.direct_average(d),
            Op::Ssrl | Op::Ssra => self.direct_rounding_shift(d),
            Op::Nclip | Op::Nclipu => self.direct_clip(d),
            _ => false,
        }
    }
    fn of_two(&mut self, op: VecOp, lane: u8, [a, b]: [Ref; 2]) -> Ref {
        self.lanes_to_temp(op, lane, 0, [a, b, NONE])
    }
    /// Sets vxsat if a bit of `lanes`, of those that take part, is set.
    fn saturated_where(&mut self, lanes: Option<Ref>) {
        let Some(lanes) = lanes else { return };
        let (bits, zero, status) = (self.temp(), self.imm(0), Ref::slot(SLOT_VCSR));
        self.ir.un_aux(OpCode::VecMask, Ty::I64, bits, lanes, 0);
        let any = self.int(OpCode::SetCmp, ir::Cond::Ne as u16, [bits, zero, NONE]);
        self.ir.bin(OpCode::Or, Ty::I64, status, status, any);
    }
    /// Joins lanes that are ones where a result of a register was saturated with those of others.
    fn join(&mut self, all: &mut Option<Ref>, lanes: Ref, active: Active) {
        let lanes = self.zeroed(lanes, active);
        *all = Some(match *all {
            Some(others) => self.of_two(VecOp::Or, 0, [others, lanes]),
            None => lanes,
        });
    }
    fn direct_saturated(&mut self, d: Direct) -> bool {
        if !d.same_width() {
            return false;
        }
        self.begin(d);
        let scalar = self.second(d);
        let elements = self.elements(d, d.sew);
        let (lane, mut all) = (d.lane(), None);
        let most = self.splat((1 << (d.sew - 1)) - 1, d.sew);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            if active == Active::None {
                continue;
            }
            let (a, b) = (v(d.vs2() + r), self.second_of(d, scalar, r));
            let adds = matches!(d.op, Op::Saddu | Op::Sadd);
            let code = if adds { VecOp::Add } else { VecOp::Sub };
            let sum = self.of_two(code, lane, [a, b]);
            let (over, result) = match d.op {
                Op::Saddu => {
                    let over = self.of_two(VecOp::CmGtU, lane, [a, sum]);
                    (over, self.of_two(VecOp::Or, 0, [sum, over]))
                }
                Op::Ssubu => {
                    let over = self.of_two(VecOp::CmGtU, lane, [b, a]);
                    (over, self.of_two(VecOp::AndNot, 0, [sum, over]))
                }
                _ => {
                    // The sum's sign is wrong where it differs from a's and a's is (or is not) b's.
                    let differs = self.of_two(VecOp::Xor, 0, [a, sum]);
                    let other = self.of_two(VecOp::Xor, 0, [if adds { sum } else { a }, b]);
                    let over = self.of_two(VecOp::And, 0, [differs, other]);
                    let shift = d.sew as i32 - 1;
                    let over = self.lanes_to_temp(VecOp::ShrS, lane, shift, [over, NONE, NONE]);
                    let sign = self.lanes_to_temp(VecOp::ShrS, lane, shift, [a, NONE, NONE]);
                    let limit = self.of_two(VecOp::Xor, 0, [sign, most]);
                    let result = self.lanes_to_temp(VecOp::Select, 0, 0, [limit, sum, over]);
                    (over, result)
                }
            };
            self.join(&mut all, over, active);
            self.put(v(d.vd() + r), result, active);
        }
        self.saturated_where(all);
        true
    }
    fn direct_average(&mut self, d: Direct) -> bool {
        if !d.same_width() || d.sew == 64 {
            return false;
        }
        self.begin(d);
        self.look_at_rounding(d);
        let scalar = self.second(d);
        let elements = self.elements(d, d.sew);
        let up = self.vxrm == NEAREST_UP;
        let code = match d.op {
            Op::Aaddu if up => VecOp::RHAddU,
            Op::Aadd if up => VecOp::RHAddS,
            Op::Aaddu => VecOp::HAddU,
            Op::Aadd => VecOp::HAddS,
            Op::Asubu => VecOp::HSubU,
            _ => VecOp::HSubS,
        };
        let one = self.splat(1, d.sew);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let (a, b) = (v(d.vs2() + r), self.second_of(d, scalar, r));
            let mut value = self.of_two(code, d.lane(), [a, b]);
            if up && matches!(d.op, Op::Asubu | Op::Asub) {
                let odd = self.of_two(VecOp::Xor, 0, [a, b]);
                let odd = self.of_two(VecOp::And, 0, [odd, one]);
                value = self.of_two(VecOp::Add, d.lane(), [value, odd]);
            }
            self.put(v(d.vd() + r), value, active);
        }
        true
    }
    /// `a` shifted right by a number that all elements have, of `sew` bits, and rounded.
    fn rounded(&mut self, op: Op, sew: u32, a: Ref, by: i32) -> Ref {
        let signed = matches!(op, Op::Ssra | Op::Nclip);
        let code = match (self.vxrm == NEAREST_UP, signed) {
            (true, true) => VecOp::RShrS,
            (true, false) => VecOp::RShrU,
            (false, true) => VecOp::ShrS,
            (false, false) => VecOp::ShrU,
        };
        match by {
            0 => a,
            _ => self.lanes_to_temp(code, sew.ilog2() as u8 - 3, by, [a, NONE, NONE]),
        }
    }
    fn direct_rounding_shift(&mut self, d: Direct) -> bool {
        if !d.same_width() || d.form() != 3 {
            return false;
        }
        self.begin(d);
        self.look_at_rounding(d);
        let elements = self.elements(d, d.sew);
        let by = i32::from(d.vs1()) & (d.sew as i32 - 1);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let value = self.rounded(d.op, d.sew, v(d.vs2() + r), by);
            self.put(v(d.vd() + r), value, active);
        }
        true
    }
    fn direct_clip(&mut self, d: Direct) -> bool {
        let amount = match d.form() {
            3 => i32::from(d.vs1()),
            // x0.
            4 if XReg(d.vs1() as u8) == XReg::ZERO => 0,
            _ => return false,
        };
        let bits = 2 * d.sew;
        let Some(regs) = d.wide_regs(1).filter(|_| bits <= 32) else { return false };
        if !d.may_narrow(regs) {
            return false;
        }
        self.begin(d);
        self.look_at_rounding(d);
        let signed = d.op == Op::Nclip;
        let (lane, mut all) = (d.lane() + 1, None);
        let most = u64::MAX >> (64 - d.sew + u32::from(signed));
        let (least, most) = (self.splat(!most, bits), self.splat(most, bits));
        let by = amount & (bits as i32 - 1);
        let wide = self.elements(d, bits);
        let elements = self.elements(d, d.sew);
        for n in 0..d.regs {
            let active = self.active(elements, n);
            if active == Active::None {
                continue;
            }
            let mut halves = [NONE; 2];
            for (half, register) in (2 * n..2 * n + 2).enumerate() {
                if register >= regs {
                    continue;
                }
                let value = self.rounded(d.op, bits, v(d.vs2() + register), by);
                let clipped = match signed {
                    true => {
                        let t = self.of_two(VecOp::MinS, lane, [value, most]);
                        self.of_two(VecOp::MaxS, lane, [t, least])
                    }
                    false => self.of_two(VecOp::MinU, lane, [value, most]),
                };
                halves[half] = clipped;
                let active = self.active(wide, register);
                if active != Active::None {
                    let same = self.of_two(VecOp::CmEq, lane, [value, clipped]);
                    let over = self.lanes_to_temp(VecOp::Not, 0, 0, [same, NONE, NONE]);
                    self.join(&mut all, over, active);
                }
            }
            let [low, high] = halves;
            let mut value = self.lanes_to_temp(VecOp::Narrow, d.lane(), 0, [low, NONE, NONE]);
            if !high.is_none() {
                value = self.lanes_to_temp(VecOp::Narrow, d.lane(), 0x100, [high, NONE, value]);
            }
            self.put(v(d.vd() + n), value, active);
        }
        self.saturated_where(all);
        true
    }
}
