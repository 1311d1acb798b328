//! Makes registers fit an instruction: addresses in the memory, counts that end, quotients that fit.

use guest_x86::decode::{Attributes, Feature, Insn, Op, Operand, Prefixes, Segment};
use isa::Rng;
use sys::arch::native::{AT, Job, MEMORY, MEMORY_AT};

use crate::diff::value;

const RAX: usize = 0;
const RCX: usize = 1;
const RDX: usize = 2;
const RBX: usize = 3;
const RSP: usize = 4;
const RBP: usize = 5;
const RSI: usize = 6;
const RDI: usize = 7;
/// The middle of the memory.
const MIDDLE: u64 = MEMORY_AT + MEMORY as u64 / 2;

/// Changes what must be changed. One in a hundred keeps a wild address, and faults.
pub(crate) fn fit(insn: &Insn, job: &mut Job, rng: &mut Rng) {
    special(insn, job, rng);
    if rng.below(100) != 0 {
        strings(insn, job, rng);
        explicit(insn, job, rng);
    }
    counts(insn, job, rng);
}

/// The address that the memory operand shall have.
pub(crate) fn target(insn: &Insn, rng: &mut Rng) -> u64 {
    let size = size(insn).max(1);
    let last = MEMORY as u64 - size.min(MEMORY as u64);
    let offset = match rng.below(16) {
        // Across the end.
        0 if rng.below(8) == 0 => last + rng.below(size) + 1,
        1 => last,
        2 => 0,
        _ => rng.below(last + 1),
    };
    let aligned = insn.op.row().attributes.any(Attributes::ALIGNED) || size == 512;
    let sha = insn.op.row().features.contains(&Some(Feature::Sha));
    let align = match insn.op {
        // AMD's processors take others as well.
        _ if sha => 16,
        // All that is there is right for it.
        Op::Ldmxcsr | Op::Vldmxcsr => 4,
        Op::JmpRm | Op::CallRm => 8,
        _ if aligned && rng.below(64) != 0 => size.min(64),
        _ => 1,
    };
    let bits = matches!(insn.op, Op::BtRmR | Op::BtsRmR | Op::BtrRmR | Op::BtcRmR);
    if bits { MIDDLE } else { MEMORY_AT + offset / align * align }
}

/// Bytes of the memory operand.
fn size(insn: &Insn) -> u64 {
    let sizes = insn.operands.map(|operand| match operand {
        Operand::Mem { size } => u64::from(size),
        _ => 0,
    });
    let most = sizes.into_iter().max().unwrap_or(0);
    // All of its elements are near the base.
    if insn.op.row().attributes.any(Attributes::VECTOR_INDEX) { 256 } else { most }
}

/// Puts the memory operand where memory is.
fn explicit(insn: &Insn, job: &mut Job, rng: &mut Rng) {
    if !insn.operands.iter().any(|o| matches!(o, Operand::Mem { .. })) {
        return;
    }
    let base = match insn.segment {
        Some(Segment::Fs) => job.registers.fs,
        Some(Segment::Gs) => job.registers.gs,
        _ => 0,
    };
    let vector = insn.op.row().attributes.any(Attributes::VECTOR_INDEX);
    let memory = &insn.memory;
    let int = &mut job.registers.int;
    let displacement = memory.displacement.cast_unsigned();
    let wanted = target(insn, rng).wrapping_sub(base).wrapping_sub(displacement);
    // An address of 32 bits must not need the bits above.
    let keep = |old: u64, new: u64| match insn.address_size {
        4 => old & !0xffff_ffff | new & 0xffff_ffff,
        _ => new,
    };
    if vector {
        indices(insn, job, rng);
        let wanted = wanted.wrapping_add(128);
        if let Some(b) = memory.base {
            let b = usize::from(b);
            job.registers.int[b] = keep(job.registers.int[b], wanted);
        }
        return;
    }
    match (memory.base, memory.index) {
        (Some(b), index) if index != Some(b) => {
            let (b, scale) = (usize::from(b), memory.scale);
            let index = match (insn.op, index) {
                (Op::Xlat, _) => int[RAX] & 0xff,
                (_, index) => index.map_or(0, |i| int[usize::from(i)] << scale),
            };
            int[b] = keep(int[b], wanted.wrapping_sub(index));
        }
        (Some(b), _) => {
            // One register in both places.
            let (b, factor) = (usize::from(b), 1 + (1 << memory.scale));
            int[b] = keep(int[b], wanted.wrapping_add(factor - 1) / factor);
        }
        (None, Some(i)) => {
            let i = usize::from(i);
            int[i] = keep(int[i], wanted.wrapping_add((1 << memory.scale) - 1) >> memory.scale);
        }
        (None, None) => {}
    }
}

/// Small indices in a vector register.
fn indices(insn: &Insn, job: &mut Job, rng: &mut Rng) {
    let Some(n) = insn.memory.index.map(usize::from) else { return };
    let quads =
        matches!(insn.op, Op::Vpgatherqd | Op::Vpgatherqq | Op::Vgatherqps | Op::Vgatherqpd);
    let mut vector = [0; 32];
    for chunk in vector.chunks_exact_mut(if quads { 8 } else { 4 }) {
        let small = (rng.below(256) as i64 - 128) >> insn.memory.scale;
        chunk.copy_from_slice(&small.to_le_bytes()[..if quads { 8 } else { 4 }]);
    }
    job.registers.area[160 + 16 * n..176 + 16 * n].copy_from_slice(&vector[..16]);
    job.registers.area[576 + 16 * n..592 + 16 * n].copy_from_slice(&vector[16..]);
}

