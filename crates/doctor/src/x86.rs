//! Which level of x86-64 a program needs, from its GNU properties.

/// The words for the bits of `GNU_PROPERTY_X86_ISA_1_NEEDED`.
const LEVELS: [&str; 4] = ["x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"];

/// The bits that the program needs, of a head that reaches to its notes.
pub(crate) fn needed(head: &[u8]) -> Option<u32> {
    const PT_GNU_PROPERTY: u32 = 0x6474_e553;
    const NEEDED: u32 = 0xc000_8002;
    let word = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
    let half = |at: usize| Some(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?));
    let (table, size, count) = (usize::try_from(long(32)?).ok()?, half(54)?, half(56)?);
    let header = (0..usize::from(count))
        .filter_map(|i| table.checked_add(i * usize::from(size)))
        .find(|at| word(*at) == Some(PT_GNU_PROPERTY))?;
    let from = usize::try_from(long(header + 8)?).ok()?;
    let end = from.checked_add(usize::try_from(long(header + 32)?).ok()?)?;
    // One note, called `GNU`, whose properties are aligned to 8 bytes.
    let mut at = from.checked_add(16)?;
    while at.checked_add(12)? <= end {
        let (kind, len) = (word(at)?, word(at + 4)? as usize);
        if kind == NEEDED && len == 4 {
            return word(at + 8);
        }
        at = at.checked_add(8)?.checked_add(len.checked_next_multiple_of(8)?)?;
    }
    None
}

/// What `bits` are called: the highest level among them.
pub(crate) fn name(bits: u32) -> String {
    match bits.checked_ilog2() {
        Some(top) => LEVELS.get(top as usize).map_or_else(
            || format!("a level that has no name yet (bits {bits:#x})"),
            |l| (*l).to_owned(),
        ),
        None => LEVELS[0].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with that property after another one.
    fn program(bits: u32) -> Vec<u8> {
        let mut elf = vec![0; 64 + 56];
        elf[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0");
        elf[32] = 64;
        elf[54] = 56;
        elf[56] = 1;
        elf[64..68].copy_from_slice(&0x6474_e553_u32.to_le_bytes());
        elf[72] = 120;
        elf[96] = 48;
        for word in [4, 32, 5, 0x0055_4e47, 0xc000_0002, 4, 3, 0, 0xc000_8002, 4, bits, 0] {
            elf.extend(word.to_le_bytes());
        }
        elf
    }

    #[test]
    fn the_property_is_found() {
        assert_eq!(needed(&program(0b11)), Some(3));
        assert_eq!(name(0b111), "x86-64-v3");
        assert_eq!(needed(b"\x7fELF"), None);
        let mut cut = program(1);
        for len in (0..cut.len()).rev() {
            cut.truncate(len);
            let _ = needed(&cut);
        }
    }
}
