//! Does it execute now? A probe runs a tiny foreign program from a root of its own that holds
//! nothing else, as a container's first program would.
//!
//! The probe is this binary, executed again with the arguments that the caller gives: it must then
//! call [`child()`]. So nothing is forked, and a handler that hijacks this binary shows as well.

mod child;
mod count;
mod program;
mod trace;

pub use child::child;
pub use count::shifts_arguments;
pub use program::{EXIT_CODE, build, build_count};
pub use trace::{Handler, handler};

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::GuestArch;

/// How a probe ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The program ran and exited as it should.
    Ok,
    /// It could not be executed: the errno.
    Errno(i32),
    /// It was killed by a signal.
    Signal(i32),
    /// It exited with another code than it should.
    Exit(i32),
    /// It did not end in time.
    Timeout,
    /// The probe itself could not be made.
    Unavailable(String),
}

impl Outcome {
    /// Whether the program ran.
    pub fn is_ok(&self) -> bool {
        *self == Self::Ok
    }

    /// One word, for tables and JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Errno(libc::ENOEXEC) => "enoexec",
            Self::Errno(libc::ENOENT) => "enoent",
            Self::Errno(libc::EACCES) => "eacces",
            Self::Errno(libc::ELOOP) => "eloop",
            Self::Errno(_) => "errno",
            Self::Signal(_) => "signal",
            Self::Exit(_) => "exit",
            Self::Timeout => "timeout",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok => f.write_str("it runs"),
            Self::Errno(e) => {
                let e = sys::Errno(*e);
                write!(f, "executing it gives {} ({})", e.name(), e.text())
            }
            Self::Signal(s) => write!(f, "it is killed by signal {s}"),
            Self::Exit(code) => write!(f, "it exits with {code} instead of {EXIT_CODE}"),
            Self::Timeout => f.write_str("it does not end"),
            Self::Unavailable(why) => write!(f, "it cannot be tried: {why}"),
        }
    }
}

/// A probe's result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub time: Duration,
    /// What the interpreter wrote to standard error, the first lines of it.
    pub stderr: String,
}

/// How to make this binary call [`child()`], and for how long to wait.
#[derive(Clone, Debug)]
pub struct Prober {
    /// The arguments that come first.
    pub arguments: Vec<String>,
    /// How long a program may take.
    pub timeout: Duration,
}

impl Prober {
    /// Runs the program of `guest` in a root that holds nothing else.
    pub fn fresh_root(&self, guest: &GuestArch) -> Report {
        self.run(&["--fresh", guest.name], EXIT_CODE)
    }

    /// Runs the program of `guest` as in a root at `root` (from a directory mounted over its
    /// /tmp, or /dev; so interpreters that are looked for by path are looked for there).
    pub fn in_root(&self, guest: &GuestArch, root: &OsStr) -> Report {
        self.run(&[OsStr::new("--inside"), root, OsStr::new(guest.name)], EXIT_CODE)
    }

    /// Executes `/proc/self/exe` itself: whether native programs still run.
    pub fn native(&self) -> Report {
        self.run(&["--nothing"], 0)
    }

    fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(crate::pin::OWN_IMAGE);
        command.args(&self.arguments).args(arguments).stdin(Stdio::null());
        command
    }

    fn run<S: AsRef<OsStr>>(&self, arguments: &[S], expected: u8) -> Report {
        let start = Instant::now();
        let done = |outcome| Report { outcome, time: start.elapsed(), stderr: String::new() };
        let mut command = self.command(arguments);
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(e) => return done(Outcome::Errno(e.raw_os_error().unwrap_or(libc::EIO))),
        };
        let status = match wait(&mut child, self.timeout) {
            Ok(Some(status)) => status,
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return done(Outcome::Timeout);
            }
            Err(e) => return done(Outcome::Unavailable(e.to_string())),
        };
        let time = start.elapsed();
        let (said, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
        let outcome = match (said.lines().find_map(reported), status.code(), status.signal()) {
            (Some(outcome), ..) => outcome,
            (None, Some(code), _) if code == i32::from(expected) => Outcome::Ok,
            (None, Some(code), _) => Outcome::Exit(code),
            (None, None, signal) => Outcome::Signal(signal.unwrap_or(0)),
        };
        Report { outcome, time, stderr }
    }
}

/// A line of the child: what kept it from executing the program.
fn reported(line: &str) -> Option<Outcome> {
    let (key, value) = line.split_once(' ')?;
    match key {
        "probe-errno" => Some(Outcome::Errno(value.parse().ok()?)),
        "probe-unavailable" => Some(Outcome::Unavailable(value.to_owned())),
        _ => None,
    }
}

/// At most 4 KiB: nothing that is asked for is longer.
fn read(stream: Option<impl std::io::Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let _ = stream.take(4096).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits until `child` ends, or gives up.
fn wait(child: &mut Child, timeout: Duration) -> std::io::Result<Option<std::process::ExitStatus>> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= timeout {
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}
