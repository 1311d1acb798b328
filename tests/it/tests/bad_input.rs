//! Bad input gives one clear line and the shell's exit code, never a panic or a signal.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use it::{Lab, SUBJECTS, Subject, foreign};

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
        it::place_program(&path, bytes);
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
        self.complains(&[&program.display().to_string()], code, words);
    }
    /// Runs us with `arguments`: exactly one line must say what is wrong.
    #[track_caller]
    fn complains(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let out = Command::new("timeout")
            .arg("20")
            .arg(&self.lab.anyarch)
            .args(arguments)
            .output()
            .expect("starts");
        let text = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.starts_with("error: "), "{arguments:?}: {text}");
        let errors = text.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!(errors, 1, "{arguments:?}: {text}");
        for word in words {
            assert!(text.contains(word), "{arguments:?}: `{word}` is missing from: {text}");
        }
    }
    fn good(&self) -> Vec<u8> {
        fs::read(self.lab.root().join("usr/bin/true")).expect("the root has /usr/bin/true")
    }
}

#[test]
fn a_mistyped_command_is_recognised() {
    let c = Case::new("mistyped");
    c.complains(&["instal"], 127, &["instal: No such file", "did you mean `anyarch install`?"]);
    c.complains(&["statsu", "x"], 127, &["did you mean `anyarch status`?"]);
}

/// A static program linked at `address`.
fn linked_at(c: &Case, name: &str, address: &str) -> PathBuf {
    let (source, program) = (c.dir.join("hello.c"), c.dir.join(name));
    fs::write(&source, "#include <stdio.h>\nint main(void) { puts(\"hi\"); return 3; }\n")
        .expect("written");
    let out = Command::new(SUBJECTS[0].compiler())
        .args(["-static", &format!("-Wl,-Ttext-segment={address}"), "-o"])
        .args([&program, &source])
        .output()
        .expect("the cross compiler starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    program
}

#[test]
fn files_that_are_no_programs() {
    let c = Case::new("bad");
    c.refused(&c.dir.join("missing"), 127, &["missing", "No such file"]);
    c.refused(&c.dir, 126, &["directory"]);
    c.refused(Path::new("/dev/null"), 126, &["/dev/null", "not a regular file"]);
    c.refused(&c.file("empty", b""), 126, &["empty", "help: "]);
    c.refused(&c.file("text", b"hello world, this is not a program at all\n"), 126, &["text"]);
    let plain = c.file("plain", &c.good());
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o644)).expect("permissions set");
    c.refused(&plain, 126, &["execut", "chmod +x"]);
}

#[test]
fn scripts_are_named_with_their_interpreter() {
    let c = Case::new("scripts");
    let missing = c.file("missing", b"#!/nonexistent/interpreter -x\n");
    c.refused(&missing, 127, &["scripts/missing: ", "/nonexistent/interpreter", "help: "]);
    let host = c.file("host", b"#!/bin/sh\n");
    c.refused(&host, 126, &["scripts/host: ", "/bin/sh", "x86-64", "help: "]);
    let again = c.dir.join("again");
    let text = format!("#!{}\n", again.display());
    c.refused(&c.file("again", text.as_bytes()), 126, &["again"]);
    c.refused(&c.file("nothing", b"#!\n"), 126, &["nothing"]);
}

#[test]
fn truncated_and_wrong_machine() {
    let c = Case::new("truncated");
    let good = c.good();
    for len in [4, 16, 20, 63, 64, 100, 200] {
        c.refused(&c.file("cut", &good[..len]), 126, &["cut", "help: "]);
    }
    let machines: [(u8, u8, &str); 6] = [
        (62, 2, "without anyarch"),
        (21, 2, "powerpc64"),
        (40, 1, "32-bit"),
        (3, 1, "32-bit"),
        (22, 2, "s390x"),
        (75, 2, "machine 75"),
    ];
    for (machine, class, word) in machines {
        let mut other = good.clone();
        (other[18], other[4]) = (machine, class);
        c.refused(&c.file("other", &other), 126, &["other", word, "help: "]);
    }
}

