//! System calls of the host, without libc's `errno` and cancellation.

#![expect(unsafe_code, reason = "descriptors that the kernel has just given")]

use crate::errno::Errno;
use crate::limits;
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Makes system call `nr` of the host.
///
/// The invariant that callers keep (this is the one door by which a guest's calls leave, so it
/// cannot be checked here): addresses in `args` are either the guest's own, which the guest may
/// ruin as it likes because it is its own process, or they are of memory that this process lent
/// for the duration of the call. A call that unmaps, moves or protects memory must have been
/// checked against the ranges of the emulator.
///
/// # Errors
/// The error of the kernel.
#[inline]
pub fn syscall(nr: u64, args: [u64; 6]) -> Result<u64, Errno> {
    Errno::from_ret(syscall_ret(nr, args))
}

/// As [`syscall`], with the kernel's return value as it is.
#[inline]
pub fn syscall_ret(nr: u64, args: [u64; 6]) -> u64 {
    crate::arch::syscall_ret(nr, args)
}

/// Makes a call of up to six arguments; the missing ones are 0.
#[inline]
pub fn call<const N: usize>(nr: i64, args: [u64; N]) -> Result<u64, Errno> {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&args);
    syscall(nr as u64, all)
}

fn text(path: &[u8]) -> Result<CString, Errno> {
    CString::new(path).map_err(|_| Errno::EINVAL)
}

fn owned(fd: u64) -> OwnedFd {
    // SAFETY: the kernel has just given this descriptor to us alone.
    unsafe { OwnedFd::from_raw_fd(fd as RawFd) }
}

/// Host address of `path` for a call made while `path` is alive.
fn at(path: &CStr) -> u64 {
    path.as_ptr() as u64
}

/// `openat(2)` with a path of bytes. `dirfd` may be `libc::AT_FDCWD`.
///
/// # Errors
/// `EINVAL` if `path` contains a zero byte, else the kernel's.
pub fn openat(dirfd: RawFd, path: &[u8], flags: i32, mode: u32) -> Result<OwnedFd, Errno> {
    let path = text(path)?;
    let args = [dirfd as u64, at(&path), flags as u64, u64::from(mode)];
    limits::opening(|| call(libc::SYS_openat, args)).map(owned)
}

/// `readlinkat(2)`; an empty path reads the link that `dirfd` itself is.
///
/// # Errors
/// `EINVAL` if `path` contains a zero byte, else the kernel's.
pub fn readlinkat(dirfd: RawFd, path: &[u8]) -> Result<Vec<u8>, Errno> {
    let path = text(path)?;
    let mut out = vec![0_u8; 4096];
    let args = [dirfd as u64, at(&path), out.as_mut_ptr() as u64, out.len() as u64];
    let len = call(libc::SYS_readlinkat, args)?;
    out.truncate(len as usize);
    Ok(out)
}

/// `fstat(2)`, the host's structure.
///
/// # Errors
/// The kernel's.
pub fn fstat(fd: RawFd) -> Result<libc::stat, Errno> {
    fstatat(fd, b"", libc::AT_EMPTY_PATH)
}

/// `newfstatat(2)`, the host's structure.
///
/// # Errors
/// `EINVAL` if `path` contains a zero byte, else the kernel's.
pub fn fstatat(dirfd: RawFd, path: &[u8], flags: i32) -> Result<libc::stat, Errno> {
    let path = text(path)?;
    // SAFETY: all-zero bytes are a valid `stat`.
    let mut out: libc::stat = unsafe { core::mem::zeroed() };
    let out_at = &raw mut out as u64;
    call(libc::SYS_newfstatat, [dirfd as u64, at(&path), out_at, flags as u64])?;
    Ok(out)
}

/// `newfstatat(2)` with the address of a path, the host's structure.
///
/// # Errors
/// The kernel's.
pub fn stat_at(dirfd: u64, path: u64, flags: u64) -> Result<libc::stat, Errno> {
    // SAFETY: all-zero bytes are a valid `stat`.
    let mut out: libc::stat = unsafe { core::mem::zeroed() };
    call(libc::SYS_newfstatat, [dirfd, path, &raw mut out as u64, flags])?;
    Ok(out)
}

