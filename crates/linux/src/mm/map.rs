//! `mmap` and `munmap`.

use super::{Mm, Space, host_mmap, host_munmap, host_prot, page_up, place, prot};
use crate::elf::PAGE;
use libc::{MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_GROWSDOWN, MAP_HUGETLB};
use sys::errno::Errno;
use sys::raw;

/// Flags of x86 hosts that other architectures do not have (`MAP_32BIT`, `MAP_ABOVE4G`).
const HOST_ONLY_FLAGS: u64 = 0x40 | 0x80;
/// `MAP_TYPE`; `MAP_SHARED_VALIDATE` has the bit of `MAP_SHARED`.
const TYPE: u64 = 0xf;
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

impl MapRequest {
    pub(super) fn has(&self, flag: i32) -> bool {
        self.flags & flag as u64 != 0
    }

    pub(super) fn is_private(&self) -> bool {
        self.flags & TYPE == libc::MAP_PRIVATE as u64
    }

    /// Whether it counts as data (`is_data_mapping` in mm/vma.h).
    fn is_data(&self) -> bool {
        self.is_private() && self.prot & prot::WRITE != 0 && !self.has(MAP_GROWSDOWN)
    }

    /// The host's call, at `addr` with the flags `more`.
    pub(super) fn make(&self, addr: u64, more: i32) -> Result<u64, Errno> {
        let fd = if self.has(MAP_ANONYMOUS) { u64::MAX } else { self.fd as u64 };
        let flags = self.flags | more as u64;
        host_mmap([addr, self.len, host_prot(self.prot), flags, fd, self.offset])
    }

    /// The same where nothing is yet; `EEXIST` if something is.
    pub(super) fn make_new(&self, addr: u64) -> Result<u64, Errno> {
        let validate = self.flags & TYPE == libc::MAP_SHARED_VALIDATE as u64;
        if !validate || self.has(MAP_FIXED_NOREPLACE) {
            return self.make(addr, MAP_FIXED_NOREPLACE);
        }
        // With this type Linux refuses flags that are as new as that one.
        place::reserve(addr, self.len)?;
        self.make(addr, MAP_FIXED).inspect_err(|_| {
            let _ = host_munmap(addr, addr + self.len);
        })
    }
}

impl MapRequest {
    /// Whether the memory may be written to by other ways than this mapping: it is shared, or a file's
    /// that whoever maps it has opened for writing. (What is written to the file is seen in those pages of
    /// a private mapping that were never written to.)
    fn changes_elsewhere(&self) -> bool {
        let open_for_writing = || {
            let flags = raw::fcntl(self.fd, libc::F_GETFL, 0).unwrap_or(0);
            flags & libc::O_ACCMODE as u64 != libc::O_RDONLY as u64
        };
        !self.is_private() || !self.has(MAP_ANONYMOUS) && open_for_writing()
    }
}

impl Mm {
    /// `mmap(2)`.
    ///
    /// # Errors
    /// As the call. `ENOMEM` also if a fixed range contains memory of the emulator.
    pub fn mmap(&self, mut request: MapRequest) -> Result<u64, Errno> {
        let low = self.addresses.low.filter(|(flag, _)| request.flags & flag != 0);
        request.flags &= !HOST_ONLY_FLAGS;
        if !request.offset.is_multiple_of(PAGE) {
            return Err(Errno::EINVAL);
        }
        if request.len == 0 {
            // What else is wrong matters more: the host says it.
            return request.make(0, 0);
        }
        request.len = page_up(request.len).ok_or(Errno::ENOMEM)?;
        let MapRequest { len, prot, .. } = request;
        let mut space = self.space();
        space.mdwe_check(prot, true)?;
        let at = if request.has(MAP_FIXED | MAP_FIXED_NOREPLACE) {
            self.map_fixed(&mut space, &mut request)?
        } else if let Some((_, range)) = low {
            self.map_low(&mut space, &mut request, range)?
        } else {
            self.map_anywhere(&mut space, &mut request)?
        };
        let elsewhere = request.changes_elsewhere();
        if elsewhere {
            space.shared.insert(at, at + len);
        }
        self.record(&mut space, at, at + len, prot);
        if request.has(MAP_GROWSDOWN) {
            space.growing.push((at, at + len));
        }
        if !request.has(MAP_ANONYMOUS) {
            if prot & prot::EXEC != 0 {
                if prot & prot::WRITE == 0 && !elsewhere {
                    self.note_file(at, at + len);
                    self.note_image(&space, (at, at + len), request.fd, request.offset);
                }
            } else {
                space.plain_files.insert(at, at + len);
            }
        }
        Ok(at)
    }

    /// Maps where the guest says.
    fn map_fixed(&self, space: &mut Space, request: &mut MapRequest) -> Result<u64, Errno> {
        let MapRequest { addr, len, .. } = *request;
        let end = addr.checked_add(len).filter(|&end| end < space.end).ok_or(Errno::ENOMEM)?;
        if !addr.is_multiple_of(PAGE) {
            return Err(Errno::EINVAL);
        }
        space.note_growth();
        let replaced: u64 = space.owned.overlaps(addr, end).map(|(start, end)| end - start).sum();
        let keep = request.has(MAP_FIXED_NOREPLACE);
        if keep && replaced != 0 {
            return Err(Errno::EEXIST);
        }
        self.before_map(space, request, len - replaced)?;
        if replaced == 0 {
            // Nothing of the emulator's may be replaced.
            let at = space.locking(request, |request| request.make_new(addr));
            return at.map_err(|error| match error {
                Errno::EEXIST if !keep => Errno::ENOMEM,
                error => error,
            });
        }
        space.reserve_gaps(addr, end)?;
        let result = space.locking(request, |request| request.make(addr, 0));
        match result {
            Ok(_) => space.forget(addr, end),
            Err(_) => space.release_gaps(addr, end),
        }
        result
    }

