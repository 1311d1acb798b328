//! Locked instructions, CMPXCHG and XADD.

use crate::alu::Op;
use crate::decode::{Insn, Operand};
use crate::operand::{is_memory, narrow};
use crate::state::{RAX, RBX, RCX, RDX};
use crate::translator::Translator;
use guest::Flow;
use ir::{Cond, OpCode, Ref, RmwOp, Ty, UNALIGNED};

impl Translator<'_> {
    /// A locked operation on memory with `b`.
    pub(crate) fn locked(&mut self, op: Op, i: &Insn, b: Ref) -> Flow {
        let size = i.operand_size;
        let kind = match op {
            Op::Add => RmwOp::Add,
            Op::Or => RmwOp::Set,
            Op::And => RmwOp::And,
            Op::Xor => RmwOp::Eor,
            Op::Sub => {
                let at = self.plain_address(i);
                let zero = self.imm(0);
                let value = self.make(OpCode::Sub, Ty::I64, zero, b);
                let old = self.rmw(RmwOp::Add, at, value, size);
                self.six_flags(OpCode::SubS, size, old, b);
                return Flow::Next;
            }
            _ => {
                let old = self.locked_loop(i, |t, old| t.plain_result(op, size, old, b));
                let code = if op == Op::Adc { OpCode::AdcS } else { OpCode::SbcS };
                self.six_flags(code, size, old, b);
                return Flow::Next;
            }
        };
        let at = self.plain_address(i);
        let old = self.rmw(kind, at, b, size);
        let code = match op {
            Op::Add => OpCode::AddS,
            Op::Or => OpCode::OrS,
            Op::And => OpCode::AndS,
            _ => OpCode::XorS,
        };
        if !self.flagless() {
            self.six_flags(code, size, old, b);
        }
        Flow::Next
    }
    /// Replaces what is in memory by a function of it, until nobody has changed it meanwhile: the old value.
    pub(crate) fn locked_loop(&mut self, i: &Insn, new: impl FnOnce(&mut Self, Ref) -> Ref) -> Ref {
        let size = i.operand_size;
        let at = self.plain_address(i);
        let address = self.through(at, false);
        let again = self.ir.label();
        self.ir.place(again);
        let old = self.load(address, size);
        let value = new(self, old);
        let seen = self.compare_and_swap(at, old, value, size);
        self.ir.br_cmp(Ty::I64, Cond::Ne, seen, old, again);
        seen
    }
    /// Stores `new` at `at` if `old` is there: what was there.
    fn compare_and_swap(&mut self, at: Ref, old: Ref, new: Ref, size: u8) -> Ref {
        let seen = self.temp();
        let aux = size.trailing_zeros() as u16 | UNALIGNED;
        self.ir.ter(OpCode::Cas, Ty::I64, seen, at, old, new, aux);
        seen
    }
    /// CMPXCHG. (Memory is always written, so it must be writable.)
    pub(crate) fn cmpxchg(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let size = i.operand_size;
        let ty = narrow(size);
        let new = self.value(i, from);
        let accumulator = Operand::Reg { n: 0, size };
        let seen = if is_memory(to) {
            let at = self.plain_address(i);
            self.compare_and_swap(at, RAX, new, size)
        } else {
            let old = self.value(i, to);
            let seen = self.make_un(OpCode::Mov, Ty::I64, old, 0);
            self.six_flags(OpCode::SubS, size, RAX, seen);
            let kept = self.temp();
            self.ir.bin_aux(OpCode::Sel, Ty::I64, kept, new, seen, Cond::Eq as u16);
            self.put(i, to, kept);
            // What is compared with itself is equal.
            return match to {
                to if to == accumulator => Flow::Next,
                _ => self.put_seen(i, accumulator, seen),
            };
        };
        self.six(OpCode::SubS, ty, Ref::NONE, RAX, seen);
        self.put_seen(i, accumulator, seen)
    }
    /// The accumulator becomes what was seen if that is something else.
    fn put_seen(&mut self, i: &Insn, accumulator: Operand, seen: Ref) -> Flow {
        if i.operand_size == 4 {
            // The upper half stays as it is if they are equal.
            let seen = self.zero_extend(seen, 4);
            self.ir.bin_aux(OpCode::Sel, Ty::I64, RAX, seen, RAX, Cond::Ne as u16);
        } else {
            self.put(i, accumulator, seen);
        }
        Flow::Next
    }
    /// CMPXCHG8B. Only Z changes.
    pub(crate) fn cmpxchg8b(&mut self, i: &Insn) -> Flow {
        let pair = |t: &mut Self, low: Ref, high: Ref| {
            let low = t.zero_extend(low, 4);
            let both = t.temp();
            t.ir.bin_aux(OpCode::Bfi, Ty::I64, both, low, high, 32 | 32 << 8);
            both
        };
        let at = self.plain_address(i);
        let (old, new) = (pair(self, RAX, RDX), pair(self, RBX, RCX));
        let seen = self.compare_and_swap(at, old, new, 8);
        let equal = self.set_compare(Cond::Eq, Ty::I64, seen, old);
        let high = self.make_un(OpCode::Ubfx, Ty::I64, seen, 32 | 32 << 8);
        let low = self.zero_extend(seen, 4);
        self.replace_pair(equal, low, high);
        Flow::Next
    }
    /// CMPXCHG16B.
    pub(crate) fn cmpxchg16b(&mut self, i: &Insn) -> Flow {
        let at = self.plain_address(i);
        let pair =
            |t: &mut Self, low: Ref, high: Ref| t.make(OpCode::VecFromPair, Ty::V128, low, high);
        let (old, new) = (pair(self, RAX, RDX), pair(self, RBX, RCX));
        let seen = self.temp();
        self.ir.ter(OpCode::Cas, Ty::V128, seen, at, old, new, 4);
        let lane = |t: &mut Self, n: u16| t.make_un(OpCode::VecToInt, Ty::I64, seen, n | 3 << 8);
        let (low, high) = (lane(self, 0), lane(self, 1));
        let same = |t: &mut Self, a, b| t.set_compare(Cond::Eq, Ty::I64, a, b);
        let (first, second) = (same(self, low, RAX), same(self, high, RDX));
        let equal = self.make(OpCode::And, Ty::I64, first, second);
        self.replace_pair(equal, low, high);
        Flow::Next
    }
    /// Z becomes `equal`; if it is 0, rax and rdx become `low` and `high`.
    fn replace_pair(&mut self, equal: Ref, low: Ref, high: Ref) {
        let zero = self.imm(0);
        for (register, value) in [(RAX, low), (RDX, high)] {
            // (A comparison without flags selects as well: x + (y - x) where it holds.)
            let difference = self.make(OpCode::Sub, Ty::I64, value, register);
            let t = self.temp();
            self.ir.ter(OpCode::SelCmp, Ty::I64, t, equal, zero, difference, Cond::Eq as u16);
            self.ir.bin(OpCode::Add, Ty::I64, register, register, t);
        }
        let flags = self.read_flags();
        let new = self.temp();
        self.ir.bin_aux(OpCode::Bfi, Ty::I64, new, flags, equal, 30 | 1 << 8);
        self.write_flags(new);
    }
    /// XADD.
    pub(crate) fn xadd(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let size = i.operand_size;
        let b = self.value(i, from);
        // (The register may be the other operand, and is overwritten before the flags are computed.)
        let added = self.make_un(OpCode::Mov, Ty::I64, b, 0);
        let old = if is_memory(to) {
            let at = self.plain_address(i);
            self.rmw(RmwOp::Add, at, added, size)
        } else {
            let a = self.value(i, to);
            self.make_un(OpCode::Mov, Ty::I64, a, 0)
        };
        self.put(i, from, old);
        if is_memory(to) {
            self.six_flags(OpCode::AddS, size, old, added);
        } else {
            let sum = self.temp();
            self.six(OpCode::AddS, narrow(size), sum, old, added);
            self.put(i, to, sum);
        }
        Flow::Next
    }
}
