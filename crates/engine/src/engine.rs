//! The process-wide translator.

use crate::cpu::Cpu;
use crate::options::{Options, Stats};
use guest::Guest;
use std::io;

/// Who knows which guest memory may be executed.
pub trait AddressSpace: Sync {
    /// The page of `addr` is mapped for the guest with execute permission.
    fn executable(&self, addr: u64) -> bool;
    /// The page of `addr` is mapped for the guest at all.
    fn mapped(&self, addr: u64) -> bool;
}

/// The process-wide translator; lives as long as the process.
pub struct Engine {}

impl Engine {
    /// Makes it and installs the handlers of the five synchronous signals.
    ///
    /// # Errors
    /// If the code cache cannot be mapped.
    pub fn new(_guest: &'static dyn Guest, _options: Options) -> io::Result<&'static Self> {
        unimplemented!()
    }
    /// Sets who says what is executable; before the first [`Cpu::run`].
    pub fn set_address_space(&self, _space: &'static dyn AddressSpace) {
        unimplemented!()
    }
    /// Drops all translations of guest code in `[start, start + len)`.
    pub fn invalidate(&self, _start: u64, _len: u64) {
        unimplemented!()
    }
    /// Keeps the tables consistent over a fork.
    pub fn fork_guard(&'static self) -> ForkGuard {
        unimplemented!()
    }
    /// What has been counted.
    pub fn stats(&self) -> Stats {
        unimplemented!()
    }
    /// The guest.
    pub fn guest(&self) -> &'static dyn Guest {
        unimplemented!()
    }
}

/// Held over a fork, by parent and child.
pub struct ForkGuard {}

impl ForkGuard {
    /// To be called in the child of a fork, before anything else of the engine: only `cpu` is left.
    pub fn child(&mut self, _cpu: &Cpu) {
        unimplemented!()
    }
}
