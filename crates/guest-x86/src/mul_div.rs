//! Multiplication and division.

use crate::decode::{Insn, Operand};
use crate::liveness::{CARRY, OVERFLOW};
use crate::operand::{narrow, wide};
use crate::state::{RAX, RDX};
use crate::translator::Translator;
use guest::Flow;
use ir::state::TRAP_DIVIDE;
use ir::{Cond, DivRule, OpCode, Ref, Ty};

impl Translator<'_> {
    /// C and V become `overflow`; the other flags are undefined.
    fn product_flags(&mut self, overflow: impl FnOnce(&mut Self) -> Ref) {
        if !self.wants(CARRY | OVERFLOW) {
            return;
        }
        let overflow = overflow(self);
        // -128 twice has a carry and overflows.
        let term = self.make_imm(OpCode::Shl, Ty::I64, overflow, 7);
        self.six_flags(OpCode::AddS, 1, term, term);
    }
    /// IMUL with two or three operands.
    pub(crate) fn imul(&mut self, i: &Insn) -> Flow {
        let [to, a, b, ..] = i.operands;
        let (a, b) = if b == Operand::None { (to, a) } else { (a, b) };
        let size = i.operand_size;
        let (x, y) = (self.value(i, a), self.value(i, b));
        if size == 2 {
            let (x, y) = (self.sign_extend(x, 2), self.sign_extend(y, 2));
            let product = self.make(OpCode::Mul, Ty::I32, x, y);
            self.product_flags(|t| {
                let same = t.sign_extend(product, 2);
                t.set_compare(Cond::Ne, Ty::I32, product, same)
            });
            self.put(i, to, product);
            return Flow::Next;
        }
        let dst = self.result(to);
        if self.wants(CARRY | OVERFLOW) {
            self.six(OpCode::MulS, wide(size), dst, x, y);
        } else {
            self.ir.bin(OpCode::Mul, wide(size), dst, x, y);
        }
        Flow::Next
    }
    /// MUL, IMUL with one operand.
    pub(crate) fn multiply(&mut self, signed: bool, i: &Insn) -> Flow {
        let size = i.operand_size;
        let factor = self.value(i, i.operands[0]);
        match size {
            8 => {
                let code = if signed { OpCode::MulHiS } else { OpCode::MulHiU };
                let high = self.make(code, Ty::I64, RAX, factor);
                let low = self.make(OpCode::Mul, Ty::I64, RAX, factor);
                self.product_flags(|t| t.not_extended(signed, high, low));
                self.ir.mov(Ty::I64, RAX, low);
                self.ir.mov(Ty::I64, RDX, high);
            }
            4 => {
                let code = if signed { OpCode::MulWideS } else { OpCode::MulWideU };
                let whole = self.make(code, Ty::I64, RAX, factor);
                let high = self.make_imm(OpCode::Shr, Ty::I64, whole, 32);
                self.product_flags(|t| t.wider(signed, whole, 4));
                self.ir.mov(Ty::I32, RAX, whole);
                self.ir.mov(Ty::I32, RDX, high);
            }
            _ => {
                let extend = if signed { Self::sign_extend } else { Self::zero_extend };
                let (a, b) = (extend(self, RAX, size), extend(self, factor, size));
                let whole = self.make(OpCode::Mul, Ty::I64, a, b);
                self.product_flags(|t| t.wider(signed, whole, size));
                let accumulator = Operand::Reg { n: 0, size: 2 };
                self.put_narrow(accumulator, whole);
                if size == 2 {
                    let high = self.make_imm(OpCode::Shr, Ty::I64, whole, 16);
                    self.put_narrow(Operand::Reg { n: 2, size: 2 }, high);
                }
            }
        }
        Flow::Next
    }
    /// MUL.
    pub(crate) fn mul(&mut self, i: &Insn) -> Flow {
        self.multiply(false, i)
    }
    /// IMUL.
    pub(crate) fn imul_wide(&mut self, i: &Insn) -> Flow {
        self.multiply(true, i)
    }
    /// Whether the upper half of a product is not just the extension of the lower one.
    fn not_extended(&mut self, signed: bool, high: Ref, low: Ref) -> Ref {
        let same = match signed {
            true => self.make_imm(OpCode::Sar, Ty::I64, low, 63),
            false => self.imm(0),
        };
        self.set_compare(Cond::Ne, Ty::I64, high, same)
    }
    /// Whether a number of 64 bits has more than `size` bytes.
    fn wider(&mut self, signed: bool, whole: Ref, size: u8) -> Ref {
        let same = match signed {
            true => self.sign_extend(whole, size),
            false => self.zero_extend(whole, size),
        };
        self.set_compare(Cond::Ne, Ty::I64, whole, same)
    }
    /// MULX: no flags.
    pub(crate) fn mulx(&mut self, i: &Insn) -> Flow {
        let [high, low, from, ..] = i.operands;
        let size = i.operand_size;
        let factor = self.value(i, from);
        if size == 8 {
            let up = self.make(OpCode::MulHiU, Ty::I64, RDX, factor);
            let down = self.make(OpCode::Mul, Ty::I64, RDX, factor);
            self.put(i, low, down);
            self.put(i, high, up);
        } else {
            let whole = self.make(OpCode::MulWideU, Ty::I64, RDX, factor);
            let up = self.make_imm(OpCode::Shr, Ty::I64, whole, 32);
            self.put(i, low, whole);
            self.put(i, high, up);
        }
        Flow::Next
    }

    /// DIV, IDIV.
    pub(crate) fn divide(&mut self, signed: bool, i: &Insn) -> Flow {
        let size = i.operand_size;
        let ty = wide(size);
        let extended = signed && self.just_extended(ty);
        let divisor = self.value(i, i.operands[0]);
        if size < 4 {
            return self.divide_narrow(signed, divisor, size);
        }
        let zero = self.imm(0);
        if extended {
            return self.divide_extended(divisor, size);
        }
        let (quotient, remainder) = if signed && size == 4 {
            self.divide_long(divisor)
        } else {
            let bad = if signed {
                let t = self.temp();
                self.ir.ter(OpCode::DivWideBad, ty, t, RAX, divisor, RDX, 0);
                t
            } else {
                self.set_compare(Cond::Hs, ty, RDX, divisor)
            };
            self.check(TRAP_DIVIDE, bad, zero);
            let codes = match signed {
                true => [OpCode::DivWideS, OpCode::RemWideS],
                false => [OpCode::DivWideU, OpCode::RemWideU],
            };
            let [quotient, remainder] = codes.map(|code| {
                let t = self.temp();
                self.ir.ter(code, ty, t, RAX, divisor, RDX, 0);
                t
            });
            (quotient, remainder)
        };
        self.ir.mov(ty, RAX, quotient);
        self.ir.mov(ty, RDX, remainder);
        Flow::Next
    }
    /// Whether the instruction before was CDQ or CQO.
    fn just_extended(&self, ty: Ty) -> bool {
        let ops = self.ir.block.ops.as_slice();
        matches!(ops, [.., before, insn] if insn.code == OpCode::Insn
            && before.code == OpCode::Sar
            && (before.ty, before.dst, before.a) == (ty, RDX, RAX))
    }
    /// The signed division of the accumulator alone.
    fn divide_extended(&mut self, divisor: Ref, size: u8) -> Flow {
        let (dividend, divisor) = (self.sign_extend(RAX, size), self.sign_extend(divisor, size));
        let (quotient, remainder) = if size == 4 {
            self.divide_checked(true, dividend, divisor, 4)
        } else {
            let (zero, least, less) = (self.imm(0), self.imm(1 << 63), self.imm(u64::MAX));
            let none = self.set_compare(Cond::Eq, Ty::I64, divisor, zero);
            let minus_one = self.set_compare(Cond::Eq, Ty::I64, divisor, less);
            let smallest = self.set_compare(Cond::Eq, Ty::I64, dividend, least);
            let overflows = self.make(OpCode::And, Ty::I64, minus_one, smallest);
            let bad = self.make(OpCode::Or, Ty::I64, none, overflows);
            self.check(TRAP_DIVIDE, bad, zero);
            self.both_results([OpCode::DivS, OpCode::RemS], dividend, divisor)
        };
        let ty = wide(size);
        self.ir.mov(ty, RAX, quotient);
        self.ir.mov(ty, RDX, remainder);
        Flow::Next
    }
    fn both_results(&mut self, codes: [OpCode; 2], dividend: Ref, divisor: Ref) -> (Ref, Ref) {
        let [quotient, remainder] = codes.map(|code| {
            let t = self.temp();
            let rule = DivRule::Zero as u16;
            self.ir.bin_aux(code, Ty::I64, t, dividend, divisor, rule);
            t
        });
        (quotient, remainder)
    }
    /// The signed quotient and remainder of edx:eax by 32 bits, in 64.
    fn divide_long(&mut self, divisor: Ref) -> (Ref, Ref) {
        let low = self.zero_extend(RAX, 4);
        let dividend = self.temp();
        self.ir.bin_aux(OpCode::Bfi, Ty::I64, dividend, low, RDX, 32 | 32 << 8);
        let divisor = self.sign_extend(divisor, 4);
        self.divide_checked(true, dividend, divisor, 4)
    }
    /// The quotient, which must fit into `size` bytes, and the remainder of two numbers of 64 bits.
    fn divide_checked(
        &mut self,
        signed: bool,
        dividend: Ref,
        divisor: Ref,
        size: u8,
    ) -> (Ref, Ref) {
        let zero = self.imm(0);
        let none = self.set_compare(Cond::Eq, Ty::I64, divisor, zero);
        self.check(TRAP_DIVIDE, none, zero);
        let codes = match signed {
            true => [OpCode::DivS, OpCode::RemS],
            false => [OpCode::DivU, OpCode::RemU],
        };
        let (quotient, remainder) = self.both_results(codes, dividend, divisor);
        let wider = self.wider(signed, quotient, size);
        self.check(TRAP_DIVIDE, wider, zero);
        (quotient, remainder)
    }
    /// Of 16 bits dx:ax, of 8 bits ax.
    fn divide_narrow(&mut self, signed: bool, divisor: Ref, size: u8) -> Flow {
        let extend = if signed { Self::sign_extend } else { Self::zero_extend };
        let divisor = extend(self, divisor, size);
        let dividend = if size == 1 {
            extend(self, RAX, 2)
        } else {
            let low = self.zero_extend(RAX, 2);
            let both = self.temp();
            self.ir.bin_aux(OpCode::Bfi, Ty::I64, both, low, RDX, 16 | 16 << 8);
            extend(self, both, 4)
        };
        let (quotient, remainder) = self.divide_checked(signed, dividend, divisor, size);
        debug_assert!(narrow(size).bits() < 32);
        self.put_narrow(Operand::Reg { n: 0, size }, quotient);
        let to = if size == 1 { Operand::High { n: 0 } } else { Operand::Reg { n: 2, size } };
        self.put_narrow(to, remainder);
        Flow::Next
    }
    /// DIV.
    pub(crate) fn div(&mut self, i: &Insn) -> Flow {
        self.divide(false, i)
    }
    /// IDIV.
    pub(crate) fn idiv(&mut self, i: &Insn) -> Flow {
        self.divide(true, i)
    }
}
