//! Operations on vectors that are one operation of the IR on each half.

use crate::decode::{Insn, Operand, Prefixes};
use crate::translator::Translator;
use crate::vector::{Halves, low};
use guest::Flow;
use ir::vec_op::MERGE;
use ir::{Ref, Rounding, Ty, VecOp, vec_op};

/// What of an instruction the operation needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// The operands that are read.
    Lanes,
    /// The same two, the second first.
    Swapped,
    /// One operand, twice.
    Twice,
    /// The operands, and these bits of the immediate.
    Imm(i32),
    /// The operands, and so many bits of the immediate for each half.
    Share(u32),
    /// One operand twice, and so many bits of the immediate for each half.
    TwiceShare(u32),
    /// The operands, and the immediate as a predicate of comparisons.
    Predicate,
    /// The operands, and the immediate as a rounding.
    Round,
    /// The second operand is a count, for all lanes.
    Count,
    /// The operand's lower part becomes the lower half, and so on: this many bytes make 16.
    Widen(u8),
    /// Each half becomes half as large.
    Narrow,
    /// The lower half is the upper one too.
    Same,
    /// Integers of MMX become singles of the lower half, whose upper half is kept.
    FromMmx,
}

/// What an instruction does.
#[derive(Clone, Copy, Debug)]
struct Parts {
    code: VecOp,
    lane: u8,
    param: i32,
    shape: Shape,
}

macro_rules! operations {
    ($($name:ident = $code:ident $lane:literal $(+ $param:expr)?, $shape:expr;)*) => {
        /// An instruction, by its first name in the manual.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Op { $($name,)* }
        impl Op {
            const fn parts(self) -> Parts {
                match self {
                    $(Self::$name => {
                        Parts { code: VecOp::$code, lane: $lane, param: 0 $(+ $param)?, shape: $shape }
                    })*
                }
            }
        }
    };
}

/// Bits of `FMulAdd`'s parameter.
const NEGATED: i32 = 4;
const SUBTRACTED: i32 = 8;
const ALTERNATELY: i32 = 16;
/// Conversions of signed integers, and by the current rounding or truncating.
const SIGNED: i32 = 8;
const CURRENT: i32 = Rounding::Current as i32;
const TRUNCATED: i32 = Rounding::Zero as i32;
/// Of `InsLane`: from the upper 64 bits.
const FROM_UPPER: i32 = 1 << 4;

use Shape::{
    Count, FromMmx, Imm, Lanes, Narrow, Predicate, Round, Same, Share, Swapped, Twice, TwiceShare,
    Widen,
};

