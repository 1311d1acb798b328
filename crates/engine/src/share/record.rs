//! A translation as bytes.

use core::sync::atomic::{AtomicU32, Ordering};
use guest::{AT_ONCE, Fetch, Key};
use host::{Code, FaultPoint, Link, Recipe};
use ir::Block;

use crate::translate::MAX_UNIT;
use crate::unit::{CodeHash, pack, unpack};

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
    /// The hash of the code of `block`, if that is what was seen.
    pub(crate) fn hash(&self, block: &Block) -> Option<CodeHash> {
        self.code(block).map(CodeHash::of)
    }
}

/// What comes first in a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Header {
    /// Bytes of the record.
    pub(crate) size: u32,
    /// Bytes of host code.
    code: u32,
    host_insns: u32,
    /// Guest instructions, and their bytes.
    insns: u16,
    pub(crate) len: u16,
    /// How many pieces of code elsewhere.
    beyond: u32,
    links: u32,
    faults: u32,
    recipes: u32,
    addresses: u32,
    key: Key,
    /// `Code::movable`.
    movable: bool,
    /// Guest address.
    pc: u64,
}

/// Bytes of a header.
pub(crate) const HEADER: usize = 48;
/// No record is longer.
const SIZE_MAX: u32 = 64 << 10;

impl Header {
    fn words(&self) -> [u32; 10] {
        [
            self.size,
            self.code,
            self.host_insns,
            u32::from(self.insns) | u32::from(self.len) << 16,
            self.beyond,
            self.links,
            self.faults,
            self.recipes,
            self.addresses,
            u32::from(self.key.0) | u32::from(self.movable) << 16,
        ]
    }
    /// Reads one; None if it cannot be one.
    pub(crate) fn read(words: &[AtomicU32]) -> Option<Self> {
        let mut reader = Reader(words);
        let mut word = || reader.u32();
        let (size, code, host_insns, guest) = (word()?, word()?, word()?, word()?);
        let (beyond, links, faults) = (word()?, word()?, word()?);
        let (recipes, addresses, flags) = (word()?, word()?, word()?);
        let header = Self {
            size,
            code,
            host_insns,
            insns: guest as u16,
            len: (guest >> 16) as u16,
            beyond,
            links,
            faults,
            recipes,
            addresses,
            key: Key(flags as u16),
            movable: flags >> 16 & 1 != 0,
            pc: reader.u64()?,
        };
        let fits = header.size <= SIZE_MAX && u64::from(header.len) <= MAX_UNIT;
        (fits && header.insns <= header.len && header.insns != 0).then_some(header)
    }
    /// Whether it may be for code at `pc`.
    pub(crate) fn fits(&self, pc: u64, key: Key) -> bool {
        let movable =
            self.movable && pc >= ir::MOVABLE_FROM && (self.pc ^ pc).trailing_zeros() >= 12;
        (self.pc == pc || movable) && self.key == key
    }
}

/// Appends the record of `code` to `out`; None if it is not to be kept.
pub(crate) fn write(
    out: &mut Vec<u8>,
    block: &Block,
    key: Key,
    seen: &Seen,
    code: &Code,
) -> Option<()> {
    let guest = seen.code(block)?;
    let mut header = Header {
        size: 0,
        code: code.bytes.len() as u32,
        host_insns: code.host_insns,
        insns: block.insns as u16,
        len: guest.len() as u16,
        beyond: seen.outside(block).count() as u32,
        links: code.links.len() as u32,
        faults: code.faults.len() as u32,
        recipes: code.recipes.len() as u32,
        addresses: code.addresses.len() as u32,
        key,
        movable: code.movable,
        pc: block.pc,
    };
    out.resize(HEADER, 0);
    append(out, guest);
    for (pc, code) in seen.outside(block) {
        let distance = i32::try_from(pc.wrapping_sub(block.pc) as i64).ok()?;
        out.extend(distance.to_le_bytes());
        out.extend((code.len() as u32).to_le_bytes());
        append(out, code);
    }
    let mut u32s = |values: &[u32]| values.iter().for_each(|v| out.extend(v.to_le_bytes()));
    for link in &code.links {
        u32s(&[link.at, link.stub, link.number, u32::from(link.looped)]);
    }
    u32s(&code.addresses);
    for point in &code.faults {
        let packed = pack(point);
        u32s(&[packed as u32, (packed >> 32) as u32]);
    }
    for recipe in &code.recipes {
        let b = recipe.b.map_or(u32::MAX, u32::from);
        let kind = u32::from(recipe.kind) | u32::from(recipe.w32) << 8 | u32::from(recipe.a) << 16;
        u32s(&[kind, b, recipe.imm as u32, (recipe.imm >> 32) as u32]);
    }
    append(out, &code.bytes);
    header.size = u32::try_from(out.len()).ok().filter(|&size| size <= SIZE_MAX)?;
    for (n, word) in header.words().into_iter().enumerate() {
        out[n * 4..n * 4 + 4].copy_from_slice(&word.to_le_bytes());
    }
    out[40..HEADER].copy_from_slice(&header.pc.to_le_bytes());
    Some(())
}

