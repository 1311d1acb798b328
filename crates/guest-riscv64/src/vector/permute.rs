//! Moves of elements: merges, slides, gathers, compression, whole registers.

use super::{Done, Form, Machine, Op, Sources, V0, VLEN, low, require};

impl Machine<'_> {
    pub(super) fn permute(&mut self, op: Op) -> Done {
        match op {
            Op::Merge | Op::Fmerge => self.merge(),
            Op::Mv | Op::Fmv => self.splat(),
            Op::MvXS | Op::MvSX | Op::FmvFS | Op::FmvSF => self.scalar(op),
            Op::MvR => self.whole(),
            Op::Slideup | Op::Slidedown => self.slide(op),
            Op::Slide1up | Op::Slide1down | Op::Fslide1up | Op::Fslide1down => self.slide_one(op),
            Op::Compress => self.compress(),
            _ => self.gather(op),
        }
    }

    /// The scalar, or element `i`, that a merge or move takes.
    fn taken(&self, i: usize) -> u64 {
        match self.form() {
            Form::Float => self.scalar_float(self.sew()),
            _ => self.operand(i),
        }
    }
    fn merge(&mut self) -> Done {
        let (w, vd, vs2) = (self.sew(), self.vd(), self.vs2());
        if self.form() == Form::Float {
            self.float_width()?;
            require(crate::key::rounding_is_defined(crate::key::control(self.state).key))?;
        }
        let sources = self.sources();
        self.check(self.group(vd), &sources)?;
        for i in self.vstart..self.vl {
            let value = if self.mask_bit(0, i) { self.taken(i) } else { self.get(vs2, w, i) };
            self.set(vd, w, i, value);
        }
        Ok(())
    }
    /// VMV.V.V, VMV.V.X, VMV.V.I, VFMV.V.F.
    fn splat(&mut self) -> Done {
        let (w, vd) = (self.sew(), self.vd());
        if self.form() == Form::Float {
            self.float_width()?;
        }
        let source = self.group(self.vs1());
        let sources = [source];
        let vector = self.form() == Form::Vector;
        self.check(self.group(vd), if vector { &sources } else { &[] })?;
        for i in self.vstart..self.vl {
            let value = self.taken(i);
            self.set(vd, w, i, value);
        }
        Ok(())
    }
    /// Moves between element 0 and a scalar register.
    fn scalar(&mut self, op: Op) -> Done {
        self.defined()?;
        let (w, vd, vs2) = (self.sew(), self.vd(), self.vs2());
        let some = self.vstart < self.vl;
        match op {
            Op::MvXS => {
                let value = super::signed(self.get(vs2, w, 0), w).cast_unsigned();
                self.set_x(vd, value);
            }
            Op::FmvFS => {
                self.float_width()?;
                require(crate::key::rounding_is_defined(crate::key::control(self.state).key))?;
                let value = self.get(vs2, w, 0) | if w == 64 { 0 } else { u64::MAX << w };
                self.state.vec[vd] = value.into();
            }
            Op::MvSX if some => {
                let value = self.x(self.vs1());
                self.set(vd, w, 0, value & low(w));
            }
            Op::FmvSF => {
                self.float_width()?;
                require(crate::key::rounding_is_defined(crate::key::control(self.state).key))?;
                let value = self.scalar_float(w);
                if some {
                    self.set(vd, w, 0, value);
                }
            }
            _ => {}
        }
        Ok(())
    }
    /// VMV1R to VMV8R.
    fn whole(&mut self) -> Done {
        let count = self.vs1() + 1;
        let (vd, vs2) = (self.vd(), self.vs2());
        self.defined()?;
        require(vd.is_multiple_of(count) && vs2.is_multiple_of(count))?;
        let w = self.sew();
        let elements = count * (VLEN / w) as usize;
        if self.vstart == 0 {
            self.state.vec.copy_within(V0 + vs2..V0 + vs2 + count, V0 + vd);
        } else {
            for i in self.vstart..elements {
                let value = self.get(vs2, w, i);
                self.set(vd, w, i, value);
            }
        }
        Ok(())
    }

    /// How far a slide goes.
    fn offset(&self) -> u64 {
        match self.form() {
            Form::Immediate => self.vs1() as u64,
            _ => self.x(self.vs1()),
        }
    }
    fn slide(&mut self, op: Op) -> Done {
        let (w, vd, vs2) = (self.sew(), self.vd(), self.vs2());
        let offset = self.offset();
        if op == Op::Slideup {
            self.check_apart(self.group(vd), &[self.group(vs2)])?;
            let first = offset.max(self.vstart as u64).min(self.vl as u64) as usize;
            for i in first..self.vl {
                if self.active(i) {
                    let value = self.get(vs2, w, i - offset as usize);
                    self.set(vd, w, i, value);
                }
            }
            return Ok(());
        }
        self.check(self.group(vd), &[self.group(vs2)])?;
        let max = self.kind.elements();
        self.each(|m, i| {
            let from = offset.saturating_add(i as u64);
            let value = if from < max { m.get(vs2, w, from as usize) } else { 0 };
            m.set(vd, w, i, value);
        });
        Ok(())
    }
    fn slide_one(&mut self, op: Op) -> Done {
        let (w, vd, vs2) = (self.sew(), self.vd(), self.vs2());
        let up = matches!(op, Op::Slide1up | Op::Fslide1up);
        let scalar = match op {
            Op::Fslide1up | Op::Fslide1down => {
                self.float_width()?;
                self.scalar_float(w)
            }
            _ => self.x(self.vs1()) & low(w),
        };
        let groups = (self.group(vd), [self.group(vs2)]);
        match up {
            true => self.check_apart(groups.0, &groups.1)?,
            false => self.check(groups.0, &groups.1)?,
        }
        let last = self.vl.wrapping_sub(1);
        self.each(|m, i| {
            let value = match up {
                true if i == 0 => scalar,
                true => m.get(vs2, w, i - 1),
                false if i == last => scalar,
                false => m.get(vs2, w, i + 1),
            };
            m.set(vd, w, i, value);
        });
        Ok(())
    }

    fn gather(&mut self, op: Op) -> Done {
        let (w, vd, vs1, vs2) = (self.sew(), self.vd(), self.vs1(), self.vs2());
        self.defined()?;
        let index_width = if op == Op::Rgatherei16 { 16 } else { w };
        let vector = self.form() == Form::Vector;
        let sources = match vector {
            true => Sources::two(self.group(vs2), self.group_of(vs1, index_width)),
            false => Sources::one(self.group(vs2)),
        };
        self.check_apart(self.group(vd), &sources)?;
        let max = self.kind.elements();
        self.each(|m, i| {
            let index = if vector { m.get(vs1, index_width, i) } else { m.offset() };
            let value = if index < max { m.get(vs2, w, index as usize) } else { 0 };
            m.set(vd, w, i, value);
        });
        Ok(())
    }

    fn compress(&mut self) -> Done {
        let (w, vd, vs1, vs2) = (self.sew(), self.vd(), self.vs1(), self.vs2());
        // (That the mask must not overlap the other source either is not checked by any processor known.)
        self.check_apart(self.group(vd), &[self.group(vs2)])?;
        self.check_apart(self.group(vd), &[Self::bits_of(vs1)])?;
        require(self.vstart == 0)?;
        let mut to = 0;
        for i in 0..self.vl {
            if self.mask_bit(vs1, i) {
                let value = self.get(vs2, w, i);
                self.set(vd, w, to, value);
                to += 1;
            }
        }
        Ok(())
    }
}
