//! Scalar floating point.

use crate::{Env, flags, lanes};
use ir::{FpRules, Op, OpCode, Rounding, Ty};
use softfloat::{Format, Fp, Round};

/// The format of a scalar type.
const fn format(ty: Ty) -> Format {
    match ty {
        Ty::F16 => Format::F16,
        Ty::F32 => Format::F32,
        _ => Format::F64,
    }
}

/// A rounding of the IR, resolved with the control register.
pub(crate) const fn rounding(n: u8, fp: &Fp) -> Round {
    match Rounding::from_u8(n) {
        Rounding::Nearest => Round::Nearest,
        Rounding::Up => Round::Up,
        Rounding::Down => Round::Down,
        Rounding::Zero => Round::Zero,
        Rounding::Away => Round::Away,
        Rounding::Odd => Round::Odd,
        Rounding::Current => fp.mode(),
    }
}

/// A narrow value with ones above it, up to 64 bits.
pub(crate) fn boxed(ty: Ty, v: u128) -> u128 {
    let bits = ty.bits().min(64);
    let low = lanes::truncate(v, bits);
    low | lanes::truncate(u128::MAX << bits, 64)
}

/// What is in the box; the default NaN if it is none.
fn unboxed(ty: Ty, v: u128, rules: FpRules) -> u128 {
    let v = lanes::truncate(v, 64);
    if v == boxed(ty, v) {
        lanes::truncate(v, ty.bits())
    } else {
        format(ty).default_nan(rules.default_nan_negative).into()
    }
}

/// Computes a floating-point operation.
pub(crate) fn eval(op: &Op, a: u128, b: u128, c: u128, env: &mut Env) -> u128 {
    let rules = env.fp.rules;
    if !rules.boxed {
        return values(op, a, b, c, env).into();
    }
    let [b, c] = [b, c].map(|v| unboxed(op.ty, v, rules));
    let a = if op.code == OpCode::IntToF { a } else { unboxed(op.ty, a, rules) };
    let r = values(op, a, b, c, env).into();
    if !op.result_is_vector() {
        return r;
    }
    boxed(if op.code == OpCode::FCvt { Ty::from_u8(op.aux as u8) } else { op.ty }, r)
}

/// The same with values that are not boxed.
fn values(op: &Op, a: u128, b: u128, c: u128, env: &mut Env) -> u64 {
    let (a, b, c) = (a as u64, b as u64, c as u64);
    let mut fp = Fp::new(env.fp);
    let holds = flags::cond(op.aux).holds(env.nzcv);
    let f = format(op.ty);
    let r = match op.code {
        OpCode::FCmp => {
            env.nzcv = fp.compare(f, a, b, op.aux & 1 != 0) << 28;
            0
        }
        OpCode::FCmpSix => {
            // Less has no flag, and unordered those of equal and of less, and P.
            env.nzcv = match fp.compare(f, a, b, op.aux & 1 != 0) {
                0b0110 => 0x6000_0000,
                0b0010 => 0x2000_0000,
                0b0011 => 0x4800_0000,
                _ => 0,
            };
            0
        }
        OpCode::FCmpSet => {
            let nzcv = fp.compare(f, a, b, op.aux & 0x80 != 0) << 28;
            flags::cond(op.aux).holds(nzcv).into()
        }
        OpCode::FCcmp if holds => {
            env.nzcv = fp.compare(f, a, b, op.aux & 0x80 != 0) << 28;
            0
        }
        OpCode::FCcmp => {
            env.nzcv = u32::from(op.aux >> 8 & 15) << 28;
            0
        }
        OpCode::FJcvt => {
            let (r, exact) = fp.to_int_js(a);
            env.nzcv = u32::from(exact) << 30;
            r.into()
        }
        OpCode::FCvt | OpCode::FToInt | OpCode::FToIntV | OpCode::IntToF | OpCode::IntVToF => {
            convert(op, a, &mut fp)
        }
        _ => arithmetic(op, a, b, c, &mut fp),
    };
    env.status |= u64::from(fp.status);
    r
}

