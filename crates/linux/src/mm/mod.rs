//! The guest's memory.
//!
//! Guest addresses are host addresses, so a mapping of the guest is a host mapping. Two things are
//! recorded here and nowhere else:
//!
//! - which addresses are the guest's. All others are ours or free: a fixed mapping there is made
//!   with `MAP_FIXED_NOREPLACE`, so nothing of ours can be replaced, unmapped or protected, and
//!   nothing of ours has to be registered. Where the guest's mappings go is decided in [`place`];
//! - which of them the guest made executable. The host never gets `PROT_EXEC` for guest pages.
//!
//! Lock order: `space`, the engine's, `exec`, `files`, `guarded`, `images`. The engine may ask for the last four
//! with its own lock held, so it is never called with one of them held.

mod account;
mod advice;
mod aio;
mod brk;
mod image;
mod lock;
mod map;
mod place;
mod protect;
mod remap;
mod shm;

pub(crate) use account::Usage;
pub use map::MapRequest;

use crate::elf::{Addresses, PAGE};
use crate::intervals::Intervals;
use crate::proc::PUBLISHED;
use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use engine::{AddressSpace, Engine, Image};
use guest::Coherence;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use sys::errno::Errno;
use sys::raw;

/// Permission bits of the guest: the same on all Linux ports.
pub mod prot {
    /// Readable.
    pub const READ: u64 = 1;
    /// Writable.
    pub const WRITE: u64 = 2;
    /// Executable.
    pub const EXEC: u64 = 4;
    /// Extend `mprotect` to the start of a stack.
    pub const GROWSDOWN: u64 = 0x0100_0000;
    /// Extend `mprotect` to the end of an upward stack.
    pub const GROWSUP: u64 = 0x0200_0000;
}

/// The guest's memory.
pub struct Mm {
    engine: &'static Engine,
    /// Which addresses the guest has.
    addresses: Addresses,
    /// The `PROT_*` bit of the architecture that guards branch targets (`PROT_BTI`), or none.
    arch_prot: u64,
    space: Mutex<Space>,
    exec: RwLock<Intervals>,
    /// The number of the last change of `exec`.
    exec_changes: AtomicU64,
    /// Of these, those that are files' and that the guest has never been able to change: mapped private
    /// and not writable.
    files: RwLock<Intervals>,
    /// Of the files' ranges, those of which it is known which part of which file they are.
    images: RwLock<image::Images>,
    /// Of the executable ones, those that can be written to, or are shared with mappings that may be.
    plastic: RwLock<Intervals>,
    /// All of them may change, whatever their protection.
    all_plastic: AtomicBool,
    /// Of the executable ones, those in which branch targets are guarded; none with guests that do
    /// not check them.
    guarded: RwLock<Intervals>,
    /// Where the vDSO is, once it is mapped.
    vdso: OnceLock<(u64, u64)>,
}

/// What is known of the address space.
#[derive(Debug, Default)]
pub(crate) struct Space {
    /// First address that the guest does not have.
    end: u64,
    /// Addresses that are the guest's.
    pub(crate) owned: Intervals,
    /// Below which address the family puts files; 0: nowhere.
    files_top: u64,
    /// Where to look for free ones.
    search: place::Search,
    /// Start and end of mappings that grow downwards by themselves.
    growing: Vec<(u64, u64)>,
    /// The room of the first thread's stack, most of which it has not grown into.
    stack: (u64, u64),
    /// Files that were not mapped to be executed: whether they may be was not asked then.
    plain_files: Intervals,
    /// Memory that may be mapped elsewhere as well, here or in other processes, or that shows what is
    /// written to a file.
    shared: Intervals,
    /// How new mappings are to be locked in memory.
    lock_future: Option<lock::Locking>,
    /// Until then it is known that memory is not limited.
    unlimited_until: Cell<u64>,
    /// `PR_MDWE_*`.
    mdwe: u64,
    /// Where the heap starts, its end as the guest set it.
    pub(crate) brk_start: u64,
    pub(crate) brk: u64,
    /// Where the program's data starts and ends.
    data: (u64, u64),
    /// Lengths of attached System V segments by address.
    segments: BTreeMap<u64, u64>,
    /// Lengths of the rings of `io_setup` by address.
    aio_rings: BTreeMap<u64, u64>,
}

