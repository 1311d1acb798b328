//! Integer and floating-point instructions whose elements all have the same width, and reductions.

use super::super::Op;
use super::active::{Active, bytes};
use super::{Direct, v};
use crate::field::XReg;
use crate::state::SLOT_VL;
use crate::translator::Translator;
use ir::vec_op::VecOp;
use ir::{Cond, OpCode, Ref, Rounding, Ty};

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

/// Results that are moved to their registers at an instruction's end.
struct Results {
    vd: u16,
    /// They are; else each is written at once.
    late: bool,
    all: Vec<(Ref, Ref, Active)>,
}

impl Results {
    /// Of `code`, which may trap when results are written already that it reads, or may not.
    fn new(d: Direct, code: VecOp, reads_destination: bool) -> Self {
        let several = d.regs > 1 && (reads_destination || d.is_partial());
        Self { vd: d.vd(), late: code.is_float() && several, all: Vec::new() }
    }
}

impl Translator<'_> {
    pub(super) fn direct_integer(&mut self, d: Direct) -> bool {
        if matches!(d.op, Op::Sll | Op::Srl | Op::Sra) {
            return self.direct_shift(d);
        }
        let extension = match d.op {
            Op::ZextVf2 => Some((1, false)),
            Op::ZextVf4 => Some((2, false)),
            Op::ZextVf8 => Some((3, false)),
            Op::SextVf2 => Some((1, true)),
            Op::SextVf4 => Some((2, true)),
            Op::SextVf8 => Some((3, true)),
            _ => None,
        };
        if let Some((by, signed)) = extension {
            return self.direct_extension(d, by, signed);
        }
        self.direct_binary(d) || self.direct_fused(d) || self.direct_bits(d)
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
        if d.sew == 64 && matches!(d.op, Op::Min | Op::Minu | Op::Max | Op::Maxu) {
            return self.direct_extreme(d);
        }
        if !d.same_width() {
            return false;
        }
        self.begin(d);
        let scalar = self.second(d);
        let elements = self.elements(d, d.sew);
        let mut results = Results::new(d, code, self.reads_destination(d));
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let (mut a, mut b) = (v(d.vs2() + r), self.second_of(d, scalar, r));
            if code.is_float() {
                (a, b) = (self.zeroed(a, active), self.zeroed(b, active));
            }
            let divisor = if reversed { &mut a } else { &mut b };
            if code == VecOp::FDiv {
                *divisor = self.ones_elsewhere(d, *divisor, active);
            }
            let (a, b) = if reversed { (b, a) } else { (a, b) };
            self.result(&mut results, r, active, (code, d.lane(), 0), [a, b, NONE]);
        }
        self.write_group(&results);
        true
    }
    /// Minima and maxima of 64 bits, which hosts lack.
    fn direct_extreme(&mut self, d: Direct) -> bool {
        if !d.same_width() {
            return false;
        }
        self.begin(d);
        let scalar = self.second(d);
        let elements = self.elements(d, d.sew);
        let signed = matches!(d.op, Op::Min | Op::Max);
        let code = if signed { VecOp::CmGtS } else { VecOp::CmGtU };
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let (a, b) = (v(d.vs2() + r), self.second_of(d, scalar, r));
            let more = self.lanes_to_temp(code, d.lane(), 0, [a, b, NONE]);
            let (yes, no) = if matches!(d.op, Op::Max | Op::Maxu) { (a, b) } else { (b, a) };
            self.lanes_where(active, (VecOp::Select, 0, 0), v(d.vd() + r), [yes, no, more]);
        }
        true
    }
    fn direct_fused(&mut self, d: Direct) -> bool {
        let Some((code, factor, negated)) = fused(d.op) else { return false };
        if !d.same_width() {
            return false;
        }
        self.begin(d);
        let scalar = self.second(d);
        let elements = self.elements(d, d.sew);
        let mut results = Results::new(d, code, true);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let (vd, vs2) = (v(d.vd() + r), v(d.vs2() + r));
            let (mut a, mut c) = if factor { (vd, vs2) } else { (vs2, vd) };
            let mut b = self.second_of(d, scalar, r);
            if code.is_float() {
                (a, b, c) =
                    (self.zeroed(a, active), self.zeroed(b, active), self.zeroed(c, active));
            }
            if negated {
                c = self.lanes_to_temp(VecOp::FNeg, d.lane(), 0, [c, NONE, NONE]);
            }
            self.result(&mut results, r, active, (code, d.lane(), 0), [a, b, c]);
        }
        self.write_group(&results);
        true
    }
    /// Whether a source is the destination.
    fn reads_destination(&self, d: Direct) -> bool {
        d.vd() == d.vs2() || d.has_vector() && d.vd() == d.vs1()
    }
    /// `divisor` with 1 where elements do not take part.
    fn ones_elsewhere(&mut self, d: Direct, divisor: Ref, active: Active) -> Ref {
        let Active::Lanes(lanes) = active else { return divisor };
        let one = if d.sew == 32 { 0x3f80_0000 } else { 0x3ff0 << 48 };
        let ones = self.splat(one, d.sew);
        self.lanes_to_temp(VecOp::Select, 0, 0, [divisor, ones, lanes])
    }
    /// Computes one register of a result.
    fn result(
        &mut self,
        results: &mut Results,
        r: u16,
        active: Active,
        (code, lane, param): (VecOp, u8, i32),
        operands: [Ref; 3],
    ) {
        let dst = v(results.vd + r);
        if active == Active::None {
            return;
        }
        if results.late {
            let value = self.lanes_to_temp(code, lane, param, operands);
            results.all.push((dst, value, active));
            return;
        }
        if r > 0 && code.is_float() {
            self.next_step();
        }
        self.lanes_where(active, (code, lane, param), dst, operands);
    }
    /// Moves results that were kept to their registers.
    fn write_group(&mut self, results: &Results) {
        for &(dst, value, active) in &results.all {
            self.put(dst, value, active);
        }
    }
    /// Of one source; moved to the destination at the end.
    fn direct_unary(&mut self, d: Direct, code: VecOp, param: i32) -> bool {
        if !d.aligned(d.regs, &[d.vd(), d.vs2()]) || !d.mask_is_apart(&[d.vd(), d.vs2()]) {
            return false;
        }
        self.begin(d);
        let elements = self.elements(d, d.sew);
        let mut results = Results::new(d, code, true);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let mut a = v(d.vs2() + r);
            if code.is_float() {
                a = self.zeroed(a, active);
            }
            self.result(&mut results, r, active, (code, d.lane(), param), [a, NONE, NONE]);
        }
        self.write_group(&results);
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
        if d.form() == 4 {
            self.begin(d);
            self.shift_by_register(d);
            return true;
        }
        self.begin(d);
        let amount = i32::from(d.vs1()) & (d.sew as i32 - 1);
        let mask = self.splat(u64::from(d.sew) - 1, d.sew);
        let elements = self.elements(d, d.sew);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let (dst, a) = (v(d.vd() + r), v(d.vs2() + r));
            if d.form() == 3 {
                let code = match d.op {
                    Op::Sll => VecOp::ShlI,
                    Op::Srl => VecOp::ShrU,
                    _ => VecOp::ShrS,
                };
                match amount {
                    0 => self.put(dst, a, active),
                    _ => self.lanes_where(active, (code, d.lane(), amount), dst, [a, NONE, NONE]),
                }
                continue;
            }
            let by = self.lanes_to_temp(VecOp::And, 0, 0, [v(d.vs1() + r), mask, NONE]);
            let value = self.shifted(d.op, d.lane(), a, by);
            self.put(dst, value, active);
        }
        true
    }
    /// `a` shifted lane by lane, by numbers below the width of a lane.
    pub(super) fn shifted(&mut self, op: Op, lane: u8, a: Ref, by: Ref) -> Ref {
        if lane == 0 {
            return self.shifted_bytes(op, a, by);
        }
        let by = match op {
            Op::Sll => by,
            _ => self.lanes_to_temp(VecOp::Neg, lane, 0, [by, NONE, NONE]),
        };
        let code = if op == Op::Sra { VecOp::ShlS } else { VecOp::ShlU };
        self.lanes_to_temp(code, lane, 0, [a, by, NONE])
    }
    /// The same of bytes, for which hosts have no shifts: products with powers of two. To the right, these are
    /// 2^7 times what is wanted.
    fn shifted_bytes(&mut self, op: Op, a: Ref, by: Ref) -> Ref {
        let left = op == Op::Sll;
        let powers = self.ir.vconst(bytes(|n| match n {
            0..8 if left => 1 << n,
            0..8 => 0x80 >> n,
            _ => 0,
        }));
        let factors = self.lanes_to_temp(VecOp::Tbl1, 0, 0, [powers, by, NONE]);
        if left {
            return self.lanes_to_temp(VecOp::Mul, 0, 0, [a, factors, NONE]);
        }
        let extension = if op == Op::Sra { VecOp::ExtS } else { VecOp::ExtU };
        let [low, high] = [0, 1].map(|half| {
            let a = self.lanes_to_temp(extension, 0, half, [a, NONE, NONE]);
            let b = self.lanes_to_temp(VecOp::ExtU, 0, half, [factors, NONE, NONE]);
            self.lanes_to_temp(VecOp::Mul, 1, 0, [a, b, NONE])
        });
        let low = self.lanes_to_temp(VecOp::Narrow, 0, 7, [low, NONE, NONE]);
        self.lanes_to_temp(VecOp::Narrow, 0, 7 | 0x100, [high, NONE, low])
    }
    /// Shifts of all elements by the same number. Bytes are shifted as words, and signs of bytes and of 64 bits
    /// are put right afterwards, as hosts lack these.
    fn shift_by_register(&mut self, d: Direct) {
        let (x, bits) = (self.x(XReg(d.vs1() as u8)), self.imm(u64::from(d.sew) - 1));
        let by = self.int(OpCode::And, 0, [x, bits, NONE]);
        let amount = self.temp();
        self.ir.un(OpCode::IntToVec, Ty::V64, amount, by);
        let signs = d.op == Op::Sra && matches!(d.sew, 8 | 64);
        let code = match d.op {
            Op::Sll => VecOp::ShlAll,
            Op::Sra if !signs => VecOp::ShrSAll,
            _ => VecOp::ShrUAll,
        };
        // What is left of ones, and of the highest bit.
        let splat = |t: &mut Self, ones: u64, code| {
            let ones = t.imm(ones);
            let n = t.int(code, 0, [ones, by, NONE]);
            t.lanes_to_temp(VecOp::DupInt, d.lane(), 0, [n, NONE, NONE])
        };
        let shift = if d.op == Op::Sll { OpCode::Shl } else { OpCode::Shr };
        let kept = (d.sew == 8).then(|| splat(self, 0xff, shift));
        let sign = signs.then(|| splat(self, 1 << (d.sew - 1), OpCode::Shr));
        let elements = self.elements(d, d.sew);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let lane = d.lane().max(1);
            let mut value = self.lanes_to_temp(code, lane, 0, [v(d.vs2() + r), amount, NONE]);
            if let Some(kept) = kept {
                value = self.lanes_to_temp(VecOp::And, 0, 0, [value, kept, NONE]);
            }
            if let Some(sign) = sign {
                value = self.lanes_to_temp(VecOp::Xor, 0, 0, [value, sign, NONE]);
                value = self.lanes_to_temp(VecOp::Sub, d.lane(), 0, [value, sign, NONE]);
            }
            self.put(v(d.vd() + r), value, active);
        }
    }
    fn direct_sign(&mut self, d: Direct) -> bool {
        if !d.same_width() {
            return false;
        }
        self.begin(d);
        let scalar = self.second(d);
        let sign = self.splat(1 << (d.sew - 1), d.sew);
        let elements = self.elements(d, d.sew);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let (dst, a) = (v(d.vd() + r), v(d.vs2() + r));
            let b = self.second_of(d, scalar, r);
            match d.op {
                Op::Fsgnj => self.lanes_where(active, (VecOp::Select, 0, 0), dst, [b, a, sign]),
                Op::Fsgnjn => {
                    let b = self.lanes_to_temp(VecOp::Not, 0, 0, [b, NONE, NONE]);
                    self.lanes_where(active, (VecOp::Select, 0, 0), dst, [b, a, sign]);
                }
                _ => {
                    let b = self.lanes_to_temp(VecOp::And, 0, 0, [b, sign, NONE]);
                    self.lanes_where(active, (VecOp::Xor, 0, 0), dst, [a, b, NONE]);
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
            Op::Redand => (VecOp::And, VecOp::And),
            Op::Redor => (VecOp::Or, VecOp::Or),
            Op::Redxor => (VecOp::Xor, VecOp::Xor),
            Op::Wredsumu => (VecOp::Add, VecOp::AddLvU),
            Op::Wredsum => (VecOp::Add, VecOp::AddLvS),
            _ => return false,
        };
        let long = matches!(d.op, Op::Wredsum | Op::Wredsumu);
        // Sources of different width must not overlap.
        let overlaps = long && (d.vs2()..d.vs2() + d.regs).contains(&d.vs1());
        let extreme = matches!(d.op, Op::Redmaxu | Op::Redmax | Op::Redminu | Op::Redmin);
        let simple = d.sew < 64 || !extreme;
        if overlaps || !simple || !d.aligned(d.regs, &[d.vs2()]) {
            return false;
        }
        if !d.mask_is_apart(&[d.vd(), d.vs1(), d.vs2()]) || long && d.sew == 64 {
            return false;
        }
        self.begin(d);
        // (With no elements not even element 0 is written.)
        let none = d.count().is_none().then(|| self.ir.label());
        if let Some(none) = none {
            let zero = self.imm(0);
            self.ir.br_cmp(Ty::I64, Cond::Eq, Ref::slot(SLOT_VL), zero, none);
        }
        if d.count() != Some(0) {
            self.reduce_directly(d, code, across);
        }
        if let Some(none) = none {
            self.ir.place(none);
        }
        true
    }
    fn reduce_directly(&mut self, d: Direct, code: VecOp, across: VecOp) {
        let long = matches!(d.op, Op::Wredsum | Op::Wredsumu);
        let lane = d.lane() + u8::from(long);
        // What changes nothing in the place of elements that do not take part.
        let neutral = match d.op {
            Op::Redminu | Op::Redand => u64::MAX,
            Op::Redmax => 1 << (d.sew - 1),
            Op::Redmin => (1 << (d.sew - 1)) - 1,
            _ => 0,
        };
        let neutral = self.splat(neutral, d.sew);
        let bitwise = across == code;
        let part = |t: &mut Self, a| match bitwise {
            false => t.lanes_to_temp(across, d.lane(), 0, [a, NONE, NONE]),
            // Each half with the other one, down to single elements.
            true => (d.lane()..4).rev().fold(a, |a, lane| {
                let other = t.lanes_to_temp(VecOp::Ext, 0, 1 << lane, [a, a, NONE]);
                t.lanes_to_temp(code, 0, 0, [a, other, NONE])
            }),
        };
        let elements = self.elements(d, d.sew);
        let mut sum = None;
        for r in 0..d.regs {
            let mut next = v(d.vs2() + r);
            match self.active(elements, r) {
                Active::All => {}
                Active::None => continue,
                Active::Lanes(lanes) => {
                    next = self.lanes_to_temp(VecOp::Select, 0, 0, [next, neutral, lanes]);
                }
            }
            if long {
                next = part(self, next);
            }
            sum = Some(match sum {
                None => next,
                Some(sum) => self.lanes_to_temp(code, lane, 0, [sum, next, NONE]),
            });
        }
        let mut total = v(d.vs1());
        if let Some(mut sum) = sum {
            if !long {
                sum = part(self, sum);
            }
            total = self.lanes_to_temp(code, lane, 0, [sum, total, NONE]);
        }
        self.lanes(VecOp::InsLane, lane, 0, v(d.vd()), [v(d.vd()), total, NONE]);
    }
}
