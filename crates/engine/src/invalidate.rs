//! Dropping translations: of changed guest code, or all when the cache is full.

use crate::engine::{Engine, Writer};
use crate::map::PcMap;
use crate::translate::MAX_UNIT;
use crate::unit::{CodeHash, NONE, Unit};
use core::sync::atomic::{Ordering, fence};
use guest::Coherence;
use std::time::{Duration, Instant};

/// More units than this in one go: clear the hashes whole instead of entry by entry.
const MANY: usize = 512;

impl Engine {
    /// Drops all translations of guest code in `[start, start + len)`.
    pub fn invalidate(&self, start: u64, len: u64) {
        if len == 0 {
            return;
        }
        self.invalidate_locked(&mut self.lock(), start, len);
    }

    /// [`Engine::invalidate`] by the writer.
    pub(crate) fn invalidate_locked(&self, writer: &mut Writer, start: u64, len: u64) {
        let gone = self.sections.changed(start, start.saturating_add(len - 1), true);
        if gone {
            // What publishes them may be translated elsewhere, and is to be seen again.
            self.flush(writer);
        }
        self.forget_sites(writer, start, start.saturating_add(len - 1));
        // (After a flush there are none.)
        let dropped = self.invalidate_if(writer, start, len, |_| true);
        self.retire(writer, &dropped);
    }

    /// Drops the translations of code which is the same as before, but is to be translated in another way.
    pub(crate) fn drop_translations(&self, writer: &mut Writer, start: u64, len: u64) {
        writer.retired.clear();
        self.invalidate_if(writer, start, len, |_| true);
    }

    /// The unit at `pc` has found that it is of other code ([`ir::Block::checked`]).
    pub(crate) fn found_changed(&self, map: &PcMap, pc: u64) {
        let writer = &mut *self.lock();
        let is_wrong = |unit: &Unit| {
            unit.checked && unit.key == map.key && (unit.pc == pc || !unit.is_of_code_now())
        };
        let dropped = self.invalidate_if(writer, pc, 1, is_wrong);
        self.retire(writer, &dropped);
    }

    /// Drops the translations of guest code in `[start, start + len)` that are not of the code which is
    /// there now. Programs say that code was changed for whole lines, and write what was there.
    pub fn code_changed(&self, start: u64, len: u64) {
        if len == 0 {
            return;
        }
        self.sections.changed(start, start.saturating_add(len - 1), false);
        let writer = &mut *self.lock();
        self.forget_sites(writer, start, start.saturating_add(len - 1));
        self.invalidate_if(writer, start, len, |unit| !unit.is_of_code_now());
    }

    /// [`Engine::code_changed`] of all code that the guest can have changed.
    pub fn any_code_changed(&self) {
        match self.space() {
            Some(space) => {
                for (start, end) in space.changeable() {
                    self.code_changed(start, end - start);
                }
            }
            None => self.code_changed(0, u64::MAX),
        }
    }

    /// Drops the translations of guest code in `[start, start + len)` for which `is_wrong`; tells which.
    fn invalidate_if(
        &self,
        writer: &mut Writer,
        start: u64,
        len: u64,
        is_wrong: impl Fn(&Unit) -> bool,
    ) -> Vec<u32> {
        let last = start.saturating_add(len - 1);
        // (A unit that starts in the page before may reach into the first one.)
        let (first_page, last_page) = ((start >> 12).saturating_sub(1), last >> 12);
        let mut dropped = Vec::new();
        let mut in_page = |first: &mut u32| {
            let mut n = core::mem::replace(first, NONE);
            while let Some(unit) = self.tables.units.get(n) {
                let next = unit.next_in_page.load(Ordering::Relaxed);
                let outside = unit.pc > last || unit.pc + u64::from(unit.len) <= start;
                if outside || !is_wrong(unit) {
                    unit.next_in_page.store(*first, Ordering::Relaxed);
                    *first = n;
                } else if !unit.dead.swap(true, Ordering::SeqCst) {
                    dropped.push(n);
                }
                n = next;
            }
            *first != NONE
        };
        if last_page - first_page >= writer.pages.len() as u64 {
            writer
                .pages
                .retain(|&page, units| page < first_page || page > last_page || in_page(units));
        } else {
            for page in first_page..=last_page {
                if writer.pages.get_mut(&page).is_some_and(|units| !in_page(units)) {
                    writer.pages.remove(&page);
                }
            }
        }
        if !dropped.is_empty() {
            self.drop_units(writer, &dropped);
        }
        dropped
    }

