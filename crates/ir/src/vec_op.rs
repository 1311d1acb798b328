//! SIMD and cryptographic operations, the `aux` of [`crate::OpCode::Vec`].
//!
//! `Op::ty` is V64 (upper half of the result zero; only the low halves of the operands count
//! unless said otherwise) or V128. `Op::imm` = lane | param << 8, where lane = log2 of the lane
//! size in bytes: 0 (8 bits) .. 3 (64 bits), 4 (128). For floating point: 1 half, 2 single,
//! 3 double. A scalar form of an integer operation uses V64 after the translator has zeroed the
//! lanes that do not take part (`Low`); scalar floating-point forms that exist as core opcodes use
//! those, the others set param bit 15 ([`SCALAR`]): only lane 0 is computed, zeros above.
//! "QC" means: sets FPSR.QC when a lane saturates.

/// Param bit (before the shift by 8): only lane 0 takes part; result zero above it.
pub const SCALAR: i32 = 1 << 15;

/// Builds `Op::imm`.
pub const fn imm(lane: u8, param: i32) -> i32 {
    lane as i32 | param << 8
}
/// The lane of an `Op::imm`.
pub const fn lane(imm: i32) -> u8 {
    (imm & 0xff) as u8
}
/// The parameter of an `Op::imm`.
pub const fn param(imm: i32) -> i32 {
    imm >> 8
}

