//! Integer instructions: results as wide as SEW, twice and half as wide, compares, carries.

use super::arithmetic::{
    carry_less, divide, multiply_high, reverse_byte_bits, reverse_bytes, rotate_left,
};
use super::{Done, Form, Group, Machine, Op, low, require, signed};

/// `a op b` (`a` is vs2) with the old destination `d`, all of `w` bits; None if it is no such operation.
fn same(op: Op, w: u32, a: u64, b: u64, d: u64) -> Option<u64> {
    let (sa, sb) = (signed(a, w), signed(b, w));
    let shift = b as u32 & (w - 1);
    let (la, lb, ub) = (i128::from(sa), i128::from(sb), i128::from(b));
    Some(match op {
        Op::Add => a.wrapping_add(b),
        Op::Sub => a.wrapping_sub(b),
        Op::Rsub => b.wrapping_sub(a),
        Op::Minu => a.min(b),
        Op::Min => sa.min(sb).cast_unsigned(),
        Op::Maxu => a.max(b),
        Op::Max => sa.max(sb).cast_unsigned(),
        Op::And => a & b,
        Op::Or => a | b,
        Op::Xor => a ^ b,
        Op::Andn => a & !b,
        Op::Sll => a << shift,
        Op::Srl => a >> shift,
        Op::Sra => (sa >> shift).cast_unsigned(),
        Op::Mul => a.wrapping_mul(b),
        Op::Mulh => multiply_high(la, lb, w),
        Op::Mulhu => (u128::from(a) * u128::from(b) >> w) as u64,
        Op::Mulhsu => multiply_high(la, ub, w),
        Op::Divu => divide(a, b, w, false).0,
        Op::Div => divide(a, b, w, true).0,
        Op::Remu => divide(a, b, w, false).1,
        Op::Rem => divide(a, b, w, true).1,
        Op::Macc => d.wrapping_add(a.wrapping_mul(b)),
        Op::Nmsac => d.wrapping_sub(a.wrapping_mul(b)),
        Op::Madd => a.wrapping_add(d.wrapping_mul(b)),
        Op::Nmsub => a.wrapping_sub(d.wrapping_mul(b)),
        Op::Rol => rotate_left(a, b, w),
        Op::Ror => rotate_left(a, u64::from(w).wrapping_sub(b), w),
        Op::Clmul => carry_less(a, b) as u64,
        Op::Clmulh => (carry_less(a, b) >> w) as u64,
        _ => return None,
    })
}

/// Of one source.
fn unary(op: Op, w: u32, a: u64) -> Option<u64> {
    Some(match op {
        Op::Brev => a.reverse_bits() >> (64 - w),
        Op::Brev8 => reverse_byte_bits(a),
        Op::Rev8 => reverse_bytes(a, w),
        Op::Clz => u64::from(a.leading_zeros() - (64 - w)),
        Op::Ctz => u64::from(a.trailing_zeros().min(w)),
        Op::Cpop => u64::from(a.count_ones()),
        _ => return None,
    })
}

/// A compare.
fn compare(op: Op, w: u32, a: u64, b: u64) -> Option<bool> {
    let (sa, sb) = (signed(a, w), signed(b, w));
    Some(match op {
        Op::Mseq => a == b,
        Op::Msne => a != b,
        Op::Msltu => a < b,
        Op::Mslt => sa < sb,
        Op::Msleu => a <= b,
        Op::Msle => sa <= sb,
        Op::Msgtu => a > b,
        Op::Msgt => sa > sb,
        _ => return None,
    })
}

/// How the sources of a widening operation are extended: `a` (vs2) and `b` with sign.
fn extensions(op: Op) -> Option<(bool, bool)> {
    Some(match op {
        Op::Waddu | Op::Wsubu | Op::Wmulu | Op::Wmaccu | Op::Wsll => (false, false),
        Op::Wadd | Op::Wsub | Op::Wmul | Op::Wmacc => (true, true),
        // The first factor of the product is vs2, but for accumulations the other one.
        Op::Wmulsu | Op::Wmaccus => (true, false),
        Op::Wmaccsu => (false, true),
        _ => return None,
    })
}

/// A widening operation on what has been extended, with the old destination.
fn widened(op: Op, w: u32, a: u64, b: u64, d: u64) -> u64 {
    match op {
        Op::Waddu | Op::Wadd => a.wrapping_add(b),
        Op::Wsubu | Op::Wsub => a.wrapping_sub(b),
        Op::Wsll => a << (b as u32 & (2 * w - 1)),
        Op::Wmulu | Op::Wmulsu | Op::Wmul => a.wrapping_mul(b),
        _ => d.wrapping_add(a.wrapping_mul(b)),
    }
}

fn extended(value: u64, w: u32, with_sign: bool) -> u64 {
    if with_sign { signed(value, w).cast_unsigned() } else { value }
}

