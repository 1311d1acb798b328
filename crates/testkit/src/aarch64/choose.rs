//! Makes random cases: states full of corner values, and instructions whose operands fit.

use asm::aarch64 as a64;
use guest::{Guest as _, Mode};
use guest_aarch64::encoding::{TABLE, find};
use ir::OpCode;

use super::{FPCR, FPSR, LAYOUT, NZCV, SP, VECTORS, idiom, known, special};
use crate::diff::case::{Branch, Case, Group, Hop};
use crate::diff::program::record_address;
use crate::diff::record::{self, Record};
use crate::diff::value::{integer, vector};
use crate::subject;
use isa::{Generator, Line, Rng};

/// Makes cases.
#[derive(Debug)]
pub(super) struct Chooser {
    all: Generator,
    base: Generator,
}

impl Chooser {
    /// Chooses among the implemented lines that pass `filter`.
    pub(super) fn new(seed: u64, filter: impl Fn(&Line) -> bool) -> Self {
        let wanted = |line: &Line| filter(line) && !known::avoided(line);
        let base = |line: &Line| {
            wanted(line) && !line.section.contains("SIMD") && !line.section.contains("floating")
        };
        Self {
            all: Generator::new(&TABLE, seed, wanted),
            base: Generator::new(&TABLE, !seed, base),
        }
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
                    record + (targets().start + rng.below(targets().end - targets().start) & !15);
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
                return Some(group(&[word], None));
            }
            if let Some(group) = fit(&mut generator.rng, word, line, record)
                && (!undefined(group.instruction()) || generator.rng.one_in(40))
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
        let rng = &mut self.all.rng;
        let start = start(rng, record);
        let groups = 1 + rng.below(length);
        let groups = (0..groups).filter_map(|_| self.group(record)).collect();
        Case { start, groups }
    }
}

/// Where loads and stores go, from the start of the record.
fn targets() -> std::ops::Range<u64> {
    LAYOUT.targets()
}

/// Instructions, and perhaps a branch at their end.
pub(super) fn group(words: &[u32], branch: Option<Branch>) -> Group {
    Group::of_words(words, branch)
}

/// A branch with its displacement in words, in a field of `WIDTH` bits at bit `LSB`.
pub(super) fn field<const LSB: u32, const WIDTH: u32>(code: &mut [u8], hop: Hop) {
    let mask = ((1u32 << WIDTH) - 1) << LSB;
    let words = (hop.to.wrapping_sub(hop.at) >> 2) as u32;
    set(code, hop.at, |word| word & !mask | words << LSB & mask);
}

/// ADR, in the first word of the group, to a register that the branch goes to.
fn adr(code: &mut [u8], hop: Hop) {
    let words = ((hop.to - hop.group) >> 2) as u32;
    set(code, hop.group, |register| a64::adr(register & 31, words));
}

/// Changes the word at `at`.
fn set(code: &mut [u8], at: usize, change: impl FnOnce(u32) -> u32) {
    if let Some(bytes) = code[at..].first_chunk_mut() {
        *bytes = change(u32::from_le_bytes(*bytes)).to_le_bytes();
    }
}

