//! What floating point does where IEEE 754 leaves a choice: the guest's rules, and the modes that a
//! program can change.

/// The choices of one instruction set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct FpRules {
    /// Which NaN an operation with NaN operands gives.
    pub nan: NanRule,
    /// The sign of the NaN that an invalid operation gives.
    pub default_nan_negative: bool,
    /// When a result counts as tiny, which decides over the underflow status.
    pub tiny: Tiny,
    /// What numbers out of range become as integers.
    pub to_int: ToInt,
    /// Minimum and maximum.
    pub min_max: MinMax,
    /// Whether a denormal operand that takes part in a computation raises the status "denormal", and one that
    /// is flushed to zero does not. (By other rules only flushing raises it.)
    pub denormal_status: bool,
    /// Scalar values of 16 and 32 bits are NaN-boxed in 64: all bits above them are ones, so that read as
    /// a double they are a NaN. A scalar floating-point operation takes an operand that is not boxed
    /// for the default NaN, and boxes its result. Values are in the slots [`crate::state::SCALAR_SLOTS`].
    pub boxed: bool,
}

/// Which NaN an operation with NaN operands gives. Signalling ones become quiet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[repr(u8)]
pub enum NanRule {
    /// The first signalling one, or else the first quiet one; a fused multiply-add looks at the
    /// addend first. (Arm)
    #[default]
    SignallingFirst,
    /// The first operand that is one; a fused multiply-add looks at the addend last, and infinity
    /// times zero is not invalid if the addend is a quiet NaN. (SSE, AVX)
    First,
    /// A quiet one, or else that with the larger significand, or else the positive one. (x87)
    LargerSignificand,
    /// The default NaN. (RISC-V)
    Canonical,
}

/// When a result counts as tiny: if it would be below the normal numbers with unlimited range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[repr(u8)]
pub enum Tiny {
    /// Before it is rounded. (Arm, Power, z/Architecture)
    #[default]
    BeforeRounding,
    /// After it is rounded to the format's precision. (x86, RISC-V, MIPS, LoongArch)
    AfterRounding,
}

/// What numbers that an integer type cannot hold become.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[repr(u8)]
pub enum ToInt {
    /// The nearest integer that there is; NaNs become 0. (Arm, LoongArch)
    #[default]
    Saturate,
    /// The nearest integer that there is; NaNs become the largest. (RISC-V)
    SaturateNanLargest,
    /// The integer with only its highest bit set, or with all bits set if it is unsigned. (x86)
    Indefinite,
}

/// What minimum and maximum give.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[repr(u8)]
pub enum MinMax {
    /// A NaN if one operand is one; -0 is less than +0. (Arm)
    #[default]
    Nan,
    /// The operations that prefer numbers give the number if one operand is a NaN, even a signalling
    /// one; -0 is less than +0. (IEEE 754-2019's minimumNumber: RISC-V)
    Number,
    /// The second operand if one is a NaN, which is invalid, or if both are zero. (SSE, AVX)
    Second,
}

/// A rounding mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[repr(u8)]
pub enum Round {
    /// To nearest, ties to even.
    #[default]
    Nearest,
    /// Towards plus infinity.
    Up,
    /// Towards minus infinity.
    Down,
    /// Towards zero.
    Zero,
    /// To nearest, ties away from zero.
    Away,
    /// To odd.
    Odd,
}

/// The rules, and the modes that a program has chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FpControl {
    /// The guest's rules.
    pub rules: FpRules,
    /// How results are rounded.
    pub rounding: Round,
    /// Denormal operands, but for half-precision ones, count as zero.
    pub flush_operands: bool,
    /// Tiny results, but for half-precision ones, become zero.
    pub flush_results: bool,
    /// Half-precision denormals are zero on both sides.
    pub flush_half: bool,
    /// Every NaN result is the default NaN, whatever the rules say.
    pub default_nan: bool,
    /// Half precision has numbers in the place of infinities and NaNs.
    pub alternative_half: bool,
    /// Exceptions that trap, in the order of [`crate::state::SLOT_FPSR`]: an operation that raises one
    /// is not done.
    pub unmasked: u8,
}

impl FpControl {
    /// Rounding to nearest, with nothing flushed.
    pub const fn new(rules: FpRules) -> Self {
        Self {
            rules,
            rounding: Round::Nearest,
            flush_operands: false,
            flush_results: false,
            flush_half: false,
            default_nan: false,
            alternative_half: false,
            unmasked: 0,
        }
    }
}

impl FpRules {
    /// In 16 bits, zero for [`FpRules::default`].
    pub const fn encode(self) -> u16 {
        self.nan as u16
            | (self.default_nan_negative as u16) << 2
            | (self.tiny as u16) << 3
            | (self.to_int as u16) << 4
            | (self.min_max as u16) << 6
            | (self.denormal_status as u16) << 8
            | (self.boxed as u16) << 9
    }
    /// The reverse of [`FpRules::encode`].
    #[inline]
    pub const fn decode(n: u16) -> Self {
        Self {
            nan: match n & 3 {
                0 => NanRule::SignallingFirst,
                1 => NanRule::First,
                2 => NanRule::LargerSignificand,
                _ => NanRule::Canonical,
            },
            default_nan_negative: n >> 2 & 1 != 0,
            tiny: if n >> 3 & 1 != 0 { Tiny::AfterRounding } else { Tiny::BeforeRounding },
            to_int: match n >> 4 & 3 {
                0 => ToInt::Saturate,
                1 => ToInt::SaturateNanLargest,
                _ => ToInt::Indefinite,
            },
            min_max: match n >> 6 & 3 {
                0 => MinMax::Nan,
                1 => MinMax::Number,
                _ => MinMax::Second,
            },
            denormal_status: n >> 8 & 1 != 0,
            boxed: n >> 9 & 1 != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_in_sixteen_bits() {
        assert_eq!(FpRules::default().encode(), 0);
        for n in 0..1 << 10 {
            let rules = FpRules::decode(n);
            let odd = n & 0x30 == 0x30 || n & 0xc0 == 0xc0;
            assert!(odd || rules.encode() == n, "{rules:?}");
        }
    }
}
