//! Finds the first instruction after which a runner and the oracle differ.

use std::path::Path;

use anyhow::Result;
use guest_aarch64::{disassemble, encoding};

use super::case::Case;
use super::known::accepted;
use super::program::record_address;
use super::record::{Record, SIGNAL};
use super::runner::{LAST_WORDS, Runner};

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

/// Compares what `runner` and `oracle` leave of `cases`; calls `found` for each that differs until
/// it says to stop.
///
/// # Errors
/// If a command cannot be run.
pub fn compare(
    cases: &[Case],
    rounds: u64,
    oracle: &Runner,
    runners: &[Runner],
    scratch: &Path,
    found: &mut dyn FnMut(usize, Mismatch) -> bool,
) -> Result<Compared> {
    let mut compared = Compared::default();
    let expected = oracle.run(cases, rounds, scratch)?;
    let mut shrunk = 0;
    for runner in runners {
        let results = runner.run(cases, rounds, scratch)?;
        for (n, (ours, theirs)) in results.iter().zip(&expected).enumerate() {
            if ours == theirs {
                continue;
            }
            let tolerated = matches!((ours, theirs), (Some(a), Some(b)) if accepted(a, b));
            compared.accepted += usize::from(tolerated);
            if tolerated || shrunk >= SHRUNK_MAX {
                continue;
            }
            shrunk += 1;
            let Some(mut mismatch) = shrink(&cases[n], rounds, n, oracle, runner, scratch)? else {
                continue;
            };
            if mismatch.line == UNKNOWN {
                mismatch = describe(runner, &cases[n], n, ours.as_ref(), theirs.as_ref());
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

/// What a lone case number `n` leaves.
fn alone(
    case: &Case,
    rounds: u64,
    n: usize,
    runner: &Runner,
    scratch: &Path,
) -> Result<Option<Record>> {
    let empty = Case { start: Record::zero(), groups: Vec::new() };
    let mut cases = vec![empty; n];
    cases.push(case.clone());
    Ok(runner.run(&cases, rounds, scratch)?.pop().flatten())
}

/// Finds the instruction at which case number `n` begins to differ; None if it may.
fn shrink(
    case: &Case,
    rounds: u64,
    n: usize,
    oracle: &Runner,
    runner: &Runner,
    scratch: &Path,
) -> Result<Option<Mismatch>> {
    let prefix =
        |length: usize| Case { start: case.start.clone(), groups: case.groups[..length].to_vec() };
    let times = |case: &Case, rounds| -> Result<_> {
        Ok((alone(case, rounds, n, runner, scratch)?, alone(case, rounds, n, oracle, scratch)?))
    };
    let (a, b) = times(case, 1)?;
    let rounds = if a == b { rounds } else { 1 };
    let both = |case: &Case| times(case, rounds);
    let (mut same, mut different) = (0, case.groups.len());
    let (mut ours, mut theirs) = both(case)?;
    if ours == theirs {
        return Ok(Some(Mismatch { line: UNKNOWN, text: String::new() }));
    }
    let mut start = case.start.clone();
    while different - same > 1 {
        let middle = same.midpoint(different);
        let (a, b) = both(&prefix(middle))?;
        if a == b {
            same = middle;
            start = a.unwrap_or(start);
        } else {
            different = middle;
            (ours, theirs) = (a, b);
        }
    }
    // The instruction alone, from the state before it.
    start.set(SIGNAL, 0);
    let single = Case { start, groups: vec![case.groups[different - 1].clone()] };
    let (a, b) = both(&single)?;
    if a == b {
        // It needs some of those before it: leave out the others.
        let mut found = prefix(different);
        let mut at = found.groups.len() - 1;
        while at > 0 {
            at -= 1;
            let mut fewer = found.clone();
            fewer.groups.remove(at);
            let (a, b) = both(&fewer)?;
            if a != b {
                (ours, theirs) = (a, b);
                found = fewer;
            }
        }
        let tolerated = matches!((&ours, &theirs), (Some(a), Some(b)) if accepted(a, b));
        let text = || describe(runner, &found, n, ours.as_ref(), theirs.as_ref());
        return Ok((!tolerated).then(text));
    }
    let tolerated = matches!((&a, &b), (Some(a), Some(b)) if accepted(a, b));
    Ok((!tolerated).then(|| describe(runner, &single, n, a.as_ref(), b.as_ref())))
}

/// Text for people.
fn describe(
    runner: &Runner,
    case: &Case,
    number: usize,
    ours: Option<&Record>,
    theirs: Option<&Record>,
) -> Mismatch {
    let (code, starts) = case.code();
    let word = case.groups.last().map_or(0, super::case::Group::instruction);
    let line = encoding::find(word).map_or("?", |l| l.name);
    let mut text = format!("{}: {line}: {}\n", runner.name(), disassemble(word, 0));
    for (n, word) in code.iter().enumerate() {
        let mark = if starts.contains(&n) { '-' } else { ' ' };
        text += &format!("  {mark} {word:08x}  {}\n", disassemble(*word, n as u64 * 4));
    }
    let start = &case.start;
    if let Some(line) = encoding::find(word) {
        let vector = line.section.contains("SIMD")
            || line.section.contains("floating")
            || line.section.contains("crypto");
        for name in ["rn", "rm", "ra", "rs", "rt", "rt2", "rd"] {
            let Some(n) = line.field(word.into(), name) else { continue };
            if vector {
                text += &format!("  {name}: v{n} = {:#034x}\n", start.vector(n as usize));
            } else {
                text += &format!("  {name}: x{n} = {:#x}\n", start.get(n as usize * 8));
            }
        }
    }
    text += &format!(
        "  nzcv {:#x} fpcr {:#x} fpsr {:#x}\n",
        start.get(super::record::NZCV),
        start.get(super::record::FPCR),
        start.get(super::record::FPSR)
    );
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            for difference in ours.differences(theirs) {
                text += &format!("    {difference}\n");
            }
        }
        (None, _) => text += DIED,
        (_, None) => text += "    the oracle died\n",
    }
    text += &format!("  record at {:#x}\n", record_address(number));
    Mismatch { line, text }
}
