//! `/proc/PID/exe`: a link to the file that the process runs, whatever became of its name.
//!
//! The host's link leads to the emulator. The file of the program is open in every emulated process,
//! so `/proc/PID/fd/N` is such a link too, with the right file, name and permissions; wherever the
//! guest follows `exe`, the kernel gets that path instead. Which descriptor it is in another process
//! tells its offset, which `/proc/PID/fdinfo/N` shows to all who may follow `exe`.

use super::names::{self, Owner};
use super::{has_magic, is_proc, other};
use crate::process::{PINNED_FD, Process, place};
use core::sync::atomic::{AtomicI32, Ordering};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use sys::raw;

/// The offset of the program's descriptor, at which nobody reads.
const TAG: u64 = 0x616e_7961;
/// Links that are followed at most (`MAXSYMLINKS`).
const LINKS_MAX: usize = 40;

/// A file that is kept open as long as the process lives: the program, or the emulator's binary.
#[derive(Debug)]
pub struct Exe(AtomicI32);

impl Exe {
    /// The program, for others to find.
    pub(crate) fn program(file: OwnedFd) -> Self {
        let _ = raw::call(libc::SYS_lseek, [file.as_raw_fd() as u64, TAG, libc::SEEK_SET as u64]);
        Self::new(file)
    }

    /// Keeps `file` open, out of the guest's way.
    pub(crate) fn new(file: OwnedFd) -> Self {
        let low = file.as_raw_fd() < PINNED_FD;
        let moved = low.then(|| place(file.as_raw_fd()).ok()).flatten();
        Self(AtomicI32::new(moved.unwrap_or(file).into_raw_fd()))
    }

    /// Its number.
    pub(crate) fn fd(&self) -> RawFd {
        self.0.load(Ordering::Relaxed)
    }

    /// It is `fd` from now on; the old one is closed.
    pub(crate) fn replace(&self, fd: OwnedFd) {
        let _ = raw::close(self.0.swap(fd.into_raw_fd(), Ordering::Relaxed));
    }
}

/// If `path` is `/proc/PID/exe` of an emulated process: the path that leads to its program. To be
/// used instead wherever symbolic links are followed.
pub(crate) fn redirect(process: &Process, dirfd: RawFd, path: &[u8]) -> Option<Vec<u8>> {
    let dir = path.strip_suffix(b"exe")?;
    let link = |fd: RawFd| [dir, format!("fd/{fd}").as_bytes()].concat();
    // (What programs ask most often. Only the root of a procfs has a "self".)
    if dir == b"/proc/self/" && raw::statfs(dir).is_ok_and(|fs| has_magic(&fs)) {
        return Some(link(process.exe.fd()));
    }
    let at: &[u8] = match dir {
        [] => b".",
        _ if dir.ends_with(b"/") => dir,
        _ => return None,
    };
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let opened = raw::openat(dirfd, at, flags, 0).ok()?;
    if !is_proc(opened.as_raw_fd()) {
        return None;
    }
    match names::owner(opened.as_raw_fd())? {
        Owner::Own => Some(link(process.exe.fd())),
        Owner::Other(of) => find(&of).map(link).or_else(|| other::exe(&of)),
        Owner::Root => None,
    }
}

/// The same for a symbolic link that leads there, to be asked if the emulator's file was found.
pub(crate) fn redirect_links(process: &Process, dirfd: RawFd, path: &[u8]) -> Option<Vec<u8>> {
    let mut path = path.to_vec();
    for _ in 0..LINKS_MAX {
        let to = raw::readlinkat(dirfd, &path).ok()?;
        if to.first() == Some(&b'/') {
            path = to;
        } else {
            let dir = path.iter().rposition(|&b| b == b'/').map_or(0, |slash| slash + 1);
            path.truncate(dir);
            path.extend(to);
        }
        if let Some(found) = redirect(process, dirfd, &path) {
            return Some(found);
        }
    }
    None
}

/// What `readlinkat(2)` gives for `path`, if it is `/proc/PID/exe` of an emulated process.
pub(crate) fn readlink(process: &Process, dirfd: RawFd, path: &[u8]) -> Option<Vec<u8>> {
    if !path.is_empty() {
        let link = redirect(process, dirfd, path)?;
        return raw::readlinkat(dirfd, &link).ok();
    }
    // The link itself is open.
    if !is_proc(dirfd) {
        return None;
    }
    let link = redirect(process, libc::AT_FDCWD, &names::path_of(dirfd)?)?;
    raw::readlinkat(libc::AT_FDCWD, &link).ok()
}

/// The descriptor of the program in the process of /proc directory `dir`, if it is emulated.
fn find(dir: &[u8]) -> Option<RawFd> {
    if !other::is_emulator(dir) {
        return None;
    }
    let tagged = |fd: &RawFd| is_tagged(dir, *fd);
    // Nearly always.
    let first = (PINNED_FD..PINNED_FD + 4).find(tagged);
    first.or_else(|| descriptors(dir).into_iter().rev().find(tagged))
}

/// Whether `fd` of the process of `dir` is its program.
pub(super) fn is_tagged(dir: &[u8], fd: RawFd) -> bool {
    let info = [dir, format!("/fdinfo/{fd}").as_bytes()].concat();
    let text = raw::read_file(&info).unwrap_or_default();
    let pos = text.strip_prefix(b"pos:\t").unwrap_or_default();
    let pos = pos.split(|&b| b == b'\n').next().unwrap_or_default();
    str::from_utf8(pos).is_ok_and(|pos| pos.parse() == Ok(TAG))
}

/// The descriptors of the process of `dir`, ascending.
pub(super) fn descriptors(dir: &[u8]) -> Vec<RawFd> {
    use std::os::unix::ffi::OsStrExt as _;
    let list = [dir, b"/fd"].concat();
    let entries = std::fs::read_dir(std::ffi::OsStr::from_bytes(&list)).into_iter().flatten();
    let mut all: Vec<RawFd> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tagged_descriptor_is_found() {
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        let exe = Exe::program(file.into());
        assert!(exe.fd() >= PINNED_FD);
        let dir = format!("/proc/{}", std::process::id());
        // (This process is "an emulator", as it runs the same file as itself.)
        assert_eq!(find(dir.as_bytes()), Some(exe.fd()));
        assert!(!is_tagged(dir.as_bytes(), 0));
        let old = exe.fd();
        exe.replace(place(old).unwrap());
        assert!(exe.fd() != old && find(dir.as_bytes()) == Some(exe.fd()));
        assert!(find(b"/proc/1").is_none());
    }
}