/// `fstatfs(2)`, the host's structure.
///
/// # Errors
/// The kernel's.
pub fn fstatfs(fd: RawFd) -> Result<libc::statfs, Errno> {
    // SAFETY: all-zero bytes are a valid `statfs`.
    let mut out: libc::statfs = unsafe { core::mem::zeroed() };
    call(libc::SYS_fstatfs, [fd as u64, &raw mut out as u64])?;
    Ok(out)
}

/// `statfs(2)`, the host's structure.
///
/// # Errors
/// `EINVAL` if `path` contains a zero byte, else the kernel's.
pub fn statfs(path: &[u8]) -> Result<libc::statfs, Errno> {
    let path = text(path)?;
    // SAFETY: all-zero bytes are a valid `statfs`.
    let mut out: libc::statfs = unsafe { core::mem::zeroed() };
    call(libc::SYS_statfs, [at(&path), &raw mut out as u64])?;
    Ok(out)
}

/// `faccessat2(2)`.
///
/// # Errors
/// `EINVAL` if `path` contains a zero byte, else the kernel's.
pub fn faccessat(dirfd: RawFd, path: &[u8], mode: i32, flags: i32) -> Result<(), Errno> {
    let path = text(path)?;
    call(libc::SYS_faccessat2, [dirfd as u64, at(&path), mode as u64, flags as u64]).map(drop)
}

/// `memfd_create(2)`, close-on-exec and open to seals.
///
/// # Errors
/// The kernel's.
pub fn memfd(name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    limits::opening(|| call(libc::SYS_memfd_create, [at(name), u64::from(flags)])).map(owned)
}

/// The same with `len` bytes.
///
/// # Errors
/// The kernel's; `EFBIG` if `RLIMIT_FSIZE` does not allow it and cannot be raised.
pub fn memfd_of(name: &CStr, len: u64) -> Result<OwnedFd, Errno> {
    let fd = memfd(name)?;
    let resize = || call(libc::SYS_ftruncate, [fd.as_raw_fd() as u64, len]);
    limits::with_at_least(libc::RLIMIT_FSIZE, len, resize).unwrap_or(Err(Errno::EFBIG))?;
    Ok(fd)
}

/// A sealed, close-on-exec memfd with `content`, its offset at the start.
///
/// # Errors
/// The kernel's.
pub fn memfd_with(name: &CStr, content: &[u8]) -> Result<OwnedFd, Errno> {
    let fd = memfd(name)?;
    let fill = || {
        let mut rest = content;
        while !rest.is_empty() {
            let n = write(fd.as_raw_fd(), rest)?;
            rest = &rest[n..];
        }
        Ok(())
    };
    let len = content.len() as u64;
    limits::with_at_least(libc::RLIMIT_FSIZE, len, fill).unwrap_or(Err(Errno::EFBIG))?;
    call(libc::SYS_lseek, [fd.as_raw_fd() as u64, 0, libc::SEEK_SET as u64])?;
    let seals = libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;
    fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, seals as u64)?;
    Ok(fd)
}

/// `fcntl(2)` with a plain argument.
///
/// # Errors
/// The kernel's.
pub fn fcntl(fd: RawFd, command: i32, arg: u64) -> Result<u64, Errno> {
    call(libc::SYS_fcntl, [fd as u64, command as u64, arg])
}

/// Duplicates `fd`, close-on-exec, at the first free number of `lowest` or above.
///
/// # Errors
/// The kernel's.
pub fn dup_from(fd: RawFd, lowest: RawFd) -> Result<OwnedFd, Errno> {
    limits::opening(|| fcntl(fd, libc::F_DUPFD_CLOEXEC, lowest as u64)).map(owned)
}

/// `read(2)`.
///
/// # Errors
/// The kernel's.
pub fn read(fd: RawFd, out: &mut [u8]) -> Result<usize, Errno> {
    let args = [fd as u64, out.as_mut_ptr() as u64, out.len() as u64];
    call(libc::SYS_read, args).map(|n| n as usize)
}

/// `pread64(2)`.
///
/// # Errors
/// The kernel's.
pub fn pread(fd: RawFd, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
    let args = [fd as u64, out.as_mut_ptr() as u64, out.len() as u64, offset];
    call(libc::SYS_pread64, args).map(|n| n as usize)
}

