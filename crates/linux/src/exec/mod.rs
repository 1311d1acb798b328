//! `execve` and `execveat`.
//!
//! A program of an architecture that we emulate, be it the caller's or another one, or a script whose
//! chain of interpreters ends in one, is run by executing ourselves again, so no binfmt_misc entry is
//! needed and no copy of us in the guest's root: `/proc/self/exe` is executed through a descriptor.
//! Our arguments are then
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

use crate::abi::{self, Abi};
use crate::elf;
use crate::load::{self, OpenFile, find_loader};
use crate::options::Options;
use crate::process::{OwnBinary, Process};
use crate::ptrace::{self, Traced};
use crate::signal::bit;
use crate::task::Task;
use crate::{family, limits, proc, seccomp, signal};
use engine::signals as host;
use std::ffi::CString;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
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
    /// Where the program is to be opened instead, if the path is `/proc/PID/exe`.
    pub link: Option<Vec<u8>>,
}

impl Request {
    /// The path for the host's kernel.
    fn host_path(&self) -> &[u8] {
        self.link.as_ref().unwrap_or(&self.path)
    }
}

/// Who runs the program.
enum Plan {
    /// The kernel.
    Kernel,
    /// The kernel: the path of a script's last interpreter, which is of the host, with the arguments
    /// that it gets. (The script has been read already, and whoever watches it sees that.)
    Interpreter(Vec<u8>, Vec<Vec<u8>>),
    /// We do: the program (the last interpreter), arguments.
    Ours(OpenFile, Vec<Vec<u8>>),
    /// The kernel as it gives other privileges; we, without them, if it cannot.
    Privileged(OpenFile, Vec<Vec<u8>>),
}

/// What a chain of interpreters ends in: a program that we emulate, what is particular to it, and its
/// arguments.
struct Found {
    file: OpenFile,
    abi: &'static Abi,
    argv: Vec<Vec<u8>>,
}

/// Reads an array of strings as `execve` gets it; 0 is an empty array. `address` turns
/// a pointer of the array into the address of its string.
///
/// # Errors
/// `EFAULT`, or `E2BIG` if it is longer than Linux accepts.
pub fn read_strings(mut at: u64, address: impl Fn(u64) -> u64) -> Result<Vec<Vec<u8>>, Errno> {
    let mut list = Vec::new();
    let mut total = 0;
    while at != 0 {
        let pointer = memory::read_u64(at).map_err(|_| Errno::EFAULT)?;
        if pointer == 0 {
            break;
        }
        let text = memory::read_cstr(address(pointer), ARG_MAX).map_err(|_| Errno::EFAULT)?;
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
    if request.flags & libc::AT_SYMLINK_NOFOLLOW == 0 {
        request.link = proc::redirect_exe(task.process, request.dirfd, &request.path);
    }
    let prepared = match plan(task.process, &mut request) {
        Err(errno) => return errno,
        Ok(Plan::Kernel) => by_kernel(&request),
        Ok(Plan::Interpreter(path, argv)) => {
            Prepared::new(libc::AT_FDCWD, &path, &argv, &request.envp, 0)
        }
        Ok(Plan::Ours(program, argv)) => by_ourselves(task, &request, program, &argv),
        Ok(Plan::Privileged(program, argv)) => {
            match by_kernel(&request).map(|prepared| prepared.perform(task)) {
                Ok(Errno::ENOEXEC) => by_ourselves(task, &request, program, &argv),
                Ok(errno) | Err(errno) => return errno,
            }
        }
    };
    // In a child that shares its parent's memory nothing is freed when the call succeeds: so as
    // little as possible may be left, and that in the task, which the parent drops.
    drop(request);
    match prepared {
        Ok(prepared) => prepared.perform(task),
        Err(errno) => errno,
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
        may_execute(request.dirfd, b"", libc::AT_EMPTY_PATH).ok()?;
        let link = format!("/proc/self/fd/{}", request.dirfd);
        return raw::openat(libc::AT_FDCWD, link.as_bytes(), flags, 0)
            .or_else(|_| raw::dup_from(request.dirfd, 3))
            .ok();
    }
    if request.flags & libc::AT_SYMLINK_NOFOLLOW != 0 {
        flags |= libc::O_NOFOLLOW;
    }
    may_execute(request.dirfd, request.host_path(), request.flags & libc::AT_SYMLINK_NOFOLLOW)
        .ok()?;
    raw::openat(request.dirfd, request.host_path(), flags, 0).ok()
}

/// Whether we may execute `path`. Asked before it is opened, as the kernel does: whoever watches the
/// file can tell.
fn may_execute(dirfd: RawFd, path: &[u8], flags: i32) -> Result<(), Errno> {
    raw::faccessat(dirfd, path, libc::X_OK, flags | libc::AT_EACCESS)
}

/// Whether `fd`, opened for reading, is open for writing somewhere: Linux executes no such file. Asked by
/// a lease, which those who may not have one do not get.
fn is_busy(fd: RawFd) -> bool {
    match raw::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK as u64) {
        Ok(_) => {
            let _ = raw::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK as u64);
            false
        }
        Err(errno) => errno == Errno::EAGAIN,
    }
}

