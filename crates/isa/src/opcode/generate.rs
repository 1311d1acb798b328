//! Random encodings of a line.

use super::row::{Kind, Map, Mark, Modrm, Prefix, Row, Size, Suffix, Vex};
use crate::rng::Rng;

/// An encoding.
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where a displacement of four bytes is that is an address of its own, or is added to the next
    /// instruction's: whoever wants to execute it puts one there that exists.
    pub address_at: Option<usize>,
}

/// What is chosen before the bytes are put together.
#[derive(Default)]
struct Choice {
    w: bool,
    r: bool,
    x: bool,
    b: bool,
    vvvv: u8,
    long: bool,
    /// In the two lowest bits of VEX.
    pp: u8,
    /// 66 makes operands of variable size smaller.
    small: bool,
    /// There is a prefix 67.
    narrow: bool,
}

/// An encoding of `row` for 64-bit mode, or one that a more specific line has: the decoder knows.
pub fn encode(row: &Row, rng: &mut Rng) -> Encoded {
    let mut out = Encoded::default();
    let one_in = |rng: &mut Rng, n: u64| rng.below(n) == 0;
    let variable = uses(row, &[Size::V, Size::Z, Size::P, Size::V2, Size::VWord]);
    let wide = variable || uses(row, &[Size::Y, Size::YByte, Size::YWord, Size::YDouble]);
    let memory = match row.modrm {
        Modrm::None | Modrm::Whole(_) => false,
        _ => row.memory().unwrap_or_else(|| !one_in(rng, 2)),
    };
    let [small, narrow] = legacy(row, memory, variable, rng, &mut out.bytes);
    let choice = Choice {
        w: row.w.unwrap_or_else(|| wide && one_in(rng, 2)),
        r: one_in(rng, 2),
        x: one_in(rng, 2),
        b: one_in(rng, 2) && !row.has(Mark::NoB),
        vvvv: if row.has_kind(Kind::H) || row.has_kind(Kind::B) { rng.below(16) as u8 } else { 0 },
        long: match row.vex {
            Some(Vex::V256) => true,
            Some(Vex::V128) | None => false,
            Some(_) => one_in(rng, 2),
        },
        pp: match row.prefix {
            Some(Prefix::Size) => 1,
            Some(Prefix::F3) => 2,
            Some(Prefix::F2) => 3,
            _ => 0,
        },
        small,
        narrow,
    };
    match row.vex {
        Some(_) => vex(row, &choice, rng, &mut out.bytes),
        None => rex(row, &choice, rng, &mut out.bytes),
    }
    let more = match row.suffix {
        Suffix::Nothing => 0,
        suffix => rng.below(suffix.opcodes().into()) as u8,
    };
    out.bytes.push(row.opcode + more);
    operands(row, memory, more, &choice, rng, &mut out);
    out
}

fn uses(row: &Row, sizes: &[Size]) -> bool {
    row.operands.iter().chain(&row.implied).any(|o| sizes.contains(&o.size))
}

/// Prefixes before REX or VEX; whether 66 changes the size of operands, and whether there is 67.
fn legacy(
    row: &Row,
    memory: bool,
    variable: bool,
    rng: &mut Rng,
    bytes: &mut Vec<u8>,
) -> [bool; 2] {
    let mut narrow = false;
    let strings =
        [Kind::X, Kind::Y, Kind::Yd, Kind::O, Kind::Xlat].iter().any(|k| row.has_kind(*k));
    if memory || strings {
        match rng.below(24) {
            0 => bytes.push(0x64),
            1 => bytes.push(0x65),
            2 => {
                narrow = true;
                bytes.push(0x67);
            }
            _ => {}
        }
    }
    if memory && row.has(Mark::Lock) && rng.below(4) == 0 {
        bytes.push(0xf0);
    }
    if row.has(Mark::Repeat) && rng.below(2) == 0 {
        bytes.push(if rng.below(2) == 0 { 0xf2 } else { 0xf3 });
    }
    if row.vex.is_some() {
        return [false, narrow];
    }
    let free = matches!(row.prefix, None | Some(Prefix::NoRepeat | Prefix::F2 | Prefix::F3));
    let small = free && variable && rng.below(4) == 0;
    if small || row.prefix == Some(Prefix::Size) {
        bytes.push(0x66);
    }
    match row.prefix {
        Some(Prefix::F3) => bytes.push(0xf3),
        Some(Prefix::F2) => bytes.push(0xf2),
        _ => {}
    }
    [small, narrow]
}

