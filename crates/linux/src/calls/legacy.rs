//! Calls that only old architectures have, where another one does not say all of it (those are `as` another
//! in `isa/linux.calls`).

use super::path::looked_up;
use super::{Args, Lookup, Result, file};
use crate::layout::{self, Itimerval, Timespec, Timeval};
use crate::task::Task;
use sys::Errno;

const CURRENT_DIRECTORY: u64 = libc::AT_FDCWD as u64;

/// `poll(2)`: as `ppoll`, with a timeout in milliseconds.
pub(super) fn poll(task: &mut Task, args: Args) -> Result {
    let [files, count, timeout, ..] = args;
    let timeout = i64::from(timeout as i32);
    let time = [timeout / 1000, timeout % 1000 * 1_000_000];
    let at = if timeout < 0 { 0 } else { time.as_ptr() as u64 };
    task.call(libc::SYS_ppoll, [files, count, at, 0, 0, 0])
}

/// `select(2)`: as `pselect6`, with a timeout in microseconds that becomes what is left of it.
pub(super) fn select(task: &mut Task, args: Args) -> Result {
    let [count, read, write, except, timeout, _] = args;
    if timeout == 0 {
        return task.call(libc::SYS_pselect6, [count, read, write, except, 0, 0]);
    }
    let model = task.process.abi.model;
    let Timeval { tv_sec, tv_usec } = layout::read(model, timeout)?;
    // More than a second of microseconds is taken for what it is (fs/select.c kern_select).
    let seconds = tv_sec.saturating_add(tv_usec / 1_000_000);
    let mut time = [seconds, tv_usec % 1_000_000 * 1000];
    let at = time.as_mut_ptr() as u64;
    let result = task.call(libc::SYS_pselect6, [count, read, write, except, at, 0]);
    let left = Timeval { tv_sec: time[0], tv_usec: time[1] / 1000 };
    // (A timeout that cannot be written is not an error.)
    let _ = layout::write(model, timeout, left);
    result
}

/// `dup2(2)`: not as `dup3` when both are the same.
pub(super) fn dup2(task: &mut Task, args: Args) -> Result {
    let [old, new, ..] = args;
    if old as i32 == new as i32 {
        task.call(libc::SYS_fcntl, [old, libc::F_GETFD as u64, 0, 0, 0, 0])?;
        return Ok(u64::from(new as u32));
    }
    file::dup3(task, [old, new, 0, 0, 0, 0])
}

/// `alarm(2)`: gives what was left of the last one in seconds, rounded, but not to nothing.
pub(super) fn alarm(task: &mut Task, args: Args) -> Result {
    let new = [0, 0, i64::from(args[0] as u32), 0];
    let mut old = [0_i64; 4];
    let ats = [new.as_ptr() as u64, old.as_mut_ptr() as u64];
    task.call(libc::SYS_setitimer, [libc::ITIMER_REAL as u64, ats[0], ats[1], 0, 0, 0])?;
    let [_, _, seconds, micros] = old;
    let up = seconds == 0 && micros != 0 || micros >= 500_000;
    Ok(seconds as u64 + u64::from(up))
}

/// `time(2)`.
pub(super) fn time(task: &mut Task, args: Args) -> Result {
    let mut time = [0_i64; 2];
    let clock = libc::CLOCK_REALTIME_COARSE as u64;
    task.call(libc::SYS_clock_gettime, [clock, time.as_mut_ptr() as u64, 0, 0, 0, 0])?;
    if args[0] != 0 {
        ::memory::write(args[0], &time[0].to_le_bytes())?;
    }
    Ok(time[0] as u64)
}

/// `epoll_create(2)`.
pub(super) fn epoll_create(task: &mut Task, args: Args) -> Result {
    if args[0] as i32 <= 0 {
        return Err(Errno::EINVAL);
    }
    task.call(libc::SYS_epoll_create1, [0; 6])
}

