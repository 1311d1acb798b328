//! Mappings: the work is done by [`crate::mm`].

use super::{Args, Result, io_uring};
use crate::mm::MapRequest;
use crate::task::Task;
use sys::Errno;

/// `brk(2)`.
pub(super) fn brk(task: &mut Task, args: Args) -> Result {
    Ok(task.process.mm.brk(args[0]))
}

/// `mmap(2)`.
pub(super) fn mmap(task: &mut Task, args: Args) -> Result {
    let [addr, len, prot, flags, fd, offset] = args;
    let request = MapRequest { addr, len, prot, flags, fd: fd as i32, offset };
    let at = task.process.mm.mmap(request)?;
    if flags & libc::MAP_ANONYMOUS as u64 == 0 && io_uring::in_use() {
        io_uring::mapped(fd as i32, offset, at);
    }
    Ok(at)
}

/// `munmap(2)`.
pub(super) fn munmap(task: &mut Task, args: Args) -> Result {
    task.process.mm.munmap(args[0], args[1]).map(|()| 0)
}

/// `mremap(2)`.
pub(super) fn mremap(task: &mut Task, args: Args) -> Result {
    let [old, old_len, new_len, flags, new, _] = args;
    task.process.mm.mremap(old, old_len, new_len, flags, new)
}

/// `mprotect(2)`.
pub(super) fn mprotect(task: &mut Task, args: Args) -> Result {
    task.process.mm.mprotect(args[0], args[1], args[2], -1).map(|()| 0)
}

/// `pkey_mprotect(2)`: there are no keys, so only -1 is one.
pub(super) fn pkey_mprotect(task: &mut Task, args: Args) -> Result {
    if args[3] as i32 != -1 {
        return Err(Errno::EINVAL);
    }
    mprotect(task, args)
}

/// `madvise(2)`.
pub(super) fn madvise(task: &mut Task, args: Args) -> Result {
    task.process.mm.madvise(args[0], args[1], args[2] as i32).map(|()| 0)
}

/// `msync(2)`.
pub(super) fn msync(task: &mut Task, args: Args) -> Result {
    task.process.mm.on_mapped(libc::SYS_msync, [args[0], args[1], args[2]])
}

/// `mincore(2)`.
pub(super) fn mincore(task: &mut Task, args: Args) -> Result {
    task.process.mm.on_mapped(libc::SYS_mincore, [args[0], args[1], args[2]])
}

/// `mlock(2)`.
pub(super) fn mlock(task: &mut Task, args: Args) -> Result {
    task.process.mm.on_mapped(libc::SYS_mlock, [args[0], args[1], args[2]])
}

/// `mlock2(2)`.
pub(super) fn mlock2(task: &mut Task, args: Args) -> Result {
    task.process.mm.on_mapped(libc::SYS_mlock2, [args[0], args[1], args[2]])
}

/// `munlock(2)`.
pub(super) fn munlock(task: &mut Task, args: Args) -> Result {
    task.process.mm.on_mapped(libc::SYS_munlock, [args[0], args[1], args[2]])
}

/// `mlockall(2)`.
pub(super) fn mlockall(task: &mut Task, args: Args) -> Result {
    task.process.mm.mlockall(args[0] as i32).map(|()| 0)
}

/// `munlockall(2)`.
pub(super) fn munlockall(task: &mut Task, _args: Args) -> Result {
    task.process.mm.munlockall();
    Ok(0)
}

/// `mseal(2)`.
pub(super) fn mseal(task: &mut Task, args: Args) -> Result {
    task.process.mm.on_mapped(libc::SYS_mseal, [args[0], args[1], args[2]])
}

/// `io_setup(2)`.
pub(super) fn io_setup(task: &mut Task, args: Args) -> Result {
    task.process.mm.io_setup(args[1], || task.call(libc::SYS_io_setup, args))
}

/// `io_destroy(2)`.
pub(super) fn io_destroy(task: &mut Task, args: Args) -> Result {
    task.process.mm.io_destroy(args[0], || task.call(libc::SYS_io_destroy, args))
}

/// `shmat(2)`.
pub(super) fn shmat(task: &mut Task, args: Args) -> Result {
    /// Words of `struct shmid64_ds`; which of them is the size.
    const WORDS: usize = 14;
    const SEGMENT_SIZE: usize = 6;
    let [id, addr, flags, ..] = args;
    let mut info = [0_u64; WORDS];
    let at = info.as_mut_ptr() as u64;
    task.call(libc::SYS_shmctl, [id, libc::IPC_STAT as u64, at, 0, 0, 0])?;
    task.process.mm.shmat(id as i32, addr, flags, info[SEGMENT_SIZE])
}

/// `shmdt(2)`.
pub(super) fn shmdt(task: &mut Task, args: Args) -> Result {
    task.process.mm.shmdt(args[0]).map(|()| 0)
}
