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

/// Param bit: only lane 0 takes part, and what is above the result is that of `a`; the operand of operations that
/// have one is `b` then. (Scalar instructions of SSE.)
pub const MERGE: i32 = 1 << 16;

/// Parameter and result of [`VecOp::Text`].
pub mod text {
    /// c has the length of a, and above that of b, in 64 bits each; else both end at the first zero.
    pub const EXPLICIT: i32 = 1 << 8;
    /// A bit's number.
    pub const FIRST_ENDS: u8 = 16;
    /// A bit's number.
    pub const SECOND_ENDS: u8 = 17;
}

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
    /// The high half of a * b, signed lanes.
    MulHS;
    /// The same of unsigned lanes.
    MulHU;
    /// a * b >> (esize - 1), rounded, of signed lanes; not saturated. (PMULHRSW)
    MulHRS;
    /// Products of signed lanes, two beside each other added, in lanes twice as large. (PMADDWD)
    MulAddS;
    /// Products of a's unsigned and b's signed lanes, two beside each other added, saturated. (PMADDUBSW)
    MulAddUS;
    /// Products of the even lanes, signed.
    MulEvenS;
    /// Products of the even lanes.
    MulEvenU;
    /// Sums of |a - b| of the unsigned bytes of each 64 bits. (PSADBW)
    Sad;
    /// Sums of |a - b| of four bytes of b and four of a, these from eight places on (MPSADBW). param, bits
    /// 1..0: which four of b; bit 2: from which four of a on.
    SadBlocks;
    /// a with the sign of b: negated if that is negative, zero if it is. (PSIGNB)
    Sign;
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
    /// a << b's lane, zero from the lane's width on. (VPSLLVD)
    ShlV;
    /// a >> b's lane, zeros in; likewise.
    ShrUV;
    /// a >> b's lane, sign in; likewise, but only signs remain.
    ShrSV;
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
    /// Polynomial product of 64 bits of a (param bit 0: the upper half) and 64 of b (param bit 4).
    PMulHalves;
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
    /// Adjacent pairs of a:b subtracted, the second of each from the first.
    SubP;
    /// Saturating AddP, signed. (No QC.)
    QAddP;
    /// Saturating SubP, signed. (No QC.)
    QSubP;
    /// The least unsigned lane, and in the next lane its number, the least if there are several.
    MinPos;
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
    /// Bytes of a selected by the low bits of b's (4 of V128, 3 of V64); 0 where b's highest bit is set.
    Shuffle;
    /// Four lanes from number (param >> 8) on, selected from each other by two bits of param each; the others
    /// are a's.
    Pick;
    /// Lanes of a (the lower half) and b (the upper) selected by param: two bits for each lane of four, one of two.
    PickPair;
    /// Lanes of a selected by the low bits of b's; of lanes of 64 bits, by bit 1.
    PickBy;
    /// Lanes of b where param has a bit set, else of a.
    Blend;
    /// Compares the elements of strings a and b (PCMPISTRM), as param says: the instruction's immediate, and
    /// [`text::EXPLICIT`]. Bits 15..0 of the result are the matches before they are made an index or a mask;
    /// bits [`text::FIRST_ENDS`] and [`text::SECOND_ENDS`] tell whether a and b end.
    Text;
    /// Lanes of b where the highest bit of c's is set, else of a.
    BlendBy;
    /// Lanes of a, then those of b, made half as large: `lane` is the result's. Signed, saturated to signed.
    PackS;
    /// The same, saturated to unsigned.
    PackU;
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
    /// a compared with b ? ones : 0; param, bits 1..0: equal, less, less or equal, unordered; bit 3: the other answer
    /// for unordered operands; then bit 2: the opposite. Quiet NaNs are invalid for less, and less or
    /// equal; with bit 4, for the other two.
    FCmp = "f";
    /// a with lane 0 replaced by the number that integer operand b is, signed; param bit 0: of 64 bits,
    /// not 32.
    FInsInt = "f";
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
    /// FCVTN: lane = result (1, 2); param bit 8 as in narrowing; bits 6..4 = `Rounding::chosen`.
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
    /// Pairwise a:b subtracted.
    FSubP = "f";
    /// a - b in even lanes, a + b in odd ones.
    FAddSub = "f";
    /// The sum of the products of those lanes that bits 7..4 of param name, in those of bits 3..0, zeros in the
    /// others. Each product is added to that of the lane beside, and of four lanes these sums to those of
    /// the two others. (Which NaN a lane gets: the evaluator's definition.)
    FDot = "f";
    /// Fused multiply-add; param, bits 1..0: a * b + c by 0 (a, c, b), 1 (b, a, c), 2 (b, c, a): which are the
    /// factors and what is added; bit 2: the product negated; bit 3: subtracted instead of added; bit 4: bit 3
    /// counts for even lanes, its opposite for odd ones.
    FMulAdd = "f";
    /// Doubles to integers of 32 bits, zeros above; param = Rounding.
    FToIntN = "f";
    /// Integers of 32 bits in the low half (param bit 0: in the high one) to doubles.
    IntToFL = "f";
    /// About 1 / a; no exception, nor a denormal (RCPPS).
    FRecp12 = "f";
    /// About 1 / sqrt(a); likewise.
    FRsqrt12 = "f";
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
    /// A round on state a, then b added. (AESENC; param bit 0: the last one, without mixing columns; bit 1:
    /// its inverse.)
    AesRound;
    /// AESKEYGENASSIST: param = the round's constant.
    AesKeyGen;
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
    /// SHA1NEXTE.
    Sha1NextE;
    /// SHA1MSG1.
    Sha1Msg1;
    /// SHA1MSG2.
    Sha1Msg2;
    /// SHA1RNDS4: param = which function and constant.
    Sha1Rounds;
    /// SHA256MSG1.
    Sha256Msg1;
    /// SHA256MSG2.
    Sha256Msg2;
    /// SHA256RNDS2, two rounds: a holds H, G, D, C from the lowest word on, b holds F, E, B, A, the low half
    /// of c the sums of words and constants. The new F, E, B, A (the new H, G, D, C are b).
    Sha256Rounds;
    /// EOR3: a ^ b ^ c.
    Eor3;
    /// BCAX: a ^ (b & !c).
    Bcax;
    /// RAX1: a ^ rol64(b, 1).
    Rax1;
    /// XAR: ror64(a ^ b, param).
    Xar;
    /// GF2P8MULB: products of bytes modulo x^8 + x^4 + x^3 + x + 1.
    GfMul;
    /// GF2P8AFFINEQB: bytes of a times the matrix of 64 bits in b, plus param. Bit 8 of param: of their
    /// inverses.
    GfAffine;
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
