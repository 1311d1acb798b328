//! `arch_prctl(2)`: the bases of FS and GS.

use super::{prctl, slot};
use crate::calls::{Args, Result};
use crate::task::Task;
use ir::state::SLOT_TP;
use sys::Errno;

const ARCH_SET_GS: u32 = 0x1001;
const ARCH_SET_FS: u32 = 0x1002;
const ARCH_GET_FS: u32 = 0x1003;
const ARCH_GET_GS: u32 = 0x1004;
const ARCH_GET_CPUID: u32 = 0x1011;
const ARCH_SET_CPUID: u32 = 0x1012;
const ARCH_GET_XCOMP_SUPP: u32 = 0x1021;
const ARCH_GET_XCOMP_PERM: u32 = 0x1022;
const ARCH_REQ_XCOMP_PERM: u32 = 0x1023;
const ARCH_GET_XCOMP_GUEST_PERM: u32 = 0x1024;
const ARCH_REQ_XCOMP_GUEST_PERM: u32 = 0x1025;
const ARCH_MAP_VDSO_32: u32 = 0x2002;
const ARCH_MAP_VDSO_64: u32 = 0x2003;
/// The end of the addresses that programs have (`TASK_SIZE_MAX`).
const END: u64 = (1 << 47) - 4096;

/// `arch_prctl(2)`.
pub(crate) fn arch_prctl(task: &mut Task, args: Args) -> Result {
    let [option, value, ..] = args;
    match option as u32 {
        ARCH_SET_FS => set_base(task, SLOT_TP.into(), value),
        ARCH_SET_GS => set_base(task, slot::GS, value),
        ARCH_GET_FS => put(value, task.state().int[usize::from(SLOT_TP)]),
        ARCH_GET_GS => put(value, task.state().int[slot::GS]),
        ARCH_GET_XCOMP_SUPP | ARCH_GET_XCOMP_PERM | ARCH_GET_XCOMP_GUEST_PERM => {
            put(value, super::frame::components(task))
        }
        ARCH_GET_CPUID => Ok(u64::from(!prctl::refuses(task, prctl::CPUID))),
        ARCH_SET_CPUID => {
            prctl::refuse(task, prctl::CPUID, value == 0);
            Ok(0)
        }
        ARCH_REQ_XCOMP_PERM | ARCH_REQ_XCOMP_GUEST_PERM => request(value),
        // There is one already.
        ARCH_MAP_VDSO_32 | ARCH_MAP_VDSO_64 => Err(Errno::EEXIST),
        _ => Err(Errno::EINVAL),
    }
}

/// Asks for a component of the state that programs do not have by themselves: the tiles' data (18), and that
/// is not there.
const fn request(component: u64) -> Result {
    if component <= 18 { Err(Errno::EOPNOTSUPP) } else { Err(Errno::EINVAL) }
}

fn set_base(task: &mut Task, slot: usize, value: u64) -> Result {
    if value >= END {
        return Err(Errno::EPERM);
    }
    task.state_mut().int[slot] = value;
    Ok(0)
}

fn put(at: u64, value: u64) -> Result {
    memory::write(at, &value.to_le_bytes())?;
    Ok(0)
}