/// A program of `guest` without a library, compiled with `options`.
fn freestanding(c: &Case, guest: &Subject, name: &str, options: &[&str]) -> PathBuf {
    let (source, program) = (c.dir.join("bare.c"), c.dir.join(format!("{name}.{}", guest.name)));
    fs::write(&source, "void _start(void) { for (;;); }\n").expect("written");
    let out = Command::new(guest.compiler())
        .args(["-static", "-nostdlib", "-ffreestanding"])
        .args(options)
        .arg("-o")
        .args([&program, &source])
        .output()
        .expect("the cross compiler starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    program
}

#[test]
fn programs_of_other_kinds_of_a_guest() {
    let c = Case::new("kinds");
    for guest in foreign() {
        // An object file, and a program whose numbers are big-endian.
        let object = fs::read(freestanding(&c, guest, "unlinked", &["-c"])).expect("read");
        c.refused(
            &c.file("object", &object),
            126,
            &["object", "an object file (.o)", "link it first"],
        );
        let good = fs::read(freestanding(&c, guest, "good", &[])).expect("read");
        let mut big = good.clone();
        big[5] = 2;
        for at in [16, 18] {
            big.swap(at, at + 1);
        }
        c.refused(&c.file("big", &big), 126, &["big", "big-endian", "help: "]);
        let mut core = good;
        core[16] = 4;
        c.refused(&c.file("core", &core), 126, &["core", "a core dump"]);
    }
}

/// Programs for processors of 32 bits, and for those with 16 registers.
#[test]
fn programs_of_smaller_processors() {
    let c = Case::new("smaller");
    let guest = subjects::find("riscv64").expect("it is tested");
    for (architecture, abi) in [("rv32imac_zicsr", "ilp32"), ("rv32e", "ilp32e")] {
        let options = [format!("-march={architecture}"), format!("-mabi={abi}")];
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        let linked = [&options[..], &["-Wl,-melf32lriscv"]].concat();
        let program = freestanding(&c, guest, architecture, &linked);
        c.refused(&program, 126, &[architecture, "a 32-bit ELF file", "help: "]);
    }
    let good = fs::read(freestanding(&c, guest, "good", &[])).expect("read");
    let mut few = good.clone();
    few[48] |= 8;
    c.refused(&c.file("few", &few), 126, &["few", "RV64E", "16 registers"]);
    // Linux asks for the class, other than on arm64.
    let mut class = good;
    class[4] = 1;
    c.refused(&c.file("class", &class), 126, &["class", "a 32-bit ELF file", "help: "]);
}

#[test]
fn processors_that_do_not_exist() {
    let c = Case::new("processors");
    for guest in foreign() {
        let program = freestanding(&c, guest, "program", &[]).display().to_string();
        let wrong = [
            ("z80", "unknown processor z80; there are"),
            ("max,+xyzzy", "xyzzy"),
            ("max,-xyzzy", "xyzzy"),
            ("max,xyzzy=on", "xyzzy"),
            ("max,xyzzy", "xyzzy is neither +FEATURE nor -FEATURE nor NAME=VALUE"),
            ("max,+", "the name of a feature is missing"),
            ("max,aes=perhaps", "aes"),
        ];
        for (cpu, words) in wrong {
            c.complains(&["-cpu", cpu, &program], 2, &[words]);
        }
    }
}

/// What a processor has otherwise than it was asked for is said, and the program runs.
#[test]
fn processors_with_other_vectors() {
    let c = Case::new("vectors");
    let guest = subjects::find("riscv64").expect("it is tested");
    let program = freestanding(&c, guest, "program", &[]);
    let out = Command::new("timeout")
        .arg("1")
        .arg(&c.lab.anyarch)
        .args(["-cpu", "max,vlen=256,elen=64,+h"])
        .arg(&program)
        .output()
        .expect("starts");
    let text = String::from_utf8_lossy(&out.stderr);
    let expected = [
        "warning: -cpu +h: its instructions are not there, and raise SIGILL",
        "warning: -cpu vlen=256: it stays 128",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    assert_eq!(out.status.code(), Some(124), "it runs until it is ended");
}

#[test]
fn a_missing_loader_is_named_with_a_way_out() {
    let c = Case::new("loader");
    let program = c.file("dynamic", &c.good());
    c.refused(&program, 127, &["ld-linux-aarch64.so.1", "-L", "libc6:arm64"]);
    // One that is there, but wrong.
    let lib = c.dir.join("lib");
    fs::create_dir_all(&lib).expect("made");
    it::copy_program(Path::new("/bin/true"), &lib.join("ld-linux-aarch64.so.1"));
    let prefix = c.dir.display().to_string();
    let path = program.display().to_string();
    c.complains(&["-L", &prefix, &path], 126, &["ld-linux-aarch64.so.1", "x86-64"]);
    c.complains(&["-L", "/nonexistent", &path], 127, &["is /nonexistent a root"]);
}

#[test]
fn a_file_that_ends_within_a_segment() {
    let c = Case::new("short");
    let program = linked_at(&c, "whole", "0x400000");
    let good = fs::read(program).expect("read");
    let out = c.run(&c.file("short", &good[..0x1000]));
    // Its code is missing: natively a bus error too, unless it is refused.
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(!text.contains("panicked"), "{text}");
    assert_ne!(out.status.code(), Some(3));
    // Whose last page has to be cleared, but is not there.
    c.refused(&c.file("dynamic", &c.good()[..5000]), 127, &["-L"]);
    let root = c.lab.root().display().to_string();
    let path = c.dir.join("dynamic").display().to_string();
    c.complains(&["-L", &root, &path], 126, &["dynamic", "truncated", "help: "]);
}

#[test]
fn programs_linked_where_we_are() {
    let c = Case::new("linked");
    // Without randomisation our own binary is here.
    let ours = linked_at(&c, "ours", "0x7ffff7c00000");
    let run = |program: &Path| {
        let mut command = Command::new("setarch");
        command.arg("-R").arg(&c.lab.anyarch).arg(program);
        command.output().expect("setarch starts")
    };
    let out = run(&ours);
    let text = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(126), "{text}");
    assert!(text.starts_with("error: ") && text.contains("the emulator itself"), "{text}");
    assert!(text.contains("help: "), "{text}");
    // Here is the stack: it can be elsewhere.
    let stack = linked_at(&c, "stack", "0x7c7fffff0000");
    let out = run(&stack);
    let text = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(3), "{text}");
}

