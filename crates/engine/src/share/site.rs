//! Translations that are executed where they are, in the family's memory.
//!
//! A *site* is a file's code at an address: all processes that have mapped the same part of the same
//! unchanged file there, and never could write to it, have the same code at the same addresses. So
//! their translations need neither be copied nor relocated, and links within a site hold for all: what is
//! linked once is linked for the family. A process looks up only what it reaches by other ways.
//!
//! Links lead from a site's translations to others of the same site only, and never back to a stub. So a
//! process that cannot use a site any longer (the code was unmapped or changed, or part of it has to be
//! translated in another way) empties its own tables and uses none of the site's translations from then on.
//! Those of its threads that were in there have left by then ([`Engine::flush`]).

use super::Share;
use super::record::{Found, Header};
use crate::engine::{Engine, Writer};
use crate::fetch::Fetcher;
use crate::map::{PcMap, Target};
use core::sync::atomic::Ordering;
use guest::Key;
use ir::Block;

/// Marks numbers of units and links: those of the family's memory.
pub(crate) const SHARED: u32 = 1 << 31;

/// Code of a file at an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Image {
    /// First address.
    pub start: u64,
    /// End.
    pub end: u64,
    /// What distinguishes it from all others: the file, what is mapped of it, where. Not 0.
    pub id: u64,
}

impl Image {
    /// Whether `addr` is in it.
    pub(super) fn contains(&self, addr: u64) -> bool {
        (self.start..self.end).contains(&addr)
    }
}

impl Engine {
    /// The site of `pc`, if there is one that can be used.
    pub(crate) fn site(&self, writer: &mut Writer, pc: u64) -> Option<Image> {
        self.exec()?.base()?;
        if let Some(site) = writer.sites.iter().find(|site| site.contains(pc)) {
            return Some(*site).filter(|site| site.id != 0);
        }
        let mut site = self.space()?.image(pc)?;
        if writer.trapping.iter().chain(&writer.tagged).any(|&at| site.contains(at)) {
            site.id = 0;
        }
        writer.sites.push(site);
        Some(site).filter(|site| site.id != 0)
    }
    /// The code in `start..=last` has changed, or is not there any more.
    pub(crate) fn forget_sites(&self, writer: &mut Writer, start: u64, last: u64) {
        let before = writer.sites.len();
        writer.sites.retain(|site| site.end <= start || site.start > last);
        if writer.sites.len() != before {
            self.flush(writer);
        }
    }
    /// Part of the code in `start..=last` is to be translated in another way than by relatives.
    pub(crate) fn avoid_sites(&self, writer: &mut Writer, start: u64, last: u64) {
        let mut any = false;
        for site in &mut writer.sites {
            if start < site.end && site.start <= last && site.id != 0 {
                (site.id, any) = (0, true);
            }
        }
        if any {
            self.flush(writer);
        }
    }
    /// What relatives have translated of the code at `pc`, which is the site's.
    pub(super) fn find_in_site(
        &self,
        writer: &mut Writer,
        share: &mut Share,
        mut fetcher: Fetcher,
        pc: u64,
        map: &PcMap,
        site: &Image,
    ) -> Option<Target> {
        let found = share.find_in(site.id, pc, map.key, &mut fetcher);
        let found = found.map(|found| (Self::shared_target(&found), found.header));
        let (target, header) = match found {
            Some(found) => found,
            // Elsewhere the same code may be translated already.
            None => self.adopt(share, &mut fetcher, pc, map.key, site)?,
        };
        writer.stats.count(header.insns.into(), header.host_insns, header.code);
        writer.stats.shared += 1;
        map.insert(pc, target);
        Some(target)
    }
    fn shared_target(found: &Found<'_>) -> Target {
        Target { offset: found.header.at, unit: SHARED | found.number }
    }
    /// Makes a translation of the same code elsewhere one of the site.
    fn adopt(
        &self,
        share: &mut Share,
        fetcher: &mut Fetcher,
        pc: u64,
        key: Key,
        site: &Image,
    ) -> Option<(Target, Header)> {
        let number = {
            let found = share.find(pc, key, fetcher)?;
            if !found.is_within(site.start, site.end) {
                return None;
            }
            found.number
        };
        share.adopt(number, pc, key, site.id, fetcher, &*self.host)
    }
    /// Makes the writer's code, which is that of `block`, the site's. None if it cannot be.
    pub(crate) fn add_to_site(
        &self,
        writer: &mut Writer,
        block: &Block,
        mut fetcher: Fetcher,
        map: &PcMap,
        site: &Image,
    ) -> Option<Target> {
        let Writer { share, seen, code, .. } = writer;
        let share = share.as_mut()?;
        let target =
            share.add_in(site.id, block, map.key, seen, &mut fetcher, code, &*self.host)?;
        writer.stats.count(block.insns, code.host_insns, code.bytes.len() as u32);
        map.insert(block.pc, target);
        for n in 0..writer.code.links.len() {
            let pc = writer.code.links[n].pc;
            if let Some(to) = map.find(pc) {
                let link = super::record::link_number(target.unit & !SHARED, n);
                self.link_shared(writer, link, pc, to, map.key);
            }
        }
        Some(target)
    }
    /// Makes link `number` of the family's memory lead to `target`, the translation of `pc`, for all of the
    /// family, if both are of the same site.
    pub(crate) fn link_shared(
        &self,
        writer: &mut Writer,
        number: u32,
        pc: u64,
        target: Target,
        key: Key,
    ) {
        let Some(share) = &writer.share else { return };
        if target.unit & SHARED == 0 || self.options.stress {
            return;
        }
        let Some((from, at)) = share.link(number & !SHARED, pc) else { return };
        let Some(to) = share.candidate(target.unit & !SHARED, pc, key) else { return };
        let to = &to.header;
        let same = from.site == to.site && from.fits(from.pc, key) && to.pc == pc;
        if same && to.at == target.offset && writer.sites.iter().any(|site| site.id == to.site) {
            share.memory.patch(at, self.host.link_word(at, to.at));
            writer.stats.links += 1;
        }
    }
    /// Whether the translation is not dropped.
    pub(crate) fn is_dead(&self, target: Target) -> bool {
        // (What is shared is dropped by a flush only.)
        let own = target.unit & SHARED == 0;
        own && self.tables.units.get(target.unit).is_none_or(|u| u.dead.load(Ordering::SeqCst))
    }
}
