//! What the kernel does with registrations: the facts on which the registrar and the doctor stand.
//! Each test runs in a private namespace; our parser must agree with the kernel's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use binfmt::{Flags, Instance, Rule};
use it::entries::{empty_dir, program, put, qemu, rule};
use it::namespace::{expect, inside};

/// Exit code of the program, or the errno of executing it, negative.
fn execute(path: &str) -> i32 {
    match Command::new(path).env_clear().stderr(std::process::Stdio::null()).status() {
        Ok(status) => status.code().unwrap_or_else(|| 1000 + status.signal().unwrap_or(0)),
        Err(e) => -e.raw_os_error().unwrap_or(0),
    }
}

/// Registers `line`; 0, or the errno. Removes it again.
fn answer(instance: &Instance, line: &[u8]) -> i32 {
    match instance.register_line(line) {
        Ok(()) => {
            instance.clear().expect("cleared");
            0
        }
        Err(e) => e.errno().expect("the kernel's answer"),
    }
}

const EINVAL: i32 = libc::EINVAL;

#[test]
fn syntax_of_a_registration() {
    inside("syntax_of_a_registration", |instance| {
        let dir = empty_dir("kernel-syntax");
        let script = put(&dir.join("script"), b"#!/bin/sh\n", 0o755);
        let plain = put(&dir.join("plain"), b"", 0o644);
        let mounted = empty_dir("kernel-syntax-noexec");
        let noexec = rustix::mount::MountFlags::NOEXEC;
        rustix::mount::mount("tmpfs", &mounted, "tmpfs", noexec, None).expect("mounted");
        let noexec = put(&mounted.join("program"), b"#!/bin/sh\n", 0o755);
        let of = |interpreter: &str, flags: &str| format!(":a:M::b::{interpreter}:{flags}");
        let long = |len: usize| {
            let fixed = ":a:M::b::/:".len();
            of(&format!("/{}", "x".repeat(len - fixed)), "")
        };
        let named = |name: &str| format!(":{name}:M::b::/x:");
        let m256 = "\\x41".repeat(256);
        let cases: Vec<(String, i32)> = vec![
            (":a:M::b::/".into(), EINVAL), // 10 bytes
            (":a:M::b::/:".into(), 0),
            (long(1920), 0),
            (long(1921), EINVAL),
            ("|a|M||b||/x|".into(), 0),
            ("PaPMPPbPP/xP".into(), EINVAL),
            (named(""), EINVAL),
            (named("."), EINVAL),
            (named(".."), EINVAL),
            (named("x/y"), EINVAL),
            (named("register"), libc::EEXIST),
            (named("status"), libc::EEXIST),
            (named(&"n".repeat(255)), 0),
            (named(&"n".repeat(256)), libc::ENAMETOOLONG),
            (":a:E::jar::/x:".into(), 0),
            (":a:Q::jar::/x:".into(), EINVAL),
            (":a:E::a/b::/x:".into(), EINVAL),
            (":a:E::::/xyz:".into(), EINVAL),
            (":a:M:0x10:b::/x:".into(), EINVAL),
            (":a:M:-1:b::/x:".into(), EINVAL),
            (":a:M:254:bc::/x:".into(), 0),
            (":a:M:255:bc::/x:".into(), EINVAL),
            (format!(":a:M::{m256}::/x:"), 0),
            (format!(":a:M::{m256}a::/x:"), EINVAL),
            (":a:M::::/xyz:".into(), EINVAL),
            (":a:M::b:\\xff:/x:".into(), 0),
            (":a:M::b:\\xff\\xff:/x:".into(), EINVAL),
            (":a:M::\\xg0::/x:".into(), EINVAL),
            (":a:M::bbb:::".into(), EINVAL),
            (of("/nonexistent", ""), 0),
            (of("relative/path", ""), 0),
            (of(&noexec, "F"), libc::EACCES),
            (of("/nonexistent", "F"), libc::ENOENT),
            (of("/tmp", "F"), libc::EACCES),
            (of(&plain, "F"), libc::EACCES),
            (of(&script, "F"), 0),
            (of("/xyz", "Q"), EINVAL),
            (of("/bin/true", "FCOP"), 0),
            (of("/xyz", "\n"), 0),
            (of("/xyz", "\n\n"), EINVAL),
            (":a:M::b::/xyz".into(), EINVAL),
        ];
        for (line, expected) in cases {
            let got = answer(&instance, line.as_bytes());
            assert_eq!(got, expected, "{}", &line[..line.len().min(80)]);
            // Ours refuses what the kernel refuses for its syntax, and nothing else.
            let syntax = [EINVAL, libc::EEXIST, libc::ENAMETOOLONG].contains(&expected);
            assert_eq!(Rule::parse(line.as_bytes()).is_err(), syntax, "{line}");
        }
        // An existing name.
        instance.register_line(b":a:M::b::/xyz:").expect("registered");
        let again = instance.register_line(b":a:M::c::/xyz:").expect_err("refused");
        assert_eq!(again.errno(), Some(libc::EEXIST));
        instance.clear().expect("cleared");
        // Half a registration is none.
        assert_eq!(answer(&instance, b":aaaaaaa:M::b"), EINVAL);
        // A raw NUL ends the magic.
        instance.register_line(b":a:M::M\0Z::/xyz:").expect("registered");
        let text = fs::read_to_string(instance.dir().join("a")).expect("read");
        assert!(text.ends_with("magic 4d\n"), "{text}");
        // Newer flags are invalid before their time.
        instance.clear().expect("cleared");
        for flag in ["T", "L", "D"] {
            let known = binfmt::Kernel::of_flag(flag.chars().next().expect("a letter"));
            let new = known.is_some_and(|since| binfmt::Kernel::running() >= since);
            let got = answer(&instance, of("/xyz", flag).as_bytes());
            assert_eq!(got == EINVAL, !new, "{flag}: {got}");
        }
    });
}

