//! Accesses of a restartable sequence (`rseq(2)`): each is made only if the thread has not been
//! preempted, moved to another processor or interrupted since the guest's sequence began.
//!
//! The kernel clears the guest's `rseq_cs` in these cases, as the host's pc is never in the guest's
//! sequence. An access looks whether it is still set and is made in one go with that: it is a sequence
//! of the host's itself, for whose descriptor the guest's makes room meanwhile.

use crate::{MemoryFault, SIGBUS, check};
use core::sync::atomic::{AtomicPtr, Ordering};
use sys::arch::memory::Pair;
use sys::arch::section::{ABORT_CODE, ABORTED, ACCESSES, Kind, Place, after_fault, contains};
use sys::map::{Mapping, PAGE};

// Protections of pages.
const READ: i32 = 1;
const WRITE: i32 = 2;
const EXEC: i32 = 4;

/// Why an access was not made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It faulted.
    Fault(MemoryFault),
    /// The guest's sequence has been aborted.
    Aborted,
}

/// `struct rseq_cs`.
#[repr(C, align(32))]
struct Descriptor {
    version: u32,
    flags: u32,
    start: u64,
    len: u64,
    abort: u64,
}

/// What the accesses of threads need that have registered their areas with the same signature.
pub struct Guard {
    signature: u32,
    /// Where an aborted access goes on: the kernel wants the signature before it.
    abort: u64,
    descriptors: Vec<Descriptor>,
    next: *const Self,
    _page: Mapping,
}

// SAFETY: it does not change.
unsafe impl Sync for Guard {}

/// All of them; signal handlers read the list.
static GUARDS: AtomicPtr<Guard> = AtomicPtr::new(core::ptr::null_mut());

fn find(wanted: impl Fn(&Guard) -> bool) -> Option<&'static Guard> {
    // SAFETY: guards are never freed.
    let mut at = unsafe { GUARDS.load(Ordering::Acquire).as_ref() };
    while let Some(guard) = at {
        if wanted(guard) {
            return Some(guard);
        }
        // SAFETY: as above.
        at = unsafe { guard.next.as_ref() };
    }
    None
}

impl Guard {
    /// That of `signature`; None if there is no memory for it.
    pub fn of(signature: u32) -> Option<&'static Self> {
        find(|guard| guard.signature == signature).or_else(|| Self::make(signature))
    }
    /// The signature.
    pub fn signature(&self) -> u32 {
        self.signature
    }
    fn make(signature: u32) -> Option<&'static Self> {
        let page = Mapping::anonymous(PAGE, READ | WRITE).ok()?;
        let mut code = signature.to_le_bytes().to_vec();
        code.extend(ABORT_CODE);
        // SAFETY: the page is ours and longer than that.
        unsafe { page.start().copy_from_nonoverlapping(code.as_ptr(), code.len()) };
        page.protect(0, PAGE, READ | EXEC);
        let abort = page.start() as u64 + 4;
        let describe = |&(access, done): &sys::arch::section::Access| {
            let start = access as *const () as u64;
            let len = done as *const () as u64 - start;
            Descriptor { version: 0, flags: 0, start, len, abort }
        };
        let descriptors = ACCESSES.iter().map(describe).collect();
        let next = core::ptr::null();
        let new = Box::leak(Box::new(Self { signature, abort, descriptors, next, _page: page }));
        // (Two threads may make one each; both are good.)
        let mut first = GUARDS.load(Ordering::Acquire);
        loop {
            new.next = first;
            match GUARDS.compare_exchange(first, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(new),
                Err(other) => first = other,
            }
        }
    }
}

impl core::fmt::Debug for Guard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Guard").field("signature", &self.signature).finish_non_exhaustive()
    }
}

/// Where an access that `pc` belongs to is resumed after a fault. The kernel has aborted it before
/// the handler started, if it was the access itself that faulted.
pub(crate) fn recovery(pc: u64) -> Option<u64> {
    (contains(pc) || find(|guard| guard.abort == pc).is_some()).then(after_fault)
}

/// A guest's sequence that is being executed.
#[derive(Clone, Copy, Debug)]
pub struct Sequence {
    /// For its signature.
    pub guard: &'static Guard,
    /// Address of the registered area's `rseq_cs`.
    pub field: u64,
    /// The descriptor that the guest has put there.
    pub descriptor: u64,
}

