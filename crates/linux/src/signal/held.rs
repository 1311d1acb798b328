//! Synchronous signals that were sent, by `kill` and its like, while the guest blocks or ignores them.
//!
//! To the host they are never blocked, because translated code needs their handlers. So what is sent
//! arrives, and is held here until the guest unblocks it: with the thread if it was sent to the thread,
//! else with the process, from where any thread takes it. What looks at the host's queues, which is
//! `sigtimedwait` and the files of `signalfd`, finds it there: during such a call the signals are
//! blocked on the host, which is safe because the kernel raises no fault in a call, and those that are
//! held are sent again. What the call has not taken arrives again after it, and is held again.

use super::{Info, ProcessSignals, SIG_DFL, SIG_IGN, SYNCHRONOUS, bit};
use crate::proc::PUBLISHED;
use crate::task::Task;
use core::sync::atomic::{AtomicU64, Ordering};
use engine::{RecordedSignal, signals as host};
use std::sync::{Mutex, MutexGuard, PoisonError};
use sys::{Errno, raw};

/// `si_code` of signals that were sent to a thread.
const SI_TKILL: i32 = -6;
const SI_USER: i32 = 0;
const SI_QUEUE: i32 = -1;
/// Of a signal that was sent with `SI_USER` and that another thread has got: only the kernel may give that
/// code to other threads.
const FORWARDED: i32 = -0x7173;

/// The signals that the process holds, for any of its threads.
#[derive(Debug, Default)]
pub(crate) struct Held {
    list: Mutex<Vec<RecordedSignal>>,
    /// Which they are.
    signals: AtomicU64,
    /// Those that some `signalfd` gives.
    watched: AtomicU64,
    /// Other processes are shown them.
    shown: bool,
}

impl Held {
    pub(super) fn new(shown: bool) -> Self {
        Self { shown, ..Self::default() }
    }

    /// Which they are.
    pub(crate) fn signals(&self) -> u64 {
        self.signals.load(Ordering::SeqCst)
    }

    fn add(&self, set: u64) {
        self.signals.fetch_or(set, Ordering::SeqCst);
        self.show();
    }

    fn remove(&self, set: u64) {
        self.signals.fetch_and(!set, Ordering::SeqCst);
        self.show();
    }

    fn show(&self) {
        if self.shown {
            PUBLISHED.set_held(self.signals());
        }
    }

    pub(super) fn list(&self) -> MutexGuard<'_, Vec<RecordedSignal>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one of `set`.
    fn take(&self, set: u64) -> Option<RecordedSignal> {
        if self.signals.load(Ordering::SeqCst) & set == 0 {
            return None;
        }
        let mut list = self.list();
        let at = list.iter().position(|signal| set & bit(signal.signo) != 0)?;
        let signal = list.remove(at);
        self.remove(bit(signal.signo));
        Some(signal)
    }
}

/// A signal with the `si_code` that it was sent with.
fn restored(mut signal: RecordedSignal) -> RecordedSignal {
    if Info(signal.info).code() == FORWARDED {
        signal.info[8..12].copy_from_slice(&SI_USER.to_le_bytes());
    }
    signal
}

/// Sends a signal that has been received again, to thread `tid` of this process.
fn send_again(tid: i32, signal: &RecordedSignal) -> Result<(), Errno> {
    let mut info = signal.info;
    let at = info.as_mut_ptr() as u64;
    let args = [raw::getpid() as u64, tid as u64, signal.signo as u64, at];
    raw::call(libc::SYS_rt_tgsigqueueinfo, args).map(drop)
}

/// Holds a signal that is blocked.
pub(super) fn hold(task: &Task, signal: RecordedSignal) {
    if Info(signal.info).code() != SI_TKILL {
        return hold_for_all(task, signal);
    }
    let mut held = task.signals.held.borrow_mut();
    if !held.iter().any(|s| s.signo == signal.signo) {
        held.push(signal);
    }
}

/// Gives it to a thread that takes it, or to the process.
fn hold_for_all(task: &Task, signal: RecordedSignal) {
    let held = &task.actions().held;
    let mut list = held.list();
    if list.iter().any(|s| s.signo == signal.signo) {
        return;
    }
    // First this, then the threads are looked at; they first say what they take, then look at this.
    held.add(bit(signal.signo));
    let mut forwarded = signal;
    if Info(signal.info).code() == SI_USER {
        let watched = held.watched.load(Ordering::Relaxed) & bit(signal.signo) != 0;
        let code = if watched { SI_QUEUE } else { FORWARDED };
        forwarded.info[8..12].copy_from_slice(&code.to_le_bytes());
    }
    let engine = task.process.engine;
    if engine.any_taker(signal.signo, |tid| send_again(tid, &forwarded).is_ok()) {
        held.remove(bit(signal.signo));
    } else {
        list.push(signal);
    }
}

/// The next recorded signal.
pub(super) fn next_recorded(task: &mut Task) -> Option<RecordedSignal> {
    task.cpu.take_signal().map(restored)
}

/// Takes a held signal of `set`.
pub(super) fn take(task: &Task, set: u64) -> Option<RecordedSignal> {
    let mut held = task.signals.held.borrow_mut();
    match held.iter().position(|signal| set & bit(signal.signo) != 0) {
        Some(at) => Some(held.remove(at)),
        None => task.actions().held.take(set),
    }
}

