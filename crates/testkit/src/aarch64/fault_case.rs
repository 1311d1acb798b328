//! Makes cases: registers of which some point around the ends of pages, and code that uses them.

use guest_aarch64::encoding::{TABLE, find};

use super::choose::{field, get, group, with};
use super::known;
use super::{FPCR, FPSR, NZCV, SP, VECTORS};
use crate::diff::case::{Branch, Group, Hop};
use crate::fault::value::{integer, vector};
use crate::fault::{self, CODE, Case, Plan, near_boundary};
use isa::{Generator, Line, Rng};

/// Bytes of a table of registers, which is the start of a record.
const REGISTERS: usize = 800;

/// Whether there is a field of this name.
fn has(line: &Line, name: &str) -> bool {
    line.field_named(name).is_some()
}

/// Makes cases.
#[derive(Debug)]
pub(super) struct Chooser {
    rng: Rng,
    memory: Generator,
    integer: Generator,
    flags: Generator,
    vector: Generator,
}

impl fault::Chooser for Chooser {
    fn case(&mut self, length: u64) -> Case {
        self.random_case(length)
    }
}

/// Whether the line accesses memory through registers.
fn is_memory(line: &Line) -> bool {
    line.section.starts_with("load and store")
        || line.section.starts_with("atomic memory")
        || line.section.starts_with("memory copy")
}

impl Chooser {
    /// Seeds it.
    pub(super) fn new(seed: u64) -> Self {
        let generator = |salt: u64, wanted: &dyn Fn(&Line) -> bool| {
            Generator::new(&TABLE, seed ^ salt << 56, |l| !known::avoided(l) && wanted(l))
        };
        let sets_flags = |l: &Line| {
            ["adds", "subs", "ands", "bics", "adcs", "sbcs", "ccm", "rmif", "setf", "fcmp", "fccmp"]
                .iter()
                .any(|name| l.name.starts_with(name))
        };
        let floating = |l: &Line| {
            ["AdvSIMD", "floating", "crypto"].iter().any(|text| l.section.starts_with(text))
        };
        Self {
            rng: Rng::new(seed),
            memory: generator(1, &is_memory),
            integer: generator(2, &|l| l.section.starts_with("data processing")),
            flags: generator(3, &sets_flags),
            vector: generator(4, &floating),
        }
    }

    fn random_case(&mut self, length: u64) -> Case {
        let mut case = Case::new(REGISTERS);
        let rng = &mut self.rng;
        let plan = Plan::new(rng, |rng| rng.below(31) as u32);
        for register in 0..31 {
            let value = if plan.pointers.contains(&register) {
                pointer(rng)
            } else if plan.offsets.contains(&register) {
                (rng.below(49) as i64 - 24).cast_unsigned()
            } else {
                integer(rng)
            };
            case.set(register as usize * 8, value);
        }
        let sp = near_boundary(rng) & !15;
        case.set(SP, sp);
        for n in 0..32 {
            let value = vector(rng);
            case.set(VECTORS + n * 16, value as u64);
            case.set(VECTORS + n * 16 + 8, (value >> 64) as u64);
        }
        let flags = rng.below(16) << 28;
        case.set(NZCV, flags);
        let fpcr = control(rng);
        case.set(FPCR, fpcr);
        let fpsr = if rng.one_in(3) { rng.next() & 0x0800_009f } else { 0 };
        case.set(FPSR, fpsr);
        for _ in 0..8 + rng.below(length.saturating_sub(8).max(1)) {
            case.groups.push(self.group(&plan));
        }
        case
    }

    fn group(&mut self, plan: &Plan) -> Group {
        let plain = |word| group(&[word], None);
        loop {
            let found = match self.rng.below(100) {
                0..45 => match self.memory.instruction() {
                    Some((word, line)) => access(&mut self.rng, word as u32, line, plan),
                    None => None,
                },
                45..62 => compute(&mut self.flags, plan).map(plain),
                62..76 => compute(&mut self.integer, plan).map(plain),
                76..89 => compute(&mut self.vector, plan).map(plain),
                89..97 => Some(branch(&mut self.rng)),
                97 => Some(plain(self.rng.below(1 << 16) as u32)),
                98 => Some(plain(0xd420_0000 | (self.rng.below(1 << 16) as u32) << 5)),
                // DC ZVA.
                _ => Some(plain(0xd50b_7420 | plan.pointers[self.rng.below(8) as usize])),
            };
            if let Some(found) = found {
                return found;
            }
        }
    }
}

/// A pointer: rarely with a tag, or wild.
fn pointer(rng: &mut Rng) -> u64 {
    let near = near_boundary(rng);
    match rng.below(24) {
        0 => near | rng.next() << 56,
        1 => match rng.below(6) {
            0 => 0,
            1 => rng.below(0x1000),
            2 => rng.next(),
            3 => 1 << 47 | rng.next() >> 20,
            4 => u64::MAX - rng.below(64),
            _ => CODE - 8,
        },
        _ => near,
    }
}

