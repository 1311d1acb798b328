//! Random instructions, for the differential fuzzers.

use crate::line::{Field, Line};
use crate::rng::Rng;
use crate::table::Table;

/// Yields words of encodings that guests can execute.
#[derive(Debug)]
pub struct Generator {
    /// Where randomness comes from; callers may draw from it too.
    pub rng: Rng,
    table: &'static Table,
    lines: Vec<&'static Line>,
    last: u64,
}

impl Generator {
    /// A generator of the implemented lines of `table` that pass `filter`.
    pub fn new(table: &'static Table, seed: u64, filter: impl Fn(&Line) -> bool) -> Self {
        let lines = table.lines().iter().filter(|l| l.implemented() && filter(l)).collect();
        Self { rng: Rng::new(seed), table, lines, last: 0 }
    }

    /// The lines it chooses from.
    pub fn lines(&self) -> &[&'static Line] {
        &self.lines
    }

    /// A word of a random line; None if no line passed the filter.
    pub fn instruction(&mut self) -> Option<(u64, &'static Line)> {
        if self.lines.is_empty() {
            return None;
        }
        loop {
            let line = self.lines[self.rng.below(self.lines.len() as u64) as usize];
            if let Some(word) = self.word_of(line) {
                return Some((word, line));
            }
        }
    }

    /// A word that decodes to `line`.
    pub fn word_of(&mut self, line: &'static Line) -> Option<u64> {
        for _ in 0..64 {
            let mut word = line.value | line.ones;
            for field in &line.fields {
                word |= field.insert(self.field(field));
            }
            if self.table.find(word, line.bytes()).is_some_and(|l| std::ptr::eq(l, line)) {
                return Some(word);
            }
        }
        None
    }

    /// A value for a field; corners come more often.
    fn field(&mut self, field: &Field) -> u64 {
        let width = field.width();
        let max = (1u64 << width) - 1;
        let random = self.rng.next() & max;
        if width == 5 && field.name.starts_with('r') {
            self.last = match self.rng.below(16) {
                0 => 31,
                1 => 0,
                2..=5 => self.last,
                _ => random,
            };
            return self.last;
        }
        if width < 4 {
            return random;
        }
        match self.rng.below(12) {
            0 => 0,
            1 => max,
            2 => 1 << (width - 1),
            3 => max >> 1,
            4 => 1,
            5 => 1 << self.rng.below(width.into()),
            6 => max ^ 1 << self.rng.below(width.into()),
            _ => random,
        }
    }
}
