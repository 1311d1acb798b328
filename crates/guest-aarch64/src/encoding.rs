//! The encodings as data: what `isa/aarch64.isa` says, for tools.

use crate::generated::table::BY_CLASS;
pub use crate::generated::table::TABLE;

/// An encoding.
#[derive(Debug)]
pub struct Line {
    /// Its name, which is that of the function that translates it.
    pub name: &'static str,
    /// The group it is listed in.
    pub section: &'static str,
    /// The feature that brought it; empty for Armv8.0.
    pub feature: &'static str,
    /// Whether guests can execute it.
    pub implemented: bool,
    /// Fixed bits.
    pub mask: u32,
    /// Their values.
    pub value: u32,
    /// Ignored bits that should be one.
    pub ones: u32,
    /// Name, lowest bit and width of the fields, most significant first.
    pub fields: &'static [(&'static str, u8, u8)],
    /// What else a word must meet.
    pub constraints: &'static [Constraint],
    /// The manual's heading.
    pub heading: &'static str,
}

impl Line {
    /// Whether this line describes `word` (there may be a more specific one).
    pub fn matches(&self, word: u32) -> bool {
        word & self.mask == self.value && self.constraints.iter().all(|c| c.holds(word))
    }

    /// A field of `word`.
    pub fn field(&self, word: u32, name: &str) -> Option<u32> {
        let &(_, lsb, width) = self.fields.iter().find(|f| f.0 == name)?;
        Some(bits(word, lsb, width))
    }
}

/// A demand on concatenated fields.
#[derive(Debug)]
pub struct Constraint {
    /// Lowest bit and width, most significant first.
    pub parts: &'static [(u8, u8)],
    /// What the value must meet.
    pub test: Test,
}

impl Constraint {
    /// Whether `word` meets it.
    pub fn holds(&self, word: u32) -> bool {
        let value = self.parts.iter().fold(0, |v, &(lsb, w)| v << w | bits(word, lsb, w));
        match self.test {
            Test::Not(lo, hi) => value < lo || value > hi,
            Test::In(lo, hi) => value >= lo && value <= hi,
            Test::Any(mask) => value & mask != 0,
        }
    }
}

/// The test of a constraint.
#[derive(Debug)]
pub enum Test {
    /// Not in this range (inclusive).
    Not(u32, u32),
    /// In this range (inclusive).
    In(u32, u32),
    /// At least one of these bits is set.
    Any(u32),
}

/// The bits of a field.
fn bits(word: u32, lsb: u8, width: u8) -> u32 {
    word >> lsb & ((1 << width) - 1)
}

/// The most specific line that describes `word`.
pub fn find(word: u32) -> Option<&'static Line> {
    let class = BY_CLASS[(word >> 25 & 15) as usize];
    class.iter().map(|&i| &TABLE[usize::from(i)]).find(|l| l.matches(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found() {
        let name = |word| find(word).map(|l| l.name);
        assert_eq!(name(0x9100_0421), Some("add_imm"));
        assert_eq!(name(0xd503_201f), Some("nop"));
        assert_eq!(name(0xd65f_03c0), Some("ret"));
        assert_eq!(name(0xf9800000), Some("prfm_uimm"));
        assert_eq!(name(0x4e22_1c20), Some("and_v"));
        assert_eq!(name(0x0f00_0400), Some("movi_v"));
        assert_eq!(name(0x0f00_1400), Some("orr_imm_v"));
    }
}
