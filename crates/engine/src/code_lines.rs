//! Where there may be translated code: what translated code asks before it leaves for an instruction
//! that says that code was changed ([`OpCode::HasCode`](ir::OpCode::HasCode)). Most often a program
//! says so of memory that has never been executed.
//!
//! A count by address of the pieces of guest memory that translations are of; several pieces share
//! one. A translation is counted before its guest code is read, so that a thread which has changed
//! the code and then finds nothing counted may be sure that the new code will be read: this is the
//! order of the guest's rules too (a store, DSB, then IC IVAU).

use core::sync::atomic::{AtomicU8, Ordering, fence};
use ir::state::{CODE_COUNTS, CODE_PIECE};

/// Bytes of the counts.
pub(crate) const BYTES: usize = CODE_COUNTS * size_of::<AtomicU8>();

/// The counts. Changed by the writer only.
pub(crate) struct CodeLines(*const AtomicU8);

// SAFETY: what it points to is atomic.
unsafe impl Send for CodeLines {}
// SAFETY: as above.
unsafe impl Sync for CodeLines {}

impl CodeLines {
    /// # Safety
    /// There are [`BYTES`] zero bytes at `start`, which stay as long as this.
    pub(crate) const unsafe fn new(start: *mut u8) -> Self {
        Self(start.cast())
    }
    /// Where they are.
    pub(crate) fn start(&self) -> u64 {
        self.0 as u64
    }
    fn count(&self, piece: u64) -> &AtomicU8 {
        // SAFETY: within the counts.
        unsafe { &*self.0.add(piece as usize % CODE_COUNTS) }
    }
    fn pieces(pc: u64, len: u64) -> impl Iterator<Item = u64> {
        pc / CODE_PIECE..=pc.saturating_add(len.max(1) - 1) / CODE_PIECE
    }
    /// Counts the code at `pc`, `len` bytes.
    pub(crate) fn add(&self, pc: u64, len: u64) {
        for count in Self::pieces(pc, len).map(|piece| self.count(piece)) {
            // (A count that is full stays so.)
            let old = count.load(Ordering::Relaxed);
            count.store(old.saturating_add(1), Ordering::Relaxed);
        }
    }
    /// As [`CodeLines::add`], for code that is read afterwards.
    pub(crate) fn expect(&self, pc: u64, len: u64) {
        self.add(pc, len);
        fence(Ordering::SeqCst);
    }
    /// Undoes [`CodeLines::add`].
    pub(crate) fn remove(&self, pc: u64, len: u64) {
        for count in Self::pieces(pc, len).map(|piece| self.count(piece)) {
            let old = count.load(Ordering::Relaxed);
            if old != u8::MAX {
                count.store(old.saturating_sub(1), Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_up_and_down() {
        let memory: Vec<AtomicU8> = (0..CODE_COUNTS).map(|_| AtomicU8::new(0)).collect();
        // SAFETY: it is as large, and lives as long.
        let lines = unsafe { CodeLines::new(memory.as_ptr().cast_mut().cast()) };
        let of = |pc: u64| lines.count(pc / CODE_PIECE).load(Ordering::Relaxed);
        let edge = 0x7f00_0000_0000 + CODE_PIECE;
        lines.add(edge - 4, 8);
        lines.expect(edge, 4);
        assert_eq!([edge - 4, edge, edge + CODE_PIECE].map(of), [1, 2, 0]);
        lines.remove(edge - 4, 8);
        assert_eq!([edge - 4, edge].map(of), [0, 1]);
        for _ in 0..1 << 9 {
            lines.add(edge, 4);
        }
        lines.remove(edge, 4);
        assert_eq!(of(edge), u8::MAX, "nobody knows how many there are");
    }
}
