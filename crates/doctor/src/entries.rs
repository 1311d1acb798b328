//! The entries: which of them work, and what is wrong with those that do not.

use std::fs;
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use binfmt::interpreter::{self, Kind};
use binfmt::precedence::{winner, winner_for};
use binfmt::probe::{self, Handler, Outcome};
use binfmt::root::open_regular;
use binfmt::{Entry, GuestArch, Kernel, Rule};
use rustix::fs::StatVfsMountFlags;

use crate::code::{self, Code, Severity};
use crate::system::low_limits;
use crate::{Finding, Fix, Subject, There, install, lsm, masks};

/// Adds what is wrong with the entries.
pub(crate) fn examine(subject: &Subject, there: &There, findings: &mut Vec<Finding>) {
    let There { entries, enabled: on, .. } = there;
    for entry in entries {
        let Some(guest) = entry.guest() else { continue };
        names(entry, guest, findings);
        if hijack(entry, findings) {
            continue;
        }
        let first = winner_for(entries, guest);
        if !entry.enabled {
            if first.is_none() {
                findings.push(
                    Finding::new(code::DISABLED, &entry.name)
                        .evidence(format!("no other entry takes programs for {}", guest.title()))
                        .fix(Fix::Enable(entry.name.clone())),
                );
            }
            continue;
        }
        match first.filter(|f| f.name != entry.name) {
            None => in_force(subject, entries, entry, guest, *on, findings),
            Some(first) => {
                let works = *on && subject.prober.fresh_root(guest).outcome.is_ok();
                let severity = if works { Severity::Note } else { Severity::Error };
                findings.push(
                    Finding::new(code::SHADOWED, &entry.name)
                        .severity(severity)
                        .evidence(format!("{} was registered later and takes the same", first.name))
                        .fix(Fix::Command(format!("anyarch disable {}", first.name))),
                );
            }
        }
    }
    // Whoever asks in general wants to know that nothing was registered at all.
    let foreign = |e: &Entry| e.guest().is_some_and(|g| Some(g) != GuestArch::host());
    let all = subject.is_general() && !entries.iter().any(foreign);
    let wanted = if all { binfmt::guests::emulated() } else { subject.wanted.clone() };
    for guest in &wanted {
        if Some(*guest) != GuestArch::host() && !entries.iter().any(|e| e.guest() == Some(guest)) {
            findings.push(
                Finding::new(code::NO_ENTRY, guest.name)
                    .evidence(format!("none of {} entries matches", entries.len()))
                    .fix(install(guest)),
            );
        }
    }
}

/// `qemu-ARCH` must be for ARCH.
fn names(entry: &Entry, guest: &GuestArch, findings: &mut Vec<Finding>) {
    let named = entry.name.strip_prefix("qemu-").and_then(GuestArch::find);
    if let Some(named) = named
        && named != guest
        && !entry.matches(&named.magic())
    {
        findings.push(
            Finding::new(code::DUP_NAME, &entry.name)
                .evidence(format!("it takes programs for {}", guest.title()))
                .fix(Fix::Remove(entry.name.clone())),
        );
    }
}

/// Whether it takes the machine's own programs.
fn hijack(entry: &Entry, findings: &mut Vec<Finding>) -> bool {
    let Some(host) = GuestArch::host() else { return false };
    let heads = [2, 3].map(|kind| {
        let mut head = host.magic();
        let at = if head[5] == 1 { 16 } else { 17 };
        head[at] = kind;
        (kind, head)
    });
    let Some((kind, _)) = heads.iter().find(|(_, h)| entry.matches(h)) else { return false };
    let kind = if *kind == 2 { "ET_EXEC" } else { "ET_DYN" };
    let finding = Finding::new(code::HIJACK, &entry.name)
        .evidence(format!("a native program ({}, {kind}) matches it", host.title()))
        .fix(Fix::Remove(entry.name.clone()));
    findings.push(if entry.enabled {
        finding
    } else {
        finding.severity(Severity::Warning).evidence("it is disabled at present")
    });
    true
}

/// Looks at an enabled entry that is the first for `guest`.
fn in_force(
    subject: &Subject,
    entries: &[Entry],
    entry: &Entry,
    guest: &'static GuestArch,
    on: bool,
    findings: &mut Vec<Finding>,
) {
    let before = findings.len();
    let held = on.then(|| probe::handler(&subject.prober, guest)).and_then(Result::ok);
    examine_interpreter(entries, entry, guest, held.as_ref(), findings);
    let explained = findings.len() > before;
    if on && !explained {
        tried(subject, entry, guest, findings);
    }
    masks::examine(entry, guest, findings);
    flags(subject, entry, guest, held.as_ref(), findings);
}

