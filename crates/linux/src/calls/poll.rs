//! Waiting for files, with a signal mask for the time of the wait; `epoll`.

use super::{Args, Result};
use crate::layout::{self, EpollEvent, Model, SigsetArgument};
use crate::signal::{self, UNBLOCKABLE};
use crate::task::Task;
use ::memory::MemoryFault;
use core::sync::atomic::Ordering;
use sys::Errno;

/// Most events that are taken at once; what remains is there at the next call.
const MAX_EVENTS: u64 = 1024;
/// `struct epoll_event` of the host: events, perhaps padding, data.
pub(super) const HOST_EVENT: usize = size_of::<libc::epoll_event>();

/// Makes a call during which the signal mask is `mask`.
pub(super) fn with_mask(task: &mut Task, mask: Option<u64>, nr: i64, args: Args) -> Result {
    let Some(mask) = mask else { return task.call(nr, args) };
    let mask = mask & !UNBLOCKABLE;
    task.cpu.set_takes(!mask);
    let result = if signal::pending(task) & !mask != 0 {
        task.cpu.interrupt();
        Err(Errno::EINTR)
    } else {
        task.call(nr, args)
    };
    if result == Err(Errno::EINTR) && task.cpu.pending().load(Ordering::Relaxed) != 0 {
        // The handler runs with this mask, and its return restores the old one.
        task.signals.saved_mask.get_or_insert(task.signals.mask);
        task.signals.mask = mask;
    }
    task.cpu.set_takes(!task.signals.mask);
    result
}

/// The mask at `at`; none if that is 0.
fn mask(task: &Task, at: u64, size: u64) -> core::result::Result<Option<u64>, Errno> {
    if at == 0 { Ok(None) } else { task.read_set(at, size).map(Some) }
}

/// `ppoll(2)`.
pub(super) fn ppoll(task: &mut Task, args: Args) -> Result {
    let mask = mask(task, args[3], args[4])?;
    with_mask(task, mask, libc::SYS_ppoll, args)
}

/// `pselect6(2)`: the last argument points to address and size of the mask.
pub(super) fn pselect6(task: &mut Task, args: Args) -> Result {
    let mask = indirect_mask(task, args[5])?;
    with_mask(task, mask, libc::SYS_pselect6, args)
}

fn indirect_mask(task: &Task, at: u64) -> core::result::Result<Option<u64>, Errno> {
    if at == 0 {
        return Ok(None);
    }
    let SigsetArgument { at, size } = layout::read(task.process.abi.model, at)?;
    mask(task, at, size)
}

/// `io_pgetevents(2)`.
pub(super) fn io_pgetevents(task: &mut Task, args: Args) -> Result {
    let mask = indirect_mask(task, args[5])?;
    with_mask(task, mask, sys::arch::SYS_IO_PGETEVENTS, args)
}

/// The host's structure for the guest's at `at`.
pub(super) fn host_event(
    model: Model,
    at: u64,
) -> core::result::Result<[u8; HOST_EVENT], MemoryFault> {
    let EpollEvent { events, data } = layout::read(model, at)?;
    let mut host = [0; HOST_EVENT];
    host[..4].copy_from_slice(&events.to_ne_bytes());
    host[HOST_EVENT - 8..].copy_from_slice(&data.to_ne_bytes());
    Ok(host)
}

/// `epoll_ctl(2)`.
pub(super) fn epoll_ctl(task: &mut Task, args: Args) -> Result {
    let [epoll, operation, fd, event, ..] = args;
    if operation as i32 == libc::EPOLL_CTL_DEL {
        return task.call(libc::SYS_epoll_ctl, [epoll, operation, fd, 0, 0, 0]);
    }
    let host = host_event(task.process.abi.epoll, event)?;
    let at = host.as_ptr() as u64;
    task.call(libc::SYS_epoll_ctl, [epoll, operation, fd, at, 0, 0])
}

/// `epoll_pwait(2)`.
pub(super) fn epoll_pwait(task: &mut Task, args: Args) -> Result {
    wait(task, libc::SYS_epoll_pwait, args)
}

/// `epoll_pwait2(2)`.
pub(super) fn epoll_pwait2(task: &mut Task, args: Args) -> Result {
    wait(task, libc::SYS_epoll_pwait2, args)
}

fn wait(task: &mut Task, nr: i64, args: Args) -> Result {
    let [epoll, out, max, timeout, set, size] = args;
    let mask = mask(task, set, size)?;
    let max = if max as i32 <= 0 { max } else { (max as i32 as u64).min(MAX_EVENTS) };
    let room = if max as i32 <= 0 { 0 } else { max as usize };
    let mut host = vec![0_u8; room * HOST_EVENT];
    let at = host.as_mut_ptr() as u64;
    let n = with_mask(task, mask, nr, [epoll, at, max, timeout, set, size])? as usize;
    let model = task.process.abi.epoll;
    let len = layout::len::<EpollEvent>(model);
    let mut guest = vec![0_u8; n * len];
    for (to, from) in guest.chunks_exact_mut(len).zip(host.chunks_exact(HOST_EVENT)) {
        let (mut events, mut data) = ([0; 4], [0; 8]);
        events.copy_from_slice(&from[..4]);
        data.copy_from_slice(&from[HOST_EVENT - 8..]);
        let event =
            EpollEvent { events: u32::from_ne_bytes(events), data: u64::from_ne_bytes(data) };
        layout::to_bytes(model, event, to);
    }
    ::memory::write(out, &guest)?;
    Ok(n as u64)
}
