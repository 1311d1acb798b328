//! The host's clocks, through its vDSO.
#![expect(unsafe_code, reason = "libc's clock_gettime is the way to the vDSO")]

use std::sync::OnceLock;

/// Seconds and nanoseconds of `clock`; if it cannot be read, zero and a negative error number.
pub fn read(clock: i32) -> (i64, i64) {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for writing a timespec.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        let error = std::io::Error::last_os_error().raw_os_error();
        return (0, -i64::from(error.unwrap_or(libc::EINVAL)));
    }
    (time.tv_sec, time.tv_nsec)
}

/// The host's vDSO's `clock_gettime`, or a function that makes the call: zero, or a negative error
/// number.
pub fn host_function() -> HostClock {
    static FOUND: OnceLock<HostClock> = OnceLock::new();
    *FOUND.get_or_init(|| match crate::vdso::function(b"__vdso_clock_gettime") {
        // SAFETY: this is the signature of the kernel's function of that name.
        Some(at) => unsafe { core::mem::transmute::<usize, HostClock>(at) },
        None => ask_kernel,
    })
}

/// The host's vDSO's `getcpu`, or a function that makes the call.
pub fn host_getcpu() -> HostGetcpu {
    static FOUND: OnceLock<HostGetcpu> = OnceLock::new();
    *FOUND.get_or_init(|| match crate::vdso::function(b"__vdso_getcpu") {
        // SAFETY: this is the signature of the kernel's function of that name.
        Some(at) => unsafe { core::mem::transmute::<usize, HostGetcpu>(at) },
        None => ask_kernel_for_cpu,
    })
}

/// See [`host_getcpu`].
pub type HostGetcpu = unsafe extern "C" fn(*mut u32, *mut u32, *mut core::ffi::c_void) -> i32;

unsafe extern "C" fn ask_kernel_for_cpu(
    cpu: *mut u32,
    node: *mut u32,
    _: *mut core::ffi::c_void,
) -> i32 {
    let args = [cpu as u64, node as u64, 0, 0, 0, 0];
    crate::raw::syscall_ret(libc::SYS_getcpu as u64, args) as i32
}

/// The number of the processor that this thread runs on, and of its node.
pub fn cpu_and_node() -> [u32; 2] {
    let [mut cpu, mut node] = [0; 2];
    // SAFETY: there is room for both.
    unsafe { host_getcpu()(&raw mut cpu, &raw mut node, core::ptr::null_mut()) };
    [cpu, node]
}

/// Whether `clock`, which is of the host's kernel, leaves the vector registers as they are. (Linux is
/// compiled so that it does not use them; other kernels need not be.)
pub fn keeps_vectors(clock: HostClock) -> bool {
    let mut time = [0_u64; 2];
    let numbers =
        [libc::CLOCK_REALTIME, libc::CLOCK_REALTIME_COARSE, libc::CLOCK_MONOTONIC_RAW, -1];
    numbers.iter().all(|&number| {
        let args = [number as u64, time.as_mut_ptr() as u64, 0];
        // SAFETY: it is a function of such arguments, with room for the time.
        unsafe { crate::arch::keeps_vectors(clock as *const () as u64, args) }
    })
}

/// Whether `getcpu` does.
pub fn getcpu_keeps_vectors(getcpu: HostGetcpu) -> bool {
    let mut answers = [0_u64; 2];
    let at = answers.as_mut_ptr() as u64;
    // SAFETY: it is a function of such arguments, with room for both.
    unsafe { crate::arch::keeps_vectors(getcpu as *const () as u64, [at, at + 8, 0]) }
}

/// See [`host_function`].
pub type HostClock = unsafe extern "C" fn(i32, *mut libc::timespec) -> i32;

unsafe extern "C" fn ask_kernel(clock: i32, time: *mut libc::timespec) -> i32 {
    let args = [clock as u64, time as u64, 0, 0, 0, 0];
    crate::raw::syscall_ret(libc::SYS_clock_gettime as u64, args) as i32
}

/// The smallest step of `clock` in nanoseconds; 1 if the host does not say.
pub fn resolution(clock: i32) -> u64 {
    let mut step = libc::timespec { tv_sec: 0, tv_nsec: 1 };
    // SAFETY: the pointer is valid for writing a timespec.
    unsafe { libc::clock_getres(clock, &raw mut step) };
    step.tv_sec as u64 * 1_000_000_000 + step.tv_nsec as u64
}

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
    fn functions_say_zero_or_an_error() {
        for function in [super::host_function(), super::ask_kernel] {
            let mut time = libc::timespec { tv_sec: 0, tv_nsec: -1 };
            // SAFETY: there is room for the time.
            let result = unsafe { function(libc::CLOCK_REALTIME, &raw mut time) };
            assert!(result == 0 && time.tv_sec > 0 && (0..1_000_000_000).contains(&time.tv_nsec));
            // SAFETY: as above.
            assert_eq!(unsafe { function(1234, &raw mut time) }, -libc::EINVAL);
        }
        assert_eq!(super::read(1234), (0, -i64::from(libc::EINVAL)));
    }

    #[test]
    fn linux_keeps_vectors_and_others_are_found_out() {
        assert!(super::keeps_vectors(super::host_function()));
        assert!(super::getcpu_keeps_vectors(super::host_getcpu()));
        unsafe extern "C" fn changes(_: i32, time: *mut libc::timespec) -> i32 {
            let seconds: f64 = std::hint::black_box(2.0);
            // SAFETY: the caller has room for the time.
            unsafe { (*time).tv_sec = (seconds * 1.5) as i64 };
            0
        }
        assert!(!super::keeps_vectors(changes));
    }

    #[test]
    fn the_processor_is_one_of_the_machine() {
        let [cpu, node] = super::cpu_and_node();
        assert!((cpu as usize) < 8192 && node < 1024, "{cpu} {node}");
        let mut asked = [u32::MAX; 2];
        let [cpu, node] = asked.each_mut().map(|word| &raw mut *word);
        // SAFETY: there is room for both.
        assert_eq!(unsafe { super::ask_kernel_for_cpu(cpu, node, core::ptr::null_mut()) }, 0);
        assert!(asked[0] != u32::MAX && asked[1] != u32::MAX);
    }

    #[test]
    fn time_goes_on() {
        let (first, second) =
            (super::now(libc::CLOCK_MONOTONIC), super::now(libc::CLOCK_MONOTONIC));
        assert!(second >= first && first != (0, 0));
    }
}
