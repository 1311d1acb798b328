//! The encodings as data: what `isa/aarch64.isa` says, for tools.

use isa::{Encoding, Line, Table, Units};
use std::sync::LazyLock;

/// Every encoding.
pub static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let encoding = Encoding { units: Units::Little, shortest: 4, length: |_| 4 };
    Table::new(include_str!("generated/table.isa"), encoding)
});

/// The most specific line that describes `word`.
pub fn find(word: u32) -> Option<&'static Line> {
    TABLE.find(word.into(), 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use isa::Generator;

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

    #[test]
    fn every_line_has_words() {
        let mut generator = Generator::new(&TABLE, 1, |_| true);
        assert!(!generator.lines().is_empty());
        for line in TABLE.lines() {
            assert!(generator.word_of(line).is_some(), "{}", line.name);
        }
        assert!(generator.instruction().is_some());
        assert!(Generator::new(&TABLE, 1, |_| false).instruction().is_none());
    }
}
