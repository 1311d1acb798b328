//! One program, or the shell of a root: why does it not run?

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use binfmt::interpreter;
use binfmt::precedence::winner;
use binfmt::probe::Outcome;
use binfmt::root::Root;
use binfmt::{Entry, GuestArch};
use rustix::fs::{FileType, StatVfsMountFlags};

use crate::code::{self, Severity};
use crate::{Finding, Fix, Subject, elf, install, lsm, script, sve, x86};

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
        program(root, file, entries, 0, findings);
        forbidden(subject, root, file, findings);
    } else if subject.root.is_some() {
        match root.has(SHELL.as_ref()) {
            true => program(root, SHELL.as_ref(), entries, 0, findings),
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
    let known = [code::TARGET_NOEXEC, code::NOT_EXECUTABLE, code::LSM, code::BAD_PROGRAM];
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

/// Longest chain of scripts that the kernel follows (fs/exec.c, `exec_binprm`).
const DEPTH: usize = 5;

/// Looks at a program, or at a script and its interpreter, `depth` of them so far.
fn program(root: &Root, path: &Path, entries: &[Entry], depth: usize, findings: &mut Vec<Finding>) {
    let about = path.display().to_string();
    let path = &root.absolute(path);
    let real = match root.find(path) {
        Ok(real) => real,
        Err(error) => {
            findings.push(not_found(root, path, &about, &error));
            return;
        }
    };
    let shown = root.outside(path);
    if let Some(finding) = no_file(&real, &about) {
        findings.push(finding);
        return;
    }
    permissions(&real, &shown, &about, findings);
    let file = match root.file(path) {
        Ok(file) => file,
        Err(error) => {
            findings.push(
                Finding::new(code::TARGET_NOEXEC, &about)
                    .severity(Severity::Warning)
                    .evidence(format!("it cannot be read here: {error}"))
                    .evidence("the kernel opens it for interpreters with flag O only")
                    .fix(Fix::Command(format!("chmod +r {}", shown.display()))),
            );
            return;
        }
    };
    let first = interpreter::head_of(&file).unwrap_or_default();
    if let Some(line) = script::line(&first) {
        if depth == DEPTH {
            findings.push(
                Finding::new(code::BAD_SCRIPT, &about)
                    .evidence(format!("it is the script of a script, {DEPTH} times: ELOOP"))
                    .fix(Fix::Command("name a program as the interpreter".into())),
            );
        } else if let Some(finding) = script::judge(root, &line, &about, &shown) {
            findings.push(finding);
        } else {
            program(root, Path::new(&line.interpreter), entries, depth + 1, findings);
        }
        return;
    }
    let size = rustix::fs::fstat(&real).map_or(0, |s| s.st_size as u64);
    let Some(guest) = takes(&about, &first, size, entries, findings) else { return };
    loader(root, &about, guest, &first, findings);
    level(root, path, &about, guest, &first, findings);
    vectors(&file, &about, guest, &first, findings);
    let native = Some(guest) == GuestArch::host();
    if !guest.class64 && !native && rustix::fs::fstatfs(&real).is_ok_and(|s| s.f_type == EXT4) {
        findings.push(
            Finding::new(code::OVERFLOW32, &about)
                .evidence(format!("it is a 32-bit program for {}, on ext4", guest.title()))
                .fix(Fix::Command("build in a tmpfs (docker run --tmpfs DIR)".into())),
        );
    }
}

/// Why there is no such file.
fn not_found(root: &Root, path: &Path, about: &str, error: &io::Error) -> Finding {
    let finding = Finding::new(code::TARGET_NOEXEC, about);
    let at = root.path().display();
    let errno = error.raw_os_error();
    if errno != Some(libc::ELOOP)
        && let Some(link) = dangling(root, path)
    {
        let link = root.outside(&link);
        return finding
            .evidence(format!("{} is a link that leads to nothing in {at}", link.display()))
            .fix(Fix::Command(format!("ls -l {}", link.display())));
    }
    let text = match errno {
        Some(libc::ENOENT) => format!("there is no such file in {at}"),
        Some(libc::ELOOP) => "its links lead in a circle".into(),
        Some(libc::EACCES) => "a directory of its path may not be searched by this user".into(),
        Some(libc::ENOTDIR) => "a part of its path is no directory".into(),
        _ => format!("it cannot be looked at: {error}"),
    };
    finding.evidence(text).fix(Fix::Command("give another path, or --rootfs DIR".into()))
}

/// The first part of `path` that is a link and leads to nothing.
fn dangling(root: &Root, path: &Path) -> Option<PathBuf> {
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    let missing = parts.into_iter().find(|part| !root.has(part))?;
    let (name, dir) = (missing.file_name()?, missing.parent()?);
    root.names(dir).iter().any(|n| n == name).then(|| missing.to_owned())
}

/// What is there and is no file at all.
fn no_file(real: &OwnedFd, about: &str) -> Option<Finding> {
    let kind = FileType::from_raw_mode(rustix::fs::fstat(real).ok()?.st_mode);
    let (what, fix) = match kind {
        FileType::RegularFile => return None,
        FileType::Directory => {
            ("a directory", "give a program in it, or --rootfs for a whole root")
        }
        FileType::Fifo => ("a pipe", "give a program"),
        FileType::Socket => ("a socket", "give a program"),
        _ => ("a device", "give a program"),
    };
    Some(
        Finding::new(code::TARGET_NOEXEC, about)
            .evidence(format!("it is {what}"))
            .fix(Fix::Command(fix.into())),
    )
}

/// Which architecture's program it is, if nothing is wrong with the file itself; adds what is wrong
/// with the entries for it.
fn takes(
    about: &str,
    first: &[u8],
    size: u64,
    entries: &[Entry],
    findings: &mut Vec<Finding>,
) -> Option<&'static GuestArch> {
    let taken = winner(entries, about, first);
    let bad = |text: String, fix: &str| {
        Finding::new(code::BAD_PROGRAM, about).evidence(text).fix(Fix::Command(fix.into()))
    };
    if !first.starts_with(b"\x7fELF") {
        if taken.is_none() {
            let (text, fix) = no_program(first);
            findings.push(bad(text, fix));
        }
        return None;
    }
    if let Some(text) = elf::damage(first, size) {
        findings.push(bad(text, "copy or build it again"));
        return None;
    }
    let Some(guest) = GuestArch::of_elf(first) else {
        if taken.is_none() {
            let machine = first.get(18..20).unwrap_or_default();
            findings.push(
                Finding::new(code::NO_ENTRY, about)
                    .evidence(format!(
                        "its architecture is unknown here (e_machine {machine:02x?})"
                    ))
                    .fix(Fix::Command("register an emulator for it".into())),
            );
        }
        return None;
    };
    entry_for(about, first, guest, taken, entries, findings);
    Some(guest)
}

/// Adds what is wrong with the entry that takes a program of `guest`, or that none does.
fn entry_for(
    about: &str,
    first: &[u8],
    guest: &'static GuestArch,
    taken: Option<&Entry>,
    entries: &[Entry],
    findings: &mut Vec<Finding>,
) {
    let native = Some(guest) == GuestArch::host();
    let it_is = format!("it is a program for {}", guest.title());
    let Some(taken) = taken else {
        // The machine's own 32-bit programs need no entry either; they are told by trying.
        if native {
            return;
        }
        let would = |e: &&Entry| e.matcher.compare(about, first).is_ok();
        let finding = match entries.iter().filter(|e| !e.enabled).find(would) {
            Some(entry) => Finding::new(code::DISABLED, about)
                .evidence(it_is)
                .evidence(format!("the entry {} would take it, and is disabled", entry.name))
                .fix(Fix::Enable(entry.name.clone())),
            None => Finding::new(code::NO_ENTRY, about).evidence(it_is).fix(install(guest)),
        };
        findings.push(finding);
        return;
    };
    // An entry by the name's end, or with a short magic, is not made for an architecture.
    if taken.guest().is_none_or(|g| g != guest) {
        findings.push(
            Finding::new(code::SHADOWED, about)
                .severity(Severity::Warning)
                .evidence(it_is)
                .evidence(format!("the entry {} gives it to {}", taken.name, taken.interpreter))
                .fix(Fix::Command(format!("anyarch disable {}", taken.name))),
        );
    }
}

/// What a file is that begins with `first`, neither an ELF file nor a script, and what to do.
fn no_program(first: &[u8]) -> (String, &'static str) {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if first.is_empty() {
        return ("it is empty".into(), "copy or build it again");
    }
    if first.starts_with(MARK) && first[MARK.len()..].starts_with(b"#!") {
        let fix = "remove the three bytes before #!: sed -i '1s/^\\xef\\xbb\\xbf//' FILE";
        return ("a byte order mark comes before its #!: ENOEXEC".into(), fix);
    }
    let text = first.iter().take(64).all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace());
    match text {
        true => (
            "it is a text without #!: shells run it, others get ENOEXEC".into(),
            "let its first line name an interpreter: #!/bin/sh",
        ),
        false => {
            let start = first[..first.len().min(4)].escape_ascii();
            (format!("it begins with `{start}`: it is neither ELF nor a script"), "give a program")
        }
    }
}

