//! From prefixes, opcode and ModRM to the line of the table.
//!
//! `MAPS` has an entry for each opcode: 0 if there is none, else where its candidates start, with
//! [`MODRM`] if the opcode has a ModRM byte and [`SPLIT`] if the entry is the first of 16 in `SPLITS`, one
//! for each value of ModRM's middle field, for memory and for registers. The candidates are tried in
//! order; the first whose bits of the key are right is the line.

use super::Op;
use super::prefix::Head;
use super::{Bits, Prefixes};
use crate::generated::rows::{CANDIDATES, MAPS, SPLITS};

/// A line that an opcode may mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Bits of the key that matter.
    pub(crate) mask: u16,
    /// Their values.
    pub(crate) value: u16,
    /// The line.
    pub(crate) op: Op,
    /// There are no more.
    pub(crate) last: bool,
}

/// The opcode has a ModRM byte.
const MODRM: u16 = 0x8000;
/// There is an entry for each value of its middle field.
const SPLIT: u16 = 0x4000;

/// The entry of the opcode.
#[inline]
pub(super) fn entry(head: &Head) -> u16 {
    MAPS[usize::from(head.map)][usize::from(head.opcode)]
}

/// Whether the opcode has a ModRM byte.
#[inline]
pub(super) fn has_modrm(entry: u16) -> bool {
    entry & MODRM != 0
}

/// The line.
#[inline]
pub(super) fn find(entry: u16, head: &Head, modrm: u8) -> Option<Op> {
    let mut at = usize::from(entry & !(MODRM | SPLIT));
    if entry & SPLIT != 0 {
        at = usize::from(SPLITS[at][usize::from(modrm >> 3 & 7 | u8::from(modrm >= 0xc0) << 3)]);
        if at == 0 {
            return None;
        }
    }
    let key = key(head, modrm);
    loop {
        let candidate = &CANDIDATES[at];
        if (key ^ candidate.value) & candidate.mask == 0 {
            return Some(candidate.op);
        }
        if candidate.last {
            return None;
        }
        at += 1;
    }
}

/// What candidates test (`xtask/src/codegen/opcode.rs` knows these bits as well): F2, F2 or F3, 66, W, L, a
/// register in ModRM, its middle field (3 bits), its last field (3 bits), REX.B, 64-bit mode.
#[inline]
fn key(head: &Head, modrm: u8) -> u16 {
    let prefixes = u16::from(head.prefixes.0);
    let flag = |bit: u8, at: u32| u16::from(head.prefixes.0 & bit != 0) << at;
    debug_assert!(prefixes < 0x80);
    flag(Prefixes::REPNE, 0)
        | flag(Prefixes::REP | Prefixes::REPNE, 1)
        | flag(Prefixes::SIZE, 2)
        | flag(Prefixes::W, 3)
        | u16::from(head.long) << 4
        | u16::from(modrm >= 0xc0) << 5
        | u16::from(modrm >> 3 & 7) << 6
        | u16::from(modrm & 7) << 9
        | u16::from(head.b != 0) << 12
        | u16::from(head.bits == Bits::B64) << 13
}
