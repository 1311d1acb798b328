//! Where the guest's mappings go.
//!
//! The host puts what the emulator itself maps (its heap, the stacks of host threads) as high as it
//! can. The guest's mappings are placed here, below the guest's stack and so far below all of that:
//! what the guest unmaps is really unmapped, and nothing of the emulator takes its place.
//!
//! A file may refuse any address that it is given (the rings of `io_uring`) or need a special one
//! (huge pages); then the host places it, next to the emulator's own memory.

use super::{Mm, Space, host_mmap, host_munmap, page_up};
use crate::elf::PAGE;
use crate::load::PROGRAM_BASE;
use libc::{MAP_ANONYMOUS, MAP_FIXED_NOREPLACE, MAP_NORESERVE, MAP_PRIVATE, PROT_NONE};
use sys::errno::Errno;
use sys::raw;

/// Nothing is placed below this (`vm.mmap_min_addr`, as it is almost everywhere).
pub(super) const LOWEST: u64 = 0x1_0000;
/// Programs start below this, by whoever they are started, and so do their heaps.
pub(super) const PROGRAMS_END: u64 = PROGRAM_BASE + (2 << 40);
/// What Linux keeps free below a mapping that grows downwards (`stack_guard_gap`).
const GUARD_GAP: u64 = 256 * PAGE;
/// What a page table's leaf covers.
const LARGE_PAGE: u64 = 2 << 20;

/// What the search for a place remembers of earlier ones, so that it does not always begin at the
/// top of a fragmented address space.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Mappings are placed below this. 0: the host places them.
    top: u64,
    /// Where to begin: all gaps above are at most `gap` bytes.
    from: u64,
    gap: u64,
}

impl Space {
    /// From now on mappings are placed below `top`.
    pub(super) fn place_below(&mut self, top: u64) {
        self.search = Search { top, from: top, gap: 0 };
    }

    /// A free place for `len` bytes, the highest one; None if the host is to find one.
    pub(super) fn find_place(&mut self, len: u64) -> Option<u64> {
        let Search { top, from, gap } = &mut self.search;
        if len <= *gap {
            (*from, *gap) = (*top, 0);
        }
        // As Linux 6.13: whole large pages.
        let align = if len.is_multiple_of(LARGE_PAGE) { LARGE_PAGE } else { PAGE };
        for (low, high) in self.owned.gaps_down(LOWEST, *from) {
            let grows = self.growing.iter().any(|&(start, _)| start == high);
            let end = if grows { high.saturating_sub(GUARD_GAP) } else { high };
            let at = end.saturating_sub(len) & !(align - 1);
            if at >= low && at + len <= end {
                *from = high;
                return Some(at);
            }
            *gap = (*gap).max(high - low);
        }
        None
    }

    /// Whether only the guest's mappings can be at and behind `place`, which was found free. (Ours
    /// are near a program, and above [`Search::top`].)
    pub(super) fn is_the_guests_alone(&self, place: u64) -> bool {
        self.growing.is_empty() && (PROGRAMS_END..self.search.top).contains(&place)
    }

    /// Whether a mapping of `len` bytes may be made at the address `hint` that the guest would like.
    pub(super) fn is_free(&self, hint: u64, len: u64) -> bool {
        let end = hint.checked_add(len).filter(|&end| end < self.end);
        end.is_some_and(|end| {
            let near = |&(start, _): &(u64, u64)| hint < start && end + GUARD_GAP > start;
            !self.owned.intersects(hint, end) && !self.growing.iter().any(near)
        })
    }

    /// `start..end` is the guest's no more: something else can be placed there.
    pub(super) fn disown(&mut self, start: u64, end: u64) {
        self.owned.remove(start, end);
        let Search { top, from, gap } = self.search;
        if start >= top {
            return;
        }
        let high = self.owned.first(end, top).map_or(top, |range| range.0);
        if high > from {
            let low = self.owned.gaps_down(LOWEST, high).next().map_or(high, |gap| gap.0);
            self.search.gap = gap.max(high - low);
        }
    }

    /// Forgets what is known of the mappings in `start..end`.
    pub(super) fn forget(&mut self, start: u64, end: u64) {
        self.plain_files.remove(start, end);
        self.shared.remove(start, end);
        self.segments.retain(|&at, len| at < start || end < at + *len);
        for (from, to) in &mut self.growing {
            if (start..end).contains(from) {
                *from = end;
            } else if (*from..*to).contains(&start) {
                *to = start;
            }
        }
        self.growing.retain(|(from, to)| from < to);
    }

    /// Learns how far mappings that grow downwards have grown.
    pub(super) fn note_growth(&mut self) {
        for index in 0..self.growing.len() {
            let (mut start, end) = self.growing[index];
            let mut present = 0_u8;
            let mut grown = |at: u64| {
                !self.owned.contains(at)
                    && raw::call(libc::SYS_mincore, [at, PAGE, (&raw mut present) as u64]).is_ok()
            };
            while grown(start - PAGE) {
                start -= PAGE;
            }
            self.owned.insert(start, end);
            self.growing[index] = (start, end);
        }
    }

    /// Takes the parts of a fixed range that are not the guest's, without replacing anything.
    pub(super) fn reserve_gaps(&self, start: u64, end: u64) -> Result<(), Errno> {
        let gaps = self.owned.gaps(start, end);
        for (index, &(from, to)) in gaps.iter().enumerate() {
            if let Err(error) = reserve(from, to - from) {
                for &(from, to) in &gaps[..index] {
                    let _ = host_munmap(from, to);
                }
                return Err(if error == Errno::EEXIST { Errno::ENOMEM } else { error });
            }
        }
        Ok(())
    }

    /// Gives back what [`Space::reserve_gaps`] took.
    pub(super) fn release_gaps(&self, start: u64, end: u64) {
        for (from, to) in self.owned.gaps(start, end) {
            let _ = host_munmap(from, to);
        }
    }
}

impl Mm {
    /// Mappings are placed below `top` from now on.
    pub(crate) fn place_below(&self, top: u64) {
        self.space().place_below(top);
    }

    /// Takes `len` bytes without access, for the loader, at an address that gives `rest` when it is
    /// divided by `align`.
    ///
    /// # Errors
    /// If there is no room.
    pub(crate) fn reserve(&self, len: u64, align: u64, rest: u64) -> Result<u64, Errno> {
        let room = len.checked_add(align - PAGE).and_then(page_up).ok_or(Errno::ENOMEM)?;
        let aligned = |at: u64| at + (align - at % align + rest) % align;
        let mut space = self.space();
        if let Some(at) = space.find_place(room).map(aligned)
            && reserve(at, len).is_ok()
        {
            space.owned.insert(at, at + len);
            return Ok(at);
        }
        let flags = (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE) as u64;
        let got = host_mmap([0, room, PROT_NONE as u64, flags, u64::MAX, 0])?;
        let at = aligned(got);
        let unmap = |from: u64, to: u64| if from < to { host_munmap(from, to) } else { Ok(()) };
        unmap(got, at)?;
        unmap(at + len, got + room)?;
        space.owned.insert(at, at + len);
        Ok(at)
    }
}

/// Maps `len` bytes at `at` without access, if nothing is there.
pub(super) fn reserve(at: u64, len: u64) -> Result<u64, Errno> {
    let flags = (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE) as u64;
    host_mmap([at, len, PROT_NONE as u64, flags, u64::MAX, 0])
}
