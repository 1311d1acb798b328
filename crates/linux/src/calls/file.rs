//! Files and descriptors.

use super::path::{self, resolve};
use super::{Args, Result};
use crate::task::Task;
use crate::{proc, ptrace};
use std::os::fd::IntoRawFd;
use sys::{Errno, raw};

/// What remains to be done with the descriptor of `path`, opened with the host's `flags`.
fn opened(task: &Task, fd: u64, [dirfd, path]: [u64; 2], flags: u64) -> Result {
    let stat = raw::fstat(fd as i32)?;
    if follows(flags)
        && task.process.is_own_file(&stat)
        && let Ok(path) = path::read(path)
        && let Some(link) = proc::redirect_exe_links(task.process, dirfd as i32, &path)
    {
        // A symbolic link to `/proc/PID/exe` led to our own binary.
        raw::close(fd as i32)?;
        let program = raw::openat(dirfd as i32, &link, flags as i32, 0)?;
        return Ok(program.into_raw_fd() as u64);
    }
    proc::after_open(task.process, fd as i32, flags as i32, &stat);
    Ok(fd)
}

fn follows(flags: u64) -> bool {
    flags & libc::O_NOFOLLOW as u64 == 0
}

/// Whether the name at `path` looks like that of /proc/PID/mem.
fn is_memory(path: u64) -> bool {
    let name = ::memory::read_cstr(path, libc::PATH_MAX as usize).ok().flatten();
    name.is_some_and(|name| name.ends_with(b"mem"))
}

/// `openat(2)`.
pub(super) fn openat(task: &mut Task, args: Args) -> Result {
    let [dirfd, path, flags, mode, ..] = args;
    let flags = task.process.abi.open_flags.to_host(flags & 0xffff_ffff);
    if flags & libc::O_ACCMODE as u64 != libc::O_RDONLY as u64 && is_memory(path) {
        ptrace::memory_opened();
    }
    let path = resolve(task, dirfd, path, follows(flags));
    path.may_open(dirfd, flags)?;
    let fd = task.call(libc::SYS_openat, [dirfd, path.at(), flags, mode, 0, 0])?;
    opened(task, fd, [dirfd, args[1]], flags)
}

/// `openat2(2)`.
pub(super) fn openat2(task: &mut Task, args: Args) -> Result {
    let [dirfd, path, how, size, ..] = args;
    // A size beyond a page is E2BIG, one below the first version EINVAL: the kernel says so.
    if !(24..=4096).contains(&size) {
        return task.call(libc::SYS_openat2, args);
    }
    let mut how = ::memory::read_vec(how, size as usize)?;
    let mut flags = [0; 8];
    flags.copy_from_slice(&how[..8]);
    let flags = task.process.abi.open_flags.to_host(u64::from_le_bytes(flags));
    how[..8].copy_from_slice(&flags.to_le_bytes());
    let path = resolve(task, dirfd, path, follows(flags));
    path.may_open(dirfd, flags)?;
    let call = [dirfd, path.at(), how.as_ptr() as u64, size, 0, 0];
    let fd = task.call(libc::SYS_openat2, call)?;
    opened(task, fd, [dirfd, args[1]], flags)
}

/// `open_by_handle_at(2)`.
pub(super) fn open_by_handle_at(task: &mut Task, args: Args) -> Result {
    let [mount, handle, flags, ..] = args;
    let flags = task.process.abi.open_flags.to_host(flags);
    task.call(libc::SYS_open_by_handle_at, [mount, handle, flags, 0, 0, 0])
}

/// `mq_open(2)`.
pub(super) fn mq_open(task: &mut Task, args: Args) -> Result {
    let [name, flags, mode, attr, ..] = args;
    let flags = task.process.abi.open_flags.to_host(flags);
    task.call(libc::SYS_mq_open, [name, flags, mode, attr, 0, 0])
}

/// `fanotify_init(2)`.
pub(super) fn fanotify_init(task: &mut Task, args: Args) -> Result {
    let [flags, event_flags, ..] = args;
    let event_flags = task.process.abi.open_flags.to_host(event_flags);
    task.call(libc::SYS_fanotify_init, [flags, event_flags, 0, 0, 0, 0])
}

/// `truncate(2)`.
pub(super) fn truncate(task: &mut Task, args: Args) -> Result {
    let path = path::follow_exe(task, libc::AT_FDCWD as u64, args[0]);
    path.may_open(libc::AT_FDCWD as u64, libc::O_WRONLY as u64)?;
    task.call(libc::SYS_truncate, [path.at(), args[1], 0, 0, 0, 0])
}

