//! Guest memory, which is identity mapped: accesses that report a fault instead of dying.
//!
//! Nothing here makes a system call: an access that faults is caught by the process's SIGSEGV and
//! SIGBUS handler, which calls [`recover`]. (The `engine` crate installs that handler; tests of
//! crates without it may call [`install_handlers`].)
#![expect(unsafe_code, reason = "accesses guest memory")]

pub mod section;

use core::ffi::c_void;
use sys::arch::Context;
use sys::arch::memory::{self as arch, Pair};
use sys::signal::{self, Disposition, Siginfo};

const SIGBUS: i32 = 7;
const SIGSEGV: i32 = 11;
const BUS_ADRALN: i32 = 1;

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

impl From<MemoryFault> for sys::Errno {
    /// `EFAULT`: what a system call returns.
    fn from(_: MemoryFault) -> Self {
        Self::EFAULT
    }
}

fn check(pair: Pair, addr: u64) -> Result<u64, MemoryFault> {
    if pair.status == 0 {
        return Ok(pair.value);
    }
    // The processor does not tell the address of a non-canonical access.
    let at = if pair.value == 0 { addr } else { pair.value };
    Err(MemoryFault {
        addr: at,
        signo: (pair.status & 0xff) as i32,
        code: (pair.status >> 8) as i32,
    })
}

/// For handlers of SIGSEGV and SIGBUS: if `context` is in an access of this crate, makes that
/// access return the fault, and returns true.
pub fn recover(context: &mut Context, info: &Siginfo) -> bool {
    let resume = arch::recovery(context.pc()).or_else(|| section::recovery(context.pc()));
    let Some(resume) = resume else { return false };
    let status = info.signo() as u64 | u64::from(info.code() as u8) << 8;
    let addr = if info.code() == 0x80 { 0 } else { info.addr() };
    context.return_pair(resume, status, addr);
    true
}

unsafe extern "C" fn handler(signo: i32, info: *const Siginfo, context: *mut c_void) {
    // SAFETY: these are a handler's arguments.
    let (info, mut context) = unsafe { (&*info, Context::new(context)) };
    if !recover(&mut context, info) {
        // SAFETY: no handler.
        unsafe { signal::set_disposition(signo, Disposition::Default) };
    }
}

/// Installs handlers of SIGSEGV and SIGBUS that do nothing but [`recover`], for processes without
/// an engine.
pub fn install_handlers() {
    for signo in [SIGBUS, SIGSEGV] {
        // SAFETY: the handler only changes the context it is given.
        unsafe { signal::set_disposition(signo, Disposition::Handler(handler)) };
    }
}

/// Copies from guest memory.
///
/// # Errors
/// If any of it cannot be read; `out` may then be partly overwritten.
#[inline]
pub fn read(addr: u64, out: &mut [u8]) -> Result<(), MemoryFault> {
    // SAFETY: `out` is ours to write; a fault on the guest's side is recovered from. That a guest
    // address may be one of the emulator's own is the guest's power over its own process.
    check(unsafe { arch::copy(out.as_mut_ptr() as u64, addr, out.len()) }, addr).map(drop)
}

/// Copies to guest memory.
///
/// # Errors
/// If any of it cannot be written; what comes before the fault is written.
#[inline]
pub fn write(addr: u64, data: &[u8]) -> Result<(), MemoryFault> {
    // SAFETY: as in `read`.
    check(unsafe { arch::copy(addr, data.as_ptr() as u64, data.len()) }, addr).map(drop)
}

/// Writes zeros.
///
/// # Errors
/// If any of it cannot be written.
#[inline]
pub fn zero(addr: u64, len: u64) -> Result<(), MemoryFault> {
    // SAFETY: as in `read`.
    check(unsafe { arch::zero(addr, len as usize) }, addr).map(drop)
}

macro_rules! accesses {
    ($($doc:literal $ty:ty: $read:ident $load:ident, $write:ident $store:ident;)*) => {$(
        #[doc = concat!("Loads ", $doc, " bits, in one access if aligned.")]
        ///
        /// # Errors
        /// If it cannot be read.
        #[inline]
        pub fn $read(addr: u64) -> Result<$ty, MemoryFault> {
            // SAFETY: as in `read`.
            check(unsafe { arch::$load(addr) }, addr).map(|v| v as $ty)
        }
        #[doc = concat!("Stores ", $doc, " bits, in one access if aligned.")]
        ///
        /// # Errors
        /// If it cannot be written.
        #[inline]
        pub fn $write(addr: u64, value: $ty) -> Result<(), MemoryFault> {
            // SAFETY: as in `read`.
            check(unsafe { arch::$store(addr, u64::from(value)) }, addr).map(drop)
        }
    )*};
}

accesses! {
    "8" u8: read_u8 load1, write_u8 store1;
    "16" u16: read_u16 load2, write_u16 store2;
    "32" u32: read_u32 load4, write_u32 store4;
    "64" u64: read_u64 load8, write_u64 store8;
}

/// Loads 128 bits, in one access if aligned and the processor has AVX.
///
/// # Errors
/// If it cannot be read.
#[inline]
pub fn read_u128(addr: u64) -> Result<u128, MemoryFault> {
    let mut out = 0;
    // SAFETY: as in `read`.
    check(unsafe { arch::load16(addr, &raw mut out) }, addr)?;
    Ok(out)
}

