//! The bits of CPUID that tell features, and their names in /proc/cpuinfo.

use crate::cpu::{Cpu, Features};
use crate::decode::Feature;

/// Registers of CPUID's answer.
const EAX: u8 = 0;
const EBX: u8 = 1;
const ECX: u8 = 2;
const EDX: u8 = 3;

/// A bit of CPUID.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bit {
    leaf: u32,
    subleaf: u32,
    register: u8,
    bit: u8,
    /// Linux's name of it; empty if it has none.
    name: &'static str,
    /// What makes it set; always, if there is nothing.
    feature: Option<Feature>,
}

const fn always(leaf: u32, register: u8, bit: u8, name: &'static str) -> Bit {
    Bit { leaf, subleaf: 0, register, bit, name, feature: None }
}

const fn of(leaf: u32, register: u8, bit: u8, name: &'static str, feature: Feature) -> Bit {
    Bit { leaf, subleaf: 0, register, bit, name, feature: Some(feature) }
}

const EXTENDED: u32 = 0x8000_0001;

/// All of them, in Linux's order.
#[rustfmt::skip]
pub(crate) static BITS: &[Bit] = &[
    of(1, EDX, 0, "fpu", Feature::X87),
    always(1, EDX, 1, "vme"),
    always(1, EDX, 2, "de"),
    always(1, EDX, 3, "pse"),
    of(1, EDX, 4, "tsc", Feature::Tsc),
    always(1, EDX, 5, "msr"),
    always(1, EDX, 6, "pae"),
    always(1, EDX, 7, "mce"),
    of(1, EDX, 8, "cx8", Feature::Cx8),
    always(1, EDX, 9, "apic"),
    of(1, EDX, 11, "sep", Feature::Sep),
    always(1, EDX, 12, "mtrr"),
    always(1, EDX, 13, "pge"),
    always(1, EDX, 14, "mca"),
    of(1, EDX, 15, "cmov", Feature::Cmov),
    always(1, EDX, 16, "pat"),
    always(1, EDX, 17, "pse36"),
    of(1, EDX, 19, "clflush", Feature::Clfsh),
    of(1, EDX, 23, "mmx", Feature::Mmx),
    of(1, EDX, 24, "fxsr", Feature::Fxsr),
    of(1, EDX, 25, "sse", Feature::Sse),
    of(1, EDX, 26, "sse2", Feature::Sse2),
    of(EXTENDED, EDX, 11, "syscall", Feature::Syscall),
    always(EXTENDED, EDX, 20, "nx"),
    of(EXTENDED, EDX, 27, "rdtscp", Feature::Rdtscp),
    always(EXTENDED, EDX, 29, "lm"),
    of(1, ECX, 0, "pni", Feature::Sse3),
    of(1, ECX, 1, "pclmulqdq", Feature::Pclmulqdq),
    of(1, ECX, 9, "ssse3", Feature::Ssse3),
    of(1, ECX, 12, "fma", Feature::Fma),
    of(1, ECX, 13, "cx16", Feature::Cx16),
    of(1, ECX, 19, "sse4_1", Feature::Sse41),
    of(1, ECX, 20, "sse4_2", Feature::Sse42),
    of(1, ECX, 22, "movbe", Feature::Movbe),
    of(1, ECX, 23, "popcnt", Feature::Popcnt),
    of(1, ECX, 25, "aes", Feature::Aes),
    of(1, ECX, 26, "xsave", Feature::Xsave),
    of(1, ECX, 27, "", Feature::Xsave),
    of(1, ECX, 28, "avx", Feature::Avx),
    of(1, ECX, 29, "f16c", Feature::F16c),
    of(1, ECX, 30, "rdrand", Feature::Rdrand),
    always(1, ECX, 31, "hypervisor"),
    of(EXTENDED, ECX, 0, "lahf_lm", Feature::Lahf),
    of(EXTENDED, ECX, 5, "abm", Feature::Lzcnt),
    of(7, EBX, 0, "fsgsbase", Feature::Fsgsbase),
    of(7, EBX, 3, "bmi1", Feature::Bmi1),
    of(7, EBX, 5, "avx2", Feature::Avx2),
    of(7, EBX, 8, "bmi2", Feature::Bmi2),
    of(7, EBX, 18, "rdseed", Feature::Rdseed),
    of(7, EBX, 19, "adx", Feature::Adx),
    of(7, EBX, 23, "clflushopt", Feature::Clflushopt),
    of(7, EBX, 24, "clwb", Feature::Clwb),
    of(7, EBX, 29, "sha_ni", Feature::Sha),
    of(7, ECX, 8, "gfni", Feature::Gfni),
    of(7, ECX, 9, "vaes", Feature::Vaes),
    of(7, ECX, 10, "vpclmulqdq", Feature::Vpclmulqdq),
    of(7, ECX, 22, "rdpid", Feature::Rdpid),
    of(7, EDX, 14, "serialize", Feature::Serialize),
    Bit { leaf: 0xd, subleaf: 1, register: EAX, bit: 0, name: "xsaveopt", feature: Some(Feature::Xsaveopt) },
    Bit { leaf: 0xd, subleaf: 1, register: EAX, bit: 1, name: "xsavec", feature: Some(Feature::Xsavec) },
    Bit { leaf: 7, subleaf: 1, register: EAX, bit: 7, name: "cmpccxadd", feature: Some(Feature::Cmpccxadd) },
];

impl Bit {
    fn is_set(&self, cpu: &Cpu) -> bool {
        self.feature.is_none_or(|feature| cpu.has(feature))
    }
}

impl Features {
    /// Those of the processor whose `flags` line in /proc/cpuinfo this is, and all for which Linux has no
    /// name there.
    pub fn named_in(flags: &str) -> Self {
        let missing = |bit: &&Bit| {
            !bit.name.is_empty() && !flags.split_whitespace().any(|flag| flag == bit.name)
        };
        let lacks = BITS.iter().filter(missing).filter_map(|bit| bit.feature);
        lacks.fold(Self::ALL, |all, feature| all.without(Self::of(&[feature])))
    }
}

impl Cpu {
    /// The bits of features in the answer of a leaf.
    pub(crate) fn feature_bits(&self, leaf: u32, subleaf: u32) -> [u32; 4] {
        let mut out = [0; 4];
        let here = BITS.iter().filter(|bit| (bit.leaf, bit.subleaf) == (leaf, subleaf));
        for bit in here.filter(|bit| bit.is_set(self)) {
            out[usize::from(bit.register)] |= 1 << bit.bit;
        }
        out
    }
    /// The flags in /proc/cpuinfo.
    pub(crate) fn flags_line(&self) -> String {
        let names = BITS.iter().filter(|bit| bit.is_set(self) && !bit.name.is_empty());
        names.map(|bit| bit.name).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_name_what_a_processor_has() {
        let cpu = Cpu::DEFAULT;
        let named = Features::named_in(&cpu.flags_line());
        for bit in BITS.iter().filter(|bit| !bit.name.is_empty()) {
            let Some(feature) = bit.feature else { continue };
            assert_eq!(named.has(feature), cpu.has(feature), "{feature:?}");
        }
        assert!(!Features::named_in("sse sse2").has(Feature::Avx2));
    }
}