/// Appends bytes, and zeros up to a whole word.
fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// Reads the record in `words` for the guest code at `pc`, if that is what it is of; all but the
/// numbers of links and where they lead, which nobody asks for afterwards. None if it is not, or is
/// broken: `block` and `code` are then to be forgotten.
pub(crate) fn read(
    words: &[AtomicU32],
    header: &Header,
    pc: u64,
    guest: &mut impl Fetch,
    block: &mut Block,
    code: &mut Code,
) -> Option<()> {
    let mut reader = Reader(words.get(HEADER / 4..)?);
    reader.compare(pc, header.len.into(), guest)?;
    for _ in 0..header.beyond {
        let at = pc.wrapping_add_signed(i64::from(reader.u32()? as i32));
        let len = reader.u32()? as usize;
        if let 1..=8 = len {
            let there = guest.peek(at, len)?.to_le_bytes();
            reader.expect(&there[..len.next_multiple_of(4)])?;
        } else {
            reader.compare(at, len, guest)?;
        }
    }
    block.clear();
    block.pc = pc;
    block.len = header.len.into();
    block.insns = header.insns.into();
    code.clear();
    code.host_insns = header.host_insns;
    let size = header.code;
    // Fields that are written must be in the code.
    let inside = |at: u32, len: u32| at.checked_add(len).filter(|&end| end <= size).map(|_| at);
    for _ in 0..header.links {
        let at = inside(reader.u32()?, 4)?;
        let stub = inside(reader.u32()?, 0)?;
        let number = inside(reader.u32()?, 4)?;
        let looped = reader.u32()? != 0;
        code.links.push(Link { at, stub, number, pc: 0, looped });
    }
    for _ in 0..header.addresses {
        code.addresses.push(inside(reader.u32()?, 8)?);
    }
    for _ in 0..header.faults {
        let point: FaultPoint = unpack(reader.u64()?);
        code.faults.push(point);
    }
    for _ in 0..header.recipes {
        let (kind, b, imm) = (reader.u32()?, reader.u32()?, reader.u64()?);
        code.recipes.push(Recipe {
            kind: kind as u8,
            w32: kind >> 8 & 1 != 0,
            a: (kind >> 16) as u16,
            b: u16::try_from(b).ok(),
            imm,
        });
    }
    reader.bytes(size as usize, &mut code.bytes)?;
    let by = pc.wrapping_sub(header.pc);
    for &at in &code.addresses {
        let field = code.bytes[at as usize..].first_chunk_mut::<8>()?;
        *field = u64::from_le_bytes(*field).wrapping_add(by).to_le_bytes();
    }
    Some(())
}

/// Takes words off the front.
struct Reader<'a>(&'a [AtomicU32]);

impl Reader<'_> {
    fn u32(&mut self) -> Option<u32> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first.load(Ordering::Relaxed))
    }
    fn u64(&mut self) -> Option<u64> {
        Some(u64::from(self.u32()?) | u64::from(self.u32()?) << 32)
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
            let whole = count.next_multiple_of(4);
            there[count..whole].fill(0);
            self.expect(&there[..whole])?;
        }
        Some(())
    }
    /// Whether the next words are these.
    fn expect(&mut self, words: &[u8]) -> Option<()> {
        for &word in words.as_chunks().0 {
            (self.u32()? == u32::from_le_bytes(word)).then_some(())?;
        }
        Some(())
    }
    /// Appends `count` bytes to `out`.
    fn bytes(&self, count: usize, out: &mut Vec<u8>) -> Option<()> {
        let words = self.0.get(..count.div_ceil(4))?;
        out.reserve(count);
        // SAFETY: that much is there, and there is room for it. Relatives write only records that
        // nobody has been told of; one that is broken gives other bytes, which are all valid.
        unsafe {
            let to = out.as_mut_ptr().add(out.len());
            crate::cache::copy(words.as_ptr().cast(), count, to);
            out.set_len(out.len() + count);
        }
        Some(())
    }
}
