//! Arithmetic and comparisons.

use super::registers::{
    BEFORE, C0, C1, C2, C3, DENORMAL, F, Fault, INDEFINITE, INVALID, Raised, Registers, ZERO_DIVIDE,
};
use super::{Job, Op, memory};
use core::cmp::Ordering;
use guest::Space;
use softfloat::{Fp, IDC, IOC, Round};

/// Addition and its like: `to` and `from` are registers, or `from` is in memory and `to` the top.
pub(super) fn binary(job: Job, r: &mut Registers<'_>, space: &mut dyn Space) -> Result<(), Fault> {
    use Op::*;
    let operand = memory::operand(job, r, space)?;
    let pops = matches!(job.op, Addp | Mulp | Subp | Subrp | Divp | Divrp);
    let empty = r.is_empty(job.to) || operand.is_none() && r.is_empty(job.from);
    if empty {
        if !r.stack_fault(false) {
            return Ok(());
        }
        r.set(job.to, INDEFINITE);
    } else {
        let a = r.raw(job.to);
        let (b, loaded) = operand.unwrap_or_else(|| (r.raw(job.from), 0));
        let f = r.precision();
        let (result, mut raised) = r.compute(r.rounding(), |fp| match job.op {
            Add | Iadd | Addp => fp.wide_add(f, a, b),
            Mul | Imul | Mulp => fp.wide_mul(f, a, b),
            Sub | Isub | Subp => fp.wide_sub(f, a, b),
            Subr | Isubr | Subrp => fp.wide_sub(f, b, a),
            Div | Idiv | Divp => fp.wide_div(f, a, b),
            _ => fp.wide_div(f, b, a),
        });
        raised.bits |= used(loaded, raised.bits, &[a]);
        if !r.raise(raised, BEFORE) {
            return Ok(());
        }
        r.set(job.to, result);
    }
    if pops {
        r.pop();
    }
    Ok(())
}

/// What loading an operand raises, if the operation gets so far as to use its value.
fn used(loaded: u16, raised: u16, others: &[u128]) -> u16 {
    let nan = |a: &u128| a >> 64 & 0x7fff == 0x7fff && *a as u64 != 1 << 63;
    let early = raised & (INVALID | ZERO_DIVIDE) != 0 || others.iter().any(nan);
    if early { loaded & !DENORMAL } else { loaded }
}

/// The condition codes of an order.
fn condition(order: Option<Ordering>) -> u16 {
    match order {
        Some(Ordering::Greater) => 0,
        Some(Ordering::Less) => C0,
        Some(Ordering::Equal) => C3,
        None => C0 | C2 | C3,
    }
}

/// The order of two values, None if there is none; whether what it raises lets it be told.
fn order(
    r: &mut Registers<'_>,
    a: u128,
    b: u128,
    quiet: bool,
    loaded: u16,
) -> Option<Option<Ordering>> {
    let order = core::cell::Cell::new(None);
    let (_, mut raised) = r.compute(Round::Nearest, |fp| {
        order.set(fp.wide_order(F, a, b, !quiet));
        0
    });
    raised.bits |= used(loaded, raised.bits, &[a]);
    r.raise(raised, BEFORE).then(|| order.get())
}

/// Comparisons that set condition codes.
pub(super) fn compare(job: Job, r: &mut Registers<'_>, space: &mut dyn Space) -> Result<(), Fault> {
    use Op::*;
    let operand = match job.op {
        Tst => Some((F.zero(false), 0)),
        _ => memory::operand(job, r, space)?,
    };
    let from = if matches!(job.op, Compp | Ucompp) { 1 } else { job.from };
    let quiet = matches!(job.op, Ucom | Ucomp | Ucompp);
    let pops = match job.op {
        Compp | Ucompp => 2,
        Comp | Icomp | Ucomp => 1,
        _ => 0,
    };
    let found = if r.is_empty(0) || operand.is_none() && r.is_empty(from) {
        r.stack_fault(false).then_some(None)
    } else {
        let (b, loaded) = operand.unwrap_or_else(|| (r.raw(from), 0));
        order(r, r.raw(0), b, quiet, loaded)
    };
    let Some(order) = found else { return Ok(()) };
    r.set_condition(condition(order));
    for _ in 0..pops {
        r.pop();
    }
    Ok(())
}

/// Comparisons that set the flags.
pub(super) fn compare_flags(job: Job, r: &mut Registers<'_>) {
    let quiet = matches!(job.op, Op::Ucomi | Op::Ucomip);
    let found = if r.is_empty(0) || r.is_empty(job.from) {
        r.stack_fault(false).then_some(None)
    } else {
        let (a, b) = (r.raw(0), r.raw(job.from));
        let kept = r.status() & C1 != 0;
        let found = order(r, a, b, quiet, 0);
        r.set_c1(kept);
        found
    };
    let Some(order) = found else { return };
    const ZERO: u32 = 1 << 30;
    const PARITY: u32 = 1 << 27;
    const NO_CARRY: u32 = 1 << 29;
    r.state.set_six_flags(match order {
        Some(Ordering::Greater) => NO_CARRY,
        Some(Ordering::Less) => 0,
        Some(Ordering::Equal) => ZERO | NO_CARRY,
        None => ZERO | PARITY,
    });
    if matches!(job.op, Op::Comip | Op::Ucomip) {
        r.pop();
    }
}

