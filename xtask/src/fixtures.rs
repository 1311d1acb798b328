//! What the end-to-end tests need and the tree does not hold: the oracles, and for each guest a cross
//! compiler and a root, all from Debian through the ordinary package client. Nothing foreign is installed
//! on the machine; everything is kept in a cache directory between runs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use subjects::Subject;

use crate::apt::{Apt, output, run};

/// One thing that the tests need.
struct Fixture {
    /// What it is, for the list of downloads.
    what: String,
    /// About how much is downloaded, in MB.
    megabytes: u32,
    there: Box<dyn Fn(&Fixtures) -> bool>,
    make: Box<Make>,
}

type Make = dyn Fn(&Fixtures) -> Result<()>;

impl Fixture {
    fn new(
        what: impl Into<String>,
        megabytes: u32,
        there: impl Fn(&Fixtures) -> bool + 'static,
        make: impl Fn(&Fixtures) -> Result<()> + 'static,
    ) -> Self {
        Self { what: what.into(), megabytes, there: Box::new(there), make: Box::new(make) }
    }
}

/// All that the tests of these guests need, in the order in which it is made.
fn fixtures(guests: &[&'static Subject]) -> Vec<Fixture> {
    let oracle = |version: &str, suite: &'static str, megabytes| {
        Fixture::new(
            format!("QEMU {version} of Debian {suite}, to compare with (unpacked, not installed)"),
            megabytes,
            move |f| f.oracle_path(&subjects::SUBJECTS[0], suite).exists(),
            move |f| f.oracle(suite),
        )
    };
    let mut all = vec![
        Fixture::new(
            "gcc and strace, installed with apt-get",
            40,
            |_| tools_are_there(),
            |_| install(["gcc", "libc6-dev", "strace"].map(str::to_owned).to_vec()),
        ),
        oracle("10.0", "trixie", 100),
        oracle("11.1", "sid", 105),
        Fixture::new(
            "a Debian root with the tools that anyarch stands in for",
            75,
            |f| is_made(&f.native_path("originals", "bookworm"), ORIGINALS),
            Fixtures::originals,
        ),
        Fixture::new(
            "a Debian root with podman, buildah and crun",
            130,
            |f| is_made(&f.native_path("engines", "trixie"), ENGINES),
            Fixtures::engines,
        ),
        Fixture::new(
            "a Debian root with gdb",
            40,
            |f| is_made(&f.dir.join(subjects::NATIVE_DEBUGGER), DEBUGGER),
            |f| f.debugger(subjects::NATIVE_DEBUGGER, "amd64"),
        ),
    ];
    for &guest in guests {
        all.push(Fixture::new(
            format!("a Debian root for {}", guest.name),
            130,
            |f| is_made(&f.root_path(guest), PACKAGES),
            |f| f.root(guest),
        ));
    }
    // What the machine executes itself needs no tools of its own.
    for &guest in guests.iter().filter(|guest| !guest.is_hosts()) {
        let compiler = guest.compiler();
        all.push(Fixture::new(
            format!("{}, installed with apt-get", guest.compiler_packages()[0]),
            45,
            move |_| runs(&compiler),
            |_| install(guest.compiler_packages().to_vec()),
        ));
        all.push(Fixture::new(
            format!("a Debian root with gdb for {}", guest.name),
            40,
            |f| is_made(&f.dir.join(guest.debugger()), DEBUGGER),
            |f| f.debugger(&guest.debugger(), guest.debian),
        ));
    }
    all
}

/// Where things are.
pub(crate) struct Fixtures {
    /// The cache directory.
    pub(crate) dir: PathBuf,
    /// The guests that it is about.
    pub(crate) guests: Vec<&'static Subject>,
}

/// The packages of the foreign root: one or more commands of each are compared with the oracle.
const PACKAGES: &str = "base-files base-passwd libc-bin bash dash coreutils findutils grep sed \
    diffutils tar gzip debianutils hostname mawk gawk perl python3 gcc libc6-dev make binutils \
    xz-utils zstd openssl sqlite3 git procps dpkg util-linux login passwd";

