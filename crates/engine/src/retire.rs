//! Translations of code that may come back as it was, for guests which need not say that they change
//! code: a program makes its code not executable while it writes some of it, or goes back and forth between
//! two forms of an instruction. Such a translation is kept when it is dropped, and used again if the code is
//! what it was made of, which a hash tells.

use crate::engine::{Engine, Writer};
use crate::fetch::Fetcher;
use crate::invalidate::hash_at;
use crate::map::{PcMap, Target};
use crate::unit::{NONE, Unit};
use core::sync::atomic::Ordering;
use guest::{Coherence, Key};

/// How many translations of the same place are kept.
const KEPT: usize = 4;

impl Engine {
    /// Keeps the dropped units, none of which anything leads to any more.
    pub(crate) fn retire(&self, writer: &mut Writer, dropped: &[u32]) {
        if self.spec.coherence != Coherence::Stores {
            return;
        }
        let units = &self.tables.units;
        for &n in dropped {
            let Some(unit) = units.get(n).filter(|unit| unit.code.is_some()) else { continue };
            let others = writer.retired.insert((unit.pc, unit.key), n);
            unit.next_in_page.store(others.unwrap_or(NONE), Ordering::Relaxed);
            let last = self.retired(n).nth(KEPT - 1).and_then(|n| units.get(n));
            if let Some(last) = last {
                last.next_in_page.store(NONE, Ordering::Relaxed);
            }
        }
    }
    /// The retired units from `first` on that are of the same place.
    fn retired(&self, first: u32) -> impl Iterator<Item = u32> {
        let unit = |n: u32| self.tables.units.get(n);
        let next = move |&n: &u32| unit(n).map(|unit| unit.next_in_page.load(Ordering::Relaxed));
        core::iter::successors(Some(first), next).take_while(|&n| n != NONE)
    }
    /// A retired unit that is of the code which is at `pc` now, and `checked` or not. It is in use again.
    pub(crate) fn take_back(
        &self,
        writer: &mut Writer,
        map: &PcMap,
        fetcher: &Fetcher,
        pc: u64,
        checked: bool,
    ) -> Option<Target> {
        let place: (u64, Key) = (pc, map.key);
        let &first = writer.retired.get(&place)?;
        let fits = |unit: &Unit| {
            let last = unit.pc + u64::from(unit.len) - 1;
            unit.checked == checked
                && fetcher.may_fetch(pc)
                && fetcher.may_fetch(last)
                && unit.code == hash_at(pc, unit.len)
        };
        let units = &self.tables.units;
        let n = self.retired(first).find(|&n| units.get(n).is_some_and(fits))?;
        let unit = units.get(n)?;
        let next = unit.next_in_page.swap(NONE, Ordering::Relaxed);
        match self.retired(first).take_while(|&other| other != n).last() {
            Some(before) => units.get(before)?.next_in_page.store(next, Ordering::Relaxed),
            None if next == NONE => {
                writer.retired.remove(&place);
            }
            None => {
                writer.retired.insert(place, next);
            }
        }
        unit.dead.store(false, Ordering::SeqCst);
        writer.stats.taken_back += 1;
        let target = Target { offset: unit.offset, unit: n };
        self.enter_in_maps(writer, pc, unit.len.into(), target, map);
        Some(target)
    }
    /// Takes links of dropped units off the lists of the units in `targets`: if such a unit is taken
    /// back, its links are linked again.
    pub(crate) fn forget_links(&self, targets: &mut Vec<u32>) {
        targets.sort_unstable();
        targets.dedup();
        let units = &self.tables.units;
        for target in targets.iter().filter_map(|&n| units.get(n)) {
            let mut link = target.incoming.swap(NONE, Ordering::Relaxed);
            while let Some(record) = self.tables.links.get(link) {
                let next = record.next.load(Ordering::Relaxed);
                if units.get(record.unit).is_some_and(|unit| !unit.dead.load(Ordering::Relaxed)) {
                    let first = target.incoming.swap(link, Ordering::Relaxed);
                    record.next.store(first, Ordering::Relaxed);
                }
                link = next;
            }
        }
    }
}
