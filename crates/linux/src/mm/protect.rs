//! `mprotect`.

use super::{Mm, Space, host_prot, page_up, prot};
use crate::elf::PAGE;
use sys::errno::Errno;
use sys::raw;

/// `PROT_SEM`, which means nothing.
const SEM: u64 = 8;
/// `PR_MDWE_*`: memory never becomes executable after it was written; children do not inherit this.
const REFUSE_EXEC_GAIN: u64 = 1;
const NO_INHERIT: u64 = 2;

impl Mm {
    /// `mprotect(2)` (`pkey` < 0) and `pkey_mprotect(2)`.
    ///
    /// # Errors
    /// As the call.
    pub fn mprotect(&self, addr: u64, len: u64, prot: u64, pkey: i32) -> Result<(), Errno> {
        let grows = prot & (prot::GROWSDOWN | prot::GROWSUP);
        let known = prot::READ | prot::WRITE | prot::EXEC | SEM | self.arch_prot;
        if grows == prot::GROWSDOWN | prot::GROWSUP || !addr.is_multiple_of(PAGE) {
            return Err(Errno::EINVAL);
        }
        if len == 0 {
            return Ok(());
        }
        let end = page_up(len).and_then(|len| addr.checked_add(len)).ok_or(Errno::ENOMEM)?;
        if (prot & !grows) & !known != 0 {
            return Err(Errno::EINVAL);
        }
        let start = addr;
        let mut space = self.space();
        space.note_growth();
        // Up to the first address that is not the guest's, as Linux does up to the first hole.
        let (range_start, owned_end) = match space.owned.find(start) {
            Some((range_start, owned_end)) => (range_start, owned_end.min(end)),
            None => return Err(Errno::ENOMEM),
        };
        let exec = prot & prot::EXEC != 0;
        if exec {
            space.mdwe_check(prot, self.exec_covers(start, owned_end))?;
        }
        if prot & prot::WRITE != 0 {
            space.may_become_data(start, owned_end)?;
        }
        if exec {
            space.may_execute(start, owned_end, host_prot(prot) | grows)?;
        }
        let args = [start, owned_end - start, host_prot(prot) | grows];
        if pkey < 0 {
            raw::call(libc::SYS_mprotect, args)?;
        } else {
            raw::call(libc::SYS_pkey_mprotect, [args[0], args[1], args[2], pkey as u64])?;
        }
        if exec {
            // What was executable before keeps its translations: the bytes did not change.
            let from = if grows == prot::GROWSDOWN { range_start } else { start };
            self.guard(from, owned_end, prot);
            self.set_exec(from, owned_end);
            self.note_plastic(&space, from, owned_end, prot);
            if prot & prot::WRITE != 0 {
                self.note_writable(from, owned_end);
            }
        } else {
            self.clear_exec(start, owned_end);
        }
        if owned_end < end { Err(Errno::ENOMEM) } else { Ok(()) }
    }

    /// `PR_SET_MDWE`.
    ///
    /// # Errors
    /// As the call.
    pub(crate) fn set_mdwe(&self, bits: u64) -> Result<(), Errno> {
        if bits & !(REFUSE_EXEC_GAIN | NO_INHERIT) != 0 || bits == NO_INHERIT {
            return Err(Errno::EINVAL);
        }
        let mut space = self.space();
        if space.mdwe != 0 && space.mdwe != bits {
            return Err(Errno::EPERM);
        }
        space.mdwe = bits;
        Ok(())
    }

    /// What of it processes and programs inherit.
    pub(crate) fn inherited_mdwe(&self) -> u64 {
        self.space().inherited_mdwe()
    }

    /// `PR_GET_MDWE`.
    pub(crate) fn mdwe(&self) -> u64 {
        self.space().mdwe
    }
}

impl Space {
    /// Whether memory may get the protection `prot`, which was executable before or not.
    pub(super) fn mdwe_check(&self, prot: u64, was_executable: bool) -> Result<(), Errno> {
        let refused = self.mdwe != 0
            && prot & prot::EXEC != 0
            && (prot & prot::WRITE != 0 || !was_executable);
        if refused { Err(Errno::EACCES) } else { Ok(()) }
    }

    /// What of `PR_MDWE_*` is inherited.
    pub(super) fn inherited_mdwe(&self) -> u64 {
        if self.mdwe & NO_INHERIT == 0 { self.mdwe } else { 0 }
    }

    /// Whether the files mapped at `start..end` may be executed. The host knows, if it is asked for
    /// pages that it may execute itself; that is taken back at once.
    fn may_execute(&self, start: u64, end: u64, prot: u64) -> Result<(), Errno> {
        for (start, end) in self.plain_files.overlaps(start, end) {
            let exec = prot | libc::PROT_EXEC as u64;
            match raw::call(libc::SYS_mprotect, [start, end - start, exec]) {
                Err(Errno::EACCES) => return Err(Errno::EACCES),
                // It must not stay so until the guest's own call, which may be refused.
                _ => raw::call(libc::SYS_mprotect, [start, end - start, prot]).map(drop)?,
            }
        }
        Ok(())
    }
}
