//! SIMD: logic, integer arithmetic and comparisons lane by lane.

use crate::emit::sse::{VShift, op};
use crate::emit::{Size, Xmm};
use crate::lower::Lower;
use crate::lower::values::{XmmOrMem, home};
use crate::lower::vector::{Temps, VArgs, ones, splat};
use crate::{Alu, Unary};
use ir::VecOp;
use ir::state::SLOT_FPSR;

/// FPSR.QC.
const QC: i32 = 1 << 27;

impl Lower<'_> {
    pub(crate) fn vec_logic(&mut self, v: &VArgs) -> bool {
        match v.code {
            VecOp::And => self.one(v, op::PAND, v.a, v.b, true),
            VecOp::Or => self.one(v, op::POR, v.a, v.b, true),
            VecOp::Xor => self.one(v, op::PXOR, v.a, v.b, true),
            VecOp::AndNot => self.one(v, op::PANDN, v.b, v.a, true),
            VecOp::Not | VecOp::OrNot => {
                let mut t = Temps::default();
                let x = self.using_v(if v.code == VecOp::Not { v.a } else { v.b });
                let m = self.e.constant(ones(v.total));
                let clean = self.clean2(v, v.a, if v.code == VecOp::Not { v.a } else { v.b });
                let d = if v.code == VecOp::Not {
                    let d = self.out_v(&mut t, v.dst);
                    self.v3(op::PXOR, d, x, m);
                    d
                } else {
                    let y = self.using_vm(v.a);
                    let u = self.temp_v(&mut t);
                    self.v3(op::PXOR, u, x, m);
                    self.v3(op::POR, u, u, y);
                    u
                };
                self.finish_low(t, v, d, clean);
                true
            }
            VecOp::Select => {
                let mut t = Temps::default();
                let x = self.using_v(v.a);
                let (y, z) = (self.using_vm(v.b), self.using_vm(v.c));
                let u = self.temp_v(&mut t);
                self.v3(op::PXOR, u, x, y);
                self.v3(op::PAND, u, u, z);
                self.v3(op::PXOR, u, u, y);
                self.finish_low(t, v, u, false);
                true
            }
            VecOp::Eor3 => {
                let mut t = Temps::default();
                let x = self.using_v(v.a);
                let (y, z) = (self.using_vm(v.b), self.using_vm(v.c));
                let u = self.temp_v(&mut t);
                self.v3(op::PXOR, u, x, y);
                self.v3(op::PXOR, u, u, z);
                self.finish_v(t, v.dst, u);
                true
            }
            VecOp::Bcax => {
                let mut t = Temps::default();
                let z = self.using_v(v.c);
                let (x, y) = (self.using_vm(v.a), self.using_vm(v.b));
                let u = self.temp_v(&mut t);
                self.v3(op::PANDN, u, z, y);
                self.v3(op::PXOR, u, u, x);
                self.finish_v(t, v.dst, u);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn vec_arithmetic(&mut self, v: &VArgs) -> bool {
        let l = v.l();
        if l > 3 {
            return false;
        }
        match v.code {
            VecOp::Add => self.one(v, op::PADD[l], v.a, v.b, true),
            VecOp::Sub => self.one(v, op::PSUB[l], v.a, v.b, true),
            VecOp::Mul if l == 1 => self.one(v, op::PMULLW, v.a, v.b, true),
            VecOp::Mul if l == 2 => self.one(v, op::PMULLD, v.a, v.b, true),
            VecOp::Mul | VecOp::Mla | VecOp::Mls => self.multiply(v),
            VecOp::MaxS if l < 3 => self.one(v, op::PMAXS[l], v.a, v.b, true),
            VecOp::MaxU if l < 3 => self.one(v, op::PMAXU[l], v.a, v.b, true),
            VecOp::MinS if l < 3 => self.one(v, op::PMINS[l], v.a, v.b, true),
            VecOp::MinU if l < 3 => self.one(v, op::PMINU[l], v.a, v.b, true),
            VecOp::CmEq => self.one(v, op::PCMPEQ[l], v.a, v.b, false),
            VecOp::CmGtS => self.one(v, op::PCMPGT[l], v.a, v.b, true),
            VecOp::RHAddU if l < 2 => self.one(v, op::PAVG[l], v.a, v.b, true),
            VecOp::Abs if l < 3 => self.one2(v, op::PABS[l], true),
            VecOp::Neg | VecOp::Abs => self.negate_lanes(v),
            VecOp::CmGeS | VecOp::CmGtU | VecOp::CmGeU | VecOp::CmTst => self.compare_more(v),
            VecOp::AbdS | VecOp::AbdU if l < 3 => {
                let (max, min) = if v.code == VecOp::AbdS {
                    (op::PMAXS[l], op::PMINS[l])
                } else {
                    (op::PMAXU[l], op::PMINU[l])
                };
                let mut t = Temps::default();
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.v3(max, p, x, y);
                self.v3(min, q, x, y);
                self.v3(op::PSUB[l], p, p, q);
                let clean = self.clean2(v, v.a, v.b);
                self.finish_low(t, v, p, clean);
                true
            }
            VecOp::HAddU | VecOp::HAddS | VecOp::RHAddU | VecOp::RHAddS if l < 3 => self.halve(v),
            VecOp::QAddS | VecOp::QAddU | VecOp::QSubS | VecOp::QSubU if l < 2 => {
                self.saturating(v)
            }
            VecOp::HSubS | VecOp::HSubU if l < 2 => self.halve_difference(v),
            VecOp::QDMulH | VecOp::QRDMulH => self.doubling_high(v),
            VecOp::Cnt | VecOp::RBit if l == 0 => self.bits_of_bytes(v),
            VecOp::DotS | VecOp::DotU | VecOp::DotUS => self.dot(v),
            _ => false,
        }
    }

    /// `d = a * b`, low halves of lanes; `d` is neither operand.
    fn multiply_into(&mut self, t: &mut Temps, v: &VArgs, d: Xmm, x: Xmm, y: XmmOrMem) {
        match v.lane {
            1 => self.v3(op::PMULLW, d, x, y),
            2 => self.v3(op::PMULLD, d, x, y),
            3 => {
                // The products of one's low half with the other's high half, then those of the low halves.
                let u = self.temp_v(t);
                self.vshift(VShift::Srl, 3, d, x, 32);
                self.v3(op::PMULUDQ, d, d, y);
                self.vmov(u, y);
                self.vshift(VShift::Srl, 3, u, u, 32);
                self.v3(op::PMULUDQ, u, u, x);
                self.v3(op::PADD[3], d, d, u);
                self.vshift(VShift::Sll, 3, d, d, 32);
                self.v3(op::PMULUDQ, u, x, y);
                self.v3(op::PADD[3], d, d, u);
            }
            _ => {
                // Odd bytes: (a >> 8) * (b & ff00); even ones: the low byte of a * b.
                let u = self.temp_v(t);
                let (even, odd) = (splat(0x00ff, 16, 128), splat(0xff00, 16, 128));
                let m = self.e.constant(odd);
                self.vmov(u, y);
                self.v3(op::PAND, u, u, m);
                self.vshift(VShift::Srl, 1, d, x, 8);
                self.v3(op::PMULLW, d, d, u);
                self.v3(op::PMULLW, u, x, y);
                let m = self.e.constant(even);
                self.v3(op::PAND, u, u, m);
                self.v3(op::POR, d, d, u);
            }
        }
    }
    fn multiply(&mut self, v: &VArgs) -> bool {
        let mut t = Temps::default();
        let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
        let z = if v.code == VecOp::Mul { None } else { Some(self.using_vm(v.c)) };
        let p = self.temp_v(&mut t);
        self.multiply_into(&mut t, v, p, x, y);
        let d = self.accumulate(&mut t, v, p, z, v.l());
        self.finish_low(t, v, d, false);
        true
    }
    /// `z + p`, `z - p` (for the operations named so) or `p`; gives the register.
    pub(crate) fn accumulate(
        &mut self,
        t: &mut Temps,
        v: &VArgs,
        p: Xmm,
        z: Option<XmmOrMem>,
        lane: usize,
    ) -> Xmm {
        let Some(z) = z else { return p };
        if !matches!(v.code, VecOp::Mls | VecOp::MlsLS | VecOp::MlsLU) {
            let d = self.out_or(v.dst, p);
            match z {
                XmmOrMem::Reg(z) if z == d => self.v3(op::PADD[lane], d, z, p),
                _ => self.v3(op::PADD[lane], d, p, z),
            }
            return d;
        }
        let (d, z) = match z {
            XmmOrMem::Reg(z) => (self.out_v(t, v.dst), z),
            XmmOrMem::Mem(m) => {
                let d = self.temp_v(t);
                self.vmov(d, m);
                (d, d)
            }
        };
        self.v3(op::PSUB[lane], d, z, p);
        d
    }
    fn negate_lanes(&mut self, v: &VArgs) -> bool {
        let mut t = Temps::default();
        let x = self.using_v(v.a);
        let u = self.temp_v(&mut t);
        self.vzero(u);
        if v.code == VecOp::Neg {
            self.v3(op::PSUB[v.l()], u, u, x);
        } else {
            // 64-bit lanes: (a ^ sign) - sign.
            let w = self.temp_v(&mut t);
            self.v3(op::PCMPGT[3], u, u, x);
            self.v3(op::PXOR, w, x, u);
            self.v3(op::PSUB[3], w, w, u);
            self.vmov(u, w);
        }
        let clean = self.width(v.a) <= v.total;
        self.finish_low(t, v, u, clean);
        true
    }
    fn compare_more(&mut self, v: &VArgs) -> bool {
        let l = v.l();
        let mut t = Temps::default();
        // Where zeros compare as equal, inverting all bits makes zeros of them again.
        let inverted_equal = v.code == VecOp::CmTst || v.code == VecOp::CmGtU && l < 3;
        let all = self.e.constant(ones(if inverted_equal { 128 } else { v.total }));
        let clean = self.clean2(v, v.a, v.b);
        match v.code {
            VecOp::CmGeS => {
                let (y, x) = (self.using_v(v.b), self.using_vm(v.a));
                let u = self.temp_v(&mut t);
                self.v3(op::PCMPGT[l], u, y, x);
                self.v3(op::PXOR, u, u, all);
                self.finish_low(t, v, u, clean);
            }
            VecOp::CmTst => {
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let (u, w) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.v3(op::PAND, u, x, y);
                self.vzero(w);
                self.v3(op::PCMPEQ[l], u, u, w);
                self.v3(op::PXOR, u, u, all);
                self.finish_low(t, v, u, clean);
            }
            VecOp::CmGeU if l < 3 => {
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let u = self.temp_v(&mut t);
                self.v3(op::PMAXU[l], u, x, y);
                self.v3(op::PCMPEQ[l], u, u, x);
                self.finish_low(t, v, u, false);
            }
            VecOp::CmGtU if l < 3 => {
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let u = self.temp_v(&mut t);
                self.v3(op::PMINU[l], u, x, y);
                self.v3(op::PCMPEQ[l], u, u, x);
                self.v3(op::PXOR, u, u, all);
                self.finish_low(t, v, u, clean);
            }
            _ => {
                let sign = self.e.constant(splat(1 << 63, 64, 128));
                let (x, y) = (self.using_v(v.a), self.using_v(v.b));
                let (u, w) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.v3(op::PXOR, u, x, sign);
                self.v3(op::PXOR, w, y, sign);
                if v.code == VecOp::CmGtU {
                    self.v3(op::PCMPGT[3], u, u, w);
                } else {
                    self.v3(op::PCMPGT[3], w, w, u);
                    self.v3(op::PXOR, u, w, all);
                }
                self.finish_low(t, v, u, clean);
            }
        }
        true
    }
    fn halve(&mut self, v: &VArgs) -> bool {
        let (l, bits) = (v.l(), v.bits());
        let signed = matches!(v.code, VecOp::HAddS | VecOp::RHAddS);
        let rounding = matches!(v.code, VecOp::RHAddS | VecOp::RHAddU);
        let mut t = Temps::default();
        let (x, y) = (self.using_v(v.a), self.using_v(v.b));
        let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
        let clean = self.clean2(v, v.a, v.b);
        if l == 2 {
            // (a & b) + ((a ^ b) >> 1), rounding: (a | b) - ((a ^ b) >> 1).
            self.v3(op::PXOR, p, x, y);
            self.vshift(if signed { VShift::Sra } else { VShift::Srl }, 2, p, p, 1);
            if rounding {
                self.v3(op::POR, q, x, y);
                self.v3(op::PSUB[2], q, q, p);
            } else {
                self.v3(op::PAND, q, x, y);
                self.v3(op::PADD[2], q, q, p);
            }
            self.finish_low(t, v, q, clean);
            return true;
        }
        let sign = splat(1 << (bits - 1), bits, 128);
        if signed {
            let m = self.e.constant(sign);
            self.v3(op::PXOR, p, x, m);
            self.v3(op::PXOR, q, y, m);
            self.v3(op::PAVG[l], p, p, q);
            self.v3(op::PXOR, p, p, m);
        } else {
            self.v3(op::PAVG[l], p, x, y);
        }
        if !rounding {
            let m = self.e.constant(splat(1, bits, 128));
            self.v3(op::PXOR, q, x, y);
            self.v3(op::PAND, q, q, m);
            self.v3(op::PSUB[l], p, p, q);
        }
        self.finish_low(t, v, p, clean);
        true
    }
    fn saturating(&mut self, v: &VArgs) -> bool {
        let l = v.l();
        let (full, wrapped) = match v.code {
            VecOp::QAddS => (op::PADDS[l], op::PADD[l]),
            VecOp::QAddU => (op::PADDUS[l], op::PADD[l]),
            VecOp::QSubS => (op::PSUBS[l], op::PSUB[l]),
            _ => (op::PSUBUS[l], op::PSUB[l]),
        };
        self.clobber();
        let mut t = Temps::default();
        let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
        let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
        self.v3(full, p, x, y);
        self.v3(wrapped, q, x, y);
        self.v3(op::PCMPEQ[l], q, q, p);
        self.note_saturation(q, v.total);
        let clean = self.clean2(v, v.a, v.b);
        self.finish_low(t, v, p, clean);
        true
    }
    /// (a - b) >> 1: the average of a and !b, with the top bit flipped.
    fn halve_difference(&mut self, v: &VArgs) -> bool {
        let (l, bits) = (v.l(), v.bits());
        let sign = splat(1 << (bits - 1), bits, 128);
        let invert = if v.code == VecOp::HSubS { !sign } else { u128::MAX };
        let (sign, invert) = (self.e.constant(sign), self.e.constant(invert));
        let mut t = Temps::default();
        let (x, y) = (self.using_v(v.a), self.using_v(v.b));
        let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
        self.v3(op::PXOR, p, y, invert);
        if v.code == VecOp::HSubS {
            self.v3(op::PXOR, q, x, sign);
            self.v3(op::PAVG[l], p, q, p);
        } else {
            self.v3(op::PAVG[l], p, x, p);
        }
        self.v3(op::PXOR, p, p, sign);
        let clean = self.clean2(v, v.a, v.b);
        self.finish_low(t, v, p, clean);
        true
    }
    /// SQDMULH and SQRDMULH. Only the square of the smallest number saturates, and only there is
    /// the wrapped result the smallest number.
    fn doubling_high(&mut self, v: &VArgs) -> bool {
        let rounding = v.code == VecOp::QRDMulH;
        self.clobber();
        let mut t = Temps::default();
        let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
        let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
        match (v.lane, rounding) {
            (1, true) => self.v3(op::PMULHRSW, p, x, y),
            (1, false) => {
                self.v3(op::PMULHW, p, x, y);
                self.v3(op::PMULLW, q, x, y);
                self.v3(op::PADD[1], p, p, p);
                self.vshift(VShift::Srl, 1, q, q, 15);
                self.v3(op::POR, p, p, q);
            }
            _ => {
                let round = self.e.constant(splat(1 << 31, 64, 128));
                let u = self.temp_v(&mut t);
                self.v3(op::PMULDQ, p, x, y);
                self.vmov(u, y);
                self.vshift(VShift::Srl, 3, u, u, 32);
                self.vshift(VShift::Srl, 3, q, x, 32);
                self.v3(op::PMULDQ, q, q, u);
                for r in [p, q] {
                    self.v3(op::PADD[3], r, r, r);
                    if rounding {
                        self.v3(op::PADD[3], r, r, round);
                    }
                }
                self.vshift(VShift::Srl, 3, p, p, 32);
                self.v3i(op::PBLENDW, p, p, q, 0xcc);
            }
        }
        self.saturate_smallest(p, q, v.l(), v.total);
        let clean = self.clean2(v, v.a, v.b);
        self.finish_low(t, v, p, clean);
        true
    }
    /// Turns lanes of `p` that are the smallest number into the largest one, with QC. `q` is used.
    pub(crate) fn saturate_smallest(&mut self, p: Xmm, q: Xmm, lane: usize, total: u32) {
        let bits = 8 << lane;
        let smallest = self.e.constant(splat(1 << (bits - 1), bits, 128));
        self.v3(op::PCMPEQ[lane], q, p, smallest);
        self.v3(op::PXOR, p, p, q);
        self.note_where(q, total, true);
    }
    /// Sets QC unless `x` is all ones in its low `total` bits. The host's flags are destroyed.
    pub(crate) fn note_saturation(&mut self, x: Xmm, total: u32) {
        self.note_where(x, total, false);
    }
    /// Sets QC if any byte of `x`, in its low `total` bits, has its top bit as `set` says.
    fn note_where(&mut self, x: Xmm, total: u32, set: bool) {
        let r = self.scratch();
        self.e.pmovmskb(r, x);
        if total == 64 && set {
            self.e.alu_imm(Alu::And, Size::D, r, 0xff);
        } else if total == 64 {
            self.e.alu_imm(Alu::Or, Size::D, r, 0xff00);
        }
        if !set {
            self.e.alu_imm(Alu::Xor, Size::D, r, 0xffff);
        }
        self.e.unary(Unary::Neg, Size::D, r);
        self.e.alu(Alu::Sbb, Size::D, r, r);
        self.e.alu_imm(Alu::And, Size::D, r, QC);
        self.e.alu_store(Alu::Or, Size::D, home(SLOT_FPSR), r);
        self.written(SLOT_FPSR);
        self.release(r);
    }
    fn bits_of_bytes(&mut self, v: &VArgs) -> bool {
        let nibbles =
            |f: fn(u32) -> u32| (0..16).fold(0u128, |r, i| r | u128::from(f(i)) << (8 * i));
        let reversed = |i: u32| (i as u8).reverse_bits() as u32;
        let (low, high) = if v.code == VecOp::Cnt {
            (nibbles(u32::count_ones), nibbles(u32::count_ones))
        } else {
            (nibbles(reversed), nibbles(|i| (i as u8).reverse_bits() as u32 >> 4))
        };
        let mask = self.e.constant(splat(0x0f, 8, 128));
        let (low, high) = (self.e.constant(low), self.e.constant(high));
        let mut t = Temps::default();
        let x = self.using_v(v.a);
        let (p, q, table) = (self.temp_v(&mut t), self.temp_v(&mut t), self.temp_v(&mut t));
        self.v3(op::PAND, p, x, mask);
        self.vshift(VShift::Srl, 1, q, x, 4);
        self.v3(op::PAND, q, q, mask);
        self.vmov(table, low);
        self.v3(op::PSHUFB, p, table, p);
        self.vmov(table, high);
        self.v3(op::PSHUFB, q, table, q);
        self.v3(if v.code == VecOp::Cnt { op::PADD[0] } else { op::POR }, p, p, q);
        let clean = self.width(v.a) <= v.total;
        self.finish_low(t, v, p, clean);
        true
    }
    fn dot(&mut self, v: &VArgs) -> bool {
        if !self.avx() {
            return false;
        }
        let (sa, sb) = match v.code {
            VecOp::DotS => (op::PMOVSX[0], op::PMOVSX[0]),
            VecOp::DotU => (op::PMOVZX[0], op::PMOVZX[0]),
            _ => (op::PMOVZX[0], op::PMOVSX[0]),
        };
        let mut t = Temps::default();
        let (x, y, z) = (self.using_vm(v.a), self.using_vm(v.b), self.using_vm(v.c));
        let (p, q, r) = (self.temp_v(&mut t), self.temp_v(&mut t), self.temp_v(&mut t));
        self.v2(sa, p, x);
        self.v2(sb, q, y);
        self.v3(op::PMADDWD, p, p, q);
        if v.total == 128 {
            self.v2i(op::PSHUFD, q, x, 0xee);
            self.v2(sa, q, q);
            self.v2i(op::PSHUFD, r, y, 0xee);
            self.v2(sb, r, r);
            self.v3(op::PMADDWD, q, q, r);
        } else {
            self.vzero(q);
        }
        self.v3(op::PHADDD, p, p, q);
        self.v3(op::PADD[2], p, p, z);
        self.finish_low(t, v, p, false);
        true
    }
}
