//! System V shared memory: `shmat`, `shmdt`.

use super::{Mm, Space, host_prot, page_up, prot};
use crate::elf::PAGE;
use sys::errno::Errno;
use sys::raw;

const SHM_RDONLY: u64 = 0o10_000;
const SHM_RND: u64 = 0o20_000;
const SHM_REMAP: u64 = 0o40_000;
const SHM_EXEC: u64 = 0o100_000;

impl Mm {
    /// `shmat(2)`; `len` is the segment's size (`shm_segsz`).
    ///
    /// # Errors
    /// As the call.
    pub fn shmat(&self, id: i32, addr: u64, flags: u64, len: u64) -> Result<u64, Errno> {
        let len = page_up(len).ok_or(Errno::EINVAL)?;
        let mut space = self.space();
        let at = space.attach(id, addr, flags, len)?;
        space.forget(at, at + len);
        space.shared.insert(at, at + len);
        let write = if flags & SHM_RDONLY != 0 { 0 } else { prot::WRITE };
        let exec = if flags & SHM_EXEC != 0 { prot::EXEC } else { 0 };
        debug_assert_eq!(host_prot(exec) & prot::WRITE, 0);
        self.record(&mut space, at, at + len, prot::READ | write | exec);
        space.segments.insert(at, len);
        Ok(at)
    }

    /// `shmdt(2)`.
    ///
    /// # Errors
    /// `EINVAL` if nothing is attached there.
    pub fn shmdt(&self, addr: u64) -> Result<(), Errno> {
        let mut space = self.space();
        // After a fork the record is a copy, so segments of the parent are known too.
        let len = *space.segments.get(&addr).ok_or(Errno::EINVAL)?;
        raw::call(libc::SYS_shmdt, [addr])?;
        self.unmapped(&mut space, addr, addr + len);
        Ok(())
    }
}

impl Space {
    /// Makes the host's call, so that the segment gets a place of the guest's.
    fn attach(&mut self, id: i32, addr: u64, flags: u64, len: u64) -> Result<u64, Errno> {
        let make = |at| raw::call(libc::SYS_shmat, [id as u64, at, flags & !SHM_EXEC]);
        self.note_growth();
        if addr == 0 {
            self.may_grow(len, false)?;
            let place = self.find_place(len).filter(|_| flags & SHM_REMAP == 0);
            return match place.map(make) {
                None | Some(Err(Errno::EINVAL)) => make(0),
                Some(result) => result,
            };
        }
        let at = if flags & SHM_RND != 0 { addr & !(PAGE - 1) } else { addr };
        let end = at.checked_add(len).filter(|&end| end < self.end && at.is_multiple_of(PAGE));
        let end = end.ok_or(Errno::EINVAL)?;
        if flags & SHM_REMAP == 0 {
            // The host refuses to replace anything.
            self.may_grow(len, false)?;
            return make(at);
        }
        let replaced: u64 = self.owned.overlaps(at, end).map(|(start, end)| end - start).sum();
        self.may_grow(len - replaced, false)?;
        self.reserve_gaps(at, end).map_err(|_| Errno::EINVAL)?;
        make(at).inspect_err(|_| self.release_gaps(at, end))
    }
}
