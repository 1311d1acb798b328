//! The encoder: x86-64 instructions into a byte buffer, shortest forms, no allocation per
//! instruction. This file has the buffer, labels and the instruction formats; `integer`, `moves`
//! and `sse` have the instructions. Intel SDM vol. 2, "Instruction Format".

pub(crate) mod integer;
mod moves;
pub(crate) mod sse;
#[cfg(test)]
pub(crate) mod tests;

/// A general register, in the host's numbering.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gpr(pub u8);

#[expect(missing_docs, reason = "the manual's names")]
impl Gpr {
    pub const RAX: Self = Self(0);
    pub const RCX: Self = Self(1);
    pub const RDX: Self = Self(2);
    pub const RBX: Self = Self(3);
    pub const RSP: Self = Self(4);
    pub const RBP: Self = Self(5);
    pub const RSI: Self = Self(6);
    pub const RDI: Self = Self(7);
    pub const R8: Self = Self(8);
    pub const R15: Self = Self(15);
}

/// A vector register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Xmm(pub u8);

/// Operand size of an integer instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
#[repr(u8)]
pub enum Size {
    /// 8 bits.
    B,
    /// 16 bits.
    W,
    /// 32 bits.
    D,
    /// 64 bits.
    Q,
}

impl Size {
    /// From log2 of the bytes.
    pub const fn from_log2(n: u8) -> Self {
        match n {
            0 => Self::B,
            1 => Self::W,
            2 => Self::D,
            _ => Self::Q,
        }
    }
    /// Width in bits.
    pub const fn bits(self) -> u32 {
        8 << self as u32
    }
}

/// A host condition code, numbered as in `Jcc`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "the manual's names")]
pub enum Cc {
    O,
    No,
    B,
    Ae,
    E,
    Ne,
    Be,
    A,
    S,
    Ns,
    P,
    Np,
    L,
    Ge,
    Le,
    G,
}

impl Cc {
    const ALL: [Self; 16] = [
        Self::O,
        Self::No,
        Self::B,
        Self::Ae,
        Self::E,
        Self::Ne,
        Self::Be,
        Self::A,
        Self::S,
        Self::Ns,
        Self::P,
        Self::Np,
        Self::L,
        Self::Ge,
        Self::Le,
        Self::G,
    ];
    /// The opposite condition.
    pub const fn invert(self) -> Self {
        Self::ALL[(self as u8 ^ 1) as usize]
    }
}

/// A memory operand: base + index << scale + disp, or an entry of the unit's constant pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mem {
    base: u8,
    index: u8,
    scale: u8,
    disp: i32,
}

impl Mem {
    const NO: u8 = 0x80;
    const POOL: u8 = 0x81;
    const LABEL: u8 = 0x82;

    /// `[base + disp]`.
    pub const fn base(base: Gpr, disp: i32) -> Self {
        Self { base: base.0, index: Self::NO, scale: 0, disp }
    }
    /// `[base + index << scale + disp]`; the index may not be rsp.
    pub const fn index(base: Gpr, index: Gpr, scale: u8, disp: i32) -> Self {
        Self { base: base.0, index: index.0, scale, disp }
    }
    /// `[index << scale + disp]`.
    pub const fn scaled(index: Gpr, scale: u8, disp: i32) -> Self {
        Self { base: Self::NO, index: index.0, scale, disp }
    }
    /// `[disp]`, sign-extended.
    pub const fn absolute(disp: i32) -> Self {
        Self { base: Self::NO, index: Self::NO, scale: 0, disp }
    }
    /// Byte `offset` of the guest's state.
    pub const fn state(offset: i32) -> Self {
        Self::base(Gpr::RBP, offset - ir::state::BIAS)
    }
    /// Entry `n` of the unit's pool of 16-byte constants; see [`Emit::constant`].
    const fn pool(n: u32) -> Self {
        Self { base: Self::POOL, index: Self::NO, scale: 0, disp: n as i32 }
    }
    /// The address of a label (for `lea`).
    pub const fn label(label: Label) -> Self {
        Self { base: Self::LABEL, index: Self::NO, scale: 0, disp: label.0 as i32 }
    }
    /// A base that needs no SIB byte, and nothing else but a displacement.
    #[inline(always)]
    const fn is_simple(self) -> bool {
        self.index == Self::NO && self.base & 7 != 4 && self.base < 0x80
    }
    /// One of the guest's general registers, most often: rbp and eight bits of displacement.
    #[inline(always)]
    const fn is_near_state(self) -> bool {
        self.base == Gpr::RBP.0 && self.index == Self::NO && self.disp as i8 as i32 == self.disp
    }
    /// What ModRM.mod says of the displacement: 0 none, 1 = 8 bits, 2 = 32 bits; squared, its
    /// bytes. Without branches, which the processor could not predict.
    #[inline(always)]
    fn disp_size(self) -> u32 {
        let any = self.disp != 0 || self.base & 7 == 5;
        u32::from(any) + u32::from(i32::from(self.disp as i8) != self.disp)
    }
    /// The operand without its index.
    #[must_use]
    pub const fn without_index(self) -> Self {
        Self { index: Self::NO, scale: 0, ..self }
    }
    /// The operand `bytes` further.
    #[must_use]
    pub const fn plus(self, bytes: i32) -> Self {
        Self { disp: self.disp + bytes, ..self }
    }
}

