//! The features that a processor may have, and what Linux tells programs of them.

use std::ops::{BitAnd, BitOr};

/// A set of features.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Features(u64);

impl Features {
    /// No feature.
    pub const NONE: Self = Self(0);
    /// Every feature that there is.
    pub const ALL: Self = Self((1 << FEATURES.len()) - 1);
    /// Whether all of `other` are there.
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// With those of `other`.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Without those of `other`.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
    /// What Linux knows of each of them.
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        FEATURES.into_iter().filter(move |f| self.has(f.set))
    }
    /// With what they need.
    #[must_use]
    pub fn closed(self) -> Self {
        let more = self.iter().fold(self, |set, f| set | f.needs);
        if more == self { self } else { more.closed() }
    }
    /// Without those of `gone` and all that need one of them.
    #[must_use]
    pub fn stripped(self, gone: Self) -> Self {
        let rest = self.without(gone);
        let orphans = rest.iter().filter(|f| !rest.has(f.needs)).fold(Self::NONE, |s, f| s | f.set);
        if orphans == Self::NONE { rest } else { rest.stripped(orphans) }
    }
}

impl BitOr for Features {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl BitAnd for Features {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

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

const fn bits<const N: usize>(numbers: [u32; N]) -> u64 {
    let (mut all, mut i) = (0, 0);
    while i < N {
        all |= 1 << numbers[i];
        i += 1;
    }
    all
}

macro_rules! features {
    ($($doc:literal $id:ident $name:literal $aliases:expr, $hwcap:expr, $hwcap2:expr, [$($need:ident)*];)*) => {
        #[expect(clippy::upper_case_acronyms, reason = "the manual's names")]
        enum Number { $($id),* }
        impl Features { $(
            #[doc = $doc]
            pub const $id: Self = Self(1 << Number::$id as u32);
        )* }
        /// All features, in the order of their numbers.
        pub const FEATURES: [Feature; [$($name),*].len()] = [$(Feature {
            set: Features::$id,
            name: $name,
            aliases: &$aliases,
            hwcap: bits($hwcap),
            hwcap2: bits($hwcap2),
            needs: Features::NONE$(.with(Features::$need))*,
        }),*];
    };
}

features! {
    "AESE and so on." AES "aes" [], [3], [], [];
    "PMULL of 64 bits." PMULL "pmull" [], [4], [], [AES];
    "SHA1C and so on." SHA1 "sha1" [], [5], [], [];
    "SHA256H and so on." SHA256 "sha256" ["sha2"], [6], [], [];
    "CRC32B and so on." CRC32 "crc32" ["crc"], [7], [], [];
    "Atomic memory operations." LSE "lse" ["atomics"], [8], [], [];
    "Accesses within 16 bytes at once, misaligned ones too." LSE2 "lse2" ["uscat"], [25], [], [];
    "Limited ordering regions: LDLAR and STLLR." LOR "lor" [], [], [], [];
    "Half precision." FP16 "fp16" ["fphp", "asimdhp"], [9, 10], [], [];
    "SQRDMLAH and SQRDMLSH." RDM "rdm" ["asimdrdm", "rdma"], [12], [], [];
    "FJCVTZS." JSCVT "jscvt" [], [13], [], [];
    "Complex numbers." FCMA "fcma" ["compnum"], [14], [], [];
    "LDAPR." LRCPC "lrcpc" ["rcpc"], [15], [], [];
    "DC CVAP." DPB "dpb" ["dcpop"], [16], [], [];
    "EOR3 and so on." SHA3 "sha3" [], [17], [], [SHA512];
    "SM3SS1 and so on." SM3 "sm3" [], [18], [], [];
    "SM4E and SM4EKEY." SM4 "sm4" [], [19], [], [];
    "SDOT and UDOT." DOTPROD "dotprod" ["asimddp"], [20], [], [];
    "SHA512H and so on." SHA512 "sha512" [], [21], [], [SHA256];
    "FMLAL and FMLSL." FHM "fhm" ["asimdfhm", "fp16fml"], [23], [], [FP16];
    "PSTATE.DIT." DIT "dit" [], [24], [], [];
    "LDAPUR and STLUR." LRCPC2 "lrcpc2" ["ilrcpc", "rcpc2"], [26], [], [LRCPC];
    "CFINV and so on." FLAGM "flagm" [], [27], [], [];
    "PSTATE.SSBS, out of programs' reach." SSBS "ssbs1" [], [], [], [];
    "PSTATE.SSBS, writable." SSBS2 "ssbs" ["ssbs2"], [28], [], [SSBS];
    "SB." SB "sb" [], [29], [], [];
    "Pointer authentication." PAUTH "pauth" ["paca", "pacg"], [30, 31], [], [];
    "Pointer authentication that fails at once." FPAC "fpac" [], [], [], [PAUTH];
    "DC CVADP." DPB2 "dpb2" ["dcpodp"], [], [0], [DPB];
    "AXFLAG and XAFLAG." FLAGM2 "flagm2" [], [], [7], [FLAGM];
    "FRINT32Z and so on." FRINTTS "frintts" ["frint"], [], [8], [];
    "SMMLA and so on." I8MM "i8mm" [], [], [13], [DOTPROD];
    "BFDOT and so on." BF16 "bf16" [], [], [14], [];
    "DGH." DGH "dgh" [], [], [15], [];
    "RNDR and RNDRRS." RNG "rng" ["rndr"], [], [16], [];
    "Branch target identification." BTI "bti" [], [], [17], [];
    "CNTVCTSS_EL0." ECV "ecv" [], [], [19], [];
    "WFET and WFIT." WFXT "wfxt" [], [], [31], [];
    "SMAX and so on." CSSC "cssc" [], [], [34], [];
    "CPYP, SETP and so on." MOPS "mops" [], [], [43], [];
    "BC.cond." HBC "hbc" [], [], [44], [];
    "LDIAPP and so on." LRCPC3 "lrcpc3" ["rcpc3"], [], [46], [LRCPC2];
    "LDCLRP and so on." LSE128 "lse128" [], [], [47], [LSE];
    "CB and so on." CMPBR "cmpbr" [], [33], [], [];
}

/// `AT_HWCAP` of every processor: floating point, SIMD, timer events, readable identification.
const HWCAP_BASE: u64 = bits([0, 1, 2, 11]);

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
