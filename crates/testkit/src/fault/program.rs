//! The executable that runs cases, and the records that it writes.

use asm::elf::{self, Segment};
use asm::{Assembler, Label, Reach};

use super::Guest;
use super::case::Case;
use super::value::integer;
use crate::subject::Subject;
use isa::Rng;

/// Where code starts.
pub const CODE: u64 = 0x40_0000;
/// Where the lengths of instructions are.
pub const LENGTHS: u64 = 0x3000_0000;
/// Pages with and without access.
const ARENA: u64 = 0x2000_0000;
const PAGE: u64 = 4096;
const PAGES: u64 = 10;
/// The alternate signal stack, and after it everything else.
const STACK: u64 = 0x1000_0000;
const STACK_SIZE: u64 = 0x8000;
/// Number of the current case and rounds left.
const CURRENT: u64 = STACK + STACK_SIZE;
/// Structures for system calls.
const STRUCTS: u64 = CURRENT + 64;
/// `struct iovec`s of the handler; the first one is of siginfo.
pub const VECTORS: u64 = CURRENT + 256;
/// What the windows are filled with.
const TEMPLATE: u64 = CURRENT + PAGE;
/// Tables of registers.
const TABLES: u64 = TEMPLATE + PAGE;

/// Pages: 0 and 2 are accessible and 1 is not; 3 is only readable; 5 is not there; 7 and 8 are of a
/// file that ends between them.
pub(super) const BOUNDARIES: [u64; 8] = [
    ARENA + PAGE,
    ARENA + 2 * PAGE,
    ARENA + 3 * PAGE,
    ARENA + 4 * PAGE,
    ARENA + 5 * PAGE,
    ARENA + 6 * PAGE,
    ARENA + 8 * PAGE,
    ARENA + 9 * PAGE,
];
/// Bytes of memory in a record, on each side of a boundary.
const WINDOW: u64 = 256;
/// Accessible windows, and whether they are writable.
const WINDOWS: [(u64, bool); 10] = [
    (ARENA + PAGE - WINDOW, true),
    (ARENA + 2 * PAGE, true),
    (ARENA + 3 * PAGE - WINDOW, true),
    (ARENA + 3 * PAGE, false),
    (ARENA + 4 * PAGE - WINDOW, false),
    (ARENA + 4 * PAGE, true),
    (ARENA + 5 * PAGE - WINDOW, true),
    (ARENA + 6 * PAGE, true),
    (ARENA + 8 * PAGE - WINDOW, true),
    (ARENA + 9 * PAGE, true),
];

/// Bytes of siginfo in a record; `ucontext_t` follows, the case, and the windows.
const INFO: usize = 48;

/// Where things are in a record of a guest.
#[derive(Clone, Copy)]
struct At {
    case: usize,
    round: usize,
    windows: usize,
    end: usize,
}

fn at(guest: &Guest) -> At {
    let case = INFO + guest.context;
    let windows = case + 16;
    At { case, round: case + 8, windows, end: windows + WINDOWS.len() * WINDOW as usize }
}

/// What the handler wrote.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    guest: &'a Guest,
    bytes: &'a [u8],
}

impl PartialEq for Record<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Record<'_> {
    fn long(&self, at: usize) -> u64 {
        u64::from_le_bytes(*self.bytes[at..].first_chunk().expect("in the record"))
    }
    /// Number of the case.
    pub fn case(&self) -> usize {
        self.long(at(self.guest).case) as usize
    }
    /// Rounds that are left, this one included.
    pub fn round(&self) -> u64 {
        self.long(at(self.guest).round)
    }
    /// The signal.
    pub fn signal(&self) -> u64 {
        self.long(0) & 0xffff_ffff
    }
    /// Where it happened.
    pub fn pc(&self) -> u64 {
        self.long(INFO + self.guest.pc)
    }

    /// The names and values of what differs.
    pub fn differences(&self, other: &Self) -> Vec<(String, String)> {
        (0..self.bytes.len())
            .step_by(8)
            .filter(|&at| self.long(at) != other.long(at))
            .map(|at| {
                let (ours, theirs) = (self.long(at), other.long(at));
                (name(self.guest, at), format!("{ours:#018x}, not {theirs:#018x}"))
            })
            .collect()
    }

    /// The record without what may differ.
    pub fn tolerant(&self) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        (self.guest.tolerate)(&mut bytes[INFO..INFO + self.guest.context]);
        bytes
    }
}

