//! Running a guest program: as the kernel's interpreter (binfmt_misc), as one that we started
//! ourselves for an `execve` of the guest, or as `anyarch PROGRAM`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use guest::Guest;
use linux::exec::marker;
use linux::load::{self, OpenFile, Start};
use linux::process::place;
use linux::{Options, exec};
use sys::auxv;

use crate::guests;
use crate::report::Failure;

/// `AT_EXECFD`: binfmt_misc's flag O.
const AT_EXECFD: u64 = 2;
/// `AT_FLAGS`: binfmt_misc's flag P.
const PRESERVE_ARGV0: u64 = 1;
/// `AT_FLAGS`: binfmt_misc's flag T (Linux 7.3).
const TRANSPARENT: u64 = 2;

/// What the kernel, or we ourselves, started us for.
pub(crate) enum Invocation {
    /// By binfmt_misc: `INTERPRETER PATH [ARGV0] ARGUMENT...`, or with flag T what the program's
    /// caller gave.
    Registered {
        /// Arguments, the interpreter's name taken off.
        arguments: Vec<Vec<u8>>,
        /// Which of them are the program's.
        form: Form,
        /// The program, open.
        fd: Option<i32>,
    },
    /// By an `execve` of the guest ([`exec`]).
    Inherited(Vec<Vec<u8>>),
}

/// What an entry's flags make of the arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The path, which is argv[0] as well.
    Plain,
    /// P: the path and argv[0].
    Argv0,
    /// T: as they are, with the path in `AT_EXECFN`.
    Transparent,
}

/// Whether we were started by the kernel or by ourselves; to be asked before options are parsed.
pub(crate) fn from_kernel() -> Option<Invocation> {
    let flags = auxv::get(libc_at::FLAGS).unwrap_or(0);
    let fd = auxv::get(AT_EXECFD).map(|fd| fd as i32);
    let form = match fd {
        Some(_) if flags & TRANSPARENT != 0 => Form::Transparent,
        _ if flags & PRESERVE_ARGV0 != 0 => Form::Argv0,
        _ => Form::Plain,
    };
    if fd.is_some() || form != Form::Plain {
        let skipped = usize::from(form != Form::Transparent);
        let arguments = sys::start::arguments().skip(skipped).collect();
        return Some(Invocation::Registered { arguments, form, fd });
    }
    let mut arguments = sys::start::arguments().skip(1);
    if arguments.next()? != marker::MARKER {
        return None;
    }
    Some(Invocation::Inherited(arguments.collect()))
}

/// Types of the auxiliary vector.
mod libc_at {
    pub(super) const FLAGS: u64 = 8;
    pub(super) const SECURE: u64 = 23;
    pub(super) const EXECFN: u64 = 31;
}

/// Longest path.
const PATH_MAX: usize = 4096;

/// Runs what `invocation` asks for; returns only if it cannot be started.
pub(crate) fn run(invocation: Invocation) -> u8 {
    match invocation {
        Invocation::Registered { arguments, form, fd } => registered(arguments, form, fd),
        Invocation::Inherited(arguments) => inherited(arguments),
    }
}

/// Takes over a descriptor that was inherited, so that it is closed in time.
fn take(fd: i32, path: &[u8]) -> Result<OpenFile, Failure> {
    // It stays open: it is what /proc/PID/exe leads to.
    let own = place(fd)?;
    sys::raw::close(fd)?;
    OpenFile::new(own, path.to_vec()).map_err(|error| failure(&error))
}

fn registered(mut arguments: Vec<Vec<u8>>, form: Form, fd: Option<i32>) -> u8 {
    if arguments.is_empty() || form == Form::Argv0 && arguments.len() < 2 {
        return Failure::new("started by binfmt_misc without a program").code(126).print();
    }
    let mut path = arguments[0].clone();
    if form == Form::Argv0 {
        arguments.remove(0);
    }
    // With other privileges than the caller's, its environment must not change what we do.
    let secure = auxv::get(libc_at::SECURE) == Some(1);
    let envp = auxv::environment();
    let options =
        if secure { Ok(Options::default()) } else { crate::emulate::from_environment(&envp) };
    let mut options = match options {
        Ok(options) => options,
        Err(failure) => return failure.print(),
    };
    options.transparent = form == Form::Transparent;
    let exec_fn = auxv::get(libc_at::EXECFN)
        .and_then(|at| memory::read_cstr(at, PATH_MAX).ok().flatten())
        .unwrap_or_else(|| path.clone());
    if form == Form::Transparent {
        path.clone_from(&exec_fn);
    }
    let file = match fd {
        Some(fd) => take(fd, &path),
        None => OpenFile::open(&path).map_err(|error| failure(&error)),
    };
    match file {
        Ok(file) => start(
            options,
            Start {
                file,
                exec_fn,
                unnamed: false,
                own: None,
                share: None,
                views: Vec::new(),
                argv: arguments,
                envp,
            },
            By::Execve,
        ),
        Err(failure) => failure.print(),
    }
}

fn inherited(mut arguments: Vec<Vec<u8>>) -> u8 {
    let malformed = || Failure::new("malformed internal arguments").code(126).print();
    if arguments.len() < marker::ARGUMENTS - 1 {
        return malformed();
    }
    let argv = arguments.split_off(marker::ARGUMENTS - 2);
    let Some(inherited) = marker::read(&arguments[0]) else { return malformed() };
    if let Some(cpuid) = inherited.cpuid {
        sys::arch::know_cpuid(cpuid);
    }
    let Some(exec_fn) = arguments.pop() else { return malformed() };
    let [own, share] = [inherited.own, inherited.share].map(|fd| {
        let fd = fd?;
        let own = place(fd).ok();
        let _ = sys::raw::close(fd);
        own
    });
    match take(inherited.fd, &exec_fn) {
        Ok(file) => {
            let envp = auxv::environment();
            let (unnamed, views) = (inherited.unnamed, inherited.views);
            let program = Start { file, exec_fn, unnamed, own, share, views, argv, envp };
            start(inherited.options, program, By::Execve)
        }
        Err(failure) => failure.print(),
    }
}

