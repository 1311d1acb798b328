//! The guest's registers in memory, and the runtime fields that translated code touches.
//!
//! Integer slot n is at byte 8·n, vector slot 64+n at 512 + 16·n. Which slot is which register is
//! the guest's affair, except for the ones named here, which every guest has.

use crate::fp::FpControl;
use core::mem::offset_of;

/// Number of integer slots (0..64) and of vector slots (64..128).
pub const INT_SLOTS: usize = 64;
/// First vector slot's number.
pub const FIRST_VEC: u16 = 64;

/// Vector slots whose bits from 64 up are zero in guests that box values ([`crate::FpRules::boxed`]): their
/// floating-point registers.
pub const SCALAR_SLOTS: core::ops::Range<u16> = 64..96;

/// The program counter. Only valid outside translated code (exits set it).
pub const SLOT_PC: u16 = 32;
/// Thread pointer.
pub const SLOT_TP: u16 = 33;
/// Floating-point control, as the guest has it; what it means is in [`State::fp`].
pub const SLOT_FPCR: u16 = 34;
/// Floating-point sticky status: invalid bit 0, division by zero 1, overflow 2, underflow 3, inexact 4,
/// denormal 7, a saturated integer 27. See `OpCode::ReadFpStatus`.
pub const SLOT_FPSR: u16 = 35;
/// Address of the exclusive monitor; `MONITOR_CLEAR` when clear.
pub const SLOT_EX_ADDR: u16 = 36;
/// Value loaded by the exclusive load (low, high half).
pub const SLOT_EX_LO: u16 = 37;
/// High half.
pub const SLOT_EX_HI: u16 = 38;
/// What kind of indirect branch came here, `BTYPE_*` or zero, for guests that check it.
pub const SLOT_BTYPE: u16 = 44;
/// Seconds that `OpCode::HostTime` was told; nanoseconds are in the next slot. `OpCode::HostCpu` has its
/// answers here as well.
pub const SLOT_TIME: u16 = 46;
/// A jump that may lead to functions too (Arm's BTYPE 1).
pub const BTYPE_JUMP: u64 = 1;
/// A call (BTYPE 2).
pub const BTYPE_CALL: u64 = 2;
/// Another jump (BTYPE 3).
pub const BTYPE_ANY: u64 = 4;
/// `SLOT_EX_ADDR` when no monitor is set.
pub const MONITOR_CLEAR: u64 = u64::MAX;

/// Why translated code was left; in [`State::exit_reason`], in the low byte. Above it is the length of
/// the instruction, for [`SYSCALL`](exit::SYSCALL) and [`RUNTIME`](exit::RUNTIME).
pub mod exit {
    /// A reason with the length of its instruction in bytes.
    pub const fn with_length(reason: u32, len: u32) -> u32 {
        reason | len << 8
    }
    /// The reason alone.
    pub const fn reason(word: u32) -> u32 {
        word & 0xff
    }
    /// The length alone.
    pub const fn length(word: u32) -> u8 {
        (word >> 8) as u8
    }
    /// A direct exit that is not linked yet; `exit_arg` = link number, pc slot = where to go.
    pub const LINK: u32 = 0;
    /// An indirect branch that missed the thread's hash; pc slot = where to go.
    pub const INDIRECT: u32 = 1;
    /// A system call; pc slot = the next instruction.
    pub const SYSCALL: u32 = 2;
    /// A trap at pc; `exit_arg` = kind | argument << 32.
    pub const TRAP: u32 = 3;
    /// The instruction at pc must be run by the evaluator (it does what host code cannot);
    /// `exit_arg` = [`INVALID`] if that is an invalid floating-point operation, or may be one;
    /// [`TAGGED`] if its address is none of the host's.
    pub const INTERPRET: u32 = 4;
    /// See [`INTERPRET`].
    pub const INVALID: u64 = 1;
    /// See [`INTERPRET`].
    pub const TAGGED: u64 = 2;
    /// A guest runtime operation; `exit_arg` = its number, `args[0..2]` = arguments (low 64 bits);
    /// pc slot = the next instruction.
    pub const RUNTIME: u32 = 5;
    /// A pending signal was noticed at a `Poll`; pc slot = that instruction.
    pub const POLL: u32 = 6;
    /// A host fault in translated code, set by the fault handler; pc slot = that instruction.
    pub const FAULT: u32 = 7;
    /// The guest code is not what the unit was made of (`Block::checked`); pc slot = its start.
    pub const CHANGED: u32 = 8;
}

