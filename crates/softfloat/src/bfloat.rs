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
    let mut fp = Fp::new(CONTROL);
    let r = fp.add_mode(F, a, b, Round::Odd);
    if fp.status & crate::OFC != 0 { F.infinity(r & F.sign_bit() != 0) } else { r }
}

/// BFDotAdd: `addend + (a0·b0 + a1·b1)`; pairs of bfloat16 in 32 bits.
pub fn bf_dot_add(addend: u32, a: u32, b: u32) -> u32 {
    let sum = add(mul(a as u16, b as u16), mul((a >> 16) as u16, (b >> 16) as u16));
    add(addend.into(), sum) as u32
}
