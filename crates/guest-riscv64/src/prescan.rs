//! A quick look over straight-line code before it is translated: where its instructions are, where it
//! ends, and which of its instructions are destinations of its own branches.

use crate::encoding::length;
use crate::translator::{BLOCK_INSNS_MAX, PAGE};
use guest::{AT_ONCE, Fetch};

/// Most bytes of a block.
const BLOCK_BYTES_MAX: usize = BLOCK_INSNS_MAX * 4;

/// What [`scan`] found.
pub(crate) struct Scan {
    /// Instructions up to and including the one that ends the block.
    pub(crate) insns: usize,
    /// Bit n, but for n = 0: instruction n is the destination of a direct branch among them.
    pub(crate) targets: u64,
    /// Where each instruction starts, in bytes from the block's start, and where the last one ends.
    pub(crate) offsets: [u16; BLOCK_INSNS_MAX + 1],
    code: [u8; BLOCK_BYTES_MAX],
    /// The number of the instruction at each multiple of two bytes, or [`NONE`].
    numbers: [u8; BLOCK_BYTES_MAX / 2],
}

/// No instruction starts here.
const NONE: u8 = u8::MAX;

impl Scan {
    /// Instruction `n`: its bits, zero-extended, and its length in bytes.
    pub(crate) fn instruction(&self, n: usize) -> (u32, usize) {
        let at = usize::from(self.offsets[n]);
        word(&self.code[at..])
    }
    /// The number of the instruction at `pc` of a block from `start`.
    pub(crate) fn number(&self, start: u64, pc: u64) -> Option<usize> {
        let at = usize::try_from(pc.wrapping_sub(start) / 2).ok()?;
        let number = *self.numbers.get(at)?;
        (number != NONE).then_some(usize::from(number))
    }
    /// Whether an unconditional branch of instruction `n` to instruction `target` just skips code of the
    /// same block that an earlier branch leads to, as at the end of the first arm of an if-else: the
    /// block goes on there.
    pub(crate) fn over_reachable(&self, n: usize, target: usize) -> bool {
        n < 63 && target > n + 1 && self.targets >> (n + 1) & 1 != 0
    }
}

/// The instruction at the start of `code`, which is whole.
fn word(code: &[u8]) -> (u32, usize) {
    let low = u32::from(u16::from_le_bytes([code[0], code[1]]));
    match length(code[0]) {
        2 => (low, 2),
        _ => (low | u32::from(u16::from_le_bytes([code[2], code[3]])) << 16, 4),
    }
}

/// Reads up to `limit` instructions from `pc`; `brief`: up to the first branch.
pub(crate) fn scan(fetch: &mut dyn Fetch, pc: u64, limit: usize, brief: bool) -> Scan {
    let mut scan = Scan {
        insns: 0,
        targets: 0,
        offsets: [0; BLOCK_INSNS_MAX + 1],
        code: [0; BLOCK_BYTES_MAX],
        numbers: [NONE; BLOCK_BYTES_MAX / 2],
    };
    let mut known = Known { pc, clear: if brief { usize::MAX } else { 2 }, first: usize::MAX };
    // Where branches go, in bytes; those to the middle of instructions leave.
    let mut branches = [0u16; BLOCK_INSNS_MAX];
    let mut count = 0;
    let mut read = Reader { pc, bytes: 0, ended: false };
    let page = (PAGE - pc % PAGE) as usize;
    let mut at = 0;
    while scan.insns < limit && at < page {
        if known.is(fetch, at) {
            // A loop stays together, even if it has been entered in the middle.
            let end = page.min(BLOCK_BYTES_MAX).min(at + AT_ONCE);
            read.up_to(fetch, &mut scan.code, end);
            if !loops_back(&scan.code[..read.bytes.min(end)], at) {
                break;
            }
            known.clear = usize::MAX;
        }
        if !read.up_to(fetch, &mut scan.code, at + 2) {
            break;
        }
        let len = length(scan.code[at]);
        if !read.up_to(fetch, &mut scan.code, at + len) {
            break;
        }
        let (word, _) = word(&scan.code[at..]);
        scan.offsets[scan.insns] = at as u16;
        scan.numbers[at / 2] = scan.insns as u8;
        let kind = if len == 2 { compressed(word) } else { full(word) };
        scan.insns += 1;
        match kind {
            Kind::Other => {}
            Kind::End => {
                at += len;
                break;
            }
            Kind::Branch(_) | Kind::Jump(_) if brief => {
                at += len;
                break;
            }
            Kind::Branch(distance) | Kind::Jump(distance) => {
                let target = at as i64 + i64::from(distance);
                // The start of the block is none: a branch there is an exit, which back ends make a
                // loop.
                let inside = (1..BLOCK_BYTES_MAX as i64).contains(&target) && distance != 0;
                if inside {
                    branches[count] = target as u16;
                    count += 1;
                }
                let next = (at + len) as u16;
                let jump = matches!(kind, Kind::Jump(_));
                // After a jump the block goes on only with code that is reached otherwise.
                let over =
                    inside && target > i64::from(next) && branches[..count - 1].contains(&next);
                if distance == 0 || jump && !over {
                    at += len;
                    break;
                }
            }
        }
        at += len;
    }
    scan.offsets[scan.insns] = at as u16;
    for &target in &branches[..count] {
        if let Some(number @ 1..) = scan.number(0, u64::from(target)) {
            scan.targets |= 1 << number;
        }
    }
    scan
}

