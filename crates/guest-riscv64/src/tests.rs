//! What blocks look like.

use crate::Riscv64;
use crate::cpu::Features;
use crate::encoding::TABLE;
use guest::{Bytes, Guest, Key, Mode};
use ir::{Access, Block, Cond, ExitKind, Op, OpCode, Ref, Ty};

const PC: u64 = 0x1_0000;

fn translate_bytes(code: &[u8], mode: Mode) -> Block {
    let mut block = Block::default();
    Riscv64::PLAIN.translate(&mut Bytes { start: PC, code }, PC, mode, &mut block);
    if let Err(error) = ir::verify(&block) {
        panic!("{code:02x?}: {error:?}");
    }
    block
}

/// Instructions as they are written in listings: 16 bits where the two lowest are not both set.
fn code(words: &[u32]) -> Vec<u8> {
    let bytes = |&word: &u32| word.to_le_bytes()[..if word & 3 == 3 { 4 } else { 2 }].to_vec();
    words.iter().flat_map(bytes).collect()
}

fn translate(words: &[u32]) -> Block {
    translate_bytes(&code(words), Mode::default())
}

/// The operations without `Insn`, up to the final exit.
fn body(words: &[u32]) -> (Vec<Op>, Block) {
    let block = translate(words);
    let mut ops: Vec<_> = block.ops.iter().copied().filter(|o| o.code != OpCode::Insn).collect();
    assert_eq!(ops.pop().map(|o| o.code), Some(OpCode::ExitDirect));
    (ops, block)
}

/// The only operation of some instructions.
fn one(words: &[u32]) -> (Op, Block) {
    let (ops, block) = body(words);
    assert_eq!(ops.len(), 1, "{ops:?}");
    (ops[0], block)
}

fn s(n: u16) -> Ref {
    Ref::slot(n)
}

#[test]
fn constants_are_folded() {
    // lui a0, 0x12345; addi a0, a0, 0x678
    let (op, block) = one(&[0x1234_5537, 0x6785_0513]);
    assert_eq!((op.code, op.dst, block.const64(op.a)), (OpCode::Mov, s(10), Some(0x1234_5678)));
    // lui a0, 0x80000; c.addiw a0, -1
    let (op, block) = one(&[0x8000_0537, 0x357d]);
    assert_eq!((op.code, block.const64(op.a)), (OpCode::Mov, Some(0x7fff_ffff)));
    // auipc a0, 1; addi a1, a0, 8: both registers are set.
    let (ops, block) = body(&[0x0000_1517, 0x0085_0593]);
    assert_eq!((ops.len(), block.const64(ops[1].a)), (2, Some(PC + 0x1008)));
    assert!(!block.unmovable);
}

#[test]
fn shifts_are_joined() {
    // c.slli a0, 32; c.srli a0, 32
    let (op, _) = one(&[0x1502, 0x9101]);
    assert_eq!((op.code, op.ty, op.dst, op.a), (OpCode::Mov, Ty::I32, s(10), s(10)));
    // slli a0, a1, 48; srai a0, a0, 48
    let (op, _) = one(&[0x0305_9513, 0x4305_5513]);
    assert_eq!((op.code, op.a, op.aux), (OpCode::Sbfx, s(11), 16 << 8));
    // slli a0, a1, 32; srli a0, a0, 29
    let (op, _) = one(&[0x0205_9513, 0x01d5_5513]);
    assert_eq!((op.code, op.a, op.aux), (OpCode::Ubfiz, s(11), 3 | 32 << 8));
}

