//! The doctor: every code is provoked and recognised, `--fix` repairs what it can, and nothing is
//! reported of a healthy set-up.

use std::fs;
use std::process::Command;

use binfmt::{Instance, Matcher, Rule};
use it::Lab;
use it::entries::{empty_dir, program, put, qemu, rule};
use it::namespace::{anyarch, expect, inside, inside_unmounted};

/// What the doctor finds, without notes: `E-STALE qemu-arm`.
#[track_caller]
fn found(arguments: &[&str]) -> Vec<String> {
    let (out, err, _) = anyarch(&[&["doctor"], arguments].concat());
    assert!(err.is_empty(), "{err}");
    let of = |line: &str| {
        let line = line.strip_prefix("error[").or_else(|| line.strip_prefix("warning["))?;
        let (code, rest) = line.split_once(']')?;
        Some(format!("{code}{}", rest.split_once(':')?.0))
    };
    out.lines().filter_map(of).collect()
}

/// Finds exactly `expected`, repairs, and finds nothing any more.
#[track_caller]
fn fixed(expected: &[&str]) {
    assert_eq!(found(&[]), expected);
    let text = expect(0, &["doctor", "--fix"]);
    assert!(text.contains("fixing "), "{text}");
    assert_eq!(found(&[]), Vec::<String>::new());
}

#[test]
fn a_healthy_set_up_is_silent() {
    inside("a_healthy_set_up_is_silent", |_| {
        expect(0, &["install", "--allow-volatile"]);
        let text = expect(0, &["doctor"]);
        assert!(text.contains("nothing is wrong"), "{text}");
        // That it lasts no longer than the namespace is a note.
        assert!(text.contains("note[E-VOLATILE]"), "{text}");
        let root = Lab::open().root().display().to_string();
        let all = ["/bin/bash", "--rootfs", &root, "--arch", "arm64"];
        assert_eq!(found(&all), Vec::<String>::new());
        assert!(expect(0, &["repair"]).contains("nothing to repair"));
    });
}

#[test]
fn qemus_entries_with_all_flags_are_healthy() {
    inside("qemus_entries_with_all_flags_are_healthy", |instance| {
        for arch in ["arm64", "s390x", "riscv64", "mips64", "mips", "loong64", "arm"] {
            instance.register(&rule(arch, &qemu(arch), "POCF")).expect("registered");
        }
        assert_eq!(found(&[]), Vec::<String>::new());
    });
}

#[test]
fn no_module_no_mount() {
    inside_unmounted("no_module_no_mount", || {
        assert_eq!(found(&["--mount", "/nonexistent"]), ["E-NOMODULE /nonexistent"]);
        let at = binfmt::instance::DEFAULT_MOUNT;
        assert_eq!(found(&[]), [format!("E-NOMOUNT {at}")]);
        expect(0, &["doctor", "--fix"]);
        assert!(Instance::at(at).is_ok());
    });
}

#[test]
fn read_only_and_switched_off() {
    inside("read_only_and_switched_off", |instance| {
        let at = binfmt::instance::DEFAULT_MOUNT;
        expect(0, &["install", "--allow-volatile"]);
        instance.set_all_enabled(false).expect("written");
        fixed(&[&format!("E-GLOBALOFF {at}")]);
        let flags = rustix::mount::MountFlags::RDONLY;
        rustix::mount::mount_remount(at, flags, "").expect("remounted");
        assert_eq!(found(&[]), [format!("E-ROPROC {at}")]);
    });
}

#[test]
fn no_entry_and_disabled() {
    inside("no_entry_and_disabled", |instance| {
        assert_eq!(found(&["--arch", "arm64"]), ["E-NOENTRY arm64"]);
        let root = Lab::open().root().display().to_string();
        let file = ["/bin/bash", "--rootfs", &root];
        assert_eq!(found(&file), ["E-NOENTRY /bin/bash"]);
        expect(0, &["doctor", "--fix", "--arch", "arm64"]);
        assert_eq!(found(&["--arch", "arm64"]), Vec::<String>::new());
        instance.set_enabled("qemu-aarch64", false).expect("written");
        fixed(&["E-DISABLED qemu-aarch64"]);
    });
}

#[test]
fn missing_flags() {
    inside("missing_flags", |instance| {
        instance.register(&rule("arm64", &qemu("arm64"), "")).expect("registered");
        fixed(&["E-NOFLAGF qemu-aarch64", "W-NOCRED qemu-aarch64", "W-NOARGV0 qemu-aarch64"]);
        let entry = instance.entry("qemu-aarch64").expect("there");
        assert!(entry.flags == "POCF" && entry.interpreter == qemu("arm64"), "{entry:?}");
    });
}

