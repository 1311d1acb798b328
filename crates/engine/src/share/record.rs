//! A translation in words.
//!
//! ```text
//! header      HEADER words
//! links       LINK words each; the last one is a hint: the record of what is there, or 0
//! guest code  of the block
//! elsewhere   for each piece of other code: distance and length, then the code
//! addresses   two a word
//! faults      one word each, as the unit's table has them
//! recipes     two words each
//! ```
//!
//! The host code is apart, close together with that of other records.
//!
//! Bytes fill whole words, with zeros at their end. Only hints are ever changed: by whoever has linked
//! two units. They lead to what a program will most likely run next, without a search.

use core::sync::atomic::{AtomicU64, Ordering};
use guest::{AT_ONCE, Fetch, Key};
use host::{Code, Host, Recipe};
use ir::{Block, OpCode};

use super::Share;
use super::memory::{Memory, UNIT};
use crate::translate::MAX_UNIT;
use crate::unit::{CodeHash, pack};

/// Guest code that a translation was made of.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The block's start.
    pc: u64,
    /// From there on.
    block: Vec<u8>,
    /// Elsewhere: what was looked at behind exits.
    beyond: Vec<Run>,
    /// The bytes of all of them.
    bytes: Vec<u8>,
}

/// Some consecutive bytes of guest code.
#[derive(Clone, Copy, Debug)]
struct Run {
    pc: u64,
    len: u32,
}

impl Seen {
    /// Forgets all, for the block at `pc`.
    pub(crate) fn clear(&mut self, pc: u64) {
        self.pc = pc;
        self.block.clear();
        self.beyond.clear();
        self.bytes.clear();
    }
    /// Takes down code of the block, which was read at `pc`.
    pub(crate) fn of_block(&mut self, pc: u64, code: &[u8]) {
        let from = pc.wrapping_sub(self.pc);
        if from <= self.block.len() as u64 {
            self.block.truncate(from as usize);
            self.block.extend_from_slice(code);
        }
    }
    /// Takes down code that was looked at elsewhere.
    pub(crate) fn elsewhere(&mut self, pc: u64, code: &[u8]) {
        match self.beyond.last_mut() {
            Some(run) if run.pc.wrapping_add(run.len.into()) == pc => run.len += code.len() as u32,
            _ => self.beyond.push(Run { pc, len: code.len() as u32 }),
        }
        self.bytes.extend_from_slice(code);
    }
    /// What was seen outside of `block`, by address.
    fn outside<'a>(&'a self, block: &Block) -> impl Iterator<Item = (u64, &'a [u8])> {
        let (start, len) = (block.pc, u64::from(block.len));
        let mut rest = &self.bytes[..];
        let runs = self.beyond.iter().map(move |run| {
            let (code, after) = rest.split_at(run.len as usize);
            rest = after;
            (run.pc, code)
        });
        runs.filter(move |(pc, code)| {
            let from = pc.wrapping_sub(start);
            !code.is_empty() && (from >= len || from + code.len() as u64 > len)
        })
    }
    /// The code of `block`, if that was seen.
    pub(crate) fn code(&self, block: &Block) -> Option<&[u8]> {
        let code = self.block.get(..block.len as usize)?;
        (self.pc == block.pc && !code.is_empty()).then_some(code)
    }
    /// The code that decided what is in `block`: more than its own if it ends with a trap, since then it was
    /// found that no instruction, of at most `longest` bytes, starts there.
    pub(crate) fn decides(&self, block: &Block, longest: u8) -> &[u8] {
        let traps = block.ops.last().is_some_and(|op| op.code == OpCode::Trap);
        let len = block.len as usize + if traps { usize::from(longest) } else { 0 };
        self.block.get(..len).unwrap_or(&self.block)
    }
    /// Whether all that was seen is in `start..end`; `longest` as in [`Seen::decides`].
    pub(crate) fn is_within(&self, block: &Block, longest: u8, start: u64, end: u64) -> bool {
        let inside = |pc: u64, len: u64| {
            start <= pc && pc.checked_add(len).is_some_and(|after| after <= end)
        };
        inside(block.pc, self.decides(block, longest).len().max(block.len as usize) as u64)
            && self.outside(block).all(|(pc, code)| inside(pc, code.len() as u64))
    }
    /// The hash of the code of `block`, if that is what was seen.
    pub(crate) fn hash(&self, block: &Block) -> Option<CodeHash> {
        self.code(block).map(CodeHash::of)
    }
}

