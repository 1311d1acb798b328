//! Well-formed programs.

use asm::Assembler;
use asm::elf::{self, Header, PT_LOAD, Segment};

use crate::subject::Subject;
use isa::Rng;

const PT_INTERP: u32 = 3;
const PAGE: u64 = 4096;

fn header(kind: u32, flags: u32, at: (u64, u64), sizes: (u64, u64), align: u64) -> Header {
    let ((offset, address), (file, memory)) = (at, sizes);
    Header { kind, flags, offset, address, file, memory, align }
}

/// A small program of random form; it has headers only, and zeros where its bytes would be.
pub fn base(rng: &mut Rng, subject: &Subject) -> Vec<u8> {
    let relocatable = rng.one_in(2);
    let mut headers: Vec<Header> = Vec::new();
    let mut at = if relocatable { 0 } else { (1 + rng.below(0x1000)) * 0x10000 };
    let start = at;
    let mut file_end = 0;
    for n in 0..1 + rng.below(4) {
        let offset = at % PAGE + if n == 0 { 0 } else { PAGE };
        let filesz = 0x200 + rng.below(0xc00);
        let memsz = filesz + if rng.one_in(2) { rng.below(0x20000) } else { 0 };
        let flags = [4, 5, 6, 7][rng.below(4) as usize];
        let align = PAGE << (rng.below(3) * 2);
        headers.push(header(PT_LOAD, flags, (offset, at), (filesz, memsz), align));
        file_end = file_end.max(offset + filesz);
        at += memsz + PAGE * (1 + rng.below(20));
    }
    if rng.one_in(2) {
        let size = subject.names.loader.len() as u64 + 1;
        headers.insert(0, header(PT_INTERP, 4, (0x1c0, start + 0x1c0), (size, 0), 1));
    }
    // PT_DYNAMIC, PT_NOTE, PT_TLS, PT_GNU_EH_FRAME, PT_GNU_STACK, PT_GNU_RELRO.
    for kind in [2, 4, 7, 0x6474_e550, 0x6474_e551, 0x6474_e552] {
        if rng.one_in(4) && headers.len() < 7 {
            let flags = rng.below(8) as u32;
            let sizes = (rng.below(64), rng.below(64));
            headers.push(header(kind, flags, (0x100, start + 0x100), sizes, 8));
        }
    }
    file(subject, if relocatable { 3 } else { 2 }, start + 0x200, &headers, file_end)
}

/// An ELF file with these headers, zeros behind them, and the loader's path.
fn file(subject: &Subject, kind: u16, entry: u64, headers: &[Header], end: u64) -> Vec<u8> {
    let loader = subject.names.loader.as_bytes();
    let mut out = elf::headers(&subject.isa.identity(), kind, entry, headers);
    // A zero byte ends the path.
    let end = end.max(0x1c0 + loader.len() as u64 + 1).max(out.len() as u64);
    out.resize(end as usize, 0);
    if headers.len() <= 6 {
        out[0x1c0..0x1c0 + loader.len()].copy_from_slice(loader);
    } else if let Some(n) = headers.iter().position(|h| h.kind == PT_INTERP) {
        // No room: nothing that must be right.
        out[64 + n * 56] = 4;
    }
    out
}

/// A static program that writes its data, adds to its .bss and exits with 7.
pub fn static_program(subject: &Subject) -> Vec<u8> {
    const CODE: u64 = 0x40_0000;
    const DATA: u64 = 0x41_0000;
    let mut a = Assembler::new(subject.isa);
    let [at, value, ..] = subject.isa.regs().temps;
    a.value(at, DATA);
    a.load(value, at, 0);
    a.add_imm(value, value, 1);
    a.store(value, at, 8);
    a.call_with(subject.isa.calls().exit_group, &[7]);
    elf::executable(
        &subject.isa.identity(),
        CODE,
        &[
            Segment { address: CODE, bytes: a.finish(), code: true },
            Segment { address: DATA, bytes: vec![1; 64], code: false },
        ],
    )
}
