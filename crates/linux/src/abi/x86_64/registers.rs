//! What `ptrace` shows of x86_64's registers (arch/x86/kernel/ptrace.c).

use super::{USER_CS, USER_DS, flags, slot};
use crate::abi::{CallNumber, Ptrace, Regset};
use crate::ptrace::set;
use crate::task::Task;
use ir::state::SLOT_TP;

const NT_X86_XSTATE: u64 = 0x202;

/// `user_regs_struct` up to `rdi`, by their slots.
const FIRST: [usize; 15] = [
    slot::R15,
    slot::R15 - 1,
    slot::R15 - 2,
    slot::R15 - 3,
    slot::RBP,
    slot::RBX,
    slot::R11,
    slot::R10,
    slot::R8 + 1,
    slot::R8,
    slot::RAX,
    slot::RCX,
    slot::RDX,
    slot::RSI,
    slot::RDI,
];
/// The number of the call, which is in rax no more when the tracer looks.
const CALL: usize = 15;
const RIP: usize = 16;
const CS: usize = 17;
const RFLAGS: usize = 18;
const RSP: usize = 19;
const SS: usize = 20;
const FS_BASE: usize = 21;
const GS_BASE: usize = 22;
/// Then ds, es, fs and gs.
const REGS: usize = 27;
/// What XSAVE stores, of which FXSAVE stores the first part.
const CONTEXT: usize = REGS;
const FXSAVE_WORDS: usize = 64;
const XSAVE_WORDS: usize = 104;

pub(super) const PTRACE: Ptrace = Ptrace {
    words: CONTEXT + XSAVE_WORDS,
    store,
    load,
    sets: &[
        Regset { kind: set::PRSTATUS, first: 0, len: 8 * REGS, unit: 8 },
        Regset { kind: set::PRFPREG, first: CONTEXT, len: 8 * FXSAVE_WORDS, unit: 8 },
        Regset { kind: NT_X86_XSTATE, first: CONTEXT, len: 8 * XSAVE_WORDS, unit: 8 },
    ],
    accepts: |_, _| true,
    pc: RIP,
    sp: RSP,
    args: [14, 13, 12, 7, 9, 8],
    result: 10,
    number: CallNumber::Slot(slot::CALL as u16),
    direction: None,
    steps: true,
    debug: None,
    user: Some(&super::debug::USER),
};

fn store(task: &Task, words: &mut [u64]) {
    let state = task.state();
    for (word, slot) in words.iter_mut().zip(FIRST) {
        *word = state.int[slot];
    }
    words[CALL] = state.int[slot::CALL];
    words[RIP] = state.pc();
    words[CS] = USER_CS;
    words[RFLAGS] = flags::get(state);
    words[RSP] = state.int[slot::RSP];
    words[SS] = USER_DS;
    words[FS_BASE] = state.int[usize::from(SLOT_TP)];
    words[GS_BASE] = state.int[slot::GS];
    let context = task.process.engine.guest().context(state);
    for (word, bytes) in words[CONTEXT..].iter_mut().zip(context.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
}

fn load(task: &mut Task, words: &[u64]) {
    let guest = task.process.engine.guest();
    let state = task.state_mut();
    for (word, slot) in words.iter().zip(FIRST) {
        state.int[slot] = *word;
    }
    state.int[slot::CALL] = words[CALL];
    state.set_pc(words[RIP]);
    flags::set(state, words[RFLAGS]);
    state.int[slot::RSP] = words[RSP];
    state.int[usize::from(SLOT_TP)] = words[FS_BASE];
    state.int[slot::GS] = words[GS_BASE];
    let context: Vec<u8> = words[CONTEXT..].iter().flat_map(|word| word.to_le_bytes()).collect();
    let len = (guest.capabilities().context as usize).min(context.len());
    // (What no processor could have is left as it was.)
    guest.set_context(state, &context[..len]);
    task.cpu.control_changed();
}
