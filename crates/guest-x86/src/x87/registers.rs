//! The stack of registers, and the words that go with it.

use crate::state::{FIRST_X87, SLOT_X87_CONTROL, SLOT_X87_STATUS, SLOT_X87_TAGS};
use ir::State;
use ir::state::FIRST_VEC;
use softfloat::rules::X87;
use softfloat::wide::Wide;
use softfloat::{DZC, Fp, FpControl, IDC, IOC, IXC, OFC, Round, UFC};

/// Exceptions in the status and the control word.
pub(super) const INVALID: u16 = 1;
pub(super) const DENORMAL: u16 = 2;
pub(super) const ZERO_DIVIDE: u16 = 4;
const OVERFLOW: u16 = 8;
const UNDERFLOW: u16 = 16;
const PRECISION: u16 = 32;
const ALL: u16 = 63;
/// A stack fault.
const STACK: u16 = 64;
/// What is pending, twice: ES and B.
const SUMMARY: u16 = 0x8080;
/// Condition codes.
pub(super) const C0: u16 = 0x100;
pub(super) const C1: u16 = 0x200;
pub(super) const C2: u16 = 0x400;
pub(super) const C3: u16 = 0x4000;

/// 80 bits.
pub(super) const F: Wide = Wide::F80;

/// Why an instruction was not done.
pub(super) enum Fault {
    /// Its memory is not there.
    Memory(guest::MemFault),
}

/// The registers of the x87 in a state.
pub(super) struct Registers<'a> {
    pub(super) state: &'a mut State,
}

