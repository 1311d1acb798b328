//! Translations that a family of processes shares: a process that was started by another's
//! `execve` finds what its relatives have translated already, most often all of the loader and the
//! C library.
//!
//! The memory is a memfd, mapped by all of the family. A record is found by its guest code, not by
//! the name of a file: it is used only after the guest code has been compared, with what else the
//! translation depended on, so it is right whatever program it came from. Records are never changed
//! nor removed; who adds one publishes it by a compare-and-exchange of its bucket's head.
//!
//! Whoever can write here can run code in all of the family. So a family is of one set of
//! credentials: a process leaves it ([`crate::Engine::leave_share`]) before it changes its own, and
//! the descriptor is handed on only to programs that we start ourselves.

mod record;

use crate::engine::Engine;
use crate::unit::NONE;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use host::Code;
use ir::Block;
pub(crate) use record::Seen;
use record::{HEADER, Header};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use sys::map::Mapping;

/// Bytes of the memory, of which only those used take any.
const LEN: usize = 32 << 20;
const BUCKETS: usize = 1 << 14;
/// Records start behind the head and the buckets.
const FIRST: usize = HEAD + BUCKETS * 4;
const HEAD: usize = 4096;
/// Records start at multiples of this.
const UNIT: usize = 16;
/// Most records of a bucket that are looked at: nothing makes a loop, but nothing prevents a broken
/// relative from making one.
const CHAIN_MAX: usize = 64;
const MAGIC: u64 = 0x616e_7961_7263_6801;

/// What a process must have in common with the others: the translator, its choices, who it is.
pub type Family = [u64; 8];

/// The memory's start.
#[repr(C)]
struct Head {
    magic: AtomicU64,
    family: [AtomicU64; 8],
    /// Bytes in use.
    used: AtomicU64,
}

/// The memory.
#[derive(Debug)]
pub(crate) struct Share {
    map: Mapping,
    file: OwnedFd,
    /// For records while they are read and written.
    buffer: Vec<u8>,
}

