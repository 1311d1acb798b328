//! Identification registers, as Linux shows them: hidden fields have safe values
//! (arch/arm64/kernel/cpufeature.c).

use super::{Cpu, Features};

type F = Features;

/// A field: its lowest bit, and its values by feature, the greatest first.
type Field = (u32, &'static [(Features, u64)]);

const PFR0: &[Field] = &[
    // Without half precision these fields are zero, which says that the rest is there.
    (16, &[(F::FP16, 1)]),
    (20, &[(F::FP16, 1)]),
    (48, &[(F::DIT, 1)]),
];
const PFR1: &[Field] = &[(0, &[(F::BTI, 1)]), (4, &[(F::SSBS2, 2), (F::SSBS, 1)])];
const ISAR0: &[Field] = &[
    (4, &[(F::PMULL, 2), (F::AES, 1)]),
    (8, &[(F::SHA1, 1)]),
    (12, &[(F::SHA512, 2), (F::SHA256, 1)]),
    (16, &[(F::CRC32, 1)]),
    (20, &[(F::LSE128, 3), (F::LSE, 2)]),
    (28, &[(F::RDM, 1)]),
    (32, &[(F::SHA3, 1)]),
    (36, &[(F::SM3, 1)]),
    (40, &[(F::SM4, 1)]),
    (44, &[(F::DOTPROD, 1)]),
    (48, &[(F::FHM, 1)]),
    (52, &[(F::FLAGM2, 2), (F::FLAGM, 1)]),
    (60, &[(F::RNG, 1)]),
];
const ISAR1: &[Field] = &[
    (0, &[(F::DPB2, 2), (F::DPB, 1)]),
    // API and GPI: the algorithm is the implementation's own.
    (8, &[(F::FPAC, 5), (F::PAUTH, 3)]),
    (12, &[(F::JSCVT, 1)]),
    (16, &[(F::FCMA, 1)]),
    (20, &[(F::LRCPC3, 3), (F::LRCPC2, 2), (F::LRCPC, 1)]),
    (28, &[(F::PAUTH, 1)]),
    (32, &[(F::FRINTTS, 1)]),
    (36, &[(F::SB, 1)]),
    (44, &[(F::BF16, 1)]),
    (48, &[(F::DGH, 1)]),
    (52, &[(F::I8MM, 1)]),
];
const ISAR2: &[Field] = &[
    (0, &[(F::WFXT, 2)]),
    (16, &[(F::MOPS, 1)]),
    (20, &[(F::HBC, 1)]),
    (52, &[(F::CMPBR, 2), (F::CSSC, 1)]),
];
const MMFR0: &[Field] = &[(60, &[(F::ECV, 1)])];
const MMFR2: &[Field] = &[(32, &[(F::LSE2, 1)])];

impl Cpu {
    fn fields(&self, base: u64, fields: &[Field]) -> u64 {
        fields.iter().fold(base, |all, (at, values)| {
            let value = values.iter().find(|(f, _)| self.features.has(*f));
            all | value.map_or(0, |(_, value)| value << at)
        })
    }

    /// An identification register (op0 = 3, op1 = 0, CRn = 0) as Linux emulates it for programs, or
    /// None if reading it is undefined.
    pub fn id_register(&self, crm: u8, op2: u8) -> Option<u64> {
        Some(match (crm, op2) {
            (0, 0) => self.midr,
            // MPIDR_EL1: bit 31 is always set.
            (0, 5) => 1 << 31,
            // REVIDR_EL1.
            (0, 6) => 0,
            // EL0 and EL1 in AArch64.
            (4, 0) => self.fields(0x11, PFR0),
            (4, 1) => self.fields(0, PFR1),
            // What Linux shows in place of hidden fields.
            (5, 0) => 6,
            (6, 0) => self.fields(0, ISAR0),
            (6, 1) => self.fields(0, ISAR1),
            (6, 2) => self.fields(0, ISAR2),
            // No translation granules, as fields are hidden.
            (7, 0) => self.fields(0xff00_0000, MMFR0),
            (7, 2) => self.fields(0, MMFR2),
            // AArch32 and reserved ones read as zero.
            (2..=7, _) => 0,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_agree_with_the_features() {
        let a53 = Cpu::parse("cortex-a53").unwrap();
        assert_eq!(a53.id_register(0, 0), Some(0x410f_d034));
        assert_eq!(a53.id_register(4, 0), Some(0x11));
        assert_eq!(a53.id_register(6, 0), Some(0x1_1120));
        assert_eq!(a53.id_register(6, 1), Some(0));
        let n1 = Cpu::parse("neoverse-n1").unwrap();
        assert_eq!(n1.id_register(4, 0), Some(0x11_0011));
        assert_eq!(n1.id_register(6, 0), Some(0x1000_1021_1120));
        assert_eq!(n1.id_register(6, 1), Some(0x10_0001));
        let v1 = Cpu::parse("neoverse-v1").unwrap();
        assert_eq!(v1.id_register(6, 1), Some(0x11_1000_1021_1302));
        assert_eq!((v1.id_register(7, 2), n1.id_register(7, 2)), (Some(1 << 32), Some(0)));
        assert_eq!((v1.id_register(1, 0), v1.id_register(7, 7)), (None, Some(0)));
    }
}