    /// Makes sure that nothing leads to these units, which are marked dead.
    fn drop_units(&self, writer: &mut Writer, dropped: &[u32]) {
        writer.stats.invalidated += dropped.len() as u64;
        for &n in dropped {
            let Some(unit) = self.tables.units.get(n) else { continue };
            self.map(unit.key).remove(unit.pc, n);
            self.tables.code_lines.remove(unit.pc, unit.len.into());
            // All that leads in. A link may have been unlinked, and then linked to another unit,
            // which makes it part of that unit's list instead: it was taken off here first.
            let mut link = unit.incoming.swap(NONE, Ordering::Relaxed);
            while let Some(record) = self.tables.links.get(link) {
                let next = record.next.load(Ordering::Relaxed);
                if record.target.load(Ordering::Relaxed) == n {
                    self.unlink(link);
                }
                link = next;
            }
        }
        // All that leads out, so that a thread inside, or one that returns to a call in there,
        // comes back to the dispatcher. The links stay in their targets' lists, and are never
        // linked again because their unit is dead.
        let mut targets = Vec::new();
        for &n in dropped {
            let Some(unit) = self.tables.units.get(n) else { continue };
            for link in unit.first_link..unit.first_link + u32::from(unit.links) {
                if let Some(target) = self.unlink(link) {
                    targets.push(target);
                }
            }
        }
        if self.spec.coherence == Coherence::Stores {
            self.forget_links(&mut targets);
        }
        // A thread that is about to enter a dead unit in its hash looks at the mark afterwards.
        fence(Ordering::SeqCst);
        for cpu in &writer.cpus {
            // SAFETY: registered processors are alive.
            let cpu = unsafe { &*cpu.0 };
            if dropped.len() > MANY {
                cpu.forget_all();
            } else {
                for unit in dropped.iter().filter_map(|&n| self.tables.units.get(n)) {
                    cpu.forget(unit.pc);
                }
            }
        }
    }

    /// Empties the cache. Waits until no thread is in translated code; they notice by the epoch
    /// that what they remember is gone.
    pub(crate) fn flush(&self, writer: &mut Writer) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        for cpu in &writer.cpus {
            // SAFETY: registered processors are alive.
            let cpu = unsafe { &*cpu.0 };
            let start = Instant::now();
            let mut rounds = 0_u32;
            while cpu.in_code() {
                if rounds & 0xff == 0 {
                    cpu.arm();
                }
                rounds += 1;
                std::thread::yield_now();
                if start.elapsed() > Duration::from_millis(20) && !cpu.thread_exists() {
                    break;
                }
            }
        }
        for n in 0..self.tables.units.len() {
            if let Some(unit) = self.tables.units.get(n)
                && !unit.dead.load(Ordering::Relaxed)
            {
                self.tables.code_lines.remove(unit.pc, unit.len.into());
            }
        }
        writer.pages.clear();
        writer.retired.clear();
        self.maps.clear();
        self.tables.clear();
        self.cache.clear();
        writer.stats.flushes += 1;
    }
}

impl Unit {
    /// Whether the code is still what it was made of.
    fn is_of_code_now(&self) -> bool {
        self.code.is_some() && self.code == hash_at(self.pc, self.len)
    }
}

/// The hash of `len` bytes of guest code at `pc`; None if they cannot be read.
pub(crate) fn hash_at(pc: u64, len: u16) -> Option<CodeHash> {
    let mut code = [0; MAX_UNIT as usize];
    let code = code.get_mut(..usize::from(len))?;
    memory::read(pc, code).ok()?;
    Some(CodeHash::of(code))
}
