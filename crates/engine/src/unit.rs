//! What is remembered of translated code: units, links, fault points.

use crate::arena::Arena;
use crate::code_lines::{self, CodeLines};
use core::sync::atomic::{AtomicBool, AtomicU32};
use guest::Key;
use host::{FaultPoint, FlagsAt, Recipe};
use sys::map::Mapping;

/// "No unit", "no link".
pub(crate) const NONE: u32 = u32::MAX;

/// A translated block.
pub(crate) struct Unit {
    /// Guest address.
    pub(crate) pc: u64,
    /// Offset of its code in the cache.
    pub(crate) offset: u32,
    /// Bytes of code.
    pub(crate) size: u32,
    /// Bytes of guest code.
    pub(crate) len: u16,
    /// Its links are consecutive.
    pub(crate) first_link: u32,
    /// How many.
    pub(crate) links: u16,
    /// Its fault points are consecutive.
    pub(crate) first_fault: u32,
    /// How many.
    pub(crate) faults: u16,
    /// Its recipes are consecutive.
    pub(crate) first_recipe: u32,
    /// For threads with this key.
    pub(crate) key: Key,
    /// Of the guest code it was made of; None if that is not known.
    pub(crate) code: Option<CodeHash>,
    /// It compares the guest code when it is entered.
    pub(crate) checked: bool,
    /// The number of its record in the family's memory, or 0.
    pub(crate) record: AtomicU32,
    /// Dropped: nothing may lead here any more.
    pub(crate) dead: AtomicBool,
    /// First of the links that lead here.
    pub(crate) incoming: AtomicU32,
    /// Next unit that starts in the same guest page, or retired one of the same place; for the writer.
    pub(crate) next_in_page: AtomicU32,
}

/// A hash of guest code, by which it is recognised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CodeHash(u64);

