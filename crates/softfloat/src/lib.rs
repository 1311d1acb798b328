//! Floating-point arithmetic in integers, exact in results and status bits.
//!
//! Values are bit patterns in the low bits of a `u64`, their [`Format`] given beside them; those of
//! 80 and 128 bits are in [`wide`]. Every operation is a method of [`Fp`], which knows the guest's
//! [`FpRules`] and modes and collects the cumulative status bits. Names follow the pseudocode of the Arm
//! ARM (FPAdd is [`Fp::add`]).

mod arith;
mod bfloat;
mod convert;
mod estimate;
mod format;
mod integral;
mod nan;
mod round;
pub mod rules;
pub mod wide;

pub use bfloat::bf_dot_add;
pub use estimate::{unsigned_recip, unsigned_rsqrt};
pub use format::Format;
pub use ir::fp::{FpControl, FpRules, MinMax, NanRule, Round, Tiny, ToInt};

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
/// Status: a denormal input was flushed to zero, or ([`FpRules::denormal_status`]) used.
pub const IDC: u32 = 1 << 7;
/// Status: an integer operation saturated.
pub const QC: u32 = 1 << 27;

/// Control and collected status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fp {
    /// Rules and modes.
    pub control: FpControl,
    /// Status bits raised so far: [`IOC`] and its like.
    pub status: u32,
}

impl Fp {
    /// With no status.
    pub const fn new(control: FpControl) -> Self {
        Self { control, status: 0 }
    }
    /// The rounding mode.
    pub const fn mode(&self) -> Round {
        self.control.rounding
    }
    const fn default_nan_mode(&self) -> bool {
        self.control.default_nan || matches!(self.control.rules.nan, NanRule::Canonical)
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