/// Whether an instruction of `code` from `at` on branches to the start of it.
fn loops_back(code: &[u8], mut at: usize) -> bool {
    while at + 4 <= code.len() {
        let (word, len) = word(&code[at..]);
        let kind = if len == 2 { compressed(word) } else { full(word) };
        if let Kind::Branch(distance) | Kind::Jump(distance) = kind
            && at as i64 + i64::from(distance) == 0
        {
            return true;
        }
        at += len;
    }
    false
}

/// Finds code that is translated already.
struct Known {
    pc: u64,
    /// What starts before this, but for the block itself, has been asked for.
    clear: usize,
    /// The last one found.
    first: usize,
}

impl Known {
    /// Whether the code at `at` bytes from the block's start is translated already; to be asked for
    /// rising ones.
    fn is(&mut self, fetch: &mut dyn Fetch, at: usize) -> bool {
        while at >= self.clear && self.clear < BLOCK_BYTES_MAX {
            let from = self.clear - 2;
            let unknown = fetch.unknown(self.pc.wrapping_add(from as u64), AT_ONCE);
            if unknown < AT_ONCE {
                self.first = from + unknown;
            }
            self.clear = from + unknown.min(AT_ONCE - 2) + 2;
        }
        at == self.first && at != 0
    }
}

/// Reads code in pieces.
struct Reader {
    pc: u64,
    bytes: usize,
    ended: bool,
}

impl Reader {
    /// Reads on until there are `wanted` bytes; says whether there are.
    fn up_to(&mut self, fetch: &mut dyn Fetch, code: &mut [u8], wanted: usize) -> bool {
        if self.bytes < wanted && !self.ended {
            let end = code.len().min(self.bytes + AT_ONCE);
            let pc = self.pc.wrapping_add(self.bytes as u64);
            let piece = &mut code[self.bytes..end];
            let read = fetch.bytes(pc, piece);
            self.ended = read < piece.len();
            self.bytes += read;
        }
        self.bytes >= wanted
    }
}

/// What an instruction does to the flow of control, and how far it goes.
enum Kind {
    Other,
    Branch(i32),
    Jump(i32),
    End,
}

/// Of an instruction of 32 bits.
fn full(w: u32) -> Kind {
    match w & 0x7f {
        0x63 => {
            let sign = (w.cast_signed() >> 31 << 12).cast_unsigned();
            let low = (w >> 25 & 0x3f) << 5 | (w >> 8 & 15) << 1;
            Kind::Branch((sign | (w >> 7 & 1) << 11 | low).cast_signed())
        }
        // One that writes a link leaves even if its destination is here.
        0x6f if w >> 7 & 31 != 0 => Kind::End,
        0x6f => {
            let sign = (w.cast_signed() >> 31 << 20).cast_unsigned();
            let low = (w >> 20 & 1) << 11 | (w >> 21 & 0x3ff) << 1;
            Kind::Jump((sign | w & 0xff000 | low).cast_signed())
        }
        0x67 => Kind::End,
        // ECALL and EBREAK.
        0x73 if w >> 12 & 7 == 0 => Kind::End,
        _ => Kind::Other,
    }
}

/// Of an instruction of 16 bits.
fn compressed(w: u32) -> Kind {
    let bit = |from: u32, to: u32| (w >> from & 1) << to;
    match (w & 3, w >> 13) {
        // All zeros is undefined.
        (0, 0) if w == 0 => Kind::End,
        (1, 5) => {
            let value = bit(12, 11) | bit(11, 4) | (w >> 9 & 3) << 8 | bit(8, 10) | bit(7, 6);
            let value = value | bit(6, 7) | (w >> 3 & 7) << 1 | bit(2, 5);
            Kind::Jump((value << 20).cast_signed() >> 20)
        }
        (1, 6 | 7) => {
            let value = bit(12, 8) | (w >> 10 & 3) << 3 | (w >> 5 & 3) << 6;
            let value = value | (w >> 3 & 3) << 1 | bit(2, 5);
            Kind::Branch((value << 23).cast_signed() >> 23)
        }
        // JR, JALR, EBREAK.
        (2, 4) if w >> 2 & 31 == 0 => Kind::End,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::TABLE;
    use isa::{Generator, value};

    /// The quick look finds the same distances as the table.
    #[test]
    fn distances_are_those_of_the_table() {
        let mut generator = Generator::new(&TABLE, 3, |_| true);
        for line in TABLE.lines() {
            for _ in 0..200 {
                let Some(word) = generator.word_of(line) else { continue };
                let kind =
                    if line.bits == 16 { compressed(word as u32) } else { full(word as u32) };
                let imm = line.field_named("imm").map_or(0, |f| f.signed(word) as i32);
                let link = line.field_named("rd").map_or(0, |f| value(&f.parts, word));
                match (line.name, kind) {
                    ("jal", Kind::End) => assert_ne!(link, 0),
                    ("jal" | "c_j", Kind::Jump(d)) => assert_eq!(d, imm, "{}", line.name),
                    (
                        "beq" | "bne" | "blt" | "bge" | "bltu" | "bgeu" | "c_beqz" | "c_bnez",
                        Kind::Branch(d),
                    ) => assert_eq!(d, imm, "{}", line.name),
                    ("jalr" | "c_jr" | "c_jalr" | "ecall" | "ebreak" | "c_ebreak", Kind::End) => {}
                    ("wrs_nto" | "wrs_sto", Kind::End) => {}
                    (_, Kind::Other) => {}
                    (name, _) => panic!("{name}: {word:x}"),
                }
            }
        }
    }
}
