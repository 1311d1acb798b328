//! Paths that the guest gives.

use super::{Args, Lookup};
use crate::proc;
use crate::task::Task;
use std::ffi::{CStr, CString};
use std::os::fd::AsRawFd;
use sys::{Errno, raw};

/// `PATH_MAX`.
const MAX: usize = 4096;

/// A path to be given to the host's kernel.
pub(super) enum Path {
    /// As it is in the guest's memory.
    Guest(u64),
    /// Another one.
    Ours(CString),
    /// That of a running program.
    Exe(CString),
}

impl Path {
    /// Its address, valid as long as this is alive.
    pub(super) fn at(&self) -> u64 {
        match self {
            Self::Guest(at) => *at,
            Self::Ours(text) | Self::Exe(text) => text.as_ptr() as u64,
        }
    }

    /// To be asked before the file is opened with the host's `flags`, from `dirfd`.
    ///
    /// # Errors
    /// `ETXTBSY` for a running program that is to be written: the host's kernel does not know that it
    /// runs.
    pub(super) fn may_open(&self, dirfd: u64, flags: u64) -> Result<(), Errno> {
        let Self::Exe(path) = self else { return Ok(()) };
        let writes = flags & libc::O_ACCMODE as u64 != libc::O_RDONLY as u64;
        if flags & libc::O_PATH as u64 != 0 || !writes && flags & libc::O_TRUNC as u64 == 0 {
            return Ok(());
        }
        raw::faccessat(dirfd as i32, path.to_bytes(), libc::W_OK, libc::AT_EACCESS)?;
        Err(Errno::ETXTBSY)
    }
}

/// Reads a path.
///
/// # Errors
/// `EFAULT`, `ENAMETOOLONG`.
pub(super) fn read(at: u64) -> Result<Vec<u8>, Errno> {
    ::memory::read_cstr(at, MAX)?.ok_or(Errno::ENAMETOOLONG)
}

/// The path at `at`, to be looked up from `dirfd`. Another one if it leads to a program through
/// `/proc/PID/exe` (when symbolic links are followed), or if it exists below the prefix of the
/// user (`-L`).
pub(super) fn resolve(task: &Task, dirfd: u64, at: u64, follow: bool) -> Path {
    let guest = Path::Guest(at);
    let prefix = task.process.options.ld_prefix.as_deref();
    // What cannot be read is the kernel's to complain about.
    let Ok(path) = read(at) else { return guest };
    if is_hidden(task, dirfd, &path) {
        return Path::Ours(NOWHERE.to_owned());
    }
    if follow && let Some(exe) = exe_link(task, dirfd, &path) {
        return Path::Exe(exe);
    }
    if let Some(prefix) = prefix
        && let Some(below) = below_prefix(prefix, &path)
    {
        return CString::new(below).map_or(guest, Path::Ours);
    }
    guest
}

/// As [`resolve`] for calls that the prefix is not for.
pub(super) fn follow_exe(task: &Task, dirfd: u64, at: u64) -> Path {
    let Ok(path) = read(at) else { return Path::Guest(at) };
    if is_hidden(task, dirfd, &path) {
        return Path::Ours(NOWHERE.to_owned());
    }
    exe_link(task, dirfd, &path).map_or(Path::Guest(at), Path::Exe)
}

/// A descriptor that no process can have.
const NOWHERE: &CStr = c"/proc/self/fd/2147483647";

/// Whether `path` is the emulator's descriptor in a directory of /proc that does not list it.
fn is_hidden(task: &Task, dirfd: u64, path: &[u8]) -> bool {
    let digits = path.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (dir, number) = path.split_at(path.len() - digits);
    let number = || str::from_utf8(number).ok()?.parse().ok();
    if digits < 3 || !number().is_some_and(|fd| task.process.is_own_fd(fd)) {
        return false;
    }
    let dir = if dir.is_empty() { b"." } else { dir };
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    raw::openat(dirfd as i32, dir, flags, 0)
        .is_ok_and(|dir| proc::listed(dir.as_raw_fd()).is_some_and(|dir| dir.is_own()))
}

/// The arguments of a call with a path, and that path, which must live as long as the call.
pub(super) fn looked_up(task: &Task, lookup: &Lookup, mut args: Args) -> (Path, Args) {
    let mut path = Path::Guest(args[lookup.path]);
    if (args[lookup.flags] & lookup.bits != 0) == lookup.follow {
        let dirfd = lookup.dirfd.map_or(libc::AT_FDCWD as u64, |dirfd| args[dirfd]);
        path = follow_exe(task, dirfd, args[lookup.path]);
        args[lookup.path] = path.at();
    }
    (path, args)
}

/// Where `path` leads if it is `/proc/PID/exe`.
fn exe_link(task: &Task, dirfd: u64, path: &[u8]) -> Option<CString> {
    if !path.ends_with(b"exe") {
        return None;
    }
    let link = proc::redirect_exe(task.process, dirfd as i32, path)?;
    CString::new(link).ok()
}

/// `path` below `prefix`, if it is absolute and exists there.
fn below_prefix(prefix: &[u8], path: &[u8]) -> Option<Vec<u8>> {
    if path.first() != Some(&b'/') {
        return None;
    }
    let below = [prefix.strip_suffix(b"/").unwrap_or(prefix), path].concat();
    let flags = libc::AT_SYMLINK_NOFOLLOW;
    // The root itself is not replaced: programs walk the real tree from there.
    let exists = path.len() > 1 && raw::fstatat(libc::AT_FDCWD, &below, flags).is_ok();
    exists.then_some(below)
}

#[cfg(test)]
mod tests {
    use super::below_prefix;

    #[test]
    fn only_what_exists_is_taken_from_the_prefix() {
        assert_eq!(below_prefix(b"/proc/", b"/self/exe"), Some(b"/proc/self/exe".to_vec()));
        assert_eq!(below_prefix(b"/proc", b"/no/such"), None);
        assert_eq!(below_prefix(b"/proc", b"self"), None);
        assert_eq!(below_prefix(b"/proc", b"/"), None);
    }
}
