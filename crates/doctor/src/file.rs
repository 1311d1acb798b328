//! One program, or the shell of a root: why does it not run?

use std::os::fd::OwnedFd;
use std::path::Path;

use binfmt::interpreter;
use binfmt::precedence::winner;
use binfmt::probe::Outcome;
use binfmt::root::Root;
use binfmt::{Entry, GuestArch};
use rustix::fs::StatVfsMountFlags;

use crate::code::{self, Severity};
use crate::{Finding, Fix, Subject, install, lsm, x86};

/// What a root is judged by.
const SHELL: &str = "/bin/sh";
/// `EXT4_SUPER_MAGIC`.
const EXT4: i64 = 0xef53;

/// Adds what is wrong with the subject's file, and the shell of its root.
pub(crate) fn examine(subject: &Subject, entries: &[Entry], findings: &mut Vec<Finding>) {
    let at = subject.root.as_deref().unwrap_or(Path::new("/"));
    let Ok(root) = &Root::open(at) else { return };
    if subject.file.is_some() || subject.root.is_some() {
        read_only(root, findings);
    }
    if let Some(file) = &subject.file {
        program(root, file, entries, findings);
        forbidden(subject, root, file, findings);
    } else if subject.root.is_some() {
        match root.has(SHELL.as_ref()) {
            true => program(root, SHELL.as_ref(), entries, findings),
            false => findings.push(
                Finding::new(code::GUEST_LOADER, SHELL)
                    .severity(Severity::Note)
                    .evidence(format!("{} has no {SHELL}", at.display())),
            ),
        }
    }
}

/// A root where nothing can be created.
fn read_only(root: &Root, findings: &mut Vec<Finding>) {
    let locked = |p: &str| {
        let found = root.find(p.as_ref()).ok()?;
        Some(rustix::fs::fstatvfs(found).ok()?.f_flag.contains(StatVfsMountFlags::RDONLY))
    };
    if locked("/") == Some(true) && locked("/tmp") != Some(false) {
        findings.push(
            Finding::new(code::READ_ONLY_ROOT, &root.path().display().to_string())
                .severity(Severity::Note)
                .evidence("its mount has the option ro, and /tmp is part of it")
                .fix(Fix::Command("docker run --tmpfs /tmp".into())),
        );
    }
}

/// Tries to execute it, up to its first instruction, where nothing is known to forbid that.
fn forbidden(subject: &Subject, root: &Root, file: &Path, findings: &mut Vec<Finding>) {
    let known = [code::TARGET_NOEXEC, code::NOT_EXECUTABLE, code::LSM];
    if findings.iter().any(|f| known.contains(&f.code)) {
        return;
    }
    let Err(outcome) = subject.prober.handler_of(root.path(), &root.absolute(file)) else { return };
    if let Outcome::Errno(libc::EACCES | libc::EPERM) = outcome {
        let finding = Finding::new(code::LSM, &file.display().to_string())
            .evidence(format!("tried: {outcome}"))
            .evidence("it is executable, and its mount has not the option noexec");
        findings.push(lsm::explained(finding));
    }
}

/// The first bytes of a file of the root; none where it cannot be read.
fn head(root: &Root, path: &Path) -> Vec<u8> {
    root.file(path).and_then(|file| interpreter::head_of(&file)).unwrap_or_default()
}

fn program(root: &Root, path: &Path, entries: &[Entry], findings: &mut Vec<Finding>) {
    let about = path.display().to_string();
    let path = &root.absolute(path);
    let Ok(real) = root.find(path) else {
        findings.push(
            Finding::new(code::TARGET_NOEXEC, &about)
                .evidence(format!("there is no such file in {}", root.path().display())),
        );
        return;
    };
    permissions(&real, &root.outside(path), &about, findings);
    let first = head(root, path);
    if let Some(of) = interpreter::script(&first) {
        if !of.is_empty() && of != about {
            program(root, Path::new(&of), entries, findings);
        }
        return;
    }
    let Some(guest) = GuestArch::of_elf(&first) else { return };
    let native = Some(guest) == GuestArch::host();
    // The machine's own 32-bit programs need no entry either; they are told by trying.
    if !native && winner(entries, &about, &first).is_none() {
        findings.push(
            Finding::new(code::NO_ENTRY, &about)
                .evidence(format!("it is a program for {}", guest.title()))
                .fix(install(guest)),
        );
    }
    loader(root, &about, guest, &first, findings);
    level(root, &about, guest, &first, findings);
    if !guest.class64 && !native && rustix::fs::fstatfs(&real).is_ok_and(|s| s.f_type == EXT4) {
        findings.push(
            Finding::new(code::OVERFLOW32, &about)
                .evidence(format!("it is a 32-bit program for {}, on ext4", guest.title()))
                .fix(Fix::Command("build in a tmpfs (docker run --tmpfs DIR)".into())),
        );
    }
}

