//! Vector instructions as vector operations of the back end, where whole groups take part.
//!
//! Behind a VSETVLI of the same block the type is known. The first instruction there leaves the block if vl is
//! not VLMAX; it goes on in another block, where the type is not known, so that everything is
//! executed by [`super::Machine`]. What is translated here has no tail, then, and vstart is 0. Instructions
//! with masks are left to the machine, too, and those of parts of registers.
//!
//! A group of several registers takes several operations. An instruction that faults in the middle is
//! executed once more from its start ([`guest::Spec::refault`]), so it may have written registers
//! that it does not read; to say so, a label is placed between the steps. Floating-point
//! operations that read what they write have all results in temporaries first.

mod arithmetic;
mod mask;
mod memory;
mod wide;

use super::{Op, Type, VLEN};
use crate::key;
use crate::state::{SLOT_VL, SLOT_VSTART, SLOT_VTYPE};
use crate::translator::Translator;
use ir::state::FIRST_VEC;
use ir::vec_op::{self, VecOp};
use ir::{Cond, ExitKind, OpCode, Ref, Ty};

/// An instruction and the type.
#[derive(Clone, Copy)]
struct Direct {
    op: Op,
    word: u32,
    /// Bits of an element.
    sew: u32,
    /// Registers of a group.
    regs: u16,
    /// It is known that vl is VLMAX.
    full: bool,
}

impl Direct {
    fn bits(self, lsb: u32, width: u32) -> u16 {
        (self.word >> lsb & ((1 << width) - 1)) as u16
    }
    fn vd(self) -> u16 {
        self.bits(7, 5)
    }
    fn vs1(self) -> u16 {
        self.bits(15, 5)
    }
    fn vs2(self) -> u16 {
        self.bits(20, 5)
    }
    /// Bits 14 to 12: what kind of operand the second source is.
    fn form(self) -> u16 {
        self.bits(12, 3)
    }
    fn masked(self) -> bool {
        self.bits(25, 1) == 0
    }
    /// log2 of the bytes of an element.
    fn lane(self) -> u8 {
        self.sew.ilog2() as u8 - 3
    }
    /// VLMAX.
    fn elements(self) -> u32 {
        VLEN / self.sew * u32::from(self.regs)
    }
    /// The second source is a vector.
    fn has_vector(self) -> bool {
        self.form() <= 2
    }
    /// The immediate, sign-extended.
    fn immediate(self) -> i64 {
        i64::from(self.vs1()) << 59 >> 59
    }
    /// Whether groups of `regs` registers may start at all of `at`.
    fn aligned(self, regs: u16, at: &[u16]) -> bool {
        at.iter().all(|r| r % regs == 0)
    }
    /// Whether the groups of its operands, all of SEW bits, are allowed.
    fn same_width(self) -> bool {
        self.aligned(self.regs, &[self.vd(), self.vs2()])
            && (!self.has_vector() || self.aligned(self.regs, &[self.vs1()]))
    }
}

/// Vector register `n`.
fn v(n: u16) -> Ref {
    Ref::slot(FIRST_VEC + 32 + n)
}

impl Translator<'_> {
    /// Translates a vector instruction. False: not done, and nothing appended.
    pub(super) fn direct(&mut self, op: Op, word: u32) -> bool {
        let Some((kind, full)) = self.known_type() else { return false };
        if kind.ill || kind.lmul < 0 {
            return false;
        }
        let d = Direct { op, word, sew: kind.sew, regs: 1 << kind.lmul, full };
        if d.masked() {
            return false;
        }
        match op.class() {
            super::op::Class::Memory => self.direct_memory(d),
            super::op::Class::Integer => {
                self.direct_integer(d) || self.direct_compare(d) || self.direct_wide(d)
            }
            super::op::Class::Float if d.sew >= 32 && key::rounding_is_defined(self.key) => {
                self.direct_float(d) || self.direct_float_compare(d)
            }
            super::op::Class::Reduction => self.direct_reduction(d),
            super::op::Class::Mask => self.direct_mask(d),
            super::op::Class::Permutation => self.direct_move(d),
            _ => false,
        }
    }
    /// The type that an earlier instruction of the block has set, if vl and vstart are as that one has left
    /// them; and whether the block has been left since unless vl is VLMAX.
    fn known_type(&self) -> Option<(Type, bool)> {
        let kind = self.vtype?;
        let mut full = false;
        for op in self.ir.block.ops.iter().rev() {
            full |= op.code == OpCode::BrCmp && op.a == Ref::slot(SLOT_VL);
            match op.dst.as_slot() {
                Some(SLOT_VTYPE) => return Some((kind, full)),
                Some(SLOT_VL) => return None,
                Some(SLOT_VSTART) if self.ir.known(op.a) != Some(0) => return None,
                _ => {}
            }
        }
        None
    }
    /// Leaves the block unless vl is VLMAX.
    fn if_full(&mut self, d: Direct) {
        if d.full {
            return;
        }
        let max = self.imm(d.elements().into());
        let exit = self.exit_to(self.pc, ExitKind::Jump);
        self.ir.br_cmp(Ty::I64, Cond::Ne, Ref::slot(SLOT_VL), max, exit);
    }
    /// Begins another step of the instruction.
    fn next_step(&mut self) {
        let label = self.ir.label();
        self.ir.place(label);
    }
    /// A vector operation on lanes of `1 << lane` bytes.
    fn lanes(&mut self, op: VecOp, lane: u8, param: i32, dst: Ref, operands: [Ref; 3]) {
        let [a, b, c] = operands;
        self.ir.vec(op, Ty::V128, dst, a, b, c, vec_op::imm(lane, param));
    }
    /// The same with a temporary as the result.
    fn lanes_to_temp(&mut self, op: VecOp, lane: u8, param: i32, operands: [Ref; 3]) -> Ref {
        let t = self.temp();
        self.lanes(op, lane, param, t, operands);
        t
    }
    /// The same value in all elements.
    fn splat(&mut self, value: u64, sew: u32) -> Ref {
        let element = u128::from(value & super::low(sew));
        let all = (0..128 / sew).fold(0, |all, n| all | element << (n * sew));
        self.ir.vconst(all)
    }
    /// The second source that is the same for all registers, in all elements: an integer or floating-point
    /// register or an immediate.
    fn scalar_source(&mut self, d: Direct) -> Ref {
        let none = Ref::NONE;
        match d.form() {
            3 => self.splat(d.immediate() as u64, d.sew),
            5 => {
                let f = self.checked_float(d);
                self.lanes_to_temp(VecOp::DupLane, d.lane(), 0, [f, none, none])
            }
            _ => {
                let x = self.x(crate::field::XReg(d.vs1() as u8));
                self.lanes_to_temp(VecOp::DupInt, d.lane(), 0, [x, none, none])
            }
        }
    }
    /// A floating-point register; what is not boxed as it should be is the default NaN.
    fn checked_float(&mut self, d: Direct) -> Ref {
        let f = Ref::slot(FIRST_VEC + d.vs1());
        if d.sew == 64 {
            return f;
        }
        let t = self.temp();
        self.ir.bin(OpCode::FCopySign, Ty::F32, t, f, f);
        t
    }
    /// The second source for register `r` of a group; `scalar` is what [`Translator::second`] has given.
    fn second_of(&self, d: Direct, scalar: Option<Ref>, r: u16) -> Ref {
        scalar.unwrap_or_else(|| v(d.vs1() + r))
    }
    /// The second source if it is no vector.
    fn second(&mut self, d: Direct) -> Option<Ref> {
        (!d.has_vector()).then(|| self.scalar_source(d))
    }
}
