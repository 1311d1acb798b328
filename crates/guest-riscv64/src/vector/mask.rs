//! Instructions on masks.

use super::{Done, Machine, Op, require};

impl Machine<'_> {
    pub(super) fn masks(&mut self, op: Op) -> Done {
        match op {
            Op::Cpopm | Op::First => self.count(op),
            Op::Msbf | Op::Msif | Op::Msof => self.before_first(op),
            Op::Iota | Op::Id => self.indexes(op),
            _ => self.logical(op),
        }
    }

    fn logical(&mut self, op: Op) -> Done {
        self.defined()?;
        let (vd, vs1, vs2) = (self.vd(), self.vs1(), self.vs2());
        for i in self.vstart..self.vl {
            let (a, b) = (self.mask_bit(vs2, i), self.mask_bit(vs1, i));
            let result = match op {
                Op::Mandn => a & !b,
                Op::Mand => a & b,
                Op::Mor => a | b,
                Op::Mxor => a ^ b,
                Op::Morn => a | !b,
                Op::Mnand => !(a & b),
                Op::Mnor => !(a | b),
                _ => a == b,
            };
            self.set_mask_bit(vd, i, result);
        }
        Ok(())
    }

    /// VCPOP.M and VFIRST.M.
    fn count(&mut self, op: Op) -> Done {
        self.defined()?;
        require(self.vstart == 0)?;
        let vs2 = self.vs2();
        let mut set = (0..self.vl).filter(|&i| self.active(i) && self.mask_bit(vs2, i));
        let result = match op {
            Op::Cpopm => set.count() as u64,
            _ => set.next().map_or(u64::MAX, |i| i as u64),
        };
        self.set_x(self.vd(), result);
        Ok(())
    }

    /// VMSBF, VMSIF, VMSOF: bits before, up to and at the first one that is set.
    fn before_first(&mut self, op: Op) -> Done {
        self.defined()?;
        let (vd, vs2) = (self.vd(), self.vs2());
        require(self.vstart == 0 && vd != vs2 && !(self.masked() && vd == 0))?;
        let mut found = false;
        for i in 0..self.vl {
            if !self.active(i) {
                continue;
            }
            let here = !found && self.mask_bit(vs2, i);
            let result = match op {
                Op::Msbf => !found && !here,
                Op::Msif => !found,
                _ => here,
            };
            found |= here;
            self.set_mask_bit(vd, i, result);
        }
        Ok(())
    }

    /// VIOTA and VID: how many bits are set before each element, and the number of each element.
    fn indexes(&mut self, op: Op) -> Done {
        let (w, vd, vs2) = (self.sew(), self.vd(), self.vs2());
        if op == Op::Id {
            self.check(self.group(vd), &[])?;
            self.each(|m, i| m.set(vd, w, i, i as u64));
            return Ok(());
        }
        self.check_apart(self.group(vd), &[Self::bits_of(vs2)])?;
        require(self.vstart == 0)?;
        let mut count = 0;
        self.each(|m, i| {
            let set = m.mask_bit(vs2, i);
            m.set(vd, w, i, count);
            count += u64::from(set);
        });
        Ok(())
    }
}
