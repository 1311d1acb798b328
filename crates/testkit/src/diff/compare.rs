//! Finds the first instruction after which a runner and the oracle differ.

use std::path::Path;

use anyhow::Result;

use super::case::Case;
use super::program::record_address;
use super::record::{Record, SIGNAL};
use super::runner::{LAST_WORDS, Runner};
use crate::subject::Subject;

/// What is said of a process that did not finish.
const DIED: &str = "    the process died\n";
/// So many differences of a program are looked into, which takes a while each.
const SHRUNK_MAX: usize = 40;
/// Instead of a name: the case differs only among others.
const UNKNOWN: &str = "only among other cases";

/// A difference.
#[derive(Debug)]
pub struct Mismatch {
    /// The name of the encoding.
    pub line: &'static str,
    /// Everything about it.
    pub text: String,
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compared {
    /// Instructions.
    pub instructions: usize,
    /// Cases that a signal ended.
    pub signals: usize,
    /// Differences that are accepted.
    pub accepted: usize,
}

/// Two things that run cases of a guest.
struct Pair<'a> {
    subject: &'static Subject,
    oracle: &'a Runner,
    runner: &'a Runner,
    scratch: &'a Path,
}

/// The records of the product and of the oracle; None for one that died.
type Both = (Option<Record>, Option<Record>);

/// Compares what `runner` and `oracle` leave of `cases`; calls `found` for each that differs until
/// it says to stop.
///
/// # Errors
/// If a command cannot be run.
pub fn compare(
    subject: &'static Subject,
    cases: &[Case],
    rounds: u64,
    (oracle, runners): (&Runner, &[Runner]),
    scratch: &Path,
    found: &mut dyn FnMut(usize, Mismatch) -> bool,
) -> Result<Compared> {
    let mut compared = Compared::default();
    let expected = oracle.run(subject, cases, rounds, scratch)?;
    let mut shrunk = 0;
    for runner in runners {
        let pair = Pair { subject, oracle, runner, scratch };
        let results = runner.run(subject, cases, rounds, scratch)?;
        for (n, (ours, theirs)) in results.into_iter().zip(&expected).enumerate() {
            if ours == *theirs {
                continue;
            }
            let both = (ours, theirs.clone());
            let tolerated = pair.tolerated(&both);
            compared.accepted += usize::from(tolerated);
            if tolerated || shrunk >= SHRUNK_MAX {
                continue;
            }
            shrunk += 1;
            let Some(mut mismatch) = pair.shrink(&cases[n], rounds, n)? else { continue };
            if mismatch.line == UNKNOWN {
                mismatch = pair.describe(&cases[n], n, &both);
                mismatch.line = UNKNOWN;
            }
            if mismatch.text.contains(DIED) {
                let words = std::fs::read_to_string(scratch.join(LAST_WORDS)).unwrap_or_default();
                mismatch.text += &words;
            }
            if !found(n, mismatch) {
                return Ok(compared);
            }
        }
    }
    compared.signals = expected.iter().flatten().filter(|r| r.get(SIGNAL) != 0).count();
    compared.instructions = cases.iter().map(|c| c.groups.len()).sum();
    Ok(compared)
}

impl Pair<'_> {
    /// Whether this is a known deviation.
    fn tolerated(&self, both: &Both) -> bool {
        let accepted = self.subject.known.accepted;
        matches!(both, (Some(ours), Some(theirs)) if accepted(ours, theirs))
    }

    /// What a lone case number `n` leaves.
    fn alone(&self, runner: &Runner, case: &Case, rounds: u64, n: usize) -> Result<Option<Record>> {
        let empty = Case { start: Record::zero(), groups: Vec::new() };
        let mut cases = vec![empty; n];
        cases.push(case.clone());
        Ok(runner.run(self.subject, &cases, rounds, self.scratch)?.pop().flatten())
    }

    fn both(&self, case: &Case, rounds: u64, n: usize) -> Result<Both> {
        Ok((self.alone(self.runner, case, rounds, n)?, self.alone(self.oracle, case, rounds, n)?))
    }

    /// Finds the instruction at which case number `n` begins to differ; None if it may.
    fn shrink(&self, case: &Case, rounds: u64, n: usize) -> Result<Option<Mismatch>> {
        let prefix = |length: usize| Case {
            start: case.start.clone(),
            groups: case.groups[..length].to_vec(),
        };
        let (a, b) = self.both(case, 1, n)?;
        let rounds = if a == b { rounds } else { 1 };
        let (mut same, mut different) = (0, case.groups.len());
        let mut found = self.both(case, rounds, n)?;
        if found.0 == found.1 {
            return Ok(Some(Mismatch { line: UNKNOWN, text: String::new() }));
        }
        let mut start = case.start.clone();
        while different - same > 1 {
            let middle = same.midpoint(different);
            let both = self.both(&prefix(middle), rounds, n)?;
            if both.0 == both.1 {
                same = middle;
                start = both.0.unwrap_or(start);
            } else {
                different = middle;
                found = both;
            }
        }
        // The instruction alone, from the state before it.
        start.set(SIGNAL, 0);
        let mut least = Case { start, groups: vec![case.groups[different - 1].clone()] };
        let both = self.both(&least, rounds, n)?;
        if both.0 != both.1 {
            found = both;
        } else {
            // It needs some of those before it: leave out the others.
            least = prefix(different);
            for at in (0..different - 1).rev() {
                let mut fewer = least.clone();
                fewer.groups.remove(at);
                let both = self.both(&fewer, rounds, n)?;
                if both.0 != both.1 {
                    (least, found) = (fewer, both);
                }
            }
        }
        Ok((!self.tolerated(&found)).then(|| self.describe(&least, n, &found)))
    }

    /// Text for people.
    fn describe(&self, case: &Case, number: usize, both: &Both) -> Mismatch {
        let subject = self.subject;
        let (code, starts) = case.code();
        let instruction = case.groups.last().map_or(&[][..], super::case::Group::instruction);
        let line = subject.find(instruction).map_or("?", |l| l.name);
        let words = subject.disassemble(instruction, 0).0;
        let mut text = format!("{}: {line}: {words}\n", self.runner.name());
        text += &subject.listing(&code, 0, &|at| if starts.contains(&at) { '-' } else { ' ' });
        text += &(subject.operands)(instruction, &case.start);
        match both {
            (Some(ours), Some(theirs)) => {
                for difference in subject.layout.differences(ours, theirs) {
                    text += &format!("    {difference}\n");
                }
            }
            (None, _) => text += DIED,
            (_, None) => text += "    the oracle died\n",
        }
        text += &format!("  record at {:#x}\n", record_address(number));
        Mismatch { line, text }
    }
}
