//! What a guest architecture must provide to the engine.

pub mod block;
mod extension;
mod fetch;
pub mod option;
pub mod scan;
mod space;
mod spec;

pub use block::Flow;
pub use fetch::{AT_ONCE, Bytes, Fetch, code_at, peek_word, words};
pub use space::{MemFault, Space};
pub use spec::{Address, Coherence, Endian, Memory, Spec};

use ir::{Block, FpControl, State};

/// What a translation depends on besides its code, in bits that the guest defines. Two translations of
/// one piece of code for different keys are two translations.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Key(pub u16);

/// How a block is to be translated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mode {
    /// For threads with this key.
    pub key: Key,
    /// Translate exactly one instruction (for the evaluator).
    pub single: bool,
    /// End at the first branch, and do not look at what is behind it (for the evaluator, which
    /// runs the block once).
    pub brief: bool,
    /// What [`Guest::hint`] says of the state in which the code was reached.
    pub hint: u16,
    /// The code may change at any time, by any store ([`Coherence::Stores`]). It is compared when the
    /// block is entered: so the block ends behind each instruction that stores, and does not branch
    /// backwards within itself.
    pub changing: bool,
}

impl Mode {
    /// For the evaluator, which executes no branch within a block.
    pub const fn evaluated(self) -> bool {
        self.single || self.brief
    }
}

/// What the guest's control registers ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Control {
    /// Of the translations to be used.
    pub key: Key,
    /// How floating point behaves.
    pub fp: FpControl,
}

/// What the engine must do after a `Runtime` operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Nothing: go on at the pc slot.
    None,
    /// A control register changed: ask [`Guest::control`], then go on.
    Control,
    /// Guest code in this range may have changed: drop translations, then go on.
    Invalidate {
        /// First address.
        start: u64,
        /// Length in bytes.
        len: u64,
    },
    /// Guest code anywhere may have changed where the program can write.
    InvalidateWritable,
    /// Let other threads run (YIELD, WFE, ISB storms), then go on.
    Yield,
    /// The instruction raises a trap instead.
    Trap {
        /// One of `ir::state::TRAP_*`.
        kind: u16,
        /// Its argument.
        argument: u32,
    },
    /// An access to memory failed: the instruction faults.
    Fault(MemFault),
}

/// Immediates of the system call instruction by which the vDSO's clock functions ask the host's
/// vDSO ([`Fetch::is_vdso`]). Anywhere else such an instruction is an ordinary system call.
pub mod clock_call {
    /// `clock_gettime`, of a clock that the host's vDSO tells.
    pub const TIME: u32 = 0xa17c;
    /// `gettimeofday` without a time zone.
    pub const DAY: u32 = 0xa17d;
}

/// What the kernel tells programs of the processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capabilities {
    /// `AT_HWCAP`, `AT_HWCAP2`.
    pub hwcap: [u64; 2],
    /// The register that names the processor, for /proc/cpuinfo.
    pub id: u64,
    /// Bytes of [`Guest::context`].
    pub context: u64,
}

/// What a program asks of its keys for the authentication of pointers; a bit for each key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyRequest {
    /// Make these anew; all if there is none.
    Reset(u64),
    /// Of `which` let those in `on` be used, the others not.
    Enable {
        /// These change.
        which: u64,
        /// To this.
        on: u64,
    },
    /// Which of them are used.
    Enabled,
}

/// A guest architecture.
pub trait Guest: Sync {
    /// What it is, as data.
    fn spec(&self) -> &'static Spec;
    /// Appends the translation of the code at `pc`, which is aligned, to `block` (which is empty, pc set
    /// by this). At least one instruction is always translated; one that cannot be fetched becomes no
    /// instruction at all: `block.insns == 0` and the engine raises the fetch fault.
    ///
    /// The instructions of a block start in one page; the last one may end in the next.
    fn translate(&self, fetch: &mut dyn Fetch, pc: u64, mode: Mode, block: &mut Block);
    /// What the control registers in `state` ask for.
    fn control(&self, state: &State) -> Control;
    /// What helps to translate the code at the pc of `state`: a guess of what the state will be when the
    /// translation is executed, which has to be right whatever it is.
    fn hint(&self, state: &State) -> u16 {
        let _ = state;
        0
    }
    /// Executes `Runtime` operation `op`; results go to slots of `state` and to the program's memory
    /// directly.
    fn runtime(&self, op: u32, args: [u64; 2], state: &mut State, space: &mut dyn Space) -> Effect;
    /// Text of the instruction at the start of `code`, which is at `pc`, for dumps; and its length.
    fn disassemble(&self, code: &[u8], pc: u64) -> (String, usize);
    /// The address that is accessed when a program uses `addr` (some guests ignore its top byte).
    fn canonical(&self, addr: u64) -> u64 {
        addr
    }
    /// What the processor can do.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }
    /// The instruction set in Linux's words (`rv64imafdc_zba`), for architectures that have such.
    fn isa(&self) -> String {
        String::new()
    }
    /// The registers of floating point and vectors as instructions of the processor store all of them, where
    /// Linux has them so in signal frames and for debuggers.
    fn context(&self, state: &State) -> Vec<u8> {
        let _ = state;
        Vec::new()
    }
    /// Sets them; false, and nothing changes, if no processor could have stored this. Control registers are
    /// among them.
    fn set_context(&self, state: &mut State, context: &[u8]) -> bool {
        let _ = (state, context);
        false
    }
    /// Sets them to what a program starts with.
    fn reset_context(&self, state: &mut State) {
        let _ = state;
    }
    /// Whether the instruction at the start of `code`, whose address is none of the processor's, would have
    /// accessed the stack, where that is another exception.
    fn is_stack_fault(&self, code: &[u8], state: &State) -> bool {
        let _ = (code, state);
        false
    }
    /// Prepares what a new program does not set itself.
    fn start(&self, state: &mut State) {
        let _ = state;
    }
    /// Executes `request`; None if it is not allowed, or there are no keys.
    fn keys(&self, request: KeyRequest, state: &mut State) -> Option<u64> {
        let _ = (request, state);
        None
    }
    /// Whether indirect branches into guarded pages are checked.
    fn guards(&self) -> bool {
        false
    }
}
