//! Makes random cases: states full of corner values, and instructions whose operands fit.

use guest_x86::decode::Op;
use guest_x86::encoding;
use isa::opcode::{Kind, Mark};
use isa::{Line, Rng, Status};

use super::operands::{self, Place};
use super::values;
use super::{FLAGS, FS, GS, HIGH, IMAGE, LAYOUT, MXCSR, ST, XMM, known, line, special, undefined};
use crate::diff::case::{Case, Group};
use crate::diff::program::record_address;
use crate::diff::record::{self, Record};
use crate::diff::value::{integer, vector};
use crate::subject;

/// Makes cases.
#[derive(Debug)]
pub(super) struct Chooser {
    rng: Rng,
    all: Vec<Op>,
    /// Those of general registers and flags.
    base: Vec<Op>,
}

/// Whether an instruction does what it does to registers and memory only, and goes on behind it.
fn is_plain(op: Op) -> bool {
    let row = encoding::row(op);
    let branches = row.has_kind(Kind::J) || special::is_branch(op);
    let special = row.function.is_some_and(|(name, _)| {
        ["privileged", "undefined", "int3", "int", "syscall"].contains(&name)
    });
    !row.has(Mark::NotNative) && !branches && !special
}

/// Whether it has to do with general registers only.
fn is_integer(op: Op) -> bool {
    let row = encoding::row(op);
    let other = [Kind::V, Kind::W, Kind::U, Kind::H, Kind::Vm, Kind::P, Kind::Q, Kind::N, Kind::T];
    row.status != Status::Nop
        && !other.iter().any(|kind| row.has_kind(*kind))
        && !row.features.contains(&"x87")
}

/// What random cases may execute anywhere.
pub(super) fn plain() -> impl Iterator<Item = Op> {
    let wanted = |op: &Op| line(*op).implemented() && is_plain(*op) && !known::avoided(line(*op));
    Op::ALL.iter().copied().filter(wanted)
}

impl Chooser {
    /// Chooses among the translated lines that pass `filter`.
    pub(super) fn new(seed: u64, filter: impl Fn(&Line) -> bool) -> Self {
        let all: Vec<Op> = plain().filter(|op| filter(line(*op))).collect();
        let base = all.iter().copied().filter(|op| is_integer(*op)).collect();
        Self { rng: Rng::new(seed), all, base }
    }

    /// A random instruction with what it needs.
    fn group(&mut self, place: Place, record: u64) -> Option<Group> {
        let rng = &mut self.rng;
        let whole = self.base.len() > 50;
        for _ in 0..100 {
            if whole && rng.one_in(7) {
                return Some(special::branch(rng, place));
            }
            if whole && rng.one_in(40) {
                return Some(special::group(rng));
            }
            if whole && rng.one_in(25) {
                return Some(special::loop_end(rng, record));
            }
            let ops = if rng.one_in(2) && !self.base.is_empty() { &self.base } else { &self.all };
            let op = ops[rng.below(ops.len() as u64) as usize];
            if let Some(group) = operands::group(op, place, rng) {
                return Some(group);
            }
        }
        None
    }
}

impl subject::Chooser for Chooser {
    fn lines(&self) -> usize {
        self.all.len()
    }

    fn case(&mut self, n: usize, length: u64) -> Case {
        let address = record_address(n);
        let targets = LAYOUT.targets();
        let start = start(&mut self.rng);
        let place = Place {
            first: address + targets.start,
            last: address + targets.end,
            fs: start.get(FS),
            gs: start.get(GS),
        };
        let groups = 1 + self.rng.below(length);
        let mut groups: Vec<_> = (0..groups).filter_map(|_| self.group(place, address)).collect();
        undefined::avoid(&mut groups, &mut self.rng);
        Case { start, groups }
    }
}

/// A state.
fn start(rng: &mut Rng) -> Record {
    let mut record = Record::zero();
    for offset in (LAYOUT.memory..record::SIZE).step_by(8) {
        let value = if rng.one_in(2) { rng.next() } else { integer(rng) };
        record.set(offset, value);
    }
    for n in 0..16 {
        let value = integer(rng);
        record.set(n * 8, value);
    }
    record.set(FLAGS, values::flags(rng));
    // Within reach of all that is added to them.
    for at in [FS, GS] {
        record.set(at, rng.below(0x1000) * 16);
    }
    let tags = u64::from(values::x87_tags(rng));
    let status = u64::from(values::x87_status(rng));
    record.set(IMAGE, u64::from(values::x87_control(rng)) | status << 16 | tags << 32);
    record.set(MXCSR, values::mxcsr(rng).into());
    for n in 0..8 {
        record.set_wide(ST + n * 16, values::extended(rng));
    }
    for n in 0..16 {
        record.set_wide(XMM + n * 16, vector(rng));
        record.set_wide(HIGH + n * 16, vector(rng));
    }
    record
}
