//! Random instructions, for the differential fuzzer.

use crate::encoding::{Line, TABLE, find};

/// Pseudo-random numbers (xorshift64*).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Seeds the sequence.
    pub fn new(seed: u64) -> Self {
        let mut rng = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1b5_4a32_d192_ed03 | 1);
        for _ in 0..4 {
            rng.next();
        }
        rng
    }

    /// 64 bits.
    #[expect(clippy::should_implement_trait, reason = "never ends")]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        (u128::from(self.next()) * u128::from(n) >> 64) as u64
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// Yields words of encodings that guests can execute.
#[derive(Debug)]
pub struct Generator {
    /// Where randomness comes from; callers may draw from it too.
    pub rng: Rng,
    lines: Vec<&'static Line>,
    last: u32,
}

impl Generator {
    /// A generator of the implemented lines that pass `filter`.
    pub fn new(seed: u64, filter: impl Fn(&Line) -> bool) -> Self {
        let lines = TABLE.iter().filter(|l| l.implemented && filter(l)).collect();
        Self { rng: Rng::new(seed), lines, last: 0 }
    }

    /// The lines it chooses from.
    pub fn lines(&self) -> &[&'static Line] {
        &self.lines
    }

    /// A word of a random line; None if no line passed the filter.
    pub fn instruction(&mut self) -> Option<(u32, &'static Line)> {
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
    pub fn word_of(&mut self, line: &'static Line) -> Option<u32> {
        for _ in 0..64 {
            let mut word = line.value | line.ones;
            for &(name, lsb, width) in &line.fields {
                word |= self.field(name, width.into()) << lsb;
            }
            if find(word).is_some_and(|l| std::ptr::eq(l, line)) {
                return Some(word);
            }
        }
        None
    }

    /// A value for a field; corners come more often.
    fn field(&mut self, name: &str, width: u32) -> u32 {
        let max = ((1u64 << width) - 1) as u32;
        let random = self.rng.next() as u32 & max;
        if width == 5 && name.starts_with('r') {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_words() {
        let mut generator = Generator::new(1, |_| true);
        assert!(!generator.lines().is_empty());
        for line in TABLE.iter() {
            assert!(generator.word_of(line).is_some(), "{}", line.name);
        }
        assert!(generator.instruction().is_some());
        assert!(Generator::new(1, |_| false).instruction().is_none());
    }
}
