//! From guest code to units in the code cache.

use crate::cpu::Fault;
use crate::engine::{Engine, Writer};
use crate::fetch::{Fetcher, Recorder};
use crate::map::{PcMap, Target};
use crate::section::Publishes;
use crate::share::SHARED;
use crate::unit::{NewUnit, pack};
use core::sync::atomic::Ordering;
use guest::{Fetch, Key, Mode};
use host::Code;
use ir::Block;
use std::time::Instant;

/// No unit is of more bytes of guest code than this.
pub(crate) const MAX_UNIT: u64 = 256;

/// Code that a thread has reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) pc: u64,
    /// See [`Mode::hint`].
    pub(crate) hint: u16,
}

impl Engine {
    /// The translation of what is at `place`, made if necessary. `link` = number of the link that led here, seen
    /// under epoch `epoch`, which is then patched.
    pub(crate) fn resolve(
        &'static self,
        map: &'static PcMap,
        place: Place,
        link: Option<u32>,
        epoch: u64,
    ) -> Result<Target, Fault> {
        let pc = place.pc;
        let fetcher = map.find(pc).is_none().then(|| self.fetcher(map, pc));
        let mut guard = self.lock();
        let writer = &mut *guard;
        let found = match (map.find(pc), fetcher) {
            (None, Some(fetcher)) => {
                let lines = &self.tables.code_lines;
                lines.expect(pc, MAX_UNIT);
                let target = self.translate(writer, map, place, fetcher);
                lines.remove(pc, MAX_UNIT);
                target
            }
            (None, None) => {
                // Dropped in between.
                drop(guard);
                return self.resolve(map, place, link, epoch);
            }
            (found, _) => found,
        };
        let Some(target) = found else {
            drop(guard);
            return Err(self.fetch_fault(&mut self.fetcher(map, pc), pc));
        };
        if let Some(number) = link
            && !self.options.stress
            && self.epoch.load(Ordering::Relaxed) == epoch
        {
            if number & SHARED != 0 {
                self.link_shared(writer, number, pc, target, map.key);
            } else {
                self.link(writer, number, target, map.key);
                self.remember_link(writer, number, target);
            }
        }
        Ok(target)
    }
    /// Translates and publishes; None if nothing can be fetched at `pc`.
    fn translate(
        &'static self,
        writer: &mut Writer,
        map: &'static PcMap,
        place: Place,
        mut fetcher: Fetcher,
    ) -> Option<Target> {
        let pc = place.pc;
        let start = self.options.timing.then(Instant::now);
        let changing = self.is_plastic(pc);
        let shared = fetcher.shared && writer.share.is_some() && !changing;
        if shared && let Some(target) = self.find_shared(writer, fetcher, pc, map) {
            if let Some(start) = start {
                writer.stats.publish_ns += start.elapsed().as_nanos() as u64;
            }
            return Some(target);
        }
        if let Some(target) = self.take_back(writer, map, &fetcher, pc, changing) {
            return Some(target);
        }
        let mut block = writer.block.take().unwrap_or_default();
        block.clear();
        writer.code.private = !shared;
        writer.seen.clear(pc);
        let mode = Mode { key: map.key, hint: place.hint, changing, ..Mode::default() };
        let mut recorder = Recorder { fetcher, seen: &mut writer.seen };
        self.decode(&mut recorder, pc, mode, &mut block);
        let publishes = self.note_sections(writer, &block);
        if publishes == Publishes::New {
            block.clear();
            writer.seen.clear(pc);
            let mut recorder = Recorder { fetcher, seen: &mut writer.seen };
            self.decode(&mut recorder, pc, mode, &mut block);
        }
        let decoded = self.options.timing.then(Instant::now);
        if let (Some(start), Some(decoded)) = (start, decoded) {
            writer.stats.decode_ns += (decoded - start).as_nanos() as u64;
        }
        assert!(u64::from(block.len) <= MAX_UNIT, "unit too large");
        if changing {
            block.checked.extend_from_slice(writer.seen.decides(&block, self.spec.insn_max));
        }
        let end = pc + u64::from(block.len);
        for (all, known) in
            [(&writer.trapping, &mut block.trapping), (&writer.tagged, &mut block.tagged)]
        {
            let here = all.iter().filter(|&&at| pc <= at && at < end);
            known.extend(here.map(|&at| (at - pc) as u32));
        }
        // (Relatives must see for themselves that it publishes a section.)
        let general =
            publishes == Publishes::Nothing && block.trapping.is_empty() && block.tagged.is_empty();
        fetcher.shared = shared && general;
        let target = (block.insns != 0).then(|| self.add(writer, &block, fetcher, map));
        writer.block = Some(block);
        target
    }
    /// Makes a unit of `block`, for relatives too if it was fetched for them.
    fn add(&self, writer: &mut Writer, block: &Block, fetcher: Fetcher, map: &PcMap) -> Target {
        self.lower(writer, block);
        if fetcher.shared
            && let Some(target) = self.publish_in_site(writer, block, fetcher, map)
        {
            return target;
        }
        let target = self.install(writer, block, map.key);
        if fetcher.shared
            && let Some(share) = &mut writer.share
            && let Some(number) =
                share.add(block, map.key, &writer.seen, &mut { fetcher }, &writer.code)
            && let Some(unit) = self.tables.units.get(target.unit)
        {
            unit.record.store(number, Ordering::Relaxed);
        }
        self.enter_in_maps(writer, block.pc, block.len, target, map);
        self.link_ahead(writer, target, map);
        target
    }
    /// Translates guest code to IR.
    pub(crate) fn decode(&self, fetch: &mut dyn Fetch, pc: u64, mode: Mode, block: &mut Block) {
        if self.is_aligned(pc) {
            self.guest.translate(fetch, pc, mode, block);
            debug_assert_eq!(ir::verify(block), Ok(()), "{pc:#x}");
        }
    }
    /// Lowers `block` into the cache, for threads with `key`.
    pub(crate) fn publish(&self, writer: &mut Writer, block: &Block, key: Key) -> Target {
        self.lower(writer, block);
        self.install(writer, block, key)
    }
    /// Puts the writer's code, which is that of `block`, where it is executed by relatives too; None if it has
    /// no such place.
    fn publish_in_site(
        &self,
        writer: &mut Writer,
        block: &Block,
        fetcher: Fetcher,
        map: &PcMap,
    ) -> Option<Target> {
        let site = self.site(writer, block.pc)?;
        if !writer.seen.is_within(block, self.spec.insn_max, site.start, site.end) {
            return None;
        }
        let target = self.add_to_site(writer, block, fetcher, map, &site);
        if target.is_none() {
            // What is linked to nothing else would be slow here.
            self.avoid_sites(writer, block.pc, block.pc);
        }
        target
    }
    /// Makes the writer's code of `block`.
    fn lower(&self, writer: &mut Writer, block: &Block) {
        let start = self.options.timing.then(Instant::now);
        writer.code.clear();
        self.host.lower(block, self.tables.links.len(), &mut writer.code);
        if let Some(start) = start {
            writer.stats.lower_ns += start.elapsed().as_nanos() as u64;
        }
        if self.options.dump_ir || self.options.dump_host {
            self.dump(block, &writer.code);
        }
    }
    /// Puts the writer's code, which is that of `block`, into the cache.
    fn install(&self, writer: &mut Writer, block: &Block, key: Key) -> Target {
        let start = self.options.timing.then(Instant::now);
        let Code { bytes, links, faults, recipes, .. } = &writer.code;
        if !self.has_room(bytes.len(), links.len(), faults.len(), recipes.len()) {
            self.flush(writer);
        }
        let Writer { code, stats, seen, .. } = writer;
        self.number_links(code, self.tables.links.len());
        let has_loop = code.links.iter().any(|link| link.looped);
        let new = NewUnit {
            pc: block.pc,
            len: block.len,
            offset: self.cache.push(&code.bytes, has_loop),
            size: code.bytes.len() as u32,
            key,
            // (What ends with a trap depends on more than its own code.)
            code: seen.hash(block).filter(|_| block.checked.len() <= block.len as usize),
            checked: !block.checked.is_empty(),
            record: 0,
        };
        let unit = self.tables.push(
            &new,
            code.links.iter().map(|link| (link.at, link.stub, link.looped)),
            code.faults.iter().map(pack),
            code.recipes.iter().copied(),
        );
        stats.count(block.insns, code.host_insns, new.size);
        if let Some(start) = start {
            stats.publish_ns += start.elapsed().as_nanos() as u64;
        }
        Target { offset: new.offset, unit }
    }
    /// Whether a unit of so many bytes, links, fault points and recipes fits.
    pub(crate) fn has_room(
        &self,
        bytes: usize,
        links: usize,
        faults: usize,
        recipes: usize,
    ) -> bool {
        self.cache.fits(bytes) && self.tables.fits(links, faults, recipes)
    }
    /// From now on, the unit `target` is what is run for the `len` bytes of code at `pc`.
    pub(crate) fn enter_in_maps(
        &self,
        writer: &mut Writer,
        pc: u64,
        len: u32,
        target: Target,
        map: &PcMap,
    ) {
        let others = writer.pages.insert(pc >> 12, target.unit);
        if let Some(others) = others
            && let Some(unit) = self.tables.units.get(target.unit)
        {
            unit.next_in_page.store(others, Ordering::Relaxed);
        }
        self.tables.code_lines.add(pc, len.into());
        map.insert(pc, target);
    }
    /// The instruction at `pc` traps too often, or its address is `tagged`: from now on it is
    /// translated in another way.
    pub(crate) fn avoid_traps(&self, pc: u64, tagged: bool) {
        const MAX: usize = 4096;
        let writer = &mut *self.lock();
        let known = if tagged { &mut writer.tagged } else { &mut writer.trapping };
        if !known.contains(&pc) && known.len() < MAX {
            known.push(pc);
            self.avoid_sites(writer, pc, pc);
            self.drop_translations(writer, pc, 1);
        }
    }
}
