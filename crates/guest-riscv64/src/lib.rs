//! The RISC-V guest: RV64 instructions to IR.
//!
//! `isa/riscv64.isa` declares the instructions; the decoder generated from it calls one function of
//! [`translator::Translator`] for each. Those functions live in files named after the manual's
//! chapters, and do no decoding. What is not implemented is undefined to the guest (SIGILL), and not
//! advertised in [`cpu`].
//!
//! Where registers are in `ir::State`: x1 to x31 in integer slots 1 to 31, the program counter in its
//! own slot, f0 to f31 in vector slots 64 to 95. A floating-point register is 64 bits wide; what is
//! narrower is NaN-boxed (all ones above it).

pub mod cpu;
mod disasm;
pub mod encoding;
pub mod field;
mod generated;
mod key;
mod known;
mod prescan;
mod rotate;
mod runtime;
pub mod state;
pub mod translator;
mod vector;

mod atomic;
mod bits;
mod branch;
mod compressed;
mod crypto;
mod csr;
mod float;
mod integer;
mod memory;

use guest::{
    Address, Capabilities, Coherence, Control, Effect, Endian, Fetch, Guest, Memory, Mode, Space,
    Spec,
};
use ir::{Block, State};
use softfloat::rules::RISCV;

pub use cpu::Cpu;
pub use disasm::disassemble;
pub use guest::Flow;
pub use translator::Translator;

#[cfg(test)]
mod tests;

/// The guest, as far as it is data. The registers are those that compiled code uses most (counted in
/// Debian's binaries): a5 sp a0 a4 ra s0 a1 a2 a3 s1 s2.
static SPEC: Spec = Spec {
    name: "riscv64",
    insn_align: 1,
    insn_max: 4,
    int_pins: &[15, 2, 10, 14, 1, 8, 11, 12, 13, 9, 18],
    vec_pins: &[79, 74, 78, 72, 73, 75, 77, 76, 82, 64, 65, 66, 67, 80],
    order: Endian::Little,
    address: Address::Full,
    memory: Memory::Weak,
    coherence: Coherence::Explicit,
    fp: RISCV,
    refault: true,
    steps: None,
};

/// The RISC-V guest.
#[derive(Clone, Copy, Debug)]
pub struct Riscv64 {
    cpu: Cpu,
}

impl Riscv64 {
    /// With [`Cpu::PLAIN`], for tests of instructions.
    pub const PLAIN: Self = Self { cpu: Cpu::PLAIN };

    /// The guest on `cpu`.
    pub const fn new(cpu: Cpu) -> Self {
        Self { cpu }
    }
    /// The processor.
    pub const fn cpu(&self) -> &Cpu {
        &self.cpu
    }
}

impl Guest for Riscv64 {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }
    fn translate(&self, fetch: &mut dyn Fetch, pc: u64, mode: Mode, block: &mut Block) {
        translator::translate(&self.cpu, fetch, pc, mode, block);
    }
    fn control(&self, state: &State) -> Control {
        key::control(state)
    }
    fn hint(&self, state: &State) -> u16 {
        vector::hint(state)
    }
    fn runtime(&self, op: u32, args: [u64; 2], state: &mut State, space: &mut dyn Space) -> Effect {
        runtime::run(&self.cpu, op, args, state, space)
    }
    fn isa(&self) -> String {
        self.cpu.features.isa_string()
    }
    fn start(&self, state: &mut State) {
        state.int[usize::from(state::SLOT_VTYPE)] = state::VILL;
    }
    fn disassemble(&self, code: &[u8], pc: u64) -> (String, usize) {
        disasm::disassemble(code, pc)
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities { hwcap: [self.cpu.features.hwcap(), 0], id: 0, context: 0 }
    }
}
