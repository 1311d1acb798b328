//! Tests of whole translations: known code against its operations, and every listed encoding
//! against the rules of the representation.

use crate::Aarch64;
use crate::encoding::TABLE;
use guest::{Guest, Mode, code_at};
use ir::{Access, Block, Cond, ExitKind, Modifier, Op, OpCode, Ref, Ty};

const PC: u64 = 0x1_0000;

fn translate(words: &[u32]) -> Block {
    let mut block = Block::default();
    Aarch64::PLAIN.translate(&mut code_at(PC, words), PC, Mode::default(), &mut block);
    verify(&block, &format!("{words:x?}"));
    block
}

fn single(word: u32) -> Block {
    let mut block = Block::default();
    let mode = Mode { single: true, ..Mode::default() };
    Aarch64::PLAIN.translate(&mut code_at(PC, &[word]), PC, mode, &mut block);
    verify(&block, &format!("{word:#010x}"));
    block
}

fn verify(block: &Block, what: &str) {
    assert_eq!(ir::verify(block), Ok(()), "{what}");
}

/// The operations without `Insn`, up to the final exit.
fn body(words: &[u32]) -> (Vec<Op>, Block) {
    let block = translate(words);
    let mut ops: Vec<_> = block.ops.iter().copied().filter(|o| o.code != OpCode::Insn).collect();
    assert_eq!(ops.pop().map(|o| o.code), Some(OpCode::ExitDirect));
    (ops, block)
}

/// The only operation of one instruction.
fn one(word: u32) -> (Op, Block) {
    let (ops, block) = body(&[word]);
    assert_eq!(ops.len(), 1, "{ops:?}");
    (ops[0], block)
}

fn s(n: u16) -> Ref {
    Ref::slot(n)
}

#[test]
fn arithmetic_is_one_operation() {
    // add x1, x1, #1
    let (op, block) = one(0x9100_0421);
    assert_eq!((op.code, op.ty, op.dst, op.a), (OpCode::Add, Ty::I64, s(1), s(1)));
    assert_eq!(block.const64(op.b), Some(1));
    // add w0, w1, w2, lsl #3
    let (op, _) = one(0x0b02_0c20);
    assert_eq!((op.code, op.ty, op.dst, op.a, op.b), (OpCode::Add, Ty::I32, s(0), s(1), s(2)));
    assert_eq!(Modifier::decode(op.aux), Modifier::Lsl(3));
    // cmp x0, x1
    let (op, _) = one(0xeb01_001f);
    assert_eq!((op.code, op.dst, op.a, op.b), (OpCode::SubS, Ref::NONE, s(0), s(1)));
    // cmp sp, #16
    let (op, _) = one(0xf100_43ff);
    assert_eq!((op.code, op.dst, op.a), (OpCode::SubS, Ref::NONE, s(31)));
    // add x0, sp, w1, uxtw #2
    let (op, _) = one(0x8b21_4be0);
    assert_eq!((op.code, op.dst, op.a, op.b), (OpCode::Add, s(0), s(31), s(1)));
    assert_eq!(Modifier::decode(op.aux), Modifier::Uxtw(2));
    // neg x0, x1
    let (op, block) = one(0xcb01_03e0);
    assert_eq!((op.code, op.dst, op.b), (OpCode::Sub, s(0), s(1)));
    assert_eq!(block.const64(op.a), Some(0));
    // tst w0, #0xff
    let (op, block) = one(0x7200_1c1f);
    assert_eq!((op.code, op.ty, op.dst, op.a), (OpCode::AndS, Ty::I32, Ref::NONE, s(0)));
    assert_eq!(block.const64(op.b), Some(0xff));
}

