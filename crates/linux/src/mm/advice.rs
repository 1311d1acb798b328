//! `madvise`, `msync`, `mincore`, `mlock`, `mseal`.

use super::{Mm, page_range, page_up};
use crate::elf::PAGE;
use sys::errno::Errno;
use sys::raw;

/// Advice that changes what is read: `MADV_DONTNEED`, `FREE`, `REMOVE`, `DONTNEED_LOCKED`.
const DROPPING: [i32; 4] = [libc::MADV_DONTNEED, libc::MADV_FREE, libc::MADV_REMOVE, 24];

impl Mm {
    /// `madvise(2)`.
    ///
    /// # Errors
    /// As the call; memory of the emulator is as if it were not mapped.
    pub fn madvise(&self, addr: u64, len: u64, advice: i32) -> Result<(), Errno> {
        let end = page_up(len).and_then(|len| addr.checked_add(len));
        let call = |start: u64, end: u64| {
            raw::call(libc::SYS_madvise, [start, end.wrapping_sub(start), advice as u64]).map(drop)
        };
        let Some(end) = end.filter(|_| addr.is_multiple_of(PAGE)) else {
            // It fails; the host says what is wrong at first.
            return call(addr, addr.wrapping_add(len));
        };
        let start = addr;
        let mut space = self.space();
        space.note_growth();
        // A long MADV_POPULATE must not hold up the others.
        if start == end || space.owned.covers(start, end) {
            drop(space);
            call(start, end)?;
            self.drop_changed(start, end, advice);
            return Ok(());
        }
        let parts: Vec<_> = space.owned.overlaps(start, end).collect();
        drop(space);
        // An unknown advice is a fault also where nothing is.
        call(start, start)?;
        for (start, end) in parts {
            call(start, end)?;
            self.drop_changed(start, end, advice);
        }
        Err(Errno::ENOMEM)
    }

    /// `msync(2)`, `mincore(2)`, `mlock(2)` ...: call `nr` of the host with `args`, the first two of
    /// which are an address and a length. Memory of the emulator is as if it were not mapped.
    ///
    /// # Errors
    /// As the call.
    pub fn on_mapped(&self, nr: i64, args: [u64; 3]) -> Result<u64, Errno> {
        let Ok((start, end)) = page_range(self.addresses, args[0], args[1]) else {
            return raw::call(nr, args);
        };
        let first = {
            let mut space = self.space();
            space.note_growth();
            match space.owned.find(start) {
                Some((_, to)) if to >= end => None,
                Some((_, to)) => Some(to),
                None => (start != end).then_some(start),
            }
        };
        let Some(first) = first else { return raw::call(nr, args) };
        // Linux goes on to the first gap, msync behind it; mseal looks for gaps before.
        let len = if nr == libc::SYS_mseal { 0 } else { first - start };
        raw::call(nr, [start, len, args[2]])?;
        if nr == libc::SYS_msync {
            let parts: Vec<_> = self.space().owned.overlaps(first, end).collect();
            for (start, end) in parts {
                raw::call(nr, [start, end - start, args[2]])?;
            }
        }
        Err(Errno::ENOMEM)
    }

    /// Drops translations of code that an advice may have changed.
    fn drop_changed(&self, start: u64, end: u64, advice: i32) {
        if DROPPING.contains(&advice) && self.any_exec(start, end) {
            self.engine.invalidate(start, end - start);
        }
    }
}
