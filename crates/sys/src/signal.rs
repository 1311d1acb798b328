//! Signal dispositions, masks, the alternate stack. Masks have bit `signo - 1`.
//!
//! By raw calls: a C library keeps some real-time signals for itself, guests use them.
#![expect(unsafe_code, reason = "installs handlers")]

use crate::arch;
use crate::map::{Mapping, PAGE};
use crate::raw::syscall_ret;
use core::ffi::c_void;
use std::os::fd::AsFd;

/// The kernel's siginfo.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub struct Siginfo(pub [u8; 128]);

impl Siginfo {
    fn word(&self, at: usize) -> i32 {
        i32::from_ne_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }
    /// `si_signo`.
    pub fn signo(&self) -> i32 {
        self.word(0)
    }
    /// `si_code`.
    pub fn code(&self) -> i32 {
        self.word(8)
    }
    /// `si_addr`.
    pub fn addr(&self) -> u64 {
        u64::from(self.word(16) as u32) | u64::from(self.word(20) as u32) << 32
    }
}

/// A handler; runs with all signals blocked, on the alternate stack.
pub type Handler = unsafe extern "C" fn(i32, *const Siginfo, *mut c_void);

/// What happens when a signal arrives.
#[derive(Clone, Copy)]
pub enum Disposition {
    /// The default action.
    Default,
    /// Nothing.
    Ignore,
    /// This handler; calls that can be restarted are.
    Handler(Handler),
}

#[repr(C)]
struct Sigaction {
    handler: u64,
    flags: u64,
    restorer: u64,
    mask: u64,
}

const SA_RESTORER: u64 = 0x0400_0000;

/// Sets the disposition of `signo` (1..=64); false if the kernel refuses (SIGKILL, SIGSTOP).
///
/// # Safety
/// A handler must be async-signal-safe and must not unwind.
pub unsafe fn set_disposition(signo: i32, disposition: Disposition) -> bool {
    let flags = (libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART) as u64 | SA_RESTORER;
    let action = match disposition {
        Disposition::Default => {
            Sigaction { handler: 0, flags: SA_RESTORER, restorer: arch::restorer(), mask: 0 }
        }
        Disposition::Ignore => {
            Sigaction { handler: 1, flags: SA_RESTORER, restorer: arch::restorer(), mask: 0 }
        }
        Disposition::Handler(f) => Sigaction {
            handler: f as *const () as u64,
            flags,
            restorer: arch::restorer(),
            mask: u64::MAX,
        },
    };
    let args = [signo as u64, &raw const action as u64, 0, 8, 0, 0];
    syscall_ret(libc::SYS_rt_sigaction as u64, args) == 0
}

/// Sets the calling thread's mask.
pub fn set_mask(mask: u64) {
    let args = [libc::SIG_SETMASK as u64, &raw const mask as u64, 0, 8, 0, 0];
    syscall_ret(libc::SYS_rt_sigprocmask as u64, args);
}

/// The calling thread's mask.
pub fn mask() -> u64 {
    let mut mask = 0_u64;
    let args = [libc::SIG_SETMASK as u64, 0, &raw mut mask as u64, 8, 0, 0];
    syscall_ret(libc::SYS_rt_sigprocmask as u64, args);
    mask
}

/// Waits for one of the signals in `set`, which are blocked, and takes it: its number and `si_code`. None
/// if another one came.
pub fn wait_for(set: u64) -> Option<(i32, i32)> {
    let mut info = Siginfo([0; 128]);
    let args = [&raw const set as u64, &raw mut info as u64, 0, 8, 0, 0];
    let signo = syscall_ret(libc::SYS_rt_sigtimedwait as u64, args) as i32;
    let info = core::hint::black_box(info);
    (signo > 0).then(|| (signo, info.code()))
}

/// Sets the calling thread's alternate stack; length 0 disables it.
///
/// # Safety
/// The memory must stay mapped, and be used for nothing else, until another one is set.
pub unsafe fn set_alternate_stack(start: u64, len: usize) {
    const SS_DISABLE: i32 = 2;
    #[repr(C)]
    struct Stack {
        start: u64,
        flags: i32,
        len: usize,
    }
    let stack = Stack { start, flags: if len == 0 { SS_DISABLE } else { 0 }, len };
    syscall_ret(libc::SYS_sigaltstack as u64, [&raw const stack as u64, 0, 0, 0, 0, 0]);
}

/// Sends `signo` to the calling thread.
pub fn raise(signo: i32) {
    let pid = syscall_ret(libc::SYS_getpid as u64, [0; 6]);
    let tid = syscall_ret(libc::SYS_gettid as u64, [0; 6]);
    syscall_ret(libc::SYS_tgkill as u64, [pid, tid, signo as u64, 0, 0, 0]);
}

/// Raises a synchronous signal by an instruction; returns if it is another one.
pub fn raise_by_instruction(signo: i32) {
    match signo {
        libc::SIGILL => arch::raise_illegal(),
        libc::SIGTRAP => arch::raise_trap(),
        libc::SIGFPE => arch::raise_division(),
        libc::SIGSEGV => arch::read_byte(1 << 63),
        libc::SIGBUS => {
            // Beyond the end of a file.
            let Ok(file) = crate::raw::memfd(c"bus") else { return };
            if let Ok(map) = Mapping::shared(file.as_fd(), PAGE, libc::PROT_READ) {
                arch::read_byte(map.start() as u64);
            }
        }
        _ => {}
    }
}

/// Writes to standard error without allocating.
pub fn message(text: &[u8]) {
    syscall_ret(libc::SYS_write as u64, [2, text.as_ptr() as u64, text.len() as u64, 0, 0, 0]);
}
