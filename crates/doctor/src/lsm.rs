//! What may forbid an execution that permissions and mounts allow.

use std::fs;

use crate::{Finding, Fix};

/// Adds what is known of the security modules that are there, and where to look.
pub(crate) fn explained(mut finding: Finding) -> Finding {
    let read = |path: &str| {
        fs::read_to_string(path).ok().map(|t| t.trim_matches(['\0', '\n', ' ']).to_owned())
    };
    let mut fix = "look for the denial in the kernel's log: dmesg";
    if let Some(list) = read("/sys/kernel/security/lsm") {
        finding = finding.evidence(format!("security modules: {list}"));
    }
    if let Some(mode) = read("/sys/fs/selinux/enforce") {
        finding = finding.evidence(match mode.as_str() {
            "1" => "SELinux is enforcing",
            _ => "SELinux is permissive",
        });
        fix = "look for the denial: ausearch -m avc -ts recent";
    }
    if let Some(label) = read("/proc/self/attr/current").filter(|l| !l.is_empty()) {
        finding = finding.evidence(format!("this process is confined as `{label}`"));
    }
    let status = read("/proc/self/status").unwrap_or_default();
    let filtered = |l: &&str| l.starts_with("Seccomp:") && !l.ends_with('0');
    if status.lines().any(|l| filtered(&l)) {
        finding = finding.evidence("this process has a seccomp filter");
    }
    finding.fix(Fix::Command(fix.into()))
}
