//! Breakpoints and watchpoints of the processor ([`Debug`]). While a thread has some, its instructions
//! are run one by one.

use super::block::{self, changed, word};
use super::look::change;
use super::tracer::{Result, Tracee};
use crate::abi::Debug;
use engine::Watch;
use sys::Errno;

/// Places for registers of each kind in a set (`struct user_hwdebug_state`).
const PLACES: usize = 16;
/// Bytes before them, and of each.
const HEAD: usize = 8;
const SIZE: usize = 16;

/// First word, and how many of the registers there are; `which` is 0 for breakpoints.
fn registers(debug: &Debug, which: usize) -> (usize, usize) {
    (word::HARDWARE + 2 * PLACES * which, debug.counts[which])
}

/// The set as the tracer sees it.
pub(super) fn get(pid: i32, tracee: &Tracee, debug: &Debug, which: usize) -> Result<Vec<u8>> {
    let (first, count) = registers(debug, which);
    let mut words = [0; 2 * PLACES];
    block::read(pid, tracee.block + 8 * first as u64, &mut words)?;
    let mut out = Vec::with_capacity(HEAD + PLACES * SIZE);
    out.extend((debug.version | count as u32).to_le_bytes());
    out.extend([0; 4]);
    out.extend(super::look::bytes(&words));
    Ok(out)
}

/// Sets it from the first bytes of it.
pub(super) fn put(
    pid: i32,
    tracee: &Tracee,
    debug: &Debug,
    which: usize,
    bytes: &[u8],
) -> Result<()> {
    let (first, count) = registers(debug, which);
    let places = bytes.get(HEAD..).unwrap_or_default().chunks_exact(SIZE);
    for (n, place) in places.enumerate() {
        let word = |at: usize| {
            place[at..at + 8].iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
        };
        let (address, control) = (word(0), word(8) & 0xffff_ffff);
        if n >= count {
            if control & 1 != 0 {
                return Err(Errno::ENOSPC);
            }
            break;
        }
        let at = tracee.block + 8 * (first + 2 * n) as u64;
        block::write(pid, at, &[address, control])?;
    }
    change(pid, tracee, changed::HARDWARE)
}

/// What the registers of a block say; `get` reads its words.
pub(super) fn watches(debug: &Debug, get: impl Fn(usize) -> u64) -> Vec<Watch> {
    let word = |n: usize| get(word::HARDWARE + n);
    let all = (0..2 * PLACES).map(|n| (debug.watch)(n < PLACES, word(2 * n), word(2 * n + 1)));
    all.flatten().collect()
}