/// The packages of the tools that ours stand in for, and what their tests need.
const ORIGINALS: &str = "systemd binfmt-support arch-test qemu-user-binfmt bash dash dpkg tar \
    debianutils diffutils libc-bin coreutils sed grep mount util-linux";

/// The container engines, and what a user of theirs has.
const ENGINES: &str = "podman buildah crun uidmap util-linux mount bash dash coreutils grep sed \
    procps base-files base-passwd libc-bin";

/// A debugger, and what starts a program for it.
const DEBUGGER: &str = "gdb bash dash coreutils base-files libc-bin";

impl Fixtures {
    /// The cache: `$ANYARCH_CACHE`, else `~/.cache/anyarch-tests`.
    pub(crate) fn open(guests: &[&'static Subject]) -> Result<Self> {
        let dir = match std::env::var_os("ANYARCH_CACHE") {
            Some(dir) => PathBuf::from(dir),
            None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?)
                .join(".cache/anyarch-tests"),
        };
        // The tests mount overlays on directories in it.
        let odd = dir.to_string_lossy().contains([',', ':', '\'', '"', '\\', '\n']);
        ensure!(
            dir.is_absolute() && !odd,
            "the cache directory {} cannot be used: its path must be absolute, without commas, \
             colons, quotes and backslashes; choose another with ANYARCH_CACHE=DIR",
            dir.display()
        );
        fs::create_dir_all(&dir).with_context(|| {
            format!("cannot make {}; choose another with ANYARCH_CACHE=DIR", dir.display())
        })?;
        Ok(Self { dir, guests: guests.to_vec() })
    }

    fn missing(&self) -> Vec<Fixture> {
        fixtures(&self.guests).into_iter().filter(|fixture| !(fixture.there)(self)).collect()
    }

    /// Says what [`prepare`](Self::prepare) is going to download, if anything.
    pub(crate) fn announce(&self) {
        let missing = self.missing();
        let megabytes: u32 = missing.iter().map(|fixture| fixture.megabytes).sum();
        if missing.is_empty() {
            return println!("Nothing has to be downloaded: all is in {}.", self.dir.display());
        }
        println!("About {megabytes} MB will be downloaded from this machine's Debian mirror:");
        for Fixture { what, megabytes, .. } in missing {
            println!("  {megabytes:4} MB  {what}");
        }
        println!(
            "It is kept in {} (1.6 GB, and 0.9 GB for each guest): later runs need no network.",
            self.dir.display()
        );
    }

    /// Makes what is not there yet.
    pub(crate) fn prepare(&self) -> Result<()> {
        for Fixture { what, make, .. } in self.missing() {
            eprintln!("fetching {what}");
            make(self)?;
        }
        Ok(())
    }

    /// A root with the tools whose command lines we take, to be run beside ours.
    fn originals(&self) -> Result<()> {
        let root = self.native("originals", "bookworm", ORIGINALS)?;
        for dir in ["etc/binfmt.d", "var/lib/binfmts"] {
            fs::create_dir_all(root.join(dir))?;
        }
        Ok(fs::write(root.join(".packages"), ORIGINALS)?)
    }

    /// A root with container engines.
    fn engines(&self) -> Result<()> {
        let root = self.native("engines", "trixie", ENGINES)?;
        for name in ["passwd", "group"] {
            fs::copy(
                root.join(format!("usr/share/base-passwd/{name}.master")),
                root.join(format!("etc/{name}")),
            )?;
        }
        Ok(fs::write(root.join(".packages"), ENGINES)?)
    }

    /// A root with a debugger, of this machine's architecture or a guest's.
    fn debugger(&self, name: &str, architecture: &str) -> Result<()> {
        let root = self.dir.join(name);
        self.unpack(&root, "trixie", architecture, DEBUGGER)?;
        Ok(fs::write(root.join(".packages"), DEBUGGER)?)
    }

