//! `testkit faults`: signal frames of translated code against those of the evaluator.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use testkit::fault::{Options, run};

/// What it takes.
pub(crate) const USAGE: &str = "\
testkit faults [options]  compares the signal frames of faults with the evaluator's
  --guest NAME      of this guest (arm64)
  --seed N          first seed (1)
  --points N        how many faults (10000)
  --cases N         cases in a program (500)
  --length N        most instructions in a case (30)
  --rounds N        how often each case is executed (2)
  --anyarch FILE    the product's binary
  --oracle FILE     the oracle's, or `processor` for this machine's, for information
  --keep DIR        keep programs that differ
  --stop N          stop when so many cases differ (10)";

/// Runs it.
pub(crate) fn faults(arguments: &[String]) -> Result<()> {
    let mut points = 10_000;
    let mut options = Options {
        subject: testkit::subject::SUBJECTS[0],
        seed: 1,
        points: 0,
        cases: 500,
        length: 30,
        rounds: 2,
        anyarch: PathBuf::new(),
        oracle: None,
        keep: None,
        stop: 10,
    };
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let value = rest.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--guest" => options.subject = crate::guest(Some(value))?,
            "--seed" => options.seed = value.parse()?,
            "--points" => points = value.parse()?,
            "--cases" => options.cases = value.parse()?,
            "--length" => options.length = value.parse()?,
            "--rounds" => options.rounds = value.parse()?,
            "--anyarch" => options.anyarch = value.into(),
            "--oracle" => options.oracle = Some(value.into()),
            "--keep" => options.keep = Some(value.into()),
            "--stop" => options.stop = value.parse()?,
            _ => bail!("unknown option {name}\n{USAGE}"),
        }
    }
    options.points = points;
    ensure!(!options.anyarch.as_os_str().is_empty(), "--anyarch is needed");
    let begin = Instant::now();
    let found = run(&options, &mut |text| println!("{text}"))?;
    let mut lines: Vec<_> = found.lines.iter().collect();
    lines.sort_by_key(|&(_, count)| std::cmp::Reverse(*count));
    let most: Vec<_> = lines.iter().take(8).map(|(name, n)| format!("{name} {n}")).collect();
    println!("{} encodings, most often: {}", lines.len(), most.join(", "));
    if !found.oracle.is_empty() {
        let all: usize = found.oracle.values().sum();
        println!("the oracle does {all} of {} cases otherwise:", found.oracle_cases);
        let mut kinds: Vec<_> = found.oracle.iter().collect();
        kinds.sort_by_key(|&(_, count)| std::cmp::Reverse(*count));
        for (what, count) in kinds.iter().take(60) {
            println!("{count:6} {what}");
        }
    }
    println!(
        "{} frames, {} faults at {} instructions, seeds {} to {}, {} s: {} differences",
        found.frames,
        found.faults,
        found.places,
        options.seed,
        found.seed,
        begin.elapsed().as_secs(),
        found.differences
    );
    ensure!(found.differences == 0, "{} cases differ", found.differences);
    Ok(())
}
