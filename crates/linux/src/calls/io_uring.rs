//! `io_uring`: the kernel reads submissions from memory that it shares with the guest. Almost all
//! of them mean the same to the host. Those that do not are rewritten while they are submitted:
//! the kernel copies what it needs before `io_uring_enter` returns, so the guest gets its own back
//! after that.
//!
//! A thread of the kernel that polls for submissions (`IORING_SETUP_SQPOLL`) would read them before
//! they could be rewritten, so it is refused; so are rings that are named by other means than a
//! descriptor. Rings may be in memory that the guest has mapped itself.

use super::poll::{HOST_EVENT, host_event, with_mask};
use super::tags::{self, Copies};
use super::{Args, Result};
use crate::abi::Abi;
use crate::layout::{self, EpollEvent};
use crate::task::Task;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use sys::Errno;

const SETUP_SQPOLL: u32 = 1 << 1;
const SETUP_SQE128: u32 = 1 << 10;
const SETUP_NO_MMAP: u32 = 1 << 14;
const SETUP_REGISTERED_FD_ONLY: u32 = 1 << 15;
const SETUP_NO_SQARRAY: u32 = 1 << 16;
const ENTER_EXT_ARG: u64 = 8;
const ENTER_REGISTERED_RING: u64 = 16;
const REGISTER_BUFFERS: u64 = 0;
const REGISTER_RING_FDS: u64 = 20;
const REGISTER_RESIZE_RINGS: u64 = 33;
/// Offsets to map the two rings and the submissions at.
const MAP_RING: u64 = 0;
const MAP_ENTRIES: u64 = 0x1000_0000;

/// Offsets in `struct io_uring_params`.
mod params {
    pub(super) const FLAGS: u64 = 8;
    pub(super) const HEAD: u64 = 40;
    pub(super) const TAIL: u64 = 44;
    pub(super) const MASK: u64 = 48;
    pub(super) const ARRAY: u64 = 64;
    /// Where the guest has memory for the submissions and the rings (`user_addr`).
    pub(super) const ENTRIES: u64 = 72;
    pub(super) const RING: u64 = 112;
}

/// Offsets in `struct io_uring_sqe`.
mod entry {
    pub(super) const OPERATION: u64 = 0;
    pub(super) const OFF: u64 = 8;
    pub(super) const ADDR: u64 = 16;
    pub(super) const LEN: u64 = 24;
    pub(super) const FLAGS: u64 = 28;
}

const OP_OPENAT: u8 = 18;
const OP_OPENAT2: u8 = 28;
const OP_EPOLL_CTL: u8 = 29;
/// Operations with buffers in a vector, which is read when they are submitted.
const VECTORS: [u8; 2] = [1, 2];
/// Operations whose first address is none: what is to be cancelled is named, or a message.
const NAMING: [u8; 4] = [7, 12, 14, 40];
/// Operations with a second address: an update of a timeout, accept, statx, send, openat2, renameat,
/// symlinkat, linkat, and those of extended attributes.
const TWO: [u8; 12] = [12, 13, 21, 26, 28, 35, 38, 39, 41, 42, 43, 44];
/// Gives events in the host's layout, at a time when nobody could change it.
const OP_EPOLL_WAIT: u8 = 59;
const OP_NONE: u8 = 255;

/// What is known of a ring.
#[derive(Clone, Copy, Debug)]
struct Ring {
    flags: u32,
    head: u32,
    tail: u32,
    mask: u32,
    array: u32,
    /// Where the guest has mapped ring and submissions; 0 = nowhere.
    at: u64,
    entries: u64,
}

/// The rings by descriptor. One that was closed is in nobody's way.
static RINGS: Mutex<BTreeMap<i32, Ring>> = Mutex::new(BTreeMap::new());

fn rings() -> MutexGuard<'static, BTreeMap<i32, Ring>> {
    RINGS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Held over a fork.
pub(crate) fn fork_guard() -> impl Drop {
    rings()
}

