//! Against the host's arithmetic, and corners of the status bits.

use super::*;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    /// Operands with many near exponents, zeros, denormals, infinities and NaNs.
    fn float(&mut self, f: Format) -> u64 {
        let r = self.next();
        let bias = (1 << (f.exp - 1)) - 1;
        let sign = self.next() & 1 != 0;
        let frac = match r & 3 {
            0 => self.next() & ((1 << f.frac) - 1),
            1 => (1 << f.frac) - 1 - (self.next() & 3),
            2 => self.next() & 3,
            _ => 1u64.rotate_right(self.next() as u32) & ((1 << f.frac) - 1),
        };
        let exp = match r >> 2 & 7 {
            0 => 0,
            1 => f.max_field(),
            2 => 1 + (self.next() & 3),
            3 => f.max_field() - 1 - (self.next() & 3),
            4 => self.next() & f.max_field(),
            _ => bias - 4 + (self.next() & 7),
        };
        f.pack(sign, exp, frac)
    }
}

/// What FPCR says.
fn arm(fpcr: u64) -> FpControl {
    let flush = fpcr >> 24 & 1 != 0;
    FpControl {
        rounding: [Round::Nearest, Round::Up, Round::Down, Round::Zero][(fpcr >> 22 & 3) as usize],
        flush_operands: flush,
        flush_results: flush,
        default_nan: fpcr >> 25 & 1 != 0,
        alternative_half: fpcr >> 26 & 1 != 0,
        ..FpControl::new(rules::ARM)
    }
}

const ROUNDS: usize = 40_000;

fn same64(got: u64, want: f64, what: &str, a: u64, b: u64) {
    if want.is_nan() {
        assert!(f64::from_bits(got).is_nan(), "{what} {a:x} {b:x}: {got:x}");
    } else {
        assert_eq!(got, want.to_bits(), "{what} {a:x} {b:x}");
    }
}

fn same32(got: u64, want: f32, what: &str, a: u64, b: u64) {
    if want.is_nan() {
        assert!(f32::from_bits(got as u32).is_nan(), "{what} {a:x} {b:x}: {got:x}");
    } else {
        assert_eq!(got as u32, want.to_bits(), "{what} {a:x} {b:x}");
    }
}

#[test]
fn double_as_the_host() {
    let mut r = Random(88_172_645_463_325_252);
    let mut fp = Fp::new(arm(0));
    let f = Format::F64;
    for _ in 0..ROUNDS {
        let (a, b, c) = (r.float(f), r.float(f), r.float(f));
        let (x, y, z) = (f64::from_bits(a), f64::from_bits(b), f64::from_bits(c));
        same64(fp.add(f, a, b), x + y, "add", a, b);
        same64(fp.sub(f, a, b), x - y, "sub", a, b);
        same64(fp.mul(f, a, b), x * y, "mul", a, b);
        same64(fp.div(f, a, b), x / y, "div", a, b);
        same64(fp.sqrt(f, a), x.sqrt(), "sqrt", a, b);
        same64(fp.mul_add(f, c, a, b), x.mul_add(y, z), "fma", a, b);
        same32(fp.convert(f, Format::F32, a), x as f32, "to single", a, 0);
        same64(fp.round_int(f, a, Round::Nearest, false), x.round_ties_even(), "rint", a, 0);
        same64(fp.round_int(f, a, Round::Away, false), x.round(), "round", a, 0);
        same64(fp.round_int(f, a, Round::Down, false), x.floor(), "floor", a, 0);
        same64(fp.round_int(f, a, Round::Up, false), x.ceil(), "ceil", a, 0);
        assert_eq!(fp.to_fixed(f, a, 0, true, 64, Round::Zero), x as i64 as u64);
        assert_eq!(fp.to_fixed(f, a, 0, false, 64, Round::Zero), x as u64);
        assert_eq!(fp.to_fixed(f, a, 0, true, 32, Round::Zero) as u32, x as i32 as u32);
        assert_eq!(fp.to_fixed(f, a, 0, false, 16, Round::Zero) as u16, x as u16);
        same64(fp.from_fixed(f, a, 0, true, 64), a as i64 as f64, "from i64", a, 0);
        same64(fp.from_fixed(f, a, 0, false, 64), a as f64, "from u64", a, 0);
        same32(fp.from_fixed(Format::F32, a, 0, true, 64), a as i64 as f32, "from i64", a, 0);
        assert_eq!(fp.partial_order(f, a, b, false), x.partial_cmp(&y));
    }
}

#[test]
fn single_as_the_host() {
    let mut r = Random(1_234_567_891_234_567);
    let mut fp = Fp::new(arm(0));
    let f = Format::F32;
    for _ in 0..ROUNDS {
        let (a, b, c) = (r.float(f), r.float(f), r.float(f));
        let float = |v| f32::from_bits(v as u32);
        let (x, y, z) = (float(a), float(b), float(c));
        same32(fp.add(f, a, b), x + y, "add", a, b);
        same32(fp.sub(f, a, b), x - y, "sub", a, b);
        same32(fp.mul(f, a, b), x * y, "mul", a, b);
        same32(fp.div(f, a, b), x / y, "div", a, b);
        same32(fp.sqrt(f, a), x.sqrt(), "sqrt", a, b);
        same32(fp.mul_add(f, c, a, b), x.mul_add(y, z), "fma", a, b);
        same64(fp.convert(f, Format::F64, a), f64::from(x), "to double", a, 0);
    }
}

