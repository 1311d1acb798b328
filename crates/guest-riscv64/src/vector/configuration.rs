//! vl and vtype: VSETVLI and its like.

use super::{Done, Machine, VLEN};
use crate::field::XReg;
use crate::state::{SLOT_VCSR, SLOT_VL, SLOT_VSTART, SLOT_VTYPE, VILL};
use crate::{Flow, Translator};
use ir::{OpCode, Ref, State, Ty};

/// Bits of the widest elements.
const ELEN: u32 = 64;

/// What vtype says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Type {
    /// It says nothing that is defined.
    pub(crate) ill: bool,
    /// Bits of an element.
    pub(crate) sew: u32,
    /// log2 of the registers of a group.
    pub(crate) lmul: i32,
}

impl Type {
    /// From vtype, or from the operand of VSETVLI.
    pub(crate) fn of(bits: u64) -> Self {
        let lmul = (bits as i32 & 7) << 29 >> 29;
        let sew = 8 << (bits >> 3 & 7);
        // Parts of registers are supported as far as they must be: where the elements of the widest
        // type are in whole registers.
        let fits = lmul >= 0 || ELEN >> -lmul >= sew;
        Self { ill: bits >> 8 != 0 || lmul == -4 || sew > ELEN || !fits, sew, lmul }
    }
    /// VLMAX: how many elements a group has.
    pub(crate) fn elements(self) -> u64 {
        let in_one = u64::from(VLEN / self.sew);
        if self.lmul >= 0 { in_one << self.lmul } else { in_one >> -self.lmul }
    }
}

/// How many elements instructions are executed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Length {
    /// VLMAX.
    Max,
    /// VLMAX most often; the block is left if not.
    Mostly,
    /// So many.
    Count(u32),
    /// What vl says.
    Any,
}

/// vtype and vl as the translator knows them at an instruction, where vstart is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Setting {
    /// vtype itself.
    pub(crate) bits: u64,
    pub(crate) kind: Type,
    pub(crate) length: Length,
}

impl Setting {
    fn new(bits: u64, length: Length) -> Self {
        Self { bits, kind: Type::of(bits), length }
    }
    /// Of [`guest::Mode::hint`].
    pub(crate) fn from_hint(hint: u16) -> Option<Self> {
        let length = if hint & HINT_MAX != 0 { Length::Max } else { Length::Any };
        let known = Self::new((hint & 0xff).into(), length);
        (hint & HINT != 0 && !known.kind.ill).then_some(known)
    }
}

/// In a hint: there is one; vtype is in the low byte.
const HINT: u16 = 1 << 8;
/// vl is VLMAX.
const HINT_MAX: u16 = 1 << 9;
/// Where vxrm is.
const HINT_ROUNDING: u32 = 10;

/// vxrm as a hint has it.
pub(crate) fn rounding_of_hint(hint: u16) -> u8 {
    (hint >> HINT_ROUNDING & 3) as u8
}

/// What `state` is expected to be when code is executed again.
pub(crate) fn hint(state: &State) -> u16 {
    let bits = state.int[usize::from(SLOT_VTYPE)];
    let kind = Type::of(bits);
    if kind.ill || state.int[usize::from(SLOT_VSTART)] != 0 {
        return 0;
    }
    let is_max = state.int[usize::from(SLOT_VL)] == kind.elements();
    let rounding = (state.int[usize::from(SLOT_VCSR)] >> 1 & 3) as u16;
    bits as u16 | HINT | rounding << HINT_ROUNDING | if is_max { HINT_MAX } else { 0 }
}

impl Machine<'_> {
    /// VSETVL.
    pub(super) fn configure(&mut self) -> Done {
        let (rd, rs1, bits) = (self.vd(), self.vs1(), self.x(self.vs2()));
        let kind = Type::of(bits);
        let max = kind.elements();
        let wanted = match (rd, rs1) {
            (0, 0) => self.vl as u64,
            (_, 0) => u64::MAX,
            _ => self.x(rs1),
        };
        let vl = if kind.ill { 0 } else { wanted.min(max) };
        self.state.int[usize::from(SLOT_VL)] = vl;
        self.state.int[usize::from(SLOT_VTYPE)] = if kind.ill { VILL } else { bits };
        self.set_x(rd, vl);
        Ok(())
    }
}

