//! Operations that are one instruction of the host: what MMX, SSE, AVX and FMA have, and floating point of guests
//! whose rules are the host's. Exceptions are raised as the guest asks for; where one traps, the
//! evaluator does the instruction and finds it again.

use crate::emit::sse::op;
use crate::emit::{Code, Gpr, Imm, Size, Xmm};
use crate::lower::Lower;
use crate::lower::flags::Kind;
use crate::lower::values::XmmOrMem;
use crate::lower::vector::float::round_imm;
use crate::lower::vector::{Temps, VArgs};
use crate::{Features, words};
use ir::vec_op::text;
use ir::{Op, OpCode, Rounding, Ty, VecOp};

/// Which operands an instruction has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// Result and a.
    Two,
    /// Result, a and b.
    Three,
    /// The same, with a legacy encoding only.
    Legacy,
    /// All four, the last in an immediate. VEX only.
    Four,
    /// The result is also a; b and c. VEX only.
    Fused,
    /// Result and a, the result being the ModRM operand. VEX only.
    Reversed,
}

/// An instruction of the host.
#[derive(Clone, Copy, Debug)]
struct Direct {
    code: Code,
    form: Form,
    imm: Option<u8>,
}

const fn instruction(form: Form, code: Code) -> Option<Direct> {
    Some(Direct { code, form, imm: None })
}
const fn with(form: Form, code: Code, imm: u8) -> Option<Direct> {
    Some(Direct { code, form, imm: Some(imm) })
}
const fn p66(map: u8, op: u8) -> Code {
    Code::new(0x66, map, op, false)
}

/// The instruction for an operation on integers.
fn integer(v: &VArgs, features: Features) -> Option<Direct> {
    use Form::{Four, Legacy, Three, Two};
    let imm = v.param as u8;
    let avx = features.avx2;
    match (v.code, v.lane) {
        (VecOp::MulHS, 1) => instruction(Three, op::PMULHW),
        (VecOp::MulHU, 1) => instruction(Three, p66(1, 0xe4)),
        (VecOp::MulHRS, 1) => instruction(Three, op::PMULHRSW),
        (VecOp::MulAddS, 1) => instruction(Three, op::PMADDWD),
        (VecOp::MulAddUS, 0) => instruction(Three, op::PMADDUBSW),
        (VecOp::MulEvenU, 2) => instruction(Three, op::PMULUDQ),
        (VecOp::MulEvenS, 2) => instruction(Three, op::PMULDQ),
        (VecOp::Sad, _) => instruction(Three, p66(1, 0xf6)),
        (VecOp::SadBlocks, _) => with(Three, p66(3, 0x42), imm),
        (VecOp::Sign, lane @ 0..=2) => instruction(Three, p66(2, 0x08 + lane)),
        (VecOp::SubP, lane @ 1..=2) => instruction(Three, p66(2, 0x04 + lane)),
        (VecOp::QAddP, 1) => instruction(Three, p66(2, 0x03)),
        (VecOp::QSubP, 1) => instruction(Three, p66(2, 0x07)),
        (VecOp::MinPos, 1) => instruction(Two, p66(2, 0x41)),
        (VecOp::Shuffle, _) => instruction(Three, op::PSHUFB),
        (VecOp::Pick, 2) => with(Two, op::PSHUFD, imm),
        (VecOp::Pick, 1) => {
            let prefix = if v.param >> 8 == 0 { 0xf2 } else { 0xf3 };
            with(Two, Code::new(prefix, 1, 0x70, false), imm)
        }
        (VecOp::PickPair, 2) => with(Three, op::SHUFPS, imm),
        (VecOp::PickPair, 3) => with(Three, op::SHUFPD, imm),
        (VecOp::PickBy, lane @ 2..=3) if avx => instruction(Three, p66(2, 0x0a + lane)),
        (VecOp::Blend, 1) => with(Three, op::PBLENDW, imm),
        (VecOp::Blend, lane @ 2..=3) => with(Three, p66(3, 0x0a + lane), imm),
        (VecOp::BlendBy, 0) if avx => instruction(Four, p66(3, 0x4c)),
        (VecOp::BlendBy, lane @ 2..=3) if avx => instruction(Four, p66(3, 0x48 + lane)),
        (VecOp::PackS, lane @ 0..=1) => instruction(Three, op::PACKSS[usize::from(lane)]),
        (VecOp::PackU, lane @ 0..=1) => instruction(Three, op::PACKUS[usize::from(lane)]),
        (VecOp::ShlV, lane @ 2..=3) if avx => instruction(Three, op::PSLLV[usize::from(lane - 2)]),
        (VecOp::ShrUV, lane @ 2..=3) if avx => instruction(Three, op::PSRLV[usize::from(lane - 2)]),
        (VecOp::ShrSV, 2) if avx => instruction(Three, op::PSRAVD),
        (VecOp::PMulHalves, _) if features.pclmul => with(Three, op::PCLMULQDQ, imm),
        (VecOp::AesRound, _) if features.aes => {
            let codes = [op::AESENC, op::AESENCLAST, op::AESDEC, op::AESDECLAST];
            instruction(Three, codes[v.param as usize & 3])
        }
        (VecOp::AesKeyGen, _) if features.aes => with(Two, p66(3, 0xdf), imm),
        (VecOp::Sha1NextE, _) if features.sha => instruction(Legacy, Code::new(0, 2, 0xc8, false)),
        (VecOp::Sha1Msg1, _) if features.sha => instruction(Legacy, Code::new(0, 2, 0xc9, false)),
        (VecOp::Sha1Msg2, _) if features.sha => instruction(Legacy, Code::new(0, 2, 0xca, false)),
        (VecOp::Sha1Rounds, _) if features.sha => with(Legacy, op::SHA1RNDS4, imm),
        (VecOp::Sha256Msg1, _) if features.sha => instruction(Legacy, op::SHA256MSG1),
        (VecOp::Sha256Msg2, _) if features.sha => instruction(Legacy, op::SHA256MSG2),
        _ => None,
    }
}

