//! The signal handlers: faults in translated code, accesses to guest memory, signals from outside.

use crate::cpu::{Access, Fault, Shared, current, record_early};
use crate::engine::Engine;
use crate::interpret::SI_KERNEL;
use core::ffi::c_void;
use host::{FaultPoint, FlagsAt, Recipe};
use ir::state::{FIRST_VEC, exit, flag};
use sys::arch::{Context, abort_call, is_after_call};
use sys::signal::{self, Disposition, Siginfo};

/// The signals that instructions raise. They are never blocked.
pub(crate) const SYNCHRONOUS: [i32; 5] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];

/// Their bits in a mask.
pub(crate) const SYNCHRONOUS_MASK: u64 = {
    let (mut mask, mut i) = (0, 0);
    while i < SYNCHRONOUS.len() {
        mask |= 1 << (SYNCHRONOUS[i] - 1);
        i += 1;
    }
    mask
};

/// Which of the synchronous signals are ignored now.
pub(crate) fn ignored() -> u64 {
    let ignored = SYNCHRONOUS.into_iter().filter(|&signo| sys::process::is_ignored(signo));
    ignored.fold(0, |mask, signo| mask | 1 << (signo - 1))
}

/// Installs the handlers of the synchronous signals.
pub(crate) fn install() {
    for signo in SYNCHRONOUS {
        // SAFETY: the handler allocates nothing and takes no locks.
        unsafe { signal::set_disposition(signo, Disposition::Handler(on_synchronous)) };
    }
}

/// Handler of all signals that are caught for the guest.
pub(crate) unsafe extern "C" fn on_asynchronous(
    signo: i32,
    info: *const Siginfo,
    context: *mut c_void,
) {
    // SAFETY: these are a handler's arguments.
    let (info, mut context) = unsafe { (&*info, Context::new(context)) };
    record(signo, info, &mut context);
}

fn record(signo: i32, info: &Siginfo, context: &mut Context) {
    let Some(cpu) = current() else { return record_early(signo, info) };
    cpu.record(signo, info);
    context.set_mask(!SYNCHRONOUS_MASK);
    abort_call(context);
}

unsafe extern "C" fn on_synchronous(signo: i32, info: *const Siginfo, context: *mut c_void) {
    // SAFETY: these are a handler's arguments.
    let (info, mut context) = unsafe { (&*info, Context::new(context)) };
    if info.code() <= 0 || is_after_call(&context) {
        // Sent by a process, not raised by an instruction.
        return record(signo, info, &mut context);
    }
    if (signo == libc::SIGSEGV || signo == libc::SIGBUS) && memory::recover(&mut context, info) {
        return;
    }
    let handled = current().is_some_and(|cpu| in_translated_code(cpu, signo, info, &mut context));
    if !handled && of_sequence(signo, info) {
        record(signo, info, &mut context);
    } else if !handled {
        die(signo, info, &context);
    }
}

/// Whether the kernel did not accept what the guest says of a restartable sequence.
fn of_sequence(signo: i32, info: &Siginfo) -> bool {
    signo == libc::SIGSEGV
        && info.code() == SI_KERNEL
        && current().is_some_and(|cpu| cpu.has_sequences())
}

