//! The x87: its instructions are executed by the runtime, exactly, in 80 bits (Intel SDM volume 1, 8).
//!
//! Unmasked exceptions are noted in the status word and raise no signal, and C1 does not tell roundings up.

use crate::decode::{Insn, Op, Operand};
use crate::operand::is_memory;
use crate::runtime::X87;
use crate::state::{FIRST_X87, SLOT_X87_CONTROL, SLOT_X87_STATUS, SLOT_X87_TAGS};
use crate::translator::Translator;
use core::cmp::Ordering;
use guest::{Effect, Flow, MemFault, Space};
use ir::state::FIRST_VEC;
use ir::{FpControl, Round, State};
use softfloat::wide::Wide;
use softfloat::{Format, Fp, rules};

const F80: Wide = Wide::F80;
const F32: Wide = Wide::narrow(Format::F32);
const F64: Wide = Wide::narrow(Format::F64);

/// Bits of the status word.
const INVALID: u64 = 1;
const STACK_FAULT: u64 = 1 << 6;
const SUMMARY: u64 = 1 << 7;
const C0: u64 = 1 << 8;
const C1: u64 = 1 << 9;
const C2: u64 = 1 << 10;
const C3: u64 = 1 << 14;
const CONDITIONS: u64 = C0 | C1 | C2 | C3;

impl Translator<'_> {
    /// Any instruction of the x87: with the address of its operand, or the number of its register.
    pub(crate) fn x87(&mut self, i: &Insn) -> Flow {
        let argument = match i.operands.iter().find(|&&operand| is_memory(operand)) {
            Some(_) => self.plain_address(i),
            None => {
                let numbers = i.operands.iter().filter_map(|operand| match operand {
                    Operand::St { n } => Some(u64::from(*n)),
                    _ => None,
                });
                // (Of two registers one is the top.)
                let n = numbers.max().unwrap_or_default();
                self.imm(n)
            }
        };
        let zero = self.imm(0);
        self.runtime(X87 + i.op as u32, argument, zero)
    }
}

/// The registers, during an instruction.
struct Unit<'a> {
    state: &'a mut State,
    fp: Fp,
    /// Exceptions and conditions to be noted.
    raised: u64,
}

