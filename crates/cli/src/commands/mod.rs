//! The subcommands, for people.

mod check;
mod doctor;
mod export;
mod hold;
mod install;
mod manual;
pub(crate) mod options;
mod persist;
pub(crate) mod probe;
mod rootless;
mod run;
mod snapshot;
mod status;
mod toggle;
mod uninstall;
mod which;

use std::ffi::{OsStr, OsString};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::report::Failure;

/// Run programs and containers of any architecture.
#[derive(Parser)]
#[command(name = "anyarch", version, disable_help_subcommand = false, max_term_width = 100)]
#[command(
    after_help = "anyarch [OPTIONS] PROGRAM [ARGUMENT...] runs one foreign program directly; \
    its options are those of QEMU's user mode: -L PREFIX, -E NAME=VALUE, -U NAME, -0 ARGV0, \
    -cpu MODEL, -strace, -d ITEMS, -version; also --strace and --dump ir,host."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a command in a foreign root file system (needs no root, installs nothing).
    Run(run::Arguments),
    /// Register with the kernel, so that foreign programs run everywhere on this machine.
    Install(install::Install),
    /// Remove our registrations and restore what they replaced.
    Uninstall(uninstall::Uninstall),
    /// Show what the kernel has registered, and whether it works.
    Status(status::Status),
    /// Enable entries.
    Enable(toggle::Toggle),
    /// Disable entries without removing them.
    Disable(toggle::Toggle),
    /// Show which entry runs a file, and why the others do not.
    Which(which::Which),
    /// Test which architectures' programs run.
    Check(check::Check),
    /// Find out why foreign programs do not run, and repair it.
    Doctor(doctor::Doctor),
    /// Repair entries that are stale, broken, disabled, or have wrong flags or masks.
    Repair(doctor::Repair),
    /// Save all entries and their order.
    Snapshot(snapshot::Save),
    /// Restore the entries that a snapshot has saved.
    Restore(snapshot::Restore),
    /// Make the registrations come back after a restart.
    Persist(persist::Persist),
    /// Print registrations in the formats of other tools.
    Export(export::Export),
    /// Keep registrations alive that would end with this container.
    Hold(hold::Hold),
    /// Register without root, in a container engine's namespaces or new ones.
    Rootless(rootless::Rootless),
    /// Print completions for a shell.
    Completions(manual::Completions),
    /// Write the manual pages.
    Man(manual::Man),
    /// Check that foreign programs run on this machine.
    Selftest,
    #[command(name = "@enter", hide = true)]
    Enter(rootless::Enter),
    #[command(name = "@probe", hide = true)]
    Probe(probe::Arguments),
    #[command(name = "@namespace", hide = true)]
    Namespace(run::Arguments),
    #[command(name = "@init", hide = true)]
    Init(run::Arguments),
}

/// Whether `argument`, the first one, is for this parser and not a program to run.
pub(crate) fn knows(argument: &OsStr) -> bool {
    let Some(text) = argument.to_str() else { return false };
    ["help", "--help", "-h", "--version", "-V"].contains(&text)
        || !text.starts_with('-')
            && !text.contains('/')
            && Cli::command().get_subcommands().any(|c| c.get_name() == text)
}

/// The command that `argument`, which is none, was probably meant to be.
pub(crate) fn similar(argument: &OsStr) -> Option<String> {
    const MOST: usize = 2;
    let text = argument.to_str().filter(|text| !text.contains('/'))?;
    // Short words are near too many others.
    let most = if text.len() > 2 * MOST { MOST } else { text.len() / 3 };
    let cli = Cli::command();
    let names = cli.get_subcommands().filter(|c| !c.is_hide_set()).map(clap::Command::get_name);
    let near = names.map(|name| (distance(text, name), name)).min()?;
    (near.0 <= most).then(|| near.1.to_owned())
}

/// How many bytes must be inserted, taken away, replaced or swapped with the next to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                rows[i][j] = i + j;
                continue;
            }
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 2..i] == [b[j - 1], b[j - 2]];
            rows[i][j] = if swapped { least.min(rows[i - 2][j - 2] + 1) } else { least };
        }
    }
    rows[a.len()][b.len()]
}

/// Parses and runs.
///
/// # Errors
/// What the subcommand reports.
pub(crate) fn run(arguments: &[OsString]) -> Result<u8, Failure> {
    sys::start::prepare_for_commands();
    crate::report::expect_failing_output();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            return Ok(if e.use_stderr() { 2 } else { 0 });
        }
    };
    match cli.command {
        Command::Run(a) => run::outside(&a),
        Command::Probe(a) => Ok(probe::child(&a)),
        Command::Namespace(a) => run::namespace(&a),
        Command::Init(a) => run::init(&a),
        Command::Install(a) => install::install(&a),
        Command::Uninstall(a) => uninstall::uninstall(&a),
        Command::Status(a) => status::status(&a),
        Command::Enable(a) => toggle::toggle(&a, true),
        Command::Disable(a) => toggle::toggle(&a, false),
        Command::Which(a) => which::which(&a),
        Command::Check(a) => check::check(&a),
        Command::Doctor(a) => doctor::doctor(&a),
        Command::Repair(a) => doctor::repair(&a),
        Command::Snapshot(a) => snapshot::save(&a),
        Command::Restore(a) => snapshot::restore(&a),
        Command::Persist(a) => persist::persist(&a),
        Command::Export(a) => export::export(&a),
        Command::Rootless(a) => rootless::rootless(&a),
        Command::Enter(a) => rootless::enter(&a),
        Command::Completions(a) => Ok(manual::completions(&a, Cli::command())),
        Command::Man(a) => manual::man(&a, Cli::command()),
        Command::Hold(a) => hold::hold(&a),
        Command::Selftest => crate::selftest::run(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parser_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn only_what_tries_something_has_a_timeout() {
        let cli = Cli::command();
        let has = |c: &&clap::Command| c.get_arguments().any(|a| a.get_id() == "timeout");
        let names: Vec<&str> =
            cli.get_subcommands().filter(has).map(clap::Command::get_name).collect();
        assert_eq!(names, ["install", "status", "which", "check", "doctor", "repair", "hold"]);
    }

    #[test]
    fn mistyped_commands_are_recognised() {
        let of = |text: &str| similar(text.as_ref());
        assert_eq!(of("rnu").as_deref(), Some("run"));
        assert_eq!(
            (of("isntall").as_deref(), of("statsu").as_deref()),
            (Some("install"), Some("status"))
        );
        assert_eq!((of("ls"), of("cat"), of("./rnu")), (None, None, None));
    }

    #[test]
    fn programs_are_not_subcommands() {
        assert!(knows("run".as_ref()) && knows("--help".as_ref()));
        assert!(!knows("/bin/run".as_ref()) && !knows("-strace".as_ref()));
    }
}
