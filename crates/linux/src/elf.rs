//! Reading ELF programs: a pure function over bytes, with every field checked.
//!
//! What is refused here is what Linux refuses (fs/binfmt_elf.c), or what it only finds out when the
//! old program is gone and then kills the new one for ([`Error::kills`]). The mapping itself is in
//! [`crate::load`].

use crate::layout::Model;
use thiserror::Error;

/// Size of a page of the guest and of the host.
pub const PAGE: u64 = 4096;

/// The addresses that programs of an architecture have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addresses {
    /// Size of a page, as programs are told.
    pub page: u64,
    /// First address that they do not have.
    pub end: u64,
    /// The flag by which `mmap` is asked for a low address (`MAP_32BIT`), and where it looks for one.
    pub low: Option<(u64, (u64, u64))>,
}

impl Addresses {
    /// What 64-bit programs have on hosts with pages of 4 KiB.
    pub const BITS_47: Self = Self { page: PAGE, end: 1 << 47, low: None };
}

/// `EI_CLASS` of 64-bit files.
const CLASS64: u8 = 2;
/// `EI_DATA` of little-endian files.
const LITTLE: u8 = 1;
/// Sizes of the ELF header and of a program header.
pub(crate) const EHDR_SIZE: usize = 64;
const PHDR_SIZE: usize = 56;

/// Bytes of a program header.
pub(crate) const fn program_header_len(model: Model) -> u64 {
    if model.word == 8 { PHDR_SIZE as u64 } else { 32 }
}

/// Linux reads at most this many bytes of program headers (`ELF_MIN_ALIGN`, 64 KiB).
const PHDRS_MAX: usize = 65536;
/// What [`Error::Truncated`] says of the bytes of a segment.
pub(crate) const SEGMENT: &str = "a segment to load";
/// What it says of a loader's path.
pub(crate) const INTERP: &str = "the path of its loader (PT_INTERP)";
/// Longest path of a loader (`PATH_MAX`).
const INTERP_MAX: u64 = 4096;

const PT_LOAD: u32 = 1;
const PT_INTERP: u32 = 3;
const PT_GNU_PROPERTY: u32 = 0x6474_e553;
const NT_GNU_PROPERTY_TYPE_0: u32 = 5;
const PT_GNU_STACK: u32 = 0x6474_e551;

/// Readable segment.
pub const PF_R: u32 = 4;
/// Writable segment.
pub const PF_W: u32 = 2;
/// Executable segment.
pub const PF_X: u32 = 1;

/// Why a file cannot be run.
#[derive(Debug, Error, PartialEq, Eq, Clone)]
pub enum Error {
    /// No ELF magic.
    #[error("not an ELF file")]
    NotElf,
    /// The file ends before something that it announces.
    #[error("the file is truncated: {what} would end at byte {end:#x}")]
    Truncated {
        /// What is missing.
        what: &'static str,
        /// Where it would end.
        end: u64,
    },
    /// Not a 64-bit file.
    #[error("a 32-bit ELF file (class {0}); only 64-bit programs can be run")]
    Class(u8),
    /// Wrong byte order.
    #[error("a big-endian ELF file (data encoding {0}); only little-endian programs can be run")]
    ByteOrder(u8),
    /// Another architecture.
    #[error("a program for {} (ELF machine {found}), not for {}", machine_name(*found),
        machine_name(*expected))]
    Machine {
        /// `e_machine` of the file.
        found: u16,
        /// What was asked for.
        expected: u16,
    },
    /// Another kind of program of this architecture.
    #[error("{0}")]
    Flags(&'static str),
    /// Not a program.
    #[error("not a program but {}", type_name(*.0))]
    Type(u16),
    /// Program headers of another size.
    #[error("program headers of {0} bytes; they must have 56")]
    HeaderSize(u16),
    /// More program headers than Linux accepts.
    #[error("{0} program headers; there must be 1 to 1170")]
    HeaderCount(u16),
    /// Nothing to load.
    #[error("no segment to load (PT_LOAD)")]
    NoSegment,
    /// More bytes in the file than in memory.
    #[error("segment {index}: {filesz:#x} bytes in the file but {memsz:#x} in memory")]
    SegmentSize {
        /// Which program header.
        index: usize,
        /// `p_filesz`.
        filesz: u64,
        /// `p_memsz`.
        memsz: u64,
    },
    /// Outside of the address space.
    #[error("segment {index}: address {addr:#x} + {size:#x} is outside of the address space")]
    SegmentAddress {
        /// Which program header.
        index: usize,
        /// `p_vaddr`.
        addr: u64,
        /// `p_memsz`.
        size: u64,
    },
    /// Address and offset differ within a page.
    #[error("segment {index}: offset {offset:#x} and address {addr:#x} differ within a page")]
    SegmentOffset {
        /// Which program header.
        index: usize,
        /// `p_offset`.
        offset: u64,
        /// `p_vaddr`.
        addr: u64,
    },
    /// The loader's path is too short, too long or has no end.
    #[error("the path of its loader (PT_INTERP) is not a terminated string of 2 to 4096 bytes")]
    Interp,
    /// The entry point is not in a segment.
    #[error("the entry point {0:#x} is outside of the address space")]
    Entry(u64),
    /// Reading failed.
    #[error("cannot be read: {0}")]
    Read(sys::errno::Errno),
}