/// Whether `fd` is a regular file.
fn is_regular(fd: &OwnedFd) -> bool {
    raw::fstat(fd.as_raw_fd()).is_ok_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFREG)
}

/// Decides who runs it, after checking all that can be checked.
fn plan(process: &Process, request: &mut Request) -> Result<Plan, Errno> {
    if process.options.transparent {
        return Ok(Plan::Kernel);
    }
    let Some(mut fd) = open(request) else { return Ok(Plan::Kernel) };
    let mut stat = raw::fstat(fd.as_raw_fd())?;
    if process.is_own_file(&stat)
        && request.flags & libc::AT_SYMLINK_NOFOLLOW == 0
        && let Some(link) = proc::redirect_exe_links(process, request.dirfd, &request.path)
    {
        request.link = Some(link);
        let Some(behind) = open(request) else { return Ok(Plan::Kernel) };
        fd = behind;
        stat = raw::fstat(fd.as_raw_fd())?;
    }
    if stat.st_mode & libc::S_IFMT != libc::S_IFREG {
        return Ok(Plan::Kernel);
    }
    if is_busy(fd.as_raw_fd()) {
        return Err(Errno::ETXTBSY);
    }
    let path = exec_fn(request);
    let Ok(file) = OpenFile::new(fd, path) else { return Ok(Plan::Kernel) };
    if closes_script(request, &file) {
        return Err(Errno::ENOENT);
    }
    match chain(file, request.argv.clone(), process.abi.is_hosts()) {
        Ok(Found { file, abi, argv }) => {
            let stat = raw::fstat(file.fd())?;
            check_program(process, abi, &file)?;
            let privileged = gives_privileges(&file, &stat);
            let run = if privileged { Plan::Privileged } else { Plan::Ours };
            Ok(run(file, argv))
        }
        Err(ChainError::Depth) => Err(Errno::ELOOP),
        Err(ChainError::Foreign(file, argv)) => Ok(Plan::Interpreter(file.path().to_vec(), argv)),
        Err(ChainError::Missing(_, errno)) => Err(errno),
        Err(ChainError::Unreadable(_) | ChainError::Other(_)) => Ok(Plan::Kernel),
    }
}

/// Whether `file` is a script whose interpreter would find its descriptor closed.
fn closes_script(request: &Request, file: &OpenFile) -> bool {
    file.path() != request.path
        && script::parse(file.head()).is_some()
        && raw::fcntl(request.dirfd, libc::F_GETFD, 0)
            .is_ok_and(|f| f & libc::FD_CLOEXEC as u64 != 0)
}

/// Where a chain of interpreters ends if not in a program that we emulate.
enum ChainError {
    /// It is too long.
    Depth,
    /// Nowhere: the file is of another kind.
    Other(OpenFile),
    /// In an interpreter of another kind, which gets these arguments.
    Foreign(OpenFile, Vec<Vec<u8>>),
    /// In a file that cannot be opened or executed.
    Missing(Vec<u8>, Errno),
    /// In a file that may be executed but not read.
    Unreadable(Vec<u8>),
}

/// Follows the `#!` lines of scripts to a program that we emulate: one of the host's architecture only
/// if `hosts`.
fn chain(mut file: OpenFile, mut argv: Vec<Vec<u8>>, hosts: bool) -> Result<Found, ChainError> {
    for depth in 0..=DEPTH_MAX {
        if let Some(abi) = abi::of_program(file.head(), hosts) {
            return Ok(Found { file, abi, argv });
        }
        let Some(script) = script::parse(file.head()) else {
            return Err(match depth {
                0 => ChainError::Other(file),
                _ => ChainError::Foreign(file, argv),
            });
        };
        // argv[0] goes; what comes before the rest: interpreter, its argument, the script.
        let mut longer = vec![script.interp.to_vec()];
        longer.extend(script.arg.map(<[u8]>::to_vec));
        longer.push(file.path().to_vec());
        longer.extend(argv.drain(1..));
        argv = longer;
        file = open_interpreter(script.interp)?;
    }
    Err(ChainError::Depth)
}

