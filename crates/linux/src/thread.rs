//! New threads and processes.
//!
//! A guest thread is a thread of the host. A process with its own memory is a fork. A process that
//! shares memory with its parent really shares it, and has a `Cpu` of its own: with `CLONE_VFORK`
//! it runs in the thread-local storage of the parent's thread, which waits, otherwise on a block as
//! threads have ([`sys::thread`]).
//!
//! From the first instruction on, signals of the new thread or process are recorded in its own `Cpu`:
//! either because that is current from the start ([`Cpu::starter`]), or because all signals are
//! blocked until it is, also those that the host otherwise never blocks.

use crate::calls;
use crate::proc::PUBLISHED;
use crate::signal::{AltStack, TaskSignals};
use crate::task::Task;
use crate::{family, ptrace, seccomp, signal};
use engine::{Cpu, signals as host};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use sys::map::Mapping;
use sys::process::CloneArgs;
use sys::thread::Started;
use sys::{Errno, raw};

/// How the host thread of a task was made and whether it has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TaskThread {
    /// Its end is to return from [`Task::run`], instead of ending the host's thread there.
    pub returns: bool,
    /// It ends in the C library, which gets its thread back: one of very many.
    pub by_library: bool,
    /// It runs a program that was executed under a tracer, from its start.
    pub executed: bool,
    /// It is to end, with this code.
    pub ended: Option<i32>,
    /// It is a process, or a thread of one, in the memory of its parent.
    pub borrowed: bool,
    /// Such a one that has changed its rights: what it executes is not of our family.
    pub estranged: bool,
}

