//! Vector instructions: vl and vtype that they are legal with, registers, addresses.

use asm::riscv64 as rv;
use guest_riscv64::encoding::TABLE;
use isa::{Line, Rng};

use super::choose::{Place, undefined};
use super::fit::{finish, with};
use super::li;
use crate::diff::case::Group;

/// What vl and vtype are, as far as the order of instructions tells.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Kind {
    /// vtype.
    pub(super) vtype: u64,
    /// vl.
    pub(super) vl: u64,
    /// vstart, of the next vector instruction only.
    pub(super) vstart: u64,
}

/// Bits of a vector register.
const VLEN: i32 = 128;

impl Kind {
    /// From SEW and LMUL, as powers of two.
    fn new(sew: i32, lmul: i32, agnostic: u64, vl: u64) -> Self {
        let vtype = agnostic << 6 | ((sew - 3) as u64) << 3 | (lmul & 7) as u64;
        Self { vtype, vl: vl.min(max(sew, lmul)), vstart: 0 }
    }

    /// The same, sometimes with an element to start from, of `count`.
    fn maybe_started(self, rng: &mut Rng, count: u64) -> Self {
        let vstart = if rng.one_in(8) { rng.below(count.max(1)) } else { 0 };
        Self { vstart, ..self }
    }

    /// A random one: large groups are rarer, as fewer registers can be named with them.
    pub(super) fn random(rng: &mut Rng) -> Self {
        let lmul = [0, 0, 0, 0, 1, 1, 2, 3, -1, -2, -3][rng.below(11) as usize];
        // ELEN is 64, so that a part of a register holds SEW up to a part of that.
        let widest = 3.min(3 + lmul);
        let sew = 3 + rng.below(widest as u64 + 1) as i32;
        let limit = max(sew, lmul);
        let vl = match rng.below(4) {
            0 => rng.below(limit + 1),
            _ => limit,
        };
        Self::new(sew, lmul, rng.below(4), vl)
    }

    /// log2 of SEW.
    fn sew(self) -> i32 {
        3 + (self.vtype >> 3 & 7) as i32
    }
    /// log2 of LMUL.
    fn lmul(self) -> i32 {
        let field = (self.vtype & 7) as i32;
        if field > 3 { field - 8 } else { field }
    }
    /// Writes vstart, if it is not zero.
    fn start(self, code: &mut Vec<u8>, free: u32) {
        if self.vstart != 0 {
            li(code, free, self.vstart);
            rv::push(code, rv::csrw(rv::csr::VSTART, free));
        }
    }
    /// `vsetivli zero, vl, vtype`, or with a register.
    pub(super) fn set(self, code: &mut Vec<u8>, free: u32) {
        if self.vl < 32 {
            let word = 0xc000_7057 | (self.vtype as u32) << 20 | (self.vl as u32) << 15;
            return rv::push(code, word);
        }
        li(code, free, self.vl);
        rv::push(code, 0x7057 | (self.vtype as u32) << 20 | free << 15);
    }
}

/// Most elements.
fn max(sew: i32, lmul: i32) -> u64 {
    (1 << (VLEN.ilog2() as i32 + lmul - sew)) as u64
}

/// Whether it is one of the vectors'.
pub(super) fn is_vector(line: &Line) -> bool {
    line.section.starts_with("V:") || line.section.starts_with("Zv")
}

/// The instruction with what it needs; `kind` is what vl and vtype are before and after it.
pub(super) fn group(
    rng: &mut Rng,
    word: u64,
    line: &'static Line,
    place: Place,
    kind: &mut Kind,
) -> Option<Group> {
    match line.section {
        "V: configuration" => configuration(rng, word, line, place, kind),
        "V: loads and stores" => access(rng, word, line, place, kind),
        _ => computation(rng, word, line, place, kind),
    }
}

