//! Runs guest code: translate, cache, link, dispatch, faults in translated code.
//!
//! The interface, all of it safe:
//!
//! ```text
//! let engine: &'static Engine = Engine::new(guest, options)?;      // once a process; installs fault handlers
//! engine.set_address_space(&SPACE);                                // who says what is executable
//! let mut cpu = Cpu::new(engine)?;                                 // one a guest thread, on that thread or before
//! cpu.make_current();                                              // on the thread that runs it
//! loop {
//!     match cpu.run() {
//!         Exit::Syscall { imm, len } => ...,                       // pc = next instruction
//!         Exit::Trap { kind, arg } => ...,                         // pc = that instruction (ir::state::TRAP_*)
//!         Exit::Fault(fault) => ...,                               // pc = that instruction
//!         Exit::Interrupted => while let Some(s) = cpu.take_signal() { ... },
//!     }
//! }
//! ```
//!
//! Guest memory is identity mapped and reached through the `memory` crate. After guest code may
//! have changed (munmap, mmap over, mprotect, mremap, truncation): [`Engine::invalidate`].
//!
//! Signals: [`signals::catch`] makes a host signal be recorded in the current [`Cpu`]: everything
//! but the five synchronous signals is then blocked on this thread until
//! [`signals::set_host_mask`]. Blocking calls go through [`Cpu::syscall`], which returns -512
//! (`ERESTARTSYS`) when a signal came first or the call would have been restarted.
//!
//! Fork: `let guard = engine.fork_guard(); fork(); in the child: guard.child(&cpu); drop(guard)`.
//! Families: [`Engine::found_share`] before the first fork, [`Engine::join_share`] in a program that
//! was executed, [`Engine::leave_share`] before credentials change.
//! Vfork: the child makes its own `Cpu` current; the parent calls `make_current` again afterwards.

#![expect(unsafe_code, reason = "runs generated code, shares memory with it and with handlers")]

mod arena;
mod cache;
mod clock;
mod code_lines;
mod cpu;
mod engine;
mod fault;
mod fetch;
mod firsts;
mod fork;
mod host;
mod interpret;
mod invalidate;
mod link;
mod map;
mod options;
mod report;
mod retire;
mod run;
mod section;
mod share;
pub mod signals;
pub mod testing;
#[cfg(test)]
mod tests;
mod translate;
mod unit;
mod vdso;
mod watch;

pub use cpu::{Access, Cpu, Exit, Fault, RecordedSignal};
pub use engine::{AddressSpace, Engine};
pub use fork::ForkGuard;
pub use options::{FeatureLevel, Options, Stats};
pub use share::{FAMILY_PLACE_UNIT, FAMILY_PLACES_LEN, Family, Image};
pub use watch::Watch;
