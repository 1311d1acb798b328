//! What the small parameters of an operation mean: conditions, modifiers of operands, accesses to
//! memory, roundings. They are kept in [`Op::aux`].

#[cfg(doc)]
use crate::{Op, OpCode};

/// A condition over N, Z, C, V (Arm's numbering and meaning; C set after a subtraction means
/// "no borrow") and, in the flagless compares, over two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Cond {
    /// Z: equal.
    Eq,
    /// !Z: not equal.
    Ne,
    /// C: unsigned higher or same.
    Hs,
    /// !C: unsigned lower.
    Lo,
    /// N: negative.
    Mi,
    /// !N: positive or zero.
    Pl,
    /// V: overflow.
    Vs,
    /// !V: no overflow.
    Vc,
    /// C && !Z: unsigned higher.
    Hi,
    /// !C || Z: unsigned lower or same.
    Ls,
    /// N == V: signed greater or equal.
    Ge,
    /// N != V: signed less.
    Lt,
    /// !Z && N == V: signed greater.
    Gt,
    /// Z || N != V: signed less or equal.
    Le,
    /// Always.
    Al,
    /// Always (the manual's NV).
    Nv,
    /// P: parity even ([`SIX_FLAGS`]).
    Pe,
    /// !P: parity odd.
    Po,
}

/// In the aux of operations that set flags: all six are set, P and A as well, and the carry of an addition
/// is inverted like that of a subtraction: C set means that there is none. Logic gives no carry. `AddS`,
/// `SubS`, `AndS`, `AdcS` and `SbcS` have no modifier then, and any integer type: of I8 and I16 the result is
/// zero-extended.
pub const SIX_FLAGS: u16 = 1 << 15;

/// Shifts and rotations that set flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum ShiftKind {
    /// Rotate left.
    Rol,
    /// Rotate right.
    Ror,
    /// Rotate left through the carry.
    Rcl,
    /// Rotate right through the carry.
    Rcr,
    /// Shift left.
    Shl,
    /// Shift right, zeros in.
    Shr,
    /// Shift right, sign in.
    Sar,
}

impl ShiftKind {
    /// From an aux.
    pub const fn from_aux(aux: u16) -> Self {
        match aux & 7 {
            0 => Self::Rol,
            1 => Self::Ror,
            2 => Self::Rcl,
            3 => Self::Rcr,
            4 => Self::Shl,
            5 => Self::Shr,
            _ => Self::Sar,
        }
    }
    /// Whether it is a rotation.
    pub const fn rotates(self) -> bool {
        matches!(self, Self::Rol | Self::Ror | Self::Rcl | Self::Rcr)
    }
}

impl Cond {
    /// From the discriminant: Arm's 4-bit number, or one of the two above them. (Higher bits do not count.)
    pub const fn from_u8(n: u8) -> Self {
        const ALL: [Cond; 18] = [
            Cond::Eq,
            Cond::Ne,
            Cond::Hs,
            Cond::Lo,
            Cond::Mi,
            Cond::Pl,
            Cond::Vs,
            Cond::Vc,
            Cond::Hi,
            Cond::Ls,
            Cond::Ge,
            Cond::Lt,
            Cond::Gt,
            Cond::Le,
            Cond::Al,
            Cond::Nv,
            Cond::Pe,
            Cond::Po,
        ];
        ALL[(if n & 16 == 0 { n & 15 } else { n & 17 }) as usize]
    }
    /// The opposite condition. `Al` and `Nv` have none and map to each other.
    pub const fn invert(self) -> Self {
        Self::from_u8(self as u8 ^ 1)
    }
    /// Whether it holds for `nzcv`, given as in PSTATE: N bit 31, Z 30, C 29, V 28; and P in bit 27.
    pub const fn holds(self, nzcv: u32) -> bool {
        let (n, z, c, v) =
            (nzcv >> 31 & 1 != 0, nzcv >> 30 & 1 != 0, nzcv >> 29 & 1 != 0, nzcv >> 28 & 1 != 0);
        match self {
            Self::Eq => z,
            Self::Ne => !z,
            Self::Hs => c,
            Self::Lo => !c,
            Self::Mi => n,
            Self::Pl => !n,
            Self::Vs => v,
            Self::Vc => !v,
            Self::Hi => c && !z,
            Self::Ls => !c || z,
            Self::Ge => n == v,
            Self::Lt => n != v,
            Self::Gt => !z && n == v,
            Self::Le => z || n != v,
            Self::Al | Self::Nv => true,
            Self::Pe => nzcv >> 27 & 1 != 0,
            Self::Po => nzcv >> 27 & 1 == 0,
        }
    }
}

/// What is done to operand `b` of an integer operation before it is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[expect(missing_docs, reason = "the manual's names")]
pub enum Modifier {
    /// Used as it is.
    None,
    Lsl(u8),
    Lsr(u8),
    Asr(u8),
    Ror(u8),
    /// Zero-extend from 8 bits, then shift left by 0..=4.
    Uxtb(u8),
    Uxth(u8),
    Uxtw(u8),
    Uxtx(u8),
    /// Sign-extend from 8 bits, then shift left by 0..=4.
    Sxtb(u8),
    Sxth(u8),
    Sxtw(u8),
    Sxtx(u8),
}

