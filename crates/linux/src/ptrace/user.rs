//! The requests of older architectures ([`User`]): words and whole sets at an address, without lengths.

use super::block::{self, changed, word};
use super::look::{Direction, abi_of, change, set_of};
use super::tracer::{Result, Tracee, get, put, settle};
use crate::abi::{DEBUG_REGISTERS, User};
use crate::ptrace::set;
use sys::Errno;

const PEEKUSER: u64 = 3;
const POKEUSER: u64 = 6;

/// Serves the request `what` if it is one of these.
pub(super) fn look(
    what: u64,
    pid: i32,
    tracee: &mut Tracee,
    address: u64,
    data: u64,
) -> Result<u64> {
    settle(pid, tracee)?;
    let ptrace = &abi_of(pid, tracee)?.ptrace;
    let user = ptrace.user.ok_or(Errno::EIO)?;
    for &(get, set, kind) in user.requests {
        let direction = match what {
            what if what == get => Direction::Get,
            what if what == set => Direction::Set,
            _ => continue,
        };
        let whole = ptrace.sets.iter().find(|set| set.kind == kind).ok_or(Errno::EIO)?;
        return set_of(direction, pid, tracee, whole, (data, whole.len)).map(|()| 0);
    }
    let wrong = !address.is_multiple_of(8) || address >= user.size;
    match what {
        PEEKUSER | POKEUSER if wrong => Err(Errno::EIO),
        PEEKUSER => {
            let value = word_at(user, pid, tracee, address)?;
            memory::write_u64(data, value)?;
            Ok(0)
        }
        POKEUSER => set_word(user, pid, tracee, address, data).map(|()| 0),
        _ => Err(Errno::EIO),
    }
}

/// The index in a thread's block of a word in the first register set.
fn register(pid: i32, tracee: &Tracee, address: u64) -> Result<Option<usize>> {
    let sets = abi_of(pid, tracee)?.ptrace.sets;
    let first = sets.iter().find(|set| set.kind == set::PRSTATUS && address < set.len as u64);
    Ok(first.map(|set| word::REGISTERS + set.first + address as usize / 8))
}

/// The number of the debug register there.
fn debug_register(user: &User, address: u64) -> Option<usize> {
    let n = address.checked_sub(user.debug)? as usize / 8;
    (n < DEBUG_REGISTERS).then_some(n)
}

fn word_at(user: &User, pid: i32, tracee: &Tracee, address: u64) -> Result<u64> {
    let debug = debug_register(user, address).map(|n| word::HARDWARE + n);
    match register(pid, tracee, address)?.or(debug) {
        Some(index) => Ok(get::<1>(pid, tracee, index)?[0]),
        None => Ok(0),
    }
}

fn set_word(user: &User, pid: i32, tracee: &Tracee, address: u64, value: u64) -> Result<()> {
    if let Some(index) = register(pid, tracee, address)? {
        put(pid, tracee, index, value)?;
        return change(pid, tracee, changed::REGISTERS);
    }
    let n = debug_register(user, address).ok_or(Errno::EIO)?;
    let mut registers = get::<DEBUG_REGISTERS>(pid, tracee, word::HARDWARE)?;
    registers[n] = value;
    if !(user.accepts)(&registers, n) {
        return Err(if n == 4 || n == 5 { Errno::EIO } else { Errno::EINVAL });
    }
    block::write(pid, tracee.block + 8 * word::HARDWARE as u64, &registers)?;
    change(pid, tracee, changed::HARDWARE)
}