/// What changes or looks at the top.
pub(super) fn unary(op: Op, r: &mut Registers<'_>) {
    let a = r.raw(0);
    let negative = a & F.sign_bit() != 0;
    if op == Op::Xam {
        let class = if r.is_empty(0) { C3 | C0 } else { class(a) };
        r.set_condition(class);
        r.set_c1(negative);
        return;
    }
    let two = matches!(op, Op::Prem | Op::Prem1 | Op::Scale);
    if r.is_empty(0) || two && r.is_empty(1) {
        if r.stack_fault(false) {
            r.set(0, INDEFINITE);
        }
        if matches!(op, Op::Prem | Op::Prem1) {
            r.set_status(r.status() & !C2);
        }
        return;
    }
    match op {
        Op::Chs | Op::Abs => {
            r.set_c1(false);
            r.set(0, if op == Op::Chs { a ^ F.sign_bit() } else { a & !F.sign_bit() });
        }
        Op::Sqrt => {
            let f = r.precision();
            let (result, raised) = r.compute(r.rounding(), |fp| fp.wide_sqrt(f, a));
            if r.raise(raised, BEFORE) {
                r.set(0, result);
            }
        }
        Op::Rndint => {
            let (result, raised) =
                r.compute(r.rounding(), |fp| fp.wide_round_int(F, a, fp.mode(), true));
            if r.raise(raised, BEFORE) {
                r.set(0, result);
            }
        }
        Op::Scale => scale(r, a),
        _ => remainder(op, r, a),
    }
}

/// A power of two that is a normal number.
fn power_of_two(n: i32) -> u128 {
    u128::from((n + 0x3fff) as u16) << 64 | 1 << 63
}

/// FSCALE: the top times two to the power of the next register, cut to an integer.
fn scale(r: &mut Registers<'_>, a: u128) {
    const STEP: i32 = 16000;
    let b = r.raw(1);
    let (result, raised) = r.compute(r.rounding(), |fp| {
        let unsupported = b >> 64 & 0x7fff != 0 && b as u64 >> 63 == 0;
        if unsupported {
            fp.status |= IOC;
            return INDEFINITE;
        }
        let infinite = b & !F.sign_bit() == F.infinity(false);
        let finite = b >> 64 & 0x7fff != 0x7fff;
        if infinite || !finite {
            // Times zero or infinity.
            let factor = match b {
                _ if !infinite => b,
                _ if b & F.sign_bit() != 0 => F.zero(false),
                _ => b,
            };
            return fp.wide_mul(F, a, factor);
        }
        if b >> 64 & 0x7fff == 0 && b as u64 != 0 && a >> 64 & 0x7fff != 0x7fff {
            fp.status |= IDC;
        }
        let mut quiet = Fp::new(fp.control);
        let mut left = quiet.wide_to_int(F, b, true, 32, Round::Zero) as i32;
        if quiet.status & IOC != 0 {
            left = if b & F.sign_bit() != 0 { -0x10000 } else { 0x10000 };
        }
        left = left.clamp(-0x10000, 0x10000);
        let mut value = a;
        loop {
            let step = left.clamp(-STEP, STEP);
            value = fp.wide_mul(F, value, power_of_two(step));
            left -= step;
            if left == 0 {
                return value;
            }
        }
    });
    if r.raise(raised, BEFORE) {
        r.set(0, result);
    }
}

/// FXTRACT: the exponent in the top's place, and the significand above it.
pub(super) fn extract(r: &mut Registers<'_>) {
    let a = r.raw(0);
    if r.is_empty(0) || !r.is_empty(7) {
        let overflow = !r.is_empty(0);
        if r.stack_fault(overflow) {
            r.set(0, INDEFINITE);
            r.turn(7);
            r.set(0, INDEFINITE);
            r.set_c1(overflow);
        }
        return;
    }
    let sign = a & F.sign_bit();
    let (field, significand) = ((a >> 64 & 0x7fff) as i32, a as u64);
    let (exponent, fraction, bits) = match (field, significand) {
        (0, 0) => (F.infinity(true), a, ZERO_DIVIDE),
        (0x7fff, 0x8000_0000_0000_0000) => (F.infinity(false), a, 0),
        _ if field == 0x7fff || field != 0 && significand >> 63 == 0 => {
            let (nan, raised) = r.compute(Round::Nearest, |fp| fp.wide_add(F, a, a));
            (nan, nan, raised.bits)
        }
        _ => {
            let up = significand.leading_zeros();
            let unbiased = field.max(1) - 0x3fff - up as i32;
            let (number, _) = r.compute(Round::Nearest, |fp| {
                fp.wide_from_int(F, i64::from(unbiased) as u64, true, 64)
            });
            let denormal = if field == 0 { DENORMAL } else { 0 };
            (number, sign | 0x3fff << 64 | u128::from(significand << up), denormal)
        }
    };
    if r.raise(Raised { bits, up: false }, BEFORE) {
        r.set(0, exponent);
        r.push(fraction);
    }
}

