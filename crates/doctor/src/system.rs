//! The machine: is there a binfmt_misc, is it writable and switched on, will it last?

use std::fs;

use binfmt::mount::{At, Lifetime};
use binfmt::root::Root;
use binfmt::{Entry, Instance};
use rustix::fs::StatVfsMountFlags;
use rustix::process::{Resource, getrlimit};

use crate::code::{self, Severity};
use crate::engine::{Engine, podman_is_installed};
use crate::{Finding, Fix, Subject, There, conf};

/// Adds what is wrong with the machine; what there is of binfmt_misc.
pub(crate) fn examine(subject: &Subject, findings: &mut Vec<Finding>) -> Option<There> {
    let dir = &subject.mount;
    let about = dir.display().to_string();
    let at = binfmt::mount::at(dir);
    let opened = Instance::at(dir);
    if at == At::Automount {
        let finding = Finding::new(code::AUTOMOUNT, &about)
            .evidence(format!("{about} was an autofs mount point with nothing on it"));
        // To look is the remedy.
        findings.push(match &opened {
            Ok(_) => finding.severity(Severity::Note).evidence("looking has triggered it now"),
            Err(_) => finding.fix(Fix::Command(format!("on the host: ls {about}/status"))),
        });
    }
    let instance = match (opened, at) {
        (Ok(instance), _) => instance,
        (Err(_), At::Automount) => return None,
        (Err(_), At::Nothing) => {
            findings.push(
                Finding::new(code::NO_MODULE, &about)
                    .evidence(format!("there is no directory {about}"))
                    .fix(Fix::Command("modprobe binfmt_misc".into())),
            );
            return None;
        }
        (Err(_), _) => {
            let finding = Finding::new(code::NO_MOUNT, &about)
                .evidence(format!("{about} has no file `register`"));
            findings.push(finding.fix(Fix::Mount));
            return None;
        }
    };
    if let Ok(stat) = rustix::fs::statvfs(dir)
        && stat.f_flag.contains(StatVfsMountFlags::RDONLY)
    {
        findings.push(
            Finding::new(code::READ_ONLY, &about)
                .evidence("its mount has the option ro")
                .fix(Fix::Command(format!("mount -o remount,rw {about}"))),
        );
    }
    let enabled = instance.enabled();
    if !enabled {
        findings.push(
            Finding::new(code::GLOBAL_OFF, &about)
                .evidence(format!("{about}/status says disabled"))
                .fix(Fix::EnableAll),
        );
    }
    let lifetime = binfmt::mount::lifetime(instance.dir());
    if (subject.system.is_some() || lifetime == Lifetime::Machine)
        && let Ok(root) = Root::open(subject.system())
    {
        conf::examine(&root, subject.kernel, findings);
    }
    let entries = instance.entries().unwrap_or_default();
    lasting(subject, lifetime, &entries, findings);
    host(findings);
    environment(subject, &entries, findings);
    podman(subject, &entries, findings);
    Some(There { instance, enabled, entries })
}

/// What makes WSL's entry again after systemd-binfmt has removed it.
const WSL_CONF: &str = "etc/binfmt.d/WSLInterop.conf";

/// How long the entries will be there.
fn lasting(subject: &Subject, lifetime: Lifetime, entries: &[Entry], findings: &mut Vec<Finding>) {
    if entries.is_empty() {
        return;
    }
    // A namespace of one's own is there for what runs in it: a note where all is asked about.
    let expected = lifetime == Lifetime::UserNamespace && !subject.is_general();
    if lifetime.is_volatile() && !expected {
        let (severity, text) = match lifetime {
            Lifetime::UserNamespace => {
                (Severity::Note, "this user namespace has an instance of its own")
            }
            _ => (Severity::Error, "the file system was made in this container"),
        };
        findings.push(
            Finding::new(code::VOLATILE, "").severity(severity).evidence(text).fix(Fix::Command(
                "docker run -v /proc/sys/fs/binfmt_misc:/binfmt_misc ... --mount /binfmt_misc, or anyarch hold"
                    .into(),
            )),
        );
    }
    // What happens at a restart matters where the entries last until then.
    if lifetime != Lifetime::Machine && subject.system.is_none() {
        return;
    }
    let systemd =
        subject.system_has(&["usr/lib/systemd/systemd-binfmt", "lib/systemd/systemd-binfmt"]);
    if subject.persisted.is_empty() && entries.iter().any(Entry::is_pinned) {
        let finding = if systemd {
            Finding::new(code::SYSTEMD_FLUSH, "")
                .evidence("systemd-binfmt is installed, and no binfmt.d file has our entries")
        } else {
            Finding::new(code::NOT_PERSISTED, "")
                .evidence("no configuration file of ours was found")
        };
        findings.push(finding.fix(Fix::Persist));
    }
    let wsl = entries.iter().find(|e| e.name.starts_with("WSLInterop"));
    if let (true, Some(entry)) = (systemd, wsl)
        && !subject.system_has(&[WSL_CONF, "usr/lib/binfmt.d/WSLInterop.conf"])
    {
        let finding = Finding::new(code::WSL, &entry.name)
            .evidence("no binfmt.d file is called WSLInterop.conf");
        // As it is registered now, wherever that is possible.
        let line = entry.rule().and_then(|r| r.line().ok());
        let line = line.unwrap_or_else(|| ":WSLInterop:M::MZ::/init:PF".into());
        findings.push(finding.fix(Fix::Write {
            root: subject.system().to_owned(),
            path: WSL_CONF,
            text: format!("{line}\n"),
        }));
    }
}

