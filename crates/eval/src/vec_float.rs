//! Vector floating point.

use crate::float::rounding;
use crate::vec_narrow::place;
use crate::vector::Args;
use crate::{Env, lanes};
use core::cmp::Ordering;
use ir::{Rounding, VecOp};
use softfloat::{Format, Fp, Round};

pub(crate) const fn format(bits: u32) -> Format {
    match bits {
        16 => Format::F16,
        32 => Format::F32,
        _ => Format::F64,
    }
}

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, env: &mut Env) -> Option<u128> {
    let mut fp = Fp::new(env.fp);
    let r = lane_by_lane(v, &mut fp)
        .or_else(|| across(v, &mut fp))
        .or_else(|| complex(v, &mut fp))
        .or_else(|| between_widths(v, &mut fp))?;
    env.status |= u64::from(fp.status);
    Some(r)
}

type Binary = fn(&mut Fp, Format, u64, u64) -> u64;

/// Operations of two operands that also exist pairwise or across.
fn binary(op: VecOp) -> Option<Binary> {
    Some(match op {
        VecOp::FAdd | VecOp::FAddP => Fp::add,
        VecOp::FSub => Fp::sub,
        VecOp::FMul => Fp::mul,
        VecOp::FMulX => Fp::mulx,
        VecOp::FDiv => Fp::div,
        VecOp::FMax | VecOp::FMaxP | VecOp::FMaxV => Fp::max,
        VecOp::FMin | VecOp::FMinP | VecOp::FMinV => Fp::min,
        VecOp::FMaxNm | VecOp::FMaxNmP | VecOp::FMaxNmV => Fp::max_num,
        VecOp::FMinNm | VecOp::FMinNmP | VecOp::FMinNmV => Fp::min_num,
        VecOp::FRecps => Fp::recip_step,
        VecOp::FRsqrts => Fp::rsqrt_step,
        _ => return None,
    })
}

/// Whether an operation of two operands takes lane after lane of both.
const fn is_plain(op: VecOp) -> bool {
    use VecOp::{FAddP, FMaxNmP, FMaxNmV, FMaxP, FMaxV, FMinNmP, FMinNmV, FMinP, FMinV};
    !matches!(op, FAddP | FMaxP | FMinP | FMaxNmP | FMinNmP | FMaxV | FMinV | FMaxNmV | FMinNmV)
}

fn lane_by_lane(v: &Args, fp: &mut Fp) -> Option<u128> {
    let bits = v.bits.min(64);
    let f = format(bits);
    let sign = f.sign_bit();
    let mask = |t: bool| if t { u64::MAX } else { 0 };
    let mode = rounding((v.param & 7) as u8, fp);
    let flag = v.param & 8 != 0;
    if let Some(op) = binary(v.op).filter(|_| is_plain(v.op)) {
        return Some(lanes::build(bits, v.total, |i| {
            op(fp, f, lanes::get(v.a, bits, i), lanes::get(v.b, bits, i))
        }));
    }
    let lane = |fp: &mut Fp, i: u32| {
        let get = |w| lanes::get(w, bits, i);
        let (a, b, c) = (get(v.a), get(v.b), get(v.c));
        let ordered = |fp: &mut Fp, a, b, equal: bool| {
            let o = fp.partial_order(f, a, b, true);
            mask(o == Some(Ordering::Greater) || equal && o == Some(Ordering::Equal))
        };
        Some(match v.op {
            VecOp::FMla => fp.mul_add(f, c, a, b),
            VecOp::FMls => fp.mul_add(f, c, a ^ sign, b),
            VecOp::FAbd => fp.sub(f, a, b) & !sign,
            VecOp::FAbs => a & !sign,
            VecOp::FNeg => a ^ sign,
            VecOp::FSqrt => fp.sqrt(f, a),
            VecOp::FCmEq => mask(fp.partial_order(f, a, b, false) == Some(Ordering::Equal)),
            VecOp::FCmGe => ordered(fp, a, b, true),
            VecOp::FCmGt => ordered(fp, a, b, false),
            VecOp::FAcGe => ordered(fp, a & !sign, b & !sign, true),
            VecOp::FAcGt => ordered(fp, a & !sign, b & !sign, false),
            VecOp::FRecpe => fp.recip_estimate(f, a),
            VecOp::FRsqrte => fp.rsqrt_estimate(f, a),
            VecOp::FRecpx => fp.recip_exponent(f, a),
            VecOp::FRound => fp.round_int(f, a, mode, flag),
            VecOp::FRoundInt => fp.round_int_n(f, a, mode, if flag { 64 } else { 32 }),
            VecOp::FToInt => fp.to_fixed(f, a, v.param >> 4, flag, bits, mode),
            VecOp::IntToF => fp.from_fixed(f, a, v.param >> 4, flag, bits),
            VecOp::FAddP | VecOp::FMaxP | VecOp::FMinP | VecOp::FMaxNmP | VecOp::FMinNmP => {
                let pair = |i| pair_lane(v, bits, i);
                binary(v.op)?(fp, f, pair(2 * i), pair(2 * i + 1))
            }
            _ => return None,
        })
    };
    lanes::try_build(bits, v.total, |i| lane(fp, i))
}

/// Lane `i` of `b:a`; of `a` alone in scalar forms.
fn pair_lane(v: &Args, bits: u32, i: u32) -> u64 {
    let n = v.total / bits;
    if i < n || n == 1 { lanes::get(v.a, bits, i) } else { lanes::get(v.b, bits, i - n) }
}

