//! Lowering of SIMD operations: the way to each topic, and what they have in common.

mod args;
mod complex;
mod crypto;
mod direct;
pub(crate) mod float;
mod int;
mod perm;
pub(crate) mod saturate;
mod sha512;
mod shift;
mod shift_wide;

use crate::emit::sse::{VShift, op};
use crate::emit::{Code, Imm, Mem, Xmm};
use crate::lower::Lower;
use crate::lower::values::XmmOrMem;
use core::mem::offset_of;
use ir::vec_op::{self, MERGE, SCALAR};
use ir::{Op, Ref, State, Ty, VecOp};

impl From<Xmm> for XmmOrMem {
    fn from(x: Xmm) -> Self {
        Self::Reg(x)
    }
}
impl From<Mem> for XmmOrMem {
    fn from(m: Mem) -> Self {
        Self::Mem(m)
    }
}

/// A vector operation with its parameters decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VArgs {
    pub(crate) code: VecOp,
    /// log2 of the lane's bytes.
    pub(crate) lane: u8,
    /// Bits that take part: 64 or 128, or one lane's if scalar.
    pub(crate) total: u32,
    /// What is above the lowest lane is that of `a`.
    pub(crate) merge: bool,
    /// Without [`SCALAR`] and [`MERGE`].
    pub(crate) param: u32,
    pub(crate) dst: Ref,
    pub(crate) a: Ref,
    pub(crate) b: Ref,
    pub(crate) c: Ref,
}

impl VArgs {
    pub(crate) fn of(o: Op) -> Self {
        let param = vec_op::param(o.imm);
        let lane = vec_op::lane(o.imm);
        let total = if param & (SCALAR | MERGE) != 0 {
            8 << lane
        } else if o.ty == Ty::V128 {
            128
        } else {
            64
        };
        Self {
            code: VecOp::from_u16(o.aux),
            lane,
            total,
            merge: param & MERGE != 0,
            param: (param & !(SCALAR | MERGE)) as u32,
            dst: o.dst,
            a: o.a,
            b: o.b,
            c: o.c,
        }
    }
    /// The lane as an index into the tables of [`op`].
    pub(crate) fn l(&self) -> usize {
        usize::from(self.lane)
    }
    /// Bits of a lane.
    pub(crate) fn bits(&self) -> u32 {
        8 << self.lane
    }
}

/// Pins whose registers are used as temporaries for the length of one operation that cannot
/// fault; their values wait in `State::args`.
#[derive(Default, Debug)]
pub(crate) struct Temps {
    borrowed: [Option<Xmm>; 3],
}

/// Entry `n` of [`Temps`]' space; the last is for the instructions' own needs.
pub(crate) const fn save_area(n: usize) -> Mem {
    Mem::state(offset_of!(State, args) as i32 + 16 * n as i32)
}

/// `v` in every lane of `bits` within the low `total` bits.
pub(crate) fn splat(v: u64, bits: u32, total: u32) -> u128 {
    let v = u128::from(v & (u64::MAX >> (64 - bits)));
    (0..total / bits).fold(0, |r, i| r | v << (i * bits))
}

/// Ones in the low `total` bits.
pub(crate) const fn ones(total: u32) -> u128 {
    u128::MAX >> (128 - total)
}

/// A `pshufb` control: byte `i` of the result comes from byte `f(i)`; zero if that is above 15 or
/// `i` is not below `bytes`.
pub(crate) fn shuffle(bytes: u32, f: impl Fn(u32) -> u32) -> u128 {
    (0..16).fold(0, |r, i| {
        let from = if i < bytes { f(i) } else { 0x80 };
        let from = if from > 15 { 0x80 } else { from };
        r | u128::from(from) << (8 * i)
    })
}

