//! Products, sums and selections that MMX and SSE have and others do not.

use crate::vector::Args;
use crate::{Env, lanes};
use ir::VecOp;

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, _env: &mut Env) -> Option<u128> {
    products(v).or_else(|| sums(v)).or_else(|| shifts(v)).or_else(|| selections(v))
}

/// `x`, or the nearest number that a signed integer of `bits` can hold.
fn clamp(x: i64, bits: u32) -> u64 {
    let most = i64::MAX >> (64 - bits);
    x.clamp(-most - 1, most) as u64
}

/// The same of an unsigned integer.
fn clamp_unsigned(x: i64, bits: u32) -> u64 {
    x.clamp(0, (1 << bits) - 1) as u64
}

/// Whether it multiplies integers: what no lanes are wide enough for is 0.
pub(crate) const fn is_product(op: VecOp) -> bool {
    matches!(
        op,
        VecOp::MulHS
            | VecOp::MulHU
            | VecOp::MulHRS
            | VecOp::MulAddS
            | VecOp::MulAddUS
            | VecOp::MulEvenS
            | VecOp::MulEvenU
    )
}

fn products(v: &Args) -> Option<u128> {
    let bits = v.bits.min(64);
    let unsigned = |w, i| lanes::get(w, bits, i);
    let signed = |w, i| lanes::get_s(w, bits, i);
    let product = |i| signed(v.a, i) * signed(v.b, i);
    let mixed = |i| unsigned(v.a, i) as i64 * signed(v.b, i);
    let wide = 2 * bits;
    Some(match v.op {
        VecOp::MulHS if bits < 64 => lanes::build(bits, v.total, |i| (product(i) >> bits) as u64),
        VecOp::MulHU if bits < 64 => {
            lanes::build(bits, v.total, |i| (unsigned(v.a, i) * unsigned(v.b, i)) >> bits)
        }
        VecOp::MulHRS if bits < 64 => {
            lanes::build(bits, v.total, |i| (((product(i) >> (bits - 2)) + 1) >> 1) as u64)
        }
        VecOp::MulAddS if bits < 32 => {
            lanes::build(wide, v.total, |i| (product(2 * i) + product(2 * i + 1)) as u64)
        }
        VecOp::MulAddUS if bits < 32 => {
            lanes::build(wide, v.total, |i| clamp(mixed(2 * i) + mixed(2 * i + 1), wide))
        }
        VecOp::MulEvenS if bits < 64 => lanes::build(wide, v.total, |i| product(2 * i) as u64),
        VecOp::MulEvenU if bits < 64 => {
            lanes::build(wide, v.total, |i| unsigned(v.a, 2 * i) * unsigned(v.b, 2 * i))
        }
        _ if v.op == VecOp::PMulHalves => {
            let half = |w: u128, upper: bool| (w >> if upper { 64 } else { 0 }) as u64;
            let (a, b) = (half(v.a, v.param & 1 != 0), half(v.b, v.param & 16 != 0));
            (0..64).filter(|n| b >> n & 1 != 0).fold(0, |sum, n| sum ^ u128::from(a) << n)
        }
        op if is_product(op) => 0,
        _ => return None,
    })
}

fn sums(v: &Args) -> Option<u128> {
    let bits = v.bits.min(64);
    let n = v.total / bits;
    let pair =
        |i: u32| if i < n { lanes::get_s(v.a, bits, i) } else { lanes::get_s(v.b, bits, i - n) };
    let difference = |i, j| lanes::get(v.a, 8, i).abs_diff(lanes::get(v.b, 8, j));
    let by_pairs = |f: fn(i64, i64) -> i64| {
        lanes::build(bits, v.total, |i| f(pair(2 * i), pair(2 * i + 1)) as u64)
    };
    Some(match v.op {
        VecOp::SubP => by_pairs(i64::wrapping_sub),
        VecOp::QAddP => lanes::build(bits, v.total, |i| {
            clamp(pair(2 * i).saturating_add(pair(2 * i + 1)), bits)
        }),
        VecOp::QSubP => lanes::build(bits, v.total, |i| {
            clamp(pair(2 * i).saturating_sub(pair(2 * i + 1)), bits)
        }),
        VecOp::Sad => {
            lanes::build(64, v.total, |i| (0..8).map(|k| difference(8 * i + k, 8 * i + k)).sum())
        }
        VecOp::SadBlocks => {
            let (from_a, from_b) = (4 * (v.param >> 2 & 1), 4 * (v.param & 3));
            lanes::build(16, v.total, |i| {
                (0..4).map(|k| difference(from_a + i + k, from_b + k)).sum()
            })
        }
        VecOp::Sign => lanes::build(bits, v.total, |i| {
            let a = lanes::get_s(v.a, bits, i);
            a.wrapping_mul(lanes::get_s(v.b, bits, i).signum()) as u64
        }),
        VecOp::MinPos => {
            let least = (0..n).map(|i| (lanes::get(v.a, bits, i), i)).min().unwrap_or_default();
            lanes::put(lanes::put(0, bits, 0, least.0), bits, 1, least.1.into())
        }
        _ => return None,
    })
}

