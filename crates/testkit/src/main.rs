//! `testkit diff`: random instructions under the oracle and under the product.

mod elf_cli;
mod faults;
mod text_fuzz;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use isa::Line;
use testkit::diff::compare::{Mismatch, compare};
use testkit::diff::coverage::Coverage;
use testkit::diff::known;
use testkit::diff::program::Program;
use testkit::diff::runner::Runner;
use testkit::subject::{self, Subject};

const USAGE: &str = "\
testkit diff [options]   compares random instructions with the oracle
  --guest NAME      of this guest (arm64)
  --seed N          first seed (1)
  --seconds S       how long (60)
  --cases N         cases in a program (2000)
  --length N        most instructions in a case (24)
  --rounds N        how often each case is executed (3)
  --only TEXT,...   encodings whose name, section or feature contains one of these
  --skip TEXT,...   and not one of these
  --mode M,...      evaluate, single (evaluate single instructions), binary; eval, tiny,
                    dual, stress, v2, v3: binary with that word of --dump; pins: with
                    other guest registers in the host's for each seed
                    (evaluate, and binary if there is one)
  --anyarch FILE    the product's binary
  --oracle FILE     the oracle's, or several; `evaluator` for what no oracle has, `processor` for this
                    machine's own (as it is without this option, for the guest that it executes itself)
  --fixtures DIR    where `cargo xtask fixtures` put it
  --stop N          stop when so many encodings differ (20)
  --coverage FILE   write how often each encoding was executed
testkit program FILE [options]   writes the first program instead
testkit intrinsics DIR RUNTIME [COMPILER]
                         makes a program in DIR that calls each intrinsic
testkit lowering [GUEST] lists which encodings need helpers
testkit known [GUEST]    lists what is known of the oracle
testkit confined FILE    executes FILE with few system calls";

/// As an oracle: this machine's processor.
const PROCESSOR: &str = "processor";

struct Options {
    subject: &'static Subject,
    seed: u64,
    seconds: u64,
    cases: usize,
    length: u64,
    rounds: u64,
    only: Vec<String>,
    skip: Vec<String>,
    modes: Vec<String>,
    anyarch: Option<PathBuf>,
    oracles: Vec<PathBuf>,
    fixtures: PathBuf,
    stop: usize,
    coverage: Option<PathBuf>,
}

impl Options {
    /// Whether `--only` and `--skip` let `line` pass.
    fn wants(&self, line: &Line) -> bool {
        let named = |names: &[String]| {
            names
                .iter()
                .any(|n| [line.name, line.section, line.feature()].iter().any(|t| t.contains(n)))
        };
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("testkit: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("diff") => diff(&parse(&arguments[1..])?),
        Some("program") => {
            let file = arguments.get(1).context("a file name is needed")?;
            let options = parse(&arguments[2..])?;
            let mut chooser = (options.subject.chooser)(options.seed, &|line| options.wants(line));
            let cases: Vec<_> =
                (0..options.cases).map(|n| chooser.case(n, options.length)).collect();
            Ok(std::fs::write(file, Program::new(options.subject, &cases, options.rounds).elf())?)
        }
        Some("intrinsics") => {
            let file =
                |n: usize| arguments.get(n).map(Path::new).context("DIR and RUNTIME are needed");
            let compiler = arguments.get(3).map_or("aarch64-linux-gnu-gcc", String::as_str);
            let (program, count) = testkit::intrinsics::build(compiler, file(2)?, file(1)?)?;
            println!("{}: {count} intrinsics", program.display());
            Ok(())
        }
        Some("lowering") => {
            print!(
                "{}",
                testkit::lowering::table(guest(arguments.get(1))?).map_err(anyhow::Error::msg)?
            );
            Ok(())
        }
        Some("known") => {
            for known in guest(arguments.get(1))?.known.known {
                println!("{} ({}): {}", known.heading, known.lines.join(", "), known.what);
            }
            Ok(())
        }
        Some("confined") => {
            let file = arguments.get(1).context("a file name is needed")?;
            Err(testkit::confined::run(Path::new(file)).into())
        }
        Some("faults") => faults::faults(&arguments[1..]),
        Some("elf") => elf_cli::elf(&arguments[1..]),
        Some("binfmt") => text_fuzz::binfmt(&arguments[1..]),
        _ => bail!("usage:\n{USAGE}\n{}\n{}\n{}", faults::USAGE, elf_cli::USAGE, text_fuzz::USAGE),
    }
}

/// The guest of this name, or the first one.
fn guest(name: Option<&String>) -> Result<&'static Subject> {
    let Some(name) = name else { return Ok(subject::SUBJECTS[0]) };
    subject::find(name).with_context(|| format!("no guest {name} is tested"))
}

