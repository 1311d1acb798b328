//! A guest thread's processor: its memory, what its signal handlers and other threads may touch.

use crate::engine::{CpuRef, Engine};
use crate::firsts::Firsts;
use crate::map::PcMap;
use crate::section::Rseq;
use crate::watch::Watch;
use core::cell::{Cell, UnsafeCell};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use guest::Key;
use ir::state::{
    DISPLACED_ENTRIES, HASH_ENTRIES, HashEntry, MONITOR_CLEAR, SLOT_EX_ADDR, SLOT_FPCR, SLOT_FPSR,
    displaced_index, exit, hash_index,
};
use ir::{FpControl, OpCode, State};
use std::io;
use sys::map::{Mapping, PAGE, protect};
use sys::signal::Siginfo;

/// A guest fault, to become a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// SIGSEGV, SIGBUS, SIGFPE ... (the host's numbers).
    pub signo: i32,
    /// `si_code`.
    pub code: i32,
    /// `si_addr`.
    pub addr: u64,
    /// What the program wanted to do there.
    pub access: Access,
}

/// What a program does with memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// It reads.
    Load,
    /// It writes.
    Store,
    /// It fetches an instruction.
    Fetch,
}

impl Access {
    /// Of data.
    pub(crate) const fn data(write: bool) -> Self {
        if write { Self::Store } else { Self::Load }
    }
}

/// Why [`Cpu::run`] returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// A system call; pc = the next instruction.
    Syscall {
        /// The instruction's immediate.
        imm: u32,
        /// Its length in bytes.
        len: u8,
    },
    /// A trap at pc.
    Trap {
        /// One of `ir::state::TRAP_*`.
        kind: u16,
        /// Its argument.
        arg: u32,
    },
    /// The instruction at pc faulted; nothing of it has happened.
    Fault(Fault),
    /// A signal was recorded ([`Cpu::take_signal`]), or [`Cpu::interrupt`] was called.
    Interrupted,
}

/// A signal that arrived from outside.
#[derive(Clone, Copy)]
pub struct RecordedSignal {
    /// Its number.
    pub signo: i32,
    /// The host's siginfo.
    pub info: [u8; 128],
}

impl core::fmt::Debug for RecordedSignal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RecordedSignal").field("signo", &self.signo).finish_non_exhaustive()
    }
}

const HASH_SIZE: usize = HASH_ENTRIES * size_of::<HashEntry>();
const DISPLACED_SIZE: usize = DISPLACED_ENTRIES * size_of::<HashEntry>();
const ALT_SIZE: usize = 64 << 10;
const RET_SIZE: usize = 256 << 10;

// The layout of a processor's mapping. The poll page must come just before the state.
const AT_POLL: usize = 0;
const AT_STATE: usize = PAGE;
const AT_HASH: usize = AT_STATE + size_of::<State>();
const AT_DISPLACED: usize = AT_HASH + HASH_SIZE;
const AT_ALT: usize = AT_DISPLACED + DISPLACED_SIZE;
const AT_GUARD: usize = AT_ALT + ALT_SIZE;
const AT_RET: usize = AT_GUARD + PAGE;
const TOTAL: usize = AT_RET + RET_SIZE;
/// Above `ret_base`: the sentinel frame.
const SENTINEL: usize = 64;
/// Bytes of a frame of the return stack: where in the host's code the call returns to.
const FRAME: u64 = 8;

const _: () = assert!(AT_STATE as i32 + ir::state::POLL_OFFSET == AT_POLL as i32);

const RECORDS: u32 = 8;
/// How many processors of threads that have ended are kept for new ones.
const SPARE: usize = 16;
/// Entries of [`Cpu::traps`].
pub(crate) const TRAPS: usize = 64;

