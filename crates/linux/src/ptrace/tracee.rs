//! The traced thread.

use super::block::{self, ANNOUNCE, ASK, kind, mode, word};
use crate::signal::Info;
use crate::task::Task;
use ir::state::{SLOT_PC, SLOT_TP};
use sys::raw;

/// A traced thread's block. Its address never changes.
#[derive(Debug)]
pub(crate) struct Traced {
    words: Box<[u64; word::COUNT]>,
}

const PTRACE_O_TRACEFORK: u64 = 2;
const PTRACE_O_TRACEVFORK: u64 = 4;
const PTRACE_O_TRACECLONE: u64 = 8;

impl Traced {
    /// Of a thread that has just become one.
    pub(crate) fn new(options: u64, mode: u64, seized: bool) -> Self {
        let mut words = Box::new([0; word::COUNT]);
        words[word::OPTIONS] = options;
        words[word::MODE] = mode;
        words[word::SEIZED] = u64::from(seized);
        Self { words }
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

    /// For the child of a thread that made it with `flags`; None if it is not traced.
    pub(crate) fn inherit(&self, flags: u64) -> Option<Self> {
        let thread_like = flags & (libc::CLONE_THREAD as u64) != 0;
        let wanted = if flags & libc::CLONE_VFORK as u64 != 0 {
            PTRACE_O_TRACEVFORK
        } else if thread_like {
            PTRACE_O_TRACECLONE
        } else {
            PTRACE_O_TRACEFORK
        };
        let options = self.get(word::OPTIONS);
        let seized = self.get(word::SEIZED) != 0;
        (options & wanted != 0).then(|| Self::new(options, mode::CONTINUE, seized))
    }

    /// As text for a program that is executed.
    pub(crate) fn save(&self) -> Vec<u8> {
        let words = [word::OPTIONS, word::MODE, word::SEIZED].map(|index| self.get(index) as u8);
        // Options beyond the first byte (EXITKILL) are the host's.
        words.to_vec()
    }

    /// From that text.
    pub(crate) fn restore(text: &[u8]) -> Option<Self> {
        let &[options, mode, seized] = text else { return None };
        Some(Self::new(u64::from(options), u64::from(mode), seized != 0))
    }

    fn stepping(&self) -> bool {
        self.get(word::MODE) == mode::STEP
    }
}

impl Task {
    /// Whether one instruction is to be run at a time.
    #[inline]
    pub(crate) fn stepping(&self) -> bool {
        self.trace.as_ref().is_some_and(Traced::stepping)
    }
}

/// Stops, for the tracer to look. Afterwards registers are what it made them. Gives the signal that
/// it wants to be taken; `default` if nobody traces any more.
fn announce(task: &mut Task, why: u64, signo: i32, info: &Info, default: u64) -> u64 {
    let Some(traced) = task.trace.take() else { return default };
    store(task, &traced);
    traced.set(word::KIND, why);
    traced.set(word::SIGNO, signo as u64);
    traced.set(word::SIGNAL, default);
    traced.set(word::CHANGED, 0);
    for (n, bytes) in info.0.chunks_exact(8).enumerate() {
        let value = bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        traced.set(word::INFO + n, value);
    }
    let message = block::queued(ANNOUNCE, traced.at());
    let stopped = block::send(raw::getpid(), raw::gettid(), &message).is_ok();
    traced.set(word::KIND, kind::RUNNING);
    if !stopped || traced.get(word::DETACHED) != 0 {
        return if stopped { traced.get(word::SIGNAL) } else { default };
    }
    load(task, &traced);
    if !matches!(why, kind::ENTER | kind::LEAVE) {
        // The tracer may have put breakpoints anywhere, by means that nobody sees here.
        task.process.engine.invalidate(0, 1 << 48);
    }
    let signal = traced.get(word::SIGNAL);
    task.trace = Some(traced);
    signal
}

fn store(task: &Task, traced: &Traced) {
    let state = task.state();
    let sp = task.sp();
    for n in 0..31 {
        traced.set(word::REGS + n, state.int[n]);
    }
    traced.set(word::REGS + 31, sp);
    traced.set(word::REGS + 32, state.pc());
    traced.set(word::REGS + 33, u64::from(task.cpu.nzcv()));
    traced.set(word::TLS, state.int[SLOT_TP as usize]);
    traced.set(word::MASK, task.signals.mask);
    let identity = &task.process.identity;
    traced.set(word::AUXV, identity.auxv_addr);
    traced.set(word::AUXV + 1, identity.auxv.len() as u64);
    for n in 0..32 {
        traced.set(word::FP + 2 * n, state.vec[n] as u64);
        traced.set(word::FP + 2 * n + 1, (state.vec[n] >> 64) as u64);
    }
    let (status, control) = (task.cpu.fpsr() & 0xffff_ffff, task.cpu.fpcr() << 32);
    traced.set(word::FP + 64, status | control);
}

fn load(task: &mut Task, traced: &Traced) {
    if traced.get(word::CHANGED) == 0 {
        return;
    }
    let sp_slot = task.process.abi.sp_slot as usize;
    let state = task.state_mut();
    for n in 0..31 {
        state.int[n] = traced.get(word::REGS + n);
    }
    state.int[sp_slot] = traced.get(word::REGS + 31);
    state.int[SLOT_PC as usize] = traced.get(word::REGS + 32);
    state.int[SLOT_TP as usize] = traced.get(word::TLS);
    for n in 0..32 {
        let low = u128::from(traced.get(word::FP + 2 * n));
        state.vec[n] = low | u128::from(traced.get(word::FP + 2 * n + 1)) << 64;
    }
    task.cpu.set_nzcv(traced.get(word::REGS + 33) as u32 & 0xf000_0000);
    let fp = traced.get(word::FP + 64);
    task.cpu.set_fpsr(fp & 0xffff_ffff);
    task.cpu.set_fpcr(fp >> 32);
}

/// Whether a signal is one by which the tracer's emulator and the traced one tell each other something.
pub(crate) fn is_message(signo: i32, code: i32) -> bool {
    signo == libc::SIGTRAP && matches!(code, ANNOUNCE | ASK)
}

/// For a recorded signal: whether it is one of ours, and is dealt with.
pub(crate) fn asked(task: &mut Task, signo: i32, info: &Info) -> bool {
    if signo != libc::SIGTRAP {
        return false;
    }
    match info.code() {
        // Nobody traces this thread any more.
        ANNOUNCE => {
            task.trace = None;
            true
        }
        ASK => {
            if task.trace.is_none() {
                task.trace = Some(Traced::new(0, mode::CONTINUE, true));
            }
            ready(task);
            true
        }
        _ => false,
    }
}

/// Stops because it was asked to; takes the signal for which it was.
fn ready(task: &mut Task) {
    let signo = announce(task, kind::READY, 0, &Info([0; 128]), 0);
    if signo != 0 {
        let info = saved_info(task, signo as i32);
        crate::signal::take(task, signo as i32, info);
    }
}

fn saved_info(task: &Task, signo: i32) -> Info {
    let mut info = Info::fault(signo, 0, 0);
    if let Some(traced) = &task.trace {
        let words: Vec<u8> =
            (0..16).flat_map(|n| traced.get(word::INFO + n).to_le_bytes()).collect();
        if words[0] == signo as u8 {
            info.0.copy_from_slice(&words);
        }
    }
    info
}

/// A thread or process that is traced from its start on.
pub(crate) fn started(task: &mut Task) {
    if task.trace.is_some() {
        ready(task);
    }
}

/// A signal of the thread's own doing. Gives the signal to take, 0 = none.
pub(crate) fn signal(task: &mut Task, signo: i32, info: &Info) -> i32 {
    announce(task, kind::SIGNAL, signo, info, signo as u64) as i32
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
    if !task.stepping() {
        return;
    }
    let info = Info::fault(libc::SIGTRAP, TRAP_TRACE, task.state().pc());
    let signo = announce(task, kind::STEP, libc::SIGTRAP, &info, 0);
    if signo != 0 {
        let info = saved_info(task, signo as i32);
        crate::signal::take(task, signo as i32, info);
    }
}

/// This is the program that a traced thread has executed.
pub(crate) fn resumed(task: &mut Task) {
    let info = Info::fault(libc::SIGTRAP, 0, 0);
    let signo = announce(task, kind::EXEC, libc::SIGTRAP, &info, 0);
    if task.trace.as_ref().is_some_and(|t| t.get(word::MODE) == mode::SYSCALL) {
        if let Some(traced) = &task.trace {
            traced.set(word::RESULT, 0);
        }
        announce(task, kind::LEAVE, libc::SIGTRAP, &info, 0);
    }
    if signo != 0 && signo != libc::SIGTRAP as u64 {
        let info = saved_info(task, signo as i32);
        crate::signal::take(task, signo as i32, info);
    }
}

/// Serves a system call, stopping before and after it if the tracer wants that.
#[cold]
pub(crate) fn dispatch(task: &mut Task, serve: impl FnOnce(&mut Task)) {
    let wanted =
        |task: &Task| task.trace.as_ref().is_some_and(|t| t.get(word::MODE) == mode::SYSCALL);
    let info = Info::fault(libc::SIGTRAP, libc::SIGTRAP | 0x80, 0);
    let abi = task.process.abi;
    if wanted(task) {
        let number = task.state().int[abi.nr_slot as usize];
        if let Some(traced) = &task.trace {
            traced.set(word::NUMBER, number);
        }
        announce(task, kind::ENTER, libc::SIGTRAP, &info, 0);
        let new = task.trace.as_ref().map_or(number, |t| t.get(word::NUMBER));
        if new != number {
            task.state_mut().int[abi.nr_slot as usize] = new;
        }
    }
    let (pc, tid) = (task.state().pc(), task.tid);
    serve(task);
    // A new child has its first stop behind it, and has made no call.
    if wanted(task) && task.thread.ended.is_none() && task.tid == tid {
        let again = task.state().pc() == pc.wrapping_sub(abi.call_len);
        let result = task.state().int[abi.ret_slot as usize];
        if let Some(traced) = &task.trace {
            traced.set(word::RESULT, if again { -512_i64 as u64 } else { result });
        }
        announce(task, kind::LEAVE, libc::SIGTRAP, &info, 0);
    }
}
