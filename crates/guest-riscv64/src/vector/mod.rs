//! The vector extension, executed element by element on the registers in the state.
//!
//! Translated code leaves for a vector instruction ([`crate::runtime::VECTOR`]): what it does depends on
//! vl, vtype and vstart, which only the state knows. The setting of vl and vtype themselves is
//! translated (`configuration.rs`), and the usual instructions where these are known (`direct`).
//!
//! VLEN is 128. v0 to v31 are vector slots 96 to 127. Tail and masked-off elements are left as they are,
//! which "agnostic" allows too.

mod arithmetic;
mod configuration;
mod crypto;
mod direct;
mod estimate;
mod fixed;
mod float;
mod integer;
mod mask;
mod memory;
mod op;
mod permute;
mod reduce;

use crate::cpu::{Cpu, Features};
use crate::field::XReg;
use crate::runtime;
use crate::{Flow, Translator};
use guest::{MemFault, Space};
use ir::{OpCode, Ref, State, Ty};

pub(crate) use configuration::{Length, Setting, Type, hint, rounding_of_hint};
pub(crate) use op::Op;

/// Bits of a vector register.
pub(crate) const VLEN: u32 = 128;
/// Vector slot of v0, counted from the first vector slot.
const V0: usize = 32;

/// Why an instruction is not executed, or not to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// It is undefined, or reserved with these operands.
    Undefined,
    /// An access to memory failed; vstart is the element.
    Fault(MemFault),
}

type Done = Result<(), Stop>;

/// An instruction being executed.
pub(crate) struct Machine<'a> {
    features: Features,
    state: &'a mut State,
    space: &'a mut dyn Space,
    word: u32,
    kind: Type,
    vl: usize,
    vstart: usize,
}

/// Executes the instruction `word`, which is an `op`.
pub(crate) fn run(op: Op, word: u32, cpu: &Cpu, state: &mut State, space: &mut dyn Space) -> Done {
    let kind = Type::of(state.int[usize::from(crate::state::SLOT_VTYPE)]);
    let vl = state.int[usize::from(crate::state::SLOT_VL)] as usize;
    let vstart = state.int[usize::from(crate::state::SLOT_VSTART)] as usize;
    let mut m = Machine { features: cpu.features, state, space, word, kind, vl, vstart };
    m.execute(op)?;
    m.state.int[usize::from(crate::state::SLOT_VSTART)] = 0;
    Ok(())
}

/// What the second source of an instruction is, by its bits 14 to 12.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// A vector register.
    Vector,
    /// An integer register.
    Integer,
    /// A floating-point register.
    Float,
    /// Five bits of the instruction.
    Immediate,
}

/// A group of vector registers.
#[derive(Clone, Copy, Debug)]
struct Group {
    register: usize,
    /// log2 of the number of registers; negative for parts of one.
    lmul: i32,
    /// Bits of an element; 1 for a mask.
    width: u32,
}

impl Group {
    const fn count(self) -> usize {
        if self.lmul > 0 { 1 << self.lmul } else { 1 }
    }
    const fn is_aligned(self) -> bool {
        self.register.is_multiple_of(self.count())
    }
    const fn overlaps(self, other: Self) -> bool {
        self.register < other.register + other.count()
            && other.register < self.register + self.count()
    }
    /// Its last registers are `other`.
    const fn ends_with(self, other: Self) -> bool {
        self.register < other.register
            && other.lmul >= 0
            && self.register + self.count() == other.register + other.count()
    }
}

/// The groups that an instruction reads: one or two. (A `Vec` would take as long as several elements.)
struct Sources {
    groups: [Group; 2],
    count: usize,
}

impl Sources {
    const fn one(group: Group) -> Self {
        Self { groups: [group; 2], count: 1 }
    }
    const fn two(first: Group, second: Group) -> Self {
        Self { groups: [first, second], count: 2 }
    }
}

impl core::ops::Deref for Sources {
    type Target = [Group];
    fn deref(&self) -> &[Group] {
        &self.groups[..self.count]
    }
}

