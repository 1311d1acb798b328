//! One test: a state and a sequence of instructions.

use super::record::Record;

/// How a branch of a case finds its destination, which is a group further down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Branch {
    /// A field of this many bits at this bit counts instructions.
    Field {
        /// Lowest bit.
        lsb: u32,
        /// Bits.
        width: u32,
    },
    /// ADR, in the first word of the group, to a register that the instruction branches to.
    Adr,
}

/// An instruction with those that make its operands fit; entered only at its start.
#[derive(Clone, Debug)]
pub struct Group {
    /// The words; the last one is the tested instruction.
    pub words: Vec<u32>,
    /// For a branch: how, and how many groups it skips; if negative, how many it goes back over.
    pub branch: Option<(Branch, isize)>,
}

impl Group {
    /// The tested instruction.
    pub fn instruction(&self) -> u32 {
        *self.words.last().expect("groups are not empty")
    }
}

/// A test.
#[derive(Clone)]
pub struct Case {
    /// What it starts from.
    pub start: Record,
    /// What it executes. Branches go to groups or to the end; those that go back count.
    pub groups: Vec<Group>,
}

impl Case {
    /// The code, with branches resolved, and where each group begins (and the last one ends).
    pub fn code(&self) -> (Vec<u32>, Vec<usize>) {
        let mut starts = vec![0];
        for group in &self.groups {
            starts.push(starts[starts.len() - 1] + group.words.len());
        }
        let mut code = Vec::new();
        for (n, group) in self.groups.iter().enumerate() {
            let first = code.len();
            code.extend(&group.words);
            let Some((branch, skip)) = group.branch else { continue };
            let to =
                if skip < 0 { n.saturating_add_signed(skip) } else { n + 1 + skip.unsigned_abs() };
            let to = starts[to.min(self.groups.len())];
            match branch {
                Branch::Field { lsb, width } => {
                    let at = code.len() - 1;
                    let mask = ((1u32 << width) - 1) << lsb;
                    code[at] = code[at] & !mask | (to.wrapping_sub(at) as u32) << lsb & mask;
                }
                Branch::Adr => {
                    let bytes = ((to - first) * 4) as u32;
                    let register = code[first] & 31;
                    code[first] = 0x1000_0000 | (bytes >> 2) << 5 | register;
                }
            }
        }
        (code, starts)
    }
}
