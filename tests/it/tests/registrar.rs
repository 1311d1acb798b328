//! The registrar: what it says has happened has happened.

use std::fs;
use std::os::linux::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use binfmt::guests::emulated;
use binfmt::{Instance, Rule};
use it::Lab;
use it::entries::{self, guest, rule};
use it::namespace::{anyarch, expect, inside};

/// An entry as QEMU's tools make it.
fn foreign(instance: &Instance, arch: &str, interpreter: &str, flags: &str) {
    instance.register(&rule(arch, interpreter, flags)).expect("registered");
}

fn names(instance: &Instance) -> Vec<String> {
    instance.entries().expect("readable").into_iter().map(|e| e.name).collect()
}

#[test]
fn install_means_that_it_executes() {
    inside("install_means_that_it_executes", |instance| {
        let text = expect(0, &["install", "--allow-volatile"]);
        for guest in emulated() {
            let registered = format!("{}: registered as qemu-{}", guest.name, guest.qemu);
            assert!(text.contains(&registered) && text.contains("ran in"), "{text}");
            let entry = instance.entry(&format!("qemu-{}", guest.qemu)).expect("there");
            assert!(entry.enabled && entry.flags == "POCF" && entry.is_pinned(), "{entry:?}");
        }
        let text = expect(0, &["status"]);
        assert!(text.contains("ok ") && text.contains("anyarch-0"), "{text}");
        // The machine's own programs, then the others', the newest entry first.
        let all: String = emulated().iter().rev().map(|g| format!("{}: ok\n", g.name)).collect();
        assert_eq!(expect(0, &["check"]), format!("amd64: ok\n{all}"));
        expect(0, &["uninstall"]);
        assert!(names(&instance).is_empty());
        let text = expect(1, &["check", "arm64"]);
        assert!(text.contains("ENOEXEC"), "{text}");
    });
}

#[test]
fn what_vanishes_is_said_to() {
    inside("what_vanishes_is_said_to", |_| {
        let text = expect(6, &["install"]);
        assert!(text.contains("E-VOLATILE"), "{text}");
        expect(0, &["install", "--allow-volatile"]);
        assert!(expect(6, &["install", "--json"]).contains("\"volatile\": true"));
    });
}

#[test]
fn native_programs_are_not_taken_over() {
    inside("native_programs_are_not_taken_over", |instance| {
        for arch in ["amd64", "x86_64", "386"] {
            let text = expect(7, &["install", arch]);
            assert!(text.contains("natively"), "{text}");
        }
        // Forced, it is tried, and taken back as nothing would run any more.
        let (_, error, code) =
            anyarch(&["install", "--force", "amd64", "--interpreter", "/bin/ls"]);
        assert_ne!(code, 0, "{error}");
        assert!(names(&instance).is_empty());
        assert!(Command::new("/bin/true").status().is_ok_and(|s| s.success()));
    });
}

#[test]
fn a_working_entry_of_another_tool_is_outranked_and_comes_back() {
    inside("a_working_entry_of_another_tool_is_outranked_and_comes_back", |instance| {
        let oracle = Lab::open().oracle("sid").display().to_string();
        foreign(&instance, "arm64", &oracle, "OCF");
        let text = expect(0, &["install", "--allow-volatile", "arm64"]);
        assert!(text.contains("before qemu-aarch64, which stays"), "{text}");
        assert_eq!(names(&instance), ["anyarch-aarch64", "qemu-aarch64"]);
        let text = expect(0, &["uninstall"]);
        assert!(text.contains("qemu-aarch64 takes over"), "{text}");
        assert_eq!(names(&instance), ["qemu-aarch64"]);
        let text = expect(1, &["uninstall", "qemu-aarch64"]);
        assert!(text.contains("is not ours"), "{text}");
        let text = expect(0, &["install", "--allow-volatile", "--replace", "always", "arm64"]);
        assert!(text.contains("in the place of: :qemu-aarch64:M:0:"), "{text}");
        assert_eq!(names(&instance), ["qemu-aarch64"]);
    });
}

#[test]
fn a_broken_entry_of_another_tool_is_replaced() {
    inside("a_broken_entry_of_another_tool_is_replaced", |instance| {
        foreign(&instance, "arm64", "/nonexistent/qemu-aarch64", "");
        let text = expect(0, &["install", "--allow-volatile", "arm64"]);
        assert!(text.contains("in the place of: :qemu-aarch64:"), "{text}");
        assert_eq!(names(&instance), ["qemu-aarch64"]);
        // One command brings back what was there, even if it is of no use.
        let line = "qemu-aarch64 (/nonexistent/qemu-aarch64): ";
        let text = expect(0, &["uninstall", "-n"]);
        assert!(text.contains(&format!("{line}would be restored")), "{text}");
        let text = expect(0, &["uninstall"]);
        assert!(text.contains(&format!("{line}restored")), "{text}");
        let entry = instance.entry("qemu-aarch64").expect("as before");
        assert_eq!((entry.interpreter.as_str(), &*entry.flags), ("/nonexistent/qemu-aarch64", ""));
        assert!(expect(0, &["uninstall"]).contains("nothing of ours"));
    });
}