impl Modifier {
    /// As kept in [`Op::aux`]: amount in bits 5..0, kind above.
    pub const fn encode(self) -> u16 {
        let (kind, amount) = match self {
            Self::None => (0, 0),
            Self::Lsl(n) => (1, n),
            Self::Lsr(n) => (2, n),
            Self::Asr(n) => (3, n),
            Self::Ror(n) => (4, n),
            Self::Uxtb(n) => (5, n),
            Self::Uxth(n) => (6, n),
            Self::Uxtw(n) => (7, n),
            Self::Uxtx(n) => (8, n),
            Self::Sxtb(n) => (9, n),
            Self::Sxth(n) => (10, n),
            Self::Sxtw(n) => (11, n),
            Self::Sxtx(n) => (12, n),
        };
        kind << 6 | amount as u16
    }
    /// The reverse of [`Modifier::encode`].
    pub const fn decode(aux: u16) -> Self {
        let n = (aux & 63) as u8;
        match aux >> 6 {
            1 => Self::Lsl(n),
            2 => Self::Lsr(n),
            3 => Self::Asr(n),
            4 => Self::Ror(n),
            5 => Self::Uxtb(n),
            6 => Self::Uxth(n),
            7 => Self::Uxtw(n),
            8 => Self::Uxtx(n),
            9 => Self::Sxtb(n),
            10 => Self::Sxth(n),
            11 => Self::Sxtw(n),
            12 => Self::Sxtx(n),
            _ => Self::None,
        }
    }
    /// Applies it to `b` in an operation of `bits` (32 or 64).
    pub const fn apply(self, b: u64, bits: u32) -> u64 {
        let m = if bits == 32 { 0xffff_ffff } else { u64::MAX };
        let b = b & m;
        let r = match self {
            Self::None => b,
            Self::Lsl(n) => b << n,
            Self::Lsr(n) => b >> n,
            Self::Asr(n) => {
                if bits == 32 {
                    ((b as i32) >> n) as u64
                } else {
                    ((b as i64) >> n) as u64
                }
            }
            Self::Ror(n) => {
                if bits == 32 {
                    (b as u32).rotate_right(n as u32) as u64
                } else {
                    b.rotate_right(n as u32)
                }
            }
            Self::Uxtb(n) => (b as u8 as u64) << n,
            Self::Uxth(n) => (b as u16 as u64) << n,
            Self::Uxtw(n) => (b as u32 as u64) << n,
            Self::Uxtx(n) | Self::Sxtx(n) => b << n,
            Self::Sxtb(n) => (b as i8 as i64 as u64) << n,
            Self::Sxth(n) => (b as i16 as i64 as u64) << n,
            Self::Sxtw(n) => (b as i32 as i64 as u64) << n,
        };
        r & m
    }
}

/// Memory ordering of an access.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[expect(missing_docs, reason = "self-describing variants")]
pub enum Order {
    Relaxed,
    /// A load-acquire that is also ordered after earlier store-releases (Arm's LDAR).
    Acquire,
    /// A store-release that is also ordered before later load-acquires (Arm's STLR).
    Release,
    /// A load-acquire that is not ordered after earlier store-releases (Arm's LDAPR).
    AcquireOnly,
}

/// How memory is accessed; kept in [`Op::aux`] of `Ld`, `LdV`, `St`, `StV`.
/// Address = `a` + (index `b`, extended, shifted left by `shift`) + `imm`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Access {
    /// log2 of the size in bytes: 0..=4 (4 only for vectors).
    pub size: u8,
    /// Sign extension of an integer load: 0 none (zero-extend to 64), 32 or 64.
    pub sext: u8,
    /// Ordering.
    pub order: Order,
    /// Left shift of the index: 0..=4.
    pub shift: u8,
    /// Index extension: 0 = 64-bit, 1 = zero-extend from 32 bits, 2 = sign-extend from 32 bits.
    pub ext: u8,
    /// Must be naturally aligned (else an alignment fault, SIGBUS).
    pub aligned: bool,
    /// Or else within 16 aligned bytes ([`WITHIN_16`]).
    pub within_16: bool,
    /// The bytes in memory are in the reverse order ([`SWAP`]).
    pub swap: bool,
    /// The address is computed modulo 2^32 ([`WRAP32`]).
    pub wrap32: bool,
}

