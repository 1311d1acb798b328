//! Conditional operations and reading and writing the flags.

use crate::emit::{Cc, Gpr, Mem, Size};
use crate::lower::Lower;
use crate::lower::cold::ColdKind;
use crate::lower::flags::{FLAGS, Flags, Kind, Test};
use crate::{Alu, Shift, Unary};
use ir::state::flag;
use ir::{Cond, Op, OpCode, Ref};

impl Lower<'_> {
    /// `Sel`, `SelInc`, `SelInv`, `SelNeg`.
    pub(crate) fn select_op(&mut self, op: Op) {
        if !op.ty.is_int() {
            return self.select_vector(op);
        }
        let cond = Cond::from_u8(op.aux as u8);
        let zero = |r| self.block.const64(r) == Some(0);
        if zero(op.a) && zero(op.b) && !matches!(cond, Cond::Al | Cond::Nv) {
            let aux = cond.invert() as u16;
            match op.code {
                OpCode::SelInc => return self.set_cond(Op { code: OpCode::SetCond, aux, ..op }),
                OpCode::SelInv => return self.set_cond(Op { code: OpCode::SetMask, aux, ..op }),
                _ => return self.set_const(op.dst, 0),
            }
        }
        let size = Self::size(op);
        let test = self.test_for(cond);
        if test == Test::Always {
            return self.int_mov(Op { code: OpCode::Mov, ..op });
        }
        let a = self.using(op.a);
        if op.code == OpCode::Sel
            && let Some(c) = self.block.const64(op.b)
            && !matches!(test, Test::And(..))
        {
            let d = self.define(op.dst);
            if d != a {
                self.e.mov_imm(d, if size == Size::Q { c } else { u64::from(c as u32) });
                self.cmov(test, size, d, a);
                return self.set(op.dst, d);
            }
            self.release(d);
        }
        let b = self.using(op.b);
        if op.code == OpCode::Sel {
            return self.select_into(op, size, test, a, b);
        }
        // f(b) in a scratch register, without touching the host's flags.
        let s = self.define_over(ir::Ref::NONE, op.b, b);
        match op.code {
            OpCode::SelInc => self.e.lea(size, s, Mem::base(b, 1)),
            _ => {
                if s != b {
                    self.e.mov(size, s, b);
                }
                self.e.unary(Unary::Not, size, s);
                if op.code == OpCode::SelNeg {
                    self.e.lea(size, s, Mem::base(s, 1));
                }
            }
        }
        self.cmov(test, size, s, a);
        self.set(op.dst, s);
    }
    /// `dst = test ? a : b`.
    fn select_into(&mut self, op: Op, size: Size, test: Test, a: Gpr, b: Gpr) {
        let d = self.define_over(op.dst, op.b, b);
        // cmov can only be by "or": with "and" the opposite selects b.
        let by_a = !matches!(test, Test::And(..)) && (d != a || d == b);
        if by_a {
            if d != b {
                self.e.mov(size, d, b);
            }
            self.cmov(test, size, d, a);
        } else if d != b && !matches!(test, Test::Or(..)) {
            if d != a {
                self.e.mov(size, d, a);
            }
            self.cmov(test.invert(), size, d, b);
        } else {
            let s = self.scratch();
            self.e.mov(size, s, b);
            self.cmov(test, size, s, a);
            return self.set(op.dst, s);
        }
        self.set(op.dst, d);
    }
    /// `if test { d = s }`; the 32-bit form zero-extends d in any case.
    fn cmov(&mut self, test: Test, size: Size, d: Gpr, s: Gpr) {
        match test {
            Test::Always => self.e.mov(size, d, s),
            Test::One(cc) => self.e.cmov(cc, size, d, s),
            Test::Or(x, y) => {
                self.e.cmov(x, size, d, s);
                self.e.cmov(y, size, d, s);
            }
            Test::And(x, y) => {
                let skip = self.e.jcc_short(x.invert());
                self.e.cmov(y, size, d, s);
                self.e.bind_short(skip);
            }
        }
    }
    fn select_vector(&mut self, op: Op) {
        let cond = Cond::from_u8(op.aux as u8);
        let test = self.test_for(cond);
        if test == Test::Always {
            return self.mov_v(Op { code: OpCode::MovV, ..op });
        }
        let s = self.using_scratch_v(op.b);
        let a = self.using_v(op.a);
        self.truncate_v(op.ty, s, s);
        let skip = self.e.new_label();
        self.jump_if(test.invert(), skip);
        self.truncate_v(op.ty, s, a);
        self.e.bind(skip);
        self.set_v(op.dst, s);
    }
    /// `SetCond` and `SetMask`.
    pub(crate) fn set_cond(&mut self, op: Op) {
        let ones = if Self::size(op) == Size::Q { u64::MAX } else { 0xffff_ffff };
        let mask = op.code == OpCode::SetMask;
        match self.test_for(Cond::from_u8(op.aux as u8)) {
            Test::Always => self.set_const(op.dst, if mask { ones } else { 1 }),
            test if mask => {
                let d = self.define(op.dst);
                let s = self.scratch();
                let and = matches!(test, Test::And(..));
                self.e.mov_imm(d, if and { ones } else { 0 });
                self.e.mov_imm(s, if and { 0 } else { ones });
                self.cmov(if and { test.invert() } else { test }, Size::Q, d, s);
                self.set(op.dst, d);
            }
            test => {
                let d = self.define(op.dst);
                self.set_bool(test, d);
                self.set(op.dst, d);
            }
        }
    }
    /// `d = test ? 1 : 0`, host's flags kept.
    pub(crate) fn set_bool(&mut self, test: Test, d: Gpr) {
        match test {
            Test::Always => self.e.mov_imm(d, 1),
            Test::One(cc) => {
                self.e.mov_imm(d, 0);
                self.e.setcc(cc, d);
            }
            Test::Or(x, y) | Test::And(x, y) => {
                let or = matches!(test, Test::Or(..));
                let s = self.scratch();
                self.e.mov_imm(d, 0);
                self.e.mov_imm(s, u64::from(or));
                self.e.setcc(if or { x } else { y }, d);
                self.e.cmov(if or { y } else { x.invert() }, Size::D, d, s);
            }
        }
    }
    pub(crate) fn set_cmp(&mut self, op: Op) {
        let cond = Cond::from_u8(op.aux as u8);
        let test = match self.carry_in_flags(op, cond) {
            Some(test) => test,
            None => {
                self.clobber();
                self.compare_operands(op, cond)
            }
        };
        self.host_flags.busy = true;
        // The destination may be an operand, but those have been compared already.
        self.unlock();
        self.set_truth(op.dst, test);
    }
    /// `dst` = whether the host's flags pass `test`.
    pub(crate) fn set_truth(&mut self, dst: Ref, test: Test) {
        let d = self.define(dst);
        self.set_bool(test, d);
        self.set(dst, d);
        self.host_flags.truth = Some((dst, test, self.e.position()));
    }

    /// `SelCmp`: an operand or zero.
    pub(crate) fn select_compared(&mut self, op: Op) {
        self.clobber();
        let size = Self::size(op);
        let cond = Cond::from_u8(op.aux as u8);
        let Test::One(cc) = self.compare_operands(op, cond) else {
            return self.int_mov(Op { code: OpCode::Mov, a: op.c, ..op });
        };
        self.host_flags.busy = true;
        self.unlock();
        let c = self.using(op.c);
        let d = self.define(op.dst);
        if d == c {
            let zero = self.scratch();
            self.e.mov_imm(zero, 0);
            self.e.cmov(cc.invert(), size, d, zero);
        } else {
            self.e.mov_imm(d, 0);
            self.e.cmov(cc, size, d, c);
        }
        self.set(op.dst, d);
    }

    // --- conditional compares

    pub(crate) fn ccmp(&mut self, op: Op) {
        let size = Self::size(op);
        let cond = Cond::from_u8(op.aux as u8);
        let nzcv = (op.aux >> 8 & 15) as u8;
        let mut add = op.code == OpCode::CcmpAdd;
        let mut imm = self.immediate(op.b, size);
        if let (true, Some(k)) = (add, imm)
            && k != 0
            && k != i32::MIN
        {
            (add, imm) = (false, Some(-k));
        }
        let test = self.test_for(cond);
        if let (Test::One(cc), false) = (test, add)
            && self.ccmp_by_cmov(op, size, cc, imm, nzcv)
        {
            return;
        }
        self.take(Gpr::RAX);
        let a = if add { self.using_scratch(op.a) } else { self.using(op.a) };
        let b = match imm {
            Some(_) => a,
            None => self.using(op.b),
        };
        let carry = nzcv >> 1 & 1 != 0;
        let word = flag::from_nzcv(u32::from(nzcv) << 28) & !flag::C
            | if carry == add { flag::C } else { 0 };
        let back = self.e.new_label();
        if test != Test::Always {
            let kind = ColdKind::LoadFlags { word, back };
            let otherwise = self.cold(kind);
            self.jump_if(test.invert(), otherwise);
        }
        if add {
            match imm {
                Some(k) => self.e.alu_imm(Alu::Add, size, a, k),
                None => self.e.alu(Alu::Add, size, a, b),
            }
        } else {
            match imm {
                Some(0) => self.e.test(size, a, a),
                Some(k) => self.e.alu_imm(Alu::Cmp, size, a, k),
                None => self.e.alu(Alu::Cmp, size, a, b),
            }
        }
        self.e.bind(back);
        self.host_flags.compare = None;
        self.flags_host(if add { Kind::Add } else { Kind::Sub }, None);
    }
    /// Selects the operands of the compare instead of branching, if there are constants whose
    /// comparison gives the flags for the other case.
    fn ccmp_by_cmov(&mut self, op: Op, size: Size, cc: Cc, imm: Option<i32>, nzcv: u8) -> bool {
        const VALUES: [i64; 7] = [0, 1, -1, 2, i64::MIN, i64::MAX, -2];
        let width = size.bits();
        let widen = |v: i64| match (size, v) {
            (Size::D, i64::MIN) => i64::from(i32::MIN),
            (Size::D, i64::MAX) => i64::from(i32::MAX),
            _ => v,
        };
        let as_const = |v: i64| if size == Size::D { u64::from(v as u32) } else { v as u64 };
        if let Some(k) = imm {
            let k64 = i64::from(k);
            let near = [k64, k64.wrapping_add(1), k64.wrapping_sub(1)];
            let other = near
                .into_iter()
                .chain(VALUES.map(widen))
                .find(|&v| flags_of_sub(v, k64, width) == nzcv);
            let Some(other) = other else { return false };
            let a = self.using(op.a);
            let s = self.scratch();
            self.e.mov_imm(s, as_const(other));
            self.e.cmov(cc, size, s, a);
            if k == 0 {
                self.e.test(size, s, s);
            } else {
                self.e.alu_imm(Alu::Cmp, size, s, k);
            }
        } else if nzcv == 6 {
            let (a, b) = (self.using(op.a), self.using(op.b));
            let s = self.scratch();
            self.e.mov(size, s, b);
            self.e.cmov(cc, size, s, a);
            self.e.alu(Alu::Cmp, size, s, b);
        } else {
            let pair = VALUES.iter().flat_map(|&x| VALUES.map(|y| (widen(x), widen(y))));
            let found = { pair }.find(|&(x, y)| flags_of_sub(x, y, width) == nzcv);
            let Some((x, y)) = found else { return false };
            let (a, s) = (self.using(op.a), self.scratch());
            self.e.mov_imm(s, as_const(x));
            self.e.cmov(cc, size, s, a);
            if op.a != op.b || op.a.as_const().is_some() {
                self.release(a);
            }
            let (b, t) = (self.using(op.b), self.scratch());
            self.e.mov_imm(t, as_const(y));
            self.e.cmov(cc, size, t, b);
            self.e.alu(Alu::Cmp, size, s, t);
        }
        self.flags_host(Kind::Sub, None);
        true
    }

    // --- the flags as a value

    pub(crate) fn read_flags(&mut self, op: Op) {
        self.save_flags();
        self.clobber();
        let (r, s, t) = (self.scratch(), self.scratch(), self.scratch());
        self.e.load(Size::D, r, FLAGS);
        // N and Z: bits 15, 14 to 31, 30. C: bit 8 to 29. V: bit 0 to 28.
        self.e.mov(Size::D, s, r);
        self.e.mov(Size::D, t, r);
        self.e.alu_imm(Alu::And, Size::D, s, (flag::N | flag::Z) as i32);
        self.e.alu_imm(Alu::And, Size::D, t, flag::C as i32);
        self.e.alu_imm(Alu::And, Size::D, r, flag::V as i32);
        self.e.shift_imm(Shift::Shl, Size::D, s, 16);
        self.e.shift_imm(Shift::Shl, Size::D, t, 21);
        self.e.shift_imm(Shift::Shl, Size::D, r, 28);
        self.e.alu(Alu::Or, Size::D, s, t);
        self.e.alu(Alu::Or, Size::D, r, s);
        self.set(op.dst, r);
    }
    pub(crate) fn write_flags(&mut self, op: Op) {
        self.flags.host = None;
        let a = self.using(op.a);
        let (r, s) = (self.scratch(), self.scratch());
        self.e.mov(Size::D, r, a);
        self.e.shift_imm(Shift::Shr, Size::D, r, 16);
        self.e.alu_imm(Alu::And, Size::D, r, (flag::N | flag::Z) as i32);
        self.e.mov(Size::D, s, a);
        self.e.shift_imm(Shift::Shr, Size::D, s, 21);
        self.e.alu_imm(Alu::And, Size::D, s, flag::C as i32);
        self.e.alu(Alu::Or, Size::D, r, s);
        self.e.mov(Size::D, s, a);
        self.e.shift_imm(Shift::Shr, Size::D, s, 28);
        self.e.alu_imm(Alu::And, Size::D, s, flag::V as i32);
        self.e.alu(Alu::Or, Size::D, r, s);
        self.e.store(Size::D, FLAGS, r);
        self.flags = Flags::HOME;
    }
}

/// NZCV (bits 3..0) of `x - y`.
fn flags_of_sub(x: i64, y: i64, width: u32) -> u8 {
    let up = 64 - width;
    let (x, y) = ((x as u64) << up, (y as u64) << up);
    let r = x.wrapping_sub(y);
    let v = ((x ^ y) & (x ^ r)) >> 63;
    ((r >> 63) << 3 | u64::from(r == 0) << 2 | u64::from(x >= y) << 1 | v) as u8
}