/// The instruction for floating point by the host's rules.
fn float(v: &VArgs, features: Features) -> Option<Direct> {
    use Form::{Fused, Reversed, Three, Two};
    let double = v.lane == 3;
    if !matches!(v.lane, 2 | 3) && !matches!(v.code, VecOp::FCvtL | VecOp::FCvtN) {
        return None;
    }
    let imm = v.param as u8;
    let code = |code| op::fp(code, v.merge, double);
    let one = if v.merge { Three } else { Two };
    // Pairs and their like have a prefix of their own for singles.
    let packed = |op| Code::new(if double { 0x66 } else { 0xf2 }, 1, op, false);
    let rounding = Rounding::from_u8((v.param & 7) as u8);
    let truncates = rounding == Rounding::Zero;
    if v.code != VecOp::FRound && v.code != VecOp::FMulAdd && v.code != VecOp::FCmp {
        let chosen = !matches!(rounding, Rounding::Current | Rounding::Zero);
        if chosen && matches!(v.code, VecOp::FToInt | VecOp::FToIntN) {
            return None;
        }
    }
    match v.code {
        VecOp::FAdd => instruction(Three, code(op::ADD)),
        VecOp::FSub => instruction(Three, code(op::SUB)),
        VecOp::FMul => instruction(Three, code(op::MUL)),
        VecOp::FDiv => instruction(Three, code(op::DIV)),
        VecOp::FMax => instruction(Three, code(op::MAX)),
        VecOp::FMin => instruction(Three, code(op::MIN)),
        VecOp::FSqrt => instruction(one, code(op::SQRT)),
        VecOp::FCmp if imm < 8 || features.avx2 => with(Three, code(op::CMP), imm),
        VecOp::FRound => {
            let imm = round_imm(rounding, v.param & 8 != 0)?;
            with(one, op::round(v.merge, double), imm)
        }
        VecOp::FAddP => instruction(Three, packed(0x7c)),
        VecOp::FSubP => instruction(Three, packed(0x7d)),
        VecOp::FAddSub => instruction(Three, packed(0xd0)),
        VecOp::FDot => with(Three, p66(3, 0x40 + u8::from(double)), imm),
        VecOp::FMulAdd if features.fma => {
            let base = match (v.param & 16 != 0, v.param & 8 != 0, v.param & 4 != 0) {
                (true, true, _) => 0x96,
                (true, false, _) => 0x97,
                (false, subtract, negate) => {
                    0x98 + 2 * u8::from(subtract) + 4 * u8::from(negate) + u8::from(v.merge)
                }
            };
            let op = base + 0x10 * (v.param & 3) as u8;
            instruction(Fused, Code::new(0x66, 2, op, double))
        }
        VecOp::FToInt if !double && truncates => instruction(Two, op::CVTTPS2DQ),
        VecOp::FToInt if !double => instruction(Two, op::CVTPS2DQ),
        VecOp::FToIntN if truncates => instruction(Two, p66(1, 0xe6)),
        VecOp::FToIntN => instruction(Two, Code::new(0xf2, 1, 0xe6, false)),
        VecOp::IntToF if !double && v.param == 8 => instruction(Two, op::CVTDQ2PS),
        VecOp::IntToFL if v.param == 0 => instruction(Two, Code::new(0xf3, 1, 0xe6, false)),
        VecOp::FCvtL if v.lane == 2 && v.merge => instruction(Three, op::CVTSS2SD),
        VecOp::FCvtL if v.lane == 2 && v.param == 0 => instruction(Two, op::CVTPS2PD),
        VecOp::FCvtL if v.lane == 1 && v.param == 0 && features.f16c => {
            instruction(Two, op::CVTPH2PS)
        }
        VecOp::FCvtN if v.lane == 2 && v.merge => instruction(Three, op::CVTSD2SS),
        VecOp::FCvtN if v.lane == 2 && v.param == 0 => instruction(Two, op::CVTPD2PS),
        VecOp::FCvtN if v.lane == 1 && v.param & !0x70 == 0 && features.f16c => {
            let imm = round_imm(Rounding::from_chosen((v.param >> 4) as u16), true)?;
            with(Reversed, op::CVTPS2PH, imm)
        }
        _ => None,
    }
}

