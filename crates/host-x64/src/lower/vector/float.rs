//! SIMD floating point. Invalid operations (signalling NaNs, NaNs produced) raise the host's
//! unmasked exception, and the evaluator runs the instruction. Nothing is written before the last
//! instruction that may do so, and lanes that do not take part are kept from raising anything.

use crate::emit::sse::{VShift, op};
use crate::emit::{Cc, Code, Size, Xmm};
use crate::lower::Lower;
use crate::lower::cold::ColdKind;
use crate::lower::values::{XmmOrMem, home};
use crate::lower::vector::{Temps, VArgs, ones, save_area, splat};
use ir::{OpCode, Ref, Rounding, VecOp};

/// The immediate of `round*` for a rounding; `exact`: raise Inexact.
pub(crate) const fn round_imm(rounding: Rounding, exact: bool) -> Option<u8> {
    let mode = match rounding {
        Rounding::Nearest => 0,
        Rounding::Down => 1,
        Rounding::Up => 2,
        Rounding::Zero => 3,
        Rounding::Current => 4,
        Rounding::Away | Rounding::Odd => return None,
    };
    Some(if exact { mode } else { mode | 8 })
}

/// How many bits of the operands must be without garbage: a scalar instruction reads lane 0 only.
const fn reads(v: &VArgs, scalar: bool) -> u32 {
    if scalar { 128 } else { v.total }
}

