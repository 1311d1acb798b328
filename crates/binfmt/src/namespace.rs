//! User and mount namespaces of one's own, which have a binfmt_misc of their own (Linux 6.7).

use std::fs;
use std::path::Path;

use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{Gid, Uid, getegid, geteuid};
use rustix::thread::UnshareFlags;

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
