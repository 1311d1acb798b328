//! What a host back end must provide: a pure function from a block to bytes.

use ir::state::FIRST_VEC;
use ir::{Block, FpControl, FpRules};

/// Where the guest's flags are when a host instruction faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlagsAt {
    /// In `State::flags`.
    Home,
    /// In the host's flags; carry has Arm's polarity (after additions).
    HostAdd,
    /// In the host's flags; carry is inverted (after subtractions).
    HostSub,
    /// In the host's flags; C and V are to be taken as zero (after logic).
    HostLogic,
    /// To be computed: entry `n` of [`Code::recipes`].
    Recipe(u16),
}

/// How to recompute flags that were left out because only a fault would need them: NZCV of
/// `a - b` (sub) or `a + b` (add) or `a & b` (logic) over operands that still hold.
/// [`Recipe::nzcv`] does it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recipe {
    /// 0 subtraction, 1 addition, 2 logical and; 3 and 4: subtraction and addition where `a` holds
    /// the result instead of the first operand.
    pub kind: u8,
    /// 32-bit operation.
    pub w32: bool,
    /// Slot of a, or [`Recipe::SPILL`] + entry of `State::spill`.
    pub a: u16,
    /// The same of b, or None for `imm`.
    pub b: Option<u16>,
    /// Constant b.
    pub imm: u64,
}

impl Recipe {
    /// Added to an entry of `State::spill` to make an operand of it.
    pub const SPILL: u16 = 0x100;

    /// The flags, in PSTATE layout (N bit 31 .. V bit 28). The pins must have been stored.
    pub fn nzcv(&self, state: &ir::State) -> u32 {
        let value = |n: u16| {
            if n >= Self::SPILL {
                state.spill[usize::from(n - Self::SPILL)] as u64
            } else {
                state.int[usize::from(n)]
            }
        };
        let up = if self.w32 { 32 } else { 0 };
        // A 32-bit operation is done in the upper halves: same flags.
        let a = value(self.a) << up;
        let b = self.b.map_or(self.imm, value) << up;
        let a = match self.kind {
            3 => a.wrapping_add(b),
            4 => a.wrapping_sub(b),
            _ => a,
        };
        let (r, c, v) = match self.kind {
            0 | 3 => {
                let r = a.wrapping_sub(b);
                (r, a >= b, ((a ^ b) & (a ^ r)) >> 63 != 0)
            }
            1 | 4 => {
                let (r, c) = a.overflowing_add(b);
                (r, c, (!(a ^ b) & (a ^ r)) >> 63 != 0)
            }
            _ => (a & b, false, false),
        };
        u32::from(r >> 63 != 0) << 31
            | u32::from(r == 0) << 30
            | u32::from(c) << 29
            | u32::from(v) << 28
    }
}

/// A host instruction that may fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultPoint {
    /// Offset of the host instruction's first byte from the unit's start.
    pub host: u32,
    /// Byte offset of the guest instruction from the block's pc.
    pub guest: u32,
    /// Where its flags are.
    pub flags: FlagsAt,
}

/// A place to patch when a direct exit is linked: a word that says where the exit leads
/// ([`Host::link_word`]), 4-byte aligned in the final address space (units start 16-byte aligned).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Offset of the word from the unit's start. Initially it leads to the exit's stub, which sets
    /// `exit_arg` = link number and the pc slot and leaves with `exit::LINK`.
    pub at: u32,
    /// Offset of that stub (to unlink: lead there again).
    pub stub: u32,
    /// Guest address it leads to.
    pub pc: u64,
    /// Where in the stub the link's number is ([`Host::set_number`]); 0 if there is none.
    pub number: u32,
    /// The field leads back into this unit from the start: it is linked to the unit itself, and
    /// once unlinked it stays so (its stub leaves through another link).
    pub looped: bool,
}

/// A lowered block. The buffers are reused from block to block.
#[derive(Default, Debug)]
pub struct Code {
    /// The host code; the entry is at offset 0.
    pub bytes: Vec<u8>,
    /// Direct exits, in the order of their link numbers.
    pub links: Vec<Link>,
    /// Fault points, ascending by `host`.
    pub faults: Vec<FaultPoint>,
    /// Flag recipes.
    pub recipes: Vec<Recipe>,
    /// Number of host instructions emitted (gated by golden tests).
    pub host_insns: u32,
    /// Guest instructions left to the evaluator because registers ran out.
    pub given_up: u32,
    /// Offsets of the 64-bit immediates that are to grow by as much as the block's pc.
    pub addresses: Vec<u32>,
    /// The code is right for the same guest code at any pc in the same place of its page, from
    /// [`ir::MOVABLE_FROM`] on, once `addresses` have been changed; else only for its own pc.
    pub movable: bool,
    /// Asked for: nobody else will have the code, so that `addresses` and `movable` need not be
    /// found out.
    pub private: bool,
}

