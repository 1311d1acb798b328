//! The debug registers, which a tracer finds in `struct user` (arch/x86/kernel/{ptrace,hw_breakpoint}.c).

use crate::abi::{DebugRegisters, User};
use crate::ptrace::set;
use engine::Watch;

/// DR0 to DR3 are addresses; DR6 says which was hit, DR7 which are in force and for what.
const ADDRESSES: usize = 4;
const STATUS: usize = 6;
const CONTROL: usize = 7;

/// The bits of DR6 that are always set.
const STATUS_FIXED: u64 = 0xffff_0ff0;
/// Above this are no addresses of programs (`TASK_SIZE_MAX`).
const ADDRESSES_END: u64 = (1 << 47) - 4096;

/// `PTRACE_GETREGS` and the like.
const GET_REGISTERS: u64 = 12;
const SET_REGISTERS: u64 = 13;
const GET_FP_REGISTERS: u64 = 14;
const SET_FP_REGISTERS: u64 = 15;

pub(super) static USER: User = User {
    requests: &[
        (GET_REGISTERS, SET_REGISTERS, set::PRSTATUS),
        (GET_FP_REGISTERS, SET_FP_REGISTERS, set::PRFPREG),
    ],
    size: 912,
    debug: 848,
    watches: |registers| (0..ADDRESSES).filter_map(|n| watch(registers, n)).collect(),
    accepts,
    status: STATUS,
    status_after: status,
};

/// Whether an address's register is in force.
fn enabled(control: u64, n: usize) -> bool {
    control >> (2 * n) & 3 != 0
}

/// What it is for: 0 execution, 1 stores, 2 ports, 3 loads and stores; and how many bytes.
fn purpose(control: u64, n: usize) -> (u64, u64) {
    let bits = control >> (16 + 4 * n);
    let len = match bits >> 2 & 3 {
        0 => 1,
        1 => 2,
        2 => 8,
        _ => 4,
    };
    (bits & 3, len)
}

fn watch(registers: &DebugRegisters, n: usize) -> Option<Watch> {
    let control = registers[CONTROL];
    let (access, len) = purpose(control, n);
    enabled(control, n).then_some(Watch {
        start: registers[n],
        len,
        loads: access == 3,
        stores: access & 1 != 0,
        executes: access == 0,
        goes_on: true,
    })
}

fn accepts(registers: &DebugRegisters, n: usize) -> bool {
    let valid = |n: usize| {
        let (access, len) = purpose(registers[CONTROL], n);
        let of_code = access != 0 || len == 1;
        let possible = access != 2 && of_code && registers[n].is_multiple_of(len);
        !enabled(registers[CONTROL], n) || possible && registers[n] < ADDRESSES_END
    };
    match n {
        0..ADDRESSES => valid(n),
        STATUS => true,
        CONTROL => (0..ADDRESSES).all(valid),
        _ => false,
    }
}

fn status(registers: &DebugRegisters, address: u64) -> u64 {
    let hit = |n: &usize| {
        watch(registers, *n).is_some_and(|w| w.start <= address && address < w.start + w.len)
    };
    (0..ADDRESSES).filter(hit).fold(STATUS_FIXED, |all, n| all | 1 << n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registers(address: u64, control: u64) -> DebugRegisters {
        let mut all = DebugRegisters::default();
        (all[1], all[CONTROL]) = (address, control);
        all
    }

    #[test]
    fn control_says_what_is_watched() {
        // The second one, stores of 8 bytes.
        let all = registers(0x1008, 1 << 2 | 0b1001 << 20);
        let [watch] = (USER.watches)(&all)[..] else { panic!("one is in force") };
        assert!(watch.stores && !watch.loads && !watch.executes);
        assert_eq!((watch.start, watch.len), (0x1008, 8));
        assert_eq!(status(&all, 0x100f) & 15, 2);
        assert!(accepts(&all, CONTROL));
    }

    #[test]
    fn what_the_processor_cannot_watch_is_refused() {
        // Off a multiple of its length; ports; code of two bytes; beyond all programs.
        for (address, bits) in [(0x1004, 0b1001), (0, 0b10), (0, 0b100), (1 << 47, 1)] {
            assert!(!accepts(&registers(address, 1 << 2 | bits << 20), CONTROL), "{bits:b}");
        }
        assert!(accepts(&registers(0x1004, 0b1001 << 20), CONTROL), "not in force");
        assert!(!accepts(&registers(0, 0), 4));
    }
}