/// `utime(2)`: in seconds.
pub(super) fn utime(task: &mut Task, args: Args) -> Result {
    let [path, times, ..] = args;
    let times = match times {
        0 => None,
        at => Some([::memory::read_u64(at)?, ::memory::read_u64(at.wrapping_add(8))?]),
    };
    let times = times.map(|times| times.map(|sec| Timespec { tv_sec: sec as i64, tv_nsec: 0 }));
    set_times(task, [CURRENT_DIRECTORY, path], times)
}

/// `utimes(2)`.
pub(super) fn utimes(task: &mut Task, args: Args) -> Result {
    futimesat(task, [CURRENT_DIRECTORY, args[0], args[1], 0, 0, 0])
}

/// `futimesat(2)`: in microseconds.
pub(super) fn futimesat(task: &mut Task, args: Args) -> Result {
    let [directory, path, at, ..] = args;
    if at == 0 {
        return set_times(task, [directory, path], None);
    }
    let Itimerval { it_interval: access, it_value: change } =
        layout::read(task.process.abi.model, at)?;
    let times = [access, change];
    if times.iter().any(|time| !(0..1_000_000).contains(&time.tv_usec)) {
        return Err(Errno::EINVAL);
    }
    let nanoseconds = |Timeval { tv_sec, tv_usec }| Timespec { tv_sec, tv_nsec: tv_usec * 1000 };
    set_times(task, [directory, path], Some(times.map(nanoseconds)))
}

/// As `utimensat`, which follows links.
fn set_times(task: &Task, [directory, path]: [u64; 2], times: Option<[Timespec; 2]>) -> Result {
    const LOOKUP: Lookup = Lookup { dirfd: Some(0), path: 1, flags: 3, bits: 0x100, follow: false };
    let words = times.map(|times| times.map(|time| [time.tv_sec, time.tv_nsec]));
    let at = words.as_ref().map_or(0, |words| words.as_ptr() as u64);
    let (path, args) = looked_up(task, &LOOKUP, [directory, path, at, 0, 0, 0]);
    let result = task.call(libc::SYS_utimensat, args);
    drop(path);
    result
}

/// `getdents(2)`: as `getdents64`, with the type at an entry's end.
pub(super) fn getdents(task: &mut Task, args: Args) -> Result {
    let len = file::getdents64(task, args)?;
    let mut entries = ::memory::read_vec(args[1], len as usize)?;
    old_entries(&mut entries);
    ::memory::write(args[1], &entries)?;
    Ok(len)
}

/// Makes entries of `getdents64` those of `getdents`, which are as long.
fn old_entries(mut entries: &mut [u8]) {
    const LEN: usize = 16;
    const TYPE: usize = 18;
    const NAME: usize = TYPE + 1;
    while entries.len() > NAME {
        let len = usize::from(u16::from_le_bytes([entries[LEN], entries[LEN + 1]]));
        let Some((entry, rest)) = core::mem::take(&mut entries).split_at_mut_checked(len.max(NAME))
        else {
            return;
        };
        let kind = entry[TYPE];
        entry.copy_within(NAME.., TYPE);
        if let Some(last) = entry.last_mut() {
            *last = kind;
        }
        entries = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_in_the_old_form() {
        let mut entries = [0_u8; 48];
        for (at, name) in [(0, &b"a\0"[..]), (24, b"bcde\0")] {
            entries[at] = 7;
            entries[at + 16] = 24;
            entries[at + 18] = 4;
            entries[at + 19..at + 19 + name.len()].copy_from_slice(name);
        }
        old_entries(&mut entries);
        assert_eq!((&entries[18..20], entries[23]), (&b"a\0"[..], 4));
        assert_eq!((&entries[42..47], entries[47]), (&b"bcde\0"[..], 4));
        assert_eq!((entries[0], entries[16], entries[24], entries[40]), (7, 24, 7, 24));
    }
}
