//! `testkit elf`: mutated programs, for the parser and for the whole product.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use isa::Rng;
use testkit::elf_fuzz::{Outcome, Run, base, check, judge, mutate, run, static_program};
use testkit::subject::{SUBJECTS, Subject};

/// What it takes.
pub(crate) const USAGE: &str = "\
testkit elf [options]     mutates programs
  --guest NAME      of this guest (the first one)
  --seed N          first seed (1)
  --seconds S       how long (60)
  --anyarch FILE    the product's binary; without it only the parser is tried
  --program FILE    a program to mutate too, say a dynamic one
  --prefix DIR      where its loader is (-L)
  --oracle FILE     asked about programs that take too long: theirs may be endless
  --keep DIR        where programs that break the product go";

/// Runs it.
pub(crate) fn elf(arguments: &[String]) -> Result<()> {
    let (mut seed, mut seconds) = (1, 60);
    let (mut anyarch, mut program, mut prefix) = (None, None, None);
    let (mut oracle, mut subject) = (None, SUBJECTS[0]);
    let mut keep = std::env::temp_dir();
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let value = rest.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--guest" => subject = crate::guest(Some(value))?,
            "--seed" => seed = value.parse()?,
            "--seconds" => seconds = value.parse()?,
            "--anyarch" => anyarch = Some(PathBuf::from(value)),
            "--program" => program = Some(fs::read(value)?),
            "--prefix" => prefix = Some(PathBuf::from(value)),
            "--oracle" => oracle = Some(PathBuf::from(value)),
            "--keep" => keep = value.into(),
            _ => bail!("unknown option {name}\n{USAGE}"),
        }
    }
    let budget = Duration::from_secs(seconds);
    match anyarch {
        None => parser(subject, seed, budget),
        Some(anyarch) => {
            let mut programs = vec![static_program(subject)];
            programs.extend(program);
            let tools = Tools { anyarch, oracle, prefix };
            whole(seed, budget, &tools, &programs, &keep)
        }
    }
}

/// Only the parser; it panics if something is wrong.
fn parser(subject: &Subject, seed: u64, budget: Duration) -> Result<()> {
    let begin = Instant::now();
    let mut rng = Rng::new(seed);
    let (mut files, mut good) = (0u64, 0u64);
    while begin.elapsed() < budget {
        for _ in 0..1000 {
            let file = base(&mut rng, subject);
            good += u64::from(check(&mutate(&mut rng, file), subject));
            files += 1;
        }
    }
    println!("{files} files, {good} of them programs, seed {seed}, {} s", budget.as_secs());
    Ok(())
}

/// What runs programs.
struct Tools {
    anyarch: PathBuf,
    oracle: Option<PathBuf>,
    prefix: Option<PathBuf>,
}

impl Tools {
    /// Runs `program` under `emulator`, for five seconds at most.
    fn run(&self, emulator: &Path, program: &Path, cwd: &Path) -> Result<Run> {
        let mut command = Command::new(emulator);
        if let Some(prefix) = &self.prefix {
            command.arg("-L").arg(prefix);
        }
        command.arg(program).current_dir(cwd);
        let limit = Duration::from_secs(5);
        run(&mut command, limit, &cwd.join("said")).context("cannot run a mutated program")
    }

    /// How the run of `program` ends. One that does not end is all right if its own code goes round
    /// in circles: it does so under the oracle, or it is being executed when time is over. (The
    /// oracle alone does not do: it refuses some programs that Linux executes.) One that looks like
    /// a refusal without a reason is all right if it ends so under the oracle.
    fn outcome(&self, program: &Path, cwd: &Path) -> Result<(Outcome, Output)> {
        let run = self.run(&self.anyarch, program, cwd)?;
        let mut outcome = judge(&run.output);
        if outcome == Outcome::Hung && run.circling {
            outcome = Outcome::Looped;
        }
        if matches!(outcome, Outcome::Hung | Outcome::Broken)
            && let Some(oracle) = &self.oracle
        {
            let theirs = self.run(oracle, program, cwd)?.output;
            if judge(&theirs) == outcome && theirs.status == run.output.status {
                outcome = if outcome == Outcome::Hung { Outcome::Looped } else { Outcome::Exited };
            }
        }
        Ok((outcome, run.output))
    }
}

/// The whole product.
fn whole(
    seed: u64,
    budget: Duration,
    tools: &Tools,
    programs: &[Vec<u8>],
    keep: &Path,
) -> Result<()> {
    let scratch = std::env::temp_dir().join(format!("anyarch-elf-{}", std::process::id()));
    fs::create_dir_all(&scratch)?;
    let path = scratch.join("program");
    let begin = Instant::now();
    let mut rng = Rng::new(seed);
    let mut counts = BTreeMap::<Outcome, usize>::new();
    let mut bad = 0;
    while begin.elapsed() < budget {
        let file = &programs[rng.below(programs.len() as u64) as usize];
        let mutated = mutate(&mut rng, file.clone());
        let _ = fs::remove_file(&path);
        fs::write(&path, &mutated)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        let (outcome, output) = tools.outcome(&path, &scratch)?;
        *counts.entry(outcome).or_default() += 1;
        if matches!(outcome, Outcome::Hung | Outcome::Broken) {
            bad += 1;
            let kept = keep.join(format!("elf-{seed}-{bad}"));
            fs::write(&kept, &mutated)?;
            fs::set_permissions(&kept, fs::Permissions::from_mode(0o755))?;
            let text = String::from_utf8_lossy(&output.stderr);
            println!("{outcome:?}: {}: {}: {text}", kept.display(), output.status);
        }
    }
    let _ = fs::remove_dir_all(&scratch);
    println!("{counts:?}, seed {seed}, {} s", budget.as_secs());
    ensure!(bad == 0, "{bad} programs break the product");
    Ok(())
}
