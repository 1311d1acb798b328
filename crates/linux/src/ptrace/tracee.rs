//! The traced thread.

use super::block::{self, ANNOUNCE, ASK, InfoWords, changed, kind, mode, word};
use super::{hardware, option};
use crate::abi::{CallNumber, DebugRegisters};
use crate::calls;
use crate::seccomp;
use crate::signal::{self, Info, SYNCHRONOUS, bit};
use crate::task::Task;
use sys::raw;

/// A traced thread's block. Its address never changes.
#[derive(Debug)]
pub(crate) struct Traced {
    words: Box<[u64; word::COUNT]>,
    /// What [`word::FILTERS`] tells of.
    filters: Vec<u8>,
}

impl Traced {
    /// Of a thread that has just become one.
    pub(crate) fn new(options: u64, mode: u64) -> Self {
        let mut words = Box::new([0; word::COUNT]);
        words[word::OPTIONS] = options;
        words[word::MODE] = mode;
        Self { words, filters: Vec::new() }
    }

    fn at(&self) -> u64 {
        self.words.as_ptr() as u64
    }

    /// A word, which the tracer may have written.
    fn get(&self, index: usize) -> u64 {
        // By address: the compiler must not think that it knows.
        memory::read_u64(self.at() + 8 * index as u64).unwrap_or(0)
    }

    fn set(&self, index: usize, value: u64) {
        let _ = memory::write_u64(self.at() + 8 * index as u64, value);
    }

    fn debug_registers(&self) -> DebugRegisters {
        core::array::from_fn(|n| self.get(word::HARDWARE + n))
    }

    fn info(&self) -> Info {
        let mut info = Info([0; 128]);
        for (n, bytes) in info.0.chunks_exact_mut(8).enumerate() {
            bytes.copy_from_slice(&self.get(word::INFO + n).to_le_bytes());
        }
        info
    }

    fn set_info(&self, info: &Info) {
        for (n, word) in info_words(info).into_iter().enumerate() {
            self.set(word::INFO + n, word);
        }
    }

    /// For the child of a thread that made it with `flags`; None if it is not traced.
    pub(crate) fn inherit(&self, flags: u64, exit_signal: u64) -> Option<Self> {
        // kernel/fork.c kernel_clone.
        let wanted = if flags & libc::CLONE_VFORK as u64 != 0 {
            option::VFORK
        } else if exit_signal != libc::SIGCHLD as u64 {
            option::CLONE
        } else {
            option::FORK
        };
        let options = self.get(word::OPTIONS);
        let told = options & wanted != 0 && flags & libc::CLONE_UNTRACED as u64 == 0;
        (told || flags & libc::CLONE_PTRACE as u64 != 0).then(|| Self::new(options, mode::CONTINUE))
    }

    /// As text for a program that is executed.
    pub(crate) fn save(&self) -> Vec<u8> {
        // The options of the higher bytes are the host's alone.
        [word::OPTIONS, word::MODE].map(|index| self.get(index) as u8).to_vec()
    }

    /// From that text.
    pub(crate) fn restore(text: &[u8]) -> Option<Self> {
        let &[options, mode] = text else { return None };
        Some(Self::new(u64::from(options), u64::from(mode)))
    }

    fn mode(&self) -> u64 {
        self.get(word::MODE)
    }
}

impl Task {
    fn trace_mode(&self) -> Option<u64> {
        self.trace.as_ref().map(Traced::mode)
    }

    /// Whether one instruction is to be run at a time.
    #[inline]
    pub(crate) fn stepping(&self) -> bool {
        matches!(self.trace_mode(), Some(mode::STEP | mode::EMULATE_STEP))
    }
}

fn info_words(info: &Info) -> InfoWords {
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(info.0.chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
    }
    words
}