impl Code {
    /// Empties it, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.links.clear();
        self.faults.clear();
        self.recipes.clear();
        self.host_insns = 0;
        self.given_up = 0;
        self.addresses.clear();
        self.movable = false;
    }
}

/// Code that the engine needs once, at the start of the code cache.
#[derive(Default, Debug)]
pub struct Stubs {
    /// The code.
    pub bytes: Vec<u8>,
    /// Offset of `extern "C" fn enter(state: *mut State, unit_entry: *const u8)`: saves the
    /// callee-saved registers and the floating-point control, loads pins, the return stack and
    /// the guest's floating-point control, jumps to the unit. Returns after a "leave".
    pub enter: u32,
    /// Offset of the leave stub: stores all pins and the return stack pointer, restores the host's
    /// registers and floating-point control, returns from `enter`. Flags must be home already.
    pub leave: u32,
    /// Offset of the leave stub for links: the link number and the guest pc are in scratch
    /// registers of the back end's choice.
    pub leave_link: u32,
    /// Offset of the leave stub for indirect branches (see `State::leave_indirect`).
    pub leave_indirect: u32,
    /// Offset of the leave stub for fault handlers, which have stored the pins already.
    pub leave_stored: u32,
    /// Offsets of the two stubs that ask the host's clock (see `State::host_time`).
    pub host_time: (u32, u32),
    /// Those that ask which processor this is (see `State::host_cpu`).
    pub host_cpu: (u32, u32),
    /// Offset of the stub that compares and swaps 16 bytes (see `State::cas_16`).
    pub cas_16: u32,
    /// Offset of its instruction that may fault, and where it is to go on then.
    pub cas_16_fault: (u32, u32),
    /// Offset of the table for `State::estimates`.
    pub estimates: u32,
    /// Offset of the stub that calls the runtime (see `State::call_runtime`).
    pub call_runtime: u32,
    /// Offset of the helper stub (see `State::call_helper`).
    pub call_helper: u32,
    /// Offset of the code that an empty return stack returns to, and where returns to elsewhere than
    /// the caller end up: empties it and dispatches the pc in `rax` like an indirect branch.
    pub ret_miss: u32,
    /// Offset of the code to which a function returns whose caller the evaluator ran: the same, but
    /// the return stack stays.
    pub ret_evaluated: u32,
}

/// A host register that holds a slot in translated code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pin {
    /// The guest slot.
    pub slot: u16,
    /// The host's register number in its own encoding (general or vector by the slot's kind).
    pub reg: u8,
}

/// Any of the general and vector registers that guests have, in any order, from none to more than
/// the host has room for.
pub fn random_pins(seed: u64) -> [Vec<u16>; 2] {
    // Xorshift.
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = |n: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize % n
    };
    [0, FIRST_VEC].map(|first| {
        let mut slots: Vec<u16> = (first..first + 32).collect();
        for n in (1..slots.len()).rev() {
            slots.swap(n, below(n + 1));
        }
        // Mostly all that the host has room for.
        if below(3) == 0 {
            slots.truncate(below(15));
        }
        slots
    })
}

/// A back end. No `cfg(target_arch)`, no unsafe: it never runs what it emits.
pub trait Host: Sync {
    /// Lowers `block`; `first_link` is the link number of the block's first direct exit.
    fn lower(&self, block: &Block, first_link: u32, code: &mut Code);
    /// The stubs.
    fn stubs(&self) -> Stubs;
    /// The pins in force.
    fn pins(&self) -> &[Pin];
    /// The word that leads from offset `at` of the code cache, where it is, to offset `to`.
    fn link_word(&self, at: u32, to: u32) -> u32;
    /// Puts the number of a link into `code`, which is its unit's, at [`Link::number`].
    fn set_number(&self, code: &mut [u8], at: u32, number: u32);
    /// Whether the host's own instructions do floating point by these rules, with all its modes and traps.
    fn has_rules(&self, rules: FpRules) -> bool;
    /// The floating-point control for translated code: as asked for by the host's own rules; by others, invalid
    /// operations trap and all else is masked.
    fn control(&self, fp: &FpControl) -> u32;
    /// The floating-point control for all other code.
    fn usual_control(&self) -> u32;
    /// Separates the sticky bits (in the order of `ir::state::SLOT_FPSR`) from a floating-point control
    /// and status word. Invalid is among them only by the host's own rules: by others such instructions go
    /// to the evaluator.
    fn split_sticky(&self, control: u32, rules: FpRules) -> (u64, u32);
    /// The control word with the sticky "invalid" cleared.
    fn without_invalid(&self, control: u32) -> u32;
    /// The flag word (`ir::state::flag`) for flags that are in the host's flags register.
    fn flag_word(&self, host_flags: u64, at: FlagsAt) -> u32;
    /// Text of host code for dumps: one line an instruction where a disassembler is built in,
    /// else bytes.
    fn describe(&self, code: &[u8]) -> String;
}