/// What comes first in a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Header {
    /// Words of the record.
    pub(super) size: u32,
    /// Bytes of host code.
    pub(crate) code: u32,
    /// Guest address.
    pub(crate) pc: u64,
    /// Guest instructions, and their bytes.
    pub(crate) insns: u16,
    pub(crate) len: u16,
    key: Key,
    /// `Code::movable`.
    movable: bool,
    /// What it is executed for where it is ([`super::Image::id`]), or 0.
    pub(super) site: u64,
    /// Where its code is.
    pub(crate) at: u32,
    pub(crate) host_insns: u32,
    /// How many pieces of code elsewhere.
    beyond: u16,
    pub(crate) links: u16,
    pub(crate) faults: u16,
    pub(crate) recipes: u16,
    addresses: u16,
}

/// Words of a header.
pub(super) const HEADER: usize = 7;
/// Words of a link.
const LINK: usize = 3;
/// No record has more words.
const SIZE_MAX: u32 = 8 << 10;

impl Header {
    fn words(&self) -> [u64; HEADER] {
        let word =
            |parts: [u16; 4]| parts.iter().rev().fold(0, |w, &part| w << 16 | u64::from(part));
        [
            u64::from(self.size) | u64::from(self.code) << 32,
            self.pc,
            word([self.insns, self.len, self.key.0, self.movable.into()]),
            u64::from(self.host_insns) << 32 | word([self.beyond, self.links, 0, 0]),
            word([self.faults, self.recipes, self.addresses, 0]),
            self.site,
            self.at.into(),
        ]
    }
    /// Reads one; None if it cannot be one.
    pub(super) fn read(words: &[AtomicU64]) -> Option<Self> {
        let words: &[AtomicU64; HEADER] = words.first_chunk()?;
        let [sizes, pc, guest, host, counts, site, at] =
            words.each_ref().map(|w| w.load(Ordering::Relaxed));
        let part = |word: u64, n: u32| (word >> (16 * n)) as u16;
        let header = Self {
            size: sizes as u32,
            code: (sizes >> 32) as u32,
            pc,
            insns: part(guest, 0),
            len: part(guest, 1),
            key: Key(part(guest, 2)),
            movable: part(guest, 3) & 1 != 0,
            site,
            at: at as u32,
            host_insns: (host >> 32) as u32,
            beyond: part(host, 0),
            links: part(host, 1),
            faults: part(counts, 0),
            recipes: part(counts, 1),
            addresses: part(counts, 2),
        };
        let fits = header.size <= SIZE_MAX && u64::from(header.len) <= MAX_UNIT;
        (fits && header.insns <= header.len && header.insns != 0).then_some(header)
    }
    /// Whether it may be for code at `pc`.
    pub(super) fn fits(&self, pc: u64, key: Key) -> bool {
        let movable =
            self.movable && pc >= ir::MOVABLE_FROM && (self.pc ^ pc).trailing_zeros() >= 12;
        (self.pc == pc || movable) && self.key == key
    }
}

/// Where the hint of link `n` is in a record.
pub(super) const fn hint_at(n: usize) -> usize {
    HEADER + n * LINK + LINK - 1
}

/// The number of link `n` of record `record`: a word of the memory.
pub(super) fn link_number(record: u32, n: usize) -> u32 {
    (record as usize * UNIT / size_of::<u64>() + HEADER + n * LINK) as u32
}

/// Of the record in `words`: how long its code is, and whether it has a loop.
pub(super) fn code_of(words: &[u64]) -> Option<(usize, bool)> {
    let links = usize::from((*words.get(3)? >> 16) as u16);
    let links = words.get(HEADER..)?.get(..links * LINK)?.as_chunks::<LINK>().0;
    let looped = links.iter().any(|[_, to, _]| *to >> 31 & 1 != 0);
    Some(((words[0] >> 32) as usize, looped))
}

/// Tells the record in `words` its number, its site and where its code is. Its links lead nowhere yet.
pub(super) fn place(words: &mut [u64], number: u32, site: u64, at: u32) {
    (words[HEADER - 2], words[HEADER - 1]) = (site, at.into());
    let links = usize::from((words[3] >> 16) as u16);
    for n in 0..links {
        words[hint_at(n)] = u64::from(number) << 32;
    }
}

