//! `mmap`, `munmap` and `mremap`.

use super::{Mm, Space, host_mmap, host_munmap, host_prot, page_range, page_up, prot};
use crate::elf::{ADDR_END, PAGE};
use libc::{MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_NORESERVE, MAP_PRIVATE, PROT_NONE};
use sys::errno::Errno;
use sys::raw;

/// Flags of x86 hosts that other architectures do not have (`MAP_32BIT`, `MAP_ABOVE4G`).
const HOST_ONLY_FLAGS: u64 = 0x40 | 0x80;
const MREMAP_MAYMOVE: u64 = 1;
const MREMAP_FIXED: u64 = 2;
const MREMAP_DONTUNMAP: u64 = 4;
/// `statfs` flag of file systems without executable files.
const ST_NOEXEC: u64 = 8;

/// What `mmap` is asked for.
#[derive(Clone, Copy, Debug)]
pub struct MapRequest {
    /// Where; a hint unless `MAP_FIXED` or `MAP_FIXED_NOREPLACE` is in `flags`.
    pub addr: u64,
    /// How many bytes.
    pub len: u64,
    /// `PROT_*`.
    pub prot: u64,
    /// `MAP_*`; these are the same for all the guests served here.
    pub flags: u64,
    /// The file, unless anonymous.
    pub fd: i32,
    /// Offset in it.
    pub offset: u64,
}

impl Mm {
    /// `mmap(2)`.
    ///
    /// # Errors
    /// As the call. `ENOMEM` also if a fixed range contains memory of the emulator.
    pub fn mmap(&self, request: MapRequest) -> Result<u64, Errno> {
        let MapRequest { mut addr, len, prot, flags, fd, offset } = request;
        let flags = flags & !HOST_ONLY_FLAGS;
        if offset % PAGE != 0 || len == 0 {
            return Err(Errno::EINVAL);
        }
        let anonymous = flags & MAP_ANONYMOUS as u64 != 0;
        if !anonymous && prot & prot::EXEC != 0 {
            no_exec_check(fd)?;
        }
        let len = page_up(len).ok_or(Errno::ENOMEM)?;
        let fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) as u64 != 0;
        let mut space = self.space();
        let mut host_flags = flags;
        if fixed {
            page_range(addr, len)?;
            let keep = flags & MAP_FIXED_NOREPLACE as u64 != 0;
            if keep && space.holes.intersects(addr, addr + len) {
                // The host would say that the hole is taken.
                if space.owned.intersects(addr, addr + len) {
                    return Err(Errno::EEXIST);
                }
                reserve_gaps(&space, addr, addr + len).map_err(|_| Errno::EEXIST)?;
                host_flags = flags & !(MAP_FIXED_NOREPLACE as u64) | MAP_FIXED as u64;
            } else if !keep {
                reserve_gaps(&space, addr, addr + len)?;
            }
        } else {
            addr &= !(PAGE - 1);
            if addr.checked_add(len).is_none_or(|end| end > ADDR_END) {
                addr = 0;
            }
            // Huge pages and stacks have places of their own.
            const ELSEWHERE: i32 = libc::MAP_HUGETLB | libc::MAP_GROWSDOWN;
            if flags & ELSEWHERE as u64 == 0
                && let Some(hole) = space.find_hole(addr, len)
            {
                addr = hole;
                host_flags |= MAP_FIXED as u64;
            }
        }
        let fd = if anonymous { u64::MAX } else { fd as u64 };
        let at = match host_mmap([addr, len, host_prot(prot), host_flags, fd, offset]) {
            Ok(at) => at,
            Err(error) => {
                if fixed && host_flags & MAP_FIXED_NOREPLACE as u64 == 0 {
                    release_gaps(&space, addr, addr + len);
                }
                return Err(error);
            }
        };
        self.record(&mut space, at, at + len, prot);
        if !anonymous && prot & prot::EXEC != 0 {
            self.note_file(at, at + len);
        }
        Ok(at)
    }

    /// Records a mapping that was made.
    pub(super) fn record(&self, space: &mut Space, start: u64, end: u64, prot: u64) {
        space.owned.insert(start, end);
        space.holes.remove(start, end);
        self.clear_exec(start, end);
        if prot & prot::EXEC != 0 {
            self.guard(start, end, prot);
            self.set_exec(start, end);
        }
    }

    /// `munmap(2)`. Memory of the emulator is as if it were not mapped.
    ///
    /// # Errors
    /// As the call.
    pub fn munmap(&self, addr: u64, len: u64) -> Result<(), Errno> {
        if len == 0 {
            return Err(Errno::EINVAL);
        }
        let (start, end) = page_range(addr, len).map_err(|_| Errno::EINVAL)?;
        let mut space = self.space();
        let parts: Vec<_> = space.owned.overlaps(start, end).collect();
        for (start, end) in parts {
            space.punch(start, end)?;
            self.clear_exec(start, end);
        }
        Ok(())
    }

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
        if flags & !(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) != 0
            || !old.is_multiple_of(PAGE)
        {
            return Err(Errno::EINVAL);
        }
        let old_len = page_up(old_len).ok_or(Errno::EINVAL)?;
        let new_len = page_up(new_len).filter(|&len| len != 0).ok_or(Errno::EINVAL)?;
        let old_end = old.checked_add(old_len).filter(|&e| e <= ADDR_END).ok_or(Errno::EINVAL)?;
        let mut space = self.space();
        if !space.owned.covers(old, old_end.max(old + PAGE)) {
            return Err(Errno::EFAULT);
        }
        let fixed = flags & MREMAP_FIXED != 0;
        if fixed {
            if flags & MREMAP_MAYMOVE == 0 {
                return Err(Errno::EINVAL);
            }
            let (start, end) = page_range(new, new_len).map_err(|_| Errno::EINVAL)?;
            reserve_gaps(&space, start, end)?;
        }
        // Room to grow in place.
        if !fixed && new_len > old_len && space.holes.intersects(old_end, old_end + 1) {
            space.release_holes(old_end, old.saturating_add(new_len).min(ADDR_END));
        }
        let (exec, guard) = (self.any_exec(old, old + PAGE), self.guard_of(old));
        let args = [old, old_len, new_len, flags, new];
        let at = match raw::call(libc::SYS_mremap, args) {
            Ok(at) => at,
            Err(error) => {
                if fixed {
                    release_gaps(&space, new, new + new_len);
                }
                return Err(error);
            }
        };
        if at != old && old_len > 0 {
            self.clear_exec(old, old_end);
            if flags & MREMAP_DONTUNMAP == 0 {
                space.owned.remove(old, old_end);
            }
        } else if new_len < old_len {
            self.clear_exec(old + new_len, old_end);
            space.owned.remove(old + new_len, old_end);
        }
        if at == old && old_len <= new_len {
            space.owned.insert(at, at + new_len);
            space.holes.remove(at, at + new_len);
            if exec {
                self.guard(at, at + new_len, guard);
                self.set_exec(at, at + new_len);
            }
        } else if at != old {
            self.record(&mut space, at, at + new_len, if exec { prot::EXEC | guard } else { 0 });
        }
        Ok(at)
    }
}

