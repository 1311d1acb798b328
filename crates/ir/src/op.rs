//! One operation: its code, type, operands and what they mean.

use crate::fp::FpRules;
#[cfg(doc)]
use crate::parameter::{SIX_FLAGS, ShiftKind};
use crate::vec_op::VecOp;

/// An operand: a guest slot, a temporary, a constant of the block's pool, or none. The two highest
/// bits tell: 0, 1, 2 or 3, and 3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ref(pub u16);

impl Ref {
    /// No operand.
    pub const NONE: Self = Self(0xffff);
    const TEMP: u16 = 0x4000;
    const CONST: u16 = 0x8000;

    /// Guest slot `n` (0..128): 0..64 integer, 64..128 vector.
    pub const fn slot(n: u16) -> Self {
        debug_assert!(n < 128);
        Self(n)
    }
    /// Temporary `n`.
    pub const fn temp(n: u16) -> Self {
        Self(Self::TEMP + n)
    }
    /// Entry `n` of the block's constant pool.
    pub const fn constant(n: u16) -> Self {
        Self(Self::CONST + n)
    }
    /// True for [`Ref::NONE`].
    pub const fn is_none(self) -> bool {
        self.0 == 0xffff
    }
    /// True for slots and temporaries.
    pub const fn is_variable(self) -> bool {
        self.0 < Self::CONST
    }
    /// The slot's number, if this is a slot.
    pub const fn as_slot(self) -> Option<u16> {
        if self.0 < Self::TEMP { Some(self.0) } else { None }
    }
    /// The temporary's number, if this is one.
    pub const fn as_temp(self) -> Option<u16> {
        if self.0 >= Self::TEMP && self.0 < Self::CONST { Some(self.0 - Self::TEMP) } else { None }
    }
    /// The constant's index in [`crate::Block::consts`], if this is one.
    pub const fn as_const(self) -> Option<u16> {
        if self.0 >= Self::CONST && self.0 != 0xffff { Some(self.0 - Self::CONST) } else { None }
    }
}

impl core::fmt::Debug for Ref {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.is_none() {
            write!(f, "_")
        } else if let Some(n) = self.as_slot() {
            write!(f, "s{n}")
        } else if let Some(n) = self.as_temp() {
            write!(f, "t{n}")
        } else {
            write!(f, "c{}", self.0 - Self::CONST)
        }
    }
}

/// The type an operation works in.
///
/// Integer values live in 64-bit containers: an `I32` operation reads the low 32 bits of its
/// operands and zero-extends its result to 64. Floating-point and vector values live in 128-bit
/// containers: a result of `F16`/`F32`/`F64`/`V64` (and of `V8`..`V32`) has zeros above its width.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "self-describing variants")]
pub enum Ty {
    I8,
    I16,
    I32,
    I64,
    F16,
    F32,
    F64,
    V64,
    V128,
}

impl Ty {
    /// Width in bits.
    pub const fn bits(self) -> u32 {
        match self {
            Self::I8 => 8,
            Self::I16 | Self::F16 => 16,
            Self::I32 | Self::F32 => 32,
            Self::I64 | Self::F64 | Self::V64 => 64,
            Self::V128 => 128,
        }
    }
    /// True for the types kept in integer slots.
    pub const fn is_int(self) -> bool {
        matches!(self, Self::I8 | Self::I16 | Self::I32 | Self::I64)
    }
    /// From the discriminant.
    pub const fn from_u8(n: u8) -> Self {
        match n {
            0 => Self::I8,
            1 => Self::I16,
            2 => Self::I32,
            3 => Self::I64,
            4 => Self::F16,
            5 => Self::F32,
            6 => Self::F64,
            7 => Self::V64,
            _ => Self::V128,
        }
    }
}

