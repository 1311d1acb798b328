//! A quick look over straight-line code before it is translated: where it ends, and which of its
//! instructions are destinations of its own branches.

use crate::flags;
use guest::Fetch;
use guest::block::Targets;

/// What [`scan`] found.
pub(crate) struct Scan {
    /// Instructions up to and including the one that ends the block.
    pub(crate) insns: usize,
    /// Those that are destinations of direct branches among them.
    pub(crate) targets: Targets,
    /// Each instruction is executed once at most before the block is left.
    pub(crate) straight: bool,
}

/// Words that are read at once.
const AT_ONCE: usize = guest::AT_ONCE / 4;

/// Reads up to `words.len()` instructions from `pc`; `brief`: up to the first branch.
pub(crate) fn scan(fetch: &mut dyn Fetch, pc: u64, words: &mut [u32], brief: bool) -> Scan {
    let mut targets = Targets::default();
    let mut insns = 0;
    let mut loops = false;
    'block: while insns < words.len() {
        let at = pc.wrapping_add(insns as u64 * 4);
        let end = words.len().min(insns + AT_ONCE);
        let piece = &mut words[insns..end];
        let there = guest::words(fetch, at, piece);
        let read = if insns != 0 && !brief && fetch.known(at) {
            // A loop stays together, even if it has been entered in the middle.
            if loops_back(&piece[..there], insns) { there } else { 0 }
        } else {
            fetch.unknown(at, there * 4) / 4
        };
        if read == 0 {
            break;
        }
        let from = insns;
        for index in from..from + read {
            let word = words[index];
            insns = index + 1;
            // Branches, exceptions and system instructions have op0 = x101 in bits 28..26 = 101.
            if word & 0x1c00_0000 != 0x1400_0000 {
                if word >> 16 == 0 {
                    break 'block;
                }
                continue;
            }
            if brief && word >> 24 != 0xd5 {
                break 'block;
            }
            let target = index as i64 + i64::from(distance(word));
            if (1..index as i64).contains(&target) {
                // A loop whose flags are other ones each time round is a block of its own.
                let start = target as usize;
                if words[start..index].iter().any(|&word| flags::overwrites(word)) {
                    insns = start;
                    break 'block;
                }
            }
            loops |= target == 0;
            if branches(word, index, target, &mut targets) {
                break 'block;
            }
        }
    }
    let targets = targets.of_first(insns);
    Scan { insns, targets, straight: !loops && targets == Targets::default() }
}

/// How far a direct branch goes, in instructions; 0 for all others.
fn distance(word: u32) -> i32 {
    match word >> 24 {
        0x54 | 0x34 | 0x35 | 0xb4 | 0xb5 => (word << 8) as i32 >> 13,
        0x36 | 0x37 | 0xb6 | 0xb7 => (word << 13) as i32 >> 18,
        0x74 | 0x75 | 0xf4 | 0xf5 => (word << 18) as i32 >> 23,
        // B; BL leaves even if its destination is here, as it pushes a return address.
        0x14..=0x17 => (word << 6) as i32 >> 6,
        _ => 0,
    }
}

/// Whether one of `words`, of which the first is instruction `index` of a block, branches to the
/// block's start.
fn loops_back(words: &[u32], index: usize) -> bool {
    words.iter().zip(index..).any(|(&word, n)| {
        word & 0x1c00_0000 == 0x1400_0000 && n as i64 + i64::from(distance(word)) == 0
    })
}

/// Notes that the branch, exception or system instruction `word` at `index` goes to `target`; says
/// whether it ends the block.
fn branches(word: u32, index: usize, target: i64, targets: &mut Targets) -> bool {
    let itself = target == index as i64;
    // The start of the block is none: a branch there is an exit, which back ends make a loop.
    if !itself && (1..64).contains(&target) {
        targets.0 |= 1 << target;
    }
    match word >> 24 {
        0x54 | 0x34..=0x37 | 0xb4..=0xb7 | 0x74 | 0x75 | 0xf4 | 0xf5 => itself,
        0xd5 => false,
        0x14..=0x17 => {
            !usize::try_from(target).is_ok_and(|target| targets.over_reachable(index, target))
        }
        _ => true,
    }
}
