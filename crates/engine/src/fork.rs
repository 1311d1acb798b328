//! Fork: the tables stay consistent, and the child keeps only the thread that forked.

use crate::cpu::Cpu;
use crate::engine::{Engine, Writer};
use crate::section::Section;
use std::sync::{MutexGuard, RwLockWriteGuard};

/// Held over a fork, by parent and child.
pub struct ForkGuard {
    engine: &'static Engine,
    writer: MutexGuard<'static, Writer>,
    _clock: MutexGuard<'static, crate::clock::Line>,
    _sections: RwLockWriteGuard<'static, Vec<Section>>,
    child: bool,
}

impl Engine {
    /// Keeps the tables consistent over a fork.
    pub fn fork_guard(&'static self) -> ForkGuard {
        let writer = self.lock();
        self.cache.prepare_fork();
        let _sections = self.sections.lock();
        ForkGuard { engine: self, writer, _clock: crate::clock::lock(), _sections, child: false }
    }
}

impl ForkGuard {
    /// To be called in the child of a fork, before anything else of the engine: only `cpu` is left.
    pub fn child(&mut self, cpu: &Cpu) {
        let Writer { cpus, spare, .. } = &mut *self.writer;
        cpus.retain(|c| *c == cpu.reference() || spare.iter().any(|s| s.reference() == *c));
        self.child = true;
        cpu.forked();
    }
}

impl Drop for ForkGuard {
    fn drop(&mut self) {
        self.engine.cache.finish_fork(self.child);
    }
}

impl core::fmt::Debug for ForkGuard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ForkGuard").field("child", &self.child).finish_non_exhaustive()
    }
}
