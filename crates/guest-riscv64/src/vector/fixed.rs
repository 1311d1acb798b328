//! Fixed-point instructions: saturating and averaging sums, rounding shifts, clips. They set vxsat where
//! a result has been saturated, and round as vxrm says.

use super::arithmetic::rounding_shift;
use super::{Done, Form, Machine, Op, signed};
use crate::state::SLOT_VCSR;

impl Machine<'_> {
    fn rounding_mode(&self) -> u64 {
        self.state.int[usize::from(SLOT_VCSR)] >> 1 & 3
    }
    /// The nearest element of `w` bits, with or without sign.
    fn saturate(&mut self, value: i128, w: u32, with_sign: bool) -> u64 {
        let (min, max) = match with_sign {
            true => (-(1i128 << (w - 1)), (1i128 << (w - 1)) - 1),
            false => (0, (1i128 << w) - 1),
        };
        let nearest = value.clamp(min, max);
        if nearest != value {
            self.state.int[usize::from(SLOT_VCSR)] |= 1;
        }
        nearest as u64
    }

    pub(super) fn fixed_point(&mut self, op: Op) -> Done {
        let (w, vd, vs2) = (self.sew(), self.vd(), self.vs2());
        if matches!(op, Op::Nclipu | Op::Nclip) {
            self.check_narrow()?;
            let with_sign = op == Op::Nclip;
            self.each(|m, i| {
                let a = number(m.get(vs2, 2 * w, i), 2 * w, with_sign);
                let shifted = rounding_shift(a, m.narrow_shift(i), m.rounding_mode());
                let result = m.saturate(shifted, w, with_sign);
                m.set(vd, w, i, result);
            });
            return Ok(());
        }
        let sources = self.sources();
        self.check(self.group(vd), &sources)?;
        let with_sign =
            matches!(op, Op::Sadd | Op::Ssub | Op::Aadd | Op::Asub | Op::Smul | Op::Ssra);
        self.each(|m, i| {
            let mode = m.rounding_mode();
            let amount = match m.form() {
                Form::Immediate => m.vs1() as u64,
                _ => m.operand(i),
            };
            let a = number(m.get(vs2, w, i), w, with_sign);
            let b = number(m.operand(i), w, with_sign);
            let result = match op {
                Op::Saddu | Op::Sadd => m.saturate(a + b, w, with_sign),
                Op::Ssubu | Op::Ssub => m.saturate(a - b, w, with_sign),
                Op::Aaddu | Op::Aadd => rounding_shift(a + b, 1, mode) as u64,
                Op::Asubu | Op::Asub => rounding_shift(a - b, 1, mode) as u64,
                Op::Smul => m.saturate(rounding_shift(a * b, w - 1, mode), w, true),
                _ => rounding_shift(a, amount as u32 & (w - 1), mode) as u64,
            };
            m.set(vd, w, i, result);
        });
        Ok(())
    }
}

/// An element as a number.
fn number(value: u64, w: u32, with_sign: bool) -> i128 {
    if with_sign { signed(value, w).into() } else { value.into() }
}
