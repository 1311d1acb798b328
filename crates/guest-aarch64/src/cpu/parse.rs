//! What `-cpu` takes: our own form, and all that QEMU's has.

use super::Cpu;
use super::feature::{self, Features};
use super::model::MODELS;
use guest::option::{changes, number, split, switch};

/// A property that QEMU's processors have and that is no feature of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Property {
    /// On or off, which programs do not notice here.
    Unnoticed,
    /// On or off; on asks for instructions that are not there.
    Absent,
    /// On; arm64 programs cannot do without it.
    Fixed,
    /// A number that programs do not notice here.
    Number,
    /// MIDR_EL1.
    Midr,
}

/// Those without a vector length in their names.
const PROPERTIES: [(&str, Property); 29] = [
    ("aarch64", Property::Fixed),
    ("neon", Property::Fixed),
    ("vfp", Property::Fixed),
    ("sve", Property::Absent),
    ("sme", Property::Absent),
    ("sme_fa64", Property::Absent),
    ("mte", Property::Absent),
    ("gcs", Property::Absent),
    ("sve-max-vq", Property::Number),
    ("sve-default-vector-length", Property::Number),
    ("sme-default-vector-length", Property::Number),
    // Pointers are signed in one way only; all are alike to programs.
    ("pauth-impdef", Property::Unnoticed),
    ("pauth-qarma3", Property::Unnoticed),
    ("pauth-qarma5", Property::Unnoticed),
    ("backcompat-pauth-default-use-qarma5", Property::Unnoticed),
    // For systems, not for programs.
    ("lpa2", Property::Unnoticed),
    ("pmu", Property::Unnoticed),
    ("cfgend", Property::Unnoticed),
    ("reset-hivecs", Property::Unnoticed),
    ("x-rme", Property::Unnoticed),
    ("backcompat-cntfrq", Property::Unnoticed),
    ("cntfrq", Property::Number),
    ("core-count", Property::Number),
    ("mp-affinity", Property::Number),
    ("node-id", Property::Number),
    ("psci-conduit", Property::Number),
    ("rvbar", Property::Number),
    ("x-l0gptsz", Property::Number),
    ("midr", Property::Midr),
];

fn property(name: &str) -> Option<Property> {
    if let Some((_, property)) = PROPERTIES.iter().find(|(n, _)| *n == name) {
        return Some(*property);
    }
    // sve128 to sve2048, sme128 to sme2048.
    let bits = name.strip_prefix("sve").or_else(|| name.strip_prefix("sme"))?;
    let bits: u32 = bits.parse().ok()?;
    ((128..=2048).contains(&bits) && bits.is_multiple_of(128)).then_some(Property::Absent)
}

impl Cpu {
    /// The processor that `text` describes: a model's name, then changes to its features, separated
    /// by commas: `+crc32`, `-pauth`, or as QEMU writes them `crc32=on`, `pauth=off`. All models and
    /// properties of QEMU are taken.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.split(',').next().unwrap_or_default();
        let model = MODELS.iter().find(|m| m.name == name).ok_or_else(|| {
            let names: Vec<_> = MODELS.iter().map(|m| m.name).collect();
            format!("unknown processor {name}; there are {}", names.join(", "))
        })?;
        let mut cpu = Self { midr: model.midr, features: model.features };
        for part in changes(text) {
            cpu.change(part)?;
        }
        Ok(cpu)
    }

    fn change(&mut self, part: &str) -> Result<(), String> {
        let (name, value) = split(part)?;
        if let Some(set) = Features::named(&name) {
            self.features = match switch(&name, value)? {
                true => self.features.with(set).closed(),
                false => self.features.stripped(set),
            };
            return Ok(());
        }
        match property(&name) {
            Some(Property::Unnoticed | Property::Absent) => drop(switch(&name, value)?),
            Some(Property::Fixed) if switch(&name, value)? => {}
            Some(Property::Fixed) => {
                return Err(format!(
                    "{name}={value}: arm64 programs need it; 32-bit ones run under an emulator for arm"
                ));
            }
            Some(Property::Number) => drop(number(&name, value)?),
            Some(Property::Midr) => self.midr = number(&name, value)?,
            None => {
                let names: Vec<_> = feature::FEATURES.iter().map(|f| f.name).collect();
                return Err(format!("unknown feature {name}; there are {}", names.join(", ")));
            }
        }
        Ok(())
    }

    /// What `text`, which [`Cpu::parse`] takes, asks for and is not there: its instructions raise
    /// SIGILL, and programs are told so by `AT_HWCAP`.
    pub fn absent(text: &str) -> Vec<&str> {
        let asked = |part: &&str| {
            let Ok((name, value)) = split(part) else { return false };
            property(&name) == Some(Property::Absent) && switch(&name, value) == Ok(true)
        };
        changes(text).filter(asked).collect()
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
        assert_eq!(Cpu::parse("any,pauth=off,bti=n,lse2=false,sve=off"), Ok(cpu));
        let cpu = Cpu::parse("cortex-a53,+lse,+fhm").unwrap();
        assert!(cpu.features.has(Features::LSE | Features::FP16 | Features::FHM));
        assert!(!cpu.features.has(Features::RDM));
        assert!(Cpu::parse("z80").is_err());
        assert!(Cpu::parse("max,aes").is_err());
    }

    #[test]
    fn qemus_properties_are_taken() {
        let max = Cpu::parse("max").unwrap();
        for taken in ["pauth-impdef=on", "pauth-qarma5=off", "lpa2=off", "aarch64=on", "sve1920=on"]
        {
            assert_eq!(Cpu::parse(&format!("max,{taken}")), Ok(max), "{taken}");
        }
        for wrong in ["pauth-impdef=maybe", "aarch64=off", "sve-max-vq=on", "sve100=on", "sve"] {
            assert!(Cpu::parse(&format!("max,{wrong}")).is_err(), "{wrong}");
        }
        assert_eq!(Cpu::parse("max,midr=0x411fd402").unwrap().midr, 0x411f_d402);
        assert_eq!(Cpu::absent("max,sve=on,sme=off,pauth-impdef=on,+mte"), ["sve=on", "+mte"]);
        assert!(Cpu::absent("a64fx").is_empty());
    }
}
