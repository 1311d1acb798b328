//! What an emulated instruction did against what the processor did.

use guest_x86::decode::{Attributes, Insn, Op, Operand};
use sys::arch::native::{Job, Registers};

use super::forgive::forgive;
use super::native::undefined_flags;

/// Flags that are compared.
const FLAGS: u64 = 0xcd5;

/// Whether the result is undefined: bits of 16 that are shifted by more, for which AMD's processors and Intel's
/// do not take the same.
pub fn is_undefined(insn: &Insn, before: &Job) -> bool {
    let double = matches!(insn.op, Op::ShldImm | Op::ShldCl | Op::ShrdImm | Op::ShrdCl);
    double && insn.operand_size == 2 && count(insn, before) & 31 > 16
}

/// What differs, in words; empty if nothing does.
pub fn differences(insn: &Insn, before: &Job, native: &Job, ours: &Job) -> Vec<String> {
    let mut wrong = Vec::new();
    if is_same(native, ours) {
        return wrong;
    }
    let mut forgiven = *ours;
    forgive(insn, before, native, &mut forgiven);
    let ours = &forgiven;
    let (theirs, ours_regs) = (&native.registers, &ours.registers);
    // Of addresses that are none, those of the stack's segment have a signal of their own.
    let stack = (theirs.signal, ours_regs.signal) == (libc::SIGBUS, libc::SIGSEGV);
    if theirs.signal != ours_regs.signal && !stack {
        wrong.push(format!("signal {}, natively {}", ours_regs.signal, theirs.signal));
        return wrong;
    }
    if theirs.signal != 0 && !stack && !same_address(insn, theirs, ours_regs) {
        wrong.push(format!("fault at {:#x}, natively {:#x}", ours_regs.address, theirs.address));
    }
    if theirs.pc != ours_regs.pc {
        wrong.push(format!("pc {:#x}, natively {:#x}", ours_regs.pc, theirs.pc));
    }
    for n in 0..16 {
        if theirs.int[n] != ours_regs.int[n] {
            let (a, b) = (ours_regs.int[n], theirs.int[n]);
            wrong.push(format!("r{n} {a:#x}, natively {b:#x}"));
        }
    }
    let undefined =
        if counts_nothing(insn, before) || theirs.signal != 0 { 0 } else { undefined_flags(insn) };
    let mask = FLAGS & !undefined;
    if (theirs.flags ^ ours_regs.flags) & mask != 0 {
        let (a, b) = (ours_regs.flags & mask, theirs.flags & mask);
        wrong.push(format!("flags {a:#x}, natively {b:#x}"));
    }
    for (what, a, b) in [("fs", ours_regs.fs, theirs.fs), ("gs", ours_regs.gs, theirs.gs)] {
        if a != b {
            wrong.push(format!("{what} {a:#x}, natively {b:#x}"));
        }
    }
    area(insn, ours_regs, theirs, &mut wrong);
    // (Two stores make one of 32 bytes.)
    let half_stored = theirs.signal != 0 && matches!(insn.operands[0], Operand::Mem { size: 32 });
    if let Some(at) = (0..native.memory.len()).find(|at| native.memory[*at] != ours.memory[*at])
        && !half_stored
    {
        let text = |memory: &[u8]| {
            let end = memory.len().min(at + 16);
            memory[at..end].iter().map(|b| format!("{b:02x}")).collect::<String>()
        };
        wrong.push(format!(
            "memory+{at:#x} {}, natively {}",
            text(&ours.memory),
            text(&native.memory)
        ));
    }
    wrong
}

/// Whether nothing differs, by a quick look.
fn is_same(native: &Job, ours: &Job) -> bool {
    let (a, b) = (&native.registers, &ours.registers);
    let same = |range: core::ops::Range<usize>| a.area[range.clone()] == b.area[range];
    (a.signal, b.signal) == (0, 0)
        && (a.int, a.pc, a.fs, a.gs) == (b.int, b.pc, b.fs, b.gs)
        && (a.flags ^ b.flags) & FLAGS == 0
        && native.memory == ours.memory
        && same(0..5)
        && same(24..28)
        && same(32..416)
        && same(576..832)
}

/// The address of a fault; the kernel says none for general protection. Of stores of some lanes it may be that of any.
fn same_address(insn: &Insn, theirs: &Registers, ours: &Registers) -> bool {
    const SI_KERNEL: i32 = 128;
    match theirs.signal {
        libc::SIGSEGV if theirs.code == SI_KERNEL => true,
        libc::SIGSEGV | libc::SIGBUS if stores_lanes(insn.op) => {
            theirs.address.abs_diff(ours.address) < 32
        }
        libc::SIGSEGV | libc::SIGBUS => theirs.address == ours.address,
        _ => true,
    }
}

