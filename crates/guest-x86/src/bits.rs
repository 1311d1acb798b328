//! Bit tests, bit scans and fields.

use crate::decode::{Feature, Insn, Operand, Prefixes};
use crate::operand::{is_memory, narrow, wide};
use crate::translator::Translator;
use guest::Flow;
use ir::{Access, Cond, Modifier, OpCode, Ref, RmwOp, Ty};

/// What becomes of a bit that is tested.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Op {
    Keep,
    Set,
    Reset,
    Complement,
}

/// What BLSR and its like do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lowest {
    /// Clears the lowest bit that is set.
    Reset,
    /// All bits up to it.
    Mask,
    /// It alone.
    Isolate,
}

impl Translator<'_> {
    /// BT, BTS, BTR, BTC.
    fn bit_test(&mut self, op: Op, i: &Insn) -> Flow {
        let [to, by, ..] = i.operands;
        let size = i.operand_size;
        let (ty, bits) = (wide(size), u64::from(size) * 8);
        let number = self.value(i, by);
        let within = match self.ir.known(number) {
            Some(n) => self.imm(n % bits),
            None => self.make_imm(OpCode::And, Ty::I64, number, bits - 1),
        };
        let one = self.imm(1);
        if is_memory(to) {
            let at = self.bit_address(i, by, number);
            let mask = self.make(OpCode::Shl, Ty::I64, one, within);
            let old = match op {
                Op::Keep => self.load_at(at, size),
                _ if i.prefixes.any(Prefixes::LOCK) => {
                    let kind = match op {
                        Op::Set => RmwOp::Set,
                        Op::Reset => RmwOp::Clr,
                        _ => RmwOp::Eor,
                    };
                    self.rmw(kind, at, mask, size)
                }
                _ => {
                    let old = self.load_at(at, size);
                    let new = self.make(Self::changing(op), Ty::I64, old, mask);
                    let access = Access::new(size.trailing_zeros() as u8);
                    self.ir.st(new, at, Ref::NONE, 0, access);
                    old
                }
            };
            let bit = self.make(OpCode::Shr, Ty::I64, old, within);
            self.set_carry(bit);
            return Flow::Next;
        }
        let old = self.value(i, to);
        let bit = self.make(OpCode::Shr, ty, old, within);
        if op != Op::Keep {
            let mask = self.make(OpCode::Shl, ty, one, within);
            let dst = self.result(to);
            self.ir.bin(Self::changing(op), ty, dst, old, mask);
            self.put_narrow(to, dst);
        }
        self.set_carry(bit);
        Flow::Next
    }
    /// BT.
    pub(crate) fn bt(&mut self, i: &Insn) -> Flow {
        self.bit_test(Op::Keep, i)
    }
    /// BTS.
    pub(crate) fn bts(&mut self, i: &Insn) -> Flow {
        self.bit_test(Op::Set, i)
    }
    /// BTR.
    pub(crate) fn btr(&mut self, i: &Insn) -> Flow {
        self.bit_test(Op::Reset, i)
    }
    /// BTC.
    pub(crate) fn btc(&mut self, i: &Insn) -> Flow {
        self.bit_test(Op::Complement, i)
    }
    const fn changing(op: Op) -> OpCode {
        match op {
            Op::Reset => OpCode::AndNot,
            Op::Complement => OpCode::Xor,
            _ => OpCode::Or,
        }
    }
    fn load_at(&mut self, at: Ref, size: u8) -> Ref {
        let address = self.through(at, false);
        self.load(address, size)
    }
    /// The address of the operand that has bit `number`, which may be far from the memory operand if it is in
    /// a register.
    fn bit_address(&mut self, i: &Insn, by: Operand, number: Ref) -> Ref {
        let base = self.plain_address(i);
        if by == Operand::Imm {
            return base;
        }
        let log2 = i.operand_size.trailing_zeros() as u64;
        let signed = self.sign_extend(number, i.operand_size);
        let index = self.make_imm(OpCode::Sar, Ty::I64, signed, log2 + 3);
        let at = self.temp();
        let modifier = Modifier::Lsl(log2 as u8);
        let ty = if i.address_size == 4 && i.segment.is_none() { Ty::I32 } else { Ty::I64 };
        self.ir.bin_mod(OpCode::Add, ty, at, base, index, modifier);
        at
    }
    /// BSF, BSR: the destination stays if there is no bit.
    pub(crate) fn bit_scan(&mut self, reverse: bool, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let size = i.operand_size;
        let value = self.zero_extended(i, from, size);
        let found = if reverse {
            let zeros = self.make_un(OpCode::Clz, Ty::I64, value, 0);
            self.make_imm(OpCode::Xor, Ty::I64, zeros, 63)
        } else {
            self.make_un(OpCode::Ctz, Ty::I64, value, 0)
        };
        self.six_flags(OpCode::AndS, size, value, value);
        let Operand::Reg { n, size } = to else { return Flow::Undefined };
        let register = crate::operand::register(n);
        let ne = Cond::Ne as u16;
        if size == 2 {
            let chosen = self.temp();
            self.ir.bin_aux(OpCode::Sel, Ty::I64, chosen, found, register, ne);
            self.put_narrow(to, chosen);
        } else {
            self.ir.bin_aux(OpCode::Sel, Ty::I64, register, found, register, ne);
        }
        Flow::Next
    }
    /// BSF.
    pub(crate) fn bsf(&mut self, i: &Insn) -> Flow {
        self.bit_scan(false, i)
    }
    /// BSR.
    pub(crate) fn bsr(&mut self, i: &Insn) -> Flow {
        self.bit_scan(true, i)
    }
    /// TZCNT, LZCNT; without the feature the prefix has no effect.
    pub(crate) fn count_zeros(&mut self, leading: bool, i: &Insn) -> Flow {
        let feature = if leading { Feature::Lzcnt } else { Feature::Bmi1 };
        if self.lacks(feature) {
            return self.bit_scan(leading, i);
        }
        let [to, from, ..] = i.operands;
        let size = i.operand_size;
        let (ty, bits) = (wide(size), narrow(size).bits());
        let value = self.zero_extended(i, from, size);
        let code = if leading { OpCode::Clz } else { OpCode::Ctz };
        let mut count = match (size, leading) {
            (2, false) => {
                let end = self.imm(1 << 16);
                let ended = self.make(OpCode::Or, Ty::I32, value, end);
                self.make_un(code, ty, ended, 0)
            }
            _ => self.make_un(code, ty, value, 0),
        };
        if leading && size == 2 {
            count = self.make_imm(OpCode::Sub, Ty::I32, count, 16);
        }
        if !self.flagless() {
            let end = self.imm(bits.into());
            let none = self.set_compare(Cond::Eq, Ty::I64, count, end);
            self.six_flags(OpCode::AndS, 8, count, count);
            self.set_carry(none);
        }
        self.put(i, to, count);
        Flow::Next
    }
    /// TZCNT.
    pub(crate) fn tzcnt(&mut self, i: &Insn) -> Flow {
        self.count_zeros(false, i)
    }
    /// LZCNT.
    pub(crate) fn lzcnt(&mut self, i: &Insn) -> Flow {
        self.count_zeros(true, i)
    }
    /// POPCNT: all flags but Z are cleared.
    pub(crate) fn popcnt(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let size = i.operand_size;
        let value = self.zero_extended(i, from, size);
        let count = self.make_un(OpCode::Popcnt, Ty::I64, value, 0);
        if !self.flagless() {
            let zero = self.imm(0);
            let none = self.set_compare(Cond::Eq, Ty::I64, count, zero);
            let z = self.make_imm(OpCode::Shl, Ty::I64, none, 30);
            let word = self.make_imm(OpCode::Or, Ty::I64, z, 1 << 29);
            self.write_flags(word);
        }
        self.put(i, to, count);
        Flow::Next
    }
    /// ANDN.
    pub(crate) fn andn(&mut self, i: &Insn) -> Flow {
        let [to, a, b, ..] = i.operands;
        let ty = wide(i.operand_size);
        let (a, b) = (self.value(i, a), self.value(i, b));
        let inverted = self.make_un(OpCode::Not, ty, a, 0);
        let dst = self.result(to);
        self.six(OpCode::AndS, ty, dst, b, inverted);
        Flow::Next
    }
    /// BLSR, BLSMSK, BLSI: C is that of the subtraction in them.
    fn lowest(&mut self, what: Lowest, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let ty = wide(i.operand_size);
        let value = self.value(i, from);
        let value = self.make_un(OpCode::Mov, ty, value, 0);
        let (zero, one) = (self.imm(0), self.imm(1));
        let none = self.set_compare(Cond::Eq, ty, value, zero);
        let (code, other) = match what {
            Lowest::Reset => (OpCode::AndS, self.make(OpCode::Sub, ty, value, one)),
            Lowest::Mask => (OpCode::XorS, self.make(OpCode::Sub, ty, value, one)),
            Lowest::Isolate => (OpCode::AndS, self.make(OpCode::Sub, ty, zero, value)),
        };
        let dst = self.result(to);
        self.six(code, ty, dst, value, other);
        let carry = match what {
            Lowest::Isolate => self.make_imm(OpCode::Xor, Ty::I64, none, 1),
            _ => none,
        };
        self.set_carry(carry);
        Flow::Next
    }
    /// BLSR.
    pub(crate) fn blsr(&mut self, i: &Insn) -> Flow {
        self.lowest(Lowest::Reset, i)
    }
    /// BLSMSK.
    pub(crate) fn blsmsk(&mut self, i: &Insn) -> Flow {
        self.lowest(Lowest::Mask, i)
    }
    /// BLSI.
    pub(crate) fn blsi(&mut self, i: &Insn) -> Flow {
        self.lowest(Lowest::Isolate, i)
    }
    /// BEXTR: bits from `start` on, as many as the second byte says.
    pub(crate) fn bextr(&mut self, i: &Insn) -> Flow {
        let [to, from, by, ..] = i.operands;
        let (size, ty) = (i.operand_size, wide(i.operand_size));
        let (value, control) = (self.zero_extended(i, from, size), self.value(i, by));
        let start = self.make_un(OpCode::ZExt8, Ty::I64, control, 0);
        let len = self.make_un(OpCode::Ubfx, Ty::I64, control, 8 | 8 << 8);
        let shifted = self.shift_far(OpCode::Shr, value, start);
        let kept = self.low_bits(shifted, len);
        let dst = self.result(to);
        self.six(OpCode::AndS, ty, dst, kept, kept);
        Flow::Next
    }
    /// BZHI: C is set if the number of bits is not less than there are.
    pub(crate) fn bzhi(&mut self, i: &Insn) -> Flow {
        let [to, from, by, ..] = i.operands;
        let (size, ty) = (i.operand_size, wide(i.operand_size));
        let (value, by) = (self.zero_extended(i, from, size), self.value(i, by));
        let len = self.make_un(OpCode::ZExt8, Ty::I64, by, 0);
        let kept = self.low_bits(value, len);
        let all = self.imm(u64::from(size) * 8);
        let carry = self.set_compare(Cond::Hs, Ty::I64, len, all);
        let dst = self.result(to);
        self.six(OpCode::AndS, ty, dst, kept, kept);
        self.set_carry(carry);
        Flow::Next
    }
    fn chosen_bits(&mut self, code: OpCode, i: &Insn) -> Flow {
        let [to, from, mask, ..] = i.operands;
        let (value, mask) = (self.value(i, from), self.value(i, mask));
        let result = self.make(code, wide(i.operand_size), value, mask);
        self.put(i, to, result);
        Flow::Next
    }
    /// PDEP.
    pub(crate) fn pdep(&mut self, i: &Insn) -> Flow {
        self.chosen_bits(OpCode::Deposit, i)
    }
    /// PEXT.
    pub(crate) fn pext(&mut self, i: &Insn) -> Flow {
        self.chosen_bits(OpCode::Extract, i)
    }
    /// `value` shifted by a count of up to 255: zero from 64 on.
    fn shift_far(&mut self, code: OpCode, value: Ref, count: Ref) -> Ref {
        let shifted = self.make(code, Ty::I64, value, count);
        let (end, t) = (self.imm(64), self.temp());
        self.ir.ter(OpCode::SelCmp, Ty::I64, t, count, end, shifted, Cond::Lo as u16);
        t
    }
    /// The lowest `len` bits of a value.
    fn low_bits(&mut self, value: Ref, len: Ref) -> Ref {
        let ones = self.imm(u64::MAX);
        let above = self.shift_far(OpCode::Shl, ones, len);
        self.make(OpCode::AndNot, Ty::I64, value, above)
    }
    /// CRC32: of the low bytes of the second operand.
    pub(crate) fn crc32(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let size = match from {
            Operand::Reg { size, .. } => u16::from(size),
            Operand::Mem { size } => size,
            _ => 1,
        };
        let data = self.zero_extended(i, from, size as u8);
        let accumulator = self.value(i, to);
        let accumulator = self.zero_extend(accumulator, 4);
        let t = self.temp();
        let aux = size.trailing_zeros() as u16;
        let ty = if aux == 3 { Ty::I64 } else { Ty::I32 };
        self.ir.bin_aux(OpCode::Crc32c, ty, t, accumulator, data, aux);
        if let Operand::Reg { n, .. } = to {
            self.ir.mov(Ty::I32, crate::operand::register(n), t);
        }
        Flow::Next
    }
}
