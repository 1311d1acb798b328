//! The programs that run a program: oracle, product, evaluator.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::case::Case;
use super::evaluate;
use super::program::Program;
use super::record::{self, Record};
use crate::subject::Subject;

/// Something that executes programs.
#[derive(Clone, Debug)]
pub enum Runner {
    /// A command that takes the path of an executable after its own arguments.
    Command {
        /// For messages.
        name: String,
        /// The command and its arguments.
        command: Vec<String>,
    },
    /// The evaluator on whole blocks, or on single instructions.
    Evaluator {
        /// Single instructions.
        single: bool,
    },
}

impl Runner {
    /// The oracle's binary.
    pub fn oracle(subject: &Subject, path: &Path) -> Self {
        Self::Command {
            name: format!("oracle {}", path.display()),
            command: vec![path.display().to_string(), "-cpu".into(), subject.cpu.oracle.into()],
        }
    }

    /// This machine's own processor: the program is executed as it is, without most system calls.
    ///
    /// # Errors
    /// If this program's file is not to be found.
    pub fn processor() -> Result<Self> {
        let own = std::env::current_exe()?.display().to_string();
        Ok(Self::Command {
            name: "oracle: this processor".into(),
            command: vec![own, "confined".into()],
        })
    }

    /// The product's binary, with the oracle's processor. It translates all: most of a case is
    /// reached only once, and would be left to the evaluator.
    pub fn product(subject: &Subject, path: &Path) -> Self {
        let command = [&path.display().to_string(), "-cpu", subject.cpu.all, "--dump", "translate"];
        let command = command.map(str::to_owned).to_vec();
        Self::Command { name: "anyarch".into(), command }
    }

    /// The product's binary with `--dump word`, another way to work, and another processor.
    pub fn product_with(subject: &Subject, path: &Path, word: &str) -> Self {
        Self::Command {
            name: format!("anyarch --dump {word}"),
            command: [&path.display().to_string(), "-cpu", subject.cpu.other, "--dump", word]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    /// For the program made of `seed`: `--dump pins` gets that number, and translates all.
    #[must_use]
    pub fn for_seed(&self, seed: u64) -> Self {
        let mut new = self.clone();
        if let Self::Command { name, command } = &mut new
            && let Some(word) = command.iter_mut().find(|w| *w == "pins")
        {
            *word = format!("pins{seed},translate");
            name.push_str(&seed.to_string());
        }
        new
    }

    /// Whether it is an oracle.
    pub fn is_oracle(&self) -> bool {
        matches!(self, Self::Command { name, .. } if name.starts_with("oracle"))
    }

    /// For messages.
    pub fn name(&self) -> &str {
        match self {
            Self::Command { name, .. } => name,
            Self::Evaluator { single: true } => "evaluator, single instructions",
            Self::Evaluator { single: false } => "evaluator, blocks",
        }
    }

    /// What every case leaves; None for one at which the process dies.
    ///
    /// # Errors
    /// If the command cannot be run at all.
    pub fn run(
        &self,
        subject: &'static Subject,
        cases: &[Case],
        rounds: u64,
        scratch: &Path,
    ) -> Result<Vec<Option<Record>>> {
        match self {
            Self::Evaluator { single } => {
                let program = Program::new(subject, cases, rounds);
                let run = |(n, case): (usize, &Case)| {
                    let mut record = evaluate::run(&program, n, &case.start, *single);
                    (subject.settle)(case, rounds, &mut record);
                    Some(record)
                };
                Ok(cases.iter().enumerate().map(run).collect())
            }
            Self::Command { command, .. } => {
                let mut records = part(subject, command, cases, rounds, 0, scratch)?;
                for (case, record) in cases.iter().zip(&mut records) {
                    record.iter_mut().for_each(|record| (subject.settle)(case, rounds, record));
                }
                Ok(records)
            }
        }
    }
}

/// The records of the cases from `first` on; those before are jumped over.
fn part(
    subject: &'static Subject,
    command: &[String],
    cases: &[Case],
    rounds: u64,
    first: usize,
    scratch: &Path,
) -> Result<Vec<Option<Record>>> {
    let path = write(&Program::without(subject, cases, rounds, first), scratch)?;
    let output = Command::new("timeout")
        .args(["-s", "KILL", "20"])
        .args(command)
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .context("timeout(1)")?;
    let records = Program::parse(&output.stdout);
    if records.len() == cases.len() {
        return Ok(records.into_iter().skip(first).map(Some).collect());
    }
    if cases.len() - first == 1 {
        let note = String::from_utf8_lossy(&output.stderr);
        let note: Vec<_> = note.lines().filter(|l| !l.is_empty()).take(4).collect();
        fs::write(scratch.join(LAST_WORDS), format!("{}\n{}", output.status, note.join("\n")))?;
        return Ok(vec![None]);
    }
    let middle = first.midpoint(cases.len());
    let mut found = part(subject, command, &cases[..middle], rounds, first, scratch)?;
    found.extend(part(subject, command, cases, rounds, middle, scratch)?);
    Ok(found)
}

/// File in the scratch directory: how the last process died.
pub const LAST_WORDS: &str = "last-words";

/// Writes the executable.
fn write(program: &Program, scratch: &Path) -> Result<PathBuf> {
    let path = scratch.join("cases");
    // A new file each time: the old one may still be busy in a process that is being killed.
    let _ = fs::remove_file(&path);
    fs::write(&path, program.elf()).with_context(|| path.display().to_string())?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    debug_assert_eq!(program.records.len() % record::SIZE, 0);
    Ok(path)
}
