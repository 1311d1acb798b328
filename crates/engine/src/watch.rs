//! What a debugger watches by the processor's own means: accesses to memory, execution of code.

/// `TRAP_HWBKPT`, the `si_code` of a hit.
pub(crate) const TRAP_HWBKPT: i32 = 4;

/// Some bytes that are watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watch {
    /// Their address.
    pub start: u64,
    /// How many.
    pub len: u64,
    /// Whether loads are hits.
    pub loads: bool,
    /// Whether stores are.
    pub stores: bool,
    /// Whether execution is.
    pub executes: bool,
    /// Whether an access is told of after its instruction, and execution once before it (x86);
    /// otherwise each time before the instruction, which the debugger must step over.
    pub goes_on: bool,
}

impl Watch {
    fn covers(&self, addr: u64, size: u64) -> bool {
        addr < self.start.saturating_add(self.len) && self.start < addr.saturating_add(size)
    }

    /// Whether an access to `size` bytes is a hit.
    pub(crate) fn hit(&self, addr: u64, size: usize, write: bool) -> bool {
        (if write { self.stores } else { self.loads }) && self.covers(addr, size as u64)
    }

    /// Whether the execution of what is at `pc` is one.
    pub(crate) fn stops_at(&self, pc: u64) -> bool {
        self.executes && self.covers(pc, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_that_overlap_are_hits() {
        let watch = Watch {
            start: 100,
            len: 4,
            loads: false,
            stores: true,
            executes: false,
            goes_on: false,
        };
        assert!(watch.hit(96, 8, true) && watch.hit(103, 1, true) && watch.hit(92, 16, true));
        assert!(!watch.hit(96, 4, true) && !watch.hit(104, 8, true) && !watch.hit(100, 4, false));
        assert!(!watch.stops_at(100));
    }
}
