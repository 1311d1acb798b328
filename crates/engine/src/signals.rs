//! Host signal dispositions and masks. Masks have bit `signo - 1`.

/// Records `signo` in the current `Cpu` when it arrives. No effect for the five synchronous
/// signals, which are always caught.
pub fn catch(_signo: i32) {
    unimplemented!()
}
/// Lets the host ignore it. No effect for the five synchronous signals.
pub fn ignore(_signo: i32) {
    unimplemented!()
}
/// Gives it the host's default action. For the synchronous signals too: use it before dying.
pub fn default(_signo: i32) {
    unimplemented!()
}
/// Sets the thread's host mask; the synchronous signals stay unblocked.
pub fn set_host_mask(_mask: u64) {
    unimplemented!()
}
/// The thread's host mask.
pub fn host_mask() -> u64 {
    unimplemented!()
}
