//! Whether the flags are dead at an exit: a look at the code behind it.

use crate::cpu::Cpu;
use crate::decode::{Bits, Insn, LENGTH_MAX, Op, Operand, Undecoded, decode};
use crate::liveness::{ALL, killed};
use guest::Fetch;
use guest::block::BLOCK_PAGE;

/// How far to look.
const DEPTH: u32 = 6;

/// True if the code at `pc` certainly overwrites all six flags before anything can observe them: before
/// any instruction that reads them, may fault, branches conditionally or far, or is not known here.
///
/// Only the page of the block is looked at: when that becomes writable, the translation is dropped.
pub(crate) fn dead_at(cpu: &Cpu, fetch: &mut dyn Fetch, block: u64, mut pc: u64) -> bool {
    let mut alive = ALL;
    for _ in 0..DEPTH {
        if pc / BLOCK_PAGE != block / BLOCK_PAGE {
            return false;
        }
        let Some(insn) = at(fetch, pc) else { return false };
        pc = pc.wrapping_add(insn.len.into());
        match insn.op {
            // One that goes backward is a place where signals arrive, and their frames may then show
            // flags that nothing reads any more; synchronous faults never do.
            Op::Jmp8 | Op::Jmp => pc = pc.wrapping_add(insn.imm as u64),
            _ if alive & insn.flags_read() != 0 || !is_quiet(cpu, &insn) => return false,
            _ => alive &= !killed(&insn),
        }
        if alive == 0 {
            return true;
        }
    }
    false
}

/// The instruction at `pc`.
fn at(fetch: &mut dyn Fetch, pc: u64) -> Option<Insn> {
    const HALF: usize = 8;
    let mut code = [0; LENGTH_MAX];
    code[..HALF].copy_from_slice(&fetch.peek(pc, HALF)?.to_le_bytes());
    match decode(&code[..HALF], Bits::B64) {
        Err(Undecoded::Incomplete) => {
            let rest = fetch.peek(pc.wrapping_add(HALF as u64), LENGTH_MAX - HALF)?;
            code[HALF..].copy_from_slice(&rest.to_le_bytes()[..LENGTH_MAX - HALF]);
            decode(&code, Bits::B64).ok()
        }
        decoded => decoded.ok(),
    }
}

/// Whether it touches nothing but registers and flags on this processor, and never traps.
fn is_quiet(cpu: &Cpu, insn: &Insn) -> bool {
    let silent = |operand: &Operand| {
        matches!(operand, Operand::None | Operand::Reg { .. } | Operand::High { .. } | Operand::Imm)
    };
    match insn.op {
        Op::Lea | Op::Nop | Op::NopRm | Op::Endbr64 => true,
        op if is_plain(op) => {
            insn.operands.iter().all(silent)
                && op.row().features.iter().flatten().all(|&feature| cpu.has(feature))
        }
        _ => false,
    }
}

