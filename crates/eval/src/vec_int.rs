//! Integer operations lane by lane.

use crate::vector::Args;
use crate::{Env, lanes, saturate};
use ir::VecOp;

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, env: &mut Env) -> Option<u128> {
    bitwise(v).or_else(|| plain(v)).or_else(|| saturating(v, env))
}

fn bitwise(v: &Args) -> Option<u128> {
    let (a, b, c) = (v.a, v.b, v.c);
    let r = match v.op {
        VecOp::And => a & b,
        VecOp::Or => a | b,
        VecOp::Xor => a ^ b,
        VecOp::AndNot => a & !b,
        VecOp::OrNot => a | !b,
        VecOp::Not => !a,
        VecOp::Select => a & c | b & !c,
        VecOp::Eor3 => a ^ b ^ c,
        VecOp::Bcax => a ^ (b & !c),
        _ => return None,
    };
    Some(lanes::truncate(r, v.total))
}

fn plain(v: &Args) -> Option<u128> {
    let bits = v.bits.min(64);
    let top = 64 - bits;
    let ones = u64::MAX >> top;
    let signed = |x: u64| (x << top) as i64 >> top;
    let mask = |t: bool| if t { u64::MAX } else { 0 };
    let f: fn(i128, i128) -> i128 = match v.op {
        VecOp::HAddS | VecOp::HAddU => |x, y| (x + y) >> 1,
        VecOp::HSubS | VecOp::HSubU => |x, y| (x - y) >> 1,
        VecOp::RHAddS | VecOp::RHAddU => |x, y| (x + y + 1) >> 1,
        VecOp::AbdS | VecOp::AbdU => |x, y| (x - y).abs(),
        _ => |_, _| 0,
    };
    let lane = |x: u64, y: u64, z: u64| {
        let (sx, sy) = (signed(x), signed(y));
        Some(match v.op {
            VecOp::Add => x.wrapping_add(y),
            VecOp::Sub => x.wrapping_sub(y),
            VecOp::Mul => x.wrapping_mul(y),
            VecOp::Mla => z.wrapping_add(x.wrapping_mul(y)),
            VecOp::Mls => z.wrapping_sub(x.wrapping_mul(y)),
            VecOp::Neg => x.wrapping_neg(),
            VecOp::Abs => sx.unsigned_abs(),
            VecOp::CmEq => mask(x == y),
            VecOp::CmGtS => mask(sx > sy),
            VecOp::CmGeS => mask(sx >= sy),
            VecOp::CmGtU => mask(x > y),
            VecOp::CmGeU => mask(x >= y),
            VecOp::CmTst => mask(x & y != 0),
            VecOp::MaxS => sx.max(sy) as u64,
            VecOp::MinS => sx.min(sy) as u64,
            VecOp::MaxU => x.max(y),
            VecOp::MinU => x.min(y),
            VecOp::AbdS | VecOp::HAddS | VecOp::HSubS | VecOp::RHAddS => {
                f(sx.into(), sy.into()) as u64
            }
            VecOp::AbdU | VecOp::HAddU | VecOp::HSubU | VecOp::RHAddU => {
                f(x.into(), y.into()) as u64
            }
            VecOp::PMul => polynomial(x, y) as u64,
            VecOp::Clz => u64::from(x.leading_zeros() - top),
            VecOp::Cls => u64::from(((sx ^ (sx >> 63)) as u64).leading_zeros() - 1 - top),
            VecOp::Cnt => u64::from(x.count_ones()),
            VecOp::RBit => x.reverse_bits() >> top,
            VecOp::URecpe => softfloat::unsigned_recip(x as u32).into(),
            VecOp::URsqrte => softfloat::unsigned_rsqrt(x as u32).into(),
            _ => return None,
        })
    };
    lane(0, 0, 0)?;
    Some(lanes::build(bits, v.total, |i| {
        let get = |w| lanes::get(w, bits, i) & ones;
        lane(get(v.a), get(v.b), get(v.c)).unwrap_or(0)
    }))
}

