//! The family's memory: where its parts are.
//!
//! ```text
//! Head        counters, and the places of files ([`Memory::place`])
//! directory   of the index
//! records     RECORDS bytes with what comes before them
//! code        CODE bytes: the host code of the records, which is executed where it is
//! starts      for each CODE_UNIT of code the number of the record that starts there, or 0
//! ```
//!
//! Everything is read and written as atomic words, because relatives do so at the same time; nothing
//! that is read here is believed.

use super::{Family, index};
use crate::unit::unpack;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use host::{FaultPoint, FlagsAt, Recipe};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use sys::map::Mapping;

/// Bytes of the memory, of which only those used take any.
pub(super) const LEN: usize = RECORDS + CODE + STARTS;
/// Bytes of records, with what comes before them.
pub(super) const RECORDS: usize = 64 << 20;
/// Bytes of code.
const CODE: usize = 64 << 20;
/// Code starts at multiples of this, as in a process's own cache.
const CODE_UNIT: usize = 32;
const STARTS: usize = CODE / CODE_UNIT * size_of::<AtomicU32>();
/// Records start behind the head and the directory.
pub(super) const FIRST: usize = HEAD + index::DIRECTORY;
pub(super) const HEAD: usize = 16 << 10;
/// Records start at multiples of this.
pub(super) const UNIT: usize = 16;
const MAGIC: u64 = 0x616e_7961_7263_6804;
/// Code that no record has.
const FIRST_CODE: u64 = 64;
/// The most code of a record, as a fault point can tell.
const CODE_MAX: usize = 1 << 20;
/// How many places there are for files.
const PLACES: usize = 512;
/// Places are multiples of this: the largest pages that files are linked for.
pub const FAMILY_PLACE_UNIT: u64 = 64 << 10;
/// What the places of files together take ([`crate::Engine::family_place`]).
pub const FAMILY_PLACES_LEN: u64 = 32 << 30;

/// The memory's start.
#[repr(C)]
pub(super) struct Head {
    magic: AtomicU64,
    family: [AtomicU64; 8],
    /// Bytes in use for records.
    pub(super) used: AtomicU64,
    /// Bytes in use for code.
    code_used: AtomicU64,
    /// A random number, for what is at random places that all of the family have in common.
    seed: AtomicU64,
    /// How much the places take.
    places_used: AtomicU64,
    /// What a place is for, and where it is: bytes below the family's address for places.
    places: [[AtomicU64; 2]; PLACES],
}

const _: () = assert!(size_of::<Head>() <= HEAD);

/// What the memory is made of: what others may write while it is read.
pub(super) trait Word {}
impl Word for AtomicU32 {}
impl Word for AtomicU64 {}

/// The memory, mapped.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(super) map: Mapping,
    /// The code, to be executed; none if the system does not allow that.
    run: Option<Mapping>,
}