/// Stops, for the tracer to look. Afterwards registers and mask are what it made them. Gives the
/// signal that it wants to be taken; None if nobody traces.
fn announce(task: &mut Task, why: u64, signo: i32, info: &Info) -> Option<(i32, Info)> {
    let mut traced = task.trace.take()?;
    store(task, &mut traced);
    traced.set(word::KIND, why);
    traced.set(word::SIGNO, signo as u64);
    traced.set(word::SIGNAL, 0);
    traced.set_info(info);
    traced.set(word::SEEN, 0);
    let message = block::announcement(traced.at());
    let mut lost = false;
    loop {
        let sent = block::send(raw::getpid(), raw::gettid(), &message).is_ok();
        if traced.get(word::SEEN) != 0 {
            break;
        }
        let mine =
            |signo: i32, info: &[u8; 128]| signo == libc::SIGTRAP && Info(*info).code() == ANNOUNCE;
        if !sent || task.cpu.withdraw_signal(mine) {
            // It came back: nobody traces (any more). What was changed before holds.
            traced.set(word::DETACHED, 1);
            task.trace = Some(traced);
            obey(task);
            // A signal is lost if its tracer dies in the stop for it.
            return lost.then_some((0, *info));
        }
        // Either the tracer has died after it had seen the stop, or it did not see it: only one
        // SIGTRAP can wait at a time, and its question was there first.
        lost = true;
    }
    traced.set(word::KIND, kind::RUNNING);
    let told = (traced.get(word::SIGNAL) as i32, traced.info());
    task.trace = Some(traced);
    obey(task);
    Some(told)
}

/// Puts into force what the tracer has changed while the thread was stopped.
pub(crate) fn obey(task: &mut Task) {
    let Some(traced) = task.trace.take() else { return };
    let what = traced.get(word::CHANGED);
    traced.set(word::CHANGED, 0);
    if what & changed::REGISTERS != 0 {
        load(task, &traced);
    }
    if what & changed::MASK != 0 {
        task.signals.saved_mask = None;
        task.set_mask(traced.get(word::MASK));
    }
    let detached = traced.get(word::DETACHED) != 0;
    if what & changed::HARDWARE != 0 || detached {
        let ptrace = &task.process.abi.ptrace;
        let watches = match (ptrace.debug, ptrace.user) {
            _ if detached => Vec::new(),
            (Some(debug), _) => hardware::watches(debug, |n| traced.get(n)),
            (_, Some(user)) => (user.watches)(&traced.debug_registers()),
            _ => Vec::new(),
        };
        task.cpu.set_watches(watches);
    }
    if traced.get(word::CODE) != 0 || detached {
        traced.set(word::CODE, 0);
        // Breakpoints may have come or gone anywhere, by means that nobody sees here.
        task.process.mm.any_code_changed();
    }
    if !detached {
        task.trace = Some(traced);
    }
}

fn store(task: &Task, traced: &mut Traced) {
    let abi = task.process.abi;
    let mut words = vec![0; abi.ptrace.words];
    (abi.ptrace.store)(task, &mut words);
    for (n, word) in words.into_iter().enumerate() {
        traced.set(word::REGISTERS + n, word);
    }
    traced.set(word::ARCH, u64::from(abi.audit_arch));
    traced.set(word::MASK, task.signals.saved_mask.unwrap_or(task.signals.mask));
    let identity = &task.process.identity;
    traced.set(word::AUXV, identity.auxv_addr);
    traced.set(word::AUXV + 1, identity.auxv.len() as u64);
    traced.filters = seccomp::save(task).unwrap_or_default();
    traced.set(word::FILTERS, traced.filters.as_ptr() as u64);
    traced.set(word::FILTERS + 1, traced.filters.len() as u64);
}

fn load(task: &mut Task, traced: &Traced) {
    let ptrace = &task.process.abi.ptrace;
    let words: Vec<_> = (0..ptrace.words).map(|n| traced.get(word::REGISTERS + n)).collect();
    (ptrace.load)(task, &words);
}

/// Whether a signal is one by which the tracer's emulator and the traced one tell each other something.
pub(crate) fn is_message(signo: i32, code: i32) -> bool {
    signo == libc::SIGTRAP && matches!(code, ANNOUNCE | ASK)
}

/// Whether a recorded signal is a question, and nothing else.
pub(crate) fn is_question(signo: i32, info: &[u8; 128]) -> bool {
    signo == libc::SIGTRAP && Info(*info).code() == ASK
}

/// For a recorded signal: whether it is one of ours, and is dealt with.
pub(crate) fn asked(task: &mut Task, signo: i32, info: &Info) -> bool {
    if signo != libc::SIGTRAP || !matches!(info.code(), ANNOUNCE | ASK) {
        return false;
    }
    if info.code() == ANNOUNCE {
        // The tracer has died in the stop for it.
        return true;
    }
    if task.trace.is_none() {
        task.trace = Some(Traced::new(0, mode::CONTINUE));
    }
    let waiting = block::asked_signal(&info.0).map(|(signo, info)| (signo, Info(info)));
    ready(task, waiting);
    true
}

