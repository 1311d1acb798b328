//! What kind of file an interpreter is.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::GuestArch;

/// What an interpreter's file is, as far as it decides whether it works in any root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A static executable of this machine.
    Static,
    /// Needs this loader, which is looked for in the root of the program.
    Dynamic(String),
    /// A script for this interpreter.
    Script(String),
    /// An executable of another architecture.
    Foreign(&'static str),
    /// Nothing that can be executed.
    Unknown,
    /// There is no such file.
    Missing,
    /// It is not executable.
    NotExecutable,
}

impl Kind {
    /// One word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dynamic(_) => "dynamic",
            Self::Script(_) => "script",
            Self::Foreign(_) => "foreign",
            Self::Unknown => "unknown",
            Self::Missing => "missing",
            Self::NotExecutable => "not-executable",
        }
    }

    /// Of the file at `path`.
    pub fn of(path: &Path) -> Self {
        let Ok(metadata) = fs::metadata(path) else { return Self::Missing };
        if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
            return Self::NotExecutable;
        }
        let mut head = Vec::new();
        match File::open(path).map(|f| f.take(4096).read_to_end(&mut head)) {
            Ok(Ok(_)) => Self::of_head(&head),
            _ => Self::Unknown,
        }
    }

    /// Of a file that starts with `head` (the loader's name is looked for in it).
    pub fn of_head(head: &[u8]) -> Self {
        if let Some(line) = head.strip_prefix(b"#!") {
            let line = line.split(|b| *b == b'\n').next().unwrap_or_default();
            let text = String::from_utf8_lossy(line);
            return Self::Script(text.split_whitespace().next().unwrap_or_default().to_owned());
        }
        let Some(arch) = GuestArch::of_elf(head) else { return Self::Unknown };
        if Some(arch) != GuestArch::host() {
            return Self::Foreign(arch.name);
        }
        loader(head).map_or(Self::Static, Self::Dynamic)
    }
}

/// The loader that a 64-bit little-endian ELF file asks for, of a head that reaches to its name.
pub fn loader(head: &[u8]) -> Option<String> {
    const PT_INTERP: u32 = 3;
    let half = |at: usize| Some(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let long =
        |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?) as usize);
    if *head.get(4)? != 2 || *head.get(5)? != 1 {
        return None;
    }
    let (start, size, count) = (long(32)?, usize::from(half(54)?), usize::from(half(56)?));
    for i in 0..count {
        let at = start.checked_add(i.checked_mul(size)?)?;
        if word(at)? == PT_INTERP {
            let (from, len) = (long(at + 8)?, long(at + 32)?);
            let name = head.get(from..from.checked_add(len)?)?;
            return Some(String::from_utf8_lossy(name.strip_suffix(b"\0").unwrap_or(name)).into());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_files() {
        assert_eq!(Kind::of(Path::new("/nonexistent")), Kind::Missing);
        assert_eq!(Kind::of(Path::new("/etc/passwd")), Kind::NotExecutable);
        assert_eq!(Kind::of_head(b"#! /bin/sh -e\n"), Kind::Script("/bin/sh".into()));
        assert_eq!(Kind::of_head(b"text"), Kind::Unknown);
        let s390x = GuestArch::find("s390x").and_then(crate::probe::build).expect("built in");
        assert_eq!(Kind::of_head(&s390x), Kind::Foreign("s390x"));
        let host = GuestArch::host().and_then(crate::probe::build).expect("built in");
        assert_eq!(Kind::of_head(&host), Kind::Static);
        assert!(matches!(Kind::of(Path::new("/bin/sh")), Kind::Dynamic(l) if l.contains("ld-")));
    }
}