/// Random lines: what our parser takes is what the kernel takes.
#[test]
fn our_parser_agrees_with_the_kernel() {
    inside("our_parser_agrees_with_the_kernel", |instance| {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut below = |n: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % n as u64) as usize
        };
        let seeds = [
            ":a:M::bcdef::/xyz:",
            ":a:M:12:\\x7fELF:\\xff\\xff\\xff\\xff:/bin/sh:POC",
            ":a:E::jar::/xyz:",
            "|a|M|0|ab|\\x00\\xff|/bin/true|F",
            ":a:E:9:\\xq:\\x:/x:\n",
            ",a,M,,\\x2c,,/bin/a:b,",
        ];
        let words = [
            ":", "\n", "\\x", "\\", "x", "M", "E", "P", "F", "/", "..", "register", "255", "-",
            "a", " ",
        ];
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..20_000 {
            let mut line = seeds[below(seeds.len())].as_bytes().to_vec();
            for _ in 0..below(4) {
                let at = below(line.len() + 1);
                match below(5) {
                    0 => line.truncate(at),
                    1 if at < line.len() => line[at] = b' ' + below(95) as u8,
                    2 if at < line.len() => drop(line.remove(at)),
                    3 => line.extend_from_within(at..),
                    _ => {
                        line.splice(at..at, words[below(words.len())].bytes());
                    }
                }
            }
            // A line break inside is refused by us on purpose: no file could hold the entry.
            let broken = line.strip_suffix(b"\n").unwrap_or(&line).contains(&b'\n');
            if line.is_empty() || broken && !line.ends_with(b"\n\n") {
                continue;
            }
            let expected = match answer(&instance, &line) {
                // The interpreter is missing or cannot be executed: the line was all right.
                0 | libc::ENOENT | libc::EACCES | libc::ENOTDIR => true,
                EINVAL | libc::EEXIST | libc::ENAMETOOLONG => false,
                other => panic!("errno {other}: {}", String::from_utf8_lossy(&line)),
            };
            let ours = Rule::parse(&line);
            assert_eq!(ours.is_ok(), expected, "{ours:?}: {:?}", String::from_utf8_lossy(&line));
            *if expected { &mut taken } else { &mut refused } += 1;
        }
        assert!(taken > 1000 && refused > 1000, "{taken} {refused}");
    });
}

