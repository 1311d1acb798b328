//! How many low bits of each vector operand can be other than zero: spares the code that zeroes
//! the upper part of scalar and 64-bit results.

use crate::lower::Lower;
use ir::state::{FIRST_VEC, SCALAR_SLOTS};
use ir::vec_op::{self, MERGE, SCALAR};
use ir::{Access, Block, Op, OpCode, Ref, Ty, VecOp};

/// Widths of operands a, b, c by operation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Widths {
    done: bool,
    of: Vec<[u8; 3]>,
}

impl Widths {
    /// Computes the widths of `block`'s operands.
    fn compute(&mut self, block: &Block) {
        self.done = true;
        self.of.clear();
        self.of.reserve(block.ops.len());
        let mut slots = slot_widths(block);
        let mut temps = vec![128u8; usize::from(block.temps)];
        for op in &block.ops {
            let width = |r: Ref| {
                if let Some(s) = r.as_slot() {
                    if s < FIRST_VEC { 64 } else { slots[usize::from(s - FIRST_VEC)] }
                } else if let Some(t) = r.as_temp() {
                    temps[usize::from(t)]
                } else {
                    let v = block.constant(r).unwrap_or(0);
                    (128 - v.leading_zeros()) as u8
                }
            };
            let w = [width(op.a), width(op.b), width(op.c)];
            self.of.push(w);
            if matches!(op.code, OpCode::Label | OpCode::RuntimeCall) {
                slots = slot_widths(block);
            }
            let result = result(op, w, block.fp.boxed);
            if let Some(s) = op.dst.as_slot() {
                if s >= FIRST_VEC {
                    slots[usize::from(s - FIRST_VEC)] = result;
                }
            } else if let Some(t) = op.dst.as_temp() {
                temps[usize::from(t)] = result;
            }
        }
    }
}

/// What is known of the slots at the block's start.
fn slot_widths(block: &Block) -> [u8; 64] {
    let mut slots = [128; 64];
    if block.fp.boxed {
        slots[..SCALAR_SLOTS.len()].fill(64);
    }
    slots
}

/// The width of an operation's result.
fn result(op: &Op, [a, b, c]: [u8; 3], boxed: bool) -> u8 {
    let ty = op.ty.bits() as u8;
    match op.code {
        OpCode::FBox => 64,
        code if boxed && code.is_float() && op.result_is_vector() => 64,
        OpCode::LdV => 8 << Access::decode(op.aux).size,
        OpCode::FCvt => Ty::from_u8((op.aux & 0xff) as u8).bits() as u8,
        OpCode::MovV => a.min(ty),
        OpCode::Sel => a.max(b).min(ty),
        OpCode::IntToVec => ty,
        OpCode::Vec => vector(op, ty, a, b, c),
        code if code.is_float() && op.result_is_vector() => ty,
        _ => 128,
    }
}

fn vector(op: &Op, ty: u8, a: u8, b: u8, c: u8) -> u8 {
    let param = vec_op::param(op.imm);
    let lane = 8u8 << vec_op::lane(op.imm).min(4);
    if usize::from(op.aux) >= VecOp::ALL.len() {
        return 128;
    }
    if param & SCALAR != 0 {
        return lane;
    }
    if param & MERGE != 0 {
        return a.max(2 * lane);
    }
    match VecOp::from_u16(op.aux) {
        VecOp::And => a.min(b).min(ty),
        VecOp::Or | VecOp::Xor => a.max(b).min(ty),
        VecOp::Eor3 => a.max(b).max(c),
        VecOp::Low
        | VecOp::AddV
        | VecOp::MaxVS
        | VecOp::MaxVU
        | VecOp::MinVS
        | VecOp::MinVU
        | VecOp::FMaxV
        | VecOp::FMinV
        | VecOp::FMaxNmV
        | VecOp::FMinNmV => lane,
        VecOp::High => 64,
        VecOp::Narrow | VecOp::AddHn | VecOp::SubHn if param & 0x100 == 0 => 64,
        VecOp::InsInt | VecOp::InsLane | VecOp::FInsInt => 128,
        _ => ty,
    }
}

impl Lower<'_> {
    /// How many low bits of operand `r` of the current operation can be other than zero.
    pub(crate) fn width(&mut self, r: Ref) -> u32 {
        if !self.widths.done {
            let block = self.block;
            self.widths.compute(block);
        }
        let op = &self.block.ops[self.at];
        let w = self.widths.of[self.at];
        let n = [op.a, op.b, op.c].iter().position(|&x| x == r);
        n.map_or(128, |n| w[n].into())
    }
}
