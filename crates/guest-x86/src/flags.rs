//! The flags as numbers.

use crate::decode::{Insn, Operand};
use crate::state::{DIRECTION, FLAGS, RAX, RSP};
use crate::translator::Translator;
use guest::Flow;
use ir::state::TRAP_ALONE;
use ir::{Access, OpCode, Ref, SIX_FLAGS, Ty};

/// The flags of arithmetic: where the IR's word has them, and where RFLAGS has.
const PLACES: [(u16, u16); 5] = [(27, 2), (26, 4), (30, 6), (31, 7), (28, 11)];
/// The inverted carry in the IR's word.
const CARRY: u16 = 29;
/// Always set: a reserved bit, and that interrupts are enabled.
const FIXED: u64 = 0x202;
/// What programs can change of the other flags: TF, NT, AC, ID.
const OTHERS: u64 = 1 << 8 | 1 << 14 | 1 << 18 | 1 << 21;
pub(crate) const TRAP_FLAG: u64 = 1 << 8;

impl Translator<'_> {
    /// The IR's word of six flags.
    pub(crate) fn read_flags(&mut self) -> Ref {
        let t = self.temp();
        let none = Ref::NONE;
        self.ir.emit(OpCode::ReadFlags, Ty::I64, t, none, none, none, SIX_FLAGS, 0);
        t
    }
    /// Sets them.
    pub(crate) fn write_flags(&mut self, word: Ref) {
        self.ir.un_aux(OpCode::WriteFlags, Ty::I64, Ref::NONE, word, SIX_FLAGS);
    }
    /// CF = bit 0 of `carry`; the others stay.
    pub(crate) fn set_carry(&mut self, carry: Ref) {
        let inverted = self.make_un(OpCode::Not, Ty::I64, carry, 0);
        self.ir.un_aux(OpCode::SetC, Ty::I64, Ref::NONE, inverted, SIX_FLAGS);
    }
    /// Bit `from` of `word` put to bit `to` of `into`.
    fn move_bit(&mut self, into: Ref, word: Ref, from: u16, to: u16) -> Ref {
        let bit = self.make_un(OpCode::Ubfx, Ty::I64, word, from | 1 << 8);
        let t = self.temp();
        self.ir.bin_aux(OpCode::Bfi, Ty::I64, t, into, bit, to | 1 << 8);
        t
    }
    /// RFLAGS' lowest byte, and overflow, in `into`.
    fn arithmetic_flags(&mut self, mut into: Ref) -> Ref {
        let word = self.read_flags();
        let inverted = self.make_imm(OpCode::Xor, Ty::I64, word, 1 << CARRY);
        into = self.move_bit(into, inverted, CARRY, 0);
        for (from, to) in PLACES {
            into = self.move_bit(into, word, from, to);
        }
        into
    }
    /// RFLAGS.
    fn rflags(&mut self) -> Ref {
        let fixed = self.make_imm(OpCode::Or, Ty::I64, FLAGS, FIXED);
        let with_direction = self.move_bit(fixed, DIRECTION, 1, 10);
        self.arithmetic_flags(with_direction)
    }
    /// The IR's word for the flags of arithmetic in `rflags`.
    fn word_of(&mut self, rflags: Ref) -> Ref {
        let mut word = self.imm(0);
        let inverted = self.make_un(OpCode::Not, Ty::I64, rflags, 0);
        word = self.move_bit(word, inverted, 0, CARRY);
        for (to, from) in PLACES {
            word = self.move_bit(word, rflags, from, to);
        }
        word
    }

    /// PUSHF.
    pub(crate) fn pushf(&mut self, i: &Insn) -> Flow {
        let flags = self.rflags();
        // (The trap flag is kept as it is.)
        self.push_value(flags, i.operand_size);
        Flow::Next
    }
    /// RFLAGS = `flags`, as far as programs can change the lowest `size` bytes of it. To be called when nothing
    /// can fault any more.
    pub(crate) fn set_rflags(&mut self, flags: Ref, size: u8) {
        if !self.single {
            // What single-steps is executed on its own, from this instruction on.
            let (steps, zero) =
                (self.make_imm(OpCode::And, Ty::I64, flags, TRAP_FLAG), self.imm(0));
            self.check(TRAP_ALONE, steps, zero);
        }
        let word = self.word_of(flags);
        let down = self.make_un(OpCode::Ubfx, Ty::I64, flags, 10 | 1 << 8);
        let (zero, two) = (self.imm(0), self.imm(2));
        let twice = self.make(OpCode::Mul, Ty::I64, down, two);
        let mask = if size == 2 { OTHERS & 0xffff } else { OTHERS };
        let others = self.make_imm(OpCode::And, Ty::I64, flags, mask);
        let kept = self.make_imm(OpCode::And, Ty::I64, FLAGS, !mask);
        self.ir.bin(OpCode::Sub, Ty::I64, DIRECTION, zero, twice);
        self.ir.bin(OpCode::Or, Ty::I64, FLAGS, others, kept);
        self.write_flags(word);
    }
    /// POPF.
    pub(crate) fn popf(&mut self, i: &Insn) -> Flow {
        let size = i.operand_size;
        let flags = self.temp();
        self.ir.ld(flags, RSP, Ref::NONE, 0, Access::new(size.trailing_zeros() as u8));
        self.set_rflags(flags, size);
        let bytes = self.imm(size.into());
        self.ir.bin(OpCode::Add, Ty::I64, RSP, RSP, bytes);
        Flow::Next
    }
    /// LAHF.
    pub(crate) fn lahf(&mut self, _: &Insn) -> Flow {
        let fixed = self.imm(2);
        let flags = self.arithmetic_flags(fixed);
        self.put_narrow(Operand::High { n: 0 }, flags);
        Flow::Next
    }
    /// SAHF: overflow stays.
    pub(crate) fn sahf(&mut self, _: &Insn) -> Flow {
        let ah = self.make_un(OpCode::Ubfx, Ty::I64, RAX, 8 | 8 << 8);
        let word = self.word_of(ah);
        let before = self.read_flags();
        let word = self.move_bit(word, before, 28, 28);
        self.write_flags(word);
        Flow::Next
    }
    /// CLC, STC.
    pub(crate) fn carry_to(&mut self, value: u64) -> Flow {
        let carry = self.imm(value);
        self.set_carry(carry);
        Flow::Next
    }
    /// CLC.
    pub(crate) fn clc(&mut self, _: &Insn) -> Flow {
        self.carry_to(0)
    }
    /// STC.
    pub(crate) fn stc(&mut self, _: &Insn) -> Flow {
        self.carry_to(1)
    }
    /// CMC.
    pub(crate) fn cmc(&mut self, _: &Insn) -> Flow {
        let carry = self.carry();
        let inverted = self.make_imm(OpCode::Xor, Ty::I64, carry, 1);
        self.set_carry(inverted);
        Flow::Next
    }
    /// CLD.
    pub(crate) fn cld(&mut self, _: &Insn) -> Flow {
        let up = self.imm(0);
        self.ir.mov(Ty::I64, DIRECTION, up);
        Flow::Next
    }
    /// STD.
    pub(crate) fn std(&mut self, _: &Insn) -> Flow {
        let down = self.imm(-2_i64 as u64);
        self.ir.mov(Ty::I64, DIRECTION, down);
        Flow::Next
    }
}
