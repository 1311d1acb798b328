//! What a guest architecture must provide to the engine.

use ir::Block;

/// How floating point behaves, as far as translation depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Mode {
    /// The guest's floating-point control asks for something that host instructions do not do
    /// (flush to zero, default NaN, alternative handling): every operation goes to the evaluator.
    pub fp_exact: bool,
    /// Translate exactly one instruction (for the evaluator).
    pub single: bool,
    /// End at the first branch, and do not look at what is behind it (for the evaluator, which
    /// runs the block once).
    pub brief: bool,
}

/// What the engine must do after a `Runtime` operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RuntimeEffect {
    /// Nothing: go on at the pc slot.
    None,
    /// The floating-point control changed: recompute host control and mode, then go on.
    FpControl,
    /// Guest code in this range may have changed: drop translations, then go on.
    Invalidate {
        /// First address.
        start: u64,
        /// Length in bytes.
        len: u64,
    },
    /// Let other threads run (YIELD, WFE, ISB storms), then go on.
    Yield,
    /// Undefined instruction at (pc - 4).
    Undefined,
}

/// Immediates of the system call instruction by which the vDSO's clock functions ask the host's
/// vDSO ([`Fetch::is_vdso`]). Anywhere else such an instruction is an ordinary system call.
pub mod clock_call {
    /// `clock_gettime`, of a clock that the host's vDSO tells.
    pub const TIME: u32 = 0xa17c;
    /// `gettimeofday` without a time zone.
    pub const DAY: u32 = 0xa17d;
}

/// Where guest code is read from. Reads are of aligned 4-byte words for fixed-width guests.
pub trait Fetch {
    /// The 32-bit word at `pc`, or None if it cannot be read or executed.
    fn word(&mut self, pc: u64) -> Option<u32>;
    /// Reads words from `pc` on until one cannot be read, or is [`Fetch::known`] (but for the
    /// first); says how many.
    fn words(&mut self, pc: u64, out: &mut [u32]) -> usize {
        for (i, slot) in out.iter_mut().enumerate() {
            let at = pc.wrapping_add(i as u64 * 4);
            match self.word(at) {
                Some(word) if i == 0 || !self.known(at) => *slot = word,
                _ => return i,
            }
        }
        out.len()
    }
    /// As [`Fetch::words`], but what is known does not stop it.
    fn words_on(&mut self, pc: u64, out: &mut [u32]) -> usize {
        for (i, slot) in out.iter_mut().enumerate() {
            let Some(word) = self.word(pc.wrapping_add(i as u64 * 4)) else { return i };
            *slot = word;
        }
        out.len()
    }
    /// Whether the page of `pc` is guarded: indirect branches there are checked. Only asked by
    /// guests that check ([`Guest::guards`]).
    fn guarded(&mut self, pc: u64) -> bool {
        let _ = pc;
        false
    }
    /// Whether `pc` is in the vDSO that we have given to the program.
    fn is_vdso(&mut self, pc: u64) -> bool {
        let _ = pc;
        false
    }
    /// Whether the code at `pc` is translated already: a block that comes there may as well end.
    fn known(&mut self, pc: u64) -> bool {
        let _ = pc;
        false
    }
}

/// Code that a function knows: the word at a pc.
impl<F: FnMut(u64) -> Option<u32>> Fetch for F {
    fn word(&mut self, pc: u64) -> Option<u32> {
        self(pc)
    }
}

/// Code of the words `code` from `start` on, and none elsewhere.
pub fn code_at(start: u64, code: &[u32]) -> impl Fetch + '_ {
    move |pc: u64| code.get(usize::try_from(pc.checked_sub(start)? / 4).ok()?).copied()
}

/// What the kernel tells programs of the processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capabilities {
    /// `AT_HWCAP`, `AT_HWCAP2`.
    pub hwcap: [u64; 2],
    /// The register that names the processor, for /proc/cpuinfo.
    pub id: u64,
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
    /// Its name, as in /proc/sys/kernel's uname (`aarch64`).
    fn name(&self) -> &'static str;
    /// Appends the translation of the code at `pc` to `block` (which is empty, pc set by this).
    /// At least one instruction is always translated; one that cannot be fetched becomes no
    /// instruction at all: `block.insns == 0` and the engine raises the fetch fault.
    fn translate(&self, fetch: &mut dyn Fetch, pc: u64, mode: Mode, block: &mut Block);
    /// Preference order of slots for host registers: integer slots.
    fn int_pins(&self) -> &'static [u16];
    /// Vector slots.
    fn vec_pins(&self) -> &'static [u16];
    /// Executes `Runtime` operation `op`; results go to slots of `state` directly.
    fn runtime(&self, op: u32, args: [u64; 2], state: &mut ir::State) -> RuntimeEffect;
    /// The mode for the floating-point control in `state`.
    fn mode(&self, state: &ir::State) -> Mode;
    /// The rules of floating point, and the modes for the control in `state`.
    fn fp(&self, state: &ir::State) -> ir::FpControl {
        let _ = state;
        ir::FpControl::default()
    }
    /// The x86 MXCSR rounding field (0 nearest, 1 down, 2 up, 3 zero) for the control in `state`.
    fn rounding(&self, state: &ir::State) -> u8;
    /// The address that is accessed when a program uses `addr` (some guests ignore its top byte).
    fn canonical(&self, addr: u64) -> u64 {
        addr
    }
    /// Instructions are aligned to this many bytes (a power of two).
    fn pc_alignment(&self) -> u64 {
        4
    }
    /// What the processor can do.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }
    /// The instruction set in Linux's words (`rv64imafdc_zba`), for architectures that have such.
    fn isa(&self) -> String {
        String::new()
    }
    /// Prepares what a new program does not set itself.
    fn start(&self, state: &mut ir::State) {
        let _ = state;
    }
    /// Executes `request`; None if it is not allowed, or there are no keys.
    fn keys(&self, request: KeyRequest, state: &mut ir::State) -> Option<u64> {
        let _ = (request, state);
        None
    }
    /// Whether indirect branches into guarded pages are checked.
    fn guards(&self) -> bool {
        false
    }
    /// Text of one instruction for dumps.
    fn disassemble(&self, word: u32, pc: u64) -> String;
}
