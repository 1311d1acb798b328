//! Integer and floating-point instructions whose elements all have the same width, and reductions.

use super::super::Op;
use super::{Direct, v};
use crate::translator::Translator;
use ir::vec_op::VecOp;
use ir::{Ref, Rounding};

const NONE: Ref = Ref::NONE;

/// `a op b`; true: the other way round. `a` is vs2.
fn binary(op: Op) -> Option<(VecOp, bool)> {
    Some(match op {
        Op::Add => (VecOp::Add, false),
        Op::Sub => (VecOp::Sub, false),
        Op::Rsub => (VecOp::Sub, true),
        Op::And => (VecOp::And, false),
        Op::Or => (VecOp::Or, false),
        Op::Xor => (VecOp::Xor, false),
        Op::Andn => (VecOp::AndNot, false),
        Op::Minu => (VecOp::MinU, false),
        Op::Min => (VecOp::MinS, false),
        Op::Maxu => (VecOp::MaxU, false),
        Op::Max => (VecOp::MaxS, false),
        Op::Mul => (VecOp::Mul, false),
        Op::Fadd => (VecOp::FAdd, false),
        Op::Fsub => (VecOp::FSub, false),
        Op::Frsub => (VecOp::FSub, true),
        Op::Fmul => (VecOp::FMul, false),
        Op::Fdiv => (VecOp::FDiv, false),
        Op::Frdiv => (VecOp::FDiv, true),
        Op::Fmin => (VecOp::FMinNm, false),
        Op::Fmax => (VecOp::FMaxNm, false),
        _ => return None,
    })
}

/// A product added to or subtracted from something: the operation, whether the destination is a factor (else
/// vs2 is), and whether the other is negated.
fn fused(op: Op) -> Option<(VecOp, bool, bool)> {
    Some(match op {
        Op::Macc => (VecOp::Mla, false, false),
        Op::Nmsac => (VecOp::Mls, false, false),
        Op::Madd => (VecOp::Mla, true, false),
        Op::Nmsub => (VecOp::Mls, true, false),
        Op::Fmacc => (VecOp::FMla, false, false),
        Op::Fnmsac => (VecOp::FMls, false, false),
        Op::Fmadd => (VecOp::FMla, true, false),
        Op::Fnmsub => (VecOp::FMls, true, false),
        Op::Fmsac => (VecOp::FMla, false, true),
        Op::Fnmacc => (VecOp::FMls, false, true),
        Op::Fmsub => (VecOp::FMla, true, true),
        Op::Fnmadd => (VecOp::FMls, true, true),
        _ => return None,
    })
}

