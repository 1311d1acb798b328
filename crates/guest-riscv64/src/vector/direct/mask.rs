//! Comparisons, whose results are masks, and what is done with those.

use super::super::{Op, VLEN};
use super::{Direct, v};
use crate::field::XReg;
use crate::translator::Translator;
use ir::vec_op::VecOp;
use ir::{Cond, OpCode, Ref, Ty};

const NONE: Ref = Ref::NONE;

/// The operation, whether its operands are exchanged, and whether its result is inverted.
fn comparison(op: Op) -> Option<(VecOp, bool, bool)> {
    Some(match op {
        Op::Mseq => (VecOp::CmEq, false, false),
        Op::Msne => (VecOp::CmEq, false, true),
        Op::Msltu => (VecOp::CmGtU, true, false),
        Op::Mslt => (VecOp::CmGtS, true, false),
        Op::Msleu => (VecOp::CmGeU, true, false),
        Op::Msle => (VecOp::CmGeS, true, false),
        Op::Msgtu => (VecOp::CmGtU, false, false),
        Op::Msgt => (VecOp::CmGtS, false, false),
        Op::Mfeq => (VecOp::FCmEq, false, false),
        Op::Mfne => (VecOp::FCmEq, false, true),
        Op::Mflt => (VecOp::FCmGt, true, false),
        Op::Mfle => (VecOp::FCmGe, true, false),
        Op::Mfgt => (VecOp::FCmGt, false, false),
        Op::Mfge => (VecOp::FCmGe, false, false),
        _ => return None,
    })
}

