//! All encodings of a guest, and the search for the one that describes an instruction.

use crate::line::{Line, Part, value};
use crate::parse::{Source, parse};

/// How the bits of an instruction stand in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Units {
    /// As one little-endian number.
    Little,
    /// As little-endian halfwords, the most significant one first.
    LittleHalves,
    /// As one big-endian number.
    Big,
}

/// How a guest's instructions stand in memory.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    /// The order of bytes.
    pub units: Units,
    /// The shortest instruction's bytes.
    pub shortest: usize,
    /// How many bytes the instruction has that starts with these [`Encoding::shortest`] bytes.
    pub length: fn(&[u8]) -> usize,
}

impl Encoding {
    /// The bytes of an instruction of `len` bytes.
    pub fn bytes(&self, word: u64, len: usize) -> Vec<u8> {
        match self.units {
            Units::Little => word.to_le_bytes()[..len].to_vec(),
            Units::Big => word.to_be_bytes()[8 - len..].to_vec(),
            Units::LittleHalves => {
                let halves = word.to_be_bytes()[8 - len..].to_vec();
                halves.chunks(2).flat_map(|half| [half[1], half[0]]).collect()
            }
        }
    }
    /// The instruction at the start of `code`, and its length in bytes; None if it is not whole.
    pub fn word(&self, code: &[u8]) -> Option<(u64, usize)> {
        let len = (self.length)(code.get(..self.shortest)?);
        let code = code.get(..len)?;
        let number = |word: u64, byte: &u8| word << 8 | u64::from(*byte);
        let word = match self.units {
            Units::Little => code.iter().rev().fold(0, number),
            Units::Big => code.iter().fold(0, number),
            Units::LittleHalves => {
                code.chunks(2).fold(0, |word, half| half.iter().rev().fold(word, number))
            }
        };
        Some((word, len))
    }
}

/// Lines of one length by the class of a word.
#[derive(Debug)]
struct Index {
    bits: u32,
    class: Vec<Part>,
    /// Most specific first.
    lines: Vec<Vec<u16>>,
}

/// All encodings of a guest.
#[derive(Debug)]
pub struct Table {
    /// How they stand in memory.
    pub encoding: Encoding,
    lines: Vec<Line>,
    indexes: Vec<Index>,
}

impl Table {
    /// Reads a file that codegen has checked.
    ///
    /// # Panics
    /// If it is wrong.
    pub fn new(text: &'static str, encoding: Encoding) -> Self {
        let mut source = Source::default();
        parse(text, &mut source).expect("codegen has read it");
        let Source { lines, classes } = source;
        let index = |(bits, class): (u32, Vec<Part>)| {
            let all = class.iter().fold(0, |mask, p| mask | p.mask());
            let count = 1 << class.iter().map(|p| p.width).sum::<u32>();
            let of_class = |n: u64| {
                let word = class.iter().fold(0, |word, p| word | p.insert(n));
                let describes = |l: &Line| l.bits == bits && (l.value ^ word) & l.mask & all == 0;
                let mut members: Vec<_> =
                    (0u16..).zip(&lines).filter(|(_, l)| describes(l)).collect();
                members.sort_by_key(|(_, l)| std::cmp::Reverse(l.mask.count_ones()));
                members.into_iter().map(|(n, _)| n).collect()
            };
            Index { bits, lines: (0..count).map(of_class).collect(), class }
        };
        let indexes = classes.into_iter().map(index).collect();
        Self { encoding, indexes, lines }
    }

    /// Every encoding, in the order of the source.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
    /// The line of this name.
    pub fn named(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|l| l.name == name)
    }
    /// The most specific line that describes `word`, an instruction of `len` bytes.
    pub fn find(&self, word: u64, len: usize) -> Option<&Line> {
        let index = self.indexes.iter().find(|i| i.bits as usize == len * 8)?;
        let lines = &index.lines[value(&index.class, word) as usize];
        lines.iter().map(|&n| &self.lines[usize::from(n)]).find(|l| l.matches(word))
    }
    /// The instruction at the start of `code`: its line, its word and its length in bytes.
    pub fn decode(&self, code: &[u8]) -> Option<(&Line, u64, usize)> {
        let (word, len) = self.encoding.word(code)?;
        Some((self.find(word, len)?, word, len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_words_are_the_same_instruction() {
        for (units, bytes) in [
            (Units::Little, [4, 3, 2, 1]),
            (Units::LittleHalves, [2, 1, 4, 3]),
            (Units::Big, [1, 2, 3, 4]),
        ] {
            let encoding = Encoding { units, shortest: 2, length: |_| 4 };
            assert_eq!(encoding.bytes(0x0102_0304, 4), bytes);
            assert_eq!(encoding.word(&bytes), Some((0x0102_0304, 4)));
            assert_eq!(encoding.word(&bytes[..3]), None);
        }
    }

    #[test]
    fn the_more_specific_line_wins_and_lengths_are_apart() {
        let text = "%class 16 15\n%class 32 31\nall a:16 # ALL\none 1 a:15 # ONE\nlong a:32 # LONG";
        let encoding =
            Encoding { units: Units::Big, shortest: 2, length: |b| 2 + usize::from(b[0] & 2) };
        let table = Table::new(text, encoding);
        let name = |code: &[u8]| table.decode(code).map(|(line, ..)| line.name);
        assert_eq!(name(&[0, 0]), Some("all"));
        assert_eq!(name(&[0x80, 0]), Some("one"));
        assert_eq!(name(&[0x82, 0]), None);
        assert_eq!(name(&[0x82, 0, 0, 0]), Some("long"));
    }
}
