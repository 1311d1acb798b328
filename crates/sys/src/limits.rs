//! Resource limits, and how what is the emulator's own gets by them.
//!
//! The limits are the guest's. What the emulator needs beside the guest (a descriptor, a file in
//! memory) is got with the soft limit raised for a moment, as far as the hard one lets.

use crate::Errno;
use crate::raw::call;

/// `getrlimit(2)`: soft and hard limit.
///
/// # Errors
/// The kernel's.
pub fn getrlimit(resource: impl Into<i64>) -> Result<(u64, u64), Errno> {
    let mut limit = [0_u64; 2];
    let args = [0, resource.into() as u64, 0, limit.as_mut_ptr() as u64];
    call(libc::SYS_prlimit64, args)?;
    Ok((limit[0], limit[1]))
}

/// `setrlimit(2)`: soft and hard limit.
///
/// # Errors
/// The kernel's.
pub fn setrlimit(resource: impl Into<i64>, soft: u64, hard: u64) -> Result<(), Errno> {
    let limit = [soft, hard];
    call(libc::SYS_prlimit64, [0, resource.into() as u64, limit.as_ptr() as u64, 0]).map(drop)
}

/// Does `work` while the soft limit of `resource` is `wanted` or more; None if it cannot be.
pub fn with_at_least<T>(
    resource: impl Into<i64>,
    wanted: u64,
    work: impl FnOnce() -> T,
) -> Option<T> {
    let resource = resource.into();
    let (soft, hard) = getrlimit(resource).unwrap_or((u64::MAX, u64::MAX));
    if soft >= wanted {
        return Some(work());
    }
    setrlimit(resource, wanted, hard.max(wanted)).ok()?;
    let result = work();
    let _ = setrlimit(resource, soft, hard);
    Some(result)
}

/// Opens a descriptor; if the guest has all that its limit allows, beyond that.
pub(crate) fn opening(open: impl Fn() -> Result<u64, Errno>) -> Result<u64, Errno> {
    match open() {
        // EINVAL: the number that is asked for is beyond the limit.
        Err(error @ (Errno::EMFILE | Errno::EINVAL)) => {
            let Ok((soft, hard)) = getrlimit(libc::RLIMIT_NOFILE) else { return Err(error) };
            // The hard limit too, for those who may.
            let more = [soft.saturating_add(1024), hard];
            let tried = more.into_iter().filter(|&more| more > soft);
            let mut done = tried.filter_map(|more| with_at_least(libc::RLIMIT_NOFILE, more, &open));
            done.next().unwrap_or(Err(error))
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw;
    use std::os::fd::AsRawFd;

    #[test]
    fn files_and_descriptors_are_had_beyond_the_soft_limits() {
        // Limits are the process's: no other test here depends on them.
        let (soft, hard) = getrlimit(libc::RLIMIT_FSIZE).unwrap();
        setrlimit(libc::RLIMIT_FSIZE, 0, hard).unwrap();
        let file = raw::memfd_of(c"x", 1 << 20);
        let content = raw::memfd_with(c"x", b"content");
        assert_eq!(getrlimit(libc::RLIMIT_FSIZE), Ok((0, hard)));
        setrlimit(libc::RLIMIT_FSIZE, soft, hard).unwrap();
        assert_eq!(raw::fstat(file.unwrap().as_raw_fd()).unwrap().st_size, 1 << 20);
        assert_eq!(raw::fstat(content.unwrap().as_raw_fd()).unwrap().st_size, 7);

        let (soft, hard) = getrlimit(libc::RLIMIT_NOFILE).unwrap();
        assert!(hard > 64, "the hard limit of descriptors is too low for this test");
        setrlimit(libc::RLIMIT_NOFILE, 64, hard).unwrap();
        let high = raw::dup_from(0, 64);
        setrlimit(libc::RLIMIT_NOFILE, soft, hard).unwrap();
        assert!(high.unwrap().as_raw_fd() >= 64);
    }
}
