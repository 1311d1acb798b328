//! What the end-to-end tests need and the tree does not hold: a cross compiler, the oracle and a
//! foreign root, all from Debian through the ordinary package client. Nothing foreign is installed
//! on the machine; everything is kept in a cache directory between runs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// Where things are.
pub(crate) struct Fixtures {
    /// The cache directory.
    pub(crate) dir: PathBuf,
}

/// The packages of the foreign root: one or more commands of each are compared with the oracle.
const PACKAGES: &str = "base-files base-passwd libc-bin bash dash coreutils findutils grep sed \
    diffutils tar gzip debianutils hostname mawk gawk perl python3 gcc libc6-dev make binutils \
    xz-utils zstd openssl sqlite3 git procps dpkg util-linux login passwd";

/// The packages of the tools that ours stand in for, and what their tests need.
const ORIGINALS: &str = "systemd binfmt-support arch-test qemu-user-binfmt bash dash dpkg tar \
    debianutils diffutils libc-bin coreutils sed grep mount util-linux";

impl Fixtures {
    /// The cache: `$ANYARCH_CACHE`, else `~/.cache/anyarch-tests`.
    pub(crate) fn open() -> Result<Self> {
        let dir = match std::env::var_os("ANYARCH_CACHE") {
            Some(dir) => PathBuf::from(dir),
            None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?)
                .join(".cache/anyarch-tests"),
        };
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(Self { dir })
    }

    /// Makes sure that everything is there.
    pub(crate) fn prepare(&self) -> Result<()> {
        self.tools()?;
        self.oracle("trixie")?;
        self.oracle("sid")?;
        self.originals()?;
        self.root("arm64")
    }

    /// A root with the tools whose command lines we take, to be run beside ours.
    fn originals(&self) -> Result<()> {
        let root = self.dir.join("originals-bookworm");
        let stamp = root.join(".packages");
        if fs::read_to_string(&stamp).is_ok_and(|s| s == ORIGINALS) {
            return Ok(());
        }
        eprintln!("fetching the tools that ours are compared with");
        if root.exists() {
            run("rm", [OsStr::new("-rf"), OsStr::new("--one-file-system"), root.as_os_str()])?;
        }
        let apt = Apt::new(&self.dir, "bookworm", "amd64")?;
        let mut install = vec!["-y", "--download-only", "install"];
        install.extend(ORIGINALS.split_whitespace());
        apt.run_in(&self.dir, install)?;
        for deb in debs(&apt.archives())? {
            run("dpkg-deb", [OsStr::new("-x"), deb.as_os_str(), root.as_os_str()])?;
        }
        for dir in ["proc", "sys", "dev", "tmp", "run", "root", "etc/binfmt.d", "var/lib/binfmts"] {
            fs::create_dir_all(root.join(dir))?;
        }
        let sh = root.join("bin/sh");
        let _ = fs::remove_file(&sh);
        std::os::unix::fs::symlink("dash", sh)?;
        Ok(fs::write(stamp, ORIGINALS)?)
    }

    /// The cross compiler, installed with apt if it is missing (this needs root).
    fn tools(&self) -> Result<()> {
        let there = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if there("aarch64-linux-gnu-gcc") && there("dpkg-deb") && there("gcc") {
            return Ok(());
        }
        eprintln!("installing gcc and gcc-aarch64-linux-gnu with apt-get");
        run("apt-get", ["-q", "update"])?;
        run("apt-get", "install -y -q --no-install-recommends gcc libc6-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross".split(' '))
            .context("install the packages gcc and gcc-aarch64-linux-gnu by hand")
    }

    /// The oracle of `suite`, unpacked and not installed.
    pub(crate) fn oracle_path(&self, suite: &str) -> PathBuf {
        self.dir.join(format!("oracle-{suite}/usr/bin/qemu-aarch64"))
    }

    fn oracle(&self, suite: &str) -> Result<()> {
        if self.oracle_path(suite).exists() {
            return Ok(());
        }
        eprintln!("fetching the oracle of Debian {suite}");
        let apt = Apt::new(&self.dir, suite, "amd64")?;
        let scratch = self.dir.join(format!("download-{suite}"));
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(&scratch)?;
        apt.run_in(&scratch, ["download", "qemu-user"])?;
        let unpacked = self.dir.join(format!("oracle-{suite}.new"));
        let _ = fs::remove_dir_all(&unpacked);
        for deb in debs(&scratch)? {
            run("dpkg-deb", [OsStr::new("-x"), deb.as_os_str(), unpacked.as_os_str()])?;
        }
        fs::rename(unpacked, self.dir.join(format!("oracle-{suite}")))?;
        Ok(fs::remove_dir_all(scratch)?)
    }

    /// The foreign root of `arch`.
    pub(crate) fn root_path(&self, arch: &str) -> PathBuf {
        self.dir.join(format!("{arch}-trixie"))
    }

    /// Unpacks the packages without running their scripts, then does by hand what the commands of
    /// the tests need of those scripts, the package database included.
    fn root(&self, arch: &str) -> Result<()> {
        let root = self.root_path(arch);
        let stamp = root.join(".packages");
        if fs::read_to_string(&stamp).is_ok_and(|s| s == PACKAGES) {
            return Ok(());
        }
        eprintln!("making the {arch} root (about 200 packages)");
        if root.exists() {
            run("rm", [OsStr::new("-rf"), OsStr::new("--one-file-system"), root.as_os_str()])?;
        }
        fs::create_dir_all(&root)?;
        let apt = Apt::new(&self.dir, "trixie", arch)?;
        let mut install = vec!["-y", "--download-only", "install"];
        install.extend(PACKAGES.split_whitespace());
        apt.run_in(&self.dir, install)?;
        let mut packages = debs(&apt.archives())?;
        // base-files owns the links /bin, /lib and /sbin, which others unpack through.
        packages.sort_by_key(|p| !p.to_string_lossy().contains("/base-files_"));
        let info = root.join("var/lib/dpkg/info");
        fs::create_dir_all(&info)?;
        let mut status = String::new();
        for deb in &packages {
            run("dpkg-deb", [OsStr::new("-x"), deb.as_os_str(), root.as_os_str()])?;
            status += &database_entry(deb, &info)?;
        }
        fs::write(root.join("var/lib/dpkg/status"), status)?;
        for name in ["passwd", "group"] {
            fs::copy(
                root.join(format!("usr/share/base-passwd/{name}.master")),
                root.join(format!("etc/{name}")),
            )?;
        }
        for (to, name) in [("dash", "sh"), ("gawk", "awk")] {
            let link = root.join("usr/bin").join(name);
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(to, link)?;
        }
        for dir in ["proc", "sys", "dev", "tmp", "run", "root"] {
            fs::create_dir_all(root.join(dir))?;
        }
        run("chmod", [OsStr::new("1777"), root.join("tmp").as_os_str()])?;
        Ok(fs::write(stamp, PACKAGES)?)
    }
}

