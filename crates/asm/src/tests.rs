//! The assembler against words that GNU's as makes.

use crate::{Assembler, Isa as _, Reach, Width, aarch64, elf, riscv64, x86_64};

fn words(code: &[u8]) -> Vec<u32> {
    code.chunks_exact(4).map(|c| u32::from_le_bytes(c.try_into().expect("four"))).collect()
}

/// What `li` computes, by executing its instructions.
fn value_of(code: &[u8]) -> i64 {
    words(code).into_iter().fold(0i64, |value, word| {
        let imm = i64::from(word.cast_signed() >> 20);
        match (word & 0x7f, word >> 12 & 7) {
            (0x37, _) => i64::from((word & 0xffff_f000).cast_signed()),
            (0x13, 0) => (if word >> 15 & 31 == 0 { 0i64 } else { value }).wrapping_add(imm),
            (0x1b, 0) => i64::from(value.wrapping_add(imm) as i32),
            (0x13, 1) => value << (imm & 63),
            _ => panic!("{word:#x}"),
        }
    })
}

#[test]
fn any_value_can_be_loaded() {
    let mut values = vec![0, 1, -1, 2047, 2048, -2048, -2049, i64::MIN, i64::MAX, 0x7fff_f800];
    values.extend([0x8000_0000, -0x8000_0001, 0x1234_5678_9abc_def0, 0x4000_0000]);
    values.extend((0..64).map(|n| 1 << n));
    let mut random = 7_i64;
    for _ in 0..10_000 {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        values.push(random >> (random & 63));
    }
    for value in values {
        let mut code = Vec::new();
        riscv64::li(&mut code, 9, value);
        assert_eq!(value_of(&code), value, "{value:#x}");
        assert!(code.len() <= 32);
    }
}

#[test]
fn riscv64_words() {
    let mut a = Assembler::new(&riscv64::Riscv64);
    let start = a.here();
    let end = a.label();
    // bnez a0, .+8; j end
    a.reach(Reach::Zero(10), end);
    a.store(9, 2, 2040);
    a.load(8, 2, 16);
    a.sub(5, 6, 7);
    a.place(end);
    // auipc t6, 0; jalr -20(t6)
    a.reach(Reach::Jump, start);
    let expected =
        [0x0005_1463, 0x0100_006f, 0x7e91_3c23, 0x0101_3403, 0x4073_02b3, 0x0000_0f97, 0xfecf_8067];
    assert_eq!(words(&a.finish()), expected);
    assert_eq!(riscv64::vs8r(8, 10), 0xe285_0427);
    assert_eq!(riscv64::vl8r(8, 10), 0xe285_0407);
    assert_eq!(riscv64::vsetvl(0, 5, 6), 0x8062_f057);
    assert_eq!(riscv64::csrw(riscv64::csr::FCSR, 5), 0x0032_9073);
    assert_eq!(riscv64::fsd(31, 10, 8), 0x01f5_3427);
}

#[test]
fn aarch64_words() {
    let mut a = Assembler::new(&aarch64::Aarch64);
    a.value(0, (-100_i64).cast_unsigned());
    a.address_of(1, b"text");
    let skipped = a.code.len();
    a.breakpoint();
    a.skip(skipped);
    // movn x0, #99; adr x1, .+12; b .+4; (padding)
    assert_eq!(words(&a.finish())[..3], [0x9280_0c60, 0x1000_0061, 0x1400_0001]);
}

#[test]
fn files_have_their_class_and_order() {
    let big32 = elf::Identity { class64: false, big: true, machine: 8, flags: 0x5000_1000 };
    let file = elf::small(&big32, 0x10_0000, 0x1_0000, &[1, 2, 3, 4]);
    assert_eq!(file.len(), 52 + 32 + 4);
    assert_eq!(file[..7], *b"\x7fELF\x01\x02\x01");
    assert_eq!(file[18..20], [0, 8]);
    assert_eq!(file[36..40], [0x50, 0, 0x10, 0]);
    let long = elf::small(&aarch64::Aarch64.identity(), 0x40_0000, 4096, &[]);
    assert_eq!(long[24..32], 0x40_0078_u64.to_le_bytes());
}

#[test]
fn x86_64_bytes() {
    let mut a = Assembler::new(&x86_64::X86_64);
    let start = a.here();
    let end = a.label();
    // test r14, r14; je end
    a.reach(Reach::Zero(14), end);
    // mov eax, 7; mov r15, -1; movabs rcx, 1 << 40
    a.value(0, 7);
    a.value(15, u64::MAX);
    a.value(1, 1 << 40);
    // mov [rsp + 8], r12; mov r9d, [r13 + 16]; movzx eax, byte [rax]
    a.store(12, 4, 8);
    a.load_of(Width::Word, 9, 13, 16);
    a.load_of(Width::Byte, 0, 0, 0);
    // lea rdx, [r12 + rsp]; lea rsp, [rsp - 8]
    a.add(2, 12, 4);
    a.add_imm(4, 4, -8);
    // neg rdx; add rdx, rsi
    a.sub(2, 6, 2);
    a.jump(10);
    a.place(end);
    // lea r8, [start]; jmp start
    a.reach(Reach::Address(8), start);
    a.reach(Reach::Jump, start);
    let expected = "4d85f6 0f8446000000 b807000000 49c7c7ffffffff 48b90000000000010000 \
        4c89a42408000000 458b8d10000000 480fb68000000000 4a8d942400000000 488da424f8ffffff \
        48f7da 4801f2 41ffe2 4c8d05aaffffff e9a5ffffff";
    let hex: String = a.finish().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected.replace(' ', ""));
}
