//! Append-only tables at fixed addresses: one writer, readers without locks, also in handlers.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// A table of at most `cap` entries in memory that the caller keeps mapped and zero.
pub(crate) struct Arena<T> {
    start: *mut T,
    cap: u32,
    len: AtomicU32,
    /// Bytes that were made to appear.
    ready: AtomicUsize,
    marker: PhantomData<T>,
}

// SAFETY: entries are only changed through `&T` (atomics) once they are visible.
unsafe impl<T: Sync + Send> Sync for Arena<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Arena<T> {}

impl<T> Arena<T> {
    /// Bytes needed for `cap` entries, in whole pages.
    pub(crate) const fn bytes(cap: usize) -> usize {
        (cap * size_of::<T>()).next_multiple_of(4096)
    }
    /// A table in the memory at `start`.
    ///
    /// # Safety
    /// `bytes(cap)` bytes there, aligned for `T`, must belong to the table for good.
    pub(crate) const unsafe fn new(start: *mut u8, cap: usize) -> Self {
        Self {
            start: start.cast(),
            cap: cap as u32,
            len: AtomicU32::new(0),
            ready: AtomicUsize::new(0),
            marker: PhantomData,
        }
    }
    /// Entries in use.
    pub(crate) fn len(&self) -> u32 {
        self.len.load(Ordering::Acquire)
    }
    /// Entries left.
    pub(crate) fn room(&self) -> usize {
        (self.cap - self.len()) as usize
    }
    /// Entry `n`, if in use.
    pub(crate) fn get(&self, n: u32) -> Option<&T> {
        // SAFETY: entries below `len` have been written, and are not moved.
        if n < self.len() { Some(unsafe { &*self.start.add(n as usize) }) } else { None }
    }
    /// Appends; only by the writer, after `room`.
    ///
    /// # Panics
    /// If it is full.
    pub(crate) fn push(&self, value: T) -> u32 {
        let n = self.len.load(Ordering::Relaxed);
        assert!(n < self.cap);
        self.prepare(n as usize + 1);
        // SAFETY: in bounds by the assertion; nobody reads entries at or above `len`.
        unsafe { self.start.add(n as usize).write(value) };
        self.len.store(n + 1, Ordering::Release);
        n
    }
    /// Makes the memory of the first `count` entries appear in pieces, not page by page.
    #[inline]
    fn prepare(&self, count: usize) {
        let (end, ready) = (count * size_of::<T>(), self.ready.load(Ordering::Relaxed));
        if end > ready {
            // Most programs are small.
            let piece = if end > 64 << 10 { 32 << 10 } else { 8 << 10 };
            let to = end.next_multiple_of(piece).min(Self::bytes(self.cap as usize));
            sys::map::populate(self.start as u64 + ready as u64, to - ready);
            self.ready.store(to, Ordering::Relaxed);
        }
    }
    /// Appends several; as [`Arena::push`].
    ///
    /// # Panics
    /// If there is no room for them.
    pub(crate) fn extend(&self, values: impl ExactSizeIterator<Item = T>) {
        let (from, count) = (self.len.load(Ordering::Relaxed), values.len());
        assert!(count <= (self.cap - from) as usize);
        self.prepare(from as usize + count);
        let mut len = from;
        for value in values.take(count) {
            // SAFETY: as in `push`; no more than `count` come.
            unsafe { self.start.add(len as usize).write(value) };
            len += 1;
        }
        self.len.store(len, Ordering::Release);
    }
    /// Empties it; only when nobody else can be reading.
    pub(crate) fn clear(&self) {
        self.len.store(0, Ordering::Release);
    }
}
