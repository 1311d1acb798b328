//! Whether a file can be a program at all: what the kernel, or an emulator's loader, refuses of it.

/// The program header that names a loader.
const INTERP: u64 = 3;

/// What is wrong with the ELF file that begins with `head` and has `size` bytes.
pub(crate) fn damage(head: &[u8], size: u64) -> Option<String> {
    let file = Elf { head, wide: *head.get(4)? == 2, big: *head.get(5)? == 2 };
    let header = if file.wide { 64 } else { 52 };
    if head.len() < header {
        return Some(format!("it ends after {size} bytes, within its ELF header"));
    }
    let kind = file.number(16, 2)?;
    let kind_is = match kind {
        2 | 3 => None,
        1 => Some("an object file, that is to be linked"),
        4 => Some("a core dump"),
        _ => Some("of no type that can be executed"),
    };
    if let Some(what) = kind_is {
        return Some(format!("it is {what} (e_type {kind})"));
    }
    let [table, entry, count] = match file.wide {
        true => [file.number(32, 8)?, file.number(54, 2)?, file.number(56, 2)?],
        false => [file.number(28, 4)?, file.number(42, 2)?, file.number(44, 2)?],
    };
    if count == 0 {
        return Some("it has no program headers: nothing of it would be loaded".into());
    }
    let expected = if file.wide { 56 } else { 32 };
    if entry != expected {
        return Some(format!("its program headers have {entry} bytes instead of {expected}"));
    }
    if table.checked_add(entry * count).is_none_or(|end| end > size) {
        return Some(format!("it ends after {size} bytes, before its program headers do"));
    }
    let segment_kind = |i| file.number(usize::try_from(table + i * entry).ok()?, 4);
    if kind == 3
        && file.number(24, if file.wide { 8 } else { 4 }) == Some(0)
        && (0..count).all(|i| segment_kind(i).is_some_and(|kind| kind != INTERP))
    {
        return Some("it is a shared library, without a place to start at".into());
    }
    let ends =
        (0..count).filter_map(|i| file.segment_end(usize::try_from(table + i * entry).ok()?));
    let end = ends.max()?;
    (end > size).then(|| format!("it is cut off: a segment reaches to byte {end} of {size}"))
}

struct Elf<'a> {
    head: &'a [u8],
    wide: bool,
    big: bool,
}

impl Elf<'_> {
    fn number(&self, at: usize, size: usize) -> Option<u64> {
        let bytes = self.head.get(at..at.checked_add(size)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }

    /// Where the segment whose header is at `at` ends in the file, if it is loaded or names a loader.
    fn segment_end(&self, at: usize) -> Option<u64> {
        const LOADED: [u64; 2] = [1, INTERP];
        if !LOADED.contains(&self.number(at, 4)?) {
            return None;
        }
        let (from, len) = match self.wide {
            true => (self.number(at + 8, 8)?, self.number(at + 32, 8)?),
            false => (self.number(at + 4, 4)?, self.number(at + 16, 4)?),
        };
        Some(from.saturating_add(len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use binfmt::GuestArch;

    #[test]
    fn every_way_to_cut_a_program_is_seen() {
        for arch in ["arm64", "s390x", "arm", "mips"] {
            let whole = GuestArch::find(arch).and_then(binfmt::probe::build).expect("built in");
            let judge = |bytes: &[u8]| damage(bytes, bytes.len() as u64);
            assert_eq!(judge(&whole), None, "{arch}");
            for len in 6..whole.len() {
                assert!(judge(&whole[..len]).is_some(), "{arch} of {len} bytes");
            }
            for (at, what) in [(16, "e_type"), (if whole[4] == 2 { 56 } else { 44 }, "headers")] {
                let mut bad = whole.clone();
                bad[at..at + 2].fill(0);
                assert!(judge(&bad).is_some_and(|text| text.contains(what)), "{arch} {at}");
            }
        }
    }

    #[test]
    fn a_library_is_no_program() {
        let mut library =
            GuestArch::find("arm64").and_then(binfmt::probe::build).expect("built in");
        let judge = |bytes: &[u8]| damage(bytes, bytes.len() as u64);
        library[16] = 3;
        assert_eq!(judge(&library), None);
        library[24..32].fill(0);
        assert!(judge(&library).is_some_and(|text| text.contains("shared library")));
    }
}