/// `io_uring_setup(2)`.
pub(super) fn io_uring_setup(task: &mut Task, args: Args) -> Result {
    let at = args[1];
    let flags = ::memory::read_u32(at + params::FLAGS)?;
    if flags & SETUP_SQPOLL != 0 {
        return Err(Errno::EPERM);
    }
    if flags & SETUP_REGISTERED_FD_ONLY != 0 {
        return Err(Errno::EINVAL);
    }
    let places = if flags & SETUP_NO_MMAP != 0 {
        [params::RING, params::ENTRIES].map(|offset| ::memory::read_u64(at + offset))
    } else {
        [Ok(0), Ok(0)]
    };
    let fd = task.call(libc::SYS_io_uring_setup, args)?;
    let word = |offset| ::memory::read_u32(at + offset);
    let ring = Ring {
        flags,
        head: word(params::HEAD)?,
        tail: word(params::TAIL)?,
        mask: word(params::MASK)?,
        array: word(params::ARRAY)?,
        at: places[0]?,
        entries: places[1]?,
    };
    rings().insert(fd as i32, ring);
    Ok(fd)
}

/// The guest has mapped `fd` at `at`.
pub(super) fn mapped(fd: i32, offset: u64, at: u64) {
    let mut rings = rings();
    let Some(ring) = rings.get_mut(&fd) else { return };
    match offset {
        MAP_RING => ring.at = at,
        MAP_ENTRIES => ring.entries = at,
        _ => {}
    }
}

/// Whether there may be rings: mappings need not be looked at otherwise.
pub(super) fn in_use() -> bool {
    !rings().is_empty()
}

/// `io_uring_register(2)`.
pub(super) fn io_uring_register(task: &mut Task, args: Args) -> Result {
    match args[1] & 0xffff_ffff {
        REGISTER_RING_FDS | REGISTER_RESIZE_RINGS => Err(Errno::EINVAL),
        REGISTER_BUFFERS if task.takes_tags => {
            let mut copies = Copies::default();
            let vector = copies.vector(tags::strip(task, args[2]), args[3] & 0xffff_ffff);
            let args = [args[0], args[1], vector, args[3], 0, 0];
            task.call(libc::SYS_io_uring_register, args)
        }
        _ => task.call(libc::SYS_io_uring_register, args),
    }
}

/// `io_uring_enter(2)`.
pub(super) fn io_uring_enter(task: &mut Task, args: Args) -> Result {
    let [fd, submit, _, flags, at, size] = args;
    if flags & ENTER_REGISTERED_RING != 0 {
        return Err(Errno::EINVAL);
    }
    let mask = if flags & ENTER_EXT_ARG != 0 {
        let pointer = if at == 0 { 0 } else { ::memory::read_u64(at)? };
        let size = if at == 0 { 0 } else { ::memory::read_u32(at + 8)? };
        optional_set(task, pointer, u64::from(size))?
    } else {
        optional_set(task, at, size)?
    };
    let mut changes = Changes::default();
    if submit as u32 != 0 {
        let ring = rings().get(&(fd as i32)).copied();
        // Without its memory nothing can have been submitted.
        if let Some(ring) = ring.filter(|ring| ring.at != 0 && ring.entries != 0) {
            changes.tags = task.takes_tags;
            changes.make(task.process.abi, &ring, submit as u32);
        }
    }
    let result = with_mask(task, mask, libc::SYS_io_uring_enter, args);
    changes.undo();
    result
}

fn optional_set(task: &Task, at: u64, size: u64) -> core::result::Result<Option<u64>, Errno> {
    if at == 0 { Ok(None) } else { task.read_set(at, size).map(Some) }
}

/// Submissions that were changed, to be put back.
#[derive(Default)]
struct Changes {
    /// Address and old bytes.
    old: Vec<(u64, Vec<u8>)>,
    /// What they point to.
    buffers: Vec<Vec<u8>>,
    /// Addresses may have tags, which the host does not take; and vectors of buffers without them.
    tags: bool,
    copies: Copies,
}

impl Changes {
    fn make(&mut self, abi: &Abi, ring: &Ring, submit: u32) -> Option<()> {
        let word = |offset: u32| ::memory::read_u32(ring.at + u64::from(offset)).ok();
        let (head, tail, mask) = (word(ring.head)?, word(ring.tail)?, word(ring.mask)?);
        let size = if ring.flags & SETUP_SQE128 != 0 { 128 } else { 64 };
        for n in 0..tail.wrapping_sub(head).min(submit) {
            let slot = head.wrapping_add(n) & mask;
            let index = if ring.flags & SETUP_NO_SQARRAY != 0 {
                slot
            } else {
                word(ring.array + 4 * slot)?
            };
            self.rewrite(abi, ring.entries + u64::from(index) * size)?;
        }
        Some(())
    }

