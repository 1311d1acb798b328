//! How often each encoding was executed.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::case::Case;
use super::evaluate;
use super::program::Program;
use crate::subject::Subject;
use isa::Line;

/// Counts by name of line.
#[derive(Clone, Debug)]
pub struct Coverage {
    subject: &'static Subject,
    counts: HashMap<&'static str, u64>,
}

impl Coverage {
    /// Nothing yet.
    pub fn new(subject: &'static Subject) -> Self {
        Self { subject, counts: HashMap::new() }
    }

    /// Executes `cases` once with the evaluator and counts, those with a signal included.
    pub fn add(&mut self, cases: &[Case]) {
        let program = Program::new(self.subject, cases, 1);
        let mut count = |code: &[u8]| {
            if let Some(line) = self.subject.find(code) {
                *self.counts.entry(line.name).or_default() += 1;
            }
        };
        for (n, case) in cases.iter().enumerate() {
            evaluate::trace(&program, n, &case.start, &mut count);
        }
    }

    /// Writes the table of the `wanted` lines to `path`; gives a summary.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path, wanted: impl Fn(&Line) -> bool) -> Result<String> {
        let lines = (self.subject.lines)().iter().filter(|line| wanted(line));
        let mut counted: Vec<_> =
            lines.map(|l| (self.counts.get(l.name).copied().unwrap_or(0), l)).collect();
        counted.sort_by_key(|&(count, line)| (count, line.name));
        let mut text = String::new();
        for (count, line) in &counted {
            let _ = writeln!(text, "{count:10} {} ({})", line.name, line.section);
        }
        fs::write(path, text).with_context(|| path.display().to_string())?;
        let executed = counted.iter().filter(|(count, _)| *count > 0).count();
        let (least, median) = (counted.first(), counted.get(counted.len() / 2));
        Ok(format!(
            "{executed} of {} encodings were executed, {} at least {} times, half of them {} times",
            counted.len(),
            least.map_or("none", |(_, line)| line.name),
            least.map_or(0, |(count, _)| *count),
            median.map_or(0, |(count, _)| *count)
        ))
    }
}
