//! Requests that look at a stopped thread or change it.

use super::block::{self, InfoWords, changed, kind, word};
use super::hardware;
use super::option;
use super::tracer::{Place, Result, Stop, Tracee, get, host, put, request, settle, tracees};
use crate::abi::{self, Abi, CallNumber, Debug, Regset};
use crate::seccomp;
use crate::signal::UNBLOCKABLE;
use sys::{Errno, raw};

/// Serves the request `what`.
pub(super) fn look(what: u64, pid: i32, address: u64, data: u64) -> Result<u64> {
    let mut tracees = tracees();
    let tracee = tracees.get_mut(&pid).ok_or(Errno::ESRCH)?;
    let stop = tracee.stop.ok_or(Errno::ESRCH)?;
    // That it is (still) stopped, and traced by the calling thread, only the host knows.
    let mut message = 0_u64;
    host(request::GETEVENTMSG, pid, 0, &raw mut message as u64)?;
    match what {
        request::GETEVENTMSG => {
            let message = match stop.place {
                Place::Announced(kind::ENTER) => 1,
                Place::Announced(kind::LEAVE) => 2,
                Place::Announced(kind::SECCOMP) => get::<1>(pid, tracee, word::RESULT)?[0],
                Place::Announced(_) => tracee.message.unwrap_or(0),
                Place::Event | Place::Group => std::hint::black_box(message),
            };
            memory::write_u64(data, message)?;
            Ok(0)
        }
        request::GETSIGINFO => {
            let info = siginfo(pid, tracee, stop)?;
            memory::write(data, &bytes(&info))?;
            Ok(0)
        }
        request::SETSIGINFO => {
            siginfo(pid, tracee, stop)?;
            let mut new = [0; 16];
            new.copy_from_slice(&words(&memory::read_vec(data, 128)?));
            tracee.info = Some(new);
            Ok(0)
        }
        request::GETSIGMASK | request::SETSIGMASK => {
            if address != 8 {
                return Err(Errno::EINVAL);
            }
            settle(pid, tracee)?;
            sigmask(what, pid, tracee, data)
        }
        request::GETREGSET | request::SETREGSET => {
            settle(pid, tracee)?;
            regset(what, pid, tracee, address, data)
        }
        request::GET_SYSCALL_INFO => {
            settle(pid, tracee)?;
            syscall_info(pid, tracee, address, data)
        }
        request::SET_SYSCALL_INFO => {
            settle(pid, tracee)?;
            set_syscall_info(pid, tracee, address, data)
        }
        request::SECCOMP_GET_FILTER | request::SECCOMP_GET_METADATA => {
            // Filters of the host's own there are none, but it knows who may ask.
            if host(request::SECCOMP_GET_FILTER, pid, 0, 0) == Err(Errno::EACCES) {
                return Err(Errno::EACCES);
            }
            settle(pid, tracee)?;
            filter(what, pid, tracee, address, data)
        }
        // The host knows the guest's area.
        request::GET_RSEQ_CONFIGURATION => host(what, pid, address, data),
        _ => super::user::look(what, pid, tracee, address, data),
    }
}

pub(super) fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn words(bytes: &[u8]) -> Vec<u64> {
    let word = |b: &[u8]| b.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    bytes.chunks(8).map(word).collect()
}

/// A siginfo with these and the sender.
fn made(signo: u64, code: u32, pid: u64) -> InfoWords {
    let mut info = [0; 16];
    let user = raw::call::<0>(libc::SYS_getuid, []).unwrap_or(0);
    (info[0], info[1], info[2]) = (signo, u64::from(code), pid | user << 32);
    info
}

/// The siginfo of a signal that the tracer gives in place of another.
pub(super) fn sent_by_tracer(signo: u64) -> InfoWords {
    made(signo, 0, raw::getpid() as u64)
}

/// The siginfo of a stop.
fn siginfo(pid: i32, tracee: &Tracee, stop: Stop) -> Result<InfoWords> {
    if let Some(info) = tracee.info {
        return Ok(info);
    }
    // As kernel/signal.c ptrace_do_notify makes it.
    let notified = made(libc::SIGTRAP as u64, stop.status >> 8, pid as u64);
    match stop.place {
        Place::Announced(kind::ENTER | kind::LEAVE) => Ok(notified),
        Place::Announced(_) if stop.event() != 0 => Ok(notified),
        Place::Announced(kind::READY) if get::<1>(pid, tracee, word::SIGNO)? == [0] => {
            // The first stop of a child: sent by the kernel for it.
            Ok(made(u64::from(stop.status >> 8 & 0xff), 0, 0))
        }
        Place::Announced(_) => get::<16>(pid, tracee, word::INFO),
        Place::Event | Place::Group => {
            let mut info = [0; 16];
            host(request::GETSIGINFO, pid, 0, info.as_mut_ptr() as u64)?;
            Ok(std::hint::black_box(info))
        }
    }
}

