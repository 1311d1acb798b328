//! The mounts inside the new root.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_remount, unmount,
};

use crate::{Context as _, Result, Spec};

/// Device nodes that every program expects; bound from the host, as a user namespace makes none.
const NODES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Prepares `spec.root`: a mount of its own with /proc, /sys, /dev and the binds. The root itself
/// stays writable until [`enter`].
///
/// # Errors
/// When a mount that a program cannot do without is refused.
pub(crate) fn prepare(spec: &Spec) -> Result<()> {
    let root = &spec.root;
    binfmt::namespace::make_private("/".as_ref()).context(|| "make mounts private".into())?;
    mount_bind_recursive(root, root).context(|| format!("bind {}", root.display()))?;
    if let Some(dir) = mount_point(root, "proc") {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        // Where parts of /proc are masked (inside most containers) a fresh one is refused.
        mount("proc", &dir, "proc", flags, None)
            .or_else(|_| mount_bind_recursive("/proc", &dir))
            .context(|| format!("mount proc at {}", dir.display()))?;
    }
    if let Some(dir) = mount_point(root, "sys") {
        let _ = mount_bind_recursive("/sys", &dir);
    }
    if let Some(dir) = mount_point(root, "dev") {
        devices(&dir)?;
    }
    for (host, inside, read_only) in &spec.binds {
        bind(root, host, inside, *read_only)?;
    }
    Ok(())
}

/// Makes the prepared root the root, read-only if asked for.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn enter(spec: &Spec) -> Result<()> {
    let root = &spec.root;
    if spec.read_only {
        let flags = MountFlags::BIND | MountFlags::RDONLY;
        mount_remount(root, flags, "")
            .or_else(|_| {
                // Flags that the host's mount is locked with must be repeated.
                mount_remount(root, flags | MountFlags::NOSUID | MountFlags::NODEV, "")
            })
            .context(|| format!("remount {} read-only", root.display()))?;
    }
    std::env::set_current_dir(root).context(|| format!("enter {}", root.display()))?;
    // Both names the same: the old root is stacked below and detached (pivot_root(2)).
    match rustix::process::pivot_root(".", ".") {
        Ok(()) => unmount(".", UnmountFlags::DETACH).context(|| "detach the old root".into())?,
        // The initial ramfs cannot be pivoted away from.
        Err(_) => {
            rustix::process::chroot(".")
                .context(|| format!("change root to {}", root.display()))?;
        }
    }
    std::env::set_current_dir(&spec.cwd)
        .context(|| format!("enter the working directory {} of the root", spec.cwd.display()))
}

/// `root/name`, made if it is missing; None where that is impossible or it is no directory.
pub(crate) fn mount_point(root: &Path, name: &str) -> Option<PathBuf> {
    let dir = root.join(name);
    let _ = fs::create_dir(&dir);
    fs::symlink_metadata(&dir).is_ok_and(|m| m.is_dir()).then_some(dir)
}

fn devices(dev: &Path) -> Result<()> {
    mount("tmpfs", dev, "tmpfs", MountFlags::NOSUID, Some(c"mode=755"))
        .context(|| format!("mount tmpfs at {}", dev.display()))?;
    for name in NODES {
        let node = dev.join(name);
        if fs::write(&node, "").is_ok() {
            let _ = mount_bind(Path::new("/dev").join(name), &node);
        }
    }
    for name in ["pts", "shm"] {
        fs::create_dir(dev.join(name)).context(|| format!("make {}", dev.join(name).display()))?;
    }
    let options = MountFlags::NOSUID | MountFlags::NOEXEC;
    let _ = mount(
        "devpts",
        dev.join("pts"),
        "devpts",
        options,
        Some(c"newinstance,ptmxmode=0666,mode=620"),
    );
    let options = MountFlags::NOSUID | MountFlags::NODEV;
    let _ = mount("tmpfs", dev.join("shm"), "tmpfs", options, Some(c"mode=1777"));
    let links = [
        ("pts/ptmx", "ptmx"),
        ("/proc/self/fd", "fd"),
        ("fd/0", "stdin"),
        ("fd/1", "stdout"),
        ("fd/2", "stderr"),
    ];
    for (to, name) in links {
        let _ = std::os::unix::fs::symlink(to, dev.join(name));
    }
    Ok(())
}

fn bind(root: &Path, host: &Path, inside: &Path, read_only: bool) -> Result<()> {
    let at = root.join(inside.strip_prefix("/").unwrap_or(inside));
    let describe = || format!("bind {} at {}", host.display(), inside.display());
    if host.is_dir() {
        fs::create_dir_all(&at).context(describe)?;
    } else if !at.exists() {
        if let Some(parent) = at.parent() {
            fs::create_dir_all(parent).context(describe)?;
        }
        fs::write(&at, "").context(describe)?;
    }
    mount_bind_recursive(host, &at).context(describe)?;
    if read_only {
        mount_remount(&at, MountFlags::BIND | MountFlags::RDONLY, "").context(describe)?;
    }
    Ok(())
}
