//! Which flags somebody may still see, by a look at the instructions that follow.

use crate::decode::{Feature, Insn, Operand};
use crate::scan::{Kind, kind};
use crate::segment::moves_stack;

/// The six flags of arithmetic, with the bit numbers of EFLAGS.
pub(crate) const ALL: u16 = CARRY | PARITY | AUXILIARY | ZERO | SIGN | OVERFLOW;
/// CF.
pub(crate) const CARRY: u16 = 1;
/// PF.
pub(crate) const PARITY: u16 = 1 << 2;
/// AF.
pub(crate) const AUXILIARY: u16 = 1 << 4;
/// ZF.
pub(crate) const ZERO: u16 = 1 << 6;
/// SF.
pub(crate) const SIGN: u16 = 1 << 7;
/// OF.
pub(crate) const OVERFLOW: u16 = 1 << 11;

/// The flags that are of interest before `insn`, if those in `after` are behind it.
pub(crate) fn before(insn: &Insn, after: u16) -> u16 {
    if may_be_seen(insn) {
        return ALL;
    }
    (after & !killed(insn) | insn.flags_read()) & ALL
}

/// The flags that `insn` changes in any case.
pub(crate) fn killed(insn: &Insn) -> u16 {
    let mask = if insn.operand_size == 8 { 63 } else { 31 };
    let counts = match insn.operands.iter().find(|operand| **operand == Operand::Imm) {
        Some(_) => insn.imm & mask != 0,
        None => false,
    };
    if insn.op.row().flags.kept_at_zero && !counts { 0 } else { insn.flags_changed() & ALL }
}

/// Whether the instruction may fault or leave: then a signal's handler sees all flags.
fn may_be_seen(insn: &Insn) -> bool {
    let memory = |operand: &Operand| {
        matches!(operand, Operand::Mem { size: 1.. } | Operand::Src { .. } | Operand::Dst { .. })
    };
    insn.operands.iter().any(memory)
        || uses_stack(insn)
        || raises_pending(insn)
        || is_protected(insn)
        || kind(insn) != Kind::Other
}

/// Whether it may be a protection fault without any access to memory.
fn is_protected(insn: &Insn) -> bool {
    use crate::decode::Op;
    matches!(
        insn.op,
        Op::Ins
            | Op::Outs
            | Op::Cli
            | Op::Sti
            | Op::InImm
            | Op::OutImm
            | Op::InDx
            | Op::OutDx
            | Op::Lldt
            | Op::Ltr
            | Op::Lgdt
            | Op::Lidt
            | Op::Lmsw
            | Op::Invlpg
            | Op::Swapgs
            | Op::Clts
            | Op::Sysret
            | Op::Sysexit
            | Op::Xsetbv
            | Op::Invd
            | Op::Wbinvd
            | Op::Wbnoinvd
            | Op::MovRCr
            | Op::MovCrR
            | Op::MovRDr
            | Op::MovDrR
            | Op::Wrmsr
            | Op::Rdmsr
            | Op::Rdpmc
            | Op::Wrfsbase
            | Op::Wrgsbase
            | Op::MovSegRm
            | Op::Xgetbv
    )
}

/// Whether an exception of the x87 that is pending is raised by it: also by what uses its registers for MMX.
pub(crate) fn raises_pending(insn: &Insn) -> bool {
    let of = |feature| insn.op.row().features.contains(&Some(feature));
    of(Feature::X87) || uses_mmx(insn)
}

/// Whether it uses the x87's registers for MMX.
pub(crate) fn uses_mmx(insn: &Insn) -> bool {
    let register = |operand: &Operand| matches!(operand, Operand::Mmx { .. });
    insn.op == crate::decode::Op::Emms || insn.operands.iter().any(register)
}

/// Whether it accesses the stack, divides, or does what translated code does not.
fn uses_stack(insn: &Insn) -> bool {
    use crate::decode::Op;
    let divides = matches!(insn.op, Op::DivB | Op::Div | Op::IdivB | Op::Idiv);
    divides || moves_stack(insn.op)
}
