//! Translations that a family of processes shares: a process that was started by another's
//! `execve` finds what its relatives have translated already, most often all of the loader and the
//! C library.
//!
//! The memory is a memfd, mapped by all of the family. A record is found by its guest code, not by
//! the name of a file: it is used only after the guest code has been compared, with what else the
//! translation depended on, so it is right whatever program it came from. Records are never removed,
//! nor changed but for hints; who adds one publishes it by a compare-and-exchange in the index.
//! With a translation come those that its links lead to, as far as somebody has linked them and they are
//! in the same page.
//!
//! Whoever can write here can run code in all of the family. So a family is of one set of
//! credentials: a process leaves it ([`crate::Engine::leave_share`]) before it changes its own, and
//! the descriptor is handed on only to programs that we start ourselves.

mod index;
mod install;
mod record;

use crate::engine::Engine;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use guest::{Fetch, Key};
use host::Code;
use index::Place;
pub(crate) use install::Step;
use ir::Block;
pub(crate) use record::{Found, Seen};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use sys::map::Mapping;

/// Bytes of the memory, of which only those used take any.
const LEN: usize = 64 << 20;
/// Records start behind the head and the directory.
const FIRST: usize = HEAD + index::DIRECTORY;
const HEAD: usize = 4096;
/// Records start at multiples of this.
const UNIT: usize = 16;
/// Most records that are looked at as a whole: there are several of the same code if it depends on
/// what is elsewhere.
const LOOKS_MAX: usize = 16;
const MAGIC: u64 = 0x616e_7961_7263_6803;

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

/// What the memory is made of: what others may write while it is read.
trait Word {}
impl Word for AtomicU32 {}
impl Word for AtomicU64 {}

/// The memory.
#[derive(Debug)]
pub(crate) struct Share {
    map: Mapping,
    file: OwnedFd,
    /// For records while they are written.
    buffer: Vec<u64>,
}

impl Share {
    /// Founds a family. `place` puts the descriptor out of the guest's way.
    pub(crate) fn new(
        family: &Family,
        place: impl FnOnce(BorrowedFd<'_>) -> io::Result<OwnedFd>,
    ) -> io::Result<Self> {
        let file = sys::raw::memfd_of(c"anyarch-share", LEN as u64)
            .map_err(|e| io::Error::from_raw_os_error(e.0))?;
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
    /// Takes memory for a record or a part of the index, which is zero.
    fn allocate(&self, size: usize) -> Option<usize> {
        let (used, size) = (&self.head().used, size.next_multiple_of(UNIT));
        if used.load(Ordering::Relaxed) + size as u64 > LEN as u64 {
            return None;
        }
        let at = used.fetch_add(size as u64, Ordering::Relaxed);
        let inside =
            at >= FIRST as u64 && at <= (LEN - size) as u64 && at.is_multiple_of(UNIT as u64);
        inside.then_some(at as usize)
    }
    /// `count` words at `at`; None if they are not behind the directory and inside the memory.
    fn words<T: Word>(&self, at: usize, count: usize) -> Option<&[T]> {
        let inside = at >= FIRST && at <= LEN - count * size_of::<T>();
        // SAFETY: within the mapping, aligned, atomic.
        (inside && at.is_multiple_of(align_of::<T>())).then(|| unsafe {
            core::slice::from_raw_parts(self.map.start().add(at).cast::<T>(), count)
        })
    }
    /// Finds the translation of the code at `pc` for threads with `key`.
    pub(crate) fn find(&self, pc: u64, key: Key, fetch: &mut impl Fetch) -> Option<Found<'_>> {
        let place = Place::new(fetch, pc, key);
        let mut looks = 0..LOOKS_MAX;
        self.each(place, |number| {
            looks.next().map(|_| self.candidate(number, pc, key)?.check(fetch))
        })
    }
    /// Adds a translation; gives the number of its record. `seen` is the guest code that it depends on,
    /// and `fetch` gives it.
    pub(crate) fn add(
        &mut self,
        block: &Block,
        key: Key,
        seen: &Seen,
        fetch: &mut impl Fetch,
        code: &Code,
    ) -> Option<u32> {
        let place = Place::new(fetch, block.pc, key);
        self.buffer.clear();
        record::write(&mut self.buffer, block, key, seen, code)?;
        let at = self.allocate(size_of_val(&self.buffer[..]))?;
        // SAFETY: in bounds, and the range is this record's alone until it is entered.
        unsafe {
            let to = self.map.start().add(at).cast::<u64>();
            core::ptr::copy_nonoverlapping(self.buffer.as_ptr(), to, self.buffer.len());
        }
        let number = (at / UNIT) as u32;
        self.enter(place, number)?;
        Some(number)
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
            // (Another family's records would have other numbers.)
            let units = (0..self.tables.units.len()).filter_map(|n| self.tables.units.get(n));
            units.for_each(|unit| unit.record.store(0, Ordering::Relaxed));
        }
    }
    /// The family's memory has another descriptor from now on.
    pub fn move_share(&self, file: OwnedFd) {
        if let Some(share) = &mut self.lock().share {
            self.share_fd.store(file.as_raw_fd(), Ordering::Relaxed);
            share.file = file;
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

#[cfg(test)]
mod tests;
