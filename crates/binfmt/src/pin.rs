//! A copy of an interpreter that the kernel can hold whatever happens to its file.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::Path;

use rustix::fs::{MemfdFlags, memfd_create};

/// This program's file, wherever it is and whatever the root.
pub const OWN_IMAGE: &str = "/proc/self/exe";

/// What a copy of it in memory is called.
pub const OWN_NAME: &str = concat!("anyarch-", env!("CARGO_PKG_VERSION"));

/// Whether `interpreter` names an open file of the process that registered it.
pub(crate) fn is_pinned(interpreter: &str) -> bool {
    interpreter.starts_with("/proc/self/")
}

/// An interpreter to register with flag F: keep it until that is done.
#[derive(Debug)]
pub struct Pinned {
    file: File,
    in_memory: bool,
}

impl Pinned {
    /// Copies the file at `path` into memory under `name` (which `/proc/PID/exe` of its processes
    /// will show, so it should carry the version): the file can then be replaced or deleted, no
    /// mount and no container layer is held. Where that is forbidden (vm.memfd_noexec=2, no
    /// memory) the file itself is held.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn new(path: &Path, name: &str) -> io::Result<Self> {
        match Self::in_memory(path, name) {
            Ok(file) => Ok(Self { file, in_memory: true }),
            Err(_) => Self::file(path),
        }
    }

    /// Copies this program, under the name of its version.
    ///
    /// # Errors
    /// When its file cannot be opened.
    pub fn own() -> io::Result<Self> {
        Self::new(Path::new(OWN_IMAGE), OWN_NAME)
    }

    /// Holds the file at `path` itself.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn file(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, in_memory: false })
    }

    fn in_memory(path: &Path, name: &str) -> io::Result<File> {
        let create = |flags| memfd_create(name, MemfdFlags::CLOEXEC | flags);
        // Linux 6.3 wants to be told that it shall be executable; before, the flag is unknown.
        // Where it is forbidden, one without the flag could be made but not executed.
        let memory = match create(MemfdFlags::EXEC) {
            Err(rustix::io::Errno::INVAL) => create(MemfdFlags::empty()),
            result => result,
        };
        let memory = memory?;
        let mut memory = File::from(memory);
        io::copy(&mut File::open(path)?, &mut memory)?;
        Ok(memory)
    }

    /// The path to register, valid in this process as long as this value lives.
    pub fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.file.as_raw_fd())
    }

    /// Whether it is a copy in memory.
    pub fn is_in_memory(&self) -> bool {
        self.in_memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_is_the_file() {
        let own = Pinned::new(Path::new(OWN_IMAGE), "test-1").expect("readable");
        let (copy, file) = (std::fs::read(own.path()), std::fs::read(OWN_IMAGE));
        assert!(copy.expect("readable") == file.expect("readable"));
        if own.is_in_memory() {
            let link = std::fs::read_link(own.path()).expect("a link");
            assert_eq!(link.to_str(), Some("/memfd:test-1 (deleted)"));
        }
    }
}
