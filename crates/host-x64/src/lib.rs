//! The x86-64 back end: blocks to bytes. It never runs what it emits.
//!
//! Register plan: rbp = the guest's state, biased; rsp = the return stack; rax, rcx, rdx, xmm14 and
//! xmm15 = scratch; the others hold the guest's most used registers ("pins") for the whole process.

pub mod emit;
mod features;
mod lower;
mod stubs;
#[cfg(test)]
mod tests;
mod words;

pub use emit::integer::{Alu, Bit, Bmi, Count, Shift, Unary};
pub use features::Features;

use emit::{Gpr, Xmm};
use host::{Code, FlagsAt, Host, Pin, Stubs};
use ir::state::FIRST_VEC;
use ir::{Block, FpControl, FpRules};

/// Host general registers for pins, in order of preference.
const INT_PINS: [u8; 11] = [3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// Vector registers for pins: xmm0..xmm13.
const VEC_PINS: u8 = 14;
const NOT_PINNED: u8 = 0xff;

/// The back end for one guest's register preferences and one host's features.
#[derive(Debug)]
pub struct X64 {
    features: Features,
    pins: Vec<Pin>,
    /// Host register of each slot, [`NOT_PINNED`] if in memory.
    of_slot: [u8; 128],
}

impl X64 {
    /// Pins the first slots of both lists to host registers.
    pub fn new(features: Features, int_pins: &[u16], vec_pins: &[u16]) -> Self {
        let mut x = Self { features, pins: Vec::new(), of_slot: [NOT_PINNED; 128] };
        let int = int_pins.iter().zip(INT_PINS);
        let vec = vec_pins.iter().zip(0..VEC_PINS);
        for (&slot, reg) in int.chain(vec) {
            x.pins.push(Pin { slot, reg });
            x.of_slot[usize::from(slot)] = reg;
        }
        x
    }
    /// The general register of an integer slot.
    pub(crate) fn int_pin(&self, slot: u16) -> Option<Gpr> {
        let r = self.of_slot[usize::from(slot)];
        (slot < FIRST_VEC && r != NOT_PINNED).then_some(Gpr(r))
    }
    /// The register of a pinned slot, general or vector by the slot's kind.
    #[inline(always)]
    pub(crate) fn pin(&self, v: ir::Ref) -> Option<u8> {
        let r = *self.of_slot.get(usize::from(v.0))?;
        (r != NOT_PINNED).then_some(r)
    }
    /// The vector register of a vector slot.
    pub(crate) fn vec_pin(&self, slot: u16) -> Option<Xmm> {
        let r = self.of_slot[usize::from(slot)];
        (slot >= FIRST_VEC && r != NOT_PINNED).then_some(Xmm(r))
    }
    /// The host's optional instructions.
    pub(crate) fn features(&self) -> Features {
        self.features
    }
    /// Lowers `block` and gives the code as text, as [`Host::describe`] does.
    pub fn lower_to_text(&self, block: &Block) -> String {
        let mut code = Code::default();
        self.lower(block, 0, &mut code);
        self.describe(&code.bytes)
    }
}

impl Host for X64 {
    fn lower(&self, block: &Block, first_link: u32, code: &mut Code) {
        lower::lower(self, block, first_link, code);
    }
    fn stubs(&self) -> Stubs {
        stubs::stubs(self)
    }
    fn pins(&self) -> &[Pin] {
        &self.pins
    }
    fn link_word(&self, at: u32, to: u32) -> u32 {
        words::link_word(at, to)
    }
    fn set_number(&self, code: &mut [u8], at: u32, number: u32) {
        let at = at as usize;
        code[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }
    fn has_rules(&self, rules: FpRules) -> bool {
        rules == words::RULES
    }
    fn control(&self, fp: &FpControl) -> u32 {
        words::control(fp)
    }
    fn usual_control(&self) -> u32 {
        words::USUAL_CONTROL
    }
    fn split_sticky(&self, control: u32, rules: FpRules) -> (u64, u32) {
        words::split_sticky(control, rules)
    }
    fn without_invalid(&self, control: u32) -> u32 {
        words::without_invalid(control)
    }
    fn flag_word(&self, host_flags: u64, at: FlagsAt) -> u32 {
        words::flag_word(host_flags, at)
    }
    fn describe(&self, code: &[u8]) -> String {
        use core::fmt::Write;
        let mut text = String::new();
        for line in code.chunks(16) {
            for b in line {
                _ = write!(text, "{b:02x} ");
            }
            text.pop();
            text.push('\n');
        }
        text
    }
}
