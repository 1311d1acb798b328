//! Floating point that the evaluator would do, where host instructions do the same: before the
//! helper is called, operands are looked at, and if all are plain, there is no need to.
//!
//! At instructions that have trapped often, plain is what is neither infinite nor a NaN, so that
//! nothing is invalid. Where the control register asks for more than the host does (flush to zero,
//! default NaN), zeros and normal numbers are plain, as long as the result is one, too: those are the
//! same under every control. Nothing that is not so leaves a mark in the host's sticky bits.
//! Operands are in `State::args`, the result goes to the first of them.

use crate::emit::sse::{VShift, op};
use crate::emit::{Cc, Code, Gpr, Label, Mem, Size, Xmm};
use crate::lower::values::{ARGS_SPILL, home, spill_mem};
use crate::lower::vector::saturate::QC;
use crate::lower::vector::{ones, splat};
use crate::lower::{Lower, arg};
use crate::{Alu, Unary};
use ir::state::SLOT_FPSR;
use ir::{Op, OpCode, Ty, VecOp, vec_op};

/// The scratch registers; nothing lives in them here.
const X: Xmm = Xmm(14);
const Y: Xmm = Xmm(15);

/// What is computed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Add,
    Sub,
    Mul,
    Div,
    Sqrt,
    /// Of args 2 plus or minus (the second) the product, which may be negated (the first).
    Fused(bool, bool),
}

/// A computation that the host has an instruction for.
#[derive(Clone, Copy)]
pub(crate) struct Plain {
    pub(crate) what: What,
    pub(crate) double: bool,
    /// One lane of 32 or 64 bits, or all of 64 or 128.
    pub(crate) scalar: bool,
    pub(crate) total: u32,
    /// The result's sign is turned.
    negated: bool,
}

impl Plain {
    pub(crate) fn of(o: Op) -> Option<Self> {
        let (what, double, scalar) = if o.code == OpCode::Vec {
            let (lane, param) = (vec_op::lane(o.imm), o.imm >> 8);
            if !(2..=3).contains(&lane) || param != 0 {
                return None;
            }
            let what = match VecOp::from_u16(o.aux) {
                VecOp::FAdd => What::Add,
                VecOp::FSub => What::Sub,
                VecOp::FMul => What::Mul,
                VecOp::FDiv => What::Div,
                VecOp::FSqrt => What::Sqrt,
                VecOp::FMla => What::Fused(false, false),
                VecOp::FMls => What::Fused(true, false),
                _ => return None,
            };
            (what, lane == 3, false)
        } else {
            let what = match o.code {
                OpCode::FAdd => What::Add,
                OpCode::FSub => What::Sub,
                OpCode::FMul | OpCode::FNMul => What::Mul,
                OpCode::FDiv => What::Div,
                OpCode::FSqrt => What::Sqrt,
                OpCode::FMulAdd => What::Fused(o.aux & 1 != 0, o.aux & 2 != 0),
                _ => return None,
            };
            (what, o.ty == Ty::F64, true)
        };
        if scalar && !matches!(o.ty, Ty::F32 | Ty::F64) {
            return None;
        }
        Some(Self { what, double, scalar, total: o.ty.bits(), negated: o.code == OpCode::FNMul })
    }
    pub(crate) fn bits(self) -> u32 {
        if self.double { 64 } else { 32 }
    }
    pub(crate) fn lane(self) -> usize {
        if self.double { 3 } else { 2 }
    }
    /// Bits of the fraction, and the exponent's bias.
    pub(crate) fn format(self) -> (u32, u64) {
        if self.double { (52, 1023) } else { (23, 127) }
    }
    pub(crate) const fn operands(self) -> usize {
        match self.what {
            What::Sqrt => 1,
            What::Fused(..) => 3,
            _ => 2,
        }
    }
    /// What an invalid operation gives.
    pub(crate) fn default_nan(self) -> u64 {
        let (fraction, _) = self.format();
        let sign = u64::from(self.negated) << (self.bits() - 1);
        self.infinity() | 1 << (fraction - 1) | sign
    }
    /// All exponent bits: infinity.
    pub(crate) fn infinity(self) -> u64 {
        let (fraction, bias) = self.format();
        (2 * bias + 1) << fraction
    }
}

