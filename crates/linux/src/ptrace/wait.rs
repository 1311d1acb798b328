//! Waiting for children, some of which may be traced.

use super::block::{self, InfoWords, kind, word};
use super::tracer::{Place, Stop, Tracee, go_on, host, put, request, tracees};
use super::{ask, option};
use crate::signal::{SYNCHRONOUS, bit};
use crate::task::Task;
use sys::{Errno, raw};

type Result<T> = core::result::Result<T, Errno>;

/// `PTRACE_EVENT_*`.
const EVENT_EXEC: u32 = 4;
const EVENT_SECCOMP: u32 = 7;
pub(super) const EVENT_STOP: u32 = 128;

const TRAP: u32 = libc::SIGTRAP as u32;

/// `si_pid` and `si_status` of SIGCHLD, in words of 32 bits.
const PID: usize = 4;
const STATUS: usize = 6;

/// `wait4(2)`: stops that are only the emulator's are not shown.
pub(crate) fn wait4(task: &mut Task, args: [u64; 6]) -> Result<u64> {
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

/// `waitid(2)`: as [`wait4`]. What there is, is looked at before it is taken, as the guest may only
/// want to look.
pub(crate) fn waitid(task: &mut Task, args: [u64; 6]) -> Result<u64> {
    const P_PID: u64 = libc::P_PID as u64;
    let [kind, id, out, options, usage, _] = args;
    let look = libc::WNOWAIT as u64;
    loop {
        let mut info = [0_u32; 32];
        let at = info.as_mut_ptr() as u64;
        task.call(libc::SYS_waitid, [kind, id, at, options | look, usage, 0])?;
        let mut info = std::hint::black_box(info);
        let (code, pid) = (info[2] as i32, info[PID]);
        if matches!(code, libc::CLD_TRAPPED | libc::CLD_STOPPED) && pid != 0 {
            let Some(shown) = stopped(pid as i32, info[STATUS] << 8 | 0x7f) else { continue };
            info[STATUS] = shown >> 8;
        }
        if options & look == 0 && pid != 0 {
            let all = (libc::__WALL | libc::WNOHANG) as u64 | options;
            let mut taken = [0_u32; 32];
            let at = taken.as_mut_ptr() as u64;
            let result = raw::call(libc::SYS_waitid, [P_PID, u64::from(pid), at, all, usage, 0]);
            let taken = std::hint::black_box(taken);
            if result.is_err() || taken[PID] != pid || taken[2] as i32 != code {
                // Another thread was faster.
                continue;
            }
            if matches!(code, libc::CLD_EXITED | libc::CLD_KILLED | libc::CLD_DUMPED) {
                tracees().remove(&(pid as i32));
            }
        }
        if out != 0 {
            let bytes: Vec<u8> = info.iter().flat_map(|word| word.to_le_bytes()).collect();
            // What is there is all that the kernel writes.
            memory::write(out, &bytes[..28])?;
        }
        return Ok(0);
    }
}

fn report(signo: u32, event: u32) -> Option<u32> {
    Some((signo | event << 8) << 8 | 0x7f)
}

/// Looks whether `pid`, which the guest knows to be running, has stopped in the meantime. A stop that is only
/// the emulator's is over then: to the kernel it is one, and the guest could end it by mistake.
pub(super) fn look(pid: i32) {
    let running = |tracee: &Tracee| tracee.stop.is_none();
    while tracees().get(&pid).is_some_and(running) {
        let Ok(info) = peek(pid, libc::WSTOPPED | libc::WNOHANG) else { return };
        if info[PID] != pid as u32 {
            return;
        }
        stopped(pid, info[STATUS] << 8 | 0x7f);
    }
}

/// What there is to be told of thread `pid`, as siginfo in words; it remains to be told.
fn peek(pid: i32, options: i32) -> Result<[u32; 32]> {
    let mut info = [0; 32];
    let options = (options | libc::WNOWAIT | libc::__WALL) as u64;
    let args = [libc::P_PID as u64, pid as u64, info.as_mut_ptr() as u64, options, 0];
    raw::call(libc::SYS_waitid, args)?;
    Ok(std::hint::black_box(info))
}

/// A child has stopped: what the guest is to be told, if anything.
fn stopped(pid: i32, status: u32) -> Option<u32> {
    let mut tracees = tracees();
    if let Some(stop) = tracees.get(&pid).and_then(|tracee| tracee.stop) {
        // It was looked at before.
        return Some(stop.status);
    }
    let mut info: InfoWords = [0; 16];
    let asked = host(request::GETSIGINFO, pid, 0, info.as_mut_ptr() as u64);
    let info = std::hint::black_box(info);
    if asked == Err(Errno::ESRCH) && !tracees.contains_key(&pid) {
        // Not traced: stopped by job control.
        return Some(status);
    }
    if status >> 16 == EVENT_EXEC {
        let former = event_message(pid).unwrap_or(0);
        if former != pid as u64
            && let Some(tracee) = tracees.remove(&(former as i32))
        {
            tracees.insert(pid, tracee);
        }
        tracees.entry(pid).or_default().executed = Some(former);
    }
    let unaware = tracees.values().any(|tracee| tracee.block == 0 && tracee.options != 0);
    let new = !tracees.contains_key(&pid);
    let tracee = tracees.entry(pid).or_default();
    (tracee.message, tracee.info) = (None, None);
    let (status, place) = if new && is_first(status, &info) {
        first_stop(pid, tracee, status >> 16 == EVENT_STOP, unaware);
        return None;
    } else {
        examine(pid, tracee, status, &info)?
    };
    tracee.stop = Some(Stop { status, place });
    Some(status)
}

fn event_message(pid: i32) -> Result<u64> {
    let mut message = 0_u64;
    host(request::GETEVENTMSG, pid, 0, &raw mut message as u64)?;
    Ok(std::hint::black_box(message))
}

/// Waits until a thread that was asked to stop has done so.
pub(super) fn until_ready(pid: i32, tracee: &mut Tracee) -> Result<()> {
    loop {
        let mut status = 0_u32;
        let info = peek(pid, libc::WEXITED | libc::WSTOPPED)?;
        if !matches!(info[2] as i32, libc::CLD_TRAPPED | libc::CLD_STOPPED) {
            // It has died; that is still to be told.
            return Err(Errno::ESRCH);
        }
        let args = [pid as u64, &raw mut status as u64, libc::__WALL as u64, 0];
        raw::call(libc::SYS_wait4, args)?;
        let status = std::hint::black_box(status);
        let mut info: InfoWords = [0; 16];
        let _ = host(request::GETSIGINFO, pid, 0, info.as_mut_ptr() as u64);
        let info = std::hint::black_box(info);
        let announced = block::signo_and_code(&info) == (libc::SIGTRAP, block::ANNOUNCE);
        if announced && status >> 16 == 0 {
            (tracee.block, tracee.asked) = (info[3], None);
            return Ok(());
        }
        // A signal of the emulator's, or one that can wait.
        examine(pid, tracee, status, &info);
    }
}

/// Waits for the stop that `PTRACE_INTERRUPT` makes, of a thread that does nothing else before.
pub(super) fn until_trapped(pid: i32) -> Result<()> {
    let mut status = 0_u32;
    let info = peek(pid, libc::WEXITED | libc::WSTOPPED)?;
    if !matches!(info[2] as i32, libc::CLD_TRAPPED | libc::CLD_STOPPED) {
        // It was killed; that is still to be told.
        return Err(Errno::ESRCH);
    }
    let args = [pid as u64, &raw mut status as u64, libc::__WALL as u64, 0];
    raw::call(libc::SYS_wait4, args).map(drop)
}

/// The stop with which a child of a traced thread starts.
fn is_first(status: u32, info: &InfoWords) -> bool {
    let (signo, event) = (status >> 8 & 0xff, status >> 16);
    let by_kernel = block::signo_and_code(info) == (libc::SIGSTOP, 0) && info[2] as u32 == 0;
    event == EVENT_STOP || event == 0 && signo == libc::SIGSTOP as u32 && by_kernel
}

/// A child of a traced thread starts, traced: it will stop itself.
fn first_stop(pid: i32, tracee: &mut Tracee, seized: bool, unaware: bool) {
    (tracee.seized, tracee.interrupt, tracee.first) = (seized, seized, !seized);
    if unaware {
        let _ = ask::running(pid, tracee);
    }
    let _ = host(request::CONT, pid, 0, 0);
}

/// A traced thread has stopped on the host: what is shown of it, and where it is. If nothing is
/// shown, it goes on.
fn examine(pid: i32, tracee: &mut Tracee, status: u32, info: &InfoWords) -> Option<(u32, Place)> {
    let (signo, event) = (status >> 8 & 0xff, status >> 16);
    let (of_info, code) = block::signo_and_code(info);
    if event == EVENT_EXEC {
        // A new emulator. If the old one has known of us, it will stop itself.
        let known = core::mem::take(&mut tracee.block) != 0;
        if known {
            let _ = host(request::CONT, pid, 0, 0);
        } else {
            ask::stopped(pid, tracee, None);
        }
        return None;
    }
    let trap_of_call = event == 0 && of_info == libc::SIGTRAP && code == libc::SIGTRAP;
    if tracee.leading.is_some() && (event == EVENT_STOP || trap_of_call) {
        ask::next_call(pid, tracee);
        return None;
    }
    if event != 0 {
        let place = if event == EVENT_STOP { Place::Group } else { Place::Event };
        return Some((status, place));
    }
    if signo == TRAP && code == block::ANNOUNCE {
        return announced(pid, tracee, info[3]);
    }
    let asked = signo == TRAP && code == block::ASK;
    let own = SYNCHRONOUS & bit(signo as i32) != 0 && code > 0;
    // What the kernel sends after an exec, if it was not told to stop for it: it looks as if sent by
    // the thread itself.
    let by_itself = info[2] as u32 == pid as u32;
    if signo == TRAP && code == 0 && by_itself && !tracee.exec {
        tracee.block = 0;
        ask::instead(pid, tracee);
        return None;
    }
    if asked || own || passes(pid, tracee, signo) {
        let _ = host(request::CONT, pid, 0, u64::from(signo));
        return None;
    }
    if of_info as u32 != signo {
        // A group stop: there is no signal any more.
        return Some((status, Place::Group));
    }
    // A signal at any place: it is shown when the thread is between instructions.
    ask::stopped(pid, tracee, Some(info));
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
fn announced(pid: i32, tracee: &mut Tracee, at: u64) -> Option<(u32, Place)> {
    let mut head = [0; word::OPTIONS + 1];
    block::read(pid, at, &mut head).ok()?;
    let first = tracee.block == 0;
    (tracee.block, tracee.stopping, tracee.asked) = (at, false, None);
    if first && tracee.options == 0 {
        tracee.options = head[word::OPTIONS];
    }
    let kind = head[word::KIND];
    let shown = shown(pid, tracee, kind, head[word::SIGNO] as u32);
    if shown.is_none() {
        go_on(pid, tracee);
    }
    shown.map(|status| (status, Place::Announced(kind)))
}

fn shown(pid: i32, tracee: &mut Tracee, why: u64, signo: u32) -> Option<u32> {
    let executed =
        if matches!(why, kind::EXEC | kind::READY) { tracee.executed.take() } else { None };
    match why {
        kind::EXEC => exec(pid, tracee, executed),
        kind::READY if signo != 0 => report(signo, 0),
        kind::READY if executed.is_some() => exec(pid, tracee, executed),
        kind::READY if core::mem::take(&mut tracee.first) => report(libc::SIGSTOP as u32, 0),
        kind::READY if core::mem::take(&mut tracee.interrupt) => report(TRAP, EVENT_STOP),
        kind::READY => None,
        kind::ENTER | kind::LEAVE if tracee.options & option::SYSGOOD != 0 => {
            report(TRAP | 0x80, 0)
        }
        kind::SECCOMP => report(TRAP, EVENT_SECCOMP),
        _ => report(signo, 0),
    }
}

/// It runs a new program.
fn exec(pid: i32, tracee: &mut Tracee, former: Option<u64>) -> Option<u32> {
    if tracee.options & option::EXEC != 0 {
        tracee.message = Some(former.unwrap_or(pid as u64));
        report(TRAP, EVENT_EXEC)
    } else if tracee.seized {
        None
    } else {
        report(TRAP, 0)
    }
}
