//! Small C programs, run natively, under the oracle and under us: all must print the same.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use it::{Lab, Subject, assert_none, chosen, in_parallel, outcome};

/// Ways to work: as always; as on an old host, with a code cache that is flushed all the time; with
/// code that is never writable where it is executed.
const MODES: [&str; 3] = ["", "v2,tiny,pins1", "dual,pins2"];

/// Programs on which the oracle is known to be wrong: name (of one guest only: `GUEST/name`) and
/// reason, one a line.
fn deviations(tree: &Path, subject: &Subject) -> HashMap<String, String> {
    let text =
        fs::read_to_string(tree.join("tests/programs/oracle_deviations.txt")).unwrap_or_default();
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    let of_guest = |name: &str| match name.split_once('/') {
        Some((guest, name)) => (guest == subject.uname).then(|| name.to_owned()),
        None => Some(name.to_owned()),
    };
    let entry = |line: &str| {
        let (name, reason) = line.split_once(' ')?;
        Some((of_guest(name)?, reason.to_owned()))
    };
    lines.filter_map(entry).collect()
}

/// The programs `GUEST/name` in a list of `tests/programs`.
fn listed(tree: &Path, list: &str) -> HashSet<String> {
    let text = fs::read_to_string(tree.join("tests/programs").join(list)).unwrap_or_default();
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    lines.filter_map(|l| Some(l.split_once(' ')?.0.to_owned())).collect()
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut all: Vec<_> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    all.retain(|p| p.extension().is_some_and(|e| e == "c" || e == "S"));
    all.sort();
    all
}

/// Compiles `source`, unless that has been done since the source and this test were changed.
fn compile(compiler: &str, source: &Path, to: &Path) {
    let changed = |path: &Path| fs::metadata(path).and_then(|m| m.modified());
    let this = std::env::current_exe().expect("a test has a path");
    let made = changed(to).ok();
    if made.is_some_and(|made| [source, &this].iter().all(|p| changed(p).is_ok_and(|c| c < made))) {
        return;
    }
    let out = Command::new(compiler)
        .args(["-O2", "-static", "-pthread", "-w", "-D_GNU_SOURCE", "-ffp-contract=off", "-o"])
        .arg(to)
        .arg(source)
        .args(["-lm", "-lrt"])
        .output()
        .unwrap_or_else(|e| panic!("{compiler}: {e}"));
    assert!(out.status.success(), "{}: {}", source.display(), String::from_utf8_lossy(&out.stderr));
}

fn run(command: &mut Command) -> String {
    run_for("60", command)
}

fn run_for(seconds: &str, command: &mut Command) -> String {
    let mut timed = Command::new("timeout");
    timed.args(["-k", "5", seconds]).arg(command.get_program()).args(command.get_args());
    timed.stdin(std::process::Stdio::null());
    outcome(&timed.output().expect("timeout starts"))
}

#[test]
fn portable_programs_print_what_they_print_natively() {
    let lab = Lab::open();
    let scratch = lab.scratch("programs");
    let all = sources(&lab.tree.join("tests/programs/all"));
    assert!(all.len() >= 10, "only {} programs found", all.len());
    let guests = chosen();
    let (unported, failing) = (listed(&lab.tree, "unported.txt"), listed(&lab.tree, "failing.txt"));
    let known: Vec<_> = guests.iter().map(|guest| deviations(&lab.tree, guest)).collect();
    let failures = in_parallel(&all, |source| {
        let name = source.file_stem().expect("a file").to_string_lossy().into_owned();
        let native = scratch.join(format!("{name}.host"));
        compile("gcc", source, &native);
        let expected = run(&mut Command::new(&native));
        let ported = |guest: &Subject| !unported.contains(&format!("{}/{name}", guest.uname));
        let of_guest = |(guest, known): (&&Subject, &HashMap<String, String>)| {
            let foreign = scratch.join(format!("{name}.{}", guest.name));
            compile(&guest.compiler(), source, &foreign);
            let reason = known.get(&name).map(String::as_str);
            let mut failures = portable(&lab, guest, &foreign, &expected);
            if failing.contains(&format!("{}/{name}", guest.uname)) {
                let passes = "passes and must not be in failing.txt any more".to_owned();
                failures = if failures.is_empty() { vec![passes] } else { Vec::new() };
            }
            failures.extend(under_oracle(&lab, guest, &foreign, &expected, reason));
            let text = |text| format!("{name} for {}: {text}", guest.name);
            failures.into_iter().map(text).collect::<Vec<_>>()
        };
        guests.iter().zip(&known).filter(|(guest, _)| ported(guest)).flat_map(of_guest).collect()
    });
    assert_none(&failures, all.len() * guests.len());
}

/// Runs a program that printed `expected` natively, under us; what fails.
fn portable(lab: &Lab, guest: &Subject, program: &Path, expected: &str) -> Vec<String> {
    let emulator = lab.emulator_of(guest);
    let of_mode = |mode| {
        let ours = run(Command::new(&emulator).args(["--dump", mode]).arg(program));
        (ours != expected).then(|| format!("natively\n{expected}\nunder us ({mode})\n{ours}"))
    };
    MODES.into_iter().filter_map(of_mode).collect()
}

/// Runs it under the oracle, which may differ if there is a reason; what fails.
fn under_oracle(
    lab: &Lab,
    guest: &Subject,
    program: &Path,
    expected: &str,
    reason: Option<&str>,
) -> Option<String> {
    // Some hang under the oracle, and some only now and then: it has races of its own.
    let limit = if reason.is_some() { "5" } else { "60" };
    let mut oracle = String::new();
    let as_known = (0..3).any(|_| {
        oracle = run_for(limit, Command::new(lab.oracle_of(guest, "sid")).arg(program));
        (oracle != expected) == reason.is_some()
    });
    (!as_known).then(|| {
        format!("natively\n{expected}\nunder the oracle\n{oracle}\n(known deviation: {reason:?})")
    })
}

#[test]
fn guest_programs_print_what_the_oracle_prints() {
    let lab = Lab::open();
    let scratch = lab.scratch("programs");
    let of_guest = |guest: &'static Subject| {
        let all = sources(&lab.tree.join("tests/programs").join(guest.uname));
        all.into_iter().map(move |source| (guest, source)).collect::<Vec<_>>()
    };
    let all: Vec<_> = chosen().into_iter().flat_map(of_guest).collect();
    let failures = in_parallel(&all, |(guest, source)| {
        let name = source.file_stem().expect("a file").to_string_lossy().into_owned();
        let foreign = scratch.join(format!("{name}.only-{}", guest.name));
        compile(&guest.compiler(), source, &foreign);
        // Where the oracle is wrong, what Linux prints is in a file.
        let written = fs::read_to_string(source.with_extension("out")).ok();
        let expected = written.map(|text| format!("{text}[exit status: 0]"));
        let (oracle, emulator) = (lab.oracle_of(guest, "sid"), lab.emulator_of(guest));
        let exact = || {
            let native = guest.is_hosts().then(|| run(&mut Command::new(&foreign)));
            native.unwrap_or_else(|| run(Command::new(&oracle).arg(&foreign)))
        };
        let expected = expected.unwrap_or_else(exact);
        let of_mode = |mode| {
            let ours = run(Command::new(&emulator).args(["--dump", mode]).arg(&foreign));
            (ours != expected).then(|| {
                let name = format!("{name} for {}", guest.name);
                format!("{name}: expected\n{expected}\nunder us ({mode})\n{ours}")
            })
        };
        MODES.into_iter().filter_map(of_mode).collect()
    });
    assert_none(&failures, all.len());
}
