//! Instructions that a program has refused to itself or to a part of it: RDTSC by `prctl(PR_SET_TSC)`, CPUID by
//! `arch_prctl(ARCH_SET_CPUID)`. They raise #GP then.

use super::slot;
use crate::calls::{Args, Result};
use crate::task::Task;
use sys::Errno;

const PR_GET_TSC: i32 = 25;
const PR_SET_TSC: i32 = 26;
/// Its values: it works, it raises SIGSEGV.
const ENABLE: u64 = 1;
const SIGSEGV: u64 = 2;

/// Bits of the state's slot: RDTSC and RDTSCP, CPUID.
const TIME: u64 = 1;
pub(super) const CPUID: u64 = 2;

/// `PR_GET_TSC` and `PR_SET_TSC`.
pub(super) fn prctl(task: &mut Task, option: i32, args: Args) -> Option<Result> {
    let value = args[1];
    match (option, value) {
        (PR_GET_TSC, at) => {
            let mode = if refuses(task, TIME) { SIGSEGV } else { ENABLE };
            Some(memory::write_u32(at, mode as u32).map(|()| 0).map_err(Errno::from))
        }
        (PR_SET_TSC, ENABLE | SIGSEGV) => {
            refuse(task, TIME, value == SIGSEGV);
            Some(Ok(0))
        }
        _ => None,
    }
}

/// Whether the program has refused `what` to itself.
pub(super) fn refuses(task: &Task, what: u64) -> bool {
    task.state().int[slot::REFUSED] & what != 0
}

/// Refuses `what` from now on, or does so no more.
pub(super) fn refuse(task: &mut Task, what: u64, on: bool) {
    let refused = &mut task.state_mut().int[slot::REFUSED];
    *refused = *refused & !what | if on { what } else { 0 };
    task.cpu.control_changed();
}