/// Trap: undefined instruction (SIGILL).
pub const TRAP_UNDEFINED: u16 = 0;
/// Trap: breakpoint (SIGTRAP), argument = its immediate.
pub const TRAP_BREAKPOINT: u16 = 1;
/// Trap: misaligned pc or access (SIGBUS), argument unused.
pub const TRAP_ALIGNMENT: u16 = 2;
/// Trap: division by zero, or an overflow of one (SIGFPE), argument unused.
pub const TRAP_DIVIDE: u16 = 3;
/// Trap: what only the kernel may do, or an operand that is not allowed (SIGSEGV without an address),
/// argument = the processor's error code.
pub const TRAP_PROTECTION: u16 = 4;
/// Trap: an instruction that is there to raise a signal, and is over then. Bits 0 to 7 of the argument are
/// its length, and above them is which one: [`INTERRUPT_BREAKPOINT`] and so on.
pub const TRAP_INTERRUPT: u16 = 5;
/// SIGTRAP of which the kernel says no address.
pub const INTERRUPT_BREAKPOINT: i32 = 0;
/// SIGTRAP of which it does.
pub const INTERRUPT_DEBUG: i32 = 1 << 8;
/// SIGSEGV.
pub const INTERRUPT_OVERFLOW: i32 = 2 << 8;
/// Trap: a floating-point exception (SIGFPE), argument = `si_code`.
pub const TRAP_FLOAT: u16 = 6;
/// No trap: the instruction at pc is to be executed on its own, because single steps may begin or end with
/// it. Argument unused.
pub const TRAP_ALONE: u16 = 7;

/// Flag word bits, chosen so that an x86 host stores `lahf` in bits 15..8 and `seto` in bit 0.
/// All other bits are undefined and must be ignored.
pub mod flag {
    /// Overflow.
    pub const V: u32 = 1;
    /// Carry, Arm's polarity.
    pub const C: u32 = 1 << 8;
    /// Parity: the lowest byte of the result has an even number of ones. Only kept by operations that have
    /// [`crate::SIX_FLAGS`].
    pub const P: u32 = 1 << 10;
    /// Auxiliary carry, out of the lowest four bits; likewise.
    pub const A: u32 = 1 << 12;
    /// Zero.
    pub const Z: u32 = 1 << 14;
    /// Negative.
    pub const N: u32 = 1 << 15;
    /// From PSTATE layout (N bit 31 .. V bit 28).
    pub const fn from_nzcv(nzcv: u32) -> u32 {
        (nzcv >> 31 & 1) << 15 | (nzcv >> 30 & 1) << 14 | (nzcv >> 29 & 1) << 8 | (nzcv >> 28 & 1)
    }
    /// From six flags: as [`from_nzcv`], and P in bit 27, A in bit 26.
    pub const fn from_six(six: u32) -> u32 {
        from_nzcv(six) | (six >> 27 & 1) << 10 | (six >> 26 & 1) << 12
    }
    /// To six flags.
    pub const fn to_six(flags: u32) -> u32 {
        to_nzcv(flags) | (flags >> 10 & 1) << 27 | (flags >> 12 & 1) << 26
    }
    /// To PSTATE layout.
    pub const fn to_nzcv(flags: u32) -> u32 {
        (flags >> 15 & 1) << 31
            | (flags >> 14 & 1) << 30
            | (flags >> 8 & 1) << 29
            | (flags & 1) << 28
    }
}

/// Entries of a thread's hash of indirect branch targets (power of two).
pub const HASH_ENTRIES: usize = 4096;
/// Entries of the table behind the hash (power of two): it has what had to leave the hash for
/// another pc with the same index.
pub const DISPLACED_ENTRIES: usize = 8192;

/// Chosen by search: any 256 addresses with the same distance to each other, whether that is a
/// multiple of a page or a sum or difference of two powers of two, have 256 indexes.
pub const HASH_FACTOR: u32 = 0x902c_daf7;
/// An odd number without a pattern.
pub const DISPLACED_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Where `pc` is in the hash.
pub const fn hash_index(pc: u64) -> usize {
    ((pc as u32).wrapping_mul(HASH_FACTOR) >> (32 - HASH_ENTRIES.ilog2())) as usize
}
/// Where `pc` is in the table behind it.
pub const fn displaced_index(pc: u64) -> usize {
    (pc.wrapping_mul(DISPLACED_FACTOR) >> (64 - DISPLACED_ENTRIES.ilog2())) as usize
}

