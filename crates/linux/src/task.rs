//! A guest thread and its run loop.

use crate::exec::Prepared;
use crate::process::Process;
use crate::ptrace::{self, Traced};
use crate::seccomp::Seccomp;
use crate::signal::TaskSignals;
use crate::thread::TaskThread;
use crate::{calls, signal};
use engine::{Cpu, Exit};
use ir::State;

/// A guest thread, owned by the host thread that runs it.
pub struct Task {
    /// Its registers and the means to run.
    pub cpu: Cpu,
    /// What it shares with the others.
    pub process: &'static Process,
    /// Thread id, the host's.
    pub tid: i32,
    /// Length of the instruction that made the last system call.
    pub call_len: u64,
    /// What was interrupted.
    pub restart: calls::Restart,
    /// Where to write 0 and wake a futex when the thread ends, if the kernel does not do it
    /// ([`TaskThread::by_library`]); 0 = nowhere.
    pub clear_child_tid: u64,
    /// Head of the robust futex list and its length.
    pub robust_list: (u64, u64),
    /// Alternate stack, pending signals.
    pub signals: TaskSignals,
    /// The `execve` being made.
    pub exec: Option<Prepared>,
    /// What a tracer is told, if there is one.
    pub(crate) trace: Option<Traced>,
    /// Filters of system calls.
    pub seccomp: Seccomp,
    /// System calls take tagged addresses (`PR_SET_TAGGED_ADDR_CTRL`).
    pub takes_tags: bool,
    /// Which system calls raise a signal instead (`PR_SET_SYSCALL_USER_DISPATCH`).
    pub user_dispatch: Option<calls::UserDispatch>,
    /// How its host thread was made and whether it has ended.
    pub thread: TaskThread,
}

impl Task {
    /// A task that starts with zero registers.
    pub fn new(process: &'static Process, cpu: Cpu, tid: i32) -> Self {
        let seccomp = Seccomp::default();
        seccomp.started(tid);
        let signals = TaskSignals::default();
        cpu.set_takes(!signals.mask);
        Self {
            cpu,
            process,
            tid,
            call_len: 0,
            restart: calls::Restart::default(),
            clear_child_tid: 0,
            robust_list: (0, 0),
            signals,
            exec: None,
            trace: None,
            takes_tags: false,
            user_dispatch: None,
            seccomp,
            thread: TaskThread::default(),
        }
    }

    /// The guest's registers.
    pub fn state(&self) -> &State {
        self.cpu.state()
    }

    /// The guest's registers, to be changed.
    pub fn state_mut(&mut self) -> &mut State {
        self.cpu.state_mut()
    }

    /// Argument `n` (0..6) of the system call being made.
    pub fn arg(&self, n: usize) -> u64 {
        self.state().int[self.process.abi.regs.args[n] as usize]
    }

    /// Runs the program from its start to the end of this thread, which is the calling one.
    pub fn start(&mut self) {
        self.cpu.make_current();
        // What faults raise may have been blocked by the program that has executed this one.
        self.apply_mask();
        self.run();
    }

    /// Runs the guest until this thread ends ([`TaskThread::returns`]).
    pub fn run(&mut self) {
        if core::mem::take(&mut self.thread.executed) {
            ptrace::resumed(self);
        }
        while self.thread.ended.is_none() {
            let traps = self.cpu.steps_itself();
            let exit = if traps || self.stepping() || self.cpu.is_watching() {
                match self.cpu.step() {
                    Some(exit) => exit,
                    None if traps && !self.stepping() => {
                        signal::deliver_step(self);
                        continue;
                    }
                    None => {
                        ptrace::stepped(self);
                        continue;
                    }
                }
            } else {
                self.cpu.run()
            };
            match exit {
                Exit::Syscall { len, .. } => {
                    self.call_len = len.into();
                    calls::dispatch(self);
                    if self.stepping() {
                        ptrace::stepped(self);
                    }
                }
                Exit::Fault(fault) => signal::deliver_fault(self, fault),
                Exit::Trap { kind, arg } => signal::deliver_trap(self, kind, arg),
                Exit::Interrupted => signal::deliver_pending(self),
            }
        }
    }
}
