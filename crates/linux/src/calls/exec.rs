//! Executing programs: the work is done by [`crate::exec`].

use super::{Args, Result, path, tags};
use crate::exec::{self, Request};
use crate::task::Task;

/// `execve(2)`.
pub(super) fn execve(task: &mut Task, args: Args) -> Result {
    let [path, argv, envp, ..] = args;
    execveat(task, [libc::AT_FDCWD as u64, path, argv, envp, 0, 0])
}

/// `execveat(2)`.
pub(super) fn execveat(task: &mut Task, args: Args) -> Result {
    let [dirfd, at, argv, envp, flags, _] = args;
    let strings = |at| exec::read_strings(at, |pointer| tags::strip(task, pointer));
    let request = Request {
        dirfd: dirfd as i32,
        path: path::read(at)?,
        argv: strings(argv)?,
        envp: strings(envp)?,
        flags: flags as i32,
        link: None,
    };
    Err(exec::execveat(task, request))
}
