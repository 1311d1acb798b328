//! Surrounds random instructions with what makes them harmless.

use asm::riscv64 as rv;
use guest_riscv64::encoding::TABLE;
use isa::{Line, Rng};

use super::choose::{Place, control};
use super::li;
use crate::diff::case::{Branch, Group, Hop};

/// The register that a field means.
pub(super) fn register(line: &Line, word: u64, name: &str) -> Option<u32> {
    let field = line.field_named(name)?;
    let short = field.width() == 3;
    Some(isa::value(&field.parts, word) as u32 + if short { 8 } else { 0 })
}

/// `word` with the register of a field replaced.
pub(super) fn with(line: &Line, word: u64, name: &str, register: u32) -> u64 {
    let short = line.field_named(name).is_some_and(|f| f.width() == 3);
    line.with(word, name, u64::from(register) & if short { 7 } else { 31 })
}

/// Appends `word` to `code`: the group; None if it is not of `line` any more.
pub(super) fn finish(
    mut code: Vec<u8>,
    word: u64,
    line: &'static Line,
    branch: Option<Branch>,
) -> Option<Group> {
    let last = code.len();
    code.extend(&word.to_le_bytes()[..line.bytes()]);
    let same = TABLE.find(word, line.bytes()).is_some_and(|l| std::ptr::eq(l, line));
    same.then_some(Group { code, last, branch })
}

/// The instruction with what it needs; None if nothing helps.
pub(super) fn group(rng: &mut Rng, word: u64, line: &'static Line, place: Place) -> Option<Group> {
    if writes(line, word, place.kept) {
        return None;
    }
    match line.name {
        "jal" | "c_j" | "beq" | "bne" | "blt" | "bge" | "bltu" | "bgeu" | "c_beqz" | "c_bnez" => {
            // The compressed ones reach 256 bytes.
            let skip = rng.below(if line.name.starts_with("c_b") { 2 } else { 4 }) as isize;
            finish(Vec::new(), word, line, Some(Branch { set: immediate, skip }))
        }
        "jalr" | "c_jr" | "c_jalr" => indirect(rng, word, line, place),
        "csrrw" | "csrrs" | "csrrc" | "csrrwi" | "csrrsi" | "csrrci" => csr(rng, word, line, place),
        "fcvt_s_bf16" => {
            // The older oracle takes an operand that is not boxed for another number.
            let free = place.register(rng, &[]);
            let mut code = Vec::new();
            li(&mut code, free, u64::MAX << 16 | rng.below(1 << 16));
            let fs1 = register(line, word, "fs1")?;
            // fmv.d.x
            rv::push(&mut code, 0xf200_0053 | free << 15 | fs1 << 7);
            finish(code, word, line, None)
        }
        name if name.starts_with("fround") => {
            // The oracle forgets the flags if nothing uses the result: fmv.x.d does.
            let fd = register(line, word, "fd")?;
            let free = place.register(rng, &[]);
            let mut group = finish(Vec::new(), word, line, None)?;
            rv::push(&mut group.code, 0xe200_0053 | fd << 15 | free << 7);
            Some(group)
        }
        name if name.starts_with("prefetch") => finish(Vec::new(), word, line, None),
        "sc_w" | "sc_d" => store_conditional(rng, word, line, place),
        _ if line.section.starts_with("Zacas") => compare_and_swap(rng, word, line, place),
        name if name.starts_with("cbo_") => {
            let rs1 = place.register(rng, &[]);
            let mut code = Vec::new();
            li(&mut code, rs1, place.target(rng));
            finish(code, with(line, word, "rs1", rs1), line, None)
        }
        name if name.starts_with("amo") || name.starts_with("lr_") => {
            let (code, word) = aligned(rng, word, line, place)?;
            finish(code, word, line, None)
        }
        _ if is_access(line) => access(rng, word, line, place),
        _ => finish(Vec::new(), word, line, None),
    }
}

/// Whether the instruction writes `register`.
pub(super) fn writes(line: &Line, word: u64, register_: u32) -> bool {
    let pair = line.name == "amocas_q";
    register(line, word, "rd").is_some_and(|rd| rd == register_ || pair && rd ^ 1 == register_)
}

/// Whether it loads or stores at a register and an offset.
pub(super) fn is_access(line: &Line) -> bool {
    let float = |name: &str| ["flw", "fsw", "fld", "fsd", "flh", "fsh"].contains(&name);
    line.section.contains("load and store")
        || line.section == "C: loads and stores" && { line.name != "c_addi4spn" }
        || float(line.name)
}

/// Sets the offset of a branch; its encoding says where the bits are.
pub(super) fn immediate(code: &mut [u8], hop: Hop) {
    let Some((line, word, len)) = TABLE.decode(&code[hop.at..]) else { return };
    let word = line.with(word, "imm", hop.to.wrapping_sub(hop.at) as u64);
    code[hop.at..hop.at + len].copy_from_slice(&word.to_le_bytes()[..len]);
}

/// The group starts with `auipc` and `addi`, which compute where `jalr` goes.
fn address(code: &mut [u8], hop: Hop) {
    let offset = match TABLE.decode(&code[hop.at..]) {
        Some((line, word, _)) => line.field_named("imm").map_or(0, |f| f.signed(word)),
        None => 0,
    };
    let distance = (hop.to as i64 - hop.group as i64 - offset) as i32;
    if let Some(addi) = code[hop.group + 4..].first_chunk_mut() {
        let word = u32::from_le_bytes(*addi) & 0xf_ffff | distance.cast_unsigned() << 20;
        *addi = word.to_le_bytes();
    }
}

