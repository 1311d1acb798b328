//! Scalar floating point of guests whose NaN results are all the default one, and whose narrow values
//! may be boxed ([`ir::FpRules`]).
//!
//! What makes a NaN of numbers, or takes a signalling one, is invalid and traps, so that the evaluator does it.
//! What is left are quiet NaNs that go from an operand to the result: results are compared with themselves,
//! and cold code puts the default NaN in the place of one. That is left out where the next operation
//! that could trap or show the value computes another one with it, into the same register: what such
//! an operation gives does not depend on which NaN it gets.
//!
//! A narrow value is boxed in its register, too. Host instructions on the lowest lane keep what is above it in
//! their first operand, which is a box already. Operands are looked at once in a block, unless
//! they are known to be boxed; what is not is left to the evaluator.

use crate::Alu;
use crate::emit::sse::op;
use crate::emit::{Cc, Code, Imm, Label, Size, Xmm};
use crate::lower::Lower;
use crate::lower::cold::ColdKind;
use crate::lower::flags::Test;
use crate::lower::float::quiet::UNORDERED;
use crate::lower::values::{XmmOrMem, home};
use crate::lower::vector::float::round_imm;
use crate::lower::vector::{Temps, save_area, splat};
use ir::state::{FIRST_VEC, SCALAR_SLOTS, SLOT_FPSR};
use ir::{Cond, NanRule, Op, OpCode, Ref, Rounding, Ty, VecOp, vec_op};

/// Which values are known to be boxed, and in what width: 0 = not known.
#[derive(Debug, Default)]
pub(crate) struct Boxes {
    slots: [u8; (SCALAR_SLOTS.end - SCALAR_SLOTS.start) as usize],
    temps: Vec<u8>,
}

impl Boxes {
    /// Nothing is known at places that are branched to.
    pub(crate) fn forget(&mut self) {
        self.slots.fill(0);
    }
    fn place(&mut self, r: Ref) -> Option<&mut u8> {
        if let Some(t) = r.as_temp() {
            let t = usize::from(t);
            if self.temps.len() <= t {
                self.temps.resize(t + 1, 0);
            }
            return self.temps.get_mut(t);
        }
        self.slots.get_mut(usize::from(r.as_slot()?.checked_sub(FIRST_VEC)?))
    }
    fn width(&mut self, r: Ref) -> u8 {
        self.place(r).map_or(0, |width| *width)
    }
    fn set(&mut self, r: Ref, width: u8) {
        if let Some(place) = self.place(r) {
            *place = width;
        }
    }
    /// Follows `o`, which has been lowered.
    pub(crate) fn follow(&mut self, o: Op) {
        if o.code == OpCode::Label {
            return self.forget();
        }
        let narrow = |ty: Ty| if ty.bits() < 64 { ty.bits() as u8 } else { 0 };
        let width = match o.code {
            OpCode::FCvt => narrow(Ty::from_u8(o.aux as u8)),
            OpCode::MovV if o.ty.bits() >= 64 => self.width(o.a),
            OpCode::FBox => narrow(o.ty),
            code if code.is_float() => narrow(o.ty),
            _ => 0,
        };
        self.set(o.dst, width);
    }
}

/// The bits of a box around a value of `bits`.
pub(crate) const fn box_of(bits: u32) -> u128 {
    (u64::MAX << bits) as u128
}

/// The default NaN, boxed if it is narrow and `boxed`.
const fn default_nan(double: bool, negative: bool, boxed: bool) -> u128 {
    match (double, boxed) {
        (true, _) => (0x7ff8 << 48) | (negative as u128) << 63,
        (false, true) => 0x7fc0_0000 | (negative as u128) << 31 | box_of(32),
        (false, false) => 0x7fc0_0000 | (negative as u128) << 31,
    }
}

