//! Container engines: since when they run, and whose entries are in force for their containers.

use std::fs;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::linux::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use binfmt::precedence::winner_for;
use binfmt::probe::Outcome;
use binfmt::root::{Root, through};
use binfmt::{Entry, GuestArch, Instance};

use crate::code::{self, Severity};
use crate::{Finding, Fix, Subject, There};

/// A container engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// BuildKit.
    Buildkit,
    /// Kubernetes.
    Kubernetes,
}

impl Engine {
    /// What its processes are called (the kernel keeps 15 bytes).
    fn processes(self) -> &'static [&'static str] {
        match self {
            Self::Docker => &["dockerd", "buildkitd"],
            Self::Podman => &["podman", "catatonit", "conmon"], // Or `podman pause`.
            Self::Buildkit => &["buildkitd"],
            Self::Kubernetes => &["kubelet", "k3s-server", "k3s-agent", "containerd", "crio"],
        }
    }

    /// Its name.
    fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Buildkit => "buildkit",
            Self::Kubernetes => "kubernetes",
        }
    }
}

/// Adds what is wrong with the engine that is asked about, and builders that are older than the
/// newest entry.
pub(crate) fn examine(subject: &Subject, there: &There, findings: &mut Vec<Finding>) {
    let running = processes();
    if let Some(engine) = subject.engine {
        let of_it = |p: &&Process| {
            let first = p.name.split(' ').next().unwrap_or_default();
            engine.processes().contains(&first)
        };
        let mut own: Vec<&Process> = running.iter().filter(of_it).collect();
        if own.is_empty() && !(engine == Engine::Podman && podman_is_installed(subject)) {
            findings.push(
                Finding::new(code::NO_ENGINE, engine.name())
                    .evidence(format!("no process is called {}", engine.processes().join(" or ")))
                    .fix(Fix::Command(format!("start {}", engine.name()))),
            );
        }
        let mut seen = Vec::new();
        own.retain(|p| {
            let namespace = user_namespace(&p.pid.to_string());
            let new = !seen.contains(&namespace);
            seen.push(namespace);
            new
        });
        for process in own {
            other_namespace(subject, engine, process, &there.entries, findings);
        }
    }
    let Some((newest, when)) = newest(there) else { return };
    for process in running.iter().filter(|p| p.name == "buildkitd") {
        let Some(start) = binfmt::mount::process_start(process.pid) else { continue };
        if start + 0.05 < when {
            let asked = matches!(subject.engine, Some(Engine::Docker | Engine::Buildkit));
            findings.push(
                Finding::new(code::BUILDER_OLD, &process.name)
                    .severity(if asked { Severity::Warning } else { Severity::Note })
                    .evidence(format!(
                        "process {} is {:.1} s older than the entry {newest}",
                        process.pid,
                        when - start
                    ))
                    .fix(Fix::Command(
                        "docker restart the builder's container, or: docker buildx \
                         rm NAME && docker buildx create --use --bootstrap"
                            .into(),
                    )),
            );
        }
    }
}

/// Podman has no process that runs always: without one, the machine's entries are in force.
pub(crate) fn podman_is_installed(subject: &Subject) -> bool {
    subject.system_has(&["usr/bin/podman"])
}

fn user_namespace(of: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{of}/ns/user")).ok()
}

/// The binfmt_misc that the process sees at the usual place: its root may be anything, as any program
/// can call itself like an engine's.
fn mounted_for(pid: u32) -> Option<OwnedFd> {
    let root = Root::open(format!("/proc/{pid}/root").as_ref()).ok()?;
    let dir = root.find(binfmt::instance::DEFAULT_MOUNT.as_ref()).ok()?;
    rustix::fs::fstatfs(&dir).is_ok_and(|s| s.f_type == binfmt::mount::MAGIC).then_some(dir)
}

/// In a namespace of its own, what is registered must execute as well.
fn other_namespace(
    subject: &Subject,
    engine: Engine,
    process: &Process,
    entries: &[Entry],
    findings: &mut Vec<Finding>,
) {
    let theirs = user_namespace(&process.pid.to_string());
    if theirs.is_none() || theirs == user_namespace("self") {
        return;
    }
    let device = |p: &Path| fs::metadata(p).ok().map(|m| m.st_dev());
    let dir = mounted_for(process.pid);
    let seen = dir.as_ref().and_then(|d| Instance::at(through(d.as_fd())).ok());
    let own = seen.as_ref().is_some_and(|i| device(i.dir()) != device(&subject.mount));
    let seen = seen.map(|i| i.entries().unwrap_or_default());
    let entries = seen.as_deref().unwrap_or(entries);
    let wanted = match &subject.wanted[..] {
        [] => binfmt::guests::emulated(),
        some => some.to_vec(),
    };
    let found = |code| {
        Finding::new(code, engine.name()).evidence(format!(
            "{} (process {}) is in a user namespace of its own",
            process.name, process.pid
        ))
    };
    for guest in wanted.into_iter().filter(|g| Some(*g) != GuestArch::host()) {
        let fix = Fix::InstallWithin(process.pid, guest);
        if winner_for(entries, guest).is_none() {
            if own {
                let text = format!(
                    "which has entries of its own, of which {} none takes programs for {}",
                    entries.len(),
                    guest.title()
                );
                findings.push(found(code::NO_ENTRY).evidence(text).fix(fix));
            }
            continue;
        }
        let report = (subject.within)(&subject.prober, process.pid).fresh_root(guest);
        let code = match report.outcome {
            Outcome::Ok => continue,
            Outcome::Errno(libc::ENOEXEC) => code::USERNS_SHADOW,
            Outcome::Errno(_) | Outcome::Signal(_) | Outcome::Timeout => code::EXEC,
            Outcome::Exit(_) | Outcome::Unavailable(_) => code::UNTRIED,
        };
        let mut finding = found(code).evidence(format!("tried in it: {}", report.outcome));
        finding.evidence.extend(report.stderr.lines().take(3).map(str::to_owned));
        findings.push(match code == code::UNTRIED {
            true => finding.severity(Severity::Note),
            false => finding.fix(fix),
        });
    }
}

/// A running process.
struct Process {
    pid: u32,
    name: String,
}

fn processes() -> Vec<Process> {
    let Ok(list) = fs::read_dir("/proc") else { return Vec::new() };
    list.flatten()
        .filter_map(|item| {
            let pid = item.file_name().to_str()?.parse().ok()?;
            let name = fs::read_to_string(item.path().join("comm")).ok()?;
            Some(Process { pid, name: name.trim_end().to_owned() })
        })
        .collect()
}

/// The entry that was made or changed last, and when.
fn newest(there: &There) -> Option<(&str, f64)> {
    let when = |name: &str| {
        let m = fs::metadata(there.instance.dir().join(name)).ok()?;
        Some(m.st_ctime() as f64 + m.st_ctime_nsec() as f64 * 1e-9)
    };
    let all = there.entries.iter().filter_map(|e| Some((e.name.as_str(), when(&e.name)?)));
    all.max_by(|a, b| a.1.total_cmp(&b.1))
}