/// Reduces all lanes by halves.
fn across(v: &Args, fp: &mut Fp) -> Option<u128> {
    if !matches!(v.op, VecOp::FMaxV | VecOp::FMinV | VecOp::FMaxNmV | VecOp::FMinNmV) {
        return None;
    }
    let f = binary(v.op)?;
    let mut values: Vec<u64> = (0..v.total / v.bits).map(|i| lanes::get(v.a, v.bits, i)).collect();
    reduce(fp, format(v.bits), f, &mut values).map(u128::from)
}

fn reduce(fp: &mut Fp, format: Format, f: Binary, values: &mut [u64]) -> Option<u64> {
    if let [one] = values {
        return Some(*one);
    }
    if values.is_empty() {
        return None;
    }
    let (low, high) = values.split_at_mut(values.len() / 2);
    let low = reduce(fp, format, f, low)?;
    let high = reduce(fp, format, f, high)?;
    Some(f(fp, format, low, high))
}

fn complex(v: &Args, fp: &mut Fp) -> Option<u128> {
    let bits = v.bits.min(64);
    let f = format(bits);
    let sign = f.sign_bit();
    let get = |w, i| lanes::get(w, bits, i);
    Some(match v.op {
        VecOp::FCAdd => lanes::build(bits, v.total, |i| {
            let turned = get(v.b, i ^ 1);
            // 90 degrees negate the imaginary part, 270 the real one.
            let negate = (i & 1 == 0) == (v.param & 1 == 0);
            fp.add(f, get(v.a, i), if negate { turned ^ sign } else { turned })
        }),
        VecOp::FCMla => lanes::build(bits, v.total, |i| {
            let (re, im) = (i & !1, i | 1);
            let real = i & 1 == 0;
            let (a, b, negate) = match v.param & 3 {
                0 => (get(v.a, re), get(v.b, i), false),
                1 => (get(v.a, im), get(v.b, i ^ 1), real),
                2 => (get(v.a, re), get(v.b, i), true),
                _ => (get(v.a, im), get(v.b, i ^ 1), !real),
            };
            fp.mul_add(f, get(v.c, i), a, if negate { b ^ sign } else { b })
        }),
        _ => return None,
    })
}

fn between_widths(v: &Args, fp: &mut Fp) -> Option<u128> {
    Some(match v.op {
        VecOp::FCvtL => {
            let bits = v.bits.min(32);
            let offset = (v.param & 1) * (64 / bits);
            let total = if v.total == v.bits { 2 * bits } else { 128 };
            lanes::build(2 * bits, total, |i| {
                fp.convert(format(bits), format(2 * bits), lanes::get(v.a, bits, offset + i))
            })
        }
        VecOp::FCvtN | VecOp::FCvtXn => {
            let bits = v.bits.min(32);
            let chosen = Rounding::from_chosen((v.param >> 4) as u16) as u8;
            let mode = if v.op == VecOp::FCvtXn { Round::Odd } else { rounding(chosen, fp) };
            // A scalar form has one lane.
            let total = if v.total == v.bits { bits } else { 64 };
            let r = lanes::build(bits, total, |i| {
                let wide = lanes::get(v.a, 2 * bits, i);
                fp.convert_mode(format(2 * bits), format(bits), wide, mode)
            });
            place(v, r)
        }
        VecOp::FMlaL => {
            let n = v.total / 32;
            let offset = (v.param & 1) * n;
            let sign = if v.param & 2 != 0 { 0x8000 } else { 0 };
            lanes::build(32, v.total, |i| {
                let half = |w| lanes::get(w, 16, offset + i);
                fp.mul_add_half(lanes::get(v.c, 32, i), half(v.a) ^ sign, half(v.b))
            })
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(v: [f32; 4]) -> u128 {
        v.iter().rev().fold(0, |r, x| r << 32 | u128::from(x.to_bits()))
    }

    fn run(op: VecOp, param: u32, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        let (a, b, c) = (pack(a), pack(b), pack(c));
        let v = Args { op, bits: 32, total: 128, param, a, b, c };
        let r = eval(&v, &mut Env::default()).unwrap();
        [0, 32, 64, 96].map(|n| f32::from_bits((r >> n) as u32))
    }

    const A: [f32; 4] = [1.0, 2.0, 3.0, 4.0];
    const B: [f32; 4] = [10.0, 20.0, 30.0, 40.0];
    const Z: [f32; 4] = [0.0; 4];

    #[test]
    fn forms() {
        assert_eq!(run(VecOp::FMls, 0, A, B, Z), [-10.0, -40.0, -90.0, -160.0]);
        assert_eq!(run(VecOp::FAddP, 0, A, B, Z), [3.0, 7.0, 30.0, 70.0]);
        assert_eq!(run(VecOp::FMaxV, 0, A, B, Z), [4.0, 0.0, 0.0, 0.0]);
        assert_eq!(run(VecOp::FCAdd, 0, A, B, Z), [-19.0, 12.0, -37.0, 34.0]);
        assert_eq!(run(VecOp::FCAdd, 1, A, B, Z), [21.0, -8.0, 43.0, -26.0]);
        let product = run(VecOp::FCMla, 1, A, B, run(VecOp::FCMla, 0, A, B, Z));
        assert_eq!(product, [-30.0, 40.0, -70.0, 240.0]);
        let conjugate = run(VecOp::FCMla, 3, A, B, run(VecOp::FCMla, 2, A, B, Z));
        assert_eq!(conjugate, [30.0, -40.0, 70.0, -240.0]);
    }

    #[test]
    fn scalar_pair() {
        let v = Args { op: VecOp::FAddP, bits: 32, total: 32, param: 0, a: pack(A), b: 0, c: 0 };
        assert_eq!(eval(&v, &mut Env::default()), Some(3.0f32.to_bits().into()));
    }
}
