//! `anyarch completions` and `anyarch man`, from the same definitions as the parser.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use crate::report::Failure;

#[derive(Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Args)]
pub(crate) struct Man {
    /// The directory to write anyarch.1 and a page for each command into.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// The command line without what only this program itself uses.
fn visible(command: clap::Command) -> clap::Command {
    let mut shown = clap::Command::new("anyarch")
        .version(env!("CARGO_PKG_VERSION"))
        .about(command.get_about().cloned().unwrap_or_default())
        .after_help(command.get_after_help().cloned().unwrap_or_default());
    for sub in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        shown = shown.subcommand(sub.clone());
    }
    shown
}

/// Prints the completions.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn completions(arguments: &Completions, command: clap::Command) -> u8 {
    let mut command = visible(command);
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "anyarch", &mut text);
    print!("{}", String::from_utf8_lossy(&text));
    0
}

/// Writes the pages.
///
/// # Errors
/// When the directory cannot be written to.
pub(crate) fn man(arguments: &Man, command: clap::Command) -> Result<u8, Failure> {
    let dir = &arguments.dir;
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(visible(command), dir))
        .map_err(Failure::cannot("write to", &dir))?;
    Ok(0)
}
