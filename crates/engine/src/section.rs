//! Restartable sequences of the guest (`rseq(2)`).
//!
//! A thread registers an area with the host's kernel as it is. What the program puts in its `rseq_cs`
//! is the address of a descriptor: where a section of code starts and ends, and where to go on after a
//! preemption, a migration or a signal in between. The host's pc is never in the guest's section, so
//! all that the kernel does then is to clear `rseq_cs`. Hence sections are not translated: they are
//! evaluated, and each of their accesses is made only if `rseq_cs` is still set (`memory::section`).
//! What does not access memory may as well have been executed before the preemption.
//!
//! A section is found when code is decoded that stores the address of its descriptor, a constant;
//! otherwise when a descriptor is seen in `rseq_cs` on leaving translated code, after it was first used.

use crate::cpu::{Access, Cpu, Exit, Fault};
use crate::engine::{Engine, PageHash, Writer};
use crate::interpret::{GuestMemory, SI_KERNEL};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use eval::{MemFault, Memory};
use guest::{Key, Mode};
use ir::{Block, OpCode};
use memory::section::{Failure, Guard, Sequence};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// No section is longer: what claims to be is something else.
const LEN_MAX: u64 = 1 << 16;
/// More sections than these are not remembered at once.
const SECTIONS_MAX: usize = 4096;
/// Offset of `rseq_cs` in a registered area.
const FIELD: u64 = 8;

/// A section, as its descriptor says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Section {
    /// From here on it is evaluated: an instruction that begins before this ends at `near` at the latest.
    from: u64,
    /// No translated code reaches beyond this: the instruction before the section, which may be the store that
    /// publishes it, does not begin earlier.
    near: u64,
    start: u64,
    end: u64,
    abort: u64,
}

impl Section {
    /// That of the descriptor at `addr`, in code of instructions of `insn_max` bytes at most; None if
    /// there is none.
    fn read(addr: u64, insn_max: u8) -> Option<Self> {
        let bytes: [u8; 32] = memory::read_array(addr).ok()?;
        let word = |at: usize| bytes[at..].first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
        let (kind, start, len, abort) = (word(0), word(8), word(16), word(24));
        let end = start.checked_add(len)?;
        let near = start.checked_sub(insn_max.into())?;
        let from = near.checked_sub(u64::from(insn_max) - 1)?;
        let good = kind == 0 && (1..=LEN_MAX).contains(&len);
        (good && abort > 4 && !(start..end).contains(&abort)).then_some(Self {
            from,
            near,
            start,
            end,
            abort,
        })
    }
    /// What is evaluated.
    fn evaluated(&self) -> core::ops::Range<u64> {
        self.from..self.end
    }
    fn contains(&self, pc: u64) -> bool {
        (self.start..self.end).contains(&pc)
    }
}

/// All sections that are known.
#[derive(Debug, Default)]
pub(crate) struct Sections {
    /// There are some.
    some: AtomicBool,
    /// Counts changes of their code.
    version: AtomicU64,
    list: RwLock<Vec<Section>>,
}

impl Sections {
    fn list(&self) -> RwLockReadGuard<'_, Vec<Section>> {
        self.list.read().unwrap_or_else(PoisonError::into_inner)
    }
    /// Excludes all others.
    pub(crate) fn lock(&self) -> RwLockWriteGuard<'_, Vec<Section>> {
        self.list.write().unwrap_or_else(PoisonError::into_inner)
    }
    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.some.load(Ordering::Relaxed)
    }
    /// Whether what is at `pc` must be evaluated.
    #[inline]
    pub(crate) fn cover(&self, pc: u64) -> bool {
        !self.is_empty() && self.at(pc).is_some()
    }
    /// The section for which what is at `pc` must be evaluated.
    fn at(&self, pc: u64) -> Option<Section> {
        let list = self.list();
        // (What is before one section may be the end of another.)
        let inside = list.iter().find(|section| section.contains(pc));
        inside.or_else(|| list.iter().find(|section| section.evaluated().contains(&pc))).copied()
    }
    /// How many of the `count` bytes from `pc` on come before one that must be evaluated.
    pub(crate) fn limit(&self, pc: u64, count: usize) -> usize {
        let list = self.list();
        let ahead = list.iter().filter(|section| section.end > pc);
        let bytes = ahead.map(|section| section.near.saturating_sub(pc) as usize);
        bytes.min().unwrap_or(count).min(count)
    }
    /// Guest code has changed. True if sections were in it, which are forgotten if they are `gone`.
    pub(crate) fn changed(&self, start: u64, last: u64, gone: bool) -> bool {
        if self.is_empty() {
            return false;
        }
        let mut list = self.lock();
        let here = |s: &Section| s.from <= last && start < s.end;
        let any = list.iter().any(here);
        if any {
            self.version.fetch_add(1, Ordering::SeqCst);
            if gone {
                list.retain(|s| !here(s));
            }
        }
        any
    }
}

