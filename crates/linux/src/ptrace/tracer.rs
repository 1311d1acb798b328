//! The tracing thread: what it knows of those it traces, and its requests that let them go or stop
//! them. [`super::look`] has the rest.

use super::block::{self, InfoWords, Orders, kind, mode, word};
use super::tracee::Traced;
use super::{ask, look, option, wait};
use crate::task::Task;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use sys::{Errno, raw};

pub(super) type Result<T> = core::result::Result<T, Errno>;

pub(super) mod request {
    pub(crate) const TRACEME: u64 = 0;
    pub(crate) const PEEKTEXT: u64 = 1;
    pub(crate) const PEEKDATA: u64 = 2;
    pub(crate) const POKETEXT: u64 = 4;
    pub(crate) const POKEDATA: u64 = 5;
    pub(crate) const CONT: u64 = 7;
    pub(crate) const KILL: u64 = 8;
    pub(crate) const SINGLESTEP: u64 = 9;
    pub(crate) const ATTACH: u64 = 16;
    pub(crate) const DETACH: u64 = 17;
    pub(crate) const SYSCALL: u64 = 24;
    pub(crate) const SYSEMU: u64 = 31;
    pub(crate) const SYSEMU_SINGLESTEP: u64 = 32;
    pub(crate) const SETOPTIONS: u64 = 0x4200;
    pub(crate) const GETEVENTMSG: u64 = 0x4201;
    pub(crate) const GETSIGINFO: u64 = 0x4202;
    pub(crate) const SETSIGINFO: u64 = 0x4203;
    pub(crate) const GETREGSET: u64 = 0x4204;
    pub(crate) const SETREGSET: u64 = 0x4205;
    pub(crate) const SEIZE: u64 = 0x4206;
    pub(crate) const INTERRUPT: u64 = 0x4207;
    pub(crate) const LISTEN: u64 = 0x4208;
    pub(crate) const PEEKSIGINFO: u64 = 0x4209;
    pub(crate) const GETSIGMASK: u64 = 0x420a;
    pub(crate) const SETSIGMASK: u64 = 0x420b;
    pub(crate) const SECCOMP_GET_FILTER: u64 = 0x420c;
    pub(crate) const SECCOMP_GET_METADATA: u64 = 0x420d;
    pub(crate) const GET_SYSCALL_INFO: u64 = 0x420e;
    pub(crate) const GET_RSEQ_CONFIGURATION: u64 = 0x420f;
    pub(crate) const SET_SYSCALL_INFO: u64 = 0x4212;
}

/// Where a thread has stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// It has stopped itself: one of [`kind`].
    Announced(u64),
    /// In the host's kernel, on the way through a system call whose beginning is in the block.
    Event,
    /// Anywhere, because its process is stopped.
    Group,
}

/// A stop that the tracing guest was told of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    /// The status that was shown.
    pub(super) status: u32,
    pub(super) place: Place,
}

impl Stop {
    pub(super) fn event(self) -> u32 {
        self.status >> 16
    }

    /// A signal given now is taken in place of the one that is shown.
    fn takes_signal(self) -> bool {
        let ready = [kind::READY, kind::SIGNAL, kind::STEP, kind::EXEC];
        self.event() == 0 && ready.iter().any(|&kind| self.place == Place::Announced(kind))
    }
}

