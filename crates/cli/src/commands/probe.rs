//! How the other commands find out what executes here.

use std::ffi::OsString;
use std::time::Duration;

use binfmt::probe::Prober;
use clap::Args;

/// What a probe passes to itself.
#[derive(Args)]
pub(crate) struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// A prober that gives each program `timeout`.
pub(crate) fn prober(timeout: Duration) -> Prober {
    Prober { arguments: vec!["@probe".into()], timeout }
}

/// The same in the user and mount namespaces of a process.
pub(crate) fn within(prober: &Prober, pid: u32) -> Prober {
    let mut arguments = super::rootless::look(pid);
    arguments.extend_from_slice(&prober.arguments);
    Prober { arguments, timeout: prober.timeout }
}

/// The other side of it.
#[expect(clippy::print_stdout, reason = "the prober reads it")]
pub(crate) fn child(arguments: &Arguments) -> u8 {
    let said = binfmt::probe::child(&arguments.words);
    if said.is_empty() {
        return 0;
    }
    println!("{said}");
    1
}
