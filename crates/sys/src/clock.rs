//! The host's clocks, through its vDSO.
#![expect(unsafe_code, reason = "libc's clock_gettime is the way to the vDSO")]

/// Seconds and nanoseconds of `clock`; zeros if the host does not know it.
pub fn now(clock: i32) -> (i64, i64) {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for writing a timespec.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    (time.tv_sec, time.tv_nsec)
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
