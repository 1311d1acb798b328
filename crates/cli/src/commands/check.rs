//! `anyarch check`: what executes here, tried.

use std::path::PathBuf;

use binfmt::GuestArch;
use binfmt::probe::Report;
use clap::Args;

use super::options::{Options, Trying, code, select};
use super::status::probe_json;
use crate::json::Json;
use crate::report::Failure;

#[derive(Args)]
pub(crate) struct Check {
    /// Architectures (default: all that are registered, and the machine's own).
    #[arg(value_name = "ARCH")]
    architectures: Vec<String>,
    /// Test in this root file system instead of an empty one.
    #[arg(long, value_name = "DIR")]
    chroot: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    trying: Trying,
}

/// Runs a program of each architecture.
///
/// # Errors
/// When an architecture is not known.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn check(arguments: &Check) -> Result<u8, Failure> {
    let prober = arguments.trying.prober();
    let guests = if arguments.architectures.is_empty() {
        registered(&arguments.options)
    } else {
        select(&arguments.architectures)?
    };
    let try_one = |guest: &'static GuestArch| match &arguments.chroot {
        Some(root) => prober.in_root(guest, root.as_os_str()),
        None => prober.fresh_root(guest),
    };
    let results: Vec<(&GuestArch, Report)> = guests.into_iter().map(|g| (g, try_one(g))).collect();
    if arguments.options.json {
        let one = |(guest, report): &(&GuestArch, Report)| {
            Json::Object(vec![
                ("arch", guest.name.into()),
                ("platform", format!("linux/{}", guest.platform).into()),
                ("probe", probe_json(report)),
            ])
        };
        let list = results.iter().map(one).collect();
        let object = vec![("schema", "anyarch.check/1".into()), ("results", Json::List(list))];
        println!("{}", Json::Object(object).pretty());
    } else {
        for (guest, report) in &results {
            if report.outcome.is_ok() {
                println!("{}: ok", guest.name);
            } else {
                println!("{}: {}", guest.name, report.outcome);
                for line in report.stderr.lines().take(3) {
                    println!("  {line}");
                }
            }
        }
    }
    let good = results.iter().filter(|(_, r)| r.outcome.is_ok()).count();
    Ok(match good {
        n if n == results.len() => 0,
        0 => code::NOT_REACHED,
        _ => code::PARTIAL,
    })
}

/// The machine's own architecture, and those that an entry takes.
fn registered(options: &Options) -> Vec<&'static GuestArch> {
    let mut guests: Vec<_> = GuestArch::host().into_iter().collect();
    // Reading is enough: what an ancestor namespace registered may be in force as well.
    if let Ok(instance) = binfmt::Instance::at(&options.mount) {
        for entry in instance.entries().unwrap_or_default() {
            guests.extend(entry.guest().filter(|g| !guests.contains(g)));
        }
    }
    guests
}
