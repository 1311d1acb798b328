//! The start of a process or thread on its own stack, and the end of a thread whose stack is used again.
#![expect(unsafe_code, reason = "assembly")]

use core::arch::global_asm;
use core::ffi::c_void;

global_asm!(
    ".text",
    ".balign 16",
    ".globl anyarch_clone_on_stack",
    ".hidden anyarch_clone_on_stack",
    ".type anyarch_clone_on_stack, @function",
    // extern "C" fn(nr, args: *const [u64; 5], stack, entry: extern "C" fn(arg) -> !, arg) -> i64
    // The two calls differ in their arguments, so these come from an array. The child starts with
    // all other registers of the parent, at the instruction after the call, on its own stack.
    "anyarch_clone_on_stack:",
    "push rbx",
    "push r12",
    "push r13",
    "mov r12, rcx",
    "mov r13, r8",
    "mov rax, rdi",
    "mov rbx, rsi",
    "mov rdi, [rbx]",
    "mov rsi, [rbx + 8]",
    "mov rdx, [rbx + 16]",
    "mov r10, [rbx + 24]",
    "mov r8, [rbx + 32]",
    "syscall",
    "test rax, rax",
    "jz 2f",
    "pop r13",
    "pop r12",
    "pop rbx",
    "ret",
    "2:",
    "xor ebp, ebp",
    "mov rdi, r13",
    "call r12",
    "ud2",
    ".size anyarch_clone_on_stack, . - anyarch_clone_on_stack",
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
);

unsafe extern "C" {
    fn anyarch_clone_on_stack(
        nr: i64,
        args: *const u64,
        stack: u64,
        entry: extern "C" fn(*mut c_void) -> !,
        arg: *mut c_void,
    ) -> i64;
    fn anyarch_end_thread(list: *mut *mut c_void, block: *mut c_void, code: i32) -> !;
}

/// Makes call `nr` (`clone`, `clone3`) with the five arguments at `args`. In the child, which starts on
/// `stack` with a copy of all other registers, `entry` is called.
///
/// # Safety
/// The stack must be the child's alone, `args` and `arg` what the call and `entry` take.
pub(crate) unsafe fn clone_on_stack(
    nr: i64,
    args: *const u64,
    stack: u64,
    entry: extern "C" fn(*mut c_void) -> !,
    arg: *mut c_void,
) -> i64 {
    // SAFETY: as the caller promises.
    unsafe { anyarch_clone_on_stack(nr, args, stack, entry, arg) }
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
