//! QEMU's qemu-binfmt-conf.sh, and multiarch/qemu-user-static's register.sh around it.

use std::path::{Path, PathBuf};

use binfmt::GuestArch;
use binfmt::guests::GUESTS;
use binfmt::rule::escape;

use crate::conf_targets::{self, TARGETS, Target};
use crate::formats::{self, Outcome, Registration};
use crate::getopt::{self, Item, Order, Spec, option};
use crate::machine::error_text;
use crate::{Code, Machine, hex};

const OPTIONS: &[Spec] = &[
    option(Some('d'), "debian", false),
    option(Some('s'), "systemd", true),
    option(Some('Q'), "qemu-path", true),
    option(Some('F'), "qemu-suffix", true),
    option(Some('e'), "exportdir", true),
    option(Some('h'), "help", false),
    option(Some('c'), "credential", true),
    option(Some('p'), "persistent", true),
    option(Some('g'), "preserve-argv0", true),
    option(Some('i'), "ignore-family", true),
    option(Some('S'), "", true),
];

/// Where the registrations go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Into {
    /// The kernel.
    Kernel,
    /// Files for update-binfmts.
    Debian,
    /// Files for systemd-binfmt.
    Systemd,
}

/// What is to be registered, and how.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) targets: Vec<&'static Target>,
    pub(crate) into: Into,
    pub(crate) export_dir: Option<String>,
    pub(crate) path: String,
    pub(crate) suffix: String,
    /// The values as given: only `yes` means yes, but files repeat them.
    pub(crate) credential: String,
    pub(crate) persistent: String,
    /// None where the script has no such option.
    pub(crate) preserve_argv0: Option<String>,
    pub(crate) ignore_family: bool,
}

/// multiarch/qemu-user-static's register.sh; `arguments[0]` is the program's name.
pub fn multiarch(m: &mut dyn Machine, arguments: &[String]) -> u8 {
    let dir = m.setting("QEMU_BIN_DIR").unwrap_or_else(|| "/usr/bin".into());
    let mount = Path::new(crate::MOUNT);
    if !m.exists(mount) {
        m.out(
            "No binfmt support in the kernel.\n  Try: '/sbin/modprobe binfmt_misc' from the host\n",
        );
        return m.exit_code(1, Code::NoKernel);
    }
    if !m.exists(&mount.join("register"))
        && let Err(error) = m.mount(mount)
    {
        m.err(&format!(
            "mount: mounting binfmt_misc on {} failed: {}\n",
            mount.display(),
            error_text(&error)
        ));
    }
    let mut rest = arguments.get(1..).unwrap_or_default();
    if rest.first().is_some_and(|a| a == "--reset") {
        rest = &rest[1..];
        for name in m.names(mount).unwrap_or_default() {
            if name.starts_with("qemu-") {
                let _ = m.write(&mount.join(name), b"-1");
            }
        }
    }
    let before = ["--qemu-suffix", "-static", "--qemu-path", &dir].map(String::from);
    let all: Vec<String> = before.into_iter().chain(rest.iter().cloned()).collect();
    // The script that the image carries is older than LoongArch.
    let targets = TARGETS.iter().filter(|t| t.name != "loongarch64").collect();
    conf(m, &all, targets)
}

/// qemu-binfmt-conf.sh; `arguments[0]` is the program's name.
pub fn run(m: &mut dyn Machine, arguments: &[String]) -> u8 {
    conf(m, arguments.get(1..).unwrap_or_default(), TARGETS.iter().collect())
}

fn conf(m: &mut dyn Machine, arguments: &[String], targets: Vec<&'static Target>) -> u8 {
    let mut plan = Plan {
        targets,
        into: Into::Kernel,
        export_dir: m.setting("EXPORTDIR"),
        path: "/usr/local/bin".into(),
        suffix: String::new(),
        credential: "no".into(),
        persistent: "no".into(),
        preserve_argv0: Some("no".into()),
        ignore_family: false,
    };
    let items = getopt::split(OPTIONS, arguments, Order::Permuted);
    // getopt(1) complains before the script sees anything.
    for item in &items {
        if let Item::Wrong(message) = item {
            m.err(&format!("getopt: {message}\n"));
        }
    }
    for item in items {
        let Item::Option(index, value) = item else { continue };
        let value = value.unwrap_or_default();
        match OPTIONS[index].short {
            Some('d') => plan.export(Into::Debian),
            Some('s') => {
                plan.export(Into::Systemd);
                if value != "ALL" {
                    let Some(target) = Target::find(&value) else {
                        m.err(&format!("ERROR: unknown CPU \"{value}\"\n"));
                        usage(m, &plan);
                        return m.exit_code(1, Code::Usage);
                    };
                    plan.targets = vec![target];
                }
            }
            Some('Q') => plan.path = value,
            Some('F') => plan.suffix = value,
            Some('e') => plan.export_dir = Some(value),
            Some('h') => {
                usage(m, &plan);
                return m.exit_code(1, Code::Done);
            }
            Some('c') => plan.credential = value,
            Some('p') => plan.persistent = value,
            Some('g') => plan.preserve_argv0 = Some(value),
            Some('i') => plan.ignore_family = value != "no",
            // The script takes -S from getopt and stops at it.
            _ => break,
        }
    }
    plan.run(m)
}

