//! Which segment an access goes through, for the exception that it raises: #SS through the stack's, #GP else
//! (Intel SDM volume 3, 6.15).

use crate::decode::{Bits, Insn, Op, Operand, decode};
use ir::State;

/// rsp and rbp, whose addresses are the stack segment's if nothing else is said.
const STACK_BASES: core::ops::RangeInclusive<u8> = 4..=5;

/// Whether the instruction at the start of `code` cannot access the stack because of its address.
pub(crate) fn is_stack_fault(code: &[u8], state: &State) -> bool {
    let Ok(insn) = decode(code, Bits::B64) else { return false };
    let explicit = explicit(&insn, state);
    match explicit {
        Some((address, stack)) if !canonical(address) => stack,
        _ => pushes_or_pops(insn.op) && !canonical(state.int[4].wrapping_sub(8)),
    }
}

/// Whether an address is one of 48 bits.
const fn canonical(address: u64) -> bool {
    (address as i64) << 16 >> 16 == address as i64
}

/// The address of the memory operand, and whether the stack's segment is used for it.
fn explicit(insn: &Insn, state: &State) -> Option<(u64, bool)> {
    insn.operands.iter().find(|operand| matches!(operand, Operand::Mem { .. }))?;
    let memory = insn.memory;
    let register = |n: Option<u8>| n.map_or(0, |n| state.int[usize::from(n & 15)]);
    let index = register(memory.index) << memory.scale;
    let address =
        register(memory.base).wrapping_add(index).wrapping_add(memory.displacement as u64);
    let stack = memory.base.is_some_and(|base| STACK_BASES.contains(&base));
    Some((address, stack && insn.segment.is_none()))
}

/// Whether the stack pointer is used besides the operands.
const fn pushes_or_pops(op: Op) -> bool {
    let branches = matches!(
        op,
        Op::Call
            | Op::CallRm
            | Op::Ret
            | Op::RetImm
            | Op::CallFarM
            | Op::Retf
            | Op::RetfImm
            | Op::Iret
    );
    branches || moves_stack(op)
}

/// Whether it pushes or pops, and goes on with the next instruction.
pub(crate) const fn moves_stack(op: Op) -> bool {
    matches!(
        op,
        Op::PushR
            | Op::PopR
            | Op::PushRm
            | Op::PopRm
            | Op::PushImm
            | Op::PushImm8
            | Op::PushFs
            | Op::PopFs
            | Op::PushGs
            | Op::PopGs
            | Op::Pushf
            | Op::Popf
            | Op::Enter
            | Op::Leave
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_is_told_from_other_memory() {
        let mut state = State::new();
        let wild = 1 << 63;
        (state.int[0], state.int[4], state.int[5]) = (wild, 0x1000, wild);
        let of = |code: &[u8], state: &State| is_stack_fault(code, state);
        assert!(!of(&[0x8b, 0x00], &state), "mov eax, [rax]");
        assert!(of(&[0x8b, 0x45, 0x00], &state), "mov eax, [rbp]");
        assert!(!of(&[0x64, 0x8b, 0x45, 0x00], &state), "mov eax, fs:[rbp]");
        assert!(!of(&[0x50], &state), "push rax");
        assert!(!of(&[0xff, 0x10], &state), "call [rax]");
        state.int[4] = wild;
        assert!(of(&[0x50], &state) && of(&[0xc3], &state), "push rax, ret");
        assert!(!of(&[0xff, 0x10], &state), "the operand is read first");
    }
}
