//! The heap: `brk(2)`.

use super::{Mm, host_mmap, host_munmap, page_up};
use crate::elf::{ADDR_END, PAGE};
use libc::{MAP_ANONYMOUS, MAP_FIXED_NOREPLACE, MAP_PRIVATE, PROT_READ, PROT_WRITE};

impl Mm {
    /// Sets where the heap starts.
    pub fn set_brk_start(&self, start: u64) {
        let mut space = self.space();
        space.brk_start = start;
        space.brk = start;
    }

    /// `brk(2)`: moves the end of the heap if it can; gives the end.
    pub fn brk(&self, wanted: u64) -> u64 {
        let mut space = self.space();
        if wanted < space.brk_start || wanted > ADDR_END - PAGE {
            return space.brk;
        }
        let (old, Some(new)) = ((space.brk + PAGE - 1) & !(PAGE - 1), page_up(wanted)) else {
            return space.brk;
        };
        if new > old {
            let prot = (PROT_READ | PROT_WRITE) as u64;
            let flags = (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE) as u64;
            space.release_holes(old, new);
            if space.owned.intersects(old, new)
                || host_mmap([old, new - old, prot, flags, u64::MAX, 0]).is_err()
            {
                return space.brk;
            }
            space.owned.insert(old, new);
        } else if new < old {
            // Only what is still the heap's: the guest may have unmapped parts itself.
            let parts: Vec<_> = space.owned.overlaps(new, old).collect();
            for (start, end) in parts {
                if host_munmap(start, end).is_err() {
                    return space.brk;
                }
            }
            space.owned.remove(new, old);
            self.clear_exec(new, old);
        }
        space.brk = wanted;
        wanted
    }
}
