//! The programs that a probe runs: for each architecture a whole ELF executable of under 200
//! bytes that exits with [`EXIT_CODE`], put together from the instructions below.

use asm::elf;

use crate::GuestArch;
use crate::guests::ByteOrder;

/// What the program exits with: not 0, so that a shell that takes the file for a script, or a
/// handler that does nothing, is not taken for success.
pub const EXIT_CODE: u8 = 42;

enum Code {
    Words(&'static [u32]),
    Halves(&'static [u16]),
    Bytes(&'static [u8]),
}

use Code::{Bytes, Halves, Words};

/// Instructions that exit with 42, and the e_flags that make loaders choose the right ABI.
struct Program {
    arch: &'static str,
    e_flags: u32,
    code: Code,
}

const fn program(arch: &'static str, e_flags: u32, code: Code) -> Program {
    Program { arch, e_flags, code }
}

const PPC: Code = Words(&[0x3860_002a, 0x3800_0001, 0x4400_0002]); // li r3,42; li r0,1; sc
const RISCV: Code = Words(&[0x02a0_0513, 0x05d0_0893, 0x73]); // li a0,42; li a7,93; ecall
const ARM: Code = Words(&[0xe3a0_002a, 0xe3a0_7001, 0xef00_0000]); // mov r0,#42; mov r7,#1; svc 0
const O32: Code = Words(&[0x2404_002a, 0x2402_0fa1, 0xc]); // li a0,42; li v0,4001; syscall
const N32: Code = Words(&[0x2404_002a, 0x2402_17aa, 0xc]); // the same with 6058
const N64: Code = Words(&[0x2404_002a, 0x2402_13c2, 0xc]); // the same with 5058
const SPARC: Code = Words(&[0x9010_202a, 0x8210_2001, 0x91d0_2010]); // mov 42,%o0; mov 1,%g1; ta 16
const SH4: Code = Halves(&[0xe42a, 0xe301, 0xc313, 0x0009]); // mov #42,r4; mov #1,r3; trapa #0x13
// addik r5,r0,42; addik r12,r0,1; brki r14,8
const MICROBLAZE: Code = Words(&[0x30a0_002a, 0x3180_0001, 0xb9cc_0008]);

const PROGRAMS: &[Program] = &[
    // movz x0,#42; movz x8,#93; svc #0
    program("arm64", 0, Words(&[0xd280_0540, 0xd280_0ba8, 0xd400_0001])),
    // The same; instructions are little-endian always.
    program("arm64be", 0, Bytes(&[0x40, 5, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 1, 0, 0, 0xd4])),
    program("riscv64", 0, RISCV),
    program("riscv32", 0, RISCV),
    // mov edi,42; mov eax,60; syscall
    program("amd64", 0, Bytes(&[0xbf, 42, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 5])),
    // mov ebx,42; mov eax,1; int 0x80
    program("386", 0, Bytes(&[0xbb, 42, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0xcd, 0x80])),
    program("arm", 0x0500_0000, ARM),
    program("armbe", 0x0500_0000, ARM),
    // lghi %r2,42; svc 1
    program("s390x", 0, Bytes(&[0xa7, 0x29, 0, 42, 0x0a, 1])),
    program("ppc64le", 2, PPC),
    program("ppc64", 2, PPC),
    program("ppc", 0, PPC),
    program("mips64le", 0x6000_0000, N64),
    program("mips64", 0x6000_0000, N64),
    program("mipsle", 0x5000_1000, O32),
    program("mips", 0x5000_1000, O32),
    program("mipsn32le", 0x6000_0020, N32),
    program("mipsn32", 0x6000_0020, N32),
    // ori $a0,$zero,42; ori $a7,$zero,94; syscall 0
    program("loong64", 0x43, Words(&[0x0380_a804, 0x0381_780b, 0x002b_0000])),
    // moveq #42,d1; moveq #1,d0; trap #0
    program("m68k", 0, Halves(&[0x722a, 0x7001, 0x4e40, 0x4e71])),
    // lda $16,42($31); lda $0,1($31); callsys
    program("alpha", 0, Words(&[0x221f_002a, 0x201f_0001, 0x83])),
    program("sparc", 0, SPARC),
    program("sparc32plus", 0x100, SPARC),
    // The same with ta 0x6d
    program("sparc64", 0, Words(&[0x9010_202a, 0x8210_2001, 0x91d0_206d])),
    // ldi 42,%r26; ble 0x100(%sr2,%r0); ldi 1,%r20
    program("hppa", 0x210, Words(&[0x341a_0054, 0xe400_8200, 0x3414_0002])),
    // l.addi r3,r0,42; l.addi r11,r0,93; l.sys 1
    program("or1k", 0, Words(&[0x9c60_002a, 0x9d60_005d, 0x2000_0001])),
    program("sh4", 9, SH4),
    program("sh4eb", 9, SH4),
    // movi a6,42; movi a2,118; syscall
    program("xtensa", 0x300, Bytes(&[0x62, 0xa0, 0x2a, 0x22, 0xa0, 0x76, 0, 0x50, 0])),
    program("xtensaeb", 0x300, Bytes(&[0x26, 0x0a, 0x2a, 0x22, 0x0a, 0x76, 0, 5, 0])),
    // { r0 = #42 }; { r6 = #93 }; trap0(#1)
    program("hexagon", 0x60, Words(&[0x7800_c540, 0x7800_cba6, 0x5400_c004])),
    program("microblaze", 0, MICROBLAZE),
    program("microblazeel", 0, MICROBLAZE),
];

const COUNT_PPC: Code = Words(&[0xe861_0000, 0x3800_0001, 0x4400_0002]); // ld r3,0(r1); li r0,1; sc
const COUNT_N64: Code = Words(&[0xdfa4_0000, 0x2402_13c2, 0xc]); // ld a0,0(sp); li v0,5058; syscall

/// The same programs, but exiting with their number of arguments, for what tonistiigi/binfmt has.
const COUNTS: &[Program] = &[
    // ldr x0,[sp]; movz x8,#93; svc #0
    program("arm64", 0, Words(&[0xf940_03e0, 0xd280_0ba8, 0xd400_0001])),
    // ld a0,0(sp); li a7,93; ecall
    program("riscv64", 0, Words(&[0x0001_3503, 0x05d0_0893, 0x73])),
    // mov edi,[rsp]; mov eax,60; syscall
    program("amd64", 0, Bytes(&[0x8b, 0x3c, 0x24, 0xb8, 60, 0, 0, 0, 0x0f, 5])),
    // mov ebx,[esp]; mov eax,1; int 0x80
    program("386", 0, Bytes(&[0x8b, 0x1c, 0x24, 0xb8, 1, 0, 0, 0, 0xcd, 0x80])),
    // ldr r0,[sp]; mov r7,#1; svc 0
    program("arm", 0x0500_0000, Words(&[0xe59d_0000, 0xe3a0_7001, 0xef00_0000])),
    // lg %r2,0(%r15); svc 1
    program("s390x", 0, Bytes(&[0xe3, 0x20, 0xf0, 0, 0, 4, 0x0a, 1])),
    program("ppc64le", 2, COUNT_PPC),
    program("mips64le", 0x6000_0000, COUNT_N64),
    program("mips64", 0x6000_0000, COUNT_N64),
    // ld.d $a0,$sp,0; ori $a7,$zero,94; syscall 0
    program("loong64", 0x43, Words(&[0x28c0_0064, 0x0381_780b, 0x002b_0000])),
];

/// The executable for `guest`. Its EI_ABIVERSION is 0 and its padding clean, so it tells only
/// whether ordinary programs run.
pub fn build(guest: &GuestArch) -> Option<Vec<u8>> {
    PROGRAMS.iter().find(|p| p.arch == guest.name).map(|p| executable(guest, p))
}

/// One that exits with the number of its arguments, its name included; None for architectures that
/// have none.
pub fn build_count(guest: &GuestArch) -> Option<Vec<u8>> {
    COUNTS.iter().find(|p| p.arch == guest.name).map(|p| executable(guest, p))
}

fn executable(guest: &GuestArch, program: &Program) -> Vec<u8> {
    const BASE: u64 = 0x10_0000;
    const PAGE: u64 = 0x1_0000;
    let big = guest.order == ByteOrder::Big;
    let identity = elf::Identity {
        class64: guest.class64,
        big,
        machine: guest.machine,
        flags: program.e_flags,
    };
    let code: Vec<u8> = match program.code {
        Words(words) => {
            words.iter().flat_map(|w| if big { w.to_be_bytes() } else { w.to_le_bytes() }).collect()
        }
        Halves(halves) => halves
            .iter()
            .flat_map(|h| if big { h.to_be_bytes() } else { h.to_le_bytes() })
            .collect(),
        Bytes(bytes) => bytes.to_vec(),
    };
    elf::small(&identity, BASE, PAGE, &code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guests::GUESTS;

    #[test]
    fn every_guest_has_one() {
        for g in GUESTS {
            let elf = build(g).unwrap_or_else(|| panic!("none for {}", g.name));
            assert_eq!(GuestArch::of_elf(&elf), Some(g));
            assert!(elf.len() < 200, "{}", elf.len());
            assert!(build_count(g).is_none_or(|c| GuestArch::of_elf(&c) == Some(g)));
        }
    }
}