/// `CLONE_*` as in the calls' arguments.
mod flag {
    pub(super) const VM: u64 = libc::CLONE_VM as u64;
    pub(super) const SIGHAND: u64 = libc::CLONE_SIGHAND as u64;
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

/// Stack of a process that shares memory with its parent, which waits.
const STACK: usize = 512 << 10;

/// `clone3(2)`; `request.stack` is the new stack pointer, or 0 for the same.
///
/// # Errors
/// As the call.
pub(crate) fn clone(task: &mut Task, request: &CloneArgs) -> Result<u64, Errno> {
    let flags = request.flags;
    // kernel/fork.c copy_process: what must not be taken for something else here. All other rules
    // are the host's to check.
    let has = |wanted: u64| flags & wanted != 0;
    if has(flag::THREAD) && !has(flag::SIGHAND)
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
    state.int[abi.regs.result as usize] = 0;
    if request.stack != 0 {
        state.int[abi.regs.sp as usize] = request.stack;
    }
    if request.flags & flag::SETTLS != 0 {
        state.int[abi.regs.tp as usize] = request.tls;
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
        held: RefCell::default(),
        shown: Cell::new(0),
        last_fault: (0, 0),
        own_actions,
    };
    Ok(Task {
        cpu,
        process: task.process,
        tid: 0,
        call_len: task.call_len,
        restart: calls::Restart::default(),
        clear_child_tid: 0,
        robust_list: (0, 0),
        signals,
        exec: None,
        trace: task
            .trace
            .as_ref()
            .and_then(|traced| traced.inherit(request.flags, request.exit_signal)),
        seccomp: task.seccomp.inherit(),
        takes_tags: task.takes_tags,
        user_dispatch: None,
        thread: TaskThread {
            borrowed: task.thread.borrowed || request.flags & flag::THREAD == 0,
            estranged: task.thread.estranged,
            ..TaskThread::default()
        },
    })
}

fn thread(task: &mut Task, request: &CloneArgs) -> Result<u64, Errno> {
    let mut child = child_task(task, request)?;
    child.thread.returns = true;
    let args = host_args(request);
    let request = *request;
    let starter = child.cpu.starter();
    let body = move |started| {
        let mut child = child;
        begin(&mut child);
        if let Started::ByLibrary(ready) = started {
            child.thread.by_library = !ready.is_kept();
            set_ids(&mut child, &request);
            ready.ready(child.tid);
        }
        child.seccomp.started(child.tid);
        child.apply_mask();
        ptrace::started(&mut child);
        child.run();
        end(child)
    };
    sys::thread::start(&args, starter, Box::new(body)).map(|tid| tid as u64)
}

/// Makes the calling thread the one of `child`.
fn begin(child: &mut Task) {
    child.cpu.make_current();
    child.tid = child.cpu.tid();
}

/// What the kernel would have done for a thread that it did not make with the guest's arguments.
fn set_ids(child: &mut Task, request: &CloneArgs) {
    let CloneArgs { flags, child_tid, parent_tid, .. } = *request;
    let clear = if flags & flag::CHILD_CLEARTID != 0 { child_tid } else { 0 };
    if child.thread.by_library {
        child.clear_child_tid = clear;
    } else {
        let _ = raw::call(libc::SYS_set_tid_address, [clear]);
    }
    if flags & flag::PARENT_SETTID != 0 {
        let _ = memory::write_u32(parent_tid, child.tid as u32);
    }
    if flags & flag::CHILD_SETTID != 0 {
        let _ = memory::write_u32(child_tid, child.tid as u32);
    }
}

/// Gives up what a task has whose thread ends; gives its exit code. No signal may find the thread
/// from here on.
fn end(mut task: Task) -> i32 {
    raw::sigmask(u64::MAX);
    signal::leave_to_others(&mut task);
    PUBLISHED.set_thread(task.tid, 0);
    ptrace::ended(&mut task);
    if task.thread.by_library {
        calls::end_of_thread(&mut task);
    }
    let Task { cpu, thread, .. } = task;
    cpu.retire();
    thread.ended.unwrap_or(0)
}

/// What is left to the host's kernel of the guest's arguments.
fn host_args(request: &CloneArgs) -> CloneArgs {
    CloneArgs { flags: request.flags & !flag::SETTLS, stack: 0, stack_size: 0, tls: 0, ..*request }
}

/// What a child that shares memory does.
fn run_child(child: &mut Task, clear_handlers: bool) {
    begin(child);
    if clear_handlers {
        child.actions().clear_handlers();
    }
    child.apply_mask();
    ptrace::started(child);
    child.run();
}

fn sharing(task: &mut Task, request: &CloneArgs) -> Result<u64, Errno> {
    let mut child = child_task(task, request)?;
    let clear = request.flags & flag::CLEAR_SIGHAND != 0;
    let mut args = host_args(request);
    args.flags &= !flag::CLEAR_SIGHAND;
    if request.flags & flag::VFORK == 0 {
        child.thread.returns = true;
        let starter = child.cpu.starter();
        let body = move || {
            let mut child = child;
            run_child(&mut child, clear);
            sys::process::exit_thread(end(child))
        };
        return sys::thread::start_process(&args, starter, Box::new(body)).map(|pid| pid as u64);
    }
    let stack = Mapping::anonymous(STACK, libc::PROT_READ | libc::PROT_WRITE)?;
    host::block_all();
    let result = sys::process::vfork(&args, &stack, || run_child(&mut child, clear));
    task.cpu.make_current();
    task.apply_mask();
    if let Ok(pid) = result {
        PUBLISHED.set_thread(pid, 0);
    }
    result.map(|pid| pid as u64)
}

fn fork(task: &mut Task, request: &CloneArgs) -> Result<u64, Errno> {
    const TIDS: u64 = flag::PARENT_SETTID | flag::CHILD_CLEARTID | flag::CHILD_SETTID;
    let CloneArgs { flags, child_tid, parent_tid, .. } = *request;
    let mut args = host_args(request);
    args.flags &= !(flag::CLEAR_SIGHAND | TIDS);
    (args.child_tid, args.parent_tid) = (0, 0);
    // What is recorded in the child before this is undone was sent to the parent.
    host::block_all();
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
    if result == Ok(0) {
        child_of_fork(task, request);
    }
    task.apply_mask();
    match result {
        Ok(0) => {
            if flags & flag::CHILD_SETTID != 0 {
                let _ = memory::write_u32(child_tid, task.tid as u32);
            }
            ptrace::started(task);
        }
        Ok(pid) if flags & flag::PARENT_SETTID != 0 => {
            let _ = memory::write_u32(parent_tid, pid as u32);
        }
        _ => {}
    }
    result.map(|pid| pid as u64)
}

/// Makes `task` the only one of a new process.
fn child_of_fork(task: &mut Task, request: &CloneArgs) {
    task.tid = task.cpu.tid();
    task.seccomp.started(task.tid);
    signal::forget_pending(task);
    PUBLISHED.forget_threads();
    task.signals.shown.set(0);
    task.user_dispatch = None;
    (task.clear_child_tid, task.robust_list) = (0, (0, 0));
    // The memory is a copy, and its own.
    task.process.mm.forked();
    let estranged = core::mem::take(&mut task.thread).estranged;
    if estranged {
        family::leave(task);
    }
    ptrace::forget();
    task.trace =
        task.trace.take().and_then(|traced| traced.inherit(request.flags, request.exit_signal));
    // The C library has set an address of its own.
    let clear = if request.flags & flag::CHILD_CLEARTID != 0 { request.child_tid } else { 0 };
    let _ = raw::call(libc::SYS_set_tid_address, [clear]);
    if request.flags & flag::CLEAR_SIGHAND != 0 {
        task.actions().clear_handlers();
    }
    let abi = task.process.abi;
    child_registers(&mut task.cpu, abi, request);
}
