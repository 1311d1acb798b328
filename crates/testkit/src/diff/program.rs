//! The executable that runs cases.

use super::asm;
use super::case::Case;
use super::elf::{self, Segment};
use super::record::{self, Record};

/// Where code starts.
const CODE: u64 = 0x40_0000;
/// Where records start; the page before has the variables.
const RECORDS: u64 = 0x1000_0000;
/// Address of the current case's end, and after it of its record.
const CURRENT: u64 = RECORDS - 4096;
/// Address of the number of rounds left.
const ROUNDS: u64 = CURRENT + 16;
/// The alternate signal stack.
const STACK: u64 = RECORDS - 0x20000;
const STACK_SIZE: u64 = 0x1f000;
/// Structures for system calls.
const STRUCTS: u64 = CURRENT + 64;

/// Address of record `n`.
pub fn record_address(n: usize) -> u64 {
    RECORDS + (n * record::SIZE) as u64
}

/// An executable, and where its cases are.
#[derive(Debug)]
pub struct Program {
    /// All code.
    pub words: Vec<u32>,
    /// For each case the address of its first tested word and of the word after its last.
    pub bounds: Vec<(u64, u64)>,
    /// The initial records.
    pub records: Vec<u8>,
    /// How often every case is executed.
    pub rounds: u64,
    entry: u64,
}

impl Program {
    /// Puts `cases` together. Those without instructions have no code either.
    /// All of them are executed `rounds` times, each time from what the time before left.
    pub fn new(cases: &[Case], rounds: u64) -> Self {
        Self::without(cases, rounds, 0)
    }

    /// The same code, but the first `skipped` cases are jumped over.
    pub fn without(cases: &[Case], rounds: u64, skipped: usize) -> Self {
        let mut words = Vec::new();
        handler(&mut words);
        let common = Common::new(&mut words);
        let entry = CODE + words.len() as u64 * 4;
        start(&mut words);
        let first_case = words.len();
        let mut bounds = Vec::new();
        for (n, case) in cases.iter().enumerate() {
            if case.groups.is_empty() {
                bounds.push((0, 0));
                continue;
            }
            let (code, _) = case.code();
            let record = record_address(n);
            let begins = words.len();
            common.begin(&mut words, record, code.len());
            let first = CODE + words.len() as u64 * 4;
            let end = first + code.len() as u64 * 4;
            words.extend(code);
            common.finish(&mut words, record);
            if n < skipped {
                words[begins] = 0x1400_0000 | (words.len() - begins) as u32;
            }
            bounds.push((first, end));
        }
        again(&mut words, first_case);
        exit(&mut words, cases.len());
        let records = cases.iter().flat_map(|c| *c.start.0).collect();
        Self { words, bounds, records, entry, rounds }
    }

    /// The word at `address`.
    pub fn word(&self, address: u64) -> Option<u32> {
        let index = address.checked_sub(CODE)? / 4;
        self.words.get(usize::try_from(index).ok()?).copied()
    }

    /// The file.
    pub fn elf(&self) -> Vec<u8> {
        let code = self.words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let mut data = vec![0; (RECORDS - STACK) as usize];
        let mut set = |address: u64, value: u64| {
            let at = (address - STACK) as usize;
            data[at..at + 8].copy_from_slice(&value.to_le_bytes());
        };
        // struct sigaction: handler at the start of code; SA_SIGINFO | SA_ONSTACK | SA_NODEFER.
        set(STRUCTS, CODE);
        set(STRUCTS + 8, 0x4800_0004);
        set(ROUNDS, self.rounds);
        // stack_t.
        set(STRUCTS + 64, STACK);
        set(STRUCTS + 80, STACK_SIZE - 4096);
        data.extend(&self.records);
        elf::write(
            self.entry,
            &[
                Segment { address: CODE, bytes: code, code: true },
                Segment { address: STACK, bytes: data, code: false },
            ],
        )
    }

    /// The records in a run's output; fewer than all if it died.
    pub fn parse(output: &[u8]) -> Vec<Record> {
        output.chunks_exact(record::SIZE).filter_map(Record::from_bytes).collect()
    }
}

/// A system call with arguments already in place.
fn call(code: &mut Vec<u32>, number: u64) {
    asm::mov(code, 8, number);
    code.push(asm::SVC);
}

/// The signal handler: notes the signal in the current record, and goes to the end of its case.
fn handler(code: &mut Vec<u32>) {
    // Offset of the pc in ucontext_t.
    const PC: usize = 440;
    asm::mov(code, 3, CURRENT);
    code.extend([
        asm::ldr(4, 3, 0),
        asm::ldr(5, 3, 8),
        asm::str(0, 5, record::SIGNAL),
        asm::ldr(6, 2, PC),
        asm::str(6, 5, record::SIGNAL_PC),
        asm::ldr(6, 1, 16),
        asm::str(6, 5, record::SIGNAL_ADDRESS),
        asm::str(4, 2, PC),
        asm::RET,
    ]);
}

/// Installs the handler.
fn start(code: &mut Vec<u32>) {
    asm::mov(code, 0, STRUCTS + 64);
    asm::mov(code, 1, 0);
    // sigaltstack.
    call(code, 132);
    // SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV.
    for signal in [4, 5, 7, 8, 11] {
        asm::mov(code, 0, signal);
        asm::mov(code, 1, STRUCTS);
        asm::mov(code, 2, 0);
        asm::mov(code, 3, 8);
        // rt_sigaction.
        call(code, 134);
    }
}

