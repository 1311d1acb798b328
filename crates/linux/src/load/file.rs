//! Files of programs: opened once, their first page read once.

use super::Error;
use crate::abi::Abi;
use crate::elf::{self, Bytes, Program};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use sys::errno::Errno;
use sys::raw;

/// How much is read at first: it has the headers of almost all programs.
const HEAD: usize = 1024;

/// An open program.
pub struct OpenFile {
    fd: OwnedFd,
    path: Vec<u8>,
    head: Vec<u8>,
}

impl OpenFile {
    /// Reads the head of `fd`; `path` is for messages.
    ///
    /// # Errors
    /// If reading fails.
    pub fn new(fd: OwnedFd, path: Vec<u8>) -> Result<Self, Error> {
        let mut head = vec![0; HEAD];
        match raw::pread(fd.as_raw_fd(), &mut head, 0) {
            Ok(len) => head.truncate(len),
            Err(errno) => return Err(Error::Open { path, errno }),
        }
        Ok(Self { fd, path, head })
    }

    /// Opens `path`, which must be a regular file that may be executed, as for the kernel.
    ///
    /// # Errors
    /// If it is not, or cannot be opened or read.
    pub fn open(path: &[u8]) -> Result<Self, Error> {
        let fail = |errno| Error::Open { path: path.to_vec(), errno };
        // Opening a FIFO must not wait, nor a terminal become ours.
        let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
        let fd = raw::openat(libc::AT_FDCWD, path, flags, 0).map_err(fail)?;
        match raw::fstat(fd.as_raw_fd()).map_err(fail)?.st_mode & libc::S_IFMT {
            libc::S_IFREG => {}
            libc::S_IFDIR => return Err(fail(Errno::EISDIR)),
            _ => return Err(Error::Special { path: path.to_vec() }),
        }
        let empty = libc::AT_EMPTY_PATH | libc::AT_EACCESS;
        if raw::faccessat(fd.as_raw_fd(), b"", libc::X_OK, empty) == Err(Errno::EACCES) {
            return Err(Error::NotExecutable { path: path.to_vec() });
        }
        Self::new(fd, path.to_vec())
    }

    /// Its first bytes.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Its path as given.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// Its descriptor.
    pub fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// The descriptor alone.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// Reads its ELF headers.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(&self, abi: &Abi) -> Result<Program, Error> {
        elf::parse(self, &abi.kind)
            .map_err(|error| Error::Format { path: self.path.clone(), error })
    }
}

impl Bytes for OpenFile {
    fn read(&self, offset: u64, out: &mut [u8], what: &'static str) -> Result<(), elf::Error> {
        let end = offset.saturating_add(out.len() as u64);
        if end <= self.head.len() as u64 {
            out.copy_from_slice(&self.head[offset as usize..end as usize]);
            return Ok(());
        }
        if end > i64::MAX as u64 {
            return Err(elf::Error::Truncated { what, end });
        }
        let mut done = 0;
        while done < out.len() {
            match raw::pread(self.fd(), &mut out[done..], offset + done as u64) {
                Ok(0) => return Err(elf::Error::Truncated { what, end }),
                Ok(len) => done += len,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(elf::Error::Read(errno)),
            }
        }
        Ok(())
    }
}

/// Opens the loader `loader` of program `path`: under `prefix` first, if there is one.
///
/// # Errors
/// If it is in neither place, or cannot be opened.
pub fn find_loader(
    abi: &Abi,
    path: &[u8],
    loader: &[u8],
    prefix: Option<&[u8]>,
) -> Result<OpenFile, Error> {
    if let Some(prefix) = prefix
        && loader.first() == Some(&b'/')
    {
        let there = [prefix.strip_suffix(b"/").unwrap_or(prefix), loader].concat();
        match OpenFile::open(&there) {
            Err(Error::Open { errno: Errno::ENOENT | Errno::ENOTDIR, .. }) => {}
            // It is there: what is wrong with it is what matters.
            found => return found,
        }
    }
    let errno = match OpenFile::open(loader) {
        // For Linux the empty path is the working directory.
        Err(Error::Open { .. }) if loader.is_empty() => Errno::EACCES,
        Err(Error::Open { errno, .. }) => errno,
        Err(Error::Special { .. } | Error::NotExecutable { .. }) => Errno::EACCES,
        other => return other,
    };
    Err(Error::Loader {
        path: path.to_vec(),
        loader: loader.to_vec(),
        errno,
        prefix: prefix.map(<[u8]>::to_vec),
        debian: abi.debian,
    })
}
