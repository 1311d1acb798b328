//! System V semaphores: `struct semid64_ds` has further unused words on some architectures.

use super::{Args, Result};
use crate::abi::Abi;
use crate::layout::{self, SemidDs, SemidDsPadded};
use crate::task::Task;
use ::memory::MemoryFault;
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

/// The guest's structure at `at`.
fn read(abi: &Abi, at: u64) -> core::result::Result<SemidDs, MemoryFault> {
    if !abi.semid_padded {
        return layout::read(abi.model, at);
    }
    let SemidDsPadded { perm, otime, ctime, nsems } = layout::read(abi.model, at)?;
    Ok(SemidDs { perm, otime, ctime, nsems })
}

fn write(abi: &Abi, at: u64, semid: SemidDs) -> core::result::Result<(), MemoryFault> {
    if !abi.semid_padded {
        return layout::write(abi.model, at, semid);
    }
    let SemidDs { perm, otime, ctime, nsems } = semid;
    layout::write(abi.model, at, SemidDsPadded { perm, otime, ctime, nsems })
}

/// `semctl(2)`.
pub(super) fn semctl(task: &mut Task, args: Args) -> Result {
    let [id, number, command, at, ..] = args;
    let abi = task.process.abi;
    let mut host = [0_u64; HOST];
    let with_host = |host: &mut [u64; HOST]| [id, number, command, host.as_mut_ptr() as u64, 0, 0];
    match command as i32 {
        IPC_STAT | SEM_STAT | SEM_STAT_ANY => {
            let result = task.call(libc::SYS_semctl, with_host(&mut host))?;
            write(abi, at, from_host(&host))?;
            Ok(result)
        }
        IPC_SET => {
            let SemidDs { perm, otime, ctime, nsems } = read(abi, at)?;
            host[..PERM].copy_from_slice(&perm);
            (host[OTIME], host[CTIME], host[NSEMS]) = (otime as u64, ctime as u64, nsems);
            task.call(libc::SYS_semctl, with_host(&mut host))
        }
        _ => task.call(libc::SYS_semctl, args),
    }
}
