//! QEMU's command line: what the oracles list in -help and -cpu help is taken, or refused with a line
//! that says what to do instead.

use std::process::{Command, Output};

use it::entries::{compile, empty_dir, program, put};
use it::{Lab, SUBJECTS, assert_none};

const SUITES: [&str; 2] = ["trixie", "sid"];
/// What the program that is run exits with.
const CODE: i32 = binfmt::probe::EXIT_CODE as i32;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Without variables of the machine's.
fn call(command: &str) -> Command {
    let mut call = Command::new(command);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("QEMU_") {
            call.env_remove(name);
        }
    }
    call
}

fn anyarch() -> Command {
    call(&Lab::open().anyarch.display().to_string())
}

fn oracle(suite: &str, arguments: &[&str]) -> String {
    let out = call(&Lab::open().oracle(suite).display().to_string()).args(arguments).output();
    text(&out.expect("the oracle starts").stdout)
}

/// The options in an oracle's -help: name, whether it has a value, variable.
fn options(suite: &str) -> Vec<(String, bool, Option<String>)> {
    let help = oracle(suite, &["-help"]);
    let lines = help.lines().filter(|line| line.starts_with('-'));
    let all: Vec<_> = lines
        .map(|line| {
            let columns = [0..21, 21..42].map(|c| line.get(c).unwrap_or_default().trim());
            let (name, value) = columns[0].split_once(' ').unwrap_or((columns[0], ""));
            // The names are padded by one space at least, but those of -seed and -trace have values.
            let value = !value.is_empty() || ["-seed", "-trace"].contains(&name);
            let variable = Some(columns[1].to_owned()).filter(|v| v.starts_with("QEMU_"));
            (name.to_owned(), value, variable)
        })
        .collect();
    assert!(all.len() >= 23, "{all:?}");
    all
}

/// A value that an option takes.
fn value(name: &str) -> &'static str {
    match name {
        "-L" => "/nonexistent",
        "-E" => "A=B",
        "-U" => "A",
        "-cpu" => "max,pauth-impdef=on",
        "-d" => "strace",
        "-D" => "/dev/null",
        "-s" => "8M",
        "-B" | "-R" => "0x10000",
        "-dfilter" => "0x1000+0x100",
        "-trace" => "foo",
        "-t" => "34 34 1",
        _ => "1",
    }
}

/// How it went: it ran and was silent but for warnings, it answered, or it was refused with advice.
fn judge(out: &Output, silent: bool) -> Result<(), String> {
    let (said, err) = (text(&out.stdout), text(&out.stderr));
    let warned = err.lines().all(|line| line.starts_with("warning: ") || line.contains("exit"));
    match out.status.code() {
        Some(CODE) if said.is_empty() && warned && !(silent && err.contains("warning")) => Ok(()),
        Some(0) if !said.is_empty() && err.is_empty() => Ok(()),
        Some(2) if said.is_empty() && err.contains("help: ") => Ok(()),
        _ => Err(format!("{:?}\n{said}{err}", out.status)),
    }
}

#[test]
fn every_option_and_variable_of_the_oracles_is_taken() {
    let file = put(&empty_dir("qemu-line").join("program"), &program("arm64"), 0o755);
    let (mut failures, mut tried) = (Vec::new(), 0);
    for (name, valued, variable) in SUITES.into_iter().flat_map(options) {
        let mut run = anyarch();
        run.arg(&name).args(valued.then(|| value(&name))).arg(&file);
        let typed = judge(&run.output().expect("starts"), false);
        failures.extend(typed.err().map(|e| format!("{name}: {e}")));
        tried += 1;
        if let Some(variable) = variable {
            let out = anyarch().env(&variable, value(&name)).arg(&file).output().expect("starts");
            failures.extend(judge(&out, true).err().map(|e| format!("{variable}: {e}")));
            // Other programs find such variables in their environment by chance.
            let ran = out.status.code() == Some(CODE);
            assert!(ran || variable == "QEMU_GDB", "{variable}: {out:?}");
        }
    }
    assert_none(&failures, tried);
}