/// Deals with a fault whose pc is in the code cache; false if there is no explanation for it.
fn in_translated_code(cpu: &Shared, signo: i32, info: &Siginfo, context: &mut Context) -> bool {
    let engine = cpu.engine();
    if !engine.is_code(context.pc()) {
        return false;
    }
    if context.pc() == engine.stubs.cas_16_fault.0 {
        context.set_pc(engine.stubs.cas_16_fault.1);
        return true;
    }
    // SAFETY: the thread is in translated code, where only it uses the state, and it is stopped.
    let rules = unsafe { (*cpu.state()).fp.rules };
    // Then the program has asked for the signal, and the evaluator finds the same exception.
    let own_rules = engine.host.has_rules(rules);
    let reason = match signo {
        libc::SIGSEGV if info.code() == SI_KERNEL => exit::INTERPRET,
        libc::SIGSEGV if cpu.is_poll_page(info.addr()) => exit::POLL,
        libc::SIGSEGV if cpu.is_return_guard(info.addr()) => {
            context.set_sp(cpu.ret_base());
            return true;
        }
        libc::SIGSEGV | libc::SIGBUS => {
            let access = Access::data(context.is_write());
            cpu.set_fault(Fault { signo, code: info.code(), addr: info.addr(), access });
            exit::FAULT
        }
        libc::SIGFPE => {
            if !own_rules {
                context.set_fp_control(engine.host.without_invalid(context.fp_control()));
            }
            exit::INTERPRET
        }
        _ => return false,
    };
    let Some((unit_pc, point, recipe)) = engine.fault_point(context.pc()) else { return false };
    // SAFETY: the thread is in translated code, where only it uses the state, and it is stopped.
    let state = unsafe { &mut *cpu.state() };
    for pin in engine.host.pins() {
        if pin.slot < FIRST_VEC {
            state.int[usize::from(pin.slot)] = context.int(pin.reg);
        } else {
            state.vec[usize::from(pin.slot - FIRST_VEC)] = context.vec(pin.reg);
        }
    }
    state.flags = match point.flags {
        FlagsAt::Home => state.flags,
        FlagsAt::Recipe(_) => {
            recipe.map_or(state.flags, |recipe| flag::from_nzcv(recipe.nzcv(state)))
        }
        at => engine.host.flag_word(context.flags(), at),
    };
    state.ret_sp = context.sp();
    state.set_pc(unit_pc.wrapping_add(u64::from(point.guest)));
    state.exit_reason = reason;
    state.exit_arg = match signo {
        libc::SIGFPE if !own_rules => exit::INVALID,
        libc::SIGSEGV if reason == exit::INTERPRET => exit::TAGGED,
        _ => 0,
    };
    context.set_pc(engine.stubs.leave_stored);
    true
}

impl Engine {
    /// Whether there is translated code at the host's `pc`. Async-signal-safe.
    fn is_code(&self, pc: u64) -> bool {
        self.cache.offset(pc).is_some() || self.exec().is_some_and(|m| m.offset(pc).is_some())
    }
    /// What is known of the instruction at the host's `pc`, which may fault: the guest pc of its unit, its
    /// point, and the recipe for its flags. Async-signal-safe.
    fn fault_point(&self, pc: u64) -> Option<(u64, FaultPoint, Option<Recipe>)> {
        let Some(offset) = self.cache.offset(pc) else {
            let memory = self.exec()?;
            return memory.fault_point(memory.offset(pc)?);
        };
        let unit = self.tables.find(offset)?;
        let point = self.tables.fault_point(unit, offset)?;
        let recipe = match point.flags {
            FlagsAt::Recipe(n) => self.tables.recipe(unit, n).copied(),
            _ => None,
        };
        Some((unit.pc, point, recipe))
    }
}

/// A fault of the emulator itself: says so and dies of the signal.
fn die(signo: i32, info: &Siginfo, context: &Context) {
    let mut text = Line { bytes: [0; 160], len: 0 };
    text.put(b"anyarch: internal error: signal ");
    text.decimal(signo as u32);
    text.put(b" code ");
    text.decimal(info.code() as u32);
    text.put(b" at ");
    text.hex(context.pc());
    if let Some(offset) = current().and_then(|c| c.engine().cache.offset(context.pc())) {
        text.put(b" (code cache + ");
        text.hex(u64::from(offset));
        text.put(b")");
    }
    text.put(b", address ");
    text.hex(info.addr());
    text.put(b"\n");
    signal::message(&text.bytes[..text.len]);
    // SAFETY: no handler.
    unsafe { signal::set_disposition(signo, Disposition::Default) };
    signal::raise(signo);
}

/// A line of text without memory management.
struct Line {
    bytes: [u8; 160],
    len: usize,
}

impl Line {
    fn put(&mut self, text: &[u8]) {
        for &b in text {
            if self.len < self.bytes.len() {
                self.bytes[self.len] = b;
                self.len += 1;
            }
        }
    }
    fn hex(&mut self, n: u64) {
        self.put(b"0x");
        let digits = (64 - n.leading_zeros()).div_ceil(4).max(1);
        for i in (0..digits).rev() {
            self.put(&[b"0123456789abcdef"[(n >> (4 * i) & 15) as usize]]);
        }
    }
    fn decimal(&mut self, n: u32) {
        if n >= 10 {
            self.decimal(n / 10);
        }
        self.put(&[b'0' + (n % 10) as u8]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_lines() {
        let mut line = Line { bytes: [0; 160], len: 0 };
        line.decimal(1203);
        line.put(b" ");
        line.hex(0xa0f);
        line.put(b" ");
        line.hex(0);
        assert_eq!(&line.bytes[..line.len], b"1203 0xa0f 0x0");
    }
}
