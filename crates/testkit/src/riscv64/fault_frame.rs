//! riscv64's signal frames.

use asm::riscv64 as rv;
use asm::{Assembler, Reg};

use super::fault_case::{self, FCSR, FLOATS, VCSR, VECTORS, VL, VTYPE};
use crate::fault::Guest;

/// Where things are in `ucontext_t`.
const PC: usize = 176;
const CONTEXT_FLOATS: usize = PC + 256;
const CONTEXT_FCSR: usize = CONTEXT_FLOATS + 256;
/// Behind the floating-point state and the header of the vectors' record: vstart, vl, vtype, vcsr,
/// vlenb, where the registers are, and these.
const CONTEXT_VECTOR: usize = CONTEXT_FLOATS + 528;
const CONTEXT_VECTORS: usize = CONTEXT_VECTOR + 48;
/// Behind the header that ends the extensions.
const END: usize = CONTEXT_VECTORS + 512 + 8;

/// Of faults.
pub(super) const GUEST: Guest = Guest {
    context: END,
    pc: PC,
    name,
    tolerate: |_| {},
    kind,
    step,
    length: None,
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
        _ if (CONTEXT_VECTOR..CONTEXT_VECTORS).contains(&at) => {
            let names = ["vstart", "vl", "vtype", "vcsr", "vlenb", "vector registers"];
            names[(at - CONTEXT_VECTOR) / 8].into()
        }
        _ if (CONTEXT_VECTORS..END - 8).contains(&at) => {
            format!("v{}+{}", (at - CONTEXT_VECTORS) / 16, at % 16)
        }
        _ => format!("ucontext+{at}"),
    }
}

fn kind(name: &str) -> Option<&'static str> {
    match name {
        "pc" => Some("pc"),
        "fcsr" => Some("fcsr"),
        n if n.starts_with('x') => Some("x"),
        n if n.starts_with('f') => Some("f"),
        // The oracle's frames have none.
        n if n.starts_with('v') => None,
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
    push(rv::addi(5, 31, VECTORS as i32));
    for n in (0..32).step_by(8) {
        push(rv::vl8r(n, 5));
        push(rv::addi(5, 5, 128));
    }
    push(rv::ld(5, 31, VCSR as i32));
    push(rv::csrw(rv::csr::VCSR, 5));
    push(rv::csrw(rv::csr::VSTART, 0));
    push(rv::ld(5, 31, VL as i32));
    push(rv::ld(6, 31, VTYPE as i32));
    push(rv::vsetvl(0, 5, 6));
    (1..32).for_each(|n| push(rv::ld(n, 31, 8 * n.cast_signed())));
}
