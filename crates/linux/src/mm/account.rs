//! How much memory the guest has, as Linux counts it for `RLIMIT_AS` and `RLIMIT_DATA`: without the
//! emulator's own.

use super::{Mm, Space};
use crate::elf::PAGE;
use crate::limits;
use sys::errno::Errno;
use sys::{clock, raw};

/// For how long (in nanoseconds) we do not ask again whether another process has set limits: less
/// than it takes one process to tell another something.
const BELIEVED: u64 = 10_000;

/// A mapping of the guest as the host knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vma {
    pub(crate) start: u64,
    pub(crate) end: u64,
    writable: bool,
    private: bool,
}

/// Bytes of the guest's memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// All (`VmSize`).
    pub(crate) total: u64,
    /// What is private and writable, but for stacks (`VmData`).
    pub(crate) data: u64,
    /// Stacks (`VmStk`).
    pub(crate) stack: u64,
}

impl Space {
    /// The guest's mappings. (Stacks have no flag of their own in /proc/self/maps.)
    pub(super) fn vmas(&self) -> Vec<Vma> {
        let text = raw::read_file(b"/proc/self/maps").unwrap_or_default();
        let lines = text.split(|&b| b == b'\n').filter_map(|line| {
            let mut fields = str::from_utf8(line.get(..line.len().min(64))?).ok()?.split(' ');
            let (start, end) = fields.next()?.split_once('-')?;
            let perms = fields.next()?.as_bytes();
            Some(Vma {
                start: u64::from_str_radix(start, 16).ok()?,
                end: u64::from_str_radix(end, 16).ok()?,
                writable: perms.get(1) == Some(&b'w'),
                private: perms.get(3) == Some(&b'p'),
            })
        });
        let own = |vma: Vma| {
            let parts: Vec<_> = self.owned.overlaps(vma.start, vma.end).collect();
            parts.into_iter().map(move |(start, end)| Vma { start, end, ..vma })
        };
        lines.flat_map(own).collect()
    }

    /// Counts the guest's memory.
    pub(super) fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for vma in self.vmas() {
            let len = vma.end - vma.start;
            usage.total += len;
            let grows = |&(start, end): &(u64, u64)| start < vma.end && vma.start < end;
            if self.stack.0 <= vma.start && vma.start < self.stack.1
                || self.growing.iter().any(grows)
            {
                usage.stack += len;
            } else if vma.writable && vma.private {
                usage.data += len;
            }
        }
        usage
    }

    /// `VmSize`: all that is the guest's, but for the room that its stack has not grown into.
    pub(super) fn size(&self) -> u64 {
        let (mut low, mut high) = (self.stack.0 / PAGE, self.stack.1 / PAGE);
        let mut present = 0_u8;
        // The first page of the stack.
        while low < high {
            let middle = low.midpoint(high);
            let args = [middle * PAGE, PAGE, (&raw mut present) as u64];
            match raw::call(libc::SYS_mincore, args) {
                Ok(_) => high = middle,
                Err(_) => low = middle + 1,
            }
        }
        let room = self.owned.overlaps(self.stack.0, low * PAGE).map(|(start, end)| end - start);
        self.owned.total() - room.sum::<u64>()
    }

    /// Whether memory is not limited at all.
    pub(super) fn is_unlimited(&self) -> bool {
        let (seconds, nanoseconds) = clock::now(libc::CLOCK_MONOTONIC);
        let now = seconds as u64 * 1_000_000_000 + nanoseconds as u64;
        if now < self.unlimited_until.get() {
            return true;
        }
        let unlimited = [libc::RLIMIT_AS, libc::RLIMIT_DATA]
            .into_iter()
            .all(|resource| limits::get(resource).0 == u64::MAX);
        self.unlimited_until.set(if unlimited { now + BELIEVED } else { 0 });
        unlimited
    }

    /// Whether there may be `more` bytes of memory, which are data or not (`may_expand_vm`).
    pub(super) fn may_grow(&self, more: u64, data: bool) -> Result<(), Errno> {
        if self.is_unlimited() {
            return Ok(());
        }
        let (size, _) = limits::get(libc::RLIMIT_AS);
        if size != u64::MAX && self.size() + more > size & !(PAGE - 1) {
            return Err(Errno::ENOMEM);
        }
        if data { self.may_have_data(more) } else { Ok(()) }
    }

    /// The same for data alone.
    pub(super) fn may_have_data(&self, more: u64) -> Result<(), Errno> {
        let (soft, hard) = limits::get(libc::RLIMIT_DATA);
        // A limit of 0 is as the hard one: Valgrind sets it.
        let limit = if soft == 0 { hard } else { soft };
        if limit != u64::MAX && self.usage().data + more > limit & !(PAGE - 1) {
            return Err(Errno::ENOMEM);
        }
        Ok(())
    }

    /// Whether there may be `more` bytes like those at `addr`.
    pub(super) fn may_copy(&self, addr: u64, more: u64) -> Result<(), Errno> {
        if self.is_unlimited() {
            return Ok(());
        }
        let is_data =
            |vma: &Vma| vma.start <= addr && addr < vma.end && vma.private && vma.writable;
        if self.vmas().iter().any(is_data) { self.may_have_data(more) } else { Ok(()) }
    }

    /// Whether private pages in `start..end` may become data.
    pub(super) fn may_become_data(&self, start: u64, end: u64) -> Result<(), Errno> {
        if self.is_unlimited() {
            return Ok(());
        }
        let new = |vma: &Vma| vma.private && !vma.writable && vma.start < end && start < vma.end;
        let part = |vma: Vma| vma.end.min(end) - vma.start.max(start);
        match self.vmas().into_iter().filter(new).map(part).sum() {
            0 => Ok(()),
            more => self.may_have_data(more),
        }
    }
}

impl Mm {
    /// The guest has changed its limits.
    pub(crate) fn limits_changed(&self) {
        self.space().unlimited_until.set(0);
    }

    /// Counts the guest's memory, for /proc.
    pub(crate) fn usage(&self) -> Usage {
        let mut space = self.space();
        space.note_growth();
        space.usage()
    }
}