#[test]
fn aliases_are_moves_and_shifts() {
    // mov x0, x1
    let (op, _) = one(0xaa01_03e0);
    assert_eq!((op.code, op.ty, op.dst, op.a), (OpCode::Mov, Ty::I64, s(0), s(1)));
    // mov x29, sp
    let (op, _) = one(0x9100_03fd);
    assert_eq!((op.code, op.dst, op.a), (OpCode::Mov, s(29), s(31)));
    // mov w0, #-1
    let (op, block) = one(0x1280_0000);
    assert_eq!((op.code, block.const64(op.a)), (OpCode::Mov, Some(0xffff_ffff)));
    // lsl x0, x1, #4
    let (op, block) = one(0xd37c_ec20);
    assert_eq!((op.code, op.dst, op.a, block.const64(op.b)), (OpCode::Shl, s(0), s(1), Some(4)));
    // lsr w0, w1, #5
    let (op, block) = one(0x5305_7c20);
    assert_eq!((op.code, op.ty, block.const64(op.b)), (OpCode::Shr, Ty::I32, Some(5)));
    // sxtw x0, w1
    let (op, _) = one(0x9340_7c20);
    assert_eq!((op.code, op.ty), (OpCode::SExt32, Ty::I64));
    // uxtb w0, w1
    let (op, _) = one(0x5300_1c20);
    assert_eq!(op.code, OpCode::ZExt8);
    // ubfx x0, x1, #3, #5
    let (op, _) = one(0xd343_1c20);
    assert_eq!((op.code, op.aux), (OpCode::Ubfx, 3 | 5 << 8));
    // bfi w0, w1, #4, #8
    let (op, _) = one(0x331c_1c20);
    assert_eq!((op.code, op.a, op.b, op.aux), (OpCode::Bfi, s(0), s(1), 4 | 8 << 8));
    // bfxil x0, x1, #8, #16
    let (op, _) = one(0xb348_5c20);
    assert_eq!((op.code, op.aux), (OpCode::Bfxil, 8 | 16 << 8));
    // ror x0, x1, #7
    let (op, block) = one(0x93c1_1c20);
    assert_eq!((op.code, block.const64(op.b)), (OpCode::Ror, Some(7)));
    // cset w0, eq
    let (op, _) = one(0x1a9f_17e0);
    assert_eq!((op.code, op.aux), (OpCode::SetCond, Cond::Eq as u16));
    // csetm x0, lt
    let (op, _) = one(0xda9f_a3e0);
    assert_eq!((op.code, op.aux), (OpCode::SetMask, Cond::Lt as u16));
    // mul x0, x1, x2
    let (op, _) = one(0x9b02_7c20);
    assert_eq!((op.code, op.dst, op.a, op.b), (OpCode::Mul, s(0), s(1), s(2)));
}

#[test]
fn move_keep_folds_into_a_constant() {
    // mov x0, #0x5678; movk x0, #0x1234, lsl #16
    let (ops, block) = body(&[0xd28a_cf00, 0xf2a2_4680]);
    assert_eq!((ops.len(), ops[0].code), (1, OpCode::Mov));
    assert_eq!(block.const64(ops[0].a), Some(0x1234_5678));
    // adrp x0, +1 page; add x0, x0, #0x10; add x1, x0, #1
    let (ops, block) = body(&[0xb000_0000, 0x9100_4000, 0x9100_0401]);
    assert_eq!((ops.len(), ops[0].dst, ops[1].dst), (2, s(0), s(1)));
    assert_eq!(block.const64(ops[0].a), Some(PC + 0x1010));
    assert_eq!(block.const64(ops[1].a), Some(PC + 0x1011));
    // movk x0, #0x1234, lsl #16
    let (op, _) = one(0xf2a2_4680);
    assert_eq!((op.code, op.aux), (OpCode::Bfi, 16 | 16 << 8));
}

#[test]
fn addresses_are_constants() {
    // adrp x0, +1 page
    let (op, block) = one(0xb000_0000);
    assert_eq!((op.code, block.const64(op.a)), (OpCode::Mov, Some(PC + 0x1000)));
    // adr x0, -4
    let (op, block) = one(0x10ff_ffe0);
    assert_eq!(block.const64(op.a), Some(PC - 4));
    // ldr x0, +8
    let (op, block) = one(0x5800_0040);
    assert_eq!((op.code, block.const64(op.a)), (OpCode::Ld, Some(PC + 8)));
}

