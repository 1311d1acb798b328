//! Vector instructions: vl and vtype that they are legal with, registers, addresses.

use asm::riscv64 as rv;
use guest_riscv64::encoding::TABLE;
use isa::{Line, Rng};

use super::choose::{Place, undefined};
use super::fit::{finish, with};
use super::li;
use crate::diff::case::Group;

/// What vl and vtype are, as far as the order of instructions tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// vtype.
    pub(super) vtype: u64,
    /// vl.
    pub(super) vl: u64,
}

/// Bits of a vector register.
const VLEN: i32 = 128;

impl Kind {
    /// From SEW and LMUL, as powers of two.
    fn new(sew: i32, lmul: i32, agnostic: u64, vl: u64) -> Self {
        let vtype = agnostic << 6 | ((sew - 3) as u64) << 3 | (lmul & 7) as u64;
        Self { vtype, vl: vl.min(max(sew, lmul)) }
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
    /// `vsetivli zero, vl, vtype`, or with a register.
    fn set(self, code: &mut Vec<u8>, free: u32) {
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
        _ => {
            let mut code = Vec::new();
            if rng.one_in(3) {
                *kind = Kind::random(rng);
                let free = place.register(rng, &[]);
                kind.set(&mut code, free);
            }
            if line.name == "vfwmaccbf16_vf" {
                // The oracle takes an operand that is not boxed for another number (see `known`).
                let free = place.register(rng, &[]);
                li(&mut code, free, u64::MAX << 16 | rng.below(1 << 16));
                let fs1 = line.field(word, "fs1")? as u32;
                // fmv.d.x
                rv::push(&mut code, 0xf200_0053 | free << 15 | fs1 << 7);
            }
            let word = registers(rng, word, line, *kind)?;
            finish(code, word, line, None)
        }
    }
}

/// `word` with registers that make it legal, mostly.
fn registers(rng: &mut Rng, word: u64, line: &'static Line, kind: Kind) -> Option<u64> {
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
        if line.section == "V: reductions" && line.field(new, "vm") == Some(0) {
            // The mask as the other source is reserved, which only the newer oracle knows.
            let vs1 = line.field(new, "vs1")? as u32;
            new = with(line, new, "vs1", vs1.max(1));
        }
        let code = new.to_le_bytes();
        let same = TABLE.find(new, 4).is_some_and(|l| std::ptr::eq(l, line));
        if same && !undefined(&code[..4], kind) {
            return Some(new);
        }
    }
    rng.one_in(20).then_some(word)
}

fn configuration(
    rng: &mut Rng,
    word: u64,
    line: &'static Line,
    place: Place,
    kind: &mut Kind,
) -> Option<Group> {
    if rng.one_in(60) {
        // Any vtype, which is mostly an illegal one: the next group sets another.
        return finish(Vec::new(), word, line, None);
    }
    let next = Kind::random(rng);
    let limit = max(next.sew(), next.lmul());
    let mut code = Vec::new();
    let mut word = word;
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
fn width(line: &Line, word: u64) -> i32 {
    match (line.name, word >> 12 & 7) {
        (_, 0) => 3,
        (_, 5) => 4,
        (_, 6) => 5,
        _ => 6,
    }
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
    li(&mut code, rs1, place.target(rng) & !7);
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
            let eew = width(line, word);
            let emul = eew - next.sew() + next.lmul();
            if !(-3..=3).contains(&emul) || eew > 6 + emul.min(0) {
                return None;
            }
            word = registers(rng, word, line, next)?;
            let vs2 = line.field(word, "vs2")? as u32;
            // vand.vx vs2, vs2, free: offsets from 0 to 127.
            li(&mut code, free, 0x7f);
            Kind::new(eew, emul, 0, next.vl).set(&mut code, free);
            rv::push(&mut code, 0x2600_4057 | vs2 << 20 | free << 15 | vs2 << 7);
            next.set(&mut code, free);
            return finish(code, word, line, None);
        }
        next.set(&mut code, free);
    }
    if strided {
        // (x0 is a stride of 0.)
        let rs2 = if rng.one_in(8) { 0 } else { free };
        word = with(line, word, "rs2", rs2);
        if rs2 != 0 {
            li(&mut code, rs2, rng.below(33).wrapping_sub(16));
        }
    }
    let word = registers(rng, word, line, *kind)?;
    finish(code, word, line, None)
}