/// A summary; the original's is longer.
fn usage(m: &mut dyn Machine, plan: &Plan) {
    let names: Vec<&str> = TARGETS.iter().map(|t| t.name).collect();
    m.out(&format!(
        "Usage: qemu-binfmt-conf.sh [--qemu-path PATH] [--qemu-suffix SUFFIX] [--credential yes|no]\n\
         \x20                          [--persistent yes|no] [--preserve-argv0 yes|no]\n\
         \x20                          [--ignore-family yes|no] [--exportdir DIR]\n\
         \x20                          [--debian] [--systemd CPU|ALL] [--help]\n\n\
         Registers interpreters (here {}/qemu-CPU) with binfmt_misc, or writes files for\n\
         update-binfmts (--debian) or systemd-binfmt (--systemd).\n\n\
         CPU is one of: {}\n",
        plan.path,
        names.join(" ")
    ));
}

/// What came of all registrations.
#[derive(Default)]
struct Tally {
    done: usize,
    failed: usize,
    missing: Vec<&'static str>,
    last_failed: bool,
}

impl Plan {
    pub(crate) fn export(&mut self, into: Into) {
        self.into = into;
        let default = if into == Into::Debian { "/usr/share/binfmts" } else { "/etc/binfmt.d" };
        self.export_dir.get_or_insert_with(|| default.into());
    }

    fn interpreter(&self, target: &Target) -> PathBuf {
        PathBuf::from(format!("{}/qemu-{}{}", self.path, target.emulator(), self.suffix))
    }

    fn flags(&self) -> String {
        let yes = |v: &str| v == "yes";
        let mut flags = String::new();
        flags += if yes(&self.credential) { "OC" } else { "" };
        flags += if yes(&self.persistent) { "F" } else { "" };
        flags += if self.preserve_argv0.as_deref().is_some_and(yes) { "P" } else { "" };
        flags
    }

    fn line(&self, target: &Target) -> String {
        let (magic, mask) = texts(target);
        let interpreter = self.interpreter(target);
        format!(
            ":qemu-{}:M::{magic}:{mask}:{}:{}",
            target.name,
            interpreter.display(),
            self.flags()
        )
    }

    fn debian(&self, target: &Target) -> String {
        let (magic, mask) = texts(target);
        let preserve = match &self.preserve_argv0 {
            Some(value) => format!("preserve {value}\n"),
            None => String::new(),
        };
        format!(
            "package qemu-{}\ninterpreter {}\nmagic {magic}\nmask {mask}\ncredentials {}\n\
             {preserve}fix_binary {}\n",
            target.name,
            self.interpreter(target).display(),
            self.credential,
            self.persistent
        )
    }