/// Whether it stores those lanes of a vector that a mask names.
fn stores_lanes(op: Op) -> bool {
    matches!(
        op,
        Op::Maskmovdqu
            | Op::Vmaskmovdqu
            | Op::Maskmovq
            | Op::VmaskmovpsMR
            | Op::VmaskmovpdMR
            | Op::VpmaskmovdMR
            | Op::VpmaskmovqMR
    )
}

/// Whether flags are kept because the count is 0.
fn counts_nothing(insn: &Insn, before: &Job) -> bool {
    let row = insn.op.row();
    if !row.flags.kept_at_zero {
        return false;
    }
    count(insn, before) & if insn.operand_size == 8 { 63 } else { 31 } == 0
}

/// By how much it shifts, if it does: the last operand, which is CL if it is no immediate.
fn count(insn: &Insn, before: &Job) -> u64 {
    match insn.operands.iter().rfind(|o| **o != Operand::None) {
        Some(Operand::Imm) => insn.imm.cast_unsigned(),
        _ => before.registers.int[1],
    }
}

/// x87, MXCSR, vectors.
fn area(insn: &Insn, ours: &Registers, theirs: &Registers, wrong: &mut Vec<String>) {
    // Condition codes 0 to 2 are together, 3 is not.
    let undefined = insn.op.row().flags.undefined;
    let codes = (undefined >> 12 & 7) << 8 | (undefined >> 15) << 14;
    let status = |area: &[u8]| u16::from_le_bytes([area[2], area[3]]) & !codes;
    let (a, b) = (status(&ours.area), status(&theirs.area));
    if a != b {
        wrong.push(format!("fsw {a:#06x}, natively {b:#06x}"));
    }
    let mut compare = |name: &str, at: usize, len: usize, same: &dyn Fn(&[u8], &[u8]) -> bool| {
        let text = |area: &[u8]| area.iter().rev().map(|b| format!("{b:02x}")).collect::<String>();
        let (a, b) = (&ours.area[at..at + len], &theirs.area[at..at + len]);
        if a != b && !same(a, b) {
            wrong.push(format!("{name} {}, natively {}", text(a), text(b)));
        }
    };
    for (name, at, len) in [("fcw", 0, 2), ("ftw", 4, 1), ("mxcsr", 24, 4)] {
        compare(name, at, len, &|_, _| false);
    }
    for n in 0..8 {
        compare(&format!("st{n}"), 32 + 16 * n, 10, &|_, _| false);
    }
    for n in 0..16 {
        let same = |high| {
            move |a: &[u8], b: &[u8]| {
                same_by_vendor(insn, n as u8, high, theirs.signal != 0, (a, b))
            }
        };
        compare(&format!("xmm{n}"), 160 + 16 * n, 16, &same(false));
        compare(&format!("ymm{n} high"), 576 + 16 * n, 16, &same(true));
    }
}

/// Whether two values of (the upper half of) vector register `n` are both right, because the vendors' processors
/// differ in them.
fn same_by_vendor(insn: &Insn, n: u8, high: bool, faulted: bool, (a, b): (&[u8], &[u8])) -> bool {
    match insn.op {
        // In which order the products are added, and so which of several NaNs it is.
        Op::Dpps | Op::Vdpps => lanes(a, b, 4, |a, b| a == b || nan32(a) && nan32(b)),
        Op::Dppd | Op::Vdppd => lanes(a, b, 8, |a, b| a == b || nan64(a) && nan64(b)),
        // What a mask holds below its signs, and above them, while not all of its lanes are loaded.
        op if op.row().attributes.any(Attributes::VECTOR_INDEX) && faulted => {
            match insn.operands[2] {
                Operand::Vec { n: mask, size } if mask == n => {
                    high && size < 32 || lanes(a, b, lane(insn), same_sign)
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether all lanes of `len` bytes are the same.
fn lanes(a: &[u8], b: &[u8], len: usize, same: fn(&[u8], &[u8]) -> bool) -> bool {
    a.chunks_exact(len).zip(b.chunks_exact(len)).all(|(a, b)| same(a, b))
}

fn nan32(lane: &[u8]) -> bool {
    lane.try_into().is_ok_and(|lane| f32::from_le_bytes(lane).is_nan())
}

fn nan64(lane: &[u8]) -> bool {
    lane.try_into().is_ok_and(|lane| f64::from_le_bytes(lane).is_nan())
}

fn same_sign(a: &[u8], b: &[u8]) -> bool {
    a.last().zip(b.last()).is_some_and(|(a, b)| (a ^ b) & 0x80 == 0)
}

/// Bytes of a gather's lane.
fn lane(insn: &Insn) -> usize {
    let quads =
        matches!(insn.op, Op::Vpgatherdq | Op::Vpgatherqq | Op::Vgatherdpd | Op::Vgatherqpd);
    if quads { 8 } else { 4 }
}