#[test]
fn control_files() {
    inside("control_files", |instance| {
        let dir = instance.dir().to_owned();
        let errno = |r: std::io::Result<Vec<u8>>| r.err().and_then(|e| e.raw_os_error());
        instance.register(&rule("arm64", "/x", "")).expect("registered");
        for (file, expected) in [("register", 0o200), ("status", 0o644), ("qemu-aarch64", 0o644)] {
            let mode = fs::metadata(dir.join(file)).expect("there").permissions().mode();
            assert_eq!(mode & 0o7777, expected, "{file}");
        }
        instance.clear().expect("cleared");
        assert_eq!(errno(fs::read(dir.join("register"))), Some(EINVAL));
        instance.register(&rule("arm64", "/usr/bin/qemu-aarch64-static", "OC")).expect("ok");
        let text = fs::read_to_string(dir.join("qemu-aarch64")).expect("read");
        assert_eq!(
            text,
            "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OC\noffset 0\n\
             magic 7f454c460201010000000000000000000200b700\n\
             mask ffffffffffffff000000000000000000feffffff\n"
        );
        for (value, ok) in [("0", true), ("1\n", true), ("2", false), ("on", false), ("", true)] {
            let written = fs::write(dir.join("qemu-aarch64"), value).is_ok();
            assert_eq!(written, ok, "{value:?}");
        }
        let removed = fs::remove_file(dir.join("qemu-aarch64"));
        // From 7.3 on the file can be removed.
        assert!(removed.is_ok() || removed.is_err_and(|e| e.raw_os_error() == Some(libc::EPERM)));
        instance.set_all_enabled(false).expect("written");
        instance.register(&rule("s390x", "/x", "")).expect("registering goes on");
        assert!(!instance.enabled());
        let stat = rustix::fs::statfs(&dir).expect("statfs");
        assert_eq!(stat.f_type, 0x4249_4e4d);
    });
}

#[test]
fn the_last_registered_wins() {
    inside("the_last_registered_wins", |instance| {
        let names = || -> Vec<String> {
            instance.entries().expect("readable").into_iter().map(|e| e.name).collect()
        };
        let add = |name: &str| {
            let rule = Rule { name: name.into(), ..rule("arm64", &format!("/{name}"), "") };
            instance.register(&rule).expect("registered");
        };
        ["q1", "q2", "q3"].iter().for_each(|name| add(name));
        assert_eq!(names(), ["q3", "q2", "q1"]);
        instance.set_enabled("q1", false).expect("written");
        instance.set_enabled("q1", true).expect("written");
        assert_eq!(names(), ["q3", "q2", "q1"]);
        instance.unregister("q2").expect("removed");
        // A lookup of what is not there does not disturb the order.
        assert!(!instance.dir().join("q2").exists());
        add("q2");
        assert_eq!(names(), ["q2", "q3", "q1"]);
        // What the order says is what the kernel does: each program gets another exit code.
        instance.clear().expect("cleared");
        let dir = empty_dir("kernel-order");
        let foreign = put(&dir.join("p.ext"), &program("arm64"), 0o755);
        let say = |code: u8| {
            let text = format!("#!/bin/sh\nexit {code}\n");
            put(&dir.join(format!("say{code}")), text.as_bytes(), 0o755)
        };
        let magic = |name: &str, code| Rule { name: name.into(), ..rule("arm64", &say(code), "") };
        instance.register(&magic("one", 1)).expect("registered");
        instance.register(&magic("two", 2)).expect("registered");
        assert_eq!(execute(&foreign), 2);
        let line = format!(":three:E::ext::{}:", say(3));
        instance.register_line(line.as_bytes()).expect("registered");
        assert_eq!(execute(&foreign), 3);
        instance.set_enabled("three", false).expect("written");
        assert_eq!(execute(&foreign), 2);
        let text = expect(0, &["which", &foreign]);
        assert!(text.contains("winner: two"), "{text}");
    });
}

