//! Host signal dispositions and masks. Masks have bit `signo - 1`.

use crate::fault::{SYNCHRONOUS, SYNCHRONOUS_MASK, on_asynchronous};
use core::sync::atomic::{AtomicBool, Ordering};
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

/// A process died by the default action of a synchronous signal. If it shared its actions (`CLONE_SIGHAND`),
/// it has taken the handler from those that live on.
static DIED: AtomicBool = AtomicBool::new(false);

/// After a child's end: puts handlers back that it may have taken away.
pub fn after_child() {
    if DIED.load(Ordering::Relaxed) && DIED.swap(false, Ordering::Relaxed) {
        catch_synchronous();
    }
}

/// Dies of `signo` by the host's default action, if that is to die (else returns).
pub fn die_by_default(signo: i32) {
    DIED.store(true, Ordering::Relaxed);
    set(signo, Disposition::Default);
    sys::signal::set_mask(!(1 << (signo - 1)));
    sys::signal::raise(signo);
}

/// Dies of `signo` as its default action would have it, even where the kernel protects the process from
/// that: as the first one of a namespace it dies only of what its own instructions raise.
pub fn die_by_instruction(signo: i32) {
    set(signo, Disposition::Default);
    sys::signal::set_mask(!(1 << (signo - 1)));
    sys::signal::raise_by_instruction(signo);
}

/// Lets the program that is executed next ignore the synchronous signals `signals`. Nothing of the guest
/// may run until [`catch_synchronous`], or until then.
pub fn ignore_synchronous(signals: u64) {
    for signo in SYNCHRONOUS.into_iter().filter(|signo| signals >> (signo - 1) & 1 != 0) {
        set(signo, Disposition::Ignore);
    }
}

/// Undoes [`ignore_synchronous`].
pub fn catch_synchronous() {
    crate::fault::install();
}

/// Blocks all signals, the synchronous ones too: until the mask is set again, no fault can be handled.
pub fn block_all() {
    sys::signal::set_mask(u64::MAX);
}

/// Sets the thread's host mask, with the synchronous signals `blocked`. While one of them is blocked no
/// fault can be handled.
pub fn set_host_mask_blocking(mask: u64, blocked: u64) {
    sys::signal::set_mask(mask & !SYNCHRONOUS_MASK | blocked & SYNCHRONOUS_MASK);
}

/// Sets the thread's host mask; the synchronous signals stay unblocked.
pub fn set_host_mask(mask: u64) {
    sys::signal::set_mask(mask & !SYNCHRONOUS_MASK);
}

/// The thread's host mask.
pub fn host_mask() -> u64 {
    sys::signal::mask()
}
