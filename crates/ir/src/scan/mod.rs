//! Loops that search memory: they read on from one or several addresses until a byte has a value,
//! or two bytes differ, and leave nothing else behind. `strlen`, `memchr` and `strcmp` are such,
//! a word, a vector or a byte at a time.
//!
//! [`find`] evaluates one turn of a loop with symbols and so finds out of which tests it consists.
//! A back end may then look at as many bytes at once as it likes and skip the turns that would go
//! on, as it has only to move the slots that move; the turn that ends the loop is executed as
//! ever. That is exact because each turn overwrites what the one before has written before it
//! leaves for the first time. Where it does not, or may fault, the one before it has to be executed
//! too.

mod finish;
mod flags;
#[cfg(test)]
mod tests;
mod turn;
mod vectors;

use crate::Block;
use turn::{Turn, may_be_part};

/// Bytes that are read one after the other, from turn to turn: the next turn's are at
/// `base + index + disp`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stream {
    /// Slot of the base.
    pub base: u16,
    /// Slot of the index, if there is one.
    pub index: Option<u16>,
    /// Displacement of the first byte.
    pub disp: i32,
}

/// What bytes are compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum With {
    /// One value.
    Byte(u8),
    /// The bytes of a vector slot, again and again.
    Vector(u16),
    /// The value of an integer slot: no byte is equal if it is not one.
    Register(u16),
}

/// What ends the loop. Numbers are of [`Scan::streams`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Test {
    /// A byte that is equal.
    Equal(usize, With),
    /// A byte that is not equal.
    Unequal(usize, With),
    /// Bytes of two streams in the same place that are not.
    Differ(usize, usize),
}

/// How many bytes may be skipped at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// The value of `slot`, less `less`, which is not negative.
    Count {
        /// A slot that counts down by the bytes read.
        slot: u16,
        /// 0 or 1.
        less: u8,
    },
    /// Up to where `slot + plus` reaches the value of `end`.
    End {
        /// A slot that moves on.
        slot: u16,
        /// Added to it.
        plus: i64,
        /// A slot that does not move.
        end: u16,
    },
}

/// A loop that searches memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scan {
    /// Bytes of each stream that a turn reads: a power of two up to 64.
    pub stride: u8,
    /// What is read.
    pub streams: Vec<Stream>,
    /// What ends the loop.
    pub tests: Vec<Test>,
    /// What else ends it.
    pub bounds: Vec<Bound>,
    /// Slots that move by `stride`, and whether downwards.
    pub moves: Vec<(u16, bool)>,
    /// Slots that must have these values.
    pub guards: Vec<(u16, u64)>,
    /// A turn may leave before it writes the flags, which it computes from this slot: it counts
    /// down by `stride`.
    pub flags_of: Option<u16>,
    /// What the turn before the last one has left behind can be seen after the loop: that turn has
    /// to be executed too.
    pub two: bool,
    /// The flags that every turn leaves behind that goes on, as in PSTATE, if they are the same.
    pub flags: Option<u32>,
}

/// Operations in a loop that is looked at.
const OPS_MAX: usize = 64;
/// The loop from operation `from` to the branch at `to` that leads back to it, if it is one that
/// searches memory.
pub fn find(block: &Block, from: usize, to: usize) -> Option<Scan> {
    let ops = block.ops.get(from..=to)?;
    if ops.len() > OPS_MAX || !ops.iter().all(|op| may_be_part(op.code)) {
        return None;
    }
    let mut turn = Turn::new(block);
    for op in &ops[..ops.len() - 1] {
        turn.op(*op)?;
    }
    turn.branch(*ops.last()?, true)?;
    turn.finish()
}
