//! Dot products, matrix products and bfloat16.

use crate::vec_narrow::place;
use crate::vector::Args;
use crate::{Env, lanes};
use ir::VecOp;
use softfloat::{Format, Fp};

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, env: &mut Env) -> Option<u128> {
    let byte = |w, i, signed| {
        if signed { lanes::get_s(w, 8, i) } else { lanes::get(w, 8, i) as i64 }
    };
    let (sa, sb) = match v.op {
        VecOp::DotS | VecOp::MmlaS => (true, true),
        VecOp::DotUS | VecOp::MmlaUS => (false, true),
        _ => (false, false),
    };
    let products = |a: u32, b: u32, n| -> u64 {
        (0..n).map(|k| byte(v.a, a + k, sa) * byte(v.b, b + k, sb)).sum::<i64>() as u64
    };
    let addend = |i| lanes::get(v.c, 32, i);
    Some(match v.op {
        VecOp::DotS | VecOp::DotU | VecOp::DotUS => {
            lanes::build(32, v.total, |i| addend(i).wrapping_add(products(4 * i, 4 * i, 4)))
        }
        VecOp::MmlaS | VecOp::MmlaU | VecOp::MmlaUS => {
            lanes::build(32, 128, |i| addend(i).wrapping_add(products(8 * (i / 2), 8 * (i % 2), 8)))
        }
        _ => return brain(v, env),
    })
}

fn brain(v: &Args, env: &mut Env) -> Option<u128> {
    let lane = |w, i| lanes::get(w, 32, i) as u32;
    let mut fp = Fp::new(env.fp);
    let r = match v.op {
        VecOp::BfDot => lanes::build(32, v.total, |i| {
            softfloat::bf_dot_add(lane(v.c, i), lane(v.a, i), lane(v.b, i)).into()
        }),
        VecOp::BfMmla => lanes::build(32, 128, |i| {
            let (row, column) = (2 * (i / 2), 2 * (i % 2));
            let sum = softfloat::bf_dot_add(lane(v.c, i), lane(v.a, row), lane(v.b, column));
            softfloat::bf_dot_add(sum, lane(v.a, row + 1), lane(v.b, column + 1)).into()
        }),
        VecOp::BfMlaL => lanes::build(32, v.total, |i| {
            let half = |w| lanes::get(w, 16, 2 * i + (v.param & 1)) << 16;
            fp.mul_add(Format::F32, lanes::get(v.c, 32, i), half(v.a), half(v.b))
        }),
        VecOp::BfCvtN => {
            let r = lanes::build(16, 64, |i| {
                fp.convert(Format::F32, Format::BF16, lanes::get(v.a, 32, i))
            });
            place(v, r)
        }
        VecOp::BfCvt => fp.convert(Format::F32, Format::BF16, v.a as u64).into(),
        _ => return None,
    };
    env.status |= u64::from(fp.status);
    Some(r)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(op: VecOp, a: u128, b: u128, c: u128) -> u128 {
        eval(&Args { op, bits: 32, total: 128, param: 0, a, b, c }, &mut Env::default()).unwrap()
    }

    #[test]
    fn integers() {
        assert_eq!(run(VecOp::DotS, 0x0102_03ff, 0x0101_0101, 10), 15);
        assert_eq!(run(VecOp::DotU, 0x0102_03ff, 0x0101_0101, 10), 271);
        assert_eq!(run(VecOp::DotUS, 0xff, 0xff, 0), 0xffff_ff01);
        let ones = u128::MAX / 255;
        assert_eq!(run(VecOp::MmlaU, ones, ones, 1), 8 << 96 | 8 << 64 | 8 << 32 | 9);
    }

    #[test]
    fn bfloat() {
        let ones = 0x3f80_3f80_3f80_3f80_3f80_3f80_3f80_3f80;
        let two = 0x4000_0000u128;
        assert_eq!(run(VecOp::BfDot, ones, ones, 0), two << 96 | two << 64 | two << 32 | two);
        assert_eq!(run(VecOp::BfMmla, ones, ones, 0) as u32, 0x4080_0000);
        assert_eq!(run(VecOp::BfMlaL, ones, ones, 0x3f80_0000) as u32, 0x4000_0000);
    }
}