#[test]
fn interpreters_that_cannot_work() {
    inside("interpreters_that_cannot_work", |instance| {
        let dir = empty_dir("doctor-interpreters");
        let script = put(&dir.join("script"), b"#!/bin/sh\n", 0o755);
        let plain = put(&dir.join("plain"), b"", 0o644);
        let cases = [
            ("/bin/true", "POCF", "E-DYNINTERP"),
            ("/bin/true", "POC", "E-DYNINTERP"),
            (script.as_str(), "POCF", "E-SCRIPTINTERP"),
            (plain.as_str(), "POC", "E-INTERPNOEXEC"),
            ("/nonexistent/qemu", "POC", "E-INTERPMISSING"),
        ];
        for (interpreter, flags, code) in cases {
            instance.clear().expect("cleared");
            instance.register(&rule("arm64", interpreter, flags)).expect("registered");
            fixed(&[&format!("{code} qemu-aarch64")]);
            assert!(instance.entry("qemu-aarch64").expect("ours").is_pinned());
        }
    });
}

#[test]
fn interpreters_on_a_noexec_mount() {
    inside("interpreters_on_a_noexec_mount", |instance| {
        let dir = empty_dir("doctor-noexec");
        let flags = rustix::mount::MountFlags::NOEXEC;
        rustix::mount::mount("tmpfs", &dir, "tmpfs", flags, None).expect("mounted");
        let copy = dir.join("qemu").display().to_string();
        fs::copy(qemu("arm64"), &copy).expect("copied");
        instance.register(&rule("arm64", &copy, "POC")).expect("registered");
        fixed(&["E-INTERPNOEXEC qemu-aarch64"]);
    });
}

#[test]
fn foreign_interpreters_and_loops() {
    inside("foreign_interpreters_and_loops", |instance| {
        let dir = empty_dir("doctor-foreign");
        let s390x = put(&dir.join("s390x"), &program("s390x"), 0o755);
        instance.register(&rule("arm64", &s390x, "POC")).expect("registered");
        assert_eq!(found(&[]), ["E-INTERPFOREIGN qemu-aarch64"]);
        instance.clear().expect("cleared");
        instance.register(&rule("s390x", &s390x, "POC")).expect("registered");
        assert_eq!(found(&[]), ["E-LOOP qemu-s390x"]);
    });
}

#[test]
fn native_programs_taken_over() {
    inside("native_programs_taken_over", |instance| {
        // Only ET_EXEC: the tools of this test are position-independent.
        let mut bad = rule("amd64", "/nonexistent", "");
        if let Matcher::Magic { mask, .. } = &mut bad.matcher {
            mask[16] = 0xff;
        }
        instance.register(&bad).expect("registered");
        let missing =
            binfmt::guests::emulated().into_iter().map(|g| format!("E-NOENTRY {}", g.name));
        let missing: Vec<_> = missing.collect();
        let missing: Vec<_> = missing.iter().map(String::as_str).collect();
        assert_eq!(found(&[]), [&["E-HIJACK qemu-x86_64"], &missing[..]].concat());
        instance.set_enabled("qemu-x86_64", false).expect("written");
        fixed(&[&missing[..], &["E-HIJACK qemu-x86_64"]].concat());
        assert!(instance.entry("qemu-x86_64").is_none());
    });
}

#[test]
fn replaced_and_deleted_files() {
    inside("replaced_and_deleted_files", |instance| {
        let dir = empty_dir("doctor-stale");
        let (path, new) = (dir.join("qemu"), dir.join("new"));
        let shown = path.display().to_string();
        fs::copy(qemu("arm64"), &path).expect("copied");
        instance.register(&rule("arm64", &shown, "POCF")).expect("registered");
        assert_eq!(found(&[]), Vec::<String>::new());
        let mut bytes = fs::read(&path).expect("read");
        bytes.push(0);
        put(&new, &bytes, 0o755);
        fs::rename(&new, &path).expect("renamed");
        assert!(expect(0, &["status"]).contains("stale"));
        fixed(&["E-STALE qemu-aarch64"]);
        fs::remove_file(&path).expect("removed");
        fixed(&["E-DELETED qemu-aarch64"]);
        assert!(instance.entry("qemu-aarch64").expect("ours").is_pinned());
    });
}

