//! Container engines in namespaces of their own: 65536 users, processes, mounts, a network with
//! nothing in it, cgroups, and a root of Debian in memory with podman, buildah and crun. Nothing
//! of it is left when the test ends.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::Lab;

/// What is in the image that the engines import.
const IMAGE: &str = "base-files bash coreutils dash debianutils grep libc-bin procps sed";
/// What is in the one to build programs in.
const COMPILER: &str = "gcc libc6-dev";

/// Becomes the first process of the namespaces, and starts `$SCRIPT` in the new root.
const NAMESPACE: &str = include_str!("engines/namespace.sh");

/// Runs a script as root of the namespaces, with what namespace.sh defines. Returns what it
/// prints, on both streams; a failing command ends it, and says so in a last line.
///
/// # Panics
/// If the namespaces cannot be made.
pub fn run(script: &str) -> String {
    run_with(None, script)
}

/// The same with a directory that the script sees as /tmp/files.
///
/// # Panics
/// If the namespaces cannot be made.
pub fn run_with(files: Option<&Path>, script: &str) -> String {
    assert!(rustix::process::geteuid().is_root(), "the tests of container engines need root");
    let lab = Lab::open();
    // Ordinary users of the machine exist in it as well, so that there can be rootless engines;
    // with all ids crun would try to make device nodes.
    let wait = "echo $$; read go; exec unshare --mount --pid --fork --kill-child --mount-proc \
        --net --ipc --uts --cgroup bash -ec \"$NAMESPACE\" 2>&1";
    // The nodes are the machine's, and engines change their owners where they can: read-only from
    // outside of the user namespace, which cannot take that back.
    let nodes = "for name in null zero full random urandom tty; do \
        mount --bind /dev/$name /dev/$name; mount -o remount,bind,ro /dev/$name; done; \
        exec unshare --user sh -c \"$WAIT\"";
    let mut child = Command::new("timeout")
        .args(["-k", "5", "300", "unshare", "--mount", "sh", "-ec", nodes])
        .env("WAIT", wait)
        .env("NAMESPACE", NAMESPACE)
        .env("SCRIPT", script)
        .env("ENGINES", lab.fixtures.join("engines-trixie"))
        .env("IMAGES", images(&lab))
        .env("ANYARCH", &lab.anyarch)
        .env("WORK", lab.mount_point())
        .env("FILES", files.unwrap_or(images(&lab)))
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("timeout starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut pid = String::new();
    out.read_line(&mut pid).expect("readable");
    for map in ["uid_map", "gid_map"] {
        fs::write(format!("/proc/{}/{map}", pid.trim()), "0 0 65536").expect("mapped");
    }
    child.stdin.take().expect("piped").write_all(b"go\n").expect("waits");
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut out, &mut text).expect("readable");
    let status = child.wait().expect("waited for");
    let mut text = String::from_utf8_lossy(&text).into_owned();
    if !status.success() {
        writeln!(text, "[{status}]").expect("in memory");
    }
    text
}

/// The directory with the images' archives: `arm64.tar`, and `compiler.tar` to be put on top.
fn images(lab: &Lab) -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let (root, dir) = (lab.root(), lab.scratch("engines"));
        let base = closure(&root, IMAGE);
        let compiler = closure(&root, COMPILER);
        let by_hand = ["usr/bin/sh", "etc/passwd", "etc/group"].map(into);
        archive(&root, &dir.join("arm64"), base.iter(), by_hand.into());
        archive(&root, &dir.join("compiler"), compiler.difference(&base), BTreeSet::new());
        dir
    })
}

/// Makes an archive of packages of the foreign root, and further files.
fn archive<'a>(
    root: &Path,
    at: &Path,
    packages: impl Iterator<Item = &'a String>,
    mut files: BTreeSet<String>,
) {
    files.extend(packages.flat_map(|p| contents(root, p)));
    let (list, tar) = (at.with_extension("list"), at.with_extension("tar"));
    fs::write(&list, files.into_iter().collect::<Vec<_>>().join("\n")).expect("written");
    let mut command = Command::new("tar");
    command.args(["--no-recursion", "--numeric-owner", "-cf"]).arg(tar).arg("-C").arg(root);
    assert!(command.arg("-T").arg(list).status().is_ok_and(|s| s.success()), "tar");
}

fn into(text: &str) -> String {
    text.to_owned()
}

/// `packages` of the root's database, and all that they depend on.
fn closure(root: &Path, packages: &str) -> BTreeSet<String> {
    let status = fs::read_to_string(root.join("var/lib/dpkg/status")).expect("has a database");
    let mut needs: HashMap<&str, Vec<&str>> = HashMap::new();
    for paragraph in status.split("\n\n") {
        let field = |name: &str| paragraph.lines().find_map(|l| l.strip_prefix(name));
        let Some(package) = field("Package: ") else { continue };
        let all = [field("Depends: "), field("Pre-Depends: ")].into_iter().flatten();
        let words = all.flat_map(|f| f.split([',', '|']));
        let names = words.filter_map(|w| w.split([' ', ':', '(']).find(|n| !n.is_empty()));
        needs.insert(package, names.collect());
    }
    let mut wanted: Vec<&str> = packages.split_whitespace().collect();
    let mut found = BTreeSet::new();
    while let Some(package) = wanted.pop() {
        if let Some(more) = needs.get(package)
            && found.insert(package.to_owned())
        {
            wanted.extend(more);
        }
    }
    for package in packages.split_whitespace() {
        assert!(found.contains(package), "{package} is not in the root");
    }
    found
}

/// The files of a package, without leading slash, documentation left out.
fn contents(root: &Path, package: &str) -> Vec<String> {
    let info = root.join("var/lib/dpkg/info");
    let list = ["", ":arm64"]
        .into_iter()
        .find_map(|arch| fs::read_to_string(info.join(format!("{package}{arch}.list"))).ok())
        .unwrap_or_else(|| panic!("the root has no list of {package}"));
    let useful = |f: &&str| !f.starts_with("usr/share/doc") && !f.starts_with("usr/share/locale");
    list.lines()
        .filter_map(|l| l.strip_prefix('/'))
        .map(|l| l.trim_start_matches('.'))
        .filter(|f| !f.is_empty())
        .filter(useful)
        .filter(|f| root.join(f).symlink_metadata().is_ok())
        .map(into)
        .collect()
}