/// Which signals are held that this thread may take.
pub(crate) fn pending(task: &Task) -> u64 {
    own(task) | task.actions().held.signals()
}

/// Which of them are for this thread alone.
pub(super) fn own(task: &Task) -> u64 {
    task.signals.held.borrow().iter().fold(0, |set, signal| set | bit(signal.signo))
}

/// Whether a call that was interrupted was so in vain: all that has arrived is held or ignored. Other
/// signals that the guest blocks or ignores do not interrupt calls, as the host blocks and ignores
/// them.
#[cold]
pub(crate) fn nothing_arrived(task: &Task) -> bool {
    task.cpu.all_recorded(|signal| {
        let one = bit(signal.signo);
        let code = Info(signal.info).code();
        let ignored = || task.actions().get(signal.signo).handler == SIG_IGN;
        SYNCHRONOUS & one != 0
            && !crate::ptrace::is_message(signal.signo, code)
            && (task.signals.mask & one != 0 || ignored())
    })
}

/// In the child of a fork: what was sent to the parent is the parent's.
pub(crate) fn forget_pending(task: &mut Task) {
    while task.cpu.take_signal().is_some() {}
    task.signals.held.get_mut().clear();
    let held = &task.actions().held;
    held.list().clear();
    held.remove(u64::MAX);
}

/// The thread ends, with all signals blocked: other threads get what was sent to the process.
pub(crate) fn leave_to_others(task: &mut Task) {
    while let Some(signal) = next_recorded(task) {
        match Info(signal.info).code() {
            SI_TKILL => {}
            _ if SYNCHRONOUS & bit(signal.signo) != 0 => hold_for_all(task, signal),
            _ => {
                let mut info = signal.info;
                let at = info.as_mut_ptr() as u64;
                let pid = raw::getpid() as u64;
                let signo = signal.signo as u64;
                if raw::call(libc::SYS_rt_sigqueueinfo, [pid, signo, at]).is_err() {
                    let _ = raw::call(libc::SYS_kill, [pid, signo]);
                }
            }
        }
    }
}

impl ProcessSignals {
    /// A `signalfd` gives these signals.
    pub(crate) fn watch(&self, signals: u64) {
        self.held.watched.fetch_or(signals & SYNCHRONOUS, Ordering::Relaxed);
    }
}

impl Task {
    /// The blocked signals that a `signalfd` may give during a call.
    #[inline]
    pub(crate) fn watched(&self) -> u64 {
        self.actions().held.watched.load(Ordering::Relaxed) & self.signals.mask
    }

    /// Makes a call that may take the synchronous signals `set` from the host's queues.
    #[cold]
    pub(crate) fn call_taking(&self, set: u64, nr: i64, args: [u64; 6]) -> Result<u64, Errno> {
        let mask = self.signals.mask;
        // In this order: whoever holds a signal back for the process looks first at who takes it.
        self.cpu.set_takes(!mask | set);
        host::set_host_mask_blocking(mask, mask | set);
        while let Some(signal) = take(self, set) {
            let _ = send_again(self.tid, &signal);
        }
        let result = Errno::from_ret(self.cpu.syscall(nr, args) as u64);
        self.apply_mask();
        result
    }
}

/// `rt_sigtimedwait(2)`, of some synchronous signals among others.
pub(crate) fn wait(task: &Task, set: u64, args: [u64; 6]) -> Result<u64, Errno> {
    let signo = task.call_taking(set & SYNCHRONOUS, libc::SYS_rt_sigtimedwait, args)?;
    let code_at = args[1].wrapping_add(8);
    if args[1] != 0 && memory::read_u32(code_at)? as i32 == FORWARDED {
        memory::write_u32(code_at, SI_USER as u32)?;
    }
    Ok(signo)
}

/// Sends what is held to the thread again, which has blocked these signals on the host: a program that is
/// executed inherits them.
pub(crate) fn bequeath(task: &Task) {
    while let Some(signal) = take(task, u64::MAX) {
        let _ = send_again(task.tid, &signal);
    }
}

/// Before a program is executed: lets the host ignore the synchronous signals that the guest ignores, so that
/// the program inherits that. False if there is nothing to be undone if it fails: another thread that
/// runs needs the handlers.
pub(crate) fn ignore_as_guest(task: &Task) -> bool {
    let own_handlers = task.signals.own_actions.is_some() || task.process.engine.threads() == 1;
    let all = (1..=64).filter(|&signo| SYNCHRONOUS & bit(signo) != 0);
    let ignored = all
        .filter(|&signo| task.actions().get(signo).handler == SIG_IGN)
        .fold(0, |set, signo| set | bit(signo));
    if ignored == 0 || !own_handlers {
        return false;
    }
    host::ignore_synchronous(ignored);
    true
}

/// Whether the default action of a signal that was sent is not taken, as this is the first process of a
/// namespace. (The host's kernel drops what it sees; it does not see what was caught.)
pub(super) fn is_protected(handler: u64) -> bool {
    handler == SIG_DFL && raw::getpid() == 1
}
