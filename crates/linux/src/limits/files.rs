//! `RLIMIT_NOFILE`, where the guest's hard limit is lower than what we need ourselves.
//!
//! A program that gives up its descriptors for good (a hard limit of 3, as sandboxes set it) can still
//! fork and execute others, for which we open files. So the host's hard limit never falls below
//! [`ROOM`]; the guest's is kept in `RLIMIT_LOCKS`, which Linux has had no other use for since 2.4: it
//! is inherited, shown to other processes, and may be lowered but not raised, as the other.

use super::BEYOND;
use crate::task::Task;
use sys::Errno;

/// The lowest hard limit that the host gets. What we open is put between the guest's limit and this.
const ROOM: u64 = 64;

/// Numbers of the two limits.
pub(super) const NOFILE: u64 = libc::RLIMIT_NOFILE as u64;
pub(super) const LOCKS: u64 = libc::RLIMIT_LOCKS as u64;

/// The hard limit of descriptors that a value of `RLIMIT_LOCKS` keeps.
pub(crate) fn kept(locks: u64) -> Option<u64> {
    locks.checked_sub(BEYOND).filter(|&hard| hard < ROOM)
}

/// Soft and hard limit of a process.
type Limit = [u64; 2];

/// `prlimit64` of the host.
fn host(task: &Task, pid: u64, resource: u64, new: Option<Limit>) -> Result<Limit, Errno> {
    let mut old: Limit = [0; 2];
    let new_at = new.as_ref().map_or(0, |new| new.as_ptr() as u64);
    let args = [pid, resource, new_at, old.as_mut_ptr() as u64, 0, 0];
    task.call(libc::SYS_prlimit64, args).map(|_| old)
}

/// `RLIMIT_NOFILE` of process `pid`, which becomes `new` if there is one; gives the old one.
pub(super) fn descriptors(task: &Task, pid: u64, new: Option<Limit>) -> Result<Limit, Errno> {
    let [_, keeper] = host(task, pid, LOCKS, None)?;
    let guests = |[soft, hard]: Limit| [soft, kept(keeper).unwrap_or(hard)];
    let Some([soft, hard]) = new else { return host(task, pid, NOFILE, None).map(guests) };
    let is_kept = kept(keeper).is_some();
    if !is_kept && (hard >= ROOM || keeper != u64::MAX) {
        return host(task, pid, NOFILE, new);
    }
    let [_, hosts] = host(task, pid, NOFILE, None)?;
    if soft > hard {
        return Err(Errno::EINVAL);
    }
    if hosts < ROOM && !is_kept {
        // It was set outside.
        return host(task, pid, NOFILE, new);
    }
    // First this: it says whether a hard limit may be raised.
    let keeper = if hard < ROOM { BEYOND + hard } else { u64::MAX };
    host(task, pid, LOCKS, Some([keeper; 2]))?;
    host(task, pid, NOFILE, Some([soft, hard.max(ROOM)])).map(guests)
}

/// `RLIMIT_LOCKS`, without what is kept in it.
pub(super) fn locks(task: &Task, pid: u64, new: Option<Limit>) -> Result<Limit, Errno> {
    let old = host(task, pid, LOCKS, None)?;
    if kept(old[1]).is_none() {
        return host(task, pid, LOCKS, new);
    }
    // It limits nothing, and is not remembered meanwhile.
    match new {
        Some([soft, hard]) if soft > hard => Err(Errno::EINVAL),
        _ => Ok([u64::MAX; 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_limits_keep_nothing() {
        assert_eq!([0, 3, 63].map(|hard| kept(BEYOND + hard)), [0, 3, 63].map(Some));
        assert_eq!([0, 3, BEYOND - 1, BEYOND + ROOM, u64::MAX].map(kept), [None; 5]);
    }
}
