//! The processor that the guest sees: its features, and from them CPUID, `AT_HWCAP` and the line of flags in
//! /proc/cpuinfo.

mod bits;
mod cpuid;
mod model;
mod parse;

pub use model::{MODELS, Model};

use crate::decode::Feature;

/// Features, by their numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Features(u128);

impl Features {
    /// None.
    pub const NONE: Self = Self(0);
    /// All that there are.
    pub const ALL: Self = Self::of(Feature::ALL);

    /// These.
    pub const fn of(features: &[Feature]) -> Self {
        let (mut set, mut n) = (0, 0);
        while n < features.len() {
            set |= 1 << features[n] as u8;
            n += 1;
        }
        Self(set)
    }
    /// Whether `feature` is among them.
    #[inline]
    pub const fn has(self, feature: Feature) -> bool {
        self.0 >> feature as u8 & 1 != 0
    }
    /// These and those of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// These but for those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// A processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cpu {
    /// Its features.
    pub features: Features,
    /// EAX of CPUID.1: stepping, model and family.
    pub signature: u32,
}

impl Cpu {
    /// The default model.
    pub const DEFAULT: Self = MODELS[0].cpu;
    /// All instructions.
    pub const MAX: Self = Self { features: Features::ALL, ..Self::DEFAULT };

    /// Whether it has `feature`.
    #[inline]
    pub const fn has(&self, feature: Feature) -> bool {
        self.features.has(feature)
    }
    /// Whether it has the upper halves of vectors.
    pub(crate) const fn has_avx(&self) -> bool {
        self.has(Feature::Avx)
    }
    /// `AT_HWCAP` and `AT_HWCAP2`.
    pub(crate) fn hwcap(&self) -> [u64; 2] {
        const FSGSBASE: u64 = 2;
        let second = if self.has(Feature::Fsgsbase) { FSGSBASE } else { 0 };
        [self.cpuid(1, 0)[3].into(), second]
    }
}
