//! Vector instructions as vector operations of the back end.
//!
//! The type is known behind a VSETVLI of the same block. Elsewhere it is expected to be the one with which the
//! code was reached when it was translated; the first instruction that makes use of it looks whether it is, and
//! is executed by the runtime if not, and the block is left behind it. Behind a VSETVLI with a register the
//! first instruction leaves the block if vl is not VLMAX: the block that begins there is
//! translated for any vl.
//!
//! Where not all elements take part, a register's result is computed for all and those that take part are
//! selected ([`active`]). Operands of floating-point operations are zeroed where they do not, so that these
//! raise nothing.
//!
//! An instruction that faults in the middle is executed once more from its start
//! ([`guest::Spec::refault`]), so it may have written registers that it does not read; to say so, a label is
//! placed between the steps. Floating-point operations that read what they write have all results in
//! temporaries first.

mod active;
mod arithmetic;
mod bits;
mod carry;
mod crypto;
mod elements;
mod fixed;
mod mask;
mod memory;
mod permute;
mod segments;
mod wide;
mod wide_float;

use super::{Length, Op, Setting, VLEN};
use crate::key;
use crate::state::{SLOT_VCSR, SLOT_VL, SLOT_VSTART, SLOT_VTYPE};
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
    /// The group is this part of a register: log2, zero or negative.
    part: i32,
    known: Setting,
    /// That is only expected.
    expected: bool,
}

impl Direct {
    fn new(op: Op, word: u32, known: Setting, expected: bool) -> Self {
        let (sew, lmul) = (known.kind.sew, known.kind.lmul);
        Self { op, word, sew, regs: 1 << lmul.max(0), part: lmul.min(0), known, expected }
    }
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
        self.known.kind.elements() as u32
    }
    /// How many elements the registers have.
    fn in_registers(self) -> u32 {
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
            && self.mask_is_apart(&[self.vd(), self.vs2()])
            && (!self.has_vector() || self.mask_is_apart(&[self.vs1()]))
    }
    /// If there is a mask, it is none of the operands at `at`.
    fn mask_is_apart(self, at: &[u16]) -> bool {
        !self.masked() || !at.contains(&0)
    }
    /// Whether the operations have to be told which elements take part.
    fn is_partial(self) -> bool {
        self.masked() || self.part < 0 || !matches!(self.known.length, Length::Max | Length::Mostly)
    }
}

/// Vector register `n`.
fn v(n: u16) -> Ref {
    Ref::slot(FIRST_VEC + 32 + n)
}

impl Translator<'_> {
    /// Translates a vector instruction. False: not done, and nothing appended.
    pub(super) fn direct(&mut self, op: Op, word: u32) -> bool {
        let Some(known) = self.vtype.or(self.guess) else { return false };
        if known.kind.ill {
            return false;
        }
        let d = Direct::new(op, word, known, self.vtype.is_none());
        match op.class() {
            super::op::Class::Memory => self.direct_memory(d),
            super::op::Class::Integer => {
                self.direct_integer(d)
                    || self.direct_compare(d)
                    || self.direct_wide(d)
                    || self.direct_carry(d)
            }
            super::op::Class::Float if d.sew == 16 && key::rounding_is_defined(self.key) => {
                self.direct_wide_float(d)
            }
            super::op::Class::Float if d.sew >= 32 && key::rounding_is_defined(self.key) => {
                self.direct_float(d) || self.direct_float_compare(d) || self.direct_wide_float(d)
            }
            super::op::Class::Reduction
                if matches!(d.op, Op::Fredusum | Op::Fredosum | Op::Fredmin | Op::Fredmax) =>
            {
                self.direct_float_reduction(d)
            }
            super::op::Class::Crypto => self.direct_crypto(d),
            super::op::Class::Fixed => self.direct_fixed(d),
            super::op::Class::Reduction => self.direct_reduction(d),
            super::op::Class::Mask => self.direct_mask(d),
            super::op::Class::Permutation => self.direct_move(d) || self.direct_permutation(d),
            _ => false,
        }
    }
    /// Before the operations of an instruction: looks whether the type is the one that is expected.
    fn begin(&mut self, d: Direct) {
        let mut known = d.known;
        if d.expected {
            self.look_at_type(d);
        } else if known.length == Length::Mostly {
            let max = self.imm(d.elements().into());
            let exit = self.exit_to(self.pc, ExitKind::Jump);
            self.ir.br_cmp(Ty::I64, Cond::Ne, Ref::slot(SLOT_VL), max, exit);
        }
        if known.length == Length::Mostly {
            known.length = Length::Max;
        }
        self.knows(Some(known));
    }
    /// Looks whether the type, and vl, are the ones that are expected.
    fn look_at_type(&mut self, d: Direct) {
        self.unless(d, |t, other| {
            let require = |t: &mut Self, slot, value| {
                let value = t.imm(value);
                t.ir.br_cmp(Ty::I64, Cond::Ne, Ref::slot(slot), value, other);
            };
            require(t, SLOT_VTYPE, d.known.bits);
            require(t, SLOT_VSTART, 0);
            match d.known.length {
                Length::Max | Length::Mostly => require(t, SLOT_VL, d.elements().into()),
                Length::Count(n) => require(t, SLOT_VL, n.into()),
                Length::Any => {}
            }
        });
    }
    /// Looks whether vxrm is the one that is expected.
    fn look_at_rounding(&mut self, d: Direct) {
        self.unless(d, |t, other| {
            let (mode, expected) = (t.temp(), t.imm(t.vxrm.into()));
            t.ir.un_aux(OpCode::Ubfx, Ty::I64, mode, Ref::slot(SLOT_VCSR), 1 | 2 << 8);
            t.ir.br_cmp(Ty::I64, Cond::Ne, mode, expected, other);
        });
    }
    /// Where `conditions` branch to its label, the runtime executes the instruction, and the block is left.
    fn unless(&mut self, d: Direct, conditions: impl FnOnce(&mut Self, i32)) {
        let (other, done) = (self.ir.label(), self.ir.label());
        conditions(self, other);
        self.ir.br(done);
        self.ir.place(other);
        self.execute(d.op, d.word);
        let exit = self.exit_to(self.next_pc(), ExitKind::Jump);
        self.ir.br_cond(Cond::Al, exit);
        self.ir.place(done);
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
