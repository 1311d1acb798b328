//! System calls, also such that a signal can prevent, and the return from handlers.
#![expect(unsafe_code, reason = "assembly")]

use super::Context;
use core::arch::{asm, global_asm};
use core::sync::atomic::AtomicU32;

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
}

/// Whether the vector registers are after a call of `function` what they were before.
///
/// # Safety
/// There is a function of the C ABI, for which the arguments are good.
pub(crate) unsafe fn keeps_vectors(function: u64, args: [u64; 3]) -> bool {
    let before: [u128; 16] = core::array::from_fn(|n| (n as u128 + 1) << 100 | n as u128 + 77);
    let mut after = [0_u128; 16];
    // SAFETY: the caller says that it may be called; what is stored is as long as the array.
    unsafe {
        asm!(
            ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
            "movups xmm\\n, [r12 + 16 * \\n]",
            ".endr",
            "call rax",
            ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
            "movups [r13 + 16 * \\n], xmm\\n",
            ".endr",
            in("r12") before.as_ptr(), in("r13") after.as_mut_ptr(), inlateout("rax") function => _,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
            clobber_abi("sysv64"),
        );
    }
    before == after
}

/// Makes system call `nr`; the kernel's return value as it is. The invariant of [`crate::syscall`] holds.
#[inline]
pub(crate) fn syscall_ret(nr: u64, args: [u64; 6]) -> u64 {
    let ret;
    // SAFETY: the instruction itself touches rax, rcx and r11 only; what the kernel does to memory
    // is the caller's affair.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") nr => ret,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
            in("r10") args[3], in("r8") args[4], in("r9") args[5],
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    ret
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