/// What is known of a traced thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracee {
    /// Its block; 0 = it does not know yet that it is traced.
    pub(super) block: u64,
    /// The stop that it is in, if the guest knows of it.
    pub(super) stop: Option<Stop>,
    pub(super) options: u64,
    /// The host stops it for an exec.
    pub(super) exec: bool,
    pub(super) seized: bool,
    /// How it is to go on, for when it can be told.
    pub(super) mode: u64,
    /// The siginfo that the guest has set for the signal.
    pub(super) info: Option<InfoWords>,
    /// It was asked to stop, for `PTRACE_INTERRUPT` or at its start.
    pub(super) interrupt: bool,
    /// The first stop of a child, by SIGSTOP, is to be shown.
    pub(super) first: bool,
    /// `PTRACE_GETEVENTMSG` for a stop that the host does not know.
    pub(super) message: Option<u64>,
    /// It has executed a program, which has not stopped yet: the thread that it was.
    pub(super) executed: Option<u64>,
    /// It takes the signal that stops it, and does nothing else before.
    pub(super) stopping: bool,
    /// System calls of its emulator that it was led through (see [`ask`]).
    pub(super) leading: Option<u32>,
    /// Signals that came meanwhile.
    pub(super) held: Vec<InfoWords>,
    /// The question that it was asked and has not answered.
    pub(super) asked: Option<InfoWords>,
}

static TRACEES: Mutex<BTreeMap<i32, Tracee>> = Mutex::new(BTreeMap::new());

/// The memory of traced programs may have been written.
static WRITTEN: AtomicBool = AtomicBool::new(false);

pub(super) fn tracees() -> MutexGuard<'static, BTreeMap<i32, Tracee>> {
    TRACEES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Held over a fork.
pub(crate) fn fork_guard() -> impl Drop {
    tracees()
}

/// The child of a fork traces nobody.
pub(crate) fn forget() {
    tracees().clear();
}

/// The memory of another process may be written from now on, without being noticed here.
pub(crate) fn memory_opened() {
    WRITTEN.store(true, Ordering::Relaxed);
}

/// The host's ptrace.
pub(super) fn host(request: u64, pid: i32, address: u64, data: u64) -> Result<u64> {
    raw::call(libc::SYS_ptrace, [request, pid as u64, address, data])
}

/// `ptrace(2)`.
pub(crate) fn ptrace(task: &mut Task, args: [u64; 6]) -> Result<u64> {
    let [what, pid, address, data, ..] = args;
    let pid = pid as i32;
    match what {
        request::TRACEME => {
            host(what, 0, 0, 0)?;
            task.trace = Some(Traced::new(0, mode::CONTINUE));
            Ok(0)
        }
        request::ATTACH => attach(what, pid, address, 0),
        request::SEIZE => attach(what, pid, address, data),
        request::KILL | request::PEEKSIGINFO => host(what, pid, address, data),
        request::PEEKTEXT | request::PEEKDATA => host(what, pid, address, data),
        request::POKETEXT | request::POKEDATA => {
            memory_opened();
            host(what, pid, address, data)
        }
        request::INTERRUPT => interrupt(pid),
        request::LISTEN => listen(pid),
        request::CONT | request::SYSCALL | request::SINGLESTEP => resume(what, pid, data),
        request::SYSEMU | request::SYSEMU_SINGLESTEP => resume(what, pid, data),
        request::DETACH => detach(pid, data),
        request::SETOPTIONS => set_options(pid, data),
        request::SECCOMP_GET_FILTER | request::SECCOMP_GET_METADATA if task.seccomp.mode() != 0 => {
            Err(Errno::EACCES)
        }
        _ => look::look(what, pid, address, data),
    }
}

/// The host tells of programs that are executed in any case.
fn host_options(options: u64) -> u64 {
    options & option::HOST | option::EXEC
}

fn attach(what: u64, pid: i32, address: u64, options: u64) -> Result<u64> {
    let seized = what == request::SEIZE;
    if seized && (address != 0 || options & !option::KNOWN != 0) {
        return Err(Errno::EIO);
    }
    host(what, pid, 0, if seized { host_options(options) } else { 0 })?;
    let mut tracees = tracees();
    let tracee = Tracee { options, seized, exec: seized, ..Tracee::default() };
    tracees.insert(pid, tracee);
    if seized && let Some(tracee) = tracees.get_mut(&pid) {
        // So that it knows of it before it has children.
        let _ = ask::running(pid, tracee);
    }
    Ok(0)
}

