//! What QEMU's qemu-binfmt-conf.sh registers: its list of processors, in its order, with the magic
//! and mask of each, made from ELF identities.

/// A processor of the list.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// QEMU's name.
    pub name: &'static str,
    /// Processors of one family are taken to run each other's programs.
    pub family: &'static str,
    /// ELF class and byte order: 32 or 64, `b` for big.
    elf: (u8, bool),
    machine: u16,
    quirk: Quirk,
}

/// How a mask differs from the usual one (which ignores EI_OSABI and takes ET_EXEC and ET_DYN).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Quirk {
    None,
    /// EI_DATA and EI_VERSION may each be one less.
    OldBytes,
    /// EI_VERSION may be one less.
    OldVersion,
    /// The upper byte of e_machine is ignored.
    HalfMachine,
    /// EI_ABIVERSION is ignored.
    AnyAbi,
    /// EI_ABIVERSION is ignored, and e_version and the ABI bit of e_flags tell o32 from n32.
    O32,
    N32,
    /// EI_OSABI may be 0 to 3, EI_ABIVERSION is ignored.
    SomeOsAbi,
    /// e_type and e_machine are written little-endian in a big-endian header.
    Swapped,
}

use Quirk::{
    AnyAbi, HalfMachine, N32, None as Usual, O32, OldBytes, OldVersion, SomeOsAbi, Swapped,
};

const fn row(
    name: &'static str,
    family: &'static str,
    bits: u8,
    big: bool,
    machine: u16,
    quirk: Quirk,
) -> Target {
    Target { name, family, elf: (bits, big), machine, quirk }
}

const LE: bool = false;
const BE: bool = true;

/// The list of QEMU 10.2.
pub const TARGETS: &[Target] = &[
    row("i386", "i386", 32, LE, 3, OldBytes),
    row("i486", "i386", 32, LE, 6, OldBytes),
    row("alpha", "alpha", 64, LE, 0x9026, OldBytes),
    row("arm", "arm", 32, LE, 40, Usual),
    row("armeb", "armeb", 32, BE, 40, Usual),
    row("sparc", "sparc", 32, BE, 2, Usual),
    row("sparc32plus", "sparc", 32, BE, 18, Usual),
    row("sparc64", "sparc", 64, BE, 43, Usual),
    row("ppc", "ppc", 32, BE, 20, Usual),
    row("ppc64", "ppc", 64, BE, 21, Usual),
    row("ppc64le", "ppcle", 64, LE, 21, HalfMachine),
    row("m68k", "m68k", 32, BE, 4, OldVersion),
    row("mips", "mips", 32, BE, 8, O32),
    row("mipsel", "mips", 32, LE, 8, O32),
    row("mipsn32", "mips", 32, BE, 8, N32),
    row("mipsn32el", "mips", 32, LE, 8, N32),
    row("mips64", "mips", 64, BE, 8, AnyAbi),
    row("mips64el", "mips", 64, LE, 8, AnyAbi),
    row("sh4", "sh4", 32, LE, 42, Usual),
    row("sh4eb", "sh4", 32, BE, 42, Usual),
    row("s390x", "s390x", 64, BE, 22, Usual),
    row("aarch64", "arm", 64, LE, 183, Usual),
    row("aarch64_be", "armeb", 64, BE, 183, Usual),
    row("hppa", "hppa", 32, BE, 15, Usual),
    row("riscv32", "riscv", 32, LE, 243, Usual),
    row("riscv64", "riscv", 64, LE, 243, Usual),
    row("xtensa", "xtensa", 32, LE, 94, Usual),
    row("xtensaeb", "xtensaeb", 32, BE, 94, Usual),
    row("microblaze", "microblaze", 32, BE, 0xabba, Swapped),
    row("microblazeel", "microblazeel", 32, LE, 0xbaab, Usual),
    row("or1k", "or1k", 32, BE, 92, Usual),
    row("x86_64", "i386", 64, LE, 62, OldBytes),
    row("hexagon", "hexagon", 32, LE, 164, Usual),
    row("loongarch64", "loongarch", 64, LE, 258, SomeOsAbi),
];

impl Target {
    /// The target called `name`.
    pub fn find(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|t| t.name == name)
    }

    /// The emulator's name: i486 programs are i386's.
    pub fn emulator(&self) -> &'static str {
        if self.name == "i486" { "i386" } else { self.name }
    }

    /// Magic and mask that match: those of [`Self::bytes`] but for the script's mistake.
    pub fn matching_bytes(&self) -> (Vec<u8>, Vec<u8>) {
        match self.quirk {
            Swapped => Self { machine: 0xbaab, quirk: Usual, ..*self }.bytes(),
            _ => self.bytes(),
        }
    }

    /// Magic and mask as the script has them.
    pub fn bytes(&self) -> (Vec<u8>, Vec<u8>) {
        let (bits, big) = self.elf;
        let half = |v: u16, big: bool| if big { v.to_be_bytes() } else { v.to_le_bytes() };
        let word = |v: u32| if big { v.to_be_bytes() } else { v.to_le_bytes() };
        let order = big && self.quirk != Swapped;
        let mut magic = vec![0x7f, b'E', b'L', b'F', bits / 32, 1 + u8::from(big), 1];
        magic.resize(16, 0);
        magic.extend(half(2, order));
        magic.extend(half(self.machine, order));
        let mut mask = vec![0xff; 16];
        mask[7] = 0;
        mask.extend(half(0xfffe, order));
        mask.extend([0xff, 0xff]);
        match self.quirk {
            Usual | Swapped => {}
            OldBytes => mask[5..7].fill(0xfe),
            OldVersion => mask[6] = 0xfe,
            HalfMachine => mask[19] = 0,
            AnyAbi => mask[8] = 0,
            SomeOsAbi => {
                mask[7] = 0xfc;
                mask[8] = 0;
            }
            O32 | N32 => {
                mask[8] = 0;
                magic.extend(word(1)); // e_version
                magic.resize(36, 0);
                magic.extend(word(if self.quirk == N32 { 0x20 } else { 0 }));
                mask.resize(24, 0xff);
                mask.resize(36, 0);
                mask.extend(word(0x20));
            }
        }
        (magic, mask)
    }
}