/// What handlers and other threads may touch.
pub(crate) struct Shared {
    engine: &'static Engine,
    state: *mut State,
    /// Where the poll page, the state and all else are.
    base: u64,
    /// The thread is in translated code, or about to be.
    in_code: AtomicBool,
    /// The poll page was made inaccessible.
    armed: AtomicBool,
    tid: AtomicI32,
    /// Signals that the thread takes if they are sent to the process; for other threads.
    takes: AtomicU64,
    /// Ring of recorded signals: written by handlers on this thread, read by this thread.
    records: [UnsafeCell<RecordedSignal>; RECORDS as usize],
    head: AtomicU32,
    tail: AtomicU32,
    fault_signo: AtomicI32,
    fault_code: AtomicI32,
    fault_addr: AtomicU64,
    fault_write: AtomicBool,
    /// An area is registered for restartable sequences.
    sequences: AtomicBool,
    /// Something was entered in the hash, all of which has memory since then.
    remembers: AtomicBool,
    /// There may be something in the table behind the hash.
    displaces: AtomicBool,
}

thread_local! {
    static CURRENT: Cell<*const Shared> = const { Cell::new(core::ptr::null()) };
}

thread_local! {
    /// A signal that came before the thread had a processor.
    static EARLY: Cell<Option<RecordedSignal>> = const { Cell::new(None) };
}

/// Keeps a signal for a thread that has no processor yet. Async-signal-safe.
pub(crate) fn record_early(signo: i32, info: &Siginfo) {
    EARLY.set(Some(RecordedSignal { signo, info: info.0 }));
}

/// The calling thread's processor. Async-signal-safe.
pub(crate) fn current<'a>() -> Option<&'a Shared> {
    // SAFETY: a processor that is dropped stops being current, and handlers run on its thread.
    unsafe { CURRENT.get().as_ref() }
}

/// A hash of indirect branch targets that has none. Zero entries say "pc 0 is at 0", which only that
/// of pc 0 must not say ([`Shared::arm`] sees to it): pc 0 is looked up nowhere else, and not behind
/// the hash.
static EMPTY_HASH: [AtomicEntry; HASH_ENTRIES + DISPLACED_ENTRIES] =
    [const { AtomicEntry { pc: AtomicU64::new(0), host: AtomicU64::new(0) } };
        HASH_ENTRIES + DISPLACED_ENTRIES];

/// [`HashEntry`] as several threads see it.
#[repr(C)]
struct AtomicEntry {
    pc: AtomicU64,
    host: AtomicU64,
}

impl AtomicEntry {
    fn set(&self, pc: u64, host: u64) {
        self.pc.store(u64::MAX, Ordering::Relaxed);
        self.host.store(host, Ordering::Relaxed);
        self.pc.store(pc, Ordering::SeqCst);
    }
    fn forget(&self, pc: u64) {
        if self.pc.load(Ordering::SeqCst) == pc {
            self.pc.store(u64::MAX, Ordering::SeqCst);
        }
    }
}

/// Entry `n` of the hash and the table behind it.
fn entry<'a>(hash: u64, n: usize) -> &'a AtomicEntry {
    // SAFETY: callers pass the address of a hash that is mapped; fields are atomic.
    unsafe { &*(hash as *const AtomicEntry).add(n) }
}

fn entry_of<'a>(hash: u64, pc: u64) -> &'a AtomicEntry {
    entry(hash, hash_index(pc))
}

fn displaced_of<'a>(hash: u64, pc: u64) -> &'a AtomicEntry {
    entry(hash, HASH_ENTRIES + displaced_index(pc))
}

