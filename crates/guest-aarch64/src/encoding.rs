//! The encodings as data: what `isa/aarch64.isa` says, for tools.

use crate::generated::table::BY_CLASS;
use std::sync::LazyLock;

/// Every encoding, in the order of the source.
pub static TABLE: LazyLock<Vec<Line>> =
    LazyLock::new(|| include_str!("generated/table.txt").lines().map(Line::parse).collect());

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
    pub fields: Vec<(&'static str, u8, u8)>,
    /// What else a word must meet.
    pub constraints: Vec<Constraint>,
    /// The manual's heading.
    pub heading: &'static str,
}

/// A number of the table, which was generated.
fn number(text: Option<&str>, radix: u32) -> u32 {
    text.and_then(|text| u32::from_str_radix(text, radix).ok()).expect("a number in the table")
}

impl Line {
    /// Reads a line of the table.
    fn parse(text: &'static str) -> Self {
        let mut columns = text.split('\t');
        let mut column = || columns.next().expect("a column of the table");
        Self {
            name: column(),
            section: column(),
            feature: column(),
            implemented: column() == "1",
            mask: number(Some(column()), 16),
            value: number(Some(column()), 16),
            ones: number(Some(column()), 16),
            fields: column().split_terminator(' ').map(field).collect(),
            constraints: column().split_terminator(' ').map(Constraint::parse).collect(),
            heading: column(),
        }
    }

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

/// Reads `NAME:LSB:WIDTH`.
fn field(text: &'static str) -> (&'static str, u8, u8) {
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    (name, number(parts.next(), 10) as u8, number(parts.next(), 10) as u8)
}

/// A demand on concatenated fields.
#[derive(Debug)]
pub struct Constraint {
    /// Lowest bit and width, most significant first.
    pub parts: Vec<(u8, u8)>,
    /// What the value must meet.
    pub test: Test,
}

impl Constraint {
    /// Reads `TEST:A:B,LSB:WIDTH,...`.
    fn parse(text: &str) -> Self {
        let mut parts = text.split(',');
        let mut test = parts.next().unwrap_or_default().split(':');
        let kind = test.next();
        let (a, b) = (number(test.next(), 10), number(test.next(), 10));
        let test = match kind {
            Some("not") => Test::Not(a, b),
            Some("in") => Test::In(a, b),
            _ => Test::Any(a),
        };
        let part = |text: &str| {
            let (lsb, width) = text.split_once(':').unwrap_or_default();
            (number(Some(lsb), 10) as u8, number(Some(width), 10) as u8)
        };
        Self { parts: parts.map(part).collect(), test }
    }

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
