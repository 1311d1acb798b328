//! The tracing thread: its requests, and what it knows of those it traces.

use super::block::{self, FP_WORDS, REGS_WORDS, kind, mode, word};
use super::tracee::Traced;
use crate::task::Task;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use sys::{Errno, raw};

type Result<T> = core::result::Result<T, Errno>;

mod request {
    pub(super) const TRACEME: u64 = 0;
    pub(super) const PEEKTEXT: u64 = 1;
    pub(super) const PEEKDATA: u64 = 2;
    pub(super) const POKETEXT: u64 = 4;
    pub(super) const POKEDATA: u64 = 5;
    pub(super) const CONT: u64 = 7;
    pub(super) const KILL: u64 = 8;
    pub(super) const SINGLESTEP: u64 = 9;
    pub(super) const ATTACH: u64 = 16;
    pub(super) const DETACH: u64 = 17;
    pub(super) const SYSCALL: u64 = 24;
    pub(super) const SETOPTIONS: u64 = 0x4200;
    pub(super) const GETEVENTMSG: u64 = 0x4201;
    pub(super) const GETSIGINFO: u64 = 0x4202;
    pub(super) const SETSIGINFO: u64 = 0x4203;
    pub(super) const GETREGSET: u64 = 0x4204;
    pub(super) const SETREGSET: u64 = 0x4205;
    pub(super) const SEIZE: u64 = 0x4206;
    pub(super) const INTERRUPT: u64 = 0x4207;
    pub(super) const LISTEN: u64 = 0x4208;
    pub(super) const PEEKSIGINFO: u64 = 0x4209;
    pub(super) const GETSIGMASK: u64 = 0x420a;
    pub(super) const GET_SYSCALL_INFO: u64 = 0x420e;
}

/// `PTRACE_O_*`.
pub(super) mod option {
    pub(crate) const SYSGOOD: u64 = 1;
    pub(crate) const EXEC: u64 = 0x10;
    /// Those that the host's kernel knows and that mean the same there (not seccomp's).
    pub(crate) const HOST: u64 = 0x10_007e;
}

const NT_PRSTATUS: u64 = 1;
const NT_PRFPREG: u64 = 2;
const NT_ARM_TLS: u64 = 0x401;
const NT_ARM_SYSTEM_CALL: u64 = 0x404;

/// What is known of a traced thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracee {
    /// Its block; 0 = it does not know yet that it is traced.
    pub(super) block: u64,
    /// It has stopped itself (and not at some place of the host).
    pub(super) announced: bool,
    pub(super) options: u64,
    /// The host stops it for an exec.
    pub(super) exec: bool,
    pub(super) seized: bool,
    /// How it is to go on, for when it can be told.
    pub(super) mode: u64,
    /// The siginfo of the signal for which it was asked to stop.
    pub(super) waiting: Option<[u64; 16]>,
    /// The siginfo with which it goes on, if it is not the one that it knows.
    pub(super) signal: Option<[u64; 16]>,
    /// It was asked to stop, for `PTRACE_INTERRUPT` or at its start.
    pub(super) interrupt: bool,
    /// `PTRACE_GETEVENTMSG` for a stop that the host does not know.
    pub(super) message: Option<u64>,
}

static TRACEES: Mutex<BTreeMap<i32, Tracee>> = Mutex::new(BTreeMap::new());

pub(super) fn tracees() -> MutexGuard<'static, BTreeMap<i32, Tracee>> {
    TRACEES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Held over a fork.
pub(crate) fn fork_guard() -> impl Drop {
    tracees()
}

/// The child of a fork traces nobody.
pub(crate) fn forget() {
    tracees().clear();
}

/// The host's ptrace.
pub(super) fn host(request: u64, pid: i32, address: u64, data: u64) -> Result<u64> {
    raw::call(libc::SYS_ptrace, [request, pid as u64, address, data])
}

/// Lets a thread go on without the tracing guest noticing.
pub(super) fn host_continue(pid: i32, signal: u64) {
    let _ = host(request::CONT, pid, 0, signal);
}

/// Asks a running thread to stop where its state is whole.
pub(super) fn ask(pid: i32) -> Result<()> {
    // The thread group: the kernel wants to know it. Tracing threads by thread id is usual.
    let status = raw::read_file(format!("/proc/{pid}/status").as_bytes())?;
    let text = String::from_utf8_lossy(&status);
    let group = text.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok());
    block::send(group.unwrap_or(pid), pid, &block::queued(block::ASK, 0))
}