impl Lower<'_> {
    /// Whether the guest's NaN results are all the default NaN.
    pub(crate) fn is_canonical(&self) -> bool {
        self.block.fp.nan == NanRule::Canonical
    }
    /// Lowers a scalar operation. False: not done and nothing emitted, the evaluator is to do it.
    pub(crate) fn canonical(&mut self, o: Op) -> bool {
        let double = match o.ty {
            Ty::F64 => true,
            Ty::F32 => false,
            _ => return false,
        };
        let current = o.aux >> 8 == 0;
        let exact = self.is_exact();
        match o.code {
            OpCode::FCopySign => self.copy_sign(o),
            OpCode::FCmpSet if !self.block.fp_exact => self.compare_set(o, double),
            OpCode::IntToF => self.integer_to_canonical(o, double),
            _ if exact => false,
            OpCode::FAdd if current => self.canonical_binary(o, op::ADD, double),
            OpCode::FSub if current => self.canonical_binary(o, op::SUB, double),
            OpCode::FMul if current => self.canonical_binary(o, op::MUL, double),
            OpCode::FDiv if current => self.canonical_binary(o, op::DIV, double),
            OpCode::FSqrt if current => {
                self.canonical_unary(o, op::fp(op::SQRT, true, double), None);
                true
            }
            OpCode::FMulAdd if current => self.canonical_fused(o, double),
            OpCode::FMax | OpCode::FMaxNm => self.number_extreme(o, op::MAX, op::PAND, double),
            OpCode::FMin | OpCode::FMinNm => self.number_extreme(o, op::MIN, op::POR, double),
            OpCode::FRound => {
                let imm = round_imm(Rounding::from_u8((o.aux & 7) as u8), o.aux >> 8 != 0);
                if imm.is_some() {
                    self.canonical_unary(o, op::round(true, double), imm);
                }
                imm.is_some()
            }
            OpCode::FCvt => self.canonical_convert(o),
            OpCode::FToInt => {
                self.require_boxed(o, &[o.a]);
                self.fp_to_integer(o, double)
            }
            _ => false,
        }
    }
    /// Leaves to the evaluator if an operand is not boxed.
    fn require_boxed(&mut self, o: Op, operands: &[Ref]) {
        if !self.block.fp.boxed || o.ty.bits() >= 64 {
            return;
        }
        let bits = o.ty.bits() as u8;
        for &r in operands {
            if self.boxes.width(r) == bits {
                continue;
            }
            self.boxes.set(r, bits);
            let wanted = box_of(o.ty.bits());
            if let Some(c) = self.block.constant(r) {
                if c & wanted != wanted {
                    self.interpret_from_here();
                }
                continue;
            }
            self.clobber();
            let cold = self.cold(ColdKind::Interpret);
            match self.using_vm(r) {
                XmmOrMem::Reg(x) => {
                    let m = self.e.constant(wanted);
                    // "Above or equal" is: all bits of the box are set.
                    self.v2(op::PTEST, x, m);
                    self.e.jcc(Cc::Ae, cold);
                }
                XmmOrMem::Mem(m) => {
                    self.e.alu_mem_imm(Alu::Cmp, Size::D, m.plus(4), -1);
                    self.e.jcc(Cc::Ne, cold);
                }
            }
            self.unlock();
        }
    }
    /// Always leaves to the evaluator; what follows is not reached.
    fn interpret_from_here(&mut self) {
        let cold = self.cold(ColdKind::Interpret);
        self.e.jmp(cold);
    }
    /// If `x`, a result, is a NaN, makes it the default one.
    fn make_canonical(&mut self, o: Op, x: Xmm, ty: Ty) {
        if self.is_computed_with(o, ty) {
            return;
        }
        let double = ty == Ty::F64;
        let back = self.e.new_label();
        let cold = self.cold(ColdKind::Canonical { x, double, back });
        self.e.fp_compare(false, double, x, x);
        self.e.jcc(Cc::P, cold);
        self.e.bind(back);
    }
    /// Whether the next operation that may trap or show the result of `o`, of type `ty`, computes another
    /// value with it, in the same register.
    fn is_computed_with(&self, o: Op, ty: Ty) -> bool {
        if o.dst.as_slot().is_none() {
            return false;
        }
        let is_next = |n: &&Op| {
            n.code.may_fault()
                || n.code.ends_block()
                || n.code.branches()
                || n.code == OpCode::Label
                || [n.a, n.b, n.c, n.dst].contains(&o.dst)
        };
        let next = self.block.ops[self.at + 1..].iter().find(is_next);
        next.is_some_and(|n| {
            n.dst == o.dst
                && n.ty == ty
                && [n.a, n.b, n.c].contains(&o.dst)
                && matches!(
                    n.code,
                    OpCode::FAdd
                        | OpCode::FSub
                        | OpCode::FMul
                        | OpCode::FDiv
                        | OpCode::FSqrt
                        | OpCode::FMulAdd
                        | OpCode::FCvt
                )
        })
    }
    /// Cold code of [`Lower::make_canonical`].
    pub(crate) fn load_default_nan(&mut self, x: Xmm, double: bool, back: Label) {
        let rules = self.block.fp;
        let m = self.e.constant(default_nan(double, rules.default_nan_negative, rules.boxed));
        self.vmov(x, m);
        self.e.jmp(back);
    }
    fn canonical_binary(&mut self, o: Op, code: u8, double: bool) -> bool {
        if !self.avx() && self.scratch_needed(&[o.a, o.b], 128) > 1 {
            return false;
        }
        self.require_boxed(o, &[o.a, o.b]);
        self.clobber();
        let x = self.using_v(o.a);
        let y = self.using_vm(o.b);
        let d = self.fp_out(o.dst, o.a, x, y);
        self.fp3(op::fp(code, true, double), d, x, y);
        self.make_canonical(o, d, o.ty);
        self.finish_v(Temps::default(), o.dst, d);
        true
    }
    /// An operation of one operand, whose upper part is that of the result.
    fn canonical_unary(&mut self, o: Op, code: Code, imm: Option<u8>) {
        self.require_boxed(o, &[o.a]);
        self.clobber();
        let x = self.using_v(o.a);
        let (d, upper) = self.trapping_result(o, x);
        self.fault();
        match imm {
            Some(imm) => self.v3i(code, d, upper, x, imm),
            None => self.v3(code, d, upper, x),
        }
        self.make_canonical(o, d, o.ty);
        self.finish_v(Temps::default(), o.dst, d);
    }
    /// A register for the result of an operation on `x` alone that may trap, and one that has the upper part of
    /// `x`: without AVX that is the same, so it must not be the destination.
    fn trapping_result(&mut self, o: Op, x: Xmm) -> (Xmm, Xmm) {
        if self.avx() {
            return (self.fp_out(o.dst, o.a, x, x), x);
        }
        let d = if self.pinned(o.dst) {
            self.fp_temp(&[x.into()])
        } else {
            self.fp_out(o.dst, o.a, x, x)
        };
        self.vmov(d, x);
        (d, d)
    }
    fn canonical_fused(&mut self, o: Op, double: bool) -> bool {
        if !self.host.features().fma || !self.avx() {
            return false;
        }
        let temp = [o.a, o.b, o.c].iter().any(|r| r.as_slot().is_none());
        if temp {
            return false;
        }
        self.require_boxed(o, &[o.a, o.b, o.c]);
        self.clobber();
        // Cold code looks at the addend, so the sum is elsewhere.
        let t = self.scratch_v();
        let c = self.source(o.c);
        self.vmov(t, c);
        let (a, b) = if self.pinned(o.a) { (o.a, o.b) } else { (o.b, o.a) };
        let x = if self.pinned(a) {
            self.using_v(a)
        } else {
            let x = self.scratch_v();
            self.vmov(x, home(a.as_slot().unwrap_or_default()));
            x
        };
        let y = if b == a { x.into() } else { self.source(b) };
        let code = op::fma231(o.aux & 1 != 0, o.aux & 2 != 0, true, double);
        self.fault();
        match y {
            XmmOrMem::Reg(y) => self.e.avx_rr(code, t, x, y, Imm::None),
            XmmOrMem::Mem(m) => self.e.avx_rm(code, t, x, m, Imm::None),
        }
        let back = self.e.new_label();
        let at = self.at as u32;
        let cold = self.cold(ColdKind::CanonicalSum { at, sum: t, back });
        self.e.fp_compare(false, double, t, t);
        self.e.jcc(Cc::P, cold);
        self.e.bind(back);
        self.finish_v(Temps::default(), o.dst, t);
        true
    }
    /// Cold code for a sum that is a NaN. The host does not find zero times infinity invalid if a quiet NaN is added.
    pub(crate) fn canonical_sum(&mut self, at: u32, sum: Xmm, back: Label) {
        let o = self.block.ops[at as usize];
        let double = o.ty == Ty::F64;
        let numbers = self.e.new_label();
        let c = self.source(o.c);
        self.vmov(sum, c);
        self.e.fp_compare(false, double, sum, sum);
        self.e.jcc(Cc::Np, numbers);
        self.interpret();
        self.e.bind(numbers);
        self.load_default_nan(sum, double, back);
    }
    /// Maximum or minimum, as [`Lower::fp_extreme`]: a NaN traps.
    fn number_extreme(&mut self, o: Op, code: u8, join: Code, double: bool) -> bool {
        let temp = [o.a, o.b].iter().any(|r| r.as_slot().is_none());
        if !self.avx() || temp {
            return false;
        }
        self.require_boxed(o, &[o.a, o.b]);
        let code = op::fp(code, true, double);
        let (x, y) = (self.source(o.a), self.source(o.b));
        let (p, q) = (self.scratch_v(), self.scratch_v());
        self.vmov(p, x);
        self.vmov(q, y);
        self.fp3(code, p, p, y);
        self.fp3(code, q, q, x);
        self.v3(join, p, p, q);
        self.finish_v(Temps::default(), o.dst, p);
        true
    }
    fn canonical_convert(&mut self, o: Op) -> bool {
        let current = Rounding::from_u8((o.aux >> 8) as u8) == Rounding::Current;
        match (o.ty, Ty::from_u8(o.aux as u8)) {
            (Ty::F32, Ty::F64) => {
                self.canonical_unary_to(o, op::CVTSS2SD, Ty::F64);
                true
            }
            (Ty::F64, Ty::F32) if current => {
                self.canonical_unary_to(o, op::CVTSD2SS, Ty::F32);
                true
            }
            _ => false,
        }
    }
    fn canonical_unary_to(&mut self, o: Op, code: Code, ty: Ty) {
        self.require_boxed(o, &[o.a]);
        self.clobber();
        let x = self.using_v(o.a);
        let (d, upper) = self.trapping_result(o, x);
        self.fault();
        self.v3(code, d, upper, x);
        if ty == Ty::F32 && self.block.fp.boxed {
            let m = self.e.constant(box_of(32));
            self.v3(op::POR, d, d, m);
        }
        self.make_canonical(o, d, ty);
        self.finish_v(Temps::default(), o.dst, d);
    }
    fn integer_to_canonical(&mut self, o: Op, double: bool) -> bool {
        let exact = double && o.aux & 16 == 0;
        (exact || o.aux & 7 == 0 && !self.block.fp_exact) && self.integer_to_fp(o, double)
    }
    /// Lowers a vector operation. Multiplications with addition and extremes trap if a result or an operand is a
    /// NaN, in other operations lanes of the result are looked at.
    pub(crate) fn canonical_lanes(&mut self, o: Op) -> bool {
        let lane = vec_op::lane(o.imm);
        let lane = match VecOp::from_u16(o.aux) {
            VecOp::FMla
            | VecOp::FMls
            | VecOp::FMax
            | VecOp::FMin
            | VecOp::FMaxNm
            | VecOp::FMinNm
            | VecOp::FCmEq
            | VecOp::FCmGe
            | VecOp::FCmGt
            | VecOp::FToInt
            | VecOp::IntToF
            | VecOp::FAbs
            | VecOp::FNeg => return self.lower_vec(o),
            VecOp::FAdd
            | VecOp::FSub
            | VecOp::FMul
            | VecOp::FDiv
            | VecOp::FSqrt
            | VecOp::FRound
            | VecOp::FCvtN => lane,
            VecOp::FCvtL => lane + 1,
            _ => return false,
        };
        if lane < 2 {
            return false;
        }
        self.clobber();
        if !self.lower_vec(o) {
            return false;
        }
        let double = lane == 3;
        let x = self.using_v(o.dst);
        let nans = self.scratch_v();
        self.v3i(op::fp(op::CMP, false, double), nans, x, x, UNORDERED);
        self.v2(op::PTEST, nans, nans);
        let back = self.e.new_label();
        let cold = self.cold(ColdKind::CanonicalLanes { x, nans, dst: o.dst, double, back });
        self.e.jcc(Cc::Ne, cold);
        self.e.bind(back);
        true
    }
    /// Cold code of [`Lower::canonical_lanes`].
    pub(crate) fn load_default_nans(
        &mut self,
        x: Xmm,
        nans: Xmm,
        dst: Ref,
        double: bool,
        back: Label,
    ) {
        let nan = default_nan(double, self.block.fp.default_nan_negative, false);
        let bits = if double { 64 } else { 32 };
        let all = self.e.constant(splat(nan as u64, bits, 128));
        self.e.movaps_store(save_area(3), nans);
        self.v3(op::PANDN, nans, nans, x);
        self.e.movaps_load(x, save_area(3));
        self.v3(op::PAND, x, x, all);
        self.v3(op::POR, x, x, nans);
        if let Some(slot) = dst.as_slot()
            && !self.pinned(dst)
        {
            self.e.movaps_store(home(slot), x);
        }
        self.e.jmp(back);
    }
    /// `FCopySign`.
    fn copy_sign(&mut self, o: Op) -> bool {
        let bits = o.ty.bits();
        let same = o.a == o.b;
        self.require_boxed(o, &[o.a, o.b]);
        let sign = self.e.constant(1 << (bits - 1));
        let others = self.e.constant(u128::MAX ^ 1 << (bits - 1));
        if same {
            let x = self.using_v(o.a);
            let d = self.define_over_v(o.dst, o.a, x);
            match o.aux & 3 {
                0 => self.vmov(d, x),
                1 => self.v3(op::PXOR, d, x, sign),
                _ => self.v3(op::PAND, d, x, others),
            }
            self.finish_v(Temps::default(), o.dst, d);
            return true;
        }
        let t = self.using_scratch_v(o.b);
        match o.aux & 3 {
            1 => self.v3(op::PANDN, t, t, sign),
            _ => self.v3(op::PAND, t, t, sign),
        }
        let x = self.source(o.a);
        if o.aux & 3 == 2 {
            self.v3(op::PXOR, t, t, x);
        } else {
            let d = self.scratch_v();
            self.vmov(d, x);
            self.v3(op::PAND, d, d, others);
            self.v3(op::POR, t, t, d);
        }
        self.finish_v(Temps::default(), o.dst, t);
        true
    }
    /// `FBox`.
    pub(crate) fn box_value(&mut self, o: Op) {
        let clean = self.width(o.a) <= 64;
        let m = self.e.constant(box_of(o.ty.bits()));
        let x = self.using_v(o.a);
        let d = self.define_over_v(o.dst, o.a, x);
        self.v3(op::POR, d, x, m);
        if !clean {
            self.zero_above(d, d, 64);
        }
        self.finish_v(Temps::default(), o.dst, d);
    }
    /// `FCmpSet`. At instructions that have trapped often, quiet NaNs are found by the quiet comparison.
    fn compare_set(&mut self, o: Op, double: bool) -> bool {
        self.require_boxed(o, &[o.a, o.b]);
        self.clobber();
        let (swapped, test) = match Cond::from_u8((o.aux & 15) as u8) {
            Cond::Eq => (false, Test::And(Cc::E, Cc::Np)),
            Cond::Ne => (false, Test::Or(Cc::Ne, Cc::P)),
            Cond::Mi | Cond::Lo => (true, Test::One(Cc::A)),
            Cond::Pl | Cond::Hs => (true, Test::One(Cc::Be)),
            Cond::Ls => (true, Test::One(Cc::Ae)),
            Cond::Hi => (true, Test::One(Cc::B)),
            Cond::Gt => (false, Test::One(Cc::A)),
            Cond::Le => (false, Test::One(Cc::Be)),
            Cond::Ge => (false, Test::One(Cc::Ae)),
            Cond::Lt => (false, Test::One(Cc::B)),
            Cond::Vs => (false, Test::One(Cc::P)),
            Cond::Vc => (false, Test::One(Cc::Np)),
            Cond::Al | Cond::Nv | Cond::Pe | Cond::Po => return false,
        };
        let often = self.is_exact();
        let signalling = o.aux & 0x80 != 0;
        let (first, second) = if swapped { (o.b, o.a) } else { (o.a, o.b) };
        let x = self.using_v(first);
        let y = self.using_vm(second);
        self.fault();
        match y {
            XmmOrMem::Reg(y) => self.e.fp_compare(signalling && !often, double, x, y),
            XmmOrMem::Mem(m) => self.e.fp_compare_load(signalling && !often, double, x, m),
        }
        if signalling && often {
            let back = self.e.new_label();
            let cold = self.cold(ColdKind::Unordered { back });
            self.e.jcc(Cc::P, cold);
            self.e.bind(back);
        }
        self.host_flags.busy = true;
        self.unlock();
        self.set_truth(o.dst, test);
        true
    }
    /// Cold code of a signalling comparison with a quiet NaN: raises invalid, and sets the flags as it did.
    pub(crate) fn unordered(&mut self, back: Label) {
        self.e.alu_mem_imm(Alu::Or, Size::D, home(SLOT_FPSR), 1);
        let nan = self.e.constant(default_nan(true, false, false));
        self.e.movaps_store(save_area(3), Xmm(15));
        self.vmov(Xmm(15), nan);
        self.e.fp_compare(false, true, Xmm(15), Xmm(15));
        self.e.movaps_load(Xmm(15), save_area(3));
        self.e.jmp(back);
    }
}
