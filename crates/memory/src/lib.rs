//! Guest memory, which is identity mapped: accesses that report a fault instead of dying.
//!
//! Nothing here makes a system call: an access that faults is caught by the process's SIGSEGV and
//! SIGBUS handler, which asks [`recover`] where to go on. (The `engine` crate installs that
//! handler; tests of other crates may call [`install_test_handler`].)
#![expect(unsafe_code, reason = "accesses guest memory")]

/// An access that faulted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryFault {
    /// The address that faulted.
    pub addr: u64,
    /// SIGSEGV or SIGBUS.
    pub signo: i32,
    /// `si_code`.
    pub code: i32,
}

/// Copies from guest memory.
///
/// # Errors
/// If any of it cannot be read; `out` may then be partly overwritten.
pub fn read(_addr: u64, _out: &mut [u8]) -> Result<(), MemoryFault> {
    unimplemented!()
}
/// Copies to guest memory.
///
/// # Errors
/// If any of it cannot be written; what comes before the fault is written.
pub fn write(_addr: u64, _data: &[u8]) -> Result<(), MemoryFault> {
    unimplemented!()
}
/// Writes zeros.
///
/// # Errors
/// If any of it cannot be written.
pub fn zero(_addr: u64, _len: u64) -> Result<(), MemoryFault> {
    unimplemented!()
}
/// Loads 8 bits.
///
/// # Errors
/// If it cannot be read.
pub fn read_u8(_addr: u64) -> Result<u8, MemoryFault> {
    unimplemented!()
}
/// Loads 16 bits.
///
/// # Errors
/// If it cannot be read.
pub fn read_u16(_addr: u64) -> Result<u16, MemoryFault> {
    unimplemented!()
}
/// Loads 32 bits, in one access if aligned.
///
/// # Errors
/// If it cannot be read.
pub fn read_u32(_addr: u64) -> Result<u32, MemoryFault> {
    unimplemented!()
}
/// Loads 64 bits, in one access if aligned.
///
/// # Errors
/// If it cannot be read.
pub fn read_u64(_addr: u64) -> Result<u64, MemoryFault> {
    unimplemented!()
}
/// Stores 8 bits.
///
/// # Errors
/// If it cannot be written.
pub fn write_u8(_addr: u64, _value: u8) -> Result<(), MemoryFault> {
    unimplemented!()
}
/// Stores 16 bits.
///
/// # Errors
/// If it cannot be written.
pub fn write_u16(_addr: u64, _value: u16) -> Result<(), MemoryFault> {
    unimplemented!()
}
/// Stores 32 bits.
///
/// # Errors
/// If it cannot be written.
pub fn write_u32(_addr: u64, _value: u32) -> Result<(), MemoryFault> {
    unimplemented!()
}
/// Stores 64 bits.
///
/// # Errors
/// If it cannot be written.
pub fn write_u64(_addr: u64, _value: u64) -> Result<(), MemoryFault> {
    unimplemented!()
}
/// Copies `N` bytes from guest memory.
///
/// # Errors
/// If any of it cannot be read.
pub fn read_array<const N: usize>(addr: u64) -> Result<[u8; N], MemoryFault> {
    let mut out = [0; N];
    read(addr, &mut out)?;
    Ok(out)
}
/// Copies `len` bytes from guest memory.
///
/// # Errors
/// If any of it cannot be read.
pub fn read_vec(addr: u64, len: usize) -> Result<Vec<u8>, MemoryFault> {
    let mut out = vec![0; len];
    read(addr, &mut out)?;
    Ok(out)
}
/// Reads a string up to its NUL (not included). `Ok(None)` if there is none in `max` bytes.
///
/// # Errors
/// If it cannot be read up to its NUL.
pub fn read_cstr(_addr: u64, _max: usize) -> Result<Option<Vec<u8>>, MemoryFault> {
    unimplemented!()
}
/// A plain structure without padding, any bytes being a valid value.
///
/// # Safety
/// As just said.
pub unsafe trait Pod: Copy + 'static {}

/// Reads a structure.
///
/// # Errors
/// If any of it cannot be read.
pub fn read_pod<T: Pod>(_addr: u64) -> Result<T, MemoryFault> {
    unimplemented!()
}
/// Writes a structure.
///
/// # Errors
/// If any of it cannot be written.
pub fn write_pod<T: Pod>(_addr: u64, _value: &T) -> Result<(), MemoryFault> {
    unimplemented!()
}
/// Atomic compare and exchange of 1, 2, 4 or 8 bytes (any alignment); returns the old value.
///
/// # Errors
/// If it cannot be read and written.
pub fn compare_exchange(_addr: u64, _size: u8, _old: u64, _new: u64) -> Result<u64, MemoryFault> {
    unimplemented!()
}
/// The same for 16 bytes, 16-byte aligned.
///
/// # Errors
/// If it cannot be read and written, or is not aligned.
pub fn compare_exchange_16(_addr: u64, _old: u128, _new: u128) -> Result<u128, MemoryFault> {
    unimplemented!()
}
