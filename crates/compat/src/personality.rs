//! Which tool a command line is meant for: by the name that we are called by, else by the shape of
//! the arguments.

use crate::emulator::{BUILDKIT_MOUNT, Emulator};
use crate::{Machine, arch_test, qemu_conf, qus, systemd, tonistiigi, update_binfmts};

/// A tool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Personality {
    /// tonistiigi/binfmt.
    Tonistiigi,
    /// multiarch/qemu-user-static's register.sh.
    Multiarch,
    /// QEMU's qemu-binfmt-conf.sh.
    QemuConf,
    /// dbhi/qus.
    Qus,
    /// systemd-binfmt.
    Systemd,
    /// Debian's update-binfmts.
    UpdateBinfmts,
    /// arch-test.
    ArchTest,
    /// An emulator of QEMU's user mode.
    Emulator(Emulator),
    /// The emulator that BuildKit puts into containers: of whatever its program is.
    BuildKit,
}

/// Long options that only qemu-binfmt-conf.sh or register.sh take first.
const CONF_FIRST: [&str; 8] = [
    "--persistent",
    "--credential",
    "--qemu-path",
    "--qemu-suffix",
    "--preserve-argv0",
    "--ignore-family",
    "--exportdir",
    "--debian",
];

impl Personality {
    /// The tool that `arguments` (with the program's name) are for; None: they are our own.
    pub fn of(arguments: &[String]) -> Option<Self> {
        let name = arguments.first()?;
        let name = name.rsplit('/').next().unwrap_or(name);
        match name {
            // The name of our image's program, which stands in for the other images as well.
            "binfmt" => {
                return Some(Self::of_shape(&arguments[1..]).unwrap_or(Self::Tonistiigi));
            }
            "qemu-binfmt-conf.sh" => return Some(Self::QemuConf),
            // multiarch's and qus's scripts have the same name; the shape tells them apart.
            "register" | "register.sh" => {
                return Some(Self::of_shape(&arguments[1..]).unwrap_or(Self::Multiarch));
            }
            "systemd-binfmt" => return Some(Self::Systemd),
            "update-binfmts" => return Some(Self::UpdateBinfmts),
            "arch-test" => return Some(Self::ArchTest),
            BUILDKIT_MOUNT => return Some(Self::BuildKit),
            _ => {}
        }
        if let Some(emulator) = Emulator::of(name) {
            return Some(Self::Emulator(emulator));
        }
        Self::of_shape(&arguments[1..])
    }

    fn of_shape(rest: &[String]) -> Option<Self> {
        let words: Vec<&str> = rest.iter().map(String::as_str).collect();
        let first = words.first()?;
        let bare = first.strip_prefix('-').map(|f| f.strip_prefix('-').unwrap_or(f));
        let option = bare?.split('=').next().unwrap_or_default();
        let words_yes_no = |w: &str| w == "yes" || w == "no";
        match (option, &words[1..]) {
            ("install" | "uninstall", _) => return Some(Self::Tonistiigi),
            ("mount", [_, next, ..])
                if ["-install", "--install", "-uninstall", "--uninstall"].contains(next) =>
            {
                return Some(Self::Tonistiigi);
            }
            ("p" | "c" | "g", [value, ..]) if words_yes_no(value) => return Some(Self::Multiarch),
            _ => {}
        }
        if *first == "--reset" {
            return Some(Self::Multiarch);
        }
        let long = first.split('=').next().unwrap_or_default();
        if CONF_FIRST.contains(&long) || *first == "--systemd" || (*first == "-s" && is_cpu(&words))
        {
            return Some(Self::QemuConf);
        }
        is_qus(&words).then_some(Self::Qus)
    }

    /// Runs a registering tool; None for an emulator, which is not run here.
    pub fn run(self, m: &mut dyn Machine, arguments: &[String]) -> Option<u8> {
        Some(match self {
            Self::Tonistiigi => tonistiigi::run(m, arguments),
            Self::Multiarch => qemu_conf::multiarch(m, arguments),
            Self::QemuConf => qemu_conf::run(m, arguments),
            Self::Qus => qus::run(m, arguments),
            Self::Systemd => systemd::run(m, arguments),
            Self::UpdateBinfmts => update_binfmts::run(m, arguments),
            Self::ArchTest => arch_test::run(m, arguments),
            Self::Emulator(_) | Self::BuildKit => return None,
        })
    }
}

