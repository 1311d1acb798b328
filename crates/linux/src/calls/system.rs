//! The system: its name, its mounts and namespaces.

use super::path::{Path, follow_exe};
use super::{Args, Result};
use crate::family;
use crate::task::Task;
use sys::raw;

/// For paths that are not relative to a directory's descriptor.
const HERE: u64 = libc::AT_FDCWD as u64;
/// Length of a field of `struct utsname`.
const FIELD: usize = 65;
const RELEASE: usize = 2;
const MACHINE: usize = 4;
/// `PER_LINUX32`: the name is that of the architecture's 32-bit form.
const PER_LINUX32: u64 = 8;

/// `getcpu(2)`: the host tells it without a call.
pub(super) fn getcpu(_: &mut Task, args: Args) -> Result {
    for (at, number) in args.into_iter().zip(sys::clock::cpu_and_node()) {
        if at != 0 {
            ::memory::write_u32(at, number)?;
        }
    }
    Ok(0)
}

/// `uname(2)`.
pub(super) fn uname(task: &mut Task, args: Args) -> Result {
    let mut names = [0_u8; 6 * FIELD];
    raw::call(libc::SYS_uname, [names.as_mut_ptr() as u64])?;
    let mut set = |field: usize, text: &[u8]| {
        let to = &mut names[field * FIELD..][..FIELD];
        let len = text.len().min(FIELD - 1);
        to.fill(0);
        to[..len].copy_from_slice(&text[..len]);
    };
    let personality = raw::call(libc::SYS_personality, [0xffff_ffff]).unwrap_or(0);
    let short = personality & 0xff == PER_LINUX32;
    let abi = task.process.abi;
    set(MACHINE, if short { abi.machine32 } else { abi.machine }.as_bytes());
    if let Some(release) = &task.process.options.uname {
        set(RELEASE, release);
    }
    ::memory::write(args[0], &names)?;
    Ok(0)
}

/// A call after which /proc may be another one: our own binary must be open by then.
fn pinned(task: &mut Task, nr: i64, args: Args) -> Result {
    task.process.pin_own_binary();
    family::before_call(task, nr);
    task.call(nr, args)
}

/// `chroot(2)`.
pub(super) fn chroot(task: &mut Task, args: Args) -> Result {
    pinned(task, libc::SYS_chroot, args)
}

/// `pivot_root(2)`.
pub(super) fn pivot_root(task: &mut Task, args: Args) -> Result {
    pinned(task, libc::SYS_pivot_root, args)
}

/// `mount(2)`.
pub(super) fn mount(task: &mut Task, args: Args) -> Result {
    let [source, target, kind, flags, data, _] = args;
    let [source, target] = [source, target].map(|path| follow_exe(task, HERE, path));
    pinned(task, libc::SYS_mount, [source.at(), target.at(), kind, flags, data, 0])
}

/// `move_mount(2)`.
pub(super) fn move_mount(task: &mut Task, args: Args) -> Result {
    const F_SYMLINKS: u64 = 1;
    const T_SYMLINKS: u64 = 0x10;
    let [from_dir, from, to_dir, to, flags, _] = args;
    let path = |dirfd, path, follow: u64| {
        if flags & follow != 0 { follow_exe(task, dirfd, path) } else { Path::Guest(path) }
    };
    let (from, to) = (path(from_dir, from, F_SYMLINKS), path(to_dir, to, T_SYMLINKS));
    pinned(task, libc::SYS_move_mount, [from_dir, from.at(), to_dir, to.at(), flags, 0])
}

/// `umount2(2)`.
pub(super) fn umount2(task: &mut Task, args: Args) -> Result {
    let [path, flags, ..] = args;
    let follow = flags & libc::UMOUNT_NOFOLLOW as u64 == 0;
    let path = if follow { follow_exe(task, HERE, path) } else { Path::Guest(path) };
    pinned(task, libc::SYS_umount2, [path.at(), flags, 0, 0, 0, 0])
}

/// `setns(2)`.
pub(super) fn setns(task: &mut Task, args: Args) -> Result {
    pinned(task, libc::SYS_setns, args)
}

/// `unshare(2)`.
pub(super) fn unshare(task: &mut Task, args: Args) -> Result {
    const NEW: u64 = (libc::CLONE_NEWNS | libc::CLONE_NEWUSER | libc::CLONE_NEWPID) as u64;
    if args[0] & NEW != 0 {
        task.process.pin_own_binary();
    }
    family::before_call(task, libc::SYS_unshare);
    task.call(libc::SYS_unshare, args)
}
