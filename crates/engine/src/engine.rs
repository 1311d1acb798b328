//! The process-wide translator: its parts, look-up, translation, linking.

use crate::cache::CodeCache;
use crate::cpu::{Cpu, Fault, Shared};
use crate::map::{PcMap, Target};
use crate::options::{Options, Stats};
use crate::share::{Seen, Share};
use crate::unit::{NONE, Tables};
use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use guest::{Fetch, Guest, Mode};
use host::{Code, Host};
use ir::Block;
use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// Who knows which guest memory may be executed. Asked without any lock of the engine held.
pub trait AddressSpace: Sync {
    /// The end of the memory around `addr` that is mapped for the guest with execute permission;
    /// none if the page of `addr` is not.
    fn executable_until(&self, addr: u64) -> Option<u64>;
    /// The page of `addr` is mapped for the guest at all.
    fn mapped(&self, addr: u64) -> bool;
    /// The code at `addr` is a file's, so that other processes may have it too.
    fn backed_by_file(&self, addr: u64) -> bool;
    /// Indirect branches to the page of `addr` are checked, if the guest does that
    /// ([`Guest::guards`]).
    fn guarded(&self, addr: u64) -> bool;
    /// `addr` is in the vDSO that the program was given.
    fn is_vdso(&self, addr: u64) -> bool;
}

/// The process-wide translator; lives as long as the process.
pub struct Engine {
    pub(crate) guest: &'static dyn Guest,
    pub(crate) host: Box<dyn Host>,
    pub(crate) options: Options,
    pub(crate) cache: CodeCache,
    pub(crate) tables: Tables,
    /// By `Mode::fp_exact`.
    maps: [PcMap; 2],
    pub(crate) stubs: StubAddresses,
    space: OnceLock<&'static dyn AddressSpace>,
    /// Counts flushes: code seen under another number must not be entered.
    pub(crate) epoch: AtomicU64,
    pub(crate) interpreted: AtomicU64,
    /// Which of the synchronous signals were ignored before the engine handled them.
    ignored: u64,
    /// The descriptor of the memory shared with the family, or -1.
    pub(crate) share_fd: AtomicI32,
    writer: Mutex<Writer>,
}

/// Host addresses of the stubs.
pub(crate) struct StubAddresses {
    pub(crate) enter: u64,
    pub(crate) leave: u64,
    pub(crate) leave_link: u64,
    pub(crate) leave_indirect: u64,
    pub(crate) leave_stored: u64,
    pub(crate) call_helper: u64,
    pub(crate) host_time: u64,
    pub(crate) cas_16: u64,
    pub(crate) estimates: u64,
    /// The instruction of `cas_16` that may fault, and where it goes on then.
    pub(crate) cas_16_fault: (u64, u64),
    pub(crate) call_helper_status: u64,
    pub(crate) ret_miss: u64,
    pub(crate) ret_evaluated: u64,
}

/// What only one thread at a time may use.
pub(crate) struct Writer {
    block: Option<Box<Block>>,
    code: Code,
    /// What is shared with the family.
    pub(crate) share: Option<Share>,
    /// What the current translation depends on.
    seen: Seen,
    /// First of the units that start in a guest page.
    pub(crate) pages: HashMap<u64, u32, PageHash>,
    /// Instructions whose floating-point operations trapped too often: they go to the evaluator
    /// without a trap.
    pub(crate) trapping: Vec<u64>,
    /// Loads and stores whose addresses were tagged too often: they take the tag off.
    pub(crate) tagged: Vec<u64>,
    /// All processors.
    pub(crate) cpus: Vec<CpuRef>,
    /// Processors of threads that have ended, for new ones. They are among `cpus` as well, so that
    /// what they remember stays right.
    pub(crate) spare: Vec<Cpu>,
    pub(crate) stats: Stats,
}

/// A processor's shared part; valid while it is in [`Writer::cpus`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CpuRef(pub(crate) *const Shared);

// SAFETY: what is used of it by other threads is atomic.
unsafe impl Send for CpuRef {}