/// Loads 64 bytes of code.
///
/// # Errors
/// If any of them cannot be read; then `out` is as it was.
#[inline]
pub fn read_64_bytes(addr: u64, out: &mut [u8; 64]) -> Result<(), MemoryFault> {
    // SAFETY: as in `read`.
    check(unsafe { arch::load64(addr, out) }, addr).map(drop)
}

/// Stores 128 bits, in one access if aligned and the processor has AVX.
///
/// # Errors
/// If it cannot be written.
#[inline]
pub fn write_u128(addr: u64, value: u128) -> Result<(), MemoryFault> {
    // SAFETY: as in `read`.
    check(unsafe { arch::store16(addr, &raw const value) }, addr).map(drop)
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
pub fn read_cstr(addr: u64, max: usize) -> Result<Option<Vec<u8>>, MemoryFault> {
    let mut out = Vec::new();
    while out.len() < max {
        let at = addr.wrapping_add(out.len() as u64);
        // Never further than the page that the next byte is in, nor much too far.
        let len = (4096 - (at & 4095) as usize).min(256).min(max - out.len());
        let from = out.len();
        out.resize(from + len, 0);
        read(at, &mut out[from..])?;
        if let Some(end) = out[from..].iter().position(|&b| b == 0) {
            out.truncate(from + end);
            return Ok(Some(out));
        }
    }
    Ok(None)
}

/// Atomic compare and exchange of 1, 2, 4 or 8 bytes (any alignment); returns the old value.
///
/// # Errors
/// If it cannot be read and written.
pub fn compare_exchange(addr: u64, size: u8, old: u64, new: u64) -> Result<u64, MemoryFault> {
    // SAFETY: as in `read`.
    let pair = unsafe {
        match size {
            1 => arch::cas1(addr, old, new),
            2 => arch::cas2(addr, old, new),
            4 => arch::cas4(addr, old, new),
            _ => arch::cas8(addr, old, new),
        }
    };
    check(pair, addr)
}

/// The same for 16 bytes, 16-byte aligned.
///
/// # Errors
/// If it cannot be read and written, or is not aligned.
pub fn compare_exchange_16(addr: u64, old: u128, new: u128) -> Result<u128, MemoryFault> {
    if addr & 15 != 0 {
        return Err(MemoryFault { addr, signo: SIGBUS, code: BUS_ADRALN });
    }
    let mut words = [old as u64, (old >> 64) as u64, new as u64, (new >> 64) as u64];
    // SAFETY: as in `read`; `words` is ours.
    check(unsafe { arch::cas16(addr, &raw mut words) }, addr)?;
    Ok(u128::from(words[0]) | u128::from(words[1]) << 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sys::map::{Mapping, PAGE};

    fn two_pages() -> (Mapping, u64) {
        install_handlers();
        let map = Mapping::anonymous(2 * PAGE, 3).unwrap();
        map.protect(PAGE, PAGE, 0);
        let start = map.start() as u64;
        (map, start)
    }

    #[test]
    fn copies_up_to_a_fault() {
        let (_map, start) = two_pages();
        let end = start + PAGE as u64;
        write(start, &[7; 100]).unwrap();
        assert_eq!(read_vec(start, 100).unwrap(), vec![7; 100]);
        for len in [1_u64, 9, 63, 200] {
            let fault = write(end - len, &vec![5; len as usize + 1]).unwrap_err();
            assert_eq!(fault, MemoryFault { addr: end, signo: SIGSEGV, code: 2 });
            assert_eq!(read_u8(end - len), Ok(5));
        }
        assert!(read(0, &mut [0; 3]).is_err());
        assert_eq!(zero(end - 100, 101).unwrap_err().addr, end);
        assert_eq!(read_u64(end - 8), Ok(0));
    }

    #[test]
    fn strings_end_before_the_next_page() {
        let (_map, start) = two_pages();
        let end = start + PAGE as u64;
        write(end - 4, b"abc\0").unwrap();
        assert_eq!(read_cstr(end - 4, 1000), Ok(Some(b"abc".to_vec())));
        write(end - 4, b"abcd").unwrap();
        assert!(read_cstr(end - 4, 1000).is_err());
        assert_eq!(read_cstr(end - 4, 4), Ok(None));
    }

    #[test]
    fn accesses_and_atomics() {
        let (_map, start) = two_pages();
        let end = start + PAGE as u64;
        write_u32(start, 0x1234_5678).unwrap();
        assert_eq!(read_u16(start), Ok(0x5678));
        assert_eq!(compare_exchange(start, 1, 0x78, 0xff), Ok(0x78));
        assert_eq!(compare_exchange(start, 4, 0, 1), Ok(0x1234_56ff));
        assert_eq!(compare_exchange(end, 8, 0, 1).unwrap_err().addr, end);
        assert_eq!(compare_exchange_16(start + 16, 0, 1 << 100 | 5), Ok(0));
        assert_eq!(read_u128(start + 16), Ok(1 << 100 | 5));
        assert!(compare_exchange_16(end, 0, 1).is_err());
        assert!(compare_exchange_16(start + 8, 0, 1).is_err());
        assert_eq!(read_u64(0x8000_0000_0000_0000).unwrap_err().addr, 0x8000_0000_0000_0000);
        write_u32(start, 1).unwrap();
        write_u32(start + 60, 2).unwrap();
        let mut bytes = [9; 64];
        assert_eq!(read_64_bytes(start, &mut bytes), Ok(()));
        assert_eq!((bytes[0], bytes[1], bytes[60]), (1, 0, 2));
        assert!(read_64_bytes(end - 60, &mut bytes).is_err());
    }
}
