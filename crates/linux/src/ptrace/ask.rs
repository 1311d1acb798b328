//! Asking a thread to stop where its state is whole.
//!
//! The question is a SIGTRAP. In a program that has just been executed the emulator cannot be asked
//! before its handler is there, and would die of it. So it is first led from one system call to the
//! next until it has one.

use super::block::{self, InfoWords};
use super::tracer::{Tracee, host, request};
use sys::{Errno, raw};

type Result<T> = core::result::Result<T, Errno>;

/// System calls that a new emulator may make before it can be asked. One that has made more is none.
const CALLS_MAX: u32 = 4096;

/// What must be known of a thread to ask it.
struct Status {
    /// Its thread group: the kernel wants to know it.
    group: i32,
    /// It has a handler for the question.
    ready: bool,
}

fn status(pid: i32) -> Result<Status> {
    let status = raw::read_file(format!("/proc/{pid}/status").as_bytes())?;
    let text = String::from_utf8_lossy(&status);
    let field = |name| text.lines().find_map(|line| line.strip_prefix(name).map(str::trim));
    let caught = field("SigCgt:").and_then(|mask| u64::from_str_radix(mask, 16).ok());
    Ok(Status {
        group: field("Tgid:").and_then(|group| group.parse().ok()).unwrap_or(pid),
        ready: caught.unwrap_or(0) >> (libc::SIGTRAP - 1) & 1 != 0,
    })
}

fn send(group: i32, pid: i32, tracee: &mut Tracee, signal: Option<&InfoWords>) -> Result<()> {
    let question = block::question(signal);
    tracee.asked = Some(question);
    block::send(group, pid, &question)
}

/// Lets a thread that is in the stop for a signal get the question in its place.
fn inject(pid: i32, tracee: &mut Tracee, question: InfoWords) {
    tracee.asked = Some(question);
    let _ = host(request::SETSIGINFO, pid, 0, question.as_ptr() as u64);
    let _ = host(request::CONT, pid, 0, libc::SIGTRAP as u64);
}

/// A thread is in the stop for a SIGTRAP of the kernel's. If it was asked something, that may have been
/// lost, as only one SIGTRAP can wait at a time.
pub(super) fn instead(pid: i32, tracee: &mut Tracee) {
    match tracee.asked {
        Some(question) => inject(pid, tracee, question),
        None => {
            let _ = host(request::CONT, pid, 0, 0);
        }
    }
}

/// Asks a running thread.
pub(super) fn running(pid: i32, tracee: &mut Tracee) -> Result<()> {
    let status = status(pid)?;
    if status.ready {
        return send(status.group, pid, tracee, None);
    }
    tracee.leading.get_or_insert(0);
    if tracee.seized {
        return host(request::INTERRUPT, pid, 0, 0).map(drop);
    }
    // The first stop after PTRACE_ATTACH is still to come.
    Ok(())
}

/// Asks a thread that is in a stop of the host; `signal` is the siginfo of the signal that it was
/// about to get. It goes on.
pub(super) fn stopped(pid: i32, tracee: &mut Tracee, signal: Option<&InfoWords>) {
    if status(pid).is_ok_and(|status| status.ready) {
        if let Some(signal) = signal {
            return inject(pid, tracee, block::question(Some(signal)));
        }
        let _ = running(pid, tracee);
        let _ = host(request::CONT, pid, 0, 0);
        return;
    }
    tracee.held.extend(signal);
    tracee.leading.get_or_insert(0);
    let _ = host(request::SYSCALL, pid, 0, 0);
}

/// A thread that is being led has come to the next system call.
pub(super) fn next_call(pid: i32, tracee: &mut Tracee) {
    let Ok(status) = status(pid) else { return };
    let calls = tracee.leading.map_or(0, |calls| calls + 1);
    if !status.ready && calls < CALLS_MAX {
        tracee.leading = Some(calls);
        let _ = host(request::SYSCALL, pid, 0, 0);
        return;
    }
    tracee.leading = None;
    let mut held = core::mem::take(&mut tracee.held).into_iter();
    if status.ready {
        let _ = send(status.group, pid, tracee, held.next().as_ref());
    }
    for info in held {
        let (signo, _) = block::signo_and_code(&info);
        let _ = raw::call(libc::SYS_tgkill, [status.group, pid, signo].map(|n| n as u64));
    }
    let _ = host(request::CONT, pid, 0, 0);
}
