//! The rings of `io_setup`, which the kernel maps itself and names by their address.

use super::{Mm, page_up, prot};
use sys::errno::Errno;

/// `struct aio_ring`: its header, how many events it has room for, the size of one.
const HEADER: u64 = 32;
const EVENTS_AT: u64 = 4;
const EVENT: u64 = 32;

impl Mm {
    /// `make` is `io_setup(2)`, which writes the ring's address to `at`.
    ///
    /// # Errors
    /// As the call.
    pub(crate) fn io_setup(
        &self,
        at: u64,
        make: impl FnOnce() -> Result<u64, Errno>,
    ) -> Result<u64, Errno> {
        let mut space = self.space();
        let result = make()?;
        let ring = ::memory::read_u64(at)?;
        let events = u64::from(::memory::read_u32(ring + EVENTS_AT)?);
        let len = page_up(HEADER + events * EVENT).ok_or(Errno::EINVAL)?;
        self.record(&mut space, ring, ring + len, prot::READ | prot::WRITE);
        space.aio_rings.insert(ring, len);
        // Its file system is mounted without execution.
        space.plain_files.insert(ring, ring + len);
        Ok(result)
    }

    /// `make` is `io_destroy(2)` of `ring`.
    ///
    /// # Errors
    /// As the call.
    pub(crate) fn io_destroy(
        &self,
        ring: u64,
        make: impl FnOnce() -> Result<u64, Errno>,
    ) -> Result<u64, Errno> {
        let result = make()?;
        let mut space = self.space();
        if let Some(len) = space.aio_rings.remove(&ring) {
            self.unmapped(&mut space, ring, ring + len);
        }
        Ok(result)
    }
}
