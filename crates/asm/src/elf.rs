//! ELF files of every class and byte order.

/// What the files of an architecture have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// 64-bit class.
    pub class64: bool,
    /// Most significant byte first.
    pub big: bool,
    /// `e_machine`.
    pub machine: u16,
    /// `e_flags`.
    pub flags: u32,
}

/// A program header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// `p_type`.
    pub kind: u32,
    /// `p_flags`.
    pub flags: u32,
    /// Where it is in the file.
    pub offset: u64,
    /// And in memory.
    pub address: u64,
    /// Bytes in the file.
    pub file: u64,
    /// And in memory.
    pub memory: u64,
    /// `p_align`.
    pub align: u64,
}

/// A piece of memory of an executable.
#[derive(Debug)]
pub struct Segment {
    /// Its address, a multiple of 4096.
    pub address: u64,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Executable, else writable.
    pub code: bool,
}

/// `p_type` of what is loaded.
pub const PT_LOAD: u32 = 1;
/// `e_type` of an executable that is loaded where it says.
pub const ET_EXEC: u16 = 2;

const PAGE: usize = 4096;

/// Collects bytes in an architecture's byte order.
struct Out {
    bytes: Vec<u8>,
    identity: Identity,
}

impl Out {
    fn half(&mut self, v: u16) {
        self.bytes.extend(if self.identity.big { v.to_be_bytes() } else { v.to_le_bytes() });
    }
    fn word(&mut self, v: u32) {
        self.bytes.extend(if self.identity.big { v.to_be_bytes() } else { v.to_le_bytes() });
    }
    /// An address or a size: as wide as the class.
    fn wide(&mut self, v: u64) {
        if !self.identity.class64 {
            return self.word(v as u32);
        }
        self.bytes.extend(if self.identity.big { v.to_be_bytes() } else { v.to_le_bytes() });
    }
}

/// Sizes of the ELF header and of a program header.
fn sizes(identity: &Identity) -> (u16, u16) {
    if identity.class64 { (64, 56) } else { (52, 32) }
}

/// The ELF header of type `kind`, and program headers behind it.
pub fn headers(identity: &Identity, kind: u16, entry: u64, headers: &[Header]) -> Vec<u8> {
    let mut out = Out { bytes: b"\x7fELF".to_vec(), identity: *identity };
    let class = if identity.class64 { 2 } else { 1 };
    out.bytes.extend([class, if identity.big { 2 } else { 1 }, 1]);
    out.bytes.resize(16, 0);
    let (header, segment) = sizes(identity);
    out.half(kind);
    out.half(identity.machine);
    out.word(1);
    out.wide(entry);
    out.wide(header.into());
    out.wide(0);
    out.word(identity.flags);
    let section = if identity.class64 { 64 } else { 40 };
    for v in [header, segment, headers.len() as u16, section, 0, 0] {
        out.half(v);
    }
    for h in headers {
        out.word(h.kind);
        if identity.class64 {
            out.word(h.flags);
        }
        for v in [h.offset, h.address, h.address, h.file, h.memory] {
            out.wide(v);
        }
        if !identity.class64 {
            out.word(h.flags);
        }
        out.wide(h.align);
    }
    out.bytes
}

/// An executable of one segment that begins with the headers; it starts with the first of `code`.
pub fn small(identity: &Identity, base: u64, align: u64, code: &[u8]) -> Vec<u8> {
    let (header, segment) = sizes(identity);
    let start = u64::from(header + segment);
    let size = start + code.len() as u64;
    let load = Header {
        kind: PT_LOAD,
        flags: 5,
        offset: 0,
        address: base,
        file: size,
        memory: size,
        align,
    };
    let mut file = headers(identity, ET_EXEC, base + start, &[load]);
    file.extend(code);
    file
}

/// An executable of several segments.
pub fn executable(identity: &Identity, entry: u64, segments: &[Segment]) -> Vec<u8> {
    let mut loads = Vec::new();
    let mut offset = PAGE;
    for segment in segments {
        let size = segment.bytes.len();
        loads.push(Header {
            kind: PT_LOAD,
            flags: if segment.code { 5 } else { 6 },
            offset: offset as u64,
            address: segment.address,
            file: size as u64,
            memory: size as u64,
            align: PAGE as u64,
        });
        offset += size.next_multiple_of(PAGE);
    }
    let mut file = headers(identity, ET_EXEC, entry, &loads);
    for segment in segments {
        file.resize(file.len().next_multiple_of(PAGE), 0);
        file.extend(&segment.bytes);
    }
    file
}
