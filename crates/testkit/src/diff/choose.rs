//! Makes random cases: states full of corner values, and instructions whose operands fit.

use guest::{Guest, Mode};
use guest_aarch64::encoding::{TABLE, find};
use ir::OpCode;
use isa::{Generator, Line, Rng};

use super::asm;
use super::case::{Branch, Case, Group};
use super::idiom;
use super::known;
use super::program::record_address;
use super::record::{self, Record};
use super::special;

/// Where loads and stores go, from the start of the record: all of 256 bytes around stay inside.
const TARGETS: std::ops::Range<u64> = record::SCRATCH as u64 + 288..record::SIZE as u64 - 288;

/// Makes cases.
#[derive(Debug)]
pub struct Chooser {
    all: Generator,
    base: Generator,
}

impl Chooser {
    /// Chooses among the implemented lines that pass `filter`.
    pub fn new(seed: u64, filter: impl Fn(&Line) -> bool) -> Self {
        let wanted = |line: &Line| filter(line) && !known::avoided(line);
        let base = |line: &Line| {
            wanted(line) && !line.section.contains("SIMD") && !line.section.contains("floating")
        };
        Self {
            all: Generator::new(&TABLE, seed, wanted),
            base: Generator::new(&TABLE, !seed, base),
        }
    }

    /// The number of lines it chooses from.
    pub fn lines(&self) -> usize {
        self.all.lines().len()
    }

    /// Case number `n` of a program, of at most `length` instructions.
    pub fn case(&mut self, n: usize, length: u64) -> Case {
        let record = record_address(n);
        let rng = &mut self.all.rng;
        let start = start(rng, record);
        let groups = 1 + rng.below(length);
        let groups = (0..groups).filter_map(|_| self.group(record)).collect();
        Case { start, groups }
    }

    /// A random instruction with what it needs.
    fn group(&mut self, record: u64) -> Option<Group> {
        loop {
            if self.all.rng.one_in(50) && self.base.lines().len() > 50 {
                return Some(system(&mut self.all.rng));
            }
            if self.all.rng.one_in(16) && self.base.lines().len() > 50 {
                let rng = &mut self.all.rng;
                let target =
                    record + (TARGETS.start + rng.below(TARGETS.end - TARGETS.start) & !15);
                return Some(special::group(rng, target));
            }
            if self.all.rng.one_in(25) && self.base.lines().len() > 50 {
                return Some(loop_end(&mut self.all.rng, record));
            }
            if self.all.rng.one_in(12)
                && let Some(group) = idiom::pair(&mut self.all)
            {
                return Some(group);
            }
            let base = self.all.rng.one_in(2);
            let generator =
                if base && !self.base.lines().is_empty() { &mut self.base } else { &mut self.all };
            let (word, line) = generator.instruction()?;
            let word = word as u32;
            if generator.rng.one_in(100)
                && let Some(word) = unallocated(&mut generator.rng, line)
            {
                return Some(Group { words: vec![word], branch: None });
            }
            if let Some(group) = fit(&mut generator.rng, word, line, record)
                && (!undefined(group.instruction()) || generator.rng.one_in(40))
            {
                return Some(group);
            }
        }
    }
}

/// Whether the product says that `word` is undefined.
fn undefined(word: u32) -> bool {
    let mut block = ir::Block::default();
    let mode = Mode { single: true, ..Mode::default() };
    super::guest().translate(&mut |_| Some(word), 0x1000, mode, &mut block);
    block.ops.iter().any(|op| op.code == OpCode::Trap && op.aux == ir::state::TRAP_UNDEFINED)
}

/// A word that is no encoding; often one that only a constraint keeps from being `line`.
fn unallocated(rng: &mut Rng, line: &Line) -> Option<u32> {
    let random = rng.next() as u32;
    let fixed = (line.value | line.ones) as u32;
    let word = if rng.one_in(2) { random } else { fixed | random & !line.mask as u32 };
    // The oracle also takes conversions of FEAT_FPRCVT between registers of equal size.
    let conversion = word & 0x7f20_fc00 == 0x1e20_0000;
    (find(word).is_none() && !conversion).then_some(word)
}

/// A general value; corners are frequent.
fn integer(rng: &mut Rng) -> u64 {
    let random = rng.next();
    match rng.below(16) {
        0 => 0,
        1 => u64::MAX,
        2 => 1,
        3 => 1 << 63,
        4 => i64::MAX as u64,
        5 => 0x8000_0000,
        6 => 0x7fff_ffff,
        7 => 0xffff_ffff,
        8 => random & 0xff,
        9 => random | 0xffff_ffff_0000_0000,
        10 => random & 0xffff_ffff,
        11 => 1 << (random & 63),
        _ => random,
    }
}

