//! What an emulated instruction did against what the processor did.

use guest_x86::decode::{Insn, Op, Operand};
use sys::arch::native::{Job, Registers};

use super::native::undefined_flags;

/// Flags that are compared.
const FLAGS: u64 = 0xcd5;

/// What differs, in words; empty if nothing does.
pub fn differences(insn: &Insn, before: &Job, native: &Job, ours: &Job) -> Vec<String> {
    let mut wrong = Vec::new();
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
    let undefined = insn.op.row().flags.undefined;
    area(ours_regs, theirs, undefined, &mut wrong);
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
    let count = match insn.operands.iter().rfind(|o| **o != Operand::None) {
        Some(Operand::Imm) => insn.imm.cast_unsigned(),
        _ => before.registers.int[1],
    };
    count & if insn.operand_size == 8 { 63 } else { 31 } == 0
}

/// x87, MXCSR, vectors.
fn area(ours: &Registers, theirs: &Registers, undefined: u16, wrong: &mut Vec<String>) {
    // Condition codes 0 to 2 are together, 3 is not.
    let codes = (undefined >> 12 & 7) << 8 | (undefined >> 15) << 14;
    let status = |area: &[u8]| u16::from_le_bytes([area[2], area[3]]) & !codes;
    let (a, b) = (status(&ours.area), status(&theirs.area));
    if a != b {
        wrong.push(format!("fsw {a:#06x}, natively {b:#06x}"));
    }
    let mut compare = |name: &str, at: usize, len: usize| {
        let text = |area: &[u8]| {
            area[at..at + len].iter().rev().map(|b| format!("{b:02x}")).collect::<String>()
        };
        let (a, b) = (text(&ours.area), text(&theirs.area));
        if a != b {
            wrong.push(format!("{name} {a}, natively {b}"));
        }
    };
    for (name, at, len) in [("fcw", 0, 2), ("ftw", 4, 1), ("mxcsr", 24, 4)] {
        compare(name, at, len);
    }
    for n in 0..8 {
        compare(&format!("st{n}"), 32 + 16 * n, 10);
    }
    for n in 0..16 {
        compare(&format!("xmm{n}"), 160 + 16 * n, 16);
        compare(&format!("ymm{n} high"), 576 + 16 * n, 16);
    }
}
