//! The encodings as data: what `isa/riscv64.isa` says, for tools.

use isa::{Encoding, Table, Units};
use std::sync::LazyLock;

/// Every encoding.
pub static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let encoding = Encoding { units: Units::Little, shortest: 2, length: |code| length(code[0]) };
    Table::new(include_str!("generated/table.isa"), encoding)
});

/// How many bytes the instruction has whose first byte this is. (Longer ones than 4 bytes are
/// reserved; as they are undefined, their lengths do not matter.)
pub(crate) const fn length(first: u8) -> usize {
    if first & 3 == 3 { 4 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isa::Generator;

    #[test]
    fn words_are_found() {
        let name = |code: &[u8]| TABLE.decode(code).map(|(line, ..)| line.name);
        assert_eq!(name(&0x0000_0013u32.to_le_bytes()), Some("addi"));
        assert_eq!(name(&0x0ff0_000fu32.to_le_bytes()), Some("fence"));
        assert_eq!(name(&0x0100_000fu32.to_le_bytes()), Some("pause"));
        assert_eq!(name(&0x0000_0073u32.to_le_bytes()), Some("ecall"));
        assert_eq!(name(&[0x82, 0x80]), Some("c_jr"));
        assert_eq!(name(&[0x02, 0x90]), Some("c_ebreak"));
        assert_eq!(name(&[0x02, 0x80]), None);
        assert_eq!(name(&[0, 0]), None);
    }

    #[test]
    fn every_line_has_words() {
        let mut generator = Generator::new(&TABLE, 1, |_| true);
        for line in TABLE.lines() {
            assert!(generator.word_of(line).is_some(), "{}", line.name);
        }
    }
}
