//! SHA-1, SHA-256, SHA-512 and SHA-3.

use crate::Env;
use crate::lanes::{join_words as join, split_words as split};
use crate::vector::Args;
use ir::VecOp;

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, _env: &mut Env) -> Option<u128> {
    let (a, b, c) = (v.a, v.b, v.c);
    Some(match v.op {
        VecOp::Sha1C => sha1(v, |x, y, z| (y ^ z) & x ^ z),
        VecOp::Sha1P => sha1(v, |x, y, z| x ^ y ^ z),
        VecOp::Sha1M => sha1(v, majority),
        VecOp::Sha1H => (a as u32).rotate_left(30).into(),
        VecOp::Sha1Su0 => (a << 64 | c >> 64) ^ c ^ b,
        VecOp::Sha1Su1 => {
            let t = split(c ^ a >> 32);
            let mut r = t.map(|x| x.rotate_left(1));
            r[3] ^= t[0].rotate_left(2);
            join(r)
        }
        VecOp::Sha256H => join(sha256(c, a, b).0),
        VecOp::Sha256H2 => join(sha256(a, c, b).1),
        VecOp::Sha256Su0 => {
            let (w, t) = (split(c), split(a << 96 | c >> 32));
            join([0, 1, 2, 3].map(|i| {
                let s = t[i].rotate_right(7) ^ t[i].rotate_right(18) ^ t[i] >> 3;
                w[i].wrapping_add(s)
            }))
        }
        VecOp::Sha256Su1 => {
            let (w, t, mut last) = (split(c), split(b << 96 | a >> 32), split(b >> 64));
            let mut r = [0; 4];
            for i in 0..4 {
                let x = last[i % 2];
                let s = x.rotate_right(17) ^ x.rotate_right(19) ^ x >> 10;
                r[i] = s.wrapping_add(w[i]).wrapping_add(t[i]);
                if i == 1 {
                    last = r;
                }
            }
            join(r)
        }
        VecOp::Sha512H => sha512h(a, b, c),
        VecOp::Sha512H2 => sha512h2(a, b, c),
        VecOp::Sha512Su0 => {
            let s = |x: u64| x.rotate_right(1) ^ x.rotate_right(8) ^ x >> 7;
            pair(low(c).wrapping_add(s(high(c))), high(c).wrapping_add(s(low(a))))
        }
        VecOp::Sha512Su1 => {
            let s = |x: u64| x.rotate_right(19) ^ x.rotate_right(61) ^ x >> 6;
            let f = |w: u64, x, y| w.wrapping_add(s(x)).wrapping_add(y);
            pair(f(low(c), low(a), low(b)), f(high(c), high(a), high(b)))
        }
        VecOp::Rax1 => pair(low(a) ^ low(b).rotate_left(1), high(a) ^ high(b).rotate_left(1)),
        _ => return None,
    })
}

const fn low(v: u128) -> u64 {
    v as u64
}
const fn high(v: u128) -> u64 {
    (v >> 64) as u64
}
const fn pair(low: u64, high: u64) -> u128 {
    low as u128 | (high as u128) << 64
}
const fn majority(x: u32, y: u32, z: u32) -> u32 {
    (x & y) | ((x | y) & z)
}

/// Four rounds of SHA-1 with one of its functions.
fn sha1(v: &Args, f: fn(u32, u32, u32) -> u32) -> u128 {
    let (mut x, mut e, w) = (split(v.c), v.a as u32, split(v.b));
    for w in w {
        let t = f(x[1], x[2], x[3]);
        let y = e.wrapping_add(x[0].rotate_left(5)).wrapping_add(t).wrapping_add(w);
        e = x[3];
        x = [y, x[0], x[1].rotate_left(30), x[2]];
    }
    join(x)
}

/// SHA256hash: four rounds; `x` is abcd, `y` is efgh.
fn sha256(x: u128, y: u128, w: u128) -> ([u32; 4], [u32; 4]) {
    let (mut x, mut y) = (split(x), split(y));
    for w in split(w) {
        let choice = (y[1] ^ y[2]) & y[0] ^ y[2];
        let s1 = y[0].rotate_right(6) ^ y[0].rotate_right(11) ^ y[0].rotate_right(25);
        let s0 = x[0].rotate_right(2) ^ x[0].rotate_right(13) ^ x[0].rotate_right(22);
        let t = y[3].wrapping_add(s1).wrapping_add(choice).wrapping_add(w);
        let (d, a) =
            (x[3].wrapping_add(t), t.wrapping_add(s0).wrapping_add(majority(x[0], x[1], x[2])));
        y = [d, y[0], y[1], y[2]];
        x = [a, x[0], x[1], x[2]];
    }
    (x, y)
}