/// Instead of a distance: too far.
const FAR: i32 = i32::MIN;

/// Appends the record of `code` to `out`; None if it is not to be kept.
pub(super) fn write(
    out: &mut Vec<u64>,
    block: &Block,
    key: Key,
    seen: &Seen,
    code: &Code,
) -> Option<()> {
    let guest = seen.code(block)?;
    let count = |n: usize| u16::try_from(n).ok();
    let mut header = Header {
        size: 0,
        code: code.bytes.len() as u32,
        pc: block.pc,
        insns: block.insns as u16,
        len: guest.len() as u16,
        key,
        movable: code.movable,
        site: 0,
        at: 0,
        host_insns: code.host_insns,
        beyond: count(seen.outside(block).count())?,
        links: count(code.links.len())?,
        faults: count(code.faults.len())?,
        recipes: count(code.recipes.len())?,
        addresses: count(code.addresses.len())?,
    };
    let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let distance = |pc: u64| i32::try_from(pc.wrapping_sub(block.pc).cast_signed());
    out.resize(HEADER, 0);
    for link in &code.links {
        let distance = distance(link.pc).unwrap_or(FAR);
        let number = link.number | u32::from(link.looped) << 31;
        out.extend([pair(link.at, link.stub), pair(number, distance.cast_unsigned()), 0]);
    }
    append(out, guest);
    for (pc, code) in seen.outside(block) {
        out.push(pair(distance(pc).ok()?.cast_unsigned(), code.len() as u32));
        append(out, code);
    }
    let pairs = code.addresses.chunks(2);
    out.extend(pairs.map(|two| pair(two[0], two.get(1).copied().unwrap_or(0))));
    out.extend(code.faults.iter().map(pack));
    for recipe in &code.recipes {
        let b = recipe.b.map_or(u32::MAX, u32::from);
        let kind = u32::from(recipe.kind) | u32::from(recipe.w32) << 8 | u32::from(recipe.a) << 16;
        out.extend([pair(kind, b), recipe.imm]);
    }
    header.size = u32::try_from(out.len()).ok().filter(|&size| size <= SIZE_MAX)?;
    out[..HEADER].copy_from_slice(&header.words());
    Some(())
}

/// Appends bytes, and zeros up to a whole word.
fn append(out: &mut Vec<u64>, bytes: &[u8]) {
    let (words, rest) = bytes.as_chunks();
    out.extend(words.iter().map(|&word| u64::from_le_bytes(word)));
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        out.push(u64::from_le_bytes(last));
    }
}

/// A record that may be for the code at `pc`.
pub(crate) struct Candidate<'a> {
    pub(super) words: &'a [AtomicU64],
    pub(crate) header: Header,
    /// By which relatives know it.
    pub(super) number: u32,
    pub(super) pc: u64,
    memory: &'a Memory,
}

/// A direct exit in a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FoundLink {
    /// As in [`host::Link`].
    pub(crate) at: u32,
    pub(crate) stub: u32,
    pub(crate) number: u32,
    pub(crate) looped: bool,
    /// Where it leads, if that is known.
    pub(crate) pc: Option<u64>,
    /// The record of what is there, or 0.
    pub(crate) hint: u32,
}

/// A record that is for the code at `pc`: the program has the guest code that it was made of. The fields
/// that its links and addresses name are in its host code, whatever a relative has written.
pub(crate) struct Found<'a> {
    pub(crate) header: Header,
    pub(crate) number: u32,
    pub(crate) pc: u64,
    /// From where to where the guest code is that it depends on.
    span: (u64, u64),
    links: &'a [AtomicU64],
    addresses: &'a [AtomicU64],
    faults: &'a [AtomicU64],
    recipes: &'a [AtomicU64],
    code: &'a [AtomicU64],
}