/// `-s CPU` of qemu-binfmt-conf.sh.
fn is_cpu(words: &[&str]) -> bool {
    words.get(1).is_some_and(|w| *w == "ALL" || crate::conf_targets::Target::find(w).is_some())
}

/// qus: switches of its own, then perhaps `--` and those of its inner script. A `--` with a program
/// behind it is QEMU's form of command line.
fn is_qus(words: &[&str]) -> bool {
    let own = |w: &str| {
        ["-s", "--static", "-static", "-l", "--list", "-list", "-i", "--interactive"].contains(&w)
    };
    match words.iter().position(|w| *w == "--") {
        Some(0) => words.get(1).is_some_and(|w| {
            let letters = w.strip_prefix('-').unwrap_or_default();
            ["-r", "--clear", "-p", "--persistent", "-c", "--credential", "-t", "--test"]
                .contains(w)
                || letters.len() > 1 && letters.chars().all(|c| "rpct".contains(c))
        }),
        Some(at) => words[..at].iter().all(|w| own(w)),
        None => words.iter().all(|w| own(w)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Personality> {
        let arguments: Vec<String> = line.split(' ').map(Into::into).collect();
        Personality::of(&arguments)
    }

    #[test]
    fn the_name_decides_first() {
        for (line, expected) in [
            ("/usr/bin/binfmt", Personality::Tonistiigi),
            ("binfmt --version", Personality::Tonistiigi),
            ("binfmt --reset -p yes", Personality::Multiarch),
            ("binfmt -s -- -p x86_64", Personality::Qus),
            ("./qemu-binfmt-conf.sh --help", Personality::QemuConf),
            ("/register --reset -p yes", Personality::Multiarch),
            ("/register", Personality::Multiarch),
            ("/qus/register -s -- -p", Personality::Qus),
            ("/lib/systemd/systemd-binfmt --unregister", Personality::Systemd),
            ("update-binfmts --display", Personality::UpdateBinfmts),
            ("arch-test -c /x arm64", Personality::ArchTest),
            ("/dev/.buildkit_qemu_emulator /bin/sh", Personality::BuildKit),
        ] {
            assert_eq!(of(line), Some(expected), "{line}");
        }
        assert!(matches!(of("qemu-aarch64-static -L / x"), Some(Personality::Emulator(_))));
    }

    #[test]
    fn the_shape_decides_next() {
        for (line, expected) in [
            ("anyarch --install all", Personality::Tonistiigi),
            ("anyarch --install=arm64", Personality::Tonistiigi),
            ("anyarch -uninstall qemu-*", Personality::Tonistiigi),
            ("anyarch --mount /m --install all", Personality::Tonistiigi),
            ("anyarch --reset -p yes", Personality::Multiarch),
            ("anyarch --reset --credential yes --persistent yes", Personality::Multiarch),
            ("anyarch -p yes", Personality::Multiarch),
            ("anyarch --systemd ALL --exportdir D", Personality::QemuConf),
            ("anyarch -s aarch64", Personality::QemuConf),
            ("anyarch --qemu-path /usr/bin", Personality::QemuConf),
            ("anyarch -s -- -p x86_64", Personality::Qus),
            ("anyarch -l -- -t", Personality::Qus),
            ("anyarch -- -r", Personality::Qus),
            ("anyarch -l", Personality::Qus),
        ] {
            assert_eq!(of(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn our_own_lines_are_left_alone() {
        for line in [
            "anyarch",
            "anyarch run --root x",
            "anyarch --help",
            "anyarch --version",
            "anyarch -version",
            "anyarch -s 8M /bin/ls",
            "anyarch -p 4096 /bin/ls",
            "anyarch -L / /bin/ls --install",
            "anyarch -- /bin/ls -r",
            "anyarch /bin/ls",
            "anyarch install arm64",
            "anyarch -strace /bin/ls -- -p",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