fn interrupt(pid: i32) -> Result<u64> {
    let mut tracees = tracees();
    let tracee = tracees.get_mut(&pid).ok_or(Errno::ESRCH)?;
    if !tracee.seized {
        return Err(Errno::EIO);
    }
    if tracee.stopping && tracee.stop.is_none() {
        // It listens, and no signal would be heard.
        return host(request::INTERRUPT, pid, 0, 0);
    }
    tracee.interrupt = true;
    ask::running(pid, tracee).map(|()| 0)
}

fn listen(pid: i32) -> Result<u64> {
    let mut tracees = tracees();
    let tracee = tracees.get_mut(&pid).ok_or(Errno::ESRCH)?;
    let stop = tracee.stop.ok_or(Errno::ESRCH)?;
    if !tracee.seized {
        return Err(Errno::EIO);
    }
    if stop.place == Place::Announced(kind::READY) && stop.event() == wait::EVENT_STOP {
        trap_again(pid, tracee)?;
    }
    host(request::LISTEN, pid, 0, 0)?;
    (tracee.stop, tracee.stopping) = (None, true);
    Ok(0)
}

/// Leads a thread that has stopped itself to a stop of the host's kernel, in which it can listen. Between
/// the two it executes nothing.
fn trap_again(pid: i32, tracee: &mut Tracee) -> Result<()> {
    let Tracee { mode, options, .. } = *tracee;
    give(pid, tracee, 0, Orders { mode, options, ..Orders::default() })?;
    host(request::INTERRUPT, pid, 0, 0)?;
    host(request::CONT, pid, 0, 0)?;
    wait::until_trapped(pid)
}

fn set_options(pid: i32, options: u64) -> Result<u64> {
    if options & !option::KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    host(request::SETOPTIONS, pid, 0, host_options(options))?;
    let mut tracees = tracees();
    let tracee = tracees.entry(pid).or_default();
    tracee.options = options;
    tracee.exec = true;
    if tracee.block != 0 {
        put(pid, tracee, word::OPTIONS, options)?;
    }
    Ok(0)
}

/// Writes a word of a thread's block.
pub(super) fn put(pid: i32, tracee: &Tracee, index: usize, value: u64) -> Result<()> {
    block::write(pid, tracee.block + 8 * index as u64, &[value])
}

/// Reads words of it.
pub(super) fn get<const N: usize>(pid: i32, tracee: &Tracee, index: usize) -> Result<[u64; N]> {
    let mut out = [0; N];
    block::read(pid, tracee.block + 8 * index as u64, &mut out)?;
    Ok(out)
}

/// The auxiliary vector of a traced thread that has stopped itself before; for /proc.
pub(crate) fn auxv(pid: i32) -> Option<Vec<u8>> {
    const LONGEST: u64 = 4096;
    let tracee = tracees().get(&pid).filter(|tracee| tracee.block != 0)?.clone();
    let [at, len] = get::<2>(pid, &tracee, word::AUXV).ok()?;
    let mut out = vec![0; (len.min(LONGEST) / 8) as usize];
    block::read(pid, at, &mut out).ok()?;
    Some(look::bytes(&out))
}

