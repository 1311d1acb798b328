//! System V shared memory: `shmat`, `shmdt`.

use super::{Mm, host_prot, page_up, prot};
use crate::elf::{ADDR_END, PAGE};
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
        let at = if flags & SHM_RND != 0 { addr & !(PAGE - 1) } else { addr };
        if at != 0 {
            if at % PAGE != 0 || at.checked_add(len).is_none_or(|end| end > ADDR_END) {
                return Err(Errno::EINVAL);
            }
            space.release_holes(at, at + len);
            // Without SHM_REMAP the host refuses to replace anything.
            if flags & SHM_REMAP != 0 && !space.owned.covers(at, at + len) {
                return Err(Errno::EINVAL);
            }
        }
        let at = raw::call(libc::SYS_shmat, [id as u64, at, flags & !SHM_EXEC])?;
        let write = if flags & SHM_RDONLY != 0 { 0 } else { prot::WRITE };
        let exec = if flags & SHM_EXEC != 0 { prot::EXEC } else { 0 };
        debug_assert_eq!(host_prot(exec) & prot::WRITE, 0);
        self.record(&mut space, at, at + len, prot::READ | write | exec);
        space.attached.insert(at, len);
        Ok(at)
    }

    /// `shmdt(2)`.
    ///
    /// # Errors
    /// `EINVAL` if nothing is attached there.
    pub fn shmdt(&self, addr: u64) -> Result<(), Errno> {
        let mut space = self.space();
        // After a fork the record is a copy, so segments of the parent are known too.
        let len = *space.attached.get(&addr).ok_or(Errno::EINVAL)?;
        raw::call(libc::SYS_shmdt, [addr])?;
        space.attached.remove(&addr);
        space.owned.remove(addr, addr + len);
        self.clear_exec(addr, addr + len);
        Ok(())
    }
}
