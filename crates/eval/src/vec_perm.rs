//! Permutations of lanes.

use crate::vector::Args;
use crate::{Env, lanes};
use ir::VecOp;

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, _env: &mut Env) -> Option<u128> {
    let bits = v.bits.min(64);
    let n = v.total / bits;
    let (a, b, c) = (v.a, v.b, v.c);
    let build = |f: &dyn Fn(u32) -> u64| lanes::build(bits, v.total, f);
    let of = |w, i| lanes::get(w, bits, i);
    let either = |second: u32, i| of(if second & 1 != 0 { b } else { a }, i);
    let pair = |i: u32| if i < n { of(a, i) } else { of(b, i - n) };
    Some(match v.op {
        VecOp::Rev16 => build(&|i| of(a, i ^ (16 / bits).saturating_sub(1))),
        VecOp::Rev32 => build(&|i| of(a, i ^ (32 / bits).saturating_sub(1))),
        VecOp::Rev64 => build(&|i| of(a, i ^ (64 / bits).saturating_sub(1))),
        VecOp::DupInt => build(&|_| a as u64),
        VecOp::DupLane => build(&|_| of(a, v.param)),
        VecOp::InsInt => lanes::truncate(insert(a, bits, v.param, b as u64), v.total),
        VecOp::InsLane => insert(a, bits, v.param & 15, of(b, v.param >> 4 & 15)),
        VecOp::Ext => lanes::build(8, v.total, |i| {
            let i = i + v.param;
            let bytes = v.total / 8;
            if i < bytes { lanes::get(a, 8, i) } else { lanes::get(b, 8, i - bytes) }
        }),
        VecOp::Zip1 => build(&|i| either(i, i / 2)),
        VecOp::Zip2 => build(&|i| either(i, (n + i) / 2)),
        VecOp::Uzp1 => build(&|i| pair(2 * i)),
        VecOp::Uzp2 => build(&|i| pair(2 * i + 1)),
        VecOp::Trn1 => build(&|i| either(i, i & !1)),
        VecOp::Trn2 => build(&|i| either(i, i | 1)),
        VecOp::Tbl1 => lanes::build(8, v.total, |i| {
            let index = lanes::get(b, 8, i);
            if index < 16 { lanes::get(a, 8, index as u32) } else { 0 }
        }),
        VecOp::Tbx1 => lanes::build(8, v.total, |i| {
            let index = lanes::get(b, 8, i).wrapping_sub(v.param.into()) & 0xff;
            if index < 16 { lanes::get(a, 8, index as u32) } else { lanes::get(c, 8, i) }
        }),
        VecOp::Low => lanes::truncate(a, v.bits),
        VecOp::High => a >> 64,
        VecOp::Combine => a & u128::from(u64::MAX) | b << 64,
        _ => return None,
    })
}

/// `w` with lane `i` replaced.
fn insert(w: u128, bits: u32, i: u32, x: u64) -> u128 {
    lanes::put(w & !(u128::from(u64::MAX >> (64 - bits)) << (bits * i)), bits, i, x)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: u128 = 0x0706_0504_0302_0100;
    const B: u128 = 0x1716_1514_1312_1110;

    fn run(op: VecOp, bits: u32, param: u32) -> u128 {
        eval(&Args { op, bits, total: 64, param, a: A, b: B, c: 0 }, &mut Env::default()).unwrap()
    }

    #[test]
    fn interleaving() {
        assert_eq!(run(VecOp::Zip1, 8, 0), 0x1303_1202_1101_1000);
        assert_eq!(run(VecOp::Zip2, 16, 0), 0x1716_0706_1514_0504);
        assert_eq!(run(VecOp::Uzp1, 8, 0), 0x1614_1210_0604_0200);
        assert_eq!(run(VecOp::Uzp2, 32, 0), 0x1716_1514_0706_0504);
        assert_eq!(run(VecOp::Trn1, 8, 0), 0x1606_1404_1202_1000);
        assert_eq!(run(VecOp::Trn2, 32, 0), 0x1716_1514_0706_0504);
        assert_eq!(run(VecOp::Ext, 8, 3), 0x1211_1007_0605_0403);
    }

    #[test]
    fn reversal_and_lanes() {
        assert_eq!(run(VecOp::Rev16, 8, 0), 0x0607_0405_0203_0001);
        assert_eq!(run(VecOp::Rev32, 16, 0), 0x0504_0706_0100_0302);
        assert_eq!(run(VecOp::Rev64, 8, 0), 0x0001_0203_0405_0607);
        assert_eq!(run(VecOp::DupLane, 16, 1), 0x0302_0302_0302_0302);
        assert_eq!(run(VecOp::InsLane, 8, 7 | 1 << 4), 0x1106_0504_0302_0100);
    }
}
