//! What a traced thread and its tracer tell each other: words in the traced thread's memory, which
//! the tracer reads and writes while the thread is stopped.

use sys::{Errno, raw};

/// Indices of words.
pub(super) mod word {
    /// One of [`super::kind`].
    pub(crate) const KIND: usize = 0;
    /// The signal.
    pub(crate) const SIGNO: usize = 1;
    /// System call's number; 32 bits count.
    pub(crate) const NUMBER: usize = 2;
    /// Its result; what a filter says to the tracer.
    pub(crate) const RESULT: usize = 3;
    /// A signal that is on its way and must not be asked about again.
    pub(crate) const PASS: usize = 4;

    // What the tracer writes when it lets the thread go: [`super::Orders`].
    /// How to go on: one of [`super::mode`].
    pub(crate) const MODE: usize = 5;
    /// Signal to take; 0 = none.
    pub(crate) const SIGNAL: usize = 6;
    /// `PTRACE_O_*`.
    pub(crate) const OPTIONS: usize = 7;
    /// Code may have been changed.
    pub(crate) const CODE: usize = 8;
    /// The tracer is gone.
    pub(crate) const DETACHED: usize = 9;
    /// The tracer has seen the stop.
    pub(crate) const SEEN: usize = 10;
    /// Number of these.
    pub(crate) const ORDERS: usize = 6;

    /// What the tracer has changed: [`super::changed`].
    pub(crate) const CHANGED: usize = 11;
    /// Blocked signals.
    pub(crate) const MASK: usize = 12;
    /// `AUDIT_ARCH_*` of the program.
    pub(crate) const ARCH: usize = 13;
    /// Address and length of the auxiliary vector.
    pub(crate) const AUXV: usize = 14;
    /// Siginfo, 16 words.
    pub(crate) const INFO: usize = 17;
    /// Address and control of 16 breakpoints and 16 watchpoints of the processor.
    pub(crate) const HARDWARE: usize = 33;
    /// The registers, as [`crate::abi::Ptrace`] lays them out.
    pub(crate) const REGISTERS: usize = 97;
    /// Most words of registers of any architecture.
    pub(crate) const REGISTERS_MAX: usize = 160;
    /// Address and length of the filters of system calls, as they are saved for programs.
    pub(crate) const FILTERS: usize = REGISTERS + REGISTERS_MAX;
    /// Number of words.
    pub(crate) const COUNT: usize = FILTERS + 2;
}

/// Why a thread has stopped.
pub(super) mod kind {
    pub(crate) const RUNNING: u64 = 0;
    /// It was asked to, and is between two instructions; with the signal for which it was.
    pub(crate) const READY: u64 = 1;
    /// It is about to get a signal.
    pub(crate) const SIGNAL: u64 = 2;
    pub(crate) const ENTER: u64 = 3;
    pub(crate) const LEAVE: u64 = 4;
    /// It has run one instruction.
    pub(crate) const STEP: u64 = 5;
    /// It runs a new program.
    pub(crate) const EXEC: u64 = 6;
    /// A filter wants the tracer to be asked about a system call.
    pub(crate) const SECCOMP: u64 = 7;
}

/// How a thread goes on.
pub(super) mod mode {
    pub(crate) const CONTINUE: u64 = 0;
    pub(crate) const SYSCALL: u64 = 1;
    pub(crate) const STEP: u64 = 2;
    /// Stop before system calls and do not make them.
    pub(crate) const EMULATE: u64 = 3;
    /// Both.
    pub(crate) const EMULATE_STEP: u64 = 4;
}

/// Bits of [`word::CHANGED`].
pub(super) mod changed {
    pub(crate) const REGISTERS: u64 = 1;
    pub(crate) const MASK: u64 = 2;
    pub(crate) const HARDWARE: u64 = 4;
}

/// What the tracer writes when it lets a thread go.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Orders {
    pub(super) mode: u64,
    pub(super) signal: u64,
    pub(super) options: u64,
    pub(super) code: bool,
    pub(super) detached: bool,
}

impl Orders {
    /// Writes them to the block at `block` of another process.
    pub(super) fn give(self, pid: i32, block: u64) -> Result<(), Errno> {
        let Self { mode, signal, options, code, detached } = self;
        let words: [u64; word::ORDERS] =
            [mode, signal, options, u64::from(code), u64::from(detached), 1];
        write(pid, block + 8 * word::MODE as u64, &words)
    }
}

/// A siginfo in words.
pub(super) type InfoWords = [u64; 16];

/// `si_code` of the SIGTRAP by which a thread stops itself; `si_value` = address of its block.
pub(super) const ANNOUNCE: i32 = -0x7172;
/// Of the SIGTRAP by which the tracer asks for that.
pub(super) const ASK: i32 = -0x7171;

/// `si_signo` and `si_code` of a siginfo.
pub(super) fn signo_and_code(info: &InfoWords) -> (i32, i32) {
    (info[0] as i32, info[1] as i32)
}

/// The siginfo that announces the block at `block`.
pub(super) fn announcement(block: u64) -> InfoWords {
    let mut info = [0; 16];
    info[0] = libc::SIGTRAP as u64;
    info[1] = u64::from(ANNOUNCE as u32);
    info[2] = raw::getpid() as u64;
    info[3] = block;
    info
}

/// The siginfo that asks a thread to stop; with `signal` (its siginfo) if that is to be taken then.
/// The kernel keeps 48 bytes of a siginfo: the signal's number takes the place of `si_errno`, its
/// code that of the padding.
pub(super) fn question(signal: Option<&InfoWords>) -> InfoWords {
    let mut info = signal.copied().unwrap_or_default();
    let (signo, code) = signo_and_code(&info);
    info[0] = libc::SIGTRAP as u64 | (signo as u64) << 32;
    info[1] = u64::from(ASK as u32) | u64::from(code as u32) << 32;
    info
}

/// The signal that a [`question`] holds.
pub(super) fn asked_signal(question: &[u8; 128]) -> Option<(i32, [u8; 128])> {
    let mut info = *question;
    info.copy_within(4..8, 0);
    info[4..8].fill(0);
    info.copy_within(12..16, 8);
    info[12..16].fill(0);
    let signo = i32::from(info[0]);
    (signo != 0).then_some((signo, info))
}

/// Sends SIGTRAP with `info` to a thread.
pub(super) fn send(pid: i32, tid: i32, info: &InfoWords) -> Result<(), Errno> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_keeps_the_signal() {
        let mut info = [0; 16];
        info[0] = libc::SIGTERM as u64;
        info[1] = u64::from(libc::SI_QUEUE as u32);
        (info[2], info[3]) = (0x1_0000_0002, 0x1234_5678_9abc);
        let asked = question(Some(&info));
        assert_eq!(signo_and_code(&asked), (libc::SIGTRAP, ASK));
        let bytes = |words: InfoWords| {
            let mut out = [0; 128];
            for (n, word) in words.into_iter().enumerate() {
                out[8 * n..][..8].copy_from_slice(&word.to_le_bytes());
            }
            out
        };
        assert_eq!(asked_signal(&bytes(asked)), Some((libc::SIGTERM, bytes(info))));
        assert_eq!(asked_signal(&bytes(question(None))), None);
    }
}
