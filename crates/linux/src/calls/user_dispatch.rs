//! `PR_SET_SYSCALL_USER_DISPATCH`: system calls from outside a range of code are not made while a byte of
//! the guest's says so; the thread gets SIGSYS instead (Documentation/admin-guide/syscall-user-dispatch.rst).

use super::{Result, tags};
use crate::signal::{self, Action, Info};
use crate::task::Task;
use sys::Errno;

const OFF: u64 = 0;
const EXCLUSIVE_ON: u64 = 1;
const INCLUSIVE_ON: u64 = 2;
/// What the byte says.
const ALLOW: u8 = 0;
const BLOCK: u8 = 1;
/// Where the host's addresses of programs end.
const END: u64 = 1 << 47;

/// A thread's setting. No other thread inherits it, and no program.
#[derive(Clone, Copy, Debug)]
pub struct UserDispatch {
    /// Calls from here are made; the length is counted around the end of the address space if calls from a
    /// range are those that are not made.
    start: u64,
    len: u64,
    /// Where the byte is; 0 = nowhere, and no other call is made.
    selector: u64,
}

/// `prctl(PR_SET_SYSCALL_USER_DISPATCH, mode, start, len, selector)`.
pub(super) fn set(task: &mut Task, [mode, start, len, selector]: [u64; 4]) -> Result {
    let no_range = start.wrapping_add(len) <= start;
    let (start, len) = match mode {
        OFF if [start, len, selector] == [0; 3] => {
            task.user_dispatch = None;
            return Ok(0);
        }
        EXCLUSIVE_ON if start == 0 || !no_range => (start, len),
        INCLUSIVE_ON if len != 0 && !no_range => (start.wrapping_add(len), len.wrapping_neg()),
        _ => return Err(Errno::EINVAL),
    };
    let selector = if task.process.abi.tags { tags::untag(selector) } else { selector };
    if selector >= END {
        return Err(Errno::EFAULT);
    }
    task.user_dispatch = Some(UserDispatch { start, len, selector });
    Ok(0)
}

/// Whether the call that is about to be made is the guest's own affair; it has got its signal then.
#[cold]
pub(super) fn taken(task: &mut Task) -> bool {
    /// `SYS_USER_DISPATCH`.
    const CODE: i32 = 2;
    let Some(UserDispatch { start, len, selector }) = task.user_dispatch else { return false };
    let pc = task.state().pc();
    if pc.wrapping_sub(start) < len {
        return false;
    }
    let verdict = if selector == 0 { Ok(BLOCK) } else { ::memory::read_u8(selector) };
    match verdict {
        Ok(ALLOW) => return false,
        Ok(BLOCK) => {}
        Ok(_) => end(task, libc::SIGSYS),
        Err(_) => end(task, libc::SIGSEGV),
    }
    let abi = task.process.abi;
    let number = task.state().int[usize::from(abi.regs.number)];
    signal::force(task, libc::SIGSYS, Info::refused_call(CODE, pc, number, abi.audit_arch));
    true
}

/// Ends the process by `signo`, whatever it does with that (kernel/signal.c `force_exit_sig`).
fn end(task: &mut Task, signo: i32) -> ! {
    task.actions().set(signo, Action::default());
    signal::die_of(signo)
}