/// Whether the product says that `word` is undefined.
fn undefined(code: &[u8]) -> bool {
    let Some(word) = code.first_chunk().map(|word| u32::from_le_bytes(*word)) else {
        return false;
    };
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

/// A state.
fn start(rng: &mut Rng, address: u64) -> Record {
    let mut record = Record::zero();
    for offset in (LAYOUT.memory..record::SIZE).step_by(8) {
        let value = if rng.one_in(2) { rng.next() } else { integer(rng) };
        record.set(offset, value);
    }
    for n in 0..31 {
        let value = integer(rng);
        record.set(n * 8, value);
    }
    record.set(SP, address + targets().start);
    for n in 0..32 {
        let value = vector(rng);
        record.set_wide(VECTORS + n * 16, value);
    }
    record.set(NZCV, rng.below(16) << 28);
    let control = fpcr(rng);
    record.set(FPCR, control);
    let status = if rng.one_in(4) { rng.next() & 0x0800_009f } else { 0 };
    record.set(FPSR, status);
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
        0 => a64::mrs(rt, a64::NZCV),
        1 => a64::mrs(rt, a64::FPCR),
        2 => a64::mrs(rt, a64::FPSR),
        3 => a64::msr(a64::NZCV, rt),
        4 => {
            super::mov(&mut words, rt, rng.next() & 0x0800_009f);
            a64::msr(a64::FPSR, rt)
        }
        _ => {
            super::mov(&mut words, rt, fpcr(rng));
            a64::msr(a64::FPCR, rt)
        }
    };
    words.push(word);
    group(&words, None)
}

/// Goes back a few groups, at most seven times in a case, and leaves the flags alone.
fn loop_end(rng: &mut Rng, record: u64) -> Group {
    let (a, b) = (rng.below(15) as u32, 15 + rng.below(15) as u32);
    let mut words = Vec::new();
    super::mov(&mut words, a, record + record::COUNTER as u64);
    // lsr b, b, #3; cbz b.
    words.extend([a64::ldr(b, a, 0), a64::add(b, b, 1), a64::str(b, a, 0)]);
    words.extend([0xd343_fc00 | b << 5 | b, 0xb400_0000 | b]);
    let back = -1 - rng.below(4) as isize;
    group(&words, Some(Branch { set: field::<5, 19>, skip: back }))
}

/// Sets a field of `word`.
pub(crate) fn with(line: &Line, word: u32, name: &str, value: u32) -> u32 {
    line.with(word.into(), name, value.into()) as u32
}

/// A field.
pub(super) fn get(line: &Line, word: u32, name: &str) -> Option<u32> {
    Some(line.field(word.into(), name)? as u32)
}

/// A field, zero if there is none of this name.
fn value(line: &Line, word: u32, name: &str) -> u32 {
    get(line, word, name).unwrap_or(0)
}

/// A signed field.
fn signed(line: &Line, word: u32, name: &str) -> i64 {
    line.field_named(name).map_or(0, |f| f.signed(word.into()))
}

