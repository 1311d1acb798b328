//! Signals: what the guest asked for, and their delivery.
//!
//! The host's kernel keeps the queues. A signal that the guest handles is caught on the host, where
//! its siginfo is recorded in the thread's `Cpu` and everything else is blocked; the run loop then
//! builds the guest's frame here and opens the host's mask again. What the guest ignores or leaves
//! to the default action is left to the host's kernel in the same way, so stops, continues,
//! automatic reaping and restarts without a handler are all Linux's own.
//!
//! The five synchronous signals are always caught and not blocked on the host while the guest's code
//! runs; their blocking is done here ([`held`]).

mod actions;
mod die;
mod held;
mod info;

pub use actions::{Action, ProcessSignals};
pub(crate) use die::die_of;
pub(crate) use held::{
    bequeath, forget_pending, ignore_as_guest, leave_to_others, nothing_arrived, pending, wait,
};
pub use info::Info;
pub(crate) use info::SI_KERNEL;

use crate::layout::{self, Model, StackT};
use crate::proc::{PUBLISHED, packed};
use crate::task::Task;
use crate::{calls, ptrace};
use engine::{Access, Fault, RecordedSignal, signals as host};
use ir::state::{
    INTERRUPT_BREAKPOINT, INTERRUPT_DEBUG, MONITOR_CLEAR, SLOT_EX_ADDR, TRAP_ALIGNMENT,
    TRAP_BREAKPOINT, TRAP_DIVIDE, TRAP_FLOAT, TRAP_INTERRUPT, TRAP_PROTECTION,
};
use memory::MemoryFault;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use sys::Errno;

/// `SIG_DFL`.
pub const SIG_DFL: u64 = 0;
/// `SIG_IGN`.
pub const SIG_IGN: u64 = 1;

/// Flags of actions.
pub mod sa {
    /// No SIGCHLD when children stop.
    pub const NOCLDSTOP: u64 = 1;
    /// Children are not waited for.
    pub const NOCLDWAIT: u64 = 2;
    /// The handler takes three arguments.
    pub const SIGINFO: u64 = 4;
    /// There is a restorer.
    pub const RESTORER: u64 = 0x0400_0000;
    /// On the alternate stack.
    pub const ONSTACK: u64 = 0x0800_0000;
    /// Interrupted calls are made again.
    pub const RESTART: u64 = 0x1000_0000;
    /// The signal is not blocked in its handler.
    pub const NODEFER: u64 = 0x4000_0000;
    /// Once only.
    pub const RESETHAND: u64 = 0x8000_0000;
    /// Tag bits of fault addresses are given.
    pub const EXPOSE_TAGBITS: u64 = 0x800;
    /// All that Linux knows on every architecture (kernel/signal.c `UAPI_SA_FLAGS`).
    pub const KNOWN: u64 =
        NOCLDSTOP | NOCLDWAIT | SIGINFO | ONSTACK | RESTART | NODEFER | RESETHAND | EXPOSE_TAGBITS;
}

/// Bit of a signal in a mask.
pub const fn bit(signo: i32) -> u64 {
    1 << (signo - 1)
}

/// The signals that the host never blocks nor ignores: those of faults.
pub const SYNCHRONOUS: u64 = bit(libc::SIGSEGV)
    | bit(libc::SIGBUS)
    | bit(libc::SIGFPE)
    | bit(libc::SIGILL)
    | bit(libc::SIGTRAP);

/// The signals that cannot be blocked.
pub const UNBLOCKABLE: u64 = bit(libc::SIGKILL) | bit(libc::SIGSTOP);

const TRAP_BRKPT: i32 = 1;

const SS_ONSTACK: i32 = 1;
const SS_DISABLE: i32 = 2;
/// The alternate stack is forgotten when a handler runs on it.
pub const SS_AUTODISARM: i32 = i32::MIN;

/// The alternate signal stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AltStack {
    /// Lowest address.
    pub start: u64,
    /// Length; 0 = none.
    pub len: u64,
    /// As given (`SS_AUTODISARM`, and `SS_DISABLE` when there is none).
    pub flags: i32,
}

impl AltStack {
    /// None.
    pub const NONE: Self = Self { start: 0, len: 0, flags: SS_DISABLE };

    /// Whether code with stack pointer `sp` runs on it.
    pub fn contains(&self, sp: u64) -> bool {
        self.flags & SS_AUTODISARM == 0 && sp > self.start && sp - self.start <= self.len
    }

    /// What `sigaltstack` reports as its flags.
    pub fn status(&self, sp: u64) -> i32 {
        let on = match (self.len, self.contains(sp)) {
            (0, _) => SS_DISABLE,
            (_, true) => SS_ONSTACK,
            (_, false) => 0,
        };
        on | self.flags & SS_AUTODISARM
    }

