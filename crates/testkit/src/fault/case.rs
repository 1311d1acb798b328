//! A test: registers of which some point around the ends of pages, and code that uses them.

use super::program::BOUNDARIES;
use crate::diff::case::{Group, link};
use isa::Rng;

/// A test.
#[derive(Clone, Debug)]
pub struct Case {
    /// The initial registers, as the guest loads them.
    pub table: Vec<u8>,
    /// The code.
    pub groups: Vec<Group>,
}

impl Case {
    /// An empty one, with a table of this size.
    pub fn new(size: usize) -> Self {
        Self { table: vec![0; size], groups: Vec::new() }
    }

    /// The same, with `nop`s in place of group `n`.
    #[must_use]
    pub fn without(&self, n: usize, nop: &[u8]) -> Self {
        let mut case = self.clone();
        let group = &mut case.groups[n];
        group.code = nop.repeat(group.code.len() / nop.len());
        group.branch = None;
        case
    }

    /// The code, with branches resolved.
    pub fn code(&self) -> Vec<u8> {
        link(self.groups.iter().map(|g| (g.code.as_slice(), g.last, g.branch))).0
    }

    /// Puts a register's value into the table.
    pub fn set(&mut self, offset: usize, value: u64) {
        self.table[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
    }
}

/// What registers of a case are for.
#[derive(Debug)]
pub struct Plan {
    /// They point around ends of pages.
    pub pointers: Vec<u32>,
    /// They are small offsets.
    pub offsets: Vec<u32>,
}

impl Plan {
    /// Some of those registers that `register` draws.
    pub fn new(rng: &mut Rng, mut register: impl FnMut(&mut Rng) -> u32) -> Self {
        let mut plan = Self { pointers: Vec::new(), offsets: Vec::new() };
        while plan.pointers.len() < 8 {
            let register = register(rng);
            if !plan.keeps(register) {
                plan.pointers.push(register);
            }
        }
        while plan.offsets.len() < 3 {
            let register = register(rng);
            if !plan.keeps(register) {
                plan.offsets.push(register);
            }
        }
        plan
    }

    /// Whether `register` is one of them.
    pub fn keeps(&self, register: u32) -> bool {
        self.pointers.contains(&register) || self.offsets.contains(&register)
    }
}

/// An address around the end of a page; aligned ones are frequent.
pub fn near_boundary(rng: &mut Rng) -> u64 {
    let boundary = BOUNDARIES[rng.below(BOUNDARIES.len() as u64) as usize];
    let delta = match rng.below(4) {
        0 => rng.below(129) as i64 - 64,
        1 => (rng.below(17) as i64 - 8) * 8,
        2 => -(rng.below(33) as i64),
        _ => (rng.below(9) as i64 - 4) * 16,
    };
    boundary.wrapping_add_signed(delta)
}
