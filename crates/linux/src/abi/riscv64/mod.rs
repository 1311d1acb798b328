//! Linux on riscv64.

mod cpuinfo;
mod frame;
mod hwprobe;
mod isa;
mod prctl;
mod registers;
mod vdso;

pub(crate) use hwprobe::riscv_hwprobe;

use super::{Abi, Exceptions, OpenFlags, Registers, StatLayout, numbers};
use crate::calls::{Args, Result};
use crate::elf::{Addresses, Kind};
use crate::layout::Model;
use crate::stack::at;
use crate::task::Task;
use guest::Capabilities;
use ir::State;
use sys::Errno;

/// `EM_RISCV`.
const MACHINE: u16 = 243;
/// `e_flags`: for processors with 16 registers.
const EF_RVE: u32 = 8;

/// Numbers of the calls in the vDSO.
mod number {
    pub(super) const CLOCK_GETTIME: u32 = 113;
    pub(super) const CLOCK_GETRES: u32 = 114;
    pub(super) const RT_SIGRETURN: u32 = 139;
    pub(super) const GETTIMEOFDAY: u32 = 169;
    pub(super) const HWPROBE: u32 = 258;
    pub(super) const FLUSH_ICACHE: u32 = 259;
}

/// Slots of registers.
mod slot {
    pub(super) const RA: usize = 1;
    pub(super) const SP: usize = 2;
    pub(super) const TP: usize = 4;
    pub(super) const A0: usize = 10;
    /// The vector extension's.
    pub(super) const VL: usize = 48;
    pub(super) const VTYPE: usize = 49;
    pub(super) const VSTART: usize = 50;
    /// vxrm and vxsat.
    pub(super) const VCSR: usize = 51;
    /// f0 among the vector slots.
    pub(super) const F0: usize = 0;
    /// v0 among the vector slots.
    pub(super) const V0: usize = 32;
}

/// Bytes of a vector register.
const VLENB: u64 = 16;

/// The value for riscv64.
pub static ABI: Abi = Abi {
    machine: "riscv64",
    machine32: "riscv32",
    platform: None,
    kind: Kind {
        machine: MACHINE,
        class_counts: true,
        addresses: Addresses::BITS_47,
        narrow: None,
        refused: |flags| {
            (flags & EF_RVE != 0).then_some("a program for RV64E (processors with 16 registers)")
        },
        guards: None,
    },
    model: Model::LP64,
    stat: StatLayout::Generic,
    epoll: Model::LP64,
    semid_padded: false,
    regs: Registers {
        sp: slot::SP as u16,
        tp: slot::TP as u16,
        number: 17,
        args: [10, 11, 12, 13, 14, 15],
        result: slot::A0 as u16,
    },
    clone_args: [0, 1, 2, 3, 4],
    enter_call: forget_vectors,
    set_result: |state, result| state.int[slot::A0] = result.unwrap_or_else(Errno::to_ret),
    auxv: |capabilities| vec![(at::MINSIGSTKSZ, frame::size(has_vectors(capabilities)))],
    // The generic MINSIGSTKSZ.
    min_sigstack: 2048,
    undefined_code: 1,
    cpuinfo: cpuinfo::text,
    vdso: &vdso::IMAGE,
    calls: &numbers::RISCV64,
    restorer: false,
    push_frame: frame::push_frame,
    pop_frame: frame::pop_frame,
    exceptions: Exceptions::PLAIN,
    open_flags: OpenFlags {
        directory: 0o200_000,
        nofollow: 0o400_000,
        direct: 0o40_000,
        largefile: 0o100_000,
    },
    audit_arch: 0xc000_00f3,
    arch_prot: 0,
    tags: false,
    debian: "riscv64",
    prctl: prctl::prctl,
    ptrace: registers::PTRACE,
};

/// vtype that is none.
const VILL: u64 = 1 << 63;

