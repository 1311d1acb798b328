//! `seccomp`: the guest's filters over the guest's calls.
//!
//! The host's kernel cannot run them, as it would see the emulator's calls and the host's numbers.
//! They are run where the guest's calls are served. A filter is never removed; a thread's filters
//! are inherited by its threads and children, and by the programs that they execute.

mod bpf;
mod notify;

use crate::ptrace::{self, Asked};
use crate::signal::{self, Info};
use crate::task::Task;
use bpf::Instruction;
pub(crate) use notify::{receive, request, send};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use sys::{Errno, raw};

/// Modes and operations.
const MODE_STRICT: u64 = 1;
const MODE_FILTER: u64 = 2;
const FLAG_TSYNC: u64 = 1;
const FLAG_LOG: u64 = 2;
const FLAG_SPEC_ALLOW: u64 = 4;
const FLAG_NEW_LISTENER: u64 = 8;
const FLAG_TSYNC_ESRCH: u64 = 16;
const FLAG_WAIT_KILLABLE: u64 = 32;
const FLAGS: u64 = FLAG_TSYNC
    | FLAG_LOG
    | FLAG_SPEC_ALLOW
    | FLAG_NEW_LISTENER
    | FLAG_TSYNC_ESRCH
    | FLAG_WAIT_KILLABLE;

/// Instructions of all filters of a thread, with [`FILTER_COST`] for each but the newest.
const PATH_MAX: usize = 32768;
const FILTER_COST: usize = 4;

mod action {
    pub(super) const KILL_PROCESS: u32 = 0x8000_0000;
    pub(super) const KILL_THREAD: u32 = 0;
    pub(super) const TRAP: u32 = 0x0003_0000;
    pub(super) const ERRNO: u32 = 0x0005_0000;
    pub(super) const USER_NOTIF: u32 = 0x7fc0_0000;
    pub(super) const TRACE: u32 = 0x7ff0_0000;
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
    kind: Kind,
}

/// What else is known of a filter.
#[derive(Clone, Copy, Debug, Default)]
struct Kind {
    /// Somebody can be notified by it.
    listened: bool,
    /// What it does is to be logged, which only tracers are told.
    logged: bool,
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
    tid: AtomicI32,
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

/// The mode of thread `tid` of this process and the number of its filters.
pub(crate) fn of_thread(tid: i32) -> Option<(u64, usize)> {
    let threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut threads = threads.iter().filter_map(Weak::upgrade);
    let thread = threads.find(|thread| thread.tid.load(Ordering::Relaxed) == tid)?;
    Some(thread.with(|rules| {
        let chain = core::iter::successors(rules.filters.as_ref(), |f| f.before.as_ref());
        (rules.mode(), chain.count())
    }))
}

impl Rules {
    fn mode(&self) -> u64 {
        if self.strict { MODE_STRICT } else { u64::from(self.filters.is_some()) * MODE_FILTER }
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
        Self::register(Shared { active, tid: AtomicI32::new(0), rules: Mutex::new(rules) })
    }

    /// The thread has started, with this id.
    pub(crate) fn started(&self, tid: i32) {
        self.0.tid.store(tid, Ordering::Relaxed);
    }

    /// The thread is about to end: what it may call counts no more.
    pub(crate) fn ended(&self) {
        let mut threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| !core::ptr::eq(thread.as_ptr(), Arc::as_ptr(&self.0)));
    }

    /// `PR_GET_SECCOMP`.
    pub(crate) fn mode(&self) -> u64 {
        self.0.with(|rules| rules.mode())
    }

    fn add(&self, program: Vec<Instruction>, kind: Kind) {
        self.0.with(|rules| {
            let before = rules.filters.take();
            rules.filters = Some(Arc::new(Filter { program, before, kind }));
        });
        self.0.active.store(true, Ordering::Relaxed);
    }