macro_rules! opcodes {
    ($($(#[doc = $doc:literal])* $name:ident $(= $flags:literal)?;)*) => {
        /// What an [`Op`] does. `dst = f(a, b, c)`; unused operands are [`Ref::NONE`].
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum OpCode { $($(#[doc = $doc])* $name,)* }
        impl OpCode {
            /// All, in order of their discriminants.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// The name, in lower camel case as in the source.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
        /// The attributes of each opcode, as bits, by discriminant.
        static ATTRIBUTES: [u8; OpCode::ALL.len()] = [$(attribute_bits(concat!($($flags)?)),)*];
    };
}

// Attribute letters: m may fault (touches memory or may trap), r reads flags, w writes flags
// (all four), x ends the block or leaves translated code, i computes an integer of integers (if its
// type is one), f scalar floating point by the guest's rules and modes, b branches to `imm`.
opcodes! {
    /// Marks the start of a guest instruction; `imm` = its byte offset from the block's pc.
    Insn;
    /// Label `imm`, a target of in-block branches.
    Label;

    // --- integer: ty I32 or I64; operand b may be modified by aux (Modifier) where noted [M]
    /// dst = a (I32: zero-extended).
    Mov = "i";
    /// dst = a + b [M].
    Add = "i";
    /// dst = a - b [M].
    Sub = "i";
    /// dst = a & b [M].
    And = "i";
    /// dst = a | b [M].
    Or = "i";
    /// dst = a ^ b [M].
    Xor = "i";
    /// dst = a & !b [M].
    AndNot = "i";
    /// dst = a | !b [M].
    OrNot = "i";
    /// dst = a ^ !b [M].
    XorNot = "i";
    /// dst = a + b [M]; sets NZCV. dst may be NONE.
    AddS = "wi";
    /// dst = a - b [M]; sets NZCV (C = no borrow). dst may be NONE.
    SubS = "wi";
    /// dst = a & b [M]; sets N, Z; C = V = 0. dst may be NONE.
    AndS = "wi";
    /// dst = a & !b [M]; sets N, Z; C = V = 0. dst may be NONE.
    AndNotS = "wi";
    /// dst = a + b + C.
    Adc = "ri";
    /// dst = a + !b + C.
    Sbc = "ri";
    /// dst = a + b + C; sets NZCV.
    AdcS = "rwi";
    /// dst = a + !b + C; sets NZCV.
    SbcS = "rwi";
    // --- [6]: always with [`SIX_FLAGS`], in any integer type; aux besides = as said
    /// dst = a | b; sets N, Z, P; no carry, V = 0 [6]. dst may be NONE.
    OrS = "wi";
    /// dst = a ^ b; likewise [6]. dst may be NONE.
    XorS = "wi";
    /// dst = a + 1; sets all flags but C, which is kept [6].
    IncS = "rwi";
    /// dst = a - 1; likewise [6].
    DecS = "rwi";
    /// dst = a shifted by the constant b, which is not 0 modulo 32, or 64 for I64; aux = [`ShiftKind`], of
    /// shifts only. C = the last bit that has left, V = the sign has changed (for one bit) [6].
    ShiftS = "wi";
    /// The same by any b, also rotated. All flags are kept if b is 0 modulo 32 (64); a rotation keeps all but
    /// C and V [6].
    ShiftKeepS = "rwi";
    /// dst = a shifted left, or right if aux bit 0 is set, by b; bits of c come in. Flags as for
    /// [`OpCode::ShiftKeepS`] [6].
    ShiftPairS = "rwi";
    /// C = bit 0 of a; the other flags are kept [6].
    SetC = "rwi";
    /// dst = a * b, low half, in I32 or I64; a carry and V if the signed product needs more bits, else
    /// neither; the other flags may be anything [6].
    MulS = "wi";
    /// dst = a * b, low half.
    Mul = "i";
    /// dst = high half of the signed 64x64 product.
    MulHiS = "i";
    /// dst = high half of the unsigned 64x64 product.
    MulHiU = "i";
    /// dst (I64) = sext32(a) * sext32(b).
    MulWideS = "i";
    /// dst (I64) = zext32(a) * zext32(b).
    MulWideU = "i";
    /// dst = high half of the product of a, signed, and b, unsigned.
    MulHiSU = "i";
    /// Signed division towards zero; aux = [`DivRule`]. MIN / -1 = MIN.
    DivS = "i";
    /// Unsigned division; aux = [`DivRule`].
    DivU = "i";
    /// Remainder of a signed division, with the dividend's sign; aux = [`DivRule`]. MIN % -1 = 0.
    RemS = "i";
    /// Remainder of an unsigned division; aux = [`DivRule`].
    RemU = "i";
    /// Quotient of c:a (c is the upper half) by b, unsigned. 0 if b is 0 or the quotient does not fit,
    /// which is so just if c >= b.
    DivWideU = "i";
    /// The remainder of the same; 0 in the same cases.
    RemWideU = "i";
    /// Quotient of c:a by b, signed, towards zero. 0 if b is 0 or the quotient does not fit.
    DivWideS = "i";
    /// The remainder of the same; 0 in the same cases.
    RemWideS = "i";
    /// 1 if b is 0 or the quotient of c:a by b, signed, does not fit, else 0.
    DivWideBad = "i";
    /// dst = a << (b mod width).
    Shl = "i";
    /// dst = a >> (b mod width), zeros in.
    Shr = "i";
    /// dst = a >> (b mod width), sign in.
    Sar = "i";
    /// dst = a rotated right by (b mod width).
    Ror = "i";
    /// dst = !a.
    Not = "i";
    /// Count leading zeros; width if none set.
    Clz = "i";
    /// Count leading bits equal to the sign, not counting it.
    Cls = "i";
    /// Count trailing zeros; width if none set.
    Ctz = "i";
    /// Population count.
    Popcnt = "i";
    /// Absolute value (MIN stays).
    Abs = "i";
    /// Signed maximum / minimum, unsigned maximum / minimum.
    MaxS = "i";
    /// Signed minimum.
    MinS = "i";
    /// Unsigned maximum.
    MaxU = "i";
    /// Unsigned minimum.
    MinU = "i";
    /// Reverse bits.
    Rbit = "i";
    /// Reverse bytes of the whole width.
    Rev = "i";
    /// Reverse bytes within each 16 bits.
    Rev16 = "i";
    /// Reverse bytes within each 32 bits (I64).
    Rev32 = "i";
    /// Each byte becomes ones if it is not 0.
    OrcB = "i";
    /// Reverse the bits of each byte.
    Brev8 = "i";
    /// Each 4 bits of b become those of a with that number; 0 if there are none.
    Xperm4 = "i";
    /// Each byte of b becomes the byte of a with that number; 0 if there is none.
    Xperm8 = "i";
    /// The low bits of a, put where b has bits set; zeros elsewhere.
    Deposit = "i";
    /// The bits of a where b has bits set, side by side from the lowest on; zeros above.
    Extract = "i";
    /// Carry-less product, low half.
    ClMul = "i";
    /// Carry-less product, high half.
    ClMulH = "i";
    /// Carry-less product of bit-reversed operands, reversed: bits [width-1, 2*width-1) of the product.
    ClMulR = "i";
    /// Sign-extend from 8 bits to the width.
    SExt8 = "i";
    /// Sign-extend from 16 bits to the width.
    SExt16 = "i";
    /// Sign-extend from 32 bits to 64.
    SExt32 = "i";
    /// Zero-extend from 8 bits.
    ZExt8 = "i";
    /// Zero-extend from 16 bits.
    ZExt16 = "i";
    /// dst = zero-extended bits [lsb, lsb+width) of a; aux = lsb | width << 8.
    Ubfx = "i";
    /// dst = sign-extended bits [lsb, lsb+width) of a; aux = lsb | width << 8.
    Sbfx = "i";
    /// dst = low `width` bits of a, placed at lsb, zeros elsewhere; aux = lsb | width << 8.
    Ubfiz = "i";
    /// dst = low `width` bits of a, sign-extended, placed at lsb; aux = lsb | width << 8.
    Sbfiz = "i";
    /// dst = a with bits [lsb, lsb+width) replaced by the low bits of b; aux = lsb | width << 8.
    Bfi = "i";
    /// dst = a with its low `width` bits replaced by bits [lsb, lsb+width) of b; aux likewise.
    Bfxil = "i";
    /// dst = (a:b) >> aux, low half (EXTR: a is the high part).
    Extr = "i";
    /// CRC32 (polynomial 0x04c11db7): a = accumulator, b = data; aux = log2 of its bytes.
    Crc32 = "i";
    /// CRC32C (polynomial 0x1edc6f41): a = accumulator, b = data; aux = log2 of its bytes.
    Crc32c = "i";
    /// dst (I64) = nanoseconds of the host's clock; see [`crate::state::Clock`].
    Counter;
    /// Asks the host's clock number `a`: its seconds go to slot [`crate::state::SLOT_TIME`], its
    /// nanoseconds, or a negative error number, to the next one.
    HostTime;
    /// Asks the host which processor and which node this is: the lower halves of slot
    /// [`crate::state::SLOT_TIME`] and of the next one.
    HostCpu;
    /// dst (I64) = 0 if there is certainly no translation of code near address a ([`CODE_PIECE`]).
    ///
    /// [`CODE_PIECE`]: crate::state::CODE_PIECE
    HasCode;

    // --- conditions over the flags; aux low byte = Cond
    /// dst = cond ? a : b. ty integer, or F*/V* for vector slots.
    Sel = "ri";
    /// dst = cond ? a : b + 1.
    SelInc = "ri";
    /// dst = cond ? a : !b.
    SelInv = "ri";
    /// dst = cond ? a : -b.
    SelNeg = "ri";
    /// dst = cond ? 1 : 0.
    SetCond = "ri";
    /// dst = cond ? all ones : 0.
    SetMask = "ri";
    /// flags = cond ? flags of a - b : aux high byte (NZCV in bits 3..0).
    CcmpSub = "rwi";
    /// flags = cond ? flags of a + b : aux high byte.
    CcmpAdd = "rwi";
    /// dst (I64) = NZCV in bits 31..28, zeros elsewhere; with [`SIX_FLAGS`] also P in bit 27, A in bit 26.
    ReadFlags = "ri";
    /// NZCV = bits 31..28 of a; with [`SIX_FLAGS`] also P and A.
    WriteFlags = "wi";
    // --- flagless compares; aux low byte = Cond over (a, b) (no Mi, Pl, Vs, Vc)
    /// dst = (a cond b) ? 1 : 0.
    SetCmp = "i";
    /// dst = (a cond b) ? c : 0.
    SelCmp = "i";

    // --- memory; aux = Access; address = a + ext(b) << shift + imm; ty = I64 or V128, unused
    /// Integer load; result zero-extended or sign-extended as Access says.
    Ld = "m";
    /// Integer store of c's low bytes.
    St = "m";
    /// Vector load of 1..16 bytes, zeros above.
    LdV = "m";
    /// Vector store of c's low 1..16 bytes.
    StV = "m";
    /// Atomic read-modify-write at address a: dst = old (zero-extended), operand b;
    /// aux = log2 size | RmwOp << 8. dst may be NONE. Sequentially consistent. Must be aligned, as
    /// those below, unless aux has [`WITHIN_16`].
    Rmw = "m";
    /// Compare and swap at address a: dst = old; if old == b, store c. aux = log2 size (0..=3 for
    /// integers; 4 with V128 operands: 16 bytes). Only the low `size` bytes of b and c count.
    Cas = "m";
    /// Load exclusive: dst = [a], zero-extended; sets the monitor. aux = log2 size (4: dst V128).
    LdEx = "m";
    /// Store exclusive: dst = 0 stored, 1 not; address a, value b (V128 when aux = 4); clears the
    /// monitor. aux = log2 size.
    StEx = "m";
    /// Clear the exclusive monitor.
    ClrEx;
    /// Memory fence; aux: 0 full, 1 loads, 2 stores.
    Fence;
    /// Zero the 64 bytes at a & !63 (DC ZVA).
    ZeroBlock = "m";

    // --- floating point, scalar: ty = F16/F32/F64; values in vector containers, NaN-boxed or with zeros
    // --- above as the block's rules say ([`crate::FpRules::boxed`]).
    // --- [R]: bits 8..10 of aux = [`Rounding::chosen`]
    /// dst = a + b [R].
    FAdd = "mf";
    /// dst = a - b [R].
    FSub = "mf";
    /// dst = a * b [R].
    FMul = "mf";
    /// dst = -(a * b) (sign flipped unless NaN is produced by the multiplication... see FNMUL) [R].
    FNMul = "mf";
    /// dst = a / b [R].
    FDiv = "mf";
    /// dst = sqrt(a) [R].
    FSqrt = "mf";
    /// dst = larger; NaN if either is (but for [`crate::MinMax::Second`]).
    FMax = "mf";
    /// dst = smaller; likewise.
    FMin = "mf";
    /// dst = larger; a quiet NaN loses to a number, a signalling one too by [`crate::MinMax::Number`].
    FMaxNm = "mf";
    /// dst = smaller; likewise.
    FMinNm = "mf";
    /// Fused: dst = (aux bit 0 ? -a : a) * b + (aux bit 1 ? -c : c) [R].
    /// FMADD aux 0, FMSUB aux 1, FNMSUB aux 2 (a*b - c), FNMADD aux 3 (-a*b - c).
    FMulAdd = "mf";
    /// dst = |a| (sign bit cleared, also of a NaN). Not for boxed values.
    FAbs = "f";
    /// dst = a with the sign bit flipped. Not for boxed values.
    FNeg = "f";
    /// dst = a with the sign of b; aux: 0 as it is, 1 flipped, 2 exclusive-or of both signs.
    FCopySign = "mf";
    /// dst = a with ones from its width up to bit 63, zeros above: boxes it.
    FBox;
    /// dst (I64) = what a is, one bit set: 0 -infinity, 1 negative normal, 2 negative denormal, 3 -0, 4 +0,
    /// 5 denormal, 6 normal, 7 infinity, 8 signalling NaN, 9 quiet NaN.
    FClass = "mf";
    /// dst = a rounded to integral; aux = Rounding | (exact: raise Inexact) << 8.
    FRound = "mf";
    /// FRINT32/64: aux = Rounding (Zero or Current) | (32 or 64) << 8.
    FRoundInt = "mf";
    /// Convert precision: ty = source, aux = destination Ty | Rounding (default Current) << 8.
    FCvt = "mf";
    /// Float (ty) to integer (dst integer slot): aux = Rounding | signed << 3 | is64 << 4 | fbits << 8.
    FToInt = "mf";
    /// As FToInt, but the result goes to a vector container of width ty (SIMD scalar forms).
    FToIntV = "mf";
    /// Integer a (integer slot) to float (ty):
    /// aux = [`Rounding::chosen`] | signed << 3 | is64 << 4 | fbits << 8.
    IntToF = "mf";
    /// As IntToF from the low bits of a vector container, an integer as wide as ty (SIMD scalar forms).
    IntVToF = "mf";
    /// FJCVTZS: F64 to I32, modulo 2^32; sets flags (Z: exact).
    FJcvt = "mwf";
    /// Compare; sets NZCV: less N, equal ZC, greater C, unordered CV. aux bit 0: signalling (FCMPE).
    FCmp = "mwf";
    /// Compare; sets all six flags: less none, equal ZC, greater C, unordered ZP, aux bit 0: signalling.
    FCmpSix = "mwf";
    /// dst (I64) = (a cond b) ? 1 : 0, the condition as [`OpCode::FCmp`] would set the flags: Eq, Mi (less), Ls
    /// (less or equal), Gt, Ge, Vs (unordered) and their opposites; aux = Cond | signalling << 7.
    FCmpSet = "mf";
    /// flags = cond ? compare(a, b) : nzcv; aux = cond | signalling << 7 | nzcv << 8.
    FCcmp = "mrwf";
    /// dst (I64) = [`crate::state::SLOT_FPSR`] with all sticky bits raised so far.
    ReadFpStatus;
    /// [`crate::state::SLOT_FPSR`] = a; sticky bits raised earlier are forgotten.
    WriteFpStatus;

    // --- moves between containers
    /// dst (vector) = a (integer), width ty (F16/F32/F64/V64), zeros above.
    IntToVec;
    /// dst (integer) = lane of a; aux = lane | log2 lane bytes << 8 | (sext to 32: 1, to 64: 2) << 12.
    VecToInt;
    /// dst (I64) = bit n: the highest bit of lane n of a (128 bits); aux = log2 lane bytes.
    VecMask;
    /// Sets all six flags: Z if a & b is zero, C unless !a & b is; the others are clear. (PTEST)
    VecTestSix = "w";
    /// dst = the index that a comparison of strings a and b gives (PCMPISTRI, PCMPESTRI), and all six flags:
    /// C clear if there are matches, Z if b ends, N if a does, V if the first elements match, the others
    /// clear; aux, c: as the parameter and c of [`crate::VecOp::Text`].
    VecTextIndex = "w";
    /// dst (V128) = b:a (a low 64 bits, b high 64 bits), both integers.
    VecFromPair;
    /// dst (vector) = a, width ty, zeros above.
    MovV;
    /// SIMD and cryptographic operation: aux = VecOp, imm = its parameters, ty = V64 or V128.
    Vec = "m";

    // --- control; imm = destination: >= 0 a Label, < 0 exit number -1-imm
    /// Unconditional branch inside the block (imm a label).
    Br = "b";
    /// Branch if the flags satisfy aux's Cond.
    BrCond = "rb";
    /// Branch if (a cond b), ty I32 or I64; aux = Cond.
    BrCmp = "b";
    /// Branch if bit (aux & 63) of a equals aux bit 8.
    BrBit = "b";
    /// A point where a pending signal is delivered, at this instruction's pc, before its effects.
    Poll = "m";
    /// Raise a trap as `Trap` does, unless a == b.
    Check = "m";
    /// Leave to exit `imm` (Jump, or Call: the return stack is pushed). Ends the block.
    ExitDirect = "xb";
    /// Leave to the address in a; aux: 0 jump, 1 return (pops the return stack).
    /// Ends the block.
    ExitIndirect = "x";
    /// Call the address in a; exit `imm` is the return point. Ends the block.
    CallIndirect = "x";
    /// System call with immediate `imm`; the pc slot is the next instruction's. Ends the block.
    Syscall = "x";
    /// Raise a trap at this instruction's pc: aux = kind (see state::TRAP_*), imm = its argument.
    /// Ends the block.
    Trap = "x";
    /// Has the runtime execute guest operation `imm` as `Runtime` does, but goes on with the next operation of
    /// the block; if the engine has something to do after it, the evaluator executes the instruction. The
    /// evaluator ends its run of the block here.
    RuntimeCall = "m";
    /// Leave to the runtime for guest operation `imm` (guest-defined), a, b = arguments, dst result
    /// container is the guest's business: it continues at the next instruction. Ends the block.
    Runtime = "x";
}

const MAY_FAULT: u8 = 1;
const READS_FLAGS: u8 = 2;
const WRITES_FLAGS: u8 = 4;
const ENDS_BLOCK: u8 = 8;
const INTEGER: u8 = 16;
const FLOAT: u8 = 32;
const BRANCHES: u8 = 64;

/// Attribute letters to bits.
const fn attribute_bits(letters: &str) -> u8 {
    let letters = letters.as_bytes();
    let (mut bits, mut i) = (0, 0);
    while i < letters.len() {
        bits |= match letters[i] {
            b'm' => MAY_FAULT,
            b'r' => READS_FLAGS,
            b'w' => WRITES_FLAGS,
            b'x' => ENDS_BLOCK,
            b'i' => INTEGER,
            b'f' => FLOAT,
            b'b' => BRANCHES,
            _ => panic!("no such attribute"),
        };
        i += 1;
    }
    bits
}

impl OpCode {
    /// Touches memory or may trap: the state must be canonical for this instruction's start.
    #[inline]
    pub const fn may_fault(self) -> bool {
        ATTRIBUTES[self as usize] & MAY_FAULT != 0
    }
    /// Computes an integer of integers, unless the type says vectors.
    #[inline]
    pub const fn is_integer(self) -> bool {
        ATTRIBUTES[self as usize] & INTEGER != 0
    }
    /// Scalar floating point, by the guest's rules and modes.
    #[inline]
    pub const fn is_float(self) -> bool {
        ATTRIBUTES[self as usize] & FLOAT != 0
    }
    /// Has a label or an exit in `imm`.
    #[inline]
    pub const fn branches(self) -> bool {
        ATTRIBUTES[self as usize] & BRANCHES != 0
    }
    /// Reads the flags.
    #[inline]
    pub const fn reads_flags(self) -> bool {
        ATTRIBUTES[self as usize] & READS_FLAGS != 0
    }
    /// Replaces all four flags.
    #[inline]
    pub const fn writes_flags(self) -> bool {
        ATTRIBUTES[self as usize] & WRITES_FLAGS != 0
    }
    /// Ends the block.
    #[inline]
    pub const fn ends_block(self) -> bool {
        ATTRIBUTES[self as usize] & ENDS_BLOCK != 0
    }
}

/// One operation, 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Op {
    /// What it does.
    pub code: OpCode,
    /// In which type.
    pub ty: Ty,
    /// Where the result goes.
    pub dst: Ref,
    /// First operand.
    pub a: Ref,
    /// Second operand.
    pub b: Ref,
    /// Third operand.
    pub c: Ref,
    /// Small parameters; meaning by `code`.
    pub aux: u16,
    /// A displacement, label, exit or other immediate; meaning by `code`.
    pub imm: i32,
}

const _: () = assert!(size_of::<Op>() == 16);

impl Op {
    /// An operation without operands.
    pub const fn new(code: OpCode, ty: Ty) -> Self {
        let n = Ref::NONE;
        Self { code, ty, dst: n, a: n, b: n, c: n, aux: 0, imm: 0 }
    }
    /// In two words: the fields in order, least significant first.
    #[inline]
    pub const fn encode(&self) -> [u64; 2] {
        [
            self.code as u64
                | (self.ty as u64) << 8
                | (self.dst.0 as u64) << 16
                | (self.a.0 as u64) << 32
                | (self.b.0 as u64) << 48,
            self.c.0 as u64 | (self.aux as u64) << 16 | (self.imm as u32 as u64) << 32,
        ]
    }
    /// As kept in `State::helper_op`: without the operands, in whose place are the block's rules.
    #[inline]
    pub const fn encode_for_helper(&self, rules: FpRules) -> [u64; 2] {
        let none = Ref(0);
        Self { dst: Ref(rules.encode()), a: none, b: none, c: none, ..*self }.encode()
    }
    /// The rules in an operation that was encoded by [`Op::encode_for_helper`].
    #[inline]
    pub const fn helper_rules(&self) -> FpRules {
        match self.dst.0 {
            0 => FpRules::decode(0),
            other => FpRules::decode(other),
        }
    }
    /// Whether this is an operation on six flags ([`SIX_FLAGS`]).
    #[inline]
    pub const fn has_six_flags(&self) -> bool {
        self.aux & crate::parameter::SIX_FLAGS != 0
            && matches!(
                self.code,
                OpCode::AddS
                    | OpCode::SubS
                    | OpCode::AndS
                    | OpCode::AdcS
                    | OpCode::SbcS
                    | OpCode::OrS
                    | OpCode::XorS
                    | OpCode::IncS
                    | OpCode::DecS
                    | OpCode::ShiftS
                    | OpCode::ShiftKeepS
                    | OpCode::ShiftPairS
                    | OpCode::SetC
                    | OpCode::MulS
                    | OpCode::ReadFlags
                    | OpCode::WriteFlags
            )
    }
    /// As [`OpCode::may_fault`], but not for vector operations on integers, which never do.
    pub fn may_fault(&self) -> bool {
        let harmless = self.code == OpCode::Vec && !VecOp::from_u16(self.aux).is_float();
        self.code.may_fault() && !harmless
    }
    /// Whether this is floating point by the guest's rules and modes, of scalars or of vectors.
    pub fn is_float(&self) -> bool {
        self.code.is_float() || self.code == OpCode::Vec && VecOp::from_u16(self.aux).is_float()
    }
    /// Whether an atomic operation is one of 16 bytes, on vectors.
    pub const fn is_16_bytes(&self) -> bool {
        self.aux & 7 == 4
    }
    /// Whether the result is a vector or floating-point value.
    pub const fn result_is_vector(&self) -> bool {
        match self.code {
            OpCode::FToInt
            | OpCode::FJcvt
            | OpCode::FClass
            | OpCode::FCmpSet
            | OpCode::ReadFpStatus
            | OpCode::VecToInt
            | OpCode::VecMask
            | OpCode::Ld
            | OpCode::StEx => false,
            OpCode::LdV
            | OpCode::IntToF
            | OpCode::IntVToF
            | OpCode::FToIntV
            | OpCode::IntToVec
            | OpCode::VecFromPair
            | OpCode::MovV
            | OpCode::Vec => true,
            OpCode::Cas | OpCode::LdEx => self.is_16_bytes(),
            _ => !self.ty.is_int(),
        }
    }
    /// Whether it is a return.
    pub const fn is_return(&self) -> bool {
        matches!(self.code, OpCode::ExitIndirect) && self.aux == 1
    }
    /// Whether a temporary is among the operands.
    #[inline]
    pub const fn mentions_temps(&self) -> bool {
        // In all four at once.
        let [low, high] = self.encode();
        let refs = low & !0xffff | high & 0xffff;
        refs & !(refs >> 1) & 0x4000_4000_4000_4000 != 0
    }
    /// The reverse of [`Op::encode`].
    ///
    /// # Panics
    /// If there is no such code.
    #[inline]
    pub const fn decode(w: [u64; 2]) -> Self {
        Self {
            code: OpCode::ALL[(w[0] & 0xff) as usize],
            ty: Ty::from_u8((w[0] >> 8) as u8),
            dst: Ref((w[0] >> 16) as u16),
            a: Ref((w[0] >> 32) as u16),
            b: Ref((w[0] >> 48) as u16),
            c: Ref(w[1] as u16),
            aux: (w[1] >> 16) as u16,
            imm: (w[1] >> 32) as i32,
        }
    }
}

impl core::fmt::Debug for Op {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "{:?} = {}.{:?} {:?} {:?} {:?} aux={:#x} imm={:#x}",
            self.dst,
            self.code.name(),
            self.ty,
            self.a,
            self.b,
            self.c,
            self.aux,
            self.imm
        )
    }
}
