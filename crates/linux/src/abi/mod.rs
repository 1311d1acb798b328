//! All that is particular to Linux on one architecture, as data.

pub mod aarch64;
#[rustfmt::skip]
mod numbers;
mod open_flags;
pub mod riscv64;
pub mod x86_64;

pub use open_flags::OpenFlags;

use crate::calls::{Args, Result as CallResult};
use crate::elf::{self, Kind};
use crate::layout::Model;
use crate::signal::{AltStack, Delivery};
use crate::task::Task;
use engine::Watch;
use guest::{Capabilities, Guest};
use ir::State;
use memory::MemoryFault;

/// Those whose programs are emulated, in the order in which they are listed.
pub static ALL: [&Abi; 3] = [&aarch64::ABI, &riscv64::ABI, &x86_64::ABI];

/// That of the programs that start with `head`; None if it is not a program, or of none of these. The host's
/// own architecture is among them if `hosts`.
pub fn of_program(head: &[u8], hosts: bool) -> Option<&'static Abi> {
    ALL.into_iter().find(|abi| abi.kind.is_program(head)).filter(|abi| hosts || !abi.is_hosts())
}

impl Abi {
    /// Whether the kernel can run its programs itself.
    pub fn is_hosts(&self) -> bool {
        self.machine == std::env::consts::ARCH
    }
}

/// That of a file which starts with `head` and may be something else: to say why it cannot be run.
pub fn nearest(head: &[u8], hosts: bool) -> &'static Abi {
    let machine = elf::stated_machine(head);
    let mut there = ALL.into_iter().filter(|abi| hosts || !abi.is_hosts());
    there.find(|abi| machine == Some(abi.kind.machine)).unwrap_or(ALL[0])
}

/// What Linux on one architecture has of its own.
pub struct Abi {
    /// `uname -m`.
    pub machine: &'static str,
    /// `uname -m` for programs that want to see a 32-bit system.
    pub machine32: &'static str,
    /// `AT_PLATFORM`, if there is one.
    pub platform: Option<&'static str>,
    /// What its programs' ELF headers say.
    pub kind: Kind,
    /// How it lays out structures.
    pub model: Model,
    /// `struct stat`.
    pub stat: StatLayout,
    /// How it lays out `struct epoll_event`, which some have packed.
    pub epoll: Model,
    /// Whether `struct semid64_ds` has an unused word behind each of its times.
    pub semid_padded: bool,
    /// Which registers calls and threads use.
    pub regs: Registers,
    /// Where `clone` has its flags, stack, parent's thread id, thread pointer and child's thread id
    /// among its arguments.
    pub clone_args: [usize; 5],
    /// What the instruction of a system call does to the registers; the pc slot is the next one's.
    pub enter_call: fn(&mut State),
    /// Gives the result of a system call to the guest.
    pub set_result: fn(&mut State, Result<u64, sys::Errno>),
    /// Entries of the auxiliary vector that other architectures do not have, or not with that value.
    pub auxv: fn(&Capabilities) -> Vec<(u64, u64)>,
    /// Shortest alternate signal stack that is accepted (`MINSIGSTKSZ`).
    pub min_sigstack: u64,
    /// The `si_code` of an undefined instruction: `ILL_ILLOPC` or `ILL_ILLOPN`.
    pub undefined_code: i32,
    /// Makes /proc/cpuinfo for the numbers of the processors.
    pub cpuinfo: fn(&[u32], &dyn Guest) -> String,
    /// Builds the vDSO image.
    pub vdso: &'static crate::vdso::Image,
    /// Further `PROT_*` bits that `mprotect` accepts.
    pub arch_prot: u64,
    /// Whether system calls take addresses with a tag in their top byte.
    pub tags: bool,
    /// Index in the table of calls by number.
    pub calls: &'static [u16],
    /// Whether `struct sigaction` has a field for the function that handlers return to.
    pub restorer: bool,
    /// Builds a signal frame and makes the guest start the handler.
    pub push_frame: fn(&mut Task, &Delivery) -> Result<(), MemoryFault>,
    /// Takes the registers from a signal frame; gives mask and alternate stack.
    pub pop_frame: fn(&mut Task) -> Result<(u64, AltStack), BadFrame>,
    /// How exceptions of the processor are told to programs.
    pub exceptions: Exceptions,
    /// What the host's flags of `open` are for the guest's, and the other way round.
    pub open_flags: OpenFlags,
    /// `AUDIT_ARCH_*`.
    pub audit_arch: u32,
    /// Debian's name of the architecture, for messages.
    pub debian: &'static str,
    /// Serves the options of `prctl` that are the architecture's own; None for others, and for those
    /// that it does not have.
    pub prctl: fn(&mut Task, i32, Args) -> Option<CallResult>,
    /// What `ptrace` shows of its registers.
    pub ptrace: Ptrace,
}

