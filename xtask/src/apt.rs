//! Debian's package client, without effect on the machine's packages.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// apt with a state directory of its own, so that the machine's package state is left alone.
pub(crate) struct Apt {
    options: Vec<String>,
    dir: PathBuf,
}

impl Apt {
    /// For one suite and architecture; its lists are fetched.
    pub(crate) fn new(cache: &Path, suite: &str, arch: &str) -> Result<Self> {
        let dir = cache.join(format!("apt/{suite}-{arch}"));
        for sub in ["lists/partial", "archives/partial", "state", "parts"] {
            fs::create_dir_all(dir.join(sub))?;
        }
        fs::write(dir.join("status"), "")?;
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        ensure!(
            Path::new(keyring).exists(),
            "{keyring} is missing: install debian-archive-keyring"
        );
        let sources = format!("deb [signed-by={keyring}] {} {suite} main\n", mirror()?);
        fs::write(dir.join("sources.list"), sources)?;
        let at = |sub: &str| dir.join(sub).display().to_string();
        let options = [
            format!("Dir::Etc::SourceList={}", at("sources.list")),
            "Dir::Etc::SourceParts=/dev/null".into(),
            format!("Dir::Etc::Parts={}", at("parts")),
            format!("Dir::State={}", at("state")),
            format!("Dir::State::Lists={}", at("lists")),
            format!("Dir::State::status={}", at("status")),
            format!("Dir::Cache::archives={}", at("archives")),
            "Dir::Cache::pkgcache=".into(),
            "Dir::Cache::srcpkgcache=".into(),
            format!("APT::Architecture={arch}"),
            format!("APT::Architectures={arch}"),
            "Acquire::Languages=none".into(),
            "APT::Install-Recommends=0".into(),
            "APT::Sandbox::User=root".into(),
            "Debug::NoLocking=1".into(),
            "Dir::Bin::dpkg=/bin/false".into(),
        ];
        let apt =
            Self { options: options.into_iter().flat_map(|o| ["-o".into(), o]).collect(), dir };
        apt.run_in(cache, ["-q", "update"])?;
        Ok(apt)
    }

    /// Where it puts packages.
    pub(crate) fn archives(&self) -> PathBuf {
        self.dir.join("archives")
    }

    /// Runs apt-get with `arguments`.
    pub(crate) fn run_in<'a>(
        &self,
        dir: &Path,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<()> {
        let out = Command::new("apt-get")
            .current_dir(dir)
            .args(&self.options)
            .args(arguments)
            .output()
            .context("cannot start apt-get")?;
        // With dpkg replaced by false, a download-only run may end with 100 after its work is done.
        let done = out.status.success()
            || (out.status.code() == Some(100) && fs::read_dir(self.archives())?.count() > 2);
        ensure!(done, "apt-get failed:\n{}", String::from_utf8_lossy(&out.stderr));
        Ok(())
    }
}

/// The Debian mirror that the machine's apt is configured with.
fn mirror() -> Result<String> {
    for attempt in 0..2 {
        let targets = output("apt-get", ["indextargets", "--format", "$(SITE)"])?;
        if let Some(site) = targets.lines().find(|l| l.trim_end_matches('/').ends_with("/debian")) {
            return Ok(site.to_owned());
        }
        if attempt == 0 {
            run("apt-get", ["-q", "update"])?;
        }
    }
    bail!("this machine's apt has no Debian mirror configured");
}

/// Runs a program that must succeed.
pub(crate) fn run<S: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = S>,
) -> Result<()> {
    output(program, arguments).map(drop)
}

/// What a program that must succeed prints.
pub(crate) fn output<S: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = S>,
) -> Result<String> {
    let out = Command::new(program)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    ensure!(out.status.success(), "{program} failed:\n{}", String::from_utf8_lossy(&out.stderr));
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}