/// The 64-bit constants that `block` moves to registers and stores and that may be addresses of descriptors.
fn stored(block: &Block) -> Vec<u64> {
    let plausible = |c: u64| c.is_multiple_of(32) && c >> 16 != 0 && c >> 48 == 0;
    let mut found = Vec::new();
    // (Every block comes here, so this must be quick.)
    if !block.may_store_constants() || !block.consts.iter().any(|&c| plausible(c as u64)) {
        return found;
    }
    for (n, op) in block.ops.iter().enumerate() {
        if op.code == OpCode::St && op.aux & 15 == 3 && block.moved_to >> (op.c.0 & 63) & 1 != 0 {
            let source = block.ops[..n].iter().rfind(|o| o.dst == op.c);
            let value = source.filter(|o| o.code == OpCode::Mov).map_or(op.c, |o| o.a);
            found.extend(block.const64(value).filter(|&value| plausible(value)));
        }
    }
    found
}

/// What a block has to do with sections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Publishes {
    /// Nothing.
    Nothing,
    /// It publishes one, which is known.
    Known,
    /// One that was not known: the block may go on in it, and must be decoded again.
    New,
}

impl Engine {
    /// Looks for sections that `block` publishes, and enters them.
    pub(crate) fn note_sections(&self, writer: &mut Writer, block: &Block) -> Publishes {
        let mut result = Publishes::Nothing;
        for section in stored(block).into_iter().filter_map(|at| self.section_of(at)) {
            let new = self.note_section(writer, section);
            if new || result == Publishes::Nothing {
                result = if new { Publishes::New } else { Publishes::Known };
            }
        }
        result
    }
    /// The same for one that has not been published to others yet.
    pub(crate) fn publishes_new(&self, block: &Block) -> bool {
        !stored(block).is_empty() && self.note_sections(&mut self.lock(), block) == Publishes::New
    }
    /// The section of the descriptor at `addr`.
    fn section_of(&self, addr: u64) -> Option<Section> {
        Section::read(addr, self.spec.insn_max)
    }
    /// Enters `section`; false if it is known.
    fn note_section(&self, writer: &mut Writer, section: Section) -> bool {
        if self.sections.list().contains(&section) {
            return false;
        }
        if self.sections.list().len() >= SECTIONS_MAX {
            self.sections.lock().clear();
            self.flush(writer);
        }
        let range = section.evaluated();
        self.sections.lock().push(section);
        self.sections.some.store(true, Ordering::SeqCst);
        self.avoid_sites(writer, range.start, range.end - 1);
        self.drop_translations(writer, range.start, range.end - range.start);
        true
    }
}

/// The blocks of a section that have been executed, by where they are.
type SectionCode = Vec<Box<Block>>;

/// A thread's registered area, and the section that it is in.
#[derive(Debug, Default)]
pub(crate) struct Rseq {
    /// Address of the area's `rseq_cs`, and what accesses of sections need.
    registered: Option<(u64, &'static Guard)>,
    /// The sequence in force, its section, and the pc for which this holds.
    active: Option<(Sequence, Section, u64)>,
    /// What was seen last in `rseq_cs` on leaving translated code.
    seen: u64,
    /// Of sections, by where they are evaluated from, of this version and for this key.
    code: HashMap<u64, SectionCode, PageHash>,
    version: (u64, Key),
}

/// Guest memory as a section sees it.
struct SectionMemory<'a> {
    plain: GuestMemory<'a>,
    sequence: Option<Sequence>,
    /// Where the descriptor in force is written.
    field: Option<u64>,
    /// What was written there.
    published: Option<u64>,
    aborted: bool,
}

