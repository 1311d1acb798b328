//! Reference semantics of the IR: what every operation does, in plain arithmetic.
//!
//! [`pure`] computes one operation from its operands; [`run`] executes a whole block on a
//! [`ir::State`]; [`helper`] is what translated code calls for an operation that its back end
//! does not lower.

mod crypto_aes;
mod crypto_gf;
mod crypto_sha;
mod crypto_sha_words;
mod crypto_sm;
mod flags;
mod float;
mod integer;
mod lanes;
mod run;
mod saturate;
mod six_flags;
mod vec_dot;
mod vec_float;
mod vec_float_packed;
mod vec_int;
mod vec_narrow;
mod vec_packed;
mod vec_pair;
mod vec_perm;
mod vec_shift;
mod vec_text;
mod vec_wide;
mod vector;

pub use run::{MemFault, Memory, NoMemory, Outcome, helper, run};

use ir::{FpControl, Op, OpCode};

/// What an operation reads and writes besides its operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Env {
    /// N, Z, C, V in bits 31..28, as in PSTATE; P and A in bits 27 and 26.
    pub nzcv: u32,
    /// Rules and modes of floating point.
    pub fp: FpControl,
    /// Floating-point sticky status, as in [`ir::state::SLOT_FPSR`].
    pub status: u64,
}

/// Computes `op` over operands `a`, `b`, `c`. Integers are in the low 64 bits.
///
/// Operations on memory, control flow or the clock are not pure; they give 0 (see [`run`]).
pub fn pure(op: &Op, a: u128, b: u128, c: u128, env: &mut Env) -> u128 {
    match op.code {
        OpCode::Vec => vector::eval(op, a, b, c, env),
        OpCode::IntToVec | OpCode::MovV => lanes::truncate(a, op.ty.bits()),
        OpCode::VecToInt => u128::from(vec_to_int(op.aux, a)),
        OpCode::VecMask => {
            let bits = 8 << (op.aux & 3);
            (0..128 / bits).fold(0, |all, n| all | (a >> (bits * (n + 1) - 1) & 1) << n)
        }
        OpCode::VecTestSix => {
            env.nzcv = u32::from(a & b == 0) << 30 | u32::from(!a & b != 0) << 29;
            0
        }
        OpCode::VecTextIndex => vec_text::index(op.aux, a, b, c, env),
        OpCode::VecFromPair => a & u128::from(u64::MAX) | b << 64,
        OpCode::Sel if !op.ty.is_int() => {
            let v = if flags::cond(op.aux).holds(env.nzcv) { a } else { b };
            lanes::truncate(v, op.ty.bits())
        }
        OpCode::FBox => float::boxed(op.ty, a),
        OpCode::ReadFpStatus => env.status.into(),
        OpCode::WriteFpStatus => {
            env.status = a as u64;
            0
        }
        code if code.is_float() => float::eval(op, a, b, c, env),
        _ => u128::from(integer::eval(op, a as u64, b as u64, c as u64, env)),
    }
}

/// A lane of `a`, extended as `aux` says (see [`OpCode::VecToInt`]).
fn vec_to_int(aux: u16, a: u128) -> u64 {
    let lane = u32::from(aux & 0xff);
    let bits = 8 << (aux >> 8 & 15);
    let v = lanes::get(a, bits, lane);
    match aux >> 12 {
        1 => u64::from(lanes::sext(u128::from(v), bits) as u32),
        2 => lanes::sext(u128::from(v), bits) as u64,
        _ => v,
    }
}
