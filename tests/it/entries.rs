//! What tests of registrations need: rules, programs, interpreters, files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use binfmt::{Flags, GuestArch, Rule};

use crate::{Lab, SUBJECTS};

/// An architecture by any of its names.
///
/// # Panics
/// If there is none.
pub fn guest(name: &str) -> &'static GuestArch {
    GuestArch::find(name).expect("in the table")
}

/// The rule for an architecture's programs.
///
/// # Panics
/// If `flags` are none.
pub fn rule(arch: &str, interpreter: &str, flags: &str) -> Rule {
    Rule::for_guest(guest(arch), interpreter, Flags::parse(flags).expect("flags"))
}

/// A small program of an architecture, which ends with a code that the probe knows.
///
/// # Panics
/// If there is none.
pub fn program(arch: &str) -> Vec<u8> {
    binfmt::probe::build(guest(arch)).expect("built in")
}

/// QEMU for an architecture: a static interpreter that works.
pub fn qemu(arch: &str) -> String {
    let own = Lab::open().oracle("sid");
    own.with_file_name(format!("qemu-{}", guest(arch).qemu)).display().to_string()
}

/// A file with its directory; its path.
///
/// # Panics
/// If it cannot be written.
pub fn put(path: &Path, bytes: &[u8], mode: u32) -> String {
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::write(path, bytes).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode set");
    path.display().to_string()
}

/// An empty directory in the cache.
///
/// # Panics
/// If it cannot be made.
pub fn empty_dir(name: &str) -> PathBuf {
    let dir = Lab::open().scratch(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("made");
    dir
}

/// A static program in `dir` from C; its path.
///
/// # Panics
/// If `compiler` fails.
pub fn compile(compiler: &str, dir: &Path, name: &str, source: &str) -> String {
    let file = put(&dir.join(format!("{name}.c")), source.as_bytes(), 0o644);
    let out = dir.join(name).display().to_string();
    let status = Command::new(compiler).args(["-static", "-O1", "-o", &out, &file]).status();
    assert!(status.is_ok_and(|s| s.success()), "{compiler}");
    out
}

/// A program that adds two vectors, without a question about the processor; its path.
///
/// # Panics
/// If the compiler fails.
pub fn for_sve(dir: &Path, march: &str) -> String {
    let source = "double a[999]; int main(int c, char **v) \
        { for (int i = 0; i < c * 300; i++) a[i] = a[i] * c + i; return a[c]; }";
    let file = put(&dir.join("vectors.c"), source.as_bytes(), 0o644);
    let out = dir.join("vectors").display().to_string();
    let march = format!("-march={march}");
    let mut compiler = Command::new(SUBJECTS[0].compiler());
    let status = compiler.args(["-O3", &march, "-o", &out, &file]).status();
    assert!(status.is_ok_and(|s| s.success()), "the compiler");
    out
}
