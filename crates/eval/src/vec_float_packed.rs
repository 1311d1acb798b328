//! Floating point that SSE, AVX and FMA have and others do not.

use crate::float::rounding;
use crate::vec_float::format;
use crate::vector::Args;
use crate::{Env, lanes};
use core::cmp::Ordering;
use ir::VecOp;
use softfloat::{Format, Fp};

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, env: &mut Env) -> Option<u128> {
    let mut fp = Fp::new(env.fp);
    let bits = v.bits.clamp(32, 64);
    let f = format(bits);
    let r = match v.op {
        VecOp::FCmp => lanes::build(bits, v.total, |i| {
            let [a, b] = [v.a, v.b].map(|w| lanes::get(w, bits, i));
            if compare(&mut fp, f, a, b, v.param) { u64::MAX } else { 0 }
        }),
        VecOp::FInsInt => {
            let wide = v.param & 1 != 0;
            let width = if wide { 64 } else { 32 };
            let value = lanes::truncate(v.b, width) as u64;
            let number = fp.from_fixed(f, value, 0, true, width);
            v.a >> bits << bits | u128::from(number)
        }
        VecOp::FDot => dot(&mut fp, v, f),
        VecOp::FToIntN => lanes::build(32, 64, |i| {
            let mode = rounding((v.param & 7) as u8, &fp);
            fp.to_fixed(Format::F64, lanes::get(v.a, 64, i), 0, true, 32, mode)
        }),
        VecOp::IntToFL => lanes::build(64, 128, |i| {
            let from = lanes::get(v.a, 32, i + 2 * (v.param & 1));
            fp.from_fixed(Format::F64, from, 0, true, 32)
        }),
        _ => lanes::build(bits, v.total, |i| lane(&mut fp, v, f, i)),
    };
    env.status |= u64::from(fp.status);
    Some(r)
}

fn lane(fp: &mut Fp, v: &Args, f: Format, i: u32) -> u64 {
    let bits = f.bits;
    let of = |w| lanes::get(w, bits, i);
    match v.op {
        VecOp::FSubP => {
            let n = v.total / bits;
            let (w, i) = if 2 * i < n { (v.a, 2 * i) } else { (v.b, 2 * i - n) };
            fp.sub(f, lanes::get(w, bits, i), lanes::get(w, bits, i + 1))
        }
        VecOp::FAddSub if i & 1 == 0 => fp.sub(f, of(v.a), of(v.b)),
        VecOp::FAddSub => fp.add(f, of(v.a), of(v.b)),
        VecOp::FMulAdd => {
            let (a, b, c) = (of(v.a), of(v.b), of(v.c));
            let (x, y, addend) = match v.param & 3 {
                0 => (a, c, b),
                1 => (b, a, c),
                _ => (b, c, a),
            };
            let alternate = v.param & 16 != 0 && i & 1 != 0;
            fp.mul_add_signed(f, [x, y, addend], v.param & 4 != 0, (v.param & 8 != 0) != alternate)
        }
        VecOp::FRecp12 => fp.recip_12(f, of(v.a)),
        _ => fp.rsqrt_12(f, of(v.a)),
    }
}

fn compare(fp: &mut Fp, f: Format, a: u64, b: u64, predicate: u32) -> bool {
    let orders = matches!(predicate & 3, 1 | 2);
    let order = fp.partial_order(f, a, b, orders != (predicate & 16 != 0));
    let answer = match (order, predicate & 3) {
        (Some(order), 0) => order == Ordering::Equal,
        (Some(order), 1) => order == Ordering::Less,
        (Some(order), 2) => order != Ordering::Greater,
        (Some(_), _) => false,
        (None, which) => (which == 3) != (predicate & 8 != 0),
    };
    answer != (predicate & 4 != 0)
}

fn dot(fp: &mut Fp, v: &Args, f: Format) -> u128 {
    let bits = f.bits;
    let n = (v.total / bits) as usize;
    let mut products = [0; 4];
    for (i, product) in products.iter_mut().enumerate().take(n) {
        let [a, b] = [v.a, v.b].map(|w| lanes::get(w, bits, i as u32));
        if v.param >> (4 + i) & 1 != 0 {
            *product = fp.mul(f, a, b);
        }
    }
    // (The order of the operands decides which NaN a lane gets.)
    let mut sums = products;
    if n == 4 {
        let pairs: [u64; 4] = core::array::from_fn(|i| fp.add(f, products[i ^ 1], products[i]));
        sums = core::array::from_fn(|i| fp.add(f, pairs[i], pairs[i ^ 2]));
    } else {
        for i in 0..n {
            sums[i] = fp.add(f, products[i], products[i ^ 1]);
        }
    }
    lanes::build(bits, v.total, |i| if v.param >> i & 1 != 0 { sums[i as usize] } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir::FpControl;
    use softfloat::rules::SSE;

    #[test]
    fn predicates() {
        let mut fp = Fp::new(FpControl::new(SSE));
        let [one, two, nan] = [1.0, 2.0, f64::NAN].map(f64::to_bits);
        let mut all = |a, b| {
            (0..32).map(|p| u32::from(compare(&mut fp, Format::F64, a, b, p)) << p).sum::<u32>()
        };
        // Bit n: the answer of predicate n, as the manual's table has them.
        assert_eq!(all(one, two), 0x9696_9696);
        assert_eq!(all(two, one), 0xf0f0_f0f0);
        assert_eq!(all(one, one), 0xa5a5_a5a5);
        assert_eq!(all(one, nan), 0x8778_8778);
    }
}