/// Page numbers need no better hash.
#[derive(Clone, Copy, Default)]
pub(crate) struct PageHash;

pub(crate) struct PageHasher(u64);

impl std::hash::BuildHasher for PageHash {
    type Hasher = PageHasher;
    fn build_hasher(&self) -> PageHasher {
        PageHasher(0)
    }
}

impl std::hash::Hasher for PageHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.write_u64(u64::from(b));
        }
    }
    fn write_u64(&mut self, n: u64) {
        let mixed = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 29;
    }
}

/// Fetches words from the page of a pc and the next one, as far as they may be executed. Asked
/// beforehand, because the address space may take a lock that is held during an invalidation.
#[derive(Clone, Copy)]
pub(crate) struct Fetcher {
    space: Option<&'static dyn AddressSpace>,
    /// What is translated already.
    map: &'static PcMap,
    page: u64,
    executable: [bool; 2],
    /// Words read ahead, from `start` on.
    ahead: [u32; 2],
    start: u64,
    /// The code is a file's, and there is a family.
    shared: bool,
}

/// A fetcher that takes down what it fetches.
struct Recorder<'a> {
    fetcher: Fetcher,
    seen: &'a mut Seen,
}

impl Fetch for Recorder<'_> {
    fn guarded(&mut self, pc: u64) -> bool {
        self.fetcher.guarded(pc)
    }
    fn is_vdso(&mut self, pc: u64) -> bool {
        self.fetcher.is_vdso(pc)
    }
    fn known(&mut self, pc: u64) -> bool {
        self.fetcher.known(pc)
    }
    fn word(&mut self, pc: u64) -> Option<u32> {
        let word = self.fetcher.word(pc)?;
        self.seen.beyond.push((pc, word));
        Some(word)
    }
    fn words(&mut self, pc: u64, out: &mut [u32]) -> usize {
        let count = self.fetcher.words(pc, out);
        self.take_down(pc, &out[..count]);
        count
    }
    fn words_on(&mut self, pc: u64, out: &mut [u32]) -> usize {
        let count = self.fetcher.words_on(pc, out);
        self.take_down(pc, &out[..count]);
        count
    }
}

impl Recorder<'_> {
    /// Takes down words of the block.
    fn take_down(&mut self, pc: u64, words: &[u32]) {
        if pc == self.seen.pc + 4 * self.seen.block.len() as u64 {
            self.seen.block.extend_from_slice(words);
        }
    }
}

/// Words that are read in one go.
const AT_ONCE: usize = 16;

/// No unit is of more bytes of guest code than this.
pub(crate) const MAX_UNIT: u64 = 256;

impl Fetch for Fetcher {
    fn guarded(&mut self, pc: u64) -> bool {
        self.space.is_some_and(|space| space.guarded(pc))
    }
    fn is_vdso(&mut self, pc: u64) -> bool {
        self.space.is_some_and(|space| space.is_vdso(pc))
    }
    fn known(&mut self, pc: u64) -> bool {
        self.map.has(pc)
    }
    fn word(&mut self, pc: u64) -> Option<u32> {
        let index = pc.wrapping_sub(self.start) / 4;
        if let Some(word) = self.ahead.get(index as usize)
            && pc & 3 == 0
        {
            return Some(*word);
        }
        if !self.may_fetch(pc) {
            return None;
        }
        if pc & 7 != 0 {
            return memory::read_u32(pc).ok();
        }
        let pair = memory::read_u64(pc).ok()?;
        self.ahead = [pair as u32, (pair >> 32) as u32];
        self.start = pc;
        Some(self.ahead[0])
    }
    fn words(&mut self, pc: u64, out: &mut [u32]) -> usize {
        if !self.may_fetch(pc) {
            return 0;
        }
        if read_at_once(pc, out) {
            return self.map.unknown_from(pc, AT_ONCE);
        }
        for (i, out) in out.iter_mut().enumerate() {
            let at = pc.wrapping_add(i as u64 * 4);
            if i != 0 && self.known(at) {
                return i;
            }
            let Some(word) = self.word(at) else { return i };
            *out = word;
        }
        out.len()
    }
    fn words_on(&mut self, pc: u64, out: &mut [u32]) -> usize {
        if self.may_fetch(pc) && read_at_once(pc, out) {
            return AT_ONCE;
        }
        for (i, out) in out.iter_mut().enumerate() {
            let Some(word) = self.word(pc.wrapping_add(i as u64 * 4)) else { return i };
            *out = word;
        }
        out.len()
    }
}

