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
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Most ranges of guarded pages; what is beyond is not guarded.
const RANGES: usize = 1024;
/// Start and end of each range, zero if it is not used. Only one thread at a time changes them.
static GUARDED: [[AtomicU64; 2]; RANGES] = [const { [const { AtomicU64::new(0) }; 2] }; RANGES];
/// How many of them have ever been used.
static USED: AtomicUsize = AtomicUsize::new(0);

/// The ranges in use, and their numbers.
fn ranges() -> impl Iterator<Item = (usize, u64, u64)> {
    GUARDED[..USED.load(Ordering::Acquire)]
        .iter()
        .enumerate()
        .map(|(n, [start, end])| (n, start.load(Ordering::Acquire), end.load(Ordering::Acquire)))
}

fn insert(start: u64, end: u64) {
    let free = ranges().find(|r| r.2 == 0).map_or(USED.load(Ordering::Acquire), |r| r.0);
    if start < end && free < RANGES {
        GUARDED[free][0].store(start, Ordering::Release);
        GUARDED[free][1].store(end, Ordering::Release);
        USED.fetch_max(free + 1, Ordering::AcqRel);
    }
}

/// Makes `start..end` guarded or not; says whether any of it changed.
pub(crate) fn guard(start: u64, end: u64, on: bool) -> bool {
    if on && ranges().any(|(_, s, e)| s <= start && end <= e) {
        return false;
    }
    let mut changed = on;
    for (n, s, e) in ranges().collect::<Vec<_>>() {
        if s < end && start < e {
            changed = true;
            GUARDED[n][1].store(0, Ordering::Release);
            insert(s, start.min(e));
            insert(end.max(s), e);
        }
    }
    if on {
        insert(start, end);
    }
    changed
}

/// Whether the page of `pc` is guarded.
fn guarded(pc: u64) -> bool {
    ranges().any(|(_, start, end)| (start..end).contains(&pc))
}

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
        if guarded(self.pc) && refused != 0 {
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
        let kind =
            if matches!(rn.0, 16 | 17) || !guarded(self.pc) { BTYPE_JUMP } else { BTYPE_ANY };
        self.leaves(kind);
    }
    /// Before a call of the address in a register.
    pub(crate) fn calls(&mut self) {
        self.leaves(BTYPE_CALL);
    }
    fn leaves(&mut self, kind: u64) {
        if !self.lacks(Features::BTI) {
            let kind = self.imm(kind);
            self.ir.mov(Ty::I64, Ref::slot(SLOT_BTYPE), kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut() {
        const AT: u64 = 0x7000_0000;
        assert!(guard(AT, AT + 0x4000, true));
        assert!(!guard(AT + 0x1000, AT + 0x2000, true));
        assert!(guard(AT + 0x1000, AT + 0x2000, false));
        assert!(guarded(AT) && guarded(AT + 0x2000) && guarded(AT + 0x3ffc));
        assert!(!guarded(AT + 0x1000) && !guarded(AT + 0x4000));
        assert!(guard(AT, AT + 0x4000, false));
        assert!(!guarded(AT) && !guarded(AT + 0x2000));
        assert!(!guard(AT, AT + 0x4000, false));
    }

    #[test]
    fn landing_pads_take_what_they_should() {
        assert_eq!(refused(0xd503_24df), 0);
        assert_eq!(refused(0xd503_245f) & (BTYPE_JUMP | BTYPE_CALL), 0);
        assert_eq!(refused(0xd503_249f), BTYPE_CALL);
        assert_ne!(refused(0xd503_201f) & BTYPE_JUMP, 0);
    }
}
