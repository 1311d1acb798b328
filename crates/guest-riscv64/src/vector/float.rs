//! Floating-point instructions.

use super::estimate::{rec7, rsqrt7};
use super::{Done, Form, Machine, Op, low, require};
use crate::cpu::Features;
use crate::key;
use ir::Round;
use ir::state::SLOT_FPSR;
use softfloat::{DZC, Format, Fp, IOC, IXC, OFC};
use std::cmp::Ordering;

/// What a number is, as far as estimates care.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Zero,
    Number,
    Infinity,
    Quiet,
    Signalling,
}

/// The class of a number.
pub(super) fn class(f: Format, raw: u64) -> Class {
    let (magnitude, infinity) = (raw & !f.sign_bit(), f.infinity(false));
    match magnitude.cmp(&infinity) {
        Ordering::Equal => Class::Infinity,
        Ordering::Less if magnitude == 0 => Class::Zero,
        Ordering::Less => Class::Number,
        Ordering::Greater if magnitude >> (f.frac - 1) & 1 != 0 => Class::Quiet,
        Ordering::Greater => Class::Signalling,
    }
}

/// The format of this many bits.
fn format(width: u32) -> Format {
    match width {
        16 => Format::F16,
        32 => Format::F32,
        _ => Format::F64,
    }
}

/// Floating point in the program's modes, and the status that it raises.
pub(super) struct Float(Fp);

