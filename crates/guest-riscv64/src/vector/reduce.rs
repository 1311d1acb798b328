//! Reductions: all elements of vs2 that take part, and element 0 of vs1, become one value.

use super::float::Float;
use super::{Done, Machine, Op, low, require, signed};

/// An integer reduction's step.
fn step(op: Op, w: u32, a: u64, b: u64) -> u64 {
    let (sa, sb) = (signed(a, w), signed(b, w));
    match op {
        Op::Redand => a & b,
        Op::Redor => a | b,
        Op::Redxor => a ^ b,
        Op::Redminu => a.min(b),
        Op::Redmin => sa.min(sb).cast_unsigned(),
        Op::Redmaxu => a.max(b),
        Op::Redmax => sa.max(sb).cast_unsigned(),
        _ => a.wrapping_add(b),
    }
}

impl Machine<'_> {
    pub(super) fn reduce(&mut self, op: Op) -> Done {
        self.defined()?;
        let (w, vd, vs1, vs2) = (self.sew(), self.vd(), self.vs1(), self.vs2());
        let wide = matches!(op, Op::Wredsumu | Op::Wredsum | Op::Fwredusum | Op::Fwredosum);
        require(self.vstart == 0 && self.group(vs2).is_aligned())?;
        require(!wide || w < 64)?;
        if self.masked() {
            require(vs1 != 0 && vs2 != 0)?;
        }
        // (Sources of different widths must not overlap.)
        require(!wide || !self.group(vs2).overlaps(Self::bits_of(vs1)))?;
        let to = if wide { 2 * w } else { w };
        let with_sign = op == Op::Wredsum;
        let float = matches!(
            op,
            Op::Fredusum | Op::Fredosum | Op::Fredmin | Op::Fredmax | Op::Fwredusum | Op::Fwredosum
        );
        if float {
            self.float_width()?;
        }
        if self.vl == 0 {
            return Ok(());
        }
        let mut fp = float.then(|| Float::new(self));
        let mut result = self.get(vs1, to, 0);
        for i in 0..self.vl {
            if !self.active(i) {
                continue;
            }
            let a = self.get(vs2, w, i);
            result = match &mut fp {
                Some(fp) => fp.reduce(op, w, result, a),
                None if with_sign => step(op, to, result, signed(a, w).cast_unsigned()),
                None => step(op, to, result, a),
            } & low(to);
        }
        if let Some(fp) = fp {
            fp.finish(self);
        }
        self.set(vd, to, 0, result);
        Ok(())
    }
}