/// The name of the eight bytes at `offset`.
fn name(guest: &Guest, offset: usize) -> String {
    let at = at(guest);
    match offset {
        0 => "si_signo, si_errno".into(),
        8 => "si_code".into(),
        16 => "si_addr".into(),
        _ if offset < INFO => format!("siginfo+{offset}"),
        _ if offset < at.case => (guest.name)(offset - INFO),
        _ if offset == at.case => "case".into(),
        _ if offset == at.round => "round".into(),
        _ => {
            let at = (offset - at.windows) as u64;
            format!("memory at {:#x}", WINDOWS[(at / WINDOW) as usize].0 + at % WINDOW)
        }
    }
}

/// An executable.
#[derive(Debug)]
pub struct Program {
    subject: &'static Subject,
    code: Vec<u8>,
    tables: Vec<u8>,
    template: Vec<u8>,
    entry: u64,
    /// What handlers return to; zero if the kernel provides it.
    restorer: u64,
}

impl Program {
    /// Each of `cases` is run `rounds` times.
    pub fn new(subject: &'static Subject, cases: &[Case], rounds: u64, seed: u64) -> Self {
        Self::without(subject, cases, rounds, seed, 0)
    }

    /// The same code, but the first `skipped` cases are jumped over.
    pub fn without(
        subject: &'static Subject,
        cases: &[Case],
        rounds: u64,
        seed: u64,
        skipped: usize,
    ) -> Self {
        let mut a = Assembler::new(subject.isa);
        handler(&mut a, &subject.fault);
        let restorer = CODE + a.code.len() as u64;
        let restorer = a.isa.restorer().then(|| a.restorer()).map_or(0, |()| restorer);
        let restore = a.here();
        restore_windows(&mut a);
        let entry = CODE + a.code.len() as u64;
        start(&mut a);
        let mut tables = Vec::new();
        for (n, case) in cases.iter().enumerate() {
            let begins = a.code.len();
            let table = TABLES + tables.len() as u64;
            tables.extend(&case.table);
            one(&mut a, &subject.fault, (n as u64, rounds, restore, table), case);
            if n < skipped {
                a.skip(begins);
            }
        }
        a.call_with(subject.isa.calls().exit_group, &[0]);
        let mut rng = Rng::new(!seed);
        let template = (0..WINDOWS.len() as u64 * WINDOW / 8)
            .flat_map(|_| integer(&mut rng).to_le_bytes())
            .collect();
        Self { subject, code: a.finish(), tables, template, entry, restorer }
    }

    /// The code from `address` on.
    pub fn code_at(&self, address: u64) -> &[u8] {
        let offset = address.checked_sub(CODE).and_then(|offset| usize::try_from(offset).ok());
        offset.and_then(|offset| self.code.get(offset..)).unwrap_or_default()
    }

    /// The file.
    pub fn elf(&self) -> Vec<u8> {
        let mut data = vec![0; (TABLES - STACK) as usize];
        let mut set = |address: u64, value: u64| {
            let at = (address - STACK) as usize;
            data[at..at + 8].copy_from_slice(&value.to_le_bytes());
        };
        // struct sigaction: SA_SIGINFO | SA_ONSTACK.
        set(STRUCTS, CODE);
        let with_restorer = if self.restorer == 0 { 0 } else { 0x0400_0000 };
        set(STRUCTS + 8, 0x0800_0004 | with_restorer);
        set(STRUCTS + 16, self.restorer);
        // stack_t.
        set(STRUCTS + 64, STACK);
        set(STRUCTS + 80, STACK_SIZE);
        // The name of the file.
        set(STRUCTS + 96, u64::from(b'f'));
        // struct iovec: siginfo, ucontext, the case, windows.
        set(VECTORS + 8, INFO as u64);
        set(VECTORS + 24, self.subject.fault.context as u64);
        set(VECTORS + 32, CURRENT);
        set(VECTORS + 40, 16);
        for (n, (address, _)) in (3..).zip(WINDOWS) {
            set(VECTORS + n * 16, address);
            set(VECTORS + n * 16 + 8, WINDOW);
        }
        let at = (TEMPLATE - STACK) as usize;
        data[at..at + self.template.len()].copy_from_slice(&self.template);
        data.extend(&self.tables);
        let mut arena = vec![0; (PAGES * PAGE) as usize];
        for (n, (address, _)) in WINDOWS.iter().enumerate() {
            let (from, to) = (n * WINDOW as usize, (address - ARENA) as usize);
            arena[to..to + WINDOW as usize]
                .copy_from_slice(&self.template[from..from + WINDOW as usize]);
        }
        let mut segments = vec![
            Segment { address: CODE, bytes: self.code.clone(), code: true },
            Segment { address: STACK, bytes: data, code: false },
            Segment { address: ARENA, bytes: arena, code: false },
        ];
        if let Some(length) = self.subject.fault.length {
            let bytes = (0..self.code.len()).map(|at| length(&self.code[at..]) as u8).collect();
            segments.push(Segment { address: LENGTHS, bytes, code: false });
        }
        elf::executable(&self.subject.isa.identity(), self.entry, &segments)
    }