#[test]
fn order_and_names() {
    inside("order_and_names", |instance| {
        instance.register(&rule("arm64", &qemu("arm64"), "POCF")).expect("registered");
        let other = Rule { name: "other".into(), ..rule("arm64", &qemu("arm64"), "POCF") };
        instance.register(&other).expect("registered");
        // The winner works: that the other is hidden is a note.
        let text = expect(0, &["doctor"]);
        assert!(text.contains("note[E-SHADOWED] qemu-aarch64"), "{text}");
        instance.unregister("other").expect("removed");
        let other = Rule { name: "other".into(), ..rule("arm64", "/nonexistent", "POC") };
        instance.register(&other).expect("registered");
        assert_eq!(found(&[]), ["E-INTERPMISSING other", "E-SHADOWED qemu-aarch64"]);
        instance.clear().expect("cleared");
        let wrong = Rule { name: "qemu-s390x".into(), ..rule("arm64", &qemu("arm64"), "POCF") };
        instance.register(&wrong).expect("registered");
        fixed(&["E-DUPNAME qemu-s390x"]);
    });
}

#[test]
fn a_namespace_that_hides_its_parents_entries() {
    inside("a_namespace_that_hides_its_parents_entries", |_| {
        expect(0, &["install", "--allow-volatile"]);
        let own = Lab::open().anyarch.display().to_string();
        let at = binfmt::instance::DEFAULT_MOUNT;
        let guests = binfmt::guests::emulated();
        let names: Vec<_> = guests.iter().map(|g| g.name).collect();
        let script = format!(
            "mount -t binfmt_misc x {at}; umount {at}; ls {at}; '{own}' doctor; \
             '{own}' doctor --fix && '{own}' check {}",
            names.join(" ")
        );
        let out = Command::new("unshare").args(["-Urm", "sh", "-c", &script]).output().expect("ok");
        let text = String::from_utf8_lossy(&out.stdout);
        for guest in &guests {
            let error = format!("error[E-USERNS-SHADOW] qemu-{}", guest.qemu);
            assert!(text.contains(&error), "{text}");
        }
        let good: String = names.iter().map(|name| format!("{name}: ok\n")).collect();
        assert!(text.ends_with(&good), "{text}");
    });
}

#[test]
fn masks_that_refuse_programs() {
    inside("masks_that_refuse_programs", |instance| {
        let narrow = |arch: &str, from: usize| {
            let mut rule = rule(arch, &qemu(arch), "POCF");
            if let Matcher::Magic { mask, .. } = &mut rule.matcher {
                mask[from..16].fill(0xff);
            }
            rule
        };
        instance.register(&narrow("arm64", 8)).expect("registered");
        fixed(&["E-MASK-PAD qemu-aarch64"]);
        instance.clear().expect("cleared");
        instance.register(&narrow("mips64", 8)).expect("registered");
        fixed(&["E-MASK-ABIVERSION qemu-mips64", "E-MASK-PAD qemu-mips64"]);
        instance.clear().expect("cleared");
        let mut both = rule("mips", &qemu("mips"), "POCF");
        if let Matcher::Magic { magic, mask, .. } = &mut both.matcher {
            magic.truncate(20);
            mask.truncate(20);
        }
        instance.register(&both).expect("registered");
        fixed(&["E-MASK-MIPS qemu-mips"]);
    });
}

#[test]
fn setuid_interpreters_and_no_new_privileges() {
    inside("setuid_interpreters_and_no_new_privileges", |instance| {
        let copy = empty_dir("doctor-setuid").join("qemu");
        let bytes = fs::read(qemu("arm64")).expect("read");
        let path = put(&copy, &bytes, 0o4755);
        instance.register(&rule("arm64", &path, "POCF")).expect("registered");
        assert_eq!(found(&[]), ["W-SETUIDINTERP qemu-aarch64"]);
        let pattern = "--interpreter";
        let text = expect(1, &["install", "arm64", pattern, &path, "--allow-volatile"]);
        assert!(text.contains("it is setuid"), "{text}");
        instance.clear().expect("cleared");
        let out = Command::new("setpriv")
            .arg("--no-new-privs")
            .arg(Lab::open().anyarch)
            .arg("doctor")
            .output()
            .expect("setpriv starts");
        let text = String::from_utf8_lossy(&out.stdout);
        assert!(text.contains("warning[E-NNP]"), "{text}");
    });
}

#[test]
fn an_emulator_for_another_architecture() {
    inside("an_emulator_for_another_architecture", |instance| {
        instance.register(&rule("arm64", &qemu("s390x"), "POCF")).expect("registered");
        fixed(&["E-EXEC qemu-aarch64"]);
    });
}

#[test]
fn programs_and_their_mounts() {
    inside("programs_and_their_mounts", |_| {
        expect(0, &["install", "--allow-volatile"]);
        let dir = empty_dir("doctor-program");
        let path = put(&dir.join("plain"), &program("arm64"), 0o644);
        assert_eq!(found(&[&path]), [format!("E-TARGETNOEXEC {path}")]);
        let flags = rustix::mount::MountFlags::NOEXEC | rustix::mount::MountFlags::NOSUID;
        rustix::mount::mount("tmpfs", &dir, "tmpfs", flags, None).expect("mounted");
        let path = put(&dir.join("setuid"), &program("arm64"), 0o4755);
        assert_eq!(
            found(&[&path]),
            [format!("E-TARGETNOEXEC {path}"), format!("E-TARGETNOSUID {path}")]
        );
    });
}