/// What neither sets vl and vtype nor accesses memory: after setting those with which it is legal, if
/// they are not yet, or now and then.
fn computation(
    rng: &mut Rng,
    word: u64,
    line: &'static Line,
    place: Place,
    kind: &mut Kind,
) -> Option<Group> {
    let mut next = if rng.one_in(3) { Kind::random(rng) } else { *kind };
    let mut legal = None;
    for _ in 0..8 {
        let count = if rng.one_in(6) { max(next.sew(), next.lmul()) } else { next.vl };
        let started = next.maybe_started(rng, count);
        legal = legal_registers(rng, word, line, started).map(|word| (word, started));
        if legal.is_some() {
            break;
        }
        next = Kind::random(rng);
    }
    let mut code = Vec::new();
    let Some((word, started)) = legal.filter(|_| !rng.one_in(80)) else {
        let unclear = differs(word, line)
            || ["V: reductions", "V: masks", "V: permutations"].contains(&line.section);
        return if unclear { None } else { finish(code, word, line, None) };
    };
    let free = place.register(rng, &[]);
    if next != *kind {
        next.set(&mut code, free);
        *kind = next;
    }
    started.start(&mut code, free);
    if line.name == "vfwmaccbf16_vf" {
        // The oracle takes an operand that is not boxed for another number (see `known`).
        li(&mut code, free, u64::MAX << 16 | rng.below(1 << 16));
        let fs1 = line.field(word, "fs1")? as u32;
        // fmv.d.x
        rv::push(&mut code, 0xf200_0053 | free << 15 | fs1 << 7);
    }
    finish(code, word, line, None)
}

/// Whether the oracles do not agree about `word` (see `known`): a masked reduction whose other source
/// is the mask, and an operand that may not be boxed.
fn differs(word: u64, line: &Line) -> bool {
    line.name == "vfwmaccbf16_vf"
        || line.section == "V: reductions"
            && [line.field(word, "vm"), line.field(word, "vs1")] == [Some(0), Some(0)]
}

/// `word` with registers that make it legal, mostly.
pub(super) fn registers(rng: &mut Rng, word: u64, line: &'static Line, kind: Kind) -> Option<u64> {
    let legal = legal_registers(rng, word, line, kind);
    legal.or_else(|| rng.one_in(20).then_some(word))
}

/// `word` with registers that make it legal.
fn legal_registers(rng: &mut Rng, word: u64, line: &'static Line, kind: Kind) -> Option<u64> {
    let mut new = word;
    for attempt in 0..12 {
        let multiple = [8, 4, 2, 1][(attempt / 3) as usize];
        for name in ["vd", "vs3", "vs2", "vs1"] {
            if line.field_named(name).is_some() {
                let register = rng.below(32) & !(multiple - 1);
                new = with(line, new, name, register as u32);
            }
        }
        if line.field_named("vm").is_some() {
            new = line.with(new, "vm", u64::from(!rng.one_in(3)));
        }
        let code = new.to_le_bytes();
        let same = TABLE.find(new, 4).is_some_and(|l| std::ptr::eq(l, line));
        let reduces = line.section == "V: reductions";
        if same && !(reduces && differs(new, line)) && !undefined(&code[..4], kind) {
            return Some(new);
        }
    }
    None
}

fn configuration(
    rng: &mut Rng,
    word: u64,
    line: &'static Line,
    place: Place,
    kind: &mut Kind,
) -> Option<Group> {
    let mut word = word;
    if rng.one_in(60) {
        // Any vtype, which is mostly an illegal one: the next group sets another. (Bit 8 means something
        // to the newer oracle, which has an extension for other formats of numbers.)
        let mut code = Vec::new();
        if let Some(vtype) = line.field(word, "vtype") {
            word = line.with(word, "vtype", vtype & !0x100);
        } else {
            let rs2 = place.register(rng, &[]);
            word = with(line, word, "rs2", rs2);
            li(&mut code, rs2, rng.next() & !0x100);
        }
        return finish(code, word, line, None);
    }
    let next = Kind::random(rng);
    let limit = max(next.sew(), next.lmul());
    let mut code = Vec::new();
    if line.name == "vsetivli" {
        word = line.with(line.with(word, "vtype", next.vtype), "uimm", next.vl & 31);
        *kind = Kind { vl: limit.min(next.vl & 31), ..next };
        return finish(code, word, line, None);
    }
    let rs1 = place.register(rng, &[]);
    word = with(line, word, "rs1", rs1);
    // Also more than there is room for.
    let wanted = if rng.one_in(3) { rng.next() >> rng.below(64) } else { next.vl };
    li(&mut code, rs1, wanted);
    *kind = Kind { vl: limit.min(wanted), ..next };
    if line.name == "vsetvl" {
        let rs2 = place.register(rng, &[rs1]);
        word = with(line, word, "rs2", rs2);
        li(&mut code, rs2, next.vtype);
    } else {
        word = line.with(word, "vtype", next.vtype);
    }
    finish(code, word, line, None)
}

