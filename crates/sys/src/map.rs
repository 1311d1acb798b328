//! Mappings of the emulator's own memory.
#![expect(unsafe_code, reason = "maps memory")]

use crate::errno::Errno;
use crate::raw::call;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Page size.
pub const PAGE: usize = 4096;

/// A mapping, unmapped when dropped. Its pages are zero and appear when touched.
#[derive(Debug)]
pub struct Mapping {
    start: *mut u8,
    len: usize,
}

// SAFETY: it is an address range; what is done in it is the user's affair.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Private anonymous memory with protection `prot`.
    ///
    /// # Errors
    /// The kernel's.
    pub fn anonymous(len: usize, prot: i32) -> Result<Self, Errno> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let start = call(libc::SYS_mmap, [0, len as u64, prot as u64, flags as u64, u64::MAX, 0])?;
        Ok(Self { start: start as *mut u8, len })
    }
    /// The same anonymous memory at two places, with the protections `first` and `second`: what no
    /// limit of files stands in the way of.
    ///
    /// # Errors
    /// The kernel's.
    pub fn twice(len: usize, first: i32, second: i32) -> Result<[Self; 2], Errno> {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let args = [0, len as u64, second as u64, flags as u64, u64::MAX, 0];
        let start = call(libc::SYS_mmap, args)?;
        let second = Self { start: start as *mut u8, len };
        // Of a length of zero the kernel makes a second view.
        let args = [start, 0, len as u64, libc::MREMAP_MAYMOVE as u64, 0];
        let at = call(libc::SYS_mremap, args)?;
        let view = Self { start: at as *mut u8, len };
        call(libc::SYS_mprotect, [at, len as u64, first as u64])?;
        Ok([view, second])
    }
    /// Shared memory of a file.
    ///
    /// # Errors
    /// The kernel's.
    pub fn shared(fd: BorrowedFd<'_>, len: usize, prot: i32) -> Result<Self, Errno> {
        Self::shared_part(fd, 0, len, prot)
    }
    /// Shared memory of a file from `offset` on; page-aligned.
    ///
    /// # Errors
    /// The kernel's.
    pub fn shared_part(
        fd: BorrowedFd<'_>,
        offset: u64,
        len: usize,
        prot: i32,
    ) -> Result<Self, Errno> {
        let fd = fd.as_raw_fd() as u64;
        let flags = libc::MAP_SHARED | libc::MAP_NORESERVE;
        let start = call(libc::SYS_mmap, [0, len as u64, prot as u64, flags as u64, fd, offset])?;
        Ok(Self { start: start as *mut u8, len })
    }
    /// Moves another mapping, of the same length, to its place.
    ///
    /// # Errors
    /// The kernel's.
    pub fn replace(&self, other: Self) -> Result<(), Errno> {
        let other = core::mem::ManuallyDrop::new(other);
        let (from, len) = (other.start as u64, other.len as u64);
        let flags = (libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED) as u64;
        call(libc::SYS_mremap, [from, len, self.len as u64, flags, self.start as u64]).map(drop)
    }
    /// Its first byte.
    pub fn start(&self) -> *mut u8 {
        self.start
    }
    /// Its length.
    pub fn len(&self) -> usize {
        self.len
    }
    /// True if it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Sets the protection of a part; page-aligned.
    pub fn protect(&self, from: usize, len: usize, prot: i32) {
        assert!(from + len <= self.len);
        protect(self.start as u64 + from as u64, len, prot);
    }
    /// Keeps the kernel from using huge pages from `from` on: the first touch of one costs as much
    /// as that of a hundred small ones.
    pub fn small_pages(&self, from: usize) {
        self.advise(from, libc::MADV_NOHUGEPAGE);
    }
    /// Asks for huge pages from `from` on.
    pub fn large_pages(&self, from: usize) {
        self.advise(from, libc::MADV_HUGEPAGE);
    }
    fn advise(&self, from: usize, advice: i32) {
        if from < self.len {
            let args = [self.start as u64 + from as u64, (self.len - from) as u64, advice as u64];
            let _ = call(libc::SYS_madvise, args);
        }
    }
    /// Makes the pages of a part appear for writing, at a fraction of the cost of touching each.
    /// (Linux 5.14; before, they appear when they are touched.)
    pub fn populate(&self, from: usize, len: usize) {
        populate(self.start as u64 + from as u64, len.min(self.len.saturating_sub(from)));
    }
    /// Makes the pages of a part zero again and gives them back; page-aligned.
    pub fn discard(&self, from: usize, len: usize) {
        assert!(from + len <= self.len);
        let args = [self.start as u64 + from as u64, len as u64, libc::MADV_DONTNEED as u64];
        let _ = call(libc::SYS_madvise, args);
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let _ = call(libc::SYS_munmap, [self.start as u64, self.len as u64]);
    }
}

/// As [`Mapping::populate`]; page-aligned.
pub fn populate(start: u64, len: usize) {
    let _ = call(libc::SYS_madvise, [start, len as u64, libc::MADV_POPULATE_WRITE as u64]);
}

/// Sets the protection of pages of the emulator; async-signal-safe.
pub fn protect(start: u64, len: usize, prot: i32) {
    let _ = call(libc::SYS_mprotect, [start, len as u64, prot as u64]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_views_are_of_the_same_memory() {
        let (read, write) = (libc::PROT_READ, libc::PROT_READ | libc::PROT_WRITE);
        let [first, second] = Mapping::twice(2 * PAGE, read, write).unwrap();
        // SAFETY: within both mappings, which nobody else knows.
        let seen = unsafe {
            second.start().add(PAGE).write_volatile(7);
            first.start().add(PAGE).read_volatile()
        };
        assert_eq!(seen, 7);
    }
}
