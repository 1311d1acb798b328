//! The shared object that the kernel gives to every program: clocks and the return from signals.
//!
//! The image is written here, by our own means: one read-only segment with headers, symbols, one
//! version definition and code. Its clock functions execute the architecture's system call
//! instruction with an immediate of our own ([`CLOCK_CALL`]); the run loop answers it from the
//! host's vDSO, without a system call. There is no unwinding information for the return
//! trampoline: as Linux says (arch/arm64/kernel/vdso/sigreturn.S), unwinders recognise its
//! instructions, and what could be said in DWARF would be wrong.

use crate::task::Task;
use sys::clock;

/// Immediate of the system call instruction in the vDSO's clock functions. Only there does it
/// have a meaning.
pub const CLOCK_CALL: u32 = 0xa17c;

/// A vDSO image.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Its bytes; position independent, its first byte at an address that is a multiple of a page.
    pub bytes: Vec<u8>,
    /// Offset of the return trampoline for signal handlers.
    pub sigreturn: u64,
}

/// A function for [`build`].
#[derive(Clone, Copy, Debug)]
pub struct Function<'a> {
    /// Its symbol.
    pub name: &'a str,
    /// Its code.
    pub code: &'a [u8],
}

const EHDR: usize = 64;
const PHDR: usize = 56;
const SYM: usize = 24;
/// Alignment of functions: there is always room before them, as unwinders look up the function of
/// the byte before a return address.
const CODE_ALIGN: usize = 32;

/// The classic ELF hash of a symbol or version.
fn elf_hash(name: &str) -> u32 {
    let mut hash = 0_u32;
    for byte in name.bytes() {
        hash = (hash << 4).wrapping_add(u32::from(byte));
        let high = hash & 0xf000_0000;
        hash = (hash ^ high >> 24) & !high;
    }
    hash
}

/// Little-endian bytes being put together.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn u16(&mut self, value: u16) {
        self.0.extend(value.to_le_bytes());
    }
    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }
    fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }
    /// Pads to a multiple of `to`; gives the offset.
    fn align(&mut self, to: usize) -> u64 {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
        self.0.len() as u64
    }
}

/// A string table being put together.
struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, text: &str) -> u32 {
        let at = self.0.len() as u32;
        self.0.extend(text.as_bytes());
        self.0.push(0);
        at
    }
}

