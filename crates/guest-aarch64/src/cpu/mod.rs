//! The processor that the guest sees: its model and features, and from them `AT_HWCAP`, `AT_HWCAP2`
//! and the identification registers that Linux lets programs read.

pub mod feature;
pub mod model;
mod parse;
mod registers;

pub use feature::Features;
pub use model::{MODELS, Model};

/// MIDR_EL1 of QEMU's `max`: no maker's.
const MAX_MIDR: u64 = 0x000f_0510;
/// CTR_EL0: 64-byte lines, write-back granule and reservation granule; data cache cleaning is not
/// needed for instruction coherence (IDC), instruction cache invalidation is (no DIC).
pub const CTR: u64 = 0x9444_c004;
/// DCZID_EL0: DC ZVA zeroes 64 bytes.
pub const DCZID: u64 = 4;
/// CNTFRQ_EL0: the counter counts nanoseconds.
pub const CNTFRQ: u64 = 1_000_000_000;

/// A processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cpu {
    /// MIDR_EL1.
    pub midr: u64,
    /// Its features.
    pub features: Features,
}

impl Cpu {
    /// The default model.
    pub const DEFAULT: Self = Self { midr: MODELS[0].midr, features: MODELS[0].features };
    /// All instructions, but hints do nothing and pairs are two accesses.
    pub const PLAIN: Self = {
        let more = Features::PAUTH.with(Features::FPAC).with(Features::BTI).with(Features::LSE2);
        Self { midr: MAX_MIDR, features: Features::ALL.without(more) }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_consistent() {
        for model in &MODELS {
            let closed = model.features.closed();
            // SHA-3 may come without the claim to SHA-512.
            assert!(model.name == "default" || closed == model.features, "{}", model.name);
        }
    }
}
