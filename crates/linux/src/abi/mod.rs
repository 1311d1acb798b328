//! All that is particular to Linux on one architecture, as data.

pub mod aarch64;

/// What Linux on one architecture has of its own.
pub struct Abi {
    /// `uname -m`.
    pub machine: &'static str,
    /// `AT_PLATFORM`.
    pub platform: &'static str,
    /// `e_machine` of its programs.
    pub elf_machine: u16,
    /// `AT_HWCAP`, `AT_HWCAP2`.
    pub hwcap: [u64; 2],
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
    pub cpuinfo: fn(&[u32]) -> String,
    /// Builds the vDSO image.
    pub vdso: fn() -> crate::vdso::Image,
    /// Number of `clock_gettime`.
    pub clock_gettime: u64,
    /// Number of `gettimeofday`.
    pub gettimeofday: u64,
    /// Further `PROT_*` bits that `mprotect` accepts.
    pub arch_prot: u64,
    /// Debian's name of the architecture, for messages.
    pub debian: &'static str,
}