/// `ptrace(2)`.
pub(crate) fn ptrace(task: &mut Task, args: [u64; 6]) -> Result<u64> {
    let [what, pid, address, data, ..] = args;
    let pid = pid as i32;
    match what {
        request::TRACEME => {
            host(what, 0, 0, 0)?;
            task.trace = Some(Traced::new(0, mode::CONTINUE, false));
            Ok(0)
        }
        request::ATTACH => attach(what, pid, 0),
        request::SEIZE => attach(what, pid, data),
        request::KILL | request::LISTEN | request::PEEKSIGINFO => host(what, pid, address, data),
        request::PEEKTEXT | request::PEEKDATA => host(what, pid, address, data),
        request::POKETEXT | request::POKEDATA => host(what, pid, address, data),
        request::INTERRUPT => {
            let mut tracees = tracees();
            let tracee = tracees.get_mut(&pid).ok_or(Errno::ESRCH)?;
            tracee.interrupt = true;
            ask(pid).map(|()| 0)
        }
        request::CONT | request::SYSCALL | request::SINGLESTEP => resume(what, pid, data),
        request::DETACH => detach(pid, data),
        request::SETOPTIONS => set_options(pid, data),
        _ => look(what, pid, address, data),
    }
}

fn attach(what: u64, pid: i32, options: u64) -> Result<u64> {
    // The host tells of programs that are executed in any case.
    let seized = what == request::SEIZE;
    let host_options = if seized { options & option::HOST | option::EXEC } else { 0 };
    host(what, pid, 0, host_options)?;
    tracees().insert(pid, Tracee { options, seized, exec: seized, ..Tracee::default() });
    Ok(0)
}

fn set_options(pid: i32, options: u64) -> Result<u64> {
    host(request::SETOPTIONS, pid, 0, options & option::HOST | option::EXEC)?;
    let mut tracees = tracees();
    let tracee = tracees.entry(pid).or_default();
    tracee.options = options;
    tracee.exec = true;
    if tracee.block != 0 {
        put(pid, tracee, word::OPTIONS, options)?;
    }
    Ok(0)
}

/// Writes a word of a thread's block.
pub(super) fn put(pid: i32, tracee: &Tracee, index: usize, value: u64) -> Result<()> {
    block::write(pid, tracee.block + 8 * index as u64, &[value])
}

fn get<const N: usize>(pid: i32, tracee: &Tracee, index: usize) -> Result<[u64; N]> {
    let mut out = [0; N];
    block::read(pid, tracee.block + 8 * index as u64, &mut out)?;
    Ok(out)
}

/// The auxiliary vector of a traced thread that has stopped itself before; for /proc.
pub(crate) fn auxv(pid: i32) -> Option<Vec<u8>> {
    const LONGEST: u64 = 4096;
    let tracee = tracees().get(&pid).filter(|tracee| tracee.block != 0)?.clone();
    let [at, len] = get::<2>(pid, &tracee, word::AUXV).ok()?;
    let mut out = vec![0; (len.min(LONGEST) / 8) as usize];
    block::read(pid, at, &mut out).ok()?;
    Some(bytes(&out))
}

fn resume(what: u64, pid: i32, signal: u64) -> Result<u64> {
    if signal > 64 {
        return Err(Errno::EIO);
    }
    let mut tracees = tracees();
    let tracee = tracees.get_mut(&pid).ok_or(Errno::ESRCH)?;
    tracee.mode = match what {
        request::SYSCALL => mode::SYSCALL,
        request::SINGLESTEP => mode::STEP,
        _ => mode::CONTINUE,
    };
    tracee.message = None;
    if tracee.block == 0 {
        if tracee.mode != mode::CONTINUE {
            // It will be told when it asks.
            ask(pid)?;
        }
        return host(request::CONT, pid, 0, signal);
    }
    put(pid, tracee, word::MODE, tracee.mode)?;
    put(pid, tracee, word::OPTIONS, tracee.options)?;
    if tracee.announced {
        if let Some(info) = tracee.signal.take() {
            block::write(pid, tracee.block + 8 * word::INFO as u64, &info)?;
        }
        put(pid, tracee, word::SIGNAL, signal)?;
        tracee.announced = false;
        return host(request::CONT, pid, 0, 0);
    }
    host(request::CONT, pid, 0, signal)
}

fn detach(pid: i32, signal: u64) -> Result<u64> {
    let mut tracees = tracees();
    let tracee = tracees.get(&pid).ok_or(Errno::ESRCH)?;
    if tracee.block != 0 {
        put(pid, tracee, word::DETACHED, 1)?;
        put(pid, tracee, word::MODE, mode::CONTINUE)?;
    }
    let announced = tracee.announced;
    if announced {
        put(pid, tracee, word::SIGNAL, signal)?;
    }
    let result = host(request::DETACH, pid, 0, if announced { 0 } else { signal });
    if result.is_ok() {
        tracees.remove(&pid);
    }
    result
}

