//! The shared object that the kernel gives to every program: clocks and the return from signals.
//!
//! The image is written here, by our own means, when we are compiled: one read-only segment with
//! headers, symbols, one version definition and code. Its clock functions execute the
//! architecture's system call instruction with an immediate of our own ([`guest::clock_call`]),
//! which is translated to a call of the host's vDSO. There is no unwinding information for the
//! return trampoline: as Linux says (arch/arm64/kernel/vdso/sigreturn.S), unwinders recognise its
//! instructions, and what could be said in DWARF would be wrong.

use sys::clock;

/// A vDSO image.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// Its bytes; position independent, its first byte at an address that is a multiple of a page.
    pub bytes: &'static [u8],
    /// Offset of the return trampoline for signal handlers.
    pub sigreturn: u64,
    /// Offset of two words: the resolution of the clocks and of the coarse clocks in nanoseconds,
    /// which only the host knows.
    pub resolutions: u64,
}

impl Image {
    /// Its bytes for this host.
    pub fn bytes_here(&self) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        let clocks = [libc::CLOCK_MONOTONIC, libc::CLOCK_MONOTONIC_COARSE];
        let words = bytes[self.resolutions as usize..].chunks_exact_mut(8);
        for (word, clock) in words.zip(clocks) {
            word.copy_from_slice(&clock::resolution(clock).to_le_bytes());
        }
        bytes
    }
}

/// A function for [`build`].
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its symbol.
    pub name: &'static str,
    /// Its instructions.
    pub code: &'static [u32],
}

const EHDR: usize = 64;
const PHDR: usize = 56;
const SYM: usize = 24;
/// Alignment of functions: there is always room before them, as unwinders look up the function of
/// the byte before a return address.
const CODE_ALIGN: usize = 32;
/// No image is longer.
const PAGE: usize = 4096;
const SONAME: &str = "linux-vdso.so.1";
const BUCKETS: u32 = 4;
/// Entries of the dynamic section.
const DYNAMIC: usize = 10;

/// The classic ELF hash of a symbol or version.
const fn elf_hash(name: &str) -> u32 {
    let (mut hash, mut at) = (0_u32, 0);
    while at < name.len() {
        hash = (hash << 4).wrapping_add(name.as_bytes()[at] as u32);
        let high = hash & 0xf000_0000;
        hash = (hash ^ high >> 24) & !high;
        at += 1;
    }
    hash
}

/// Little-endian bytes being put together.
struct Writer {
    bytes: [u8; PAGE],
    len: usize,
}

impl Writer {
    const fn put(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() {
            self.bytes[self.len] = bytes[at];
            self.len += 1;
            at += 1;
        }
    }
    const fn u16(&mut self, value: u16) {
        self.put(&value.to_le_bytes());
    }
    const fn u32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }
    const fn u64(&mut self, value: u64) {
        self.put(&value.to_le_bytes());
    }
    const fn u32s(&mut self, values: &[u32]) {
        let mut at = 0;
        while at < values.len() {
            self.u32(values[at]);
            at += 1;
        }
    }
    const fn u64s(&mut self, values: &[u64]) {
        let mut at = 0;
        while at < values.len() {
            self.u64(values[at]);
            at += 1;
        }
    }
    /// A string of a string table.
    const fn string(&mut self, text: &str) {
        self.put(text.as_bytes());
        self.put(&[0]);
    }
    /// Pads to a multiple of `to`; gives the offset.
    const fn align(&mut self, to: usize) -> u64 {
        self.len = self.len.next_multiple_of(to);
        self.len as u64
    }
}

/// An image being built: its bytes, how many they are, and the offset of each function.
pub struct Built<const N: usize> {
    bytes: [u8; PAGE],
    len: usize,
    /// Offset of each function.
    pub offsets: [u64; N],
}

impl<const N: usize> Built<N> {
    /// The image's bytes.
    pub const fn bytes(&self) -> &[u8] {
        self.bytes.split_at(self.len).0
    }
}

