//! The code of riscv64's vDSO.

use super::{MACHINE, number};
use crate::vdso::Code::Words;
use crate::vdso::{Built, Form, Function, Image, build};

const ECALL: u32 = 0x73;
/// `jr ra`.
const RET: u32 = 0x8067;
/// Instructions of our own (custom-0) that ask the host's vDSO: `clock_gettime`, `gettimeofday`.
const TIME: u32 = 0x100b;
const DAY: u32 = 0x200b;

const ZERO: u32 = 0;
const A0: u32 = 10;
const A1: u32 = 11;
const A2: u32 = 12;
const A3: u32 = 13;
const A4: u32 = 14;
const A7: u32 = 17;

/// An instruction with a register and a 12-bit immediate as operands.
const fn immediate(function: u32, opcode: u32, rd: u32, rs: u32, imm: i32) -> u32 {
    (imm as u32) << 20 | rs << 15 | function << 12 | rd << 7 | opcode
}
const fn addi(rd: u32, rs: u32, imm: i32) -> u32 {
    immediate(0, 0x13, rd, rs, imm)
}
const fn li(rd: u32, imm: u32) -> u32 {
    addi(rd, ZERO, imm as i32)
}
const fn andi(rd: u32, rs: u32, imm: i32) -> u32 {
    immediate(7, 0x13, rd, rs, imm)
}
const fn sltiu(rd: u32, rs: u32, imm: i32) -> u32 {
    immediate(3, 0x13, rd, rs, imm)
}
const fn ld(rd: u32, rs: u32, imm: i32) -> u32 {
    immediate(3, 0x03, rd, rs, imm)
}
const fn sd(source: u32, base: u32, imm: u32) -> u32 {
    imm >> 5 << 25 | source << 20 | base << 15 | 3 << 12 | (imm & 0x1f) << 7 | 0x23
}
const fn sw(source: u32, base: u32) -> u32 {
    source << 20 | base << 15 | 2 << 12 | 0x23
}
const fn srl(rd: u32, rs: u32, amount: u32) -> u32 {
    amount << 20 | rs << 15 | 5 << 12 | rd << 7 | 0x33
}
/// A branch over less than 2 KiB of code that follows.
const fn branch(function: u32, rs1: u32, rs2: u32, instructions: u32) -> u32 {
    let offset = instructions * 4;
    offset >> 5 << 25 | rs2 << 20 | rs1 << 15 | function << 12 | (offset & 0x1e) << 7 | 0x63
}
const fn beqz(rs: u32, instructions: u32) -> u32 {
    branch(0, rs, ZERO, instructions)
}
const fn bnez(rs: u32, instructions: u32) -> u32 {
    branch(1, rs, ZERO, instructions)
}
const fn bltu(rs1: u32, rs2: u32, instructions: u32) -> u32 {
    branch(6, rs1, rs2, instructions)
}
/// `auipc rd, 0`.
const fn pc(rd: u32) -> u32 {
    rd << 7 | 0x17
}

/// Goes on if clock a0 is REALTIME, MONOTONIC, MONOTONIC_RAW, a coarse one of both, BOOTTIME or TAI;
/// otherwise to what is `after` instructions behind this. Changes a2 and a3.
const fn known_clock(after: u32) -> [u32; 7] {
    [
        li(A2, 11),
        bltu(A2, A0, 6 + after),
        A3 << 7 | 1 << 12 | 0x37, // lui a3, 1
        addi(A3, A3, 0x8f3 - 0x1000),
        srl(A3, A3, A0),
        andi(A3, A3, 1),
        beqz(A3, 1 + after),
    ]
}

const CLOCK_GETTIME: [u32; 12] = {
    let [a, b, c, d, e, f, g] = known_clock(2);
    [li(A7, number::CLOCK_GETTIME), a, b, c, d, e, f, g, TIME, RET, ECALL, RET]
};

const GETTIMEOFDAY: [u32; 7] =
    [li(A7, number::GETTIMEOFDAY), beqz(A0, 4), bnez(A1, 3), DAY, RET, ECALL, RET];

