//! Floating point at instructions that have trapped often: their values may be NaNs from now on,
//! which take part in most of what a host instruction does without trapping again. So operands are
//! looked at first, and the host instruction is executed unless it would trap.
//!
//! Quiet NaNs among two operands give what Arm gives: the first of them. Where the host gives
//! another one (fused multiplication, extremes), or traps (comparisons), cold code does what Arm's
//! rules say. Signalling NaNs and invalid operations are left to the helper, or they trap.

use crate::Alu;
use crate::emit::sse::op;
use crate::emit::{Cc, Imm, Label, Mem, Size, Xmm};
use crate::lower::cold::ColdKind;
use crate::lower::float::plain::{Plain, What};
use crate::lower::values::{ARGS_SPILL, XmmOrMem, home, spill_mem};
use crate::lower::vector::{VArgs, ones, splat};
use crate::lower::{Lower, arg};
use ir::state::SLOT_FPSR;
use ir::{Op, OpCode, Ref, Ty, VecOp, vec_op};

/// The scratch registers; nothing lives in them here.
const X: Xmm = Xmm(14);
const Y: Xmm = Xmm(15);
/// FPSR.IOC.
const IOC: i32 = 1;

/// What cold code does for operation `at`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Quiet {
    /// Calls the helper.
    Helper,
    /// A fused operation whose result is a NaN that is the host's choice: Arm's goes to X.
    Fused,
    /// The maximum or minimum of operands of which one at least is a NaN.
    Extreme,
    /// The same of lanes; those with a NaN are ones in Y.
    Extremes,
    /// A comparison of a NaN, whose operands are exchanged if so.
    Compare { swapped: bool },
    /// An invalid operation that otherwise goes on as others.
    Invalid,
}