/// Writes the image: an `ET_DYN` file for ELF machine `machine` with `functions`, all of version
/// `version`.
pub const fn build<const N: usize>(
    machine: u16,
    version: &str,
    functions: &[Function; N],
) -> Built<N> {
    let mut out = Writer { bytes: [0; PAGE], len: EHDR + 2 * PHDR };
    // Code first, so that its offsets are known.
    let (mut offsets, mut index) = ([0; N], 0);
    while index < N {
        out.len += CODE_ALIGN / 2;
        offsets[index] = out.align(CODE_ALIGN);
        out.u32s(functions[index].code);
        index += 1;
    }
    let hash = hash_table(&mut out, functions);
    let symtab = symbols(&mut out, version, functions, &offsets);
    let versym = out.align(2);
    out.u16(0);
    index = 0;
    while index < N {
        out.u16(2);
        index += 1;
    }
    let verdef = out.align(8);
    version_definition(&mut out, 1, SONAME, 1, 28);
    version_definition(&mut out, 2, version, 1 + SONAME.len() as u32 + 1, 0);
    let strtab = out.align(1);
    out.put(&[0]);
    out.string(SONAME);
    out.string(version);
    index = 0;
    while index < N {
        out.string(functions[index].name);
        index += 1;
    }
    let strings_len = out.len as u64 - strtab;
    let dynamic = out.align(8);
    let entries: [[u64; 2]; DYNAMIC] = [
        [14, 1],               // DT_SONAME
        [4, hash],             // DT_HASH
        [5, strtab],           // DT_STRTAB
        [6, symtab],           // DT_SYMTAB
        [10, strings_len],     // DT_STRSZ
        [11, SYM as u64],      // DT_SYMENT
        [0x6fff_fff0, versym], // DT_VERSYM
        [0x6fff_fffc, verdef], // DT_VERDEF
        [0x6fff_fffd, 2],      // DT_VERDEFNUM
        [0, 0],
    ];
    out.u64s(entries.as_flattened());
    let len = out.len;
    out.len = 0;
    headers(&mut out, machine, len as u64, dynamic);
    Built { bytes: out.bytes, len, offsets }
}

/// Writes the hash table; gives its offset.
const fn hash_table<const N: usize>(out: &mut Writer, functions: &[Function; N]) -> u64 {
    let offset = out.align(8);
    let mut heads = [0_u32; BUCKETS as usize];
    let (mut chains, mut index) = ([0_u32; N], 0);
    while index < N {
        let head = &mut heads[(elf_hash(functions[index].name) % BUCKETS) as usize];
        chains[index] = *head;
        *head = index as u32 + 1;
        index += 1;
    }
    out.u32s(&[BUCKETS, N as u32 + 1]);
    out.u32s(&heads);
    out.u32(0);
    out.u32s(&chains);
    offset
}

/// Writes the table of symbols; gives its offset.
const fn symbols<const N: usize>(
    out: &mut Writer,
    version: &str,
    functions: &[Function; N],
    offsets: &[u64; N],
) -> u64 {
    let offset = out.align(8);
    out.len += SYM;
    let mut name = 1 + SONAME.len() + 1 + version.len() + 1;
    let mut index = 0;
    while index < N {
        out.u32(name as u32);
        out.put(&[0x12, 0]); // STB_GLOBAL, STT_FUNC; default visibility
        out.u16(1); // any section but SHN_UNDEF
        out.u64(offsets[index]);
        out.u64(functions[index].code.len() as u64 * 4);
        name += functions[index].name.len() + 1;
        index += 1;
    }
    offset
}

/// Writes version definition `index`, called `name`, which is at `string` in the string table; the
/// next one follows after `next` bytes.
const fn version_definition(out: &mut Writer, index: u16, name: &str, string: u32, next: u32) {
    out.u16(1);
    out.u16((index == 1) as u16); // the file's own
    out.u16(index);
    out.u16(1);
    out.u32s(&[elf_hash(name), 20, next]); // 20 bytes to the auxiliary record
    out.u32s(&[string, 0]);
}

/// Writes the ELF header and two program headers.
const fn headers(out: &mut Writer, machine: u16, end: u64, dynamic: u64) {
    out.put(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    out.u16(3); // ET_DYN
    out.u16(machine);
    out.u32(1);
    out.u64s(&[0, EHDR as u64, 0]); // no entry, no sections
    out.u32(0);
    out.put(&[EHDR as u8, 0, PHDR as u8, 0, 2, 0, 64, 0, 0, 0, 0, 0]);
    out.u32s(&[1, 5]);
    out.u64s(&[0, 0, 0, end, end, PAGE as u64]);
    out.u32s(&[2, 4]);
    let len = DYNAMIC as u64 * 16;
    out.u64s(&[dynamic, dynamic, dynamic, len, len, 8]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf;

    #[test]
    fn the_image_is_a_loadable_file() {
        let functions = [
            Function { name: "__one", code: &[0x0101_0101; 3] },
            Function { name: "__two", code: &[0x0202_0202; 5] },
        ];
        let built = build(183, "LINUX_2.6.39", &functions);
        let (bytes, offsets) = (built.bytes(), built.offsets);
        let program = elf::parse(bytes, &crate::abi::aarch64::ABI.kind).unwrap();
        assert!(program.relocatable && program.interp.is_none());
        assert_eq!(program.segments.len(), 1);
        assert_eq!(program.segments[0].filesz, bytes.len() as u64);
        assert!(bytes.len() < 4096);
        assert_eq!(bytes[offsets[0] as usize..][..12], [1; 12]);
        assert_eq!(bytes[offsets[1] as usize..][..20], [2; 20]);
    }

    #[test]
    fn hashes_are_the_classic_ones() {
        assert_eq!(elf_hash("LINUX_2.6.39"), 0x75f_cb89);
        assert_eq!(elf_hash("LINUX_2.6"), 0x3ae_75f6);
    }
}