operations! {
    // --- integers
    Paddb = Add 0, Lanes; Paddw = Add 1, Lanes; Paddd = Add 2, Lanes; Paddq = Add 3, Lanes;
    Psubb = Sub 0, Lanes; Psubw = Sub 1, Lanes; Psubd = Sub 2, Lanes; Psubq = Sub 3, Lanes;
    Paddsb = QAddS 0, Lanes; Paddsw = QAddS 1, Lanes; Paddusb = QAddU 0, Lanes; Paddusw = QAddU 1, Lanes;
    Psubsb = QSubS 0, Lanes; Psubsw = QSubS 1, Lanes; Psubusb = QSubU 0, Lanes; Psubusw = QSubU 1, Lanes;
    Pand = And 0, Lanes; Pandn = AndNot 0, Swapped; Por = Or 0, Lanes; Pxor = Xor 0, Lanes;
    Pcmpeqb = CmEq 0, Lanes; Pcmpeqw = CmEq 1, Lanes; Pcmpeqd = CmEq 2, Lanes; Pcmpeqq = CmEq 3, Lanes;
    Pcmpgtb = CmGtS 0, Lanes; Pcmpgtw = CmGtS 1, Lanes; Pcmpgtd = CmGtS 2, Lanes; Pcmpgtq = CmGtS 3, Lanes;
    Pminub = MinU 0, Lanes; Pminuw = MinU 1, Lanes; Pminud = MinU 2, Lanes;
    Pmaxub = MaxU 0, Lanes; Pmaxuw = MaxU 1, Lanes; Pmaxud = MaxU 2, Lanes;
    Pminsb = MinS 0, Lanes; Pminsw = MinS 1, Lanes; Pminsd = MinS 2, Lanes;
    Pmaxsb = MaxS 0, Lanes; Pmaxsw = MaxS 1, Lanes; Pmaxsd = MaxS 2, Lanes;
    Pavgb = RHAddU 0, Lanes; Pavgw = RHAddU 1, Lanes;
    Pabsb = Abs 0, Lanes; Pabsw = Abs 1, Lanes; Pabsd = Abs 2, Lanes;
    Psignb = Sign 0, Lanes; Psignw = Sign 1, Lanes; Psignd = Sign 2, Lanes;
    Pmullw = Mul 1, Lanes; Pmulld = Mul 2, Lanes; Pmulhw = MulHS 1, Lanes; Pmulhuw = MulHU 1, Lanes;
    Pmulhrsw = MulHRS 1, Lanes; Pmaddwd = MulAddS 1, Lanes; Pmaddubsw = MulAddUS 0, Lanes;
    Pmuludq = MulEvenU 2, Lanes; Pmuldq = MulEvenS 2, Lanes; Psadbw = Sad 0, Lanes;
    Mpsadbw = SadBlocks 0, Share(3); Phminposuw = MinPos 1, Lanes;
    Phaddw = AddP 1, Lanes; Phaddd = AddP 2, Lanes; Phaddsw = QAddP 1, Lanes;
    Phsubw = SubP 1, Lanes; Phsubd = SubP 2, Lanes; Phsubsw = QSubP 1, Lanes;
    Psllw = ShlAll 1, Count; Pslld = ShlAll 2, Count; Psllq = ShlAll 3, Count;
    Psrlw = ShrUAll 1, Count; Psrld = ShrUAll 2, Count; Psrlq = ShrUAll 3, Count;
    Psraw = ShrSAll 1, Count; Psrad = ShrSAll 2, Count;
    Vpsllvd = ShlV 2, Lanes; Vpsllvq = ShlV 3, Lanes; Vpsrlvd = ShrUV 2, Lanes; Vpsrlvq = ShrUV 3, Lanes;
    Vpsravd = ShrSV 2, Lanes;
    // --- selections
    Punpcklbw = Zip1 0, Lanes; Punpcklwd = Zip1 1, Lanes; Punpckldq = Zip1 2, Lanes; Punpcklqdq = Zip1 3, Lanes;
    Punpckhbw = Zip2 0, Lanes; Punpckhwd = Zip2 1, Lanes; Punpckhdq = Zip2 2, Lanes; Punpckhqdq = Zip2 3, Lanes;
    Packsswb = PackS 0, Lanes; Packssdw = PackS 1, Lanes; Packuswb = PackU 0, Lanes; Packusdw = PackU 1, Lanes;
    Pshufb = Shuffle 0, Lanes; Pshufd = Pick 2, Imm(0xff); Pshuflw = Pick 1, Imm(0xff);
    Pshufhw = Pick 1 + (4 << 8), Imm(0xff); Shufps = PickPair 2, Imm(0xff); Shufpd = PickPair 3, Share(2);
    Vpermilps = PickBy 2, Lanes; Vpermilpd = PickBy 3, Lanes; VpermilpdImm = PickPair 3, TwiceShare(2);
    Blendps = Blend 2, Share(4); Blendpd = Blend 3, Share(2); Pblendw = Blend 1, Imm(0xff);
    Blendvps = BlendBy 2, Lanes; Blendvpd = BlendBy 3, Lanes; Pblendvb = BlendBy 0, Lanes;
    Movss = InsLane 2, Lanes; Movsd = InsLane 3, Lanes; Movhlps = InsLane 3 + FROM_UPPER, Lanes;
    Movhps = Combine 3, Lanes; Movsldup = Trn1 2, Twice; Movshdup = Trn2 2, Twice; Movddup = DupLane 3, Lanes;
    Vpbroadcastb = DupLane 0, Same; Vpbroadcastw = DupLane 1, Same; Vpbroadcastd = DupLane 2, Same;
    Vpbroadcastq = DupLane 3, Same;
    // --- floating point
    Addps = FAdd 2, Lanes; Addpd = FAdd 3, Lanes; Addss = FAdd 2 + MERGE, Lanes; Addsd = FAdd 3 + MERGE, Lanes;
    Subps = FSub 2, Lanes; Subpd = FSub 3, Lanes; Subss = FSub 2 + MERGE, Lanes; Subsd = FSub 3 + MERGE, Lanes;
    Mulps = FMul 2, Lanes; Mulpd = FMul 3, Lanes; Mulss = FMul 2 + MERGE, Lanes; Mulsd = FMul 3 + MERGE, Lanes;
    Divps = FDiv 2, Lanes; Divpd = FDiv 3, Lanes; Divss = FDiv 2 + MERGE, Lanes; Divsd = FDiv 3 + MERGE, Lanes;
    Minps = FMin 2, Lanes; Minpd = FMin 3, Lanes; Minss = FMin 2 + MERGE, Lanes; Minsd = FMin 3 + MERGE, Lanes;
    Maxps = FMax 2, Lanes; Maxpd = FMax 3, Lanes; Maxss = FMax 2 + MERGE, Lanes; Maxsd = FMax 3 + MERGE, Lanes;
    Sqrtps = FSqrt 2, Lanes; Sqrtpd = FSqrt 3, Lanes;
    Sqrtss = FSqrt 2 + MERGE, Lanes; Sqrtsd = FSqrt 3 + MERGE, Lanes;
    Rcpps = FRecp12 2, Lanes; Rcpss = FRecp12 2 + MERGE, Lanes;
    Rsqrtps = FRsqrt12 2, Lanes; Rsqrtss = FRsqrt12 2 + MERGE, Lanes;
    Cmpps = FCmp 2, Predicate; Cmppd = FCmp 3, Predicate;
    Cmpss = FCmp 2 + MERGE, Predicate; Cmpsd = FCmp 3 + MERGE, Predicate;
    Addsubps = FAddSub 2, Lanes; Addsubpd = FAddSub 3, Lanes;
    Haddps = FAddP 2, Lanes; Haddpd = FAddP 3, Lanes; Hsubps = FSubP 2, Lanes; Hsubpd = FSubP 3, Lanes;
    Roundps = FRound 2, Round; Roundpd = FRound 3, Round;
    Roundss = FRound 2 + MERGE, Round; Roundsd = FRound 3 + MERGE, Round;
    Dpps = FDot 2, Imm(0xff); Dppd = FDot 3, Imm(0x33);
    // --- conversions
    Cvtps2pd = FCvtL 2, Widen(8); Cvtss2sd = FCvtL 2 + MERGE, Lanes; Cvtdq2pd = IntToFL 3, Widen(8);
    Vcvtph2ps = FCvtL 1, Widen(8); Cvtpd2ps = FCvtN 2, Narrow; Cvtsd2ss = FCvtN 2 + MERGE, Lanes;
    Cvtdq2ps = IntToF 2 + SIGNED, Lanes; Cvtpi2pd = IntToFL 3, Widen(8);
    Cvtps2dq = FToInt 2 + (SIGNED | CURRENT), Lanes; Cvttps2dq = FToInt 2 + (SIGNED | TRUNCATED), Lanes;
    Cvtpd2dq = FToIntN 3 + CURRENT, Narrow; Cvttpd2dq = FToIntN 3 + TRUNCATED, Narrow;
    Cvtpi2ps = IntToF 2 + SIGNED, FromMmx;
    // --- fused: by the numbers of their operands, 132, 213 and 231
    Fmadd132ps = FMulAdd 2, Lanes; Fmadd213ps = FMulAdd 2 + 1, Lanes; Fmadd231ps = FMulAdd 2 + 2, Lanes;
    Fmadd132pd = FMulAdd 3, Lanes; Fmadd213pd = FMulAdd 3 + 1, Lanes; Fmadd231pd = FMulAdd 3 + 2, Lanes;
    Fmadd132ss = FMulAdd 2 + MERGE, Lanes; Fmadd213ss = FMulAdd 2 + (1 | MERGE), Lanes;
    Fmadd231ss = FMulAdd 2 + (2 | MERGE), Lanes; Fmadd132sd = FMulAdd 3 + MERGE, Lanes;
    Fmadd213sd = FMulAdd 3 + (1 | MERGE), Lanes; Fmadd231sd = FMulAdd 3 + (2 | MERGE), Lanes;
    Fmsub132ps = FMulAdd 2 + SUBTRACTED, Lanes; Fmsub213ps = FMulAdd 2 + (1 | SUBTRACTED), Lanes;
    Fmsub231ps = FMulAdd 2 + (2 | SUBTRACTED), Lanes; Fmsub132pd = FMulAdd 3 + SUBTRACTED, Lanes;
    Fmsub213pd = FMulAdd 3 + (1 | SUBTRACTED), Lanes; Fmsub231pd = FMulAdd 3 + (2 | SUBTRACTED), Lanes;
    Fmsub132ss = FMulAdd 2 + (SUBTRACTED | MERGE), Lanes; Fmsub213ss = FMulAdd 2 + (1 | SUBTRACTED | MERGE), Lanes;
    Fmsub231ss = FMulAdd 2 + (2 | SUBTRACTED | MERGE), Lanes; Fmsub132sd = FMulAdd 3 + (SUBTRACTED | MERGE), Lanes;
    Fmsub213sd = FMulAdd 3 + (1 | SUBTRACTED | MERGE), Lanes; Fmsub231sd = FMulAdd 3 + (2 | SUBTRACTED | MERGE), Lanes;
    Fnmadd132ps = FMulAdd 2 + NEGATED, Lanes; Fnmadd213ps = FMulAdd 2 + (1 | NEGATED), Lanes;
    Fnmadd231ps = FMulAdd 2 + (2 | NEGATED), Lanes; Fnmadd132pd = FMulAdd 3 + NEGATED, Lanes;
    Fnmadd213pd = FMulAdd 3 + (1 | NEGATED), Lanes; Fnmadd231pd = FMulAdd 3 + (2 | NEGATED), Lanes;
    Fnmadd132ss = FMulAdd 2 + (NEGATED | MERGE), Lanes; Fnmadd213ss = FMulAdd 2 + (1 | NEGATED | MERGE), Lanes;
    Fnmadd231ss = FMulAdd 2 + (2 | NEGATED | MERGE), Lanes; Fnmadd132sd = FMulAdd 3 + (NEGATED | MERGE), Lanes;
    Fnmadd213sd = FMulAdd 3 + (1 | NEGATED | MERGE), Lanes; Fnmadd231sd = FMulAdd 3 + (2 | NEGATED | MERGE), Lanes;
    Fnmsub132ps = FMulAdd 2 + (NEGATED | SUBTRACTED), Lanes;
    Fnmsub213ps = FMulAdd 2 + (1 | NEGATED | SUBTRACTED), Lanes;
    Fnmsub231ps = FMulAdd 2 + (2 | NEGATED | SUBTRACTED), Lanes;
    Fnmsub132pd = FMulAdd 3 + (NEGATED | SUBTRACTED), Lanes;
    Fnmsub213pd = FMulAdd 3 + (1 | NEGATED | SUBTRACTED), Lanes;
    Fnmsub231pd = FMulAdd 3 + (2 | NEGATED | SUBTRACTED), Lanes;
    Fnmsub132ss = FMulAdd 2 + (NEGATED | SUBTRACTED | MERGE), Lanes;
    Fnmsub213ss = FMulAdd 2 + (1 | NEGATED | SUBTRACTED | MERGE), Lanes;
    Fnmsub231ss = FMulAdd 2 + (2 | NEGATED | SUBTRACTED | MERGE), Lanes;
    Fnmsub132sd = FMulAdd 3 + (NEGATED | SUBTRACTED | MERGE), Lanes;
    Fnmsub213sd = FMulAdd 3 + (1 | NEGATED | SUBTRACTED | MERGE), Lanes;
    Fnmsub231sd = FMulAdd 3 + (2 | NEGATED | SUBTRACTED | MERGE), Lanes;
    Fmaddsub132ps = FMulAdd 2 + (SUBTRACTED | ALTERNATELY), Lanes;
    Fmaddsub213ps = FMulAdd 2 + (1 | SUBTRACTED | ALTERNATELY), Lanes;
    Fmaddsub231ps = FMulAdd 2 + (2 | SUBTRACTED | ALTERNATELY), Lanes;
    Fmaddsub132pd = FMulAdd 3 + (SUBTRACTED | ALTERNATELY), Lanes;
    Fmaddsub213pd = FMulAdd 3 + (1 | SUBTRACTED | ALTERNATELY), Lanes;
    Fmaddsub231pd = FMulAdd 3 + (2 | SUBTRACTED | ALTERNATELY), Lanes;
    Fmsubadd132ps = FMulAdd 2 + ALTERNATELY, Lanes; Fmsubadd213ps = FMulAdd 2 + (1 | ALTERNATELY), Lanes;
    Fmsubadd231ps = FMulAdd 2 + (2 | ALTERNATELY), Lanes; Fmsubadd132pd = FMulAdd 3 + ALTERNATELY, Lanes;
    Fmsubadd213pd = FMulAdd 3 + (1 | ALTERNATELY), Lanes; Fmsubadd231pd = FMulAdd 3 + (2 | ALTERNATELY), Lanes;
    // --- cryptography
    Aesenc = AesRound 0, Lanes; Aesenclast = AesRound 0 + 1, Lanes; Aesdec = AesRound 0 + 2, Lanes;
    Aesdeclast = AesRound 0 + 3, Lanes; Aesimc = AesImc 0, Lanes; Aeskeygenassist = AesKeyGen 0, Imm(0xff);
    Pclmulqdq = PMulHalves 3, Imm(0x11);
    Sha1nexte = Sha1NextE 2, Lanes; Sha1msg1 = Sha1Msg1 2, Lanes; Sha1msg2 = Sha1Msg2 2, Lanes;
    Sha1rnds4 = Sha1Rounds 2, Imm(3); Sha256msg1 = Sha256Msg1 2, Lanes; Sha256msg2 = Sha256Msg2 2, Lanes;
    Sha256rnds2 = Sha256Rounds 2, Lanes;
    Gf2p8mulb = GfMul 0, Lanes; Gf2p8affineqb = GfAffine 0, Imm(0xff); Gf2p8affineinvqb = GfAffine 0 + 0x100, Imm(0xff);
}

