//! The x86 guest: instructions of x86_64 and, by the same table, of i386, to IR.
//!
//! `isa/x86.isa` declares the instructions; what is generated from it tells them apart ([`decode`]) and
//! calls one function of [`Translator`] for each. Those functions live in files named after what they do.
//! What is not implemented is undefined to the guest (SIGILL).
//!
//! Where registers are in `ir::State`: see [`state`]. The carry flag is kept inverted, as subtractions
//! leave the IR's, and parity and auxiliary carry with the others ([`ir::SIX_FLAGS`]).

mod behind;
mod control;
pub mod cpu;
pub mod decode;
pub mod disasm;
pub mod encoding;
mod generated;
mod liveness;
mod operand;
mod runtime;
mod scan;
mod segment;
pub mod state;
mod translator;
mod xstate;

mod alu;
mod atomic;
mod bits;
mod branch;
mod flags;
mod moves;
mod mul_div;
mod packed;
mod selector;
mod shift;
mod stack;
mod string;
mod system;
mod text;
mod vector;
mod vector_extend;
mod vector_float;
mod vector_integer;
mod vector_memory;
mod vector_move;
mod vector_permute;
mod x87;

#[cfg(test)]
mod tests;

use guest::{
    Address, Capabilities, Coherence, Control, Effect, Endian, Fetch, Guest, Memory, Mode, Space,
    Spec,
};
use ir::{Block, State};
use softfloat::rules::SSE;

pub use cpu::Cpu;
pub use guest::Flow;
pub use translator::Translator;

/// The guest, as far as it is data. The registers are those that compiled code uses most.
static SPEC: Spec = Spec {
    name: "x86_64",
    insn_align: 0,
    insn_max: 15,
    int_pins: &[0, 4, 7, 2, 3, 6, 1, 5, 8, 12, 13],
    vec_pins: &[64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77],
    order: Endian::Little,
    address: Address::Canonical,
    memory: Memory::Tso,
    coherence: Coherence::Stores,
    fp: SSE,
    refault: false,
    steps: Some((state::SLOT_FLAGS, flags::TRAP_FLAG)),
};

/// The x86_64 guest.
#[derive(Clone, Copy, Debug)]
pub struct X86_64 {
    cpu: Cpu,
    random: runtime::Random,
}

impl X86_64 {
    /// The guest on `cpu`, which has no random numbers.
    pub const fn new(cpu: Cpu) -> Self {
        Self::with_random(cpu, |_| false)
    }
    /// The same with random numbers from `random`, which says whether it has some.
    pub const fn with_random(cpu: Cpu, random: fn(&mut [u8]) -> bool) -> Self {
        Self { cpu, random }
    }
    /// The processor.
    pub const fn cpu(&self) -> &Cpu {
        &self.cpu
    }
}

impl Guest for X86_64 {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }
    fn translate(&self, fetch: &mut dyn Fetch, pc: u64, mode: Mode, block: &mut Block) {
        translator::translate(&self.cpu, fetch, pc, mode, block);
    }
    fn control(&self, state: &State) -> Control {
        control::control(state)
    }
    fn runtime(&self, op: u32, args: [u64; 2], state: &mut State, space: &mut dyn Space) -> Effect {
        runtime::run((&self.cpu, self.random), op, args, state, space)
    }
    fn isa(&self) -> String {
        self.cpu.flags_line()
    }
    fn start(&self, state: &mut State) {
        xstate::reset(state);
        state.set_six_flags(control::START_FLAGS);
    }
    fn disassemble(&self, code: &[u8], pc: u64) -> (String, usize) {
        disasm::disassemble(code, pc, decode::Bits::B64)
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            hwcap: self.cpu.hwcap(),
            id: self.cpu.signature.into(),
            context: xstate::len(&self.cpu) as u64,
        }
    }
    fn context(&self, state: &State) -> Vec<u8> {
        xstate::save(&self.cpu, state)
    }
    fn set_context(&self, state: &mut State, context: &[u8]) -> bool {
        xstate::restore(&self.cpu, state, context)
    }
    fn is_stack_fault(&self, code: &[u8], state: &State) -> bool {
        segment::is_stack_fault(code, state)
    }
    fn reset_context(&self, state: &mut State) {
        xstate::reset(state);
    }
}