impl Lower<'_> {
    /// Lowers a vector operation natively. False: not done and nothing emitted, the evaluator is
    /// to do it.
    pub(crate) fn lower_vec(&mut self, o: Op) -> bool {
        if o.aux as usize >= VecOp::ALL.len() {
            return false;
        }
        let v = VArgs::of(o);
        // Integer and permuting operations never use the scalar form.
        self.vec_logic(&v)
            || self.vec_arithmetic(&v)
            || self.vec_shift(&v)
            || self.vec_permute(&v)
            || self.vec_widen(&v)
            || self.vec_narrow(&v)
            || self.vec_pairs(&v)
            || self.vec_crypto(&v)
            || self.vec_direct(&v)
            || self.vec_float(&v)
    }

    // --- instructions in three-operand form, whatever the host has

    /// Whether VEX encodings are used.
    pub(crate) fn avx(&self) -> bool {
        self.host.features().avx2
    }
    pub(crate) fn v3_imm(&mut self, code: Code, d: Xmm, a: Xmm, b: XmmOrMem, imm: Imm) {
        if self.avx() {
            match b {
                XmmOrMem::Reg(b) => self.e.avx_rr(code, d, a, b, imm),
                XmmOrMem::Mem(m) => self.e.avx_rm(code, d, a, m, imm),
            }
            return;
        }
        let b = if d != a {
            let b = if b == XmmOrMem::Reg(d) {
                let m = save_area(3);
                self.e.movaps_store(m, d);
                XmmOrMem::Mem(m)
            } else {
                b
            };
            self.e.movaps(d, a);
            b
        } else {
            b
        };
        match b {
            XmmOrMem::Reg(b) => self.e.sse_rr(code, d, b, imm),
            XmmOrMem::Mem(m) => self.e.sse_rm(code, d, m, imm),
        }
    }
    /// `d = a op b`.
    pub(crate) fn v3(&mut self, code: Code, d: Xmm, a: Xmm, b: impl Into<XmmOrMem>) {
        self.v3_imm(code, d, a, b.into(), Imm::None);
    }
    /// `d = a op b` with an immediate.
    pub(crate) fn v3i(&mut self, code: Code, d: Xmm, a: Xmm, b: impl Into<XmmOrMem>, imm: u8) {
        self.v3_imm(code, d, a, b.into(), Imm::I8(imm as i8));
    }
    pub(crate) fn v2_imm(&mut self, code: Code, d: Xmm, s: XmmOrMem, imm: Imm) {
        match (self.avx(), s) {
            (true, XmmOrMem::Reg(s)) => self.e.avx_rr(code, d, Xmm(0), s, imm),
            (true, XmmOrMem::Mem(m)) => self.e.avx_rm(code, d, Xmm(0), m, imm),
            (false, XmmOrMem::Reg(s)) => self.e.sse_rr(code, d, s, imm),
            (false, XmmOrMem::Mem(m)) => self.e.sse_rm(code, d, m, imm),
        }
    }
    /// `d = op s`.
    pub(crate) fn v2(&mut self, code: Code, d: Xmm, s: impl Into<XmmOrMem>) {
        self.v2_imm(code, d, s.into(), Imm::None);
    }
    /// `d = op s` with an immediate.
    pub(crate) fn v2i(&mut self, code: Code, d: Xmm, s: impl Into<XmmOrMem>, imm: u8) {
        self.v2_imm(code, d, s.into(), Imm::I8(imm as i8));
    }
    /// `d = s shifted`; lane 1..=3.
    pub(crate) fn vshift(&mut self, shift: VShift, lane: u8, d: Xmm, s: Xmm, amount: u32) {
        if self.avx() {
            self.e.avx_shift(shift, lane, d, s, amount as u8);
        } else {
            self.vmov(d, s);
            self.e.sse_shift(shift, lane, d, amount as u8);
        }
    }
    /// `d = s`.
    pub(crate) fn vmov(&mut self, d: Xmm, s: impl Into<XmmOrMem>) {
        match s.into() {
            XmmOrMem::Reg(s) if s == d => {}
            XmmOrMem::Reg(s) => self.e.movaps(d, s),
            XmmOrMem::Mem(m) => self.e.movaps_load(d, m),
        }
    }
    /// `d = 0`.
    pub(crate) fn vzero(&mut self, d: Xmm) {
        self.e.pxor(d, d);
    }
    /// `d = s` with zeros above the low `bits`.
    pub(crate) fn zero_above(&mut self, d: Xmm, s: Xmm, bits: u32) {
        match bits {
            128 => self.vmov(d, s),
            64 => self.v2(op::MOVQ, d, s),
            32 => self.v3i(op::INSERTPS, d, s, s, 0x0e),
            _ => {
                let m = self.e.constant(ones(bits));
                self.v3(op::PAND, d, s, m);
            }
        }
    }

    // --- temporaries and results

    /// A register for an intermediate value. The operation may not fault.
    pub(crate) fn temp_v(&mut self, t: &mut Temps) -> Xmm {
        if self.free_v() > 0 {
            return self.scratch_v();
        }
        let taken: Vec<Xmm> = [self.op.a, self.op.b, self.op.c, self.op.dst]
            .iter()
            .filter_map(|r| self.host.vec_pin(r.as_slot()?))
            .chain(t.borrowed.iter().filter_map(|&b| b))
            .collect();
        let n = t.borrowed.iter().position(Option::is_none);
        let x = (0..14).rev().map(Xmm).find(|x| !taken.contains(x));
        let (Some(n), Some(x)) = (n, x) else {
            self.out_of_registers();
            return Xmm(14);
        };
        self.e.movaps_store(save_area(n), x);
        t.borrowed[n] = Some(x);
        x
    }
    /// A register for the result.
    pub(crate) fn out_v(&mut self, t: &mut Temps, dst: Ref) -> Xmm {
        match dst.as_slot().and_then(|s| self.host.vec_pin(s)) {
            Some(x) => x,
            None => self.temp_v(t),
        }
    }
    /// A register for the result: its own if it has one, else `x`, which is not needed any more.
    pub(crate) fn out_or(&self, dst: Ref, x: Xmm) -> Xmm {
        dst.as_slot().and_then(|s| self.host.vec_pin(s)).unwrap_or(x)
    }
    /// A register for the result; that of operand `a` if it is not needed any more.
    fn out_over(&mut self, t: &mut Temps, dst: Ref, a: Ref, x: Xmm) -> Xmm {
        let pinned = dst.as_slot().and_then(|s| self.host.vec_pin(s)).is_some();
        if pinned || self.free_v() > 0 { self.define_over_v(dst, a, x) } else { self.temp_v(t) }
    }
    /// Makes `d` the result and gives borrowed registers back.
    pub(crate) fn finish_v(&mut self, t: Temps, dst: Ref, d: Xmm) {
        self.unlock();
        self.set_v(dst, d);
        for (n, x) in t.borrowed.into_iter().enumerate() {
            if let Some(x) = x {
                self.e.movaps_load(x, save_area(n));
            }
        }
    }
    /// As [`Lower::finish_v`], of a value whose low `total` bits count. `clean`: it is known to
    /// have zeros above them.
    pub(crate) fn finish_low(&mut self, t: Temps, v: &VArgs, d: Xmm, clean: bool) {
        if v.total < 128 && !clean {
            self.zero_above(d, d, v.total);
        }
        self.finish_v(t, v.dst, d);
    }
    /// Whether both operands have zeros above the bits that take part.
    pub(crate) fn clean2(&mut self, v: &VArgs, a: Ref, b: Ref) -> bool {
        self.width(a) <= v.total && self.width(b) <= v.total
    }
    /// An operation of a single instruction. `zeros`: zeros give zeros.
    pub(crate) fn one(&mut self, v: &VArgs, code: Code, a: Ref, b: Ref, zeros: bool) -> bool {
        let mut t = Temps::default();
        let x = self.using_v(a);
        let y = self.using_vm(b);
        let d = self.out_over(&mut t, v.dst, a, x);
        self.v3(code, d, x, y);
        let clean = zeros && self.clean2(v, a, b);
        self.finish_low(t, v, d, clean);
        true
    }
    /// An operation of a single two-operand instruction.
    pub(crate) fn one2(&mut self, v: &VArgs, code: Code, zeros: bool) -> bool {
        let mut t = Temps::default();
        let y = self.using_vm(v.a);
        let d = self.out_v(&mut t, v.dst);
        self.v2(code, d, y);
        let clean = zeros && self.width(v.a) <= v.total;
        self.finish_low(t, v, d, clean);
        true
    }
}
