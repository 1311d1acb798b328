//! System V semaphores: `struct semid64_ds` has unused words on x86 only.

use super::{Args, Result};
use crate::task::Task;

const IPC_SET: i32 = 1;
const IPC_STAT: i32 = 2;
const SEM_STAT: i32 = 18;
const SEM_STAT_ANY: i32 = 20;

/// Words of the host's structure (x86: permissions 6, time, unused, time, unused, number, unused).
const HOST: usize = 13;
/// Words of the generic one (permissions 6, times 2, number, unused 2).
const GENERIC: usize = 11;
/// Which of the host's words is each generic one.
const WORDS: [usize; 9] = [0, 1, 2, 3, 4, 5, 6, 8, 10];

/// `semctl(2)`.
pub(super) fn semctl(task: &mut Task, args: Args) -> Result {
    let [id, number, command, at, ..] = args;
    let mut host = [0_u64; HOST];
    let with_host = |host: &mut [u64; HOST]| [id, number, command, host.as_mut_ptr() as u64, 0, 0];
    match command as i32 {
        IPC_STAT | SEM_STAT | SEM_STAT_ANY => {
            let result = task.call(libc::SYS_semctl, with_host(&mut host))?;
            let mut out = [0_u8; GENERIC * 8];
            for (bytes, word) in out.chunks_exact_mut(8).zip(WORDS) {
                bytes.copy_from_slice(&host[word].to_le_bytes());
            }
            ::memory::write(at, &out)?;
            Ok(result)
        }
        IPC_SET => {
            for (index, word) in WORDS.into_iter().enumerate() {
                host[word] = ::memory::read_u64(at + 8 * index as u64)?;
            }
            task.call(libc::SYS_semctl, with_host(&mut host))
        }
        _ => task.call(libc::SYS_semctl, args),
    }
}