/// A place in the unit that branches refer to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Label(u32);

/// A short forward branch waiting for its destination.
#[must_use]
#[derive(Debug)]
pub struct Short(usize);

/// Mandatory prefix, opcode map and opcode of an instruction, and REX.W.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code {
    /// 0, 0x66, 0xf2 or 0xf3.
    pub(crate) prefix: u8,
    /// 0: one byte; 1: 0F; 2: 0F 38; 3: 0F 3A.
    pub(crate) map: u8,
    /// The opcode.
    pub(crate) op: u8,
    /// REX.W or VEX.W.
    pub(crate) w: bool,
}

impl Code {
    /// The bytes of the opcode with its escapes, and how many.
    #[inline(always)]
    const fn opcode(self) -> (u64, u32) {
        let op = self.op as u64;
        match self.map {
            0 => (op, 1),
            1 => (0x0f | op << 8, 2),
            2 => (0x380f | op << 16, 3),
            _ => (0x3a0f | op << 16, 3),
        }
    }
    pub(crate) const fn new(prefix: u8, map: u8, op: u8, w: bool) -> Self {
        Self { prefix, map, op, w }
    }
    /// A one-byte-map or 0F-map integer instruction whose byte form is `op` and whose other forms
    /// are `op + 1`.
    pub(crate) const fn sized(map: u8, op: u8, size: Size) -> Self {
        let prefix = if matches!(size, Size::W) { 0x66 } else { 0 };
        let op = if matches!(size, Size::B) { op } else { op + 1 };
        Self { prefix, map, op, w: matches!(size, Size::Q) }
    }
    /// The same without a byte form.
    pub(crate) const fn wide(map: u8, op: u8, size: Size) -> Self {
        let prefix = if matches!(size, Size::W) { 0x66 } else { 0 };
        Self { prefix, map, op, w: matches!(size, Size::Q) }
    }
}

/// An immediate operand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Imm {
    None,
    I8(i8),
    I16(i16),
    I32(i32),
}

impl Imm {
    const fn bits(self) -> (u64, u32) {
        match self {
            Self::None => (0, 0),
            Self::I8(v) => (v as u8 as u64, 1),
            Self::I16(v) => (v as u16 as u64, 2),
            Self::I32(v) => (v as u32 as u64, 4),
        }
    }
}

const UNBOUND: u32 = u32::MAX;

/// Up to eight bytes under construction.
#[derive(Clone, Copy)]
struct Head {
    bits: u64,
    len: u32,
}

impl Head {
    #[inline]
    fn push(&mut self, byte: u8) {
        self.bits |= u64::from(byte) << (self.len * 8);
        self.len += 1;
    }
    /// Without a branch: the processor could not predict it.
    #[inline]
    fn push_if(&mut self, condition: bool, byte: u8) {
        let mask = u64::from(condition).wrapping_neg();
        self.bits |= (u64::from(byte) & mask) << (self.len * 8);
        self.len += u32::from(condition);
    }
}

