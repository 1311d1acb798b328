//! The processor that the guest sees: its features as `AT_HWCAP`, `AT_HWCAP2` and the identification
//! registers that Linux lets programs read.
//!
//! Only features whose every instruction is translated are advertised; a test compares with the
//! instruction list.

/// Floating point.
pub const HWCAP_FP: u64 = 1 << 0;
/// Advanced SIMD.
pub const HWCAP_ASIMD: u64 = 1 << 1;
/// Timer events wake WFE.
pub const HWCAP_EVTSTRM: u64 = 1 << 2;
/// AESE and so on.
pub const HWCAP_AES: u64 = 1 << 3;
/// PMULL of 64 bits.
pub const HWCAP_PMULL: u64 = 1 << 4;
/// SHA1C and so on.
pub const HWCAP_SHA1: u64 = 1 << 5;
/// SHA256H and so on.
pub const HWCAP_SHA2: u64 = 1 << 6;
/// CRC32B and so on.
pub const HWCAP_CRC32: u64 = 1 << 7;
/// FEAT_LSE.
pub const HWCAP_ATOMICS: u64 = 1 << 8;
/// FEAT_FP16, scalar.
pub const HWCAP_FPHP: u64 = 1 << 9;
/// FEAT_FP16, vector.
pub const HWCAP_ASIMDHP: u64 = 1 << 10;
/// Identification registers are readable.
pub const HWCAP_CPUID: u64 = 1 << 11;
/// FEAT_RDM.
pub const HWCAP_ASIMDRDM: u64 = 1 << 12;
/// FEAT_JSCVT.
pub const HWCAP_JSCVT: u64 = 1 << 13;
/// FEAT_FCMA.
pub const HWCAP_FCMA: u64 = 1 << 14;
/// FEAT_LRCPC.
pub const HWCAP_LRCPC: u64 = 1 << 15;
/// DC CVAP.
pub const HWCAP_DCPOP: u64 = 1 << 16;
/// FEAT_SHA3.
pub const HWCAP_SHA3: u64 = 1 << 17;
/// FEAT_SM3.
pub const HWCAP_SM3: u64 = 1 << 18;
/// FEAT_SM4.
pub const HWCAP_SM4: u64 = 1 << 19;
/// FEAT_DotProd.
pub const HWCAP_ASIMDDP: u64 = 1 << 20;
/// FEAT_SHA512.
pub const HWCAP_SHA512: u64 = 1 << 21;
/// FEAT_FHM.
pub const HWCAP_ASIMDFHM: u64 = 1 << 23;
/// FEAT_DIT.
pub const HWCAP_DIT: u64 = 1 << 24;
/// FEAT_LRCPC2.
pub const HWCAP_ILRCPC: u64 = 1 << 26;
/// FEAT_FlagM.
pub const HWCAP_FLAGM: u64 = 1 << 27;
/// FEAT_SSBS2.
pub const HWCAP_SSBS: u64 = 1 << 28;
/// FEAT_SB.
pub const HWCAP_SB: u64 = 1 << 29;
/// DC CVADP.
pub const HWCAP2_DCPODP: u64 = 1 << 0;
/// FEAT_FlagM2.
pub const HWCAP2_FLAGM2: u64 = 1 << 7;
/// FEAT_FRINTTS.
pub const HWCAP2_FRINT: u64 = 1 << 8;
/// FEAT_I8MM.
pub const HWCAP2_I8MM: u64 = 1 << 13;
/// FEAT_BF16.
pub const HWCAP2_BF16: u64 = 1 << 14;
/// FEAT_WFxT.
pub const HWCAP2_WFXT: u64 = 1 << 31;
/// FEAT_CSSC.
pub const HWCAP2_CSSC: u64 = 1 << 34;
/// FEAT_HBC.
pub const HWCAP2_HBC: u64 = 1 << 44;

/// `AT_HWCAP`. SHA512, SM3 and SM4 are left out although they are translated: hosts have no such
/// instructions, and the portable code that programs choose without them is faster. USCAT is left
/// out because misaligned atomics fault.
pub const HWCAP: u64 = HWCAP_FP
    | HWCAP_ASIMD
    | HWCAP_EVTSTRM
    | HWCAP_AES
    | HWCAP_PMULL
    | HWCAP_SHA1
    | HWCAP_SHA2
    | HWCAP_CRC32
    | HWCAP_ATOMICS
    | HWCAP_FPHP
    | HWCAP_ASIMDHP
    | HWCAP_CPUID
    | HWCAP_ASIMDRDM
    | HWCAP_JSCVT
    | HWCAP_FCMA
    | HWCAP_LRCPC
    | HWCAP_DCPOP
    | HWCAP_SHA3
    | HWCAP_ASIMDDP
    | HWCAP_ASIMDFHM
    | HWCAP_DIT
    | HWCAP_ILRCPC
    | HWCAP_FLAGM
    | HWCAP_SSBS
    | HWCAP_SB;
