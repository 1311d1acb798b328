//! Operations that set all six flags, in any width ([`ir::SIX_FLAGS`]).

use crate::Env;
use ir::{Op, OpCode, ShiftKind};

const N: u32 = 1 << 31;
const Z: u32 = 1 << 30;
/// No carry.
const C: u32 = 1 << 29;
const V: u32 = 1 << 28;
const P: u32 = 1 << 27;
const A: u32 = 1 << 26;
/// All six.
const ALL: u32 = N | Z | C | V | P | A;

const fn when(holds: bool, flag: u32) -> u32 {
    if holds { flag } else { 0 }
}

/// A width in bits.
#[derive(Clone, Copy)]
struct Width(u32);

impl Width {
    const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.0)
    }
    const fn top(self, v: u64) -> bool {
        v >> (self.0 - 1) & 1 != 0
    }
    /// The flags that only depend on a result.
    const fn of_result(self, r: u64) -> u32 {
        let r = r & self.mask();
        when(self.top(r), N) | when(r == 0, Z) | when((r as u8).count_ones() & 1 == 0, P)
    }
    /// `a + b + carry` and its flags.
    const fn add(self, a: u64, b: u64, carry: bool) -> (u64, u32) {
        let (a, b) = (a & self.mask(), b & self.mask());
        let wide = a as u128 + b as u128 + carry as u128;
        let r = wide as u64 & self.mask();
        let flags = when(wide >> self.0 == 0, C)
            | when(self.top((a ^ r) & (b ^ r)), V)
            | when((a ^ b ^ r) & 16 != 0, A);
        (r, self.of_result(r) | flags)
    }
    /// `a - b - borrow` and its flags.
    const fn sub(self, a: u64, b: u64, borrow: bool) -> (u64, u32) {
        let (a, b) = (a & self.mask(), b & self.mask());
        let r = a.wrapping_sub(b).wrapping_sub(borrow as u64) & self.mask();
        let flags = when(a as u128 >= b as u128 + borrow as u128, C)
            | when(self.top((a ^ b) & (a ^ r)), V)
            | when((a ^ b ^ r) & 16 != 0, A);
        (r, self.of_result(r) | flags)
    }
    /// The lower half of a signed product, and whether it needs more bits.
    const fn mul(self, a: u64, b: u64, before: u32) -> (u64, u32) {
        let shift = 64 - self.0;
        let (a, b) = ((a << shift) as i64 >> shift, (b << shift) as i64 >> shift);
        let wide = a as i128 * b as i128;
        let r = wide as u64 & self.mask();
        let fits = wide == ((r << shift) as i64 >> shift) as i128;
        (r, before & !(C | V) | when(fits, C) | when(!fits, V))
    }
}

/// Computes such an operation.
pub(crate) fn eval(op: &Op, a: u64, b: u64, c: u64, env: &mut Env) -> u64 {
    let width = Width(op.ty.bits());
    let before = env.nzcv;
    let carry = before & C == 0;
    let logic = |r: u64| (r & width.mask(), width.of_result(r) | C);
    let (r, flags) = match op.code {
        OpCode::AddS => width.add(a, b, false),
        OpCode::AdcS => width.add(a, b, carry),
        OpCode::SubS => width.sub(a, b, false),
        OpCode::SbcS => width.sub(a, b, carry),
        OpCode::AndS => logic(a & b),
        OpCode::OrS => logic(a | b),
        OpCode::XorS => logic(a ^ b),
        OpCode::IncS | OpCode::DecS => {
            let (r, flags) = match op.code {
                OpCode::IncS => width.add(a, 1, false),
                _ => width.sub(a, 1, false),
            };
            (r, flags & !C | before & C)
        }
        OpCode::ShiftS | OpCode::ShiftKeepS => {
            shift(ShiftKind::from_aux(op.aux), width, [a & width.mask(), b], before)
        }
        OpCode::ShiftPairS => {
            shift_pair(op.aux & 1 != 0, width, [a & width.mask(), b, c & width.mask()], before)
        }
        OpCode::MulS => width.mul(a, b, before),
        OpCode::SetC => (0, before & !C | when(a & 1 != 0, C)),
        OpCode::ReadFlags => return u64::from(before & ALL),
        _ => (0, a as u32 & ALL),
    };
    env.nzcv = flags;
    r
}

/// The count of a shift: its lowest five bits, or six.
const fn masked(count: u64, width: Width) -> u32 {
    (count & if width.0 == 64 { 63 } else { 31 }) as u32
}

fn shift(kind: ShiftKind, width: Width, [a, count]: [u64; 2], before: u32) -> (u64, u32) {
    let n = masked(count, width);
    if n == 0 {
        return (a, before);
    }
    if kind.rotates() {
        return rotate(kind, width, a, n, before);
    }
    let bits = width.0;
    let signed = (a << (64 - bits)) as i64 >> (64 - bits);
    // (128 bits have room for all counts.)
    let (r, out) = match kind {
        ShiftKind::Shl => {
            let wide = u128::from(a) << n;
            (wide as u64, wide >> bits & 1 != 0)
        }
        ShiftKind::Shr => ((u128::from(a) >> n) as u64, u128::from(a) >> (n - 1) & 1 != 0),
        _ => ((i128::from(signed) >> n) as u64, i128::from(signed) >> (n - 1) & 1 != 0),
    };
    let r = r & width.mask();
    let overflow = match kind {
        ShiftKind::Shl => width.top(r) != out,
        ShiftKind::Shr => width.top(a),
        _ => false,
    };
    (r, width.of_result(r) | when(!out, C) | when(overflow, V))
}

