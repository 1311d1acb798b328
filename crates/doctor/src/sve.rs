//! Instructions of SVE in an arm64 program: what compilers put at the start of every loop of vectors.
//! A program built for SVE as a whole dies of SIGILL where there is none; one that asks first
//! (getauxval, or its C library inside of it) has them too, beside others.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use binfmt::interpreter;

/// The most that is read of a program.
const LARGEST: u64 = 64 << 20;

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    /// PTRUE, WHILELO and their like; none where there is no PTRUE, as data looks like the others.
    pub(crate) instructions: usize,
    /// Whether the program can find out what processor there is.
    pub(crate) asks: bool,
}

/// PTRUE, of any element size (Arm ARM C8.2): the bits that are fixed, and their values.
const PTRUE: (u32, u32) = (0xff3f_fc10, 0x2518_e000);
/// WHILELT, WHILELE, WHILELO and WHILELS.
const WHILE: (u32, u32) = (0xff20_e400, 0x2520_0400);

/// Looks at the executable segments of `file`, which begins with `head`.
pub(crate) fn look(file: &File, head: &[u8]) -> Option<Found> {
    const PT_LOAD: u32 = 1;
    const PF_X: u32 = 1;
    let half = |at: usize| Some(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
    let (table, size, count) = (usize::try_from(long(32)?).ok()?, half(54)?, half(56)?);
    // The C library of a static program is in it.
    let (mut counts, mut asks) = ([0, 0], interpreter::loader(head).is_none());
    for i in 0..usize::from(count) {
        let at = table.checked_add(i * usize::from(size))?;
        let (Some(kind), Some(flags)) = (word(at), word(at + 4)) else { break };
        if kind != PT_LOAD {
            continue;
        }
        let (from, len) = (long(at + 8)?, long(at + 32)?.min(LARGEST));
        let mut bytes = vec![0; usize::try_from(len).ok()?];
        file.read_exact_at(&mut bytes, from).ok()?;
        if flags & PF_X != 0 {
            counts = std::array::from_fn(|i| counts[i] + matching(&bytes, [PTRUE, WHILE][i]));
        }
        asks |= bytes.windows(9).any(|w| w == b"getauxval");
    }
    let instructions = if counts[0] > 0 { counts[0] + counts[1] } else { 0 };
    Some(Found { instructions, asks })
}

fn matching(code: &[u8], (mask, value): (u32, u32)) -> usize {
    let words = code.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]));
    words.filter(|w| w & mask == value).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_of_vectors_are_recognised() {
        // ptrue p0.b; whilelo p0.s, wzr, w1; whilelo p1.d, x2, x3; nop; add x0, x0, #1
        let code = [0x2518_e3e0_u32, 0x25a1_0fe0, 0x25e3_1c41, 0xd503_201f, 0x9100_0400];
        let bytes: Vec<u8> = code.iter().flat_map(|w| w.to_le_bytes()).collect();
        assert_eq!([matching(&bytes, PTRUE), matching(&bytes, WHILE)], [1, 2]);
    }
}
