//! `madvise`, `msync`, `mincore`, `mlock`.

use super::{Mm, page_range};
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
        let (start, end) = page_range(addr, len).map_err(|_| Errno::EINVAL)?;
        let call = |start: u64, end: u64| {
            raw::call(libc::SYS_madvise, [start, end - start, advice as u64]).map(drop)
        };
        let space = self.space();
        if start == end || space.owned.covers(start, end) {
            // A long MADV_POPULATE must not hold up the others.
            drop(space);
            call(start, end)?;
        } else {
            let parts: Vec<_> = space.owned.overlaps(start, end).collect();
            drop(space);
            for (start, end) in parts {
                call(start, end)?;
            }
            self.drop_changed(start, end, advice);
            return Err(Errno::ENOMEM);
        }
        self.drop_changed(start, end, advice);
        Ok(())
    }

    /// `msync(2)`, `mincore(2)`, `mlock(2)` ...: call `nr` of the host with `args`, the first two of
    /// which are an address and a length.
    ///
    /// # Errors
    /// As the call.
    pub fn on_mapped(&self, nr: i64, args: [u64; 3]) -> Result<u64, Errno> {
        if let Ok((start, end)) = page_range(args[0], args[1])
            && self.space().holes.intersects(start, end)
        {
            return Err(Errno::ENOMEM);
        }
        raw::call(nr, args)
    }

    /// Drops translations of code that an advice may have changed.
    fn drop_changed(&self, start: u64, end: u64, advice: i32) {
        if DROPPING.contains(&advice) && self.any_exec(start, end) {
            self.engine.invalidate(start, end - start);
        }
    }
}
