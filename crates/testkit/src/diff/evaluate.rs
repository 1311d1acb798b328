//! Runs the cases of a program with the reference evaluator, in this process.

use eval::{MemFault, Memory, Outcome};
use guest::{Address, Fetch, Guest, KeyRequest, Mode};
use ir::state as kinds;
use ir::{Block, State};

use super::program::{Program, record_address};
use super::record::{self, Record};

/// Guest memory: the record of the case, and code to read.
struct Space<'a> {
    guest: &'a dyn Guest,
    program: &'a Program,
    record: &'a mut Record,
    address: u64,
}

impl Space<'_> {
    /// The bytes of an access, if they are in the record.
    fn bytes(&mut self, address: u64, size: usize) -> Option<&mut [u8]> {
        let offset = usize::try_from(address.checked_sub(self.address)?).ok()?;
        self.record.0.get_mut(offset..offset.checked_add(size)?)
    }
}

impl guest::Space for Space<'_> {
    fn load(&mut self, addr: u64, out: &mut [u8]) -> Result<(), guest::MemFault> {
        let program = self.program;
        let at = self.guest.canonical(addr);
        let bytes = match self.bytes(at, out.len()) {
            Some(bytes) => bytes,
            None => program
                .code_at(at)
                .get(..out.len())
                .ok_or(guest::MemFault { addr, write: false })?,
        };
        out.copy_from_slice(bytes);
        Ok(())
    }
    fn store(&mut self, addr: u64, bytes: &[u8]) -> Result<(), guest::MemFault> {
        let to = self.bytes(self.guest.canonical(addr), bytes.len());
        to.ok_or(guest::MemFault { addr, write: true })?.copy_from_slice(bytes);
        Ok(())
    }
}

impl Memory for Space<'_> {
    fn load(&mut self, addr: u64, size: usize) -> Result<u128, MemFault> {
        let addr = self.guest.canonical(addr);
        let mut value = [0; 16];
        if let Some(bytes) = self.bytes(addr, size) {
            value[..size].copy_from_slice(bytes);
            return Ok(u128::from_le_bytes(value));
        }
        let code = self.program.code_at(addr).get(..size);
        value[..size].copy_from_slice(code.ok_or(MemFault {
            addr,
            alignment: false,
            write: false,
        })?);
        Ok(u128::from_le_bytes(value))
    }

    fn store(&mut self, addr: u64, size: usize, value: u128) -> Result<(), MemFault> {
        let addr = self.guest.canonical(addr);
        let bytes =
            self.bytes(addr, size).ok_or(MemFault { addr, alignment: false, write: true })?;
        bytes.copy_from_slice(&value.to_le_bytes()[..size]);
        Ok(())
    }
}

/// Code that ends where the case does.
struct Code<'a> {
    program: &'a Program,
    end: u64,
}

impl Fetch for Code<'_> {
    fn bytes(&mut self, pc: u64, out: &mut [u8]) -> usize {
        let left = usize::try_from(self.end.saturating_sub(pc)).unwrap_or(usize::MAX);
        let code = self.program.code_at(pc);
        let count = code.len().min(left).min(out.len());
        out[..count].copy_from_slice(&code[..count]);
        count
    }
}

/// What case `n` leaves after all rounds. With `single` every instruction is translated on its own.
pub fn run(program: &Program, n: usize, start: &Record, single: bool) -> Record {
    let ignore = &mut |_: &[u8]| {};
    (0..program.rounds).fold(start.clone(), |record, _| round(program, n, &record, single, ignore))
}

/// Executes case `n` once and calls `seen` with each instruction.
pub fn trace(program: &Program, n: usize, start: &Record, seen: &mut dyn FnMut(&[u8])) {
    round(program, n, start, true, seen);
}

/// Executes case `n` once; calls `seen` with the first instruction of each block.
fn round(
    program: &Program,
    n: usize,
    start: &Record,
    single: bool,
    seen: &mut dyn FnMut(&[u8]),
) -> Record {
    let (first, end) = program.bounds[n];
    let mut record = start.clone();
    if first == end {
        return record;
    }
    record.set(record::COUNTER, 0);
    let subject = program.subject;
    let guest = (subject.guest)();
    let mut state = Box::new(State::new());
    guest.keys(KeyRequest::Enable { which: 15, on: 15 }, &mut state);
    subject.layout.load(start, &mut state);
    state.set_pc(first);
    // Integer slots have the numbers of their registers.
    let result = usize::from(subject.isa.regs().result);
    let mut block = Block::default();
    let mut signal = None;
    while (first..end).contains(&state.pc()) && signal.is_none() {
        let pc = state.pc();
        seen(program.code_at(pc));
        let control = guest.control(&state);
        let mode = Mode { key: control.key, single, hint: guest.hint(&state), ..Mode::default() };
        guest.translate(&mut Code { program, end }, pc, mode, &mut block);
        state.fp = control.fp;
        let mut space =
            Space { guest: &*guest, program, record: &mut record, address: record_address(n) };
        match eval::run(&block, &mut state, &mut space) {
            Outcome::Exit(_) | Outcome::Call { .. } => {}
            Outcome::Runtime { op, args } => {
                let effect = guest.runtime(op.cast_unsigned(), args, &mut state, &mut space);
                let at = state.pc().wrapping_sub(block.length_before(state.pc()));
                signal = match effect {
                    guest::Effect::Trap { kind, argument } => {
                        state.set_pc(at);
                        Some(trap(kind, argument.cast_signed(), &mut state))
                    }
                    guest::Effect::Fault(fault) => {
                        state.set_pc(at);
                        Some(segv(&*guest, fault.addr))
                    }
                    _ => None,
                };
            }
            // ENOSYS: there are no others.
            Outcome::Syscall(_) => state.int[result] = 38u64.wrapping_neg(),
            Outcome::Trap { kind, arg } => signal = Some(trap(kind, arg, &mut state)),
            Outcome::Fault(fault) if fault.alignment => {
                let protection = guest.spec().address == Address::Canonical;
                signal = Some(if protection { (11, 0) } else { (7, fault.addr) });
            }
            Outcome::Fault(fault) => signal = Some(segv(&*guest, fault.addr)),
        }
    }
    subject.layout.store(&state, &mut record);
    if let Some((number, address)) = signal {
        record.set(record::SIGNAL, number);
        record.set(record::SIGNAL_PC, state.pc());
        record.set(record::SIGNAL_ADDRESS, address);
    }
    record
}

/// The signal of a trap at pc, and its address.
fn trap(kind: u16, argument: i32, state: &mut State) -> (u64, u64) {
    let pc = state.pc();
    match kind {
        kinds::TRAP_UNDEFINED => (4, pc),
        kinds::TRAP_BREAKPOINT => (5, pc),
        // The instruction is over.
        kinds::TRAP_INTERRUPT => {
            state.set_pc(pc.wrapping_add(argument as u64));
            (5, 0)
        }
        kinds::TRAP_DIVIDE | kinds::TRAP_FLOAT => (8, pc),
        kinds::TRAP_PROTECTION => (11, 0),
        _ => (7, pc),
    }
}

/// The signal of an access to `addr`, where nothing is: processors do not tell an address that is none.
fn segv(guest: &dyn Guest, addr: u64) -> (u64, u64) {
    let none = guest.spec().address == Address::Canonical && !matches!(addr >> 47, 0 | 0x1_ffff);
    (11, if none { 0 } else { addr })
}
