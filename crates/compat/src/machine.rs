//! What the personalities ask of the machine that they run on.

use std::io;
use std::path::Path;

use binfmt::GuestArch;

/// Exit codes that our own commands share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// What was asked for holds.
    Done,
    /// It does not.
    NotReached,
    /// A wrong command line.
    Usage,
    /// binfmt_misc is not there and cannot be mounted.
    NoKernel,
    /// A part of it holds.
    Partial,
    /// It holds, but vanishes with this container or namespace.
    Volatile,
}

impl Code {
    /// The number.
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NotReached => 1,
            Self::Usage => 2,
            Self::NoKernel => 4,
            Self::Partial => 5,
            Self::Volatile => 6,
        }
    }
}

/// The machine: its output, files, kernel and environment.
pub trait Machine {
    /// Prints on standard output.
    fn out(&mut self, text: &str);
    /// Prints on standard error; hints (`hint: ...`) only if the original is not to be matched
    /// strictly.
    fn err(&mut self, text: &str);
    /// A variable of the environment.
    fn var(&self, name: &str) -> Option<String>;
    /// As [`Machine::var`]; one that is empty counts as none.
    fn setting(&self, name: &str) -> Option<String> {
        self.var(name).filter(|v| !v.is_empty())
    }
    /// Whether exit codes are to be the original's.
    fn strict(&self) -> bool;
    /// The original's exit code where that is asked for, ours otherwise.
    fn exit_code(&self, original: u8, ours: Code) -> u8 {
        if self.strict() { original } else { ours.number() }
    }
    /// Writes `text` with one call to an existing file.
    ///
    /// # Errors
    /// The system's answer, with its number.
    fn write(&mut self, path: &Path, text: &[u8]) -> io::Result<()>;
    /// Reads a file.
    ///
    /// # Errors
    /// The system's answer.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The names in a directory, in the order in which the system gives them.
    ///
    /// # Errors
    /// The system's answer.
    fn names(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Whether `path` exists (links followed).
    fn exists(&self, path: &Path) -> bool;
    /// Whether `path` is a regular file that may be executed.
    fn executable(&self, path: &Path) -> bool;
    /// Whether `path` is a regular file.
    fn is_file(&self, path: &Path) -> bool;
    /// Whether this process may write to `path`.
    fn writable(&self, path: &Path) -> bool;
    /// Writes a whole file, made if it is not there.
    ///
    /// # Errors
    /// The system's answer.
    fn create(&mut self, path: &Path, text: &[u8]) -> io::Result<()>;
    /// Moves a file over another.
    ///
    /// # Errors
    /// The system's answer.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// The system's answer.
    fn remove(&mut self, path: &Path) -> io::Result<()>;
    /// Mounts binfmt_misc at `dir`.
    ///
    /// # Errors
    /// The system's answer.
    fn mount(&mut self, dir: &Path) -> io::Result<()>;
    /// Unmounts `dir`.
    ///
    /// # Errors
    /// The system's answer.
    fn unmount(&mut self, dir: &Path) -> io::Result<()>;
    /// Whether entries made at `dir` vanish when this process's mounts do.
    fn is_volatile(&self, dir: &Path) -> bool;
    /// The path to register, with flag F, for this program itself.
    ///
    /// # Errors
    /// When its file cannot be opened.
    fn own_image(&mut self) -> io::Result<String>;
    /// Runs a tiny program of another architecture in `root`, or in a directory of its own.
    fn executes(&mut self, guest: &GuestArch, root: Option<&Path>) -> bool;
    /// `uname -m`.
    fn uname_machine(&self) -> String;
    /// How many levels of x86-64 beyond the first this machine's processor has.
    fn amd64_level(&self) -> u8;
    /// What `ls -la` prints of a directory.
    fn list_long(&self, dir: &Path) -> String;
    /// Runs `program` with one argument and returns whether it succeeded.
    fn run(&mut self, program: &Path, argument: &Path) -> bool;
}

/// The text that C and Go print for a system error.
pub fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
