//! Functions that the x87 computes by series. The manuals promise less than one unit in the last place; these
//! are the exact results rounded, but for one in many millions, so they may differ from a processor's
//! in the last bit.

use super::real::{HALF_PI, Real};
use super::u256::U256;
use super::{Unpacked, Wide};
use crate::format::Class;
use crate::{DZC, Fp, IXC};
use core::cmp::Ordering;

/// Which functions of an angle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Angle {
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Tangent.
    Tan,
}

/// pi / 2 in 66 bits, as the x87 has it, times 2^67.
const HALF_PI_66: u128 = 0xc_90fd_aa22_168c_234c;
const HALF_PI_SHIFT: i32 = 67;

const F: Wide = Wide::F80;

fn real(u: &Unpacked) -> Real {
    Real::new(u.sign, u.exp, u.sig)
}

impl Fp {
    /// A result, which is not exact.
    fn inexact(&mut self, r: Real, mode: crate::Round) -> u128 {
        if r.is_zero() {
            return F.zero(r.negative);
        }
        // With a sticky bit below all others.
        let sig = U256 { high: r.sig, low: 1 };
        self.round_wide(F, r.negative, r.exp - 128, sig, mode)
    }
    fn exact(&mut self, r: Real) -> u128 {
        let mode = self.mode();
        if r.is_zero() {
            F.zero(r.negative)
        } else {
            self.round_wide(F, r.negative, r.exp, U256::new(r.sig), mode)
        }
    }
    fn of_reals(&mut self, r: Real) -> u128 {
        let mode = self.mode();
        self.inexact(r, mode)
    }

    /// 2^a - 1 (F2XM1). Undefined for more than 1.
    pub fn wide_exp2_minus_1(&mut self, a: u128) -> u128 {
        let u = self.unpack_wide(F, a);
        if let Some(nan) = self.nans_wide(F, &[&u]) {
            return nan;
        }
        match u.class {
            Class::Zero => return F.zero(u.sign),
            Class::Infinity if u.sign => return self.exact(Real::integer(-1)),
            Class::Infinity => return F.infinity(false),
            _ => {}
        }
        self.used_wide(&[&u]);
        let x = real(&u);
        if x.compare_magnitude(Real::integer(1)) != Ordering::Less {
            // Also what is undefined.
            return if x == Real::integer(1) {
                self.exact(x)
            } else if x == Real::integer(-1) {
                self.exact(Real::new(true, -1, 1))
            } else {
                self.raise(IXC);
                a
            };
        }
        self.of_reals(x.exp2_minus_1())
    }

    /// y · log2(x) (FYL2X), or y · log2(1 + x) (`plus_1`: FYL2XP1).
    pub fn wide_log2(&mut self, y: u128, x: u128, plus_1: bool) -> u128 {
        let (b, a) = (self.unpack_wide(F, y), self.unpack_wide(F, x));
        if let Some(nan) = self.nans_wide(F, &[&a, &b]) {
            return nan;
        }
        let one = !plus_1 && real(&a) == Real::integer(1) && a.class == Class::Finite;
        // The logarithm: infinite, zero, or neither.
        let infinite = a.is_inf() || !plus_1 && a.is_zero();
        let zero = one || plus_1 && a.is_zero();
        let small = || real(&a).compare_magnitude(Real::integer(1)) == Ordering::Less;
        let below_one = if plus_1 { a.sign } else { a.is_zero() || !a.is_inf() && small() };
        let bad = a.sign && if plus_1 { a.is_inf() } else { !a.is_zero() };
        if bad || infinite && b.is_zero() || zero && b.is_inf() {
            return self.invalid_wide(F);
        }
        let sign = b.sign != below_one;
        if !plus_1 && a.is_zero() {
            if !b.is_inf() {
                self.raise(DZC);
            }
            return F.infinity(sign);
        }
        self.used_wide(&[&a, &b]);
        if infinite || b.is_inf() {
            return F.infinity(sign);
        }
        if zero || b.is_zero() {
            return F.zero(sign);
        }
        let (log, exact) = if plus_1 { (real(&a).log2_plus_1(), false) } else { real(&a).log2() };
        let product = log.times(real(&b));
        if exact { self.exact(product) } else { self.of_reals(product) }
    }

