//! SHA-1 and SHA-256, two or four rounds at a time with the most significant word first (the SHA extensions).

use crate::Env;
use crate::vector::Args;
use ir::VecOp;

type Words = [u32; 4];

/// Words, the least significant first.
fn words(v: u128) -> Words {
    core::array::from_fn(|n| (v >> (32 * n)) as u32)
}

fn vector(words: Words) -> u128 {
    words.into_iter().rev().fold(0, |all, word| all << 32 | u128::from(word))
}

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, _env: &mut Env) -> Option<u128> {
    let (a, b, c) = (words(v.a), words(v.b), words(v.c));
    Some(vector(match v.op {
        VecOp::Sha1NextE => [b[0], b[1], b[2], b[3].wrapping_add(a[3].rotate_left(30))],
        VecOp::Sha1Msg1 => [a[0] ^ b[2], a[1] ^ b[3], a[2] ^ a[0], a[3] ^ a[1]],
        VecOp::Sha1Msg2 => {
            let w16 = (a[3] ^ b[2]).rotate_left(1);
            let (w17, w18) = ((a[2] ^ b[1]).rotate_left(1), (a[1] ^ b[0]).rotate_left(1));
            [(a[0] ^ w16).rotate_left(1), w18, w17, w16]
        }
        VecOp::Sha1Rounds => sha1_rounds(a, b, v.param & 3),
        VecOp::Sha256Msg1 => {
            let sigma = |x: u32| x.rotate_right(7) ^ x.rotate_right(18) ^ x >> 3;
            let next = [a[1], a[2], a[3], b[0]];
            core::array::from_fn(|n| a[n].wrapping_add(sigma(next[n])))
        }
        VecOp::Sha256Msg2 => {
            let sigma = |x: u32| x.rotate_right(17) ^ x.rotate_right(19) ^ x >> 10;
            let w16 = a[0].wrapping_add(sigma(b[2]));
            let w17 = a[1].wrapping_add(sigma(b[3]));
            let (w18, w19) = (a[2].wrapping_add(sigma(w16)), a[3].wrapping_add(sigma(w17)));
            [w16, w17, w18, w19]
        }
        VecOp::Sha256Rounds => sha256_rounds(a, b, c),
        _ => return None,
    }))
}

fn sha1_rounds([d, c, b, a]: Words, w: Words, which: u32) -> Words {
    let constant = [0x5a82_7999_u32, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6][which as usize];
    let f = |b: u32, c: u32, d: u32| match which {
        0 => b & c ^ !b & d,
        2 => b & c ^ b & d ^ c & d,
        _ => b ^ c ^ d,
    };
    // (The first word has e already.)
    let (mut a, mut b, mut c, mut d, mut e) = (a, b, c, d, 0_u32);
    for word in w.into_iter().rev() {
        let next = f(b, c, d)
            .wrapping_add(a.rotate_left(5))
            .wrapping_add(word)
            .wrapping_add(e)
            .wrapping_add(constant);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    [d, c, b, a]
}

fn sha256_rounds([h, g, d, c]: Words, [f, e, b, a]: Words, w: Words) -> Words {
    let (mut a, mut b, mut c, mut d) = (a, b, c, d);
    let (mut e, mut f, mut g, mut h) = (e, f, g, h);
    for word in [w[0], w[1]] {
        let sum1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let sum0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let t1 = (e & f ^ !e & g).wrapping_add(sum1).wrapping_add(word).wrapping_add(h);
        let t2 = (a & b ^ a & c ^ b & c).wrapping_add(sum0);
        (h, g, f, e) = (g, f, e, t1.wrapping_add(d));
        (d, c, b, a) = (c, b, a, t1.wrapping_add(t2));
    }
    [f, e, b, a]
}