/// A floating-point value of `bits` bits (16, 32 or 64).
fn float(rng: &mut Rng, bits: u32) -> u64 {
    let (exponent, fraction) = match bits {
        16 => (5, 10),
        32 => (8, 23),
        _ => (11, 52),
    };
    let random = rng.next();
    let sign = random >> 63 << (bits - 1);
    let max = (1u64 << exponent) - 1;
    let bias = max >> 1;
    let part = random & ((1 << fraction) - 1);
    let magnitude = match rng.below(20) {
        0 => 0,
        1 => max << fraction,
        // A quiet and a signalling NaN.
        2 => max << fraction | 1 << (fraction - 1) | part,
        3 => max << fraction | part >> 1 | 1,
        4 => part,
        5 => 1,
        6 => bias << fraction,
        7 => (bias + 1) << fraction,
        8 => (max << fraction) - 1,
        9 => 1 << fraction,
        // Around the limits of integers.
        10 => (bias + 31).min(max - 1) << fraction | part & rng.below(3).wrapping_neg(),
        11 => (bias + 63).min(max - 1) << fraction,
        12 => (bias + 15).min(max - 1) << fraction | part,
        13 => (bias - 1) << fraction,
        // Near one.
        14..=16 => (bias - 3 + rng.below(7)) << fraction | part,
        // Few fraction bits: exact results.
        17 => (bias + rng.below(8)) << fraction | part & !0 << (fraction - 4),
        _ => random & ((1 << (bits - 1)) - 1),
    };
    sign | magnitude
}

/// A vector.
fn vector(rng: &mut Rng) -> u128 {
    let bits = match rng.below(10) {
        0..=2 => 32,
        3..=5 => 64,
        6 => 16,
        7 => 8,
        8 => return u128::from(integer(rng)) << 64 | u128::from(integer(rng)),
        _ => return u128::from(rng.next()) << 64 | u128::from(rng.next()),
    };
    (0..128 / bits).fold(0, |v, _| {
        let lane = match bits {
            8 => *[0, 0xff, 0x80, 0x7f, 1, rng.next() as u8]
                .get(rng.below(6) as usize)
                .unwrap_or(&0) as u64,
            _ => float(rng, bits),
        };
        v << bits | u128::from(lane)
    })
}

/// A state.
fn start(rng: &mut Rng, address: u64) -> Record {
    let mut record = Record::zero();
    for offset in (record::SCRATCH..record::SIZE).step_by(8) {
        let value = if rng.one_in(2) { rng.next() } else { integer(rng) };
        record.set(offset, value);
    }
    for n in 0..31 {
        let value = integer(rng);
        record.set(n * 8, value);
    }
    record.set(248, address + TARGETS.start);
    for n in 0..32 {
        let value = vector(rng);
        record.set_vector(n, value);
    }
    record.set(record::NZCV, rng.below(16) << 28);
    let control = fpcr(rng);
    record.set(record::FPCR, control);
    let status = if rng.one_in(4) { rng.next() & 0x0800_009f } else { 0 };
    record.set(record::FPSR, status);
    record
}

/// A floating-point control value.
fn fpcr(rng: &mut Rng) -> u64 {
    match rng.below(10) {
        0..=5 => 0,
        6..=7 => rng.below(4) << 22,
        // AHP, DN, FZ, RMode, FZ16.
        _ => rng.next() & 0x07c8_0000,
    }
}

/// MRS and MSR of the registers that programs own.
fn system(rng: &mut Rng) -> Group {
    let rt = rng.below(31) as u32;
    let mut words = Vec::new();
    let word = match rng.below(6) {
        0 => asm::mrs(rt, asm::NZCV),
        1 => asm::mrs(rt, asm::FPCR),
        2 => asm::mrs(rt, asm::FPSR),
        3 => asm::msr(asm::NZCV, rt),
        4 => {
            asm::mov(&mut words, rt, rng.next() & 0x0800_009f);
            asm::msr(asm::FPSR, rt)
        }
        _ => {
            asm::mov(&mut words, rt, fpcr(rng));
            asm::msr(asm::FPCR, rt)
        }
    };
    words.push(word);
    Group { words, branch: None }
}

