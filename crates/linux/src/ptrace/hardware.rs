//! Breakpoints and watchpoints of the processor (`NT_ARM_HW_BREAK`, `NT_ARM_HW_WATCH`). While a thread
//! has some, its instructions are run one by one.

use super::block::{self, changed, word};
use super::look::change;
use super::tracer::{Result, Tracee};
use engine::Watch;
use sys::Errno;

pub(super) const NT_ARM_HW_BREAK: u64 = 0x402;
pub(super) const NT_ARM_HW_WATCH: u64 = 0x403;

/// Registers of each kind that there are; places for them in `struct user_hwdebug_state`.
const BREAKPOINTS: usize = 6;
const WATCHPOINTS: usize = 4;
const PLACES: usize = 16;
/// Bytes before them, and of each.
const HEAD: usize = 8;
const SIZE: usize = 16;

/// First word, and how many of the registers there are.
fn registers(set: u64) -> (usize, usize) {
    if set == NT_ARM_HW_BREAK {
        (word::HARDWARE, BREAKPOINTS)
    } else {
        (word::HARDWARE + 2 * PLACES, WATCHPOINTS)
    }
}

/// The set as the tracer sees it.
pub(super) fn get(pid: i32, tracee: &Tracee, set: u64) -> Result<Vec<u8>> {
    const DEBUG_ARCHITECTURE: u32 = 6 << 8;
    let (first, count) = registers(set);
    let mut words = [0; 2 * PLACES];
    block::read(pid, tracee.block + 8 * first as u64, &mut words)?;
    let mut out = Vec::with_capacity(HEAD + PLACES * SIZE);
    out.extend((DEBUG_ARCHITECTURE | count as u32).to_le_bytes());
    out.extend([0; 4]);
    out.extend(super::look::bytes(&words));
    Ok(out)
}

/// Sets it from the first bytes of it.
pub(super) fn put(pid: i32, tracee: &Tracee, set: u64, bytes: &[u8]) -> Result<()> {
    let (first, count) = registers(set);
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
pub(super) fn watches(get: impl Fn(usize) -> u64) -> Vec<Watch> {
    let all =
        (0..2 * PLACES).map(|n| (n, get(word::HARDWARE + 2 * n), get(word::HARDWARE + 2 * n + 1)));
    all.filter(|&(_, _, control)| control & 1 != 0)
        .map(|(n, address, control)| {
            let executes = n < PLACES;
            // The bytes are those of which bits are set, from the (aligned) address on.
            let bytes = (control >> 5 & 0xff) as u8;
            let (skip, len) = (bytes.trailing_zeros() & 7, u64::from(bytes.count_ones()));
            Watch {
                start: address + u64::from(skip),
                len,
                loads: !executes && control >> 3 & 1 != 0,
                stores: !executes && control >> 4 & 1 != 0,
                executes,
            }
        })
        .collect()
}