/// What a system call does to the vector registers of a program that has used them: they become ones, and
/// there is no type. (Until an instruction has set a type, there is nothing to forget.)
fn forget_vectors(state: &mut State) {
    if state.int[slot::VTYPE] == VILL {
        return;
    }
    state.vec[slot::V0..slot::V0 + 32].fill(u128::MAX);
    (state.int[slot::VTYPE], state.int[slot::VL], state.int[slot::VSTART]) = (VILL, 0, 0);
}

/// Whether the processor has vector registers (`COMPAT_HWCAP_ISA_V`).
fn has_vectors(capabilities: &Capabilities) -> bool {
    capabilities.hwcap[0] >> (b'v' - b'a') & 1 != 0
}

/// The status and control register of floating point.
fn fcsr(task: &Task) -> u32 {
    (task.cpu.fpcr() as u32 & 7) << 5 | reversed(task.cpu.fpsr() as u32)
}

/// Sets it.
fn set_fcsr(task: &mut Task, fcsr: u32) {
    task.cpu.set_fpcr(u64::from(fcsr >> 5 & 7));
    task.cpu.set_fpsr(u64::from(reversed(fcsr)));
}

/// Sets vl, vtype, vstart and vcsr to what Linux makes of these words, which it puts there with VSETVL
/// and CSRW: what no instruction can set, is not set.
fn set_vector_state(state: &mut State, [vstart, vl, vtype, vcsr]: [u64; 4]) {
    let most = most_elements(vtype);
    state.int[slot::VTYPE] = if most == 0 { VILL } else { vtype };
    state.int[slot::VL] = vl.min(most);
    state.int[slot::VSTART] = vstart & (VLENB * 8 - 1);
    state.int[slot::VCSR] = vcsr & 7;
}

/// VLMAX of `vtype`; 0 if there is no such type.
fn most_elements(vtype: u64) -> u64 {
    let (sew, lmul) = ((vtype >> 3 & 7) as i32 + 3, (vtype << 61).cast_signed() >> 61);
    // A part of a register holds elements of up to that part of 64 bits.
    let known = vtype >> 8 == 0 && lmul != -4 && i64::from(sew) <= 6 + lmul.min(0);
    if known { 1 << (i64::from((VLENB * 8).ilog2()) + lmul - i64::from(sew)) } else { 0 }
}

/// The five exceptions, which are in the opposite order in our state.
const fn reversed(flags: u32) -> u32 {
    (flags & 0x1f).reverse_bits() >> 27
}

/// `riscv_flush_icache(2)`. Linux flushes everything; here the range must be the one that was written,
/// or empty for everything.
pub(crate) fn riscv_flush_icache(task: &mut Task, args: Args) -> Result {
    const LOCAL: u64 = 1;
    let [start, end, flags, ..] = args;
    if flags & !LOCAL != 0 {
        return Err(Errno::EINVAL);
    }
    match end.checked_sub(start).filter(|&len| len != 0) {
        Some(len) => task.process.engine.code_changed(start, len),
        None => task.process.engine.any_code_changed(),
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vector_state_is_what_instructions_can_set() {
        let set = |words| {
            let mut state = State::new();
            set_vector_state(&mut state, words);
            [slot::VSTART, slot::VL, slot::VTYPE, slot::VCSR].map(|slot| state.int[slot])
        };
        assert_eq!(set([3, 4, 0xd0, 5]), [3, 4, 0xd0, 5]);
        // e8, m8: 128 elements; e64, mf2: none; a bit of those that are reserved.
        assert_eq!(set([1 << 40, u64::MAX, 3, 9]), [0, 128, 3, 1]);
        for vtype in [0x1f, 4, 0x38, 0x100, 1 << 63, u64::MAX] {
            assert_eq!(set([0, 1, vtype, 0])[1..3], [0, 1 << 63], "{vtype:#x}");
        }
        // e8, mf8: two.
        assert_eq!(set([0, 9, 5, 0])[1..3], [2, 5]);
    }

    #[test]
    fn exceptions_are_in_the_other_order() {
        // Inexact and invalid.
        assert_eq!((reversed(1), reversed(0x10)), (0x10, 1));
        assert!((0..32).all(|flags| reversed(reversed(flags)) == flags));
    }
}
