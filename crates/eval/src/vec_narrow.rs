//! Operations whose result lanes are half as large as the source's.

use crate::vector::Args;
use crate::{Env, lanes, saturate};
use ir::VecOp;

/// The 64 result bits where `param` bit 8 wants them: low, or above `c`'s low half.
pub(crate) fn place(v: &Args, r: u128) -> u128 {
    if v.param & 0x100 != 0 { r << 64 | v.c & u128::from(u64::MAX) } else { r }
}

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, env: &mut Env) -> Option<u128> {
    let bits = v.bits.min(32);
    let wide = 2 * bits;
    let amount = v.param & 0xff;
    let mut lane = |i: u32| {
        let round = 1i128 << amount >> 1;
        let s = |w| i128::from(lanes::get_s(w, wide, i));
        let u = |w| i128::from(lanes::get(w, wide, i));
        let high = 1i128 << (bits - 1);
        let (a, b) = (v.a, v.b);
        Some(match v.op {
            VecOp::Narrow => (u(a) >> amount) as u64,
            VecOp::RNarrow => ((u(a) + round) >> amount) as u64,
            VecOp::QNarrowS => saturate::signed(s(a) >> amount, bits, env),
            VecOp::QNarrowU => saturate::unsigned(u(a) >> amount, bits, env),
            VecOp::QNarrowSU => saturate::unsigned(s(a) >> amount, bits, env),
            VecOp::QRNarrowS => saturate::signed((s(a) + round) >> amount, bits, env),
            VecOp::QRNarrowU => saturate::unsigned((u(a) + round) >> amount, bits, env),
            VecOp::QRNarrowSU => saturate::unsigned((s(a) + round) >> amount, bits, env),
            VecOp::AddHn => ((u(a) + u(b)) >> bits) as u64,
            VecOp::RAddHn => ((u(a) + u(b) + high) >> bits) as u64,
            VecOp::SubHn => ((u(a) - u(b)) >> bits) as u64,
            VecOp::RSubHn => ((u(a) - u(b) + high) >> bits) as u64,
            _ => return None,
        })
    };
    let mut r = 0;
    for i in 0..64 / bits {
        r = lanes::put(r, bits, i, lane(i)?);
    }
    Some(place(v, r))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(op: VecOp, bits: u32, param: u32, a: u128, b: u128, c: u128) -> (u128, bool) {
        let mut env = Env::default();
        let v = Args { op, bits, total: 64, param, a, b, c };
        (eval(&v, &mut env).unwrap(), env.status >> 27 & 1 != 0)
    }

    #[test]
    fn forms() {
        assert_eq!(run(VecOp::Narrow, 8, 4, 0x1234, 0, 0).0, 0x23);
        assert_eq!(run(VecOp::Narrow, 8, 0x100, 0x1234, 0, 5).0, 0x34 << 64 | 5);
        assert_eq!(run(VecOp::RNarrow, 32, 1, 3, 0, 0).0, 2);
        assert_eq!(run(VecOp::QNarrowS, 8, 0, 0xff7f, 0, 0), (0x80, true));
        assert_eq!(run(VecOp::QNarrowSU, 8, 0, 0xffff, 0, 0), (0, true));
        assert_eq!(run(VecOp::QNarrowU, 8, 0, 0xff, 0, 0), (0xff, false));
        assert_eq!(run(VecOp::QRNarrowU, 32, 32, u64::MAX.into(), 0, 0), (0xffff_ffff, true));
        assert_eq!(run(VecOp::RAddHn, 8, 0, 0x007f, 1, 0).0, 1);
        assert_eq!(run(VecOp::SubHn, 8, 0, 0, 1, 0).0, 0xff);
    }
}
