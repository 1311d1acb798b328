//! Integer operations, selections and compares.

use crate::{Env, flags, six_flags};
use ir::{DivRule, Modifier, Op, OpCode};

/// Computes an integer operation; 0 for what is not one.
pub(crate) fn eval(op: &Op, a: u64, b: u64, c: u64, env: &mut Env) -> u64 {
    if op.has_six_flags() { six_flags::eval(op, a, b, c, env) } else { usual(op, a, b, c, env) }
}

fn usual(op: &Op, a: u64, b: u64, c: u64, env: &mut Env) -> u64 {
    let bits = if op.ty.bits() == 32 { 32 } else { 64 };
    let m = if bits == 32 { 0xffff_ffff } else { u64::MAX };
    let modified = || Modifier::decode(op.aux).apply(b, bits);
    let nzcv = env.nzcv;
    let carry = || nzcv >> 29 & 1 != 0;
    let holds = || flags::cond(op.aux).holds(nzcv);
    let high_nzcv = || u32::from(op.aux >> 8 & 15) << 28;
    let mut set = |(r, f): (u64, u32)| {
        env.nzcv = f;
        r
    };
    let r = match op.code {
        OpCode::Mov => a,
        OpCode::Add => a.wrapping_add(modified()),
        OpCode::Sub => a.wrapping_sub(modified()),
        OpCode::And => a & modified(),
        OpCode::Or => a | modified(),
        OpCode::Xor => a ^ modified(),
        OpCode::AndNot => a & !modified(),
        OpCode::OrNot => a | !modified(),
        OpCode::XorNot => a ^ !modified(),
        OpCode::AddS => set(flags::add(a, modified(), false, bits)),
        OpCode::SubS => set(flags::sub(a, modified(), bits)),
        OpCode::AndS => {
            let r = a & modified();
            set((r, flags::nz(r, bits)))
        }
        OpCode::AndNotS => {
            let r = a & !modified() & m;
            set((r, flags::nz(r, bits)))
        }
        OpCode::Adc => flags::add(a, b, carry(), bits).0,
        OpCode::Sbc => flags::add(a, !b, carry(), bits).0,
        OpCode::AdcS => set(flags::add(a, b, carry(), bits)),
        OpCode::SbcS => set(flags::add(a, !b, carry(), bits)),
        OpCode::Sel => {
            if holds() {
                a
            } else {
                b
            }
        }
        OpCode::SelInc => {
            if holds() {
                a
            } else {
                b.wrapping_add(1)
            }
        }
        OpCode::SelInv => {
            if holds() {
                a
            } else {
                !b
            }
        }
        OpCode::SelNeg => {
            if holds() {
                a
            } else {
                b.wrapping_neg()
            }
        }
        OpCode::SetCond => u64::from(holds()),
        OpCode::SetMask => {
            if holds() {
                u64::MAX
            } else {
                0
            }
        }
        OpCode::CcmpSub => {
            env.nzcv = if holds() { flags::sub(a, b, bits).1 } else { high_nzcv() };
            0
        }
        OpCode::CcmpAdd => {
            env.nzcv = if holds() { flags::add(a, b, false, bits).1 } else { high_nzcv() };
            0
        }
        OpCode::ReadFlags => u64::from(env.nzcv & 0xf000_0000),
        OpCode::WriteFlags => {
            env.nzcv = a as u32 & 0xf000_0000;
            0
        }
        OpCode::SetCmp => u64::from(flags::compare(op.aux, a, b, bits)),
        OpCode::SelCmp if flags::compare(op.aux, a, b, bits) => c,
        OpCode::SelCmp => 0,
        OpCode::DivWideU
        | OpCode::RemWideU
        | OpCode::DivWideS
        | OpCode::RemWideS
        | OpCode::DivWideBad => divide_wide(op.code, [c & m, a & m], b & m, bits),
        OpCode::DivS | OpCode::DivU | OpCode::RemS | OpCode::RemU => divide(op, a & m, b & m, bits),
        OpCode::ClMul | OpCode::ClMulH | OpCode::ClMulR => {
            let product = carry_less(a & m, b & m);
            match op.code {
                OpCode::ClMul => product as u64,
                OpCode::ClMulH => (product >> bits) as u64,
                _ => (product >> (bits - 1)) as u64,
            }
        }
        OpCode::OrcB => bytes(a, |v| if v == 0 { 0 } else { 0xff }),
        OpCode::Brev8 => bytes(a, u8::reverse_bits),
        OpCode::Xperm4 => permute(a & m, b & m, 4),
        OpCode::Xperm8 => permute(a & m, b & m, 8),
        OpCode::Ubfx
        | OpCode::Sbfx
        | OpCode::Ubfiz
        | OpCode::Sbfiz
        | OpCode::Bfi
        | OpCode::Bfxil => bitfield(op, a & m, b & m),
        _ => return arithmetic(op, a & m, b & m, bits) & result_mask(op.code, m),
    };
    r & m
}