/// Prints what it is given, as an interpreter.
const SHOW: &str = r#"
#include <stdio.h>
#include <sys/auxv.h>
int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) printf("%s ", argv[i]);
    printf("flags=%lu fd=%d secure=%lu\n", getauxval(AT_FLAGS), getauxval(AT_EXECFD) != 0,
           getauxval(AT_SECURE));
}
"#;

#[test]
fn what_each_flag_changes() {
    inside("what_each_flag_changes", |instance| {
        let dir = empty_dir("kernel-flags");
        let source = put(&dir.join("show.c"), SHOW.as_bytes(), 0o644);
        let show = dir.join("show").display().to_string();
        let cc = Command::new("cc").args(["-static", "-o", &show, &source]).status();
        assert!(cc.is_ok_and(|s| s.success()), "cc");
        let path = put(&dir.join("p"), &program("arm64"), 0o755);
        let rows = [
            ("", format!("{path} a1 flags=0 fd=0")),
            ("F", format!("{path} a1 flags=0 fd=0")),
            ("P", format!("{path} custom0 a1 flags=1 fd=0")),
            ("O", format!("{path} a1 flags=0 fd=1")),
            ("C", format!("{path} a1 flags=0 fd=1")),
            ("POCF", format!("{path} custom0 a1 flags=1 fd=1")),
        ];
        for (flags, expected) in rows {
            instance.register(&rule("arm64", &show, flags)).expect("registered");
            let printed = instance.entry("qemu-aarch64").expect("there").flags;
            assert_eq!(printed, Flags::parse(flags).expect("flags").to_string());
            let mut command = Command::new(&path);
            std::os::unix::process::CommandExt::arg0(&mut command, "custom0");
            let out = command.arg("a1").output().expect("runs");
            let text = String::from_utf8_lossy(&out.stdout);
            assert!(text.starts_with(&expected), "{flags}: {text}");
            instance.clear().expect("cleared");
        }
    });
}

#[test]
fn why_executing_fails() {
    inside("why_executing_fails", |instance| {
        let dir = empty_dir("kernel-errno");
        let path = put(&dir.join("p"), &program("arm64"), 0o755);
        let s390x = put(&dir.join("s390x"), &program("s390x"), 0o755);
        assert_eq!(execute(&path), -libc::ENOEXEC, "no entry");
        instance.register(&rule("arm64", &qemu("arm64"), "POCF")).expect("registered");
        assert_eq!(execute(&path), 42);
        instance.set_enabled("qemu-aarch64", false).expect("written");
        assert_eq!(execute(&path), -libc::ENOEXEC, "disabled");
        instance.set_enabled("qemu-aarch64", true).expect("written");
        instance.set_all_enabled(false).expect("written");
        assert_eq!(execute(&path), -libc::ENOEXEC, "disabled as a whole");
        instance.set_all_enabled(true).expect("written");
        let mut image = program("arm64");
        image[8..11].copy_from_slice(b"AI\x02");
        let image = put(&dir.join("image"), &image, 0o755);
        assert_eq!(execute(&image), 42, "our mask takes AppImages");
        let plain = put(&dir.join("plain"), &program("arm64"), 0o644);
        assert_eq!(execute(&plain), -libc::EACCES, "not executable");
        instance.clear().expect("cleared");
        let mut narrow = rule("arm64", &qemu("arm64"), "POCF");
        if let binfmt::Matcher::Magic { mask, .. } = &mut narrow.matcher {
            mask[8..16].fill(0xff);
        }
        instance.register(&narrow).expect("registered");
        assert_eq!((execute(&path), execute(&image)), (42, -libc::ENOEXEC), "QEMU's mask");
        for (interpreter, expected) in [
            (s390x.as_str(), -libc::ENOEXEC),
            ("/nonexistent", -libc::ENOENT),
            (plain.as_str(), -libc::EACCES),
            (path.as_str(), -libc::ELOOP),
        ] {
            instance.clear().expect("cleared");
            instance.register(&rule("arm64", interpreter, "")).expect("registered");
            assert_eq!(execute(&path), expected, "{interpreter}");
        }
        // A dynamic interpreter: well here, missing its loader in another root.
        instance.clear().expect("cleared");
        instance.register(&rule("arm64", "/bin/true", "F")).expect("registered");
        assert_eq!(execute(&path), 0);
        let text = expect(1, &["check", "arm64"]);
        assert!(text.contains("ENOENT"), "{text}");
    });
}

