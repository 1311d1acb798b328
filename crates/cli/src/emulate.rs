//! `anyarch [options] PROGRAM [ARGUMENT...]`: QEMU's form of command line, with the environment
//! variables of the same meaning. An option given on the command line overrides its variable.

mod options;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use linux::Options;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::guests::{self, Arch, GUESTS};
use crate::interpret;
use crate::report::Failure;
use options::{Effect, FLAGS};

/// A command line as far as it was read.
struct Line {
    /// The name that we were called by, for the list of options.
    name: String,
    /// The only architecture that this name stands for.
    guest: Option<&'static Arch>,
    options: Options,
    /// How large the stack may become.
    stack: Option<u64>,
    /// What is to be printed instead of running a program.
    answer: Option<String>,
    /// What the options ask for and does not happen.
    warnings: Vec<String>,
}

impl Line {
    fn new(name: &str) -> Self {
        let guest = name.strip_prefix("qemu-").and_then(guest_of_qemu);
        let hosts = guest.is_some_and(|guest| guest.abi.is_hosts());
        Self {
            name: name.to_owned(),
            guest,
            options: Options { hosts, ..Options::default() },
            stack: None,
            answer: None,
            warnings: Vec::new(),
        }
    }

    /// With what the environment asks for.
    ///
    /// # Errors
    /// The first variable that cannot be taken.
    fn from_environment(name: &str, environment: &[Vec<u8>]) -> Result<Self, Failure> {
        let mut line = Self::new(name);
        let ours = |entry: &&Vec<u8>| entry.starts_with(b"QEMU_") || entry.starts_with(b"ANYARCH_");
        for entry in environment.iter().filter(ours) {
            let mut parts = entry.splitn(2, |&b| b == b'=');
            let (name, value) = (parts.next().unwrap_or_default(), parts.next());
            if let Some(flag) = FLAGS.iter().find(|flag| flag.variable.as_bytes() == name) {
                let value = value.unwrap_or_default().to_vec();
                line.apply(&flag.effect, flag.variable, value)?;
            }
        }
        // Every process would print them, into what programs read of each other.
        line.warnings.clear();
        Ok(line)
    }

    /// The architectures that a `-cpu` may be meant for.
    fn guests(&self) -> &'static [Arch] {
        self.guest.map_or(&GUESTS, core::slice::from_ref)
    }

    fn answer(&mut self, text: String) {
        self.answer.get_or_insert(text);
    }

    fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }

    /// Does what an option or variable called `name` says.
    fn apply(&mut self, effect: &Effect, name: &str, value: Vec<u8>) -> Result<(), Failure> {
        match effect {
            Effect::Apply(function) => {
                function(self, value).map_err(|e| Failure::new(format!("{name}: {e}")).code(2))
            }
            Effect::Nothing => Ok(()),
            Effect::Missing(text) => {
                self.warn(format!("{name} has no effect: {text}"));
                Ok(())
            }
            Effect::Refused(help) => {
                Err(Failure::new(format!("{name} cannot be done")).help(*help).code(2))
            }
        }
    }
}

/// The architecture of QEMU's program `qemu-NAME`.
fn guest_of_qemu(name: &str) -> Option<&'static Arch> {
    let guest = binfmt::guests::GUESTS.iter().find(|guest| guest.qemu == name)?;
    guests::named(guest.name)
}

/// The options that an environment asks for, in force as far as they are the process's.
///
/// # Errors
/// The first variable that cannot be taken.
pub(crate) fn from_environment(environment: &[Vec<u8>]) -> Result<Options, Failure> {
    let line = Line::from_environment("anyarch", environment)?;
    if let Some(size) = line.stack {
        enlarge_stack(size);
    }
    Ok(line.options)
}

/// What is wrong with the variables of this environment, for the doctor.
pub(crate) fn complaints() -> Vec<doctor::Complaint> {
    let mut all = Vec::new();
    for flag in FLAGS.iter().filter(|flag| !flag.variable.is_empty()) {
        let Some(value) = std::env::var_os(flag.variable) else { continue };
        let mut line = Line::new("anyarch");
        let applied = line.apply(&flag.effect, flag.variable, value.into_vec());
        let cpu = line.options.cpu.as_deref().map(String::from_utf8_lossy);
        // Fatal if no architecture takes it.
        let cpu = cpu.and_then(|text| {
            let errors = GUESTS.iter().map(|arch| {
                let error = (arch.make)(Some(&text)).err()?;
                Some(format!("{}: {error}", arch.name))
            });
            Some(errors.collect::<Option<Vec<_>>>()?.join("; "))
        });
        let fatal = applied.err().map(|failure| failure.line()).into_iter().chain(cpu);
        let said = fatal.map(|text| (text, true));
        for (text, fatal) in said.chain(line.warnings.into_iter().map(|text| (text, false))) {
            all.push(doctor::Complaint { variable: flag.variable.to_owned(), text, fatal });
        }
    }
    all
}