#[test]
fn every_model_of_the_oracles_is_taken() {
    let file = put(&empty_dir("qemu-models").join("program"), &program("arm64"), 0o755);
    let ours = text(&anyarch().args(["-cpu", "help"]).output().expect("starts").stdout);
    for model in
        ["any"].into_iter().map(str::to_owned).chain(SUITES.into_iter().flat_map(|suite| {
            let help = oracle(suite, &["-cpu", "help"]);
            let names: Vec<_> = help.lines().skip(1).map(|l| l.trim().to_owned()).collect();
            assert!(names.len() >= 12, "{names:?}");
            names
        }))
    {
        if model.is_empty() {
            continue;
        }
        assert!(ours.lines().any(|line| line.trim() == model), "{model} is not in\n{ours}");
        let out = anyarch().args(["-cpu", &model, &file]).output().expect("starts");
        assert_eq!((out.status.code(), text(&out.stderr)), (Some(CODE), String::new()), "{model}");
    }
    let out = anyarch().args(["-cpu", "nonsense", &file]).output().expect("starts");
    assert!(out.status.code() == Some(2) && text(&out.stderr).contains("neoverse-n2"), "{out:?}");
}

/// Properties of the oracles' processors, with a value.
const PROPERTIES: &[&str] = &[
    "aarch64=on",
    "neon=on",
    "vfp=on",
    "pauth=on",
    "pauth=off",
    "pauth-impdef=on",
    "pauth-impdef=off",
    "pauth-qarma3=on",
    "pauth-qarma5=on",
    "lpa2=off",
    "lpa2=on",
    "sve=on",
    "sve=off",
    "sve128=on",
    "sve256=on",
    "sve384=on",
    "sve1920=on",
    "sve2048=on",
    "sve-max-vq=2",
    "sve-default-vector-length=32",
    "sme=on",
    "sme=off",
    "sme128=on",
    "sme256=on",
    "sme512=on",
    "sme1024=on",
    "sme2048=on",
    "sme_fa64=off",
    "sme-default-vector-length=32",
    "midr=0x410fd034",
    "mp-affinity=1",
    "core-count=1",
    "node-id=0",
    "cfgend=off",
    "pmu=off",
    "x-rme=off",
    "x-l0gptsz=34",
    "backcompat-cntfrq=off",
    "backcompat-pauth-default-use-qarma5=off",
];

#[test]
fn properties_of_the_oracles_are_taken() {
    let file = put(&empty_dir("qemu-properties").join("program"), &program("arm64"), 0o755);
    let mut failures = Vec::new();
    for property in PROPERTIES {
        let cpu = format!("max,{property}");
        let known = SUITES.iter().any(|suite| {
            let emulator = Lab::open().oracle(suite).display().to_string();
            let out = call(&emulator).args(["-cpu", &cpu, &file]).output().expect("starts");
            out.status.code() == Some(CODE)
        });
        assert!(known, "{property} is none of the oracles'");
        let out = anyarch().args(["-cpu", &cpu, &file]).output().expect("starts");
        failures.extend(judge(&out, false).err().map(|e| format!("{property}: {e}")));
        let out = anyarch().env("QEMU_CPU", &cpu).arg(&file).output().expect("starts");
        let silent = out.status.code() == Some(CODE) && out.stderr.is_empty();
        failures.extend((!silent).then(|| format!("QEMU_CPU={cpu}: {out:?}")));
    }
    for (name, value) in
        [("-seed", "x"), ("-R", "64Q"), ("-tb-size", "big"), ("-t", "1,2"), ("-dfilter", "here")]
    {
        let out = anyarch().args([name, value]).arg(&file).output().expect("starts");
        assert_eq!(out.status.code(), Some(2), "{name} {value}: {out:?}");
        assert!(text(&out.stderr).contains(&format!("`{value}` is no")), "{name}: {out:?}");
    }
    for wrong in ["aarch64=off", "neon=off", "pauth-impdef=maybe", "sve-max-vq=on", "sve100=on"] {
        let out =
            anyarch().args(["-cpu", &format!("max,{wrong}"), &file]).output().expect("starts");
        assert_eq!(out.status.code(), Some(2), "{wrong}");
        assert!(text(&out.stderr).starts_with("error: "), "{wrong}: {out:?}");
    }
    assert_none(&failures, PROPERTIES.len());
}

