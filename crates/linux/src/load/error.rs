//! Why a program cannot be started, in one line, with what to do about it.

use crate::{abi, elf};
use std::borrow::Cow;
use sys::errno::Errno;
use thiserror::Error;

/// Why a program cannot be started.
#[derive(Debug, Error)]
pub enum Error {
    /// It cannot be opened.
    #[error("{}: {errno}", text(path))]
    Open {
        /// Its path.
        path: Vec<u8>,
        /// Why.
        errno: Errno,
    },
    /// It is a device, a FIFO or a socket.
    #[error("{}: not a regular file", text(path))]
    Special {
        /// Its path.
        path: Vec<u8>,
    },
    /// Nobody, or not this user, may execute it.
    #[error("{}: no permission to execute it", text(path))]
    NotExecutable {
        /// Its path.
        path: Vec<u8>,
    },
    /// It is not something that can be run.
    #[error("{}: {error}", text(path))]
    Format {
        /// Its path.
        path: Vec<u8>,
        /// What is wrong.
        error: elf::Error,
    },
    /// It is a script whose interpreter cannot be run.
    #[error("{}: its interpreter {why}", text(path))]
    Interpreter {
        /// The script's path.
        path: Vec<u8>,
        /// What is wrong with the interpreter.
        why: Box<Self>,
    },
    /// Its loader cannot be opened.
    #[error("{}: its loader {}: {errno}", text(path), text(loader))]
    Loader {
        /// The program's path.
        path: Vec<u8>,
        /// The loader's path.
        loader: Vec<u8>,
        /// Why.
        errno: Errno,
        /// The prefix in use.
        prefix: Option<Vec<u8>>,
        /// Debian's name of the architecture.
        debian: &'static str,
    },
    /// It is linked at addresses that are taken.
    #[error("{}: linked at {start:#x}-{end:#x}, where the emulator itself is", text(path))]
    Occupied {
        /// Its path.
        path: Vec<u8>,
        /// First address.
        start: u64,
        /// End.
        end: u64,
    },
    /// A part of it cannot be mapped.
    #[error("{}: cannot map {start:#x}-{end:#x}: {errno}", text(path))]
    Map {
        /// Its path.
        path: Vec<u8>,
        /// First address.
        start: u64,
        /// End.
        end: u64,
        /// Why.
        errno: Errno,
    },
    /// Stack, vDSO or the emulator's own memory cannot be had.
    #[error("cannot get memory for the program: {0}")]
    Memory(Errno),
}

/// A path for a message.
fn text(path: &[u8]) -> Cow<'_, str> {
    if path.is_empty() { "the empty path".into() } else { String::from_utf8_lossy(path) }
}

/// What to do about a file that is no program for us.
fn format_help(error: &elf::Error) -> Option<String> {
    use elf::Error as E;
    Some(match error {
        E::NotElf => "a program is an ELF file; a script begins with #! and its interpreter".into(),
        E::Machine { found, .. } if elf::is_host(*found) => {
            "it is a program for this machine: run it without anyarch".into()
        }
        E::Machine { .. } | E::Class(_) | E::ByteOrder(_) | E::Flags(_) => {
            let [others @ .., last] = abi::ALL.map(|abi| abi.debian);
            format!("install a build for {} or {last}, which this emulator runs", others.join(", "))
        }
        E::Type(1) => "link it first".into(),
        E::Type(_) | E::Read(_) => return None,
        _ => "it is incomplete or damaged: copy or build it again".into(),
    })
}

impl Error {
    /// What to do about it, if that can be said.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Loader { loader, errno: Errno::ENOENT, prefix, debian, .. } => {
                let name = text(loader).contains("musl");
                let package = if name { "musl" } else { "libc6" };
                Some(match prefix {
                    Some(prefix) => format!(
                        "neither {0}{1} nor {1} exists; is {0} a root for {debian}?",
                        text(prefix),
                        text(loader)
                    ),
                    None => format!(
                        "run it in the root of a system for {debian}, give such a root with -L DIR, \
                         or install the loader (Debian: {package}:{debian})"
                    ),
                })
            }
            Self::Format { error, .. } => format_help(error),
            Self::Interpreter { why, .. } => match **why {
                Self::Open { errno: Errno::ENOENT, .. } => {
                    Some("install it, or correct the script's first line".into())
                }
                ref why => why.help(),
            },
            Self::NotExecutable { path } => Some(format!(
                "make it executable: chmod +x {} (and its file system not mounted noexec)",
                text(path)
            )),
            Self::Occupied { .. } => {
                Some("link it elsewhere, or as a position-independent program (-pie)".into())
            }
            Self::Map { errno: Errno::EPERM, start, .. } if *start < 0x1_0000 => {
                Some("lower the limit with: sysctl vm.mmap_min_addr=0".into())
            }
            Self::Map { errno: Errno::ENOMEM, .. } | Self::Memory(Errno::ENOMEM) => {
                Some("the limit on memory may be too low: see ulimit -v".into())
            }
            _ => None,
        }
    }

    /// Whether Linux would have begun to load the program, and killed it with SIGSEGV.
    pub fn kills(&self) -> bool {
        matches!(self, Self::Format { error, .. } if error.kills())
    }

    /// The status to exit with: as a shell's.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Open { errno: Errno::ENOENT, .. } | Self::Loader { errno: Errno::ENOENT, .. } => {
                127
            }
            Self::Interpreter { why, .. } => why.exit_code(),
            _ => 126,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_loader_is_named_with_its_package() {
        let error = Error::Loader {
            path: b"/bin/x".to_vec(),
            loader: b"/lib/ld-musl-aarch64.so.1".to_vec(),
            errno: Errno::ENOENT,
            prefix: None,
            debian: "arm64",
        };
        assert_eq!(
            error.to_string(),
            "/bin/x: its loader /lib/ld-musl-aarch64.so.1: No such file or directory"
        );
        assert!(error.help().unwrap().contains("musl:arm64"));
        assert_eq!(error.exit_code(), 127);
    }
}
