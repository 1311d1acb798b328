//! arch-test: which architectures' programs run here, or in a chroot.

use std::path::Path;

use binfmt::precedence::winner;
use binfmt::{Entry, GuestArch};

use crate::{Code, Machine};

/// The original's architectures, in its order, and ours that answers for it (empty: anyarch has no
/// program of that kind to try).
const NAMES: &[(&str, &str)] = &[
    ("alpha", "alpha"),
    ("amd64", "amd64"),
    ("arc", ""),
    ("arm", ""), // the old ABI
    ("arm64", "arm64"),
    ("arm64ilp32", ""),
    ("armel", "arm"),
    ("armhf", "arm"),
    ("hppa", "hppa"),
    ("i386", "386"),
    ("ia64", ""),
    ("illumos-amd64", ""),
    ("kfreebsd-amd64", ""),
    ("kfreebsd-i386", ""),
    ("m68k", "m68k"),
    ("mips", "mips"),
    ("mips64", "mips64"),
    ("mips64el", "mips64le"),
    ("mipsel", "mipsle"),
    ("mipsn32", "mipsn32"),
    ("mipsn32el", "mipsn32le"),
    ("powerpc", "ppc"),
    ("powerpcspe", ""),
    ("ppc64", "ppc64"),
    ("ppc64el", "ppc64le"),
    ("riscv64", "riscv64"),
    ("s390x", "s390x"),
    ("sh4", "sh4"),
    ("sparc", "sparc"),
    ("sparc64", "sparc64"),
    ("win32", ""),
    ("win64", ""),
    ("x32", ""),
];

/// Runs a command line; `arguments[0]` is the program's name.
pub fn run(m: &mut dyn Machine, arguments: &[String]) -> u8 {
    let program = arguments.first().map_or("arch-test", String::as_str);
    let mut rest = arguments.get(1..).unwrap_or_default();
    let (mut native, mut chroot) = (false, None);
    match rest.first().map(String::as_str) {
        Some("--version") => {
            m.out("arch-test v0.20\n");
            return 0;
        }
        Some("-n" | "--native") => {
            native = true;
            rest = &rest[1..];
        }
        Some("-c" | "--chroot") => {
            let dir = rest.get(1).filter(|d| !d.is_empty());
            let Some(dir) = dir else {
                let text = "-c requires path to the chroot (possibly '.').";
                m.err(&format!("{program}: {text}\n"));
                return 2;
            };
            if m.names(Path::new(dir)).is_err() {
                m.err(&format!("{program}: chroot '{dir}' is not a directory.\n"));
                return 2;
            }
            rest = &rest[2..];
            if rest.first().is_none_or(String::is_empty) {
                m.err(&format!("{program}: -c works only with a single-arch query.\n"));
                return 2;
            }
            chroot = Some(dir.clone());
        }
        Some(option) if option.starts_with('-') => {
            m.err(&format!("{program}: unknown option '{option}'.\n"));
            return 2;
        }
        _ => {}
    }
    match rest {
        [] => {
            for (name, ours) in NAMES {
                if runs(m, ours, native, None) {
                    m.out(&format!("{name}\n"));
                }
            }
            0
        }
        [name] => one(m, name, native, chroot.as_deref().map(Path::new)),
        _ => {
            m.err("Usage: \"arch-test [-n]\" or \"arch-test [-n|-c <chroot>] <arch>\".\n");
            m.exit_code(1, Code::Usage)
        }
    }
}

fn one(m: &mut dyn Machine, name: &str, native: bool, chroot: Option<&Path>) -> u8 {
    let Some((_, ours)) = NAMES.iter().find(|(n, _)| *n == name) else {
        m.out(&format!("I don't know how to detect arch '{name}', sorry.\n"));
        return 2;
    };
    if runs(m, ours, native, chroot) {
        m.out(&format!("{name}: ok\n"));
        return 0;
    }
    m.out(&format!("{name}: not supported on this machine/kernel\n"));
    if ours.is_empty() {
        m.err(&format!("hint: anyarch has no {name} program to try\n"));
    }
    1
}

/// Whether programs of the architecture run; `native`: without an interpreter of binfmt_misc.
fn runs(m: &mut dyn Machine, name: &str, native: bool, root: Option<&Path>) -> bool {
    let Some(guest) = GuestArch::find(name).filter(|_| !name.is_empty()) else { return false };
    if native && interpreted(m, guest) {
        return false;
    }
    m.executes(guest, root)
}

/// Whether an entry takes this architecture's programs.
fn interpreted(m: &dyn Machine, guest: &GuestArch) -> bool {
    let mount = Path::new(crate::MOUNT);
    let head = binfmt::probe::build(guest).unwrap_or_else(|| guest.magic());
    let read = |name: &String| {
        let text = m.read(&mount.join(name)).ok()?;
        Entry::parse(name, &String::from_utf8_lossy(&text)).ok()
    };
    let entries: Vec<Entry> = m.names(mount).unwrap_or_default().iter().filter_map(read).collect();
    winner(&entries, "", &head).is_some()
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::fake::Fake;

    #[test]
    fn one_architecture_is_asked_for() {
        let mut m = Fake::new().runs(&["amd64", "arm64"]);
        assert_eq!(m.call(run, "arch-test arm64"), (0, "arm64: ok\n".into(), String::new()));
        let text = "riscv64: not supported on this machine/kernel\n";
        assert_eq!(m.call(run, "arch-test riscv64"), (1, text.into(), String::new()));
        let text = "I don't know how to detect arch 'vax', sorry.\n";
        assert_eq!(m.call(run, "arch-test vax"), (2, text.into(), String::new()));
    }

    #[test]
    fn all_are_listed_in_order() {
        let mut m = Fake::new().runs(&["amd64", "386", "arm64"]);
        assert_eq!(m.call(run, "arch-test").1, "amd64\narm64\ni386\n");
        m.entry("qemu-aarch64", "enabled\ninterpreter /q\nflags: F\noffset 0\nmagic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n");
        assert_eq!(m.call(run, "arch-test -n").1, "amd64\ni386\n");
    }

    #[test]
    fn wrong_lines_are_refused_as_by_the_original() {
        let mut m = Fake::new();
        let call = m.call(run, "arch-test -c /nonexistent-dir arm64");
        assert_eq!(call.2, "arch-test: chroot '/nonexistent-dir' is not a directory.\n");
        assert_eq!(m.call(run, "arch-test -x").2, "arch-test: unknown option '-x'.\n");
    }
}
