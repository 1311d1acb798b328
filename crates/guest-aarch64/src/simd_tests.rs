//! Tests of floating point and SIMD: how many operations instructions become, and what structure
//! loads and stores do, by the evaluator.

use crate::Aarch64;
use eval::{MemFault, Memory, Outcome};
use guest::{Guest, Mode};
use ir::state::TRAP_UNDEFINED;
use ir::{Block, Op, OpCode, Ref, State, Ty, VecOp, vec_op};

fn translate(word: u32) -> Block {
    let mut block = Block::default();
    let mode = Mode { single: true, ..Mode::default() };
    Aarch64::PLAIN.translate(&mut |_| Some(word), 0x1000, mode, &mut block);
    block
}

/// The operations between `Insn` and the exit.
fn operations(word: u32) -> Vec<Op> {
    let block = translate(word);
    block.ops[1..block.ops.len() - 1].to_vec()
}

/// The only operation of a vector instruction, checked for its code, type and parameters.
fn one(word: u32, code: VecOp, ty: Ty, lane: u8, param: i32) -> Op {
    let ops = operations(word);
    let [op] = ops[..] else { panic!("{word:08x}: {ops:#?}") };
    assert_eq!((op.code, op.aux, op.ty), (OpCode::Vec, code as u16, ty), "{word:08x}");
    assert_eq!((vec_op::lane(op.imm), vec_op::param(op.imm)), (lane, param), "{word:08x}");
    op
}

fn v(n: u16) -> Ref {
    Ref::slot(64 + n)
}

#[test]
fn scalars_are_one_operation() {
    let cases = [
        (0x1e62_2820, OpCode::FAdd, Ty::F64),    // fadd d0, d1, d2
        (0x1f02_0c20, OpCode::FMulAdd, Ty::F32), // fmadd s0, s1, s2, s3
        (0x9e78_0020, OpCode::FToInt, Ty::F64),  // fcvtzs x0, d1
        (0x1e22_0020, OpCode::IntToF, Ty::F32),  // scvtf s0, w1
        (0x1e6e_1000, OpCode::MovV, Ty::V128),   // fmov d0, #1.0
        (0x1e60_2008, OpCode::FCmp, Ty::F64),    // fcmp d0, #0.0
    ];
    for (word, code, ty) in cases {
        let ops = operations(word);
        assert_eq!(ops.iter().map(|o| (o.code, o.ty)).collect::<Vec<_>>(), [(code, ty)]);
    }
}

#[test]
fn vectors_are_one_operation() {
    // add v0.4s, v1.4s, v2.4s
    let op = one(0x4ea2_8420, VecOp::Add, Ty::V128, 2, 0);
    assert_eq!((op.dst, op.a, op.b), (v(0), v(1), v(2)));
    // cmeq v0.16b, v1.16b, #0
    one(0x4e20_9820, VecOp::CmEq, Ty::V128, 0, 0);
    // uminp v0.16b, v1.16b, v2.16b
    one(0x6e22_ac20, VecOp::MinPU, Ty::V128, 0, 0);
    // shrn v0.8b, v1.8h, #4
    one(0x0f0c_8420, VecOp::Narrow, Ty::V128, 0, 4);
    // umull2 v0.8h, v1.16b, v2.16b
    one(0x6e22_c020, VecOp::MulLU, Ty::V128, 0, 1);
    // tbl v0.16b, {v1.16b}, v2.16b
    one(0x4e02_0020, VecOp::Tbl1, Ty::V128, 0, 0);
    // dup v0.4s, w1
    assert_eq!(one(0x4e04_0c20, VecOp::DupInt, Ty::V128, 2, 0).a, Ref::slot(1));
    // aese v0.16b, v1.16b
    let op = one(0x4e28_4820, VecOp::AesE, Ty::V128, 0, 0);
    assert_eq!((op.a, op.b), (v(0), v(1)));
    // pmull v0.1q, v1.1d, v2.1d
    one(0x0ee2_e020, VecOp::PMulL, Ty::V128, 3, 0);
    // ext v0.16b, v1.16b, v2.16b, #4
    one(0x6e02_2020, VecOp::Ext, Ty::V128, 0, 4);
    // addv b0, v1.16b
    one(0x4e31_b820, VecOp::AddV, Ty::V128, 0, 0);
    // bsl v0.16b, v1.16b, v2.16b
    let op = one(0x6e62_1c20, VecOp::Select, Ty::V128, 3, 0);
    assert_eq!((op.a, op.b, op.c), (v(1), v(2), v(0)));
}

