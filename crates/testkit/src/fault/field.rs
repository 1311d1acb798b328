//! Fields of instruction words.

use isa::Line;

/// A field, or None.
pub(super) fn get(line: &Line, word: u32, name: &str) -> Option<u32> {
    Some(line.field(word.into(), name)? as u32)
}

/// `word` with a field set, if there is one of this name.
pub(super) fn with(line: &Line, word: u32, name: &str, value: u32) -> u32 {
    line.with(word.into(), name, value.into()) as u32
}

/// Whether there is a field of this name.
pub(super) fn has(line: &Line, name: &str) -> bool {
    line.field_named(name).is_some()
}