impl SectionMemory<'_> {
    /// The sequence that an access belongs to.
    fn guarded(&self, addr: u64, size: usize) -> Option<Sequence> {
        let in_field = |field: u64| addr < field + 8 && field < addr.wrapping_add(size as u64);
        self.sequence.filter(|_| !self.field.is_some_and(in_field))
    }
    fn failed(&mut self, failure: Failure, addr: u64, write: bool) -> MemFault {
        match failure {
            Failure::Fault(fault) => self.plain.failed(fault, write),
            Failure::Aborted => {
                self.aborted = true;
                MemFault { addr, alignment: false, write }
            }
        }
    }
}

impl Memory for SectionMemory<'_> {
    fn load(&mut self, addr: u64, size: usize) -> Result<u128, MemFault> {
        let addr = self.plain.guest.canonical(addr);
        let Some(sequence) = self.guarded(addr, size) else { return self.plain.load(addr, size) };
        self.plain.look(addr, size, false)?;
        sequence.load(addr, size).map_err(|failure| self.failed(failure, addr, false))
    }
    fn store(&mut self, addr: u64, size: usize, value: u128) -> Result<(), MemFault> {
        let addr = self.plain.guest.canonical(addr);
        let Some(sequence) = self.guarded(addr, size) else {
            self.plain.store(addr, size, value)?;
            if self.field == Some(addr) && size == 8 {
                self.published = Some(value as u64);
            }
            return Ok(());
        };
        self.plain.look(addr, size, true)?;
        sequence.store(addr, size, value).map_err(|failure| self.failed(failure, addr, true))
    }
    fn counter(&mut self) -> u64 {
        self.plain.counter()
    }
    fn host_time(&mut self, clock: i32) -> [u64; 2] {
        self.plain.host_time(clock)
    }
    fn host_cpu(&mut self) -> [u64; 2] {
        self.plain.host_cpu()
    }
    fn compare_exchange(
        &mut self,
        addr: u64,
        size: usize,
        expected: u128,
        new: u128,
    ) -> Result<u128, MemFault> {
        let addr = self.plain.guest.canonical(addr);
        let Some(sequence) = self.guarded(addr, size) else {
            return self.plain.compare_exchange(addr, size, expected, new);
        };
        self.plain.look(addr, size, true)?;
        let old = sequence.compare_exchange(addr, size, expected, new);
        old.map_err(|failure| self.failed(failure, addr, true))
    }
}

