//! SM3 and SM4.

use crate::Env;
use crate::lanes::{join_words as join, split_words as split};
use crate::vector::Args;
use ir::VecOp;

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, _env: &mut Env) -> Option<u128> {
    let (n, m, d) = (split(v.a), split(v.b), split(v.c));
    let choice = |x: u32, y: u32, z: u32| (x & y) | (!x & z);
    let majority = |x: u32, y: u32, z: u32| (x & y) | (x & z) | (y & z);
    let index = (v.param & 3) as usize;
    Some(join(match v.op {
        VecOp::Sm3PartW1 => {
            let mut r = [0; 4];
            for i in 0..4 {
                let last = if i == 3 { r[0] } else { m[i + 1] };
                r[i] = p1(d[i] ^ n[i] ^ last.rotate_left(15));
            }
            r
        }
        VecOp::Sm3PartW2 => {
            let t = [0, 1, 2, 3].map(|i| n[i] ^ m[i].rotate_left(7));
            let mut r = [0, 1, 2, 3].map(|i| d[i] ^ t[i]);
            r[3] ^= p1(t[0].rotate_left(15));
            r
        }
        VecOp::Sm3Ss1 => {
            let sum = n[3].rotate_left(12).wrapping_add(m[3]).wrapping_add(d[3]);
            [0, 0, 0, sum.rotate_left(7)]
        }
        VecOp::Sm3Tt1a | VecOp::Sm3Tt1b => {
            let f = match v.op {
                VecOp::Sm3Tt1a => d[3] ^ d[2] ^ d[1],
                _ => majority(d[3], d[2], d[1]),
            };
            let ss2 = n[3] ^ d[3].rotate_left(12);
            let t = f.wrapping_add(d[0]).wrapping_add(ss2).wrapping_add(m[index]);
            [d[1], d[2].rotate_left(9), d[3], t]
        }
        VecOp::Sm3Tt2a | VecOp::Sm3Tt2b => {
            let f = match v.op {
                VecOp::Sm3Tt2a => d[3] ^ d[2] ^ d[1],
                _ => choice(d[3], d[2], d[1]),
            };
            let t = f.wrapping_add(d[0]).wrapping_add(n[3]).wrapping_add(m[index]);
            [d[1], d[2].rotate_left(19), d[3], t ^ t.rotate_left(9) ^ t.rotate_left(17)]
        }
        VecOp::Sm4E => sm4(d, n, [2, 10, 18, 24]),
        VecOp::Sm4EKey => sm4(n, m, [13, 23, 0, 0]),
        _ => return None,
    }))
}

const fn p1(x: u32) -> u32 {
    x ^ x.rotate_left(15) ^ x.rotate_left(23)
}

/// Four rounds; rotations by 0 cancel each other.
fn sm4(mut x: [u32; 4], keys: [u32; 4], rotations: [u32; 4]) -> [u32; 4] {
    for key in keys {
        let t = (x[3] ^ x[2] ^ x[1] ^ key).to_le_bytes().map(|b| SBOX[usize::from(b)]);
        let t = u32::from_le_bytes(t);
        let linear = rotations.iter().fold(t, |r, &n| r ^ t.rotate_left(n));
        x = [x[1], x[2], x[3], x[0] ^ linear];
    }
    x
}

