//! What the host's kernel itself shows of the guest's program: `cmdline`, `environ`, `auxv` and the
//! addresses in `stat`, to every process and with everyone's rights.

use crate::identity::Identity;
use sys::raw;

/// Tells the kernel where the guest's arguments, environment, code, data and stack are; false if it
/// does not want to know (built without `CONFIG_CHECKPOINT_RESTORE`).
pub(crate) fn show(identity: &Identity) -> bool {
    const PR_SET_MM_MAP: u64 = 14;
    /// The two halves of the last word: the vector's length, no other file for `exe`.
    const NO_FILE: u64 = 0xffff_ffff << 32;
    // The heap stays the host's: this is what its brk(2) goes by. (The C library that is linked into
    // us only ever asks for more of it.)
    let heap = raw::call(libc::SYS_brk, [0]).unwrap_or(0);
    let id = identity;
    // The kernel refuses a range without bytes.
    let code = if id.code.0 < id.code.1 { id.code } else { (id.start_stack, id.start_stack + 1) };
    // `struct prctl_mm_map`.
    let map = [
        code.0,
        code.1,
        id.data.0,
        id.data.1,
        heap,
        heap,
        id.start_stack,
        id.arg_range.0,
        id.arg_range.1,
        id.env_range.0,
        id.env_range.1,
        id.auxv.as_ptr() as u64,
        id.auxv.len() as u64 | NO_FILE,
    ];
    let args =
        [libc::PR_SET_MM as u64, PR_SET_MM_MAP, map.as_ptr() as u64, size_of_val(&map) as u64];
    raw::call(libc::SYS_prctl, args).is_ok()
}
