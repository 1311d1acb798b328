//! The bfloat16 dot product's arithmetic: rounding to odd, no denormals, no status, default NaNs.

use crate::{Format, Fp, FpControl, Round, rules};

const F: Format = Format::F32;
/// Denormals are zeros on both sides, NaNs are the default one.
const CONTROL: FpControl = FpControl {
    flush_operands: true,
    flush_results: true,
    default_nan: true,
    ..FpControl::new(rules::ARM)
};

/// BFMul of two bfloat16 numbers: a single-precision product.
fn mul(a: u16, b: u16) -> u64 {
    if let Some(product) = normal_product(a, b) {
        return product;
    }
    any_product(a, b)
}

fn any_product(a: u16, b: u16) -> u64 {
    let mut fp = Fp::new(CONTROL);
    let (a, b) = (fp.unpack(F, u64::from(a) << 16), fp.unpack(F, u64::from(b) << 16));
    let sign = a.sign ^ b.sign;
    if a.is_nan() || b.is_nan() || a.is_inf() && b.is_zero() || a.is_zero() && b.is_inf() {
        F.default_nan(false)
    } else if a.is_inf() || b.is_inf() {
        F.infinity(sign)
    } else if a.is_zero() || b.is_zero() {
        F.zero(sign)
    } else {
        odd(&mut fp, sign, a.exp + b.exp, u128::from(a.sig) * u128::from(b.sig))
    }
}

/// BFRound: overflow gives infinity.
fn odd(fp: &mut Fp, sign: bool, exp: i32, sig: u128) -> u64 {
    let r = fp.round(F, sign, exp, sig, Round::Odd);
    if fp.status & crate::OFC != 0 { F.infinity(sign) } else { r }
}

/// BFAdd of two single-precision numbers.
fn add(a: u64, b: u64) -> u64 {
    if let Some(sum) = normal_sum(a, b) {
        return sum;
    }
    any_sum(a, b)
}

fn any_sum(a: u64, b: u64) -> u64 {
    let mut fp = Fp::new(CONTROL);
    let r = fp.add_mode(F, a, b, Round::Odd);
    if fp.status & crate::OFC != 0 { F.infinity(r & F.sign_bit() != 0) } else { r }
}

/// What most products are: of normal numbers, normal, exact.
fn normal_product(a: u16, b: u16) -> Option<u64> {
    let field = |x: u16| u32::from(x >> 7 & 0xff);
    let sig = |x: u16| u32::from(x & 0x7f | 0x80);
    if !is_normal(field(a)) || !is_normal(field(b)) {
        return None;
    }
    // From 2^14 on, below 2^16.
    let product = sig(a) * sig(b);
    let carry = product >> 15;
    let exp = (field(a) + field(b) + carry).checked_sub(127).filter(|&exp| is_normal(exp))?;
    let sign = u32::from((a ^ b) & 0x8000) << 16;
    Some((sign | exp << 23 | product << (9 - carry) & 0x007f_ffff).into())
}

/// What most sums are: of normal numbers, normal, rounded to odd.
fn normal_sum(a: u64, b: u64) -> Option<u64> {
    const SIGN: u64 = 1 << 31;
    /// Bits behind the significand, the last of them sticky.
    const GUARD: u32 = 32;
    let (large, small) = if a & !SIGN >= b & !SIGN { (a, b) } else { (b, a) };
    let field = |x: u64| (x >> 23 & 0xff) as u32;
    let sig = |x: u64| (x & 0x007f_ffff | 0x0080_0000) << GUARD;
    if !is_normal(field(large)) || !is_normal(field(small)) {
        return None;
    }
    let (distance, rest) = (field(large) - field(small), sig(small));
    let rest = if distance > 60 {
        1
    } else {
        rest >> distance | u64::from(rest & ((1 << distance) - 1) != 0)
    };
    let sum = if (a ^ b) & SIGN == 0 { sig(large) + rest } else { sig(large) - rest };
    // (Without guard bits that cancel: at least one of the significand's is left.)
    let top = sum.checked_ilog2()?;
    let exp = (field(large) + top).checked_sub(23 + GUARD).filter(|&exp| is_normal(exp))?;
    let dropped = top - 23;
    let odd = u64::from(sum & ((1 << dropped) - 1) != 0);
    Some(large & SIGN | u64::from(exp) << 23 | (sum >> dropped & 0x007f_ffff) | odd)
}

/// Whether an exponent field is that of a normal number.
const fn is_normal(field: u32) -> bool {
    field != 0 && field < 0xff
}

/// BFDotAdd: `addend + (a0·b0 + a1·b1)`; pairs of bfloat16 in 32 bits.
pub fn bf_dot_add(addend: u32, a: u32, b: u32) -> u32 {
    let sum = add(mul(a as u16, b as u16), mul((a >> 16) as u16, (b >> 16) as u16));
    add(addend.into(), sum) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_ways_are_the_general_ones() {
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed >> 32
        };
        let (mut products, mut sums) = (0, 0);
        for n in 0..200_000 {
            let (mut a, mut b) = (next(), next());
            if n % 2 == 0 {
                // Exponents that are near each other, and few bits.
                a = a & 0x83ff_c003 | 0x3c00_0000;
                b = b & 0x83ff_c003 | 0x3c00_0000;
            }
            let (x, y) = ((a >> 16) as u16, (b >> 16) as u16);
            if let Some(product) = normal_product(x, y) {
                assert_eq!(product, any_product(x, y), "{x:x} {y:x}");
                products += 1;
            }
            if let Some(sum) = normal_sum(a, b) {
                assert_eq!(sum, any_sum(a, b), "{a:x} {b:x}");
                sums += 1;
            }
        }
        assert!(products > 100_000 && sums > 100_000, "{products} {sums}");
    }
}
