//! All that is particular to Linux on one architecture, as data.

pub mod aarch64;
mod open_flags;

pub use open_flags::OpenFlags;

use crate::signal::{AltStack, Delivery};
use crate::task::Task;
use guest::Capabilities;
use memory::MemoryFault;

/// What Linux on one architecture has of its own.
pub struct Abi {
    /// `uname -m`.
    pub machine: &'static str,
    /// `uname -m` for programs that want to see a 32-bit system.
    pub machine32: &'static str,
    /// `AT_PLATFORM`.
    pub platform: &'static str,
    /// `e_machine` of its programs.
    pub elf_machine: u16,
    /// `AT_MINSIGSTKSZ`.
    pub min_sigstack: u64,
    /// State slot of the stack pointer.
    pub sp_slot: u16,
    /// State slot of the system call's number.
    pub nr_slot: u16,
    /// State slots of a system call's arguments.
    pub arg_slots: [u16; 6],
    /// State slot of a system call's result.
    pub ret_slot: u16,
    /// Makes /proc/cpuinfo for the numbers of the processors.
    pub cpuinfo: fn(&[u32], &Capabilities) -> String,
    /// Builds the vDSO image.
    pub vdso: &'static crate::vdso::Image,
    /// Further `PROT_*` bits that `mprotect` accepts.
    pub arch_prot: u64,
    /// Whether system calls take addresses with a tag in their top byte.
    pub tags: bool,
    /// Index in the table of calls by number.
    pub calls: &'static [u16],
    /// Length of the system call instruction.
    pub call_len: u64,
    /// Builds a signal frame and makes the guest start the handler.
    pub push_frame: fn(&mut Task, &Delivery) -> Result<(), MemoryFault>,
    /// Takes the registers from a signal frame; gives mask and alternate stack.
    pub pop_frame: fn(&mut Task) -> Result<(u64, AltStack), aarch64::BadFrame>,
    /// The processor's description of a fault, for signal frames.
    pub syndrome: fn(&Task, &engine::Fault) -> u64,
    /// What the host's flags of `open` are for the guest's, and the other way round.
    pub open_flags: OpenFlags,
    /// `AUDIT_ARCH_*`.
    pub audit_arch: u32,
    /// Debian's name of the architecture, for messages.
    pub debian: &'static str,
}
