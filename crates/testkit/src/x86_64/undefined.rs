//! Flags that instructions leave undefined: which of them a case may come across, and how it avoids to
//! depend on them.

use guest_x86::decode::{Bits, Insn, Prefixes, decode};
use isa::Rng;

use super::{FLAGS, IMAGE};
use crate::diff::case::{Case, Group};
use crate::diff::record::{Record, SIGNAL};

/// The arithmetic flags, and the x87's condition codes as bits 12 to 15.
const ARITHMETIC: u16 = 0x8d5;
const CODES: u16 = 0xf000;

/// The instructions of a group.
fn instructions(group: &Group) -> impl Iterator<Item = Insn> {
    let mut code = group.code.as_slice();
    std::iter::from_fn(move || {
        let insn = decode(code, Bits::B64).ok()?;
        code = &code[usize::from(insn.len)..];
        Some(insn)
    })
}

/// The undefined flags after `insn`, from those before it.
fn after(insn: &Insn, before: u16) -> u16 {
    let flags = &insn.op.row().flags;
    let counts = insn.prefixes.any(Prefixes::REP | Prefixes::REPNE);
    let sure = !flags.kept_at_zero && !counts;
    let mut defined = if sure { flags.written | flags.zero | flags.one } else { 0 };
    // (Some processors leave C1 as it is where the manuals say that it is cleared.)
    defined &= !(flags.zero & CODES);
    before & !defined | flags.undefined
}

/// What flows through a case.
struct Flow {
    /// The flags that may be undefined where each group starts, and at the end.
    starts: Vec<u16>,
    /// Those that may be undefined anywhere.
    any: u16,
}

fn flow(groups: &[Group], rounds: u64) -> Flow {
    let mut flow = Flow { starts: vec![0; groups.len() + 1], any: 0 };
    loop {
        let before = flow.starts.clone();
        for (n, group) in groups.iter().enumerate() {
            let mut undefined = flow.starts[n];
            for insn in instructions(group) {
                undefined = after(&insn, undefined);
                flow.any |= undefined;
            }
            flow.starts[n + 1] |= undefined;
            if let Some(branch) = group.branch {
                let skip = branch.skip;
                let to = if skip < 0 {
                    n.saturating_add_signed(skip)
                } else {
                    n + 1 + skip.unsigned_abs()
                };
                let to = to.min(groups.len());
                flow.starts[to] |= undefined;
            }
        }
        if rounds > 1 {
            flow.starts[0] |= flow.any;
        }
        if flow.starts == before {
            return flow;
        }
    }
}

/// The undefined flags that a group reads, if these are undefined where it starts.
fn reads(group: &Group, start: u16) -> u16 {
    let mut undefined = start;
    let mut read = 0;
    for insn in instructions(group) {
        read |= insn.flags_read() & undefined;
        undefined = after(&insn, undefined);
    }
    read
}

/// Puts instructions that set all flags before what would read undefined ones; what does so among its own
/// instructions, or reads condition codes of the x87, is left out.
pub(super) fn avoid(groups: &mut Vec<Group>, rng: &mut Rng) {
    groups.retain(|group| reads(group, 0) == 0);
    loop {
        let flow = flow(groups, 2);
        let mut changed = false;
        for (group, start) in groups.iter_mut().zip(&flow.starts) {
            let read = reads(group, *start);
            if read == 0 {
                continue;
            }
            changed = true;
            if read & CODES != 0 {
                *group = Group { code: vec![0x90], last: 0, branch: None };
                continue;
            }
            let cleaner = comparison(rng);
            group.code.splice(..0, cleaner);
            group.last += cleaner.len();
        }
        if !changed {
            return;
        }
    }
}

/// Puts an instruction that sets all flags behind what leaves some undefined. (Parity's neighbour, the
/// auxiliary carry, is: so many instructions leave it undefined that it is not compared instead.)
pub(super) fn end(groups: &mut [Group], rng: &mut Rng) {
    const AUXILIARY: u16 = 1 << 4;
    for group in groups.iter_mut().filter(|group| group.branch.is_none()) {
        let left = instructions(group).fold(0, |before, insn| after(&insn, before));
        if left & ARITHMETIC & !AUXILIARY != 0 {
            group.code.extend(comparison(rng));
        }
    }
}

/// `cmp` of two registers.
fn comparison(rng: &mut Rng) -> [u8; 3] {
    let random = rng.next();
    [0x48 | (random >> 8 & 5) as u8, 0x39, 0xc0 | random as u8 & 0x3f]
}

/// Clears what may be undefined in what a case leaves.
pub(super) fn settle(case: &Case, rounds: u64, record: &mut Record) {
    let flow = flow(&case.groups, rounds);
    let end = flow.starts.last().copied().unwrap_or(0);
    let undefined = if record.get(SIGNAL) == 0 { end } else { flow.any };
    record.set(FLAGS, record.get(FLAGS) & !u64::from(undefined & ARITHMETIC));
    // Condition codes 0 to 2 are together, 3 is not.
    let codes = u64::from(undefined >> 12 & 7) << 8 | u64::from(undefined >> 15) << 14;
    record.set(IMAGE, record.get(IMAGE) & !(codes << 16));
}