#[test]
fn an_interpreter_whose_mount_becomes_noexec() {
    inside("an_interpreter_whose_mount_becomes_noexec", |instance| {
        let (dir, mount) = (empty_dir("kernel-remount"), empty_dir("kernel-remount-at"));
        let none = rustix::mount::MountFlags::empty();
        rustix::mount::mount("tmpfs", &mount, "tmpfs", none, None).expect("mounted");
        let copy = mount.join("qemu");
        fs::copy(qemu("arm64"), &copy).expect("copied");
        let shown = copy.display().to_string();
        instance.register(&rule("arm64", &shown, "POCF")).expect("registered");
        let path = put(&dir.join("p"), &program("arm64"), 0o755);
        assert_eq!(execute(&path), 42);
        // The kernel's open file keeps the mount busy.
        let busy = rustix::mount::unmount(&mount, rustix::mount::UnmountFlags::empty());
        assert_eq!(busy, Err(rustix::io::Errno::BUSY));
        let noexec = rustix::mount::MountFlags::NOEXEC;
        rustix::mount::mount_remount(&mount, noexec, "").expect("remounted");
        assert_eq!(execute(&path), 1000 + libc::SIGSEGV);
        // Unmounted lazily it goes on working.
        rustix::mount::mount_remount(&mount, none, "").expect("remounted");
        let lazy = rustix::mount::UnmountFlags::DETACH;
        rustix::mount::unmount(&mount, lazy).expect("unmounted");
        assert_eq!(execute(&path), 42);
        let text = expect(0, &["which", &path, "--exec-proof"]);
        assert!(text.contains("the kernel started /qemu as"), "{text}");
    });
}

#[test]
fn the_kernel_keeps_the_file_that_was_registered() {
    inside("the_kernel_keeps_the_file_that_was_registered", |instance| {
        let dir = empty_dir("kernel-life");
        let path = put(&dir.join("p"), &program("arm64"), 0o755);
        let (copy, new) = (dir.join("qemu"), dir.join("new"));
        fs::copy(qemu("arm64"), &copy).expect("copied");
        let shown = copy.display().to_string();
        instance.register(&rule("arm64", &shown, "POCF")).expect("registered");
        for enabled in [true, false] {
            instance.set_enabled("qemu-aarch64", enabled).expect("written");
            for truncate in [false, true] {
                let open = fs::OpenOptions::new().write(true).truncate(truncate).open(&copy);
                assert_eq!(open.expect_err("busy").raw_os_error(), Some(libc::ETXTBSY));
            }
        }
        instance.set_enabled("qemu-aarch64", true).expect("written");
        // Something else at the path, even after switching off and on, changes nothing.
        put(&new, b"#!/bin/sh\nexit 1\n", 0o755);
        fs::rename(&new, &copy).expect("renamed");
        assert_eq!(execute(&path), 42);
        instance.set_enabled("qemu-aarch64", false).expect("written");
        instance.set_enabled("qemu-aarch64", true).expect("written");
        assert_eq!(execute(&path), 42);
        let text = expect(0, &["which", &path, "--exec-proof"]);
        assert!(text.contains("qemu (deleted) as:"), "{text}");
        // A copy in memory outlives everything, and shows its name.
        instance.clear().expect("cleared");
        let pinned = binfmt::pin::Pinned::new(Path::new(&qemu("arm64")), "emu-v1").expect("read");
        instance.register(&rule("arm64", &pinned.path(), "POCF")).expect("registered");
        drop(pinned);
        assert_eq!(execute(&path), 42);
        expect(0, &["check", "arm64"]);
        let text = expect(0, &["which", &path, "--exec-proof"]);
        assert!(text.contains("/memfd:emu-v1 (deleted)"), "{text}");
        // With the file still open for writing as well.
        instance.clear().expect("cleared");
        let pinned = binfmt::pin::Pinned::new(Path::new(&qemu("arm64")), "emu-v2").expect("read");
        instance.register(&rule("arm64", &pinned.path(), "POCF")).expect("registered");
        assert_eq!(execute(&path), 42);
        // The program that registers can register itself.
        instance.clear().expect("cleared");
        instance.register(&rule("arm64", "/proc/self/exe", "POCF")).expect("registered");
        let text = expect(0, &["which", &path, "--exec-proof"]);
        let own = std::env::current_exe().expect("the test has a file");
        assert!(text.contains(&format!("started {} as: /proc/self/exe", own.display())), "{text}");
        // An odd spelling is kept.
        instance.clear().expect("cleared");
        let odd = qemu("arm64").replacen('/', "/./", 1);
        instance.register(&rule("arm64", &odd, "POCF")).expect("registered");
        let text = expect(0, &["which", &path, "--exec-proof"]);
        assert!(text.contains(&format!("as: {odd} ")), "{text}");
    });
}

