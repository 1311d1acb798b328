//! The configuration files of systemd-binfmt and OpenRC's binfmt: where they are, and their rules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::root::Root;

/// Their directories, in a root; a file in one hides those of its name in the later ones.
pub const DIRECTORIES: [&str; 4] =
    ["etc/binfmt.d", "run/binfmt.d", "usr/local/lib/binfmt.d", "usr/lib/binfmt.d"];

/// The files of `root` that are in effect, by their paths in it, in the order in which they are
/// applied.
pub fn files(root: &Root) -> Vec<PathBuf> {
    let mut files = BTreeMap::new();
    for dir in DIRECTORIES.map(Path::new).into_iter().rev() {
        for name in root.names(dir) {
            if Path::new(&name).extension().is_some_and(|e| e == "conf") {
                let path = dir.join(&name);
                files.insert(name, path);
            }
        }
    }
    files.into_values().collect()
}

/// A rule of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileRule {
    /// Its line number.
    pub line: usize,
    /// What is written to the kernel.
    pub text: Vec<u8>,
    /// The entry's name in it.
    pub name: String,
}

/// The rules of a file's text.
pub fn rules(text: &[u8]) -> Vec<FileRule> {
    text.split(|&b| b == b'\n')
        .enumerate()
        .filter_map(|(i, line)| {
            let line = line.trim_ascii();
            let (&delimiter, rest) = line.split_first()?;
            if delimiter == b'#' || delimiter == b';' {
                return None;
            }
            let name = rest.split(|&b| b == delimiter).next().unwrap_or_default();
            let name = String::from_utf8_lossy(name).into_owned();
            Some(FileRule { line: i + 1, text: line.to_vec(), name })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_lines_and_names() {
        let rules = rules(b"# c\n\n  :a:M::x::/i:F \n; c\n|b|E||x||/i|\n:");
        let found: Vec<_> = rules.iter().map(|r| (r.line, r.name.as_str())).collect();
        assert_eq!(found, [(3, "a"), (5, "b"), (6, "")]);
        assert_eq!(rules[0].text, b":a:M::x::/i:F");
    }
}
