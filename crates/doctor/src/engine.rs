//! Container engines: since when they run, and whose entries are in force for their containers.

use std::fs;
use std::os::linux::fs::MetadataExt as _;
use std::path::Path;

use binfmt::{GuestArch, Instance};

use crate::code::{self, Severity};
use crate::{Finding, Fix, Subject};

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
            Self::Podman => &["podman", "catatonit", "conmon"],
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
pub(crate) fn examine(subject: &Subject, instance: &Instance, findings: &mut Vec<Finding>) {
    let running = processes();
    if let Some(engine) = subject.engine {
        let of_it = |p: &&Process| engine.processes().contains(&p.name.as_str());
        let own: Vec<&Process> = running.iter().filter(of_it).collect();
        if own.is_empty() {
            findings.push(
                Finding::new(code::NO_ENGINE, engine.name())
                    .evidence(format!("no process is called {}", engine.processes().join(" or ")))
                    .fix(Fix::Command(format!("start {}", engine.name()))),
            );
        }
        for process in own {
            other_namespace(subject, engine, process, findings);
        }
    }
    let Some((newest, when)) = newest(instance) else { return };
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

/// A process with a namespace of its own must have entries there.
fn other_namespace(
    subject: &Subject,
    engine: Engine,
    process: &Process,
    findings: &mut Vec<Finding>,
) {
    let namespace = |who: &str| fs::read_link(format!("/proc/{who}/ns/user")).ok();
    let theirs = namespace(&process.pid.to_string());
    if theirs.is_none() || theirs == namespace("self") {
        return;
    }
    let dir = format!("/proc/{}/root{}", process.pid, binfmt::instance::DEFAULT_MOUNT);
    let device = |p: &Path| fs::metadata(p).ok().map(|m| m.st_dev());
    // Without a mount of its own, or with ours, our entries are in force there.
    let Ok(own) = Instance::at(&dir) else { return };
    if device(own.dir()) == device(&subject.mount) {
        return;
    }
    let entries = own.entries().unwrap_or_default();
    let wanted: Vec<&GuestArch> = match &subject.wanted[..] {
        [] => binfmt::guests::GUESTS.iter().filter(|g| g.emulated).collect(),
        some => some.to_vec(),
    };
    for guest in wanted.into_iter().filter(|g| Some(*g) != GuestArch::host()) {
        if !entries.iter().any(|e| e.enabled && e.matches(&guest.magic())) {
            findings.push(
                Finding::new(code::NO_ENTRY, engine.name())
                    .evidence(format!(
                        "{} (process {}) is in a user namespace with entries of its own, of which \
                         {} none takes programs for {}",
                        process.name,
                        process.pid,
                        entries.len(),
                        guest.title()
                    ))
                    .fix(Fix::Command(format!(
                        "as its user: anyarch rootless install --engine {} {}",
                        process.pid, guest.name
                    ))),
            );
        }
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
fn newest(instance: &Instance) -> Option<(String, f64)> {
    let entries = instance.entries().ok()?;
    let when = |name: &str| {
        let m = fs::metadata(instance.dir().join(name)).ok()?;
        Some(m.st_ctime() as f64 + m.st_ctime_nsec() as f64 * 1e-9)
    };
    let all = entries.into_iter().filter_map(|e| Some((when(&e.name)?, e.name)));
    all.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(when, name)| (name, when))
}
