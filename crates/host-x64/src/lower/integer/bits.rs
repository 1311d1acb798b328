//! Bit fields, extensions, reversals.

use crate::emit::{Gpr, Mem, Size};
use crate::lower::Lower;
use crate::{Alu, Bmi, Count, Shift};
use ir::{Op, OpCode, Ty};

/// `width` ones.
const fn ones(width: u8) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

impl Lower<'_> {
    /// `Deposit` and `Extract`.
    pub(crate) fn chosen_bits(&mut self, op: Op) {
        if !self.host.features().bmi2 {
            return self.helper(op);
        }
        let (a, b) = (self.using(op.a), self.using(op.b));
        let d = self.define(op.dst);
        let bmi = if op.code == OpCode::Deposit { Bmi::Pdep } else { Bmi::Pext };
        self.e.bmi(bmi, Self::size(op), d, a, b);
        self.set(op.dst, d);
    }
    pub(crate) fn extend(&mut self, op: Op) {
        let size = Self::size(op);
        let a = self.using(op.a);
        let d = self.define_over(op.dst, op.a, a);
        match op.code {
            OpCode::SExt8 => self.e.movsx(Size::B, size, d, a),
            OpCode::SExt16 => self.e.movsx(Size::W, size, d, a),
            OpCode::SExt32 => self.e.movsx(Size::D, Size::Q, d, a),
            OpCode::ZExt8 => self.e.movzx(Size::B, d, a),
            _ => self.e.movzx(Size::W, d, a),
        }
        self.set(op.dst, d);
    }
    /// `Ubfx` and `Sbfx`.
    pub(crate) fn field_extract(&mut self, op: Op) {
        let mut size = Self::size(op);
        let (lsb, width) = (op.aux as u8 & 63, (op.aux >> 8) as u8);
        let signed = op.code == OpCode::Sbfx;
        let part = match width {
            8 => Some(Size::B),
            16 => Some(Size::W),
            32 => Some(Size::D),
            _ => None,
        };
        if lsb == 0 && u32::from(width) >= size.bits() {
            return self.int_mov(Op { code: OpCode::Mov, ..op });
        }
        if let Some(part) = part
            && lsb == 0
        {
            let a = self.using(op.a);
            let d = self.define_over(op.dst, op.a, a);
            if signed {
                self.e.movsx(part, size, d, a);
            } else {
                self.e.movzx(part, d, a);
            }
            return self.set(op.dst, d);
        }
        let top = u32::from(lsb + width) >= size.bits();
        if let Some(part) = part
            && self.host.features().bmi2
            && !top
        {
            let a = self.using(op.a);
            let d = self.define_over(op.dst, op.a, a);
            let from = if lsb + width <= 32 { Size::D } else { size };
            self.e.rorx(from, d, a, lsb);
            if signed {
                self.e.movsx(part, size, d, d);
            } else {
                self.e.movzx(part, d, d);
            }
            return self.set(op.dst, d);
        }
        self.clobber();
        let a = self.using(op.a);
        let d = self.define_over(op.dst, op.a, a);
        if signed {
            self.signed_field(size, d, a, lsb, width);
            return self.set(op.dst, d);
        }
        if !top && lsb + width <= 32 {
            size = Size::D;
        }
        let top = u32::from(lsb + width) >= size.bits();
        if d != a {
            self.e.mov(size, d, a);
        }
        if top {
            self.e.shift_imm(Shift::Shr, size, d, lsb);
        } else if width < 32 {
            self.e.shift_imm(Shift::Shr, size, d, lsb);
            self.e.alu_imm(Alu::And, Size::D, d, ones(width) as i32);
        } else {
            let left = size.bits() as u8 - width - lsb;
            self.e.shift_imm(Shift::Shl, size, d, left);
            self.e.shift_imm(Shift::Shr, size, d, left + lsb);
        }
        self.set(op.dst, d);
    }
    /// `d` = `width` bits of `a` from `lsb` on, sign-extended.
    fn signed_field(&mut self, size: Size, d: Gpr, a: Gpr, lsb: u8, width: u8) {
        let left = size.bits() as u8 - width - lsb;
        if size == Size::Q && left == 32 {
            self.e.movsx(Size::D, size, d, a);
            return self.e.shift_imm(Shift::Sar, size, d, lsb);
        }
        if d != a {
            self.e.mov(size, d, a);
        }
        self.e.shift_imm(Shift::Shl, size, d, left);
        self.e.shift_imm(Shift::Sar, size, d, size.bits() as u8 - width);
    }
    /// `Ubfiz` and `Sbfiz`.
    pub(crate) fn field_place(&mut self, op: Op) {
        let size = Self::size(op);
        let (lsb, width) = (op.aux as u8 & 63, (op.aux >> 8) as u8);
        let signed = op.code == OpCode::Sbfiz;
        if lsb == 0 && u32::from(width) >= size.bits() {
            return self.int_mov(Op { code: OpCode::Mov, ..op });
        }
        let keep = self.must_save();
        if !(keep && lsb <= 3 && matches!(width, 8 | 16 | 32)) {
            self.clobber();
        }
        let a = self.using(op.a);
        let d = self.define_over(op.dst, op.a, a);
        let top = u32::from(lsb + width) >= size.bits();
        let part = match width {
            8 => Some(Size::B),
            16 => Some(Size::W),
            32 if size == Size::Q => Some(Size::D),
            _ => None,
        };
        match part {
            _ if top => {
                if d != a {
                    self.e.mov(size, d, a);
                }
                self.e.shift_imm(Shift::Shl, size, d, lsb);
            }
            Some(part) => {
                if signed {
                    self.e.movsx(part, size, d, a);
                } else {
                    self.e.movzx(part, d, a);
                }
                match lsb {
                    1 => self.e.lea(size, d, Mem::index(d, d, 0, 0)),
                    2 | 3 if keep => self.e.lea(size, d, Mem::scaled(d, lsb, 0)),
                    _ => self.e.shift_imm(Shift::Shl, size, d, lsb),
                }
            }
            None if !signed && width < 32 => {
                if d != a {
                    self.e.mov(Size::D, d, a);
                }
                self.e.alu_imm(Alu::And, Size::D, d, ones(width) as i32);
                self.e.shift_imm(Shift::Shl, size, d, lsb);
            }
            None => {
                if d != a {
                    self.e.mov(size, d, a);
                }
                let left = size.bits() as u8 - width;
                let right = if signed { Shift::Sar } else { Shift::Shr };
                self.e.shift_imm(Shift::Shl, size, d, left);
                self.e.shift_imm(right, size, d, left - lsb);
            }
        }
        self.set(op.dst, d);
    }
    /// `Bfi` and `Bfxil`: a with a field replaced by bits of b.
    pub(crate) fn field_insert(&mut self, op: Op) {
        let size = Self::size(op);
        let (lsb, width) = (op.aux as u8 & 63, (op.aux >> 8) as u8);
        let insert = op.code == OpCode::Bfi;
        if lsb == 0 && u32::from(width) >= size.bits() {
            return self.int_mov(Op { code: OpCode::Mov, a: op.b, ..op });
        }
        if lsb == 0 && matches!(width, 8 | 16) {
            // A partial register write.
            let part = if width == 8 { Size::B } else { Size::W };
            let b = self.using(op.b);
            let a = self.using(op.a);
            let d = self.define_over(op.dst, op.a, a);
            if d == b && a != d {
                let s = self.scratch();
                self.e.mov(size, s, a);
                self.e.mov(part, s, b);
                return self.set(op.dst, s);
            }
            if d != a || size == Size::D {
                self.e.mov(size, d, a);
            }
            self.e.mov(part, d, b);
            return self.set(op.dst, d);
        }
        self.clobber();
        // dst = a ^ ((a ^ shifted b) & mask)
        let s = self.using_scratch(op.b);
        if insert {
            self.e.shift_imm(Shift::Shl, size, s, lsb);
        } else {
            self.e.shift_imm(Shift::Shr, size, s, lsb);
        }
        let mask = if insert { ones(width) << lsb } else { ones(width) };
        let a = self.using(op.a);
        self.e.alu(Alu::Xor, size, s, a);
        let imm = if size == Size::Q { i32::try_from(mask as i64).ok() } else { Some(mask as i32) };
        if let Some(imm) = imm {
            self.e.alu_imm(Alu::And, size, s, imm);
        } else if mask <= 0xffff_ffff {
            self.e.alu_imm(Alu::And, Size::D, s, mask as i32);
        } else {
            let m = self.scratch();
            self.e.mov_imm(m, mask);
            self.e.alu(Alu::And, size, s, m);
        }
        self.e.alu(Alu::Xor, size, s, a);
        self.set(op.dst, s);
    }
    /// `Extr`: the pair a:b shifted right.
    pub(crate) fn extract_pair(&mut self, op: Op) {
        let size = Self::size(op);
        let n = (u32::from(op.aux) & (size.bits() - 1)) as u8;
        if n == 0 {
            return self.int_mov(Op { code: OpCode::Mov, a: op.b, ..op });
        }
        let bmi2 = self.host.features().bmi2;
        if op.a == op.b && bmi2 {
            let a = self.using(op.a);
            let d = self.define(op.dst);
            self.e.rorx(size, d, a, n);
            return self.set(op.dst, d);
        }
        self.clobber();
        if op.a == op.b {
            let a = self.using(op.a);
            let s = self.scratch();
            self.e.mov(size, s, a);
            self.e.shift_imm(Shift::Ror, size, s, n);
            return self.set(op.dst, s);
        }
        let a = self.using(op.a);
        let s = self.using_scratch(op.b);
        self.e.shrd(size, s, a, n);
        self.set(op.dst, s);
    }

    // --- reversals

    /// `Rev`, `Rev16`, `Rev32`.
    pub(crate) fn reverse_bytes(&mut self, op: Op) {
        let size = Self::size(op);
        let whole = op.code == OpCode::Rev || op.code == OpCode::Rev32 && size == Size::D;
        if whole {
            let a = self.using(op.a);
            let d = self.define_over(op.dst, op.a, a);
            if d != a {
                self.e.mov(size, d, a);
            }
            self.e.bswap(size, d);
            return self.set(op.dst, d);
        }
        self.clobber();
        let s = self.using_scratch(op.a);
        match (op.code, size) {
            (OpCode::Rev32, _) => {
                self.e.bswap(size, s);
                self.e.shift_imm(Shift::Ror, size, s, 32);
            }
            (_, Size::D) => {
                self.e.bswap(size, s);
                self.e.shift_imm(Shift::Ror, size, s, 16);
            }
            _ => {
                let (t, mask) = (self.scratch(), self.scratch());
                self.swap_groups(size, s, t, mask, 8, 0x00ff_00ff_00ff_00ff);
            }
        }
        self.set(op.dst, s);
    }
    /// Swaps neighbouring groups of `n` bits of `s`; `pattern` has the lower of each pair set.
    fn swap_groups(&mut self, size: Size, s: Gpr, t: Gpr, mask: Gpr, n: u8, pattern: u64) {
        self.e.mov(size, t, s);
        self.e.shift_imm(Shift::Shr, size, t, n);
        if size == Size::D {
            self.e.alu_imm(Alu::And, size, t, pattern as i32);
            self.e.alu_imm(Alu::And, size, s, pattern as i32);
        } else {
            self.e.mov_imm(mask, pattern);
            self.e.alu(Alu::And, size, t, mask);
            self.e.alu(Alu::And, size, s, mask);
        }
        if n == 1 || n == 2 {
            self.e.lea(size, s, Mem::index(t, s, n, 0));
        } else {
            self.e.shift_imm(Shift::Shl, size, s, n);
            self.e.alu(Alu::Or, size, s, t);
        }
    }
    pub(crate) fn reverse_bits(&mut self, op: Op) {
        self.clobber();
        let size = Self::size(op);
        if self.host.features().bmi2 && self.count_trailing_follows(op) {
            let a = self.using(op.a);
            let d = self.define_over(op.dst, op.a, a);
            self.e.count(Count::Tzcnt, size, d, a);
            // This is the result of the second one.
            self.at = self.skip;
            return self.set(op.dst, d);
        }
        if let Some((shift, amount)) = self.shift_to_one_byte(op) {
            let s = self.using_scratch(op.a);
            self.reverse_byte(s, amount);
            self.skip = self.at + 1;
            self.at = self.skip;
            return self.set(shift.dst, s);
        }
        let s = self.using_scratch(op.a);
        self.e.bswap(size, s);
        self.reverse_within_bytes(size, s);
        self.set(op.dst, s);
    }
    /// The next operation and its amount, if it shifts the result of `op` to the right so far that at
    /// most a byte is left, and nothing else needs that.
    fn shift_to_one_byte(&self, op: Op) -> Option<(Op, u8)> {
        let next = *self.block.ops.get(self.at + 1)?;
        let amount = self.block.const64(next.b)?;
        let last = op.dst.as_temp().is_some_and(|t| self.live.last_use(t) == self.at as u32 + 1);
        let fits = next.code == OpCode::Shr && (next.ty, next.a) == (Ty::I64, op.dst);
        (fits && last && op.ty == Ty::I64 && (56..64).contains(&amount))
            .then_some((next, amount as u8))
    }
    /// `s` = its low byte in reverse order, as the upper byte of 64 bits shifted right by `amount`.
    fn reverse_byte(&mut self, s: Gpr, amount: u8) {
        let t = self.scratch();
        self.e.movzx(Size::B, s, s);
        // Two copies of four bits each, so far apart that no sum has a carry; what is left of them is
        // in reverse order in the third byte of the last product.
        self.e.imul_imm(Size::D, t, s, 0x0802);
        self.e.alu_imm(Alu::And, Size::D, t, 0x0002_2110);
        self.e.imul_imm(Size::D, s, s, 0x8020);
        self.e.alu_imm(Alu::And, Size::D, s, 0x0008_8440);
        self.e.alu(Alu::Or, Size::D, s, t);
        self.e.imul_imm(Size::D, s, s, 0x0001_0101);
        self.e.shift_imm(Shift::Shr, Size::D, s, 16 + amount - 56);
        self.e.alu_imm(Alu::And, Size::D, s, 0xff >> (amount - 56));
    }
    /// `Brev8`.
    pub(crate) fn reverse_bits_of_bytes(&mut self, op: Op) {
        self.clobber();
        let s = self.using_scratch(op.a);
        self.reverse_within_bytes(Self::size(op), s);
        self.set(op.dst, s);
    }
    fn reverse_within_bytes(&mut self, size: Size, s: Gpr) {
        let (t, mask) = (self.scratch(), self.scratch());
        self.swap_groups(size, s, t, mask, 4, 0x0f0f_0f0f_0f0f_0f0f);
        self.swap_groups(size, s, t, mask, 2, 0x3333_3333_3333_3333);
        self.swap_groups(size, s, t, mask, 1, 0x5555_5555_5555_5555);
    }
    /// RBIT and CLZ of the same register: a count of trailing zeros. Nothing can see the state
    /// between the two.
    fn count_trailing_follows(&mut self, op: Op) -> bool {
        let ops = &self.block.ops;
        let [insn, clz] = ops[self.at + 1..].first_chunk::<2>().copied().unwrap_or([op; 2]);
        let follows = insn.code == OpCode::Insn
            && clz.code == OpCode::Clz
            && clz.ty == op.ty
            && clz.a == op.dst
            && clz.dst == op.dst
            && op.dst.as_slot().is_some();
        if follows {
            self.skip = self.at + 2;
        }
        follows
    }
}
