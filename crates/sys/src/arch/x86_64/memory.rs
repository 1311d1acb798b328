//! x86-64: leaf functions that return (status, value) in rax and rdx. They use no stack, so that
//! the fault handler can return from any of their instructions.
#![expect(unsafe_code, reason = "assembly")]
#![expect(missing_docs, reason = "accesses that are named by what they do and their size")]

use core::arch::global_asm;

global_asm!(
    ".text",
    ".balign 64",
    ".globl anyarch_mem_start, anyarch_mem_end, anyarch_mem_return",
    ".globl anyarch_mem_start16, anyarch_mem_end16, anyarch_mem_return16",
    ".hidden anyarch_mem_start, anyarch_mem_end, anyarch_mem_return",
    ".hidden anyarch_mem_start16, anyarch_mem_end16, anyarch_mem_return16",
    ".macro anyarch_fn name",
    ".globl \\name",
    ".hidden \\name",
    ".type \\name, @function",
    "\\name:",
    ".endm",
    "anyarch_mem_start:",
    // (to, from, len)
    "anyarch_fn anyarch_mem_copy",
    "mov rcx, rdx",
    "xor eax, eax",
    "cmp rcx, 64",
    "ja 3f",
    "1: cmp rcx, 8",
    "jb 2f",
    "mov rdx, [rsi]",
    "mov [rdi], rdx",
    "add rsi, 8",
    "add rdi, 8",
    "sub rcx, 8",
    "jmp 1b",
    "2: test ecx, ecx",
    "jz 4f",
    "mov dl, [rsi]",
    "mov [rdi], dl",
    "inc rsi",
    "inc rdi",
    "dec ecx",
    "jmp 2b",
    "3: rep movsb",
    "4: ret",
    // (to, len)
    "anyarch_fn anyarch_mem_zero",
    "mov rcx, rsi",
    "xor eax, eax",
    "rep stosb",
    "ret",
    // (addr)
    "anyarch_fn anyarch_mem_load1",
    "movzx edx, byte ptr [rdi]",
    "xor eax, eax",
    "ret",
    "anyarch_fn anyarch_mem_load2",
    "movzx edx, word ptr [rdi]",
    "xor eax, eax",
    "ret",
    "anyarch_fn anyarch_mem_load4",
    "mov edx, [rdi]",
    "xor eax, eax",
    "ret",
    "anyarch_fn anyarch_mem_load8",
    "mov rdx, [rdi]",
    "xor eax, eax",
    "ret",
    // (addr, out)
    "anyarch_fn anyarch_mem_load16",
    "movdqu xmm0, [rdi]",
    "movdqu [rsi], xmm0",
    "xor eax, eax",
    "ret",
    // (addr, out)
    "anyarch_fn anyarch_mem_load64",
    "movdqu xmm0, [rdi]",
    "movdqu xmm1, [rdi + 16]",
    "movdqu xmm2, [rdi + 32]",
    "movdqu xmm3, [rdi + 48]",
    "movdqu [rsi], xmm0",
    "movdqu [rsi + 16], xmm1",
    "movdqu [rsi + 32], xmm2",
    "movdqu [rsi + 48], xmm3",
    "xor eax, eax",
    "ret",
    // (addr, value)
    "anyarch_fn anyarch_mem_store1",
    "mov [rdi], sil",
    "xor eax, eax",
    "ret",
    "anyarch_fn anyarch_mem_store2",
    "mov [rdi], si",
    "xor eax, eax",
    "ret",
    "anyarch_fn anyarch_mem_store4",
    "mov [rdi], esi",
    "xor eax, eax",
    "ret",
    "anyarch_fn anyarch_mem_store8",
    "mov [rdi], rsi",
    "xor eax, eax",
    "ret",
    // (addr, in)
    "anyarch_fn anyarch_mem_store16",
    "movdqu xmm0, [rsi]",
    "movdqu [rdi], xmm0",
    "xor eax, eax",
    "ret",
    // (addr, old, new)
    "anyarch_fn anyarch_mem_cas1",
    "mov rax, rsi",
    "lock cmpxchg [rdi], dl",
    "movzx edx, al",
    "xor eax, eax",
    "ret",
    "anyarch_fn anyarch_mem_cas2",
    "mov rax, rsi",
    "lock cmpxchg [rdi], dx",
    "movzx edx, ax",
    "xor eax, eax",
    "ret",
    "anyarch_fn anyarch_mem_cas4",
    "mov rax, rsi",
    "lock cmpxchg [rdi], edx",
    "mov edx, eax",
    "xor eax, eax",
    "ret",
    "anyarch_fn anyarch_mem_cas8",
    "mov rax, rsi",
    "lock cmpxchg [rdi], rdx",
    "mov rdx, rax",
    "xor eax, eax",
    "ret",
    "anyarch_mem_end:",
    "anyarch_mem_return:",
    "ret",
    // (addr, [old low, old high, new low, new high]); old is replaced
    "anyarch_fn anyarch_mem_cas16",
    "mov r11, rbx",
    "anyarch_mem_start16:",
    "mov rax, [rsi]",
    "mov rdx, [rsi + 8]",
    "mov rbx, [rsi + 16]",
    "mov rcx, [rsi + 24]",
    "lock cmpxchg16b [rdi]",
    "mov [rsi], rax",
    "mov [rsi + 8], rdx",
    "xor eax, eax",
    "anyarch_mem_end16:",
    "anyarch_mem_return16:",
    "mov rbx, r11",
    "ret",
    ".purgem anyarch_fn",
);