/// Magic and mask of QEMU's processor `name`, empty for one that is not in the list.
pub(crate) fn magic_and_mask(name: &str) -> (Vec<u8>, Vec<u8>) {
    Target::find(name).map(Target::bytes).unwrap_or_default()
}

/// The family of a machine as `uname -m`, Debian or the user may call it.
pub fn family(machine: &str) -> String {
    let numbered = |suffix: char| {
        machine.strip_prefix("armv").is_some_and(|rest| {
            rest.starts_with(|c| ('4'..='9').contains(&c)) && rest.ends_with(suffix)
        })
    };
    match machine {
        "amd64" | "i386" | "i486" | "i586" | "i686" | "i86pc" | "BePC" | "x86_64" => "i386",
        "Power Macintosh" | "ppc64" | "powerpc" | "ppc" => "ppc",
        "ppc64el" | "ppc64le" => "ppcle",
        "arm" | "armel" | "armhf" | "arm64" | "aarch64" => "arm",
        "armeb" | "aarch64_be" => "armeb",
        _ if machine.starts_with("mips") => "mips",
        _ if machine.starts_with("sparc") => "sparc",
        _ if machine.starts_with("loongarch") => "loongarch",
        _ if machine.starts_with("riscv") => "riscv",
        _ if numbered('l') => "arm",
        _ if numbered('b') => "armeb",
        other => other,
    }
    .to_owned()
}

/// The processor of the list that a machine is, as `--ignore-family` compares them.
pub fn processor(machine: &str) -> String {
    let armv =
        machine.strip_prefix("armv").is_some_and(|r| r.starts_with(|c| ('4'..='9').contains(&c)));
    match machine {
        "i386" | "i486" | "i586" | "i686" => "i386",
        "amd64" => "x86_64",
        "powerpc" => "ppc",
        "ppc64el" => "ppc64le",
        "armel" | "armhf" => "arm",
        "arm64" => "aarch64",
        _ if armv && machine.ends_with('l') => "arm",
        _ if armv && machine.ends_with('b') => "armeb",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// From BINFMT's table of what QEMU 10.2 registers.
    #[test]
    fn magic_and_mask_are_qemus() {
        const USUAL: &str = "ffffffffffffff00fffffffffffffffffeffffff";
        const USUAL_BE: &str = "ffffffffffffff00fffffffffffffffffffeffff";
        for (name, magic, mask) in [
            ("aarch64", "7f454c460201010000000000000000000200b700", USUAL),
            (
                "x86_64",
                "7f454c4602010100000000000000000002003e00",
                "fffffffffffefe00fffffffffffffffffeffffff",
            ),
            (
                "ppc64le",
                "7f454c4602010100000000000000000002001500",
                "ffffffffffffff00fffffffffffffffffeffff00",
            ),
            ("s390x", "7f454c4602020100000000000000000000020016", USUAL_BE),
            (
                "m68k",
                "7f454c4601020100000000000000000000020004",
                "fffffffffffffe00fffffffffffffffffffeffff",
            ),
            (
                "mips64el",
                "7f454c4602010100000000000000000002000800",
                "ffffffffffffff0000fffffffffffffffeffffff",
            ),
            (
                "loongarch64",
                "7f454c4602010100000000000000000002000201",
                "fffffffffffffffc00fffffffffffffffeffffff",
            ),
            ("microblaze", "7f454c460102010000000000000000000200baab", USUAL),
            ("microblazeel", "7f454c460101010000000000000000000200abba", USUAL),
            (
                "mips",
                "7f454c46010201000000000000000000000200080000000100000000000000000000000000000000",
                "ffffffffffffff0000fffffffffffffffffeffffffffffff00000000000000000000000000000020",
            ),
            (
                "mipsn32el",
                "7f454c46010101000000000000000000020008000100000000000000000000000000000020000000",
                "ffffffffffffff0000fffffffffffffffeffffffffffffff00000000000000000000000020000000",
            ),
        ] {
            let (m, k) = magic_and_mask(name);
            assert_eq!((hex(&m).as_str(), hex(&k).as_str()), (magic, mask), "{name}");
        }
    }

    #[test]
    fn families_are_found() {
        for (machine, expected) in [
            ("x86_64", "i386"),
            ("armv7l", "arm"),
            ("armv7b", "armeb"),
            ("mips64", "mips"),
            ("ppc64el", "ppcle"),
            ("s390x", "s390x"),
            ("loongarch64", "loongarch"),
        ] {
            assert_eq!(family(machine), expected, "{machine}");
        }
    }
}