    /// Reads a `stack_t`.
    pub(crate) fn read(model: Model, at: u64) -> Result<Self, MemoryFault> {
        let StackT { start, flags, len } = layout::read(model, at)?;
        Ok(Self { start, len, flags })
    }

    /// Writes the `stack_t` with these flags.
    pub(crate) fn write(&self, model: Model, at: u64, flags: i32) -> Result<(), MemoryFault> {
        layout::write(model, at, StackT { start: self.start, flags, len: self.len })
    }

    /// Puts the `stack_t` with these flags into the first of `bytes`.
    pub(crate) fn put(&self, model: Model, flags: i32, bytes: &mut [u8]) {
        layout::to_bytes(model, StackT { start: self.start, flags, len: self.len }, bytes);
    }

    /// The `stack_t` in `bytes`.
    pub(crate) fn get(model: Model, bytes: &[u8]) -> Self {
        let StackT { start, flags, len } = layout::from_bytes(model, bytes);
        Self { start, len, flags }
    }
}

/// A thread's signals.
pub struct TaskSignals {
    /// Blocked signals.
    pub mask: u64,
    /// The mask to be restored when the handler that interrupts a call with a mask of its own
    /// returns.
    pub saved_mask: Option<u64>,
    /// The alternate stack.
    pub alt_stack: AltStack,
    /// Synchronous signals that were sent to the thread while blocked.
    pub held: RefCell<Vec<RecordedSignal>>,
    /// What /proc shows of synchronous signals: [`packed`].
    pub shown: Cell<u64>,
    /// `fault_address` and syndrome of the last fault, for frames.
    pub last_fault: (u64, u64),
    /// The actions of a process that shares its memory with its parent but not its actions.
    pub own_actions: Option<Arc<ProcessSignals>>,
}

impl Default for TaskSignals {
    /// What a program starts with: the mask that the host's thread has.
    fn default() -> Self {
        Self {
            mask: host::host_mask() & !UNBLOCKABLE,
            saved_mask: None,
            alt_stack: AltStack::NONE,
            held: RefCell::default(),
            shown: Cell::new(0),
            last_fault: (0, 0),
            own_actions: None,
        }
    }
}

/// What a frame is to be built for.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// The signal.
    pub signo: i32,
    /// The guest's action.
    pub action: Action,
    /// Its siginfo.
    pub info: Info,
    /// The mask that the handler's return restores.
    pub mask: u64,
}

impl Task {
    /// The actions in force.
    pub fn actions(&self) -> &ProcessSignals {
        self.signals.own_actions.as_deref().unwrap_or(&self.process.signals)
    }

    /// Sets the guest's mask, and the host's with it. Synchronous signals that become unblocked
    /// are delivered before the guest goes on.
    pub fn set_mask(&mut self, mask: u64) {
        let mask = mask & !UNBLOCKABLE;
        self.signals.mask = mask;
        self.apply_mask();
    }

    /// Makes the host's mask the guest's.
    pub(crate) fn apply_mask(&self) {
        let mask = self.signals.mask;
        let shown = packed(mask & SYNCHRONOUS, held::own(self));
        if shown != self.signals.shown.replace(shown) {
            PUBLISHED.set_thread(self.tid, shown);
        }
        self.cpu.set_takes(!mask);
        if pending(self) & !mask != 0 {
            self.cpu.interrupt();
        }
        host::set_host_mask(mask);
    }

    /// The stack pointer.
    pub fn sp(&self) -> u64 {
        self.state().int[self.process.abi.regs.sp as usize]
    }

    /// Where a frame for `action` starts (its highest address).
    pub fn frame_top(&self, action: &Action) -> u64 {
        let (sp, alt) = (self.sp(), &self.signals.alt_stack);
        let wanted = action.flags & sa::ONSTACK != 0 && alt.len != 0 && !alt.contains(sp);
        if wanted { alt.start + alt.len } else { sp }
    }

    /// Reads a signal set of the guest.
    ///
    /// # Errors
    /// `EINVAL` if `size` is not that of a set, `EFAULT`.
    pub(crate) fn read_set(&self, at: u64, size: u64) -> Result<u64, Errno> {
        if size != 8 {
            return Err(Errno::EINVAL);
        }
        Ok(memory::read_u64(at)?)
    }
}

/// Delivers what has arrived.
pub fn deliver_pending(task: &mut Task) {
    while let Some(signal) = held::next_recorded(task) {
        if ptrace::asked(task, signal.signo, &Info(signal.info)) {
            continue;
        }
        let blocked = task.signals.mask & bit(signal.signo) != 0;
        if blocked && SYNCHRONOUS & bit(signal.signo) != 0 {
            held::hold(task, signal);
        } else {
            deliver_sent(task, signal);
        }
    }
    while let Some(signal) = held::take(task, !task.signals.mask) {
        deliver_sent(task, signal);
    }
    if let Some(saved) = task.signals.saved_mask.take() {
        // No handler ran after all.
        task.signals.mask = saved;
    }
    calls::again(task);
    task.apply_mask();
}