impl<'a> Unit<'a> {
    fn new(state: &'a mut State) -> Self {
        let rounding = match state.int[usize::from(SLOT_X87_CONTROL)] >> 10 & 3 {
            0 => Round::Nearest,
            1 => Round::Down,
            2 => Round::Up,
            _ => Round::Zero,
        };
        let control = FpControl { rounding, ..FpControl::new(rules::X87) };
        Self { state, fp: Fp::new(control), raised: 0 }
    }
    fn status(&mut self) -> &mut u64 {
        &mut self.state.int[usize::from(SLOT_X87_STATUS)]
    }
    fn top(&self) -> u64 {
        self.state.int[usize::from(SLOT_X87_STATUS)] >> 11 & 7
    }
    fn move_top(&mut self, by: u64) {
        let top = self.top().wrapping_add(by) & 7;
        let status = self.status();
        *status = *status & !(7 << 11) | top << 11;
    }
    fn physical(&self, n: u64) -> u64 {
        (self.top() + n) & 7
    }
    fn is_empty(&self, n: u64) -> bool {
        self.state.int[usize::from(SLOT_X87_TAGS)] >> self.physical(n) & 1 == 0
    }
    fn set_empty(&mut self, n: u64, empty: bool) {
        let bit = 1 << self.physical(n);
        let tags = &mut self.state.int[usize::from(SLOT_X87_TAGS)];
        *tags = if empty { *tags & !bit } else { *tags | bit };
    }
    fn slot(&self, n: u64) -> usize {
        usize::from(FIRST_X87 - FIRST_VEC) + self.physical(n) as usize
    }
    /// A register's value; of an empty one the default NaN, which is a stack fault.
    fn get(&mut self, n: u64) -> u128 {
        if self.is_empty(n) {
            self.raised |= INVALID | STACK_FAULT;
            return F80.default_nan(true);
        }
        self.state.vec[self.slot(n)]
    }
    fn set(&mut self, n: u64, value: u128) {
        let slot = self.slot(n);
        self.state.vec[slot] = value;
        self.set_empty(n, false);
    }
    fn push(&mut self, value: u128) {
        self.move_top(7);
        let full = !self.is_empty(0);
        if full {
            self.raised |= INVALID | STACK_FAULT | C1;
        }
        self.set(0, if full { F80.default_nan(true) } else { value });
    }
    fn pop(&mut self) {
        self.set_empty(0, true);
        self.move_top(1);
    }
    /// The format that results are rounded to.
    fn precision(&self) -> Wide {
        match self.state.int[usize::from(SLOT_X87_CONTROL)] >> 8 & 3 {
            0 => F80.rounded_to(24),
            2 => F80.rounded_to(53),
            _ => F80,
        }
    }
    /// Notes what has been raised.
    fn finish(mut self) -> Effect {
        let bit = |from: u32, to: u32| u64::from(self.fp.status >> from & 1) << to;
        let exceptions = bit(0, 0) | bit(7, 1) | bit(1, 2) | bit(2, 3) | bit(3, 4) | bit(4, 5);
        let raised = self.raised | exceptions;
        let masks = self.state.int[usize::from(SLOT_X87_CONTROL)] & 0x3f;
        let status = self.status();
        *status = *status & !C1 | raised;
        if *status & 0x3f & !masks != 0 {
            *status |= SUMMARY;
        }
        Effect::None
    }
    fn compare(&mut self, a: u128, b: u128, on_any: bool) -> Option<Ordering> {
        if self.raised & INVALID != 0 {
            return None;
        }
        self.fp.wide_order(F80, a, b, on_any)
    }
    /// Sets C3, C2 and C0.
    fn conditions(&mut self, order: Option<Ordering>) {
        let bits = match order {
            Some(Ordering::Greater) => 0,
            Some(Ordering::Less) => C0,
            Some(Ordering::Equal) => C3,
            None => C0 | C2 | C3,
        };
        *self.status() &= !(C0 | C2 | C3);
        self.raised |= bits;
    }
    /// Sets the flags of integers.
    fn flags(&mut self, order: Option<Ordering>) {
        self.state.set_six_flags(match order {
            Some(Ordering::Greater) => 0x2000_0000,
            Some(Ordering::Less) => 0,
            Some(Ordering::Equal) => 0x6000_0000,
            None => 0x4800_0000,
        });
    }
}

/// What is computed of two operands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arithmetic {
    Add,
    Mul,
    Sub,
    SubReversed,
    Div,
    DivReversed,
}

/// What an operand in memory is.
#[derive(Clone, Copy)]
enum Kind {
    Single,
    Double,
    Word,
    Dword,
    Qword,
}

impl Kind {
    const fn len(self) -> usize {
        match self {
            Self::Word => 2,
            Self::Single | Self::Dword => 4,
            Self::Double | Self::Qword => 8,
        }
    }
}

fn load(space: &mut dyn Space, at: u64, len: usize) -> Result<u128, MemFault> {
    let mut bytes = [0; 16];
    space.load(at, &mut bytes[..len])?;
    Ok(u128::from_le_bytes(bytes))
}

impl Unit<'_> {
    fn operand(&mut self, kind: Kind, space: &mut dyn Space, at: u64) -> Result<u128, MemFault> {
        let bits = load(space, at, kind.len())?;
        Ok(match kind {
            Kind::Single => self.fp.wide_convert(F32, F80, bits),
            Kind::Double => self.fp.wide_convert(F64, F80, bits),
            _ => self.fp.wide_from_int(F80, bits as u64, true, 8 * kind.len() as u32),
        })
    }
    /// Stores the top of the stack; integers rounded as `rounding` says.
    fn store(
        &mut self,
        kind: Kind,
        rounding: Round,
        space: &mut dyn Space,
        at: u64,
    ) -> Result<(), MemFault> {
        let value = self.get(0);
        let bits = match kind {
            Kind::Single => self.fp.wide_convert(F80, F32, value) as u64,
            Kind::Double => self.fp.wide_convert(F80, F64, value) as u64,
            _ => self.fp.wide_to_int(F80, value, true, 8 * kind.len() as u32, rounding),
        };
        space.store(at, &bits.to_le_bytes()[..kind.len()])
    }
    fn compute(&mut self, what: Arithmetic, a: u128, b: u128) -> u128 {
        let f = self.precision();
        match what {
            Arithmetic::Add => self.fp.wide_add(f, a, b),
            Arithmetic::Mul => self.fp.wide_mul(f, a, b),
            Arithmetic::Sub => self.fp.wide_sub(f, a, b),
            Arithmetic::SubReversed => self.fp.wide_sub(f, b, a),
            Arithmetic::Div => self.fp.wide_div(f, a, b),
            Arithmetic::DivReversed => self.fp.wide_div(f, b, a),
        }
    }
    fn classify(&mut self) {
        let value = self.state.vec[self.slot(0)];
        let (field, integer) = (value >> 64 & 0x7fff, value as u64);
        let sign = if value >> 79 & 1 != 0 { C1 } else { 0 };
        let class = match (self.is_empty(0), field, integer) {
            (true, ..) => C3 | C0,
            (_, 0, 0) => C3,
            (_, 0, _) => C3 | C2,
            (_, _, 0..0x8000_0000_0000_0000) => 0,
            (_, 0x7fff, 0x8000_0000_0000_0000) => C2 | C0,
            (_, 0x7fff, _) => C0,
            _ => C2,
        };
        *self.status() &= !CONDITIONS;
        self.raised |= class | sign;
    }
}

