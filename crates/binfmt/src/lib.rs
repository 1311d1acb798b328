//! binfmt_misc: what to register, and reading and changing a mounted instance.
//!
//! Nothing here mounts anything or decides policy; `rootfs` and `cli` do.

pub mod entry;
pub mod guests;
pub mod instance;
pub mod rule;

pub use entry::Entry;
pub use guests::GuestArch;
pub use instance::Instance;
pub use rule::{Flags, Rule};

/// What can go wrong with an instance or a rule.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No binfmt_misc file system is mounted at the directory.
    #[error("no binfmt_misc file system is mounted at {0}")]
    NotMounted(String),
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
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
