//! The host's clocks, through its vDSO.
#![expect(unsafe_code, reason = "libc's clock_gettime is the way to the vDSO")]

/// Seconds and nanoseconds of `clock`; zeros if the host does not know it.
pub fn now(clock: i32) -> (i64, i64) {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for writing a timespec.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    (time.tv_sec, time.tv_nsec)
}

/// Whether [`crate::arch::time_stamp`] tells time: programs may read it, and the kernel itself keeps
/// time by it, which says that all processors agree.
pub fn has_time_stamps() -> bool {
    const PR_GET_TSC: u64 = 25;
    const PR_TSC_ENABLE: i32 = 1;
    const SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let mut mode = 0_i32;
    let asked = crate::raw::call(libc::SYS_prctl, [PR_GET_TSC, &raw mut mode as u64]);
    asked.is_ok()
        && mode == PR_TSC_ENABLE
        && crate::arch::time_stamps_invariant()
        && std::fs::read(SOURCE).is_ok_and(|source| source == b"tsc\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn time_goes_on() {
        let (first, second) =
            (super::now(libc::CLOCK_MONOTONIC), super::now(libc::CLOCK_MONOTONIC));
        assert!(second >= first && first != (0, 0));
    }
}
