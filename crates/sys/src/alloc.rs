//! The allocator of the binary: the system's, with one clear line where memory runs out.
#![expect(unsafe_code, reason = "is an allocator")]

use crate::raw;
use std::alloc::{GlobalAlloc, Layout, System};

/// What a person is told.
const MESSAGE: &[u8] = b"error: out of memory for the emulator itself\n\
    help: the limit on memory may be too low: see ulimit -v\n";
/// As a shell's for a program that cannot be run.
const CODE: u64 = 126;

/// The system's allocator, which ends the process if there is no memory.
#[derive(Clone, Copy, Debug)]
pub struct Allocator;

/// Gives `at` on, unless it is null.
fn checked(at: *mut u8) -> *mut u8 {
    if at.is_null() {
        // Not a panic: that would need memory.
        let _ = raw::write(2, MESSAGE);
        let _ = raw::call(libc::SYS_exit_group, [CODE]);
    }
    at
}

// SAFETY: the system's allocator does the work; all contracts are passed on.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        checked(unsafe { System.alloc(layout) })
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        checked(unsafe { System.alloc_zeroed(layout) })
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        checked(unsafe { System.realloc(at, layout, size) })
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}
