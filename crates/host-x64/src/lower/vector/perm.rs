//! SIMD: permutations, pairwise operations and those across all lanes.

use crate::emit::sse::{VShift, op};
use crate::emit::{Code, Size, Xmm};
use crate::lower::Lower;
use crate::lower::values::XmmOrMem;
use crate::lower::vector::{Temps, VArgs, shuffle, splat};
use ir::{OpCode, Ref, VecOp};

impl Lower<'_> {
    /// A `pshufb` of a with a constant control.
    fn shuffled(&mut self, v: &VArgs, f: impl Fn(u32) -> u32) -> bool {
        let m = self.e.constant(shuffle(v.total / 8, f));
        let mut t = Temps::default();
        let x = self.using_v(v.a);
        let d = self.out_v(&mut t, v.dst);
        self.v3(op::PSHUFB, d, x, m);
        self.finish_v(t, v.dst, d);
        true
    }

    pub(crate) fn vec_permute(&mut self, v: &VArgs) -> bool {
        let (l, bytes) = (v.l(), 1u32 << v.lane);
        if v.lane > 3 {
            return false;
        }
        let (n, full) = (v.param, v.total == 128);
        let reversed = |group: u32| {
            move |i: u32| {
                (i & !(group - 1)) + (group - bytes) - (i & (group - 1) & !(bytes - 1)) + i % bytes
            }
        };
        match v.code {
            VecOp::Rev16 => self.shuffled(v, reversed(2)),
            VecOp::Rev32 => self.shuffled(v, reversed(4)),
            VecOp::Rev64 => self.shuffled(v, reversed(8)),
            VecOp::DupLane if full && v.lane >= 2 => {
                let order = if v.lane == 2 {
                    0x55 * n as u8
                } else if n == 0 {
                    0x44
                } else {
                    0xee
                };
                let mut t = Temps::default();
                let x = self.using_vm(v.a);
                let d = self.out_v(&mut t, v.dst);
                self.v2i(op::PSHUFD, d, x, order);
                self.finish_v(t, v.dst, d);
                true
            }
            VecOp::DupLane => self.shuffled(v, |i| n * bytes + i % bytes),
            VecOp::DupInt => self.dup_int(v),
            VecOp::InsInt => self.insert_int(v),
            VecOp::InsLane => self.insert_lane(v),
            VecOp::Ext => self.extract(v),
            VecOp::Zip1 | VecOp::Zip2 => {
                let high = v.code == VecOp::Zip2;
                if full || !high {
                    let code = if high { op::PUNPCKH } else { op::PUNPCKL }[l];
                    return self.one(v, code, v.a, v.b, false);
                }
                let mut t = Temps::default();
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let p = self.temp_v(&mut t);
                self.v3(op::PUNPCKL[l], p, x, y);
                self.vshift(VShift::SrlBytes, 3, p, p, 8);
                self.finish_v(t, v.dst, p);
                true
            }
            VecOp::Uzp1 | VecOp::Uzp2 => self.unzip(v),
            VecOp::Trn1 | VecOp::Trn2 => self.transpose(v),
            VecOp::Tbl1 => {
                let limit = self.e.constant(splat(0x70, 8, 128));
                let mut t = Temps::default();
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let p = self.temp_v(&mut t);
                self.vmov(p, y);
                self.v3(op::PADDUS[0], p, p, limit);
                self.v3(op::PSHUFB, p, x, p);
                self.finish_low(t, v, p, false);
                true
            }
            VecOp::Tbx1 if self.avx() => {
                let limit = self.e.constant(splat(0x70, 8, 128));
                let first = self.e.constant(splat(n.into(), 8, 128));
                let mut t = Temps::default();
                let (x, y, z) = (self.using_v(v.a), self.using_vm(v.b), self.using_vm(v.c));
                let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.vmov(p, y);
                self.v3(op::PSUB[0], p, p, first);
                self.v3(op::PADDUS[0], p, p, limit);
                self.v3(op::PSHUFB, q, x, p);
                let z = match z {
                    XmmOrMem::Reg(z) => z,
                    XmmOrMem::Mem(m) => {
                        let z = self.temp_v(&mut t);
                        self.vmov(z, m);
                        z
                    }
                };
                self.e.vpblendvb(p, q, z, p);
                self.finish_low(t, v, p, false);
                true
            }
            VecOp::Low => {
                let mut t = Temps::default();
                let x = self.using_v(v.a);
                let d = self.out_v(&mut t, v.dst);
                self.zero_above(d, x, v.bits());
                self.finish_v(t, v.dst, d);
                true
            }
            VecOp::High => {
                let mut t = Temps::default();
                let x = self.using_v(v.a);
                let d = self.out_v(&mut t, v.dst);
                self.vshift(VShift::SrlBytes, 3, d, x, 8);
                self.finish_v(t, v.dst, d);
                true
            }
            VecOp::Combine => {
                let mut t = Temps::default();
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let d = self.out_v(&mut t, v.dst);
                self.v3(op::PUNPCKL[3], d, x, y);
                self.finish_v(t, v.dst, d);
                true
            }
            _ => false,
        }
    }
    fn dup_int(&mut self, v: &VArgs) -> bool {
        let mut t = Temps::default();
        if let Some(c) = self.block.const64(v.a) {
            let value = splat(c, v.bits(), v.total);
            let d = self.out_v(&mut t, v.dst);
            if value == 0 {
                self.vzero(d);
            } else {
                let m = self.e.constant(value);
                self.vmov(d, m);
            }
            self.finish_v(t, v.dst, d);
            return true;
        }
        let r = self.using(v.a);
        let d = self.out_v(&mut t, v.dst);
        self.e.mov_to_xmm(if v.lane == 3 { Size::Q } else { Size::D }, d, r);
        match (v.lane, v.total) {
            (3, 64) => {}
            (3, _) => self.v2i(op::PSHUFD, d, d, 0x44),
            (2, 64) => self.v3(op::PUNPCKL[2], d, d, d),
            (2, _) => self.v2i(op::PSHUFD, d, d, 0),
            (lane, total) => {
                if total == 128 && self.avx() {
                    self.v2(op::PBROADCAST[usize::from(lane)], d, d);
                } else {
                    let m = self.e.constant(shuffle(total / 8, |i| i % (1 << lane)));
                    self.v3(op::PSHUFB, d, d, m);
                }
            }
        }
        self.finish_v(t, v.dst, d);
        true
    }
    fn insert_int(&mut self, v: &VArgs) -> bool {
        let mut t = Temps::default();
        let r = self.using(v.b);
        let x = self.using_vm(v.a);
        let d = self.out_v(&mut t, v.dst);
        self.vmov(d, x);
        self.e.pinsr(Size::from_log2(v.lane), d, r, v.param as u8);
        self.finish_low(t, v, d, false);
        true
    }
    fn insert_lane(&mut self, v: &VArgs) -> bool {
        let (to, from) = ((v.param & 15) as u8, (v.param >> 4 & 15) as u8);
        let mut t = Temps::default();
        if v.lane < 2 && to != from || v.lane == 0 {
            let y = self.using_v(v.b);
            let r = self.scratch();
            let size = Size::from_log2(v.lane);
            self.e.pextr(size, r, y, from);
            let x = self.using_vm(v.a);
            let p = self.temp_v(&mut t);
            self.vmov(p, x);
            self.e.pinsr(size, p, r, to);
            self.finish_v(t, v.dst, p);
            return true;
        }
        let (x, y) = (self.using_v(v.a), self.using_v(v.b));
        // In legacy encoding, `insertps` from memory selects no lane: d must not be y.
        let d = if self.avx() { self.out_v(&mut t, v.dst) } else { self.temp_v(&mut t) };
        match (v.lane, to, from) {
            (1, ..) => self.v3i(op::PBLENDW, d, x, y, 1 << to),
            (2, ..) => self.v3i(op::INSERTPS, d, x, y, from << 6 | to << 4),
            (_, 0, 0) => self.v3i(op::PBLENDW, d, x, y, 0x0f),
            (_, 1, 0) => self.v3(op::PUNPCKL[3], d, x, y),
            (_, 0, _) => self.v3i(op::SHUFPD, d, y, x, 3),
            _ => self.v3i(op::PBLENDW, d, x, y, 0xf0),
        }
        self.finish_v(t, v.dst, d);
        true
    }
    fn extract(&mut self, v: &VArgs) -> bool {
        let mut t = Temps::default();
        if v.total == 128 {
            let (y, x) = (self.using_v(v.b), self.using_vm(v.a));
            let d = self.out_v(&mut t, v.dst);
            self.v3i(op::PALIGNR, d, y, x, v.param as u8);
            self.finish_v(t, v.dst, d);
        } else {
            let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
            let p = self.temp_v(&mut t);
            self.v3(op::PUNPCKL[3], p, x, y);
            self.vshift(VShift::SrlBytes, 3, p, p, v.param);
            self.zero_above(p, p, 64);
            self.finish_v(t, v.dst, p);
        }
        true
    }
    fn unzip(&mut self, v: &VArgs) -> bool {
        let (l, bytes, odd) = (v.l(), 1u32 << v.lane, v.code == VecOp::Uzp2);
        let mut t = Temps::default();
        let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
        let p = self.temp_v(&mut t);
        let skip = if odd { bytes } else { 0 };
        match (v.total, v.lane) {
            (128, 3) => self.v3(if odd { op::PUNPCKH } else { op::PUNPCKL }[3], p, x, y),
            (128, 2) => self.v3i(op::SHUFPS, p, x, y, if odd { 0xdd } else { 0x88 }),
            (128, _) => {
                let q = self.temp_v(&mut t);
                let wide = v.lane + 1;
                if odd {
                    self.vmov(q, y);
                    self.vshift(VShift::Srl, wide, p, x, v.bits());
                    self.vshift(VShift::Srl, wide, q, q, v.bits());
                } else {
                    let m = self.e.constant(splat((1 << v.bits()) - 1, 2 * v.bits(), 128));
                    self.vmov(q, y);
                    self.v3(op::PAND, p, x, m);
                    self.v3(op::PAND, q, q, m);
                }
                self.v3(op::PACKUS[l], p, p, q);
            }
            _ => {
                let m = self.e.constant(shuffle(8, |i| i / bytes * 2 * bytes + i % bytes + skip));
                self.v3(op::PUNPCKL[3], p, x, y);
                self.v3(op::PSHUFB, p, p, m);
            }
        }
        self.finish_v(t, v.dst, p);
        true
    }
    fn transpose(&mut self, v: &VArgs) -> bool {
        let odd = v.code == VecOp::Trn2;
        if v.lane == 3 {
            return self.one(v, if odd { op::PUNPCKH } else { op::PUNPCKL }[3], v.a, v.b, false);
        }
        let (bits, wide) = (v.bits(), v.lane + 1);
        let mut t = Temps::default();
        let (x, y) = (self.using_v(v.a), self.using_v(v.b));
        let p = self.temp_v(&mut t);
        // Even lanes from one, odd lanes from the other, one of them shifted into place.
        if odd {
            self.vshift(VShift::Srl, wide, p, x, bits);
        } else {
            self.vshift(VShift::Sll, wide, p, y, bits);
        }
        if v.lane == 0 {
            let q = self.temp_v(&mut t);
            let m = self.e.constant(splat(if odd { 0xff00 } else { 0x00ff }, 16, 128));
            self.v3(op::PAND, q, if odd { y } else { x }, m);
            self.v3(op::POR, p, p, q);
        } else {
            let mask = if v.lane == 1 { 0xaa } else { 0xcc };
            if odd {
                self.v3i(op::PBLENDW, p, p, y, mask);
            } else {
                self.v3i(op::PBLENDW, p, x, p, mask);
            }
        }
        let clean = self.clean2(v, v.a, v.b);
        self.finish_low(t, v, p, clean);
        true
    }

    pub(crate) fn vec_pairs(&mut self, v: &VArgs) -> bool {
        let l = v.l();
        if v.lane > 3 {
            return false;
        }
        match v.code {
            VecOp::AddP => self.pairs(v, op::PADD[l]),
            VecOp::MaxPS if l < 3 => self.pairs(v, op::PMAXS[l]),
            VecOp::MaxPU | VecOp::MinPU if l == 0 && v.total == 128 => self.byte_pairs(v),
            VecOp::MaxPU if l < 3 => self.pairs(v, op::PMAXU[l]),
            VecOp::MinPS if l < 3 => self.pairs(v, op::PMINS[l]),
            VecOp::MinPU if l < 3 => self.pairs(v, op::PMINU[l]),
            VecOp::AddLpS | VecOp::AddLpU | VecOp::AdaLpS | VecOp::AdaLpU if l < 3 => {
                let signed = matches!(v.code, VecOp::AddLpS | VecOp::AdaLpS);
                let mut t = Temps::default();
                let x = self.using_v(v.a);
                let z = match v.code {
                    VecOp::AdaLpS | VecOp::AdaLpU => Some(self.using_vm(v.c)),
                    _ => None,
                };
                let p = self.temp_v(&mut t);
                self.add_long_pairs(&mut t, p, x, v.lane, signed);
                let d = self.accumulate(&mut t, v, p, z, l + 1);
                self.finish_low(t, v, d, false);
                true
            }
            VecOp::AddV => self.across(v, op::PADD[l]),
            VecOp::MaxVS if l < 3 => self.across(v, op::PMAXS[l]),
            VecOp::MaxVU if l < 3 => self.across(v, op::PMAXU[l]),
            VecOp::MinVS if l < 3 => self.across(v, op::PMINS[l]),
            VecOp::MinVU if l < 3 => self.across(v, op::PMINU[l]),
            VecOp::AddLvS | VecOp::AddLvU if l < 3 => {
                let mut t = Temps::default();
                let x = self.using_v(v.a);
                let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.add_long_pairs(&mut t, p, x, v.lane, v.code == VecOp::AddLvS);
                self.fold(p, q, v.lane + 1, v.total, op::PADD[l + 1]);
                self.finish_v(t, v.dst, p);
                true
            }
            _ => false,
        }
    }
    /// `d` = adjacent lanes of `x` added into lanes twice as large; `d` is not `x`.
    fn add_long_pairs(&mut self, t: &mut Temps, d: Xmm, x: Xmm, lane: u8, signed: bool) {
        let one = match lane {
            0 => splat(1, 8, 128),
            1 => splat(1, 16, 128),
            _ => splat(1, 64, 128),
        };
        match (lane, signed) {
            (0, false) => {
                let one = self.e.constant(one);
                self.v3(op::PMADDUBSW, d, x, one);
            }
            (0, true) => {
                let one = self.e.constant(one);
                self.vmov(d, one);
                self.v3(op::PMADDUBSW, d, d, x);
            }
            (1, true) => {
                let one = self.e.constant(one);
                self.v3(op::PMADDWD, d, x, one);
            }
            (2, true) => {
                let one = self.e.constant(one);
                let u = self.temp_v(t);
                self.vshift(VShift::Srl, 3, u, x, 32);
                self.v3(op::PMULDQ, u, u, one);
                self.v3(op::PMULDQ, d, x, one);
                self.v3(op::PADD[3], d, d, u);
            }
            (_, _) => {
                let bits = 8 << lane;
                let low = self.e.constant(splat((1 << bits) - 1, 2 * bits, 128));
                let u = self.temp_v(t);
                self.vshift(VShift::Srl, lane + 1, u, x, bits);
                self.v3(op::PAND, d, x, low);
                self.v3(op::PADD[usize::from(lane) + 1], d, d, u);
            }
        }
    }
    /// UMAXP and UMINP of bytes, which string functions are made of.
    fn byte_pairs(&mut self, v: &VArgs) -> bool {
        let max = v.code == VecOp::MaxPU;
        let code = if max { op::PMAXU[0] } else { op::PMINU[0] };
        let mut t = Temps::default();
        let (x, y) = (self.using_v(v.a), self.using_v(v.b));
        if max && x == y && self.is_mask(v.a) {
            // Sums of bytes that are zero or 255, saturated.
            let one = self.e.constant(splat(1, 8, 128));
            let p = self.temp_v(&mut t);
            self.v3(op::PMADDUBSW, p, x, one);
            let d = self.out_or(v.dst, p);
            self.v3(op::PACKUS[0], d, p, p);
            self.finish_v(t, v.dst, d);
            return true;
        }
        let p = self.temp_v(&mut t);
        if x == y {
            // Even bytes and odd ones, combined with the odd and even ones.
            let m = self.e.constant(shuffle(16, |i| i % 8 * 2 + i / 8));
            self.v3(op::PSHUFB, p, x, m);
            let q = if Self::is_scratch_v(x) {
                self.reuse_v(x);
                x
            } else {
                self.temp_v(&mut t)
            };
            let d = self.out_or(v.dst, q);
            self.v2i(op::PSHUFD, d, p, 0x4e);
            self.v3(code, d, d, p);
            self.finish_v(t, v.dst, d);
            return true;
        }
        // In words, then narrowed.
        let q = self.temp_v(&mut t);
        for (d, s) in [(p, x), (q, y)] {
            if max {
                self.vshift(VShift::Sll, 1, d, s, 8);
                self.v3(code, d, d, s);
                self.vshift(VShift::Srl, 1, d, d, 8);
            } else {
                // The upper bytes become the least: zero.
                self.vshift(VShift::Srl, 1, d, s, 8);
                self.v3(code, d, d, s);
            }
        }
        let d = self.out_or(v.dst, p);
        self.v3(op::PACKUS[0], d, p, q);
        self.finish_v(t, v.dst, d);
        true
    }
    /// Whether a vector operand is known to have bytes of zero or 255 only: the block has just made
    /// it by a comparison.
    fn is_mask(&self, r: Ref) -> bool {
        let before = self.block.ops[..self.at].iter().rev();
        let maker = before.take_while(|o| o.code != OpCode::Label).find(|o| o.dst == r);
        maker.is_some_and(|o| {
            o.code == OpCode::Vec
                && matches!(
                    VecOp::from_u16(o.aux),
                    VecOp::CmEq
                        | VecOp::CmGtS
                        | VecOp::CmGeS
                        | VecOp::CmGtU
                        | VecOp::CmGeU
                        | VecOp::CmTst
                )
        })
    }
    /// Pairs of adjacent lanes of b:a combined by `code`.
    fn pairs(&mut self, v: &VArgs, code: Code) -> bool {
        let bytes = 1u32 << v.lane;
        let mut t = Temps::default();
        let (x, y) = (self.using_v(v.a), self.using_v(v.b));
        let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
        if v.lane == 3 {
            self.v3(op::PUNPCKL[3], p, x, y);
            self.v3(op::PUNPCKH[3], q, x, y);
            self.v3(code, p, p, q);
            self.finish_v(t, v.dst, p);
            return true;
        }
        // Within 16 bytes: even lanes to the low half, odd ones to the high half.
        let m =
            self.e.constant(shuffle(16, |i| i % 8 / bytes * 2 * bytes + i % bytes + i / 8 * bytes));
        if v.total == 64 || x == y {
            if v.total == 64 {
                self.v3(op::PUNPCKL[3], p, x, y);
                self.v3(op::PSHUFB, p, p, m);
            } else {
                self.v3(op::PSHUFB, p, x, m);
            }
            self.v2i(op::PSHUFD, q, p, 0xee);
            self.v3(code, p, p, q);
            if v.total == 64 {
                self.zero_above(p, p, 64);
            } else {
                self.v2i(op::PSHUFD, p, p, 0x44);
            }
        } else {
            self.v3(op::PSHUFB, p, x, m);
            self.v3(op::PSHUFB, q, y, m);
            let even = self.temp_v(&mut t);
            self.v3(op::PUNPCKL[3], even, p, q);
            self.v3(op::PUNPCKH[3], p, p, q);
            self.v3(code, p, even, p);
        }
        self.finish_v(t, v.dst, p);
        true
    }
    fn across(&mut self, v: &VArgs, code: Code) -> bool {
        let mut t = Temps::default();
        let x = self.using_v(v.a);
        let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
        self.vmov(p, x);
        self.fold(p, q, v.lane, v.total, code);
        self.finish_v(t, v.dst, p);
        true
    }
    /// Combines all lanes of `p` into lane 0, zeros above.
    fn fold(&mut self, p: Xmm, q: Xmm, lane: u8, total: u32, code: Code) {
        if total == 128 {
            self.v2i(op::PSHUFD, q, p, 0xee);
            self.v3(code, p, p, q);
        }
        if lane < 3 {
            self.v2i(op::PSHUFD, q, p, 0x55);
            self.v3(code, p, p, q);
        }
        if lane < 2 {
            self.vshift(VShift::Srl, 2, q, p, 16);
            self.v3(code, p, p, q);
        }
        if lane < 1 {
            self.vshift(VShift::Srl, 1, q, p, 8);
            self.v3(code, p, p, q);
        }
        self.zero_above(p, p, 8 << lane);
    }
}
