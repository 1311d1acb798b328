//! `seccomp`: the guest's filters over the guest's calls.
//!
//! The host's kernel cannot run them, as it would see the emulator's calls and the host's numbers.
//! They are run where the guest's calls are served. A filter is never removed; a thread's filters
//! are inherited by its threads and children, and by the programs that they execute.

mod bpf;

use crate::signal::{self, Info};
use crate::task::Task;
use bpf::Instruction;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use sys::{Errno, raw};

/// Modes and operations.
const MODE_STRICT: u64 = 1;
const MODE_FILTER: u64 = 2;
const FLAG_TSYNC: u64 = 1;
const FLAG_LOG: u64 = 2;
const FLAG_SPEC_ALLOW: u64 = 4;
const FLAG_TSYNC_ESRCH: u64 = 16;

mod action {
    pub(super) const KILL_PROCESS: u32 = 0x8000_0000;
    pub(super) const KILL_THREAD: u32 = 0;
    pub(super) const TRAP: u32 = 0x0003_0000;
    pub(super) const ERRNO: u32 = 0x0005_0000;
    pub(super) const LOG: u32 = 0x7ffc_0000;
    pub(super) const ALLOW: u32 = 0x7fff_0000;
    pub(super) const FULL: u32 = 0xffff_0000;
    pub(super) const DATA: u32 = 0xffff;
}

/// The last filter of a chain.
#[derive(Debug)]
struct Filter {
    program: Vec<Instruction>,
    before: Option<Arc<Self>>,
}

/// What a thread may call.
#[derive(Debug, Default)]
struct Rules {
    strict: bool,
    filters: Option<Arc<Filter>>,
}

/// A thread's part of it, which `SECCOMP_FILTER_FLAG_TSYNC` lets others change.
#[derive(Debug, Default)]
struct Shared {
    active: AtomicBool,
    rules: Mutex<Rules>,
}

/// A thread's filters.
#[derive(Debug)]
pub struct Seccomp(Arc<Shared>);

/// All threads of the process.
static THREADS: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