#[test]
fn loads_and_stores() {
    // ldr x0, [x1, x2, lsl #3]
    let (op, _) = one(0xf862_7820);
    let access = Access::decode(op.aux);
    assert_eq!((op.code, op.dst, op.a, op.b), (OpCode::Ld, s(0), s(1), s(2)));
    assert_eq!((access.size, access.shift, access.ext), (3, 3, 0));
    // ldrsw x0, [x1, w2, sxtw]
    let (op, _) = one(0xb8a2_c820);
    let access = Access::decode(op.aux);
    assert_eq!((access.size, access.sext, access.shift, access.ext), (2, 64, 0, 2));
    // ldr x0, [sp, #32760]
    let (op, _) = one(0xf97f_ffe0);
    assert_eq!((op.a, op.imm), (s(31), 32760));
    // ldr x0, [x1], #8
    let (ops, _) = body(&[0xf840_8420]);
    assert_eq!(
        (ops[0].code, ops[0].imm, ops[1].code, ops[1].dst),
        (OpCode::Ld, 0, OpCode::Add, s(1))
    );
    // str x0, [sp, #-16]!
    let (ops, _) = body(&[0xf81f_0fe0]);
    assert_eq!((ops[0].code, ops[0].imm, ops[1].dst), (OpCode::St, -16, s(31)));
    // ldr xzr, [x1]
    let (op, _) = one(0xf940_003f);
    assert!(op.dst.as_temp().is_some());
    // ldp x29, x30, [sp], #16
    let (ops, _) = body(&[0xa8c1_7bfd]);
    let codes: Vec<_> = ops.iter().map(|o| o.code).collect();
    assert_eq!(codes, [OpCode::Ld, OpCode::Ld, OpCode::Mov, OpCode::Add]);
    // ldp x0, x1, [x0]
    let (ops, _) = body(&[0xa940_0400]);
    assert_eq!((ops[0].a, ops[1].a, ops[1].dst, ops[2].dst), (s(0), s(0), s(1), s(0)));
    // ldr q0, [x1, #16]
    let (op, _) = one(0x3dc0_0420);
    assert_eq!((op.code, op.dst, op.imm), (OpCode::LdV, s(64), 16));
    // ldar w0, [x1]
    let (op, _) = one(0x88df_fc20);
    assert!(Access::decode(op.aux).aligned);
    // ldaddal w0, w1, [x2]
    let (op, _) = one(0xb8e0_0041);
    assert_eq!((op.code, op.dst, op.a, op.b, op.aux), (OpCode::Rmw, s(1), s(2), s(0), 2));
}

#[test]
fn loops_to_the_start_are_exits() {
    // 0: subs x0, x0, #1; 4: b.ne 0; 8: ret
    let block = translate(&[0xf100_0400, 0x54ff_ffe1, 0xd65f_03c0]);
    let codes: Vec<_> = block.ops.iter().map(|o| o.code).collect();
    assert_eq!(
        codes,
        [
            OpCode::Insn,
            OpCode::SubS,
            OpCode::Insn,
            OpCode::Poll,
            OpCode::BrCond,
            OpCode::Insn,
            OpCode::ExitIndirect
        ]
    );
    assert_eq!((block.ops[4].imm, block.insns, block.len), (-1, 3, 12));
    assert_eq!((block.labels, block.exits[0].pc), (0, PC));
}

#[test]
fn loops_with_flags_are_blocks_of_their_own() {
    // 0: nop; 4: subs x0, x0, #1; 8: b.ne 4; 12: ret
    let block = translate(&[0xd503_201f, 0xf100_0400, 0x54ff_ffe1, 0xd65f_03c0]);
    assert_eq!((block.insns, block.labels, block.exits[0].pc), (1, 0, PC + 4));
    // 0: nop; 4: sub x0, x0, #1; 8: cbnz x0, 4; 12: ret
    let block = translate(&[0xd503_201f, 0xd100_0400, 0xb5ff_ffe0, 0xd65f_03c0]);
    assert_eq!((block.insns, block.labels, block.exits.len()), (4, 1, 0));
}

#[test]
fn forward_branches_find_their_labels() {
    // 0: cbz x0, 8; 4: nop; 8: tbnz x0, #33, 16; 12: b 0; 16: ret (not translated)
    let block = translate(&[0xb400_0040, 0xd503_201f, 0xb708_0040, 0x17ff_fffd, 0xd65f_03c0]);
    assert_eq!((block.labels, block.insns), (1, 4));
    let find = |code| block.ops.iter().find(|o| o.code == code).copied().unwrap();
    assert_eq!(find(OpCode::BrCmp).imm, 0);
    let bit = find(OpCode::BrBit);
    assert_eq!((bit.aux, block.exits[(-1 - bit.imm) as usize].pc), (33 | 1 << 8, PC + 16));
    assert_eq!(block.exits[(-1 - find(OpCode::ExitDirect).imm) as usize].pc, PC);
}

