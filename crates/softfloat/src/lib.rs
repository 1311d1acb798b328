//! Floating-point arithmetic in integers, exact in results and status bits.
//!
//! Values are bit patterns in the low bits of a `u64`, their [`Format`] given beside them; those of
//! 80 and 128 bits are in [`wide`]. Every operation is a method of [`Fp`], which knows the guest's
//! [`Rules`] and modes and collects the cumulative status bits. Names follow the pseudocode of the Arm
//! ARM (FPAdd is [`Fp::add`]).

mod arith;
mod bfloat;
mod convert;
mod estimate;
mod format;
mod integral;
mod nan;
mod round;
mod rules;
pub mod wide;

pub use bfloat::bf_dot_add;
pub use estimate::{unsigned_recip, unsigned_rsqrt};
pub use format::Format;
pub use rules::{MinMax, NanRule, Rules, Tiny, ToInt};

/// Status: invalid operation.
pub const IOC: u32 = 1 << 0;
/// Status: division by zero.
pub const DZC: u32 = 1 << 1;
/// Status: overflow.
pub const OFC: u32 = 1 << 2;
/// Status: underflow.
pub const UFC: u32 = 1 << 3;
/// Status: inexact.
pub const IXC: u32 = 1 << 4;
/// Status: a denormal input was flushed to zero, or ([`Rules::denormal_status`]) used.
pub const IDC: u32 = 1 << 7;
/// Status: an integer operation saturated.
pub const QC: u32 = 1 << 27;

/// A rounding mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Round {
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
    /// To odd.
    Odd,
}

/// The rules, and the modes that a program has chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Control {
    /// The guest's rules.
    pub rules: Rules,
    /// How results are rounded.
    pub rounding: Round,
    /// Denormal operands, but for half-precision ones, count as zero.
    pub flush_operands: bool,
    /// Tiny results, but for half-precision ones, become zero.
    pub flush_results: bool,
    /// Half-precision denormals are zero on both sides.
    pub flush_half: bool,
    /// Every NaN result is the default NaN.
    pub default_nan: bool,
    /// Half precision has numbers in the place of infinities and NaNs.
    pub alternative_half: bool,
}

impl Control {
    /// Rounding to nearest, with nothing flushed.
    pub const fn new(rules: Rules) -> Self {
        Self {
            rules,
            rounding: Round::Nearest,
            flush_operands: false,
            flush_results: false,
            flush_half: false,
            default_nan: matches!(rules.nan, NanRule::Canonical),
            alternative_half: false,
        }
    }
    /// What FPCR says, on Arm.
    pub const fn arm(fpcr: u64) -> Self {
        let flush = fpcr >> 24 & 1 != 0;
        Self {
            rules: Rules::ARM,
            rounding: match fpcr >> 22 & 3 {
                0 => Round::Nearest,
                1 => Round::Up,
                2 => Round::Down,
                _ => Round::Zero,
            },
            flush_operands: flush,
            flush_results: flush,
            flush_half: fpcr >> 19 & 1 != 0,
            default_nan: fpcr >> 25 & 1 != 0,
            alternative_half: fpcr >> 26 & 1 != 0,
        }
    }
}

/// Control and collected status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fp {
    /// Rules and modes.
    pub control: Control,
    /// Status bits raised so far: [`IOC`] and its like.
    pub status: u32,
}

impl Fp {
    /// With no status.
    pub const fn new(control: Control) -> Self {
        Self { control, status: 0 }
    }
    /// The rounding mode.
    pub const fn mode(&self) -> Round {
        self.control.rounding
    }
    const fn default_nan_mode(&self) -> bool {
        self.control.default_nan
    }
    /// Whether denormal operands of `f` count as zero.
    const fn flushes_operands(&self, f: Format) -> bool {
        if f.is_half() { self.control.flush_half } else { self.control.flush_operands }
    }
    /// Whether tiny results of `f` become zero.
    const fn flushes_results(&self, f: Format) -> bool {
        if f.is_half() { self.control.flush_half } else { self.control.flush_results }
    }
    const fn alternative_half(&self) -> bool {
        self.control.alternative_half
    }
    const fn raise(&mut self, bits: u32) {
        self.status |= bits;
    }
}

#[cfg(test)]
mod tests;