impl Error {
    /// Whether Linux finds this only when the old program is gone: `execve` does not fail, but the
    /// process dies of SIGSEGV.
    pub fn kills(&self) -> bool {
        matches!(
            self,
            Self::NoSegment
                | Self::SegmentSize { .. }
                | Self::SegmentAddress { .. }
                | Self::SegmentOffset { .. }
                | Self::Entry(_)
                | Self::Truncated { what: SEGMENT, .. }
                // (Of the loader. A program of another type is refused.)
                | Self::Type(_)
        )
    }
}

/// What the ELF header of an architecture's programs says.
pub struct Kind {
    /// `e_machine`.
    pub machine: u16,
    /// Whether Linux looks at the class too. (It never looks at the byte order: with the other one a
    /// file has another machine's number.)
    pub class_counts: bool,
    /// Which addresses there are.
    pub addresses: Addresses,
    /// What programs of the same machine with 32-bit addresses are, if they are no programs of another one.
    pub narrow: Option<&'static str>,
    /// What kind of program, that cannot be run, `e_flags` make of a file.
    pub refused: fn(u32) -> Option<&'static str>,
    /// The property of programs (`PT_GNU_PROPERTY`) and its bit that say that branch targets are
    /// marked, for guarded pages.
    pub guards: Option<(u32, u32)>,
}

impl Kind {
    /// Whether an ELF program of this kind starts with `head`.
    pub fn is_program(&self, head: &[u8]) -> bool {
        machine_of(head) == Some(self.machine) && (!self.class_counts || head[4] == CLASS64)
    }
}

/// Name of an ELF machine, for messages.
pub(crate) fn machine_name(machine: u16) -> &'static str {
    match machine {
        2 | 18 | 43 => "sparc",
        3 => "i386",
        4 => "m68k",
        8 | 10 => "mips",
        20 => "powerpc",
        21 => "powerpc64",
        22 => "s390x",
        40 => "arm (32-bit)",
        42 => "sh",
        62 => "x86-64",
        183 => "arm64",
        243 => "riscv",
        258 => "loongarch",
        _ => "an unknown architecture",
    }
}

/// Whether this machine runs programs for `machine` by itself.
pub(crate) fn is_host(machine: u16) -> bool {
    matches!(
        (std::env::consts::ARCH, machine),
        ("x86_64", 3 | 62) | ("aarch64", 183) | ("riscv64", 243)
    )
}

/// Name of an ELF type, for messages.
fn type_name(kind: u16) -> &'static str {
    match kind {
        1 => "an object file (.o)",
        4 => "a core dump",
        _ => "an ELF file of unknown type",
    }
}

/// Where a file's bytes come from.
pub trait Bytes {
    /// Fills `out` from `offset` on.
    ///
    /// # Errors
    /// `Error::Truncated` with `what` if the file is shorter, `Error::Read` if reading fails.
    fn read(&self, offset: u64, out: &mut [u8], what: &'static str) -> Result<(), Error>;
}

impl Bytes for [u8] {
    fn read(&self, offset: u64, out: &mut [u8], what: &'static str) -> Result<(), Error> {
        let end = offset.saturating_add(out.len() as u64);
        if end > self.len() as u64 {
            return Err(Error::Truncated { what, end });
        }
        out.copy_from_slice(&self[offset as usize..end as usize]);
        Ok(())
    }
}

/// A segment to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Offset in the file.
    pub offset: u64,
    /// Address.
    pub addr: u64,
    /// Bytes from the file.
    pub filesz: u64,
    /// Bytes in memory.
    pub memsz: u64,
    /// `PF_R`, `PF_W`, `PF_X`.
    pub flags: u32,
    /// Alignment, at least a page; what is no power of two counts as none.
    pub align: u64,
}

