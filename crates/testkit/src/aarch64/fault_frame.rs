//! arm64's signal frames.

use asm::Assembler;
use asm::aarch64 as a64;

use super::{FPCR, FPSR, NZCV, SP, VECTORS, fault_case};
use crate::fault::Guest;

/// Of faults. `ucontext_t` is compared up to the syndrome.
pub(super) const GUEST: Guest = Guest {
    context: 1040,
    pc: 440,
    name,
    tolerate,
    kind,
    step: |a, pc, _| a.add_imm(pc, pc, 4),
    length: None,
    load,
    nop: &a64::NOP.to_le_bytes(),
    chooser: |seed| Box::new(fault_case::Chooser::new(seed)),
};

fn name(at: usize) -> String {
    match at {
        176 => "fault_address".into(),
        184..432 => format!("x{}", (at - 184) / 8),
        432 => "sp".into(),
        440 => "pc".into(),
        448 => "pstate".into(),
        472 => "fpsr, fpcr".into(),
        480..992 => format!("v{}.d[{}]", (at - 480) / 16, at / 8 % 2),
        _ => format!("ucontext+{at}"),
    }
}

/// x86 finds a result tiny after rounding it, Arm before, so that FPSR.UFC may be missing where
/// FPSR.IXC is set.
fn tolerate(context: &mut [u8]) {
    if context[472] & 0x10 != 0 {
        context[472] |= 8;
    }
}

fn kind(name: &str) -> Option<&'static str> {
    match name {
        "fault_address" => None,
        "pstate" => Some("pstate"),
        "pc" => Some("pc"),
        n if n.starts_with('x') || n == "sp" => Some("x"),
        n if n.starts_with('v') => Some("v"),
        n if n.starts_with("fpsr") => Some("fpsr"),
        _ => Some("signal"),
    }
}

/// Loads all registers from the table at `address`.
fn load(a: &mut Assembler, address: u64) {
    let mut append = |words: &[u32]| words.iter().for_each(|w| a64::push(&mut a.code, *w));
    let mut mov = Vec::new();
    super::mov(&mut mov, 30, address);
    append(&mov);
    append(&[a64::add(1, 30, VECTORS as u32)]);
    for n in (0..32).step_by(2) {
        append(&[a64::ldp_q(n, 1, n as usize * 16)]);
    }
    for (offset, register) in [(NZCV, a64::NZCV), (FPCR, a64::FPCR), (FPSR, a64::FPSR)] {
        append(&[a64::ldr(0, 30, offset), a64::msr(register, 0)]);
    }
    append(&[a64::ldr(0, 30, SP), a64::add(31, 0, 0), a64::CLREX]);
    for n in (0..30).step_by(2) {
        append(&[a64::ldp(n, 30, n as usize * 8)]);
    }
    append(&[a64::ldr(30, 30, 240)]);
}