fn sigmask(what: u64, pid: i32, tracee: &Tracee, at: u64) -> Result<u64> {
    if what == request::GETSIGMASK {
        let [mask] = get::<1>(pid, tracee, word::MASK)?;
        memory::write_u64(at, mask)?;
    } else {
        put(pid, tracee, word::MASK, memory::read_u64(at)? & !UNBLOCKABLE)?;
        change(pid, tracee, changed::MASK)?;
    }
    Ok(0)
}

pub(super) fn change(pid: i32, tracee: &Tracee, what: u64) -> Result<()> {
    let [before] = get::<1>(pid, tracee, word::CHANGED)?;
    put(pid, tracee, word::CHANGED, before | what)
}

/// A filter, or what else is known of it (kernel/seccomp.c `seccomp_get_filter`,
/// `seccomp_get_metadata`).
fn filter(what: u64, pid: i32, tracee: &Tracee, address: u64, data: u64) -> Result<u64> {
    /// Size of `struct seccomp_metadata`, and of its first word, the filter's number.
    const METADATA: u64 = 16;
    const NUMBER: u64 = 8;
    let metadata = what == request::SECCOMP_GET_METADATA;
    if metadata && address < NUMBER {
        return Err(Errno::EINVAL);
    }
    let index = if metadata { memory::read_u64(data)? } else { address };
    let [at, len] = get::<2>(pid, tracee, word::FILTERS)?;
    if len == 0 {
        return Err(Errno::EINVAL);
    }
    let mut saved = vec![0; len.div_ceil(8) as usize];
    block::read(pid, at, &mut saved)?;
    let saved = bytes(&saved);
    let found = seccomp::nth(&saved[..len as usize], index);
    let (program, flags) = found.ok_or(Errno::ENOENT)?;
    if metadata {
        let size = address.min(METADATA);
        memory::write(data, &bytes(&[index, flags])[..size as usize])?;
        return Ok(size);
    }
    if data != 0 {
        memory::write(data, program)?;
    }
    Ok(program.len() as u64 / 8)
}

/// What is particular to the program of a thread, which may be of another architecture than ours.
pub(super) fn abi_of(pid: i32, tracee: &Tracee) -> Result<&'static Abi> {
    let [arch] = get::<1>(pid, tracee, word::ARCH)?;
    abi::ALL.into_iter().find(|abi| u64::from(abi.audit_arch) == arch).ok_or(Errno::EIO)
}

fn regset(what: u64, pid: i32, tracee: &Tracee, kind: u64, vector: u64) -> Result<u64> {
    let ptrace = &abi_of(pid, tracee)?.ptrace;
    if let Some(debug) = ptrace.debug
        && let Some(which) = debug.kinds.iter().position(|&own| own == kind)
    {
        return debug_registers(what, pid, tracee, (debug, which), vector);
    }
    let number = matches!(ptrace.number, CallNumber::Set(own) if own == kind);
    let set = if number {
        NUMBER
    } else {
        *ptrace.sets.iter().find(|set| set.kind == kind).ok_or(Errno::EINVAL)?
    };
    let (at, room) = (memory::read_u64(vector)?, memory::read_u64(vector + 8)?);
    if room % set.unit as u64 != 0 {
        return Err(Errno::EINVAL);
    }
    let len = set.len.min(room as usize);
    let direction = if what == request::GETREGSET { Direction::Get } else { Direction::Set };
    set_of(direction, pid, tracee, &set, (at, len))?;
    memory::write_u64(vector + 8, len as u64)?;
    Ok(0)
}

/// The set that is the number of a system call alone.
const NUMBER: Regset = Regset { kind: 0, first: 0, len: 4, unit: 4 };

/// Whether the tracer reads a register set or writes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Get,
    Set,
}

/// Copies the first bytes of a register set to the tracer's memory or from it: address and length.
pub(super) fn set_of(
    direction: Direction,
    pid: i32,
    tracee: &Tracee,
    set: &Regset,
    (at, len): (u64, usize),
) -> Result<()> {
    let number = set.kind == NUMBER.kind;
    let first = if number { word::NUMBER } else { word::REGISTERS + set.first };
    let mut present = vec![0; len.div_ceil(8)];
    block::read(pid, tracee.block + 8 * first as u64, &mut present)?;
    let mut present = bytes(&present);
    if direction == Direction::Get {
        return Ok(memory::write(at, &present[..len])?);
    }
    present[..len].copy_from_slice(&memory::read_vec(at, len)?);
    let new = words(&present);
    if !(abi_of(pid, tracee)?.ptrace.accepts)(set.kind, &new) {
        return Err(Errno::EINVAL);
    }
    block::write(pid, tracee.block + 8 * first as u64, &new)?;
    if number { Ok(()) } else { change(pid, tracee, changed::REGISTERS) }
}

