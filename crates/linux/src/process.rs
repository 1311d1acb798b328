//! What the tasks of a process share.

use crate::abi::Abi;
use crate::identity::Identity;
use crate::mm::Mm;
use crate::options::Options;
use crate::signal::ProcessSignals;
use engine::Engine;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use sys::errno::Errno;
use sys::raw;

/// Our own descriptor is put at this number or above, out of the guest's way.
pub const PINNED_FD: RawFd = 900;

/// A guest process. It lives as long as the host process, so it is never freed: tasks have a
/// `&'static Process`. A fork gets a copy with the rest of the memory.
pub struct Process {
    /// What is particular to the guest's architecture.
    pub abi: &'static Abi,
    /// Translates and runs its code.
    pub engine: &'static Engine,
    /// Its memory.
    pub mm: Mm,
    /// What program it is: path, arguments, auxiliary vector.
    pub identity: Identity,
    /// How the user wants it to be run.
    pub options: Options,
    /// Signal actions.
    pub signals: ProcessSignals,
    /// Our own binary, once it was pinned.
    pub own: OnceLock<OwnedFd>,
}

/// The emulator's binary, open.
pub enum OwnBinary {
    /// For this use.
    Opened(OwnedFd),
    /// For good.
    Pinned(RawFd),
}

impl OwnBinary {
    /// Its descriptor.
    pub fn fd(&self) -> RawFd {
        match self {
            Self::Opened(fd) => fd.as_raw_fd(),
            Self::Pinned(fd) => *fd,
        }
    }
}

impl Process {
    /// Opens the emulator's binary.
    ///
    /// # Errors
    /// If there is no /proc and it was not pinned before.
    pub fn own_binary(&self) -> Result<OwnBinary, Errno> {
        if let Some(fd) = self.own.get() {
            return Ok(OwnBinary::Pinned(fd.as_raw_fd()));
        }
        let flags = libc::O_RDONLY | libc::O_CLOEXEC;
        raw::openat(libc::AT_FDCWD, b"/proc/self/exe", flags, 0).map(OwnBinary::Opened)
    }

    /// Keeps the emulator's binary open from now on. To be called before the guest changes what
    /// /proc is: `chroot`, `pivot_root`, `mount`, `umount`, `setns`, `unshare`, `clone` with a new
    /// mount namespace.
    pub fn pin_own_binary(&self) {
        if self.own.get().is_some() {
            return;
        }
        if let Ok(OwnBinary::Opened(fd)) = self.own_binary() {
            let high = raw::dup_from(fd.as_raw_fd(), PINNED_FD).unwrap_or(fd);
            let _ = self.own.set(high);
        }
    }

    /// The emulator's descriptors, ascending.
    pub fn own_fds(&self) -> impl Iterator<Item = RawFd> {
        let mut fds = [self.own.get().map(AsRawFd::as_raw_fd), self.engine.share_fd()];
        fds.sort_unstable();
        fds.into_iter().flatten()
    }

    /// Whether descriptor `fd` is the emulator's: for the guest it is not open.
    pub fn is_own_fd(&self, fd: RawFd) -> bool {
        fd >= 0 && self.own_fds().any(|own| own == fd)
    }
}
