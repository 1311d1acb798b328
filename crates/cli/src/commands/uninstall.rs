//! `anyarch uninstall`.

use binfmt::Entry;
use binfmt::precedence::winner_for;
use clap::Args;

use super::options::{Options, code, entries_named, is_ours, refused};
use crate::json::Json;
use crate::replaced;
use crate::report::Failure;

#[derive(Args)]
pub(crate) struct Uninstall {
    /// Entries, by name, glob or architecture (default: all of ours).
    #[arg(value_name = "ARCH|NAME|GLOB")]
    names: Vec<String>,
    /// Remove entries even if they are not ours.
    #[arg(long)]
    force: bool,
    /// Print what would be removed.
    #[arg(long, short = 'n')]
    dry_run: bool,
    #[command(flatten)]
    options: Options,
}

/// Removes our entries, or those that are named.
///
/// # Errors
/// When an entry is not ours, there is none of a name, or the kernel refuses.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn uninstall(arguments: &Uninstall) -> Result<u8, Failure> {
    let instance = arguments.options.open()?;
    let entries = instance.entries()?;
    let chosen: Vec<&Entry> = if arguments.names.is_empty() {
        entries.iter().filter(|e| is_ours(e)).collect()
    } else {
        let named = entries_named(&entries, &arguments.names)?;
        // Of an architecture's entries only ours are meant; one that is named in full is checked.
        let exact = |e: &Entry| arguments.names.iter().any(|n| super::options::glob(n, &e.name));
        let any_ours = named.iter().any(|e| is_ours(e));
        named.into_iter().filter(|e| exact(e) || !any_ours || is_ours(e)).collect()
    };
    if let Some(other) = chosen.iter().find(|e| !is_ours(e) && !arguments.force) {
        return Err(Failure::new(format!(
            "{} is not ours: it runs {}",
            other.name, other.interpreter
        ))
        .help(format!("to remove it all the same: anyarch uninstall --force {}", other.name))
        .code(code::NOT_REACHED));
    }
    let mut removed = Vec::new();
    let mut restored: Vec<(String, Result<(), String>)> = Vec::new();
    for entry in &chosen {
        if !arguments.dry_run {
            instance.unregister(&entry.name).map_err(refused)?;
        }
        removed.push(entry.name.clone());
        // What was there before us comes back.
        let before =
            is_ours(entry).then(|| replaced::take(&instance, &entry.name, !arguments.dry_run));
        if let Some(rule) = before.flatten() {
            let result = match arguments.dry_run {
                true => Ok(()),
                false => instance.register(&rule).map_err(|e| Failure::from(e).line()),
            };
            restored.push((format!("{} ({})", rule.name, rule.interpreter), result));
        }
    }
    if arguments.options.json {
        let object = vec![
            ("schema", "anyarch.uninstall/1".into()),
            ("removed", Json::list(&removed)),
            ("restored", Json::list(restored.iter().filter(|r| r.1.is_ok()).map(|r| &r.0))),
            ("dry_run", arguments.dry_run.into()),
        ];
        println!("{}", Json::Object(object).pretty());
        return Ok(0);
    }
    if chosen.is_empty() {
        println!("there is nothing of ours to remove");
    }
    let now = instance.entries().unwrap_or_default();
    for entry in &chosen {
        let verb = if arguments.dry_run { "would be removed" } else { "removed" };
        let next = entry.guest().and_then(|g| winner_for(&now, g));
        match next.filter(|n| n.name != entry.name) {
            Some(next) => println!("{}: {verb}; {} takes over", entry.name, next.name),
            None => println!("{}: {verb}", entry.name),
        }
    }
    for (what, result) in restored {
        let verb = if arguments.dry_run { "would be restored" } else { "restored" };
        match result {
            Ok(()) => println!("{what}: {verb}"),
            Err(why) => println!("{what}: cannot be restored: {why}"),
        }
    }
    Ok(0)
}
