//! What a traced thread and its tracer tell each other: words in the traced thread's memory, which
//! the tracer reads and writes while the thread is stopped.

use sys::{Errno, raw};

/// Indices of words.
pub(super) mod word {
    /// One of [`super::kind`].
    pub(crate) const KIND: usize = 0;
    /// The signal.
    pub(crate) const SIGNO: usize = 1;
    /// How to go on: one of [`super::mode`]. Written by the tracer at any time.
    pub(crate) const MODE: usize = 2;
    /// Signal to take; 0 = none.
    pub(crate) const SIGNAL: usize = 3;
    /// The tracer has changed registers.
    pub(crate) const CHANGED: usize = 4;
    /// `PTRACE_O_*`.
    pub(crate) const OPTIONS: usize = 5;
    /// System call's number.
    pub(crate) const NUMBER: usize = 6;
    /// Its result.
    pub(crate) const RESULT: usize = 7;
    /// Attached by `PTRACE_SEIZE`.
    pub(crate) const SEIZED: usize = 8;
    /// A signal that is on its way and must not be asked about again.
    pub(crate) const PASS: usize = 9;
    /// The tracer is gone.
    pub(crate) const DETACHED: usize = 10;
    /// Blocked signals.
    pub(crate) const MASK: usize = 11;
    /// Thread pointer.
    pub(crate) const TLS: usize = 12;
    /// Address and length of the auxiliary vector.
    pub(crate) const AUXV: usize = 13;
    /// Siginfo, 16 words.
    pub(crate) const INFO: usize = 16;
    /// `user_pt_regs`: 31 registers, sp, pc, pstate.
    pub(crate) const REGS: usize = 32;
    /// `user_fpsimd_state`: 64 words, then FPSR and FPCR in one.
    pub(crate) const FP: usize = 66;
    /// Number of words.
    pub(crate) const COUNT: usize = 132;
}

/// Words of `user_pt_regs` and `user_fpsimd_state`.
pub(super) const REGS_WORDS: usize = 34;
pub(super) const FP_WORDS: usize = 66;

/// Why a thread has stopped.
pub(super) mod kind {
    pub(crate) const RUNNING: u64 = 0;
    /// It was asked to, and is between two instructions.
    pub(crate) const READY: u64 = 1;
    /// It is about to get a signal.
    pub(crate) const SIGNAL: u64 = 2;
    pub(crate) const ENTER: u64 = 3;
    pub(crate) const LEAVE: u64 = 4;
    /// It has run one instruction.
    pub(crate) const STEP: u64 = 5;
    /// It runs a new program.
    pub(crate) const EXEC: u64 = 6;
}

/// How a thread goes on.
pub(super) mod mode {
    pub(crate) const CONTINUE: u64 = 0;
    pub(crate) const SYSCALL: u64 = 1;
    pub(crate) const STEP: u64 = 2;
}

/// `si_code` of the SIGTRAP by which a thread stops itself; `si_value` = address of its block.
pub(super) const ANNOUNCE: i32 = -0x7172;
/// Of the SIGTRAP by which the tracer asks for that.
pub(super) const ASK: i32 = -0x7171;

/// A siginfo as `sigqueue` makes it.
pub(super) fn queued(code: i32, value: u64) -> [u64; 16] {
    let mut info = [0; 16];
    info[0] = libc::SIGTRAP as u64;
    info[1] = u64::from(code as u32);
    info[2] = raw::getpid() as u64;
    info[3] = value;
    info
}

/// Sends SIGTRAP with `info` to a thread.
pub(super) fn send(pid: i32, tid: i32, info: &[u64; 16]) -> Result<(), Errno> {
    let at = info.as_ptr() as u64;
    let args = [pid as u64, tid as u64, libc::SIGTRAP as u64, at];
    raw::call(libc::SYS_rt_tgsigqueueinfo, args).map(drop)
}

/// Reads words of another process.
pub(super) fn read(pid: i32, at: u64, out: &mut [u64]) -> Result<(), Errno> {
    let len = size_of_val(out) as u64;
    let local = [out.as_mut_ptr() as u64, len];
    transfer(libc::SYS_process_vm_readv, pid, local, [at, len])
}

/// Writes words of another process.
pub(super) fn write(pid: i32, at: u64, words: &[u64]) -> Result<(), Errno> {
    let len = size_of_val(words) as u64;
    transfer(libc::SYS_process_vm_writev, pid, [words.as_ptr() as u64, len], [at, len])
}

fn transfer(nr: i64, pid: i32, local: [u64; 2], remote: [u64; 2]) -> Result<(), Errno> {
    let (local, remote) = (local.as_ptr() as u64, remote.as_ptr() as u64);
    raw::call(nr, [pid as u64, local, 1, remote, 1, 0]).map(drop)
}
