//! From guest pc to translated code: a map for each key, of open addressing, with readers that take no
//! locks.

use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use guest::Key;
use std::sync::{Mutex, PoisonError};
use sys::map::Mapping;

#[repr(C)]
struct Slot {
    /// Complement of the pc; 0 = never used.
    key: AtomicU64,
    /// [`Target`], 0 = none.
    value: AtomicU64,
}

/// The bytes of guest code whose translations are in one group of slots, if there is room.
const PIECE: u64 = 64;
/// Slots of a group.
const GROUP: u64 = 8;

struct Table {
    map: Mapping,
    /// Slots minus one.
    mask: usize,
}

impl Table {
    fn new(slots: usize) -> Self {
        let map = Mapping::anonymous(slots * size_of::<Slot>(), libc::PROT_READ | libc::PROT_WRITE);
        // Without memory for a table there is no going on.
        let map = map.expect("no memory for the translation map");
        // (Its slots are used all over, from the first on.)
        if slots <= POPULATED {
            map.populate(0, map.len());
        }
        Self { map, mask: slots - 1 }
    }
    fn slots(&self) -> &[Slot] {
        // SAFETY: the mapping holds that many, zero is a valid slot, all fields are atomic.
        unsafe { core::slice::from_raw_parts(self.map.start().cast(), self.mask + 1) }
    }
    /// The slot of `pc`, or the free one where it belongs.
    fn slot(&self, pc: u64) -> &Slot {
        let slots = self.slots();
        // (Neighbours are looked for one after the other: they share lines of the host's cache.)
        let group = (pc / PIECE).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 26;
        let in_group = pc % PIECE / (PIECE / GROUP);
        let mut i = (group & !(GROUP - 1) | in_group) as usize;
        loop {
            let slot = &slots[i & self.mask];
            let key = slot.key.load(Ordering::Acquire);
            if key == !pc || key == 0 {
                return slot;
            }
            i += 1;
        }
    }
}

/// Where a pc's translation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Target {
    /// Offset of the entry in the code cache; never 0.
    pub(crate) offset: u32,
    /// The unit's index.
    pub(crate) unit: u32,
}

/// Bits of a map's filter. With 2^14, a program of 100,000 units fills it, and 5 % of node's time went into
/// asking the table where the next unit starts.
const FILTER: usize = 1 << 17;

/// The maps of all keys, made when they are asked for: programs use few.
pub(crate) struct Maps {
    /// That of the usual key.
    usual: &'static PcMap,
    others: Mutex<Vec<&'static PcMap>>,
}

impl Maps {
    /// With `align` as in `Spec::insn_align`.
    pub(crate) fn new(align: u8) -> Self {
        let usual = Box::leak(Box::new(PcMap::new(Key(0), align)));
        Self { usual, others: Mutex::new(Vec::new()) }
    }
    /// The map for `key`.
    pub(crate) fn of(&self, key: Key) -> &'static PcMap {
        if key == self.usual.key {
            return self.usual;
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(map) = others.iter().find(|map| map.key == key) {
            return map;
        }
        let new: &'static PcMap = Box::leak(Box::new(PcMap::new(key, self.usual.align)));
        others.push(new);
        new
    }
    /// Empties all.
    pub(crate) fn clear(&self) {
        self.usual.clear();
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.iter().for_each(|map| map.clear());
    }
}

/// The translations for threads with one key.
pub(crate) struct PcMap {
    pub(crate) key: Key,
    /// `Spec::insn_align`.
    align: u8,
    /// Bit by pc: clear if nothing was ever entered for it.
    filter: [AtomicU64; FILTER / 64],
    table: AtomicPtr<Table>,
    /// Owner of all tables: the one in use is the last; readers may still be in older ones.
    tables: Mutex<Tables>,
}

#[expect(clippy::vec_box, reason = "readers hold their addresses")]
struct Tables {
    all: Vec<Box<Table>>,
    /// Slots in use in the last one.
    used: usize,
}

const FIRST: usize = 2048;
/// Tables of at most so many slots are made to appear at once.
const POPULATED: usize = 32 << 10;

