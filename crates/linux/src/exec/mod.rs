//! `execve` and `execveat`.
//!
//! A program of the guest's architecture, or a script whose chain of interpreters ends in one, is
//! run by executing ourselves again, so no binfmt_misc entry is needed and no copy of us in the
//! guest's root: `/proc/self/exe` is executed through a descriptor. Our arguments are then
//!
//! ```text
//! NAME  --anyarch-exec  OPTIONS  PATH  argv[0] argv[1] ...
//! ```
//!
//! and the program is inherited as an open descriptor named in OPTIONS ([`marker`]). Everything
//! else, and everything that fails, is the kernel's: it gives the right error, or runs a program
//! of the host, or finds another entry of binfmt_misc. All that can go wrong with a program of the
//! guest is checked before, while the caller can still be told.

pub mod marker;
mod script;

use crate::abi::Abi;
use crate::load::{self, OpenFile, find_loader};
use crate::proc;
use crate::process::{OwnBinary, Process};
use crate::task::Task;
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use sys::errno::Errno;
use sys::raw;

/// Longest argument (`MAX_ARG_STRLEN`).
const ARG_MAX: usize = 32 * 4096;
/// More than Linux ever accepts in total (`_STK_LIM / 4 * 3`).
const ARGS_MAX: usize = 6 << 20;
/// Interpreters of interpreters (fs/exec.c).
const DEPTH_MAX: usize = 5;

const S_ISUID: u32 = 0o4000;
/// `S_ISGID` and executable by the group: set-group-id, not mandatory locking.
const SETGID: u32 = 0o2010;

/// What is executed.
pub struct Request {
    /// Directory for relative paths, or `AT_FDCWD`.
    pub dirfd: i32,
    /// Path.
    pub path: Vec<u8>,
    /// Arguments.
    pub argv: Vec<Vec<u8>>,
    /// Environment.
    pub envp: Vec<Vec<u8>>,
    /// `AT_EMPTY_PATH`, `AT_SYMLINK_NOFOLLOW`.
    pub flags: i32,
}

/// Who runs the program.
enum Plan {
    /// The kernel.
    Kernel,
    /// We do: the program (the last interpreter), arguments.
    Ours(OpenFile, Vec<Vec<u8>>),
    /// The kernel as it gives other privileges; we, without them, if it cannot.
    Privileged(OpenFile, Vec<Vec<u8>>),
}

/// Reads an array of strings as `execve` gets it; 0 is an empty array.
///
/// # Errors
/// `EFAULT`, or `E2BIG` if it is longer than Linux accepts.
pub fn read_strings(mut at: u64) -> Result<Vec<Vec<u8>>, Errno> {
    let mut list = Vec::new();
    let mut total = 0;
    while at != 0 {
        let pointer = memory::read_u64(at).map_err(|_| Errno::EFAULT)?;
        if pointer == 0 {
            break;
        }
        let text = memory::read_cstr(pointer, ARG_MAX).map_err(|_| Errno::EFAULT)?;
        let text = text.ok_or(Errno::E2BIG)?;
        total += text.len() + 9;
        if total > ARGS_MAX {
            return Err(Errno::E2BIG);
        }
        list.push(text);
        at += 8;
    }
    Ok(list)
}

/// `execveat(2)`: returns only if it fails.
pub fn execveat(task: &mut Task, mut request: Request) -> Errno {
    if request.argv.is_empty() {
        // As Linux 5.18 and later.
        request.argv.push(Vec::new());
    }
    if let Some(path) = proc::redirect_exe(task.process, request.dirfd, &request.path) {
        request.path = path;
    }
    match plan(task.process, &request) {
        Err(errno) => errno,
        Ok(Plan::Kernel) => run_by_kernel(task, &request),
        Ok(Plan::Ours(program, argv)) => run_ourselves(task, &request, program, &argv),
        Ok(Plan::Privileged(program, argv)) => match run_by_kernel(task, &request) {
            Errno::ENOEXEC => run_ourselves(task, &request, program, &argv),
            errno => errno,
        },
    }
}

/// The path as the new program sees it (`AT_EXECFN`).
fn exec_fn(request: &Request) -> Vec<u8> {
    if request.dirfd == libc::AT_FDCWD || request.path.first() == Some(&b'/') {
        request.path.clone()
    } else if request.path.is_empty() {
        format!("/dev/fd/{}", request.dirfd).into_bytes()
    } else {
        [format!("/dev/fd/{}/", request.dirfd).as_bytes(), &request.path].concat()
    }
}

