//! Bad input gives one clear line and the shell's exit code, never a panic or a signal.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use it::Lab;

struct Case {
    lab: Lab,
    dir: PathBuf,
}

impl Case {
    fn new(name: &str) -> Self {
        let lab = Lab::open();
        let dir = lab.scratch(name);
        Self { lab, dir }
    }
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.join(name);
        fs::write(&path, bytes).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made executable");
        path
    }
    fn run(&self, program: &Path) -> Output {
        Command::new("timeout")
            .arg("20")
            .arg(&self.lab.anyarch)
            .arg(program)
            .output()
            .expect("starts")
    }
    #[track_caller]
    fn refused(&self, program: &Path, code: i32, words: &[&str]) {
        let out = self.run(program);
        let text = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{}: {text}", program.display());
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("error: "), "{text}");
        for word in words {
            assert!(text.contains(word), "`{word}` is missing from: {text}");
        }
    }
    fn good(&self) -> Vec<u8> {
        fs::read(self.lab.root().join("usr/bin/true")).expect("the root has /usr/bin/true")
    }
}

#[test]
fn files_that_are_no_programs() {
    let c = Case::new("bad");
    c.refused(&c.dir.join("missing"), 127, &["missing"]);
    c.refused(&c.dir, 126, &["directory"]);
    c.refused(&c.file("empty", b""), 126, &["empty"]);
    c.refused(&c.file("text", b"hello world, this is not a program at all\n"), 126, &["text"]);
    let plain = c.file("plain", &c.good());
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o644)).expect("permissions set");
    c.refused(&plain, 126, &["execut"]);
}

#[test]
fn truncated_and_wrong_machine() {
    let c = Case::new("truncated");
    let good = c.good();
    for len in [4, 16, 20, 63, 64, 100, 200] {
        c.refused(&c.file("cut", &good[..len]), 126, &["cut"]);
    }
    let mut vax = good.clone();
    vax[18] = 75;
    c.refused(&c.file("vax", &vax), 126, &["machine"]);
}

#[test]
fn a_missing_loader_is_named_with_a_way_out() {
    let c = Case::new("loader");
    let program = c.file("dynamic", &c.good());
    c.refused(&program, 127, &["ld-linux-aarch64.so.1", "-L"]);
}

#[test]
fn every_flipped_byte_of_the_headers_is_survived() {
    let c = Case::new("flipped");
    let good = fs::read(c.lab.fixtures.join("scratch/programs")).unwrap_or_else(|_| c.good());
    for at in (4..good.len().min(64 + 56 * 9)).step_by(3) {
        for flip in [0x01, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            let out = c.run(&c.file("flip", &bad));
            let text = String::from_utf8_lossy(&out.stderr);
            assert!(!text.contains("panicked"), "byte {at} ^ {flip:#x}: {text}");
        }
    }
}
