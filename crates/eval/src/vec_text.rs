//! Comparison of strings.

use crate::vector::Args;
use crate::{Env, lanes};
use ir::vec_op::text;

/// Computes the operation of this topic.
pub(crate) fn eval(v: &Args, _env: &mut Env) -> Option<u128> {
    Some(matches(v.param, v.a, v.b, v.c).into())
}

/// Computes [`ir::OpCode::VecTextIndex`].
pub(crate) fn index(param: u16, a: u128, b: u128, c: u128, env: &mut Env) -> u128 {
    let found = matches(param.into(), a, b, c);
    let (mask, count) = (found & 0xffff, if param & 1 == 0 { 16 } else { 8 });
    let index = match (mask, param & 0x40) {
        (0, _) => count,
        (_, 0) => mask.trailing_zeros(),
        _ => mask.ilog2(),
    };
    let bit = |from: u8, to: u32| (found >> from & 1) << to;
    env.nzcv = bit(text::FIRST_ENDS, 31)
        | bit(text::SECOND_ENDS, 30)
        | u32::from(mask == 0) << 29
        | bit(0, 28);
    index.into()
}

/// Which elements match, and which operands end.
fn matches(param: u32, a: u128, b: u128, c: u128) -> u32 {
    let bits = if param & 1 == 0 { 8 } else { 16 };
    let count = 128 / bits;
    let signed = param & 2 != 0;
    let element = |w, n| match signed {
        true => lanes::get_s(w, bits, n),
        false => lanes::get(w, bits, n) as i64,
    };
    let (len_a, len_b) = if param & text::EXPLICIT as u32 != 0 {
        let length = |n| lanes::get_s(c, 64, n).unsigned_abs().min(count.into()) as u32;
        (length(0), length(1))
    } else {
        let length = |w| (0..count).find(|n| lanes::get(w, bits, *n) == 0).unwrap_or(count);
        (length(a), length(b))
    };
    // Whether element i of a and element j of b match, if both are there.
    let equal = |i, j| element(a, i) == element(b, j);
    let all = 0..count;
    let matches: u32 = match param >> 2 & 3 {
        // Any of the characters in a.
        0 => all.filter(|j| *j < len_b && (0..len_a).any(|i| equal(i, *j))).map(|j| 1 << j).sum(),
        // Within one of the ranges in a.
        1 => {
            let within = |j: u32| {
                (0..len_a / 2).any(|pair| {
                    let b = element(b, j);
                    (element(a, 2 * pair)..=element(a, 2 * pair + 1)).contains(&b)
                })
            };
            all.filter(|j| *j < len_b && within(*j)).map(|j| 1 << j).sum()
        }
        // Equal, element by element; both past their ends are equal too.
        2 => {
            let same = |n: u32| match (n < len_a, n < len_b) {
                (true, true) => equal(n, n),
                (a, b) => a == b,
            };
            all.filter(|n| same(*n)).map(|n| 1 << n).sum()
        }
        // a starts here. (It may go on behind the vector.)
        _ => {
            let starts =
                |at: u32| (0..count - at).all(|i| i >= len_a || at + i < len_b && equal(i, at + i));
            all.filter(|at| starts(*at)).map(|at| 1 << at).sum()
        }
    };
    let there = |len: u32| (1_u32 << len) - 1;
    let inverted = match param >> 4 & 3 {
        1 => matches ^ there(count),
        3 => matches ^ there(len_b),
        _ => matches,
    };
    let ends = |len, bit: u8| u32::from(len < count) << bit;
    inverted | ends(len_a, text::FIRST_ENDS) | ends(len_b, text::SECOND_ENDS)
}