impl Translator<'_> {
    pub(super) fn direct_integer(&mut self, d: Direct) -> bool {
        if matches!(d.op, Op::Sll | Op::Srl | Op::Sra) {
            return self.direct_shift(d);
        }
        if matches!(d.op, Op::ZextVf2 | Op::SextVf2) {
            return self.direct_extension(d);
        }
        self.direct_binary(d) || self.direct_fused(d)
    }
    pub(super) fn direct_float(&mut self, d: Direct) -> bool {
        match d.op {
            Op::Fsgnj | Op::Fsgnjn | Op::Fsgnjx => self.direct_sign(d),
            Op::Fsqrt => self.direct_unary(d, VecOp::FSqrt, 0),
            Op::Fcvt => self.direct_conversion(d),
            _ => self.direct_binary(d) || self.direct_fused(d),
        }
    }
    fn direct_binary(&mut self, d: Direct) -> bool {
        let Some((code, reversed)) = binary(d.op) else { return false };
        if !d.same_width() {
            return false;
        }
        self.if_full(d);
        let scalar = self.second(d);
        // Results that an instruction overlaps with its sources are not to be computed twice.
        let float = code.is_float();
        let late = float && d.regs > 1 && self.reads_destination(d);
        let mut results = Vec::new();
        for r in 0..d.regs {
            let (a, b) = (v(d.vs2() + r), self.second_of(d, scalar, r));
            let (a, b) = if reversed { (b, a) } else { (a, b) };
            if late {
                results.push(self.lanes_to_temp(code, d.lane(), 0, [a, b, NONE]));
                continue;
            }
            if r > 0 {
                self.next_step();
            }
            self.lanes(code, d.lane(), 0, v(d.vd() + r), [a, b, NONE]);
        }
        self.write_group(d, &results);
        true
    }
    fn direct_fused(&mut self, d: Direct) -> bool {
        let Some((code, factor, negated)) = fused(d.op) else { return false };
        if !d.same_width() {
            return false;
        }
        self.if_full(d);
        let scalar = self.second(d);
        let late = code.is_float() && d.regs > 1;
        let mut results = Vec::new();
        for r in 0..d.regs {
            let (vd, vs2) = (v(d.vd() + r), v(d.vs2() + r));
            let (a, mut c) = if factor { (vd, vs2) } else { (vs2, vd) };
            let b = self.second_of(d, scalar, r);
            if r > 0 && !late {
                self.next_step();
            }
            if negated {
                c = self.lanes_to_temp(VecOp::FNeg, d.lane(), 0, [c, NONE, NONE]);
            }
            if late {
                results.push(self.lanes_to_temp(code, d.lane(), 0, [a, b, c]));
            } else {
                self.lanes(code, d.lane(), 0, vd, [a, b, c]);
            }
        }
        self.write_group(d, &results);
        true
    }
    /// Whether a source is the destination.
    fn reads_destination(&self, d: Direct) -> bool {
        d.vd() == d.vs2() || d.has_vector() && d.vd() == d.vs1()
    }
    /// Moves the results, if there are any, to the registers of the destination.
    fn write_group(&mut self, d: Direct, results: &[Ref]) {
        for (r, &result) in results.iter().enumerate() {
            self.ir.mov(ir::Ty::V128, v(d.vd() + r as u16), result);
        }
    }
    /// Of one source; moved to the destination at the end.
    fn direct_unary(&mut self, d: Direct, code: VecOp, param: i32) -> bool {
        if !d.aligned(d.regs, &[d.vd(), d.vs2()]) {
            return false;
        }
        self.if_full(d);
        let results: Vec<Ref> = (0..d.regs)
            .map(|r| self.lanes_to_temp(code, d.lane(), param, [v(d.vs2() + r), NONE, NONE]))
            .collect();
        self.write_group(d, &results);
        true
    }
    fn direct_conversion(&mut self, d: Direct) -> bool {
        let signed = i32::from(d.vs1() & 1) << 3;
        match d.vs1() {
            0 | 1 => self.direct_unary(d, VecOp::FToInt, signed | Rounding::Current as i32),
            6 | 7 => self.direct_unary(d, VecOp::FToInt, signed | Rounding::Zero as i32),
            2 | 3 => self.direct_unary(d, VecOp::IntToF, signed),
            _ => false,
        }
    }
    fn direct_shift(&mut self, d: Direct) -> bool {
        if !d.same_width() {
            return false;
        }
        self.if_full(d);
        let amount = i32::from(d.vs1()) & (d.sew as i32 - 1);
        let amounts = if d.form() == 3 { None } else { self.second(d) };
        let mask = self.splat(u64::from(d.sew) - 1, d.sew);
        for r in 0..d.regs {
            let (dst, a) = (v(d.vd() + r), v(d.vs2() + r));
            if r > 0 {
                self.next_step();
            }
            if d.form() == 3 {
                let code = match d.op {
                    Op::Sll => VecOp::ShlI,
                    Op::Srl => VecOp::ShrU,
                    _ => VecOp::ShrS,
                };
                match amount {
                    0 => self.ir.mov(ir::Ty::V128, dst, a),
                    _ => self.lanes(code, d.lane(), amount, dst, [a, NONE, NONE]),
                }
                continue;
            }
            let by = self.second_of(d, amounts, r);
            let by = self.lanes_to_temp(VecOp::And, 0, 0, [by, mask, NONE]);
            let by = match d.op {
                Op::Sll => by,
                _ => self.lanes_to_temp(VecOp::Neg, d.lane(), 0, [by, NONE, NONE]),
            };
            let code = if d.op == Op::Sra { VecOp::ShlS } else { VecOp::ShlU };
            self.lanes(code, d.lane(), 0, dst, [a, by, NONE]);
        }
        true
    }
    fn direct_sign(&mut self, d: Direct) -> bool {
        if !d.same_width() {
            return false;
        }
        self.if_full(d);
        let scalar = self.second(d);
        let sign = self.splat(1 << (d.sew - 1), d.sew);
        for r in 0..d.regs {
            let (dst, a) = (v(d.vd() + r), v(d.vs2() + r));
            let b = self.second_of(d, scalar, r);
            if r > 0 {
                self.next_step();
            }
            match d.op {
                Op::Fsgnj => self.lanes(VecOp::Select, 0, 0, dst, [b, a, sign]),
                Op::Fsgnjn => {
                    let b = self.lanes_to_temp(VecOp::Not, 0, 0, [b, NONE, NONE]);
                    self.lanes(VecOp::Select, 0, 0, dst, [b, a, sign]);
                }
                _ => {
                    let b = self.lanes_to_temp(VecOp::And, 0, 0, [b, sign, NONE]);
                    self.lanes(VecOp::Xor, 0, 0, dst, [a, b, NONE]);
                }
            }
        }
        true
    }
    /// Sums and extremes of all elements, with element 0 of vs1, in element 0.
    pub(super) fn direct_reduction(&mut self, d: Direct) -> bool {
        let (code, across) = match d.op {
            Op::Redsum => (VecOp::Add, VecOp::AddV),
            Op::Redmaxu => (VecOp::MaxU, VecOp::MaxVU),
            Op::Redmax => (VecOp::MaxS, VecOp::MaxVS),
            Op::Redminu => (VecOp::MinU, VecOp::MinVU),
            Op::Redmin => (VecOp::MinS, VecOp::MinVS),
            Op::Wredsumu => (VecOp::Add, VecOp::AddLvU),
            Op::Wredsum => (VecOp::Add, VecOp::AddLvS),
            _ => return false,
        };
        let long = matches!(d.op, Op::Wredsum | Op::Wredsumu);
        // Sources of different width must not overlap.
        let overlaps = long && (d.vs2()..d.vs2() + d.regs).contains(&d.vs1());
        if overlaps || d.sew == 64 && d.op != Op::Redsum || !d.aligned(d.regs, &[d.vs2()]) {
            return false;
        }
        self.if_full(d);
        let lane = d.lane() + u8::from(long);
        let part = |t: &mut Self, a| t.lanes_to_temp(across, d.lane(), 0, [a, NONE, NONE]);
        let mut sum = v(d.vs2());
        if long {
            sum = part(self, sum);
        }
        for r in 1..d.regs {
            let mut next = v(d.vs2() + r);
            if long {
                next = part(self, next);
            }
            sum = self.lanes_to_temp(code, lane, 0, [sum, next, NONE]);
        }
        if !long {
            sum = part(self, sum);
        }
        let first = v(d.vs1());
        let total = self.lanes_to_temp(code, lane, 0, [sum, first, NONE]);
        self.lanes(VecOp::InsLane, lane, 0, v(d.vd()), [v(d.vd()), total, NONE]);
        true
    }
}