/// How exceptions of the processor are told to programs.
pub struct Exceptions {
    /// What signal frames say of a fault: its address and the processor's description of it. The signal may
    /// be another one.
    pub fault: fn(&Task, &mut engine::Fault) -> (u64, u64),
    /// The same of a trap (`ir::state::TRAP_*`) and its argument.
    pub trap: fn(&Task, u16, u32) -> (u64, u64),
    /// The slot and the flag that are set while a fault is told.
    pub mark: Option<(u16, u64)>,
    /// Serves what programs do by jumping to an address where nothing is mapped; false if it is nothing.
    pub jumped: fn(&mut Task, u64) -> bool,
    /// The line of /proc/self/maps for these addresses.
    pub jumps_line: &'static str,
}

impl Exceptions {
    /// Without anything special.
    pub const PLAIN: Self = Self {
        fault: |_, fault| (fault.addr, 0),
        trap: |_, _, _| (0, 0),
        mark: None,
        jumped: |_, _| false,
        jumps_line: "",
    };
}

/// Which `struct stat` an architecture has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatLayout {
    /// asm-generic/stat.h.
    Generic,
    /// With the number of links as a word before the mode.
    WideNlink,
}

/// State slots of registers with a task.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    /// The stack pointer.
    pub sp: u16,
    /// The thread pointer.
    pub tp: u16,
    /// A system call's number.
    pub number: u16,
    /// Its arguments.
    pub args: [u16; 6],
    /// Its result.
    pub result: u16,
}

/// A frame that `rt_sigreturn` does not accept.
#[derive(Debug)]
pub struct BadFrame;

impl From<MemoryFault> for BadFrame {
    fn from(_: MemoryFault) -> Self {
        Self
    }
}

/// What `ptrace` shows of a thread's registers. All of them are in one array of words, of which the
/// register sets are parts.
pub struct Ptrace {
    /// Number of words.
    pub words: usize,
    /// Fills them with a thread's registers.
    pub store: fn(&Task, &mut [u64]),
    /// Sets a thread's registers from them.
    pub load: fn(&mut Task, &[u64]),
    /// The sets.
    pub sets: &'static [Regset],
    /// Whether the tracer may set the words of set `kind` to these values.
    pub accepts: fn(kind: u64, &[u64]) -> bool,
    /// Which words are pc, stack pointer and a call's arguments.
    pub pc: usize,
    /// See [`Self::pc`].
    pub sp: usize,
    /// See [`Self::pc`].
    pub args: [usize; 6],
    /// Which word is a call's result.
    pub result: usize,
    /// How a tracer changes a call's number.
    pub number: CallNumber,
    /// Whether there are `PTRACE_SINGLESTEP` and `PTRACE_SYSEMU`.
    pub steps: bool,
    /// The slot that tells the tracer whether a call begins (0) or ends (1), while it does.
    pub direction: Option<u16>,
    /// Breakpoints and watchpoints of the processor.
    pub debug: Option<&'static Debug>,
    /// The requests of older architectures.
    pub user: Option<&'static User>,
}

