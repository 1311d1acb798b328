//! Runs programs with translated code and with the evaluator, and compares what they wrote.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::subject::Subject;

use super::case::Case;
use super::program::{Program, Record};

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose faults.
    pub subject: &'static Subject,
    /// First seed; each program has another.
    pub seed: u64,
    /// Faults to compare.
    pub points: usize,
    /// Cases in a program.
    pub cases: usize,
    /// Groups of instructions in a case, at most.
    pub length: u64,
    /// How often a case is run.
    pub rounds: u64,
    /// The product's binary.
    pub anyarch: PathBuf,
    /// The oracle, for information.
    pub oracle: Option<PathBuf>,
    /// Where differing programs are kept.
    pub keep: Option<PathBuf>,
    /// How many differences are reported.
    pub stop: usize,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Signal frames that were compared.
    pub frames: usize,
    /// Of these, faults: SIGSEGV and SIGBUS.
    pub faults: usize,
    /// Different faulting instructions.
    pub places: usize,
    /// Faults by encoding.
    pub lines: BTreeMap<&'static str, usize>,
    /// Cases that differ.
    pub differences: usize,
    /// Last seed.
    pub seed: u64,
    /// Cases that the oracle does otherwise, by encoding and what differs.
    pub oracle: BTreeMap<String, usize>,
    /// Cases that were compared with the oracle.
    pub oracle_cases: usize,
}

/// Runs until there are enough points, or `options.stop` differences.
///
/// # Errors
/// If something cannot be run.
pub fn run(options: &Options, report: &mut dyn FnMut(String)) -> Result<Found> {
    let scratch = std::env::temp_dir().join(format!("anyarch-faults-{}", std::process::id()));
    fs::create_dir_all(&scratch)?;
    let result = programs(options, &scratch, report);
    let _ = fs::remove_dir_all(&scratch);
    result
}

fn programs(options: &Options, scratch: &Path, report: &mut dyn FnMut(String)) -> Result<Found> {
    let mut found = Found { seed: options.seed, ..Found::default() };
    loop {
        let mut chooser = (options.subject.fault.chooser)(found.seed);
        let cases: Vec<_> = (0..options.cases).map(|_| chooser.case(options.length)).collect();
        let program = Program::new(options.subject, &cases, options.rounds, found.seed);
        let theirs = execute(options, Mode::Evaluator, &program, scratch)?;
        count(options, &program, &theirs.bytes, &mut found);
        let different = if theirs.ended {
            all_differing(options, &cases, &theirs, found.seed, scratch)?
        } else {
            // A wild store has destroyed the program: it must die likewise.
            died_alike(options, &program, &theirs, (found.seed, cases.len()), scratch)?
        };
        for n in different {
            found.differences += 1;
            if found.differences <= options.stop {
                let text = describe(options, &cases, n, found.seed, scratch)?;
                report(format!("seed {} case {n}: {text}", found.seed));
            }
        }
        if options.oracle.is_some() {
            let oracle = execute(options, Mode::Oracle, &program, scratch)?;
            let bytes = (&*theirs.bytes, &*oracle.bytes);
            oracle_differences(options, &program, bytes, cases.len(), &mut found);
        }
        if found.faults >= options.points || found.differences >= options.stop {
            return Ok(found);
        }
        found.seed += 1;
    }
}

/// As an oracle: this machine's processor.
const PROCESSOR: &str = "processor";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Product,
    Evaluator,
    Oracle,
}

/// Makes sure that translated code dies as the evaluator did, of a program that destroys itself. The cases that
/// differ until then.
fn died_alike(
    options: &Options,
    program: &Program,
    theirs: &Run,
    (seed, cases): (u64, usize),
    scratch: &Path,
) -> Result<Vec<usize>> {
    let ours = execute(options, Mode::Product, program, scratch)?;
    if ours.words == theirs.words && ours.bytes.len() == theirs.bytes.len() {
        return Ok(differing(program, &ours.bytes, &theirs.bytes, cases));
    }
    if let Some(keep) = &options.keep {
        fs::write(keep.join(format!("faults-{seed}")), program.elf())?;
    }
    let (a, b) = (ours.bytes.len(), theirs.bytes.len());
    bail!("seed {seed}: {} after {a} bytes, the evaluator: {} after {b}", ours.words, theirs.words)
}

