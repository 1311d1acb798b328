//! The executable that runs cases.

use asm::elf::{self, Segment};
use asm::{Assembler, Label, Reach};

use super::case::Case;
use super::record::{self, Record};
use crate::subject::Subject;

/// Where code starts.
const CODE: u64 = 0x40_0000;
/// Where records start; the page before has the variables.
const RECORDS: u64 = 0x1000_0000;
/// Address of the current case's end, and after it of its record.
pub const CURRENT: u64 = RECORDS - 4096;
/// Address of the number of rounds left.
const ROUNDS: u64 = CURRENT + 16;
/// The alternate signal stack.
const STACK: u64 = RECORDS - 0x20000;
const STACK_SIZE: u64 = 0x1f000;
/// `SA_RESTORER`: the structure says where the handler returns to.
const RESTORER: u64 = 0x0400_0000;
/// Structures for system calls.
const STRUCTS: u64 = CURRENT + 64;

/// Address of record `n`.
pub fn record_address(n: usize) -> u64 {
    RECORDS + (n * record::SIZE) as u64
}

/// An executable, and where its cases are.
#[derive(Debug)]
pub struct Program {
    /// Whose it is.
    pub subject: &'static Subject,
    /// All code.
    pub code: Vec<u8>,
    /// For each case the address of its first tested instruction and of the end of its last.
    pub bounds: Vec<(u64, u64)>,
    /// The initial records.
    pub records: Vec<u8>,
    /// How often every case is executed.
    pub rounds: u64,
    entry: u64,
    restorer: Option<u64>,
}

impl Program {
    /// Puts `cases` together. Those without instructions have no code either.
    /// All of them are executed `rounds` times, each time from what the time before left.
    pub fn new(subject: &'static Subject, cases: &[Case], rounds: u64) -> Self {
        Self::without(subject, cases, rounds, 0)
    }

    /// The same code, but the first `skipped` cases are jumped over.
    pub fn without(subject: &'static Subject, cases: &[Case], rounds: u64, skipped: usize) -> Self {
        let mut a = Assembler::new(subject.isa);
        handler(&mut a, subject.frame.context_pc);
        let restorer = restorer(&mut a);
        let common = (subject.frame.common)(&mut a);
        let entry = CODE + a.code.len() as u64;
        start(&mut a);
        let first_case = a.here();
        let mut bounds = Vec::new();
        for (n, case) in cases.iter().enumerate() {
            if case.groups.is_empty() {
                bounds.push((0, 0));
                continue;
            }
            let (code, _) = case.code();
            let record = record_address(n);
            let begins = a.code.len();
            let after = a.label();
            (subject.frame.begin)(&mut a, &common, record, after);
            let first = CODE + a.code.len() as u64;
            let end = first + code.len() as u64;
            a.code.extend(code);
            a.place(after);
            (subject.frame.finish)(&mut a, &common, record);
            if n < skipped {
                a.skip(begins);
            }
            bounds.push((first, end));
        }
        again(&mut a, first_case);
        exit(&mut a, cases.len());
        let records = cases.iter().flat_map(|c| *c.start.0).collect();
        Self { subject, code: a.finish(), bounds, records, entry, rounds, restorer }
    }

    /// The code from `address` on.
    pub fn code_at(&self, address: u64) -> &[u8] {
        let offset = address.checked_sub(CODE).and_then(|offset| usize::try_from(offset).ok());
        offset.and_then(|offset| self.code.get(offset..)).unwrap_or_default()
    }

    /// The file.
    pub fn elf(&self) -> Vec<u8> {
        let mut data = vec![0; (RECORDS - STACK) as usize];
        let mut set = |address: u64, value: u64| {
            let at = (address - STACK) as usize;
            data[at..at + 8].copy_from_slice(&value.to_le_bytes());
        };
        // struct sigaction: handler at the start of code; SA_SIGINFO | SA_ONSTACK | SA_NODEFER.
        set(STRUCTS, CODE);
        set(STRUCTS + 8, 0x4800_0004 | self.restorer.map_or(0, |_| RESTORER));
        set(STRUCTS + 16, self.restorer.unwrap_or(0));
        set(ROUNDS, self.rounds);
        // stack_t.
        set(STRUCTS + 64, STACK);
        set(STRUCTS + 80, STACK_SIZE - 4096);
        data.extend(&self.records);
        elf::executable(
            &self.subject.isa.identity(),
            self.entry,
            &[
                Segment { address: CODE, bytes: self.code.clone(), code: true },
                Segment { address: STACK, bytes: data, code: false },
            ],
        )
    }

    /// The records in a run's output; fewer than all if it died.
    pub fn parse(output: &[u8]) -> Vec<Record> {
        output.chunks_exact(record::SIZE).filter_map(Record::from_bytes).collect()
    }
}

/// The signal handler: notes the signal in the current record, and goes to the end of its case.
fn handler(a: &mut Assembler, context_pc: u32) {
    let [signal, info, context, current, end, record] = a.isa.regs().args;
    let value = a.isa.regs().temps[0];
    a.value(current, CURRENT);
    a.load(end, current, 0);
    a.load(record, current, 8);
    a.store(signal, record, record::SIGNAL as u32);
    a.load(value, context, context_pc);
    a.store(value, record, record::SIGNAL_PC as u32);
    a.load(value, info, 16);
    a.store(value, record, record::SIGNAL_ADDRESS as u32);
    a.store(end, context, context_pc);
    a.ret();
}

/// What the handler returns to, if the program must bring it; its address.
fn restorer(a: &mut Assembler) -> Option<u64> {
    let at = CODE + a.code.len() as u64;
    a.isa.restorer().then(|| a.restorer())?;
    Some(at)
}

/// Installs the handler.
fn start(a: &mut Assembler) {
    let calls = a.isa.calls();
    a.call_with(calls.sigaltstack, &[STRUCTS + 64, 0]);
    // SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV.
    for signal in [4, 5, 7, 8, 11] {
        a.call_with(calls.rt_sigaction, &[signal, STRUCTS, 0, 8]);
    }
}

/// Goes back to the first case unless this was the last round.
fn again(a: &mut Assembler, first_case: Label) {
    let [address, rounds, ..] = a.isa.regs().temps;
    let over = a.label();
    a.value(address, ROUNDS);
    a.load(rounds, address, 0);
    a.add_imm(rounds, rounds, -1);
    a.store(rounds, address, 0);
    a.reach(Reach::Zero(rounds), over);
    a.reach(Reach::Jump, first_case);
    a.place(over);
}

/// Writes all records and exits.
fn exit(a: &mut Assembler, cases: usize) {
    let regs = a.isa.regs();
    let [at, end, ..] = regs.saved;
    a.value(at, RECORDS);
    a.value(end, record_address(cases));
    let again = a.here();
    a.value(regs.args[0], 1);
    a.copy(regs.args[1], at);
    a.sub(regs.args[2], end, at);
    a.call(a.isa.calls().write);
    // Nobody reads on if it fails: the output is a pipe.
    a.add(at, at, regs.result);
    a.sub(regs.temps[0], end, at);
    a.reach(Reach::NotZero(regs.temps[0]), again);
    a.call_with(a.isa.calls().exit_group, &[0]);
}