#[test]
fn user_namespaces() {
    inside("user_namespaces", |instance| {
        let at = binfmt::instance::DEFAULT_MOUNT;
        let dir = empty_dir("kernel-userns");
        let path = put(&dir.join("p"), &program("arm64"), 0o755);
        instance.register(&rule("arm64", &qemu("arm64"), "POCF")).expect("registered");
        let child = |script: &str| {
            let out = Command::new("unshare").args(["-Urm", "sh", "-c", script]).output();
            let out = out.expect("unshare starts");
            String::from_utf8_lossy(&out.stdout).trim().to_owned()
        };
        let run = format!("{path} 2>/dev/null; echo $?");
        assert_eq!(child(&run), "42", "the ancestor's instance is in force");
        let mount = format!("mount -t binfmt_misc x {at}");
        assert_eq!(child(&format!("{mount}; ls {at} | wc -l; {run}")), "2\n126", "an empty one");
        assert_eq!(
            child(&format!("{mount}; umount {at}; ls {at} | wc -l; {run}")),
            "3\n126",
            "the ancestor's entries are seen but not in force"
        );
        assert_eq!(
            child(&format!("{mount}; umount {at}; unshare -Urm sh -c '{run}'")),
            "126",
            "grandchildren inherit that"
        );
        let line = rule("arm64", &qemu("arm64"), "POCF").line().expect("valid");
        let add = format!("{mount}; printf %s '{line}' > {at}/register");
        assert_eq!(child(&format!("{add}; {run}")), "42", "one of its own");
        assert_eq!(
            child(&format!("{add}; umount {at}; {mount}; ls {at} | wc -l; {run}")),
            "2\n126",
            "the entries go with the last mount"
        );
        assert_eq!(
            child(&format!("{add}; exec 9< {at}/status; umount {at}; {run}")),
            "42",
            "an open file keeps them"
        );
        // The root's time is that of its making, whatever is registered.
        let ctime = || {
            let m = fs::metadata(at).expect("stat");
            (std::os::linux::fs::MetadataExt::st_ctime(&m), m.modified().expect("time"))
        };
        let before = ctime();
        std::thread::sleep(std::time::Duration::from_millis(30));
        instance.register(&rule("s390x", "/x", "")).expect("registered");
        assert_eq!(ctime(), before);
        let none = rustix::mount::MountFlags::empty();
        let again = dir.join("again");
        fs::create_dir(&again).expect("made");
        rustix::mount::mount("x", &again, "binfmt_misc", none, None).expect("mounted once more");
        let m = fs::metadata(&again).expect("stat");
        assert_eq!(
            (std::os::linux::fs::MetadataExt::st_ctime(&m), m.modified().expect("time")),
            before
        );
        assert!(again.join("qemu-s390x").exists(), "a second mount shows the same");
        // A child's root is the same user to the parent's files.
        let off = format!("unshare -Ur sh -c 'echo 0 >{at}/qemu-aarch64'; {run}");
        assert_eq!(child(&off), "126");
        instance.set_enabled("qemu-aarch64", true).expect("written");
    });
}