impl Shared {
    pub(crate) fn engine(&self) -> &'static Engine {
        self.engine
    }
    pub(crate) fn state(&self) -> *mut State {
        self.state
    }
    pub(crate) fn in_code(&self) -> bool {
        self.in_code.load(Ordering::SeqCst)
    }
    pub(crate) fn pending(&self) -> &AtomicU32 {
        // SAFETY: the state lives as long as this; the field is only accessed atomically while
        // handlers may run.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.state).pending) }
    }
    fn hash_in_use(&self) -> &AtomicU64 {
        // SAFETY: as for `pending`.
        unsafe { AtomicU64::from_ptr(&raw mut (*self.state).hash) }
    }
    fn hash(&self) -> u64 {
        self.base + AT_HASH as u64
    }
    pub(crate) fn is_poll_page(&self, addr: u64) -> bool {
        addr.wrapping_sub(self.base + AT_POLL as u64) < PAGE as u64
    }
    pub(crate) fn is_return_guard(&self, addr: u64) -> bool {
        addr.wrapping_sub(self.base + AT_GUARD as u64) < PAGE as u64
    }
    pub(crate) fn ret_base(&self) -> u64 {
        self.base + (TOTAL - SENTINEL) as u64
    }
    /// Where a full return stack ends (lowest address).
    fn ret_end(&self) -> u64 {
        self.base + AT_RET as u64
    }
    /// Makes translated code leave at the next poll or indirect branch. Async-signal-safe; also
    /// for other threads.
    pub(crate) fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
        protect(self.base + AT_POLL as u64, PAGE, libc::PROT_NONE);
        let empty = EMPTY_HASH.as_ptr() as u64;
        entry_of(empty, 0).pc.store(u64::MAX, Ordering::Relaxed);
        self.hash_in_use().store(empty, Ordering::SeqCst);
    }
    fn disarm(&self) {
        self.armed.store(false, Ordering::SeqCst);
        protect(self.base + AT_POLL as u64, PAGE, libc::PROT_READ);
        self.hash_in_use().store(self.hash(), Ordering::SeqCst);
    }
    /// Translated code has left at a poll: whatever the mark says (another thread may have been
    /// just about to set it), the poll page is inaccessible.
    pub(crate) fn noticed(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }
    /// Whether translated code would leave needlessly.
    fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Relaxed)
            || self.hash_in_use().load(Ordering::Relaxed) != self.hash()
    }
    /// Records an asynchronous signal, by its handler.
    pub(crate) fn record(&self, signo: i32, info: &Siginfo) {
        let tail = self.tail.load(Ordering::Relaxed);
        if tail.wrapping_sub(self.head.load(Ordering::Acquire)) < RECORDS {
            // SAFETY: the reader, on this same thread, stays off entries outside head..tail.
            unsafe {
                *self.records[(tail % RECORDS) as usize].get() =
                    RecordedSignal { signo, info: info.0 };
            }
            self.tail.store(tail.wrapping_add(1), Ordering::Release);
        }
        self.pending().store(1, Ordering::SeqCst);
        if self.in_code() {
            self.arm();
        }
    }
    fn take(&self) -> Option<RecordedSignal> {
        let head = self.head.load(Ordering::Relaxed);
        if head == self.tail.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: the entry is complete, and not written again before `head` passes it.
        let record = unsafe { *self.records[(head % RECORDS) as usize].get() };
        self.head.store(head.wrapping_add(1), Ordering::Release);
        Some(record)
    }
    /// Whether all that is recorded, if anything is, has the property `property`; by the thread itself.
    fn all_recorded(&self, property: impl Fn(&RecordedSignal) -> bool) -> bool {
        let (head, tail) = (self.head.load(Ordering::Relaxed), self.tail.load(Ordering::Acquire));
        let mut records = (0..tail.wrapping_sub(head)).map(|n| head.wrapping_add(n) % RECORDS);
        head != tail
            && records.all(|n| {
                // SAFETY: entries from head to tail are complete, and not written before `head`
                // passes them.
                let record = unsafe { &*self.records[n as usize].get() };
                // (What was withdrawn has no number.)
                record.signo == 0 || property(record)
            })
    }
    /// The thread's number if it takes signal `signo`.
    pub(crate) fn taker(&self, signo: i32) -> Option<i32> {
        let takes = self.takes.load(Ordering::SeqCst) >> (signo - 1) & 1 != 0;
        takes.then(|| self.tid.load(Ordering::Relaxed)).filter(|&tid| tid != 0)
    }
    /// Whether a signal that is `wanted` was recorded; takes the first out of the middle if it is to.
    fn find(&self, wanted: impl Fn(i32, &[u8; 128]) -> bool, take: bool) -> bool {
        let head = self.head.load(Ordering::Relaxed);
        let len = self.tail.load(Ordering::Acquire).wrapping_sub(head);
        for n in 0..len {
            // SAFETY: entries between head and tail are complete; handlers, which run on this
            // thread, only write beyond the tail.
            let record =
                unsafe { &mut *self.records[(head.wrapping_add(n) % RECORDS) as usize].get() };
            if wanted(record.signo, &record.info) {
                if take {
                    record.signo = 0;
                }
                return true;
            }
        }
        false
    }
    /// Remembers a fault for the run loop, by its handler.
    pub(crate) fn set_fault(&self, fault: Fault) {
        self.fault_signo.store(fault.signo, Ordering::Relaxed);
        self.fault_code.store(fault.code, Ordering::Relaxed);
        self.fault_addr.store(fault.addr, Ordering::Relaxed);
        self.fault_write.store(fault.access == Access::Store, Ordering::Relaxed);
    }
    /// Whether the thread has an area for restartable sequences.
    pub(crate) fn has_sequences(&self) -> bool {
        self.sequences.load(Ordering::Relaxed)
    }
    /// Says so.
    pub(crate) fn set_sequences(&self, registered: bool) {
        self.sequences.store(registered, Ordering::Relaxed);
    }
    pub(crate) fn fault(&self) -> Fault {
        Fault {
            signo: self.fault_signo.load(Ordering::Relaxed),
            code: self.fault_code.load(Ordering::Relaxed),
            addr: self.fault_addr.load(Ordering::Relaxed),
            access: Access::data(self.fault_write.load(Ordering::Relaxed)),
        }
    }
    /// Removes `pc` from the hash; also for other threads.
    pub(crate) fn forget(&self, pc: u64) {
        entry_of(self.hash(), pc).forget(pc);
        if self.displaces.load(Ordering::SeqCst) {
            displaced_of(self.hash(), pc).forget(pc);
        }
    }
    /// Removes all from the hash; also for other threads.
    pub(crate) fn forget_all(&self) {
        if !self.remembers.load(Ordering::SeqCst) {
            return;
        }
        // (Reading the table behind it would give it memory.)
        let displaced = if self.displaces.load(Ordering::SeqCst) { DISPLACED_ENTRIES } else { 0 };
        for n in 0..HASH_ENTRIES + displaced {
            let entry = entry(self.hash(), n);
            if entry.pc.load(Ordering::Relaxed) != 0 {
                entry.pc.store(u64::MAX, Ordering::SeqCst);
            }
        }
    }
    /// Enters `pc` in the hash; by the thread itself. What had to leave for it is now behind the hash:
    /// the caller is to check whether that is still so.
    pub(crate) fn remember(&self, pc: u64, host: u64) -> Option<u64> {
        if !self.remembers.load(Ordering::Relaxed) {
            self.remembers.store(true, Ordering::SeqCst);
            sys::map::populate(self.hash() + PAGE as u64, HASH_SIZE - PAGE);
        }
        let entry = entry_of(self.hash(), pc);
        let (old, old_host) = (entry.pc.load(Ordering::SeqCst), entry.host.load(Ordering::Relaxed));
        let displaces = old != 0 && old != u64::MAX && old != pc;
        if displaces {
            self.displace(old, old_host);
        }
        entry.set(pc, host);
        displaces.then_some(old)
    }
    /// Enters `pc` in the table behind the hash.
    pub(crate) fn displace(&self, pc: u64, host: u64) {
        self.displaces.store(true, Ordering::SeqCst);
        displaced_of(self.hash(), pc).set(pc, host);
    }
    /// Whether the table behind the hash says that `pc` is at `host`.
    pub(crate) fn has_displaced(&self, pc: u64, host: u64) -> bool {
        let entry = displaced_of(self.hash(), pc);
        entry.pc.load(Ordering::SeqCst) == pc && entry.host.load(Ordering::Relaxed) == host
    }
    /// False if the thread that ran this is gone.
    pub(crate) fn thread_exists(&self) -> bool {
        let tid = self.tid.load(Ordering::Relaxed) as u64;
        sys::syscall_ret(libc::SYS_tkill as u64, [tid, 0, 0, 0, 0, 0]) as i64
            != -i64::from(libc::ESRCH)
    }
}