impl Cpu {
    /// The thread has registered the area at `area` with the host, for descriptors of this signature;
    /// or none any more. False if memory is short.
    #[must_use]
    pub fn set_rseq(&mut self, area: Option<(u64, u32)>) -> bool {
        let registered = area.map(|(at, signature)| (at + FIELD, Guard::of(signature)));
        let registered = match registered {
            Some((_, None)) => return false,
            Some((field, Some(guard))) => Some((field, guard)),
            None => None,
        };
        self.shared.set_sequences(registered.is_some());
        self.rseq = Rseq { registered, ..Rseq::default() };
        true
    }
    /// A handler is to run: the section at pc, if there is one, is aborted, and pc is changed.
    pub fn abort_section(&mut self) {
        let Some((field, _)) = self.rseq.registered else { return };
        let pc = self.state().pc();
        if let Some((sequence, section)) = self.sequence_at(pc)
            && self.go_on_at_abort(sequence, section).is_some()
        {
            return;
        }
        if memory::read_u64(field).is_ok_and(|set| set != 0) {
            let _ = memory::write_u64(field, 0);
        }
    }
    /// A sequence was aborted: the abort handler is next. It is a fault if the signature is not there.
    fn go_on_at_abort(&mut self, sequence: Sequence, section: Section) -> Option<Exit> {
        self.rseq.active = None;
        if memory::read_u32(section.abort - 4) != Ok(sequence.guard.signature()) {
            let (signo, code) = (libc::SIGSEGV, SI_KERNEL);
            return Some(Exit::Fault(Fault { signo, code, addr: 0, access: Access::Load }));
        }
        self.state_mut().set_pc(section.abort);
        None
    }
    /// The sequence whose section `pc` is in.
    fn sequence_at(&self, pc: u64) -> Option<(Sequence, Section)> {
        let (field, guard) = self.rseq.registered?;
        if let Some((sequence, section, at)) = self.rseq.active
            && at == pc
        {
            return Some((sequence, section));
        }
        let descriptor = memory::read_u64(field).ok().filter(|&descriptor| descriptor != 0)?;
        let section = self.engine.section_of(descriptor).filter(|section| section.contains(pc))?;
        Some((Sequence { guard, field, descriptor }, section))
    }
    /// Translated code has been left: looks whether a section has been used that is not known. They
    /// leave their descriptors in `rseq_cs`.
    pub(crate) fn look_for_section(&mut self) {
        let Some((field, _)) = self.rseq.registered else { return };
        let Ok(descriptor) = memory::read_u64(field) else { return };
        if descriptor == 0 || core::mem::replace(&mut self.rseq.seen, descriptor) == descriptor {
            return;
        }
        if let Some(section) = self.engine.section_of(descriptor) {
            let engine = self.engine;
            engine.note_section(&mut engine.lock(), section);
        }
    }
    /// Executes the section at pc to its end, or one instruction (`once`).
    pub(crate) fn run_section(&mut self, once: bool) -> Option<Exit> {
        let section = self.engine.sections.at(self.state().pc())?;
        let mut code = self.rseq.code.remove(&section.from).unwrap_or_default();
        let exit = loop {
            let pc = self.state().pc();
            let version = (self.engine.sections.version.load(Ordering::SeqCst), self.map.key);
            if core::mem::replace(&mut self.rseq.version, version) != version {
                self.rseq.code.clear();
                code.clear();
            }
            let exit = if once {
                self.step_section(&section, &mut Block::default(), true)
            } else {
                let index = (pc - section.from) as usize >> self.engine.spec.insn_align;
                if code.len() <= index {
                    code.resize_with(index + 1, Box::default);
                }
                self.step_section(&section, &mut code[index], false)
            };
            let exit = exit.or_else(|| self.end_of_loop(pc));
            let goes_on = section.evaluated().contains(&self.state().pc())
                && self.pending().load(Ordering::Relaxed) == 0;
            if once || exit.is_some() || !goes_on {
                break exit;
            }
        };
        self.rseq.code.insert(section.from, code);
        exit
    }
    /// Executes what is at pc, evaluated for `section`, up to a branch: `block`, which is decoded if
    /// it is empty. `single`: one instruction.
    fn step_section(&mut self, section: &Section, block: &mut Block, single: bool) -> Option<Exit> {
        let (engine, pc) = (self.engine, self.state().pc());
        if block.insns == 0 {
            // (What comes before the section decides whether its descriptor is in force.)
            let limit = if pc < section.start { section.start } else { section.end };
            let mut fetcher = engine.fetcher(self.map, pc).in_section(limit);
            let mode = Mode { key: self.map.key, single, brief: !single, ..Mode::default() };
            engine.decode(&mut fetcher, pc, mode, block);
            if block.insns == 0 {
                return Some(Exit::Fault(engine.fetch_fault(&mut fetcher, pc)));
            }
        }
        let active = self.sequence_at(pc);
        let watches = core::mem::take(&mut self.watches);
        let mut memory = SectionMemory {
            plain: GuestMemory { watches: &watches, guest: engine.guest, fault: None },
            sequence: active.map(|(sequence, _)| sequence),
            field: self.rseq.registered.map(|(field, _)| field),
            published: None,
            aborted: false,
        };
        let outcome = eval::run(block, self.state_mut(), &mut memory);
        let SectionMemory { published, aborted, plain, .. } = memory;
        let fault = plain.fault;
        self.watches = watches;
        let next = self.state().pc();
        let published = published.and_then(|descriptor| {
            let (field, guard) = self.rseq.registered?;
            let section = engine.section_of(descriptor)?;
            Some((Sequence { guard, field, descriptor }, section))
        });
        self.rseq.active = published
            .or(active)
            .filter(|(_, section)| section.contains(next))
            .map(|(sequence, section)| (sequence, section, next));
        if aborted {
            active.and_then(|(sequence, section)| self.go_on_at_abort(sequence, section))
        } else {
            self.after_evaluation(block, outcome, fault)
        }
    }
    /// After a branch back from `pc`: a section may wait to be aborted.
    fn end_of_loop(&mut self, pc: u64) -> Option<Exit> {
        let (sequence, section, at) = self.rseq.active?;
        let aborted = at <= pc && memory::read_u64(sequence.field) == Ok(0);
        if aborted { self.go_on_at_abort(sequence, section) } else { None }
    }
}
