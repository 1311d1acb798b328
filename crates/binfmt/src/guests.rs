//! Every guest architecture, once: its names, ELF identity, magic and mask.

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
    /// Our name and the OCI one: `arm64`.
    pub name: &'static str,
    /// The kernel's (`uname -m`): `aarch64`.
    pub uname: &'static str,
    /// QEMU's suffix, used in entry names: `qemu-aarch64`.
    pub qemu: &'static str,
    /// Debian's architecture name.
    pub debian: &'static str,
    /// Further accepted spellings.
    pub aliases: &'static [&'static str],
    /// 64-bit ELF class.
    pub class64: bool,
    /// Byte order.
    pub order: ByteOrder,
    /// e_machine.
    pub machine: u16,
    /// Whether this build emulates it.
    pub emulated: bool,
}

const fn guest(
    names: [&'static str; 4],
    aliases: &'static [&'static str],
    class64: bool,
    order: ByteOrder,
    machine: u16,
    emulated: bool,
) -> GuestArch {
    let [name, uname, qemu, debian] = names;
    GuestArch { name, uname, qemu, debian, aliases, class64, order, machine, emulated }
}

use ByteOrder::{Big, Little};

/// All of them, in the order in which they are to be emulated.
pub const GUESTS: &[GuestArch] = &[
    guest(
        ["arm64", "aarch64", "aarch64", "arm64"],
        &["arm64/v8", "armv8l"],
        true,
        Little,
        183,
        true,
    ),
    guest(["riscv64", "riscv64", "riscv64", "riscv64"], &[], true, Little, 243, false),
    guest(["amd64", "x86_64", "x86_64", "amd64"], &["x86-64", "amd64/v2"], true, Little, 62, false),
    guest(
        ["arm", "armv7l", "arm", "armhf"],
        &["arm/v7", "arm/v6", "arm/v5", "armel"],
        false,
        Little,
        40,
        false,
    ),
    guest(["386", "i686", "i386", "i386"], &["x86", "i486", "i586"], false, Little, 3, false),
    guest(["s390x", "s390x", "s390x", "s390x"], &[], true, Big, 22, false),
    guest(["ppc64le", "ppc64le", "ppc64le", "ppc64el"], &["powerpc64le"], true, Little, 21, false),
    guest(["mips64le", "mips64", "mips64el", "mips64el"], &[], true, Little, 8, false),
    guest(["mips64", "mips64", "mips64", "mips64"], &[], true, Big, 8, false),
    guest(["loong64", "loongarch64", "loongarch64", "loong64"], &[], true, Little, 258, false),
];

impl GuestArch {
    /// The architecture called `name` in any convention (Go, Debian, uname, QEMU, OCI with or
    /// without `linux/`).
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = name.strip_prefix("linux/").unwrap_or(name);
        GUESTS
            .iter()
            .find(|g| [g.name, g.qemu, g.debian].contains(&name) || g.aliases.contains(&name))
            .or_else(|| GUESTS.iter().find(|g| g.uname == name))
    }

    /// The architecture of an ELF header (at least 20 bytes), if it is one of ours.
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
        GUESTS
            .iter()
            .find(|g| g.machine == machine && g.order == order && g.class64 == (header[4] == 2))
    }

    /// The bytes that an executable of this architecture starts with, where [`Self::mask`] is set.
    pub fn magic(&self) -> Vec<u8> {
        let mut m = vec![0x7f, b'E', b'L', b'F', 1 + u8::from(self.class64)];
        m.push(if self.order == Little { 1 } else { 2 });
        m.push(1);
        m.resize(16, 0);
        let half = |v: u16| if self.order == Little { v.to_le_bytes() } else { v.to_be_bytes() };
        m.extend(half(2));
        m.extend(half(self.machine));
        m
    }

    /// Which bits of the magic count: EI_OSABI, EI_ABIVERSION and the padding (where AppImages
    /// leave their mark) do not, ET_EXEC and ET_DYN both match.
    pub fn mask(&self) -> Vec<u8> {
        let mut m = vec![0xff; 7];
        m.resize(16, 0);
        m.extend(if self.order == Little { [0xfe, 0xff] } else { [0xff, 0xfe] });
        m.extend([0xff, 0xff]);
        m
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_convention_finds_arm64() {
        for name in ["arm64", "aarch64", "linux/arm64", "arm64/v8"] {
            assert_eq!(GuestArch::find(name).map(|g| g.name), Some("arm64"), "{name}");
        }
        assert_eq!(GuestArch::find("vax"), None);
    }

    #[test]
    fn magic_of_arm64_is_the_known_one() {
        let g = GuestArch::find("arm64").expect("in the table");
        let hex: String = g.magic().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "7f454c460201010000000000000000000200b700");
        assert_eq!(g.mask().len(), 20);
        assert_eq!(GuestArch::of_elf(&g.magic()), Some(g));
    }

    #[test]
    fn names_are_unique() {
        for (i, g) in GUESTS.iter().enumerate() {
            for h in &GUESTS[i + 1..] {
                assert!(g.name != h.name && g.qemu != h.qemu && g.debian != h.debian);
            }
        }
    }
}
