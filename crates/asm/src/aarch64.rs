//! A64. Encodings: Arm Architecture Reference Manual, "A64 instruction set encoding".

use crate::elf::Identity;
use crate::{Calls, GENERIC_CALLS, Isa, Reach, Reg, Regs, Width};

/// The guest.
#[derive(Debug)]
pub struct Aarch64;

/// Of its files; 183 is EM_AARCH64.
pub const IDENTITY: Identity = Identity { class64: true, big: false, machine: 183, flags: 0 };

const REGS: Regs = Regs {
    sp: 31,
    number: 8,
    args: [0, 1, 2, 3, 4, 5],
    result: 0,
    saved: [19, 20, 21, 22],
    temps: [9, 10, 11, 16],
};

/// Appends an instruction.
pub fn push(code: &mut Vec<u8>, word: u32) {
    code.extend(word.to_le_bytes());
}

/// `movz rd, #value` and `movk` for the halves that are not zero.
pub fn mov(code: &mut Vec<u8>, rd: u32, value: u64) {
    push(code, 0xd280_0000 | (value as u32 & 0xffff) << 5 | rd);
    for half in 1..4u32 {
        let part = (value >> (16 * half)) as u32 & 0xffff;
        if part != 0 {
            push(code, 0xf280_0000 | half << 21 | part << 5 | rd);
        }
    }
}

/// `movz rd, #low` and `movk rd, #high, lsl #16`, of a value of 32 bits: always two words.
pub fn mov_wide(code: &mut Vec<u8>, rd: u32, value: u64) {
    debug_assert!(value >> 32 == 0);
    push(code, 0xd280_0000 | (value as u32 & 0xffff) << 5 | rd);
    push(code, 0xf2a0_0000 | (value as u32 >> 16) << 5 | rd);
}

/// `adr rd, . + 4 * words`.
pub const fn adr(rd: u32, words: u32) -> u32 {
    debug_assert!(words < 1 << 18);
    0x1000_0000 | words << 5 | rd
}

/// `br rn`.
pub const fn br(rn: u32) -> u32 {
    0xd61f_0000 | rn << 5
}

/// `str rt, [rn, #offset]`.
pub const fn str(rt: u32, rn: u32, offset: usize) -> u32 {
    0xf900_0000 | (offset as u32 / 8) << 10 | rn << 5 | rt
}

/// `ldr rt, [rn, #offset]`.
pub const fn ldr(rt: u32, rn: u32, offset: usize) -> u32 {
    0xf940_0000 | (offset as u32 / 8) << 10 | rn << 5 | rt
}

/// `stp rt, rt+1, [rn, #offset]`.
pub const fn stp(rt: u32, rn: u32, offset: usize) -> u32 {
    0xa900_0000 | (offset as u32 / 8) << 15 | (rt + 1) << 10 | rn << 5 | rt
}

/// `ldp rt, rt+1, [rn, #offset]`.
pub const fn ldp(rt: u32, rn: u32, offset: usize) -> u32 {
    stp(rt, rn, offset) | 1 << 22
}

/// `stp qt, qt+1, [rn, #offset]`.
pub const fn stp_q(rt: u32, rn: u32, offset: usize) -> u32 {
    0xad00_0000 | (offset as u32 / 16) << 15 | (rt + 1) << 10 | rn << 5 | rt
}

/// `ldp qt, qt+1, [rn, #offset]`.
pub const fn ldp_q(rt: u32, rn: u32, offset: usize) -> u32 {
    stp_q(rt, rn, offset) | 1 << 22
}

/// `add rd, rn, #imm`; `mov` between general registers and SP with 0.
pub const fn add(rd: u32, rn: u32, imm: u32) -> u32 {
    0x9100_0000 | imm << 10 | rn << 5 | rd
}

/// System registers, as in the low bits of MRS and MSR.
pub const NZCV: u32 = 0xd51b_4200;
/// FPCR.
pub const FPCR: u32 = 0xd51b_4400;
/// FPSR.
pub const FPSR: u32 = 0xd51b_4420;
/// TPIDR_EL0.
pub const TPIDR: u32 = 0xd51b_d040;

