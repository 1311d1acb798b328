//! Shifts of lanes.

use crate::vector::Args;
use crate::{Env, lanes, saturate};
use ir::VecOp;

/// How the result of a shift is made to fit.
#[derive(Clone, Copy)]
enum Fit {
    Truncate,
    Signed,
    Unsigned,
}

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, env: &mut Env) -> Option<u128> {
    if matches!(v.op, VecOp::Sli | VecOp::Sri) {
        return Some(insert(v));
    }
    if v.op == VecOp::Xar {
        return Some(lanes::build(64, 128, |i| {
            (lanes::get(v.a, 64, i) ^ lanes::get(v.b, 64, i)).rotate_right(v.param & 63)
        }));
    }
    let bits = v.bits.min(64);
    if let VecOp::ShlAll | VecOp::ShrUAll | VecOp::ShrSAll = v.op {
        let n = (v.b as u64).min(u64::from(bits)) as i32;
        let amount = if v.op == VecOp::ShlAll { n } else { -n };
        return Some(lanes::build(bits, v.total, |i| {
            let x = match v.op {
                VecOp::ShrSAll => lanes::get_s(v.a, bits, i).into(),
                _ => lanes::get(v.a, bits, i).into(),
            };
            shift(x, amount, false, Fit::Truncate, bits, env)
        }));
    }
    // Signed source, rounding, fit, and whether the amount is in b.
    let (signed, rounding, fit, by_b) = match v.op {
        VecOp::ShlI | VecOp::ShrU => (false, false, Fit::Truncate, false),
        VecOp::ShrS => (true, false, Fit::Truncate, false),
        VecOp::RShrU => (false, true, Fit::Truncate, false),
        VecOp::RShrS => (true, true, Fit::Truncate, false),
        VecOp::QShlIS => (true, false, Fit::Signed, false),
        VecOp::QShlIU => (false, false, Fit::Unsigned, false),
        VecOp::QShlIUS => (true, false, Fit::Unsigned, false),
        VecOp::ShlU => (false, false, Fit::Truncate, true),
        VecOp::ShlS => (true, false, Fit::Truncate, true),
        VecOp::RShlU => (false, true, Fit::Truncate, true),
        VecOp::RShlS => (true, true, Fit::Truncate, true),
        VecOp::QShlU => (false, false, Fit::Unsigned, true),
        VecOp::QShlS => (true, false, Fit::Signed, true),
        VecOp::QRShlU => (false, true, Fit::Unsigned, true),
        VecOp::QRShlS => (true, true, Fit::Signed, true),
        _ => return None,
    };
    let right = matches!(v.op, VecOp::ShrU | VecOp::ShrS | VecOp::RShrU | VecOp::RShrS);
    Some(lanes::build(bits, v.total, |i| {
        let x = if signed {
            i128::from(lanes::get_s(v.a, bits, i))
        } else {
            i128::from(lanes::get(v.a, bits, i))
        };
        let amount = if by_b {
            i32::from(lanes::get(v.b, bits, i) as i8)
        } else if right {
            -(v.param as i32)
        } else {
            v.param as i32
        };
        shift(x, amount, rounding, fit, bits, env)
    }))
}

/// `x` shifted left by `amount` (right if negative).
fn shift(x: i128, amount: i32, rounding: bool, fit: Fit, bits: u32, env: &mut Env) -> u64 {
    let wide = if amount >= bits as i32 {
        // All bits are shifted out: zero, or beyond any limit.
        match fit {
            Fit::Truncate => 0,
            _ => x.signum() << 100,
        }
    } else if amount >= 0 {
        x << amount
    } else {
        let n = amount.unsigned_abs().min(bits + 1);
        (x + (i128::from(rounding) << (n - 1))) >> n
    };
    match fit {
        Fit::Truncate => wide as u64,
        Fit::Signed => saturate::signed(wide, bits, env),
        Fit::Unsigned => saturate::unsigned(wide, bits, env),
    }
}

fn insert(v: &Args) -> u128 {
    let bits = v.bits.min(64);
    let ones = u64::MAX >> (64 - bits);
    lanes::build(bits, v.total, |i| {
        let (x, kept) = (lanes::get(v.a, bits, i), lanes::get(v.c, bits, i));
        let (moved, mask) = if v.op == VecOp::Sli {
            (x.checked_shl(v.param), ones.checked_shl(v.param))
        } else {
            (x.checked_shr(v.param), ones.checked_shr(v.param))
        };
        moved.unwrap_or(0) | kept & !mask.unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(op: VecOp, bits: u32, param: u32, a: u128, b: u128, c: u128) -> (u128, bool) {
        let mut env = Env::default();
        let v = Args { op, bits, total: bits, param, a, b, c };
        (eval(&v, &mut env).unwrap(), env.status >> 27 & 1 != 0)
    }

    #[test]
    fn immediate() {
        assert_eq!(run(VecOp::ShrU, 8, 8, 0xff, 0, 0).0, 0);
        assert_eq!(run(VecOp::ShrS, 8, 8, 0x80, 0, 0).0, 0xff);
        assert_eq!(run(VecOp::RShrU, 8, 8, 0x80, 0, 0).0, 1);
        assert_eq!(run(VecOp::RShrS, 64, 64, 1 << 63, 0, 0).0, 0);
        assert_eq!(run(VecOp::Sli, 8, 4, 0x12, 0, 0x3f).0, 0x2f);
        assert_eq!(run(VecOp::Sri, 8, 4, 0x12, 0, 0x3f).0, 0x31);
        assert_eq!(run(VecOp::Sri, 64, 64, 0x12, 0, 0x3f).0, 0x3f);
        assert_eq!(run(VecOp::QShlIUS, 8, 1, 0xff, 0, 0), (0, true));
        assert_eq!(run(VecOp::QShlIS, 8, 1, 0x40, 0, 0), (0x7f, true));
    }

    #[test]
    fn by_register() {
        assert_eq!(run(VecOp::ShlU, 8, 0, 0x81, 1, 0).0, 2);
        assert_eq!(run(VecOp::ShlS, 8, 0, 0x81, 0x80, 0).0, 0xff);
        assert_eq!(run(VecOp::RShlS, 8, 0, 0x81, 0xf8, 0).0, 0);
        assert_eq!(run(VecOp::RShlU, 8, 0, 0x80, 0xf8, 0).0, 1);
        assert_eq!(run(VecOp::QShlU, 64, 0, 1, 64, 0), (u64::MAX.into(), true));
        assert_eq!(run(VecOp::QShlU, 64, 0, 1, 63, 0), (1 << 63, false));
        assert_eq!(run(VecOp::QShlS, 32, 0, 0xffff_ffff, 127, 0), (0x8000_0000, true));
        assert_eq!(run(VecOp::QRShlU, 64, 0, u64::MAX.into(), 0xc0, 0).0, 1);
        assert_eq!(run(VecOp::QShlS, 8, 0, 0, 100, 0), (0, false));
    }
}
