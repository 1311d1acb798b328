//! Mapping the segments of one ELF file.

use super::{Error, OpenFile};
use crate::elf::{self, PAGE, PF_R, PF_W, PF_X, Program, Segment};
use crate::intervals::Intervals;
use crate::mm::{Mm, host_mmap, host_prot, page_up, prot};
use libc::{MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_NORESERVE, MAP_PRIVATE};
use sys::errno::Errno;

/// A mapped file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapped {
    /// What was added to the addresses of the file.
    pub(super) bias: u64,
    /// End, in whole pages.
    pub(super) end: u64,
    /// Entry point.
    pub(super) entry: u64,
    /// Address of the program headers.
    pub(super) phdrs: u64,
    /// Executable segments' range, and that of the others after them.
    pub(super) code: (u64, u64),
    pub(super) data: (u64, u64),
}

/// Maps the segments of `program`: where it is linked, or if it runs anywhere near `wanted` (0 =
/// where the family has it, or else where the host likes).
pub(super) fn map(
    mm: &Mm,
    file: &OpenFile,
    program: &Program,
    wanted: u64,
) -> Result<Mapped, Error> {
    let (first, end) = program.span();
    let bias = reserve(mm, file, program, wanted)?.wrapping_sub(first);
    let (start, end) = (first.wrapping_add(bias), end.wrapping_add(bias));
    mm.adopt(start, end);
    let mut mapped = Mapped {
        bias,
        end,
        entry: program.entry.wrapping_add(bias),
        phdrs: if program.phdr_addr == 0 { 0 } else { program.phdr_addr.wrapping_add(bias) },
        code: (0, 0),
        data: (0, 0),
    };
    for segment in &program.segments {
        let at = Segment { addr: segment.addr.wrapping_add(bias), ..*segment };
        map_segment(mm, file, &at).map_err(|errno| failure(file, &at, errno))?;
        // As Linux: the code ends at the file's last executable byte, data is what follows.
        let file_end = at.addr + at.filesz;
        if at.flags & PF_X != 0 {
            let code_start = if mapped.code.0 == 0 { at.addr } else { mapped.code.0.min(at.addr) };
            mapped.code = (code_start, mapped.code.1.max(file_end));
        }
        mapped.data = (mapped.data.0.max(at.addr), mapped.data.1.max(file_end));
    }
    // What no segment takes is free again.
    let mut gaps = Intervals::new();
    gaps.insert(start, end);
    for segment in &program.segments {
        let at = Segment { addr: segment.addr.wrapping_add(bias), ..*segment };
        gaps.remove(at.page_start(), at.page_end());
    }
    for (start, end) in gaps.overlaps(start, end) {
        mm.release(start, end);
    }
    Ok(mapped)
}

/// Why a segment could not be mapped.
fn failure(file: &OpenFile, segment: &Segment, errno: Errno) -> Error {
    let path = file.path().to_vec();
    if errno == Errno::EFAULT {
        // A page of the mapping that should be there is not: the file ends before it.
        let end = segment.offset.saturating_add(segment.filesz);
        let error = elf::Error::Truncated { what: elf::SEGMENT, end };
        return Error::Format { path, error };
    }
    Error::Map { path, start: segment.page_start(), end: segment.page_end(), errno }
}

/// Reserves the whole span of `program`, so that nothing comes between its segments; gives its
/// first address.
fn reserve(mm: &Mm, file: &OpenFile, program: &Program, wanted: u64) -> Result<u64, Error> {
    let (first, end) = program.span();
    let len = end - first;
    let fail = |start: u64, errno: Errno| {
        let path = file.path().to_vec();
        if errno == Errno::EEXIST {
            Error::Occupied { path, start, end: start + len }
        } else {
            Error::Map { path, start, end: start + len, errno }
        }
    };
    let flags = (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE) as u64;
    let fixed = flags | MAP_FIXED_NOREPLACE as u64;
    if !program.relocatable {
        return host_mmap([first, len, 0, fixed, u64::MAX, 0]).map_err(|e| fail(first, e));
    }
    let align = program.align();
    let wanted = if wanted == 0 { mm.file_place(len).unwrap_or(0) } else { wanted };
    if wanted != 0 {
        let at = (wanted & !(align - 1)) + first % align;
        if let Ok(at) = host_mmap([at, len, 0, fixed, u64::MAX, 0]) {
            return Ok(at);
        }
    }
    mm.reserve(len, align, first % align).map_err(|e| fail(0, e))
}

/// Maps one segment at its final address.
fn map_segment(mm: &Mm, file: &OpenFile, segment: &Segment) -> Result<(), Errno> {
    let mut guest_prot = 0;
    for (flag, bit) in [(PF_R, prot::READ), (PF_W, prot::WRITE), (PF_X, prot::EXEC)] {
        guest_prot |= if segment.flags & flag != 0 { bit } else { 0 };
    }
    let prot = host_prot(guest_prot);
    let flags = (MAP_PRIVATE | MAP_FIXED) as u64;
    let start = segment.page_start();
    let in_page = segment.addr - start;
    let file_end = segment.addr + segment.filesz;
    let mut mapped_end = start;
    if segment.filesz > 0 {
        let len = page_up(in_page + segment.filesz).ok_or(Errno::ENOMEM)?;
        host_mmap([start, len, prot, flags, file.fd() as u64, segment.offset - in_page])?;
        mapped_end = start + len;
    }
    let end = segment.page_end();
    mm.disown_exec(start, end);
    if end > mapped_end {
        // As Linux: these pages can be written whatever the segment's flags are.
        let flags = flags | MAP_ANONYMOUS as u64;
        let prot = prot::READ | prot::WRITE;
        host_mmap([mapped_end, end - mapped_end, prot, flags, u64::MAX, 0])?;
    }
    // The rest of the last page of the file belongs to .bss.
    if segment.memsz > segment.filesz && file_end < mapped_end && prot & prot::WRITE != 0 {
        memory::zero(file_end, mapped_end - file_end).map_err(|_| Errno::EFAULT)?;
    }
    if guest_prot & prot::EXEC != 0 {
        mm.adopt_exec(start, end, guest_prot);
        if guest_prot & prot::WRITE == 0 && mapped_end == end {
            mm.adopt_image(start, end, file.fd(), segment.offset - in_page);
        }
    }
    Ok(())
}

/// Maps a read-only, executable copy of `bytes`; gives its address.
pub(super) fn map_bytes(mm: &Mm, bytes: &[u8]) -> Result<u64, Errno> {
    let len = page_up(bytes.len() as u64).ok_or(Errno::ENOMEM)?;
    let at = mm.reserve(len, PAGE, 0)?;
    let flags = (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) as u64;
    host_mmap([at, len, prot::READ | prot::WRITE, flags, u64::MAX, 0])?;
    memory::write(at, bytes).map_err(|_| Errno::ENOMEM)?;
    sys::raw::call(libc::SYS_mprotect, [at, len, prot::READ])?;
    mm.adopt_exec(at, at + len, prot::READ | prot::EXEC);
    Ok(at)
}
