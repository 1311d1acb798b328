//! `cargo xtask tidy`: the rules of the house that a program can check.

mod known;
mod rules;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Longest source file, in lines; generated files and data are exempt.
const FILE_LINES_MAX: usize = 1000;
/// The crates whose files may opt in to unsafe code.
const UNSAFE_CRATES: [&str; 3] = ["sys", "memory", "engine"];
/// Which crates of ours each crate may depend on.
const BOUNDARIES: &[(&str, &[&str])] = &[
    ("ir", &[]),
    ("isa", &[]),
    ("softfloat", &["ir"]),
    ("eval", &["ir", "softfloat"]),
    ("guest", &["ir"]),
    ("guest-aarch64", &["guest", "ir", "isa", "softfloat"]),
    ("guest-riscv64", &["eval", "guest", "ir", "isa", "softfloat"]),
    ("guest-x86", &["eval", "guest", "ir", "isa", "softfloat"]),
    ("host", &["ir"]),
    ("host-x64", &["host", "ir"]),
    ("sys", &[]),
    ("memory", &["sys"]),
    ("engine", &["ir", "guest", "host", "host-x64", "eval", "memory", "sys"]),
    ("linux", &["ir", "guest", "engine", "memory", "sys"]),
    ("asm", &[]),
    ("subjects", &[]),
    ("binfmt", &["asm", "sys"]),
    ("doctor", &["binfmt", "sys"]),
    ("rootfs", &["binfmt", "sys"]),
    ("compat", &["binfmt"]),
];

/// Checks everything and reports all that is wrong at once.
pub(crate) fn run(root: &Path) -> Result<()> {
    let files = tracked(root)?;
    let mut wrong = Vec::new();
    known::check(root, &counts(root, &files), &mut wrong)?;
    for file in &files {
        let Ok(text) = fs::read_to_string(root.join(file)) else { continue };
        let name = file.display().to_string();
        if name.ends_with(".rs") {
            check_source(&name, &text, &mut wrong);
        }
        check_words(&name, &text, &mut wrong);
    }
    check_boundaries(root, &mut wrong)?;
    if !wrong.is_empty() {
        bail!("{} things are untidy:\n{}", wrong.len(), wrong.join("\n"));
    }
    println!("{} files are tidy", files.len());
    Ok(())
}

/// Lowers the numbers of known untidiness to what is there.
pub(crate) fn lower(root: &Path) -> Result<()> {
    let files = tracked(root)?;
    known::lower(root, &counts(root, &files))
}

/// What is untidy and counted.
fn counts(root: &Path, files: &[PathBuf]) -> known::Counts {
    let mut found = known::Counts::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "rs")) {
        let Ok(text) = fs::read_to_string(root.join(file)) else { continue };
        rules::count(&file.display().to_string(), &text, &mut found);
    }
    found
}

fn tracked(root: &Path) -> Result<Vec<PathBuf>> {
    let out = Command::new("git")
        .current_dir(root)
        .args(["ls-files"])
        .output()
        .context("cannot start git")?;
    Ok(String::from_utf8(out.stdout)?.lines().map(PathBuf::from).collect())
}

fn check_source(name: &str, text: &str, wrong: &mut Vec<String>) {
    let generated = name.contains("/generated/")
        || name.contains("/numbers/")
        || text.starts_with("//! Generated from ");
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX && !generated {
        wrong.push(format!("{name}: {lines} lines, more than {FILE_LINES_MAX}"));
    }
    if !generated && !text.starts_with("//!") && !text.starts_with("#!") {
        wrong.push(format!("{name}: does not start with `//!`, saying what it is"));
    }
    let crate_name = name.strip_prefix("crates/").and_then(|n| n.split('/').next()).unwrap_or("");
    let uses_unsafe = text.lines().any(|l| {
        let code = l.split("//").next().unwrap_or_default();
        ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"].iter().any(|w| code.contains(w))
    });
    if uses_unsafe && name.starts_with("crates/") && !UNSAFE_CRATES.contains(&crate_name) {
        wrong.push(format!("{name}: unsafe code outside of {UNSAFE_CRATES:?}"));
    }
}

/// Words that do not belong into the tree, spelt so that this file does not contain them.
fn check_words(name: &str, text: &str, wrong: &mut Vec<String>) {
    let banned =
        [concat!("XX", "X:"), concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("todo", "!(")];
    for word in banned {
        if text.contains(word) && !name.starts_with("tests/") && !name.ends_with(".lock") {
            wrong.push(format!("{name}: contains `{word}`"));
        }
    }
}

fn check_boundaries(root: &Path, wrong: &mut Vec<String>) -> Result<()> {
    let ours: Vec<&str> = BOUNDARIES.iter().map(|(c, _)| *c).chain(["cli", "testkit"]).collect();
    for (name, allowed) in BOUNDARIES {
        let manifest = fs::read_to_string(root.join("crates").join(name).join("Cargo.toml"))?;
        let normal = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let normal = normal.split("\n[").next().unwrap_or_default();
        for line in normal.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if ours.contains(&dependency) && !allowed.contains(&dependency) {
                wrong.push(format!("crates/{name}: may not depend on {dependency}"));
            }
        }
    }
    Ok(())
}
