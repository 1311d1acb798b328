//! The processor that the guest sees: its extensions, and from them `AT_HWCAP` and the ISA string, of
//! which Linux makes its answers to `riscv_hwprobe`.

pub mod feature;
pub mod model;
mod parse;

pub use feature::Features;
pub use model::{MODELS, Model};

/// Bytes of a cache block, for CBO.ZERO and its like.
pub const CACHE_BLOCK: u64 = 64;
/// How often the counters count in a second.
pub const TIME_FREQUENCY: u64 = 1_000_000_000;

/// A processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cpu {
    /// Its extensions.
    pub features: Features,
}

impl Cpu {
    /// The default model.
    pub const DEFAULT: Self = Self { features: MODELS[0].features };
    /// All instructions; atomic ones must be aligned.
    pub const PLAIN: Self = Self { features: Features::ALL.without(Features::ZAMA16B) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_consistent() {
        for model in &MODELS {
            assert_eq!(model.features.closed(), model.features, "{}", model.name);
        }
    }
}
