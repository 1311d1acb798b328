//! `SECCOMP_RET_USER_NOTIF`: another process decides about a call.
//!
//! The host's kernel does that itself: it has a filter that notifies of one call that neither guests
//! nor we ever make and that has no arguments ([`CARRIER`]). A guest's call that is to be decided
//! about makes that call in its stead, with the guest's arguments and, in the upper bits of the last
//! one, the guest's number. Who listens gets the guest's view of it.

use super::action;
use crate::task::Task;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use sys::{Errno, raw};

type Result = core::result::Result<u64, Errno>;

/// The call that carries a guest's.
const CARRIER: i64 = sys::arch::SYS_WITHOUT_ARGUMENTS;
/// Of the last argument, the bits that are the guest's.
const ARGUMENT_BITS: u32 = 48;
/// The result that means: the call is to be made. (The kernel's own way would make the carrier.)
const CONTINUE: u64 = 0x0061_6e79_6172_6368;

/// Requests to a listener.
pub(crate) mod request {
    pub(crate) const RECEIVE: u64 = 0xc050_2100;
    pub(crate) const SEND: u64 = 0xc018_2101;
}

/// Notifications of calls that are no carriers: those of programs of the host.
static FOREIGN: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// Has the host's kernel notify of carriers: a listener.
///
/// # Errors
/// The kernel's: `EBUSY` if there is a listener already.
pub(super) fn listen(flags: u64) -> Result {
    const LOAD_NUMBER: u64 = 0x20;
    const EQUAL: u64 = 0x15;
    const RETURN: u64 = 0x06;
    let code =
        |code: u64, jt: u64, jf: u64, k: u32| code | jt << 16 | jf << 24 | u64::from(k) << 32;
    let program = [
        code(LOAD_NUMBER, 0, 0, 0),
        code(EQUAL, 0, 1, CARRIER as u32),
        code(RETURN, 0, 0, action::USER_NOTIF),
        code(RETURN, 0, 0, action::ALLOW),
    ];
    super::host_filter(flags, &program)
}

/// Has somebody decide about a call. Ok(None) if it is to be made.
pub(super) fn ask(
    task: &Task,
    nr: u64,
    mut args: [u64; 6],
) -> core::result::Result<Option<u64>, Errno> {
    args[5] = args[5] & ((1 << ARGUMENT_BITS) - 1) | nr << ARGUMENT_BITS;
    let result = task.call(CARRIER, args)?;
    Ok((result != CONTINUE).then_some(result))
}

/// `SECCOMP_IOCTL_NOTIF_RECV`: shows the guest's call in place of its carrier.
pub(crate) fn receive(task: &Task, args: [u64; 6]) -> Result {
    const ID: u64 = 0;
    const NUMBER: u64 = 16;
    const ARCH: u64 = 20;
    const LAST: u64 = 72;
    let result = task.call(libc::SYS_ioctl, args)?;
    let at = args[2];
    if i64::from(memory::read_u32(at + NUMBER)?) != CARRIER {
        let mut foreign = FOREIGN.lock().unwrap_or_else(PoisonError::into_inner);
        foreign.insert(memory::read_u64(at + ID)?);
        return Ok(result);
    }
    let last = memory::read_u64(at + LAST)?;
    let unused = 64 - ARGUMENT_BITS;
    memory::write_u32(at + NUMBER, (last >> ARGUMENT_BITS) as u32)?;
    memory::write_u32(at + ARCH, task.process.abi.audit_arch)?;
    memory::write_u64(at + LAST, ((last << unused) as i64 >> unused) as u64)?;
    Ok(result)
}

/// `SECCOMP_IOCTL_NOTIF_SEND`: "make the call" is said by a result.
pub(crate) fn send(task: &Task, args: [u64; 6]) -> Result {
    const FLAG_CONTINUE: u32 = 1;
    let mut answer: [u64; 3] = core::array::from_fn(|_| 0);
    for (n, word) in answer.iter_mut().enumerate() {
        *word = memory::read_u64(args[2] + 8 * n as u64)?;
    }
    let [id, value, rest] = answer;
    let (error, flags) = (rest as u32, (rest >> 32) as u32);
    let foreign = FOREIGN.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    if foreign || flags != FLAG_CONTINUE || error != 0 || value != 0 {
        return task.call(libc::SYS_ioctl, args);
    }
    let answer = [id, CONTINUE, 0];
    let at = answer.as_ptr() as u64;
    raw::call(libc::SYS_ioctl, [args[0], args[1], at])
}