/// The arithmetic of `op`, and its operand in memory if it has one; whether the result goes to the register
/// instead of the top, and whether the top is popped.
fn arithmetic(op: Op) -> Option<(Arithmetic, Option<Kind>, bool, bool)> {
    use Arithmetic::{Add, Div, DivReversed, Mul, Sub, SubReversed};
    use Kind::{Double, Dword, Single, Word};
    let memory = |what, kind| Some((what, Some(kind), false, false));
    match op {
        Op::FaddM32 => memory(Add, Single),
        Op::FaddM64 => memory(Add, Double),
        Op::FiaddM32 => memory(Add, Dword),
        Op::FiaddM16 => memory(Add, Word),
        Op::FmulM32 => memory(Mul, Single),
        Op::FmulM64 => memory(Mul, Double),
        Op::FimulM32 => memory(Mul, Dword),
        Op::FimulM16 => memory(Mul, Word),
        Op::FsubM32 => memory(Sub, Single),
        Op::FsubM64 => memory(Sub, Double),
        Op::FisubM32 => memory(Sub, Dword),
        Op::FisubM16 => memory(Sub, Word),
        Op::FsubrM32 => memory(SubReversed, Single),
        Op::FsubrM64 => memory(SubReversed, Double),
        Op::FisubrM32 => memory(SubReversed, Dword),
        Op::FisubrM16 => memory(SubReversed, Word),
        Op::FdivM32 => memory(Div, Single),
        Op::FdivM64 => memory(Div, Double),
        Op::FidivM32 => memory(Div, Dword),
        Op::FidivM16 => memory(Div, Word),
        Op::FdivrM32 => memory(DivReversed, Single),
        Op::FdivrM64 => memory(DivReversed, Double),
        Op::FidivrM32 => memory(DivReversed, Dword),
        Op::FidivrM16 => memory(DivReversed, Word),
        Op::FaddStR => Some((Add, None, false, false)),
        Op::FmulStR => Some((Mul, None, false, false)),
        Op::FsubStR => Some((Sub, None, false, false)),
        Op::FsubrStR => Some((SubReversed, None, false, false)),
        Op::FdivStR => Some((Div, None, false, false)),
        Op::FdivrStR => Some((DivReversed, None, false, false)),
        Op::FaddRSt => Some((Add, None, true, false)),
        Op::Faddp => Some((Add, None, true, true)),
        Op::FmulRSt => Some((Mul, None, true, false)),
        Op::Fmulp => Some((Mul, None, true, true)),
        Op::FsubRSt => Some((Sub, None, true, false)),
        Op::Fsubp => Some((Sub, None, true, true)),
        Op::FsubrRSt => Some((SubReversed, None, true, false)),
        Op::Fsubrp => Some((SubReversed, None, true, true)),
        Op::FdivRSt => Some((Div, None, true, false)),
        Op::Fdivp => Some((Div, None, true, true)),
        Op::FdivrRSt => Some((DivReversed, None, true, false)),
        Op::Fdivrp => Some((DivReversed, None, true, true)),
        _ => None,
    }
}

