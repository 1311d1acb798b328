//! Scalar floating point.

use crate::{Env, flags, lanes};
use ir::{Op, OpCode, Rounding, Ty};
use softfloat::{Control, Format, Fp, Round};

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

/// Computes a floating-point operation.
pub(crate) fn eval(op: &Op, a: u128, b: u128, c: u128, env: &mut Env) -> u128 {
    match op.code {
        OpCode::ReadFpStatus => return env.fpsr.into(),
        OpCode::WriteFpStatus => {
            env.fpsr = a as u64;
            return 0;
        }
        _ => {}
    }
    let mut fp = Fp::new(Control::arm(env.fpcr));
    let holds = flags::cond(op.aux).holds(env.nzcv);
    let r = match op.code {
        OpCode::FCmp => {
            let r = fp.compare(format(op.ty), a as u64, b as u64, op.aux & 1 != 0);
            env.nzcv = r << 28;
            0
        }
        OpCode::FCcmp if holds => {
            let r = fp.compare(format(op.ty), a as u64, b as u64, op.aux & 0x80 != 0);
            env.nzcv = r << 28;
            0
        }
        OpCode::FCcmp => {
            env.nzcv = u32::from(op.aux >> 8 & 15) << 28;
            0
        }
        OpCode::FJcvt => {
            let (r, exact) = fp.to_int_js(a as u64);
            env.nzcv = u32::from(exact) << 30;
            r.into()
        }
        OpCode::FCvt | OpCode::FToInt | OpCode::FToIntV | OpCode::IntToF | OpCode::IntVToF => {
            convert(op, a as u64, &mut fp)
        }
        _ => arithmetic(op, a as u64, b as u64, c as u64, &mut fp),
    };
    env.fpsr |= u64::from(fp.status);
    r.into()
}

fn arithmetic(op: &Op, a: u64, b: u64, c: u64, fp: &mut Fp) -> u64 {
    let f = format(op.ty);
    let sign = f.sign_bit();
    let negate_if = |v, bit: u16| if op.aux & bit != 0 { v ^ sign } else { v };
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
        _ => fp.from_fixed(f, lanes::truncate(a.into(), bits) as u64, fbits, signed, bits),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Env, pure};
    use ir::{Op, OpCode, Ty};

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
        assert_eq!(env.fpsr, 0);
    }

    #[test]
    fn compare_and_convert() {
        let mut env = Env::default();
        eval(Op::new(OpCode::FCmp, Ty::F64), [1.0, f64::NAN, 0.0], &mut env);
        assert_eq!((env.nzcv, env.fpsr), (0x3000_0000, 0));
        eval(Op { aux: 1, ..Op::new(OpCode::FCmp, Ty::F64) }, [1.0, f64::NAN, 0.0], &mut env);
        assert_eq!(env.fpsr, 1);
        let to_int = Op { aux: 3 | 8, ..Op::new(OpCode::FToInt, Ty::F64) };
        assert_eq!(pure(&to_int, (-1.5f64).to_bits().into(), 0, 0, &mut env), 0xffff_ffff);
        let to_single = Op { aux: Ty::F32 as u16 | 5 << 8, ..Op::new(OpCode::FCvt, Ty::F64) };
        assert_eq!(pure(&to_single, 1.5f64.to_bits().into(), 0, 0, &mut env), 0x3fc0_0000);
    }
}
