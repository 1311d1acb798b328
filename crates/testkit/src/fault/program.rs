//! The executable that runs cases, and the records that it writes.

use isa::Rng;

use super::case::{Case, table};
use super::value::integer;
use crate::diff::asm;
use crate::diff::elf::{self, Segment};

/// Where code starts.
pub(super) const CODE: u64 = 0x40_0000;
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
/// `struct iovec`s of the handler.
const VECTORS: u64 = CURRENT + 256;
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

/// Bytes of siginfo and ucontext in a record. The latter ends after the fault's syndrome.
const INFO: usize = 48;
const CONTEXT: usize = 1040;
/// Bytes of a record.
pub(super) const SIZE: usize = INFO + CONTEXT + 16 + WINDOWS.len() * WINDOW as usize;

/// What the handler wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a>(pub &'a [u8]);

impl Record<'_> {
    fn long(&self, at: usize) -> u64 {
        u64::from_le_bytes(*self.0[at..].first_chunk().expect("in the record"))
    }
    fn context(&self, at: usize) -> u64 {
        self.long(INFO + at)
    }
    /// Number of the case.
    pub fn case(&self) -> usize {
        self.long(INFO + CONTEXT) as usize
    }
    /// Rounds that are left, this one included.
    pub fn round(&self) -> u64 {
        self.long(INFO + CONTEXT + 8)
    }
    /// The signal.
    pub fn signal(&self) -> u64 {
        self.long(0) & 0xffff_ffff
    }
    /// Where it happened.
    pub fn pc(&self) -> u64 {
        self.context(440)
    }

    /// The names and values of what differs.
    pub fn differences(&self, other: &Self) -> Vec<(String, String)> {
        (0..SIZE)
            .step_by(8)
            .filter(|&at| self.long(at) != other.long(at))
            .map(|at| (name(at), format!("{:#018x}, not {:#018x}", self.long(at), other.long(at))))
            .collect()
    }

    /// The record without what may differ: x86 finds a result tiny after rounding it, Arm before,
    /// so that FPSR.UFC may be missing where FPSR.IXC is set.
    pub fn tolerant(&self) -> Vec<u8> {
        let mut bytes = self.0.to_vec();
        if bytes[INFO + 472] & 0x10 != 0 {
            bytes[INFO + 472] |= 8;
        }
        bytes
    }
}

/// The name of the eight bytes at `at`.
fn name(at: usize) -> String {
    const END: usize = INFO + CONTEXT;
    match at {
        0 => "si_signo, si_errno".into(),
        8 => "si_code".into(),
        16 => "si_addr".into(),
        24..INFO => format!("siginfo+{at}"),
        INFO..END => match at - INFO {
            176 => "fault_address".into(),
            at @ 184..432 => format!("x{}", (at - 184) / 8),
            432 => "sp".into(),
            440 => "pc".into(),
            448 => "pstate".into(),
            472 => "fpsr, fpcr".into(),
            at @ 480..992 => format!("v{}.d[{}]", (at - 480) / 16, at / 8 % 2),
            at => format!("ucontext+{at}"),
        },
        END => "case".into(),
        1096 => "round".into(),
        _ => {
            let at = (at - END - 16) as u64;
            format!("memory at {:#x}", WINDOWS[(at / WINDOW) as usize].0 + at % WINDOW)
        }
    }
}

/// An executable.
#[derive(Debug)]
pub struct Program {
    words: Vec<u32>,
    tables: Vec<u8>,
    template: Vec<u8>,
    entry: u64,
}

impl Program {
    /// Each of `cases` is run `rounds` times.
    pub fn new(cases: &[Case], rounds: u64, seed: u64) -> Self {
        Self::without(cases, rounds, seed, 0)
    }

    /// The same code, but the first `skipped` cases are jumped over.
    pub fn without(cases: &[Case], rounds: u64, seed: u64, skipped: usize) -> Self {
        let mut words = Vec::new();
        handler(&mut words);
        let restore = words.len();
        restore_windows(&mut words);
        let entry = CODE + words.len() as u64 * 4;
        start(&mut words);
        let mut tables = Vec::new();
        for (n, case) in cases.iter().enumerate() {
            tables.extend(*case.table);
            let begins = words.len();
            // x0 = number, x1 = rounds.
            asm::mov(&mut words, 0, n as u64);
            asm::mov(&mut words, 1, rounds);
            asm::mov(&mut words, 2, CURRENT);
            words.push(asm::stp(0, 2, 0));
            let again = words.len();
            // bl restore.
            words
                .push(0x9400_0000 | (restore as u32).wrapping_sub(words.len() as u32) & 0x3ff_ffff);
            load(&mut words, TABLES + (n * table::SIZE) as u64);
            words.extend(case.code());
            // brk #0: the state at the end is compared too.
            words.push(0xd420_0000);
            asm::mov(&mut words, 2, CURRENT);
            // ldr x1, [x2, #8]; subs x1, x1, #1; str x1, [x2, #8]; b.ne again.
            words.extend([asm::ldr(1, 2, 8), 0xf100_0421, asm::str(1, 2, 8)]);
            let back = (again as u32).wrapping_sub(words.len() as u32) & 0x7_ffff;
            words.push(0x5400_0001 | back << 5);
            if n < skipped {
                words[begins] = 0x1400_0000 | (words.len() - begins) as u32;
            }
        }
        asm::mov(&mut words, 0, 0);
        // exit_group.
        call(&mut words, 94);
        let mut rng = Rng::new(!seed);
        let template = (0..WINDOWS.len() as u64 * WINDOW / 8)
            .flat_map(|_| integer(&mut rng).to_le_bytes())
            .collect();
        Self { words, tables, template, entry }
    }