/// Opens the file to execute; None if that is better left to the kernel, which says why.
fn open(request: &Request) -> Option<OwnedFd> {
    let known = libc::AT_EMPTY_PATH | libc::AT_SYMLINK_NOFOLLOW;
    if request.flags & !known != 0 {
        return None;
    }
    let mut flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
    if request.path.is_empty() {
        if request.flags & libc::AT_EMPTY_PATH == 0 || request.dirfd < 0 {
            return None;
        }
        let link = format!("/proc/self/fd/{}", request.dirfd);
        return raw::openat(libc::AT_FDCWD, link.as_bytes(), flags, 0)
            .or_else(|_| raw::dup_from(request.dirfd, 3))
            .ok();
    }
    if request.flags & libc::AT_SYMLINK_NOFOLLOW != 0 {
        flags |= libc::O_NOFOLLOW;
    }
    raw::openat(request.dirfd, &request.path, flags, 0).ok()
}

/// Whether `file` is a regular file that we may execute.
fn may_execute(fd: &OwnedFd) -> bool {
    let flags = libc::AT_EMPTY_PATH | libc::AT_EACCESS;
    raw::faccessat(fd.as_raw_fd(), b"", libc::X_OK, flags).is_ok()
}

/// Decides who runs it, after checking all that can be checked.
fn plan(process: &Process, request: &Request) -> Result<Plan, Errno> {
    let Some(fd) = open(request) else { return Ok(Plan::Kernel) };
    let stat = raw::fstat(fd.as_raw_fd())?;
    if stat.st_mode & libc::S_IFMT != libc::S_IFREG || !may_execute(&fd) {
        return Ok(Plan::Kernel);
    }
    let path = exec_fn(request);
    let Ok(file) = OpenFile::new(fd, path) else { return Ok(Plan::Kernel) };
    match chain(process.abi, file, request.argv.clone()) {
        Ok((file, argv)) => {
            let stat = raw::fstat(file.fd())?;
            check_program(process, &file)?;
            let privileged = gives_privileges(&file, &stat);
            let run = if privileged { Plan::Privileged } else { Plan::Ours };
            Ok(run(file, argv))
        }
        Err(ChainError::Depth) => Err(Errno::ELOOP),
        Err(_) => Ok(Plan::Kernel),
    }
}

/// Where a chain of interpreters ends if not in a program of the guest.
enum ChainError {
    /// It is too long.
    Depth,
    /// In a file of another kind.
    Other(OpenFile),
    /// In a file that cannot be opened or executed.
    Missing(Vec<u8>, Errno),
}

/// Follows the `#!` lines of scripts to a program of the guest; gives it and its arguments.
fn chain(
    abi: &Abi,
    mut file: OpenFile,
    mut argv: Vec<Vec<u8>>,
) -> Result<(OpenFile, Vec<Vec<u8>>), ChainError> {
    for _ in 0..=DEPTH_MAX {
        if load::is_program(abi, file.head()) {
            return Ok((file, argv));
        }
        let Some(script) = script::parse(file.head()) else { return Err(ChainError::Other(file)) };
        // argv[0] goes; what comes before the rest: interpreter, its argument, the script.
        let mut longer = vec![script.interp.to_vec()];
        longer.extend(script.arg.map(<[u8]>::to_vec));
        longer.push(file.path().to_vec());
        longer.extend(argv.drain(1..));
        argv = longer;
        let path = script.interp.to_vec();
        let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
        let missing = |errno| ChainError::Missing(path.clone(), errno);
        let fd = raw::openat(libc::AT_FDCWD, &path, flags, 0).map_err(missing)?;
        if !may_execute(&fd) {
            return Err(missing(Errno::EACCES));
        }
        file = OpenFile::new(fd, path.clone()).map_err(|_| missing(Errno::EIO))?;
    }
    Err(ChainError::Depth)
}

/// Opens the program that runs `path`: itself, or, if it is a script, the last of its
/// interpreters, with the arguments that it gets.
///
/// # Errors
/// If it cannot be opened; a file that is neither is refused when it is loaded.
pub fn follow_scripts(
    abi: &Abi,
    path: &[u8],
    argv: Vec<Vec<u8>>,
) -> Result<(OpenFile, Vec<Vec<u8>>), load::Error> {
    let file = OpenFile::open(path)?;
    match chain(abi, file, argv.clone()) {
        Ok(found) => Ok(found),
        Err(ChainError::Other(file)) => Ok((file, argv)),
        Err(ChainError::Missing(path, errno)) => Err(load::Error::Open { path, errno }),
        Err(ChainError::Depth) => {
            Err(load::Error::Open { path: path.to_vec(), errno: Errno::ELOOP })
        }
    }
}