impl Memory {
    pub(super) fn map(file: &impl AsFd) -> io::Result<Self> {
        let os = |e: sys::Errno| io::Error::from_raw_os_error(e.0);
        let file = file.as_fd();
        let map = Mapping::shared(file, LEN, libc::PROT_READ | libc::PROT_WRITE).map_err(os)?;
        let prot = libc::PROT_READ | libc::PROT_EXEC;
        let run = Mapping::shared_part(file, RECORDS as u64, CODE, prot).ok();
        Ok(Self { map, run })
    }
    /// Makes new memory that of `family`.
    pub(super) fn found(&self, family: &Family) {
        let mut seed = [0; 8];
        let _ = sys::raw::getrandom(&mut seed);
        let head = self.head();
        head.used.store(FIRST as u64, Ordering::Relaxed);
        head.code_used.store(FIRST_CODE, Ordering::Relaxed);
        head.seed.store(u64::from_le_bytes(seed), Ordering::Relaxed);
        for (to, &from) in head.family.iter().zip(family) {
            to.store(from, Ordering::Relaxed);
        }
        head.magic.store(MAGIC, Ordering::Release);
    }
    /// Whether it is the memory of `family`.
    pub(super) fn is_of(&self, family: &Family) -> bool {
        let head = self.head();
        head.magic.load(Ordering::Acquire) == MAGIC
            && head.family.iter().zip(family).all(|(a, &b)| a.load(Ordering::Relaxed) == b)
    }
    pub(super) fn head(&self) -> &Head {
        // SAFETY: the mapping is longer, aligned, and all fields are atomic.
        unsafe { &*self.map.start().cast::<Head>() }
    }
    /// `count` words at `at`; None if they are not records.
    pub(super) fn words<T: Word>(&self, at: usize, count: usize) -> Option<&[T]> {
        let inside = at >= FIRST && at <= RECORDS - count * size_of::<T>();
        // SAFETY: the next function's condition holds.
        (inside && at.is_multiple_of(align_of::<T>())).then(|| unsafe { self.slice(at, count) })
    }
    /// # Safety
    /// `count` words are at `at` in the memory, aligned.
    pub(super) unsafe fn slice<T: Word>(&self, at: usize, count: usize) -> &[T] {
        // SAFETY: as the caller says; they are atomic.
        unsafe { core::slice::from_raw_parts(self.map.start().add(at).cast::<T>(), count) }
    }
    /// Takes memory for a record or a part of the index, which is zero.
    pub(super) fn allocate(&self, size: usize) -> Option<usize> {
        let (used, size) = (&self.head().used, size.next_multiple_of(UNIT));
        let at = take(used, size as u64, RECORDS as u64)?;
        (at >= FIRST as u64 && at.is_multiple_of(UNIT as u64)).then_some(at as usize)
    }
    /// Takes room for `len` bytes of code, at a multiple of 64 if `has_loop`.
    pub(super) fn allocate_code(&self, len: usize, has_loop: bool) -> Option<u32> {
        let align = if has_loop { 2 * CODE_UNIT } else { CODE_UNIT };
        let size = len.next_multiple_of(CODE_UNIT) + align - CODE_UNIT;
        let at = take(&self.head().code_used, size as u64, CODE as u64)?;
        let at = (at as usize).next_multiple_of(align);
        (len <= CODE_MAX && at >= FIRST_CODE as usize && at + len <= CODE).then_some(at as u32)
    }
    /// `count` words of the code at `at`.
    pub(super) fn code(&self, at: u32, count: usize) -> Option<&[AtomicU64]> {
        let at = at as usize;
        let inside = count <= CODE / 8 && at <= CODE - count * 8 && at.is_multiple_of(CODE_UNIT);
        // SAFETY: within the code, aligned.
        inside.then(|| unsafe { self.slice(RECORDS + at, count) })
    }
    /// Lets `fill` write `len` bytes of code at `at`, which [`Memory::allocate_code`] gave and nobody knows
    /// of, and notes that record `number` starts there.
    pub(super) fn put_code(
        &self,
        at: u32,
        len: usize,
        number: u32,
        fill: impl FnOnce(&mut [u8]),
    ) -> Option<()> {
        self.code(at, len.div_ceil(8))?;
        // SAFETY: inside; this process's alone until the record is entered.
        fill(unsafe {
            core::slice::from_raw_parts_mut(self.map.start().add(RECORDS + at as usize), len)
        });
        self.starts(at as usize / CODE_UNIT)?.store(number, Ordering::Release);
        Some(())
    }
    /// Writes a word of code that relatives may be executing.
    pub(super) fn patch(&self, at: u32, word: u32) {
        if at as usize + 4 <= CODE && at.is_multiple_of(4) {
            // SAFETY: within the code, aligned.
            let words = unsafe { self.slice::<AtomicU32>(RECORDS + at as usize, 1) };
            words[0].store(word, Ordering::Release);
        }
    }
    fn starts(&self, n: usize) -> Option<&AtomicU32> {
        // SAFETY: within the starts, aligned.
        (n < CODE / CODE_UNIT).then(|| unsafe { &self.slice(RECORDS + CODE + n * 4, 1)[0] })
    }
    /// Where the code is executed, if it can be.
    pub(crate) fn base(&self) -> Option<u64> {
        Some(self.run.as_ref()?.start() as u64)
    }
    /// The offset of a host address in the code. Async-signal-safe.
    pub(crate) fn offset(&self, pc: u64) -> Option<u32> {
        let offset = pc.wrapping_sub(self.base()?);
        (offset < CODE as u64).then_some(offset as u32)
    }
    /// What is known of the instruction at `offset`, which may fault: the guest pc of its unit, its point,
    /// and the recipe for its flags. Async-signal-safe.
    pub(crate) fn fault_point(&self, offset: u32) -> Option<(u64, FaultPoint, Option<Recipe>)> {
        let last = offset as usize / CODE_UNIT;
        let first = last.saturating_sub(CODE_MAX / CODE_UNIT);
        let number = (first..=last).rev().find_map(|n| {
            let number = self.starts(n)?.load(Ordering::Acquire);
            (number != 0).then_some(number)
        })?;
        let found = self.at(number)?.unchecked()?;
        let host = offset.checked_sub(found.header.at)?;
        let point = found.faults().map(unpack).find(|point| point.host == host)?;
        let recipe = match point.flags {
            FlagsAt::Recipe(n) => found.recipes().nth(n.into()),
            _ => None,
        };
        Some((found.pc, point, recipe))
    }
    /// The family's random number.
    pub(crate) fn seed(&self) -> u64 {
        self.head().seed.load(Ordering::Relaxed)
    }
    /// The place of what is known as `what` (not 0) and takes `len` bytes: how far below the family's address for
    /// places it starts. The first who asks takes it.
    pub(crate) fn place(&self, what: u64, len: u64) -> Option<u64> {
        let head = self.head();
        let hash = what.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        for n in 0..16 {
            let [key, place] = &head.places[(hash as usize + n) % PLACES];
            let found = key.compare_exchange(0, what, Ordering::AcqRel, Ordering::Acquire);
            if found == Ok(0) {
                let size = len.checked_next_multiple_of(FAMILY_PLACE_UNIT)?;
                let at = take(&head.places_used, size, FAMILY_PLACES_LEN)? + size;
                place.store(at, Ordering::Release);
                return Some(at);
            }
            if found == Err(what) {
                // (0: somebody is about to take it.)
                let at = place.load(Ordering::Acquire);
                return (at != 0 && at <= FAMILY_PLACES_LEN).then_some(at);
            }
        }
        None
    }
}

/// Takes `size` of the `limit` bytes that `used` counts.
fn take(used: &AtomicU64, size: u64, limit: u64) -> Option<u64> {
    if used.load(Ordering::Relaxed).checked_add(size)? > limit {
        return None;
    }
    let at = used.fetch_add(size, Ordering::Relaxed);
    at.checked_add(size).is_some_and(|end| end <= limit).then_some(at)
}

/// Checks the file's length.
pub(super) fn has_length(file: &impl AsRawFd) -> bool {
    sys::raw::fstat(file.as_raw_fd()).is_ok_and(|stat| stat.st_size == LEN as i64)
}