#[test]
fn labels_behind_an_early_end_become_exits() {
    // 0: b.eq 12; 4: undefined at EL0 (mrs x0, sctlr_el1); 8: nop; 12: ret
    let block = translate(&[0x5400_0060, 0xd538_1000, 0xd503_201f, 0xd65f_03c0]);
    assert_eq!(block.insns, 2);
    let branch = block.ops.iter().find(|o| o.code == OpCode::BrCond).unwrap();
    assert_eq!(block.exits[(-1 - branch.imm) as usize].pc, PC + 12);
    assert_eq!(block.ops.last().unwrap().code, OpCode::Trap);
}

#[test]
fn both_arms_of_an_if_else_are_in_the_block() {
    // 0: b.eq 12; 4: nop; 8: b 16; 12: nop; 16: ret
    let words = [0x5400_0060, 0xd503_201f, 0x1400_0002, 0xd503_201f, 0xd65f_03c0];
    let block = translate(&words);
    assert_eq!((block.insns, block.labels, block.exits.len()), (5, 2, 0));
    // The join is not reached: at 12 there is an undefined instruction.
    let block = translate(&[words[0], words[1], words[2], 0xd538_1000, words[4]]);
    let branch = block.ops.iter().rfind(|o| o.code == OpCode::BrCond).unwrap();
    assert_eq!(
        (branch.aux, block.exits[(-1 - branch.imm) as usize].pc),
        (Cond::Al as u16, PC + 16)
    );
}

#[test]
fn calls() {
    // bl +8
    let block = translate(&[0x9400_0002]);
    let exit = block.exits[0];
    assert_eq!((exit.pc, exit.kind), (PC + 8, ExitKind::Call { return_pc: PC + 4 }));
    // blr x30
    let block = translate(&[0xd63f_03c0]);
    let call = block.ops.last().unwrap();
    assert_eq!(call.code, OpCode::CallIndirect);
    assert!(call.a.as_temp().is_some());
    // svc #0
    let block = translate(&[0xd400_0001]);
    assert_eq!(block.ops.last().unwrap().code, OpCode::Syscall);
    // Nothing can be fetched.
    let block = translate(&[]);
    assert_eq!((block.insns, block.ops.len()), (0, 0));
}

#[test]
fn blocks_end_with_the_page_and_at_their_limit() {
    let nops = [0xd503_201f; 2000];
    assert_eq!(translate(&nops).insns, 64);
    let mut block = Block::default();
    Aarch64::PLAIN.translate(&mut code_at(PC, &nops), PC + 4096 - 12, Mode::default(), &mut block);
    assert_eq!(block.insns, 3);
    assert_eq!(block.exits[0].pc, PC + 4096);
}

#[test]
fn exits_know_dead_flags() {
    // 0: cmp x0, x1; 4: b.ne 12; 8: ret; the branch leads to 12: ldr, where flags must be there.
    let block = translate(&[0xeb01_001f, 0x5400_0041, 0xd65f_03c0, 0xf940_0000]);
    assert!(!block.exits[0].flags_dead);
    let block = translate(&[0xeb01_001f, 0x5400_0041, 0xd65f_03c0, 0xeb01_001f]);
    assert!(block.exits[0].flags_dead);
    // Nobody looks before the flags are written, unless it can be later: 8: b.ne 0.
    let block = translate(&[0x5400_0061, 0xeb01_001f, 0xd65f_03c0, 0xeb01_001f]);
    assert!(!block.exits[0].flags_dead);
    let block = translate(&[0x5400_0081, 0xeb01_001f, 0x54ff_ffc1, 0xd65f_03c0, 0xeb01_001f]);
    assert!(block.exits[0].flags_dead);
}

/// Every encoding in the list, many times: nothing panics, and the rules hold.
#[test]
fn all_encodings_hold_the_rules() {
    let mut rng = isa::Rng::new(1);
    let mut random = || rng.next() as u32;
    for line in TABLE.lines() {
        for _ in 0..if cfg!(miri) { 2 } else { 300 } {
            let word = random() & !line.mask as u32 | line.value as u32;
            let block = single(word);
            assert_eq!(block.insns, 1);
            if !line.implemented() {
                continue;
            }
            translate(&[
                word,
                word ^ 0x21,
                random() & !line.mask as u32 | line.value as u32,
                0xd65f_03c0,
            ]);
        }
    }
    for _ in 0..20_000 {
        single(random());
    }
}