#[test]
fn rotations_are_found() {
    use OpCode::{Ld, Or, Ror, SExt32, Shl, Shr};
    let codes = |words: &[u32]| body(words).0.iter().map(|o| o.code).collect::<Vec<_>>();
    // slliw a4, a1, 5; srliw a5, a1, 27; c.or a5, a4: a4 is computed, too.
    let rotated = [0x0055_971b, 0x01b5_d79b, 0x8fd9];
    let (ops, block) = body(&rotated);
    assert_eq!(codes(&rotated), [Shl, SExt32, Ror, SExt32]);
    assert_eq!((ops[2].ty, ops[2].a, block.const64(ops[2].b)), (Ty::I32, s(11), Some(27)));
    assert_eq!((ops[3].dst, ops[3].a), (s(15), ops[2].dst));
    // slli a4, a1, 5; srli a1, a1, 59; or a1, a1, a4: the second shift is not.
    let (ops, block) = body(&[0x0055_9713, 0x03b5_d593, 0x00e5_e5b3]);
    assert_eq!(ops.iter().map(|o| o.code).collect::<Vec<_>>(), [Shl, Ror]);
    assert_eq!((ops[1].ty, ops[1].a, block.const64(ops[1].b)), (Ty::I64, s(11), Some(59)));
    // slli a4, a1, 5; srli a1, a1, 59; or a4, a4, a1: a1 is lost before the end.
    let (ops, _) = body(&[0x0055_9713, 0x03b5_d593, 0x00b7_6733]);
    assert_eq!(
        ops.iter().map(|o| (o.code, o.dst)).collect::<Vec<_>>(),
        [(Ror, s(14)), (Shr, s(11))]
    );
    // The same with a load in between that may fault: a4 can be seen. (c.lw a0, 0(a0))
    assert_eq!(codes(&[0x0055_9713, 0x03b5_d593, 0x4108, 0x00b7_6733]), [Shl, Shr, Ld, Or]);
    // slli a1, a1, 5; srli a4, a1, 59; or a4, a4, a1: not of the same number.
    assert_eq!(codes(&[0x0055_9593, 0x03b5_d713, 0x00b7_6733]), [Shl, Shr, Or]);
    // slli a4, a1, 5; srli a5, a1, 58; c.or a5, a4: bits are in both.
    assert_eq!(codes(&[0x0055_9713, 0x03a5_d793, 0x8fd9]), [Shl, Shr, Or]);
}

#[test]
fn shifts_are_joined_over_what_nobody_sees() {
    // slli a0, a1, 48; c.addi a2, 1; srli a0, a0, 48
    let (ops, _) = body(&[0x0305_9513, 0x0605, 0x0305_5513]);
    assert_eq!(ops.iter().map(|o| o.code).collect::<Vec<_>>(), [OpCode::Add, OpCode::Ubfx]);
    // slli a0, a1, 48; ld a2, 0(a3), which may fault; srli a0, a0, 48
    let (ops, _) = body(&[0x0305_9513, 0x0006_b603, 0x0305_5513]);
    assert_eq!(ops.len(), 3);
    // slli a0, a1, 48; c.addi a1, 1; srli a0, a0, 48
    let (ops, _) = body(&[0x0305_9513, 0x0585, 0x0305_5513]);
    assert_eq!(ops.len(), 3);
}

#[test]
fn what_has_its_sign_above_it_is_not_extended_again() {
    // srliw a0, a1, 8
    let (op, _) = one(&[0x0085_d51b]);
    assert_eq!((op.code, op.ty, op.dst, op.a), (OpCode::Shr, Ty::I32, s(10), s(11)));
    // sraiw a0, a1, 8
    let (op, _) = one(&[0x4085_d51b]);
    assert_eq!((op.code, op.aux), (OpCode::Sbfx, 8 | 24 << 8));
    // lw a0, 0(a1); lw a2, 4(a1); c.xor a0, a2; c.addiw a0, 0
    let (ops, _) = body(&[0x0005_a503, 0x0045_a603, 0x8d31, 0x2501]);
    assert_eq!(ops.last().map(|o| (o.code, ops.len())), Some((OpCode::Xor, 3)));
    // lwu a0, 0(a1); c.addiw a0, 0
    let (ops, _) = body(&[0x0005_e503, 0x2501]);
    assert_eq!(ops.last().map(|o| o.code), Some(OpCode::SExt32));
    // lw a0, 0(a1); c.addi a0, 1; c.addiw a0, 0
    let (ops, _) = body(&[0x0005_a503, 0x0505, 0x2501]);
    assert_eq!(ops.last().map(|o| o.code), Some(OpCode::SExt32));
}

#[test]
fn the_usual_rounding_may_be_asked_for() {
    // fadd.d fa0, fa0, fa1 by rne: the host rounds so unless frm asks for another one.
    let aux = |key| {
        let mode = Mode { key, ..Mode::default() };
        let block = translate_bytes(&code(&[0x02b5_0553]), mode);
        block.ops.iter().find(|o| o.code == OpCode::FAdd).map(|o| o.aux)
    };
    assert_eq!((aux(Key(0)), aux(Key(4))), (Some(0), Some(0x100)));
}

