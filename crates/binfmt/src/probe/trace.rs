//! Who really runs a program: it is executed under ptrace and looked at before its first
//! instruction, or its interpreter's, and killed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::{Outcome, Prober, read, reported};
use crate::root::open_regular;
use crate::{GuestArch, interpreter};

/// What the kernel started.
#[derive(Debug)]
pub struct Handler {
    /// `/proc/PID/exe`: the interpreter's file, with ` (deleted)` if it has no name any more.
    pub exe: String,
    /// The arguments that it was given.
    pub arguments: Vec<String>,
    /// The file itself.
    image: File,
}

impl Handler {
    /// Whether the file at `path` has the same bytes as what the kernel runs.
    ///
    /// # Errors
    /// When the file at `path` cannot be read.
    pub fn same_as(&self, path: &Path) -> io::Result<bool> {
        let mut on_disk = open_regular(path)?;
        let mut in_kernel = &self.image;
        io::Seek::rewind(&mut in_kernel)?;
        if in_kernel.metadata()?.len() != on_disk.metadata()?.len() {
            return Ok(false);
        }
        let (mut a, mut b) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        loop {
            let n = in_kernel.read(&mut a)?;
            if n == 0 {
                return Ok(true);
            }
            on_disk.read_exact(&mut b[..n])?;
            if a[..n] != b[..n] {
                return Ok(false);
            }
        }
    }

    /// The first bytes of the file.
    pub fn head(&self) -> Vec<u8> {
        interpreter::head_of(&self.image).unwrap_or_default()
    }

    /// The file itself.
    pub fn image(&self) -> &File {
        &self.image
    }

    /// The name of the memory file that it is, if it is one: `anyarch-0.1.0`.
    pub fn memory_name(&self) -> Option<&str> {
        self.exe.strip_prefix("/memfd:")?.strip_suffix(" (deleted)")
    }
}

/// Who runs programs of `guest`, in a root that holds nothing else.
///
/// # Errors
/// The outcome of an execution that failed.
pub fn handler(prober: &Prober, guest: &GuestArch) -> Result<Handler, Outcome> {
    prober.trace(&["--trace-fresh", guest.name])
}

impl Prober {
    /// Who runs the file at `path` in the root `root`.
    ///
    /// # Errors
    /// The outcome of an execution that failed.
    pub fn handler_of(&self, root: &Path, path: &Path) -> Result<Handler, Outcome> {
        self.trace(&["--trace".as_ref(), root.as_os_str(), path.as_os_str()])
    }

    fn trace<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Result<Handler, Outcome> {
        let unavailable = |e: io::Error| Outcome::Unavailable(e.to_string());
        let mut command = self.command(arguments);
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child =
            spawned.map_err(|e| Outcome::Errno(e.raw_os_error().unwrap_or(libc::EIO)))?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let stopped = waitpid(pid, WaitOptions::empty())
            .map_err(|e| unavailable(e.into()))?
            .is_some_and(|(_, status)| status.stopped());
        if !stopped {
            return Err(read(child.stdout.take())
                .lines()
                .find_map(reported)
                .unwrap_or(Outcome::Unavailable("the traced process ended early".into())));
        }
        let result = look(child.id()).map_err(unavailable);
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = child.wait();
        result
    }
}

fn look(pid: u32) -> io::Result<Handler> {
    let exe = format!("/proc/{pid}/exe");
    let line = fs::read(format!("/proc/{pid}/cmdline"))?;
    let line = line.strip_suffix(b"\0").unwrap_or(&line);
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    Ok(Handler {
        image: File::open(&exe)?,
        exe: fs::read_link(&exe)?.display().to_string(),
        arguments: line.split(|b| *b == 0).map(text).collect(),
    })
}