/// Goes back a few groups, at most seven times in a case, and leaves the flags alone.
fn loop_end(rng: &mut Rng, record: u64) -> Group {
    let (a, b) = (rng.below(15) as u32, 15 + rng.below(15) as u32);
    let mut words = Vec::new();
    asm::mov(&mut words, a, record + record::COUNTER as u64);
    // lsr b, b, #3; cbz b.
    words.extend([asm::ldr(b, a, 0), asm::add(b, b, 1), asm::str(b, a, 0)]);
    words.extend([0xd343_fc00 | b << 5 | b, 0xb400_0000 | b]);
    let back = -1 - rng.below(4) as isize;
    Group { words, branch: Some((Branch::Field { lsb: 5, width: 19 }, back)) }
}

/// Sets a field of `word`.
pub(crate) fn with(line: &Line, word: u32, name: &str, value: u32) -> u32 {
    line.with(word.into(), name, value.into()) as u32
}

/// A field.
pub(super) fn field(line: &Line, word: u32, name: &str) -> Option<u32> {
    Some(line.field(word.into(), name)? as u32)
}

/// A field, zero if there is none of this name.
fn get(line: &Line, word: u32, name: &str) -> u32 {
    field(line, word, name).unwrap_or(0)
}

/// A signed field.
fn signed(line: &Line, word: u32, name: &str) -> i64 {
    line.field_named(name).map_or(0, |f| f.signed(word.into()))
}

/// Surrounds `word` with what makes it harmless; None if it cannot be.
fn fit(rng: &mut Rng, word: u32, line: &'static Line, record: u64) -> Option<Group> {
    let plain = |word| Some(Group { words: vec![word], branch: None });
    let branch = |branch, words: Vec<u32>, rng: &mut Rng| {
        Some(Group { words, branch: Some((branch, rng.below(4) as isize)) })
    };
    match line.name {
        "b" | "bl" => return branch(Branch::Field { lsb: 0, width: 26 }, vec![word], rng),
        "b_cond" | "bc_cond" | "cbz" | "cbnz" => {
            return branch(Branch::Field { lsb: 5, width: 19 }, vec![word], rng);
        }
        "tbz" | "tbnz" => return branch(Branch::Field { lsb: 5, width: 14 }, vec![word], rng),
        "cb_reg" | "cb_imm" | "cbb" | "cbh" => {
            return branch(Branch::Field { lsb: 5, width: 9 }, vec![word], rng);
        }
        "br" | "blr" | "ret" => {
            let rn = get(line, word, "rn") % 31;
            return branch(Branch::Adr, vec![rn, with(line, word, "rn", rn)], rng);
        }
        "ldr_lit" | "ldrsw_lit" | "ldrv_lit" => {
            return plain(with(line, word, "imm19", rng.below(16) as u32));
        }
        _ => {}
    }
    if line.name.starts_with("prfm") || line.name.starts_with("prfum") {
        return plain(word);
    }
    let memory = line.section.starts_with("load and store")
        || line.section.starts_with("atomic memory")
        || line.section.starts_with("memory ");
    if !memory {
        return plain(word);
    }
    if line.feature() == "FEAT_MOPS" {
        return copy(rng, word, line, record);
    }
    access(rng, word, line, record)
}

/// A memory copy or set: prologue, main part and epilogue. What the registers hold between them is
/// up to the processor.
fn copy(rng: &mut Rng, word: u32, line: &'static Line, record: u64) -> Option<Group> {
    let (rd, rs, rn) = (get(line, word, "rd"), get(line, word, "rs"), get(line, word, "rn"));
    let is_set = line.name == "mops_set";
    if rd == rs || rd == rn || rs == rn || rd == 31 || rn == 31 || !is_set && rs == 31 {
        return None;
    }
    let mut words = Vec::new();
    let mut address = || record + TARGETS.start + rng.below(TARGETS.end - TARGETS.start);
    let (mut to, mut from) = (address(), address());
    if line.name == "mops_cpyf" && from < to {
        // What a forward copy makes of memory that it has overwritten depends on its steps.
        (to, from) = (from, to);
    }
    asm::mov(&mut words, rd, to);
    if !is_set {
        asm::mov(&mut words, rs, from);
    }
    let size = if rng.one_in(4) { 0 } else { rng.below(200) };
    asm::mov(&mut words, rn, size);
    words.extend((0..3).map(|stage| {
        if is_set {
            with(line, word, "op2", stage << 2 | get(line, word, "op2") & 3)
        } else {
            with(line, word, "op1", stage)
        }
    }));
    Some(Group { words, branch: None })
}

