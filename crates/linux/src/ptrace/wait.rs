//! Waiting for children, some of which may be traced.

use super::block::{self, kind, mode, word};
use super::tracer::{Tracee, host, host_continue, option, put, tracees};
use crate::signal::{SYNCHRONOUS, bit};
use crate::task::Task;
use sys::Errno;

const GETSIGINFO: u64 = 0x4202;
const SETSIGINFO: u64 = 0x4203;
const EVENT_EXEC: u32 = 4;
const EVENT_STOP: u32 = 128;

/// `wait4(2)`: stops that are only the emulator's are not shown.
pub(crate) fn wait4(task: &mut Task, args: [u64; 6]) -> Result<u64, Errno> {
    loop {
        let mut status = 0_u32;
        let at = &raw mut status as u64;
        let pid = task.call(libc::SYS_wait4, [args[0], at, args[2], args[3], 0, 0])?;
        let status = memory::read_u32(at)?;
        let shown = match status & 0xff {
            _ if pid == 0 => Some(status),
            0x7f => stopped(pid as i32, status),
            _ => {
                if status != 0xffff {
                    tracees().remove(&(pid as i32));
                }
                Some(status)
            }
        };
        if let Some(status) = shown {
            if args[1] != 0 && pid != 0 {
                memory::write_u32(args[1], status)?;
            }
            return Ok(pid);
        }
    }
}

fn report(signo: u32, event: u32) -> Option<u32> {
    Some((signo | event << 8) << 8 | 0x7f)
}

/// A child has stopped: what the guest is to be told, if anything.
fn stopped(pid: i32, status: u32) -> Option<u32> {
    let (signo, event) = (status >> 8 & 0xff, status >> 16);
    let mut info = [0_u64; 16];
    let known = tracees().contains_key(&pid);
    if host(GETSIGINFO, pid, 0, info.as_mut_ptr() as u64) == Err(Errno::ESRCH) && !known {
        // Not traced: stopped by job control.
        return Some(status);
    }
    let mut tracees = tracees();
    let new = !known;
    let tracee = tracees.entry(pid).or_default();
    tracee.announced = false;
    let info = std::hint::black_box(info);
    if event == EVENT_EXEC {
        // Its new emulator will announce itself.
        tracee.block = 0;
        host_continue(pid, 0);
        return None;
    }
    if event != 0 {
        if new && event == EVENT_STOP {
            return first_stop(pid, tracee, true);
        }
        return Some(status);
    }
    let code = info[1] as i32;
    if signo == libc::SIGTRAP as u32 && code == block::ANNOUNCE {
        return announced(pid, tracee, info[3]);
    }
    let asked = signo == libc::SIGTRAP as u32 && code == block::ASK;
    let own = SYNCHRONOUS & bit(signo as i32) != 0 && code > 0;
    // What the kernel sends after an exec, if it was not told to stop for it: it looks as if sent by
    // the thread itself.
    let sent_by = info[2] as u32;
    if signo == libc::SIGTRAP as u32 && code == 0 && sent_by == pid as u32 && !tracee.exec {
        tracee.block = 0;
        host_continue(pid, 0);
        return None;
    }
    if asked || own || passes(pid, tracee, signo) {
        host_continue(pid, u64::from(signo));
        return None;
    }
    if info[0] as u32 != signo {
        // A group stop: there is no signal any more.
        return Some(status);
    }
    if new && signo == libc::SIGSTOP as u32 && code == 0 && tracee.options == 0 {
        let auto = tracee.block == 0 && info[2] as u32 == 0;
        if auto {
            return first_stop(pid, tracee, false);
        }
    }
    // A signal at any place: it is asked about when the thread is between instructions.
    tracee.waiting = Some(info);
    let question = block::queued(block::ASK, 0);
    let _ = host(SETSIGINFO, pid, 0, question.as_ptr() as u64);
    host_continue(pid, libc::SIGTRAP as u64);
    None
}

/// A child of a traced thread starts, traced: it will announce itself.
fn first_stop(pid: i32, tracee: &mut Tracee, seized: bool) -> Option<u32> {
    tracee.seized = seized;
    tracee.interrupt = seized;
    if !seized {
        let mut info = [0; 16];
        info[0] = libc::SIGSTOP as u64;
        tracee.waiting = Some(info);
    }
    host_continue(pid, 0);
    None
}

/// Whether the thread said that it expects this signal.
fn passes(pid: i32, tracee: &Tracee, signo: u32) -> bool {
    let mut pass = [0];
    let at = tracee.block + 8 * word::PASS as u64;
    if tracee.block == 0 || block::read(pid, at, &mut pass).is_err() || pass[0] != u64::from(signo)
    {
        return false;
    }
    put(pid, tracee, word::PASS, 0).is_ok()
}

/// A thread has stopped itself.
fn announced(pid: i32, tracee: &mut Tracee, at: u64) -> Option<u32> {
    let mut head = [0; word::SEIZED + 1];
    if block::read(pid, at, &mut head).is_err() {
        return None;
    }
    let first = tracee.block == 0;
    tracee.block = at;
    if first && tracee.options == 0 {
        tracee.options = head[word::OPTIONS];
        tracee.seized |= head[word::SEIZED] != 0;
    }
    let signo = head[word::SIGNO] as u32;
    let trap = libc::SIGTRAP as u32;
    tracee.announced = true;
    tracee.signal = if head[word::KIND] == kind::READY { tracee.waiting.take() } else { None };
    let shown = match head[word::KIND] {
        kind::READY => match &tracee.signal {
            Some(info) => report(info[0] as u32, 0),
            None if core::mem::take(&mut tracee.interrupt) => report(trap, EVENT_STOP),
            None => None,
        },
        kind::ENTER | kind::LEAVE if tracee.options & option::SYSGOOD != 0 => {
            report(trap | 0x80, 0)
        }
        kind::EXEC if tracee.options & option::EXEC != 0 => {
            tracee.message = Some(pid as u64);
            report(trap, EVENT_EXEC)
        }
        kind::EXEC if tracee.seized => None,
        _ => report(signo, 0),
    };
    if shown.is_none() {
        let new = [head[word::SIGNO], tracee.mode, 0];
        // It goes on as the tracer wanted it to when it last let it go.
        if head[word::KIND] == kind::READY && tracee.mode != mode::CONTINUE {
            let _ = block::write(pid, at + 8 * word::SIGNO as u64, &new);
        } else {
            let _ = put(pid, tracee, word::SIGNAL, 0);
        }
        let _ = put(pid, tracee, word::OPTIONS, tracee.options);
        let _ = put(pid, tracee, word::SEIZED, u64::from(tracee.seized));
        tracee.announced = false;
        host_continue(pid, 0);
    }
    shown
}
