//! RV64GC. Encodings: The RISC-V Instruction Set Manual, Volume I, "RV32/64G Instruction Set
//! Listings".

use crate::elf::Identity;
use crate::{Calls, GENERIC_CALLS, Isa, Reach, Reg, Regs, Width};

/// The guest.
#[derive(Debug)]
pub struct Riscv64;

/// Of its files; 243 is EM_RISCV, the flags say RVC and the double-float calling convention.
pub const IDENTITY: Identity = Identity { class64: true, big: false, machine: 243, flags: 5 };

const REGS: Regs = Regs {
    sp: 2,
    number: 17,
    args: [10, 11, 12, 13, 14, 15],
    result: 10,
    saved: [8, 9, 18, 19],
    temps: [5, 6, 7, 31],
};

/// The register that [`Reach::Jump`] needs.
const SCRATCH: u32 = 31;

/// Appends an instruction of 32 bits.
pub fn push(code: &mut Vec<u8>, word: u32) {
    code.extend(word.to_le_bytes());
}

const fn i_type(opcode: u32, funct3: u32, rd: u32, rs1: u32, imm: i32) -> u32 {
    (imm as u32) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

const fn s_type(opcode: u32, funct3: u32, rs2: u32, rs1: u32, imm: i32) -> u32 {
    let imm = imm as u32;
    (imm >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (imm & 31) << 7 | opcode
}

/// `addi rd, rs1, imm`.
pub const fn addi(rd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(0x13, 0, rd, rs1, imm)
}

/// `ld rd, imm(rs1)`.
pub const fn ld(rd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(0x03, 3, rd, rs1, imm)
}

/// `sd rs2, imm(rs1)`.
pub const fn sd(rs2: u32, rs1: u32, imm: i32) -> u32 {
    s_type(0x23, 3, rs2, rs1, imm)
}

/// `fld fd, imm(rs1)`.
pub const fn fld(fd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(0x07, 3, fd, rs1, imm)
}

/// `fsd fs2, imm(rs1)`.
pub const fn fsd(fs2: u32, rs1: u32, imm: i32) -> u32 {
    s_type(0x27, 3, fs2, rs1, imm)
}

/// `vl8re8.v vd, (rs1)`: eight vector registers.
pub const fn vl8r(vd: u32, rs1: u32) -> u32 {
    0xe280_0007 | rs1 << 15 | vd << 7
}

/// `vs8r.v vs3, (rs1)`.
pub const fn vs8r(vs3: u32, rs1: u32) -> u32 {
    0xe280_0027 | rs1 << 15 | vs3 << 7
}

/// `vsetvl rd, rs1, rs2`.
pub const fn vsetvl(rd: u32, rs1: u32, rs2: u32) -> u32 {
    0x8000_7057 | rs2 << 20 | rs1 << 15 | rd << 7
}

/// Numbers of control and status registers.
pub mod csr {
    /// Rounding mode and exception flags.
    pub const FCSR: u32 = 3;
    /// Where an interrupted vector instruction goes on.
    pub const VSTART: u32 = 8;
    /// Fixed-point rounding mode and saturation flag.
    pub const VCSR: u32 = 15;
    /// Vector length.
    pub const VL: u32 = 0xc20;
    /// Vector type.
    pub const VTYPE: u32 = 0xc21;
}

/// `csrr rd, csr`.
pub const fn csrr(rd: u32, csr: u32) -> u32 {
    csr << 20 | 2 << 12 | rd << 7 | 0x73
}

/// `csrw csr, rs1`.
pub const fn csrw(csr: u32, rs1: u32) -> u32 {
    csr << 20 | rs1 << 15 | 1 << 12 | 0x73
}

/// `auipc rd, imm`: the pc and this many pages of 4096 bytes.
pub const fn auipc(rd: u32, pages: i32) -> u32 {
    (pages as u32) << 12 | rd << 7 | 0x17
}

/// `jalr rd, imm(rs1)`.
pub const fn jalr(rd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(0x67, 0, rd, rs1, imm)
}

/// `ecall`.
pub const ECALL: u32 = 0x73;
/// `ebreak`.
pub const EBREAK: u32 = 0x10_0073;
/// `addi x0, x0, 0`.
pub const NOP: u32 = 0x13;

/// `rd = value`: up to eight instructions.
pub fn li(code: &mut Vec<u8>, rd: u32, value: i64) {
    let low = (value << 52 >> 52) as i32;
    if let Ok(word) = i32::try_from(value) {
        let upper = (word.wrapping_sub(low)) as u32 >> 12;
        if upper == 0 {
            return push(code, addi(rd, 0, low));
        }
        // lui
        push(code, upper << 12 | rd << 7 | 0x37);
        if low != 0 {
            // addiw
            push(code, i_type(0x1b, 0, rd, rd, low));
        }
        return;
    }
    // What is above the low twelve bits, without its trailing zeros.
    let upper = value.wrapping_sub(low.into()) >> 12;
    let shift = upper.trailing_zeros();
    li(code, rd, upper >> shift);
    // slli
    push(code, i_type(0x13, 1, rd, rd, (12 + shift).cast_signed()));
    if low != 0 {
        push(code, addi(rd, rd, low));
    }
}

/// Splits a displacement into that of `auipc` and what is added to it.
const fn split(displacement: i64) -> (i32, i32) {
    let low = (displacement << 52 >> 52) as i32;
    (((displacement - low as i64) >> 12) as i32, low)
}

fn put(code: &mut [u8], at: usize, word: u32) {
    code[at..at + 4].copy_from_slice(&word.to_le_bytes());
}

impl Isa for Riscv64 {
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
        li(code, rd.into(), value.cast_signed());
    }
    fn add_imm(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, imm: i32) {
        push(code, addi(rd.into(), rn.into(), imm));
    }
    fn add(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, rm: Reg) {
        push(code, 0x33 | u32::from(rm) << 20 | u32::from(rn) << 15 | u32::from(rd) << 7);
    }
    fn sub(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, rm: Reg) {
        push(code, 0x4000_0033 | u32::from(rm) << 20 | u32::from(rn) << 15 | u32::from(rd) << 7);
    }
    fn load(&self, code: &mut Vec<u8>, width: Width, rd: Reg, rn: Reg, offset: u32) {
        let funct3 = match width {
            Width::Byte => 4,
            Width::Word => 6,
            Width::Long => 3,
        };
        push(code, i_type(0x03, funct3, rd.into(), rn.into(), offset.cast_signed()));
    }
    fn store(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, offset: u32) {
        push(code, sd(rd.into(), rn.into(), offset.cast_signed()));
    }
    fn jump(&self, code: &mut Vec<u8>, rn: Reg) {
        push(code, jalr(0, rn.into(), 0));
    }
    fn ret(&self, code: &mut Vec<u8>) {
        push(code, jalr(0, 1, 0));
    }
    fn call(&self, code: &mut Vec<u8>) {
        push(code, ECALL);
    }
    fn breakpoint(&self, code: &mut Vec<u8>) {
        push(code, EBREAK);
    }
    fn reach(&self, code: &mut Vec<u8>, _: Reach) {
        // Two instructions each: a branch alone reaches 4 KiB only.
        code.extend([0; 8]);
    }
    fn resolve(&self, code: &mut [u8], at: usize, reach: Reach, to: usize) {
        let displacement = to as i64 - at as i64;
        let (pages, low) = split(displacement);
        match reach {
            Reach::Jump => {
                put(code, at, auipc(SCRATCH, pages));
                put(code, at + 4, jalr(0, SCRATCH, low));
            }
            Reach::Call => {
                put(code, at, auipc(1, pages));
                put(code, at + 4, jalr(1, 1, low));
            }
            Reach::Address(r) => {
                put(code, at, auipc(r.into(), pages));
                put(code, at + 4, addi(r.into(), r.into(), low));
            }
            Reach::Zero(r) | Reach::NotZero(r) => {
                // The opposite branch over a jump.
                let funct3 = u32::from(matches!(reach, Reach::Zero(_)));
                put(code, at, u32::from(r) << 15 | funct3 << 12 | 8 << 7 | 0x63);
                let d = (displacement - 4) as u32;
                let jal = (d >> 20 & 1) << 31
                    | (d >> 1 & 0x3ff) << 21
                    | (d >> 11 & 1) << 20
                    | (d >> 12 & 0xff) << 12;
                put(code, at + 4, jal | 0x6f);
            }
        }
    }
}
