//! Makes random cases: states full of corner values, and instructions whose operands fit.

use std::sync::LazyLock;

use guest::{Guest as _, Mode};
use guest_riscv64::Riscv64;
use guest_riscv64::encoding::TABLE;
use guest_riscv64::state::{SLOT_VL, SLOT_VSTART, SLOT_VTYPE};
use ir::{OpCode, State};
use isa::{Generator, Line, Rng};

use super::frame::kept;
use super::vector::Kind;
use super::{
    FCSR, FLOATS, LAYOUT, VCSR, VECTORS, VL, VTYPE, fit, guest, idiom, known, special, vector,
};
use crate::diff::case::{Case, Group};
use crate::diff::program::record_address;
use crate::diff::record::{self, Record};
use crate::diff::value::{self, float, integer};
use crate::subject;

/// Makes cases.
#[derive(Debug)]
pub(super) struct Chooser {
    all: Generator,
    base: Generator,
    /// What vl and vtype are at this place of the case.
    kind: Kind,
}

/// What a group may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The address of the record.
    pub(super) record: u64,
    /// The register that holds it.
    pub(super) kept: u32,
}

impl Place {
    /// A random address that may be loaded from and stored to.
    pub(super) fn target(self, rng: &mut Rng) -> u64 {
        let targets = LAYOUT.targets();
        self.record + targets.start + rng.below(targets.end - targets.start)
    }
    /// A register that may be written, not zero and none of `not`.
    pub(super) fn register(self, rng: &mut Rng, not: &[u32]) -> u32 {
        loop {
            let n = 1 + rng.below(31) as u32;
            if n != self.kept && !not.contains(&n) {
                return n;
            }
        }
    }
}

impl Chooser {
    /// Chooses among the implemented lines that pass `filter`.
    pub(super) fn new(seed: u64, filter: impl Fn(&Line) -> bool) -> Self {
        let wanted = |line: &Line| filter(line) && !known::avoided(line);
        let base = |line: &Line| {
            wanted(line) && !line.fields.iter().any(|f| f.name.starts_with(['f', 'v']))
        };
        Self {
            all: Generator::new(&TABLE, seed, wanted),
            base: Generator::new(&TABLE, !seed, base),
            kind: Kind::default(),
        }
    }

    /// A random instruction with what it needs.
    fn group(&mut self, place: Place) -> Option<Group> {
        let whole = self.base.lines().len() > 50;
        loop {
            let rng = &mut self.all.rng;
            if whole && rng.one_in(20) {
                return Some(special::group(rng, place));
            }
            if whole && rng.one_in(25) {
                return Some(special::loop_end(rng, place));
            }
            if rng.one_in(12)
                && let Some(group) = idiom::pair(&mut self.all, place)
            {
                return Some(group);
            }
            let base = self.all.rng.one_in(2);
            let generator =
                if base && !self.base.lines().is_empty() { &mut self.base } else { &mut self.all };
            let (word, line) = generator.instruction()?;
            let rng = &mut generator.rng;
            if rng.one_in(100)
                && let Some(code) = unallocated(rng, line)
            {
                return Some(Group { code, last: 0, branch: None });
            }
            if vector::is_vector(line) {
                let mut kind = self.kind;
                if !fit::writes(line, word, place.kept)
                    && let Some(group) = vector::group(rng, word, line, place, &mut kind)
                {
                    self.kind = kind;
                    return Some(group);
                }
                continue;
            }
            if let Some(group) = fit::group(rng, word, line, place)
                && (!undefined(group.instruction(), self.kind) || rng.one_in(40))
            {
                return Some(group);
            }
        }
    }
}

impl subject::Chooser for Chooser {
    fn lines(&self) -> usize {
        self.all.lines().len()
    }

    fn case(&mut self, n: usize, length: u64) -> Case {
        let record = record_address(n);
        let place = Place { record, kept: kept(record) };
        let rng = &mut self.all.rng;
        self.kind = Kind::random(rng);
        let start = start(rng, place, self.kind);
        let groups = 1 + rng.below(length);
        let groups = (0..groups).filter_map(|_| self.group(place)).collect();
        Case { start, groups }
    }
}

/// Memory of zeros everywhere.
struct Anything;