fn open_interpreter(path: &[u8]) -> Result<OpenFile, ChainError> {
    let missing = |errno| ChainError::Missing(path.to_vec(), errno);
    may_execute(libc::AT_FDCWD, path, 0).map_err(missing)?;
    let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
    let fd = raw::openat(libc::AT_FDCWD, path, flags, 0).map_err(|errno| match errno {
        Errno::EACCES => ChainError::Unreadable(path.to_vec()),
        errno => missing(errno),
    })?;
    if !is_regular(&fd) {
        return Err(missing(Errno::EACCES));
    }
    if is_busy(fd.as_raw_fd()) {
        return Err(missing(Errno::ETXTBSY));
    }
    OpenFile::new(fd, path.to_vec()).map_err(|_| missing(Errno::EIO))
}

/// Opens the program that runs `path`: itself, or, if it is a script, the last of its
/// interpreters, with the arguments that it gets. Programs of the host's architecture are taken if
/// `hosts`.
///
/// # Errors
/// If it cannot be opened; a file that is neither is refused when it is loaded.
pub fn follow_scripts(
    path: &[u8],
    argv: Vec<Vec<u8>>,
    hosts: bool,
) -> Result<(OpenFile, Vec<Vec<u8>>), load::Error> {
    let file = OpenFile::open(path)?;
    match chain(file, argv.clone(), hosts) {
        Ok(Found { file, argv, .. }) => Ok((file, argv)),
        Err(ChainError::Other(file)) => Ok((file, argv)),
        Err(ChainError::Foreign(file, _)) => match file.parse(abi::nearest(file.head(), hosts)) {
            Err(why) => Err(interpreter(path, why)),
            // It is one after all: another file has taken its place.
            Ok(_) => Ok((file, argv)),
        },
        Err(ChainError::Missing(interp, errno)) => {
            Err(interpreter(path, load::Error::Open { path: interp, errno }))
        }
        Err(ChainError::Unreadable(interp)) => {
            let errno = Errno::EACCES;
            Err(interpreter(path, load::Error::Open { path: interp, errno }))
        }
        Err(ChainError::Depth) => {
            Err(load::Error::Open { path: path.to_vec(), errno: Errno::ELOOP })
        }
    }
}

/// Why the interpreter of script `path` cannot be run.
fn interpreter(path: &[u8], why: load::Error) -> load::Error {
    load::Error::Interpreter { path: path.to_vec(), why: Box::new(why) }
}