/// A place where a 32-bit displacement is filled in later.
#[derive(Clone, Copy, Debug)]
struct Fixup {
    /// Offset of the field.
    at: u32,
    /// What the displacement is relative to: the instruction's end.
    end: u32,
    /// Label's number, or [`POOL_BIT`] and the constant's.
    to: u32,
}

const POOL_BIT: u32 = 1 << 31;

/// The buffer and its labels.
#[derive(Default, Debug)]
pub struct Emit {
    /// Longer than what is written, so that an instruction can be written in two fixed-size stores.
    buf: Vec<u8>,
    pos: usize,
    insns: u32,
    labels: Vec<u32>,
    fixups: Vec<Fixup>,
    pool: Vec<u128>,
    /// Where 64-bit immediates are.
    wide: Vec<u32>,
}

impl Emit {
    /// Starts over.
    pub fn start(&mut self) {
        self.wide.clear();
        self.pos = 0;
        self.insns = 0;
        self.labels.clear();
        self.fixups.clear();
        self.pool.clear();
    }
    /// Remembers that the last 8 bytes are a 64-bit immediate.
    pub(crate) fn note_wide(&mut self) {
        self.wide.push(self.pos as u32 - 8);
    }
    /// Offsets and values of the 64-bit immediates so far.
    pub fn wide_immediates(&self) -> impl Iterator<Item = (u32, u64)> {
        self.wide.iter().map(|&at| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&self.buf[at as usize..at as usize + 8]);
            (at, u64::from_le_bytes(bytes))
        })
    }
    /// Appends the constant pool, resolves all labels, appends the bytes to `out` and returns the
    /// number of instructions.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> u32 {
        if !self.pool.is_empty() {
            while !self.pos.is_multiple_of(16) {
                self.byte(0xcc);
            }
        }
        let pool_at = self.pos as u32;
        for i in 0..self.pool.len() {
            self.reserve();
            let (at, bytes) = (self.pos, self.pool[i].to_le_bytes());
            self.buf[at..at + 16].copy_from_slice(&bytes);
            self.pos += 16;
        }
        for i in 0..self.fixups.len() {
            let f = self.fixups[i];
            let to = if f.to & POOL_BIT != 0 {
                pool_at + (f.to & !POOL_BIT) * 16
            } else {
                self.labels[f.to as usize]
            };
            debug_assert_ne!(to, UNBOUND);
            self.patch32(f.at as usize, to.wrapping_sub(f.end));
        }
        // In pieces of fixed size: most units are too small for a library's copy to be worth it.
        self.reserve();
        out.reserve(self.pos + 32);
        for piece in self.buf[..self.pos.next_multiple_of(32)].as_chunks::<32>().0 {
            out.extend_from_slice(piece);
        }
        out.truncate(self.pos);
        self.insns
    }
    /// Offset of the next byte.
    pub fn position(&self) -> u32 {
        self.pos as u32
    }
    /// Instructions so far.
    pub fn insns(&self) -> u32 {
        self.insns
    }
    #[inline]
    fn reserve(&mut self) {
        if self.pos + 32 > self.buf.len() {
            self.grow();
        }
    }
    #[cold]
    fn grow(&mut self) {
        let more = (self.buf.len() * 2).max(4096);
        self.buf.resize(more, 0);
    }
    pub(crate) fn byte(&mut self, b: u8) {
        self.reserve();
        self.buf[self.pos] = b;
        self.pos += 1;
    }
    /// Writes an instruction: up to 8 bytes of `head`, then up to 8 of `tail`.
    #[inline]
    fn put(&mut self, head: u64, head_len: u32, tail: u64, tail_len: u32) {
        let room = self.buf.get_mut(self.pos..).and_then(|rest| rest.first_chunk_mut::<16>());
        let Some(room) = room else { return self.put_slowly(head, head_len, tail, tail_len) };
        room[..8].copy_from_slice(&head.to_le_bytes());
        let from = (head_len as usize).min(8);
        room[from..from + 8].copy_from_slice(&tail.to_le_bytes());
        self.pos += (head_len + tail_len) as usize;
        self.insns += 1;
    }
    #[cold]
    #[inline(never)]
    fn put_slowly(&mut self, head: u64, head_len: u32, tail: u64, tail_len: u32) {
        self.grow();
        self.put(head, head_len, tail, tail_len);
    }
    /// An instruction given by its bytes, first in the low byte.
    #[inline]
    pub(crate) fn raw(&mut self, bytes: u64, len: u32) {
        let room = self.buf.get_mut(self.pos..).and_then(|rest| rest.first_chunk_mut::<8>());
        let Some(room) = room else { return self.put_slowly(bytes, len, 0, 0) };
        *room = bytes.to_le_bytes();
        self.pos += len as usize;
        self.insns += 1;
    }
    /// Opcode bytes and a 64- or 32-bit immediate.
    #[inline]
    pub(crate) fn raw_imm(&mut self, bytes: u64, len: u32, imm: u64, imm_len: u32) {
        self.put(bytes, len, imm, imm_len);
    }
    fn patch32(&mut self, at: usize, v: u32) {
        self.buf[at..at + 4].copy_from_slice(&v.to_le_bytes());
    }

    /// Makes the rel32 field at `at` lead here.
    pub fn lead_here(&mut self, at: u32) {
        self.patch32(at as usize, (self.pos as u32).wrapping_sub(at + 4));
    }

    // --- labels

    /// A new label.
    pub fn new_label(&mut self) -> Label {
        self.labels.push(UNBOUND);
        Label(self.labels.len() as u32 - 1)
    }
    /// Places it here.
    pub fn bind(&mut self, label: Label) {
        debug_assert_eq!(self.labels[label.0 as usize], UNBOUND);
        self.labels[label.0 as usize] = self.pos as u32;
    }
    /// Where it was placed.
    pub fn bound(&self, label: Label) -> Option<u32> {
        Some(self.labels[label.0 as usize]).filter(|&p| p != UNBOUND)
    }
    fn fixup32(&mut self, label: Label) {
        let at = self.pos as u32 - 4;
        self.fixups.push(Fixup { at, end: at + 4, to: label.0 });
    }
    /// `jmp label`.
    pub fn jmp(&mut self, label: Label) {
        if let Some(to) = self.bound(label) {
            let rel = to as i32 - self.pos as i32 - 2;
            if rel >= -128 {
                return self.raw(0xeb | u64::from(rel as u8) << 8, 2);
            }
        }
        self.put(0xe9, 1, 0, 4);
        self.fixup32(label);
    }
    /// `jcc label`.
    pub fn jcc(&mut self, cc: Cc, label: Label) {
        if let Some(to) = self.bound(label) {
            let rel = to as i32 - self.pos as i32 - 2;
            if rel >= -128 {
                return self.raw(0x70 | cc as u64 | u64::from(rel as u8) << 8, 2);
            }
        }
        self.put(0x800f | (cc as u64) << 8, 2, 0, 4);
        self.fixup32(label);
    }
    /// A `jmp`, `jcc` or `call` to `label` (if none, [`Emit::lead_here`] says where to) whose rel32
    /// field is 4-byte aligned; gives the field's offset. `fused` = start of a compare just emitted: the padding goes before it, since a NOP
    /// between the two would prevent their fusion.
    pub fn patchable(&mut self, branch: Branch, label: Option<Label>, fused: Option<u32>) -> u32 {
        let (bytes, len) = match branch {
            Branch::Jmp => (0xe9, 1),
            Branch::Call => (0xe8, 1),
            Branch::Jcc(cc) => (0x800f | (cc as u64) << 8, 2),
        };
        let pad = (self.pos + len as usize).wrapping_neg() & 3;
        if len == 1 {
            // Prefixes without a meaning here cost nothing to execute.
            let prefixes = IGNORED & ((1 << (pad * 8)) - 1);
            self.put(bytes << (pad * 8) | prefixes, len + pad as u32, 0, 4);
        } else {
            if pad != 0 {
                self.pad(pad, fused);
            }
            self.put(bytes, len, 0, 4);
        }
        if let Some(label) = label {
            self.fixup32(label);
        }
        self.pos as u32 - 4
    }
    /// A NOP of 1..=3 bytes before what was emitted from `fused` on (a few bytes), or here.
    fn pad(&mut self, pad: usize, fused: Option<u32>) {
        let (from, end) = (fused.map_or(self.pos, |p| p as usize), self.pos);
        self.nop(pad as u32);
        if from == end {
            return;
        }
        let nop = NOPS[pad];
        match self.buf.get_mut(from..).and_then(|rest| rest.first_chunk_mut::<16>()) {
            Some(room) if end + pad <= from + 16 => {
                let moved = u128::from_le_bytes(*room) << (pad * 8) | u128::from(nop);
                *room = moved.to_le_bytes();
            }
            _ => {
                self.buf.copy_within(from..end, from + pad);
                self.buf[from..from + pad].copy_from_slice(&nop.to_le_bytes()[..pad]);
            }
        }
        for at in self.wide.iter_mut().rev().take_while(|at| **at as usize >= from) {
            *at += pad as u32;
        }
    }
    /// Fills up to a multiple of `size` bytes from the unit's start; not to be executed.
    pub fn align(&mut self, size: usize) {
        while !self.pos.is_multiple_of(size) {
            self.raw(0xcc, 1);
            self.insns -= 1;
        }
    }
    /// A NOP of 1..=8 bytes.
    pub fn nop(&mut self, len: u32) {
        self.raw(NOPS[len as usize], len);
    }
    /// A short forward `jcc`; ended by [`Emit::bind_short`].
    pub fn jcc_short(&mut self, cc: Cc) -> Short {
        self.raw(0x70 | cc as u64, 2);
        Short(self.pos)
    }
    /// A short forward `jmp`.
    pub fn jmp_short(&mut self) -> Short {
        self.raw(0xeb, 2);
        Short(self.pos)
    }
    /// Places the destination of a short branch here.
    ///
    /// # Panics
    /// If it is further than 127 bytes away.
    pub fn bind_short(&mut self, short: Short) {
        let distance = self.pos - short.0;
        assert!(distance < 128, "short branch too long");
        self.buf[short.0 - 1] = distance as u8;
    }
    /// A memory operand for the 16-byte constant `v`, 16-byte aligned at the unit's end.
    pub fn constant(&mut self, v: u128) -> Mem {
        let n = self.pool.iter().position(|&x| x == v).unwrap_or_else(|| {
            self.pool.push(v);
            self.pool.len() - 1
        });
        Mem::pool(n as u32)
    }

    // --- instruction formats

    /// Legacy encoding with two registers. `rex`: a byte register that needs a REX prefix.
    #[inline(always)]
    pub(crate) fn legacy_rr(&mut self, code: Code, reg: u8, rm: u8, rex: bool, imm: Imm) {
        let (op, op_len) = code.opcode();
        let w = u8::from(code.w) << 3 | u8::from(rex) << 7;
        match (code.prefix, imm.bits()) {
            (0, (_, 0)) => self.registers(op, op_len, w, reg, rm),
            (prefix, imm) => self.registers_imm(prefix, op, op_len, w, reg, rm, imm),
        }
    }
    fn registers(&mut self, op: u64, op_len: u32, w: u8, reg: u8, rm: u8) {
        let modrm = u64::from(0xc0 | (reg & 7) << 3 | rm & 7);
        let bits = op | modrm << (op_len * 8);
        self.after_rex(w | (reg & 8) >> 1 | rm >> 3, bits, op_len + 1);
    }
    #[expect(clippy::too_many_arguments, reason = "the parts of an instruction")]
    fn registers_imm(
        &mut self,
        prefix: u8,
        op: u64,
        op_len: u32,
        w: u8,
        reg: u8,
        rm: u8,
        imm: (u64, u32),
    ) {
        let (rex, has_rex) = rex_prefix(w, reg, 0, rm);
        let modrm = u64::from(0xc0 | (reg & 7) << 3 | rm & 7);
        let bits = (op | modrm << (op_len * 8)) << (has_rex * 8) | rex;
        let has_prefix = u32::from(prefix != 0);
        let bits = bits << (has_prefix * 8) | u64::from(prefix);
        self.put(bits, op_len + 1 + has_rex + has_prefix, imm.0, imm.1);
    }
    /// Legacy encoding with a register and memory; `lock` adds that prefix.
    #[inline(always)]
    pub(crate) fn legacy_rm(
        &mut self,
        code: Code,
        reg: u8,
        m: Mem,
        rex: bool,
        lock: bool,
        imm: Imm,
    ) {
        let (op, op_len) = code.opcode();
        let w = u8::from(code.w) << 3 | u8::from(rex) << 7;
        match (code.prefix, lock, imm.bits()) {
            (0, false, (_, 0)) => self.legacy_memory(op, op_len, w, reg, m),
            (prefix, _, imm) => {
                let (lock, has_lock) = if lock { (0xf0, 1) } else { (0, 0) };
                let prefixes = u64::from(prefix) << (has_lock * 8) | lock;
                let count = has_lock + u32::from(prefix != 0);
                self.legacy_memory_imm((prefixes, count), op, op_len, w, reg, m, imm);
            }
        }
    }
    fn legacy_memory(&mut self, op: u64, op_len: u32, w: u8, reg: u8, m: Mem) {
        if m.is_near_state() && op_len == 1 {
            let modrm = u64::from(0x45 | (reg & 7) << 3);
            let bits = op | modrm << 8 | u64::from(m.disp as u8) << 16;
            return self.after_rex(w | (reg & 8) >> 1, bits, 3);
        }
        if !m.is_simple() || op_len > 2 {
            return self.other_memory(op, op_len, w, reg, m);
        }
        let size = m.disp_size();
        let modrm = (size as u8) << 6 | (reg & 7) << 3 | m.base & 7;
        let rest = u64::from(modrm) | u64::from(m.disp as u32) << 8;
        // Opcode, ModRM and displacement are no more than seven bytes.
        let bits = if op_len == 1 { op | rest << 8 } else { op | rest << 16 };
        self.after_rex(w | (reg & 8) >> 1 | m.base >> 3, bits, op_len + 1 + size * size);
    }
    /// A REX prefix of the low bits of `rex` if any is set, or bit 7 for a register that needs it;
    /// and up to seven bytes.
    #[inline(always)]
    fn after_rex(&mut self, rex: u8, bits: u64, len: u32) {
        let room = self.buf.get_mut(self.pos..).and_then(|rest| rest.first_chunk_mut::<16>());
        let Some(room) = room else { return self.after_rex_slowly(rex, bits, len) };
        let has_rex = usize::from(rex != 0);
        room[0] = 0x40 | rex & 15;
        room[has_rex..has_rex + 8].copy_from_slice(&bits.to_le_bytes());
        self.pos += has_rex + len as usize;
        self.insns += 1;
    }
    #[cold]
    #[inline(never)]
    fn after_rex_slowly(&mut self, rex: u8, bits: u64, len: u32) {
        self.grow();
        self.after_rex(rex, bits, len);
    }
    fn other_memory(&mut self, op: u64, op_len: u32, w: u8, reg: u8, m: Mem) {
        let (rex, has_rex) = rex_prefix(w, reg, m.index, m.base);
        let head = Head { bits: op << (has_rex * 8) | rex, len: op_len + has_rex };
        self.memory_with(head, reg, m, 0, 0);
    }
    #[expect(clippy::too_many_arguments, reason = "the parts of an instruction")]
    fn legacy_memory_imm(
        &mut self,
        prefixes: (u64, u32),
        op: u64,
        op_len: u32,
        w: u8,
        reg: u8,
        m: Mem,
        imm: (u64, u32),
    ) {
        let (rex, has_rex) = rex_prefix(w, reg, m.index, m.base);
        let bits = (op << (has_rex * 8) | rex) << (prefixes.1 * 8) | prefixes.0;
        self.memory_with(Head { bits, len: op_len + has_rex + prefixes.1 }, reg, m, imm.0, imm.1);
    }
    /// VEX encoding with registers only. `l`: 256 bits.
    #[inline]
    pub(crate) fn vex_rr(&mut self, code: Code, l: bool, reg: u8, v: u8, rm: u8, imm: Imm) {
        let mut h = Head { bits: 0, len: 0 };
        vex(&mut h, code, l, reg, v, false, rm >> 3 & 1 != 0);
        h.push(code.op);
        h.push(0xc0 | (reg & 7) << 3 | rm & 7);
        let (imm, imm_len) = imm.bits();
        self.put(h.bits, h.len, imm, imm_len);
    }
    /// VEX encoding with memory.
    #[inline]
    pub(crate) fn vex_rm(&mut self, code: Code, l: bool, reg: u8, v: u8, m: Mem, imm: Imm) {
        let mut h = Head { bits: 0, len: 0 };
        vex(&mut h, code, l, reg, v, m.index >> 3 & 1 != 0, m.base >> 3 & 1 != 0);
        h.push(code.op);
        self.memory(h, reg, m, imm.bits());
    }
    /// ModRM, SIB, displacement and immediate of a memory form.
    fn memory(&mut self, h: Head, reg: u8, m: Mem, imm: (u64, u32)) {
        self.memory_with(h, reg, m, imm.0, imm.1);
    }
    #[inline(always)]
    fn memory_with(&mut self, mut h: Head, reg: u8, m: Mem, imm: u64, imm_len: u32) {
        let reg = (reg & 7) << 3;
        if m.base & 0x80 != 0 {
            return self.memory_baseless(h, reg, m, imm, imm_len);
        }
        let size = m.disp_size();
        let (mode, disp_len) = ((size << 6) as u8, size * size);
        let has_index = m.index != Mem::NO;
        let sib = has_index || m.base & 7 == 4;
        h.push(mode | reg | if sib { 4 } else { m.base & 7 });
        let index = if has_index { m.index & 7 } else { 4 };
        h.push_if(sib, m.scale << 6 | index << 3 | m.base & 7);
        let disp = u64::from(m.disp as u32) & ((1 << (disp_len * 8)) - 1);
        self.put(h.bits, h.len, disp | imm << (disp_len * 8), disp_len + imm_len);
    }
    #[inline(never)]
    fn memory_baseless(&mut self, mut h: Head, reg: u8, m: Mem, imm: u64, imm_len: u32) {
        if m.base != Mem::NO {
            h.push(reg | 5);
            self.put(h.bits, h.len, imm << 32, 4 + imm_len);
            let end = self.pos as u32;
            let bit = if m.base == Mem::POOL { POOL_BIT } else { 0 };
            self.fixups.push(Fixup { at: end - imm_len - 4, end, to: m.disp as u32 | bit });
            return;
        }
        h.push(reg | 4);
        let index = if m.index == Mem::NO { 4 } else { m.index & 7 };
        h.push(m.scale << 6 | index << 3 | 5);
        self.put(h.bits, h.len, u64::from(m.disp as u32) | imm << 32, 4 + imm_len);
    }
}

