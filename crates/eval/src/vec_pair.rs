//! Pairwise operations and those across all lanes.

use crate::vector::Args;
use crate::{Env, lanes};
use ir::VecOp;

/// Lane `i` of the pair `b:a`, each of `total` bits.
pub(crate) fn concatenated(v: &Args, bits: u32, i: u32) -> u64 {
    let n = v.total / bits;
    if i < n { lanes::get(v.a, bits, i) } else { lanes::get(v.b, bits, i - n) }
}

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, _env: &mut Env) -> Option<u128> {
    pairwise(v).or_else(|| long(v)).or_else(|| across(v))
}

fn pairwise(v: &Args) -> Option<u128> {
    let bits = v.bits.min(64);
    let signed = |x: u64| (x << (64 - bits)) as i64 >> (64 - bits);
    let f = |x: u64, y: u64| {
        Some(match v.op {
            VecOp::AddP => x.wrapping_add(y),
            VecOp::MaxPS => signed(x).max(signed(y)) as u64,
            VecOp::MinPS => signed(x).min(signed(y)) as u64,
            VecOp::MaxPU => x.max(y),
            VecOp::MinPU => x.min(y),
            _ => return None,
        })
    };
    f(0, 0)?;
    Some(lanes::build(bits, v.total, |i| {
        f(concatenated(v, bits, 2 * i), concatenated(v, bits, 2 * i + 1)).unwrap_or(0)
    }))
}

fn long(v: &Args) -> Option<u128> {
    let (signed, accumulate) = match v.op {
        VecOp::AddLpS => (true, false),
        VecOp::AddLpU => (false, false),
        VecOp::AdaLpS => (true, true),
        VecOp::AdaLpU => (false, true),
        _ => return None,
    };
    let bits = v.bits.min(32);
    let get = |i| if signed { lanes::get_s(v.a, bits, i) } else { lanes::get(v.a, bits, i) as i64 };
    Some(lanes::build(2 * bits, v.total, |i| {
        let sum = get(2 * i).wrapping_add(get(2 * i + 1)) as u64;
        if accumulate { sum.wrapping_add(lanes::get(v.c, 2 * bits, i)) } else { sum }
    }))
}

fn across(v: &Args) -> Option<u128> {
    let bits = v.bits.min(64);
    let all = || 0..v.total / bits;
    let s = |i| lanes::get_s(v.a, bits, i);
    let u = |i| lanes::get(v.a, bits, i);
    let sum = |f: &dyn Fn(u32) -> u64| all().map(f).fold(0, u64::wrapping_add);
    let (r, width) = match v.op {
        VecOp::AddV => (sum(&u), bits),
        VecOp::AddLvS => (sum(&|i| s(i) as u64), 2 * bits),
        VecOp::AddLvU => (sum(&u), 2 * bits),
        VecOp::MaxVS => (all().map(s).max()? as u64, bits),
        VecOp::MaxVU => (all().map(u).max()?, bits),
        VecOp::MinVS => (all().map(s).min()? as u64, bits),
        VecOp::MinVU => (all().map(u).min()?, bits),
        _ => return None,
    };
    Some(lanes::truncate(r.into(), width))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(op: VecOp, bits: u32, total: u32, a: u128, b: u128, c: u128) -> u128 {
        eval(&Args { op, bits, total, param: 0, a, b, c }, &mut Env::default()).unwrap()
    }

    #[test]
    fn pairs() {
        assert_eq!(run(VecOp::AddP, 32, 64, 1 | 2 << 32, 3 | 4 << 32, 0), 3 | 7 << 32);
        assert_eq!(run(VecOp::MaxPU, 64, 128, 1 | 2 << 64, 9 | 4 << 64, 0), 2 | 9 << 64);
        assert_eq!(run(VecOp::AddLpS, 8, 64, 0xffff, 0, 0), 0xfffe);
        assert_eq!(run(VecOp::AdaLpU, 8, 64, 0xffff, 0, 2), 0x200);
    }

    #[test]
    fn all_lanes() {
        assert_eq!(run(VecOp::AddV, 8, 64, 0xff01, 0, 0), 0);
        assert_eq!(run(VecOp::AddLvU, 8, 64, 0xff01, 0, 0), 0x100);
        assert_eq!(run(VecOp::AddLvS, 8, 64, 0xfffe, 0, 0), 0xfffd);
        assert_eq!(run(VecOp::MinVS, 16, 128, 0x8000 << 112, 0, 0), 0x8000);
    }
}