#[test]
fn moves_are_moves() {
    // mov v0.16b, v1.16b
    let ops = operations(0x4ea1_1c20);
    assert_eq!((ops.len(), ops[0].code, ops[0].a), (1, OpCode::MovV, v(1)));
    // movi v0.2d, #0
    let block = translate(0x6f00_e400);
    assert_eq!((block.ops[1].code, block.constant(block.ops[1].a)), (OpCode::MovV, Some(0)));
    // umov w0, v1.b[3]
    let ops = operations(0x0e07_3c20);
    assert_eq!((ops.len(), ops[0].code, ops[0].aux), (1, OpCode::VecToInt, 3));
}

#[test]
fn elements_are_spread_first() {
    // fmla v0.4s, v1.4s, v2.s[3]
    let ops = operations(0x4fa2_1820);
    let codes: Vec<_> = ops.iter().map(|o| VecOp::from_u16(o.aux)).collect();
    assert_eq!(codes, [VecOp::DupLane, VecOp::FMla]);
    assert_eq!((vec_op::param(ops[0].imm), ops[0].a), (3, v(2)));
    // sqadd b0, b1, b2: lanes that do not take part must not saturate.
    let codes: Vec<_> = operations(0x5e22_0c20).iter().map(|o| VecOp::from_u16(o.aux)).collect();
    assert_eq!(codes, [VecOp::Low, VecOp::Low, VecOp::QAddS]);
}

#[test]
fn reserved_combinations_are_undefined() {
    // UMOV of a 64-bit lane to a 32-bit register.
    let block = translate(0x0e08_3c20);
    assert!(block.ops.iter().any(|o| o.code == OpCode::Trap && o.aux == TRAP_UNDEFINED));
}

/// 64 bytes at `BASE`.
struct Space([u8; 64]);
const BASE: u64 = 0x4000;
impl Memory for Space {
    fn load(&mut self, addr: u64, size: usize) -> Result<u128, MemFault> {
        let at = addr.wrapping_sub(BASE) as usize;
        let from = self.0.get(at..at.saturating_add(size));
        let from = from.ok_or(MemFault { addr, alignment: false, write: false })?;
        let mut bytes = [0; 16];
        bytes[..size].copy_from_slice(from);
        Ok(u128::from_le_bytes(bytes))
    }
    fn store(&mut self, addr: u64, size: usize, value: u128) -> Result<(), MemFault> {
        let at = addr.wrapping_sub(BASE) as usize;
        let to = self.0.get_mut(at..at.saturating_add(size));
        let to = to.ok_or(MemFault { addr, alignment: false, write: true })?;
        to.copy_from_slice(&value.to_le_bytes()[..size]);
        Ok(())
    }
}

fn run(word: u32, state: &mut State, space: &mut Space) -> Outcome {
    eval::run(&translate(word), state, space)
}

/// Loads structures, and stores them elsewhere with the same form.
#[track_caller]
fn round_trip(load: u32, store: u32, first: usize, count: usize, lane: usize, q: bool) {
    let bytes = if q { 16 } else { 8 };
    let mut space = Space(core::array::from_fn(|i| i as u8 + 1));
    let mut state = State::new();
    state.vec.fill(u128::MAX);
    state.int[0] = BASE;
    state.int[1] = 7;
    run(load, &mut state, &mut space);
    for reg in 0..count {
        let mut expected = [0; 16];
        for (i, byte) in expected.iter_mut().enumerate().take(bytes) {
            *byte = (((i / lane) * count + reg) * lane + i % lane) as u8 + 1;
        }
        assert_eq!(state.vec[(first + reg) % 32].to_le_bytes(), expected, "register {reg}");
    }
    let mut copy = Space([0; 64]);
    state.int[0] = BASE;
    run(store, &mut state, &mut copy);
    assert_eq!(copy.0[..count * bytes], space.0[..count * bytes]);
    assert_eq!(copy.0[count * bytes..], [0; 64][count * bytes..]);
}