/// FCMOV.
pub(super) fn move_if(holds: bool, from: u8, r: &mut Registers<'_>) {
    let empty = r.is_empty(0) || r.is_empty(from);
    if empty && !r.stack_fault(false) {
        return;
    }
    let value = if empty { INDEFINITE } else { r.raw(from) };
    if holds || empty {
        r.set(0, value);
    }
}

/// The exponent of a number that is not zero, as if it were normal.
fn exponent(a: u128) -> Option<i32> {
    let (field, significand) = ((a >> 64 & 0x7fff) as i32, a as u64);
    let number = field != 0x7fff && significand != 0 && (field == 0 || significand >> 63 != 0);
    number.then(|| field.max(1) - significand.leading_zeros() as i32)
}

/// A number times a power of two that leaves it finite.
fn times_power(a: u128, power: i32) -> u128 {
    let (sign, field, significand) = (a & F.sign_bit(), (a >> 64 & 0x7fff) as i32, a as u64);
    let up = significand.leading_zeros() as i32;
    let exponent = field.max(1) - up + power;
    // What is still too small to be normal has exponent zero.
    let (exponent, significand) = if exponent > 0 {
        (exponent, significand << up)
    } else {
        (0, significand << (up + exponent - 1))
    };
    sign | u128::from(exponent as u16) << 64 | u128::from(significand)
}

/// The remainder: the quotient's low bits are condition codes. If the exponents are 64 or more apart, only a
/// part of it: the difference becomes a multiple of 32 less (32 to 63, which the manuals leave open; this
/// is what AMD's processors do), and C2 says that the program has to do it again.
fn remainder(op: Op, r: &mut Registers<'_>, a: u128) {
    const TOGETHER: i32 = 64;
    let b = r.raw(1);
    let apart = exponent(a).zip(exponent(b)).map_or(0, |(a, b)| a - b);
    let partial = apart >= TOGETHER;
    let divisor = if partial { times_power(b, (apart & !31) - 32) } else { b };
    let quotient = core::cell::Cell::new(0);
    let (result, mut raised) = r.compute(Round::Nearest, |fp| {
        let (rest, n) = fp.wide_remainder(F, a, divisor, op == Op::Prem1 && !partial);
        quotient.set(n);
        rest
    });
    if partial && b >> 64 & 0x7fff == 0 {
        raised.bits |= DENORMAL;
    }
    if !r.raise(raised, BEFORE) {
        return;
    }
    if partial {
        r.set_condition(C2);
        r.set(0, result);
        return;
    }
    let bit = |n: u32, code: u16| if quotient.get() >> n & 1 != 0 { code } else { 0 };
    // A NaN has no quotient.
    if result >> 64 & 0x7fff == 0x7fff {
        r.set_status(r.status() & !C2);
    } else {
        r.set_condition(bit(2, C0) | bit(1, C3) | bit(0, C1));
    }
    r.set(0, result);
}

/// The condition codes of FXAM, without the sign.
fn class(a: u128) -> u16 {
    let exponent = a >> 64 & 0x7fff;
    let significand = a as u64;
    let integer = significand >> 63 != 0;
    match (exponent, significand) {
        (0, 0) => C3,
        (0, _) => C3 | C2,
        (_, _) if !integer => 0,
        (0x7fff, 0x8000_0000_0000_0000) => C2 | C0,
        (0x7fff, _) => C0,
        _ => C2,
    }
}

/// Constants, rounded as the control word says.
pub(super) fn constant(op: Op, r: &mut Registers<'_>) {
    // Significands cut off at 64 bits, and whether the next bit is a one.
    let (exponent, significand, up) = match op {
        Op::One => (0x3fff, 1 << 63, None),
        Op::L2t => (0x4000, 0xd49a_784b_cd1b_8afe, Some(false)),
        Op::L2e => (0x3fff, 0xb8aa_3b29_5c17_f0bb, Some(true)),
        Op::Pi => (0x4000, 0xc90f_daa2_2168_c234, Some(true)),
        Op::Lg2 => (0x3ffd, 0x9a20_9a84_fbcf_f798, Some(true)),
        Op::Ln2 => (0x3ffe, 0xb172_17f7_d1cf_79ab, Some(true)),
        _ => (0, 0, None),
    };
    let more = match (r.rounding(), up) {
        (Round::Nearest, Some(up)) => u64::from(up),
        (Round::Up, Some(_)) => 1,
        _ => 0,
    };
    r.push(exponent << 64 | u128::from(significand + more));
}

/// Exchanges the top with another.
pub(super) fn exchange(n: u8, r: &mut Registers<'_>) {
    let empty = [r.is_empty(0), r.is_empty(n)];
    if empty != [false; 2] && !r.stack_fault(false) {
        return;
    }
    let value = |r: &Registers<'_>, n, empty| if empty { INDEFINITE } else { r.raw(n) };
    let (a, b) = (value(r, 0, empty[0]), value(r, n, empty[1]));
    r.set(0, b);
    r.set(n, a);
    r.set_c1(false);
}
