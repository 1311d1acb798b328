//! Runs a command in a foreign root file system, in namespaces of its own, with our registration
//! in a binfmt_misc instance that nobody else sees.
//!
//! Three processes, each started by executing this binary again (no fork of a running program):
//! the caller ([`run`]), the one that owns the new user namespace ([`own_namespaces`]), and the
//! first process of the new pid namespace ([`init`]), which mounts, registers, enters the root
//! and starts the command.

mod identity;
mod init;
mod mounts;
mod relay;
mod stages;

pub use init::init;
pub use stages::{own_namespaces, run};

use std::ffi::OsString;
use std::path::PathBuf;

/// A directory or file of the host to be shown: (host path, absolute path inside, read-only).
pub type Bind = (PathBuf, PathBuf, bool);

/// What to run, where and how.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The foreign root directory.
    pub root: PathBuf,
    /// Command and arguments; the first is searched in PATH inside the root.
    pub command: Vec<OsString>,
    /// Environment of the command, all of it.
    pub env: Vec<(OsString, OsString)>,
    /// Working directory inside the root.
    pub cwd: PathBuf,
    /// Mount the root read-only.
    pub read_only: bool,
    /// Further directories or files of the host.
    pub binds: Vec<Bind>,
    /// Guests to register; none: the command and what it executes are run by this binary directly.
    pub guests: Vec<&'static binfmt::GuestArch>,
    /// Another static emulator to register instead of this binary.
    pub interpreter: Option<PathBuf>,
    /// Give the command no network but an unconfigured loopback.
    pub no_network: bool,
}

/// Why nothing could be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call that prepares the namespaces failed.
    #[error("cannot {what}")]
    System {
        /// What was tried, as a verb with its object.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The root is not usable.
    #[error("{0}")]
    Root(String),
    /// The registration failed.
    #[error(transparent)]
    Binfmt(#[from] binfmt::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

pub(crate) trait Context<T> {
    /// Names what was tried.
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<std::io::Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|e| Error::System { what: what(), source: e.into() })
    }
}
