//! The processor that the guest sees: its model and features, and from them `AT_HWCAP`, `AT_HWCAP2`
//! and the identification registers that Linux lets programs read.

pub mod feature;
pub mod model;
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

    /// The processor that `text` describes: a model's name, then changes to its features, separated
    /// by commas: `+crc32`, `-pauth`, or as QEMU writes them `crc32=on`, `pauth=off`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let name = parts.next().unwrap_or_default();
        let model = MODELS.iter().find(|m| m.name == name).ok_or_else(|| {
            let names: Vec<_> = MODELS.iter().map(|m| m.name).collect();
            format!("unknown processor {name}; there are {}", names.join(", "))
        })?;
        let mut cpu = Self { midr: model.midr, features: model.features };
        for part in parts.filter(|part| !part.is_empty()) {
            cpu.features = change(cpu.features, part)?;
        }
        Ok(cpu)
    }
}

/// What QEMU's processors have and ours never do: turning it off changes nothing.
const ABSENT: [&str; 8] =
    ["sve", "sme", "mte", "sve128", "sme_fa64", "gcs", "lpa2", "pauth-impdef"];

/// `features` after one change.
fn change(features: Features, part: &str) -> Result<Features, String> {
    let (name, on) = if let Some(name) = part.strip_prefix('+') {
        (name, true)
    } else if let Some(name) = part.strip_prefix('-') {
        (name, false)
    } else if let Some((name, value)) = part.split_once('=') {
        (name, matches!(value, "on" | "true" | "yes" | "1"))
    } else {
        return Err(format!("{part} is neither +FEATURE nor -FEATURE"));
    };
    let name = name.to_ascii_lowercase();
    match Features::named(&name) {
        Some(set) if on => Ok(features.with(set).closed()),
        Some(set) => Ok(features.stripped(set)),
        None if !on && ABSENT.contains(&name.as_str()) => Ok(features),
        None => {
            let names: Vec<_> = feature::FEATURES.iter().map(|f| f.name).collect();
            Err(format!("unknown feature {name}; there are {}", names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_changes_are_parsed() {
        assert_eq!(Cpu::parse("default"), Ok(Cpu::DEFAULT));
        let cpu = Cpu::parse("max,-pauth,-bti,-lse2").unwrap();
        assert_eq!(cpu, Cpu::PLAIN);
        assert_eq!(Cpu::parse("max,pauth=off,bti=off,lse2=off,sve=off"), Ok(cpu));
        let cpu = Cpu::parse("cortex-a53,+lse,+fhm").unwrap();
        assert!(cpu.features.has(Features::LSE | Features::FP16 | Features::FHM));
        assert!(!cpu.features.has(Features::RDM));
        assert!(Cpu::parse("z80").is_err());
        assert!(Cpu::parse("max,+sve").is_err());
        assert!(Cpu::parse("max,aes").is_err());
    }

    #[test]
    fn models_are_consistent() {
        for model in &MODELS {
            let closed = model.features.closed();
            // SHA-3 may come without the claim to SHA-512.
            assert!(model.name == "default" || closed == model.features, "{}", model.name);
        }
    }
}