fn parse(arguments: &[String]) -> Result<Options> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let mut options = Options {
        subject: subject::SUBJECTS[0],
        seed: 1,
        seconds: 60,
        cases: 2000,
        length: 24,
        rounds: 3,
        only: Vec::new(),
        skip: Vec::new(),
        modes: Vec::new(),
        anyarch: None,
        oracles: Vec::new(),
        fixtures: std::env::var_os("ANYARCH_CACHE")
            .map_or_else(|| home.join(".cache/anyarch-tests"), PathBuf::from),
        stop: 20,
        coverage: None,
    };
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let value = rest.next().with_context(|| format!("{name} needs a value"))?;
        let list = || value.split(',').map(str::to_owned).collect::<Vec<_>>();
        match name.as_str() {
            "--guest" => options.subject = guest(Some(value))?,
            "--seed" => options.seed = value.parse()?,
            "--seconds" => options.seconds = value.parse()?,
            "--cases" => options.cases = value.parse()?,
            "--length" => options.length = value.parse()?,
            "--rounds" => options.rounds = value.parse()?,
            "--only" => options.only = list(),
            "--skip" => options.skip = list(),
            "--mode" => options.modes = list(),
            "--anyarch" => options.anyarch = Some(value.into()),
            "--oracle" => options.oracles = list().into_iter().map(PathBuf::from).collect(),
            "--fixtures" => options.fixtures = value.into(),
            "--stop" => options.stop = value.parse()?,
            "--coverage" => options.coverage = Some(value.into()),
            _ => bail!("unknown option {name}\n{USAGE}"),
        }
    }
    if options.oracles.is_empty() && options.subject.names.is_hosts() {
        options.oracles.push(PROCESSOR.into());
    } else if options.oracles.is_empty() {
        let found =
            ["sid", "trixie"].map(|s| options.fixtures.join(options.subject.names.oracle(s)));
        options.oracles = found.into_iter().filter(|p| p.exists()).collect();
    }
    if options.modes.is_empty() {
        options.modes.push("evaluate".into());
        if options.anyarch.is_some() {
            options.modes.push("binary".into());
        }
    }
    Ok(options)
}

fn runners(options: &Options) -> Result<Vec<Runner>> {
    options
        .modes
        .iter()
        .map(|mode| match mode.as_str() {
            "evaluate" => Ok(Runner::Evaluator { single: false }),
            "single" => Ok(Runner::Evaluator { single: true }),
            "binary" => {
                let path = options.anyarch.as_deref().context("--anyarch is needed")?;
                Ok(Runner::product(options.subject, path))
            }
            "eval" | "tiny" | "dual" | "stress" | "v2" | "v3" | "pins" => {
                let path = options.anyarch.as_deref().context("--anyarch is needed")?;
                Ok(Runner::product_with(options.subject, path, mode))
            }
            _ => bail!("unknown mode {mode}"),
        })
        .collect()
}

fn diff(options: &Options) -> Result<()> {
    let (first, more) = options
        .oracles
        .split_first()
        .context("no oracle: run `cargo xtask fixtures` or give --oracle FILE")?;
    let oracle = match first.to_str() {
        Some("evaluator") => Runner::Evaluator { single: true },
        Some(PROCESSOR) => Runner::processor()?,
        _ => Runner::oracle(options.subject, first),
    };
    let mut runners = runners(options)?;
    runners.extend(more.iter().map(|path| Runner::oracle(options.subject, path)));
    let scratch = std::env::temp_dir().join(format!("anyarch-diff-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let result = loops(options, &oracle, &runners, &scratch);
    let _ = std::fs::remove_dir_all(&scratch);
    let found = result?;
    ensure!(found == 0, "{found} differences");
    Ok(())
}

/// Runs programs until the time is over; returns the number of differences.
fn loops(options: &Options, oracle: &Runner, runners: &[Runner], scratch: &Path) -> Result<usize> {
    let mut lacking = Vec::new();
    for oracle in runners.iter().chain([oracle]).filter(|r| r.is_oracle()) {
        for feature in known::lacking(options.subject, oracle, scratch)? {
            println!("{} lacks {feature}, which is left out", oracle.name());
            lacking.push(feature);
        }
    }
    let begin = Instant::now();
    let (mut seed, mut instructions, mut signals, mut accepted) = (options.seed, 0, 0, 0);
    let mut found = 0;
    let mut counts = BTreeMap::<&'static str, usize>::new();
    let mut coverage = Coverage::new(options.subject);
    loop {
        let wanted = |line: &Line| options.wants(line) && !lacking.contains(&line.feature());
        let mut chooser = (options.subject.chooser)(seed, &wanted);
        ensure!(chooser.lines() > 0, "no encoding is chosen");
        if seed == options.seed {
            let names: Vec<_> = runners.iter().map(Runner::name).collect();
            println!(
                "{} encodings; {} against {}",
                chooser.lines(),
                oracle.name(),
                names.join(", ")
            );
        }
        let cases: Vec<_> = (0..options.cases).map(|n| chooser.case(n, options.length)).collect();
        let mut report = |n: usize, mismatch: Mismatch| {
            found += 1;
            let count = counts.entry(mismatch.line).or_default();
            *count += 1;
            if *count <= 2 {
                println!("seed {seed} case {n}: {}", mismatch.text);
            }
            counts.len() < options.stop
        };
        let runners: Vec<_> = runners.iter().map(|r| r.for_seed(seed)).collect();
        let all = (oracle, &*runners);
        let compared = compare(options.subject, &cases, options.rounds, all, scratch, &mut report)?;
        instructions += compared.instructions;
        signals += compared.signals;
        accepted += compared.accepted;
        if options.coverage.is_some() {
            coverage.add(&cases);
        }
        if counts.len() >= options.stop || begin.elapsed() >= Duration::from_secs(options.seconds) {
            break;
        }
        seed += 1;
    }
    for (line, count) in &counts {
        println!("{count:6} {line}");
    }
    if let Some(path) = &options.coverage {
        let wanted = |line: &Line| options.wants(line) && line.implemented();
        println!("{}", coverage.write(path, wanted)?);
    }
    println!(
        "{instructions} instructions ({signals} signals), seeds {} to {seed}, {} s: \
         {accepted} accepted, {found} differences",
        options.seed,
        begin.elapsed().as_secs()
    );
    Ok(found)
}
