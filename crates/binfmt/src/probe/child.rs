//! The probe's side of a probe: makes a root and executes the program in it.

use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::thread::UnshareFlags;

use crate::root::{Root, through};
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
                enter(open(Path::new(root))?.dir())?;
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
    let root = open("/".as_ref())?;
    let (_, dir) = cover(&root, &["tmp", "run", "mnt", "dev", "proc"], &free)?;
    place(&dir, &program)?;
    enter(&dir)?;
    Err(execute(Path::new("/").join(PROGRAM).as_os_str()))
}

/// Runs the program of `arch` in the root at `root`.
fn inside(root: &Path, arch: &str) -> Result<std::convert::Infallible> {
    let program = program(arch)?;
    let free = own_mounts()?;
    let root = open(root)?;
    let (name, dir) = cover(&root, &["tmp", "run", "mnt", "dev", "proc", "sys"], &free)?;
    place(&dir, &program)?;
    enter(root.dir())?;
    Err(execute(Path::new("/").join(name).join(PROGRAM).as_os_str()))
}

fn open(root: &Path) -> Result<Root> {
    Root::open(root).map_err(setup("open the root"))
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
        Err(Errno::INVAL) => {
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

/// Mounts an empty file system over the first of the directories `names` of `root` that there is; its
/// name, and it.
fn cover<'a>(root: &Root, names: &[&'a str], free: &Free) -> Result<(&'a str, OwnedFd)> {
    let mut last = Errno::NOENT;
    for name in names.iter().filter(|name| free.allow(&root.outside(name.as_ref()))) {
        let Some(dir) = root.top_directory(name) else { continue };
        let (at, data) = (through(dir.as_fd()), Some(c"mode=755,size=1m"));
        match mount("tmpfs", at, "tmpfs", MountFlags::NODEV, data) {
            Ok(()) => {
                let mounted = root.top_directory(name);
                return mounted
                    .map(|dir| (*name, dir))
                    .ok_or_else(|| setup("find it")(Errno::NOENT));
            }
            Err(e) => last = e,
        }
    }
    Err(Failed::Setup(format!("there is no place to mount a tmpfs over: {last}")))
}

fn place(dir: &OwnedFd, program: &[u8]) -> Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o755);
    let mut file =
        openat(dir, PROGRAM, flags, mode).map(File::from).map_err(setup("make a file"))?;
    rustix::fs::fchmod(&file, mode).map_err(setup("make the program executable"))?;
    file.write_all(program).map_err(setup("write the program"))
}

fn enter(root: impl AsFd) -> Result<()> {
    rustix::process::fchdir(root).map_err(setup("enter the root"))?;
    rustix::process::chroot(".").map_err(setup("change the root"))
}

fn execute(path: &OsStr) -> Failed {
    let error = Command::new(path).env_clear().exec();
    Failed::Exec(error.raw_os_error().unwrap_or(libc::EIO))
}
