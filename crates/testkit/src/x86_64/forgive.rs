//! Where processors differ from each other, or a fault leaves more than one thing possible: what is the
//! processor's then counts as ours too.

use guest_x86::decode::{Attributes, Insn, Op, Operand, Prefixes, Segment};
use sys::arch::native::{AT, Job, MEMORY, MEMORY_AT};

/// In the area of registers: x87's words, registers of the x87, vectors, and their upper halves.
const X87: std::ops::Range<usize> = 0..24;
const ST: std::ops::Range<usize> = 32..160;
const XMM: usize = 160;
const HIGH: usize = 576;

/// Puts into `ours` what `theirs` has where both are right.
pub(super) fn forgive(insn: &Insn, before: &Job, theirs: &Job, ours: &mut Job) {
    let faulted = theirs.registers.signal != 0;
    match insn.op {
        // Whether the upper half of a register of 32 bits that was not equal is cleared.
        Op::Cmpxchg if insn.operand_size == 4 => {
            if let Operand::Reg { n, .. } = insn.operands[0] {
                upper_half(n, theirs, ours);
            }
            upper_half(0, theirs, ours);
        }
        // The same of a count that is zero.
        _ if repeats(insn) && before.registers.int[1] as u32 == 0 => upper_half(1, theirs, ours),
        // Estimates have a relative error of less than 1.5 / 2^12.
        Op::Rcpps
        | Op::Rcpss
        | Op::Rsqrtps
        | Op::Rsqrtss
        | Op::Vrcpps
        | Op::Vrcpss
        | Op::Vrsqrtps
        | Op::Vrsqrtss => lanes(4, theirs, ours, &is_near),
        // The x87's registers are MMX's before the store faults, or after it was done.
        Op::MovqRmMmx | Op::MovdRmMmx | Op::Movntq if faulted => area(&[X87, ST], theirs, ours),
        // Without any byte to store it may fault or not.
        Op::Maskmovdqu | Op::Vmaskmovdqu | Op::Maskmovq if stores_nothing(insn, before) => {
            *ours = *theirs;
        }
        // Which of many bytes faults first, and what has been stored then.
        Op::Fbstp
        | Op::Fxsave
        | Op::Fxrstor
        | Op::Fldenv
        | Op::Fnstenv
        | Op::Fnsave
        | Op::Frstor
            if faulted =>
        {
            if theirs.registers.address.abs_diff(ours.registers.address) < 512 {
                ours.registers.address = theirs.registers.address;
            }
            ours.memory = theirs.memory;
            area(&[X87, ST], theirs, ours);
        }
        // The last instruction's opcode and addresses (which some processors have only after an
        // exception), which bits of MXCSR there are, and what is reserved.
        Op::Fxsave => memory(insn, before, &[(6, 24), (28, 32), (416, 512)], theirs, ours),
        Op::Fnstenv | Op::Fnsave if insn.operand_size == 2 => {
            memory(insn, before, &[(6, 14)], theirs, ours);
        }
        Op::Fnstenv | Op::Fnsave => memory(insn, before, &[(12, 28)], theirs, ours),
        _ => {}
    }
}

fn repeats(insn: &Insn) -> bool {
    insn.address_size == 4
        && insn.op.row().attributes.any(Attributes::REPEAT)
        && insn.prefixes.any(Prefixes::REP | Prefixes::REPNE)
}

fn upper_half(n: u8, theirs: &Job, ours: &mut Job) {
    let n = usize::from(n);
    let (a, b) = (theirs.registers.int[n], &mut ours.registers.int[n]);
    if a as u32 == *b as u32 {
        *b = a;
    }
}

fn area(parts: &[std::ops::Range<usize>], theirs: &Job, ours: &mut Job) {
    for part in parts {
        ours.registers.area[part.clone()].copy_from_slice(&theirs.registers.area[part.clone()]);
    }
}

/// Lanes of all vectors for which `same` holds.
fn lanes(size: usize, theirs: &Job, ours: &mut Job, same: &dyn Fn(u64, u64) -> bool) {
    let value = |bytes: &[u8]| bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte));
    for from in [XMM, HIGH] {
        for at in (from..from + 256).step_by(size) {
            let theirs = &theirs.registers.area[at..at + size];
            let ours = &mut ours.registers.area[at..at + size];
            if theirs != ours && same(value(theirs), value(ours)) {
                ours.copy_from_slice(theirs);
            }
        }
    }
}

fn is_near(a: u64, b: u64) -> bool {
    let [a, b] = [a, b].map(|x| f64::from(f32::from_bits(x as u32)));
    (a - b).abs() <= 2.0 * 1.5 / 4096.0 * a.abs()
}

/// Whether no byte's mask is set.
fn stores_nothing(insn: &Insn, before: &Job) -> bool {
    let area = &before.registers.area;
    let masks = match insn.operands[2] {
        Operand::Vec { n, .. } => &area[XMM + 16 * usize::from(n)..][..16],
        Operand::Mmx { n, .. } => {
            // They are numbered from the bottom, the area's registers from the top of the stack.
            let top = usize::from(area[3] >> 3 & 7);
            &area[32 + 16 * ((usize::from(n) + 8 - top) % 8)..][..8]
        }
        _ => return false,
    };
    masks.iter().all(|mask| mask & 0x80 == 0)
}

/// Parts of the memory operand, from one byte to another.
fn memory(insn: &Insn, before: &Job, parts: &[(u64, u64)], theirs: &Job, ours: &mut Job) {
    let int = |n: Option<u8>| n.map_or(0, |n| before.registers.int[usize::from(n)]);
    let memory = &insn.memory;
    let next = if memory.rip { AT + u64::from(insn.len) } else { 0 };
    let mut address = int(memory.base)
        .wrapping_add(int(memory.index) << memory.scale)
        .wrapping_add(memory.displacement.cast_unsigned())
        .wrapping_add(next);
    if insn.address_size == 4 {
        address &= 0xffff_ffff;
    }
    let base = match insn.segment {
        Some(Segment::Fs) => before.registers.fs,
        Some(Segment::Gs) => before.registers.gs,
        _ => 0,
    };
    let offset = address.wrapping_add(base).wrapping_sub(MEMORY_AT);
    for at in parts.iter().flat_map(|(from, to)| *from..*to) {
        let at = offset.wrapping_add(at) as usize;
        if at < MEMORY {
            ours.memory[at] = theirs.memory[at];
        }
    }
}
