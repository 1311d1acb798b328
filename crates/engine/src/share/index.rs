//! The index of the family's records: a directory of pages of guest code, and for each page a list of
//! the records of its code.
//!
//! A page is known by the first bytes in it, not by its file: what is found is compared with the guest
//! code anyway. A program that runs one piece of code of a page soon runs others of the same page, so
//! what a look-up reads of the index has most often been read by the one before it. That does not
//! change with the number of translations: with one hash of all records, a large compiler's
//! translations made each look-up of the programs after it miss the host's caches.
//!
//! ```text
//! directory   SLOTS words: key of a page << 32 | number of its first list, 0 = free; open addressing
//! list        room << 32 | number of the next list; `room` entries, filled from the front
//! entry       tag << 32 | number of the record, 0 = free
//! ```
//!
//! A number is an offset divided by [`UNIT`]. All words are atomic. A number is written once, by a
//! compare-and-exchange, when what it leads to is complete; a process that dies before that leaves
//! memory that nobody uses.

use super::Share;
use super::memory::{HEAD, UNIT};
use core::sync::atomic::{AtomicU64, Ordering};
use guest::{AT_ONCE, Fetch, Key};

/// Slots of the directory: for as many pages as the memory has room for the translations of.
const SLOTS: usize = 1 << 14;
/// Bytes of the directory.
pub(super) const DIRECTORY: usize = SLOTS * 8;
/// Slots that are looked at for a page.
const PROBES: usize = 32;
/// Entries of a page's first list; each list has about twice those of the one before it.
const FIRST_ROOM: usize = 7;
const ROOM_MAX: usize = 63;
/// Lists of a page that are looked at: nothing makes a circle of them, but nothing prevents a broken
/// relative from making one.
const LISTS_MAX: usize = 32;

/// Where a translation is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// Of the page.
    page: u32,
    /// Of the code in it.
    tag: u32,
}

impl Place {
    /// That of the code at `pc` for threads with `key`.
    pub(super) fn new(fetch: &mut impl Fetch, pc: u64, key: Key) -> Self {
        let mut start = [0; AT_ONCE];
        // (What cannot be read counts as zeros.)
        fetch.bytes(pc & !0xfff, &mut start);
        let first = fetch.peek(pc, 4).unwrap_or(0);
        let words = start.as_chunks::<8>().0;
        let page = words.iter().fold(0, |hash, &word| mix(hash, u64::from_le_bytes(word)));
        let tag = mix(first, (pc & 0xfff) << 16 | u64::from(key.0));
        Self { page: (page >> 32) as u32, tag: (tag >> 32) as u32 }
    }
    /// The same of the translations of `site`.
    pub(super) fn in_site(self, site: u64) -> Self {
        Self { tag: self.tag ^ (site >> 32) as u32 ^ site as u32, ..self }
    }
}

fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn word(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

impl Share {
    /// Calls `look` with the numbers of the records that may be for `place`, until it gives something, or
    /// None for "no more". (Numbers are whatever is written there.)
    pub(super) fn each<T>(
        &self,
        place: Place,
        mut look: impl FnMut(u32) -> Option<Option<T>>,
    ) -> Option<T> {
        let slot = self.slot(place.page)?.load(Ordering::Acquire);
        for (_, entries) in self.lists(slot as u32) {
            for entry in entries {
                let entry = entry.load(Ordering::Acquire);
                if entry == 0 {
                    return None;
                }
                if (entry >> 32) as u32 == place.tag
                    && let Some(found) = look(entry as u32)?
                {
                    return Some(found);
                }
            }
        }
        None
    }
    /// Enters the record of `number`, which is complete.
    pub(super) fn enter(&self, place: Place, number: u32) -> Option<()> {
        let entry = word(place.tag, number);
        let slot = self.slot(place.page)?;
        let mut list = slot.load(Ordering::Acquire) as u32;
        if list == 0 {
            list = self.append(slot, place.page, FIRST_ROOM)?;
        }
        // (Somebody else may fill a list in the meantime.)
        for _ in 0..4 {
            let (mut last, mut count) = (None, 0);
            for (head, entries) in self.lists(list) {
                let put = |free: &AtomicU64| {
                    free.load(Ordering::Relaxed) == 0 && become_from(free, 0, entry).is_ok()
                };
                if entries.iter().any(put) {
                    return Some(());
                }
                (last, count) = (Some((head, entries.len())), count + 1);
            }
            let (head, room) = last.filter(|_| count < LISTS_MAX)?;
            self.append(head, room as u32, (room * 2 + 1).min(ROOM_MAX))?;
        }
        None
    }
    /// The slot that has `page`, or will.
    fn slot(&self, page: u32) -> Option<&AtomicU64> {
        let has = |slot: &&AtomicU64| {
            let word = slot.load(Ordering::Acquire);
            word == 0 || (word >> 32) as u32 == page
        };
        let directory = self.directory();
        (0..PROBES).map(|n| &directory[(page as usize + n) % SLOTS]).find(has)
    }
    fn directory(&self) -> &[AtomicU64; SLOTS] {
        // SAFETY: within the mapping, aligned, atomic.
        unsafe { &*self.memory.map.start().add(HEAD).cast() }
    }
    /// The lists from number `list` on: head and entries.
    fn lists(&self, list: u32) -> impl Iterator<Item = (&AtomicU64, &[AtomicU64])> {
        let mut next = list;
        let one = move || {
            let at = next as usize * UNIT;
            let head = self.words::<AtomicU64>(at, 1)?.first()?;
            let value = head.load(Ordering::Acquire);
            next = value as u32;
            let room = (value >> 32) as usize;
            Some((head, self.words(at + 8, room.min(ROOM_MAX))?))
        };
        core::iter::from_fn(one).take(LISTS_MAX)
    }
    /// Makes a list, and `at`, the upper half of which is `high`, lead to it, or to that of who was
    /// faster; gives its number.
    fn append(&self, at: &AtomicU64, high: u32, room: usize) -> Option<u32> {
        let offset = self.allocate(8 + room * 8)?;
        // (Fresh memory is zero.)
        self.words::<AtomicU64>(offset, 1)?.first()?.store(word(room as u32, 0), Ordering::Relaxed);
        let number = (offset / UNIT) as u32;
        let before = at.load(Ordering::Relaxed) & !u64::from(u32::MAX);
        match become_from(at, before, word(high, number)) {
            Ok(()) => Some(number),
            Err(now) if (now >> 32) as u32 == high => Some(now as u32),
            // Another page has taken the slot. Its translations are few enough to do without.
            Err(_) => None,
        }
    }
}

fn become_from(at: &AtomicU64, from: u64, to: u64) -> Result<(), u64> {
    at.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).map(drop)
}
