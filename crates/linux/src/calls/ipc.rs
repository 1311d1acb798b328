//! System V semaphores: `struct semid64_ds` has further unused words on some hosts.

use super::{Args, Result};
use crate::layout::{self, SemidDs};
use crate::task::Task;
use sys::arch::semid::{CTIME, NSEMS, OTIME, WORDS as HOST};

const IPC_SET: i32 = 1;
const IPC_STAT: i32 = 2;
const SEM_STAT: i32 = 18;
const SEM_STAT_ANY: i32 = 20;

/// Words of `struct ipc_perm`.
const PERM: usize = 6;

fn from_host(host: &[u64; HOST]) -> SemidDs {
    let mut perm = [0; PERM];
    perm.copy_from_slice(&host[..PERM]);
    let [otime, ctime] = [OTIME, CTIME].map(|n| host[n] as i64);
    SemidDs { perm, otime, ctime, nsems: host[NSEMS] }
}

/// `semctl(2)`.
pub(super) fn semctl(task: &mut Task, args: Args) -> Result {
    let [id, number, command, at, ..] = args;
    let model = task.process.abi.model;
    let mut host = [0_u64; HOST];
    let with_host = |host: &mut [u64; HOST]| [id, number, command, host.as_mut_ptr() as u64, 0, 0];
    match command as i32 {
        IPC_STAT | SEM_STAT | SEM_STAT_ANY => {
            let result = task.call(libc::SYS_semctl, with_host(&mut host))?;
            layout::write(model, at, from_host(&host))?;
            Ok(result)
        }
        IPC_SET => {
            let SemidDs { perm, otime, ctime, nsems } = layout::read(model, at)?;
            host[..PERM].copy_from_slice(&perm);
            (host[OTIME], host[CTIME], host[NSEMS]) = (otime as u64, ctime as u64, nsems);
            task.call(libc::SYS_semctl, with_host(&mut host))
        }
        _ => task.call(libc::SYS_semctl, args),
    }
}
