//! Loads all registers before a case, and stores them after it.

use asm::aarch64 as a64;
use asm::{Assembler, Label, Reach};

use super::{FPCR, FPSR, NZCV, SP, VECTORS};
use crate::diff::program::CURRENT;
use crate::diff::record::COUNTER;
use crate::subject::{Common, Frame};

/// A case itself only says where its record is.
pub(super) const FRAME: Frame = Frame { common, begin, finish, context_pc: 440 };

/// Bytes of what [`finish`] emits.
const FINISH: u32 = 16;

/// The end of a case is in x0, its start in x29, its record in x30.
fn begin(a: &mut Assembler, common: &[Common], record: u64, end: Label) {
    a64::mov_wide(&mut a.code, 30, record);
    a.reach(Reach::Address(0), end);
    // Behind this, the branch and LDP are the tested instructions.
    a64::push(&mut a.code, a64::adr(29, 2));
    a.reach(Reach::Jump, common[0].load);
    a64::push(&mut a.code, a64::ldp(29, 30, 232));
}

/// The case's x30 goes into TPIDR, which cases leave alone.
fn finish(a: &mut Assembler, common: &[Common], record: u64) {
    let from = a.code.len();
    a64::push(&mut a.code, a64::msr(a64::TPIDR, 30));
    a64::mov_wide(&mut a.code, 30, record);
    a.reach(Reach::Jump, common[0].store);
    debug_assert_eq!(a.code.len() - from, FINISH as usize);
}

fn common(a: &mut Assembler) -> Vec<Common> {
    let load = a.here();
    load_registers(&mut a.code);
    let store = a.here();
    store_registers(&mut a.code);
    vec![Common { load, store }]
}

const CONTROL: [(usize, u32); 3] = [(NZCV, a64::NZCV), (FPCR, a64::FPCR), (FPSR, a64::FPSR)];

fn append(code: &mut Vec<u8>, words: impl IntoIterator<Item = u32>) {
    words.into_iter().for_each(|word| a64::push(code, word));
}

/// Loads all registers but x29 and x30 from the record at x30, and goes to x29.
fn load_registers(code: &mut Vec<u8>) {
    a64::mov(code, 1, CURRENT);
    append(code, [a64::str(0, 1, 0), a64::str(30, 1, 8), a64::str(31, 30, COUNTER)]);
    append(code, [a64::add(1, 30, VECTORS as u32)]);
    append(code, (0..32).step_by(2).map(|n| a64::ldp_q(n, 1, n as usize * 16)));
    for (offset, register) in CONTROL {
        append(code, [a64::ldr(0, 30, offset), a64::msr(register, 0)]);
    }
    append(code, [a64::ldr(0, 30, SP), a64::add(31, 0, 0), a64::CLREX]);
    append(code, (0..28).step_by(2).map(|n| a64::ldp(n, 30, n as usize * 8)));
    append(code, [a64::ldr(28, 30, 224), a64::br(29)]);
}

/// Stores all registers in the record at x30, and goes on behind the end of the case.
fn store_registers(code: &mut Vec<u8>) {
    append(code, (0..30).step_by(2).map(|n| a64::stp(n, 30, n as usize * 8)));
    append(code, [a64::mrs(0, a64::TPIDR), a64::str(0, 30, 240)]);
    append(code, [a64::add(0, 31, 0), a64::str(0, 30, SP)]);
    for (offset, register) in CONTROL {
        append(code, [a64::mrs(0, register), a64::str(0, 30, offset)]);
    }
    append(code, [a64::msr(a64::FPCR, 31), a64::add(1, 30, VECTORS as u32)]);
    append(code, (0..32).step_by(2).map(|n| a64::stp_q(n, 1, n as usize * 16)));
    a64::mov(code, 1, CURRENT);
    append(code, [a64::ldr(1, 1, 0), a64::add(1, 1, FINISH), a64::br(1)]);
}
