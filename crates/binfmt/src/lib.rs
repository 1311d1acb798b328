//! binfmt_misc: the table of guests, what to register for them, and reading and changing a
//! mounted instance.
//!
//! No policy and no printing here: `cli` and `doctor` decide and speak.

pub mod conf;
pub mod entry;
pub mod features;
pub mod flags;
pub mod formats;
pub mod guests;
pub mod instance;
pub mod interpreter;
pub mod matcher;
pub mod mount;
pub mod namespace;
pub mod pin;
pub mod precedence;
pub mod probe;
pub mod root;
pub mod rule;
pub mod snapshot;

pub use entry::Entry;
pub use features::Kernel;
pub use flags::Flags;
pub use guests::GuestArch;
pub use instance::Instance;
pub use matcher::{Matcher, Mismatch};
pub use rule::Rule;

/// What can go wrong with an instance or a rule.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No binfmt_misc file system is mounted at the directory.
    #[error("no binfmt_misc file system is mounted at {0}")]
    NotMounted(String),
    /// The kernel has no binfmt_misc.
    #[error("the kernel has no binfmt_misc: there is no {0}")]
    NoKernelSupport(String),
    /// A file of the instance could not be used.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file.
        path: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The kernel would refuse the rule.
    #[error("invalid registration: {0}")]
    Rule(String),
    /// An entry's text is not what the kernel writes.
    #[error("cannot understand the entry {name}: {reason}")]
    Entry {
        /// The entry's name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A snapshot's text is malformed, or what it describes cannot be made again.
    #[error("snapshot: {0}")]
    Snapshot(String),
}

impl Error {
    /// The system's answer, if it was that.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Io { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Names the system call's object in its error.
pub(crate) fn io<E: Into<std::io::Error>>(
    action: &'static str,
    path: impl AsRef<std::path::Path>,
) -> impl FnOnce(E) -> Error {
    move |source| Error::Io {
        action,
        path: path.as_ref().display().to_string(),
        source: source.into(),
    }
}
