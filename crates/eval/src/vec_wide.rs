//! Operations whose result lanes are twice as large as a source's.

use crate::vec_int::polynomial;
use crate::vector::Args;
use crate::{Env, lanes, saturate};
use ir::VecOp;

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, env: &mut Env) -> Option<u128> {
    let high = v.param & 1;
    if v.op == VecOp::PMulL && v.bits == 64 {
        return Some(polynomial(lanes::get(v.a, 64, high), lanes::get(v.b, 64, high)));
    }
    let bits = v.bits.min(32);
    let wide = 2 * bits;
    let offset = high * (64 / bits);
    let lane = |i: u32| {
        let s = |w| i128::from(lanes::get_s(w, bits, offset + i));
        let u = |w| i128::from(lanes::get(w, bits, offset + i));
        let (a, b) = (v.a, v.b);
        let wide_a = i128::from(lanes::get_s(a, wide, i));
        let wide_c = i128::from(lanes::get_s(v.c, wide, i));
        let doubled = |env: &mut Env| {
            i128::from(lanes::sext(saturate::signed(2 * s(a) * s(b), wide, env).into(), wide) as i64)
        };
        Some(match v.op {
            VecOp::ExtS => s(a) << (v.param >> 1),
            VecOp::ExtU => u(a) << (v.param >> 1),
            VecOp::MulLS => s(a) * s(b),
            VecOp::MulLU => u(a) * u(b),
            VecOp::MlaLS => wide_c + s(a) * s(b),
            VecOp::MlaLU => wide_c + u(a) * u(b),
            VecOp::MlsLS => wide_c - s(a) * s(b),
            VecOp::MlsLU => wide_c - u(a) * u(b),
            VecOp::QDMulL => doubled(env),
            VecOp::QDMlaL => {
                let p = doubled(env);
                saturate::signed(wide_c + p, wide, env).into()
            }
            VecOp::QDMlsL => {
                let p = doubled(env);
                saturate::signed(wide_c - p, wide, env).into()
            }
            VecOp::AbdLS => (s(a) - s(b)).abs(),
            VecOp::AbdLU => (u(a) - u(b)).abs(),
            VecOp::PMulL => polynomial(u(a) as u64, u(b) as u64) as i128,
            VecOp::AddWS => wide_a + s(b),
            VecOp::AddWU => wide_a + u(b),
            VecOp::SubWS => wide_a - s(b),
            VecOp::SubWU => wide_a - u(b),
            _ => return None,
        } as u64)
    };
    lanes::try_build(wide, 128, lane)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(op: VecOp, bits: u32, param: u32, a: u128, b: u128, c: u128) -> (u128, bool) {
        let mut env = Env::default();
        let v = Args { op, bits, total: 128, param, a, b, c };
        (eval(&v, &mut env).unwrap(), env.status >> 27 & 1 != 0)
    }

    #[test]
    fn halves() {
        assert_eq!(run(VecOp::ExtS, 8, 0, 0xff, 0, 0).0, 0xffff);
        assert_eq!(run(VecOp::ExtU, 32, 1 | 4 << 1, 0xffff_ffff << 64, 0, 0).0, 0xf_ffff_fff0);
        assert_eq!(run(VecOp::MlsLS, 8, 0, 2, 0xff, 5).0, 7);
        assert_eq!(run(VecOp::SubWU, 32, 0, 0, 1, 0).0, u64::MAX.into());
        assert_eq!(run(VecOp::PMulL, 64, 0, u64::MAX.into(), 3, 0).0, 1 | 1 << 64);
    }

    #[test]
    fn doubling() {
        assert_eq!(run(VecOp::QDMulL, 16, 0, 0x8000, 0x8000, 0), (0x7fff_ffff, true));
        let min = 0x8000_0000;
        assert_eq!(run(VecOp::QDMlaL, 32, 0, min, min, u64::MAX.into()).0, (1 << 63) - 2);
        assert_eq!(run(VecOp::QDMlsL, 32, 0, 1, 1, 1), (u64::MAX.into(), false));
    }
}
