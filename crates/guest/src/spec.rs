//! What a guest is, as data.

use ir::FpRules;

/// The order of bytes in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Endian {
    /// The least significant byte first.
    Little,
    /// The most significant byte first.
    Big,
}

/// What becomes of an address before memory is accessed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Address {
    /// All 64 bits count.
    Full,
    /// The top byte is the program's own; bit 55 stands for it.
    TopByteIgnored,
    /// Sums are cut to 32 bits.
    Wrap32,
    /// All 64 bits count, and an access where the highest ones are not equal is another fault than one to
    /// memory that is not there: SIGSEGV with `SI_KERNEL` and no address.
    Canonical,
}

/// What the processor promises of the order of ordinary loads and stores.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Memory {
    /// Nothing.
    Weak,
    /// All but a store before a later load is seen in program order (total store order).
    Tso,
}

/// When code that was changed in memory takes effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coherence {
    /// After an instruction that says so ([`crate::Effect::Invalidate`]).
    Explicit,
    /// At once.
    Stores,
}

/// A guest architecture, as far as it is data.
#[derive(Debug)]
pub struct Spec {
    /// Its name, as `uname -m` gives it (`aarch64`).
    pub name: &'static str,
    /// Instructions are aligned to two to the power of this many bytes.
    pub insn_align: u8,
    /// Most bytes of one instruction.
    pub insn_max: u8,
    /// Integer slots in the order in which they should be held in the host's registers.
    pub int_pins: &'static [u16],
    /// Vector slots likewise.
    pub vec_pins: &'static [u16],
    /// The order of bytes of its data.
    pub order: Endian,
    /// What becomes of addresses.
    pub address: Address,
    /// The order of its loads and stores.
    pub memory: Memory,
    /// When changed code takes effect.
    pub coherence: Coherence,
    /// Its rules of floating point.
    pub fp: FpRules,
    /// An instruction that faults may have had a part of its effect, which its registers tell (RISC-V's
    /// vstart): what faults in translated code is executed again by the evaluator, which finds that out.
    pub refault: bool,
    /// The slot and the flag by which a program has a trap after each of its instructions.
    pub steps: Option<(u16, u64)>,
}

impl Spec {
    /// The alignment of instructions in bytes.
    pub const fn pc_alignment(&self) -> u64 {
        1 << self.insn_align
    }
}
