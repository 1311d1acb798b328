//! What signal frames say of exceptions: number, error code and CR2 (arch/x86/kernel/traps.c, mm/fault.c).
//! Number and code are one word here: the number is above bit 32.

use crate::elf::PAGE;
use crate::signal::SI_KERNEL;
use crate::task::Task;
use engine::{Access, Fault};
use ir::state::{
    INTERRUPT_BREAKPOINT, INTERRUPT_DEBUG, TRAP_ALIGNMENT, TRAP_DIVIDE, TRAP_FLOAT, TRAP_INTERRUPT,
    TRAP_PROTECTION,
};
use sys::raw;

/// Numbers of exceptions.
mod number {
    pub(super) const DIVIDE: u64 = 0;
    pub(super) const DEBUG: u64 = 1;
    pub(super) const BREAKPOINT: u64 = 3;
    pub(super) const OVERFLOW: u64 = 4;
    pub(super) const UNDEFINED: u64 = 6;
    pub(super) const STACK: u64 = 12;
    pub(super) const PROTECTION: u64 = 13;
    pub(super) const PAGE_FAULT: u64 = 14;
    pub(super) const ALIGNMENT: u64 = 17;
    pub(super) const FLOAT: u64 = 19;
}

/// Bits of a page fault's error code: the page is there, but not for this access; a write; by a program; of
/// an instruction.
const PRESENT: u64 = 1;
const WRITE: u64 = 2;
const USER: u64 = 4;
const FETCH: u64 = 16;

/// Above are no addresses of programs (`TASK_SIZE_MAX`).
const END: u64 = (1 << 47) - PAGE;

/// Of a fault: CR2 and its number and code. An address that is none leaves CR2, and is another exception, and
/// signal, if it is the stack's.
pub(super) fn fault(task: &Task, fault: &mut Fault) -> (u64, u64) {
    let (cr2, _) = task.signals.last_fault;
    if fault.signo == libc::SIGTRAP {
        return (cr2, number::DEBUG << 32);
    }
    if fault.code != SI_KERNEL {
        return (fault.addr, number::PAGE_FAULT << 32 | page_fault(fault));
    }
    let pc = task.state().pc();
    let code = memory::read_vec(pc, 15).or_else(|_| memory::read_vec(pc, in_page(pc)));
    let of_stack = |code: Vec<u8>| task.process.engine.guest().is_stack_fault(&code, task.state());
    if fault.access != Access::Fetch && code.is_ok_and(of_stack) {
        fault.signo = libc::SIGBUS;
        return (cr2, number::STACK << 32);
    }
    (cr2, number::PROTECTION << 32)
}

/// Bytes from `pc` to the end of its page.
fn in_page(pc: u64) -> usize {
    (PAGE - pc % PAGE) as usize
}

/// The error code of a page fault.
fn page_fault(fault: &Fault) -> u64 {
    let access = match fault.access {
        Access::Load => 0,
        Access::Store => WRITE,
        Access::Fetch => FETCH,
    };
    let present = if is_present(fault) { PRESENT } else { 0 };
    USER | access | present
}

/// Whether the page is in memory and can be accessed in some other way. (A page that nothing may access is not
/// there for the processor. Of the kernel's addresses Linux never says that they are not.)
fn is_present(fault: &Fault) -> bool {
    const SEGV_ACCERR: i32 = 2;
    let resident = || {
        let mut flag = 0_u8;
        let args = [fault.addr & !(PAGE - 1), PAGE, (&raw mut flag) as u64];
        raw::call(libc::SYS_mincore, args).is_ok() && std::hint::black_box(flag) & 1 != 0
    };
    fault.addr >= END
        || (fault.signo, fault.code) == (libc::SIGSEGV, SEGV_ACCERR)
            && fault.access != Access::Load
            && resident()
            && memory::read_u8(fault.addr).is_ok()
}

/// Of a trap and its argument.
pub(super) fn trap(task: &Task, kind: u16, argument: u32) -> (u64, u64) {
    let number = match kind {
        TRAP_DIVIDE => number::DIVIDE,
        TRAP_INTERRUPT => match (argument & !0xff) as i32 {
            INTERRUPT_BREAKPOINT => number::BREAKPOINT,
            INTERRUPT_DEBUG => number::DEBUG,
            _ => number::OVERFLOW,
        },
        TRAP_PROTECTION => number::PROTECTION,
        TRAP_ALIGNMENT => number::ALIGNMENT,
        TRAP_FLOAT => number::FLOAT,
        _ => number::UNDEFINED,
    };
    let code = if kind == TRAP_PROTECTION { argument.into() } else { 0 };
    (task.signals.last_fault.0, number << 32 | code)
}
