//! The shared object that the kernel gives to every program: clocks and the return from signals.
//!
//! The image is written here, by our own means, when we are compiled: one read-only segment with
//! headers, symbols, one version definition and code. Its clock functions execute the
//! architecture's system call instruction with an immediate of our own ([`guest::clock_call`]),
//! which is translated to a call of the host's vDSO. There is no unwinding information for the
//! return trampoline: as Linux says (arch/arm64/kernel/vdso/sigreturn.S), unwinders recognise its
//! instructions, and what could be said in DWARF would be wrong.

use crate::elf;
use crate::layout::Model;
use sys::clock;

/// A vDSO image.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// How it lays out numbers.
    pub model: Model,
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
        let size = self.model.word;
        let words = bytes[self.resolutions as usize..].chunks_exact_mut(size);
        for (word, clock) in words.zip(clocks) {
            let resolution = self.model.number(clock::resolution(clock), size);
            word.copy_from_slice(&resolution[..size]);
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
    pub code: Code,
}

/// Instructions of a function.
#[derive(Clone, Copy, Debug)]
pub enum Code {
    /// Each of four bytes, the lowest first.
    Words(&'static [u32]),
    /// Of any length.
    Bytes(&'static [u8]),
}

impl Code {
    const fn len(self) -> usize {
        match self {
            Self::Words(words) => words.len() * 4,
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

/// What the headers of an image say.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// ELF's number of the architecture.
    pub machine: u16,
    /// `e_flags`.
    pub flags: u32,
    /// Word size and byte order.
    pub model: Model,
    /// The version of all symbols.
    pub version: &'static str,
    /// Bytes of an entry of the hash table: 4, but for one architecture 8.
    pub hash_entry: usize,
}

impl Form {
    /// Of an architecture that is as most are.
    pub const fn new(machine: u16, version: &'static str) -> Self {
        Self { machine, flags: 0, model: Model::LP64, version, hash_entry: 4 }
    }
    const fn wide(self) -> bool {
        self.model.word == 8
    }
    const fn header_len(self) -> usize {
        if self.wide() { 64 } else { 52 }
    }
    const fn symbol_len(self) -> usize {
        if self.wide() { 24 } else { 16 }
    }
}

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

/// Bytes being put together.
struct Writer {
    bytes: [u8; PAGE],
    len: usize,
    form: Form,
}

impl Writer {
    const fn put(&mut self, bytes: &[u8]) {
        self.put_first(bytes, bytes.len());
    }
    const fn put_first(&mut self, bytes: &[u8], count: usize) {
        let mut at = 0;
        while at < count {
            self.bytes[self.len] = bytes[at];
            self.len += 1;
            at += 1;
        }
    }
    const fn number(&mut self, value: u64, size: usize) {
        self.put_first(&self.form.model.number(value, size), size);
    }
    const fn u16s(&mut self, values: &[u16]) {
        let mut at = 0;
        while at < values.len() {
            self.number(values[at] as u64, 2);
            at += 1;
        }
    }
    const fn u32s(&mut self, values: &[u32]) {
        let mut at = 0;
        while at < values.len() {
            self.number(values[at] as u64, 4);
            at += 1;
        }
    }
    /// Words of the architecture.
    const fn words(&mut self, values: &[u64]) {
        let mut at = 0;
        while at < values.len() {
            self.number(values[at], self.form.model.word);
            at += 1;
        }
    }
    const fn code(&mut self, code: Code) {
        match code {
            Code::Bytes(bytes) => self.put(bytes),
            Code::Words(words) => {
                let mut at = 0;
                while at < words.len() {
                    self.put(&words[at].to_le_bytes());
                    at += 1;
                }
            }
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
    form: Form,
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
    /// The image, whose function `sigreturn` is where handlers return to; `resolutions` is as in
    /// [`Image`].
    pub const fn image(&'static self, sigreturn: usize, resolutions: u64) -> Image {
        Image {
            model: self.form.model,
            bytes: self.bytes(),
            sigreturn: self.offsets[sigreturn],
            resolutions,
        }
    }
}

/// Writes the image: an `ET_DYN` file with `functions`.
pub const fn build<const N: usize>(form: Form, functions: &[Function; N]) -> Built<N> {
    let program_headers = 2 * elf::program_header_len(form.model) as usize;
    let mut out = Writer { bytes: [0; PAGE], len: form.header_len() + program_headers, form };
    // Code first, so that its offsets are known.
    let (mut offsets, mut index) = ([0; N], 0);
    while index < N {
        out.len += CODE_ALIGN / 2;
        offsets[index] = out.align(CODE_ALIGN);
        out.code(functions[index].code);
        index += 1;
    }
    let hash = hash_table(&mut out, functions);
    let symtab = symbols(&mut out, functions, &offsets);
    let versym = out.align(2);
    out.u16s(&[0]);
    index = 0;
    while index < N {
        out.u16s(&[2]);
        index += 1;
    }
    let verdef = out.align(8);
    version_definition(&mut out, 1, SONAME, 1, 28);
    version_definition(&mut out, 2, form.version, 1 + SONAME.len() as u32 + 1, 0);
    let strtab = out.align(1);
    out.put(&[0]);
    out.string(SONAME);
    out.string(form.version);
    index = 0;
    while index < N {
        out.string(functions[index].name);
        index += 1;
    }
    let strings_len = out.len as u64 - strtab;
    let dynamic = out.align(8);
    let entries: [[u64; 2]; DYNAMIC] = [
        [14, 1],                        // DT_SONAME
        [4, hash],                      // DT_HASH
        [5, strtab],                    // DT_STRTAB
        [6, symtab],                    // DT_SYMTAB
        [10, strings_len],              // DT_STRSZ
        [11, form.symbol_len() as u64], // DT_SYMENT
        [0x6fff_fff0, versym],          // DT_VERSYM
        [0x6fff_fffc, verdef],          // DT_VERDEF
        [0x6fff_fffd, 2],               // DT_VERDEFNUM
        [0, 0],
    ];
    out.words(entries.as_flattened());
    let len = out.len;
    out.len = 0;
    headers(&mut out, len as u64, dynamic);
    Built { form, bytes: out.bytes, len, offsets }
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
    hash_entries(out, &[BUCKETS, N as u32 + 1]);
    hash_entries(out, &heads);
    hash_entries(out, &[0]);
    hash_entries(out, &chains);
    offset
}

const fn hash_entries(out: &mut Writer, values: &[u32]) {
    let mut at = 0;
    while at < values.len() {
        out.number(values[at] as u64, out.form.hash_entry);
        at += 1;
    }
}

/// Writes the table of symbols; gives its offset.
const fn symbols<const N: usize>(
    out: &mut Writer,
    functions: &[Function; N],
    offsets: &[u64; N],
) -> u64 {
    let offset = out.align(8);
    out.len += out.form.symbol_len();
    let mut name = 1 + SONAME.len() + 1 + out.form.version.len() + 1;
    let mut index = 0;
    while index < N {
        let place = [offsets[index], functions[index].code.len() as u64];
        out.u32s(&[name as u32]);
        if !out.form.wide() {
            out.words(&place);
        }
        out.put(&[0x12, 0]); // STB_GLOBAL, STT_FUNC; default visibility
        out.u16s(&[1]); // any section but SHN_UNDEF
        if out.form.wide() {
            out.words(&place);
        }
        name += functions[index].name.len() + 1;
        index += 1;
    }
    offset
}

/// Writes version definition `index`, called `name`, which is at `string` in the string table; the
/// next one follows after `next` bytes.
const fn version_definition(out: &mut Writer, index: u16, name: &str, string: u32, next: u32) {
    // Flag 1: the file's own version.
    out.u16s(&[1, (index == 1) as u16, index, 1]);
    out.u32s(&[elf_hash(name), 20, next]); // 20 bytes to the auxiliary record
    out.u32s(&[string, 0]);
}

/// Writes the ELF header and two program headers.
const fn headers(out: &mut Writer, end: u64, dynamic: u64) {
    let Form { machine, flags, model, .. } = out.form;
    let (header, program_header) = (out.form.header_len(), elf::program_header_len(model));
    out.put(b"\x7fELF");
    out.put(&[1 + out.form.wide() as u8, 1 + model.big_endian as u8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.u16s(&[3, machine]); // ET_DYN
    out.u32s(&[1]);
    out.words(&[0, header as u64, 0]); // no entry, no sections
    out.u32s(&[flags]);
    let section_header = if out.form.wide() { 64 } else { 40 };
    out.u16s(&[header as u16, program_header as u16, 2, section_header, 0, 0]);
    const LOAD: u32 = 1;
    const DYNAMIC_SEGMENT: u32 = 2;
    program(out, LOAD, 5, [0, end, PAGE as u64]);
    let len = DYNAMIC as u64 * 2 * model.word as u64;
    program(out, DYNAMIC_SEGMENT, 4, [dynamic, len, model.word as u64]);
}

/// Writes a program header of `kind` with permissions `flags` for what is at `[offset, len, align]`.
const fn program(out: &mut Writer, kind: u32, flags: u32, [at, len, align]: [u64; 3]) {
    out.u32s(&[kind]);
    if out.form.wide() {
        out.u32s(&[flags]);
    }
    out.words(&[at, at, at, len, len]);
    if !out.form.wide() {
        out.u32s(&[flags]);
    }
    out.words(&[align]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::models::{BIG64, LITTLE32};

    #[test]
    fn the_image_is_a_loadable_file() {
        let functions = [
            Function { name: "__one", code: Code::Words(&[0x0101_0101; 3]) },
            Function { name: "__two", code: Code::Bytes(&[2; 19]) },
        ];
        let built = build(Form::new(183, "LINUX_2.6.39"), &functions);
        let (bytes, offsets) = (built.bytes(), built.offsets);
        let program = elf::parse(bytes, &crate::abi::aarch64::ABI.kind).unwrap();
        assert!(program.relocatable && program.interp.is_none());
        assert_eq!(program.segments.len(), 1);
        assert_eq!(program.segments[0].filesz, bytes.len() as u64);
        assert!(bytes.len() < 4096);
        assert_eq!(bytes[offsets[0] as usize..][..12], [1; 12]);
        assert_eq!(bytes[offsets[1] as usize..][..20], [&[2; 19][..], &[0]].concat());
    }

    /// All that a dynamic linker follows to find a function, with the sizes that `model` has.
    fn look_up(form: Form, image: &[u8], wanted: &str) -> Option<u64> {
        let model = form.model;
        let number = |at: u64, size: usize| {
            let bytes = &image[at as usize..][..size];
            let add = |number, &byte: &u8| number << 8 | u64::from(byte);
            match model.big_endian {
                true => bytes.iter().fold(0, add),
                false => bytes.iter().rev().fold(0, add),
            }
        };
        let word = model.word as u64;
        let program = number(24 + word, model.word) + elf::program_header_len(model);
        assert_eq!(number(program, 4), 2);
        let dynamic = number(program + word, model.word);
        let entry = |tag| {
            let at =
                (0..).map(|n| dynamic + n * 2 * word).find(|&at| number(at, model.word) == tag);
            number(at.unwrap() + word, model.word)
        };
        let (hash, strings, symbols) = (entry(4), entry(5), entry(6));
        let slot = |n: u64| number(hash + n * form.hash_entry as u64, form.hash_entry);
        let buckets = slot(0);
        let mut index = slot(2 + u64::from(elf_hash(wanted)) % buckets);
        while index != 0 {
            let symbol = symbols + index * entry(11);
            let name = &image[(strings + number(symbol, 4)) as usize..];
            if name.starts_with(wanted.as_bytes()) && name[wanted.len()] == 0 {
                return Some(number(symbol + if word == 8 { 8 } else { 4 }, model.word));
            }
            index = slot(2 + buckets + index);
        }
        None
    }

    #[test]
    fn functions_are_found_in_images_of_every_model() {
        let functions = ["__first", "__second", "__third", "__fourth", "__fifth"]
            .map(|name| Function { name, code: Code::Bytes(&[0xc3]) });
        let usual = Form::new(22, "LINUX_2.6");
        for form in [
            usual,
            Form { model: LITTLE32, ..usual },
            Form { model: BIG64, ..usual },
            Form { model: BIG64, hash_entry: 8, ..usual },
        ] {
            let built = build(form, &functions);
            for (function, offset) in functions.iter().zip(built.offsets) {
                assert_eq!(look_up(form, built.bytes(), function.name), Some(offset));
                assert_eq!(built.bytes()[offset as usize], 0xc3);
            }
            assert_eq!(look_up(form, built.bytes(), "__sixth"), None);
            assert_eq!(
                built.bytes()[4..6],
                [1 + form.wide() as u8, 1 + form.model.big_endian as u8]
            );
        }
    }

    #[test]
    fn hashes_are_the_classic_ones() {
        assert_eq!(elf_hash("LINUX_2.6.39"), 0x75f_cb89);
        assert_eq!(elf_hash("LINUX_2.6"), 0x3ae_75f6);
    }
}
