//! The process-wide translator: its parts.

use crate::cache::CodeCache;
use crate::cpu::{Cpu, Shared};
use crate::map::{Maps, PcMap, Target};
use crate::options::{Options, Stats};
use crate::section::Sections;
use crate::share::{Image, Memory, SHARED, Seen, Share, Step};
use crate::unit::Tables;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU64, Ordering};
use guest::{Guest, Key, Spec};
use host::{Code, Host, Stubs};
use ir::Block;
use ir::state::HostCall;
use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Who knows which guest memory may be executed. Asked without any lock of the engine held.
pub trait AddressSpace: Sync {
    /// The end of the memory around `addr` that is mapped for the guest with execute permission;
    /// none if the page of `addr` is not.
    fn executable_until(&self, addr: u64) -> Option<u64>;
    /// The page of `addr` is mapped for the guest at all.
    fn mapped(&self, addr: u64) -> bool;
    /// The code at `addr` is a file's, so that other processes may have it too.
    fn backed_by_file(&self, addr: u64) -> bool;
    /// Start and end of the executable ranges that the guest can write to, or could since they were
    /// mapped, or that are shared with mappings which can be written to.
    fn changeable(&self) -> Vec<(u64, u64)>;
    /// Indirect branches to the page of `addr` are checked, if the guest does that
    /// ([`Guest::guards`]).
    fn guarded(&self, addr: u64) -> bool;
    /// The code at `addr` may be changed by any store, as the guest can write to it, or to the same memory by
    /// another mapping. Only asked for guests with [`guest::Coherence::Stores`].
    fn plastic(&self, addr: u64) -> bool {
        let _ = addr;
        false
    }
    /// The file's code around `addr`, which the program has never been able to change, if the file can be
    /// told from all others.
    fn image(&self, addr: u64) -> Option<Image> {
        let _ = addr;
        None
    }
    /// `addr` is in the vDSO that the program was given.
    fn is_vdso(&self, addr: u64) -> bool;
}

/// The process-wide translator; lives as long as the process.
pub struct Engine {
    pub(crate) guest: &'static dyn Guest,
    pub(crate) spec: &'static Spec,
    pub(crate) host: Box<dyn Host>,
    pub(crate) options: Options,
    pub(crate) cache: CodeCache,
    pub(crate) tables: Tables,
    pub(crate) maps: Maps,
    pub(crate) stubs: StubAddresses,
    space: OnceLock<&'static dyn AddressSpace>,
    /// Counts flushes: code seen under another number must not be entered.
    pub(crate) epoch: AtomicU64,
    pub(crate) interpreted: AtomicU64,
    /// Which of the synchronous signals were ignored before the engine handled them.
    ignored: u64,
    /// The descriptor of the memory shared with the family, or -1.
    pub(crate) share_fd: AtomicI32,
    /// That memory, for who executes what is in there; null: none.
    pub(crate) exec: AtomicPtr<Memory>,
    /// What is evaluated, as its accesses depend on the host's scheduling.
    pub(crate) sections: Sections,
    writer: Mutex<Writer>,
}

/// Host addresses of the stubs.
pub(crate) struct StubAddresses {
    pub(crate) enter: u64,
    pub(crate) leave: u64,
    pub(crate) leave_link: u64,
    pub(crate) leave_indirect: u64,
    pub(crate) leave_stored: u64,
    pub(crate) call_runtime: u64,
    pub(crate) call_helper: u64,
    pub(crate) host_time: HostCall,
    pub(crate) host_cpu: HostCall,
    pub(crate) cas_16: u64,
    pub(crate) estimates: u64,
    /// The instruction of `cas_16` that may fault, and where it goes on then.
    pub(crate) cas_16_fault: (u64, u64),
    pub(crate) ret_miss: u64,
    pub(crate) ret_evaluated: u64,
}

impl StubAddresses {
    /// Those of `stubs`, which are at `start`.
    fn new(start: u64, stubs: &Stubs) -> Self {
        let at = |offset: u32| start + u64::from(offset);
        let call = |(stub, quick): (u32, u32), function: u64| HostCall {
            stub: at(stub),
            quick: at(quick),
            function,
        };
        Self {
            enter: at(stubs.enter),
            leave: at(stubs.leave),
            leave_link: at(stubs.leave_link),
            leave_indirect: at(stubs.leave_indirect),
            leave_stored: at(stubs.leave_stored),
            host_time: call(stubs.host_time, crate::vdso::find_clock as *const () as u64),
            host_cpu: call(stubs.host_cpu, crate::vdso::find_cpu as *const () as u64),
            estimates: at(stubs.estimates),
            cas_16: at(stubs.cas_16),
            cas_16_fault: (at(stubs.cas_16_fault.0), at(stubs.cas_16_fault.1)),
            call_runtime: at(stubs.call_runtime),
            call_helper: at(stubs.call_helper),
            ret_miss: at(stubs.ret_miss),
            ret_evaluated: at(stubs.ret_evaluated),
        }
    }
}

