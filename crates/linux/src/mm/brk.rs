//! The heap: `brk(2)`.

use super::{MapRequest, Mm, Space, page_up, prot};
use crate::elf::PAGE;
use crate::limits;
use libc::{MAP_ANONYMOUS, MAP_PRIVATE};
use sys::errno::Errno;

impl Mm {
    /// Sets where the heap starts, and the program's data, which counts with it.
    pub fn set_brk_start(&self, start: u64, data: (u64, u64)) {
        let mut space = self.space();
        space.brk_start = start;
        space.brk = start;
        space.data = data;
    }

    /// `brk(2)`: moves the end of the heap if it can; gives the end.
    pub fn brk(&self, wanted: u64) -> u64 {
        let mut space = self.space();
        if wanted < space.brk_start || wanted > space.end - PAGE || !space.heap_may_end(wanted) {
            return space.brk;
        }
        let (old, Some(new)) = ((space.brk + PAGE - 1) & !(PAGE - 1), page_up(wanted)) else {
            return space.brk;
        };
        if new > old {
            if space.grow_heap(old, new).is_err() {
                return space.brk;
            }
        } else if new < old {
            // Only what is still the heap's: the guest may have unmapped parts itself.
            if self.unmap_parts(&mut space, new, old).is_err() {
                return space.brk;
            }
        }
        space.brk = wanted;
        wanted
    }
}

impl Space {
    /// Whether `RLIMIT_DATA` allows the program's data and a heap up to `end` (`check_data_rlimit`).
    fn heap_may_end(&self, end: u64) -> bool {
        if self.is_unlimited() {
            return true;
        }
        let (limit, _) = limits::get(libc::RLIMIT_DATA);
        limit == u64::MAX || end - self.brk_start + (self.data.1 - self.data.0) <= limit
    }

    fn grow_heap(&mut self, old: u64, new: u64) -> Result<(), Errno> {
        self.note_growth();
        // Linux keeps a page free above the heap.
        if self.owned.intersects(old, new + PAGE) {
            return Err(Errno::ENOMEM);
        }
        self.may_grow(new - old, true)?;
        let flags = (MAP_PRIVATE | MAP_ANONYMOUS) as u64;
        let prot = prot::READ | prot::WRITE;
        let mut request = MapRequest { addr: old, len: new - old, prot, flags, fd: -1, offset: 0 };
        self.locking(&mut request, |request| request.make_new(old))?;
        self.owned.insert(old, new);
        Ok(())
    }
}
