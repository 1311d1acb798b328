//! What the tasks of a process share.

use crate::abi::Abi;
use crate::elf::PAGE;
use crate::identity::Identity;
use crate::mm::Mm;
use crate::options::Options;
use crate::proc::{Exe, Views};
use crate::signal::ProcessSignals;
use engine::Engine;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use sys::errno::Errno;
use sys::{auxv, raw};

/// Our own descriptors are put at this number or above, out of the guest's way.
pub const PINNED_FD: RawFd = 900;

/// Duplicates `fd`, close-on-exec, where the guest has no descriptors: from [`PINNED_FD`] on, or
/// at its limit if that is lower.
///
/// # Errors
/// The kernel's, if there is no free number at all.
pub fn place(fd: RawFd) -> Result<OwnedFd, Errno> {
    /// How many of ours there may be.
    const ROOM: u64 = 8;
    raw::dup_from(fd, PINNED_FD).or_else(|_| {
        // Above what the guest may use, or else near to it.
        let (soft, hard) = sys::limits::getrlimit(libc::RLIMIT_NOFILE)?;
        let lowest = soft.min(hard.saturating_sub(ROOM)).clamp(3, PINNED_FD as u64);
        raw::dup_from(fd, lowest as RawFd).or_else(|_| raw::dup_from(fd, 3))
    })
}

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
    /// The file of the program, which `/proc/PID/exe` is.
    pub exe: Exe,
    /// The descriptors of which the guest reads something else than the host has there.
    pub views: Views,
    /// Our own binary, once it was pinned.
    pub own: OnceLock<Exe>,
    /// Its device and number.
    pub own_id: OnceLock<(u64, u64)>,
    /// Where system calls are printed, if not on standard error.
    pub log: Option<OwnedFd>,
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
    /// If there is no /proc, or not the kernel's, and it was not pinned before.
    pub fn own_binary(&self) -> Result<OwnBinary, Errno> {
        if let Some(fd) = self.own.get() {
            return Ok(OwnBinary::Pinned(fd.fd()));
        }
        let flags = libc::O_RDONLY | libc::O_CLOEXEC;
        let file = raw::openat(libc::AT_FDCWD, b"/proc/self/exe", flags, 0)?;
        // proot, among others, puts the guest's program there.
        if is_this_program(file.as_raw_fd()) {
            Ok(OwnBinary::Opened(file))
        } else {
            Err(Errno::ENOENT)
        }
    }

    /// Keeps the emulator's binary open from now on. To be called before the guest changes what
    /// /proc is: `chroot`, `pivot_root`, `mount`, `umount`, `setns`, `unshare`, `clone` with a new
    /// mount namespace.
    pub fn pin_own_binary(&self) {
        if self.own.get().is_some() {
            return;
        }
        if let Ok(OwnBinary::Opened(fd)) = self.own_binary() {
            self.own.get_or_init(|| Exe::new(fd));
        }
    }

    /// Whether `stat` is of the emulator's binary.
    pub fn is_own_file(&self, stat: &libc::stat) -> bool {
        self.is_own_id((stat.st_dev, stat.st_ino))
    }

    /// Whether the file with this device and number is.
    pub fn is_own_id(&self, id: (u64, u64)) -> bool {
        let own = self.own_id.get_or_init(|| {
            let stat = match self.own.get() {
                Some(own) => raw::fstat(own.fd()),
                None => raw::fstatat(libc::AT_FDCWD, b"/proc/self/exe", 0),
            };
            stat.map_or((0, 0), |stat| (stat.st_dev, stat.st_ino))
        });
        id == *own
    }

    /// The emulator's descriptors, ascending.
    pub fn own_fds(&self) -> impl Iterator<Item = RawFd> {
        let own = self.own.get().map(Exe::fd);
        let log = self.log.as_ref().map(AsRawFd::as_raw_fd);
        let mut fds = [own, log, self.engine.share_fd(), Some(self.exe.fd())];
        fds.sort_unstable();
        fds.into_iter().flatten()
    }

    /// Leaves descriptor `fd` to the guest, which wants that number, if it is the emulator's.
    ///
    /// # Errors
    /// The kernel's, if there is no other number.
    pub fn make_way(&self, fd: RawFd) -> Result<(), Errno> {
        if !self.is_own_fd(fd) {
            return Ok(());
        }
        let moved = place(fd)?;
        if fd == self.exe.fd() {
            self.exe.replace(moved);
        } else if let Some(own) = self.own.get().filter(|own| own.fd() == fd) {
            own.replace(moved);
        } else {
            self.engine.move_share(moved);
        }
        Ok(())
    }

    /// Whether descriptor `fd` is the emulator's: for the guest it is not open.
    pub fn is_own_fd(&self, fd: RawFd) -> bool {
        fd >= 0 && self.own_fds().any(|own| own == fd)
    }
}

/// Whether the file of `fd` has the ELF header that is in our memory.
fn is_this_program(fd: RawFd) -> bool {
    /// Size of the header: entry point and section headers differ from one build to the next.
    const EHDR: usize = 64;
    let Some(headers) = auxv::get(libc::AT_PHDR) else { return false };
    let mut theirs = [0; EHDR];
    raw::pread(fd, &mut theirs, 0) == Ok(EHDR)
        && memory::read_vec(headers & !(PAGE - 1), EHDR).is_ok_and(|ours| ours == theirs)
}
