//! Paths that the guest gives.

use crate::proc;
use crate::task::Task;
use std::ffi::CString;
use sys::{Errno, raw};

/// `PATH_MAX`.
const MAX: usize = 4096;

/// A path to be given to the host's kernel.
pub(super) enum Path {
    /// As it is in the guest's memory.
    Guest(u64),
    /// Another one.
    Ours(CString),
}

impl Path {
    /// Its address, valid as long as this is alive.
    pub(super) fn at(&self) -> u64 {
        match self {
            Self::Guest(at) => *at,
            Self::Ours(text) => text.as_ptr() as u64,
        }
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
    if follow
        && path.ends_with(b"exe")
        && let Some(exe) = proc::redirect_exe(task.process, dirfd as i32, &path)
    {
        return CString::new(exe).map_or(guest, Path::Ours);
    }
    if let Some(prefix) = prefix
        && let Some(below) = below_prefix(prefix, &path)
    {
        return CString::new(below).map_or(guest, Path::Ours);
    }
    guest
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
