//! `mprotect`.

use super::{Mm, host_prot, page_range, prot};
use sys::errno::Errno;
use sys::raw;

impl Mm {
    /// `mprotect(2)` (`pkey` < 0) and `pkey_mprotect(2)`.
    ///
    /// # Errors
    /// As the call.
    pub fn mprotect(&self, addr: u64, len: u64, prot: u64, pkey: i32) -> Result<(), Errno> {
        let grows = prot & (prot::GROWSDOWN | prot::GROWSUP);
        let known = prot::READ | prot::WRITE | prot::EXEC | self.arch_prot;
        if grows == prot::GROWSDOWN | prot::GROWSUP || (prot & !grows) & !known != 0 {
            return Err(Errno::EINVAL);
        }
        let (start, end) = page_range(addr, len)?;
        if start == end {
            return Ok(());
        }
        let space = self.space();
        // Up to the first address that is not the guest's, as Linux does up to the first hole.
        let owned_end = match space.owned.find(start) {
            Some((_, owned_end)) => owned_end.min(end),
            None => return Err(Errno::ENOMEM),
        };
        let exec = prot & prot::EXEC != 0;
        let args = [start, owned_end - start, host_prot(prot) | grows];
        if pkey < 0 {
            raw::call(libc::SYS_mprotect, args)?;
        } else {
            raw::call(libc::SYS_pkey_mprotect, [args[0], args[1], args[2], pkey as u64])?;
        }
        if exec {
            // What was executable before keeps its translations: the bytes did not change.
            let stack = grows == prot::GROWSDOWN;
            let from = if stack { space.owned.find(start).map_or(start, |r| r.0) } else { start };
            self.guard(from, owned_end, prot);
            self.set_exec(from, owned_end);
        } else {
            self.clear_exec(start, owned_end);
        }
        if owned_end < end { Err(Errno::ENOMEM) } else { Ok(()) }
    }
}
