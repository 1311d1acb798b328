//! /proc/PID/syscall: which system call a thread is in.

use super::names::{Entry, Owner};
use crate::abi;
use crate::task::Task;
use ir::state::SLOT_PC;
use std::fmt::Write;

/// What the guest reads in `entry`, of which `host` is the host's.
pub(super) fn shown(task: &Task, entry: &Entry, host: &[u8]) -> Option<Vec<u8>> {
    if entry.owner == Owner::Own && entry.number == task.tid as u64 {
        return Some(own(task));
    }
    translated(task, str::from_utf8(host).ok()?)
}

/// The call of the thread that reads this.
fn own(task: &Task) -> Vec<u8> {
    let state = &task.state().int;
    let regs = &task.process.abi.regs;
    let mut out = state[usize::from(regs.number)].to_string();
    let arguments = (0..6).map(|n| task.arg(n));
    for word in arguments.chain([task.sp(), state[usize::from(SLOT_PC)]]) {
        let _ = write!(out, " {word:#x}");
    }
    out.push('\n');
    out.into_bytes()
}

/// The call of another thread, with the guest's number; its stack and program counter are not known,
/// as the host's are the emulator's.
fn translated(task: &Task, host: &str) -> Option<Vec<u8>> {
    let mut words = host.trim_end().split(' ');
    let first = words.next()?;
    let number = match first.parse::<i64>() {
        // It runs, or waits outside of a call.
        Err(_) => return None,
        Ok(-1) => return Some(b"-1 0x0 0x0\n".to_vec()),
        Ok(number) => number as usize,
    };
    let hosts = abi::ALL.into_iter().find(|abi| abi.is_hosts())?;
    let call = hosts.calls.get(number)?;
    let number = task.process.abi.calls.iter().position(|guest| guest == call)?;
    let mut out = number.to_string();
    for word in words.take(6).chain(["0x0"; 2]) {
        let _ = write!(out, " {word}");
    }
    out.push('\n');
    Some(out.into_bytes())
}
