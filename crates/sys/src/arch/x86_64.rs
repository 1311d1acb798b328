//! x86-64: the interruptible system call, the signal frame, processor features.
#![expect(unsafe_code, reason = "assembly, and the kernel's signal frame")]

use core::arch::{global_asm, x86_64::__cpuid_count};
use core::ffi::c_void;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

global_asm!(
    ".text",
    ".balign 16",
    ".globl anyarch_call_start, anyarch_call_insn, anyarch_call_abort",
    ".hidden anyarch_call_start, anyarch_call_insn, anyarch_call_abort",
    // extern "C" fn(pending: *const u32, nr: i64, args: *const u64) -> i64
    ".globl anyarch_interruptible_call",
    ".hidden anyarch_interruptible_call",
    ".type anyarch_interruptible_call, @function",
    "anyarch_interruptible_call:",
    "push rbx",
    "mov rbx, rdi",
    "mov rax, rsi",
    "mov r11, rdx",
    "mov rdi, [r11]",
    "mov rsi, [r11 + 8]",
    "mov rdx, [r11 + 16]",
    "mov r10, [r11 + 24]",
    "mov r8, [r11 + 32]",
    "mov r9, [r11 + 40]",
    "anyarch_call_start:",
    "cmp dword ptr [rbx], 0",
    "jne anyarch_call_abort",
    "anyarch_call_insn:",
    "syscall",
    "pop rbx",
    "ret",
    "anyarch_call_abort:",
    "mov rax, -512",
    "pop rbx",
    "ret",
    ".size anyarch_interruptible_call, . - anyarch_interruptible_call",
    // extern "C" fn(list: *mut *mut c_void, block: *mut c_void, code: i32) -> !
    // Puts the block into the list and ends the thread: in registers, because others may use its
    // stack from then on.
    ".balign 16",
    ".globl anyarch_end_thread",
    ".hidden anyarch_end_thread",
    ".type anyarch_end_thread, @function",
    "anyarch_end_thread:",
    "mov rax, [rdi]",
    "2:",
    "mov [rsi], rax",
    "lock cmpxchg [rdi], rsi",
    "jne 2b",
    "mov edi, edx",
    "3:",
    "mov eax, 60",
    "syscall",
    "jmp 3b",
    ".size anyarch_end_thread, . - anyarch_end_thread",
    // where the kernel returns to from a handler
    ".balign 16",
    ".globl anyarch_sigreturn",
    ".hidden anyarch_sigreturn",
    ".type anyarch_sigreturn, @function",
    "anyarch_sigreturn:",
    "mov eax, 15",
    "syscall",
    ".size anyarch_sigreturn, . - anyarch_sigreturn",
);

unsafe extern "C" {
    fn anyarch_call_start();
    fn anyarch_call_insn();
    fn anyarch_call_abort();
    fn anyarch_interruptible_call(pending: *const u32, nr: i64, args: *const u64) -> i64;
    fn anyarch_sigreturn();
    fn anyarch_end_thread(list: *mut *mut c_void, block: *mut c_void, code: i32) -> !;
}

/// Puts `block`, in which the calling thread's stack is, at the head of `list`, and ends the thread.
///
/// # Safety
/// All signals are blocked. The block's first word is the address of the next one in the list, to
/// which others only add, or which they take as a whole.
pub(crate) unsafe fn end_thread(list: *mut *mut c_void, block: *mut c_void, code: i32) -> ! {
    // SAFETY: as the caller promises.
    unsafe { anyarch_end_thread(list, block, code) }
}

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

/// Makes a system call unless `pending` is non-zero; see [`abort_call`]. Returns -512
/// (`ERESTARTSYS`) if it was not made, or was interrupted and may be made again.
/// The invariant of [`crate::syscall`] holds here as well.
pub fn syscall_interruptible(pending: &AtomicU32, nr: i64, args: [u64; 6]) -> i64 {
    // SAFETY: both pointers are to live memory; the call itself is the caller's affair.
    unsafe { anyarch_interruptible_call(pending.as_ptr(), nr, args.as_ptr()) }
}

/// For handlers of asynchronous signals: if the context is just before a call of
/// [`syscall_interruptible`] (first time, or the kernel is about to restart it), the call is not
/// made and -512 returned instead.
pub fn abort_call(context: &mut Context) {
    let pc = context.pc();
    if pc >= anyarch_call_start as *const () as u64 && pc <= anyarch_call_insn as *const () as u64 {
        context.set_pc(anyarch_call_abort as *const () as u64);
    }
}

/// Whether the context is just behind the call of [`syscall_interruptible`]: a signal that came with it was sent,
/// whatever its siginfo says.
pub fn is_after_call(context: &Context) -> bool {
    const SYSCALL_LEN: u64 = 2;
    context.pc() == anyarch_call_insn as *const () as u64 + SYSCALL_LEN
}

/// Address of the code that handlers return to.
pub(crate) fn restorer() -> u64 {
    anyarch_sigreturn as *const () as u64
}

#[repr(C)]
struct RawContext {
    flags: u64,
    link: u64,
    stack: [u64; 3],
    regs: [u64; 23],
    fp: *mut FpState,
    reserved: [u64; 8],
    mask: u64,
}

#[repr(C)]
struct FpState {
    x87: [u8; 24],
    mxcsr: u32,
    mxcsr_mask: u32,
    st: [u8; 128],
    xmm: [u128; 16],
}

const _: () = assert!(core::mem::offset_of!(RawContext, mask) == 296);
const _: () = assert!(core::mem::offset_of!(FpState, xmm) == 160);

