//! Makes cases: registers of which some point around the ends of pages, and code that uses them.

use guest_aarch64::encoding::{TABLE, find};
use isa::{Generator, Line, Rng};

use super::field::{get, has, with};
use super::program::{BOUNDARIES, CODE};
use super::value::{control, integer, vector};
use crate::diff::{asm, known};

/// Offsets into the table of registers; `ldp` loads it.
pub(super) mod table {
    /// The stack pointer.
    pub(crate) const SP: usize = 248;
    /// Vector registers.
    pub(crate) const VECTORS: usize = 256;
    /// NZCV.
    pub(crate) const NZCV: usize = 768;
    /// FPCR.
    pub(crate) const FPCR: usize = 776;
    /// FPSR.
    pub(crate) const FPSR: usize = 784;
    /// Bytes of a table.
    pub(crate) const SIZE: usize = 800;
}

/// NOP.
const NOP: u32 = 0xd503_201f;

/// Words that belong together; the last one may be a branch over this many groups.
#[derive(Clone, Debug)]
struct Group {
    words: Vec<u32>,
    skip: Option<(usize, u32, u32)>,
}

/// A test.
#[derive(Clone, Debug)]
pub struct Case {
    /// The initial registers.
    pub table: Box<[u8; table::SIZE]>,
    groups: Vec<Group>,
}

impl Case {
    /// The number of groups.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is no code.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The same, with NOPs in place of group `n`.
    pub fn without(&self, n: usize) -> Self {
        let mut case = self.clone();
        case.groups[n].words.fill(NOP);
        case.groups[n].skip = None;
        case
    }

    /// The code, with branches resolved.
    pub fn code(&self) -> Vec<u32> {
        let mut starts = vec![0];
        for group in &self.groups {
            starts.push(starts[starts.len() - 1] + group.words.len());
        }
        let mut code = Vec::new();
        for (n, group) in self.groups.iter().enumerate() {
            code.extend(&group.words);
            let Some((skip, lsb, width)) = group.skip else { continue };
            let to = starts[(n + 1 + skip).min(self.groups.len())];
            let at = code.len() - 1;
            let mask = ((1u32 << width) - 1) << lsb;
            code[at] = code[at] & !mask | ((to - at) as u32) << lsb & mask;
        }
        code
    }

    fn set(&mut self, offset: usize, value: u64) {
        self.table[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
    }
}

/// What registers of a case are for.
struct Plan {
    /// They point around ends of pages.
    pointers: Vec<u32>,
    /// They are small offsets.
    offsets: Vec<u32>,
}

impl Plan {
    fn keeps(&self, register: u32) -> bool {
        self.pointers.contains(&register) || self.offsets.contains(&register)
    }
}

/// Makes cases.
#[derive(Debug)]
pub struct Chooser {
    rng: Rng,
    memory: Generator,
    integer: Generator,
    flags: Generator,
    vector: Generator,
}

/// Whether the line accesses memory through registers.
fn is_memory(line: &Line) -> bool {
    line.section.starts_with("load and store")
        || line.section.starts_with("atomic memory")
        || line.section.starts_with("memory copy")
}

impl Chooser {
    /// Seeds it.
    pub fn new(seed: u64) -> Self {
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

    /// A case of at most `length` groups.
    pub fn case(&mut self, length: u64) -> Case {
        let mut case = Case { table: Box::new([0; table::SIZE]), groups: Vec::new() };
        let rng = &mut self.rng;
        let mut plan = Plan { pointers: Vec::new(), offsets: Vec::new() };
        while plan.pointers.len() < 8 {
            let register = rng.below(31) as u32;
            if !plan.keeps(register) {
                plan.pointers.push(register);
            }
        }
        while plan.offsets.len() < 3 {
            let register = rng.below(31) as u32;
            if !plan.keeps(register) {
                plan.offsets.push(register);
            }
        }
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
        case.set(table::SP, sp);
        for n in 0..32 {
            let value = vector(rng);
            case.set(table::VECTORS + n * 16, value as u64);
            case.set(table::VECTORS + n * 16 + 8, (value >> 64) as u64);
        }
        let flags = rng.below(16) << 28;
        case.set(table::NZCV, flags);
        let fpcr = control(rng);
        case.set(table::FPCR, fpcr);
        let fpsr = if rng.one_in(3) { rng.next() & 0x0800_009f } else { 0 };
        case.set(table::FPSR, fpsr);
        for _ in 0..8 + rng.below(length.saturating_sub(8).max(1)) {
            case.groups.push(self.group(&plan));
        }
        case
    }

    fn group(&mut self, plan: &Plan) -> Group {
        let plain = |word| Group { words: vec![word], skip: None };
        loop {
            let group = match self.rng.below(100) {
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
            if let Some(group) = group {
                return group;
            }
        }
    }
}

/// An address around the end of a page; aligned ones are frequent.
fn near_boundary(rng: &mut Rng) -> u64 {
    let boundary = BOUNDARIES[rng.below(BOUNDARIES.len() as u64) as usize];
    let delta = match rng.below(4) {
        0 => rng.below(129) as i64 - 64,
        1 => (rng.below(17) as i64 - 8) * 8,
        2 => -(rng.below(33) as i64),
        _ => (rng.below(9) as i64 - 4) * 16,
    };
    boundary.wrapping_add_signed(delta)
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
    let (word, width) = match rng.below(6) {
        0..=2 => (0x5400_0000 | random & 15, 19),
        3 => (0x3400_0000 | random & 0x8100_001f, 19),
        4 => (0x3600_0000 | random & 0x81f8_001f, 14),
        _ => (0x1400_0000, 26),
    };
    Group { words: vec![word], skip: Some((skip, if width == 26 { 0 } else { 5 }, width)) }
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
    find(word).is_some_and(|l| std::ptr::eq(l, line)).then_some(Group { words, skip: None })
}

/// A memory copy or set over the end of a page.
fn copy(rng: &mut Rng, word: u32, line: &'static Line) -> Option<Group> {
    let [rd, rs, rn] = ["rd", "rs", "rn"].map(|name| get(line, word, name).unwrap_or(32));
    let is_set = line.name == "mops_set";
    if rd == rs || rd == rn || rs == rn || rd >= 31 || rn >= 31 || !is_set && rs >= 31 {
        return None;
    }
    let mut words = Vec::new();
    asm::mov(&mut words, rd, near_boundary(rng));
    if !is_set {
        asm::mov(&mut words, rs, near_boundary(rng));
    }
    asm::mov(&mut words, rn, rng.below(100));
    words.extend((0..3).map(|stage| {
        if is_set {
            with(line, word, "op2", stage << 2 | get(line, word, "op2").unwrap_or(0) & 3)
        } else {
            with(line, word, "op1", stage)
        }
    }));
    Some(Group { words, skip: None })
}
