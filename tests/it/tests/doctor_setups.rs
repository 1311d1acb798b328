//! Set-ups that are broken in ways that people meet: what the doctor says of each, in words, and that
//! the kernel agrees.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use it::entries::{compile, empty_dir, for_sve, program, put, qemu, rule};
use it::namespace::{expect, inside};
use it::{Lab, SUBJECTS};
use rustix::mount::{MountFlags, mount, mount_remount};

/// What is printed of a call, after a shell's `script`; its notes are left out.
fn doctor(script: &str, arguments: &[&str]) -> String {
    let own = Lab::open().anyarch.display().to_string();
    let script = format!("{script}\nexec \"$@\"");
    let mut command = Command::new("timeout");
    command.args(["-k", "1", "60", "bash", "-ec", &script, "bash", &own, "doctor"]).args(arguments);
    let out = command.output().expect("starts");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let ended = text.contains("nothing is wrong") || text.contains("--explain CODE says more");
    assert!(ended, "{text}{}", String::from_utf8_lossy(&out.stderr));
    text
}

/// The doctor finds `code`, with `words` among its evidence, and nothing else but `more`.
#[track_caller]
fn finds(text: &str, code: &str, words: &str, more: &[&str]) {
    let mut codes = Vec::new();
    let mut said = false;
    for line in text.lines() {
        if let Some((severity, rest)) = line.split_once('[')
            && let Some((found, _)) = rest.split_once(']')
            && ["error", "warning"].contains(&severity)
        {
            codes.push(found);
        }
        said |= line.contains(words) && codes.last() == Some(&code);
    }
    let others = codes.iter().filter(|c| **c != code && !more.contains(c)).count();
    assert!(codes.contains(&code) && said && others == 0, "{code} `{words}`:\n{text}");
    assert!(!text.contains("nothing is wrong"), "{text}");
}

#[track_caller]
fn healthy(text: &str) {
    assert!(text.contains("nothing is wrong") && !text.contains("E-VOLATILE"), "{text}");
}

/// The kernel's answer to executing `path`.
fn errno(path: &str) -> Option<i32> {
    let spawned = Command::new(path).stdout(std::process::Stdio::null()).spawn();
    match spawned {
        Ok(mut child) => {
            child.wait().expect("it ends");
            None
        }
        Err(e) => e.raw_os_error(),
    }
}

fn install() {
    expect(0, &["install", "--allow-volatile"]);
}

/// A directory, and a way to put files there.
fn directory(test: &str) -> (PathBuf, impl Fn(&str, &[u8], u32) -> String) {
    let dir = empty_dir(&format!("setup-{test}"));
    let at = dir.clone();
    (dir, move |name: &str, bytes: &[u8], mode: u32| put(&at.join(name), bytes, mode))
}

#[test]
fn nothing_is_registered() {
    inside("nothing_is_registered", |instance| {
        finds(&doctor("", &[]), "E-NOENTRY", "none of 0 entries matches", &[]);
        instance.register_line(b":jar:E::jar::/usr/bin/java:").expect("registered");
        finds(&doctor("", &[]), "E-NOENTRY", "none of 1 entries matches", &["W-PODMAN-PARSE"]);
        mount_remount(instance.dir(), MountFlags::RDONLY, "").expect("remounted");
        finds(&doctor("", &[]), "E-ROPROC", "ro", &["E-NOENTRY", "W-PODMAN-PARSE"]);
        mount_remount(instance.dir(), MountFlags::empty(), "").expect("remounted");
        expect(0, &["doctor", "--fix"]);
        assert!(doctor("", &[]).contains("nothing is wrong"));
    });
}

#[test]
fn files_that_are_no_programs() {
    inside("files_that_are_no_programs", |_| {
        install();
        let (_, put) = directory("no-programs");
        let whole = program("arm64");
        let mut object = whole.clone();
        object[16] = 1;
        let mut core = whole.clone();
        core[16] = 4;
        for (name, bytes, words) in [
            ("empty", &b""[..], "it is empty"),
            ("text", b"echo x\n", "a text without #!"),
            ("mark", b"\xef\xbb\xbf#!/bin/sh\n", "byte order mark"),
            ("zip", b"PK\x03\x04....", "begins with `PK"),
            ("header", &whole[..40], "within its ELF header"),
            ("tables", &whole[..70], "before its program headers"),
            ("cut", &whole[..whole.len() - 4], "it is cut off"),
            ("object", &object, "an object file"),
            ("core", &core, "a core dump"),
        ] {
            let path = put(name, bytes, 0o755);
            finds(&doctor("", &[&path]), "E-BADPROGRAM", words, &[]);
            // The emulator answers for what begins like a program.
            let started = ["header", "tables", "cut"].contains(&name);
            assert_eq!(errno(&path), (!started).then_some(libc::ENOEXEC), "{name}");
        }
        healthy(&doctor("", &[&put("whole", &whole, 0o755)]));
        let mut other = whole;
        other[18..20].copy_from_slice(&[0x34, 0x12]);
        let path = put("other", &other, 0o755);
        finds(&doctor("", &[&path]), "E-NOENTRY", "its architecture is unknown here", &[]);
        assert_eq!(errno(&path), Some(libc::ENOEXEC));
    });
}

