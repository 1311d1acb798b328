//! The host's kernel: raw system calls, processes, threads, signals and mappings.
//!
//! One of the crates where `unsafe` is allowed; what it offers is safe to call wherever the
//! invariant said in words at each function holds.

pub mod alloc;
pub mod arch;
pub mod auxv;
pub mod clock;
pub mod errno;
pub mod limits;
pub mod map;
pub mod process;
pub mod raw;
pub mod signal;
pub mod start;
pub mod thread;
pub mod vdso;

pub use arch::syscall_interruptible;
pub use errno::Errno;
pub use raw::{call, syscall, syscall_ret};