impl Float {
    /// In the modes of the state.
    pub(super) fn new(m: &Machine<'_>) -> Self {
        Self(Fp::new(key::control(m.state).fp))
    }
    /// Leaves the status in the state.
    pub(super) fn finish(self, m: &mut Machine<'_>) {
        m.state.int[usize::from(SLOT_FPSR)] |= u64::from(self.0.status);
    }
    fn binary(&mut self, op: Op, w: u32, a: u64, b: u64) -> u64 {
        let (fp, f) = (&mut self.0, format(w));
        let sign = f.sign_bit();
        match op {
            Op::Fadd | Op::Fwadd => fp.add(f, a, b),
            Op::Fsub | Op::Fwsub => fp.sub(f, a, b),
            Op::Frsub => fp.sub(f, b, a),
            Op::Fmul | Op::Fwmul => fp.mul(f, a, b),
            Op::Fdiv => fp.div(f, a, b),
            Op::Frdiv => fp.div(f, b, a),
            Op::Fmin => fp.min_num(f, a, b),
            Op::Fmax => fp.max_num(f, a, b),
            Op::Fsgnj => a & !sign | b & sign,
            Op::Fsgnjn => a & !sign | !b & sign,
            _ => a ^ b & sign,
        }
    }
    /// A fused multiplication and addition of a (vs2), b and the old destination d.
    fn fused(&mut self, op: Op, w: u32, a: u64, b: u64, d: u64) -> u64 {
        let (fp, f) = (&mut self.0, format(w));
        // The factors are b and `other`; which of product and addend are negated.
        let (other, addend) = match op {
            Op::Fmadd | Op::Fnmadd | Op::Fmsub | Op::Fnmsub => (d, a),
            _ => (a, d),
        };
        let (product, sum) = match op {
            Op::Fmadd | Op::Fmacc | Op::Fwmacc => (0, 0),
            Op::Fnmadd | Op::Fnmacc | Op::Fwnmacc => (f.sign_bit(), f.sign_bit()),
            Op::Fmsub | Op::Fmsac | Op::Fwmsac => (0, f.sign_bit()),
            _ => (f.sign_bit(), 0),
        };
        fp.mul_add(f, addend ^ sum, b ^ product, other)
    }
    fn compare(&mut self, op: Op, w: u32, a: u64, b: u64) -> bool {
        let quiet = matches!(op, Op::Mfeq | Op::Mfne);
        let order = self.0.partial_order(format(w), a, b, !quiet);
        match op {
            Op::Mfeq => order == Some(Ordering::Equal),
            Op::Mfne => order != Some(Ordering::Equal),
            Op::Mflt => order == Some(Ordering::Less),
            Op::Mfle => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Op::Mfgt => order == Some(Ordering::Greater),
            _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
    fn unary(&mut self, op: Op, w: u32, a: u64) -> u64 {
        let (fp, f) = (&mut self.0, format(w));
        let estimate = match op {
            Op::Fsqrt => return fp.sqrt(f, a),
            Op::Fclass => return 1 << fp.classify(f, a),
            Op::Frsqrt7 => rsqrt7(f, a),
            _ => rec7(f, a, |negative| match fp.mode() {
                Round::Zero | Round::Odd => false,
                Round::Up => !negative,
                Round::Down => negative,
                Round::Nearest | Round::Away => true,
            }),
        };
        for (raised, status) in
            [(estimate.invalid, IOC), (estimate.by_zero, DZC), (estimate.overflow, OFC | IXC)]
        {
            fp.status |= if raised { status } else { 0 };
        }
        estimate.value
    }
    /// A conversion as an instruction's bits 17 to 15 say, between elements of `from` and `to` bits.
    fn convert(&mut self, kind: usize, from: u32, to: u32, a: u64) -> u64 {
        let fp = &mut self.0;
        let mode = if kind >= 6 { Round::Zero } else { fp.mode() };
        match kind {
            0 | 1 | 6 | 7 => fp.to_fixed(format(from), a, 0, kind & 1 != 0, to, mode),
            2 | 3 => fp.from_fixed(format(to), a, 0, kind & 1 != 0, from),
            4 => fp.convert(format(from), format(to), a),
            _ => fp.convert_mode(format(from), format(to), a, Round::Odd),
        }
    }
    /// A step of a reduction: `a` of `w` bits joins `result`.
    pub(super) fn reduce(&mut self, op: Op, w: u32, result: u64, a: u64) -> u64 {
        match op {
            Op::Fredmin => self.0.min_num(format(w), result, a),
            Op::Fredmax => self.0.max_num(format(w), result, a),
            Op::Fwredusum | Op::Fwredosum => {
                let a = self.0.convert(format(w), format(2 * w), a);
                self.0.add(format(2 * w), result, a)
            }
            _ => self.0.add(format(w), result, a),
        }
    }
}

impl Machine<'_> {
    /// Fails unless elements can be floating-point numbers, and the rounding mode is a defined one.
    pub(super) fn float_width(&self) -> Done {
        self.float_of(self.sew(), Features::ZVFH)
    }
    /// The same for elements of `width` bits; halves need `half`.
    fn float_of(&self, width: u32, half: Features) -> Done {
        self.defined()?;
        require(key::rounding_is_defined(key::control(self.state).key))?;
        require(match width {
            16 => self.features.has(half),
            32 | 64 => true,
            _ => false,
        })
    }
    /// The floating-point register rs1 as an element of `w` bits: a NaN unless it is boxed.
    pub(super) fn scalar_float(&self, w: u32) -> u64 {
        let value = self.state.vec[self.vs1()] as u64;
        let boxed = w == 64 || value >> w == u64::MAX >> w;
        if boxed { value & low(w) } else { format(w).default_nan(false) }
    }
    fn float_operand(&self, i: usize) -> u64 {
        match self.form() {
            Form::Vector => self.get(self.vs1(), self.sew(), i),
            _ => self.scalar_float(self.sew()),
        }
    }

    pub(super) fn float(&mut self, op: Op) -> Done {
        let (w, vd, vs2) = (self.sew(), self.vd(), self.vs2());
        match op {
            Op::Fcvt => return self.convert(),
            Op::Fncvtbf16 | Op::Fwcvtbf16 | Op::Fwmaccbf16 => return self.bfloat(op),
            _ => {}
        }
        self.float_width()?;
        let mut fp = Float::new(self);
        match op {
            Op::Fsqrt | Op::Frsqrt7 | Op::Frec7 | Op::Fclass => {
                self.check(self.group(vd), &[self.group(vs2)])?;
                self.each(|m, i| {
                    let result = fp.unary(op, w, m.get(vs2, w, i));
                    m.set(vd, w, i, result);
                });
            }
            Op::Mfeq | Op::Mfne | Op::Mflt | Op::Mfle | Op::Mfgt | Op::Mfge => {
                let sources = self.sources();
                self.check(Self::bits_of(vd), &sources)?;
                self.each(|m, i| {
                    let result = fp.compare(op, w, m.get(vs2, w, i), m.float_operand(i));
                    m.set_mask_bit(vd, i, result);
                });
            }
            _ if op.widens() => {
                let wide = matches!(op, Op::Fwadd | Op::Fwsub) && self.first_is_wide();
                self.check_widening(wide, !matches!(op, Op::Fwadd | Op::Fwsub | Op::Fwmul))?;
                self.each(|m, i| {
                    let (narrow, f) = (format(w), format(2 * w));
                    let a = match wide {
                        true => m.get(vs2, 2 * w, i),
                        false => fp.0.convert(narrow, f, m.get(vs2, w, i)),
                    };
                    let b = fp.0.convert(narrow, f, m.float_operand(i));
                    let d = m.get(vd, 2 * w, i);
                    let result = match op {
                        Op::Fwadd | Op::Fwsub | Op::Fwmul => fp.binary(op, 2 * w, a, b),
                        _ => fp.fused(op, 2 * w, a, b, d),
                    };
                    m.set(vd, 2 * w, i, result);
                });
            }
            _ => {
                let sources = self.sources();
                self.check(self.group(vd), &sources)?;
                self.each(|m, i| {
                    let (a, b, d) = (m.get(vs2, w, i), m.float_operand(i), m.get(vd, w, i));
                    let result = match op.fuses() {
                        true => fp.fused(op, w, a, b, d),
                        false => fp.binary(op, w, a, b),
                    };
                    m.set(vd, w, i, result);
                });
            }
        }
        fp.finish(self);
        Ok(())
    }

    /// Conversions of bfloat16, and the sum of a single and the product of two.
    fn bfloat(&mut self, op: Op) -> Done {
        let (vd, vs2) = (self.vd(), self.vs2());
        // (No halves: only the rounding mode is of interest.)
        self.float_of(32, Features::NONE)?;
        require(self.sew() == 16)?;
        let mut fp = Float::new(self);
        match op {
            Op::Fncvtbf16 => self.check(self.group(vd), &[self.wide(vs2, 1)])?,
            Op::Fwcvtbf16 => self.check(self.wide(vd, 1), &[self.group(vs2)])?,
            _ => self.check_widening(false, true)?,
        }
        self.each(|m, i| {
            let mut single = |value| fp.0.convert(Format::BF16, Format::F32, value);
            match op {
                Op::Fncvtbf16 => {
                    let result = fp.0.convert(Format::F32, Format::BF16, m.get(vs2, 32, i));
                    m.set(vd, 16, i, result);
                }
                Op::Fwcvtbf16 => {
                    let result = single(m.get(vs2, 16, i));
                    m.set(vd, 32, i, result);
                }
                _ => {
                    let b = match m.form() {
                        Form::Vector => m.get(m.vs1(), 16, i),
                        _ => m.scalar_bfloat(),
                    };
                    let (a, b) = (single(m.get(vs2, 16, i)), single(b));
                    let result = fp.0.mul_add(Format::F32, m.get(vd, 32, i), a, b);
                    m.set(vd, 32, i, result);
                }
            }
        });
        fp.finish(self);
        Ok(())
    }
    /// The floating-point register rs1 as a bfloat16.
    fn scalar_bfloat(&self) -> u64 {
        let value = self.state.vec[self.vs1()] as u64;
        let boxed = value >> 16 == u64::MAX >> 16;
        if boxed { value & low(16) } else { Format::BF16.default_nan(false) }
    }

    /// VFCVT, VFWCVT, VFNCVT: which one is in the place of vs1.
    fn convert(&mut self) -> Done {
        self.defined()?;
        let (w, vd, vs2) = (self.sew(), self.vd(), self.vs2());
        let (kind, which) = (self.vs1() & 7, self.vs1() >> 3);
        let (from, to) = match which {
            0 => (w, w),
            1 => (w, 2 * w),
            _ => (2 * w, w),
        };
        require(from <= 64 && to <= 64)?;
        let half = if matches!(kind, 4) { Features::ZVFHMIN } else { Features::ZVFH };
        if !matches!(kind, 2 | 3) {
            self.float_of(from, half)?;
        }
        if !matches!(kind, 0 | 1 | 6 | 7) {
            self.float_of(to, half)?;
        }
        let mut fp = Float::new(self);
        self.check(self.group_of(vd, to), &[self.group_of(vs2, from)])?;
        self.each(|m, i| {
            let result = fp.convert(kind, from, to, m.get(vs2, from, i));
            m.set(vd, to, i, result);
        });
        fp.finish(self);
        Ok(())
    }
}
