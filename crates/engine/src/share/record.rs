//! A translation as bytes.

use core::sync::atomic::{AtomicU32, Ordering};
use guest::Fetch;
use host::{Code, FaultPoint, Link, Recipe};
use ir::Block;

use crate::engine::MAX_UNIT;
use crate::unit::{CodeHash, pack, unpack};

/// Guest code that a translation was made of.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The block's start.
    pub(crate) pc: u64,
    /// From there on.
    pub(crate) block: Vec<u32>,
    /// Elsewhere: what was looked at behind exits.
    pub(crate) beyond: Vec<(u64, u32)>,
}

impl Seen {
    /// Forgets all, for the block at `pc`.
    pub(crate) fn clear(&mut self, pc: u64) {
        self.pc = pc;
        self.block.clear();
        self.beyond.clear();
    }
    /// The hash of the code of `block`, if that is what was seen.
    pub(crate) fn hash(&self, block: &Block) -> Option<CodeHash> {
        let words = self.block.get(..block.len as usize / 4)?;
        (self.pc == block.pc && !words.is_empty()).then(|| CodeHash::of(words))
    }
    /// The first instruction.
    pub(crate) fn first(&self) -> Option<u32> {
        self.block.first().copied()
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
    /// Guest instructions.
    insns: u32,
    beyond: u32,
    links: u32,
    faults: u32,
    recipes: u32,
    addresses: u32,
    /// [`EXACT`], [`MOVABLE`].
    flags: u32,
    /// Guest address.
    pc: u64,
}

/// Bytes of a header.
pub(crate) const HEADER: usize = 48;
const EXACT: u32 = 1;
const MOVABLE: u32 = 2;
/// No record is longer.
const SIZE_MAX: u32 = 64 << 10;

impl Header {
    fn words(&self) -> [u32; 10] {
        [
            self.size,
            self.code,
            self.host_insns,
            self.insns,
            self.beyond,
            self.links,
            self.faults,
            self.recipes,
            self.addresses,
            self.flags,
        ]
    }
    /// Reads one; None if it cannot be one.
    pub(crate) fn read(words: &[AtomicU32]) -> Option<Self> {
        let mut reader = Reader(words);
        let mut word = || reader.u32();
        let header = Self {
            size: word()?,
            code: word()?,
            host_insns: word()?,
            insns: word()?,
            beyond: word()?,
            links: word()?,
            faults: word()?,
            recipes: word()?,
            addresses: word()?,
            flags: word()?,
            pc: reader.u64()?,
        };
        (header.size <= SIZE_MAX && u64::from(header.insns) <= MAX_UNIT / 4).then_some(header)
    }
    /// Whether it may be for code at `pc`.
    pub(crate) fn fits(&self, pc: u64, exact: bool) -> bool {
        let movable = self.flags & MOVABLE != 0
            && pc >= ir::MOVABLE_FROM
            && (self.pc ^ pc).trailing_zeros() >= 12;
        (self.pc == pc || movable) && (self.flags & EXACT != 0) == exact
    }
}

/// Appends the record of `code` to `out`; None if it is not to be kept.
pub(crate) fn write(
    out: &mut Vec<u8>,
    block: &Block,
    exact: bool,
    seen: &Seen,
    code: &Code,
) -> Option<()> {
    let insns = block.len as usize / 4;
    let words = seen.block.get(..insns)?;
    let end = block.pc + u64::from(block.len);
    let beyond = || seen.beyond.iter().filter(|(pc, _)| !(block.pc..end).contains(pc));
    let mut header = Header {
        size: 0,
        code: code.bytes.len() as u32,
        host_insns: code.host_insns,
        insns: block.insns,
        beyond: beyond().count() as u32,
        links: code.links.len() as u32,
        faults: code.faults.len() as u32,
        recipes: code.recipes.len() as u32,
        addresses: code.addresses.len() as u32,
        flags: if exact { EXACT } else { 0 } | if code.movable { MOVABLE } else { 0 },
        pc: block.pc,
    };
    if block.insns as usize != insns {
        return None;
    }
    out.resize(HEADER, 0);
    let mut u32s = |values: &[u32]| values.iter().for_each(|v| out.extend(v.to_le_bytes()));
    u32s(words);
    for &(pc, word) in beyond() {
        u32s(&[i32::try_from(pc.wrapping_sub(block.pc) as i64).ok()? as u32, word]);
    }
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
    out.extend_from_slice(&code.bytes);
    out.resize(out.len().next_multiple_of(4), 0);
    header.size = u32::try_from(out.len()).ok().filter(|&size| size <= SIZE_MAX)?;
    for (n, word) in header.words().into_iter().enumerate() {
        out[n * 4..n * 4 + 4].copy_from_slice(&word.to_le_bytes());
    }
    out[40..HEADER].copy_from_slice(&header.pc.to_le_bytes());
    Some(())
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
    let mut there = [0; 16];
    for first in (0..header.insns).step_by(there.len()) {
        let count = (header.insns - first).min(there.len() as u32) as usize;
        // (All in one go is quicker than only those that are wanted.)
        if guest.words_on(pc.wrapping_add(u64::from(first) * 4), &mut there) < count {
            return None;
        }
        for &word in &there[..count] {
            if reader.u32()? != word {
                return None;
            }
        }
    }
    for _ in 0..header.beyond {
        let at = pc.wrapping_add_signed(i64::from(reader.u32()? as i32));
        if guest.word(at)? != reader.u32()? {
            return None;
        }
    }
    block.clear();
    block.pc = pc;
    block.len = header.insns * 4;
    block.insns = header.insns;
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