/// Runs `program[0]` with the arguments `program`; returns only if it cannot be started.
pub(crate) fn direct(program: &[OsString], mut options: Options) -> u8 {
    let mut argv: Vec<Vec<u8>> = program.iter().map(|a| a.clone().into_vec()).collect();
    let path = argv[0].clone();
    if let Some(argv0) = options.argv0.take() {
        argv[0] = argv0;
    }
    let mut envp = auxv::environment();
    let named = |entry: &[u8], name: &[u8]| {
        entry.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b'='))
    };
    for name in options.unset_env.drain(..) {
        envp.retain(|entry| !named(entry, &name));
    }
    for entry in options.set_env.drain(..) {
        let name = entry.split(|&b| b == b'=').next().unwrap_or_default().to_vec();
        envp.retain(|old| !named(old, &name));
        envp.push(entry);
    }
    match exec::follow_scripts(&path, argv, options.hosts) {
        Ok((file, argv)) => start(
            options,
            Start {
                file,
                exec_fn: path,
                unnamed: false,
                own: None,
                share: None,
                views: Vec::new(),
                argv,
                envp,
            },
            By::CommandLine,
        ),
        Err(error) => failure(&error).print(),
    }
}

fn failure(error: &load::Error) -> Failure {
    let failure = Failure::new(error.to_string()).code(error.exit_code() as u8);
    match error.help() {
        Some(help) => failure.help(help),
        None => failure,
    }
}

/// What `--dump` takes a list of. From `tiny` on they are for tests of the engine: small code cache,
/// dual mapping, polls that all fail, a host that is only x86-64-v2 or x86-64-v3 (without AES, PCLMUL and
/// SHA), nothing left to the evaluator when it is reached for the first time (all of them do that).
/// So does `pins` and a number: that random choice of guest registers in the host's.
pub(crate) const DUMPS: [&[u8]; 10] =
    [b"ir", b"host", b"stats", b"eval", b"tiny", b"dual", b"stress", b"v2", b"v3", b"translate"];

/// What of the engine the user asked for.
fn engine_options(options: &Options) -> engine::Options {
    let mut chosen =
        engine::Options { sink: print, evaluate_first: true, ..engine::Options::default() };
    for item in options.dump.as_deref().unwrap_or_default().split(|&b| b == b',') {
        // What is for looking at translated code, or for testing it, wants all of it.
        chosen.evaluate_first &= item.is_empty() || item == b"stats" || pins(item).is_some();
        if let Some(seed) = pins(item) {
            chosen.pins = Some(seed);
        }
        match item {
            b"ir" => chosen.dump_ir = true,
            b"host" => chosen.dump_host = true,
            b"stats" => chosen.timing = true,
            b"eval" => chosen.interpret = true,
            b"tiny" => chosen.cache_size = 1 << 20,
            b"stress" => chosen.stress = true,
            b"dual" => chosen.dual_mapping = true,
            b"v2" => chosen.features = engine::FeatureLevel::Sse42,
            b"v3" => chosen.features = engine::FeatureLevel::Avx2,
            _ => {}
        }
    }
    chosen
}

/// The number in `pins7`.
pub(crate) fn pins(item: &[u8]) -> Option<u64> {
    str::from_utf8(item.strip_prefix(b"pins")?).ok()?.parse().ok()
}

/// Prints a dump.
fn print(text: &str) {
    let mut rest = text.as_bytes();
    while let Ok(n @ 1..) = sys::raw::write(2, rest) {
        rest = &rest[n..];
    }
}

/// Makes the engine, with less room for code where memory is limited.
fn make_engine(
    guest: &'static dyn Guest,
    options: &Options,
) -> std::io::Result<&'static engine::Engine> {
    /// With less, larger programs would do little but translate.
    const CACHE_MIN: usize = 8 << 20;
    let mut chosen = engine_options(options);
    loop {
        match engine::Engine::new(guest, chosen) {
            Err(_) if chosen.cache_size > CACHE_MIN => chosen.cache_size /= 4,
            result => return result,
        }
    }
}

/// Who wants a program to be run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// Somebody who called `execve`, successfully.
    Execve,
    /// The user of our command line.
    CommandLine,
}

/// Runs a program to its end; returns only if it cannot be started.
fn start(options: Options, start: Start, by: By) -> u8 {
    // (Whoever calls us by `execve` has registered us for them.)
    let arch = guests::of_program(start.file.head(), options.hosts || by == By::Execve);
    let model = options.model(arch.abi.machine).map(String::from_utf8_lossy);
    let guest = match (arch.make)(model.as_deref()) {
        Ok(guest) => guest,
        Err(text) => return Failure::new(text).help("-cpu max,+FEATURE,-FEATURE").code(2).print(),
    };
    let engine = match make_engine(guest, &options) {
        Ok(engine) => engine,
        Err(error) => {
            return Failure::new("cannot get memory for translated code")
                .caused_by(error)
                .help("the limit on memory may be too low: see ulimit -v")
                .code(126)
                .print();
        }
    };
    match load::start(engine, arch.abi, options, start) {
        Ok(mut task) => {
            task.start();
            0
        }
        Err(error) => {
            let code = failure(&error).print();
            if by == By::Execve && error.kills() {
                load::die();
            }
            code
        }
    }
}
