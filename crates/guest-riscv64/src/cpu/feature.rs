//! The extensions that a processor may have, and what Linux tells programs of them.

/// An extension.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// The set of only this one.
    pub set: Features,
    /// The manual's name, in lower case.
    pub name: &'static str,
    /// Parts of it that Linux lists by names of their own, in front of it or behind it.
    parts: &'static [&'static str],
    /// The extensions without which it cannot be.
    pub needs: Features,
}

impl Feature {
    const fn new(
        set: Features,
        name: &'static str,
        needs: Features,
        parts: &'static [&'static str],
    ) -> Self {
        Self { set, name, parts, needs }
    }
}

guest::extensions! {
    Features(u64), FEATURES: Feature;
    "Multiplication and division." M "m" []: &[];
    "Atomic instructions." A "a" []: &["zaamo", "zalrsc"];
    "Single precision." F "f" [ZICSR]: &[];
    "Double precision." D "d" [F]: &[];
    "Compressed instructions." C "c" []: &["zca", "zcd"];
    "Vectors of 128 bits." V "v" [D]: &["zve32f", "zve32x", "zve64d", "zve64f", "zve64x"];
    "CBO.CLEAN and so on." ZICBOM "zicbom" []: &[];
    "PREFETCH.R and so on." ZICBOP "zicbop" []: &[];
    "CBO.ZERO, of 64 bytes." ZICBOZ "zicboz" []: &[];
    "Counters." ZICNTR "zicntr" [ZICSR]: &[];
    "CZERO.EQZ and so on." ZICOND "zicond" []: &[];
    "Control and status registers." ZICSR "zicsr" []: &[];
    "FENCE.I." ZIFENCEI "zifencei" []: &[];
    "NTL.P1 and so on." ZIHINTNTL "zihintntl" []: &[];
    "PAUSE." ZIHINTPAUSE "zihintpause" []: &[];
    "Performance counters." ZIHPM "zihpm" [ZICSR]: &[];
    "MOP.R and so on." ZIMOP "zimop" []: &[];
    "Atomic instructions of bytes and halves." ZABHA "zabha" [A]: &[];
    "AMOCAS.W and so on." ZACAS "zacas" [A]: &[];
    "Misaligned atomic instructions within 16 bytes." ZAMA16B "zama16b" []: &[];
    "WRS.NTO and so on." ZAWRS "zawrs" [A]: &[];
    "FLI, FROUND and so on." ZFA "zfa" [F]: &[];
    "Conversions of bfloat16." ZFBFMIN "zfbfmin" [F]: &[];
    "Half precision." ZFH "zfh" [ZFHMIN]: &[];
    "Conversions of half precision." ZFHMIN "zfhmin" [F]: &[];
    "C.LBU and so on." ZCB "zcb" [C]: &[];
    "C.MOP." ZCMOP "zcmop" [C]: &[];
    "Addresses." ZBA "zba" []: &[];
    "Basic bit manipulation." ZBB "zbb" []: &[];
    "Carry-less multiplication." ZBC "zbc" []: &[];
    "Bit manipulation for cryptography." ZBKB "zbkb" []: &[];
    "Carry-less multiplication for cryptography." ZBKC "zbkc" []: &[];
    "Crossbar permutations." ZBKX "zbkx" []: &[];
    "Single bits." ZBS "zbs" []: &[];
    "AES decryption." ZKND "zknd" []: &[];
    "AES encryption." ZKNE "zkne" []: &[];
    "SHA-2." ZKNH "zknh" []: &[];
    "SM4." ZKSED "zksed" []: &[];
    "SM3." ZKSH "zksh" []: &[];
    "Vector bit manipulation." ZVBB "zvbb" [ZVKB]: &[];
    "Vector carry-less multiplication." ZVBC "zvbc" [V]: &[];
    "Conversions of vectors of bfloat16." ZVFBFMIN "zvfbfmin" [V]: &[];
    "Products of vectors of bfloat16." ZVFBFWMA "zvfbfwma" [ZVFBFMIN ZFBFMIN]: &[];
    "Vectors of half precision." ZVFH "zvfh" [ZVFHMIN ZFHMIN]: &[];
    "Conversions of vectors of half precision." ZVFHMIN "zvfhmin" [V]: &[];
    "Vector bit manipulation for cryptography." ZVKB "zvkb" [V]: &[];
    "GHASH." ZVKG "zvkg" [V]: &[];
    "Vector AES." ZVKNED "zvkned" [V]: &[];
    "Vector SHA-256." ZVKNHA "zvknha" [V]: &[];
    "Vector SHA-256 and SHA-512." ZVKNHB "zvknhb" [V]: &[];
    "Vector SM3." ZVKSH "zvksh" [V]: &[];
    "Vector SM4." ZVKSED "zvksed" [V]: &[];
    "Vector time that does not depend on data." ZVKT "zvkt" []: &[];
    "Time that does not depend on data. (As far as it does not on the host.)" ZKT "zkt" []: &[];
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

impl Features {
    /// `AT_HWCAP`: a bit for each letter.
    pub fn hwcap(self) -> u64 {
        let letters = self.iter().filter(|f| f.name.len() == 1);
        letters.fold(1 << (b'i' - b'a'), |bits, f| bits | 1 << (f.name.as_bytes()[0] - b'a'))
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