/// Raises the limit of the stack to `size`, or as far as that is allowed.
fn enlarge_stack(size: u64) {
    let mut limit = getrlimit(Resource::Stack);
    if limit.current.is_some_and(|current| current < size) {
        limit.current = Some(limit.maximum.map_or(size, |maximum| maximum.min(size)));
        let _ = setrlimit(Resource::Stack, limit);
    }
}

/// Splits the command line into options and the program with its arguments.
fn parse<'a>(name: &str, arguments: &'a [OsString]) -> Result<(Line, &'a [OsString]), Failure> {
    let mut line = Line::from_environment(name, &sys::auxv::environment())?;
    let mut rest = arguments.get(1..).unwrap_or_default();
    while line.answer.is_none()
        && let Some((first, after)) = rest.split_first()
    {
        let bytes = first.as_bytes();
        if bytes == b"--" {
            rest = after;
            break;
        }
        if bytes.first() != Some(&b'-') || bytes.len() == 1 {
            break;
        }
        let name = bytes.strip_prefix(b"--").unwrap_or(&bytes[1..]);
        let flag = FLAGS.iter().find(|f| f.names.iter().any(|n| n.as_bytes() == name));
        let flag = flag.ok_or_else(|| unknown(first))?;
        let (value, after) = match (flag.value, after.split_first()) {
            ("", _) => (Vec::new(), after),
            (_, Some((value, after))) => (value.as_bytes().to_vec(), after),
            _ => return Err(Failure::new(format!("{} needs a value", first.display())).code(2)),
        };
        line.apply(&flag.effect, &first.to_string_lossy(), value)?;
        rest = after;
    }
    if rest.is_empty() && line.answer.is_none() {
        return Err(Failure::new("no program to run is given").help("anyarch --help").code(2));
    }
    Ok((line, rest))
}

fn unknown(option: &OsStr) -> Failure {
    Failure::new(format!("unknown option {}", option.display()))
        .help("anyarch -help lists those for running programs, anyarch --help the commands")
        .code(2)
}

/// The list of options.
fn usage(name: &str) -> String {
    let mut text =
        format!("usage: {name} [options] program [arguments...]\n\nOptions and variables:\n");
    for flag in FLAGS {
        let option = format!("-{} {}", flag.names.join(", -"), flag.value);
        text += &format!("{:<30} {:<20} {}\n", option.trim_end(), flag.variable, flag.what);
    }
    text
}

/// The version of QEMU whose command line is understood, for scripts that look at it.
const QEMU_VERSION: &str = "11.1.0";

fn version(name: &str) -> String {
    let own = env!("CARGO_PKG_VERSION");
    match name {
        "anyarch" => format!("anyarch {own}\n"),
        _ => format!("{name} version {QEMU_VERSION} (anyarch {own})\n"),
    }
}

/// Prints what a command line asks for, or what it asks for and does not happen, and puts in force
/// what concerns the process; what is left to run.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the command's result, and warnings")]
fn settle(line: Line) -> Result<Option<Options>, Failure> {
    if let Some(text) = line.answer {
        crate::report::expect_failing_output();
        print!("{text}");
        return Ok(None);
    }
    for warning in &line.warnings {
        eprintln!("warning: {warning}");
    }
    if let Some(size) = line.stack {
        enlarge_stack(size);
    }
    let mut options = line.options;
    if let Some(path) = &mut options.log
        && options.strace
    {
        // The programs that it executes append, wherever they are then.
        let absolute = std::path::absolute(OsStr::from_bytes(path));
        *path = absolute.map_or_else(|_| path.clone(), |p| p.into_os_string().into_vec());
        if !path.contains(&b'%') {
            let path = OsStr::from_bytes(path);
            std::fs::File::create(path).map_err(|e| Failure::cannot("write", path)(e).code(2))?;
        }
    }
    Ok(Some(options))
}

