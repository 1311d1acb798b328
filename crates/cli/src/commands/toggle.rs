//! `anyarch enable` and `anyarch disable`.

use clap::Args;

use super::options::{Options, code, entries_named, refused};
use crate::json::Json;
use crate::report::Failure;

#[derive(Args)]
pub(crate) struct Toggle {
    /// Entries, by name, glob or architecture.
    #[arg(value_name = "ARCH|NAME|GLOB", required_unless_present = "all")]
    names: Vec<String>,
    /// Switch all of binfmt_misc, not single entries.
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Print what would be changed.
    #[arg(long, short = 'n')]
    dry_run: bool,
    #[command(flatten)]
    options: Options,
}

/// Enables or disables entries; their order stays.
///
/// # Errors
/// When there is no such entry, or the kernel refuses.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn toggle(arguments: &Toggle, on: bool) -> Result<u8, Failure> {
    let instance = arguments.options.open()?;
    let word = if on { "enabled" } else { "disabled" };
    let mut changed: Vec<String> = Vec::new();
    if arguments.all {
        if !arguments.dry_run {
            instance.set_all_enabled(on).map_err(refused)?;
        }
        changed.push("binfmt_misc".into());
    } else {
        let entries = instance.entries()?;
        for entry in entries_named(&entries, &arguments.names)? {
            if !arguments.dry_run {
                instance.set_enabled(&entry.name, on).map_err(refused)?;
                if instance.entry(&entry.name).is_none_or(|e| e.enabled != on) {
                    return Err(Failure::new(format!("{} is not {word}", entry.name))
                        .code(code::NOT_REACHED));
                }
            }
            changed.push(entry.name.clone());
        }
    }
    let enabled = instance.enabled();
    if arguments.options.json {
        let object = vec![
            ("schema", "anyarch.toggle/1".into()),
            ("state", word.into()),
            ("changed", Json::list(&changed)),
            ("dry_run", arguments.dry_run.into()),
            ("global_enabled", enabled.into()),
        ];
        println!("{}", Json::Object(object).pretty());
        return Ok(0);
    }
    let would = if arguments.dry_run { "would be " } else { "" };
    for name in changed {
        println!("{name}: {would}{word}");
    }
    if on && !arguments.all && !enabled {
        println!("binfmt_misc is disabled as a whole: anyarch enable --all");
    }
    Ok(0)
}
