//! The reciprocal estimates.

use crate::FpControl;
use crate::format::Class;
use crate::round::overflows_to_infinity;
use crate::{DZC, Format, Fp, IXC, OFC, UFC};

/// RecipEstimate: 256..=511 to 256..=511.
fn recip(a: u32) -> u32 {
    ((1 << 19) / (2 * a + 1)).div_ceil(2)
}

/// RecipSqrtEstimate: 128..=511 to 256..=511.
fn rsqrt(a: u32) -> u32 {
    const TABLE: [u16; 512] = {
        let (mut table, mut a) = ([0; 512], 128);
        while a < 512 {
            table[a] = rsqrt_of(a as u32) as u16;
            a += 1;
        }
        table
    };
    TABLE[a as usize].into()
}

const fn rsqrt_of(a: u32) -> u32 {
    let a = if a < 256 { 2 * a + 1 } else { ((a >> 1 << 1) + 1) * 2 };
    let mut b = 512;
    while a * (b + 1) * (b + 1) < 1 << 28 {
        b += 1;
    }
    b.div_ceil(2)
}

/// The exponent field and the fraction as 52 bits.
const fn fields(f: Format, raw: u64) -> (i32, u64) {
    let frac = (raw & ((1 << f.frac) - 1)) << (52 - f.frac);
    ((raw >> f.frac & f.max_field()) as i32, frac)
}

const FRACTION: u64 = (1 << 52) - 1;

impl Fp {
    /// FPRecipEstimate.
    pub fn recip_estimate(&mut self, f: Format, a: u64) -> u64 {
        let u = self.unpack(f, a);
        match u.class {
            Class::Quiet | Class::Signalling => return self.nan(f, &u),
            Class::Infinity => return f.zero(u.sign),
            Class::Zero => {
                self.raise(DZC);
                return f.infinity(u.sign);
            }
            Class::Finite => {}
        }
        let (mut exp, mut frac) = fields(f, u.raw);
        if exp == 0 && frac >> 50 == 0 {
            // Below 2^(min_exp - 2): the reciprocal overflows.
            self.raise(OFC | IXC);
            let mode = self.mode();
            return if overflows_to_infinity(mode, u.sign) {
                f.infinity(u.sign)
            } else {
                f.max_normal(u.sign)
            };
        }
        let bias = (1i32 << (f.exp - 1)) - 1;
        if self.flushes_results(f) && exp >= 2 * bias - 1 {
            self.raise(UFC);
            return f.zero(u.sign);
        }
        if exp == 0 {
            if frac >> 51 == 0 {
                exp = -1;
                frac = frac << 2 & FRACTION;
            } else {
                frac = frac << 1 & FRACTION;
            }
        }
        let estimate = recip(256 | (frac >> 44) as u32);
        let mut result_exp = 2 * bias - 1 - exp;
        let mut result = u64::from(estimate & 255) << 44;
        if result_exp == 0 {
            result = 1 << 51 | result >> 1;
        } else if result_exp == -1 {
            result = 1 << 50 | result >> 2;
            result_exp = 0;
        }
        f.pack(u.sign, result_exp as u64, result >> (52 - f.frac))
    }

    /// FPRSqrtEstimate.
    pub fn rsqrt_estimate(&mut self, f: Format, a: u64) -> u64 {
        let u = self.unpack(f, a);
        match u.class {
            Class::Quiet | Class::Signalling => return self.nan(f, &u),
            Class::Zero => {
                self.raise(DZC);
                return f.infinity(u.sign);
            }
            _ if u.sign => return self.invalid(f),
            Class::Infinity => return f.zero(false),
            Class::Finite => {}
        }
        let (mut exp, mut frac) = fields(f, u.raw);
        if exp == 0 {
            while frac >> 51 == 0 {
                frac <<= 1;
                exp -= 1;
            }
            frac = frac << 1 & FRACTION;
        }
        let scaled =
            if exp & 1 == 0 { 256 | (frac >> 44) as u32 } else { 128 | (frac >> 45) as u32 };
        let bias = (1i32 << (f.exp - 1)) - 1;
        let result_exp = (3 * bias - 1 - exp) / 2;
        let estimate = u64::from(rsqrt(scaled) & 255);
        f.pack(false, result_exp as u64, estimate << 44 >> (52 - f.frac))
    }

    /// FPRecpX.
    pub fn recip_exponent(&mut self, f: Format, a: u64) -> u64 {
        let u = self.unpack(f, a);
        if u.is_nan() {
            return self.nan(f, &u);
        }
        let (exp, _) = fields(f, u.raw);
        let exp = if exp == 0 { f.max_field() - 1 } else { !(exp as u64) & f.max_field() };
        f.pack(u.sign, exp, 0)
    }
}

/// UnsignedRecipEstimate (URECPE).
pub fn unsigned_recip(a: u32) -> u32 {
    if a >> 31 == 0 { u32::MAX } else { recip(a >> 23) << 23 }
}

/// UnsignedRSqrtEstimate (URSQRTE).
pub fn unsigned_rsqrt(a: u32) -> u32 {
    if a >> 30 == 0 { u32::MAX } else { rsqrt(a >> 23) << 23 }
}
/// Bits of the fraction of the estimates of 12 bits.
const FRACTION_12: u32 = 11;

impl Fp {
    /// 1 / a to 12 bits, without status; denormals count as zero. (RCPPS; how it is rounded differs from
    /// processor to processor.)
    pub fn recip_12(&self, f: Format, a: u64) -> u64 {
        self.estimate_12(f, a, |fp, a| fp.div(f, f.one(), a))
    }
    /// 1 / sqrt(a), likewise (RSQRTPS).
    pub fn rsqrt_12(&self, f: Format, a: u64) -> u64 {
        self.estimate_12(f, a, |fp, a| {
            let root = fp.sqrt(f, a);
            fp.div(f, f.one(), root)
        })
    }
    fn estimate_12(&self, f: Format, a: u64, estimate: impl Fn(&mut Self, u64) -> u64) -> u64 {
        let control = FpControl {
            flush_operands: true,
            flush_results: true,
            ..FpControl::new(self.control.rules)
        };
        let exact = estimate(&mut Self::new(control), a);
        let magnitude = exact & !f.sign_bit();
        if magnitude == 0 || magnitude >= f.infinity(false) {
            return exact;
        }
        let dropped = f.frac - FRACTION_12;
        (exact + (1 << (dropped - 1))) >> dropped << dropped
    }
}