/// The paragraph of /var/lib/dpkg/status for an unpacked package; its file list goes to `info`.
fn database_entry(deb: &Path, info: &Path) -> Result<String> {
    let control = output("dpkg-deb", [OsStr::new("-f"), deb.as_os_str()])?;
    let field = |name: &str| {
        control
            .lines()
            .find_map(|l| l.strip_prefix(name))
            .map(|v| v.trim().to_owned())
            .unwrap_or_default()
    };
    let mut name = field("Package:");
    if field("Multi-Arch:") == "same" {
        name = format!("{name}:{}", field("Architecture:"));
    }
    let contents = output("dpkg-deb", [OsStr::new("--contents"), deb.as_os_str()])?;
    let mut list = String::new();
    for line in contents.lines() {
        let Some(at) = line.find(" ./") else { continue };
        let path = line[at + 2..].split(" -> ").next().unwrap_or_default().trim_end_matches('/');
        list += if path.is_empty() { "/." } else { path };
        list.push('\n');
    }
    fs::write(info.join(format!("{name}.list")), list)?;
    let (first, rest) = control.split_once('\n').context("an empty control file")?;
    Ok(format!("{first}\nStatus: install ok installed\n{rest}\n"))
}

fn debs(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut all: Vec<PathBuf> = fs::read_dir(dir)?
        .filter_map(|e| e.ok().map(|e| e.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "deb"))
        .collect();
    all.sort();
    ensure!(!all.is_empty(), "no package was downloaded to {}", dir.display());
    Ok(all)
}

/// apt with a state directory of its own, so that the machine's package state is left alone.
struct Apt {
    options: Vec<String>,
    dir: PathBuf,
}

impl Apt {
    fn new(cache: &Path, suite: &str, arch: &str) -> Result<Self> {
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

    fn archives(&self) -> PathBuf {
        self.dir.join("archives")
    }

    fn run_in<'a>(&self, dir: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Result<()> {
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

fn run<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Result<()> {
    output(program, arguments).map(drop)
}

fn output<S: AsRef<OsStr>>(
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