/// Finds out whether `file` and its loader can be run, as far as Linux does before it begins to load
/// them: what is wrong with their segments kills the new program.
fn check_program(process: &Process, abi: &Abi, file: &OpenFile) -> Result<(), Errno> {
    let interp = elf::loader(file, &abi.kind).map_err(|error| match error {
        elf::Error::Truncated { what: elf::INTERP, .. } => Errno::EIO,
        _ => Errno::ENOEXEC,
    })?;
    let Some(interp) = interp else { return Ok(()) };
    let prefix = process.options.ld_prefix.as_deref();
    let loader = match find_loader(abi, file.path(), &interp, prefix) {
        Ok(loader) => loader,
        Err(load::Error::Loader { errno: Errno::EISDIR, .. }) => return Err(Errno::EACCES),
        Err(load::Error::Loader { errno, .. } | load::Error::Open { errno, .. }) => {
            return Err(errno);
        }
        Err(_) => return Err(Errno::EACCES),
    };
    if is_busy(loader.fd()) {
        return Err(Errno::ETXTBSY);
    }
    if loader.head().len() < elf::EHDR_SIZE {
        return Err(Errno::EIO);
    }
    match elf::check_headers(&loader, &abi.kind) {
        // Its type is looked at later.
        Ok(()) | Err(elf::Error::Type(_)) => Ok(()),
        Err(_) => Err(Errno::ELIBBAD),
    }
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

/// The host's `execveat`, ready to be made.
#[derive(Debug, Default)]
pub struct Prepared {
    dirfd: RawFd,
    path: CString,
    _strings: [Vec<CString>; 2],
    argv_at: Vec<u64>,
    envp_at: Vec<u64>,
    flags: i32,
    /// To be inherited by the program, but not by others.
    inherited: [Option<RawFd>; 2],
    /// The program and our own binary, to be closed if it fails. Numbers only: in a parent that
    /// drops this they are other files.
    opened: [Option<RawFd>; 2],
}

impl Prepared {
    fn new(
        dirfd: RawFd,
        path: &[u8],
        argv: &[Vec<u8>],
        envp: &[Vec<u8>],
        flags: i32,
    ) -> Result<Self, Errno> {
        let text = |s: &[u8]| CString::new(s).map_err(|_| Errno::EINVAL);
        let strings =
            |list: &[Vec<u8>]| list.iter().map(|s| text(s)).collect::<Result<Vec<_>, _>>();
        let pointers = |list: &[CString]| -> Vec<u64> {
            list.iter().map(|s| s.as_ptr() as u64).chain([0]).collect()
        };
        let (argv, envp) = (strings(argv)?, strings(envp)?);
        let (argv_at, envp_at) = (pointers(&argv), pointers(&envp));
        let path = text(path)?;
        let _strings = [argv, envp];
        Ok(Self { dirfd, path, _strings, argv_at, envp_at, flags, ..Self::default() })
    }

    /// Makes the call; returns only if it fails.
    fn perform(self, task: &mut Task) -> Errno {
        let mask = task.signals.mask;
        let this = task.exec.insert(self);
        let args = [
            this.dirfd as u64,
            this.path.as_ptr() as u64,
            this.argv_at.as_ptr() as u64,
            this.envp_at.as_ptr() as u64,
            this.flags as u64,
        ];
        let inherit = |fd: Option<RawFd>, flags: u64| match fd {
            Some(fd) => raw::fcntl(fd, libc::F_SETFD, flags).err(),
            None => None,
        };
        let (kept, program) = (this.inherited, this.opened[0]);
        let mut failed =
            inherit(program, 0).or_else(|| kept.into_iter().find_map(|fd| inherit(fd, 0)));
        let by_kernel = program.is_none();
        if failed.is_none() {
            // The new program inherits the guest's mask, with the synchronous signals that the
            // host never blocks while we run. A tracer's question waits for it if it is ours.
            raw::sigmask(if by_kernel { mask } else { mask | bit(libc::SIGTRAP) });
            if !by_kernel && task.cpu.has_signal(ptrace::is_question) {
                // One that has arrived is answered first.
                failed = Some(Errno::ERESTARTSYS);
                task.apply_mask();
            }
        }
        if failed.is_none() {
            let ignored = signal::ignore_as_guest(task);
            signal::bequeath(task);
            // We open what we run ourselves; the rest is the host's.
            if by_kernel {
                limits::hand_over();
            }
            // proot and old filters only know execve.
            failed = if args[0] == libc::AT_FDCWD as u64 && args[4] == 0 {
                raw::call(libc::SYS_execve, [args[1], args[2], args[3]]).err()
            } else {
                raw::call(libc::SYS_execveat, args).err()
            };
            if by_kernel {
                limits::adopt();
            }
            if ignored {
                host::catch_synchronous();
            }
            task.apply_mask();
        }
        for fd in kept {
            let _ = inherit(fd, libc::FD_CLOEXEC as u64);
        }
        if let Some(this) = task.exec.take() {
            for fd in this.opened.into_iter().flatten() {
                let _ = raw::close(fd);
            }
        }
        failed.unwrap_or(Errno::EIO)
    }
}

/// Executes ourselves with `program`.
fn by_ourselves(
    task: &Task,
    request: &Request,
    program: OpenFile,
    argv: &[Vec<u8>],
) -> Result<Prepared, Errno> {
    // Without /proc there is only binfmt_misc.
    let Ok(own) = task.process.own_binary() else { return by_kernel(request) };
    let trace = task.trace.as_ref().map(Traced::save);
    let machine = task.process.abi.machine.as_bytes().to_vec();
    let inherited = task.process.options.clone();
    let options = Options {
        cpu_machine: inherited.cpu.as_ref().map(|_| inherited.cpu_machine.unwrap_or(machine)),
        seccomp: seccomp::save(task),
        trace,
        mdwe: task.process.mm.inherited_mdwe(),
        trap_blocked: Some(task.signals.mask & bit(libc::SIGTRAP) != 0),
        ..inherited
    };
    let pinned = match &own {
        OwnBinary::Pinned(fd) => Some(*fd),
        OwnBinary::Opened(_) => None,
    };
    let (fd, share) = (program.fd(), family::inheritance(task));
    let views = task.process.views.inheritable();
    let (unnamed, path) = (request.path.is_empty(), exec_fn(request));
    let mut all = marker::arguments(&options, fd, pinned, share, &views, unnamed, path);
    all.extend_from_slice(argv);
    let mut prepared = Prepared::new(own.fd(), b"", &all, &request.envp, libc::AT_EMPTY_PATH)?;
    prepared.inherited = [pinned, share];
    let own = match own {
        OwnBinary::Opened(fd) => Some(fd.into_raw_fd()),
        OwnBinary::Pinned(_) => None,
    };
    prepared.opened = [Some(program.into_fd().into_raw_fd()), own];
    Ok(prepared)
}

/// Lets the kernel run it.
fn by_kernel(request: &Request) -> Result<Prepared, Errno> {
    let Request { dirfd, argv, envp, flags, .. } = request;
    Prepared::new(*dirfd, request.host_path(), argv, envp, *flags)
}