/// One entry of the thread's hash of indirect branch targets ([`hash_index`]), which starts with
/// [`HASH_ENTRIES`] and goes on with [`DISPLACED_ENTRIES`] ([`displaced_index`]).
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct HashEntry {
    /// Guest pc; `u64::MAX` = empty.
    pub pc: u64,
    /// Host address of the unit's entry.
    pub host: u64,
}

/// A piece of the line that tells nanoseconds from the host's time stamps: `ticks` after `start`
/// it is `base` + `ticks` · `mult` / 2³², for as long as `ticks` < `limit`. All zeros: no piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct Clock {
    /// First time stamp.
    pub start: u64,
    /// How many time stamps it is good for.
    pub limit: u64,
    /// Nanoseconds of a tick, times 2³².
    pub mult: u64,
    /// Nanoseconds at `start`.
    pub base: u64,
}

/// Bytes of guest memory for which `OpCode::HasCode` gives one answer; a power of two.
pub const CODE_PIECE: u64 = 256;
/// How many counts of translations there are ([`State::code_counts`]); 65536, so that an index is 16
/// bits.
pub const CODE_COUNTS: usize = 1 << 16;

/// A function of the host's that translated code calls.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct HostCall {
    /// Address of the stub that calls it.
    pub stub: u64,
    /// Address of a stub for a function that keeps all vector registers.
    pub quick: u64,
    /// The function. The first one looks for the host's and puts it in its place.
    pub function: u64,
}

/// A guest thread's registers and what translated code needs at hand.
///
/// Lives at the start of a page; the page before it is the poll page ([`POLL_OFFSET`]).
/// Host registers that point here are biased by [`BIAS`].
#[repr(C, align(4096))]
pub struct State {
    /// Integer slots.
    pub int: [u64; INT_SLOTS],
    /// Vector slots.
    pub vec: [u128; 64],
    /// NZCV in the format of [`flag`].
    pub flags: u32,
    /// Why translated code was left ([`exit`]).
    pub exit_reason: u32,
    /// Its argument.
    pub exit_arg: u64,
    /// Set by signal handlers: something is to be done before translated code goes on.
    pub pending: u32,
    /// Not zero: since the last full fence there was a store-release, which is to be seen by all
    /// before a later load-acquire is executed.
    pub released: u32,
    /// Host floating-point control for translated code (x86: MXCSR without sticky bits).
    pub fp_control: u32,
    /// Host floating-point control for the runtime.
    pub fp_control_host: u32,
    /// Return-stack pointer while outside translated code.
    pub ret_sp: u64,
    /// Its base: where an empty return stack starts (highest address).
    pub ret_base: u64,
    /// Host stack pointer while inside translated code.
    pub host_sp: u64,
    /// The hash in use: `hash_table`, or an always-empty one while something is pending.
    pub hash: u64,
    /// Address of the "leave" stub: stores all pins and returns to the runtime.
    pub leave: u64,
    /// Address of the stub that leaves through link number eax, to go on at the guest pc in rdx.
    pub leave_link: u64,
    /// Address of the stub for indirect branches that are not in the hash: looks behind it, then
    /// leaves. Guest address in the first scratch register.
    pub leave_indirect: u64,
    /// Address of the stub for returns that the return stack does not predict: guest address in
    /// the first scratch register.
    pub ret_miss: u64,
    /// Address of the "call helper" stub: calls `helper`, keeping the pins, and stores its result in
    /// `args[0]`. The floating-point control is the guest's meanwhile, so the helper must not compute
    /// with host floats.
    pub call_helper: u64,
    /// `extern "C" fn(*mut State) -> u128`: evaluates `helper_op` over `args`.
    pub helper: u64,
    /// The operation for `helper` (dst, a, b, c are meaningless; code, ty, aux, imm count).
    pub helper_op: [u64; 2],
    /// Arguments of `helper` and of `exit::RUNTIME`; result in `args[0]`.
    pub args: [u128; 4],
    /// Spill space for temporaries of a block being executed.
    pub spill: [u128; 32],
    /// For `OpCode::HostTime`, of the clock in eax; its function is
    /// `extern "C" fn(clock: i32, time: *mut timespec, state: *mut State) -> i32`: zero, or a negative
    /// error number.
    pub host_time: HostCall,
    /// For `OpCode::HostCpu`; its function is `extern "C" fn(cpu: *mut u32, node: *mut u32, state: *mut
    /// State) -> i32`.
    pub host_cpu: HostCall,
    /// Address of the stub that compares and swaps the 16 bytes at the address in `args[0]`, expected
    /// `args[1]`, new `args[2]`: what was there becomes `args[0]`. The low half of `args[3]` is then
    /// 1 if it could not be done: the address is misaligned or the access faults.
    pub cas_16: u64,
    /// Address of the host's table of estimates.
    pub estimates: u64,
    /// Address of the stub that stores all pins and calls `runtime`; the host's flags say whether its result
    /// is zero.
    pub call_runtime: u64,
    /// `extern "C" fn(*mut State) -> u32`: executes guest operation `exit_arg` over `args`; zero if there
    /// is nothing to be done after it.
    pub runtime: u64,
    /// For `OpCode::Counter`; where it is at its end, `helper` goes on.
    pub clock: Clock,
    /// Address of [`CODE_COUNTS`] 8-bit counts for `OpCode::HasCode`, by address divided by
    /// [`CODE_PIECE`].
    pub code_counts: u64,
    /// What the floating-point control means: for the evaluator.
    pub fp: FpControl,
    /// Free for the engine.
    pub engine: [u64; 32],
}

