//! A translated piece of guest code: operations, constants, exits.

use crate::fp::FpRules;
use crate::op::{Op, OpCode, Ref};

/// What a direct exit does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitKind {
    /// Go there.
    Jump,
    /// Go there after pushing this return address on the return stack. (The guest's link register
    /// is written by an ordinary operation.)
    Call {
        /// Guest address of the instruction after the call.
        return_pc: u64,
    },
    /// The return point of a `CallIndirect`.
    Return,
}

/// A direct exit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exit {
    /// Where to go.
    pub pc: u64,
    /// How.
    pub kind: ExitKind,
    /// The guest has shown that the flags are overwritten at `pc` before anything reads them or
    /// may fault: they need not be stored.
    pub flags_dead: bool,
}

/// A piece of guest code with one entry.
#[derive(Clone, Default, Debug)]
pub struct Block {
    /// Guest address of the first instruction.
    pub pc: u64,
    /// Bytes of guest code covered, from `pc`.
    pub len: u32,
    /// Guest instructions covered.
    pub insns: u32,
    /// The operations.
    pub ops: Vec<Op>,
    /// The constant pool; integers use the low 64 bits.
    pub consts: Vec<u128>,
    /// Direct exits.
    pub exits: Vec<Exit>,
    /// Number of temporaries used.
    pub temps: u16,
    /// Number of labels used.
    pub labels: u16,
    /// Some operation writes the flags.
    pub writes_flags: bool,
    /// The guest's rules of floating point.
    pub fp: FpRules,
    /// Loads are kept in order, and stores in order, and loads before later stores, as if all of them
    /// were ordered accesses (TSO): a property of the guest.
    pub tso: bool,
    /// Every floating-point operation must go to the evaluator (`Mode::fp_exact`).
    pub fp_exact: bool,
    /// Instructions, by their byte offsets from `pc`, that are known to trap often: the same for
    /// these alone.
    pub trapping: Vec<u32>,
    /// Loads and stores, likewise, whose addresses have had bits that the guest ignores: its top
    /// byte, which is a copy of the bit below it for the host.
    pub tagged: Vec<u32>,
    /// An ordinary constant looks like a guest address near `pc` ([`near`]): host code of this
    /// block cannot be told apart into what depends on `pc` and what does not.
    pub unmovable: bool,
    /// The guest code itself, if it may change at any time: it is compared at each entry, and left with
    /// `exit::CHANGED` if it is another. Else empty.
    pub checked: Vec<u8>,
    /// Bits by the numbers of variables modulo 64: to which of them constants are moved, and which are
    /// stored as 64-bit integers.
    pub moved_to: u64,
    /// See `moved_to`.
    pub stored: u64,
}

/// Guest addresses from here on are told from other constants by their being [`near`].
pub const MOVABLE_FROM: u64 = 1 << 40;

/// Whether `v` is within 8 GiB of `pc`, as all is that instructions make of their own address; no
/// below [`MOVABLE_FROM`].
pub const fn near(pc: u64, v: u64) -> bool {
    const REACH: u64 = 1 << 33;
    pc >= MOVABLE_FROM && v.wrapping_sub(pc).wrapping_add(REACH) < 2 * REACH
}

impl Block {
    /// Empties it, keeping the memory.
    pub fn clear(&mut self) {
        self.pc = 0;
        self.len = 0;
        self.insns = 0;
        self.ops.clear();
        self.consts.clear();
        self.exits.clear();
        self.temps = 0;
        self.labels = 0;
        self.fp = FpRules::default();
        self.tso = false;
        self.fp_exact = false;
        self.trapping.clear();
        self.tagged.clear();
        self.unmovable = false;
        self.checked.clear();
        self.moved_to = 0;
        self.stored = 0;
        self.writes_flags = false;
    }
    /// Bytes of the last instruction.
    pub fn last_length(&self) -> u8 {
        let last = self.ops.iter().rfind(|op| op.code == OpCode::Insn);
        last.map_or(0, |op| (self.len - op.imm as u32) as u8)
    }
    /// Whether a constant may be moved to a variable and stored as a 64-bit integer. Quick.
    pub fn may_store_constants(&self) -> bool {
        self.moved_to & self.stored != 0
    }
    /// Bytes of the instruction that ends at `pc`.
    pub fn length_before(&self, pc: u64) -> u64 {
        let end = pc.wrapping_sub(self.pc);
        let starts = self.ops.iter().filter(|op| op.code == OpCode::Insn);
        let last = starts.map(|op| op.imm as u64).rfind(|&start| start < end);
        last.map_or(0, |start| end - start)
    }
    /// Whether `r` is a constant of the pool.
    pub(crate) fn constant_exists(&self, r: Ref) -> bool {
        r.as_const().is_some_and(|n| usize::from(n) < self.consts.len())
    }
    /// The value of a constant operand.
    pub fn constant(&self, r: Ref) -> Option<u128> {
        r.as_const().map(|n| self.consts[n as usize])
    }
    /// The low 64 bits of a constant operand.
    pub fn const64(&self, r: Ref) -> Option<u64> {
        self.constant(r).map(|v| v as u64)
    }
}
