//! The Linux that the guest sees: loading programs, system calls, signals, /proc.
//!
//! A process is one [`Process`], shared by its tasks; a task is one [`Task`], owned by the host
//! thread that runs it. Everything that is particular to Linux on one architecture is in the value
//! of [`abi::Abi`] that the process has. Guest addresses are host addresses.

pub mod abi;
pub mod calls;
pub mod elf;
pub mod exec;
pub mod family;
mod identity;
pub mod intervals;
pub mod layout;
mod limits;
pub mod load;
pub mod mm;
pub mod options;
pub mod proc;
pub mod process;
pub mod ptrace;
pub mod seccomp;
pub mod signal;
pub mod stack;
pub mod strace;
pub mod task;
pub mod thread;
pub mod vdso;

pub use options::Options;
pub use process::Process;
pub use task::Task;
