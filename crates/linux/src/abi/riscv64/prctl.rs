//! Options of `prctl` that only riscv64 has: whether vectors may be used, and when the instruction cache
//! is flushed (Documentation/arch/riscv/{vector,cmodx}.rst).

use super::has_vectors;
use crate::calls::{Args, Result};
use crate::task::Task;
use sys::Errno;

const PR_RISCV_V_SET_CONTROL: i32 = 69;
const PR_RISCV_V_GET_CONTROL: i32 = 70;
const PR_RISCV_SET_ICACHE_FLUSH_CTX: i32 = 71;

/// Vectors may be used, by this thread and by the programs that it executes.
const V_ON: u64 = 2;
/// The parts of the control value: now, after `execve`, and whether that stays so.
const V_NOW: u64 = 0b11;
const V_NEXT: u64 = 0b1100;
const V_INHERIT: u64 = 0b1_0000;

/// Serves `option`; None if it is not one of these.
pub(super) fn prctl(task: &mut Task, option: i32, args: Args) -> Option<Result> {
    Some(match option {
        PR_RISCV_V_SET_CONTROL => set_vectors(task, args[1]),
        PR_RISCV_V_GET_CONTROL => {
            let there = has_vectors(&task.process.engine.guest().capabilities());
            if there { Ok(V_ON) } else { Err(Errno::EINVAL) }
        }
        PR_RISCV_SET_ICACHE_FLUSH_CTX => set_flush_context(args[1], args[2]),
        _ => return None,
    })
}

/// They are always on here: what would turn them off is refused, as Linux does for a thread that has
/// used them.
fn set_vectors(task: &Task, value: u64) -> Result {
    const OFF: u64 = 1;
    if !has_vectors(&task.process.engine.guest().capabilities())
        || value & !(V_NOW | V_NEXT | V_INHERIT) != 0
    {
        return Err(Errno::EINVAL);
    }
    let next = (value & V_NEXT) >> 2;
    match value & V_NOW {
        OFF => Err(Errno::EPERM),
        0 | V_ON if next <= V_ON => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}

/// FENCE.I may always be used, by all threads of a process.
fn set_flush_context(context: u64, scope: u64) -> Result {
    const ON: u64 = 0;
    const OFF: u64 = 1;
    const PER_PROCESS: u64 = 0;
    const PER_THREAD: u64 = 1;
    let known = matches!(context, ON | OFF) && matches!(scope, PER_PROCESS | PER_THREAD);
    if known { Ok(0) } else { Err(Errno::EINVAL) }
}
