//! Reading guest code: as far as it may be executed, and with a note of what was read.

use crate::cpu::{Access, Fault};
use crate::engine::{AddressSpace, Engine};
use crate::interpret::SI_KERNEL;
use crate::map::PcMap;
use crate::section::Sections;
use crate::share::Seen;
use crate::translate::MAX_UNIT;
use core::sync::atomic::Ordering;
use guest::{AT_ONCE, Address, Coherence, Fetch};

const PAGE: u64 = 4096;

/// Reads code from the page of a pc and the next one, as far as they may be executed. Asked
/// beforehand, because the address space may take a lock that is held during an invalidation.
#[derive(Clone, Copy)]
pub(crate) struct Fetcher {
    space: Option<&'static dyn AddressSpace>,
    /// What is translated already.
    map: &'static PcMap,
    /// What must not be translated.
    sections: Option<&'static Sections>,
    /// Nothing is fetched from here on.
    limit: u64,
    page: u64,
    executable: [bool; 2],
    /// Eight bytes read ahead, from `start` on.
    ahead: u64,
    start: u64,
    /// The code is a file's, and there is a family.
    pub(crate) shared: bool,
}

impl Fetcher {
    /// For the evaluation of a section, as far as `limit`.
    pub(crate) fn in_section(mut self, limit: u64) -> Self {
        (self.sections, self.limit) = (None, limit);
        self
    }
    /// [`Fetch::peek`] of what was not read ahead.
    #[inline(never)]
    fn peek_further(&mut self, pc: u64, len: usize) -> Option<u64> {
        const SIZE: u64 = size_of::<u64>() as u64;
        if self.sections.is_some_and(|sections| sections.cover(pc)) {
            return None;
        }
        let from = pc % SIZE;
        if from + len as u64 > SIZE {
            let mut bytes = [0; SIZE as usize];
            return (self.bytes(pc, &mut bytes[..len]) == len).then(|| u64::from_le_bytes(bytes));
        }
        if !self.may_fetch(pc) {
            return None;
        }
        self.ahead = memory::read_u64(pc - from).ok()?;
        self.start = pc - from;
        Some(self.ahead >> (8 * from) & u64::MAX >> (64 - 8 * len))
    }
    /// Whether `pc` is in the pages that it reads, and may be executed.
    pub(crate) fn may_fetch(&self, pc: u64) -> bool {
        let page = (pc / PAGE).wrapping_sub(self.page);
        self.executable.get(page as usize).is_some_and(|&executable| executable)
    }
    /// Reads what is in the page of `pc`.
    fn in_page(&self, pc: u64, out: &mut [u8]) -> bool {
        if !self.may_fetch(pc) {
            return false;
        }
        match <&mut [u8; AT_ONCE]>::try_from(&mut *out) {
            Ok(out) => memory::read_64_bytes(pc, out).is_ok(),
            Err(_) => memory::read(pc, out).is_ok(),
        }
    }
    /// [`Fetch::bytes`] of any number, across pages, as far as the next section or the limit.
    fn bytes_across(&self, pc: u64, out: &mut [u8]) -> usize {
        let count = self.sections.map_or(out.len(), |sections| sections.limit(pc, out.len()));
        let left = usize::try_from(self.limit.saturating_sub(pc)).unwrap_or(count);
        let out = &mut out[..count.min(left)];
        let left = (PAGE - pc % PAGE) as usize;
        if out.len() <= left {
            return if self.in_page(pc, out) { out.len() } else { 0 };
        }
        let (here, beyond) = out.split_at_mut(left);
        if !self.in_page(pc, here) {
            return 0;
        }
        // (More than two pages are never asked for.)
        let count = beyond.len().min(PAGE as usize);
        let there = self.in_page(pc.wrapping_add(left as u64), &mut beyond[..count]);
        left + if there { count } else { 0 }
    }
}

impl Fetch for Fetcher {
    #[inline]
    fn bytes(&mut self, pc: u64, out: &mut [u8]) -> usize {
        let usual = pc % PAGE <= PAGE - AT_ONCE as u64
            && self.limit == u64::MAX
            && self.sections.is_none_or(Sections::is_empty);
        match <&mut [u8; AT_ONCE]>::try_from(&mut *out) {
            Ok(out) if usual => {
                let there = self.may_fetch(pc) && memory::read_64_bytes(pc, out).is_ok();
                if there { AT_ONCE } else { 0 }
            }
            _ => self.bytes_across(pc, out),
        }
    }
    #[inline]
    fn peek(&mut self, pc: u64, len: usize) -> Option<u64> {
        let from = pc.wrapping_sub(self.start);
        if from > (size_of::<u64>() - len) as u64 || !self.sections.is_none_or(Sections::is_empty) {
            return self.peek_further(pc, len);
        }
        Some(self.ahead >> (8 * from) & u64::MAX >> (64 - 8 * len))
    }
    fn known(&mut self, pc: u64) -> bool {
        self.map.has(pc)
    }
    fn unknown(&mut self, pc: u64, len: usize) -> usize {
        self.map.unknown_from(pc, len)
    }
    fn guarded(&mut self, pc: u64) -> bool {
        self.space.is_some_and(|space| space.guarded(pc))
    }
    fn is_vdso(&mut self, pc: u64) -> bool {
        self.space.is_some_and(|space| space.is_vdso(pc))
    }
}