impl Registers<'_> {
    fn slot(&mut self, number: u16) -> &mut u64 {
        &mut self.state.int[usize::from(number)]
    }
    pub(super) fn control(&self) -> u16 {
        self.state.int[usize::from(SLOT_X87_CONTROL)] as u16
    }
    pub(super) fn status(&self) -> u16 {
        self.state.int[usize::from(SLOT_X87_STATUS)] as u16
    }
    pub(super) fn tags(&self) -> u8 {
        self.state.int[usize::from(SLOT_X87_TAGS)] as u8
    }
    pub(super) fn set_status(&mut self, status: u16) {
        *self.slot(SLOT_X87_STATUS) = status.into();
    }
    pub(super) fn set_tags(&mut self, tags: u8) {
        *self.slot(SLOT_X87_TAGS) = tags.into();
    }
    /// Sets the control word; what it unmasks is pending.
    pub(super) fn set_control(&mut self, control: u16) {
        *self.slot(SLOT_X87_CONTROL) = u64::from(control & 0x1f3f | 0x40);
        self.summarize();
    }
    /// Sets or clears the summary bits.
    pub(super) fn summarize(&mut self) {
        let status = self.status() & !SUMMARY;
        let summary = if self.unmasked() == 0 { 0 } else { SUMMARY };
        self.set_status(status | summary);
    }
    /// The exceptions that are raised and not masked.
    pub(super) fn unmasked(&self) -> u16 {
        self.status() & !self.control() & ALL
    }
    pub(super) fn pending(&self) -> bool {
        self.status() & SUMMARY != 0
    }
    /// The number of the register at the top.
    pub(super) fn top(&self) -> u8 {
        (self.status() >> 11 & 7) as u8
    }
    /// Adds to the number, modulo 8; C1 is cleared.
    pub(super) fn turn(&mut self, by: u8) {
        let top = u16::from((self.top() + by) & 7);
        self.set_status(self.status() & !(7 << 11 | C1) | top << 11);
    }
    fn physical(&self, n: u8) -> u8 {
        (self.top() + n) & 7
    }
    fn index(physical: u8) -> usize {
        usize::from(FIRST_X87 - FIRST_VEC) + usize::from(physical)
    }
    pub(super) fn is_empty(&self, n: u8) -> bool {
        self.tags() >> self.physical(n) & 1 == 0
    }
    /// Register `n` from the top, whether empty or not.
    pub(super) fn raw(&self, n: u8) -> u128 {
        self.state.vec[Self::index(self.physical(n))]
    }
    /// Sets it; it is no longer empty.
    pub(super) fn set(&mut self, n: u8, value: u128) {
        let physical = self.physical(n);
        self.state.vec[Self::index(physical)] = value;
        self.set_tags(self.tags() | 1 << physical);
    }
    pub(super) fn free(&mut self, n: u8) {
        self.set_tags(self.tags() & !(1 << self.physical(n)));
    }
    /// Empties the top and goes to the next.
    pub(super) fn pop(&mut self) {
        self.free(0);
        let c1 = self.status() & C1;
        self.turn(1);
        self.set_status(self.status() | c1);
    }
    pub(super) fn clear_exceptions(&mut self) {
        self.set_status(self.status() & !(ALL | STACK | SUMMARY));
    }
    pub(super) fn initialize(&mut self) {
        *self.slot(SLOT_X87_CONTROL) = 0x37f;
        for slot in SLOT_X87_STATUS..=crate::state::SLOT_X87_DATA {
            *self.slot(slot) = 0;
        }
    }
    pub(super) fn set_condition(&mut self, bits: u16) {
        self.set_status(self.status() & !(C0 | C1 | C2 | C3) | bits);
    }
    pub(super) fn set_c1(&mut self, on: bool) {
        self.set_status(self.status() & !C1 | if on { C1 } else { 0 });
    }

    /// The rounding mode.
    pub(super) fn rounding(&self) -> Round {
        [Round::Nearest, Round::Down, Round::Up, Round::Zero][usize::from(self.control() >> 10 & 3)]
    }
    /// The format to which arithmetic rounds.
    pub(super) fn precision(&self) -> Wide {
        match self.control() >> 8 & 3 {
            0 => F.rounded_to(24),
            2 => F.rounded_to(53),
            _ => F,
        }
    }
    /// An operation with these modes, which raises what it raises. The result, and whether what it
    /// raised lets it be stored.
    pub(super) fn compute(
        &mut self,
        mode: Round,
        operation: impl Fn(&mut Fp) -> u128,
    ) -> (u128, Raised) {
        let run = |rounding| {
            let mut fp = Fp::new(FpControl { rounding, ..FpControl::new(X87) });
            (operation(&mut fp), fp.status)
        };
        let (result, status) = run(mode);
        let mut raised = Raised { bits: exceptions(status), up: false };
        if raised.bits & PRECISION != 0 {
            // Greater than what is cut off.
            raised.up = result != run(Round::Zero).0;
        }
        (result, raised)
    }
    /// Raises exceptions; false if one of those that keep a result from being stored is not masked.
    pub(super) fn raise(&mut self, mut raised: Raised, keeping: u16) -> bool {
        if raised.bits & !self.control() & BEFORE != 0 {
            // Nothing is computed that could raise the others.
            raised.bits &= BEFORE;
        }
        self.set_status(self.status() | raised.bits);
        let stopped = raised.bits & !self.control() & keeping != 0;
        self.summarize();
        self.set_c1(raised.up && !stopped);
        !stopped
    }
    /// A register is used that is empty (or, `overflow`, one is pushed where none is free): whether what
    /// stands for its value is used.
    pub(super) fn stack_fault(&mut self, overflow: bool) -> bool {
        self.set_status(self.status() | INVALID | STACK);
        self.summarize();
        self.set_c1(overflow);
        self.control() & INVALID != 0
    }
    /// Pushes a value.
    pub(super) fn push(&mut self, value: u128) {
        let full = !self.is_empty(7);
        if full && !self.stack_fault(true) {
            return;
        }
        let top = u16::from((self.top() + 7) & 7);
        self.set_status(self.status() & !(7 << 11) | top << 11);
        self.set(0, if full { INDEFINITE } else { value });
        self.set_c1(full);
    }
}

/// The NaN that stands for no value.
pub(super) const INDEFINITE: u128 = F.default_nan(true);
/// What keeps arithmetic from storing its result.
pub(super) const BEFORE: u16 = INVALID | DENORMAL | ZERO_DIVIDE;
/// What keeps results from being stored in memory.
pub(super) const IN_MEMORY: u16 = INVALID | OVERFLOW | UNDERFLOW;

/// What an operation has raised.
#[derive(Clone, Copy, Default)]
pub(super) struct Raised {
    pub(super) bits: u16,
    /// The result was rounded away from zero.
    pub(super) up: bool,
}

fn exceptions(status: u32) -> u16 {
    [
        (IOC, INVALID),
        (IDC, DENORMAL),
        (DZC, ZERO_DIVIDE),
        (OFC, OVERFLOW),
        (UFC, UNDERFLOW),
        (IXC, PRECISION),
    ]
    .iter()
    .filter(|(bit, _)| status & bit != 0)
    .fold(0, |all, (_, bit)| all | bit)
}