/// Stops because it was asked to; takes the signal for which it was.
fn ready(task: &mut Task, waiting: Option<(i32, Info)>) {
    let (signo, info) = waiting.unwrap_or((0, Info([0; 128])));
    let told = announce(task, kind::READY, signo, &info).unwrap_or((signo, info));
    take(task, told);
}

/// Takes the signal that the tracer wants to be taken.
fn take(task: &mut Task, (signo, info): (i32, Info)) {
    if signo != 0 {
        signal::take(task, signo, info);
    }
}

/// A thread or process that is traced from its start on.
pub(crate) fn started(task: &mut Task) {
    if task.trace.is_some() {
        ready(task, None);
    }
}

/// This thread ends, and its memory with it: what the tracer reads of it stays.
pub(crate) fn ended(task: &mut Task) {
    if let Some(traced) = task.trace.take() {
        Box::leak(traced.words);
    }
}

/// An access or the execution of what is at `address` is watched; the address that Linux tells then.
pub(crate) fn hit(task: &Task, address: u64) -> u64 {
    let Some((user, traced)) = task.process.abi.ptrace.user.zip(task.trace.as_ref()) else {
        return address;
    };
    let status = (user.status_after)(&traced.debug_registers(), address);
    traced.set(word::HARDWARE + user.status, status);
    task.state().pc()
}

/// A signal of the thread's own doing. Gives the signal to take, 0 = none.
pub(crate) fn signal(task: &mut Task, signo: i32, info: Info) -> (i32, Info) {
    announce(task, kind::SIGNAL, signo, &info).unwrap_or((signo, info))
}

/// The default action of `signo` is to be taken by the host: the tracer has had its say.
pub(crate) fn before_default(task: &Task, signo: i32) {
    if let Some(traced) = &task.trace {
        traced.set(word::PASS, signo as u64);
    }
}

/// One instruction was run.
pub(crate) fn stepped(task: &mut Task) {
    const TRAP_TRACE: i32 = 2;
    if task.stepping() {
        let info = Info::fault(libc::SIGTRAP, TRAP_TRACE, task.state().pc());
        let told = announce(task, kind::STEP, libc::SIGTRAP, &info);
        take(task, told.unwrap_or((0, info)));
    }
}

/// A handler is about to run: a single step ends before its first instruction
/// (kernel/signal.c `signal_setup_done`).
pub(crate) fn entered_handler(task: &mut Task) {
    if task.stepping() {
        let info = Info::sent(libc::SIGTRAP, libc::SIGTRAP, raw::gettid());
        announce(task, kind::STEP, libc::SIGTRAP, &info);
    }
}

/// This is the program that a traced thread has executed.
pub(crate) fn resumed(task: &mut Task) {
    let info = Info::sent(libc::SIGTRAP, libc::SI_USER, raw::gettid());
    let told = announce(task, kind::EXEC, libc::SIGTRAP, &info);
    if task.trace_mode() == Some(mode::SYSCALL) {
        if let Some(traced) = &task.trace {
            traced.set(word::RESULT, 0);
        }
        let given = stop_at_call(task, kind::LEAVE);
        send_given(task, given);
    }
    if let Some((signo, info)) = told
        && signo != libc::SIGTRAP
    {
        take(task, (signo, info));
    }
}

/// Stops before or after a system call. Gives the signal that the tracer gives then, to be sent.
#[must_use]
fn stop_at_call(task: &mut Task, why: u64) -> i32 {
    let Some(slot) = task.process.abi.ptrace.direction else {
        return announce(task, why, libc::SIGTRAP, &Info([0; 128])).map_or(0, |(signo, _)| signo);
    };
    let slot = usize::from(slot);
    let before = task.state().int[slot];
    task.state_mut().int[slot] = u64::from(why == kind::LEAVE);
    let told = announce(task, why, libc::SIGTRAP, &Info([0; 128]));
    task.state_mut().int[slot] = before;
    told.map_or(0, |(signo, _)| signo)
}

/// Sends the signal that the tracer has given where a system call begins or ends.
fn send_given(task: &mut Task, signo: i32) {
    if signo != 0 {
        let info = Info::sent(signo, signal::SI_KERNEL, 0);
        send_to_self(task, signo, &info);
    }
}