impl PcMap {
    /// An empty map; takes no memory before the first insertion.
    fn new(key: Key, align: u8) -> Self {
        Self {
            key,
            align,
            filter: [const { AtomicU64::new(0) }; FILTER / 64],
            table: AtomicPtr::new(core::ptr::null_mut()),
            tables: Mutex::new(Tables { all: Vec::new(), used: 0 }),
        }
    }
    fn table(&self) -> Option<&Table> {
        // SAFETY: tables are never dropped before the map.
        unsafe { self.table.load(Ordering::Acquire).as_ref() }
    }
    /// The translation of `pc`.
    pub(crate) fn get(&self, pc: u64) -> Option<Target> {
        let value = self.table()?.slot(pc).value.load(Ordering::Acquire);
        let target = Target { offset: value as u32, unit: (value >> 32) as u32 };
        (target.offset != 0).then_some(target)
    }
    fn filter(&self, pc: u64) -> (&AtomicU64, u64) {
        let n = (pc >> self.align) as usize % FILTER;
        (&self.filter[n / 64], 1 << (n % 64))
    }
    /// As [`PcMap::get`], but quicker where there is none.
    pub(crate) fn find(&self, pc: u64) -> Option<Target> {
        let (word, bit) = self.filter(pc);
        if word.load(Ordering::Relaxed) & bit != 0 { self.get(pc) } else { None }
    }
    /// Whether `pc` has a translation. Quick where the answer is no.
    pub(crate) fn has(&self, pc: u64) -> bool {
        self.find(pc).is_some()
    }
    /// How many of the `len` (at most 64) bytes from `pc` on come before one at which a translation
    /// starts; that of the first does not count.
    pub(crate) fn unknown_from(&self, pc: u64, len: usize) -> usize {
        debug_assert!(len <= 64);
        let n = (pc >> self.align) as usize % FILTER;
        let word = |n: usize| self.filter[n % (FILTER / 64)].load(Ordering::Relaxed);
        let (low, shift) = (word(n / 64), n % 64);
        let mut bits = low >> shift;
        let count = len >> self.align;
        if shift + count > 64 {
            bits |= word(n / 64 + 1) << (64 - shift);
        }
        // (Without the first.)
        bits &= !1;
        while bits != 0 {
            let at = (bits.trailing_zeros() as usize) << self.align;
            if at >= len {
                break;
            }
            if self.get(pc.wrapping_add(at as u64)).is_some() {
                return at;
            }
            bits &= bits - 1;
        }
        len
    }
    /// Enters a translation; by the writer only.
    pub(crate) fn insert(&self, pc: u64, target: Target) {
        let (word, bit) = self.filter(pc);
        let bits = word.load(Ordering::Relaxed);
        if bits & bit == 0 {
            word.store(bits | bit, Ordering::Relaxed);
        }
        let tables = &mut *self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let full = tables.all.last().is_none_or(|t| (tables.used + 1) * 3 > (t.mask + 1) * 2);
        if full {
            tables.grow();
            let newest = tables.all.last().map_or(core::ptr::null(), |t| &raw const **t);
            self.table.store(newest.cast_mut(), Ordering::Release);
        }
        if let Some(table) = tables.all.last() {
            tables.used +=
                usize::from(table.put(pc, u64::from(target.unit) << 32 | u64::from(target.offset)));
        }
    }
    /// Removes `pc` if it leads to `unit`; by the writer only.
    pub(crate) fn remove(&self, pc: u64, unit: u32) {
        if self.get(pc).is_some_and(|t| t.unit == unit)
            && let Some(table) = self.table()
        {
            table.slot(pc).value.store(0, Ordering::Release);
        }
    }
    /// Empties it. Readers may see old entries for a while.
    pub(crate) fn clear(&self) {
        let tables = &mut *self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.used = 0;
        if let Some(table) = tables.all.last() {
            table.map.discard(0, table.map.len());
        }
    }
}

impl Table {
    /// Enters; true if that took a free slot.
    fn put(&self, pc: u64, value: u64) -> bool {
        let slot = self.slot(pc);
        let free = slot.key.load(Ordering::Relaxed) == 0;
        // In this order: a reader that sees the key may still find no value.
        slot.key.store(!pc, Ordering::Release);
        slot.value.store(value, Ordering::Release);
        free
    }
}

impl Tables {
    fn grow(&mut self) {
        let new = Table::new(self.all.last().map_or(FIRST, |t| (t.mask + 1) * 2));
        let mut used = 0;
        for slot in self.all.last().map_or(&[][..], |t| t.slots()) {
            let value = slot.value.load(Ordering::Relaxed);
            if value != 0 {
                new.put(!slot.key.load(Ordering::Relaxed), value);
                used += 1;
            }
        }
        self.used = used;
        self.all.push(Box::new(new));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_removes() {
        let map = PcMap::new(Key(0), 2);
        assert_eq!(map.get(0), None);
        for n in 0..20_000_u32 {
            map.insert(u64::from(n) * 4, Target { offset: n + 1, unit: n });
        }
        for n in 0..20_000_u32 {
            assert_eq!(map.get(u64::from(n) * 4), Some(Target { offset: n + 1, unit: n }));
        }
        map.remove(400, 99);
        assert!(map.get(400).is_some());
        map.remove(400, 100);
        assert_eq!(map.get(400), None);
        map.insert(400, Target { offset: 7, unit: 7 });
        assert_eq!(map.get(400), Some(Target { offset: 7, unit: 7 }));
        assert!(map.has(400) && map.has(404) && !map.has(402 << 20));
        assert_eq!(map.unknown_from(400, 64), 4);
        map.clear();
        assert_eq!(map.get(404), None);
        assert!(!map.has(404));
    }

    #[test]
    fn tells_what_comes_before_the_next_translation() {
        for align in 0..=2 {
            let map = PcMap::new(Key(0), align);
            let step = 1_usize << align;
            for start in (0..70_u64).map(|n| (402 << 20) + n * 60) {
                assert_eq!(map.unknown_from(start, 64), 64);
                let there = start + 64 - step as u64;
                map.insert(there, Target { offset: 7, unit: 7 });
                for n in (0..64 - step).step_by(step) {
                    let left = 64 - step - n;
                    assert_eq!(map.unknown_from(start + n as u64, 64), left, "{align} {n}");
                    assert_eq!(map.unknown_from(start + n as u64, left), left);
                }
                assert_eq!(map.unknown_from(there, 64), 64, "the first does not count");
                map.remove(there, 7);
            }
        }
    }

    #[test]
    fn there_is_a_map_for_each_key() {
        let maps = Maps::new(1);
        maps.of(Key(7)).insert(0x1002, Target { offset: 1, unit: 1 });
        assert!(maps.of(Key(7)).has(0x1002) && !maps.of(Key(0)).has(0x1002));
        assert!(core::ptr::eq(maps.of(Key(7)), maps.of(Key(7))));
        maps.clear();
        assert!(!maps.of(Key(7)).has(0x1002));
    }
}