/// log2 of the bits of an element or index in memory.
pub(super) fn width(word: u64) -> i32 {
    match word >> 12 & 7 {
        0 => 3,
        5 => 4,
        6 => 5,
        _ => 6,
    }
}

/// How many elements a load or store accesses. (The oracle ends with an error if it is to start behind
/// them.)
fn elements(word: u64, kind: Kind) -> u64 {
    match (word >> 26 & 3, word >> 20 & 31) {
        // Whole registers, and masks.
        (0, 8) => (1 + (word >> 29)) * 16 >> (width(word) - 3),
        (0, 11) => kind.vl.div_ceil(8),
        _ => kind.vl,
    }
}

/// Makes the indices of 2^`eew` bits in vs2 offsets from 0 to 127; None if `kind` allows no such ones.
pub(super) fn small_indices(
    code: &mut Vec<u8>,
    vs2: u32,
    eew: i32,
    kind: Kind,
    free: u32,
) -> Option<()> {
    let emul = eew - kind.sew() + kind.lmul();
    if !(-3..=3).contains(&emul) || eew > 6 + emul.min(0) {
        return None;
    }
    Kind::new(eew, emul, 0, kind.vl).set(code, free);
    li(code, free, 0x7f);
    // vand.vx vs2, vs2, free
    rv::push(code, 0x2600_4057 | vs2 << 20 | free << 15 | vs2 << 7);
    Some(())
}

/// A load or store. With a stride or with indices there are few elements, so that all of them are in
/// the record.
fn access(
    rng: &mut Rng,
    word: u64,
    line: &'static Line,
    place: Place,
    kind: &mut Kind,
) -> Option<Group> {
    let rs1 = place.register(rng, &[]);
    let free = place.register(rng, &[rs1]);
    let mut word = with(line, word, "rs1", rs1);
    let mut code = Vec::new();
    let alignment = if rng.one_in(4) { 1 } else { 8 };
    li(&mut code, rs1, place.target(rng) & !(alignment - 1));
    let strided = line.field_named("rs2").is_some();
    let indexed = line.field_named("vs2").is_some();
    if line.field_named("nf").is_some() && !rng.one_in(3) {
        word = line.with(word, "nf", 0);
    }
    if strided || indexed || rng.one_in(3) {
        let mut next = Kind::random(rng);
        next.vl = next.vl.min(15);
        *kind = next;
        if indexed {
            next = next.maybe_started(rng, next.vl);
            word = registers(rng, word, line, next)?;
            small_indices(&mut code, line.field(word, "vs2")? as u32, width(word), next, free)?;
            next.set(&mut code, free);
            next.start(&mut code, free);
            return finish(code, word, line, None);
        }
        next.set(&mut code, free);
    }
    let kind = kind.maybe_started(rng, elements(word, *kind));
    kind.start(&mut code, free);
    if strided {
        // (x0 is a stride of 0.)
        let rs2 = if rng.one_in(8) { 0 } else { free };
        word = with(line, word, "rs2", rs2);
        if rs2 != 0 {
            li(&mut code, rs2, rng.below(33).wrapping_sub(16));
        }
    }
    let word = registers(rng, word, line, kind)?;
    finish(code, word, line, None)
}
