//! The probe's side of a probe: makes a root and executes the program in it.

use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::mount::{MountFlags, mount};
use rustix::thread::UnshareFlags;

use crate::{GuestArch, namespace, probe};

/// Where the program lies in its root.
const PROGRAM: &str = "probe";

/// Does what the arguments of a [`probe::Prober`] say, and returns only if that fails: what to
/// print, which the prober reads.
pub fn child(arguments: &[OsString]) -> String {
    let words: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
    let text = |w: &OsStr| w.to_str().unwrap_or_default().to_owned();
    let result = match words[..] {
        [w] if w == "--nothing" => return String::new(),
        [w, arch] if w == "--fresh" => fresh(&text(arch)),
        [w, root, arch] if w == "--inside" => inside(Path::new(root), &text(arch)),
        [w, arch] if w == "--trace-fresh" => trace_me().and_then(|()| fresh(&text(arch))),
        [w, root, program] if w == "--trace" => trace_me().and_then(|()| {
            if root != "/" {
                enter(Path::new(root))?;
            }
            Err(execute(program))
        }),
        _ => Err(Failed::Setup("malformed internal arguments".into())),
    };
    match result {
        Ok(never) => match never {},
        Err(Failed::Exec(errno)) => format!("probe-errno {errno}"),
        Err(Failed::Setup(why)) => format!("probe-unavailable {why}"),
    }
}

enum Failed {
    Exec(i32),
    Setup(String),
}

type Result<T> = std::result::Result<T, Failed>;

fn setup<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> Failed {
    move |e| Failed::Setup(format!("cannot {what}: {e}"))
}

/// Asks to be stopped after the next execve.
fn trace_me() -> Result<()> {
    sys::call(libc::SYS_ptrace, [libc::PTRACE_TRACEME as u64, 0, 0, 0])
        .map(drop)
        .map_err(|e| Failed::Setup(format!("cannot be traced: {}", e.name())))
}

/// Runs the program of `arch` in an empty root.
fn fresh(arch: &str) -> Result<std::convert::Infallible> {
    let program = program(arch)?;
    let free = own_mounts()?;
    let places = ["/tmp", "/run", "/mnt", "/dev", "/proc"].map(PathBuf::from);
    let dir = cover(places.iter().filter(|p| free.allow(p)))?;
    place(&dir.join(PROGRAM), &program)?;
    enter(&dir)?;
    Err(execute(OsStr::new("/probe")))
}

/// Runs the program of `arch` in the root at `root`.
fn inside(root: &Path, arch: &str) -> Result<std::convert::Infallible> {
    let program = program(arch)?;
    let free = own_mounts()?;
    let places = ["tmp", "run", "mnt", "dev", "proc", "sys"].map(|p| root.join(p));
    let dir = cover(places.iter().filter(|p| free.allow(p)))?;
    place(&dir.join(PROGRAM), &program)?;
    enter(root)?;
    let path = Path::new("/").join(dir.strip_prefix(root).unwrap_or(&dir)).join(PROGRAM);
    Err(execute(path.as_os_str()))
}

fn program(arch: &str) -> Result<Vec<u8>> {
    GuestArch::find(arch)
        .and_then(probe::build)
        .ok_or_else(|| Failed::Setup(format!("there is no program for `{arch}`")))
}

/// A mount namespace of our own; an ordinary user needs a user namespace for it, in which the
/// registrations of this one are in force.
fn own_mounts() -> Result<Free> {
    #[expect(deprecated, reason = "its safe form; no file descriptors table is unshared")]
    if rustix::thread::unshare(UnshareFlags::NEWNS).is_err() {
        namespace::unshare().map_err(|e| {
            let why = e.source().map(|s| format!(": {s}")).unwrap_or_default();
            Failed::Setup(format!("{e}{why}"))
        })?;
    }
    match namespace::make_private("/".as_ref()) {
        Ok(()) => Ok(Free::Anywhere),
        // The root of a chroot that is no mount point.
        Err(rustix::io::Errno::INVAL) => {
            let text = fs::read_to_string("/proc/self/mountinfo");
            let text = text.map_err(setup("read the mounts"))?;
            let points = text.lines().filter_map(|l| l.split(' ').nth(4).map(PathBuf::from));
            Ok(Free::At(points.filter(|p| namespace::make_private(p).is_ok()).collect()))
        }
        Err(e) => Err(setup("make mounts private")(e)),
    }
}

/// Where something may be mounted without being seen from outside.
enum Free {
    Anywhere,
    /// Over these mount points only.
    At(Vec<PathBuf>),
}

impl Free {
    fn allow(&self, place: &Path) -> bool {
        match self {
            Self::Anywhere => true,
            Self::At(points) => points.iter().any(|p| p == place),
        }
    }
}

/// Mounts an empty file system over the first of `places` that there is.
fn cover<'a>(places: impl Iterator<Item = &'a PathBuf>) -> Result<PathBuf> {
    let mut last = None;
    for dir in places {
        match mount("tmpfs", dir, "tmpfs", MountFlags::NODEV, Some(c"mode=755,size=1m")) {
            Ok(()) => return Ok(dir.clone()),
            Err(e) => last = Some(e),
        }
    }
    let last = last.unwrap_or(rustix::io::Errno::NOENT);
    Err(Failed::Setup(format!("there is no place to mount a tmpfs over: {last}")))
}

fn place(path: &Path, program: &[u8]) -> Result<()> {
    fs::write(path, program).map_err(setup("write the program"))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .map_err(setup("make the program executable"))
}

fn enter(root: &Path) -> Result<()> {
    rustix::process::chroot(root).map_err(setup("change the root"))?;
    std::env::set_current_dir("/").map_err(setup("enter the root"))
}

fn execute(path: &OsStr) -> Failed {
    let error = Command::new(path).env_clear().exec();
    Failed::Exec(error.raw_os_error().unwrap_or(libc::EIO))
}
