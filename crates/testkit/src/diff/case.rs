//! One test: a state and a sequence of instructions.

use super::record::Record;

/// Where a branch of a case is and where it goes, in bytes from the start of the case.
#[derive(Clone, Copy, Debug)]
pub struct Hop {
    /// The start of the branch's group.
    pub group: usize,
    /// The branch.
    pub at: usize,
    /// Its destination.
    pub to: usize,
}

/// How a branch of a case gets its destination, which is another group or the end.
#[derive(Clone, Copy, Debug)]
pub struct Branch {
    /// Puts the displacement into the case's code.
    pub set: fn(&mut [u8], Hop),
    /// How many groups it skips; if negative, how many it goes back over.
    pub skip: isize,
}

/// An instruction with those that make its operands fit; entered only at its start.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its bytes.
    pub code: Vec<u8>,
    /// Where the tested instruction is, which is the last one.
    pub last: usize,
    /// For a branch.
    pub branch: Option<Branch>,
}

impl Group {
    /// Instructions of four bytes each.
    pub fn of_words(words: &[u32], branch: Option<Branch>) -> Self {
        let code = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        Self { code, last: words.len().saturating_sub(1) * 4, branch }
    }

    /// The tested instruction.
    pub fn instruction(&self) -> &[u8] {
        &self.code[self.last..]
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
    pub fn code(&self) -> (Vec<u8>, Vec<usize>) {
        link(self.groups.iter().map(|g| (g.code.as_slice(), g.last, g.branch)))
    }
}

/// Puts groups (their code, where their last instruction is, and its branch) one after the other;
/// also says where each begins, and the last one ends.
pub fn link<'a>(
    groups: impl Iterator<Item = (&'a [u8], usize, Option<Branch>)> + Clone,
) -> (Vec<u8>, Vec<usize>) {
    let mut starts = vec![0];
    for (code, ..) in groups.clone() {
        starts.push(starts[starts.len() - 1] + code.len());
    }
    let count = starts.len() - 1;
    let mut code: Vec<u8> = groups.clone().flat_map(|(code, ..)| code).copied().collect();
    for (n, (_, last, branch)) in groups.enumerate() {
        let Some(Branch { set, skip }) = branch else { continue };
        let to = if skip < 0 { n.saturating_add_signed(skip) } else { n + 1 + skip.unsigned_abs() };
        let hop = Hop { group: starts[n], at: starts[n] + last, to: starts[to.min(count)] };
        set(&mut code, hop);
    }
    (code, starts)
}
