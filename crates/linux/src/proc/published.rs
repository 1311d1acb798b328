//! What other emulated processes may read of this one's memory, to show its `maps`.
//!
//! They run the same binary, so they find it at the same place in it.

use super::maps::Layout;
use crate::elf::PAGE;
use crate::intervals::Intervals;
use crate::signal::SYNCHRONOUS;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU64, Ordering, fence};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use sys::{auxv, raw};

/// This process's.
pub(crate) static PUBLISHED: Published = Published::new();

/// What is shown.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Published {
    /// The guest's addresses.
    pub(crate) owned: Slot,
    /// Those that it made executable.
    pub(crate) exec: Slot,
    /// Where its heap starts.
    heap: AtomicU64,
    /// Where its vDSO is.
    vdso: AtomicU64,
    /// Which of the signals that the host always catches it catches, and which it ignores.
    caught: AtomicU64,
    ignored: AtomicU64,
    /// Which of them were sent to the process while all threads block them.
    held: AtomicU64,
    /// Which of these signals threads block and which wait for that thread: its number in the upper half, both sets
    /// ([`packed`]) in the lower one. Only those that block any are here.
    threads: [AtomicU64; THREADS],
}

/// How many threads can be shown that block such signals.
const THREADS: usize = 128;
/// Where they start, in words.
const THREADS_AT: usize = offset_of!(Published, threads) / 8;
/// Where the process's own sets of signals start.
const SIGNALS_AT: usize = offset_of!(Published, caught) / 8;

/// Bits of a set of synchronous signals.
const SET: u32 = 16;
const _: () = assert!(SYNCHRONOUS >> SET == 0);

/// The synchronous signals that a thread blocks, and those that wait for it, in one number.
pub(crate) fn packed(blocked: u64, held: u64) -> u64 {
    blocked | held << SET
}

/// Which synchronous signals the threads of a process block, and which wait for them.
pub(super) struct Threads(Vec<u64>);

impl Threads {
    fn sets(&self, tid: u64) -> u64 {
        let own = self.0.iter().find(|&&entry| entry >> 32 == tid);
        own.map_or(0, |entry| entry & u64::from(u32::MAX))
    }

    /// Those that thread `tid` blocks.
    pub(super) fn blocked(&self, tid: u64) -> u64 {
        self.sets(tid) & ((1 << SET) - 1)
    }

    /// Those that wait for it.
    pub(super) fn held(&self, tid: u64) -> u64 {
        self.sets(tid) >> SET
    }
}

/// Which of the synchronous signals a process catches and which it ignores; which wait for any of its
/// threads, and what is to be told of each.
pub(super) struct Signals {
    pub(super) caught: u64,
    pub(super) ignored: u64,
    pub(super) held: u64,
    pub(super) threads: Threads,
}

/// Where the ranges of an [`Intervals`] are.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Slot {
    /// Odd while they are changed.
    sequence: AtomicU64,
    at: AtomicU64,
    len: AtomicU64,
}

/// Words of a [`Published`].
const WORDS: usize = size_of::<Published>() / 8;

impl Published {
    const fn new() -> Self {
        Self {
            owned: Slot::new(),
            exec: Slot::new(),
            heap: AtomicU64::new(0),
            vdso: AtomicU64::new(0),
            caught: AtomicU64::new(0),
            ignored: AtomicU64::new(0),
            held: AtomicU64::new(0),
            threads: [const { AtomicU64::new(0) }; THREADS],
        }
    }