/// A guest thread's processor: registers, return stack, branch hash.
pub struct Cpu {
    pub(crate) shared: Box<Shared>,
    pub(crate) engine: &'static Engine,
    /// The engine's epoch that the hash and the return stack are of.
    pub(crate) epoch: u64,
    /// The translations for the key in force.
    pub(crate) map: &'static PcMap,
    /// Instructions whose floating point trapped, and how often.
    pub(crate) traps: [(u64, u8); TRAPS],
    /// For the evaluator.
    pub(crate) block: ir::Block,
    /// What the evaluator runs as a whole block.
    pub(crate) firsts: Firsts,
    /// What a debugger watches ([`Cpu::step`]).
    pub(crate) watches: Vec<Watch>,
    /// The pc at which a debugger was just told that it is executed.
    pub(crate) told_at: Option<u64>,
    pub(crate) rseq: Rseq,
    _map: Mapping,
}

// SAFETY: everything it points to is its own; `Shared` is made for being looked at by others.
unsafe impl Send for Cpu {}

/// Moves the sticky bits that host instructions have set to the guest's status.
fn collect_sticky(engine: &Engine, state: &mut State) {
    let (bits, rest) = engine.host.split_sticky(state.fp_control, state.fp.rules);
    state.int[usize::from(SLOT_FPSR)] |= bits;
    state.fp_control = rest;
}