impl Translator<'_> {
    pub(super) fn direct_compare(&mut self, d: Direct) -> bool {
        let Some((code, reversed, inverted)) = comparison(d.op) else { return false };
        // The destination is one register, which may be the first one of a source.
        let allowed = |at: u16| {
            let inside = (at..at + d.regs).contains(&d.vd());
            at.is_multiple_of(d.regs) && (!inside || d.vd() == at)
        };
        if !allowed(d.vs2()) || d.has_vector() && !allowed(d.vs1()) {
            return false;
        }
        self.begin(d);
        let scalar = self.second(d);
        let elements = self.elements(d, d.sew);
        // Bits of all elements, 64 in each word.
        let mut words: Vec<Ref> = Vec::new();
        for r in 0..d.regs {
            let (mut a, mut b) = (v(d.vs2() + r), self.second_of(d, scalar, r));
            if code.is_float() {
                let active = self.active(elements, r);
                (a, b) = (self.zeroed(a, active), self.zeroed(b, active));
            }
            let (a, b) = if reversed { (b, a) } else { (a, b) };
            let lanes = self.lanes_to_temp(code, d.lane(), 0, [a, b, NONE]);
            self.join_bits(d, r, lanes, &mut words);
        }
        if inverted {
            let ones = self.imm(super::super::low(d.in_registers().min(64)));
            for word in &mut words {
                *word = self.int(OpCode::Xor, 0, [*word, ones, NONE]);
            }
        }
        self.write_bits(d, &words);
        true
    }
    /// Appends a bit for each lane of register `r` of a group to `words`.
    pub(super) fn join_bits(&mut self, d: Direct, r: u16, lanes: Ref, words: &mut Vec<Ref>) {
        let (bits, in_one) = (self.temp(), VLEN / d.sew);
        self.ir.un_aux(OpCode::VecMask, Ty::I64, bits, lanes, d.lane().into());
        let at = u32::from(r) * in_one;
        match words.last_mut() {
            Some(low) if !at.is_multiple_of(64) => {
                let all = self.temp();
                let field = (at % 64) as u16 | (in_one as u16) << 8;
                self.ir.bin_aux(OpCode::Bfi, Ty::I64, all, *low, bits, field);
                *low = all;
            }
            _ => words.push(bits),
        }
    }
    pub(super) fn direct_float_compare(&mut self, d: Direct) -> bool {
        matches!(d.op, Op::Mfeq | Op::Mfne | Op::Mflt | Op::Mfle | Op::Mfgt | Op::Mfge)
            && self.direct_compare(d)
    }
    /// Writes the bits of elements that take part to the destination, of which the others stay.
    pub(super) fn write_bits(&mut self, d: Direct, words: &[Ref]) {
        let (vd, elements) = (v(d.vd()), d.in_registers());
        if !d.is_partial() && elements >= 8 {
            if let [low, high] = *words {
                return self.ir.bin(OpCode::VecFromPair, Ty::V128, vd, low, high);
            }
            let lane = elements.ilog2() as u8 - 3;
            return self.lanes(VecOp::InsInt, lane, 0, vd, [vd, words[0], NONE]);
        }
        let mut new = vd;
        for (n, &bits) in words.iter().enumerate() {
            let active = self.active_bits(d, 64 * n as u32, elements.min(64));
            let old = self.temp();
            self.ir.un_aux(OpCode::VecToInt, Ty::I64, old, vd, n as u16 | 3 << 8);
            let bits = self.int(OpCode::And, 0, [bits, active, NONE]);
            let rest = self.int(OpCode::AndNot, 0, [old, active, NONE]);
            let bits = self.int(OpCode::Or, 0, [bits, rest, NONE]);
            new = self.lanes_to_temp(VecOp::InsInt, 3, n as i32, [new, bits, NONE]);
        }
        self.ir.mov(Ty::V128, vd, new);
    }
    pub(super) fn direct_mask(&mut self, d: Direct) -> bool {
        match d.op {
            Op::Id if d.aligned(d.regs, &[d.vd()]) && d.mask_is_apart(&[d.vd()]) => {
                self.direct_numbers(d)
            }
            Op::Cpopm | Op::First => self.direct_count(d),
            Op::Msbf | Op::Msif | Op::Msof => self.direct_first(d),
            _ => self.direct_logic(d),
        }
    }
    /// VID: each element's number.
    fn direct_numbers(&mut self, d: Direct) -> bool {
        self.begin(d);
        let elements = self.elements(d, d.sew);
        let in_one = VLEN / d.sew;
        for r in 0..d.regs {
            let number = |n: u32| u128::from(u32::from(r) * in_one + n);
            let all = (0..in_one).fold(0, |all, n| all | number(n) << (n * d.sew));
            let (all, active) = (self.ir.vconst(all), self.active(elements, r));
            self.put(v(d.vd() + r), all, active);
        }
        true
    }
    /// VCPOP and VFIRST.
    fn direct_count(&mut self, d: Direct) -> bool {
        self.begin(d);
        let count = d.in_registers();
        let word = |t: &mut Self, n: u32| {
            let bits = t.temp();
            t.ir.un_aux(OpCode::VecToInt, Ty::I64, bits, v(d.vs2()), n as u16 | 3 << 8);
            if !d.is_partial() && count >= 64 {
                return bits;
            }
            let active = t.active_bits(d, 64 * n, count.min(64));
            t.int(OpCode::And, 0, [bits, active, NONE])
        };
        let low = word(self, 0);
        let high = (count > 64).then(|| word(self, 1));
        let rd = self.x_out(XReg(d.vd() as u8));
        if d.op == Op::Cpopm {
            let mut count = self.int(OpCode::Popcnt, 0, [low, NONE, NONE]);
            if let Some(high) = high {
                let more = self.int(OpCode::Popcnt, 0, [high, NONE, NONE]);
                count = self.int(OpCode::Add, 0, [count, more, NONE]);
            }
            self.ir.mov(Ty::I64, rd, count);
            return true;
        }
        let zero = self.imm(0);
        let (mut all, mut first) = (low, self.int(OpCode::Ctz, 0, [low, NONE, NONE]));
        if let Some(high) = high {
            let further = self.int(OpCode::Ctz, 0, [high, NONE, NONE]);
            let width = self.imm(64);
            let further = self.int(OpCode::Add, 0, [further, width, NONE]);
            let [ne, eq] = [Cond::Ne, Cond::Eq].map(|cond| cond as u16);
            let here = self.int(OpCode::SelCmp, ne, [low, zero, first]);
            let there = self.int(OpCode::SelCmp, eq, [low, zero, further]);
            first = self.int(OpCode::Or, 0, [here, there, NONE]);
            all = self.int(OpCode::Or, 0, [low, high, NONE]);
        }
        // All ones if there is none.
        let none = self.int(OpCode::SetCmp, Cond::Eq as u16, [all, zero, NONE]);
        let ones = self.int(OpCode::Sub, 0, [zero, none, NONE]);
        self.ir.bin(OpCode::Or, Ty::I64, rd, first, ones);
        true
    }
    /// VMSBF, VMSIF and VMSOF: bits before, up to and at the first one that is set.
    fn direct_first(&mut self, d: Direct) -> bool {
        let (vd, vs2, count) = (d.vd(), d.vs2(), d.in_registers());
        if vd == vs2 || !d.mask_is_apart(&[vd]) || count > 64 {
            return false;
        }
        self.begin(d);
        let (active, bits, one) = (self.active_bits(d, 0, count), self.temp(), self.imm(1));
        self.ir.un_aux(OpCode::VecToInt, Ty::I64, bits, v(vs2), 3 << 8);
        let bits = self.int(OpCode::And, 0, [bits, active, NONE]);
        let less = self.int(OpCode::Sub, 0, [bits, one, NONE]);
        let result = match d.op {
            Op::Msbf => self.int(OpCode::AndNot, 0, [less, bits, NONE]),
            Op::Msif => self.int(OpCode::Xor, 0, [less, bits, NONE]),
            _ => self.int(OpCode::AndNot, 0, [bits, less, NONE]),
        };
        self.write_bits(d, &[result]);
        true
    }
    /// Logic on masks.
    fn direct_logic(&mut self, d: Direct) -> bool {
        let (code, inverted) = match d.op {
            Op::Mandn => (VecOp::AndNot, false),
            Op::Mand => (VecOp::And, false),
            Op::Mor => (VecOp::Or, false),
            Op::Mxor => (VecOp::Xor, false),
            Op::Morn => (VecOp::OrNot, false),
            Op::Mnand => (VecOp::And, true),
            Op::Mnor => (VecOp::Or, true),
            Op::Mxnor => (VecOp::Xor, true),
            _ => return false,
        };
        self.begin(d);
        let vd = v(d.vd());
        let mut result = self.lanes_to_temp(code, 0, 0, [v(d.vs2()), v(d.vs1()), NONE]);
        if inverted {
            result = self.lanes_to_temp(VecOp::Not, 0, 0, [result, NONE, NONE]);
        }
        if let Some(count) = d.count() {
            let mask = self.ir.vconst(if count == 0 { 0 } else { u128::MAX >> (128 - count) });
            self.lanes(VecOp::Select, 0, 0, vd, [result, vd, mask]);
            return true;
        }
        let low = self.active_bits(d, 0, 64);
        let high = if d.elements() > 64 { self.active_bits(d, 64, 64) } else { self.imm(0) };
        let mask = self.temp();
        self.ir.bin(OpCode::VecFromPair, Ty::V128, mask, low, high);
        self.lanes(VecOp::Select, 0, 0, vd, [result, vd, mask]);
        true
    }
}
