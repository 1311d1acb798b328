//! Calls that were interrupted by a tracer's question alone, which Linux would not have noticed:
//! they are made again, and sleep no longer than they were to.

use super::{Args, Call, Result};
use crate::abi::CallNumber;
use crate::layout::{self, Timespec};
use crate::ptrace;
use crate::task::Task;
use sys::{Errno, raw};

const ERESTARTNOHAND: Errno = Errno(514);
const ERESTART_RESTARTBLOCK: Errno = Errno(516);

/// What is known of the call that was interrupted last.
#[derive(Debug, Default)]
pub struct Restart {
    /// Where it returns to, and what was in its result's register, if it is to be made again.
    call: Option<(u64, u64)>,
    /// When its sleep ends: seconds and nanoseconds.
    end: Option<[u64; 2]>,
}

/// A call has failed with `EINTR`: what it fails with as the tracer sees it.
#[cold]
pub(super) fn interrupted(task: &mut Task, call: Option<&Call>, args: Args) -> Errno {
    // Those that Linux makes again if no handler has run; others fail, or are restarted by the host.
    let errno = match call.map_or("", |call| call.name) {
        "nanosleep" | "clock_nanosleep" => ERESTART_RESTARTBLOCK,
        "ppoll" | "pselect6" | "rt_sigsuspend" | "msgrcv" | "msgsnd" => ERESTARTNOHAND,
        "futex" if is_absolute(args[1]) => ERESTART_RESTARTBLOCK,
        _ => return Errno::EINTR,
    };
    if !asked(task) {
        return Errno::EINTR;
    }
    let before = match task.process.abi.ptrace.number {
        CallNumber::Slot(number) => task.state().int[usize::from(number)],
        CallNumber::Set(_) | CallNumber::Register => args[0],
    };
    task.restart.call = Some((task.state().pc(), before));
    errno
}

/// Calls that may wait for long, and that signals interrupt then.
const WAITING: [&str; 34] = [
    "accept",
    "accept4",
    "clock_nanosleep",
    "connect",
    "epoll_pwait",
    "epoll_pwait2",
    "fcntl",
    "flock",
    "futex",
    "futex_waitv",
    "io_getevents",
    "io_pgetevents",
    "io_uring_enter",
    "ioctl",
    "mq_timedreceive",
    "mq_timedsend",
    "msgrcv",
    "msgsnd",
    "nanosleep",
    "openat",
    "ppoll",
    "pselect6",
    "read",
    "readv",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "semtimedop",
    "wait4",
    "waitid",
    "write",
    "writev",
];

/// Whether the call with the guest's number `nr` may wait for long.
pub(crate) fn waits(abi: &crate::abi::Abi, nr: u64) -> bool {
    super::find(abi.calls, nr).is_some_and(|call| WAITING.contains(&call.name))
}

/// Whether the timeout of a futex operation is a point in time.
fn is_absolute(operation: u64) -> bool {
    const WAIT_BITSET: u64 = 9;
    operation & 0x7f == WAIT_BITSET
}

fn asked(task: &Task) -> bool {
    task.cpu.has_signal(ptrace::is_question)
}

/// A handler is about to run after all.
pub(crate) fn give_up(task: &mut Task) {
    if let Some((pc, _)) = core::mem::take(&mut task.restart).call
        && task.state().pc() == pc
    {
        (task.process.abi.set_result)(task.state_mut(), Err(Errno::EINTR));
    }
}

/// Signals have been dealt with: the guest goes on, with the call if no handler has run.
pub(crate) fn again(task: &mut Task) {
    let Some((pc, before)) = task.restart.call.take() else { return };
    let (abi, len) = (task.process.abi, task.call_len);
    let state = task.state_mut();
    if state.pc() == pc {
        state.set_pc(pc - len);
        state.int[abi.regs.result as usize] = before;
    } else {
        task.restart.end = None;
    }
}

/// `nanosleep(2)`.
pub(super) fn nanosleep(task: &mut Task, args: Args) -> Result {
    sleep(task, libc::CLOCK_MONOTONIC as u64, args[0], args[1])
}

/// `clock_nanosleep(2)`.
pub(super) fn clock_nanosleep(task: &mut Task, args: Args) -> Result {
    let [clock, flags, request, remain, ..] = args;
    if flags & libc::TIMER_ABSTIME as u64 != 0 {
        return task.call(libc::SYS_clock_nanosleep, args);
    }
    // For a length of time it makes no difference that the clock may be set.
    let clock =
        if clock as i32 == libc::CLOCK_REALTIME { libc::CLOCK_MONOTONIC as u64 } else { clock };
    sleep(task, clock, request, remain)
}

/// Sleeps for the time at `request`, or what is left of it; writes what is left then to `remain`.
fn sleep(task: &mut Task, clock: u64, request: u64, remain: u64) -> Result {
    const ABSOLUTE: u64 = libc::TIMER_ABSTIME as u64;
    let before = task.restart.end.take();
    let mut left = [0_u64; 2];
    let result = match &before {
        Some(end) => {
            let at = end.as_ptr() as u64;
            task.call(libc::SYS_clock_nanosleep, [clock, ABSOLUTE, at, 0, 0, 0])
        }
        None => {
            let at = left.as_mut_ptr() as u64;
            task.call(libc::SYS_clock_nanosleep, [clock, 0, request, at, 0, 0])
        }
    };
    if result == Err(Errno::ERESTARTSYS) {
        task.restart.end = before;
    }
    if result == Err(Errno::EINTR) && (remain != 0 || asked(task)) {
        let mut now = [0_u64; 2];
        raw::call(libc::SYS_clock_gettime, [clock, now.as_mut_ptr() as u64])?;
        let [now, left] = [now, left].map(std::hint::black_box);
        let end = before.unwrap_or_else(|| sum(now, left));
        if asked(task) {
            task.restart.end = Some(end);
        }
        if remain != 0 {
            let left = if before.is_some() { difference(end, now) } else { left };
            let left = Timespec { tv_sec: left[0] as i64, tv_nsec: left[1] as i64 };
            layout::write(task.process.abi.model, remain, left)?;
        }
    }
    result
}

const SECOND: u64 = 1_000_000_000;

fn sum(a: [u64; 2], b: [u64; 2]) -> [u64; 2] {
    let nanoseconds = a[1] + b[1];
    [a[0].saturating_add(b[0]) + nanoseconds / SECOND, nanoseconds % SECOND]
}

/// `a - b`, or zero if that is negative.
fn difference(a: [u64; 2], b: [u64; 2]) -> [u64; 2] {
    let (a, b) = (a.map(u128::from), b.map(u128::from));
    let in_ns = |t: [u128; 2]| t[0] * u128::from(SECOND) + t[1];
    let left = in_ns(a).saturating_sub(in_ns(b));
    [(left / u128::from(SECOND)) as u64, (left % u128::from(SECOND)) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_added_and_subtracted() {
        assert_eq!(sum([1, 999_999_999], [2, 2]), [4, 1]);
        assert_eq!(difference([4, 1], [2, 2]), [1, 999_999_999]);
        assert_eq!(difference([1, 0], [2, 0]), [0, 0]);
    }
}
