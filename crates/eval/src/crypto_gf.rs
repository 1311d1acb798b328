//! Bytes as polynomials over bits (GFNI).

use crate::Env;
use crate::crypto_aes::multiply;
use crate::vector::Args;
use ir::VecOp;

/// Computes an operation of this topic.
pub(crate) fn eval(v: &Args, _env: &mut Env) -> Option<u128> {
    let (a, b) = (v.a.to_le_bytes(), v.b.to_le_bytes());
    let bytes = match v.op {
        VecOp::GfMul => core::array::from_fn(|i| multiply(a[i], b[i])),
        VecOp::GfAffine => core::array::from_fn(|i| {
            let byte = if v.param & 0x100 != 0 { inverse(a[i]) } else { a[i] };
            // Row n of the matrix is byte 7 - n.
            let row = |n: usize| b[(i & 8) + 7 - n] & byte;
            let bit = |n: usize| ((row(n).count_ones() & 1) as u8) << n;
            (0..8).fold(0, |all, n| all | bit(n)) ^ v.param as u8
        }),
        _ => return None,
    };
    Some(u128::from_le_bytes(bytes))
}

/// x^254, which is 1 / x, or 0.
fn inverse(x: u8) -> u8 {
    let square = |x| multiply(x, x);
    let (mut power, mut product) = (square(x), 1);
    for _ in 0..7 {
        product = multiply(product, power);
        power = square(power);
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverses() {
        assert_eq!(inverse(0), 0);
        assert!((1..=255).all(|x| multiply(x, inverse(x)) == 1));
    }
}