/// A computation that leaves the registers of the plan alone, mostly.
fn compute(generator: &mut Generator, plan: &Plan) -> Option<u32> {
    for _ in 0..16 {
        let (word, line) = generator.instruction()?;
        let word = word as u32;
        let destination = get(line, word, "rd").unwrap_or(32);
        if !plan.keeps(destination) || generator.rng.one_in(24) {
            return Some(word);
        }
    }
    None
}

/// A branch over some groups: conditional, or on a register.
fn branch(rng: &mut Rng) -> Group {
    let skip = rng.below(4) as usize;
    let random = rng.next() as u32;
    let (word, set): (u32, fn(&mut [u8], Hop)) = match rng.below(6) {
        0..=2 => (0x5400_0000 | random & 15, field::<5, 19>),
        3 => (0x3400_0000 | random & 0x8100_001f, field::<5, 19>),
        4 => (0x3600_0000 | random & 0x81f8_001f, field::<5, 14>),
        _ => (0x1400_0000, field::<0, 26>),
    };
    group(&[word], Some(Branch { set, skip: skip as isize }))
}

/// A load or store through a register of the plan.
fn access(rng: &mut Rng, word: u32, line: &'static Line, plan: &Plan) -> Option<Group> {
    if line.feature() == "FEAT_MOPS" {
        return copy(rng, word, line);
    }
    let pointer = plan.pointers[rng.below(plan.pointers.len() as u64) as usize];
    let rn = if rng.one_in(12) { 31 } else { pointer };
    let mut word = with(line, word, "rn", rn);
    let offset = plan.offsets[rng.below(plan.offsets.len() as u64) as usize];
    let offset = if line.section.contains("structures") && rng.one_in(2) { 31 } else { offset };
    word = with(line, word, "rm", offset);
    word = with(line, word, "imm12", rng.below(4) as u32);
    let aligned = line.section.contains("ordered");
    let imm9 = if aligned { 0 } else { rng.below(81) as i32 - 40 };
    word = with(line, word, "imm9", imm9.cast_unsigned());
    word = with(line, word, "imm7", (rng.below(9) as i32 - 4).cast_unsigned());
    if line.name == "casp" {
        word &= !(1 << 16 | 1);
    }
    let fields = ["rt", "rt2", "rs"].map(|name| get(line, word, name).unwrap_or(32));
    let [rt, rt2, rs] = fields;
    let vector = line.section.contains("structures")
        || line.name.split('_').next().is_some_and(|n| n.ends_with('v'));
    if !vector && fields.iter().any(|&r| plan.keeps(r)) && !rng.one_in(24) {
        return None;
    }
    // CONSTRAINED UNPREDICTABLE combinations.
    let (_, form) = line.name.split_once('_').unwrap_or((line.name, ""));
    let writeback = matches!(form, "post" | "pre");
    if !vector && writeback && (rt == rn || rt2 == rn) {
        return None;
    }
    if rt == rt2 && (line.name.starts_with("ld") || line.name.starts_with("swp")) {
        return None;
    }
    let exclusive = line.name.starts_with("st") && has(line, "rs");
    if exclusive && (rs == rt || rs == rn || rs == rt2) {
        return None;
    }
    let mut words = Vec::new();
    if exclusive && rng.one_in(2) {
        // The exclusive load that lets the store succeed.
        let loaded = if rt2 == 32 {
            0x085f_7c00 | get(line, word, "size")? << 30 | rn << 5 | rs
        } else {
            0x887f_0000 | get(line, word, "x")? << 30 | 31 << 10 | rn << 5 | rs
        };
        words.push(loaded);
    }
    words.push(word);
    find(word).is_some_and(|l| std::ptr::eq(l, line)).then(|| group(&words, None))
}

/// A memory copy or set over the end of a page.
fn copy(rng: &mut Rng, word: u32, line: &'static Line) -> Option<Group> {
    let [rd, rs, rn] = ["rd", "rs", "rn"].map(|name| get(line, word, name).unwrap_or(32));
    let is_set = line.name == "mops_set";
    if rd == rs || rd == rn || rs == rn || rd >= 31 || rn >= 31 || !is_set && rs >= 31 {
        return None;
    }
    let mut words = Vec::new();
    super::mov(&mut words, rd, near_boundary(rng));
    if !is_set {
        super::mov(&mut words, rs, near_boundary(rng));
    }
    super::mov(&mut words, rn, rng.below(100));
    words.extend((0..3).map(|stage| {
        if is_set {
            with(line, word, "op2", stage << 2 | get(line, word, "op2").unwrap_or(0) & 3)
        } else {
            with(line, word, "op1", stage)
        }
    }));
    Some(group(&words, None))
}

/// A floating-point control value: mostly zero, else a rounding mode or everything.
fn control(rng: &mut Rng) -> u64 {
    match rng.below(12) {
        0..=8 => 0,
        9 | 10 => rng.below(4) << 22,
        _ => rng.next() & 0x07c8_0000,
    }
}