    fn put(&mut self, at: u64, new: &[u8]) -> Option<()> {
        let old = ::memory::read_vec(at, new.len()).ok()?;
        ::memory::write(at, new).ok()?;
        self.old.push((at, old));
        Some(())
    }

    /// Lets the field at `at` point to `buffer`.
    fn point(&mut self, at: u64, buffer: Vec<u8>) -> Option<()> {
        let pointer = (buffer.as_ptr() as u64).to_le_bytes();
        self.buffers.push(buffer);
        self.put(at, &pointer)
    }

    /// Takes the tags off the addresses of a submission.
    fn untag(&mut self, entry: u64) -> Option<()> {
        let operation = ::memory::read_u8(entry + entry::OPERATION).ok()?;
        let mut fields = Vec::new();
        if !NAMING.contains(&operation) {
            fields.push(entry::ADDR);
        }
        if TWO.contains(&operation) {
            fields.push(entry::OFF);
        }
        for at in fields.into_iter().map(|field| entry + field) {
            let address = ::memory::read_u64(at).ok()?;
            let mut plain = tags::untag(address);
            if VECTORS.contains(&operation) {
                let len = ::memory::read_u32(entry + entry::LEN).ok()?;
                plain = self.copies.vector(plain, len.into());
            }
            if plain != address {
                self.put(at, &plain.to_le_bytes())?;
            }
        }
        Some(())
    }

    fn rewrite(&mut self, abi: &Abi, entry: u64) -> Option<()> {
        if self.tags {
            self.untag(entry)?;
        }
        match ::memory::read_u8(entry + entry::OPERATION).ok()? {
            OP_OPENAT => {
                let at = entry + entry::FLAGS;
                let guest = u64::from(::memory::read_u32(at).ok()?);
                self.put(at, &(abi.open_flags.to_host(guest) as u32).to_le_bytes())
            }
            OP_OPENAT2 => {
                let how = ::memory::read_u64(entry + entry::OFF).ok()?;
                let len = ::memory::read_u32(entry + entry::LEN).ok()? as usize;
                // What is malformed is the kernel's to refuse.
                if !(24..=4096).contains(&len) {
                    return Some(());
                }
                let Ok(mut how) = ::memory::read_vec(how, len) else { return Some(()) };
                let guest = how[..8].iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte));
                how[..8].copy_from_slice(&abi.open_flags.to_host(guest).to_le_bytes());
                self.point(entry + entry::OFF, how)
            }
            OP_EPOLL_CTL => {
                let event = ::memory::read_u64(entry + entry::ADDR).ok()?;
                let Ok(host) = host_event(abi.epoll, event) else { return Some(()) };
                self.point(entry + entry::ADDR, host.to_vec())
            }
            OP_EPOLL_WAIT if layout::len::<EpollEvent>(abi.epoll) != HOST_EVENT => {
                self.put(entry + entry::OPERATION, &[OP_NONE])
            }
            _ => Some(()),
        }
    }

    fn undo(self) {
        for (at, old) in self.old.into_iter().rev() {
            // If the guest has unmapped it, there is nothing to put back.
            let _ = ::memory::write(at, &old);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::aarch64::ABI;

    #[test]
    fn submissions_are_rewritten_and_put_back() {
        let mut entries = vec![0_u8; 128];
        entries[0] = OP_OPENAT;
        entries[28..32].copy_from_slice(&0o40_000_u32.to_le_bytes());
        let mut event = [0_u8; 16];
        (event[0], event[8]) = (1, 7);
        entries[64] = OP_EPOLL_CTL;
        entries[80..88].copy_from_slice(&(event.as_ptr() as u64).to_le_bytes());
        let before = entries.clone();
        let memory: Vec<u32> = vec![5, 7, 1, 0, 1];
        let ring = Ring {
            flags: 0,
            head: 0,
            tail: 4,
            mask: 8,
            array: 12,
            at: memory.as_ptr() as u64,
            entries: entries.as_mut_ptr() as u64,
        };
        let mut changes = Changes::default();
        assert_eq!(changes.make(&ABI, &ring, 9), Some(()));
        let now = std::hint::black_box(&entries);
        assert_eq!(now[28..32], (libc::O_DIRECTORY as u32).to_le_bytes());
        assert_eq!(changes.buffers[0].len(), HOST_EVENT);
        assert_eq!(changes.buffers[0][HOST_EVENT - 8], 7);
        changes.undo();
        assert_eq!(std::hint::black_box(&entries), &before);
    }
}
