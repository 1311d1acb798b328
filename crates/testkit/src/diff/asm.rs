//! The few instructions that programs are made of besides the tested ones.

/// `movz rd, #value` and `movk` for the halves that are not zero.
pub fn mov(code: &mut Vec<u32>, rd: u32, value: u64) {
    code.push(0xd280_0000 | (value as u32 & 0xffff) << 5 | rd);
    for half in 1..4u32 {
        let part = (value >> (16 * half)) as u32 & 0xffff;
        if part != 0 {
            code.push(0xf280_0000 | half << 21 | part << 5 | rd);
        }
    }
}

/// `movz rd, #low` and `movk rd, #high, lsl #16`, of a value of 32 bits: always two words.
pub fn mov_wide(code: &mut Vec<u32>, rd: u32, value: u64) {
    debug_assert!(value >> 32 == 0);
    code.push(0xd280_0000 | (value as u32 & 0xffff) << 5 | rd);
    code.push(0xf2a0_0000 | (value as u32 >> 16) << 5 | rd);
}

/// `adr rd, . + 4 * words`.
pub fn adr(rd: u32, words: u32) -> u32 {
    debug_assert!(words < 1 << 18);
    0x1000_0000 | words << 5 | rd
}

/// `b`, from one index of code to another.
pub fn b(from: usize, to: usize) -> u32 {
    0x1400_0000 | (to as u32).wrapping_sub(from as u32) & 0x3ff_ffff
}

/// `br rn`.
pub fn br(rn: u32) -> u32 {
    0xd61f_0000 | rn << 5
}

/// `str rt, [rn, #offset]`.
pub fn str(rt: u32, rn: u32, offset: usize) -> u32 {
    0xf900_0000 | (offset as u32 / 8) << 10 | rn << 5 | rt
}

/// `ldr rt, [rn, #offset]`.
pub fn ldr(rt: u32, rn: u32, offset: usize) -> u32 {
    0xf940_0000 | (offset as u32 / 8) << 10 | rn << 5 | rt
}

/// `stp rt, rt+1, [rn, #offset]`.
pub fn stp(rt: u32, rn: u32, offset: usize) -> u32 {
    0xa900_0000 | (offset as u32 / 8) << 15 | (rt + 1) << 10 | rn << 5 | rt
}

/// `ldp rt, rt+1, [rn, #offset]`.
pub fn ldp(rt: u32, rn: u32, offset: usize) -> u32 {
    stp(rt, rn, offset) | 1 << 22
}

/// `stp qt, qt+1, [rn, #offset]`.
pub fn stp_q(rt: u32, rn: u32, offset: usize) -> u32 {
    0xad00_0000 | (offset as u32 / 16) << 15 | (rt + 1) << 10 | rn << 5 | rt
}

/// `ldp qt, qt+1, [rn, #offset]`.
pub fn ldp_q(rt: u32, rn: u32, offset: usize) -> u32 {
    stp_q(rt, rn, offset) | 1 << 22
}

/// `add rd, rn, #imm`; `mov` between general registers and SP with 0.
pub fn add(rd: u32, rn: u32, imm: u32) -> u32 {
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
pub fn msr(register: u32, rt: u32) -> u32 {
    register | rt
}

/// `mrs rt, register`.
pub fn mrs(rt: u32, register: u32) -> u32 {
    register | 1 << 21 | rt
}

/// `svc #0`.
pub const SVC: u32 = 0xd400_0001;
/// `ret`.
pub const RET: u32 = 0xd65f_03c0;
/// `clrex`.
pub const CLREX: u32 = 0xd503_3f5f;