fn resume(what: u64, pid: i32, signal: u64) -> Result<u64> {
    if signal > 64 {
        return Err(Errno::EIO);
    }
    wait::look(pid);
    let mut tracees = tracees();
    let tracee = tracees.get_mut(&pid).ok_or(Errno::ESRCH)?;
    if tracee.stop.is_none() {
        return Err(Errno::ESRCH);
    }
    let mode = match what {
        request::SYSCALL => mode::SYSCALL,
        request::SINGLESTEP => mode::STEP,
        request::SYSEMU => mode::EMULATE,
        request::SYSEMU_SINGLESTEP => mode::EMULATE_STEP,
        _ => mode::CONTINUE,
    };
    if tracee.block == 0 {
        host(request::CONT, pid, 0, signal)?;
        (tracee.stop, tracee.mode) = (None, mode);
        // Otherwise it will be told when it asks.
        return if mode == mode::CONTINUE { Ok(0) } else { ask::running(pid, tracee).map(|()| 0) };
    }
    let steps = matches!(mode, mode::STEP | mode::EMULATE | mode::EMULATE_STEP);
    if steps && !look::abi_of(pid, tracee)?.ptrace.steps {
        return Err(Errno::EIO);
    }
    let orders = Orders { mode, options: tracee.options, ..Orders::default() };
    let left = give(pid, tracee, signal, orders)?;
    host(request::CONT, pid, 0, left)?;
    (tracee.stop, tracee.mode, tracee.message) = (None, mode, None);
    Ok(0)
}

/// Gives a stopped thread that has a block its orders. Gives the signal that is the host's affair.
fn give(pid: i32, tracee: &mut Tracee, signal: u64, orders: Orders) -> Result<u64> {
    let Some(stop) = tracee.stop else { return Ok(signal) };
    let entered = [kind::ENTER, kind::LEAVE].map(Place::Announced).contains(&stop.place);
    // What single steps and breakpoints are for changes code.
    let code = !entered || WRITTEN.load(Ordering::Relaxed);
    let own = stop.takes_signal() || entered;
    let orders = Orders { signal: if own { signal } else { 0 }, code, ..orders };
    if signal != 0 && stop.takes_signal() {
        let info = match tracee.info.take() {
            Some(info) => Some(info),
            None if get::<1>(pid, tracee, word::SIGNO)? == [signal] => None,
            None => Some(look::sent_by_tracer(signal)),
        };
        if let Some(info) = info {
            block::write(pid, tracee.block + 8 * word::INFO as u64, &info)?;
        }
    }
    orders.give(pid, tracee.block)?;
    let stops = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    tracee.stopping = own && stops.contains(&(signal as i32));
    Ok(if own || stop.place != Place::Group { 0 } else { signal })
}

fn detach(pid: i32, signal: u64) -> Result<u64> {
    if signal > 64 {
        return Err(Errno::EIO);
    }
    wait::look(pid);
    let mut tracees = tracees();
    let tracee = tracees.get_mut(&pid).ok_or(Errno::ESRCH)?;
    let stop = tracee.stop.ok_or(Errno::ESRCH)?;
    let mut left = signal;
    if tracee.block != 0 {
        let orders = Orders { detached: true, ..Orders::default() };
        left = give(pid, tracee, signal, orders)?;
    }
    let result = host(request::DETACH, pid, 0, left)?;
    let at_group = stop.place == Place::Group;
    if WRITTEN.load(Ordering::Relaxed) && at_group {
        // It would not look at its code anew by itself.
        let _ = ask::running(pid, tracee);
    }
    tracees.remove(&pid);
    Ok(result)
}

/// Lets a thread that has stopped itself go on without the tracing guest noticing.
pub(super) fn go_on(pid: i32, tracee: &Tracee) {
    let Tracee { mode, options, .. } = *tracee;
    let _ = Orders { mode, options, ..Orders::default() }.give(pid, tracee.block);
    let _ = host(request::CONT, pid, 0, 0);
}

/// Brings a thread whose process is stopped to a place where its state is whole.
pub(super) fn settle(pid: i32, tracee: &mut Tracee) -> Result<()> {
    let stop = tracee.stop.ok_or(Errno::ESRCH)?;
    if stop.place == Place::Group && !(tracee.stopping && tracee.block != 0) {
        ask::stopped(pid, tracee, None);
        wait::until_ready(pid, tracee)?;
        tracee.stop = Some(Stop { place: Place::Announced(kind::READY), ..stop });
    }
    if tracee.block == 0 { Err(Errno::EIO) } else { Ok(()) }
}
