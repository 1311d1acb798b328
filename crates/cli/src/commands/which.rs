//! `anyarch which`: which entry runs a file, and why the others do not.

use std::path::{Path, PathBuf};

use binfmt::precedence::{Verdict, verdicts, winner};
use binfmt::root::Root;
use binfmt::{Entry, GuestArch, interpreter};
use clap::Args;

use super::options::{Options, Trying, code};
use crate::json::Json;
use crate::report::Failure;

#[derive(Args)]
pub(crate) struct Which {
    /// The program, or the name of a command in PATH.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Look for the file, and the interpreters of scripts, in this root.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Execute it, stop it before its first instruction, and show what the kernel started.
    #[arg(long)]
    exec_proof: bool,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    trying: Trying,
}

/// Longest chain of scripts that the kernel follows (`BINPRM` depth, fs/exec.c).
const DEPTH: usize = 5;

/// Tells.
///
/// # Errors
/// When the file or the instance cannot be read.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn which(arguments: &Which) -> Result<u8, Failure> {
    let instance = arguments.options.open()?;
    let entries = instance.entries()?;
    let root = Root::open(&arguments.root).map_err(|e| {
        Failure::cannot("use the root", &arguments.root)(e)
            .help("--root takes the directory that the file is in")
            .code(code::USAGE)
    })?;
    let (chain, head) = follow(&root, &in_path(&root, &arguments.file))?;
    let path = chain.last().cloned().unwrap_or_default();
    let verdicts = verdicts(&entries, &path, &head);
    let winner = winner(&entries, &path, &head).filter(|_| instance.enabled());
    let arch = GuestArch::of_elf(&head);
    let native = winner.is_none() && arch.is_some() && arch == GuestArch::host();
    let proof = arguments
        .exec_proof
        .then(|| arguments.trying.prober().handler_of(&arguments.root, Path::new(&chain[0])));
    let exit = if winner.is_some() || native { 0 } else { code::NOT_REACHED };
    if arguments.options.json {
        let object = vec![
            ("schema", "anyarch.which/1".into()),
            ("file", (&chain[0]).into()),
            ("scripts", Json::list(chain[1..].iter())),
            ("arch", arch.map(|g| g.name).into()),
            ("native", native.into()),
            ("winner", winner.map(|e| &e.name).into()),
            ("argv", Json::list(winner.map(|e| arguments_for(e, &path)).unwrap_or_default())),
            ("entries", Json::List(entries.iter().zip(&verdicts).map(verdict_json).collect())),
            ("proof", proof.as_ref().map_or(Json::Null, proof_json)),
        ];
        println!("{}", Json::Object(object).pretty());
        return Ok(exit);
    }
    for pair in chain.windows(2) {
        println!("{} is a script for {}", pair[0], pair[1]);
    }
    println!(
        "{path}: {}",
        arch.map_or("no ELF file of a known architecture".into(), GuestArch::title)
    );
    for (i, (entry, verdict)) in entries.iter().zip(&verdicts).enumerate() {
        println!("{:>3}  {:<20} {}", i + 1, entry.name, describe(verdict));
    }
    match winner {
        Some(e) => {
            println!("winner: {}", e.name);
            println!("it is run as: {}", arguments_for(e, &path).join(" "));
        }
        None if native => println!("no entry: the kernel runs it itself"),
        None if !instance.enabled() => {
            println!("no entry: binfmt_misc is disabled as a whole (anyarch enable --all)");
        }
        None => println!("no entry takes it: executing it gives ENOEXEC"),
    }
    match &proof {
        Some(Ok(h)) => {
            println!("proof: the kernel started {} as: {}", h.exe, h.arguments.join(" "));
        }
        Some(Err(outcome)) => println!("proof: {outcome}"),
        None => {}
    }
    Ok(exit)
}

/// A name without a slash is looked for where a shell would, if there is no such file.
fn in_path(root: &Root, file: &Path) -> PathBuf {
    if file.components().count() > 1 || file.has_root() || root.has(&root.absolute(file)) {
        return file.to_owned();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|dir| dir.join(file));
    found.find(|p| root.has(&root.absolute(p))).unwrap_or_else(|| file.to_owned())
}

/// Follows `#!` lines; the paths, and the first bytes of the last file.
fn follow(root: &Root, file: &Path) -> Result<(Vec<String>, Vec<u8>), Failure> {
    let mut path = file.display().to_string();
    let mut chain = Vec::new();
    loop {
        let inside = root.absolute(Path::new(&path));
        let head = root.file(&inside).and_then(|file| interpreter::head_of(&file));
        let head = head.map_err(Failure::cannot("read", &root.outside(&inside)))?;
        chain.push(path);
        match interpreter::script(&head) {
            Some(of) if !of.is_empty() && chain.len() <= DEPTH => path = of,
            _ => return Ok((chain, head)),
        }
    }
}

fn arguments_for(entry: &Entry, path: &str) -> Vec<String> {
    let mut all = vec![entry.interpreter.clone(), path.to_owned()];
    if entry.has('P') {
        all.push("ARGV0".into());
    }
    if entry.has('T') {
        all = vec!["ARGV0".into()];
    }
    all.push("ARGUMENT...".into());
    all
}

fn describe(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Wins => "match: it runs the file".into(),
        Verdict::Outranked => "match, but another comes first".into(),
        Verdict::Disabled => "match, but it is disabled".into(),
        Verdict::NoMatch(m) => format!("no match {m}"),
    }
}

fn verdict_json((entry, verdict): (&Entry, &Verdict)) -> Json {
    let word = match verdict {
        Verdict::Wins => "wins",
        Verdict::Outranked => "outranked",
        Verdict::Disabled => "disabled",
        Verdict::NoMatch(_) => "no-match",
    };
    let why = match verdict {
        Verdict::NoMatch(m) => Json::Text(m.to_string()),
        _ => Json::Null,
    };
    Json::Object(vec![("name", (&entry.name).into()), ("verdict", word.into()), ("why", why)])
}

fn proof_json(proof: &Result<binfmt::probe::Handler, binfmt::probe::Outcome>) -> Json {
    match proof {
        Ok(h) => {
            Json::Object(vec![("exe", (&h.exe).into()), ("argv", Json::list(h.arguments.iter()))])
        }
        Err(outcome) => Json::Object(vec![("error", outcome.to_string().into())]),
    }
}