/// Where a VSETVLI takes the wanted number of elements from.
enum Wanted {
    Keep,
    Max,
    Value(Ref),
}

impl Translator<'_> {
    fn set_type(&mut self, bits: u64, wanted: Wanted, rd: XReg) -> Flow {
        let kind = Type::of(bits);
        let max = if kind.ill { 0 } else { kind.elements() };
        let (vl, max) = (Ref::slot(SLOT_VL), self.imm(max));
        match &wanted {
            Wanted::Keep => self.ir.bin(OpCode::MinU, Ty::I64, vl, vl, max),
            Wanted::Value(wanted) if !kind.ill => {
                self.ir.bin(OpCode::MinU, Ty::I64, vl, *wanted, max);
            }
            _ => self.ir.mov(Ty::I64, vl, max),
        }
        let length = self.length_after(kind, &wanted);
        self.knows(Some(Setting { bits, kind, length }));
        let (bits, zero) = (self.imm(if kind.ill { VILL } else { bits }), self.imm(0));
        self.ir.mov(Ty::I64, Ref::slot(SLOT_VTYPE), bits);
        self.ir.mov(Ty::I64, Ref::slot(SLOT_VSTART), zero);
        if rd != XReg::ZERO {
            let dst = self.x_out(rd);
            self.ir.mov(Ty::I64, dst, vl);
        }
        Flow::Next
    }
    /// How many elements there are after a type was set.
    fn length_after(&self, kind: Type, wanted: &Wanted) -> Length {
        match *wanted {
            Wanted::Max => Length::Max,
            Wanted::Value(n) => match self.ir.known(n) {
                Some(n) if n >= kind.elements() => Length::Max,
                Some(n) => Length::Count(n as u32),
                None => Length::Mostly,
            },
            Wanted::Keep => match self.vtype {
                Some(old) if old.kind.elements() == kind.elements() => old.length,
                _ => Length::Any,
            },
        }
    }
    /// An instruction may have made vl smaller.
    pub(crate) fn length_unknown(&mut self) {
        for known in [&mut self.vtype, &mut self.guess].into_iter().flatten() {
            known.length = Length::Any;
        }
    }
    /// Notes what vtype and vl are from here on.
    pub(crate) fn knows(&mut self, known: Option<Setting>) {
        self.vtype = known;
        self.guess = known;
    }
    /// VSETVLI.
    pub(crate) fn vsetvli(&mut self, vtype: u64, rs1: XReg, rd: XReg) -> Flow {
        let wanted = match (rd, rs1) {
            (XReg::ZERO, XReg::ZERO) => Wanted::Keep,
            (_, XReg::ZERO) => Wanted::Max,
            _ => Wanted::Value(self.x(rs1)),
        };
        self.set_type(vtype, wanted, rd)
    }
    /// VSETIVLI.
    pub(crate) fn vsetivli(&mut self, vtype: u64, uimm: u64, rd: XReg) -> Flow {
        let wanted = Wanted::Value(self.imm(uimm));
        self.set_type(vtype, wanted, rd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_decoded() {
        let e32m2 = Type::of(0b010_001);
        assert_eq!((e32m2.ill, e32m2.sew, e32m2.lmul, e32m2.elements()), (false, 32, 1, 8));
        let e8mf8 = Type::of(0b000_101);
        assert_eq!((e8mf8.ill, e8mf8.elements()), (false, 2));
        for ill in [0b011_111, 0b001_101, 0b000_100, 0b100_000, 1 << 8, VILL] {
            assert!(Type::of(ill).ill, "{ill:#b}");
        }
    }
}