    fn native_path(&self, name: &str, suite: &str) -> PathBuf {
        self.dir.join(format!("{name}-{suite}"))
    }

    /// Makes a root `NAME-SUITE` with `packages` for this machine, as [`unpack`](Self::unpack) does.
    fn native(&self, name: &str, suite: &str, packages: &str) -> Result<PathBuf> {
        let root = self.native_path(name, suite);
        self.unpack(&root, suite, "amd64", packages)?;
        Ok(root)
    }

    /// Makes a root with `packages`, unpacked and not installed; whoever completes it writes `packages`
    /// to `.packages`.
    fn unpack(&self, root: &Path, suite: &str, architecture: &str, packages: &str) -> Result<()> {
        if root.exists() {
            run("rm", [OsStr::new("-rf"), OsStr::new("--one-file-system"), root.as_os_str()])?;
        }
        fs::create_dir_all(root)?;
        for deb in self.download(suite, architecture, packages)? {
            run("dpkg-deb", [OsStr::new("-x"), deb.as_os_str(), root.as_os_str()])?;
        }
        for dir in ["proc", "sys", "dev", "tmp", "run", "root"] {
            fs::create_dir_all(root.join(dir))?;
        }
        let sh = root.join("bin/sh");
        let _ = fs::remove_file(&sh);
        Ok(std::os::unix::fs::symlink("dash", sh)?)
    }

    /// The files of `packages` and of what they depend on.
    fn download(&self, suite: &str, architecture: &str, packages: &str) -> Result<Vec<PathBuf>> {
        let apt = Apt::new(&self.dir, suite, architecture)?;
        let _ = fs::remove_dir_all(apt.archives());
        fs::create_dir_all(apt.archives().join("partial"))?;
        let mut install = vec!["-y", "--download-only", "install"];
        install.extend(packages.split_whitespace());
        apt.run_in(&self.dir, install)?;
        let mut all = debs(&apt.archives())?;
        // base-files owns the links /bin, /lib and /sbin, which others unpack through.
        all.sort_by_key(|p| !p.to_string_lossy().contains("/base-files_"));
        Ok(all)
    }

    /// The oracle of `suite`, unpacked and not installed.
    pub(crate) fn oracle_path(&self, guest: &Subject, suite: &str) -> PathBuf {
        self.dir.join(guest.oracle(suite))
    }

    fn oracle(&self, suite: &str) -> Result<()> {
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

    /// The foreign root of a guest.
    pub(crate) fn root_path(&self, guest: &Subject) -> PathBuf {
        self.dir.join(guest.root())
    }

    /// Unpacks the packages without running their scripts, then does by hand what the commands of
    /// the tests need of those scripts, the package database included.
    fn root(&self, guest: &Subject) -> Result<()> {
        let root = self.root_path(guest);
        if root.exists() {
            run("rm", [OsStr::new("-rf"), OsStr::new("--one-file-system"), root.as_os_str()])?;
        }
        fs::create_dir_all(&root)?;
        let packages = self.download("trixie", guest.debian, PACKAGES)?;
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
        Ok(fs::write(root.join(".packages"), PACKAGES)?)
    }
}

/// Whether a root with `packages` is there and complete.
fn is_made(root: &Path, packages: &str) -> bool {
    fs::read_to_string(root.join(".packages")).is_ok_and(|made| made == packages)
}

/// Whether there is such a program.
fn runs(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

fn tools_are_there() -> bool {
    ["dpkg-deb", "gcc", "strace"].into_iter().all(runs)
}

/// Installs packages on the machine; this needs root.
fn install(packages: Vec<String>) -> Result<()> {
    run("apt-get", ["-q", "update"])?;
    let options = ["install", "-y", "-q", "--no-install-recommends"].map(str::to_owned);
    run("apt-get", options.into_iter().chain(packages.clone()))
        .with_context(|| format!("install the packages {} by hand", packages.join(", ")))
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
