//! Resource limits of the guest.
//!
//! `RLIMIT_AS` and `RLIMIT_DATA` are limits of the guest's memory, which is counted in [`crate::mm`]:
//! the host would count the emulator's with it. So the host gets them with [`BEYOND`] added, more
//! than any address space has. It keeps them, hands them on to children and shows them to
//! others, who take it off again; a limit without it was set outside and holds for all of the
//! process.

mod files;

use crate::task::Task;
pub(crate) use files::kept as kept_descriptors;
use sys::Errno;
use sys::limits::{getrlimit, setrlimit, with_at_least};

/// What is added to a limit of memory.
const BEYOND: u64 = 1 << 60;

/// The limits that are counted by us.
const OURS: [u64; 2] = [libc::RLIMIT_AS as u64, libc::RLIMIT_DATA as u64];

/// What the host gets for a limit of the guest.
fn to_host(limit: u64) -> u64 {
    if limit < BEYOND { limit + BEYOND } else { limit }
}

/// What limit of the guest the host has.
pub(crate) fn from_host(limit: u64) -> u64 {
    if (BEYOND..2 * BEYOND).contains(&limit) { limit - BEYOND } else { limit }
}

/// Soft and hard limit of this process; `u64::MAX` is none.
pub(crate) fn get(resource: impl Into<i64>) -> (u64, u64) {
    let (soft, hard) = getrlimit(resource).unwrap_or((u64::MAX, u64::MAX));
    (from_host(soft), from_host(hard))
}

/// Takes over limits of memory that were set outside, as far as they can be raised.
pub(crate) fn adopt() {
    for resource in [libc::RLIMIT_AS, libc::RLIMIT_DATA] {
        if let Ok((soft, hard)) = getrlimit(resource)
            && soft < BEYOND
        {
            let _ = setrlimit(resource, to_host(soft), to_host(hard));
        }
    }
}

/// Lets the host have the soft limits of memory as the guest has set them, for a program that the host
/// executes itself. Hard ones stay higher: an execve that fails could not raise them again.
pub(crate) fn hand_over() {
    for resource in [libc::RLIMIT_AS, libc::RLIMIT_DATA] {
        if let Ok((soft, hard)) = getrlimit(resource)
            && soft != from_host(soft)
        {
            let _ = setrlimit(resource, from_host(soft), hard);
        }
    }
}

/// Gives the emulator's own stack the room that it needs, where the limit of the guest's is lower.
pub(crate) fn make_room_on_stack() {
    /// Bytes that we use, and what the host's stack has to be allowed for them.
    const OURS: usize = 512 << 10;
    const LIMIT: u64 = 1 << 20;
    #[inline(never)]
    fn grow() {
        // What has grown stays.
        core::hint::black_box([0_u8; OURS]);
    }
    if getrlimit(libc::RLIMIT_STACK).is_ok_and(|(soft, _)| soft < LIMIT) {
        let _ = with_at_least(libc::RLIMIT_STACK, LIMIT, grow);
    }
}

/// `prlimit64(2)`.
pub(crate) fn prlimit64(task: &Task, args: [u64; 6]) -> Result<u64, Errno> {
    let [pid, resource, new, old, ..] = args;
    let serve = match resource & 0xffff_ffff {
        files::NOFILE => files::descriptors,
        files::LOCKS => files::locks,
        _ => return memory_limit(task, args),
    };
    let wanted = match new {
        0 => None,
        _ => Some([memory::read_u64(new)?, memory::read_u64(new + 8)?]),
    };
    let [soft, hard] = serve(task, pid, wanted)?;
    if old != 0 {
        memory::write_u64(old, soft)?;
        memory::write_u64(old + 8, hard)?;
    }
    Ok(0)
}

/// The same of what may be a limit of memory.
fn memory_limit(task: &Task, args: [u64; 6]) -> Result<u64, Errno> {
    let [pid, resource, new, old, ..] = args;
    if !OURS.contains(&(resource & 0xffff_ffff)) {
        return task.call(libc::SYS_prlimit64, args);
    }
    let (mut host_new, mut host_old) = ([0_u64; 2], [0_u64; 2]);
    if new != 0 {
        host_new = [to_host(memory::read_u64(new)?), to_host(memory::read_u64(new + 8)?)];
    }
    let new_at = if new == 0 { 0 } else { host_new.as_ptr() as u64 };
    let old_at = host_old.as_mut_ptr() as u64;
    let call = |new: u64, old: u64| task.call(libc::SYS_prlimit64, [pid, resource, new, old, 0, 0]);
    let mut result = call(new_at, old_at);
    if result == Err(Errno::EPERM) && new != 0 {
        // A hard limit that was set outside cannot be raised by what we add: keep to it.
        call(0, old_at)?;
        if host_old[1] < BEYOND {
            let same = host_new.map(from_host);
            result = call(same.as_ptr() as u64, old_at);
        }
    }
    result?;
    task.process.mm.limits_changed();
    if old != 0 {
        memory::write_u64(old, from_host(host_old[0]))?;
        memory::write_u64(old + 8, from_host(host_old[1]))?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_survive_the_host() {
        for limit in [0, 1, 4096, 1 << 47, BEYOND - 1, u64::MAX] {
            assert_eq!(from_host(to_host(limit)), limit);
        }
        // Set outside.
        assert_eq!(from_host(8 << 20), 8 << 20);
        assert!(to_host(0) >= BEYOND);
    }
}