impl guest::Space for Anything {
    fn load(&mut self, _: u64, out: &mut [u8]) -> Result<(), guest::MemFault> {
        out.fill(0);
        Ok(())
    }
    fn store(&mut self, _: u64, _: &[u8]) -> Result<(), guest::MemFault> {
        Ok(())
    }
}

impl eval::Memory for Anything {
    fn load(&mut self, _: u64, _: usize) -> Result<u128, eval::MemFault> {
        Ok(0)
    }
    fn store(&mut self, _: u64, _: usize, _: u128) -> Result<(), eval::MemFault> {
        Ok(())
    }
}

/// Whether the product says that the instruction is undefined.
pub(super) fn undefined(code: &[u8], kind: Kind) -> bool {
    static GUEST: LazyLock<Riscv64> = LazyLock::new(guest);
    let guest = &*GUEST;
    let mut block = ir::Block::default();
    let mode = Mode { single: true, ..Mode::default() };
    guest.translate(&mut guest::Bytes { start: 0x1000, code }, 0x1000, mode, &mut block);
    let undefined = |op: &ir::Op| op.code == OpCode::Trap && op.aux == ir::state::TRAP_UNDEFINED;
    if block.ops.iter().any(undefined) {
        return true;
    }
    // What depends on vl and vtype has to be executed.
    if !block.ops.iter().any(|op| op.code == OpCode::Runtime) {
        return false;
    }
    let mut state = Box::new(State::new());
    state.int[usize::from(SLOT_VL)] = kind.vl;
    state.int[usize::from(SLOT_VTYPE)] = kind.vtype;
    state.int[usize::from(SLOT_VSTART)] = kind.vstart;
    match eval::run(&block, &mut state, &mut Anything) {
        eval::Outcome::Runtime { op, args } => matches!(
            guest.runtime(op.cast_unsigned(), args, &mut state, &mut Anything),
            guest::Effect::Trap { .. }
        ),
        _ => false,
    }
}

/// Bytes that are no encoding; often what only a constraint keeps from being `line`.
fn unallocated(rng: &mut Rng, line: &Line) -> Option<Vec<u8>> {
    let random = rng.next();
    let word = if rng.one_in(2) { random } else { line.value | line.ones | random & !line.mask };
    let length = if word & 3 == 3 { 4 } else { 2 };
    let code = &word.to_le_bytes()[..length];
    // Longer encodings, and what the oracle has and the table not.
    let reserved = word & 0x1f == 0x1f || known::oracles(word);
    (TABLE.decode(code).is_none() && !reserved).then(|| code.to_vec())
}

/// What a floating-point register may hold: any width, boxed or not.
fn register(rng: &mut Rng) -> u64 {
    let boxes = |bits: u32| if bits == 64 { 0 } else { u64::MAX << bits };
    match rng.below(16) {
        0..6 => float(rng, 64),
        6..11 => float(rng, 32) | boxes(32),
        11 | 12 => float(rng, 16) | boxes(16),
        // Not boxed, or nearly.
        13 => float(rng, 32) | boxes(32) ^ 1 << (32 + rng.below(32)),
        14 => float(rng, 16) | boxes(16) ^ 1 << (16 + rng.below(48)),
        _ => integer(rng),
    }
}

/// A value of fcsr: mostly the usual one.
pub(super) fn control(rng: &mut Rng) -> u64 {
    let flags = if rng.one_in(4) { rng.below(32) } else { 0 };
    let mode = match rng.below(16) {
        0..8 => 0,
        8..15 => rng.below(5),
        _ => rng.below(8),
    };
    mode << 5 | flags
}

/// A state.
fn start(rng: &mut Rng, place: Place, kind: Kind) -> Record {
    let mut record = Record::zero();
    for offset in (LAYOUT.memory..record::SIZE).step_by(8) {
        let value = if rng.one_in(2) { rng.next() } else { integer(rng) };
        record.set(offset, value);
    }
    for n in 1..32 {
        let value = integer(rng);
        record.set(n * 8, value);
    }
    record.set(place.kept as usize * 8, place.record);
    for n in 0..32 {
        let value = register(rng);
        record.set(FLOATS + n * 8, value);
    }
    let value = control(rng);
    record.set(FCSR, value);
    for n in 0..32 {
        let value = value::vector(rng);
        record.set_wide(VECTORS + n * 16, value);
    }
    record.set(VL, kind.vl);
    record.set(VTYPE, kind.vtype);
    record.set(VCSR, rng.below(8));
    record
}