/// Settings of the kernel and of this process.
fn host(findings: &mut Vec<Finding>) {
    if fs::read_to_string("/proc/sys/vm/memfd_noexec").is_ok_and(|t| t.trim() == "2") {
        findings.push(
            Finding::new(code::MEMFD_NOEXEC, "")
                .evidence("vm.memfd_noexec is 2")
                .fix(Fix::Command("sysctl vm.memfd_noexec=1".into())),
        );
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if status.lines().any(|l| l.split_whitespace().eq(["NoNewPrivs:", "1"])) {
        findings.push(
            Finding::new(code::NNP, "")
                .severity(Severity::Warning)
                .evidence("/proc/self/status says NoNewPrivs: 1")
                .fix(Fix::Command(
                    "start it without no-new-privileges (docker --security-opt, NoNewPrivileges=)"
                        .into(),
                )),
        );
    }
    const AT_PAGESZ: u64 = 6;
    findings.extend(page_size(sys::auxv::get(AT_PAGESZ).unwrap_or(4096)));
}

/// Variables that our emulator does not take, or that ask for what does not happen.
fn environment(subject: &Subject, entries: &[Entry], findings: &mut Vec<Finding>) {
    // Other emulators decide for themselves.
    let ours = entries.iter().any(|e| e.enabled && e.is_pinned());
    for complaint in &subject.environment {
        let severity = match complaint.fatal && (ours || entries.is_empty()) {
            true => Severity::Error,
            false => Severity::Note,
        };
        findings.push(
            Finding::new(code::ENVIRONMENT, &complaint.variable)
                .severity(severity)
                .evidence(complaint.text.clone())
                .fix(Fix::Command(format!("unset {}", complaint.variable))),
        );
    }
}

/// Limits under which an emulator does not start.
pub(crate) fn low_limits() -> Vec<String> {
    const LEAST: [(Resource, &str, u64); 3] = [
        (Resource::As, "RLIMIT_AS (ulimit -v) is {} bytes", 64 << 20),
        (Resource::Data, "RLIMIT_DATA (ulimit -d) is {} bytes", 64 << 20),
        (Resource::Nofile, "RLIMIT_NOFILE (ulimit -n) is {}", 16),
    ];
    let low = LEAST.into_iter().filter_map(|(resource, text, least)| {
        let now = getrlimit(resource).current.filter(|now| *now < least)?;
        Some(text.replace("{}", &now.to_string()))
    });
    low.collect()
}

fn page_size(size: u64) -> Option<Finding> {
    (size > 4096).then(|| {
        Finding::new(code::PAGE_SIZE, "")
            .evidence(format!("a page has {size} bytes"))
            .fix(Fix::Command("boot a kernel with pages of 4 KiB".into()))
    })
}

fn podman(subject: &Subject, entries: &[Entry], findings: &mut Vec<Finding>) {
    let odd = entries.iter().find(|e| !matches!(e.matcher, binfmt::Matcher::Magic { .. }));
    if let Some(entry) = odd
        && (podman_is_installed(subject) || subject.engine == Some(Engine::Podman))
    {
        findings.push(
            Finding::new(code::PODMAN_PARSE, &entry.name)
                .evidence("it is not an entry by magic, and podman is installed")
                .fix(Fix::Command(format!("anyarch uninstall --force {}", entry.name))),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_pages_are_noticed() {
        assert_eq!(page_size(4096), None);
        assert_eq!(page_size(16384).map(|f| f.code.name), Some("W-PAGESIZE"));
    }
}