/// What only one thread at a time may use.
pub(crate) struct Writer {
    pub(crate) block: Option<Box<Block>>,
    pub(crate) code: Code,
    /// What is shared with the family.
    pub(crate) share: Option<Share>,
    /// What the current translation depends on.
    pub(crate) seen: Seen,
    /// Code whose translations are executed in the family's memory; with number 0 what is not to be.
    pub(crate) sites: Vec<Image>,
    /// Links of found translations that are still to be followed.
    pub(crate) steps: Vec<Step>,
    /// First of the units that start in a guest page.
    pub(crate) pages: HashMap<u64, u32, PageHash>,
    /// Units that were dropped and may be used again, by the place they are for: the first of each.
    pub(crate) retired: HashMap<(u64, Key), u32, PageHash>,
    /// Instructions whose floating-point operations trapped too often: they go to the evaluator
    /// without a trap.
    pub(crate) trapping: Vec<u64>,
    /// Loads and stores whose addresses were tagged too often: they take the tag off.
    pub(crate) tagged: Vec<u64>,
    /// All processors.
    pub(crate) cpus: Vec<CpuRef>,
    /// Processors of threads that have ended, for new ones. They are among `cpus` as well, so that
    /// what they remember stays right.
    pub(crate) spare: Vec<Cpu>,
    pub(crate) stats: Stats,
}

/// A processor's shared part; valid while it is in [`Writer::cpus`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CpuRef(pub(crate) *const Shared);

// SAFETY: what is used of it by other threads is atomic.
unsafe impl Send for CpuRef {}

/// Page numbers need no better hash.
#[derive(Clone, Copy, Default)]
pub(crate) struct PageHash;

pub(crate) struct PageHasher(u64);

impl std::hash::BuildHasher for PageHash {
    type Hasher = PageHasher;
    fn build_hasher(&self) -> PageHasher {
        PageHasher(0)
    }
}

impl std::hash::Hasher for PageHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.write_u64(u64::from(b));
        }
    }
    fn write_u64(&mut self, n: u64) {
        let mixed = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 29;
    }
}

impl Engine {
    /// Makes it and installs the handlers of the five synchronous signals.
    ///
    /// # Errors
    /// If the code cache cannot be mapped, or there is no back end for this machine.
    pub fn new(guest: &'static dyn Guest, options: Options) -> io::Result<&'static Self> {
        let host = crate::host::back_end(&options, guest.spec())?;
        let cache = CodeCache::new(options.cache_size, options.dual_mapping)?;
        let os = |e: sys::Errno| io::Error::from_raw_os_error(e.0);
        let tables = Tables::new(options.cache_size).map_err(os)?;
        let stubs = host.stubs();
        let at = cache.base() + u64::from(cache.push(&stubs.bytes, false));
        cache.keep();
        let engine = Box::leak(Box::new(Self {
            guest,
            spec: guest.spec(),
            host,
            options,
            cache,
            tables,
            maps: Maps::new(guest.spec().insn_align),
            stubs: StubAddresses::new(at, &stubs),
            space: OnceLock::new(),
            epoch: AtomicU64::new(0),
            interpreted: AtomicU64::new(0),
            ignored: crate::fault::ignored(),
            share_fd: AtomicI32::new(-1),
            exec: AtomicPtr::default(),
            sections: Sections::default(),
            writer: Mutex::new(Writer {
                block: None,
                code: Code::default(),
                share: None,
                seen: Seen::default(),
                sites: Vec::new(),
                steps: Vec::new(),
                pages: HashMap::default(),
                retired: HashMap::default(),
                trapping: Vec::new(),
                tagged: Vec::new(),
                cpus: Vec::new(),
                spare: Vec::new(),
                stats: Stats::default(),
            }),
        }));
        crate::fault::install();
        Ok(engine)
    }
    /// Sets who says what is executable; before the first [`Cpu::run`]. Without it, all readable
    /// memory is.
    pub fn set_address_space(&self, space: &'static dyn AddressSpace) {
        let _ = self.space.set(space);
    }
    /// The guest.
    pub fn guest(&self) -> &'static dyn Guest {
        self.guest
    }
    /// Which of the synchronous signals were ignored before the engine handled them (bit n-1 = signal
    /// n).
    pub fn inherited_ignored(&self) -> u64 {
        self.ignored
    }
    pub(crate) fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub(crate) fn space(&self) -> Option<&'static dyn AddressSpace> {
        self.space.get().copied()
    }
    /// The translations for threads with `key`.
    pub(crate) fn map(&self, key: Key) -> &'static PcMap {
        self.maps.of(key)
    }
    /// Whether there are relatives, who have translations or may want ours.
    pub(crate) fn has_family(&self) -> bool {
        self.share_fd.load(Ordering::Relaxed) >= 0
    }
    /// The host address of a translation.
    pub(crate) fn entry(&self, target: Target) -> u64 {
        let shared = target.unit & SHARED != 0;
        let base = if shared { self.exec().and_then(Memory::base) } else { None };
        // (Nobody enters what is shared after the memory is gone: a flush came before.)
        base.unwrap_or_else(|| self.cache.base()) + u64::from(target.offset)
    }
    /// Calls `offer` with the numbers of threads that take signal `signo` ([`Cpu::set_takes`]), until one
    /// accepts; false if none does.
    pub fn any_taker(&self, signo: i32, mut offer: impl FnMut(i32) -> bool) -> bool {
        // SAFETY: registered processors are alive.
        let taker = |cpu: &CpuRef| unsafe { &*cpu.0 }.taker(signo);
        self.lock().cpus.iter().filter_map(taker).any(&mut offer)
    }
    /// How many threads there are.
    pub fn threads(&self) -> usize {
        let writer = self.lock();
        writer.cpus.len() - writer.spare.len()
    }
}

impl core::fmt::Debug for Engine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Engine").field("guest", &self.spec.name).finish_non_exhaustive()
    }
}