/// The level of x86-64 that it, or its loader, needs.
fn level(root: &Root, about: &str, guest: &GuestArch, first: &[u8], findings: &mut Vec<Finding>) {
    if guest.name != "amd64" {
        return;
    }
    let loader = interpreter::loader(first).map(|l| head(root, l.as_ref())).unwrap_or_default();
    let needed = x86::needed(first).unwrap_or(0) | x86::needed(&loader).unwrap_or(0);
    let here = x86::here();
    let finding = |text: String, fix: &str| {
        let finding = Finding::new(code::X86_LEVEL, about);
        finding.evidence(text).fix(Fix::Command(fix.into()))
    };
    let name = x86::name(needed);
    match here {
        Some(here) if needed & !here != 0 => findings.push(finding(
            format!("it needs {name}, this machine has {}", x86::name(here)),
            "take a build for an older level, or another machine",
        )),
        // An emulator decides there.
        None if needed > 1 => findings
            .push(finding(format!("it needs {name}"), "QEMU_CPU=max").severity(Severity::Note)),
        _ => {}
    }
}

fn permissions(real: &OwnedFd, shown: &Path, about: &str, findings: &mut Vec<Finding>) {
    let mode = rustix::fs::fstat(real).map_or(0, |s| s.st_mode);
    let mount = rustix::fs::fstatvfs(real).map_or(StatVfsMountFlags::empty(), |s| s.f_flag);
    if mode & 0o111 == 0 {
        findings.push(
            Finding::new(code::TARGET_NOEXEC, about)
                .evidence(format!("its mode is {:o}", mode & 0o7777))
                .fix(Fix::Command(format!("chmod +x {}", shown.display()))),
        );
    } else if mount.contains(StatVfsMountFlags::NOEXEC) {
        findings.push(
            Finding::new(code::TARGET_NOEXEC, about)
                .evidence("its mount has the option noexec")
                .fix(Fix::Command("mount -o remount,exec it, or move the program".into())),
        );
    }
    if mode & 0o6000 != 0 && mount.contains(StatVfsMountFlags::NOSUID) {
        findings.push(
            Finding::new(code::TARGET_NOSUID, about)
                .evidence(format!(
                    "its mode is {:o}, its mount has the option nosuid",
                    mode & 0o7777
                ))
                .fix(Fix::Command("mount -o remount,suid it, or move the program".into())),
        );
    }
}

/// The loader must be there and of the same architecture.
fn loader(
    root: &Root,
    about: &str,
    guest: &'static GuestArch,
    first: &[u8],
    findings: &mut Vec<Finding>,
) {
    let Some(loader) = interpreter::loader(first) else { return };
    let others = GuestArch::of_elf(&head(root, SHELL.as_ref())).filter(|shell| *shell != guest);
    let wrong = |evidence: String| {
        Finding::new(code::WRONG_ARCH, about)
            .evidence(evidence)
            .fix(Fix::Command(format!("take it from an image for linux/{}", guest.platform)))
    };
    match root.has(loader.as_ref()) {
        true => {
            let other = GuestArch::of_elf(&head(root, loader.as_ref()));
            if let Some(other) = other.filter(|o| *o != guest) {
                findings.push(wrong(format!(
                    "it is for {}, its loader {loader} for {}",
                    guest.title(),
                    other.title()
                )));
            }
        }
        false => {
            findings.push(
                Finding::new(code::GUEST_LOADER, about)
                    .evidence(format!("it needs {loader}, which {} lacks", root.path().display()))
                    .fix(Fix::Command(
                        "run it in a root of its architecture: anyarch run --root DIR, or -L DIR"
                            .into(),
                    )),
            );
            if let Some(other) = others {
                findings.push(wrong(format!(
                    "it is for {}, the root's /bin/sh for {}",
                    guest.title(),
                    other.title()
                )));
            }
        }
    }
}
