//! The AArch64 guest: A64 instructions to IR.
//!
//! `isa/aarch64.isa` declares the instructions; the decoder generated from it calls one function of
//! [`translator::Translator`] for each. Those functions live in files named after the manual's
//! classes, and do no decoding. What is not implemented is undefined to the guest (SIGILL), and not
//! advertised in [`cpu`].

pub mod cpu;
mod disasm;
pub mod encoding;
pub mod field;
mod flags;
mod generated;
mod prescan;
mod runtime;
pub mod translator;

// Integer side.
mod add_sub;
mod atomic;
mod bitfield;
mod branch;
mod branch_target;
mod cond;
mod exclusive;
mod load_store;
mod load_store_pair;
mod logical;
mod memory_copy;
mod move_wide;
mod mul_div;
mod pointer_auth;
mod shift;
mod system;

// Floating point, SIMD and cryptography.
mod crypto;
mod float_arithmetic;
mod float_convert;
mod float_move;
mod simd_compose;
mod simd_copy;
mod simd_element;
mod simd_emit;
mod simd_scalar;
mod simd_shift;
mod simd_structure;
mod simd_structure_forms;
mod simd_three_different;
mod simd_three_same;
mod simd_two_registers;

use guest::{
    Address, Coherence, Control, Effect, Endian, Fetch, Guest, Key, KeyRequest, Memory, Mode,
    Space, Spec,
};
use ir::state::SLOT_FPCR;
use ir::{Block, FpControl, Round, State};
use softfloat::rules;

pub use cpu::Cpu;
pub use disasm::disassemble;
pub use guest::Flow;
pub use translator::Translator;

#[cfg(test)]
mod compose_tests;
#[cfg(test)]
mod simd_tests;
#[cfg(test)]
mod tests;

/// The AArch64 guest.
#[derive(Clone, Copy, Debug)]
pub struct Aarch64 {
    cpu: Cpu,
    /// Fills a buffer with random bytes; false if there are none.
    random: fn(&mut [u8]) -> bool,
}

impl Aarch64 {
    /// With [`Cpu::PLAIN`] and without random numbers, for tests of instructions.
    pub const PLAIN: Self = Self { cpu: Cpu::PLAIN, random: |_| false };

    /// The guest on `cpu`; `random` fills a buffer with random bytes or returns false.
    pub const fn new(cpu: Cpu, random: fn(&mut [u8]) -> bool) -> Self {
        Self { cpu, random }
    }
}

/// Integer slots by how often compiled code uses them: arguments and results, the first
/// callee-saved registers, SP; and x30, which every call writes and its return reads at once.
const INT_PINS: &[u16] = &[0, 1, 2, 3, 4, 5, 30, 19, 20, 21, 31];
/// Vector slots likewise.
const VEC_PINS: &[u16] = &[64, 65, 66, 67, 68, 69, 70, 71, 80, 81, 82, 72, 73, 83];

/// FPCR bits that host instructions cannot follow: AH, NEP, FIZ, FZ16, FZ, DN, AHP.
const FPCR_EXACT: u64 = 1 << 1 | 1 << 2 | 1 | 1 << 19 | 1 << 24 | 1 << 25 | 1 << 26;

/// The key of translations for a floating-point control that host instructions do not follow: every
/// floating-point operation is the evaluator's.
pub const KEY_EXACT: Key = Key(1);

/// What FPCR asks for.
fn fp_control(fpcr: u64) -> FpControl {
    let flush = fpcr >> 24 & 1 != 0;
    FpControl {
        rules: rules::ARM,
        rounding: [Round::Nearest, Round::Up, Round::Down, Round::Zero][(fpcr >> 22 & 3) as usize],
        flush_operands: flush,
        flush_results: flush,
        flush_half: fpcr >> 19 & 1 != 0,
        default_nan: fpcr >> 25 & 1 != 0,
        alternative_half: fpcr >> 26 & 1 != 0,
        unmasked: 0,
    }
}

/// What it is, as data.
pub static SPEC: Spec = Spec {
    name: "aarch64",
    insn_align: 2,
    insn_max: 4,
    int_pins: INT_PINS,
    vec_pins: VEC_PINS,
    order: Endian::Little,
    address: Address::TopByteIgnored,
    memory: Memory::Weak,
    coherence: Coherence::Explicit,
    fp: rules::ARM,
    refault: false,
    steps: None,
};

impl Guest for Aarch64 {
    fn capabilities(&self) -> guest::Capabilities {
        guest::Capabilities { hwcap: self.cpu.features.hwcap(), id: self.cpu.midr, context: 0 }
    }
    fn spec(&self) -> &'static Spec {
        &SPEC
    }
    fn translate(&self, fetch: &mut dyn Fetch, pc: u64, mode: Mode, block: &mut Block) {
        translator::translate(&self.cpu, fetch, pc, mode, block);
    }
    fn runtime(&self, op: u32, args: [u64; 2], state: &mut State, _: &mut dyn Space) -> Effect {
        runtime::run(self.random, op, args, state)
    }
    fn control(&self, state: &State) -> Control {
        let fpcr = state.int[usize::from(SLOT_FPCR)];
        Control {
            key: if fpcr & FPCR_EXACT != 0 { KEY_EXACT } else { Key(0) },
            fp: fp_control(fpcr),
        }
    }
    fn canonical(&self, addr: u64) -> u64 {
        // Linux always lets EL0 use the top byte for itself.
        addr << 8 >> 8 | if addr >> 55 & 1 != 0 { 0xff << 56 } else { 0 }
    }
    fn guards(&self) -> bool {
        self.cpu.features.has(cpu::Features::BTI)
    }
    fn start(&self, state: &mut State) {
        let _ = self.keys(KeyRequest::Reset(0), state);
        let _ = self.keys(KeyRequest::Enable { which: 15, on: 15 }, state);
    }
    fn keys(&self, request: KeyRequest, state: &mut State) -> Option<u64> {
        let there = self.cpu.features.has(cpu::Features::PAUTH);
        if there { pointer_auth::keys(self.random, request, state) } else { None }
    }
    fn disassemble(&self, code: &[u8], pc: u64) -> (String, usize) {
        match code.first_chunk() {
            Some(&word) => (disasm::disassemble(u32::from_le_bytes(word), pc), 4),
            None => (String::from("incomplete"), code.len()),
        }
    }
}