/// Executes the instruction with this number.
pub(crate) fn run(number: u32, argument: u64, state: &mut State, space: &mut dyn Space) -> Effect {
    let Some(&op) = Op::ALL.get(number as usize) else { return Effect::None };
    let before = (state.int[usize::from(SLOT_X87_STATUS)], state.int[usize::from(SLOT_X87_TAGS)]);
    let mut unit = Unit::new(state);
    let done = match arithmetic(op) {
        Some((what, kind, to_register, pops)) => {
            operate(&mut unit, (what, kind, to_register, pops), argument, space)
        }
        None => moves(&mut unit, op, argument, space),
    };
    match done {
        Ok(()) => unit.finish(),
        Err(fault) => {
            (state.int[usize::from(SLOT_X87_STATUS)], state.int[usize::from(SLOT_X87_TAGS)]) =
                before;
            Effect::Fault(fault)
        }
    }
}

fn operate(
    unit: &mut Unit<'_>,
    (what, kind, to_register, pops): (Arithmetic, Option<Kind>, bool, bool),
    argument: u64,
    space: &mut dyn Space,
) -> Result<(), MemFault> {
    let other = match kind {
        Some(kind) => unit.operand(kind, space, argument)?,
        None => unit.get(argument),
    };
    let top = unit.get(0);
    let result =
        if to_register { unit.compute(what, other, top) } else { unit.compute(what, top, other) };
    unit.set(if to_register { argument } else { 0 }, result);
    if pops {
        unit.pop();
    }
    Ok(())
}

/// Loads, stores, comparisons and control.
fn moves(
    unit: &mut Unit<'_>,
    op: Op,
    argument: u64,
    space: &mut dyn Space,
) -> Result<(), MemFault> {
    use Kind::{Double, Dword, Qword, Single, Word};
    let rounding = unit.fp.control.rounding;
    let (stored, pops) = match op {
        Op::FstM32 => (Some((Single, rounding)), false),
        Op::FstM64 => (Some((Double, rounding)), false),
        Op::FstpM32 => (Some((Single, rounding)), true),
        Op::FstpM64 => (Some((Double, rounding)), true),
        Op::FistM16 => (Some((Word, rounding)), false),
        Op::FistM32 => (Some((Dword, rounding)), false),
        Op::FistpM16 => (Some((Word, rounding)), true),
        Op::FistpM32 => (Some((Dword, rounding)), true),
        Op::FistpM64 => (Some((Qword, rounding)), true),
        Op::FisttpM16 => (Some((Word, Round::Zero)), true),
        Op::FisttpM32 => (Some((Dword, Round::Zero)), true),
        Op::FisttpM64 => (Some((Qword, Round::Zero)), true),
        _ => (None, false),
    };
    if let Some((kind, rounding)) = stored {
        unit.store(kind, rounding, space, argument)?;
        if pops {
            unit.pop();
        }
        return Ok(());
    }
    let loaded = match op {
        Op::FldM32 => Some(Single),
        Op::FldM64 => Some(Double),
        Op::FildM16 => Some(Word),
        Op::FildM32 => Some(Dword),
        Op::FildM64 => Some(Qword),
        _ => None,
    };
    if let Some(kind) = loaded {
        let value = unit.operand(kind, space, argument)?;
        unit.push(value);
        return Ok(());
    }
    others(unit, op, argument, space)
}

