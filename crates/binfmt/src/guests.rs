//! Every guest architecture, once: its names in every convention, ELF identity, magic and mask.

/// Byte order of an ELF file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// A guest architecture as binfmt_misc and the ELF header see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GuestArch {
    /// Our name, Go's and the OCI one: `arm64`.
    pub name: &'static str,
    /// The kernel's (`uname -m`): `aarch64`.
    pub uname: &'static str,
    /// QEMU's suffix, used in entry names: `qemu-aarch64`.
    pub qemu: &'static str,
    /// Debian's architecture name.
    pub debian: &'static str,
    /// Further accepted spellings.
    pub aliases: &'static [&'static str],
    /// The platform as container tools write it, without `linux/`: `arm/v7`.
    pub platform: &'static str,
    /// 64-bit ELF class.
    pub class64: bool,
    /// Byte order.
    pub order: ByteOrder,
    /// e_machine.
    pub machine: u16,
    /// Bits of e_flags that tell it from another ABI of the same machine: (mask, value).
    pub abi_flags: Option<(u32, u32)>,
    /// Whether this build emulates it.
    pub emulated: bool,
}

use ByteOrder::{Big, Little};

/// A row: names [ours, uname, QEMU, Debian], aliases, ELF class, byte order, machine.
const fn guest(
    names: [&'static str; 4],
    aliases: &'static [&'static str],
    bits: u8,
    order: ByteOrder,
    machine: u16,
) -> GuestArch {
    let [name, uname, qemu, debian] = names;
    GuestArch {
        name,
        uname,
        qemu,
        debian,
        aliases,
        platform: name,
        class64: bits == 64,
        order,
        machine,
        abi_flags: None,
        emulated: false,
    }
}

impl GuestArch {
    const fn emulated(mut self) -> Self {
        self.emulated = true;
        self
    }
    const fn platform(mut self, platform: &'static str) -> Self {
        self.platform = platform;
        self
    }
    /// EF_MIPS_ABI2: set for n32, clear for o32.
    const fn abi2(mut self, set: bool) -> Self {
        self.abi_flags = Some((0x20, if set { 0x20 } else { 0 }));
        self
    }
}

/// All of them: first those that are or will be emulated, in that order, then those that QEMU's
/// user mode has as well, so that its entries can be managed.
pub const GUESTS: &[GuestArch] = &[
    guest(
        ["arm64", "aarch64", "aarch64", "arm64"],
        &["arm64/v8", "arm64/v9", "arm64v8", "armv8"],
        64,
        Little,
        183,
    )
    .emulated(),
    guest(["riscv64", "riscv64", "riscv64", "riscv64"], &["riscv64gc"], 64, Little, 243).emulated(),
    guest(
        ["amd64", "x86_64", "x86_64", "amd64"],
        &[
            "x86-64",
            "x86_64-v2",
            "x86_64-v3",
            "x86_64-v4",
            "x64",
            "amd64/v1",
            "amd64/v2",
            "amd64/v3",
            "amd64/v4",
        ],
        64,
        Little,
        62,
    ),
    guest(
        ["arm", "armv7l", "arm", "armhf"],
        // armv8l is what 32-bit programs see on a 64-bit kernel.
        &[
            "arm/v8", "arm/v7", "arm/v6", "arm/v5", "armel", "armv8l", "armv7", "armv7hl", "armv6",
            "armv6l", "armv5l", "armv5tel", "armhfp", "arm32v7", "arm32v6", "arm32v5",
        ],
        32,
        Little,
        40,
    )
    .platform("arm/v7"),
    guest(
        ["386", "i686", "i386", "i386"],
        &["x86", "i486", "i586", "ia32", "x86-32"],
        32,
        Little,
        3,
    ),
    guest(["s390x", "s390x", "s390x", "s390x"], &[], 64, Big, 22),
    guest(["ppc64le", "ppc64le", "ppc64le", "ppc64el"], &["powerpc64le"], 64, Little, 21),
    guest(["mips64le", "mips64", "mips64el", "mips64el"], &["mips64el"], 64, Little, 8),
    guest(["mips64", "mips64", "mips64", "mips64"], &["mips64be"], 64, Big, 8),
    guest(["loong64", "loongarch64", "loongarch64", "loong64"], &[], 64, Little, 258),
    guest(["ppc64", "ppc64", "ppc64", "ppc64"], &["powerpc64"], 64, Big, 21),
    guest(["ppc", "ppc", "ppc", "powerpc"], &[], 32, Big, 20),
    guest(["mipsle", "mips", "mipsel", "mipsel"], &[], 32, Little, 8).abi2(false),
    guest(["mips", "mips", "mips", "mips"], &["mipsbe"], 32, Big, 8).abi2(false),
    guest(["mipsn32le", "mips64", "mipsn32el", "mipsn32el"], &[], 32, Little, 8).abi2(true),
    guest(["mipsn32", "mips64", "mipsn32", "mipsn32"], &[], 32, Big, 8).abi2(true),
    guest(["riscv32", "riscv32", "riscv32", "riscv32"], &[], 32, Little, 243),
    guest(["arm64be", "aarch64_be", "aarch64_be", "arm64be"], &[], 64, Big, 183),
    guest(["armbe", "armv7b", "armeb", "armeb"], &[], 32, Big, 40),
    guest(["m68k", "m68k", "m68k", "m68k"], &[], 32, Big, 4),
    guest(["alpha", "alpha", "alpha", "alpha"], &[], 64, Little, 0x9026),
    guest(["sparc", "sparc", "sparc", "sparc"], &[], 32, Big, 2),
    guest(["sparc32plus", "sparc", "sparc32plus", "sparc32plus"], &[], 32, Big, 18),
    guest(["sparc64", "sparc64", "sparc64", "sparc64"], &[], 64, Big, 43),
    guest(["hppa", "parisc", "hppa", "hppa"], &["parisc64", "hppa1.1"], 32, Big, 15),
    guest(["or1k", "openrisc", "or1k", "or1k"], &[], 32, Big, 92),
    guest(["sh4", "sh4", "sh4", "sh4"], &["sh4a"], 32, Little, 42),
    guest(["sh4eb", "sh4eb", "sh4eb", "sh4eb"], &[], 32, Big, 42),
    guest(["xtensa", "xtensa", "xtensa", "xtensa"], &[], 32, Little, 94),
    guest(["xtensaeb", "xtensaeb", "xtensaeb", "xtensaeb"], &[], 32, Big, 94),
    guest(["hexagon", "hexagon", "hexagon", "hexagon"], &[], 32, Little, 164),
    guest(["microblaze", "microblaze", "microblaze", "microblaze"], &[], 32, Big, 0xbaab),
    guest(["microblazeel", "microblaze", "microblazeel", "microblazeel"], &[], 32, Little, 0xbaab),
];