impl Sequence {
    fn access(&self, kind: Kind, addr: u64, value: u64, new: u64) -> Result<u64, Failure> {
        let own = &raw const self.guard.descriptors[kind as usize];
        let place = Place { field: self.field, guest: self.descriptor, own: own as u64 };
        let (access, _) = ACCESSES[kind as usize];
        // SAFETY: as in `read`: a fault is recovered from. What is written of the guest's area is what
        // was there.
        let pair: Pair = unsafe { access(addr, value, new, &place) };
        if pair.status == ABORTED {
            return Err(Failure::Aborted);
        }
        check(pair, addr).map_err(Failure::Fault)
    }
    /// Loads `size` bytes.
    ///
    /// # Errors
    /// If it was not made.
    pub fn load(&self, addr: u64, size: usize) -> Result<u128, Failure> {
        let kind = match size {
            1 => Kind::Load1,
            2 => Kind::Load2,
            4 => Kind::Load4,
            8 => Kind::Load8,
            _ => {
                let mut out = 0_u128;
                self.access(Kind::Load16, addr, &raw mut out as u64, 0)?;
                return Ok(out);
            }
        };
        self.access(kind, addr, 0, 0).map(u128::from)
    }
    /// Stores the low `size` bytes of `value`.
    ///
    /// # Errors
    /// If it was not made.
    pub fn store(&self, addr: u64, size: usize, value: u128) -> Result<(), Failure> {
        let kind = match size {
            1 => Kind::Store1,
            2 => Kind::Store2,
            4 => Kind::Store4,
            8 => Kind::Store8,
            _ => return self.access(Kind::Store16, addr, &raw const value as u64, 0).map(drop),
        };
        self.access(kind, addr, value as u64, 0).map(drop)
    }
    /// Atomic compare and exchange of `size` bytes; returns the old value.
    ///
    /// # Errors
    /// If it was not made.
    pub fn compare_exchange(
        &self,
        addr: u64,
        size: usize,
        old: u128,
        new: u128,
    ) -> Result<u128, Failure> {
        let kind = match size {
            1 => Kind::Cas1,
            2 => Kind::Cas2,
            4 => Kind::Cas4,
            8 => Kind::Cas8,
            _ => {
                if addr & 15 != 0 {
                    let code = crate::BUS_ADRALN;
                    return Err(Failure::Fault(MemoryFault { addr, signo: SIGBUS, code }));
                }
                let mut words = [old as u64, (old >> 64) as u64, new as u64, (new >> 64) as u64];
                self.access(Kind::Cas16, addr, words.as_mut_ptr() as u64, 0)?;
                return Ok(u128::from(words[0]) | u128::from(words[1]) << 64);
            }
        };
        self.access(kind, addr, old as u64, new as u64).map(u128::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Aligned as the kernel wants it.
    #[repr(align(32))]
    struct Area([u64; 4]);

    /// Accesses are made while the area says so, and not after it was cleared.
    #[test]
    fn accesses_end_with_the_sequence() {
        crate::install_handlers();
        const SIGNATURE: u32 = 0x1234_5678;
        let area = Area([0; 4]);
        let start = &raw const area.0 as u64;
        let guard = Guard::of(SIGNATURE).unwrap();
        assert!(core::ptr::eq(guard, Guard::of(SIGNATURE).unwrap()));
        // A sequence of the guest's, nowhere near the host's pc.
        let page = Mapping::anonymous(PAGE, READ | WRITE).unwrap();
        let code = page.start() as u64;
        crate::write_u32(code + 0x100 - 4, SIGNATURE).unwrap();
        let guest = Descriptor { version: 0, flags: 0, start: code, len: 16, abort: code + 0x100 };
        let descriptor = &raw const guest as u64;
        let sequence = Sequence { guard, field: start + 8, descriptor };
        let mut word = 7_u128;
        let addr = &raw mut word as u64;
        crate::write_u64(start + 8, descriptor).unwrap();
        for size in [1, 2, 4, 8, 16] {
            assert_eq!(sequence.load(addr, size), Ok(7));
            assert_eq!(sequence.store(addr, size, 9), Ok(()));
            assert_eq!(sequence.compare_exchange(addr, size, 8, 1), Ok(9));
            assert_eq!(sequence.compare_exchange(addr, size, 9, 7), Ok(9));
            assert_eq!(crate::read_u64(start + 8), Ok(descriptor));
        }
        assert!(matches!(sequence.load(8, 8), Err(Failure::Fault(MemoryFault { addr: 8, .. }))));
        // After the fault it is another sequence.
        crate::write_u64(start + 8, 0).unwrap();
        for size in [1, 2, 4, 8, 16] {
            assert_eq!(sequence.load(addr, size), Err(Failure::Aborted));
            assert_eq!(sequence.store(addr, size, 1), Err(Failure::Aborted));
            assert_eq!(sequence.compare_exchange(addr, size, 7, 1), Err(Failure::Aborted));
        }
        assert_eq!(crate::read_u128(addr), Ok(7));
    }
}