/// `msr register, rt`.
pub const fn msr(register: u32, rt: u32) -> u32 {
    register | rt
}

/// `mrs rt, register`.
pub const fn mrs(rt: u32, register: u32) -> u32 {
    register | 1 << 21 | rt
}

/// `svc #0`.
pub const SVC: u32 = 0xd400_0001;
/// `brk #0`.
pub const BRK: u32 = 0xd420_0000;
/// `ret`.
pub const RET: u32 = 0xd65f_03c0;
/// `clrex`.
pub const CLREX: u32 = 0xd503_3f5f;
/// `nop`.
pub const NOP: u32 = 0xd503_201f;

impl Isa for Aarch64 {
    fn identity(&self) -> Identity {
        IDENTITY
    }
    fn regs(&self) -> &'static Regs {
        &REGS
    }
    fn calls(&self) -> &'static Calls {
        &GENERIC_CALLS
    }
    fn value(&self, code: &mut Vec<u8>, rd: Reg, value: u64) {
        if value >> 32 == 0xffff_ffff && value as u32 >= 0xffff_0000 {
            // MOVN.
            return push(code, 0x9280_0000 | (!value as u32) << 5 | u32::from(rd));
        }
        mov(code, rd.into(), value);
    }
    fn add_imm(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, imm: i32) {
        let subtract = if imm < 0 { 1 << 30 } else { 0 };
        push(code, add(rd.into(), rn.into(), imm.unsigned_abs()) | subtract);
    }
    fn add(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, rm: Reg) {
        push(code, 0x8b00_0000 | u32::from(rm) << 16 | u32::from(rn) << 5 | u32::from(rd));
    }
    fn sub(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, rm: Reg) {
        push(code, 0xcb00_0000 | u32::from(rm) << 16 | u32::from(rn) << 5 | u32::from(rd));
    }
    fn load(&self, code: &mut Vec<u8>, width: Width, rd: Reg, rn: Reg, offset: u32) {
        let (opcode, scale) = match width {
            Width::Byte => (0x3940_0000, 0),
            Width::Word => (0xb940_0000, 2),
            Width::Long => (0xf940_0000, 3),
        };
        push(code, opcode | (offset >> scale) << 10 | u32::from(rn) << 5 | u32::from(rd));
    }
    fn store(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, offset: u32) {
        push(code, str(rd.into(), rn.into(), offset as usize));
    }
    fn jump(&self, code: &mut Vec<u8>, rn: Reg) {
        push(code, br(rn.into()));
    }
    fn ret(&self, code: &mut Vec<u8>) {
        push(code, RET);
    }
    fn call(&self, code: &mut Vec<u8>) {
        push(code, SVC);
    }
    fn breakpoint(&self, code: &mut Vec<u8>) {
        push(code, BRK);
    }
    fn reach(&self, code: &mut Vec<u8>, reach: Reach) {
        push(
            code,
            match reach {
                Reach::Jump => 0x1400_0000,
                Reach::Call => 0x9400_0000,
                Reach::Zero(r) => 0xb400_0000 | u32::from(r),
                Reach::NotZero(r) => 0xb500_0000 | u32::from(r),
                Reach::Address(r) => 0x1000_0000 | u32::from(r),
            },
        );
    }
    fn resolve(&self, code: &mut [u8], at: usize, reach: Reach, to: usize) {
        let bytes = to as i64 - at as i64;
        let words = (bytes >> 2) as u32;
        let bits = match reach {
            Reach::Jump | Reach::Call => words & 0x3ff_ffff,
            Reach::Zero(_) | Reach::NotZero(_) => (words & 0x7_ffff) << 5,
            Reach::Address(_) => (bytes as u32 & 3) << 29 | (words & 0x7_ffff) << 5,
        };
        code[at + 3] |= (bits >> 24) as u8;
        for n in 0..3 {
            code[at + n] |= (bits >> (8 * n)) as u8;
        }
    }
}