#[test]
fn compares_and_branches_are_joined() {
    // slt a0, a1, a2; c.beqz a0, 8; c.nop; c.nop; c.nop; ret
    let block = translate(&[0x00c5_a533, 0xc501, 1, 1, 1, 0x8082]);
    let branch = block.ops.iter().find(|o| o.code == OpCode::BrCmp).expect("a branch");
    assert_eq!((branch.a, branch.b, branch.aux), (s(11), s(12), Cond::Ge as u16));
    // sltu a1, a1, a2: an operand is overwritten.
    let block = translate(&[0x00c5_b5b3, 0xc581, 1, 1, 1, 0x8082]);
    let branch = block.ops.iter().find(|o| o.code == OpCode::BrCmp).expect("a branch");
    assert_eq!((branch.a, branch.aux), (s(11), Cond::Eq as u16));
}

#[test]
fn branches_find_their_labels() {
    // 0: c.beqz a0, 6; 2: addi a0, a0, 1; 6: c.bnez a0, 0
    let block = translate(&[0xc119, 0x0015_0513, 0xfd6d]);
    assert_eq!((block.labels, block.insns, block.len), (1, 3, 8));
    let branches: Vec<_> = block.ops.iter().filter(|o| o.code == OpCode::BrCmp).collect();
    assert_eq!((branches[0].imm, branches[1].imm), (0, -1));
    assert_eq!(block.exits[0].pc, PC);
    // To the middle of an instruction: 0: c.beqz a0, 4.
    let block = translate(&[0xc111, 0x0015_0513, 0x8082]);
    assert_eq!((block.labels, block.exits[0].pc), (0, PC + 4));
}

#[test]
fn calls_and_returns() {
    // jal ra, 8
    let block = translate(&[0x0080_00ef]);
    let exit = block.exits[0];
    assert_eq!((exit.pc, exit.kind), (PC + 8, ExitKind::Call { return_pc: PC + 4 }));
    // auipc ra, 1; jalr ra, 16(ra)
    let block = translate(&[0x0000_1097, 0x0100_80e7]);
    let exit = block.exits[0];
    assert_eq!((exit.pc, exit.kind), (PC + 0x1010, ExitKind::Call { return_pc: PC + 8 }));
    // c.jalr a0: returns two bytes on.
    let block = translate(&[0x9502]);
    assert_eq!(block.ops.last().map(|o| o.code), Some(OpCode::CallIndirect));
    assert_eq!(block.exits[0].pc, PC + 2);
    // c.jr ra; c.jr a0
    let last = |words: &[u32]| *translate(words).ops.last().expect("an operation");
    assert!(last(&[0x8082]).is_return() && !last(&[0x8502]).is_return());
    // c.j 4; c.nop; c.nop: nothing leads to what is behind it.
    assert_eq!(translate(&[0xa011, 1, 1]).insns, 1);
}

#[test]
fn memory() {
    // ld a0, -8(a1); c.lw a0, 4(a1); lbu zero, 0(a1)
    let (ops, _) = body(&[0xff85_b503, 0x41c8, 0x0005_c003]);
    assert_eq!((ops[0].code, ops[0].a, ops[0].imm), (OpCode::Ld, s(11), -8));
    assert_eq!((Access::decode(ops[1].aux).sext, ops[1].imm), (64, 4));
    assert!(ops[2].dst.as_temp().is_some());
    // flw fa0, 4(a0)
    let (ops, _) = body(&[0x0045_2507]);
    assert_eq!((ops[0].code, ops[1].code, ops[1].dst), (OpCode::LdV, OpCode::FBox, s(74)));
    // amoadd.w zero, a0, (a1)
    let (op, _) = one(&[0x00a5_a02f]);
    assert_eq!((op.code, op.dst), (OpCode::Rmw, Ref::NONE));
}

