//! `cargo xtask test` and `cargo xtask ci`: everything that must hold before a change lands.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

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

/// The end-to-end tests; `filter` picks some by name.
pub(crate) fn end_to_end(root: &Path, filter: &[&str]) -> Result<()> {
    let fixtures = Fixtures::open()?;
    step("fixtures", || fixtures.prepare())?;
    let anyarch = product::build(root, "release")?;
    step("end to end", || {
        let status = Command::new(env!("CARGO"))
            .current_dir(root)
            .args(["test", "--quiet", "--no-fail-fast", "--package", "it", "--"])
            .args(filter)
            .env("ANYARCH_BIN", &anyarch)
            .env("ANYARCH_FIXTURES", &fixtures.dir)
            .status()?;
        ensure!(status.success(), "end-to-end tests failed");
        Ok(())
    })
}

/// All tests, from the quick to the slow.
pub(crate) fn test(root: &Path, filter: &[&str]) -> Result<()> {
    if !filter.is_empty() {
        return end_to_end(root, filter);
    }
    println!("This runs all tests: 10 to 15 minutes on 2 cores, a few more the first time.");
    Fixtures::open()?.announce();
    step("tidy", || tidy::run(root))?;
    step("generated code is fresh", || crate::codegen_all(root, true))?;
    lint(root)?;
    cargo(root, "unit tests", &["test", "--quiet", "--workspace", "--exclude", "it"])?;
    step("self-test", || selftest(root))?;
    end_to_end(root, &[])?;
    step("differential", || differential(root))?;
    println!("all passed");
    Ok(())
}

/// A fixed budget of random instructions with a fixed seed, and a fresh one that is printed.
fn differential(root: &Path) -> Result<()> {
    let fixtures = Fixtures::open()?;
    let anyarch = product::build(root, "release")?;
    let fresh = std::time::UNIX_EPOCH.elapsed().map_or(1, |d| d.subsec_nanos());
    for (seed, seconds) in [(1, 20), (fresh, 10)] {
        println!("seed {seed}, {seconds} s");
        crate::fuzz(root, &anyarch, &fixtures.dir, u64::from(seed), seconds)?;
    }
    // Signal frames of faults, against the evaluator's.
    let anyarch = anyarch.display().to_string();
    for seed in [1, fresh] {
        println!("faults, seed {seed}");
        let seed = seed.to_string();
        let options = ["faults", "--seed", &seed, "--points", "25000", "--anyarch", &anyarch];
        crate::testkit(root, &options)?;
    }
    crate::testkit(root, &["binfmt", "--seed", &fresh.to_string(), "--seconds", "2"])?;
    loader(root, &anyarch, &fixtures, &fresh.to_string())
}

/// Mutated programs: a small static one, and a dynamic one of the foreign root.
fn loader(root: &Path, anyarch: &str, fixtures: &Fixtures, seed: &str) -> Result<()> {
    println!("mutated programs, seed {seed}");
    crate::testkit(root, &["elf", "--seed", seed, "--seconds", "5"])?;
    let prefix = fixtures.dir.join("arm64-trixie");
    let program = prefix.join("usr/bin/true").display().to_string();
    let prefix = prefix.display().to_string();
    let oracle = fixtures.dir.join("oracle-sid/usr/bin/qemu-aarch64").display().to_string();
    let mut options = vec!["elf", "--seed", seed, "--seconds", "20", "--anyarch", anyarch];
    options.extend(["--program", &program, "--prefix", &prefix, "--oracle", &oracle]);
    crate::testkit(root, &options)
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