/// Queues a signal for this thread.
pub(crate) fn send_to_self(task: &mut Task, signo: i32, info: &Info) {
    if SYNCHRONOUS & bit(signo) != 0 {
        // The host delivers these at once, and takes those with a positive code for its own.
        return signal::hold(task, signo, *info);
    }
    let args = [raw::getpid(), raw::gettid(), signo].map(|n| n as u64);
    let at = info.0.as_ptr() as u64;
    let _ = raw::call(libc::SYS_rt_tgsigqueueinfo, [args[0], args[1], args[2], at]);
}

/// Serves a system call, stopping before and after it if the tracer wants that.
#[cold]
pub(crate) fn dispatch(task: &mut Task, serve: impl FnOnce(&mut Task, u64)) {
    let abi = task.process.abi;
    let mut number = task.state().int[abi.regs.number as usize];
    let before = task.trace_mode();
    let (mut skip, mut given) = (false, 0);
    if matches!(before, Some(mode::SYSCALL | mode::EMULATE | mode::EMULATE_STEP)) {
        if let Some(traced) = &task.trace {
            traced.set(word::NUMBER, number);
        }
        given = stop_at_call(task, kind::ENTER);
        if let Some(traced) = &task.trace {
            number = match abi.ptrace.number {
                CallNumber::Set(_) => traced.get(word::NUMBER),
                CallNumber::Register => task.state().int[abi.regs.number as usize],
                CallNumber::Slot(slot) => task.state().int[slot as usize],
            };
            skip = before != Some(mode::SYSCALL) || no_call(number);
        }
    } else if let Some(mut traced) = task.trace.take() {
        // For the stops that the host makes on its way.
        traced.set(word::NUMBER, number);
        store(task, &mut traced);
        task.trace = Some(traced);
    }
    let (pc, tid) = (task.state().pc(), task.tid);
    // A call that waits is interrupted by it; others are made, as signals are looked at after them.
    if calls::waits(abi, number) {
        send_given(task, core::mem::take(&mut given));
    }
    if !skip {
        serve(task, number);
    }
    send_given(task, given);
    if task.thread.ended.is_some() {
        return;
    }
    obey(task);
    // A new child has its first stop behind it, and has made no call.
    if task.trace_mode() == Some(mode::SYSCALL) && task.tid == tid {
        let again = task.state().pc() == pc.wrapping_sub(task.call_len);
        let result = task.state().int[abi.regs.result as usize];
        if let Some(traced) = &task.trace {
            traced.set(word::RESULT, if again { -512_i64 as u64 } else { result });
        }
        let given = stop_at_call(task, kind::LEAVE);
        send_given(task, given);
    }
}

/// The number by which a tracer says that no call is to be made.
fn no_call(number: u64) -> bool {
    number as u32 == u32::MAX
}

/// A filter wants the tracer to be asked about the call of number `number`, and to be told `data`
/// (kernel/seccomp.c `__seccomp_filter`). Gives the number to go on with; None if nobody is to be
/// asked, or if no call is to be made.
pub(crate) fn seccomp(task: &mut Task, number: u64, data: u32) -> Result<u64, Asked> {
    let traced = task.trace.as_ref().ok_or(Asked::Nobody)?;
    if traced.get(word::OPTIONS) & option::SECCOMP == 0 {
        return Err(Asked::Nobody);
    }
    traced.set(word::NUMBER, number);
    traced.set(word::RESULT, u64::from(data));
    announce(task, kind::SECCOMP, libc::SIGTRAP, &Info([0; 128])).ok_or(Asked::Nobody)?;
    let abi = task.process.abi;
    let number = match (abi.ptrace.number, &task.trace) {
        (CallNumber::Set(_), Some(traced)) => traced.get(word::NUMBER),
        (CallNumber::Register, Some(_)) => task.state().int[abi.regs.number as usize],
        (CallNumber::Slot(slot), Some(_)) => task.state().int[slot as usize],
        (_, None) => number,
    };
    if no_call(number) { Err(Asked::Skip) } else { Ok(number) }
}

/// Whether the tracer has put filters out of force (`PTRACE_O_SUSPEND_SECCOMP`).
pub(crate) fn suspends_seccomp(task: &Task) -> bool {
    let options = task.trace.as_ref().map_or(0, |traced| traced.get(word::OPTIONS));
    options & option::SUSPEND_SECCOMP != 0
}

/// Why a call that a filter wants to be asked about is not made.
pub(crate) enum Asked {
    /// There is no tracer that wants to know.
    Nobody,
    /// The tracer has made it itself.
    Skip,
}