/// Writes the image: an `ET_DYN` file for ELF machine `machine` with `functions`, all of version
/// `version`. Gives it and the offset of each function.
pub fn build(machine: u16, version: &str, functions: &[Function<'_>]) -> (Vec<u8>, Vec<u64>) {
    const SONAME: &str = "linux-vdso.so.1";
    let mut strings = Strings(vec![0]);
    let soname = strings.add(SONAME);
    let version_name = strings.add(version);
    let names: Vec<u32> = functions.iter().map(|f| strings.add(f.name)).collect();
    let symbols = functions.len() + 1;

    let mut out = Writer(vec![0; EHDR + 2 * PHDR]);
    // Code first, so that its offsets are known.
    let mut offsets = Vec::with_capacity(functions.len());
    for function in functions {
        out.0.resize(out.0.len() + CODE_ALIGN / 2, 0);
        offsets.push(out.align(CODE_ALIGN));
        out.0.extend(function.code);
    }
    let hash = out.align(8);
    let buckets = 4_u32;
    let mut chains = vec![0_u32; symbols];
    let mut heads = vec![0_u32; buckets as usize];
    for (index, function) in functions.iter().enumerate() {
        let head = &mut heads[(elf_hash(function.name) % buckets) as usize];
        chains[index + 1] = *head;
        *head = index as u32 + 1;
    }
    out.u32(buckets);
    out.u32(symbols as u32);
    heads.iter().chain(&chains).for_each(|&word| out.u32(word));

    let symtab = out.align(8);
    out.0.resize(out.0.len() + SYM, 0);
    for (index, function) in functions.iter().enumerate() {
        out.u32(names[index]);
        out.0.extend([0x12, 0]); // STB_GLOBAL, STT_FUNC; default visibility
        out.u16(1); // any section but SHN_UNDEF
        out.u64(offsets[index]);
        out.u64(function.code.len() as u64);
    }
    let versym = out.align(2);
    out.u16(0);
    functions.iter().for_each(|_| out.u16(2));
    let verdef = out.align(8);
    for (flags, index, hash_of, name, next) in
        [(1, 1, SONAME, soname, 28_u32), (0, 2, version, version_name, 0)]
    {
        out.u16(1);
        out.u16(flags);
        out.u16(index);
        out.u16(1);
        out.u32(elf_hash(hash_of));
        out.u32(20); // to the auxiliary record
        out.u32(next);
        out.u32(name);
        out.u32(0);
    }
    let strtab = out.align(1);
    let strings_len = strings.0.len() as u64;
    out.0.extend(strings.0);
    let dynamic = out.align(8);
    let entries = [
        (14, u64::from(soname)), // DT_SONAME
        (4, hash),               // DT_HASH
        (5, strtab),             // DT_STRTAB
        (6, symtab),             // DT_SYMTAB
        (10, strings_len),       // DT_STRSZ
        (11, SYM as u64),        // DT_SYMENT
        (0x6fff_fff0, versym),   // DT_VERSYM
        (0x6fff_fffc, verdef),   // DT_VERDEF
        (0x6fff_fffd, 2),        // DT_VERDEFNUM
        (0, 0),
    ];
    for (tag, value) in entries {
        out.u64(tag);
        out.u64(value);
    }
    let end = out.align(8);
    let head = headers(machine, end, dynamic, entries.len() as u64 * 16);
    out.0[..head.len()].copy_from_slice(&head);
    (out.0, offsets)
}

/// The ELF header and two program headers.
fn headers(machine: u16, end: u64, dynamic: u64, dynamic_len: u64) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(EHDR + 2 * PHDR));
    out.0.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    out.u16(3); // ET_DYN
    out.u16(machine);
    out.u32(1);
    out.u64(0);
    out.u64(EHDR as u64);
    out.u64(0); // no sections
    out.u32(0);
    for value in [EHDR as u16, PHDR as u16, 2, 64, 0, 0] {
        out.u16(value);
    }
    for (kind, flags, offset, len, align) in
        [(1, 5, 0, end, 4096_u64), (2, 4, dynamic, dynamic_len, 8)]
    {
        out.u32(kind);
        out.u32(flags);
        for value in [offset, offset, offset, len, len, align] {
            out.u64(value);
        }
    }
    out.0
}

/// Answers the vDSO's clock functions. False if it is not such a call or the kernel must answer
/// it: then the registers are set up for an ordinary system call.
pub fn clock_call(task: &mut Task) -> bool {
    let (start, end) = task.process.identity.vdso;
    let pc = task.state().pc();
    if !(start..end).contains(&pc) {
        return false;
    }
    let abi = task.process.abi;
    let nr = task.state().int[abi.nr_slot as usize];
    let (first, second) = (task.arg(0), task.arg(1));
    let done = if nr == abi.clock_gettime {
        clock_gettime(first, second)
    } else if nr == abi.gettimeofday && second == 0 {
        gettimeofday(first)
    } else {
        false
    };
    if done {
        task.state_mut().int[abi.ret_slot as usize] = 0;
    }
    done
}

/// Writes the time of clock `clock` at `at`, if the host's vDSO knows that clock.
fn clock_gettime(clock: u64, at: u64) -> bool {
    // CLOCK_REALTIME, MONOTONIC, MONOTONIC_RAW, the coarse ones, BOOTTIME, TAI.
    if !matches!(clock, 0 | 1 | 4..=7 | 11) {
        return false;
    }
    let (seconds, nanoseconds) = clock::now(clock as i32);
    let time = u128::from(seconds as u64) | u128::from(nanoseconds as u64) << 64;
    memory::write(at, &time.to_le_bytes()).is_ok()
}

/// Writes a `timeval` at `at`.
fn gettimeofday(at: u64) -> bool {
    let (seconds, nanoseconds) = clock::now(libc::CLOCK_REALTIME);
    let time = u128::from(seconds as u64) | u128::from((nanoseconds / 1000) as u64) << 64;
    at == 0 || memory::write(at, &time.to_le_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf;

    #[test]
    fn the_image_is_a_loadable_file() {
        let functions = [
            Function { name: "__one", code: &[1; 12] },
            Function { name: "__two", code: &[2; 20] },
        ];
        let (bytes, offsets) = build(183, "LINUX_2.6.39", &functions);
        let program = elf::parse(&bytes[..], 183).unwrap();
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
