//! Lowering of scalar floating point. See `vector::float` for how exceptions are treated.

use crate::Alu;
use crate::emit::sse::op;
use crate::emit::{Cc, Size, Xmm};
use crate::lower::Lower;
use crate::lower::cold::ColdKind;
use crate::lower::flags::{FLAGS, Kind};
use crate::lower::float::canonical::box_of;
use crate::lower::values::XmmOrMem;
use crate::lower::vector::float::round_imm;
use crate::lower::vector::{Temps, VArgs, ones};
use ir::state::flag;
use ir::{Cond, Op, OpCode, Ref, Rounding, Ty, VecOp};

impl Lower<'_> {
    /// Lowers a floating-point operation natively. False: not done and nothing emitted, the
    /// evaluator is to do it.
    pub(crate) fn lower_fp(&mut self, o: Op) -> bool {
        let double = match o.ty {
            Ty::F64 => true,
            Ty::F32 => false,
            _ => {
                return match o.code {
                    OpCode::FAbs | OpCode::FNeg => self.fp_scalar_sign(o),
                    OpCode::FCvt => self.fp_convert(o),
                    OpCode::FCmp if self.has_halves(o) => self.fp_compare(o, false),
                    OpCode::FCcmp if self.has_halves(o) => self.fp_compare_if(o, false),
                    _ => false,
                };
            }
        };
        let scalar = |code| op::fp(code, true, double);
        match o.code {
            OpCode::FAdd => self.fp_scalar_binary(o, op::ADD, double),
            OpCode::FSub => self.fp_scalar_binary(o, op::SUB, double),
            OpCode::FMul | OpCode::FNMul => self.fp_scalar_binary(o, op::MUL, double),
            OpCode::FDiv => self.fp_scalar_binary(o, op::DIV, double),
            OpCode::FSqrt => self.fp_scalar_unary(o.dst, o.a, scalar(op::SQRT), None),
            OpCode::FMax | OpCode::FMaxNm => {
                self.fp_extreme(&scalar_args(o, VecOp::FMax), scalar(op::MAX), op::PAND)
            }
            OpCode::FMin | OpCode::FMinNm => {
                self.fp_extreme(&scalar_args(o, VecOp::FMin), scalar(op::MIN), op::POR)
            }
            OpCode::FMulAdd => {
                let code = op::fma231(o.aux & 1 != 0, o.aux & 2 != 0, true, double);
                self.fp_fma(code, scalar(op::CMP), &scalar_args(o, VecOp::FMla), true)
            }
            OpCode::FAbs | OpCode::FNeg => self.fp_scalar_sign(o),
            OpCode::FRound => self.fp_round(o, double),
            OpCode::FCvt => self.fp_convert(o),
            OpCode::FToInt | OpCode::FToIntV => self.fp_to_integer(o, double),
            OpCode::IntToF | OpCode::IntVToF => self.integer_to_fp(o, double),
            OpCode::FCmp => self.fp_compare(o, double),
            OpCode::FCcmp => self.fp_compare_if(o, double),
            _ => false,
        }
    }
    fn fp_scalar_binary(&mut self, o: Op, code: u8, double: bool) -> bool {
        if !self.avx() && self.scratch_needed(&[o.a, o.b], 128) > 1 {
            return false;
        }
        let bits = o.ty.bits();
        let x = self.using_v(o.a);
        let y = self.using_vm(o.b);
        let d = self.fp_out(o.dst, o.a, x, y);
        let clean = self.width(o.a) <= bits;
        self.fp3(op::fp(code, true, double), d, x, y);
        if o.code == OpCode::FNMul {
            let sign = self.e.constant(1 << (bits - 1));
            self.v3(op::PXOR, d, d, sign);
        }
        if !clean {
            self.zero_above(d, d, bits);
        }
        self.finish_v(Temps::default(), o.dst, d);
        true
    }
    /// FABS and FNEG.
    fn fp_scalar_sign(&mut self, o: Op) -> bool {
        let bits = o.ty.bits();
        let mut t = Temps::default();
        let x = self.using_v(o.a);
        let clean = self.width(o.a) <= bits;
        let d = self.out_v(&mut t, o.dst);
        if o.code == OpCode::FAbs {
            let m = self.e.constant(ones(bits - 1));
            self.v3(op::PAND, d, x, m);
        } else {
            let m = self.e.constant(1 << (bits - 1));
            self.v3(op::PXOR, d, x, m);
            if !clean {
                self.zero_above(d, d, bits);
            }
        }
        self.finish_v(t, o.dst, d);
        true
    }
    fn fp_round(&mut self, o: Op, double: bool) -> bool {
        let rounding = Rounding::from_u8((o.aux & 7) as u8);
        let exact = o.aux >> 8 != 0;
        match round_imm(rounding, exact) {
            Some(imm) => self.fp_scalar_unary(o.dst, o.a, op::round(true, double), Some(imm)),
            None if rounding == Rounding::Away && self.avx() => {
                let y = self.source(o.a);
                if self.free_v() < 2 {
                    self.unlock();
                    return false;
                }
                let (p, q) = (self.scratch_v(), self.scratch_v());
                self.round_away(p, q, y, double, exact);
                self.finish_v(Temps::default(), o.dst, p);
                true
            }
            None => false,
        }
    }
    /// `p` = lane 0 of `y` rounded to nearest, ties away; zeros above. `q` is used too.
    /// A quiet NaN stays.
    fn round_away(&mut self, p: Xmm, q: Xmm, y: XmmOrMem, double: bool, exact: bool) {
        let bits = if double { 64 } else { 32 };
        let (half, one): (u128, u128) =
            if double { (0x3fe0 << 48, 0x3ff0 << 48) } else { (0x3f00_0000, 0x3f80_0000) };
        let (half, one) = (self.e.constant(half), self.e.constant(one));
        let magnitude = self.e.constant(ones(bits - 1));
        let sign = self.e.constant(1 << (bits - 1));
        // p = truncated; q = |y - p| >= 1/2 ? 1 : 0; |p| + q with the sign of y.
        self.vzero(p);
        self.fault();
        self.v3i(op::round(true, double), p, p, y, if exact { 3 } else { 11 });
        self.vmov(q, y);
        self.fp3(op::fp(op::SUB, true, double), q, q, p);
        self.v3(op::PAND, q, q, magnitude);
        // Not less than, quiet.
        self.v3i(op::fp(op::CMP, true, double), q, q, half, 0x15);
        self.v3(op::PAND, q, q, one);
        self.v3(op::PAND, p, p, magnitude);
        self.fp3(op::fp(op::ADD, true, double), p, p, q);
        self.vmov(q, sign);
        self.v3(op::PAND, q, q, y);
        self.v3(op::POR, p, p, q);
    }
    fn fp_convert(&mut self, o: Op) -> bool {
        if Rounding::from_u8((o.aux >> 8) as u8) != Rounding::Current {
            return false;
        }
        let f16c = self.host.features().f16c && self.avx();
        match (o.ty, Ty::from_u8((o.aux & 0xff) as u8)) {
            (Ty::F32, Ty::F64) => self.fp_scalar_unary(o.dst, o.a, op::CVTSS2SD, None),
            (Ty::F64, Ty::F32) => self.fp_scalar_unary(o.dst, o.a, op::CVTSD2SS, None),
            (Ty::F16, to @ (Ty::F32 | Ty::F64)) if f16c => {
                if self.scratch_needed(&[o.a], 16) > 0 && self.free_v() < 2 && self.width(o.a) > 16
                {
                    return false;
                }
                let x = self.fp_operand(o.a, 16);
                let p = self.fp_temp(&[x.into()]);
                self.fault();
                self.v2(op::CVTPH2PS, p, x);
                if to == Ty::F64 {
                    self.fault();
                    self.v2(op::CVTPS2PD, p, p);
                    // Lane 1 was zero.
                }
                self.finish_v(Temps::default(), o.dst, p);
                true
            }
            (Ty::F32, Ty::F16) if f16c => {
                if self.free_v() < 2 {
                    return false;
                }
                let x = self.fp_operand(o.a, 32);
                let p = self.fp_temp(&[x.into()]);
                self.fault();
                self.e.avx_rr(op::CVTPS2PH, x, Xmm(0), p, crate::emit::Imm::I8(4));
                self.finish_v(Temps::default(), o.dst, p);
                true
            }
            _ => false,
        }
    }
    /// FCVT* to an integer. Values out of range are invalid operations for the host too, or found
    /// by comparisons beforehand; Inexact is raised last, when it is certain.
    pub(crate) fn fp_to_integer(&mut self, o: Op, double: bool) -> bool {
        let rounding = Rounding::from_u8((o.aux & 7) as u8);
        let vector = o.code == OpCode::FToIntV;
        let signed = o.aux & 8 != 0;
        let wide = if vector { double } else { o.aux & 16 != 0 };
        let away = rounding == Rounding::Away;
        if o.aux >> 8 != 0 || rounding == Rounding::Odd || away && !self.avx() {
            return false;
        }
        if !signed {
            self.clobber();
        }
        let direct = rounding == Rounding::Zero || rounding == Rounding::Current && signed;
        let y = if away { self.source(o.a) } else { self.using_vm(o.a) };
        let source = match y {
            XmmOrMem::Reg(x) if direct => x,
            XmmOrMem::Mem(_) if direct => self.using_v(o.a),
            _ => {
                if self.free_v() < if away { 2 } else { 1 } {
                    self.unlock();
                    return false;
                }
                let p = self.scratch_v();
                if let Some(imm) = round_imm(rounding, false) {
                    self.vzero(p);
                    self.fault();
                    self.v3i(op::round(true, double), p, p, y, imm);
                } else {
                    let q = self.scratch_v();
                    self.round_away(p, q, y, double, false);
                    self.release_v(q);
                }
                p
            }
        };
        if !signed {
            self.unsigned_range(source, double, wide);
        }
        let r = self.scratch();
        let truncate = rounding != Rounding::Current || !signed;
        let size = if wide || !signed { Size::Q } else { Size::D };
        self.fault();
        self.e.fp_to_int(truncate, double, size, r, source);
        if !direct {
            // Any rounding tells whether there was a fraction.
            self.fault();
            self.v3i(op::round(true, double), source, source, y, 3);
        }
        if vector {
            self.unlock();
            let d = self.define_v(o.dst);
            self.e.mov_to_xmm(if wide { Size::Q } else { Size::D }, d, r);
            self.set_v(o.dst, d);
        } else {
            self.set(o.dst, r);
        }
        true
    }
    /// Leaves to the evaluator unless the value, truncated, is in the range of the unsigned
    /// integer (except where the host's conversion to 64 bits would find out).
    fn unsigned_range(&mut self, x: Xmm, double: bool, wide: bool) {
        let bad = self.cold(ColdKind::Invalid);
        let minus_one = if double { 0xbff0 << 48 } else { 0xbf80_0000 };
        let m = self.e.constant(minus_one);
        self.fault();
        self.e.fp_compare_load(false, double, x, m);
        self.e.jcc(Cc::Be, bad);
        if !wide {
            let limit = if double { 0x41f0 << 48 } else { 0x4f80_0000 };
            let m = self.e.constant(limit);
            self.fault();
            self.e.fp_compare_load(false, double, x, m);
            self.e.jcc(Cc::Ae, bad);
        }
    }
    pub(crate) fn integer_to_fp(&mut self, o: Op, double: bool) -> bool {
        let vector = o.code == OpCode::IntVToF;
        let signed = o.aux & 8 != 0;
        let wide = if vector { double } else { o.aux & 16 != 0 };
        let fbits = u32::from(o.aux >> 8);
        let branch = wide && !signed;
        if branch {
            self.clobber();
        }
        let r = if vector {
            let x = self.using_v(o.a);
            let r = self.scratch();
            self.e.mov_from_xmm(if wide { Size::Q } else { Size::D }, r, x);
            self.release_v(x);
            r
        } else {
            self.using(o.a)
        };
        let d = self.define_v(o.dst);
        if self.block.fp.boxed && !double {
            // What is above the lowest lane stays.
            let m = self.e.constant(box_of(32));
            self.vmov(d, m);
        } else {
            self.vzero(d);
        }
        if branch {
            // Above 2^63: half of it, with the lost bit kept, doubled again.
            self.e.test(Size::Q, r, r);
            let large = self.e.jcc_short(Cc::S);
            self.e.int_to_fp(double, Size::Q, d, r);
            let end = self.e.jmp_short();
            self.e.bind_short(large);
            let (s, u) = (self.scratch(), self.scratch());
            self.e.mov(Size::Q, s, r);
            self.e.shift_imm(crate::Shift::Shr, Size::Q, s, 1);
            self.e.mov(Size::D, u, r);
            self.e.alu_imm(Alu::And, Size::D, u, 1);
            self.e.alu(Alu::Or, Size::Q, s, u);
            self.e.int_to_fp(double, Size::Q, d, s);
            self.v3(op::fp(op::ADD, true, double), d, d, d);
            self.e.bind_short(end);
        } else if wide || signed {
            self.e.int_to_fp(double, if wide { Size::Q } else { Size::D }, d, r);
        } else if vector {
            // mov_from_xmm has zeroed the upper half.
            self.e.int_to_fp(double, Size::Q, d, r);
        } else {
            let s = self.scratch();
            self.e.mov(Size::D, s, r);
            self.e.int_to_fp(double, Size::Q, d, s);
        }
        if fbits != 0 {
            // Exact: a power of two, far from the smallest number.
            let scale = if double {
                u128::from(1023 - u64::from(fbits)) << 52
            } else {
                u128::from(127 - u64::from(fbits)) << 23
            };
            let m = self.e.constant(scale);
            self.v3(op::fp(op::MUL, true, double), d, d, m);
        }
        self.unlock();
        self.set_v(o.dst, d);
        true
    }
    fn fp_compare(&mut self, o: Op, double: bool) -> bool {
        let swapped = matches!(
            self.next_cond(),
            Some(Cond::Mi | Cond::Pl | Cond::Lo | Cond::Hs | Cond::Hi | Cond::Ls)
        );
        let (first, second) = if swapped { (o.b, o.a) } else { (o.a, o.b) };
        let signalling = o.aux & 1 != 0;
        if o.ty == Ty::F16 {
            self.compare_halves(signalling, first, second);
        } else {
            let x = self.using_v(first);
            let y = self.using_vm(second);
            self.fp_compare_values(signalling, double, x, y);
        }
        self.flags_host(if swapped { Kind::FloatSwapped } else { Kind::Float }, None);
        true
    }
    fn fp_compare_values(&mut self, signalling: bool, double: bool, x: Xmm, y: XmmOrMem) {
        self.fault();
        match y {
            XmmOrMem::Reg(y) => self.e.fp_compare(signalling, double, x, y),
            XmmOrMem::Mem(m) => self.e.fp_compare_load(signalling, double, x, m),
        }
    }
    /// Whether the host can compare the halves of `o`, as singles.
    fn has_halves(&self, o: Op) -> bool {
        let temp = [o.a, o.b].iter().any(|r| r.as_temp().is_some());
        let features = self.host.features();
        features.f16c && self.avx() && !self.is_exact() && !temp && self.free_v() >= 2
    }
    /// Halves compare as the singles that they are. No flags are changed but by the comparison.
    fn compare_halves(&mut self, signalling: bool, first: Ref, second: Ref) {
        let (x, y) = (self.scratch_v(), self.scratch_v());
        for (to, r) in [(x, first), (y, second)] {
            self.masked(to, r, 0xffff);
            self.fault();
            self.v2(op::CVTPH2PS, to, to);
        }
        self.fp_compare_values(signalling, false, x, XmmOrMem::Reg(y));
    }
    /// FCCMP: the flags' home gets the result of the compare or the constant.
    fn fp_compare_if(&mut self, o: Op, double: bool) -> bool {
        let cond = Cond::from_u8((o.aux & 15) as u8);
        if matches!(cond, Cond::Al | Cond::Nv) {
            return false;
        }
        let test = self.test_for(cond);
        let values = (o.ty != Ty::F16).then(|| (self.using_v(o.a), self.using_vm(o.b)));
        let (r, s) = (self.scratch(), self.scratch());
        let otherwise = flag::from_nzcv(u32::from(o.aux >> 8 & 15) << 28);
        self.e.mov_imm(r, otherwise.into());
        let skip = self.e.new_label();
        self.jump_if(test.invert(), skip);
        let signalling = o.aux & 0x80 != 0;
        match values {
            Some((x, y)) => self.fp_compare_values(signalling, double, x, y),
            None => self.compare_halves(signalling, o.a, o.b),
        }
        self.e.mov_imm(r, flag::C.into());
        let cases = [(Cc::B, flag::N), (Cc::E, flag::Z | flag::C), (Cc::P, flag::C | flag::V)];
        for (cc, word) in cases {
            self.e.mov_imm(s, word.into());
            self.e.cmov(cc, Size::D, r, s);
        }
        self.e.bind(skip);
        self.e.store(Size::D, FLAGS, r);
        self.flags_home();
        true
    }
}

/// A scalar operation as the vector lowering sees it.
fn scalar_args(o: Op, code: VecOp) -> VArgs {
    let lane = if o.ty == Ty::F64 { 3 } else { 2 };
    let (a, b, c): (Ref, Ref, Ref) = (o.a, o.b, o.c);
    VArgs { code, lane, total: o.ty.bits(), merge: false, param: 0, dst: o.dst, a, b, c }
}
