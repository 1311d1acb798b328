//! `ptrace`: guests trace guests.
//!
//! The host's kernel knows who traces whom: the guest's calls that attach and detach are made on
//! the host as well, so waiting, stopping, dying and children are Linux's own. But what the host
//! sees is the emulator. So a traced thread stops itself, where its guest's state is whole (before
//! and after system calls, at signals, after single steps), by a SIGTRAP of its own that carries
//! the address of a block of words ([`block`]); the tracer's emulator finds it there, and gives
//! and takes registers and commands through it. Stops of the host at any other place are not shown
//! to the tracing guest: signals that the emulator needs are passed on, and for any other signal
//! the thread is first asked to go to such a place ([`ask`]).

mod ask;
mod block;
mod hardware;
mod look;
mod tracee;
mod tracer;
mod user;
mod wait;

pub(crate) use tracee::{Asked, Traced};
pub(crate) use tracer::{auxv, forget, fork_guard, memory_opened, ptrace};
pub(crate) use wait::{wait4, waitid};

pub(crate) use tracee::{
    asked, before_default, dispatch, ended, entered_handler, hit, is_message, is_question, obey,
    resumed, seccomp, send_to_self, signal, started, stepped, suspends_seccomp,
};

/// `NT_*` of the register sets that every architecture has.
pub(crate) mod set {
    pub(crate) const PRSTATUS: u64 = 1;
    pub(crate) const PRFPREG: u64 = 2;
}

/// `PTRACE_O_*`.
mod option {
    pub(super) const SYSGOOD: u64 = 1;
    pub(super) const FORK: u64 = 2;
    pub(super) const VFORK: u64 = 4;
    pub(super) const CLONE: u64 = 8;
    pub(super) const EXEC: u64 = 0x10;
    pub(super) const SECCOMP: u64 = 0x80;
    pub(super) const SUSPEND_SECCOMP: u64 = 0x20_0000;
    /// Those that the host's kernel knows and that mean the same there.
    pub(super) const HOST: u64 = 0x30_007e;
    /// All that Linux knows.
    pub(super) const KNOWN: u64 = 0x30_00ff;
}
