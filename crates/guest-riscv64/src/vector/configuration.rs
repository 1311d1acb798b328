//! vl and vtype: VSETVLI and its like.

use super::{Done, Machine, VLEN};
use crate::field::XReg;
use crate::state::{SLOT_VL, SLOT_VSTART, SLOT_VTYPE, VILL};
use crate::{Flow, Translator};
use ir::{OpCode, Ref, Ty};

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
        match wanted {
            Wanted::Keep => self.ir.bin(OpCode::MinU, Ty::I64, vl, vl, max),
            Wanted::Value(wanted) if !kind.ill => {
                self.ir.bin(OpCode::MinU, Ty::I64, vl, wanted, max);
            }
            _ => self.ir.mov(Ty::I64, vl, max),
        }
        self.vtype = Some(kind);
        let (bits, zero) = (self.imm(if kind.ill { VILL } else { bits }), self.imm(0));
        self.ir.mov(Ty::I64, Ref::slot(SLOT_VTYPE), bits);
        self.ir.mov(Ty::I64, Ref::slot(SLOT_VSTART), zero);
        if rd != XReg::ZERO {
            let dst = self.x_out(rd);
            self.ir.mov(Ty::I64, dst, vl);
        }
        Flow::Next
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
