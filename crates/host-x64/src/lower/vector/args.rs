//! Vector operations that take more registers than are free: operands are in `State::args`, and so is
//! the result, in the first of them. Half precision goes through single precision, which rounds it the
//! same: of sums, products, quotients and roots of numbers of 11 bits, 24 are enough to round twice
//! (Figueroa, "When is double rounding innocuous?").

use crate::emit::sse::{VShift, op};
use crate::emit::{Cc, Gpr, Imm, Mem, Size, Xmm};
use crate::lower::cold::ColdKind;
use crate::lower::float::plain::shift_by_register;
use crate::lower::values::{ARGS_SPILL, spill_mem};
use crate::lower::vector::splat;
use crate::lower::{Lower, arg};
use ir::{Op, OpCode, Ty, VecOp, vec_op};

const X: Xmm = Xmm(14);
const Y: Xmm = Xmm(15);

/// Room for what is in between.
const PRODUCT: Mem = spill_mem(ARGS_SPILL);
const ADDEND: Mem = spill_mem(ARGS_SPILL + 1);

/// What is done to halves as singles.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    /// With two operands; the result's bits are then turned or masked by these.
    Binary {
        code: u8,
        xor: u64,
        and: u64,
    },
    Sqrt,
    /// The greater or the smaller one.
    Extreme {
        greater: bool,
    },
    /// A comparison with this predicate, of magnitudes if so.
    Compare {
        predicate: u8,
        magnitude: bool,
    },
    /// Of args 2 plus the product, or minus.
    Fused {
        negate: bool,
        subtract: bool,
    },
}

impl Half {
    fn of(o: Op) -> Option<Self> {
        let binary = |code| Self::Binary { code, xor: 0, and: 0xffff };
        let compare = |predicate, magnitude| Self::Compare { predicate, magnitude };
        if o.code == OpCode::Vec {
            return Some(match VecOp::from_u16(o.aux) {
                VecOp::FAdd => binary(op::ADD),
                VecOp::FSub => binary(op::SUB),
                // Zero times infinity traps.
                VecOp::FMul | VecOp::FMulX => binary(op::MUL),
                VecOp::FDiv => binary(op::DIV),
                VecOp::FAbd => Self::Binary { code: op::SUB, xor: 0, and: 0x7fff },
                VecOp::FSqrt => Self::Sqrt,
                VecOp::FMax | VecOp::FMaxNm => Self::Extreme { greater: true },
                VecOp::FMin | VecOp::FMinNm => Self::Extreme { greater: false },
                VecOp::FCmEq => compare(0, false),
                VecOp::FCmGe => compare(13, false),
                VecOp::FCmGt => compare(14, false),
                VecOp::FAcGe => compare(13, true),
                VecOp::FAcGt => compare(14, true),
                VecOp::FMla => Self::Fused { negate: false, subtract: false },
                VecOp::FMls => Self::Fused { negate: true, subtract: false },
                _ => return None,
            });
        }
        Some(match o.code {
            OpCode::FAdd => binary(op::ADD),
            OpCode::FSub => binary(op::SUB),
            OpCode::FMul => binary(op::MUL),
            OpCode::FNMul => Self::Binary { code: op::MUL, xor: 0x8000, and: 0xffff },
            OpCode::FDiv => binary(op::DIV),
            OpCode::FSqrt => Self::Sqrt,
            OpCode::FMax | OpCode::FMaxNm => Self::Extreme { greater: true },
            OpCode::FMin | OpCode::FMinNm => Self::Extreme { greater: false },
            OpCode::FMulAdd => Self::Fused { negate: o.aux & 1 != 0, subtract: o.aux & 2 != 0 },
            _ => return None,
        })
    }
}

