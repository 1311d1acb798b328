//! The allocator of the binary: an arena for the first small pieces, the system's for all else, and
//! one clear line where memory runs out.
//!
//! Most programs need less than the arena holds. It spares them a mapping and a page fault for every
//! few allocations, which is what the system's allocator costs a process that has just started.
#![expect(unsafe_code, reason = "is an allocator")]

use crate::map::populate;
use crate::raw;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::alloc::{GlobalAlloc, Layout, System};

/// What a person is told.
const MESSAGE: &[u8] = b"error: out of memory for the emulator itself\n\
    help: the limit on memory may be too low: see ulimit -v\n";
/// As a shell's for a program that cannot be run.
const CODE: u64 = 126;

/// Bytes in the arena.
const ROOM: usize = 192 << 10;
/// Larger pieces are not taken from it.
const LARGEST: usize = 16 << 10;
/// Sizes are multiples of this.
const GRAIN: usize = 16;
/// Its pages are made to appear in pieces of this size.
const PIECE: usize = 16 << 10;

#[repr(align(4096))]
struct Arena(UnsafeCell<[u8; ROOM]>);

// SAFETY: its bytes belong to those they were given to.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(UnsafeCell::new([0; ROOM]));
/// Bytes of the arena that have been given out.
static USED: AtomicUsize = AtomicUsize::new(0);
/// Up to where its pages were made to appear.
static APPEARED: AtomicUsize = AtomicUsize::new(0);

/// The binary's allocator, which ends the process if there is no memory.
#[derive(Clone, Copy, Debug)]
pub struct Allocator;

/// Gives `at` on, unless it is null.
fn checked(at: *mut u8) -> *mut u8 {
    if at.is_null() {
        // Not a panic: that would need memory.
        let _ = raw::write(2, MESSAGE);
        let _ = raw::call(libc::SYS_exit_group, [CODE]);
    }
    at
}

/// Where in the arena `at` is, if it is.
fn offset(at: *mut u8) -> Option<usize> {
    let offset = (at as usize).wrapping_sub(ARENA.0.get() as usize);
    (offset < ROOM).then_some(offset)
}

/// The size of a piece of at least `size` bytes.
const fn whole(size: usize) -> usize {
    size.saturating_add(GRAIN - 1) & !(GRAIN - 1)
}

/// Takes a piece from the arena.
fn take(layout: Layout) -> Option<*mut u8> {
    let size = layout.size();
    if size > LARGEST || layout.align() > 4096 {
        return None;
    }
    let mut used = USED.load(Ordering::Relaxed);
    loop {
        let at = used.next_multiple_of(layout.align().max(GRAIN));
        let end = at + whole(size);
        if end > ROOM {
            return None;
        }
        match USED.compare_exchange_weak(used, end, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                appear(end);
                // SAFETY: in bounds.
                return Some(unsafe { ARENA.0.get().cast::<u8>().add(at) });
            }
            Err(now) => used = now,
        }
    }
}

/// Makes the pages up to `end` appear, in pieces.
fn appear(end: usize) {
    let to = end.next_multiple_of(PIECE);
    if to > APPEARED.load(Ordering::Relaxed) {
        let from = APPEARED.fetch_max(to, Ordering::Relaxed);
        if from < to {
            populate(ARENA.0.get() as u64 + from as u64, to - from);
        }
    }
}

/// Makes a piece of `from` bytes at `offset` one of `to` bytes, if it is the last one and there is
/// room.
fn resize(offset: usize, from: usize, to: usize) -> bool {
    let (from, to) = (offset + whole(from), offset.saturating_add(whole(to)));
    let order = Ordering::Relaxed;
    let last = to <= ROOM && USED.compare_exchange(from, to, order, order).is_ok();
    if last {
        appear(to);
    }
    last
}

// SAFETY: a piece of the arena is given to one caller, until it is given back; the system's
// allocator does the rest of the work, and all contracts are passed on to it.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match take(layout) {
            Some(at) => at,
            // SAFETY: as the caller promises.
            None => checked(unsafe { System.alloc(layout) }),
        }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match take(layout) {
            Some(at) => {
                // SAFETY: that much was taken. (It may have been used before.)
                unsafe { at.write_bytes(0, layout.size()) };
                at
            }
            // SAFETY: as the caller promises.
            None => checked(unsafe { System.alloc_zeroed(layout) }),
        }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(offset) = offset(at) else {
            // SAFETY: as the caller promises.
            return checked(unsafe { System.realloc(at, layout, size) });
        };
        if size <= layout.size() || resize(offset, layout.size(), size) {
            return at;
        }
        // SAFETY: the caller promises that the size is possible for this alignment; the pieces are
        // as large as is copied, and different ones.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            core::ptr::copy_nonoverlapping(at, new, layout.size());
            new
        }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        match offset(at) {
            Some(offset) => {
                resize(offset, layout.size(), 0);
            }
            // SAFETY: as the caller promises.
            None => unsafe { System.dealloc(at, layout) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_overlap() {
        let layout = |size| Layout::from_size_align(size, 8).unwrap();
        // SAFETY: only what was allocated is written, and given back once.
        unsafe {
            let pieces: Vec<*mut u8> = (0..300)
                .map(|n| {
                    let at = Allocator.alloc(layout(1000));
                    at.write_bytes(n as u8, 1000);
                    at
                })
                .collect();
            assert!(offset(pieces[0]).is_some() && offset(pieces[299]).is_none());
            for (n, &at) in pieces.iter().enumerate() {
                let bytes = core::slice::from_raw_parts(at, 1000);
                assert!(bytes.iter().all(|&b| b == n as u8));
            }
            let grown = Allocator.realloc(pieces[0], layout(1000), 2000);
            assert_eq!(core::slice::from_raw_parts(grown, 1000), [0; 1000]);
            Allocator.dealloc(grown, layout(2000));
            for &at in pieces[1..].iter().rev() {
                Allocator.dealloc(at, layout(1000));
            }
            // Used again, it is not zero any more.
            let at = Allocator.alloc_zeroed(layout(1000));
            assert!(core::slice::from_raw_parts(at, 1000).iter().all(|&b| b == 0));
            let same = Allocator.realloc(at, layout(1000), 5000);
            assert!(same == at && offset(same).is_some());
            Allocator.dealloc(same, layout(5000));
        }
    }
}
