//! Arithmetic and logic that sets or uses the flags.

use crate::Alu;
use crate::emit::Size;
use crate::lower::Lower;
use crate::lower::flags::Kind;
use crate::lower::integer::arithmetic::Operand;
use host::Recipe;
use ir::{Modifier, Op, OpCode};

impl Lower<'_> {
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
            self.skip = self.at + 2;
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
        self.compared(from);
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
        self.compared(from);
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
        self.compared(from);
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
        if !op.dst.is_none()
            && let Some(m) = self.only_home(op.b)
        {
            let d = self.define_over(op.dst, op.a, a);
            if d != a {
                self.e.mov(size, d, a);
            }
            self.e.alu_load(alu, size, d, m);
            self.set(op.dst, d);
            return self.carried(sets, kind);
        }
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
        self.carried(sets, kind);
    }
    /// After an operation with carry.
    fn carried(&mut self, sets: bool, kind: Kind) {
        if sets {
            self.flags_host(kind, None);
        } else {
            self.flags.host = None;
        }
    }
}
