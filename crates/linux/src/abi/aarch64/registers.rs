//! What `ptrace` shows of arm64's registers (arch/arm64/kernel/ptrace.c).

use crate::abi::{CallNumber, Debug, Ptrace, Regset};
use crate::ptrace::set;
use crate::task::Task;
use engine::Watch;
use ir::state::{SLOT_PC, SLOT_TP};

/// `NT_ARM_*`.
const NT_TLS: u64 = 0x401;
const NT_HW_BREAK: u64 = 0x402;
const NT_HW_WATCH: u64 = 0x403;
const NT_SYSTEM_CALL: u64 = 0x404;

// `user_pt_regs`: 31 registers, sp, pc, pstate.
const SP: usize = 31;
const PC: usize = 32;
const PSTATE: usize = 33;
/// `user_fpsimd_state`: 64 words, then FPSR and FPCR in one.
const FP: usize = 34;
const FP_WORDS: usize = 66;
const STATUS: usize = FP + 64;
const TLS: usize = FP + FP_WORDS;
/// The register that says to the tracer whether a system call begins or ends
/// (`report_syscall_enter`).
const DIRECTION: u16 = 7;
/// Of PSTATE, what a program must not have: other modes, masked exceptions.
const PSTATE_WRONG: u64 = 0x3df;

pub(super) const PTRACE: Ptrace = Ptrace {
    words: TLS + 1,
    store,
    load,
    sets: &[
        Regset { kind: set::PRSTATUS, first: 0, len: 8 * FP, unit: 8 },
        Regset { kind: set::PRFPREG, first: FP, len: 8 * FP_WORDS, unit: 4 },
        Regset { kind: NT_TLS, first: TLS, len: 8, unit: 8 },
    ],
    accepts: |kind, words| {
        kind != set::PRSTATUS || words.get(PSTATE).is_none_or(|pstate| pstate & PSTATE_WRONG == 0)
    },
    pc: PC,
    sp: SP,
    args: [0, 1, 2, 3, 4, 5],
    result: 0,
    number: CallNumber::Set(NT_SYSTEM_CALL),
    steps: true,
    direction: Some(DIRECTION),
    debug: Some(&DEBUG),
    user: None,
};

static DEBUG: Debug =
    Debug { kinds: [NT_HW_BREAK, NT_HW_WATCH], version: 6 << 8, counts: [6, 4], watch };

fn store(task: &Task, words: &mut [u64]) {
    let state = task.state();
    words[..SP].copy_from_slice(&state.int[..SP]);
    words[SP] = task.sp();
    words[PC] = state.pc();
    words[PSTATE] = u64::from(task.cpu.nzcv());
    for n in 0..32 {
        words[FP + 2 * n] = state.vec[n] as u64;
        words[FP + 2 * n + 1] = (state.vec[n] >> 64) as u64;
    }
    words[STATUS] = task.cpu.fpsr() & 0xffff_ffff | task.cpu.fpcr() << 32;
    words[TLS] = state.int[SLOT_TP as usize];
}

fn load(task: &mut Task, words: &[u64]) {
    let sp = task.process.abi.regs.sp as usize;
    let state = task.state_mut();
    state.int[..SP].copy_from_slice(&words[..SP]);
    state.int[sp] = words[SP];
    state.int[SLOT_PC as usize] = words[PC];
    state.int[SLOT_TP as usize] = words[TLS];
    for n in 0..32 {
        state.vec[n] = u128::from(words[FP + 2 * n]) | u128::from(words[FP + 2 * n + 1]) << 64;
    }
    task.cpu.set_nzcv(words[PSTATE] as u32 & 0xf000_0000);
    task.cpu.set_fpsr(words[STATUS] & 0xffff_ffff);
    task.cpu.set_fpcr(words[STATUS] >> 32);
}

/// What a pair of registers watches (DBGBCR, DBGWCR).
fn watch(executes: bool, address: u64, control: u64) -> Option<Watch> {
    if control & 1 == 0 {
        return None;
    }
    // The bytes are those of which bits are set, from the (aligned) address on.
    let bytes = (control >> 5 & 0xff) as u8;
    let (skip, len) = (bytes.trailing_zeros() & 7, u64::from(bytes.count_ones()));
    Some(Watch {
        start: address + u64::from(skip),
        len,
        loads: !executes && control >> 3 & 1 != 0,
        stores: !executes && control >> 4 & 1 != 0,
        executes,
        goes_on: false,
    })
}
