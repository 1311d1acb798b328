//! riscv64's signal frames.

use asm::riscv64 as rv;
use asm::{Assembler, Reg};

use super::fault_case::{self, FCSR, FLOATS};
use crate::fault::Guest;

/// Where things are in `ucontext_t`.
const PC: usize = 176;
const CONTEXT_FLOATS: usize = PC + 256;
const CONTEXT_FCSR: usize = CONTEXT_FLOATS + 256;
/// Behind the floating-point state and the header that ends the extensions.
const END: usize = CONTEXT_FLOATS + 528;

/// Of faults.
pub(super) const GUEST: Guest = Guest {
    context: END,
    pc: PC,
    name,
    tolerate: |_| {},
    kind,
    step,
    load,
    nop: &[1, 0],
    chooser: |seed| Box::new(fault_case::Chooser::new(seed)),
};

fn name(at: usize) -> String {
    match at {
        PC => "pc".into(),
        _ if (PC..CONTEXT_FLOATS).contains(&at) => format!("x{}", (at - PC) / 8),
        _ if (CONTEXT_FLOATS..CONTEXT_FCSR).contains(&at) => {
            format!("f{}", (at - CONTEXT_FLOATS) / 8)
        }
        CONTEXT_FCSR => "fcsr".into(),
        _ => format!("ucontext+{at}"),
    }
}

fn kind(name: &str) -> Option<&'static str> {
    match name {
        "pc" => Some("pc"),
        "fcsr" => Some("fcsr"),
        n if n.starts_with('x') => Some("x"),
        n if n.starts_with('f') => Some("f"),
        _ => Some("signal"),
    }
}

/// Instructions whose low two bits are ones have four bytes, others two.
fn step(a: &mut Assembler, pc: Reg, free: Reg) {
    let (pc, free) = (u32::from(pc), u32::from(free));
    let words = [
        // lbu free, 0(pc); andi free, free, 3.
        0x0000_4003 | pc << 15 | free << 7,
        0x0030_7013 | free << 15 | free << 7,
        // sltiu free, free, 3; xori free, free, 1: whether it is long.
        0x0030_3013 | free << 15 | free << 7,
        0x0010_4013 | free << 15 | free << 7,
        // slli free, free, 1; add pc, pc, free.
        0x0010_1013 | free << 15 | free << 7,
        0x33 | free << 20 | pc << 15 | pc << 7,
        rv::addi(pc, pc, 2),
    ];
    words.into_iter().for_each(|word| rv::push(&mut a.code, word));
}

/// Loads all registers from the table at `address`.
fn load(a: &mut Assembler, address: u64) {
    super::li(&mut a.code, 31, address);
    let mut push = |word| rv::push(&mut a.code, word);
    (0..32).for_each(|n| push(rv::fld(n, 31, FLOATS as i32 + 8 * n.cast_signed())));
    push(rv::ld(5, 31, FCSR as i32));
    push(rv::csrw(rv::csr::FCSR, 5));
    (1..32).for_each(|n| push(rv::ld(n, 31, 8 * n.cast_signed())));
}
