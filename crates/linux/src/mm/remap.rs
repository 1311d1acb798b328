//! `mremap`.

use super::{Mm, Space, host_munmap, page_up, place, prot};
use crate::elf::PAGE;
use engine::AddressSpace;
use std::sync::PoisonError;
use sys::errno::Errno;
use sys::raw;

const MAYMOVE: u64 = 1;
const FIXED: u64 = 2;
const DONTUNMAP: u64 = 4;

/// What `mremap` is asked for, in whole pages.
#[derive(Clone, Copy, Debug)]
struct Remap {
    old: u64,
    old_len: u64,
    new_len: u64,
    flags: u64,
    new: u64,
}

impl Remap {
    /// What Linux refuses, where addresses end at `end`, before it looks at any mapping (mm/mremap.c `check_mremap_params`).
    fn check(&self, end: u64) -> Result<(), Errno> {
        let &Self { old, old_len, new_len, flags, new } = self;
        let valid = flags & !(MAYMOVE | FIXED | DONTUNMAP) == 0
            && old.is_multiple_of(PAGE)
            && new_len != 0
            && new_len < end;
        let elsewhere = || {
            new < end - new_len
                && new.is_multiple_of(PAGE)
                && flags & MAYMOVE != 0
                && (flags & DONTUNMAP == 0 || old_len == new_len)
                && (new + new_len <= old || old.saturating_add(old_len) <= new)
        };
        if valid && (flags & (FIXED | DONTUNMAP) == 0 || elsewhere()) {
            Ok(())
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// The host's call.
    fn make(&self) -> Result<u64, Errno> {
        let &Self { old, old_len, new_len, flags, new } = self;
        raw::call(libc::SYS_mremap, [old, old_len, new_len, flags, new])
    }

    /// The same, to the address `new`, where a place has been reserved.
    fn make_at(&self, new: u64) -> Result<u64, Errno> {
        Self { flags: self.flags | FIXED | MAYMOVE, new, ..*self }.make()
    }
}

impl Mm {
    /// `mremap(2)`.
    ///
    /// # Errors
    /// As the call.
    pub fn mremap(
        &self,
        old: u64,
        old_len: u64,
        new_len: u64,
        flags: u64,
        new: u64,
    ) -> Result<u64, Errno> {
        // As Linux, which lets a length overflow.
        let [old_len, new_len] = [old_len, new_len].map(|len| page_up(len).unwrap_or(0));
        let remap = Remap { old, old_len, new_len, flags, new };
        remap.check(self.addresses.end)?;
        let mut space = self.space();
        space.note_growth();
        if old_len > new_len && flags & FIXED == 0 && space.owned.contains(old) {
            // What is too much goes, whatever it is; Linux looks no further.
            let end = old.saturating_add(old_len).min(space.end);
            self.unmap_parts(&mut space, old + new_len, end)?;
            return Ok(old);
        }
        let old_end = old.checked_add(old_len).ok_or(Errno::EFAULT)?;
        // Holes can be moved with the rest where nothing else is asked for, since Linux 6.17: the host
        // says it. (To a place of ours it would be asked for more.)
        let movable = old_len == new_len && (flags & DONTUNMAP == 0 || flags & FIXED != 0);
        // What is too much goes first.
        let end = if old_len > new_len { old + new_len } else { old_end };
        let whole = space.owned.covers(old, end.max(old + PAGE));
        if !(whole || movable && space.owned.contains(old)) {
            return Err(Errno::EFAULT);
        }
        let exec = self.any_exec(old, old + PAGE);
        let guard = if exec { self.guard_of(old) } else { 0 };
        if (new_len > old_len || flags & DONTUNMAP != 0) && !space.is_unlimited() {
            let kept = if flags & DONTUNMAP != 0 { 0 } else { old_len };
            space.may_grow(new_len - kept, false)?;
            space.may_copy(old, new_len - kept)?;
        }
        let at = space.remap(&remap)?;
        if at != old {
            self.moved(&mut space, &remap, at);
        } else if new_len > old_len {
            space.owned.insert(old_end, at + new_len);
            if exec {
                let writable = if self.plastic(old) { prot::WRITE } else { 0 };
                space.copied(old, old, new_len);
                self.guard(old_end, at + new_len, guard);
                self.set_exec(old_end, at + new_len);
                self.note_plastic(&space, old_end, at + new_len, writable);
            }
        }
        Ok(at)
    }

    /// Records that the host has moved mappings to `at`.
    fn moved(&self, space: &mut Space, remap: &Remap, at: u64) {
        let &Remap { old, old_len, new_len, flags, .. } = remap;
        let parts = if old_len == new_len {
            self.parts(space, old, old + old_len)
        } else {
            vec![(old, old + old_len)]
        };
        for (start, end) in parts {
            let len = if old_len == new_len { end - start } else { new_len };
            let to = at + (start - old);
            let exec = self.any_exec(start, start + PAGE);
            let writable = if self.plastic(start) { prot::WRITE } else { 0 };
            let prot = if exec { prot::EXEC | self.guard_of(start) | writable } else { 0 };
            if flags & FIXED != 0 {
                space.forget(to, to + len);
            }
            space.copied(start, to, len);
            if flags & DONTUNMAP == 0 && old_len > 0 {
                self.unmapped(space, start, end);
            } else {
                self.clear_exec(start, end);
            }
            self.record(space, to, to + len, prot);
        }
        if flags & FIXED != 0 {
            // What was reserved for a hole.
            space.release_gaps(at, at + new_len);
        }
    }

    /// The guest's memory in `start..end`, divided by whether it is executable.
    fn parts(&self, space: &Space, start: u64, end: u64) -> Vec<(u64, u64)> {
        let exec = self.exec.read().unwrap_or_else(PoisonError::into_inner);
        let owned: Vec<_> = space.owned.overlaps(start, end).collect();
        let divided = |(start, end)| exec.overlaps(start, end).chain(exec.gaps(start, end));
        owned.into_iter().flat_map(divided).collect()
    }
}

impl Space {
    /// Makes the host's call, so that the mapping gets a place of the guest's.
    fn remap(&mut self, remap: &Remap) -> Result<u64, Errno> {
        let &Remap { old, old_len, new_len, flags, new } = remap;
        if flags & FIXED != 0 {
            self.reserve_gaps(new, new + new_len)?;
            return remap.make().inspect_err(|_| self.release_gaps(new, new + new_len));
        }
        let stays = old_len != 0 && flags & DONTUNMAP == 0;
        let room = || !self.owned.intersects(old + old_len, old + old_len + 1);
        if stays && (new_len <= old_len || room()) {
            match (Remap { flags: 0, ..*remap }).make() {
                Err(Errno::ENOMEM) if flags & MAYMOVE != 0 => {}
                result => return result,
            }
        } else if flags & MAYMOVE == 0 {
            // It cannot grow, or something else is wrong: the host says it.
            return remap.make();
        }
        let hint = Some(new).filter(|&new| flags & DONTUNMAP != 0 && new != 0);
        let hint = hint.filter(|&new| self.is_free(new, new_len));
        let place = hint.or_else(|| self.find_place(new_len));
        match place {
            Some(place) if self.is_the_guests_alone(place) => remap.make_at(place),
            Some(place) if place::reserve(place, new_len).is_ok() => {
                remap.make_at(place).inspect_err(|_| {
                    let _ = host_munmap(place, place + new_len);
                })
            }
            _ => remap.make(),
        }
    }

    /// Mappings of files and of shared memory are known by where they start.
    fn copied(&mut self, old: u64, new: u64, new_len: u64) {
        for known in [&mut self.plain_files, &mut self.shared] {
            if known.contains(old) {
                known.insert(new, new + new_len);
            }
        }
        for known in [&mut self.segments, &mut self.aio_rings] {
            if let Some(&len) = known.get(&old) {
                known.insert(new, len);
            }
        }
    }
}
