//! x86-64: accesses that are restartable sequences of the host's (`rseq(2)`). Each checks that the
//! guest's sequence has not been aborted, by putting its own descriptor in the place of the guest's,
//! and is itself aborted if it is interrupted before its access is done.
#![expect(unsafe_code, reason = "assembly")]
#![expect(missing_docs, reason = "accesses that are named by what they do and their size")]

use super::memory::Pair;
use core::arch::global_asm;

/// What an access takes besides address and values.
#[repr(C)]
pub struct Place {
    /// Where the descriptor in force is written.
    pub field: u64,
    /// The guest's.
    pub guest: u64,
    /// The access's own.
    pub own: u64,
}

/// Status of an access that was not made, because the sequence has been aborted.
pub const ABORTED: u64 = 0x8000_0000;

/// Where an access is resumed that was aborted: `mov rbx, r11; mov eax, ABORTED; xor edx, edx; ret`.
pub const ABORT_CODE: [u8; 11] = [0x4c, 0x89, 0xdb, 0xb8, 0, 0, 0, 0x80, 0x31, 0xd2, 0xc3];

// (addr, value, new, &Place). Up to the label NAME_done nothing has happened; `r11` keeps `rbx`, so
// that it is possible to return from everywhere. If the guest's descriptor is not there any more,
// the sequence was aborted before.
macro_rules! accesses {
    ($($name:literal $access:literal, $rest:literal;)*) => {
        global_asm!(
            ".text",
            ".balign 64",
            ".globl anyarch_section_start, anyarch_section_end, anyarch_section_return",
            ".hidden anyarch_section_start, anyarch_section_end, anyarch_section_return",
            "anyarch_section_start:",
            $(
                concat!(".globl anyarch_section_", $name, ", anyarch_section_", $name, "_done"),
                concat!(".hidden anyarch_section_", $name, ", anyarch_section_", $name, "_done"),
                concat!("anyarch_section_", $name, ":"),
                "mov r11, rbx",
                "mov r8, [rcx]",
                "mov r10, [rcx + 8]",
                "mov r9, [rcx + 16]",
                "mov rax, r10",
                "cmpxchg [r8], r9",
                "jne 9f",
                $access,
                concat!("anyarch_section_", $name, "_done:"),
                $rest,
                "mov rax, r9",
                "cmpxchg [r8], r10",
                "xor eax, eax",
                "mov rbx, r11",
                "ret",
            )*
            "9: mov eax, 0x80000000",
            "anyarch_section_end:",
            "anyarch_section_return:",
            "mov rbx, r11",
            "ret",
        );
    };
}

accesses! {
    "load1" "movzx edx, byte ptr [rdi]", "";
    "load2" "movzx edx, word ptr [rdi]", "";
    "load4" "mov edx, [rdi]", "";
    "load8" "mov rdx, [rdi]", "";
    "load16" "movdqu xmm0, [rdi]", "movdqu [rsi], xmm0";
    "store1" "mov [rdi], sil", "";
    "store2" "mov [rdi], si", "";
    "store4" "mov [rdi], esi", "";
    "store8" "mov [rdi], rsi", "";
    "store16" "movdqu xmm0, [rsi]\nmovdqu [rdi], xmm0", "";
    "cas1" "mov eax, esi\nlock cmpxchg [rdi], dl", "movzx edx, al";
    "cas2" "mov eax, esi\nlock cmpxchg [rdi], dx", "movzx edx, ax";
    "cas4" "mov eax, esi\nlock cmpxchg [rdi], edx", "mov edx, eax";
    "cas8" "mov rax, rsi\nlock cmpxchg [rdi], rdx", "mov rdx, rax";
    // rsi: old low, old high, new low, new high; old is replaced.
    "cas16" "mov rax, [rsi]\nmov rdx, [rsi + 8]\nmov rbx, [rsi + 16]\nmov rcx, [rsi + 24]
        lock cmpxchg16b [rdi]", "mov [rsi], rax\nmov [rsi + 8], rdx";
}

/// An access and where it has been made.
pub type Access = (unsafe extern "C" fn(u64, u64, u64, &Place) -> Pair, unsafe extern "C" fn());

macro_rules! declare {
    ($($index:ident $name:ident $done:ident,)*) => {
        unsafe extern "C" {
            fn anyarch_section_start();
            fn anyarch_section_end();
            fn anyarch_section_return();
            $(
                fn $name(addr: u64, value: u64, new: u64, place: &Place) -> Pair;
                fn $done();
            )*
        }
        /// Which access.
        #[derive(Clone, Copy)]
        pub enum Kind { $($index,)* }
        /// All of them, in the order of [`Kind`].
        pub const ACCESSES: &[Access] = &[$(($name, $done),)*];
    };
}

declare! {
    Load1 anyarch_section_load1 anyarch_section_load1_done,
    Load2 anyarch_section_load2 anyarch_section_load2_done,
    Load4 anyarch_section_load4 anyarch_section_load4_done,
    Load8 anyarch_section_load8 anyarch_section_load8_done,
    Load16 anyarch_section_load16 anyarch_section_load16_done,
    Store1 anyarch_section_store1 anyarch_section_store1_done,
    Store2 anyarch_section_store2 anyarch_section_store2_done,
    Store4 anyarch_section_store4 anyarch_section_store4_done,
    Store8 anyarch_section_store8 anyarch_section_store8_done,
    Store16 anyarch_section_store16 anyarch_section_store16_done,
    Cas1 anyarch_section_cas1 anyarch_section_cas1_done,
    Cas2 anyarch_section_cas2 anyarch_section_cas2_done,
    Cas4 anyarch_section_cas4 anyarch_section_cas4_done,
    Cas8 anyarch_section_cas8 anyarch_section_cas8_done,
    Cas16 anyarch_section_cas16 anyarch_section_cas16_done,
}

/// Whether `pc` is in one of these accesses.
pub fn contains(pc: u64) -> bool {
    let at = |f: unsafe extern "C" fn()| f as *const () as u64;
    (at(anyarch_section_start)..at(anyarch_section_end)).contains(&pc)
}

/// Where one is resumed after a fault.
pub fn after_fault() -> u64 {
    anyarch_section_return as *const () as u64
}
