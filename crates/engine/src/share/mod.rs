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
mod memory;
mod record;
mod site;

use crate::engine::{Engine, Writer};
use crate::map::Target;
use core::sync::atomic::Ordering;
use guest::{Fetch, Key};
use host::{Code, Host};
use index::Place;
pub(crate) use install::Step;
use ir::Block;
pub(crate) use memory::Memory;
use memory::UNIT;
pub use memory::{FAMILY_PLACE_UNIT, FAMILY_PLACES_LEN};
use record::Header;
pub(crate) use record::{Found, Seen};
pub use site::Image;
pub(crate) use site::SHARED;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Most records that are looked at as a whole: there are several of the same code if it depends on
/// what is elsewhere.
const LOOKS_MAX: usize = 16;

/// What a process must have in common with the others: the translator, its choices, who it is.
pub type Family = [u64; 8];

/// The family's memory, and what a process needs to add to it.
#[derive(Debug)]
pub(crate) struct Share {
    /// (Signal handlers have its address.)
    memory: Box<Memory>,
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
        let file = sys::raw::memfd_of(c"anyarch-share", memory::LEN as u64)
            .map_err(|e| io::Error::from_raw_os_error(e.0))?;
        let file = place(file.as_fd())?;
        let share = Self::map(file)?;
        share.memory.found(family);
        Ok(share)
    }
    /// Joins the family of `file`; None if it is another, or none.
    pub(crate) fn join(file: OwnedFd, family: &Family) -> Option<Self> {
        let share = if memory::has_length(&file) { Self::map(file).ok()? } else { return None };
        share.memory.is_of(family).then_some(share)
    }
    fn map(file: OwnedFd) -> io::Result<Self> {
        Ok(Self { memory: Box::new(Memory::map(&file)?), file, buffer: Vec::new() })
    }
    /// Its descriptor.
    pub(crate) fn fd(&self) -> i32 {
        self.file.as_raw_fd()
    }
    /// Finds the translation of the code at `pc` for threads with `key`.
    pub(crate) fn find(&self, pc: u64, key: Key, fetch: &mut impl Fetch) -> Option<Found<'_>> {
        self.find_in(0, pc, key, fetch)
    }
    /// The same, of those of `site`; or any, if that is 0.
    pub(crate) fn find_in(
        &self,
        site: u64,
        pc: u64,
        key: Key,
        fetch: &mut impl Fetch,
    ) -> Option<Found<'_>> {
        let place = Place::new(fetch, pc, key).in_site(site);
        let mut looks = 0..LOOKS_MAX;
        self.each(place, |number| {
            let fits = |header: &Header| site == 0 || header.site == site && header.pc == pc;
            let candidate = |number| {
                self.candidate(number, pc, key).filter(|candidate| fits(&candidate.header))
            };
            looks.next().map(|_| candidate(number)?.check(fetch))
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
        let (number, _) = self.put(0, |to, _| to.copy_from_slice(&code.bytes))?;
        self.enter(place, number)?;
        Some(number)
    }
    /// Adds a translation to `site`, where it is to be executed.
    #[expect(clippy::too_many_arguments, reason = "those of `add` and where")]
    pub(crate) fn add_in(
        &mut self,
        site: u64,
        block: &Block,
        key: Key,
        seen: &Seen,
        fetch: &mut impl Fetch,
        code: &Code,
        host: &dyn Host,
    ) -> Option<Target> {
        let place = Place::new(fetch, block.pc, key);
        self.buffer.clear();
        record::write(&mut self.buffer, block, key, seen, code)?;
        let (number, at) = self.put(site, |to, number| {
            to.copy_from_slice(&code.bytes);
            for (n, link) in code.links.iter().enumerate().filter(|(_, link)| link.number != 0) {
                host.set_number(to, link.number, SHARED | record::link_number(number, n));
            }
        })?;
        self.enter(place.in_site(site), number)?;
        // Others may want it at another address.
        let _ = self.enter(place, number);
        Some(Target { offset: at, unit: SHARED | number })
    }
    /// Makes a copy of record `number`, which is of the code at `pc`, one of `site`.
    fn adopt(
        &mut self,
        number: u32,
        pc: u64,
        key: Key,
        site: u64,
        fetch: &mut impl Fetch,
        host: &dyn Host,
    ) -> Option<(Target, Header)> {
        let mut buffer = core::mem::take(&mut self.buffer);
        let found = self.candidate(number, pc, key).and_then(|candidate| {
            candidate.copy(&mut buffer);
            let found = candidate.unchecked()?;
            let mut code = vec![0; found.header.code as usize];
            found.copy_code(&mut code);
            found.unlink(&mut code, host);
            Some((code, found.links().map(|link| link.number).collect::<Vec<_>>()))
        });
        self.buffer = buffer;
        let (code, links) = found?;
        let place = Place::new(fetch, pc, key).in_site(site);
        let (number, at) = self.put(site, |to, number| {
            to.copy_from_slice(&code);
            for (n, &at) in links.iter().enumerate().filter(|&(_, &at)| at != 0) {
                host.set_number(to, at, SHARED | record::link_number(number, n));
            }
        })?;
        self.enter(place, number)?;
        let header = self.candidate(number, pc, key)?.header;
        Some((Target { offset: at, unit: SHARED | number }, header))
    }
    /// Puts the buffer's record into the memory, for `site`, with the code that `fill` writes, told the record's
    /// number; gives that and where the code is. Nobody knows of it yet.
    fn put(&mut self, site: u64, fill: impl FnOnce(&mut [u8], u32)) -> Option<(u32, u32)> {
        let (len, has_loop) = record::code_of(&self.buffer)?;
        let to = self.memory.allocate(size_of_val(&self.buffer[..]))?;
        let at = self.memory.allocate_code(len, has_loop)?;
        let number = (to / UNIT) as u32;
        record::place(&mut self.buffer, number, site, at);
        for (word, &value) in self.words::<_>(to, self.buffer.len())?.iter().zip(&self.buffer) {
            core::sync::atomic::AtomicU64::store(word, value, Ordering::Relaxed);
        }
        self.memory.put_code(at, len, number, |code| fill(code, number))?;
        Some((number, at))
    }
    fn words<T: memory::Word>(&self, at: usize, count: usize) -> Option<&[T]> {
        self.memory.words(at, count)
    }
    fn allocate(&self, size: usize) -> Option<usize> {
        self.memory.allocate(size)
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
            self.enter_family(writer, share);
        }
    }
    fn enter_family(&self, writer: &mut Writer, share: Share) {
        self.exec.store((&raw const *share.memory).cast_mut(), Ordering::Release);
        self.share_fd.store(share.fd(), Ordering::Relaxed);
        writer.share = Some(share);
    }
    /// The family's memory. Async-signal-safe.
    pub(crate) fn exec(&self) -> Option<&Memory> {
        // SAFETY: it is forgotten here before it is unmapped, and nobody executes what is in there, or
        // looks up where that may fault, any more.
        unsafe { self.exec.load(Ordering::Acquire).as_ref() }
    }
    /// A random number that all of the family have in common, if there is a family.
    pub fn family_seed(&self) -> Option<u64> {
        self.exec().map(Memory::seed)
    }
    /// Where all of the family put what is known as `what` (not 0) and takes `len` bytes: how far below an
    /// address that they have in common it starts.
    pub fn family_place(&self, what: u64, len: u64) -> Option<u64> {
        self.exec()?.place(what, len)
    }
    /// Joins the family of which `file` is the memory, if it is ours.
    pub fn join_share(&self, file: OwnedFd, family: &Family) {
        if let Some(share) = self.may_share().then(|| Share::join(file, family)).flatten() {
            self.enter_family(&mut self.lock(), share);
        }
    }
    /// Leaves the family.
    pub fn leave_share(&self) {
        if self.share_fd().is_some() {
            let writer = &mut *self.lock();
            self.share_fd.store(-1, Ordering::Relaxed);
            self.forget_sites(writer, 0, u64::MAX);
            self.exec.store(core::ptr::null_mut(), Ordering::Release);
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
