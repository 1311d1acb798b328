//! Addresses that the guest unmapped and that are kept for it.
//!
//! The emulator's own memory (its heap, the stacks of host threads) is put where the host likes:
//! in a hole that the guest made, too, and then the guest could not map there again. So a hole
//! stays mapped, without access, until the guest uses it. What the guest sees of it is corrected:
//! faults there are of unmapped memory ([`Mm::is_hole`]).

use super::{Mm, Space, host_mmap, host_munmap};
use crate::elf::PAGE;
use libc::{MAP_ANONYMOUS, MAP_FIXED, MAP_NORESERVE, MAP_PRIVATE};
use sys::errno::Errno;

/// Larger holes are really unmapped: they would count against limits, and the emulator takes
/// memory from the highest hole that fits, so it seldom gets to these.
const HOLE_MAX: u64 = 16 << 20;
/// As many holes are looked through for a new mapping.
const SEARCH_MAX: usize = 64;

impl Space {
    /// Unmaps `start..end`, which is the guest's, and keeps it for the guest.
    pub(super) fn punch(&mut self, start: u64, end: u64) -> Result<(), Errno> {
        let flags = (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED) as u64;
        let keep = end - start <= HOLE_MAX;
        let kept = keep
            && match host_mmap([start, end - start, 0, flags, u64::MAX, 0]) {
                Ok(_) => true,
                Err(Errno::EPERM) => return Err(Errno::EPERM),
                // A limit was reached: it is unmapped, then.
                Err(_) => false,
            };
        if !kept {
            host_munmap(start, end)?;
        }
        self.owned.remove(start, end);
        if kept {
            self.holes.insert(start, end);
        }
        Ok(())
    }

    /// A place for a new mapping of `len` bytes in a hole: at `hint` if that is free, else the
    /// highest one.
    pub(super) fn find_hole(&self, hint: u64, len: u64) -> Option<u64> {
        if hint != 0 {
            let end = hint.checked_add(len)?;
            return self.holes.covers(hint, end).then_some(hint);
        }
        self.holes
            .descending()
            .take(SEARCH_MAX)
            .find(|(start, end)| end - start >= len)
            .map(|(_, end)| end - len)
    }

    /// Gives the host back what of `start..end` is a hole.
    pub(super) fn release_holes(&mut self, start: u64, end: u64) {
        let parts: Vec<_> = self.holes.overlaps(start, end).collect();
        for (start, end) in parts {
            if host_munmap(start, end).is_ok() {
                self.holes.remove(start, end);
            }
        }
    }
}

impl Mm {
    /// Whether `addr` is in a hole: the host's faults there are of a protection, the guest's are
    /// of an address.
    pub(crate) fn is_hole(&self, addr: u64) -> bool {
        self.space().holes.contains(addr & !(PAGE - 1))
    }
}
