//! AES rounds.

use crate::Env;
use crate::vector::Args;
use ir::VecOp;

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, _env: &mut Env) -> Option<u128> {
    let keyed = v.a ^ v.b;
    Some(match v.op {
        VecOp::AesE => bytes(|i| SBOX[usize::from(byte(keyed, shift_row(i, 1)))]),
        VecOp::AesD => bytes(|i| INVERSE_SBOX[usize::from(byte(keyed, shift_row(i, 3)))]),
        VecOp::AesMc => mix(v.a, [2, 3, 1, 1]),
        VecOp::AesImc => mix(v.a, [14, 11, 13, 9]),
        VecOp::AesRound => round(v),
        VecOp::AesKeyGen => {
            let word = |n: u32| (v.a >> (32 * n)) as u32;
            let substituted =
                |n: u32| u32::from_le_bytes(word(n).to_le_bytes().map(|b| SBOX[usize::from(b)]));
            let rotated = |n: u32| substituted(n).rotate_right(8) ^ (v.param & 0xff);
            [rotated(3), substituted(3), rotated(1), substituted(1)]
                .into_iter()
                .fold(0, |all, word| all << 32 | u128::from(word))
        }
        _ => return None,
    })
}

fn round(v: &Args) -> u128 {
    let inverse = v.param & 2 != 0;
    let (table, direction, row) =
        if inverse { (&INVERSE_SBOX, 3, [14, 11, 13, 9]) } else { (&SBOX, 1, [2, 3, 1, 1]) };
    let state = bytes(|i| table[usize::from(byte(v.a, shift_row(i, direction)))]);
    (if v.param & 1 != 0 { state } else { mix(state, row) }) ^ v.b
}

fn byte(v: u128, i: usize) -> u8 {
    (v >> (8 * i)) as u8
}

fn bytes(f: impl Fn(usize) -> u8) -> u128 {
    (0..16).fold(0, |r, i| r | u128::from(f(i)) << (8 * i))
}

/// Where byte `i` comes from: row r moves by r columns (`direction` 1), or back (3).
const fn shift_row(i: usize, direction: usize) -> usize {
    let row = i % 4;
    (i + 4 * row * direction) % 16
}

fn mix(v: u128, row: [u8; 4]) -> u128 {
    bytes(|i| {
        let column = i & !3;
        (0..4).fold(0, |r, k| r ^ multiply(byte(v, column + k), row[(k + 4 - i % 4) % 4]))
    })
}

/// The product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
pub(crate) const fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut r = 0;
    while b != 0 {
        if b & 1 != 0 {
            r ^= a;
        }
        a = a << 1 ^ if a & 0x80 != 0 { 0x1b } else { 0 };
        b >>= 1;
    }
    r
}

const SBOX: [u8; 256] = sbox();
const INVERSE_SBOX: [u8; 256] = inverse();

const fn sbox() -> [u8; 256] {
    let mut table = [0x63; 256];
    // 3 generates the group: p runs through it, q through the inverses.
    let (mut p, mut q) = (1u8, 1u8);
    loop {
        p = multiply(p, 3);
        q = multiply(q, 0xf6);
        let x = q ^ q.rotate_left(1) ^ q.rotate_left(2) ^ q.rotate_left(3) ^ q.rotate_left(4);
        table[p as usize] = x ^ 0x63;
        if p == 1 {
            return table;
        }
    }
}

const fn inverse() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[SBOX[i] as usize] = i as u8;
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(op: VecOp, a: u128, b: u128) -> u128 {
        let v = Args { op, bits: 8, total: 128, param: 0, a, b, c: 0 };
        eval(&v, &mut Env::default()).unwrap()
    }

    /// FIPS-197, appendix B: the first rounds' states and keys.
    #[test]
    fn rounds_of_fips_197() {
        let le = |v: u128| v.swap_bytes();
        let input = le(0x3243_f6a8_885a_308d_3131_98a2_e037_0734);
        let key0 = le(0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c);
        let key1 = le(0xa0fa_fe17_8854_2cb1_23a3_3939_2a6c_7605);
        let shifted = run(VecOp::AesE, input, key0);
        assert_eq!(shifted, le(0xd4bf_5d30_e0b4_52ae_b841_11f1_1e27_98e5));
        let mixed = run(VecOp::AesMc, shifted, 0);
        assert_eq!(mixed, le(0x0466_81e5_e0cb_199a_48f8_d37a_2806_264c));
        assert_eq!(mixed ^ key1, le(0xa49c_7ff2_689f_352b_6b5b_ea43_026a_5049));
        assert_eq!(run(VecOp::AesImc, mixed, 0), shifted);
        assert_eq!(run(VecOp::AesD, shifted, 0), input ^ key0);
    }
}
