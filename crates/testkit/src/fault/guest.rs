//! What is a guest's in signal frames.

use asm::{Assembler, Reg};

use super::Case;

/// A guest's signal frames, and cases that fault.
pub struct Guest {
    /// Bytes of `ucontext_t` that are compared.
    pub context: usize,
    /// Where the pc is in them.
    pub pc: usize,
    /// The name of the eight bytes at an offset of it.
    pub name: fn(usize) -> String,
    /// Sets what may be missing in ours.
    pub tolerate: fn(&mut [u8]),
    /// The kind of what differs from the oracle, by its name; None if the oracle does not fill it in.
    pub kind: fn(&str) -> Option<&'static str>,
    /// Emits what adds the length of the instruction at the pc in the register to it; the second
    /// one is free.
    pub step: fn(&mut Assembler, Reg, Reg),
    /// The length of the instruction at the start of these bytes, if `step` needs a table of them: at
    /// [`LENGTHS`](super::LENGTHS), a byte for each byte of code.
    pub length: Option<fn(&[u8]) -> usize>,
    /// Loads all registers from a case's table at this address.
    pub load: fn(&mut Assembler, u64),
    /// The shortest instruction that does nothing.
    pub nop: &'static [u8],
    /// Makes cases from a seed.
    pub chooser: fn(u64) -> Box<dyn Chooser>,
}

/// Makes cases.
pub trait Chooser {
    /// A case of at most `length` groups.
    fn case(&mut self, length: u64) -> Case;
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest").finish_non_exhaustive()
    }
}
