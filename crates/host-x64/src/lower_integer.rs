//! Integer arithmetic and logic.

use crate::emit::{Gpr, Mem, Size};
use crate::flags::Kind;
use crate::lower::{ColdKind, Lower};
use crate::{Alu, Bmi, Count, Shift, Unary};
use host::Recipe;
use ir::{Modifier, Op, OpCode, Ref};

/// Operand b.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operand {
    Imm(i32),
    Reg(Gpr),
}

impl Lower<'_> {
    /// A constant operand as a sign-extended immediate of an operation of `size`.
    pub(crate) fn immediate(&self, v: Ref, size: Size) -> Option<i32> {
        let c = self.block.const64(v)?;
        if size == Size::Q { i32::try_from(c as i64).ok() } else { Some(c as i32) }
    }
    /// The value of a constant operand b after its modifier.
    fn constant_b(&self, op: Op) -> Option<u64> {
        let c = self.block.const64(op.b)?;
        Some(Self::modifier(op).apply(c, Self::size(op).bits()))
    }
    /// Operand b with its modifier applied.
    fn operand_b(&mut self, op: Op) -> Operand {
        let size = Self::size(op);
        if let Some(c) = self.constant_b(op) {
            let imm = if size == Size::Q { i32::try_from(c as i64).ok() } else { Some(c as i32) };
            return match imm {
                Some(imm) => Operand::Imm(imm),
                None => {
                    let r = self.scratch();
                    self.load_const(r, c);
                    Operand::Reg(r)
                }
            };
        }
        Operand::Reg(match Self::modifier(op) {
            Modifier::None => self.using(op.b),
            m => self.modified(op.b, m, size),
        })
    }
    /// `m(v)` in a scratch register. Keeps the host's flags if they matter and BMI2 is there.
    fn modified(&mut self, v: Ref, m: Modifier, size: Size) -> Gpr {
        let from = self.using(v);
        let s = self.scratch();
        self.modify(from, s, m, size);
        if self.mentions(v) <= 1 {
            self.release(from);
        }
        s
    }
    /// `s = m(from)`.
    fn modify(&mut self, from: Gpr, s: Gpr, m: Modifier, size: Size) {
        let keep = self.flags.host.is_some() || self.flags_busy;
        let bmi2 = self.host.features().bmi2;
        let (extend, n) = match m {
            Modifier::None => (None, 0),
            Modifier::Lsl(n) | Modifier::Uxtx(n) | Modifier::Sxtx(n) => (None, n),
            Modifier::Lsr(n) | Modifier::Asr(n) | Modifier::Ror(n) => {
                let (op, bmi) = match m {
                    Modifier::Lsr(_) => (Shift::Shr, Bmi::Shrx),
                    Modifier::Asr(_) => (Shift::Sar, Bmi::Sarx),
                    _ => (Shift::Ror, Bmi::Andn),
                };
                if bmi2 && op == Shift::Ror {
                    self.e.rorx(size, s, from, n);
                } else if keep && bmi2 {
                    self.e.mov_imm(s, n.into());
                    self.e.bmi(bmi, size, s, s, from);
                } else {
                    self.e.mov(size, s, from);
                    self.e.shift_imm(op, size, s, n);
                }
                return;
            }
            Modifier::Uxtb(n) => (Some((Size::B, false)), n),
            Modifier::Uxth(n) => (Some((Size::W, false)), n),
            Modifier::Uxtw(n) => (Some((Size::D, false)), n),
            Modifier::Sxtb(n) => (Some((Size::B, true)), n),
            Modifier::Sxth(n) => (Some((Size::W, true)), n),
            Modifier::Sxtw(n) => (Some((Size::D, true)), n),
        };
        let mut from = from;
        if let Some((width, signed)) = extend {
            if signed {
                self.e.movsx(width, size, s, from);
            } else {
                self.e.movzx(width, s, from);
            }
            from = s;
        }
        match n {
            0 if from == s => {}
            0 => self.e.mov(size, s, from),
            1 => self.e.lea(size, s, Mem::index(from, from, 0, 0)),
            2 | 3 if keep => self.e.lea(size, s, Mem::scaled(from, n, 0)),
            _ if keep && bmi2 && from != s => {
                self.e.mov_imm(s, n.into());
                self.e.bmi(Bmi::Shlx, size, s, s, from);
            }
            _ if keep => {
                // Extended and shifted by 4.
                self.e.lea(size, s, Mem::index(s, s, 0, 0));
                self.e.lea(size, s, Mem::scaled(s, n - 1, 0));
            }
            _ => {
                if from != s {
                    self.e.mov(size, s, from);
                }
                self.e.shift_imm(Shift::Shl, size, s, n);
            }
        }
    }
    /// Whether the shift in operand b destroys the host's flags.
    fn modifier_clobbers(&self, op: Op) -> bool {
        if op.b.as_const().is_some() || self.host.features().bmi2 {
            return false;
        }
        match Self::modifier(op) {
            Modifier::Lsl(n) => n > 3,
            Modifier::Lsr(_) | Modifier::Asr(_) | Modifier::Ror(_) => true,
            _ => false,
        }
    }

    pub(crate) fn int_mov(&mut self, op: Op) {
        if let Some(c) = self.block.const64(op.a) {
            let c = if op.ty == ir::Ty::I64 { c } else { c & 0xffff_ffff };
            return self.set_const(op.dst, c);
        }
        let a = self.using(op.a);
        if op.ty == ir::Ty::I64 {
            return self.set(op.dst, a);
        }
        let d = self.define_over(op.dst, op.a, a);
        self.e.mov(Size::D, d, a);
        self.set(op.dst, d);
    }

    // --- addition and subtraction

    pub(crate) fn add(&mut self, op: Op) {
        if self.modifier_clobbers(op) {
            self.clobber();
        }
        let size = Self::size(op);
        let mut op = op;
        if op.a.as_const().is_some()
            && op.b.as_const().is_none()
            && matches!(Self::modifier(op), Modifier::None)
        {
            core::mem::swap(&mut op.a, &mut op.b);
        }
        let keep = self.must_save();
        if !keep {
            self.clobber();
        }
        if let Modifier::Lsl(n @ 1..=3) = Self::modifier(op)
            && op.b.as_const().is_none()
        {
            let b = self.using(op.b);
            if self.block.const64(op.a) == Some(0) {
                let d = self.define_over(op.dst, op.b, b);
                self.e.lea(size, d, Mem::scaled(b, n, 0));
                return self.set(op.dst, d);
            }
            let a = self.using(op.a);
            let d = self.define_over(op.dst, op.a, a);
            self.e.lea(size, d, Mem::index(a, b, n, 0));
            return self.set(op.dst, d);
        }
        let a = self.using(op.a);
        let b = self.operand_b(op);
        self.add_operand(op, size, keep, a, b);
    }
    fn add_operand(&mut self, op: Op, size: Size, keep: bool, a: Gpr, b: Operand) {
        let d = self.define_over(op.dst, op.a, a);
        match b {
            Operand::Imm(0) if size == Size::Q => return self.set(op.dst, a),
            Operand::Imm(imm) if d == a && !keep => {
                if imm == 128 {
                    self.e.alu_imm(Alu::Sub, size, d, -128);
                } else {
                    self.e.alu_imm(Alu::Add, size, d, imm);
                }
            }
            Operand::Imm(imm) => self.e.lea(size, d, Mem::base(a, imm)),
            Operand::Reg(b) if d == a && !keep => self.e.alu(Alu::Add, size, d, b),
            Operand::Reg(b) if d == b && !keep => self.e.alu(Alu::Add, size, d, a),
            // rbp and r13 as a base need a displacement byte.
            Operand::Reg(b) if a.0 & 7 == 5 => self.e.lea(size, d, Mem::index(b, a, 0, 0)),
            Operand::Reg(b) => self.e.lea(size, d, Mem::index(a, b, 0, 0)),
        }
        self.set(op.dst, d);
    }
    pub(crate) fn sub(&mut self, op: Op) {
        if self.modifier_clobbers(op) {
            self.clobber();
        }
        let size = Self::size(op);
        if let Some(c) = self.constant_b(op) {
            let imm = if size == Size::Q { i32::try_from(c as i64).ok() } else { Some(c as i32) };
            if let Some(imm) = imm.and_then(i32::checked_neg) {
                let keep = self.must_save();
                if !keep {
                    self.clobber();
                }
                let a = self.using(op.a);
                return self.add_operand(op, size, keep, a, Operand::Imm(imm));
            }
        }
        if self.must_save() {
            // a - b = a + !b + 1 without touching the flags.
            let a = self.using(op.a);
            let b = match self.operand_b(op) {
                Operand::Reg(b) => b,
                Operand::Imm(imm) => {
                    let b = self.scratch();
                    self.e.mov_imm(b, imm as i64 as u64);
                    b
                }
            };
            let s = match Self::modifier(op) {
                Modifier::None => {
                    let s = self.scratch();
                    self.e.mov(Size::Q, s, b);
                    s
                }
                _ => b,
            };
            self.e.unary(Unary::Not, size, s);
            self.e.lea(size, s, Mem::index(a, s, 0, 1));
            return self.set(op.dst, s);
        }
        self.clobber();
        self.two_operand(op, Alu::Sub, size);
    }
    /// `dst = a op b` by the two-operand instruction; destroys the host's flags (or sets them).
    fn two_operand(&mut self, op: Op, alu: Alu, size: Size) {
        if alu == Alu::Sub && self.block.const64(op.a) == Some(0) {
            return self.negate(op, size);
        }
        let a = self.using(op.a);
        let b = self.operand_b(op);
        self.alu_into(op, alu, size, a, b);
    }
    fn alu_into(&mut self, op: Op, alu: Alu, size: Size, a: Gpr, b: Operand) {
        let d = self.define_over(op.dst, op.a, a);
        let b = match b {
            Operand::Reg(b) if b == d && a != d => {
                if matches!(alu, Alu::Sub | Alu::Sbb) {
                    let s = self.using_scratch(op.a);
                    self.e.alu(alu, size, s, b);
                    return self.set(op.dst, s);
                }
                self.e.alu(alu, size, d, a);
                return self.set(op.dst, d);
            }
            b => b,
        };
        if d != a {
            self.e.mov(size, d, a);
        }
        match b {
            Operand::Reg(b) => self.e.alu(alu, size, d, b),
            Operand::Imm(imm) => self.e.alu_imm(alu, size, d, imm),
        }
        self.set(op.dst, d);
    }
    /// `dst = -b`, with flags as a subtraction from zero.
    fn negate(&mut self, op: Op, size: Size) {
        let b = match self.operand_b(op) {
            Operand::Reg(b) => b,
            Operand::Imm(imm) => {
                let r = self.scratch();
                self.e.mov_imm(r, imm as i64 as u64);
                r
            }
        };
        let d = if op.dst.is_none() { self.scratch() } else { self.define_over(op.dst, op.b, b) };
        if d != b {
            self.e.mov(size, d, b);
        }
        self.e.unary(Unary::Neg, size, d);
        self.set(op.dst, d);
    }

    // --- logic

    pub(crate) fn logic(&mut self, op: Op) {
        let size = Self::size(op);
        if let Some(c) = self.constant_b(op) {
            let negated = matches!(op.code, OpCode::AndNot | OpCode::OrNot | OpCode::XorNot);
            let mask = if size == Size::Q { u64::MAX } else { 0xffff_ffff };
            let c = if negated { !c & mask } else { c };
            return self.logic_imm(op, c);
        }
        if op.code == OpCode::OrNot && self.block.const64(op.a) == Some(0) {
            if self.modifier_clobbers(op) {
                self.clobber();
            }
            let Operand::Reg(b) = self.operand_b(op) else { return };
            let d = match Self::modifier(op) {
                Modifier::None => self.define_over(op.dst, op.b, b),
                _ => b,
            };
            if d != b {
                self.e.mov(size, d, b);
            }
            self.e.unary(Unary::Not, size, d);
            return self.set(op.dst, d);
        }
        self.clobber();
        match op.code {
            OpCode::And => self.two_operand(op, Alu::And, size),
            OpCode::Or if self.block.const64(op.a) == Some(0) => {
                let Operand::Reg(b) = self.operand_b(op) else { return };
                let d = self.define_over(op.dst, op.b, b);
                self.e.mov(size, d, b);
                self.set(op.dst, d);
            }
            OpCode::Or => self.two_operand(op, Alu::Or, size),
            OpCode::Xor => self.two_operand(op, Alu::Xor, size),
            OpCode::AndNot => self.and_not(op, size),
            _ => {
                let alu = if op.code == OpCode::OrNot { Alu::Or } else { Alu::Xor };
                let b = self.operand_b(op);
                let s = match (b, Self::modifier(op)) {
                    (Operand::Reg(b), Modifier::None) => {
                        let s = self.scratch();
                        self.e.mov(size, s, b);
                        s
                    }
                    (Operand::Reg(b), _) => b,
                    (Operand::Imm(_), _) => return,
                };
                self.e.unary(Unary::Not, size, s);
                let a = self.using(op.a);
                self.e.alu(alu, size, s, a);
                self.set(op.dst, s);
            }
        }
    }
    /// `dst = a & !b`; sets the host's flags as logic.
    fn and_not(&mut self, op: Op, size: Size) {
        let a = self.using(op.a);
        let b = match self.operand_b(op) {
            Operand::Reg(b) => b,
            Operand::Imm(imm) => {
                return self.alu_into(op, Alu::And, size, a, Operand::Imm(!imm));
            }
        };
        if self.host.features().bmi2 {
            let d = if op.dst.is_none() { self.scratch() } else { self.define(op.dst) };
            self.e.bmi(Bmi::Andn, size, d, b, a);
            return self.set(op.dst, d);
        }
        let s = self.scratch();
        self.e.mov(size, s, b);
        self.e.unary(Unary::Not, size, s);
        self.e.alu(Alu::And, size, s, a);
        self.set(op.dst, s);
    }
    /// `And`, `Or`, `Xor` (or the inverting ones with the constant inverted already) with `c`.
    fn logic_imm(&mut self, op: Op, c: u64) {
        let mut size = Self::size(op);
        let alu = match op.code {
            OpCode::And | OpCode::AndNot => Alu::And,
            OpCode::Or | OpCode::OrNot => Alu::Or,
            _ => Alu::Xor,
        };
        if self.block.const64(op.a) == Some(0) && alu != Alu::And {
            return self.set_const(op.dst, c);
        }
        if alu == Alu::And && matches!(c, 0xff | 0xffff | 0xffff_ffff) {
            let a = self.using(op.a);
            let d = self.define_over(op.dst, op.a, a);
            match c {
                0xff => self.e.movzx(Size::B, d, a),
                0xffff => self.e.movzx(Size::W, d, a),
                _ => self.e.mov(Size::D, d, a),
            }
            return self.set(op.dst, d);
        }
        self.clobber();
        // A mask of at most 32 bits makes the upper half zero in the 32-bit form too.
        if alu == Alu::And && c <= 0xffff_ffff {
            size = Size::D;
        }
        let a = self.using(op.a);
        let imm = if size == Size::Q { i32::try_from(c as i64).ok() } else { Some(c as i32) };
        let b = match imm {
            Some(imm) => Operand::Imm(imm),
            None => {
                let r = self.scratch();
                self.load_const(r, c);
                Operand::Reg(r)
            }
        };
        self.alu_into(op, alu, size, a, b);
    }
    pub(crate) fn not(&mut self, op: Op) {
        let size = Self::size(op);
        let a = self.using(op.a);
        let d = self.define_over(op.dst, op.a, a);
        if d != a {
            self.e.mov(size, d, a);
        }
        self.e.unary(Unary::Not, size, d);
        self.set(op.dst, d);
    }

    // --- flag-setting forms

    pub(crate) fn flag_setting(&mut self, op: Op) {
        let need = self.need_after();
        let recipe = if need > 0 { self.recipe_of(op) } else { None };
        if need == 0 || need == 1 && recipe.is_some() {
            self.without_flags(op);
            if let (1, Some(recipe)) = (need, recipe) {
                self.flags_recipe(recipe);
            }
            return;
        }
        let size = Self::size(op);
        self.flags.host = None;
        if let (true, Some(recipe)) = (op.dst.is_none(), recipe) {
            self.poll_first(recipe);
        }
        let kind = match op.code {
            OpCode::SubS => {
                self.sub_flags(op, size);
                Kind::Sub
            }
            OpCode::AddS => self.add_flags(op, size),
            OpCode::AndS => {
                self.and_flags(op, size);
                Kind::Add
            }
            _ => {
                if let (Some(c), true) = (self.constant_b(op), op.dst.is_none()) {
                    self.test_const(op, size, !c);
                } else {
                    self.and_not(op, size);
                }
                Kind::Add
            }
        };
        self.flags_host(kind, recipe);
    }
    /// A compare whose branch polls: polls before the compare, as if after it, so that compare and
    /// branch stay together and are fused.
    fn poll_first(&mut self, recipe: Recipe) {
        let next = self.block.ops[self.at + 1..].first_chunk::<3>().copied();
        let Some([insn, poll, branch]) = next else { return };
        if insn.code == OpCode::Insn
            && poll.code == OpCode::Poll
            && branch.code == OpCode::BrCond
            && branch.imm < 0
        {
            let (flags, guest) = (self.flags, self.guest);
            self.flags_recipe(recipe);
            self.guest = insn.imm as u32;
            self.poll();
            (self.flags, self.guest) = (flags, guest);
            self.unlock();
            self.skip = Some(self.at + 2);
        }
    }
    /// The same operation where nobody needs the flags.
    fn without_flags(&mut self, op: Op) {
        self.flags.host = None;
        if op.dst.is_none() {
            return;
        }
        match op.code {
            OpCode::AddS => self.add(op),
            OpCode::SubS => self.sub(op),
            OpCode::AndS => self.logic(Op { code: OpCode::And, ..op }),
            _ => self.logic(Op { code: OpCode::AndNot, ..op }),
        }
    }
    /// How to compute the flags of `op` later from slots, if that is possible.
    fn recipe_of(&self, op: Op) -> Option<Recipe> {
        let w32 = op.ty != ir::Ty::I64;
        let kind = match op.code {
            OpCode::SubS => 0,
            OpCode::AddS => 1,
            _ => {
                // The result tells.
                if let Some(d) = op.dst.as_slot() {
                    return Some(Recipe { kind: 2, w32, a: d, b: Some(d), imm: 0 });
                }
                2
            }
        };
        let a = op.a.as_slot()?;
        let (b, imm) = match self.constant_b(op) {
            Some(c) if op.code == OpCode::AndNotS => (None, !c),
            Some(c) => (None, c),
            None => {
                let plain = matches!(Self::modifier(op), Modifier::None);
                if !plain || op.code == OpCode::AndNotS {
                    return None;
                }
                (Some(op.b.as_slot()?), 0)
            }
        };
        let d = op.dst.as_slot();
        if d.is_some() && d == b {
            return None;
        }
        let kind = if d == Some(a) { kind + 3 } else { kind };
        Some(Recipe { kind, w32, a, b, imm })
    }
    fn sub_flags(&mut self, op: Op, size: Size) {
        if !op.dst.is_none() {
            return self.two_operand(op, Alu::Sub, size);
        }
        if self.block.const64(op.a) == Some(0) {
            return self.negate(op, size);
        }
        let a = self.using(op.a);
        let b = self.operand_b(op);
        let from = self.e.position();
        match b {
            Operand::Imm(0) => self.e.test(size, a, a),
            Operand::Imm(imm) => self.e.alu_imm(Alu::Cmp, size, a, imm),
            Operand::Reg(b) => self.e.alu(Alu::Cmp, size, a, b),
        }
        self.compare = Some((from, self.e.position()));
    }
    fn add_flags(&mut self, op: Op, size: Size) -> Kind {
        if !op.dst.is_none() {
            self.two_operand(op, Alu::Add, size);
            return Kind::Add;
        }
        let a = self.using(op.a);
        let b = self.operand_b(op);
        match b {
            // The same flags as comparing with the negated constant.
            Operand::Imm(imm) if imm != 0 && imm != i32::MIN => {
                self.e.alu_imm(Alu::Cmp, size, a, -imm);
                return Kind::Sub;
            }
            Operand::Imm(imm) => {
                let s = self.using_scratch(op.a);
                self.e.alu_imm(Alu::Add, size, s, imm);
            }
            Operand::Reg(b) => {
                let s = self.scratch();
                self.e.mov(size, s, a);
                self.e.alu(Alu::Add, size, s, b);
            }
        }
        Kind::Add
    }
    fn and_flags(&mut self, op: Op, size: Size) {
        if !op.dst.is_none() {
            return self.two_operand(op, Alu::And, size);
        }
        if let Some(c) = self.constant_b(op) {
            return self.test_const(op, size, c);
        }
        let a = self.using(op.a);
        let Operand::Reg(b) = self.operand_b(op) else { return };
        let from = self.e.position();
        self.e.test(size, a, b);
        self.compare = Some((from, self.e.position()));
    }
    /// `test a, c`.
    fn test_const(&mut self, op: Op, size: Size, c: u64) {
        let a = self.using(op.a);
        let c = if size == Size::Q { c } else { c & 0xffff_ffff };
        // Narrower tests have the same flags if the mask leaves out the sign bit.
        let imm = match c {
            0..=0x7f => Some((Size::B, c as i32)),
            0x80..=0x7fff_ffff => Some((Size::D, c as i32)),
            _ if size == Size::D => Some((Size::D, c as i32)),
            _ => i32::try_from(c as i64).ok().map(|c| (size, c)),
        };
        let from = self.e.position();
        match imm {
            Some((size, imm)) => self.e.test_imm(size, a, imm),
            None => {
                let s = self.scratch();
                self.e.mov_imm(s, c);
                self.e.test(size, a, s);
            }
        }
        self.compare = Some((from, self.e.position()));
    }
    pub(crate) fn with_carry(&mut self, op: Op) {
        let size = Self::size(op);
        let sets = matches!(op.code, OpCode::AdcS | OpCode::SbcS);
        let (alu, kind) = match op.code {
            OpCode::Adc | OpCode::AdcS => (Alu::Adc, Kind::Add),
            _ => (Alu::Sbb, Kind::Sub),
        };
        if !sets && self.need_after() > 0 {
            self.save_flags();
        }
        self.carry_as(kind);
        let a = self.using(op.a);
        let b = match self.immediate(op.b, size) {
            Some(imm) => Operand::Imm(imm),
            None => Operand::Reg(self.using(op.b)),
        };
        if op.dst.is_none() {
            let s = self.scratch();
            self.e.mov(size, s, a);
            match b {
                Operand::Reg(b) => self.e.alu(alu, size, s, b),
                Operand::Imm(imm) => self.e.alu_imm(alu, size, s, imm),
            }
        } else {
            self.alu_into(op, alu, size, a, b);
        }
        if sets {
            self.flags_host(kind, None);
        } else {
            self.flags.host = None;
        }
    }

    // --- multiplication and division

    pub(crate) fn mul(&mut self, op: Op) {
        self.clobber();
        let size = Self::size(op);
        let mut op = op;
        if op.a.as_const().is_some() {
            core::mem::swap(&mut op.a, &mut op.b);
        }
        let a = self.using(op.a);
        if let Some(imm) = self.immediate(op.b, size) {
            let d = self.define_over(op.dst, op.a, a);
            self.e.imul_imm(size, d, a, imm);
            return self.set(op.dst, d);
        }
        let b = self.using(op.b);
        let d = self.define_over(op.dst, op.a, a);
        if d == b {
            self.e.imul(size, d, a);
        } else {
            if d != a {
                self.e.mov(size, d, a);
            }
            self.e.imul(size, d, b);
        }
        self.set(op.dst, d);
    }
    pub(crate) fn mul_high(&mut self, op: Op) {
        self.clobber();
        self.fixed(Gpr::RAX, op.a);
        self.take(Gpr::RDX);
        let b = self.using(op.b);
        let mul = if op.code == OpCode::MulHiS { Unary::Imul } else { Unary::Mul };
        self.e.unary(mul, Size::Q, b);
        self.set(op.dst, Gpr::RDX);
    }
    pub(crate) fn mul_wide(&mut self, op: Op) {
        self.clobber();
        let signed = op.code == OpCode::MulWideS;
        let (a, b) = (self.using(op.a), self.using(op.b));
        let s = self.scratch();
        if signed {
            self.e.movsx(Size::D, Size::Q, s, b);
        } else {
            self.e.mov(Size::D, s, b);
        }
        if a != b {
            self.release(b);
        }
        let d = self.define(op.dst);
        if signed {
            self.e.movsx(Size::D, Size::Q, d, a);
        } else {
            self.e.mov(Size::D, d, a);
        }
        self.e.imul(Size::Q, d, s);
        self.set(op.dst, d);
    }
    pub(crate) fn divide(&mut self, op: Op) {
        self.clobber();
        let size = Self::size(op);
        let signed = op.code == OpCode::DivS;
        self.fixed(Gpr::RAX, op.a);
        self.take(Gpr::RDX);
        let b = self.using(op.b);
        let back = self.e.new_label();
        let cold = self.cold(ColdKind::Divide { size, divisor: b, back });
        if signed {
            self.e.lea(size, Gpr::RDX, Mem::base(b, 1));
            self.e.alu_imm(Alu::Cmp, size, Gpr::RDX, 1);
            self.e.jcc(crate::emit::Cc::Be, cold);
            self.e.sign_to_rdx(size);
            self.e.unary(Unary::Idiv, size, b);
        } else {
            self.e.test(size, b, b);
            self.e.jcc(crate::emit::Cc::E, cold);
            self.e.alu(Alu::Xor, Size::D, Gpr::RDX, Gpr::RDX);
            self.e.unary(Unary::Div, size, b);
        }
        self.e.bind(back);
        self.set(op.dst, Gpr::RAX);
    }

    // --- shifts

    pub(crate) fn shift(&mut self, op: Op) {
        let size = Self::size(op);
        let kind = match op.code {
            OpCode::Shl => Shift::Shl,
            OpCode::Shr => Shift::Shr,
            OpCode::Sar => Shift::Sar,
            _ => Shift::Ror,
        };
        if let Some(n) = self.block.const64(op.b) {
            return self.shift_const(op, kind, size, (n as u32 & (size.bits() - 1)) as u8);
        }
        if kind != Shift::Ror && self.host.features().bmi2 {
            let (a, b) = (self.using(op.a), self.using(op.b));
            let d = self.define_over(op.dst, op.a, a);
            let bmi = match kind {
                Shift::Shl => Bmi::Shlx,
                Shift::Shr => Bmi::Shrx,
                _ => Bmi::Sarx,
            };
            self.e.bmi(bmi, size, d, b, a);
            return self.set(op.dst, d);
        }
        self.clobber();
        self.fixed(Gpr::RCX, op.b);
        let s = self.scratch();
        let a = self.using(op.a);
        self.e.mov(size, s, a);
        self.e.shift_cl(kind, size, s);
        self.set(op.dst, s);
    }
    fn shift_const(&mut self, op: Op, kind: Shift, size: Size, n: u8) {
        let bmi2 = self.host.features().bmi2;
        if n == 0 {
            return self.int_mov(Op { code: OpCode::Mov, ..op });
        }
        let keep = self.must_save();
        if keep && (kind == Shift::Ror && bmi2 || kind == Shift::Shl && n <= 3) {
            let a = self.using(op.a);
            let d = self.define_over(op.dst, op.a, a);
            match (kind, n) {
                (Shift::Ror, _) => self.e.rorx(size, d, a, n),
                (_, 1) => self.e.lea(size, d, Mem::index(a, a, 0, 0)),
                _ => self.e.lea(size, d, Mem::scaled(a, n, 0)),
            }
            return self.set(op.dst, d);
        }
        if keep && bmi2 {
            let a = self.using(op.a);
            let count = self.scratch();
            self.e.mov_imm(count, n.into());
            let d = self.define_over(op.dst, op.a, a);
            let bmi = match kind {
                Shift::Shl => Bmi::Shlx,
                Shift::Shr => Bmi::Shrx,
                _ => Bmi::Sarx,
            };
            self.e.bmi(bmi, size, d, count, a);
            return self.set(op.dst, d);
        }
        self.clobber();
        let a = self.using(op.a);
        let d = self.define_over(op.dst, op.a, a);
        if kind == Shift::Ror && bmi2 && d != a {
            self.e.rorx(size, d, a, n);
        } else if kind == Shift::Shl && n == 1 && d != a {
            self.e.lea(size, d, Mem::index(a, a, 0, 0));
        } else {
            if d != a {
                self.e.mov(size, d, a);
            }
            self.e.shift_imm(kind, size, d, n);
        }
        self.set(op.dst, d);
    }

    // --- the rest

    pub(crate) fn abs(&mut self, op: Op) {
        self.clobber();
        let size = Self::size(op);
        let a = self.using(op.a);
        let s = self.scratch();
        self.e.mov(size, s, a);
        self.e.unary(Unary::Neg, size, s);
        self.e.cmov(crate::emit::Cc::S, size, s, a);
        self.set(op.dst, s);
    }
    pub(crate) fn min_max(&mut self, op: Op) {
        use crate::emit::Cc;
        self.clobber();
        let size = Self::size(op);
        let (a, b) = (self.using(op.a), self.using(op.b));
        let s = self.scratch();
        let cc = match op.code {
            OpCode::MaxS => Cc::L,
            OpCode::MinS => Cc::G,
            OpCode::MaxU => Cc::B,
            _ => Cc::A,
        };
        self.e.mov(size, s, a);
        self.e.alu(Alu::Cmp, size, a, b);
        self.e.cmov(cc, size, s, b);
        self.set(op.dst, s);
    }
    pub(crate) fn crc32c(&mut self, op: Op) {
        // The instruction leaves the flags alone.
        let from = Size::from_log2(op.aux as u8);
        let b = self.using(op.b);
        let a = self.using(op.a);
        let s = self.scratch();
        self.e.mov(Size::D, s, a);
        self.e.crc32(from, s, b);
        self.set(op.dst, s);
    }
    pub(crate) fn bit_count(&mut self, op: Op) {
        self.clobber();
        let size = Self::size(op);
        let bmi = self.host.features().bmi2;
        match op.code {
            OpCode::Popcnt => self.count(op, Count::Popcnt, size),
            OpCode::Clz if bmi => self.count(op, Count::Lzcnt, size),
            OpCode::Ctz if bmi => self.count(op, Count::Tzcnt, size),
            OpCode::Cls => {
                // Sign bits: leading zeros of a ^ (a >> 1), less one, as the top bit is zero.
                let a = self.using(op.a);
                let s = self.scratch();
                self.e.mov(size, s, a);
                self.e.shift_imm(Shift::Sar, size, s, 1);
                self.e.alu(Alu::Xor, size, s, a);
                self.leading_zeros(size, s, s);
                self.e.lea(size, s, Mem::base(s, -1));
                self.set(op.dst, s);
            }
            OpCode::Clz => {
                let a = self.using(op.a);
                let s = self.scratch();
                self.leading_zeros(size, s, a);
                self.set(op.dst, s);
            }
            _ => {
                let a = self.using(op.a);
                let (s, width) = (self.scratch(), self.scratch());
                self.e.mov_imm(width, size.bits().into());
                self.e.count(Count::Bsf, size, s, a);
                self.e.cmov(crate::emit::Cc::E, size, s, width);
                self.set(op.dst, s);
            }
        }
    }
    fn count(&mut self, op: Op, count: Count, size: Size) {
        let a = self.using(op.a);
        let d = self.define_over(op.dst, op.a, a);
        self.e.count(count, size, d, a);
        self.set(op.dst, d);
    }
    fn leading_zeros(&mut self, size: Size, d: Gpr, a: Gpr) {
        if self.host.features().bmi2 {
            return self.e.count(Count::Lzcnt, size, d, a);
        }
        let none = self.scratch();
        let top = size.bits() - 1;
        // Becomes the width in the last step.
        self.e.mov_imm(none, u64::from(2 * size.bits() - 1));
        self.e.count(Count::Bsr, size, d, a);
        self.e.cmov(crate::emit::Cc::E, size, d, none);
        self.e.alu_imm(Alu::Xor, size, d, top as i32);
    }
}
