//! Saturation and its cumulative bit.

use crate::Env;

/// `v` as a signed integer of `bits` (up to 64), saturated.
pub(crate) fn signed(v: i128, bits: u32, env: &mut Env) -> u64 {
    let max = (1i128 << (bits - 1)) - 1;
    clamp(v, -max - 1, max, env)
}

/// `v` as an unsigned integer of `bits` (up to 64), saturated.
pub(crate) fn unsigned(v: i128, bits: u32, env: &mut Env) -> u64 {
    clamp(v, 0, (1i128 << bits) - 1, env)
}

fn clamp(v: i128, min: i128, max: i128, env: &mut Env) -> u64 {
    let r = v.clamp(min, max);
    if r != v {
        env.status |= u64::from(softfloat::QC);
    }
    r as u64
}