/// The code of `clock_getres`; the two words that follow are [`Image::resolutions`].
const CLOCK_GETRES_CODE: usize = 24;
const CLOCK_GETRES: [u32; CLOCK_GETRES_CODE + 4] = {
    let [a, b, c, d, e, f, g] = known_clock(13);
    [
        li(A7, number::CLOCK_GETRES),
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        beqz(A1, 11), // to the li
        pc(A2),
        addi(A2, A2, (CLOCK_GETRES_CODE as i32 - 9) * 4),
        ld(A3, A2, 0),
        ld(A4, A2, 8),
        addi(A0, A0, -5), // the coarse clocks are 5 and 6
        sltiu(A0, A0, 2),
        beqz(A0, 2),
        addi(A3, A4, 0),
        sd(ZERO, A1, 0),
        sd(A3, A1, 8),
        li(A0, 0),
        RET,
        ECALL,
        RET,
        addi(ZERO, ZERO, 0), // so that the words are aligned
        0,
        0,
        0,
        0,
    ]
};

/// A function that makes call `nr`.
const fn call(nr: u32) -> [u32; 3] {
    [li(A7, nr), ECALL, RET]
}
/// Asks for processor and node, in a2 and a3.
const CPU: u32 = 0x300b;
const GETCPU: [u32; 7] = [CPU, beqz(A0, 2), sw(A2, A0), beqz(A1, 2), sw(A3, A1), li(A0, 0), RET];
const FLUSH_ICACHE: [u32; 3] = call(number::FLUSH_ICACHE);
const HWPROBE: [u32; 3] = call(number::HWPROBE);

/// What unwinders look for: exactly these two instructions.
const RT_SIGRETURN: [u32; 2] = [li(A7, number::RT_SIGRETURN), ECALL];

static BUILT: Built<7> = build(
    Form::new(MACHINE, "LINUX_4.15"),
    &[
        Function { name: "__vdso_clock_gettime", code: Words(&CLOCK_GETTIME) },
        Function { name: "__vdso_gettimeofday", code: Words(&GETTIMEOFDAY) },
        Function { name: "__vdso_clock_getres", code: Words(&CLOCK_GETRES) },
        Function { name: "__vdso_rt_sigreturn", code: Words(&RT_SIGRETURN) },
        Function { name: "__vdso_getcpu", code: Words(&GETCPU) },
        Function { name: "__vdso_flush_icache", code: Words(&FLUSH_ICACHE) },
        Function { name: "__vdso_riscv_hwprobe", code: Words(&HWPROBE) },
    ],
);

/// The image.
pub(super) static IMAGE: Image = BUILT.image(3, BUILT.offsets[2] + CLOCK_GETRES_CODE as u64 * 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_encoded_as_the_assembler_does() {
        // riscv64-linux-gnu-as -march=rv64i: bltu a2,a0,.+32; beqz a3,.+12; lui a3,1;
        // addi a3,a3,-1805; srl a3,a3,a0; sd a3,8(a1); auipc a2,0; sltiu a0,a0,2; bnez a1,.+12
        let [_, b, c, d, e, _, g] = known_clock(2);
        assert_eq!([b, g], [0x02a6_6063, 0x0006_8663]);
        assert_eq!([c, d, e], [0x0000_16b7, 0x8f36_8693, 0x00a6_d6b3]);
        assert_eq!([sd(A3, A1, 8), pc(A2)], [0x00d5_b423, 0x0000_0617]);
        assert_eq!([sltiu(A0, A0, 2), bnez(A1, 3)], [0x0025_3513, 0x0005_9663]);
    }

    #[test]
    fn the_trampoline_is_what_unwinders_expect() {
        let at = IMAGE.sigreturn as usize;
        assert_eq!(IMAGE.bytes[at..at + 8], 0x0000_0073_08b0_0893_u64.to_le_bytes());
        assert_eq!(IMAGE.bytes[at - 16..at], [0; 16]);
    }

    #[test]
    fn the_resolutions_are_where_the_code_looks() {
        let end = BUILT.offsets[2] + CLOCK_GETRES.len() as u64 * 4;
        assert_eq!(IMAGE.resolutions + 16, end);
        assert_eq!(IMAGE.resolutions % 8, 0);
    }
}