    /// What is told of thread `tid` from now on ([`packed`]).
    pub(crate) fn set_thread(&self, tid: i32, sets: u64) {
        let word = u64::from(tid as u32) << 32 | sets;
        let new = if sets == 0 { 0 } else { word };
        let first = tid as usize % THREADS;
        let all = || self.threads[first..].iter().chain(&self.threads[..first]);
        let own = |entry: &&AtomicU64| entry.load(Ordering::Relaxed) >> 32 == word >> 32;
        let put = |entry: &AtomicU64| {
            entry.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        match all().find(own) {
            Some(entry) => entry.store(new, Ordering::Relaxed),
            None => {
                let _ = new == 0 || all().any(put);
            }
        }
    }

    /// In the child of a fork: there is no thread yet of which anything is told.
    pub(crate) fn forget_threads(&self) {
        self.threads.iter().for_each(|entry| entry.store(0, Ordering::Relaxed));
    }

    /// Which synchronous signals the threads of this process block, and which wait for them.
    pub(super) fn threads(&self) -> Threads {
        Threads(self.threads.iter().map(|entry| entry.load(Ordering::Relaxed)).collect())
    }

    /// These synchronous signals wait for any thread of the process.
    pub(crate) fn set_held(&self, held: u64) {
        self.held.store(held, Ordering::Relaxed);
    }

    /// Sets where heap and vDSO are.
    pub(crate) fn set(&self, heap: u64, vdso: u64) {
        self.heap.store(heap, Ordering::Relaxed);
        self.vdso.store(vdso, Ordering::Relaxed);
    }

    /// Sets which of the synchronous signals are caught, and which ignored.
    pub(crate) fn set_signals(&self, caught: u64, ignored: u64) {
        self.caught.store(caught, Ordering::Relaxed);
        self.ignored.store(ignored, Ordering::Relaxed);
    }
}

impl Slot {
    const fn new() -> Self {
        Self { sequence: AtomicU64::new(0), at: AtomicU64::new(0), len: AtomicU64::new(0) }
    }

    /// The ranges are about to be changed.
    pub(crate) fn begin(&self) {
        self.sequence.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::Release);
    }

    /// They were.
    pub(crate) fn end(&self, ranges: &[[u64; 2]]) {
        self.at.store(ranges.as_ptr() as u64, Ordering::Relaxed);
        self.len.store(ranges.len() as u64, Ordering::Relaxed);
        self.sequence.fetch_add(1, Ordering::Release);
    }
}

/// The memory of the process of /proc directory `dir`, of which `maps` is the host's list, and where in
/// it this is.
fn open(dir: &[u8], maps: &str) -> Option<(OwnedFd, u64)> {
    let exe = raw::fstatat(libc::AT_FDCWD, &[dir, b"/exe"].concat(), 0).ok()?;
    let theirs = super::maps::start_of(maps, exe.st_ino)?;
    // The first page of the file has the program headers.
    let ours = auxv::get(libc::AT_PHDR)? & !(PAGE - 1);
    let at = (&raw const PUBLISHED as u64).wrapping_sub(ours).wrapping_add(theirs);
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    Some((raw::openat(libc::AT_FDCWD, &[dir, b"/mem"].concat(), flags, 0).ok()?, at))
}

/// How the process of `dir` uses its memory; None if it cannot be read.
pub(super) fn layout(dir: &[u8], maps: &str) -> Option<Layout> {
    let (memory, at) = open(dir, maps)?;
    published(memory.as_raw_fd(), at)
}

/// The synchronous signals of the process of `dir`.
pub(super) fn signals(dir: &[u8], maps: &str) -> Option<Signals> {
    let (memory, at) = open(dir, maps)?;
    let words = read(memory.as_raw_fd(), at, WORDS)?;
    let [caught, ignored, held] = core::array::from_fn(|n| words[SIGNALS_AT + n]);
    Some(Signals { caught, ignored, held, threads: Threads(words[THREADS_AT..].to_vec()) })
}

fn published(memory: RawFd, at: u64) -> Option<Layout> {
    let words = read(memory, at, WORDS)?;
    let owned = ranges(memory, at)?;
    let exec = ranges(memory, at + size_of::<Slot>() as u64)?;
    let heap = (words[6], words[6] + 1);
    Some(Layout { owned, exec, heap, stack: 0, vdso: words[7] })
}