impl Lower<'_> {
    /// `d = a op b` that may raise an exception; `d` is written by the last instruction only.
    pub(crate) fn fp3(&mut self, code: Code, d: Xmm, a: Xmm, b: impl Into<XmmOrMem>) {
        let b = b.into();
        if self.avx() || d == a {
            self.fault();
            return self.v3(code, d, a, b);
        }
        let scratch = d.0 >= 14 && XmmOrMem::Reg(d) != b;
        let t = if scratch { d } else { self.scratch_v() };
        self.e.movaps(t, a);
        self.fault();
        self.v3(code, t, t, b);
        if !scratch {
            self.e.movaps(d, t);
            self.release_v(t);
        }
    }
    /// Whether the current guest instruction has read `r` so far.
    fn read_by_instruction(&self, r: Ref) -> bool {
        let ops = self.block.ops[..=self.at].iter().rev();
        ops.take_while(|o| o.code != OpCode::Insn).any(|o| [o.a, o.b, o.c].contains(&r))
    }
    /// Whether a slot's value is in a pinned register.
    pub(crate) fn pinned(&self, r: Ref) -> bool {
        r.as_slot().is_some_and(|s| self.host.vec_pin(s).is_some())
    }
    /// How many scratch registers the operands take if each must be in a register of its own,
    /// with zeros above `total` bits.
    pub(crate) fn scratch_needed(&mut self, operands: &[Ref], total: u32) -> usize {
        let mut n = 0;
        for (i, &r) in operands.iter().enumerate() {
            if operands[..i].contains(&r) && self.pinned(r) && self.width(r) <= total {
                continue;
            }
            n += usize::from(!self.pinned(r) || self.width(r) > total);
        }
        n
    }
    /// The operand in a register, with zeros above `total` bits.
    pub(crate) fn fp_operand(&mut self, r: Ref, total: u32) -> Xmm {
        if self.width(r) <= total {
            return self.using_v(r);
        }
        match self.using_vm(r) {
            XmmOrMem::Mem(m) if total == 64 => {
                let t = self.scratch_v();
                self.v2(op::MOVQ, t, m);
                t
            }
            XmmOrMem::Mem(_) => {
                let x = self.using_v(r);
                let t = self.scratch_v();
                self.zero_above(t, x, total);
                self.release_v(x);
                t
            }
            XmmOrMem::Reg(x) => {
                let t = self.fp_temp(&[x.into()]);
                self.zero_above(t, x, total);
                if t != x {
                    self.release_v(x);
                }
                t
            }
        }
    }
    /// The operand where it is, without taking a scratch register if it has a home in memory.
    pub(crate) fn source(&mut self, r: Ref) -> XmmOrMem {
        match r.as_slot() {
            Some(s) if !self.pinned(r) => XmmOrMem::Mem(home(s)),
            _ => self.using_vm(r),
        }
    }
    /// A register for the result of an operation that may fault: pinned, scratch, or `x` or `y`,
    /// the registers of operands a (named `a`) and b.
    pub(crate) fn fp_out(&mut self, dst: Ref, a: Ref, x: Xmm, y: impl Into<XmmOrMem>) -> Xmm {
        if self.pinned(dst) || self.free_v() > 0 {
            return self.define_over_v(dst, a, x);
        }
        self.fp_temp(&[x.into(), y.into()])
    }
    /// A scratch register, if need be one of `dead`, which are not needed after the next
    /// instruction.
    pub(crate) fn fp_temp(&mut self, dead: &[XmmOrMem]) -> Xmm {
        if self.free_v() > 0 {
            return self.scratch_v();
        }
        let x = dead.iter().find_map(|&x| match x {
            XmmOrMem::Reg(x) if Self::is_scratch_v(x) => Some(x),
            _ => None,
        });
        let Some(x) = x else {
            self.out_of_registers();
            return Xmm(14);
        };
        self.reuse_v(x);
        x
    }

    pub(crate) fn vec_float(&mut self, v: &VArgs) -> bool {
        let double = match v.lane {
            2 => false,
            3 => true,
            _ => return self.half_conversion(v),
        };
        let scalar = v.total == v.bits();
        // One double in 64 bits is a scalar too.
        let scalar = scalar || double && v.total == 64;
        let simple = |code| op::fp(code, scalar, double);
        match v.code {
            VecOp::FAdd => self.fp_binary(v, simple(op::ADD), scalar),
            VecOp::FSub => self.fp_binary(v, simple(op::SUB), scalar),
            // Zero times infinity, where they differ, is left to the evaluator.
            VecOp::FMul | VecOp::FMulX => self.fp_binary(v, simple(op::MUL), scalar),
            VecOp::FDiv => self.fp_divide(v, simple(op::DIV), scalar),
            VecOp::FMax | VecOp::FMaxNm => self.fp_extreme(v, simple(op::MAX), op::PAND),
            VecOp::FMin | VecOp::FMinNm => self.fp_extreme(v, simple(op::MIN), op::POR),
            VecOp::FMla | VecOp::FMls => self.fp_fused(v, scalar, double),
            VecOp::FAbd => self.fp_abs_difference(v, simple(op::SUB), scalar),
            VecOp::FAbs | VecOp::FNeg => self.fp_sign(v),
            VecOp::FSqrt => self.fp_unary(v, simple(op::SQRT), None, scalar),
            VecOp::FRound => {
                let exact = v.param & 8 != 0;
                match round_imm(Rounding::from_u8((v.param & 7) as u8), exact) {
                    Some(imm) => self.fp_unary(v, op::round(scalar, double), Some(imm), scalar),
                    None => false,
                }
            }
            VecOp::FCmEq | VecOp::FCmGe | VecOp::FCmGt | VecOp::FAcGe | VecOp::FAcGt => {
                self.fp_mask(v, simple(op::CMP), scalar)
            }
            VecOp::FToInt if !double => self.fp_to_ints(v),
            VecOp::FToInt if v.total == 128 => self.doubles_to_ints(v),
            VecOp::IntToF if !scalar => self.ints_to_fp(v, double),
            VecOp::FCvtL if !double => {
                let mut t = Temps::default();
                let x = self.using_vm(v.a);
                if v.param & 1 != 0 {
                    let p = self.scratch_v();
                    self.v2i(op::PSHUFD, p, x, 0xee);
                    self.fault();
                    self.v2(op::CVTPS2PD, p, p);
                    self.finish_v(t, v.dst, p);
                } else {
                    let d = self.out_scratch(&mut t, v.dst);
                    self.fault();
                    self.v2(op::CVTPS2PD, d, x);
                    self.finish_v(t, v.dst, d);
                }
                true
            }
            VecOp::FCvtN if !double && !scalar => {
                let x = self.using_vm(v.a);
                let p = self.scratch_v();
                self.fault();
                self.v2(op::CVTPD2PS, p, x);
                if v.param & 0x100 != 0 {
                    let z = self.addend(v.c, x);
                    self.v3(op::PUNPCKL[3], p, z, p);
                }
                self.finish_v(Temps::default(), v.dst, p);
                true
            }
            VecOp::FAddP => self.fp_pairs(v, double),
            VecOp::FMaxP | VecOp::FMaxNmP | VecOp::FMaxV | VecOp::FMaxNmV => {
                self.fp_pair_extreme(v, op::MAX, op::PAND, double)
            }
            VecOp::FMinP | VecOp::FMinNmP | VecOp::FMinV | VecOp::FMinNmV => {
                self.fp_pair_extreme(v, op::MIN, op::POR, double)
            }
            _ => false,
        }
    }
    /// Operand `r` in a register, if need be that of the operand at `dead`, which has been used.
    fn addend(&mut self, r: Ref, dead: XmmOrMem) -> Xmm {
        match self.using_vm(r) {
            XmmOrMem::Reg(z) => z,
            XmmOrMem::Mem(m) => {
                let z = self.fp_temp(&[dead]);
                self.vmov(z, m);
                z
            }
        }
    }
    /// The destination's register or a scratch one, never a borrowed one.
    fn out_scratch(&mut self, t: &mut Temps, dst: Ref) -> Xmm {
        debug_assert!(self.pinned(dst) || self.free_v() > 0);
        self.out_v(t, dst)
    }
    fn fp_binary(&mut self, v: &VArgs, code: Code, scalar: bool) -> bool {
        let bits = reads(v, scalar);
        if self.scratch_needed(&[v.a, v.b], bits) > 1 && !self.avx() {
            return false;
        }
        // Rounding down, zeros subtracted from zeros are not all zeros.
        let clean = if scalar { self.width(v.a) <= v.total } else { v.code != VecOp::FSub };
        let x = self.fp_operand(v.a, bits);
        let y = self.fp_operand_any(v.b, bits);
        let d = self.fp_out(v.dst, v.a, x, y);
        self.fp3(code, d, x, y);
        self.finish_low(Temps::default(), v, d, clean);
        true
    }
    fn fp_divide(&mut self, v: &VArgs, code: Code, scalar: bool) -> bool {
        if v.total == 128 || scalar {
            return self.fp_binary(v, code, scalar);
        }
        if !self.avx() {
            return false;
        }
        // Zeros divided by ones in the lanes that do not take part.
        let upper = self.e.constant(splat(0x3f80_0000, 32, 128) & !ones(64));
        let x = self.fp_operand(v.a, 64);
        let y = self.using_vm(v.b);
        let t = self.fp_temp(&[y]);
        self.v2(op::MOVQ, t, y);
        self.v3(op::POR, t, t, upper);
        let d = self.fp_out(v.dst, v.a, x, t);
        self.fp3(code, d, x, t);
        self.finish_v(Temps::default(), v.dst, d);
        true
    }
    /// Maximum or minimum: both orders, which differ only for zeros of different sign (NaNs are
    /// invalid operations), and a logical operation that makes the right zero.
    pub(crate) fn fp_extreme(&mut self, v: &VArgs, code: Code, join: Code) -> bool {
        if !self.avx() {
            return false;
        }
        // Garbage in lanes that do not take part can at most cause an evaluation.
        let clean = self.clean2(v, v.a, v.b);
        let (x, y) = (self.source(v.a), self.source(v.b));
        let second = !self.pinned(v.dst) || matches!(y, XmmOrMem::Mem(_));
        if self.free_v() < 1 + usize::from(second) {
            self.unlock();
            return false;
        }
        let t = self.scratch_v();
        let d = if self.pinned(v.dst) { self.define_v(v.dst) } else { self.scratch_v() };
        for (to, first, second) in [(t, x, y), (d, y, x)] {
            let first = match first {
                XmmOrMem::Reg(r) => r,
                // The last one must not be written before it is certain not to fault.
                XmmOrMem::Mem(m) if to == t || Self::is_scratch_v(d) => {
                    self.vmov(to, m);
                    to
                }
                XmmOrMem::Mem(_) => {
                    // b in memory, the result pinned: the same the other way round.
                    let r = self.fp_temp(&[]);
                    self.vmov(r, y);
                    r
                }
            };
            self.fp3(code, to, first, second);
        }
        self.v3(join, d, d, t);
        self.finish_low(Temps::default(), v, d, clean);
        true
    }
    /// Pairwise maxima and minima, and those of four lanes. NaNs are found first, so that nothing
    /// traps later.
    fn fp_pair_extreme(&mut self, v: &VArgs, code: u8, join: Code, double: bool) -> bool {
        let across =
            matches!(v.code, VecOp::FMaxV | VecOp::FMaxNmV | VecOp::FMinV | VecOp::FMinNmV);
        if !self.avx() || across && v.total != 128 {
            return false;
        }
        let code = op::fp(code, false, double);
        let alone = across || v.total == v.bits();
        let x = self.using_v(v.a);
        let y = if alone || v.a == v.b { x.into() } else { self.source(v.b) };
        if self.free_v() == 0 {
            self.unlock();
            return false;
        }
        let p = self.scratch_v();
        self.fault();
        // "Less than", signalling.
        self.v3i(op::fp(op::CMP, false, double), p, x, y, 1);
        let mut t = Temps::default();
        let q = self.temp_v(&mut t);
        if double {
            if alone {
                self.vmov(p, x);
                self.v2i(op::PSHUFD, q, x, 0xee);
            } else {
                self.v3(op::PUNPCKL[3], p, x, y);
                self.v3(op::PUNPCKH[3], q, x, y);
            }
        } else if alone {
            self.vmov(p, x);
            self.v2i(op::PSHUFD, q, x, 0xb1);
        } else if v.total == 64 {
            self.v3(op::PUNPCKL[2], p, x, y);
            self.v2i(op::PSHUFD, q, p, 0xee);
        } else {
            self.v3i(op::SHUFPS, p, x, y, 0x88);
            self.v3i(op::SHUFPS, q, x, y, 0xdd);
        }
        let u = self.temp_v(&mut t);
        self.extreme_of(code, join, p, q, u);
        if across {
            self.v2i(op::PSHUFD, q, p, 0x4e);
            self.extreme_of(code, join, p, q, u);
        }
        let bits = if across { v.bits() } else { v.total };
        self.zero_above(p, p, bits);
        self.finish_v(t, v.dst, p);
        true
    }
    /// `p` = the extremes of `p` and `q`, no NaNs among them; `u` is used.
    fn extreme_of(&mut self, code: Code, join: Code, p: Xmm, q: Xmm, u: Xmm) {
        self.v3(code, u, p, q);
        self.v3(code, p, q, p);
        self.v3(join, p, p, u);
    }
    fn fp_fused(&mut self, v: &VArgs, scalar: bool, double: bool) -> bool {
        let code = op::fma231(v.code == VecOp::FMls, false, scalar, double);
        self.fp_fma(code, op::fp(op::CMP, scalar, double), v, scalar)
    }
    /// `c ± a·b` by `code`; `compare` is the compare of the same kind. A NaN result is left to
    /// the evaluator, since hosts differ from Arm (and each other) in which NaN comes out.
    pub(crate) fn fp_fma(&mut self, code: Code, compare: Code, v: &VArgs, scalar: bool) -> bool {
        let bits = reads(v, scalar);
        if !self.host.features().fma || !self.avx() {
            return false;
        }
        // With zeros above in the addend and one factor, the other factor's upper lanes can at
        // most cause an evaluation.
        let (mut a, mut b) = (v.a, v.b);
        let better = self.pinned(b) && self.width(b) <= bits;
        // A factor that is in memory anyway leaves a register for the sum.
        let in_memory = a.as_slot().is_some() && b.as_temp().is_some();
        if (!self.pinned(a) || self.width(a) > bits) && (better || in_memory) {
            (a, b) = (b, a);
        }
        let x = self.fp_operand(a, bits);
        let mut y = if b == a { x.into() } else { self.source(b) };
        let z = self.using_vm(v.c);
        // A destination that is not a source may be overwritten before the check: the evaluator
        // does not read it.
        let t = if self.pinned(v.dst) && !self.read_by_instruction(v.dst) {
            self.define_v(v.dst)
        } else if let XmmOrMem::Reg(c) = z
            && Self::is_scratch_v(c)
            && z != x.into()
            && z != y
        {
            self.reuse_v(c);
            c
        } else if self.free_v() > 0 {
            self.scratch_v()
        } else if let XmmOrMem::Reg(factor) = y
            && Self::is_scratch_v(factor)
            && y != x.into()
        {
            // Both scratch registers hold factors: one is used from memory.
            self.e.movaps_store(save_area(0), factor);
            self.reuse_v(factor);
            y = save_area(0).into();
            factor
        } else {
            self.unlock();
            return false;
        };
        match z {
            _ if self.width(v.c) <= v.total => self.vmov(t, z),
            XmmOrMem::Reg(z) => self.zero_above(t, z, v.total),
            XmmOrMem::Mem(m) if v.total == 64 => self.v2(op::MOVQ, t, m),
            XmmOrMem::Mem(m) => self.e.movss_load(t, m),
        }
        self.fault();
        match y {
            XmmOrMem::Reg(y) => self.e.avx_rr(code, t, x, y, crate::emit::Imm::None),
            XmmOrMem::Mem(m) => self.e.avx_rm(code, t, x, m, crate::emit::Imm::None),
        }
        let dead = if z == t.into() { y } else { z };
        let check = self.fp_temp(&[x.into(), y, dead]);
        self.fault();
        // "Less than", signalling: invalid if any lane is a NaN.
        self.v3i(compare, check, t, t, 1);
        // A product may be a negative zero, which matters when rounding down.
        self.finish_low(Temps::default(), v, t, scalar);
        true
    }
    fn fp_abs_difference(&mut self, v: &VArgs, code: Code, scalar: bool) -> bool {
        let bits = reads(v, scalar);
        if self.scratch_needed(&[v.a, v.b], bits) > 1 && !self.avx() {
            return false;
        }
        let mask = self.e.constant(splat((1 << (v.bits() - 1)) - 1, v.bits(), v.total));
        let x = self.fp_operand(v.a, bits);
        let y = self.fp_operand_any(v.b, bits);
        let d = self.fp_out(v.dst, v.a, x, y);
        self.fp3(code, d, x, y);
        self.v3(op::PAND, d, d, mask);
        self.finish_v(Temps::default(), v.dst, d);
        true
    }
    /// As [`Lower::fp_operand`], but left in memory if it is there and fit.
    fn fp_operand_any(&mut self, r: Ref, total: u32) -> XmmOrMem {
        if self.width(r) <= total { self.using_vm(r) } else { self.fp_operand(r, total).into() }
    }
    /// FABS and FNEG: no exceptions.
    fn fp_sign(&mut self, v: &VArgs) -> bool {
        let bits = v.bits();
        let sign = splat(1 << (bits - 1), bits, v.total);
        let mut t = Temps::default();
        let x = self.using_v(v.a);
        let d = self.out_v(&mut t, v.dst);
        if v.code == VecOp::FAbs {
            let m = self.e.constant(ones(v.total) & !sign);
            self.v3(op::PAND, d, x, m);
            self.finish_v(t, v.dst, d);
        } else {
            let m = self.e.constant(sign);
            self.v3(op::PXOR, d, x, m);
            let clean = self.width(v.a) <= v.total;
            self.finish_low(t, v, d, clean);
        }
        true
    }
    fn fp_unary(&mut self, v: &VArgs, code: Code, imm: Option<u8>, scalar: bool) -> bool {
        if !self.avx() {
            return false;
        }
        if scalar {
            return self.fp_scalar_unary(v.dst, v.a, code, imm);
        }
        let x = self.fp_operand_any(v.a, v.total);
        let mut t = Temps::default();
        let d = if self.pinned(v.dst) || self.free_v() > 0 {
            self.out_v(&mut t, v.dst)
        } else {
            return false;
        };
        self.fault();
        match imm {
            Some(imm) => self.v2i(code, d, x, imm),
            None => self.v2(code, d, x),
        }
        self.finish_v(t, v.dst, d);
        true
    }
    /// `dst = op a` in lane 0, zeros above.
    pub(crate) fn fp_scalar_unary(
        &mut self,
        dst: Ref,
        a: Ref,
        code: Code,
        imm: Option<u8>,
    ) -> bool {
        let y = self.using_vm(a);
        if self.free_v() == 0 {
            self.unlock();
            return false;
        }
        // The upper part comes from a zeroed register.
        let zero = self.scratch_v();
        self.vzero(zero);
        let d = if self.pinned(dst) && self.avx() { self.define_v(dst) } else { zero };
        self.fault();
        match imm {
            Some(imm) => self.v3i(code, d, zero, y, imm),
            None => self.v3(code, d, zero, y),
        }
        self.finish_v(Temps::default(), dst, d);
        true
    }
    fn fp_mask(&mut self, v: &VArgs, code: Code, scalar: bool) -> bool {
        let absolute = matches!(v.code, VecOp::FAcGe | VecOp::FAcGt);
        if !self.avx() {
            return false;
        }
        // Equal, quiet; greater or equal and greater, signalling.
        let signalling = match v.code {
            VecOp::FCmEq => 0x00,
            VecOp::FCmGe | VecOp::FAcGe => 0x0d,
            _ => 0x0e,
        };
        // (Then NaNs have been found.)
        let quiet = v.code != VecOp::FCmEq && self.traps_often();
        let predicate = signalling | if quiet { 0x10 } else { 0 };
        if absolute {
            let mask = self.e.constant(splat((1 << (v.bits() - 1)) - 1, v.bits(), v.total));
            let (x, y) = (self.source(v.a), self.source(v.b));
            if self.free_v() < 2 {
                self.unlock();
                return false;
            }
            let (p, q) = (self.scratch_v(), self.scratch_v());
            self.vmov(p, mask);
            self.v3(op::PAND, q, p, y);
            self.v3(op::PAND, p, p, x);
            self.fault();
            self.v3i(code, p, p, q, predicate);
            self.finish_low(Temps::default(), v, p, false);
            return true;
        }
        let bits = reads(v, scalar);
        let clean = scalar && self.width(v.a) <= v.total;
        let x = self.fp_operand(v.a, bits);
        let y = self.fp_operand_any(v.b, bits);
        let d = self.fp_out(v.dst, v.a, x, y);
        self.fault();
        self.v3i(code, d, x, y, predicate);
        // Lane 0's compare keeps the upper part of a. Packed ones compare zeros as equal.
        self.finish_low(Temps::default(), v, d, clean);
        true
    }
    /// FCVT* to 32-bit lanes.
    fn fp_to_ints(&mut self, v: &VArgs) -> bool {
        let rounding = Rounding::from_u8((v.param & 7) as u8);
        let unsigned = v.param >> 3 == 0;
        // No fraction bits; unsigned with truncation only.
        if v.param >> 4 != 0
            || unsigned && rounding != Rounding::Zero
            || v.total == 32
            || !self.avx()
        {
            return false;
        }
        if unsigned {
            self.clobber();
        }
        let x = self.fp_operand_any(v.a, v.total);
        if self.free_v() == 0 {
            self.unlock();
            return false;
        }
        let p = self.scratch_v();
        if unsigned {
            // -1 and less are out of range; 2^31 and more are left to the evaluator, too.
            let minus_one = self.e.constant(splat(0xbf80_0000, 32, 128));
            let r = self.scratch();
            self.vmov(p, minus_one);
            // "Not less than", quiet: -1 >= x, or a NaN. Signalling ones trap.
            self.fault();
            self.v3i(op::fp(op::CMP, false, false), p, p, x, 0x15);
            self.e.pmovmskb(r, p);
            self.e.test(Size::D, r, r);
            let bad = self.cold(ColdKind::Invalid);
            self.e.jcc(Cc::Ne, bad);
            self.release(r);
        }
        match rounding {
            Rounding::Zero => {
                self.fault();
                self.v2(op::CVTTPS2DQ, p, x);
            }
            Rounding::Current => {
                self.fault();
                self.v2(op::CVTPS2DQ, p, x);
            }
            _ => {
                let Some(imm) = round_imm(rounding, false).filter(|_| self.free_v() > 0) else {
                    self.unlock();
                    return false;
                };
                let q = self.scratch_v();
                self.fault();
                self.v2i(op::round(false, false), p, x, imm);
                self.fault();
                self.v2(op::CVTTPS2DQ, p, p);
                // Raises Inexact, which must not happen before the last trap.
                self.fault();
                self.v2i(op::round(false, false), q, x, 3);
            }
        }
        self.finish_v(Temps::default(), v.dst, p);
        true
    }
    /// FCVTZS of two doubles.
    fn doubles_to_ints(&mut self, v: &VArgs) -> bool {
        if v.param != Rounding::Zero as u32 | 8 {
            return false;
        }
        let x = self.using_v(v.a);
        if self.free_v() == 0 {
            self.unlock();
            return false;
        }
        let p = self.scratch_v();
        let (r, s) = (self.scratch(), self.scratch());
        self.v2i(op::PSHUFD, p, x, 0xee);
        self.fault();
        self.e.fp_to_int(true, true, Size::Q, r, x);
        self.fault();
        self.e.fp_to_int(true, true, Size::Q, s, p);
        self.e.mov_to_xmm(Size::Q, p, r);
        self.e.pinsr(Size::Q, p, s, 1);
        self.finish_v(Temps::default(), v.dst, p);
        true
    }
    /// SCVTF and UCVTF without fraction bits: raise Inexact at most.
    fn ints_to_fp(&mut self, v: &VArgs, double: bool) -> bool {
        let signed = v.param & 8 != 0;
        if v.param >> 4 != 0 || double && !signed {
            return false;
        }
        let mut t = Temps::default();
        if double {
            let x = self.using_v(v.a);
            let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
            let r = self.scratch();
            self.vzero(p);
            self.vzero(q);
            self.e.mov_from_xmm(Size::Q, r, x);
            self.e.int_to_fp(true, Size::Q, p, r);
            self.e.pextr(Size::Q, r, x, 1);
            self.e.int_to_fp(true, Size::Q, q, r);
            self.v3(op::PUNPCKL[3], p, p, q);
            self.finish_v(t, v.dst, p);
            return true;
        }
        let x = self.using_vm(v.a);
        let p = self.temp_v(&mut t);
        if v.total == 64 {
            self.v2(op::MOVQ, p, x);
        } else {
            self.vmov(p, x);
        }
        if signed {
            self.v2(op::CVTDQ2PS, p, p);
        } else {
            // The halves of each integer are exact, their sum is rounded once.
            let low = self.e.constant(splat(0xffff, 32, 128));
            let scale = self.e.constant(splat(0x4780_0000, 32, 128));
            let q = self.temp_v(&mut t);
            self.vshift(VShift::Srl, 2, q, p, 16);
            self.v2(op::CVTDQ2PS, q, q);
            self.v3(op::fp(op::MUL, false, false), q, q, scale);
            self.v3(op::PAND, p, p, low);
            self.v2(op::CVTDQ2PS, p, p);
            self.v3(op::fp(op::ADD, false, false), p, q, p);
        }
        self.finish_v(t, v.dst, p);
        true
    }
    fn fp_pairs(&mut self, v: &VArgs, double: bool) -> bool {
        if !self.avx() {
            return false;
        }
        let add = op::fp(op::ADD, false, double);
        if v.total < 128 {
            if v.total == 64 && !double {
                // Two lanes of each operand.
                let (x, y) = (self.using_v(v.a), self.source(v.b));
                if self.free_v() == 0 {
                    self.unlock();
                    return false;
                }
                let p = self.scratch_v();
                let q = self.fp_temp(&[x.into(), y]);
                self.v3(op::PUNPCKL[2], p, x, y);
                self.vshift(VShift::SrlBytes, 3, q, p, 8);
                self.v2(op::MOVQ, p, p);
                self.fp3(add, p, p, q);
                self.finish_v(Temps::default(), v.dst, p);
                return true;
            }
            // Lanes 0 and 1 of a.
            let x = self.using_v(v.a);
            if self.free_v() == 0 {
                self.unlock();
                return false;
            }
            let p = self.scratch_v();
            let zero = self.fp_temp_clean(x, p, double);
            self.fp3(op::fp(op::ADD, true, double), zero, zero, p);
            self.finish_v(Temps::default(), v.dst, zero);
            return true;
        }
        let (x, y) = (self.using_v(v.a), self.source(v.b));
        if self.free_v() == 0 {
            self.unlock();
            return false;
        }
        let p = self.scratch_v();
        if double {
            self.v3(op::PUNPCKL[3], p, x, y);
        } else {
            self.v3i(op::SHUFPS, p, x, y, 0x88);
        }
        let q = self.fp_temp(&[x.into(), y]);
        if double {
            self.v3(op::PUNPCKH[3], q, x, y);
        } else {
            self.v3i(op::SHUFPS, q, x, y, 0xdd);
        }
        self.fp3(add, p, p, q);
        self.finish_v(Temps::default(), v.dst, p);
        true
    }
    /// `p` = lane 1 of `x` in lane 0; gives a register with lane 0 of `x`, zeros above.
    fn fp_temp_clean(&mut self, x: Xmm, p: Xmm, double: bool) -> Xmm {
        self.v2i(op::PSHUFD, p, x, if double { 0xee } else { 0x55 });
        let q = self.fp_temp(&[x.into()]);
        self.zero_above(q, x, if double { 64 } else { 32 });
        q
    }
    /// Conversions between half and single precision.
    fn half_conversion(&mut self, v: &VArgs) -> bool {
        if !self.host.features().f16c || !self.avx() || v.lane != 1 {
            return false;
        }
        match v.code {
            VecOp::FCvtL => {
                let x = self.using_vm(v.a);
                if self.free_v() == 0 {
                    self.unlock();
                    return false;
                }
                let p = self.scratch_v();
                if v.param & 1 != 0 {
                    self.v2i(op::PSHUFD, p, x, 0xee);
                    self.fault();
                    self.v2(op::CVTPH2PS, p, p);
                } else {
                    self.fault();
                    self.v2(op::CVTPH2PS, p, x);
                }
                self.finish_v(Temps::default(), v.dst, p);
                true
            }
            VecOp::FCvtN if v.total >= 64 => {
                let x = self.using_v(v.a);
                if self.free_v() == 0 {
                    self.unlock();
                    return false;
                }
                let p = self.scratch_v();
                self.fault();
                // The destination is the ModRM operand.
                self.e.avx_rr(op::CVTPS2PH, x, Xmm(0), p, crate::emit::Imm::I8(4));
                if v.param & 0x100 != 0 {
                    let z = self.addend(v.c, x.into());
                    self.v3(op::PUNPCKL[3], p, z, p);
                }
                self.finish_v(Temps::default(), v.dst, p);
                true
            }
            VecOp::FAbs | VecOp::FNeg => self.fp_sign(v),
            _ => false,
        }
    }
}
