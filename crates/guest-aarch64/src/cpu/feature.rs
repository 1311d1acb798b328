//! The features that a processor may have, and what Linux tells programs of them.

/// A feature.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// The set of only this one.
    pub set: Features,
    /// The manual's name, in lower case and without `FEAT_`.
    pub name: &'static str,
    /// Other names of it: those of QEMU, of compilers, of /proc/cpuinfo.
    pub aliases: &'static [&'static str],
    /// Its bits in `AT_HWCAP`.
    pub hwcap: u64,
    /// Its bits in `AT_HWCAP2`.
    pub hwcap2: u64,
    /// The features without which it cannot be.
    pub needs: Features,
}

const fn bits(numbers: &[u32]) -> u64 {
    let (mut all, mut i) = (0, 0);
    while i < numbers.len() {
        all |= 1 << numbers[i];
        i += 1;
    }
    all
}

impl Feature {
    const fn new(
        set: Features,
        name: &'static str,
        needs: Features,
        aliases: &'static [&'static str],
        hwcap: &[u32],
        hwcap2: &[u32],
    ) -> Self {
        Self { set, name, aliases, hwcap: bits(hwcap), hwcap2: bits(hwcap2), needs }
    }
}

guest::extensions! {
    Features(u64), FEATURES: Feature;
    "AESE and so on." AES "aes" []: &[], &[3], &[];
    "PMULL of 64 bits." PMULL "pmull" [AES]: &[], &[4], &[];
    "SHA1C and so on." SHA1 "sha1" []: &[], &[5], &[];
    "SHA256H and so on." SHA256 "sha256" []: &["sha2"], &[6], &[];
    "CRC32B and so on." CRC32 "crc32" []: &["crc"], &[7], &[];
    "Atomic memory operations." LSE "lse" []: &["atomics"], &[8], &[];
    "Accesses within 16 bytes at once, misaligned ones too." LSE2 "lse2" []: &["uscat"], &[25], &[];
    "Limited ordering regions: LDLAR and STLLR." LOR "lor" []: &[], &[], &[];
    "Half precision." FP16 "fp16" []: &["fphp", "asimdhp"], &[9, 10], &[];
    "SQRDMLAH and SQRDMLSH." RDM "rdm" []: &["asimdrdm", "rdma"], &[12], &[];
    "FJCVTZS." JSCVT "jscvt" []: &[], &[13], &[];
    "Complex numbers." FCMA "fcma" []: &["compnum"], &[14], &[];
    "LDAPR." LRCPC "lrcpc" []: &["rcpc"], &[15], &[];
    "DC CVAP." DPB "dpb" []: &["dcpop"], &[16], &[];
    "EOR3 and so on." SHA3 "sha3" [SHA512]: &[], &[17], &[];
    "SM3SS1 and so on." SM3 "sm3" []: &[], &[18], &[];
    "SM4E and SM4EKEY." SM4 "sm4" []: &[], &[19], &[];
    "SDOT and UDOT." DOTPROD "dotprod" []: &["asimddp"], &[20], &[];
    "SHA512H and so on." SHA512 "sha512" [SHA256]: &[], &[21], &[];
    "FMLAL and FMLSL." FHM "fhm" [FP16]: &["asimdfhm", "fp16fml"], &[23], &[];
    "PSTATE.DIT." DIT "dit" []: &[], &[24], &[];
    "LDAPUR and STLUR." LRCPC2 "lrcpc2" [LRCPC]: &["ilrcpc", "rcpc2"], &[26], &[];
    "CFINV and so on." FLAGM "flagm" []: &[], &[27], &[];
    "PSTATE.SSBS, out of programs' reach." SSBS "ssbs1" []: &[], &[], &[];
    "PSTATE.SSBS, writable." SSBS2 "ssbs" [SSBS]: &["ssbs2"], &[28], &[];
    "SB." SB "sb" []: &[], &[29], &[];
    "Pointer authentication." PAUTH "pauth" []: &["paca", "pacg"], &[30, 31], &[];
    "Pointer authentication that fails at once." FPAC "fpac" [PAUTH]: &[], &[], &[];
    "DC CVADP." DPB2 "dpb2" [DPB]: &["dcpodp"], &[], &[0];
    "AXFLAG and XAFLAG." FLAGM2 "flagm2" [FLAGM]: &[], &[], &[7];
    "FRINT32Z and so on." FRINTTS "frintts" []: &["frint"], &[], &[8];
    "SMMLA and so on." I8MM "i8mm" [DOTPROD]: &[], &[], &[13];
    "BFDOT and so on." BF16 "bf16" []: &[], &[], &[14];
    "DGH." DGH "dgh" []: &[], &[], &[15];
    "RNDR and RNDRRS." RNG "rng" []: &["rndr"], &[], &[16];
    "Branch target identification." BTI "bti" []: &[], &[], &[17];
    "CNTVCTSS_EL0." ECV "ecv" []: &[], &[], &[19];
    "WFET and WFIT." WFXT "wfxt" []: &[], &[], &[31];
    "SMAX and so on." CSSC "cssc" []: &[], &[], &[34];
    "CPYP, SETP and so on." MOPS "mops" []: &[], &[], &[43];
    "BC.cond." HBC "hbc" []: &[], &[], &[44];
    "LDIAPP and so on." LRCPC3 "lrcpc3" [LRCPC2]: &["rcpc3"], &[], &[46];
    "LDCLRP and so on." LSE128 "lse128" [LSE]: &[], &[], &[47];
    "CB and so on." CMPBR "cmpbr" []: &[], &[33], &[];
}

/// `AT_HWCAP` of every processor: floating point, SIMD, timer events, readable identification.
const HWCAP_BASE: u64 = bits(&[0, 1, 2, 11]);

impl Features {
    /// `AT_HWCAP`, `AT_HWCAP2`.
    pub fn hwcap(self) -> [u64; 2] {
        self.iter().fold([HWCAP_BASE, 0], |[a, b], f| [a | f.hwcap, b | f.hwcap2])
    }
    /// The feature called `name`.
    pub fn named(name: &str) -> Option<Self> {
        FEATURES.iter().find(|f| f.name == name || f.aliases.contains(&name)).map(|f| f.set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::TABLE;

    #[test]
    fn what_needs_what() {
        let f = Features::FHM.closed();
        assert!(f.has(Features::FP16) && !f.has(Features::LSE));
        let rest = Features::ALL.stripped(Features::FP16);
        assert!(!rest.has(Features::FHM) && rest.has(Features::LSE));
        assert_eq!(Features::ALL.stripped(Features::SHA256) & Features::SHA3, Features::NONE);
    }

    #[test]
    fn names_are_unique() {
        for f in &FEATURES {
            for name in f.aliases.iter().chain([&f.name]) {
                assert_eq!(Features::named(name), Some(f.set), "{name}");
            }
        }
    }

    #[test]
    fn features_are_implemented_whole() {
        for f in &FEATURES {
            let named = |name: &str| {
                name.strip_prefix("FEAT_").is_some_and(|n| n.eq_ignore_ascii_case(f.name))
            };
            for line in TABLE.lines().iter().filter(|l| named(l.feature())) {
                assert!(line.implemented(), "{} is missing", line.name);
            }
        }
    }

    #[test]
    fn hwcaps_are_linuxs() {
        assert_eq!(Features::NONE.hwcap(), [0x807, 0]);
        assert_eq!((Features::CRC32 | Features::MOPS).hwcap(), [0x887, 1 << 43]);
    }
}