/// Takes the parts of a fixed range that are not the guest's, without replacing anything.
fn reserve_gaps(space: &Space, start: u64, end: u64) -> Result<(), Errno> {
    let gaps = foreign(space, start, end);
    let flags = (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE) as u64;
    for (index, &(from, to)) in gaps.iter().enumerate() {
        if let Err(error) = host_mmap([from, to - from, PROT_NONE as u64, flags, u64::MAX, 0]) {
            for &(from, to) in &gaps[..index] {
                let _ = host_munmap(from, to);
            }
            return Err(if error == Errno::EEXIST { Errno::ENOMEM } else { error });
        }
    }
    Ok(())
}

/// Gives back what [`reserve_gaps`] took.
fn release_gaps(space: &Space, start: u64, end: u64) {
    for (from, to) in foreign(space, start, end) {
        let _ = host_munmap(from, to);
    }
}

/// The parts of a range that are neither the guest's nor kept for it.
fn foreign(space: &Space, start: u64, end: u64) -> Vec<(u64, u64)> {
    let gaps = space.owned.gaps(start, end);
    gaps.into_iter().flat_map(|(from, to)| space.holes.gaps(from, to)).collect()
}

/// Linux refuses executable mappings of files on `noexec` mounts; the host cannot know, as it is
/// not asked for `PROT_EXEC`.
fn no_exec_check(fd: i32) -> Result<(), Errno> {
    // `struct statfs` in words; `f_flags`, the eleventh, has no public name in libc.
    let mut fs = [0_u64; 15];
    raw::call(libc::SYS_fstatfs, [fd as u64, fs.as_mut_ptr() as u64])?;
    if fs[10] & ST_NOEXEC != 0 { Err(Errno::EPERM) } else { Ok(()) }
}