    /// The angle of (x, y) (FPATAN).
    pub fn wide_atan2(&mut self, y: u128, x: u128) -> u128 {
        let (b, a) = (self.unpack_wide(F, y), self.unpack_wide(F, x));
        if let Some(nan) = self.nans_wide(F, &[&a, &b]) {
            return nan;
        }
        self.used_wide(&[&a, &b]);
        let signed = |r: Real| if b.sign { r.negated() } else { r };
        let pi = HALF_PI.doubled();
        let to_left = a.sign;
        let angle = match (b.is_inf(), a.is_inf()) {
            (true, true) => {
                let eighth = Real { exp: HALF_PI.exp - 1, ..HALF_PI };
                if to_left { pi.minus(eighth) } else { eighth }
            }
            (true, false) => HALF_PI,
            (false, true) if to_left => pi,
            (false, true) => return F.zero(b.sign),
            _ if b.is_zero() && to_left => pi,
            _ if b.is_zero() => return F.zero(b.sign),
            _ if a.is_zero() => HALF_PI,
            _ => {
                let (rise, run) = (real(&b).abs(), real(&a).abs());
                let steep = rise.compare_magnitude(run) == Ordering::Greater;
                let flat = if steep { run.over(rise) } else { rise.over(run) };
                let angle = flat.atan();
                let angle = if steep { HALF_PI.minus(angle) } else { angle };
                if to_left { pi.minus(angle) } else { angle }
            }
        };
        self.of_reals(signed(angle))
    }

    /// A function of an angle; None if that is 2^63 or more, which is not reduced.
    pub fn wide_angle(&mut self, which: Angle, a: u128) -> Option<u128> {
        let u = self.unpack_wide(F, a);
        if let Some(nan) = self.nans_wide(F, &[&u]) {
            return Some(nan);
        }
        match u.class {
            Class::Infinity => return Some(self.invalid_wide(F)),
            Class::Zero if which == Angle::Cos => return Some(self.exact(Real::integer(1))),
            Class::Zero => return Some(F.zero(u.sign)),
            _ => {}
        }
        let x = real(&u);
        if x.exp >= 63 - 127 {
            return None;
        }
        self.used_wide(&[&u]);
        let (quadrant, rest) = reduce(&u);
        let [sine, cosine] = rest.abs().sin_cos();
        let sine = if rest.negative { sine.negated() } else { sine };
        let (sine, cosine) = match quadrant & 3 {
            0 => (sine, cosine),
            1 => (cosine, sine.negated()),
            2 => (sine.negated(), cosine.negated()),
            _ => (cosine.negated(), sine),
        };
        let odd = |r: Real| if u.sign { r.negated() } else { r };
        Some(match which {
            Angle::Sin => self.of_reals(odd(sine)),
            Angle::Cos => self.of_reals(cosine),
            Angle::Tan => self.of_reals(odd(sine.over(cosine))),
        })
    }
}

/// The quarter turns in a number's magnitude, and what is left, of at most an eighth.
fn reduce(u: &Unpacked) -> (u32, Real) {
    let up = u.exp + HALF_PI_SHIFT;
    if up < 0 {
        return (0, real(u).abs());
    }
    let (mut quarters, mut rest) = ((u.sig / HALF_PI_66) as u32, u.sig % HALF_PI_66);
    for _ in 0..up {
        rest <<= 1;
        quarters <<= 1;
        if rest >= HALF_PI_66 {
            rest -= HALF_PI_66;
            quarters |= 1;
        }
    }
    if rest > HALF_PI_66 / 2 {
        return (quarters.wrapping_add(1), Real::new(true, -HALF_PI_SHIFT, HALF_PI_66 - rest));
    }
    (quarters, Real::new(false, -HALF_PI_SHIFT, rest))
}