/// Some results are 64-bit whatever the type.
const fn result_mask(code: OpCode, m: u64) -> u64 {
    match code {
        OpCode::MulWideS | OpCode::MulWideU => u64::MAX,
        _ => m,
    }
}

/// `width` ones.
const fn ones(width: u32) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

fn bitfield(op: &Op, a: u64, b: u64) -> u64 {
    let (lsb, width) = (u32::from(op.aux & 63), u32::from(op.aux >> 8));
    let mask = ones(width);
    let sext = |v: u64| ((v << (64 - width)) as i64 >> (64 - width)) as u64;
    match op.code {
        OpCode::Ubfx => a >> lsb & mask,
        OpCode::Sbfx => sext(a >> lsb),
        OpCode::Ubfiz => (a & mask) << lsb,
        OpCode::Sbfiz => sext(a) << lsb,
        OpCode::Bfi => a & !(mask << lsb) | (b & mask) << lsb,
        _ => a & !mask | b >> lsb & mask,
    }
}

/// The quotient or remainder of `bits`.
fn divide(op: &Op, a: u64, b: u64, bits: u32) -> u64 {
    let signed = |v: u64| if bits == 32 { i64::from(v as i32) } else { v as i64 };
    match (op.code, DivRule::from_aux(op.aux)) {
        (OpCode::RemS | OpCode::RemU, _) if b == 0 => a,
        (_, DivRule::Zero) if b == 0 => 0,
        (_, DivRule::Ones) if b == 0 => u64::MAX,
        (OpCode::DivS, _) => signed(a).wrapping_div(signed(b)) as u64,
        (OpCode::RemS, _) => signed(a).wrapping_rem(signed(b)) as u64,
        (OpCode::DivU, _) => a / b,
        _ => a % b,
    }
}

/// Divisions of two words, the upper one first.
fn divide_wide(code: OpCode, [high, low]: [u64; 2], b: u64, bits: u32) -> u64 {
    let a = u128::from(high) << bits | u128::from(low);
    let sext = |v: u128, n: u32| (v << (128 - n)) as i128 >> (128 - n);
    let (sa, sb) = (sext(a, 2 * bits), sext(b.into(), bits));
    // (MIN / -1 fits into 128 bits of which there are 64.)
    let signed = (b != 0).then(|| sa.checked_div(sb)).flatten();
    let signed = signed.filter(|&q| sext(q as u128, bits) == q);
    match code {
        OpCode::DivWideU | OpCode::RemWideU if high >= b => 0,
        OpCode::DivWideU => (a / u128::from(b)) as u64,
        OpCode::RemWideU => (a % u128::from(b)) as u64,
        OpCode::DivWideS => signed.map_or(0, |q| q as u64),
        OpCode::RemWideS => signed.map_or(0, |_| (sa % sb) as u64),
        _ => u64::from(signed.is_none()),
    }
}

fn carry_less(a: u64, b: u64) -> u128 {
    (0..64).filter(|n| b >> n & 1 != 0).fold(0, |sum, n| sum ^ u128::from(a) << n)
}