    /// Whether another filter of `len` instructions is not too much.
    fn has_room(&self, len: usize) -> bool {
        let mut total = len;
        let mut next = self.0.with(|rules| rules.filters.clone());
        while let Some(filter) = next {
            total += filter.program.len() + FILTER_COST;
            next = filter.before.clone();
        }
        total <= PATH_MAX
    }

    /// A thread whose filters are not an older state of this one's.
    fn diverged(&self) -> Option<i32> {
        let mine = self.0.with(|rules| rules.filters.clone());
        let older = |theirs: &Option<Arc<Filter>>| {
            let Some(theirs) = theirs else { return true };
            let mut next = mine.clone();
            while let Some(filter) = next {
                if Arc::ptr_eq(&filter, theirs) {
                    return true;
                }
                next = filter.before.clone();
            }
            false
        };
        let threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
        let mut others = threads.iter().filter_map(Weak::upgrade);
        others
            .find(|thread| thread.with(|rules| rules.strict || !older(&rules.filters)))
            .map(|thread| thread.tid.load(Ordering::Relaxed))
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

    /// The strictest verdict of all filters, and whether somebody listens to the one that gave it.
    fn verdict(&self, data: &[u32; bpf::DATA_WORDS]) -> (u32, bool) {
        let mut next = self.0.with(|rules| rules.filters.clone());
        let mut verdict = (action::ALLOW, false);
        while let Some(filter) = next {
            let new = bpf::run(&filter.program, data);
            // As signed numbers: KILL_PROCESS is the least.
            if ((new & action::FULL) as i32) < (verdict.0 & action::FULL) as i32 {
                verdict = (new, filter.kind.listened);
            }
            next = filter.before.clone();
        }
        verdict
    }
}

/// Checks the call of number `nr`, which a tracer may change. Err if it is not to be made: with the
/// result to give.
#[cold]
pub(crate) fn check(task: &mut Task, nr: &mut u64) -> Result<(), Result<u64, Errno>> {
    if ptrace::suspends_seccomp(task) {
        return Ok(());
    }
    if task.seccomp.0.with(|rules| rules.strict) {
        let name = crate::calls::find(task.process.abi.calls, *nr).map(|call| call.name);
        return match name {
            Some("read" | "write" | "exit" | "rt_sigreturn") => Ok(()),
            _ => kill_thread(task, libc::SIGKILL),
        };
    }
    // What a tracer has made of a call is checked again, but it is not asked again.
    for asked in [false, true] {
        let (verdict, listened) = task.seccomp.verdict(&description(task, *nr));
        if verdict & action::FULL != action::TRACE {
            return obey(task, *nr, verdict, listened);
        }
        if asked {
            break;
        }
        *nr = match ptrace::seccomp(task, *nr, verdict & action::DATA) {
            Ok(nr) => nr,
            Err(Asked::Nobody) => return Err(Err(Errno::ENOSYS)),
            Err(Asked::Skip) => {
                return Err(Ok(task.state().int[task.process.abi.regs.result as usize]));
            }
        };
    }
    Ok(())
}

/// `struct seccomp_data`.
fn description(task: &Task, nr: u64) -> [u32; bpf::DATA_WORDS] {
    let pc = task.state().pc();
    let mut data = [0_u32; bpf::DATA_WORDS];
    let arch = task.process.abi.audit_arch;
    (data[0], data[1], data[2], data[3]) = (nr as u32, arch, pc as u32, (pc >> 32) as u32);
    for n in 0..6 {
        let arg = task.arg(n);
        (data[4 + 2 * n], data[5 + 2 * n]) = (arg as u32, (arg >> 32) as u32);
    }
    data
}

/// Does what the filters say.
fn obey(task: &mut Task, nr: u64, verdict: u32, listened: bool) -> Result<(), Result<u64, Errno>> {
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
            Err(Ok(task.state().int[task.process.abi.regs.result as usize]))
        }
        action::USER_NOTIF if listened => {
            let args = core::array::from_fn(|n| task.arg(n));
            match notify::ask(task, nr, args) {
                Ok(None) => Ok(()),
                Ok(Some(value)) => Err(Ok(value)),
                Err(errno) => Err(Err(errno)),
            }
        }
        action::USER_NOTIF => Err(Err(Errno::ENOSYS)),
        action::KILL_THREAD => kill_thread(task, libc::SIGSYS),
        _ => kill(task, libc::SIGSYS),
    }
}