/// A patchable branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Branch {
    /// `jmp rel32`.
    Jmp,
    /// `call rel32`.
    Call,
    /// `jcc rel32`.
    Jcc(Cc),
}

/// CS segment overrides, which near jumps and calls ignore.
const IGNORED: u64 = 0x2e_2e2e;

/// The recommended multi-byte NOPs, by length.
const NOPS: [u64; 9] = [
    0,
    0x90,
    0x9066,
    0x00_1f0f,
    0x0040_1f0f,
    0x00_0044_1f0f,
    0x0000_441f_0f66,
    0x00_0000_0080_1f0f,
    0x0000_0000_0084_1f0f,
];

/// The REX prefix and how many bytes it takes. `w`: bit 3 = REX.W, bit 7 = needed in any case.
#[inline]
fn rex_prefix(w: u8, reg: u8, index: u8, base: u8) -> (u64, u32) {
    let bits = w & 8 | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1 | base >> 3 & 1;
    let needed = (bits != 0) | (w & 0x80 != 0);
    (u64::from(0x40 | bits) & u64::from(needed).wrapping_neg(), needed.into())
}

#[inline]
fn vex(h: &mut Head, code: Code, l: bool, reg: u8, v: u8, x: bool, b: bool) {
    let pp = match code.prefix {
        0x66 => 1,
        0xf3 => 2,
        0xf2 => 3,
        _ => 0,
    };
    let r = if reg & 8 == 0 { 0x80 } else { 0 };
    let last = (!v & 15) << 3 | u8::from(l) << 2 | pp;
    if code.map == 1 && !code.w && !x && !b {
        h.push(0xc5);
        h.push(r | last);
    } else {
        h.push(0xc4);
        h.push(r | u8::from(!x) << 6 | u8::from(!b) << 5 | code.map);
        h.push(u8::from(code.w) << 7 | last);
    }
}