#[test]
fn memory_that_does_not_suffice() {
    let c = Case::new("memory");
    let program = linked_at(&c, "program", "0x400000");
    let (mut refused, mut ran) = (0, 0);
    for kilobytes in (6_000..30_000).step_by(500) {
        let script = format!("ulimit -v {kilobytes}; exec \"$@\"");
        let out = Command::new("sh")
            .args(["-c", &script, "sh"])
            .arg(&c.lab.anyarch)
            .arg(&program)
            .output()
            .expect("sh starts");
        let text = String::from_utf8_lossy(&out.stderr);
        match out.status.code() {
            Some(3) => ran += 1,
            // Not even the kernel could start us.
            _ if text.is_empty() => refused += 1,
            code => {
                assert_eq!(code, Some(126), "{kilobytes} KiB: {text}");
                assert!(text.starts_with("error: "), "{kilobytes} KiB: {text}");
                assert!(text.contains("ulimit -v"), "{kilobytes} KiB: {text}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && ran > 0, "{refused} refused, {ran} ran");
}

#[test]
fn wrong_command_lines() {
    let c = Case::new("lines");
    let root = c.lab.root().display().to_string();
    let root = root.as_str();
    c.complains(&["--bogus", "x"], 2, &["--bogus"]);
    c.complains(&["-L"], 2, &["-L needs a value"]);
    c.complains(&["-strace"], 2, &["no program"]);
    c.complains(&["--dump", "bogus", "x"], 2, &["bogus", "stats"]);
    c.complains(&["-E", "A=1,B", "x"], 2, &["`B` is no NAME=VALUE"]);
    c.complains(&["-U", "A=1", "x"], 2, &["`A=1` is no variable's name"]);
    c.complains(&["-cpu", "", "x"], 2, &["the processor's name is missing"]);
    c.complains(&["run"], 2, &["--root"]);
    c.complains(&["run", "--root", "/nonexistent"], 125, &["/nonexistent", "help: "]);
    c.complains(&["run", "--root", "/bin/true"], 125, &["/bin/true is not a directory"]);
    let empty = c.dir.join("empty");
    fs::create_dir_all(&empty).expect("made");
    c.complains(&["run", "--root", &empty.display().to_string()], 127, &["/bin/sh: not found"]);
    let inside: [(&[&str], i32, &str); 15] = [
        (&["--", "/bin/nonexistent"], 127, "not found inside the root"),
        (&["--", "nonexistent"], 127, "nonexistent: not found"),
        (&["--", "/etc"], 126, "Is a directory"),
        (&["--", "/etc/passwd"], 126, "no permission to execute it"),
        (&["--workdir", "/nonexistent", "--", "true"], 125, "working directory /nonexistent"),
        (&["--volume", "/nonexistent", "--", "true"], 125, "cannot use /nonexistent"),
        (&["--volume", "/tmp:tmp", "--", "true"], 2, "does not start with /"),
        (&["--volume", "/tmp:/tmp:rx", "--", "true"], 2, "neither ro nor rw"),
        (&["--volume", "/tmp:/tmp:ro:x", "--", "true"], 2, "more than three parts"),
        (&["--env", "=x", "--", "true"], 2, "the name is missing"),
        (&["--env", "", "--", "true"], 2, "the name is missing"),
        // Names that mean something to us.
        (&["--no-binfmt", "--", "status"], 127, "status: not found inside the root"),
        (&["--no-binfmt", "--", "-strace", "/bin/true"], 127, "-strace: not found inside the root"),
        (&["--no-binfmt", "--", "-x/true"], 127, "-x/true: No such file"),
        (&["--interpreter", "/nonexistent", "--", "true"], 125, "interpreter /nonexistent"),
    ];
    for (options, code, word) in inside {
        c.complains(&[&["run", "--root", root], options].concat(), code, &[word]);
    }
}

/// Where nobody reads, or nothing can be written.
#[test]
fn output_that_fails() {
    let c = Case::new("output");
    for words in ["doctor", "status", "status --json", "completions bash", "-cpu help", "-help"] {
        let run = |output: std::process::Stdio| {
            let mut call = Command::new(&c.lab.anyarch);
            call.args(words.split(' ')).stdout(output);
            call.output().expect("starts")
        };
        let full = fs::File::options().write(true).open("/dev/full").expect("there");
        let out = run(full.into());
        assert_eq!(
            String::from_utf8_lossy(&out.stderr),
            "error: cannot write to standard output\n\
             caused by: No space left on device (os error 28)\n",
            "{words}"
        );
        assert_eq!(out.status.code(), Some(1), "{words}");
        let (reader, writer) = std::io::pipe().expect("made");
        drop(reader);
        let out = run(writer.into());
        use std::os::unix::process::ExitStatusExt as _;
        let ended = out.status.signal() == Some(13) || out.status.code() == Some(128 + 13);
        assert!(ended && out.stderr.is_empty(), "{words}: {}", it::outcome(&out));
    }
}

/// Bytes that are no text reach the command as they are.
#[test]
fn arguments_of_run_may_be_any_bytes() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let c = Case::new("bytes");
    let name = OsStr::from_bytes(b"dir\xff");
    fs::create_dir_all(c.dir.join(name)).expect("made");
    fs::write(c.dir.join(name).join("file"), "shared").expect("written");
    let volume = [c.dir.join(name).as_os_str().as_bytes(), b":/mnt"].concat();
    for mode in [&[][..], &["--no-binfmt"]] {
        let out = Command::new(&c.lab.anyarch)
            .args(["run", "--root"])
            .arg(c.lab.root())
            .arg("--volume")
            .arg(OsStr::from_bytes(&volume))
            .arg("--env")
            .arg(OsStr::from_bytes(b"A=\xfe=\xff"))
            .args(mode)
            .args(["--", "/bin/sh", "-c", "printf %s \"$A\" \"$1\"; cat /mnt/file", "sh"])
            .arg(OsStr::from_bytes(b"\xfd"))
            .output()
            .expect("starts");
        assert_eq!(out.stdout, b"\xfe=\xff\xfdshared", "{}", it::outcome(&out));
    }
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
