//! The memory that translated code is in.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::io;
use std::os::fd::AsFd;
use std::sync::Mutex;
use sys::map::Mapping;

/// Bump-allocated code memory: one mapping, or where the system refuses memory that is both
/// writable and executable, two mappings of the same memory.
pub(crate) struct CodeCache {
    /// Where it is executed.
    run: Mapping,
    /// Where it is written, if that is elsewhere.
    write: Option<Mapping>,
    used: AtomicUsize,
    /// Up to where its memory was made to appear.
    populated: AtomicUsize,
    /// After the stubs: what a flush goes back to.
    floor: AtomicUsize,
    /// A copy for the child, while forking.
    copy: Mutex<Option<[Mapping; 2]>>,
}

/// A line of the host's cache, which small loops should not straddle.
const LINE: usize = 64;
/// Where units start: multiples of this. With less, recursion took more than twice as long where
/// units happened to lie badly for the host's prediction of branches.
const UNIT: usize = 32;
/// Memory is made to appear in pieces of this size.
const PIECE: usize = 64 << 10;
/// In smaller ones at first, for small programs.
const SMALL_PIECE: usize = 32 << 10;
const SMALL_PIECES: usize = 128 << 10;
/// The first one has the stubs.
const FIRST_PIECE: usize = 8 << 10;
/// Programs that translate to more than this have their further code in huge pages.
const LARGE_FROM: usize = 2 << 20;
const RW: i32 = libc::PROT_READ | libc::PROT_WRITE;
const RX: i32 = libc::PROT_READ | libc::PROT_EXEC;

fn os(e: sys::Errno) -> io::Error {
    io::Error::from_raw_os_error(e.0)
}