/// `AT_HWCAP2`. BF16 is left out as SHA512 is.
pub const HWCAP2: u64 = HWCAP2_DCPODP
    | HWCAP2_FLAGM2
    | HWCAP2_FRINT
    | HWCAP2_I8MM
    | HWCAP2_WFXT
    | HWCAP2_CSSC
    | HWCAP2_HBC;

/// MIDR_EL1: an Arm Neoverse N1 r3p1. Programs choose tuned routines by it.
pub const MIDR: u64 = 0x413f_d0c1;
/// CTR_EL0: 64-byte lines, write-back granule and reservation granule; data cache cleaning is not
/// needed for instruction coherence (IDC), instruction cache invalidation is (no DIC).
pub const CTR: u64 = 0x9444_c004;
/// DCZID_EL0: DC ZVA zeroes 64 bytes.
pub const DCZID: u64 = 4;
/// CNTFRQ_EL0: the counter counts nanoseconds.
pub const CNTFRQ: u64 = 1_000_000_000;

/// `value` at bit `at` if the feature bit is there.
const fn field(caps: u64, bit: u64, value: u64, at: u32) -> u64 {
    if caps & bit != 0 { value << at } else { 0 }
}
/// One of two values by a greater and a lesser feature.
const fn field2(greater: bool, value2: u64, lesser: bool, value1: u64, at: u32) -> u64 {
    (if greater {
        value2
    } else if lesser {
        value1
    } else {
        0
    }) << at
}
const fn has(bit: u64) -> bool {
    HWCAP & bit != 0
}
const fn has2(bit: u64) -> bool {
    HWCAP2 & bit != 0
}

/// ID_AA64PFR0_EL1 as Linux shows it: EL0 and EL1 in AArch64.
pub const ID_AA64PFR0: u64 = 0x11
    | field2(has(HWCAP_FPHP), 1, has(HWCAP_FP), 0, 16)
    | field2(has(HWCAP_ASIMDHP), 1, has(HWCAP_ASIMD), 0, 20)
    | field(HWCAP, HWCAP_DIT, 1, 48);
/// ID_AA64PFR1_EL1.
pub const ID_AA64PFR1: u64 = field(HWCAP, HWCAP_SSBS, 2, 4);
/// ID_AA64ISAR0_EL1.
pub const ID_AA64ISAR0: u64 = field2(has(HWCAP_PMULL), 2, has(HWCAP_AES), 1, 4)
    | field(HWCAP, HWCAP_SHA1, 1, 8)
    | field2(has(HWCAP_SHA512), 2, has(HWCAP_SHA2), 1, 12)
    | field(HWCAP, HWCAP_CRC32, 1, 16)
    | field(HWCAP, HWCAP_ATOMICS, 2, 20)
    | field(HWCAP, HWCAP_ASIMDRDM, 1, 28)
    | field(HWCAP, HWCAP_SHA3, 1, 32)
    | field(HWCAP, HWCAP_SM3, 1, 36)
    | field(HWCAP, HWCAP_SM4, 1, 40)
    | field(HWCAP, HWCAP_ASIMDDP, 1, 44)
    | field(HWCAP, HWCAP_ASIMDFHM, 1, 48)
    | field2(has2(HWCAP2_FLAGM2), 2, has(HWCAP_FLAGM), 1, 52);
/// ID_AA64ISAR1_EL1.
pub const ID_AA64ISAR1: u64 = field2(has2(HWCAP2_DCPODP), 2, has(HWCAP_DCPOP), 1, 0)
    | field(HWCAP, HWCAP_JSCVT, 1, 12)
    | field(HWCAP, HWCAP_FCMA, 1, 16)
    | field2(has(HWCAP_ILRCPC), 2, has(HWCAP_LRCPC), 1, 20)
    | field(HWCAP2, HWCAP2_FRINT, 1, 32)
    | field(HWCAP, HWCAP_SB, 1, 36)
    | field(HWCAP2, HWCAP2_BF16, 1, 44)
    | field(HWCAP2, HWCAP2_I8MM, 1, 52);
