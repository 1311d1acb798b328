//! Arm's floating-point arithmetic in integers, exact in results and status bits.
//!
//! Values are bit patterns in the low bits of a `u64`, their [`Format`] given beside them. Every
//! operation is a method of [`Fp`], which holds the control register and collects the cumulative
//! status bits. Names follow the pseudocode of the Arm ARM (FPAdd is [`Fp::add`]).

mod arith;
mod bfloat;
mod convert;
mod estimate;
mod format;
mod integral;
mod nan;
mod round;

pub use bfloat::bf_dot_add;
pub use estimate::{unsigned_recip, unsigned_rsqrt};
pub use format::Format;

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
/// Status: a denormal input was flushed to zero.
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

/// Control and collected status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fp {
    /// FPCR.
    pub control: u64,
    /// Status bits raised so far, as in FPSR.
    pub status: u32,
}

impl Fp {
    /// With a control register and no status.
    pub const fn new(control: u64) -> Self {
        Self { control, status: 0 }
    }
    /// The rounding mode of the control register.
    pub const fn mode(&self) -> Round {
        match self.control >> 22 & 3 {
            0 => Round::Nearest,
            1 => Round::Up,
            2 => Round::Down,
            _ => Round::Zero,
        }
    }
    /// FPCR.DN.
    const fn default_nan_mode(&self) -> bool {
        self.control >> 25 & 1 != 0
    }
    /// Whether denormals of `f` are flushed to zero.
    const fn flushes(&self, f: Format) -> bool {
        self.control >> (if f.is_half() { 19 } else { 24 }) & 1 != 0
    }
    /// FPCR.AHP.
    const fn alternative_half(&self) -> bool {
        self.control >> 26 & 1 != 0
    }
    const fn raise(&mut self, bits: u32) {
        self.status |= bits;
    }
}

#[cfg(test)]
mod tests;