/// `pipe2(2)`.
pub(super) fn pipe2(task: &mut Task, args: Args) -> Result {
    let flags = task.process.abi.open_flags.to_host(args[1]);
    task.call(libc::SYS_pipe2, [args[0], flags, 0, 0, 0, 0])
}

/// `getdents64(2)`.
pub(super) fn getdents64(task: &mut Task, args: Args) -> Result {
    loop {
        let len = task.call(libc::SYS_getdents64, args)? as usize;
        if len == 0 {
            return Ok(0);
        }
        let Some(listed) = proc::listed(args[0] as i32) else {
            return Ok(len as u64);
        };
        let mut listing = ::memory::read_vec(args[1], len)?;
        let left = proc::hide(task.process, &listed, &mut listing);
        if left != len {
            ::memory::write(args[1], &listing[..left])?;
        }
        // Nothing at all would be the end.
        if left != 0 {
            return Ok(left as u64);
        }
    }
}

/// `close_range(2)`.
pub(super) fn close_range(task: &mut Task, args: Args) -> Result {
    let [first, last, flags, ..] = args.map(|arg| arg & 0xffff_ffff);
    if first > last {
        return Err(Errno::EINVAL);
    }
    let mut from = first;
    for own in task.process.own_fds().map(|fd| fd as u64) {
        if !(from..=last).contains(&own) {
            continue;
        }
        if own > from {
            task.call(libc::SYS_close_range, [from, own - 1, flags, 0, 0, 0])?;
        }
        from = own + 1;
    }
    if from > last {
        return Ok(0);
    }
    task.call(libc::SYS_close_range, [from, last, flags, 0, 0, 0])
}

/// `dup3(2)`.
pub(super) fn dup3(task: &mut Task, args: Args) -> Result {
    let process = task.process;
    // (In the memory of a parent whose descriptors are others nothing is moved.)
    if !task.thread.borrowed {
        process.make_way(args[1] as i32)?;
    }
    if process.is_own_fd(args[1] as i32) {
        return Err(Errno::EBADF);
    }
    let flags = task.process.abi.open_flags.to_host(args[2]);
    let new = task.call(libc::SYS_dup3, [args[0], args[1], flags, 0, 0, 0])?;
    process.views.duplicated(args[0] as i32, new as i32);
    Ok(new)
}

/// `dup(2)`.
pub(super) fn dup(task: &mut Task, args: Args) -> Result {
    let new = task.call(libc::SYS_dup, args)?;
    task.process.views.duplicated(args[0] as i32, new as i32);
    Ok(new)
}

/// `fcntl(2)`.
pub(super) fn fcntl(task: &mut Task, args: Args) -> Result {
    let flags = &task.process.abi.open_flags;
    match args[1] as i32 {
        libc::F_GETFL => task.call(libc::SYS_fcntl, args).map(|value| flags.from_host(value)),
        libc::F_SETFL => {
            task.call(libc::SYS_fcntl, [args[0], args[1], flags.to_host(args[2]), 0, 0, 0])
        }
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => {
            let new = task.call(libc::SYS_fcntl, args)?;
            task.process.views.duplicated(args[0] as i32, new as i32);
            Ok(new)
        }
        _ => task.call(libc::SYS_fcntl, args),
    }
}

/// `readlinkat(2)`. `/proc/self/exe` names the guest's program.
pub(super) fn readlinkat(task: &mut Task, args: Args) -> Result {
    let [dirfd, at, out, size, ..] = args;
    if size as i32 <= 0 {
        return Err(Errno::EINVAL);
    }
    let text = path::read(at)?;
    if (text.ends_with(b"exe") || text.is_empty())
        && let Some(link) = proc::readlink_exe(task.process, dirfd as i32, &text)
    {
        let len = link.len().min(size as i32 as usize);
        ::memory::write(out, &link[..len])?;
        return Ok(len as u64);
    }
    let path = resolve(task, dirfd, at, false);
    task.call(libc::SYS_readlinkat, [dirfd, path.at(), out, size, 0, 0])
}

/// `faccessat(2)`.
pub(super) fn faccessat(task: &mut Task, args: Args) -> Result {
    let path = resolve(task, args[0], args[1], true);
    task.call(libc::SYS_faccessat, [args[0], path.at(), args[2], 0, 0, 0])
}

/// `faccessat2(2)`.
pub(super) fn faccessat2(task: &mut Task, args: Args) -> Result {
    let follow = args[3] & libc::AT_SYMLINK_NOFOLLOW as u64 == 0;
    let path = resolve(task, args[0], args[1], follow);
    task.call(libc::SYS_faccessat2, [args[0], path.at(), args[2], args[3], 0, 0])
}
