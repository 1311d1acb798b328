//! Loads all registers before a case, and stores them after it.
//!
//! No register is kept for it: records and variables have addresses of 31 bits, which instructions name
//! as they are.

use asm::x86_64 as x64;
use asm::{Assembler, Isa as _, Label, Reach};

use super::{FLAGS, FS, GS, HIGH, IMAGE};
use crate::diff::program::CURRENT;
use crate::diff::record::COUNTER;
use crate::subject::{Common, Frame};

/// Where the pc is in `ucontext_t`: behind uc_flags, uc_link, uc_stack and sixteen registers.
pub(super) const FRAME: Frame = Frame { common, begin, finish, context_pc: 40 + 16 * 8 };

const RAX: u8 = 0;
const RCX: u8 = 1;
const RDX: u8 = 2;
const RSP: u8 = 4;
/// Where to go on when the registers are loaded.
const BEHIND: u64 = CURRENT + 24;
/// Bytes of what [`finish`] emits.
const FINISH: i32 = 18;

const LOAD: &[u8] = &[0x8b];
const STORE: &[u8] = &[0x89];

fn common(a: &mut Assembler) -> Vec<Common> {
    let load = a.here();
    load_registers(&mut a.code);
    let store = a.here();
    store_registers(&mut a.code);
    vec![Common { load, store }]
}

/// The record's address is in eax, the end of the case in rcx, what is behind the jump in rdx.
fn begin(a: &mut Assembler, common: &[Common], record: u64, end: Label) {
    a.value(RAX, record);
    let behind = a.label();
    a.reach(Reach::Address(RCX), end);
    a.reach(Reach::Address(RDX), behind);
    a.reach(Reach::Jump, common[0].load);
    a.place(behind);
}

fn finish(a: &mut Assembler, common: &[Common], record: u64) {
    let from = a.code.len();
    x64::absolute(&mut a.code, STORE, RAX, record as u32);
    a.value(RAX, record);
    a.reach(Reach::Jump, common[0].store);
    debug_assert_eq!(a.code.len() - from, FINISH as usize);
}

/// `wrfsbase rcx` and its like.
fn base(code: &mut Vec<u8>, middle: u8) {
    code.extend([0xf3, 0x48, 0x0f, 0xae, 0xc0 | middle << 3 | RCX]);
}

/// VINSERTF128 or VEXTRACTF128 of a register's upper half, at rax + `offset`.
fn high(code: &mut Vec<u8>, opcode: u8, n: u8, offset: usize) {
    let r = if n < 8 { 0x80 } else { 0 };
    let other = if opcode == 0x18 { !n & 15 } else { 15 };
    code.extend([0xc4, r | 0x63, other << 3 | 5, opcode, 0x80 | (n & 7) << 3]);
    code.extend((offset as i32).to_le_bytes());
    code.push(1);
}

/// Loads all registers and goes to [`BEHIND`].
fn load_registers(code: &mut Vec<u8>) {
    x64::absolute(code, STORE, RCX, CURRENT as u32);
    x64::absolute(code, STORE, RAX, CURRENT as u32 + 8);
    x64::absolute(code, STORE, RDX, BEHIND as u32);
    // mov qword [rax + COUNTER], 0
    x64::memory(code, &[0xc7], 0, RAX, COUNTER as i32);
    code.extend([0; 4]);
    load_all(code, HIGH);
    // jmp [BEHIND]
    x64::absolute(code, &[0xff], 4, BEHIND as u32);
}

/// Loads all registers from what is at rax, where the upper halves of vectors are at `highs`.
pub(super) fn load_all(code: &mut Vec<u8>, highs: usize) {
    for (at, write) in [(FS, 2), (GS, 3)] {
        x64::memory(code, LOAD, RCX, RAX, at as i32);
        base(code, write);
    }
    // fxrstor64
    x64::memory(code, &[0x0f, 0xae], 1, RAX, IMAGE as i32);
    (0..16).for_each(|n| high(code, 0x18, n, highs + 16 * usize::from(n)));
    // lea rsp, [rax + FLAGS]; popfq
    x64::memory(code, &[0x8d], RSP, RAX, FLAGS as i32);
    code.push(0x9d);
    (1..16).for_each(|n| x64::memory(code, LOAD, n, RAX, 8 * i32::from(n)));
    x64::memory(code, LOAD, RAX, RAX, 0);
}

/// Stores all registers but rax, and goes on behind the end of the case.
fn store_registers(code: &mut Vec<u8>) {
    (1..16).for_each(|n| x64::memory(code, STORE, n, RAX, 8 * i32::from(n)));
    // lea rsp, [rax + FLAGS + 8]; pushfq; cld
    x64::memory(code, &[0x8d], RSP, RAX, FLAGS as i32 + 8);
    code.extend([0x9c, 0xfc]);
    for (at, read) in [(FS, 0), (GS, 1)] {
        base(code, read);
        x64::memory(code, STORE, RCX, RAX, at as i32);
    }
    // fxsave64
    x64::memory(code, &[0x0f, 0xae], 0, RAX, IMAGE as i32);
    // Not compared: the last instruction's opcode and addresses, and which bits of MXCSR there are.
    // xor ecx, ecx; mov [rax + IMAGE + 6], cx; mov [rax + IMAGE + 28], ecx
    code.extend([0x31, 0xc9]);
    code.extend([0x66, 0x89, 0x88]);
    code.extend((IMAGE as i32 + 6).to_le_bytes());
    code.extend([0x89, 0x88]);
    code.extend((IMAGE as i32 + 28).to_le_bytes());
    for at in [8, 16] {
        x64::memory(code, STORE, RCX, RAX, (IMAGE + at) as i32);
    }
    (0..16).for_each(|n| high(code, 0x19, n, HIGH + 16 * usize::from(n)));
    // mov rcx, [CURRENT]; lea rcx, [rcx + FINISH]; jmp rcx
    x64::absolute(code, LOAD, RCX, CURRENT as u32);
    asm::x86_64::X86_64.add_imm(code, RCX, RCX, FINISH);
    asm::x86_64::X86_64.jump(code, RCX);
}