/// (status, value or faulting address) in the two return registers. Status 0: done; else signal
/// number | `si_code` << 8.
#[repr(C)]
pub struct Pair {
    pub status: u64,
    pub value: u64,
}

unsafe extern "C" {
    fn anyarch_mem_start();
    fn anyarch_mem_end();
    fn anyarch_mem_return();
    fn anyarch_mem_start16();
    fn anyarch_mem_end16();
    fn anyarch_mem_return16();
    #[link_name = "anyarch_mem_copy"]
    pub fn copy(to: u64, from: u64, len: usize) -> Pair;
    #[link_name = "anyarch_mem_zero"]
    pub fn zero(to: u64, len: usize) -> Pair;
    #[link_name = "anyarch_mem_load1"]
    pub fn load1(addr: u64) -> Pair;
    #[link_name = "anyarch_mem_load2"]
    pub fn load2(addr: u64) -> Pair;
    #[link_name = "anyarch_mem_load4"]
    pub fn load4(addr: u64) -> Pair;
    #[link_name = "anyarch_mem_load8"]
    pub fn load8(addr: u64) -> Pair;
    #[link_name = "anyarch_mem_load16"]
    pub fn load16(addr: u64, out: *mut u128) -> Pair;
    #[link_name = "anyarch_mem_load64"]
    pub fn load64(addr: u64, out: *mut [u8; 64]) -> Pair;
    #[link_name = "anyarch_mem_store1"]
    pub fn store1(addr: u64, value: u64) -> Pair;
    #[link_name = "anyarch_mem_store2"]
    pub fn store2(addr: u64, value: u64) -> Pair;
    #[link_name = "anyarch_mem_store4"]
    pub fn store4(addr: u64, value: u64) -> Pair;
    #[link_name = "anyarch_mem_store8"]
    pub fn store8(addr: u64, value: u64) -> Pair;
    #[link_name = "anyarch_mem_store16"]
    pub fn store16(addr: u64, value: *const u128) -> Pair;
    #[link_name = "anyarch_mem_cas1"]
    pub fn cas1(addr: u64, old: u64, new: u64) -> Pair;
    #[link_name = "anyarch_mem_cas2"]
    pub fn cas2(addr: u64, old: u64, new: u64) -> Pair;
    #[link_name = "anyarch_mem_cas4"]
    pub fn cas4(addr: u64, old: u64, new: u64) -> Pair;
    #[link_name = "anyarch_mem_cas8"]
    pub fn cas8(addr: u64, old: u64, new: u64) -> Pair;
    #[link_name = "anyarch_mem_cas16"]
    pub fn cas16(addr: u64, words: *mut [u64; 4]) -> Pair;
}

/// Where the access routine that contains `pc` must be resumed after a fault, if one does.
pub fn recovery(pc: u64) -> Option<u64> {
    let at = |f: unsafe extern "C" fn()| f as *const () as u64;
    if pc >= at(anyarch_mem_start) && pc < at(anyarch_mem_end) {
        Some(at(anyarch_mem_return))
    } else if pc >= at(anyarch_mem_start16) && pc < at(anyarch_mem_end16) {
        Some(at(anyarch_mem_return16))
    } else {
        None
    }
}