fn rex(row: &Row, choice: &Choice, rng: &mut Rng, bytes: &mut Vec<u8>) {
    let bits = u8::from(choice.w) << 3
        | u8::from(choice.r) << 2
        | u8::from(choice.x) << 1
        | u8::from(choice.b);
    // Without bits it only changes what four of the byte registers are.
    let free = !row.has(Mark::NoB) && rng.below(2) == 0;
    if choice.w || free {
        bytes.push(0x40 | bits);
    }
    match row.map {
        Map::Short => {}
        Map::Two => bytes.push(0x0f),
        Map::Three38 => bytes.extend([0x0f, 0x38]),
        Map::Three3a => bytes.extend([0x0f, 0x3a]),
    }
}

fn vex(row: &Row, choice: &Choice, rng: &mut Rng, bytes: &mut Vec<u8>) {
    let last = (!choice.vvvv & 15) << 3 | u8::from(choice.long) << 2 | choice.pp;
    let r = u8::from(!choice.r) << 7;
    let short = row.map == Map::Two && !choice.w && !choice.x && !choice.b;
    if short && rng.below(2) == 0 {
        bytes.extend([0xc5, r | last]);
        return;
    }
    let map = match row.map {
        Map::Three38 => 2,
        Map::Three3a => 3,
        _ => 1,
    };
    let first = r | u8::from(!choice.x) << 6 | u8::from(!choice.b) << 5 | map;
    bytes.extend([0xc4, first, u8::from(choice.w) << 7 | last]);
}

/// ModRM and what follows.
fn operands(row: &Row, memory: bool, more: u8, choice: &Choice, rng: &mut Rng, out: &mut Encoded) {
    let middle = match row.modrm {
        Modrm::Middle(middle) => middle,
        _ => rng.below(8) as u8,
    };
    match row.modrm {
        Modrm::None => {}
        Modrm::Whole(byte) => out.bytes.push(byte),
        _ if memory => address(row, middle, rng, out),
        _ => out.bytes.push(0xc0 | middle << 3 | rng.below(8) as u8),
    }
    let byte = row.suffix == Suffix::Width && more == 0;
    let variable = match (byte, choice.w, choice.small) {
        (true, ..) => 1,
        (_, true, _) => 8,
        (.., true) => 2,
        _ => 4,
    };
    for operand in &row.operands {
        let size = match operand.size {
            Size::B => 1,
            Size::W => 2,
            Size::V => variable,
            Size::Z => variable.min(4),
            _ => 1,
        };
        match operand.kind {
            Kind::I | Kind::Is => immediate(size, rng, &mut out.bytes),
            Kind::L => out.bytes.push(rng.next() as u8),
            // Near, where there are breakpoints to find.
            Kind::J if operand.size == Size::B => out.bytes.push(rng.next() as u8),
            Kind::J => {
                let far = rng.below(1024) as i32 - 512;
                out.bytes.extend(far.to_le_bytes());
            }
            Kind::O => {
                let len = if choice.narrow { 4 } else { 8 };
                out.address_at = Some(out.bytes.len());
                out.bytes.extend(std::iter::repeat_n(0, len));
            }
            _ => {}
        }
    }
}

/// A memory operand.
fn address(row: &Row, middle: u8, rng: &mut Rng, out: &mut Encoded) {
    let vector = row.has_kind(Kind::Vm);
    let mode = rng.below(3) as u8;
    let rm = if vector { 4 } else { rng.below(8) as u8 };
    out.bytes.push(mode << 6 | middle << 3 | rm);
    let mut alone = mode == 0 && rm == 5;
    let mut whole = alone;
    if rm == 4 {
        let sib = rng.next() as u8;
        out.bytes.push(sib);
        whole = mode == 0 && sib & 7 == 5;
        // With an index a displacement is like any other.
        alone = whole && sib >> 3 & 7 == 4;
    }
    match mode {
        _ if alone => {
            out.address_at = Some(out.bytes.len());
            out.bytes.extend([0; 4]);
        }
        1 => out.bytes.push(rng.next() as u8),
        2 => immediate(4, rng, &mut out.bytes),
        _ if whole => immediate(4, rng, &mut out.bytes),
        _ => {}
    }
}

/// An immediate of `size` bytes; corners are frequent.
fn immediate(size: usize, rng: &mut Rng, bytes: &mut Vec<u8>) {
    let random = rng.next();
    let bits = size * 8;
    let value = match rng.below(8) {
        0 => 0,
        1 => u64::MAX,
        2 => 1 << (bits - 1),
        3 => (1 << (bits - 1)) - 1,
        4 => random & 0x3f,
        _ => random,
    };
    bytes.extend(&value.to_le_bytes()[..size]);
}