/// A fetcher that takes down what it fetches.
pub(crate) struct Recorder<'a> {
    pub(crate) fetcher: Fetcher,
    pub(crate) seen: &'a mut Seen,
}

impl Fetch for Recorder<'_> {
    fn bytes(&mut self, pc: u64, out: &mut [u8]) -> usize {
        let count = self.fetcher.bytes(pc, out);
        self.seen.of_block(pc, &out[..count]);
        count
    }
    fn peek(&mut self, pc: u64, len: usize) -> Option<u64> {
        let bytes = self.fetcher.peek(pc, len)?;
        // (Nobody asks for these but the family.)
        if self.fetcher.shared {
            self.seen.elsewhere(pc, &bytes.to_le_bytes()[..len]);
        }
        Some(bytes)
    }
    fn known(&mut self, pc: u64) -> bool {
        self.fetcher.known(pc)
    }
    fn unknown(&mut self, pc: u64, len: usize) -> usize {
        self.fetcher.unknown(pc, len)
    }
    fn guarded(&mut self, pc: u64) -> bool {
        self.fetcher.guarded(pc)
    }
    fn is_vdso(&mut self, pc: u64) -> bool {
        self.fetcher.is_vdso(pc)
    }
}

impl Engine {
    /// What may be fetched from `pc` on.
    pub(crate) fn fetcher(&'static self, map: &'static PcMap, pc: u64) -> Fetcher {
        let until = match self.space() {
            Some(space) => space.executable_until(pc).unwrap_or(0),
            None => u64::MAX,
        };
        let executable = [until != 0, until > (pc | (PAGE - 1)).saturating_add(1)];
        Fetcher {
            space: self.space(),
            map,
            sections: Some(&self.sections),
            limit: u64::MAX,
            page: pc / PAGE,
            executable,
            ahead: 0,
            start: u64::MAX / 2,
            shared: self.share_fd.load(Ordering::Relaxed) >= 0
                && self.space().is_some_and(|s| s.backed_by_file(pc)),
        }
    }
    /// Whether the code at `pc` may change without any instruction that says so: then its translations
    /// compare it each time.
    pub(crate) fn is_plastic(&self, pc: u64) -> bool {
        if self.spec.coherence != Coherence::Stores {
            return false;
        }
        // (The last instruction may end in the next page.)
        let last = pc.saturating_add(MAX_UNIT - 1);
        self.space().is_some_and(|space| {
            space.plastic(pc) || last / PAGE != pc / PAGE && space.plastic(last)
        })
    }
    /// Whether instructions may be at `pc`.
    pub(crate) fn is_aligned(&self, pc: u64) -> bool {
        pc & (self.spec.pc_alignment() - 1) == 0
    }
    /// The fault of fetching the instruction at `pc`. If that starts in memory which may be executed,
    /// it is the fault of its end, in the next page.
    pub(crate) fn fetch_fault(&self, fetcher: &mut Fetcher, pc: u64) -> Fault {
        const BUS_ADRALN: i32 = 1;
        const SEGV_MAPERR: i32 = 1;
        const SEGV_ACCERR: i32 = 2;
        if !self.is_aligned(pc) {
            return Fault {
                signo: libc::SIGBUS,
                code: BUS_ADRALN,
                addr: pc,
                access: Access::Fetch,
            };
        }
        if self.spec.address == Address::Canonical && (pc as i64) << 16 >> 16 != pc as i64 {
            // The processor does not go there.
            let (signo, code) = (libc::SIGSEGV, SI_KERNEL);
            return Fault { signo, code, addr: 0, access: Access::Fetch };
        }
        let starts = fetcher.bytes(pc, &mut [0]) == 1;
        let addr = if starts { (pc | (PAGE - 1)).wrapping_add(1) } else { pc };
        match memory::read_u8(addr) {
            // A page of a file that is not there any more.
            Err(fault) if fault.signo == libc::SIGBUS => {
                return Fault {
                    signo: libc::SIGBUS,
                    code: fault.code,
                    addr,
                    access: Access::Fetch,
                };
            }
            _ => {}
        }
        let mapped = self.space().is_some_and(|s| s.mapped(addr));
        let code = if mapped { SEGV_ACCERR } else { SEGV_MAPERR };
        Fault { signo: libc::SIGSEGV, code, addr, access: Access::Fetch }
    }
}