/// What `PTRACE_PEEKUSER` and `PTRACE_POKEUSER` find: the words of the first register set, and the debug
/// registers.
pub struct User {
    /// Requests that get and set a whole register set, and its kind.
    pub requests: &'static [(u64, u64, u64)],
    /// Size of all (`struct user`).
    pub size: u64,
    /// Where the debug registers are, of which there are [`DEBUG_REGISTERS`].
    pub debug: u64,
    /// What they watch.
    pub watches: fn(&DebugRegisters) -> Vec<Watch>,
    /// Whether register `n` may be set to its value in these.
    pub accepts: fn(&DebugRegisters, n: usize) -> bool,
    /// The register that says what was hit.
    pub status: usize,
    /// Its value after an access to an address.
    pub status_after: fn(&DebugRegisters, address: u64) -> u64,
}

/// The number of debug registers in [`User`].
pub const DEBUG_REGISTERS: usize = 8;
/// Their values.
pub type DebugRegisters = [u64; DEBUG_REGISTERS];

/// Where a tracer sets the number of the call that a thread is about to make.
#[derive(Clone, Copy, Debug)]
pub enum CallNumber {
    /// In the register set of this kind, which is that number alone.
    Set(u64),
    /// In the register that has it.
    Register,
    /// In a register set, in the word that is this slot, which has it from the call on.
    Slot(u16),
}

/// A register set.
#[derive(Clone, Copy, Debug)]
pub struct Regset {
    /// `NT_*`.
    pub kind: u64,
    /// Its first word.
    pub first: usize,
    /// Its length in bytes.
    pub len: usize,
    /// It is read and written in multiples of this many bytes.
    pub unit: usize,
}

/// Register sets of breakpoints and watchpoints of the processor: a word with their number, then
/// address and control of each.
pub struct Debug {
    /// `NT_*` of breakpoints and of watchpoints.
    pub kinds: [u64; 2],
    /// The processor's version of them, for the first word.
    pub version: u32,
    /// How many of each there are.
    pub counts: [usize; 2],
    /// What a register watches: whether it is a breakpoint, its address and control; None: nothing.
    pub watch: fn(executes: bool, address: u64, control: u64) -> Option<Watch>,
}

#[cfg(test)]
mod tests {
    use super::numbers::{AARCH64, RISCV64, X86_64};
    use crate::calls::{Action, find};

    /// Numbers below this are all taken, except for these.
    const END: u64 = 471;

    /// Whether `nr` is none of the calls that all have: reserved for architectures, and what 32-bit
    /// ones have.
    fn unused(nr: u64) -> bool {
        (244..=259).contains(&nr) || (295..424).contains(&nr)
    }

    /// Whether `nr` is none of x86_64's calls, or one that no Linux has had for long.
    fn unused_in_x86_64(nr: u64) -> bool {
        matches!(nr, 174 | 177 | 178 | 181..=185 | 214 | 215 | 236 | 335..424)
    }

    #[test]
    fn every_number_is_there() {
        for nr in 0..END {
            let found = |numbers| find(numbers, nr).is_some();
            assert_eq!(found(&AARCH64), !unused(nr), "number {nr}");
            let riscv = nr != 38 && (!unused(nr) || matches!(nr, 258 | 259));
            assert_eq!(found(&RISCV64), riscv, "number {nr}");
            assert_eq!(found(&X86_64), !unused_in_x86_64(nr), "number {nr}");
        }
        for numbers in [&AARCH64[..], &RISCV64, &X86_64] {
            assert!(find(numbers, END).is_none() && find(numbers, u64::MAX).is_none());
        }
    }

    #[test]
    fn well_known_numbers_are_right() {
        for (nr, name) in [(63, "read"), (93, "exit"), (139, "rt_sigreturn"), (220, "clone")] {
            assert_eq!(find(&AARCH64, nr).map(|c| c.name), Some(name));
        }
        let write = find(&AARCH64, 64).map(|c| &c.action);
        assert!(matches!(write, Some(Action::Passed(libc::SYS_write))));
    }
}
