//! `prctl`, and the entry to `seccomp`.

use super::{Args, Result, user_dispatch};
use crate::task::Task;
use crate::{family, seccomp};
use sys::{Errno, raw};

const PR_GET_UNALIGN: i32 = 5;
const PR_SET_UNALIGN: i32 = 6;
const PR_GET_SECCOMP: i32 = 21;
const PR_SET_SECCOMP: i32 = 22;
const PR_SET_MM: i32 = 35;
const PR_SET_MM_BRK: u64 = 7;
const PR_GET_TID_ADDRESS: i32 = 40;
const PR_SET_SYSCALL_USER_DISPATCH: i32 = 59;
const PR_SET_MDWE: i32 = 65;
const PR_GET_MDWE: i32 = 66;
const PR_GET_AUXV: i32 = 0x4155_5856;

/// `PR_SET_MM`: the host's kernel has the guest's addresses, all but the heap's.
fn set_mm(task: &mut Task, args: Args) -> Result {
    const START_BRK: u64 = 6;
    const EXE_FILE: u64 = 13;
    const MAP: u64 = 14;
    /// Size of `struct prctl_mm_map`, and where the heap's start and end are in it.
    const MAP_SIZE: u64 = 104;
    const HEAP: usize = 4 * 8;
    match args[1] {
        // It would change what is told of the emulator. The kernel says whether it may at all be
        // done before it looks at the address.
        START_BRK | PR_SET_MM_BRK | EXE_FILE => refuse_mm(task),
        _ if !task.process.identity.shown => refuse_mm(task),
        MAP if args[3] == MAP_SIZE => {
            let mut map = ::memory::read_vec(args[2], MAP_SIZE as usize)?;
            let heap = raw::call(libc::SYS_brk, [0])?.to_le_bytes();
            map[HEAP..HEAP + 16].copy_from_slice(&[heap, heap].concat());
            if map[100..] != [0xff; 4] {
                return refuse_mm(task);
            }
            let at = map.as_ptr() as u64;
            task.call(libc::SYS_prctl, [args[0], MAP, at, MAP_SIZE, args[4], 0])
        }
        _ => task.call(libc::SYS_prctl, args),
    }
}

fn refuse_mm(task: &mut Task) -> Result {
    task.call(libc::SYS_prctl, [PR_SET_MM as u64, PR_SET_MM_BRK, u64::MAX, 0, 0, 0])
}

/// Whether an option is one that only some architectures have: EINVAL without the feature, which the
/// host cannot know. The counter of x86; floating-point modes of MIPS; vector lengths, keys and tags of Arm; vectors and
/// caches of RISC-V; DEXCR of POWER; shadow stacks.
fn is_architectures(option: i32) -> bool {
    matches!(option, 25..=26 | 45..=46 | 50..=51 | 54..=56 | 60..=61 | 63..=64 | 69..=76)
}

/// `prctl(2)`. What is the architecture's own fails as on a processor without the feature; what
/// would hit the emulator and not the guest is refused.
pub(super) fn prctl(task: &mut Task, args: Args) -> Result {
    family::before_prctl(task, args[0] as i32);
    match args[0] as i32 {
        PR_GET_TID_ADDRESS if task.thread.by_library => {
            ::memory::write_u64(args[1], task.clear_child_tid)?;
            Ok(0)
        }
        PR_GET_AUXV => {
            let auxv = &task.process.identity.auxv;
            if args[3] != 0 || args[4] != 0 {
                return Err(Errno::EINVAL);
            }
            let len = auxv.len().min(args[2] as usize);
            ::memory::write(args[1], &auxv[..len])?;
            Ok(auxv.len() as u64)
        }
        PR_GET_SECCOMP => Ok(task.seccomp.mode()),
        PR_SET_SECCOMP => seccomp::set_mode(task, args[1], args[2]),
        PR_SET_MM => set_mm(task, args),
        PR_GET_UNALIGN | PR_SET_UNALIGN => Err(Errno::EINVAL),
        PR_SET_MDWE | PR_GET_MDWE if args[2..5].iter().any(|&unused| unused != 0) => {
            Err(Errno::EINVAL)
        }
        PR_SET_MDWE => task.process.mm.set_mdwe(args[1]).map(|()| 0),
        PR_GET_MDWE if args[1] != 0 => Err(Errno::EINVAL),
        PR_GET_MDWE => Ok(task.process.mm.mdwe()),
        PR_SET_SYSCALL_USER_DISPATCH => {
            user_dispatch::set(task, [args[1], args[2], args[3], args[4]])
        }
        option if is_architectures(option) => {
            let served = (task.process.abi.prctl)(task, option, args);
            served.unwrap_or(Err(Errno::EINVAL))
        }
        _ => task.call(libc::SYS_prctl, args),
    }
}

/// `seccomp(2)`.
pub(super) fn seccomp(task: &mut Task, args: Args) -> Result {
    family::before_prctl(task, PR_SET_SECCOMP);
    seccomp::seccomp(task, args[0], args[1], args[2])
}
