//! Rules that the tree does not keep everywhere yet. `xtask/untidy.txt` lists where, with a number that
//! may only fall: a file that breaks a rule more often fails, and one that breaks it less often should be
//! given its new number some time (`cargo xtask tidy --lower` does so).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// How often each file breaks each rule: by rule and path.
pub(super) type Counts = BTreeMap<(String, String), usize>;

const FILE: &str = "xtask/untidy.txt";
const HEAD: &str = "# Where the tree breaks a rule of `cargo xtask tidy`: rule, file, how often (or how many lines the longest\n# function has). Numbers may only fall; `cargo xtask tidy --lower` lowers them.\n";

fn read(root: &Path) -> Result<Counts> {
    let text = fs::read_to_string(root.join(FILE)).context(FILE)?;
    let mut counts = Counts::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let words: Vec<_> = line.split(' ').collect();
        if let [rule, path, count] = words[..] {
            counts.insert((rule.into(), path.into()), count.parse().context(FILE)?);
        }
    }
    Ok(counts)
}

/// Compares what was `found` with the list.
pub(super) fn check(root: &Path, found: &Counts, wrong: &mut Vec<String>) -> Result<()> {
    let known = read(root)?;
    for ((rule, path), &count) in found {
        let allowed = known.get(&(rule.clone(), path.clone())).copied().unwrap_or(0);
        if count > allowed {
            wrong.push(format!("{path}: {rule}: {count}, and {allowed} are known in {FILE}"));
        }
    }
    let now = |key| found.get(key).copied().unwrap_or(0);
    let fewer = known.iter().filter(|&(key, &allowed)| now(key) < allowed).count();
    if fewer > 0 {
        println!("{fewer} numbers in {FILE} can be lowered: `cargo xtask tidy --lower`");
    }
    Ok(())
}

/// Lowers the numbers to what was `found`; none is raised.
pub(super) fn lower(root: &Path, found: &Counts) -> Result<()> {
    let mut text = HEAD.to_owned();
    for ((rule, path), allowed) in read(root)? {
        let count = found.get(&(rule.clone(), path.clone())).copied().unwrap_or(0);
        if count > 0 {
            text += &format!("{rule} {path} {}\n", count.min(allowed));
        }
    }
    Ok(fs::write(root.join(FILE), text)?)
}