    /// The word at `address`.
    pub fn word(&self, address: u64) -> Option<u32> {
        let index = address.checked_sub(CODE)? / 4;
        self.words.get(usize::try_from(index).ok()?).copied()
    }

    /// The file.
    pub fn elf(&self) -> Vec<u8> {
        let code = self.words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let mut data = vec![0; (TABLES - STACK) as usize];
        let mut set = |address: u64, value: u64| {
            let at = (address - STACK) as usize;
            data[at..at + 8].copy_from_slice(&value.to_le_bytes());
        };
        // struct sigaction: SA_SIGINFO | SA_ONSTACK.
        set(STRUCTS, CODE);
        set(STRUCTS + 8, 0x0800_0004);
        // stack_t.
        set(STRUCTS + 64, STACK);
        set(STRUCTS + 80, STACK_SIZE);
        // The name of the file.
        set(STRUCTS + 96, u64::from(b'f'));
        // struct iovec: siginfo, ucontext, the case, windows.
        set(VECTORS + 8, INFO as u64);
        set(VECTORS + 24, CONTEXT as u64);
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
        elf::write(
            self.entry,
            &[
                Segment { address: CODE, bytes: code, code: true },
                Segment { address: STACK, bytes: data, code: false },
                Segment { address: ARENA, bytes: arena, code: false },
            ],
        )
    }

    /// The records in a run's output.
    pub fn records(output: &[u8]) -> Vec<Record<'_>> {
        output.chunks_exact(SIZE).map(Record).collect()
    }
}

/// A system call with arguments already in place.
fn call(code: &mut Vec<u32>, number: u64) {
    asm::mov(code, 8, number);
    code.push(asm::SVC);
}

/// The signal handler: writes a record, and goes on after the instruction.
fn handler(code: &mut Vec<u32>) {
    // Offset of the pc in ucontext_t.
    const PC: usize = 440;
    asm::mov(code, 3, VECTORS);
    code.extend([asm::str(1, 3, 0), asm::str(2, 3, 16), asm::add(19, 2, 0), asm::add(1, 3, 0)]);
    asm::mov(code, 0, 1);
    asm::mov(code, 2, 3 + WINDOWS.len() as u64);
    // writev.
    call(code, 66);
    code.extend([asm::ldr(0, 19, PC), asm::add(0, 0, 4), asm::str(0, 19, PC), asm::RET]);
}

/// A function that fills the windows that are writable.
fn restore_windows(code: &mut Vec<u32>) {
    for (n, (address, writable)) in WINDOWS.iter().enumerate() {
        if !writable {
            continue;
        }
        asm::mov(code, 0, TEMPLATE + n as u64 * WINDOW);
        asm::mov(code, 1, *address);
        for offset in (0..WINDOW as usize).step_by(32) {
            code.extend([asm::ldp_q(0, 0, offset), asm::stp_q(0, 1, offset)]);
        }
    }
    code.push(asm::RET);
}

/// Installs the handler and sets the pages' protections.
fn start(code: &mut Vec<u32>) {
    let with = |code: &mut Vec<u32>, arguments: &[u64]| {
        for (n, &value) in (0..).zip(arguments) {
            asm::mov(code, n, value);
        }
    };
    with(code, &[STRUCTS + 64, 0]);
    // sigaltstack.
    call(code, 132);
    for signal in [4, 5, 7, 8, 11] {
        with(code, &[signal, STRUCTS, 0, 8]);
        // rt_sigaction.
        call(code, 134);
    }
    with(code, &[ARENA + PAGE, PAGE, 0]);
    // mprotect.
    call(code, 226);
    with(code, &[ARENA + 3 * PAGE, PAGE, 1]);
    call(code, 226);
    with(code, &[ARENA + 5 * PAGE, PAGE]);
    // munmap.
    call(code, 215);
    with(code, &[STRUCTS + 96, 0]);
    // memfd_create.
    call(code, 279);
    code.push(asm::add(19, 0, 0));
    asm::mov(code, 1, PAGE);
    // ftruncate.
    call(code, 46);
    with(code, &[ARENA + 7 * PAGE, 2 * PAGE, 3, 0x11]);
    code.push(asm::add(4, 19, 0));
    asm::mov(code, 5, 0);
    // mmap.
    call(code, 222);
}

/// Loads all registers from the table at `address`.
fn load(code: &mut Vec<u32>, address: u64) {
    asm::mov(code, 30, address);
    code.push(asm::add(1, 30, table::VECTORS as u32));
    code.extend((0..32).step_by(2).map(|n| asm::ldp_q(n, 1, n as usize * 16)));
    for (offset, register) in
        [(table::NZCV, asm::NZCV), (table::FPCR, asm::FPCR), (table::FPSR, asm::FPSR)]
    {
        code.extend([asm::ldr(0, 30, offset), asm::msr(register, 0)]);
    }
    code.extend([asm::ldr(0, 30, table::SP), asm::add(31, 0, 0), asm::CLREX]);
    code.extend((0..30).step_by(2).map(|n| asm::ldp(n, 30, n as usize * 8)));
    code.push(asm::ldr(30, 30, 240));
}