impl Segment {
    /// First page.
    pub fn page_start(&self) -> u64 {
        self.addr & !(PAGE - 1)
    }
    /// End of the last page.
    pub fn page_end(&self) -> u64 {
        (self.addr + self.memsz + PAGE - 1) & !(PAGE - 1)
    }
}

/// What is needed to load and start a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Runs wherever it is put (`ET_DYN`).
    pub relocatable: bool,
    /// Entry point, without load bias.
    pub entry: u64,
    /// Segments in the order of their headers, in which they are mapped; at least one.
    pub segments: Vec<Segment>,
    /// Address of the program headers in memory, without load bias; 0 if they are not loaded.
    pub phdr_addr: u64,
    /// Number of program headers.
    pub phdr_count: u16,
    /// Path of the loader, without its terminating zero byte.
    pub interp: Option<Vec<u8>>,
    /// `PT_GNU_PROPERTY` says that branch targets are marked, for guarded pages.
    pub guarded: bool,
    /// `PT_GNU_STACK` asks for an executable stack.
    pub exec_stack: bool,
}

impl Program {
    /// First address and end of all segments, in whole pages.
    pub fn span(&self) -> (u64, u64) {
        let start = self.segments.iter().map(Segment::page_start).min().unwrap_or(0);
        let end = self.segments.iter().map(Segment::page_end).max().unwrap_or(0);
        (start, end)
    }

    /// The greatest alignment of a segment.
    pub fn align(&self) -> u64 {
        self.segments.iter().map(|s| s.align).max().unwrap_or(PAGE)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap_or_default())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default())
}

/// `e_machine` of an ELF program that starts with `head`; None if it is not one. (Linux asks neither
/// for the class nor for the byte order: another one has another machine's number there.)
pub fn machine_of(head: &[u8]) -> Option<u16> {
    stated_machine(head).filter(|_| matches!(u16_at(head, 16), 2 | 3))
}

/// `e_machine` of an ELF file of any type that starts with `head`.
pub(crate) fn stated_machine(head: &[u8]) -> Option<u16> {
    (head.len() >= 20 && head[..4] == *b"\x7fELF").then(|| u16_at(head, 18))
}

/// Reads the ELF header and the program headers of a program of `kind`.
fn read_all_headers<B: Bytes + ?Sized>(
    file: &B,
    kind: &Kind,
) -> Result<([u8; EHDR_SIZE], Vec<u8>), Error> {
    let mut magic = [0; 20];
    match file.read(0, &mut magic, "the ELF header") {
        Err(Error::Truncated { .. }) => return Err(Error::NotElf),
        other => other?,
    }
    if magic[..4] != *b"\x7fELF" {
        return Err(Error::NotElf);
    }
    let (found, expected) = (u16_at(&magic, 18), kind.machine);
    if found != expected || kind.class_counts && magic[4] != CLASS64 {
        let narrow = kind.narrow.filter(|_| found == expected && magic[4] != CLASS64);
        return Err(match (magic[4], magic[5]) {
            (_, LITTLE) if narrow.is_some() => Error::Flags(narrow.unwrap_or_default()),
            (class, LITTLE) if class != CLASS64 => Error::Class(class),
            (_, LITTLE) => Error::Machine { found, expected },
            (_, order) => Error::ByteOrder(order),
        });
    }
    let mut ehdr = [0; EHDR_SIZE];
    file.read(0, &mut ehdr, "the ELF header")?;
    let file_type = u16_at(&ehdr, 16);
    if !matches!(file_type, 2 | 3) {
        return Err(Error::Type(file_type));
    }
    if let Some(what) = (kind.refused)(u32_at(&ehdr, 48)) {
        return Err(Error::Flags(what));
    }
    let phdrs = read_headers(file, &ehdr)?;
    Ok((ehdr, phdrs))
}

/// Checks the headers of a loader of `kind`, but not its segments.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn check_headers<B: Bytes + ?Sized>(file: &B, kind: &Kind) -> Result<(), Error> {
    read_all_headers(file, kind).map(drop)
}

