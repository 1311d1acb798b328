//! x86_64. Encodings: Intel 64 and IA-32 Architectures Software Developer's Manual, Volume 2.

use crate::elf::Identity;
use crate::{Calls, Isa, Reach, Reg, Regs, Width};

/// The guest.
#[derive(Debug)]
pub struct X86_64;

/// Of its files; 62 is EM_X86_64.
pub const IDENTITY: Identity = Identity { class64: true, big: false, machine: 62, flags: 0 };

const RSP: Reg = 4;

const REGS: Regs = Regs {
    sp: RSP,
    number: 0,
    // Of system calls: of functions, the fourth is rcx.
    args: [7, 6, 2, 10, 8, 9],
    result: 0,
    saved: [3, 5, 12, 13],
    temps: [14, 15, 11, 1],
};

/// The numbers of arch/x86/entry/syscalls/syscall_64.tbl.
pub const CALLS: Calls = Calls {
    ftruncate: 77,
    openat: 257,
    read: 0,
    write: 1,
    writev: 20,
    readlinkat: 267,
    exit_group: 231,
    sigaltstack: 131,
    rt_sigaction: 13,
    rt_sigreturn: 15,
    uname: 63,
    munmap: 11,
    clone: 56,
    execve: 59,
    mmap: 9,
    mprotect: 10,
    wait4: 61,
    memfd_create: 319,
};

/// REX.W, with the highest bits of three registers.
const fn rex(middle: Reg, index: Reg, base: Reg) -> u8 {
    0x48 | middle >> 3 << 2 | index >> 3 << 1 | base >> 3
}

/// Appends `opcode` with 64-bit operands: a register, and memory at `base + offset`.
pub fn memory(code: &mut Vec<u8>, opcode: &[u8], middle: Reg, base: Reg, offset: i32) {
    code.push(rex(middle, 0, base));
    code.extend(opcode);
    code.push(0x80 | (middle & 7) << 3 | base & 7);
    if base & 7 == RSP {
        code.push(0x24);
    }
    code.extend(offset.to_le_bytes());
}

/// Appends `opcode` with two registers of 64 bits.
pub fn registers(code: &mut Vec<u8>, opcode: &[u8], middle: Reg, rm: Reg) {
    code.push(rex(middle, 0, rm));
    code.extend(opcode);
    code.push(0xc0 | (middle & 7) << 3 | rm & 7);
}

/// Appends `opcode` with 64-bit operands: a register, and memory at `address`.
pub fn absolute(code: &mut Vec<u8>, opcode: &[u8], middle: Reg, address: u32) {
    code.push(rex(middle, 0, 0));
    code.extend(opcode);
    code.extend([(middle & 7) << 3 | 4, 0x25]);
    code.extend(address.to_le_bytes());
}

/// `mov rd, value`: always as many bytes.
pub fn movabs(code: &mut Vec<u8>, rd: Reg, value: u64) {
    code.extend([0x48 | rd >> 3, 0xb8 | rd & 7]);
    code.extend(value.to_le_bytes());
}

impl Isa for X86_64 {
    fn identity(&self) -> Identity {
        IDENTITY
    }
    fn regs(&self) -> &'static Regs {
        &REGS
    }
    fn calls(&self) -> &'static Calls {
        &CALLS
    }
    fn restorer(&self) -> bool {
        true
    }
    fn value(&self, code: &mut Vec<u8>, rd: Reg, value: u64) {
        if let Ok(short) = u32::try_from(value) {
            if rd >= 8 {
                code.push(0x41);
            }
            code.push(0xb8 | rd & 7);
            code.extend(short.to_le_bytes());
        } else if let Ok(signed) = i32::try_from(value.cast_signed()) {
            registers(code, &[0xc7], 0, rd);
            code.extend(signed.to_le_bytes());
        } else {
            movabs(code, rd, value);
        }
    }
    fn add_imm(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, imm: i32) {
        // lea
        memory(code, &[0x8d], rd, rn, imm);
    }
    fn add(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, rm: Reg) {
        // lea, whose index cannot be the stack pointer.
        let (base, index) = if rm == RSP { (rm, rn) } else { (rn, rm) };
        code.extend([rex(rd, index, base), 0x8d, 0x84 | (rd & 7) << 3]);
        code.push((index & 7) << 3 | base & 7);
        code.extend([0; 4]);
    }
    fn sub(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, rm: Reg) {
        if rd == rm {
            // neg rd; add rd, rn
            registers(code, &[0xf7], 3, rd);
            registers(code, &[0x01], rn, rd);
        } else {
            // mov rd, rn; sub rd, rm
            registers(code, &[0x89], rn, rd);
            registers(code, &[0x29], rm, rd);
        }
    }
    fn load(&self, code: &mut Vec<u8>, width: Width, rd: Reg, rn: Reg, offset: u32) {
        match width {
            Width::Byte => memory(code, &[0x0f, 0xb6], rd, rn, offset.cast_signed()),
            Width::Long => memory(code, &[0x8b], rd, rn, offset.cast_signed()),
            Width::Word => {
                let at = code.len();
                memory(code, &[0x8b], rd, rn, offset.cast_signed());
                // Without REX.W: the upper half becomes zero.
                code[at] &= !8;
            }
        }
    }
    fn store(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, offset: u32) {
        memory(code, &[0x89], rd, rn, offset.cast_signed());
    }
    fn jump(&self, code: &mut Vec<u8>, rn: Reg) {
        code.extend([0x40 | rn >> 3, 0xff, 0xe0 | rn & 7]);
    }
    fn ret(&self, code: &mut Vec<u8>) {
        code.push(0xc3);
    }
    fn call(&self, code: &mut Vec<u8>) {
        code.extend([0x0f, 0x05]);
    }
    fn breakpoint(&self, code: &mut Vec<u8>) {
        code.push(0xcc);
    }
    fn reach(&self, code: &mut Vec<u8>, reach: Reach) {
        match reach {
            Reach::Jump => code.push(0xe9),
            Reach::Call => code.push(0xe8),
            Reach::Zero(r) | Reach::NotZero(r) => {
                registers(code, &[0x85], r, r);
                code.extend([0x0f, if matches!(reach, Reach::Zero(_)) { 0x84 } else { 0x85 }]);
            }
            Reach::Address(r) => code.extend([rex(r, 0, 0), 0x8d, (r & 7) << 3 | 5]),
        }
        code.extend([0; 4]);
    }
    fn resolve(&self, code: &mut [u8], at: usize, reach: Reach, to: usize) {
        let len = match reach {
            Reach::Jump | Reach::Call => 5,
            Reach::Zero(_) | Reach::NotZero(_) => 9,
            Reach::Address(_) => 7,
        };
        let end = at + len;
        let distance = to as i64 - end as i64;
        code[end - 4..end].copy_from_slice(&(distance as i32).to_le_bytes());
    }
}
