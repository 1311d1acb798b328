//! What floating point does where IEEE 754 leaves a choice. A guest's rules are constants; what a
//! program can change of them is in [`Control`](crate::Control).

/// The choices of one instruction set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
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
    /// Whether a denormal operand that takes part in a computation raises [`crate::IDC`]. (Where it
    /// is flushed to zero instead, that always raises it.)
    pub denormal_status: bool,
}

/// Which NaN an operation with NaN operands gives. Signalling ones become quiet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NanRule {
    /// The first signalling one, or else the first quiet one; a fused multiply-add looks at the
    /// addend first. (Arm)
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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tiny {
    /// Before it is rounded. (Arm, Power, z/Architecture)
    BeforeRounding,
    /// After it is rounded to the format's precision. (x86, RISC-V, MIPS, LoongArch)
    AfterRounding,
}

/// What numbers that an integer type cannot hold become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ToInt {
    /// The nearest integer that there is; NaNs become 0. (Arm, LoongArch)
    Saturate,
    /// The nearest integer that there is; NaNs become the largest. (RISC-V)
    SaturateNanLargest,
    /// The integer with only its highest bit set, or with all bits set if it is unsigned. (x86)
    Indefinite,
}

/// What minimum and maximum give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MinMax {
    /// A NaN if one operand is one; -0 is less than +0. (Arm)
    Nan,
    /// The number if one operand is a NaN; -0 is less than +0. (IEEE 754-2019's minimumNumber:
    /// RISC-V)
    Number,
    /// The second operand if one is a NaN, which is invalid, or if both are zero. (SSE, AVX)
    Second,
}

impl Rules {
    /// Arm's, of AArch64 and of AArch32's VFP (Arm ARM, "Floating-point exceptions").
    pub const ARM: Self = Self {
        nan: NanRule::SignallingFirst,
        default_nan_negative: false,
        tiny: Tiny::BeforeRounding,
        to_int: ToInt::Saturate,
        min_max: MinMax::Nan,
        denormal_status: false,
    };
    /// RISC-V's (Unprivileged ISA, chapters "F" and "D").
    pub const RISCV: Self = Self {
        nan: NanRule::Canonical,
        default_nan_negative: false,
        tiny: Tiny::AfterRounding,
        to_int: ToInt::SaturateNanLargest,
        min_max: MinMax::Number,
        denormal_status: false,
    };
    /// Those of SSE and AVX (Intel SDM volume 1, 4.8.3.5 and 11.5).
    pub const SSE: Self = Self {
        nan: NanRule::First,
        default_nan_negative: true,
        tiny: Tiny::AfterRounding,
        to_int: ToInt::Indefinite,
        min_max: MinMax::Second,
        denormal_status: true,
    };
    /// The x87's (Intel SDM volume 1, 4.8.3.5 and 8.5).
    pub const X87: Self = Self { nan: NanRule::LargerSignificand, ..Self::SSE };
}