fn others(
    unit: &mut Unit<'_>,
    op: Op,
    argument: u64,
    space: &mut dyn Space,
) -> Result<(), MemFault> {
    let sign = 1_u128 << 79;
    match op {
        Op::FldM80 => {
            let value = load(space, argument, 10)?;
            unit.push(value);
        }
        Op::FstpM80 => {
            let value = unit.get(0);
            space.store(argument, &value.to_le_bytes()[..10])?;
            unit.pop();
        }
        Op::FldR => {
            let value = unit.get(argument);
            unit.push(value);
        }
        Op::FstR | Op::FstpR => {
            let value = unit.get(0);
            unit.set(argument, value);
            if op == Op::FstpR {
                unit.pop();
            }
        }
        Op::Fxch => {
            let (a, b) = (unit.get(0), unit.get(argument));
            unit.set(0, b);
            unit.set(argument, a);
        }
        Op::Fchs | Op::Fabs => {
            let value = unit.get(0);
            unit.set(0, if op == Op::Fchs { value ^ sign } else { value & !sign });
        }
        Op::Fsqrt => {
            let (value, f) = (unit.get(0), unit.precision());
            let root = unit.fp.wide_sqrt(f, value);
            unit.set(0, root);
        }
        // (In one step, which programs repeat until it is the last.)
        Op::Fprem | Op::Fprem1 => {
            let (value, by) = (unit.get(0), unit.get(1));
            let nearest = op == Op::Fprem1;
            let (rest, quotient) = unit.fp.wide_remainder(F80, value, by, nearest);
            let bit = |from: u32, to: u64| if quotient >> from & 1 != 0 { to } else { 0 };
            unit.set(0, rest);
            *unit.status() &= !CONDITIONS;
            unit.raised |= bit(0, C1) | bit(1, C3) | bit(2, C0);
        }
        Op::Frndint => {
            let (value, rounding) = (unit.get(0), unit.fp.control.rounding);
            let rounded = unit.fp.wide_round_int(F80, value, rounding, true);
            unit.set(0, rounded);
        }
        Op::Fld1 => unit.push(0x3fff_8000_0000_0000_0000),
        Op::Fldz => unit.push(0),
        Op::Ffree => unit.set_empty(argument, true),
        Op::Fincstp => unit.move_top(1),
        Op::Fdecstp => unit.move_top(7),
        Op::Fxam => unit.classify(),
        op => words(unit, op, argument, space)?,
    }
    Ok(())
}

/// Control and status words.
fn words(
    unit: &mut Unit<'_>,
    op: Op,
    argument: u64,
    space: &mut dyn Space,
) -> Result<(), MemFault> {
    match op {
        Op::Fnstcw | Op::FnstswM => {
            let slot = if op == Op::Fnstcw { SLOT_X87_CONTROL } else { SLOT_X87_STATUS };
            let word = unit.state.int[usize::from(slot)];
            space.store(argument, &word.to_le_bytes()[..2])?;
        }
        Op::FnstswAx => {
            let status = *unit.status();
            unit.state.int[0] = unit.state.int[0] & !0xffff | status & 0xffff;
        }
        Op::Fldcw => {
            let word = load(space, argument, 2)? as u64;
            unit.state.int[usize::from(SLOT_X87_CONTROL)] = word & 0x1f7f | 0x40;
        }
        Op::Fnclex => *unit.status() &= !0x80ff,
        Op::Fninit => {
            unit.state.int[usize::from(SLOT_X87_CONTROL)] = 0x37f;
            unit.state.int[usize::from(SLOT_X87_STATUS)] = 0;
            unit.state.int[usize::from(SLOT_X87_TAGS)] = 0;
        }
        op => comparisons(unit, op, argument, space)?,
    }
    Ok(())
}

fn comparisons(
    unit: &mut Unit<'_>,
    op: Op,
    argument: u64,
    space: &mut dyn Space,
) -> Result<(), MemFault> {
    let kind = match op {
        Op::FcomM32 | Op::FcompM32 => Some(Kind::Single),
        Op::FcomM64 | Op::FcompM64 => Some(Kind::Double),
        Op::FicomM32 | Op::FicompM32 => Some(Kind::Dword),
        Op::FicomM16 | Op::FicompM16 => Some(Kind::Word),
        _ => None,
    };
    let other = match (kind, op) {
        (Some(kind), _) => unit.operand(kind, space, argument)?,
        (None, Op::Ftst) => 0,
        (None, Op::Fcompp | Op::Fucompp) => unit.get(1),
        (None, _) => unit.get(argument),
    };
    let top = unit.get(0);
    let quiet = matches!(op, Op::Fucom | Op::Fucomp | Op::Fucompp | Op::Fucomi | Op::Fucomip);
    let order = unit.compare(top, other, !quiet);
    if matches!(op, Op::Fucomi | Op::Fcomi | Op::Fucomip | Op::Fcomip) {
        unit.flags(order);
    } else {
        unit.conditions(order);
    }
    let pops = match op {
        Op::FcompM32 | Op::FcompM64 | Op::FicompM32 | Op::FicompM16 => 1,
        Op::FcompStR | Op::Fucomp | Op::Fucomip | Op::Fcomip => 1,
        Op::Fcompp | Op::Fucompp => 2,
        _ => 0,
    };
    (0..pops).for_each(|_| unit.pop());
    Ok(())
}