/// In the aux of [`Access`], `Rmw`, `Cas`, `LdEx` and `StEx` of at most 8 bytes: that the access is
/// within 16 aligned bytes is enough, it need not be aligned itself.
pub const WITHIN_16: u16 = 1 << 15;
/// In the aux of `Rmw` and `Cas` of at most 8 bytes: the access is atomic wherever it is.
pub const UNALIGNED: u16 = 1 << 12;
/// In the aux of [`Access`], `Rmw`, `Cas`, `LdEx` and `StEx`: the address is the low 32 bits of what is
/// computed for it, and never more than 2^32. (An access may not cross that: what it would reach is
/// never mapped.)
pub const WRAP32: u16 = 1 << 14;
/// In the same: the bytes in memory are in the reverse order, most significant first. All of an access
/// of a vector counts as one number.
pub const SWAP: u16 = 1 << 13;

impl Access {
    /// A plain access of `1 << size` bytes.
    pub const fn new(size: u8) -> Self {
        Self {
            size,
            sext: 0,
            order: Order::Relaxed,
            shift: 0,
            ext: 0,
            aligned: false,
            within_16: false,
            swap: false,
            wrap32: false,
        }
    }
    /// As kept in [`Op::aux`].
    pub const fn encode(self) -> u16 {
        let sext = match self.sext {
            32 => 1,
            64 => 2,
            _ => 0,
        };
        self.size as u16
            | sext << 3
            | (self.order as u16) << 5
            | (self.shift as u16) << 7
            | (self.ext as u16) << 10
            | (self.aligned as u16) << 12
            | if self.within_16 { WITHIN_16 } else { 0 }
            | if self.wrap32 { WRAP32 } else { 0 }
            | if self.swap { SWAP } else { 0 }
    }
    /// Whether an encoded one asks for alignment.
    pub const fn is_aligned(aux: u16) -> bool {
        aux >> 12 & 1 != 0
    }
    /// Whether an encoded one is ordered or reverses bytes.
    #[inline]
    pub const fn is_special(aux: u16) -> bool {
        aux & (3 << 5 | SWAP) != 0
    }
    /// The reverse of [`Access::encode`].
    #[inline]
    pub const fn decode(aux: u16) -> Self {
        Self {
            size: (aux & 7) as u8,
            sext: match aux >> 3 & 3 {
                1 => 32,
                2 => 64,
                _ => 0,
            },
            order: match aux >> 5 & 3 {
                1 => Order::Acquire,
                2 => Order::Release,
                3 => Order::AcquireOnly,
                _ => Order::Relaxed,
            },
            shift: (aux >> 7 & 7) as u8,
            ext: (aux >> 10 & 3) as u8,
            aligned: aux >> 12 & 1 != 0,
            within_16: aux & WITHIN_16 != 0,
            swap: aux & SWAP != 0,
            wrap32: aux & WRAP32 != 0,
        }
    }
}

/// The operation of an atomic read-modify-write. The old value is the result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "self-describing variants")]
pub enum RmwOp {
    Add,
    /// old & !operand (LDCLR).
    Clr,
    Eor,
    Set,
    SMax,
    SMin,
    UMax,
    UMin,
    Swp,
    /// old & operand.
    And,
}

impl RmwOp {
    /// From the discriminant.
    pub const fn from_u8(n: u8) -> Self {
        match n & 15 {
            0 => Self::Add,
            1 => Self::Clr,
            2 => Self::Eor,
            3 => Self::Set,
            4 => Self::SMax,
            5 => Self::SMin,
            6 => Self::UMax,
            7 => Self::UMin,
            9 => Self::And,
            _ => Self::Swp,
        }
    }
}

/// What a division by zero gives. Where a guest's instruction traps instead, its translation tests the
/// divisor itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum DivRule {
    /// The quotient is 0, the remainder the dividend. (Arm)
    Zero,
    /// The quotient is all ones, the remainder the dividend. (RISC-V)
    Ones,
}

impl DivRule {
    /// From an aux.
    pub const fn from_aux(aux: u16) -> Self {
        if aux & 1 == 0 { Self::Zero } else { Self::Ones }
    }
}

/// Rounding of a conversion or FRINT.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Rounding {
    /// To nearest, ties to even.
    Nearest,
    /// Towards plus infinity.
    Up,
    /// Towards minus infinity.
    Down,
    /// Towards zero.
    Zero,
    /// To nearest, ties away from zero.
    Away,
    /// As the guest's control register says.
    Current,
    /// To odd (FCVTXN).
    Odd,
}

impl Rounding {
    /// From the discriminant.
    pub const fn from_u8(n: u8) -> Self {
        match n {
            0 => Self::Nearest,
            1 => Self::Up,
            2 => Self::Down,
            3 => Self::Zero,
            4 => Self::Away,
            6 => Self::Odd,
            _ => Self::Current,
        }
    }
    /// As the operations keep it for which [`Rounding::Current`] is the usual one: that is 0.
    pub const fn chosen(self) -> u16 {
        match self {
            Self::Current => 0,
            other => 1 + other as u16,
        }
    }
    /// The reverse of [`Rounding::chosen`].
    pub const fn from_chosen(n: u16) -> Self {
        match n & 7 {
            0 => Self::Current,
            n => Self::from_u8(n as u8 - 1),
        }
    }
}