/// Ends the process.
fn kill(task: &mut Task, signo: i32) -> ! {
    task.actions().set(libc::SIGSYS, signal::Action::default());
    signal::die_of(signo)
}

/// Ends this thread by `signo`, the process with it if there is no other: the host's kernel does
/// that, and only for filters of its own (kernel/seccomp.c).
fn kill_thread(task: &mut Task, signo: i32) -> ! {
    const PR_SET_SECCOMP: u64 = 22;
    const PR_SET_NO_NEW_PRIVS: u64 = 38;
    const RETURN: u64 = 0x06;
    task.seccomp.ended();
    task.cpu.set_takes(0);
    raw::sigmask(u64::MAX);
    signal::leave_to_others(task);
    if signo == libc::SIGKILL {
        let _ = raw::call(libc::SYS_prctl, [PR_SET_SECCOMP, MODE_STRICT, 0, 0, 0]);
    } else {
        // Nobody will miss the privileges.
        let _ = raw::call(libc::SYS_prctl, [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
        let program = [RETURN | u64::from(action::KILL_THREAD) << 32];
        let _ = host_filter(0, &program);
    }
    raw::getpid();
    // There is another mode in force already.
    kill(task, signo)
}

/// Sets a filter of the host's for the calling thread.
fn host_filter(flags: u64, program: &[u64]) -> Result<u64, Errno> {
    const SET_MODE_FILTER: u64 = 1;
    let description = [program.len() as u64, program.as_ptr() as u64];
    let at = description.as_ptr() as u64;
    raw::call(libc::SYS_seccomp, [SET_MODE_FILTER, flags, at])
}

/// Sends SIGSYS for a call (kernel/signal.c `force_sig_seccomp`).
fn trap(task: &mut Task, nr: u64, value: u32) {
    const SYS_SECCOMP: i32 = 1;
    let arch = task.process.abi.audit_arch;
    let mut info = Info::refused_call(SYS_SECCOMP, task.state().pc(), nr, arch);
    info.0[4..8].copy_from_slice(&(value as i32).to_le_bytes());
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
    const GET_NOTIF_SIZES: u64 = 3;
    match operation & 0xffff_ffff {
        SET_MODE_STRICT if flags == 0 && at == 0 => set_strict(task),
        SET_MODE_FILTER => set_filter(task, flags & 0xffff_ffff, at),
        GET_ACTION_AVAIL if flags == 0 => match memory::read_u32(at)? {
            action::KILL_PROCESS | action::KILL_THREAD | action::TRAP | action::ERRNO => Ok(0),
            action::USER_NOTIF | action::TRACE | action::LOG | action::ALLOW => Ok(0),
            _ => Err(Errno::EOPNOTSUPP),
        },
        GET_NOTIF_SIZES => task.call(libc::SYS_seccomp, [GET_NOTIF_SIZES, flags, at, 0, 0, 0]),
        _ => Err(Errno::EINVAL),
    }
}

fn set_filter(task: &mut Task, flags: u64, at: u64) -> Result<u64, Errno> {
    let has = |flag| flags & flag != 0;
    let listener = has(FLAG_NEW_LISTENER);
    // Both results would be positive numbers.
    let ambiguous = listener && has(FLAG_TSYNC) && !has(FLAG_TSYNC_ESRCH);
    if flags & !FLAGS != 0 || ambiguous || has(FLAG_WAIT_KILLABLE) && !listener {
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
    if !task.seccomp.has_room(len) {
        return Err(Errno::ENOMEM);
    }
    if has(FLAG_TSYNC)
        && let Some(tid) = task.seccomp.diverged()
    {
        return if has(FLAG_TSYNC_ESRCH) { Err(Errno::ESRCH) } else { Ok(tid as u64) };
    }
    let result = if listener { notify::listen(flags & !FLAG_LOG & !FLAG_SPEC_ALLOW)? } else { 0 };
    task.seccomp.add(program, Kind { listened: listener, logged: has(FLAG_LOG) });
    if has(FLAG_TSYNC) {
        task.seccomp.synchronize();
        spread_no_new_privs();
    }
    Ok(result)
}

/// The bit goes with the filters to all threads: the host's kernel does that with a filter of its
/// own, which allows everything.
fn spread_no_new_privs() {
    const RETURN: u64 = 0x06;
    if no_new_privs() {
        let _ = host_filter(FLAG_TSYNC, &[RETURN | u64::from(action::ALLOW) << 32]);
    }
}

fn no_new_privs() -> bool {
    const PR_GET_NO_NEW_PRIVS: u64 = 39;
    raw::call(libc::SYS_prctl, [PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0]) == Ok(1)
}

/// Privileges may not be gained any more, or the thread has `CAP_SYS_ADMIN`.
fn may_filter() -> bool {
    const CAP_SYS_ADMIN: u32 = 21;
    const VERSION_3: u32 = 0x2008_0522;
    if no_new_privs() {
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

/// Bits of a length in what [`save`] gives: the filter's [`Kind`].
const LISTENED: u32 = 1 << 31;
const LOGGED: u32 = 1 << 30;

/// The filters, oldest first, as text for a program that is executed; None if there are none.
pub(crate) fn save(task: &Task) -> Option<Vec<u8>> {
    let mut next = task.seccomp.0.with(|rules| rules.filters.clone());
    let mut programs = Vec::new();
    while let Some(filter) = next {
        next = filter.before.clone();
        programs.push(filter);
    }
    let mut out = Vec::new();
    for filter in programs.iter().rev() {
        let listened = if filter.kind.listened { LISTENED } else { 0 };
        let logged = if filter.kind.logged { LOGGED } else { 0 };
        out.extend((filter.program.len() as u32 | listened | logged).to_le_bytes());
        for i in &filter.program {
            out.extend(i.code.to_le_bytes());
            out.extend([i.jt, i.jf]);
            out.extend(i.k.to_le_bytes());
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Takes over what [`save`] gave; false if it is malformed.
pub fn restore(task: &Task, mut bytes: &[u8]) -> bool {
    while let Some((program, kind, rest)) = split(bytes) {
        let program: Vec<_> = program.chunks_exact(8).map(Instruction::from_bytes).collect();
        if !bpf::check(&program) {
            return false;
        }
        task.seccomp.add(program, kind);
        bytes = rest;
    }
    bytes.is_empty()
}

/// Splits the first filter off what [`save`] gave.
fn split(saved: &[u8]) -> Option<(&[u8], Kind, &[u8])> {
    let (head, rest) = saved.split_first_chunk::<4>()?;
    let head = u32::from_le_bytes(*head);
    let (program, rest) = rest.split_at_checked((head & !LISTENED & !LOGGED) as usize * 8)?;
    let kind = Kind { listened: head & LISTENED != 0, logged: head & LOGGED != 0 };
    Some((program, kind, rest))
}

/// Filter `index`, the oldest being 0, in what [`save`] gave: its program and its flags, for tracers.
pub(crate) fn nth(mut saved: &[u8], index: u64) -> Option<(&[u8], u64)> {
    for _ in 0..index {
        saved = split(saved)?.2;
    }
    let (program, kind, _) = split(saved)?;
    Some((program, if kind.logged { FLAG_LOG } else { 0 }))
}
