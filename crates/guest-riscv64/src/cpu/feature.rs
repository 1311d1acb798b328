//! The extensions that a processor may have, and what Linux tells programs of them.

use std::ops::{BitAnd, BitOr};

/// A set of extensions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Features(u64);

impl Features {
    /// No extension.
    pub const NONE: Self = Self(0);
    /// Every extension that there is.
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

/// An extension.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// The set of only this one.
    pub set: Features,
    /// The manual's name, in lower case.
    pub name: &'static str,
    /// Parts of it that Linux lists by names of their own, in front of it or behind it.
    parts: &'static [&'static str],
    /// Its bits in the value for `RISCV_HWPROBE_KEY_IMA_EXT_0`.
    pub hwprobe: u64,
    /// The extensions without which it cannot be.
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
    ($($doc:literal $id:ident $name:literal $parts:expr, $hwprobe:expr, [$($need:ident)*];)*) => {
        #[expect(clippy::upper_case_acronyms, reason = "the manual's names")]
        enum Number { $($id),* }
        impl Features { $(
            #[doc = $doc]
            pub const $id: Self = Self(1 << Number::$id as u32);
        )* }
        /// All extensions, in the order in which Linux lists them.
        pub const FEATURES: [Feature; [$($name),*].len()] = [$(Feature {
            set: Features::$id,
            name: $name,
            parts: &$parts,
            hwprobe: bits($hwprobe),
            needs: Features::NONE$(.with(Features::$need))*,
        }),*];
    };
}

features! {
    "Multiplication and division." M "m" [], [], [];
    "Atomic instructions." A "a" ["zaamo", "zalrsc"], [56, 57], [];
    "Single precision." F "f" [], [], [ZICSR];
    "Double precision." D "d" [], [], [F];
    "Compressed instructions." C "c" ["zca", "zcd"], [1, 43, 45], [];
    "Vectors of 128 bits." V "v" ["zve32f", "zve32x", "zve64d", "zve64f", "zve64x"], [2, 37, 38, 39, 40, 41], [D];
    "CBO.CLEAN and so on." ZICBOM "zicbom" [], [55], [];
    "PREFETCH.R and so on." ZICBOP "zicbop" [], [], [];
    "CBO.ZERO, of 64 bytes." ZICBOZ "zicboz" [], [6], [];
    "Counters." ZICNTR "zicntr" [], [50], [ZICSR];
    "CZERO.EQZ and so on." ZICOND "zicond" [], [35], [];
    "Control and status registers." ZICSR "zicsr" [], [], [];
    "FENCE.I." ZIFENCEI "zifencei" [], [], [];
    "NTL.P1 and so on." ZIHINTNTL "zihintntl" [], [29], [];
    "PAUSE." ZIHINTPAUSE "zihintpause" [], [36], [];
    "Performance counters." ZIHPM "zihpm" [], [51], [ZICSR];
    "MOP.R and so on." ZIMOP "zimop" [], [42], [];
    "Atomic instructions of bytes and halves." ZABHA "zabha" [], [58], [A];
    "AMOCAS.W and so on." ZACAS "zacas" [], [34], [A];
    "Misaligned atomic instructions within 16 bytes." ZAMA16B "zama16b" [], [], [];
    "WRS.NTO and so on." ZAWRS "zawrs" [], [48], [A];
    "FLI, FROUND and so on." ZFA "zfa" [], [32], [F];
    "Conversions of bfloat16." ZFBFMIN "zfbfmin" [], [52], [F];
    "Half precision." ZFH "zfh" [], [27], [ZFHMIN];
    "Conversions of half precision." ZFHMIN "zfhmin" [], [28], [F];
    "C.LBU and so on." ZCB "zcb" [], [44], [C];
    "C.MOP." ZCMOP "zcmop" [], [47], [C];
    "Addresses." ZBA "zba" [], [3], [];
    "Basic bit manipulation." ZBB "zbb" [], [4], [];
    "Carry-less multiplication." ZBC "zbc" [], [7], [];
    "Bit manipulation for cryptography." ZBKB "zbkb" [], [8], [];
    "Carry-less multiplication for cryptography." ZBKC "zbkc" [], [9], [];
    "Crossbar permutations." ZBKX "zbkx" [], [10], [];
    "Single bits." ZBS "zbs" [], [5], [];
    "AES decryption." ZKND "zknd" [], [11], [];
    "AES encryption." ZKNE "zkne" [], [12], [];
    "SHA-2." ZKNH "zknh" [], [13], [];
    "SM4." ZKSED "zksed" [], [14], [];
    "SM3." ZKSH "zksh" [], [15], [];
    "Vector bit manipulation." ZVBB "zvbb" [], [17], [ZVKB];
    "Vector carry-less multiplication." ZVBC "zvbc" [], [18], [V];
    "Conversions of vectors of bfloat16." ZVFBFMIN "zvfbfmin" [], [53], [V];
    "Products of vectors of bfloat16." ZVFBFWMA "zvfbfwma" [], [54], [ZVFBFMIN ZFBFMIN];
    "Vectors of half precision." ZVFH "zvfh" [], [30], [ZVFHMIN ZFHMIN];
    "Conversions of vectors of half precision." ZVFHMIN "zvfhmin" [], [31], [V];
    "Vector bit manipulation for cryptography." ZVKB "zvkb" [], [19], [V];
    "GHASH." ZVKG "zvkg" [], [20], [V];
    "Vector AES." ZVKNED "zvkned" [], [21], [V];
    "Vector SHA-256." ZVKNHA "zvknha" [], [22], [V];
    "Vector SHA-256 and SHA-512." ZVKNHB "zvknhb" [], [23], [V];
    "Vector SM3." ZVKSH "zvksh" [], [25], [V];
    "Vector SM4." ZVKSED "zvksed" [], [24], [V];
    "Vector time that does not depend on data." ZVKT "zvkt" [], [26], [];
    "Time that does not depend on data. (As far as it does not on the host.)" ZKT "zkt" [], [16], [];
}

