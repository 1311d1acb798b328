//! The child's side: maps the page of code and the memory, gives up its system calls, runs jobs.
#![expect(unsafe_code, reason = "runs code with its own registers and takes its signals")]

use super::super::Context;
use super::stub::{self, Stub};
use super::{AREA, AT, Job, MEMORY, MEMORY_AT, Registers, Shared};
use crate::raw;
use crate::signal::{self, Disposition, Siginfo};
use core::ffi::c_void;

/// Where the handler's stack is.
const STACK_AT: u64 = 0x3000_0000;
const STACK_LEN: usize = 65536;
/// The calls that it has left.
const ALLOWED: [i64; 4] =
    [libc::SYS_read, libc::SYS_write, libc::SYS_rt_sigreturn, libc::SYS_exit_group];
/// Signals of instructions.
const SIGNALS: [i32; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP];
/// Where the handler finds the address to go on at: behind the registers.
const RESUME_AT: u64 = stub::USUAL.0 + 8;

/// Runs jobs until the other side ends. Allocates nothing: the process had threads.
pub(super) fn main(shared: *mut Shared, line: i32) -> ! {
    let stub = Stub::new();
    let all = (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) as u64;
    let plain = (libc::PROT_READ | libc::PROT_WRITE) as u64;
    let mapped = map(stub::PAGE_AT, 8192, all)
        && map(MEMORY_AT & !4095, 4096, plain)
        && map(STACK_AT, STACK_LEN as u64, plain);
    if !mapped {
        end();
    }
    // SAFETY: the mapping was just made, for this.
    unsafe {
        *(stub::PAGE_AT as *mut [u8; 4096]) = stub.page;
        *(stub::USUAL.0 as *mut u32) = stub::USUAL.1;
        *(RESUME_AT as *mut u64) = stub.resume;
        signal::set_alternate_stack(STACK_AT, STACK_LEN);
    }
    for signo in SIGNALS {
        // SAFETY: the handler only copies memory.
        unsafe { signal::set_disposition(signo, Disposition::Handler(handler)) };
    }
    signal::set_mask(0);
    give_up_calls();
    let mut byte = 0_u8;
    loop {
        let args = [line as u64, &raw mut byte as u64, 1, 0, 0, 0];
        if raw::syscall_ret(libc::SYS_read as u64, args) != 1 {
            end();
        }
        // SAFETY: the other side waits.
        let (count, jobs) = unsafe { ((*shared).count, &mut (*shared).jobs) };
        for (n, job) in jobs[..count].iter_mut().enumerate() {
            // SAFETY: as above.
            unsafe { (*shared).current = n };
            run(job, &stub);
        }
        raw::syscall_ret(libc::SYS_write as u64, args);
    }
}

fn end() -> ! {
    raw::syscall_ret(libc::SYS_exit_group as u64, [1, 0, 0, 0, 0, 0]);
    loop {
        core::hint::spin_loop();
    }
}

/// Maps memory; what the parent has there is not needed here.
fn map(at: u64, len: u64, prot: u64) -> bool {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    let args = [at, len, prot, flags as u64, u64::MAX, 0];
    raw::call(libc::SYS_mmap, args) == Ok(at)
}

/// Lets a seccomp filter end this process at any other call.
fn give_up_calls() {
    const LOAD: u16 = 0x20;
    const EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let filter = |code, jump, k| libc::sock_filter { code, jt: jump, jf: 0, k };
    let mut program = [filter(RETURN, 0, libc::SECCOMP_RET_KILL_PROCESS); ALLOWED.len() + 3];
    program[0] = filter(LOAD, 0, 0);
    for (n, call) in ALLOWED.into_iter().enumerate() {
        program[n + 1] = filter(EQUAL, (ALLOWED.len() - n) as u8, call as u32);
    }
    program[ALLOWED.len() + 2] = filter(RETURN, 0, libc::SECCOMP_RET_ALLOW);
    let whole = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    let prctl = libc::SYS_prctl as u64;
    raw::syscall_ret(prctl, [libc::PR_SET_NO_NEW_PRIVS as u64, 1, 0, 0, 0, 0]);
    let args = [libc::PR_SET_SECCOMP as u64, 2, &raw const whole as u64, 0, 0, 0];
    if raw::syscall_ret(prctl, args) != 0 {
        end();
    }
}

fn run(job: &mut Job, stub: &Stub) {
    let registers = stub::REGISTERS_AT as *mut Registers;
    let insn = &job.insn[..usize::from(job.len.min(15))];
    // SAFETY: the pages are this function's, and the code at their start is a function that keeps
    // what functions keep. What the instruction does to this process is why it is a child.
    unsafe {
        *registers = job.registers;
        (*registers).pc = AT + insn.len() as u64;
        (*registers).signal = 0;
        *(MEMORY_AT as *mut [u8; MEMORY]) = job.memory;
        // (Code that is written to is fetched again, which takes longer than most instructions.)
        let slot = stub::slot(insn, stub.back);
        if *(AT as *const [u8; 20]) != slot {
            *(AT as *mut [u8; 20]) = slot;
        }
        let enter: extern "C" fn() = core::mem::transmute(stub::PAGE_AT);
        enter();
        job.registers = *registers;
        job.memory = *(MEMORY_AT as *const [u8; MEMORY]);
    }
}

/// Stores the registers that a signal interrupted, and goes on behind the instruction. The base of FS
/// is the instruction's: nothing here uses the thread's own data.
unsafe extern "C" fn handler(signo: i32, info: *const Siginfo, context: *mut c_void) {
    // SAFETY: they are the handler's arguments, and the page is mapped.
    let (mut context, info, registers) =
        unsafe { (Context::new(context), &*info, &mut *(stub::REGISTERS_AT as *mut Registers)) };
    for n in 0..16 {
        registers.int[usize::from(n)] = context.int(n);
    }
    registers.flags = context.flags();
    registers.pc = context.pc();
    registers.signal = signo;
    registers.code = info.code();
    registers.address = info.addr();
    // SAFETY: the kernel stores this much where the processor has AVX, which `Machine::new` has asked.
    unsafe { core::ptr::copy_nonoverlapping(context.area(), registers.area.as_mut_ptr(), AREA) };
    // The kernel's own words are where the standard form has none.
    registers.area[464..512].fill(0);
    // SAFETY: the stub has stored them.
    unsafe {
        context.set_sp(*(stub::HOST_SP_AT as *const u64));
        context.set_pc(*(RESUME_AT as *const u64));
    }
    context.set_flags(0x202);
}
