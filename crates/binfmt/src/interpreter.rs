//! What kind of file an interpreter is.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::GuestArch;
use crate::root::open_regular;

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
        head(path).map_or(Self::Unknown, |head| Self::of_head(&head))
    }

    /// Of a file that starts with `head` (the loader's name is looked for in it).
    pub fn of_head(head: &[u8]) -> Self {
        if let Some(of) = script(head) {
            return Self::Script(of);
        }
        let Some(arch) = GuestArch::of_elf(head) else { return Self::Unknown };
        if Some(arch) != GuestArch::host() {
            return Self::Foreign(arch.name);
        }
        loader(head).map_or(Self::Static, Self::Dynamic)
    }
}

/// The first bytes of the file at `path`, enough to tell what it is.
///
/// # Errors
/// When it cannot be read.
pub fn head(path: &Path) -> io::Result<Vec<u8>> {
    head_of(&open_regular(path)?)
}

/// The first bytes of an open file.
///
/// # Errors
/// When it cannot be read.
pub fn head_of(mut file: &File) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.rewind()?;
    file.take(4096).read_to_end(&mut head)?;
    Ok(head)
}

/// How many bytes of a script the kernel reads for its first line (`BINPRM_BUF_SIZE`).
pub const SCRIPT_LINE: usize = 256;

/// The interpreter that a script names, which may be empty; None for what is no script. Only blanks
/// and tabs separate it from its argument: a line that ends in CR LF names another file.
pub fn script(head: &[u8]) -> Option<String> {
    let head = &head[..head.len().min(SCRIPT_LINE)];
    let line = head.strip_prefix(b"#!")?.split(|b| *b == b'\n').next()?;
    let mut words = line.split(|b| matches!(b, b' ' | b'\t' | 0)).filter(|w| !w.is_empty());
    Some(String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned())
}

/// The loader that an ELF file asks for (PT_INTERP), of a head that reaches to its name.
pub fn loader(head: &[u8]) -> Option<String> {
    const PT_INTERP: usize = 3;
    let (wide, big) = (*head.get(4)? == 2, *head.get(5)? == 2);
    let number = |at: usize, size: usize| -> Option<usize> {
        let bytes = head.get(at..at.checked_add(size)?)?;
        let add = |sum: usize, byte: &u8| sum.checked_mul(256)?.checked_add(usize::from(*byte));
        if big { bytes.iter().try_fold(0, add) } else { bytes.iter().rev().try_fold(0, add) }
    };
    // Offsets in the two classes: e_phoff, e_phentsize, e_phnum; p_offset, p_filesz.
    let (header, size, count) =
        if wide { (number(32, 8)?, 54, 56) } else { (number(28, 4)?, 42, 44) };
    let (size, count) = (number(size, 2)?, number(count, 2)?);
    for i in 0..count {
        let at = header.checked_add(i.checked_mul(size)?)?;
        if number(at, 4)? == PT_INTERP {
            let (from, len) = if wide {
                (number(at.checked_add(8)?, 8)?, number(at.checked_add(32)?, 8)?)
            } else {
                (number(at.checked_add(4)?, 4)?, number(at.checked_add(16)?, 4)?)
            };
            let name = head.get(from..from.checked_add(len)?)?;
            // Tools that change it leave zeros behind a shorter one.
            let name = name.split(|&byte| byte == 0).next()?;
            return Some(String::from_utf8_lossy(name).into());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaders_end_at_the_first_zero() {
        let mut program = vec![0_u8; 64 + 56];
        program[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (program[32], program[54], program[56]) = (64, 56, 1);
        // PT_INTERP, where its name is, and how long.
        (program[64], program[64 + 8], program[64 + 32]) = (3, 120, 12);
        program.extend(b"/l/ld.so\0\0\0\0");
        assert_eq!(loader(&program).as_deref(), Some("/l/ld.so"));
    }

    #[test]
    fn kinds_of_files() {
        assert_eq!(Kind::of(Path::new("/nonexistent")), Kind::Missing);
        assert_eq!(Kind::of(Path::new("/etc/passwd")), Kind::NotExecutable);
        assert_eq!(Kind::of_head(b"#! /bin/sh -e\n"), Kind::Script("/bin/sh".into()));
        assert_eq!(script(b"#!/bin/sh\r\n").as_deref(), Some("/bin/sh\r"));
        assert_eq!(Kind::of_head(b"text"), Kind::Unknown);
        let s390x = GuestArch::find("s390x").and_then(crate::probe::build).expect("built in");
        assert_eq!(Kind::of_head(&s390x), Kind::Foreign("s390x"));
        let host = GuestArch::host().and_then(crate::probe::build).expect("built in");
        assert_eq!(Kind::of_head(&host), Kind::Static);
        assert!(matches!(Kind::of(Path::new("/bin/sh")), Kind::Dynamic(l) if l.contains("ld-")));
    }
}
