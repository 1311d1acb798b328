//! `ioctl`: requests and structures of Linux's generic interfaces are the same on arm64 and x86-64.

use super::{Args, Result};
use crate::seccomp;
use crate::task::Task;
use sys::Errno;

/// Type of KVM's requests.
const KVM: u64 = 0xae;

/// `ioctl(2)`.
pub(super) fn ioctl(task: &mut Task, args: Args) -> Result {
    // Requests of KVM have the type in bits 8..16; other drivers do not use it.
    if args[1] >> 8 & 0xff == KVM {
        return Err(Errno::ENOTTY);
    }
    match args[1] & 0xffff_ffff {
        seccomp::request::RECEIVE => seccomp::receive(task, args),
        seccomp::request::SEND => seccomp::send(task, args),
        _ => task.call(libc::SYS_ioctl, args),
    }
}
