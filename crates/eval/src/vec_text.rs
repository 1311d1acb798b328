//! Comparison of strings.

use crate::vector::Args;
use crate::{Env, lanes};
use ir::vec_op::text;

/// Computes the operation of this topic.
pub(crate) fn eval(v: &Args, _env: &mut Env) -> Option<u128> {
    let bits = if v.param & 1 == 0 { 8 } else { 16 };
    let count = 128 / bits;
    let signed = v.param & 2 != 0;
    let element = |w, n| match signed {
        true => lanes::get_s(w, bits, n),
        false => lanes::get(w, bits, n) as i64,
    };
    let (len_a, len_b) = if v.param & text::EXPLICIT as u32 != 0 {
        let length = |n| lanes::get_s(v.c, 64, n).unsigned_abs().min(count.into()) as u32;
        (length(0), length(1))
    } else {
        let length = |w| (0..count).find(|n| lanes::get(w, bits, *n) == 0).unwrap_or(count);
        (length(v.a), length(v.b))
    };
    // Whether element i of a and element j of b match, if both are there.
    let equal = |i, j| element(v.a, i) == element(v.b, j);
    let all = 0..count;
    let matches: u32 = match v.param >> 2 & 3 {
        // Any of the characters in a.
        0 => all.filter(|j| *j < len_b && (0..len_a).any(|i| equal(i, *j))).map(|j| 1 << j).sum(),
        // Within one of the ranges in a.
        1 => {
            let within = |j: u32| {
                (0..len_a / 2).any(|pair| {
                    let b = element(v.b, j);
                    (element(v.a, 2 * pair)..=element(v.a, 2 * pair + 1)).contains(&b)
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
    let inverted = match v.param >> 4 & 3 {
        1 => matches ^ there(count),
        3 => matches ^ there(len_b),
        _ => matches,
    };
    let ends = |len, bit: u8| u32::from(len < count) << bit;
    let result = inverted | ends(len_a, text::FIRST_ENDS) | ends(len_b, text::SECOND_ENDS);
    Some(result.into())
}