fn indirect(rng: &mut Rng, word: u64, line: &'static Line, place: Place) -> Option<Group> {
    // c.jalr writes ra.
    let rs1 = place.register(rng, if line.name == "c_jalr" { &[1] } else { &[] });
    let mut word = with(line, word, "rs1", rs1);
    word = line.with(word, "imm", rng.below(64).wrapping_sub(32));
    let mut code = Vec::new();
    rv::push(&mut code, rv::auipc(rs1, 0));
    rv::push(&mut code, rv::addi(rs1, rs1, 0));
    let skip = rng.below(4) as isize;
    finish(code, word, line, Some(Branch { set: address, skip }))
}

/// fflags, frm and fcsr; rarely another one.
fn csr(rng: &mut Rng, word: u64, line: &'static Line, place: Place) -> Option<Group> {
    // fflags, frm, fcsr; vxsat, vxrm, vcsr; vl, vtype, vlenb.
    const NUMBERS: [u64; 12] = [1, 2, 3, 1, 2, 3, 9, 10, 15, 0xc20, 0xc21, 0xc22];
    let number = match rng.below(40) {
        0 => rng.below(0xc00),
        _ => NUMBERS[rng.below(12) as usize],
    };
    // What follows a write of vstart is mostly reserved.
    if number == 8 {
        return None;
    }
    let mut word = line.with(word, "csr", number);
    let mut code = Vec::new();
    if line.field_named("rs1").is_some() && !rng.one_in(4) {
        let rs1 = place.register(rng, &[]);
        word = with(line, word, "rs1", rs1);
        let value = control(rng);
        li(&mut code, rs1, if number == 2 { value >> 5 } else { value });
    } else if number == 2 && !rng.one_in(4) {
        // Rounding modes from 5 on make most of what follows undefined.
        word = line.with(word, "uimm", rng.below(5));
    }
    finish(code, word, line, None)
}

/// Bytes that an atomic instruction accesses.
fn size(line: &Line) -> u64 {
    match line.name.rsplit('_').next() {
        Some("b") => 1,
        Some("h") => 2,
        Some("w") => 4,
        Some("d") => 8,
        _ => 16,
    }
}

/// An atomic instruction whose address is aligned, and code that makes it.
fn aligned(rng: &mut Rng, word: u64, line: &Line, place: Place) -> Option<(Vec<u8>, u64)> {
    let rs1 = place.register(rng, &[]);
    let mut code = Vec::new();
    li(&mut code, rs1, place.target(rng) & !(size(line) - 1));
    Some((code, with(line, word, "rs1", rs1)))
}

/// A store to what a load has just reserved: whether another one succeeds is the processor's choice.
fn store_conditional(rng: &mut Rng, word: u64, line: &'static Line, place: Place) -> Option<Group> {
    let (mut code, word) = aligned(rng, word, line, place)?;
    let rs1 = register(line, word, "rs1")?;
    let loaded = place.register(rng, &[rs1]);
    let width = if line.name == "sc_w" { 2 } else { 3 };
    // lr, with any ordering.
    let order = (rng.below(4) as u32) << 25;
    rv::push(&mut code, 0x1000_002f | order | rs1 << 15 | width << 12 | loaded << 7);
    finish(code, word, line, None)
}

/// The expected value is loaded first, mostly.
fn compare_and_swap(
    rng: &mut Rng,
    mut word: u64,
    line: &'static Line,
    place: Place,
) -> Option<Group> {
    let rd = register(line, word, "rd")?;
    let quad = line.name == "amocas_q";
    if rd == 0 {
        // The oracle spoils its zero (see `known`).
        return None;
    }
    if quad && !rng.one_in(8) {
        for name in ["rd", "rs2"] {
            let even = register(line, word, name)? & !1;
            word = with(line, word, name, even);
        }
    }
    let rd = rd & if quad { !1 } else { !0 };
    if rd == 0 {
        return None;
    }
    let (mut code, word) = aligned(rng, word, line, place)?;
    let rs1 = register(line, word, "rs1")?;
    if writes(line, word, place.kept) {
        return None;
    }
    if rd != rs1 && (!quad || rd + 1 != rs1) && !rng.one_in(4) {
        rv::push(&mut code, rv::ld(rd, rs1, 0));
        if quad {
            rv::push(&mut code, rv::ld(rd + 1, rs1, 8));
        }
    }
    finish(code, word, line, None)
}

/// A load or store whose base is set first.
fn access(rng: &mut Rng, word: u64, line: &'static Line, place: Place) -> Option<Group> {
    let mut word = word;
    let base = match line.field_named("rs1") {
        // The compressed forms without a base use the stack pointer.
        None => 2,
        Some(field) => {
            let mut rs1 = register(line, word, "rs1")?;
            if rs1 == 0 || rs1 == place.kept {
                rs1 = place.register(rng, &[]);
                if field.width() == 3 {
                    return None;
                }
                word = with(line, word, "rs1", rs1);
            }
            rs1
        }
    };
    if base == place.kept {
        return None;
    }
    let offset = line.field_named("imm").map_or(0, |f| match line.bytes() {
        2 => isa::value(&f.parts, word).cast_signed(),
        _ => f.signed(word),
    });
    let mut target = place.target(rng);
    if rng.one_in(2) {
        target &= !7;
    }
    let mut code = Vec::new();
    li(&mut code, base, target.wrapping_add_signed(-offset));
    finish(code, word, line, None)
}
