//! Signals: actions, masks, the alternate stack.

use super::poll::with_mask;
use super::{Args, Result};
use crate::signal::{self, Action, AltStack, SYNCHRONOUS, UNBLOCKABLE, bit, sa};
use crate::task::Task;
use sys::Errno;

/// `rt_sigaction(2)`.
pub(super) fn rt_sigaction(task: &mut Task, args: Args) -> Result {
    let [signo, new, old, size, ..] = args;
    let signo = signo as i32;
    if size != 8 || !(1..=64).contains(&signo) {
        return Err(Errno::EINVAL);
    }
    let abi = task.process.abi;
    let new = if new == 0 { None } else { Some(Action::read(abi, new)?) };
    let before = match new {
        None => task.actions().get(signo),
        Some(_) if bit(signo) & UNBLOCKABLE != 0 => return Err(Errno::EINVAL),
        Some(mut action) => {
            action.flags &= if abi.restorer { sa::KNOWN | sa::RESTORER } else { sa::KNOWN };
            action.mask &= !UNBLOCKABLE;
            task.actions().set(signo, action)
        }
    };
    if old != 0 {
        before.write(abi, old)?;
    }
    Ok(0)
}

/// `rt_sigprocmask(2)`.
pub(super) fn rt_sigprocmask(task: &mut Task, args: Args) -> Result {
    let [how, new, old, size, ..] = args;
    if size != 8 {
        return Err(Errno::EINVAL);
    }
    let before = task.signals.mask;
    if new != 0 {
        let set = task.read_set(new, size)?;
        let mask = match how as i32 {
            libc::SIG_BLOCK => before | set,
            libc::SIG_UNBLOCK => before & !set,
            libc::SIG_SETMASK => set,
            _ => return Err(Errno::EINVAL),
        };
        task.set_mask(mask);
    }
    if old != 0 {
        ::memory::write(old, &before.to_le_bytes())?;
    }
    Ok(0)
}

/// `rt_sigpending(2)`.
pub(super) fn rt_sigpending(task: &mut Task, args: Args) -> Result {
    let [out, size, ..] = args;
    if size > 8 {
        return Err(Errno::EINVAL);
    }
    let mut set = [0_u8; 8];
    task.call(libc::SYS_rt_sigpending, [set.as_mut_ptr() as u64, 8, 0, 0, 0, 0])?;
    let set = u64::from_le_bytes(set) | signal::pending(task) & task.signals.mask;
    ::memory::write(out, &set.to_le_bytes()[..size as usize])?;
    Ok(0)
}

/// `rt_sigsuspend(2)`.
pub(super) fn rt_sigsuspend(task: &mut Task, args: Args) -> Result {
    let mask = task.read_set(args[0], args[1])?;
    with_mask(task, Some(mask), libc::SYS_rt_sigsuspend, args)
}

/// `rt_sigtimedwait(2)`.
pub(super) fn rt_sigtimedwait(task: &mut Task, args: Args) -> Result {
    let set = task.read_set(args[0], args[3])?;
    if set & SYNCHRONOUS == 0 {
        return task.call(libc::SYS_rt_sigtimedwait, args);
    }
    signal::wait(task, set, args)
}

/// `signalfd4(2)`.
pub(super) fn signalfd4(task: &mut Task, args: Args) -> Result {
    let set = task.read_set(args[1], args[2])?;
    let fd = task.call(libc::SYS_signalfd4, args)?;
    task.actions().watch(set);
    Ok(fd)
}

/// `sigaltstack(2)`.
pub(super) fn sigaltstack(task: &mut Task, args: Args) -> Result {
    let [new, old, ..] = args;
    let abi = task.process.abi;
    let (before, sp) = (task.signals.alt_stack, task.sp());
    if new != 0 {
        let new = AltStack::read(abi.model, new)?;
        signal::set_alt_stack(task, new, sp, abi.min_sigstack)?;
    }
    if old != 0 {
        before.write(abi.model, old, before.status(sp))?;
    }
    Ok(0)
}

/// `rt_sigreturn(2)`: gives what is the result register's value now.
pub(super) fn rt_sigreturn(task: &mut Task, _: Args) -> Result {
    signal::sigreturn(task);
    let slot = task.process.abi.regs.result;
    Ok(task.state().int[slot as usize])
}