#[test]
fn roots_that_lack_loaders_or_mix_architectures() {
    inside("roots_that_lack_loaders_or_mix_architectures", |_| {
        expect(0, &["install", "--allow-volatile"]);
        let root = empty_dir("doctor-mixed");
        let at = root.display().to_string();
        let dynamic = fs::read(Lab::open().root().join("usr/bin/true")).expect("read");
        put(&root.join("bin/true"), &dynamic, 0o755);
        let at_root = ["--rootfs", at.as_str()];
        assert_eq!(found(&[&["/bin/true"], &at_root[..]].concat()), ["E-GUESTLDSO /bin/true"]);
        put(&root.join("bin/sh"), &program("arm64"), 0o755);
        put(&root.join("bin/native"), &fs::read("/bin/true").expect("read"), 0o755);
        assert_eq!(
            found(&[&["/bin/native"], &at_root[..]].concat()),
            ["E-GUESTLDSO /bin/native", "E-WRONGARCH /bin/native"]
        );
        let loader = "lib64/ld-linux-x86-64.so.2";
        put(&root.join(loader), &program("arm64"), 0o755);
        assert_eq!(found(&[&["/bin/native"], &at_root[..]].concat()), ["E-WRONGARCH /bin/native"]);
        assert_eq!(found(&at_root), Vec::<String>::new());
    });
}

#[test]
fn thirty_two_bits_on_ext4() {
    inside("thirty_two_bits_on_ext4", |instance| {
        instance.register(&rule("arm", &qemu("arm"), "POCF")).expect("registered");
        let dir = empty_dir("doctor-ext4");
        let path = put(&dir.join("arm"), &program("arm"), 0o755);
        let stat = rustix::fs::statfs(&dir).expect("statfs");
        if stat.f_type == 0xef53 {
            assert_eq!(found(&[&path]), [format!("W-EOVERFLOW32 {path}")]);
        } else {
            println!("SKIP thirty_two_bits_on_ext4: the cache directory is not on ext4");
        }
    });
}

#[test]
fn restarts_and_other_tools() {
    inside("restarts_and_other_tools", |instance| {
        expect(0, &["install", "--allow-volatile"]);
        let root = empty_dir("doctor-restart");
        let at = root.display().to_string();
        let in_root = ["--root", at.as_str()];
        assert_eq!(found(&in_root), ["W-NOTPERSISTED"]);
        put(&root.join("usr/lib/systemd/systemd-binfmt"), b"", 0o755);
        assert_eq!(found(&in_root), ["W-SYSTEMD-FLUSH"]);
        expect(0, &["persist", "write", "--format", "systemd", "--root", &at]);
        assert_eq!(found(&in_root), Vec::<String>::new());
        instance.register_line(b":WSLInterop:M::MZ::/init:PF").unwrap_or_else(|_| {
            instance.register_line(b":WSLInterop:M::MZ::/init:P").expect("registered");
        });
        assert_eq!(found(&in_root), ["W-WSL WSLInterop"]);
        put(&root.join("etc/binfmt.d/WSLInterop.conf"), b"", 0o644);
        put(&root.join("usr/bin/podman"), b"", 0o755);
        instance.register_line(b":jar:E::jar::/usr/bin/java:").expect("registered");
        assert_eq!(found(&in_root), ["W-PODMAN-PARSE jar"]);
    });
}

#[test]
fn programs_in_memory_forbidden() {
    inside("programs_in_memory_forbidden", |_| {
        if fs::write("/proc/sys/vm/memfd_noexec", "2").is_err() {
            println!("SKIP programs_in_memory_forbidden: vm.memfd_noexec cannot be set here");
            return;
        }
        let text = expect(0, &["install", "--allow-volatile"]);
        assert!(!text.contains("held in memory"), "{text}");
        assert_eq!(found(&[]), ["W-MEMFDNOEXEC"]);
    });
}

#[test]
fn every_code_can_be_explained() {
    inside_unmounted("every_code_can_be_explained", || {
        let text = expect(2, &["doctor", "--explain", "E-NONSENSE"]);
        let codes = text.split_once("the codes are: ").expect("listed").1;
        assert!(codes.split_whitespace().count() > 30, "{codes}");
        for code in codes.split_whitespace() {
            let text = expect(0, &["doctor", "--explain", code]);
            assert!(text.starts_with(&format!("{code}: ")) && text.len() > 100, "{text}");
        }
    });
}
