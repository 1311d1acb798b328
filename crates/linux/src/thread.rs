//! New threads and processes.
//!
//! A guest thread is a thread of the host's C library. A process with its own memory is a fork. A
//! process that shares memory with its parent really shares it: it runs on a stack of its own, with
//! its own `Cpu`; with `CLONE_VFORK` in the thread-local storage of the parent's thread, which
//! waits, otherwise in that of a thread made for this.

use crate::calls;
use crate::signal::{AltStack, TaskSignals};
use crate::task::Task;
use crate::{family, ptrace, seccomp};
use engine::{Cpu, signals as host};
use ir::state::SLOT_TP;
use std::sync::Arc;
use sys::map::Mapping;
use sys::process::CloneArgs;
use sys::{Errno, raw};

/// How the host thread of a task was made and whether it has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TaskThread {
    /// By the C library, which must get it back; otherwise it is the kernel's alone.
    pub by_library: bool,
    /// It runs a program that was executed under a tracer, from its start.
    pub executed: bool,
    /// It is to end.
    pub ended: bool,
    /// It is a process, or a thread of one, in the memory of its parent.
    pub borrowed: bool,
    /// Such a one that has changed its rights: what it executes is not of our family.
    pub estranged: bool,
}

/// `CLONE_*` as in the calls' arguments.
mod flag {
    pub(super) const VM: u64 = libc::CLONE_VM as u64;
    pub(super) const FS: u64 = libc::CLONE_FS as u64;
    pub(super) const FILES: u64 = libc::CLONE_FILES as u64;
    pub(super) const SIGHAND: u64 = libc::CLONE_SIGHAND as u64;
    pub(super) const PIDFD: u64 = libc::CLONE_PIDFD as u64;
    pub(super) const VFORK: u64 = libc::CLONE_VFORK as u64;
    pub(super) const THREAD: u64 = libc::CLONE_THREAD as u64;
    pub(super) const NEWNS: u64 = libc::CLONE_NEWNS as u64;
    pub(super) const NEWUSER: u64 = libc::CLONE_NEWUSER as u64;
    pub(super) const NEWPID: u64 = libc::CLONE_NEWPID as u64;
    pub(super) const SETTLS: u64 = libc::CLONE_SETTLS as u64;
    pub(super) const PARENT_SETTID: u64 = libc::CLONE_PARENT_SETTID as u64;
    pub(super) const CHILD_CLEARTID: u64 = libc::CLONE_CHILD_CLEARTID as u64;
    pub(super) const CHILD_SETTID: u64 = libc::CLONE_CHILD_SETTID as u64;
    pub(super) const CLEAR_SIGHAND: u64 = 1 << 32;
}

/// Stack of a process that shares memory.
const STACK: usize = 512 << 10;
const BLOCKED: u64 = u64::MAX;

/// `clone3(2)`; `request.stack` is the new stack pointer, or 0 for the same.
///
/// # Errors
/// As the call.
pub(crate) fn clone(task: &mut Task, request: &CloneArgs) -> Result<u64, Errno> {
    let flags = request.flags;
    // kernel/fork.c copy_process.
    let has = |wanted: u64| flags & wanted != 0;
    let alone = flag::NEWUSER | flag::NEWPID | flag::PIDFD | flag::NEWNS;
    if has(flag::THREAD) && (!has(flag::SIGHAND) || has(alone))
        || has(flag::SIGHAND) && (!has(flag::VM) || has(flag::CLEAR_SIGHAND))
    {
        return Err(Errno::EINVAL);
    }
    if flags & (flag::NEWNS | flag::NEWUSER | flag::NEWPID) != 0 {
        task.process.pin_own_binary();
    }
    const SEPARATE: u64 = 0x7e02_0080;
    if flags & (SEPARATE | flag::THREAD) == 0 {
        family::found(task);
    } else if flags & SEPARATE != 0 {
        // Namespaces of its own.
        family::leave(task);
    }
    if flags & flag::THREAD != 0 {
        thread(task, request)
    } else if flags & flag::VM != 0 {
        sharing(task, request)
    } else {
        fork(task, request)
    }
}

/// The registers that differ in the child.
fn child_registers(cpu: &mut Cpu, abi: &crate::abi::Abi, request: &CloneArgs) {
    let state = cpu.state_mut();
    state.int[abi.ret_slot as usize] = 0;
    if request.stack != 0 {
        state.int[abi.sp_slot as usize] = request.stack;
    }
    if request.flags & flag::SETTLS != 0 {
        state.int[SLOT_TP as usize] = request.tls;
    }
}

/// A task for the child, with registers and signals of its own.
fn child_task(task: &Task, request: &CloneArgs) -> Result<Task, Errno> {
    let mut cpu = task.cpu.clone_registers().map_err(|_| Errno::EAGAIN)?;
    child_registers(&mut cpu, task.process.abi, request);
    let alone = request.flags & (flag::VM | flag::VFORK) == flag::VM;
    let own_actions = if request.flags & flag::SIGHAND != 0 {
        task.signals.own_actions.clone()
    } else {
        Some(Arc::new(task.actions().copy()))
    };
    let signals = TaskSignals {
        mask: task.signals.mask,
        saved_mask: None,
        alt_stack: if alone { AltStack::NONE } else { task.signals.alt_stack },
        held: Vec::new(),
        last_fault: (0, 0),
        own_actions,
    };
    Ok(Task {
        cpu,
        process: task.process,
        tid: 0,
        clear_child_tid: 0,
        robust_list: (0, 0),
        signals,
        exec: None,
        trace: task.trace.as_ref().and_then(|traced| traced.inherit(request.flags)),
        seccomp: task.seccomp.inherit(),
        takes_tags: task.takes_tags,
        thread: TaskThread {
            borrowed: task.thread.borrowed || request.flags & flag::THREAD == 0,
            estranged: task.thread.estranged,
            ..TaskThread::default()
        },
    })
}

