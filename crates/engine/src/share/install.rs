//! From a record to a unit: what a relative has translated is copied, and with it what its links lead to.

use super::{Found, Share};
use crate::engine::{Engine, Writer};
use crate::fetch::Fetcher;
use crate::map::{PcMap, Target};
use crate::translate::MAX_UNIT;
use crate::unit::NewUnit;
use core::sync::atomic::Ordering;

/// Most units that come with one that was asked for.
const FOLLOWED: usize = 64;

/// A link to be followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    link: u32,
    /// Where it leads.
    pc: u64,
    /// The record of what may be there.
    record: u32,
}

impl Engine {
    /// Finds what a relative has translated of the code at `pc`.
    pub(crate) fn find_shared(
        &self,
        writer: &mut Writer,
        mut fetcher: Fetcher,
        pc: u64,
        map: &PcMap,
    ) -> Option<Target> {
        if !self.may_use_shared(writer, pc) {
            return None;
        }
        // (Put back below: the writer is needed meanwhile.)
        let mut share = writer.share.take()?;
        if let Some(site) = self.site(writer, pc) {
            let target = self.find_in_site(writer, &mut share, fetcher, pc, map, &site);
            writer.share = Some(share);
            return target;
        }
        let target = share.find(pc, map.key, &mut fetcher).map(|found| {
            if !self.has_room_for(&found) {
                self.flush(writer);
            }
            let target = self.install_found(writer, &found, map);
            writer.steps.clear();
            self.plan(writer, &found, target);
            self.follow(writer, &share, fetcher, map);
            target
        });
        writer.share = Some(share);
        target
    }
    /// Whether nothing is known here of the code at `pc` that relatives do not know.
    fn may_use_shared(&self, writer: &Writer, pc: u64) -> bool {
        let near = |&at: &u64| at.wrapping_sub(pc) < MAX_UNIT;
        self.is_aligned(pc) && !writer.trapping.iter().chain(&writer.tagged).any(near)
    }
    fn has_room_for(&self, found: &Found<'_>) -> bool {
        let header = &found.header;
        let counts = [header.links, header.faults, header.recipes].map(usize::from);
        self.has_room(header.code as usize, counts[0], counts[1], counts[2])
    }
    fn install_found(&self, writer: &mut Writer, found: &Found<'_>, map: &PcMap) -> Target {
        let (header, first) = (&found.header, self.tables.links.len());
        let has_loop = found.links().any(|link| link.looped);
        let offset = self.cache.push_with(header.code as usize, has_loop, |code| {
            found.copy_code(code);
            found.unlink(code, &*self.host);
            for (number, link) in (first..).zip(found.links()) {
                // (A relative may write another place in the meantime.)
                if link.number != 0 && link.number as usize + 4 <= code.len() {
                    self.host.set_number(code, link.number, number);
                }
            }
        });
        let new = NewUnit {
            pc: found.pc,
            len: header.len.into(),
            offset,
            size: header.code,
            key: map.key,
            code: None,
            checked: false,
            record: found.number,
        };
        let links = found.links().map(|link| (link.at, link.stub, link.looped));
        let unit = self.tables.push(&new, links, found.faults(), found.recipes());
        writer.stats.count(header.insns.into(), header.host_insns, header.code);
        writer.stats.shared += 1;
        let target = Target { offset, unit };
        self.enter_in_maps(writer, found.pc, new.len, target, map);
        target
    }
    /// Notes where the links of the unit `target` lead, which was made of `found`.
    fn plan(&self, writer: &mut Writer, found: &Found<'_>, target: Target) {
        let first = self.tables.units.get(target.unit).map_or(0, |unit| unit.first_link);
        for (link, to) in (first..).zip(found.links()) {
            if let Some(pc) = to.pc
                && !to.looped
            {
                writer.steps.push(Step { link, pc, record: to.hint });
            }
        }
    }
    /// Links what the noted links lead to, and finds what is not here yet, in the pages that `fetcher` may
    /// read.
    fn follow(&self, writer: &mut Writer, share: &Share, mut fetcher: Fetcher, map: &PcMap) {
        let mut left = FOLLOWED;
        while let Some(step) = writer.steps.pop() {
            if let Some(target) = map.find(step.pc) {
                self.link(writer, step.link, target, map.key);
                continue;
            }
            if left != 0
                && let Some(target) = self.find_next(writer, share, step, &mut fetcher, map)
            {
                left -= 1;
                self.link(writer, step.link, target, map.key);
            }
        }
    }
    fn find_next(
        &self,
        writer: &mut Writer,
        share: &Share,
        step: Step,
        fetcher: &mut Fetcher,
        map: &PcMap,
    ) -> Option<Target> {
        let pc = step.pc;
        if step.record == 0 || !fetcher.may_fetch(pc) || !self.may_use_shared(writer, pc) {
            return None;
        }
        let candidate = share.candidate(step.record, pc, map.key)?;
        let lines = &self.tables.code_lines;
        let len = candidate.header.len.into();
        lines.expect(pc, len);
        let found = candidate.check(fetcher).filter(|found| self.has_room_for(found));
        let target = found.map(|found| {
            let target = self.install_found(writer, &found, map);
            self.plan(writer, &found, target);
            target
        });
        lines.remove(pc, len);
        target
    }
    /// Tells relatives that link `number` leads to `target`.
    pub(crate) fn remember_link(&self, writer: &Writer, number: u32, target: Target) {
        let units = &self.tables.units;
        let link = self.tables.links.get(number);
        if let (Some(share), Some(link), Some(to)) = (&writer.share, link, units.get(target.unit))
            && let Some(from) = units.get(link.unit)
        {
            let [from_record, to_record] = [from, to].map(|u| u.record.load(Ordering::Relaxed));
            if from_record != 0 && to_record != 0 {
                share.set_hint(from_record, (number - from.first_link) as usize, to_record);
            }
        }
    }
}