/// Finds out whether `file` and its loader can be run.
fn check_program(process: &Process, file: &OpenFile) -> Result<(), Errno> {
    let program = file.parse(process.abi).map_err(|_| Errno::ENOEXEC)?;
    let Some(interp) = &program.interp else { return Ok(()) };
    let prefix = process.options.ld_prefix.as_deref();
    let loader = match find_loader(process.abi, file.path(), interp, prefix) {
        Ok(loader) => loader,
        Err(load::Error::Loader { errno, .. } | load::Error::Open { errno, .. }) => {
            return Err(errno);
        }
        Err(_) => return Err(Errno::ENOEXEC),
    };
    if !load::is_program(process.abi, loader.head()) {
        return Err(Errno::ELIBBAD);
    }
    Ok(())
}

/// Whether the kernel would run `file` with privileges that we do not have.
fn gives_privileges(file: &OpenFile, stat: &libc::stat) -> bool {
    let euid = || raw::call(libc::SYS_geteuid, []).unwrap_or(0) as u32;
    let egid = || raw::call(libc::SYS_getegid, []).unwrap_or(0) as u32;
    if stat.st_mode & S_ISUID != 0 && stat.st_uid != euid()
        || stat.st_mode & SETGID == SETGID && stat.st_gid != egid()
    {
        return true;
    }
    let name = c"security.capability";
    let args = [file.fd() as u64, name.as_ptr() as u64, 0, 0];
    raw::call(libc::SYS_fgetxattr, args).is_ok_and(|len| len > 0) && euid() != 0
}

/// Executes ourselves with `program`.
fn run_ourselves(task: &mut Task, request: &Request, program: OpenFile, argv: &[Vec<u8>]) -> Errno {
    let own = match task.process.own_binary() {
        Ok(own) => own,
        // Without /proc there is only binfmt_misc.
        Err(_) => return run_by_kernel(task, request),
    };
    let exe = program.real_path();
    let fd = program.into_fd();
    let inherit = |fd, yes| raw::fcntl(fd, libc::F_SETFD, if yes { 0 } else { 1 });
    let pinned = match &own {
        OwnBinary::Pinned(fd) => Some(*fd),
        OwnBinary::Opened(_) => None,
    };
    let options = &task.process.options;
    let mut all = marker::arguments(options, fd.as_raw_fd(), pinned, &exe, exec_fn(request));
    all.extend_from_slice(argv);
    for fd in [Some(fd.as_raw_fd()), pinned].into_iter().flatten() {
        if let Err(errno) = inherit(fd, true) {
            return errno;
        }
    }
    let errno = host_execveat(task, own.fd(), b"", &all, &request.envp, libc::AT_EMPTY_PATH);
    if let Some(fd) = pinned {
        let _ = inherit(fd, false);
    }
    errno
}

/// Lets the kernel run it.
fn run_by_kernel(task: &mut Task, request: &Request) -> Errno {
    let Request { dirfd, path, argv, envp, flags } = request;
    host_execveat(task, *dirfd, path, argv, envp, *flags)
}

/// The host's execveat.
fn host_execveat(
    task: &mut Task,
    dirfd: i32,
    path: &[u8],
    argv: &[Vec<u8>],
    envp: &[Vec<u8>],
    flags: i32,
) -> Errno {
    let strings = |list: &[Vec<u8>]| -> Result<Vec<CString>, Errno> {
        list.iter().map(|s| CString::new(s.as_slice()).map_err(|_| Errno::EINVAL)).collect()
    };
    let (Ok(path), Ok(argv), Ok(envp)) = (CString::new(path), strings(argv), strings(envp)) else {
        return Errno::EINVAL;
    };
    let pointers = |list: &[CString]| -> Vec<u64> {
        list.iter().map(|s| s.as_ptr() as u64).chain([0]).collect()
    };
    let (argv_at, envp_at) = (pointers(&argv), pointers(&envp));
    // The new program inherits the guest's mask, with the synchronous signals that the host never
    // blocks while we run.
    let mask = raw::sigmask(task.signals.mask);
    let args = [
        dirfd as u64,
        path.as_ptr() as u64,
        argv_at.as_ptr() as u64,
        envp_at.as_ptr() as u64,
        flags as u64,
    ];
    let result = raw::call(libc::SYS_execveat, args);
    raw::sigmask(mask);
    result.err().unwrap_or(Errno::EIO)
}