fn thread(task: &mut Task, request: &CloneArgs) -> Result<u64, Errno> {
    let mut child = child_task(task, request)?;
    child.thread.by_library = true;
    let CloneArgs { flags, child_tid, parent_tid, .. } = *request;
    if flags & flag::CHILD_CLEARTID != 0 {
        child.clear_child_tid = child_tid;
    }
    // The new thread starts with this mask: signals wait until it can take them.
    host::set_host_mask(BLOCKED);
    let result = sys::thread::spawn(move |ready| {
        let mut child = child;
        child.tid = raw::gettid();
        let separate = (flag::FS | flag::FILES) & !flags;
        if separate != 0 {
            let _ = raw::call(libc::SYS_unshare, [separate]);
        }
        if flags & flag::PARENT_SETTID != 0 {
            let _ = memory::write_u32(parent_tid, child.tid as u32);
        }
        if flags & flag::CHILD_SETTID != 0 {
            let _ = memory::write_u32(child_tid, child.tid as u32);
        }
        child.cpu.make_current();
        ready.ready(child.tid);
        host::set_host_mask(child.signals.mask);
        ptrace::started(&mut child);
        child.run();
    });
    host::set_host_mask(task.signals.mask);
    result.map(|tid| tid as u64)
}

/// What is left to the host's kernel of the guest's arguments.
fn host_args(request: &CloneArgs) -> CloneArgs {
    CloneArgs { flags: request.flags & !flag::SETTLS, stack: 0, stack_size: 0, tls: 0, ..*request }
}

/// What a child that shares memory does.
fn run_child(child: &mut Task, clear_handlers: bool) {
    child.tid = raw::gettid();
    child.cpu.make_current();
    if clear_handlers {
        child.actions().clear_handlers();
    }
    host::set_host_mask(child.signals.mask);
    ptrace::started(child);
    child.run();
    sys::process::exit_thread(0)
}

fn sharing(task: &mut Task, request: &CloneArgs) -> Result<u64, Errno> {
    let mut child = child_task(task, request)?;
    let clear = request.flags & flag::CLEAR_SIGHAND != 0;
    let mut args = host_args(request);
    args.flags &= !flag::CLEAR_SIGHAND;
    let stack = Mapping::anonymous(STACK, libc::PROT_READ | libc::PROT_WRITE)?;
    let result = if request.flags & flag::VFORK != 0 {
        host::set_host_mask(BLOCKED);
        let result = sys::process::vfork(&args, &stack, || run_child(&mut child, clear));
        task.cpu.make_current();
        result
    } else {
        let storage = sys::thread::spare_storage()?;
        host::set_host_mask(BLOCKED);
        sys::process::spawn_sharing(&args, stack, storage, move || run_child(&mut child, clear))
    };
    host::set_host_mask(task.signals.mask);
    result.map(|pid| pid as u64)
}

fn fork(task: &mut Task, request: &CloneArgs) -> Result<u64, Errno> {
    const TIDS: u64 = flag::PARENT_SETTID | flag::CHILD_CLEARTID | flag::CHILD_SETTID;
    let CloneArgs { flags, child_tid, parent_tid, .. } = *request;
    let mut args = host_args(request);
    args.flags &= !(flag::CLEAR_SIGHAND | TIDS);
    (args.child_tid, args.parent_tid) = (0, 0);
    host::set_host_mask(BLOCKED);
    let process = task.process;
    let result = {
        let _views = process.views.fork_guard();
        let _memory = process.mm.fork_guard();
        let _rings = calls::ring_fork_guard();
        let _tracees = ptrace::fork_guard();
        let _filters = seccomp::fork_guard();
        let _signals = task.actions().fork_guard();
        let mut engine = process.engine.fork_guard();
        let _executable = process.mm.exec_fork_guard();
        let result = sys::process::fork(&args);
        if result == Ok(0) {
            engine.child(&task.cpu);
        }
        result
    };
    match result {
        Ok(0) => {
            child_of_fork(task, request);
            if flags & flag::CHILD_SETTID != 0 {
                let _ = memory::write_u32(child_tid, task.tid as u32);
            }
        }
        Ok(pid) if flags & flag::PARENT_SETTID != 0 => {
            let _ = memory::write_u32(parent_tid, pid as u32);
        }
        _ => {}
    }
    host::set_host_mask(task.signals.mask);
    if result == Ok(0) {
        ptrace::started(task);
    }
    result.map(|pid| pid as u64)
}

/// Makes `task` the only one of a new process.
fn child_of_fork(task: &mut Task, request: &CloneArgs) {
    task.tid = raw::gettid();
    // The memory is a copy, and its own.
    task.process.mm.forked();
    let estranged = core::mem::take(&mut task.thread).estranged;
    if estranged {
        family::leave(task);
    }
    // What was recorded was the parent's.
    while task.cpu.take_signal().is_some() {}
    task.signals.held.clear();
    ptrace::forget();
    task.trace = task.trace.take().and_then(|traced| traced.inherit(request.flags));
    task.robust_list = (0, 0);
    let _ = raw::call(libc::SYS_set_robust_list, [0, 24]);
    task.clear_child_tid = 0;
    if request.flags & flag::CHILD_CLEARTID != 0 {
        task.clear_child_tid = request.child_tid;
    }
    let _ = raw::call(libc::SYS_set_tid_address, [task.clear_child_tid]);
    if request.flags & flag::CLEAR_SIGHAND != 0 {
        task.actions().clear_handlers();
    }
    let abi = task.process.abi;
    child_registers(&mut task.cpu, abi, request);
}
