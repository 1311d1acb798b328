//! The rules of known instruction sets.

use ir::{FpRules, MinMax, NanRule, Tiny, ToInt};

/// Arm's, of AArch64 and of AArch32's VFP (Arm ARM, "Floating-point exceptions").
pub const ARM: FpRules = FpRules {
    nan: NanRule::SignallingFirst,
    default_nan_negative: false,
    tiny: Tiny::BeforeRounding,
    to_int: ToInt::Saturate,
    min_max: MinMax::Nan,
    denormal_status: false,
    boxed: false,
};
/// RISC-V's (Unprivileged ISA, chapters "F" and "D").
pub const RISCV: FpRules = FpRules {
    nan: NanRule::Canonical,
    default_nan_negative: false,
    tiny: Tiny::AfterRounding,
    to_int: ToInt::SaturateNanLargest,
    min_max: MinMax::Number,
    denormal_status: false,
    boxed: true,
};
/// Those of SSE and AVX (Intel SDM volume 1, 4.8.3.5 and 11.5).
pub const SSE: FpRules = FpRules {
    nan: NanRule::First,
    default_nan_negative: true,
    tiny: Tiny::AfterRounding,
    to_int: ToInt::Indefinite,
    min_max: MinMax::Second,
    denormal_status: true,
    boxed: false,
};
/// The x87's (Intel SDM volume 1, 4.8.3.5 and 8.5).
pub const X87: FpRules = FpRules { nan: NanRule::LargerSignificand, ..SSE };