/// Names of several at once.
const BUNDLES: [(&str, Features); 5] = [
    ("g", F_::M.with(F_::A).with(F_::D).with(F_::F).with(F_::ZICSR).with(F_::ZIFENCEI)),
    ("b", F_::ZBA.with(F_::ZBB).with(F_::ZBS)),
    ("zkn", ZKN),
    ("zks", ZKB.with(F_::ZKSED).with(F_::ZKSH)),
    ("zk", ZKN.with(F_::ZKT)),
];
type F_ = Features;
const ZKB: Features = F_::ZBKB.with(F_::ZBKC).with(F_::ZBKX);
const ZKN: Features = ZKB.with(F_::ZKND).with(F_::ZKNE).with(F_::ZKNH);

/// `RISCV_HWPROBE_IMA_FD` of `RISCV_HWPROBE_KEY_IMA_EXT_0`.
const HWPROBE_FD: u64 = 1;

impl Features {
    /// `AT_HWCAP`: a bit for each letter.
    pub fn hwcap(self) -> u64 {
        let letters = self.iter().filter(|f| f.name.len() == 1);
        letters.fold(1 << (b'i' - b'a'), |bits, f| bits | 1 << (f.name.as_bytes()[0] - b'a'))
    }
    /// The value for `RISCV_HWPROBE_KEY_IMA_EXT_0`.
    pub fn hwprobe(self) -> u64 {
        let fd = if self.has(Self::F | Self::D) { HWPROBE_FD } else { 0 };
        self.iter().fold(fd, |bits, f| bits | f.hwprobe)
    }
    /// As `isa` in /proc/cpuinfo says it: `rv64imafdc_zicsr_...`.
    pub fn isa_string(self) -> String {
        let mut text = String::from("rv64i");
        let letters = self.iter().filter(|f| f.name.len() == 1);
        text.extend(letters.map(|f| f.name));
        // By the second letter, in the order of the manual, then by the alphabet.
        const ORDER: &str = "imafdcbkv";
        let mut names: Vec<&str> =
            self.iter().flat_map(|f| f.parts.iter().copied().chain([f.name])).collect();
        // (Linux has no name for misaligned atomic accesses.)
        names.retain(|name| name.len() > 1 && *name != "zama16b");
        names.sort_by_key(|name| (ORDER.find(&name[1..2]), *name));
        for name in names {
            text += "_";
            text += name;
        }
        text
    }
    /// The extension, or the extensions, called `name`.
    pub fn named(name: &str) -> Option<Self> {
        let one = FEATURES.iter().find(|f| f.name == name).map(|f| f.set);
        one.or_else(|| BUNDLES.iter().find(|b| b.0 == name).map(|b| b.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::TABLE;

    #[test]
    fn what_needs_what() {
        assert!(Features::ZFH.closed().has(Features::F | Features::ZFHMIN | Features::ZICSR));
        let rest = Features::ALL.stripped(Features::F);
        assert!(!rest.has(Features::D) && !rest.has(Features::ZFA) && rest.has(Features::ZBB));
    }

    #[test]
    fn what_linux_says() {
        let gc = Features::named("g").expect("a bundle") | Features::C;
        assert_eq!(gc.hwcap(), 0x112d);
        assert_eq!(gc.isa_string(), "rv64imafdc_zicsr_zifencei_zaamo_zalrsc_zca_zcd");
        assert_eq!(gc.hwprobe() & 0xffff_ffff, 3);
    }

    #[test]
    fn features_are_implemented_whole() {
        for line in TABLE.lines() {
            let there = |name: &&str| Features::named(&name.to_lowercase()).is_some();
            let claimed = line.features.iter().all(|any| any.iter().all(there));
            assert_eq!(line.implemented(), claimed, "{}", line.name);
        }
    }
}