#[test]
fn half_by_way_of_double() {
    let mut r = Random(987_654_321);
    let mut fp = Fp::new(arm(0));
    let (h, d) = (Format::F16, Format::F64);
    for _ in 0..ROUNDS {
        let (a, b) = (r.float(h), r.float(h));
        let (x, y) = (fp.convert(h, d, a), fp.convert(h, d, b));
        // Sums and products of halves are exact in double precision, quotients and roots have
        // more than twice the bits.
        let narrow = |fp: &mut Fp, v| fp.convert(d, h, v);
        let is_nan = |v| v & 0x7c00 == 0x7c00 && v & 0x3ff != 0;
        for (got, wide) in [
            (fp.add(h, a, b), fp.add(d, x, y)),
            (fp.mul(h, a, b), fp.mul(d, x, y)),
            (fp.div(h, a, b), fp.div(d, x, y)),
            (fp.sqrt(h, a), fp.sqrt(d, x)),
        ] {
            let want = narrow(&mut fp, wide);
            assert!(got == want || is_nan(got) && is_nan(want), "{a:x} {b:x}: {got:x} {want:x}");
        }
    }
}

#[test]
fn directed_modes_bracket() {
    let mut r = Random(5555);
    let f = Format::F64;
    for _ in 0..ROUNDS {
        let (a, b) = (r.float(f), r.float(f));
        let mut results = [0; 3];
        for (i, mode) in [1, 2, 3].into_iter().enumerate() {
            let mut fp = Fp::new(arm(mode << 22));
            let v = fp.add(f, a, b);
            results[i] = v;
            let exact = fp.status & IXC == 0;
            let near = Fp::new(arm(0)).add(f, a, b);
            if exact && !f64::from_bits(v).is_nan() && v << 1 != 0 {
                assert_eq!(v, near);
            }
        }
        let [up, down, zero] = results.map(f64::from_bits);
        if !up.is_nan() {
            assert!(down <= up);
            assert!(zero == up || zero == down);
        }
    }
}

#[test]
fn nan_rules() {
    let f = Format::F32;
    let (q1, q2, s) = (0x7fc0_0001, 0xffc0_0002, 0x7f80_0003);
    let mut fp = Fp::new(arm(0));
    assert_eq!(fp.add(f, q1, q2), q1);
    assert_eq!(fp.add(f, q2, q1), q2);
    assert_eq!(fp.status, 0);
    assert_eq!(fp.add(f, q1, s), 0x7fc0_0003);
    assert_eq!(fp.status, IOC);
    assert_eq!(fp.sub(f, q2, 0x3f80_0000), q2);
    assert_eq!(fp.sub(f, 0x3f80_0000, q2), q2);
    // Infinity times zero plus a quiet NaN.
    fp.status = 0;
    assert_eq!(fp.mul_add(f, q1, 0x7f80_0000, 0), 0x7fc0_0000);
    assert_eq!(fp.status, IOC);
    assert_eq!(fp.mul_add(f, q1, q2, 0), q1);
    assert_eq!(fp.max_num(f, q1, 0x3f80_0000), 0x3f80_0000);
    assert_eq!(fp.max_num(f, q1, s), 0x7fc0_0003);
    assert_eq!(Fp::new(arm(1 << 25)).add(f, q2, 0), 0x7fc0_0000);
    assert_eq!(fp.convert(f, Format::F64, s), 0x7ff8_0000_6000_0000);
    assert_eq!(fp.convert(Format::F64, f, 0x7ff0_0000_0000_0001), 0x7fc0_0000);
}

#[test]
fn zeros_and_maxima() {
    let f = Format::F64;
    let minus = 1 << 63;
    let mut fp = Fp::new(arm(0));
    assert_eq!(fp.max(f, minus, 0), 0);
    assert_eq!(fp.max(f, 0, minus), 0);
    assert_eq!(fp.max(f, minus, minus), minus);
    assert_eq!(fp.min(f, 0, minus), minus);
    assert_eq!(fp.add(f, 0, minus), 0);
    assert_eq!(Fp::new(arm(2 << 22)).add(f, 0, minus), minus);
    assert_eq!(fp.mulx(f, minus, f.infinity(false)), f.two(true));
    assert_eq!(fp.compare(f, minus, 0, true), 0b0110);
}