macro_rules! vec_ops {
    ($($(#[doc = $doc:literal])* $name:ident $(= $attributes:literal)?;)*) => {
        /// See the module's head. Operands are `a`, `b`, `c` of the [`crate::Op`].
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum VecOp { $($(#[doc = $doc])* $name,)* }
        impl VecOp {
            /// All, in order of their discriminants.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// The name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
            /// From the discriminant.
            ///
            /// # Panics
            /// If there is no such operation.
            pub const fn from_u16(n: u16) -> Self {
                Self::ALL[n as usize]
            }
            /// Floating point, by the guest's rules and modes.
            pub const fn is_float(self) -> bool {
                FLOAT[self as usize]
            }
        }
        static FLOAT: [bool; VecOp::ALL.len()] =
            [$(matches!(concat!($($attributes)?).as_bytes(), [b'f']),)*];
    };
}

// Attribute letter: f floating point by the guest's rules and modes.
vec_ops! {
    // --- integer, lane by lane
    /// a + b.
    Add;
    /// a - b.
    Sub;
    /// a * b, low half.
    Mul;
    /// c + a * b.
    Mla;
    /// c - a * b.
    Mls;
    /// -a.
    Neg;
    /// |a| (MIN stays).
    Abs;
    /// a & b.
    And;
    /// a | b.
    Or;
    /// a ^ b.
    Xor;
    /// a & !b.
    AndNot;
    /// a | !b.
    OrNot;
    /// !a.
    Not;
    /// (a & c) | (b & !c): bits of a where c is set.
    Select;
    /// a == b ? ones : 0. b may be a zero constant.
    CmEq;
    /// a > b signed.
    CmGtS;
    /// a >= b signed.
    CmGeS;
    /// a > b unsigned.
    CmGtU;
    /// a >= b unsigned.
    CmGeU;
    /// (a & b) != 0.
    CmTst;
    /// Maximum.
    MaxS;
    /// Maximum.
    MaxU;
    /// Minimum.
    MinS;
    /// Minimum.
    MinU;
    /// |a - b| of signed lanes.
    AbdS;
    /// |a - b| of unsigned lanes.
    AbdU;
    /// (a + b) >> 1, signed, no overflow.
    HAddS;
    /// (a + b) >> 1, unsigned.
    HAddU;
    /// (a - b) >> 1, signed.
    HSubS;
    /// (a - b) >> 1, unsigned.
    HSubU;
    /// (a + b + 1) >> 1, signed.
    RHAddS;
    /// (a + b + 1) >> 1, unsigned.
    RHAddU;
    /// Saturating add, signed. QC.
    QAddS;
    /// Saturating add, unsigned. QC.
    QAddU;
    /// Saturating subtract, signed. QC.
    QSubS;
    /// Saturating subtract, unsigned. QC.
    QSubU;
    /// SUQADD: signed a + unsigned b, saturated to signed. QC.
    SuqAdd;
    /// USQADD: unsigned a + signed b, saturated to unsigned. QC.
    UsqAdd;
    /// Saturating |a|. QC.
    QAbs;
    /// Saturating -a. QC.
    QNeg;
    /// Saturating doubling multiply high: (2ab) >> esize. QC.
    QDMulH;
    /// As QDMulH, rounding. QC.
    QRDMulH;
    /// SQRDMLAH: saturate((c << esize) + 2ab + round) >> esize. QC.
    QRDMlaH;
    /// SQRDMLSH. QC.
    QRDMlsH;
    /// Polynomial multiply of 8-bit lanes, low 8 bits.
    PMul;
    /// Leading zeros.
    Clz;
    /// Leading sign bits.
    Cls;
    /// Population count of bytes.
    Cnt;
    /// Reverse the bits of each byte.
    RBit;
    /// Reverse the lanes (bytes, halves, words by `lane`) within each 16 bits.
    Rev16;
    /// Within each 32 bits.
    Rev32;
    /// Within each 64 bits.
    Rev64;
    /// URECPE (32-bit lanes).
    URecpe;
    /// URSQRTE (32-bit lanes).
    URsqrte;

    // --- shifts; param = amount
    /// a << param.
    ShlI;
    /// a >> param, zeros in; param 1..=esize (esize gives 0).
    ShrU;
    /// a >> param, sign in; param 1..=esize.
    ShrS;
    /// Rounding ShrU.
    RShrU;
    /// Rounding ShrS.
    RShrS;
    /// Shift left and insert: low `param` bits of c kept; a << param above.
    Sli;
    /// Shift right and insert: high `param` bits of c kept; a >> param below.
    Sri;
    /// Saturating left shift, signed, by param. QC.
    QShlIS;
    /// Saturating left shift, unsigned. QC.
    QShlIU;
    /// SQSHLU: signed a, saturated to unsigned. QC.
    QShlIUS;
    /// a << n, n the low 64 bits of b for all lanes (of 2, 4 or 8 bytes); zero from the lane's width on.
    ShlAll;
    /// a >> n, zeros in; likewise.
    ShrUAll;
    /// a >> n, sign in; likewise, of 2 or 4 bytes.
    ShrSAll;
    /// Shift by the signed low byte of b's lane (left if positive, right if negative), unsigned.
    ShlU;
    /// The same, signed.
    ShlS;
    /// The same, rounding, unsigned.
    RShlU;
    /// The same, rounding, signed.
    RShlS;
    /// The same, saturating, unsigned. QC.
    QShlU;
    /// The same, saturating, signed. QC.
    QShlS;
    /// The same, saturating and rounding, unsigned. QC.
    QRShlU;
    /// The same, saturating and rounding, signed. QC.
    QRShlS;

    // --- widening; lane = source lane; the sources are lanes of the low half (param bit 0 = 0) or
    // --- the high half (param bit 0 = 1) of the 128-bit operand; the result is V128
    /// Sign-extend, then << (param >> 1).
    ExtS;
    /// Zero-extend, then << (param >> 1).
    ExtU;
    /// a * b.
    MulLS;
    /// a * b.
    MulLU;
    /// c + a * b.
    MlaLS;
    /// c + a * b.
    MlaLU;
    /// c - a * b.
    MlsLS;
    /// c - a * b.
    MlsLU;
    /// Saturating doubling multiply long. QC.
    QDMulL;
    /// c + saturating doubling multiply, saturated. QC.
    QDMlaL;
    /// c - saturating doubling multiply, saturated. QC.
    QDMlsL;
    /// |a - b| signed.
    AbdLS;
    /// |a - b| unsigned.
    AbdLU;
    /// Polynomial multiply long: lane 0 (8x8) or 3 (64x64 to 128).
    PMulL;
    /// Wide (lane of a twice as large) plus extended half of b.
    AddWS;
    /// Unsigned.
    AddWU;
    /// Wide minus.
    SubWS;
    /// Unsigned.
    SubWU;

    // --- narrowing; ty is V128; lane = result lane; a is 128 bits of lanes twice as large; the
    // --- result is the low 64 bits (zeros above), or with param bit 8 (before the shift: 0x100)
    // --- goes to the high half over c's low half. Shift amount = param & 0xff (0 for the plain
    // --- forms).
    /// Truncate after >> amount.
    Narrow;
    /// Truncate after rounding >> amount.
    RNarrow;
    /// Signed to signed, saturating. QC.
    QNarrowS;
    /// Unsigned to unsigned, saturating. QC.
    QNarrowU;
    /// Signed to unsigned, saturating. QC.
    QNarrowSU;
    /// Rounding QNarrowS.
    QRNarrowS;
    /// Rounding QNarrowU.
    QRNarrowU;
    /// Rounding QNarrowSU.
    QRNarrowSU;
    /// ADDHN: high half of a + b (lanes twice the result's). param bit 8 as above.
    AddHn;
    /// RADDHN.
    RAddHn;
    /// SUBHN.
    SubHn;
    /// RSUBHN.
    RSubHn;

    // --- pairwise and across
    /// Adjacent pairs of a:b (a low) added.
    AddP;
    /// Pairwise maximum.
    MaxPS;
    /// Pairwise maximum.
    MaxPU;
    /// Pairwise minimum.
    MinPS;
    /// Pairwise minimum.
    MinPU;
    /// Adjacent pairs of a added into lanes twice as large.
    AddLpS;
    /// Unsigned.
    AddLpU;
    /// c + pairs.
    AdaLpS;
    /// Unsigned.
    AdaLpU;
    /// Sum of all lanes, in lane 0, zeros above.
    AddV;
    /// Sum into a lane twice as large, signed.
    AddLvS;
    /// Unsigned.
    AddLvU;
    /// Maximum of all lanes.
    MaxVS;
    /// Unsigned.
    MaxVU;
    /// Minimum of all lanes.
    MinVS;
    /// Unsigned.
    MinVU;

    // --- permutation
    /// All lanes = low bits of integer operand a (an integer slot, temporary or constant).
    DupInt;
    /// All lanes = lane `param` of a (counted in all 128 bits).
    DupLane;
    /// a with lane `param` replaced by the low bits of integer operand b.
    InsInt;
    /// a with lane (param & 15) replaced by lane (param >> 4 & 15) of b; always all 128 bits of a.
    InsLane;
    /// Bytes [param, param + width) of b:a (a low).
    Ext;
    /// ZIP1.
    Zip1;
    /// ZIP2.
    Zip2;
    /// UZP1.
    Uzp1;
    /// UZP2.
    Uzp2;
    /// TRN1.
    Trn1;
    /// TRN2.
    Trn2;
    /// Bytes of the 16-byte table a selected by b; indices > 15 give 0.
    Tbl1;
    /// Bytes of the 16-byte table a selected by (b - param) mod 256; other indices keep c's byte.
    /// (TBL and TBX with more registers are chains of this.)
    Tbx1;
    /// Lane 0 (of `lane` size) of a, zeros above.
    Low;
    /// The high 64 bits of a, in the low half, zeros above.
    High;
    /// Low 64 bits of a, low 64 bits of b above them.
    Combine;

    // --- dot products and matrix
    /// SDOT: 32-bit lanes of c plus the products of 4 signed bytes.
    DotS;
    /// UDOT.
    DotU;
    /// USDOT: a unsigned, b signed.
    DotUS;
    /// SMMLA.
    MmlaS;
    /// UMMLA.
    MmlaU;
    /// USMMLA.
    MmlaUS;
    /// BFDOT.
    BfDot;
    /// BFMMLA.
    BfMmla;
    /// BFMLALB (param 0) / BFMLALT (param 1): c + a*b, of the even or odd bfloats, single lanes of c.
    BfMlaL;
    /// BFCVTN: single to bfloat, low half; param bit 8 as in narrowing.
    BfCvtN;
    /// BFCVT: single in lane 0 to bfloat, zeros above 16 bits.
    BfCvt;

    // --- floating point, lane by lane (lane 1, 2, 3)
    /// a + b.
    FAdd = "f";
    /// a - b.
    FSub = "f";
    /// a * b.
    FMul = "f";
    /// a / b.
    FDiv = "f";
    /// FMULX: as a * b, but 0 * infinity = 2.
    FMulX = "f";
    /// Fused c + a * b.
    FMla = "f";
    /// Fused c - a * b.
    FMls = "f";
    /// |a - b|.
    FAbd = "f";
    /// FMAX.
    FMax = "f";
    /// FMIN.
    FMin = "f";
    /// FMAXNM.
    FMaxNm = "f";
    /// FMINNM.
    FMinNm = "f";
    /// |a|.
    FAbs = "f";
    /// -a.
    FNeg = "f";
    /// sqrt.
    FSqrt = "f";
    /// a == b ? ones : 0.
    FCmEq = "f";
    /// a >= b (signalling on any NaN).
    FCmGe = "f";
    /// a > b (signalling).
    FCmGt = "f";
    /// |a| >= |b| (signalling).
    FAcGe = "f";
    /// |a| > |b| (signalling).
    FAcGt = "f";
    /// FRECPE.
    FRecpe = "f";
    /// FRSQRTE.
    FRsqrte = "f";
    /// FRECPX.
    FRecpx = "f";
    /// FRECPS: 2 - a*b, fused.
    FRecps = "f";
    /// FRSQRTS: (3 - a*b)/2, fused.
    FRsqrts = "f";
    /// FRINT: param = Rounding | exact << 3.
    FRound = "f";
    /// FRINT32/64: param = Rounding | (64-bit) << 3.
    FRoundInt = "f";
    /// To integer of the same width: param = Rounding | signed << 3 | fbits << 4.
    FToInt = "f";
    /// From integer of the same width: param = signed << 3 | fbits << 4.
    IntToF = "f";
    /// FCVTL: lane = source (1, 2) to twice; param bit 0: high half.
    FCvtL = "f";
    /// FCVTN: lane = result (1, 2); param bit 8 as in narrowing.
    FCvtN = "f";
    /// FCVTXN: as FCvtN from double, rounding to odd.
    FCvtXn = "f";
    /// Pairwise a:b added.
    FAddP = "f";
    /// Pairwise FMAX.
    FMaxP = "f";
    /// Pairwise FMIN.
    FMinP = "f";
    /// Pairwise FMAXNM.
    FMaxNmP = "f";
    /// Pairwise FMINNM.
    FMinNmP = "f";
    /// FMAX across lanes.
    FMaxV = "f";
    /// FMIN across lanes.
    FMinV = "f";
    /// FMAXNM across lanes.
    FMaxNmV = "f";
    /// FMINNM across lanes.
    FMinNmV = "f";
    /// FCADD: param 0 = 90 degrees, 1 = 270.
    FCAdd = "f";
    /// FCMLA: param = rotation 0..=3; c accumulates.
    FCMla = "f";
    /// FMLAL (param bit 1 clear) / FMLSL (set); half lanes into single c. The halves are the low or
    /// (param bit 0) the high half of a and b, counted in `ty`: V64 uses bits 31..0 or 63..32.
    FMlaL = "f";

    // --- cryptography
    /// AESE: state a, key b.
    AesE;
    /// AESD.
    AesD;
    /// AESMC.
    AesMc;
    /// AESIMC.
    AesImc;
    /// SHA1C: c = hash (Qd), a = hash_e (Sn), b = Vm.
    Sha1C;
    /// SHA1P.
    Sha1P;
    /// SHA1M.
    Sha1M;
    /// SHA1H: rotates the low 32 bits of a left by 30, zeros above.
    Sha1H;
    /// SHA1SU0: c = Vd, a = Vn, b = Vm.
    Sha1Su0;
    /// SHA1SU1: c = Vd, a = Vn.
    Sha1Su1;
    /// SHA256H: c = Qd, a = Qn, b = Vm.
    Sha256H;
    /// SHA256H2.
    Sha256H2;
    /// Two rounds of SHA-256: a holds F, E, B, A from the lowest word on, c holds H, G, D, C, the low half
    /// of b two words with their constants. The new F, E, B, A (the new H, G, D, C are a).
    Sha256Two;
    /// SHA256SU0: c = Vd, a = Vn.
    Sha256Su0;
    /// SHA256SU1: c = Vd, a = Vn, b = Vm.
    Sha256Su1;
    /// SHA512H: c = Qd, a = Qn, b = Vm.
    Sha512H;
    /// SHA512H2.
    Sha512H2;
    /// SHA512SU0: c = Vd, a = Vn.
    Sha512Su0;
    /// SHA512SU1: c = Vd, a = Vn, b = Vm.
    Sha512Su1;
    /// EOR3: a ^ b ^ c.
    Eor3;
    /// BCAX: a ^ (b & !c).
    Bcax;
    /// RAX1: a ^ rol64(b, 1).
    Rax1;
    /// XAR: ror64(a ^ b, param).
    Xar;
    /// SM3PARTW1: c = Vd, a = Vn, b = Vm.
    Sm3PartW1;
    /// SM3PARTW2.
    Sm3PartW2;
    /// SM3SS1: a = Vn, b = Vm, c = Va.
    Sm3Ss1;
    /// SM3TT1A: c = Vd, a = Vn, b = Vm, param = index.
    Sm3Tt1a;
    /// SM3TT1B.
    Sm3Tt1b;
    /// SM3TT2A.
    Sm3Tt2a;
    /// SM3TT2B.
    Sm3Tt2b;
    /// SM4E: c = Vd, a = Vn.
    Sm4E;
    /// SM4EKEY: a = Vn, b = Vm.
    Sm4EKey;
}
