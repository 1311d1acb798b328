//! A quick look over straight-line code before it is translated: where it ends, and which of its
//! instructions are destinations of its own branches.

use guest::Fetch;

/// What [`scan`] found.
pub(crate) struct Scan {
    /// Instructions up to and including the one that ends the block.
    pub(crate) insns: usize,
    /// Bit n: instruction n is the destination of a direct branch among them.
    pub(crate) targets: u64,
}

/// Whether an unconditional branch at `index` just skips code of the same block that an earlier
/// branch leads to, as at the end of the first arm of an if-else: the block goes on there.
pub(crate) fn over_reachable(targets: u64, index: usize, target: i64) -> bool {
    index < 63 && (index as i64 + 2..64).contains(&target) && targets >> (index + 1) & 1 != 0
}

/// Words that are read at once.
const AT_ONCE: usize = 16;

/// Reads up to `words.len()` instructions from `pc`.
pub(crate) fn scan(fetch: &mut dyn Fetch, pc: u64, words: &mut [u32]) -> Scan {
    let mut targets = 0u64;
    let mut insns = 0;
    while insns < words.len() {
        let at = pc.wrapping_add(insns as u64 * 4);
        if insns != 0 && fetch.known(at) {
            break;
        }
        let end = words.len().min(insns + AT_ONCE);
        let piece = &mut words[insns..end];
        let read = fetch.words(at, piece);
        let mut ended = read < piece.len();
        for &word in &piece[..read] {
            insns += 1;
            // Branches, exceptions and system instructions have op0 = x101 in bits 28..26 = 101.
            let ends = if word & 0x1c00_0000 == 0x1400_0000 {
                branches(word, insns - 1, &mut targets)
            } else {
                word >> 16 == 0
            };
            if ends {
                ended = true;
                break;
            }
        }
        if ended {
            break;
        }
    }
    if insns < 64 {
        targets &= (1 << insns) - 1;
    }
    Scan { insns, targets }
}

/// Notes where the branch, exception or system instruction `word` at `index` goes; says whether
/// it ends the block.
fn branches(word: u32, index: usize, targets: &mut u64) -> bool {
    let distance = match word >> 24 {
        0x54 | 0x34 | 0x35 | 0xb4 | 0xb5 => (word << 8) as i32 >> 13,
        0x36 | 0x37 | 0xb6 | 0xb7 => (word << 13) as i32 >> 18,
        0x74 | 0x75 | 0xf4 | 0xf5 => (word << 18) as i32 >> 23,
        // B; BL leaves even if its destination is here, as it pushes a return address.
        0x14..=0x17 => (word << 6) as i32 >> 6,
        _ => 0,
    };
    let target = index as i64 + i64::from(distance);
    if distance != 0 && (0..64).contains(&target) {
        *targets |= 1 << target;
    }
    match word >> 24 {
        0x54 | 0x34..=0x37 | 0xb4..=0xb7 | 0x74 | 0x75 | 0xf4 | 0xf5 => distance == 0,
        0xd5 => false,
        0x14..=0x17 => !over_reachable(*targets, index, target),
        _ => true,
    }
}
