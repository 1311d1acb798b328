//! Host signal dispositions and masks. Masks have bit `signo - 1`.

use crate::fault::{SYNCHRONOUS, SYNCHRONOUS_MASK, on_asynchronous};
use sys::signal::{Disposition, set_disposition};

fn set(signo: i32, disposition: Disposition) {
    // SAFETY: the one handler used here only writes to its thread's processor.
    unsafe { set_disposition(signo, disposition) };
}

/// Records `signo` in the current `Cpu` when it arrives. No effect for the five synchronous
/// signals, which are always caught.
pub fn catch(signo: i32) {
    if !SYNCHRONOUS.contains(&signo) {
        set(signo, Disposition::Handler(on_asynchronous));
    }
}

/// Lets the host ignore it. No effect for the five synchronous signals.
pub fn ignore(signo: i32) {
    if !SYNCHRONOUS.contains(&signo) {
        set(signo, Disposition::Ignore);
    }
}

/// Gives it the host's default action. No effect for the five synchronous signals; see
/// [`die_by_default`].
pub fn default(signo: i32) {
    if !SYNCHRONOUS.contains(&signo) {
        set(signo, Disposition::Default);
    }
}

/// Dies of `signo` by the host's default action, if that is to die (else returns).
pub fn die_by_default(signo: i32) {
    set(signo, Disposition::Default);
    sys::signal::set_mask(!(1 << (signo - 1)));
    sys::signal::raise(signo);
}

/// Sets the thread's host mask; the synchronous signals stay unblocked.
pub fn set_host_mask(mask: u64) {
    sys::signal::set_mask(mask & !SYNCHRONOUS_MASK);
}

/// The thread's host mask.
pub fn host_mask() -> u64 {
    sys::signal::mask()
}