#[test]
fn no_notes_of_replaced_entries_are_left() {
    inside("no_notes_of_replaced_entries_are_left", |instance| {
        let notes = Path::new("/run/anyarch");
        expect(0, &["install", "--allow-volatile", "arm64"]);
        expect(0, &["uninstall"]);
        assert!(!notes.exists(), "there was nothing to note");
        let device = |p: &Path| fs::metadata(p).expect("there").st_dev();
        let gone = notes.join(format!("{:x}-1.000000001", device(instance.dir())));
        let other = notes.join(format!("{:x}-1.000000001", device(Path::new("/"))));
        for dir in [&gone, &other] {
            fs::create_dir_all(dir).expect("made");
            fs::write(dir.join("qemu-arm"), "").expect("written");
        }
        foreign(&instance, "arm64", "/nonexistent/qemu-aarch64", "");
        expect(0, &["install", "--allow-volatile", "arm64"]);
        // Two file systems cannot have had one number at the same time.
        assert!(!gone.exists() && other.exists());
        assert_eq!(fs::read_dir(notes).expect("there").count(), 2);
        expect(0, &["uninstall"]);
        assert_eq!(fs::read_dir(notes).expect("there").count(), 1);
        fs::remove_dir_all(&other).expect("removed");
        expect(0, &["install", "--allow-volatile", "arm64"]);
        expect(0, &["uninstall"]);
        assert!(!notes.exists());
    });
}

#[test]
fn what_would_be_done_is_what_is_refused() {
    inside("what_would_be_done_is_what_is_refused", |instance| {
        let at = "/proc/sys/fs/binfmt_misc";
        assert!(expect(0, &["install", "-n"]).contains("would be registered as qemu-aarch64\n  :"));
        expect(7, &["install", "-n", "amd64"]);
        expect(2, &["install", "-n", "s390x"]);
        expect(1, &["install", "-n", "s390x", "--interpreter", "/bin/true"]);
        let text = expect(5, &["install", "-n", "--json", "s390x", "arm64"]);
        assert!(text.contains("\"dry_run\": true") && text.contains("\"exit_code\": 2"), "{text}");
        foreign(&instance, "arm64", "/nonexistent", "");
        assert!(expect(0, &["install", "-n"]).contains("in the place of: :qemu-aarch64:"));
        assert!(expect(0, &["disable", "-n", "arm64"]).contains("would be disabled"));
        assert!(instance.entry("qemu-aarch64").is_some_and(|e| e.enabled));
        expect(1, &["repair", "nonsense"]);
        expect(2, &["doctor", "--rootfs", "/nonexistent"]);
        // Nothing is mounted over somebody's files.
        for command in ["status", "install", "uninstall", "snapshot"] {
            let text = expect(4, &[command, "--mount", "/usr"]);
            assert!(text.contains("is not empty"), "{text}");
        }
        let text = expect(0, &["status", "--mount", at]);
        assert!(text.contains("qemu-aarch64"), "{text}");
    });
}

#[test]
fn json_stands_alone_while_all_is_off() {
    inside("json_stands_alone_while_all_is_off", |instance| {
        foreign(&instance, "s390x", "/nonexistent", "");
        expect(0, &["disable", "--all"]);
        let text = expect(0, &["enable", "s390x"]);
        assert!(text.contains("binfmt_misc is disabled as a whole"), "{text}");
        let text = expect(0, &["enable", "s390x", "--json"]);
        assert!(text.contains("\"global_enabled\": false") && text.ends_with("\n}\n"), "{text}");
    });
}

#[test]
fn an_older_file_system_outlives_this_process() {
    inside("an_older_file_system_outlives_this_process", |instance| {
        foreign(&instance, "s390x", "/nonexistent", "");
        foreign(&instance, "riscv64", "/nonexistent", "");
        std::thread::sleep(std::time::Duration::from_millis(300));
        let lifetime = || {
            let script = format!("'{}' status --json --probe none", Lab::open().anyarch.display());
            let mut command = Command::new("unshare");
            let out = command.args(["-pf", "--mount-proc", "sh", "-c", &script]).output();
            let text = String::from_utf8(out.expect("unshare starts").stdout).expect("text");
            text.lines().find(|l| l.contains("lifetime")).expect("there").trim().to_owned()
        };
        assert_eq!(lifetime(), "\"lifetime\": \"machine\",");
        // A removal changes the times of the root.
        instance.unregister("qemu-s390x").expect("removed");
        assert_eq!(lifetime(), "\"lifetime\": \"machine\",");
    });
}