fn arithmetic(op: &Op, a: u64, b: u64, c: u64, fp: &mut Fp) -> u64 {
    let f = format(op.ty);
    let sign = f.sign_bit();
    let negate_if = |v, bit: u16| if op.aux & bit != 0 { v ^ sign } else { v };
    if !matches!(op.code, OpCode::FRound | OpCode::FRoundInt | OpCode::FCopySign) {
        choose_rounding(fp, op.aux >> 8);
    }
    match op.code {
        OpCode::FAdd => fp.add(f, a, b),
        OpCode::FSub => fp.sub(f, a, b),
        OpCode::FMul => fp.mul(f, a, b),
        OpCode::FNMul => fp.mul(f, a, b) ^ sign,
        OpCode::FDiv => fp.div(f, a, b),
        OpCode::FSqrt => fp.sqrt(f, a),
        OpCode::FMax => fp.max(f, a, b),
        OpCode::FMin => fp.min(f, a, b),
        OpCode::FMaxNm => fp.max_num(f, a, b),
        OpCode::FMinNm => fp.min_num(f, a, b),
        OpCode::FMulAdd => fp.mul_add(f, negate_if(c, 2), negate_if(a, 1), b),
        OpCode::FAbs => a & f.mask() & !sign,
        OpCode::FNeg => a & f.mask() ^ sign,
        OpCode::FCopySign => {
            let from = match op.aux & 3 {
                0 => b,
                1 => !b,
                _ => a ^ b,
            };
            a & f.mask() & !sign | from & sign
        }
        OpCode::FClass => 1 << fp.classify(f, a),
        OpCode::FRound => {
            let mode = rounding((op.aux & 7) as u8, fp);
            fp.round_int(f, a, mode, op.aux >> 8 != 0)
        }
        OpCode::FRoundInt => {
            let mode = rounding((op.aux & 7) as u8, fp);
            fp.round_int_n(f, a, mode, u32::from(op.aux >> 8))
        }
        _ => 0,
    }
}

/// Rounds as an operation says ([`Rounding::chosen`]).
fn choose_rounding(fp: &mut Fp, chosen: u16) {
    fp.control.rounding = rounding(Rounding::from_chosen(chosen) as u8, fp);
}