/// Reads `out.len()` words, if they are [`AT_ONCE`] and of one page, as they are most often.
fn read_at_once(pc: u64, out: &mut [u32]) -> bool {
    <&mut [u32; AT_ONCE]>::try_from(out).is_ok_and(|out| {
        pc & 0xfff <= 4096 - 4 * AT_ONCE as u64
            && pc & 3 == 0
            && memory::read_words(pc, out).is_ok()
    })
}

impl Fetcher {
    fn may_fetch(&self, pc: u64) -> bool {
        let page = (pc >> 12).wrapping_sub(self.page);
        self.executable.get(page as usize).is_some_and(|&executable| executable)
    }
}

impl Engine {
    /// Makes it and installs the handlers of the five synchronous signals.
    ///
    /// # Errors
    /// If the code cache cannot be mapped.
    pub fn new(guest: &'static dyn Guest, options: Options) -> io::Result<&'static Self> {
        let host = crate::host::back_end(&options, guest);
        let cache = CodeCache::new(options.cache_size, options.dual_mapping)?;
        let os = |e: sys::Errno| io::Error::from_raw_os_error(e.0);
        let tables = Tables::new(options.cache_size).map_err(os)?;
        let stubs = host.stubs();
        let at = cache.base() + u64::from(cache.push(&stubs.bytes, false));
        cache.keep();
        let engine = Box::leak(Box::new(Self {
            guest,
            host,
            options,
            cache,
            tables,
            maps: [PcMap::new(), PcMap::new()],
            stubs: StubAddresses {
                enter: at + u64::from(stubs.enter),
                leave: at + u64::from(stubs.leave),
                leave_link: at + u64::from(stubs.leave_link),
                leave_indirect: at + u64::from(stubs.leave_indirect),
                leave_stored: at + u64::from(stubs.leave_stored),
                host_time: at + u64::from(stubs.host_time),
                estimates: at + u64::from(stubs.estimates),
                cas_16: at + u64::from(stubs.cas_16),
                cas_16_fault: (
                    at + u64::from(stubs.cas_16_fault.0),
                    at + u64::from(stubs.cas_16_fault.1),
                ),
                call_helper: at + u64::from(stubs.call_helper),
                call_helper_status: at + u64::from(stubs.call_helper_status),
                ret_miss: at + u64::from(stubs.ret_miss),
                ret_evaluated: at + u64::from(stubs.ret_evaluated),
            },
            space: OnceLock::new(),
            epoch: AtomicU64::new(0),
            interpreted: AtomicU64::new(0),
            ignored: crate::fault::ignored(),
            share_fd: AtomicI32::new(-1),
            writer: Mutex::new(Writer {
                block: None,
                code: Code::default(),
                share: None,
                seen: Seen::default(),
                pages: HashMap::default(),
                trapping: Vec::new(),
                tagged: Vec::new(),
                cpus: Vec::new(),
                spare: Vec::new(),
                stats: Stats::default(),
            }),
        }));
        crate::fault::install();
        Ok(engine)
    }
    /// Sets who says what is executable; before the first [`Cpu::run`]. Without it, all readable
    /// memory is.
    pub fn set_address_space(&self, space: &'static dyn AddressSpace) {
        let _ = self.space.set(space);
    }
    /// The guest.
    pub fn guest(&self) -> &'static dyn Guest {
        self.guest
    }
    /// Which of the synchronous signals were ignored before the engine handled them (bit n-1 = signal
    /// n).
    pub fn inherited_ignored(&self) -> u64 {
        self.ignored
    }
    /// What has been counted.
    pub fn stats(&self) -> Stats {
        let mut stats = self.lock().stats;
        stats.interpreted = self.interpreted.load(Ordering::Relaxed);
        stats
    }
    pub(crate) fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub(crate) fn map(&self, exact: bool) -> &PcMap {
        &self.maps[usize::from(exact)]
    }
    /// The translation of `pc`, if there is one already.
    pub(crate) fn lookup(&self, exact: bool, pc: u64) -> Option<Target> {
        self.map(exact).find(pc)
    }
    /// Whether there are relatives, who have translations or may want ours.
    pub(crate) fn has_family(&self) -> bool {
        self.share_fd.load(Ordering::Relaxed) >= 0
    }
    /// The host address of a translation.
    pub(crate) fn entry(&self, target: Target) -> u64 {
        self.cache.base() + u64::from(target.offset)
    }
    /// The translation of `pc`, made if necessary. `link` = number of the link that led here, seen
    /// under epoch `epoch`, which is then patched.
    pub(crate) fn resolve(
        &'static self,
        exact: bool,
        pc: u64,
        link: Option<u32>,
        epoch: u64,
    ) -> Result<Target, Fault> {
        let fetcher = self.lookup(exact, pc).is_none().then(|| self.fetcher(pc, exact));
        let mut guard = self.lock();
        let writer = &mut *guard;
        let found = match (self.lookup(exact, pc), fetcher) {
            (None, Some(fetcher)) => {
                let lines = &self.tables.code_lines;
                lines.expect(pc, MAX_UNIT);
                let target = self.translate(writer, exact, pc, fetcher);
                lines.remove(pc, MAX_UNIT);
                target
            }
            (None, None) => {
                // Dropped in between.
                drop(guard);
                return self.resolve(exact, pc, link, epoch);
            }
            (found, _) => found,
        };
        let Some(target) = found else {
            drop(guard);
            return Err(self.fetch_fault(pc));
        };
        if let Some(number) = link
            && !self.options.stress
            && self.epoch.load(Ordering::Relaxed) == epoch
        {
            self.link(writer, number, target, exact);
        }
        Ok(target)
    }
    /// Translates and publishes; None if nothing can be fetched at `pc`.
    fn translate(
        &'static self,
        writer: &mut Writer,
        exact: bool,
        pc: u64,
        fetcher: Fetcher,
    ) -> Option<Target> {
        let start = self.options.timing.then(Instant::now);
        let mut block = writer.block.take().unwrap_or_default();
        block.clear();
        let shared = fetcher.shared && writer.share.is_some();
        writer.code.private = !shared;
        writer.seen.clear(pc);
        if shared && self.find_shared(writer, fetcher, pc, exact, &mut block) {
            let target = self.install(writer, &block, exact);
            self.enter_in_maps(writer, &block, target, exact);
            if let Some(start) = start {
                writer.stats.publish_ns += start.elapsed().as_nanos() as u64;
            }
            writer.block = Some(block);
            return Some(target);
        }
        let mode = Mode { fp_exact: exact, ..Mode::default() };
        let mut recorder = Recorder { fetcher, seen: &mut writer.seen };
        self.decode(&mut recorder, pc, mode, &mut block);
        let decoded = self.options.timing.then(Instant::now);
        if let (Some(start), Some(decoded)) = (start, decoded) {
            writer.stats.decode_ns += (decoded - start).as_nanos() as u64;
        }
        assert!(u64::from(block.len) <= MAX_UNIT, "unit too large");
        let end = pc + u64::from(block.len);
        for (all, known) in
            [(&writer.trapping, &mut block.trapping), (&writer.tagged, &mut block.tagged)]
        {
            let here = all.iter().filter(|&&at| pc <= at && at < end);
            known.extend(here.map(|&at| (at - pc) as u32));
        }
        let target = (block.insns != 0).then(|| {
            let target = self.publish(writer, &block, exact);
            if shared
                && block.trapping.is_empty()
                && block.tagged.is_empty()
                && let Some(share) = &mut writer.share
            {
                share.add(&block, exact, &writer.seen, &mut { fetcher }, &writer.code);
            }
            self.enter_in_maps(writer, &block, target, exact);
            target
        });
        writer.block = Some(block);
        target
    }
    /// Finds what a relative has translated: fills `block` and the writer's code.
    fn find_shared(
        &self,
        writer: &mut Writer,
        mut fetcher: Fetcher,
        pc: u64,
        exact: bool,
        block: &mut Block,
    ) -> bool {
        let Some(share) = &mut writer.share else { return false };
        let near = |&at: &u64| at.wrapping_sub(pc) < MAX_UNIT;
        if pc & (self.guest.pc_alignment() - 1) != 0
            || writer.trapping.iter().chain(&writer.tagged).any(near)
        {
            return false;
        }
        let found = share.find(pc, exact, &mut fetcher, block, &mut writer.code);
        writer.stats.shared += u64::from(found);
        found
    }
    /// What may be fetched from `pc` on.
    pub(crate) fn fetcher(&'static self, pc: u64, exact: bool) -> Fetcher {
        let until = match self.space.get() {
            Some(space) => space.executable_until(pc).unwrap_or(0),
            None => u64::MAX,
        };
        let executable = [until != 0, until > (pc | 0xfff).saturating_add(1)];
        Fetcher {
            space: self.space.get().copied(),
            map: self.map(exact),
            page: pc >> 12,
            executable,
            ahead: [0; 2],
            start: u64::MAX / 2,
            shared: self.share_fd.load(Ordering::Relaxed) >= 0
                && self.space.get().is_some_and(|s| s.backed_by_file(pc)),
        }
    }
    /// Translates guest code to IR.
    pub(crate) fn decode(&self, fetch: &mut dyn Fetch, pc: u64, mode: Mode, block: &mut Block) {
        if pc & (self.guest.pc_alignment() - 1) != 0 {
            return;
        }
        self.guest.translate(fetch, pc, mode, block);
        block.pc = pc;
        block.fp_exact = mode.fp_exact;
        debug_assert_eq!(ir::verify(block), Ok(()), "{pc:#x}");
    }
    /// The fault of fetching the instruction at `pc`.
    pub(crate) fn fetch_fault(&self, pc: u64) -> Fault {
        const BUS_ADRALN: i32 = 1;
        const SEGV_MAPERR: i32 = 1;
        const SEGV_ACCERR: i32 = 2;
        if pc & (self.guest.pc_alignment() - 1) != 0 {
            return Fault { signo: libc::SIGBUS, code: BUS_ADRALN, addr: pc };
        }
        match memory::read_u32(pc) {
            // A page of a file that is not there any more.
            Err(fault) if fault.signo == libc::SIGBUS => {
                return Fault { signo: libc::SIGBUS, code: fault.code, addr: pc };
            }
            _ => {}
        }
        let mapped = self.space.get().is_some_and(|s| s.mapped(pc));
        let code = if mapped { SEGV_ACCERR } else { SEGV_MAPERR };
        Fault { signo: libc::SIGSEGV, code, addr: pc }
    }
    /// Lowers `block` into the cache, for threads whose `Mode::fp_exact` is `exact`.
    pub(crate) fn publish(
        &'static self,
        writer: &mut Writer,
        block: &Block,
        exact: bool,
    ) -> Target {
        let start = self.options.timing.then(Instant::now);
        writer.code.clear();
        self.host.lower(block, self.tables.links.len(), &mut writer.code);
        let lowered = self.options.timing.then(Instant::now);
        let target = self.install(writer, block, exact);
        if let (Some(start), Some(lowered)) = (start, lowered) {
            writer.stats.lower_ns += (lowered - start).as_nanos() as u64;
            writer.stats.publish_ns += lowered.elapsed().as_nanos() as u64;
        }
        if self.options.dump_ir || self.options.dump_host {
            self.dump(block, &writer.code);
        }
        target
    }
    /// Puts the writer's code, which is that of `block`, into the cache.
    fn install(&'static self, writer: &mut Writer, block: &Block, exact: bool) -> Target {
        if !self.cache.fits(writer.code.bytes.len()) || !self.tables.fits(&writer.code) {
            self.flush(writer);
        }
        let Writer { code, stats, seen, .. } = writer;
        number_links(code, self.tables.links.len());
        let has_loop = code.links.iter().any(|link| link.looped);
        let offset = self.cache.push(&code.bytes, has_loop);
        let unit = self.tables.push(block, code, offset, exact, seen.hash(block));
        stats.units += 1;
        stats.guest_insns += u64::from(block.insns);
        stats.host_insns += u64::from(code.host_insns);
        stats.host_bytes += code.bytes.len() as u64;
        Target { offset, unit }
    }
    fn enter_in_maps(&self, writer: &mut Writer, block: &Block, target: Target, exact: bool) {
        let others = writer.pages.insert(block.pc >> 12, target.unit);
        if let Some(others) = others
            && let Some(unit) = self.tables.units.get(target.unit)
        {
            unit.next_in_page.store(others, Ordering::Relaxed);
        }
        self.tables.code_lines.add(block.pc, block.len.into());
        self.map(exact).insert(block.pc, target);
        self.link_ahead(writer, target, exact);
    }
    /// Links the exits of a new unit, whose code the writer's is, that lead to units which are there
    /// already: later, each would have to leave once, and its code be changed while it is in use.
    fn link_ahead(&self, writer: &mut Writer, target: Target, exact: bool) {
        let Some(unit) = self.tables.units.get(target.unit) else { return };
        if self.options.stress {
            return;
        }
        for n in 0..writer.code.links.len() {
            if let Some(to) = self.map(exact).find(writer.code.links[n].pc) {
                self.link(writer, unit.first_link + n as u32, to, exact);
            }
        }
    }
    /// The instruction at `pc` traps too often, or its address is `tagged`: from now on it is
    /// translated in another way.
    pub(crate) fn avoid_traps(&self, pc: u64, tagged: bool) {
        const MAX: usize = 4096;
        let writer = &mut *self.lock();
        let known = if tagged { &mut writer.tagged } else { &mut writer.trapping };
        if !known.contains(&pc) && known.len() < MAX {
            known.push(pc);
            self.invalidate_locked(writer, pc, 1);
        }
    }
    /// Patches link `number` to lead to `target`.
    fn link(&self, writer: &mut Writer, number: u32, target: Target, exact: bool) {
        let Some(link) = self.tables.links.get(number) else { return };
        let (Some(from), Some(to)) =
            (self.tables.units.get(link.unit), self.tables.units.get(target.unit))
        else {
            return;
        };
        if from.dead.load(Ordering::Relaxed) || from.exact != exact || to.exact != exact {
            return;
        }
        if link.target.load(Ordering::Relaxed) == NONE {
            link.target.store(target.unit, Ordering::Relaxed);
            link.next.store(to.incoming.swap(number, Ordering::Relaxed), Ordering::Relaxed);
            self.cache.patch(link.at, target.offset);
            writer.stats.links += 1;
        }
    }
    fn dump(&self, block: &Block, code: &Code) {
        use core::fmt::Write;
        let mut text = format!(
            "unit {:#x}, {} instructions, {} host\n",
            block.pc, block.insns, code.host_insns
        );
        if self.options.dump_ir {
            for op in &block.ops {
                if op.code == ir::OpCode::Insn {
                    let pc = block.pc.wrapping_add(op.imm as u64);
                    let word = memory::read_u32(pc).unwrap_or(0);
                    let _ = writeln!(text, "{pc:#x}: {}", self.guest.disassemble(word, pc));
                } else {
                    let _ = writeln!(text, "    {op:?}");
                }
            }
            let _ = writeln!(text, "    consts {:x?} exits {:x?}", block.consts, block.exits);
        }
        if self.options.dump_host {
            text.push_str(&self.host.describe(&code.bytes));
            text.push('\n');
        }
        (self.options.sink)(&text);
    }
    /// With `Options::timing`, passes the statistics to the sink: for when the program ends.
    pub fn report(&self) {
        if !self.options.timing {
            return;
        }
        let s = self.stats();
        // Each measurement contains one reading of the clock.
        let clock = clock_ns();
        let per = |ns: u64, times: u64| {
            (ns as f64 - times as f64 * clock).max(0.0) / s.guest_insns.max(1) as f64
        };
        let own = s.units - s.shared;
        (self.options.sink)(&format!(
            "{} units ({} shared), {} guest and {} host instructions in {} bytes, {} links, {} interpreted\n\
             ns per guest instruction: {:.0} to translate, {:.0} to lower, {:.0} to publish\n\
             evaluated: {} instructions in {} blocks, {:.0} ns per instruction\n",
            s.units,
            s.shared,
            s.guest_insns,
            s.host_insns,
            s.host_bytes,
            s.links,
            s.interpreted,
            per(s.decode_ns, own),
            per(s.lower_ns, own),
            per(s.publish_ns, s.units),
            s.evaluated_insns,
            s.evaluated,
            s.evaluated_ns as f64 / s.evaluated_insns.max(1) as f64
        ));
    }
    /// Calls `offer` with the numbers of threads that take signal `signo` ([`Cpu::set_takes`]), until one
    /// accepts; false if none does.
    pub fn any_taker(&self, signo: i32, mut offer: impl FnMut(i32) -> bool) -> bool {
        // SAFETY: registered processors are alive.
        let taker = |cpu: &CpuRef| unsafe { &*cpu.0 }.taker(signo);
        self.lock().cpus.iter().filter_map(taker).any(&mut offer)
    }
    /// How many threads there are.
    pub fn threads(&self) -> usize {
        let writer = self.lock();
        writer.cpus.len() - writer.spare.len()
    }
    /// Keeps the tables consistent over a fork.
    pub fn fork_guard(&'static self) -> ForkGuard {
        let writer = self.lock();
        self.cache.prepare_fork();
        ForkGuard { engine: self, writer, _clock: crate::clock::lock(), child: false }
    }
}

