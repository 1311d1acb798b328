//! Linux on arm64.

mod cpuinfo;
mod frame;
mod prctl;
mod registers;
mod vdso;

use super::{Abi, Exceptions, OpenFlags, Registers, StatLayout, numbers};
use crate::elf::{Addresses, Kind};
use crate::layout::Model;
use crate::stack::at;
use ir::state::{FIRST_VEC, SLOT_PC, SLOT_TP};

/// `EM_AARCH64`.
const MACHINE: u16 = 183;

/// Numbers of the calls in the vDSO.
const CLOCK_GETTIME: u64 = 113;
const CLOCK_GETRES: u64 = 114;
const RT_SIGRETURN: u64 = 139;
const GETTIMEOFDAY: u64 = 169;

/// `PROT_BTI`: branch targets are guarded. Accepted, and without effect on processors without.
const PROT_BTI: u64 = 0x10;

/// The kernel's signal frame without SVE: sigframe plus fp and lr (arch/arm64/kernel/signal.c).
const MIN_SIGSTACK: u64 = 5120;

/// The value for arm64.
pub static ABI: Abi = Abi {
    machine: "aarch64",
    machine32: "armv8l",
    platform: Some("aarch64"),
    kind: Kind {
        machine: MACHINE,
        class_counts: false,
        addresses: Addresses::BITS_47,
        narrow: None,
        refused: |_| None,
        // GNU_PROPERTY_AARCH64_FEATURE_1_AND, BTI.
        guards: Some((0xc000_0000, 1)),
    },
    model: Model::LP64,
    stat: StatLayout::Generic,
    epoll: Model::LP64,
    semid_padded: false,
    regs: Registers { sp: 31, tp: SLOT_TP, number: 8, args: [0, 1, 2, 3, 4, 5], result: 0 },
    clone_args: [0, 1, 2, 3, 4],
    enter_call: |_| {},
    set_result: |state, result| state.int[0] = result.unwrap_or_else(sys::Errno::to_ret),
    auxv: |capabilities| vec![(at::MINSIGSTKSZ, MIN_SIGSTACK), (at::HWCAP2, capabilities.hwcap[1])],
    min_sigstack: MIN_SIGSTACK,
    undefined_code: 1,
    cpuinfo: cpuinfo::text,
    vdso: &vdso::IMAGE,
    calls: &numbers::AARCH64,
    restorer: true,
    push_frame: frame::push_frame,
    pop_frame: frame::pop_frame,
    exceptions: Exceptions {
        fault: |task, fault| (fault.addr, frame::syndrome(task, fault)),
        ..Exceptions::PLAIN
    },
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
    prctl: prctl::prctl,
    ptrace: registers::PTRACE,
};

const _: () = assert!(SLOT_PC == 32 && FIRST_VEC == 64);