/// Requests that look at a stopped thread or change it.
fn look(what: u64, pid: i32, address: u64, data: u64) -> Result<u64> {
    let mut tracees = tracees();
    let tracee = tracees.get_mut(&pid).ok_or(Errno::ESRCH)?;
    match what {
        request::GETEVENTMSG => match tracee.message {
            Some(message) => memory::write_u64(data, message).map(|()| 0).map_err(Errno::from),
            None => host(what, pid, address, data),
        },
        request::GETSIGINFO => {
            let info = match tracee.signal {
                Some(info) => info,
                None if tracee.announced => get::<16>(pid, tracee, word::INFO)?,
                None => return host(what, pid, address, data),
            };
            memory::write(data, &bytes(&info))?;
            Ok(0)
        }
        request::SETSIGINFO => {
            let info = words(&memory::read_vec(data, 128)?);
            let mut new = [0; 16];
            new.copy_from_slice(&info);
            tracee.signal = Some(new);
            Ok(0)
        }
        request::GETSIGMASK => {
            let [mask] = get::<1>(pid, tracee, word::MASK)?;
            memory::write_u64(data, mask)?;
            Ok(0)
        }
        request::GETREGSET => get_regset(pid, tracee, address, data),
        request::SETREGSET => set_regset(pid, tracee, address, data),
        request::GET_SYSCALL_INFO => syscall_info(pid, tracee, address, data),
        _ => Err(Errno::EIO),
    }
}

fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn words(bytes: &[u8]) -> Vec<u64> {
    let word = |b: &[u8]| b.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    bytes.chunks(8).map(word).collect()
}

/// First word and length in bytes of a register set.
fn regset(set: u64) -> Result<(usize, usize)> {
    match set {
        NT_PRSTATUS => Ok((word::REGS, REGS_WORDS * 8)),
        NT_PRFPREG => Ok((word::FP, FP_WORDS * 8)),
        NT_ARM_TLS => Ok((word::TLS, 8)),
        NT_ARM_SYSTEM_CALL => Ok((word::NUMBER, 4)),
        _ => Err(Errno::EINVAL),
    }
}

fn get_regset(pid: i32, tracee: &Tracee, set: u64, vector: u64) -> Result<u64> {
    let (first, len) = regset(set)?;
    let (at, room) = (memory::read_u64(vector)?, memory::read_u64(vector + 8)?);
    let mut out = vec![0; len.div_ceil(8)];
    block::read(pid, tracee.block + 8 * first as u64, &mut out)?;
    let len = len.min(room as usize);
    memory::write(at, &bytes(&out)[..len])?;
    memory::write_u64(vector + 8, len as u64)?;
    Ok(0)
}

fn set_regset(pid: i32, tracee: &Tracee, set: u64, vector: u64) -> Result<u64> {
    let (first, len) = regset(set)?;
    let (at, room) = (memory::read_u64(vector)?, memory::read_u64(vector + 8)?);
    let len = len.min(room as usize);
    let new = words(&memory::read_vec(at, len)?);
    block::write(pid, tracee.block + 8 * first as u64, &new)?;
    put(pid, tracee, word::CHANGED, 1)?;
    memory::write_u64(vector + 8, len as u64)?;
    Ok(0)
}

/// `struct ptrace_syscall_info`.
fn syscall_info(pid: i32, tracee: &Tracee, size: u64, at: u64) -> Result<u64> {
    const AUDIT_ARCH_AARCH64: u64 = 0xc000_00b7;
    let head = get::<{ word::MODE }>(pid, tracee, word::KIND)?;
    let regs = get::<REGS_WORDS>(pid, tracee, word::REGS)?;
    let [number, result] = get::<2>(pid, tracee, word::NUMBER)?;
    let mut out = vec![0, regs[32], regs[31]];
    match head[word::KIND] {
        kind::ENTER if tracee.announced => {
            out[0] = 1;
            out.push(number);
            out.extend(&regs[..6]);
        }
        kind::LEAVE if tracee.announced => {
            out[0] = 2;
            let failed = Errno::from_ret(result).is_err();
            out.extend([result, u64::from(failed)]);
        }
        _ => {}
    }
    // What counts is less than the last word for a result: one byte says that it is an error.
    let len = if out[0] == 2 { 33 } else { out.len() * 8 };
    out[0] |= AUDIT_ARCH_AARCH64 << 32;
    memory::write(at, &bytes(&out)[..len.min(size as usize)])?;
    Ok(len as u64)
}