const EFLAGS: usize = 17;
const ERR: usize = 19;
const RIP: usize = 16;
const RSP: usize = 15;
/// Index in the kernel's order of the register with encoding 0, 1, ...
const ORDER: [usize; 16] = [13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7];

/// The registers that a signal interrupted, as the kernel will restore them.
pub struct Context {
    raw: *mut RawContext,
}

impl Context {
    /// From a handler's third argument.
    ///
    /// # Safety
    /// It must be that, and the handler still running.
    pub unsafe fn new(raw: *mut core::ffi::c_void) -> Self {
        Self { raw: raw.cast() }
    }
    fn reg(&self, index: usize) -> u64 {
        // SAFETY: `new`'s caller has promised that the frame is there.
        unsafe { (*self.raw).regs[index] }
    }
    fn set_reg(&mut self, index: usize, value: u64) {
        // SAFETY: as in `reg`.
        unsafe { (*self.raw).regs[index] = value };
    }
    /// The program counter.
    pub fn pc(&self) -> u64 {
        self.reg(RIP)
    }
    /// Sets it.
    pub fn set_pc(&mut self, pc: u64) {
        self.set_reg(RIP, pc);
    }
    /// The stack pointer.
    pub fn sp(&self) -> u64 {
        self.reg(RSP)
    }
    /// Sets it.
    pub fn set_sp(&mut self, sp: u64) {
        self.set_reg(RSP, sp);
    }
    /// General register `n` (as encoded in instructions).
    pub fn int(&self, n: u8) -> u64 {
        self.reg(ORDER[usize::from(n & 15)])
    }
    /// Sets it.
    pub fn set_int(&mut self, n: u8, value: u64) {
        self.set_reg(ORDER[usize::from(n & 15)], value);
    }
    /// Vector register `n`, low 128 bits.
    pub fn vec(&self, n: u8) -> u128 {
        // SAFETY: the kernel always saves the legacy area on x86-64; its alignment is 16 at least.
        unsafe { (*(*self.raw).fp).xmm[usize::from(n & 15)] }
    }
    /// The arithmetic flags register.
    pub fn flags(&self) -> u64 {
        self.reg(EFLAGS)
    }
    /// The floating-point control and status register.
    pub fn fp_control(&self) -> u32 {
        // SAFETY: as in `vec`.
        unsafe { (*(*self.raw).fp).mxcsr }
    }
    /// Sets it.
    pub fn set_fp_control(&mut self, value: u32) {
        // SAFETY: as in `vec`.
        unsafe { (*(*self.raw).fp).mxcsr = value };
    }
    /// True if a page fault was a write.
    pub fn is_write(&self) -> bool {
        self.reg(ERR) & 2 != 0
    }
    /// The signal mask that will be restored.
    pub fn mask(&self) -> u64 {
        // SAFETY: as in `reg`.
        unsafe { (*self.raw).mask }
    }
    /// Sets it.
    pub fn set_mask(&mut self, mask: u64) {
        // SAFETY: as in `reg`.
        unsafe { (*self.raw).mask = mask };
    }
    /// Makes the interrupted function return two values to its caller, through `pc`, which must be
    /// code that does nothing else than return.
    pub fn return_pair(&mut self, pc: u64, first: u64, second: u64) {
        self.set_int(0, first);
        self.set_int(2, second);
        self.set_pc(pc);
    }
}

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

/// `[ecx of leaf 1, ebx of leaf 7]`: in two CPUIDs at the first time (each costs microseconds in a
/// virtual machine), unless [`know_cpuid`] was called.
pub fn cpuid() -> [u32; 2] {
    if let known @ 1.. = CPUID.load(Ordering::Relaxed) {
        return [known as u32, (known >> 32) as u32];
    }
    let one = __cpuid_count(1, 0);
    // Leaf 7 is there on every processor with AVX2; one without it answers with the highest leaf,
    // so only ask where leaf 1 says AVX.
    let seven = if one.ecx >> 28 & 1 != 0 { __cpuid_count(7, 0).ebx } else { 0 };
    know_cpuid([one.ecx, seven]);
    [one.ecx, seven]
}

/// Zero if it was not asked for. (No x86-64 processor has a zero in leaf 1.)
static CPUID: AtomicU64 = AtomicU64::new(0);

/// What [`cpuid`] is to say, from another process on this machine.
pub fn know_cpuid([one, seven]: [u32; 2]) {
    CPUID.store(u64::from(one) | u64::from(seven) << 32, Ordering::Relaxed);
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

/// The processor has AVX, whether or not it is enabled.
pub fn has_avx() -> bool {
    cpuid()[0] >> 28 & 1 != 0
}

/// The time stamp counter, not before what the thread has seen.
pub fn time_stamp() -> u64 {
    // SAFETY: SSE2 is part of x86-64.
    unsafe { core::arch::x86_64::_mm_lfence() };
    // SAFETY: any processor has it; whoever forbids it to programs is asked by
    // `crate::clock::has_time_stamps` before.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The time stamp counter counts at one rate in all states of the processor.
pub fn time_stamps_invariant() -> bool {
    const LEAF: u32 = 0x8000_0007;
    __cpuid_count(0x8000_0000, 0).eax >= LEAF && __cpuid_count(LEAF, 0).edx >> 8 & 1 != 0
}

/// The operating system saves the AVX registers (XCR0 bits 1 and 2). Only if leaf 1 has OSXSAVE.
pub fn avx_enabled() -> bool {
    let (low, _high): (u32, u32);
    // SAFETY: XGETBV of register 0 is allowed when OSXSAVE is set, which the caller has seen; it
    // touches nothing else.
    unsafe {
        core::arch::asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") _high,
            options(nomem, nostack, preserves_flags));
    }
    low & 6 == 6
}