#[test]
fn what_does_not_execute_is_taken_back() {
    inside("what_does_not_execute_is_taken_back", |instance| {
        let text = expect(1, &["install", "riscv64", "--interpreter", "/bin/true"]);
        assert!(text.contains("it is dynamic"), "{text}");
        let text = expect(1, &["install", "riscv64", "--interpreter", "/bin/true", "--force"]);
        assert!(text.contains("ENOENT") && text.contains("nothing was changed"), "{text}");
        let text = expect(1, &["install", "riscv64", "--interpreter", "/nonexistent"]);
        assert!(text.contains("no such interpreter"), "{text}");
        assert!(names(&instance).is_empty());
        // Some and not all.
        let text = expect(5, &["install", "arm64", "s390x"]);
        assert!(text.contains("arm64: registered") && text.contains("s390x is not emulated"));
        expect(2, &["install", "vax"]);
    });
}

#[test]
fn an_upgrade_leaves_no_gap() {
    inside("an_upgrade_leaves_no_gap", |_| {
        expect(0, &["install", "--allow-volatile"]);
        let program = binfmt::probe::build(guest("arm64")).expect("built in");
        let path = Lab::open().scratch("gap").join("program");
        fs::write(&path, program).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, mode).expect("executable");
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let runner = scope.spawn(|| {
                let mut runs = 0;
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let status = Command::new(&path).status().expect("executes at every moment");
                    assert_eq!(status.code(), Some(42));
                    runs += 1;
                }
                runs
            });
            for _ in 0..10 {
                expect(0, &["install", "--allow-volatile"]);
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            let runs = runner.join().expect("no gap");
            assert!(runs > 20, "only {runs}");
        });
    });
}

#[test]
fn other_emulators_can_be_managed() {
    inside("other_emulators_can_be_managed", |instance| {
        let lab = Lab::open();
        let pattern =
            format!("{}/qemu-{{qemu}}", lab.oracle("sid").parent().expect("dir").display());
        let text = expect(0, &["install", "arm64", "--interpreter", &pattern, "--allow-volatile"]);
        assert!(text.contains("(flags POCF); a program ran"), "{text}");
        let entry = instance.entry("qemu-aarch64").expect("there");
        assert!(entry.interpreter.ends_with("/qemu-aarch64"), "{entry:?}");
        // It is ours to remove, unlike what others have registered.
        foreign(&instance, "s390x", "/nonexistent/qemu-s390x", "");
        assert!(expect(0, &["uninstall"]).contains("qemu-aarch64: removed"));
        assert_eq!(names(&instance), ["qemu-s390x"]);
        // By its path it shows where this program is.
        expect(0, &["install", "--pin", "path", "--allow-volatile"]);
        let entry = instance.entry("qemu-aarch64").expect("there");
        assert_eq!(entry.interpreter, lab.anyarch.display().to_string());
    });
}

#[test]
fn snapshots_keep_entries_order_and_state() {
    inside("snapshots_keep_entries_order_and_state", |instance| {
        let oracle = Lab::open().oracle("sid").display().to_string();
        foreign(&instance, "s390x", &oracle, "OCF");
        foreign(&instance, "riscv64", &oracle, "F");
        expect(0, &["install", "--allow-volatile", "arm64"]);
        expect(0, &["disable", "s390x"]);
        let before = instance.entries().expect("readable");
        let file = Lab::open().scratch("snapshot").join("saved").display().to_string();
        expect(0, &["snapshot", &file]);
        for spoil in [vec!["uninstall"], vec!["uninstall", "--force", "*"], vec!["enable", "*"]] {
            expect(0, &spoil);
            expect(0, &["restore", &file]);
            let after = instance.entries().expect("readable");
            let key = |all: &[binfmt::Entry]| {
                all.iter().map(|e| (e.name.clone(), e.enabled, e.flags.clone())).collect::<Vec<_>>()
            };
            assert_eq!(key(&after), key(&before));
        }
        expect(0, &["check", "arm64"]);
        assert!(expect(0, &["restore", &file]).contains("everything is as it was saved"));
    });
}