fn rotate(kind: ShiftKind, width: Width, a: u64, n: u32, before: u32) -> (u64, u32) {
    let bits = width.0;
    let carry = u128::from(before & C == 0);
    // Through the carry there is one more bit.
    let through = matches!(kind, ShiftKind::Rcl | ShiftKind::Rcr);
    let (value, len) = match through {
        true => (u128::from(a) | carry << bits, bits + 1),
        false => (u128::from(a), bits),
    };
    let left = matches!(kind, ShiftKind::Rol | ShiftKind::Rcl);
    let n = if left { n % len } else { (len - n % len) % len };
    let mask = (1_u128 << len) - 1;
    let turned = (value << n | value >> (len - n)) & mask;
    let r = turned as u64 & width.mask();
    let out = match (through, left) {
        (true, _) => turned >> bits & 1 != 0,
        (false, true) => r & 1 != 0,
        (false, false) => width.top(r),
    };
    let overflow = if left { width.top(r) != out } else { width.top(r) != width.top(r << 1) };
    (r, before & !(C | V) | when(!out, C) | when(overflow, V))
}

fn shift_pair(right: bool, width: Width, [a, count, c]: [u64; 3], before: u32) -> (u64, u32) {
    let n = masked(count, width);
    if n == 0 {
        return (a, before);
    }
    let bits = width.0;
    // (Of 16 bits, counts above that are undefined: the operand comes in once more.)
    let (a, c) = (u128::from(a), u128::from(c));
    let (r, out) = if right {
        let wide = c << bits | a;
        let wide = if bits == 16 { wide | a << 32 } else { wide };
        ((wide >> n) as u64, wide >> (n - 1) & 1 != 0)
    } else {
        let wide = a << bits | c;
        let (wide, len) = if bits == 16 { (wide << 16 | a, 48) } else { (wide, 2 * bits) };
        ((wide >> (len - bits - n)) as u64, wide >> (len - n) & 1 != 0)
    };
    let r = r & width.mask();
    let overflow = width.top(r) != width.top(a as u64);
    (r, width.of_result(r) | when(!out, C) | when(overflow, V))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir::{Ref, SIX_FLAGS, Ty};

    fn run(code: OpCode, ty: Ty, aux: u16, [a, b, c]: [u64; 3], nzcv: u32) -> (u64, u32) {
        let mut op = Op::new(code, ty);
        (op.aux, op.dst) = (aux | SIX_FLAGS, Ref::slot(0));
        let mut env = Env { nzcv, ..Env::default() };
        let r = eval(&op, a, b, c, &mut env);
        (r, env.nzcv)
    }

    #[test]
    fn additions_and_subtractions_of_bytes() {
        let add = |a, b| run(OpCode::AddS, Ty::I8, 0, [a, b, 0], 0);
        assert_eq!(add(0xff, 0x301), (0, Z | P | A));
        assert_eq!(add(0x7f, 1), (0x80, N | C | V | A));
        assert_eq!(add(1, 2), (3, C | P));
        let sub = |a, b| run(OpCode::SubS, Ty::I8, 0, [a, b, 0], 0);
        assert_eq!(sub(0, 1), (0xff, N | P | A));
        assert_eq!(sub(0x80, 1), (0x7f, C | V | A));
        assert_eq!(run(OpCode::AdcS, Ty::I16, 0, [0xffff, 0, 0], 0), (0, Z | P | A));
        assert_eq!(run(OpCode::SbcS, Ty::I64, 0, [0, u64::MAX, 0], 0), (0, Z | P | A));
    }

    #[test]
    fn steps_keep_the_carry() {
        assert_eq!(run(OpCode::MulS, Ty::I32, 0, [0x8000, 0x1_0000, 0], Z), (0x8000_0000, Z | V));
        assert_eq!(run(OpCode::MulS, Ty::I64, 0, [u64::MAX, 5, 0], V), (u64::MAX - 4, C));
        assert_eq!(run(OpCode::MulS, Ty::I64, 0, [1 << 63, u64::MAX, 0], C), (1 << 63, V));
        assert_eq!(run(OpCode::IncS, Ty::I32, 0, [u64::MAX, 0, 0], C), (0, Z | C | P | A));
        assert_eq!(run(OpCode::DecS, Ty::I32, 0, [0, 0, 0], 0), (0xffff_ffff, N | P | A));
    }

    #[test]
    fn shifts() {
        let shift =
            |kind: ShiftKind, ty, a, n| run(OpCode::ShiftKeepS, ty, kind as u16, [a, n, 0], ALL);
        assert_eq!(shift(ShiftKind::Shl, Ty::I32, 5, 32), (5, ALL));
        assert_eq!(shift(ShiftKind::Shl, Ty::I8, 0x81, 1), (2, V));
        assert_eq!(shift(ShiftKind::Shr, Ty::I64, 3, 1), (1, 0));
        assert_eq!(shift(ShiftKind::Sar, Ty::I16, 0x8000, 15), (0xffff, N | C | P));
        assert_eq!(shift(ShiftKind::Rol, Ty::I8, 0x81, 8), (0x81, N | Z | P | A));
        assert_eq!(shift(ShiftKind::Ror, Ty::I32, 1, 1).0, 0x8000_0000);
        assert_eq!(shift(ShiftKind::Rcr, Ty::I8, 1, 1), (0, N | Z | P | A));
        let pair = |right, ty, a, n, c| run(OpCode::ShiftPairS, ty, right, [a, n, c], C);
        assert_eq!(pair(0, Ty::I32, 0x8000_0001, 4, 0xf000_0000).0, 0x1f);
        assert_eq!(pair(1, Ty::I64, 0x10, 4, 0xf).0, 0xf000_0000_0000_0001);
    }
}