fn saturating(v: &Args, env: &mut Env) -> Option<u128> {
    let bits = v.bits.min(64);
    let lane = |i: u32| {
        let s = |w| i128::from(lanes::get_s(w, bits, i));
        let u = |w| i128::from(lanes::get(w, bits, i));
        let (a, b, c) = (v.a, v.b, v.c);
        let round = 1i128 << (bits - 1);
        // A 64-bit lane has no doubling products.
        let product = if bits < 64 { 2 * s(a) * s(b) } else { 0 };
        Some(match v.op {
            VecOp::QAddS => saturate::signed(s(a) + s(b), bits, env),
            VecOp::QAddU => saturate::unsigned(u(a) + u(b), bits, env),
            VecOp::QSubS => saturate::signed(s(a) - s(b), bits, env),
            VecOp::QSubU => saturate::unsigned(u(a) - u(b), bits, env),
            VecOp::SuqAdd => saturate::signed(s(a) + u(b), bits, env),
            VecOp::UsqAdd => saturate::unsigned(u(a) + s(b), bits, env),
            VecOp::QAbs => saturate::signed(s(a).abs(), bits, env),
            VecOp::QNeg => saturate::signed(-s(a), bits, env),
            VecOp::QDMulH => saturate::signed(product >> bits, bits, env),
            VecOp::QRDMulH => saturate::signed((product + round) >> bits, bits, env),
            VecOp::QRDMlaH => {
                saturate::signed(((s(c) << bits) + product + round) >> bits, bits, env)
            }
            VecOp::QRDMlsH => {
                saturate::signed(((s(c) << bits) - product + round) >> bits, bits, env)
            }
            _ => return None,
        })
    };
    lanes::try_build(bits, v.total, lane)
}

/// The carry-less product.
pub(crate) fn polynomial(a: u64, b: u64) -> u128 {
    (0..64).filter(|i| b >> i & 1 != 0).fold(0, |r, i| r ^ u128::from(a) << i)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(op: VecOp, bits: u32, a: u128, b: u128) -> (u128, bool) {
        let mut env = Env::default();
        let v = Args { op, bits, total: 64, param: 0, a, b, c: 0 };
        (eval(&v, &mut env).unwrap(), env.status >> 27 & 1 != 0)
    }

    #[test]
    fn saturation() {
        assert_eq!(run(VecOp::QAddS, 8, 0x7f, 1), (0x7f, true));
        assert_eq!(run(VecOp::QAddU, 64, u64::MAX.into(), 1), (u64::MAX.into(), true));
        assert_eq!(run(VecOp::QAddU, 64, u64::MAX.into(), 0), (u64::MAX.into(), false));
        assert_eq!(run(VecOp::QDMulH, 16, 0x8000, 0x8000), (0x7fff, true));
        assert_eq!(run(VecOp::QNeg, 64, 1 << 63, 0), ((1 << 63) - 1, true));
        assert_eq!(run(VecOp::SuqAdd, 8, 0x80, 0xff), (0x7f, false));
        assert_eq!(run(VecOp::UsqAdd, 8, 0x01, 0xff), (0, false));
        assert_eq!(run(VecOp::UsqAdd, 8, 0x00, 0xff), (0, true));
    }

    #[test]
    fn halving_and_counts() {
        assert_eq!(run(VecOp::HAddS, 8, 0x80, 0x7f).0, 0xff);
        assert_eq!(run(VecOp::RHAddU, 8, 0xff, 0xfe).0, 0xff);
        assert_eq!(run(VecOp::HSubU, 8, 0, 1).0, 0xff);
        assert_eq!(run(VecOp::AbdS, 8, 0x80, 0x7f).0, 0xff);
        assert_eq!(run(VecOp::Clz, 32, 1 << 32, 0).0, 31 << 32 | 32);
        assert_eq!(run(VecOp::Cls, 16, 0xffff, 0).0, 0x000f_000f_000f_000f);
        assert_eq!(run(VecOp::PMul, 8, 0xff, 0x03).0, 0x01);
        assert_eq!(run(VecOp::CmGtS, 64, 1, u64::MAX.into()).0, u64::MAX.into());
    }
}