/// A load or store whose base register is set first.
fn access(rng: &mut Rng, word: u32, line: &'static Line, record: u64) -> Option<Group> {
    let mut word = word;
    let field = |name: &str| line.field_named(name).is_some();
    let (rn, rt, rt2, rs) = (
        get(line, word, "rn"),
        get(line, word, "rt"),
        get(line, word, "rt2"),
        get(line, word, "rs"),
    );
    let vector = line.name.contains('v') && !line.name.starts_with("ldeor")
        || line.section.contains("vector");
    let (_, form) = line.name.split_once('_').unwrap_or((line.name, ""));
    let writeback = matches!(form, "post" | "pre");
    // CONSTRAINED UNPREDICTABLE combinations.
    let load = line.name.starts_with("ld");
    if writeback && !vector && rn != 31 && (rt == rn || field("rt2") && rt2 == rn)
        || load && field("rt2") && rt == rt2
    {
        return None;
    }
    let exclusive_store = line.name.starts_with("st") && field("rs");
    if exclusive_store && (rs == rt || rs == rn && rn != 31 || field("rt2") && rs == rt2) {
        return None;
    }
    if line.name == "casp" && !rng.one_in(8) {
        word = with(line, word, "rs", rs & 30);
        word = with(line, word, "rt", rt & 30);
    }
    let size = get(line, word, "size");
    let scale = if field("q") && !line.section.contains("structures") {
        get(line, word, "q") << 2 | size
    } else if field("opc") {
        get(line, word, "opc") + 2
    } else if field("x") {
        get(line, word, "x") + 2
    } else if line.name.starts_with("ldpsw") {
        2
    } else {
        size
    };
    let ordered = line.section.contains("ordered") || line.section.starts_with("atomic");
    if ordered {
        // Misaligned ones depend on FEAT_LSE2: tests/cpu/alignment.c is about them.
        word = with(line, word, "imm9", get(line, word, "imm9") & !15);
    }
    let mut words = Vec::new();
    let mut offset = 0;
    if field("imm12") {
        offset = i64::from(get(line, word, "imm12")) << scale;
    } else if field("imm9") && form != "post" {
        offset = signed(line, word, "imm9");
    } else if field("imm7") && form != "post" {
        offset = signed(line, word, "imm7") << scale;
    } else if field("option") {
        let mut rm = get(line, word, "rm");
        if rm == rn {
            rm = (rn + 1) % 31;
            word = with(line, word, "rm", rm);
        }
        let option = get(line, word, "option");
        let small = if option == 2 { rng.below(16) as i64 } else { rng.below(32) as i64 - 16 };
        let value = if option & 1 != 0 {
            small.cast_unsigned()
        } else {
            rng.next() << 32 | small.cast_unsigned() & 0xffff_ffff
        };
        if rm != 31 {
            asm::mov(&mut words, rm, value);
            offset = small << if get(line, word, "s") != 0 { scale } else { 0 };
        }
    }
    let mut target = record + TARGETS.start + rng.below(TARGETS.end - TARGETS.start);
    if ordered || rn == 31 {
        target &= !15;
    }
    let mut base = target.wrapping_add_signed(-offset);
    if rn == 31 {
        base &= !15;
        let temp = if get(line, word, "rm") == 17 { 16 } else { 17 };
        asm::mov(&mut words, temp, base);
        words.push(asm::add(31, temp, 0));
    } else {
        if !ordered && rng.one_in(16) {
            base |= rng.next() << 56;
        }
        asm::mov(&mut words, rn, base);
    }
    if exclusive_store && rng.one_in(2) {
        // An exclusive load of another size before it would make the outcome the processor's choice.
        words.push(asm::CLREX);
    } else if exclusive_store {
        let loaded = (rn + 3) % 31;
        let pair = field("rt2");
        words.push(if pair {
            0x887f_0000 | get(line, word, "x") << 30 | ((loaded + 1) % 31) << 10 | rn << 5 | loaded
        } else {
            0x085f_7c00 | size << 30 | rn << 5 | loaded
        });
        // The base must still be there, and so must the status register's rules.
        if (loaded + 1) % 31 == rn {
            return None;
        }
    }
    words.push(word);
    find(word).is_some_and(|l| std::ptr::eq(l, line)).then_some(Group { words, branch: None })
}