#[test]
fn scripts_whose_interpreters_do_not_start() {
    inside("scripts_whose_interpreters_do_not_start", |_| {
        let (dir, put) = directory("scripts");
        let s390x = put("s390x", &program("s390x"), 0o755);
        let plain = put("plain", b"#!/bin/sh\n", 0o644);
        let long = format!("#!/{}\n", "bin/../".repeat(40));
        for (first, words, gives) in [
            ("#!/bin/sh\r\ntrue\r\n", r#"the kernel looks for "/bin/sh\r""#, Some(libc::ENOENT)),
            ("#!/usr/bin/env sh\r\n", r#"/usr/bin/env is given the argument "sh\r""#, None),
            ("#!\ntrue\n", "without an interpreter", Some(libc::ENOEXEC)),
            ("#!/nonexistent/sh\n", "/nonexistent/sh cannot be found", Some(libc::ENOENT)),
            ("#!/usr/bin/env no-such-program\n", "does not find no-such-program", None),
            (&long, "longer than 256 bytes", Some(libc::ENOEXEC)),
        ] {
            let path = put("script", first.as_bytes(), 0o755);
            finds(&doctor("", &[&path]), "E-BADSCRIPT", words, &[]);
            assert_eq!(errno(&path), gives, "{first:?}");
        }
        // What is wrong with the interpreter is said of the interpreter.
        let path = put("script", format!("#!{s390x}\n").as_bytes(), 0o755);
        finds(&doctor("", &[&path]), "E-NOENTRY", "it is a program for s390x", &[]);
        assert_eq!(errno(&path), Some(libc::ENOEXEC));
        let path = put("script", format!("#! {plain}\n").as_bytes(), 0o755);
        finds(&doctor("", &[&path]), "E-TARGETNOEXEC", "its mode is 644", &[]);
        assert_eq!(errno(&path), Some(libc::EACCES));
        for n in 0..6 {
            let of = dir.join(format!("chain{}", n + 1)).display().to_string();
            put(&format!("chain{n}"), format!("#!{of}\n").as_bytes(), 0o755);
        }
        put("chain6", b"#!/bin/sh\n", 0o755);
        let path = dir.join("chain0").display().to_string();
        finds(&doctor("", &[&path]), "E-BADSCRIPT", "ELOOP", &[]);
        assert_eq!(errno(&path), Some(libc::ELOOP));
        for good in ["#!/bin/sh\n", "#! /usr/bin/env\tsh\n", "#!/usr/bin/env -S sh -e\n"] {
            let path = put("script", good.as_bytes(), 0o755);
            healthy(&doctor("", &[&path]));
            assert_eq!(errno(&path), None, "{good:?}");
        }
    });
}

/// A security module is not to blame for them.
#[test]
fn what_is_there_is_no_file() {
    inside("what_is_there_is_no_file", |_| {
        let (dir, put) = directory("no-file");
        let at = |name: &str| dir.join(name).display().to_string();
        fs::create_dir(dir.join("directory")).expect("made");
        assert!(Command::new("mkfifo").arg(at("pipe")).status().is_ok_and(|s| s.success()));
        symlink("nothing", dir.join("dangling")).expect("linked");
        symlink("circle", dir.join("circle")).expect("linked");
        put("file", &program("arm64"), 0o755);
        for (path, words, gives) in [
            (at("directory"), "it is a directory", libc::EACCES),
            (at("pipe"), "it is a pipe", libc::EACCES),
            ("/dev/null".into(), "it is a device", libc::EACCES),
            (at("dangling"), "dangling is a link that leads to nothing", libc::ENOENT),
            (at("dangling/x"), "dangling is a link that leads to nothing", libc::ENOENT),
            (at("circle"), "its links lead in a circle", libc::ELOOP),
            (at("missing"), "there is no such file", libc::ENOENT),
            (at("file/x"), "a part of its path is no directory", libc::ENOTDIR),
        ] {
            finds(&doctor("", &[&path]), "E-TARGETNOEXEC", words, &[]);
            assert_eq!(errno(&path), Some(gives), "{path}");
        }
    });
}

/// Root without its rights over files, as an ordinary user is.
const NO_RIGHTS: &str = "set -- setpriv --bounding-set=-dac_override,-dac_read_search \
     --inh-caps=-dac_override,-dac_read_search \"$@\"";

#[test]
fn permissions_and_mounts() {
    inside("permissions_and_mounts", |instance| {
        let (dir, put) = directory("permissions");
        instance.register(&rule("arm64", &qemu("arm64"), "PF")).expect("registered");
        let unreadable = put("unreadable", &program("arm64"), 0o111);
        let text = doctor(NO_RIGHTS, &[&unreadable]);
        finds(&text, "E-TARGETNOEXEC", "cannot be read here", &["E-TARGETNOEXEC", "W-NOCRED"]);
        put("closed/program", &program("arm64"), 0o755);
        let none = fs::Permissions::from_mode(0o0);
        fs::set_permissions(dir.join("closed"), none).expect("closed");
        let path = dir.join("closed/program").display().to_string();
        let text = doctor(NO_RIGHTS, &[&path]);
        finds(&text, "E-TARGETNOEXEC", "may not be searched", &["W-NOCRED"]);
        expect(0, &["uninstall", "--force", "qemu-aarch64"]);
        install();
        let mounted = dir.join("mounted");
        fs::create_dir(&mounted).expect("made");
        let flags = MountFlags::NOEXEC | MountFlags::NOSUID;
        mount("tmpfs", &mounted, "tmpfs", flags, None).expect("mounted");
        let path = put("mounted/program", &program("arm64"), 0o4755);
        finds(&doctor("", &[&path]), "E-TARGETNOEXEC", "option noexec", &["E-TARGETNOSUID"]);
        assert_eq!(errno(&path), Some(libc::EACCES));
    });
}

#[test]
fn entries_that_are_not_the_ones_one_thinks() {
    inside("entries_that_are_not_the_ones_one_thinks", |instance| {
        let (dir, put) = directory("entries");
        let path = put("program", &program("arm64"), 0o755);
        // Disabled: to be enabled, not to be installed.
        install();
        instance.set_enabled("qemu-aarch64", false).expect("written");
        let text = doctor("", &[&path]);
        finds(&text, "E-DISABLED", "the entry qemu-aarch64 would take it", &[]);
        assert!(text.contains("fix: anyarch enable qemu-aarch64") && !text.contains("E-NOENTRY"));
        assert_eq!(errno(&path), Some(libc::ENOEXEC));
        expect(0, &["doctor", "--fix", &path]);
        healthy(&doctor("", &[&path]));
        // One with a short magic, and one by the name's end, come first. What has the first bytes of
        // native programs would be theirs as well.
        instance.register_line(b":any:M:18:\\xb7\\x00::/bin/true:").expect("registered");
        let text = doctor("", &[&path]);
        finds(&text, "E-SHADOWED", "any", &["E-NOFLAGF", "W-NOCRED", "W-NOARGV0", "E-DYNINTERP"]);
        assert_eq!(Command::new(&path).status().expect("starts").code(), Some(0));
        instance.unregister("any").expect("removed");
        instance.register_line(b":end:E::bin::/bin/true:").expect("registered");
        let named = put("program.bin", &program("arm64"), 0o755);
        let text = doctor("", &[&named]);
        finds(&text, "E-SHADOWED", "the entry end gives it to /bin/true", &["W-PODMAN-PARSE"]);
        instance.unregister("end").expect("removed");
        // The interpreter was deleted, and is not held.
        expect(0, &["uninstall"]);
        let copy = dir.join("qemu");
        it::copy_program(Path::new(&qemu("arm64")), &copy);
        let rule = rule("arm64", &copy.display().to_string(), "POC");
        instance.register(&rule).expect("registered");
        fs::remove_file(&copy).expect("removed");
        finds(&doctor("", &[&path]), "E-INTERPMISSING", "there is no", &[]);
        assert_eq!(errno(&path), Some(libc::ENOENT));
    });
}

#[test]
fn roots_that_lack_something() {
    inside("roots_that_lack_something", |_| {
        install();
        let (dir, put) = directory("roots");
        let root = dir.join("root").display().to_string();
        let dynamic = fs::read(Lab::open().root().join("usr/bin/true")).expect("read");
        put("root/bin/sh", &dynamic, 0o755);
        let call = ["--rootfs", root.as_str()];
        finds(&doctor("", &call), "E-GUESTLDSO", "lacks", &[]);
        symlink("usr/lib", dir.join("root/lib")).expect("linked");
        finds(&doctor("", &call), "E-GUESTLDSO", "/lib is a link that leads to nothing", &[]);
        fs::create_dir_all(dir.join("root/usr/lib")).expect("made");
        let name = "root/usr/lib/ld-linux-aarch64.so.1";
        put(name, b"", 0o755);
        finds(&doctor("", &call), "E-BADPROGRAM", "needs it as its loader", &[]);
        let loader = fs::read(Lab::open().root().join("lib/ld-linux-aarch64.so.1")).expect("read");
        put(name, &loader[..loader.len() / 2], 0o755);
        finds(&doctor("", &call), "E-BADPROGRAM", "it is cut off", &[]);
        put(name, &fs::read("/bin/true").expect("read"), 0o755);
        finds(&doctor("", &call), "E-WRONGARCH", "its loader", &[]);
        put(name, &loader, 0o755);
        healthy(&doctor("", &call));
        // A link out of the root is one to nothing.
        fs::remove_file(dir.join("root/bin/sh")).expect("removed");
        symlink("/bin/true-in-no-root", dir.join("root/bin/sh")).expect("linked");
        assert!(doctor("", &call).contains("has no /bin/sh"));
        fs::remove_file(dir.join("root/bin/sh")).expect("removed");
        put("root/bin/sh", &program("s390x"), 0o755);
        finds(&doctor("", &call), "E-NOENTRY", "it is a program for s390x", &[]);
    });
}

#[test]
fn variables_and_limits() {
    inside("variables_and_limits", |_| {
        install();
        for (setting, words) in [
            ("QEMU_CPU=nonsense", "unknown processor nonsense"),
            ("QEMU_CPU=max,aarch64=off", "aarch64=off"),
            ("QEMU_GDB=1234", "QEMU_GDB cannot be done"),
            ("QEMU_STACK_SIZE=much", "no number of bytes"),
            ("QEMU_LOG=nonsense", "does not know `nonsense`"),
        ] {
            let text = doctor(&format!("export {setting}"), &[]);
            finds(&text, "E-ENVIRONMENT", words, &[]);
        }
        let text = doctor("export QEMU_CPU=max,sve=on,pauth-impdef=on", &[]);
        assert!(text.contains("note[E-ENVIRONMENT] QEMU_CPU") && text.contains("sve=on"), "{text}");
        assert!(!text.contains("impdef=on:") && text.contains("nothing is wrong"), "{text}");
        finds(&doctor("ulimit -d 1000", &[]), "E-LIMITS", "RLIMIT_DATA (ulimit -d)", &[]);
        // None of ours is bounded by these.
        healthy(&doctor("ulimit -f 1; ulimit -l 0; ulimit -s 256", &["--arch", "arm64"]));
    });
}

#[test]
fn programs_for_sve() {
    inside("programs_for_sve", |_| {
        install();
        let (dir, _) = directory("sve");
        let root = Lab::open().root().display().to_string();
        let path = for_sve(&dir, "armv8.2-a+sve");
        // (Its loader is not on this machine.)
        let more = ["E-GUESTLDSO", "E-WRONGARCH"];
        finds(&doctor("", &[&path]), "W-NOSVE", "instructions like PTRUE", &more);
        let text = doctor("", &[&for_sve(&dir, "armv8-a")]);
        assert!(text.contains("E-GUESTLDSO") && !text.contains("W-NOSVE"), "{text}");
        // A C library has some, for processors that have them.
        let source = "#include <stdio.h>\nint main(void) { puts(\"x\"); }";
        healthy(&doctor("", &[&compile(&SUBJECTS[0].compiler(), &dir, "static", source)]));
        healthy(&doctor("", &["/usr/bin/bash", "--rootfs", &root]));
    });
}

/// That the entries last no longer than the namespace is said where all is asked about.
#[test]
fn notes_are_for_those_who_ask() {
    inside("notes_are_for_those_who_ask", |_| {
        install();
        let (_, put) = directory("notes");
        assert!(doctor("", &[]).contains("note[E-VOLATILE]"));
        healthy(&doctor("", &[&put("program", &program("arm64"), 0o755)]));
        healthy(&doctor("", &["--arch", "arm64"]));
    });
}