impl Lower<'_> {
    /// Whether the guest's rules of floating point are the host's.
    pub(crate) fn has_own_rules(&self) -> bool {
        self.block.fp == words::RULES
    }
    /// Lowers an operation on integers that the host has. False: not done and nothing emitted.
    pub(crate) fn vec_direct(&mut self, v: &VArgs) -> bool {
        if v.total != 128 {
            return false;
        }
        match integer(v, self.host.features()) {
            Some(direct) => {
                self.direct(v, direct, false);
                true
            }
            None => v.code == VecOp::Sha256Rounds && self.sha256_two_rounds(v),
        }
    }
    /// The same for floating point.
    pub(crate) fn own_lanes(&mut self, o: Op) -> bool {
        let v = VArgs::of(o);
        if v.code == VecOp::FInsInt {
            self.insert_number(&v);
            return true;
        }
        let vex = |form| matches!(form, Form::Fused | Form::Reversed);
        let whole = v.total == 128 || v.merge;
        match float(&v, self.host.features()) {
            Some(direct) if whole && (self.avx() || !vex(direct.form)) => {
                self.direct(&v, direct, true);
                true
            }
            _ => false,
        }
    }
    /// What is not lowered is for a helper, or, if it may trap, for the evaluator.
    pub(crate) fn own_helper(&mut self, o: Op) {
        if self.block.fp_exact {
            self.out_of_registers();
        }
        self.helper(o);
    }

    fn direct(&mut self, v: &VArgs, Direct { code, form, imm }: Direct, faults: bool) {
        let imm = imm.map_or(Imm::None, |imm| Imm::I8(imm as i8));
        match form {
            Form::Two | Form::Reversed => {
                let y = self.using_vm(v.a);
                let y = match y {
                    XmmOrMem::Mem(_) if form == Form::Reversed => self.using_v(v.a).into(),
                    y => y,
                };
                let d = if self.pinned(v.dst) || self.free_v() > 0 {
                    self.define_v(v.dst)
                } else {
                    self.fp_temp(&[y])
                };
                if faults {
                    self.fault();
                }
                match y {
                    XmmOrMem::Reg(x) if form == Form::Reversed => {
                        self.e.avx_rr(code, x, Xmm(0), d, imm);
                    }
                    y => self.v2_imm(code, d, y, imm),
                }
                self.finish_v(Temps::default(), v.dst, d);
            }
            Form::Three | Form::Legacy => {
                let x = self.using_v(v.a);
                let y = self.using_vm(v.b);
                let d = self.fp_out(v.dst, v.a, x, y);
                let vex = self.avx() && form == Form::Three;
                self.three_operands(code, vex, [d, x], y, imm, faults);
                self.finish_v(Temps::default(), v.dst, d);
            }
            Form::Four => {
                let (x, c) = (self.using_v(v.a), self.using_v(v.c));
                let y = self.using_vm(v.b);
                let d = if self.pinned(v.dst) || self.free_v() > 0 {
                    self.define_over_v(v.dst, v.a, x)
                } else {
                    self.fp_temp(&[x.into(), c.into()])
                };
                self.v3_imm(code, d, x, y, Imm::I8((c.0 << 4) as i8));
                self.finish_v(Temps::default(), v.dst, d);
            }
            Form::Fused => {
                let z = self.using_vm(v.c);
                let y = self.using_v(v.b);
                if self.pinned(v.dst) && v.a == v.dst {
                    let d = self.define_v(v.dst);
                    self.fault();
                    self.v3_imm(code, d, y, z, imm);
                    return self.finish_v(Temps::default(), v.dst, d);
                }
                let d = self.fp_temp(&[]);
                let x = self.source(v.a);
                self.vmov(d, x);
                self.fault();
                self.v3_imm(code, d, y, z, imm);
                self.finish_v(Temps::default(), v.dst, d);
            }
        }
    }
    /// `d = x op y`; `d` is written by the instruction that may fault only.
    fn three_operands(
        &mut self,
        code: Code,
        vex: bool,
        [d, x]: [Xmm; 2],
        y: XmmOrMem,
        imm: Imm,
        faults: bool,
    ) {
        let apart = d != x && (XmmOrMem::Reg(d) == y || faults && !Self::is_scratch_v(d));
        let to = if !vex && apart { self.fp_temp(&[]) } else { d };
        if !vex && to != x {
            self.e.movaps(to, x);
        }
        if faults {
            self.fault();
        }
        match (vex, y) {
            (true, y) => self.v3_imm(code, d, x, y, imm),
            (false, XmmOrMem::Reg(y)) => self.e.sse_rr(code, to, y, imm),
            (false, XmmOrMem::Mem(m)) => self.e.sse_rm(code, to, m, imm),
        }
        if to != d {
            self.e.movaps(d, to);
            self.release_v(to);
        }
    }
    /// `FInsInt`.
    fn insert_number(&mut self, v: &VArgs) {
        let x = self.using_v(v.a);
        let r = self.using(v.b);
        let d = self.fp_out(v.dst, v.a, x, x);
        let to = if d != x && !Self::is_scratch_v(d) { self.fp_temp(&[]) } else { d };
        self.vmov(to, x);
        let size = if v.param & 1 != 0 { Size::Q } else { Size::D };
        self.fault();
        self.e.int_to_fp(v.lane == 3, size, to, r);
        self.vmov(d, to);
        self.finish_v(Temps::default(), v.dst, d);
    }
    /// Two rounds of SHA-256, whose words the host has in xmm0.
    fn sha256_two_rounds(&mut self, v: &VArgs) -> bool {
        let words = self.using_v(v.c);
        if !self.host.features().sha || words != Xmm(0) {
            self.unlock();
            return false;
        }
        let x = self.using_v(v.a);
        let y = self.using_vm(v.b);
        let d = self.fp_out(v.dst, v.a, x, y);
        let to = if d == Xmm(0) { self.fp_temp(&[]) } else { d };
        self.three_operands(op::SHA256RNDS2, false, [to, x], y, Imm::None, false);
        self.vmov(d, to);
        self.finish_v(Temps::default(), v.dst, d);
        true
    }

    /// Scalar floating point by the host's rules. False: not done and nothing emitted.
    pub(crate) fn own_scalar(&mut self, o: Op) -> bool {
        let double = match o.ty {
            Ty::F32 => false,
            Ty::F64 => true,
            _ => return false,
        };
        match o.code {
            OpCode::FCmpSix => {
                let x = self.using_v(o.a);
                let y = self.using_vm(o.b);
                self.fault();
                match y {
                    XmmOrMem::Reg(y) => self.e.fp_compare(o.aux & 1 != 0, double, x, y),
                    XmmOrMem::Mem(m) => self.e.fp_compare_load(o.aux & 1 != 0, double, x, m),
                }
                self.flags_host(Kind::Sub, None);
                true
            }
            OpCode::FToInt if o.aux & 8 != 0 && o.aux >> 8 == 0 => {
                let rounding = Rounding::from_u8((o.aux & 7) as u8);
                if !matches!(rounding, Rounding::Current | Rounding::Zero) {
                    return false;
                }
                let x = self.using_v(o.a);
                let r = self.define(o.dst);
                let size = if o.aux & 16 != 0 { Size::Q } else { Size::D };
                self.fault();
                self.e.fp_to_int(rounding == Rounding::Zero, double, size, r, x);
                self.set(o.dst, r);
                true
            }
            _ => false,
        }
    }
    /// `VecTestSix`.
    pub(crate) fn vec_test_six(&mut self, o: Op) {
        let x = self.using_v(o.a);
        let y = self.using_vm(o.b);
        self.flags.host = None;
        self.v2(op::PTEST, x, y);
        self.flags_host(Kind::Sub, None);
    }
    /// `VecTextIndex`.
    pub(crate) fn vec_text_index(&mut self, o: Op) {
        let explicit = i32::from(o.aux) & text::EXPLICIT != 0;
        self.flags.host = None;
        self.take(Gpr::RCX);
        if explicit {
            self.take(Gpr::RAX);
            self.take(Gpr::RDX);
            let lengths = self.using_v(o.c);
            self.e.mov_from_xmm(Size::Q, Gpr::RAX, lengths);
            self.e.pextr(Size::Q, Gpr::RDX, lengths, 1);
            self.release_v(lengths);
        }
        let x = self.using_v(o.a);
        let y = self.using_vm(o.b);
        self.v2i(if explicit { op::PCMPESTRI } else { op::PCMPISTRI }, x, y, o.aux as u8);
        self.set(o.dst, Gpr::RCX);
        self.flags_host(Kind::Sub, None);
    }
}
