//! The mounts inside the new root. The root is not trusted: everything in it is reached through
//! [`Root`], and mounted on by descriptor, so that none of its links leads a mount, a directory or a
//! file to the machine.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use binfmt::namespace::{make_private, make_read_only};
use binfmt::root::{Make, Root, through};
use rustix::fs::{Mode, OFlags, fstat, mkdirat, openat, stat, symlinkat};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, unmount};

use crate::{Bind, Context as _, Error, Result, Spec};

/// Device nodes that every program expects; bound from the host, as a user namespace makes none.
const NODES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Prepares `spec.root`: a mount of its own with /proc, /sys, /dev and the binds. The root itself
/// stays writable until [`enter`].
///
/// # Errors
/// When a mount that a program cannot do without is refused.
pub(crate) fn prepare(spec: &Spec) -> Result<Root> {
    make_private("/".as_ref()).context(|| "make mounts private".into())?;
    let path = &spec.root;
    mount_bind_recursive(path, path).context(|| format!("bind {}", path.display()))?;
    // From here on it is the mount that was just made.
    let root = Root::open(path).context(|| format!("open {}", path.display()))?;
    if let Some(dev) = mount_on_top(&root, "dev", |at| {
        mount("tmpfs", at, "tmpfs", MountFlags::NOSUID, Some(c"mode=755"))
    })? {
        devices(&dev)?;
    }
    // What is missing is made before /proc and /sys are there, which are the machine's, and nothing is made
    // where a link of the root leads into them. What the user wants inside of them comes later.
    let (later, now): (Vec<_>, Vec<_>) = spec.binds.iter().partition(|b| is_of_kernel(&b.1));
    for bound in &now {
        bind(&root, bound, true)?;
    }
    let found = |bound: &&Bind| root.find(&bound.1).ok().and_then(|f| identity(&f).ok());
    let before: Vec<_> = now.iter().map(found).collect();
    mount_on_top(&root, "proc", |at| {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        // Where parts of /proc are masked (inside most containers) a fresh one is refused.
        mount("proc", at, "proc", flags, None).or_else(|_| mount_bind_recursive("/proc", at))
    })?;
    mount_on_top(&root, "sys", |at| mount_bind_recursive("/sys", at).or(Ok(())))?;
    if let Some((hidden, _)) = now.iter().zip(before).find(|(bound, was)| found(bound) != *was) {
        return Err(leads_into_kernel(&root, &hidden.1));
    }
    for bound in later {
        bind(&root, bound, false)?;
    }
    Ok(root)
}

/// Makes the prepared root the root, read-only if asked for.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn enter(spec: &Spec, root: &Root) -> Result<()> {
    let shown = spec.root.display();
    // Found before the root is entered: a link to an open directory of ours would lead out again.
    let cwd = root.find(&spec.cwd);
    if spec.read_only {
        make_read_only(root.dir(), false).context(|| format!("remount {shown} read-only"))?;
    }
    rustix::process::fchdir(root.dir()).context(|| format!("enter {shown}"))?;
    // Both names the same: the old root is stacked below and detached (pivot_root(2)).
    match rustix::process::pivot_root(".", ".") {
        Ok(()) => unmount(".", UnmountFlags::DETACH).context(|| "detach the old root".into())?,
        // The initial ramfs cannot be pivoted away from.
        Err(_) => {
            rustix::process::chroot(".").context(|| format!("change root to {shown}"))?;
        }
    }
    cwd.and_then(|dir| Ok(rustix::process::fchdir(dir)?))
        .context(|| format!("enter the working directory {} of the root", spec.cwd.display()))
}

/// Where file systems of the kernel's are, in which nothing can be made.
const OF_KERNEL: [&str; 2] = ["proc", "sys"];

fn is_of_kernel(path: &Path) -> bool {
    OF_KERNEL.iter().any(|name| path.starts_with(Path::new("/").join(name)))
}

fn leads_into_kernel(root: &Root, path: &Path) -> Error {
    let (path, at) = (path.display(), root.path().display());
    Error::Root(format!("{path} leads into /proc or /sys, by a link in {at}"))
}

/// Mounts something on the directory `name` of the root with `how`, and opens what is mounted; None
/// where there is no such directory.
fn mount_on_top(
    root: &Root,
    name: &str,
    how: impl FnOnce(&Path) -> rustix::io::Result<()>,
) -> Result<Option<OwnedFd>> {
    let Some(dir) = root.make_top_directory(name) else { return Ok(None) };
    how(&through(dir.as_fd())).context(|| format!("mount /{name} in the root"))?;
    Ok(root.top_directory(name))
}

fn devices(dev: &OwnedFd) -> Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    for name in NODES {
        let made = openat(dev, name, new, Mode::from_raw_mode(0o644));
        if let Ok(node) = made.and_then(|_| openat(dev, name, flags, Mode::empty())) {
            let _ = mount_bind(Path::new("/dev").join(name), through(node.as_fd()));
        }
    }
    let directory = |name: &str| {
        mkdirat(dev, name, Mode::from_raw_mode(0o755))
            .and_then(|()| openat(dev, name, flags, Mode::empty()))
            .context(|| format!("make /dev/{name} in the root"))
    };
    let (pts, shm) = (directory("pts")?, directory("shm")?);
    let options = MountFlags::NOSUID | MountFlags::NOEXEC;
    let data = c"newinstance,ptmxmode=0666,mode=620";
    let _ = mount("devpts", through(pts.as_fd()), "devpts", options, Some(data));
    let options = MountFlags::NOSUID | MountFlags::NODEV;
    let _ = mount("tmpfs", through(shm.as_fd()), "tmpfs", options, Some(c"mode=1777"));
    let links = [
        ("pts/ptmx", "ptmx"),
        ("/proc/self/fd", "fd"),
        ("fd/0", "stdin"),
        ("fd/1", "stdout"),
        ("fd/2", "stderr"),
    ];
    for (to, name) in links {
        let _ = symlinkat(to, dev, name);
    }
    Ok(())
}

/// Mounts a file or directory of the host inside of the root, where `create` makes what is missing.
fn bind(root: &Root, (host, inside, ro): &Bind, create: bool) -> Result<()> {
    let describe = || format!("bind {} at {}", host.display(), inside.display());
    let what = if host.is_dir() { Make::Directory } else { Make::File };
    let at = if create { root.make(inside, what, &OF_KERNEL) } else { root.find(inside) };
    if at.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::CrossesDevices) {
        return Err(leads_into_kernel(root, inside));
    }
    let at = at.context(describe)?;
    mount_bind_recursive(host, through(at.as_fd())).context(describe)?;
    if *ro {
        // `at` is what the mount hides: the mount itself is found by the same path.
        let mounted = root.find(inside).context(describe)?;
        let source = stat(host).context(describe)?;
        if identity(&mounted).context(describe)? != (source.st_dev, source.st_ino) {
            return Err(Error::Root(format!("{} was changed meanwhile", inside.display())));
        }
        make_read_only(mounted.as_fd(), true).context(describe)?;
    }
    Ok(())
}

/// Device and inode of an open file.
fn identity(file: &OwnedFd) -> rustix::io::Result<(u64, u64)> {
    fstat(file).map(|s| (s.st_dev, s.st_ino))
}
