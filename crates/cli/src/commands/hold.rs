//! `anyarch hold`: keeps registrations alive that would vanish with the last mount.

use std::fs::File;

use clap::Args;

use super::options::{Options, Trying};
use crate::json::Json;
use crate::registrar::Registrar;
use crate::report::Failure;

#[derive(Args)]
pub(crate) struct Hold {
    /// First register the architectures that anyarch emulates.
    #[arg(long)]
    install: bool,
    /// Write the process id to this file when it is ready.
    #[arg(long, value_name = "FILE")]
    pidfile: Option<std::path::PathBuf>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    trying: Trying,
}

/// Keeps the file system open, and so the entries, until it is killed.
///
/// # Errors
/// When there is no instance to hold, or the registration fails.
#[expect(clippy::print_stdout, reason = "a sign that it holds")]
pub(crate) fn hold(arguments: &Hold) -> Result<u8, Failure> {
    let instance = arguments.options.open()?;
    if arguments.install {
        Registrar::new(&instance, arguments.trying.prober()).register_all()?;
    }
    let status = instance.dir().join("status");
    let held = File::open(&status).map_err(Failure::cannot("open", &status))?;
    if let Some(path) = &arguments.pidfile {
        std::fs::write(path, format!("{}\n", std::process::id()))
            .map_err(Failure::cannot("write", &path))?;
    }
    let (count, dir) = (instance.entries()?.len(), instance.dir().display().to_string());
    if arguments.options.json {
        let object = vec![
            ("schema", "anyarch.hold/1".into()),
            ("mount", dir.into()),
            ("entries", count.into()),
            ("pid", (std::process::id() as usize).into()),
        ];
        println!("{}", Json::Object(object).pretty());
    } else {
        println!("holding {count} entries of {dir}");
    }
    loop {
        std::thread::park();
        // Spurious wake-ups are allowed; the file is used so that it is not closed early.
        let _ = held.metadata();
    }
}