/// `f` of each byte.
fn bytes(v: u64, f: impl Fn(u8) -> u8) -> u64 {
    u64::from_le_bytes(v.to_le_bytes().map(f))
}

/// The fields of `a`, of `size` bits, that those of `b` tell; 0 where there is none.
fn permute(a: u64, b: u64, size: u32) -> u64 {
    let mask = ones(size);
    (0..64).step_by(size as usize).fold(0, |all, at| {
        let index = (b >> at & mask) as u32;
        all | (a.checked_shr(index * size).unwrap_or(0) & mask) << at
    })
}

/// Operations without flags; operands are masked to `bits`.
fn arithmetic(op: &Op, a: u64, b: u64, bits: u32) -> u64 {
    let w32 = bits == 32;
    let signed = |v: u64| if w32 { i64::from(v as i32) } else { v as i64 };
    let (sa, sb) = (signed(a), signed(b));
    let n = (b % u64::from(bits)) as u32;
    match op.code {
        OpCode::Mul => a.wrapping_mul(b),
        OpCode::MulHiS => ((i128::from(sa) * i128::from(sb)) >> bits) as u64,
        OpCode::MulHiU => ((u128::from(a) * u128::from(b)) >> bits) as u64,
        OpCode::MulHiSU => ((i128::from(sa) * i128::from(b)) >> bits) as u64,
        OpCode::MulWideS => i64::from(a as i32).wrapping_mul(i64::from(b as i32)) as u64,
        OpCode::MulWideU => u64::from(a as u32) * u64::from(b as u32),
        OpCode::Shl => a << n,
        OpCode::Shr => a >> n,
        OpCode::Sar => (sa >> n) as u64,
        OpCode::Ror => {
            if w32 {
                u64::from((a as u32).rotate_right(n))
            } else {
                a.rotate_right(n)
            }
        }
        OpCode::Not => !a,
        OpCode::Clz => u64::from(a.leading_zeros() - (64 - bits)),
        OpCode::Cls => u64::from(((sa ^ (sa >> 63)) as u64).leading_zeros() - 1 - (64 - bits)),
        OpCode::Ctz => u64::from(a.trailing_zeros().min(bits)),
        OpCode::Popcnt => u64::from(a.count_ones()),
        OpCode::Abs => sa.unsigned_abs(),
        OpCode::MaxS => sa.max(sb) as u64,
        OpCode::MinS => sa.min(sb) as u64,
        OpCode::MaxU => a.max(b),
        OpCode::MinU => a.min(b),
        OpCode::Rbit => a.reverse_bits() >> (64 - bits),
        OpCode::Rev => a.swap_bytes() >> (64 - bits),
        OpCode::Rev16 => a >> 8 & 0x00ff_00ff_00ff_00ff | (a & 0x00ff_00ff_00ff_00ff) << 8,
        OpCode::Rev32 => a.swap_bytes().rotate_left(32),
        OpCode::SExt8 => a as i8 as u64,
        OpCode::SExt16 => a as i16 as u64,
        OpCode::SExt32 => a as i32 as u64,
        OpCode::ZExt8 => u64::from(a as u8),
        OpCode::ZExt16 => u64::from(a as u16),
        OpCode::Extr => ((u128::from(a) << bits | u128::from(b)) >> (op.aux & 63)) as u64,
        OpCode::Deposit => chosen_bits(b).zip(0..64).map(|(to, from)| (a >> from & 1) << to).sum(),
        OpCode::Extract => chosen_bits(b).zip(0..64).map(|(from, to)| (a >> from & 1) << to).sum(),
        OpCode::Crc32 => u64::from(crc(0xedb8_8320, a, b, op.aux)),
        OpCode::Crc32c => u64::from(crc(0x82f6_3b78, a, b, op.aux)),
        _ => 0,
    }
}