fn convert(op: &Op, a: u64, fp: &mut Fp) -> u64 {
    let f = format(op.ty);
    let signed = op.aux & 8 != 0;
    let bits = match op.code {
        OpCode::FToIntV | OpCode::IntVToF => op.ty.bits(),
        _ if op.aux & 16 != 0 => 64,
        _ => 32,
    };
    let fbits = u32::from(op.aux >> 8);
    match op.code {
        OpCode::FCvt => {
            let to = format(Ty::from_u8((op.aux & 0xff) as u8));
            let mode = rounding((op.aux >> 8) as u8, fp);
            fp.convert_mode(f, to, a, mode)
        }
        OpCode::FToInt | OpCode::FToIntV => {
            let mode = rounding((op.aux & 7) as u8, fp);
            fp.to_fixed(f, a, fbits, signed, bits, mode)
        }
        _ => {
            choose_rounding(fp, op.aux & 7);
            fp.from_fixed(f, lanes::truncate(a.into(), bits) as u64, fbits, signed, bits)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Env, pure};
    use ir::{Cond, FpControl, Op, OpCode, Rounding, Ty};
    use softfloat::rules;

    fn eval(op: Op, args: [f64; 3], env: &mut Env) -> f64 {
        let [a, b, c] = args.map(|v| u128::from(v.to_bits()));
        f64::from_bits(pure(&op, a, b, c, env) as u64)
    }

    #[test]
    fn signs_of_fused_forms() {
        let mut env = Env::default();
        for (aux, want) in [(0, 10.0), (1, -2.0), (2, 2.0), (3, -10.0)] {
            let op = Op { aux, ..Op::new(OpCode::FMulAdd, Ty::F64) };
            assert_eq!(eval(op, [2.0, 3.0, 4.0], &mut env), want);
        }
        assert_eq!(env.status, 0);
    }

    fn one_nan() -> Env {
        Env { fp: FpControl::new(rules::RISCV), ..Env::default() }
    }

    const BOXED: u128 = 0xffff_ffff << 32;

    #[test]
    fn boxes() {
        let env = &mut one_nan();
        let one = u128::from(1f32.to_bits());
        let add = Op::new(OpCode::FAdd, Ty::F32);
        assert_eq!(
            pure(&add, BOXED | one, BOXED | one, 0, env),
            BOXED | u128::from(2f32.to_bits())
        );
        // What is not boxed is the default NaN, and no signalling one.
        assert_eq!(pure(&add, one, BOXED | one, 0, env), BOXED | 0x7fc0_0000);
        assert_eq!(pure(&Op::new(OpCode::FClass, Ty::F32), 1 << 63, 0, 0, env), 1 << 9);
        let sign = Op { aux: 1, ..Op::new(OpCode::FCopySign, Ty::F32) };
        assert_eq!(pure(&sign, BOXED | one, 0, 0, env), BOXED | one | 1 << 31);
        assert_eq!(
            pure(&Op::new(OpCode::FBox, Ty::F16), 0x1_2345, 0, 0, env),
            0xffff_ffff_ffff_2345
        );
        let wider = Op { aux: Ty::F64 as u16 | 5 << 8, ..Op::new(OpCode::FCvt, Ty::F32) };
        assert_eq!(pure(&wider, BOXED | one, 0, 0, env), 1f64.to_bits().into());
        let narrower = Op { aux: Ty::F16 as u16 | 5 << 8, ..Op::new(OpCode::FCvt, Ty::F32) };
        assert_eq!(pure(&narrower, BOXED | one, 0, 0, env), 0xffff_ffff_ffff_3c00);
        let integer = Op { aux: 8, ..Op::new(OpCode::IntToF, Ty::F32) };
        assert_eq!(pure(&integer, 1, 0, 0, env), BOXED | one);
        assert_eq!(env.status, 0);
    }

    #[test]
    fn canonical_results() {
        let env = &mut one_nan();
        let nan = u128::from(f64::NAN.to_bits() | 1 << 63 | 5);
        for code in [OpCode::FAdd, OpCode::FMulAdd, OpCode::FMaxNm, OpCode::FSqrt] {
            assert_eq!(pure(&Op::new(code, Ty::F64), nan, nan, nan, env), 0x7ff8 << 48);
        }
        let to_int = Op { aux: 3 | 8, ..Op::new(OpCode::FToInt, Ty::F64) };
        assert_eq!(pure(&to_int, nan, 0, 0, env), 0x7fff_ffff);
        assert_eq!(env.status, 1);
    }

    #[test]
    fn classes_and_compares() {
        let env = &mut one_nan();
        let class =
            |v: u64, env: &mut Env| pure(&Op::new(OpCode::FClass, Ty::F64), v.into(), 0, 0, env);
        let classes = [
            f64::NEG_INFINITY.to_bits(),
            (-1.5f64).to_bits(),
            1 << 63 | 1,
            1 << 63,
            0,
            1,
            1.5f64.to_bits(),
            f64::INFINITY.to_bits(),
            0x7ff0 << 48 | 1,
            0x7ff8 << 48,
        ];
        for (n, v) in classes.into_iter().enumerate() {
            assert_eq!(class(v, env), 1 << n, "{v:x}");
        }
        assert_eq!(env.status, 0);
        let compare = |cond: Cond, signalling: u16, a: f64, b: f64, env: &mut Env| {
            let op = Op { aux: cond as u16 | signalling << 7, ..Op::new(OpCode::FCmpSet, Ty::F64) };
            pure(&op, a.to_bits().into(), b.to_bits().into(), 0, env)
        };
        for (cond, less, equal, greater, unordered) in
            [(Cond::Eq, 0, 1, 0, 0), (Cond::Mi, 1, 0, 0, 0), (Cond::Ls, 1, 1, 0, 0)]
        {
            assert_eq!(compare(cond, 0, 1.0, 2.0, env), less);
            assert_eq!(compare(cond, 0, 2.0, 2.0, env), equal);
            assert_eq!(compare(cond, 0, 3.0, 2.0, env), greater);
            assert_eq!(compare(cond, 0, f64::NAN, 2.0, env), unordered);
        }
        assert_eq!((env.status, env.nzcv), (0, 0));
        assert_eq!((compare(Cond::Mi, 1, f64::NAN, 2.0, env), env.status), (0, 1));
    }

    #[test]
    fn rounding_of_one_operation() {
        let env = &mut one_nan();
        env.fp.rounding = softfloat::Round::Up;
        let third = |rounding: Rounding, env: &mut Env| {
            let op = Op { aux: rounding.chosen() << 8, ..Op::new(OpCode::FDiv, Ty::F64) };
            eval(op, [1.0, 3.0, 0.0], env).to_bits()
        };
        let down = third(Rounding::Down, env);
        assert_eq!(third(Rounding::Current, env), down + 1);
        assert_eq!(third(Rounding::Zero, env), down);
        let op = Op { aux: Rounding::Zero.chosen() | 8 | 16, ..Op::new(OpCode::IntToF, Ty::F64) };
        assert_eq!(pure(&op, i64::MAX as u128, 0, 0, env), 0x43df_ffff_ffff_ffff);
    }

    #[test]
    fn compare_and_convert() {
        let mut env = Env::default();
        eval(Op::new(OpCode::FCmp, Ty::F64), [1.0, f64::NAN, 0.0], &mut env);
        assert_eq!((env.nzcv, env.status), (0x3000_0000, 0));
        eval(Op { aux: 1, ..Op::new(OpCode::FCmp, Ty::F64) }, [1.0, f64::NAN, 0.0], &mut env);
        assert_eq!(env.status, 1);
        let to_int = Op { aux: 3 | 8, ..Op::new(OpCode::FToInt, Ty::F64) };
        assert_eq!(pure(&to_int, (-1.5f64).to_bits().into(), 0, 0, &mut env), 0xffff_ffff);
        let to_single = Op { aux: Ty::F32 as u16 | 5 << 8, ..Op::new(OpCode::FCvt, Ty::F64) };
        assert_eq!(pure(&to_single, 1.5f64.to_bits().into(), 0, 0, &mut env), 0x3fc0_0000);
    }
}