/// The cases that differ. Those after one at which the process dies are tried without it.
fn all_differing(
    options: &Options,
    cases: &[Case],
    theirs: &Run,
    seed: u64,
    scratch: &Path,
) -> Result<Vec<usize>> {
    let mut different = Vec::new();
    let mut done = 0;
    loop {
        let program = Program::without(options.subject, cases, options.rounds, seed, done);
        let ours = execute(options, Mode::Product, &program, scratch)?;
        let found = differing(&program, &ours.bytes, &theirs.bytes, cases.len());
        let mut found = found.into_iter().filter(|&n| n >= done);
        if ours.ended {
            different.extend(found);
            return Ok(different);
        }
        // It died in the first case without all its records.
        let Some(n) = found.next() else { return Ok(different) };
        eprintln!("{}", ours.words);
        different.push(n);
        done = n + 1;
        if different.len() >= options.stop {
            return Ok(different);
        }
    }
}

/// What a run left.
struct Run {
    /// Its records.
    bytes: Vec<u8>,
    /// Whether it ended as it should.
    ended: bool,
    /// Otherwise what it said.
    words: String,
}

/// Runs `program`.
fn execute(options: &Options, mode: Mode, program: &Program, scratch: &Path) -> Result<Run> {
    let path = scratch.join("faults");
    let _ = fs::remove_file(&path);
    fs::write(&path, program.elf())?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    let cpu = &options.subject.cpu;
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "120"]);
    match mode {
        Mode::Product => {
            command.arg(&options.anyarch).args(["-cpu", cpu.other, "--dump", "translate"])
        }
        Mode::Evaluator => {
            command.arg(&options.anyarch).args(["-cpu", cpu.other, "--dump", "eval"])
        }
        Mode::Oracle => {
            let oracle = options.oracle.as_ref().context("no oracle")?;
            if oracle.as_os_str() == PROCESSOR {
                command.arg(std::env::current_exe()?).arg("confined")
            } else {
                command.arg(oracle).args(["-cpu", cpu.frames])
            }
        }
    };
    let output = command.arg(&path).stdin(Stdio::null()).output().context("timeout(1)")?;
    let text = String::from_utf8_lossy(&output.stderr);
    let words = text.lines().filter(|l| !l.is_empty()).take(4).collect::<Vec<_>>().join("\n");
    Ok(Run {
        bytes: output.stdout,
        ended: output.status.success(),
        words: format!("{}: {words}", output.status),
    })
}

/// Counts the faults in `output`.
fn count(options: &Options, program: &Program, output: &[u8], found: &mut Found) {
    let mut places = HashSet::new();
    for record in program.records(output) {
        found.frames += 1;
        if matches!(record.signal(), 7 | 11) {
            found.faults += 1;
            places.insert(record.pc());
            let line = options.subject.find(program.code_at(record.pc()));
            *found.lines.entry(line.map_or("?", |l| l.name)).or_default() += 1;
        }
    }
    found.places += places.len();
}

/// The records by case.
fn by_case<'a>(program: &Program, output: &'a [u8], cases: usize) -> Vec<Vec<Record<'a>>> {
    let mut sorted = vec![Vec::new(); cases];
    for record in program.records(output) {
        if let Some(records) = sorted.get_mut(record.case()) {
            records.push(record);
        }
    }
    sorted
}

/// The cases whose records differ.
fn differing(program: &Program, ours: &[u8], theirs: &[u8], cases: usize) -> Vec<usize> {
    if ours == theirs {
        return Vec::new();
    }
    let (ours, theirs) = (by_case(program, ours, cases), by_case(program, theirs, cases));
    (0..cases).filter(|&n| first(&ours[n], &theirs[n]).is_some()).collect()
}

/// The first record that differs.
fn first(ours: &[Record<'_>], theirs: &[Record<'_>]) -> Option<usize> {
    let same = |(a, b): (&Record<'_>, &Record<'_>)| a == b || a.tolerant() == b.tolerant();
    let equal = ours.iter().zip(theirs).position(|pair| !same(pair));
    equal.or_else(|| (ours.len() != theirs.len()).then(|| ours.len().min(theirs.len())))
}

