//! Linux on arm64.

mod cpuinfo;
mod frame;
mod vdso;

pub use frame::BadFrame;

use super::{Abi, OpenFlags};
use crate::calls::AARCH64_CALLS;
use ir::state::{FIRST_VEC, SLOT_PC};

/// `EM_AARCH64`.
const MACHINE: u16 = 183;

/// Numbers of the calls in the vDSO.
const CLOCK_GETTIME: u64 = 113;
const CLOCK_GETRES: u64 = 114;
const RT_SIGRETURN: u64 = 139;
const GETTIMEOFDAY: u64 = 169;

/// `PROT_BTI`: branch targets are guarded. Accepted, and without effect on processors without.
const PROT_BTI: u64 = 0x10;

/// The value for arm64.
pub static ABI: Abi = Abi {
    machine: "aarch64",
    machine32: "armv8l",
    platform: "aarch64",
    elf_machine: MACHINE,
    // The kernel's signal frame without SVE: sigframe plus fp and lr (arch/arm64/kernel/signal.c).
    min_sigstack: 5120,
    sp_slot: 31,
    nr_slot: 8,
    arg_slots: [0, 1, 2, 3, 4, 5],
    ret_slot: 0,
    cpuinfo: cpuinfo::text,
    vdso: &vdso::IMAGE,
    calls: &AARCH64_CALLS,
    call_len: 4,
    push_frame: frame::push_frame,
    pop_frame: frame::pop_frame,
    syndrome: frame::syndrome,
    open_flags: OpenFlags {
        directory: 0o40_000,
        nofollow: 0o100_000,
        direct: 0o200_000,
        largefile: 0o400_000,
    },
    audit_arch: 0xc000_00b7,
    arch_prot: PROT_BTI,
    tags: true,
    debian: "arm64",
};

const _: () = assert!(SLOT_PC == 32 && FIRST_VEC == 64);
