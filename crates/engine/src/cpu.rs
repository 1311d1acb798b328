//! A guest thread's processor.

use crate::engine::Engine;
use ir::State;
use std::io;
use std::sync::atomic::AtomicU32;

/// A guest fault, to become a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// SIGSEGV, SIGBUS, SIGFPE ... (the host's numbers).
    pub signo: i32,
    /// `si_code`.
    pub code: i32,
    /// `si_addr`.
    pub addr: u64,
}

/// Why [`Cpu::run`] returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// A system call; pc = the next instruction.
    Syscall {
        /// The instruction's immediate.
        imm: u32,
    },
    /// A trap at pc.
    Trap {
        /// One of `ir::state::TRAP_*`.
        kind: u16,
        /// Its argument.
        arg: u32,
    },
    /// The instruction at pc faulted; nothing of it has happened.
    Fault(Fault),
    /// A signal was recorded ([`Cpu::take_signal`]), or [`Cpu::interrupt`] was called.
    Interrupted,
}

/// A signal that arrived from outside.
#[derive(Clone, Copy, Debug)]
pub struct RecordedSignal {
    /// Its number.
    pub signo: i32,
    /// The host's siginfo.
    pub info: [u8; 128],
}

/// A guest thread's processor: registers, return stack, branch hash.
pub struct Cpu {}

impl Cpu {
    /// A new one, all registers zero.
    ///
    /// # Errors
    /// If memory is short.
    pub fn new(_engine: &'static Engine) -> io::Result<Self> {
        unimplemented!()
    }
    /// A new one with the same registers (the exclusive monitor is clear), for a new thread.
    ///
    /// # Errors
    /// If memory is short.
    pub fn clone_registers(&self) -> io::Result<Self> {
        unimplemented!()
    }
    /// The engine it belongs to.
    pub fn engine(&self) -> &'static Engine {
        unimplemented!()
    }
    /// The registers.
    pub fn state(&self) -> &State {
        unimplemented!()
    }
    /// The registers, to be changed. Use [`Cpu::set_fpcr`] for the floating-point control.
    pub fn state_mut(&mut self) -> &mut State {
        unimplemented!()
    }
    /// Makes this the processor of the calling thread: signals are recorded here, its alternate
    /// signal stack is used.
    pub fn make_current(&mut self) {
        unimplemented!()
    }
    /// Runs guest code from the pc slot until something is to be done.
    pub fn run(&mut self) -> Exit {
        unimplemented!()
    }
    /// NZCV in PSTATE layout.
    pub fn nzcv(&self) -> u32 {
        unimplemented!()
    }
    /// Sets NZCV.
    pub fn set_nzcv(&mut self, _nzcv: u32) {
        unimplemented!()
    }
    /// The floating-point status, all sticky bits included.
    pub fn fpsr(&self) -> u64 {
        unimplemented!()
    }
    /// Sets it.
    pub fn set_fpsr(&mut self, _fpsr: u64) {
        unimplemented!()
    }
    /// The floating-point control.
    pub fn fpcr(&self) -> u64 {
        unimplemented!()
    }
    /// Sets it.
    pub fn set_fpcr(&mut self, _fpcr: u64) {
        unimplemented!()
    }
    /// The next recorded signal. When there is none left, nothing is pending any more.
    pub fn take_signal(&mut self) -> Option<RecordedSignal> {
        unimplemented!()
    }
    /// Non-zero while something is pending.
    pub fn pending(&self) -> &AtomicU32 {
        unimplemented!()
    }
    /// Makes the next (or current) [`Cpu::run`] and [`Cpu::syscall`] return early.
    pub fn interrupt(&self) {
        unimplemented!()
    }
    /// A host system call that signals interrupt: -512 if something is pending before it starts,
    /// or if the kernel would restart it.
    pub fn syscall(&self, _nr: i64, _args: [u64; 6]) -> i64 {
        unimplemented!()
    }
    /// Forgets the return stack (after longjmp-like changes; never needed for correctness).
    pub fn invalidate_returns(&mut self) {
        unimplemented!()
    }
}