/// Surrounds `word` with what makes it harmless; None if it cannot be.
fn fit(rng: &mut Rng, word: u32, line: &'static Line, record: u64) -> Option<Group> {
    let plain = |word| Some(group(&[word], None));
    let branch = |set: fn(&mut [u8], Hop), words: Vec<u32>, rng: &mut Rng| {
        Some(group(&words, Some(Branch { set, skip: rng.below(4) as isize })))
    };
    match line.name {
        "b" | "bl" => return branch(field::<0, 26>, vec![word], rng),
        "b_cond" | "bc_cond" | "cbz" | "cbnz" => {
            return branch(field::<5, 19>, vec![word], rng);
        }
        "tbz" | "tbnz" => return branch(field::<5, 14>, vec![word], rng),
        "cb_reg" | "cb_imm" | "cbb" | "cbh" => {
            return branch(field::<5, 9>, vec![word], rng);
        }
        "br" | "blr" | "ret" => {
            let rn = value(line, word, "rn") % 31;
            return branch(adr, vec![rn, with(line, word, "rn", rn)], rng);
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
    let (rd, rs, rn) = (value(line, word, "rd"), value(line, word, "rs"), value(line, word, "rn"));
    let is_set = line.name == "mops_set";
    if rd == rs || rd == rn || rs == rn || rd == 31 || rn == 31 || !is_set && rs == 31 {
        return None;
    }
    let mut words = Vec::new();
    let mut address = || record + targets().start + rng.below(targets().end - targets().start);
    let (mut to, mut from) = (address(), address());
    if line.name == "mops_cpyf" && from < to {
        // What a forward copy makes of memory that it has overwritten depends on its steps.
        (to, from) = (from, to);
    }
    super::mov(&mut words, rd, to);
    if !is_set {
        super::mov(&mut words, rs, from);
    }
    let size = if rng.one_in(4) { 0 } else { rng.below(200) };
    super::mov(&mut words, rn, size);
    words.extend((0..3).map(|stage| {
        if is_set {
            with(line, word, "op2", stage << 2 | value(line, word, "op2") & 3)
        } else {
            with(line, word, "op1", stage)
        }
    }));
    Some(group(&words, None))
}

/// A load or store whose base register is set first.
fn access(rng: &mut Rng, word: u32, line: &'static Line, record: u64) -> Option<Group> {
    let mut word = word;
    let field = |name: &str| line.field_named(name).is_some();
    let (rn, rt, rt2, rs) = (
        value(line, word, "rn"),
        value(line, word, "rt"),
        value(line, word, "rt2"),
        value(line, word, "rs"),
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
    let size = value(line, word, "size");
    let scale = if field("q") && !line.section.contains("structures") {
        value(line, word, "q") << 2 | size
    } else if field("opc") {
        value(line, word, "opc") + 2
    } else if field("x") {
        value(line, word, "x") + 2
    } else if line.name.starts_with("ldpsw") {
        2
    } else {
        size
    };
    let ordered = line.section.contains("ordered") || line.section.starts_with("atomic");
    if ordered {
        // Misaligned ones depend on FEAT_LSE2: tests/cpu/aarch64/alignment.c is about them.
        word = with(line, word, "imm9", value(line, word, "imm9") & !15);
    }
    let mut words = Vec::new();
    let mut offset = 0;
    if field("imm12") {
        offset = i64::from(value(line, word, "imm12")) << scale;
    } else if field("imm9") && form != "post" {
        offset = signed(line, word, "imm9");
    } else if field("imm7") && form != "post" {
        offset = signed(line, word, "imm7") << scale;
    } else if field("option") {
        let mut rm = value(line, word, "rm");
        if rm == rn {
            rm = (rn + 1) % 31;
            word = with(line, word, "rm", rm);
        }
        let option = value(line, word, "option");
        let small = if option == 2 { rng.below(16) as i64 } else { rng.below(32) as i64 - 16 };
        let index = if option & 1 != 0 {
            small.cast_unsigned()
        } else {
            rng.next() << 32 | small.cast_unsigned() & 0xffff_ffff
        };
        if rm != 31 {
            super::mov(&mut words, rm, index);
            offset = small << if value(line, word, "s") != 0 { scale } else { 0 };
        }
    }
    let mut target = record + targets().start + rng.below(targets().end - targets().start);
    if ordered || rn == 31 {
        target &= !15;
    }
    let mut base = target.wrapping_add_signed(-offset);
    if rn == 31 {
        base &= !15;
        let temp = if value(line, word, "rm") == 17 { 16 } else { 17 };
        super::mov(&mut words, temp, base);
        words.push(a64::add(31, temp, 0));
    } else {
        if !ordered && rng.one_in(16) {
            base |= rng.next() << 56;
        }
        super::mov(&mut words, rn, base);
    }
    if exclusive_store && rng.one_in(2) {
        // An exclusive load of another size before it would make the outcome the processor's choice.
        words.push(a64::CLREX);
    } else if exclusive_store {
        let loaded = (rn + 3) % 31;
        let pair = field("rt2");
        words.push(if pair {
            0x887f_0000
                | value(line, word, "x") << 30
                | ((loaded + 1) % 31) << 10
                | rn << 5
                | loaded
        } else {
            0x085f_7c00 | size << 30 | rn << 5 | loaded
        });
        // The base must still be there, and so must the status register's rules.
        if (loaded + 1) % 31 == rn {
            return None;
        }
    }
    words.push(word);
    find(word).is_some_and(|l| std::ptr::eq(l, line)).then_some(group(&words, None))
}
