//! The names of QEMU's user mode emulators: `qemu-aarch64`, `qemu-aarch64-static`,
//! `buildkit-qemu-aarch64`.

use binfmt::GuestArch;

/// An emulator's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Emulator {
    /// The architecture that it emulates.
    pub guest: &'static GuestArch,
    /// BuildKit's: the program is looked for in PATH.
    pub buildkit: bool,
}

/// The name under which BuildKit puts an emulator into a container, whatever its architecture.
pub const BUILDKIT_MOUNT: &str = ".buildkit_qemu_emulator";

impl Emulator {
    /// The emulator that `name` (without directory) stands for.
    pub fn of(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("buildkit-");
        let buildkit = rest.is_some();
        let arch = rest.unwrap_or(name).strip_prefix("qemu-")?;
        let arch = arch.strip_suffix("-static").unwrap_or(arch);
        // The names of Debian's links, which tell old QEMUs of flag P.
        let arch = arch.strip_suffix("-binfmt-P").unwrap_or(arch);
        let guest = binfmt::guests::GUESTS.iter().find(|g| g.qemu == arch)?;
        Some(Self { guest, buildkit })
    }
}

#[cfg(test)]
mod tests {
    use super::Emulator;

    #[test]
    fn names_are_understood() {
        for (name, expected) in [
            ("qemu-aarch64", Some(("arm64", false))),
            ("qemu-aarch64-static", Some(("arm64", false))),
            ("buildkit-qemu-riscv64", Some(("riscv64", true))),
            ("qemu-x86_64", Some(("amd64", false))),
            ("qemu-system-aarch64", None),
            ("qemu-img", None),
            ("anyarch", None),
        ] {
            let found = Emulator::of(name).map(|e| (e.guest.name, e.buildkit));
            assert_eq!(found, expected, "{name}");
        }
    }
}
