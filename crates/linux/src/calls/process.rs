//! Processes and threads: their start, their end, their limits.

use super::{Args, Result};
use crate::task::Task;
use crate::{layout, limits, thread};
use sys::Errno;
use sys::process::CloneArgs;

/// `exit(2)`: ends this thread.
pub(super) fn exit(task: &mut Task, args: Args) -> Result {
    task.seccomp.ended();
    if !task.thread.returns {
        sys::process::exit_thread(args[0] as i32);
    }
    task.thread.ended = Some(args[0] as i32);
    Ok(0)
}

/// `ptrace(2)`.
pub(super) fn ptrace(task: &mut Task, args: Args) -> Result {
    crate::ptrace::ptrace(task, args)
}

/// `wait4(2)`.
pub(super) fn wait4(task: &mut Task, args: Args) -> Result {
    let result = crate::ptrace::wait4(task, args);
    engine::signals::after_child();
    result
}

/// `waitid(2)`.
pub(super) fn waitid(task: &mut Task, args: Args) -> Result {
    crate::ptrace::waitid(task, args)
}

/// `exit_group(2)`.
pub(super) fn exit_group(task: &mut Task, args: Args) -> Result {
    task.process.engine.report();
    sys::process::exit_group(args[0] as i32)
}

/// `set_tid_address(2)`.
pub(super) fn set_tid_address(task: &mut Task, args: Args) -> Result {
    if !task.thread.by_library {
        return task.call(libc::SYS_set_tid_address, args);
    }
    task.clear_child_tid = args[0];
    Ok(task.tid as u64)
}

/// `set_robust_list(2)`. The host's kernel has the list in any case, for a thread that is killed.
pub(super) fn set_robust_list(task: &mut Task, args: Args) -> Result {
    let result = task.call(libc::SYS_set_robust_list, args)?;
    task.robust_list = (args[0], args[1]);
    Ok(result)
}

/// `clone(2)`.
pub(super) fn clone(task: &mut Task, args: Args) -> Result {
    const CSIGNAL: u64 = 0xff;
    const CLONE_DETACHED: u64 = 0x0040_0000;
    let [flags, stack, parent_tid, tls, child_tid] = task.process.abi.clone_args.map(|n| args[n]);
    let flags = flags & 0xffff_ffff;
    let pidfd = flags & libc::CLONE_PIDFD as u64 != 0;
    if pidfd && flags & (CLONE_DETACHED | libc::CLONE_PARENT_SETTID as u64) != 0 {
        return Err(Errno::EINVAL);
    }
    // Threads and siblings have no exit signal of their own: any is accepted, and forgotten. So are
    // numbers that are no signal.
    let silent = flags & (libc::CLONE_THREAD | libc::CLONE_PARENT) as u64 != 0;
    let exit_signal = flags & CSIGNAL;
    let request = CloneArgs {
        flags: flags & !(CSIGNAL | CLONE_DETACHED),
        pidfd: if pidfd { parent_tid } else { 0 },
        child_tid,
        parent_tid: if pidfd { 0 } else { parent_tid },
        exit_signal: if silent || exit_signal > 64 { 0 } else { exit_signal },
        stack,
        tls,
        ..CloneArgs::default()
    };
    thread::clone(task, &request)
}

/// `clone3(2)`.
pub(super) fn clone3(task: &mut Task, args: Args) -> Result {
    /// Sizes of the first and of the present version.
    const FIRST: u64 = 64;
    const PRESENT: usize = 88;
    let [at, size, ..] = args;
    if size < FIRST {
        return Err(Errno::EINVAL);
    }
    if size > 4096 {
        return Err(Errno::E2BIG);
    }
    let mut bytes = ::memory::read_vec(at, size as usize)?;
    if bytes.iter().skip(PRESENT).any(|&byte| byte != 0) {
        return Err(Errno::E2BIG);
    }
    bytes.resize(PRESENT, 0);
    let given: layout::CloneArgs = layout::from_bytes(task.process.abi.model, &bytes);
    let layout::CloneArgs { flags, stack, stack_size, exit_signal, set_tid, set_tid_size, .. } =
        given;
    // kernel/fork.c clone3_args_valid.
    let known = 0xffff_ff00 & !(libc::CLONE_DETACHED as u64) | 0x3_0000_0000;
    let stack_wrong = (stack == 0) != (stack_size == 0);
    let silent = (libc::CLONE_THREAD | libc::CLONE_PARENT) as u64;
    if flags & !known & !0x80 != 0
        || stack_wrong
        || exit_signal > 64
        || flags & silent != 0 && exit_signal != 0
        || (set_tid == 0) != (set_tid_size == 0)
    {
        return Err(Errno::EINVAL);
    }
    let request = CloneArgs {
        flags,
        pidfd: given.pidfd,
        child_tid: given.child_tid,
        parent_tid: given.parent_tid,
        exit_signal,
        stack: stack + stack_size,
        stack_size: 0,
        tls: given.tls,
        set_tid,
        set_tid_size,
        cgroup: given.cgroup,
    };
    thread::clone(task, &request)
}

/// `prlimit64(2)`.
pub(super) fn prlimit64(task: &mut Task, args: Args) -> Result {
    limits::prlimit64(task, args)
}

/// `getrlimit(2)`.
pub(super) fn getrlimit(task: &mut Task, args: Args) -> Result {
    prlimit64(task, [0, args[0], 0, args[1], 0, 0])
}

/// `setrlimit(2)`.
pub(super) fn setrlimit(task: &mut Task, args: Args) -> Result {
    prlimit64(task, [0, args[0], args[1], 0, 0, 0])
}