/// Tries a program of `guest` and tells what its failure means.
fn tried(subject: &Subject, entry: &Entry, guest: &'static GuestArch, findings: &mut Vec<Finding>) {
    let report = subject.prober.fresh_root(guest);
    let code = match &report.outcome {
        Outcome::Ok => return,
        Outcome::Unavailable(why) => {
            if findings.iter().all(|f| f.code != code::UNTRIED) {
                findings.push(
                    Finding::new(code::UNTRIED, "")
                        .severity(Severity::Note)
                        .evidence(why.clone())
                        .fix(Fix::Command("as root, outside of the sandbox: anyarch check".into())),
                );
            }
            return;
        }
        Outcome::Errno(libc::ENOEXEC) => code::USERNS_SHADOW,
        Outcome::Errno(libc::EACCES | libc::EPERM) => code::LSM,
        _ if !low_limits().is_empty() => code::LIMITS,
        _ => code::EXEC,
    };
    let mut finding =
        Finding::new(code, &entry.name).evidence(format!("tried: {}", report.outcome));
    finding.evidence.extend(report.stderr.lines().take(3).map(str::to_owned));
    findings.push(if code == code::USERNS_SHADOW {
        finding
            .evidence("it is enabled, and its magic matches the program that was tried")
            .fix(Fix::MountAndInstall(guest))
    } else if code == code::LSM {
        lsm::explained(finding)
    } else if code == code::LIMITS {
        finding.evidence.extend(low_limits());
        finding.fix(Fix::Command("raise it: ulimit, or Limit...= of the unit".into()))
    } else {
        finding.fix(install(guest))
    });
}

/// Looks at the interpreter, of which the kernel holds `held`.
fn examine_interpreter(
    entries: &[Entry],
    entry: &Entry,
    guest: &'static GuestArch,
    held: Option<&Handler>,
    findings: &mut Vec<Finding>,
) {
    let path = Path::new(&entry.interpreter);
    let (fixed, pinned) = (entry.has('F'), entry.is_pinned());
    let kind = match held {
        Some(handler) if fixed => Kind::of_head(&handler.head()),
        _ if pinned => return,
        _ => Kind::of(path),
    };
    let shown = path.display();
    let mut add = |code: &'static Code, evidence: String, fix: Fix| {
        findings.push(Finding::new(code, &entry.name).evidence(evidence).fix(fix));
    };
    // Without F, what is not there is found missing at every execve.
    match &kind {
        Kind::Missing if fixed => {}
        Kind::Missing => {
            add(code::MISSING, format!("there is no {shown}"), install(guest));
            return;
        }
        Kind::NotExecutable => {
            add(code::NOT_EXECUTABLE, format!("{shown} is not executable"), install(guest));
            return;
        }
        Kind::Foreign(arch) => {
            let code = match interpreter::head(path) {
                Ok(head) if winner(entries, "", &head).is_some() => code::LOOP,
                _ => code::FOREIGN,
            };
            add(code, format!("{shown} is a program for {arch}"), install(guest));
            return;
        }
        Kind::Dynamic(loader) => {
            add(code::DYNAMIC, format!("{shown} needs {loader}"), install(guest));
            return;
        }
        Kind::Script(of) => {
            add(code::SCRIPT, format!("{shown} is a script for {of}"), install(guest));
            return;
        }
        Kind::Static | Kind::Unknown => {}
    }
    if pinned {
        return;
    }
    let noexec = |p: &Path| {
        rustix::fs::statvfs(p).is_ok_and(|s| s.f_flag.contains(StatVfsMountFlags::NOEXEC))
    };
    if noexec(path) {
        add(code::NOT_EXECUTABLE, format!("{shown} is on a noexec mount"), install(guest));
        return;
    }
    if !fixed {
        let rule = entry.rule().map(|mut r| {
            r.flags.fix_binary = true;
            r
        });
        let fix = rule.map_or_else(|| install(guest), Fix::Register);
        add(code::NO_FLAG_F, format!("its flags are `{}`", entry.flags), fix);
        return;
    }
    if !path.exists() {
        let text = match held {
            Some(handler) => format!("the kernel holds {}, and there is no {shown}", handler.exe),
            None => format!("there is no {shown}"),
        };
        let severity = if held.is_some() { Severity::Warning } else { Severity::Error };
        let finding = Finding::new(code::DELETED, &entry.name).severity(severity);
        findings.push(finding.evidence(text).fix(install(guest)));
        return;
    }
    if let Some(handler) = held
        && handler.same_as(path).is_ok_and(|same| !same)
    {
        let fix = entry.rule().map_or_else(|| install(guest), Fix::Register);
        add(code::STALE, format!("the kernel holds {}, which differs", handler.exe), fix);
    }
}