/// `write(2)`.
///
/// # Errors
/// The kernel's.
pub fn write(fd: RawFd, data: &[u8]) -> Result<usize, Errno> {
    let args = [fd as u64, data.as_ptr() as u64, data.len() as u64];
    call(libc::SYS_write, args).map(|n| n as usize)
}

/// Fills `bytes` with random ones.
///
/// # Errors
/// The kernel's; also if there are fewer.
pub fn getrandom(bytes: &mut [u8]) -> Result<(), Errno> {
    let args = [bytes.as_mut_ptr() as u64, bytes.len() as u64, 0];
    let count = call(libc::SYS_getrandom, args)?;
    if count == bytes.len() as u64 { Ok(()) } else { Err(Errno::EINTR) }
}

/// Closes a descriptor by number (one that no `OwnedFd` has).
///
/// # Errors
/// The kernel's.
pub fn close(fd: RawFd) -> Result<(), Errno> {
    call(libc::SYS_close, [fd as u64]).map(drop)
}

/// Reads a whole file.
///
/// # Errors
/// `EINVAL` if `path` contains a zero byte, else the kernel's.
pub fn read_file(path: &[u8]) -> Result<Vec<u8>, Errno> {
    let fd = openat(libc::AT_FDCWD, path, libc::O_RDONLY | libc::O_CLOEXEC, 0)?;
    let mut out = Vec::new();
    let mut chunk = vec![0_u8; 65536];
    loop {
        match read(fd.as_raw_fd(), &mut chunk) {
            Ok(0) => return Ok(out),
            Ok(n) => out.extend_from_slice(&chunk[..n]),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// `getpid(2)` from the kernel (libc's may be that of a parent).
pub fn getpid() -> i32 {
    syscall_ret(libc::SYS_getpid as u64, [0; 6]) as i32
}

/// `gettid(2)` from the kernel.
pub fn gettid() -> i32 {
    syscall_ret(libc::SYS_gettid as u64, [0; 6]) as i32
}

/// Sets the host's signal mask of this thread (bit n-1 = signal n) and gives the old one.
pub fn sigmask(mask: u64) -> u64 {
    let mut old = 0_u64;
    let args = [libc::SIG_SETMASK as u64, &raw const mask as u64, &raw mut old as u64, 8, 0, 0];
    // Cannot fail: both pointers are ours and the size is the kernel's.
    let _ = syscall(libc::SYS_rt_sigprocmask as u64, args);
    old
}

/// `tgkill(2)` of a thread of this process.
///
/// # Errors
/// The kernel's.
pub fn tgkill(tid: i32, signal: i32) -> Result<(), Errno> {
    call(libc::SYS_tgkill, [getpid() as u64, tid as u64, signal as u64]).map(drop)
}

/// Wakes up to `count` waiters of a futex word of the guest, private or shared.
pub fn futex_wake(address: u64, count: u32) {
    // A bad address is EFAULT, which no one wants to hear of.
    let _ = call(libc::SYS_futex, [address, libc::FUTEX_WAKE as u64, u64::from(count)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_back_as_numbers() {
        assert_eq!(close(-1), Err(Errno::EBADF));
        assert_eq!(openat(libc::AT_FDCWD, b"/no/such", 0, 0).err(), Some(Errno::ENOENT));
        assert_eq!(openat(libc::AT_FDCWD, b"a\0b", 0, 0).err(), Some(Errno::EINVAL));
    }

    #[test]
    fn memfd_keeps_its_content_and_its_seals() {
        let fd = memfd_with(c"test", b"hello").unwrap();
        let mut out = [0; 8];
        assert_eq!(read(fd.as_raw_fd(), &mut out), Ok(5));
        assert_eq!(&out[..5], b"hello");
        assert_eq!(write(fd.as_raw_fd(), b"x"), Err(Errno::EPERM));
        assert_eq!(fstat(fd.as_raw_fd()).unwrap().st_size, 5);
    }

    #[test]
    fn links_and_files_are_read() {
        assert_eq!(read_file(b"/proc/self/comm").unwrap().last(), Some(&b'\n'));
        let own = std::env::current_exe().unwrap();
        let link = readlinkat(libc::AT_FDCWD, b"/proc/self/exe").unwrap();
        assert_eq!(link, own.to_str().unwrap().as_bytes());
    }
}
