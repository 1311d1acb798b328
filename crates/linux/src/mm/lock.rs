//! `mlockall` and `munlockall`: of the guest's memory, without the emulator's own.

use super::{MapRequest, Mm, Space, host_munmap};
use libc::{MAP_LOCKED, MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT};
use sys::errno::Errno;
use sys::raw;

const CAP_IPC_LOCK: u64 = 14;

/// How new mappings are locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Locking {
    /// Their pages appear at once.
    Now,
    /// As they are touched.
    OnFault,
}

fn mlock(start: u64, len: u64, on_fault: bool) -> Result<(), Errno> {
    let flags = if on_fault { libc::MLOCK_ONFAULT } else { 0 };
    raw::call(libc::SYS_mlock2, [start, len, u64::from(flags)]).map(drop)
}

/// Whether this thread may lock as much as it likes.
fn unlimited() -> bool {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    let mut sets = [0_u32; 6];
    let args = [header.as_ptr() as u64, sets.as_mut_ptr() as u64];
    raw::call(libc::SYS_capget, args).is_ok() && sets[0] & 1 << CAP_IPC_LOCK != 0
}

impl Mm {
    /// `mlockall(2)`.
    ///
    /// # Errors
    /// As the call.
    pub fn mlockall(&self, flags: i32) -> Result<(), Errno> {
        if flags & !(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0 || flags & !MCL_ONFAULT == 0 {
            return Err(Errno::EINVAL);
        }
        let mut space = self.space();
        let (limit, _) = sys::limits::getrlimit(libc::RLIMIT_MEMLOCK)?;
        if !unlimited() {
            if limit == 0 {
                return Err(Errno::EPERM);
            }
            if flags & MCL_CURRENT != 0 && space.size() > limit {
                return Err(Errno::ENOMEM);
            }
        }
        let on_fault = flags & MCL_ONFAULT != 0;
        let how = if on_fault { Locking::OnFault } else { Locking::Now };
        space.lock_future = (flags & MCL_FUTURE != 0).then_some(how);
        if flags & MCL_CURRENT != 0 {
            for vma in space.vmas() {
                // What cannot be made to appear is left out.
                let _ = mlock(vma.start, vma.end - vma.start, on_fault);
            }
        }
        Ok(())
    }

    /// `munlockall(2)`.
    pub fn munlockall(&self) {
        let mut space = self.space();
        space.lock_future = None;
        for vma in space.vmas() {
            let _ = raw::call(libc::SYS_munlock, [vma.start, vma.end - vma.start]);
        }
    }
}

impl Space {
    /// Lets `make` map `request`, and locks the mapping if `mlockall` has said so.
    pub(super) fn locking(
        &self,
        request: &mut MapRequest,
        make: impl FnOnce(&MapRequest) -> Result<u64, Errno>,
    ) -> Result<u64, Errno> {
        const LOCKED: u64 = MAP_LOCKED as u64;
        match self.lock_future.filter(|_| request.flags & LOCKED == 0) {
            None => make(request),
            Some(Locking::Now) => {
                request.flags |= LOCKED;
                // A limit of 0 is a fault of the flag alone.
                make(request).map_err(|e| if e == Errno::EPERM { Errno::EAGAIN } else { e })
            }
            Some(Locking::OnFault) => {
                let at = make(request)?;
                if mlock(at, request.len, true).is_err() {
                    let _ = host_munmap(at, at + request.len);
                    return Err(Errno::EAGAIN);
                }
                Ok(at)
            }
        }
    }
}
