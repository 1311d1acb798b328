//! The page of three calls that old programs jump to (arch/x86/entry/vsyscall). As on Linux today, its code
//! can be executed but not read.

use super::slot;
use crate::calls;
use crate::elf::PAGE;
use crate::signal::{self, Info, SI_KERNEL};
use crate::task::Task;
use sys::Errno;

/// Where it is.
const START: u64 = 0xffff_ffff_ff60_0000;
/// Bytes from one function to the next.
const DISTANCE: u64 = 1024;
/// The calls that they make: `gettimeofday`, `time`, `getcpu`.
const NUMBERS: [u64; 3] = [96, 201, 309];

/// What /proc/self/maps says of it.
pub(super) const LINE: &str = "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  \
                               [vsyscall]\n";

/// Serves the call at `address`, which the program has jumped to; false if nothing is there.
pub(super) fn jumped(task: &mut Task, address: u64) -> bool {
    let Some(offset) = address.checked_sub(START).filter(|&offset| offset < PAGE) else {
        return false;
    };
    let number = NUMBERS.get((offset / DISTANCE) as usize);
    match number.filter(|_| offset % DISTANCE == 0) {
        Some(&number) if call(task, number).is_ok() => {}
        _ => {
            let info = Info::fault(libc::SIGSEGV, SI_KERNEL, 0);
            signal::force(task, libc::SIGSEGV, info);
        }
    }
    true
}

/// Makes a call and returns to the caller. (A call that faults has not returned.)
fn call(task: &mut Task, number: u64) -> Result<(), Errno> {
    let sp = task.state().int[slot::RSP];
    let caller = memory::read_u64(sp)?;
    let state = task.state_mut();
    let before = (state.pc(), state.int[slot::RAX]);
    state.set_pc(caller);
    state.int[slot::RSP] = sp.wrapping_add(8);
    state.int[slot::RAX] = number;
    state.int[slot::CALL] = number;
    calls::serve_call(task, number);
    let state = task.state_mut();
    if state.int[slot::RAX] != Errno::EFAULT.to_ret() {
        return Ok(());
    }
    state.set_pc(before.0);
    state.int[slot::RSP] = sp;
    state.int[slot::RAX] = before.1;
    Err(Errno::EFAULT)
}
