//! Fields of instruction words.

use guest_aarch64::encoding::Line;

/// A field, or None.
pub(super) fn get(line: &Line, word: u32, name: &str) -> Option<u32> {
    line.field(word, name)
}

/// `word` with a field set, if there is one of this name.
pub(super) fn with(line: &Line, word: u32, name: &str, value: u32) -> u32 {
    let Some(&(_, lsb, width)) = line.fields.iter().find(|f| f.0 == name) else { return word };
    let mask = ((1u64 << width) - 1) as u32;
    word & !(mask << lsb) | (value & mask) << lsb
}

/// Whether there is a field of this name.
pub(super) fn has(line: &Line, name: &str) -> bool {
    line.fields.iter().any(|f| f.0 == name)
}