/// The IR's rounding for the immediate of ROUNDPS, and whether inexact results are noted.
const fn rounding(imm: i64) -> i32 {
    let mode = match imm & 7 {
        0 => Rounding::Nearest,
        1 => Rounding::Down,
        2 => Rounding::Up,
        3 => Rounding::Zero,
        _ => Rounding::Current,
    };
    mode as i32 | if imm & 8 == 0 { 8 } else { 0 }
}

impl Parts {
    /// The parameter for half `n`.
    fn param(self, i: &Insn, n: usize) -> i32 {
        let imm = i.imm as i32;
        self.param
            | match self.shape {
                Imm(mask) => imm & mask,
                Share(bits) | TwiceShare(bits) => imm >> (bits * n as u32) & ((1 << bits) - 1),
                Predicate if i.prefixes.any(Prefixes::VEX) => imm & 31,
                Predicate => imm & 7,
                Round => rounding(i.imm),
                _ => 0,
            }
    }
}

impl Translator<'_> {
    /// The vector operands that are read, in order.
    pub(crate) fn sources(&mut self, i: &Insn) -> [Halves; 3] {
        let mut sources = [[Ref::NONE; 2]; 3];
        let row = i.op.row();
        let first = usize::from(row.operands[0].access & 1 == 0);
        let mut count = 0;
        for operand in &i.operands[first..] {
            let is_vector =
                matches!(operand, Operand::Vec { .. } | Operand::Mmx { .. } | Operand::Mem { .. });
            if is_vector && count < sources.len() {
                sources[count] = self.halves(i, *operand);
                count += 1;
            }
        }
        sources
    }
    /// An operation on each half.
    pub(crate) fn packed(&mut self, op: Op, i: &Insn) -> Flow {
        let parts = op.parts();
        let mut sources = self.sources(i);
        if matches!(parts.code, VecOp::BlendBy | VecOp::Sha256Rounds) && sources[2][0].is_none() {
            // Without a VEX prefix it is implied.
            sources[2][0] = low(0);
        }
        match parts.shape {
            Narrow => return self.packed_narrow(parts, i, sources[0]),
            FromMmx => return self.packed_from_mmx(parts, i, sources),
            _ => {}
        }
        let ty = if let Operand::Mmx { .. } = i.operands[0] { Ty::V64 } else { Ty::V128 };
        let zero = op == Op::Pxor && sources[0] == sources[1];
        self.define_vector(i, parts.code.is_float(), |t, n, dst| {
            if zero {
                let zero = t.ir.vconst(0);
                return t.ir.mov(Ty::V128, dst, zero);
            }
            let [a, b, c] = sources.map(|source| source[n]);
            let [a, b, c] = match parts.shape {
                Swapped => [b, a, c],
                Twice | TwiceShare(_) => [a, a, c],
                Count => [a, sources[1][0], c],
                Same => [sources[0][0], b, c],
                Widen(bytes) => [t.part(sources[0], n, bytes), b, c],
                _ => [a, b, c],
            };
            let imm = vec_op::imm(parts.lane, parts.param(i, n));
            t.ir.vec(parts.code, ty, dst, a, b, c, imm);
        });
        if let [Operand::Vec { .. }, Operand::Mmx { .. }, ..] = i.operands {
            self.use_mmx();
        }
        Flow::Next
    }
    /// Part `n` of an operand, of `bytes` each, at the low end.
    pub(crate) fn part(&mut self, from: Halves, n: usize, bytes: u8) -> Ref {
        match (n, bytes) {
            (0, _) => from[0],
            (_, 8) => self.vec1(VecOp::High, 3, 0, from[0]),
            _ => {
                let zero = self.ir.vconst(0);
                self.vec3(VecOp::Ext, 0, bytes.into(), [from[0], zero, Ref::NONE])
            }
        }
    }
    fn packed_narrow(&mut self, parts: Parts, i: &Insn, from: Halves) -> Flow {
        let none = Ref::NONE;
        let mut made = [none; 2];
        // (Two conversions may both fault.)
        if !from[1].is_none() {
            made = from.map(|half| self.vec1(parts.code, parts.lane, parts.param, half));
        }
        let faults = from[1].is_none();
        self.define_vector(i, faults, |t, _, dst| match made {
            [lower, upper] if !upper.is_none() => {
                t.vec_to(dst, VecOp::Combine, 3, 0, [lower, upper, none]);
            }
            _ => t.vec_to(dst, parts.code, parts.lane, parts.param, [from[0], none, none]),
        });
        Flow::Next
    }
    fn packed_from_mmx(&mut self, parts: Parts, i: &Insn, [into, from, _]: [Halves; 3]) -> Flow {
        let none = Ref::NONE;
        let low = self.vec1(VecOp::Low, 3, 0, from[0]);
        let numbers = self.vec1(parts.code, parts.lane, parts.param, low);
        self.define_vector(i, false, |t, _, dst| {
            t.vec_to(dst, VecOp::InsLane, 3, 0, [into[0], numbers, none]);
        });
        if let [_, Operand::Mmx { .. }, ..] = i.operands {
            self.use_mmx();
        }
        Flow::Next
    }
}
