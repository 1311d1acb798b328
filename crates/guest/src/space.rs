//! The program's memory, for operations of the runtime.

/// A failed access to memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemFault {
    /// The address.
    pub addr: u64,
    /// It was a write.
    pub write: bool,
}

/// The program's memory.
pub trait Space {
    /// Reads what is at `addr`.
    ///
    /// # Errors
    /// If some of it is not there or not readable.
    fn load(&mut self, addr: u64, out: &mut [u8]) -> Result<(), MemFault>;
    /// Writes to `addr`.
    ///
    /// # Errors
    /// If some of it is not there or not writable. Then some may have been written.
    fn store(&mut self, addr: u64, bytes: &[u8]) -> Result<(), MemFault>;
}