/// The path of the loader of a program of `kind`, without its terminating zero byte.
///
/// # Errors
/// What is wrong with what comes before the segments.
pub fn loader<B: Bytes + ?Sized>(file: &B, kind: &Kind) -> Result<Option<Vec<u8>>, Error> {
    let (_, phdrs) = read_all_headers(file, kind)?;
    loader_of(file, &phdrs)
}

fn loader_of<B: Bytes + ?Sized>(file: &B, phdrs: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let phdr = phdrs.chunks_exact(PHDR_SIZE).find(|phdr| u32_at(phdr, 0) == PT_INTERP);
    phdr.map(|phdr| interp(file, phdr)).transpose()
}

/// Reads a program of `kind`.
///
/// # Errors
/// What is wrong with the file.
pub fn parse<B: Bytes + ?Sized>(file: &B, kind: &Kind) -> Result<Program, Error> {
    let (ehdr, phdrs) = read_all_headers(file, kind)?;
    let mut program = Program {
        relocatable: u16_at(&ehdr, 16) == 3,
        entry: u64_at(&ehdr, 24),
        segments: Vec::with_capacity(4),
        phdr_addr: 0,
        phdr_count: u16_at(&ehdr, 56),
        interp: loader_of(file, &phdrs)?,
        guarded: false,
        exec_stack: false,
    };
    for (index, phdr) in phdrs.chunks_exact(PHDR_SIZE).enumerate() {
        match u32_at(phdr, 0) {
            PT_LOAD => {
                let segment = segment_of(index, phdr, kind.addresses.end)?;
                add_segment(&mut program, segment, u64_at(&ehdr, 32));
            }
            PT_GNU_PROPERTY => {
                program.guarded = kind.guards.is_some_and(|marks| guarded(file, phdr, marks));
            }
            PT_GNU_STACK => program.exec_stack = u32_at(phdr, 4) & PF_X != 0,
            _ => {}
        }
    }
    if program.segments.is_empty() {
        return Err(Error::NoSegment);
    }
    // With a loader it is not Linux that jumps there.
    if program.interp.is_none() && program.entry >= kind.addresses.end {
        return Err(Error::Entry(program.entry));
    }
    Ok(program)
}

/// Reads the program headers.
fn read_headers<B: Bytes + ?Sized>(file: &B, ehdr: &[u8]) -> Result<Vec<u8>, Error> {
    let (size, count) = (u16_at(ehdr, 54), u16_at(ehdr, 56));
    if usize::from(size) != PHDR_SIZE {
        if ehdr[4] != CLASS64 {
            return Err(Error::Class(ehdr[4]));
        }
        return Err(Error::HeaderSize(size));
    }
    if count == 0 || usize::from(count) * PHDR_SIZE > PHDRS_MAX {
        return Err(Error::HeaderCount(count));
    }
    let mut phdrs = vec![0; usize::from(count) * PHDR_SIZE];
    file.read(u64_at(ehdr, 32), &mut phdrs, "the program headers")?;
    Ok(phdrs)
}

/// Checks one `PT_LOAD`, of a program whose addresses end at `end`.
fn segment_of(index: usize, phdr: &[u8], end: u64) -> Result<Segment, Error> {
    let align = Some(u64_at(phdr, 48)).filter(|align| align.is_power_of_two()).unwrap_or(PAGE);
    let segment = Segment {
        offset: u64_at(phdr, 8),
        addr: u64_at(phdr, 16),
        filesz: u64_at(phdr, 32),
        memsz: u64_at(phdr, 40),
        flags: u32_at(phdr, 4) & 7,
        align: align.max(PAGE),
    };
    let Segment { offset, addr, filesz, memsz, .. } = segment;
    if filesz > memsz {
        return Err(Error::SegmentSize { index, filesz, memsz });
    }
    let fits = addr.checked_add(memsz).is_some_and(|last| last <= end - PAGE);
    if !fits || offset.checked_add(filesz).is_none_or(|end| end > i64::MAX as u64) {
        return Err(Error::SegmentAddress { index, addr, size: memsz });
    }
    if filesz > 0 && offset % PAGE != addr % PAGE {
        return Err(Error::SegmentOffset { index, offset, addr });
    }
    Ok(segment)
}

/// Adds a segment to `program`. In whatever order they come, and also where they overlap: later ones
/// replace earlier ones.
fn add_segment(program: &mut Program, segment: Segment, phoff: u64) {
    let Segment { offset, addr, filesz, memsz, .. } = segment;
    if memsz == 0 {
        return;
    }
    // As Linux 5.18 and later: the headers are where the last segment with their offset puts them.
    if offset <= phoff && phoff - offset < filesz {
        program.phdr_addr = phoff - offset + addr;
    }
    program.segments.push(segment);
}

