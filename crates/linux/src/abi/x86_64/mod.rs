//! Linux on x86_64.

mod arch_prctl;
mod cpuinfo;
mod debug;
mod exception;
mod flags;
mod frame;
mod prctl;
mod registers;
mod vdso;
mod vsyscall;

pub(crate) use arch_prctl::arch_prctl;

use super::{Abi, Exceptions, OpenFlags, Registers, StatLayout, numbers};
use crate::elf::{Addresses, Kind};
use crate::layout::Model;
use crate::stack::at;
use ir::state::SLOT_TP;
use sys::Errno;

/// `EM_X86_64`.
const MACHINE: u16 = 62;

const MAP_32BIT: u64 = 0x40;

/// Numbers of the calls in the vDSO.
mod number {
    pub(super) const RT_SIGRETURN: u8 = 15;
    pub(super) const GETTIMEOFDAY: u8 = 96;
    pub(super) const CLOCK_GETTIME: u8 = 228;
    pub(super) const CLOCK_GETRES: u8 = 229;
}

/// Slots of registers.
mod slot {
    pub(super) const RAX: usize = 0;
    pub(super) const RCX: usize = 1;
    pub(super) const RDX: usize = 2;
    pub(super) const RBX: usize = 3;
    pub(super) const RSP: usize = 4;
    pub(super) const RBP: usize = 5;
    pub(super) const RSI: usize = 6;
    pub(super) const RDI: usize = 7;
    pub(super) const R8: usize = 8;
    pub(super) const R10: usize = 10;
    pub(super) const R11: usize = 11;
    pub(super) const R15: usize = 15;
    /// Zero, or minus two if strings go down.
    pub(super) const DIRECTION: usize = 16;
    /// The base of GS.
    pub(super) const GS: usize = 17;
    /// The flags that are neither of arithmetic nor that of direction, where RFLAGS has them.
    pub(super) const FLAGS: usize = 18;
    /// Instructions that the program has had refused to itself ([`super::prctl`]).
    pub(super) const REFUSED: usize = 26;
    /// The number of the call that the program has made last, or -1.
    pub(super) const CALL: usize = 19;
}

/// The selectors of 64-bit code and of data (arch/x86/include/asm/segment.h).
const USER_CS: u64 = 0x33;
const USER_DS: u64 = 0x2b;

/// The value for x86_64.
pub static ABI: Abi = Abi {
    machine: "x86_64",
    machine32: "i686",
    platform: Some("x86_64"),
    // (Programs for x32 have the same machine and another class.)
    kind: Kind {
        machine: MACHINE,
        class_counts: true,
        // (Linux makes the start random, and finds fewer places.)
        addresses: Addresses {
            low: Some((MAP_32BIT, (0x4000_0000, 0x8000_0000))),
            ..Addresses::BITS_47
        },
        narrow: Some(
            "a program for x32 (with 32-bit addresses); only those with 64-bit addresses can be run",
        ),
        refused: |_| None,
        guards: None,
    },
    model: Model::LP64,
    stat: StatLayout::WideNlink,
    epoll: Model { wide_align: 4, ..Model::LP64 },
    semid_padded: true,
    regs: Registers {
        sp: slot::RSP as u16,
        tp: SLOT_TP,
        number: slot::RAX as u16,
        args: [
            slot::RDI as u16,
            slot::RSI as u16,
            slot::RDX as u16,
            slot::R10 as u16,
            slot::R8 as u16,
            slot::R8 as u16 + 1,
        ],
        result: slot::RAX as u16,
    },
    clone_args: [0, 1, 2, 4, 3],
    enter_call: |state| {
        state.int[slot::RCX] = state.pc();
        state.int[slot::R11] = flags::get(state);
        state.int[slot::CALL] = state.int[slot::RAX];
    },
    set_result: |state, result| state.int[slot::RAX] = result.unwrap_or_else(Errno::to_ret),
    auxv: |capabilities| {
        vec![(at::MINSIGSTKSZ, frame::size(capabilities)), (at::HWCAP2, capabilities.hwcap[1])]
    },
    min_sigstack: 2048,
    undefined_code: 2,
    cpuinfo: cpuinfo::text,
    vdso: &vdso::IMAGE,
    calls: &numbers::X86_64,
    restorer: true,
    push_frame: frame::push_frame,
    pop_frame: frame::pop_frame,
    exceptions: Exceptions {
        fault: exception::fault,
        trap: exception::trap,
        mark: Some((slot::FLAGS as u16, flags::RF)),
        jumped: vsyscall::jumped,
        jumps_line: vsyscall::LINE,
    },
    open_flags: OpenFlags {
        directory: 0o200_000,
        nofollow: 0o400_000,
        direct: 0o40_000,
        largefile: 0o100_000,
    },
    audit_arch: 0xc000_003e,
    arch_prot: 0,
    tags: false,
    debian: "amd64",
    prctl: prctl::prctl,
    ptrace: registers::PTRACE,
};
