//! What qemu-binfmt-conf.sh and multiarch's register.sh print: recorded runs, and the files that
//! QEMU 10.2's script writes.

use super::{multiarch, run};
use crate::fake::Fake;

fn golden(name: &str) -> String {
    let path = format!("{}/../../tests/golden/compat/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a golden file")
}

/// The recorded run had all emulators; here there are two, and ours.
#[test]
fn reset_p_yes_prints_what_was_recorded() {
    for line in [
        "register --reset -p yes",
        "register --reset -c yes -p yes",
        "register --reset --credential yes --persistent yes",
    ] {
        let mut m = Fake::new()
            .file("/usr/bin/qemu-riscv64-static", "x")
            .file("/usr/bin/qemu-s390x-static", "x");
        m.entry("qemu-old", "enabled\ninterpreter /q\nflags: \noffset 0\nmagic 01\n");
        m.entry("jar", "enabled\ninterpreter /j\nflags: \noffset 0\nmagic 02\n");
        let (code, out, err) = m.call(multiarch, line);
        assert_eq!(code, 0, "{err}");
        assert_eq!(out, golden("multiarch-reset-p-yes.txt"));
        assert_eq!(m.entries(), ["qemu-riscv64", "qemu-aarch64", "qemu-s390x", "jar"]);
        assert!(m.text("qemu-aarch64").contains("interpreter /proc/self/fd/9\nflags: POCF"));
        let hint = "hint: not registered, as there is no emulator here: alpha arm armeb ";
        assert!(err.starts_with(hint) && err.lines().count() == 1, "{err}");
    }
}

/// In the original's image all emulators are there.
#[test]
fn with_all_emulators_nothing_is_said_on_standard_error() {
    let mut m = Fake::new();
    for target in super::TARGETS {
        m = m.file(&format!("/usr/bin/qemu-{}-static", target.name), "x");
    }
    let (code, out, err) = m.call(multiarch, "register --reset -p yes");
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out, golden("multiarch-reset-p-yes.txt"));
    assert_eq!(m.entries().len(), 30);
    assert_eq!(
        m.text("qemu-aarch64"),
        "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: F\noffset 0\n\
         magic 7f454c460201010000000000000000000200b700\n\
         mask ffffffffffffff00fffffffffffffffffeffffff\n"
    );
}

#[test]
fn what_works_already_is_no_failure() {
    let mut m = Fake::new();
    assert_eq!(m.call(multiarch, "register -p yes").0, 0);
    let (code, _, err) = m.call(multiarch, "register -p yes");
    assert_eq!(code, 0);
    assert!(err.contains("sh: write error: File exists\n"), "{err}");
    m.strict = true;
    let (code, _, err) = m.call(multiarch, "register -p yes");
    assert_eq!(code, 1);
    let missing = 30 - binfmt::guests::emulated().len();
    assert_eq!(err.matches("sh: write error: No such file or directory\n").count(), missing);
}

#[test]
fn without_binfmt_misc_multiarch_says_what_to_do() {
    let mut m = Fake::new();
    m.mounted = false;
    let (code, _, err) = m.call(multiarch, "register --reset -p yes");
    assert_eq!(code, 4);
    assert!(err.contains("binfmt_misc failed: Operation not permitted\n"), "{err}");
}

/// What the command printed and the files that it wrote, as in the golden files, which the original
/// of QEMU 10.0 made.
fn exported(m: &mut Fake, line: &str) -> String {
    let (code, mut text, _) = m.call(run, line);
    assert_eq!(code, 0);
    for (path, bytes) in m.files.iter().filter(|(p, _)| p.starts_with("/out") && !p.ends_with("x"))
    {
        let name = path.file_name().unwrap_or_default().display();
        text += &format!("== {name}\n{}", String::from_utf8_lossy(bytes));
    }
    text
}

#[test]
fn exports_for_systemd_what_the_original_exports() {
    let mut m = Fake::new().file("/out/x", "");
    let line = "conf --systemd ALL --exportdir /out --qemu-path /usr/bin -p yes -c yes";
    assert_eq!(exported(&mut m, line), golden("conf-systemd-all.txt"));
    let err = m.call(run, "conf --systemd aarch64 -e /out").2;
    assert_eq!(err, "WARNING: systemd-binfmt.service is missing or disabled\n");
}

#[test]
fn exports_for_debian_what_the_original_exports() {
    let mut m = Fake::new().file("/out/x", "").file("/etc/debian_version", "13");
    let line = "conf --debian --exportdir /out --qemu-suffix -static --persistent yes";
    assert_eq!(exported(&mut m, line), golden("conf-debian-all.txt"));
    let err = m.call(run, "conf -d -e /out").2;
    assert_eq!(err, "WARNING: package binfmt-support is needed\n");
}

#[test]
fn mistakes_are_the_scripts() {
    let mut m = Fake::new();
    let (code, out, err) = m.call(run, "conf --systemd vax");
    assert_eq!((code, err.as_str()), (2, "ERROR: unknown CPU \"vax\"\n"));
    assert!(out.starts_with("Usage: qemu-binfmt-conf.sh "));
    assert_eq!(m.call(run, "conf --help").0, 0);
    m.strict = true;
    assert_eq!(m.call(run, "conf --help").0, 1);
    let err = m.call(run, "conf --nope --help").2;
    assert_eq!(err, "getopt: unrecognized option '--nope'\n");
    let err = m.call(run, "conf --debian --exportdir /nonexistent").2;
    assert!(err.ends_with("ERROR: cannot write to /nonexistent\n"), "{err}");
}

#[test]
fn families_keep_the_host_out() {
    let mut m = Fake::new().file("/out/x", "").var_set("HOST_ARCH", "riscv64");
    let count = |m: &mut Fake, line: &str| m.call(run, line).1.lines().count();
    assert_eq!(count(&mut m, "conf -s ALL -e /out"), 32);
    assert_eq!(count(&mut m, "conf -s ALL -e /out -i yes"), 33);
}
