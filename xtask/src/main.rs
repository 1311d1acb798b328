//! Automation: everything that is not the product itself. `cargo xtask` lists the commands.

mod apt;
mod bench;
mod calls_codegen;
mod codegen;
mod dist;
mod fixtures;
mod product;
mod structs_codegen;
mod suite;
mod tidy;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

const USAGE: &str = "\
cargo xtask selftest                 build the static binary and prove that it works here
cargo xtask test [OPTIONS] [FILTER]  all tests; with FILTER, the end-to-end ones of that name
    --guest NAME                     only those of this guest, and those of none
    --quick                          fewer random tests, and programs end to end
cargo xtask ci                       the same as test
cargo xtask build [PROFILE]          build the static binary (release, or fast to compile)
cargo xtask dist [BINARY [DIR]]      package, image and checksums, into target/dist
cargo xtask fixtures [GUEST]         fetch what the end-to-end tests need
cargo xtask codegen [--check]        isa/ -> generated code and docs
cargo xtask fuzz diff [--guest NAME] [--seed N] [--seconds S] [...]   random code against the oracle
cargo xtask fuzz faults [...]         signal frames of faults against the evaluator
cargo xtask fuzz binfmt [...]         damaged registrations, configuration files and entries
cargo xtask bench [NAME]             speed of kernels and of starting programs, to native and QEMU
cargo xtask fuzz elf [...]            mutated programs for the loader
cargo xtask bless                    rewrite the golden files, show the change in counts
cargo xtask tidy [--lower]           boundaries, sizes, unsafe code, words; --lower: fewer are known";

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent")?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["selftest"] => suite::selftest(root),
        ["test" | "ci", ref rest @ ..] => suite::test(root, rest),
        ["build"] => product::build(root, "release").map(|p| println!("{}", p.display())),
        ["build", profile] => product::build(root, profile).map(|p| println!("{}", p.display())),
        ["dist"] => dist::run(root, None, None),
        ["dist", binary] => dist::run(root, Some(binary), None),
        ["dist", binary, out] => dist::run(root, Some(binary), Some(out)),
        ["fixtures", ref guests @ ..] => {
            let named = |name: &&str| {
                subjects::find(name).with_context(|| format!("no guest {name} is tested"))
            };
            let mut guests = guests.iter().map(named).collect::<Result<Vec<_>>>()?;
            if guests.is_empty() {
                guests.extend(&subjects::SUBJECTS);
            }
            let fixtures = fixtures::Fixtures::open(&guests)?;
            fixtures.prepare().map(|()| println!("{}", fixtures.dir.display()))
        }
        ["codegen"] => codegen_all(root, false),
        ["codegen", "--check"] => codegen_all(root, true),
        ["fuzz", ref rest @ ..] => testkit(root, rest),
        ["bench"] => bench::run(root, "", 3),
        ["bench", filter] => bench::run(root, filter, 3),
        ["bless"] => bless(root),
        ["tidy"] => tidy::run(root),
        ["tidy", "--lower"] => tidy::lower(root),
        [] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("usage:\n{USAGE}"),
    }
}

/// Generates, or checks that nothing is stale.
fn codegen_all(root: &Path, check: bool) -> Result<()> {
    codegen::run(root, check)?;
    calls_codegen::run(root, check)
}

/// Runs the test kit's program, which links the engine: optimised, or it would take long.
fn testkit(root: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["run", "--quiet", "--profile", "fast", "--package", "testkit", "--"])
        .args(arguments)
        .status()?;
    ensure!(status.success(), "testkit {} failed", arguments.join(" "));
    Ok(())
}

/// Rewrites the golden files.
fn bless(root: &Path) -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["test", "--quiet", "--package", "testkit", "golden"])
        .env("ANYARCH_BLESS", "1")
        .status()?;
    ensure!(status.success(), "the golden tests failed");
    ensure!(
        Command::new("git")
            .current_dir(root)
            .args(["diff", "--stat", "tests/golden"])
            .status()?
            .success()
    );
    Ok(())
}