impl Machine<'_> {
    fn bits(&self, lsb: u32, width: u32) -> usize {
        (self.word >> lsb & ((1 << width) - 1)) as usize
    }
    fn vd(&self) -> usize {
        self.bits(7, 5)
    }
    fn vs1(&self) -> usize {
        self.bits(15, 5)
    }
    fn vs2(&self) -> usize {
        self.bits(20, 5)
    }
    /// Whether the instruction has a mask.
    fn masked(&self) -> bool {
        self.bits(25, 1) == 0
    }
    fn form(&self) -> Form {
        match self.bits(12, 3) {
            0..=2 => Form::Vector,
            3 => Form::Immediate,
            5 => Form::Float,
            _ => Form::Integer,
        }
    }
    fn sew(&self) -> u32 {
        self.kind.sew
    }
    fn lmul(&self) -> i32 {
        self.kind.lmul
    }
    /// An integer register.
    fn x(&self, number: usize) -> u64 {
        if number == 0 { 0 } else { self.state.int[number] }
    }
    fn set_x(&mut self, number: usize, value: u64) {
        if number != 0 {
            self.state.int[number] = value;
        }
    }
    /// Element `i` of a register group.
    fn get(&self, register: usize, width: u32, i: usize) -> u64 {
        let bit = i * width as usize;
        let word = self.state.vec[V0 + register + bit / 128];
        // (Shifts of 128 bits by anything are slow.)
        let half = if bit & 64 == 0 { word as u64 } else { (word >> 64) as u64 };
        half >> (bit & 63) & low(width)
    }
    fn set(&mut self, register: usize, width: u32, i: usize, value: u64) {
        let bit = i * width as usize;
        let word = &mut self.state.vec[V0 + register + bit / 128];
        let mask = low(width);
        let (mask, value) = (mask << (bit & 63), (value & mask) << (bit & 63));
        *word = match bit & 64 {
            0 => *word & !u128::from(mask) | u128::from(value),
            _ => *word & !(u128::from(mask) << 64) | u128::from(value) << 64,
        };
    }
    /// Bit `i` of a mask register.
    fn mask_bit(&self, register: usize, i: usize) -> bool {
        self.state.vec[V0 + register] >> i & 1 != 0
    }
    fn set_mask_bit(&mut self, register: usize, i: usize, value: bool) {
        let word = &mut self.state.vec[V0 + register];
        *word = *word & !(1 << i) | u128::from(value) << i;
    }
    /// Whether element `i` takes part.
    fn active(&self, i: usize) -> bool {
        !self.masked() || self.mask_bit(0, i)
    }

    /// A group of elements as wide as SEW says.
    fn group(&self, register: usize) -> Group {
        Group { register, lmul: self.lmul(), width: self.sew() }
    }
    /// A group of elements `1 << by` times as wide.
    fn wide(&self, register: usize, by: u32) -> Group {
        Group { register, lmul: self.lmul() + by as i32, width: self.sew() << by }
    }
    /// A group of elements as wide as `width` says.
    fn group_of(&self, register: usize, width: u32) -> Group {
        let lmul = self.lmul() + width.ilog2() as i32 - self.sew().ilog2() as i32;
        Group { register, lmul, width }
    }
    /// A mask.
    fn bits_of(register: usize) -> Group {
        Group { register, lmul: 0, width: 1 }
    }
    /// Fails unless vtype is a defined one.
    fn defined(&self) -> Done {
        require(!self.kind.ill)
    }
    /// Fails for reserved groups (manual: "Vector Operands"): misaligned or too large ones, widths beyond
    /// 64 bits, destinations that overlap sources in a forbidden way, sources that overlap each other
    /// with different widths, and a mask that is overwritten or also another source.
    fn check(&self, destination: Group, sources: &[Group]) -> Done {
        self.defined()?;
        let valid = |g: &Group| g.width <= 64 && (-3..=3).contains(&g.lmul) && g.is_aligned();
        require(valid(&destination) && sources.iter().all(valid))?;
        if self.masked() {
            // (What makes a mask, or adds one as carries, may have v0 as a source all the same: that is
            // reserved, but harmless, and QEMU allows it.)
            let is_mask = destination.width == 1;
            require(is_mask || destination.register != 0)?;
            let carries = self.bits(28, 4) == 0b0100 && matches!(self.bits(12, 3), 0 | 3 | 4);
            let apart = |s: &Group| s.width == 1 || s.register != 0;
            require(is_mask || carries || sources.iter().all(apart))?;
        }
        for source in sources {
            let allowed = match destination.width.cmp(&source.width) {
                std::cmp::Ordering::Equal => true,
                std::cmp::Ordering::Less => destination.register == source.register,
                std::cmp::Ordering::Greater => destination.ends_with(*source),
            };
            require(allowed || !destination.overlaps(*source))?;
        }
        for (n, a) in sources.iter().enumerate() {
            for b in &sources[..n] {
                require(a.width == b.width || !a.overlaps(*b))?;
            }
        }
        Ok(())
    }
    /// As [`Machine::check`], for operations that must not overwrite their sources at all.
    fn check_apart(&self, destination: Group, sources: &[Group]) -> Done {
        self.check(destination, sources)?;
        require(sources.iter().all(|s| !destination.overlaps(*s)))
    }

    /// The second source of SEW bits at element `i`: what integer instructions take for it. Immediates
    /// are sign-extended.
    fn operand(&self, i: usize) -> u64 {
        let value = match self.form() {
            Form::Vector => return self.get(self.vs1(), self.sew(), i),
            Form::Immediate => (self.vs1() as u64) << 59,
            _ => return self.x(self.vs1()) & low(self.sew()),
        };
        (value.cast_signed() >> 59).cast_unsigned() & low(self.sew())
    }
    /// The groups that an instruction of two equal sources reads.
    fn sources(&self) -> Sources {
        self.sources_from(self.group(self.vs2()))
    }
    /// The same with another first one.
    fn sources_from(&self, first: Group) -> Sources {
        match self.form() {
            Form::Vector => Sources::two(first, self.group(self.vs1())),
            _ => Sources::one(first),
        }
    }
    /// Calls `element` for each element that takes part.
    fn each(&mut self, mut element: impl FnMut(&mut Self, usize)) {
        for i in self.vstart..self.vl {
            if self.active(i) {
                element(self, i);
            }
        }
    }

    fn execute(&mut self, op: Op) -> Done {
        match op.class() {
            op::Class::Configuration => self.configure(),
            op::Class::Memory => self.access(op),
            op::Class::Integer => self.integer(op),
            op::Class::Fixed => self.fixed_point(op),
            op::Class::Float => self.float(op),
            op::Class::Reduction => self.reduce(op),
            op::Class::Mask => self.masks(op),
            op::Class::Permutation => self.permute(op),
            op::Class::Crypto => self.cryptography(op),
        }
    }
}