fn deliver_sent(task: &mut Task, signal: RecordedSignal) {
    if !held::is_protected(task.actions().get(signal.signo).handler) {
        deliver(task, signal.signo, Info(signal.info));
    }
}

/// Keeps a synchronous signal for the thread until it is not blocked; one of each.
pub(crate) fn hold(task: &Task, signo: i32, info: Info) {
    let mut held = task.signals.held.borrow_mut();
    if !held.iter().any(|s| s.signo == signo) {
        held.push(RecordedSignal { signo, info: info.0 });
        task.cpu.interrupt();
    }
}

/// A fault of the instruction at pc.
pub fn deliver_fault(task: &mut Task, mut fault: Fault) {
    let exceptions = &task.process.abi.exceptions;
    if fault.access == Access::Fetch && (exceptions.jumped)(task, fault.addr) {
        return;
    }
    if fault.signo == libc::SIGTRAP {
        fault.addr = ptrace::hit(task, fault.addr);
    }
    task.signals.last_fault = (exceptions.fault)(task, &mut fault);
    let info = Info::fault(fault.signo, fault.code, fault.addr);
    marked(task, |task| force(task, fault.signo, info));
}

/// Tells of a fault, with the processor's flag that says so.
fn marked(task: &mut Task, tell: impl FnOnce(&mut Task)) {
    let Some((slot, flag)) = task.process.abi.exceptions.mark else { return tell(task) };
    let slot = usize::from(slot);
    task.state_mut().int[slot] |= flag;
    tell(task);
    task.state_mut().int[slot] &= !flag;
}

/// A trap of the instruction at pc.
pub fn deliver_trap(task: &mut Task, kind: u16, arg: u32) {
    task.signals.last_fault = (task.process.abi.exceptions.trap)(task, kind, arg);
    if kind == TRAP_INTERRUPT {
        return interrupt(task, arg);
    }
    let (signo, code) = signal_of_trap(task, kind, arg);
    let addr = if code == SI_KERNEL { 0 } else { task.state().pc() };
    let tell = |task: &mut Task| force(task, signo, Info::fault(signo, code, addr));
    if kind == TRAP_BREAKPOINT { tell(task) } else { marked(task, tell) }
}

/// The signal and its code; argument 1 says that not the instruction is undefined, but what it was given.
fn signal_of_trap(task: &Task, kind: u16, arg: u32) -> (i32, i32) {
    const ILL_ILLOPN: i32 = 2;
    const BUS_ADRALN: i32 = 1;
    const FPE_INTDIV: i32 = 1;
    match kind {
        TRAP_BREAKPOINT => (libc::SIGTRAP, TRAP_BRKPT),
        TRAP_ALIGNMENT => (libc::SIGBUS, BUS_ADRALN),
        TRAP_DIVIDE => (libc::SIGFPE, FPE_INTDIV),
        TRAP_FLOAT => (libc::SIGFPE, arg as i32),
        TRAP_PROTECTION => (libc::SIGSEGV, SI_KERNEL),
        _ if arg == 1 => (libc::SIGILL, ILL_ILLOPN),
        _ => (libc::SIGILL, task.process.abi.undefined_code),
    }
}

/// An instruction that raises a signal, after which the program goes on behind it.
fn interrupt(task: &mut Task, arg: u32) {
    let after = task.state().pc().wrapping_add((arg & 0xff).into());
    task.state_mut().set_pc(after);
    let (signo, code, addr) = match (arg & !0xff) as i32 {
        INTERRUPT_BREAKPOINT => (libc::SIGTRAP, SI_KERNEL, 0),
        INTERRUPT_DEBUG => (libc::SIGTRAP, TRAP_BRKPT, after),
        _ => (libc::SIGSEGV, SI_KERNEL, 0),
    };
    force(task, signo, Info::fault(signo, code, addr));
}

/// An instruction of a program that has a signal after each of them ([`guest::Spec::steps`]).
pub(crate) fn deliver_step(task: &mut Task) {
    const TRAP_TRACE: i32 = 2;
    let step = INTERRUPT_DEBUG as u32;
    task.signals.last_fault = (task.process.abi.exceptions.trap)(task, TRAP_INTERRUPT, step);
    let info = Info::fault(libc::SIGTRAP, TRAP_TRACE, task.state().pc());
    force(task, libc::SIGTRAP, info);
}