/// The host's state register points this many bytes into [`State`], so that slots 0..31 and a few
/// more are reached with 8-bit displacements.
pub const BIAS: i32 = 128;
/// Offset of the poll page from the start of [`State`]: a load from it faults when a signal waits.
pub const POLL_OFFSET: i32 = -4096;

/// Byte offset of a slot from the start of [`State`].
pub const fn slot_offset(slot: u16) -> i32 {
    if slot < FIRST_VEC { slot as i32 * 8 } else { 512 + (slot as i32 - 64) * 16 }
}

const _: () = assert!(offset_of!(State, vec) == 512 && offset_of!(State, flags) == 1536);

impl State {
    /// All zeros, monitor clear.
    pub fn new() -> Self {
        let mut s = Self {
            int: [0; INT_SLOTS],
            vec: [0; 64],
            flags: 0,
            exit_reason: 0,
            exit_arg: 0,
            pending: 0,
            released: 0,
            fp_control: 0x1f00,
            fp_control_host: 0x1f80,
            ret_sp: 0,
            ret_base: 0,
            host_sp: 0,
            hash: 0,
            leave: 0,
            leave_link: 0,
            leave_indirect: 0,
            ret_miss: 0,
            call_helper: 0,
            helper: 0,
            helper_op: [0; 2],
            args: [0; 4],
            host_time: HostCall::default(),
            host_cpu: HostCall::default(),
            code_counts: 0,
            cas_16: 0,
            estimates: 0,
            call_runtime: 0,
            runtime: 0,
            clock: Clock { start: 0, limit: 0, mult: 0, base: 0 },
            spill: [0; 32],
            fp: FpControl::default(),
            engine: [0; 32],
        };
        s.int[SLOT_EX_ADDR as usize] = MONITOR_CLEAR;
        s
    }
    /// All six flags, as [`flag::to_six`] gives them.
    pub fn six_flags(&self) -> u32 {
        flag::to_six(self.flags)
    }
    /// Sets them.
    pub fn set_six_flags(&mut self, six: u32) {
        self.flags = flag::from_six(six);
    }
    /// NZCV in PSTATE layout (bits 31..28).
    pub fn nzcv(&self) -> u32 {
        flag::to_nzcv(self.flags)
    }
    /// Sets NZCV from PSTATE layout.
    pub fn set_nzcv(&mut self, nzcv: u32) {
        self.flags = flag::from_nzcv(nzcv);
    }
    /// The program counter.
    pub fn pc(&self) -> u64 {
        self.int[SLOT_PC as usize]
    }
    /// Sets the program counter.
    pub fn set_pc(&mut self, pc: u64) {
        self.int[SLOT_PC as usize] = pc;
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}