/// A program that needs SVE.
fn vectors(file: &File, about: &str, guest: &GuestArch, first: &[u8], findings: &mut Vec<Finding>) {
    /// More than a C library has, which asks before it uses them.
    const MANY: usize = 64;
    let Some(found) =
        Some(file).filter(|_| guest.name == "arm64").and_then(|f| sve::look(f, first))
    else {
        return;
    };
    let text = format!("it has {} instructions like PTRUE and WHILELO", found.instructions);
    let finding = Finding::new(code::NO_SVE, about).evidence(text);
    let fix = Fix::Command("take a build for armv8-a, or qemu-aarch64 -cpu max".into());
    if found.asks && found.instructions > MANY {
        let finding =
            finding.severity(Severity::Note).evidence("it can ask what processor it runs on");
        findings.push(finding.fix(fix));
    } else if !found.asks && found.instructions > 1 {
        findings.push(finding.evidence("it does not ask what processor it runs on").fix(fix));
    }
}

/// The level of x86-64 that it, or its loader, needs.
fn level(
    root: &Root,
    path: &Path,
    about: &str,
    guest: &GuestArch,
    first: &[u8],
    findings: &mut Vec<Finding>,
) {
    if guest.name != "amd64" {
        return;
    }
    let loader = interpreter::loader(first).map(|l| head(root, l.as_ref())).unwrap_or_default();
    let needed = x86::needed(first).unwrap_or(0) | x86::needed(&loader).unwrap_or(0);
    let here = sys::arch::levels();
    let finding = |text: String, fix: &str| {
        let finding = Finding::new(code::X86_LEVEL, about);
        finding.evidence(text).fix(Fix::Command(fix.into()))
    };
    let name = x86::name(needed);
    match here {
        Some(here) if needed & !here != 0 => findings.push(finding(
            format!("it needs {name}, this machine has {}", x86::name(here)),
            &instead(needed, root.path(), &root.absolute(path)),
        )),
        // An emulator decides there.
        None if needed > 1 => findings
            .push(finding(format!("it needs {name}"), "QEMU_CPU=max").severity(Severity::Note)),
        _ => {}
    }
}