impl Shared {
    fn with<T>(&self, f: impl FnOnce(&mut Rules) -> T) -> T {
        f(&mut self.rules.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Seccomp {
    fn default() -> Self {
        Self::register(Shared::default())
    }
}

impl Seccomp {
    fn register(shared: Shared) -> Self {
        let shared = Arc::new(shared);
        let mut threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| thread.strong_count() > 0);
        threads.push(Arc::downgrade(&shared));
        Self(shared)
    }

    /// Whether calls must be checked.
    pub(crate) fn active(&self) -> bool {
        self.0.active.load(Ordering::Relaxed)
    }

    /// For a new thread or process.
    pub(crate) fn inherit(&self) -> Self {
        let rules = self.0.with(|r| Rules { strict: r.strict, filters: r.filters.clone() });
        let active = AtomicBool::new(self.active());
        Self::register(Shared { active, rules: Mutex::new(rules) })
    }

    /// `PR_GET_SECCOMP`.
    pub(crate) fn mode(&self) -> u64 {
        self.0.with(|r| if r.strict { MODE_STRICT } else { u64::from(r.filters.is_some()) * 2 })
    }

    fn add(&self, program: Vec<Instruction>) {
        self.0.with(|rules| {
            let before = rules.filters.take();
            rules.filters = Some(Arc::new(Filter { program, before }));
        });
        self.0.active.store(true, Ordering::Relaxed);
    }

    /// Gives its filters to all threads.
    fn synchronize(&self) {
        let filters = self.0.with(|rules| rules.filters.clone());
        let threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.iter().filter_map(Weak::upgrade) {
            if !Arc::ptr_eq(&thread, &self.0) {
                thread.with(|rules| rules.filters = filters.clone());
                thread.active.store(true, Ordering::Relaxed);
            }
        }
    }

    /// The strictest verdict of all filters.
    fn verdict(&self, data: &[u32; bpf::DATA_WORDS]) -> u32 {
        let mut next = self.0.with(|rules| rules.filters.clone());
        let mut verdict = action::ALLOW;
        while let Some(filter) = next {
            let new = bpf::run(&filter.program, data);
            // As signed numbers: KILL_PROCESS is the least.
            if ((new & action::FULL) as i32) < (verdict & action::FULL) as i32 {
                verdict = new;
            }
            next = filter.before.clone();
        }
        verdict
    }
}

/// Checks the call of number `nr`. Err if it is not to be made: with the result to give.
#[cold]
pub(crate) fn check(task: &mut Task, nr: u64, args: [u64; 6]) -> Result<(), Result<u64, Errno>> {
    let abi = task.process.abi;
    if task.seccomp.0.with(|rules| rules.strict) {
        let name = crate::calls::find(abi.calls, nr).map(|call| call.name);
        match name {
            Some("read" | "write" | "exit" | "rt_sigreturn") => return Ok(()),
            _ => kill(task, libc::SIGKILL),
        }
    }
    let pc = task.state().pc();
    let mut data = [0_u32; bpf::DATA_WORDS];
    (data[0], data[1], data[2], data[3]) =
        (nr as u32, abi.audit_arch, pc as u32, (pc >> 32) as u32);
    for (n, arg) in args.into_iter().enumerate() {
        (data[4 + 2 * n], data[5 + 2 * n]) = (arg as u32, (arg >> 32) as u32);
    }
    let verdict = task.seccomp.verdict(&data);
    let value = verdict & action::DATA;
    match verdict & action::FULL {
        action::ALLOW | action::LOG => Ok(()),
        action::ERRNO => {
            let errno = value.min(4095) as i32;
            Err(if errno == 0 { Ok(0) } else { Err(Errno(errno)) })
        }
        action::TRAP => {
            trap(task, nr, value);
            // What the handler's frame holds; it may have set it.
            Err(Ok(task.state().int[abi.ret_slot as usize]))
        }
        action::KILL_PROCESS | action::KILL_THREAD => kill(task, libc::SIGSYS),
        // Nobody traces, nobody listens.
        _ => Err(Err(Errno::ENOSYS)),
    }
}

/// `SECCOMP_RET_KILL_*`. There is no way to kill one of several threads by a signal, which is what
/// those who ask for it want to see; so the process ends in both cases.
fn kill(task: &mut Task, signo: i32) -> ! {
    task.actions().set(libc::SIGSYS, signal::Action::default());
    signal::die_of(signo)
}

/// Sends SIGSYS for a call (kernel/signal.c `force_sig_seccomp`).
fn trap(task: &mut Task, nr: u64, value: u32) {
    const SYS_SECCOMP: i32 = 1;
    let mut info = Info::fault(libc::SIGSYS, SYS_SECCOMP, task.state().pc());
    info.0[4..8].copy_from_slice(&(value as i32).to_le_bytes());
    info.0[24..28].copy_from_slice(&(nr as i32).to_le_bytes());
    info.0[28..32].copy_from_slice(&task.process.abi.audit_arch.to_le_bytes());
    signal::force(task, libc::SIGSYS, info);
}

/// `prctl(PR_SET_SECCOMP)`.
pub(crate) fn set_mode(task: &mut Task, mode: u64, filter: u64) -> Result<u64, Errno> {
    match mode {
        MODE_STRICT => set_strict(task),
        MODE_FILTER => set_filter(task, 0, filter),
        _ => Err(Errno::EINVAL),
    }
}

fn set_strict(task: &Task) -> Result<u64, Errno> {
    if task.seccomp.mode() == MODE_FILTER {
        return Err(Errno::EINVAL);
    }
    task.seccomp.0.with(|rules| rules.strict = true);
    task.seccomp.0.active.store(true, Ordering::Relaxed);
    Ok(0)
}

/// `seccomp(2)`.
pub(crate) fn seccomp(task: &mut Task, operation: u64, flags: u64, at: u64) -> Result<u64, Errno> {
    const SET_MODE_STRICT: u64 = 0;
    const SET_MODE_FILTER: u64 = 1;
    const GET_ACTION_AVAIL: u64 = 2;
    match operation & 0xffff_ffff {
        SET_MODE_STRICT if flags == 0 && at == 0 => set_strict(task),
        SET_MODE_FILTER => set_filter(task, flags & 0xffff_ffff, at),
        GET_ACTION_AVAIL if flags == 0 => match memory::read_u32(at)? {
            action::KILL_PROCESS | action::KILL_THREAD | action::TRAP | action::ERRNO => Ok(0),
            action::LOG | action::ALLOW => Ok(0),
            _ => Err(Errno::EOPNOTSUPP),
        },
        _ => Err(Errno::EINVAL),
    }
}

fn set_filter(task: &mut Task, flags: u64, at: u64) -> Result<u64, Errno> {
    if flags & !(FLAG_TSYNC | FLAG_LOG | FLAG_SPEC_ALLOW | FLAG_TSYNC_ESRCH) != 0 {
        return Err(Errno::EINVAL);
    }
    // struct sock_fprog.
    let len = usize::from(memory::read_u16(at)?);
    let program = memory::read_u64(at + 8)?;
    if len == 0 || len > bpf::MAX {
        return Err(Errno::EINVAL);
    }
    if !may_filter() {
        return Err(Errno::EACCES);
    }
    let bytes = memory::read_vec(program, len * 8)?;
    let program: Vec<_> = bytes.chunks_exact(8).map(Instruction::from_bytes).collect();
    if !bpf::check(&program) || task.seccomp.mode() == MODE_STRICT {
        return Err(Errno::EINVAL);
    }
    task.seccomp.add(program);
    if flags & FLAG_TSYNC != 0 {
        task.seccomp.synchronize();
    }
    Ok(0)
}

/// Privileges may not be gained any more, or the thread has `CAP_SYS_ADMIN`.
fn may_filter() -> bool {
    const PR_GET_NO_NEW_PRIVS: u64 = 39;
    const CAP_SYS_ADMIN: u32 = 21;
    const VERSION_3: u32 = 0x2008_0522;
    if raw::call(libc::SYS_prctl, [PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0]) == Ok(1) {
        return true;
    }
    let header = [VERSION_3, 0];
    let mut sets = [0_u32; 6];
    let at = sets.as_mut_ptr() as u64;
    raw::call(libc::SYS_capget, [header.as_ptr() as u64, at]).is_ok()
        && sets[0] >> CAP_SYS_ADMIN & 1 != 0
}

/// Held over a fork.
pub(crate) fn fork_guard() -> impl Drop {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The filters, oldest first, as text for a program that is executed; None if there are none.
pub(crate) fn save(task: &Task) -> Option<Vec<u8>> {
    let mut next = task.seccomp.0.with(|rules| rules.filters.clone());
    let mut programs = Vec::new();
    while let Some(filter) = next {
        programs.push(filter.program.clone());
        next = filter.before.clone();
    }
    let mut out = Vec::new();
    for program in programs.iter().rev() {
        out.extend((program.len() as u32).to_le_bytes());
        for i in program {
            out.extend(i.code.to_le_bytes());
            out.extend([i.jt, i.jf]);
            out.extend(i.k.to_le_bytes());
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Takes over what [`save`] gave; false if it is malformed.
pub fn restore(task: &Task, mut bytes: &[u8]) -> bool {
    while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*head) as usize * 8;
        let Some((program, rest)) = rest.split_at_checked(len) else { return false };
        let program: Vec<_> = program.chunks_exact(8).map(Instruction::from_bytes).collect();
        if !bpf::check(&program) {
            return false;
        }
        task.seccomp.add(program);
        bytes = rest;
    }
    bytes.is_empty()
}
