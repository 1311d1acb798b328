//! A line of the table, as far as the decoder and the translator need it.

use super::{Feature, Op};
use crate::generated::rows::ROWS;
use isa::opcode::{Kind, Size};

/// Properties of lines, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attributes(pub u16);

impl Attributes {
    /// The opcode's lowest bit is 0 for bytes.
    pub const WIDTH: u16 = 1;
    /// Operands have 64 bits in 64-bit mode, or 16.
    pub const DEFAULT64: u16 = 2;
    /// Operands have 64 bits in 64-bit mode.
    pub const FORCE64: u16 = 4;
    /// LOCK is allowed.
    pub const LOCK: u16 = 8;
    /// The memory operand must be aligned to its size.
    pub const ALIGNED: u16 = 16;
    /// VEX.vvvv is an operand.
    pub const VVVV: u16 = 32;
    /// F2 and F3 repeat.
    pub const REPEAT: u16 = 64;
    /// The index is a vector.
    pub const VECTOR_INDEX: u16 = 128;
    /// Two immediates.
    pub const SECOND: u16 = 256;

    /// Whether it has one of these.
    #[inline]
    pub const fn any(self, bits: u16) -> bool {
        self.0 & bits != 0
    }
}

/// What happens to flags, with the bit numbers of EFLAGS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlagSet {
    /// Read (besides what the condition in the opcode tests).
    pub read: u16,
    /// Written by the result.
    pub written: u16,
    /// Cleared.
    pub zero: u16,
    /// Set.
    pub one: u16,
    /// Undefined.
    pub undefined: u16,
    /// There is a condition in the opcode.
    pub condition: bool,
    /// All are kept when the count is 0.
    pub kept_at_zero: bool,
}

/// An operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// What it is.
    pub kind: Kind,
    /// How large.
    pub size: Size,
    /// 1: read, 2: written, 4: perhaps.
    pub access: u8,
}

/// A line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// The operands; `count` of them are there.
    pub operands: [Rule; 4],
    /// How many.
    pub count: u8,
    /// Properties.
    pub attributes: Attributes,
    /// What happens to flags.
    pub flags: FlagSet,
    /// Features, all of which it needs.
    pub features: [Option<Feature>; 2],
}

impl Op {
    /// Its line.
    #[inline]
    pub fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }
}