impl<'a> Candidate<'a> {
    /// Compares the guest code; None if it is other code, or the record is broken.
    pub(crate) fn check(&self, guest: &mut impl Fetch) -> Option<Found<'a>> {
        self.parts(|reader, at, len| match len {
            1..=8 if at != self.pc => {
                let there = guest.peek(at, len)?;
                (reader.take(1)?.first()?.load(Ordering::Relaxed) == there).then_some(())
            }
            _ => reader.compare(at, len, guest),
        })
    }
    /// Without a comparison. Async-signal-safe.
    pub(super) fn unchecked(&self) -> Option<Found<'a>> {
        self.parts(|reader, _, len| reader.take(len.div_ceil(8)).map(drop))
    }
    /// Copies its words, as they are at `pc`.
    pub(super) fn copy(&self, to: &mut Vec<u64>) {
        to.clear();
        to.extend(self.words.iter().map(|word| word.load(Ordering::Relaxed)));
        to[..HEADER].copy_from_slice(&Header { pc: self.pc, ..self.header }.words());
    }
    /// Finds its parts; `code` takes guest code off the reader: where it is, how long.
    fn parts(
        &self,
        mut code: impl FnMut(&mut Reader<'a>, u64, usize) -> Option<()>,
    ) -> Option<Found<'a>> {
        let (header, pc) = (&self.header, self.pc);
        let mut reader = Reader(self.words.get(HEADER..)?);
        let links = reader.take(usize::from(header.links) * LINK)?;
        code(&mut reader, pc, header.len.into())?;
        let mut span = (pc, pc.checked_add(header.len.into())?);
        for _ in 0..header.beyond {
            let [distance, len] = halves(reader.take(1)?.first()?);
            let (at, len) = (pc.wrapping_add_signed(distance.cast_signed().into()), len as usize);
            span = (span.0.min(at), span.1.max(at.checked_add(len as u64)?));
            code(&mut reader, at, len)?;
        }
        let found = Found {
            header: *header,
            number: self.number,
            pc,
            span,
            links,
            addresses: reader.take(usize::from(header.addresses).div_ceil(2))?,
            faults: reader.take(header.faults.into())?,
            recipes: reader.take(usize::from(header.recipes) * 2)?,
            code: self.memory.code(header.at, (header.code as usize).div_ceil(8))?,
        };
        // Fields that are written must be in the code.
        let inside = |at: u32, len: u32| at.checked_add(len).is_some_and(|end| end <= header.code);
        let linked = |link: FoundLink| {
            inside(link.at, 4)
                && link.at.is_multiple_of(4)
                && inside(link.stub, 0)
                && inside(link.number, 4)
        };
        let good = found.links().all(linked) && found.addresses().all(|at| inside(at, 8));
        good.then_some(found)
    }
}

impl Found<'_> {
    /// Whether it depends on nothing but what is in `start..end`.
    pub(super) fn is_within(&self, start: u64, end: u64) -> bool {
        start <= self.span.0 && self.span.1 <= end
    }
    /// Makes all links of a copy of its code lead to their stubs: relatives may have linked the original.
    pub(super) fn unlink(&self, code: &mut [u8], host: &dyn Host) {
        for link in self.links().filter(|link| !link.looped) {
            if let Some(word) = code.get_mut(link.at as usize..).and_then(|c| c.first_chunk_mut()) {
                *word = host.link_word(link.at, link.stub).to_le_bytes();
            }
        }
    }
    /// Its direct exits.
    pub(crate) fn links(&self) -> impl ExactSizeIterator<Item = FoundLink> {
        self.links.as_chunks::<LINK>().0.iter().map(|[fields, to, hint]| {
            let ([at, stub], [number, distance]) = (halves(fields), halves(to));
            let distance = distance.cast_signed();
            FoundLink {
                at,
                stub,
                number: number & u32::MAX >> 1,
                looped: number >> 31 != 0,
                pc: (distance != FAR).then(|| self.pc.wrapping_add_signed(distance.into())),
                hint: hint.load(Ordering::Relaxed) as u32,
            }
        })
    }
    pub(super) fn addresses(&self) -> impl Iterator<Item = u32> {
        self.addresses.iter().flat_map(halves).take(self.header.addresses.into())
    }
    /// Its fault points, packed.
    pub(crate) fn faults(&self) -> impl ExactSizeIterator<Item = u64> {
        self.faults.iter().map(|point| point.load(Ordering::Relaxed))
    }
    /// Its recipes.
    pub(crate) fn recipes(&self) -> impl ExactSizeIterator<Item = Recipe> {
        self.recipes.as_chunks().0.iter().map(|[first, imm]| {
            let [kind, b] = halves(first);
            Recipe {
                kind: kind as u8,
                w32: kind >> 8 & 1 != 0,
                a: (kind >> 16) as u16,
                b: u16::try_from(b).ok(),
                imm: imm.load(Ordering::Relaxed),
            }
        })
    }
    /// Copies its code, made for its pc, but without the numbers of its links. As many bytes as
    /// `header.code` says.
    pub(crate) fn copy_code(&self, to: &mut [u8]) {
        assert!(to.len() <= size_of_val(self.code));
        // SAFETY: that much is there, and there is room for it. Relatives write only records that
        // nobody has been told of; one that is broken gives other bytes, which are all valid.
        unsafe { crate::cache::copy(self.code.as_ptr().cast(), to.len(), to.as_mut_ptr()) };
        let by = self.pc.wrapping_sub(self.header.pc);
        if by == 0 {
            return;
        }
        for at in self.addresses() {
            // (A relative may write another number in the meantime.)
            if let Some(field) = to.get_mut(at as usize..).and_then(<[u8]>::first_chunk_mut::<8>) {
                *field = u64::from_le_bytes(*field).wrapping_add(by).to_le_bytes();
            }
        }
    }
}