/// Runs the program; only returns if it cannot be started.
///
/// # Errors
/// On an unknown option or a program that cannot be run.
pub(crate) fn run(arguments: &[OsString]) -> Result<u8, Failure> {
    let (line, program) = parse("anyarch", arguments)?;
    let Some(options) = settle(line)? else { return Ok(0) };
    if !std::path::Path::new(&program[0]).exists()
        && let Some(command) = crate::commands::similar(&program[0])
    {
        let name = program[0].display();
        return Err(Failure::new(format!("{name}: No such file or directory"))
            .help(format!("did you mean `anyarch {command}`?"))
            .code(127));
    }
    Ok(interpret::direct(program, options))
}

/// Runs a program as the emulator that we are called by the name of, or BuildKit's (without a
/// name), which looks for the program in PATH; only returns if it cannot be started.
///
/// # Errors
/// As [`run`], and if that architecture is not emulated.
pub(crate) fn run_as(
    emulator: Option<compat::emulator::Emulator>,
    arguments: &[OsString],
) -> Result<u8, Failure> {
    let name = emulator.map_or_else(|| "anyarch".into(), |e| format!("qemu-{}", e.guest.qemu));
    let parsed = parse(&name, arguments);
    if let Some(emulator) = emulator.filter(|e| guests::named(e.guest.name).is_none())
        && parsed.as_ref().is_ok_and(|(line, _)| line.answer.is_none())
    {
        let guest = emulator.guest.name;
        return Err(Failure::new(format!("{guest} is not emulated by this version")).code(126));
    }
    let (line, program) = parsed?;
    let Some(mut options) = settle(line)? else { return Ok(0) };
    if emulator.is_some_and(|e| !e.buildkit) {
        return Ok(interpret::direct(program, options));
    }
    let mut program = program.to_vec();
    if let Some(found) = in_path(&program[0]) {
        options.argv0.get_or_insert_with(|| program[0].clone().into_vec());
        program[0] = found;
    }
    Ok(interpret::direct(&program, options))
}

/// Where PATH has the program `name`; None if it has not, or `name` is a path itself.
fn in_path(name: &OsStr) -> Option<OsString> {
    use std::os::unix::fs::PermissionsExt as _;
    if name.as_bytes().contains(&b'/') {
        return None;
    }
    let runs = |path: &std::path::PathBuf| {
        path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(runs).map(OsString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Result<(Options, Vec<String>), Failure> {
        let arguments: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let (line, rest) = parse("anyarch", &arguments)?;
        Ok((line.options, rest.iter().map(|a| a.to_string_lossy().into_owned()).collect()))
    }

    #[test]
    fn takes_qemus_options() {
        let (o, rest) =
            split("x -L /pre -E A=1,B=2 -U C -0 zero -strace -cpu max /bin/ls -l").expect("valid");
        assert_eq!(o.ld_prefix.as_deref(), Some(&b"/pre"[..]));
        assert_eq!(o.set_env, [b"A=1", b"B=2"]);
        assert_eq!(o.unset_env, [b"C"]);
        assert_eq!(o.argv0.as_deref(), Some(&b"zero"[..]));
        assert!(o.strace);
        assert_eq!(rest, ["/bin/ls", "-l"]);
    }

    #[test]
    fn double_dashes_and_the_separator_work() {
        let (o, rest) = split("x --strace --dump ir,host -- -odd").expect("valid");
        assert!(o.strace && o.dump.as_deref() == Some(b"ir,host"));
        assert_eq!(rest, ["-odd"]);
    }

    #[test]
    fn ignored_options_take_their_values() {
        assert_eq!(split("x -B 0x1000 -one-insn-per-tb p").expect("valid").1, ["p"]);
    }

    #[test]
    fn bad_lines_are_refused() {
        assert!(split("x -nonsense p").is_err());
        assert!(split("x -L").is_err());
        assert!(split("x -strace").is_err());
        assert!(split("x --dump ir,nonsense p").is_err());
        assert!(split("x -E A=1,B p").is_err());
        assert!(split("x -E A=1,,B=2 p").is_err());
        assert!(split("x -U A=1 p").is_err());
        assert!(split("x -cpu ,sve=off p").is_err());
    }

    #[test]
    fn the_documentation_lists_all_options() {
        let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
        let rows = FLAGS.iter().map(|f| {
            let names = f.names.iter().map(|n| code(format!("-{n} {}", f.value).trim_end()));
            let names: Vec<_> = names.collect();
            format!("| {} | {} | {} |", names.join(" or "), code(f.variable), f.what)
        });
        let text = include_str!("../../../docs/qemu.md");
        let written: Vec<&str> = text.lines().filter(|l| l.starts_with("| `")).collect();
        assert_eq!(written, rows.collect::<Vec<_>>());
    }
}