/// Delivers a signal that the thread's own doing caused: if it is blocked or ignored, the default
/// action is taken (kernel/signal.c `force_sig_info_to_task`).
pub fn force(task: &mut Task, signo: i32, info: Info) {
    let blocked = task.signals.mask & bit(signo) != 0;
    if blocked || task.actions().get(signo).handler == SIG_IGN {
        task.actions().set(signo, Action::default());
        task.signals.mask &= !bit(signo);
    }
    let (signo, info) = ptrace::signal(task, signo, info);
    if signo != 0 {
        take(task, signo, info);
    }
}

/// Takes the action of a signal that the tracer lets through.
pub(crate) fn take(task: &mut Task, signo: i32, info: Info) {
    if task.signals.mask & bit(signo) != 0 {
        // It waits, and the tracer will be asked again.
        ptrace::send_to_self(task, signo, &info);
    } else {
        deliver(task, signo, info);
    }
    task.apply_mask();
}

/// Takes the action of a signal.
fn deliver(task: &mut Task, signo: i32, info: Info) {
    let action = task.actions().take(signo);
    if let Some(trace) = task.trace() {
        trace.signal(signo, &info);
    }
    match action.handler {
        SIG_IGN => {}
        SIG_DFL => {
            if let Some(signo) = die::host_signal(signo) {
                ptrace::before_default(task, signo);
                die::default_action(signo);
                ptrace::obey(task);
            }
        }
        _ => run_handler(task, signo, info, action),
    }
}

fn run_handler(task: &mut Task, signo: i32, info: Info, action: Action) {
    calls::give_up(task);
    task.cpu.abort_section();
    let mask = task.signals.saved_mask.take().unwrap_or(task.signals.mask);
    let delivery = Delivery { signo, action, info, mask };
    task.state_mut().int[SLOT_EX_ADDR as usize] = MONITOR_CLEAR;
    let push_frame = task.process.abi.push_frame;
    if push_frame(task, &delivery).is_err() {
        // kernel/signal.c force_sigsegv: a handler of SIGSEGV cannot help here.
        if signo == libc::SIGSEGV {
            task.actions().set(signo, Action::default());
        }
        task.signals.mask = mask;
        let sp = task.sp();
        return force(task, libc::SIGSEGV, Info::fault(libc::SIGSEGV, info::SI_KERNEL, sp));
    }
    if task.signals.alt_stack.flags & SS_AUTODISARM != 0 {
        task.signals.alt_stack = AltStack::NONE;
    }
    let own = if action.flags & sa::NODEFER == 0 { bit(signo) } else { 0 };
    task.signals.mask = (task.signals.mask | action.mask | own) & !UNBLOCKABLE;
    ptrace::entered_handler(task);
}

/// `rt_sigreturn`: gives the guest's registers and mask back. A frame that is not valid is a fault.
pub fn sigreturn(task: &mut Task) {
    let pop_frame = task.process.abi.pop_frame;
    match pop_frame(task) {
        Ok((mask, alt_stack)) => {
            let sp = task.sp();
            // Its errors are of no interest (kernel/signal.c restore_altstack).
            let _ = set_alt_stack(task, alt_stack, sp, 0);
            task.set_mask(mask);
        }
        Err(_) => {
            let sp = task.sp();
            force(task, libc::SIGSEGV, Info::fault(libc::SIGSEGV, info::SEGV_MAPERR, sp));
        }
    }
}

/// Sets the alternate stack (kernel/signal.c `do_sigaltstack`).
///
/// # Errors
/// `EPERM` if the thread is on it, `EINVAL` on unknown flags, `ENOMEM` if it is too short.
pub(crate) fn set_alt_stack(
    task: &mut Task,
    new: AltStack,
    sp: u64,
    min: u64,
) -> Result<(), Errno> {
    if task.signals.alt_stack.contains(sp) && task.signals.alt_stack.len != 0 {
        return Err(Errno::EPERM);
    }
    let mode = new.flags & !SS_AUTODISARM;
    if !matches!(mode, SS_DISABLE | SS_ONSTACK | 0) {
        return Err(Errno::EINVAL);
    }
    if mode == SS_DISABLE {
        task.signals.alt_stack = AltStack { flags: new.flags, ..AltStack::NONE };
    } else {
        if new.len < min {
            return Err(Errno::ENOMEM);
        }
        task.signals.alt_stack = new;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alternate_stack_knows_who_is_on_it() {
        let alt = AltStack { start: 0x1000, len: 0x1000, flags: 0 };
        assert!(!alt.contains(0x1000) && alt.contains(0x1001) && alt.contains(0x2000));
        assert_eq!((alt.status(0x1800), alt.status(0x3000)), (SS_ONSTACK, 0));
        assert_eq!(AltStack::NONE.status(0), SS_DISABLE);
        let armed = AltStack { flags: SS_AUTODISARM, ..alt };
        assert_eq!(armed.status(0x1800), SS_AUTODISARM);
    }
}
