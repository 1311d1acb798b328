//! The files of /proc that must show the guest and not the emulator.
//!
//! Which file was opened is decided by the opened file: its file system, and its path as the
//! kernel knows it. So any spelling, directory descriptor or symbolic link leads here. A file to
//! be changed is replaced by a sealed memfd with the guest's view of it, made at that moment; all
//! others are the host's. `comm` and `status` are the host's too: names of threads are set there.

mod descriptors;
mod maps;
mod memory;
mod names;
mod other;
mod text;

use crate::process::Process;
pub(crate) use descriptors::{hide as hide_descriptors, listed as listed_descriptors};
use names::{Entry, Owner};
use std::os::fd::{AsRawFd, RawFd};
use sys::errno::Errno;
use sys::raw;

/// File system magic of procfs.
const PROC_MAGIC: i128 = 0x9fa0;

/// To be called after every successful open for reading, with the new descriptor and the flags of
/// the open: puts the guest's view in its place if the host's would be wrong.
///
/// # Errors
/// If the guest's view cannot be made; the descriptor is still open then.
pub fn after_open(process: &Process, fd: RawFd, flags: i32) -> Result<(), Errno> {
    const OTHER: i32 = libc::O_ACCMODE | libc::O_PATH | libc::O_DIRECTORY;
    if flags & OTHER != libc::O_RDONLY {
        return Ok(());
    }
    // Files of procfs are empty regular files on a device without a number. This one call is the
    // price for all other files.
    let stat = raw::fstat(fd)?;
    let pseudo = stat.st_size == 0 && libc::major(stat.st_dev) == 0;
    if !pseudo || stat.st_mode & libc::S_IFMT != libc::S_IFREG || !is_proc(fd) {
        return Ok(());
    }
    let Some(entry) = names::entry(fd) else { return Ok(()) };
    let Some(content) = content(process, &entry, fd) else { return Ok(()) };
    let view = raw::memfd_with(c"proc", &content)?;
    let flags = flags & libc::O_CLOEXEC;
    raw::call(libc::SYS_dup3, [view.as_raw_fd() as u64, fd as u64, flags as u64]).map(drop)
}

/// Whether the file of `fd` is in a procfs.
fn is_proc(fd: RawFd) -> bool {
    raw::fstatfs(fd).is_ok_and(|fs| has_magic(&fs))
}

fn has_magic(fs: &libc::statfs) -> bool {
    // Signed in one libc, unsigned in the other.
    i128::from(fs.f_type) == PROC_MAGIC
}

/// The guest's view of an entry, or None if the host's is right. `fd` is the host's file, not yet
/// read.
fn content(process: &Process, entry: &Entry, fd: RawFd) -> Option<Vec<u8>> {
    let host = || read_all(fd);
    match (&entry.owner, entry.name.as_slice()) {
        (Owner::Root, b"cpuinfo") => Some(text::cpuinfo(process, &host()?)),
        (Owner::Own, b"maps") => Some(maps::maps(process, &host()?)),
        (Owner::Own, b"smaps") => Some(maps::smaps(process, &host()?)),
        (Owner::Own, b"statm") => memory::statm(process, &host()?),
        (Owner::Own, b"status") => memory::status(process, &host()?),
        (Owner::Own | Owner::Other(_), b"limits") => memory::limits(&host()?),
        (Owner::Own, b"stat") => text::stat(process, &host()?),
        (Owner::Own, b"cmdline") => Some(text::cmdline(process)),
        (Owner::Own, b"environ") => Some(text::environ(process)),
        (Owner::Own, b"auxv") => Some(process.identity.auxv.clone()),
        (Owner::Other(dir), b"cmdline") => other::cmdline(dir),
        (Owner::Other(dir), b"auxv") => other::auxv(dir),
        _ => None,
    }
}

/// The rest of a file; None if it cannot be read. The offset is put back then.
fn read_all(fd: RawFd) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut chunk = vec![0; 65536];
    loop {
        match raw::read(fd, &mut chunk) {
            Ok(0) => return Some(out),
            Ok(len) => out.extend_from_slice(&chunk[..len]),
            Err(Errno::EINTR) => {}
            Err(_) => {
                let _ = raw::call(libc::SYS_lseek, [fd as u64, 0, 0]);
                return None;
            }
        }
    }
}

/// If `path` is `/proc/PID/exe` of an emulated process: the program that it runs. To be used
/// instead of `path` wherever symbolic links are followed (open, stat, execve, access ...).
pub fn redirect_exe(process: &Process, dirfd: RawFd, path: &[u8]) -> Option<Vec<u8>> {
    // (What programs ask most often. Only the root of a procfs has a "self".)
    if path == b"/proc/self/exe" && raw::statfs(b"/proc/self/").is_ok_and(|fs| has_magic(&fs)) {
        return Some(process.identity.exe.clone());
    }
    let dir = match path.strip_suffix(b"exe")? {
        [] => b".",
        dir if dir.ends_with(b"/") => dir,
        _ => return None,
    };
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let dir = raw::openat(dirfd, dir, flags, 0).ok()?;
    if !is_proc(dir.as_raw_fd()) {
        return None;
    }
    match names::owner(dir.as_raw_fd())? {
        Owner::Own => Some(process.identity.exe.clone()),
        Owner::Other(dir) => other::exe(&dir),
        Owner::Root => None,
    }
}

/// What `readlinkat(2)` gives for `path`, if it is a link of /proc that must show the guest.
pub fn readlink(process: &Process, dirfd: RawFd, path: &[u8]) -> Option<Vec<u8>> {
    redirect_exe(process, dirfd, path)
}