/// Arithmetic, logic, shifts and moves.
#[rustfmt::skip]
fn is_plain(op: Op) -> bool {
    use Op::*;
    matches!(
        op,
        AddRmR | AddRRm | AddAImm | AddRmImm | AddRmImm8
            | OrRmR | OrRRm | OrAImm | OrRmImm | OrRmImm8
            | AndRmR | AndRRm | AndAImm | AndRmImm | AndRmImm8
            | SubRmR | SubRRm | SubAImm | SubRmImm | SubRmImm8
            | XorRmR | XorRRm | XorAImm | XorRmImm | XorRmImm8
            | CmpRmR | CmpRRm | CmpAImm | CmpRmImm | CmpRmImm8
            | TestRmR | TestAImm | TestRmImm | Not | Neg | IncRm | DecRm | Cwde | Cdq
            | ShlRmImm | ShlRm1 | ShrRmImm | ShrRm1 | SarRmImm | SarRm1
            | Rorx | Shlx | Sarx | Shrx | Bswap
            | MovRmR | MovRRm | MovRmImm | MovRImm8 | MovRImm
            | MovzxB | MovzxW | MovsxB | MovsxW | Movsxd | Cmov | Setcc
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use guest::{Bytes, Guest as _, Mode};
    use ir::{Block, OpCode};

    const START: u64 = 0x1000;

    fn dead(code: &[u8]) -> bool {
        dead_at(&Cpu::DEFAULT, &mut Bytes { start: START, code }, START, START)
    }

    #[test]
    fn compares_kill_and_loads_keep() {
        let pad = |code: &[u8]| [code, &[0x90; 16]].concat();
        // mov rax, rcx; test rax, rax
        assert!(dead(&pad(&[0x48, 0x89, 0xc8, 0x48, 0x85, 0xc0])));
        // lea rax, [rcx + 8]; endbr64; xor eax, eax
        assert!(dead(&pad(&[0x48, 0x8d, 0x41, 8, 0xf3, 0x0f, 0x1e, 0xfa, 0x31, 0xc0])));
        // mov rax, [rcx]; test rax, rax: a fault shows the flags.
        assert!(!dead(&pad(&[0x48, 0x8b, 0x01, 0x48, 0x85, 0xc0])));
        // sete al; test al, al
        assert!(!dead(&pad(&[0x0f, 0x94, 0xc0, 0x84, 0xc0])));
        // inc eax keeps the carry, which adc reads.
        assert!(!dead(&pad(&[0xff, 0xc0, 0x83, 0xd0, 0])));
        // inc eax; sub eax, ecx
        assert!(dead(&pad(&[0xff, 0xc0, 0x29, 0xc8])));
        // shl eax, 0 keeps all; shl eax, 32 as well; shl eax, 3 does not.
        assert!(!dead(&pad(&[0xc1, 0xe0, 0, 0x73, 0])));
        assert!(!dead(&pad(&[0xc1, 0xe0, 32, 0x73, 0])));
        assert!(dead(&pad(&[0xc1, 0xe0, 3, 0x73, 0])));
        // jmp over a load to cmp eax, 1
        assert!(dead(&pad(&[0xeb, 2, 0x8b, 0x01, 0x83, 0xf8, 1])));
        // jmp to itself
        assert!(!dead(&pad(&[0xeb, 0xfe])));
    }

    #[test]
    fn what_is_not_in_the_page_is_not_known() {
        let code = [0x90; 64];
        let mut fetch = Bytes { start: 0x1ff0, code: &code };
        assert!(!dead_at(&Cpu::DEFAULT, &mut fetch, 0x1000, 0x2000));
    }

    /// What is passed over can neither fault nor leave, and what is said to overwrite all flags does.
    #[test]
    fn only_quiet_instructions_are_passed() {
        let mut rng = isa::Rng::new(1);
        let (mut quiet, cpu) = (0, Cpu::DEFAULT);
        for _ in 0..300_000 {
            let mut code = [0; 16];
            code.iter_mut().for_each(|byte| *byte = rng.next() as u8);
            let Ok(insn) = decode(&code, Bits::B64) else { continue };
            if !is_quiet(&cpu, &insn) {
                continue;
            }
            quiet += 1;
            let mut block = Block::default();
            let mode = Mode { single: true, ..Mode::default() };
            crate::X86_64::new(cpu).translate(
                &mut Bytes { start: START, code: &code },
                START,
                mode,
                &mut block,
            );
            let (last, ops) = block.ops.split_last().expect("a block has an end");
            assert_eq!(last.code, OpCode::ExitDirect, "{insn:?}");
            assert_eq!(block.exits.len(), 1, "{insn:?}");
            assert_eq!(block.exits[0].pc, START + u64::from(insn.len), "{insn:?}");
            assert!(!ops.iter().any(|op| op.may_fault() || op.code.branches()), "{insn:?}");
            if killed(&insn) == ALL {
                assert!(block.writes_flags, "{insn:?}");
            }
        }
        assert!(quiet > 10_000, "{quiet}");
    }
}
