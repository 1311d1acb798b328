//! x86-64.
#![expect(unsafe_code, reason = "assembly")]

mod call;
mod context;
pub mod memory;
pub mod native;
mod processor;
pub mod section;
mod thread;

pub use call::{abort_call, is_after_call, syscall_interruptible};
pub(crate) use call::{keeps_vectors, restorer, syscall_ret};
pub use context::Context;
pub use processor::{
    avx_enabled, cpuid, has_avx, know_cpuid, levels, time_stamp, time_stamps_invariant,
};
pub(crate) use thread::{clone_on_stack, end_thread};

use core::arch::global_asm;

// Where the binary starts (the linker is told so): makes the pages of its initialised data appear in
// one go, before the C library relocates nearly all of them and takes a page fault for each.
// (`madvise(MADV_POPULATE_WRITE)`; kernels before Linux 5.14 refuse it, which does no harm.)
global_asm!(
    ".text",
    ".globl anyarch_start",
    ".hidden anyarch_start, __init_array_start, _edata, _start",
    ".type anyarch_start, @function",
    "anyarch_start:",
    "lea rdi, [rip + __init_array_start]",
    "and rdi, -4096",
    "lea rsi, [rip + _edata + 4095]",
    "and rsi, -4096",
    "sub rsi, rdi",
    "mov edx, 23",
    "mov eax, 28",
    "syscall",
    "xor edx, edx",
    "jmp _start",
    ".size anyarch_start, . - anyarch_start",
);

/// Raises SIGILL.
pub(crate) fn raise_illegal() {
    // SAFETY: the signal ends the process, or is ignored by nobody who calls this.
    unsafe { core::arch::asm!("ud2", options(nomem, nostack)) };
}

/// Raises SIGTRAP.
pub(crate) fn raise_trap() {
    // SAFETY: as above.
    unsafe { core::arch::asm!("int3", options(nomem, nostack)) };
}

/// Raises SIGFPE.
pub(crate) fn raise_division() {
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("div ecx", inout("eax") 1 => _, inout("edx") 0 => _, in("ecx") 0,
            options(nomem, nostack));
    }
}

/// Reads a byte of which nobody knows that it is there.
pub(crate) fn read_byte(at: u64) {
    // SAFETY: what is read goes nowhere; if it is not there, that is what the caller wants.
    unsafe { core::arch::asm!("mov {0:l}, [{0}]", inout(reg) at => _, options(nostack, readonly)) };
}

/// The calling thread's thread pointer.
pub fn thread_pointer() -> u64 {
    let at;
    // SAFETY: the ABI has the address of the thread's control block in its first word.
    unsafe {
        core::arch::asm!("mov {}, fs:[0]", out(reg) at,
            options(nostack, preserves_flags, readonly));
    }
    at
}

/// The kernel's `O_LARGEFILE`, which the C library says is 0 on 64-bit hosts.
pub const O_LARGEFILE: u64 = 0o100_000;

/// Words of the kernel's `struct semid64_ds`, and which are what; the first six are permissions.
pub mod semid {
    /// How many there are.
    pub const WORDS: usize = 13;
    /// When it was last used.
    pub const OTIME: usize = 6;
    /// When it was last changed.
    pub const CTIME: usize = 8;
    /// How many semaphores.
    pub const NSEMS: usize = 10;
}

/// The number of `io_pgetevents`, for which not every C library has a name.
pub const SYS_IO_PGETEVENTS: i64 = 333;

/// A call without arguments that programs need not make with any: `getpgrp`.
pub const SYS_WITHOUT_ARGUMENTS: i64 = 111;
