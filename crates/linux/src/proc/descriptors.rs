//! Listings of `/proc/PID/fd`, `fdinfo` and `map_files` without what is the emulator's own.

use super::exe::{descriptors, is_tagged};
use super::names::{self, Owner};
use super::{Layout, other};
use crate::process::{PINNED_FD, Process};
use std::os::fd::RawFd;
use sys::raw;

/// What links to the memory of a family begin with.
const SHARE: &[u8] = b"/memfd:anyarch-share";
/// Offsets in `struct linux_dirent64`.
const RECLEN: usize = 16;
const NAME: usize = 19;

/// A directory of a process that may list something of ours.
pub(crate) struct Listed {
    owner: Owner,
    /// The process's directory.
    dir: Vec<u8>,
    /// It lists mapped files, not descriptors.
    maps: bool,
}

impl Listed {
    /// It is of descriptors of this process.
    pub(crate) fn is_own(&self) -> bool {
        self.owner == Owner::Own && !self.maps
    }
}

/// What the directory `dir` lists, if that is to be looked at.
pub(crate) fn listed(dir: RawFd) -> Option<Listed> {
    if !super::is_proc(dir) {
        return None;
    }
    let path = names::path_of(dir)?;
    let slash = path.iter().rposition(|&b| b == b'/')?;
    let (process, name) = (&path[..slash], &path[slash + 1..]);
    let maps = match name {
        b"fd" | b"fdinfo" => false,
        b"map_files" => true,
        _ => return None,
    };
    let owner = names::owner_of(process);
    match &owner {
        Owner::Root => return None,
        Owner::Other(of) if !other::is_emulator(of) => return None,
        Owner::Own | Owner::Other(_) => {}
    }
    Some(Listed { owner, dir: process.to_vec(), maps })
}

/// Takes what is ours out of the directory entries in `listing`; gives how many bytes are left.
pub(crate) fn hide(process: &Process, listed: &Listed, listing: &mut [u8]) -> usize {
    if listed.maps {
        let layout = match &listed.owner {
            Owner::Other(dir) => super::maps_of(dir).and_then(|maps| other::layout(dir, &maps)),
            _ => Some(Layout::new(process)),
        };
        return match layout {
            Some(layout) => without(listing, |name| is_not_of(&layout, name)),
            None => listing.len(),
        };
    }
    without(listing, |name| {
        let number = str::from_utf8(name).ok().and_then(|text| text.parse::<RawFd>().ok());
        number.is_some_and(|fd| match listed.owner {
            Owner::Own => process.is_own_fd(fd),
            _ => fd >= PINNED_FD && is_ours(&listed.dir, fd),
        })
    })
}

/// Whether descriptor `fd` of the process of `pidfd` is the emulator's.
pub(crate) fn is_hidden(process: &Process, pidfd: RawFd, fd: RawFd) -> bool {
    if fd < PINNED_FD {
        return false;
    }
    let info = raw::read_file(format!("/proc/self/fdinfo/{pidfd}").as_bytes()).unwrap_or_default();
    let info = String::from_utf8_lossy(&info);
    let pid = info.lines().find_map(|line| line.strip_prefix("Pid:")).map(str::trim);
    let Some(pid) = pid.and_then(|pid| pid.parse::<i32>().ok()) else { return false };
    if pid == raw::getpid() {
        return process.is_own_fd(fd);
    }
    let dir = format!("/proc/{pid}").into_bytes();
    other::is_emulator(&dir) && is_ours(&dir, fd)
}

/// How long the table of descriptors of a process is without those of the emulator; `host` is how long
/// it is (fs/file.c `alloc_fdtable`).
pub(super) fn table_size(process: &Process, owner: &Owner, host: u64) -> u64 {
    /// The shortest one, and what longer ones are a multiple of.
    const FIRST: u64 = 64;
    const STEP: u64 = 128;
    let dir: &[u8] = match owner {
        Owner::Other(dir) => dir,
        _ => b"/proc/self",
    };
    let theirs = |fd: &RawFd| match owner {
        Owner::Other(dir) => *fd < PINNED_FD || !is_ours(dir, *fd),
        _ => !process.is_own_fd(*fd),
    };
    let highest = descriptors(dir).into_iter().rev().find(theirs).unwrap_or(0) as u64;
    let wanted =
        if highest < FIRST { FIRST } else { (highest / STEP + 1).next_power_of_two() * STEP };
    wanted.min(host)
}

/// Whether descriptor `fd` of the emulated process of `dir` is the emulator's.
fn is_ours(dir: &[u8], fd: RawFd) -> bool {
    let link = |name: &str| raw::readlinkat(libc::AT_FDCWD, &[dir, name.as_bytes()].concat());
    link(&format!("/fd/{fd}"))
        .is_ok_and(|to| to.starts_with(SHARE) || Ok(&to) == link("/exe").as_ref())
        || is_tagged(dir, fd)
}

/// Whether the name of a mapped file, `START-END`, is of a mapping that is not the guest's.
fn is_not_of(layout: &Layout, name: &[u8]) -> bool {
    let parse = || {
        let (start, end) = str::from_utf8(name).ok()?.split_once('-')?;
        Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
    };
    parse().is_some_and(|(start, end)| !layout.owned.intersects(start, end))
}

/// Moves the entries whose names do not satisfy `drop` to the front; gives their bytes.
fn without(listing: &mut [u8], drop: impl Fn(&[u8]) -> bool) -> usize {
    let (mut from, mut to) = (0, 0);
    while let Some(entry) = listing.get(from..).filter(|rest| rest.len() > NAME) {
        let len = usize::from(u16::from_ne_bytes([entry[RECLEN], entry[RECLEN + 1]]));
        let Some(entry) = entry.get(..len).filter(|_| len > NAME) else { break };
        let name = entry[NAME..].split(|&b| b == 0).next().unwrap_or_default();
        if !drop(name) {
            listing.copy_within(from..from + len, to);
            to += len;
        }
        from += len;
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[u8], len: u16) -> Vec<u8> {
        let mut entry = vec![7; RECLEN];
        entry.extend(len.to_ne_bytes());
        entry.push(10);
        entry.extend(name);
        entry.resize(usize::from(len), 0);
        entry
    }

    #[test]
    fn entries_are_taken_out() {
        let all = [entry(b"1", 24), entry(b"900", 32), entry(b"12345", 32)].concat();
        let mut listing = all.clone();
        assert_eq!(without(&mut listing, |_| false), all.len());
        assert_eq!(listing, all);
        assert_eq!(without(&mut listing, |name| name == b"900"), 56);
        assert_eq!(listing[..56], [entry(b"1", 24), entry(b"12345", 32)].concat());
        assert_eq!(without(&mut listing[..56], |_| true), 0);
        // What is cut off is no entry.
        assert_eq!(without(&mut all[..30].to_vec(), |_| false), 24);
    }
}