/// ID_AA64ISAR2_EL1.
pub const ID_AA64ISAR2: u64 = field(HWCAP2, HWCAP2_WFXT, 2, 0)
    | field(HWCAP2, HWCAP2_HBC, 1, 20)
    | field(HWCAP2, HWCAP2_CSSC, 1, 52);
/// ID_AA64MMFR0_EL1: what Linux shows in place of hidden fields (no translation granules).
pub const ID_AA64MMFR0: u64 = 0xff00_0000;
/// ID_AA64DFR0_EL1: what Linux shows in place of hidden fields.
pub const ID_AA64DFR0: u64 = 6;

/// An identification register (op0 = 3, op1 = 0, CRn = 0) as Linux emulates it for programs, or None
/// if reading it is undefined.
pub const fn id_register(crm: u8, op2: u8) -> Option<u64> {
    Some(match (crm, op2) {
        (0, 0) => MIDR,
        // MPIDR_EL1: bit 31 is always set.
        (0, 5) => 1 << 31,
        // REVIDR_EL1.
        (0, 6) => 0,
        (4, 0) => ID_AA64PFR0,
        (4, 1) => ID_AA64PFR1,
        (5, 0) => ID_AA64DFR0,
        (6, 0) => ID_AA64ISAR0,
        (6, 1) => ID_AA64ISAR1,
        (6, 2) => ID_AA64ISAR2,
        (7, 0) => ID_AA64MMFR0,
        // AArch32 and reserved ones read as zero.
        (2..=7, _) => 0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::TABLE;

    /// Advertised features and their names in the instruction list.
    const FEATURES: [(u64, u64, &[&str]); 24] = [
        (HWCAP_FP | HWCAP_ASIMD, 0, &[""]),
        (HWCAP_AES | HWCAP_PMULL, 0, &["FEAT_AES"]),
        (HWCAP_SHA1, 0, &["FEAT_SHA1"]),
        (HWCAP_SHA2, 0, &["FEAT_SHA256"]),
        (HWCAP_CRC32, 0, &["FEAT_CRC32"]),
        (HWCAP_ATOMICS, 0, &["FEAT_LSE"]),
        (HWCAP_FPHP | HWCAP_ASIMDHP, 0, &["FEAT_FP16"]),
        (HWCAP_ASIMDRDM, 0, &["FEAT_RDM"]),
        (HWCAP_JSCVT, 0, &["FEAT_JSCVT"]),
        (HWCAP_FCMA, 0, &["FEAT_FCMA"]),
        (HWCAP_LRCPC, 0, &["FEAT_LRCPC"]),
        (HWCAP_SHA3, 0, &["FEAT_SHA3"]),
        (HWCAP_SM3, 0, &["FEAT_SM3"]),
        (HWCAP_SM4, 0, &["FEAT_SM4"]),
        (HWCAP_ASIMDDP, 0, &["FEAT_DotProd"]),
        (HWCAP_SHA512, 0, &["FEAT_SHA512"]),
        (HWCAP_ASIMDFHM, 0, &["FEAT_FHM"]),
        (HWCAP_ILRCPC, 0, &["FEAT_LRCPC2"]),
        (HWCAP_FLAGM, HWCAP2_FLAGM2, &["FEAT_FlagM", "FEAT_FlagM2"]),
        (HWCAP_SB, 0, &["FEAT_SB"]),
        (0, HWCAP2_FRINT, &["FEAT_FRINTTS"]),
        (0, HWCAP2_I8MM, &["FEAT_I8MM"]),
        (0, HWCAP2_BF16, &["FEAT_BF16"]),
        (0, HWCAP2_WFXT | HWCAP2_CSSC | HWCAP2_HBC, &["FEAT_WFxT", "FEAT_CSSC", "FEAT_HBC"]),
    ];

    #[test]
    fn advertised_features_are_translated() {
        for (cap, cap2, names) in FEATURES {
            if HWCAP & cap == 0 && HWCAP2 & cap2 == 0 {
                continue;
            }
            for line in TABLE.iter() {
                let here = names.contains(&line.feature);
                assert!(!here || line.implemented, "{} is advertised", line.name);
            }
        }
    }

    #[test]
    fn registers_agree_with_the_capabilities() {
        assert_eq!(id_register(6, 0), Some(ID_AA64ISAR0));
        assert_eq!(ID_AA64ISAR0 >> 4 & 0xf, 2);
        assert_eq!(ID_AA64ISAR0 >> 20 & 0xf, 2);
        assert_eq!(ID_AA64PFR0 & 0xff_00ff, 0x11_0011);
        assert_eq!((id_register(1, 0), id_register(7, 7)), (None, Some(0)));
    }
}
