//! gdb in a root of each guest says of a guest's program what gdb says natively of the native one, and
//! the program lives on: tests/debugger has the program and the sessions.

use std::fs;
use std::path::Path;
use std::process::Command;

use it::{Lab, Subject, assert_none, chosen};

/// How many times gdb attaches to each of the two programs.
const TURNS: usize = 10;

/// What a guest's gdb says where it lacks a feature on its own kernel as well.
const LACKING: &str = "is not supported on this architecture yet";

#[test]
fn sessions_are_as_native_ones() {
    let lab = Lab::open();
    let native_root = lab.fixtures.join(subjects::NATIVE_DEBUGGER);
    let native =
        Place { root: &native_root, compiler: "gcc", triple: "x86_64-linux-gnu", options: &[] };
    let native = native.sessions(&lab, 1);
    assert!(native.iter().any(|s| s.title == "static: start" && s.text.contains("SIGSEGV")));
    let failures: Vec<String> =
        chosen().iter().flat_map(|guest| differing(&lab, guest, &native)).collect();
    assert_none(&failures, chosen().len() * 2 * TURNS);
}

/// The sessions of a guest that differ from the native ones.
fn differing(lab: &Lab, guest: &Subject, native: &[Session]) -> Vec<String> {
    let root = lab.fixtures.join(guest.debugger());
    let place = Place {
        root: &root,
        compiler: &guest.compiler(),
        triple: guest.triple,
        options: if guest.is_hosts() { &["--emulate"] } else { &[] },
    };
    let ours = place.sessions(lab, TURNS);
    let mut failures = Vec::new();
    for theirs in native {
        let same: Vec<_> = ours.iter().filter(|s| s.title == theirs.title).collect();
        let expected = if theirs.title.ends_with("attach") { TURNS } else { 1 };
        if same.len() != expected {
            let (name, count, title) = (guest.name, same.len(), &theirs.title);
            failures.push(format!("{name}: {count} sessions of {title}, not {expected}: {ours:?}"));
        }
        for session in same {
            if session.text != theirs.text && !session.text.contains(LACKING) {
                failures.push(format!(
                    "{}: {}\n--- native\n{}--- {}\n{}",
                    guest.name, theirs.title, theirs.text, guest.name, session.text
                ));
            }
        }
    }
    failures
}

/// What one session printed, without what differs between machines.
#[derive(Debug)]
struct Session {
    title: String,
    text: String,
}

/// Where sessions are held.
struct Place<'a> {
    root: &'a Path,
    compiler: &'a str,
    triple: &'a str,
    /// Of `anyarch run`.
    options: &'a [&'a str],
}

impl Place<'_> {
    /// Builds the programs and runs all sessions in the root.
    fn sessions(&self, lab: &Lab, turns: usize) -> Vec<Session> {
        let dir = lab.scratch(&format!("debugger-{}{}", self.triple, self.options.concat()));
        let source = lab.tree.join("tests/debugger");
        for file in fs::read_dir(&source).expect("it is in the tree").filter_map(Result::ok) {
            fs::copy(file.path(), dir.join(file.file_name())).expect("copied");
        }
        for (name, option) in [("dynamic", "-pie"), ("static", "-static")] {
            let mut command = Command::new(self.compiler);
            let options = ["-g", "-O0", option, "-pthread", "-o", name, "debugged.c"];
            command.current_dir(&dir).args(options);
            // Where it is compiled is not what differs.
            command.arg(format!("-fdebug-prefix-map={}=/sessions", dir.display()));
            let compiled = command.status().is_ok_and(|status| status.success());
            assert!(compiled, "{}", self.compiler);
        }
        let volume = format!("{}:/sessions", dir.display());
        let options = [&["--volume", &volume], self.options].concat();
        let words = ["/bin/bash", "/sessions/sessions.sh", "/sessions", &turns.to_string()];
        let out = lab.run(self.root, &options, &words).output().expect("starts");
        let text = String::from_utf8_lossy(&out.stdout);
        text.split("=== ")
            .skip(1)
            .filter_map(|session| session.split_once('\n'))
            .map(|(title, text)| Session {
                title: title.to_owned(),
                text: comparable(text, self.triple),
            })
            .collect()
    }
}

/// Output without addresses, ids, and names of an architecture or its libraries' inside.
fn comparable(text: &str, triple: &str) -> String {
    let mut all = String::new();
    for line in text.lines() {
        let line = without_numbers(&line.replace(triple, "TRIPLE"))
            .replace("Hardware watchpoint", "Watchpoint");
        // How deep a library's functions call each other, how programs are compiled and what of the
        // host's pages is in no file: nothing that gdb finds out by the kernel's help.
        let elsewhere = line.contains("Producer is") || line.contains("Memory read failed");
        let inside = line.starts_with('#') && !line.contains(" at debugged.c:");
        if !elsewhere && !inside {
            // (Columns are as wide as the longest id.)
            let words: Vec<_> = without_library(&line).split_whitespace().collect();
            all += &words.join(" ");
            all.push('\n');
        }
    }
    all
}

/// A line up to a place in code that has no source.
fn without_library(line: &str) -> &str {
    let library = line.ends_with("()") || line.contains(" from /lib");
    match line.rfind("0x") {
        Some(at) if library => &line[..at],
        _ => line,
    }
}

/// A line whose addresses, numbers of frames, processes and calls are left out.
fn without_numbers(line: &str) -> String {
    const BEFORE: [&str; 5] = ["0x", "#", "LWP ", "process ", "' ["];
    let mut left = line;
    let mut kept = String::new();
    while let Some(at) = BEFORE.iter().filter_map(|b| Some(left.find(b)? + b.len())).min() {
        kept += &left[..at];
        left = left[at..].trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    kept + left
}

#[test]
fn what_differs_between_machines_is_left_out() {
    let text = "#1  0x0000558ff0c22221 in nested (depth=0) at debugged.c:18\n\
        #0  0x00007f8d94a7e72e in ?? () from /lib/x86_64-linux-gnu/libc.so.6\n\
        * 1    Thread 0x7f8d949e1740 (LWP 3) \"n\" innermost (depth=0) at debugged.c:14\n\
        Catchpoint 1 (syscall 'clock_nanosleep' [230])\n\
        0x0000000000443330 in clock_nanosleep ()\n\
        $1 = 201\n";
    let expected = "# 0x in nested (depth=0) at debugged.c:18\n\
        * 1 Thread 0x (LWP ) \"n\" innermost (depth=0) at debugged.c:14\n\
        Catchpoint 1 (syscall 'clock_nanosleep' [])\n\
        \n\
        $1 = 201\n";
    assert_eq!(comparable(text, "x86_64-linux-gnu"), expected);
}