    /// The records in a run's output.
    pub fn records<'a>(&self, output: &'a [u8]) -> Vec<Record<'a>> {
        let guest = &self.subject.fault;
        output.chunks_exact(at(guest).end).map(|bytes| Record { guest, bytes }).collect()
    }
}

/// Case `n`, executed `rounds` times from its table.
fn one(
    a: &mut Assembler,
    guest: &Guest,
    (n, rounds, restore, table): (u64, u64, Label, u64),
    case: &Case,
) {
    let [number, left, current, _] = a.isa.regs().temps;
    a.value(number, n);
    a.value(left, rounds);
    a.value(current, CURRENT);
    a.store(number, current, 0);
    a.store(left, current, 8);
    let again = a.here();
    // Where calls put the address on a stack: the case has left the pointer anywhere.
    a.value(current, TEMPLATE + PAGE);
    a.copy(a.isa.regs().sp, current);
    a.reach(Reach::Call, restore);
    (guest.load)(a, table);
    a.code.extend(case.code());
    // The state at the end is compared too.
    a.breakpoint();
    a.value(current, CURRENT);
    a.load(left, current, 8);
    a.add_imm(left, left, -1);
    a.store(left, current, 8);
    a.reach(Reach::NotZero(left), again);
}

/// The signal handler: writes a record, and goes on after the instruction.
fn handler(a: &mut Assembler, guest: &Guest) {
    let regs = a.isa.regs();
    let [one, info, context, vectors, ..] = regs.args;
    let (kept, pc, free) = (regs.saved[0], regs.temps[0], regs.temps[1]);
    a.value(vectors, VECTORS);
    a.store(info, vectors, 0);
    a.store(context, vectors, 16);
    a.copy(kept, context);
    a.copy(info, vectors);
    a.value(one, 1);
    a.value(context, 3 + WINDOWS.len() as u64);
    a.call(a.isa.calls().writev);
    a.load(pc, kept, guest.pc as u32);
    (guest.step)(a, pc, free);
    a.store(pc, kept, guest.pc as u32);
    a.ret();
}

/// A function that fills the windows that are writable.
fn restore_windows(a: &mut Assembler) {
    let [from, to, value, _] = a.isa.regs().temps;
    for (n, (address, writable)) in WINDOWS.iter().enumerate() {
        if !writable {
            continue;
        }
        a.value(from, TEMPLATE + n as u64 * WINDOW);
        a.value(to, *address);
        for offset in (0..WINDOW as u32).step_by(8) {
            a.load(value, from, offset);
            a.store(value, to, offset);
        }
    }
    a.ret();
}

/// Installs the handler and sets the pages' protections.
fn start(a: &mut Assembler) {
    let (regs, calls) = (a.isa.regs(), a.isa.calls());
    a.call_with(calls.sigaltstack, &[STRUCTS + 64, 0]);
    for signal in [4, 5, 7, 8, 11] {
        a.call_with(calls.rt_sigaction, &[signal, STRUCTS, 0, 8]);
    }
    a.call_with(calls.mprotect, &[ARENA + PAGE, PAGE, 0]);
    a.call_with(calls.mprotect, &[ARENA + 3 * PAGE, PAGE, 1]);
    a.call_with(calls.munmap, &[ARENA + 5 * PAGE, PAGE]);
    a.call_with(calls.memfd_create, &[STRUCTS + 96, 0]);
    let file = regs.saved[0];
    a.copy(file, regs.result);
    a.copy(regs.args[0], file);
    a.value(regs.args[1], PAGE);
    a.call(calls.ftruncate);
    a.copy(regs.args[4], file);
    a.value(regs.args[5], 0);
    a.call_with(calls.mmap, &[ARENA + 7 * PAGE, 2 * PAGE, 3, 0x11]);
}