impl Lower<'_> {
    /// Whether the instruction has trapped often, and nothing else is special about its control.
    pub(crate) fn traps_often(&self) -> bool {
        !self.block.fp_exact && self.block.trapping.contains(&self.guest)
    }
    /// Lowers an operation that has trapped often. False: not done, nothing emitted.
    pub(crate) fn quiet(&mut self, o: Op) -> bool {
        let temp = [o.a, o.b, o.c, o.dst].iter().any(|r| r.as_temp().is_some());
        if temp || !self.traps_often() || !self.avx() {
            return false;
        }
        let single = matches!(o.ty, Ty::F32 | Ty::F64);
        match o.code {
            OpCode::FCmp if single && o.aux & 1 != 0 => self.quiet_compare(o),
            OpCode::FMax | OpCode::FMin | OpCode::FMaxNm | OpCode::FMinNm if single => {
                self.quiet_extreme(o);
            }
            OpCode::Vec if is_signalling_mask(o) => self.quiet_mask(o),
            OpCode::Vec if extreme(o).is_some() => self.quiet_extremes(o),
            _ => return self.quiet_arithmetic(o),
        }
        true
    }
    fn quiet_arithmetic(&mut self, o: Op) -> bool {
        let Some(p) = Plain::of(o) else { return false };
        if matches!(p.what, What::Fused(..)) && !self.host.features().fma {
            return false;
        }
        self.before_quiet();
        let done = self.e.new_label();
        let helper = self.quiet_cold(Quiet::Helper, done);
        match p.what {
            What::Fused(negate, subtract) => {
                self.find_trapping(p, &[o.a, o.b, o.c], helper);
                self.multiply_add(p, o, negate, subtract);
                let result = self.e.new_label();
                let cold = self.quiet_cold(Quiet::Fused, result);
                if p.scalar {
                    self.e.fp_compare(false, p.double, X, X);
                    self.e.jcc(Cc::P, cold);
                } else {
                    self.v3i(op::fp(op::CMP, false, p.double), Y, X, X, UNORDERED);
                    self.v2(op::PTEST, Y, Y);
                    self.e.jcc(Cc::Ne, cold);
                }
                self.e.bind(result);
                self.zero_above(X, X, p.total);
                self.set_v(o.dst, X);
            }
            what => {
                let operands: &[Ref] = if what == What::Sqrt { &[o.a] } else { &[o.a, o.b] };
                self.find_trapping(p, operands, helper);
                if what == What::Sqrt {
                    self.find_negative(p, o.a, helper);
                } else if what == What::Div {
                    self.find_zero(p, o.b, helper);
                }
                let vector = o.code == OpCode::Vec;
                if !(if vector { self.lower_vec(o) } else { self.lower_fp(o) }) {
                    self.helper(o);
                }
            }
        }
        self.after_quiet(done);
        true
    }
    /// Before code whose cold code needs all values in their homes.
    fn before_quiet(&mut self) {
        self.clobber();
        self.flush_scratch();
    }
    /// The same after it, where the cold code comes back.
    fn after_quiet(&mut self, done: Label) {
        self.unlock();
        self.flush_scratch();
        self.e.bind(done);
    }
    fn quiet_cold(&mut self, what: Quiet, back: Label) -> Label {
        self.cold(ColdKind::Quiet { what, at: self.at as u32, back })
    }
    /// `x` = the bits of an operand under a mask.
    pub(super) fn masked(&mut self, x: Xmm, r: Ref, mask: u128) {
        let mask = self.e.constant(mask);
        match self.using_vm(r) {
            XmmOrMem::Reg(v) => self.v3(op::PAND, x, v, mask),
            XmmOrMem::Mem(m) => {
                self.vmov(x, m);
                self.v3(op::PAND, x, x, mask);
            }
        }
    }
    /// Goes to `to` if a lane of an operand is an infinity or a signalling NaN: all exponent bits, and
    /// not quiet. Half of a double tells, so lanes are compared in parts of 32 bits; those that do not
    /// count are never equal.
    fn find_trapping(&mut self, p: Plain, operands: &[Ref], to: Label) {
        let (fraction, _) = p.format();
        let (lane, bits) = (p.infinity(), p.bits());
        let mask = splat(lane | 1 << (fraction - 1), bits, p.total);
        let unequal = ones(128) & !splat(ones(bits) as u64, bits, p.total);
        let low = if p.double { splat(1, 64, 128) } else { 0 };
        let wanted = self.e.constant(splat(lane, bits, p.total) | unequal | low);
        let mut first = true;
        for (n, &r) in operands.iter().enumerate() {
            if operands[..n].contains(&r) {
                continue;
            }
            let x = if first { X } else { Y };
            self.masked(x, r, mask);
            self.v3(op::PCMPEQ[2], x, x, wanted);
            if !first {
                self.v3(op::POR, X, X, Y);
            }
            first = false;
        }
        self.v2(op::PTEST, X, X);
        self.e.jcc(Cc::Ne, to);
    }
    /// Goes to `to` if a lane is less than zero, or minus zero.
    fn find_negative(&mut self, p: Plain, r: Ref, to: Label) {
        // Signed, all of them are less than the first NaN with a sign.
        let first = (1 << (p.bits() - 1) | p.infinity()) + (1 << if p.double { 32 } else { 0 });
        let low = if p.double { splat(1 << 31, 64, 128) } else { 0 };
        // (Nothing is less than the least number in lanes that do not count.)
        let unused = splat(1 << 31, 32, 128) & !ones(p.total);
        let limit = self.e.constant(splat(first, p.bits(), p.total) | low | unused);
        self.vmov(X, limit);
        let v = self.using_vm(r);
        self.v3(op::PCMPGT[2], X, X, v);
        self.v2(op::PTEST, X, X);
        self.e.jcc(Cc::Ne, to);
    }
    /// Goes to `to` if a lane is zero.
    fn find_zero(&mut self, p: Plain, r: Ref, to: Label) {
        let magnitude = splat(u64::MAX >> (65 - p.bits()), p.bits(), p.total);
        self.masked(X, r, magnitude);
        // (One in lanes that do not count.)
        let zero = self.e.constant(splat(1, 32, 128) & !ones(p.total));
        self.v3(op::PCMPEQ[p.lane()], X, X, zero);
        self.v2(op::PTEST, X, X);
        self.e.jcc(Cc::Ne, to);
    }
    /// `x` = an operand, with zeros in lanes that do not count, its sign turned if so.
    fn quiet_operand(&mut self, p: Plain, x: Xmm, r: Ref, turned: bool) {
        match self.using_vm(r) {
            XmmOrMem::Reg(v) => self.zero_above(x, v, p.total),
            XmmOrMem::Mem(m) => self.load_lanes(p, x, m),
        }
        if turned {
            let sign = self.e.constant(splat(1 << (p.bits() - 1), p.bits(), p.total));
            self.v3(op::PXOR, x, x, sign);
        }
    }
    /// X = c ± a·b. Turning the sign of an operand, Arm turns that of a NaN, too.
    fn multiply_add(&mut self, p: Plain, o: Op, negate: bool, subtract: bool) {
        self.quiet_operand(p, X, o.c, subtract);
        self.quiet_operand(p, Y, o.a, negate);
        let code = op::fma231(false, false, p.scalar, p.double);
        let b = self.using_vm(o.b);
        self.fault();
        match b {
            XmmOrMem::Reg(b) => self.e.avx_rr(code, X, Y, b, Imm::None),
            XmmOrMem::Mem(m) => self.e.avx_rm(code, X, Y, m, Imm::None),
        }
    }
    /// A signalling comparison, by the quiet one, which tells of NaNs.
    fn quiet_compare(&mut self, o: Op) {
        self.before_quiet();
        let back = self.e.new_label();
        self.lower_fp(Op { aux: o.aux & !1, ..o });
        let swapped = self.flags.host == Some(crate::lower::flags::Kind::FloatSwapped);
        let cold = self.quiet_cold(Quiet::Compare { swapped }, back);
        self.e.jcc(Cc::P, cold);
        self.after_quiet(back);
    }
    fn quiet_extreme(&mut self, o: Op) {
        self.before_quiet();
        let done = self.e.new_label();
        let cold = self.quiet_cold(Quiet::Extreme, done);
        self.is_unordered(o.a, o.b, o.ty == Ty::F64, true);
        self.e.jcc(Cc::P, cold);
        if !self.lower_fp(o) {
            self.helper(o);
        }
        self.after_quiet(done);
    }
    /// The parity flag tells whether one of two scalars is a NaN. What is signalling traps, if it
    /// `may`.
    fn is_unordered(&mut self, a: Ref, b: Ref, double: bool, may: bool) {
        let x = match self.using_vm(a) {
            XmmOrMem::Reg(x) => x,
            XmmOrMem::Mem(m) => {
                self.vmov(X, m);
                X
            }
        };
        if may {
            self.fault();
        }
        match self.using_vm(b) {
            XmmOrMem::Reg(y) => self.e.fp_compare(false, double, x, y),
            XmmOrMem::Mem(m) => self.e.fp_compare_load(false, double, x, m),
        }
    }
    /// Extremes of lanes.
    fn quiet_extremes(&mut self, o: Op) {
        let v = VArgs::of(o);
        self.before_quiet();
        let done = self.e.new_label();
        let cold = self.quiet_cold(Quiet::Extremes, done);
        self.find_unordered(&v, Y);
        self.e.jcc(Cc::Ne, cold);
        if !self.lower_vec(o) {
            self.helper(o);
        }
        self.after_quiet(done);
    }
    /// `x` = ones in lanes of which one operand is a NaN; "not equal" if there are any.
    fn find_unordered(&mut self, v: &VArgs, x: Xmm) {
        let double = v.lane == 3;
        self.load_any(x, v.a);
        let b = self.using_vm(v.b);
        self.fault();
        self.v3i(op::fp(op::CMP, v.total == v.bits(), double), x, x, b, UNORDERED);
        self.zero_above(x, x, v.total);
        self.v2(op::PTEST, x, x);
    }
    /// A comparison of lanes that signals NaNs, by the quiet one.
    fn quiet_mask(&mut self, o: Op) {
        let v = VArgs::of(o);
        self.before_quiet();
        let back = self.e.new_label();
        let cold = self.quiet_cold(Quiet::Invalid, back);
        self.find_unordered(&v, X);
        self.e.jcc(Cc::Ne, cold);
        self.e.bind(back);
        let done = self.e.new_label();
        if !self.lower_vec(o) {
            self.helper(o);
        }
        self.after_quiet(done);
    }
    fn load_any(&mut self, x: Xmm, r: Ref) {
        let v = self.using_vm(r);
        self.vmov(x, v);
    }

    // --- cold code

    pub(crate) fn quiet_cold_code(&mut self, what: Quiet, at: u32, back: Label) {
        self.at = at as usize;
        self.op = self.block.ops[self.at];
        let o = self.op;
        match what {
            Quiet::Helper => {
                self.helper_operands(o);
                self.unlock();
                let done = self.without_trap(o);
                self.call_helper(o);
                if let Some(done) = done {
                    self.e.bind(done);
                }
                self.helper_result(o.dst);
            }
            Quiet::Invalid => self.raise_invalid(),
            Quiet::Compare { swapped } => {
                self.raise_invalid();
                let (a, b) = if swapped { (o.b, o.a) } else { (o.a, o.b) };
                // (It has not trapped before.)
                self.is_unordered(a, b, o.ty == Ty::F64, false);
            }
            Quiet::Extreme => self.extreme_of_nan(o),
            Quiet::Extremes => self.extremes_of_nans(o),
            Quiet::Fused => self.fused_of_nans(o, back),
        }
        self.e.jmp(back);
    }
    fn raise_invalid(&mut self) {
        self.e.alu_mem_imm(Alu::Or, Size::D, home(SLOT_FPSR), IOC);
    }
    /// The first NaN; or the other operand, if numbers are preferred and it is one.
    fn extreme_of_nan(&mut self, o: Op) {
        let numbers = matches!(o.code, OpCode::FMaxNm | OpCode::FMinNm);
        let tested = if numbers { o.b } else { o.a };
        self.is_unordered(tested, tested, o.ty == Ty::F64, true);
        self.load_any(X, o.a);
        let found = self.e.new_label();
        self.e.jcc(Cc::P, found);
        self.load_any(X, o.b);
        self.e.bind(found);
        self.zero_above(X, X, o.ty.bits());
        self.set_v(o.dst, X);
    }
    /// As [`Lower::extreme_of_nan`], of lanes: numbers are compared as if NaNs were zeros.
    fn extremes_of_nans(&mut self, o: Op) {
        let Some((code, join, numbers)) = extreme(o) else { return };
        let v = VArgs::of(o);
        let code = op::fp(code, false, v.lane == 3);
        let (unordered, other) = (arg(2), arg(3));
        self.e.movaps_store(unordered, Y);
        for (n, r) in [(0, v.a), (1, v.b)] {
            self.load_any(X, r);
            self.zero_above(X, X, v.total);
            self.e.movaps_store(arg(n), X);
            self.v3(op::PANDN, X, Y, X);
            self.e.movaps_store(other, X);
            if n == 0 {
                self.e.movaps_store(spill_mem(ARGS_SPILL), X);
            }
        }
        self.vmov(Y, spill_mem(ARGS_SPILL));
        // (Of these, both orders: see `fp_extreme`.)
        self.v3(code, X, X, Y);
        self.v3(code, Y, Y, other);
        self.v3(join, X, X, Y);
        // The lanes with NaNs are zeros so far.
        self.vmov(Y, arg(usize::from(numbers)));
        self.v3i(op::fp(op::CMP, false, v.lane == 3), Y, Y, Y, UNORDERED);
        self.e.movaps_store(other, Y);
        self.v3(op::PANDN, Y, Y, arg(1));
        self.v3(op::PAND, Y, Y, unordered);
        self.v3(op::POR, X, X, Y);
        self.vmov(Y, other);
        self.v3(op::PAND, Y, Y, arg(0));
        self.v3(op::PAND, Y, Y, unordered);
        self.v3(op::POR, X, X, Y);
        self.set_v(o.dst, X);
    }
    /// X = the first NaN, that of the addend before those of the factors; goes to `result` or ends.
    fn fused_of_nans(&mut self, o: Op, result: Label) {
        let Some(p) = Plain::of(o) else { return };
        let What::Fused(negate, subtract) = p.what else { return };
        if p.scalar {
            for (r, turned) in [(o.c, subtract), (o.a, negate)] {
                let next = self.e.new_label();
                self.is_unordered(r, r, p.double, false);
                self.e.jcc(Cc::Np, next);
                self.quiet_operand(p, X, r, turned);
                self.e.jmp(result);
                self.e.bind(next);
            }
            return self.quiet_operand(p, X, o.b, false);
        }
        // Often, all lanes of the addend are NaNs.
        let mixed = self.e.new_label();
        self.quiet_operand(p, Y, o.c, subtract);
        self.e.movaps_store(arg(2), Y);
        self.find_nans(p, Y);
        let all = self.e.constant(ones(p.total));
        self.v2(op::PTEST, Y, all);
        self.e.jcc(Cc::Ae, mixed);
        self.e.movaps_load(X, arg(2));
        self.e.jmp(result);
        self.e.bind(mixed);
        for (n, r, turned) in [(1, o.b, false), (0, o.a, negate)] {
            self.quiet_operand(p, Y, r, turned);
            self.e.movaps_store(arg(n), Y);
            self.replace_nans(p, arg(n));
        }
        self.replace_nans(p, arg(2));
    }
    /// Lanes of `x` become ones where they are NaNs, quiet ones, else zeros.
    fn find_nans(&mut self, p: Plain, x: Xmm) {
        self.v3i(op::fp(op::CMP, false, p.double), x, x, x, UNORDERED);
    }
    /// X = the operand at `m` where that is a NaN.
    fn replace_nans(&mut self, p: Plain, m: Mem) {
        self.vmov(Y, m);
        self.find_nans(p, Y);
        self.v3(op::PANDN, X, Y, X);
        self.v3(op::PAND, Y, Y, m);
        self.v3(op::POR, X, X, Y);
    }
}

/// Predicate of comparisons: one is a NaN; quiet.
pub(crate) const UNORDERED: u8 = 3;

/// A comparison of lanes that signals quiet NaNs.
fn is_signalling_mask(o: Op) -> bool {
    let code = VecOp::from_u16(o.aux);
    let masks = [VecOp::FCmGe, VecOp::FCmGt, VecOp::FAcGe, VecOp::FAcGt];
    (2..=3).contains(&vec_op::lane(o.imm)) && masks.contains(&code)
}

/// The host's operation for an extreme of lanes, what joins those of both orders, and whether numbers
/// are preferred to NaNs.
fn extreme(o: Op) -> Option<(u8, crate::emit::Code, bool)> {
    if !(2..=3).contains(&vec_op::lane(o.imm)) || o.imm >> 8 != 0 {
        return None;
    }
    Some(match VecOp::from_u16(o.aux) {
        VecOp::FMax => (op::MAX, op::PAND, false),
        VecOp::FMaxNm => (op::MAX, op::PAND, true),
        VecOp::FMin => (op::MIN, op::POR, false),
        VecOp::FMinNm => (op::MIN, op::POR, true),
        _ => return None,
    })
}