/// What all cases have in common, so that it is translated once: a case itself only says where its
/// record is.
struct Common {
    /// Index of the code that loads all registers but x29 and x30.
    load: usize,
    /// Index of the code that stores all of them and goes on behind the case.
    store: usize,
}

impl Common {
    /// Words behind the tested ones.
    const FINISH: u64 = 4;

    /// Appends the code.
    fn new(code: &mut Vec<u32>) -> Self {
        let load = code.len();
        load_registers(code);
        let store = code.len();
        store_registers(code);
        Self { load, store }
    }

    /// The start of a case of `length` words.
    fn begin(&self, code: &mut Vec<u32>, record: u64, length: usize) {
        asm::mov_wide(code, 30, record);
        // Behind this, the branch and LDP are the tested words.
        code.push(asm::adr(0, 4 + length as u32));
        code.push(asm::adr(29, 2));
        code.push(asm::b(code.len(), self.load));
        code.push(asm::ldp(29, 30, 232));
    }

    /// The end of a case.
    fn finish(&self, code: &mut Vec<u32>, record: u64) {
        let from = code.len();
        code.push(asm::msr(asm::TPIDR, 30));
        asm::mov_wide(code, 30, record);
        code.push(asm::b(code.len(), self.store));
        debug_assert_eq!((code.len() - from) as u64, Self::FINISH);
    }
}

/// Loads all registers but x29 and x30 from the record at x30, and goes to x29. The end of the case
/// is in x0.
fn load_registers(code: &mut Vec<u32>) {
    asm::mov(code, 1, CURRENT);
    code.extend([asm::str(0, 1, 0), asm::str(30, 1, 8)]);
    code.push(asm::str(31, 30, record::COUNTER));
    code.push(asm::add(1, 30, record::VECTORS as u32));
    code.extend((0..32).step_by(2).map(|n| asm::ldp_q(n, 1, n as usize * 16)));
    for (offset, register) in
        [(record::NZCV, asm::NZCV), (record::FPCR, asm::FPCR), (record::FPSR, asm::FPSR)]
    {
        code.extend([asm::ldr(0, 30, offset), asm::msr(register, 0)]);
    }
    code.extend([asm::ldr(0, 30, 248), asm::add(31, 0, 0), asm::CLREX]);
    code.extend((0..28).step_by(2).map(|n| asm::ldp(n, 30, n as usize * 8)));
    code.extend([asm::ldr(28, 30, 224), asm::br(29)]);
}

/// Stores all registers in the record at x30, whose own value is in TPIDR, and goes on behind the
/// case.
fn store_registers(code: &mut Vec<u32>) {
    code.extend((0..30).step_by(2).map(|n| asm::stp(n, 30, n as usize * 8)));
    code.extend([asm::mrs(0, asm::TPIDR), asm::str(0, 30, 240)]);
    code.extend([asm::add(0, 31, 0), asm::str(0, 30, 248)]);
    for (offset, register) in
        [(record::NZCV, asm::NZCV), (record::FPCR, asm::FPCR), (record::FPSR, asm::FPSR)]
    {
        code.extend([asm::mrs(0, register), asm::str(0, 30, offset)]);
    }
    code.push(asm::msr(asm::FPCR, 31));
    code.push(asm::add(1, 30, record::VECTORS as u32));
    code.extend((0..32).step_by(2).map(|n| asm::stp_q(n, 1, n as usize * 16)));
    asm::mov(code, 1, CURRENT);
    code.extend([asm::ldr(1, 1, 0), asm::add(1, 1, 4 * Common::FINISH as u32), asm::br(1)]);
}

/// Goes back to the first case unless this was the last round.
fn again(code: &mut Vec<u32>, first_case: usize) {
    asm::mov(code, 1, ROUNDS);
    // subs x0, x0, #1; str x0, [x1]; b.eq over; b first_case.
    code.extend([asm::ldr(0, 1, 0), 0xf100_0400, asm::str(0, 1, 0), 0x5400_0040]);
    let back = (first_case as u32).wrapping_sub(code.len() as u32) & 0x3ff_ffff;
    code.push(0x1400_0000 | back);
}

/// Writes all records and exits.
fn exit(code: &mut Vec<u32>, cases: usize) {
    asm::mov(code, 20, RECORDS);
    asm::mov(code, 21, record_address(cases));
    let again = code.len();
    asm::mov(code, 0, 1);
    // mov x1, x20; sub x2, x21, x20.
    code.extend([0xaa14_03e1, 0xcb14_02a2]);
    // write.
    call(code, 64);
    // cmp x0, #0; b.le out; add x20, x20, x0; cmp x20, x21; b.lo again.
    code.extend([0xf100_001f, 0x5400_008d, 0x8b00_0294, 0xeb15_029f]);
    let back = (again as u32).wrapping_sub(code.len() as u32) & 0x7_ffff;
    code.push(0x5400_0003 | back << 5);
    asm::mov(code, 0, 0);
    // exit_group.
    call(code, 94);
}
