//! Random states for an instruction, such that its memory is there and most of its cases happen.

use guest_x86::decode::{Bits, Insn, Op, Operand, Prefixes, decode};
use guest_x86::encoding;
use isa::Rng;
use isa::opcode::{Kind, Mark, Row, encode};
use sys::arch::native::{AT, Job, MEMORY, Registers};

use super::{fit, values};
use crate::diff::value;

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

/// Random values of all kinds, from which states are put together: drawing each anew would take longer than
/// all the rest.
pub struct Pool {
    int: Vec<u64>,
    vector: Vec<u8>,
    x87: Vec<[u8; 16]>,
}

impl Pool {
    const COUNT: usize = 2048;

    /// Draws them.
    pub fn new(rng: &mut Rng) -> Self {
        Self {
            int: (0..Self::COUNT).map(|_| value::integer(rng)).collect(),
            vector: (0..Self::COUNT).flat_map(|_| value::vector(rng).to_le_bytes()).collect(),
            x87: (0..Self::COUNT).map(|_| values::extended(rng).to_le_bytes()).collect(),
        }
    }
    /// Where `count` of them begin.
    fn at(count: usize, rng: &mut Rng) -> usize {
        rng.below((Self::COUNT - count) as u64) as usize
    }
    fn ints(&self, rng: &mut Rng) -> &[u64; 16] {
        self.int[Self::at(16, rng)..].first_chunk().expect("there are as many")
    }
    fn vectors(&self, bytes: usize, rng: &mut Rng) -> &[u8] {
        let at = 16 * Self::at(bytes / 16, rng);
        &self.vector[at..at + bytes]
    }
}

/// A state to run it in.
pub(crate) fn job(insn: &Insn, bytes: &[u8], pool: &Pool, rng: &mut Rng) -> Job {
    let mut job = Job {
        registers: Registers::new(),
        memory: [0; MEMORY],
        insn: [0; 15],
        len: bytes.len() as u8,
    };
    job.insn[..bytes.len()].copy_from_slice(bytes);
    let registers = &mut job.registers;
    registers.int = *pool.ints(rng);
    registers.flags = values::flags(rng);
    // Within reach of all that is added to them.
    registers.fs = rng.below(0x1000) * 16;
    registers.gs = rng.below(0x1000) * 16;
    if rng.one_in(2) {
        job.memory.copy_from_slice(pool.vectors(MEMORY, rng));
    } else {
        let at = Pool::at(MEMORY / 8, rng);
        for (chunk, value) in job.memory.as_chunks_mut::<8>().0.iter_mut().zip(&pool.int[at..]) {
            *chunk = value.to_le_bytes();
        }
    }
    vectors(registers, pool, rng);
    fit::fit(insn, &mut job, rng);
    job
}

/// Vectors, MXCSR, and x87 registers for what uses them.
fn vectors(registers: &mut Registers, pool: &Pool, rng: &mut Rng) {
    let area = &mut registers.area;
    for at in [160, 576] {
        area[at..at + 256].copy_from_slice(pool.vectors(256, rng));
    }
    area[24..28].copy_from_slice(&values::mxcsr(rng).to_le_bytes());
    area[..2].copy_from_slice(&values::x87_control(rng).to_le_bytes());
    area[2..4].copy_from_slice(&values::x87_status(rng).to_le_bytes());
    area[4] = values::x87_tags(rng);
    for (at, value) in (32..).step_by(16).zip(&pool.x87[Pool::at(8, rng)..][..8]) {
        area[at..at + 10].copy_from_slice(&value[..10]);
    }
}
