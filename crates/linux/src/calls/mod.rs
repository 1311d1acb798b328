//! System calls: which there are, and how each is served.
//!
//! What there is, is said in `isa/linux.calls`; the tables are generated from it. A call that is
//! `passed` has arguments that mean the same to the host, since guest addresses are host addresses
//! and both are 64-bit little-endian.
//!
//! Every host call made for the guest is interruptible ([`Task::call`]): it fails with
//! `ERESTARTSYS` if a signal came before it, or if the kernel would restart it, which it decides by
//! the guest's own `SA_RESTART`. The instruction is then executed again after the handler.

mod exec;
mod file;
mod io_uring;
mod ioctl;
mod ipc;
mod legacy;
mod memory;
mod path;
mod poll;
mod prctl;
mod process;
mod read;
mod received;
mod restart;
mod robust;
mod rseq;
mod signal;
mod stat;
mod system;
mod table;
pub(crate) mod tags;
mod user_dispatch;

pub(crate) use io_uring::fork_guard as ring_fork_guard;
pub use restart::Restart;
pub(crate) use restart::{again, give_up, waits};
pub(crate) use robust::end_of_thread;
pub(crate) use table::NONE;
pub use user_dispatch::UserDispatch;

use crate::layout::{Converted, Model};
use crate::strace::Arg;
use crate::task::Task;
use crate::{family, ptrace, seccomp, signal as signals};
use sys::Errno;

/// What a call gives.
pub(crate) type Result = core::result::Result<u64, Errno>;
/// The registers of a call.
pub(crate) type Args = [u64; 6];

/// A system call.
pub(crate) struct Call {
    /// Its name.
    pub(crate) name: &'static str,
    /// Types of its arguments.
    pub(crate) args: &'static [Arg],
    /// How it is served.
    pub(crate) action: Action,
}

/// How a call is served.
pub(crate) enum Action {
    /// By the host's call of this number.
    Passed(i64),
    /// The same, with a path that `/proc/PID/exe` may be.
    Follows(i64, Lookup),
    /// By this function.
    Emulated(fn(&mut Task, Args) -> Result),
    /// It fails.
    Refused(Errno),
    /// As the call with this index, with these arguments.
    As(u16, [Given; 6]),
}

/// An argument of a call that is served as another one.
pub(crate) enum Given {
    /// Argument `n` of the call itself.
    Argument(u8),
    /// This.
    Value(u64),
    /// `AT_FDCWD`.
    CurrentDirectory,
}

impl Given {
    fn value(&self, args: &Args) -> u64 {
        match *self {
            Self::Argument(n) => args[usize::from(n)],
            Self::Value(value) => value,
            Self::CurrentDirectory => libc::AT_FDCWD as u64,
        }
    }
}

/// Which argument is a path, and whether its last link is followed.
pub(crate) struct Lookup {
    /// The directory's argument, if there is one.
    pub(crate) dirfd: Option<usize>,
    /// The path's.
    pub(crate) path: usize,
    /// The flags' argument and the bits that decide, if there are any.
    pub(crate) flags: usize,
    pub(crate) bits: u64,
    /// Links are followed if such a bit is set; otherwise if none is.
    pub(crate) follow: bool,
}

impl Task {
    /// Makes a host call that signals interrupt.
    ///
    /// # Errors
    /// The kernel's; `ERESTARTSYS` if it is to be made again after a signal.
    pub(crate) fn call(&self, nr: i64, args: Args) -> Result {
        let watched = self.watched();
        if watched != 0 {
            return self.call_taking(watched, nr, args);
        }
        Errno::from_ret(self.cpu.syscall(nr, args) as u64)
    }
}

/// The call with the guest's number `nr`.
pub(crate) fn find(numbers: &[u16], nr: u64) -> Option<&'static Call> {
    // The kernel looks at 32 bits.
    let index = *numbers.get(nr as u32 as usize)?;
    table::CALLS.get(usize::from(index))
}