/// The registers of string instructions and of the stack.
fn strings(insn: &Insn, job: &mut Job, rng: &mut Rng) {
    let near = |rng: &mut Rng| MIDDLE - 64 + rng.below(128);
    let base = match insn.segment {
        Some(Segment::Fs) => job.registers.fs,
        Some(Segment::Gs) => job.registers.gs,
        _ => 0,
    };
    for operand in insn.operands {
        let (register, base) = match operand {
            Operand::Src { .. } => (RSI, base),
            // ES is not overridden, but MASKMOV's segment is.
            Operand::Dst { .. } if insn.op.row().attributes.any(Attributes::REPEAT) => (RDI, 0),
            Operand::Dst { .. } => (RDI, base),
            _ => continue,
        };
        let wild = job.registers.int[register] & !0xffff_ffff;
        let high = if insn.address_size == 4 { wild } else { 0 };
        job.registers.int[register] = near(rng).wrapping_sub(base) | high;
    }
    let frames = matches!(insn.op, Op::Leave | Op::Enter);
    if frames || rng.below(2) == 0 {
        job.registers.int[RBP] = near(rng) & !7;
    }
    job.registers.int[RSP] = near(rng) & !7;
}

/// Counts and bit numbers that stay in the memory.
fn counts(insn: &Insn, job: &mut Job, rng: &mut Rng) {
    let int = &mut job.registers.int;
    if insn.op.row().attributes.any(Attributes::REPEAT)
        && insn.prefixes.any(Prefixes::REP | Prefixes::REPNE)
    {
        let high = if insn.address_size == 4 { int[RCX] & !0xffff_ffff } else { 0 };
        int[RCX] = rng.below(17) | high;
    }
    if matches!(insn.op, Op::BtRmR | Op::BtsRmR | Op::BtrRmR | Op::BtcRmR)
        && let [Operand::Mem { .. }, Operand::Reg { n, size }, ..] = insn.operands
        && insn.memory.base != Some(n)
        && insn.memory.index != Some(n)
    {
        let offset = rng.below(1600) as i64 - 800;
        let low = u64::MAX >> (64 - 8 * u32::from(size));
        let register = &mut int[usize::from(n)];
        *register = *register & !low | offset.cast_unsigned() & low;
    }
}

/// What happens seldom with random values.
fn special(insn: &Insn, job: &mut Job, rng: &mut Rng) {
    let int = &mut job.registers.int;
    match insn.op {
        Op::Div | Op::Idiv if rng.below(4) != 0 => {
            int[RDX] = match rng.below(3) {
                0 => 0,
                1 => rng.below(16),
                _ => (int[RAX].cast_signed() >> 63).cast_unsigned(),
            };
        }
        Op::DivB | Op::IdivB if rng.below(4) != 0 => int[RAX] &= 0xfff,
        Op::Cmpxchg if rng.below(2) == 0 => {
            if let Operand::Reg { n, .. } = insn.operands[0] {
                int[RAX] = int[usize::from(n)];
            } else {
                job.memory.as_chunks_mut::<8>().0.fill(int[RAX].to_le_bytes());
            }
        }
        Op::Cmpxchg8b | Op::Cmpxchg16b if rng.below(2) == 0 => {
            let wide = insn.op == Op::Cmpxchg16b;
            let mut pair = [0; 16];
            pair[..8].copy_from_slice(&int[RAX].to_le_bytes());
            let at = if wide { 8 } else { 4 };
            pair[at..at + 8].copy_from_slice(&int[RDX].to_le_bytes());
            let len = if wide { 16 } else { 8 };
            for chunk in job.memory.chunks_exact_mut(len) {
                chunk.copy_from_slice(&pair[..len]);
            }
        }
        // TF and AC would act on the code behind it.
        Op::Popf => {
            for chunk in job.memory.chunks_exact_mut(2) {
                chunk[0] |= 2;
                chunk[1] &= !1;
            }
            for chunk in job.memory.chunks_exact_mut(8) {
                chunk[2] = 0;
            }
        }
        Op::JmpRm | Op::CallRm => {
            // Breakpoints, or nothing.
            let to = AT + 200 + rng.below(512);
            match insn.operands[0] {
                Operand::Reg { n, .. } => int[usize::from(n)] = to,
                _ => job.memory.as_chunks_mut::<8>().0.fill(to.to_le_bytes()),
            }
        }
        Op::Ret | Op::RetImm => {
            job.memory.as_chunks_mut::<8>().0.fill((AT + 200 + rng.below(512)).to_le_bytes());
        }
        Op::Pdep | Op::Pext | Op::Bextr | Op::Bzhi if rng.below(2) == 0 => {
            int[RBX] = value::integer(rng);
        }
        Op::Ldmxcsr | Op::Vldmxcsr => {
            for chunk in job.memory.chunks_exact_mut(4) {
                chunk[2..].fill(0);
            }
        }
        Op::Fxrstor => job.memory[26..28].fill(0),
        _ => {}
    }
}