#[rustfmt::skip]
const SBOX: [u8; 256] = [
    0xd6, 0x90, 0xe9, 0xfe, 0xcc, 0xe1, 0x3d, 0xb7, 0x16, 0xb6, 0x14, 0xc2, 0x28, 0xfb, 0x2c, 0x05,
    0x2b, 0x67, 0x9a, 0x76, 0x2a, 0xbe, 0x04, 0xc3, 0xaa, 0x44, 0x13, 0x26, 0x49, 0x86, 0x06, 0x99,
    0x9c, 0x42, 0x50, 0xf4, 0x91, 0xef, 0x98, 0x7a, 0x33, 0x54, 0x0b, 0x43, 0xed, 0xcf, 0xac, 0x62,
    0xe4, 0xb3, 0x1c, 0xa9, 0xc9, 0x08, 0xe8, 0x95, 0x80, 0xdf, 0x94, 0xfa, 0x75, 0x8f, 0x3f, 0xa6,
    0x47, 0x07, 0xa7, 0xfc, 0xf3, 0x73, 0x17, 0xba, 0x83, 0x59, 0x3c, 0x19, 0xe6, 0x85, 0x4f, 0xa8,
    0x68, 0x6b, 0x81, 0xb2, 0x71, 0x64, 0xda, 0x8b, 0xf8, 0xeb, 0x0f, 0x4b, 0x70, 0x56, 0x9d, 0x35,
    0x1e, 0x24, 0x0e, 0x5e, 0x63, 0x58, 0xd1, 0xa2, 0x25, 0x22, 0x7c, 0x3b, 0x01, 0x21, 0x78, 0x87,
    0xd4, 0x00, 0x46, 0x57, 0x9f, 0xd3, 0x27, 0x52, 0x4c, 0x36, 0x02, 0xe7, 0xa0, 0xc4, 0xc8, 0x9e,
    0xea, 0xbf, 0x8a, 0xd2, 0x40, 0xc7, 0x38, 0xb5, 0xa3, 0xf7, 0xf2, 0xce, 0xf9, 0x61, 0x15, 0xa1,
    0xe0, 0xae, 0x5d, 0xa4, 0x9b, 0x34, 0x1a, 0x55, 0xad, 0x93, 0x32, 0x30, 0xf5, 0x8c, 0xb1, 0xe3,
    0x1d, 0xf6, 0xe2, 0x2e, 0x82, 0x66, 0xca, 0x60, 0xc0, 0x29, 0x23, 0xab, 0x0d, 0x53, 0x4e, 0x6f,
    0xd5, 0xdb, 0x37, 0x45, 0xde, 0xfd, 0x8e, 0x2f, 0x03, 0xff, 0x6a, 0x72, 0x6d, 0x6c, 0x5b, 0x51,
    0x8d, 0x1b, 0xaf, 0x92, 0xbb, 0xdd, 0xbc, 0x7f, 0x11, 0xd9, 0x5c, 0x41, 0x1f, 0x10, 0x5a, 0xd8,
    0x0a, 0xc1, 0x31, 0x88, 0xa5, 0xcd, 0x7b, 0xbd, 0x2d, 0x74, 0xd0, 0x12, 0xb8, 0xe5, 0xb4, 0xb0,
    0x89, 0x69, 0x97, 0x4a, 0x0c, 0x96, 0x77, 0x7e, 0x65, 0xb9, 0xf1, 0x09, 0xc5, 0x6e, 0xc6, 0x84,
    0x18, 0xf0, 0x7d, 0xec, 0x3a, 0xdc, 0x4d, 0x20, 0x79, 0xee, 0x5f, 0x3e, 0xd7, 0xcb, 0x39, 0x48,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn run(op: VecOp, c: u128, a: u128, b: u128, param: u32) -> u128 {
        let v = Args { op, bits: 32, total: 128, param, a, b, c };
        eval(&v, &mut Env::default()).unwrap()
    }

    /// GB/T 32907, example 1.
    #[test]
    fn sm4_example() {
        let text = join([0x0123_4567, 0x89ab_cdef, 0xfedc_ba98, 0x7654_3210]);
        let fk = join([0xa3b1_bac6, 0x56aa_3350, 0x677d_9197, 0xb270_22dc]);
        let ck = |i: u32| (0..4).fold(0, |r, j| r << 8 | (4 * i + j) * 7 % 256);
        let (mut key, mut x) = (text ^ fk, text);
        for i in 0..8 {
            let constants = join([0, 1, 2, 3].map(|j| ck(4 * i + j)));
            key = run(VecOp::Sm4EKey, 0, key, constants, 0);
            x = run(VecOp::Sm4E, x, key, 0, 0);
        }
        assert_eq!(split(x), [0x536e_4246, 0x86b3_e94f, 0xd206_965e, 0x681e_df34]);
    }

    /// GB/T 32905, example 1: "abc".
    #[test]
    fn sm3_of_abc() {
        let iv = [
            0x7380_166f,
            0x4914_b2b9,
            0x1724_42d7,
            0xda8a_0600,
            0xa96f_30bc,
            0x1631_38aa,
            0xe38d_ee4d,
            0xb0fb_0e4eu32,
        ];
        let mut words = vec![0u32; 16];
        words[0] = 0x6162_6380;
        words[15] = 24;
        let take = |w: &[u32], i: usize| join([w[i], w[i + 1], w[i + 2], w[i + 3]]);
        while words.len() < 68 {
            let i = words.len();
            // W[j-16..], W[j-9..], W[j-3..], W[j-13..], W[j-6..]
            let mut last = [words[i - 3], words[i - 2], words[i - 1], 0];
            last.rotate_right(1);
            let t = run(VecOp::Sm3PartW1, take(&words, i - 16), take(&words, i - 9), join(last), 0);
            let r = run(VecOp::Sm3PartW2, t, take(&words, i - 6), take(&words, i - 13), 0);
            words.extend(split(r));
        }
        let reversed = |w: &[u32]| join([w[3], w[2], w[1], w[0]]);
        let (mut abcd, mut efgh) = (reversed(&iv[..4]), reversed(&iv[4..]));
        for j in 0..64 {
            let k = if j < 16 { 0x79cc_4519u32 } else { 0x7a87_9d8a };
            let k = k.rotate_left(j as u32 % 32);
            let top = |x: u32| u128::from(x) << 96;
            let ss1 = run(VecOp::Sm3Ss1, top(k), abcd, efgh, 0);
            let w: u128 = words[j].into();
            let w1: u128 = (words[j] ^ words[j + 4]).into();
            let (tt1, tt2) = if j < 16 {
                (VecOp::Sm3Tt1a, VecOp::Sm3Tt2a)
            } else {
                (VecOp::Sm3Tt1b, VecOp::Sm3Tt2b)
            };
            abcd = run(tt1, abcd, ss1, w1, 0);
            efgh = run(tt2, efgh, ss1, w, 0);
        }
        assert_eq!(split(abcd)[3] ^ iv[0], 0x66c7_f0f4);
        assert_eq!(split(efgh)[0] ^ iv[7], 0x8f4b_a8e0);
    }
}