/// The case alone, with as few instructions as differ, for people.
fn describe(
    options: &Options,
    cases: &[Case],
    n: usize,
    seed: u64,
    scratch: &Path,
) -> Result<String> {
    let mut case = cases[n].clone();
    let both = |case: &Case| -> Result<_> {
        let program =
            Program::new(options.subject, std::slice::from_ref(case), options.rounds, seed);
        let ours = execute(options, Mode::Product, &program, scratch)?;
        let theirs = execute(options, Mode::Evaluator, &program, scratch)?;
        Ok((program, ours.bytes, theirs.bytes))
    };
    let differs =
        |case: &Case| both(case).map(|(program, a, b)| !differing(&program, &a, &b, 1).is_empty());
    if !differs(&case)? {
        return Ok("differs only among others".into());
    }
    let nop = options.subject.fault.nop;
    for group in (0..case.groups.len()).rev() {
        let fewer = case.without(group, nop);
        if differs(&fewer)? {
            case = fewer;
        }
    }
    let (program, ours, theirs) = both(&case)?;
    if let Some(keep) = &options.keep {
        fs::write(keep.join(format!("faults-{seed}-{n}")), program.elf())?;
    }
    let (ours, theirs) = (by_case(&program, &ours, 1), by_case(&program, &theirs, 1));
    let at = first(&ours[0], &theirs[0]).unwrap_or(0);
    let mut text = format!("record {at}\n");
    for group in case.groups.iter().filter(|g| !g.code.starts_with(nop)) {
        text += &options.subject.listing(&group.code, 0, &|_| ' ');
    }
    let (Some(a), Some(b)) = (ours[0].get(at), theirs[0].get(at)) else {
        return Ok(text + &format!("  {} records, not {}\n", ours[0].len(), theirs[0].len()));
    };
    text += &format!(
        "  signal {} in round {} at {:#x}: {}\n",
        b.signal(),
        b.round(),
        b.pc(),
        options.subject.disassemble(program.code_at(b.pc()), b.pc()).0
    );
    for (name, values) in a.differences(b) {
        text += &format!("    {name}: {values}\n");
    }
    Ok(text)
}

/// Counts what the oracle does otherwise; its memory and registers are not compared after that.
fn oracle_differences(
    options: &Options,
    program: &Program,
    (ours, oracle): (&[u8], &[u8]),
    cases: usize,
    found: &mut Found,
) {
    let (ours, oracle) = (by_case(program, ours, cases), by_case(program, oracle, cases));
    for (a, b) in ours.iter().zip(&oracle) {
        found.oracle_cases += 1;
        let Some(at) = (0..a.len().max(b.len())).find(|&n| match (a.get(n), b.get(n)) {
            (Some(a), Some(b)) => !relevant(options, a, b).is_empty(),
            _ => true,
        }) else {
            continue;
        };
        let (Some(a), Some(b)) = (a.get(at), b.get(at)) else {
            *found.oracle.entry("number of signals".into()).or_default() += 1;
            continue;
        };
        let line = options.subject.find(program.code_at(a.pc())).map_or("?", |l| l.name);
        let what = relevant(options, a, b).join(" ");
        *found.oracle.entry(format!("{line}: {what}")).or_default() += 1;
    }
}

/// The kinds of what differs, but for what the oracle does not fill in.
fn relevant(options: &Options, a: &Record<'_>, b: &Record<'_>) -> Vec<&'static str> {
    let unfilled = |name: &str| {
        name.starts_with("ucontext") || name.starts_with("siginfo") || name == "si_errno"
    };
    let kind = |(name, _): &(String, String)| match name.as_str() {
        n if unfilled(n) => None,
        "si_code" => Some("si_code"),
        "si_addr" => Some("si_addr"),
        n if n.starts_with("memory") => Some("memory"),
        n => (options.subject.fault.kind)(n),
    };
    let mut kinds: Vec<_> = a.differences(b).iter().filter_map(kind).collect();
    kinds.dedup();
    kinds
}
