//! `cargo xtask test` and `cargo xtask ci`: everything that must hold before a change lands.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, ensure};
use subjects::{SUBJECTS, Subject};

use crate::fixtures::Fixtures;
use crate::{product, tidy};

/// Runs one cargo command, failing with `what`.
fn cargo(root: &Path, what: &str, arguments: &[&str]) -> Result<()> {
    step(what, || {
        let status = Command::new(env!("CARGO")).current_dir(root).args(arguments).status();
        let status = status.context("cannot start cargo")?;
        ensure!(status.success(), "{what} failed: cargo {}", arguments.join(" "));
        Ok(())
    })
}

fn step(what: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("== {what}");
    let start = Instant::now();
    run()?;
    println!("== {what}: {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Builds the binary and runs its self-test.
pub(crate) fn selftest(root: &Path) -> Result<()> {
    let anyarch = product::build(root, "release")?;
    println!("built {}\n", anyarch.display());
    let status = Command::new(&anyarch).arg("selftest").status()?;
    ensure!(status.success(), "the self-test failed");
    Ok(())
}

/// What `cargo xtask test` is asked for.
struct Request<'a> {
    guests: Vec<&'static Subject>,
    quick: bool,
    filter: Vec<&'a str>,
}

impl<'a> Request<'a> {
    fn parse(arguments: &[&'a str]) -> Result<Self> {
        let mut request = Self { guests: Vec::new(), quick: false, filter: Vec::new() };
        let mut rest = arguments.iter();
        while let Some(&word) = rest.next() {
            match word {
                "--guest" => {
                    let name = rest.next().context("--guest needs a name")?;
                    let guest = subjects::find(name);
                    request.guests.push(guest.with_context(|| {
                        let names = SUBJECTS.map(|s| s.name);
                        format!("no guest {name} is tested, only {}", names.join(", "))
                    })?);
                }
                "--quick" => request.quick = true,
                _ => request.filter.push(word),
            }
        }
        if request.guests.is_empty() {
            request.guests.extend(&SUBJECTS);
        }
        Ok(request)
    }
}

/// The end-to-end tests that the request's filter picks by name.
fn end_to_end(root: &Path, request: &Request<'_>) -> Result<()> {
    let fixtures = Fixtures::open(&request.guests)?;
    step("fixtures", || fixtures.prepare())?;
    let anyarch = product::build(root, "release")?;
    let names: Vec<_> = request.guests.iter().map(|s| s.name).collect();
    step("end to end", || {
        let status = Command::new(env!("CARGO"))
            .current_dir(root)
            .args(["test", "--quiet", "--no-fail-fast", "--package", "it", "--"])
            .args(&request.filter)
            .env("ANYARCH_BIN", &anyarch)
            .env("ANYARCH_FIXTURES", &fixtures.dir)
            .env(subjects::CHOSEN, names.join(","))
            .status()?;
        ensure!(status.success(), "end-to-end tests failed");
        Ok(())
    })
}

/// All tests, from the quick to the slow.
pub(crate) fn test(root: &Path, arguments: &[&str]) -> Result<()> {
    let mut request = Request::parse(arguments)?;
    if !request.filter.is_empty() {
        return end_to_end(root, &request);
    }
    if request.quick {
        println!("This runs a part of the tests: about 5 minutes on 2 cores, more the first time.");
        request.filter = vec!["programs_print"];
    } else {
        println!("This runs all tests: 10 to 20 minutes on 2 cores, a few more the first time.");
    }
    Fixtures::open(&request.guests)?.announce();
    step("tidy", || tidy::run(root))?;
    step("generated code is fresh", || crate::codegen_all(root, true))?;
    // The last part of building what is shipped keeps one processor busy: the other checks and tests
    // meanwhile.
    std::thread::scope(|scope| {
        let product = scope.spawn(|| product::build(root, "release"));
        lint(root)?;
        other_host(root)?;
        cargo(root, "unit tests", &["test", "--quiet", "--workspace", "--exclude", "it"])?;
        product.join().map_err(|_| anyhow!("building anyarch panicked"))?
    })?;
    step("self-test", || selftest(root))?;
    end_to_end(root, &request)?;
    for guest in request.guests.iter().filter(|guest| is_fuzzed(guest)) {
        step(&format!("differential, {}", guest.name), || {
            differential(root, guest, request.quick)
        })?;
    }
    step("damaged input", || damaged(root, &request))?;
    println!("all passed");
    Ok(())
}

/// Whether `testkit` makes random programs of a guest. (The machine's own instructions are compared with
/// the machine, in a unit test.)
fn is_fuzzed(guest: &Subject) -> bool {
    !guest.is_hosts()
}

/// Where random tests start: the same each time, so that a change is judged by what it does and not by chance.
/// (`cargo xtask fuzz` takes others.)
const SEED: &str = "1";

/// A fixed budget of random instructions and of faults.
fn differential(root: &Path, guest: &Subject, quick: bool) -> Result<()> {
    let fixtures = Fixtures::open(&[])?;
    let anyarch = product::build(root, "release")?.display().to_string();
    let fixtures = fixtures.dir.display().to_string();
    let (seconds, points) = if quick { ("8", "10000") } else { ("30", "50000") };
    let mut options = vec!["diff", "--guest", guest.name, "--seed", SEED];
    options.extend(["--seconds", seconds, "--anyarch", &anyarch, "--fixtures", &fixtures]);
    options.extend(["--mode", "evaluate,binary,v2,v3,pins"]);
    crate::testkit(root, &options)?;
    // Signal frames of faults, against the evaluator's.
    let options = ["faults", "--guest", guest.name, "--seed", SEED, "--points", points];
    crate::testkit(root, &[&options[..], &["--anyarch", &anyarch]].concat())
}

/// Damaged registrations and configuration files, and programs of each guest: a small static one, and a
/// dynamic one of a foreign root.
fn damaged(root: &Path, request: &Request<'_>) -> Result<()> {
    let fixtures = Fixtures::open(&[])?;
    let anyarch = product::build(root, "release")?.display().to_string();
    crate::testkit(root, &["binfmt", "--seed", SEED, "--seconds", "2"])?;
    for guest in request.guests.iter().filter(|guest| is_fuzzed(guest)) {
        let elf = ["elf", "--guest", guest.name, "--seed", SEED];
        crate::testkit(root, &[&elf[..], &["--seconds", "3"]].concat())?;
        let prefix = fixtures.root_path(guest);
        let program = prefix.join("usr/bin/true").display().to_string();
        let prefix = prefix.display().to_string();
        let oracle = fixtures.oracle_path(guest, "sid").display().to_string();
        let seconds = if request.quick { "3" } else { "10" };
        let mut options = [&elf[..], &["--seconds", seconds, "--anyarch", &anyarch]].concat();
        options.extend(["--program", &program, "--prefix", &prefix, "--oracle", &oracle]);
        crate::testkit(root, &options)?;
    }
    Ok(())
}

/// Whether everything compiles for a host of another architecture, where the toolchain can.
fn other_host(root: &Path) -> Result<()> {
    const OTHER: &str = "aarch64-unknown-linux-musl";
    if !product::is_installed(OTHER) {
        println!("SKIP other hosts: rustup target add {OTHER}");
        return Ok(());
    }
    cargo(root, "other hosts", &["check", "--quiet", "--workspace", "--target", OTHER])
}

/// Format and lints, where the toolchain has them.
fn lint(root: &Path) -> Result<()> {
    let has = |tool: &str| {
        Command::new(env!("CARGO"))
            .args([tool, "--version"])
            .output()
            .is_ok_and(|o| o.status.success())
    };
    if has("fmt") {
        cargo(root, "format", &["fmt", "--check"])?;
    } else {
        println!("SKIP format: this toolchain has no rustfmt");
    }
    if has("clippy") {
        cargo(
            root,
            "lints",
            &["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"],
        )?;
    } else {
        println!("SKIP lints: this toolchain has no clippy");
    }
    Ok(())
}
