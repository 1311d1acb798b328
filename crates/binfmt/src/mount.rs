//! Mounting binfmt_misc, and how long what is registered there will last.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::linux::fs::MetadataExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, fsconfig_create,
    fsmount, fsopen, move_mount,
};

use crate::{Error, Instance, Result, io};

/// `BINFMTFS_MAGIC`, include/uapi/linux/magic.h.
pub const MAGIC: i64 = 0x4249_4e4d;
/// What lies at a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    /// A mounted instance.
    Instance,
    /// An automount point that nobody has triggered.
    Automount,
    /// An ordinary directory: nothing is mounted.
    Directory,
    /// Nothing at all: for the default directory, the kernel has no binfmt_misc.
    Nothing,
}

/// What lies at `dir`, without triggering an automount.
pub fn at(dir: &Path) -> At {
    // Even statfs(2) would trigger it.
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if topmost(&mounts, dir).as_deref() == Some("autofs") {
        return At::Automount;
    }
    let Ok(stat) = rustix::fs::statfs(dir) else { return At::Nothing };
    if stat.f_type == MAGIC { At::Instance } else { At::Directory }
}

/// The type of the file system that is mounted on top at `dir`, from the text of mountinfo.
fn topmost(mountinfo: &str, dir: &Path) -> Option<String> {
    let dir = dir.to_str()?.trim_end_matches('/');
    let line = mountinfo.lines().rfind(|l| l.split(' ').nth(4) == Some(dir))?;
    line.split_once(" - ")?.1.split(' ').next().map(str::to_owned)
}

/// Opens the instance at `dir`, mounting it if that is needed. True if it was.
///
/// # Errors
/// [`Error::NoKernelSupport`] when there is no such directory; [`Error::Io`] when mounting fails.
pub fn open(dir: &Path) -> Result<(Instance, bool)> {
    // Looking at a file triggers an automount.
    if let Ok(instance) = Instance::at(dir) {
        return Ok((instance, false));
    }
    if !dir.is_dir() {
        return Err(Error::NoKernelSupport(dir.display().to_string()));
    }
    mount(dir).map_err(io("mount binfmt_misc at", dir))?;
    Ok((Instance::at(dir)?, true))
}

/// Mounts the file system at `dir`, whatever is there.
///
/// # Errors
/// The kernel's.
pub fn mount(dir: &Path) -> rustix::io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("binfmt_misc", dir, "binfmt_misc", flags, None)
}

/// The file system of this process's own user namespace, mounted nowhere: it lasts as long as the
/// descriptor, and its files are below `/proc/self/fd/N`.
///
/// # Errors
/// The kernel's (before Linux 6.7, or without privilege in the namespace).
pub fn detached(attributes: MountAttrFlags) -> rustix::io::Result<OwnedFd> {
    let context = fsopen("binfmt_misc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// Opens the instance of this process's own user namespace at `dir`, mounting it there if what is
/// seen is that of an ancestor. True if it was mounted.
///
/// # Errors
/// [`Error::Io`] when the kernel refuses (before Linux 6.7, or without privilege in the namespace).
pub fn open_own(dir: &Path) -> Result<(Instance, bool)> {
    let refused = "mount binfmt_misc of this namespace at";
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let detached = detached(attributes).map_err(io(refused, dir))?;
    let own = rustix::fs::fstat(&detached).map_err(io(refused, dir))?;
    let seen = fs::metadata(dir).map_err(io("look at", dir))?;
    if at(dir) == At::Instance && seen.st_dev() == own.st_dev {
        return Ok((Instance::at(dir)?, false));
    }
    let from_here = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(&detached, "", rustix::fs::CWD, dir, from_here).map_err(io(refused, dir))?;
    Ok((Instance::at(dir)?, true))
}

/// How long the instance's entries will be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lifetime {
    /// Until the machine is restarted.
    Machine,
    /// As long as this container: its file system was made after the container's first process
    /// started, so nobody else holds it (Linux 6.7 and later drop the entries with the mount).
    Container,
    /// As long as this user namespace, which has an instance of its own.
    UserNamespace,
}

impl Lifetime {
    /// Whether the entries vanish before the machine is restarted.
    pub fn is_volatile(self) -> bool {
        self != Self::Machine
    }

    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Container => "container",
            Self::UserNamespace => "user-namespace",
        }
    }
}