/// Whether the properties have `property` with `bit`. What cannot be read or understood has none.
fn guarded<B: Bytes + ?Sized>(file: &B, phdr: &[u8], (property, bit): (u32, u32)) -> bool {
    let mut note = vec![0; (u64_at(phdr, 32) as usize).min(4096)];
    if file.read(u64_at(phdr, 8), &mut note, "the properties").is_err() || note.len() < 16 {
        return false;
    }
    let head = [u32_at(&note, 0), u32_at(&note, 8)];
    if head != [4, NT_GNU_PROPERTY_TYPE_0] || note[12..16] != *b"GNU\0" {
        return false;
    }
    let mut rest = &note[16..note.len().min(16 + u32_at(&note, 4) as usize)];
    while rest.len() >= 12 {
        let (kind, size) = (u32_at(rest, 0), u32_at(rest, 4) as usize);
        if kind == property {
            return size == 4 && u32_at(rest, 8) & bit != 0;
        }
        rest = rest.get(8 + size.next_multiple_of(8)..).unwrap_or_default();
    }
    false
}

/// Reads the loader's path.
fn interp<B: Bytes + ?Sized>(file: &B, phdr: &[u8]) -> Result<Vec<u8>, Error> {
    let (offset, size) = (u64_at(phdr, 8), u64_at(phdr, 32));
    if !(2..=INTERP_MAX).contains(&size) {
        return Err(Error::Interp);
    }
    let mut path = vec![0; size as usize];
    file.read(offset, &mut path, INTERP)?;
    if path.pop() != Some(0) {
        return Err(Error::Interp);
    }
    // Linux uses the bytes up to the first zero, of which there may be none.
    if let Some(zero) = path.iter().position(|&b| b == 0) {
        path.truncate(zero);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with the given program headers: type, flags, offset, addr, filesz, memsz, align.
    fn image(kind: u16, phdrs: &[[u64; 7]]) -> Vec<u8> {
        let mut out = vec![0; EHDR_SIZE];
        out[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        out[16..18].copy_from_slice(&kind.to_le_bytes());
        out[18..20].copy_from_slice(&183_u16.to_le_bytes());
        out[20] = 1;
        out[24..32].copy_from_slice(&0x40_0100_u64.to_le_bytes());
        out[32..40].copy_from_slice(&(EHDR_SIZE as u64).to_le_bytes());
        out[54..56].copy_from_slice(&56_u16.to_le_bytes());
        out[56..58].copy_from_slice(&(phdrs.len() as u16).to_le_bytes());
        for [kind, flags, offset, addr, filesz, memsz, align] in phdrs {
            out.extend((*kind as u32).to_le_bytes());
            out.extend((*flags as u32).to_le_bytes());
            for field in [offset, addr, addr, filesz, memsz, align] {
                out.extend(field.to_le_bytes());
            }
        }
        out.resize(0x2000, 0);
        out
    }

    const LOAD: [u64; 7] = [1, 5, 0, 0x40_0000, 0x1000, 0x2000, 0x10000];

    /// What only Linux on arm64 asks for: nothing but the machine.
    const ARM64: Kind = Kind {
        machine: 183,
        class_counts: false,
        addresses: Addresses::BITS_47,
        narrow: None,
        refused: |_| None,
        guards: None,
    };
    /// What another asks for.
    const STRICT: Kind = Kind {
        machine: 243,
        class_counts: true,
        addresses: Addresses::BITS_47,
        narrow: None,
        refused: |flags| (flags & 8 != 0).then_some("a program for an embedded processor"),
        guards: None,
    };

    fn parse_bytes(bytes: &[u8]) -> Result<Program, Error> {
        parse(bytes, &ARM64)
    }

    #[test]
    fn class_and_flags_count_where_linux_or_we_look_at_them() {
        let mut bytes = image(2, &[LOAD]);
        bytes[18] = 243;
        assert!(parse(&bytes[..], &STRICT).is_ok() && STRICT.is_program(&bytes));
        bytes[48] = 8;
        let text = parse(&bytes[..], &STRICT).unwrap_err().to_string();
        assert_eq!(text, "a program for an embedded processor");
        bytes[48] = 5;
        bytes[4] = 1;
        assert_eq!(parse(&bytes[..], &STRICT), Err(Error::Class(1)));
        assert!(!STRICT.is_program(&bytes) && !ARM64.is_program(&bytes));
        bytes[18..20].copy_from_slice(&[0, 243]);
        bytes[4..6].copy_from_slice(&[2, 2]);
        assert_eq!(parse(&bytes[..], &STRICT), Err(Error::ByteOrder(2)));
    }

    #[test]
    fn a_plain_program_is_read() {
        let program = parse_bytes(&image(2, &[LOAD])).unwrap();
        assert!(!program.relocatable && program.interp.is_none());
        assert_eq!(program.phdr_addr, 0x40_0040);
        assert_eq!(program.span(), (0x40_0000, 0x40_2000));
        assert_eq!(program.align(), 0x10000);
    }

    #[test]
    fn each_fault_has_its_error() {
        let with = |at: usize, value: u64| {
            let mut load = LOAD;
            load[at] = value;
            parse_bytes(&image(2, &[load])).unwrap_err()
        };
        assert!(matches!(with(4, 0x3000), Error::SegmentSize { .. }));
        assert!(matches!(with(5, u64::MAX), Error::SegmentAddress { .. }));
        assert!(matches!(with(3, 1 << 47), Error::SegmentAddress { .. }));
        assert!(matches!(with(2, 0x10), Error::SegmentOffset { .. }));
        assert!(matches!(with(0, 6), Error::NoSegment));
        assert_eq!(parse_bytes(b"#!/bin/sh\n"), Err(Error::NotElf));
        assert_eq!(parse_bytes(&image(1, &[LOAD])), Err(Error::Type(1)));
        assert!(matches!(
            parse_bytes(&image(2, &[LOAD])[..0x50]),
            Err(Error::Truncated { what: "the program headers", .. })
        ));
        let text =
            parse(&image(2, &[LOAD])[..], &Kind { machine: 62, ..ARM64 }).unwrap_err().to_string();
        assert_eq!(text, "a program for arm64 (ELF machine 183), not for x86-64");
    }

    #[test]
    fn what_linux_does_not_ask_for_is_not_asked_for() {
        let low = [1, 6, 0x1000, 0x3f_f000, 0x800, 0x1000, 0x3000];
        let mut bytes = image(2, &[LOAD, LOAD, low]);
        // Class, byte order and version.
        bytes[4..7].fill(0);
        bytes[20] = 0;
        let program = parse_bytes(&bytes).unwrap();
        assert_eq!(program.span(), (0x3f_f000, 0x40_2000));
        assert_eq!((program.segments.len(), program.align()), (3, 0x10000));
        assert_eq!(machine_of(&bytes), Some(183));
    }

    #[test]
    fn what_linux_kills_for_leaves_the_loader_readable() {
        let mut bytes = image(3, &[[1, 5, 0x10, 0, 8, 8, 1], [3, 4, 0x1000, 0, 2, 2, 1]]);
        assert!(parse_bytes(&bytes).unwrap_err().kills());
        // Two zero bytes are the empty path.
        assert_eq!(loader(&bytes[..], &ARM64), Ok(Some(Vec::new())));
        bytes[0x1001] = b'x';
        assert_eq!(loader(&bytes[..], &ARM64), Err(Error::Interp));
    }

    #[test]
    fn the_loader_path_must_be_terminated() {
        let mut bytes = image(3, &[LOAD, [3, 4, 0x1000, 0, 8, 8, 1]]);
        bytes[0x1000..0x1008].copy_from_slice(b"/lib/ld\0");
        assert_eq!(parse_bytes(&bytes).unwrap().interp.unwrap(), b"/lib/ld");
        bytes[0x1007] = b'x';
        assert_eq!(parse_bytes(&bytes), Err(Error::Interp));
    }

    #[test]
    fn damaged_headers_never_panic() {
        let good = image(3, &[LOAD, [3, 4, 0x1000, 0, 8, 8, 1], [0x6474_e551, 6, 0, 0, 0, 0, 16]]);
        let mut seed = 7_u64;
        for _ in 0..50_000 {
            let mut bytes = good.clone();
            for _ in 0..3 {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let at = (seed >> 33) as usize % (EHDR_SIZE + 3 * PHDR_SIZE);
                bytes[at] = (seed >> 24) as u8;
            }
            if let Ok(program) = parse_bytes(&bytes) {
                let (start, end) = program.span();
                assert!(start < end && end <= Addresses::BITS_47.end);
            }
        }
    }
}
