//! What `-cpu` takes: our own form, and QEMU's.

use super::Cpu;
use super::feature::{FEATURES, Features};
use super::model::MODELS;
use guest::option;

/// Properties of QEMU's processors that programs do not notice, and that are on or off.
const SWITCHES: [&str; 6] = ["mmu", "pmp", "svade", "svadu", "sv39", "sv48"];
/// Extensions that are not there.
const ABSENT: [&str; 8] = ["h", "smnpm", "ssnpm", "supm", "zcmp", "zcmt", "zicfilp", "zicfiss"];
/// Properties with a number that programs do not notice.
const NUMBERS: [&str; 6] =
    ["marchid", "mimpid", "mvendorid", "num-pmp-regs", "pmu-mask", "pmu-num"];
/// Those that they notice, of which there is one value each: bytes of a cache's block, bits of the
/// widest element and of a vector register.
const SIZES: [(&str, u64); 5] = [
    ("cbom_blocksize", 64),
    ("cbop_blocksize", 64),
    ("cboz_blocksize", 64),
    ("elen", 64),
    ("vlen", crate::vector::VLEN as u64),
];

impl Cpu {
    /// The processor that `text` describes: a model's name, then changes to its extensions, separated
    /// by commas: `+zba`, `-zfa`, or as QEMU writes them `zba=on`, `zfa=off`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.split(',').next().unwrap_or_default();
        let model = MODELS.iter().find(|m| m.name == name).ok_or_else(|| {
            let names: Vec<_> = MODELS.iter().map(|m| m.name).collect();
            format!("unknown processor {name}; there are {}", names.join(", "))
        })?;
        let mut cpu = Self { features: model.features };
        for part in option::changes(text) {
            cpu.change(part)?;
        }
        Ok(cpu)
    }

    fn change(&mut self, part: &str) -> Result<(), String> {
        let (name, value) = option::split(part)?;
        if let Some(set) = Features::named(&name) {
            self.features = match option::switch(&name, value)? {
                true => self.features.with(set).closed(),
                false => self.features.stripped(set),
            };
        } else if SWITCHES.contains(&name.as_str()) || ABSENT.contains(&name.as_str()) {
            option::switch(&name, value)?;
        } else if NUMBERS.contains(&name.as_str()) || SIZES.iter().any(|s| s.0 == name) {
            option::number(&name, value)?;
        } else {
            let names: Vec<_> = FEATURES.iter().map(|f| f.name).collect();
            return Err(format!("unknown extension {name}; there are {}", names.join(", ")));
        }
        Ok(())
    }

    /// What `text`, which [`Cpu::parse`] takes, asks for and is not there: its instructions raise
    /// SIGILL, and programs are told so.
    pub fn absent(text: &str) -> Vec<&str> {
        let asked = |part: &&str| {
            let Ok((name, value)) = option::split(part) else { return false };
            ABSENT.contains(&name.as_str()) && option::switch(&name, value) == Ok(true)
        };
        option::changes(text).filter(asked).collect()
    }

    /// What `text`, which [`Cpu::parse`] takes, asks to be of another size than it is here.
    pub fn other_sizes(text: &str) -> Vec<String> {
        let other = |part: &str| {
            let (name, value) = option::split(part).ok()?;
            let (_, size) = SIZES.into_iter().find(|s| s.0 == name)?;
            let differs = option::number(&name, value).is_ok_and(|number| number != size);
            differs.then(|| format!("{part}: it stays {size}"))
        };
        option::changes(text).filter_map(other).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_changes_are_parsed() {
        assert_eq!(Cpu::parse("default"), Ok(Cpu::DEFAULT));
        let cpu = Cpu::parse("rv64,+zfh,zba=on").expect("valid");
        assert!(cpu.features.has(Features::ZFHMIN | Features::ZFH | Features::ZBA));
        assert!(!cpu.features.has(Features::ZBB));
        let cpu = Cpu::parse("max,-f").expect("valid");
        assert!(!cpu.features.has(Features::D));
        for wrong in ["z80", "rv64,zba", "rv64,+", "rv64,+xyz", "rv64,zba=maybe", "rv64,vlen=x"] {
            assert!(Cpu::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Cpu::parse("rv64,pmp=off,marchid=0x5").is_ok());
        let text = "max,vlen=256,elen=64,cboz_blocksize=0x20,+h,h=off";
        assert!(Cpu::parse(text).is_ok());
        assert_eq!(
            Cpu::other_sizes(text),
            ["vlen=256: it stays 128", "cboz_blocksize=0x20: it stays 64"]
        );
        assert_eq!(Cpu::absent(text), ["+h"]);
    }
}