/// One reflected CRC step over `1 << log2_size` bytes of `data`. `poly` is bit-reversed.
fn crc(poly: u32, acc: u64, data: u64, log2_size: u16) -> u32 {
    let bytes = 1 << (log2_size & 3);
    let mut crc = acc as u32;
    for i in 0..bytes {
        crc ^= u32::from((data >> (8 * i)) as u8);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 != 0 { poly } else { 0 };
        }
    }
    crc
}

/// The numbers of the bits that are set, from the lowest on.
fn chosen_bits(mask: u64) -> impl Iterator<Item = u32> {
    (0..64).filter(move |n| mask >> n & 1 != 0)
}

#[cfg(test)]
mod tests {
    use crate::{Env, pure};
    use ir::{Cond, Modifier, Op, OpCode, Ty};

    fn eval(code: OpCode, ty: Ty, aux: u16, a: u64, b: u64) -> u64 {
        let op = Op { aux, ..Op::new(code, ty) };
        pure(&op, a.into(), b.into(), 0, &mut Env::default()) as u64
    }

    #[test]
    fn widths_and_modifiers() {
        assert_eq!(eval(OpCode::Add, Ty::I32, 0, 0xffff_ffff, 2), 1);
        assert_eq!(eval(OpCode::Sub, Ty::I64, Modifier::Sxtw(2).encode(), 0, 0xffff_ffff), 4);
        assert_eq!(eval(OpCode::Or, Ty::I32, Modifier::Ror(8).encode(), 0, 0x12), 0x1200_0000);
        assert_eq!(eval(OpCode::SetMask, Ty::I32, 14, 0, 0), 0xffff_ffff);
    }

    #[test]
    fn division() {
        assert_eq!(eval(OpCode::DivS, Ty::I32, 0, 0x8000_0000, 0xffff_ffff), 0x8000_0000);
        assert_eq!(eval(OpCode::DivS, Ty::I64, 0, 1 << 63, u64::MAX), 1 << 63);
        assert_eq!(eval(OpCode::DivS, Ty::I32, 0, (-7i32) as u32 as u64, 2), 0xffff_fffd);
        assert_eq!(eval(OpCode::DivU, Ty::I64, 0, 7, 0), 0);
    }

    #[test]
    fn division_by_the_other_rule() {
        for (a, b, quotient, remainder) in [
            (7, 0, u64::MAX, 7),
            ((-7i64) as u64, 2, (-3i64) as u64, u64::MAX),
            (1 << 63, u64::MAX, 1 << 63, 0),
        ] {
            assert_eq!(eval(OpCode::DivS, Ty::I64, 1, a, b), quotient);
            assert_eq!(eval(OpCode::RemS, Ty::I64, 1, a, b), remainder);
        }
        assert_eq!(eval(OpCode::DivU, Ty::I32, 1, 5, 1 << 32), 0xffff_ffff);
        assert_eq!(eval(OpCode::RemU, Ty::I32, 1, 5 | 7 << 32, 0), 5);
        assert_eq!(eval(OpCode::RemU, Ty::I64, 0, 29, 10), 9);
        assert_eq!(eval(OpCode::RemS, Ty::I32, 1, 0x8000_0000, 0xffff_ffff), 0);
    }

    #[test]
    fn division_of_two_words() {
        let wide = |code, ty, c: u64, a: u64, b: u64| {
            pure(&Op::new(code, ty), a.into(), b.into(), c.into(), &mut Env::default()) as u64
        };
        let minus = |n: u64| n.wrapping_neg();
        assert_eq!(wide(OpCode::DivWideU, Ty::I64, 1, 5, 16), 1 << 60);
        assert_eq!(wide(OpCode::RemWideU, Ty::I64, 1, 5, 16), 5);
        assert_eq!(wide(OpCode::DivWideU, Ty::I64, 16, 5, 16), 0);
        assert_eq!(wide(OpCode::DivWideU, Ty::I32, 1, 0, 3), 0x5555_5555);
        assert_eq!(wide(OpCode::DivWideS, Ty::I64, u64::MAX, minus(7), 2), minus(3));
        assert_eq!(wide(OpCode::RemWideS, Ty::I64, u64::MAX, minus(7), 2), u64::MAX);
        for (c, a, b, bad) in [
            (0, 1 << 63, 1, 1),
            (0, (1 << 63) - 1, 1, 0),
            (u64::MAX, 1 << 63, 1, 0),
            (u64::MAX, 1 << 63, u64::MAX, 1),
            (1 << 63, 0, u64::MAX, 1),
            (0, 1, 0, 1),
        ] {
            assert_eq!(wide(OpCode::DivWideBad, Ty::I64, c, a, b), bad, "{c:x} {a:x} {b:x}");
        }
    }

