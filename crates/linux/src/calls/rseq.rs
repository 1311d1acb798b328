//! Restartable sequences.

use super::{Args, Result};
use crate::task::Task;
use guest::Endian;
use sys::{Errno, raw};

/// `RSEQ_FLAG_UNREGISTER`.
const UNREGISTER: u64 = 1;

/// `rseq(2)`: the host keeps the guest's area, and checks the arguments. The engine sees to the
/// sections of code ([`engine::Cpu::set_rseq`]). What the host writes is in its own order of bytes.
pub(super) fn rseq(task: &mut Task, args: Args) -> Result {
    if task.process.engine.guest().spec().order == Endian::Big {
        return Err(Errno::ENOSYS);
    }
    let [area, len, flags, signature, ..] = args;
    let done = raw::call(libc::SYS_rseq, [area, len, flags, signature])?;
    let registered = (flags != UNREGISTER).then_some((area, signature as u32));
    if !task.cpu.set_rseq(registered) {
        let _ = raw::call(libc::SYS_rseq, [area, len, UNREGISTER, signature]);
        return Err(Errno::ENOMEM);
    }
    Ok(done)
}
