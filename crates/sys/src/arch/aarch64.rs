//! aarch64: not a host yet. System calls work, so that the commands that run no program do; what runs
//! programs is missing, and the engine says so when it is made.
#![expect(unsafe_code, reason = "assembly")]
#![expect(clippy::missing_const_for_fn, reason = "they will do something")]

use core::arch::asm;
use core::ffi::c_void;
use core::sync::atomic::AtomicU32;

/// The kernel's `O_LARGEFILE`, which the C library says is 0 on 64-bit hosts.
pub const O_LARGEFILE: u64 = 0o400_000;

/// Words of the kernel's `struct semid64_ds`, and which are what; the first six are permissions.
pub mod semid {
    /// How many there are.
    pub const WORDS: usize = 11;
    /// When it was last used.
    pub const OTIME: usize = 6;
    /// When it was last changed.
    pub const CTIME: usize = 7;
    /// How many semaphores.
    pub const NSEMS: usize = 8;
}

/// The number of `io_pgetevents`, for which not every C library has a name.
pub const SYS_IO_PGETEVENTS: i64 = 292;

/// A call without arguments that programs need not make with any: `sched_yield`.
pub const SYS_WITHOUT_ARGUMENTS: i64 = 124;

/// The levels of x86-64 that the processor has.
pub fn levels() -> Option<u32> {
    None
}

/// Nobody comes here: [`crate::arch`] is used by the engine only, which is not made on this host.
#[cold]
fn missing() -> ! {
    unimplemented!("aarch64 hosts cannot run programs yet")
}

/// Makes system call `nr`; the kernel's return value as it is. The invariant of [`crate::syscall`] holds.
#[inline]
pub(crate) fn syscall_ret(nr: u64, args: [u64; 6]) -> u64 {
    let ret;
    // SAFETY: the instruction itself touches x0 only; what the kernel does to memory is the caller's
    // affair.
    unsafe {
        asm!(
            "svc 0",
            in("x8") nr,
            inlateout("x0") args[0] => ret,
            in("x1") args[1], in("x2") args[2], in("x3") args[3], in("x4") args[4], in("x5") args[5],
            options(nostack),
        );
    }
    ret
}

/// As the other hosts'.
pub fn syscall_interruptible(_pending: &AtomicU32, _nr: i64, _args: [u64; 6]) -> i64 {
    missing()
}
/// As the other hosts'.
pub fn abort_call(_context: &mut Context) {
    missing()
}
/// As the other hosts'.
pub fn is_after_call(_context: &Context) -> bool {
    missing()
}
/// None is needed: the kernel's vDSO has it.
pub(crate) unsafe fn keeps_vectors(_function: u64, _args: [u64; 3]) -> bool {
    missing()
}

/// As the other hosts'.
pub(crate) fn restorer() -> u64 {
    0
}
pub(crate) unsafe fn clone_on_stack(
    _nr: i64,
    _args: *const u64,
    _stack: u64,
    _entry: extern "C" fn(*mut c_void) -> !,
    _arg: *mut c_void,
) -> i64 {
    missing()
}
pub(crate) unsafe fn end_thread(_list: *mut *mut c_void, _block: *mut c_void, _code: i32) -> ! {
    missing()
}
/// Raises SIGILL.
pub(crate) fn raise_illegal() {
    missing()
}
/// Raises SIGTRAP.
pub(crate) fn raise_trap() {
    missing()
}
/// Raises SIGFPE.
pub(crate) fn raise_division() {
    missing()
}
/// Reads a byte of which nobody knows that it is there.
pub(crate) fn read_byte(_at: u64) {
    missing()
}
/// The calling thread's thread pointer.
pub fn thread_pointer() -> u64 {
    let at;
    // SAFETY: it reads a register.
    unsafe { asm!("mrs {}, tpidr_el0", out(reg) at, options(nomem, nostack, preserves_flags)) };
    at
}

/// There is none of x86's.
pub fn cpuid() -> [u32; 2] {
    [0; 2]
}
/// See [`cpuid`].
pub fn know_cpuid(_words: [u32; 2]) {}
/// See [`cpuid`].
pub fn has_avx() -> bool {
    false
}
/// See [`cpuid`].
pub fn avx_enabled() -> bool {
    false
}
/// The counter, not before what the thread has seen.
pub fn time_stamp() -> u64 {
    let ticks;
    // SAFETY: Linux lets programs read it.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) ticks, options(nostack)) };
    ticks
}
/// The counter counts at one rate in all states of the processor.
pub fn time_stamps_invariant() -> bool {
    true
}

/// The registers that a signal interrupted.
pub struct Context(());

