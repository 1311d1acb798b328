//! What the quick look over a block ([`guest::scan`]) asks of each instruction.

use crate::encoding::length;
use guest::block::BLOCK_INSNS_MAX;
use guest::scan::{Kind, Look};

/// Most bytes of a block.
pub(crate) const BLOCK_BYTES_MAX: usize = BLOCK_INSNS_MAX * 4;

/// Instructions of two or four bytes.
pub(crate) struct Rv64;

impl Look for Rv64 {
    const SHORTEST: usize = 2;
    #[inline]
    fn look(code: &[u8]) -> Option<(usize, Kind)> {
        if code.len() < 2 || code.len() < length(code[0]) {
            return None;
        }
        let (word, len) = word(code);
        Some((len, if len == 2 { compressed(word) } else { full(word) }))
    }
}

/// The instruction at the start of `code`, which is whole: its bits, zero-extended, and its length.
pub(crate) fn word(code: &[u8]) -> (u32, usize) {
    let low = u32::from(u16::from_le_bytes([code[0], code[1]]));
    match length(code[0]) {
        2 => (low, 2),
        _ => (low | u32::from(u16::from_le_bytes([code[2], code[3]])) << 16, 4),
    }
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