/// Gives the result by value: in memory, it would be two words that the caller loads as one, before
/// they are there.
unsafe extern "C" fn helper(state: *mut State) -> u128 {
    // SAFETY: called by translated code with its state, which nobody else is using.
    let state = unsafe { &mut *state };
    const COUNTER: u64 = OpCode::Counter as u64;
    match state.helper_op[0] & 0xff {
        COUNTER => crate::clock::now(&mut state.clock).into(),
        _ => eval::helper(state),
    }
}

impl Cpu {
    /// A new one, all registers zero.
    ///
    /// # Errors
    /// If memory is short.
    pub fn new(engine: &'static Engine) -> io::Result<Self> {
        let evaluates = engine.options.evaluate_first;
        Self::with(
            engine,
            if evaluates { Firsts::new(engine.spec.insn_align) } else { Firsts::default() },
        )
    }
    fn with(engine: &'static Engine, firsts: Firsts) -> io::Result<Self> {
        let os = |e: sys::Errno| io::Error::from_raw_os_error(e.0);
        let map = Mapping::anonymous(TOTAL, libc::PROT_READ | libc::PROT_WRITE).map_err(os)?;
        map.protect(AT_POLL, PAGE, libc::PROT_READ);
        map.protect(AT_GUARD, PAGE, libc::PROT_NONE);
        map.populate(AT_STATE, AT_HASH + PAGE - AT_STATE);
        let base = map.start() as u64;
        let state = (base + AT_STATE as u64) as *mut State;
        let record = || UnsafeCell::new(RecordedSignal { signo: 0, info: [0; 128] });
        let shared = Box::new(Shared {
            engine,
            state,
            base,
            in_code: AtomicBool::new(false),
            armed: AtomicBool::new(false),
            tid: AtomicI32::new(0),
            takes: AtomicU64::new(0),
            records: [(); RECORDS as usize].map(|()| record()),
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            fault_signo: AtomicI32::new(0),
            fault_code: AtomicI32::new(0),
            fault_addr: AtomicU64::new(0),
            fault_write: AtomicBool::new(false),
            sequences: AtomicBool::new(false),
            remembers: AtomicBool::new(false),
            displaces: AtomicBool::new(false),
        });
        entry_of(shared.hash(), 0).pc.store(u64::MAX, Ordering::Relaxed);
        // SAFETY: the page is mapped and zero, which is a valid state; nobody knows it yet.
        unsafe {
            (*state).int[usize::from(SLOT_EX_ADDR)] = MONITOR_CLEAR;
            (*state).fp_control = engine.host.control(&FpControl::default());
            (*state).fp_control_host = engine.host.usual_control();
            (*state).ret_base = shared.ret_base();
            (*state).ret_sp = shared.ret_base();
            (*state).hash = shared.hash();
            (*state).leave = engine.stubs.leave;
            (*state).leave_link = engine.stubs.leave_link;
            (*state).leave_indirect = engine.stubs.leave_indirect;
            (*state).ret_miss = engine.stubs.ret_miss;
            (*state).call_runtime = engine.stubs.call_runtime;
            (*state).runtime = crate::interpret::runtime as *const () as u64;
            (*state).call_helper = engine.stubs.call_helper;
            (*state).host_time = engine.stubs.host_time;
            (*state).host_cpu = engine.stubs.host_cpu;
            (*state).estimates = engine.stubs.estimates;
            (*state).cas_16 = engine.stubs.cas_16;
            (*state).code_counts = engine.tables.code_lines.start();
            (*state).helper = helper as *const () as u64;
            *(shared.ret_base() as *mut u64) = engine.stubs.ret_miss;
        }
        let mut writer = engine.lock();
        writer.cpus.push(CpuRef(&raw const *shared));
        let epoch = engine.epoch.load(Ordering::SeqCst);
        drop(writer);
        Ok(Self {
            shared,
            engine,
            epoch,
            map: engine.map(Key(0)),
            traps: [(0, 0); TRAPS],
            block: ir::Block::default(),
            firsts,
            watches: Vec::new(),
            told_at: None,
            rseq: Rseq::default(),
            _map: map,
        })
    }
    /// A new one with the same registers (the exclusive monitor is clear), for a new thread.
    ///
    /// # Errors
    /// If memory is short.
    pub fn clone_registers(&self) -> io::Result<Self> {
        let spare = self.engine.lock().spare.pop();
        let mut new = match spare {
            Some(spare) => spare,
            None => Self::with(self.engine, Firsts::default())?,
        };
        let (from, to) = (self.state(), new.state_mut());
        to.int = from.int;
        to.vec = from.vec;
        to.flags = from.flags;
        to.int[usize::from(SLOT_EX_ADDR)] = MONITOR_CLEAR;
        new.update_control();
        Ok(new)
    }
    /// The thread has ended, or is about to with all signals blocked: keeps the processor for the next
    /// one.
    pub fn retire(mut self) {
        while self.take_signal().is_some() {}
        self.shared.tid.store(0, Ordering::Relaxed);
        self.shared.takes.store(0, Ordering::Relaxed);
        self.invalidate_returns();
        self.watches = Vec::new();
        let _ = self.set_rseq(None);
        if CURRENT.get() == &raw const *self.shared {
            CURRENT.set(core::ptr::null());
        }
        let mut writer = self.engine.lock();
        if writer.spare.len() < SPARE {
            writer.spare.push(self);
        }
    }
    pub(crate) fn reference(&self) -> CpuRef {
        CpuRef(&raw const *self.shared)
    }
    /// The engine it belongs to.
    pub fn engine(&self) -> &'static Engine {
        self.engine
    }
    /// The registers.
    pub fn state(&self) -> &State {
        // SAFETY: mapped as long as `self`; translated code does not run while `self` is borrowed.
        unsafe { &*self.shared.state }
    }
    /// The registers, to be changed. Use [`Cpu::set_fpcr`] for the floating-point control.
    pub fn state_mut(&mut self) -> &mut State {
        // SAFETY: as for `state`.
        unsafe { &mut *self.shared.state }
    }
    /// Makes this the processor of the calling thread: signals are recorded here, its alternate
    /// signal stack is used.
    pub fn make_current(&mut self) {
        let tid = sys::syscall_ret(libc::SYS_gettid as u64, [0; 6]);
        self.shared.tid.store(tid as i32, Ordering::Relaxed);
        // SAFETY: the memory is this processor's own; `drop` takes it back.
        unsafe { sys::signal::set_alternate_stack(self.shared.base + AT_ALT as u64, ALT_SIZE) };
        CURRENT.set(&raw const *self.shared);
        if let Some(early) = EARLY.take() {
            self.shared.record(early.signo, &Siginfo(early.info));
        }
    }
    /// What makes this the processor of the thread that will run on a block, so that no signal for it is
    /// lost before [`Cpu::make_current`].
    pub fn starter(&self) -> impl FnOnce(&sys::thread::Block) + use<> {
        let shared = &raw const *self.shared;
        move |block| {
            CURRENT.with(|here| {
                // SAFETY: it is the same variable of a thread that does not run yet.
                unsafe { (*block.local(&raw const *here)).set(shared) }
            });
        }
    }
    /// The number of the thread that runs this.
    pub fn tid(&self) -> i32 {
        self.shared.tid.load(Ordering::Relaxed)
    }
    /// Says which signals the thread takes if they are sent to the process.
    pub fn set_takes(&self, signals: u64) {
        self.shared.takes.store(signals, Ordering::SeqCst);
    }
    /// Whether something is recorded, and all of it has the property `property`.
    pub fn all_recorded(&self, property: impl Fn(&RecordedSignal) -> bool) -> bool {
        self.shared.all_recorded(property)
    }
    /// In the child of a fork: the thread has a new number.
    pub(crate) fn forked(&self) {
        let tid = sys::syscall_ret(libc::SYS_gettid as u64, [0; 6]);
        self.shared.tid.store(tid as i32, Ordering::Relaxed);
    }
    /// NZCV in PSTATE layout.
    pub fn nzcv(&self) -> u32 {
        self.state().nzcv()
    }
    /// Sets NZCV.
    pub fn set_nzcv(&mut self, nzcv: u32) {
        self.state_mut().set_nzcv(nzcv);
    }
    /// The floating-point status, all sticky bits included.
    pub fn fpsr(&self) -> u64 {
        self.state().int[usize::from(SLOT_FPSR)]
    }
    /// Sets it.
    pub fn set_fpsr(&mut self, fpsr: u64) {
        self.state_mut().int[usize::from(SLOT_FPSR)] = fpsr;
    }
    /// The floating-point control.
    pub fn fpcr(&self) -> u64 {
        self.state().int[usize::from(SLOT_FPCR)]
    }
    /// Sets it.
    pub fn set_fpcr(&mut self, fpcr: u64) {
        self.state_mut().int[usize::from(SLOT_FPCR)] = fpcr;
        self.update_control();
    }
    /// Follows the guest's control registers after some were set in the state.
    pub fn control_changed(&mut self) {
        self.update_control();
    }
    /// Follows the guest's control registers.
    pub(crate) fn update_control(&mut self) {
        let engine = self.engine;
        let control = engine.guest.control(self.state());
        let state = self.state_mut();
        state.fp_control = engine.host.control(&control.fp);
        state.fp = control.fp;
        if control.key != self.map.key {
            self.map = self.engine.map(control.key);
            self.shared.forget_all();
            self.invalidate_returns();
        }
    }
    /// The next recorded signal. When there is none left, nothing is pending any more.
    pub fn take_signal(&mut self) -> Option<RecordedSignal> {
        while let Some(record) = self.shared.take() {
            if record.signo != 0 {
                return Some(record);
            }
        }
        // In this order: a handler that comes in between sets it again.
        self.shared.pending().store(0, Ordering::SeqCst);
        self.shared.take().inspect(|_| self.shared.pending().store(1, Ordering::SeqCst))
    }
    /// Takes the first recorded signal that is `wanted` out of the middle; false if there is none.
    pub fn withdraw_signal(&mut self, wanted: impl Fn(i32, &[u8; 128]) -> bool) -> bool {
        self.shared.find(wanted, true)
    }
    /// Whether a signal that is `wanted` was recorded.
    pub fn has_signal(&self, wanted: impl Fn(i32, &[u8; 128]) -> bool) -> bool {
        self.shared.find(wanted, false)
    }
    /// Whether something is watched: instructions must be run by [`Cpu::step`].
    pub fn is_watching(&self) -> bool {
        !self.watches.is_empty()
    }
    /// Sets what is watched. A hit is a fault, SIGTRAP, as [`Watch::goes_on`] says.
    pub fn set_watches(&mut self, watches: Vec<Watch>) {
        self.watches = watches;
    }
    /// Non-zero while something is pending.
    pub fn pending(&self) -> &AtomicU32 {
        self.shared.pending()
    }
    /// Makes the next [`Cpu::run`] or [`Cpu::syscall`] return early.
    pub fn interrupt(&self) {
        self.shared.pending().store(1, Ordering::SeqCst);
    }
    /// A host system call that signals interrupt: -512 if something is pending before it starts,
    /// or if the kernel would restart it.
    pub fn syscall(&self, nr: i64, args: [u64; 6]) -> i64 {
        sys::syscall_interruptible(self.pending(), nr, args)
    }
    /// Forgets the return stack (after longjmp-like changes; never needed for correctness).
    pub fn invalidate_returns(&mut self) {
        let base = self.shared.ret_base();
        self.state_mut().ret_sp = base;
    }
    /// The evaluator has called: puts a frame on the return stack, for the sake of those below it.
    pub(crate) fn called(&mut self) {
        let frame = match self.state().ret_sp - FRAME {
            full if full < self.shared.ret_end() => self.shared.ret_base() - FRAME,
            frame => frame,
        };
        // SAFETY: it is in the return stack, which is this processor's own.
        unsafe { *(frame as *mut u64) = self.engine.stubs.ret_evaluated };
        self.state_mut().ret_sp = frame;
    }
    /// The evaluator has returned: takes the last frame from the return stack. If it is another
    /// call's, the returns to come notice.
    pub(crate) fn returned(&mut self) {
        if self.state().ret_sp < self.shared.ret_base() {
            self.state_mut().ret_sp += FRAME;
        }
    }
    /// Enters translated code at `host`, unless it belongs to another epoch (false), or something
    /// is pending (also false).
    pub(crate) fn enter(&mut self, host: u64) -> bool {
        let shared = &*self.shared;
        if self.engine.options.stress && self.state().exit_reason != exit::POLL {
            shared.arm();
        } else if shared.is_armed() {
            shared.disarm();
        }
        shared.in_code.store(true, Ordering::SeqCst);
        if self.engine.epoch.load(Ordering::SeqCst) != self.epoch {
            shared.in_code.store(false, Ordering::SeqCst);
            // The flush may be under way, with the map still full of what it will remove.
            let writer = self.engine.lock();
            self.epoch = self.engine.epoch.load(Ordering::SeqCst);
            drop(writer);
            self.shared.forget_all();
            self.invalidate_returns();
            return false;
        }
        if shared.pending().load(Ordering::SeqCst) != 0 {
            shared.in_code.store(false, Ordering::SeqCst);
            return false;
        }
        // SAFETY: the stub follows this contract (`host::Stubs::enter`); the state is ours.
        let enter: unsafe extern "C" fn(*mut State, u64) =
            unsafe { core::mem::transmute(self.engine.stubs.enter as *const ()) };
        // SAFETY: `host` is the entry of a unit of the current epoch, which no flush removes
        // while `in_code` is set.
        unsafe { enter(shared.state, host) };
        shared.in_code.store(false, Ordering::SeqCst);
        collect_sticky(self.engine, self.state_mut());
        true
    }
}

impl Drop for Cpu {
    fn drop(&mut self) {
        let me = self.reference();
        self.engine.lock().cpus.retain(|c| *c != me);
        if CURRENT.get() == me.0 {
            CURRENT.set(core::ptr::null());
            // SAFETY: no alternate stack from here on.
            unsafe { sys::signal::set_alternate_stack(0, 0) };
        }
    }
}

impl core::fmt::Debug for Cpu {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Cpu").field("pc", &self.state().pc()).finish_non_exhaustive()
    }
}