/// What reading the clock takes, when nothing comes in between.
fn clock_ns() -> f64 {
    const TIMES: u32 = 64;
    let batch = |_| {
        let start = Instant::now();
        for _ in 0..TIMES {
            core::hint::black_box(Instant::now());
        }
        start.elapsed()
    };
    let best = (0..32).map(batch).min().unwrap_or_default();
    best.as_nanos() as f64 / f64::from(TIMES)
}

/// Puts the numbers of its links into `code`: those from `first` on.
fn number_links(code: &mut Code, first: u32) {
    for (number, link) in (first..).zip(&code.links) {
        if link.number != 0 {
            let at = link.number as usize;
            code.bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
    }
}

impl core::fmt::Debug for Engine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Engine").field("guest", &self.guest.name()).finish_non_exhaustive()
    }
}

/// Held over a fork, by parent and child.
pub struct ForkGuard {
    engine: &'static Engine,
    writer: MutexGuard<'static, Writer>,
    _clock: MutexGuard<'static, crate::clock::Line>,
    child: bool,
}

impl ForkGuard {
    /// To be called in the child of a fork, before anything else of the engine: only `cpu` is left.
    pub fn child(&mut self, cpu: &Cpu) {
        let Writer { cpus, spare, .. } = &mut *self.writer;
        cpus.retain(|c| *c == cpu.reference() || spare.iter().any(|s| s.reference() == *c));
        self.child = true;
        cpu.forked();
    }
}

impl Drop for ForkGuard {
    fn drop(&mut self) {
        self.engine.cache.finish_fork(self.child);
    }
}

impl core::fmt::Debug for ForkGuard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ForkGuard").field("child", &self.child).finish_non_exhaustive()
    }
}
