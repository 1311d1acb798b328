//! `anyarch [options] PROGRAM [ARGUMENT...]`: QEMU's form of command line, with the environment
//! variables of the same meaning. An option given on the command line overrides its variable.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use linux::Options;

use crate::interpret;
use crate::report::Failure;

/// An option: its names without dashes, its variable, whether it takes a value, its effect.
struct Flag {
    names: &'static [&'static str],
    variable: Option<&'static str>,
    value: bool,
    apply: fn(&mut Options, Vec<u8>),
}

const FLAGS: &[Flag] = &[
    Flag {
        names: &["L"],
        variable: Some("QEMU_LD_PREFIX"),
        value: true,
        apply: |o, v| o.ld_prefix = Some(v),
    },
    Flag {
        names: &["E"],
        variable: Some("QEMU_SET_ENV"),
        value: true,
        apply: |o, v| o.set_env.extend(list(&v)),
    },
    Flag {
        names: &["U"],
        variable: Some("QEMU_UNSET_ENV"),
        value: true,
        apply: |o, v| o.unset_env.extend(list(&v)),
    },
    Flag {
        names: &["0"],
        variable: Some("QEMU_ARGV0"),
        value: true,
        apply: |o, v| o.argv0 = Some(v),
    },
    Flag {
        names: &["r"],
        variable: Some("QEMU_UNAME"),
        value: true,
        apply: |o, v| o.uname = Some(v),
    },
    Flag {
        names: &["cpu"],
        variable: Some("QEMU_CPU"),
        value: true,
        apply: |o, v| o.cpu = Some(v),
    },
    Flag {
        names: &["strace"],
        variable: Some("QEMU_STRACE"),
        value: false,
        apply: |o, _| o.strace = true,
    },
    Flag {
        names: &["alone"],
        variable: Some("ANYARCH_ALONE"),
        value: false,
        apply: |o, _| o.alone = true,
    },
    Flag {
        names: &["dump"],
        variable: Some("ANYARCH_DUMP"),
        value: true,
        apply: |o, v| o.dump = Some(v),
    },
];

/// Options of QEMU that change nothing here; accepted so that command lines keep working.
/// The number is how many values follow.
const IGNORED: &[(&str, u8)] = &[
    ("s", 1),
    ("B", 1),
    ("R", 1),
    ("p", 1),
    ("D", 1),
    ("d", 1),
    ("dfilter", 1),
    ("tb-size", 1),
    ("seed", 1),
    ("one-insn-per-tb", 0),
    ("singlestep", 0),
    ("perfmap", 0),
    ("jitdump", 0),
];

/// `NAME=value[,NAME=value...]`, as QEMU splits it.
fn list(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    value.split(|b| *b == b',').map(<[u8]>::to_vec)
}

/// The options that the environment asks for.
pub(crate) fn from_environment() -> Options {
    let mut options = Options::default();
    for flag in FLAGS {
        if let Some(value) = flag.variable.and_then(std::env::var_os) {
            (flag.apply)(&mut options, value.into_vec());
        }
    }
    options
}

/// Refuses what `--dump` does not know.
fn check_dump(options: &Options) -> Result<(), Failure> {
    let items = options.dump.as_deref().unwrap_or_default().split(|&b| b == b',');
    let known = |item: &[u8]| {
        item.is_empty() || interpret::DUMPS.contains(&item) || interpret::pins(item).is_some()
    };
    match items.into_iter().find(|item| !known(item)) {
        Some(item) => {
            let known: Vec<_> =
                interpret::DUMPS.iter().map(|d| String::from_utf8_lossy(d)).collect();
            Err(Failure::new(format!("--dump does not know `{}`", String::from_utf8_lossy(item)))
                .help(format!("it takes a list of: {}", known.join(", ")))
                .code(2))
        }
        None => Ok(()),
    }
}

