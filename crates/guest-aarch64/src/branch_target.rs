//! Branch target identification: what an indirect branch leaves in PSTATE.BTYPE, and which
//! instructions of guarded pages it may go to. Nothing of it is translated without FEAT_BTI.
//!
//! Every instruction but an indirect branch clears BTYPE, so only the first one of a block can find
//! it set.

use crate::cpu::Features;
use crate::field::XZr;
use crate::translator::Translator;
use ir::state::{BTYPE_ANY, BTYPE_CALL, BTYPE_JUMP, SLOT_BTYPE, TRAP_UNDEFINED};
use ir::{OpCode, Ref, Ty};

/// Whether `word` is BRK, HLT or UDF.
fn raises(word: u32) -> bool {
    matches!(word & 0xffe0_001f, 0xd420_0000 | 0xd440_0000) || word >> 16 == 0
}

/// The branch types that may not lead to `word`.
fn refused(word: u32) -> u64 {
    match word {
        // BTI jc.
        0xd503_24df => 0,
        _ if raises(word) && word >> 16 != 0 => 0,
        // BTI c; PACIASP and PACIBSP, as Linux sets SCTLR_EL1.BT0.
        0xd503_245f | 0xd503_233f | 0xd503_237f => BTYPE_ANY,
        // BTI j.
        0xd503_249f => BTYPE_CALL,
        _ => BTYPE_JUMP | BTYPE_CALL | BTYPE_ANY,
    }
}

impl Translator<'_> {
    /// At the start of a block: `word` must be a fit target.
    pub(crate) fn landing(&mut self, word: u32) {
        if self.lacks(Features::BTI) {
            return;
        }
        let (slot, none, zero) = (Ref::slot(SLOT_BTYPE), Ref::NONE, self.imm(0));
        let refused = refused(word);
        if refused != 0 && self.fetch.guarded(self.pc) {
            let (wrong, mask) = (self.temp(), self.imm(refused));
            self.ir.bin(OpCode::And, Ty::I64, wrong, slot, mask);
            self.ir.emit(OpCode::Check, Ty::I64, none, wrong, zero, none, TRAP_UNDEFINED, 0);
        }
        // An instruction that does nothing but raise an exception leaves it.
        if !raises(word) {
            self.ir.mov(Ty::I64, slot, zero);
        }
    }
    /// Before a branch to the address in register `rn`.
    pub(crate) fn jumps(&mut self, rn: XZr) {
        if !self.lacks(Features::BTI) {
            let any = !matches!(rn.0, 16 | 17) && self.fetch.guarded(self.pc);
            self.leaves(if any { BTYPE_ANY } else { BTYPE_JUMP });
        }
    }
    /// Before a call of the address in a register.
    pub(crate) fn calls(&mut self) {
        if !self.lacks(Features::BTI) {
            self.leaves(BTYPE_CALL);
        }
    }
    fn leaves(&mut self, kind: u64) {
        let kind = self.imm(kind);
        self.ir.mov(Ty::I64, Ref::slot(SLOT_BTYPE), kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn landing_pads_take_what_they_should() {
        assert_eq!(refused(0xd503_24df), 0);
        assert_eq!(refused(0xd503_245f) & (BTYPE_JUMP | BTYPE_CALL), 0);
        assert_eq!(refused(0xd503_249f), BTYPE_CALL);
        assert_ne!(refused(0xd503_201f) & BTYPE_JUMP, 0);
    }
}