    #[test]
    fn bits_of_bytes() {
        assert_eq!(eval(OpCode::OrcB, Ty::I64, 0, 0x0100_0080_0000_ff10, 0), 0xff00_00ff_0000_ffff);
        assert_eq!(eval(OpCode::Brev8, Ty::I32, 0, 0x0102_0380, 0), 0x8040_c001);
        assert_eq!(
            eval(OpCode::Xperm4, Ty::I64, 0, 0xfedc_ba98, 0x8070_0001),
            0x8888_8888_08f8_8889
        );
        assert_eq!(
            eval(OpCode::Xperm8, Ty::I64, 0, 0x1122_3344_5566_7788, 0x08ff_0700),
            0x8888_8888_0000_1188
        );
        // (x + 1)(x^2 + 1), and the product of the highest ones.
        assert_eq!(eval(OpCode::ClMul, Ty::I64, 0, 3, 5), 15);
        assert_eq!(eval(OpCode::ClMulH, Ty::I64, 0, 1 << 63, 3 << 62), 3 << 61);
        assert_eq!(eval(OpCode::ClMulR, Ty::I64, 0, 1 << 63, 3 << 62), 3 << 62);
        assert_eq!(eval(OpCode::ClMulR, Ty::I32, 0, 1 << 31, 1 << 31), 1 << 31);
        assert_eq!(eval(OpCode::MulHiSU, Ty::I64, 0, u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn selection_without_flags() {
        let select = |cond: Cond, ty| {
            let op = Op { aux: cond as u16, ..Op::new(OpCode::SelCmp, ty) };
            pure(&op, 1 << 32, 0, 77, &mut Env::default()) as u64
        };
        assert_eq!(select(Cond::Ne, Ty::I64), 77);
        assert_eq!(select(Cond::Ne, Ty::I32), 0);
        assert_eq!(select(Cond::Ls, Ty::I64), 0);
    }

    #[test]
    fn bits() {
        assert_eq!(eval(OpCode::Cls, Ty::I32, 0, 0xffff_fff0, 0), 27);
        assert_eq!(eval(OpCode::Clz, Ty::I32, 0, 0, 0), 32);
        assert_eq!(eval(OpCode::Sbfx, Ty::I32, 4 | 4 << 8, 0xf0, 0), 0xffff_ffff);
        assert_eq!(eval(OpCode::Bfi, Ty::I64, 8 | 8 << 8, 0xffff_ffff, 0x12), 0xffff_12ff);
        assert_eq!(eval(OpCode::Extr, Ty::I32, 8, 0x12, 0x3456_7890), 0x1234_5678);
        assert_eq!(
            eval(OpCode::Rev32, Ty::I64, 0, 0x0102_0304_0506_0708, 0),
            0x0403_0201_0807_0605
        );
        assert_eq!(eval(OpCode::MulHiS, Ty::I64, 0, u64::MAX, 5), u64::MAX);
    }

    #[test]
    fn checksum_of_123456789() {
        let crc = |code| {
            b"123456789".iter().fold(0xffff_ffff, |c, &x| eval(code, Ty::I32, 0, c, x.into()))
                ^ 0xffff_ffff
        };
        assert_eq!(crc(OpCode::Crc32), 0xcbf4_3926);
        assert_eq!(crc(OpCode::Crc32c), 0xe306_9283);
    }
}
