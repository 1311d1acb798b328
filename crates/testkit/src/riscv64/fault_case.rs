//! Makes cases: registers of which some point around the ends of pages, and code that uses them.

use asm::riscv64 as rv;
use guest_riscv64::encoding::TABLE;
use isa::{Generator, Line, Rng};

use super::choose::control;
use super::fit::{finish, immediate, is_access, register, with, writes};
use super::vector::{self, Kind, is_vector};
use super::{known, li};
use crate::diff::case::{Branch, Group};
use crate::diff::value::{self, float};
use crate::fault::value::integer;
use crate::fault::{self, CODE, Case, Plan, near_boundary};

/// Where things are in a table of registers; those of integers are first.
pub(super) const FLOATS: usize = 256;
pub(super) const FCSR: usize = 512;
pub(super) const VL: usize = 520;
pub(super) const VTYPE: usize = 528;
pub(super) const VCSR: usize = 536;
pub(super) const VECTORS: usize = 544;
const SIZE: usize = VECTORS + 512;

/// Makes cases.
#[derive(Debug)]
pub(super) struct Chooser {
    rng: Rng,
    memory: Generator,
    integer: Generator,
    float: Generator,
    vector_memory: Generator,
    vector: Generator,
    /// What vl and vtype are at this place of the case.
    kind: Kind,
}

fn is_atomic(line: &Line) -> bool {
    ["lr_", "sc_", "amo"].iter().any(|name| line.name.starts_with(name))
}

/// Whether a line goes elsewhere, or does not belong here.
fn is_special(line: &Line) -> bool {
    let sections = ["control transfer", "fences", "Zicsr", "Zawrs", "Zicbo", "vDSO"];
    sections.iter().any(|section| line.section.contains(section))
}

impl Chooser {
    /// Seeds it.
    pub(super) fn new(seed: u64) -> Self {
        let generator = |salt: u64, wanted: &dyn Fn(&Line) -> bool| {
            Generator::new(&TABLE, seed ^ salt << 56, |l| !known::avoided(l) && wanted(l))
        };
        let memory = |l: &Line| is_access(l) || is_atomic(l);
        let float = |l: &Line| l.fields.iter().any(|f| f.name.starts_with('f'));
        let computes = |l: &Line| !memory(l) && !is_special(l) && !is_vector(l);
        let moves = |l: &Line| l.section == "V: loads and stores";
        let configures = |l: &Line| l.section == "V: configuration";
        Self {
            rng: Rng::new(seed),
            memory: generator(1, &memory),
            integer: generator(2, &|l| computes(l) && !float(l)),
            float: generator(3, &|l| computes(l) && float(l)),
            vector_memory: generator(4, &moves),
            vector: generator(5, &|l| is_vector(l) && !moves(l) && !configures(l)),
            kind: Kind::default(),
        }
    }

