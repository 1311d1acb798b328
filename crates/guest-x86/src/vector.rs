//! Vector registers: operands and results.
//!
//! What has 256 bits is two values of 128. A result of an instruction with a VEX prefix is the whole register:
//! its upper half becomes zero if it is no part of the result.

use crate::decode::{Attributes, Insn, Operand, Prefixes};
use crate::operand::Address;
use crate::state::{FIRST_HIGH, FIRST_X87, SLOT_X87_STATUS, SLOT_X87_TAGS};
use crate::translator::Translator;
use ir::state::{FIRST_VEC, TRAP_PROTECTION};
use ir::{OpCode, Ref, Ty, VecOp, vec_op};

/// The lower and the upper half; of what has no upper half that is none.
pub(crate) type Halves = [Ref; 2];

/// The low half of a vector register.
pub(crate) const fn low(n: u8) -> Ref {
    Ref::slot(FIRST_VEC + n as u16)
}
/// The upper half.
pub(crate) const fn high(n: u8) -> Ref {
    Ref::slot(FIRST_HIGH + n as u16)
}
/// An MMX register.
pub(crate) const fn mmx(n: u8) -> Ref {
    Ref::slot(FIRST_X87 + n as u16)
}

/// Whether an operand has 256 bits.
pub(crate) const fn is_wide(operand: Operand) -> bool {
    matches!(operand, Operand::Vec { size: 32, .. } | Operand::Mem { size: 32 })
}

impl Translator<'_> {
    /// A vector operand's value; of memory as many bytes as it has, zeros above.
    pub(crate) fn vector(&mut self, i: &Insn, operand: Operand) -> Ref {
        self.halves(i, operand)[0]
    }
    /// The same with its upper half.
    pub(crate) fn halves(&mut self, i: &Insn, operand: Operand) -> Halves {
        match operand {
            Operand::Vec { n, size: 32 } => [low(n), high(n)],
            Operand::Vec { n, .. } => [low(n), Ref::NONE],
            Operand::Mmx { n, .. } => [mmx(n), Ref::NONE],
            Operand::Mem { size } => {
                let address = self.vector_address(i, size);
                let lower = self.temp();
                self.load_vector(lower, address, size.min(16) as u8);
                if size < 32 {
                    return [lower, Ref::NONE];
                }
                let (upper, behind) = (self.temp(), self.behind_vector(address));
                self.load_vector(upper, behind, 16);
                [lower, upper]
            }
            _ => [self.ir.vconst(0), Ref::NONE],
        }
    }
    /// The address of a vector of `size` bytes, which may have to be aligned.
    pub(crate) fn vector_address(&mut self, i: &Insn, size: u16) -> Address {
        let address = self.address(i);
        if !i.op.row().attributes.any(Attributes::ALIGNED) {
            return address;
        }
        if size <= 16 {
            return address.aligned();
        }
        let value = self.value_of(address);
        let (below, zero) = (self.make_imm(OpCode::And, Ty::I64, value, 31), self.imm(0));
        self.check(TRAP_PROTECTION, below, zero);
        address
    }
    /// The address of the upper half.
    pub(crate) fn behind_vector(&mut self, address: Address) -> Address {
        match address.offset(16) {
            Some(behind) => behind,
            None => {
                let wrap = address.wraps();
                let value = self.value_of(address);
                let through = self.through(value, wrap);
                self.behind(through, 16)
            }
        }
    }

    /// `code(a, b)` in a new temporary.
    pub(crate) fn vec2(&mut self, op: VecOp, lane: u8, a: Ref, b: Ref) -> Ref {
        self.vec3(op, lane, 0, [a, b, Ref::NONE])
    }
    /// `code(a)` with a parameter.
    pub(crate) fn vec1(&mut self, op: VecOp, lane: u8, param: i32, a: Ref) -> Ref {
        self.vec3(op, lane, param, [a, Ref::NONE, Ref::NONE])
    }
    /// `code(a, b, c)` with a parameter.
    pub(crate) fn vec3(&mut self, op: VecOp, lane: u8, param: i32, operands: [Ref; 3]) -> Ref {
        let t = self.temp();
        self.vec_to(t, op, lane, param, operands);
        t
    }
    /// `dst = code(a, b, c)` with a parameter.
    pub(crate) fn vec_to(
        &mut self,
        dst: Ref,
        op: VecOp,
        lane: u8,
        param: i32,
        [a, b, c]: [Ref; 3],
    ) {
        self.ir.vec(op, Ty::V128, dst, a, b, c, vec_op::imm(lane, param));
    }

    /// Computes the destination of `i`, its first operand: `half(self, n, dst)` puts half `n` into `dst`. `faults`: that may
    /// fault. It may read the old halves of the destination, whose lower one is written last.
    pub(crate) fn define_vector(
        &mut self,
        i: &Insn,
        faults: bool,
        mut half: impl FnMut(&mut Self, usize, Ref),
    ) {
        match i.operands[0] {
            Operand::Vec { n, size: 32 } => {
                let upper = if faults { self.temp() } else { high(n) };
                half(self, 1, upper);
                half(self, 0, low(n));
                self.set_high(n, upper);
            }
            Operand::Vec { n, .. } => {
                half(self, 0, low(n));
                self.clear_high(i, n);
            }
            Operand::Mmx { n, .. } => {
                let t = self.temp();
                half(self, 0, t);
                self.set_mmx(n, t);
            }
            _ => {}
        }
    }
    /// The upper half of a register that has been computed.
    pub(crate) fn set_high(&mut self, n: u8, value: Ref) {
        self.clear_highs &= !(1 << n);
        if value != high(n) {
            self.ir.mov(Ty::V128, high(n), value);
        }
    }
    /// Clears the upper half of a register, if the instruction has a VEX prefix.
    pub(crate) fn clear_high(&mut self, i: &Insn, n: u8) {
        if i.prefixes.any(Prefixes::VEX) && self.clear_highs >> n & 1 == 0 {
            self.clear_highs |= 1 << n;
            let zero = self.ir.vconst(0);
            self.ir.mov(Ty::V128, high(n), zero);
        }
    }
    /// An MMX register becomes the low half of `value`, in a register that is a NaN for the x87.
    fn set_mmx(&mut self, n: u8, value: Ref) {
        let exponent = self.ir.vconst(0xffff << 64);
        let low = self.vec1(VecOp::Low, 3, 0, value);
        self.ir.vec(VecOp::Or, Ty::V128, mmx(n), low, exponent, Ref::NONE, 0);
        self.use_mmx();
    }
    /// The x87's registers are MMX's from now on: none is empty, and the first is the top.
    pub(crate) fn use_mmx(&mut self) {
        let (status, tags) = (Ref::slot(SLOT_X87_STATUS), Ref::slot(SLOT_X87_TAGS));
        let (without_top, full) = (self.imm(!(7 << 11)), self.imm(0xff));
        self.ir.bin(OpCode::And, Ty::I64, status, status, without_top);
        self.ir.mov(Ty::I64, tags, full);
    }
}