impl Machine<'_> {
    pub(super) fn integer(&mut self, op: Op) -> Done {
        let (w, vd, vs2) = (self.sew(), self.vd(), self.vs2());
        if let Some(by) = op.extension() {
            return self.extend(by, matches!(op, Op::SextVf2 | Op::SextVf4 | Op::SextVf8));
        }
        if unary(op, w, 0).is_some() {
            self.check(self.group(vd), &[self.group(vs2)])?;
            self.each(|m, i| {
                let result = unary(op, w, m.get(vs2, w, i)).unwrap_or_default();
                m.set(vd, w, i, result);
            });
            return Ok(());
        }
        if compare(op, w, 0, 0).is_some() {
            let sources = self.sources();
            self.check(Self::bits_of(vd), &sources)?;
            self.each(|m, i| {
                let (a, b) = (m.get(vs2, w, i), m.operand(i));
                m.set_mask_bit(vd, i, compare(op, w, a, b).unwrap_or_default());
            });
            return Ok(());
        }
        match op {
            Op::Adc | Op::Sbc | Op::Madc | Op::Msbc => return self.carry(op),
            Op::Nsrl | Op::Nsra => return self.narrow(op),
            Op::Wsll => require(w < 64)?,
            Op::Clmul | Op::Clmulh => require(w == 64)?,
            _ => {}
        }
        if let Some(signs) = extensions(op) {
            return self.widen(op, signs);
        }
        let sources = self.sources();
        self.check(self.group(vd), &sources)?;
        let shifts = matches!(op, Op::Sll | Op::Srl | Op::Sra);
        self.each(|m, i| {
            let b = match op {
                Op::Ror if m.form() == Form::Immediate => {
                    m.vs1() as u64 | (m.bits(26, 1) << 5) as u64
                }
                _ if shifts && m.form() == Form::Immediate => m.vs1() as u64,
                _ => m.operand(i),
            };
            let (a, d) = (m.get(vs2, w, i), m.get(vd, w, i));
            m.set(vd, w, i, same(op, w, a, b, d).unwrap_or_default());
        });
        Ok(())
    }

    /// VZEXT and VSEXT: of elements `1 / by` as wide.
    fn extend(&mut self, by: u32, with_sign: bool) -> Done {
        let (w, vd, vs2) = (self.sew(), self.vd(), self.vs2());
        self.defined()?;
        let from = w / by;
        require(from >= 8)?;
        self.check(self.group(vd), &[self.group_of(vs2, from)])?;
        self.each(|m, i| {
            let value = extended(m.get(vs2, from, i), from, with_sign);
            m.set(vd, w, i, value);
        });
        Ok(())
    }

    /// A sum or difference with a carry, or the carry of it.
    fn carry(&mut self, op: Op) -> Done {
        let (w, vd, vs2) = (self.sew(), self.vd(), self.vs2());
        let carries = matches!(op, Op::Madc | Op::Msbc);
        let with_carry = self.masked();
        let sources = self.sources();
        let destination = if carries { Self::bits_of(vd) } else { self.group(vd) };
        self.check(destination, &sources)?;
        // All elements take part: the mask is the carry.
        for i in self.vstart..self.vl {
            let (a, b) = (u128::from(self.get(vs2, w, i)), u128::from(self.operand(i)));
            let carry = u128::from(with_carry && self.mask_bit(0, i));
            let result = match op {
                Op::Adc | Op::Madc => a + b + carry,
                _ => a.wrapping_sub(b).wrapping_sub(carry),
            };
            if carries {
                self.set_mask_bit(vd, i, result >> w & 1 != 0);
            } else {
                self.set(vd, w, i, result as u64);
            }
        }
        Ok(())
    }

    /// The shift amount of a narrowing instruction, for elements of `2 * w` bits.
    pub(super) fn narrow_shift(&self, i: usize) -> u32 {
        let amount = match self.form() {
            Form::Immediate => self.vs1() as u64,
            _ => self.operand(i),
        };
        amount as u32 & (2 * self.sew() - 1)
    }

    /// VNSRL, VNSRA.
    fn narrow(&mut self, op: Op) -> Done {
        let (w, vd, vs2) = (self.sew(), self.vd(), self.vs2());
        self.check_narrow()?;
        self.each(|m, i| {
            let a = m.get(vs2, 2 * w, i);
            let amount = m.narrow_shift(i);
            let result = match op {
                Op::Nsrl => a >> amount,
                _ => (signed(a, 2 * w) >> amount).cast_unsigned(),
            };
            m.set(vd, w, i, result);
        });
        Ok(())
    }
    /// Checks the groups of a narrowing instruction.
    pub(super) fn check_narrow(&self) -> Done {
        let sources = self.sources_from(self.wide(self.vs2(), 1));
        self.check(self.group(self.vd()), &sources)
    }

    /// Whether vs2 is as wide as the destination of a widening instruction: forms W of sums.
    pub(super) fn first_is_wide(&self) -> bool {
        self.bits(28, 1) != 0
    }

    fn widen(&mut self, op: Op, (sign_a, sign_b): (bool, bool)) -> Done {
        let (w, vd, vs2) = (self.sew(), self.vd(), self.vs2());
        let sums = matches!(op, Op::Waddu | Op::Wadd | Op::Wsubu | Op::Wsub);
        let wide = sums && self.first_is_wide();
        self.check_widening(
            wide,
            !sums && !matches!(op, Op::Wmulu | Op::Wmulsu | Op::Wmul | Op::Wsll),
        )?;
        self.each(|m, i| {
            let a = if wide { m.get(vs2, 2 * w, i) } else { extended(m.get(vs2, w, i), w, sign_a) };
            let b = match op {
                Op::Wsll if m.form() == Form::Immediate => m.vs1() as u64,
                _ => extended(m.operand(i), w, sign_b),
            };
            let d = m.get(vd, 2 * w, i);
            m.set(vd, 2 * w, i, widened(op, w, a, b, d) & low(2 * w));
        });
        Ok(())
    }
    /// Checks the groups of a widening instruction; `wide`: vs2 is as wide as the destination;
    /// `adds`: to the destination, which is a source too.
    pub(super) fn check_widening(&self, wide: bool, adds: bool) -> Done {
        self.defined()?;
        require(self.sew() < 64)?;
        let first: Group = if wide { self.wide(self.vs2(), 1) } else { self.group(self.vs2()) };
        let sources = self.sources_from(first);
        match adds {
            true => self.check_apart(self.wide(self.vd(), 1), &sources),
            false => self.check(self.wide(self.vd(), 1), &sources),
        }
    }
}