impl Lower<'_> {
    /// Does `o` over `State::args`. False: not done, nothing emitted.
    pub(crate) fn in_args(&mut self, o: Op) -> bool {
        let half = if o.code == OpCode::Vec { vec_op::lane(o.imm) == 1 } else { o.ty == Ty::F16 };
        if half && let Some(half) = Half::of(o) {
            return self.halves(o, half);
        }
        if o.code != OpCode::Vec {
            return false;
        }
        match VecOp::from_u16(o.aux) {
            VecOp::FMlaL => self.fused_long(o),
            VecOp::FRecps => self.step(o, false),
            VecOp::FRsqrts => self.step(o, true),
            VecOp::MmlaS => self.matrix(o, true, true),
            VecOp::MmlaU => self.matrix(o, false, false),
            VecOp::MmlaUS => self.matrix(o, false, true),
            VecOp::PMul => self.polynomial(o),
            VecOp::URecpe => self.unsigned_estimate(o.ty.bits(), false),
            VecOp::URsqrte => self.unsigned_estimate(o.ty.bits(), true),
            VecOp::FCAdd | VecOp::FCMla => self.complex(o),
            VecOp::ShlU if vec_op::lane(o.imm) == 1 => self.shift_halfwords(o, false),
            VecOp::ShlS if vec_op::lane(o.imm) == 1 => self.shift_halfwords(o, true),
            VecOp::FRecpx => self.reciprocal_exponent(o),
            VecOp::Sha512H => self.sha512h(),
            VecOp::Sha512H2 => self.sha512h2(),
            what if shift_by_register(what).is_some() => self.shift_wide(o),
            _ => self.saturate_in_args(o),
        }
    }
    fn halves(&mut self, o: Op, half: Half) -> bool {
        if !self.host.features().f16c || !self.avx() || self.is_exact() {
            return false;
        }
        let param = o.imm >> 8;
        let scalar = o.code != OpCode::Vec || param & vec_op::SCALAR != 0;
        if o.code == OpCode::Vec && param & !vec_op::SCALAR != 0 {
            return false;
        }
        // Four lanes in each half of the operands.
        let parts = if !scalar && o.ty == Ty::V128 { 2 } else { 1 };
        for part in 0..parts {
            let at = |n: usize| arg(n).plus(8 * part);
            match half {
                Half::Sqrt => {
                    self.singles(Y, at(0), scalar);
                    self.vzero(X);
                    self.fault();
                    let code = op::fp(op::SQRT, scalar, false);
                    if scalar {
                        self.v3(code, X, X, Y);
                    } else {
                        self.v2(code, X, Y);
                    }
                    self.halve_all(X);
                }
                Half::Binary { code, xor, and } => {
                    self.singles(X, at(0), scalar);
                    self.singles(Y, at(1), scalar);
                    self.fault();
                    self.v3(op::fp(code, scalar, false), X, X, Y);
                    self.halve_all(X);
                    if xor != 0 {
                        let m = self.e.constant(splat(xor, 16, 128));
                        self.v3(op::PXOR, X, X, m);
                    }
                    if and != 0xffff {
                        let m = self.e.constant(splat(and, 16, 128));
                        self.v3(op::PAND, X, X, m);
                    }
                }
                Half::Extreme { greater } => {
                    self.singles(X, at(0), scalar);
                    self.singles(Y, at(1), scalar);
                    self.extreme(greater, scalar);
                    self.halve_all(X);
                }
                Half::Compare { predicate, magnitude } => {
                    self.singles(X, at(0), scalar);
                    self.singles(Y, at(1), scalar);
                    if magnitude {
                        let m = self.e.constant(splat(0x7fff_ffff, 32, 128));
                        self.v3(op::PAND, X, X, m);
                        self.v3(op::PAND, Y, Y, m);
                    }
                    self.fault();
                    self.v3i(op::fp(op::CMP, scalar, false), X, X, Y, predicate);
                    self.v3(op::PACKSS[1], X, X, X);
                }
                Half::Fused { negate, subtract } => {
                    self.fused_halves([at(0), at(1), at(2)], scalar, negate, subtract);
                }
            }
            if scalar {
                let m = self.e.constant(0xffff);
                self.v3(op::PAND, X, X, m);
            } else if parts == 1 {
                self.v2(op::MOVQ, X, X);
            } else if part == 0 {
                self.e.movsd_store(arg(3), X);
            } else {
                self.e.movsd_load(Y, arg(3));
                self.v3(op::PUNPCKL[3], X, Y, X);
            }
        }
        self.e.movaps_store(arg(0), X);
        true
    }
    /// `X` = the greater or smaller one of `X` and `Y`. Any NaN traps. The host gives the second one of
    /// two zeros, so both ways decide their sign.
    fn extreme(&mut self, greater: bool, scalar: bool) {
        let (code, both) = if greater { (op::MAX, op::PAND) } else { (op::MIN, op::POR) };
        self.e.movaps_store(PRODUCT, X);
        self.fault();
        self.v3i(op::fp(op::CMP, scalar, false), X, X, Y, 1);
        self.e.movaps_load(X, PRODUCT);
        self.fault();
        self.v3(op::fp(code, scalar, false), X, X, Y);
        self.fault();
        self.v3(op::fp(code, scalar, false), Y, Y, PRODUCT);
        self.v3(both, X, X, Y);
    }
    /// `x` = four halves as singles, or one and zeros.
    fn singles(&mut self, x: Xmm, m: Mem, scalar: bool) {
        if scalar {
            self.e.load_zx(Size::W, Gpr::RAX, m);
            self.e.mov_to_xmm(Size::D, x, Gpr::RAX);
            self.fault();
            self.v2(op::CVTPH2PS, x, x);
        } else {
            self.fault();
            self.v2(op::CVTPH2PS, x, m);
        }
    }
    /// Four singles to halves, rounded as the guest wants.
    fn halve_all(&mut self, x: Xmm) {
        self.fault();
        self.e.avx_rr(op::CVTPS2PH, x, Xmm(0), x, Imm::I8(4));
    }
    /// `X` = c + a · b in halves. Products are exact in singles. Sums are made in doubles, where
    /// they are exact, or one term is too small to matter but for its being there; then rounded to
    /// odd, so that rounding again is the only rounding.
    fn fused_halves(&mut self, [a, b, c]: [Mem; 3], scalar: bool, negate: bool, subtract: bool) {
        let sign = self.e.constant(splat(1 << 31, 32, 128));
        self.singles(X, a, scalar);
        if negate {
            self.v3(op::PXOR, X, X, sign);
        }
        self.singles(Y, b, scalar);
        self.fault();
        self.v3(op::fp(op::MUL, scalar, false), X, X, Y);
        self.e.movaps_store(PRODUCT, X);
        self.singles(Y, c, scalar);
        if subtract {
            self.v3(op::PXOR, Y, Y, sign);
        }
        self.e.movaps_store(ADDEND, Y);
        let parts = if scalar { 1 } else { 2 };
        for part in 0..parts {
            self.fault();
            self.v2(op::CVTPS2PD, X, ADDEND.plus(8 * part));
            self.fault();
            self.v2(op::CVTPS2PD, Y, PRODUCT.plus(8 * part));
            self.fault();
            self.v3(op::fp(op::ADD, scalar, true), X, X, Y);
            // Any NaN: which one, the evaluator knows.
            self.fault();
            self.v3i(op::fp(op::CMP, scalar, true), Y, X, X, 1);
            let low = self.e.constant(splat((1 << 29) - 1, 64, 128));
            self.v3(op::PAND, Y, X, low);
            self.v3(op::PXOR, X, X, Y);
            let zero = self.e.constant(0);
            self.v3(op::PCMPEQ[3], Y, Y, zero);
            let odd = self.e.constant(splat(1 << 29, 64, 128));
            self.v3(op::PANDN, Y, Y, odd);
            self.v3(op::POR, X, X, Y);
            self.fault();
            self.v2(op::CVTPD2PS, X, X);
            self.e.movsd_store(PRODUCT.plus(8 * part), X);
        }
        if scalar {
            self.e.movss_load(X, PRODUCT);
        } else {
            self.e.movsd_load(X, PRODUCT);
            self.e.movsd_load(Y, PRODUCT.plus(8));
            self.v3(op::PUNPCKL[3], X, X, Y);
        }
        self.halve_all(X);
    }
    /// FMLAL and FMLSL: products of halves are exact in singles.
    fn fused_long(&mut self, o: Op) -> bool {
        let features = self.host.features();
        if !features.f16c || !features.fma || !self.avx() || self.is_exact() {
            return false;
        }
        let (param, all) = (o.imm >> 8, o.ty == Ty::V128);
        let half = match (param & 1 != 0, all) {
            (false, _) => 0,
            (true, true) => 8,
            (true, false) => 4,
        };
        for (n, x) in [(0, X), (1, Y)] {
            let m = arg(n).plus(half);
            if all {
                self.fault();
                self.v2(op::CVTPH2PS, x, m);
            } else {
                self.e.movss_load(x, m);
                self.fault();
                self.v2(op::CVTPH2PS, x, x);
            }
        }
        self.e.movaps_store(arg(3), Y);
        self.e.movaps_load(Y, arg(2));
        if !all {
            self.v2(op::MOVQ, Y, Y);
        }
        let code = op::fma231(param & 2 != 0, false, false, false);
        self.fault();
        self.e.avx_rm(code, Y, X, arg(3), Imm::None);
        self.fault();
        self.v3i(op::fp(op::CMP, false, false), X, Y, Y, 1);
        if !all {
            self.v2(op::MOVQ, Y, Y);
        }
        self.e.movaps_store(arg(0), Y);
        true
    }
    /// FRECPS: 2 - a · b, or FRSQRTS: (3 - a · b) / 2, rounded once. Zero times infinity traps.
    fn step(&mut self, o: Op, root: bool) -> bool {
        let lane = vec_op::lane(o.imm);
        if !(2..=3).contains(&lane)
            || !self.host.features().fma
            || !self.avx()
            || self.is_exact()
            || o.imm >> 8 & !vec_op::SCALAR != 0
        {
            return false;
        }
        let (double, bits) = (lane == 3, 8 << lane);
        let scalar = o.imm >> 8 & vec_op::SCALAR != 0 || double && o.ty == Ty::V64;
        let total = if scalar { bits } else { o.ty.bits() };
        let load = |s: &mut Self, x, m| match total {
            32 => s.e.movss_load(x, m),
            64 => s.e.movsd_load(x, m),
            _ => s.e.movaps_load(x, m),
        };
        let (two, three, half): (u64, u64, u64) = if double {
            (0x4000 << 48, 0x4008 << 48, 0x3fe0 << 48)
        } else {
            (0x4000_0000, 0x4040_0000, 0x3f00_0000)
        };
        if root {
            // What may be twice too large for a number is the evaluator's.
            let (fraction, bias) = if double { (52, 1023) } else { (23, 127) };
            let mask = self.e.constant(splat(u64::MAX >> (65 - bits), bits, total));
            for (n, x) in [(0, X), (1, Y)] {
                load(self, x, arg(n));
                self.v3(op::PAND, x, x, mask);
                self.vshift(VShift::Srl, lane, x, x, fraction);
            }
            self.v3(op::PADD[usize::from(lane)], X, X, Y);
            let limit = self.e.constant(splat(3 * bias - 3, bits, 128));
            self.v3(op::PCMPGT[usize::from(lane)], X, X, limit);
            let large = self.cold(ColdKind::Invalid);
            self.v2(op::PTEST, X, X);
            self.e.jcc(Cc::Ne, large);
        }
        load(self, X, arg(0));
        load(self, Y, arg(1));
        self.e.movaps_store(arg(3), Y);
        let from = self.e.constant(splat(if root { three } else { two }, bits, total));
        self.vmov(Y, from);
        self.fault();
        self.e.avx_rm(op::fma231(true, false, scalar, double), Y, X, arg(3), Imm::None);
        self.fault();
        self.v3i(op::fp(op::CMP, scalar, double), X, Y, Y, 1);
        if root {
            let half = self.e.constant(splat(half, bits, total));
            self.fault();
            self.v3(op::fp(op::MUL, scalar, double), Y, Y, half);
        }
        if total == 64 {
            self.v2(op::MOVQ, Y, Y);
        }
        self.e.movaps_store(arg(0), Y);
        true
    }
    /// FRECPX: the exponent's opposite, and the sign. Any NaN traps.
    fn reciprocal_exponent(&mut self, o: Op) -> bool {
        let lane = vec_op::lane(o.imm);
        if !(2..=3).contains(&lane) || !self.avx() || self.is_exact() {
            return false;
        }
        let (double, fraction): (bool, u32) = if lane == 3 { (true, 52) } else { (false, 23) };
        let bits = 8 << lane;
        let ones = u64::MAX >> (64 - bits);
        let exponent = ones >> (fraction + 1) << fraction;
        let both = self.e.constant((exponent | ones ^ ones >> 1).into());
        let exponent = self.e.constant(exponent.into());
        if double {
            self.e.movsd_load(X, arg(0));
        } else {
            self.e.movss_load(X, arg(0));
        }
        self.fault();
        self.v3i(op::fp(op::CMP, true, double), Y, X, X, 1);
        self.v3(op::PAND, Y, X, exponent);
        self.v3(op::PAND, X, X, both);
        self.v3(op::PXOR, X, X, exponent);
        // Of zeros and denormal numbers, the largest one of a number.
        let zero = self.e.constant(u128::from(ones) ^ u128::MAX);
        self.v3(op::PCMPEQ[usize::from(lane)], Y, Y, zero);
        self.vshift(VShift::Sll, lane, Y, Y, fraction);
        self.v3(op::PADD[usize::from(lane)], X, X, Y);
        self.e.movaps_store(arg(0), X);
        true
    }
    /// SMMLA and its like: two rows of eight bytes times two columns.
    fn matrix(&mut self, o: Op, a_signed: bool, b_signed: bool) -> bool {
        if o.imm >> 8 != 0 {
            return false;
        }
        let widen = |signed| if signed { op::PMOVSX[0] } else { op::PMOVZX[0] };
        for row in 0..2 {
            for column in 0..2 {
                self.v2(widen(a_signed), X, arg(0).plus(8 * row));
                self.v2(widen(b_signed), Y, arg(1).plus(8 * column));
                self.v3(op::PMADDWD, X, X, Y);
                if column == 0 {
                    self.e.movaps_store(arg(3), X);
                }
            }
            self.e.movaps_load(Y, arg(3));
            self.v3(op::PHADDD, Y, Y, X);
            if row == 0 {
                self.e.movaps_store(PRODUCT, Y);
            }
        }
        self.e.movaps_load(X, PRODUCT);
        self.v3(op::PHADDD, X, X, Y);
        self.v3(op::PADD[2], X, X, arg(2));
        self.e.movaps_store(arg(0), X);
        true
    }
    /// PMUL: bit by bit of the second operand, from the highest.
    fn polynomial(&mut self, o: Op) -> bool {
        self.vzero(X);
        for bit in (0..8).rev() {
            self.v3(op::PADD[0], X, X, X);
            let m = self.e.constant(splat(1 << bit, 8, 128));
            self.e.movaps_load(Y, arg(1));
            self.v3(op::PAND, Y, Y, m);
            self.v3(op::PCMPEQ[0], Y, Y, m);
            self.v3(op::PAND, Y, Y, arg(0));
            self.v3(op::PXOR, X, X, Y);
        }
        if o.ty == Ty::V64 {
            self.v2(op::MOVQ, X, X);
        }
        self.e.movaps_store(arg(0), X);
        true
    }
}