thread_local! {
    /// The executable range that was asked for last, and the change before that.
    static LAST: Cell<(u64, u64, u64)> = const { Cell::new((0, 0, 0)) };
}

/// Rounds up to whole pages; None if that overflows.
pub(crate) fn page_up(len: u64) -> Option<u64> {
    Some(len.checked_add(PAGE - 1)? & !(PAGE - 1))
}

/// What the host must grant for the guest's `prot`: executable pages are read by the translator.
pub(crate) fn host_prot(prot: u64) -> u64 {
    let readable = if prot & prot::EXEC != 0 { prot::READ } else { 0 };
    prot & (prot::READ | prot::WRITE) | readable
}

impl Mm {
    /// An empty address space.
    pub fn new(engine: &'static Engine, addresses: Addresses, arch_prot: u64) -> Self {
        Self {
            engine,
            addresses,
            arch_prot,
            space: Mutex::new(Space {
                end: addresses.end,
                owned: Intervals::shown_in(&PUBLISHED.owned),
                ..Space::default()
            }),
            exec: RwLock::new(Intervals::shown_in(&PUBLISHED.exec)),
            exec_changes: AtomicU64::new(0),
            files: RwLock::new(Intervals::new()),
            images: RwLock::default(),
            plastic: RwLock::new(Intervals::new()),
            all_plastic: AtomicBool::new(false),
            guarded: RwLock::new(Intervals::new()),
            vdso: OnceLock::new(),
        }
    }

    /// Says where the vDSO has been mapped.
    pub fn set_vdso(&self, start: u64, end: u64) {
        let _ = self.vdso.set((start, end));
    }