#[test]
fn status_bits() {
    let f = Format::F32;
    let mut fp = Fp::new(arm(0));
    let one = 0x3f80_0000;
    fp.div(f, one, 0);
    assert_eq!(fp.status, DZC);
    fp.status = 0;
    fp.mul(f, 0x7f7f_ffff, 0x7f7f_ffff);
    assert_eq!(fp.status, OFC | IXC);
    fp.status = 0;
    fp.mul(f, 0x0080_0001, 0x3f00_0000);
    assert_eq!(fp.status, UFC | IXC);
    fp.status = 0;
    // Tiny before rounding, though it rounds to the smallest normal number.
    assert_eq!(fp.mul(f, 0x00ff_ffff, 0x3f00_0000), 0x0080_0000);
    assert_eq!(fp.status, UFC | IXC);
    let mut fz = Fp::new(arm(1 << 24));
    assert_eq!(fz.add(f, 1, one), one);
    assert_eq!(fz.status, IDC);
    fz.status = 0;
    assert_eq!(fz.mul(f, 0x0080_0001, 0x3f00_0000), 0);
    assert_eq!(fz.status, UFC);
    let mut h = Fp::new(arm(1 << 26));
    assert_eq!(h.convert(f, Format::F16, f.infinity(true)), 0xffff);
    assert_eq!(h.status, IOC);
    assert_eq!(h.convert(Format::F16, f, 0x7c00), 0x4780_0000);
}

#[test]
fn javascript() {
    let mut fp = Fp::new(arm(0));
    let mut js = |v: f64| fp.to_int_js(v.to_bits());
    assert_eq!(js(-1.0), (u32::MAX, true));
    assert_eq!(js(1.5), (1, false));
    assert_eq!(js(4_294_967_297.0), (1, false));
    assert_eq!(js(-4_294_967_297.0), (u32::MAX, false));
    assert_eq!(js(-0.0), (0, false));
    assert_eq!(js(1e300), (0, false));
    assert_eq!(js(9_007_199_254_740_991.0 * 1024.0), (0xffff_fc00, false));
    assert_eq!(js(2_147_483_648.0), (0x8000_0000, false));
    assert_eq!(js(-2_147_483_648.0), (0x8000_0000, true));
}

#[test]
fn estimates() {
    let f = Format::F32;
    let mut fp = Fp::new(arm(0));
    assert_eq!(fp.recip_estimate(f, 0x3f80_0000), 0x3f7f_8000);
    assert_eq!(fp.rsqrt_estimate(f, 0x3f80_0000), 0x3f7f_8000);
    assert_eq!(fp.recip_estimate(f, 0x7f7f_ffff), 0x0020_0000);
    assert_eq!(fp.recip_exponent(f, 0x3f80_0000), 0x4000_0000);
    assert_eq!(fp.recip_exponent(f, 0), 0x7f00_0000);
    assert_eq!(unsigned_recip(0x8000_0000), 0xff80_0000);
    assert_eq!(unsigned_rsqrt(0x4000_0000), 0xff80_0000);
    // Every estimate is within 1/256.
    let mut r = Random(99);
    for _ in 0..2000 {
        let x = 0x3000_0000 + r.next() % 0x2000_0000;
        let v = f32::from_bits(x as u32);
        let e = f32::from_bits(fp.recip_estimate(f, x) as u32);
        assert!((e * v - 1.0).abs() < 1.0 / 256.0, "{v} {e}");
        let e = f32::from_bits(fp.rsqrt_estimate(f, x) as u32);
        assert!((e * e * v - 1.0).abs() < 1.0 / 128.0, "{v} {e}");
    }
}

#[test]
fn rounding_to_odd_and_brain() {
    let mut fp = Fp::new(arm(0));
    let v = 1.0f64 + f64::EPSILON;
    let odd = fp.convert_mode(Format::F64, Format::F32, v.to_bits(), Round::Odd);
    assert_eq!(odd, 0x3f80_0001);
    assert_eq!(fp.convert(Format::F32, Format::BF16, 0x3f80_8000), 0x3f80);
    assert_eq!(fp.convert(Format::F32, Format::BF16, 0x3f81_8000), 0x3f82);
    let one = 0x3f80_3f80;
    assert_eq!(bf_dot_add(0x3f80_0000, one, one), 0x4040_0000);
}

#[test]
fn numbers_win_over_nans() {
    let f = Format::F32;
    let (one, quiet, signalling) = (0x3f80_0000, 0x7fc0_0001, 0xff80_0001);
    let mut fp = Fp::new(FpControl::new(rules::RISCV));
    assert_eq!(fp.max_num(f, one, quiet), one);
    assert_eq!(fp.min_num(f, quiet, one), one);
    assert_eq!(fp.max_num(f, quiet, quiet), 0x7fc0_0000);
    assert_eq!(fp.min_num(f, 1 << 31, 0), 1 << 31);
    assert_eq!(fp.status, 0);
    assert_eq!((fp.min_num(f, signalling, one), fp.status), (one, IOC));
    assert_eq!(fp.max_num(f, signalling, quiet), 0x7fc0_0000);
    assert_eq!(fp.min_num(f, quiet, signalling), 0x7fc0_0000);
    // The other kind gives NaNs, which are canonical.
    fp.status = 0;
    assert_eq!((fp.max(f, one, quiet), fp.status), (0x7fc0_0000, 0));
    assert_eq!((fp.min(f, signalling, one), fp.status), (0x7fc0_0000, IOC));
}
