//! Linking: the direct exits of units lead to other units.

use crate::engine::{Engine, Writer};
use crate::map::{PcMap, Target};
use crate::unit::NONE;
use core::sync::atomic::Ordering;
use guest::Key;
use host::Code;

impl Engine {
    /// Puts the numbers of its links into `code`: those from `first` on.
    pub(crate) fn number_links(&self, code: &mut Code, first: u32) {
        for (number, link) in (first..).zip(&code.links) {
            if link.number != 0 {
                self.host.set_number(&mut code.bytes, link.number, number);
            }
        }
    }
    /// Makes link `number` lead to its stub again; gives the unit that it led to.
    pub(crate) fn unlink(&self, number: u32) -> Option<u32> {
        let link = self.tables.links.get(number)?;
        let target = link.target.swap(NONE, Ordering::Relaxed);
        if target == NONE {
            return None;
        }
        self.cache.patch(link.at, self.host.link_word(link.at, link.stub));
        Some(target)
    }
    /// Links the exits of a new unit, whose code the writer's is, that lead to units which are there
    /// already: later, each would have to leave once, and its code be changed while it is in use.
    pub(crate) fn link_ahead(&self, writer: &mut Writer, target: Target, map: &PcMap) {
        let Some(unit) = self.tables.units.get(target.unit) else { return };
        if self.options.stress {
            return;
        }
        for n in 0..writer.code.links.len() {
            if let Some(to) = map.find(writer.code.links[n].pc) {
                self.link(writer, unit.first_link + n as u32, to, map.key);
                self.remember_link(writer, unit.first_link + n as u32, to);
            }
        }
    }
    /// Patches link `number` to lead to `target`, if both are for threads with `key`.
    pub(crate) fn link(&self, writer: &mut Writer, number: u32, target: Target, key: Key) {
        let Some(link) = self.tables.links.get(number) else { return };
        let (Some(from), Some(to)) =
            (self.tables.units.get(link.unit), self.tables.units.get(target.unit))
        else {
            return;
        };
        if from.dead.load(Ordering::Relaxed) || from.key != key || to.key != key {
            return;
        }
        if link.target.load(Ordering::Relaxed) == NONE {
            link.target.store(target.unit, Ordering::Relaxed);
            link.next.store(to.incoming.swap(number, Ordering::Relaxed), Ordering::Relaxed);
            self.cache.patch(link.at, self.host.link_word(link.at, target.offset));
            writer.stats.links += 1;
        }
    }
}