/// One line, where somebody looks: not by programs that a program executes, and not for variables.
#[test]
fn what_has_no_effect_is_said_once() {
    let lab = Lab::open();
    let root = lab.root().display().to_string();
    let program = format!("{root}/usr/bin/env");
    let last = format!("{root}/usr/bin/true");
    let words = ["-L", &root, &program, &program, &program, &last];
    let out = anyarch().args(["-cpu", "max,sve=on", "-seed", "1"]).args(words).output();
    let out = out.expect("starts");
    let err = text(&out.stderr);
    assert_eq!(err.lines().count(), 2, "{err}");
    assert!(err.contains("sve=on") && err.contains("-seed has no effect") && out.stdout.is_empty());
    let quiet = [("QEMU_CPU", "max,sve=on"), ("QEMU_RAND_SEED", "1"), ("QEMU_LOG", "in_asm,exec")];
    let out = anyarch().envs(quiet).args(words).output().expect("starts");
    assert!(out.stderr.is_empty() && out.stdout.is_empty(), "{out:?}");
}

#[test]
fn system_calls_are_printed_into_a_file() {
    let lab = Lab::open();
    let root = lab.root().display().to_string();
    let dir = empty_dir("qemu-log");
    let log = dir.join("log");
    std::fs::write(&log, "old\n").expect("written");
    let name = log.display().to_string();
    let env = format!("{root}/usr/bin/env");
    // The program executes another one, from another directory.
    let last = format!("{root}/usr/bin/true");
    let words = ["-L", &root, &env, "-C", "/", &last];
    let out = anyarch().current_dir(&dir).args(["-D", "log", "-strace"]).args(words).output();
    let out = out.expect("starts");
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
    let text = std::fs::read_to_string(&log).expect("written");
    assert!(!text.contains("old") && text.matches(" set_tid_address(").count() == 2, "{text}");
    assert!(text.lines().last().is_some_and(|l| l.contains("exit_group(0")), "{text}");
    // Our descriptor is not the program's: it neither sees nor closes it.
    assert!(!text.contains("Bad file") && !text.contains("= 90"), "{text}");
    let each = format!("{name}-%d");
    let variables = [("QEMU_LOG_FILENAME", each.as_str()), ("QEMU_LOG", "strace")];
    let out = anyarch().envs(variables).args(["-L", &root, &env, &last]).output().expect("starts");
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
    let files: Vec<_> = std::fs::read_dir(&dir).expect("there").flatten().collect();
    assert_eq!(files.len(), 2, "{files:?}");
    let out = anyarch().args(["-strace", "-D", "/nonexistent/log"]).args(words).output();
    assert_eq!(out.expect("starts").status.code(), Some(2));
}

#[test]
fn the_stack_can_be_larger() {
    let source = "#include <string.h>\nstatic int deep(int n) { volatile char room[1 << 20]; \
        memset((char *)room, n, sizeof room); return n ? deep(n - 1) + room[9] * 0 : 7; }\n\
        int main(void) { return deep(40); }";
    let dir = empty_dir("qemu-stack");
    let deep = compile(&SUBJECTS[0].compiler(), &dir, "deep", source);
    let run = |command: &mut Command, limit: &str| {
        let script = format!("ulimit -S -s 8192; ulimit -H -s {limit}; exec \"$@\"");
        let mut shell = call("bash");
        shell.args(["-c", &script, "sh"]).arg(command.get_program()).args(command.get_args());
        shell.envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))));
        shell.output().expect("starts").status.code()
    };
    assert_eq!(run(anyarch().args(["-s", "64M", &deep]), "unlimited"), Some(7));
    assert_eq!(run(anyarch().env("QEMU_STACK_SIZE", "67108864").arg(&deep), "unlimited"), Some(7));
    assert_ne!(run(anyarch().arg(&deep), "unlimited"), Some(7));
    assert_ne!(run(anyarch().args(["-s", "64M", &deep]), "16384"), Some(7));
    assert_eq!(run(anyarch().args(["-s", "many", &deep]), "unlimited"), Some(2));
}