#[test]
fn structures_are_interleaved() {
    // ld3 {v0.16b-v2.16b}, [x0]; st3 {v0.16b-v2.16b}, [x0], #48
    round_trip(0x4c40_4000, 0x4c9f_4000, 0, 3, 1, true);
    // ld3 {v0.4h-v2.4h}, [x0]; st3 {v0.4h-v2.4h}, [x0], x1
    round_trip(0x0c40_4400, 0x0c81_4400, 0, 3, 2, false);
    // ld4 and st4 {v30.4s, v31.4s, v0.4s, v1.4s}, [x0]
    round_trip(0x4c40_081e, 0x4c00_081e, 30, 4, 4, true);
    // ld2 and st2 {v0.2d, v1.2d}, [x0], #32
    round_trip(0x4cdf_8c00, 0x4c9f_8c00, 0, 2, 8, true);
}

#[test]
fn post_index_adds_size_or_register() {
    let (mut space, mut state) = (Space([0; 64]), State::new());
    state.int[0] = BASE;
    // st3 {v0.16b-v2.16b}, [x0], #48
    run(0x4c9f_4000, &mut state, &mut space);
    assert_eq!(state.int[0], BASE + 48);
    // st3 {v0.4h-v2.4h}, [x0], x1: 24 bytes do not fit.
    state.int[1] = 5;
    let before = state.vec;
    assert!(matches!(run(0x0c81_4400, &mut state, &mut space), Outcome::Fault(_)));
    assert_eq!((state.int[0], state.vec), (BASE + 48, before));
    state.int[0] = BASE;
    run(0x0c81_4400, &mut state, &mut space);
    assert_eq!(state.int[0], BASE + 5);
}

#[test]
fn faulting_loads_change_nothing() {
    let (mut space, mut state) = (Space([0; 64]), State::new());
    state.vec.fill(3);
    // ld3 {v0.16b-v2.16b}, [x0]: the last 16 bytes are not there.
    state.int[0] = BASE + 32;
    let before = state.vec;
    assert!(matches!(run(0x4c40_4000, &mut state, &mut space), Outcome::Fault(_)));
    assert_eq!(state.vec, before);
}

#[test]
fn tables_wrap_around_the_registers() {
    let (mut space, mut state) = (Space([0; 64]), State::new());
    state.vec[31] = u128::from_le_bytes(core::array::from_fn(|i| i as u8));
    state.vec[0] = u128::from_le_bytes(core::array::from_fn(|i| i as u8 + 16));
    state.vec[1] = u128::from_le_bytes(core::array::from_fn(|i| i as u8 + 32));
    state.vec[5] = u128::from_le_bytes([0, 15, 16, 47, 48, 255, 31, 32, 0, 0, 0, 0, 0, 0, 0, 0]);
    // tbx v0.8b, {v31.16b, v0.16b, v1.16b}, v5.8b
    run(0x0e05_53e0, &mut state, &mut space);
    let expected = [0, 15, 16, 47, 20, 21, 31, 32, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(state.vec[0].to_le_bytes(), expected);
}

#[test]
fn one_lane_of_each_register() {
    let mut space = Space([0; 64]);
    space.0[..2].copy_from_slice(&[0xaa, 0xbb]);
    let mut state = State::new();
    state.int[0] = BASE;
    // ld2 {v0.b, v1.b}[11], [x0], #2
    run(0x4dff_0c00, &mut state, &mut space);
    assert_eq!((state.vec[0], state.vec[1]), (0xaa << 88, 0xbb << 88));
    assert_eq!(state.int[0], BASE + 2);
}
