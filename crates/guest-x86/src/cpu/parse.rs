//! What `-cpu` takes: a model's name, then changes to its features, separated by commas.

use super::{Cpu, Features, MODELS};
use crate::decode::Feature;
use guest::option;

impl Cpu {
    /// The processor that `text` describes: `x86-64-v2,+movbe,-popcnt`, or as QEMU writes it `movbe=on`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.split(',').next().unwrap_or_default();
        let model = MODELS.iter().find(|model| model.name == name).ok_or_else(|| {
            let names: Vec<_> = MODELS.iter().map(|model| model.name).collect();
            format!("unknown processor {name}; there are {}", names.join(", "))
        })?;
        let mut cpu = model.cpu;
        for part in option::changes(text) {
            let (name, value) = option::split(part)?;
            let feature = Feature::ALL.iter().find(|feature| feature.name() == name);
            let set = Features::of(core::slice::from_ref(feature.ok_or_else(|| {
                let names: Vec<_> = Feature::ALL.iter().map(|feature| feature.name()).collect();
                format!("unknown feature {name}; there are {}", names.join(", "))
            })?));
            cpu.features = match option::switch(&name, value)? {
                true => cpu.features.with(set),
                false => cpu.features.without(set),
            };
        }
        Ok(cpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_changes() {
        let cpu = Cpu::parse("x86-64,+movbe,cmov=off").unwrap();
        assert!(cpu.has(Feature::Movbe) && !cpu.has(Feature::Cmov) && cpu.has(Feature::Sse2));
        assert!(Cpu::parse("pentium").is_err() && Cpu::parse("max,+nonsense").is_err());
    }
}
