//! What the evaluator runs instead of its being translated: code that a program reaches for the
//! first time, at its start.

/// Blocks that the evaluator runs: what starts a program. In what comes later, more is run again.
pub(crate) const BLOCKS: u32 = 6000;
/// Bits by pc, of which several share one.
const BITS: usize = 1 << 16;

/// A thread's. By default it evaluates nothing.
#[derive(Debug, Default)]
pub(crate) struct Firsts {
    /// Bits by pc: code that the evaluator has run, which is translated when it is reached again.
    seen: Vec<u64>,
    /// How many blocks the evaluator may still run.
    pub(crate) left: u32,
    /// `Spec::insn_align`.
    align: u8,
}

impl Firsts {
    /// For the thread that starts a program.
    pub(crate) fn new(align: u8) -> Self {
        Self { seen: vec![0; BITS / 64], left: BLOCKS, align }
    }
    /// Whether the evaluator is to run the block at `pc`.
    pub(crate) fn has(&self, pc: u64) -> bool {
        let (word, bit) = self.bit(pc);
        self.left != 0 && self.seen[word] & bit == 0
    }
    /// Notes that it does.
    pub(crate) fn take(&mut self, pc: u64) {
        let (word, bit) = self.bit(pc);
        self.seen[word] |= bit;
        self.left -= 1;
    }
    fn bit(&self, pc: u64) -> (usize, u64) {
        let n = (pc >> self.align ^ pc >> 18) as usize % BITS;
        (n / 64, 1 << (n % 64))
    }
}