/// The ranges of the slot at `slot`. Of a process that changes them all the time, what was seen in
/// several looks: no range that stays is missing in all of them.
fn ranges(memory: RawFd, slot: u64) -> Option<Intervals> {
    const TRIES: usize = 30;
    let mut seen: Option<Intervals> = None;
    for _ in 0..TRIES {
        let before = read(memory, slot, 3)?;
        let &[sequence, at, len] = &before[..] else { return None };
        let words = match len {
            0 => Vec::new(),
            1..=0x10_0000 => read(memory, at, len as usize * 2).unwrap_or_default(),
            _ => return None,
        };
        let found: Intervals =
            words.chunks_exact(2).map(|range| [range[0], range[1]]).filter(is_range).collect();
        if sequence % 2 == 0 && read(memory, slot, 3)? == before {
            return Some(found);
        }
        let all = seen.get_or_insert_default();
        found.overlaps(0, u64::MAX).for_each(|(start, end)| all.insert(start, end));
    }
    seen
}

/// Whether this can be a range, and is not something else that has come there.
fn is_range([start, end]: &[u64; 2]) -> bool {
    start < end && *end <= i64::MAX as u64 && start % PAGE == 0 && end % PAGE == 0
}

fn read(memory: RawFd, at: u64, words: usize) -> Option<Vec<u64>> {
    let mut bytes = vec![0; words * 8];
    let mut done = 0;
    while done < bytes.len() {
        match raw::pread(memory, &mut bytes[done..], at + done as u64) {
            Ok(0) | Err(_) => return None,
            Ok(len) => done += len,
        }
    }
    let word = |b: &[u8]| u64::from_ne_bytes(b.try_into().unwrap_or_default());
    Some(bytes.chunks_exact(8).map(word).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_of_this_program_can_be_read() {
        static PUBLIC: Published = Published::new();
        let mut owned = Intervals::shown_in(&PUBLIC.owned);
        for n in 1..1000 {
            owned.insert(n * 0x2000, n * 0x2000 + 0x1000);
        }
        let mut exec = Intervals::shown_in(&PUBLIC.exec);
        exec.insert(0x4000, 0x5000);
        exec.insert(0x8000, 0xa000);
        exec.remove(0x9000, 0xa000);
        PUBLIC.set(0x6000, 0x8000);
        PUBLIC.set_signals(1 << 10, 1 << 4);
        PUBLIC.set_held(1 << 6);
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        let list = |set: &Intervals| set.overlaps(0, u64::MAX).collect::<Vec<_>>();
        let read = || published(memory.as_raw_fd(), &raw const PUBLIC as u64);
        let found = read().unwrap();
        assert_eq!(list(&found.owned), list(&owned));
        assert_eq!(list(&found.exec), [(0x4000, 0x5000), (0x8000, 0x9000)]);
        assert_eq!((found.heap.0, found.vdso), (0x6000, 0x8000));
        let words = super::read(memory.as_raw_fd(), &raw const PUBLIC as u64, WORDS).unwrap();
        assert_eq!(words[6..THREADS_AT], [0x6000, 0x8000, 1 << 10, 1 << 4, 1 << 6]);
        for tid in 1..1000 {
            PUBLIC.set_thread(tid, packed(1 << 10, 0));
            PUBLIC.set_thread(tid, if tid % 64 == 3 { packed(1 << 4, 1 << 3) } else { 0 });
        }
        let threads = PUBLIC.threads();
        assert_eq!([3, 67, 68, 963].map(|tid| threads.blocked(tid)), [16, 16, 0, 16]);
        assert_eq!([3, 68].map(|tid| threads.held(tid)), [8, 0]);
        PUBLIC.forget_threads();
        assert_eq!(PUBLIC.threads().blocked(3), 0);
        // In the middle of a change.
        PUBLIC.owned.begin();
        assert_eq!(list(&read().unwrap().owned), list(&owned));
    }
}