    /// Keeps the records of addresses consistent over a fork: hold the guard in the forking thread,
    /// drop it in parent and child. Before the engine's.
    pub fn fork_guard(&self) -> impl Drop + '_ {
        self.space()
    }

    /// The same for the records of executable addresses, after the engine's. Not to be shared: the
    /// child would wait for ever for those who were reading.
    pub fn exec_fork_guard(&self) -> ([impl Drop + '_; 4], impl Drop + '_) {
        let ranges = [&self.exec, &self.files, &self.plastic, &self.guarded]
            .map(|ranges| ranges.write().unwrap_or_else(PoisonError::into_inner));
        (ranges, self.images.write().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn space(&self) -> MutexGuard<'_, Space> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The guest's ranges, for /proc.
    pub(crate) fn owned(&self) -> Intervals {
        let mut space = self.space();
        space.note_growth();
        space.owned.clone()
    }

    /// The executable ranges, for /proc.
    pub(crate) fn exec_ranges(&self) -> Intervals {
        self.exec.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where the heap starts and ends.
    pub(crate) fn heap(&self) -> (u64, u64) {
        let space = self.space();
        (space.brk_start, space.brk)
    }

    /// Makes `start..end` not executable, and drops its translations if it was.
    fn clear_exec(&self, start: u64, end: u64) {
        if self.any_exec(start, end) {
            let mut exec = self.exec.write().unwrap_or_else(PoisonError::into_inner);
            exec.remove(start, end);
            self.note_exec_change();
            self.files.write().unwrap_or_else(PoisonError::into_inner).remove(start, end);
            self.plastic.write().unwrap_or_else(PoisonError::into_inner).remove(start, end);
            self.guarded.write().unwrap_or_else(PoisonError::into_inner).remove(start, end);
            self.forget_images(start, end);
            drop(exec);
            self.engine.invalidate(start, end - start);
        }
    }

    /// `exec` has changed.
    fn note_exec_change(&self) {
        static LAST_CHANGE: AtomicU64 = AtomicU64::new(0);
        let number = LAST_CHANGE.fetch_add(1, Ordering::Relaxed) + 1;
        self.exec_changes.store(number, Ordering::Release);
    }

    /// Records that the executable `start..end` is a file's, which the guest cannot change.
    fn note_file(&self, start: u64, end: u64) {
        self.files.write().unwrap_or_else(PoisonError::into_inner).insert(start, end);
    }

    /// Records that the guest can write to `start..end`.
    fn note_writable(&self, start: u64, end: u64) {
        self.files.write().unwrap_or_else(PoisonError::into_inner).remove(start, end);
        if self.forget_images(start, end) {
            self.engine.invalidate(start, end - start);
        }
    }

    /// Records whether the executable `start..end` may change at any time. What is translated is to be
    /// translated in another way if that is new.
    fn set_plastic(&self, start: u64, end: u64, plastic: bool) {
        let mut ranges = self.plastic.write().unwrap_or_else(PoisonError::into_inner);
        let new = if plastic {
            let new = !ranges.covers(start, end);
            ranges.insert(start, end);
            new
        } else {
            let new = ranges.intersects(start, end);
            ranges.remove(start, end);
            new
        };
        drop(ranges);
        if new && self.engine.guest().spec().coherence == Coherence::Stores {
            self.engine.invalidate(start, end - start);
        }
    }

    /// From now on any code may change: the program has opened its own memory as a file, which has no
    /// regard for protections.
    pub(crate) fn may_write_anywhere(&self) {
        if self.all_plastic.swap(true, Ordering::SeqCst) {
            return;
        }
        let stores = self.engine.guest().spec().coherence == Coherence::Stores;
        if self.forget_images(0, u64::MAX) || stores {
            self.engine.invalidate(0, self.addresses.end);
        }
    }

    /// Makes `start..end` executable.
    fn set_exec(&self, start: u64, end: u64) {
        self.exec.write().unwrap_or_else(PoisonError::into_inner).insert(start, end);
        self.note_exec_change();
    }

    /// Whether part of `start..end` is executable.
    fn any_exec(&self, start: u64, end: u64) -> bool {
        self.exec.read().unwrap_or_else(PoisonError::into_inner).intersects(start, end)
    }

    /// Whether all of `start..end` is executable.
    fn exec_covers(&self, start: u64, end: u64) -> bool {
        self.exec.read().unwrap_or_else(PoisonError::into_inner).covers(start, end)
    }

    /// The executable pages of `start..end` are guarded if `prot` says so. What was translated there
    /// is dropped if that is another answer than before.
    pub(crate) fn guard(&self, start: u64, end: u64, prot: u64) {
        if !self.engine.guest().guards() {
            return;
        }
        let mut guarded = self.guarded.write().unwrap_or_else(PoisonError::into_inner);
        let changes = if prot & self.arch_prot != 0 {
            let changes = !guarded.covers(start, end);
            guarded.insert(start, end);
            changes
        } else {
            let changes = guarded.intersects(start, end);
            guarded.remove(start, end);
            changes
        };
        drop(guarded);
        if changes {
            self.engine.invalidate(start, end - start);
        }
    }

    /// What [`Mm::guard`] is to be told of pages that are as that of `addr`.
    fn guard_of(&self, addr: u64) -> u64 {
        if self.guarded(addr) { self.arch_prot } else { 0 }
    }

    /// Records addresses as the guest's that were mapped by other means.
    pub(crate) fn adopt(&self, start: u64, end: u64) {
        self.space().owned.insert(start, end);
    }

    /// The same for the room of the stack.
    pub(crate) fn adopt_stack(&self, start: u64, end: u64) {
        let mut space = self.space();
        space.owned.insert(start, end);
        space.stack = (start, end);
    }

    /// `start..end`, which the loader reserved, is not needed.
    pub(crate) fn release(&self, start: u64, end: u64) {
        let mut space = self.space();
        if host_munmap(start, end).is_ok() {
            self.unmapped(&mut space, start, end);
        }
    }

    /// What the child of a fork does not inherit: locks.
    pub(crate) fn forked(&self) {
        let mut space = self.space();
        space.lock_future = None;
        space.aio_rings.clear();
        space.mdwe = space.inherited_mdwe();
    }
}

impl Mm {
    /// Records addresses as not executable that were mapped by other means.
    pub(crate) fn disown_exec(&self, start: u64, end: u64) {
        self.clear_exec(start, end);
    }

    /// Records addresses as executable that were mapped by other means, with the guest's `prot`.
    pub(crate) fn adopt_exec(&self, start: u64, end: u64, prot: u64) {
        self.set_exec(start, end);
        if prot & prot::WRITE == 0 {
            self.note_file(start, end);
        }
    }
}

impl AddressSpace for Mm {
    fn executable_until(&self, addr: u64) -> Option<u64> {
        let changes = self.exec_changes.load(Ordering::Acquire);
        let (then, start, end) = LAST.get();
        if then == changes && (start..end).contains(&addr) {
            return Some(end);
        }
        let found = self.exec.read().unwrap_or_else(PoisonError::into_inner).find(addr);
        found.map(|(start, end)| {
            LAST.set((changes, start, end));
            end
        })
    }

    fn mapped(&self, addr: u64) -> bool {
        let mut space = self.space();
        space.note_growth();
        space.owned.contains(addr)
    }

    fn backed_by_file(&self, addr: u64) -> bool {
        self.files.read().unwrap_or_else(PoisonError::into_inner).contains(addr)
    }

    fn changeable(&self) -> Vec<(u64, u64)> {
        let exec = self.exec.read().unwrap_or_else(PoisonError::into_inner);
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        exec.overlaps(0, u64::MAX).flat_map(|(start, end)| files.gaps(start, end)).collect()
    }

    fn plastic(&self, addr: u64) -> bool {
        self.all_plastic.load(Ordering::SeqCst)
            || self.plastic.read().unwrap_or_else(PoisonError::into_inner).contains(addr)
    }

    fn guarded(&self, addr: u64) -> bool {
        self.guarded.read().unwrap_or_else(PoisonError::into_inner).contains(addr)
    }

    fn image(&self, addr: u64) -> Option<Image> {
        self.find_image(addr)
    }

    fn is_vdso(&self, addr: u64) -> bool {
        self.vdso.get().is_some_and(|&(start, end)| (start..end).contains(&addr))
    }
}

/// A whole, page-aligned range of guest addresses.
///
/// # Errors
/// `EINVAL` if `addr` is not aligned; `ENOMEM` if the range leaves the address space.
pub(crate) fn page_range(addresses: Addresses, addr: u64, len: u64) -> Result<(u64, u64), Errno> {
    if !addr.is_multiple_of(PAGE) {
        return Err(Errno::EINVAL);
    }
    let len = page_up(len).ok_or(Errno::ENOMEM)?;
    let end = addr.checked_add(len).filter(|&end| end <= addresses.end).ok_or(Errno::ENOMEM)?;
    Ok((addr, end))
}

/// The host's mmap.
pub(crate) fn host_mmap(args: [u64; 6]) -> Result<u64, Errno> {
    raw::syscall(libc::SYS_mmap as u64, args)
}

/// The host's munmap.
pub(crate) fn host_munmap(start: u64, end: u64) -> Result<(), Errno> {
    raw::call(libc::SYS_munmap, [start, end - start]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executable_pages_are_readable_only() {
        assert_eq!(host_prot(prot::EXEC), prot::READ);
        assert_eq!(host_prot(prot::EXEC | prot::WRITE), prot::READ | prot::WRITE);
        assert_eq!(host_prot(prot::WRITE), prot::WRITE);
        assert_eq!(host_prot(0), 0);
    }

    #[test]
    fn ranges_are_whole_pages_below_the_end() {
        let page_range = |addr, len| page_range(Addresses::BITS_47, addr, len);
        assert_eq!(page_range(0x1000, 1), Ok((0x1000, 0x2000)));
        assert_eq!(page_range(0x1001, 1), Err(Errno::EINVAL));
        assert_eq!(page_range(0x1000, u64::MAX), Err(Errno::ENOMEM));
        assert_eq!(page_range(Addresses::BITS_47.end, 1), Err(Errno::ENOMEM));
    }
}
