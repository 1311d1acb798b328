//! Random states for an instruction, such that its memory is there and most of its cases happen.

use guest_x86::decode::{Bits, Insn, Op, Operand, Prefixes, decode};
use guest_x86::encoding;
use isa::Rng;
use isa::opcode::{Kind, Mark, Row, encode};
use sys::arch::native::{AT, Job, MEMORY, Registers};

use super::fit;
use crate::diff::value;

/// The arithmetic flags and that of direction.
const FLAGS: u64 = 0xcd5;
const DIRECTION: u64 = 0x400;

/// An instruction of `op` whose absolute address, if it has one, is in the memory.
pub(crate) fn instruction(op: Op, rng: &mut Rng) -> Option<(Insn, Vec<u8>)> {
    let row = encoding::row(op);
    for _ in 0..200 {
        let encoded = encode(row, rng);
        let mut bytes = encoded.bytes;
        let Ok(mut insn) = decode(&bytes, Bits::B64) else { continue };
        if insn.op != op || usize::from(insn.len) != bytes.len() {
            continue;
        }
        // With AMD's processors a near branch of 16 bits jumps within 64 KiB, with Intel's the prefix does
        // nothing.
        if row.has(Mark::Force64) && insn.prefixes.any(Prefixes::SIZE) {
            continue;
        }
        // Not into what is around it.
        if insn.operands[0] == Operand::Rel && (-24..24).contains(&insn.imm) {
            continue;
        }
        if let Some(at) = encoded.address_at {
            let next = if insn.memory.rip { AT + bytes.len() as u64 } else { 0 };
            let to = fit::target(&insn, rng).wrapping_sub(next);
            let len =
                bytes[at..].len().min(if bytes.len() - at >= 8 && is_moffs(row) { 8 } else { 4 });
            bytes[at..at + len].copy_from_slice(&to.to_le_bytes()[..len]);
            insn = decode(&bytes, Bits::B64).ok()?;
        }
        // Not more frames than there is memory.
        if let (Op::Enter, [.., level]) = (op, &mut bytes[..]) {
            *level &= 3;
            insn = decode(&bytes, Bits::B64).ok()?;
        }
        return Some((insn, bytes));
    }
    None
}

fn is_moffs(row: &Row) -> bool {
    row.has_kind(Kind::O)
}

/// A state to run it in.
pub(crate) fn job(insn: &Insn, bytes: &[u8], rng: &mut Rng) -> Job {
    let mut job = Job {
        registers: Registers::new(),
        memory: [0; MEMORY],
        insn: [0; 15],
        len: bytes.len() as u8,
    };
    job.insn[..bytes.len()].copy_from_slice(bytes);
    let registers = &mut job.registers;
    for register in &mut registers.int {
        *register = value::integer(rng);
    }
    registers.flags = 0x202 | rng.next() & FLAGS;
    if rng.below(8) != 0 {
        registers.flags &= !DIRECTION;
    }
    // Within reach of all that is added to them.
    registers.fs = rng.below(0x1000) * 16;
    registers.gs = rng.below(0x1000) * 16;
    for chunk in job.memory.chunks_exact_mut(16) {
        chunk.copy_from_slice(&value::vector(rng).to_le_bytes());
    }
    if rng.below(2) == 0 {
        for chunk in job.memory.chunks_exact_mut(8) {
            chunk.copy_from_slice(&value::integer(rng).to_le_bytes());
        }
    }
    vectors(registers, rng);
    fit::fit(insn, &mut job, rng);
    job
}

/// Vectors, MXCSR, and x87 registers for what uses them.
fn vectors(registers: &mut Registers, rng: &mut Rng) {
    for n in 0..16 {
        for at in [160 + 16 * n, 576 + 16 * n] {
            registers.area[at..at + 16].copy_from_slice(&value::vector(rng).to_le_bytes());
        }
    }
    let mut control = 0x1f80;
    if rng.below(2) == 0 {
        control |= (rng.below(4) as u32) << 13;
    }
    match rng.below(16) {
        0 => control |= 1 << 6,
        1 => control |= 1 << 15,
        2 => control |= 0x8040,
        _ => {}
    }
    // Flags that are set already stay.
    control |= rng.next() as u32 & 0x3f & (rng.below(2) as u32).wrapping_neg();
    registers.area[24..28].copy_from_slice(&control.to_le_bytes());
    x87(registers, rng);
}

/// The x87's registers, of which most are not empty, and its words.
fn x87(registers: &mut Registers, rng: &mut Rng) {
    let mut control = 0x37f;
    if rng.below(2) == 0 {
        control =
            0x7f | (rng.below(4) as u16) << 10 | [0x300, 0x200, 0, 0x300][rng.below(4) as usize];
    }
    registers.area[..2].copy_from_slice(&control.to_le_bytes());
    let status = (rng.next() as u16) & 0x4700 | (rng.below(8) as u16) << 11;
    registers.area[2..4].copy_from_slice(&status.to_le_bytes());
    let full = if rng.below(4) == 0 { rng.next() as u8 } else { 0xff };
    registers.area[4] = full;
    for n in 0..8 {
        let (sign, exponent, fraction) = extended(rng);
        let at = 32 + 16 * n;
        registers.area[at..at + 8].copy_from_slice(&fraction.to_le_bytes());
        registers.area[at + 8..at + 10].copy_from_slice(&(sign << 15 | exponent).to_le_bytes());
    }
}

/// An 80-bit number; corners are frequent, also those that are no numbers.
fn extended(rng: &mut Rng) -> (u16, u16, u64) {
    let sign = rng.below(2) as u16;
    let fraction = rng.next();
    let one = 1 << 63;
    let (exponent, fraction) = match rng.below(16) {
        0 => (0, 0),
        1 => (0x7fff, one),
        2 => (0x7fff, one | one >> 1 | fraction),
        3 => (0x7fff, one | fraction >> 2),
        // Without the bit before the point: a denormal, and what is invalid.
        4 => (0, fraction >> 1),
        5 => (rng.below(0x8000) as u16, fraction >> 1),
        6 => (0x3fff, one),
        7 => (0x3fff + rng.below(70) as u16, one | fraction),
        8 => (rng.below(0x7fff) as u16, one | fraction),
        9 => (0x3fff + rng.below(64) as u16, one | fraction & !0 << (63 - rng.below(20))),
        // Those of other formats.
        10 => (0x3fff - 126 + rng.below(253) as u16, one | fraction & !0 << 40),
        11 => (0x3fff - 1022 + rng.below(2045) as u16, one | fraction & !0 << 11),
        _ => (0x3fff - 8 + rng.below(16) as u16, one | fraction),
    };
    (sign, exponent, fraction)
}