/// Serves the system call that the guest has just made.
pub fn dispatch(task: &mut Task) {
    (task.process.abi.enter_call)(task.state_mut());
    if task.user_dispatch.is_some() && user_dispatch::taken(task) {
        return;
    }
    if task.trace.is_some() {
        return ptrace::dispatch(task, serve_call);
    }
    let nr = task.state().int[task.process.abi.regs.number as usize];
    serve_call(task, nr);
}

/// Serves call `nr`, with the registers that the guest has set.
pub(crate) fn serve_call(task: &mut Task, mut nr: u64) {
    let abi = task.process.abi;
    if task.seccomp.active()
        && let Err(result) = seccomp::check(task, &mut nr)
    {
        return finish(task, result);
    }
    let call = find(abi.calls, nr);
    let state = task.state();
    let args = abi.regs.args.map(|slot| state.int[slot as usize]);
    if task.process.options.strace {
        return traced(task, call, nr, args);
    }
    let result = match serve(task, call, args) {
        Err(Errno::EINTR) => Err(restart::interrupted(task, call, args)),
        result => result,
    };
    finish(task, result);
}

fn serve(task: &mut Task, call: Option<&'static Call>, args: Args) -> Result {
    // Descriptors of the emulator are not open for the guest.
    if let Some(Call { args: [Arg::Fd | Arg::Dirfd, ..], .. }) = call
        && task.process.is_own_fd(args[0] as i32)
    {
        return Err(Errno::EBADF);
    }
    if args.iter().any(|&arg| tags::has(arg)) || task.takes_tags {
        return serve_tagged(task, call, args);
    }
    serve_plain(task, call, args)
}

#[cold]
fn serve_tagged(task: &mut Task, call: Option<&'static Call>, args: Args) -> Result {
    let Some(call) = call.filter(|_| task.process.abi.tags) else {
        return serve_plain(task, call, args);
    };
    let (args, copies) = tags::remove(task, call, args);
    let result = serve_plain(task, Some(call), args);
    copies.finish();
    result
}

fn serve_plain(task: &mut Task, call: Option<&'static Call>, args: Args) -> Result {
    match call.map(|call| &call.action) {
        Some(Action::Passed(host)) => {
            family::before_call(task, *host);
            pass(task, call, *host, args)
        }
        Some(Action::Follows(host, lookup)) => {
            let (path, args) = path::looked_up(task, lookup, args);
            let result = pass(task, call, *host, args);
            drop(path);
            result
        }
        Some(Action::Emulated(function)) => function(task, args),
        Some(Action::Refused(errno)) => Err(*errno),
        Some(Action::As(other, given)) => {
            let args = core::array::from_fn(|n| given[n].value(&args));
            serve_plain(task, table::CALLS.get(usize::from(*other)), args)
        }
        None => Err(Errno::ENOSYS),
    }
}

/// Makes the host's call `nr`, with structures as the host lays them out.
fn pass(task: &mut Task, call: Option<&Call>, nr: i64, args: Args) -> Result {
    let model = task.process.abi.model;
    if model == Model::HOST {
        return task.call(nr, args);
    }
    let converted = Converted::new(model, call.map_or(&[], |call| call.args), args)?;
    let result = task.call(nr, converted.args)?;
    converted.finish(result)?;
    Ok(result)
}

/// Gives the result to the guest, or lets it make the call again.
fn finish(task: &mut Task, result: Result) {
    let abi = task.process.abi;
    let in_vain = result == Err(Errno::EINTR) && signals::nothing_arrived(task);
    let len = task.call_len;
    let state = task.state_mut();
    match result {
        Err(errno) if errno == Errno::ERESTARTSYS || errno == Errno::EINTR && in_vain => {
            let pc = state.pc() - len;
            state.set_pc(pc);
        }
        result => (abi.set_result)(state, result),
    }
}

#[cold]
fn traced(task: &mut Task, call: Option<&'static Call>, nr: u64, args: Args) {
    let Some(trace) = task.trace() else { return };
    let mut line = trace.enter(call, nr, args);
    let result = serve(task, call, args);
    line.leave(call, args, &result);
    finish(task, result);
}
