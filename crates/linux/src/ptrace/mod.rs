//! `ptrace`: guests trace guests.
//!
//! The host's kernel knows who traces whom: the guest's calls that attach and detach are made on
//! the host as well, so waiting, stopping, dying and children are Linux's own. But what the host
//! sees is the emulator. So a traced thread stops itself, where its guest's state is whole (before
//! and after system calls, at signals, after single steps), by a SIGTRAP of its own that carries
//! the address of a block of words ([`block`]); the tracer's emulator finds it there, and gives
//! and takes registers and commands through it. Stops of the host at any other place are not shown
//! to the tracing guest: signals that the emulator needs are passed on, and for any other signal
//! the thread is first asked to go to such a place ([`tracer`]).

mod block;
mod tracee;
mod tracer;
mod wait;

pub(crate) use tracee::Traced;
pub(crate) use tracer::{auxv, forget, fork_guard, ptrace};
pub(crate) use wait::wait4;

pub(crate) use tracee::{
    asked, before_default, dispatch, is_message, resumed, signal, started, stepped,
};