impl Context {
    /// From a handler's third argument.
    ///
    /// # Safety
    /// It must be that, and the handler still running.
    pub unsafe fn new(_raw: *mut c_void) -> Self {
        missing()
    }
    /// The program counter.
    pub fn pc(&self) -> u64 {
        missing()
    }
    /// True if a page fault was a write.
    pub fn is_write(&self) -> bool {
        missing()
    }
    /// Sets it.
    pub fn set_pc(&mut self, _pc: u64) {
        missing()
    }
    /// The stack pointer.
    pub fn sp(&self) -> u64 {
        missing()
    }
    /// Sets it.
    pub fn set_sp(&mut self, _sp: u64) {
        missing()
    }
    /// General register `n` (as encoded in instructions).
    pub fn int(&self, _n: u8) -> u64 {
        missing()
    }
    /// Sets it.
    pub fn set_int(&mut self, _n: u8, _value: u64) {
        missing()
    }
    /// Vector register `n`, low 128 bits.
    pub fn vec(&self, _n: u8) -> u128 {
        missing()
    }
    /// The arithmetic flags register.
    pub fn flags(&self) -> u64 {
        missing()
    }
    /// The floating-point control and status register.
    pub fn fp_control(&self) -> u32 {
        missing()
    }
    /// Sets it.
    pub fn set_fp_control(&mut self, _value: u32) {
        missing()
    }
    /// The signal mask that will be restored.
    pub fn mask(&self) -> u64 {
        missing()
    }
    /// Sets it.
    pub fn set_mask(&mut self, _mask: u64) {
        missing()
    }
    /// Makes the interrupted function return two values to its caller.
    pub fn return_pair(&mut self, _pc: u64, _first: u64, _second: u64) {
        missing()
    }
}

/// Accesses to guest memory.
pub mod memory {
    #![expect(missing_docs, clippy::missing_safety_doc, reason = "as the other hosts'")]
    use super::missing;

    /// (status, value or faulting address).
    #[repr(C)]
    pub struct Pair {
        pub status: u64,
        pub value: u64,
    }
    pub unsafe fn copy(_to: u64, _from: u64, _len: usize) -> Pair {
        missing()
    }
    pub unsafe fn zero(_to: u64, _len: usize) -> Pair {
        missing()
    }
    pub unsafe fn load1(_addr: u64) -> Pair {
        missing()
    }
    pub unsafe fn load2(_addr: u64) -> Pair {
        missing()
    }
    pub unsafe fn load4(_addr: u64) -> Pair {
        missing()
    }
    pub unsafe fn load8(_addr: u64) -> Pair {
        missing()
    }
    pub unsafe fn load16(_addr: u64, _out: *mut u128) -> Pair {
        missing()
    }
    pub unsafe fn load64(_addr: u64, _out: *mut [u8; 64]) -> Pair {
        missing()
    }
    pub unsafe fn store1(_addr: u64, _value: u64) -> Pair {
        missing()
    }
    pub unsafe fn store2(_addr: u64, _value: u64) -> Pair {
        missing()
    }
    pub unsafe fn store4(_addr: u64, _value: u64) -> Pair {
        missing()
    }
    pub unsafe fn store8(_addr: u64, _value: u64) -> Pair {
        missing()
    }
    pub unsafe fn store16(_addr: u64, _value: *const u128) -> Pair {
        missing()
    }
    pub unsafe fn cas1(_addr: u64, _old: u64, _new: u64) -> Pair {
        missing()
    }
    pub unsafe fn cas2(_addr: u64, _old: u64, _new: u64) -> Pair {
        missing()
    }
    pub unsafe fn cas4(_addr: u64, _old: u64, _new: u64) -> Pair {
        missing()
    }
    pub unsafe fn cas8(_addr: u64, _old: u64, _new: u64) -> Pair {
        missing()
    }
    pub unsafe fn cas16(_addr: u64, _words: *mut [u64; 4]) -> Pair {
        missing()
    }
    pub fn recovery(_pc: u64) -> Option<u64> {
        None
    }
}

/// Accesses within restartable sequences.
pub mod section {
    #![expect(missing_docs, reason = "as the other hosts'")]
    use super::memory::Pair;

    #[repr(C)]
    pub struct Place {
        pub field: u64,
        pub guest: u64,
        pub own: u64,
    }
    pub const ABORTED: u64 = 0x8000_0000;
    pub const ABORT_CODE: [u8; 0] = [];
    pub type Access = (unsafe extern "C" fn(u64, u64, u64, &Place) -> Pair, unsafe extern "C" fn());
    #[derive(Clone, Copy)]
    pub enum Kind {
        Load1,
        Load2,
        Load4,
        Load8,
        Load16,
        Store1,
        Store2,
        Store4,
        Store8,
        Store16,
        Cas1,
        Cas2,
        Cas4,
        Cas8,
        Cas16,
    }
    pub const ACCESSES: &[Access] = &[];
    pub fn contains(_pc: u64) -> bool {
        false
    }
    pub fn after_fault() -> u64 {
        super::missing()
    }
}