impl Share {
    /// Founds a family. `place` puts the descriptor out of the guest's way.
    pub(crate) fn new(
        family: &Family,
        place: impl FnOnce(BorrowedFd<'_>) -> io::Result<OwnedFd>,
    ) -> io::Result<Self> {
        let file =
            sys::raw::memfd(c"anyarch-share").map_err(|e| io::Error::from_raw_os_error(e.0))?;
        let file = std::fs::File::from(file);
        file.set_len(LEN as u64)?;
        let file = place(file.as_fd())?;
        let share = Self::map(file)?;
        let head = share.head();
        head.used.store(FIRST as u64, Ordering::Relaxed);
        for (to, &from) in head.family.iter().zip(family) {
            to.store(from, Ordering::Relaxed);
        }
        head.magic.store(MAGIC, Ordering::Release);
        Ok(share)
    }
    /// Joins the family of `file`; None if it is another, or none.
    pub(crate) fn join(file: OwnedFd, family: &Family) -> Option<Self> {
        let stat = sys::raw::fstat(file.as_raw_fd()).ok()?;
        if stat.st_size != LEN as i64 {
            return None;
        }
        let share = Self::map(file).ok()?;
        let head = share.head();
        let same = head.magic.load(Ordering::Acquire) == MAGIC
            && head.family.iter().zip(family).all(|(a, &b)| a.load(Ordering::Relaxed) == b);
        same.then_some(share)
    }
    fn map(file: OwnedFd) -> io::Result<Self> {
        let map = Mapping::shared(file.as_fd(), LEN, libc::PROT_READ | libc::PROT_WRITE)
            .map_err(|e| io::Error::from_raw_os_error(e.0))?;
        Ok(Self { map, file, buffer: Vec::new() })
    }
    /// Its descriptor.
    pub(crate) fn fd(&self) -> i32 {
        self.file.as_raw_fd()
    }
    fn head(&self) -> &Head {
        // SAFETY: the mapping is longer, aligned, and all fields are atomic.
        unsafe { &*self.map.start().cast::<Head>() }
    }
    fn bucket(&self, hash: u32) -> &AtomicU32 {
        let n = hash as usize % BUCKETS;
        // SAFETY: within the mapping, aligned, atomic.
        unsafe { &*self.map.start().add(HEAD + n * 4).cast::<AtomicU32>() }
    }
    /// Copies what is at `at` to the buffer; false if it is outside.
    fn copy(&mut self, at: usize, len: usize) -> bool {
        if at < FIRST || at.checked_add(len).is_none_or(|end| end > LEN) {
            return false;
        }
        self.buffer.clear();
        self.buffer.reserve(len);
        // SAFETY: in bounds of the mapping; the buffer has room. Relatives write only records that
        // nobody has been told of; one that is broken gives other bytes, which are all valid.
        unsafe {
            core::ptr::copy_nonoverlapping(self.map.start().add(at), self.buffer.as_mut_ptr(), len);
            self.buffer.set_len(len);
        }
        true
    }
    /// Finds the translation of the code at `pc` for threads with `Mode::fp_exact` = `exact`:
    /// fills `block` (where it is, not what it does) and `code`, all but the numbers of links.
    /// `read` gives the guest's code, None where there is none.
    pub(crate) fn find(
        &mut self,
        pc: u64,
        exact: bool,
        mut read: impl FnMut(u64) -> Option<u32>,
        block: &mut Block,
        code: &mut Code,
    ) -> bool {
        let Some(first) = read(pc) else { return false };
        let hash = hash(pc, exact, first);
        let mut next = self.bucket(hash).load(Ordering::Acquire) as usize;
        for _ in 0..CHAIN_MAX {
            if next == 0 || !self.copy(next * UNIT, HEADER) {
                return false;
            }
            let Some(header) = Header::read(&self.buffer) else { return false };
            let at = next * UNIT;
            next = header.next as usize;
            if header.hash != hash || !header.fits(pc, exact) {
                continue;
            }
            if self.copy(at, header.size as usize)
                && record::read(&self.buffer, &header, pc, &mut read, block, code).is_some()
            {
                return true;
            }
        }
        false
    }
    /// Adds a translation. `seen` is the guest code that it depends on.
    pub(crate) fn add(&mut self, block: &Block, exact: bool, seen: &Seen, code: &Code) {
        let Some(first) = seen.first() else { return };
        let hash = hash(block.pc, exact, first);
        self.buffer.clear();
        if record::write(&mut self.buffer, hash, block, exact, seen, code).is_none() {
            return;
        }
        let size = self.buffer.len().next_multiple_of(UNIT);
        let head = self.head();
        if head.used.load(Ordering::Relaxed) + size as u64 > LEN as u64 {
            return;
        }
        let at = head.used.fetch_add(size as u64, Ordering::Relaxed);
        if at < FIRST as u64 || at > (LEN - size) as u64 {
            return;
        }
        let at = at as usize;
        let mut buffer = core::mem::take(&mut self.buffer);
        let bucket = self.bucket(hash);
        let mut next = bucket.load(Ordering::Relaxed);
        loop {
            buffer[..4].copy_from_slice(&next.to_le_bytes());
            // SAFETY: in bounds, and the range is this record's alone until the exchange.
            unsafe {
                let to = self.map.start().add(at);
                core::ptr::copy_nonoverlapping(buffer.as_ptr(), to, buffer.len());
            }
            let number = (at / UNIT) as u32;
            match bucket.compare_exchange(next, number, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => break,
                Err(newer) => next = newer,
            }
        }
        self.buffer = buffer;
    }
}

impl Engine {
    /// Founds a family, unless there is one: what is translated from now on is shared with the
    /// processes that get its descriptor. `place` puts that out of the guest's way.
    pub fn found_share(
        &self,
        family: &Family,
        place: impl FnOnce(BorrowedFd<'_>) -> io::Result<OwnedFd>,
    ) {
        if self.share_fd().is_some() || !self.may_share() {
            return;
        }
        let writer = &mut *self.lock();
        if writer.share.is_none()
            && let Ok(share) = Share::new(family, place)
        {
            self.share_fd.store(share.fd(), Ordering::Relaxed);
            writer.share = Some(share);
        }
    }
    /// Joins the family of which `file` is the memory, if it is ours.
    pub fn join_share(&self, file: OwnedFd, family: &Family) {
        if let Some(share) = self.may_share().then(|| Share::join(file, family)).flatten() {
            self.share_fd.store(share.fd(), Ordering::Relaxed);
            self.lock().share = Some(share);
        }
    }
    /// Leaves the family.
    pub fn leave_share(&self) {
        if self.share_fd().is_some() {
            let writer = &mut *self.lock();
            self.share_fd.store(-1, Ordering::Relaxed);
            writer.share = None;
        }
    }
    /// The descriptor of the family's memory.
    pub fn share_fd(&self) -> Option<i32> {
        Some(self.share_fd.load(Ordering::Relaxed)).filter(|&fd| fd >= 0)
    }
    /// Whether nothing that was asked for needs all to be translated here, and translations depend
    /// on nothing but the code (guarded pages are no part of that).
    fn may_share(&self) -> bool {
        let options = &self.options;
        !(self.guest.guards()
            || options.dump_ir
            || options.dump_host
            || options.interpret
            || options.stress)
    }
}

fn hash(pc: u64, exact: bool, first: u32) -> u32 {
    let mixed = (u64::from(first) << 13 ^ (pc & 0xfff) << 1 ^ u64::from(exact))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = (mixed >> 32) as u32;
    if hash == NONE { 0 } else { hash }
}

#[cfg(test)]
mod tests;
