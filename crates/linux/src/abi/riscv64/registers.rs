//! What `ptrace` shows of riscv64's registers (arch/riscv/kernel/ptrace.c).

use super::{VLENB, fcsr, has_vectors, set_fcsr, set_vector_state, slot};
use crate::abi::{CallNumber, Ptrace, Regset};
use crate::ptrace::set;
use crate::task::Task;

const NT_RISCV_VECTOR: u64 = 0x900;

// `user_regs_struct`: pc, then x1 to x31.
const REGS: usize = 32;
/// `__riscv_d_ext_state`: f0 to f31, fcsr.
const FP: usize = REGS;
const FCSR: usize = FP + 32;
/// `__riscv_v_regset_state`: vstart, vl, vtype, vcsr, vlenb, v0 to v31.
const V: usize = FCSR + 1;
const V_REGS: usize = V + 5;
const V_WORDS: usize = 5 + 64;

pub(super) const PTRACE: Ptrace = Ptrace {
    words: V + V_WORDS,
    store,
    load,
    sets: &[
        Regset { kind: set::PRSTATUS, first: 0, len: 8 * REGS, unit: 8 },
        Regset { kind: set::PRFPREG, first: FP, len: 8 * (V - FP), unit: 8 },
        Regset { kind: NT_RISCV_VECTOR, first: V, len: 8 * V_WORDS, unit: 8 },
    ],
    // Linux refuses a vector length of its own making only.
    accepts: |kind, words| {
        kind != NT_RISCV_VECTOR || words.get(4).is_none_or(|&vlenb| vlenb == VLENB)
    },
    pc: 0,
    sp: slot::SP,
    args: [10, 11, 12, 13, 14, 15],
    result: 10,
    number: CallNumber::Register,
    steps: false,
    direction: None,
    debug: None,
    user: None,
};

fn store(task: &Task, words: &mut [u64]) {
    let state = task.state();
    words[0] = state.pc();
    words[1..REGS].copy_from_slice(&state.int[1..REGS]);
    for n in 0..32 {
        words[FP + n] = state.vec[slot::F0 + n] as u64;
    }
    words[FCSR] = u64::from(fcsr(task));
    let [vstart, vl, vtype, vcsr] =
        [slot::VSTART, slot::VL, slot::VTYPE, slot::VCSR].map(|slot| state.int[slot]);
    words[V..V_REGS].copy_from_slice(&[vstart, vl, vtype, vcsr, VLENB]);
    for n in 0..32 {
        let value = state.vec[slot::V0 + n];
        words[V_REGS + 2 * n] = value as u64;
        words[V_REGS + 2 * n + 1] = (value >> 64) as u64;
    }
}

fn load(task: &mut Task, words: &[u64]) {
    let vectors = has_vectors(&task.process.engine.guest().capabilities());
    let state = task.state_mut();
    state.set_pc(words[0] & !1);
    state.int[1..REGS].copy_from_slice(&words[1..REGS]);
    for n in 0..32 {
        state.vec[slot::F0 + n] = u128::from(words[FP + n]);
    }
    if vectors {
        set_vector_state(state, core::array::from_fn(|n| words[V + n]));
        for n in 0..32 {
            let [low, high] = [0, 1].map(|half| u128::from(words[V_REGS + 2 * n + half]));
            state.vec[slot::V0 + n] = low | high << 64;
        }
    }
    set_fcsr(task, words[FCSR] as u32);
}