fn shifts(v: &Args) -> Option<u128> {
    let bits = v.bits.min(64);
    let shift = |f: fn(i64, u64, u32) -> u64| {
        lanes::build(bits, v.total, |i| {
            let by = lanes::get(v.b, bits, i).min(bits.into()) as u32;
            f(lanes::get_s(v.a, bits, i), lanes::get(v.a, bits, i), by)
        })
    };
    Some(match v.op {
        VecOp::ShlV => shift(|_, a, by| a.checked_shl(by).unwrap_or(0)),
        VecOp::ShrUV => shift(|_, a, by| a.checked_shr(by).unwrap_or(0)),
        VecOp::ShrSV => shift(|a, _, by| (a >> by.min(63)) as u64),
        _ => return None,
    })
}

fn selections(v: &Args) -> Option<u128> {
    let bits = v.bits.min(64);
    let n = v.total / bits;
    let (a, b, c) = (v.a, v.b, v.c);
    let of = |w, i| lanes::get(w, bits, i);
    let build = |f: &dyn Fn(u32) -> u64| lanes::build(bits, v.total, f);
    let narrow = |f: fn(i64, u32) -> u64| {
        build(&|i| {
            let (w, i) = if i < n / 2 { (a, i) } else { (b, i - n / 2) };
            f(lanes::get_s(w, 2 * bits, i), bits)
        })
    };
    Some(match v.op {
        VecOp::Shuffle => lanes::build(8, v.total, |i| {
            let index = lanes::get(b, 8, i);
            let from = index as u32 & (v.total / 8 - 1);
            if index & 0x80 != 0 { 0 } else { lanes::get(a, 8, from) }
        }),
        VecOp::Pick => {
            let first = v.param >> 8;
            build(&|i| match i.wrapping_sub(first) {
                k @ 0..4 => of(a, first + (v.param >> (2 * k) & 3)),
                _ => of(a, i),
            })
        }
        VecOp::PickPair => build(&|i| {
            let w = if i < n / 2 { a } else { b };
            of(w, if n == 2 { v.param >> i & 1 } else { v.param >> (2 * i) & 3 })
        }),
        VecOp::PickBy => build(&|i| {
            let by = of(b, i) as u32;
            of(a, if n == 2 { by >> 1 & 1 } else { by & (n - 1) })
        }),
        VecOp::Blend => build(&|i| of(if v.param >> i & 1 != 0 { b } else { a }, i)),
        VecOp::BlendBy => build(&|i| of(if lanes::get_s(c, bits, i) < 0 { b } else { a }, i)),
        VecOp::PackS if bits < 64 => narrow(clamp),
        VecOp::PackU if bits < 64 => narrow(clamp_unsigned),
        VecOp::PackS | VecOp::PackU => 0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(op: VecOp, bits: u32, param: u32, a: u128, b: u128) -> u128 {
        eval(&Args { op, bits, total: 64, param, a, b, c: 0 }, &mut Env::default()).unwrap()
    }

    #[test]
    fn examples() {
        assert_eq!(run(VecOp::MulAddS, 16, 0, 0x0002_0003, 0x0004_ffff), 5);
        assert_eq!(run(VecOp::MulAddUS, 8, 0, 0xffff, 0x7f7f), 0x7fff);
        assert_eq!(run(VecOp::MulHRS, 16, 0, 0x8000, 0x8000), 0x8000);
        assert_eq!(run(VecOp::Sad, 8, 0, 0x0105, 0x0301), 6);
        assert_eq!(run(VecOp::Sign, 8, 0, 0x80_0503, 0xff_00ff), 0x80_00fd);
        assert_eq!(run(VecOp::MinPos, 16, 0, 0x0001_0002_0001_0003, 0), 0x0001_0001);
        assert_eq!(run(VecOp::Shuffle, 8, 0, 0x0706_0504_0302_0100, 0x800f), 7);
        assert_eq!(run(VecOp::PackU, 8, 0, 0xffff_00ff_0100_0001, 0), 0x00ff_ff01);
    }
}