/// Those that this build emulates, other than the machine's own.
pub fn emulated() -> Vec<&'static GuestArch> {
    let host = GuestArch::host();
    GUESTS.iter().filter(|g| g.emulated && Some(*g) != host).collect()
}

impl GuestArch {
    /// The architecture called `name` in any convention (Go, Debian, uname, QEMU, OCI with or
    /// without `linux/`, entry name), in any case.
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = &*name.trim().to_ascii_lowercase();
        let name = name.strip_prefix("linux/").unwrap_or(name);
        let name = name.strip_prefix("qemu-").unwrap_or(name);
        GUESTS
            .iter()
            .find(|g| g.name == name)
            .or_else(|| {
                GUESTS.iter().find(|g| {
                    [g.qemu, g.debian, g.platform].contains(&name) || g.aliases.contains(&name)
                })
            })
            .or_else(|| GUESTS.iter().find(|g| g.uname == name))
    }

    /// The architecture of an ELF header (at least 20 bytes; 52 to tell the ABIs of MIPS apart).
    pub fn of_elf(header: &[u8]) -> Option<&'static Self> {
        if header.len() < 20 || &header[..4] != b"\x7fELF" {
            return None;
        }
        let order = match header[5] {
            1 => Little,
            2 => Big,
            _ => return None,
        };
        let machine = match order {
            Little => u16::from_le_bytes([header[18], header[19]]),
            Big => u16::from_be_bytes([header[18], header[19]]),
        };
        GUESTS.iter().find(|g| {
            g.machine == machine
                && g.order == order
                && g.class64 == (header[4] == 2)
                && g.abi_flags.is_none_or(|(mask, value)| {
                    header.get(36..40).is_none_or(|b| {
                        let b = [b[0], b[1], b[2], b[3]];
                        let flags = match order {
                            Little => u32::from_le_bytes(b),
                            Big => u32::from_be_bytes(b),
                        };
                        flags & mask == value
                    })
                })
        })
    }

    /// The architecture that this program was built for.
    pub fn host() -> Option<&'static Self> {
        let arch = std::env::consts::ARCH;
        let little = cfg!(target_endian = "little");
        let name = match arch {
            "powerpc64" if little => "ppc64le",
            "mips64" if little => "mips64le",
            _ => arch,
        };
        Self::find(name)
    }

    /// `name` and what else its words say, for error messages: `arm64 (aarch64)`.
    pub fn title(&self) -> String {
        if self.uname == self.name {
            self.name.to_owned()
        } else {
            format!("{} ({})", self.name, self.uname)
        }
    }

    /// `pattern` with the names for which `{qemu}` and `{arch}` stand.
    pub fn fill(&self, pattern: &str) -> String {
        pattern.replace("{qemu}", self.qemu).replace("{arch}", self.name)
    }

    fn half(&self, v: u16) -> [u8; 2] {
        if self.order == Little { v.to_le_bytes() } else { v.to_be_bytes() }
    }

    fn word(&self, v: u32) -> [u8; 4] {
        if self.order == Little { v.to_le_bytes() } else { v.to_be_bytes() }
    }

    /// The bytes that an executable of this architecture starts with, where [`Self::mask`] is set.
    pub fn magic(&self) -> Vec<u8> {
        let mut m = vec![0x7f, b'E', b'L', b'F', 1 + u8::from(self.class64)];
        m.push(if self.order == Little { 1 } else { 2 });
        m.push(1);
        m.resize(16, 0);
        m.extend(self.half(2));
        m.extend(self.half(self.machine));
        if let Some((_, value)) = self.abi_flags {
            m.resize(36, 0);
            m.extend(self.word(value));
        }
        m
    }

    /// Which bits of the magic count: EI_OSABI, EI_ABIVERSION and the padding (where AppImages
    /// leave their mark) do not, ET_EXEC and ET_DYN both match.
    pub fn mask(&self) -> Vec<u8> {
        let mut m = vec![0xff; 7];
        m.resize(16, 0);
        m.extend(self.half(0xfffe));
        m.extend([0xff, 0xff]);
        if let Some((mask, _)) = self.abi_flags {
            m.resize(36, 0);
            m.extend(self.word(mask));
        }
        m
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn every_convention_finds_its_architecture() {
        let names = [
            ("arm64", "arm64 aarch64 linux/arm64 arm64/v8 arm64v8 AArch64 ARM64 qemu-aarch64"),
            ("amd64", "amd64 x86_64 linux/amd64 amd64/v2 qemu-x86_64 x86-64"),
            ("arm", "arm armhf linux/arm/v7 arm/v6 armv7l armv8l arm32v7 armel qemu-arm"),
            ("386", "386 i386 i686 linux/386 qemu-i386"),
            ("ppc64le", "ppc64le ppc64el powerpc64le"),
            ("mips64le", "mips64le mips64el qemu-mips64el"),
            ("mips64", "mips64 qemu-mips64"),
            ("mipsle", "mipsle mipsel"),
            ("mips", "mips"),
            ("loong64", "loong64 loongarch64"),
            ("s390x", "s390x"),
            ("ppc", "powerpc ppc"),
        ];
        for (expected, spellings) in names {
            for name in spellings.split(' ') {
                assert_eq!(GuestArch::find(name).map(|g| g.name), Some(expected), "{name}");
            }
        }
        // Go's, Debian's and QEMU's whole lists.
        let go =
            "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x";
        let debian = "amd64 arm64 armel armhf i386 mips64el mipsel ppc64el riscv64 s390x alpha hppa \
                      loong64 m68k powerpc ppc64 sh4 sparc64";
        let qemu = "aarch64 aarch64_be alpha arm armeb hexagon hppa i386 loongarch64 m68k microblaze \
                    microblazeel mips mips64 mips64el mipsel mipsn32 mipsn32el or1k ppc ppc64 ppc64le \
                    riscv32 riscv64 s390x sh4 sh4eb sparc sparc32plus sparc64 x86_64 xtensa xtensaeb";
        for name in [go, debian, qemu].iter().flat_map(|list| list.split_whitespace()) {
            assert!(GuestArch::find(name).is_some(), "{name}");
        }
        assert_eq!(GuestArch::find("vax"), None);
        assert_eq!(GuestArch::find(""), None);
    }

    #[test]
    fn magic_of_arm64_is_the_known_one() {
        let g = GuestArch::find("arm64").expect("in the table");
        assert_eq!(hex(&g.magic()), "7f454c460201010000000000000000000200b700");
        assert_eq!(hex(&g.mask()), "ffffffffffffff000000000000000000feffffff");
        assert_eq!(GuestArch::of_elf(&g.magic()), Some(g));
    }

    #[test]
    fn the_abis_of_mips_are_told_apart() {
        let find = |n| GuestArch::find(n).expect("in the table");
        let (o32, n32) = (find("mips"), find("mipsn32"));
        assert_eq!(hex(&n32.magic()[36..]), "00000020");
        assert_eq!(hex(&find("mipsn32el").magic()[36..]), "20000000");
        assert_eq!(hex(&o32.mask()[36..]), "00000020");
        for g in GUESTS {
            assert_eq!(GuestArch::of_elf(&g.magic()), Some(g), "{}", g.name);
            assert_eq!(g.magic().len(), g.mask().len());
        }
    }

    #[test]
    fn names_are_unique() {
        for (i, g) in GUESTS.iter().enumerate() {
            for h in &GUESTS[i + 1..] {
                assert!(g.name != h.name && g.qemu != h.qemu && g.debian != h.debian);
                assert!(!g.aliases.contains(&h.name), "{} {}", g.name, h.name);
            }
        }
    }

    #[test]
    fn the_host_is_in_the_table() {
        assert_eq!(GuestArch::host().map(|g| g.uname), Some(std::env::consts::ARCH));
    }
}