impl CodeCache {
    /// Reserves `len` bytes.
    pub(crate) fn new(len: usize, dual: bool) -> io::Result<Self> {
        let single = if dual { None } else { Mapping::anonymous(len, RW | RX).ok() };
        let (run, write) = if let Some(run) = single {
            (run, None)
        } else {
            let [run, write] = two_views(len)?;
            (run, Some(write))
        };
        run.small_pages(0);
        // Offset 0 means "none" in the map.
        Ok(Self {
            run,
            write,
            used: AtomicUsize::new(64),
            populated: AtomicUsize::new(0),
            floor: AtomicUsize::new(64),
            copy: Mutex::new(None),
        })
    }
    /// Where offset 0 is executed.
    pub(crate) fn base(&self) -> u64 {
        self.run.start() as u64
    }
    /// The offset of a host address, if it is in here.
    pub(crate) fn offset(&self, pc: u64) -> Option<u32> {
        let offset = pc.wrapping_sub(self.base());
        (offset < self.run.len() as u64).then_some(offset as u32)
    }
    /// Whether `len` more bytes fit.
    pub(crate) fn fits(&self, len: usize) -> bool {
        self.used.load(Ordering::Relaxed) + len + LINE <= self.run.len()
    }
    fn writable(&self, offset: usize) -> *mut u8 {
        let map = self.write.as_ref().unwrap_or(&self.run);
        assert!(offset <= map.len());
        // SAFETY: in bounds by the assertion.
        unsafe { map.start().add(offset) }
    }
    /// Copies code in ([`CodeCache::push_with`]).
    pub(crate) fn push(&self, code: &[u8], has_loop: bool) -> u32 {
        self.push_with(code.len(), has_loop, |to| {
            // SAFETY: there are as many.
            unsafe { copy(code.as_ptr(), code.len(), to.as_mut_ptr()) };
        })
    }
    /// Adds `len` bytes of code, which `fill` writes, at a multiple of [`UNIT`], or of [`LINE`] if it has
    /// a loop; by the writer only, after `fits`.
    pub(crate) fn push_with(
        &self,
        len: usize,
        has_loop: bool,
        fill: impl FnOnce(&mut [u8]),
    ) -> u32 {
        let used = self.used.load(Ordering::Relaxed);
        let at = if has_loop { used.next_multiple_of(LINE) } else { used };
        assert!(self.fits(len));
        self.make_appear(at + len);
        // SAFETY: the range is in bounds and not in use by anyone yet; mapped memory has some value.
        fill(unsafe { core::slice::from_raw_parts_mut(self.writable(at), len) });
        self.used.store((at + len).next_multiple_of(UNIT), Ordering::Release);
        at as u32
    }
    /// Makes the memory up to `end` appear in pieces, not page by page.
    fn make_appear(&self, end: usize) {
        let populated = self.populated.load(Ordering::Relaxed);
        if end > populated {
            let piece = if end <= FIRST_PIECE {
                FIRST_PIECE
            } else if end <= SMALL_PIECES {
                SMALL_PIECE
            } else {
                PIECE
            };
            let to = end.next_multiple_of(piece);
            let map = self.write.as_ref().unwrap_or(&self.run);
            if to <= LARGE_FROM {
                map.populate(populated, to - populated);
            } else if populated <= LARGE_FROM {
                self.run.large_pages(LARGE_FROM);
            }
            self.populated.store(to, Ordering::Relaxed);
        }
    }
    /// What was pushed so far stays for good.
    pub(crate) fn keep(&self) {
        self.floor.store(self.used.load(Ordering::Relaxed), Ordering::Relaxed);
    }
    /// Forgets all that was pushed after `keep`; when nobody executes it.
    pub(crate) fn clear(&self) {
        self.used.store(self.floor.load(Ordering::Relaxed), Ordering::Release);
    }
    /// Writes a word of the code at `at`: one aligned store, safe while it is executed.
    pub(crate) fn patch(&self, at: u32, word: u32) {
        debug_assert!(at.is_multiple_of(4));
        // SAFETY: in bounds, aligned, and inside an instruction that was pushed.
        unsafe { AtomicU32::from_ptr(self.writable(at as usize).cast()) }
            .store(word, Ordering::Release);
    }
    /// Before a fork: shared memory must be copied, or parent and child would patch each other's.
    pub(crate) fn prepare_fork(&self) {
        let Some(write) = &self.write else { return };
        let used = self.used.load(Ordering::Relaxed);
        // SAFETY: that much is mapped; patches by this thread only, which holds the writer's lock.
        let code = unsafe { core::slice::from_raw_parts(write.start(), used) };
        // Mappings, not a descriptor: the child may share those with the parent.
        let maps = two_views(write.len()).inspect(|[_, write]| {
            // SAFETY: the new mapping is as large.
            unsafe { core::ptr::copy_nonoverlapping(code.as_ptr(), write.start(), used) };
        });
        *self.copy.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = maps.ok();
    }
    /// After a fork, in the child (else in the parent).
    pub(crate) fn finish_fork(&self, child: bool) {
        let Some(write) = &self.write else { return };
        let copy = self.copy.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if child {
            let replaced = copy.is_some_and(|[run_copy, write_copy]| {
                self.run.replace(run_copy).is_ok() && write.replace(write_copy).is_ok()
            });
            assert!(replaced, "no memory for the code cache of a new process");
        }
    }
}

/// Copies `len` bytes. Pieces of fixed size are faster than a library's copy, as most units are
/// small.
///
/// # Safety
/// There must be that many, and room for them, elsewhere.
pub(crate) unsafe fn copy(from: *const u8, len: usize, to: *mut u8) {
    const PIECE: usize = 32;
    let Some(last) = len.checked_sub(PIECE) else {
        // SAFETY: as the caller promises.
        return unsafe { core::ptr::copy_nonoverlapping(from, to, len) };
    };
    // (Some bytes of the last piece may be copied twice.)
    for at in (0..last).step_by(PIECE).chain([last]) {
        // SAFETY: `at` + 32 is at most `len`.
        unsafe {
            let piece = from.add(at).cast::<[u8; PIECE]>().read();
            to.add(at).cast::<[u8; PIECE]>().write(piece);
        }
    }
}

/// The same memory twice: executable and writable.
fn two_views(len: usize) -> io::Result<[Mapping; 2]> {
    match sys::raw::memfd_of(c"anyarch-code", len as u64) {
        Ok(file) => {
            let map = |prot| Mapping::shared(file.as_fd(), len, prot).map_err(os);
            Ok([map(RX)?, map(RW)?])
        }
        // RLIMIT_FSIZE does not allow the file.
        Err(_) => Mapping::twice(len, RX, RW).map_err(os),
    }
}