/// Splits the command line into options and the program with its arguments.
fn parse(arguments: &[OsString]) -> Result<(Options, &[OsString]), Failure> {
    let mut options = from_environment();
    let mut rest = arguments.get(1..).unwrap_or_default();
    while let Some((first, after)) = rest.split_first() {
        let bytes = first.as_bytes();
        if bytes == b"--" {
            rest = after;
            break;
        }
        if bytes.first() != Some(&b'-') || bytes.len() == 1 {
            break;
        }
        let name = bytes.strip_prefix(b"--").unwrap_or(&bytes[1..]);
        rest = one(name, after, &mut options)
            .ok_or_else(|| unknown(first))?
            .map_err(|()| Failure::new(format!("{} needs a value", first.display())).code(2))?;
    }
    check_dump(&options)?;
    if rest.is_empty() {
        return Err(Failure::new("no program to run is given").help("anyarch --help").code(2));
    }
    Ok((options, rest))
}

fn unknown(option: &OsStr) -> Failure {
    Failure::new(format!("unknown option {}", option.display()))
        .help("anyarch --help lists them")
        .code(2)
}

/// Applies option `name`; None if there is no such option, Err if its value is missing.
fn one<'a>(
    name: &[u8],
    after: &'a [OsString],
    options: &mut Options,
) -> Option<Result<&'a [OsString], ()>> {
    let flag = FLAGS.iter().find(|f| f.names.iter().any(|n| n.as_bytes() == name));
    let value = match flag {
        Some(flag) => flag.value,
        None => IGNORED.iter().find(|(n, _)| n.as_bytes() == name)?.1 == 1,
    };
    if !value {
        if let Some(flag) = flag {
            (flag.apply)(options, Vec::new());
        }
        return Some(Ok(after));
    }
    let Some((value, after)) = after.split_first() else { return Some(Err(())) };
    if let Some(flag) = flag {
        (flag.apply)(options, value.as_bytes().to_vec());
    }
    Some(Ok(after))
}

/// Runs the program; only returns if it cannot be started.
///
/// # Errors
/// On an unknown option or a program that cannot be run.
#[expect(clippy::print_stdout, reason = "-version is asked for")]
pub(crate) fn run(arguments: &[OsString]) -> Result<u8, Failure> {
    if matches!(arguments.get(1).map(|a| a.as_bytes()), Some(b"-version")) {
        println!("anyarch {}", env!("CARGO_PKG_VERSION"));
        return Ok(0);
    }
    let (options, program) = parse(arguments)?;
    Ok(interpret::direct(program, options))
}

/// The version of QEMU whose command line is understood, for scripts that look at it.
const QEMU_VERSION: &str = "11.1.0";

/// Runs a program as the emulator that we are called by the name of, or BuildKit's (without a
/// name), which looks for the program in PATH; only returns if it cannot be started.
///
/// # Errors
/// As [`run`], and if that architecture is not emulated.
#[expect(clippy::print_stdout, reason = "they are asked for")]
pub(crate) fn run_as(
    emulator: Option<compat::emulator::Emulator>,
    arguments: &[OsString],
) -> Result<u8, Failure> {
    let name = emulator.map_or("aarch64", |e| e.guest.qemu);
    match arguments.get(1).and_then(|a| a.to_str()) {
        Some("-version" | "--version") if emulator.is_some() => {
            let own = env!("CARGO_PKG_VERSION");
            println!("qemu-{name} version {QEMU_VERSION} (anyarch {own})");
            return Ok(0);
        }
        Some("-h" | "-help" | "--help") if emulator.is_some() => {
            println!("usage: qemu-{name} [options] program [arguments...]\n\noptions:");
            for flag in FLAGS {
                let value = if flag.value { " VALUE" } else { "" };
                let variable = flag.variable.unwrap_or_default();
                println!("  {:<16} {variable}", format!("-{}{value}", flag.names[0]));
            }
            return Ok(0);
        }
        _ => {}
    }
    if let Some(emulator) = emulator.filter(|e| !e.guest.emulated) {
        let guest = emulator.guest.name;
        return Err(Failure::new(format!("{guest} is not emulated by this version")).code(126));
    }
    let (mut options, program) = parse(arguments)?;
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
        let (options, rest) = parse(&arguments)?;
        Ok((options, rest.iter().map(|a| a.to_string_lossy().into_owned()).collect()))
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
        assert_eq!(split("x -s 8M -one-insn-per-tb p").expect("valid").1, ["p"]);
    }

    #[test]
    fn bad_lines_are_refused() {
        assert!(split("x -nonsense p").is_err());
        assert!(split("x -L").is_err());
        assert!(split("x -strace").is_err());
        assert!(split("x --dump ir,nonsense p").is_err());
    }
}