#[test]
fn nothing_is_undefined_that_should_not_be() {
    let traps = |words: &[u32], key| {
        let mode = Mode { key, ..Mode::default() };
        translate_bytes(&code(words), mode).ops.iter().any(|o| o.code == OpCode::Trap)
    };
    // fadd.d fa0, fa0, fa1 (dyn; rne): undefined if frm is reserved and used.
    assert!(!traps(&[0x02b5_7553], Key(0)) && traps(&[0x02b5_7553], Key(1)));
    assert!(!traps(&[0x02b5_0553], Key(1)));
    // csrr a0, cycle; csrw cycle, a0; csrr a0, 0x300
    assert!(!traps(&[0xc000_2573], Key(0)));
    assert!(traps(&[0xc005_1073], Key(0)) && traps(&[0x3000_2573], Key(0)));
    // The vDSO's own instructions are not the program's.
    assert!(traps(&[0x0000_100b], Key(0)));
}

#[test]
fn comparing_without_flags_writes_none() {
    // frflags a4; flt.d a5, fa5, fa4; fsflags a4
    let quiet = [0x0010_2773, 0xa2e7_97d3, 0x0017_1073];
    let (ops, _) = body(&quiet);
    let compare = ops.iter().find(|o| o.code == OpCode::FCmpSet).expect("a compare");
    assert_eq!(compare.aux, Cond::Mi as u16);
    assert!(!ops.iter().any(|o| o.code == OpCode::WriteFpStatus));
    // The evaluator does what is written; so does fsflags of another register.
    let brief = Mode { brief: true, ..Mode::default() };
    let writes = |b: Block| b.ops.iter().any(|o| o.code == OpCode::WriteFpStatus);
    assert!(writes(translate_bytes(&code(&quiet), brief)));
    assert!(writes(translate(&[quiet[0], quiet[1], 0x0016_9073])));
}

#[test]
fn blocks_end_with_the_page_and_at_their_limit() {
    let nops = code(&[1; 4000]);
    assert_eq!(translate_bytes(&nops, Mode::default()).insns, 64);
    let mut block = Block::default();
    let mut at = |start: u64, code: &[u8]| {
        let fetch = &mut Bytes { start, code };
        Riscv64::PLAIN.translate(fetch, start, Mode::default(), &mut block);
        (block.insns, block.len)
    };
    assert_eq!(at(PC + 4096 - 6, &nops), (3, 6));
    // The last instruction may end in the next page: c.nop; addi a0, a0, 1.
    assert_eq!(at(PC + 4096 - 4, &code(&[1, 0x0015_0513, 1])), (2, 6));
    // Half an instruction is none.
    assert_eq!(at(PC, &code(&[1, 0x0015_0513])[..4]), (1, 2));
    assert_eq!(at(PC, &code(&[0x0015_0513])[..2]), (0, 0));
}

/// Every encoding in the list, many times: nothing panics, and the rules hold.
#[test]
fn all_encodings_hold_the_rules() {
    let mut generator = isa::Generator::new(&TABLE, 1, |_| true);
    for line in TABLE.lines() {
        for key in [Key(0), Key(1), Key(2)] {
            for _ in 0..100 {
                let Some(word) = generator.word_of(line) else { continue };
                let mut code = TABLE.encoding.bytes(word, line.bytes());
                let single = translate_bytes(&code, Mode { key, single: true, ..Mode::default() });
                assert_eq!((single.insns, single.len), (1, line.bits / 8), "{}", line.name);
                code.extend(TABLE.encoding.bytes(word, line.bytes()));
                translate_bytes(&code, Mode { key, ..Mode::default() });
            }
        }
    }
    for _ in 0..20_000 {
        let random = generator.rng.next().to_le_bytes();
        translate_bytes(&random, Mode::default());
    }
}

/// Processors without an extension do not execute it.
#[test]
fn what_a_processor_lacks_is_undefined() {
    let cpu = crate::Cpu { features: Features::ALL.stripped(Features::ZBB | Features::C) };
    let traps = |words: &[u32]| {
        let code = code(words);
        let mut block = Block::default();
        let fetch = &mut Bytes { start: PC, code: &code };
        Riscv64::new(cpu).translate(fetch, PC, Mode::default(), &mut block);
        block.ops.iter().any(|o| o.code == OpCode::Trap)
    };
    // clz a0, a0; c.nop; andn a0, a0, a1 (Zbkb has it too)
    assert!(traps(&[0x6005_1513]) && traps(&[1]) && !traps(&[0x40b5_7533]));
}