    fn group(&mut self, plan: &Plan) -> Group {
        let plain = |word: u32| Group { code: word.to_le_bytes().into(), last: 0, branch: None };
        loop {
            let found = match self.rng.below(100) {
                0..36 => match self.memory.instruction() {
                    Some((word, line)) => access(&mut self.rng, word, line, plan),
                    None => None,
                },
                36..50 => self.vector_access(plan),
                50..60 => self.vector_compute(plan),
                60..74 => compute(&mut self.integer, plan),
                74..88 => compute(&mut self.float, plan),
                88..97 => Some(branch(&mut self.rng)),
                97 => Some(Group { code: vec![0, 0], last: 0, branch: None }),
                98 => Some(plain(rv::EBREAK)),
                // CBO.ZERO.
                _ => {
                    let pointer = plan.pointers[self.rng.below(8) as usize];
                    Some(plain(0x0040_200f | pointer << 15))
                }
            };
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Sets vl and vtype, mostly.
    fn configure(&mut self, code: &mut Vec<u8>, plan: &Plan) -> u32 {
        let rng = &mut self.rng;
        let free = std::iter::repeat_with(|| 1 + rng.below(31) as u32).find(|&r| !plan.keeps(r));
        let free = free.unwrap_or(1);
        if !rng.one_in(4) {
            self.kind = Kind::random(rng);
            self.kind.set(code, free);
        }
        free
    }

    /// A vector load or store through a register of the plan.
    fn vector_access(&mut self, plan: &Plan) -> Option<Group> {
        let mut code = Vec::new();
        let free = self.configure(&mut code, plan);
        let (word, line) = self.vector_memory.instruction()?;
        let rng = &mut self.rng;
        let mut draw = |from: &[u32]| from[rng.below(from.len() as u64) as usize];
        let (pointer, stride) = (draw(&plan.pointers), draw(&plan.offsets));
        let mut word = with(line, word, "rs1", pointer);
        if line.field_named("rs2").is_some() {
            word = with(line, word, "rs2", stride);
        }
        let word = vector::registers(rng, word, line, self.kind)?;
        if let Some(vs2) = line.field(word, "vs2")
            && !rng.one_in(8)
        {
            let width = vector::width(word);
            vector::small_indices(&mut code, vs2 as u32, width, self.kind, free)?;
            self.kind.set(&mut code, free);
        }
        finish(code, word, line, None)
    }

    /// A vector computation.
    fn vector_compute(&mut self, plan: &Plan) -> Option<Group> {
        let mut code = Vec::new();
        self.configure(&mut code, plan);
        let (word, line) = self.vector.instruction()?;
        let word = vector::registers(&mut self.rng, word, line, self.kind)?;
        if register(line, word, "rd").is_some_and(|rd| plan.keeps(rd)) {
            return None;
        }
        finish(code, word, line, None)
    }
}

impl fault::Chooser for Chooser {
    fn case(&mut self, length: u64) -> Case {
        let mut case = Case::new(SIZE);
        let rng = &mut self.rng;
        let plan = Plan::new(rng, |rng| 1 + rng.below(31) as u32);
        for register in 1..32 {
            let value = if plan.pointers.contains(&register) {
                pointer(rng)
            } else if plan.offsets.contains(&register) {
                (rng.below(49) as i64 - 24).cast_unsigned()
            } else {
                integer(rng)
            };
            case.set(register as usize * 8, value);
        }
        for n in 0..32 {
            let single = float(rng, 32) | 0xffff_ffff << 32;
            let value = if rng.one_in(2) { float(rng, 64) } else { single };
            case.set(FLOATS + n * 8, value);
        }
        case.set(FCSR, control(rng));
        self.kind = Kind::random(rng);
        case.set(VL, self.kind.vl);
        case.set(VTYPE, self.kind.vtype);
        case.set(VCSR, rng.below(8));
        for at in (VECTORS..SIZE).step_by(16) {
            let value = value::vector(rng);
            case.set(at, value as u64);
            case.set(at + 8, (value >> 64) as u64);
        }
        for _ in 0..8 + rng.below(length.saturating_sub(8).max(1)) {
            case.groups.push(self.group(&plan));
        }
        case
    }
}

/// A pointer: rarely wild.
fn pointer(rng: &mut Rng) -> u64 {
    let near = near_boundary(rng);
    match rng.below(24) {
        0 => 0,
        1 => match rng.below(5) {
            0 => rng.below(0x1000),
            1 => rng.next(),
            2 => 1 << 47 | rng.next() >> 20,
            3 => u64::MAX - rng.below(64),
            _ => CODE - 8,
        },
        _ => near,
    }
}

/// A computation that leaves the registers of the plan alone, mostly.
fn compute(generator: &mut Generator, plan: &Plan) -> Option<Group> {
    for _ in 0..16 {
        let (word, line) = generator.instruction()?;
        let destination = register(line, word, "rd").unwrap_or(0);
        if !plan.keeps(destination) || generator.rng.one_in(24) {
            return finish(Vec::new(), word, line, None);
        }
    }
    None
}

/// A branch over some groups.
fn branch(rng: &mut Rng) -> Group {
    let skip = rng.below(4) as isize;
    let random = rng.next() as u32;
    let funct3 = [0, 1, 4, 5, 6, 7][rng.below(6) as usize];
    let word = match rng.below(5) {
        0..4 => 0x63 | funct3 << 12 | random & 0x01ff_8000,
        _ => 0x6f,
    };
    let branch = Some(Branch { set: immediate, skip });
    Group { code: word.to_le_bytes().into(), last: 0, branch }
}

/// A load or store through a register of the plan.
fn access(rng: &mut Rng, word: u64, line: &'static Line, plan: &Plan) -> Option<Group> {
    let pointer = plan.pointers[rng.below(plan.pointers.len() as u64) as usize];
    let mut word = with(line, word, "rs1", pointer);
    let short = line.field_named("rs1").is_some_and(|f| f.width() == 3);
    if short && !(8..16).contains(&pointer) {
        return None;
    }
    if line.field_named("imm").is_some() && line.bytes() == 4 {
        word = line.with(word, "imm", rng.below(81).wrapping_sub(40));
    }
    let values = ["rd", "rs2"].map(|name| register(line, word, name).unwrap_or(0));
    if values.iter().any(|&r| plan.keeps(r)) && !rng.one_in(24) {
        return None;
    }
    let mut code = Vec::new();
    if line.name.starts_with("sc_") {
        // The reservation that lets the store succeed, where it can be made.
        let width = if line.name == "sc_w" { 2 } else { 3 };
        let loaded = values[0];
        rv::push(&mut code, 0x1000_002f | pointer << 15 | width << 12 | loaded << 7);
        if loaded == pointer {
            return None;
        }
    } else if is_atomic(line) && line.field_named("rs1").is_some() && rng.one_in(2) {
        // Aligned: andi pointer, pointer, -16.
        rv::push(&mut code, 0xff00_7013 | pointer << 15 | pointer << 7);
    } else if line.field_named("rs1").is_none() {
        // The stack pointer is the base.
        if writes(line, word, 2) || plan.keeps(2) && !rng.one_in(8) {
            return None;
        }
        li(&mut code, 2, near_boundary(rng) & !7);
    }
    finish(code, word, line, None)
}
