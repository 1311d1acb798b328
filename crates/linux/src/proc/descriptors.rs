//! Listings of `/proc/PID/fd` and `/proc/PID/fdinfo` without the emulator's own descriptors.

use crate::process::{PINNED_FD, Process};
use std::os::fd::RawFd;
use sys::raw;

/// What links to the memory of a family begin with.
const SHARE: &[u8] = b"/memfd:anyarch-share";
/// Offsets in `struct linux_dirent64`.
const RECLEN: usize = 16;
const NAME: usize = 19;

/// The path of the `/proc/PID/fd` whose descriptors the directory `dir` lists, if there may be any of
/// ours in it.
pub(crate) fn listed(process: &Process, dir: RawFd) -> Option<Vec<u8>> {
    if process.own_fds().next().is_none() || !super::is_proc(dir) {
        return None;
    }
    let link = format!("/proc/self/fd/{dir}");
    let path = raw::readlinkat(libc::AT_FDCWD, link.as_bytes()).ok()?;
    let fds = path.strip_suffix(b"info").unwrap_or(&path);
    fds.ends_with(b"/fd").then(|| fds.to_vec())
}

/// Takes our descriptors out of the directory entries in `listing`, which are of `fds`; gives how
/// many bytes are left.
pub(crate) fn hide(process: &Process, fds: &[u8], listing: &mut [u8]) -> usize {
    let own = fds.starts_with(format!("/proc/{}/", raw::getpid()).as_bytes());
    let is_ours = |name: &[u8]| {
        let number = str::from_utf8(name).ok().and_then(|text| text.parse::<RawFd>().ok());
        number.is_some_and(|fd| fd >= PINNED_FD) && {
            own && number.is_some_and(|fd| process.is_own_fd(fd))
                || raw::readlinkat(libc::AT_FDCWD, &[fds, b"/", name].concat())
                    .is_ok_and(|to| to.starts_with(SHARE))
        }
    };
    without(listing, is_ours)
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