    /// The targets that this machine does not run by itself.
    fn foreign(&self, m: &dyn Machine) -> Vec<&'static Target> {
        let machine = m.setting("HOST_ARCH");
        let machine = machine.unwrap_or_else(|| m.uname_machine());
        let (family, processor) =
            (conf_targets::family(&machine), conf_targets::processor(&machine));
        let runs =
            |t: &Target| t.family == family && (!self.ignore_family || t.emulator() == processor);
        self.targets.iter().filter(|t| !runs(t)).copied().collect()
    }

    /// Checks the destination, as the script does before anything else.
    pub(crate) fn check(&self, m: &mut dyn Machine) -> Result<(), u8> {
        let mount = Path::new(crate::MOUNT);
        let place = match self.into {
            Into::Kernel => {
                if !m.exists(mount) {
                    m.err("modprobe: FATAL: Module binfmt_misc not found.\n");
                    return Err(m.exit_code(1, Code::NoKernel));
                }
                if !m.exists(&mount.join("register"))
                    && let Err(error) = m.mount(mount)
                {
                    m.err(&format!("mount: {}: {}.\n", mount.display(), error_text(&error)));
                    return Err(m.exit_code(1, Code::NoKernel));
                }
                mount.join("register")
            }
            Into::Debian => {
                if !m.exists(Path::new("/etc/debian_version")) {
                    m.err("WARNING: your system is not a Debian based distro\n");
                } else if !m.exists(Path::new("/var/lib/dpkg/info/binfmt-support.list")) {
                    m.err("WARNING: package binfmt-support is needed\n");
                }
                PathBuf::from(self.export_dir.as_deref().unwrap_or_default())
            }
            Into::Systemd => {
                let unit = "systemd/system/systemd-binfmt.service";
                if !["/lib", "/usr/lib", "/etc"].iter().any(|d| m.exists(&Path::new(d).join(unit)))
                {
                    m.err("WARNING: systemd-binfmt.service is missing or disabled\n");
                }
                PathBuf::from(self.export_dir.as_deref().unwrap_or_default())
            }
        };
        if m.writable(&place) {
            return Ok(());
        }
        m.err(&format!("ERROR: cannot write to {}\n", place.display()));
        Err(m.exit_code(1, Code::NotReached))
    }

    fn run(&self, m: &mut dyn Machine) -> u8 {
        match self.check(m) {
            Ok(()) => self.register_all(m, false),
            Err(code) => code,
        }
    }

    /// Registers all; `asked` if the user named each of them.
    pub(crate) fn register_all(&self, m: &mut dyn Machine, asked: bool) -> u8 {
        let mut tally = Tally::default();
        for target in self.foreign(m) {
            match self.into {
                Into::Kernel => self.to_kernel(m, target, asked, &mut tally),
                Into::Debian => self.to_file(m, target, "", &self.debian(target), &mut tally),
                Into::Systemd => {
                    m.out(&format!(
                        "Setting {} as binfmt interpreter for {} for systemd-binfmt.service\n",
                        self.interpreter(target).display(),
                        target.name
                    ));
                    let text = self.line(target) + "\n";
                    self.to_file(m, target, ".conf", &text, &mut tally);
                }
            }
        }
        if !tally.missing.is_empty() {
            let names = tally.missing.join(" ");
            m.err(&format!("hint: not registered, as there is no emulator here: {names}\n"));
        }
        if m.strict() {
            return u8::from(tally.last_failed);
        }
        let failed = tally.failed + if asked { tally.missing.len() } else { 0 };
        match (failed, tally.done) {
            (0, 0) if tally.missing.is_empty() => Code::Done,
            (_, 0) => Code::NotReached,
            (0, _) if self.into == Into::Kernel => formats::lasting(m, Path::new(crate::MOUNT)),
            (0, _) => Code::Done,
            _ => Code::Partial,
        }
        .number()
    }

    fn to_file(
        &self,
        m: &mut dyn Machine,
        target: &Target,
        suffix: &str,
        text: &str,
        tally: &mut Tally,
    ) {
        let dir = self.export_dir.as_deref().unwrap_or_default();
        let path = PathBuf::from(format!("{dir}/qemu-{}{suffix}", target.name));
        let result = m.create(&path, text.as_bytes());
        tally.last_failed = result.is_err();
        match result {
            Ok(()) => tally.done += 1,
            Err(error) => {
                tally.failed += 1;
                m.err(&format!("sh: can't create {}: {}\n", path.display(), error_text(&error)));
            }
        }
    }

    fn to_kernel(
        &self,
        m: &mut dyn Machine,
        target: &'static Target,
        asked: bool,
        tally: &mut Tally,
    ) {
        let interpreter = self.interpreter(target);
        m.out(&format!(
            "Setting {} as binfmt interpreter for {}\n",
            interpreter.display(),
            target.name
        ));
        let name = format!("qemu-{}", target.name);
        let flags = self.flags();
        let registration = Registration {
            name: &name,
            offset: "",
            magic_and_mask: target.matching_bytes(),
            interpreter: &interpreter,
            flags: &flags,
        };
        let guest = GUESTS.iter().find(|g| g.qemu == target.name);
        let there = m.exists(&interpreter);
        let ours = guest.is_some_and(|g| g.emulated) && !there;
        let outcome = formats::register(m, Path::new(crate::MOUNT), guest, &registration);
        tally.last_failed = !matches!(outcome, Outcome::Done);
        // Without F the interpreter is looked for where a program runs, not here.
        let provable = ours || (there && flags.contains('F'));
        match outcome {
            Outcome::Done if !provable || runs(m, guest, true) => tally.done += 1,
            Outcome::Done => {
                tally.failed += 1;
                m.err(&format!("hint: {} programs do not run all the same\n", target.name));
            }
            Outcome::Failed(error) | Outcome::NotOpened(error) => {
                // Of thirty emulators that nobody named, one line at the end is enough.
                let working =
                    error.raw_os_error() == Some(formats::EEXIST) && runs(m, guest, false);
                if asked || working || there || ours || m.strict() {
                    m.err(&format!("sh: write error: {}\n", error_text(&error)));
                }
                if working {
                    tally.done += 1;
                } else if !there && !ours {
                    tally.missing.push(target.name);
                } else {
                    tally.failed += 1;
                }
            }
        }
    }
}

/// Whether programs of the guest run; `unknown` for a guest of which there is no program to try.
fn runs(m: &mut dyn Machine, guest: Option<&GuestArch>, unknown: bool) -> bool {
    guest.map_or(unknown, |guest| m.executes(guest, None))
}

/// Magic and mask as the script spells them.
fn texts(target: &Target) -> (String, String) {
    let (magic, mask) = target.bytes();
    let spell = if target.name == "hppa" { escape } else { hex::with_elf };
    (spell(&magic), escape(&mask))
}

#[cfg(test)]
#[path = "qemu_conf_tests.rs"]
mod tests;
