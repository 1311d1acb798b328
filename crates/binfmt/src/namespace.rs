//! User and mount namespaces of one's own, which have a binfmt_misc of their own (Linux 6.7).

use std::fs;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::path::Path;

use rustix::mount::{MountFlags, MountPropagationFlags, mount_change, mount_remount};
use rustix::process::{Gid, Uid, getegid, geteuid};
use rustix::thread::UnshareFlags;

use crate::root::through;
use crate::{Result, io};

/// Makes user and mount namespaces for this process, in which its user is root, alone.
///
/// # Errors
/// The kernel's (disabled, limited, or an AppArmor restriction).
pub fn unshare() -> Result<()> {
    let user = (geteuid(), getegid());
    #[expect(deprecated, reason = "its safe form; no file descriptors table is unshared")]
    rustix::thread::unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)
        .map_err(io("make", "a user namespace"))?;
    map_root("self", user)
}

/// Makes `user` root, alone, in the new user namespace of `process`, by its number or `self`.
///
/// # Errors
/// The kernel's, with the file that it refused.
pub fn map_root(process: &str, (uid, gid): (Uid, Gid)) -> Result<()> {
    let write = |file: &str, text: &str| {
        let path = format!("/proc/{process}/{file}");
        fs::write(&path, text).map_err(io("write", path))
    };
    write("setgroups", "deny")?;
    write("uid_map", &format!("0 {uid} 1\n"))?;
    write("gid_map", &format!("0 {gid} 1\n"))
}

/// Lets no mount at or below the mount point `dir` show elsewhere.
///
/// # Errors
/// The kernel's.
pub fn make_private(dir: &Path) -> rustix::io::Result<()> {
    mount_change(dir, MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
}

/// Makes the mount that `at` is the top of read-only, and `below` it all mounts, where the kernel can
/// do that (Linux 5.12).
///
/// # Errors
/// The kernel's.
pub fn make_read_only(at: BorrowedFd<'_>, below: bool) -> rustix::io::Result<()> {
    /// `struct mount_attr`: set `MOUNT_ATTR_RDONLY`, clear nothing.
    const ATTRIBUTES: [u64; 4] = [1, 0, 0, 0];
    let flags = libc::AT_EMPTY_PATH | if below { libc::AT_RECURSIVE } else { 0 };
    let done = sys::call(
        libc::SYS_mount_setattr,
        [
            at.as_raw_fd() as u64,
            c"".as_ptr() as u64,
            flags as u64,
            ATTRIBUTES.as_ptr() as u64,
            size_of_val(&ATTRIBUTES) as u64,
        ],
    );
    if done.is_ok() {
        return Ok(());
    }
    let flags = MountFlags::BIND | MountFlags::RDONLY;
    let path = through(at);
    // Flags that the host's mount is locked with must be repeated.
    let locked = flags | MountFlags::NOSUID | MountFlags::NODEV;
    mount_remount(&path, flags, "").or_else(|_| mount_remount(&path, locked, ""))
}