impl Translator<'_> {
    /// A vector instruction: translated, or executed by the runtime.
    pub(crate) fn vector(&mut self, op: Op, word: u32) -> Flow {
        if self.evaluated || op == Op::Setvl {
            self.vtype = None;
            let word = self.imm(word.into());
            return self.runtime(runtime::VECTOR + op as u32, word, Ref::NONE);
        }
        if !self.direct(op, word) {
            self.execute(op, word);
        }
        Flow::Next
    }
    /// Has the runtime execute an instruction. It leaves vstart zero.
    fn execute(&mut self, op: Op, word: u32) {
        let (none, number) = (Ref::NONE, (runtime::VECTOR + op as u32) as i32);
        let operand = self.imm(word.into());
        self.ir.emit(OpCode::RuntimeCall, Ty::I64, none, operand, none, none, 0, number);
        if matches!(op, Op::Cpopm | Op::First | Op::MvXS) {
            self.known.written(XReg((word >> 7 & 31) as u8));
        }
        if op == Op::Leff {
            self.length_unknown();
        }
    }
}

#[cfg(test)]
mod tests;

/// Ones in the low `width` bits.
const fn low(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

/// The low `width` bits as a number with sign.
const fn signed(value: u64, width: u32) -> i64 {
    (value << (64 - width)).cast_signed() >> (64 - width)
}

fn require(what: bool) -> Done {
    if what { Ok(()) } else { Err(Stop::Undefined) }
}