#[test]
fn which_says_who_and_why_not() {
    inside("which_says_who_and_why_not", |instance| {
        let oracle = Lab::open().oracle("sid").display().to_string();
        foreign(&instance, "arm64", &oracle, "OCF");
        foreign(&instance, "s390x", &oracle, "OCF");
        let root = Lab::open().root().display().to_string();
        let text = expect(0, &["which", "/bin/ls", "--root", &root, "--exec-proof"]);
        assert!(
            text.contains("qemu-s390x           no match at byte 5: file 01, magic 02"),
            "{text}"
        );
        assert!(text.contains("winner: qemu-aarch64"), "{text}");
        assert!(text.contains(&format!("proof: the kernel started {oracle}")), "{text}");
        expect(0, &["disable", "qemu-aarch64"]);
        let text = expect(1, &["which", "/bin/ls", "--root", &root, "--exec-proof"]);
        assert!(text.contains("match, but it is disabled") && text.contains("ENOEXEC"), "{text}");
        let text = expect(1, &["which", "ls", "--root", &root]);
        assert!(text.contains("bin/ls: arm64"), "{text}");
        let text = expect(0, &["which", "/bin/ls"]);
        assert!(text.contains("the kernel runs it itself"), "{text}");
    });
}

#[test]
fn a_held_file_system_outlives_its_mount() {
    inside("a_held_file_system_outlives_its_mount", |instance| {
        expect(0, &["install", "--allow-volatile"]);
        let mut holder = Command::new(Lab::open().anyarch)
            .arg("hold")
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        let out = holder.stdout.take().expect("piped");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).expect("read");
        let held = format!("holding {} entries", emulated().len());
        assert!(line.starts_with(&held), "{line}");
        rustix::mount::unmount(instance.dir(), rustix::mount::UnmountFlags::DETACH)
            .expect("unmounted");
        expect(0, &["check", "arm64"]);
        holder.kill().expect("killed");
        holder.wait().expect("reaped");
    });
}

#[test]
fn persistence_is_shown_written_and_removed() {
    inside("persistence_is_shown_written_and_removed", |_| {
        let root = entries::empty_dir("persist");
        let at = root.display().to_string();
        expect(2, &["persist", "show", "--root", "/nonexistent"]);
        for (format, file) in [
            ("systemd", "etc/binfmt.d/zz-anyarch.conf"),
            ("debian", "usr/share/binfmts/qemu-aarch64"),
            ("openrc", "etc/binfmt.d/zz-anyarch.conf"),
            ("runit", "etc/runit/core-services/99-anyarch.sh"),
        ] {
            let options = ["--format", format, "--root", &at];
            let call = |verb| [&["persist", verb], &options[..]].concat();
            let shown = expect(0, &call("show"));
            assert!(!root.join(file).exists());
            let written = expect(0, &call("write"));
            let text = fs::read_to_string(root.join(file)).expect("written");
            assert!(shown.contains(text.trim_end()) && written.contains(text.trim_end()));
            expect(0, &call("write"));
            expect(0, &call("remove"));
            assert!(!root.join(file).exists());
            fs::write(root.join(file), "of somebody else").expect("written");
            if format == "debian" {
                // There is another name for it.
                assert!(expect(0, &call("write")).contains("--import anyarch-aarch64"));
                expect(0, &call("remove"));
            } else {
                assert!(expect(1, &call("write")).contains("is not ours"));
            }
            assert_eq!(fs::read_to_string(root.join(file)).expect("kept"), "of somebody else");
            fs::remove_file(root.join(file)).expect("removed");
        }
        for format in ["wsl", "daemonset", "compose", "nixos"] {
            let text = expect(0, &["persist", "show", "--format", format, "--root", &at]);
            assert!(text.contains("written by anyarch"), "{text}");
        }
    });
}

#[test]
fn exported_forms_register_the_same() {
    inside("exported_forms_register_the_same", |instance| {
        let anyarch = Lab::open().anyarch.display().to_string();
        let script = expect(0, &["export", "--format", "sh", "--interpreter", &anyarch, "arm64"]);
        let status = Command::new("sh").args(["-c", &script]).status().expect("sh");
        assert!(status.success());
        let first = instance.entry("qemu-aarch64").expect("registered");
        expect(0, &["check", "arm64"]);
        let raw = expect(0, &["export", "--format", "raw", "--interpreter", &anyarch, "arm64"]);
        instance.clear().expect("cleared");
        instance.register_line(raw.trim_end().as_bytes()).expect("registered");
        assert_eq!(instance.entry("qemu-aarch64"), Some(first));
        let text = expect(0, &["export", "--format", "systemd"]);
        assert!(text.lines().skip(1).all(|l| Rule::parse(l.as_bytes()).is_ok()), "{text}");
    });
}