impl CodeHash {
    /// That of `code`.
    pub(crate) fn of(code: &[u8]) -> Self {
        let step = |hash: u64, word: u64| {
            (hash.rotate_left(25) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        };
        let (words, rest) = code.as_chunks::<8>();
        let start = (code.len() as u64) << 56;
        let hash = words.iter().fold(start, |hash, &word| step(hash, u64::from_le_bytes(word)));
        let last = rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        Self(step(hash, last))
    }
}

/// A direct exit.
pub(crate) struct LinkRecord {
    /// Cache offset of the word that says where it leads.
    pub(crate) at: u32,
    /// Cache offset of its stub.
    pub(crate) stub: u32,
    /// Unit it belongs to.
    pub(crate) unit: u32,
    /// Unit it leads to.
    pub(crate) target: AtomicU32,
    /// Next link that leads to the same unit.
    pub(crate) next: AtomicU32,
}

/// What there is to say of a new unit but for its links, fault points and recipes.
pub(crate) struct NewUnit {
    pub(crate) pc: u64,
    /// Bytes of guest code.
    pub(crate) len: u32,
    /// Offset and size of its code in the cache.
    pub(crate) offset: u32,
    pub(crate) size: u32,
    pub(crate) key: Key,
    pub(crate) code: Option<CodeHash>,
    pub(crate) checked: bool,
    pub(crate) record: u32,
}

/// The tables.
pub(crate) struct Tables {
    pub(crate) units: Arena<Unit>,
    pub(crate) links: Arena<LinkRecord>,
    pub(crate) code_lines: CodeLines,
    faults: Arena<u64>,
    recipes: Arena<Recipe>,
    /// Their memory.
    _map: Mapping,
}

impl Tables {
    /// Tables that suit a cache of `cache` bytes.
    pub(crate) fn new(cache: usize) -> Result<Self, sys::Errno> {
        let caps = [cache / 128 + 64, cache / 64 + 256, cache / 32 + 1024, cache / 1024 + 256];
        let sizes = [
            Arena::<Unit>::bytes(caps[0]),
            Arena::<LinkRecord>::bytes(caps[1]),
            Arena::<u64>::bytes(caps[2]),
            Arena::<Recipe>::bytes(caps[3]),
            code_lines::BYTES,
        ];
        let map = Mapping::anonymous(sizes.iter().sum(), libc::PROT_READ | libc::PROT_WRITE)?;
        map.small_pages(0);
        let start = map.start();
        // SAFETY: five disjoint parts of the mapping, page-aligned, which lives as long as they.
        unsafe {
            Ok(Self {
                units: Arena::new(start, caps[0]),
                links: Arena::new(start.add(sizes[0]), caps[1]),
                faults: Arena::new(start.add(sizes[0] + sizes[1]), caps[2]),
                recipes: Arena::new(start.add(sizes[0] + sizes[1] + sizes[2]), caps[3]),
                code_lines: CodeLines::new(start.add(sizes[..4].iter().sum())),
                _map: map,
            })
        }
    }
    /// Whether a unit with so many links, fault points and recipes fits.
    pub(crate) fn fits(&self, links: usize, faults: usize, recipes: usize) -> bool {
        self.units.room() > 0
            && self.links.room() >= links
            && self.faults.room() >= faults
            && self.recipes.room() >= recipes
    }
    /// Empties them; when nobody reads.
    pub(crate) fn clear(&self) {
        self.units.clear();
        self.links.clear();
        self.faults.clear();
        self.recipes.clear();
    }
    /// Enters a unit; gives its index. The links are told by their word, their stub and whether they are
    /// looped.
    pub(crate) fn push(
        &self,
        new: &NewUnit,
        links: impl ExactSizeIterator<Item = (u32, u32, bool)>,
        faults: impl ExactSizeIterator<Item = u64>,
        recipes: impl ExactSizeIterator<Item = Recipe>,
    ) -> u32 {
        let index = self.units.len();
        let small = [new.len as usize, links.len(), faults.len()];
        assert!(small.iter().all(|&n| n <= usize::from(u16::MAX)), "unit too large");
        let unit = Unit {
            pc: new.pc,
            offset: new.offset,
            size: new.size,
            len: new.len as u16,
            first_link: self.links.len(),
            links: links.len() as u16,
            first_fault: self.faults.len(),
            faults: faults.len() as u16,
            first_recipe: self.recipes.len(),
            key: new.key,
            code: new.code,
            checked: new.checked,
            record: AtomicU32::new(new.record),
            dead: AtomicBool::new(false),
            incoming: AtomicU32::new(NONE),
            next_in_page: AtomicU32::new(NONE),
        };
        self.links.extend(links.map(|(at, stub, looped)| LinkRecord {
            at: new.offset + at,
            stub: new.offset + stub,
            unit: index,
            target: AtomicU32::new(if looped { index } else { NONE }),
            next: AtomicU32::new(NONE),
        }));
        self.faults.extend(faults);
        self.recipes.extend(recipes);
        self.units.push(unit)
    }
    /// The unit whose code contains `offset`. Async-signal-safe.
    pub(crate) fn find(&self, offset: u32) -> Option<&Unit> {
        let (mut low, mut high) = (0, self.units.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.units.get(middle)?.offset <= offset {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let unit = self.units.get(low.checked_sub(1)?)?;
        (offset - unit.offset < unit.size).then_some(unit)
    }
    /// The fault point of `unit` at cache offset `offset`. Async-signal-safe.
    pub(crate) fn fault_point(&self, unit: &Unit, offset: u32) -> Option<FaultPoint> {
        let host = offset - unit.offset;
        let (mut low, mut high) = (unit.first_fault, unit.first_fault + u32::from(unit.faults));
        while low < high {
            let middle = low + (high - low) / 2;
            let point = unpack(*self.faults.get(middle)?);
            if point.host == host {
                return Some(point);
            }
            if point.host < host {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        None
    }
    /// Recipe `n` of `unit`. Async-signal-safe.
    pub(crate) fn recipe(&self, unit: &Unit, n: u16) -> Option<&Recipe> {
        self.recipes.get(unit.first_recipe + u32::from(n))
    }
}

// host offset: 20 bits, guest offset: 20, kind of flags: 3, recipe: 16
pub(crate) fn pack(point: &FaultPoint) -> u64 {
    let (kind, recipe) = match point.flags {
        FlagsAt::Home => (0, 0),
        FlagsAt::HostAdd => (1, 0),
        FlagsAt::HostSub => (2, 0),
        FlagsAt::HostLogic => (3, 0),
        FlagsAt::Recipe(n) => (4, u64::from(n)),
    };
    assert!(point.host < 1 << 20 && point.guest < 1 << 20, "unit too large");
    u64::from(point.host) | u64::from(point.guest) << 20 | kind << 40 | recipe << 43
}

pub(crate) fn unpack(word: u64) -> FaultPoint {
    let flags = match word >> 40 & 7 {
        0 => FlagsAt::Home,
        1 => FlagsAt::HostAdd,
        2 => FlagsAt::HostSub,
        3 => FlagsAt::HostLogic,
        _ => FlagsAt::Recipe((word >> 43) as u16),
    };
    FaultPoint { host: (word & 0xf_ffff) as u32, guest: (word >> 20 & 0xf_ffff) as u32, flags }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_points_survive_packing() {
        for flags in [
            FlagsAt::Home,
            FlagsAt::HostAdd,
            FlagsAt::HostSub,
            FlagsAt::HostLogic,
            FlagsAt::Recipe(0xffff),
        ] {
            let point = FaultPoint { host: 0xf_fffe, guest: 0xf_fffc, flags };
            assert_eq!(unpack(pack(&point)), point);
        }
    }

    #[test]
    fn units_and_points_are_found() {
        let tables = Tables::new(1 << 16).unwrap();
        for n in 0..10_u32 {
            let new = NewUnit {
                pc: u64::from(n) * 100,
                len: 4,
                offset: 64 + n * 32,
                size: 20,
                key: Key(0),
                code: None,
                checked: false,
                record: 0,
            };
            let point = |host| pack(&FaultPoint { host, guest: n, flags: FlagsAt::Home });
            let faults = [3, 9, 15].into_iter().map(point);
            tables.push(&new, [].into_iter(), faults, [].into_iter());
        }
        assert!(tables.find(63).is_none() && tables.find(64 + 20).is_none());
        let unit = tables.find(64 + 3 * 32 + 9).unwrap();
        assert_eq!(unit.pc, 300);
        assert_eq!(tables.fault_point(unit, unit.offset + 9).unwrap().guest, 3);
        assert!(tables.fault_point(unit, unit.offset + 10).is_none());
    }
}
