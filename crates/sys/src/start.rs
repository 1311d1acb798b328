//! How the binary starts: without the start-up code of Rust's standard library.
//!
//! That ignores SIGPIPE, handles SIGSEGV and SIGBUS on a stack of its own, and opens /dev/null where
//! a standard descriptor is closed. A guest program needs the opposite of all that, and each start
//! of one would pay for it.
#![expect(unsafe_code, reason = "reads the arguments that the kernel gave")]

use crate::raw;
use core::ffi::{CStr, c_char};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::os::fd::{AsRawFd, IntoRawFd};

static COUNT: AtomicUsize = AtomicUsize::new(0);
static ARGUMENTS: AtomicPtr<*const c_char> = AtomicPtr::new(core::ptr::null_mut());

/// Makes `$run`, a `fn() -> u8`, the program: its result is the exit code. The crate has the attribute
/// `no_main`.
#[macro_export]
macro_rules! program {
    ($run:path) => {
        // SAFETY: with `no_main` there is no other function of this name.
        #[unsafe(no_mangle)]
        extern "C" fn main(count: i32, arguments: *const *const core::ffi::c_char) -> i32 {
            $crate::start::program(count, arguments, $run)
        }
    };
}

/// For [`program!`] only.
#[doc(hidden)]
pub fn program(count: i32, arguments: *const *const c_char, run: fn() -> u8) -> i32 {
    COUNT.store(count as usize, Ordering::Relaxed);
    ARGUMENTS.store(arguments.cast_mut(), Ordering::Relaxed);
    // (That writes what is left in the buffer of the standard output.)
    std::process::exit(i32::from(run()))
}

/// The arguments as they were given, the program's name first. None in a test.
pub fn arguments() -> impl Iterator<Item = Vec<u8>> {
    let start = ARGUMENTS.load(Ordering::Relaxed);
    (0..COUNT.load(Ordering::Relaxed)).map(move |n| {
        // SAFETY: the kernel gave that many terminated strings, which nobody changes.
        unsafe { CStr::from_ptr(*start.add(n)) }.to_bytes().to_vec()
    })
}

/// What a program that runs no guest expects: writing to a closed pipe is an error, and what it opens
/// does not become its standard input, output or error.
pub fn prepare_for_commands() {
    // SAFETY: no handler.
    unsafe { crate::signal::set_disposition(libc::SIGPIPE, crate::signal::Disposition::Ignore) };
    while let Ok(fd) = raw::openat(libc::AT_FDCWD, b"/dev/null", libc::O_RDWR, 0) {
        if fd.as_raw_fd() > 2 {
            break;
        }
        let _kept = fd.into_raw_fd();
    }
}