/// What to do on a machine of an older level than the program needs.
fn instead(needed: u32, root: &Path, program: &Path) -> String {
    /// What our emulated processor has.
    const LEVELS: u32 = 0b111;
    let program = program.display();
    match root {
        _ if needed & !LEVELS != 0 => "take a build for an older level, or another machine".into(),
        root if root == Path::new("/") => format!("anyarch --emulate {program}"),
        root => format!("anyarch run --emulate --root {} -- {program}", root.display()),
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
    match root.find(loader.as_ref()) {
        Ok(found) => {
            let first = head(root, loader.as_ref());
            let size = rustix::fs::fstat(&found).map_or(0, |s| s.st_size as u64);
            let damage = match first.starts_with(b"\x7fELF") {
                true => elf::damage(&first, size),
                false => Some("it is no ELF file".into()),
            };
            if let Some(text) = damage {
                findings.push(
                    Finding::new(code::BAD_PROGRAM, &loader)
                        .evidence(format!("{about} needs it as its loader"))
                        .evidence(text)
                        .fix(Fix::Command("install the C library of the root again".into())),
                );
            } else if let Some(other) = GuestArch::of_elf(&first).filter(|o| *o != guest) {
                findings.push(wrong(format!(
                    "it is for {}, its loader {loader} for {}",
                    guest.title(),
                    other.title()
                )));
            }
        }
        Err(_) => {
            let why = match dangling(root, loader.as_ref()) {
                Some(link) => format!(": {} is a link that leads to nothing", link.display()),
                None => String::new(),
            };
            let at = root.path().display();
            findings.push(
                Finding::new(code::GUEST_LOADER, about)
                    .evidence(format!("it needs {loader}, which {at} lacks{why}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_level_is_emulated_up_to_ours() {
        let (own, program) = (Path::new("/"), Path::new("/usr/bin/tool"));
        assert_eq!(instead(0b111, own, program), "anyarch --emulate /usr/bin/tool");
        assert_eq!(
            instead(0b10, Path::new("/srv/root"), program),
            "anyarch run --emulate --root /srv/root -- /usr/bin/tool"
        );
        assert!(instead(0b1000, own, program).contains("older level"));
    }
}