impl core::fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Found").field("pc", &self.pc).finish_non_exhaustive()
    }
}

fn halves(word: &AtomicU64) -> [u32; 2] {
    let word = word.load(Ordering::Relaxed);
    [word as u32, (word >> 32) as u32]
}

/// Takes words off the front.
struct Reader<'a>(&'a [AtomicU64]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [AtomicU64]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
    /// Whether the next `len` bytes are the code at `pc`: None if not.
    fn compare(&mut self, pc: u64, len: usize, guest: &mut impl Fetch) -> Option<()> {
        let mut there = [0; AT_ONCE];
        for first in (0..len).step_by(AT_ONCE) {
            let count = (len - first).min(AT_ONCE);
            // (All in one go is quicker than only those that are wanted.)
            if guest.bytes(pc.wrapping_add(first as u64), &mut there) < count {
                return None;
            }
            let words = self.take(count.div_ceil(8))?;
            // Whole words first, then what is left.
            let (there, rest) = (there.as_chunks::<8>().0, count % 8);
            let mut other = 0;
            for (word, there) in words.iter().zip(there).take(count / 8) {
                other |= word.load(Ordering::Relaxed) ^ u64::from_le_bytes(*there);
            }
            if let (1.., Some(last), Some(there)) = (rest, words.last(), there.get(count / 8)) {
                let there = u64::from_le_bytes(*there) & !(u64::MAX << (8 * rest));
                other |= last.load(Ordering::Relaxed) ^ there;
            }
            (other == 0).then_some(())?;
        }
        Some(())
    }
}

impl Memory {
    /// The record of `number`, if there is one.
    pub(super) fn at(&self, number: u32) -> Option<Candidate<'_>> {
        let at = number as usize * UNIT;
        let header = Header::read(self.words(at, HEADER)?)?;
        let words = self.words(at, header.size as usize)?;
        Some(Candidate { words, header, number, pc: header.pc, memory: self })
    }
}

impl Share {
    /// The record of `number`, if there is one there that may be for `pc` and `key`.
    pub(crate) fn candidate(&self, number: u32, pc: u64, key: Key) -> Option<Candidate<'_>> {
        let found = self.memory.at(number)?;
        found.header.fits(pc, key).then_some(Candidate { pc, ..found })
    }
    /// Notes that link `n` of the record `from` leads to what the record `to` is of.
    pub(crate) fn set_hint(&self, from: u32, n: usize, to: u32) {
        let at = from as usize * UNIT + hint_at(n) * size_of::<u64>();
        let word = u64::from(from) << 32 | u64::from(to);
        if let Some([hint]) = self.words::<AtomicU64>(at, 1)
            && hint.load(Ordering::Relaxed) != word
        {
            hint.store(word, Ordering::Relaxed);
        }
    }
    /// The record of link `number`, which leads to `pc`, and where in the code the link is.
    pub(super) fn link(&self, number: u32, pc: u64) -> Option<(Header, u32)> {
        let words = self.words::<AtomicU64>(number as usize * size_of::<u64>(), LINK)?;
        let record = self.memory.at((words.last()?.load(Ordering::Relaxed) >> 32) as u32)?;
        let n = (number.checked_sub(link_number(record.number, 0))? as usize) / LINK;
        let found = record.unchecked()?;
        let link = found.links().nth(n).filter(|link| link.pc == Some(pc) && !link.looped)?;
        (link_number(record.number, n) == number).then_some(())?;
        Some((record.header, record.header.at.checked_add(link.at)?))
    }
}