    /// Maps where there is room, where the guest would like it if possible.
    fn map_anywhere(&self, space: &mut Space, request: &mut MapRequest) -> Result<u64, Errno> {
        let len = request.len;
        let hint = match request.addr & !(PAGE - 1) {
            0 => 0,
            hint => hint.max(place::LOWEST),
        };
        self.before_map(space, request, len)?;
        space.note_growth();
        let place = if request.has(MAP_HUGETLB) {
            None
        } else if hint != 0 && space.is_free(hint, len) {
            Some(hint)
        } else {
            let place = self.request_place(space.files_top, request);
            place.filter(|&at| space.is_free(at, len)).or_else(|| space.find_place(len))
        };
        space.locking(request, |request| {
            if let Some(place) = place {
                match request.make_new(place) {
                    // The emulator is there.
                    Err(Errno::EEXIST | Errno::ENOMEM | Errno::EPERM) => {}
                    // A file may refuse addresses that the guest has not given.
                    Err(Errno::EINVAL) if request.addr == 0 => {}
                    result => return result,
                }
            }
            request.make(0, 0)
        })
    }

    /// Maps in `range`, at the lowest place with room, or where the guest would like it, if that is below its end.
    fn map_low(
        &self,
        space: &mut Space,
        request: &mut MapRequest,
        (start, end): (u64, u64),
    ) -> Result<u64, Errno> {
        let (len, hint) = (request.len, request.addr & !(PAGE - 1));
        self.before_map(space, request, len)?;
        space.note_growth();
        let gaps = space.owned.gaps(start, end);
        let wanted = hint >= place::LOWEST && hint.checked_add(len).is_some_and(|to| to <= end);
        let hint = (wanted && space.is_free(hint, len)).then_some(hint);
        let places = gaps.into_iter().filter(|(from, to)| to - from >= len).map(|gap| gap.0);
        space.locking(request, |request| {
            for place in hint.into_iter().chain(places) {
                match request.make_new(place) {
                    Err(Errno::EEXIST) => {}
                    result => return result,
                }
            }
            Err(Errno::ENOMEM)
        })
    }

    /// What Linux checks of every new mapping, `more` bytes of which do not replace others.
    fn before_map(&self, space: &Space, request: &MapRequest, more: u64) -> Result<(), Errno> {
        if !request.has(MAP_ANONYMOUS) && request.prot & prot::EXEC != 0 {
            no_exec_check(request.fd)?;
        }
        space.may_grow(more, request.is_data())
    }

    /// Records a mapping that was made.
    pub(super) fn record(&self, space: &mut Space, start: u64, end: u64, prot: u64) {
        space.owned.insert(start, end);
        self.clear_exec(start, end);
        if prot & prot::EXEC != 0 {
            self.guard(start, end, prot);
            self.set_exec(start, end);
            self.note_plastic(space, start, end, prot);
        }
    }

    /// Records which of the executable `start..end`, with protection `prot`, may change at any time.
    pub(super) fn note_plastic(&self, space: &Space, start: u64, end: u64, prot: u64) {
        self.set_plastic(start, end, prot & prot::WRITE != 0);
        for (start, end) in space.shared.overlaps(start, end) {
            self.set_plastic(start, end, true);
        }
    }

    /// `munmap(2)`. Memory of the emulator is as if it were not mapped.
    ///
    /// # Errors
    /// As the call.
    pub fn munmap(&self, addr: u64, len: u64) -> Result<(), Errno> {
        let end = page_up(len).filter(|&len| len != 0).and_then(|len| addr.checked_add(len));
        let end = end.filter(|&end| end <= self.addresses.end).ok_or(Errno::EINVAL)?;
        if !addr.is_multiple_of(PAGE) {
            return Err(Errno::EINVAL);
        }
        let mut space = self.space();
        space.note_growth();
        self.unmap_parts(&mut space, addr, end)
    }

    /// Unmaps what of `from..end` is the guest's.
    pub(super) fn unmap_parts(
        &self,
        space: &mut Space,
        mut from: u64,
        end: u64,
    ) -> Result<(), Errno> {
        while let Some((start, end)) = space.owned.first(from, end) {
            host_munmap(start, end)?;
            self.unmapped(space, start, end);
            from = end;
        }
        Ok(())
    }

    /// Records that `start..end` is not mapped any more.
    pub(super) fn unmapped(&self, space: &mut Space, start: u64, end: u64) {
        space.disown(start, end);
        space.forget(start, end);
        self.clear_exec(start, end);
    }
}

/// Linux refuses executable mappings of files on `noexec` mounts; the host cannot know, as it is
/// not asked for `PROT_EXEC`.
fn no_exec_check(fd: i32) -> Result<(), Errno> {
    // `struct statfs` in words; `f_flags`, the eleventh, has no public name in libc.
    let mut fs = [0_u64; 15];
    raw::call(libc::SYS_fstatfs, [fd as u64, fs.as_mut_ptr() as u64])?;
    if fs[10] & ST_NOEXEC != 0 { Err(Errno::EPERM) } else { Ok(()) }
}