/// The sets of breakpoints (`which` is 0) and watchpoints.
fn debug_registers(
    what: u64,
    pid: i32,
    tracee: &Tracee,
    (debug, which): (&Debug, usize),
    vector: u64,
) -> Result<u64> {
    let (at, room) = (memory::read_u64(vector)?, memory::read_u64(vector + 8)?);
    if room % 4 != 0 {
        return Err(Errno::EINVAL);
    }
    let present = hardware::get(pid, tracee, debug, which)?;
    let len = present.len().min(room as usize);
    if what == request::GETREGSET {
        memory::write(at, &present[..len])?;
    } else {
        hardware::put(pid, tracee, debug, which, &memory::read_vec(at, len)?)?;
    }
    memory::write_u64(vector + 8, len as u64)?;
    Ok(0)
}

const ENTRY: u64 = 1;
const EXIT: u64 = 2;
const SECCOMP: u64 = 3;

/// Of a stop at a system call, what kind it is; 0 of others.
fn kind_of_call(tracee: &Tracee) -> u64 {
    let sysgood = tracee.options & option::SYSGOOD != 0;
    match tracee.stop.map(|stop| stop.place) {
        // Without PTRACE_O_TRACESYSGOOD the kernel cannot tell these from others.
        Some(Place::Announced(kind::ENTER)) if sysgood => ENTRY,
        Some(Place::Announced(kind::LEAVE)) if sysgood => EXIT,
        Some(Place::Announced(kind::SECCOMP)) => SECCOMP,
        _ => 0,
    }
}

/// Changes the system call as `struct ptrace_syscall_info` says (kernel/ptrace.c
/// `ptrace_set_syscall_info`).
fn set_syscall_info(pid: i32, tracee: &Tracee, size: u64, at: u64) -> Result<u64> {
    const SIZE: usize = 88;
    if size < SIZE as u64 {
        return Err(Errno::EINVAL);
    }
    let info = words(&memory::read_vec(at, SIZE)?);
    // Kind, a reserved byte and flags.
    let kind = info[0] & 0xffff_ffff;
    if kind == 0 || kind != kind_of_call(tracee) {
        return Err(Errno::EINVAL);
    }
    let (abi, value) = (abi_of(pid, tracee)?, &info[3..]);
    let set = |n: usize, value| put(pid, tracee, word::REGISTERS + n, value);
    if kind == EXIT {
        set(abi.ptrace.result, value[0])?;
        put(pid, tracee, word::RESULT, value[0])?;
        return change(pid, tracee, changed::REGISTERS).map(|()| 0);
    }
    let number = value[0] as i32;
    if i64::from(number) as u64 != value[0] {
        return Err(Errno::ERANGE);
    }
    put(pid, tracee, word::NUMBER, u64::from(number as u32))?;
    // A call that is not made keeps its registers: one of them is the result's.
    if number != -1 {
        for (&n, &argument) in abi.ptrace.args.iter().zip(&value[1..]) {
            set(n, argument)?;
        }
        change(pid, tracee, changed::REGISTERS)?;
    }
    Ok(0)
}

/// `struct ptrace_syscall_info`.
fn syscall_info(pid: i32, tracee: &Tracee, size: u64, at: u64) -> Result<u64> {
    let abi = abi_of(pid, tracee)?;
    let mut regs = vec![0; abi.ptrace.words];
    block::read(pid, tracee.block + 8 * word::REGISTERS as u64, &mut regs)?;
    let args = abi.ptrace.args.map(|n| regs[n]);
    let [number, result] = get::<2>(pid, tracee, word::NUMBER)?;
    let kind = kind_of_call(tracee);
    let data = match kind {
        ENTRY => args.to_vec(),
        EXIT => vec![result, u64::from(Errno::from_ret(result).is_err())],
        SECCOMP => [&args[..], &[result & 0xffff_ffff]].concat(),
        _ => Vec::new(),
    };
    let (pc, sp) = (regs[abi.ptrace.pc], regs[abi.ptrace.sp]);
    let mut out = vec![kind | u64::from(abi.audit_arch) << 32, pc, sp];
    if matches!(kind, ENTRY | SECCOMP) {
        out.push(i64::from(number as i32) as u64);
    }
    out.extend(data);
    // The last field's own size counts.
    let len = match kind {
        EXIT => 33,
        SECCOMP => 84,
        _ => out.len() * 8,
    };
    memory::write(at, &bytes(&out)[..len.min(size as usize)])?;
    Ok(len as u64)
}