/// Of a shift by a register: whether it is signed, rounds, saturates.
pub(crate) fn shift_by_register(code: VecOp) -> Option<(bool, bool, bool)> {
    Some(match code {
        VecOp::ShlU => (false, false, false),
        VecOp::ShlS => (true, false, false),
        VecOp::RShlU => (false, true, false),
        VecOp::RShlS => (true, true, false),
        VecOp::QShlU => (false, false, true),
        VecOp::QShlS => (true, false, true),
        VecOp::QRShlU => (false, true, true),
        VecOp::QRShlS => (true, true, true),
        _ => return None,
    })
}

impl Lower<'_> {
    /// Computes `o` if its operands are plain, and goes to the label then. None: not done, nothing
    /// emitted.
    pub(crate) fn plain(&mut self, o: Op) -> Option<Label> {
        let p = Plain::of(o)?;
        if matches!(p.what, What::Fused(..)) && !(self.host.features().fma && self.avx()) {
            return None;
        }
        let strict = self.block.fp_exact;
        let (slow, done) = (self.e.new_label(), self.e.new_label());
        for n in 0..p.operands() {
            self.plain_value(p, arg(n), strict, slow);
        }
        match p.what {
            What::Sqrt => {
                // Not less than zero, nor minus zero.
                self.load_lanes(p, X, arg(0));
                self.greater(p, X, u64::MAX);
                self.unless_all(p, slow);
            }
            What::Mul if strict => self.exponents(p, slow),
            What::Fused(..) if strict => self.exponents(p, slow),
            What::Div => self.divisible(p, strict, slow),
            _ => {}
        }
        self.compute(p);
        if strict && matches!(p.what, What::Add | What::Sub | What::Fused(..)) {
            // Results that are too small are exact.
            self.e.movaps_store(arg(3), X);
            self.plain_value(p, arg(3), true, slow);
            self.e.movaps_load(X, arg(3));
        }
        self.e.movaps_store(arg(0), X);
        self.e.jmp(done);
        self.e.bind(slow);
        Some(done)
    }
    /// A shift of all lanes by the same amount, which register operands often are. As for
    /// [`Lower::plain`]: None: not done.
    pub(crate) fn uniform_shift(&mut self, o: Op) -> Option<Label> {
        if o.code != OpCode::Vec {
            return None;
        }
        let (signed, rounded, saturates) = shift_by_register(VecOp::from_u16(o.aux))?;
        let lane = usize::from(vec_op::lane(o.imm));
        // (Any amounts are as quick: `shift_halfwords`.)
        let always = !rounded && !saturates && lane == 1 && self.avx();
        if lane == 0 || always || signed && lane == 3 || o.imm >> 8 != 0 {
            return None;
        }
        let (slow, right, done) = (self.e.new_label(), self.e.new_label(), self.e.new_label());
        // The low bytes of all lanes must be that of the first one.
        let low = self.e.constant(splat(0xff, 8 << lane, o.ty.bits()));
        let first: u128 = match lane {
            1 => 0x0100_0100_0100_0100_0100_0100_0100_0100,
            2 => 0x0302_0100_0302_0100_0302_0100_0302_0100,
            _ => 0x0706_0504_0302_0100_0706_0504_0302_0100,
        };
        let first = self.e.constant(first);
        self.e.movaps_load(X, arg(1));
        self.vmov(Y, X);
        self.v3(op::PSHUFB, Y, Y, first);
        self.v3(op::PXOR, X, X, Y);
        self.v3(op::PAND, X, X, low);
        self.v2(op::PTEST, X, X);
        self.e.jcc(Cc::Ne, slow);
        self.e.load_sx(Size::B, Size::D, Gpr::RAX, arg(1));
        self.e.movaps_load(X, arg(0));
        self.e.test(Size::D, Gpr::RAX, Gpr::RAX);
        self.e.jcc(Cc::S, right);
        self.e.mov_to_xmm(Size::D, Y, Gpr::RAX);
        let code = if signed { op::PSRA[lane - 1] } else { op::PSRL[lane - 1] };
        self.v3(op::PSLL[lane - 1], X, X, Y);
        if saturates {
            self.saturate_shifted(o, lane, signed, code);
        }
        let join = self.e.new_label();
        self.e.jmp(join);
        self.e.bind(right);
        self.e.unary(Unary::Neg, Size::D, Gpr::RAX);
        self.e.mov_to_xmm(Size::D, Y, Gpr::RAX);
        self.v3(code, X, X, Y);
        if rounded {
            // And the highest of the bits that went out.
            self.e.movaps_store(arg(3), X);
            self.e.alu_imm(Alu::Sub, Size::D, Gpr::RAX, 1);
            self.e.mov_to_xmm(Size::D, Y, Gpr::RAX);
            self.e.movaps_load(X, arg(0));
            self.v3(code, X, X, Y);
            let one = self.e.constant(splat(1, 8 << lane, 128));
            self.v3(op::PAND, X, X, one);
            self.v3(op::PADD[lane], X, X, arg(3));
        }
        self.e.bind(join);
        if o.ty == Ty::V64 {
            self.v2(op::MOVQ, X, X);
        }
        self.e.movaps_store(arg(0), X);
        self.e.jmp(done);
        self.e.bind(slow);
        Some(done)
    }
    /// `X`, shifted left by `Y`, saturated where shifting back does not give the operand.
    fn saturate_shifted(&mut self, o: Op, lane: usize, signed: bool, back: Code) {
        let (shifted, limit) = (spill_mem(ARGS_SPILL), spill_mem(ARGS_SPILL + 1));
        self.e.movaps_store(shifted, X);
        self.v3(back, X, X, Y);
        self.v3(op::PCMPEQ[lane], X, X, arg(0));
        let bits = 8 << lane;
        if signed {
            self.vzero(Y);
            self.v3(op::PCMPGT[lane], Y, Y, arg(0));
            let greatest = self.e.constant(splat(u64::MAX >> (65 - bits), bits, 128));
            self.v3(op::PXOR, Y, Y, greatest);
        } else {
            let greatest = self.e.constant(u128::MAX);
            self.vmov(Y, greatest);
        }
        self.e.movaps_store(limit, Y);
        self.e.pmovmskb(Gpr::RAX, X);
        if o.ty == Ty::V64 {
            self.e.alu_imm(Alu::Or, Size::D, Gpr::RAX, 0xff00);
        }
        self.e.alu_imm(Alu::Cmp, Size::D, Gpr::RAX, 0xffff);
        let none = self.e.jcc_short(Cc::E);
        self.e.alu_mem_imm(Alu::Or, Size::D, home(SLOT_FPSR), QC);
        self.e.bind_short(none);
        self.vmov(Y, X);
        self.v3(op::PANDN, Y, Y, limit);
        self.v3(op::PAND, X, X, shifted);
        self.v3(op::POR, X, X, Y);
    }
    /// The lanes of an operand; zeros above.
    pub(crate) fn load_lanes(&mut self, p: Plain, x: Xmm, m: Mem) {
        match p.total {
            32 => self.e.movss_load(x, m),
            64 => self.e.movsd_load(x, m),
            _ => self.e.movaps_load(x, m),
        }
    }
    pub(crate) fn all(&mut self, p: Plain, v: u64) -> Mem {
        self.e.constant(splat(v, p.bits(), 128))
    }
    /// The lanes of an operand without their signs.
    fn load_magnitude(&mut self, p: Plain, x: Xmm, m: Mem) {
        self.load_lanes(p, x, m);
        let mask = self.all(p, u64::MAX >> (65 - p.bits()));
        self.v3(op::PAND, x, x, mask);
    }
    /// The exponents of the first two operands, with the bias, in `X` and `Y`.
    fn load_exponents(&mut self, p: Plain) {
        for (n, x) in [X, Y].into_iter().enumerate() {
            self.load_magnitude(p, x, arg(n));
            self.vshift(VShift::Srl, p.lane() as u8, x, x, p.format().0);
        }
    }
    /// `x` = lanes greater than `v`, as signed integers.
    pub(crate) fn greater(&mut self, p: Plain, x: Xmm, v: u64) {
        let m = self.all(p, v);
        self.v3(op::PCMPGT[p.lane()], x, x, m);
    }
    /// Goes to `slow` unless the lanes of `X` that count are ones.
    fn unless_all(&mut self, p: Plain, slow: Label) {
        self.e.pmovmskb(Gpr::RAX, X);
        let mask = (1 << (p.total / 8)) - 1;
        if p.total != 128 {
            self.e.alu_imm(Alu::And, Size::D, Gpr::RAX, mask);
        }
        self.e.alu_imm(Alu::Cmp, Size::D, Gpr::RAX, mask);
        self.e.jcc(Cc::Ne, slow);
    }
    /// Goes to `slow` unless the lanes of the value at `m` are finite; with `strict` normal or zero.
    fn plain_value(&mut self, p: Plain, m: Mem, strict: bool, slow: Label) {
        self.load_magnitude(p, X, m);
        if !strict {
            // Infinity is greater.
            let limit = self.all(p, p.infinity());
            self.vmov(Y, limit);
            self.v3(op::PCMPGT[p.lane()], Y, Y, X);
            self.vmov(X, Y);
            return self.unless_all(p, slow);
        }
        // Less the smallest normal number, zeros are the greatest unsigned values but for denormal
        // numbers. Signs are turned as comparisons are signed.
        let smallest = 1_u64 << p.format().0;
        let sign = 1_u64 << (p.bits() - 1);
        let m = self.all(p, smallest);
        self.v3(op::PSUB[p.lane()], X, X, m);
        let m = self.all(p, sign);
        self.v3(op::PXOR, X, X, m);
        let limit = self.all(p, (p.infinity() - smallest) ^ sign);
        self.vmov(Y, limit);
        self.v3(op::PCMPGT[p.lane()], Y, Y, X);
        let zero = self.all(p, smallest.wrapping_neg() ^ sign);
        self.v3(op::PCMPEQ[p.lane()], X, X, zero);
        self.v3(op::POR, X, X, Y);
        self.unless_all(p, slow);
    }
    /// Goes to `slow` if a product may be too small for a normal number, or (to be added to
    /// something) has bits below the smallest denormal one.
    fn exponents(&mut self, p: Plain, slow: Label) {
        let (fraction, bias) = p.format();
        self.load_exponents(p);
        self.v3(op::PADD[p.lane()], X, X, Y);
        let fused = matches!(p.what, What::Fused(..));
        self.greater(p, X, bias + 2 + if fused { u64::from(fraction) + 1 } else { 0 });
        self.or_zero(p, 0);
        self.or_zero(p, 1);
        self.unless_all(p, slow);
    }
    /// `X` |= lanes of operand `n` that are zero.
    fn or_zero(&mut self, p: Plain, n: usize) {
        self.load_magnitude(p, Y, arg(n));
        let zero = self.all(p, 0);
        self.v3(op::PCMPEQ[p.lane()], Y, Y, zero);
        self.v3(op::POR, X, X, Y);
    }
    /// Goes to `slow` if a divisor is zero or not normal; with `strict` also if a quotient may be too
    /// small.
    fn divisible(&mut self, p: Plain, strict: bool, slow: Label) {
        let (fraction, bias) = p.format();
        self.load_magnitude(p, X, arg(1));
        self.greater(p, X, (1 << fraction) - 1);
        self.unless_all(p, slow);
        if strict {
            self.load_exponents(p);
            self.v3(op::PSUB[p.lane()], X, X, Y);
            self.greater(p, X, (bias - 3).wrapping_neg());
            self.or_zero(p, 0);
            self.unless_all(p, slow);
        }
    }
    /// `X` = the result.
    pub(crate) fn compute(&mut self, p: Plain) {
        let code = |code| op::fp(code, p.scalar, p.double);
        match p.what {
            What::Fused(negate, subtract) => {
                if !p.scalar && p.total == 64 {
                    // (Infinity times zero in lanes that do not take part would be invalid.)
                    self.load_lanes(p, Y, arg(1));
                    self.e.movaps_store(arg(1), Y);
                }
                self.load_lanes(p, X, arg(2));
                self.load_lanes(p, Y, arg(0));
                let code = op::fma231(negate, subtract, p.scalar, p.double);
                self.fault();
                self.e.avx_rm(code, X, Y, arg(1), crate::emit::Imm::None);
            }
            What::Sqrt => {
                self.load_lanes(p, Y, arg(0));
                self.vzero(X);
                self.fault();
                if p.scalar {
                    self.v3(code(op::SQRT), X, X, Y);
                } else {
                    self.v2(code(op::SQRT), X, Y);
                }
            }
            what => {
                self.load_lanes(p, X, arg(0));
                self.load_lanes(p, Y, arg(1));
                if what == What::Div && !p.scalar && p.total == 64 {
                    // The lanes that do not take part are divided by something.
                    let upper = self.e.constant(splat(0x3f80_0000, 32, 128) & !ones(64));
                    self.v3(op::POR, Y, Y, upper);
                }
                let code = code(match what {
                    What::Add => op::ADD,
                    What::Sub => op::SUB,
                    What::Mul => op::MUL,
                    _ => op::DIV,
                });
                self.fault();
                self.v3(code, X, X, Y);
            }
        }
        if p.negated {
            let sign = self.e.constant(1 << (p.bits() - 1));
            self.v3(op::PXOR, X, X, sign);
        }
        if !p.scalar && p.total == 64 {
            self.v2(op::MOVQ, X, X);
        }
    }
}