/// Whether this process is in the machine's first user namespace.
pub fn in_first_user_namespace() -> bool {
    namespace("self", "user") == Some(INIT_USER)
}

/// include/linux/proc_ns.h: `PROC_USER_INIT_INO`, `PROC_PID_INIT_INO`.
const INIT_USER: u64 = 0xefff_fffd;
const INIT_PID: u64 = 0xefff_fffc;

/// The inode number of a namespace.
fn namespace(pid: &str, kind: &str) -> Option<u64> {
    let link = fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()?;
    let text = link.to_str()?.strip_prefix(kind)?;
    text.strip_prefix(":[")?.strip_suffix(']')?.parse().ok()
}

/// Tells how long the entries of the instance at `dir` will be there.
pub fn lifetime(dir: &Path) -> Lifetime {
    let Ok(root) = fs::metadata(dir) else { return Lifetime::Machine };
    let first_pids = namespace("self", "pid") == Some(INIT_PID);
    if first_pids && in_first_user_namespace() {
        // Seen by the machine's first process as well: it stays.
        let same_mounts = namespace("1", "mnt") == namespace("self", "mnt");
        let theirs = fs::metadata(format!("/proc/1/root{}", dir.display()));
        if same_mounts || theirs.is_ok_and(|m| m.st_dev() == root.st_dev()) {
            return Lifetime::Machine;
        }
        // An instance that is older than this container is somebody else's.
        return Lifetime::Container;
    }
    let (seconds, nanoseconds) = made(dir);
    let made = seconds as f64 + nanoseconds as f64 * 1e-9;
    match first_process_start() {
        Some(start) if made < start - 0.1 => Lifetime::Machine,
        // A container whose first process this is, and which ends with it.
        Some(_) if std::process::id() == 1 => Lifetime::Container,
        _ if in_first_user_namespace() => Lifetime::Container,
        _ => Lifetime::UserNamespace,
    }
}

/// When the file system at `dir` was made, in seconds and nanoseconds since 1970. Its root keeps
/// that time until an entry is removed, its control files until a shell's `>` truncates them: the
/// oldest of them tells.
pub fn made(dir: &Path) -> (i64, i64) {
    let files = [dir.to_owned(), dir.join("status"), dir.join("register")];
    let times = files.iter().filter_map(|f| fs::metadata(f).ok());
    times.map(|m| (m.st_ctime(), m.st_ctime_nsec())).min().unwrap_or_default()
}

/// When this pid namespace's first process started, in seconds since 1970. None where /proc does
/// not show it (that of another pid namespace).
fn first_process_start() -> Option<f64> {
    let own = fs::read_link("/proc/self").ok()?;
    if own.to_str()?.parse::<u32>().ok()? != std::process::id() {
        return None;
    }
    process_start(1)
}

/// When the process `pid` started, in seconds since 1970.
pub fn process_start(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Field 22; the name in parentheses may contain spaces.
    let ticks: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs_f64();
    Some(now - uptime + ticks / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_told_apart() {
        assert_eq!(at(Path::new("/")), At::Directory);
        assert_eq!(at(Path::new("/nonexistent-dir")), At::Nothing);
        assert!(matches!(open(Path::new("/nonexistent-dir")), Err(Error::NoKernelSupport(_))));
    }

    #[test]
    fn an_automount_that_was_not_triggered_is_seen() {
        let dir = Path::new("/proc/sys/fs/binfmt_misc");
        let automount = "22 21 0:21 / /proc rw,nosuid shared:5 - proc proc rw\n\
            31 22 0:28 / /proc/sys/fs/binfmt_misc rw,relatime shared:12 - autofs systemd-1 rw\n";
        assert_eq!(topmost(automount, dir).as_deref(), Some("autofs"));
        let mounted = format!(
            "{automount}99 31 0:50 / /proc/sys/fs/binfmt_misc rw - binfmt_misc binfmt_misc rw\n"
        );
        assert_eq!(topmost(&mounted, dir).as_deref(), Some("binfmt_misc"));
        assert_eq!(topmost(automount, Path::new("/sys")), None);
        assert!(process_start(std::process::id()).is_some_and(|t| t > 1e9));
    }

    #[test]
    fn namespaces_have_numbers() {
        assert!(namespace("self", "user").is_some_and(|n| n >= 0xefff_ff00));
        assert_eq!(namespace("self", "nonsense"), None);
    }
}
