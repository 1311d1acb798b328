//! Descriptors that come from other processes: what is read of them may be the guest's view of a file
//! of /proc.

use super::{Args, Result};
use crate::proc;
use crate::task::Task;
use std::os::fd::RawFd;
use sys::{Errno, raw};

/// `struct msghdr`: where its control messages are, and their bytes.
const CONTROL: u64 = 32;
const CONTROL_LEN: u64 = 40;
/// `struct mmsghdr`.
const MMSGHDR: u64 = 64;
/// `struct cmsghdr`: length with itself, level, type.
const CMSGHDR: usize = 16;
/// More than the kernel puts into one message.
const CONTROL_MAX: u64 = 1 << 16;

/// `recvmsg(2)`.
pub(super) fn recvmsg(task: &mut Task, args: Args) -> Result {
    let result = task.call(libc::SYS_recvmsg, args)?;
    enter(task, args[1]);
    Ok(result)
}

/// `recvmmsg(2)`.
pub(super) fn recvmmsg(task: &mut Task, args: Args) -> Result {
    let count = task.call(libc::SYS_recvmmsg, args)?;
    (0..count).for_each(|n| enter(task, args[1] + n * MMSGHDR));
    Ok(count)
}

/// `pidfd_getfd(2)`. What the emulator has open is not open for the guest, in other processes either.
pub(super) fn pidfd_getfd(task: &mut Task, args: Args) -> Result {
    let [pidfd, fd, flags, ..] = args;
    if flags as u32 == 0 && proc::is_hidden(task.process, pidfd as RawFd, fd as RawFd) {
        return Err(Errno::EBADF);
    }
    let fd = task.call(libc::SYS_pidfd_getfd, args)?;
    opened(task, fd as RawFd);
    Ok(fd)
}

/// Looks at the descriptors in the message whose header is at `header`.
fn enter(task: &Task, header: u64) {
    let word = |at| memory::read_u64(header + at).unwrap_or(0);
    let len = word(CONTROL_LEN);
    if len < CMSGHDR as u64 || len > CONTROL_MAX {
        return;
    }
    let Ok(control) = memory::read_vec(word(CONTROL), len as usize) else { return };
    rights(&control).for_each(|fd| opened(task, fd));
}

/// The descriptors in control messages.
fn rights(mut control: &[u8]) -> impl Iterator<Item = RawFd> {
    const RIGHTS: [[u8; 4]; 2] = [libc::SOL_SOCKET.to_le_bytes(), libc::SCM_RIGHTS.to_le_bytes()];
    let mut all = Vec::new();
    while let Some((head, _)) = control.split_first_chunk::<CMSGHDR>() {
        let len = u64::from_le_bytes(head[..8].try_into().unwrap_or_default()) as usize;
        let Some(data) = control.get(CMSGHDR..len) else { break };
        if head[8..] == *RIGHTS.as_flattened() {
            let fds = data.chunks_exact(4).filter_map(|fd| fd.try_into().ok());
            all.extend(fds.map(RawFd::from_le_bytes));
        }
        control = control.get(len.next_multiple_of(8)..).unwrap_or_default();
    }
    all.into_iter()
}

fn opened(task: &Task, fd: RawFd) {
    if let (Ok(stat), Ok(flags)) = (raw::fstat(fd), raw::fcntl(fd, libc::F_GETFL, 0)) {
        proc::after_open(task.process, fd, flags as i32, &stat);
    }
}

#[cfg(test)]
mod tests {
    use super::rights;

    #[test]
    fn descriptors_are_found_among_other_messages() {
        let message = |level: i32, kind: i32, data: &[u8]| {
            let mut all = (16 + data.len() as u64).to_le_bytes().to_vec();
            all.extend([level.to_le_bytes(), kind.to_le_bytes()].concat());
            all.extend(data);
            all.resize(all.len().next_multiple_of(8), 0);
            all
        };
        let fds = [7_i32.to_le_bytes(), 9_i32.to_le_bytes(), 11_i32.to_le_bytes()].concat();
        let control =
            [message(1, 2, &[0; 12]), message(1, 1, &fds), message(0, 1, &fds), vec![1; 12]]
                .concat();
        assert_eq!(rights(&control).collect::<Vec<_>>(), [7, 9, 11]);
        // What was cut off, and a length that leads nowhere.
        assert_eq!(rights(&control[32..50]).count(), 0);
        assert_eq!(rights(&[0; 64]).count(), 0);
        assert_eq!(rights(&[0xff; 64]).count(), 0);
    }
}