fn sha512h(x: u128, y: u128, w: u128) -> u128 {
    let sigma = |v: u64| v.rotate_right(14) ^ v.rotate_right(18) ^ v.rotate_right(41);
    let h = (high(y) & low(x)) ^ (!high(y) & high(x));
    let h = h.wrapping_add(sigma(high(y))).wrapping_add(high(w));
    let t = h.wrapping_add(low(y));
    let l = (t & high(y)) ^ (!t & low(x));
    pair(l.wrapping_add(sigma(t)).wrapping_add(low(w)), h)
}

fn sha512h2(x: u128, y: u128, w: u128) -> u128 {
    let sigma = |v: u64| v.rotate_right(28) ^ v.rotate_right(34) ^ v.rotate_right(39);
    let h = (low(x) & high(y)) ^ (low(x) & low(y)) ^ (high(y) & low(y));
    let h = h.wrapping_add(sigma(low(y))).wrapping_add(high(w));
    let l = (h & low(y)) ^ (h & high(y)) ^ (high(y) & low(y));
    pair(l.wrapping_add(sigma(h)).wrapping_add(low(w)), h)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(op: VecOp, c: u128, a: u128, b: u128) -> u128 {
        let v = Args { op, bits: 32, total: 128, param: 0, a, b, c };
        eval(&v, &mut Env::default()).unwrap()
    }

    /// The padded message "abc" as 16 words.
    fn abc() -> [u128; 4] {
        [0x6162_6380, 0, 0, 24u128 << 96]
    }

    #[test]
    fn sha1_of_abc() {
        let start = join([0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476]);
        let e0 = 0xc3d2_e1f0u32;
        let (mut hash, mut e, mut w) = (start, u128::from(e0), abc().to_vec());
        for i in 0..20 {
            if i >= 4 {
                let t = run(VecOp::Sha1Su0, w[i - 4], w[i - 3], w[i - 2]);
                w.push(run(VecOp::Sha1Su1, t, w[i - 1], 0));
            }
            let (op, k) = [
                (VecOp::Sha1C, 0x5a82_7999u32),
                (VecOp::Sha1P, 0x6ed9_eba1),
                (VecOp::Sha1M, 0x8f1b_bcdc),
                (VecOp::Sha1P, 0xca62_c1d6),
            ][i / 5];
            let wk = join(split(w[i]).map(|x| x.wrapping_add(k)));
            let next = run(VecOp::Sha1H, 0, hash, 0);
            hash = run(op, hash, e, wk);
            e = next;
        }
        let add = |i: usize| split(hash)[i].wrapping_add(split(start)[i]);
        let digest = [add(0), add(1), add(2), add(3), e0.wrapping_add(e as u32)];
        assert_eq!(digest, [0xa999_3e36, 0x4706_816a, 0xba3e_2571, 0x7850_c26c, 0x9cd0_d89d]);
    }

    /// Fractional parts of roots of the first primes: SHA-2's constants.
    fn root_fraction(prime: u64, cube: bool, bits: u32) -> u64 {
        // The largest r with r^k <= prime * 2^(k*bits), by bits, in 256-bit-free steps.
        let mut r = 0u128;
        for bit in (0..bits + 5).rev() {
            let t = r | 1 << bit;
            if power_at_most(t, if cube { 3 } else { 2 }, prime, bits) {
                r = t;
            }
        }
        (r & ((1 << bits) - 1)) as u64
    }

    /// Whether `t^k <= prime << (k * bits)`, in 32-bit limbs.
    fn power_at_most(t: u128, k: u32, prime: u64, bits: u32) -> bool {
        let mut product = vec![1u64];
        for _ in 0..k {
            let mut next = vec![0u64; product.len() + 4];
            for (i, &p) in product.iter().enumerate() {
                let mut carry = 0u64;
                for j in 0..4 {
                    let limb = (t >> (32 * j)) as u32;
                    let s = next[i + j] + p * u64::from(limb) + carry;
                    next[i + j] = s & 0xffff_ffff;
                    carry = s >> 32;
                }
                let mut j = i + 4;
                while carry != 0 && j < next.len() {
                    let s = next[j] + carry;
                    next[j] = s & 0xffff_ffff;
                    carry = s >> 32;
                    j += 1;
                }
            }
            product = next;
        }
        let mut limit = vec![0u64; product.len().max(8)];
        let shift = k * bits;
        let wide = u128::from(prime) << (shift % 32);
        for j in 0..3 {
            limit[(shift / 32) as usize + j] = (wide >> (32 * j)) as u64 & 0xffff_ffff;
        }
        product.resize(limit.len(), 0);
        product.iter().rev().cmp(limit.iter().rev()) != core::cmp::Ordering::Greater
    }

    fn primes() -> impl Iterator<Item = u64> {
        (2..).filter(|&n: &u64| (2..n).all(|d| !n.is_multiple_of(d)))
    }

    #[test]
    fn sha256_of_abc() {
        let h: Vec<u32> = primes().take(8).map(|p| root_fraction(p, false, 32) as u32).collect();
        let k: Vec<u32> = primes().take(64).map(|p| root_fraction(p, true, 32) as u32).collect();
        assert_eq!((h[0], k[0]), (0x6a09_e667, 0x428a_2f98));
        let start = [join([h[0], h[1], h[2], h[3]]), join([h[4], h[5], h[6], h[7]])];
        let ([mut x, mut y], mut w) = (start, abc().to_vec());
        for i in 0..16 {
            if i >= 4 {
                let t = run(VecOp::Sha256Su0, w[i - 4], w[i - 3], 0);
                w.push(run(VecOp::Sha256Su1, t, w[i - 2], w[i - 1]));
            }
            let mut wk = split(w[i]);
            for (j, w) in wk.iter_mut().enumerate() {
                *w = w.wrapping_add(k[4 * i + j]);
            }
            let next = run(VecOp::Sha256H, x, y, join(wk));
            y = run(VecOp::Sha256H2, y, x, join(wk));
            x = next;
        }
        let sum = |v, s, i: usize| split(v)[i].wrapping_add(split(s)[i]);
        assert_eq!(sum(x, start[0], 0), 0xba78_16bf);
        assert_eq!(sum(x, start[0], 3), 0x5dae_2223);
        assert_eq!(sum(y, start[1], 3), 0xf200_15ad);
    }

    #[test]
    fn sha512_of_abc() {
        let h: Vec<u64> = primes().take(8).map(|p| root_fraction(p, false, 64)).collect();
        let k: Vec<u64> = primes().take(80).map(|p| root_fraction(p, true, 64)).collect();
        assert_eq!((h[0], k[79]), (0x6a09_e667_f3bc_c908, 0x6c44_198c_4a47_5817));
        let mut s: Vec<u128> = h.chunks(2).map(|p| pair(p[0], p[1])).collect();
        let mut w: Vec<u128> = vec![0; 8];
        w[0] = 0x6162_6380_0000_0000;
        w[7] = 24 << 64;
        for i in 0..40 {
            if i >= 8 {
                let t = run(VecOp::Sha512Su0, w[i - 8], w[i - 7], 0);
                let middle = w[i - 4] >> 64 | w[i - 3] << 64;
                w.push(run(VecOp::Sha512Su1, t, w[i - 1], middle));
            }
            let swap = |v: u128| v.rotate_left(64);
            let wk = pair(low(w[i]).wrapping_add(k[2 * i]), high(w[i]).wrapping_add(k[2 * i + 1]));
            let (ab, cd, ef, gh) = (s[0], s[1], s[2], s[3]);
            // As compilers use it: gh + swapped wk, fg and de in the middle.
            let t = swap(wk);
            let t = pair(low(gh).wrapping_add(low(t)), high(gh).wrapping_add(high(t)));
            let fg = high(ef) as u128 | (low(gh) as u128) << 64;
            let de = high(cd) as u128 | (low(ef) as u128) << 64;
            let t = run(VecOp::Sha512H, t, fg, de);
            let new_ef = pair(low(cd).wrapping_add(low(t)), high(cd).wrapping_add(high(t)));
            let new_ab = run(VecOp::Sha512H2, t, cd, ab);
            s = vec![new_ab, ab, new_ef, ef];
        }
        let a = low(s[0]).wrapping_add(h[0]);
        assert_eq!(a, 0xddaf_35a1_9361_7aba);
        assert_eq!(high(s[3]).wrapping_add(h[7]), 0x2a9a_c94f_a54c_a49f);
    }

    #[test]
    fn rax() {
        assert_eq!(run(VecOp::Rax1, 0, 1, 1 << 63 | 1 << 64), 2 << 64);
    }
}