/// Whether `finding` says that the entry does not work at all.
fn broken(finding: &Finding, entry: &Entry) -> bool {
    finding.severity == Severity::Error && finding.about.as_ref() == Some(&entry.name)
}

/// An entry with flag P where the interpreter does not hear of it.
fn too_old(entry: &Entry, kernel: Kernel) -> Option<Finding> {
    (entry.has('P') && !kernel.tells_argv0()).then(|| {
        Finding::new(code::KERNEL_OLD, &entry.name)
            .evidence(format!("its flags are `{}`, the kernel is {kernel}", entry.flags))
            .fix(Fix::Command("register it again without flag P".into()))
    })
}

/// Whether it is a QEMU that knows only files in a directory for what it shows of /proc.
fn temporary_proc(image: &fs::File) -> bool {
    let mut bytes = Vec::new();
    let mut file = image;
    let read = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
    // Written backwards, so that this program is not taken for one.
    let has = |text: &[u8]| bytes.windows(text.len()).any(|w| w.iter().eq(text.iter().rev()));
    read.is_ok() && has(b"\0XXXXXX.nepo-umeq/") && !has(b"\0nepo-umeq\0")
}

fn flags(
    subject: &Subject,
    entry: &Entry,
    guest: &'static GuestArch,
    held: Option<&Handler>,
    findings: &mut Vec<Finding>,
) {
    let path = Path::new(&entry.interpreter);
    let again = |change: fn(&mut Rule)| {
        let rule = entry.rule().filter(|_| !entry.is_pinned() && path.exists());
        match rule {
            Some(mut rule) => {
                change(&mut rule);
                Fix::Register(rule)
            }
            None => Fix::Command("register it again with the flags POCF".into()),
        }
    };
    if !entry.has('C') {
        findings.push(
            Finding::new(code::NO_CRED, &entry.name)
                .evidence(format!("its flags are `{}`", entry.flags))
                .fix(again(|r| r.flags.credentials = true)),
        );
    }
    // What the kernel holds, or would open now.
    let on_disk = if entry.has('F') || entry.is_pinned() { None } else { open_regular(path).ok() };
    let image = held.map(Handler::image).filter(|_| entry.has('F')).or(on_disk.as_ref());
    if !entry.has('P') && !entry.has('T') {
        let shifts = image
            .filter(|_| !findings.iter().any(|f| broken(f, entry)))
            .and_then(|i| probe::shifts_arguments(i, guest, subject.prober.timeout));
        let finding = if shifts == Some(true) {
            Finding::new(code::ARGV0_PATCHED, &entry.name)
                .evidence("tried: a program with the arguments `one two` was given `two`")
        } else {
            Finding::new(code::NO_ARGV0, &entry.name)
        };
        findings.push(
            finding
                .evidence(format!("its flags are `{}`", entry.flags))
                .fix(again(|r| r.flags.preserve_argv0 = true)),
        );
    }
    findings.extend(too_old(entry, subject.kernel));
    if image.is_some_and(|i| !entry.is_pinned() && temporary_proc(i)) {
        findings.push(
            Finding::new(code::PROC_TEMP, &entry.name)
                .evidence(format!(
                    "{} has the file name %s/qemu-open.XXXXXX, and makes no files in memory",
                    path.display()
                ))
                .fix(install(guest)),
        );
    }
    let mode = fs::metadata(path).map_or(0, |m| m.permissions().mode());
    if mode & 0o6000 != 0 && !entry.is_pinned() {
        findings.push(
            Finding::new(code::SETUID, &entry.name)
                .evidence(format!("the mode of {} is {:o}", path.display(), mode & 0o7777))
                .fix(Fix::Command(format!("chmod ug-s {}", path.display()))),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_old_qemu_makes_files_for_proc() {
        let own = fs::File::open("/proc/self/exe").expect("there");
        assert!(!temporary_proc(&own));
        let path = std::env::temp_dir().join(format!("doctor-qemu-{}", std::process::id()));
        for (text, old) in [("%s/qemu-{}.XXXXXX\0", true), ("%s/qemu-{}.XXXXXX\0qemu-{}\0", false)]
        {
            fs::write(&path, text.replace("{}", "open")).expect("written");
            assert_eq!(temporary_proc(&fs::File::open(&path).expect("there")), old, "{text}");
        }
        fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn flag_p_needs_a_kernel_that_tells_of_it() {
        let text = "enabled\ninterpreter /x\nflags: POCF\noffset 0\nmagic 7f45\n";
        let entry = Entry::parse("qemu-arm", text).expect("valid");
        assert_eq!(too_old(&entry, Kernel::new(5, 12)), None);
        let finding = too_old(&entry, Kernel::new(5, 10)).expect("found");
        assert!(finding.code == code::KERNEL_OLD && finding.evidence[0].contains("5.10"));
    }
}
