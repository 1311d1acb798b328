//! `anyarch snapshot` and `anyarch restore`.

use std::fs;
use std::path::{Path, PathBuf};

use binfmt::Rule;
use binfmt::pin::Pinned;
use binfmt::snapshot::{self, Snapshot, Step};
use clap::Args;

use super::options::{Options, code, refused};
use crate::json::Json;
use crate::report::Failure;

#[derive(Args)]
pub(crate) struct Save {
    /// Where to write it (default: standard output).
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
pub(crate) struct Restore {
    /// What anyarch snapshot wrote.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Also remove entries that could not be registered again, as their interpreter is gone.
    #[arg(long)]
    force: bool,
    /// Print the steps without doing them.
    #[arg(long, short = 'n')]
    dry_run: bool,
    #[command(flatten)]
    options: Options,
}

/// Saves all entries with their order.
///
/// # Errors
/// When the instance cannot be read or the file not be written.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the command's result")]
pub(crate) fn save(arguments: &Save) -> Result<u8, Failure> {
    let snapshot = Snapshot::of(&arguments.options.open()?.entries()?);
    let text = snapshot.text()?;
    match &arguments.file {
        None if arguments.options.json => {}
        None => print!("{text}"),
        Some(path) => fs::write(path, text).map_err(Failure::cannot("write", &path))?,
    }
    if arguments.options.json {
        println!("{}", saved(&snapshot)?.pretty());
    }
    for name in &snapshot.unknown {
        eprintln!("warning: {name} is of a kind that cannot be saved");
    }
    Ok(if snapshot.unknown.is_empty() { 0 } else { code::PARTIAL })
}

fn saved(snapshot: &Snapshot) -> Result<Json, Failure> {
    let mut entries = Vec::new();
    for (enabled, rule) in &snapshot.rules {
        entries.push(Json::Object(vec![
            ("name", (&rule.name).into()),
            ("enabled", (*enabled).into()),
            ("line", rule.line()?.into()),
        ]));
    }
    Ok(Json::Object(vec![
        ("schema", "anyarch.snapshot/1".into()),
        ("entries", Json::List(entries)),
        ("not_saved", Json::list(&snapshot.unknown)),
    ]))
}

/// Makes the entries as they were saved; what is unchanged at the bottom stays untouched.
///
/// # Errors
/// When the file is malformed, an interpreter is gone, or the kernel refuses a step.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn restore(arguments: &Restore) -> Result<u8, Failure> {
    let text =
        fs::read_to_string(&arguments.file).map_err(Failure::cannot("read", &arguments.file))?;
    let mut wanted = Snapshot::parse(&text).map_err(|e| Failure::from(e).code(code::USAGE))?;
    let instance = arguments.options.open()?;
    let now = instance.entries()?;
    let gone =
        |r: &Rule| r.flags.fix_binary && !r.is_pinned() && !Path::new(&r.interpreter).exists();
    let added = |step: &Step| matches!(step, Step::Add(r) if gone(r));
    if wanted.plan(&now).iter().any(added) {
        let lost: Vec<String> = wanted
            .rules
            .iter()
            .filter(|(_, r)| gone(r))
            .map(|(_, r)| format!("{} ({})", r.name, r.interpreter))
            .collect();
        if !arguments.force {
            return Err(Failure::new(format!(
                "the interpreters of these entries are gone: {}",
                lost.join(", ")
            ))
            .help("--force restores without them; nothing was changed"));
        }
        wanted.rules.retain(|(_, r)| !gone(r));
    }
    let steps = wanted.plan(&now);
    let mut words = Vec::new();
    for step in &steps {
        words.push(match step {
            Step::Remove(name) => format!("remove {name}"),
            Step::Add(rule) => format!("register {}", rule.line()?),
            Step::Enable(name, true) => format!("enable {name}"),
            Step::Enable(name, false) => format!("disable {name}"),
        });
    }
    if arguments.options.json {
        let object = vec![
            ("schema", "anyarch.restore/1".into()),
            ("steps", Json::list(&words)),
            ("dry_run", arguments.dry_run.into()),
        ];
        println!("{}", Json::Object(object).pretty());
    } else if words.is_empty() {
        println!("everything is as it was saved");
    } else {
        println!("{}", words.join("\n"));
    }
    if arguments.dry_run || steps.is_empty() {
        return Ok(0);
    }
    // What was held in memory is held by this program again.
    let image = Pinned::own().map_err(|e| Failure::new("cannot open this program").caused_by(e))?;
    let translate = |rule: &Rule| match rule.is_pinned() {
        true => Rule { interpreter: image.path(), ..rule.clone() },
        false => rule.clone(),
    };
    snapshot::apply(&instance, &steps, translate).map_err(refused)?;
    Ok(0)
}
